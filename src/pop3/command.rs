use std::fmt;
use std::io::Write;

use super::MessageNumber;
use super::error::Error;
use crate::secret::Secret;

/// A command, or a client's line within AUTH.
///
/// `Display` is the form for logs, with secrets masked; [`Command::write`] is the form for the wire.
pub(super) enum Command<'a> {
    Capa,
    Stls,
    User(&'a str),
    Pass(&'a Secret),
    Apop {
        user: &'a str,
        digest: &'a str,
    },
    Auth {
        mechanism: &'a str,
        /// In base64, or `=`.
        initial: Option<&'a str>,
    },
    /// The answer to a challenge, in base64.
    Response(&'a str),
    /// `*`: ends an exchange (RFC 5034 section 4).
    Cancel,
    Stat,
    List,
    Uidl,
    Retr(MessageNumber),
    /// TOP with no line of the body.
    Top(MessageNumber),
    Dele(MessageNumber),
    Noop,
    Rset,
    Quit,
}

impl Command<'_> {
    /// The word it begins with, for errors.
    pub(super) fn verb(&self) -> &'static str {
        match self {
            Self::Capa => "CAPA",
            Self::Stls => "STLS",
            Self::User(_) => "USER",
            Self::Pass(_) => "PASS",
            Self::Apop { .. } => "APOP",
            Self::Auth { .. } | Self::Response(_) | Self::Cancel => "AUTH",
            Self::Stat => "STAT",
            Self::List => "LIST",
            Self::Uidl => "UIDL",
            Self::Retr(_) => "RETR",
            Self::Top(_) => "TOP",
            Self::Dele(_) => "DELE",
            Self::Noop => "NOOP",
            Self::Rset => "RSET",
            Self::Quit => "QUIT",
        }
    }

    /// What must never be shown, not even when the server echoes it.
    pub(super) fn secret(&self) -> Option<&str> {
        match self {
            Self::Pass(secret) => Some(secret.expose()),
            Self::Apop { digest, .. } => Some(digest),
            Self::Auth { initial, .. } => *initial,
            Self::Response(response) => Some(response),
            _ => None,
        }
    }

    /// Whether the server owes a reply of its own for it; the lines within AUTH belong to AUTH's reply.
    pub(super) fn is_owed_a_reply(&self) -> bool {
        !matches!(self, Self::Response(_) | Self::Cancel)
    }

    /// Appends the line to be sent, CRLF included.
    ///
    /// # Errors
    /// [`Error::Argument`]: nothing was appended.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        match self {
            Self::User(user) | Self::Apop { user, .. } => line_safe(user, "the user name")?,
            Self::Pass(secret) => line_safe(secret.expose(), "the password")?,
            _ => {}
        }
        // Reserved before, so that growing in between leaves no part of a secret behind.
        out.reserve(self.secret().map_or(0, str::len) + 512);
        write!(out, "{}\r\n", Plain(self))?;
        Ok(())
    }

    /// Spells the line, secrets as `secret` shows them.
    fn spell<'s>(
        &'s self,
        f: &mut fmt::Formatter<'_>,
        secret: impl Fn(&'s str) -> &'s str,
    ) -> fmt::Result {
        match self {
            Self::User(user) => write!(f, "USER {user}"),
            Self::Pass(password) => write!(f, "PASS {}", secret(password.expose())),
            Self::Apop { user, digest } => write!(f, "APOP {user} {}", secret(digest)),
            Self::Auth { mechanism, initial } => match initial {
                Some(initial) => write!(f, "AUTH {mechanism} {}", secret(initial)),
                None => write!(f, "AUTH {mechanism}"),
            },
            Self::Response(response) => f.write_str(secret(response)),
            Self::Cancel => f.write_str("*"),
            Self::Retr(number) | Self::Dele(number) => write!(f, "{} {number}", self.verb()),
            Self::Top(number) => write!(f, "TOP {number} 0"),
            _ => f.write_str(self.verb()),
        }
    }
}

impl fmt::Display for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.spell(f, |_| "****")
    }
}

/// A command as the server gets it.
struct Plain<'c>(&'c Command<'c>);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.spell(f, |secret| secret)
    }
}

/// A line break would begin another command; a NUL ends the line for servers written in C.
fn line_safe(text: &str, what: &'static str) -> Result<(), Error> {
    match memchr::memchr3(b'\r', b'\n', 0, text.as_bytes()) {
        Some(_) => Err(Error::Argument(what)),
        None => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wire(command: &Command<'_>) -> String {
        let mut out = Vec::new();
        command.write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn on_the_wire_and_in_logs() {
        let password = Secret::new("b0b pass \"word\\".to_owned());
        let apop = Command::Apop {
            user: "mrose",
            digest: "c4c9334bac560ecc979e58001b3e22fb",
        };
        let with_initial = Command::Auth {
            mechanism: "PLAIN",
            initial: Some("AHUAcA=="),
        };
        let without = Command::Auth {
            mechanism: "CRAM-MD5",
            initial: None,
        };
        let cases: &[(&Command<'_>, &str, &str)] = &[
            (&Command::Capa, "CAPA", "CAPA"),
            (&Command::Stls, "STLS", "STLS"),
            (&Command::User("a b"), "USER a b", "USER a b"),
            (
                &Command::Pass(&password),
                "PASS b0b pass \"word\\",
                "PASS ****",
            ),
            (
                &apop,
                "APOP mrose c4c9334bac560ecc979e58001b3e22fb",
                "APOP mrose ****",
            ),
            (&with_initial, "AUTH PLAIN AHUAcA==", "AUTH PLAIN ****"),
            (&without, "AUTH CRAM-MD5", "AUTH CRAM-MD5"),
            (&Command::Response("Y2xpZW50"), "Y2xpZW50", "****"),
            (&Command::Response(""), "", "****"),
            (&Command::Cancel, "*", "*"),
            (&Command::Stat, "STAT", "STAT"),
            (&Command::List, "LIST", "LIST"),
            (&Command::Uidl, "UIDL", "UIDL"),
            (&Command::Retr(7), "RETR 7", "RETR 7"),
            (&Command::Top(7), "TOP 7 0", "TOP 7 0"),
            (&Command::Dele(7), "DELE 7", "DELE 7"),
            (&Command::Noop, "NOOP", "NOOP"),
            (&Command::Rset, "RSET", "RSET"),
            (&Command::Quit, "QUIT", "QUIT"),
        ];
        for (command, plain, masked) in cases {
            assert_eq!(wire(command), format!("{plain}\r\n"));
            assert_eq!(command.to_string(), *masked);
        }
    }

    #[test]
    fn refuses_what_would_end_the_line() {
        for text in ["a\r\nDELE 1", "a\n", "\r", "a\0b"] {
            let password = Secret::new(text.to_owned());
            let mut out = Vec::new();
            for (command, what) in [
                (Command::User(text), "the user name"),
                (
                    Command::Apop {
                        user: text,
                        digest: "",
                    },
                    "the user name",
                ),
                (Command::Pass(&password), "the password"),
            ] {
                let error = command.write(&mut out).unwrap_err();
                assert!(matches!(error, Error::Argument(seen) if seen == what));
                assert!(out.is_empty());
            }
        }
    }

    proptest! {
        #[test]
        fn always_one_line(user in any::<String>(), password in any::<String>()) {
            let password = Secret::new(password);
            for command in [Command::User(&user), Command::Pass(&password)] {
                let mut out = Vec::new();
                if command.write(&mut out).is_ok() {
                    prop_assert_eq!(memchr::memchr3_iter(b'\r', b'\n', 0, &out).count(), 2);
                    prop_assert!(out.ends_with(b"\r\n"));
                }
            }
        }
    }
}
