//! Messages held back until they are whole: in memory, what is more in an unlinked temporary file.

use std::fs::File;
use std::io::{self, BufReader, Chain, PipeWriter, Read};
use std::os::unix::fs::FileExt;

use super::Error;

/// Octets kept in memory at most, and read back from the file at once.
const MEMORY: usize = 2 << 20;
const CHUNK: usize = 256 << 10;

/// What is as large as this goes behind the file's end as it is, where memory holds nothing that comes before it.
const LARGE: usize = 8 << 10;

/// Octets put away, to be read from the beginning as often as needed.
///
/// Nothing of it outlives the process: the file has no name.
#[derive(Debug, Default)]
pub(super) struct Spool {
    /// What comes first, `spilled` octets long.
    file: Option<File>,
    spilled: u64,
    /// What comes behind it.
    memory: Vec<u8>,
}

impl Spool {
    /// Appends.
    pub(super) fn write(&mut self, piece: &[u8]) -> Result<(), Error> {
        self.put(piece)
            .map_err(Error::io("spool a message in", &std::env::temp_dir()))
    }

    fn put(&mut self, piece: &[u8]) -> io::Result<()> {
        let direct = self.file.is_some() && self.memory.is_empty() && piece.len() >= LARGE;
        if direct || self.memory.len() + piece.len() > MEMORY {
            let file = match &self.file {
                Some(file) => file,
                None => self.file.insert(tempfile::tempfile()?),
            };
            file.write_all_at(&self.memory, self.spilled)?;
            self.spilled += self.memory.len() as u64;
            self.memory.clear();
            if piece.len() >= LARGE {
                file.write_all_at(piece, self.spilled)?;
                self.spilled += piece.len() as u64;
                return Ok(());
            }
        }
        self.memory.extend_from_slice(piece);
        Ok(())
    }

    /// Octets in it.
    pub(super) fn len(&self) -> u64 {
        self.spilled + self.memory.len() as u64
    }

    /// Reads it from the beginning. The part in memory is lent, not copied.
    pub(super) fn reader(&self) -> Reader<'_> {
        let capacity = CHUNK.min(usize::try_from(self.spilled).unwrap_or(CHUNK));
        let spilled = Spilled {
            file: self.file.as_ref(),
            at: 0,
            end: self.spilled,
        };
        BufReader::with_capacity(capacity, spilled).chain(&self.memory[..])
    }

    /// Keeps the first `length` octets.
    pub(super) fn truncate(&mut self, length: u64) {
        match length.checked_sub(self.spilled) {
            // A difference that no usize holds is beyond the end of what memory holds.
            Some(left) => self
                .memory
                .truncate(usize::try_from(left).unwrap_or(usize::MAX)),
            None => {
                self.memory.clear();
                self.spilled = length;
                if let Some(file) = &self.file {
                    // Only gives space back early: what is behind `spilled` is never read.
                    let _ = file.set_len(length);
                }
            }
        }
        if self.spilled == 0 {
            self.file = None;
        }
    }

    /// Empties it; the temporary file goes back to the disk.
    pub(super) fn clear(&mut self) {
        self.truncate(0);
    }
}

/// Reads what is spooled.
pub(super) type Reader<'a> = Chain<BufReader<Spilled<'a>>, &'a [u8]>;

/// The part in the file, by offset: readers do not disturb each other or the writer.
pub(super) struct Spilled<'a> {
    file: Option<&'a File>,
    at: u64,
    end: u64,
}

impl Read for Spilled<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let most = left.min(buffer.len());
        let Some(file) = self.file.filter(|_| most > 0) else {
            return Ok(0);
        };
        let read = file.read_at(&mut buffer[..most], self.at)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += read as u64;
        Ok(read)
    }
}

/// Moves what comes next from the file into a pipe, as much as that takes, without a copy; 0 where that cannot be done,
/// and it has to be read and written. The file must not be written to in that place any more: who has the other end of
/// the pipe has its pages.
///
/// # Errors
/// The pipe's; `WouldBlock` when it is full.
pub(super) fn splice(reader: &mut Reader<'_>, pipe: &PipeWriter) -> io::Result<usize> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::io::Errno;
        use rustix::pipe::{SpliceFlags, splice};

        let buffered = reader.get_mut().0;
        if !buffered.buffer().is_empty() {
            return Ok(0);
        }
        let Spilled { file, at, end } = buffered.get_mut();
        let left = usize::try_from(*end - *at).unwrap_or(usize::MAX);
        let Some(file) = file.filter(|_| left > 0) else {
            return Ok(0);
        };
        match splice(file, Some(at), pipe, None, left, SpliceFlags::NONBLOCK) {
            // Not every file system can.
            Err(Errno::INVAL | Errno::NOSYS) => Ok(0),
            moved => Ok(moved?),
        }
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = (reader, pipe);
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn content(spool: &Spool) -> Vec<u8> {
        let mut all = Vec::new();
        spool.reader().read_to_end(&mut all).unwrap();
        assert_eq!(all.len() as u64, spool.len());
        all
    }

    fn pattern(length: usize) -> Vec<u8> {
        (0..length).map(|n| (n % 251) as u8).collect()
    }

    #[test]
    fn reads_back_what_was_written() {
        for pieces in [
            vec![],
            vec![0],
            vec![1, 2, 3],
            vec![MEMORY],
            vec![MEMORY, 1],
            vec![MEMORY + 1],
            vec![5, MEMORY + 7, 11, MEMORY, 1],
            vec![700_000; 9],
        ] {
            let mut spool = Spool::default();
            let mut all = Vec::new();
            for &length in &pieces {
                let piece = pattern(length);
                spool.write(&piece).unwrap();
                all.extend(piece);
            }
            assert!(content(&spool) == all, "{pieces:?}");
            assert!(content(&spool) == all, "{pieces:?} again");
            assert!(spool.memory.len() <= MEMORY);
        }
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[test]
    fn goes_into_a_pipe_unread() {
        let mut spool = Spool::default();
        let whole = pattern(2 * MEMORY + 5);
        for piece in whole.chunks(MEMORY / 2 + 1) {
            spool.write(piece).unwrap();
        }
        let (mut from, pipe) = io::pipe().unwrap();
        let mut reader = spool.reader();
        let mut all = Vec::new();
        // As much as is written at once anyway.
        for _ in 0..3 {
            let moved = splice(&mut reader, &pipe).unwrap();
            assert!(moved > 0);
            let before = all.len();
            all.resize(before + moved, 0);
            from.read_exact(&mut all[before..]).unwrap();
        }
        // What was read ahead comes first.
        let ahead = io::BufRead::fill_buf(&mut reader).unwrap().len();
        assert_eq!(splice(&mut reader, &pipe).unwrap(), 0);
        all.extend_from_slice(&io::BufRead::fill_buf(&mut reader).unwrap()[..ahead]);
        io::BufRead::consume(&mut reader, ahead);
        assert!(splice(&mut reader, &pipe).unwrap() > 0);
        let full = loop {
            match splice(&mut reader, &pipe) {
                Ok(moved) => assert!(moved > 0),
                Err(error) => break error,
            }
        };
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
        drop(pipe);
        from.read_to_end(&mut all).unwrap();
        reader.read_to_end(&mut all).unwrap();
        assert!(all == whole);
    }

    #[test]
    fn is_cut_anywhere_and_goes_on() {
        let whole = pattern(3 * MEMORY + 5);
        for cut in [
            0,
            1,
            MEMORY - 1,
            MEMORY,
            2 * MEMORY,
            3 * MEMORY,
            3 * MEMORY + 5,
        ] {
            let mut spool = Spool::default();
            for piece in whole.chunks(MEMORY / 2 + 1) {
                spool.write(piece).unwrap();
            }
            spool.truncate(cut as u64);
            assert!(content(&spool) == whole[..cut], "{cut}");
            spool.write(b"more").unwrap();
            let all = content(&spool);
            assert_eq!(all.len(), cut + 4);
            assert!(all.ends_with(b"more"));
            spool.clear();
            assert_eq!(spool.len(), 0);
            assert!(spool.file.is_none());
            assert!(content(&spool).is_empty());
        }
    }
}
