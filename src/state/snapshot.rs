//! A whole memory as the text of a new journal.

use std::fmt::Write as _;

use super::escape::unescape;
use super::line::{end_line, header_line};
use super::{Identity, Line, Memory, Record};
use crate::deliver::{Destination, Intents};
use crate::message::Print;

/// Lines that go into one write.
const WRITE: usize = 1000;

/// The text of a journal being made.
struct Text {
    text: String,
    /// Where its last write begins.
    write_start: usize,
    lines: usize,
}

impl Text {
    fn line(&mut self, line: &Line<'_>) {
        writeln!(self.text, "{line}").expect("a String takes everything");
        self.lines += 1;
    }

    fn end_write(&mut self) {
        if self.lines > 0 {
            let end = end_line(self.text.len() - self.write_start);
            self.text.push_str(&end);
            self.write_start = self.text.len();
            self.lines = 0;
        }
    }

    fn record(&mut self, memory: &Memory, uid: &[u8], record: &Record) {
        let time = record.time;
        let print = record.print.unwrap_or(Print([0; 12]));
        for _ in 0..record.delivered {
            self.line(&Line::Delivered { time, print, uid });
        }
        if record.known {
            self.line(&Line::Known { time, uid });
        }
        if record.failures > 0 {
            self.line(&Line::Failed {
                time: record.failed,
                count: record.failures,
                uid,
                why: &memory.failure(uid).unwrap_or_default(),
            });
        }
        if record.deleted {
            self.line(&Line::Deleted { time, uid });
        }
        if let Some(time) = record.absent_since {
            self.line(&Line::Absent { time, uid });
        }
    }

    fn open_intents(&mut self, memory: &Memory) {
        let mut in_force: Option<Destination> = None;
        for open in memory.open() {
            if in_force.as_ref() != Some(&open.destination) {
                self.line(&Line::Destination(&open.destination));
            }
            let time = open.open.time;
            match &open.open.intents {
                Intents::Nothing => {}
                Intents::Names(names) => {
                    for (name, (print, uid)) in names.iter().zip(&open.messages) {
                        let print = *print;
                        self.line(&Line::Intent {
                            time,
                            name,
                            print,
                            uid,
                        });
                    }
                }
                Intents::Region(region) => {
                    self.line(&Line::Region {
                        time,
                        offset: region.offset,
                        length: region.length,
                        before: region.before,
                    });
                    for (member, (print, uid)) in region.members.iter().zip(&open.messages) {
                        self.line(&Line::Member {
                            member: *member,
                            print: *print,
                            uid,
                        });
                    }
                }
            }
            for ((_, uid), closed) in open.messages.iter().zip(&open.closed) {
                if *closed {
                    self.line(&Line::Undone { uid });
                }
            }
            // Intents are grouped by their write.
            self.end_write();
            in_force = Some(open.destination);
        }
        for destination in memory.destinations() {
            self.line(&Line::Destination(destination));
        }
        self.end_write();
    }
}

/// The text of a journal that remembers what `memory` does, each record as `edit` leaves it.
///
/// Read back it gives the same records, failures, open intents, destinations and latest time.
pub(super) fn text(
    memory: &Memory,
    identity: &Identity,
    edit: &mut dyn FnMut(&str, Record) -> Option<Record>,
) -> String {
    let text = header_line(identity, memory.last_time());
    let mut text = Text {
        write_start: text.len(),
        text,
        lines: 0,
    };
    for (uid, record) in memory.iter() {
        if let Some(record) = edit(uid, record) {
            text.record(memory, &unescape(uid), &record);
            if text.lines >= WRITE {
                text.end_write();
            }
        }
    }
    text.end_write();
    text.open_intents(memory);
    text.text
}

/// Octets that the records that `stays` leaves take in a new journal, about.
pub(super) fn size(memory: &Memory, stays: &dyn Fn(&str, Record) -> Option<Record>) -> u64 {
    let sized = |(uid, record): (&str, Record)| {
        let record = stays(uid, record)?;
        let (short, fingerprint) = (uid.len() as u64 + 14, 17);
        let others = u64::from(record.known)
            + u64::from(record.deleted)
            + u64::from(record.absent_since.is_some())
            + 3 * u64::from(record.failures > 0);
        Some(u64::from(record.delivered) * (short + fingerprint) + others * short)
    };
    memory.iter().filter_map(sized).sum()
}
