//! Delivery to a Maildir: written and flushed in tmp/, renamed into new/.

mod folder;
mod name;
mod settle;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;

use rustix::io::Errno;

use super::place::{Place, absolute};
use super::{Delivery, Destination, Envelope, Error, Intents, Kind, Outcome};
use folder::Folder;
pub(super) use settle::settle;

/// Octets of a message gathered for one write.
const BUFFER: usize = 64 << 10;

/// Handles held besides those of messages: tmp/, new/, and one in passing.
const HANDLES: usize = 3;

/// The three folders of a Maildir.
const PARTS: [&str; 3] = ["tmp", "new", "cur"];

/// A Maildir being delivered to. It holds its folders open, so that whatever happens to their paths, mail goes to the
/// folders that were looked at.
pub(super) struct Maildir {
    destination: Destination,
    tag: String,
    tmp: Folder,
    new: Folder,
    capacity: usize,
    /// The message in hand.
    hand: Option<(String, BufWriter<File>)>,
    /// The messages of the batch, each with its file until that is flushed.
    staged: Vec<(String, Option<File>)>,
    /// The names have been given out: from now on the journal may know them.
    prepared: bool,
}

impl Maildir {
    /// Opens or makes it.
    pub(super) fn open(
        path: &Path,
        tag: &str,
        delivered_before: bool,
        files: usize,
    ) -> Result<Self, Error> {
        let named = absolute(path)?;
        let place = Place::find(&named)?;
        look(&place, delivered_before)?;
        let maildir = Folder::open_or_make(&place, !delivered_before)?;
        Ok(Self {
            destination: Destination {
                kind: Kind::Maildir,
                inode: maildir.inode()?,
                path: named,
            },
            tag: tag.to_owned(),
            tmp: maildir.part("tmp")?,
            new: maildir.part("new")?,
            capacity: files.saturating_sub(HANDLES).max(1),
            hand: None,
            staged: Vec::new(),
            prepared: false,
        })
    }
}

/// Checks it without making anything.
pub(super) fn check(path: &Path) -> Result<(), Error> {
    look(&Place::find(path)?, false)
}

/// Refuses what is no Maildir and cannot become one.
fn look(place: &Place, delivered_before: bool) -> Result<(), Error> {
    let path = &place.path;
    let gone = || {
        Err(Error::unfit(
            path,
            "the Maildir that mail was delivered to is gone (not mounted?); if it was removed for good, make it anew: \
             mkdir -p -m 700 DIR/tmp DIR/new DIR/cur",
        ))
    };
    let Some(found) = &place.found else {
        return if delivered_before { gone() } else { Ok(()) };
    };
    if !found.is_dir() {
        return Err(Error::unfit(
            path,
            "not a folder; if it is an mbox, deliver = { mbox = ... }",
        ));
    }
    let mut parts = 0;
    for part in PARTS.map(|part| path.join(part)) {
        match part.symlink_metadata() {
            Ok(found) if found.is_dir() => parts += 1,
            Ok(_) => {
                return Err(Error::unfit(
                    &part,
                    "not a folder, as a Maildir's parts have to be",
                ));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("look at", &part)(error)),
        }
    }
    if parts > 0 {
        return Ok(());
    }
    if delivered_before {
        return gone();
    }
    let mut entries = path.read_dir().map_err(Error::io("read", path))?;
    if entries.next().is_some() {
        return Err(Error::unfit(
            path,
            "not a Maildir: there are other things in it, but no tmp, new and cur; name another folder, or make them",
        ));
    }
    Ok(())
}

impl Delivery for Maildir {
    fn destination(&self) -> &Destination {
        &self.destination
    }

    fn capacity(&self) -> usize {
        self.capacity
    }

    fn begin(&mut self, _envelope: &Envelope) -> Result<(), Error> {
        self.cut();
        loop {
            let name = name::fresh(&self.tag);
            match self.tmp.create(&name) {
                Ok(file) => {
                    self.hand = Some((name, BufWriter::with_capacity(BUFFER, file)));
                    return Ok(());
                }
                // The next name has another number.
                Err(Errno::EXIST) => {}
                Err(errno) => {
                    return Err(Error::io("create", &self.tmp.path.join(name))(errno.into()));
                }
            }
        }
    }

    fn write(&mut self, piece: &[u8]) -> Result<(), Error> {
        let Some((name, file)) = &mut self.hand else {
            return Err(self.nothing_in_hand());
        };
        if let Err(error) = file.write_all(piece) {
            let error = Error::io("write", &self.tmp.path.join(name))(error);
            self.cut();
            return Err(error);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Error> {
        let Some((name, file)) = &mut self.hand else {
            return Err(self.nothing_in_hand());
        };
        if let Err(error) = file.flush() {
            let error = Error::io("write", &self.tmp.path.join(name))(error);
            self.cut();
            return Err(error);
        }
        if let Some((name, file)) = self.hand.take() {
            let (file, _) = file.into_parts();
            self.staged.push((name, Some(file)));
        }
        Ok(())
    }

    fn cut(&mut self) {
        if let Some((name, file)) = self.hand.take() {
            // What is still in the buffer is not worth writing.
            let _ = file.into_parts();
            // What cannot be removed now is removed when the next run settles.
            let _ = self.tmp.remove(&name);
        }
    }

    fn prepare(&mut self) -> Result<Intents, Error> {
        self.cut();
        let flushed = self.flush();
        if let Err(error) = flushed {
            self.abandon();
            return Err(error);
        }
        self.prepared = true;
        let names = self.staged.iter().map(|(name, _)| name.clone());
        Ok(Intents::Names(names.collect()))
    }

    fn publish(&mut self) -> Result<Vec<Outcome>, Error> {
        // Whatever happens now, the journal knows the names: nothing of them is removed here.
        let staged = std::mem::take(&mut self.staged);
        self.prepared = false;
        let mut outcomes = Vec::with_capacity(staged.len());
        for (name, _) in &staged {
            outcomes.push(self.deliver(name)?);
        }
        if !staged.is_empty() {
            self.new.flush()?;
        }
        Ok(outcomes)
    }

    fn release(&mut self) {}

    fn abandon(&mut self) {
        self.cut();
        self.prepared = false;
        for (name, _) in std::mem::take(&mut self.staged) {
            let _ = self.tmp.remove(&name);
        }
    }
}

impl Maildir {
    fn nothing_in_hand(&self) -> Error {
        Error::io("write", &self.tmp.path)(io::Error::other("no message was begun"))
    }

    /// Flushes each message, then tmp/.
    fn flush(&mut self) -> Result<(), Error> {
        for (name, file) in &mut self.staged {
            if let Some(file) = file.take() {
                file.sync_all()
                    .map_err(Error::io("flush", &self.tmp.path.join(name)))?;
            }
        }
        if !self.staged.is_empty() {
            self.tmp.flush()?;
        }
        Ok(())
    }

    /// Renames one message into new/.
    fn deliver(&self, name: &str) -> Result<Outcome, Error> {
        match self.new.take(&self.tmp, name) {
            Ok(()) => Ok(Outcome::Delivered),
            Err(error) => match error.kind() {
                // Over a network a rename can be done and its answer lost.
                ErrorKind::NotFound if self.new.linked(name)?.is_some() => Ok(Outcome::Delivered),
                ErrorKind::NotFound => Ok(Outcome::Later(format!(
                    "another program removed {}",
                    self.tmp.path.join(name).display()
                ))),
                ErrorKind::AlreadyExists => {
                    self.tmp.remove(name)?;
                    Ok(Outcome::Later(format!(
                        "another program took the name {}",
                        self.new.path.join(name).display()
                    )))
                }
                _ => Err(Error::io("rename into new/", &self.tmp.path.join(name))(
                    error,
                )),
            },
        }
    }
}

impl Drop for Maildir {
    fn drop(&mut self) {
        // Names that were given out may be in the journal; what becomes of their files is then for `settle`.
        if !self.prepared {
            self.abandon();
        }
    }
}
