//! A batch appended to an mbox as one region, or not at all.

use std::fs::File;
use std::io::{self, BufRead};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::lock::Locked;
use super::{CHUNK, length, sum_before};
use crate::deliver::spool::Spool;
use crate::deliver::{Error, Sum};

/// A mailbox locked, and what is about to be appended.
pub(super) struct Held {
    mailbox: Locked,
    path: PathBuf,
    /// The line ends that the mailbox lacked.
    gap: &'static [u8],
    pub(super) offset: u64,
    pub(super) length: u64,
}

impl Held {
    /// Locks the mailbox and finds where `spooled` octets of messages go; gives its inode and the sum before that too.
    pub(super) fn lock(
        named: &Path,
        spooled: u64,
        patience: Duration,
        notes: &mut Vec<String>,
    ) -> Result<(Self, u64, Sum), Error> {
        let missing = || Error::io("lock", named)(io::ErrorKind::NotFound.into());
        let mailbox = Locked::acquire(named, true, patience, notes)?.ok_or_else(missing)?;
        let found = mailbox.file().metadata();
        let found = found.map_err(Error::io("look at", named))?;
        let offset = found.len();
        let gap = gap(mailbox.file(), offset).map_err(Error::io("read", named))?;
        let before = sum_before(mailbox.file(), offset).map_err(Error::io("read", named))?;
        let held = Self {
            mailbox,
            path: named.to_owned(),
            gap,
            offset,
            length: gap.len() as u64 + spooled,
        };
        Ok((held, found.ino(), before))
    }

    /// Appends the spooled messages, durably; a failed append is cut off again.
    pub(super) fn append(&self, spool: &Spool) -> Result<(), Error> {
        let file = self.mailbox();
        if length(file, &self.path)? != self.offset {
            return Err(Error::Locked {
                path: self.path.clone(),
                why: "another program writes to it and keeps no lock".to_owned(),
            });
        }
        let appended = self.reserve(file).and_then(|()| self.fill(file, spool));
        if appended.is_err() {
            self.undo(file);
        }
        appended
    }

    /// The mailbox's file.
    pub(super) fn mailbox(&self) -> &File {
        self.mailbox.file()
    }

    /// Extends the file to its final size, by its last octet: unlike a new length, this never cuts off what another
    /// program appends at this moment. Flushed, so that after a power cut the region is as long as the journal says,
    /// or is not there, and can be told from what others put in its place.
    pub(super) fn reserve(&self, file: &File) -> Result<(), Error> {
        file.write_all_at(b"\n", self.offset + self.length - 1)
            .map_err(Error::io("write", &self.path))?;
        file.sync_data().map_err(Error::io("flush", &self.path))
    }

    fn fill(&self, file: &File, spool: &Spool) -> Result<(), Error> {
        let write = Error::io("write", &self.path);
        let mut at = self.offset;
        let mut reader = io::Read::chain(self.gap, spool.reader());
        loop {
            let chunk = match reader.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) => {
                    return Err(Error::io("read the spool in", &std::env::temp_dir())(error));
                }
            };
            if chunk.is_empty() {
                break;
            }
            if let Err(error) = file.write_all_at(chunk, at) {
                return Err(write(error));
            }
            let written = chunk.len();
            at += written as u64;
            reader.consume(written);
        }
        file.sync_data().map_err(Error::io("flush", &self.path))
    }

    /// Cuts a failed append off, or makes it empty lines where something stands behind it. What fails here too is
    /// left for the next run to settle.
    pub(super) fn undo(&self, file: &File) {
        let end = self.offset + self.length;
        let _ = match file.metadata().map(|found| found.len()) {
            Ok(length) if length > end => blank(file, self.offset..end),
            Ok(length) if length > self.offset => file.set_len(self.offset),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
    }
}

/// Makes empty lines of a range.
pub(super) fn blank(file: &File, range: std::ops::Range<u64>) -> io::Result<()> {
    let lines = vec![b'\n'; CHUNK];
    let mut at = range.start;
    while at < range.end {
        let left = usize::try_from(range.end - at).unwrap_or(CHUNK);
        let count = left.min(CHUNK);
        file.write_all_at(&lines[..count], at)?;
        at += count as u64;
    }
    Ok(())
}

/// The line ends that a mailbox lacks at its end: a message's last line is ended, and a blank line follows.
fn gap(file: &File, length: u64) -> io::Result<&'static [u8]> {
    let mut last = [b'\n'; 2];
    let count = usize::try_from(length.min(2)).unwrap_or(2);
    file.read_exact_at(&mut last[2 - count..], length - count as u64)?;
    Ok(match last {
        [b'\n', b'\n'] => b"",
        [_, b'\n'] => b"\n",
        _ => b"\n\n",
    })
}
