//! One account's run, in the order everything rests on: deliver, remember, delete.

use std::time::Instant;

use super::Run;
use super::batch::{Batch, now};
use super::event::{Event, Failure, Hint, Mail, Summing};
use super::failure::{self, Stopped};
use super::listing::{self, Maildrop};
use super::login;
use super::outcome::Class;
use super::plan::{self, Copies, Plan, Rules};
use super::retrieval::Haul;
use super::settle::{Ready, identity, tag};
use crate::config::Account;
use crate::deliver::{self, Context, Delivery};
use crate::secret::Secret;
use crate::state::{Journal, Line, Memory, escape};

/// Fetches what is new.
pub(super) fn fetch(
    run: &Run<'_>,
    account: &Account,
    ready: &mut Ready,
    password: &Secret,
) -> Summing {
    let begun = Instant::now();
    let mut courier = Courier {
        run,
        account,
        journal: &mut ready.journal,
        sum: Summing::default(),
    };
    let mut disk_failed = false;
    if let Err(stopped) = courier.fetch(password) {
        disk_failed =
            matches!(&stopped, Stopped::Failed(failure) if failure.class == Class::Delivery);
        courier.end(stopped);
    }
    // A disk that has just failed is not given more, nor its failure told twice.
    if !disk_failed && let Err(error) = courier.journal.compact(now()) {
        courier.end(failure::memory(&error).into());
    }
    courier.sum.elapsed = begun.elapsed();
    courier.sum.outcome.messages = courier.sum.delivered;
    courier.sum
}

pub(super) fn report(run: &Run<'_>, account: &Account, sum: &mut Summing, stopped: Stopped) {
    if let Stopped::Failed(failure) = stopped {
        sum.outcome.class = sum.outcome.class.max(Some(failure.class));
        run.listener.event(&account.name, Event::Failed(failure));
    }
}

pub(super) fn rules(run: &Run<'_>, account: &Account, drop: &Maildrop, memory: &Memory) -> Rules {
    let now = now();
    Rules {
        keep: account.keep,
        all: run.options.all,
        limit: [account.fetch_limit, run.options.limit]
            .into_iter()
            .flatten()
            .min(),
        max_size: account.max_size,
        now,
        clock_behind: now < memory.last_time(),
        by_content: drop.by_content,
    }
}

pub(super) fn announce(run: &Run<'_>, account: &Account, drop: &Maildrop, plan: &Plan) {
    let octets = plan
        .fetch
        .iter()
        .filter_map(|&position| drop.listing.get(position as usize)?.octets)
        .sum();
    run.listener.event(
        &account.name,
        Event::Planned {
            messages: plan.fetch.len() as u64,
            octets,
            listed: drop.listing.len() as u64,
            delete: plan.delete.len() as u64,
        },
    );
}

pub(super) fn with_mail(drop: &Maildrop, position: u32, tell: impl FnOnce(Mail<'_>)) {
    if let Some(scan) = drop.listing.get(position as usize) {
        let uid = scan.uid.map(escape).unwrap_or_default();
        tell(Mail {
            number: scan.number,
            octets: scan.octets,
            uid: &uid,
        });
    }
}

/// Messages of a plan that a run has come to the end of, one way or another.
fn dealt_with(sum: &Summing) -> u64 {
    sum.delivered + sum.dropped + sum.failed + sum.oversize
}

/// One account, its journal, and the sum of what was done.
pub(super) struct Courier<'a> {
    pub(super) run: &'a Run<'a>,
    pub(super) account: &'a Account,
    pub(super) journal: &'a mut Journal,
    pub(super) sum: Summing,
}

impl Courier<'_> {
    pub(super) fn tell(&self, event: Event<'_>) {
        self.run.listener.event(&self.account.name, event);
    }

    fn end(&mut self, stopped: Stopped) {
        report(self.run, self.account, &mut self.sum, stopped);
    }

    pub(super) fn remember(&mut self, lines: &[Line<'_>]) -> Result<(), Stopped> {
        if lines.is_empty() {
            return Ok(());
        }
        let written = self
            .journal
            .append(lines)
            .and_then(|()| self.journal.flush());
        written.map_err(|error| failure::memory(&error).into())
    }

    fn fetch(&mut self, password: &Secret) -> Result<(), Stopped> {
        // The destination first: nothing is asked of the server for mail that cannot be put anywhere.
        let delivery = self.open_delivery()?;
        let door = login::knock(self.run, self.account)?;
        let mut opened = login::open(self.run, self.account, door, password)?;
        let mut drop = listing::list(self.account, &mut opened)?;
        self.sum.listed = Some(drop.listing.len() as u64);
        if let Err(stopped) = self
            .accept_identity(&drop)
            .and_then(|()| self.note_turnover(&mut opened, &mut drop))
        {
            // Nothing was fetched: nothing that QUIT could delete.
            if self.run.stop.raised().is_none() {
                listing::leave(opened.transaction, drop.topped);
            }
            return Err(stopped);
        }
        let copies = Copies::of(&drop.listing);
        let rules = rules(self.run, self.account, &drop, self.journal.memory());
        let mut plan = plan::plan(&drop.listing, &copies, self.journal.memory(), &rules);
        if self.forget_reused(&mut opened, &mut drop, &copies, &plan)? {
            plan = plan::plan(&drop.listing, &copies, self.journal.memory(), &rules);
        }
        announce(self.run, self.account, &drop, &plan);
        self.note_presence(&drop, &copies, &plan)?;
        self.note_skipped(&drop, &plan)?;
        let mut haul = Haul::default();
        if !plan.fetch.is_empty() {
            let mut batch = Batch::new(&self.account.name, self.run.listener, delivery);
            let before = dealt_with(&self.sum);
            let ended = self.retrieve(&mut opened, &drop, &plan, &mut batch, &mut haul);
            // Complete messages are committed whatever ended the retrieval.
            let committed = self.commit(&mut batch, &mut haul);
            let flushed = self
                .journal
                .flush()
                .map_err(|error| failure::memory(&error).into());
            if ended.is_err() || self.run.stop.raised().is_some() {
                let wanted = plan.fetch.len() as u64;
                self.sum.left += wanted.saturating_sub(dealt_with(&self.sum) - before);
            }
            ended.and(committed).and(flushed)?;
        }
        self.delete_and_quit(opened, &drop, &copies, &plan, &haul, &rules)
    }

    fn open_delivery(&self) -> Result<Box<dyn Delivery>, Stopped> {
        let Some(target) = &self.account.target else {
            return Err(failure::plain(
                Class::Config,
                "no destination: set deliver = { maildir = ..., mbox = ... or mda = ... }",
            )
            .into());
        };
        let delivered_before = match target {
            deliver::Target::Maildir(path) | deliver::Target::Mbox { path, .. } => self
                .journal
                .memory()
                .destinations()
                .iter()
                .any(|known| known.path == *path),
            deliver::Target::Mda { .. } => false,
        };
        let context = Context {
            account: self.account.name.clone(),
            user: self.account.user.clone(),
            host: self.account.host.clone(),
            tag: tag(self.account),
        };
        deliver::open(target, &context, delivered_before, self.run.files_each())
            .map_err(|error| failure::delivery(&error).into())
    }

    /// A memory of another user or host is taken over when the listing shares a unique-id with it.
    fn accept_identity(&mut self, drop: &Maildrop) -> Result<(), Stopped> {
        let ours = identity(self.account);
        let memory = self.journal.memory();
        let Some(theirs) = memory.identity().filter(|theirs| **theirs != ours) else {
            return Ok(());
        };
        let shares = memory.is_empty()
            || drop
                .listing
                .iter()
                .filter_map(|scan| scan.uid)
                .any(|uid| memory.get(uid).is_some());
        if !shares && !self.run.options.accept_new_uids {
            let what = format!(
                "{}: is the memory of {} at {}, and this maildrop shares no unique-id with it",
                self.account.journal.display(),
                theirs.user,
                theirs.host
            );
            return Err(Failure {
                hint: Some(Hint::AcceptNewUids),
                ..failure::plain(Class::Protocol, what)
            }
            .into());
        }
        self.journal
            .adopt(&ours)
            .map_err(|error| failure::memory(&error).into())
    }
}
