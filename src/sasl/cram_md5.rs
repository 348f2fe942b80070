//! CRAM-MD5 (RFC 2195), which rsasl does not have.

use hmac::{Hmac, Mac as _};
use md5::Md5;

use super::{Credentials, Error, Exchange};

/// An exchange by CRAM-MD5: one challenge, one answer.
pub(super) struct CramMd5 {
    credentials: Credentials,
    step: Step,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Waiting,
    Answered,
    Failed,
}

impl CramMd5 {
    pub(super) fn new(credentials: &Credentials) -> Self {
        Self {
            credentials: credentials.clone(),
            step: Step::Waiting,
        }
    }
}

impl Exchange for CramMd5 {
    fn initial(&mut self) -> Result<Option<Vec<u8>>, Error> {
        Ok(None)
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<Vec<u8>, Error> {
        if self.step != Step::Waiting {
            return Err(Error::Challenge("none was to come".to_owned()));
        }
        if challenge.is_empty() {
            self.step = Step::Failed;
            return Err(Error::Challenge("it is empty".to_owned()));
        }
        let password = self.credentials.password.expose().as_bytes();
        let mut mac =
            Hmac::<Md5>::new_from_slice(password).expect("HMAC takes a key of any length");
        mac.update(challenge);
        self.step = Step::Answered;
        let user = &self.credentials.user;
        Ok(format!("{user} {:x}", mac.finalize().into_bytes()).into_bytes())
    }

    fn finish(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn proof_sent(&self) -> bool {
        self.step == Step::Answered
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::secret::Secret;

    fn exchange() -> CramMd5 {
        CramMd5::new(&Credentials {
            user: "tim".into(),
            password: Secret::new("tanstaaftanstaaf".into()),
        })
    }

    #[test]
    fn the_example_of_rfc_2195() {
        let mut exchange = exchange();
        assert_eq!(exchange.initial().unwrap(), None);
        assert!(!exchange.proof_sent());
        let answer = exchange
            .respond(b"<1896.697170952@postoffice.reston.mci.net>")
            .unwrap();
        assert_eq!(answer, b"tim b913a602c7eda7a495b4e6e7334d3890");
        assert!(exchange.proof_sent());
        exchange.finish().unwrap();
    }

    #[test]
    fn there_is_one_challenge_and_it_holds_something() {
        let mut empty = exchange();
        assert!(empty.respond(b"").is_err());
        assert!(empty.respond(b"<1@x>").is_err());
        assert!(!empty.proof_sent());
        let mut twice = exchange();
        twice.respond(b"<1@x>").unwrap();
        assert!(twice.respond(b"<2@x>").is_err());
        assert!(twice.proof_sent());
    }
}
