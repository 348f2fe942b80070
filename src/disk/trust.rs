//! Whether a file can be trusted with, or for, a secret.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Why a file cannot be trusted with, or for, a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Distrust {
    /// Others can read it.
    #[error("others can read it (chmod 600 {0})")]
    Readable(String),
    /// Others can write it.
    #[error("others can write it (chmod 600 {0})")]
    Writable(String),
    /// Neither ours nor root's.
    #[error("it is owned by neither you nor root")]
    Owner,
    /// It cannot be looked at.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Checks that a file is ours or root's.
///
/// # Errors
/// [`Distrust::Owner`], or that it cannot be looked at.
pub fn check_owner(file: &File) -> Result<(), Distrust> {
    let owner = file.metadata()?.uid();
    if owner == 0 || owner == rustix::process::geteuid().as_raw() {
        Ok(())
    } else {
        Err(Distrust::Owner)
    }
}

/// Checks that nobody but its owner can read or write a file, and that its owner is us or root.
///
/// `path` is for the message only.
///
/// # Errors
/// What is wrong with it, and the command that mends it.
pub fn check_private(file: &File, path: &Path) -> Result<(), Distrust> {
    check_owner(file)?;
    let mode = file.metadata()?.mode();
    if mode & 0o044 != 0 {
        Err(Distrust::Readable(path.display().to_string()))
    } else if mode & 0o022 != 0 {
        Err(Distrust::Writable(path.display().to_string()))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn modes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "").unwrap();
        for (mode, verdict) in [
            (0o600, None),
            (0o400, None),
            (0o700, None),
            (0o640, Some("others can read it (chmod 600 a)")),
            (0o604, Some("others can read it (chmod 600 a)")),
            (0o644, Some("others can read it (chmod 600 a)")),
            (0o620, Some("others can write it (chmod 600 a)")),
        ] {
            let file = File::open(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let said = check_private(&file, Path::new("a")).err();
            assert_eq!(said.map(|why| why.to_string()).as_deref(), verdict);
            check_owner(&file).unwrap();
        }
    }

    #[test]
    fn owners() {
        check_owner(&File::open("/etc/passwd").unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "").unwrap();
        // Giving a file away takes root.
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
            let stranger = check_owner(&File::open(&path).unwrap());
            assert!(matches!(stranger, Err(Distrust::Owner)));
        }
    }
}
