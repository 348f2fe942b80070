//! What to do about it, in words.

use super::sanitise;
use crate::fetch::event::Hint;

impl Hint {
    /// The hint for a human; `account` is named in what is to be typed. Harmless to a terminal.
    pub fn words(&self, account: &str) -> String {
        match self {
            Self::Pin(fingerprint) => format!(
                "set tls_ca_file to the CA that signed it; or, once you know that the certificate is the server's own, \
                 tls_fingerprint = \"{}\"",
                sanitise(fingerprint.as_bytes())
            ),
            Self::Repin(fingerprint) => format!(
                "if the server has a new certificate, and you know that it is its own, set tls_fingerprint = \"{}\"",
                sanitise(fingerprint.as_bytes())
            ),
            Self::NoKeep => "only keep = false works with such a server".to_owned(),
            Self::Permission => "check owner and mode".to_owned(),
            Self::ReadOnly => "check how it is mounted; the next run goes on from here".to_owned(),
            Self::TlsMode => "check tls and port: tls = \"implicit\" is usual on port 995, \"stls\" on port 110"
                .to_owned(),
            Self::AllowCleartext => {
                "use tls = \"implicit\" or \"stls\"; allow_cleartext = true lets others on the way read the password"
                    .to_owned()
            }
            Self::ApopBeforeTls => {
                "apop answers the stamp of a greeting, and one that came before STLS is not trusted: \
                 set tls = \"implicit\", or leave out auth"
                    .to_owned()
            }
            Self::Auth(line) => format!("check user and password; if they are right, try {line}"),
            Self::Password => "check user and password".to_owned(),
            Self::AcceptNewUids => format!(
                "to fetch all of it: popfetch -a {0} --accept-new-uids; to skip all of it: popfetch seen mark {0}",
                shell_word(account)
            ),
            Self::DiskFull => "free some space; the next run goes on from here".to_owned(),
            Self::NextRun => "the next run tries again".to_owned(),
            Self::HostName => "check host".to_owned(),
            Self::Port => "check host and port, and that a POP3 server listens there".to_owned(),
        }
    }
}

/// An account's name as it can be typed.
fn shell_word(name: &str) -> String {
    let name = sanitise(name.as_bytes());
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    if !name.is_empty() && name.chars().all(plain) {
        name
    } else {
        format!("'{}'", name.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_be_typed() {
        for (name, word) in [
            ("work", "work"),
            ("me@example.org", "me@example.org"),
            ("my mail", "'my mail'"),
            ("it's", "'it'\\''s'"),
            ("", "''"),
            ("$(rm)", "'$(rm)'"),
        ] {
            assert_eq!(shell_word(name), word);
        }
    }
}
