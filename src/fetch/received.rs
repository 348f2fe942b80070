//! The Received line that `received_header` adds (RFC 5321 section 4.4).

use crate::config::{Account, Tls};

/// The line, its line end included. `time`: seconds since 1970.
pub(super) fn line(account: &Account, time: i64) -> String {
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let protocol = if account.tls == Tls::None {
        "POP3"
    } else {
        "POP3S"
    };
    let date = jiff::Timestamp::from_second(time)
        .map(|time| time.to_zoned(jiff::tz::TimeZone::system()))
        .ok();
    let date = date
        .and_then(|date| jiff::fmt::rfc2822::to_string(&date).ok())
        .unwrap_or_default();
    format!(
        "Received: from {from} by {by} with {protocol}\n\t(popfetch {version}) for {name}; {date}\n",
        from = atom(&account.host),
        by = atom(&host),
        version = env!("CARGO_PKG_VERSION"),
        name = atom(&account.name),
    )
}

/// What a header line can hold of a name: the rest would break or forge it.
fn atom(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_ascii_graphic() && !matches!(c, '(' | ')' | ';' | '<' | '>') {
                c
            } else {
                '_'
            }
        })
        .collect()
}
