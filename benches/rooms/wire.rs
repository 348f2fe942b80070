//! RETR through the window: replies found, byte-stuffing taken out, CRLF made LF.

use std::io::{self, Read, Write};

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use popfetch::pop3::{Incoming, Session, Window, Wire};
use popfetch::sasl::{Credentials, Method};
use popfetch::secret::Secret;

use crate::message;

/// A server without a socket: one reply for each command, when it was sent.
struct Replies {
    message: Vec<u8>,
    /// Replies due, and what was read of the one in hand.
    due: usize,
    read: usize,
    /// Replies before the first message's: the greeting, USER, PASS.
    short: usize,
}

impl Read for Replies {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut length = 0;
        while self.due > 0 && length < buffer.len() {
            let reply: &[u8] = if self.short > 0 {
                b"+OK\r\n"
            } else {
                &self.message
            };
            let rest = &reply[self.read..];
            let octets = rest.len().min(buffer.len() - length);
            buffer[length..length + octets].copy_from_slice(&rest[..octets]);
            length += octets;
            self.read += octets;
            if self.read == reply.len() {
                self.read = 0;
                self.due -= 1;
                self.short = self.short.saturating_sub(1);
            }
        }
        Ok(length)
    }
}

impl Write for Replies {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.due += buffer.iter().filter(|&&octet| octet == b'\n').count();
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Wire for Replies {}

/// Octets on the wire in a second, for messages of 4 KiB and of 4 MiB.
#[divan::bench(args = [1, 1024])]
fn decode(bencher: Bencher<'_, '_>, times: usize) {
    let mut reply = b"+OK\r\n".to_vec();
    for line in message()
        .repeat(times)
        .split_inclusive(|&octet| octet == b'\n')
    {
        reply.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
        reply.extend_from_slice(b"\r\n");
    }
    reply.extend_from_slice(b".\r\n");
    let count = u32::try_from((64 << 20) / reply.len()).unwrap();
    bencher
        .counter(BytesCount::new(reply.len() * count as usize))
        .bench_local(|| {
            let replies = Replies {
                message: reply.clone(),
                due: 1,
                read: 0,
                short: 3,
            };
            let credentials = Credentials {
                user: "a".to_owned(),
                password: Secret::new("b".to_owned()),
            };
            let Ok(mut transaction) =
                Session::greet(replies)
                    .unwrap()
                    .authenticate(Method::User, &credentials, None)
            else {
                panic!("not let in");
            };
            let window = Window {
                commands: 1000,
                octets: 8 << 20,
            };
            let wanted = (1..=count).map(|number| (number, Some(4096))).collect();
            let mut retrieval = transaction.retrieve(wanted, window);
            while let Some(incoming) = retrieval.next() {
                assert!(matches!(incoming.unwrap(), Incoming::Message(_)));
                while let Some(piece) = retrieval.piece().unwrap() {
                    black_box(piece);
                }
            }
        });
}
