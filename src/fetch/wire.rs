//! The one place where a connection meets the POP3 engine.

use std::fmt;
use std::io::{self, Read, Write};
use std::time::Duration;

use super::event::{Event, Listener};
use crate::net::{self, Stream};
use crate::pop3;

// A server that waits for us to read must not make us wait for it.
const _: () = assert!(pop3::UNREAD <= net::SEND_BUFFER);

/// A connection that tells the listener what passes over it (`-vv`).
pub(super) struct Wire<'a> {
    stream: Stream,
    account: &'a str,
    listener: &'a dyn Listener,
    protocol: bool,
}

impl<'a> Wire<'a> {
    pub(super) fn new(stream: Stream, account: &'a str, listener: &'a dyn Listener) -> Self {
        Self {
            stream,
            account,
            listener,
            protocol: listener.wants_protocol(),
        }
    }

    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    pub(super) fn into_stream(self) -> Stream {
        self.stream
    }

    /// After a signal: what is left to say has this long, and the signal no longer stops it.
    pub(super) fn part(&mut self, limit: Duration) {
        self.stream.part(limit);
    }

    /// Nothing can be read now nor within `patience`.
    pub(super) fn quiet(&mut self, patience: Duration) -> bool {
        self.stream.quiet(patience)
    }
}

impl fmt::Debug for Wire<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire")
            .field("stream", &self.stream)
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

impl Read for Wire<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buf)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.stream.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl pop3::Wire for Wire<'_> {
    fn rearm(&mut self) {
        self.stream.rearm();
    }

    fn sent(&mut self, command: &dyn fmt::Display) {
        if self.protocol {
            self.listener
                .event(self.account, Event::Sent(&command.to_string()));
        }
    }

    fn received(&mut self, line: &[u8]) {
        if self.protocol {
            self.listener.event(self.account, Event::Received(line));
        }
    }
}
