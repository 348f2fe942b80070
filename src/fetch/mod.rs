//! One run, one check, one list: the rooms put together.
//!
//! [`plan`] decides, without touching anything; `account` keeps the order everything rests on
//! (delivered, flushed, remembered, only then deleted); `batch` commits; `settle` mends what a crash left.
//!
//! Not for: words to a human (`report`). May import: every room above it. Only `account` and `batch` see
//! the server, the disk and the memory at once.

mod account;
mod batch;
mod crew;
mod deletion;
pub mod event;
mod failure;
mod listing;
mod login;
mod look;
pub mod outcome;
pub mod plan;
mod presence;
mod received;
mod rehearsal;
mod retrieval;
mod reuse;
mod seen;
mod settle;
mod turnover;
mod wire;

use std::os::fd::AsFd as _;
use std::sync::Arc;

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::config::Account;
use crate::net::{Stop, TlsPool};
use crate::secret::{self, Request, Secret, Source};
use event::{Event, Failure, Listener, Summing};
use failure::Stopped;
use outcome::Outcome;
use seen::Mark;
use settle::Ready;

/// What the command line asks of a fetch.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `--all`: seen ones too.
    pub all: bool,
    /// `--limit`.
    pub limit: Option<u64>,
    /// `--dry-run`.
    pub dry_run: bool,
    /// `--accept-new-uids`.
    pub accept_new_uids: bool,
    /// Asking for a password on the terminal is allowed.
    pub prompt: bool,
}

/// A run over accounts: what they share.
pub struct Run<'a> {
    /// The accounts, in order.
    pub accounts: &'a [Account],
    /// All accounts of the configuration, enabled or not: whose journals are taken.
    pub configured: &'a [Account],
    /// Accounts at work at once.
    pub jobs: usize,
    /// Connections to one host at once.
    pub max_connections_per_host: usize,
    /// What was asked.
    pub options: Options,
    /// Raised by signals.
    pub stop: &'a Stop,
    /// Hears what happens.
    pub listener: &'a dyn Listener,
    /// TLS configurations, shared.
    pub tls: Arc<TlsPool>,
}

impl Run<'_> {
    /// `popfetch fetch`: gives what became of the accounts together.
    pub fn fetch(&self) -> Outcome {
        if self.options.dry_run {
            return self.look(|account, password| match look::memory(account) {
                Ok(memory) => rehearsal::dry_run(self, account, &memory, password),
                Err(failure) => self.failed(account, failure),
            });
        }
        // Every account's lock and journal are open from here on.
        self.files_each();
        // What a crash left is settled for every account before the first delivery: two of them may share a mailbox.
        let ready = self
            .accounts
            .iter()
            .map(|account| settle::ready(account, self.configured, batch::now(), self.listener))
            .collect();
        self.work(ready, |account, mut ready, password| {
            account::fetch(self, account, &mut ready, &password)
        })
    }

    /// `popfetch check`.
    pub fn check(&self) -> Outcome {
        self.look(|account, password| look::check(self, account, password))
    }

    /// `popfetch list`.
    pub fn list(&self) -> Outcome {
        self.look(|account, password| look::list(self, account, password))
    }

    /// `popfetch info`.
    pub fn info(&self) -> Outcome {
        crew::each(
            self,
            self.asked(self.accounts.iter().map(|_| Ok(())).collect()),
            |account, given| {
                let password = given.and_then(|((), password)| {
                    password.map_or_else(|| self.password(account, false), Ok)
                });
                look::info(self, account, password)
            },
        )
    }

    /// `popfetch seen show`.
    pub fn seen_show(&self) -> Outcome {
        self.accounts
            .iter()
            .map(|account| self.one(account, || seen::show(self, account)))
            .fold(Outcome::default(), Outcome::and)
    }

    /// `popfetch seen mark`: the unique-ids, or all that are listed now when `uids` is empty.
    /// `delivered`: they are safe elsewhere and may be deleted as `keep` says.
    pub fn seen_mark(&self, uids: &[String], delivered: bool) -> Outcome {
        self.change(|account, ready| {
            let what = if uids.is_empty() {
                Mark::Listed(self.password(account, self.options.prompt))
            } else {
                Mark::These(uids)
            };
            seen::mark(self, account, ready, what, delivered)
        })
    }

    /// `popfetch seen forget`: the unique-ids, or all when `all`.
    pub fn seen_forget(&self, uids: &[String], all: bool) -> Outcome {
        self.change(|account, ready| seen::forget(self, account, ready, uids, all))
    }

    /// Work on each account's memory, one after another, its lock held.
    fn change(&self, work: impl Fn(&Account, &mut Ready) -> Summing) -> Outcome {
        let each = |account| {
            self.one(account, || {
                match settle::ready(account, self.configured, batch::now(), self.listener) {
                    Ok(mut ready) => work(account, &mut ready),
                    // Who changes the memory by hand wants to hear that it did not happen.
                    Err(failure) => self.failed(
                        account,
                        Failure {
                            quiet: false,
                            ..failure
                        },
                    ),
                }
            })
        };
        self.accounts
            .iter()
            .map(each)
            .fold(Outcome::default(), Outcome::and)
    }

    /// Work that needs a login but no lock.
    fn look(&self, work: impl Fn(&Account, &Secret) -> Summing + Sync) -> Outcome {
        self.work(
            self.accounts.iter().map(|_| Ok(())).collect(),
            |account, (), password| work(account, &password),
        )
    }

    /// Work on all accounts at once, each with its password, what failed before being said in its place.
    fn work<T: Send>(
        &self,
        ready: Vec<Result<T, Failure>>,
        work: impl Fn(&Account, T, Secret) -> Summing + Sync,
    ) -> Outcome {
        crew::each(self, self.asked(ready), |account, given| {
            let given = given.and_then(|(ready, password)| {
                let password = password.map_or_else(|| self.password(account, false), Ok)?;
                Ok((ready, password))
            });
            match given {
                Ok((ready, password)) => work(account, ready, password),
                Err(stopped) => self.failed(account, stopped),
            }
        })
    }

    /// Asks on the terminal, one after another and before any account starts, for what is configured nowhere.
    fn asked<T>(
        &self,
        ready: Vec<Result<T, Failure>>,
    ) -> Vec<Result<(T, Option<Secret>), Stopped>> {
        let ask = |(account, ready): (&Account, Result<T, Failure>)| {
            let ready = ready?;
            let password = match account.secret {
                Source::None => Some(self.password(account, self.options.prompt)?),
                _ => None,
            };
            Ok((ready, password))
        };
        self.accounts.iter().zip(ready).map(ask).collect()
    }

    fn password(&self, account: &Account, prompt: bool) -> Result<Secret, Stopped> {
        let request = Request {
            account: &account.name,
            host: &account.host,
            user: &account.user,
            source: &account.secret,
            netrc: account.netrc.as_deref(),
            prompt: prompt && self.stop.raised().is_none(),
            stop: Some(self.stop.as_fd()),
        };
        let found = if prompt && matches!(account.secret, Source::None) {
            let asked = self.stop.while_asking(|| secret::find(&request));
            asked.unwrap_or(Err(secret::Error::Interrupted))
        } else {
            secret::find(&request)
        };
        if let Err(secret::Error::Interrupted) = found {
            self.stop.raise(rustix::process::Signal::INT.as_raw());
        }
        found.map_err(|error| match self.stop.raised() {
            Some(_) => Stopped::Signal,
            None => failure::password(&error).into(),
        })
    }

    fn failed(&self, account: &Account, stopped: impl Into<Stopped>) -> Summing {
        let mut sum = Summing::default();
        account::report(self, account, &mut sum, stopped.into());
        sum
    }

    /// Begins and ends an account's turn for the listener.
    fn one(&self, account: &Account, work: impl FnOnce() -> Summing) -> Outcome {
        self.listener.event(
            &account.name,
            Event::Started {
                host: &account.host,
                port: account.port,
            },
        );
        let sum = work();
        self.listener.event(&account.name, Event::Finished(sum));
        sum.outcome
    }

    /// Open files that each account at work may use for its batch.
    fn files_each(&self) -> usize {
        let jobs = self.jobs.clamp(1, self.accounts.len().max(1));
        // Sockets, journals, locks and folders of each account, and what the process holds besides.
        let kept = 32 + 2 * self.accounts.len() + 8 * jobs;
        (allowed_files(kept + FILES_EACH * jobs).saturating_sub(kept) / jobs).clamp(4, FILES_EACH)
    }
}

/// Open files that one account can make use of.
const FILES_EACH: usize = 160;

/// How many files may be open at once: `wanted`, where the limit is or can be made as high.
///
/// The usual soft limit of 1024 is there for programs that use `select`, the hard limit is the administrator's word.
fn allowed_files(wanted: usize) -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    let soft = limit.current.unwrap_or(u64::MAX);
    let most = limit.maximum.unwrap_or(u64::MAX);
    let raised = most.min(wanted as u64);
    if raised <= soft {
        return usize::try_from(soft).unwrap_or(usize::MAX);
    }
    limit.current = Some(raised);
    let granted = setrlimit(Resource::Nofile, limit).map_or(soft, |()| raised);
    usize::try_from(granted).unwrap_or(usize::MAX)
}
