use super::MessageNumber;
use super::capability::Capabilities;
use super::command::Command;
use super::connection::Connection;
use super::error::Error;
use super::listing::{Join, Listing, decimal};
use super::reply::Reply;
use super::retrieval::{AHEAD, Retrieval, Window};
use super::wire::Wire;

/// A session after login: the TRANSACTION state (RFC 1939 section 5).
#[derive(Debug)]
pub struct Transaction<S> {
    pub(super) connection: Connection<S>,
    capabilities: Capabilities,
}

/// Whether commands may be sent ahead of their replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pipelining {
    /// As CAPA says.
    #[default]
    Auto,
    /// Always, after login.
    On,
    /// Never.
    Off,
}

/// What QUIT brought (RFC 1939 section 6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// +OK: deletions are done.
    Done,
    /// -ERR: some deletions may not have been.
    Refused(Reply),
}

impl<S: Wire> Transaction<S> {
    pub(super) fn new(connection: Connection<S>, capabilities: Capabilities) -> Self {
        Self {
            connection,
            capabilities,
        }
    }

    /// CAPA on its own: what the server shows after login.
    ///
    /// # Errors
    /// A connection that ends, or an answer that is none.
    pub fn capa(&mut self) -> Result<&Capabilities, Error> {
        self.connection.ready()?;
        self.connection.command(&Command::Capa)?;
        Self::learn(&mut self.connection, &mut self.capabilities)?;
        Ok(&self.capabilities)
    }

    /// CAPA (unless `capa` is false), UIDL and LIST: in one write where `ahead` allows, else one after the other.
    /// Afterwards [`Transaction::capabilities`] are those of after the login, where asked.
    ///
    /// A refused or missing UIDL is no error (`has_uids` is false); UIDL is not sent where known capabilities lack it.
    /// Listings that differ in length are joined by number; messages that came between the two
    /// are left to the next session. Doubled numbers, numbers of 0 and lines that are none are errors.
    ///
    /// # Errors
    /// A listing that is none; [`Error::Refused`] when both UIDL and LIST are refused though there are messages.
    pub fn listing(&mut self, ahead: bool, capa: bool) -> Result<Listing, Error> {
        let connection = &mut self.connection;
        connection.ready()?;
        // Some servers show UIDL only after login: where it was not to be seen before, the answer is awaited.
        let capa_ahead = ahead && !self.capabilities.lack_uidl();
        if capa {
            connection.command(&Command::Capa)?;
            if !capa_ahead {
                Self::learn(connection, &mut self.capabilities)?;
            }
        }
        let uidl = !self.capabilities.lack_uidl();
        if uidl {
            connection.command(&Command::Uidl)?;
        }
        if ahead {
            connection.command(&Command::List)?;
        }
        if capa && capa_ahead {
            Self::learn(connection, &mut self.capabilities)?;
        }
        let mut join = Join::default();
        let has_uids = uidl && join.uidl(connection)?;
        if !ahead {
            connection.command(&Command::List)?;
        }
        match join.list(connection)?.accept("LIST") {
            // Both refused: nothing to fetch is believed only when STAT says so too.
            Err(refused) if !has_uids && self.stat()?.0 > 0 => Err(refused),
            _ => join.finish(),
        }
    }

    /// Capabilities: after login where asked and told there, else before.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// STAT: messages and octets. Octets that are no number (some servers go below 0) are 0.
    ///
    /// # Errors
    /// Refused, or no number of messages in the reply.
    pub fn stat(&mut self) -> Result<(u64, u64), Error> {
        let reply = self.connection.ask(&Command::Stat)?.accept("STAT")?;
        let mut words = reply
            .text
            .split(|octet| octet.is_ascii_whitespace())
            .filter(|word| !word.is_empty());
        let Some(messages) = words.next().and_then(decimal) else {
            return Err(Error::protocol(
                "the server's reply to STAT holds no number of messages",
                &reply.text,
            ));
        };
        Ok((messages, words.next().and_then(decimal).unwrap_or(0)))
    }

    /// The connection below.
    pub fn wire(&mut self) -> &mut S {
        self.connection.wire_mut()
    }

    /// RETR of these messages (number, octets by LIST) through a window, in this order. Replies come by [`Retrieval::next`].
    pub fn retrieve(
        &mut self,
        wanted: Vec<(MessageNumber, Option<u64>)>,
        window: Window,
    ) -> Retrieval<'_, S> {
        Retrieval::new(&mut self.connection, Command::Retr, wanted, window)
    }

    /// TOP n 0 of these messages through a window, in this order. Headers count nothing against the window's octets.
    pub fn headers(&mut self, wanted: Vec<MessageNumber>, window: Window) -> Retrieval<'_, S> {
        let wanted = wanted.into_iter().map(|number| (number, Some(0))).collect();
        Retrieval::new(&mut self.connection, Command::Top, wanted, window)
    }

    /// DELE of these and QUIT; in one write when `ahead`, in several when they are very many.
    /// Gives QUIT's outcome and each DELE that was refused.
    ///
    /// # Errors
    /// A connection that ends before QUIT's +OK: no deletion is confirmed.
    pub fn delete_and_quit(
        mut self,
        numbers: &[MessageNumber],
        ahead: bool,
    ) -> Result<(Update, Vec<(MessageNumber, Reply)>), Error> {
        let connection = &mut self.connection;
        connection.ready()?;
        let (window, ahead_of_quit) = if ahead {
            (AHEAD, numbers.len() + 1)
        } else {
            (1, numbers.len())
        };
        let command = |index: usize| {
            numbers
                .get(index)
                .map_or(Command::Quit, |n| Command::Dele(*n))
        };
        let mut refused = Vec::new();
        let mut sent = 0;
        for (answered, number) in numbers.iter().enumerate() {
            if sent - answered <= window / 2 {
                let until = ahead_of_quit.min(answered + window);
                for index in sent..until {
                    connection.command(&command(index))?;
                }
                sent = until;
            }
            let status = connection.status()?;
            if !status.ok {
                refused.push((*number, status.reply));
            }
        }
        if sent == numbers.len() {
            connection.command(&Command::Quit)?;
        }
        let status = connection.status()?;
        // Then one of the replies was nobody's, and the one just read may be a DELE's.
        if connection.buffered() {
            return Err(Error::protocol(
                "the server sent more replies than there were commands, so no deletion is certain",
                connection.unread(),
            ));
        }
        let update = if status.ok {
            Update::Done
        } else {
            Update::Refused(status.reply)
        };
        Ok((update, refused))
    }

    /// NOOP.
    ///
    /// # Errors
    /// Refused, or the socket's trouble.
    pub fn noop(&mut self) -> Result<(), Error> {
        self.connection.ask(&Command::Noop)?.accept("NOOP")?;
        Ok(())
    }

    /// RSET: DELEs of this session undone.
    ///
    /// # Errors
    /// Refused, or the socket's trouble.
    pub fn rset(&mut self) -> Result<(), Error> {
        self.connection.ask(&Command::Rset)?.accept("RSET")?;
        Ok(())
    }

    /// Closes without QUIT: nothing is deleted.
    pub fn close(self) {}

    /// Reads CAPA's reply. Where it is refused now, what was said before the login still counts.
    fn learn(connection: &mut Connection<S>, known: &mut Capabilities) -> Result<(), Error> {
        let capabilities = Capabilities::read(connection)?;
        if capabilities.known {
            *known = capabilities;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io;

    use super::super::retrieval::UNREAD;
    use super::*;
    use crate::pop3::maildrop::Maildrop;
    use crate::pop3::script::Script;

    fn after_login<S: Wire>(wire: S, capabilities: Capabilities) -> Transaction<S> {
        Transaction::new(Connection::new(wire, false), capabilities)
    }

    fn unknown(script: Script) -> Transaction<Script> {
        after_login(script, Capabilities::default())
    }

    /// Capabilities as read from these lines.
    fn listing(lines: &[&str]) -> Capabilities {
        let reply = lines.iter().fold("+OK\r\n".to_owned(), |reply, line| {
            format!("{reply}{line}\r\n")
        });
        let script = Script::new().expect("CAPA\r\n").send(reply + ".\r\n");
        let mut connection = Connection::new(script, false);
        connection.command(&Command::Capa).unwrap();
        Capabilities::read(&mut connection).unwrap()
    }

    const CAPA: &str = "+OK\r\nTOP\r\nUIDL\r\n.\r\n";
    const UIDL: &str = "+OK\r\n1 a\r\n2 b\r\n.\r\n";
    const LIST: &str = "+OK 2 messages:\r\n1 10\r\n2 20\r\n.\r\n";

    #[test]
    fn all_three_in_one_write() {
        let script = Script::new()
            .expect("CAPA\r\nUIDL\r\nLIST\r\n")
            .send(CAPA)
            .send(UIDL)
            .send(LIST);
        let seen = script.seen();
        let mut transaction = unknown(script);
        let maildrop = transaction.listing(true, true).unwrap();
        assert_eq!((maildrop.len(), maildrop.has_uids), (2, true));
        assert!(transaction.capabilities().top);
        assert_eq!(seen.borrow().writes, 1);
    }

    #[test]
    fn one_after_the_other() {
        let script = Script::new()
            .expect("CAPA\r\n")
            .send(CAPA)
            .expect("UIDL\r\n")
            .send(UIDL)
            .expect("LIST\r\n")
            .send(LIST);
        let seen = script.seen();
        assert_eq!(unknown(script).listing(false, true).unwrap().len(), 2);
        assert_eq!(seen.borrow().writes, 3);
    }

    #[test]
    fn uidl_is_sent_unless_known_to_be_missing() {
        let lacking = listing(&["TOP", "USER"]);
        // Not seen before login: the answer of after it decides.
        let script = Script::new()
            .expect("CAPA\r\n")
            .send(CAPA)
            .expect("UIDL\r\nLIST\r\n")
            .send(UIDL)
            .send(LIST);
        let maildrop = after_login(script, lacking.clone()).listing(true, true);
        assert!(maildrop.unwrap().has_uids);
        // Neither then, or not asked again.
        for capa in [true, false] {
            for ahead in [true, false] {
                let script = match capa {
                    true => Script::new().expect("CAPA\r\n").send("+OK\r\nTOP\r\n.\r\n"),
                    false => Script::new(),
                };
                let script = script.expect("LIST\r\n").send(LIST);
                let maildrop = after_login(script, lacking.clone())
                    .listing(ahead, capa)
                    .unwrap();
                assert!(!maildrop.has_uids);
                assert_eq!(maildrop.get(0).unwrap().octets, Some(10));
                assert_eq!(maildrop.get(0).unwrap().uid, None);
            }
        }
        // Nothing known, or an empty list.
        for capabilities in [Capabilities::default(), listing(&[])] {
            let script = Script::new()
                .expect("UIDL\r\nLIST\r\n")
                .send(UIDL)
                .send(LIST);
            let maildrop = after_login(script, capabilities).listing(true, false);
            assert!(maildrop.unwrap().has_uids);
        }
    }

    #[test]
    fn capa_refused_after_login_leaves_what_was_known() {
        let known = listing(&["TOP", "UIDL", "PIPELINING"]);
        let script = Script::new()
            .expect("CAPA\r\nUIDL\r\nLIST\r\n")
            .send("-ERR\r\n")
            .send(UIDL)
            .send(LIST);
        let mut transaction = after_login(script, known.clone());
        assert_eq!(transaction.listing(true, true).unwrap().len(), 2);
        assert_eq!(transaction.capabilities(), &known);
    }

    #[test]
    fn uidl_or_list_refused() {
        let script = Script::new()
            .expect("UIDL\r\nLIST\r\n")
            .send("-ERR what?\r\n")
            .send(LIST);
        let maildrop = unknown(script).listing(true, false).unwrap();
        assert!(!maildrop.has_uids);
        assert_eq!(maildrop.len(), 2);

        let script = Script::new()
            .expect("UIDL\r\nLIST\r\n")
            .send(UIDL)
            .send("-ERR what?\r\n");
        let maildrop = unknown(script).listing(true, false).unwrap();
        assert_eq!(maildrop.get(1).unwrap().uid, Some(&b"b"[..]));
        assert_eq!(maildrop.get(1).unwrap().octets, None);
    }

    #[test]
    fn both_refused_is_empty_only_when_stat_says_so() {
        for (stat, empty) in [("+OK 0 0\r\n", true), ("+OK 3 500\r\n", false)] {
            let script = Script::new()
                .expect("UIDL\r\nLIST\r\n")
                .send("-ERR\r\n-ERR no\r\n")
                .expect("STAT\r\n")
                .send(stat);
            match unknown(script).listing(true, false) {
                Ok(maildrop) => assert!(empty && maildrop.is_empty()),
                Err(Error::Refused { command, reply }) => {
                    assert!(!empty);
                    assert_eq!((command, reply.text.as_slice()), ("LIST", &b"no"[..]));
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[test]
    fn a_breach_in_a_listing_ends_the_session() {
        let script = Script::new()
            .expect("UIDL\r\nLIST\r\n")
            .send("+OK\r\n1 a\r\noops\r\n.\r\n+OK\r\n.\r\n");
        let mut transaction = unknown(script);
        let error = transaction.listing(true, false).unwrap_err();
        assert!(matches!(error, Error::Protocol { line, .. } if line == b"oops"));
        assert!(matches!(transaction.noop(), Err(Error::Protocol { .. })));
        assert!(transaction.delete_and_quit(&[1], true).is_err());
    }

    #[test]
    fn stat() {
        for (reply, expected) in [
            ("+OK 2 320\r\n", Some((2, 320))),
            ("+OK 2 320 more words\r\n", Some((2, 320))),
            ("+OK  0  0\r\n", Some((0, 0))),
            ("+OK 1 -1\r\n", Some((1, 0))),
            ("+OK 1\r\n", Some((1, 0))),
            // Nothing is made to measure of it.
            ("+OK 18446744073709551615 1\r\n", Some((u64::MAX, 1))),
            ("+OK\r\n", None),
            ("+OK -1 5\r\n", None),
            ("+OK many\r\n", None),
            ("-ERR\r\n", None),
        ] {
            let script = Script::new().expect("STAT\r\n").send(reply);
            assert_eq!(unknown(script).stat().ok(), expected, "{reply:?}");
        }
    }

    #[test]
    fn noop_and_rset() {
        let script = Script::new()
            .expect("NOOP\r\n")
            .send("+OK\r\n")
            .expect("RSET\r\n")
            .send("-ERR no\r\n");
        let mut transaction = unknown(script);
        transaction.noop().unwrap();
        assert!(matches!(
            transaction.rset(),
            Err(Error::Refused {
                command: "RSET",
                ..
            })
        ));
    }

    #[test]
    fn deletions_and_quit_in_one_write() {
        let script = Script::new()
            .expect("DELE 1\r\nDELE 3\r\nDELE 4\r\nQUIT\r\n")
            .send("+OK\r\n-ERR no such message\r\n+OK\r\n+OK bye\r\n");
        let seen = script.seen();
        let (update, refused) = unknown(script).delete_and_quit(&[1, 3, 4], true).unwrap();
        assert_eq!(update, Update::Done);
        assert_eq!(refused.len(), 1);
        assert_eq!(refused[0].0, 3);
        assert_eq!(refused[0].1.text, b"no such message");
        assert_eq!(seen.borrow().writes, 1);
    }

    #[test]
    fn deletions_one_after_the_other() {
        let script = Script::new()
            .expect("DELE 1\r\n")
            .send("+OK\r\n")
            .expect("DELE 2\r\n")
            .send("+OK\r\n")
            .expect("QUIT\r\n")
            .send("-ERR some deleted messages not removed\r\n");
        let (update, refused) = unknown(script).delete_and_quit(&[1, 2], false).unwrap();
        assert!(matches!(update, Update::Refused(reply) if reply.text.starts_with(b"some")));
        assert!(refused.is_empty());
    }

    #[test]
    fn quit_alone() {
        for ahead in [true, false] {
            let script = Script::new().expect("QUIT\r\n").send("+OK\r\n");
            let (update, _) = unknown(script).delete_and_quit(&[], ahead).unwrap();
            assert_eq!(update, Update::Done);
        }
    }

    #[test]
    fn no_answer_to_quit_confirms_nothing() {
        for reply in ["+OK\r\n", "+OK\r\n+OK", ""] {
            let script = Script::new().expect("DELE 1\r\nQUIT\r\n");
            let script = if reply.is_empty() {
                script
            } else {
                script.send(reply)
            };
            let error = unknown(script).delete_and_quit(&[1], true).unwrap_err();
            assert!(
                matches!(error, Error::Io(io) if io.kind() == io::ErrorKind::UnexpectedEof),
                "{reply:?}"
            );
        }
        // One reply too many: the one read for QUIT's is a DELE's.
        let script = Script::new()
            .expect("DELE 1\r\nQUIT\r\n")
            .send("+OK stale\r\n+OK deleted\r\n-ERR not removed\r\n");
        let error = unknown(script).delete_and_quit(&[1], true).unwrap_err();
        assert!(matches!(error, Error::Protocol { .. }));
    }

    #[test]
    fn very_many_deletions_never_fill_the_sockets() {
        for (count, ahead) in [(100_000, true), (500, false)] {
            let server = Maildrop::new(vec![Some(Vec::new()); count], 16 * 1024);
            let tally = server.tally();
            let numbers: Vec<u32> = (1..=count as u32).collect();
            let transaction = after_login(server, Capabilities::default());
            let (update, refused) = transaction.delete_and_quit(&numbers, ahead).unwrap();
            assert_eq!(update, Update::Done);
            assert!(refused.is_empty());
            let tally = tally.borrow();
            assert!(tally.quit);
            assert_eq!(tally.deleted, (1..=count).collect::<Vec<_>>());
            assert!(tally.most_octets <= UNREAD, "{}", tally.most_octets);
            assert!(if ahead {
                tally.writes <= count / 100 + 1
            } else {
                tally.most == 1
            });
        }
    }
}
