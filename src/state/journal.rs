//! A journal open for writing.

use std::fmt::Write as _;
use std::fs::{self, File, Metadata};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::flusher::Flusher;
use super::line::{end_line, header_line};
use super::load::{self, LARGEST, Order, failed};
use super::{Error, Identity, Line, Memory, Record, snapshot};
#[cfg(any(target_os = "linux", target_os = "android"))]
use rustix::io::Errno;

use crate::disk;

/// A journal that is smaller is not worth a compaction, octets.
const SMALL: u64 = 64 * 1024;

/// How long a unique-id that is missing from listings is kept, seconds.
const KEPT: i64 = 30 * 24 * 60 * 60;

const FLUSH_FAILED: &str = "an earlier flush failed";

/// A journal open for writing. The caller holds the account's lock.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    identity: Identity,
    memory: Memory,
    /// None: not made yet.
    file: Option<Arc<File>>,
    /// Flushes it meanwhile; None until that is asked for.
    pub(super) flusher: Option<Flusher>,
    /// Octets of whole writes.
    length: u64,
    /// Of these, octets known to be flushed.
    flushed: u64,
    /// Octets that a power cut left behind them, not cut off yet.
    dropped: u64,
    /// What there is has been cut off and flushed, and the header stands.
    ready: bool,
    /// What failed: what the file holds can no longer be told, and nothing may follow it.
    broken: Option<&'static str>,
}

impl Journal {
    /// Opens or makes a journal (nothing is written before the first append), dropping what a power cut
    /// left of the last write.
    ///
    /// # Errors
    /// Damage before the last write, or the disk's.
    pub fn open(path: &Path, identity: &Identity) -> Result<Self, Error> {
        let mut file = load::open(path, true)?;
        let loaded = match &mut file {
            Some(file) => Some(load::read(path, file)?),
            None => None,
        };
        let mut journal = Self {
            path: path.to_owned(),
            identity: identity.clone(),
            memory: Memory::default(),
            file: file.map(Arc::new),
            flusher: None,
            length: 0,
            flushed: 0,
            dropped: 0,
            ready: false,
            broken: None,
        };
        if let Some(loaded) = loaded {
            journal.memory = loaded.memory;
            journal.length = loaded.length;
            journal.dropped = loaded.dropped;
        }
        Ok(journal)
    }

    /// What it remembers, all appended lines included.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Octets that a power cut left behind the last whole write; cut off before the first append.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Appends lines as one write, ended by `=`; not yet flushed. A write that fails is cut off again.
    /// A `d` line equal to the one in force is left out.
    ///
    /// # Errors
    /// The disk's; after one that leaves open what the file holds, every later append fails.
    /// Lines that do not follow each other rightly (`m` not behind its `r`) are refused and not written.
    pub fn append(&mut self, lines: &[Line<'_>]) -> Result<(), Error> {
        self.check_broken("write")?;
        self.note_flushed()?;
        let mut text = String::new();
        let mut in_force = self.memory.in_force();
        for line in lines {
            if let Line::Destination(destination) = line {
                if in_force == Some(*destination) {
                    continue;
                }
                in_force = Some(*destination);
            }
            // A String takes whatever is written to it.
            let _ = writeln!(text, "{line}");
        }
        if text.is_empty() {
            return Ok(());
        }
        self.make_ready()?;
        let lines = text.len();
        let unflushed = usize::try_from(self.length - self.flushed).unwrap_or(usize::MAX);
        text.push_str(&end_line(unflushed.saturating_add(lines)));
        // Read back before it is written: memory is what the file will say, and refuses what could not be read.
        let mut order = Order::new(&self.memory);
        let entries = text[..lines]
            .split_terminator('\n')
            .map(|line| order.parse(line.as_bytes()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|what| self.unfit(what))?;
        self.write(text.as_bytes())?;
        self.memory.take(entries);
        Ok(())
    }

    /// Sees to it that there is room for so many octets more, for what cannot be undone when it cannot be remembered.
    /// Where the system knows no such thing (other than Linux), only that there is a journal to write to.
    ///
    /// # Errors
    /// The disk's.
    pub fn reserve(&mut self, octets: u64) -> Result<(), Error> {
        self.check_broken("write")?;
        self.note_flushed()?;
        self.make_ready()?;
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(file) = &self.file {
            let keep = rustix::fs::FallocateFlags::KEEP_SIZE;
            let grown = rustix::io::retry_on_intr(|| {
                rustix::fs::fallocate(file, keep, self.length, octets)
            });
            match grown {
                // Not every file system can.
                Ok(()) | Err(Errno::NOTSUP | Errno::NOSYS | Errno::INVAL) => {}
                Err(errno) => return Err(failed("grow", &self.path)(errno.into())),
            }
        }
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let _ = octets;
        Ok(())
    }

    /// Flushes what was appended (fdatasync); nothing to do when nothing was. A flush that failed is not repeated.
    ///
    /// # Errors
    /// The disk's; then every later append and flush fails, too.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.check_broken("flush")?;
        // Of two flushes at once only one is told what went wrong.
        self.take_over()?;
        if self.flushed == self.length || !self.ready {
            return Ok(());
        }
        self.sync()
    }

    /// Sees to it that what was appended is flushed within `time`, while other work goes on.
    ///
    /// # Errors
    /// The disk's, which is told by the next append or flush at the latest; as for [`flush`](Self::flush).
    pub fn flush_within(&mut self, time: Duration) -> Result<(), Error> {
        self.check_broken("flush")?;
        if self.flushed == self.length || !self.ready {
            return Ok(());
        }
        if let (None, Some(file)) = (&self.flusher, &self.file) {
            self.flusher = Flusher::start(Arc::clone(file)).ok();
        }
        match &self.flusher {
            Some(flusher) => flusher.flush_within(time, self.length),
            // No thread is to be had.
            None => self.flush()?,
        }
        Ok(())
    }

    /// Compacts when it is worth it (over 64 KiB, more than half dead): write, flush, rename, flush directory;
    /// open intents are kept; unique-ids deleted and since missing, or missing for 30 days at `now`, are dropped.
    ///
    /// # Errors
    /// The disk's. The old journal stands, or the new one whole; when it cannot be told which, every later append
    /// fails.
    pub fn compact(&mut self, now: i64) -> Result<(), Error> {
        if self.length <= SMALL {
            return Ok(());
        }
        let stays = |_: &str, record: Record| match record.absent_since {
            Some(since) if now.saturating_sub(since) > KEPT => None,
            _ => Some(record),
        };
        if snapshot::size(&self.memory, &stays) > self.length / 2 {
            return Ok(());
        }
        self.rewrite(&mut { stays })
    }

    /// Rewrites the whole memory, each record as `edit` leaves it; `None` forgets it.
    ///
    /// # Errors
    /// As for [`compact`](Self::compact).
    pub fn rewrite(
        &mut self,
        edit: &mut dyn FnMut(&str, Record) -> Option<Record>,
    ) -> Result<(), Error> {
        let identity = self.memory.identity().unwrap_or(&self.identity).clone();
        self.replace(&identity, edit)
    }

    /// Writes another user and host into the header: the memory is now theirs.
    ///
    /// # Errors
    /// As for [`compact`](Self::compact).
    pub fn adopt(&mut self, identity: &Identity) -> Result<(), Error> {
        self.identity = identity.clone();
        if self.memory.identity() == Some(identity) {
            return Ok(());
        }
        self.replace(identity, &mut |_, record| Some(record))
    }

    fn replace(
        &mut self,
        identity: &Identity,
        edit: &mut dyn FnMut(&str, Record) -> Option<Record>,
    ) -> Result<(), Error> {
        self.check_broken("write")?;
        if self.memory.identity().is_none() {
            // Not made yet: nothing is remembered.
            return Ok(());
        }
        let text = snapshot::text(&self.memory, identity, edit);
        self.take_over()?;
        self.flusher = None;
        self.broken = Some("an earlier rewrite failed");
        if let Err(error) = disk::replace(&self.path, text.as_bytes()) {
            // What was refused before the rename leaves this journal as it was.
            if self.is_in_place() {
                self.broken = None;
            }
            return Err(failed("rewrite", &self.path)(error));
        }
        drop(text);
        let Some(mut file) = load::open(&self.path, true)? else {
            return Err(self.unfit("it is not there"));
        };
        let loaded = load::read(&self.path, &mut file)?;
        self.file = Some(Arc::new(file));
        self.memory = loaded.memory;
        self.length = loaded.length;
        self.flushed = self.length;
        self.dropped = 0;
        self.ready = true;
        self.broken = None;
        Ok(())
    }

    /// Cuts off what a power cut left, and flushes what stands: only then can a later write witness that it was.
    /// Makes the file if there is none.
    fn make_ready(&mut self) -> Result<(), Error> {
        if self.ready {
            return Ok(());
        }
        if self.file.is_none() {
            let file = disk::open_private(&self.path).map_err(failed("create", &self.path))?;
            self.file = Some(Arc::new(file));
        }
        if self.dropped > 0 {
            // Flushed before anything is written in its place, so that no power cut brings back a part of it.
            self.cut()
                .map_err(failed("cut off a torn write", &self.path))?;
            self.dropped = 0;
        }
        if self.length == 0 {
            // Alone and flushed before anything follows, so that a torn header is never followed by anything.
            self.write(header_line(&self.identity, 0).as_bytes())?;
            self.memory.identity = Some(self.identity.clone());
        }
        self.sync()?;
        // Its name is durable before its first line: also when an earlier run ended in between.
        if self.memory.is_empty() {
            let folder = self.path.parent().filter(|it| !it.as_os_str().is_empty());
            if let Err(error) = disk::flush_dir(folder.unwrap_or(Path::new("."))) {
                self.broken = Some(FLUSH_FAILED);
                return Err(failed("flush the folder of", &self.path)(error));
            }
        }
        self.ready = true;
        Ok(())
    }

    /// Whether the path still leads to the file that is open.
    fn is_in_place(&self) -> bool {
        let identify = |it: Metadata| (it.dev(), it.ino());
        let opened = self.file.as_ref().and_then(|file| file.metadata().ok());
        let there = fs::symlink_metadata(&self.path).ok();
        opened.is_some() && opened.map(identify) == there.map(identify)
    }

    fn cut(&self) -> io::Result<()> {
        match &self.file {
            Some(file) => file.set_len(self.length).and_then(|()| file.sync_all()),
            None => Ok(()),
        }
    }

    fn write(&mut self, octets: &[u8]) -> Result<(), Error> {
        if self.length + octets.len() as u64 > LARGEST {
            return Err(self.unfit("it has grown to 4 GiB"));
        }
        let Some(file) = &self.file else {
            return Err(self.unfit("it is not there"));
        };
        if let Err(error) = (&**file).write_all(octets) {
            if self.cut().is_err() {
                self.broken = Some("an earlier write could not be cut off");
            }
            return Err(failed("write", &self.path)(error));
        }
        self.length += octets.len() as u64;
        Ok(())
    }

    /// Takes note of what was flushed meanwhile; a flush under way is waited for.
    fn note_flushed(&mut self) -> Result<(), Error> {
        let flushed = self.flusher.as_ref().map_or(Ok(0), Flusher::flushed);
        self.note(flushed)
    }

    /// As [`note_flushed`](Self::note_flushed), and nothing more is flushed meanwhile.
    fn take_over(&mut self) -> Result<(), Error> {
        let flushed = self.flusher.as_ref().map_or(Ok(0), Flusher::call_off);
        self.note(flushed)
    }

    fn note(&mut self, flushed: io::Result<u64>) -> Result<(), Error> {
        let flushed = flushed.map_err(|error| {
            self.broken = Some(FLUSH_FAILED);
            failed("flush", &self.path)(error)
        })?;
        self.flushed = self.flushed.max(flushed);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Error> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        if let Err(error) = file.sync_data() {
            self.broken = Some(FLUSH_FAILED);
            return Err(failed("flush", &self.path)(error));
        }
        self.flushed = self.length;
        Ok(())
    }

    fn check_broken(&self, act: &'static str) -> Result<(), Error> {
        match self.broken {
            Some(why) => Err(failed(act, &self.path)(io::Error::other(why))),
            None => Ok(()),
        }
    }

    fn unfit(&self, why: &str) -> Error {
        Error::Unfit {
            path: self.path.clone(),
            why: why.to_owned(),
        }
    }
}
