//! `--json`: events as objects, one a line, for programs.
//!
//! Field names and the values of `event`, `reason` and `class` are kept from version to version; fields and
//! events may be added. Each object begins with `time` (RFC 3339, UTC), `account` and `event`. Octets and
//! messages are numbers, times are RFC 3339 texts, what is not known is null. Texts are sanitised.

use jiff::Timestamp;
use serde::Serialize;

use super::lines::{clean, said};
use super::sanitise;
use crate::fetch::event::{Event, Failure, Info, Mail, SetAside, Skip, Summing};
use crate::fetch::outcome::Class;
use crate::message::Summary;
use crate::state::Record;

/// The event as one line of JSON; `None` for what only people watch: octets on their way, the protocol.
pub(crate) fn line(account: &str, event: &Event<'_>, now: Timestamp) -> Option<String> {
    let object = Object {
        time: now.to_string(),
        account: clean(account),
        what: What::of(account, event)?,
    };
    // Texts, numbers and lists of them: there is nothing in it that JSON cannot say.
    serde_json::to_string(&object).ok()
}

#[derive(Serialize)]
struct Object {
    time: String,
    account: String,
    #[serde(flatten)]
    what: What,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum What {
    Started {
        host: String,
        port: u16,
    },
    Connected {
        address: String,
    },
    LoggedIn {
        method: &'static str,
    },
    Planned {
        messages: u64,
        octets: u64,
        listed: u64,
        delete: u64,
    },
    Delivered(Message),
    Dropped(Message),
    Skipped {
        #[serde(flatten)]
        message: Message,
        reason: &'static str,
    },
    MessageFailed {
        #[serde(flatten)]
        message: Message,
        #[serde(flatten)]
        problem: Problem,
    },
    Deleted {
        messages: u64,
    },
    Settled {
        delivered: u64,
        undone: u64,
    },
    Note {
        text: String,
    },
    Failed(Problem),
    WouldFetch(Message),
    WouldDelete(Message),
    WouldSettle {
        messages: u64,
    },
    Counted {
        new: u64,
        new_octets: u64,
        total: u64,
        total_octets: u64,
    },
    Listed {
        #[serde(flatten)]
        message: Message,
        #[serde(flatten)]
        listing: Listing,
    },
    Info(Box<Server>),
    Remembered(Remembered),
    Changed {
        unique_ids: u64,
    },
    Finished(Finished),
}

#[derive(Serialize)]
struct Message {
    number: u32,
    octets: Option<u64>,
    uid: Option<String>,
}

#[derive(Serialize)]
struct Problem {
    class: &'static str,
    status: u8,
    place: Option<String>,
    what: String,
    said: Option<String>,
    hint: Option<String>,
}

#[derive(Serialize)]
struct Listing {
    date: Option<String>,
    from: Option<String>,
    subject: Option<String>,
    message_id: Option<String>,
    seen: bool,
    failures: u32,
    next_try: Option<String>,
    why: Option<String>,
}

#[derive(Serialize)]
struct Server {
    place: String,
    address: Option<String>,
    greeting: String,
    tls: Option<Tls>,
    certificate: Option<Certificate>,
    capabilities_before_stls: Option<Vec<String>>,
    capabilities_before_login: Vec<String>,
    capabilities_after_login: Option<Vec<String>>,
    method: Option<&'static str>,
    methods: Vec<&'static str>,
}

#[derive(Serialize)]
struct Tls {
    version: Option<String>,
    cipher: Option<String>,
    trust: String,
}

#[derive(Serialize)]
struct Certificate {
    subject: String,
    issuer: String,
    names: Vec<String>,
    not_before: Option<String>,
    not_after: Option<String>,
    fingerprint: Option<String>,
    key_fingerprint: Option<String>,
}

#[derive(Serialize)]
struct Remembered {
    uid: String,
    delivered: u32,
    known: bool,
    deleted: bool,
    when: Option<String>,
    absent_since: Option<String>,
    failures: u32,
    failed: Option<String>,
    why: Option<String>,
}

#[derive(Serialize)]
struct Finished {
    class: Option<&'static str>,
    status: u8,
    delivered: u64,
    octets: u64,
    dropped: u64,
    deleted: u64,
    oversize: u64,
    failed: u64,
    listed: Option<u64>,
    left: u64,
    seconds: f64,
}

impl What {
    fn of(account: &str, event: &Event<'_>) -> Option<Self> {
        Some(match *event {
            Event::Sent(_) | Event::Received(_) | Event::Octets(_) => return None,
            Event::Started { host, port } => Self::Started {
                host: clean(host),
                port,
            },
            Event::Connected(address) => Self::Connected {
                address: address.to_string(),
            },
            Event::LoggedIn(method) => Self::LoggedIn {
                method: method.word(),
            },
            Event::Planned {
                messages,
                octets,
                listed,
                delete,
            } => Self::Planned {
                messages,
                octets,
                listed,
                delete,
            },
            Event::Delivered(ref mail) => Self::Delivered(mail.into()),
            Event::Dropped(ref mail) => Self::Dropped(mail.into()),
            Event::Skipped(ref mail, why) => Self::Skipped {
                message: mail.into(),
                reason: reason(why),
            },
            Event::MessageFailed(ref mail, ref failure) => Self::MessageFailed {
                message: mail.into(),
                problem: Problem::of(account, failure),
            },
            Event::Deleted(messages) => Self::Deleted { messages },
            Event::Settled { delivered, undone } => Self::Settled { delivered, undone },
            Event::Note(text) => Self::Note { text: clean(text) },
            Event::Failed(ref failure) => Self::Failed(Problem::of(account, failure)),
            Event::WouldFetch(ref mail) => Self::WouldFetch(mail.into()),
            Event::WouldDelete(ref mail) => Self::WouldDelete(mail.into()),
            Event::WouldSettle(messages) => Self::WouldSettle { messages },
            Event::Counted {
                new,
                new_octets,
                total,
                total_octets,
            } => Self::Counted {
                new,
                new_octets,
                total,
                total_octets,
            },
            Event::Listed {
                ref mail,
                summary,
                seen,
                set_aside,
            } => Self::Listed {
                message: mail.into(),
                listing: Listing::of(summary, seen, set_aside),
            },
            Event::Info(ref info) => Self::Info(Box::new(Server::of(info))),
            Event::Remembered {
                uid,
                ref record,
                why,
            } => Self::Remembered(Remembered::of(uid, record, why)),
            Event::Changed(unique_ids) => Self::Changed { unique_ids },
            Event::Finished(ref sum) => Self::Finished(sum.into()),
        })
    }
}

impl From<&Mail<'_>> for Message {
    fn from(mail: &Mail<'_>) -> Self {
        Self {
            number: mail.number,
            octets: mail.octets,
            uid: known(mail.uid),
        }
    }
}

impl Problem {
    fn of(account: &str, failure: &Failure) -> Self {
        Self {
            class: class(failure.class),
            status: failure.class.code(),
            place: failure.place.as_deref().map(clean),
            what: clean(&failure.what),
            said: said(failure),
            hint: failure.hint.as_ref().map(|hint| hint.words(account)),
        }
    }
}

impl Listing {
    fn of(summary: Option<&Summary>, seen: bool, set_aside: Option<SetAside<'_>>) -> Self {
        Self {
            date: summary.and_then(|summary| summary.date).and_then(time),
            from: summary.and_then(|summary| known(&summary.from)),
            subject: summary.and_then(|summary| known(&summary.subject)),
            message_id: summary.and_then(|summary| known(&summary.message_id)),
            seen,
            failures: set_aside.map_or(0, |failed| failed.failures),
            next_try: set_aside.and_then(|failed| time(failed.next_try)),
            why: set_aside.map(|failed| clean(failed.why)),
        }
    }
}

impl Server {
    fn of(info: &Info) -> Self {
        Self {
            place: clean(&info.place),
            address: info.peer.map(|peer| peer.to_string()),
            greeting: sanitise(info.greeting.trim_ascii_end()),
            tls: info.tls.as_ref().map(|tls| Tls {
                version: tls.version.as_deref().map(clean),
                cipher: tls.cipher.as_deref().map(clean),
                trust: clean(&tls.trust),
            }),
            certificate: info.certificate.as_ref().map(|facts| Certificate {
                subject: clean(&facts.subject),
                issuer: clean(&facts.issuer),
                names: facts.names.iter().map(|name| clean(name)).collect(),
                not_before: time(facts.not_before),
                not_after: time(facts.not_after),
                fingerprint: facts.certificate_pin.as_ref().map(ToString::to_string),
                key_fingerprint: facts.key_pin.as_ref().map(ToString::to_string),
            }),
            capabilities_before_stls: info.before_tls.as_deref().map(lines),
            capabilities_before_login: lines(&info.before_login),
            capabilities_after_login: info.after_login.as_deref().map(lines),
            method: info.method.map(|method| method.word()),
            methods: info.methods.iter().map(|method| method.word()).collect(),
        }
    }
}

impl Remembered {
    fn of(uid: &str, record: &Record, why: Option<&str>) -> Self {
        Self {
            uid: clean(uid),
            delivered: record.delivered,
            known: record.known,
            deleted: record.deleted,
            when: some_time(record.time),
            absent_since: record.absent_since.and_then(time),
            failures: record.failures,
            failed: some_time(record.failed),
            why: why.map(clean),
        }
    }
}

impl From<&Summing> for Finished {
    fn from(sum: &Summing) -> Self {
        Self {
            class: sum.outcome.class.map(class),
            status: sum.outcome.class.map_or(0, Class::code),
            delivered: sum.delivered,
            octets: sum.octets,
            dropped: sum.dropped,
            deleted: sum.deleted,
            oversize: sum.oversize,
            failed: sum.failed,
            listed: sum.listed,
            left: sum.left,
            seconds: (sum.elapsed.as_secs_f64() * 1000.0).round() / 1000.0,
        }
    }
}

fn class(class: Class) -> &'static str {
    match class {
        Class::Temporary => "temporary",
        Class::Unavailable => "unavailable",
        Class::Protocol => "protocol",
        Class::Delivery => "delivery",
        Class::Bug => "bug",
        Class::Login => "login",
        Class::Config => "config",
    }
}

fn reason(skip: Skip) -> &'static str {
    match skip {
        Skip::Oversize => "oversize",
        Skip::Seen => "seen",
        Skip::Limit => "limit",
        Skip::SetAside => "set_aside",
        Skip::EarlierCopy => "earlier_copy",
        Skip::NoUniqueId => "no_unique_id",
    }
}

fn known(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| clean(text))
}

fn lines(lines: &[Vec<u8>]) -> Vec<String> {
    lines
        .iter()
        .map(|line| sanitise(line.trim_ascii()))
        .collect()
}

fn time(seconds: i64) -> Option<String> {
    Timestamp::from_second(seconds)
        .ok()
        .map(|time| time.to_string())
}

/// A time where 0 means never.
fn some_time(seconds: i64) -> Option<String> {
    (seconds != 0).then(|| time(seconds)).flatten()
}
