//! The real servers come up as the other tests expect them.

use std::time::Instant;

use crate::place::Place;
use crate::support::auth::Mechanism;
use crate::support::client::Client;
use crate::support::maildrop::{crlf, lf, unstuff};
use crate::support::patience::PATIENCE;
use crate::{cyrus, dovecot, popa3d};

/// Logs a user in and compares every message.
fn expect_messages(place: &Place, tls: bool, name: &str) {
    let user = place.user(name);
    let port = if tls {
        place.tls_port.unwrap()
    } else {
        place.port
    };
    let (mut client, _) = Client::greeted(port, tls);
    let status = client.login(user.name, user.password);
    assert!(status.starts_with("+OK"), "{name}: {status}");
    assert_eq!(
        client.ask_lines("UIDL").len(),
        user.messages.len(),
        "{name}"
    );
    for (number, message) in (1..).zip(&user.messages) {
        let text = unstuff(&client.ask_text(&format!("RETR {number}")));
        let whole = lf(&text) == *message;
        assert!(
            whole,
            "{name}, message {number}: {:?} and not {:?}",
            String::from_utf8_lossy(&text[..text.len().min(2000)]),
            String::from_utf8_lossy(&crlf(&message[..message.len().min(2000)])),
        );
    }
    assert!(client.ask("QUIT").starts_with("+OK"));
}

fn expect_login(place: &Place, tls: bool, mechanism: Mechanism) {
    let user = place.user("bob");
    let port = if tls {
        place.tls_port.unwrap()
    } else {
        place.port
    };
    let (mut client, _) = Client::greeted(port, tls);
    let status = client.sasl(mechanism, user.name, user.password);
    assert!(
        status.starts_with("+OK"),
        "{mechanism:?}, TLS {tls}: {status}"
    );
}

fn expect_stls(place: &Place) {
    let (mut client, _) = Client::greeted(place.port, false);
    assert!(client.ask_lines("CAPA").contains(&"STLS".to_owned()));
    assert!(client.ask("STLS").starts_with("+OK"));
    assert!(client.start_tls().ask("CAPA").starts_with("+OK"));
}

#[test]
fn dovecot_comes_up() {
    let place = dovecot::start();
    for name in ["alice", "bob", "carol", "dave"] {
        expect_messages(&place, name == "bob", name);
    }
    expect_stls(&place);
    for mechanism in [
        Mechanism::Plain,
        Mechanism::Login,
        Mechanism::CramMd5,
        Mechanism::ScramSha1,
        Mechanism::ScramSha256,
    ] {
        expect_login(&place, mechanism == Mechanism::Plain, mechanism);
    }
    let (_, greeting) = Client::greeted(place.port, false);
    assert!(greeting.ends_with('>'), "no APOP stamp: {greeting}");
}

#[test]
fn cyrus_comes_up() {
    let place = cyrus::start_with("popexpiretime: 3d");
    for name in ["alice", "bob", "carol", "dave"] {
        expect_messages(&place, name == "bob", name);
    }
    expect_stls(&place);
    expect_login(&place, false, Mechanism::ScramSha256);
    let (mut client, _) = Client::greeted(place.tls_port.unwrap(), true);
    let capabilities = client.ask_lines("CAPA");
    let has = |part: &str| capabilities.iter().any(|line| line.contains(part));
    assert!(has("SCRAM-SHA-256-PLUS"), "{capabilities:?}");
    assert!(has("EXPIRE 3"), "{capabilities:?}");
}

#[test]
fn cyrus_delays_logins() {
    let place = cyrus::start_with("popminpoll: 1");
    let user = place.user("bob");
    let login = || {
        let (mut client, _) = Client::greeted(place.port, false);
        let status = client.login(user.name, user.password);
        client.ask("QUIT");
        status
    };
    assert!(login().starts_with("+OK"));
    let second = login();
    assert!(second.starts_with("-ERR [LOGIN-DELAY]"), "{second}");
}

#[test]
fn popa3d_comes_up() {
    let server = popa3d::start();
    for name in ["alice", "bob", "carol", "dave"] {
        expect_messages(&server.place, false, name);
    }
    let (mut client, _) = Client::greeted(server.place.port, false);
    assert!(client.ask("CAPA").starts_with("-ERR"));
}

#[test]
fn a_server_ends_with_its_place() {
    let place = dovecot::start();
    let (port, started) = (place.port, Instant::now());
    drop(place);
    assert!(started.elapsed() < PATIENCE);
    let refused = std::net::TcpStream::connect((Place::HOST, port)).is_err();
    assert!(refused, "something still listens on port {port}");
}
