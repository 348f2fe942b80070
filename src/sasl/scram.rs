//! SCRAM (RFC 5802, RFC 7677) by rsasl, with what rsasl leaves open: it indexes into short challenges, takes any
//! iteration count, and does not know whether the server proved itself.

use rsasl::prelude::{Session, SessionError};

use super::{Error, Exchange, library};

/// Iterations that a server may ask for: some 0.6 s of work where 4096 are usual and 600 000 much.
const ITERATIONS: u32 = 5_000_000;

/// The words of RFC 5802 section 7 for `e=`.
const SERVER_ERRORS: [&str; 11] = [
    "invalid-encoding",
    "extensions-not-supported",
    "invalid-proof",
    "channel-bindings-dont-match",
    "server-does-support-channel-binding",
    "channel-binding-not-supported",
    "unsupported-channel-binding-type",
    "unknown-user",
    "invalid-username-encoding",
    "no-resources",
    "other-error",
];

/// An exchange by one of the SCRAM mechanisms.
pub(super) struct Scram {
    session: Session,
    step: Step,
    proof_sent: bool,
}

/// What came last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Begun,
    ClientFirst,
    ClientFinal,
    Verified,
    /// rsasl must not be asked again: it would panic.
    Failed,
}

impl Scram {
    pub(super) fn new(session: Session) -> Self {
        Self {
            session,
            step: Step::Begun,
            proof_sent: false,
        }
    }

    fn client_first(&mut self) -> Result<Vec<u8>, Error> {
        let mut message = Vec::new();
        self.session
            .step(None, &mut message)
            .map_err(|error| Error::Credentials(library::reason(&error)))?;
        Ok(message)
    }

    fn client_final(&mut self, server_first: &[u8]) -> Result<Vec<u8>, Error> {
        check_server_first(server_first).map_err(Error::Challenge)?;
        let mut message = Vec::new();
        self.session
            .step(Some(server_first), &mut message)
            .map_err(|error| Error::Challenge(library::reason(&error)))?;
        self.proof_sent = true;
        Ok(message)
    }

    fn verify(&mut self, server_final: &[u8]) -> Result<(), Error> {
        if let Some(error) = server_final.strip_prefix(b"e=") {
            let word = error.split(|octet| *octet == b',').next();
            return Err(Error::Refused(
                SERVER_ERRORS
                    .into_iter()
                    .find(|known| word == Some(known.as_bytes()))
                    .unwrap_or("other-error"),
            ));
        }
        if !server_final.starts_with(b"v=") {
            return Err(Error::Challenge("it is no server signature".to_owned()));
        }
        match self.session.step(Some(server_final), &mut Vec::new()) {
            Ok(_) => Ok(()),
            Err(SessionError::MutualAuthenticationFailed | SessionError::MechanismError(_)) => {
                Err(Error::Unproven)
            }
            Err(error) => Err(Error::Challenge(library::reason(&error))),
        }
    }

    /// Goes on to `next` when all went well, else nowhere.
    fn proceed<T>(&mut self, next: Step, result: Result<T, Error>) -> Result<T, Error> {
        self.step = if result.is_ok() { next } else { Step::Failed };
        result
    }
}

impl Exchange for Scram {
    fn initial(&mut self) -> Result<Option<Vec<u8>>, Error> {
        if self.step != Step::Begun {
            let late = Error::Credentials("the exchange has begun already".to_owned());
            return self.proceed(Step::Failed, Err(late));
        }
        let message = self.client_first();
        self.proceed(Step::ClientFirst, message).map(Some)
    }

    /// The answer to the server's signature is empty: what comes then is +OK.
    fn respond(&mut self, challenge: &[u8]) -> Result<Vec<u8>, Error> {
        match self.step {
            Step::ClientFirst => {
                let message = self.client_final(challenge);
                self.proceed(Step::ClientFinal, message)
            }
            Step::ClientFinal => {
                let verified = self.verify(challenge);
                self.proceed(Step::Verified, verified)?;
                Ok(Vec::new())
            }
            Step::Begun | Step::Verified | Step::Failed => {
                let surplus = Error::Challenge("none was to come".to_owned());
                self.proceed(Step::Failed, Err(surplus))
            }
        }
    }

    fn finish(&mut self) -> Result<(), Error> {
        if self.step == Step::Verified {
            Ok(())
        } else {
            Err(Error::Unproven)
        }
    }

    fn proof_sent(&self) -> bool {
        self.proof_sent
    }
}

/// Checks that a server-first-message is `r=...,s=...,i=N` and N is bearable.
fn check_server_first(message: &[u8]) -> Result<(), String> {
    let mut attributes = message.split(|octet| *octet == b',');
    let mut attribute = |name: &str| {
        attributes
            .next()
            .and_then(|attribute| attribute.strip_prefix(name.as_bytes()))
            .ok_or_else(|| format!("it has no {name} where one belongs"))
    };
    attribute("r=")?;
    attribute("s=")?;
    let iterations = std::str::from_utf8(attribute("i=")?)
        .ok()
        .and_then(|digits| digits.parse::<u64>().ok())
        .ok_or("its iteration count is no number")?;
    if iterations > ITERATIONS.into() {
        return Err(format!(
            "it asks for {iterations} iterations, more than {ITERATIONS}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
