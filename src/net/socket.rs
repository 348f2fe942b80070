use std::io::{self, IoSlice, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use socket2::{SockRef, TcpKeepalive};

use super::{Error, Stop, Timeouts, wait};

/// Octets that a write takes at once, whether the peer reads or not.
pub const SEND_BUFFER: usize = 64 * 1024;

/// A TCP connection whose reads and writes end at their time limit or when the flag is raised.
#[derive(Debug)]
pub(super) struct Socket {
    tcp: TcpStream,
    stop: Stop,
    timeouts: Timeouts,
    limit: Limit,
    /// The peer has ended its side (FIN seen).
    ended: bool,
}

/// What bounds the waits.
#[derive(Debug, Clone, Copy)]
enum Limit {
    /// A reply has this much waiting left, each write `Timeouts::reply`. Time spent elsewhere, on a slow disk
    /// perhaps, is not the server's and does not count.
    Reply(Duration),
    /// One limit for whatever is read and written.
    Whole {
        until: Option<Instant>,
        doing: &'static str,
        stoppable: bool,
    },
}

impl Socket {
    /// Takes over a connection: non-blocking, without Nagle's delay, with keepalive.
    pub(super) fn new(tcp: TcpStream, timeouts: Timeouts, stop: Stop) -> io::Result<Self> {
        tcp.set_nonblocking(true)?;
        tcp.set_nodelay(true)?;
        // Where the system refuses, its own size is near enough.
        let _ = SockRef::from(&tcp).set_send_buffer_size(SEND_BUFFER);
        // Keeps the entry of a NAT alive while a delivery takes its time; nothing depends on it.
        let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(60));
        let _ = SockRef::from(&tcp).set_tcp_keepalive(&keepalive);
        Ok(Self {
            tcp,
            stop,
            timeouts,
            limit: Limit::Reply(timeouts.reply),
            ended: false,
        })
    }

    /// The next reply has its whole time.
    pub(super) fn rearm(&mut self) {
        if let Limit::Reply(left) = &mut self.limit {
            *left = self.timeouts.reply;
        }
    }

    /// From here to [`Socket::settled`] all is a TLS handshake, with `Timeouts::connect` for the whole.
    pub(super) fn handshaking(&mut self) {
        self.limit = Limit::Whole {
            until: Instant::now().checked_add(self.timeouts.connect),
            doing: "in the TLS handshake",
            stoppable: true,
        };
    }

    /// Back to a limit for each reply.
    pub(super) fn settled(&mut self) {
        self.limit = Limit::Reply(self.timeouts.reply);
    }

    /// From here on the flag is not looked at, and there is `limit` for all that follows.
    pub(super) fn part(&mut self, limit: Duration) {
        self.limit = Limit::Whole {
            until: Instant::now().checked_add(limit),
            doing: "taking leave",
            stoppable: false,
        };
    }

    /// Nothing can be read, now or within `patience`; a raised flag ends the wait.
    pub(super) fn quiet(&self, patience: Duration) -> bool {
        let mut fds = [
            PollFd::new(&self.tcp, PollFlags::IN),
            PollFd::new(&self.stop, PollFlags::IN),
        ];
        let woken = wait::poll_until(&mut fds, Instant::now().checked_add(patience));
        woken.is_ok() && fds[0].revents().is_empty()
    }

    /// The peer has ended its side of the TCP connection.
    #[cfg(feature = "native-tls")]
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.tcp.peer_addr().ok()
    }

    fn check_stop(&self) -> Result<(), Error> {
        let stoppable = !matches!(
            self.limit,
            Limit::Whole {
                stoppable: false,
                ..
            }
        );
        if stoppable && self.stop.raised().is_some() {
            Err(Error::Stopped)
        } else {
            Ok(())
        }
    }

    /// Waits until the socket is ready.
    fn wait(
        &self,
        events: PollFlags,
        until: Option<Instant>,
        doing: &'static str,
    ) -> Result<(), Error> {
        let (until, doing, stoppable) = match self.limit {
            Limit::Reply(_) => (until, doing, true),
            Limit::Whole {
                until,
                doing,
                stoppable,
            } => (until, doing, stoppable),
        };
        // Not left to poll, which would find a dripping peer's next octet.
        if until.is_some_and(|until| Instant::now() >= until) {
            return Err(Error::TimedOut(doing));
        }
        let mut fds = vec![PollFd::new(&self.tcp, events)];
        if stoppable {
            fds.push(PollFd::new(&self.stop, PollFlags::IN));
        }
        let woken = wait::poll_until(&mut fds, until)?;
        self.check_stop()?;
        if woken {
            Ok(())
        } else {
            Err(Error::TimedOut(doing))
        }
    }

    /// Waits for the peer, at the expense of the reply's time.
    fn wait_for_reply(&mut self) -> Result<(), Error> {
        let start = Instant::now();
        let until = match self.limit {
            Limit::Reply(left) => start.checked_add(left),
            Limit::Whole { until, .. } => until,
        };
        let result = self.wait(PollFlags::IN, until, "waiting for a reply");
        if let Limit::Reply(left) = &mut self.limit {
            *left = left.saturating_sub(start.elapsed());
        }
        result
    }
}

impl Read for Socket {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            self.check_stop()?;
            match self.tcp.read(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait_for_reply()?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) => {
                    self.ended |= !buf.is_empty();
                    return Ok(0);
                }
                result => return result,
            }
        }
    }
}

impl Write for Socket {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buf)])
    }

    /// Several TLS records in one packet.
    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let until = Instant::now().checked_add(self.timeouts.reply);
        loop {
            self.check_stop()?;
            match self.tcp.write_vectored(bufs) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.wait(PollFlags::OUT, until, "sending")?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    /// Nothing is kept back.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
