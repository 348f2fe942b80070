//! Events as lines for stderr: what is said, and how loud. Answers for stdout are not here.

use super::quantity::{count, messages, octets};
use super::sanitise;
use crate::fetch::event::{Event, Failure, Mail, Skip};
use crate::fetch::outcome::Class;

/// When a line is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// A problem of this class; `quiet`: not off a terminal.
    Problem {
        /// For `-q`, which silences what passes by itself.
        class: Class,
        /// Not off a terminal.
        quiet: bool,
    },
    /// Worth a word wherever somebody reads, but under `-q`.
    Notice,
    /// For somebody who watches: on a terminal, or under `-v`.
    Watching,
    /// `-v`.
    Verbose,
    /// `-vv`.
    Protocol,
}

/// How loud an event is; `None` where it has no line.
pub(crate) fn level(event: &Event<'_>) -> Option<Level> {
    Some(match event {
        Event::Failed(failure) | Event::MessageFailed(_, failure) => Level::Problem {
            class: failure.class,
            quiet: failure.quiet,
        },
        Event::Skipped(_, Skip::Oversize) => Level::Notice,
        Event::Deleted(0)
        | Event::Settled {
            delivered: 0,
            undone: 0,
        } => return None,
        Event::Settled { .. } => Level::Watching,
        Event::Sent(_) | Event::Received(_) => Level::Protocol,
        Event::Skipped(..)
        | Event::Connected(_)
        | Event::LoggedIn(_)
        | Event::Planned { .. }
        | Event::Delivered(_)
        | Event::Dropped(_)
        | Event::Deleted(_)
        | Event::Note(_) => Level::Verbose,
        Event::Started { .. }
        | Event::Octets(_)
        | Event::WouldFetch(_)
        | Event::WouldDelete(_)
        | Event::WouldSettle(_)
        | Event::Counted { .. }
        | Event::Listed { .. }
        | Event::Info(_)
        | Event::Remembered { .. }
        | Event::Changed(_)
        | Event::Finished(_) => return None,
    })
}

/// The line of an event that has a [`level`], sanitised. `max_size`: the account's.
pub(crate) fn line(account: &str, event: &Event<'_>, max_size: Option<u64>) -> Option<String> {
    let text = match event {
        Event::Failed(failure) => return Some(problem(account, None, failure)),
        Event::MessageFailed(mail, failure) => return Some(problem(account, Some(mail), failure)),
        Event::Skipped(mail, Skip::Oversize) => {
            let limit = max_size.map_or("max_size".to_owned(), octets);
            return Some(format!(
                "popfetch: {}: {} skipped: larger than {limit}; it stays on the server",
                clean(account),
                described(mail)
            ));
        }
        Event::Skipped(mail, why) => {
            let why = match why {
                Skip::Oversize => "too large",
                Skip::Seen => "seen before",
                Skip::Limit => "over this run's limit",
                Skip::SetAside => "set aside after failures",
                Skip::EarlierCopy => "waits for an earlier copy of the same unique-id",
                Skip::NoUniqueId => "has nothing to be told from others by",
            };
            format!("{} skipped: {why}", described(mail))
        }
        Event::Connected(address) => format!("connected to {address}"),
        Event::LoggedIn(method) => format!("logged in by {}", method.word()),
        Event::Sent(command) => format!("> {}", clean(command)),
        Event::Received(line) => format!("< {}", sanitise(line.trim_ascii_end())),
        Event::Planned {
            messages: fetch,
            octets: size,
            listed,
            delete,
        } => {
            let deleting = match delete {
                0 => String::new(),
                n => format!(", {} to delete", count(*n)),
            };
            format!(
                "{} to fetch ({}){deleting}, {} on the server",
                messages(*fetch),
                octets(*size),
                count(*listed)
            )
        }
        Event::Delivered(mail) => format!("{} delivered", described(mail)),
        Event::Dropped(mail) => format!("{} thrown away by the MDA", described(mail)),
        Event::Deleted(number) => format!("{} deleted", messages(*number)),
        Event::Settled { delivered, undone } => format!(
            "the last run was cut short: {} of its messages found delivered, {} to be fetched again",
            count(*delivered),
            count(*undone)
        ),
        Event::Note(text) => clean(text),
        _ => return None,
    };
    Some(format!("{}: {text}", clean(account)))
}

/// `popfetch: ACCOUNT: PLACE: what: "said" (hint)`.
fn problem(account: &str, mail: Option<&Mail<'_>>, failure: &Failure) -> String {
    let mut text = format!("popfetch: {}: ", clean(account));
    if let Some(place) = &failure.place {
        text.push_str(&format!("{}: ", clean(place)));
    }
    if let Some(mail) = mail {
        text.push_str(&format!("{}: ", described(mail)));
    }
    text.push_str(&clean(&failure.what));
    if let Some(said) = said(failure) {
        text.push_str(&format!(": \"{said}\""));
    }
    if let Some(hint) = &failure.hint {
        text.push_str(&format!(" ({})", hint.words(account)));
    }
    text
}

/// The other side's words, if it had any.
pub(crate) fn said(failure: &Failure) -> Option<String> {
    let said = failure.said.as_deref()?.trim_ascii();
    (!said.is_empty()).then(|| sanitise(said))
}

/// `message 12 (4.2 KiB, uid 0003)`.
pub(crate) fn described(mail: &Mail<'_>) -> String {
    let size = mail.octets.map(octets);
    let uid = (!mail.uid.is_empty()).then(|| format!("uid {}", clean(mail.uid)));
    let details: Vec<String> = size.into_iter().chain(uid).collect();
    if details.is_empty() {
        format!("message {}", mail.number)
    } else {
        format!("message {} ({})", mail.number, details.join(", "))
    }
}

pub(crate) fn clean(text: &str) -> String {
    sanitise(text.as_bytes())
}
