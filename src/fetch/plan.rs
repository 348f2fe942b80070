//! Which messages: listing × memory × rules → what to fetch, skip (and why), delete. Pure.

use std::collections::HashMap;
use std::hash::BuildHasher as _;

use hashbrown::DefaultHashBuilder;

use super::event::Skip;
use crate::config::Keep;
use crate::pop3::{Listing, Scan};
use crate::state::{Memory, Record};

/// What the plan asks of a memory.
pub trait Remembers {
    /// What is known of a unique-id as the server sent it.
    fn record(&self, uid: &[u8]) -> Option<Record>;
}

impl Remembers for Memory {
    fn record(&self, uid: &[u8]) -> Option<Record> {
        self.get(uid)
    }
}

/// The account's and the command line's say.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules {
    /// What happens on the server to delivered mail.
    pub keep: Keep,
    /// Seen ones too.
    pub all: bool,
    /// Messages to fetch at most.
    pub limit: Option<u64>,
    /// Octets of a message at most.
    pub max_size: Option<u64>,
    /// Seconds since 1970.
    pub now: i64,
    /// The clock is earlier than the memory's last line: nothing is deleted by age.
    pub clock_behind: bool,
    /// Messages without a unique-id are fetched and recognised by their content.
    pub by_content: bool,
}

/// What is to be done in a session. Positions are those of the listing.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// To fetch, ascending.
    pub fetch: Vec<u32>,
    /// To delete now: delivered in an earlier run.
    pub delete: Vec<u32>,
    /// Not fetched though not seen, and why.
    pub skip: Vec<(u32, Skip)>,
    /// How many were seen before.
    pub seen: u64,
    /// Positions whose unique-id was missing and is there again.
    pub returned: Vec<u32>,
    /// Positions (of a first copy) with fewer copies listed than delivered: the memory's count becomes this.
    pub recount: Vec<(u32, u32)>,
}

/// How often each unique-id stands in a listing.
///
/// RFC 1939 section 7 lets two identical messages share a unique-id, and real servers do.
#[derive(Debug, Default)]
pub struct Copies {
    /// Positions of each unique-id that is listed more than once, ascending.
    repeated: Vec<Vec<u32>>,
    /// By position, of those: the index in `repeated`, and which copy it is.
    places: HashMap<u32, (u32, u32)>,
}

impl Copies {
    /// Counts.
    pub fn of(listing: &Listing) -> Self {
        let hasher = DefaultHashBuilder::default();
        // Half a hash and the position. Sorted, they show what is listed twice in less time and memory than a table.
        let mut keys: Vec<u64> = Vec::with_capacity(listing.len());
        keys.extend((0u32..).zip(listing.iter()).filter_map(|(position, scan)| {
            Some(hasher.hash_one(scan.uid?) << 32 | u64::from(position))
        }));
        keys.sort_unstable();
        let mut copies = Self::default();
        for alike in keys.chunk_by(|a, b| a >> 32 == b >> 32) {
            if alike.len() == 1 {
                continue;
            }
            let mut positions: Vec<u32> = alike.iter().map(|key| *key as u32).collect();
            // A stable sort: those of one unique-id stay ascending.
            positions.sort_by_key(|&position| uid_at(listing, position));
            for same in positions.chunk_by(|&a, &b| uid_at(listing, a) == uid_at(listing, b)) {
                copies.add(same);
            }
        }
        copies
    }

    fn add(&mut self, same: &[u32]) {
        if same.len() > 1 {
            let group = self.repeated.len() as u32;
            let places = same.iter().zip(0..);
            self.places
                .extend(places.map(|(&position, which)| (position, (group, which))));
            self.repeated.push(same.to_vec());
        }
    }

    /// Which copy this is, from 0, and how many there are.
    pub fn place(&self, position: u32) -> (u32, u32) {
        match self.places.get(&position) {
            None => (0, 1),
            Some(&(group, which)) => (which, self.repeated[group as usize].len() as u32),
        }
    }

    /// Where the first copy stands of what stands here.
    pub fn first(&self, position: u32) -> u32 {
        self.all(&position).first().copied().unwrap_or(position)
    }

    /// All positions of the unique-id that stands at this one.
    pub fn all<'a>(&'a self, position: &'a u32) -> &'a [u32] {
        match self.places.get(position) {
            None => std::slice::from_ref(position),
            Some(&(group, _)) => &self.repeated[group as usize],
        }
    }
}

fn uid_at(listing: &Listing, position: u32) -> Option<&[u8]> {
    listing.get(position as usize).and_then(|scan| scan.uid)
}

/// Seconds a message is set aside after it failed so often: none at first, then doubling from 10 minutes to a day.
pub fn pause(failures: u32) -> i64 {
    match failures {
        0..=2 => 0,
        more => (600_i64 << (more - 3).min(8)).min(86_400),
    }
}

/// Makes the plan.
pub fn plan(listing: &Listing, copies: &Copies, memory: &impl Remembers, rules: &Rules) -> Plan {
    let mut plan = Plan::default();
    let mut wanted = 0;
    for (position, scan) in (0u32..).zip(listing.iter()) {
        let (which, listed) = copies.place(position);
        let record = scan.uid.and_then(|uid| memory.record(uid));
        if let Some(record) = record
            && which == 0
        {
            if record.absent_since.is_some() {
                plan.returned.push(position);
            }
            if record.delivered > listed {
                plan.recount.push((position, listed));
            }
        }
        let verdict = judge(&scan, which, record, rules);
        if verdict == Verdict::Seen && !rules.all {
            plan.seen += 1;
            if record.is_some_and(|record| deletable(&record, listed, rules)) {
                plan.delete.push(position);
            }
            continue;
        }
        if let Verdict::Skip(why) = verdict {
            plan.skip.push((position, why));
        } else if rules
            .max_size
            .is_some_and(|most| scan.octets.is_some_and(|octets| octets > most))
        {
            plan.skip.push((position, Skip::Oversize));
        } else if rules.limit.is_some_and(|most| wanted >= most) {
            plan.skip.push((position, Skip::Limit));
        } else {
            wanted += 1;
            plan.fetch.push(position);
        }
    }
    plan
}

#[derive(PartialEq, Eq)]
enum Verdict {
    Fetch,
    Seen,
    Skip(Skip),
}

fn judge(scan: &Scan<'_>, which: u32, record: Option<Record>, rules: &Rules) -> Verdict {
    let Some(record) = record else {
        return if scan.uid.is_some() || rules.by_content {
            Verdict::Fetch
        } else {
            Verdict::Skip(Skip::NoUniqueId)
        };
    };
    if record.deleted || record.known || which < record.delivered {
        return Verdict::Seen;
    }
    // A copy that failed stands first among those not delivered: the later ones wait for it.
    if record.failures > 0 && record.failed.saturating_add(pause(record.failures)) > rules.now {
        return Verdict::Skip(if which == record.delivered {
            Skip::SetAside
        } else {
            Skip::EarlierCopy
        });
    }
    Verdict::Fetch
}

/// Whether what stands under a unique-id may be deleted: delivered by us, every listed copy of it, and old enough.
pub fn deletable(record: &Record, listed: u32, rules: &Rules) -> bool {
    if record.delivered < listed.max(1) {
        return false;
    }
    if record.deleted {
        // QUIT confirmed the deletion and the server lists it all the same: it is the same message.
        return true;
    }
    match rules.keep {
        Keep::Always => false,
        Keep::Never => true,
        Keep::For(age) => {
            let age = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
            !rules.clock_behind && record.time.saturating_add(age) <= rules.now
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    impl Remembers for HashMap<Vec<u8>, Record> {
        fn record(&self, uid: &[u8]) -> Option<Record> {
            self.get(uid).copied()
        }
    }

    const NOW: i64 = 1_000_000_000;

    fn listing(uids: &[&str]) -> Listing {
        let mut listing = Listing::new(true);
        for (number, uid) in (1..).zip(uids) {
            listing.push(number, Some(u64::from(number) * 100), Some(uid.as_bytes()));
        }
        listing
    }

    fn memory(records: &[(&str, Record)]) -> HashMap<Vec<u8>, Record> {
        records
            .iter()
            .map(|(uid, record)| (uid.as_bytes().to_vec(), *record))
            .collect()
    }

    fn delivered(times: u32) -> Record {
        Record {
            delivered: times,
            time: NOW - 86_400,
            ..Record::default()
        }
    }

    fn planned(uids: &[&str], records: &[(&str, Record)], rules: Rules) -> Plan {
        let listing = listing(uids);
        plan(
            &listing,
            &Copies::of(&listing),
            &memory(records),
            &Rules { now: NOW, ..rules },
        )
    }

    #[test]
    fn new_mail_is_fetched_in_ascending_order_and_seen_mail_is_not() {
        let plan = planned(&["a", "b", "c"], &[("b", delivered(1))], Rules::default());
        assert_eq!(
            (plan.fetch, plan.seen, plan.delete),
            (vec![0, 2], 1, vec![])
        );
    }

    #[test]
    fn what_was_delivered_is_deleted_as_keep_says() {
        for (keep, clock_behind, gone) in [
            (Keep::Always, false, vec![]),
            (Keep::Never, false, vec![0]),
            (Keep::For(Duration::from_secs(86_400)), false, vec![0]),
            (Keep::For(Duration::from_secs(86_401)), false, vec![]),
            (Keep::For(Duration::from_secs(86_400)), true, vec![]),
            (Keep::For(Duration::MAX), false, vec![]),
        ] {
            let rules = Rules {
                keep,
                clock_behind,
                ..Rules::default()
            };
            assert_eq!(
                planned(&["a"], &[("a", delivered(1))], rules).delete,
                gone,
                "{keep:?} {clock_behind}"
            );
        }
    }

    #[test]
    fn marked_oversize_and_failed_messages_are_never_deleted() {
        let rules = Rules {
            keep: Keep::Never,
            max_size: Some(250),
            ..Rules::default()
        };
        let failing = Record {
            failures: 4,
            failed: NOW - 10,
            ..Record::default()
        };
        let known = Record {
            known: true,
            ..Record::default()
        };
        let plan = planned(&["a", "b", "c"], &[("a", known), ("b", failing)], rules);
        assert_eq!(plan.delete, Vec::<u32>::new());
        assert_eq!(plan.fetch, Vec::<u32>::new());
        assert_eq!(plan.skip, vec![(1, Skip::SetAside), (2, Skip::Oversize)]);
    }

    #[test]
    fn of_equal_unique_ids_the_first_copies_are_the_delivered_ones() {
        let rules = Rules {
            keep: Keep::Never,
            ..Rules::default()
        };
        let plan = planned(
            &["a", "x", "a", "a"],
            &[("a", delivered(2)), ("x", delivered(1))],
            rules,
        );
        assert_eq!(
            (plan.fetch, plan.delete),
            (vec![3], vec![1]),
            "no copy is deleted while one is not delivered"
        );
        let plan = planned(&["a", "a"], &[("a", delivered(2))], rules);
        assert_eq!((plan.fetch, plan.delete), (vec![], vec![0, 1]));
    }

    #[test]
    fn fewer_copies_than_delivered_correct_the_count() {
        assert_eq!(
            planned(
                &["a", "b"],
                &[("a", delivered(3)), ("b", delivered(1))],
                Rules::default()
            )
            .recount,
            vec![(0, 1)]
        );
    }

    #[test]
    fn a_failing_copy_makes_later_ones_wait() {
        let failing = Record {
            failures: 3,
            failed: NOW - 1,
            ..delivered(1)
        };
        let plan = planned(&["a", "a", "a"], &[("a", failing)], Rules::default());
        assert_eq!(plan.skip, vec![(1, Skip::SetAside), (2, Skip::EarlierCopy)]);
        let plan = planned(
            &["a", "a", "a"],
            &[(
                "a",
                Record {
                    failed: NOW - 601,
                    ..failing
                },
            )],
            Rules::default(),
        );
        assert_eq!(plan.fetch, vec![1, 2]);
    }

    #[test]
    fn a_deletion_that_did_not_hold_is_asked_for_again_and_not_fetched() {
        let gone = Record {
            deleted: true,
            ..delivered(1)
        };
        let plan = planned(
            &["a"],
            &[("a", gone)],
            Rules {
                keep: Keep::Always,
                ..Rules::default()
            },
        );
        assert_eq!((plan.fetch, plan.delete), (vec![], vec![0]));
    }

    #[test]
    fn skipped_messages_do_not_count_to_the_limit() {
        let rules = Rules {
            limit: Some(2),
            max_size: Some(450),
            ..Rules::default()
        };
        let plan = planned(&["a", "b", "c", "d", "e"], &[("a", delivered(1))], rules);
        assert_eq!(plan.fetch, vec![1, 2]);
        assert_eq!(plan.skip, vec![(3, Skip::Limit), (4, Skip::Oversize)]);
    }

    #[test]
    fn all_fetches_what_was_seen_and_deletes_nothing_in_its_place() {
        let plan = planned(
            &["a", "b"],
            &[("a", delivered(1))],
            Rules {
                all: true,
                keep: Keep::Never,
                ..Rules::default()
            },
        );
        assert_eq!((plan.fetch, plan.delete), (vec![0, 1], vec![]));
    }

    #[test]
    fn what_was_missing_and_is_listed_again_is_noted() {
        let missing = Record {
            absent_since: Some(NOW - 5),
            ..delivered(1)
        };
        assert_eq!(
            planned(&["b", "a"], &[("a", missing)], Rules::default()).returned,
            vec![1]
        );
    }

    #[test]
    fn pauses_grow_to_a_day() {
        let pauses: Vec<i64> = (0..14).map(pause).collect();
        assert_eq!(pauses[..5], [0, 0, 0, 600, 1200]);
        assert_eq!(*pauses.last().unwrap(), 86_400);
        assert!(pauses.is_sorted());
        assert_eq!(pause(u32::MAX), 86_400);
    }

    proptest! {
        #[test]
        fn copies_are_counted(uids in prop::collection::vec(prop::option::of(0_u8..20), 0..60)) {
            let mut listing = Listing::new(true);
            for (number, uid) in (1..).zip(&uids) {
                listing.push(number, None, uid.map(|uid| [b'a' + uid]).as_ref().map(|uid| &uid[..]));
            }
            let copies = Copies::of(&listing);
            for (position, uid) in (0..).zip(&uids) {
                let same = (0..).zip(&uids).filter(|(_, other)| uid.is_some() && *other == uid);
                let mut all: Vec<u32> = same.map(|(position, _)| position).collect();
                if uid.is_none() {
                    all.push(position);
                }
                let which = all.iter().position(|&copy| copy == position).unwrap() as u32;
                prop_assert_eq!(copies.place(position), (which, all.len() as u32));
                prop_assert_eq!(copies.first(position), all[0]);
                prop_assert_eq!(copies.all(&position), all);
            }
        }

        /// Every listed message is in exactly one place, and nothing that was not delivered is deleted.
        #[test]
        fn every_message_has_one_fate(
            uids in prop::collection::vec(0_u8..6, 0..24),
            counts in prop::collection::vec((0_u32..4, any::<bool>(), any::<bool>(), 0_u32..5), 6),
            never in any::<bool>(),
            limit in prop::option::of(0_u64..5),
        ) {
            let names: Vec<String> = uids.iter().map(|uid| format!("u{uid}")).collect();
            let listing = listing(&names.iter().map(String::as_str).collect::<Vec<_>>());
            let copies = Copies::of(&listing);
            let memory: HashMap<Vec<u8>, Record> = (0_u8..).zip(&counts).filter(|(_, (count, known, _, failures))| *count > 0 || *known || *failures > 0)
                .map(|(uid, &(delivered, known, deleted, failures))| {
                    let record = Record { delivered, known, deleted: deleted && delivered > 0, failures, failed: NOW, ..Record::default() };
                    (format!("u{uid}").into_bytes(), record)
                }).collect();
            let rules = Rules { keep: if never { Keep::Never } else { Keep::Always }, limit, now: NOW, ..Rules::default() };
            let plan = plan(&listing, &copies, &memory, &rules);
            prop_assert_eq!(plan.fetch.len() as u64 + plan.skip.len() as u64 + plan.seen, listing.len() as u64);
            prop_assert!(plan.fetch.is_sorted());
            prop_assert!(limit.is_none_or(|limit| plan.fetch.len() as u64 <= limit));
            for position in &plan.delete {
                let uid = names[*position as usize].as_bytes();
                prop_assert!(memory[uid].delivered >= copies.place(*position).1, "deleted before every copy was delivered");
                prop_assert!(!plan.fetch.contains(position));
            }
            for position in &plan.fetch {
                let (which, _) = copies.place(*position);
                let delivered = memory.get(names[*position as usize].as_bytes()).map_or(0, |record| record.delivered);
                prop_assert!(which >= delivered, "fetched again");
            }
        }
    }
}
