//! Cyrus: SCRAM with channel binding, which it means otherwise than the standards.
//!
//! Cyrus 3.6 binds to nothing but the client's Finished message and calls that `tls-unique`, also in TLS 1.3, for
//! which RFC 9266 says that there is no such thing; in TLS 1.2 it is safe only with the extended master secret. Neither
//! rustls nor native-tls gives the Finished message out. So none of its bound mechanisms can be had soundly.

use std::path::Path;
use std::process::Command;

use crate::cyrus;
use crate::place::Place;
use crate::run::{home, home_with};
use crate::support::mailbox;

/// What Cyrus answers to the proof of SCRAM-SHA-256-PLUS bound by this kind, by the word of OpenSSL's client.
fn answer(place: &Place, version: &str, kind: &str) -> String {
    let user = place.user("bob");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/binding.py");
    let mut python = Command::new("python3");
    python
        .arg(script)
        .arg(place.tls_port.unwrap().to_string())
        .arg(place.ca())
        .args([version, kind, user.name, user.password]);
    place.namespace.run(&mut python, "")
}

#[test]
fn cyrus_binds_to_the_finished_message_alone() {
    let place = cyrus::start();
    for version in ["1.2", "1.3"] {
        let status = answer(&place, version, "tls-unique");
        assert!(status.starts_with("+OK"), "TLS {version}: {status}");
    }
    for kind in ["tls-exporter", "tls-server-end-point"] {
        let status = answer(&place, "1.3", kind);
        assert!(status.starts_with("-ERR [AUTH]"), "{kind}: {status}");
    }
}

#[test]
fn cyrus_by_auto_is_scram_without_binding() {
    let place = cyrus::start();
    let (popfetch, mail) = home(&place, "bob");
    let ran = popfetch.run(&["-vv"]);
    ran.expect_code(0)
        .expect_stderr("> AUTH SCRAM-SHA-256 ****\n")
        .expect_stderr("work: logged in by scram-sha-256\n");
    // A bound method would be refused after three seconds, and stand in the server's log as a bad login.
    assert_eq!(ran.stderr.matches("> AUTH ").count(), 1, "{}", ran.stderr);
    assert_eq!(mailbox::maildir(&mail).len(), 3);
}

#[test]
fn who_lists_a_bound_method_gets_nothing_less() {
    let place = cyrus::start();
    let (popfetch, mail) = home_with(&place, "bob", |account| {
        account.set("auth", vec!["scram-sha-256-plus", "scram-sha-256"])
    });
    let ran = popfetch.run(&["-vv"]);
    ran.expect_code(77).expect_stderr("bad protocol / cancel");
    assert_eq!(ran.stderr.matches("> AUTH ").count(), 1, "{}", ran.stderr);
    assert_eq!(mailbox::maildir(&mail).len(), 0);
}
