//! A mailbox locked against everybody: this process's threads, and programs that keep any of the customs.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, OFlags};
use rustix::io::{Errno, retry_on_intr};

use super::dotlock::{Dotlock, Taken};
use super::turn::Turn;
use super::{begins_well, look};
use crate::deliver::Error;
use crate::deliver::place::Place;
use crate::disk;

/// How long to wait for other programs.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Between two tries: this, and up to as much again by chance, so that two who wait do not keep step.
const PAUSE: Duration = Duration::from_millis(60);

/// A mailbox, open and locked. The fields are given up in this order: closing the file frees the kernel's locks.
#[derive(Debug)]
pub(super) struct Locked {
    file: File,
    _dotlock: Option<Dotlock>,
    _turn: Turn,
}

/// What came of one try.
enum Try {
    Locked(File, Option<Dotlock>),
    Missing,
    Busy(String),
}

impl Locked {
    /// Locks the mailbox at a path: for delivery (`make`), where it is made if missing and has to be an mbox, or for
    /// settling, where a missing one is `None`.
    ///
    /// All locks are tried and, when one is not to be had, all are let go before the next try: other programs take
    /// them in another order.
    pub(super) fn acquire(
        named: &Path,
        make: bool,
        patience: Duration,
        notes: &mut Vec<String>,
    ) -> Result<Option<Self>, Error> {
        let place = Place::find(named)?;
        look(&place)?;
        let turn = Turn::take(&place.path);
        let end = Instant::now() + patience;
        loop {
            match attempt(&place, make, notes)? {
                Try::Locked(file, dotlock) => {
                    return Ok(Some(Self {
                        file,
                        _dotlock: dotlock,
                        _turn: turn,
                    }));
                }
                Try::Missing => return Ok(None),
                Try::Busy(why) => {
                    let left = end.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        let path = place.path;
                        return Err(Error::Locked { path, why });
                    }
                    thread::sleep(left.min(pause()));
                }
            }
        }
    }

    /// The mailbox. It must not be opened a second time while this lives.
    pub(super) fn file(&self) -> &File {
        &self.file
    }
}

fn pause() -> Duration {
    let chance = RandomState::new().hash_one(()) % 1024;
    PAUSE + PAUSE * u32::try_from(chance).unwrap_or_default() / 1024
}

/// Opens a mailbox for a look or for delivery, never through a link. The caller has its [`Turn`].
pub(super) fn open(path: &Path, write: bool) -> std::io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    File::options()
        .read(true)
        .write(write)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
}

fn attempt(place: &Place, make: bool, notes: &mut Vec<String>) -> Result<Try, Error> {
    let path = &place.path;
    let mut note = |note: String| {
        if !notes.contains(&note) {
            notes.push(note);
        }
    };
    let dotlock = match Dotlock::take(path)? {
        Taken::Ours(dotlock, broken) => {
            if let Some(broken) = broken {
                note(format!("{broken}: broken"));
            }
            Some(dotlock)
        }
        Taken::LeftOut(why) => {
            note(why);
            None
        }
        Taken::Held(why) => return Ok(Try::Busy(why)),
    };
    let file = match open(path, true) {
        Err(error) if error.kind() == ErrorKind::NotFound && make => match disk::create_new(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Ok(Try::Busy("just made by another program".to_owned()));
            }
            made => {
                let file = made.map_err(Error::io("make", path))?;
                disk::flush_dir(&place.folder).map_err(Error::io("flush", &place.folder))?;
                file
            }
        },
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Try::Missing),
        opened => opened.map_err(Error::io("open", path))?,
    };
    if let Some(which) = lock(&file).map_err(|errno| Error::io("lock", path)(errno.into()))? {
        return Ok(Try::Busy(which.to_owned()));
    }
    // Until the locks were held, somebody could put another file in its place.
    let opened = file.metadata().map_err(Error::io("look at", path))?;
    let same = fs::symlink_metadata(path)
        .is_ok_and(|found| (found.dev(), found.ino()) == (opened.dev(), opened.ino()));
    if !same {
        return Ok(Try::Busy("just replaced by another program".to_owned()));
    }
    // And it was looked at before that.
    let now = Place::find(path)?;
    look(&now)?;
    // What is only settled may begin with what a power cut left of our own first region.
    if make {
        begins_well(&file, path)?;
        if opened.len() == 0 {
            flush_name(&place.folder)?;
        }
    }
    Ok(Try::Locked(file, dotlock))
}

/// Makes a mailbox that may be new durable in its folder; a folder that we cannot read we cannot flush.
fn flush_name(folder: &Path) -> Result<(), Error> {
    match disk::flush_dir(folder) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
        flushed => flushed.map_err(Error::io("flush", folder)),
    }
}

/// Takes the kernel's locks at once, or says which one somebody else has.
fn lock(file: &File) -> Result<Option<&'static str>, Errno> {
    match rustix::fs::fcntl_lock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::AGAIN | Errno::ACCESS) => return Ok(Some("by fcntl")),
        Err(errno) => return Err(errno),
    }
    if !has_flock(file) {
        return Ok(None);
    }
    match retry_on_intr(|| rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive)) {
        Ok(()) => Ok(None),
        Err(Errno::AGAIN) => Ok(Some("by flock")),
        Err(errno) => Err(errno),
    }
}

/// Whether flock is a lock of its own. On BSD, macOS and over NFS it is the same as fcntl's, and would wait for ours.
fn has_flock(file: &File) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return rustix::fs::fstatfs(file)
        .is_ok_and(|system| system.f_type != rustix::fs::NFS_SUPER_MAGIC);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = file;
        false
    }
}
