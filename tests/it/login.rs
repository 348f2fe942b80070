//! Logging in: every method, the order of them, and what is never sent in clear.

use crate::run::{alice, home, home_with, numbered, popfetch};
use crate::support::auth::{Mechanism, ScramFault};
use crate::support::popfetch::Account;
use crate::support::server::{Server, SessionLog};
use crate::support::tls::{Authority, Identity};

const ALL: [Mechanism; 7] = [
    Mechanism::Plain,
    Mechanism::Login,
    Mechanism::CramMd5,
    Mechanism::ScramSha1,
    Mechanism::ScramSha1Plus,
    Mechanism::ScramSha256,
    Mechanism::ScramSha256Plus,
];

fn method(server: &Server) -> Option<&'static str> {
    server.last_session().method
}

fn said(session: &SessionLog) -> String {
    session
        .lines
        .iter()
        .map(|line| format!("{}\n", line.text))
        .collect()
}

#[test]
fn every_method_works_over_tls_and_in_clear_where_allowed() {
    let server = alice(numbered(1));
    server.change(|settings| {
        settings.mechanisms = ALL.to_vec();
        settings.apop = true;
    });
    for (word, name) in [
        ("scram-sha-256-plus", "SCRAM-SHA-256-PLUS"),
        ("scram-sha-256", "SCRAM-SHA-256"),
        ("scram-sha-1-plus", "SCRAM-SHA-1-PLUS"),
        ("scram-sha-1", "SCRAM-SHA-1"),
        ("cram-md5", "CRAM-MD5"),
        ("plain", "PLAIN"),
        ("login", "LOGIN"),
        ("apop", "APOP"),
        ("user", "USER"),
    ] {
        let (popfetch, _) = home_with(&server, |account| account.set("auth", word));
        popfetch.run(&[]).expect_silence();
        assert_eq!(method(&server), Some(name));
        let mut popfetch = crate::run::popfetch();
        let mail = popfetch.path("mail");
        popfetch.account(
            Account::in_clear(&server, "work", "alice", "secret")
                .maildir(&mail)
                .set("auth", word),
        );
        let ran = popfetch.run(&[]);
        if word.ends_with("plus") {
            ran.expect_code(69);
        } else {
            ran.expect_silence();
            assert_eq!(method(&server), Some(name));
        }
    }
}

#[test]
fn auto_takes_the_strongest_that_is_offered() {
    for (offered, chosen) in [
        (ALL.to_vec(), "SCRAM-SHA-256-PLUS"),
        (
            vec![
                Mechanism::Plain,
                Mechanism::Login,
                Mechanism::CramMd5,
                Mechanism::ScramSha1,
            ],
            "SCRAM-SHA-1",
        ),
        (
            vec![Mechanism::Login, Mechanism::CramMd5, Mechanism::Plain],
            "PLAIN",
        ),
        (vec![Mechanism::Login, Mechanism::CramMd5], "LOGIN"),
        (vec![Mechanism::CramMd5], "USER"),
        (vec![], "USER"),
    ] {
        let server = alice(numbered(1));
        server.change(|settings| settings.mechanisms = offered.clone());
        home(&server).0.run(&[]).expect_silence();
        assert_eq!(method(&server), Some(chosen), "{offered:?}");
    }
}

#[test]
fn without_tls_no_password_is_sent_unless_it_is_allowed() {
    for offered in [
        vec![],
        vec![Mechanism::Plain, Mechanism::Login, Mechanism::CramMd5],
    ] {
        let server = alice(numbered(1));
        server.change(|settings| settings.mechanisms = offered.clone());
        let mut popfetch = popfetch();
        let mail = popfetch.path("mail");
        let account = Account::in_clear(&server, "work", "alice", "secret").maildir(&mail);
        popfetch.account(account.clone().set("allow_cleartext", false));
        popfetch
            .run(&[])
            .expect_code(69)
            .expect_stderr("allow_cleartext");
        let session = server.last_session();
        assert!(
            session.commands_of("USER").is_empty() && session.commands_of("AUTH").is_empty(),
            "{}",
            said(&session)
        );
        popfetch.account(account);
        popfetch.run(&[]).expect_silence();
    }
}

#[test]
fn stls_is_required_and_can_not_be_stripped() {
    use crate::support::settings::Support;
    let server = alice(numbered(1));
    let stls = |account: Account| {
        account
            .set("tls", "stls")
            .set("port", i64::from(server.port()))
    };
    let (popfetch, _) = home_with(&server, stls);
    popfetch.run(&[]).expect_silence();
    assert!(server.last_session().tls);
    assert_eq!(
        server.last_session().commands_of("CAPA").len(),
        3,
        "before, inside, after login"
    );
    for support in [Support::Missing, Support::Refused] {
        server.change(|settings| settings.stls = support);
        popfetch.run(&[]).expect_code(69);
        let session = server.last_session();
        assert!(
            session.user.is_none() && !said(&session).contains("alice"),
            "{}",
            said(&session)
        );
    }
    server.change(|settings| {
        settings.stls = Support::Listed;
        settings.stls_injection = b"+OK smuggled\r\n".to_vec();
    });
    popfetch.run(&[]).expect_code(76);
    assert!(server.last_session().user.is_none());
}

#[test]
fn a_server_that_does_not_prove_itself_is_not_believed() {
    for fault in [ScramFault::WrongSignature, ScramFault::NoSignature] {
        let server = alice(numbered(1));
        server.change(|settings| settings.scram_fault = fault);
        let (popfetch, mail) = home_with(&server, |account| account.set("auth", "scram-sha-256"));
        popfetch.run(&[]).expect_code(77);
        assert!(
            !mail.join("new").exists() || std::fs::read_dir(mail.join("new")).unwrap().count() == 0
        );
    }
}

#[test]
fn a_wrong_password_is_tried_once_and_never_shown() {
    let server = alice(numbered(1));
    server.change(|settings| settings.mechanisms = vec![Mechanism::ScramSha256, Mechanism::Plain]);
    let (popfetch, _) = home_with(&server, |account| account.set("password", "wr0ng-guess"));
    let ran = popfetch.run(&["-vv"]);
    ran.expect_code(77).expect_stderr("login refused");
    assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("wr0ng-guess"));
    let session = server.last_session();
    assert_eq!(session.commands_of("AUTH").len(), 1);
    assert!(session.commands_of("USER").is_empty());
}

#[test]
fn the_protocol_is_shown_with_secrets_masked() {
    for word in [
        "plain",
        "login",
        "user",
        "cram-md5",
        "scram-sha-256",
        "apop",
    ] {
        let server = alice(numbered(1));
        server.change(|settings| {
            settings.mechanisms = ALL.to_vec();
            settings.apop = true;
        });
        let (popfetch, _) = home_with(&server, |account| account.set("auth", word));
        let ran = popfetch.run(&["-vv"]);
        ran.expect_code(0).expect_stderr("UIDL");
        let shown = format!("{}{}", ran.stdout, ran.stderr);
        for secret in ["secret", "AGFsaWNlAHNlY3JldA", "c2VjcmV0", "body 1"] {
            assert!(!shown.contains(secret), "{word}: {secret} in\n{shown}");
        }
        let session = server.last_session();
        for line in session.lines.iter().filter(|line| line.response) {
            assert!(
                line.text.len() < 3 || !shown.contains(&line.text),
                "{word}: {} in\n{shown}",
                line.text
            );
        }
    }
}

#[test]
fn certificates_are_verified() {
    type Identities = fn() -> Identity;
    let cases: [(&str, Identities, &str); 3] = [
        (
            "expired",
            || Authority::shared().issue_expired(&["127.0.0.1"]),
            "expired",
        ),
        (
            "wrong name",
            || Authority::shared().issue(&["elsewhere.example"]),
            "elsewhere.example",
        ),
        (
            "self-signed",
            || Identity::self_signed(&["127.0.0.1"]),
            "tls_fingerprint",
        ),
    ];
    for (name, identity, word) in cases {
        let server = alice(numbered(1));
        let identity = identity();
        server.change(|settings| settings.identity = identity.clone());
        let (popfetch, _) = home(&server);
        let ran = popfetch.run(&[]);
        ran.expect_code(77).expect_stderr(word);
        assert_eq!(server.logins(), 0, "{name}");
        let pin = ran.stderr.split("sha256:").nth(1).map(|rest| {
            rest.chars()
                .take_while(char::is_ascii_hexdigit)
                .collect::<String>()
        });
        let pin = pin.unwrap_or_else(|| panic!("{name}: no fingerprint in {}", ran.stderr));
        // What the error says to paste works.
        let (pinned, _) = home_with(&server, |account| {
            account.set("tls_fingerprint", format!("sha256:{pin}"))
        });
        pinned.run(&[]).expect_silence();
        let other = "0".repeat(64);
        let (pinned, _) = home_with(&server, |account| {
            account.set("tls_fingerprint", format!("sha256:{other}"))
        });
        pinned.run(&[]).expect_code(77);
    }
}

#[test]
fn another_name_can_be_verified() {
    let server = alice(numbered(1));
    server.change(|settings| settings.identity = Authority::shared().issue(&["pop.example.org"]));
    let (popfetch, _) = home_with(&server, |account| {
        account.set("tls_server_name", "pop.example.org")
    });
    popfetch.run(&[]).expect_silence();
}

#[test]
fn tls_1_2_is_spoken_unless_a_newer_one_is_asked_for() {
    let server = alice(numbered(1));
    static ONLY: [&rustls::SupportedProtocolVersion; 1] = [&rustls::version::TLS12];
    server.change(|settings| settings.tls_versions = &ONLY);
    home(&server).0.run(&[]).expect_silence();
    let (popfetch, _) = home_with(&server, |account| account.set("tls_min_version", "1.3"));
    popfetch.run(&[]).expect_code(69);
}

#[test]
fn a_password_comes_from_a_command_a_file_or_netrc() {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    let server = alice(numbered(1));
    let bare = |popfetch: &crate::support::popfetch::Popfetch| {
        let mail = popfetch.path("mail");
        Account::new("work", "127.0.0.1", "alice")
            .set("port", i64::from(server.tls_port()))
            .maildir(&mail)
    };
    let mut home = popfetch();
    home.account(bare(&home));
    home.run(&[])
        .expect_code(77)
        .expect_stderr("password_command");
    home.account(bare(&home).set("password_command", "echo secret; echo more"));
    home.run(&[]).expect_silence();
    home.account(bare(&home).set("password_command", "echo no keyring >&2; exit 3"));
    home.run(&[]).expect_code(75).expect_stderr("no keyring");
    let file = home.path("password");
    fs::write(&file, "secret\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    home.account(bare(&home).set("password_file", file.to_str().unwrap()));
    home.run(&[]).expect_code(78).expect_stderr("chmod 600");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    home.run(&[]).expect_silence();
    let netrc = home.path(".netrc");
    fs::write(&netrc, "machine 127.0.0.1 login bob password hidden\nmachine 127.0.0.1 login alice password secret\n").unwrap();
    fs::set_permissions(&netrc, fs::Permissions::from_mode(0o600)).unwrap();
    home.account(bare(&home));
    home.run(&[]).expect_silence();
}

#[test]
fn a_signal_does_not_wait_for_the_password_command() {
    use std::os::unix::process::ExitStatusExt as _;
    use std::time::{Duration, Instant};
    let server = alice(numbered(1));
    for signal in [
        rustix::process::Signal::INT,
        rustix::process::Signal::TERM,
        rustix::process::Signal::HUP,
    ] {
        let mut popfetch = popfetch();
        let (mail, asked) = (popfetch.path("mail"), popfetch.path("asked"));
        let command = format!("echo > '{}'; exec sleep 600", asked.display());
        popfetch.account(
            Account::new("work", "127.0.0.1", "alice")
                .set("port", i64::from(server.tls_port()))
                .set("password_command", command)
                .maildir(&mail),
        );
        let mut run = popfetch.start(&[]);
        while !asked.exists() && !run.has_ended() {
            std::thread::sleep(Duration::from_millis(10));
        }
        let begun = Instant::now();
        run.signal(signal);
        let ran = run.wait();
        assert_eq!(ran.status.signal(), Some(signal.as_raw()), "{ran:?}");
        assert_eq!(ran.stderr, "");
        // The command's own limit is a minute.
        assert!(begun.elapsed() < Duration::from_secs(50));
    }
    assert_eq!(server.settled().len(), 0);
}
