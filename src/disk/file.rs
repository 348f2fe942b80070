//! Single files: made, opened, replaced.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
#[cfg(target_os = "linux")]
use std::num::NonZeroU64;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::folder::{flush_dir, parent};

/// Creates a file that must not exist yet, mode 0600, for reading and writing, never following a symbolic link.
///
/// # Errors
/// The file system's; `AlreadyExists` for whatever stands there, a dangling symbolic link included.
pub fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// [`create_new`] with something in it: where the system can (Linux, on most file systems), nobody ever sees the file
/// without it, whatever ends the process.
///
/// # Errors
/// As for [`create_new`], and those of writing.
pub fn create_new_with(path: &Path, content: &[u8]) -> io::Result<File> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(mut file) = create_nameless(parent(path))? {
        file.write_all(content)?;
        if name(&file, path)? {
            return Ok(file);
        }
    }
    let mut file = create_new(path)?;
    file.write_all(content)?;
    Ok(file)
}

/// A file in a folder, under no name yet; `None` where the kernel or the file system does not know how.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn create_nameless(folder: &Path) -> io::Result<Option<File>> {
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .mode(0o600)
        .custom_flags(OFlags::TMPFILE.bits().cast_signed())
        .open(folder);
    match opened {
        Err(error)
            if matches!(
                Errno::from_io_error(&error),
                Some(Errno::NOTSUP | Errno::ISDIR | Errno::INVAL | Errno::NOSYS)
            ) =>
        {
            Ok(None)
        }
        opened => opened.map(Some),
    }
}

/// Gives a nameless file its name, unless it is taken; whether the system knows how.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn name(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::fd::AsRawFd;

    use rustix::fs::{AtFlags, CWD, linkat};

    // Here, unlike with an empty path and the descriptor, no privilege is needed.
    let opened = format!("/proc/self/fd/{}", file.as_raw_fd());
    match linkat(CWD, opened, CWD, path, AtFlags::SYMLINK_FOLLOW) {
        Ok(()) => Ok(true),
        Err(Errno::EXIST) => Err(Errno::EXIST.into()),
        // No /proc, no hard links: the usual way says what else there is to say.
        Err(_) => Ok(false),
    }
}

/// Opens a regular file for appending and reading, creating it 0600 if missing; a symbolic link, FIFO or device is an error.
///
/// A new file's folder is not flushed: [`flush_dir`] does that once there is something in it.
///
/// # Errors
/// The file system's; `InvalidInput` for what is no regular file.
pub fn open_private(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(open_flags())
        .open(path)
        .map_err(name_link)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        ));
    }
    Ok(file)
}

/// Tells the disk to begin with the first `length` octets of a file. Nothing is durable by it, nothing is waited for,
/// and where it cannot be done a later flush has more to do.
pub fn start_writeback(file: &File, length: u64) {
    // Linux begins to write the pages that are touched, and drops from memory those that are on the disk and wholly
    // meant. Without the ends no page of a small file is: looking for what can be dropped takes time on every processor.
    #[cfg(target_os = "linux")]
    if let Some(inner) = length.checked_sub(2).and_then(NonZeroU64::new) {
        let _ = rustix::fs::fadvise(file, 1, Some(inner), rustix::fs::Advice::DontNeed);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (file, length);
}

/// Never through a symbolic link, never waiting at a FIFO or a terminal.
pub(super) fn open_flags() -> i32 {
    (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY)
        .bits()
        .cast_signed()
}

/// `O_NOFOLLOW` is refused by ELOOP (EMLINK on FreeBSD), whose own words mislead.
pub(super) fn name_link(error: io::Error) -> io::Error {
    match Errno::from_io_error(&error) {
        Some(Errno::LOOP | Errno::MLINK) => {
            io::Error::new(io::ErrorKind::InvalidInput, "it is a symbolic link")
        }
        _ => error,
    }
}

/// Replaces a file whole: a 0600 sibling written, flushed, renamed over it, the folder flushed.
///
/// A reader sees the old content or the new, and so does the next start after a power cut. A symbolic link is
/// replaced itself, not what it leads to. The sibling has always the same name, so that one that an ended process left
/// behind is used up by the next; the caller sees to it that nobody else replaces the file at the same time.
///
/// # Errors
/// The file system's; nothing of the sibling is left then.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let (folder, Some(name)) = (parent(path), path.file_name()) else {
        return Err(io::ErrorKind::InvalidFilename.into());
    };
    let mut sibling = OsString::from(".");
    sibling.push(name);
    sibling.push(".new");
    let sibling = folder.join(sibling);
    match fs::remove_file(&sibling) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = create_new(&sibling)?;
    let replaced = file
        .write_all(content)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&sibling, path));
    if replaced.is_err() {
        // What cannot be removed either is removed the next time.
        let _ = fs::remove_file(&sibling);
    }
    replaced?;
    flush_dir(folder)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Read;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_new_file_is_private_and_new() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        create_new(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
        let again = create_new(&path).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        let link = folder.path().join("link");
        symlink(folder.path().join("nowhere"), &link).unwrap();
        let through = create_new(&link).unwrap_err();
        assert_eq!(through.kind(), io::ErrorKind::AlreadyExists);
        assert!(!folder.path().join("nowhere").exists());
    }

    #[test]
    fn a_new_file_with_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut file = create_new_with(&path, b"one").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(mode(&path), 0o600);
        file.write_all(b" two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one two");
        let again = create_new_with(&path, b"three").unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"one two");
        let link = folder.path().join("link");
        symlink(folder.path().join("nowhere"), &link).unwrap();
        let through = create_new_with(&link, b"x").unwrap_err();
        assert_eq!(through.kind(), io::ErrorKind::AlreadyExists);
        assert!(create_new_with(&folder.path().join("missing/a"), b"").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_private_file_is_made_and_appended_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        open_private(&path).unwrap().write_all(b"one ").unwrap();
        assert_eq!(mode(&path), 0o600);
        let mut file = open_private(&path).unwrap();
        file.write_all(b"two").unwrap();
        let mut text = String::new();
        open_private(&path)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "one two");
    }

    #[test]
    fn a_private_file_is_a_regular_file() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target");
        fs::write(&target, "").unwrap();
        let link = folder.path().join("link");
        symlink(&target, &link).unwrap();
        let refused = open_private(&link).unwrap_err();
        assert_eq!(refused.to_string(), "it is a symbolic link");
        let fifo = folder.path().join("fifo");
        let made = std::process::Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap();
        assert!(made.success());
        assert!(open_private(&fifo).is_err());
        assert!(open_private(Path::new("/dev/null")).is_err());
        assert!(open_private(folder.path()).is_err());
    }

    #[test]
    fn replaced_whole_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        replace(&path, b"one").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(mode(&path), 0o600);
        // What a process that was ended left behind is used up.
        fs::write(folder.path().join(".a.new"), "torn").unwrap();
        replace(&path, b"three").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"three");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        fs::create_dir(folder.path().join("b")).unwrap();
        assert!(replace(&folder.path().join("b"), b"").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        assert!(replace(&folder.path().join("missing/a"), b"").is_err());
    }
}
