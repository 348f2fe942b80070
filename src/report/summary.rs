//! The one line that sums up an account's run.

use super::answers::Slot;
use super::quantity::{count, duration, messages, octets, plural};
use crate::fetch::event::Summing;

/// `12 messages (3.4 MiB) in 2.1 s, 1 skipped (larger than 20 MiB), 5 deleted`; `None` when nothing is to be
/// said that a problem's line has not said.
pub(crate) fn fetched(sum: &Summing, max_size: Option<u64>) -> Option<String> {
    let listed = sum.listed?;
    let quiet = sum.delivered + sum.dropped + sum.failed + sum.left == 0;
    let mut parts = Vec::new();
    if !quiet {
        parts.push(format!(
            "{} ({}) in {}",
            messages(sum.delivered),
            octets(sum.octets),
            duration(sum.elapsed)
        ));
    } else if sum.outcome.class.is_some() {
        if sum.deleted + sum.oversize == 0 {
            return None;
        }
    } else if listed == 0 {
        parts.push("no mail".to_owned());
    } else {
        parts.push(format!(
            "no new mail ({} on the server)",
            count(listed.saturating_sub(sum.deleted))
        ));
    }
    if sum.dropped > 0 {
        parts.push(format!("{} thrown away", count(sum.dropped)));
    }
    if sum.oversize > 0 {
        parts.push(match max_size {
            Some(size) => format!(
                "{} skipped (larger than {})",
                count(sum.oversize),
                octets(size)
            ),
            None => format!("{} skipped (too large)", count(sum.oversize)),
        });
    }
    if sum.failed > 0 {
        parts.push(format!("{} failed", count(sum.failed)));
    }
    if sum.left > 0 {
        parts.push(format!("{} left for the next run", count(sum.left)));
    }
    if sum.deleted > 0 {
        parts.push(format!("{} deleted", count(sum.deleted)));
    }
    Some(parts.join(", "))
}

/// The same for `--dry-run`.
pub(crate) fn would(slot: &Slot, listed: Option<u64>) -> Option<String> {
    listed?;
    let mut text = if slot.would_fetch == 0 {
        "would fetch nothing".to_owned()
    } else {
        let (messages, octets) = (messages(slot.would_fetch), octets(slot.would_octets));
        format!("would fetch {messages} ({octets})")
    };
    if slot.would_delete > 0 {
        text.push_str(&format!(", delete {}", count(slot.would_delete)));
    }
    Some(text)
}

/// `check`'s answer.
pub(crate) fn counted(new: u64, new_octets: u64, total: u64, total_octets: u64) -> String {
    if total == 0 {
        return "no mail".to_owned();
    }
    format!(
        "{} new ({}), {} in all ({})",
        count(new),
        octets(new_octets),
        count(total),
        octets(total_octets)
    )
}

/// What `seen mark` or `seen forget` did.
pub(crate) fn changed(number: u64, verb: &str) -> String {
    format!("{} unique-id{} {verb}", count(number), plural(number))
}
