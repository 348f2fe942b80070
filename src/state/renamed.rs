//! The journal of an account that was renamed.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Identity, line, load};

/// Octets of a header line that are read at most.
const LONGEST_HEADER: u64 = 64 * 1024;

/// The journal of another account name with the same user and host, for an account that was renamed.
/// `taken`: journals that belong to accounts there are.
///
/// Only header lines are read. Of several the one written to last.
pub fn find_renamed(folder: &Path, identity: &Identity, taken: &[PathBuf]) -> Option<PathBuf> {
    fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "journal"))
        .filter(|path| !taken.contains(path))
        .filter_map(|path| Some((written_for(&path, identity)?, path)))
        .max()
        .map(|(_, path)| path)
}

/// When a journal of this identity was written to last.
fn written_for(path: &Path, identity: &Identity) -> Option<SystemTime> {
    let file = load::open(path, false).ok()??;
    let written = file.metadata().and_then(|it| it.modified()).ok()?;
    let mut header = Vec::new();
    BufReader::new(file.take(LONGEST_HEADER))
        .read_until(b'\n', &mut header)
        .ok()?;
    let (theirs, _) = line::parse_header(header.strip_suffix(b"\n")?).ok()?;
    (theirs == *identity).then_some(written)
}
