//! What became of messages in a Maildir when popfetch was ended between its intents and their end.

use std::collections::{HashMap, HashSet};

use super::folder::Folder;
use super::name;
use crate::deliver::host::host;
use crate::deliver::place::Place;
use crate::deliver::{Destination, Error, Intents, Open, Settled};

/// How long a file may lie in tmp/ before readers remove it (cr.yp.to/proto/maildir.html), seconds.
const TMP_LIFE: i64 = 36 * 60 * 60;

/// Settles open intents by what is in the folders, and removes our other leftovers from tmp/.
pub(in crate::deliver) fn settle(
    destination: &Destination,
    tag: &str,
    open: &[Open],
    now: i64,
) -> Result<Vec<Vec<Settled>>, Error> {
    let place = Place::find(&destination.path);
    let Ok(Place { found: Some(_), .. }) = &place else {
        // Nothing depends on the folder: whether it may be missing is for who delivers to it.
        if open.iter().all(|open| names(open).is_empty()) {
            return Ok(open.iter().map(|open| open.intents.undone()).collect());
        }
        place?;
        return Err(Error::unfit(
            &destination.path,
            "the Maildir that mail was being delivered to is gone (not mounted?); if it was removed for good, make it \
             anew, and what was not delivered is fetched again: mkdir -p -m 700 DIR/tmp DIR/new DIR/cur",
        ));
    };
    let maildir = Folder::open(&place?)?;
    let folders = Folders {
        same: maildir.inode()? == destination.inode,
        tmp: maildir.part_if_there("tmp")?,
        new: maildir.part_if_there("new")?,
        cur: maildir.part_if_there("cur")?,
    };
    let settled = folders.settle(open, now)?;
    folders.remove_leftovers(tag, now)?;
    Ok(settled)
}

/// The names an intent is about.
fn names(open: &Open) -> &[String] {
    match &open.intents {
        Intents::Names(names) => names,
        _ => &[],
    }
}

struct Folders {
    /// The Maildir is the one the intents were made for, not another at its path.
    same: bool,
    tmp: Option<Folder>,
    new: Option<Folder>,
    cur: Option<Folder>,
}

impl Folders {
    fn settle(&self, open: &[Open], now: i64) -> Result<Vec<Vec<Settled>>, Error> {
        let mut found = HashMap::new();
        // What is neither in tmp/ nor in new/, or may have left new/ already: looked for in cur/, all in one pass.
        let mut sought = HashSet::new();
        for name in open.iter().flat_map(names) {
            let spot = self.look(name)?;
            if matches!(spot, Spot::Linked | Spot::Nowhere) {
                sought.insert(name.as_bytes());
            }
            found.insert(name.as_str(), spot);
        }
        for entry in self.read_cur(&sought)? {
            // Entries were chosen by names of ours, which are text.
            if let Some(spot) = std::str::from_utf8(&entry)
                .ok()
                .and_then(|entry| found.get_mut(entry))
            {
                *spot = Spot::Read;
            }
        }
        let mut delivered = false;
        let mut settled = Vec::with_capacity(open.len());
        for open in open {
            let young = now.saturating_sub(open.time) < TMP_LIFE;
            let mut each = Vec::with_capacity(open.intents.len());
            for name in names(open) {
                let spot = found.get(name.as_str()).copied();
                let verdict = self.decide(name, spot.unwrap_or(Spot::Never), young)?;
                delivered |= verdict == Settled::Delivered;
                each.push(verdict);
            }
            if each.is_empty() {
                each = open.intents.undone();
            }
            settled.push(each);
        }
        if delivered {
            for folder in [&self.new, &self.cur, &self.tmp].into_iter().flatten() {
                folder.flush()?;
            }
        }
        Ok(settled)
    }

    /// Looks for a name in tmp/ and new/.
    fn look(&self, name: &str) -> Result<Spot, Error> {
        if name::parse(name).is_none() || name.contains('/') {
            return Ok(Spot::Never);
        }
        let linked = |folder: &Option<Folder>| match folder {
            Some(folder) => folder.linked(name),
            None => Ok(None),
        };
        Ok(match (linked(&self.tmp)?, linked(&self.new)?) {
            (None, None) => Spot::Nowhere,
            (None, Some(_)) => Spot::New,
            (Some(_), Some(_)) => Spot::Both,
            (Some(false), None) => Spot::Tmp,
            // Linked into new/, not yet unlinked here, and a reader took it from there.
            (Some(true), None) => Spot::Linked,
        })
    }

    /// The base names in cur/ that are sought.
    fn read_cur(&self, sought: &HashSet<&[u8]>) -> Result<Vec<Vec<u8>>, Error> {
        let Some(cur) = self.cur.as_ref().filter(|_| !sought.is_empty()) else {
            return Ok(Vec::new());
        };
        let mut bases = Vec::new();
        cur.each_entry(|entry| {
            let base = name::base(entry);
            if sought.contains(base) {
                bases.push(base.to_owned());
            }
            Ok(())
        })?;
        Ok(bases)
    }

    /// Finishes or undoes one message.
    fn decide(&self, name: &str, spot: Spot, young: bool) -> Result<Settled, Error> {
        let clear_tmp = || match &self.tmp {
            Some(tmp) => tmp.remove(name),
            None => Ok(()),
        };
        match (spot, &self.tmp, &self.new) {
            (Spot::Tmp | Spot::Linked, Some(tmp), Some(new)) if self.same => {
                new.take(tmp, name)
                    .map_err(Error::io("rename into new/", &tmp.path.join(name)))?;
                Ok(Settled::Delivered)
            }
            // In a copy of the folder it may not be whole.
            (Spot::Tmp | Spot::Linked, ..) => {
                clear_tmp()?;
                Ok(Settled::Undone)
            }
            (Spot::New | Spot::Both | Spot::Read, ..) => {
                clear_tmp()?;
                Ok(Settled::Delivered)
            }
            // It was whole in tmp/, so it went through new/, and a reader took it away.
            (Spot::Nowhere, Some(_), _) if self.same && young => Ok(Settled::Delivered),
            (Spot::Nowhere | Spot::Never, ..) => Ok(Settled::Undone),
        }
    }

    /// Removes from tmp/ what this account began on this host, and what it began elsewhere too long ago.
    ///
    /// Another host may have the account's memory, and be delivering now.
    fn remove_leftovers(&self, tag: &str, now: i64) -> Result<(), Error> {
        let Some(tmp) = &self.tmp else {
            return Ok(());
        };
        let mut leftovers = Vec::new();
        tmp.each_entry(|entry| {
            let parsed = std::str::from_utf8(entry).ok().and_then(|entry| {
                let (its_tag, its_host) = name::parse(entry)?;
                (its_tag == tag).then_some((entry, its_host))
            });
            if let Some((entry, its_host)) = parsed
                && (its_host == host()
                    || tmp
                        .changed(entry)?
                        .is_some_and(|at| now.saturating_sub(at) > TMP_LIFE))
            {
                leftovers.push(entry.to_owned());
            }
            Ok(())
        })?;
        leftovers.iter().try_for_each(|name| tmp.remove(name))
    }
}

/// Spot a message was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spot {
    Tmp,
    /// In tmp/, and its file has another name somewhere.
    Linked,
    New,
    /// In tmp/ and new/.
    Both,
    /// In cur/.
    Read,
    Nowhere,
    /// It is no name that we make.
    Never,
}
