//! What the network does to a session: cut at any octet either way, reset, stalled, octet by octet, half-closed.
//!
//! A sample of the points is tried; with `POPFETCH_SWEEP=all` in the environment, every one.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use crate::run::{alice, delivered, expected, numbered, popfetch};
use crate::support::mailbox;
use crate::support::maildrop::Message;
use crate::support::popfetch::{Account, Popfetch};
use crate::support::relay::{Direction, Mishap, Relay};
use crate::support::server::{End, Server};

/// How the account connects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tls {
    None,
    Implicit,
    Stls,
}

/// Messages of one session: few and short, so that each octet can be cut at.
fn messages() -> Vec<Message> {
    (1..=3)
        .map(|number| {
            Message::new(
                format!("u{number}"),
                format!("Subject: {number}\nMessage-ID: <{number}@x>\n\n.{number}\n..\n"),
            )
        })
        .collect()
}

/// An account whose mail is deleted once delivered, on a server behind a relay.
fn behind(server: &Server, relay: &Relay, tls: Tls) -> Popfetch {
    let mut popfetch = popfetch();
    let mail = popfetch.path("mail");
    let account = Account::in_clear(server, "work", "alice", "secret")
        .set("port", i64::from(relay.port()))
        .set("auth", "plain")
        .set("timeout", "20s")
        .set("keep", false)
        .maildir(&mail);
    popfetch.account(match tls {
        Tls::None => account,
        Tls::Implicit => account.set("tls", "implicit"),
        Tls::Stls => account.set("tls", "stls"),
    });
    popfetch
}

fn relay(server: &Server, tls: Tls) -> Relay {
    Relay::to(match tls {
        Tls::Implicit => server.tls_port(),
        Tls::None | Tls::Stls => server.port(),
    })
}

/// The points to try of so many octets: all of them, or about `sample` spread over them.
fn points(octets: u64, sample: u64) -> Vec<u64> {
    let step = match std::env::var("POPFETCH_SWEEP").as_deref() {
        Ok("all") => 1,
        _ => (octets / sample).max(1),
    };
    // The ends are where replies and the message's last dot are cut.
    let mut points: BTreeSet<u64> = (0..octets).step_by(step as usize).collect();
    points.extend(octets.saturating_sub(8)..octets);
    points.into_iter().collect()
}

/// How many octets pass each way in a session without mishap.
fn length(tls: Tls) -> (u64, u64) {
    let server = alice(messages());
    let relay = relay(&server, tls);
    behind(&server, &relay, tls).run(&[]).expect_silence();
    relay.passed()
}

/// One session with a mishap, one without: what was delivered whole stays, nothing is fetched twice, all arrives.
fn survives(tls: Tls, mishap: Mishap) {
    let server = alice(messages());
    let relay = relay(&server, tls);
    let popfetch = behind(&server, &relay, tls);
    let mail = popfetch.path("mail");
    relay.set(mishap);
    let ran = popfetch.run(&[]);
    let whole = expected(messages());
    // The very last octets may not matter: QUIT's answer without its line end is not awaited by everybody.
    assert!([0, 75].contains(&ran.code()), "{mishap:?}: {ran:?}");
    let left = server.maildrop("alice", |drop| drop.uids());
    let here = if mail.join("new").exists() {
        assert_eq!(mailbox::folder(&mail.join("tmp")), [""; 0], "{mishap:?}");
        delivered(&mail)
    } else {
        Vec::new()
    };
    for message in &here {
        assert!(whole.contains(message), "{mishap:?}: not whole");
    }
    if ran.code() == 0 {
        assert_eq!((&here, left.len()), (&whole, 0), "{mishap:?}");
    } else {
        assert_eq!(ran.stderr.lines().count(), 1, "{mishap:?}: {ran:?}");
    }
    for message in messages() {
        assert!(
            here.contains(&message.on_disk())
                || left.contains(&String::from_utf8(message.uid.clone()).unwrap()),
            "{mishap:?}: lost"
        );
    }
    relay.set(Mishap::None);
    popfetch.run(&[]).expect_silence();
    assert_eq!(delivered(&mail), whole, "{mishap:?}");
    assert_eq!(
        server.maildrop("alice", |drop| drop.uids()),
        [""; 0],
        "{mishap:?}: not asked again"
    );
    let session = server.last_session();
    assert_eq!(
        session.retrieved.len(),
        whole.len() - here.len(),
        "{mishap:?}: fetched again: {session:?}"
    );
}

#[test]
fn cut_at_any_octet_from_the_server() {
    for at in points(length(Tls::None).0, 60) {
        survives(Tls::None, Mishap::Cut(Direction::FromServer, at));
    }
}

#[test]
fn cut_at_any_octet_from_the_client() {
    for at in points(length(Tls::None).1, 30) {
        survives(Tls::None, Mishap::Cut(Direction::FromClient, at));
    }
}

#[test]
fn reset_at_any_octet() {
    let (from_server, from_client) = length(Tls::None);
    for at in points(from_server, 15) {
        survives(Tls::None, Mishap::Reset(Direction::FromServer, at));
    }
    for at in points(from_client, 8) {
        survives(Tls::None, Mishap::Reset(Direction::FromClient, at));
    }
}

#[test]
fn tls_cut_at_any_octet_without_a_notice() {
    for tls in [Tls::Implicit, Tls::Stls] {
        let (from_server, from_client) = length(tls);
        for at in points(from_server, 25) {
            survives(tls, Mishap::Cut(Direction::FromServer, at));
        }
        for at in points(from_client, 12) {
            survives(tls, Mishap::Cut(Direction::FromClient, at));
        }
    }
}

#[test]
fn half_closed_at_any_octet() {
    for at in points(length(Tls::None).0, 20) {
        survives(Tls::None, Mishap::HalfClose(at));
    }
}

#[test]
fn octet_by_octet_all_arrives() {
    for tls in [Tls::None, Tls::Implicit, Tls::Stls] {
        let server = alice(messages().into_iter().chain(numbered(3)));
        let relay = relay(&server, tls);
        let popfetch = behind(&server, &relay, tls);
        relay.set(Mishap::OctetByOctet);
        popfetch.run(&[]).expect_silence();
        let all = messages().into_iter().chain(numbered(3));
        assert_eq!(delivered(&popfetch.path("mail")), expected(all));
    }
}

#[test]
fn a_stall_at_any_step_ends_at_the_time_limit() {
    for tls in [Tls::None, Tls::Implicit] {
        let (from_server, _) = length(tls);
        let steps = match std::env::var("POPFETCH_SWEEP").as_deref() {
            Ok("all") => 40,
            _ => 6,
        };
        let stall = |step| {
            let server = alice(messages());
            let relay = relay(&server, tls);
            let mut popfetch = behind(&server, &relay, tls);
            popfetch.default("connect_timeout", "1s");
            let text = fs::read_to_string(popfetch.config_file()).unwrap();
            popfetch.write_config(&text.replace("timeout = \"20s\"", "timeout = \"1s\""));
            relay.set(Mishap::Stall(
                Direction::FromServer,
                from_server * step / steps,
            ));
            let begun = Instant::now();
            popfetch.run(&[]).expect_code(75).expect_stderr("timed out");
            assert!(begun.elapsed() < Duration::from_secs(5), "{tls:?} {step}");
        };
        std::thread::scope(|scope| {
            for step in 0..steps {
                scope.spawn(move || stall(step));
            }
        });
    }
}

#[test]
fn no_handshake_is_waited_for_longer_than_the_time_limit() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut popfetch = popfetch();
    let mail = popfetch.path("mail");
    popfetch.account(
        Account::new("work", "127.0.0.1", "alice")
            .set("port", i64::from(port))
            .set("password", "secret")
            .set("connect_timeout", "1s")
            .maildir(&mail),
    );
    popfetch
        .run(&[])
        .expect_code(75)
        .expect_stderr("timed out in the TLS handshake");
}

#[test]
fn a_message_that_ends_with_the_connection_is_no_delivery_to_an_mbox_nor_an_mda() {
    let server = alice(messages());
    let relay = relay(&server, Tls::None);
    let length = length(Tls::None).0;
    for share in 5..=9 {
        let mut popfetch = popfetch();
        let (mbox, out) = (popfetch.path("mbox"), popfetch.path("out"));
        fs::create_dir(&out).unwrap();
        let script = format!("cat > {}/$1", out.display());
        let account = |name: &str| {
            Account::in_clear(&server, name, "alice", "secret")
                .set("port", i64::from(relay.port()))
                .set("auth", "plain")
        };
        popfetch.account(account("mbox").mbox(&mbox));
        popfetch.account(account("mda").mda(&["sh", "-c", &script, "mda", "%I"]));
        for name in ["mbox", "mda"] {
            relay.set(Mishap::Cut(Direction::FromServer, length * share / 10));
            popfetch.run(&["-a", name]).expect_code(75);
            relay.set(Mishap::None);
        }
        let whole = expected(messages());
        let in_mbox = fs::read(&mbox).unwrap_or_default();
        for message in mailbox::parse_mbox(&in_mbox) {
            assert!(whole.contains(&message.text), "{share}");
        }
        for name in mailbox::folder(&out) {
            assert!(
                whole.contains(&fs::read(out.join(name)).unwrap()),
                "{share}"
            );
        }
        popfetch.run(&[]).expect_silence();
        assert_eq!(mailbox::mbox(&mbox).len(), 3, "{share}");
        assert_eq!(mailbox::folder(&out).len(), 3, "{share}");
    }
}

#[test]
fn a_session_that_was_cut_is_not_taken_up_again_in_the_same_run() {
    let server = alice(messages());
    let relay = relay(&server, Tls::None);
    let popfetch = behind(&server, &relay, Tls::None);
    relay.set(Mishap::Cut(Direction::FromServer, 40));
    popfetch.run(&[]).expect_code(75);
    assert_eq!(relay.connections(), 1);
    assert!(
        server
            .settled()
            .iter()
            .all(|session| session.end != Some(End::Quit))
    );
}
