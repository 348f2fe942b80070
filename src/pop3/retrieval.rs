use super::MessageNumber;
use super::command::Command;
use super::connection::Connection;
use super::error::Error;
use super::reply::Reply;
use super::stuffing::Unstuffing;
use super::wire::Wire;

/// Commands ahead of their replies at most, whatever the window says.
///
/// A server that waits for us to read its replies does not read commands. Ours must fit into the sockets' buffers
/// then, or both sides would wait for ever: so many commands of at most 18 octets are less than
/// [`UNREAD`], for which a [`Wire`] has room.
pub(super) const AHEAD: usize = 1000;

/// Octets that a wire must take without waiting, though the server reads none of them.
pub const UNREAD: usize = 18 * AHEAD;

/// The window's bounds.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Commands in flight at most; 1 without pipelining. More than 1000 count as 1000.
    pub commands: usize,
    /// Octets (by scan listing) in flight at most; one message always goes, and one without a size goes alone.
    pub octets: u64,
}

/// Messages on their way in, replies to one window of commands.
///
/// Dropped before its end, the session can only be closed: replies are outstanding.
#[derive(Debug)]
pub struct Retrieval<'t, S> {
    connection: &'t mut Connection<S>,
    command: fn(MessageNumber) -> Command<'static>,
    window: Window,
    wanted: Vec<(MessageNumber, Option<u64>)>,
    /// How many of the wanted were asked for.
    sent: usize,
    /// How many replies were read to their end.
    answered: usize,
    /// Octets of the listing between the two.
    in_flight: u128,
    /// The reply in hand, of which the status line was read.
    body: Option<Unstuffing>,
    octets: u64,
    /// Nothing can be expected of the connection any more.
    broken: bool,
}

/// One reply of a [`Retrieval`].
#[derive(Debug)]
pub enum Incoming {
    /// +OK: the message follows, by [`Retrieval::piece`] until it gives `None`.
    Message(MessageNumber),
    /// -ERR: this one cannot be had; the queue goes on. If the connection ends next, the -ERR was most likely about
    /// that, an idle timeout say, and not about the message.
    Refused(MessageNumber, Reply),
}

impl<'t, S: Wire> Retrieval<'t, S> {
    pub(super) fn new(
        connection: &'t mut Connection<S>,
        command: fn(MessageNumber) -> Command<'static>,
        wanted: Vec<(MessageNumber, Option<u64>)>,
        window: Window,
    ) -> Self {
        Self {
            connection,
            command,
            window: Window {
                commands: window.commands.clamp(1, AHEAD),
                ..window
            },
            wanted,
            sent: 0,
            answered: 0,
            in_flight: 0,
            body: None,
            octets: 0,
            broken: false,
        }
    }

    /// The next reply, after what is left of the message in hand was read over; `None` when all have come,
    /// or after an error.
    /// Sends further commands as the window allows.
    #[expect(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<Result<Incoming, Error>> {
        if self.broken {
            return None;
        }
        let incoming = self.advance();
        self.broken = incoming.is_err();
        incoming.transpose()
    }

    /// The next piece of the message in hand: byte-stuffing taken out, CRLF turned into LF, all else as sent;
    /// `None` at the termination octet. Ends only at CRLF "." CRLF (RFC 1939 section 3).
    ///
    /// # Errors
    /// An end of stream inside the message.
    pub fn piece(&mut self) -> Result<Option<&[u8]>, Error> {
        while let Some(body) = &mut self.body {
            let step = body.step(self.connection.unread_mut());
            let piece = self.connection.consume(step.used, step.kept);
            self.octets += step.octets;
            if step.ended {
                self.body = None;
                self.connection.lines_ended();
                self.answer();
            }
            if !piece.is_empty() {
                return Ok(Some(self.connection.at(piece)));
            }
            if !step.ended {
                self.broken = true;
                self.connection.fill(true)?;
                self.broken = false;
            }
        }
        Ok(None)
    }

    /// Octets of the message in hand received so far as RFC 1939 counts them (CRLF, byte-stuffing not counted).
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// Sends the commands that the window has room for, without awaiting their replies. [`Retrieval::next`] does it too;
    /// before it there may be something to do while the replies travel.
    ///
    /// # Errors
    /// The socket's trouble.
    pub fn ask(&mut self) -> Result<(), Error> {
        if self.broken || self.body.is_some() {
            return Ok(());
        }
        let asked = self.refill().and_then(|()| self.connection.send());
        self.broken = asked.is_err();
        asked
    }

    /// Sends no further command; those in flight still have to be read.
    pub fn stop(&mut self) {
        self.wanted.truncate(self.sent);
    }

    /// No command is in flight and no message in hand.
    pub fn idle(&self) -> bool {
        self.connection.settled()
    }

    /// Whether octets wait in the session's own buffer.
    pub fn buffered(&self) -> bool {
        self.connection.buffered()
    }

    /// More was asked for, and nothing of it waits in the session's own buffer.
    pub fn awaits_more(&self) -> bool {
        !self.idle() && !self.buffered()
    }

    /// The connection below.
    pub fn wire(&mut self) -> &mut S {
        self.connection.wire_mut()
    }

    fn advance(&mut self) -> Result<Option<Incoming>, Error> {
        if self.sent == 0 {
            self.connection.ready()?;
        }
        while self.piece()?.is_some() {}
        self.refill()?;
        if self.answered == self.sent {
            return Ok(None);
        }
        let number = self.wanted[self.answered].0;
        self.octets = 0;
        let status = self.connection.status_before_lines()?;
        if status.ok {
            self.body = Some(Unstuffing::new());
            return Ok(Some(Incoming::Message(number)));
        }
        self.answer();
        Ok(Some(Incoming::Refused(number, status.reply)))
    }

    /// Sends commands when half of the window is empty, so that they go many in one write.
    fn refill(&mut self) -> Result<(), Error> {
        if self.sent - self.answered > self.window.commands / 2 {
            return Ok(());
        }
        while let Some((number, octets)) = self.wanted.get(self.sent) {
            let in_flight = self.in_flight + self.room(*octets);
            let alone = self.sent == self.answered;
            if self.sent - self.answered == self.window.commands
                || (in_flight > self.window.octets.into() && !alone)
            {
                break;
            }
            self.connection.command(&(self.command)(*number))?;
            self.in_flight = in_flight;
            self.sent += 1;
        }
        Ok(())
    }

    /// A reply was read to its end.
    fn answer(&mut self) {
        let octets = self.room(self.wanted[self.answered].1);
        self.in_flight -= octets;
        self.answered += 1;
    }

    /// What a message counts against the window's octets: without a size more than all, as it may be of any size.
    fn room(&self, octets: Option<u64>) -> u128 {
        octets.map_or(u128::from(self.window.octets) + 1, u128::from)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pop3::Error;
    use crate::pop3::maildrop::Maildrop;
    use crate::pop3::script::Script;

    const ONE: Window = Window {
        commands: 1,
        octets: u64::MAX,
    };
    const MANY: Window = Window {
        commands: 16,
        octets: u64::MAX,
    };

    fn retrieve<S: Wire>(
        connection: &mut Connection<S>,
        numbers: impl IntoIterator<Item = u32>,
        window: Window,
    ) -> Retrieval<'_, S> {
        let wanted = numbers.into_iter().map(|number| (number, None)).collect();
        Retrieval::new(connection, Command::Retr, wanted, window)
    }

    /// As [`retrieve`], with sizes.
    fn sized<S: Wire>(
        connection: &mut Connection<S>,
        numbers: impl IntoIterator<Item = u32>,
        window: Window,
    ) -> Retrieval<'_, S> {
        let wanted = numbers
            .into_iter()
            .map(|number| (number, Some(1)))
            .collect();
        Retrieval::new(connection, Command::Retr, wanted, window)
    }

    fn message<S: Wire>(retrieval: &mut Retrieval<'_, S>) -> Vec<u8> {
        let mut message = Vec::new();
        while let Some(piece) = retrieval.piece().unwrap() {
            assert!(!piece.is_empty());
            message.extend_from_slice(piece);
        }
        message
    }

    fn number(incoming: Option<Result<Incoming, Error>>) -> u32 {
        match incoming.unwrap().unwrap() {
            Incoming::Message(number) => number,
            Incoming::Refused(number, reply) => panic!("{number} refused: {reply:?}"),
        }
    }

    #[test]
    fn a_message_at_a_time() {
        for piece in [1, 3, 1000] {
            let script = Script::new()
                .expect("RETR 2\r\n")
                .send("+OK 6 octets\r\na\r\n..b\r\n.\r\n")
                .expect("RETR 5\r\n")
                .send("+OK\r\n.\r\n")
                .in_pieces(piece);
            let mut connection = Connection::new(script, false);
            let mut retrieval = retrieve(&mut connection, [2, 5], ONE);
            assert!(retrieval.idle());
            assert!(retrieval.piece().unwrap().is_none());
            assert_eq!(number(retrieval.next()), 2);
            assert!(!retrieval.idle());
            assert_eq!(message(&mut retrieval), b"a\n.b\n");
            assert_eq!(retrieval.octets(), 7);
            assert!(retrieval.idle() && !retrieval.buffered());
            assert_eq!(number(retrieval.next()), 5);
            assert_eq!(message(&mut retrieval), b"");
            assert_eq!(retrieval.octets(), 0);
            assert!(retrieval.next().is_none());
            assert!(retrieval.next().is_none());
        }
    }

    #[test]
    fn a_refused_message_does_not_stop_the_queue() {
        let script = Script::new()
            .expect("RETR 1\r\nRETR 2\r\nRETR 3\r\n")
            .send("+OK\r\n1\r\n.\r\n-ERR [SYS/TEMP] no\r\n+OK\r\n3\r\n.\r\n");
        let seen = script.seen();
        let mut connection = Connection::new(script, false);
        let mut retrieval = sized(&mut connection, 1..=3, MANY);
        assert_eq!(number(retrieval.next()), 1);
        // Not read by the caller: read over.
        assert!(matches!(
            retrieval.next(),
            Some(Ok(Incoming::Refused(2, _)))
        ));
        assert!(retrieval.buffered());
        assert_eq!(number(retrieval.next()), 3);
        assert_eq!(message(&mut retrieval), b"3\n");
        assert!(retrieval.next().is_none());
        assert_eq!(seen.borrow().writes, 1);
    }

    #[test]
    fn headers() {
        let script = Script::new()
            .expect("TOP 7 0\r\nTOP 8 0\r\n")
            .send("+OK\r\nSubject: x\r\n\r\n.\r\n-ERR\r\n");
        let capabilities = crate::pop3::Capabilities::default();
        let mut transaction =
            crate::pop3::Transaction::new(Connection::new(script, false), capabilities);
        let window = Window {
            commands: 9,
            octets: 0,
        };
        let mut retrieval = transaction.headers(vec![7, 8], window);
        assert_eq!(number(retrieval.next()), 7);
        assert_eq!(message(&mut retrieval), b"Subject: x\n\n");
        assert!(matches!(
            retrieval.next(),
            Some(Ok(Incoming::Refused(8, _)))
        ));
        assert!(retrieval.next().is_none());
    }

    #[test]
    fn an_end_of_stream_inside_a_message_is_never_its_end() {
        for reply in [
            "+OK\r\n",
            "+OK\r\na\r\n",
            "+OK\r\na\r\n.",
            "+OK\r\na\r\n.\r",
            "+OK\r\na\n.\n",
            "+OK\r\na\n.\r\n",
            "+OK\r\na\r\n..\r\n",
        ] {
            let script = Script::new().expect("RETR 1\r\n").send(reply);
            let mut connection = Connection::new(script, false);
            let mut retrieval = sized(&mut connection, [1, 2], ONE);
            assert_eq!(number(retrieval.next()), 1);
            let mut ended = false;
            for _ in 0..9 {
                match retrieval.piece() {
                    Ok(Some(_)) => assert!(!ended),
                    Ok(None) => panic!("{reply:?} taken for whole"),
                    Err(Error::Io(_)) => ended = true,
                    Err(error) => panic!("{error}"),
                }
            }
            assert!(ended && !retrieval.idle());
            assert!(retrieval.next().is_none());
        }
    }

    #[test]
    fn a_reply_that_stands_inside_a_message_is_part_of_it() {
        // What comes out of step is found at the next status line, not taken for a reply.
        let script = Script::new()
            .expect("RETR 1\r\nRETR 2\r\n")
            .send("+OK\r\na\r\n+OK done\r\n.\r\nb\r\n.\r\n");
        let mut connection = Connection::new(script, false);
        let mut retrieval = sized(&mut connection, [1, 2], MANY);
        assert_eq!(number(retrieval.next()), 1);
        assert_eq!(message(&mut retrieval), b"a\n+OK done\n");
        assert!(matches!(
            retrieval.next(),
            Some(Err(Error::Protocol { .. }))
        ));
        assert!(retrieval.next().is_none());
    }

    #[test]
    fn stopped_it_reads_what_is_in_flight() {
        let server = Maildrop::new(vec![Some(b"x\r\n.\r\n".to_vec()); 50], 5);
        let tally = server.tally();
        let mut connection = Connection::new(server, false);
        let mut retrieval = sized(&mut connection, 1..=50, MANY);
        assert_eq!(number(retrieval.next()), 1);
        retrieval.stop();
        for expected in 2..=16 {
            assert_eq!(number(retrieval.next()), expected);
        }
        assert!(retrieval.next().is_none());
        assert!(retrieval.idle());
        assert_eq!(tally.borrow().windows.len(), 16);
        // The session can go on.
        assert!(connection.ready().is_ok());
    }

    #[test]
    fn dropped_before_its_end_it_ends_the_session() {
        let server = Maildrop::new(vec![Some(b"+OK\r\n.\r\n".to_vec()); 3], 5);
        let mut connection = Connection::new(server, false);
        let mut retrieval = sized(&mut connection, 1..=3, MANY);
        assert_eq!(number(retrieval.next()), 1);
        drop(retrieval);
        assert!(connection.ask(&Command::Quit).is_err());
        let mut again = sized(&mut connection, 1..=3, MANY);
        assert!(matches!(again.next(), Some(Err(Error::Protocol { .. }))));
        assert!(again.next().is_none());
    }

    #[test]
    fn commands_go_many_in_one_write() {
        let server = Maildrop::new(vec![Some(b"x\r\n.\r\n".to_vec()); 5000], 4096);
        let tally = server.tally();
        let mut connection = Connection::new(server, false);
        let window = Window {
            commands: usize::MAX,
            octets: u64::MAX,
        };
        let mut retrieval = sized(&mut connection, 1..=5000, window);
        let mut messages = 0;
        while let Some(incoming) = retrieval.next() {
            incoming.unwrap();
            messages += 1;
        }
        assert_eq!(messages, 5000);
        assert!(tally.borrow().most_octets <= UNREAD);
        assert!(tally.borrow().writes <= 10, "{}", tally.borrow().writes);
    }

    #[test]
    fn a_message_without_a_size_goes_alone() {
        let server = Maildrop::new(vec![Some(b"x\r\n.\r\n".to_vec()); 9], 4096);
        let tally = server.tally();
        let mut connection = Connection::new(server, false);
        let mut retrieval = retrieve(&mut connection, 1..=9, MANY);
        while let Some(incoming) = retrieval.next() {
            incoming.unwrap();
        }
        assert_eq!(tally.borrow().most, 1);
    }

    proptest! {
        #[test]
        fn whole_in_order_and_within_the_window(
            drop in proptest::collection::vec(
                (proptest::option::of("[a-z.\n]{0,300}"), proptest::option::of(0u64..500)),
                1..60,
            ),
            commands in 0usize..20,
            octets in 0u64..1000,
            piece in 1usize..700,
        ) {
            let on_the_wire = |text: &Option<String>| {
                let text = text.as_deref()?;
                let mut wire = String::new();
                for line in text.lines() {
                    let dot = if line.starts_with('.') { "." } else { "" };
                    wire.push_str(&format!("{dot}{line}\r\n"));
                }
                Some(format!("{wire}.\r\n").into_bytes())
            };
            let messages = drop.iter().map(|(text, _)| on_the_wire(text)).collect();
            let server = Maildrop::new(messages, piece);
            let tally = server.tally();
            let mut connection = Connection::new(server, false);
            let wanted = drop.iter().zip(1..).map(|((_, size), number)| (number, *size)).collect();
            let window = Window { commands, octets };
            let mut retrieval = Retrieval::new(&mut connection, Command::Retr, wanted, window);
            for ((text, _), expected) in drop.iter().zip(1..) {
                match (text, retrieval.next().unwrap().unwrap()) {
                    (Some(text), Incoming::Message(number)) => {
                        prop_assert_eq!(number, expected);
                        let mut lines = text.lines().collect::<Vec<_>>().join("\n");
                        if !lines.is_empty() || text.lines().count() > 0 {
                            lines.push('\n');
                        }
                        prop_assert_eq!(message(&mut retrieval), lines.as_bytes());
                        let crlf = text.lines().count();
                        prop_assert_eq!(retrieval.octets(), (lines.len() + crlf) as u64);
                    }
                    (None, Incoming::Refused(number, _)) => prop_assert_eq!(number, expected),
                    (_, incoming) => prop_assert!(false, "{:?}", incoming),
                }
            }
            prop_assert!(retrieval.next().is_none());
            prop_assert!(retrieval.idle());
            for window in &tally.borrow().windows {
                prop_assert!(window.len() <= commands.max(1));
                let sum: u64 = window.iter().map(|n| drop[n - 1].1.unwrap_or(octets)).sum();
                prop_assert!(window.len() == 1 || sum <= octets);
            }
        }
    }
}
