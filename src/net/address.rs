use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use super::{Endpoint, Error, Stop, error, wait};

/// The address a host literally is: `192.0.2.1`, `2001:db8::1` or, as in a URL, `[2001:db8::1]`.
pub(super) fn literal(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    bare.parse().ok()
}

/// All addresses of an endpoint in the order to try them; never empty.
///
/// getaddrinfo can neither be limited nor woken, so it runs in a thread of its own, which is left behind when it
/// takes too long.
pub(super) fn look_up(
    endpoint: &Endpoint,
    limit: Duration,
    stop: &Stop,
) -> Result<Vec<SocketAddr>, Error> {
    if let Some(address) = literal(&endpoint.host) {
        return Ok(vec![SocketAddr::new(address, endpoint.port)]);
    }
    let until = Instant::now().checked_add(limit);
    let (ended, guard) = io::pipe()?;
    let (answer, answered) = mpsc::sync_channel(1);
    let name = (endpoint.host.clone(), endpoint.port);
    thread::Builder::new()
        .name("look-up".to_owned())
        .spawn(move || {
            let found = name.to_socket_addrs().map(Vec::from_iter);
            // Nobody listens any more when the time was up.
            let _ = answer.send(found);
            // The pipe's other end hangs up only now, also when the look-up panicked.
            drop(guard);
        })?;
    let mut fds = [
        PollFd::new(&ended, PollFlags::IN),
        PollFd::new(stop, PollFlags::IN),
    ];
    let woken = wait::poll_until(&mut fds, until)?;
    if stop.raised().is_some() {
        return Err(Error::Stopped);
    }
    if !woken {
        return Err(Error::TimedOut("looking up the host's name"));
    }
    match answered.recv() {
        Ok(Ok(found)) if !found.is_empty() => Ok(interleave(found)),
        Ok(Ok(_)) => Err(Error::NotFound("the name has no address".to_owned())),
        Ok(Err(error)) => Err(Error::NotFound(look_up_words(&error))),
        Err(_) => Err(Error::NotFound("the look-up broke off".to_owned())),
    }
}

/// std's prefix says nothing that `host not found` does not.
fn look_up_words(error: &io::Error) -> String {
    let words = error::words(error);
    words
        .strip_prefix("failed to lookup address information: ")
        .map_or(words.clone(), str::to_owned)
}

/// Families by turns, beginning with that of the first address, each in the resolver's order (RFC 8305 section 4).
fn interleave(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = found.first().is_some_and(SocketAddr::is_ipv6);
    let (mut first, mut second): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|address| address.is_ipv6() == first_is_v6);
    for family in [&mut first, &mut second] {
        let mut seen = Vec::new();
        family.retain(|address| {
            let new = !seen.contains(address);
            seen.push(*address);
            new
        });
    }
    let mut second = second.into_iter();
    let mut all: Vec<_> = first
        .into_iter()
        .flat_map(|address| [Some(address), second.next()])
        .flatten()
        .collect();
    all.extend(second);
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn endpoint(host: &str) -> Endpoint {
        Endpoint {
            host: host.to_owned(),
            port: 995,
        }
    }

    fn addresses(text: &[&str]) -> Vec<SocketAddr> {
        text.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn families_alternate() {
        let mixed = [
            "[::1]:1",
            "[::2]:1",
            "[::2]:1",
            "[::3]:1",
            "1.1.1.1:1",
            "1.1.1.2:1",
        ];
        assert_eq!(
            interleave(addresses(&mixed)),
            addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "1.1.1.2:1", "[::3]:1"])
        );
        let four_first = ["1.1.1.1:1", "[::1]:1", "[::2]:1", "[::3]:1"];
        assert_eq!(interleave(addresses(&four_first)), addresses(&four_first));
        assert_eq!(interleave(Vec::new()), Vec::new());
    }

    #[test]
    fn literals_need_no_look_up() {
        let stop = Stop::new().unwrap();
        for (host, address) in [
            ("127.0.0.1", "127.0.0.1:995"),
            ("::1", "[::1]:995"),
            ("[::1]", "[::1]:995"),
        ] {
            let found = look_up(&endpoint(host), Duration::ZERO, &stop).unwrap();
            assert_eq!(found, addresses(&[address]));
        }
    }

    #[test]
    fn localhost_is_loopback() {
        let stop = Stop::new().unwrap();
        let found = look_up(&endpoint("localhost"), Duration::from_secs(30), &stop).unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback()));
    }

    #[test]
    fn a_name_that_cannot_be_is_not_found() {
        let stop = Stop::new().unwrap();
        // Neither gets as far as a query: a NUL, and a label of more than 63 octets.
        for host in ["no\0name".to_owned(), "a".repeat(300)] {
            let error = look_up(&endpoint(&host), Duration::from_secs(30), &stop).unwrap_err();
            assert!(matches!(error, Error::NotFound(_)), "{host:?}: {error:?}");
        }
    }

    #[test]
    fn a_raised_flag_ends_the_look_up() {
        let stop = Stop::new().unwrap();
        stop.raise(15);
        let error = look_up(&endpoint("localhost"), Duration::from_secs(30), &stop).unwrap_err();
        assert!(matches!(error, Error::Stopped));
    }
}
