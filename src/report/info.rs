//! `info`'s answer.

use jiff::tz::TimeZone;
use unicode_width::UnicodeWidthStr as _;

use super::quantity::day;
use super::{lines::clean, sanitise};
use crate::fetch::event::Info;
use crate::net::CertificateFacts;

/// Columns before the values.
const INDENT: usize = 16;

/// What a server is like, as a block of lines. `width`: columns in which to fold lists.
pub(crate) fn block(account: &str, info: &Info, width: Option<usize>, zone: &TimeZone) -> String {
    let mut lines = Vec::new();
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            lines.push(format!("  {name:<13} {}", folded(&value, width)));
        }
    };
    line("greeting", sanitise(info.greeting.trim_ascii_end()));
    match &info.tls {
        Some(tls) => {
            let parts: Vec<String> = [&tls.version, &tls.cipher]
                .into_iter()
                .flatten()
                .map(|part| clean(part))
                .collect();
            line("tls", parts.join(", "));
            line("trusted by", clean(&tls.trust));
        }
        None => line("tls", "none: the connection is not encrypted".to_owned()),
    }
    if let Some(facts) = &info.certificate {
        for (name, value) in certificate(facts, zone) {
            line(name, value);
        }
    }
    if let Some(lines) = &info.before_tls {
        line("before stls", capabilities(lines));
    }
    line("before login", capabilities(&info.before_login));
    if let Some(lines) = &info.after_login {
        line("after login", capabilities(lines));
    }
    let methods: Vec<&str> = info.methods.iter().map(|method| method.word()).collect();
    line("auth", methods.join(", "));
    line(
        "logged in by",
        info.method
            .map_or("nothing: not logged in", |method| method.word())
            .to_owned(),
    );
    let pins = info.certificate.iter().flat_map(pins);
    let pins = pins.map(|(pin, of)| format!("\n  # {of}:\n  {pin}"));
    let peer = info.peer.map_or(String::new(), |peer| format!(" ({peer})"));
    format!(
        "{}: {}{peer}\n{}{}",
        clean(account),
        clean(&info.place),
        lines.join("\n"),
        pins.collect::<String>()
    )
}

fn certificate(facts: &CertificateFacts, zone: &TimeZone) -> [(&'static str, String); 4] {
    let names: Vec<String> = facts.names.iter().map(|name| clean(name)).collect();
    let valid = format!(
        "from {} to {}",
        day(facts.not_before, zone),
        day(facts.not_after, zone)
    );
    [
        ("certificate", clean(&facts.subject)),
        ("issued by", clean(&facts.issuer)),
        ("for", names.join(", ")),
        ("valid", valid),
    ]
}

/// Lines ready to paste into the configuration.
fn pins(facts: &CertificateFacts) -> impl Iterator<Item = (String, &'static str)> {
    let of = [
        (
            &facts.certificate_pin,
            "to trust exactly this certificate, if you know that it is the server's own",
        ),
        (
            &facts.key_pin,
            "or its key, which outlives a renewal that keeps it",
        ),
    ];
    of.into_iter()
        .filter_map(|(pin, of)| Some((format!("tls_fingerprint = \"{}\"", pin.as_ref()?), of)))
}

/// A list continued below its beginning where a line is full.
fn folded(value: &str, width: Option<usize>) -> String {
    let room = width.unwrap_or(usize::MAX).saturating_sub(INDENT).max(24);
    let mut text = String::new();
    let mut used = 0;
    for word in value.split(' ') {
        let columns = word.width();
        if used > 0 && used + 1 + columns > room {
            text.push_str(&format!("\n{:INDENT$}", ""));
            used = 0;
        } else if used > 0 {
            text.push(' ');
            used += 1;
        }
        text.push_str(word);
        used += columns;
    }
    text
}

fn capabilities(lines: &[Vec<u8>]) -> String {
    if lines.is_empty() {
        return "CAPA refused".to_owned();
    }
    let lines: Vec<String> = lines
        .iter()
        .map(|line| sanitise(line.trim_ascii()))
        .collect();
    lines.join(", ")
}
