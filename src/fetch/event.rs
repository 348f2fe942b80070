//! What happened, without words: the only thing `report` hears of a run.
//!
//! Texts in here that come from servers, messages or MDAs are unsanitised; `report` makes them harmless.

use std::net::SocketAddr;

use super::outcome::{Class, Outcome};
use crate::message::Summary;
use crate::net::{CertificateFacts, TlsInfo};
use crate::sasl::Method;

/// Hears what happens, from any thread.
pub trait Listener: Send + Sync {
    /// Something happened to an account.
    fn event(&self, account: &str, event: Event<'_>);

    /// Whether [`Event::Sent`] and [`Event::Received`] are wanted (`-vv`).
    fn wants_protocol(&self) -> bool {
        false
    }
}

/// What happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The account is being worked on.
    Started {
        /// Host and port.
        host: &'a str,
        /// TCP port.
        port: u16,
    },
    /// Connected.
    Connected(SocketAddr),
    /// Logged in.
    LoggedIn(Method),
    /// A command went out, secrets masked.
    Sent(&'a str),
    /// A status line came in.
    Received(&'a [u8]),
    /// The plan is made.
    Planned {
        /// Messages to fetch.
        messages: u64,
        /// Their octets by LIST.
        octets: u64,
        /// Messages in the maildrop.
        listed: u64,
        /// Messages to delete at the end (before any new delivery).
        delete: u64,
    },
    /// Octets of messages came in since the last such event.
    Octets(u64),
    /// A message was delivered and remembered.
    Delivered(Mail<'a>),
    /// A message was thrown away by the MDA on purpose.
    Dropped(Mail<'a>),
    /// A message was skipped: why. Said once per message (oversize), under `-v` otherwise.
    Skipped(Mail<'a>, Skip),
    /// A message could not be had or delivered; it stays on the server.
    MessageFailed(Mail<'a>, Failure),
    /// QUIT confirmed deletions.
    Deleted(u64),
    /// After a crash: what was found delivered, and what is fetched again.
    Settled {
        /// Found delivered.
        delivered: u64,
        /// Undone.
        undone: u64,
    },
    /// Something for `-v`.
    Note(&'a str),
    /// The account failed, or part of its work did.
    Failed(Failure),
    /// `--dry-run`: what would be done with a message.
    WouldFetch(Mail<'a>),
    /// `--dry-run`.
    WouldDelete(Mail<'a>),
    /// `--dry-run`: so many open intents would be settled.
    WouldSettle(u64),
    /// `check`'s answer.
    Counted {
        /// New messages.
        new: u64,
        /// Their octets.
        new_octets: u64,
        /// All messages.
        total: u64,
        /// Their octets.
        total_octets: u64,
    },
    /// `list`'s answer, a message each.
    Listed {
        /// Number, octets, unique-id.
        mail: Mail<'a>,
        /// Date, from, subject; `None` where TOP cannot be had.
        summary: Option<&'a Summary>,
        /// Delivered or known before.
        seen: bool,
        /// Set aside after failures.
        set_aside: Option<SetAside<'a>>,
    },
    /// `info`'s answer.
    Info(Box<Info>),
    /// `seen show`'s answer, a unique-id each.
    Remembered {
        /// Escaped unique-id.
        uid: &'a str,
        /// What is known.
        record: crate::state::Record,
        /// Why it failed, if it did.
        why: Option<&'a str>,
    },
    /// `seen mark` or `seen forget` changed so many.
    Changed(u64),
    /// The account is done.
    Finished(Summing),
}

/// Which message an event is about.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mail<'a> {
    /// Message number in this session.
    pub number: u32,
    /// Octets.
    pub octets: Option<u64>,
    /// Unique-id, escaped.
    pub uid: &'a str,
}

/// A message that failed and waits for its next try.
#[derive(Debug, Clone, Copy)]
pub struct SetAside<'a> {
    /// How often it failed.
    pub failures: u32,
    /// When it is tried again, seconds since 1970.
    pub next_try: i64,
    /// Why it failed the last time, with the server's or the command's words. Unsanitised.
    pub why: &'a str,
}

/// Why a message is not fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skip {
    /// Larger than `max_size`.
    Oversize,
    /// Seen before.
    Seen,
    /// Over the limit of this run.
    Limit,
    /// Set aside after failures.
    SetAside,
    /// An earlier copy of the same unique-id has to come first.
    EarlierCopy,
    /// It cannot be told from others: no unique-id, and nothing that stands in for it.
    NoUniqueId,
}

/// One line for a human: `popfetch: ACCOUNT: PLACE: what: "said" (hint)`.
#[derive(Debug, Clone)]
pub struct Failure {
    /// For the exit status.
    pub class: Class,
    /// `pop.example.org:995`, or nothing where it says nothing.
    pub place: Option<String>,
    /// What happened and why, ours, without full stop. Paths and names in it are unsanitised.
    pub what: String,
    /// The server's or MDA's own words. Unsanitised.
    pub said: Option<Vec<u8>>,
    /// What to do about it.
    pub hint: Option<Hint>,
    /// Not a word off a terminal (a second run of the same account).
    pub quiet: bool,
}

/// What a human can do; the words are `report`'s.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hint {
    /// The certificate cannot be verified: `tls_ca_file`, or this `tls_fingerprint` after a look at it.
    Pin(String),
    /// The server shows another certificate than the pinned one: this is its `tls_fingerprint`.
    Repin(String),
    /// `tls = "stls"` or `"none"` may fit the port better, or `"implicit"`.
    TlsMode,
    /// `allow_cleartext`.
    AllowCleartext,
    /// `keep = false` needs neither UIDL nor TOP.
    NoKeep,
    /// APOP's stamp came before STLS: `tls = "implicit"`, or another method.
    ApopBeforeTls,
    /// The method to list in `auth`.
    Auth(&'static str),
    /// Check user and password.
    Password,
    /// `--accept-new-uids` or `seen mark`.
    AcceptNewUids,
    /// Free space.
    DiskFull,
    /// Check owner and mode.
    Permission,
    /// Mount it for writing.
    ReadOnly,
    /// The server says when to come back, or it is busy: the next run tries again.
    NextRun,
    /// Check the host's name.
    HostName,
    /// Check the port, and whether a server listens there.
    Port,
}

/// `info`'s answer.
#[derive(Debug, Default)]
pub struct Info {
    /// Host and port.
    pub place: String,
    /// Address connected to.
    pub peer: Option<SocketAddr>,
    /// The greeting.
    pub greeting: Vec<u8>,
    /// TLS, where there is any.
    pub tls: Option<TlsInfo>,
    /// The certificate read.
    pub certificate: Option<CertificateFacts>,
    /// Capabilities before STLS; `None` where STLS is not used; empty: CAPA refused.
    pub before_tls: Option<Vec<Vec<u8>>>,
    /// Capabilities before login.
    pub before_login: Vec<Vec<u8>>,
    /// Capabilities after login; `None`: not logged in.
    pub after_login: Option<Vec<Vec<u8>>>,
    /// The method that worked.
    pub method: Option<Method>,
    /// Methods that `auth` allows here, best first.
    pub methods: Vec<Method>,
}

/// The sum of an account's run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Summing {
    /// What became of it.
    pub outcome: Outcome,
    /// Messages delivered.
    pub delivered: u64,
    /// Octets delivered.
    pub octets: u64,
    /// Messages thrown away by the MDA.
    pub dropped: u64,
    /// Deletions confirmed.
    pub deleted: u64,
    /// Messages skipped for their size.
    pub oversize: u64,
    /// Messages that failed.
    pub failed: u64,
    /// Messages in the maildrop when it was listed; `None`: it never was.
    pub listed: Option<u64>,
    /// New messages left for the next run: over a limit, or the run was cut short.
    pub left: u64,
    /// How long it took.
    pub elapsed: std::time::Duration,
}
