//! Which files are read at all.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::super::*;
use super::{paths, with};

/// A file of a mode in a folder of its own, and the paths that lead to it.
fn file(content: impl AsRef<[u8]>, mode: u32) -> (tempfile::TempDir, Paths) {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    fs::write(&config, content).unwrap();
    fs::set_permissions(&config, fs::Permissions::from_mode(mode)).unwrap();
    let paths = Paths { config, ..paths() };
    (folder, paths)
}

#[test]
fn files() {
    let secret = with("password = 'hunter2'");
    let broken = format!("{}nonsense = 1", with("password = 'hunter2'"));
    for (content, mode, message) in [
        (with("").as_bytes(), 0o644, None),
        (with("").as_bytes(), 0o664, None),
        (
            with("").as_bytes(),
            0o666,
            Some("CONFIG: refused: everybody can write it (chmod go-w CONFIG)"),
        ),
        (secret.as_bytes(), 0o600, None),
        (
            secret.as_bytes(),
            0o640,
            Some("CONFIG: it holds a password, but others can read it (chmod 600 CONFIG)"),
        ),
        // Said before anything else that may be wrong with it.
        (
            broken.as_bytes(),
            0o604,
            Some("CONFIG: it holds a password, but others can read it (chmod 600 CONFIG)"),
        ),
        (
            b"[defaults]\npassword = 5".as_slice(),
            0o604,
            Some("CONFIG: it holds a password, but others can read it (chmod 600 CONFIG)"),
        ),
        (
            b"# \xC3\xA4\nkeep = \"\xE4\"".as_slice(),
            0o600,
            Some("CONFIG:2:9: this is not UTF-8 text"),
        ),
    ] {
        let (_folder, paths) = file(content, mode);
        let loaded = load(&paths).map(|config| assert!(config.is_some()));
        let error = loaded.err().map(|error| {
            error
                .to_string()
                .replace(paths.config.to_str().unwrap(), "CONFIG")
        });
        assert_eq!(error.as_deref(), message, "{mode:o}");
    }
}

#[test]
fn a_missing_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut paths = Paths {
        config: folder.path().join("config.toml"),
        ..paths()
    };
    assert!(load(&paths).unwrap().is_none());
    paths.named = true;
    let error = load(&paths).unwrap_err().to_string();
    assert!(
        error.contains("config.toml: cannot read: No such file"),
        "{error}"
    );
    paths.config = folder.path().to_owned();
    assert!(load(&paths).is_err());
}
