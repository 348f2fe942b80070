//! A relay in front of a server: octets pass through it until something happens to them.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Whose octets are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// What the server says.
    FromServer,
    /// What the client says.
    FromClient,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// Nothing.
    None,
    /// Once so many octets have passed this way both connections end as by `close`; nothing more passes either way.
    Cut(Direction, u64),
    /// The same, and the client's connection ends with a TCP reset.
    Reset(Direction, u64),
    /// Once so many octets have passed this way, nothing more passes this way; all stays open.
    Stall(Direction, u64),
    /// Once so many octets have passed from the server, its side ends; what the client says still passes.
    HalfClose(u64),
    /// Each octet from the server goes out alone.
    OctetByOctet,
}

/// A relay on a loopback port. Its connections end with it.
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    to: u16,
    mishap: Mutex<Mishap>,
    from_server: AtomicU64,
    from_client: AtomicU64,
    connections: AtomicU64,
    stalls: AtomicU64,
    ending: AtomicBool,
}

/// One connection's two sockets, and whether something has happened to it.
struct Pair {
    client: TcpStream,
    server: TcpStream,
    over: AtomicBool,
    mishap: Mishap,
}

impl Relay {
    /// A relay to this port, where nothing happens yet.
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            to: port,
            mishap: Mutex::new(Mishap::None),
            from_server: AtomicU64::new(0),
            from_client: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            stalls: AtomicU64::new(0),
            ending: AtomicBool::new(false),
        });
        let thread = {
            let shared = Arc::clone(&shared);
            Some(thread::spawn(move || accept(&listener, &shared)))
        };
        Self {
            address,
            shared,
            thread,
        }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What happens to connections made from now on; the count of octets begins anew.
    pub fn set(&self, mishap: Mishap) {
        *self.shared.mishap.lock().unwrap() = mishap;
        self.shared.from_server.store(0, Ordering::SeqCst);
        self.shared.from_client.store(0, Ordering::SeqCst);
        self.shared.connections.store(0, Ordering::SeqCst);
        self.shared.stalls.store(0, Ordering::SeqCst);
    }

    /// Octets that passed since [`Relay::set`]: from the server, from the client.
    pub fn passed(&self) -> (u64, u64) {
        let count = |octets: &AtomicU64| octets.load(Ordering::SeqCst);
        (
            count(&self.shared.from_server),
            count(&self.shared.from_client),
        )
    }

    /// Connections made since [`Relay::set`].
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Whether a connection has stalled since [`Relay::set`].
    pub fn stalled(&self) -> bool {
        self.shared.stalls.load(Ordering::SeqCst) > 0
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            // What it could panic about has been printed.
            let _ = thread.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    loop {
        let Ok((client, _)) = listener.accept() else {
            continue;
        };
        if shared.ending.load(Ordering::SeqCst) {
            return;
        }
        shared.connections.fetch_add(1, Ordering::SeqCst);
        let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, shared.to)) else {
            continue;
        };
        let mishap = *shared.mishap.lock().unwrap();
        for socket in [&client, &server] {
            socket.set_nodelay(true).unwrap();
            socket
                .set_read_timeout(Some(Duration::from_millis(20)))
                .unwrap();
        }
        let pair = Arc::new(Pair {
            client,
            server,
            over: AtomicBool::new(false),
            mishap,
        });
        for direction in [Direction::FromServer, Direction::FromClient] {
            let pair = Arc::clone(&pair);
            let shared = Arc::clone(shared);
            thread::spawn(move || pass(&pair, &shared, direction));
        }
    }
}

/// Passes octets on in one direction until the end.
fn pass(pair: &Pair, shared: &Shared, direction: Direction) {
    let (mut from, mut to, count) = match direction {
        Direction::FromServer => (&pair.server, &pair.client, &shared.from_server),
        Direction::FromClient => (&pair.client, &pair.server, &shared.from_client),
    };
    let limit = match pair.mishap {
        Mishap::Cut(way, at) | Mishap::Reset(way, at) | Mishap::Stall(way, at)
            if way == direction =>
        {
            at
        }
        Mishap::HalfClose(at) if direction == Direction::FromServer => at,
        _ => u64::MAX,
    };
    let mut left = limit;
    let mut octets = vec![0; 64 * 1024];
    loop {
        if left == 0 {
            happen(pair, shared);
            if matches!(pair.mishap, Mishap::Cut(..) | Mishap::Reset(..)) {
                return;
            }
            left = u64::MAX;
            // What this side still says is read and thrown away.
            to = match pair.mishap {
                Mishap::Stall(..) | Mishap::HalfClose(_) => return drain(pair, shared, from),
                _ => to,
            };
        }
        if pair.over.load(Ordering::SeqCst) || shared.ending.load(Ordering::SeqCst) {
            return;
        }
        let room = octets
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        match from.read(&mut octets[..room]) {
            Ok(0) => {
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
            Ok(n) => {
                left -= n as u64;
                // Who is told of an octet may ask at once how many there were.
                count.fetch_add(n as u64, Ordering::SeqCst);
                let sent =
                    if pair.mishap == Mishap::OctetByOctet && direction == Direction::FromServer {
                        octets[..n].iter().all(|octet| {
                            thread::sleep(Duration::from_micros(50));
                            to.write_all(&[*octet]).is_ok()
                        })
                    } else {
                        to.write_all(&octets[..n]).is_ok()
                    };
                if !sent {
                    return;
                }
            }
            Err(error) if super::connection::is_timeout(&error) => {}
            Err(_) => {
                // Who leaves with something unread ends with a reset: the other side has to hear of that end too.
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
        }
    }
}

fn happen(pair: &Pair, shared: &Shared) {
    match pair.mishap {
        Mishap::Cut(..) => {
            pair.over.store(true, Ordering::SeqCst);
            let _ = pair.client.shutdown(Shutdown::Write);
            let _ = pair.server.shutdown(Shutdown::Both);
        }
        Mishap::Reset(..) => {
            // A reset overtakes what the client has not read yet.
            thread::sleep(Duration::from_millis(30));
            pair.over.store(true, Ordering::SeqCst);
            let socket = socket2::SockRef::from(&pair.client);
            let _ = socket.set_linger(Some(Duration::ZERO));
            let _ = pair.server.shutdown(Shutdown::Both);
        }
        Mishap::HalfClose(_) => {
            let _ = pair.client.shutdown(Shutdown::Write);
        }
        Mishap::Stall(..) => {
            shared.stalls.fetch_add(1, Ordering::SeqCst);
        }
        Mishap::None | Mishap::OctetByOctet => {}
    }
}

fn drain(pair: &Pair, shared: &Shared, mut from: &TcpStream) {
    let mut octets = [0; 4096];
    while !pair.over.load(Ordering::SeqCst) && !shared.ending.load(Ordering::SeqCst) {
        match from.read(&mut octets) {
            Ok(1..) => {}
            Err(error) if super::connection::is_timeout(&error) => {}
            _ => return,
        }
    }
}
