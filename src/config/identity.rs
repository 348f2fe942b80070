//! The names an account goes by: its own, its server's, its user's.

use std::net::{IpAddr, Ipv6Addr};

/// A server as a name or an address literal; brackets around an IPv6 address are taken off.
///
/// # Errors
/// What cannot be looked up, or could be misread by a command that is given it.
pub(super) fn host(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("expected the name or address of the server".to_owned());
    }
    if !text.is_ascii() {
        return Err("write an international name in its ASCII form (punycode, xn--...)".to_owned());
    }
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    if is_address(bare.unwrap_or(text)) {
        return Ok(bare.unwrap_or(text).to_owned());
    }
    if text.contains("://") || text.contains('/') {
        return Err("expected a name or an address alone, not a URL".to_owned());
    }
    if text.contains(':') {
        return Err("expected a name or an address alone; the port goes into port".to_owned());
    }
    if !is_name(text) {
        return Err("this is neither a host name nor an address".to_owned());
    }
    Ok(text.to_owned())
}

/// An address, IPv6 also with a zone (RFC 4007 section 11).
fn is_address(text: &str) -> bool {
    match text.split_once('%') {
        Some((address, zone)) => {
            address.parse::<Ipv6Addr>().is_ok()
                && !zone.is_empty()
                && zone
                    .bytes()
                    .all(|octet| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet))
        }
        None => text.parse::<IpAddr>().is_ok(),
    }
}

/// A host name by RFC 1123 section 2.1, with underscores as some networks have them.
fn is_name(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && label
                    .bytes()
                    .all(|octet| octet.is_ascii_alphanumeric() || b"-_".contains(&octet))
        })
}

/// The user on the server, as it goes into a command line of the protocol.
///
/// # Errors
/// Nothing, or what would end that line.
pub(super) fn user(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("expected the name of the user on the server".to_owned());
    }
    one_line(text).map(str::to_owned)
}

/// Text that can be sent as part of one line.
///
/// # Errors
/// CR, LF or NUL in it.
pub(super) fn one_line(text: &str) -> Result<&str, String> {
    if text.contains(['\r', '\n', '\0']) {
        return Err("line breaks and NUL cannot be sent".to_owned());
    }
    Ok(text)
}

/// The account's own name.
///
/// # Errors
/// Nothing, or control characters.
pub(super) fn account(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("an account needs a name".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("an account's name cannot hold control characters".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hosts() {
        for (text, expected) in [
            ("pop.example.org", "pop.example.org"),
            ("pop.example.org.", "pop.example.org."),
            ("localhost", "localhost"),
            ("my_host", "my_host"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("192.0.2.1", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1%eth0"),
        ] {
            assert_eq!(host(text).as_deref(), Ok(expected), "{text}");
        }
        let neither = "this is neither a host name nor an address";
        for (text, why) in [
            ("", "expected the name or address of the server"),
            (
                "pop.bücher.example",
                "write an international name in its ASCII form (punycode, xn--...)",
            ),
            (
                "pops://pop.example.org",
                "expected a name or an address alone, not a URL",
            ),
            (
                "pop.example.org:995",
                "expected a name or an address alone; the port goes into port",
            ),
            (
                "[2001:db8::1]:995",
                "expected a name or an address alone; the port goes into port",
            ),
            ("-oProxyCommand", neither),
            ("a b", neither),
            ("a\r\nDELE 1", neither),
            ("a\0", neither),
            ("a..b", neither),
            (".", neither),
            ("[pop.example.org]", neither),
            (
                "fe80::1%",
                "expected a name or an address alone; the port goes into port",
            ),
        ] {
            assert_eq!(host(text), Err(why.to_owned()), "{text}");
        }
        assert!(host(&format!("{}.example", "a".repeat(63))).is_ok());
        assert!(host(&format!("{}.example", "a".repeat(64))).is_err());
        assert!(host(&"a.".repeat(130)).is_err());
    }

    #[test]
    fn names() {
        assert_eq!(user("me@x"), Ok("me@x".to_owned()));
        for text in ["a\rb", "a\nb", "a\0b"] {
            assert_eq!(
                user(text),
                Err("line breaks and NUL cannot be sent".to_owned())
            );
        }
        assert!(user("").is_err());
        assert_eq!(account("Büro 1"), Ok("Büro 1".to_owned()));
        for text in ["", "a\u{1b}", "a\n", "\u{85}"] {
            assert!(account(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_host_is_one_harmless_word(text in any::<String>()) {
            if let Ok(host) = host(&text) {
                prop_assert!(!host.starts_with('-'));
                prop_assert!(host.bytes().all(|octet| octet.is_ascii_graphic()));
            }
        }
    }
}
