//! A listing in which nothing of what was left on the server is to be seen: has the maildrop turned over, or has the
//! server given new unique-ids to what it had? Told by the fingerprints of some messages.

use std::collections::{HashMap, HashSet};

use super::account::Courier;
use super::event::{Event, Failure, Hint};
use super::failure::{self, Stopped};
use super::listing::{self, Maildrop};
use super::login::Opened;
use super::plan::Remembers;
use crate::config::Account;
use crate::message::Print;
use crate::pop3::{Listing, MessageNumber};
use crate::state::{Line, Memory, Record};

/// So many must have been left on the server for their absence to say something.
const LEFT: u64 = 10;
/// Messages looked at, spread over the listing.
const SAMPLE: usize = 20;

/// What a suspect listing turns out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Other messages: the maildrop has turned over.
    Others,
    /// The same messages under new unique-ids.
    Renumbered,
    /// It cannot be told, and there is much to be fetched again if it is the wrong guess.
    Held,
}

/// What there is to judge by.
#[derive(Debug, Clone, Copy, Default)]
struct Evidence {
    /// Messages left on the server in the last session.
    left: u64,
    /// How many of those have a fingerprint.
    printed: u64,
    /// Messages listed now.
    listed: u64,
    /// How many of those were looked at.
    sampled: u64,
    /// How many of those have a fingerprint that is remembered.
    known: u64,
}

impl Evidence {
    fn verdict(&self) -> Verdict {
        if self.known > 0 && self.known * 2 >= self.sampled {
            Verdict::Renumbered
        } else if self.known == 0 && self.sampled > 0 && self.printed * 2 >= self.left {
            Verdict::Others
        } else if self.listed * 2 >= self.left {
            Verdict::Held
        } else if self.known > 0 {
            Verdict::Renumbered
        } else {
            Verdict::Others
        }
    }
}

/// Whether a message was on the server when it was last listed.
fn is_left(record: &Record) -> bool {
    !record.deleted && record.absent_since.is_none()
}

/// How many messages were left on the server, if the listing shows none of them and that is suspect.
fn suspect<'m>(
    listing: &Listing,
    memory: &impl Remembers,
    records: impl Iterator<Item = (&'m str, Record)>,
) -> Option<u64> {
    // One that was missing and is back is as good a sign.
    let shown = |uid| memory.record(uid).is_some();
    if listing.is_empty() || listing.iter().filter_map(|scan| scan.uid).any(shown) {
        return None;
    }
    let left = records.filter(|(_, record)| is_left(record)).count() as u64;
    (left >= LEFT).then_some(left)
}

/// Positions spread over so many messages, first and last among them.
fn spread(messages: usize) -> Vec<usize> {
    match messages {
        0..=SAMPLE => (0..messages).collect(),
        _ => (0..SAMPLE)
            .map(|step| step * (messages - 1) / (SAMPLE - 1))
            .collect(),
    }
}

/// What was left on the server, by fingerprint. Two messages with one fingerprint count as two.
#[derive(Debug, Default)]
struct Left(HashMap<Print, Vec<Record>>);

impl Left {
    fn of<'m>(records: impl Iterator<Item = (&'m str, Record)>) -> Self {
        let mut left = Self::default();
        for (_, record) in records.filter(|(_, record)| is_left(record)) {
            let Some(print) = record
                .print
                .filter(|_| record.known || record.delivered > 0)
            else {
                continue;
            };
            let copies = left.0.entry(print).or_default();
            for _ in 0..record.delivered.max(1) {
                copies.push(record);
            }
        }
        left
    }

    fn len(&self) -> u64 {
        self.0.values().map(|copies| copies.len() as u64).sum()
    }

    fn holds(&self, print: Print) -> bool {
        self.0.contains_key(&print)
    }

    /// Takes one message with this fingerprint out.
    fn take(&mut self, print: Print) -> Option<Record> {
        self.0.get_mut(&print)?.pop()
    }
}

/// A message that is known and has a new unique-id.
#[derive(Debug)]
struct Renewal {
    /// Position in the listing.
    position: u32,
    print: Print,
    record: Record,
}

/// Finds out what a listing without anything known is; gives the known messages with their new unique-ids.
///
/// # Errors
/// [`Hint::AcceptNewUids`] when it cannot be told; unless `accept`, in which case all of it is new.
fn examine(
    account: &Account,
    opened: &mut Opened<'_>,
    drop: &mut Maildrop,
    memory: &Memory,
    accept: bool,
) -> Result<Vec<Renewal>, Stopped> {
    if drop.by_content {
        return Ok(Vec::new());
    }
    let Some(left) = suspect(&drop.listing, memory, memory.iter()) else {
        return Ok(Vec::new());
    };
    let mut known = Left::of(memory.iter());
    let sample = spread(drop.listing.len());
    let mut prints = HashMap::new();
    // Without a fingerprint to compare with, nothing need be asked for.
    if known.len() > 0 {
        prints = look(account, opened, drop, &sample)?;
    }
    let evidence = Evidence {
        left,
        printed: known.len(),
        listed: drop.listing.len() as u64,
        sampled: prints.len() as u64,
        known: prints.values().filter(|print| known.holds(**print)).count() as u64,
    };
    match evidence.verdict() {
        Verdict::Others => Ok(Vec::new()),
        Verdict::Held if accept => Ok(Vec::new()),
        Verdict::Held => Err(held(account, &evidence)),
        Verdict::Renumbered => {
            let others: Vec<usize> = (0..drop.listing.len())
                .filter(|position| sample.binary_search(position).is_err())
                .collect();
            prints.extend(look(account, opened, drop, &others)?);
            let renewals = (0u32..)
                .zip(drop.listing.iter())
                .filter_map(|(position, scan)| {
                    let print = *prints.get(&scan.number)?;
                    let record = known.take(print)?;
                    Some(Renewal {
                        position,
                        print,
                        record,
                    })
                });
            Ok(renewals.collect())
        }
    }
}

/// The positions of messages that are known under other unique-ids, for who writes nothing; as [`examine`].
pub(super) fn renewed(
    account: &Account,
    opened: &mut Opened<'_>,
    drop: &mut Maildrop,
    memory: &Memory,
    accept: bool,
) -> Result<HashSet<u32>, Stopped> {
    let renewals = examine(account, opened, drop, memory, accept)?;
    Ok(renewals.iter().map(|renewal| renewal.position).collect())
}

/// The fingerprints of the messages at these positions; none where TOP cannot be had.
pub(super) fn look(
    account: &Account,
    opened: &mut Opened<'_>,
    drop: &mut Maildrop,
    positions: &[usize],
) -> Result<HashMap<MessageNumber, Print>, Stopped> {
    let mut prints = HashMap::new();
    let capabilities = opened.transaction.capabilities();
    if capabilities.known && !capabilities.top {
        return Ok(prints);
    }
    let numbers: Vec<MessageNumber> = positions
        .iter()
        .filter_map(|&position| Some(drop.listing.get(position)?.number))
        .collect();
    drop.topped |= !numbers.is_empty();
    listing::headers(
        account,
        &mut opened.transaction,
        &numbers,
        drop.window,
        |number, header| {
            if let Some(header) = header {
                prints.insert(number, header.print());
            }
        },
    )?;
    Ok(prints)
}

fn held(account: &Account, evidence: &Evidence) -> Stopped {
    let Evidence { left, listed, .. } = evidence;
    Failure {
        hint: Some(Hint::AcceptNewUids),
        ..failure::protocol(
            account,
            format!(
                "none of the {left} messages that were left on the server is listed any more, but {listed} others are; \
                 these may be the same ones under new unique-ids, so nothing is fetched"
            ),
        )
    }
    .into()
}

impl Courier<'_> {
    /// Gives known messages their new unique-ids; holds what cannot be told from new mail.
    pub(super) fn note_turnover(
        &mut self,
        opened: &mut Opened<'_>,
        drop: &mut Maildrop,
    ) -> Result<(), Stopped> {
        let accept = self.run.options.accept_new_uids;
        let renewals = examine(self.account, opened, drop, self.journal.memory(), accept)?;
        let uid = |renewal: &Renewal| drop.listing.get(renewal.position as usize)?.uid;
        let lines = renewals.iter().filter_map(|renewal| {
            let Renewal { print, record, .. } = *renewal;
            let (time, uid) = (record.time, uid(renewal)?);
            Some(if record.delivered > 0 {
                Line::Delivered { time, print, uid }
            } else {
                Line::Known { time, uid }
            })
        });
        // In one write: of half of them the next run would see enough to take the rest for new mail.
        let lines: Vec<Line<'_>> = lines.collect();
        self.remember(&lines)?;
        if !renewals.is_empty() {
            let note = format!(
                "the server has given {} known messages new unique-ids",
                renewals.len()
            );
            self.tell(Event::Note(&note));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    const A: Print = Print([1; 12]);
    const B: Print = Print([2; 12]);

    fn delivered(print: Option<Print>) -> Record {
        Record {
            delivered: 1,
            time: 5,
            print,
            ..Record::default()
        }
    }

    #[test]
    fn verdicts() {
        let evidence = |left, printed, listed, sampled, known| Evidence {
            left,
            printed,
            listed,
            sampled,
            known,
        };
        for (evidence, verdict) in [
            (evidence(10, 10, 10, 10, 10), Verdict::Renumbered),
            (evidence(100, 100, 120, 20, 10), Verdict::Renumbered),
            (evidence(100, 100, 120, 20, 0), Verdict::Others),
            (evidence(100, 50, 1, 1, 0), Verdict::Others),
            // A few are known, or there is too little to compare with.
            (evidence(100, 100, 120, 20, 9), Verdict::Held),
            (evidence(100, 49, 100, 20, 0), Verdict::Held),
            (evidence(100, 100, 50, 0, 0), Verdict::Held),
            // A short listing costs little, whatever it is.
            (evidence(100, 100, 49, 0, 0), Verdict::Others),
            (evidence(100, 100, 49, 20, 9), Verdict::Renumbered),
        ] {
            assert_eq!(evidence.verdict(), verdict, "{evidence:?}");
        }
    }

    #[test]
    fn what_is_suspect() {
        let memory = |left: u8, more: &[(&str, Record)]| -> Vec<(String, Record)> {
            let names = (0..left).map(|n| (format!("old-{n}"), delivered(None)));
            let more = more
                .iter()
                .map(|(uid, record)| ((*uid).to_owned(), *record));
            names.chain(more).collect()
        };
        let gone = Record {
            absent_since: Some(1),
            ..delivered(None)
        };
        let deleted = Record {
            deleted: true,
            ..delivered(None)
        };
        for (left, more, uids, verdict) in [
            (10, vec![], vec!["new"], Some(10)),
            (9, vec![], vec!["new"], None),
            (9, vec![("a", gone), ("b", deleted)], vec!["new"], None),
            (10, vec![("a", gone)], vec!["new", "a"], None),
            (10, vec![("b", deleted)], vec!["new", "b"], None),
            (10, vec![("a", gone), ("b", deleted)], vec!["new"], Some(10)),
            (10, vec![], vec!["new", "old-3"], None),
            (10, vec![], vec![], None),
        ] {
            let mut listing = Listing::new(true);
            for (number, uid) in (1..).zip(&uids) {
                listing.push(number, None, Some(uid.as_bytes()));
            }
            let records = memory(left, &more);
            let by_uid: HashMap<Vec<u8>, Record> = records
                .iter()
                .map(|(uid, record)| (uid.clone().into_bytes(), *record))
                .collect();
            let records = records.iter().map(|(uid, record)| (uid.as_str(), *record));
            assert_eq!(suspect(&listing, &by_uid, records), verdict, "{uids:?}");
        }
    }

    #[test]
    fn each_remembered_message_is_found_once() {
        let twice = Record {
            delivered: 2,
            ..delivered(Some(A))
        };
        let absent = Record {
            absent_since: Some(1),
            ..delivered(Some(B))
        };
        let failed = Record {
            failures: 1,
            print: Some(B),
            ..Record::default()
        };
        let records = [
            ("a", twice),
            ("b", absent),
            ("c", failed),
            ("d", delivered(None)),
        ];
        let mut left = Left::of(records.into_iter());
        assert_eq!(left.len(), 2);
        assert!(left.holds(A) && !left.holds(B));
        assert!(left.take(A).is_some() && left.take(A).is_some());
        assert!(left.take(A).is_none() && left.take(B).is_none());
    }

    proptest! {
        #[test]
        fn the_sample_is_spread_over_the_listing(messages in 0_usize..100_000) {
            let sample = spread(messages);
            prop_assert_eq!(sample.len(), messages.min(SAMPLE));
            prop_assert!(sample.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(sample.iter().all(|&position| position < messages));
            if messages > 0 {
                prop_assert_eq!((sample[0], *sample.last().unwrap()), (0, messages - 1));
            }
        }
    }
}
