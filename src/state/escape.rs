//! Octets as fields of a line, and account names as file names.

use std::borrow::Cow;
use std::fmt::Write as _;

use memchr::memchr;
use sha2::{Digest as _, Sha256};

/// Octets of a unique-id as written; longer ones are hashed.
const LONGEST_UID: usize = 255;

/// Octets of an account's name in a file name; file systems allow 255, and siblings need an ending of their own.
const LONGEST_NAME: usize = 160;

/// A unique-id as the journal writes it: octets outside 0x21-0x7E and `%` as %XX; what is then longer than 255
/// octets: `~` and the SHA-256 of the unique-id; an empty one: `%` alone.
///
/// Two unique-ids never share a text, except that of a long one and a unique-id that spells its hash: so a hash
/// taken from the journal finds its record again.
pub fn escape(uid: &[u8]) -> String {
    uid_field(uid).into_owned()
}

/// [`escape`], without a copy where nothing needs escaping.
pub(super) fn uid_field(uid: &[u8]) -> Cow<'_, str> {
    let text = field(uid);
    if text.len() <= LONGEST_UID {
        return text;
    }
    Cow::Owned(format!("~{}", sha256(uid)))
}

/// A unique-id back from its text, as far as it can be told: one that was hashed stays its hash.
pub fn unescape(text: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some(at) = memchr(b'%', rest) {
        octets.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        match rest {
            [] => {}
            [high, low, after @ ..] if let Some(octet) = hex(*high, *low) => {
                octets.push(octet);
                rest = after;
            }
            _ => octets.push(b'%'),
        }
    }
    octets.extend_from_slice(rest);
    octets
}

/// Any octets as one field of a line.
pub(super) fn field(octets: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(octets) {
        Ok(text) if !text.is_empty() && octets.iter().all(|octet| is_plain(*octet)) => {
            Cow::Borrowed(text)
        }
        _ if octets.is_empty() => Cow::Borrowed("%"),
        _ => {
            let mut text = String::with_capacity(octets.len() + 16);
            for octet in octets {
                if is_plain(*octet) {
                    text.push(char::from(*octet));
                } else {
                    push_escaped(&mut text, *octet);
                }
            }
            Cow::Owned(text)
        }
    }
}

/// Whether a unique-id in a file is one that [`escape`] writes: any other would never be found again.
pub(super) fn is_uid_field(text: &str) -> bool {
    // Without a way out early it is done many octets at a time.
    let plain = text.bytes().fold(true, |all, octet| all & is_plain(octet));
    !text.is_empty() && text.len() <= LONGEST_UID && (plain || field(&unescape(text)) == text)
}

/// The file name of an account's journal in the state directory: what a path cannot hold (`/`, control octets, a
/// leading `.`) is escaped as %XX, and a long name is cut and ends in its hash.
pub fn file_name(account: &str) -> String {
    let mut name = String::with_capacity(account.len() + 8);
    for (at, letter) in account.char_indices() {
        match letter {
            '.' if at == 0 => name.push_str("%2E"),
            '/' | '%' | '\0'..='\x1F' | '\x7F' => push_escaped(&mut name, letter as u8),
            _ => name.push(letter),
        }
    }
    if name.len() > LONGEST_NAME {
        while name.len() > LONGEST_NAME / 2 {
            name.pop();
        }
        // `%~` is no escape, so no whole name looks like a cut one.
        name.push_str("%~");
        name.push_str(&sha256(account.as_bytes()));
    } else if name.is_empty() {
        name.push('%');
    }
    name + ".journal"
}

fn is_plain(octet: u8) -> bool {
    octet.is_ascii_graphic() && octet != b'%'
}

fn push_escaped(text: &mut String, octet: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    text.push('%');
    text.push(char::from(DIGITS[usize::from(octet >> 4)]));
    text.push(char::from(DIGITS[usize::from(octet & 15)]));
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |octet: u8| char::from(octet).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

fn sha256(octets: &[u8]) -> String {
    Sha256::digest(octets)
        .iter()
        .fold(String::with_capacity(64), |mut text, octet| {
            write!(text, "{octet:02x}").expect("a String takes everything");
            text
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn unique_ids_as_written() {
        let hash = "~41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3";
        let long = [b'a'; 1000];
        for (uid, text) in [
            (&b"whqtswO00WBw418f9t5JxYwZ"[..], "whqtswO00WBw418f9t5JxYwZ"),
            (b"", "%"),
            (b"%", "%25"),
            (b"a b\n", "a%20b%0A"),
            (b"~tilde/../x", "~tilde/../x"),
            ("\u{e9}\0\u{7f}".as_bytes(), "%C3%A9%00%7F"),
            (&long, hash),
            (hash.as_bytes(), hash),
        ] {
            assert_eq!(escape(uid), text);
            assert_eq!(
                matches!(uid_field(uid), Cow::Borrowed(_)),
                uid == text.as_bytes() || uid.is_empty()
            );
            assert!(is_uid_field(text), "{text}");
        }
        assert_eq!(escape(&[b'a'; 255]).len(), 255);
        assert_eq!(escape(&[b'a'; 256]).len(), 65);
        assert_eq!(escape(&[0; 85]).len(), 255);
        assert_eq!(escape(&[0; 86]).len(), 65);
        for text in [
            "",
            " ",
            "a b",
            "%0a",
            "%41",
            "a%",
            "%4",
            "\u{e9}",
            &"a".repeat(256),
        ] {
            assert!(!is_uid_field(text), "{text}");
        }
    }

    #[test]
    fn accounts_as_file_names() {
        for (account, name) in [
            ("work", "work.journal"),
            ("me@pop.example.org", "me@pop.example.org.journal"),
            ("../x", "%2E.%2Fx.journal"),
            ("a.b\n\0%", "a.b%0A%00%25.journal"),
            ("b\u{fc}ro", "b\u{fc}ro.journal"),
            ("", "%.journal"),
        ] {
            assert_eq!(file_name(account), name);
        }
        let long = file_name(&"\u{fc}".repeat(1000));
        assert!(long.len() <= LONGEST_NAME + 8, "{long}");
        assert_ne!(long, file_name(&"\u{fc}".repeat(1001)));
    }

    proptest! {
        #[test]
        fn escaping_is_injective_and_stable(
            a in prop::collection::vec(any::<u8>(), 0..300),
            b in prop::collection::vec(prop::sample::select(b"%25aA\n".as_slice()), 0..6),
            c in prop::collection::vec(prop::sample::select(b"%25aA\n".as_slice()), 0..6),
        ) {
            let text = escape(&a);
            prop_assert!(is_uid_field(&text));
            prop_assert_eq!(escape(&unescape(&text)), text.clone());
            if !text.starts_with('~') {
                prop_assert_eq!(unescape(&text), a);
            }
            prop_assert_eq!(b == c, escape(&b) == escape(&c));
        }

        #[test]
        fn file_names_are_injective_single_components(a in "\\PC{0,120}", b in "[./%2E]{0,3}", c in "[./%2E]{0,3}") {
            for name in [file_name(&a), file_name(&b)] {
                prop_assert!(!name.contains(['/', '\0']) && !name.starts_with('.') && name.len() <= 180);
            }
            prop_assert_eq!(b == c, file_name(&b) == file_name(&c));
        }
    }
}
