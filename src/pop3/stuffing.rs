use memchr::memchr;

/// Takes byte-stuffing out of a multi-line reply and turns CRLF into LF, in one pass and in place
/// (RFC 1939 section 3). All other octets stay as they are: bare CR, bare LF, NUL, 8-bit.
///
/// Only CRLF begins a line, so only CRLF "." CRLF ends the reply.
#[derive(Debug)]
pub(super) struct Unstuffing {
    /// The next octet is a line's first.
    line_start: bool,
}

/// What became of the octets given.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// How many were understood. The rest, at most two, is to be given again with more behind it.
    pub(super) used: usize,
    /// How many now stand, decoded, where the octets began.
    pub(super) kept: usize,
    /// How many the message counts for these: CRLF is two, byte-stuffing none.
    pub(super) octets: u64,
    /// The termination octet was among them.
    pub(super) ended: bool,
}

impl Unstuffing {
    /// At the line behind the status line.
    pub(super) fn new() -> Self {
        Self { line_start: true }
    }

    pub(super) fn step(&mut self, buffer: &mut [u8]) -> Step {
        let mut step = Step {
            used: 0,
            kept: 0,
            octets: 0,
            ended: false,
        };
        while step.used < buffer.len() {
            if self.line_start {
                match &buffer[step.used..] {
                    [b'.'] | [b'.', b'\r'] => break,
                    [b'.', b'\r', b'\n', ..] => {
                        step.used += 3;
                        step.ended = true;
                        break;
                    }
                    [b'.', ..] => step.used += 1,
                    _ => {}
                }
                self.line_start = false;
            }
            let start = step.used;
            if let Some(lf) = line_end(&buffer[start..]) {
                let end = start + lf;
                // The LF takes the place of the CR and moves with the line.
                buffer[end - 1] = b'\n';
                keep(buffer, start, end, &mut step);
                step.octets += 1;
                step.used = end + 1;
                self.line_start = true;
            } else {
                // A CR at the end may be half of a CRLF.
                let end = buffer.len() - usize::from(buffer.ends_with(b"\r"));
                keep(buffer, start, end, &mut step);
                step.used = end;
                break;
            }
        }
        step
    }
}

/// Where the first CRLF has its LF.
fn line_end(octets: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = memchr(b'\n', &octets[from..]) {
        let at = from + found;
        if at > 0 && octets[at - 1] == b'\r' {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

fn keep(buffer: &mut [u8], start: usize, end: usize, step: &mut Step) {
    if step.kept != start {
        buffer.copy_within(start..end, step.kept);
    }
    step.kept += end - start;
    step.octets += (end - start) as u64;
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Decodes octets that come in pieces of these lengths, over and over; `None` when the end never comes.
    fn decode(wire: &[u8], lengths: &[usize]) -> Option<(Vec<u8>, u64, Vec<u8>)> {
        let mut unstuffing = Unstuffing::new();
        let (mut message, mut octets) = (Vec::new(), 0);
        let mut buffer = Vec::new();
        let mut lengths = lengths.iter().cycle();
        let mut rest = wire;
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at((*lengths.next().unwrap()).clamp(1, rest.len()));
            rest = behind;
            buffer.extend_from_slice(piece);
            let step = unstuffing.step(&mut buffer);
            assert!(step.kept <= step.used && step.used <= buffer.len());
            message.extend_from_slice(&buffer[..step.kept]);
            octets += step.octets;
            buffer.drain(..step.used);
            if step.ended {
                return Some((message, octets, [&buffer, rest].concat()));
            }
            assert!(buffer.len() <= 2);
        }
        None
    }

    /// What a server does with a message whose lines end in CRLF.
    fn stuff(message: &[u8]) -> Vec<u8> {
        let mut wire = Vec::new();
        for (at, octet) in message.iter().enumerate() {
            if *octet == b'.' && (at == 0 || message[..at].ends_with(b"\r\n")) {
                wire.push(b'.');
            }
            wire.push(*octet);
        }
        wire.extend_from_slice(b".\r\n");
        wire
    }

    #[test]
    fn known_messages() {
        let cases: &[(&str, &str, u64)] = &[
            (".\r\n", "", 0),
            ("\r\n.\r\n", "\n", 2),
            ("a\r\nb\r\n.\r\n", "a\nb\n", 6),
            ("..\r\n.\r\n", ".\n", 3),
            ("..a\r\n...\r\n.\r\n", ".a\n..\n", 8),
            // One octet is taken off whatever follows it (RFC 1939 section 3).
            (".a\r\n.\r\n", "a\n", 3),
            (".\ra\r\n.\r\n", "\ra\n", 4),
            // What only looks like the end.
            ("a\n.\r\n.\r\n", "a\n.\n", 5),
            ("a\n.\n.\r\n", "", u64::MAX),
            ("a\r.\r\n.\r\n", "a\r.\n", 5),
            ("a\r\n.\n.\r\n", "", u64::MAX),
            ("a\r\n.\r.\r\n.\r\n", "a\n\r.\n", 7),
            ("a.\r\n.\r\n", "a.\n", 4),
            (".\n\r\n.\r\n", "\n\n", 3),
            ("a\r\r\n.\r\n", "a\r\n", 4),
            ("a\0\u{e9}\u{1b}\r\n.\r\n", "a\0\u{e9}\u{1b}\n", 7),
        ];
        for (wire, message, octets) in cases {
            for length in 1..=wire.len() {
                let seen = decode(wire.as_bytes(), &[length]);
                let expected =
                    (*octets < u64::MAX).then(|| (message.as_bytes().to_vec(), *octets, vec![]));
                assert_eq!(seen, expected, "{wire:?} by {length}");
            }
        }
    }

    #[test]
    fn what_stands_behind_the_end_is_left_alone() {
        let (_, _, rest) = decode(b"a\r\n.\r\n+OK\r\n.x\r\n", &[99]).unwrap();
        assert_eq!(rest, b"+OK\r\n.x\r\n");
    }

    /// Octets of which the interesting ones are frequent.
    fn octets() -> impl Strategy<Value = Vec<u8>> {
        let octet = prop_oneof![
            Just(b'\r'),
            Just(b'\n'),
            Just(b'.'),
            Just(b'a'),
            any::<u8>()
        ];
        proptest::collection::vec(octet, 0..200)
    }

    proptest! {
        #[test]
        fn gives_the_message_back(
            mut message in octets(),
            splits in proptest::collection::vec(1usize..40, 1..8),
        ) {
            if !message.is_empty() && !message.ends_with(b"\r\n") {
                message.extend_from_slice(b"\r\n");
            }
            let mut wire = stuff(&message);
            wire.extend_from_slice(b"+OK next\r\n");
            let (seen, octets, _) = decode(&wire, &splits).unwrap();
            let mut expected = Vec::new();
            for (at, octet) in message.iter().enumerate() {
                if !message[at..].starts_with(b"\r\n") {
                    expected.push(*octet);
                }
            }
            prop_assert_eq!(seen, expected);
            prop_assert_eq!(octets, message.len() as u64);
        }

        #[test]
        fn splits_do_not_matter(
            wire in octets(),
            splits in proptest::collection::vec(1usize..40, 1..8),
        ) {
            let whole = decode(&wire, &[usize::MAX]);
            let split = decode(&wire, &splits);
            prop_assert_eq!(whole, split);
        }
    }
}
