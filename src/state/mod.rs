//! The memory of unique-ids: an append-only text journal per account, and the account's lock.
//!
//! Not for: what follows from what is remembered (`fetch::plan`). May import: `disk`, types of `deliver` and `message`.
//!
//! # The file
//! The first line is `popfetch 1 USER HOST`, and after a compaction the latest time of all lines it left out. Then
//! come writes: lines (see [`Line`]), and a line `= N` that ends them. A unique-id, path or name is written as
//! [`escape()`] does it, so a space ends a field and LF a line; a fingerprint that is not known is `-`.
//!
//! # What a power cut leaves
//! A write is taken in whole or not at all. What was flushed is as it was written; of what was not flushed yet, any
//! part may be missing, cut short or zeros, also in the middle and across several writes. So a write says what had
//! been flushed when it was made: `= N` means that no more than the N octets before this line, those of its own
//! write included, were not (`=` alone: those of its own write). From that follows what damage is:
//!
//! - An end of a write behind the damage that says the damaged line had been flushed makes it
//!   [`Error::Damaged`]: no power cut did that, and what the line said is not guessed at.
//! - Otherwise the damage lies in what was not flushed. The write it is in and all behind it are dropped: their
//!   messages are fetched again. They are cut off, and that is flushed, before anything is appended.
//!
//! For this to hold, what an earlier run left is flushed before the first append, and the header, alone, before
//! anything follows it: a file that holds a piece of a header or nothing but zeros is an empty journal, any other
//! file without a header is not ours and is not touched.

mod escape;
mod flusher;
mod intent;
mod journal;
mod line;
mod load;
mod memory;
mod renamed;
mod snapshot;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use escape::{escape, file_name, unescape};
pub use journal::Journal;
pub use memory::Memory;
pub use renamed::find_renamed;

use crate::deliver::{Destination, Member, Open};
use crate::message::Print;

/// Whose memory it is: the header line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// User on the server.
    pub user: String,
    /// The server.
    pub host: String,
}

/// What a journal cannot do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file system's refusal.
    #[error("{path}: cannot {act}: {source}", path = .path.display())]
    Io {
        /// `read`, `write`, `flush`, ...
        act: &'static str,
        /// The journal.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Damage before the last write: never guessed at.
    #[error("{path}: line {line}: {what}; nothing is fetched until it is mended (or the file moved away)", path = .path.display())]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// Line number from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// Not a file that we may keep a memory in.
    #[error("{path}: {why}", path = .path.display())]
    Unfit {
        /// The journal.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

/// What is remembered of one unique-id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Record {
    /// Copies delivered (`s` lines, settled intents).
    pub delivered: u32,
    /// When the last of them was, seconds since 1970.
    pub time: i64,
    /// Its fingerprint, where one is known.
    pub print: Option<Print>,
    /// Known but not delivered by us (`k`): skipped, never deleted.
    pub known: bool,
    /// Its deletion was confirmed by QUIT (`x`).
    pub deleted: bool,
    /// Missing from listings since (`a`).
    pub absent_since: Option<i64>,
    /// Failed this often (`f`), and when last.
    pub failures: u32,
    /// When it last failed, seconds since 1970.
    pub failed: i64,
}

/// A line to append. `uid` is as the server sent it, unescaped.
#[derive(Debug, Clone)]
pub enum Line<'a> {
    /// `d`: destination of what follows.
    Destination(&'a Destination),
    /// `i`: whole in tmp/.
    Intent {
        /// Seconds since 1970.
        time: i64,
        /// File name.
        name: &'a str,
        /// Fingerprint.
        print: Print,
        /// Unique-id.
        uid: &'a [u8],
    },
    /// `r`: region of an mbox batch; its `m` lines follow.
    Region {
        /// Seconds since 1970.
        time: i64,
        /// Where it begins.
        offset: u64,
        /// Octets.
        length: u64,
        /// Sum of the 512 octets before.
        before: crate::deliver::Sum,
    },
    /// `m`: a message of the region.
    Member {
        /// Length and sum.
        member: Member,
        /// Fingerprint.
        print: Print,
        /// Unique-id.
        uid: &'a [u8],
    },
    /// `s`: delivered. Closes the oldest open intent of the unique-id, if there is one, and ends what was known of it
    /// otherwise (`k`, `x`, `a`, `f`).
    Delivered {
        /// Seconds since 1970.
        time: i64,
        /// Fingerprint; all zero where none is known, which leaves one that was known.
        print: Print,
        /// Unique-id.
        uid: &'a [u8],
    },
    /// `k`: known, not delivered by us. Ends `a` and `f`.
    Known {
        /// Seconds since 1970.
        time: i64,
        /// Unique-id.
        uid: &'a [u8],
    },
    /// `u`: intent undone.
    Undone {
        /// Unique-id.
        uid: &'a [u8],
    },
    /// `x`: deletion confirmed by QUIT. Ends `a`: it was there to be deleted.
    Deleted {
        /// Seconds since 1970.
        time: i64,
        /// Unique-id.
        uid: &'a [u8],
    },
    /// `a`: missing since; with time 0: there again. Behind `x` the unique-id is forgotten.
    Absent {
        /// Seconds since 1970, or 0.
        time: i64,
        /// Unique-id.
        uid: &'a [u8],
    },
    /// `f`: failed.
    Failed {
        /// Seconds since 1970.
        time: i64,
        /// How often by now; 0: no longer failing.
        count: u32,
        /// Unique-id.
        uid: &'a [u8],
        /// Why; written sanitised, on one line, cut to 200 octets.
        why: &'a str,
    },
}

/// An open intent with the messages it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenIntents {
    /// Where it goes.
    pub destination: Destination,
    /// Time and content.
    pub open: Open,
    /// Fingerprint and unique-id (unescaped as far as possible; feed it back into [`Line`]) of each message in order.
    pub messages: Vec<(Print, Vec<u8>)>,
    /// For each message, whether a later line has closed its intent already: then it gets no further line.
    /// Only a region, which is told whole, can hold such.
    pub closed: Vec<bool>,
}
