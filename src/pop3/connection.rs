use std::borrow::Cow;
use std::fmt;
use std::io;
use std::ops::Range;

use memchr::memchr;
use memchr::memmem;
use zeroize::{Zeroize, Zeroizing};

use super::command::Command;
use super::error::Error;
use super::reply::{KEPT, Status};
use super::wire::Wire;

/// The read buffer, and so the longest line there may be.
const BUFFER: usize = 64 * 1024;

/// So much of a multi-line reply must come within one time limit.
const PROGRESS: usize = 1024;

/// Lines in, commands out, over one wire; knows how many replies the server owes.
pub(super) struct Connection<S> {
    wire: S,
    buffer: Box<[u8]>,
    /// What of the buffer is received and not yet read.
    unread: Range<usize>,
    /// Commands not sent yet: they go in one write before the next reply is read.
    out: Vec<u8>,
    /// Replies not read to their end.
    owed: usize,
    /// Octets received since the time limits began anew.
    progress: usize,
    /// What the last line sent must keep from being shown.
    secret: Option<Zeroizing<Vec<u8>>>,
}

/// What can come while a server and we are in AUTH.
#[derive(Debug)]
pub(super) enum Answer {
    /// The exchange has ended.
    Status(Status),
    /// `+`: the challenge, still in base64.
    Challenge(Vec<u8>),
}

impl<S: Wire> Connection<S> {
    /// A connection on which the server speaks first if `greeting`.
    pub(super) fn new(wire: S, greeting: bool) -> Self {
        Self {
            wire,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            unread: 0..0,
            out: Vec::with_capacity(4096),
            owed: usize::from(greeting),
            progress: 0,
            secret: None,
        }
    }

    pub(super) fn wire(&self) -> &S {
        &self.wire
    }

    pub(super) fn wire_mut(&mut self) -> &mut S {
        &mut self.wire
    }

    /// The bare wire; what is buffered is lost.
    pub(super) fn into_wire(self) -> S {
        self.wire
    }

    /// Whether octets were received and not yet read.
    pub(super) fn buffered(&self) -> bool {
        !self.unread.is_empty()
    }

    /// Whether all replies were read to their end.
    pub(super) fn settled(&self) -> bool {
        self.owed == 0
    }

    /// Before an act of its own: an earlier one that broke off leaves replies that would be taken for this one's.
    pub(super) fn ready(&self) -> Result<(), Error> {
        if self.settled() {
            return Ok(());
        }
        Err(Error::protocol(
            "an earlier reply was not read to its end, so the session cannot go on",
            b"",
        ))
    }

    /// Takes a command up, to be sent before the next reply is read.
    pub(super) fn command(&mut self, command: &Command<'_>) -> Result<(), Error> {
        // An -ERR that nobody asked for is how a server says why it hangs up; it is read as the answer. Anything
        // else would shift every answer after it by one.
        if self.settled()
            && command.is_owed_a_reply()
            && let Some(first) = self.unread().first()
            && *first != b'-'
        {
            let line = self.unread();
            let end = memchr(b'\n', line).unwrap_or(line.len());
            return Err(Error::protocol(
                "the server sent what no command asked for",
                &line[..end],
            ));
        }
        command.write(&mut self.out)?;
        self.owed += usize::from(command.is_owed_a_reply());
        self.secret = command
            .secret()
            .map(|secret| Zeroizing::new(secret.as_bytes().to_vec()));
        self.wire.sent(command);
        Ok(())
    }

    /// A command with a single-line reply.
    pub(super) fn ask(&mut self, command: &Command<'_>) -> Result<Status, Error> {
        self.ready()?;
        self.command(command)?;
        self.status()
    }

    /// The next reply, a single line.
    pub(super) fn status(&mut self) -> Result<Status, Error> {
        let status = self.status_line()?;
        self.owed -= 1;
        Ok(status)
    }

    /// The next reply's status line; after +OK its lines follow, by [`Connection::line`].
    pub(super) fn status_before_lines(&mut self) -> Result<Status, Error> {
        let status = self.status_line()?;
        if status.ok {
            self.progress = PROGRESS;
        } else {
            self.owed -= 1;
        }
        Ok(status)
    }

    /// The next line within AUTH.
    pub(super) fn answer(&mut self) -> Result<Answer, Error> {
        let line = self.reply_line()?;
        let plain = &self.buffer[line.clone()];
        if Status::read(plain).is_none()
            && let [b'+', challenge @ ..] = plain
        {
            self.wire.received(b"+ ****");
            return Ok(Answer::Challenge(challenge.trim_ascii().to_vec()));
        }
        let status = self.read_status(line)?;
        self.owed -= 1;
        Ok(Answer::Status(status))
    }

    /// The next line of a multi-line reply, byte-stuffing taken out; `None` at its end.
    pub(super) fn line(&mut self) -> Result<Option<&[u8]>, Error> {
        let line = self.take_line(true)?;
        match &self.buffer[line] {
            b"." => {
                self.owed -= 1;
                Ok(None)
            }
            [b'.', rest @ ..] => Ok(Some(rest)),
            line => Ok(Some(line)),
        }
    }

    /// The octets that were received and not yet read.
    pub(super) fn unread(&self) -> &[u8] {
        &self.buffer[self.unread.clone()]
    }

    /// As [`Connection::unread`], for decoding in place.
    pub(super) fn unread_mut(&mut self) -> &mut [u8] {
        &mut self.buffer[self.unread.clone()]
    }

    /// Counts octets as read; gives where the first `kept` of them stand until the next [`Connection::fill`].
    pub(super) fn consume(&mut self, octets: usize, kept: usize) -> Range<usize> {
        let start = self.unread.start;
        self.unread.start += octets;
        start..start + kept
    }

    /// Octets at a place that [`Connection::consume`] gave.
    pub(super) fn at(&self, place: Range<usize>) -> &[u8] {
        &self.buffer[place]
    }

    /// A multi-line reply was read to its end by other means than [`Connection::line`].
    pub(super) fn lines_ended(&mut self) {
        self.owed -= 1;
    }

    /// Receives more octets, at least one; `lines`: within a multi-line reply.
    pub(super) fn fill(&mut self, lines: bool) -> Result<(), Error> {
        if self.unread.start > 0 {
            self.buffer.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
        }
        if self.unread.end == self.buffer.len() {
            return Err(Error::protocol(
                "the server's line is longer than 64 KiB",
                self.unless_secret(&self.buffer[..KEPT]),
            ));
        }
        // Only now, so that what the caller did with the last octets takes no time from the next.
        if lines && self.progress >= PROGRESS {
            self.rearm();
        }
        let octets = loop {
            match self.wire.read(&mut self.buffer[self.unread.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        if octets == 0 {
            return Err(closed());
        }
        self.unread.end += octets;
        self.progress += octets;
        Ok(())
    }

    fn rearm(&mut self) {
        self.progress = 0;
        self.wire.rearm();
    }

    fn status_line(&mut self) -> Result<Status, Error> {
        let line = self.reply_line()?;
        self.read_status(line)
    }

    /// Sends what was taken up.
    pub(super) fn send(&mut self) -> Result<(), Error> {
        if !self.out.is_empty() {
            let sent = self.wire.write_all(&self.out);
            if self.secret.is_some() {
                self.out.zeroize();
            }
            self.out.clear();
            sent?;
            self.wire.flush()?;
        }
        Ok(())
    }

    /// Sends what was taken up, and awaits a line.
    fn reply_line(&mut self) -> Result<Range<usize>, Error> {
        self.send()?;
        self.rearm();
        self.take_line(false)
    }

    fn read_status(&mut self, line: Range<usize>) -> Result<Status, Error> {
        let line = masked(&self.buffer[line], self.secret.as_deref());
        let Some(status) = Status::read(&line) else {
            return Err(Error::protocol(
                "the server's reply is neither +OK nor -ERR",
                self.unless_secret(&line),
            ));
        };
        self.wire.received(&line);
        Ok(status)
    }

    /// Where the next line stands, without its line end: CRLF, or LF alone from servers that do not know better.
    fn take_line(&mut self, lines: bool) -> Result<Range<usize>, Error> {
        let mut searched = 0;
        loop {
            if let Some(found) = memchr(b'\n', &self.unread()[searched..]) {
                let start = self.unread.start;
                let mut end = start + searched + found;
                self.unread.start = end + 1;
                if end > start && self.buffer[end - 1] == b'\r' {
                    end -= 1;
                }
                return Ok(start..end);
            }
            searched = self.unread.len();
            self.fill(lines)?;
        }
    }

    /// A line that makes no sense, unless it may hold part of a secret.
    fn unless_secret<'l>(&self, line: &'l [u8]) -> &'l [u8] {
        if self.secret.is_some() { b"****" } else { line }
    }
}

impl<S: fmt::Debug> fmt::Debug for Connection<S> {
    /// Without the buffers: they hold mail, and passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("wire", &self.wire)
            .field("unread", &self.unread.len())
            .field("owed", &self.owed)
            .finish_non_exhaustive()
    }
}

/// A line as it may be shown: some servers echo what they do not understand.
fn masked<'l>(line: &'l [u8], secret: Option<&Vec<u8>>) -> Cow<'l, [u8]> {
    let Some(secret) = secret else {
        return Cow::Borrowed(line);
    };
    // Masking a text as short as that would show where it stands in the server's own words.
    if secret.len() < 4 {
        return Cow::Borrowed(line);
    }
    let mut shown = Vec::new();
    let mut rest = line;
    while let Some(at) = memmem::find(rest, secret) {
        shown.extend_from_slice(&rest[..at]);
        shown.extend_from_slice(b"****");
        rest = &rest[at + secret.len()..];
    }
    shown.extend_from_slice(rest);
    Cow::Owned(shown)
}

/// The end of the stream where a reply is owed.
fn closed() -> Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the server closed the connection",
    )
    .into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::pop3::script::Script;
    use crate::secret::Secret;

    fn asked(reply: impl AsRef<[u8]>, piece: usize) -> Result<Status, Error> {
        let script = Script::new()
            .expect("NOOP\r\n")
            .send(reply)
            .in_pieces(piece);
        Connection::new(script, false).ask(&Command::Noop)
    }

    #[test]
    fn status_lines_however_they_come() {
        for (reply, ok, text) in [
            ("+OK\r\n", true, ""),
            ("-ERR\r\n", false, ""),
            ("+OK No-op to you too!\r\n", true, "No-op to you too!"),
            ("+OK bare LF\n", true, "bare LF"),
        ] {
            for piece in [1, 2, 3, 99] {
                let status = asked(reply, piece).unwrap();
                assert_eq!(status.ok, ok);
                assert_eq!(status.reply.text, text.as_bytes());
            }
        }
    }

    #[test]
    fn no_status_line_is_a_breach() {
        for reply in [
            "\r\n",
            "OK\r\n",
            "USER aaaa\r\n",
            "+\r\n",
            "+ \r\n",
            "a\0b\n",
        ] {
            let error = asked(reply, 99).unwrap_err();
            let Error::Protocol { line, .. } = error else {
                panic!("{reply:?}: {error}")
            };
            assert_eq!(line, reply.trim_end_matches(['\r', '\n']).as_bytes());
        }
    }

    #[test]
    fn a_line_may_be_long_but_not_endless() {
        let long = format!("+OK {}\r\n", "x".repeat(60_000));
        assert_eq!(asked(&long, 1000).unwrap().reply.text.len(), KEPT);
        let endless = format!("+OK {}", "x".repeat(BUFFER));
        let error = asked(&endless, 1000).unwrap_err();
        assert!(matches!(error, Error::Protocol { line, .. } if line.len() == KEPT));
    }

    #[test]
    fn an_end_of_stream_is_no_reply() {
        for reply in ["", "+", "+OK", "+OK 1 message", "-ERR\r"] {
            let script = Script::new().expect("NOOP\r\n");
            let script = if reply.is_empty() {
                script
            } else {
                script.send(reply)
            };
            let error = Connection::new(script, false)
                .ask(&Command::Noop)
                .unwrap_err();
            assert!(
                matches!(&error, Error::Io(io) if io.kind() == io::ErrorKind::UnexpectedEof),
                "{reply:?}: {error}"
            );
        }
    }

    #[test]
    fn what_nobody_asked_for_is_a_breach_unless_it_is_a_goodbye() {
        let script = Script::new()
            .expect("NOOP\r\n")
            .send("+OK\r\n+OK stale\r\n");
        let mut connection = Connection::new(script, false);
        connection.ask(&Command::Noop).unwrap();
        let error = connection.ask(&Command::Noop).unwrap_err();
        assert!(matches!(error, Error::Protocol { line, .. } if line == b"+OK stale\r"));

        let script = Script::new()
            .expect("NOOP\r\n")
            .send("+OK\r\n-ERR Disconnected for inactivity.\r\n");
        let mut connection = Connection::new(script, false);
        connection.ask(&Command::Noop).unwrap();
        let status = connection.ask(&Command::Noop).unwrap();
        assert_eq!(status.reply.text, b"Disconnected for inactivity.");
    }

    #[test]
    fn nothing_is_sent_while_a_reply_is_owed() {
        let script = Script::new().expect("NOOP\r\n").send("what?\r\n+OK\r\n");
        let seen = script.seen();
        let mut connection = Connection::new(script, false);
        assert!(connection.ask(&Command::Noop).is_err());
        assert!(matches!(
            connection.ask(&Command::Noop),
            Err(Error::Protocol { .. })
        ));
        assert_eq!(seen.borrow().writes, 1);
    }

    #[test]
    fn time_limits_begin_anew_by_reply_and_by_kilobyte() {
        // One octet at a time: a status line never moves its own limit, lines move it once in 1024 octets.
        let status = format!("+OK {}\r\n", "x".repeat(5000));
        let script = Script::new()
            .expect("NOOP\r\nLIST\r\n")
            .send(status)
            .send("+OK\r\n")
            .send("1 1\r\n".repeat(1000))
            .send(".\r\n")
            .in_pieces(1);
        let seen = script.seen();
        let mut connection = Connection::new(script, false);
        connection.command(&Command::Noop).unwrap();
        connection.command(&Command::List).unwrap();
        connection.status().unwrap();
        assert_eq!(seen.borrow().rearms, 1);
        assert!(connection.status_before_lines().unwrap().ok);
        assert_eq!(seen.borrow().rearms, 2);
        while connection.line().unwrap().is_some() {}
        assert_eq!(seen.borrow().rearms, 3 + 5003 / 1024);
        assert_eq!(seen.borrow().writes, 1);
    }

    #[test]
    fn lines_end_at_the_termination_octet() {
        for piece in [1, 2, 5, 99] {
            let script = Script::new()
                .expect("LIST\r\n")
                .send("+OK\r\na\r\n..\r\n.b\n\r\n.\r\n-ERR next\r\n")
                .in_pieces(piece);
            let mut connection = Connection::new(script, false);
            connection.command(&Command::List).unwrap();
            connection.status_before_lines().unwrap();
            for line in ["a", ".", "b", ""] {
                assert_eq!(connection.line().unwrap(), Some(line.as_bytes()));
            }
            assert_eq!(connection.line().unwrap(), None);
            assert!(connection.settled());
        }
    }

    #[test]
    fn an_echoed_secret_is_masked() {
        let password = Secret::new("hunter2".to_owned());
        let cases = [
            (
                "-ERR unknown: PASS hunter2, hunter2\r\n",
                "unknown: PASS ****, ****",
            ),
            ("PASS hunt\r\n", "****"),
        ];
        for (reply, shown) in cases {
            let script = Script::new().expect("PASS hunter2\r\n").send(reply);
            let seen = script.seen();
            let mut connection = Connection::new(script, false);
            let text = match connection.ask(&Command::Pass(&password)) {
                Ok(status) => status.reply.text,
                Err(Error::Protocol { line, .. }) => line,
                Err(error) => panic!("{error}"),
            };
            assert_eq!(String::from_utf8_lossy(&text), shown);
            assert!(!seen.borrow().log.contains("hunter2"));
            assert!(seen.borrow().log.starts_with("C: PASS ****\n"));
            assert!(!format!("{connection:?}").contains("hunter2"));
        }
    }
}
