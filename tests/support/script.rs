//! A server that plays a script: expect, send, wait, cut. It knows no POP3.
//!
//! One [`Script`] per connection, in the order in which connections are made. A line that is not the
//! expected one fails the test when the server is finished (or dropped), with what was said so far.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustls::ServerConfig;

use super::connection::{Connection, is_timeout};
use super::player::Player;

/// What to do on one connection, step by step.
#[derive(Clone, Default)]
pub struct Script {
    steps: Vec<Step>,
}

#[derive(Clone)]
pub(super) enum Step {
    Expect(Vec<u8>),
    ExpectPrefix(Vec<u8>),
    ExpectSilence(Duration),
    ExpectEnd,
    Skip,
    Send(Vec<u8>),
    Drip(Vec<u8>, Duration),
    Flood(Vec<u8>, u64),
    Delay(Duration),
    StartTls(Arc<ServerConfig>),
    Hang,
    HalfClose,
    Cut,
    Reset,
}

impl Script {
    /// An empty one: the connection is closed as soon as it was made.
    pub fn new() -> Self {
        Self::default()
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// The next line is exactly this (without its CRLF).
    pub fn expect(self, line: impl AsRef<[u8]>) -> Self {
        self.step(Step::Expect(line.as_ref().to_vec()))
    }

    /// The next line begins with this.
    pub fn expect_prefix(self, prefix: impl AsRef<[u8]>) -> Self {
        self.step(Step::ExpectPrefix(prefix.as_ref().to_vec()))
    }

    /// Nothing comes for this long: not an octet, nor the end.
    pub fn expect_silence(self, time: Duration) -> Self {
        self.step(Step::ExpectSilence(time))
    }

    /// The client closes, with nothing more to say.
    pub fn expect_end(self) -> Self {
        self.step(Step::ExpectEnd)
    }

    /// Some line comes; whichever.
    pub fn skip(self) -> Self {
        self.step(Step::Skip)
    }

    /// These octets go out, in one write.
    pub fn send(self, octets: impl AsRef<[u8]>) -> Self {
        self.step(Step::Send(octets.as_ref().to_vec()))
    }

    /// The next line is exactly this, and this answers it.
    pub fn answer(self, line: &str, octets: impl AsRef<[u8]>) -> Self {
        self.expect(line).send(octets)
    }

    /// These octets go out one by one, with a pause after each.
    pub fn drip(self, octets: impl AsRef<[u8]>, pause: Duration) -> Self {
        self.step(Step::Drip(octets.as_ref().to_vec(), pause))
    }

    /// These octets go out again and again, until the client closes; it has to before so many octets are out.
    pub fn flood(self, octets: impl AsRef<[u8]>, at_most: u64) -> Self {
        self.step(Step::Flood(octets.as_ref().to_vec(), at_most))
    }

    /// Nothing is done for this long.
    pub fn delay(self, time: Duration) -> Self {
        self.step(Step::Delay(time))
    }

    /// The TLS handshake; all that follows is inside TLS.
    pub fn start_tls(self, config: &Arc<ServerConfig>) -> Self {
        self.step(Step::StartTls(Arc::clone(config)))
    }

    /// The first `n` of these octets go out, then the connection is cut.
    pub fn send_cut(self, octets: impl AsRef<[u8]>, n: usize) -> Self {
        self.send(&octets.as_ref()[..n]).cut()
    }

    /// The first `n` of these octets go out, then the connection is reset.
    pub fn send_reset(self, octets: impl AsRef<[u8]>, n: usize) -> Self {
        // A reset overtakes what the client has not read yet.
        self.send(&octets.as_ref()[..n])
            .delay(Duration::from_millis(100))
            .reset()
    }

    /// Says and does nothing more until the client closes.
    pub fn hang(self) -> Self {
        self.step(Step::Hang)
    }

    /// Says that nothing more will be sent, but goes on reading.
    pub fn half_close(self) -> Self {
        self.step(Step::HalfClose)
    }

    /// Closes the socket; inside TLS without close_notify.
    pub fn cut(self) -> Self {
        self.step(Step::Cut)
    }

    /// Ends with a TCP reset.
    pub fn reset(self) -> Self {
        self.step(Step::Reset)
    }
}

/// A server that plays scripts on a loopback port.
pub struct ScriptServer {
    address: SocketAddr,
    finished: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<Vec<Recording>, String>>>,
}

/// What a client sent on one connection.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// All of it, decrypted.
    pub received: Vec<u8>,
    /// Both sides, line by line, as a person would read it.
    pub transcript: String,
}

impl Recording {
    /// The lines received, without their ends.
    pub fn lines(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.received);
        text.lines().map(str::to_owned).collect()
    }
}

impl ScriptServer {
    /// Plays these scripts, the first on the first connection.
    pub fn start(scripts: impl IntoIterator<Item = Script>) -> Self {
        Self::run(scripts.into_iter().collect())
    }

    /// Plays these scripts inside TLS from the first octet.
    pub fn start_tls(
        config: &Arc<ServerConfig>,
        scripts: impl IntoIterator<Item = Script>,
    ) -> Self {
        let inside = |script: Script| {
            let mut steps = vec![Step::StartTls(Arc::clone(config))];
            steps.extend(script.steps);
            Script { steps }
        };
        Self::run(scripts.into_iter().map(inside).collect())
    }

    fn run(scripts: Vec<Script>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let finished = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&finished);
        let thread = thread::spawn(move || serve(&listener, scripts, &flag));
        Self {
            address,
            finished,
            thread: Some(thread),
        }
    }

    /// The loopback port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends the server and gives what was received, connection by connection.
    ///
    /// # Panics
    /// When anything was otherwise than the scripts say: this is how a test fails.
    pub fn finish(self) -> Vec<Recording> {
        match self.try_finish() {
            Ok(recordings) => recordings,
            Err(report) => panic!("{report}"),
        }
    }

    /// Like [`ScriptServer::finish`], with the report in place of the panic.
    pub fn try_finish(mut self) -> Result<Vec<Recording>, String> {
        self.join()
    }

    fn join(&mut self) -> Result<Vec<Recording>, String> {
        let Some(thread) = self.thread.take() else {
            return Ok(Vec::new());
        };
        self.finished.store(true, Ordering::SeqCst);
        thread
            .join()
            .unwrap_or_else(|_| Err("the script server panicked; see its message above".to_owned()))
    }
}

impl Drop for ScriptServer {
    fn drop(&mut self) {
        if let Err(report) = self.join()
            && !thread::panicking()
        {
            panic!("{report}");
        }
    }
}

fn serve(
    listener: &TcpListener,
    scripts: Vec<Script>,
    finished: &Arc<AtomicBool>,
) -> Result<Vec<Recording>, String> {
    let mut scripts = scripts.into_iter();
    let mut players = Vec::new();
    let mut problems = Vec::new();
    // A connection made before the end counts, be it accepted only after it.
    listener.set_nonblocking(true).unwrap();
    loop {
        let over = finished.load(Ordering::SeqCst);
        let tcp = match listener.accept() {
            Ok((tcp, _)) => tcp,
            Err(error) if is_timeout(&error) && over => break,
            Err(_) => {
                thread::sleep(Duration::from_millis(2));
                continue;
            }
        };
        // Some platforms hand the listener's mode down.
        tcp.set_nonblocking(false).unwrap();
        let number = players.len() + 1;
        if let Some(script) = scripts.next() {
            let player = Player::new(Connection::new(tcp), Arc::clone(finished));
            players.push(thread::spawn(move || player.play(number, script.steps)));
        } else {
            problems.push(format!(
                "connection {number} was made, and no script is left for it"
            ));
        }
    }
    let left = scripts.len();
    if left > 0 {
        problems.push(format!(
            "{left} more connection(s) were expected and never made"
        ));
    }
    let mut recordings = Vec::new();
    for player in players {
        match player.join() {
            Ok(Ok(recording)) => recordings.push(recording),
            Ok(Err(problem)) => problems.push(problem),
            Err(_) => problems.push("a script's thread panicked".to_owned()),
        }
    }
    if problems.is_empty() {
        Ok(recordings)
    } else {
        Err(problems.join("\n"))
    }
}
