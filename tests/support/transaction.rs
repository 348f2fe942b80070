//! The honest server's TRANSACTION and UPDATE states (RFC 1939 sections 5 to 7).

use std::collections::HashSet;
use std::thread;
use std::time::Duration;

use super::maildrop::{Message, stuff};
use super::server::End;
use super::session::{Handled, OUTPUT_MAX, Session};
use super::settings::Quit;

/// A maildrop in the TRANSACTION state.
pub(super) struct Open {
    pub(super) user: String,
    messages: Vec<Entry>,
}

struct Entry {
    message: Message,
    deleted: bool,
    /// RETRd, or asked for by TOP where that counts.
    retrieved: bool,
}

impl Open {
    pub(super) fn new(user: &str, messages: &[Message]) -> Self {
        let fresh = |message: &Message| Entry {
            message: message.clone(),
            deleted: false,
            retrieved: false,
        };
        Self {
            user: user.to_owned(),
            messages: messages.iter().map(fresh).collect(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }
}

impl Session {
    /// The message an argument names, unless it is not there or deleted.
    fn entry(&mut self, argument: &str) -> Option<(usize, &mut Entry)> {
        let number: usize = argument.parse().ok()?;
        let entry = self
            .open
            .as_mut()?
            .messages
            .get_mut(number.checked_sub(1)?)?;
        (!entry.deleted).then_some((number, entry))
    }

    /// A line for each message that is not deleted.
    fn listing(&self, show: impl Fn(&Message) -> Vec<u8>) -> Vec<(usize, Vec<u8>)> {
        let entries = self.open.iter().flat_map(|open| &open.messages);
        (1..)
            .zip(entries)
            .filter(|(_, entry)| !entry.deleted)
            .map(|(number, entry)| (number, show(&entry.message)))
            .collect()
    }

    pub(super) fn stat(&mut self) {
        let entries = self.open.iter().flat_map(|open| &open.messages);
        let (count, octets) = entries
            .filter(|entry| !entry.deleted)
            .fold((0, 0), |(count, octets), entry| {
                (count + 1, octets + entry.message.octets())
            });
        self.put(&format!("+OK {count} {octets}"));
    }

    pub(super) fn list(&mut self, argument: &str) {
        self.answer_listing(argument, |message| {
            let size = message.faults.listed_size.clone();
            size.unwrap_or_else(|| message.octets().to_string())
                .into_bytes()
        });
    }

    pub(super) fn uidl(&mut self, argument: &str) {
        self.answer_listing(argument, |message| message.uid.clone());
    }

    fn answer_listing(&mut self, argument: &str, show: impl Fn(&Message) -> Vec<u8>) {
        if !argument.is_empty() {
            let line = self
                .entry(argument)
                .map(|(number, entry)| (number, show(&entry.message)));
            match line {
                Some((number, shown)) => {
                    let shown = String::from_utf8_lossy(&shown).into_owned();
                    self.put(&format!("+OK {number} {shown}"));
                }
                None => self.put("-ERR no such message"),
            }
            return;
        }
        let lines = self.listing(show);
        self.put(&format!("+OK {} messages", lines.len()));
        for (number, shown) in lines {
            self.output
                .extend_from_slice(format!("{number} ").as_bytes());
            self.output.extend_from_slice(&shown);
            self.output.extend_from_slice(b"\r\n");
        }
        self.output.extend_from_slice(b".\r\n");
    }

    pub(super) fn retr(&mut self, argument: &str) -> Handled {
        let Some((number, entry)) = self.entry(argument) else {
            self.put("-ERR no such message");
            return Ok(());
        };
        let message = entry.message.clone();
        if let Some(refusal) = &message.faults.refuse_retr {
            self.put(refusal);
            return Ok(());
        }
        entry.retrieved = true;
        self.put(&format!("+OK {} octets", message.octets()));
        let faults = &message.faults;
        let limit = [faults.cut_at, faults.reset_at, faults.hang_at]
            .into_iter()
            .flatten()
            .min();
        let mut left = limit.unwrap_or(u64::MAX);
        let mut sent = Ok(());
        message.stuffed(&mut |piece| {
            let piece = &piece[..piece.len().min(left as usize)];
            left -= piece.len() as u64;
            self.output.extend_from_slice(piece);
            if self.output.len() >= OUTPUT_MAX {
                sent = self.flush();
            }
            left > 0 && sent.is_ok()
        });
        sent?;
        if limit.is_some() {
            self.flush()?;
            return Err(self.fail(&message));
        }
        if self.settings.corrupts_retr {
            self.corrupt()?;
        }
        self.output.extend_from_slice(b".\r\n");
        self.log(|log| log.retrieved.push(number));
        Ok(())
    }

    /// Ends the session inside a message.
    fn fail(&mut self, message: &Message) -> End {
        if message.faults.hang_at.is_some() {
            while !self.shared.is_ending() && !matches!(self.line(false), Err(End::Left)) {}
            return End::Left;
        }
        match self.connection.take() {
            Some(connection) if message.faults.reset_at.is_some() => {
                // A reset overtakes what the client has not read yet.
                thread::sleep(Duration::from_millis(100));
                connection.reset();
            }
            Some(connection) => connection.cut(),
            None => {}
        }
        End::Cut
    }

    /// Answers a command of another kind that came with RETR: inside the message.
    fn corrupt(&mut self) -> Handled {
        let other = self.input.windows(2).any(|end| end == b"\r\n")
            && !self.input.to_ascii_uppercase().starts_with(b"RETR ");
        if other && let Some(line) = self.buffered_line(false) {
            return self.handle(&line);
        }
        Ok(())
    }

    pub(super) fn top(&mut self, arguments: &str) {
        let counts = self.settings.topped_expires;
        let (number, lines) = arguments.split_once(' ').unwrap_or((arguments, ""));
        let (Ok(lines), Some((_, entry))) = (lines.parse(), self.entry(number)) else {
            self.put("-ERR no such message");
            return;
        };
        entry.retrieved |= counts;
        let message = entry.message.clone();
        if let Some(refusal) = &message.faults.refuse_top {
            self.put(refusal);
            return;
        }
        self.put("+OK top of message follows");
        self.output.extend_from_slice(&stuff(&message.top(lines)));
        self.output.extend_from_slice(b".\r\n");
    }

    pub(super) fn dele(&mut self, argument: &str) {
        let reply = match self.entry(argument) {
            None => "-ERR no such message".to_owned(),
            Some((_, entry)) => match &entry.message.faults.refuse_dele {
                Some(refusal) => refusal.clone(),
                None => {
                    entry.deleted = true;
                    "+OK".to_owned()
                }
            },
        };
        self.put(&reply);
    }

    pub(super) fn rset(&mut self) {
        for entry in self.open.iter_mut().flat_map(|open| &mut open.messages) {
            entry.deleted = false;
        }
        self.put("+OK");
    }

    /// The UPDATE state (RFC 1939 section 6).
    pub(super) fn quit(&mut self) -> Handled {
        let Some(open) = &self.open else {
            self.put("+OK");
            self.flush()?;
            return Err(End::Quit);
        };
        let quit = self.settings.quit.clone();
        if matches!(quit, Quit::Done | Quit::DoneUnanswered) {
            let expires = self.settings.retrieved_expires;
            let goes = |entry: &&Entry| entry.deleted || expires && entry.retrieved;
            let gone: Vec<&Message> = (open.messages.iter().filter(goes))
                .map(|entry| &entry.message)
                .collect();
            let keys: HashSet<u64> = gone.iter().map(|message| message.key).collect();
            let uids = gone
                .iter()
                .map(|message| String::from_utf8_lossy(&message.uid).into_owned());
            self.log(|log| log.removed = uids.collect());
            let mut state = self.shared.lock();
            if let Some(user) = state.users.get_mut(&open.user) {
                user.maildrop.remove(&keys);
            }
        }
        match quit {
            Quit::Done => self.put("+OK"),
            Quit::Refused(reply) => self.put(&reply),
            Quit::Lost | Quit::DoneUnanswered => {
                self.flush()?;
                return Err(self.cut());
            }
        }
        self.flush()?;
        Err(End::Quit)
    }
}
