/// A reader over DER (X.690): definite lengths, tags of one octet. Whatever else comes ends it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Der<'a>(&'a [u8]);

/// One element.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    /// With tag and length.
    pub(super) whole: &'a [u8],
}

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const BMP_STRING: u8 = 0x1e;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

impl<'a> Der<'a> {
    pub(super) fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next element's tag, without taking it.
    pub(super) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next element, which must have this tag.
    pub(super) fn read(&mut self, tag: u8) -> Option<Element<'a>> {
        self.next().filter(|element| element.tag == tag)
    }

    /// The elements within the next one, which must have this tag.
    pub(super) fn enter(&mut self, tag: u8) -> Option<Self> {
        self.read(tag).map(|element| Self(element.content))
    }
}

impl<'a> Iterator for Der<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&length, rest) = rest.split_first()?;
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (length, rest) = match length {
            0..=0x7f => (usize::from(length), rest),
            0x81..=0x84 => {
                let (octets, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
                let length = octets
                    .iter()
                    .fold(0u32, |length, &octet| length << 8 | u32::from(octet));
                (usize::try_from(length).ok()?, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        let whole = &self.0[..self.0.len() - rest.len()];
        self.0 = rest;
        Some(Element {
            tag,
            content,
            whole,
        })
    }
}

/// An OBJECT IDENTIFIER's content in dotted form; `None` when it is none, or beyond 64 bits.
pub(super) fn dotted(content: &[u8]) -> Option<String> {
    let mut arcs: Vec<u64> = Vec::new();
    let mut arc = 0u64;
    for &octet in content {
        arc = arc.checked_mul(128)? + u64::from(octet & 0x7f);
        if octet & 0x80 == 0 {
            if arcs.is_empty() {
                // X.690 section 8.19.4: the first two arcs share a number.
                let first = (arc / 40).min(2);
                arcs.push(first);
                arc -= 40 * first;
            }
            arcs.push(arc);
            arc = 0;
        }
    }
    if content.last().is_none_or(|octet| octet & 0x80 != 0) {
        return None;
    }
    let arcs: Vec<_> = arcs.iter().map(u64::to_string).collect();
    Some(arcs.join("."))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths() {
        let long = [
            &[0x04, 0x82, 0x01, 0x00][..],
            &[7; 256],
            &[0x02, 0x01, 0x05],
        ]
        .concat();
        let mut der = Der::new(&long);
        let element = der.read(OCTET_STRING).unwrap();
        assert_eq!(element.content, [7; 256]);
        assert_eq!(element.whole.len(), 260);
        assert_eq!(der.read(INTEGER).unwrap().content, [5]);
        assert!(der.is_empty());
        for broken in [
            &[0x04][..],
            &[0x04, 0x02, 0x00],
            &[0x30, 0x80, 0x00, 0x00],
            &[0x04, 0x85, 0, 0, 0, 0, 0],
            &[0x04, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x1f, 0x01, 0x00],
        ] {
            assert!(Der::new(broken).next().is_none(), "{broken:x?}");
        }
    }

    #[test]
    fn object_identifiers() {
        for (content, text) in [
            (&[0x55, 0x04, 0x03][..], Some("2.5.4.3")),
            (
                &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11],
                Some("1.2.840.113549.1.1.11"),
            ),
            (&[0x88, 0x37, 0x03], Some("2.999.3")),
            (&[], None),
            (&[0x2a, 0x86], None),
            (&[0xff; 20], None),
        ] {
            assert_eq!(dotted(content).as_deref(), text, "{content:x?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(octets: Vec<u8>) {
            prop_assert!(Der::new(&octets).map(|element| element.whole.len()).sum::<usize>() <= octets.len());
            let _ = dotted(&octets);
        }
    }
}
