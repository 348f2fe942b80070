//! This host's name, as it can stand in names of files.

use std::fmt::Write as _;
use std::sync::OnceLock;

/// Octets of it at most: readers of a Maildir put their flags behind it.
const LIMIT: usize = 100;

/// The name, escaped; never empty.
pub(super) fn host() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| escape(rustix::system::uname().nodename().to_bytes()))
}

/// `/` and `:` as Maildir has them (`\057`, `\072`), and likewise all else that is not a host name's.
fn escape(host: &[u8]) -> String {
    let mut name = String::new();
    for &octet in host {
        if name.len() >= LIMIT {
            break;
        }
        if octet.is_ascii_alphanumeric() || b".-_".contains(&octet) {
            name.push(char::from(octet));
        } else {
            // Writing to a String does not fail.
            let _ = write!(name, "\\{octet:03o}");
        }
    }
    if name.is_empty() {
        name.push_str("localhost");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_harmless() {
        for (host, name) in [
            (&b"mail.example"[..], "mail.example"),
            (b"a/b:c", "a\\057b\\072c"),
            (b"a b\n", "a\\040b\\012"),
            (b"", "localhost"),
        ] {
            assert_eq!(escape(host), name);
        }
        assert!(escape(&[b'/'; 300]).len() < LIMIT + 4);
    }
}
