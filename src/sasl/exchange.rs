use super::cram_md5::CramMd5;
use super::library::Answers;
use super::password::Password;
use super::scram::Scram;
use super::{Method, library};
use crate::secret::Secret;

/// What binds an exchange to its TLS channel (RFC 5929, RFC 9266).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelBinding {
    /// `tls-exporter` or `tls-server-end-point`.
    pub kind: &'static str,
    /// The binding's octets.
    pub data: Vec<u8>,
}

/// Who logs in.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The user's name on the server.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// Why an exchange cannot go on; the login has failed and nothing more is sent but `*`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server's challenge makes no sense in this mechanism.
    #[error("the server's challenge does not fit the mechanism: {0}")]
    Challenge(String),
    /// The server said inside the exchange that it refuses: one of the words of RFC 5802 section 7
    /// (`invalid-proof`, `unknown-user`, `channel-bindings-dont-match`, ...).
    #[error("the server refused the proof: {0}")]
    Refused(&'static str),
    /// The server could not prove that it knows the password (RFC 5802 section 5).
    #[error("the server did not prove that it knows the password")]
    Unproven,
    /// User or password are empty or hold what no mechanism can carry (NUL, CR, LF), or the mechanism lacks
    /// what it needs to begin.
    #[error("{0}")]
    Credentials(String),
}

/// The client's side of one SASL exchange; base64 and line framing are the caller's.
///
/// After an error it answers every challenge with an error.
pub trait Exchange {
    /// The initial response, where the mechanism has one (it may be empty). Asked for once, before all else; it is
    /// kept by the caller where it cannot go with `AUTH` and has to answer the first, empty challenge.
    ///
    /// # Errors
    /// Credentials that the mechanism cannot carry.
    fn initial(&mut self) -> Result<Option<Vec<u8>>, Error>;

    /// The answer to a challenge.
    ///
    /// # Errors
    /// A challenge that does not fit, or a server that proves to be the wrong one.
    fn respond(&mut self, challenge: &[u8]) -> Result<Vec<u8>, Error>;

    /// The server said +OK: is it entitled to? SCRAM refuses before the server's signature was seen.
    ///
    /// # Errors
    /// [`Error::Unproven`].
    fn finish(&mut self) -> Result<(), Error>;

    /// Whether something that depends on the password has been handed out for sending: a refusal after that is
    /// about the password. PLAIN: after `initial`; LOGIN: after the second answer; CRAM-MD5: after the first;
    /// SCRAM: after the answer to the salt.
    fn proof_sent(&self) -> bool;
}

/// Begins an exchange for a SASL method.
///
/// `offered_plus`: whether the server offered -PLUS, for SCRAM's `y` flag against downgrades (RFC 5802 section 6):
/// it says that we could have bound the exchange to the channel, had the server offered it. Where the server did
/// offer -PLUS and the method is without (it was refused, or the user listed this one), the flag is `n`.
///
/// For SCRAM, user and password are prepared by SASLprep (RFC 4013); where that forbids them they go as they are,
/// as servers without SASLprep took them (no other server can have them).
///
/// # Errors
/// Credentials that the mechanism cannot carry; -PLUS without a binding.
///
/// # Panics
/// Never for a [`Method`] with a [`Method::mechanism`]; APOP and USER have none and are an [`Error::Credentials`].
pub fn begin(
    method: Method,
    credentials: &Credentials,
    binding: Option<&ChannelBinding>,
    offered_plus: bool,
) -> Result<Box<dyn Exchange>, Error> {
    check("user name", &credentials.user)?;
    check("password", credentials.password.expose())?;
    match method {
        Method::Apop | Method::User => Err(Error::Credentials(format!(
            "{} is no SASL mechanism",
            method.word()
        ))),
        Method::CramMd5 => Ok(Box::new(CramMd5::new(credentials))),
        Method::Plain | Method::Login => {
            let answers = Answers::new(credentials);
            Ok(Box::new(Password::new(
                library::start(method, answers)?,
                credentials,
            )))
        }
        _ if method.needs_binding() && binding.is_none() => Err(Error::Credentials(format!(
            "{} needs a channel binding, which this connection does not have",
            method.word()
        ))),
        _ => {
            let binding = binding.filter(|_| method.needs_binding() || !offered_plus);
            let answers = Answers::prepared(credentials, binding);
            Ok(Box::new(Scram::new(library::start(method, answers)?)))
        }
    }
}

fn check(what: &str, text: &str) -> Result<(), Error> {
    if text.is_empty() {
        Err(Error::Credentials(format!("the {what} is empty")))
    } else if text.contains(['\0', '\r', '\n']) {
        Err(Error::Credentials(format!(
            "the {what} holds a line break or a NUL, which no login method can carry"
        )))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn credentials(user: &str, password: &str) -> Credentials {
        Credentials {
            user: user.into(),
            password: Secret::new(password.into()),
        }
    }

    fn binding() -> ChannelBinding {
        ChannelBinding {
            kind: "tls-exporter",
            data: vec![7; 32],
        }
    }

    const SASL: [Method; 7] = [
        Method::ScramSha256Plus,
        Method::ScramSha256,
        Method::ScramSha1Plus,
        Method::ScramSha1,
        Method::CramMd5,
        Method::Plain,
        Method::Login,
    ];

    #[test]
    fn credentials_that_cannot_be_sent_are_refused() {
        for (user, password, why) in [
            ("", "x", "the user name is empty"),
            ("x", "", "the password is empty"),
            (
                "a\nb",
                "x",
                "the user name holds a line break or a NUL, which no login method can carry",
            ),
            (
                "x",
                "a\rb",
                "the password holds a line break or a NUL, which no login method can carry",
            ),
            (
                "x",
                "a\0b",
                "the password holds a line break or a NUL, which no login method can carry",
            ),
        ] {
            for method in SASL {
                let error =
                    begin(method, &credentials(user, password), Some(&binding()), true).err();
                assert_eq!(error.unwrap().to_string(), why, "{method:?}");
            }
        }
    }

    #[test]
    fn what_is_no_mechanism_or_lacks_its_binding_is_refused() {
        for (method, why) in [
            (Method::User, "user is no SASL mechanism"),
            (Method::Apop, "apop is no SASL mechanism"),
            (
                Method::ScramSha256Plus,
                "scram-sha-256-plus needs a channel binding, which this connection does not have",
            ),
        ] {
            let error = begin(method, &credentials("a", "b"), None, true).err();
            assert_eq!(error.unwrap().to_string(), why);
        }
    }

    proptest! {
        #[test]
        fn no_challenge_makes_it_panic(
            method in proptest::sample::select(SASL.as_slice()),
            ask in any::<bool>(),
            challenges in proptest::collection::vec(
                prop_oneof![
                    proptest::collection::vec(any::<u8>(), 0..20),
                    "[rsivem]?=?,?[a-zA-Z0-9+/=]{0,6}(,[rsivem]?=?[0-9A-Za-z=]{0,2}){0,4}".prop_map(String::into_bytes),
                ],
                0..5,
            ),
        ) {
            let mut exchange = begin(method, &credentials("a", "b"), Some(&binding()), true).unwrap();
            let mut failed = false;
            if ask {
                exchange.initial().unwrap();
            }
            for challenge in challenges {
                let answer = exchange.respond(&challenge);
                prop_assert!(!failed || answer.is_err());
                failed |= answer.is_err();
            }
            if method.mechanism().unwrap().starts_with("SCRAM") {
                prop_assert!(exchange.finish().is_err());
                prop_assert!(!exchange.proof_sent());
            }
        }
    }
}
