use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::io::{self, Read, Write};
use std::rc::Rc;

use super::wire::Wire;

/// A server by script, in memory: what it expects and what it sends, in this order. At its end it hangs up.
#[derive(Debug)]
pub(super) struct Script {
    steps: VecDeque<Act>,
    /// Octets sent at once at most.
    piece: usize,
    seen: Rc<RefCell<Seen>>,
}

#[derive(Debug)]
enum Act {
    Expect(Vec<u8>),
    Send(Vec<u8>),
}

/// What a [`Script`] has seen; outlives it.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Octets written and not expected so far.
    pub(super) pending: Vec<u8>,
    /// Calls of `write`.
    pub(super) writes: usize,
    /// Calls of `rearm`.
    pub(super) rearms: usize,
    /// What was shown, `C: ` and `S: ` by line.
    pub(super) log: String,
    /// Steps not taken.
    pub(super) left: usize,
}

impl Script {
    pub(super) fn new() -> Self {
        Self {
            steps: VecDeque::new(),
            piece: usize::MAX,
            seen: Rc::default(),
        }
    }

    /// The client must have written this before the server goes on.
    pub(super) fn expect(mut self, octets: impl AsRef<[u8]>) -> Self {
        self.steps.push_back(Act::Expect(octets.as_ref().to_vec()));
        self.seen.borrow_mut().left += 1;
        self
    }

    pub(super) fn send(mut self, octets: impl AsRef<[u8]>) -> Self {
        self.steps.push_back(Act::Send(octets.as_ref().to_vec()));
        self.seen.borrow_mut().left += 1;
        self
    }

    /// Sends no more than this at once.
    pub(super) fn in_pieces(mut self, octets: usize) -> Self {
        self.piece = octets;
        self
    }

    pub(super) fn seen(&self) -> Rc<RefCell<Seen>> {
        Rc::clone(&self.seen)
    }
}

impl Read for Script {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut seen = self.seen.borrow_mut();
        while let Some(Act::Expect(octets)) = self.steps.front() {
            let written: Vec<u8> = seen.pending.drain(..).collect();
            let Some(rest) = written.strip_prefix(octets.as_slice()) else {
                panic!(
                    "expected {:?}, got {:?}",
                    String::from_utf8_lossy(octets),
                    String::from_utf8_lossy(&written)
                );
            };
            seen.pending.extend_from_slice(rest);
            seen.left -= 1;
            self.steps.pop_front();
        }
        let Some(Act::Send(octets)) = self.steps.front_mut() else {
            return Ok(0);
        };
        let length = octets.len().min(self.piece).min(buffer.len());
        buffer[..length].copy_from_slice(&octets[..length]);
        octets.drain(..length);
        if octets.is_empty() {
            seen.left -= 1;
            self.steps.pop_front();
        }
        Ok(length)
    }
}

impl Write for Script {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let mut seen = self.seen.borrow_mut();
        seen.writes += 1;
        seen.pending.extend_from_slice(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Wire for Script {
    fn rearm(&mut self) {
        self.seen.borrow_mut().rearms += 1;
    }

    fn sent(&mut self, command: &dyn fmt::Display) {
        let _ = writeln!(self.seen.borrow_mut().log, "C: {command}");
    }

    fn received(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let _ = writeln!(self.seen.borrow_mut().log, "S: {line}");
    }
}
