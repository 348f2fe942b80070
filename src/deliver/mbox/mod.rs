//! Delivery to an mbox: a batch is spooled, then appended under locks as one region.

mod append;
mod dotlock;
mod lock;
mod quote;
mod settle;
#[cfg(test)]
mod tests;
mod turn;

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::place::{Place, absolute};
use super::spool::Spool;
use super::{
    Delivery, Destination, Envelope, Error, Intents, Kind, Member, Outcome, Quoting, Region, Sum,
};
use append::Held;
use lock::PATIENCE;
use quote::{Quote, from_line};
pub(super) use settle::settle;
use turn::Turn;

/// Messages of a batch at most; nothing of the system limits them.
const CAPACITY: usize = 1024;

/// Octets before a region that tell whether it is still in its place.
const BEFORE: u64 = 512;

/// Octets read or filled at once.
const CHUNK: usize = 256 << 10;

/// An mbox being delivered to.
pub(super) struct Mbox {
    destination: Destination,
    quoting: Quoting,
    patience: Duration,
    /// The messages of the batch as they are to stand in the mailbox, and the one in hand.
    spool: Spool,
    members: Vec<Member>,
    hand: Option<Hand>,
    held: Option<Held>,
    notes: Vec<String>,
    /// Notes already taken.
    told: usize,
}

/// The message in hand.
struct Hand {
    quote: Quote,
    tail: Tail,
}

/// What is known of the octets spooled for a message so far.
struct Tail {
    begin: u64,
    sum: Sha256,
    last: u8,
}

impl Mbox {
    /// Checks it; a missing one is made by the first batch.
    pub(super) fn open(path: &Path, quoting: Quoting) -> Result<Self, Error> {
        let named = absolute(path)?;
        let inode = check_inode(&named)?;
        Ok(Self {
            destination: Destination {
                kind: Kind::Mbox,
                inode,
                path: named,
            },
            quoting,
            patience: PATIENCE,
            spool: Spool::default(),
            members: Vec::new(),
            hand: None,
            held: None,
            notes: Vec::new(),
            told: 0,
        })
    }
}

/// Checks it without making anything.
pub(super) fn check(path: &Path) -> Result<(), Error> {
    check_inode(&absolute(path)?).map(|_| ())
}

/// Checks it; gives its inode, 0 for one that is missing.
fn check_inode(named: &Path) -> Result<u64, Error> {
    let place = Place::find(named)?;
    look(&place)?;
    if place.found.is_none() {
        return Ok(0);
    }
    let path = &place.path;
    let _turn = Turn::take(path);
    let file = match lock::open(path, false) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        opened => opened.map_err(Error::io("open", path))?,
    };
    begins_well(&file, path)?;
    let found = file.metadata().map_err(Error::io("look at", path))?;
    Ok(found.ino())
}

/// Refuses what is no file.
fn look(place: &Place) -> Result<(), Error> {
    match &place.found {
        Some(found) if found.is_dir() => Err(Error::unfit(
            &place.path,
            "a folder; if it is a Maildir, deliver = { maildir = ... }",
        )),
        Some(found) if !found.is_file() => Err(Error::unfit(
            &place.path,
            "not a regular file, as an mbox has to be",
        )),
        _ => Ok(()),
    }
}

/// Refuses what holds something, but not mail.
fn begins_well(file: &File, path: &Path) -> Result<(), Error> {
    let mut first = [0; 5];
    match file.read_exact_at(&mut first, 0) {
        Ok(()) if &first == b"From " => Ok(()),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof && length(file, path)? == 0 => {
            Ok(())
        }
        Err(error) if error.kind() != ErrorKind::UnexpectedEof => {
            Err(Error::io("read", path)(error))
        }
        _ => Err(Error::unfit(
            path,
            "not an mbox: it does not begin with \"From \"; name another file, or move it away",
        )),
    }
}

fn length(file: &File, path: &Path) -> Result<u64, Error> {
    let found = file.metadata().map_err(Error::io("look at", path))?;
    Ok(found.len())
}

/// Sum of the (up to) 512 octets before an offset.
fn sum_before(file: &File, offset: u64) -> io::Result<Sum> {
    let mut before = [0; BEFORE as usize];
    let from = offset.saturating_sub(BEFORE);
    let count = usize::try_from(offset - from).unwrap_or(before.len());
    let before = &mut before[..count];
    file.read_exact_at(before, from)?;
    Ok(cut_short(&Sha256::digest(before)))
}

fn cut_short(sum: &[u8]) -> Sum {
    let mut short = Sum([0; 12]);
    for (to, from) in short.0.iter_mut().zip(sum) {
        *to = *from;
    }
    short
}

impl Tail {
    /// Spools more of the message.
    fn put(&mut self, spool: &mut Spool, octets: &[u8]) -> Result<(), Error> {
        self.sum.update(octets);
        self.last = octets.last().copied().unwrap_or(self.last);
        spool.write(octets)
    }
}

impl Mbox {
    /// Works on the message in hand; after an error nothing of it is left.
    fn with_hand(
        &mut self,
        work: impl FnOnce(&mut Hand, &mut Spool) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Some(hand) = &mut self.hand else {
            let error = io::Error::other("no message was begun");
            return Err(Error::io("write", &self.destination.path)(error));
        };
        let worked = work(hand, &mut self.spool);
        if worked.is_err() {
            self.cut();
        }
        worked
    }

    fn forget(&mut self) {
        self.hand = None;
        self.members.clear();
        self.spool.clear();
    }
}

impl Delivery for Mbox {
    /// After each `prepare` it has the inode of the file that was locked: others may replace it at any time.
    fn destination(&self) -> &Destination {
        &self.destination
    }

    fn capacity(&self) -> usize {
        CAPACITY
    }

    fn begin(&mut self, envelope: &Envelope) -> Result<(), Error> {
        self.cut();
        self.hand = Some(Hand {
            quote: Quote::new(self.quoting),
            tail: Tail {
                begin: self.spool.len(),
                sum: Sha256::new(),
                last: b'\n',
            },
        });
        let line = from_line(&envelope.sender, envelope.received);
        self.with_hand(|hand, spool| hand.tail.put(spool, line.as_bytes()))
    }

    fn write(&mut self, piece: &[u8]) -> Result<(), Error> {
        self.with_hand(|Hand { quote, tail }, spool| {
            quote.push(piece, |octets| tail.put(spool, octets))
        })
    }

    fn end(&mut self) -> Result<(), Error> {
        self.with_hand(|Hand { quote, tail }, spool| {
            quote.end_message(|octets| tail.put(spool, octets))?;
            let ends = if tail.last == b'\n' { "\n" } else { "\n\n" };
            tail.put(spool, ends.as_bytes())
        })?;
        if let Some(Hand { tail, .. }) = self.hand.take() {
            self.members.push(Member {
                length: self.spool.len() - tail.begin,
                sum: cut_short(&tail.sum.finalize()),
            });
        }
        Ok(())
    }

    fn cut(&mut self) {
        if let Some(hand) = self.hand.take() {
            self.spool.truncate(hand.tail.begin);
        }
    }

    fn prepare(&mut self) -> Result<Intents, Error> {
        self.cut();
        if self.members.is_empty() {
            return Ok(Intents::Nothing);
        }
        let named = &self.destination.path;
        match Held::lock(named, self.spool.len(), self.patience, &mut self.notes) {
            Ok((held, inode, before)) => {
                self.destination.inode = inode;
                let region = Region {
                    offset: held.offset,
                    length: held.length,
                    before,
                    members: self.members.clone(),
                };
                self.held = Some(held);
                Ok(Intents::Region(region))
            }
            Err(error) => {
                self.forget();
                Err(error)
            }
        }
    }

    fn publish(&mut self) -> Result<Vec<Outcome>, Error> {
        let Some(held) = &self.held else {
            return Ok(Vec::new());
        };
        match held.append(&self.spool) {
            Ok(()) => Ok(vec![Outcome::Delivered; self.members.len()]),
            Err(error) => {
                self.release();
                Err(error)
            }
        }
    }

    fn release(&mut self) {
        self.held = None;
        self.forget();
    }

    fn abandon(&mut self) {
        // Nothing is written to the mailbox before `publish`, and what fails there is undone there.
        self.release();
    }

    fn notes(&mut self) -> Vec<String> {
        let told = std::mem::replace(&mut self.told, self.notes.len());
        self.notes[told..].to_vec()
    }
}
