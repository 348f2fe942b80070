//! Lines of the journal: written, and read back.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::escape::{field, is_uid_field, uid_field, unescape};
use super::{Identity, Line};
use crate::deliver::{Destination, Kind, Member, Sum};
use crate::message::Print;

/// The version of the format, in the header line.
const FORMAT: &str = "1";

/// Octets of a failure's reason that are kept.
const LONGEST_WHY: usize = 200;

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Destination(destination) => write!(
                f,
                "d {} {} {}",
                kind_word(destination.kind),
                destination.inode,
                field(destination.path.as_os_str().as_bytes())
            ),
            Self::Intent {
                time,
                name,
                print,
                uid,
            } => write!(
                f,
                "i {time} {} {} {}",
                field(name.as_bytes()),
                Short(print.0),
                uid_field(uid)
            ),
            Self::Region {
                time,
                offset,
                length,
                before,
            } => write!(f, "r {time} {offset} {length} {}", Short(before.0)),
            Self::Member { member, print, uid } => write!(
                f,
                "m {} {} {} {}",
                member.length,
                Short(member.sum.0),
                Short(print.0),
                uid_field(uid)
            ),
            Self::Delivered { time, print, uid } => {
                write!(f, "s {time} {} {}", Short(print.0), uid_field(uid))
            }
            Self::Known { time, uid } => write!(f, "k {time} {}", uid_field(uid)),
            Self::Undone { uid } => write!(f, "u {}", uid_field(uid)),
            Self::Deleted { time, uid } => write!(f, "x {time} {}", uid_field(uid)),
            Self::Absent { time, uid } => write!(f, "a {time} {}", uid_field(uid)),
            Self::Failed {
                time,
                count,
                uid,
                why,
            } => write!(f, "f {time} {count} {} {}", uid_field(uid), one_line(why)),
        }
    }
}

/// A line as read: as [`Line`], its unique-id still escaped.
#[derive(Debug)]
pub(super) enum Entry<'a> {
    Destination(Destination),
    Intent {
        time: i64,
        name: String,
        print: Print,
        uid: &'a str,
    },
    Region {
        time: i64,
        offset: u64,
        length: u64,
        before: Sum,
    },
    Member {
        member: Member,
        print: Print,
        uid: &'a str,
    },
    Delivered {
        time: i64,
        print: Print,
        uid: &'a str,
    },
    Known {
        time: i64,
        uid: &'a str,
    },
    Undone {
        uid: &'a str,
    },
    Deleted {
        time: i64,
        uid: &'a str,
    },
    Absent {
        time: i64,
        uid: &'a str,
    },
    Failed {
        time: i64,
        count: u32,
        uid: &'a str,
        why: &'a str,
    },
}

impl<'a> Entry<'a> {
    /// Reads a line without its LF; an error says what is wrong with it.
    pub(super) fn parse(line: &'a [u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(line).map_err(|_| "not UTF-8")?;
        let mut fields = Fields(Some(text));
        let entry = match fields.next()? {
            "d" => Self::Destination(Destination {
                kind: match fields.next()? {
                    "maildir" => Kind::Maildir,
                    "mbox" => Kind::Mbox,
                    "mda" => Kind::Mda,
                    _ => return Err("not a kind of destination"),
                },
                inode: fields.number()?,
                path: PathBuf::from(OsString::from_vec(fields.octets()?)),
            }),
            "i" => Self::Intent {
                time: fields.number()?,
                name: String::from_utf8(fields.octets()?).map_err(|_| "not a file name")?,
                print: Print(fields.short()?),
                uid: fields.uid()?,
            },
            "r" => Self::Region {
                time: fields.number()?,
                offset: fields.number()?,
                length: fields.number()?,
                before: Sum(fields.short()?),
            },
            "m" => Self::Member {
                member: Member {
                    length: fields.number()?,
                    sum: Sum(fields.short()?),
                },
                print: Print(fields.short()?),
                uid: fields.uid()?,
            },
            "s" => Self::Delivered {
                time: fields.number()?,
                print: Print(fields.short()?),
                uid: fields.uid()?,
            },
            "k" => Self::Known {
                time: fields.number()?,
                uid: fields.uid()?,
            },
            "u" => Self::Undone { uid: fields.uid()? },
            "x" => Self::Deleted {
                time: fields.number()?,
                uid: fields.uid()?,
            },
            "a" => Self::Absent {
                time: fields.number()?,
                uid: fields.uid()?,
            },
            "f" => Self::Failed {
                time: fields.number()?,
                count: fields.number()?,
                uid: fields.uid()?,
                why: fields.rest()?,
            },
            _ => return Err("not a line of a journal"),
        };
        match fields.0 {
            None => Ok(entry),
            Some(_) => Err("a field too many"),
        }
    }
}

/// The fields of a line that are not read yet.
struct Fields<'a>(Option<&'a str>);

impl<'a> Fields<'a> {
    fn next(&mut self) -> Result<&'a str, &'static str> {
        let text = self.0.take().ok_or("a field is missing")?;
        // Fields are short: looking octet by octet is faster than a search that has to be set up.
        let Some(end) = text.bytes().position(|octet| octet == b' ') else {
            return Ok(text);
        };
        self.0 = Some(&text[end + 1..]);
        Ok(&text[..end])
    }

    fn number<T: FromStr>(&mut self) -> Result<T, &'static str> {
        self.next()?.parse().map_err(|_| "not a number")
    }

    fn short(&mut self) -> Result<[u8; 12], &'static str> {
        parse_short(self.next()?).ok_or("not a fingerprint or sum")
    }

    fn octets(&mut self) -> Result<Vec<u8>, &'static str> {
        match self.next()? {
            text if text.bytes().all(|octet| octet.is_ascii_graphic()) => Ok(unescape(text)),
            _ => Err("not a path or name"),
        }
    }

    fn rest(&mut self) -> Result<&'a str, &'static str> {
        match self.0.take() {
            Some(text) if text.contains(char::is_control) => Err("control characters"),
            text => Ok(text.unwrap_or_default()),
        }
    }

    fn uid(&mut self) -> Result<&'a str, &'static str> {
        let text = self.next()?;
        if is_uid_field(text) {
            Ok(text)
        } else {
            Err("not a unique-id")
        }
    }
}

/// The line that ends a write; the number is the octets before it that were not flushed when it was written,
/// the other lines of its own write included.
pub(super) fn end_line(unflushed: usize) -> String {
    format!("= {unflushed}\n")
}

/// Reads the line that ends a write: the octets before it that may not have been flushed. Without a number
/// `write`, the octets of its own write before it.
pub(super) fn parse_end(line: &[u8], write: usize) -> Option<usize> {
    match line {
        b"=" => Some(write),
        [b'=', b' ', digits @ ..] => std::str::from_utf8(digits).ok()?.parse().ok(),
        _ => None,
    }
}

/// The first line: format version, user, host and, unless it is 0, the latest time of all lines that a compaction
/// left out.
pub(super) fn header_line(identity: &Identity, last_time: i64) -> String {
    let user = field(identity.user.as_bytes());
    let host = field(identity.host.as_bytes());
    match last_time {
        0 => format!("popfetch {FORMAT} {user} {host}\n"),
        _ => format!("popfetch {FORMAT} {user} {host} {last_time}\n"),
    }
}

/// Why a first line is not a header of ours.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoHeader {
    /// Nothing that popfetch wrote.
    Foreign,
    /// A later format.
    Newer,
    /// Ours, but not as we wrote it.
    Damaged,
}

/// Reads the first line, without its LF; the time may be missing.
pub(super) fn parse_header(line: &[u8]) -> Result<(Identity, i64), NoHeader> {
    if !line.starts_with(b"popfetch ") {
        return Err(NoHeader::Foreign);
    }
    let text = std::str::from_utf8(line).map_err(|_| NoHeader::Damaged)?;
    let mut words = text.split(' ').skip(1);
    match words.next() {
        Some(FORMAT) => {}
        Some(version) if version.parse::<u32>().is_ok() => return Err(NoHeader::Newer),
        _ => return Err(NoHeader::Damaged),
    }
    let mut name = || {
        words
            .next()
            .filter(|word| !word.is_empty() && word.bytes().all(|octet| octet.is_ascii_graphic()))
            .and_then(|word| String::from_utf8(unescape(word)).ok())
            .ok_or(NoHeader::Damaged)
    };
    let identity = Identity {
        user: name()?,
        host: name()?,
    };
    let time = words.next().map_or(Ok(0), str::parse);
    match (time, words.next()) {
        (Ok(time), None) => Ok((identity, time)),
        _ => Err(NoHeader::Damaged),
    }
}

/// Text from strangers on one line: no control characters, none that turn the writing direction.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::new();
    let harmless = |letter: char| match letter {
        '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {
            ' '
        }
        _ if letter.is_control() => ' ',
        _ => letter,
    };
    for letter in text.chars().map(harmless) {
        let letter = if letter.is_whitespace() { ' ' } else { letter };
        if line.len() + letter.len_utf8() > LONGEST_WHY {
            break;
        }
        if letter != ' ' || !(line.is_empty() || line.ends_with(' ')) {
            line.push(letter);
        }
    }
    line.truncate(line.trim_end().len());
    line
}

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Maildir => "maildir",
        Kind::Mbox => "mbox",
        Kind::Mda => "mda",
    }
}

/// Twelve octets as sixteen letters; all zero, which no hash gives, stands for none known: `-`.
struct Short([u8; 12]);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == [0; 12] {
            return f.write_str("-");
        }
        let mut letters = [0; 16];
        match URL_SAFE_NO_PAD.encode_slice(self.0, &mut letters) {
            Ok(_) => f.write_str(std::str::from_utf8(&letters).map_err(|_| fmt::Error)?),
            Err(_) => Err(fmt::Error),
        }
    }
}

fn parse_short(text: &str) -> Option<[u8; 12]> {
    let mut octets = [0; 12];
    match text {
        "-" => Some(octets),
        _ if text.len() != 16 => None,
        _ => URL_SAFE_NO_PAD
            .decode_slice(text, &mut octets)
            .ok()
            .map(|_| octets),
    }
}
