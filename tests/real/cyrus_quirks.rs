//! Cyrus: LOGIN-DELAY and EXPIRE that it means, bare CR, keep and delete.

use crate::cyrus;
use crate::run::{expect_same, home, home_of, home_with, left, sent, sorted};
use crate::support::mailbox;

#[test]
fn odd_messages_arrive_as_cyrus_sends_them_and_are_deleted() {
    let place = cyrus::start();
    let expected = sorted(sent(&place, "alice"));
    let (popfetch, mail) = home_with(&place, "alice", |account| {
        account.set("keep", false).set("auth", "plain")
    });
    popfetch.run(&[]).expect_silence();
    expect_same("Maildir", &sorted(mailbox::maildir(&mail)), &expected);
    assert_eq!(left(&place, "alice"), 0);
    // All kept, over STLS and in clear.
    for (kind, user, count) in [("stls", "dave", 200), ("clear", "bob", 3)] {
        let account = match kind {
            "stls" => place
                .account("work", user)
                .set("port", i64::from(place.port))
                .set("tls", "stls")
                .set("auth", "scram-sha-1"),
            _ => place.in_clear("work", user),
        };
        let (popfetch, mail) = home_of(account);
        let expected = sorted(place.user(user).messages.clone());
        for _ in 0..2 {
            popfetch.run(&[]).expect_silence();
            expect_same(kind, &sorted(mailbox::maildir(&mail)), &expected);
        }
        assert_eq!(left(&place, user), count);
    }
}

#[test]
fn a_login_too_soon_is_for_another_time_and_not_the_passwords_fault() {
    let place = cyrus::start_with("popminpoll: 1");
    for auth in ["scram-sha-256", "plain", "user"] {
        let (popfetch, mail) = home_with(&place, "bob", |account| account.set("auth", auth));
        let ran = popfetch.run(&[]);
        if auth == "scram-sha-256" {
            ran.expect_silence();
            assert_eq!(mailbox::maildir(&mail).len(), 3);
        }
        let ran = popfetch.run(&[]);
        ran.expect_code(75)
            .expect_stderr("Logins must be at least 1 minute apart");
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        assert!(!ran.stderr.contains("password"), "{}", ran.stderr);
        let quiet = popfetch.run(&["-q"]);
        quiet.expect_code(75);
        assert_eq!(quiet.stderr, "");
    }
}

#[test]
fn where_mail_expires_list_leaves_without_quit() {
    let place = cyrus::start_with("popexpiretime: 3d");
    let (popfetch, _) = home_with(&place, "bob", |account| account.set("auth", "plain"));
    let ran = popfetch.run(&["info"]);
    ran.expect_code(0);
    for when in ["before login", "after login"] {
        let line = ran.stdout.lines().find(|line| line.contains(when));
        assert!(
            line.is_some_and(|line| line.contains("EXPIRE 3,")),
            "{}",
            ran.stdout
        );
    }
    let ran = popfetch.run(&["-vv", "list"]);
    ran.expect_code(0).expect_stderr("> TOP 3 0");
    assert!(!ran.stderr.contains("> QUIT"), "{}", ran.stderr);
    assert_eq!(ran.stdout.lines().count(), 3, "{}", ran.stdout);
    // One that read no message may say goodbye.
    popfetch
        .run(&["-vv", "check"])
        .expect_code(0)
        .expect_stderr("> QUIT");
    popfetch
        .run(&["-vv"])
        .expect_code(0)
        .expect_stderr("> QUIT");

    let place = cyrus::start();
    let (popfetch, _) = home(&place, "bob");
    popfetch
        .run(&["-vv", "list"])
        .expect_code(0)
        .expect_stderr("> QUIT");
}
