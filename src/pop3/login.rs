use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use zeroize::Zeroizing;

use super::command::Command;
use super::connection::{Answer, Connection};
use super::error::Error;
use super::reply::{Reply, ResponseCode, Status};
use super::session::Session;
use super::wire::Wire;
use crate::sasl::{self, Credentials, Exchange, Method};

/// Challenges answered at most; no mechanism needs half as many.
const CHALLENGES: usize = 10;

/// The longest line that AUTH may be, CRLF included (RFC 5034 section 4).
const AUTH_LINE: usize = 255;

/// Challenges as servers write them: some leave the padding out.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How [`Session::authenticate`] ends without a login.
#[derive(Debug)]
pub enum NotAuthenticated<S> {
    /// The server refused the method before anything that depends on the password was sent, or the channel binding
    /// of a -PLUS mechanism: another may be tried.
    Method(Box<Session<S>>, Reply),
    /// The login has failed.
    Failed(Error),
}

/// [`NotAuthenticated`] without the session.
#[derive(Debug)]
pub(super) enum Refusal {
    Method(Reply),
    Failed(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// The login that ended because of us, not of the server.
pub(super) fn ended_by_us(method: Method, why: sasl::Error) -> Error {
    Error::Login {
        method,
        reply: None,
        why: Some(why),
    }
}

/// USER and PASS (RFC 1939 section 7).
pub(super) fn user<S: Wire>(
    connection: &mut Connection<S>,
    credentials: &Credentials,
) -> Result<(), Refusal> {
    let status = connection.ask(&Command::User(&credentials.user))?;
    judge(status, Method::User, false)?;
    let status = connection.ask(&Command::Pass(&credentials.password))?;
    judge(status, Method::User, true)
}

/// APOP (RFC 1939 section 7).
pub(super) fn apop<S: Wire>(
    connection: &mut Connection<S>,
    user: &str,
    digest: &str,
) -> Result<(), Refusal> {
    let status = connection.ask(&Command::Apop { user, digest })?;
    judge(status, Method::Apop, true)
}

/// AUTH (RFC 5034 section 4).
pub(super) fn auth<S: Wire>(
    connection: &mut Connection<S>,
    method: Method,
    mechanism: &str,
    exchange: &mut dyn Exchange,
) -> Result<(), Refusal> {
    let failed = |why| Refusal::Failed(ended_by_us(method, why));
    let initial = exchange.initial().map_err(failed)?.map(encode);
    // Room for the command, two blanks and the line end.
    let room = AUTH_LINE.saturating_sub("AUTH  \r\n".len() + mechanism.len());
    let inline = initial.as_ref().filter(|text| text.len() <= room);
    connection.command(&Command::Auth {
        mechanism,
        initial: inline.map(|text| if text.is_empty() { "=" } else { text.as_str() }),
    })?;
    let mut answered = inline.is_some();
    let mut initial = initial;
    let mut challenges = 0;
    loop {
        let challenge = match connection.answer()? {
            Answer::Challenge(challenge) => challenge,
            Answer::Status(status) => {
                // Servers that know another kind of binding than ours (Cyrus 3.6: tls-unique) refuse the proof itself:
                // that says nothing of the password, and a method without binding may be tried.
                let about_password = exchange.proof_sent() && !method.needs_binding();
                judge(status, method, answered && about_password)?;
                return exchange.finish().map_err(failed);
            }
        };
        challenges += 1;
        let initial = initial.take();
        let response = match LENIENT.decode(&challenge) {
            _ if challenges > CHALLENGES => Err(sasl::Error::Challenge(format!(
                "more than {CHALLENGES} in one login"
            ))),
            Err(_) => Err(sasl::Error::Challenge("it is not base64".to_owned())),
            // An empty first challenge asks for the initial response; so do servers that overlooked it in AUTH.
            Ok(challenge) => match initial {
                Some(initial) if challenge.is_empty() => Ok(initial),
                _ => exchange.respond(&challenge).map(encode),
            },
        };
        match response {
            Ok(response) => connection.command(&Command::Response(&response))?,
            Err(why) => return Err(cancel(connection, method, why)),
        }
        answered = true;
    }
}

/// Ends an exchange (RFC 5034 section 4). Whatever the server says to that, the login has failed.
fn cancel<S: Wire>(connection: &mut Connection<S>, method: Method, why: sasl::Error) -> Refusal {
    let _ = connection
        .command(&Command::Cancel)
        .and_then(|()| connection.answer());
    Refusal::Failed(ended_by_us(method, why))
}

/// What the end of a login means; `proof`: something that depends on the password was sent.
fn judge(status: Status, method: Method, proof: bool) -> Result<(), Refusal> {
    if status.ok {
        return Ok(());
    }
    // Trouble that another method would run into as well.
    let elsewhere = matches!(
        status.reply.code,
        Some(
            ResponseCode::InUse
                | ResponseCode::LoginDelay
                | ResponseCode::SysTemp
                | ResponseCode::SysPerm
        )
    );
    if proof || elsewhere {
        return Err(Refusal::Failed(Error::Login {
            method,
            reply: Some(status.reply),
            why: None,
        }));
    }
    Err(Refusal::Method(status.reply))
}

fn encode(response: Vec<u8>) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(Zeroizing::new(response)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::pop3::script::Script;
    use crate::secret::Secret;

    /// A mechanism that answers challenges by a list.
    struct Fake {
        initial: Option<Vec<u8>>,
        /// What is expected and what is answered; an unexpected challenge does not fit.
        steps: Vec<(&'static [u8], &'static [u8])>,
        taken: usize,
        /// So many steps taken, the password was used.
        proof_at: usize,
    }

    impl Fake {
        fn new(initial: Option<&[u8]>, steps: &[(&'static [u8], &'static [u8])]) -> Self {
            Self {
                initial: initial.map(<[u8]>::to_vec),
                steps: steps.to_vec(),
                taken: 0,
                proof_at: steps.len(),
            }
        }
    }

    impl Exchange for Fake {
        fn initial(&mut self) -> Result<Option<Vec<u8>>, sasl::Error> {
            Ok(self.initial.clone())
        }

        fn respond(&mut self, challenge: &[u8]) -> Result<Vec<u8>, sasl::Error> {
            match self.steps.get(self.taken) {
                Some((expected, response)) if *expected == challenge => {
                    self.taken += 1;
                    Ok(response.to_vec())
                }
                _ => Err(sasl::Error::Challenge("not this one".to_owned())),
            }
        }

        fn finish(&mut self) -> Result<(), sasl::Error> {
            if self.taken == self.steps.len() {
                Ok(())
            } else {
                Err(sasl::Error::Unproven)
            }
        }

        fn proof_sent(&self) -> bool {
            self.taken >= self.proof_at
        }
    }

    /// Runs AUTH; what came of it, and what was shown.
    fn run(mechanism: &str, mut fake: Fake, script: Script) -> (Result<(), Refusal>, String) {
        let seen = script.seen();
        let mut connection = Connection::new(script, false);
        let result = auth(&mut connection, Method::ScramSha256, mechanism, &mut fake);
        assert_eq!(seen.borrow().left, 0, "{:?}", seen.borrow());
        assert_eq!(seen.borrow().pending, b"");
        let log = seen.borrow().log.clone();
        (result, log)
    }

    fn reply(result: Result<(), Refusal>) -> (bool, String) {
        match result.unwrap_err() {
            Refusal::Method(reply) => (true, String::from_utf8(reply.text).unwrap()),
            Refusal::Failed(Error::Login {
                reply: Some(reply),
                why: None,
                ..
            }) => (false, String::from_utf8(reply.text).unwrap()),
            other => panic!("{other:?}"),
        }
    }

    fn why(result: Result<(), Refusal>) -> sasl::Error {
        match result.unwrap_err() {
            Refusal::Failed(Error::Login {
                reply: None,
                why: Some(why),
                ..
            }) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn initial_response_in_one_line() {
        let fake = Fake::new(Some(b"\0u\0pass"), &[]);
        let script = Script::new()
            .expect("AUTH PLAIN AHUAcGFzcw==\r\n")
            .send("+OK Maildrop ready\r\n");
        let (result, log) = run("PLAIN", fake, script);
        result.unwrap();
        assert_eq!(log, "C: AUTH PLAIN ****\nS: +OK Maildrop ready\n");
    }

    #[test]
    fn an_empty_initial_response_is_an_equals_sign() {
        let script = Script::new().expect("AUTH EXTERNAL =\r\n").send("+OK\r\n");
        run("EXTERNAL", Fake::new(Some(b""), &[]), script)
            .0
            .unwrap();
    }

    #[test]
    fn a_long_initial_response_awaits_its_challenge() {
        // "AUTH PLAIN " and CRLF are 13 octets: 242 remain, so 180 octets in base64 (240) go and 183 (244) do not.
        for (octets, challenge) in [(180, None), (181, Some("+ \r\n")), (3000, Some("+\r\n"))] {
            let initial = vec![b'x'; octets];
            let text = STANDARD.encode(&initial);
            let script = Script::new();
            let script = match challenge {
                None => script.expect(format!("AUTH PLAIN {text}\r\n")),
                Some(challenge) => script
                    .expect("AUTH PLAIN\r\n")
                    .send(challenge)
                    .expect(format!("{text}\r\n")),
            };
            let (result, log) = run(
                "PLAIN",
                Fake::new(Some(&initial), &[]),
                script.send("+OK\r\n"),
            );
            result.unwrap();
            assert!(!log.contains("eHh4"), "{log}");
        }
    }

    #[test]
    fn an_overlooked_initial_response_is_sent_again() {
        let script = Script::new()
            .expect("AUTH PLAIN eA==\r\n")
            .send("+ \r\n")
            .expect("eA==\r\n")
            .send("+OK\r\n");
        run("PLAIN", Fake::new(Some(b"x"), &[]), script).0.unwrap();
    }

    #[test]
    fn challenges_with_and_without_a_blank() {
        // UW's prompts end in NUL.
        let steps: &[(&[u8], &[u8])] =
            &[(b"User Name\0", b"u"), (b"Password\0", b"pass"), (b"", b"")];
        let script = Script::new()
            .expect("AUTH LOGIN\r\n")
            .send("+ VXNlciBOYW1lAA==\r\n")
            .expect("dQ==\r\n")
            .send("+UGFzc3dvcmQA\n")
            .expect("cGFzcw==\r\n")
            .send("+\r\n")
            .expect("\r\n")
            .send("+OK\r\n");
        let (result, log) = run("LOGIN", Fake::new(None, steps), script.in_pieces(3));
        result.unwrap();
        assert_eq!(
            log,
            "C: AUTH LOGIN\nS: + ****\nC: ****\nS: + ****\nC: ****\nS: + ****\nC: ****\nS: +OK\n"
        );
    }

    #[test]
    fn base64_without_padding_and_a_challenge_that_begins_like_ok() {
        let steps: &[(&[u8], &[u8])] = &[(b"ab", b"x"), (&[0x38, 0xa6, 0x9a], b"y")];
        let script = Script::new()
            .expect("AUTH X\r\n")
            .send("+ YWI\r\n")
            .expect("eA==\r\n")
            .send("+OKaa\r\n")
            .expect("eQ==\r\n")
            .send("+OK\r\n");
        run("X", Fake::new(None, steps), script).0.unwrap();
    }

    #[test]
    fn a_challenge_that_does_not_fit_is_cancelled() {
        for challenge in ["+ not base64!\r\n", "+ YWI=\r\n", "+ \u{e9}\r\n", "+ Y\r\n"] {
            for end in [
                "-ERR [AUTH] Client canceled authentication\r\n",
                "+OK in you come\r\n",
            ] {
                let script = Script::new()
                    .expect("AUTH X\r\n")
                    .send(challenge)
                    .expect("*\r\n")
                    .send(end);
                let (result, log) = run("X", Fake::new(None, &[(b"other", b"x")]), script);
                assert!(matches!(why(result), sasl::Error::Challenge(_)));
                assert!(log.contains("\nC: *\nS: "));
            }
        }
    }

    #[test]
    fn challenges_without_end_are_cancelled() {
        const STEP: (&[u8], &[u8]) = (b"", b"");
        let steps = &[STEP; 100];
        let mut script = Script::new().expect("AUTH X\r\n").send("+ \r\n");
        for _ in 0..CHALLENGES {
            script = script.expect("\r\n").send("+ \r\n");
        }
        let script = script.expect("*\r\n").send("-ERR\r\n");
        let (result, _) = run("X", Fake::new(None, steps), script);
        assert!(matches!(why(result), sasl::Error::Challenge(_)));
    }

    #[test]
    fn ok_before_the_server_has_proved_itself_is_no_login() {
        let script = Script::new().expect("AUTH X eA==\r\n").send("+OK\r\n");
        let (result, _) = run("X", Fake::new(Some(b"x"), &[(b"v=", b"")]), script);
        assert!(matches!(why(result), sasl::Error::Unproven));
    }

    #[test]
    fn refused_before_the_proof_another_method_may_be_tried() {
        let fake = || Fake::new(Some(b"n,,n=u"), &[(b"r=", b"p="), (b"v=", b"")]);
        let script = || Script::new().expect("AUTH X biwsbj11\r\n");
        let (result, _) = run("X", fake(), script().send("-ERR unknown mechanism\r\n"));
        assert_eq!(reply(result), (true, "unknown mechanism".to_owned()));
        // After the proof it is about the password.
        let mut proved = fake();
        proved.proof_at = 1;
        let script = script()
            .send("+ cj0=\r\n")
            .expect("cD0=\r\n")
            .send("-ERR [AUTH] no\r\n");
        let (result, _) = run("X", proved, script);
        assert_eq!(reply(result), (false, "[AUTH] no".to_owned()));
    }

    #[test]
    fn a_password_that_was_not_sent_yet_proves_nothing() {
        let script = Script::new()
            .expect("AUTH PLAIN\r\n")
            .send("-ERR what?\r\n");
        let (result, _) = run("PLAIN", Fake::new(Some(&[b'x'; 300]), &[]), script);
        assert!(reply(result).0);
        let script = Script::new()
            .expect("AUTH PLAIN eA==\r\n")
            .send("-ERR no\r\n");
        let (result, _) = run("PLAIN", Fake::new(Some(b"x"), &[]), script);
        assert!(!reply(result).0);
    }

    #[test]
    fn trouble_elsewhere_is_not_the_methods_fault() {
        for code in ["IN-USE", "LOGIN-DELAY", "SYS/TEMP", "SYS/PERM"] {
            let text = format!("[{code}] no");
            let script = Script::new()
                .expect("AUTH X\r\n")
                .send(format!("-ERR {text}\r\n"));
            let (result, _) = run("X", Fake::new(None, &[(b"", b"")]), script);
            assert_eq!(reply(result), (false, text.clone()));

            let script = Script::new()
                .expect("USER u\r\n")
                .send(format!("-ERR {text}\r\n"));
            assert_eq!(
                reply(user(&mut Connection::new(script, false), &who())),
                (false, text)
            );
        }
    }

    fn who() -> Credentials {
        Credentials {
            user: "u".to_owned(),
            password: Secret::new("a pass".to_owned()),
        }
    }

    #[test]
    fn user_refused_and_pass_refused_differ() {
        let script = Script::new()
            .expect("USER u\r\n")
            .send("-ERR no such user\r\n");
        assert!(reply(user(&mut Connection::new(script, false), &who())).0);
        let script = Script::new()
            .expect("USER u\r\n")
            .send("+OK\r\n")
            .expect("PASS a pass\r\n")
            .send("-ERR\r\n");
        assert!(!reply(user(&mut Connection::new(script, false), &who())).0);
    }

    #[test]
    fn apop_proves_at_once() {
        let script = Script::new()
            .expect("APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\n")
            .send("-ERR APOP not supported\r\n");
        let seen = script.seen();
        let mut connection = Connection::new(script, false);
        let result = apop(&mut connection, "mrose", "c4c9334bac560ecc979e58001b3e22fb");
        assert_eq!(reply(result), (false, "APOP not supported".to_owned()));
        assert!(seen.borrow().log.starts_with("C: APOP mrose ****\n"));
    }

    #[test]
    fn an_end_of_stream_is_no_refusal() {
        let script = Script::new().expect("AUTH X\r\n");
        let (result, _) = run("X", Fake::new(None, &[]), script);
        assert!(matches!(result, Err(Refusal::Failed(Error::Io(_)))));
    }
}
