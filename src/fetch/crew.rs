//! Accounts side by side on threads: so many at once, so many to one host, and none brings down another.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::Run;
use super::event::Summing;
use super::failure::{self, Stopped};
use super::outcome::{Class, Outcome};
use crate::config::Account;

/// Accounts waiting for their turn, and connections in use by host.
struct Queue<'a, T> {
    waiting: VecDeque<(&'a Account, T)>,
    connections: HashMap<&'a str, usize>,
    outcome: Outcome,
}

struct Desk<'a, T> {
    queue: Mutex<Queue<'a, T>>,
    freed: Condvar,
    per_host: usize,
}

impl<'a, T> Desk<'a, T> {
    fn lock(&self) -> MutexGuard<'_, Queue<'a, T>> {
        // Nobody panics while holding it: the work is done outside.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next account whose host has a connection to spare; waits for one while any is left.
    fn next(&self) -> Option<(&'a Account, T)> {
        let mut queue = self.lock();
        loop {
            let free = |&(account, _): &(&'a Account, T)| {
                queue
                    .connections
                    .get(account.host.as_str())
                    .copied()
                    .unwrap_or(0)
                    < self.per_host
            };
            if let Some(at) = queue.waiting.iter().position(free) {
                let next = queue.waiting.remove(at)?;
                *queue.connections.entry(&next.0.host).or_insert(0) += 1;
                return Some(next);
            }
            if queue.waiting.is_empty() {
                return None;
            }
            queue = self
                .freed
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn done(&self, account: &'a Account, outcome: Outcome) {
        let mut queue = self.lock();
        if let Some(used) = queue.connections.get_mut(account.host.as_str()) {
            *used -= 1;
        }
        queue.outcome = queue.outcome.and(outcome);
        self.freed.notify_all();
    }
}

/// Works on every account, `given` being what each was given in the order of the accounts.
pub(super) fn each<T: Send>(
    run: &Run<'_>,
    given: Vec<Result<T, Stopped>>,
    work: impl Fn(&Account, Result<T, Stopped>) -> Summing + Sync,
) -> Outcome {
    let desk = Desk {
        queue: Mutex::new(Queue {
            waiting: run.accounts.iter().zip(given).collect(),
            connections: HashMap::new(),
            outcome: Outcome::default(),
        }),
        freed: Condvar::new(),
        per_host: run.max_connections_per_host.max(1),
    };
    let worker = || {
        while let Some((account, given)) = desk.next() {
            // Left at its prompt: its turn never began.
            if let Err(Stopped::Signal) = given {
                desk.done(account, Outcome::default());
                continue;
            }
            let outcome = run.one(account, || {
                catch_unwind(AssertUnwindSafe(|| work(account, given))).unwrap_or_else(|_| {
                    // The panic hook has said what happened; the account ends here, the others go on.
                    run.failed(
                        account,
                        failure::plain(Class::Bug, "an internal error ended this account"),
                    )
                })
            });
            desk.done(account, outcome);
        }
    };
    let workers = run.jobs.clamp(1, run.accounts.len().max(1));
    thread::scope(|scope| {
        for _ in 1..workers {
            // Where no further thread can be had, those there are do the work.
            let _ = thread::Builder::new().spawn_scoped(scope, worker);
        }
        worker();
    });
    desk.lock().outcome
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::Path;
    use std::sync::Arc;

    use super::super::Options;
    use super::super::event::{Event, Listener};
    use super::*;
    use crate::config::{self, Paths};
    use crate::net::{Stop, TlsPool};

    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>);

    impl Listener for Heard {
        fn event(&self, account: &str, event: Event<'_>) {
            let what = match event {
                Event::Failed(failure) => {
                    format!("{account}: {} {}", failure.class.code(), failure.what)
                }
                Event::Finished(_) => format!("{account}: finished"),
                _ => return,
            };
            self.0.lock().unwrap().push(what);
        }
    }

    #[test]
    fn a_panic_ends_its_own_account_alone() {
        let text: String = ["a", "b", "c", "d"]
            .map(|name| format!("[accounts.{name}]\nhost = \"h\"\nuser = \"{name}\"\n"))
            .concat();
        let paths = Paths {
            config: Path::new("/c").to_owned(),
            named: true,
            state: Path::new("/s").to_owned(),
            home: None,
        };
        let config = config::parse(&text, &paths).unwrap();
        let stop = Stop::new().unwrap();
        // One after another, so that a place that was not given back would hold up those behind it; and at once.
        for jobs in [1, 4] {
            let heard = Heard::default();
            let run = Run {
                accounts: &config.accounts,
                configured: &config.accounts,
                jobs,
                max_connections_per_host: 1,
                options: Options::default(),
                stop: &stop,
                listener: &heard,
                tls: Arc::new(TlsPool::new()),
            };
            let given = vec![Ok(1), Ok(2), Ok(3), Ok(4)];
            let outcome = each(&run, given, |account, given| {
                assert!(account.name != "b" && given.is_ok(), "on purpose");
                let mut sum = Summing::default();
                sum.outcome.messages = 1;
                sum
            });
            assert_eq!(outcome.class, Some(Class::Bug));
            assert_eq!(outcome.messages, 3);
            let mut heard = heard.0.into_inner().unwrap();
            heard.sort();
            assert_eq!(
                heard,
                [
                    "a: finished",
                    "b: 70 an internal error ended this account",
                    "b: finished",
                    "c: finished",
                    "d: finished",
                ]
            );
        }
    }
}
