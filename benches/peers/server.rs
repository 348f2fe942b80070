//! A server that has every reply ready in memory: what a client waits for is its own work.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustls::ServerConfig;

use crate::corpus::Wire;
use crate::support::connection::Connection;
use crate::support::tls::{Authority, NAMES};

/// Lets in any user with any password, each to the same maildrop, and deletes nothing. It lasts as long as the bench.
pub(crate) struct Server {
    pub(crate) port: u16,
    retrieved: Arc<AtomicUsize>,
}

/// Replies are gathered up to so many octets.
const GATHERED: usize = 256 << 10;
const NO_SUCH: &[u8] = b"-ERR no such message\r\n";
const CAPA: &[u8] = b"+OK\r\nUSER\r\nSASL PLAIN\r\nUIDL\r\nPIPELINING\r\n.\r\n";

impl Server {
    pub(crate) fn start(wire: &Arc<Wire>, tls: bool) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let config = tls.then(|| Authority::shared().issue(&NAMES).server());
        let retrieved = Arc::new(AtomicUsize::new(0));
        let (wire, counter) = (Arc::clone(wire), Arc::clone(&retrieved));
        thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                let (wire, counter, config) =
                    (Arc::clone(&wire), Arc::clone(&counter), config.clone());
                // A client that leaves early is found out by what it delivered.
                thread::spawn(move || serve(tcp, config, &wire, &counter));
            }
        });
        Self { port, retrieved }
    }

    /// Writes the certificate to trust.
    pub(crate) fn write_ca(path: &Path) {
        Authority::shared().write(path);
    }

    /// Messages retrieved since this was last asked.
    pub(crate) fn take_retrieved(&self) -> usize {
        self.retrieved.swap(0, Ordering::SeqCst)
    }
}

fn serve(
    tcp: TcpStream,
    config: Option<Arc<ServerConfig>>,
    wire: &Wire,
    retrieved: &AtomicUsize,
) -> io::Result<()> {
    let mut connection = Connection::new(tcp);
    if let Some(config) = config {
        connection.start_tls(config)?;
    }
    let mut output = b"+OK ready\r\n".to_vec();
    let mut input = vec![0; 64 << 10];
    let mut filled = 0;
    let mut challenged = false;
    loop {
        send(&mut connection, &mut output)?;
        let read = connection.read(&mut input[filled..])?;
        filled += read;
        let mut taken = 0;
        while let Some(end) = memchr::memchr(b'\n', &input[taken..filled]) {
            let line = input[taken..taken + end].trim_ascii_end();
            taken += end + 1;
            if std::mem::take(&mut challenged) {
                output.extend_from_slice(b"+OK\r\n");
                continue;
            }
            let (verb, argument) = line.split_at(line.len().min(4));
            let number = number(argument).unwrap_or(0);
            let message = wire.message(number);
            match verb {
                b"RETR" => match message {
                    Some((reply, _)) => {
                        retrieved.fetch_add(1, Ordering::SeqCst);
                        put(&mut connection, &mut output, reply)?;
                    }
                    None => output.extend_from_slice(NO_SUCH),
                },
                b"UIDL" if argument.is_empty() => put(&mut connection, &mut output, &wire.uidl)?,
                b"LIST" if argument.is_empty() => put(&mut connection, &mut output, &wire.list)?,
                b"LIST" => match message {
                    Some((_, size)) => {
                        output.extend_from_slice(format!("+OK {number} {size}\r\n").as_bytes());
                    }
                    None => output.extend_from_slice(NO_SUCH),
                },
                b"AUTH" if argument.trim_ascii() == b"PLAIN" => {
                    challenged = true;
                    output.extend_from_slice(b"+ \r\n");
                }
                b"CAPA" => output.extend_from_slice(CAPA),
                b"STAT" => output.extend_from_slice(
                    format!("+OK {} {}\r\n", wire.count, wire.octets).as_bytes(),
                ),
                b"AUTH" | b"USER" | b"PASS" | b"DELE" | b"NOOP" | b"RSET" => {
                    output.extend_from_slice(b"+OK\r\n");
                }
                b"QUIT" => {
                    output.extend_from_slice(b"+OK\r\n");
                    send(&mut connection, &mut output)?;
                    connection.close();
                    return Ok(());
                }
                _ => output.extend_from_slice(b"-ERR unknown command\r\n"),
            }
        }
        if read == 0 {
            return Ok(());
        }
        input.copy_within(taken..filled, 0);
        filled -= taken;
    }
}

fn number(argument: &[u8]) -> Option<usize> {
    std::str::from_utf8(argument).ok()?.trim().parse().ok()
}

/// A long reply is sent from where it lies.
fn put(connection: &mut Connection, output: &mut Vec<u8>, reply: &[u8]) -> io::Result<()> {
    if output.len() + reply.len() > GATHERED {
        send(connection, output)?;
    }
    if reply.len() > GATHERED {
        return connection.write_all(reply);
    }
    output.extend_from_slice(reply);
    Ok(())
}

fn send(connection: &mut Connection, output: &mut Vec<u8>) -> io::Result<()> {
    connection.write_all(output)?;
    connection.flush()?;
    output.clear();
    Ok(())
}
