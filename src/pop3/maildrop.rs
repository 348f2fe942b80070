use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::rc::Rc;

use super::wire::Wire;

/// An honest server after login, in memory: RETR, TOP, DELE, QUIT over a maildrop of messages on the wire.
#[derive(Debug)]
pub(super) struct Maildrop {
    /// Message n at n - 1, as it follows RETR's status line; `None` is refused.
    messages: Vec<Option<Vec<u8>>>,
    /// Octets read at once at most.
    piece: usize,
    commands: Vec<u8>,
    replies: VecDeque<Vec<u8>>,
    tally: Rc<RefCell<Tally>>,
}

/// What a [`Maildrop`] has counted; outlives it.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) writes: usize,
    /// Message numbers with a reply not read to its end.
    pub(super) in_flight: VecDeque<usize>,
    /// The most there ever were.
    pub(super) most: usize,
    /// For each command: what was in flight when it came, itself included.
    pub(super) windows: Vec<Vec<usize>>,
    /// Octets of commands whose replies were not read; the most there ever were.
    pub(super) most_octets: usize,
    pub(super) deleted: Vec<usize>,
    pub(super) quit: bool,
}

impl Maildrop {
    pub(super) fn new(messages: Vec<Option<Vec<u8>>>, piece: usize) -> Self {
        Self {
            messages,
            piece,
            commands: Vec::new(),
            replies: VecDeque::new(),
            tally: Rc::default(),
        }
    }

    pub(super) fn tally(&self) -> Rc<RefCell<Tally>> {
        Rc::clone(&self.tally)
    }

    fn obey(&mut self, command: &str) {
        let tally = &mut self.tally.borrow_mut();
        let mut words = command.split(' ');
        let verb = words.next();
        let number: usize = words.next().map_or(0, |word| word.parse().unwrap());
        let message = self.messages.get(number.wrapping_sub(1)).cloned().flatten();
        let reply = match verb {
            Some("RETR" | "TOP") => match message {
                Some(octets) => [b"+OK\r\n", octets.as_slice()].concat(),
                None => b"-ERR no such message\r\n".to_vec(),
            },
            Some("DELE") if message.is_some() => {
                tally.deleted.push(number);
                b"+OK\r\n".to_vec()
            }
            Some("DELE") => b"-ERR no such message\r\n".to_vec(),
            Some("QUIT") => {
                tally.quit = true;
                b"+OK bye\r\n".to_vec()
            }
            _ => panic!("unknown command {command:?}"),
        };
        self.replies.push_back(reply);
        tally.in_flight.push_back(number);
        let window = tally.in_flight.iter().copied().collect();
        tally.windows.push(window);
        tally.most = tally.most.max(tally.in_flight.len());
        let octets = tally.in_flight.len() * (command.len() + 2);
        tally.most_octets = tally.most_octets.max(octets);
    }
}

impl Read for Maildrop {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut length = 0;
        let room = self.piece.min(buffer.len());
        // Like a socket, it gives what there is, over the bounds of replies.
        while length < room
            && let Some(reply) = self.replies.front_mut()
        {
            let octets = reply.len().min(room - length);
            buffer[length..length + octets].copy_from_slice(&reply[..octets]);
            reply.drain(..octets);
            length += octets;
            if reply.is_empty() {
                self.replies.pop_front();
                self.tally.borrow_mut().in_flight.pop_front();
            }
        }
        Ok(length)
    }
}

impl Write for Maildrop {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.tally.borrow_mut().writes += 1;
        self.commands.extend_from_slice(buffer);
        while let Some(end) = self.commands.windows(2).position(|two| two == b"\r\n") {
            let line: Vec<u8> = self.commands.drain(..end + 2).take(end).collect();
            self.obey(std::str::from_utf8(&line).unwrap());
        }
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Wire for Maildrop {}
