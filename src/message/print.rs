use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use memchr::memchr;
use sha2::{Digest as _, Sha256};

use super::header::{Field, Fields};

/// A message's fingerprint: 96 bits over its Message-ID, Date, From, To, Subject and Received lines.
///
/// It stands in journals: what goes into it must not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Print(pub [u8; 12]);

impl fmt::Display for Print {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl std::str::FromStr for Print {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut print = [0; 12];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut print) {
            Ok(12) if text.len() == 16 => Ok(Self(print)),
            _ => Err(()),
        }
    }
}

/// What makes a message this one. Servers add other fields, but leave these alone.
const NAMED: [&str; 6] = ["message-id", "date", "from", "to", "subject", "received"];

/// What servers write into a message when they write it into a mailbox, and change at every session.
const SERVERS_OWN: [&str; 9] = [
    "content-length",
    "lines",
    "status",
    "x-imap",
    "x-imapbase",
    "x-keywords",
    "x-status",
    "x-uid",
    "x-uidl",
];

pub(super) fn print(fields: Fields<'_>) -> Print {
    let mut named: Vec<(usize, Field<'_>)> = Vec::with_capacity(16);
    named.extend(
        fields
            .clone()
            .filter_map(|field| Some((NAMED.iter().position(|name| field.is(name))?, field))),
    );
    // Stable: fields of one name stay in their order, and only they have one that says something.
    named.sort_by_key(|(position, _)| *position);

    let mut text = Vec::with_capacity(fields.0.len());
    if named.is_empty() {
        fields
            .filter(|field| !SERVERS_OWN.iter().any(|name| field.is(name)))
            .for_each(|field| add(&mut text, &field));
    } else {
        named.iter().for_each(|(_, field)| add(&mut text, field));
    }
    let mut print = [0; 12];
    print.copy_from_slice(&Sha256::digest(&text)[..12]);
    Print(print)
}

/// `name:word word ...` and LF: blanks and folding are all one.
fn add(text: &mut Vec<u8>, field: &Field<'_>) {
    let name = text.len();
    text.extend_from_slice(field.name());
    text[name..].make_ascii_lowercase();
    text.push(b':');
    let value = text.len();
    let mut add_words = |words: &[u8]| {
        if text.len() > value {
            text.push(b' ');
        }
        text.extend_from_slice(words);
    };
    let mut rest = field.value();
    while !rest.is_empty() {
        let end = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        let line = rest[..end].trim_ascii();
        rest = &rest[end..];
        if is_even(line) {
            add_words(line);
        } else {
            line.split(u8::is_ascii_whitespace)
                .filter(|word| !word.is_empty())
                .for_each(&mut add_words);
        }
    }
    text.push(b'\n');
}

/// Whether a line without blanks around it is words with one space between them, as most are.
fn is_even(line: &[u8]) -> bool {
    let Some((_, behind)) = line.split_first() else {
        return false;
    };
    // Without a way out early it is done many octets at a time.
    !line.iter().zip(behind).fold(false, |odd, (octet, next)| {
        odd | (*next < b' ') | ((*octet == b' ') & (*next == b' '))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::super::Header;
    use super::*;

    fn print(message: &str) -> Print {
        let mut header = Header::default();
        header.push(message.as_bytes());
        header.print()
    }

    const MESSAGE: &str = "Received: from a by b; Mon, 1 Jan 2024 00:00:00 +0000\n\
        Received: from c by a; Sun, 31 Dec 2023 23:59:59 +0000\n\
        Message-ID: <1@x>\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n\
        From: a@x\nTo: b@x\nSubject: one two\n\nbody\n";

    #[test]
    fn it_never_changes() {
        // SHA-256 of the seven normalised lines, cut to 12 octets, computed independently.
        assert_eq!(print(MESSAGE).to_string(), "ey-0xOY0YpaMsu9G");
        assert_eq!(print("").to_string(), "47DEQpj8HBSa-_TI");
    }

    #[test]
    fn what_does_not_count() {
        for (what, same) in [
            ("the body", MESSAGE.replace("body", "text")),
            ("no body", MESSAGE.replace("\n\nbody\n", "\n\n")),
            ("no empty line", MESSAGE.replace("\n\nbody\n", "\n")),
            ("folding", MESSAGE.replace("one two", "one\n\ttwo")),
            ("blanks", MESSAGE.replace("one two", "  one   two  ")),
            (
                "blanks before the colon",
                MESSAGE.replace("Subject:", "Subject :"),
            ),
            ("case of names", MESSAGE.replace("Message-ID", "message-id")),
            (
                "CR CR LF line ends",
                MESSAGE.replace('\n', "\r\n").replace("body", ""),
            ),
            (
                "fields that servers add",
                format!("Status: RO\nX-UIDL: abc\n{MESSAGE}"),
            ),
            (
                "order of names",
                MESSAGE
                    .replace("From: a@x\n", "")
                    .replace("Subject:", "From: a@x\nSubject:"),
            ),
        ] {
            assert_eq!(print(&same), print(MESSAGE), "{what}");
        }
    }

    #[test]
    fn what_counts() {
        for (what, other) in [
            ("Subject", MESSAGE.replace("two", "three")),
            ("Message-ID", MESSAGE.replace("<1@x>", "<2@x>")),
            ("Date", MESSAGE.replace("Date: Mon", "Date: Tue")),
            ("From", MESSAGE.replace("a@x", "c@x")),
            ("To", MESSAGE.replace("b@x", "c@x")),
            ("each Received", MESSAGE.replace("from c", "from d")),
            ("a name", MESSAGE.replace("Subject:", "X-Subject:")),
            ("words", MESSAGE.replace("one two", "onetwo")),
        ] {
            assert_ne!(print(&other), print(MESSAGE), "{what}");
        }
    }

    #[test]
    fn a_header_without_these_counts_as_a_whole() {
        let plain = print("X-One: 1\nX-Two: 2\n\nbody");
        assert_eq!(print("Status: O\nX-One: 1\nX-Two:\n 2\n\n"), plain);
        assert_ne!(print("X-One: 1\nX-Two: 3\n\nbody"), plain);
        assert_ne!(print("\nbody"), plain);
        assert_eq!(print("\nbody"), print("\ntext"));
    }

    proptest! {
        #[test]
        fn any_blanks_between_words_are_one_space(
            octets in proptest::collection::vec(prop_oneof![Just(b' '), Just(b'\t'), Just(b'\n'), Just(b'\r'), Just(b'\x0c'), Just(b'\x0b'), Just(b'\0'), Just(b'a'), Just(b'\xe9')], 0..60),
        ) {
            let raw = [b"To:", &octets[..], b"\n"].concat();
            let folded: Vec<u8> = raw.split(|octet| *octet == b'\n').collect::<Vec<_>>().join(&b"\n "[..]);
            let words: Vec<&[u8]> = octets.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
            let mut text = Vec::new();
            let field = Fields(&folded).next();
            field.iter().for_each(|field| add(&mut text, field));
            prop_assert_eq!(text, [b"to:", &words.join(&b' ')[..], b"\n"].concat());
        }
    }

    #[test]
    fn text_and_back() {
        let it = print(MESSAGE);
        assert_eq!(it.to_string().parse(), Ok(it));
        for bad in [
            "",
            "AAAA",
            "AAAAAAAAAAAAAAA=",
            "AAAAAAAAAAAAAAA!",
            "AAAAAAAAAAAAAAAAAAAA",
        ] {
            assert_eq!(bad.parse::<Print>(), Err(()), "{bad}");
        }
    }
}
