//! Flushes that need not be waited for: by a thread, within a time.

use std::fs::File;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A thread that flushes one file when it is told to. Dropped, it ends, and what is due yet is left to others.
#[derive(Debug)]
pub(super) struct Flusher {
    shared: Arc<Shared>,
    /// None only while it is dropped.
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Held during a flush.
    work: Mutex<Work>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Work {
    /// When the next flush begins.
    due: Option<Instant>,
    /// Octets of the file that the next flush is about, and those that one has reached.
    written: u64,
    flushed: u64,
    failed: Option<io::Error>,
    over: bool,
}

impl Flusher {
    /// Starts a thread, which sleeps.
    ///
    /// # Errors
    /// The system has no thread more.
    pub(super) fn start(file: Arc<File>) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let thread = thread::Builder::new().name("flusher".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || shared.serve(&file)
        })?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// The file was written up to here: it is flushed within `time`, with what else is due.
    pub(super) fn flush_within(&self, time: Duration, written: u64) {
        let mut work = self.shared.lock();
        work.written = written;
        if work.due.is_none() {
            work.due = Some(Instant::now() + time);
            self.shared.changed.notify_one();
        }
    }

    /// Octets flushed so far; a flush under way is waited for.
    ///
    /// # Errors
    /// That of a flush, told once.
    pub(super) fn flushed(&self) -> io::Result<u64> {
        self.shared.lock().result()
    }

    /// As [`flushed`](Self::flushed), and none is due any more.
    pub(super) fn call_off(&self) -> io::Result<u64> {
        let mut work = self.shared.lock();
        work.due = None;
        work.result()
    }
}

impl Work {
    fn result(&mut self) -> io::Result<u64> {
        self.failed.take().map_or(Ok(self.flushed), Err)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Work> {
        // Whole whenever it is let go: nobody panics while holding it.
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, file: &File) {
        let mut work = self.lock();
        while !work.over {
            let left = work
                .due
                .map(|due| due.saturating_duration_since(Instant::now()));
            work = match left {
                None => self
                    .changed
                    .wait(work)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(left) if !left.is_zero() => {
                    let woken = self.changed.wait_timeout(work, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                Some(_) => {
                    work.due = None;
                    match file.sync_data() {
                        Ok(()) => work.flushed = work.written,
                        Err(error) => {
                            // A flush that failed is not repeated: the next would say that all is well.
                            work.failed = Some(error);
                            return;
                        }
                    }
                    work
                }
            };
        }
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        self.shared.lock().over = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // It does not panic.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Write as _;

    use super::*;
    use crate::message::Print;
    use crate::state::{Error, Identity, Journal, Line};

    fn wait_for(what: impl Fn() -> bool) {
        let end = Instant::now() + Duration::from_secs(60);
        while !what() {
            assert!(Instant::now() < end, "never came");
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn what_was_written_is_flushed_in_time_and_again() {
        let file = Arc::new(tempfile::tempfile().unwrap());
        let flusher = Flusher::start(Arc::clone(&file)).unwrap();
        for written in [5, 10] {
            (&*file).write_all(b"12345").unwrap();
            flusher.flush_within(Duration::ZERO, written);
            wait_for(|| flusher.flushed().unwrap() == written);
        }
    }

    #[test]
    fn what_is_due_much_later_keeps_nobody_waiting() {
        let flusher = Flusher::start(Arc::new(tempfile::tempfile().unwrap())).unwrap();
        flusher.flush_within(Duration::from_secs(100_000), 5);
        assert_eq!(flusher.flushed().unwrap(), 0);
        drop(flusher);
    }

    #[test]
    fn what_is_called_off_is_not_flushed() {
        let flusher = Flusher::start(unflushable()).unwrap();
        flusher.flush_within(Duration::from_secs(100_000), 5);
        assert_eq!(flusher.call_off().unwrap(), 0);
        assert!(flusher.shared.lock().due.is_none());
        assert_eq!(flusher.flushed().unwrap(), 0);
    }

    /// What a flush fails on.
    fn unflushable() -> Arc<File> {
        let (_reader, writer) = io::pipe().unwrap();
        Arc::new(File::from(std::os::fd::OwnedFd::from(writer)))
    }

    #[test]
    fn after_a_flush_that_failed_nothing_is_written_nor_taken_for_flushed() {
        type Act = fn(&mut Journal) -> Result<(), Error>;
        let line = Line::Delivered {
            time: 1,
            print: Print([1; 12]),
            uid: b"a",
        };
        let acts: [Act; 4] = [
            |journal| journal.append(&[Line::Undone { uid: b"a" }]),
            |journal| journal.reserve(4096),
            Journal::flush,
            |journal| journal.rewrite(&mut |_, record| Some(record)),
        ];
        for act in acts {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("journal");
            let identity = Identity {
                user: "me".to_owned(),
                host: "here".to_owned(),
            };
            let mut journal = Journal::open(&path, &identity).unwrap();
            journal.append(std::slice::from_ref(&line)).unwrap();
            journal.flusher = Some(Flusher::start(unflushable()).unwrap());
            journal.flush_within(Duration::ZERO).unwrap();
            wait_for(|| {
                let flusher = journal.flusher.as_ref().unwrap();
                flusher.shared.lock().failed.is_some()
            });
            let before = std::fs::read(&path).unwrap();
            let refused = act(&mut journal).unwrap_err();
            assert!(refused.to_string().contains("cannot flush"), "{refused}");
            assert!(journal.append(std::slice::from_ref(&line)).is_err());
            assert!(journal.flush().is_err());
            assert!(journal.flush_within(Duration::ZERO).is_err());
            assert_eq!(std::fs::read(&path).unwrap(), before);
        }
    }
}
