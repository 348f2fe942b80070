//! The mbox format (RFC 4155, and mboxrd): From_ line, and lines of a message that look like one.

use jiff::{Timestamp, tz::TimeZone};
use memchr::{memmem, memrchr};

use crate::deliver::Quoting;

const FROM: &[u8] = b"From ";

/// `From SENDER Sun Nov 22 01:48:54 2026`, in UTC.
pub(super) fn from_line(sender: &str, received: i64) -> String {
    // A word, or the date after it would not be found.
    let plain = !sender.is_empty() && sender.bytes().all(|octet| octet.is_ascii_graphic());
    let sender = if plain { sender } else { "MAILER-DAEMON" };
    let received = Timestamp::from_second(received).unwrap_or(Timestamp::UNIX_EPOCH);
    let date = received.to_zoned(TimeZone::UTC);
    format!("From {sender} {}\n", date.strftime("%a %b %e %H:%M:%S %Y"))
}

/// Quotes a message that comes in pieces, each piece in one pass and without a copy.
#[derive(Debug)]
pub(super) struct Quote {
    quoting: Quoting,
    at: At,
}

/// Where in a line the last piece ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// At its beginning, or behind nothing but `>`.
    Start,
    /// Behind the first so many octets of [`FROM`], which are held back until it is known what they become.
    Held(usize),
    /// In a line that needs no quoting.
    Rest,
}

impl Quote {
    /// For a message; its first line counts like any other.
    pub(super) fn new(quoting: Quoting) -> Self {
        Self {
            quoting,
            at: At::Start,
        }
    }

    /// Takes the next piece and puts out what it becomes.
    ///
    /// `>` is put right before `From `: behind the `>` that may stand there already, which comes to the same.
    pub(super) fn push<E>(
        &mut self,
        piece: &[u8],
        mut put: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let begun = self.begin(piece, &mut put)?;
        let piece = &piece[begun..];
        if piece.is_empty() {
            return Ok(());
        }
        // Now in a line whose beginning is dealt with.
        let mut done = 0;
        for found in memmem::find_iter(piece, FROM) {
            if self.quotes(&piece[..found]) {
                put(&piece[done..found])?;
                put(b">")?;
                done = found;
            }
        }
        let held = self.end(piece);
        put(&piece[done..piece.len() - held])
    }

    /// The message is whole: puts out what was held back.
    pub(super) fn end_message<E>(
        &mut self,
        mut put: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        match std::mem::replace(&mut self.at, At::Start) {
            At::Held(held) => put(&FROM[..held]),
            At::Start | At::Rest => Ok(()),
        }
    }

    /// Deals with the beginning of a line; gives the octets of `piece` that are put out or held.
    fn begin<E>(
        &mut self,
        piece: &[u8],
        put: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<usize, E> {
        let mut taken = 0;
        while self.at != At::Rest && taken < piece.len() {
            let octet = piece[taken];
            match self.at {
                At::Start if octet == b'>' && self.quoting == Quoting::Mboxrd => {
                    let quotes = piece[taken..].iter().take_while(|&&octet| octet == b'>');
                    let end = taken + quotes.count();
                    put(&piece[taken..end])?;
                    taken = end;
                }
                At::Start if octet == FROM[0] => {
                    self.at = At::Held(1);
                    taken += 1;
                }
                At::Held(held) if octet == FROM[held] => {
                    taken += 1;
                    if held + 1 == FROM.len() {
                        put(b">From ")?;
                        self.at = At::Rest;
                    } else {
                        self.at = At::Held(held + 1);
                    }
                }
                at => {
                    if let At::Held(held) = at {
                        put(&FROM[..held])?;
                    }
                    self.at = At::Rest;
                }
            }
        }
        Ok(taken)
    }

    /// Whether a `From ` behind these octets is at the beginning of a line, as far as quoting goes.
    fn quotes(&self, before: &[u8]) -> bool {
        let line = match self.quoting {
            Quoting::Mboxrd => before
                .iter()
                .rposition(|&octet| octet != b'>')
                .map_or(0, |last| last + 1),
            Quoting::Mboxo => before.len(),
        };
        before[..line].last() == Some(&b'\n')
    }

    /// Remembers where in a line a piece ends; gives how many of its last octets are held back.
    fn end(&mut self, piece: &[u8]) -> usize {
        self.at = At::Rest;
        // No newline in it: still in the line whose beginning was dealt with.
        if let Some(newline) = memrchr(b'\n', piece) {
            let line = &piece[newline + 1..];
            let quotes = match self.quoting {
                Quoting::Mboxrd => line.iter().take_while(|&&octet| octet == b'>').count(),
                Quoting::Mboxo => 0,
            };
            let rest = &line[quotes..];
            if rest.is_empty() {
                self.at = At::Start;
            } else if rest.len() < FROM.len() && FROM.starts_with(rest) {
                self.at = At::Held(rest.len());
                return rest.len();
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    fn quoted(quoting: Quoting, pieces: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut quote = Quote::new(quoting);
        let mut put = |octets: &[u8]| -> Result<(), Infallible> {
            out.extend_from_slice(octets);
            Ok(())
        };
        for piece in pieces {
            quote.push(piece, &mut put).unwrap();
        }
        quote.end_message(&mut put).unwrap();
        out
    }

    /// By the letter of the formats, a line at a time.
    fn by_lines(quoting: Quoting, message: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for line in message.split_inclusive(|&octet| octet == b'\n') {
            let quotes = line.iter().take_while(|&&octet| octet == b'>').count();
            let quotes = if quoting == Quoting::Mboxo { 0 } else { quotes };
            if line[quotes..].starts_with(b"From ") {
                out.push(b'>');
            }
            out.extend_from_slice(line);
        }
        out
    }

    #[test]
    fn lines() {
        for (plain, mboxrd, mboxo) in [
            ("", "", ""),
            ("a\n", "a\n", "a\n"),
            ("From x\n", ">From x\n", ">From x\n"),
            (">From x\n", ">>From x\n", ">From x\n"),
            (">>From ", ">>>From ", ">>From "),
            ("a\nFrom x\nb", "a\n>From x\nb", "a\n>From x\nb"),
            ("a From x\n", "a From x\n", "a From x\n"),
            ("From\n", "From\n", "From\n"),
            ("from x\n", "from x\n", "from x\n"),
            ("From: x\n", "From: x\n", "From: x\n"),
            ("> From x\n", "> From x\n", "> From x\n"),
            ("FFrom x\n", "FFrom x\n", "FFrom x\n"),
            ("Fro", "Fro", "Fro"),
            ("\n\n>", "\n\n>", "\n\n>"),
            (
                "\n>>>>From From \nFrom ",
                "\n>>>>>From From \n>From ",
                "\n>>>>From From \n>From ",
            ),
        ] {
            for (quoting, expected) in [(Quoting::Mboxrd, mboxrd), (Quoting::Mboxo, mboxo)] {
                let whole = quoted(quoting, &[plain.as_bytes()]);
                assert_eq!(whole, expected.as_bytes(), "{quoting:?} {plain:?}");
                let octets: Vec<_> = plain.as_bytes().chunks(1).collect();
                let split = quoted(quoting, &octets);
                assert_eq!(split, expected.as_bytes(), "{quoting:?} {plain:?} split");
            }
        }
    }

    #[test]
    fn from_lines() {
        for (sender, received, line) in [
            (
                "a@b.example",
                1_795_312_134,
                "From a@b.example Sun Nov 22 01:48:54 2026\n",
            ),
            ("", 0, "From MAILER-DAEMON Thu Jan  1 00:00:00 1970\n"),
            (
                "a b\n",
                86_399,
                "From MAILER-DAEMON Thu Jan  1 23:59:59 1970\n",
            ),
            ("x", i64::MAX, "From x Thu Jan  1 00:00:00 1970\n"),
        ] {
            assert_eq!(from_line(sender, received), line);
        }
    }

    proptest! {
        #[test]
        fn splits_do_not_matter(
            message in "([>\nFrom x]|From |>From |\nFrom |\n>){0,60}",
            cuts in proptest::collection::vec(0usize..400, 0..12),
        ) {
            let message = message.as_bytes();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut % (message.len() + 1)).collect();
            cuts.extend([0, message.len()]);
            cuts.sort_unstable();
            let pieces: Vec<_> = cuts.windows(2).map(|cut| &message[cut[0]..cut[1]]).collect();
            for quoting in [Quoting::Mboxrd, Quoting::Mboxo] {
                prop_assert_eq!(quoted(quoting, &pieces), by_lines(quoting, message));
            }
        }
    }
}
