use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use super::wait;

/// The flag that signals raise and every wait on a socket looks at.
///
/// Cloned freely; a raised flag wakes every blocked read and write at once (a pipe in each poll).
#[derive(Debug, Clone)]
pub struct Stop(Arc<Flag>);

#[derive(Debug)]
struct Flag {
    signal: OnceLock<i32>,
    /// A person is being asked, and no wait looks at the flag.
    asking: AtomicBool,
    /// In every poll; never read, so that it stays readable for all once the flag is raised.
    reader: PipeReader,
    writer: PipeWriter,
}

impl Stop {
    /// A flag that nobody has raised.
    ///
    /// # Errors
    /// No descriptors left for its pipe.
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        Ok(Self(Arc::new(Flag {
            signal: OnceLock::new(),
            asking: AtomicBool::new(false),
            reader,
            writer,
        })))
    }

    /// Raises the flag for a signal number; the first one is kept. Async-signal-safe it is not: called from a
    /// signal-waiting thread.
    pub fn raise(&self, signal: i32) {
        if self.0.signal.set(signal).is_ok() {
            // One octet in an empty pipe: neither blocks nor fails.
            let _ = (&self.0.writer).write(b"!");
        }
    }

    /// The signal that raised it.
    pub fn raised(&self) -> Option<i32> {
        self.0.signal.get().copied()
    }

    /// Does what waits for a person and cannot be woken by the flag; not begun, and `None`, when it is raised already.
    pub fn while_asking<T>(&self, ask: impl FnOnce() -> T) -> Option<T> {
        self.0.asking.store(true, Ordering::SeqCst);
        let answer = self.raised().is_none().then(ask);
        self.0.asking.store(false, Ordering::SeqCst);
        answer
    }

    /// Whether a person is being asked: then a signal has to end the process at once, and nothing is under way that
    /// would be cut.
    pub fn is_asking(&self) -> bool {
        self.0.asking.load(Ordering::SeqCst)
    }

    /// Sleeps, unless and until the flag is raised; true when it is.
    pub fn sleep(&self, time: Duration) -> bool {
        let until = Instant::now().checked_add(time);
        // An error of poll cannot be told here; not to sleep is better than not to wake.
        let _ = wait::poll_until(&mut [PollFd::new(&self, PollFlags::IN)], until);
        self.raised().is_some()
    }
}

impl AsFd for Stop {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.reader.as_fd()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::thread;

    use super::*;

    #[test]
    fn first_signal_is_kept() {
        let stop = Stop::new().unwrap();
        assert_eq!(stop.raised(), None);
        stop.clone().raise(15);
        stop.raise(2);
        assert_eq!(stop.raised(), Some(15));
    }

    #[test]
    fn nobody_is_asked_after_a_signal() {
        let stop = Stop::new().unwrap();
        assert_eq!(stop.while_asking(|| stop.is_asking()), Some(true));
        assert!(!stop.is_asking());
        stop.raise(2);
        assert_eq!(stop.while_asking(|| ()), None);
    }

    #[test]
    fn sleep_lasts_its_time_unless_raised() {
        let stop = Stop::new().unwrap();
        let start = Instant::now();
        assert!(!stop.sleep(Duration::from_millis(30)));
        assert!(start.elapsed() >= Duration::from_millis(30));

        let other = stop.clone();
        let raiser = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            other.raise(1);
        });
        assert!(stop.sleep(Duration::from_secs(60)));
        // Once raised it wakes everybody, every time.
        assert!(stop.sleep(Duration::from_secs(60)));
        assert!(start.elapsed() < Duration::from_secs(30));
        raiser.join().unwrap();
    }
}
