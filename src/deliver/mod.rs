//! Maildir, mbox and MDA behind one small trait: the acts of a batch, and settling after a crash.
//!
//! Not for: remembering what was delivered (`state`), or when to do what (`fetch::account`).
//! May import: `message`, `disk`, `command`.

mod host;
mod maildir;
mod mbox;
mod mda;
mod place;
mod spool;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::command::Command;
use maildir::Maildir;
use mbox::Mbox;
use mda::Mda;

/// Where an account's mail goes, as configured; `%A`, `%U` and `~` already expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A Maildir folder.
    Maildir(PathBuf),
    /// An mbox file.
    Mbox {
        /// The file.
        path: PathBuf,
        /// How lines that look like a From_ line are quoted.
        quoting: Quoting,
    },
    /// A command that each message is piped to.
    Mda {
        /// The command.
        command: Command,
        /// How long one message may take.
        timeout: Duration,
        /// Exit statuses that mean thrown away on purpose.
        drop: Vec<i32>,
    },
}

/// mbox quoting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Quoting {
    /// `>` before `^>*From `: reversible.
    #[default]
    Mboxrd,
    /// `>` before `^From ` only.
    Mboxo,
}

/// Which folder or file a journal entry is about: what its `d` line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// What it is.
    pub kind: Kind,
    /// Inode of the folder or file, so that another one at the same path is noticed; 0 for an MDA.
    pub inode: u64,
    /// The path, absolute; the command's name for an MDA.
    pub path: PathBuf,
}

/// Kinds of destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `maildir`.
    Maildir,
    /// `mbox`.
    Mbox,
    /// `mda`.
    Mda,
}

/// Who delivers: for names, environment, placeholders.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The account's name.
    pub account: String,
    /// The user on the server.
    pub user: String,
    /// The server.
    pub host: String,
    /// A short word [0-9a-f] that tells this account's (its journal's) files in tmp/ from others'.
    pub tag: String,
}

/// What is known of a message before its first octet is staged.
#[derive(Debug, Clone, Default)]
pub struct Envelope {
    /// The envelope sender.
    pub sender: String,
    /// Receipt, seconds since 1970.
    pub received: i64,
    /// The unique-id, escaped as in the journal.
    pub uid: String,
}

/// A SHA-256, cut to 96 bits: content of an mbox region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sum(pub [u8; 12]);

/// What has to be remembered before a batch is published, in the order of staging.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intents {
    /// Nothing (MDA): what it does cannot be settled.
    Nothing,
    /// Maildir: the names, whole and flushed in tmp/.
    Names(Vec<String>),
    /// mbox: a region about to be written.
    Region(Region),
}

impl Intents {
    /// Messages they are about.
    fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Names(names) => names.len(),
            Self::Region(region) => region.members.len(),
        }
    }

    /// None of the messages is delivered.
    fn undone(&self) -> Vec<Settled> {
        vec![Settled::Undone; self.len()]
    }
}

/// A region of an mbox about to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// Where it begins, octets.
    pub offset: u64,
    /// How long it is, octets.
    pub length: u64,
    /// Sum of the (up to) 512 octets before it.
    pub before: Sum,
    /// Its messages in order; their lengths add up to at most `length` (a blank line may come first).
    pub members: Vec<Member>,
}

/// One message of a region: From_ line, quoted message and the blank line behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Octets.
    pub length: u64,
    /// Its sum.
    pub sum: Sum,
}

/// What became of a staged message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Delivered; on disk for Maildir and mbox.
    Delivered,
    /// The MDA threw it away on purpose (`drop`): counts as delivered.
    Dropped,
    /// Not now (75, a signal, the timeout): next run. Why.
    Later(String),
    /// Failed; why, with what the MDA said (unsanitised, at most 4 KiB).
    Failed(String),
}

/// An intent found open after a crash, with its destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// When it was written, seconds since 1970.
    pub time: i64,
    /// What was about to be published.
    pub intents: Intents,
}

/// What the disk says of one open intent's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It is delivered, and durable.
    Delivered,
    /// It is not, and nothing of it is left: fetch it again.
    Undone,
}

/// Why a delivery cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file system's refusal, with what was being done and where.
    #[error("{path}: cannot {act}: {source}", path = .path.display())]
    Io {
        /// `create`, `write`, `flush`, ...
        act: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The destination is not one we deliver to; a whole sentence that says why and what to do.
    #[error("{path}: {why}", path = .path.display())]
    Unfit {
        /// Where.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Another program holds the mailbox's lock: worth another try later.
    #[error("{path}: locked by another program ({why})", path = .path.display())]
    Locked {
        /// Where.
        path: PathBuf,
        /// Which lock, whose.
        why: String,
    },
}

impl Error {
    /// For `map_err`: the act in the infinitive, and where.
    fn io(act: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { act, path, source }
    }

    /// `why`: what is wrong with it, and what to do.
    fn unfit(path: &Path, why: impl Into<String>) -> Self {
        Self::Unfit {
            path: path.to_owned(),
            why: why.into(),
        }
    }
}

/// A destination, and the batch that is open in it.
///
/// The order of a batch: for each message `begin`, `write`..., `end`; then `prepare`, (the intents are remembered),
/// `publish`, (the outcomes are remembered), `release`. Each step's flush has returned before the next begins.
pub trait Delivery {
    /// What the journal says of where the batch goes. To be asked after each `prepare`: the mbox that it locked may be
    /// another file than the one before, or new.
    fn destination(&self) -> &Destination;

    /// Messages a batch may hold: 1 for an MDA, else as many as open files are allowed.
    fn capacity(&self) -> usize;

    /// Whether `begin` reads the envelope: a Maildir keeps none of it.
    fn wants_envelope(&self) -> bool {
        true
    }

    /// Begins a message.
    fn begin(&mut self, envelope: &Envelope) -> Result<(), Error>;

    /// Takes the next piece of it, lines ending in LF. After an error, here or in `end`, nothing is left of the message;
    /// those before it still stand.
    fn write(&mut self, piece: &[u8]) -> Result<(), Error>;

    /// The message in hand is whole.
    fn end(&mut self) -> Result<(), Error>;

    /// The message in hand is not wanted, or was cut: nothing is left of it.
    fn cut(&mut self);

    /// Makes the batch durable where it waits, locks what must be locked; nothing is visible yet.
    /// After an error the batch is undone and nothing of it is left.
    fn prepare(&mut self) -> Result<Intents, Error>;

    /// Makes the batch visible and durable; an outcome for each message in the order of staging.
    /// A message with an intent that is not [`Outcome::Delivered`] is undone: nothing is left of it.
    /// After an error the intents tell the next run what to settle; all locks are let go.
    fn publish(&mut self) -> Result<Vec<Outcome>, Error>;

    /// Unlocks; the batch is over.
    fn release(&mut self);

    /// Undoes a batch that was not published (before or after `prepare`): nothing of it is left, locks are let go.
    /// Intents that are in the journal already have to be undone there first, or settling takes what is nowhere for
    /// delivered. After an error of `publish` it does nothing more.
    fn abandon(&mut self);

    /// What a person may want to know (`-v`): a dotlock that was left out, say. Taken once.
    fn notes(&mut self) -> Vec<String> {
        Vec::new()
    }
}

/// Opens a destination for delivery: makes a missing Maildir (unless `delivered_before`), checks an mbox.
///
/// `delivered_before`: the journal knows this path; then a missing Maildir is an error (not mounted?).
/// `files`: open files it may use.
///
/// # Errors
/// [`Error::Unfit`] for what is no mailbox, is a link others could have laid, or is not ours to write as root.
pub fn open(
    target: &Target,
    context: &Context,
    delivered_before: bool,
    files: usize,
) -> Result<Box<dyn Delivery>, Error> {
    Ok(match target {
        Target::Maildir(path) => {
            Box::new(Maildir::open(path, &context.tag, delivered_before, files)?)
        }
        Target::Mbox { path, quoting } => Box::new(Mbox::open(path, *quoting)?),
        Target::Mda {
            command,
            timeout,
            drop,
        } => Box::new(Mda::open(command, *timeout, drop, context)?),
    })
}

/// Checks a destination without making or changing anything: for `--dry-run`.
///
/// # Errors
/// What [`open`] would refuse.
pub fn check(target: &Target) -> Result<(), Error> {
    match target {
        Target::Maildir(path) => maildir::check(path),
        Target::Mbox { path, .. } => mbox::check(path),
        Target::Mda { .. } => Ok(()),
    }
}

/// Settles what a crash left open in a destination; for each [`Open`], one [`Settled`] per message in order.
///
/// `open`: all that is open in the destination, in the order of the journal. Our own other leftovers in a Maildir's tmp/
/// are removed (by the tag; also when `open` is empty), so an intent that is left out of it is lost. So is a dotlock
/// beside an mbox whose process has ended.
/// `now`: seconds since 1970.
///
/// # Errors
/// The disk's, [`Error::Locked`], or [`Error::Unfit`] for a folder that is gone; nothing is decided then.
pub fn settle(
    destination: &Destination,
    tag: &str,
    open: &[Open],
    now: i64,
) -> Result<Vec<Vec<Settled>>, Error> {
    match destination.kind {
        Kind::Maildir => maildir::settle(destination, tag, open, now),
        Kind::Mbox => mbox::settle(destination, open),
        Kind::Mda => Ok(open.iter().map(|open| open.intents.undone()).collect()),
    }
}
