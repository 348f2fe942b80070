//! Names of messages in a Maildir: unique, and telling whose they are.

use std::fmt::Write as _;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::deliver::host::host;

static COUNT: AtomicU64 = AtomicU64::new(1);
/// This process: a name each would be a system call each.
static PID: LazyLock<u32> = LazyLock::new(std::process::id);

/// A name that no other delivery has: `1795312134.M654321P4242Q7_TAG.host` (cr.yp.to/proto/maildir.html).
pub(super) fn fresh(tag: &str) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    // So that it need not grow.
    let mut name = String::with_capacity(128);
    let _ = write!(
        name,
        "{}.M{}P{}Q{}_{tag}.{}",
        now.as_secs(),
        now.subsec_micros(),
        *PID,
        COUNT.fetch_add(1, Ordering::Relaxed),
        host(),
    );
    name
}

/// The account's tag and the host in a name of ours; `None` for others' names.
pub(super) fn parse(name: &str) -> Option<(&str, &str)> {
    let (seconds, rest) = name.split_once('.')?;
    let (middle, host) = rest.split_once('.')?;
    let (numbers, tag) = middle.split_once('_')?;
    let (micros, rest) = numbers.strip_prefix('M')?.split_once('P')?;
    let (pid, count) = rest.split_once('Q')?;
    let ours = [seconds, micros, pid, count]
        .iter()
        .all(|number| !number.is_empty() && number.bytes().all(|octet| octet.is_ascii_digit()));
    (ours && !tag.is_empty() && !host.is_empty()).then_some((tag, host))
}

/// Whether an entry of cur/ is the message that was delivered under `name`: readers add their flags behind it.
pub(super) fn base(entry: &[u8]) -> &[u8] {
    // `:` by the convention, `;` and `!` where a file system takes no colon, `,` for sizes that a server adds.
    let end = entry
        .iter()
        .position(|octet| b":;!,".contains(octet))
        .unwrap_or(entry.len());
    &entry[..end]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn names_are_unique_and_ours() {
        let names: Vec<_> = (0..1000).map(|_| fresh("0af3")).collect();
        let mut sorted = names.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), names.len());
        for name in names {
            assert_eq!(parse(&name), Some(("0af3", host())));
            assert_eq!(base(name.as_bytes()), name.as_bytes());
            assert!(name.len() < 200);
            assert!(
                name.bytes()
                    .all(|octet| octet.is_ascii_graphic() && octet != b'/')
            );
        }
    }

    #[test]
    fn others_names_are_not() {
        for name in [
            "",
            "a",
            "1795312134.M1P2Q3.host",
            "1795312134.M1P2Q3_.host",
            "1795312134.M1P2Q3_ab.",
            "1795312134.M1P2Q3_ab",
            "1795312134.1234_5.host",
            "1795312134.M1P2_ab.host",
            "x.M1P2Q3_ab.host",
            ".M1P2Q3_ab.host",
            "1795312134.R1P2Q3_ab.host",
            "dovecot.index.log_1",
        ] {
            assert_eq!(parse(name), None, "{name}");
        }
        assert_eq!(parse("1.M1P2Q3_ab.a.b"), Some(("ab", "a.b")));
    }

    #[test]
    fn readers_put_flags_behind() {
        for entry in [
            "n.host",
            "n.host:2,S",
            "n.host,S=12:2,",
            "n.host;2,F",
            "n.host!2,F",
        ] {
            assert_eq!(base(entry.as_bytes()), b"n.host", "{entry}");
        }
        assert_ne!(base(b"n.host2:2,S"), b"n.host");
    }
}
