//! A folder held open, so that whatever happens to its path, what is done is done in the folder that was looked at.

use std::ffi::OsStr;
use std::fs::{DirBuilder, File, Metadata};
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags};
use rustix::io::Errno;

use super::PARTS;
use crate::deliver::Error;
use crate::deliver::place::Place;
use crate::disk;

/// A folder of a Maildir, or the Maildir itself, open.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    dir: File,
}

impl Folder {
    /// Opens the Maildir that was found, or makes it, and what it lacks, durably. `new`: whoever made it, a run of
    /// ours that was ended, say, may not have come to flush it.
    pub(super) fn open_or_make(place: &Place, new: bool) -> Result<Self, Error> {
        let path = &place.path;
        if place.found.is_none() {
            match DirBuilder::new().mode(0o700).create(path) {
                Ok(()) => {}
                // Somebody was faster; `open` looks whose it is.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::io("make", path)(error)),
            }
        }
        let maildir = Self::open(place)?;
        let mut parts = 0;
        for part in PARTS {
            match rustix::fs::mkdirat(&maildir.dir, part, Mode::RWXU) {
                Ok(()) => parts += 1,
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(Error::io("make", &path.join(part))(errno.into())),
            }
        }
        if new || parts > 0 {
            maildir.flush()?;
        }
        if new {
            match disk::flush_dir(&place.folder) {
                // A folder that we cannot read we cannot flush.
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
                flushed => flushed.map_err(Error::io("flush", &place.folder))?,
            }
        }
        Ok(maildir)
    }

    /// Opens the Maildir that was found at a place, or that should have been made there.
    pub(super) fn open(place: &Place) -> Result<Self, Error> {
        let path = place.path.clone();
        let (dir, opened) = Self::open_at(CWD, &path, &path)?;
        let same = match &place.found {
            Some(found) => (found.dev(), found.ino()) == (opened.dev(), opened.ino()),
            None => opened.uid() == rustix::process::geteuid().as_raw(),
        };
        if same {
            Ok(Self { path, dir })
        } else {
            Err(Error::unfit(
                &path,
                "another program changed it at this moment; try again",
            ))
        }
    }

    /// Opens one of its parts.
    pub(super) fn part(&self, part: &'static str) -> Result<Self, Error> {
        let path = self.path.join(part);
        let (dir, opened) = Self::open_at(&self.dir, Path::new(part), &path)?;
        if rustix::process::geteuid().is_root() && opened.uid() != 0 {
            return Err(Error::unfit(
                &path,
                "it is not root's, and as root popfetch delivers to root's own mailboxes only",
            ));
        }
        Ok(Self { path, dir })
    }

    fn open_at(at: impl AsFd, name: &Path, path: &Path) -> Result<(File, Metadata), Error> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
        let dir = rustix::fs::openat(at, name, flags, Mode::empty())
            .map_err(|errno| Error::io("open", path)(errno.into()))?;
        let dir = File::from(dir);
        let opened = dir.metadata().map_err(Error::io("look at", path))?;
        Ok((dir, opened))
    }

    /// Makes a file that must not exist yet, 0600.
    pub(super) fn create(&self, name: &str) -> Result<File, Errno> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        rustix::fs::openat(&self.dir, name, flags, mode).map(File::from)
    }

    /// Whether there is such a name, and then whether its file has another one too.
    pub(super) fn linked(&self, name: &str) -> Result<Option<bool>, Error> {
        match rustix::fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some(found.st_nlink > 1)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(Error::io("look at", &self.path.join(name))(errno.into())),
        }
    }

    pub(super) fn remove(&self, name: &str) -> Result<(), Error> {
        match rustix::fs::unlinkat(&self.dir, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(Error::io("remove", &self.path.join(name))(errno.into())),
        }
    }

    pub(super) fn inode(&self) -> Result<u64, Error> {
        let found = self.dir.metadata();
        Ok(found.map_err(Error::io("look at", &self.path))?.ino())
    }

    pub(super) fn flush(&self) -> Result<(), Error> {
        disk::flush_opened_dir(&self.dir).map_err(Error::io("flush", &self.path))
    }

    /// Moves a message from tmp/ here, never over another.
    pub(super) fn take(&self, tmp: &Self, name: &str) -> io::Result<()> {
        disk::rename_new_at(&tmp.dir, Path::new(name), &self.dir, Path::new(name))
    }

    /// [`Folder::part`], or nothing where there is none.
    pub(super) fn part_if_there(&self, part: &'static str) -> Result<Option<Self>, Error> {
        match self.part(part) {
            Ok(folder) => Ok(Some(folder)),
            Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Goes through its entries' names.
    pub(super) fn each_entry(
        &self,
        mut see: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let refused = |errno: Errno| Error::io("read", &self.path)(errno.into());
        for entry in Dir::read_from(&self.dir).map_err(refused)? {
            let entry = entry.map_err(refused)?;
            see(entry.file_name().to_bytes())?;
        }
        Ok(())
    }

    /// When a file was last written to, seconds since 1970.
    pub(super) fn changed(&self, name: &str) -> Result<Option<i64>, Error> {
        match rustix::fs::statat(
            &self.dir,
            OsStr::from_bytes(name.as_bytes()),
            AtFlags::SYMLINK_NOFOLLOW,
        ) {
            // The field's type differs between platforms.
            #[allow(clippy::useless_conversion, clippy::unnecessary_cast)]
            Ok(found) => Ok(Some(found.st_mtime as i64)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(Error::io("look at", &self.path.join(name))(errno.into())),
        }
    }
}
