//! A delay line: a long way to the server.
//!
//! Every octet arrives half a round trip after it was sent, in order; bandwidth is not limited, nothing is lost, no
//! slow start. Setting up a connection counts, too: the greeting reaches the client two round trips after it called
//! connect.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Pieces of at most 64 KiB that are under way in one direction.
const UNDER_WAY: usize = 512;

/// A port behind which the server is further away; the line lasts as long as the bench.
pub(crate) fn line(server: u16, round_trip: Duration) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || join(client, server, round_trip));
        }
    });
    port
}

fn join(client: TcpStream, server: u16, round_trip: Duration) {
    // The kernel says at once that it is connected; it would have been so after a whole round trip.
    let connected = Instant::now() + round_trip;
    let half = round_trip / 2;
    thread::sleep(round_trip + half);
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).unwrap();
    for end in [&client, &server] {
        end.set_nodelay(true).unwrap();
    }
    let (from_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || carry(from_client, to_server, half, connected));
    carry(server, client, half, connected);
}

/// Carries one direction to its end, which takes its time as well.
fn carry(mut from: TcpStream, mut to: TcpStream, half: Duration, not_before: Instant) {
    let (departures, arrivals) = mpsc::sync_channel::<(Instant, Vec<u8>)>(UNDER_WAY);
    thread::spawn(move || {
        for (due, octets) in arrivals {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&octets).is_err() {
                break;
            }
        }
        // The other side may be gone already.
        let _ = to.shutdown(Shutdown::Write);
    });
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = from.read(&mut buffer).unwrap_or(0);
        let due = Instant::now().max(not_before) + half;
        if departures.send((due, buffer[..read].to_vec())).is_err() || read == 0 {
            return;
        }
    }
}
