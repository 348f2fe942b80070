use super::capability::Capabilities;
use super::command::Command;
use super::connection::Connection;
use super::error::Error;
use super::login::{self, NotAuthenticated, Refusal};
use super::stamp;
use super::transaction::Transaction;
use super::wire::Wire;
use crate::sasl::{self, ChannelBinding, Credentials, Method};

/// A session before login: the AUTHORIZATION state (RFC 1939 section 4).
#[derive(Debug)]
pub struct Session<S> {
    connection: Connection<S>,
    greeting: Vec<u8>,
    capabilities: Capabilities,
}

impl<S: Wire> Session<S> {
    /// Reads the greeting.
    ///
    /// # Errors
    /// -ERR ([`Error::Refused`], command `the connection`), anything that is no greeting, or the socket's trouble.
    pub fn greet(wire: S) -> Result<Self, Error> {
        let mut connection = Connection::new(wire, true);
        let greeting = connection.status()?.accept("the connection")?;
        Ok(Self {
            connection,
            greeting: greeting.text,
            capabilities: Capabilities::default(),
        })
    }

    /// The greeting's text. Unsanitised.
    pub fn greeting(&self) -> &[u8] {
        &self.greeting
    }

    /// The APOP stamp, when the greeting holds one that is an RFC 822 msg-id.
    pub fn apop_stamp(&self) -> Option<&str> {
        stamp::find(&self.greeting)
    }

    /// Asks for the capabilities; -ERR is an answer too (`known` is false).
    ///
    /// # Errors
    /// A reply that is none, or the socket's trouble.
    pub fn capa(&mut self) -> Result<&Capabilities, Error> {
        self.connection.ready()?;
        self.connection.command(&Command::Capa)?;
        self.capabilities = Capabilities::read(&mut self.connection)?;
        Ok(&self.capabilities)
    }

    /// What the last CAPA said.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// The connection below.
    pub fn wire(&self) -> &S {
        self.connection.wire()
    }

    /// Sends STLS (RFC 2595 section 4) and hands the bare connection back for the handshake, all that was learnt forgotten.
    ///
    /// # Errors
    /// Refused; or octets buffered behind the +OK, which is an attack ([`Error::Protocol`]).
    pub fn stls(mut self) -> Result<S, Error> {
        self.connection.ask(&Command::Stls)?.accept("STLS")?;
        // Read on, they would pass for what the server says inside TLS.
        if self.connection.buffered() {
            return Err(Error::protocol(
                "the server's answer to STLS is followed by octets in clear, as in an attack",
                self.connection.unread(),
            ));
        }
        Ok(self.connection.into_wire())
    }

    /// A session over a connection whose greeting was read before STLS; capabilities are unknown until asked.
    pub fn resume(wire: S) -> Self {
        Self {
            connection: Connection::new(wire, false),
            greeting: Vec::new(),
            capabilities: Capabilities::default(),
        }
    }

    /// Logs in by one method. `binding` is for the -PLUS mechanisms.
    ///
    /// Initial responses go with AUTH when the line stays within 255 octets (RFC 5034 section 4), `=` for an
    /// empty one; otherwise they answer the first, empty challenge. A challenge that does not fit is answered `*`.
    ///
    /// # Errors
    /// See [`NotAuthenticated`].
    pub fn authenticate(
        mut self,
        method: Method,
        credentials: &Credentials,
        binding: Option<&ChannelBinding>,
    ) -> Result<Transaction<S>, NotAuthenticated<S>> {
        match self.log_in(method, credentials, binding) {
            Ok(()) => Ok(Transaction::new(self.connection, self.capabilities)),
            Err(Refusal::Method(reply)) => Err(NotAuthenticated::Method(Box::new(self), reply)),
            Err(Refusal::Failed(error)) => Err(NotAuthenticated::Failed(error)),
        }
    }

    /// Ends the session politely; errors do not matter any more.
    pub fn quit(mut self) {
        let _ = self.connection.ask(&Command::Quit);
    }

    fn log_in(
        &mut self,
        method: Method,
        credentials: &Credentials,
        binding: Option<&ChannelBinding>,
    ) -> Result<(), Refusal> {
        self.connection.ready()?;
        match method {
            Method::User => login::user(&mut self.connection, credentials),
            Method::Apop => {
                let Some(stamp) = stamp::find(&self.greeting) else {
                    return Err(Refusal::Failed(Error::protocol(
                        "the server's greeting holds no stamp for APOP",
                        &self.greeting,
                    )));
                };
                let digest = sasl::apop_digest(stamp, &credentials.password);
                login::apop(&mut self.connection, &credentials.user, &digest)
            }
            _ => {
                let offered_plus = self
                    .capabilities
                    .sasl
                    .iter()
                    .any(|name| name.starts_with("SCRAM-") && name.ends_with("-PLUS"));
                let ours = |why| Refusal::Failed(login::ended_by_us(method, why));
                let mut exchange =
                    sasl::begin(method, credentials, binding, offered_plus).map_err(ours)?;
                let mechanism = method.mechanism().unwrap_or_default();
                login::auth(&mut self.connection, method, mechanism, exchange.as_mut())
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io;

    use proptest::prelude::*;

    use super::*;
    use crate::pop3::script::Script;
    use crate::pop3::{ResponseCode, Window};
    use crate::secret::Secret;

    fn greeted(greeting: &str) -> Session<Script> {
        Session::greet(Script::new().send(greeting)).unwrap()
    }

    #[test]
    fn greetings() {
        assert_eq!(greeted("+OK ready\r\n").greeting(), b"ready");
        assert_eq!(greeted("+OK\r\n").greeting(), b"");
        for refusal in [
            "-ERR [IN-USE] Maximum number of connections\r\n",
            "-ERR [IN-USE]\n",
        ] {
            let error = Session::greet(Script::new().send(refusal)).unwrap_err();
            let Error::Refused { command, reply } = error else {
                panic!("{error}")
            };
            assert_eq!(command, "the connection");
            assert_eq!(reply.code, Some(ResponseCode::InUse));
        }
        for other in [
            "* PREAUTH [CAPABILITY IMAP4rev1] ready\r\n",
            "* OK IMAP4\r\n",
            "220 smtp.example.org ESMTP\r\n",
            "\r\n",
            "HTTP/1.1 400 Bad Request\r\n",
            "\u{15}\u{3}\u{1}\r\n",
        ] {
            let error = Session::greet(Script::new().send(other)).unwrap_err();
            assert!(matches!(error, Error::Protocol { .. }), "{other:?}");
        }
        let error = Session::greet(Script::new()).unwrap_err();
        assert!(matches!(error, Error::Io(io) if io.kind() == io::ErrorKind::UnexpectedEof));
    }

    #[test]
    fn capabilities_are_those_of_the_last_capa() {
        let script = Script::new()
            .send("+OK\r\n")
            .expect("CAPA\r\n")
            .send("+OK\r\nSTLS\r\n.\r\n")
            .expect("CAPA\r\n")
            .send("-ERR\r\n");
        let mut session = Session::greet(script).unwrap();
        assert!(!session.capabilities().known);
        assert!(session.capa().unwrap().stls);
        assert!(!session.capa().unwrap().known);
        assert_eq!(session.capabilities(), &Capabilities::default());
    }

    #[test]
    fn a_reply_ahead_of_its_command_is_a_breach() {
        let mut session = greeted("+OK ready\r\n+OK\r\nUSER\r\n.\r\n");
        assert!(matches!(session.capa(), Err(Error::Protocol { .. })));
    }

    #[test]
    fn stls_hands_the_wire_back() {
        let script = Script::new()
            .send("+OK <1.2@a.example>\r\n")
            .expect("STLS\r\n")
            .send("+OK Begin TLS\r\n");
        let session = Session::greet(script).unwrap();
        assert!(session.apop_stamp().is_some());
        let session = Session::resume(session.stls().unwrap());
        assert_eq!(session.greeting(), b"");
        assert_eq!(session.apop_stamp(), None);
        assert!(!session.capabilities().known);
    }

    #[test]
    fn stls_refused_or_injected_goes_no_further() {
        for reply in [
            "-ERR no\r\n",
            "+OK\r\n+OK injected\r\n",
            "+OK\r\n\u{16}",
            "+ OK\r\n",
            "+OK go\n\r",
        ] {
            let script = Script::new().send("+OK\r\n").expect("STLS\r\n").send(reply);
            let error = Session::greet(script).unwrap().stls().unwrap_err();
            if reply.starts_with('-') {
                assert!(matches!(
                    error,
                    Error::Refused {
                        command: "STLS",
                        ..
                    }
                ));
            } else {
                assert!(matches!(error, Error::Protocol { .. }), "{reply:?}");
            }
        }
    }

    #[test]
    fn quit_does_not_mind() {
        let script = Script::new().send("+OK\r\n").expect("QUIT\r\n");
        let seen = script.seen();
        Session::greet(script).unwrap().quit();
        assert_eq!(seen.borrow().left, 0);
    }

    fn credentials(user: &str, password: &str) -> Credentials {
        Credentials {
            user: user.to_owned(),
            password: Secret::new(password.to_owned()),
        }
    }

    #[test]
    fn user_and_pass() {
        let script = Script::new()
            .send("+OK\r\n")
            .expect("USER bob\r\n")
            .send("+OK\r\n")
            .expect("PASS b0b pass \"word\\\r\n")
            .send("+OK Mailbox locked and ready SESSIONID=<cyrus-1-1@vm>\r\n")
            .expect("NOOP\r\n")
            .send("+OK\r\n");
        let seen = script.seen();
        let mut transaction = Session::greet(script)
            .unwrap()
            .authenticate(Method::User, &credentials("bob", "b0b pass \"word\\"), None)
            .unwrap();
        transaction.noop().unwrap();
        assert_eq!(
            seen.borrow().log,
            "S: +OK\nC: USER bob\nS: +OK\nC: PASS ****\n\
             S: +OK Mailbox locked and ready SESSIONID=<cyrus-1-1@vm>\nC: NOOP\nS: +OK\n"
        );
        // Nothing was sent behind PASS: some servers lose it.
        assert_eq!(seen.borrow().writes, 3);
    }

    #[test]
    fn apop_without_a_stamp_sends_nothing() {
        let refused = greeted("+OK <not a stamp>\r\n").authenticate(
            Method::Apop,
            &credentials("bob", "secret"),
            None,
        );
        assert!(matches!(
            refused,
            Err(NotAuthenticated::Failed(Error::Protocol { .. }))
        ));
    }

    #[test]
    fn after_a_refused_method_the_session_goes_on() {
        let script = Script::new()
            .send("+OK\r\n")
            .expect("USER bob\r\n")
            .send("-ERR [AUTH] Plaintext authentication disallowed\r\n")
            .expect("QUIT\r\n")
            .send("+OK\r\n");
        let seen = script.seen();
        let refused = Session::greet(script)
            .unwrap()
            .authenticate(Method::User, &credentials("bob", "secret"), None)
            .unwrap_err();
        let NotAuthenticated::Method(session, reply) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(reply.code, Some(ResponseCode::Auth));
        session.quit();
        assert_eq!(seen.borrow().left, 0);
    }

    #[test]
    fn credentials_that_would_break_the_line_are_not_sent() {
        let script = Script::new().send("+OK\r\n");
        let seen = script.seen();
        let refused = Session::greet(script)
            .unwrap()
            .authenticate(Method::User, &credentials("a\r\nDELE 1", "secret"), None)
            .unwrap_err();
        assert!(matches!(
            refused,
            NotAuthenticated::Failed(Error::Argument("the user name"))
        ));
        assert_eq!(seen.borrow().writes, 0);
    }

    /// Greeting, CAPA, USER, PASS; CAPA, UIDL, LIST; RETR, DELE, QUIT.
    #[rustfmt::skip]
    const HONEST: &[&str] = &[
        "+OK\r\n", "+OK\r\n", "PIPELINING\r\n", ".\r\n", "+OK\r\n", "+OK\r\n",
        "+OK\r\n", "UIDL\r\n", ".\r\n", "+OK\r\n", "1 a\r\n", ".\r\n", "+OK\r\n", "1 5\r\n", ".\r\n",
        "+OK\r\n", "x\r\n", ".\r\n", "+OK\r\n", "+OK\r\n",
    ];

    /// A whole session with a server that says what it likes; whether it was believed to the end.
    fn survive(words: &[&str], ahead: bool) -> bool {
        // Each by itself, as if it had waited for its command.
        let script = words.iter().fold(Script::new(), Script::send);
        let Ok(mut session) = Session::greet(script) else {
            return false;
        };
        let _ = session.capa();
        let Ok(mut transaction) =
            session.authenticate(Method::User, &credentials("bob", "secret"), None)
        else {
            return false;
        };
        let Ok(maildrop) = transaction.listing(ahead, true) else {
            return false;
        };
        let wanted: Vec<_> = maildrop.iter().map(|s| (s.number, s.octets)).collect();
        let numbers: Vec<_> = maildrop.iter().map(|s| s.number).collect();
        let window = Window {
            commands: if ahead { 10 } else { 1 },
            octets: 1000,
        };
        let mut retrieval = transaction.retrieve(wanted, window);
        while let Some(Ok(_)) = retrieval.next() {
            while let Ok(Some(_)) = retrieval.piece() {}
        }
        transaction.delete_and_quit(&numbers, ahead).is_ok()
    }

    proptest! {
        #[test]
        fn survives_whatever_a_server_says(
            words in proptest::collection::vec(
                prop_oneof![
                    4 => Just("+OK\r\n"),
                    1 => Just("-ERR [IN-USE]\r\n"),
                    3 => Just(".\r\n"),
                    1 => Just("1 5\r\n"),
                    1 => Just("2 7\r\n"),
                    1 => Just("PIPELINING\r\n"),
                    1 => Just("+ \r\n"),
                    1 => Just("..\n"),
                    1 => Just("\u{fffd}\0"),
                ],
                0..40,
            ),
            honest in 0..=HONEST.len(),
            ahead in any::<bool>(),
        ) {
            survive(&[&HONEST[..honest], &words].concat(), ahead);
        }
    }

    #[test]
    fn believes_an_honest_server() {
        assert!(survive(HONEST, false));
        assert!(!survive(&HONEST[..HONEST.len() - 1], false));
    }
}
