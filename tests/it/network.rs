//! What the network does to a session: cut at any octet either way, reset, stalled, octet by octet, half-closed.
//!
//! A sample of the points is tried; with `POPFETCH_SWEEP=all` in the environment, every one:
//! `POPFETCH_SWEEP=all cargo test --test it network -- --nocapture --test-threads 1`

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::time::{Duration, Instant};

use crate::run::{alice, delivered, expected, numbered, popfetch};
use crate::support::mailbox;
use crate::support::maildrop::Message;
use crate::support::popfetch::{Account, Popfetch};
use crate::support::relay::{Direction, Mishap, Relay};
use crate::support::server::{End, Server};
use crate::support::workers::side_by_side;

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

/// What came of one mishap.
#[derive(Default)]
struct Outcome {
    /// The run did not end well.
    struck: bool,
    /// Messages that are neither here nor on the server, at any time.
    lost: usize,
    /// Messages that came to be here more than once.
    doubled: usize,
    /// Everything that is not as it should be.
    problems: Vec<String>,
}

/// One session with a mishap, one without: what was delivered whole stays, nothing is fetched twice, all arrives.
fn survives(tls: Tls, mishap: Mishap) -> Outcome {
    let mut outcome = Outcome::default();
    let server = alice(messages());
    let relay = relay(&server, tls);
    let popfetch = behind(&server, &relay, tls);
    let mail = popfetch.path("mail");
    relay.set(mishap);
    let ran = popfetch.run(&[]);
    let mut hold = |well: bool, what: &str| {
        if !well {
            let problem = format!("{tls:?} {mishap:?}: {what}: {ran:?}");
            outcome.problems.push(problem);
        }
    };
    let whole = expected(messages());
    let here = if mail.join("new").exists() {
        hold(
            mailbox::folder(&mail.join("tmp")).is_empty(),
            "a piece is left",
        );
        delivered(&mail)
    } else {
        Vec::new()
    };
    let left = server.maildrop("alice", |drop| drop.uids());
    hold(
        here.iter().all(|message| whole.contains(message)),
        "not whole",
    );
    // The very last octets may not matter: QUIT's answer without its line end is not awaited by everybody.
    match ran.code() {
        0 => hold(here == whole && left.is_empty(), "not all was fetched"),
        75 => hold(ran.stderr.lines().count() == 1, "not one line"),
        _ => hold(false, "an odd status"),
    }
    let lost = messages()
        .iter()
        .filter(|message| {
            let uid = String::from_utf8(message.uid.clone()).unwrap();
            !here.contains(&message.on_disk()) && !left.contains(&uid)
        })
        .count();
    hold(lost == 0, "lost at once");
    relay.set(Mishap::None);
    let next = popfetch.run(&[]);
    hold(
        next.code() == 0 && next.stdout.is_empty() && next.stderr.is_empty(),
        &format!("the next run: {next:?}"),
    );
    let end = delivered(&mail);
    hold(end == whole, "not each once");
    let left = server.maildrop("alice", |drop| drop.uids());
    hold(left.is_empty(), "not asked again to delete");
    let fetched = server.last_session().retrieved.len();
    hold(fetched == whole.len() - here.len(), "fetched again");
    let missing = whole.iter().filter(|message| !end.contains(message));
    outcome.lost = lost.max(missing.count());
    outcome.doubled = end.len() - BTreeSet::from_iter(&end).len();
    outcome.struck = ran.code() != 0;
    outcome
}

/// Tries each, prints the figures, and fails when anything went wrong.
#[allow(clippy::print_stdout)]
fn sweep(what: &str, points: impl IntoIterator<Item = (Tls, Mishap)>) {
    let points: Vec<_> = points.into_iter().collect();
    let outcomes = side_by_side(&points, |&(tls, mishap)| {
        catch_unwind(|| survives(tls, mishap)).unwrap_or_else(|_| Outcome {
            problems: vec![format!("{tls:?} {mishap:?}: panicked")],
            ..Outcome::default()
        })
    });
    let sum = |of: fn(&Outcome) -> usize| outcomes.iter().map(of).sum::<usize>();
    let (lost, doubled) = (sum(|one| one.lost), sum(|one| one.doubled));
    let struck = sum(|one| usize::from(one.struck));
    println!(
        "{what}: {} points tried, {struck} struck, {lost} lost, {doubled} doubled",
        points.len()
    );
    let problems: Vec<_> = outcomes.iter().flat_map(|one| &one.problems).collect();
    assert!(
        problems.is_empty(),
        "{what}: {} problems: {:#?}",
        problems.len(),
        &problems[..problems.len().min(20)]
    );
    assert!(struck > 0, "{what}: nothing was tried");
}

/// A mishap at each of the points of a session, from the server and from the client, so many of each in a sample.
fn everywhere(
    tls: Tls,
    (server_sample, client_sample): (u64, u64),
    mishap: fn(Direction, u64) -> Mishap,
) -> Vec<(Tls, Mishap)> {
    let (from_server, from_client) = length(tls);
    let ways = [
        (Direction::FromServer, from_server, server_sample),
        (Direction::FromClient, from_client, client_sample),
    ];
    ways.into_iter()
        .flat_map(|(way, octets, sample)| {
            let at = points(octets, sample);
            at.into_iter().map(move |at| (tls, mishap(way, at)))
        })
        .collect()
}

#[test]
fn cut_at_any_octet() {
    sweep("cut", everywhere(Tls::None, (60, 30), Mishap::Cut));
}

#[test]
fn reset_at_any_octet() {
    sweep("reset", everywhere(Tls::None, (15, 8), Mishap::Reset));
}

#[test]
fn tls_cut_at_any_octet_without_a_notice() {
    for (what, tls) in [("TLS cut", Tls::Implicit), ("STLS cut", Tls::Stls)] {
        sweep(what, everywhere(tls, (25, 12), Mishap::Cut));
    }
}

#[test]
fn tls_reset_at_any_octet() {
    for (what, tls) in [("TLS reset", Tls::Implicit), ("STLS reset", Tls::Stls)] {
        sweep(what, everywhere(tls, (8, 4), Mishap::Reset));
    }
}

#[test]
fn half_closed_at_any_octet() {
    for tls in [Tls::None, Tls::Implicit, Tls::Stls] {
        let at = points(length(tls).0, 20);
        let mishaps = at.into_iter().map(|at| (tls, Mishap::HalfClose(at)));
        sweep(&format!("half-closed, TLS {tls:?}"), mishaps);
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
    let steps = match std::env::var("POPFETCH_SWEEP").as_deref() {
        Ok("all") => 40,
        _ => 6,
    };
    let mut stalls = Vec::new();
    for tls in [Tls::None, Tls::Implicit, Tls::Stls] {
        let (from_server, from_client) = length(tls);
        for step in 0..steps {
            stalls.push((tls, Direction::FromServer, from_server * step / steps));
            stalls.push((tls, Direction::FromClient, from_client * step / steps));
        }
    }
    side_by_side(&stalls, |&(tls, way, octets)| {
        let server = alice(messages());
        let relay = relay(&server, tls);
        let mut popfetch = behind(&server, &relay, tls);
        popfetch.default("connect_timeout", "1s");
        let text = fs::read_to_string(popfetch.config_file()).unwrap();
        popfetch.write_config(&text.replace("timeout = \"20s\"", "timeout = \"1s\""));
        relay.set(Mishap::Stall(way, octets));
        let begun = Instant::now();
        let ran = popfetch.run(&[]);
        let about = format!("{tls:?} {way:?} {octets}: {ran:?}");
        // Not the minute that is the default.
        assert!(begun.elapsed() < Duration::from_secs(50), "{about}");
        if tls != Tls::None && ran.code() == 0 {
            // Only TLS's own goodbye was missing.
            let left = server.maildrop("alice", |drop| drop.uids());
            assert_eq!(left, [""; 0], "{about}");
            return;
        }
        assert_eq!(ran.code(), 75, "{about}");
        assert!(ran.stderr.contains("timed out"), "{about}");
    });
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
