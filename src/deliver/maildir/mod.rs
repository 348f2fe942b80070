//! Delivery to a Maildir: written and flushed in tmp/, renamed into new/.

mod folder;
mod name;
mod settle;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::place::{Place, absolute};
use super::{Delivery, Destination, Envelope, Error, Intents, Kind, Outcome};
use crate::disk;
use folder::Folder;
pub(super) use settle::settle;

/// Octets of a message gathered for one write.
const BUFFER: usize = 64 << 10;

/// What is as large as this is written as it is, not gathered first.
const LARGE: usize = 4 << 10;

/// Octets written after which the disk is given them.
const WRITEBACK: u64 = 1 << 20;

/// Threads that flush a batch, and messages that each has at least: waits for the disk pass side by side.
const FLUSHERS: usize = 4;
const FLUSHED_EACH: usize = 8;

/// A flush that takes less did not wait for a disk.
const QUICK: Duration = Duration::from_micros(100);

/// Handles held besides those of messages: tmp/, new/, and one in passing.
const HANDLES: usize = 3;

/// The three folders of a Maildir.
const PARTS: [&str; 3] = ["tmp", "new", "cur"];

/// A Maildir being delivered to. It holds its folders open, so that whatever happens to their paths, mail goes to the
/// folders that were looked at.
pub(super) struct Maildir {
    destination: Destination,
    tag: String,
    tmp: Folder,
    new: Folder,
    capacity: usize,
    /// The message in hand.
    hand: Option<Hand>,
    /// Its octets that are not written yet.
    buffer: Vec<u8>,
    /// The messages of the batch, each with its file until that is flushed.
    staged: Vec<(String, Option<File>)>,
    /// The names have been given out: from now on the journal may know them.
    prepared: bool,
}

/// A message being written in tmp/.
struct Hand {
    name: String,
    file: File,
    length: u64,
    /// Octets written and not yet given to the disk.
    dirty: u64,
}

impl Hand {
    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.file.write_all(octets)?;
        self.length += octets.len() as u64;
        self.dirty += octets.len() as u64;
        if self.dirty >= WRITEBACK {
            self.dirty = 0;
            disk::start_writeback(&self.file, self.length);
        }
        Ok(())
    }
}

impl Maildir {
    /// Opens or makes it.
    pub(super) fn open(
        path: &Path,
        tag: &str,
        delivered_before: bool,
        files: usize,
    ) -> Result<Self, Error> {
        let named = absolute(path)?;
        let place = Place::find(&named)?;
        look(&place, delivered_before)?;
        let maildir = Folder::open_or_make(&place, !delivered_before)?;
        Ok(Self {
            destination: Destination {
                kind: Kind::Maildir,
                inode: maildir.inode()?,
                path: named,
            },
            tag: tag.to_owned(),
            tmp: maildir.part("tmp")?,
            new: maildir.part("new")?,
            capacity: files.saturating_sub(HANDLES).max(1),
            hand: None,
            buffer: Vec::with_capacity(BUFFER),
            staged: Vec::new(),
            prepared: false,
        })
    }
}

/// Checks it without making anything.
pub(super) fn check(path: &Path) -> Result<(), Error> {
    look(&Place::find(path)?, false)
}

/// Refuses what is no Maildir and cannot become one.
fn look(place: &Place, delivered_before: bool) -> Result<(), Error> {
    let path = &place.path;
    let gone = || {
        Err(Error::unfit(
            path,
            "the Maildir that mail was delivered to is gone (not mounted?); if it was removed for good, make it anew: \
             mkdir -p -m 700 DIR/tmp DIR/new DIR/cur",
        ))
    };
    let Some(found) = &place.found else {
        return if delivered_before { gone() } else { Ok(()) };
    };
    if !found.is_dir() {
        return Err(Error::unfit(
            path,
            "not a folder; if it is an mbox, deliver = { mbox = ... }",
        ));
    }
    let mut parts = 0;
    for part in PARTS.map(|part| path.join(part)) {
        match part.symlink_metadata() {
            Ok(found) if found.is_dir() => parts += 1,
            Ok(_) => {
                return Err(Error::unfit(
                    &part,
                    "not a folder, as a Maildir's parts have to be",
                ));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("look at", &part)(error)),
        }
    }
    if parts > 0 {
        return Ok(());
    }
    if delivered_before {
        return gone();
    }
    let mut entries = path.read_dir().map_err(Error::io("read", path))?;
    if entries.next().is_some() {
        return Err(Error::unfit(
            path,
            "not a Maildir: there are other things in it, but no tmp, new and cur; name another folder, or make them",
        ));
    }
    Ok(())
}

impl Delivery for Maildir {
    fn destination(&self) -> &Destination {
        &self.destination
    }

    fn capacity(&self) -> usize {
        self.capacity
    }

    fn wants_envelope(&self) -> bool {
        false
    }

    fn begin(&mut self, _envelope: &Envelope) -> Result<(), Error> {
        self.cut();
        loop {
            let name = name::fresh(&self.tag);
            match self.tmp.create(&name) {
                Ok(file) => {
                    self.hand = Some(Hand {
                        name,
                        file,
                        length: 0,
                        dirty: 0,
                    });
                    return Ok(());
                }
                // The next name has another number.
                Err(Errno::EXIST) => {}
                Err(errno) => {
                    return Err(Error::io("create", &self.tmp.path.join(name))(errno.into()));
                }
            }
        }
    }

    fn write(&mut self, piece: &[u8]) -> Result<(), Error> {
        if self.buffer.len() + piece.len() > BUFFER || piece.len() >= LARGE {
            self.write_out()?;
        }
        if piece.len() >= LARGE {
            self.with_hand(|hand, _| hand.write(piece))
        } else {
            self.with_hand(|_, buffer| {
                buffer.extend_from_slice(piece);
                Ok(())
            })
        }
    }

    fn end(&mut self) -> Result<(), Error> {
        self.write_out()?;
        if let Some(hand) = self.hand.take() {
            // The disk begins while the rest of the batch arrives; and where space is given to files only when they
            // are written back, all of them have theirs before the first flush, which then serves them all.
            disk::start_writeback(&hand.file, hand.length);
            self.staged.push((hand.name, Some(hand.file)));
        }
        Ok(())
    }

    fn cut(&mut self) {
        self.buffer.clear();
        if let Some(hand) = self.hand.take() {
            // What cannot be removed now is removed when the next run settles.
            let _ = self.tmp.remove(&hand.name);
        }
    }

    fn prepare(&mut self) -> Result<Intents, Error> {
        self.cut();
        let flushed = self.flush();
        if let Err(error) = flushed {
            self.abandon();
            return Err(error);
        }
        self.prepared = true;
        let names = self.staged.iter().map(|(name, _)| name.clone());
        Ok(Intents::Names(names.collect()))
    }

    fn publish(&mut self) -> Result<Vec<Outcome>, Error> {
        // Whatever happens now, the journal knows the names: nothing of them is removed here.
        let staged = std::mem::take(&mut self.staged);
        self.prepared = false;
        let mut outcomes = Vec::with_capacity(staged.len());
        for (name, _) in &staged {
            outcomes.push(self.deliver(name)?);
        }
        if !staged.is_empty() {
            self.new.flush()?;
        }
        Ok(outcomes)
    }

    fn release(&mut self) {}

    fn abandon(&mut self) {
        self.cut();
        self.prepared = false;
        for (name, _) in std::mem::take(&mut self.staged) {
            let _ = self.tmp.remove(&name);
        }
    }
}

impl Maildir {
    /// Works on the message in hand; after an error nothing of it is left.
    fn with_hand(
        &mut self,
        work: impl FnOnce(&mut Hand, &mut Vec<u8>) -> io::Result<()>,
    ) -> Result<(), Error> {
        let Some(hand) = &mut self.hand else {
            let nothing = io::Error::other("no message was begun");
            return Err(Error::io("write", &self.tmp.path)(nothing));
        };
        let worked = work(hand, &mut self.buffer);
        let worked =
            worked.map_err(|error| Error::io("write", &self.tmp.path.join(&hand.name))(error));
        if worked.is_err() {
            self.cut();
        }
        worked
    }

    /// Writes what was gathered.
    fn write_out(&mut self) -> Result<(), Error> {
        self.with_hand(|hand, buffer| {
            hand.write(buffer)?;
            buffer.clear();
            Ok(())
        })
    }

    /// Flushes each message, then tmp/.
    fn flush(&mut self) -> Result<(), Error> {
        if self.staged.is_empty() {
            return Ok(());
        }
        let tmp = &self.tmp;
        let flush = |(name, file): &mut (String, Option<File>)| match file.take() {
            Some(file) => file
                .sync_all()
                .map_err(|error| Error::io("flush", &tmp.path.join(name))(error)),
            None => Ok(()),
        };
        // The first alone: a file system with a journal does with it most of what the others need.
        let mut left = self.staged.iter_mut();
        let begun = Instant::now();
        left.next().map_or(Ok(()), flush)?;
        // Where there is nothing to wait for, threads only cost.
        let flushers = if begun.elapsed() < QUICK {
            1
        } else {
            FLUSHERS.min(left.len() / FLUSHED_EACH + 1)
        };
        let left = Mutex::new(left);
        // Not held while a file is flushed, and nobody panics while holding it.
        let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
        let work = || std::iter::from_fn(next).try_for_each(flush);
        thread::scope(|scope| {
            // Where no further thread can be had, those there are do the work.
            let started: Vec<_> = (1..flushers)
                .map_while(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
                .collect();
            let own = work();
            started.into_iter().fold(own, |result, thread| {
                let flushed = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
                result.and(flushed)
            })
        })?;
        self.tmp.flush()
    }

    /// Renames one message into new/.
    fn deliver(&self, name: &str) -> Result<Outcome, Error> {
        match self.new.take(&self.tmp, name) {
            Ok(()) => Ok(Outcome::Delivered),
            Err(error) => match error.kind() {
                // Over a network a rename can be done and its answer lost.
                ErrorKind::NotFound if self.new.linked(name)?.is_some() => Ok(Outcome::Delivered),
                ErrorKind::NotFound => Ok(Outcome::Later(format!(
                    "another program removed {}",
                    self.tmp.path.join(name).display()
                ))),
                ErrorKind::AlreadyExists => {
                    self.tmp.remove(name)?;
                    Ok(Outcome::Later(format!(
                        "another program took the name {}",
                        self.new.path.join(name).display()
                    )))
                }
                _ => Err(Error::io("rename into new/", &self.tmp.path.join(name))(
                    error,
                )),
            },
        }
    }
}

impl Drop for Maildir {
    fn drop(&mut self) {
        // Names that were given out may be in the journal; what becomes of their files is then for `settle`.
        if !self.prepared {
            self.abandon();
        }
    }
}
