//! Files that hold secrets: read whole into memory that is wiped; of use only when nobody else can read them.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use zeroize::Zeroizing;

use super::{Error, Secret};
use crate::disk::{self, Distrust};

/// Octets of a password file at most.
const PASSWORD_LIMIT: usize = 64 * 1024;

/// Octets of a netrc file at most.
pub(super) const NETRC_LIMIT: usize = 256 * 1024;

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it is larger than {0} octets")]
    Large(usize),
}

/// A file read.
pub(super) struct Content {
    pub(super) octets: Zeroizing<Vec<u8>>,
    /// Whether nobody else can read or write it: to be asked before a secret is taken from it.
    pub(super) private: Result<(), Distrust>,
}

/// The first line of a password file, without its end.
pub(super) fn first_line(path: &Path) -> Result<Secret, Error> {
    let content = read(path, PASSWORD_LIMIT).map_err(|error| trouble(path, &error))?;
    content.private.map_err(|error| trouble(path, &error))?;
    Secret::first_line(&content.octets)
        .map_err(|what| trouble(path, &format_args!("it has {what}")))
}

/// Reads a file of at most `limit` octets.
pub(super) fn read(path: &Path, limit: usize) -> Result<Content, Unreadable> {
    let file = File::open(path)?;
    let private = disk::check_private(&file, path);
    // All the room at once: a buffer that grows leaves copies behind.
    let mut octets = Zeroizing::new(Vec::with_capacity(limit + 1));
    file.take(limit as u64 + 1).read_to_end(&mut octets)?;
    if octets.len() > limit {
        return Err(Unreadable::Large(limit));
    }
    Ok(Content { octets, private })
}

pub(super) fn trouble(path: &Path, what: &dyn fmt::Display) -> Error {
    Error::File(format!("{}: {what}", path.display()))
}
