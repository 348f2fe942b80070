//! The mechanisms that send the password itself: PLAIN (RFC 4616) and LOGIN (draft-murchison-sasl-login).

use rsasl::prelude::{Session, State};

use super::{Credentials, Error, Exchange, library};

/// An exchange by PLAIN or LOGIN.
pub(super) struct Password {
    session: Session,
    /// Octets of the longest answer: a buffer that grew would leave a piece of the password behind.
    room: usize,
    done: bool,
}

impl Password {
    pub(super) fn new(session: Session, credentials: &Credentials) -> Self {
        Self {
            session,
            room: credentials.user.len() + credentials.password.expose().len() + 2,
            done: false,
        }
    }

    fn step(&mut self, challenge: Option<&[u8]>) -> Result<Vec<u8>, Error> {
        let mut answer = Vec::with_capacity(self.room);
        let state = self
            .session
            .step(challenge, &mut answer)
            .map_err(|error| Error::Credentials(library::reason(&error)))?;
        self.done = matches!(state, State::Finished(_));
        Ok(answer)
    }
}

impl Exchange for Password {
    fn initial(&mut self) -> Result<Option<Vec<u8>>, Error> {
        if self.session.are_we_first() {
            self.step(None).map(Some)
        } else {
            Ok(None)
        }
    }

    /// LOGIN's prompts are in many words and languages: the first is for the user, the second for the password.
    fn respond(&mut self, challenge: &[u8]) -> Result<Vec<u8>, Error> {
        if self.done || self.session.are_we_first() {
            return Err(Error::Challenge("none was to come".to_owned()));
        }
        self.step(Some(challenge))
    }

    fn finish(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn proof_sent(&self) -> bool {
        self.done
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::{Method, begin};
    use super::*;
    use crate::secret::Secret;

    fn exchange(method: Method) -> Box<dyn Exchange> {
        let credentials = Credentials {
            user: "tim é,=".into(),
            password: Secret::new("tanstaaf tanstaaf ü".into()),
        };
        begin(method, &credentials, None, false).unwrap()
    }

    #[test]
    fn plain_sends_all_at_once() {
        let mut plain = exchange(Method::Plain);
        assert!(!plain.proof_sent());
        let initial = plain.initial().unwrap().unwrap();
        assert_eq!(initial, "\0tim é,=\0tanstaaf tanstaaf ü".as_bytes());
        assert!(plain.proof_sent());
        plain.finish().unwrap();
        assert!(matches!(plain.respond(b""), Err(Error::Challenge(_))));
    }

    #[test]
    fn login_answers_any_two_prompts() {
        for prompts in [
            [b"Username:".as_slice(), b"Password:"],
            [b"User Name\0", b"Password\0"],
            [b"", b""],
            [b"\xFF", b"Mot de passe"],
        ] {
            let mut login = exchange(Method::Login);
            assert_eq!(login.initial().unwrap(), None);
            assert_eq!(login.respond(prompts[0]).unwrap(), "tim é,=".as_bytes());
            assert!(!login.proof_sent());
            assert_eq!(
                login.respond(prompts[1]).unwrap(),
                "tanstaaf tanstaaf ü".as_bytes()
            );
            assert!(login.proof_sent());
            login.finish().unwrap();
            assert!(matches!(login.respond(b""), Err(Error::Challenge(_))));
        }
    }
}
