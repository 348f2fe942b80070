//! `--dry-run`: what a fetch would do, said and not done.

use std::time::Instant;

use super::Run;
use super::account::{announce, report, rules, with_mail};
use super::event::{Event, Skip, Summing};
use super::failure::{self, Stopped};
use super::listing;
use super::login;
use super::plan::{self, Copies};
use super::turnover;
use crate::config::Account;
use crate::deliver;
use crate::secret::Secret;
use crate::state::Memory;

/// Says what a fetch would do, and does nothing of it.
pub(super) fn dry_run(
    run: &Run<'_>,
    account: &Account,
    memory: &Memory,
    password: &Secret,
) -> Summing {
    let begun = Instant::now();
    let mut sum = Summing::default();
    match rehearse(run, account, memory, password) {
        Ok(listed) => sum.listed = Some(listed),
        Err(stopped) => report(run, account, &mut sum, stopped),
    }
    sum.elapsed = begun.elapsed();
    sum
}

fn rehearse(
    run: &Run<'_>,
    account: &Account,
    memory: &Memory,
    password: &Secret,
) -> Result<u64, Stopped> {
    let tell = |event: Event<'_>| run.listener.event(&account.name, event);
    if let Some(target) = &account.target {
        deliver::check(target).map_err(|error| failure::delivery(&error))?;
    }
    let open: usize = memory
        .open()
        .iter()
        .map(|intents| intents.messages.len())
        .sum();
    if open > 0 {
        tell(Event::WouldSettle(open as u64));
    }
    let mut opened = login::open(run, account, login::knock(run, account)?, password)?;
    let mut drop = listing::list(account, &mut opened)?;
    let accept = run.options.accept_new_uids;
    let renewed = turnover::renewed(account, &mut opened, &mut drop, memory, accept)?;
    let mut plan = plan::plan(
        &drop.listing,
        &Copies::of(&drop.listing),
        memory,
        &rules(run, account, &drop, memory),
    );
    plan.fetch.retain(|position| !renewed.contains(position));
    announce(run, account, &drop, &plan);
    for &position in &plan.fetch {
        with_mail(&drop, position, |mail| tell(Event::WouldFetch(mail)));
    }
    let skipped = plan.skip.iter().filter(|(_, why)| *why != Skip::Limit);
    for &(position, why) in skipped {
        with_mail(&drop, position, |mail| tell(Event::Skipped(mail, why)));
    }
    for &position in &plan.delete {
        with_mail(&drop, position, |mail| tell(Event::WouldDelete(mail)));
    }
    listing::leave(opened.transaction, drop.topped);
    Ok(drop.listing.len() as u64)
}
