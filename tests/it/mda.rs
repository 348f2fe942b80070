//! Mail through a command: whole messages, and exit statuses taken at their word.

use std::fs;

use crate::run::{alice, expected, numbered, popfetch};
use crate::support::maildrop::{Message, odd_messages};
use crate::support::popfetch::{Account, Popfetch};
use crate::support::server::Server;

/// A home whose account pipes each message to a shell script with `$1` the envelope sender.
fn home(server: &Server, script: &str) -> Popfetch {
    let mut popfetch = popfetch();
    popfetch.account(
        Account::on(server, "work", "alice", "secret")
            .set("keep", false)
            .mda(&["sh", "-c", script, "mda", "%F", "%S", "%I"]),
    );
    popfetch
}

#[test]
fn each_message_is_piped_whole_and_unchanged() {
    let server = alice(odd_messages());
    let popfetch = home(&server, "mkdir -p out && cat > out/$3");
    popfetch.run(&[]).expect_silence();
    let mut texts: Vec<Vec<u8>> = fs::read_dir(popfetch.path("out"))
        .unwrap()
        .map(|entry| fs::read(entry.unwrap().path()).unwrap())
        .collect();
    texts.sort();
    assert_eq!(texts, expected(odd_messages()));
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 0);
}

#[test]
fn sender_size_and_environment_are_given() {
    let server = alice(numbered(1));
    let size = Message::numbered(1).on_disk().len();
    let popfetch = home(
        &server,
        "cat >/dev/null; echo \"$1 $2 $POPFETCH_SENDER $POPFETCH_USER $POPFETCH_HOST $POPFETCH_ACCOUNT $POPFETCH_UID $POPFETCH_SIZE\" > out",
    );
    popfetch.run(&[]).expect_silence();
    let out = fs::read_to_string(popfetch.path("out")).unwrap();
    assert_eq!(
        out,
        format!(
            "sender@example.test {size} sender@example.test alice 127.0.0.1 work uid-1 {size}\n"
        )
    );
}

#[test]
fn a_sender_that_a_shell_could_misread_becomes_mailer_daemon() {
    for sender in [
        "$(touch pwned)@x",
        "-oQ/tmp@x",
        "a;b@x",
        "a b@x",
        "",
        "plain",
    ] {
        let text = format!("Return-Path: <{sender}>\nSubject: x\n\nx\n");
        let server = alice([Message::new("u", text)]);
        let popfetch = home(&server, "cat >/dev/null; printf %%s \"$1\" > out");
        popfetch.run(&[]).expect_silence();
        assert_eq!(
            fs::read_to_string(popfetch.path("out")).unwrap(),
            "MAILER-DAEMON",
            "{sender}"
        );
    }
}

#[test]
fn only_exit_0_is_a_delivery() {
    for (script, code, part) in [
        ("cat >/dev/null; exit 75", 75, "75"),
        (
            "cat >/dev/null; echo 'no such user' >&2; exit 67",
            74,
            "no such user",
        ),
        ("cat >/dev/null; exit 99", 74, "99"),
        ("cat >/dev/null; kill -9 $$", 75, "signal"),
        ("cat >/dev/null; exit 1", 74, "status 1"),
        ("cat >/dev/null; exit 100", 74, "status 100"),
        ("exit 0", 74, ""),
        ("exec <&-; exit 0", 74, "without having read"),
        ("head -c 1 >/dev/null; exit 0", 74, ""),
    ] {
        let server = alice(numbered(2));
        let popfetch = home(&server, script);
        let ran = popfetch.run(&[]);
        ran.expect_code(code).expect_stderr(part);
        assert_eq!(
            server.maildrop("alice", |drop| drop.messages().len()),
            2,
            "{script}"
        );
    }
}

#[test]
fn a_status_listed_in_drop_is_thrown_away_on_purpose() {
    let server = alice(numbered(2));
    let mut popfetch = popfetch();
    let mut deliver = toml::Table::new();
    deliver.insert("mda".into(), "cat >/dev/null; exit 99".into());
    deliver.insert("drop".into(), vec![99_i64].into());
    popfetch.account(
        Account::on(&server, "work", "alice", "secret")
            .set("keep", false)
            .set("deliver", deliver),
    );
    popfetch.run(&[]).expect_silence();
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 0);
}

#[test]
fn one_message_that_fails_does_not_stop_the_others() {
    let server = alice(numbered(4));
    let popfetch = home(&server, "mkdir -p out && cat > out/$3; test $3 != uid-2");
    popfetch.run(&[]).expect_code(74);
    assert_eq!(server.maildrop("alice", |drop| drop.uids()), ["uid-2"]);
}

#[test]
fn a_command_that_does_not_exist() {
    let server = alice(numbered(3));
    let mut popfetch = popfetch();
    popfetch.account(Account::on(&server, "work", "alice", "secret").mda(&[
        "no-such-mda",
        "-d",
        "me",
    ]));
    let ran = popfetch.run(&[]);
    ran.expect_code(74).expect_stderr("no-such-mda");
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
}
