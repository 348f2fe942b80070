//! A command that each message is piped to.

mod child;
#[cfg(test)]
mod tests;

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::spool::Spool;
use super::{Context, Delivery, Destination, Envelope, Error, Intents, Kind, Outcome};
use crate::command::{Command, Values};
use child::{Child, End, Input};

/// sysexits: try again later.
const TEMPFAIL: i32 = 75;

/// Messages in a row that may fail, or be put off, before no more are tried.
const FAILURES: u32 = 5;

/// Delivery by a command.
///
/// A message is fed to it only when it is whole here, so a connection that is cut never feeds a piece of one.
/// It is delivered when the command has read all of it and exited with status 0.
pub(super) struct Mda {
    command: Command,
    timeout: Duration,
    drop: Vec<i32>,
    context: Context,
    destination: Destination,
    envelope: Envelope,
    spool: Spool,
    /// There is a message, and it is whole.
    staged: bool,
    failures_in_row: u32,
}

impl Mda {
    /// Nothing is run before the first message, so nothing can be wrong yet.
    pub(super) fn open(
        command: &Command,
        timeout: Duration,
        drop: &[i32],
        context: &Context,
    ) -> Result<Self, Error> {
        Ok(Self {
            command: command.clone(),
            timeout,
            drop: drop.to_vec(),
            context: context.clone(),
            destination: Destination {
                kind: Kind::Mda,
                inode: 0,
                path: PathBuf::from(command.name()),
            },
            envelope: Envelope::default(),
            spool: Spool::default(),
            staged: false,
            failures_in_row: 0,
        })
    }

    fn run(&self) -> Result<End, Error> {
        let name = Path::new(self.command.name());
        let process = self.command.prepare(&Values {
            sender: &self.envelope.sender,
            user: &self.context.user,
            host: &self.context.host,
            account: &self.context.account,
            uid: &self.envelope.uid,
            size: Some(self.spool.len()),
        });
        let mut message = self.spool.reader();
        let feed = Error::io("feed a message to", name);
        let input = Input::fill(&mut message, self.spool.len()).map_err(feed)?;
        let child = Child::spawn(process, input).map_err(|error| match error.kind() {
            // The same for every message.
            io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => Error::unfit(
                name,
                format!(
                    "cannot be run: {error} (give its whole path, and check that it may be run)"
                ),
            ),
            _ => Error::io("run", name)(error),
        })?;
        child
            .attend(&mut message, self.timeout)
            .map_err(Error::io("feed a message to", name))
    }

    fn judge(&self, end: &End) -> Outcome {
        let say = |what: String| {
            let name = self.command.name();
            match String::from_utf8_lossy(&end.said).trim() {
                "" => format!("{name} {what}"),
                said => format!("{name} {what}: \"{said}\""),
            }
        };
        let Some(status) = end.status else {
            let limit = self.timeout;
            return Outcome::Later(say(format!("took longer than {limit:?} and was ended")));
        };
        match status.code() {
            Some(0) if end.consumed => Outcome::Delivered,
            Some(code) if self.drop.contains(&code) => Outcome::Dropped,
            Some(0) => Outcome::Failed(say(
                "exited with status 0 without having read the whole message".to_owned(),
            )),
            Some(TEMPFAIL) => Outcome::Later(say(format!("exited with status {TEMPFAIL}"))),
            Some(code) => Outcome::Failed(say(format!("exited with status {code}"))),
            None => {
                let signal = status.signal().unwrap_or_default();
                Outcome::Later(say(format!("was ended by signal {signal}")))
            }
        }
    }
}

impl Delivery for Mda {
    fn destination(&self) -> &Destination {
        &self.destination
    }

    fn capacity(&self) -> usize {
        1
    }

    /// After five failures in a row an [`Error::Unfit`] that says so: no more are tried.
    fn begin(&mut self, envelope: &Envelope) -> Result<(), Error> {
        if self.failures_in_row >= FAILURES {
            return Err(Error::unfit(
                &self.destination.path,
                format!("failed for {FAILURES} messages in a row, so no more are given to it now"),
            ));
        }
        self.abandon();
        self.envelope = envelope.clone();
        Ok(())
    }

    fn write(&mut self, piece: &[u8]) -> Result<(), Error> {
        self.spool.write(piece)
    }

    fn end(&mut self) -> Result<(), Error> {
        self.staged = true;
        Ok(())
    }

    fn cut(&mut self) {
        self.abandon();
    }

    fn prepare(&mut self) -> Result<Intents, Error> {
        Ok(Intents::Nothing)
    }

    /// Runs the command. [`Error::Unfit`] when there is none that can be run.
    fn publish(&mut self) -> Result<Vec<Outcome>, Error> {
        if !self.staged {
            return Ok(Vec::new());
        }
        let end = self.run();
        self.abandon();
        let outcome = self.judge(&end?);
        match outcome {
            Outcome::Delivered | Outcome::Dropped => self.failures_in_row = 0,
            Outcome::Later(_) | Outcome::Failed(_) => self.failures_in_row += 1,
        }
        Ok(vec![outcome])
    }

    fn release(&mut self) {
        self.abandon();
    }

    fn abandon(&mut self) {
        self.staged = false;
        self.spool.clear();
    }
}
