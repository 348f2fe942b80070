//! What a journal remembers, compact.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::hash::BuildHasher as _;
use std::path::Path;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::escape::{uid_field, unescape};
use super::intent::Opened;
use super::line::Entry;
use super::{Error, Identity, OpenIntents, Record, load};
use crate::deliver::{Destination, Region};
use crate::message::Print;

/// What a journal remembers. Compact: about 100 octets a unique-id at 24 octets each.
#[derive(Debug, Default)]
pub struct Memory {
    /// All unique-ids met, escaped, one behind the other.
    uids: String,
    /// In the order first met.
    slots: Vec<Slot>,
    /// Indices into `slots`, by unique-id.
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// The slot found last. Servers list messages in the order they came: mostly the one behind it is asked for next, and
    /// is at hand, where the table is not in the processor's cache.
    found: Cell<u32>,
    /// How many slots are not blank.
    known: usize,
    /// Failing messages are few: what is known of them is kept apart, by index.
    failures: BTreeMap<u32, Failure>,
    opened: Opened,
    /// What the next intents are about.
    destination: Option<Arc<Destination>>,
    destinations: Vec<Destination>,
    pub(super) last_time: i64,
    pub(super) identity: Option<Identity>,
}

/// What is kept of a unique-id; blank when nothing is known of it, or nothing any more.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    time: i64,
    /// 0: not missing.
    absent_since: i64,
    /// All zero: none known.
    print: [u8; 12],
    delivered: u32,
    /// Where its text begins.
    offset: u32,
    /// Open intents; at the highest value they are no longer counted but looked for.
    open: u16,
    /// Octets of its text.
    length: u8,
    flags: u8,
}

impl Slot {
    const KNOWN: u8 = 1;
    const DELETED: u8 = 2;
    const FAILED: u8 = 4;

    fn is_blank(&self) -> bool {
        self.delivered == 0 && self.flags == 0
    }

    /// Forgets all but its name and its open intents.
    fn clear(&mut self) {
        *self = Self {
            offset: self.offset,
            length: self.length,
            open: self.open,
            ..Self::default()
        };
    }
}

#[derive(Debug)]
struct Failure {
    time: i64,
    count: u32,
    why: Box<str>,
}

impl Memory {
    /// Reads a journal without lock or change; a missing file is an empty memory.
    ///
    /// # Errors
    /// [`Error::Damaged`] as for [`Journal::open`](super::Journal::open).
    pub fn read(path: &Path) -> Result<Self, Error> {
        match load::open(path, false)? {
            Some(mut file) => load::read(path, &mut file).map(|loaded| loaded.memory),
            None => Ok(Self::default()),
        }
    }

    /// What is known of a unique-id as the server sent it; `None`: nothing, or forgotten.
    pub fn get(&self, uid: &[u8]) -> Option<Record> {
        self.record(self.find(&uid_field(uid))?)
    }

    /// All that is known: escaped unique-id and record, in the order first met.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Record)> {
        (0..)
            .take(self.slots.len())
            .filter_map(|index| Some((self.text(index), self.record(index)?)))
    }

    /// How many unique-ids are known.
    pub fn len(&self) -> usize {
        self.known
    }

    /// Nothing is known.
    pub fn is_empty(&self) -> bool {
        self.known == 0
    }

    /// Intents that a crash left open, grouped by the write that made them, oldest first.
    pub fn open(&self) -> Vec<OpenIntents> {
        self.opened.told(|index| unescape(self.text(index)))
    }

    /// Destinations that were delivered to, newest last; one that was replaced at the same path only as it is now.
    pub fn destinations(&self) -> &[Destination] {
        &self.destinations
    }

    /// The latest time any line holds, seconds since 1970.
    pub fn last_time(&self) -> i64 {
        self.last_time
    }

    /// Whose memory it is; `None` before the first write.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// Why a unique-id failed last.
    pub fn failure(&self, uid: &[u8]) -> Option<String> {
        let failure = self.failures.get(&self.find(&uid_field(uid))?)?;
        Some(failure.why.to_string())
    }

    /// The destination that the next intents are about.
    pub(super) fn in_force(&self) -> Option<&Destination> {
        self.destination.as_deref()
    }

    /// Takes in one whole write, whose lines have been checked to follow each other rightly.
    pub(super) fn take<'a>(&mut self, write: impl IntoIterator<Item = Entry<'a>>) {
        for entry in write {
            self.take_entry(entry);
        }
        self.end_write();
    }

    /// What is taken in next is of another write.
    pub(super) fn end_write(&mut self) {
        self.opened.end_write();
    }

    /// Makes room for about so many unique-ids, of so many octets together at most.
    pub(super) fn reserve(&mut self, count: u64, octets: u64) {
        // Where less can be addressed there cannot be as many.
        let [count, octets] = [count, octets].map(|it| usize::try_from(it).unwrap_or(0));
        let Self {
            uids,
            slots,
            table,
            hasher,
            ..
        } = self;
        uids.reserve(octets);
        slots.reserve(count);
        table.reserve(count, |index| hasher.hash_one(text_of(uids, slots, *index)));
    }

    /// Gives back what was reserved and not needed.
    pub(super) fn shrink(&mut self) {
        self.uids.shrink_to_fit();
        self.slots.shrink_to_fit();
    }

    /// Takes in one line.
    pub(super) fn take_entry(&mut self, entry: Entry<'_>) {
        match entry {
            Entry::Destination(destination) => {
                self.destinations
                    .retain(|old| (old.kind, &old.path) != (destination.kind, &destination.path));
                self.destinations.push(destination.clone());
                self.destination = Some(Arc::new(destination));
            }
            Entry::Intent {
                time,
                name,
                print,
                uid,
            } => {
                self.met(time);
                let index = self.open_intent(uid);
                if let Some(destination) = &self.destination {
                    self.opened.name(destination, time, name, print, index);
                }
            }
            Entry::Region {
                time,
                offset,
                length,
                before,
            } => {
                self.met(time);
                if let Some(destination) = &self.destination {
                    let region = Region {
                        offset,
                        length,
                        before,
                        members: Vec::new(),
                    };
                    self.opened.region(destination, time, region);
                }
            }
            Entry::Member { member, print, uid } => {
                let index = self.open_intent(uid);
                self.opened.member(member, print, index);
            }
            Entry::Delivered { time, print, uid } => {
                let index = self.index(uid);
                self.close_intent(index);
                self.change(index, time, |slot| {
                    slot.delivered = slot.delivered.saturating_add(1);
                    slot.time = time;
                    if print.0 != [0; 12] {
                        slot.print = print.0;
                    }
                    // It was there to be fetched, and is now ours: what was known before is overtaken.
                    slot.flags = 0;
                    slot.absent_since = 0;
                });
            }
            Entry::Known { time, uid } => {
                let index = self.index(uid);
                self.change(index, time, |slot| {
                    if slot.delivered == 0 {
                        slot.time = time;
                    }
                    slot.flags = slot.flags & !Slot::FAILED | Slot::KNOWN;
                    slot.absent_since = 0;
                });
            }
            Entry::Undone { uid } => {
                if let Some(index) = self.find(uid) {
                    self.close_intent(index);
                }
            }
            Entry::Deleted { time, uid } => {
                let index = self.index(uid);
                self.change(index, time, |slot| {
                    slot.flags |= Slot::DELETED;
                    // It was there to be deleted: only a later listing can lack it.
                    slot.absent_since = 0;
                });
            }
            Entry::Absent { time, uid } => match self.find(uid) {
                Some(index) => self.change(index, time, |slot| {
                    slot.absent_since = time;
                    if time != 0 && slot.flags & Slot::DELETED != 0 {
                        slot.clear();
                    }
                }),
                None => self.met(time),
            },
            Entry::Failed {
                time,
                count,
                uid,
                why,
            } => {
                let index = self.index(uid);
                self.change(index, time, |slot| {
                    slot.flags &= !Slot::FAILED;
                    if count > 0 {
                        slot.flags |= Slot::FAILED;
                    }
                });
                if count > 0 {
                    let why = why.into();
                    self.failures.insert(index, Failure { time, count, why });
                }
            }
        }
    }

    fn met(&mut self, time: i64) {
        self.last_time = self.last_time.max(time);
    }

    /// Changes what is known of a unique-id, the counts beside it included.
    fn change(&mut self, index: u32, time: i64, change: impl FnOnce(&mut Slot)) {
        self.met(time);
        let slot = &mut self.slots[index as usize];
        let was_known = !slot.is_blank();
        change(slot);
        let is_known = !slot.is_blank();
        if !is_known {
            slot.clear();
        }
        if slot.flags & Slot::FAILED == 0 && !self.failures.is_empty() {
            self.failures.remove(&index);
        }
        match (was_known, is_known) {
            (false, true) => self.known += 1,
            (true, false) => self.known -= 1,
            _ => {}
        }
    }

    fn open_intent(&mut self, uid: &str) -> u32 {
        let index = self.index(uid);
        let slot = &mut self.slots[index as usize];
        slot.open = slot.open.saturating_add(1);
        index
    }

    fn close_intent(&mut self, index: u32) {
        let slot = &mut self.slots[index as usize];
        match slot.open {
            0 => return,
            u16::MAX => {}
            _ => slot.open -= 1,
        }
        self.opened.close(index);
    }

    fn record(&self, index: u32) -> Option<Record> {
        let slot = self.slots.get(index as usize)?;
        if slot.is_blank() {
            return None;
        }
        let failure = self.failures.get(&index);
        Some(Record {
            delivered: slot.delivered,
            time: slot.time,
            print: (slot.print != [0; 12]).then_some(Print(slot.print)),
            known: slot.flags & Slot::KNOWN != 0,
            deleted: slot.flags & Slot::DELETED != 0,
            absent_since: (slot.absent_since != 0).then_some(slot.absent_since),
            failures: failure.map_or(0, |failure| failure.count),
            failed: failure.map_or(0, |failure| failure.time),
        })
    }

    fn text(&self, index: u32) -> &str {
        text_of(&self.uids, &self.slots, index)
    }

    fn find(&self, uid: &str) -> Option<u32> {
        let index = self.guess(uid).or_else(|| {
            let hash = self.hasher.hash_one(uid);
            let found = self.table.find(hash, |index| self.text(*index) == uid);
            found.copied()
        })?;
        self.found.set(index);
        Some(index)
    }

    /// The slot behind the one found last, if it is the one.
    fn guess(&self, uid: &str) -> Option<u32> {
        let index = self.found.get() + 1;
        let there = (index as usize) < self.slots.len();
        (there && self.text(index) == uid).then_some(index)
    }

    /// The index of a unique-id, made if it is new.
    fn index(&mut self, uid: &str) -> u32 {
        if let Some(index) = self.guess(uid) {
            self.found.set(index);
            return index;
        }
        let Self {
            uids,
            slots,
            table,
            hasher,
            ..
        } = self;
        let entry = table.entry(
            hasher.hash_one(uid),
            |index| text_of(uids, slots, *index) == uid,
            |index| hasher.hash_one(text_of(uids, slots, *index)),
        );
        let index = match entry {
            hashbrown::hash_table::Entry::Occupied(entry) => *entry.get(),
            hashbrown::hash_table::Entry::Vacant(entry) => {
                let fits = "a journal has less than 4 GiB, and a unique-id less than 256 octets";
                let index = u32::try_from(slots.len()).expect(fits);
                let slot = Slot {
                    offset: u32::try_from(uids.len()).expect(fits),
                    length: u8::try_from(uid.len()).expect(fits),
                    ..Slot::default()
                };
                entry.insert(index);
                uids.push_str(uid);
                slots.push(slot);
                index
            }
        };
        self.found.set(index);
        index
    }
}

fn text_of<'a>(uids: &'a str, slots: &[Slot], index: u32) -> &'a str {
    let slot = &slots[index as usize];
    let start = slot.offset as usize;
    &uids[start..start + usize::from(slot.length)]
}
