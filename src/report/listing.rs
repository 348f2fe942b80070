//! Rows of `list` and of `seen show`.

use jiff::tz::TimeZone;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::lines::clean;
use super::quantity::{date, octets, plural};
use crate::fetch::event::{Mail, SetAside};
use crate::message::Summary;
use crate::state::Record;

const FROM_COLUMNS: usize = 24;

/// What stands above a listing.
pub(crate) const HEADING: &str =
    "    No.      Size  Date              From                      Subject";

/// A message of a listing: mark, number, size, date, from, subject. `width`: columns to cut it to.
///
/// The columns have fixed places, so that a listing need not wait for its end.
pub(crate) fn message(
    mail: &Mail<'_>,
    summary: Option<&Summary>,
    seen: bool,
    set_aside: Option<SetAside<'_>>,
    width: Option<usize>,
    zone: &TimeZone,
) -> String {
    let mark = match (set_aside, seen) {
        (Some(_), _) => '!',
        (None, true) => 'S',
        (None, false) => 'N',
    };
    let size = mail.octets.map_or("-".to_owned(), octets);
    let when = summary
        .and_then(|summary| summary.date)
        .map_or("-".to_owned(), |time| date(time, zone));
    let (from, mut subject) = match summary {
        Some(summary) => (clean(&summary.from), clean(&summary.subject)),
        None => (String::new(), format!("uid {}", clean(mail.uid))),
    };
    if let Some(SetAside {
        failures,
        next_try,
        why,
    }) = set_aside
    {
        subject = format!(
            "[failed {failures} time{}, next try {}: {}] {subject}",
            plural(failures.into()),
            date(next_try, zone),
            clean(why)
        );
    }
    let from = match width {
        Some(_) => cut(&from, FROM_COLUMNS),
        None => from,
    };
    let padding = " ".repeat(FROM_COLUMNS.saturating_sub(from.width()));
    let row = format!(
        "{mark} {:>5}  {size:>8}  {when:<16}  {from}{padding}  {subject}",
        mail.number
    );
    let row = row.trim_end();
    match width {
        Some(width) => cut(row, width),
        None => row.to_owned(),
    }
}

/// A unique-id of the memory: unique-id, when it was last dealt with, and what is known.
pub(crate) fn remembered(uid: &str, record: &Record, why: Option<&str>, zone: &TimeZone) -> String {
    let mut states = Vec::new();
    if record.delivered == 1 {
        states.push("delivered".to_owned());
    } else if record.delivered > 1 {
        states.push(format!("delivered, {} copies", record.delivered));
    }
    if record.known {
        states.push("known".to_owned());
    }
    if record.failures > 0 {
        let mut state = format!(
            "failed {} time{}",
            record.failures,
            plural(record.failures.into())
        );
        if let Some(why) = why {
            state.push_str(&format!(": {}", clean(why)));
        }
        states.push(state);
    } else if let Some(why) = why {
        states.push(format!("skipped: {}", clean(why)));
    }
    if record.deleted {
        states.push("deleted on the server".to_owned());
    }
    if let Some(since) = record.absent_since {
        states.push(format!("not listed since {}", date(since, zone)));
    }
    let time = record.time.max(record.failed);
    let when = if time > 0 {
        date(time, zone)
    } else {
        "-".to_owned()
    };
    format!("{}  {when:<16}  {}", clean(uid), states.join("; "))
        .trim_end()
        .to_owned()
}

/// The text, or as much of it as fits into so many columns, with an ellipsis.
fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut used = 1;
    let mut short = String::new();
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > columns {
            break;
        }
        short.push(c);
    }
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_counts_columns() {
        for (text, columns, short) in [
            ("short", 5, "short"),
            ("longer", 5, "long…"),
            ("日本語", 6, "日本語"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("abc", 1, "…"),
        ] {
            assert_eq!(cut(text, columns), short);
            assert!(cut(text, columns).width() <= columns);
        }
    }
}
