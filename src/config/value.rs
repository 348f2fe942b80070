//! A value as written, read as what its key takes.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::error::Fault;
use super::{paths, units};
use crate::command::Command;

/// The longest time limit, and why not longer: deadlines are computed from it.
const LONGEST_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// A value, where it stands, and what is needed to understand it.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    written: &'a Spanned<DeValue<'a>>,
    home: Option<&'a Path>,
}

impl<'a> Value<'a> {
    pub(super) fn new(written: &'a Spanned<DeValue<'a>>, home: Option<&'a Path>) -> Self {
        Self { written, home }
    }

    /// The home directory.
    pub(super) fn home(self) -> Option<&'a Path> {
        self.home
    }

    /// A fault of this value.
    pub(super) fn fault(self, text: impl Into<String>) -> Fault {
        Fault::new(self.written.span(), text)
    }

    fn expected(self, what: &str) -> Fault {
        self.fault(format!("expected {what}"))
    }

    /// A string; `what` says of which kind.
    pub(super) fn text(self, what: &str) -> Result<&'a str, Fault> {
        match self.written.get_ref() {
            DeValue::String(text) => Ok(text),
            _ => Err(self.expected(what)),
        }
    }

    /// A string that is checked by `read`.
    pub(super) fn read<T>(
        self,
        what: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, Fault> {
        read(self.text(what)?).map_err(|why| self.fault(why))
    }

    pub(super) fn boolean(self) -> Result<bool, Fault> {
        match self.written.get_ref() {
            DeValue::Boolean(value) => Ok(*value),
            _ => Err(self.expected("true or false")),
        }
    }

    /// One of some words.
    pub(super) fn word<T: Copy>(self, words: &[(&str, T)]) -> Result<T, Fault> {
        let found = match self.written.get_ref() {
            DeValue::String(text) => words.iter().find(|(word, _)| word == text),
            _ => None,
        };
        found.map(|&(_, meaning)| meaning).ok_or_else(|| {
            let quoted: Vec<_> = words
                .iter()
                .map(|(word, _)| format!("\"{word}\""))
                .collect();
            self.expected(&quoted.join(" or "))
        })
    }

    /// A whole number.
    pub(super) fn number<T: TryFrom<u64>>(self, range: RangeInclusive<u64>) -> Result<T, Fault> {
        self.integer()
            .and_then(|number| number.ok())
            .filter(|number| range.contains(number))
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| {
                let (first, last) = range.into_inner();
                self.expected(&match last {
                    u64::MAX => format!("a whole number of at least {first}"),
                    _ => format!("a whole number from {first} to {last}"),
                })
            })
    }

    /// `None`: not an integer at all; an error: not one of ours (negative or too large).
    fn integer(self) -> Option<Result<u64, std::num::ParseIntError>> {
        match self.written.get_ref() {
            DeValue::Integer(number) => Some(integer(number)),
            _ => None,
        }
    }

    /// Octets: a size as a string, or a number.
    pub(super) fn size(self) -> Result<u64, Fault> {
        let form = "a size such as \"500k\", \"20M\", \"1G\", or a number of octets";
        match self.integer() {
            Some(Ok(octets)) => {
                units::parse_size(&octets.to_string()).map_err(|why| self.fault(why))
            }
            Some(Err(_)) => Err(self.expected(form)),
            None => self.read(form, units::parse_size),
        }
    }

    /// A time limit: a time as a string, or a number of seconds; never none at all.
    pub(super) fn limit(self) -> Result<Duration, Fault> {
        let form = "a time such as \"60s\", \"5m\", or a number of seconds";
        let time = match self.integer() {
            Some(Ok(seconds)) => Duration::from_secs(seconds),
            Some(Err(_)) => return Err(self.expected(form)),
            None => {
                let text = self.text(form)?;
                let seconds = text.parse().map(Duration::from_secs);
                seconds
                    .or_else(|_| units::parse_age(text))
                    .map_err(|_| self.expected(form))?
            }
        };
        if time.is_zero() || time > LONGEST_LIMIT {
            return Err(self.expected("a time from one second to a day"));
        }
        Ok(time)
    }

    /// A path that means the same wherever popfetch is started.
    pub(super) fn path(self) -> Result<PathBuf, Fault> {
        self.read("a path", |text| paths::absolute(text, self.home))
    }

    /// The path of a mailbox, which may hold `%A` and `%U`; still as written.
    pub(super) fn mailbox(self) -> Result<String, Fault> {
        self.read("a path", |text| {
            paths::absolute(text, self.home)?;
            paths::fill(text, "", "")?;
            Ok(text.to_owned())
        })
    }

    /// A command: an array of words or a string.
    pub(super) fn command(self) -> Result<Command, Fault> {
        let form = "a command: an array of words, or a string for /bin/sh";
        let command = match self.written.get_ref() {
            DeValue::Array(_) => {
                let words = self.list(|word| word.text("a string"))?;
                if words.iter().any(|word| word.contains('\0')) {
                    return Err(self.fault("a command cannot hold NUL"));
                }
                Command::words(words.into_iter().map(str::to_owned).collect(), self.home)
            }
            _ => {
                let line = self.text(form)?;
                if line.contains('\0') {
                    return Err(self.fault("a command cannot hold NUL"));
                }
                Command::shell(line.to_owned())
            }
        };
        command.map_err(|why| self.fault(why.to_string()))
    }

    /// The elements of an array; one value without brackets counts as an array of one.
    pub(super) fn list<T>(
        self,
        read: impl FnMut(Value<'a>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        match self.written.get_ref() {
            DeValue::Array(elements) => elements
                .iter()
                .map(|element| Self::new(element, self.home))
                .map(read)
                .collect(),
            _ => [self].into_iter().map(read).collect(),
        }
    }

    pub(super) fn table(self, what: &str) -> Result<&'a DeTable<'a>, Fault> {
        match self.written.get_ref() {
            DeValue::Table(table) => Ok(table),
            _ => Err(self.expected(what)),
        }
    }

    pub(super) fn is_table(self) -> bool {
        matches!(self.written.get_ref(), DeValue::Table(_))
    }
}

fn integer(number: &DeInteger<'_>) -> Result<u64, std::num::ParseIntError> {
    u64::from_str_radix(number.as_str(), number.radix())
}
