//! The open batch: messages staged but not yet committed, and the one order in which they are:
//! prepared, intents remembered, published, outcomes remembered, released.

use std::time::{Duration, Instant};

use super::event::{Event, Failure, Listener, Mail};
use super::failure;
use super::outcome::Class;
use crate::deliver::{Delivery, Intents, Outcome};
use crate::message::Print;
use crate::state::{Journal, Line, escape};

/// Messages of a batch after which it is committed.
const MESSAGES: usize = 128;
/// Octets of a batch after which it is committed.
const OCTETS: u64 = 64 * 1024 * 1024;
/// How long a message may wait for its batch to fill.
const AGE: Duration = Duration::from_secs(1);
/// How long the outcome of a command may wait for its flush: there are no intents to settle it by.
const UNFLUSHED: Duration = Duration::from_millis(250);

/// Room in the journal for one outcome, octets.
const OUTCOME: u64 = 4096;

/// A message staged: whole where it waits, not yet visible.
#[derive(Debug)]
pub(super) struct Staged {
    /// Position in the listing.
    pub(super) position: u32,
    pub(super) number: u32,
    pub(super) octets: u64,
    pub(super) uid: Vec<u8>,
    pub(super) print: Print,
}

/// What a commit brought.
#[derive(Debug, Default)]
pub(super) struct Committed {
    /// Positions delivered (or dropped on purpose), and remembered.
    pub(super) delivered: Vec<u32>,
    pub(super) octets: u64,
    pub(super) dropped: u64,
    /// The worst of what failed.
    pub(super) class: Option<Class>,
    /// Unique-ids that were not delivered: later copies of them wait.
    pub(super) failed: Vec<Vec<u8>>,
}

/// Where messages go and what is waiting there.
pub(super) struct Batch<'a> {
    account: &'a str,
    listener: &'a dyn Listener,
    delivery: Box<dyn Delivery>,
    staged: Vec<Staged>,
    octets: u64,
    opened: Instant,
}

impl<'a> Batch<'a> {
    pub(super) fn new(
        account: &'a str,
        listener: &'a dyn Listener,
        delivery: Box<dyn Delivery>,
    ) -> Self {
        Self {
            account,
            listener,
            delivery,
            staged: Vec::new(),
            octets: 0,
            opened: Instant::now(),
        }
    }

    pub(super) fn delivery(&mut self) -> &mut dyn Delivery {
        self.delivery.as_mut()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.staged.is_empty()
    }

    /// The message in hand is whole: it belongs to the batch.
    pub(super) fn add(&mut self, staged: Staged) {
        if self.staged.is_empty() {
            self.opened = Instant::now();
        }
        self.octets += staged.octets;
        self.staged.push(staged);
    }

    /// Whether it has to be committed before another message is staged.
    pub(super) fn is_full(&self) -> bool {
        !self.is_empty()
            && (self.staged.len() >= self.delivery.capacity().min(MESSAGES)
                || self.octets >= OCTETS
                || self.opened.elapsed() >= AGE)
    }

    /// Delivered, flushed to disk, remembered: in this order, each step after the one before it has returned.
    pub(super) fn commit(&mut self, journal: &mut Journal) -> Result<Committed, Failure> {
        let staged = std::mem::take(&mut self.staged);
        self.octets = 0;
        if staged.is_empty() {
            return Ok(Committed::default());
        }
        let intents = self
            .delivery
            .prepare()
            .map_err(|error| failure::delivery(&error))?;
        if let Err(error) = write_intents(journal, self.delivery.as_ref(), &intents, &staged) {
            self.delivery.abandon();
            return Err(failure::memory(&error));
        }
        // What a command did before is flushed while this one runs: there is no order to keep between the two.
        if !matches!(intents, Intents::Nothing)
            && let Err(error) = journal.flush()
        {
            // The disk may have the intents or not: what waits is left as it is, and the next run settles it.
            self.delivery.release();
            return Err(failure::memory(&error));
        }
        let published = self
            .delivery
            .publish()
            .map_err(|error| failure::delivery(&error));
        let committed = published
            .and_then(|outcomes| self.remember_outcomes(journal, &intents, &staged, &outcomes));
        self.delivery.release();
        for note in self.delivery.notes() {
            self.listener.event(self.account, Event::Note(&note));
        }
        committed
    }

    fn remember_outcomes(
        &mut self,
        journal: &mut Journal,
        intents: &Intents,
        staged: &[Staged],
        outcomes: &[Outcome],
    ) -> Result<Committed, Failure> {
        let time = now();
        let mut lines = Vec::with_capacity(staged.len());
        for (mail, outcome) in staged.iter().zip(outcomes) {
            match outcome {
                Outcome::Delivered | Outcome::Dropped => lines.push(Line::Delivered {
                    time,
                    print: mail.print,
                    uid: &mail.uid,
                }),
                // Worth another try with the next run, and no word about the message; what was intended is not any more.
                Outcome::Later(_) if matches!(intents, Intents::Nothing) => {}
                Outcome::Later(_) => lines.push(Line::Undone { uid: &mail.uid }),
                Outcome::Failed(why) => {
                    let count = journal
                        .memory()
                        .get(&mail.uid)
                        .map_or(0, |record| record.failures)
                        + 1;
                    if !matches!(intents, Intents::Nothing) {
                        lines.push(Line::Undone { uid: &mail.uid });
                    }
                    lines.push(Line::Failed {
                        time,
                        count,
                        uid: &mail.uid,
                        why,
                    });
                }
            }
        }
        let written = if lines.is_empty() {
            Ok(())
        } else {
            journal.append(&lines)
        };
        written.map_err(|error| failure::memory(&error))?;
        let flushed = match intents {
            Intents::Nothing => journal.flush_within(UNFLUSHED),
            // What stands in a Maildir needs no word of the journal to be found there after a crash, so the flush is
            // that of the next batch's intents, or of the session's last.
            Intents::Names(_) => Ok(()),
            // An mbox is not to be unlocked before.
            Intents::Region(_) => journal.flush(),
        };
        flushed.map_err(|error| failure::memory(&error))?;
        Ok(self.tell(staged, outcomes))
    }

    fn tell(&self, staged: &[Staged], outcomes: &[Outcome]) -> Committed {
        let mut committed = Committed::default();
        for (mail, outcome) in staged.iter().zip(outcomes) {
            let uid = escape(&mail.uid);
            let shown = Mail {
                number: mail.number,
                octets: Some(mail.octets),
                uid: &uid,
            };
            let (class, why) = match outcome {
                Outcome::Delivered | Outcome::Dropped => {
                    committed.delivered.push(mail.position);
                    if *outcome == Outcome::Dropped {
                        committed.dropped += 1;
                        self.listener.event(self.account, Event::Dropped(shown));
                    } else {
                        committed.octets += mail.octets;
                        self.listener.event(self.account, Event::Delivered(shown));
                    }
                    continue;
                }
                Outcome::Later(why) => (Class::Temporary, why),
                Outcome::Failed(why) => (Class::Delivery, why),
            };
            committed.failed.push(mail.uid.clone());
            committed.class = committed.class.max(Some(class));
            self.listener.event(
                self.account,
                Event::MessageFailed(shown, failure::plain(class, why.as_str())),
            );
        }
        committed
    }
}

fn write_intents(
    journal: &mut Journal,
    delivery: &dyn Delivery,
    intents: &Intents,
    staged: &[Staged],
) -> Result<(), crate::state::Error> {
    let time = now();
    let mut lines = vec![Line::Destination(delivery.destination())];
    match intents {
        // What is done cannot be undone when the disk has no room for the word of it.
        Intents::Nothing => return journal.reserve(OUTCOME),
        Intents::Names(names) => {
            lines.extend(names.iter().zip(staged).map(|(name, mail)| Line::Intent {
                time,
                name,
                print: mail.print,
                uid: &mail.uid,
            }));
        }
        Intents::Region(region) => {
            lines.push(Line::Region {
                time,
                offset: region.offset,
                length: region.length,
                before: region.before,
            });
            let members = region.members.iter().zip(staged);
            lines.extend(members.map(|(member, mail)| Line::Member {
                member: *member,
                print: mail.print,
                uid: &mail.uid,
            }));
        }
    }
    journal.append(&lines)
}

/// Seconds since 1970.
pub(super) fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}
