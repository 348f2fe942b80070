//! Open intents: what was about to be published and is not yet known to be.

use std::sync::Arc;

use super::OpenIntents;
use crate::deliver::{Destination, Intents, Member, Open, Region};
use crate::message::Print;

/// The intents of one write to one destination.
#[derive(Debug)]
struct Group {
    /// The write that made it; see [`Opened::end_write`].
    write: u64,
    destination: Arc<Destination>,
    time: i64,
    intents: Intents,
    /// As many as there are names, or members of the region.
    messages: Vec<Message>,
    /// The first message that may still be open: batches are closed in order.
    first: usize,
    left: usize,
}

#[derive(Debug, Clone, Copy)]
struct Message {
    /// Index of its unique-id.
    index: u32,
    print: Print,
    closed: bool,
}

/// All open intents, oldest first.
#[derive(Debug, Default)]
pub(super) struct Opened {
    groups: Vec<Group>,
    writes: u64,
}

impl Opened {
    pub(super) fn name(
        &mut self,
        destination: &Arc<Destination>,
        time: i64,
        name: String,
        print: Print,
        index: u32,
    ) {
        let message = Message {
            index,
            print,
            closed: false,
        };
        if let Some(group) = self.groups.last_mut()
            && group.write == self.writes
            && group.time == time
            && Arc::ptr_eq(&group.destination, destination)
            && let Intents::Names(names) = &mut group.intents
        {
            names.push(name);
            group.messages.push(message);
            group.left += 1;
            return;
        }
        self.push(destination, time, Intents::Names(vec![name]));
        if let Some(group) = self.groups.last_mut() {
            group.messages.push(message);
            group.left = 1;
        }
    }

    pub(super) fn region(&mut self, destination: &Arc<Destination>, time: i64, region: Region) {
        self.push(destination, time, Intents::Region(region));
    }

    fn push(&mut self, destination: &Arc<Destination>, time: i64, intents: Intents) {
        self.groups.push(Group {
            write: self.writes,
            destination: Arc::clone(destination),
            time,
            intents,
            messages: Vec::new(),
            first: 0,
            left: 0,
        });
    }

    /// A message of the region that came last.
    pub(super) fn member(&mut self, member: Member, print: Print, index: u32) {
        if let Some(group) = self.groups.last_mut()
            && let Intents::Region(region) = &mut group.intents
        {
            region.members.push(member);
            group.messages.push(Message {
                index,
                print,
                closed: false,
            });
            group.left += 1;
        }
    }

    /// Later intents are of another write; a region without messages has nothing to wait for.
    pub(super) fn end_write(&mut self) {
        self.writes += 1;
        while self.groups.last().is_some_and(|group| group.left == 0) {
            self.groups.pop();
        }
    }

    /// Closes the oldest open intent of a unique-id.
    pub(super) fn close(&mut self, index: u32) {
        for (at, group) in self.groups.iter_mut().enumerate() {
            let Some(message) = group.messages[group.first..]
                .iter_mut()
                .find(|message| message.index == index && !message.closed)
            else {
                continue;
            };
            message.closed = true;
            group.left -= 1;
            if group.left == 0 {
                self.groups.remove(at);
            } else {
                while group.messages[group.first].closed {
                    group.first += 1;
                }
            }
            return;
        }
    }

    /// What is open, a unique-id told by `uid` from its index.
    pub(super) fn told(&self, uid: impl Fn(u32) -> Vec<u8>) -> Vec<OpenIntents> {
        self.groups
            .iter()
            .filter(|group| group.left > 0)
            .map(|group| {
                // A region is told whole: its messages are found by the lengths of those before them.
                let whole = matches!(group.intents, Intents::Region(_));
                let told = |message: &Message| whole || !message.closed;
                let messages = || group.messages.iter().filter(|message| told(message));
                let intents = match &group.intents {
                    Intents::Names(names) => Intents::Names(
                        names
                            .iter()
                            .zip(&group.messages)
                            .filter(|(_, message)| told(message))
                            .map(|(name, _)| name.clone())
                            .collect(),
                    ),
                    other => other.clone(),
                };
                OpenIntents {
                    destination: Destination::clone(&group.destination),
                    open: Open {
                        time: group.time,
                        intents,
                    },
                    messages: messages()
                        .map(|message| (message.print, uid(message.index)))
                        .collect(),
                    closed: messages().map(|message| message.closed).collect(),
                }
            })
            .collect()
    }
}
