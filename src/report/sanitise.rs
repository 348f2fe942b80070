//! The door that all text from elsewhere leaves through.

use std::fmt::Write as _;

/// Makes text from elsewhere harmless to a terminal, a log and a cron mail: control characters, C1,
/// bidirectional controls and invalid UTF-8 become visible escapes; one line.
///
/// A tab becomes a blank. A backslash stays as it is: the escapes are for eyes, not for parsing back.
pub fn sanitise(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    for chunk in octets.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\t' => text.push(' '),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                c if c.is_ascii_control() => push_octet(&mut text, c as u8),
                c if unseen(c) => text.extend(c.escape_unicode()),
                c => text.push(c),
            }
        }
        for &octet in chunk.invalid() {
            push_octet(&mut text, octet);
        }
    }
    text
}

fn push_octet(text: &mut String, octet: u8) {
    // Writing into a String cannot fail.
    let _ = write!(text, "\\x{octet:02x}");
}

/// Characters that change what others look like, or cannot be seen themselves.
fn unseen(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{9f}'                 // C1
        | '\u{ad}' | '\u{180e}'             // soft hyphen, Mongolian vowel separator
        | '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' // bidirectional
        | '\u{200b}'..='\u{200d}'           // zero width
        | '\u{2028}' | '\u{2029}'           // line and paragraph separator
        | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' // invisible operators, deprecated format characters
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' // byte order mark, interlinear annotation
        | '\u{e0000}'..='\u{e007f}'         // tags
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::sanitise;

    #[test]
    fn table() {
        for (octets, text) in [
            (&b"+OK ready"[..], "+OK ready"),
            (b"", ""),
            (b"\x1b[2Jgone", "\\x1b[2Jgone"),
            (b"two\r\nlines\n", "two\\r\\nlines\\n"),
            (b"a\tb", "a b"),
            (b"nul\0 del\x7f bell\x07", "nul\\x00 del\\x7f bell\\x07"),
            (b"\xff\xfe caf\xe9", "\\xff\\xfe caf\\xe9"),
            (b"cut \xe2\x82", "cut \\xe2\\x82"),
            (b"DOMAIN\\user", "DOMAIN\\user"),
            ("grüße, 你好 👍".as_bytes(), "grüße, 你好 👍"),
            ("csi \u{9b}31m".as_bytes(), "csi \\u{9b}31m"),
            ("\u{202e}fdp.exe".as_bytes(), "\\u{202e}fdp.exe"),
            (
                "\u{2066}\u{200f}\u{61c}".as_bytes(),
                "\\u{2066}\\u{200f}\\u{61c}",
            ),
            ("a\u{2028}b\u{2029}c".as_bytes(), "a\\u{2028}b\\u{2029}c"),
            ("a\u{200b}\u{feff}b".as_bytes(), "a\\u{200b}\\u{feff}b"),
        ] {
            assert_eq!(sanitise(octets), text);
        }
    }

    proptest! {
        #[test]
        fn nothing_harmful_comes_out(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            harmless(&sanitise(&octets));
        }

        #[test]
        fn nor_of_any_characters(text in proptest::collection::vec(any::<char>(), 0..100)) {
            let text: String = text.into_iter().collect();
            harmless(&sanitise(text.as_bytes()));
        }

        #[test]
        fn nor_of_the_worst_ranges(text in "[\u{0}-\u{20}\u{7f}-\u{ad}\u{600}-\u{61f}\u{2000}-\u{2070}\u{fff0}-\u{fffd}]{0,60}") {
            harmless(&sanitise(text.as_bytes()));
        }

        #[test]
        fn plain_text_stays(text in "[ -~äöüß日本語]{0,80}") {
            prop_assert_eq!(sanitise(text.as_bytes()), text);
        }

        #[test]
        fn twice_is_once(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let once = sanitise(&octets);
            prop_assert_eq!(sanitise(once.as_bytes()), once);
        }
    }

    fn harmless(text: &str) {
        assert!(!text.chars().any(char::is_control), "{text:?}");
        assert!(
            !text.contains([
                '\u{61c}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{200e}', '\u{200f}', '\u{2028}',
                '\u{2029}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}',
                '\u{2067}', '\u{2068}', '\u{2069}', '\u{feff}',
            ]),
            "{text:?}"
        );
        assert!(text.lines().count() <= 1, "{text:?}");
    }
}
