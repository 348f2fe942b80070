//! Whose turn it is with a mailbox within this process.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};

static TAKEN: LazyLock<Mutex<HashSet<PathBuf>>> = LazyLock::new(Mutex::default);
static GIVEN_BACK: Condvar = Condvar::new();

/// One thread's turn with a file, held as long as it lives.
///
/// It comes before all locks, and covers every time the file is open: fcntl locks do not hold between threads, and
/// all that a process has on a file are lost when any thread closes it.
#[derive(Debug)]
pub(super) struct Turn {
    path: PathBuf,
}

impl Turn {
    /// Waits for it. `path`: without links.
    pub(super) fn take(path: &Path) -> Self {
        let mut taken = lock();
        while taken.contains(path) {
            taken = GIVEN_BACK
                .wait(taken)
                .unwrap_or_else(PoisonError::into_inner);
        }
        taken.insert(path.to_owned());
        Self {
            path: path.to_owned(),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock().remove(&self.path);
        GIVEN_BACK.notify_all();
    }
}

fn lock() -> MutexGuard<'static, HashSet<PathBuf>> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::atomic::{AtomicU32, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn one_at_a_time_and_each_in_the_end() {
        let path = Path::new("/a test of turns/mbox");
        let (inside, turns) = (AtomicU32::new(0), AtomicU32::new(0));
        let _other = Turn::take(Path::new("/a test of turns/other"));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let _turn = Turn::take(path);
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        turns.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(turns.into_inner(), 400);
    }
}
