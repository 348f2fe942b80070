//! One session of the honest server: its states, its commands (RFC 1939, RFC 2449, RFC 2595, RFC 5034).

use std::io::{Read, Write};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::auth::{Channel, Exchange, Mechanism, Refusal, apop_digest, nonce, sha256};
use super::connection::Connection;
use super::server::{End, Line, SessionLog, Shared, verb_of};
use super::settings::Settings;
use super::transaction::Open;

/// Longer lines end the session.
const LINE_MAX: usize = 64 * 1024;
/// Output is sent when there is so much of it.
pub(super) const OUTPUT_MAX: usize = 64 * 1024;

pub(super) struct Session {
    /// `None` once it was cut.
    pub(super) connection: Option<Connection>,
    pub(super) shared: Arc<Shared>,
    pub(super) settings: Arc<Settings>,
    number: usize,
    pub(super) input: Vec<u8>,
    pub(super) output: Vec<u8>,
    reads: usize,
    stamp: String,
    /// What USER said.
    named: Option<String>,
    pub(super) open: Option<Open>,
}

/// What became of a command.
pub(super) type Handled = Result<(), End>;

impl Session {
    pub(super) fn new(
        connection: Connection,
        shared: Arc<Shared>,
        settings: Arc<Settings>,
        number: usize,
    ) -> Self {
        Self {
            connection: Some(connection),
            shared,
            settings,
            number,
            input: Vec::new(),
            output: Vec::new(),
            reads: 0,
            stamp: format!("<{}@localhost>", nonce()),
            named: None,
            open: None,
        }
    }

    pub(super) fn run(mut self, implicit: bool) {
        let end = self.go(implicit).unwrap_or_else(|end| end);
        if let Some(connection) = self.connection.take() {
            match end {
                End::Cut => connection.cut(),
                End::Quit | End::Left => connection.close(),
            }
        }
        let open = self.open.take();
        let mut state = self.shared.lock();
        if let Some(user) = open.and_then(|open| state.users.get_mut(&open.user)) {
            user.open -= 1;
        }
        state.sessions[self.number].end = Some(end);
    }

    fn go(&mut self, implicit: bool) -> Result<End, End> {
        if implicit {
            self.start_tls()?;
        }
        match self.settings.whole_greeting.clone() {
            Some(greeting) => {
                self.put(&greeting);
                if !greeting.starts_with("+OK") {
                    self.flush()?;
                    return Ok(End::Cut);
                }
            }
            None if self.settings.apop => {
                self.put(&format!("+OK {} {}", self.settings.greeting, self.stamp));
            }
            None => self.put(&format!("+OK {}", self.settings.greeting)),
        }
        loop {
            let line = self.line(false)?;
            self.handle(&line)?;
        }
    }

    pub(super) fn log(&self, note: impl FnOnce(&mut SessionLog)) {
        note(&mut self.shared.lock().sessions[self.number]);
    }

    fn is_tls(&self) -> bool {
        let tls = |connection: &Connection| connection.tls().is_some();
        self.connection.as_ref().is_some_and(tls)
    }

    // Lines in, octets out.

    /// The next line; what is to be said before is sent first.
    pub(super) fn line(&mut self, response: bool) -> Result<String, End> {
        loop {
            if let Some(text) = self.buffered_line(response) {
                return Ok(text);
            }
            if self.input.len() > LINE_MAX {
                self.put("-ERR line too long");
                self.flush()?;
                return Err(End::Cut);
            }
            self.flush()?;
            let mut octets = vec![0; OUTPUT_MAX];
            let connection = self.connection.as_mut().ok_or(End::Cut)?;
            match connection.read(&mut octets) {
                Ok(n @ 1..) => self.input.extend_from_slice(&octets[..n]),
                _ => return Err(End::Left),
            }
            self.reads += 1;
            thread::sleep(self.settings.round_trip);
        }
    }

    /// A line that is here already.
    pub(super) fn buffered_line(&mut self, response: bool) -> Option<String> {
        let end = self.input.windows(2).position(|end| end == b"\r\n")?;
        let line: Vec<u8> = self.input.drain(..end + 2).take(end).collect();
        let text = String::from_utf8_lossy(&line).into_owned();
        let line = Line {
            text: text.clone(),
            read: self.reads,
            response,
        };
        self.log(|log| log.lines.push(line));
        Some(text)
    }

    /// Says a line.
    pub(super) fn put(&mut self, line: &str) {
        thread::sleep(self.settings.work);
        self.output.extend_from_slice(line.as_bytes());
        self.output.extend_from_slice(b"\r\n");
    }

    pub(super) fn flush(&mut self) -> Handled {
        let output = std::mem::take(&mut self.output);
        if output.is_empty() {
            return Ok(());
        }
        let connection = self.connection.as_mut().ok_or(End::Cut)?;
        let mut send = |octets: &[u8]| {
            let sent = connection
                .write_all(octets)
                .and_then(|()| connection.flush());
            sent.map_err(|_| End::Left)
        };
        let Some(rate) = self.settings.rate else {
            return send(&output);
        };
        let tick = Duration::from_millis(10);
        for piece in output.chunks((rate / 100).max(1) as usize) {
            send(piece)?;
            thread::sleep(tick);
        }
        Ok(())
    }

    pub(super) fn cut(&mut self) -> End {
        if let Some(connection) = self.connection.take() {
            connection.cut();
        }
        End::Cut
    }

    // Commands.

    pub(super) fn handle(&mut self, line: &str) -> Handled {
        let settings = Arc::clone(&self.settings);
        if Settings::by_line(settings.cut_before.iter().map(|key| (key, ())), line).is_some() {
            self.flush()?;
            return Err(self.cut());
        }
        if let Some(reply) = Settings::by_line(&settings.replies, line) {
            self.output.extend_from_slice(reply);
            return Ok(());
        }
        let (_, arguments) = line.split_once(' ').unwrap_or((line, ""));
        match (verb_of(line).as_str(), self.open.is_some()) {
            ("CAPA", _) if settings.capa => self.capa(),
            ("QUIT", _) => return self.quit(),
            ("STLS", false) => return self.stls(),
            ("USER", false) if settings.user.works() => self.user(arguments),
            ("PASS", false) if settings.user.works() => self.pass(arguments),
            ("APOP", false) if settings.apop => self.apop(arguments),
            ("AUTH", false) => return self.auth(arguments),
            ("STAT", true) => self.stat(),
            ("LIST", true) => self.list(arguments),
            ("UIDL", true) if settings.uidl.works() => self.uidl(arguments),
            ("RETR", true) => return self.retr(arguments),
            ("TOP", true) if settings.top.works() => self.top(arguments),
            ("DELE", true) => self.dele(arguments),
            ("RSET", true) => self.rset(),
            ("NOOP", true) => self.put("+OK"),
            _ => self.put("-ERR unknown command"),
        }
        Ok(())
    }

    fn capa(&mut self) {
        self.put("+OK capabilities follow");
        let lines = self
            .settings
            .capabilities(self.is_tls(), self.open.is_some());
        for line in lines.iter().map(String::as_str).chain(["."]) {
            self.output.extend_from_slice(line.as_bytes());
            self.output.extend_from_slice(b"\r\n");
        }
    }

    fn stls(&mut self) -> Handled {
        if !self.settings.stls.works() || self.is_tls() {
            self.put("-ERR no STLS here");
            return Ok(());
        }
        self.put("+OK begin TLS");
        let injection = self.settings.stls_injection.clone();
        self.output.extend_from_slice(&injection);
        self.flush()?;
        // Nothing said in clear counts any more (RFC 2595 section 4).
        self.input.clear();
        self.named = None;
        self.start_tls()
    }

    fn start_tls(&mut self) -> Handled {
        let config = (self.settings.identity).server_with(self.settings.tls_versions);
        let connection = self.connection.as_mut().ok_or(End::Cut)?;
        if let Err(error) = connection.start_tls(config) {
            self.log(|log| log.refusals.push(format!("TLS handshake: {error}")));
            return Err(End::Left);
        }
        self.log(|log| log.tls = true);
        Ok(())
    }

    fn user(&mut self, name: &str) {
        if !self.settings.cleartext_login && !self.is_tls() {
            self.put("-ERR not without TLS");
            return;
        }
        self.named = Some(name.to_owned());
        self.put("+OK");
    }

    fn pass(&mut self, password: &str) {
        let Some(user) = self.named.take() else {
            self.put("-ERR USER first");
            return;
        };
        let right = self.password_of(&user).is_some_and(|own| own == password);
        let outcome = if right {
            Ok(user)
        } else {
            Err(Refusal::Wrong("wrong user or password"))
        };
        self.login("USER", outcome);
    }

    fn apop(&mut self, arguments: &str) {
        let (user, digest) = arguments.rsplit_once(' ').unwrap_or_default();
        let right = |password: String| apop_digest(&self.stamp, &password) == digest;
        let outcome = if self.password_of(user).is_some_and(right) {
            Ok(user.to_owned())
        } else {
            Err(Refusal::Wrong("wrong digest"))
        };
        self.login("APOP", outcome);
    }

    /// RFC 5034 section 4.
    fn auth(&mut self, arguments: &str) -> Handled {
        let (name, initial) = match arguments.split_once(' ') {
            Some((name, initial)) => (name, Some(initial)),
            None => (arguments, None),
        };
        let settings = Arc::clone(&self.settings);
        let tls = self.is_tls();
        let named = |mechanism: &Mechanism| mechanism.name().eq_ignore_ascii_case(name);
        let Some(mechanism) = settings.offered(tls).find(named) else {
            self.put("-ERR no such mechanism");
            return Ok(());
        };
        let initial = match initial {
            Some("=") => Some(Vec::new()),
            Some(text) => match BASE64.decode(text) {
                Ok(response) => Some(response),
                Err(_) => {
                    self.put("-ERR no base64");
                    return Ok(());
                }
            },
            None => None,
        };
        let shared = Arc::clone(&self.shared);
        let password = move |user: &str| {
            let state = shared.lock();
            state.users.get(user).map(|user| user.password.clone())
        };
        let channel = self.channel();
        let mut ask = |challenge: &[u8]| {
            self.put(&format!("+ {}", BASE64.encode(challenge)));
            let response = self.line(true).map_err(|_| Refusal::Gone)?;
            if response == "*" {
                return Err(Refusal::Cancelled);
            }
            BASE64
                .decode(response)
                .map_err(|_| Refusal::Wrong("no base64"))
        };
        let exchange = Exchange {
            password: &password,
            ask: &mut ask,
            channel,
            plus_offered: settings.offered(tls).any(Mechanism::is_plus),
            iterations: settings.iterations,
            fault: settings.scram_fault,
        };
        match exchange.run(mechanism, initial) {
            Err(Refusal::Gone) => return Err(End::Left),
            Err(Refusal::Cancelled) => {
                self.log(|log| log.refusals.push("cancelled by the client".to_owned()));
                self.put("-ERR cancelled");
            }
            outcome => self.login(mechanism.name(), outcome),
        }
        Ok(())
    }

    /// What a login can be bound to here.
    fn channel(&self) -> Channel {
        let Some(tls) = self.connection.as_ref().and_then(Connection::tls) else {
            return Channel::default();
        };
        let exporter =
            tls.export_keying_material(vec![0; 32], b"EXPORTER-Channel-Binding", Some(b""));
        Channel {
            exporter: exporter.ok(),
            // The certificate's signature is ECDSA with SHA-256.
            end_point: Some(sha256(&self.settings.identity.certificate)),
        }
    }

    fn password_of(&self, user: &str) -> Option<String> {
        let state = self.shared.lock();
        state.users.get(user).map(|user| user.password.clone())
    }

    /// The answer to the last line of a login.
    fn login(&mut self, method: &'static str, outcome: Result<String, Refusal>) {
        if self.settings.drops_behind_login {
            self.input.clear();
        }
        let user = match outcome {
            Ok(user) => user,
            Err(refusal) => {
                self.log(|log| log.refusals.push(format!("{method}: {refusal:?}")));
                let reply = self.settings.bad_password.clone();
                self.put(&reply);
                if self.settings.bad_password_closes && self.flush().is_ok() {
                    self.cut();
                }
                return;
            }
        };
        if let Some(reply) = self.settings.login_refused.clone() {
            self.put(&reply);
            return;
        }
        let mut state = self.shared.lock();
        let sessions: usize = state.users.values().map(|user| user.open).sum();
        let many = self
            .settings
            .max_sessions
            .is_some_and(|max| sessions >= max);
        let Some(entry) = state.users.get_mut(&user) else {
            return;
        };
        if many || self.settings.exclusive && entry.open > 0 {
            drop(state);
            self.put("-ERR [IN-USE] another session has this maildrop");
            return;
        }
        entry.open += 1;
        let open = Open::new(&user, entry.maildrop.messages());
        drop(state);
        self.log(|log| {
            log.user = Some(user.clone());
            log.method = Some(method);
        });
        self.put(&format!("+OK {} messages", open.len()));
        self.open = Some(open);
    }
}
