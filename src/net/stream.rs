use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use super::socket::Socket;
use super::tls::Channel;
use super::{Endpoint, Error, Stop, Timeouts, TlsInfo, TlsPool, TlsSettings, address, connect};

/// A connection, plain or TLS. Reads and writes keep the time limits and look at the stop flag.
///
/// What may be waited for a reply is set by [`Stream::rearm`], at first `Timeouts::reply`; only waiting counts, not
/// what the caller does between two reads. Each write has `Timeouts::reply` of its own. A raised flag fails every
/// read and write, also one that need not wait.
/// An end of stream without TLS close_notify is an `UnexpectedEof` error, never a clean end.
#[derive(Debug)]
pub struct Stream(Layer);

#[derive(Debug)]
enum Layer {
    Plain(Socket),
    Tls(Box<dyn Channel>),
}

impl Stream {
    /// Connects: all addresses, IPv6 and IPv4 interleaved, the next started after 250 ms (RFC 8305);
    /// TCP_NODELAY and keepalive set.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Connect`], [`Error::TimedOut`], [`Error::Stopped`].
    pub fn connect(endpoint: &Endpoint, timeouts: Timeouts, stop: &Stop) -> Result<Self, Error> {
        let addresses = address::look_up(endpoint, timeouts.connect, stop)?;
        let tcp = connect::race(&addresses, timeouts.connect, stop)?;
        Ok(Self(Layer::Plain(Socket::new(
            tcp,
            timeouts,
            stop.clone(),
        )?)))
    }

    /// Turns a plain connection into TLS, verifying the server for `host` as the settings say.
    ///
    /// # Errors
    /// [`Error::Untrusted`], [`Error::NoCommonVersion`], [`Error::Handshake`], [`Error::Settings`] and the waits' own.
    pub fn start_tls(
        self,
        host: &str,
        settings: &TlsSettings,
        pool: &TlsPool,
    ) -> Result<Self, Error> {
        match self.0 {
            Layer::Plain(mut socket) => {
                socket.handshaking();
                let mut channel = pool.start(host, settings, socket)?;
                channel.socket_mut().settled();
                Ok(Self(Layer::Tls(channel)))
            }
            Layer::Tls(_) => Err(Error::Handshake("TLS is on already".to_owned())),
        }
    }

    /// What awaits reading has `Timeouts::reply` from now.
    pub fn rearm(&mut self) {
        self.socket_mut().rearm();
    }

    /// From here on the stop flag is not looked at, [`Stream::rearm`] does nothing, and there is `limit` in all: for
    /// the last commands of a session that a signal ends.
    pub fn part(&mut self, limit: Duration) {
        self.socket_mut().part(limit);
    }

    /// True when nothing can be read now nor within `patience`: neither decrypted octets nor the socket. A raised
    /// flag ends the wait.
    ///
    /// With TLS what waits may be less than a record: a read could still block for its rest.
    pub fn quiet(&mut self, patience: Duration) -> bool {
        let buffered = match &mut self.0 {
            Layer::Plain(_) => false,
            Layer::Tls(channel) => channel.buffered(),
        };
        !buffered && self.socket().quiet(patience)
    }

    /// What TLS settled; `None` on a plain connection.
    pub fn tls(&self) -> Option<&TlsInfo> {
        match &self.0 {
            Layer::Plain(_) => None,
            Layer::Tls(channel) => Some(channel.info()),
        }
    }

    /// What can bind a login to this channel: (`tls-exporter` | `tls-server-end-point`, octets). The first of
    /// [`Stream::channel_bindings`].
    pub fn channel_binding(&self) -> Option<(&'static str, Vec<u8>)> {
        self.channel_bindings().into_iter().next()
    }

    /// Everything that can bind a login to this channel, best first: `tls-exporter` (RFC 9266) with TLS 1.3,
    /// `tls-server-end-point` (RFC 5929 section 4) where the certificate's signature has a hash function.
    ///
    /// With TLS 1.2 the exporter needs the extended master secret (RFC 9266), of which neither back end
    /// tells; so it is left out there. `tls-unique` is not defined for TLS 1.3, and no back end has it.
    pub fn channel_bindings(&self) -> Vec<(&'static str, Vec<u8>)> {
        match &self.0 {
            Layer::Plain(_) => Vec::new(),
            Layer::Tls(channel) => channel.bindings(),
        }
    }

    /// The address connected to.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.socket().peer()
    }

    fn socket(&self) -> &Socket {
        match &self.0 {
            Layer::Plain(socket) => socket,
            Layer::Tls(channel) => channel.socket(),
        }
    }

    fn socket_mut(&mut self) -> &mut Socket {
        match &mut self.0 {
            Layer::Plain(socket) => socket,
            Layer::Tls(channel) => channel.socket_mut(),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Layer::Plain(socket) => socket.read(buf),
            Layer::Tls(channel) => channel.read(buf),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Layer::Plain(socket) => socket.write(buf),
            Layer::Tls(channel) => channel.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Layer::Plain(socket) => socket.flush(),
            Layer::Tls(channel) => channel.flush(),
        }
    }
}
