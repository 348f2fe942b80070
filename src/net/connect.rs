use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};

use super::{Error, Stop, error, wait};

/// Connection Attempt Delay (RFC 8305 section 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to the first of `addresses` that answers: each attempt has a head start of 250 ms, or until it fails,
/// before the next begins beside it (RFC 8305 section 5). The connection is non-blocking.
pub(super) fn race(
    addresses: &[SocketAddr],
    limit: Duration,
    stop: &Stop,
) -> Result<TcpStream, Error> {
    let until = Instant::now().checked_add(limit);
    let mut next_start = Instant::now();
    let mut waiting = addresses.iter().copied();
    let mut attempts: Vec<(SocketAddr, Socket)> = Vec::new();
    let mut failures: Vec<(SocketAddr, io::Error)> = Vec::new();
    loop {
        while attempts.is_empty() || Instant::now() >= next_start {
            let Some(address) = waiting.next() else { break };
            match begin(address) {
                Ok(socket) => {
                    attempts.push((address, socket));
                    next_start = Instant::now() + HEAD_START;
                }
                Err(error) => failures.push((address, error)),
            }
        }
        if attempts.is_empty() {
            return Err(Error::Connect(failure_words(&failures)));
        }

        let wake = if waiting.len() == 0 {
            until
        } else {
            Some(until.map_or(next_start, |until| until.min(next_start)))
        };
        let mut fds: Vec<_> = attempts
            .iter()
            .map(|(_, socket)| PollFd::new(socket, PollFlags::OUT))
            .collect();
        fds.push(PollFd::new(stop, PollFlags::IN));
        wait::poll_until(&mut fds, wake)?;
        let settled: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        if stop.raised().is_some() {
            return Err(Error::Stopped);
        }

        let mut pending = Vec::with_capacity(attempts.len());
        for ((address, socket), settled) in attempts.into_iter().zip(settled) {
            if !settled {
                pending.push((address, socket));
                continue;
            }
            match socket.take_error() {
                Ok(None) => return Ok(socket.into()),
                Ok(Some(error)) | Err(error) => {
                    failures.push((address, error));
                    next_start = Instant::now();
                }
            }
        }
        attempts = pending;
        if !attempts.is_empty() && until.is_some_and(|until| Instant::now() >= until) {
            return Err(Error::TimedOut("connecting"));
        }
    }
}

/// Begins to connect; writable means that it has been decided.
fn begin(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    match socket.connect(&address.into()) {
        Ok(()) => Ok(socket),
        Err(error)
            if [Errno::INPROGRESS, Errno::INTR]
                .iter()
                .any(|errno| error.raw_os_error() == Some(errno.raw_os_error())) =>
        {
            Ok(socket)
        }
        Err(error) => Err(error),
    }
}

/// Each reason once, with its address where they differ.
fn failure_words(failures: &[(SocketAddr, io::Error)]) -> String {
    let words: Vec<_> = failures
        .iter()
        .map(|(address, error)| (address.ip(), error::words(error)))
        .collect();
    match words.first() {
        None => "no address to connect to".to_owned(),
        Some((_, first)) if words.iter().all(|(_, other)| other == first) => first.clone(),
        Some(_) => words
            .iter()
            .map(|(ip, why)| format!("{ip}: {why}"))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::net::TcpListener;
    use std::thread;

    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    fn loopback() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    /// An address where nobody listens, nor can as long as the socket lives.
    fn refusing() -> (Socket, SocketAddr) {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&loopback().into()).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        (socket, address)
    }

    #[test]
    fn refused_everywhere() {
        let stop = Stop::new().unwrap();
        let [(_one, first), (_two, second)] = [refusing(), refusing()];
        let error = race(&[first, second], LONG, &stop).unwrap_err();
        assert_eq!(error.to_string(), "cannot connect: connection refused");
    }

    #[test]
    fn a_refusal_does_not_delay_the_next_address() {
        let stop = Stop::new().unwrap();
        let listener = TcpListener::bind(loopback()).unwrap();
        let there = listener.local_addr().unwrap();
        // So many that their head starts would take longer than any machine.
        let count = 100;
        let (_sockets, mut addresses): (Vec<_>, Vec<_>) = (0..count).map(|_| refusing()).unzip();
        addresses.push(there);
        let start = Instant::now();
        let tcp = race(&addresses, LONG, &stop).unwrap();
        assert_eq!(tcp.peer_addr().unwrap(), there);
        assert!(start.elapsed() < HEAD_START * count / 2);
    }

    #[test]
    fn reasons_differ() {
        let failures = [
            (
                loopback(),
                io::Error::from(io::ErrorKind::ConnectionRefused),
            ),
            (
                SocketAddr::from(([127, 0, 0, 2], 1)),
                io::Error::from(io::ErrorKind::NetworkUnreachable),
            ),
        ];
        assert_eq!(
            failure_words(&failures),
            "127.0.0.1: connection refused, 127.0.0.2: network unreachable"
        );
    }

    /// A listener that no longer answers: Linux drops what exceeds the backlog.
    #[cfg(target_os = "linux")]
    fn black_hole() -> (Socket, Vec<Socket>, SocketAddr) {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&loopback().into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let fill = (0..4).map(|_| begin(address).unwrap()).collect();
        thread::sleep(Duration::from_millis(20));
        (listener, fill, address)
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_silent_address_loses_to_the_next() {
        let stop = Stop::new().unwrap();
        let (_listener, _fill, silent) = black_hole();
        let listener = TcpListener::bind(loopback()).unwrap();
        let there = listener.local_addr().unwrap();
        let start = Instant::now();
        let tcp = race(&[silent, there], LONG, &stop).unwrap();
        assert_eq!(tcp.peer_addr().unwrap(), there);
        assert!(start.elapsed() >= HEAD_START);
        assert!(start.elapsed() < LONG / 2);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn silence_ends_at_the_limit_or_the_signal() {
        let stop = Stop::new().unwrap();
        let (_listener, _fill, silent) = black_hole();
        let start = Instant::now();
        let error = race(&[silent], Duration::from_millis(100), &stop).unwrap_err();
        assert!(matches!(error, Error::TimedOut("connecting")), "{error:?}");
        let other = stop.clone();
        let raiser = thread::spawn(move || {
            thread::sleep(Duration::from_millis(50));
            other.raise(2);
        });
        let error = race(&[silent], LONG, &stop).unwrap_err();
        assert!(matches!(error, Error::Stopped), "{error:?}");
        assert!(start.elapsed() < LONG / 2);
        raiser.join().unwrap();
    }
}
