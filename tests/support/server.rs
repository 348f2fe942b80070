//! An honest small POP3 server on loopback: maildrops by user, plain and implicit TLS ports, a log of every session.
//!
//! Everything about it can be changed while it runs; a session keeps the [`Settings`] and the messages with
//! which it began, as RFC 1939 has it.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::maildrop::{Maildrop, Message};
use super::patience::PATIENCE;
use super::session::Session;
use super::settings::Settings;
use super::tls::Authority;

/// A running server. It ends, and its connections with it, when dropped.
pub struct Server {
    shared: Arc<Shared>,
    plain: SocketAddr,
    implicit: SocketAddr,
    threads: Vec<JoinHandle<()>>,
}

/// What the sessions share.
pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    ending: AtomicBool,
}

pub(super) struct State {
    pub(super) settings: Arc<Settings>,
    pub(super) users: HashMap<String, User>,
    pub(super) sessions: Vec<SessionLog>,
    sockets: Vec<Weak<TcpStream>>,
}

pub(super) struct User {
    pub(super) password: String,
    pub(super) maildrop: Maildrop,
    /// Sessions in it now.
    pub(super) open: usize,
}

/// One session, as the server saw it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionLog {
    /// Lines received, in order: commands, and responses to challenges.
    pub lines: Vec<Line>,
    /// Who logged in.
    pub user: Option<String>,
    /// How: `USER`, `APOP` or the mechanism's name.
    pub method: Option<&'static str>,
    /// TLS was spoken in the end.
    pub tls: bool,
    /// Message numbers whose RETR was answered whole.
    pub retrieved: Vec<usize>,
    /// Unique-ids removed from the maildrop by QUIT.
    pub removed: Vec<String>,
    /// Why a login or handshake failed, in words for the reader of a failed test.
    pub refusals: Vec<String>,
    /// How it ended; `None` while it lasts.
    pub end: Option<End>,
}

/// A line received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Without its CRLF.
    pub text: String,
    /// Which read brought it, from 1: lines of one write stay together.
    pub read: usize,
    /// It answers a challenge.
    pub response: bool,
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By QUIT.
    Quit,
    /// The client left without QUIT.
    Left,
    /// The server cut it.
    Cut,
}

impl SessionLog {
    /// The commands, in order.
    pub fn commands(&self) -> Vec<&str> {
        self.lines
            .iter()
            .filter(|line| !line.response)
            .map(|line| line.text.as_str())
            .collect()
    }

    /// The commands with this verb.
    pub fn commands_of(&self, verb: &str) -> Vec<&str> {
        let mut commands = self.commands();
        commands.retain(|command| verb_of(command) == verb);
        commands
    }

    /// The commands grouped by the read that brought them: more than one means they came in one write, or nearly.
    pub fn writes(&self) -> Vec<Vec<&str>> {
        self.lines
            .chunk_by(|one, next| one.read == next.read)
            .map(|lines| lines.iter().map(|line| line.text.as_str()).collect())
            .collect()
    }
}

/// A command's verb, upper case.
pub fn verb_of(command: &str) -> String {
    let verb = command.split(' ').next().unwrap_or_default();
    verb.to_ascii_uppercase()
}

impl Server {
    /// A server with everything, where all goes well, and no user yet.
    pub fn start() -> Self {
        Self::start_with(|_| ())
    }

    /// A server with other settings.
    pub fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default();
        change(&mut settings);
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                settings: Arc::new(settings),
                users: HashMap::new(),
                sessions: Vec::new(),
                sockets: Vec::new(),
            }),
            ending: AtomicBool::new(false),
        });
        let mut threads = Vec::new();
        let mut listen = |implicit: bool| {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let address = listener.local_addr().unwrap();
            let shared = Arc::clone(&shared);
            threads.push(thread::spawn(move || accept(&listener, &shared, implicit)));
            address
        };
        let (plain, implicit) = (listen(false), listen(true));
        Self {
            shared,
            plain,
            implicit,
            threads,
        }
    }

    /// With a user more.
    pub fn user(
        self,
        name: &str,
        password: &str,
        messages: impl IntoIterator<Item = Message>,
    ) -> Self {
        let user = User {
            password: password.to_owned(),
            maildrop: messages.into_iter().collect(),
            open: 0,
        };
        self.lock().users.insert(name.to_owned(), user);
        self
    }

    /// The port for plain connections and STLS.
    pub fn port(&self) -> u16 {
        self.plain.port()
    }

    /// The port for implicit TLS.
    pub fn tls_port(&self) -> u16 {
        self.implicit.port()
    }

    /// Writes the CA certificate that vouches for the server (PEM).
    pub fn write_ca(&self, path: &Path) {
        Authority::shared().write(path);
    }

    /// Changes the settings for sessions yet to come.
    pub fn change(&self, change: impl FnOnce(&mut Settings)) {
        change(Arc::make_mut(&mut self.lock().settings));
    }

    /// Looks at a maildrop or changes it.
    ///
    /// # Panics
    /// When there is no such user.
    pub fn maildrop<T>(&self, user: &str, act: impl FnOnce(&mut Maildrop) -> T) -> T {
        act(&mut self.lock().users.get_mut(user).unwrap().maildrop)
    }

    /// Adds a message to a maildrop.
    pub fn deliver(&self, user: &str, message: Message) {
        self.maildrop(user, |maildrop| maildrop.push(message));
    }

    /// Every session so far, those included that last. [`Server::settled`] is what a test wants.
    pub fn sessions(&self) -> Vec<SessionLog> {
        self.lock().sessions.clone()
    }

    /// Waits until no session lasts, and gives all of them.
    ///
    /// # Panics
    /// When one still lasts after all our patience.
    pub fn settled(&self) -> Vec<SessionLog> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let sessions = self.sessions();
            if sessions.iter().all(|session| session.end.is_some()) {
                return sessions;
            }
            assert!(
                Instant::now() < deadline,
                "a session does not end: {sessions:#?}"
            );
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits until no session lasts, and gives the last one.
    ///
    /// # Panics
    /// When there was none.
    pub fn last_session(&self) -> SessionLog {
        self.settled().pop().unwrap()
    }

    /// How many logins there were.
    pub fn logins(&self) -> usize {
        let logged_in = |session: &&SessionLog| session.user.is_some();
        self.lock().sessions.iter().filter(logged_in).count()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.lock()
    }
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic of another thread has failed the test already.
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::SeqCst);
        for address in [self.plain, self.implicit] {
            drop(TcpStream::connect(address));
        }
        for thread in self.threads.drain(..) {
            // What an accepting thread could panic about has been printed.
            let _ = thread.join();
        }
        for socket in self.lock().sockets.drain(..) {
            if let Some(socket) = socket.upgrade() {
                let _ = socket.shutdown(std::net::Shutdown::Both);
            }
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, implicit: bool) {
    loop {
        let Ok((tcp, _)) = listener.accept() else {
            continue;
        };
        if shared.is_ending() {
            return;
        }
        let connection = Connection::new(tcp);
        let mut state = shared.lock();
        state.sockets.push(connection.socket());
        let number = state.sessions.len();
        state.sessions.push(SessionLog::default());
        let settings = Arc::clone(&state.settings);
        drop(state);
        let shared = Arc::clone(shared);
        thread::spawn(move || Session::new(connection, shared, settings, number).run(implicit));
    }
}
