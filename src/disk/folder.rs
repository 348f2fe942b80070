//! Folders: made, opened, flushed; names moved within and between them.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, OFlags};
use rustix::io::Errno;

/// Makes a directory and its missing parents, each 0700, each flushed into the one above.
///
/// # Errors
/// The file system's; `NotADirectory` where something else has the name.
pub fn create_dirs(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = parent(path);
    // A path without a parent of its own ("" or "/") would not get shorter.
    if above != path {
        create_dirs(above)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => flush_dir(above),
        // Another process made it meanwhile.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if path.is_dir() {
                Ok(())
            } else {
                Err(io::Error::new(
                    io::ErrorKind::NotADirectory,
                    format!("{} is not a directory", path.display()),
                ))
            }
        }
        Err(error) => Err(error),
    }
}

/// Opens a directory as a handle: what is done relative to it stays in it, whatever happens to its path.
///
/// # Errors
/// The file system's; `NotADirectory` for anything else.
pub fn open_dir(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags((OFlags::DIRECTORY | OFlags::NOCTTY).bits().cast_signed())
        .open(path)
}

/// Flushes a directory: what was created, renamed or removed in it is durable when this returns (fsync).
///
/// # Errors
/// The disk's. A file system that knows no flush of directories (EINVAL, ENOTSUP) is none: there it is done
/// with the files.
pub fn flush_dir(path: &Path) -> io::Result<()> {
    flush_opened_dir(&open_dir(path)?)
}

/// [`flush_dir`] for a handle from [`open_dir`].
///
/// # Errors
/// As for [`flush_dir`].
pub fn flush_opened_dir(dir: &File) -> io::Result<()> {
    match dir.sync_all() {
        Err(error)
            if matches!(
                Errno::from_io_error(&error),
                Some(Errno::INVAL | Errno::NOTSUP)
            ) =>
        {
            Ok(())
        }
        flushed => flushed,
    }
}

/// Renames without ever replacing what stands at the new name (renameat2 NOREPLACE, else link and unlink).
///
/// # Errors
/// As for [`rename_new_at`].
pub fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    rename_new_at(CWD, from, CWD, to)
}

/// [`rename_new`] with each path relative to an open directory.
///
/// # Errors
/// `AlreadyExists` when another file has the new name. When that file is this very one, from a link and unlink that
/// was interrupted in between, the old name is removed and all is well.
pub fn rename_new_at(
    from_dir: impl AsFd,
    from: &Path,
    to_dir: impl AsFd,
    to: &Path,
) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    match rustix::fs::renameat_with(
        &from_dir,
        from,
        &to_dir,
        to,
        rustix::fs::RenameFlags::NOREPLACE,
    ) {
        Ok(()) => return Ok(()),
        // The kernel or the file system does not know how.
        Err(Errno::NOSYS | Errno::INVAL | Errno::NOTSUP | Errno::PERM) => {}
        Err(Errno::EXIST) => {}
        Err(errno) => return Err(errno.into()),
    }
    link_and_unlink(from_dir, from, to_dir, to)
}

fn link_and_unlink(
    from_dir: impl AsFd,
    from: &Path,
    to_dir: impl AsFd,
    to: &Path,
) -> io::Result<()> {
    match rustix::fs::linkat(&from_dir, from, &to_dir, to, AtFlags::empty()) {
        Ok(()) => {}
        Err(Errno::EXIST) => {
            let old = rustix::fs::statat(&from_dir, from, AtFlags::SYMLINK_NOFOLLOW)?;
            let new = rustix::fs::statat(&to_dir, to, AtFlags::SYMLINK_NOFOLLOW)?;
            // Also what a link looks like over NFS when its first answer was lost.
            if (old.st_dev, old.st_ino) != (new.st_dev, new.st_ino) || old.st_nlink < 2 {
                return Err(Errno::EXIST.into());
            }
        }
        Err(errno) => return Err(errno.into()),
    }
    Ok(rustix::fs::unlinkat(&from_dir, from, AtFlags::empty())?)
}

/// The folder a path is in; `.` for a bare name.
pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(above) if above.as_os_str().is_empty() => Path::new("."),
        Some(above) => above,
        None => path,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    #[test]
    fn folders_are_made_private() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b/c");
        create_dirs(&deep).unwrap();
        create_dirs(&deep).unwrap();
        for made in ["a", "a/b", "a/b/c"] {
            let mode = fs::metadata(folder.path().join(made))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o700, "{made}");
        }
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(create_dirs(&folder.path().join("file")).is_err());
        assert!(create_dirs(&folder.path().join("file/x")).is_err());
        assert!(create_dirs(Path::new("")).is_err());
        create_dirs(Path::new("/")).unwrap();
        create_dirs(Path::new(".")).unwrap();
    }

    #[test]
    fn directories_are_flushed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        flush_dir(folder.path()).unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(flush_dir(&file).is_err());
        assert!(flush_dir(&folder.path().join("missing")).is_err());
    }

    type Rename = fn(&Path, &Path) -> io::Result<()>;

    const WAYS: [(&str, Rename); 2] = [
        ("rename_new", rename_new),
        ("link_and_unlink", |from, to| {
            link_and_unlink(CWD, from, CWD, to)
        }),
    ];

    #[test]
    fn a_rename_never_replaces() {
        for (way, rename) in WAYS {
            let folder = tempfile::tempdir().unwrap();
            let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
            fs::write(&a, "a").unwrap();
            rename(&a, &b).unwrap();
            assert!(!a.exists(), "{way}");
            assert_eq!(fs::read(&b).unwrap(), b"a", "{way}");
            fs::write(&a, "other").unwrap();
            let refused = rename(&a, &b).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists, "{way}");
            assert_eq!(fs::read(&a).unwrap(), b"other", "{way}");
            assert_eq!(fs::read(&b).unwrap(), b"a", "{way}");
            let missing = rename(&folder.path().join("c"), &folder.path().join("d"));
            assert_eq!(missing.unwrap_err().kind(), io::ErrorKind::NotFound);
            let same = rename(&a, &a).unwrap_err();
            assert_eq!(same.kind(), io::ErrorKind::AlreadyExists, "{way}");
            assert!(a.exists(), "{way}");
        }
    }

    #[test]
    fn an_interrupted_link_is_finished() {
        for (way, rename) in WAYS {
            let folder = tempfile::tempdir().unwrap();
            let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
            fs::write(&a, "a").unwrap();
            fs::hard_link(&a, &b).unwrap();
            rename(&a, &b).unwrap();
            assert!(!a.exists(), "{way}");
            assert_eq!(fs::metadata(&b).unwrap().nlink(), 1, "{way}");
        }
    }
}
