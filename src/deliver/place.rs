//! Where a destination's path leads, and whether mail may go there.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Error;

/// Links followed at most, as the kernel does.
const LINKS: usize = 40;

/// A path without links, and what is there.
#[derive(Debug)]
pub(super) struct Place {
    /// Where it is, absolute.
    pub(super) path: PathBuf,
    /// The folder it is in, which exists.
    pub(super) folder: PathBuf,
    /// What is there; `None`: nothing yet. Never a link.
    pub(super) found: Option<Metadata>,
}

impl Place {
    /// Follows links that only we can have laid, and refuses what is not ours to deliver to.
    ///
    /// # Errors
    /// [`Error::Unfit`] with a way out.
    pub(super) fn find(named: &Path) -> Result<Self, Error> {
        let mut path = absolute(named)?;
        for _ in 0..=LINKS {
            let (folder, name) = match (path.parent(), path.file_name()) {
                (Some(folder), Some(name)) => (folder, name),
                _ => return Err(Error::unfit(&path, "not a name in a folder")),
            };
            let folder = folder
                .canonicalize()
                .map_err(|error| missing(folder, error))?;
            path = folder.join(name);
            let around = fs::metadata(&folder).map_err(Error::io("look at", &folder))?;
            let found = match fs::symlink_metadata(&path) {
                Ok(found) => found,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Ok(Self {
                        path,
                        folder,
                        found: None,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                    return Err(missing(&folder, error));
                }
                Err(error) => return Err(Error::io("look at", &path)(error)),
            };
            if !found.is_symlink() {
                belongs(&path, &found, &around)?;
                return Ok(Self {
                    path,
                    folder,
                    found: Some(found),
                });
            }
            let us = rustix::process::geteuid().as_raw();
            if found.uid() != us || around.uid() != us || around.mode() & 0o022 != 0 {
                return Err(Error::unfit(
                    &path,
                    "a symbolic link is followed only if it and its folder are yours and nobody else can write \
                     there; write the path it leads to, or chmod go-w the folder",
                ));
            }
            let target = fs::read_link(&path).map_err(Error::io("follow", &path))?;
            path = plain(&folder.join(target));
        }
        Err(Error::unfit(named, "symbolic links lead in a circle"))
    }
}

/// Absolute, and without a slash at the end, which would mean what a link leads to.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path)
        .map(|path| plain(&path))
        .map_err(Error::io("find", path))
}

fn plain(path: &Path) -> PathBuf {
    path.components().collect()
}

fn missing(folder: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => Error::unfit(
            folder,
            "there is no such folder; make it first, or mount what holds it",
        ),
        io::ErrorKind::NotADirectory => Error::unfit(folder, "not a folder"),
        _ => Error::io("open", folder)(error),
    }
}

/// Refuses what a stranger could have put there for us to write to or for him to read.
fn belongs(path: &Path, found: &Metadata, folder: &Metadata) -> Result<(), Error> {
    let us = rustix::process::geteuid();
    if us.is_root() && found.uid() != 0 {
        return Err(Error::unfit(
            path,
            format!(
                "it belongs to user {}, and as root popfetch delivers to root's own mailboxes only; run it as that \
                 user, or deliver by an mda",
                found.uid()
            ),
        ));
    }
    let anyones = folder.mode() & 0o002 != 0;
    if anyones && found.uid() != us.as_raw() {
        return Err(Error::unfit(
            path,
            "it is somebody else's, in a folder that anybody can write to",
        ));
    }
    if anyones && found.is_file() && found.nlink() > 1 {
        return Err(Error::unfit(
            path,
            "it has a second name (a hard link), in a folder that anybody can write to",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        (folder, path)
    }

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn why(path: &Path) -> String {
        Place::find(path).unwrap_err().to_string()
    }

    #[test]
    fn plain_paths() {
        let (_keep, folder) = folder();
        let file = folder.join("mbox");
        let place = Place::find(&file).unwrap();
        assert_eq!(place.path, file);
        assert_eq!(place.folder, folder);
        assert!(place.found.is_none());
        fs::write(&file, "x").unwrap();
        assert_eq!(Place::find(&file).unwrap().found.unwrap().len(), 1);
        let slashed = folder.join("mbox/");
        assert_eq!(Place::find(&slashed).unwrap().path, file);
        assert!(why(&folder.join("no/mbox")).contains("no such folder; make it first"));
        assert!(why(&folder.join("mbox/x")).contains("not a folder"));
        assert!(why(Path::new("/")).contains("not a name"));
    }

    #[test]
    fn links_are_followed_where_only_we_lay_them() {
        let (_keep, folder) = folder();
        let real = folder.join("real");
        fs::create_dir(&real).unwrap();
        symlink("real/mbox", folder.join("a")).unwrap();
        symlink("a", folder.join("b")).unwrap();
        assert_eq!(
            Place::find(&folder.join("b")).unwrap().path,
            real.join("mbox")
        );
        fs::write(real.join("mbox"), "").unwrap();
        assert!(Place::find(&folder.join("b")).unwrap().found.is_some());
        for mode in [0o720, 0o702, 0o1777] {
            chmod(&folder, mode);
            assert!(why(&folder.join("b")).contains("a symbolic link is followed only if"));
            Place::find(&real.join("mbox")).unwrap();
        }
        chmod(&folder, 0o700);
        symlink("y", folder.join("x")).unwrap();
        symlink("x", folder.join("y")).unwrap();
        assert!(why(&folder.join("x")).contains("circle"));
    }

    #[test]
    fn anybodys_folders() {
        let (_keep, folder) = folder();
        let file = folder.join("mbox");
        fs::write(&file, "").unwrap();
        fs::hard_link(&file, folder.join("second")).unwrap();
        Place::find(&file).unwrap();
        chmod(&folder, 0o1777);
        assert!(why(&file).contains("second name"));
        fs::remove_file(folder.join("second")).unwrap();
        Place::find(&file).unwrap();
    }

    #[test]
    fn root_keeps_to_its_own() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let (_keep, folder) = folder();
        let file = folder.join("mbox");
        fs::write(&file, "").unwrap();
        chown(&file, Some(1234), None).unwrap();
        assert!(why(&file).contains("it belongs to user 1234, and as root"));
        let link = folder.join("link");
        symlink("mbox", &link).unwrap();
        std::os::unix::fs::lchown(&link, Some(1234), None).unwrap();
        assert!(why(&link).contains("a symbolic link is followed only if"));
    }
}
