//! A wire in memory: what the server says is given beforehand, what we say is thrown away.

use std::io::{self, Read, Write};

use popfetch::pop3::Wire;

/// The server's octets, handed out in pieces.
pub struct Memory<'a> {
    octets: &'a [u8],
    piece: usize,
}

impl<'a> Memory<'a> {
    /// The first octet says how large the pieces are.
    pub fn new(data: &'a [u8]) -> Self {
        let (piece, octets) = data.split_first().map_or((1, data), |(n, rest)| (usize::from(*n), rest));
        Self {
            octets,
            piece: if piece == 0 { usize::MAX } else { piece },
        }
    }
}

impl Read for Memory<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.octets.len().min(self.piece).min(buffer.len());
        let (now, later) = self.octets.split_at(n);
        buffer[..n].copy_from_slice(now);
        self.octets = later;
        Ok(n)
    }
}

impl Write for Memory<'_> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Wire for Memory<'_> {}
