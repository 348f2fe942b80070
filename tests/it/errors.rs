//! What goes wrong: one line that says what to do, and an exit code that tells the truth.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::run::{alice, delivered, expected, home, home_with, numbered, popfetch};
use crate::support::popfetch::{Account, Popfetch, Ran, Running};
use crate::support::script::{Script, ScriptServer};

#[track_caller]
fn one_line(ran: &Ran, code: i32, part: &str) {
    ran.expect_code(code).expect_stderr(part);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.starts_with("popfetch: "), "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
}

/// A home whose account `work` is on the scripted server, in clear.
fn scripted(script: &ScriptServer) -> Popfetch {
    let mut popfetch = popfetch();
    let mail = popfetch.path("mail");
    let account = Account::new("work", "127.0.0.1", "alice")
        .set("port", i64::from(script.port()))
        .set("password", "secret")
        .set("tls", "none")
        .set("allow_cleartext", true);
    popfetch.account(account.maildir(&mail));
    popfetch
}

#[test]
fn no_configuration() {
    let popfetch = popfetch();
    let ran = Running::start(popfetch.command([""; 0]).env_remove("POPFETCH_CONFIG")).wait();
    one_line(&ran, 78, "config.toml");
    ran.expect_stderr("--host");
    // A file that was named is missed by its name.
    one_line(
        &popfetch.run(&["-c", "elsewhere.toml"]),
        78,
        "elsewhere.toml",
    );
}

#[test]
fn a_mistyped_configuration_is_shown_by_place_and_never_by_secret() {
    for (text, part) in [
        ("[accounts.work]\nhots = \"x\"\n", ":2:1: "),
        ("[accounts.work]\nhost = \"x\"\n", "user"),
        (
            "[accounts.work]\nhost = \"x\"\nuser = \"u\"\npassword = \"hunter2\nport = 1\n",
            ":4:",
        ),
        (
            "[accounts.work]\nhost = \"x\"\nuser = \"u\"\nport = \"hunter2\"\n",
            ":4:",
        ),
        (
            "[accounts.work]\nhost = \"x\"\nuser = \"u\"\ndeliver = { maildir = \"a\", mbox = \"b\" }\n",
            "deliver",
        ),
    ] {
        let popfetch = popfetch();
        popfetch.write_config(text);
        let ran = popfetch.run(&[]);
        one_line(&ran, 78, part);
        assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
    }
}

#[test]
fn a_configuration_with_a_password_that_others_can_read_is_refused() {
    let server = alice(numbered(1));
    let (popfetch, _) = home(&server);
    fs::set_permissions(popfetch.config_file(), fs::Permissions::from_mode(0o644)).unwrap();
    one_line(&popfetch.run(&[]), 78, "chmod 600");
    assert_eq!(server.settled().len(), 0);
}

#[test]
fn an_account_that_does_not_exist() {
    let server = alice(numbered(1));
    let (popfetch, _) = home(&server);
    popfetch
        .run(&["-a", "wrok"])
        .expect_code(64)
        .expect_stderr("work");
    popfetch
        .run(&["work"])
        .expect_code(64)
        .expect_stderr("popfetch -a work");
}

#[test]
fn usage() {
    let popfetch = popfetch();
    popfetch.run(&["--no-such-option"]).expect_code(64);
    popfetch
        .run(&["--limit", "3", "check"])
        .expect_code(64)
        .expect_stderr("--limit");
    popfetch.run(&["--help"]).expect_code(0);
    popfetch.run(&["--version"]).expect_code(0);
}

#[test]
fn a_host_that_does_not_exist() {
    let server = alice(numbered(1));
    let (popfetch, _) = home_with(&server, |account| {
        account.set("host", "no-such-host.invalid")
    });
    one_line(&popfetch.run(&[]), 75, "no-such-host.invalid");
}

#[test]
fn a_port_where_nobody_listens() {
    // Bound, so that nobody else gets it meanwhile.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(&address.into()).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    let server = alice(numbered(1));
    let (popfetch, _) = home_with(&server, |account| account.set("port", i64::from(port)));
    one_line(
        &popfetch.run(&[]),
        75,
        &format!("popfetch: work: 127.0.0.1:{port}: "),
    );
}

#[test]
fn tls_where_there_is_none_and_none_where_there_is_tls() {
    let server = alice(numbered(1));
    let (popfetch, _) = home_with(&server, |account| {
        account.set("port", i64::from(server.port()))
    });
    let ran = popfetch.run(&[]);
    one_line(&ran, 76, "tls = ");
    let mut clear = crate::run::popfetch();
    let mail = clear.path("mail");
    let account = Account::in_clear(&server, "work", "alice", "secret").maildir(&mail);
    clear.account(
        account
            .set("port", i64::from(server.tls_port()))
            .set("timeout", "1s"),
    );
    let ran = clear.run(&[]);
    assert!([75, 76].contains(&ran.code()), "{ran:?}");
}

#[test]
fn a_destination_that_cannot_be_written() {
    if rustix::process::geteuid().is_root() {
        // Root writes anywhere; a folder under a file is nobody's to make.
        let server = alice(numbered(1));
        let mut popfetch = popfetch();
        fs::write(popfetch.path("file"), "").unwrap();
        let mail = popfetch.path("file").join("mail");
        popfetch.account(Account::on(&server, "work", "alice", "secret").maildir(&mail));
        one_line(&popfetch.run(&[]), 74, "/file: not a folder");
        assert_eq!(server.logins(), 0);
        return;
    }
    let server = alice(numbered(1));
    let (popfetch, mail) = home(&server);
    popfetch.run(&["--limit", "0"]);
    fs::create_dir_all(&mail).unwrap();
    fs::set_permissions(&mail, fs::Permissions::from_mode(0o500)).unwrap();
    one_line(&popfetch.run(&[]), 74, "mail");
}

#[test]
fn a_damaged_journal_is_never_guessed_at() {
    let server = alice(numbered(2));
    let (popfetch, mail) = home(&server);
    popfetch.run(&[]).expect_silence();
    let journal = popfetch.state().join("work.journal");
    let text = fs::read_to_string(&journal).unwrap();
    let damaged: String = text
        .lines()
        .enumerate()
        .map(|(number, line)| {
            if number == 2 {
                "? what\n".into()
            } else {
                format!("{line}\n")
            }
        })
        .collect();
    fs::write(&journal, damaged).unwrap();
    one_line(&popfetch.run(&[]), 74, "line 3");
    assert_eq!(delivered(&mail), expected(numbered(2)));
}

#[test]
fn a_state_folder_that_cannot_be_made() {
    let server = alice(numbered(1));
    let (popfetch, mail) = home_with(&server, |account| account.set("keep", false));
    fs::create_dir_all(popfetch.path(".local")).unwrap();
    fs::write(popfetch.path(".local/state"), "in the way").unwrap();
    one_line(&popfetch.run(&[]), 74, "state");
    assert!(!mail.join("new").exists());
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 1);
}

#[test]
fn a_server_that_is_none() {
    for (greeting, code) in [
        (&b"SSH-2.0-OpenSSH_9.2\r\n"[..], 76),
        (b"-ERR [SYS/TEMP] too busy\r\n", 75),
        (b"-ERR go away\r\n", 75),
        (b"", 75),
        (b"+OKAY then\r\n", 76),
    ] {
        let script = ScriptServer::start([Script::new().send(greeting)]);
        let popfetch = scripted(&script);
        let ran = popfetch.run(&[]);
        one_line(&ran, code, "popfetch: work: 127.0.0.1:");
        drop(script);
    }
}

#[test]
fn escape_sequences_of_the_server_reach_nobody() {
    let script =
        ScriptServer::start(
            [Script::new().send("-ERR \x1b]0;owned\x07\x1b[31m red \u{202e}x\r\n")],
        );
    let popfetch = scripted(&script);
    let ran = popfetch.run(&["-vv"]);
    assert!(
        ran.stderr.chars().all(|c| c == '\n' || !c.is_control())
            && !ran.stderr.contains('\u{202e}'),
        "{:?}",
        ran.stderr
    );
}

#[test]
fn a_server_that_drips_runs_into_the_time_limit() {
    // For longer than anybody's patience.
    let greeting = format!("+OK {}", "slow ".repeat(1000));
    let drip = Script::new().drip(greeting, Duration::from_millis(50));
    let script = ScriptServer::start([drip]);
    let mut popfetch = scripted(&script);
    popfetch.default("timeout", "1s");
    one_line(&popfetch.run(&[]), 75, "timed out");
}

#[test]
fn a_journal_torn_at_its_end_is_mended() {
    // What a power cut leaves of a write: nothing but its length, a piece of it, or both.
    let tails: [&[u8]; 5] = [
        &[0; 4096],
        b"s 17",
        b"s 1700000000 - uid-3",
        b"s 1700000000 - uid-3\n",
        b"s 1700000000 - ui\0\0\0\0\0\0\n= 24\n\0\0\0",
    ];
    for tail in tails {
        let server = alice(numbered(2));
        let (popfetch, mail) = home(&server);
        popfetch.run(&[]).expect_silence();
        let journal = popfetch.state().join("work.journal");
        let whole = fs::read(&journal).unwrap();
        fs::write(&journal, [&whole[..], tail].concat()).unwrap();
        server.deliver("alice", crate::support::maildrop::Message::numbered(3));
        popfetch.run(&[]).expect_silence();
        popfetch.run(&[]).expect_silence();
        assert_eq!(
            delivered(&mail),
            expected(numbered(3)),
            "{}",
            tail.escape_ascii()
        );
        assert!(!fs::read(&journal).unwrap().contains(&0));
    }
}
