use mailparse::MailHeader;
use memchr::memmem;

use super::{Print, Summary, print, sender, summary};

/// Collects the header of a message that arrives in pieces (lines ending in LF), bounded in memory.
#[derive(Debug, Default)]
pub struct Header {
    octets: Vec<u8>,
    /// Where the header's last line ends, once that is known.
    end: Option<usize>,
}

impl Header {
    /// Octets of header kept at most; what is longer is read off its beginning.
    pub const LIMIT: usize = 256 * 1024;

    /// Takes the next piece; true when the header is complete (the empty line was seen, or the limit reached).
    ///
    /// The piece that completes it is kept whole; after that, pieces are not taken any more.
    pub fn push(&mut self, piece: &[u8]) -> bool {
        if self.end.is_none() {
            // The empty line may have begun in the octets before: LF CR, LF or CR.
            let from = self.octets.len().saturating_sub(2);
            self.octets.extend_from_slice(piece);
            self.end = empty_line(&self.octets, from)
                .or(Some(self.octets.len()).filter(|len| *len >= Self::LIMIT))
                .map(|end| end.min(Self::LIMIT));
        }
        self.end.is_some()
    }

    /// Forgets what was pushed, for another message; the room for it stays.
    pub fn clear(&mut self) {
        self.octets.clear();
        self.end = None;
    }

    /// Everything pushed so far, body octets of the last piece included.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The fingerprint. Trailing blanks and folding do not count, so that TOP and RETR agree.
    ///
    /// It is made of the Message-ID, Date, From, To, Subject and Received fields, all of each; of the whole
    /// header where there is none of these, less the fields that servers write into mailboxes (Status, X-UIDL
    /// and their likes). Two messages without any header have the same fingerprint.
    pub fn print(&self) -> Print {
        print::print(self.fields())
    }

    /// The envelope sender: Return-Path, else Sender, else From; `MAILER-DAEMON` unless it is a plain
    /// address that neither a shell nor an option parser can misread.
    ///
    /// Plain is: at most 254 octets, a local part of `A-Z a-z 0-9 . _ + = ~ / -`, one `@`, a domain of
    /// `A-Z a-z 0-9 . _ -`, and a letter, a digit or `_` in front. The null Return-Path `<>` is none.
    pub fn sender(&self) -> String {
        sender::sender(self.fields())
    }

    /// Date, From and Subject as a human reads them (RFC 2047 decoded); empty where missing.
    ///
    /// Of a longer field its first 4 KiB are read.
    pub fn summary(&self) -> Summary {
        summary::summary(self.fields())
    }

    fn fields(&self) -> Fields<'_> {
        let end = self
            .end
            .unwrap_or_else(|| self.octets.len().min(Self::LIMIT));
        Fields(&self.octets[..end])
    }
}

/// Where the header ends: the empty line's offset, sought from the line end at or after `from`.
///
/// CR LF counts as an empty line too: some mail has CR CR LF line ends.
fn empty_line(octets: &[u8], from: usize) -> Option<usize> {
    if from == 0 && (octets.starts_with(b"\n") || octets.starts_with(b"\r\n")) {
        return Some(0);
    }
    let sought = |lines: &[u8], ends: &[u8]| memmem::find(lines, ends).map(|at| from + at + 1);
    let end = sought(&octets[from..], b"\n\n");
    sought(&octets[from..end.unwrap_or(octets.len())], b"\n\r\n").or(end)
}

/// The fields of a header, in order; lines that are none are passed over.
#[derive(Clone)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

/// One field.
pub(super) struct Field<'a> {
    name: &'a [u8],
    value: &'a [u8],
    raw: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    /// Splits where mailparse does, but many octets at a time.
    fn next(&mut self) -> Option<Field<'a>> {
        // A folded line that continues nothing.
        while let [b' ', ..] = self.0 {
            let end = memchr::memchr(b'\n', self.0).map_or(self.0.len(), |at| at + 1);
            self.0 = &self.0[end..];
        }
        if self.0.is_empty() {
            return None;
        }
        let colon = memchr::memchr2(b':', b'\n', self.0).unwrap_or(self.0.len());
        let folds = self.0.get(colon) == Some(&b':');
        let mut end = colon;
        loop {
            end = memchr::memchr(b'\n', &self.0[end..]).map_or(self.0.len(), |at| end + at + 1);
            // A line without a colon is a name without a value, and is not continued.
            if !folds || !matches!(self.0.get(end), Some(b' ' | b'\t')) {
                break;
            }
        }
        let (raw, rest) = self.0.split_at(end);
        self.0 = rest;
        Some(Field {
            name: raw[..colon].trim_ascii(),
            value: raw.get(colon + 1..).unwrap_or_default().trim_ascii(),
            raw,
        })
    }
}

impl Field<'_> {
    /// Octets of a field that are decoded at most: decoding takes time with the square of a line's length.
    const DECODED: usize = 4096;

    /// The name, without blanks before the colon.
    pub(super) fn name(&self) -> &[u8] {
        self.name
    }

    /// Whether this is the field of that name.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The value as sent, folded, without the blanks around it.
    pub(super) fn value(&self) -> &[u8] {
        self.value
    }

    /// The field for mailparse's decoders, cut to [`Self::DECODED`] octets.
    pub(super) fn decode<T>(&self, decoder: impl FnOnce(&MailHeader<'_>) -> T) -> Option<T> {
        let mut length = self.raw.len().min(Self::DECODED);
        // Not within a UTF-8 character, or all of it would be taken for Latin-1.
        while length > 0
            && self
                .raw
                .get(length)
                .is_some_and(|octet| octet & 0xC0 == 0x80)
        {
            length -= 1;
        }
        let (cut, _) = mailparse::parse_header(&self.raw[..length]).ok()?;
        Some(decoder(&cut))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn where_the_header_ends() {
        for (message, header) in [
            ("A: 1\nB: 2\n\nbody\n\n", Some("A: 1\nB: 2\n")),
            ("A: 1\n\n", Some("A: 1\n")),
            ("\nbody", Some("")),
            ("\r\nbody", Some("")),
            ("A: 1\r\n\r\nbody\n\n", Some("A: 1\r\n")),
            ("A: 1\n\rB\n", None),
            ("A: 1\n", None),
            ("A", None),
            ("", None),
        ] {
            for size in [1, 2, 3, 100] {
                let mut it = Header::default();
                let mut complete = false;
                for piece in message.as_bytes().chunks(size) {
                    complete = it.push(piece);
                }
                assert_eq!(complete, header.is_some(), "{message:?} by {size}");
                let whole = header.unwrap_or(message);
                assert_eq!(it.fields().0, whole.as_bytes(), "{message:?} by {size}");
            }
        }
    }

    #[test]
    fn the_last_piece_is_kept_whole_and_no_other() {
        let mut it = Header::default();
        assert!(!it.push(b"A: 1\n"));
        assert!(it.push(b"B: 2\n\nbody"));
        assert!(it.push(b"more"));
        assert_eq!(it.octets(), b"A: 1\nB: 2\n\nbody");
    }

    #[test]
    fn a_cleared_header_is_another_messages() {
        let mut it = Header::default();
        assert!(it.push(b"A: 1\n\nbody"));
        it.clear();
        assert!(!it.push(b"B: 2\n"));
        assert!(it.push(b"\n"));
        assert_eq!(it.octets(), b"B: 2\n\n");
        assert_eq!(it.fields().0, b"B: 2\n");
    }

    #[test]
    fn an_endless_header_is_bounded() {
        let line = b"X-Filler: 0123456789\n";
        let mut it = Header::default();
        let mut pushed = 0;
        while !it.push(line) {
            pushed += line.len();
            assert!(pushed < Header::LIMIT);
        }
        assert!(it.octets().len() < Header::LIMIT + line.len());
        assert_eq!(it.fields().0.len(), Header::LIMIT);
    }

    #[test]
    fn lines_that_are_no_fields_are_passed_over() {
        let fields = Fields(b" stray\nno colon\nA : 1\n 2\n: x\nB:3");
        let names: Vec<_> = fields.map(|field| field.name().to_owned()).collect();
        assert_eq!(names, [b"no colon".as_slice(), b"A", b"", b"B"]);
    }

    proptest! {
        #[test]
        fn fields_are_those_of_mailparse(
            octets in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b':'), Just(b' '), Just(b'\t'), Just(b'a')], 0..60),
        ) {
            let mut fields = Fields(&octets);
            let mut rest = &octets[..];
            while !rest.is_empty() {
                let (length, parsed) = match mailparse::parse_header(rest) {
                    Ok((parsed, length)) if length > 0 => (length, Some(parsed)),
                    _ => (memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1), None),
                };
                if let Some(parsed) = parsed {
                    let Some(field) = fields.next() else {
                        return Err(TestCaseError::fail("a field is missing"));
                    };
                    prop_assert_eq!(field.raw, &rest[..length]);
                    prop_assert_eq!(field.name(), parsed.get_key_raw().trim_ascii());
                    prop_assert_eq!(field.value(), parsed.get_value_raw().trim_ascii());
                }
                rest = &rest[length..];
            }
            prop_assert!(fields.next().is_none());
        }

        #[test]
        fn pieces_make_no_difference(
            octets in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b':'), Just(b'a')], 0..40),
            size in 1..6_usize,
        ) {
            let mut whole = Header::default();
            whole.push(&octets);
            let mut pieces = Header::default();
            for piece in octets.chunks(size) {
                pieces.push(piece);
            }
            prop_assert_eq!(whole.fields().0, pieces.fields().0);
            prop_assert_eq!(whole.print(), pieces.print());
        }
    }
}
