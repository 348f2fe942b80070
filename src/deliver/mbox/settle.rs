//! What became of an mbox's region when popfetch was ended between its intents and their end.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::append::blank;
use super::lock::{Locked, PATIENCE};
use super::turn::Turn;
use super::{CHUNK, cut_short, dotlock, length, sum_before};
use crate::deliver::place::Place;
use crate::deliver::{Destination, Error, Intents, Member, Open, Region, Settled};

/// So many NUL octets in a row are a piece that the disk never got: no file system has smaller ones.
const HOLE: u64 = 512;

/// Settles open regions by their sums, and takes out what was not finished.
pub(in crate::deliver) fn settle(
    destination: &Destination,
    open: &[Open],
) -> Result<Vec<Vec<Settled>>, Error> {
    settle_within(destination, open, PATIENCE)
}

pub(super) fn settle_within(
    destination: &Destination,
    open: &[Open],
    patience: Duration,
) -> Result<Vec<Vec<Settled>>, Error> {
    let mut settled: Vec<_> = open.iter().map(|open| open.intents.undone()).collect();
    let path = &destination.path;
    if open.iter().all(|open| open.intents.len() == 0) {
        let place = Place::find(path)?;
        let _turn = Turn::take(&place.path);
        dotlock::clear(&place.path)?;
        return Ok(settled);
    }
    // A mailbox that is gone was read to its end: some readers remove it then.
    let Some(mailbox) = Locked::acquire(path, false, patience, &mut Vec::new())? else {
        return Ok(settled);
    };
    let mailbox = Mailbox {
        file: mailbox.file(),
        path,
        same: inode(mailbox.file(), path)? == destination.inode,
    };
    // From the end, so that of several unfinished regions each is the last when its turn comes.
    for (open, settled) in open.iter().zip(&mut settled).rev() {
        if let Intents::Region(region) = &open.intents {
            *settled = mailbox.settle(region)?;
        }
    }
    // Found there is not yet durable: it may have been written and not flushed.
    let flushed = mailbox.file.sync_all();
    flushed.map_err(Error::io("flush", path))?;
    Ok(settled)
}

fn inode(file: &File, path: &Path) -> Result<u64, Error> {
    let found = file.metadata().map_err(Error::io("look at", path))?;
    Ok(found.ino())
}

struct Mailbox<'a> {
    file: &'a File,
    path: &'a Path,
    /// It is the file the intents were made for, not another at its path.
    same: bool,
}

/// What stands where a message should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// The message.
    Whole,
    /// What an unfinished append leaves.
    Torn,
    /// Something else, or nothing.
    Other,
}

impl Mailbox<'_> {
    fn settle(&self, region: &Region) -> Result<Vec<Settled>, Error> {
        let size = length(self.file, self.path)?;
        let mut lengths = region.members.iter().map(|member| member.length);
        let total = lengths.try_fold(0, u64::checked_add);
        // What a journal mended by hand may hold.
        let Some((gap, end)) = total
            .and_then(|total| region.length.checked_sub(total))
            .zip(region.offset.checked_add(region.length))
        else {
            return Ok(vec![Settled::Undone; region.members.len()]);
        };
        let mut at = region.offset + gap;
        let mut found = Vec::with_capacity(region.members.len());
        for member in &region.members {
            let range = at..at + member.length;
            at = range.end;
            let what = if range.end <= size {
                self.look(&range, member)?
            } else {
                Found::Other
            };
            found.push((range, what));
        }
        if self.is_ours(region, size)? {
            self.take_out(region.offset..end, &found, size)?;
        }
        Ok(found
            .iter()
            .map(|(_, what)| match what {
                Found::Whole => Settled::Delivered,
                Found::Torn | Found::Other => Settled::Undone,
            })
            .collect())
    }

    /// Whether the region is still in its place. It was given its full length, durably, before anything was written
    /// into it; so what is shorter was put there by others.
    fn is_ours(&self, region: &Region, size: u64) -> Result<bool, Error> {
        if !self.same || size < region.offset + region.length {
            return Ok(false);
        }
        let before = sum_before(self.file, region.offset);
        Ok(before.map_err(Error::io("read", self.path))? == region.before)
    }

    /// Cuts off the torn messages at the end of the file, and makes empty lines of those that something stands behind.
    fn take_out(
        &self,
        region: Range<u64>,
        found: &[(Range<u64>, Found)],
        size: u64,
    ) -> Result<(), Error> {
        let write = |done: io::Result<()>| done.map_err(Error::io("write", self.path));
        let mut torn = found;
        if size == region.end {
            while let Some(((_, Found::Torn), before)) = torn.split_last() {
                torn = before;
            }
            let keep = torn.last().map_or(region.start, |(range, _)| range.end);
            if keep < size {
                write(self.file.set_len(keep))?;
            }
        }
        for (range, what) in torn {
            if *what == Found::Torn {
                write(blank(self.file, range.clone()))?;
            }
        }
        // The line ends before the first message, where they never got to the disk.
        if let Some((first, _)) = torn.first() {
            for at in (region.start..first.start).take(2) {
                let mut octet = [0];
                let read = self.file.read_exact_at(&mut octet, at);
                read.map_err(Error::io("read", self.path))?;
                if octet == [0] {
                    write(blank(self.file, at..at + 1))?;
                }
            }
        }
        Ok(())
    }

    /// Compares what stands in a message's place with the message.
    fn look(&self, range: &Range<u64>, member: &Member) -> Result<Found, Error> {
        let mut buffer = vec![0; CHUNK.min(usize::try_from(member.length).unwrap_or(CHUNK))];
        let mut sum = Sha256::new();
        let mut holes = Holes::default();
        let mut at = range.start;
        while at < range.end {
            let left = usize::try_from(range.end - at).unwrap_or(CHUNK);
            let chunk = &mut buffer[..left.min(CHUNK)];
            match self.file.read_exact_at(chunk, at) {
                Ok(()) => {}
                // Another program cuts it, locks or not.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(Found::Other),
                Err(error) => return Err(Error::io("read", self.path)(error)),
            }
            sum.update(&*chunk);
            holes.see(chunk);
            at += chunk.len() as u64;
        }
        Ok(if cut_short(&sum.finalize()) == member.sum {
            Found::Whole
        } else if holes.torn() {
            Found::Torn
        } else {
            Found::Other
        })
    }
}

/// Looks for what was never written, and so reads as NUL: the whole of blocks, to the beginning or the end of a message.
///
/// A message that a reader has changed meanwhile is not taken for torn because there is a NUL somewhere in it: it
/// begins with `From ` and ends in two line ends.
#[derive(Debug, Default)]
struct Holes {
    seen: u64,
    run: u64,
    found: bool,
    last: [u8; 2],
}

impl Holes {
    fn see(&mut self, chunk: &[u8]) {
        let mut rest = chunk;
        while !rest.is_empty() {
            if self.run == 0 {
                // Hardly any mail holds a NUL.
                let text = memchr::memchr(0, rest).unwrap_or(rest.len());
                self.seen += text as u64;
                rest = &rest[text..];
            }
            let nuls = rest.iter().take_while(|&&octet| octet == 0).count();
            if nuls > 0 {
                self.found |= self.seen == self.run;
                self.run += nuls as u64;
                self.seen += nuls as u64;
                self.found |= self.run >= HOLE;
                rest = &rest[nuls..];
            }
            if !rest.is_empty() {
                self.run = 0;
            }
        }
        for &octet in chunk.iter().skip(chunk.len().saturating_sub(2)) {
            self.last = [self.last[1], octet];
        }
    }

    fn torn(&self) -> bool {
        self.found || self.seen >= 2 && self.last.contains(&0)
    }
}
