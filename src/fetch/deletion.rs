//! DELE and QUIT: only what is delivered and remembered, and only QUIT's +OK ends it.

use std::collections::HashSet;
use std::time::Duration;

use super::account::Courier;
use super::batch::now;
use super::event::{Event, Failure, Hint};
use super::failure::{self, Stopped};
use super::listing::{self, Maildrop};
use super::login::Opened;
use super::outcome::Class;
use super::plan::{self, Copies, Plan, Rules};
use super::retrieval::Haul;
use crate::config::Keep;
use crate::pop3::{MessageNumber, Reply, Update};
use crate::state::Line;

/// What DELE and QUIT may take after a signal, all in all.
const PARTING: Duration = Duration::from_secs(5);

impl Courier<'_> {
    /// The UPDATE state (RFC 1939 section 6): only QUIT's +OK ends the deletions.
    pub(super) fn delete_and_quit(
        &mut self,
        mut opened: Opened<'_>,
        drop: &Maildrop,
        copies: &Copies,
        plan: &Plan,
        haul: &Haul,
        rules: &Rules,
    ) -> Result<(), Stopped> {
        if self.run.options.all {
            self.recount_refetched(drop, copies, haul)?;
        }
        if listing::quit_deletes_retrieved(&opened.transaction)
            && (haul.unremembered || drop.topped && !plan.skip.is_empty())
        {
            self.tell(Event::Note("the server deletes with QUIT what was retrieved (EXPIRE 0), and not all of it is delivered: closed without QUIT"));
            opened.transaction.close();
            return Ok(());
        }
        let positions = self.deletions(drop, copies, plan, haul, rules);
        let numbers: Vec<MessageNumber> = positions
            .iter()
            .filter_map(|&position| Some(drop.listing.get(position as usize)?.number))
            .collect();
        let account = self.account;
        if self.run.stop.raised().is_some() {
            opened.transaction.wire().part(PARTING);
        }
        let (update, refused) = match opened
            .transaction
            .delete_and_quit(&numbers, drop.window.commands > 1)
        {
            Ok(ended) => ended,
            // All is remembered and nothing was asked for: a server that hangs up early has nothing to answer for.
            Err(_) if numbers.is_empty() => return Ok(()),
            Err(error) => {
                return Err(match failure::wire(account, error) {
                    Stopped::Failed(failure) => {
                        let what = format!(
                            "{}: the deletion of {} delivered messages was not confirmed",
                            failure.what,
                            numbers.len()
                        );
                        Failure {
                            what,
                            hint: Some(Hint::NextRun),
                            ..failure
                        }
                        .into()
                    }
                    signal => signal,
                });
            }
        };
        if let Update::Refused(reply) = update {
            if numbers.is_empty() {
                return Ok(());
            }
            return Err(failure::refused(
                account,
                Class::Temporary,
                "the server did not delete what it was asked to",
                reply,
            )
            .into());
        }
        self.remember_deletions(drop, copies, haul, &positions, &refused)
    }

    /// What can go: delivered, every listed copy of it, and as the account says.
    fn deletions(
        &self,
        drop: &Maildrop,
        copies: &Copies,
        plan: &Plan,
        haul: &Haul,
        rules: &Rules,
    ) -> Vec<u32> {
        let mut positions = plan.delete.clone();
        if drop.by_content {
            positions.extend(&haul.delivered);
        } else if rules.keep == Keep::Never {
            let memory = self.journal.memory();
            // Once for all copies of a unique-id.
            let firsts: HashSet<u32> = haul
                .delivered
                .iter()
                .map(|&position| copies.first(position))
                .collect();
            for position in firsts {
                let Some(uid) = drop
                    .listing
                    .get(position as usize)
                    .and_then(|scan| scan.uid)
                else {
                    continue;
                };
                let all = copies.all(&position);
                let listed = u32::try_from(all.len()).unwrap_or(u32::MAX);
                if memory
                    .get(uid)
                    .is_some_and(|record| plan::deletable(&record, listed, rules))
                {
                    positions.extend(all);
                }
            }
        }
        positions.sort_unstable();
        positions.dedup();
        positions
    }

    fn remember_deletions(
        &mut self,
        drop: &Maildrop,
        copies: &Copies,
        haul: &Haul,
        positions: &[u32],
        refused: &[(MessageNumber, Reply)],
    ) -> Result<(), Stopped> {
        let numbers: HashSet<MessageNumber> = refused.iter().map(|(number, _)| *number).collect();
        // By the first copy: a unique-id of which one stays is not gone.
        let kept: HashSet<u32> = positions
            .iter()
            .filter(|&&position| {
                let scan = drop.listing.get(position as usize);
                scan.is_some_and(|scan| numbers.contains(&scan.number))
            })
            .map(|&position| copies.first(position))
            .collect();
        let gone: Vec<u32> = positions
            .iter()
            .copied()
            .filter(|position| !kept.contains(&copies.first(*position)))
            .collect();
        self.sum.deleted = gone.len() as u64;
        let time = now();
        let uids = gone
            .iter()
            .filter(|&&position| copies.place(position).0 == 0);
        let mut lines: Vec<Line<'_>> = uids
            .filter_map(|&position| {
                Some(Line::Deleted {
                    time,
                    uid: drop.listing.get(position as usize)?.uid?,
                })
            })
            .collect();
        // No listing will ever say that these are gone: QUIT did.
        for uid in gone
            .iter()
            .filter_map(|position| haul.contents.get(position))
        {
            lines.extend([Line::Deleted { time, uid }, Line::Absent { time, uid }]);
        }
        self.remember(&lines)?;
        if self.sum.deleted > 0 {
            self.tell(Event::Deleted(self.sum.deleted));
        }
        match refused.first() {
            None => Ok(()),
            Some((number, reply)) => {
                let what = format!(
                    "the server refused to delete {} of {} messages, first message {number}",
                    refused.len(),
                    positions.len()
                );
                Err(failure::refused(self.account, Class::Protocol, what, reply.clone()).into())
            }
        }
    }
}
