//! Unique-ids under which another message stands now.
//!
//! RFC 1939 section 7 forbids it while the session's maildrop has the first one, and no longer; servers that number
//! their messages from 1 do it every day. A message that would be deleted unread is looked at first.

use super::account::Courier;
use super::batch::now;
use super::event::Event;
use super::failure::Stopped;
use super::listing::Maildrop;
use super::login::Opened;
use super::plan::{Copies, Plan};
use super::turnover::look;
use crate::state::Line;

impl Courier<'_> {
    /// Compares the fingerprints of what the plan deletes without having fetched it in this session with those that
    /// are remembered; forgets each unique-id of which no listed copy is the remembered message. True if there was one.
    ///
    /// Where there is no TOP, or no fingerprint to compare with, the unique-id is believed.
    pub(super) fn forget_reused(
        &mut self,
        opened: &mut Opened<'_>,
        drop: &mut Maildrop,
        copies: &Copies,
        plan: &Plan,
    ) -> Result<bool, Stopped> {
        // Where fingerprints stand in for unique-ids, they have been compared already.
        if !drop.listing.has_uids {
            return Ok(false);
        }
        let memory = self.journal.memory();
        let printed = |&position: &usize| {
            let uid = drop.listing.get(position).and_then(|scan| scan.uid);
            uid.and_then(|uid| memory.get(uid))
                .is_some_and(|record| record.print.is_some())
        };
        let positions: Vec<usize> = plan
            .delete
            .iter()
            .map(|&position| position as usize)
            .filter(printed)
            .collect();
        if positions.is_empty() {
            return Ok(false);
        }
        let prints = look(self.account, opened, drop, &positions)?;
        let number = |position: u32| drop.listing.get(position as usize).map(|scan| scan.number);
        let memory = self.journal.memory();
        let firsts = positions
            .iter()
            .filter_map(|&position| u32::try_from(position).ok());
        let reused: Vec<&[u8]> = firsts
            .filter(|&position| copies.place(position).0 == 0)
            .filter_map(|position| {
                let uid = drop.listing.get(position as usize)?.uid?;
                let remembered = memory.get(uid)?.print?;
                let shown = copies
                    .all(&position)
                    .iter()
                    .filter_map(|&copy| number(copy))
                    .map(|number| prints.get(&number));
                let is_another = shown
                    .into_iter()
                    .all(|print| print.is_some_and(|print| *print != remembered));
                is_another.then_some(uid)
            })
            .collect();
        if reused.is_empty() {
            return Ok(false);
        }
        let time = now();
        let forget = |uid| [Line::Deleted { time, uid }, Line::Absent { time, uid }];
        let lines: Vec<Line<'_>> = reused.iter().flat_map(|&uid| forget(uid)).collect();
        self.remember(&lines)?;
        self.tell(Event::Note(&format!(
            "{} messages stand under unique-ids of others that were delivered: they are new",
            reused.len()
        )));
        Ok(true)
    }
}
