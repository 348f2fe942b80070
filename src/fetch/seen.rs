//! `seen`: the memory of unique-ids, shown, marked, forgotten.

use super::Run;
use super::account::report;
use super::batch::now;
use super::event::{Event, Summing};
use super::failure::{self, Stopped};
use super::listing;
use super::login;
use super::look::memory;
use super::presence::OVERSIZE;
use super::settle::Ready;
use crate::config::Account;
use crate::message::Print;
use crate::secret::Secret;
use crate::state::{Journal, Line, Record, escape};

/// Shows what is remembered; takes no lock and writes nothing.
pub(super) fn show(run: &Run<'_>, account: &Account) -> Summing {
    let mut sum = Summing::default();
    match memory(account) {
        Ok(memory) => {
            for (uid, record) in memory.iter() {
                let why = memory.failure(&crate::state::unescape(uid));
                // Left out by the user's own rule: nothing has failed.
                let oversize = why.as_deref() == Some(OVERSIZE);
                let failures = if oversize { 0 } else { record.failures };
                let record = Record { failures, ..record };
                run.listener.event(
                    &account.name,
                    Event::Remembered {
                        uid,
                        record,
                        why: why.as_deref(),
                    },
                );
            }
        }
        Err(failure) => report(run, account, &mut sum, failure.into()),
    }
    sum
}

/// What is to be marked: these unique-ids (as the journal writes them), or what the server lists now.
pub(super) enum Mark<'a> {
    These(&'a [String]),
    Listed(Result<Secret, Stopped>),
}

/// Marks as known (skipped, never deleted), or as delivered elsewhere.
pub(super) fn mark(
    run: &Run<'_>,
    account: &Account,
    ready: &mut Ready,
    what: Mark<'_>,
    delivered: bool,
) -> Summing {
    let mut sum = Summing::default();
    let marked = match what {
        Mark::These(uids) => Ok(uids.iter().map(|uid| crate::state::unescape(uid)).collect()),
        Mark::Listed(password) => password.and_then(|password| listed(run, account, &password)),
    };
    let marked =
        marked.and_then(|uids: Vec<Vec<u8>>| remember(&mut ready.journal, &uids, delivered));
    match marked {
        Ok(changed) => run.listener.event(&account.name, Event::Changed(changed)),
        Err(stopped) => report(run, account, &mut sum, stopped),
    }
    sum
}

fn listed(run: &Run<'_>, account: &Account, password: &Secret) -> Result<Vec<Vec<u8>>, Stopped> {
    let mut opened = login::open(run, account, login::knock(run, account)?, password)?;
    let drop = listing::list(account, &mut opened)?;
    let uids = drop
        .listing
        .iter()
        .filter_map(|scan| scan.uid)
        .map(<[u8]>::to_vec)
        .collect();
    listing::leave(opened.transaction, drop.topped);
    Ok(uids)
}

fn remember(journal: &mut Journal, uids: &[Vec<u8>], delivered: bool) -> Result<u64, Stopped> {
    let time = now();
    let mut copies: std::collections::HashMap<&[u8], u32> = std::collections::HashMap::new();
    let lines: Vec<Line<'_>> = uids
        .iter()
        .filter_map(|uid| {
            let copy = copies.entry(uid).or_insert(0);
            *copy += 1;
            let record = journal.memory().get(uid).unwrap_or_default();
            if delivered {
                let print = record.print.unwrap_or(Print([0; 12]));
                (record.delivered < *copy).then_some(Line::Delivered { time, print, uid })
            } else {
                (!record.known && record.delivered < *copy && *copy == 1)
                    .then_some(Line::Known { time, uid })
            }
        })
        .collect();
    if !lines.is_empty() {
        journal
            .append(&lines)
            .and_then(|()| journal.flush())
            .map_err(|error| failure::memory(&error))?;
    }
    Ok(lines.len() as u64)
}

/// Forgets these unique-ids (as the journal writes them), or all.
pub(super) fn forget(
    run: &Run<'_>,
    account: &Account,
    ready: &mut Ready,
    uids: &[String],
    all: bool,
) -> Summing {
    let mut sum = Summing::default();
    let wanted: std::collections::HashSet<String> = uids
        .iter()
        .map(|uid| escape(&crate::state::unescape(uid)))
        .collect();
    let mut changed = 0;
    let rewritten = ready.journal.rewrite(&mut |uid, record| {
        if all || wanted.contains(uid) {
            changed += 1;
            return None;
        }
        Some(record)
    });
    match rewritten {
        Ok(()) => run.listener.event(&account.name, Event::Changed(changed)),
        Err(error) => report(run, account, &mut sum, failure::memory(&error).into()),
    }
    sum
}
