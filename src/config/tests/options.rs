//! The command line, alone and over a file.

use std::path::Path;
use std::time::Duration;

use super::super::*;
use super::{account, paths};
use crate::command::Command;
use crate::deliver::{Quoting, Target};
use crate::sasl::{Method, Preference};
use crate::secret::Source;

fn options() -> Overrides {
    Overrides {
        host: Some("h".to_owned()),
        user: Some("me@x".to_owned()),
        ..Overrides::default()
    }
}

#[test]
fn the_command_line_alone() {
    let account = from_options(&options(), &paths()).unwrap();
    assert_eq!(account.name, "me@x@h");
    assert_eq!((account.tls, account.port), (Tls::Implicit, 995));
    assert_eq!((account.keep, account.target), (Keep::Always, None));
    assert_eq!(account.journal.parent(), Some(Path::new("/state")));
    assert!(!account.journal_named);

    let account = from_options(
        &Overrides {
            tls: Some(Tls::Stls),
            maildir: Some("~/Mail/%U".into()),
            password_command: Some("pass".to_owned()),
            keep: Some(false),
            max_size: Some(5),
            auth: Some(Preference::List(vec![Method::Plain])),
            ..options()
        },
        &paths(),
    )
    .unwrap();
    assert_eq!((account.tls, account.port), (Tls::Stls, 110));
    let maildir = Target::Maildir("/home/me/Mail/me@x".into());
    assert_eq!(account.target, Some(maildir));
    assert!(matches!(account.secret, Source::Command(Command::Shell(line)) if line == "pass"));
    assert_eq!((account.keep, account.max_size), (Keep::Never, Some(5)));
    assert_eq!(account.auth, Preference::List(vec![Method::Plain]));
}

#[test]
fn a_wrong_command_line() {
    let both = || options();
    for (overrides, message) in [
        (
            Overrides {
                user: None,
                ..both()
            },
            "without a configuration --host and --user are needed",
        ),
        (
            Overrides {
                host: Some("h:995".to_owned()),
                ..both()
            },
            "--host: expected a name or an address alone; the port goes into port",
        ),
        (
            Overrides {
                user: Some("a\r\nQUIT".to_owned()),
                ..both()
            },
            "--user: line breaks and NUL cannot be sent",
        ),
        (
            Overrides {
                user: Some("a\u{1b}".to_owned()),
                ..both()
            },
            "--user: an account's name cannot hold control characters",
        ),
        (
            Overrides {
                port: Some(0),
                ..both()
            },
            "--port: there is no port 0",
        ),
        (
            Overrides {
                mbox: Some("/m".into()),
                mda: Some("cat".to_owned()),
                ..both()
            },
            "only one of --maildir, --mbox and --mda can be given",
        ),
        (
            Overrides {
                mda: Some(String::new()),
                ..both()
            },
            "--mda: a command cannot be empty",
        ),
        (
            Overrides {
                mbox: Some("/m/%x".into()),
                ..both()
            },
            "--mbox: unknown placeholder (known: %A, %U, and %% for a percent sign)",
        ),
    ] {
        let error = from_options(&overrides, &paths()).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn the_command_line_over_the_file() {
    let apply = |lines: &str, overrides: Overrides| {
        let mut account = account(lines);
        account.apply(&overrides, &paths()).unwrap();
        account
    };
    // Nothing said, nothing changed.
    let nothing = Overrides::default();
    assert!(nothing.is_empty() && !options().is_empty());
    let same = apply("port = 1\ndeliver.maildir = '/m/%U'\nkeep = '1d'", nothing);
    assert_eq!(same.port, 1);
    assert_eq!(same.target, Some(Target::Maildir("/m/u".into())));
    assert_eq!(same.keep, Keep::For(Duration::from_secs(86_400)));
    assert_eq!(same.name, "work");

    // Another user's mail does not go into this one's folder.
    let other = apply("deliver.maildir = '/m/%U'", options());
    assert_eq!(other.target, Some(Target::Maildir("/m/me@x".into())));
    assert_eq!((other.name.as_str(), other.user.as_str()), ("work", "me@x"));

    let stls = || Overrides {
        tls: Some(Tls::Stls),
        ..Overrides::default()
    };
    assert_eq!(apply("", stls()).port, 110);
    assert_eq!(apply("port = 1995", stls()).port, 1995);
    let ported = Overrides {
        port: Some(7),
        ..stls()
    };
    assert_eq!(apply("", ported).port, 7);

    let mbox = Overrides {
        mbox: Some("here/%A".into()),
        keep: Some(true),
        password_command: Some("pass".to_owned()),
        ..Overrides::default()
    };
    let account = apply("deliver.maildir = '/m'\nkeep = false\npassword = 'x'", mbox);
    let path = std::env::current_dir().unwrap().join("here/work");
    let quoting = Quoting::Mboxrd;
    assert_eq!(account.target, Some(Target::Mbox { path, quoting }));
    assert_eq!(account.keep, Keep::Always);
    assert!(matches!(account.secret, Source::Command(_)));
}
