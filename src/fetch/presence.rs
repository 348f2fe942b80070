//! What a listing tells the memory: what is missing, what is back, what is left out this time.

use std::collections::{HashMap, HashSet};

use super::account::{Courier, with_mail};
use super::batch::now;
use super::event::{Event, Skip};
use super::failure::{self, Stopped};
use super::listing::Maildrop;
use super::plan::{Copies, Plan};
use super::retrieval::Haul;
use crate::state::{Line, Record, escape, unescape};

/// What the journal says of a message that `max_size` keeps on the server.
pub(super) const OVERSIZE: &str = "larger than max_size";

impl Courier<'_> {
    /// Remembers which unique-ids went missing, which came back, and of which fewer copies are listed than were delivered.
    pub(super) fn note_presence(
        &mut self,
        drop: &Maildrop,
        copies: &Copies,
        plan: &Plan,
    ) -> Result<(), Stopped> {
        if drop.by_content {
            return Ok(());
        }
        if drop.listing.is_empty() {
            return self.forget_deleted();
        }
        let listed: HashSet<String> = {
            let memory = self.journal.memory();
            let present = memory
                .iter()
                .filter(|(_, record)| record.absent_since.is_none())
                .count();
            let met = drop.listing.iter().enumerate().filter(|&(position, scan)| {
                let first =
                    u32::try_from(position).is_ok_and(|position| copies.place(position).0 == 0);
                first
                    && scan.uid.is_some_and(|uid| {
                        memory
                            .get(uid)
                            .is_some_and(|record| record.absent_since.is_none())
                    })
            });
            // The common case, nothing missing, costs two passes and no set.
            if met.count() == present {
                HashSet::new()
            } else {
                drop.listing
                    .iter()
                    .filter_map(|scan| scan.uid)
                    .map(escape)
                    .collect()
            }
        };
        let mut missing: Vec<Vec<u8>> = Vec::new();
        if !listed.is_empty() {
            let memory = self.journal.memory().iter();
            missing.extend(
                memory
                    .filter(|(uid, record)| record.absent_since.is_none() && !listed.contains(*uid))
                    .map(|(uid, _)| unescape(uid)),
            );
        }
        let time = now();
        let returned = plan
            .returned
            .iter()
            .filter_map(|&position| drop.listing.get(position as usize)?.uid);
        let mut lines: Vec<Line<'_>> = returned.map(|uid| Line::Absent { time: 0, uid }).collect();
        lines.extend(missing.iter().map(|uid| Line::Absent { time, uid }));
        self.remember(&lines)?;
        self.recount(drop, &plan.recount)
    }

    /// An empty listing marks nothing as missing, for it may be a fault of the server that passes. What QUIT confirmed
    /// to be deleted is gone all the same: whatever comes under its unique-id from now on is another message.
    fn forget_deleted(&mut self) -> Result<(), Stopped> {
        let gone: Vec<Vec<u8>> = self
            .journal
            .memory()
            .iter()
            .filter(|(_, record)| record.deleted && record.absent_since.is_none())
            .map(|(uid, _)| unescape(uid))
            .collect();
        let time = now();
        let lines: Vec<Line<'_>> = gone.iter().map(|uid| Line::Absent { time, uid }).collect();
        self.remember(&lines)
    }

    /// Fewer copies are listed than were delivered: the memory's count becomes the listing's.
    pub(super) fn recount(
        &mut self,
        drop: &Maildrop,
        recount: &[(u32, u32)],
    ) -> Result<(), Stopped> {
        if recount.is_empty() {
            return Ok(());
        }
        let counts: HashMap<String, u32> = recount
            .iter()
            .filter_map(|&(position, listed)| {
                Some((escape(drop.listing.get(position as usize)?.uid?), listed))
            })
            .collect();
        self.journal
            .rewrite(&mut |uid, record| {
                Some(match counts.get(uid) {
                    Some(&listed) => Record {
                        delivered: record.delivered.min(listed),
                        ..record
                    },
                    None => record,
                })
            })
            .map_err(|error| failure::memory(&error).into())
    }

    /// Says what is skipped; an oversize message is said once and remembered as said.
    pub(super) fn note_skipped(&mut self, drop: &Maildrop, plan: &Plan) -> Result<(), Stopped> {
        let mut said = Vec::new();
        for &(position, why) in &plan.skip {
            let Some(scan) = drop.listing.get(position as usize) else {
                continue;
            };
            match why {
                // As many as there are, they are only counted.
                Skip::Limit => {
                    self.sum.left += 1;
                    continue;
                }
                Skip::Oversize => {
                    self.sum.oversize += 1;
                    if let Some(uid) = scan.uid {
                        if self.journal.memory().failure(uid).as_deref() == Some(OVERSIZE) {
                            continue;
                        }
                        said.push(uid);
                    }
                }
                Skip::Seen | Skip::SetAside | Skip::EarlierCopy | Skip::NoUniqueId => {}
            }
            with_mail(drop, position, |mail| self.tell(Event::Skipped(mail, why)));
        }
        let time = now();
        let lines: Vec<Line<'_>> = said
            .iter()
            .map(|uid| Line::Failed {
                time,
                count: 1,
                uid,
                why: OVERSIZE,
            })
            .collect();
        self.remember(&lines)
    }

    /// `--all` delivered again what the memory counts already: a later twin must not pass for delivered.
    pub(super) fn recount_refetched(
        &mut self,
        drop: &Maildrop,
        copies: &Copies,
        haul: &Haul,
    ) -> Result<(), Stopped> {
        let recount: Vec<(u32, u32)> = haul
            .delivered
            .iter()
            .filter_map(|&position| {
                let (_, listed) = copies.place(position);
                let record = self
                    .journal
                    .memory()
                    .get(drop.listing.get(position as usize)?.uid?)?;
                (record.delivered > listed).then_some((position, listed))
            })
            .collect();
        self.recount(drop, &recount)
    }
}
