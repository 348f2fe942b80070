//! The lock that programs lay beside a mailbox: a file of its name and `.lock`.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::Pid;

use crate::deliver::Error;
use crate::deliver::host::host;
use crate::disk;

/// Without change for so long, it was forgotten.
const LIFE: Duration = Duration::from_secs(10 * 60);

/// Octets of it that are read: others write all kinds of things into theirs.
const CONTENT: u64 = 512;

/// A dotlock of ours; removed when dropped.
#[derive(Debug)]
pub(super) struct Dotlock {
    path: PathBuf,
    inode: (u64, u64),
}

/// What came of trying to take one.
#[derive(Debug)]
pub(super) enum Taken {
    /// It is ours; and what was broken for it.
    Ours(Dotlock, Option<String>),
    /// The folder does not allow it: why.
    LeftOut(String),
    /// Somebody else has it: who.
    Held(String),
}

impl Dotlock {
    /// Tries to take it, at once; one that was left behind is broken.
    pub(super) fn take(mailbox: &Path) -> Result<Taken, Error> {
        let path = lock_of(mailbox);
        let mut broken = None;
        // Whose it is stands in it from the first: nobody could tell whether an empty one was left behind.
        let holder = format!("{} {}\n", std::process::id(), host());
        loop {
            match disk::create_new_with(&path, holder.as_bytes()) {
                Ok(file) => {
                    let made = file.metadata().map_err(Error::io("look at", &path))?;
                    let inode = inode(&made);
                    return Ok(Taken::Ours(Self { path, inode }, broken));
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem
                    ) =>
                {
                    return Ok(Taken::LeftOut(format!(
                        "{}: left out ({error}); fcntl and flock hold the mailbox",
                        path.display()
                    )));
                }
                Err(error) => return Err(Error::io("make", &path)(error)),
            }
            match judge(&path) {
                Ok(Verdict::Gone) => {}
                Ok(Verdict::Held(who)) => return Ok(Taken::Held(who)),
                // Once: who then has it was faster than we.
                Ok(Verdict::Left(who)) if broken.is_some() => return Ok(Taken::Held(who)),
                Ok(Verdict::Left(who)) => {
                    fs::remove_file(&path).map_err(Error::io("remove", &path))?;
                    broken = Some(who);
                }
                Err(error) => return Err(Error::io("look at", &path)(error)),
            }
        }
    }
}

/// Removes a lock that was left behind: other programs would wait for it, and we may have nothing to deliver for long.
pub(super) fn clear(mailbox: &Path) -> Result<(), Error> {
    if lock_of(mailbox).symlink_metadata().is_ok() {
        // Taken, if nobody holds it, and removed at once.
        Dotlock::take(mailbox)?;
    }
    Ok(())
}

fn lock_of(mailbox: &Path) -> PathBuf {
    let mut name = mailbox.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

impl Drop for Dotlock {
    fn drop(&mut self) {
        // Somebody may have thought it forgotten, and laid his own.
        if fs::symlink_metadata(&self.path).is_ok_and(|found| inode(&found) == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn inode(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

#[derive(Debug)]
enum Verdict {
    Gone,
    Held(String),
    Left(String),
}

/// Whether a lock is held or was left behind, and by whom.
fn judge(path: &Path) -> io::Result<Verdict> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Verdict::Gone),
        found => found?,
    };
    let shown = path.display();
    let mut who = format!("{shown} is there");
    if let Some((pid, its_host)) = holder(path) {
        who = format!(
            "{shown} is held by process {} on {its_host}",
            pid.as_raw_nonzero()
        );
        if its_host == host() && rustix::process::test_kill_process(pid) == Err(Errno::SRCH) {
            return judged_again(path, &found, format!("{who}, which has ended"));
        }
    }
    let forgotten = found
        .modified()?
        .elapsed()
        .is_ok_and(|elapsed| elapsed > LIFE);
    if forgotten {
        return judged_again(path, &found, format!("{who}, for more than 10 minutes"));
    }
    Ok(Verdict::Held(who))
}

/// The lock was left behind, if it still is the one that was judged: somebody else may have broken it and laid his.
fn judged_again(path: &Path, judged: &Metadata, who: String) -> io::Result<Verdict> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Verdict::Gone),
        Err(error) => Err(error),
        Ok(found)
            if inode(&found) == inode(judged) && found.modified()? == judged.modified()? =>
        {
            Ok(Verdict::Left(who))
        }
        Ok(_) => Ok(Verdict::Held(who)),
    }
}

/// The process and host that a lock names, if it does.
fn holder(path: &Path) -> Option<(Pid, String)> {
    let mut content = String::new();
    File::options()
        .read(true)
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
        .open(path)
        .ok()?
        .take(CONTENT)
        .read_to_string(&mut content)
        .ok()?;
    let mut words = content.split_ascii_whitespace();
    let pid = Pid::from_raw(words.next()?.parse().ok().filter(|&pid: &i32| pid > 0)?)?;
    Some((pid, words.next()?.to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::process::Command;
    use std::time::SystemTime;

    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let [mailbox, lock] = ["mbox", "mbox.lock"].map(|name| folder.path().join(name));
        (folder, mailbox, lock)
    }

    fn ended_process() -> u32 {
        let mut child = Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        child.id()
    }

    #[test]
    fn is_laid_and_taken_away() {
        let (_keep, mailbox, lock) = folder();
        let Taken::Ours(ours, None) = Dotlock::take(&mailbox).unwrap() else {
            panic!("not taken");
        };
        let content = fs::read_to_string(&lock).unwrap();
        assert_eq!(content, format!("{} {}\n", std::process::id(), host()));
        let Taken::Held(who) = Dotlock::take(&mailbox).unwrap() else {
            panic!("taken twice");
        };
        assert!(who.contains(&format!("process {} on", std::process::id())));
        drop(ours);
        assert!(!lock.exists());
    }

    #[test]
    fn held_and_left() {
        let ended = ended_process();
        let here = host();
        let old = SystemTime::now() - LIFE - Duration::from_secs(5);
        for (content, long_ago, left) in [
            (format!("{ended} {here}\n"), false, true),
            (format!("{ended} elsewhere.example\n"), false, false),
            (format!("{ended}\n"), false, false),
            (format!("1 {here}\n"), false, false),
            (String::new(), false, false),
            ("0\n".to_owned(), false, false),
            (format!("-1 {here}\n"), false, false),
            ("99999999999999 x\n".to_owned(), false, false),
            (format!("1 {here}\n"), true, true),
            (String::new(), true, true),
            (format!("{ended} elsewhere.example\n"), true, true),
        ] {
            let (_keep, mailbox, lock) = folder();
            fs::write(&lock, &content).unwrap();
            if long_ago {
                File::options()
                    .write(true)
                    .open(&lock)
                    .unwrap()
                    .set_modified(old)
                    .unwrap();
            }
            match Dotlock::take(&mailbox).unwrap() {
                Taken::Ours(_, Some(_)) => assert!(left, "{content:?} was broken"),
                Taken::Held(_) => {
                    assert!(!left, "{content:?} was not broken");
                    assert_eq!(fs::read_to_string(&lock).unwrap(), content);
                }
                other => panic!("{content:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn one_left_behind_is_cleared_away() {
        let (_keep, mailbox, lock) = folder();
        clear(&mailbox).unwrap();
        fs::write(&lock, format!("{} {}\n", ended_process(), host())).unwrap();
        clear(&mailbox).unwrap();
        assert!(!lock.exists());
        fs::write(&lock, "another's").unwrap();
        clear(&mailbox).unwrap();
        assert_eq!(fs::read_to_string(&lock).unwrap(), "another's");
    }

    #[test]
    fn a_link_is_not_followed() {
        let (keep, mailbox, lock) = folder();
        let elsewhere = keep.path().join("elsewhere");
        symlink(&elsewhere, &lock).unwrap();
        assert!(matches!(Dotlock::take(&mailbox).unwrap(), Taken::Held(_)));
        assert!(!elsewhere.exists());
    }

    #[test]
    fn anothers_is_left_alone() {
        let (_keep, mailbox, lock) = folder();
        let Taken::Ours(ours, None) = Dotlock::take(&mailbox).unwrap() else {
            panic!("not taken");
        };
        fs::rename(&lock, lock.with_extension("old")).unwrap();
        fs::write(&lock, "another's").unwrap();
        drop(ours);
        assert_eq!(fs::read_to_string(&lock).unwrap(), "another's");
    }

    #[test]
    fn is_left_out_where_the_folder_is_closed() {
        // Modes do not stop root.
        if rustix::process::geteuid().is_root() {
            return;
        }
        let (keep, mailbox, _) = folder();
        fs::set_permissions(keep.path(), fs::Permissions::from_mode(0o500)).unwrap();
        assert!(matches!(
            Dotlock::take(&mailbox).unwrap(),
            Taken::LeftOut(_)
        ));
        fs::set_permissions(keep.path(), fs::Permissions::from_mode(0o700)).unwrap();
    }
}
