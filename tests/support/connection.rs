//! The server's end of one connection: plain or TLS, with every way there is to end it badly.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Weak};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, Stream};

use super::patience::PATIENCE;

/// How long what a client still says may take, once the server has nothing more to say.
const UNDER_WAY: Duration = Duration::from_secs(2);

/// A connection that a client made.
pub struct Connection {
    tcp: Arc<TcpStream>,
    tls: Option<ServerConnection>,
}

impl Connection {
    /// Over a socket just accepted.
    pub fn new(tcp: TcpStream) -> Self {
        tcp.set_nodelay(true).unwrap();
        tcp.set_write_timeout(Some(PATIENCE)).unwrap();
        Self {
            tcp: Arc::new(tcp),
            tls: None,
        }
    }

    /// The handshake, at once.
    pub fn start_tls(&mut self, config: Arc<ServerConfig>) -> io::Result<()> {
        let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
        let result = loop {
            if !tls.is_handshaking() {
                break Ok(());
            }
            if let Err(error) = tls.complete_io(&mut &*self.tcp) {
                break Err(error);
            }
        };
        // An alert may be waiting to be sent, and TLS 1.3's tickets.
        while tls.wants_write() && tls.write_tls(&mut &*self.tcp).is_ok() {}
        self.tls = Some(tls);
        result
    }

    /// The TLS in use.
    pub fn tls(&self) -> Option<&ServerConnection> {
        self.tls.as_ref()
    }

    /// How long a read waits; it fails with `WouldBlock` or `TimedOut` after that.
    pub fn set_patience(&self, patience: Option<Duration>) {
        // A peer that is gone already is found out by the next read.
        let _ = self.tcp.set_read_timeout(patience);
    }

    /// The socket, while it is open: to wake a thread that is blocked on it.
    pub fn socket(&self) -> Weak<TcpStream> {
        Arc::downgrade(&self.tcp)
    }

    /// Says that nothing more will be sent (with TLS: close_notify), but goes on reading.
    pub fn half_close(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            while tls.wants_write() && tls.write_tls(&mut &*self.tcp).is_ok() {}
        }
        let _ = self.tcp.shutdown(Shutdown::Write);
    }

    /// Ends as a server does that means it.
    pub fn close(mut self) {
        self.half_close();
        // Octets left unread would turn the close into a reset, which may overtake what was sent.
        self.set_patience(Some(UNDER_WAY));
        let mut rest = [0; 4096];
        while matches!((&*self.tcp).read(&mut rest), Ok(1..)) {}
    }

    /// Ends without a word: the socket is closed, TLS is not.
    pub fn cut(self) {
        let _ = self.tcp.shutdown(Shutdown::Write);
        self.set_patience(Some(UNDER_WAY));
        let mut rest = [0; 4096];
        while matches!((&*self.tcp).read(&mut rest), Ok(1..)) {}
    }

    /// Ends with a TCP reset.
    pub fn reset(self) {
        let socket = socket2::SockRef::from(&*self.tcp);
        let _ = socket.set_linger(Some(Duration::ZERO));
    }
}

impl Read for Connection {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match &mut self.tls {
            Some(tls) => Stream::new(tls, &mut &*self.tcp).read(buf),
            None => (&*self.tcp).read(buf),
        }
    }
}

impl Write for Connection {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            Some(tls) => Stream::new(tls, &mut &*self.tcp).write(buf),
            None => (&*self.tcp).write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => Stream::new(tls, &mut &*self.tcp).flush(),
            None => (&*self.tcp).flush(),
        }
    }
}

/// Whether a read ended because its patience did.
pub fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
