#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Cursor;
use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn request(source: &Source) -> Request<'_> {
    Request {
        account: "work",
        host: "pop.example.org",
        user: "me",
        source,
        netrc: None,
        prompt: false,
        stop: None,
    }
}

fn found(request: &Request<'_>, home: &Path) -> Result<String, String> {
    match find_with(request, Some(home)) {
        Ok(secret) => Ok(secret.expose().to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn write(path: &Path, content: &str, mode: u32) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

const NETRC: &str = "machine pop.example.org login me password from-netrc\n";

#[test]
fn the_accounts_own_key_comes_first() {
    let home = tempfile::tempdir().unwrap();
    write(&home.path().join(".netrc"), NETRC, 0o600);
    let file = home.path().join("password");
    write(&file, "from-file\r\nsecond\n", 0o600);
    for (source, expected) in [
        (Source::Literal(Secret::new("literal".into())), "literal"),
        (
            Source::Command(Command::shell("echo from-command".into()).unwrap()),
            "from-command",
        ),
        (Source::File(file), "from-file"),
        (Source::None, "from-netrc"),
    ] {
        assert_eq!(
            found(&request(&source), home.path()),
            Ok(expected.to_owned())
        );
    }
}

#[test]
fn a_configured_source_that_fails_is_not_passed_over() {
    let home = tempfile::tempdir().unwrap();
    write(&home.path().join(".netrc"), NETRC, 0o600);
    let path = |name: &str| home.path().join(name);
    write(&path("open"), "secret", 0o644);
    write(&path("empty"), "\nsecret", 0o600);
    write(&path("large"), &"x".repeat(65_537), 0o600);
    let shown = |name: &str| path(name).display().to_string();
    for (source, expected) in [
        (
            Source::Command(Command::shell("exit 1".into()).unwrap()),
            "password command exited with status 1".to_owned(),
        ),
        (
            Source::File(path("missing")),
            format!(
                "{}: No such file or directory (os error 2)",
                shown("missing")
            ),
        ),
        (
            Source::File(path("open")),
            format!("{0}: others can read it (chmod 600 {0})", shown("open")),
        ),
        (
            Source::File(path("empty")),
            format!("{}: it has an empty first line", shown("empty")),
        ),
        (
            Source::File(path("large")),
            format!("{}: it is larger than 65536 octets", shown("large")),
        ),
    ] {
        assert_eq!(found(&request(&source), home.path()), Err(expected));
    }
}

#[test]
fn netrc_is_the_configured_one_or_the_usual_one() {
    let home = tempfile::tempdir().unwrap();
    let nowhere = Err(Error::Nowhere.to_string());
    let ours = request(&Source::None);
    assert_eq!(found(&ours, home.path()), nowhere);

    let usual = home.path().join(".netrc");
    write(&usual, NETRC, 0o604);
    let readable = format!("{0}: others can read it (chmod 600 {0})", usual.display());
    assert_eq!(found(&ours, home.path()), Err(readable));
    // What others can read of other machines is not our affair.
    write(
        &usual,
        "machine ftp.example.org login me password x\n",
        0o644,
    );
    assert_eq!(found(&ours, home.path()), nowhere);

    let other = home.path().join("netrc");
    let configured = Request {
        netrc: Some(&other),
        ..ours.clone()
    };
    let missing = format!(
        "{}: No such file or directory (os error 2)",
        other.display()
    );
    assert_eq!(found(&configured, home.path()), Err(missing));
    write(&other, "default login me password \"other", 0o600);
    let malformed = format!("{}: line 1: a quotation does not end", other.display());
    assert_eq!(found(&configured, home.path()), Err(malformed));
    write(&other, "default login me password other", 0o600);
    assert_eq!(found(&configured, home.path()), Ok("other".to_owned()));
    write(&other, "default login you password other", 0o600);
    assert_eq!(found(&configured, home.path()), nowhere);
}

#[test]
fn asking() {
    let source = Source::None;
    let typed = |text: &'static str| {
        let terminal = rpassword::ConfigBuilder::new()
            .input_reader(Cursor::new(text))
            .output_discard()
            .build();
        ask(&request(&source), terminal).map(|secret| secret.expose().to_owned())
    };
    assert_eq!(typed("secret é\n").unwrap(), "secret é");
    assert!(matches!(typed("\n"), Err(Error::NotEntered)));
    assert!(matches!(typed(""), Err(Error::NotEntered)));
}

#[test]
fn the_prompt_says_whose_password_it_wants() {
    let folder = tempfile::tempdir().unwrap();
    let screen = folder.path().join("screen");
    fs::write(&screen, "").unwrap();
    let terminal = rpassword::ConfigBuilder::new()
        .input_reader(Cursor::new("secret\n"))
        .output_file_path(screen.to_str().unwrap())
        .build();
    let hostile = Request {
        user: "me\x1B[2J",
        ..request(&Source::None)
    };
    ask(&hostile, terminal).unwrap();
    let shown = fs::read_to_string(&screen).unwrap();
    assert_eq!(shown, "popfetch: password for me?[2J at pop.example.org: ");
}

#[test]
fn a_secret_is_never_shown() {
    let secret = Secret::new("hunter2".into());
    assert_eq!(format!("{secret:?}"), "Secret(****)");
    let source = Source::Literal(secret);
    assert!(!format!("{:?}", request(&source)).contains("hunter2"));
}
