//! Looking without touching: `check`, `list`, `info`. No RETR, no lock, nothing written.

use std::collections::HashMap;
use std::time::Instant;

use super::Run;
use super::account::report;
use super::batch::now;
use super::event::{Event, Failure, Info, Mail, SetAside, Summing};
use super::failure::{self, Stopped};
use super::listing;
use super::login;
use super::plan::{Copies, Rules, pause, plan};
use super::presence::OVERSIZE;
use super::turnover;
use crate::config::{Account, Keep};
use crate::message::Summary;
use crate::pop3::MessageNumber;
use crate::secret::Secret;
use crate::state::{Memory, escape};

fn timed(
    run: &Run<'_>,
    account: &Account,
    work: impl FnOnce(&mut Summing) -> Result<(), Stopped>,
) -> Summing {
    let begun = Instant::now();
    let mut sum = Summing::default();
    if let Err(stopped) = work(&mut sum) {
        report(run, account, &mut sum, stopped);
    }
    sum.elapsed = begun.elapsed();
    sum
}

pub(super) fn memory(account: &Account) -> Result<Memory, Failure> {
    Memory::read(&account.journal).map_err(|error| failure::memory(&error))
}

/// Counts what waits.
pub(super) fn check(run: &Run<'_>, account: &Account, password: &Secret) -> Summing {
    timed(run, account, |sum| {
        let memory = memory(account)?;
        let mut opened = login::open(run, account, login::knock(run, account)?, password)?;
        let mut drop = listing::list(account, &mut opened)?;
        let renewed = turnover::renewed(account, &mut opened, &mut drop, &memory, false)?;
        let rules = Rules {
            now: now(),
            keep: Keep::Always,
            ..Rules::default()
        };
        let plan = plan(&drop.listing, &Copies::of(&drop.listing), &memory, &rules);
        let (mut new, mut new_octets) = (0, 0);
        for position in plan
            .fetch
            .iter()
            .copied()
            .chain(plan.skip.iter().map(|&(position, _)| position))
            .filter(|position| !renewed.contains(position))
        {
            new += 1;
            new_octets += drop
                .listing
                .get(position as usize)
                .and_then(|scan| scan.octets)
                .unwrap_or(0);
        }
        let total_octets = drop.listing.iter().filter_map(|scan| scan.octets).sum();
        let total = drop.listing.len() as u64;
        run.listener.event(
            &account.name,
            Event::Counted {
                new,
                new_octets,
                total,
                total_octets,
            },
        );
        sum.listed = Some(total);
        sum.outcome.messages = new;
        listing::leave(opened.transaction, drop.topped);
        Ok(())
    })
}

/// Shows every message.
pub(super) fn list(run: &Run<'_>, account: &Account, password: &Secret) -> Summing {
    timed(run, account, |sum| {
        let memory = memory(account)?;
        let mut opened = login::open(run, account, login::knock(run, account)?, password)?;
        let mut drop = listing::list(account, &mut opened)?;
        sum.listed = Some(drop.listing.len() as u64);
        // What cannot be told from new mail is shown as new: it is looked at, not fetched.
        let renewed = turnover::renewed(account, &mut opened, &mut drop, &memory, true)?;
        let copies = Copies::of(&drop.listing);
        let show = |position: u32, summary: Option<&Summary>| {
            let Some(scan) = drop.listing.get(position as usize) else {
                return;
            };
            let record = scan.uid.and_then(|uid| memory.get(uid));
            let seen = renewed.contains(&position)
                || record.is_some_and(|record| {
                    record.known || record.deleted || copies.place(position).0 < record.delivered
                });
            let why = scan.uid.and_then(|uid| memory.failure(uid));
            let why = why.as_deref().unwrap_or_default();
            let set_aside = record
                .filter(|record| !seen && record.failures > 0 && why != OVERSIZE)
                .map(|record| SetAside {
                    failures: record.failures,
                    next_try: record.failed + pause(record.failures),
                    why,
                });
            let uid = scan.uid.map(escape).unwrap_or_default();
            let mail = Mail {
                number: scan.number,
                octets: scan.octets,
                uid: &uid,
            };
            run.listener.event(
                &account.name,
                Event::Listed {
                    mail,
                    summary,
                    seen,
                    set_aside,
                },
            );
        };
        let capabilities = opened.transaction.capabilities();
        let top = !drop.listing.is_empty() && (!capabilities.known || capabilities.top);
        if !top {
            (0u32..)
                .zip(drop.listing.iter())
                .for_each(|(position, _)| show(position, None));
            listing::leave(opened.transaction, drop.topped);
            return Ok(());
        }
        let numbers: Vec<MessageNumber> = drop.listing.iter().map(|scan| scan.number).collect();
        let positions: HashMap<MessageNumber, u32> = numbers.iter().copied().zip(0..).collect();
        listing::headers(
            account,
            &mut opened.transaction,
            &numbers,
            drop.window,
            |number, header| {
                if let Some(&position) = positions.get(&number) {
                    show(
                        position,
                        header.map(crate::message::Header::summary).as_ref(),
                    );
                }
            },
        )?;
        listing::leave(opened.transaction, true);
        Ok(())
    })
}

/// Shows the server. Without a password: what can be seen before login.
pub(super) fn info(run: &Run<'_>, account: &Account, password: Result<Secret, Stopped>) -> Summing {
    timed(run, account, |_| {
        let door = login::knock(run, account)?;
        let info = door.info(account);
        let tell = |info: Info| {
            run.listener
                .event(&account.name, Event::Info(Box::new(info)));
        };
        let password = match password {
            Ok(password) => password,
            Err(stopped) => {
                tell(info);
                door.leave();
                return Err(stopped);
            }
        };
        let mut opened = match login::open(run, account, door, &password) {
            Ok(opened) => opened,
            Err(stopped) => {
                tell(info);
                return Err(stopped);
            }
        };
        let method = Some(opened.method);
        let asked = opened
            .transaction
            .capa()
            .map_err(|error| failure::wire(account, error));
        let after_login = asked.map(|capabilities| capabilities.lines.clone());
        match after_login {
            Ok(lines) => tell(Info {
                after_login: Some(lines),
                method,
                ..info
            }),
            Err(stopped) => {
                tell(Info { method, ..info });
                return Err(stopped);
            }
        }
        listing::leave(opened.transaction, false);
        Ok(())
    })
}
