//! Dovecot: every login method over every kind of connection.

use crate::dovecot;
use crate::place::Place;
use crate::run::{expect_same, home_of, popfetch, sent, sorted};
use crate::support::mailbox;
use crate::support::popfetch::Account;

const METHODS: [&str; 7] = [
    "scram-sha-256",
    "scram-sha-1",
    "cram-md5",
    "plain",
    "login",
    "apop",
    "user",
];

/// An account of bob's by a kind of connection.
fn account(place: &Place, connection: &str) -> Account {
    let account = place.account("work", "bob");
    match connection {
        "pop3s" => account,
        "stls" => account
            .set("port", i64::from(place.port))
            .set("tls", "stls"),
        _ => place.in_clear("work", "bob"),
    }
}

#[test]
fn dovecot_takes_every_method_over_every_connection() {
    let place = dovecot::start();
    let expected = sent(&place, "bob");
    for connection in ["pop3s", "stls", "clear"] {
        for method in METHODS {
            let (popfetch, mail) = home_of(account(&place, connection).set("auth", method));
            let ran = popfetch.run(&["-v"]);
            if (connection, method) == ("stls", "apop") {
                // The stamp came in clear, and nothing is remembered from before TLS.
                ran.expect_code(69).expect_stderr("no login method");
                continue;
            }
            ran.expect_code(0)
                .expect_stderr(&format!("work: logged in by {method}\n"));
            let what = format!("{method}, {connection}");
            expect_same(&what, &sorted(mailbox::maildir(&mail)), &expected);
        }
    }
}

#[test]
fn dovecot_by_auto_is_scram_over_every_connection() {
    let place = dovecot::start();
    for connection in ["pop3s", "stls", "clear"] {
        let (popfetch, _) = home_of(account(&place, connection));
        let ran = popfetch.run(&["-v", "check"]);
        ran.expect_code(0)
            .expect_stderr("work: logged in by scram-sha-256\n");
        assert_eq!(ran.stdout, "work: 3 new (798 B), 3 in all (798 B)\n");
    }
}

#[test]
fn dovecot_refuses_a_wrong_password_by_every_method() {
    let place = dovecot::start();
    // Dovecot answers a refused login after two seconds; so all at once.
    let mut popfetch = popfetch();
    for method in METHODS {
        popfetch.account(
            place
                .account(method, "bob")
                .set("password", "wrong")
                .set("auth", method),
        );
    }
    let ran = popfetch.run(&["check"]);
    ran.expect_code(77);
    assert_eq!(ran.stdout, "");
    assert_eq!(ran.stderr.lines().count(), METHODS.len(), "{}", ran.stderr);
    for method in METHODS {
        let line = ran
            .stderr
            .lines()
            .find(|line| line.starts_with(&format!("popfetch: {method}: 127.0.0.1:")));
        let line = line.unwrap_or_else(|| panic!("nothing of {method}: {}", ran.stderr));
        assert!(line.contains("Authentication failed."), "{line}");
    }
    assert!(!ran.stderr.contains("wrong\""), "{}", ran.stderr);
}
