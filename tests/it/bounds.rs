//! What a server can make us hold in memory, on disk, or in time: bounds that do not grow with what it sends.
//!
//! With `POPFETCH_SWEEP=all` in the environment the sizes are those of the promise: 1 GiB, 100 MB, a million.
#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout)]

use std::fmt::Write as _;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::run::{alice, popfetch};
use crate::support::mailbox;
use crate::support::maildrop::Message;
use crate::support::popfetch::{Account, Popfetch, Ran};
use crate::support::script::{Script, ScriptServer};

const MIB: u64 = 1024 * 1024;

/// What a plain session may take at most: 10 MiB as released, and what the unoptimised program has more in code.
const PLAIN: u64 = 18 * MIB;
/// The same with TLS.
const TLS: u64 = 22 * MIB;

/// What a plain session takes that has nothing to do: 6 MiB as released.
const BASE: u64 = 12 * MIB;

fn all() -> bool {
    std::env::var("POPFETCH_SWEEP").as_deref() == Ok("all")
}

/// Runs to the end; gives the most memory that was resident, in octets.
fn peak(popfetch: &Popfetch, arguments: &[&str]) -> (Ran, u64) {
    let running = popfetch.start(arguments);
    let status = format!("/proc/{}/status", running.id());
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut most = 0;
            while !ended.load(Ordering::SeqCst) {
                let text = fs::read_to_string(&status).unwrap_or_default();
                let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
                let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse().ok());
                most = most.max(peak.unwrap_or(0) * 1024);
                std::thread::sleep(Duration::from_millis(2));
            }
            most
        });
        let ran = running.wait();
        ended.store(true, Ordering::SeqCst);
        (ran, watch.join().unwrap())
    })
}

fn long(octets: u64) -> Message {
    Message::repeated("long", "Subject: long\n\n", &"x".repeat(998), octets / 1000)
}

#[test]
fn memory_does_not_grow_with_a_message() {
    let size = if all() { 1024 * MIB } else { 96 * MIB };
    for tls in [false, true] {
        let bound = if tls { TLS } else { PLAIN };
        for kind in ["maildir", "mbox", "mda"] {
            if tls && kind != "maildir" {
                continue;
            }
            let mut peaks = Vec::new();
            for octets in [4096, size] {
                let server = alice([long(octets)]);
                // Long enough for a look at it after each step of a short session.
                server.change(|settings| settings.round_trip = Duration::from_millis(20));
                let mut popfetch = popfetch();
                let path = popfetch.path("mail");
                let account = if tls {
                    Account::on(&server, "work", "alice", "secret")
                } else {
                    Account::in_clear(&server, "work", "alice", "secret")
                };
                popfetch.account(match kind {
                    "maildir" => account.maildir(&path),
                    "mbox" => account.mbox(&path),
                    _ => account.mda(&["sh", "-c", "exec wc -c > mail"]),
                });
                let (ran, most) = peak(&popfetch, &[]);
                ran.expect_silence();
                println!("{kind}, TLS {tls}, {octets}: {most} octets");
                assert!(most < bound, "{kind}, TLS {tls}, {octets}: {most} octets");
                peaks.push(most);
                let text = long(octets);
                let right = text.octets() - 2 - octets / 1000;
                let here = match kind {
                    "maildir" => {
                        let name = &mailbox::folder(&path.join("new"))[0];
                        fs::metadata(path.join("new").join(name)).unwrap().len()
                    }
                    "mbox" => {
                        let mbox = fs::metadata(&path).unwrap().len();
                        assert!(mbox > right && mbox < right + 200);
                        right
                    }
                    _ => fs::read_to_string(&path).unwrap().trim().parse().unwrap(),
                };
                assert_eq!(here, right, "{kind}");
            }
            let more = peaks[1].saturating_sub(peaks[0]);
            // What waits in memory before it goes to a file of its own is the same for all large messages.
            let waits = if kind == "maildir" { 2 * MIB } else { 8 * MIB };
            assert!(more < waits, "{kind}, TLS {tls}: {peaks:?}");
        }
    }
}

#[test]
fn memory_does_not_grow_with_a_line() {
    let octets = if all() { 100_000_000 } else { 20_000_000 };
    for head in ["Subject: x\n\n", "Subject: x\nX-Long: ", ""] {
        let mut text = head.as_bytes().to_vec();
        text.resize(text.len() + octets, b'x');
        let server = alice([Message::new("line", &text)]);
        let mut popfetch = popfetch();
        let mail = popfetch.path("mail");
        popfetch.account(Account::in_clear(&server, "work", "alice", "secret").maildir(&mail));
        let (ran, most) = peak(&popfetch, &[]);
        ran.expect_silence();
        assert!(most < PLAIN, "{head:?}: {most} octets");
        text.push(b'\n');
        assert!(mailbox::maildir(&mail) == [text], "{head:?}");
    }
}

/// A session up to the listings, without TLS.
fn listed(uidl: String, list: String) -> Script {
    Script::new()
        .send("+OK\r\n")
        .answer("CAPA", "-ERR\r\n")
        .answer("USER alice", "+OK\r\n")
        .answer("PASS secret", "+OK\r\n")
        .answer("UIDL", uidl)
        .answer("LIST", list)
}

fn scripted(server: &ScriptServer, change: impl FnOnce(Account) -> Account) -> Popfetch {
    let mut popfetch = popfetch();
    let mail = popfetch.path("mail");
    let account = Account::new("work", "127.0.0.1", "alice")
        .set("port", i64::from(server.port()))
        .set("password", "secret")
        .set("tls", "none")
        .set("allow_cleartext", true)
        .set("auth", "user")
        .maildir(&mail);
    popfetch.account(change(account));
    popfetch
}

#[test]
fn memory_is_little_for_each_listed_and_known_message() {
    let count: u64 = if all() { 1_000_000 } else { 150_000 };
    let (mut uidl, mut list) = ("+OK\r\n".to_owned(), "+OK\r\n".to_owned());
    let header = "popfetch 1 alice 127.0.0.1\n";
    // As fetching and as marking write it.
    let (mut batches, mut one_write) = (header.to_owned(), header.to_owned());
    for number in 1..=count {
        write!(uidl, "{number} 0000{number:020}\r\n").unwrap();
        write!(list, "{number} 4096\r\n").unwrap();
        writeln!(batches, "s 1700000000 {number:016} 0000{number:020}").unwrap();
        if number % 128 == 0 {
            batches.push_str("= 7040\n");
        }
        writeln!(one_write, "k 1700000000 0000{number:020}").unwrap();
    }
    for journal in [&mut batches, &mut one_write] {
        journal.push_str("=\n");
    }
    uidl.push_str(".\r\n");
    list.push_str(".\r\n");
    for (journal, arguments) in [
        (None, &["check"][..]),
        (Some(&batches), &["check"]),
        (Some(&batches), &[]),
        (Some(&one_write), &[]),
    ] {
        let script = listed(uidl.clone(), list.clone()).answer("QUIT", "+OK\r\n");
        let server = ScriptServer::start([script]);
        let popfetch = scripted(&server, |account| account);
        let path = popfetch.state().join("work.journal");
        if let Some(journal) = journal {
            fs::create_dir_all(popfetch.state()).unwrap();
            fs::write(&path, journal).unwrap();
        }
        let (ran, most) = peak(&popfetch, arguments);
        ran.expect_code(0);
        // A poll that finds nothing new writes nothing.
        if let Some(journal) = journal {
            assert!(fs::read_to_string(&path).unwrap() == **journal);
        }
        let known = journal.is_some();
        let each = most.saturating_sub(BASE) / count;
        println!("{arguments:?}, known {known}: {most} octets, {each} a message");
        assert!(
            each <= 150,
            "{arguments:?}, known {known}: {most} octets, {each} a message"
        );
    }
}

#[test]
fn what_has_no_end_is_ended_by_us() {
    let greeted = || Script::new().send("+OK\r\n");
    let capa = || greeted().answer("CAPA", "+OK\r\nSASL SCRAM-SHA-256 CRAM-MD5\r\n.\r\n");
    let in_transaction = || {
        greeted()
            .answer("CAPA", "-ERR\r\n")
            .answer("USER alice", "+OK\r\n")
            .answer("PASS secret", "+OK\r\n")
    };
    let one = || {
        in_transaction()
            .answer("UIDL", "+OK\r\n1 u\r\n.\r\n")
            .answer("LIST", "+OK\r\n1 10\r\n.\r\n")
            .expect("RETR 1")
    };
    let cases: Vec<(&str, &str, Script, String)> = vec![
        (
            "greeting",
            "user",
            Script::new(),
            "+OK".to_owned() + &"x".repeat(60_000),
        ),
        (
            "nothing but zeros",
            "user",
            Script::new(),
            "\0".repeat(60_000),
        ),
        (
            "status line",
            "user",
            greeted().expect("CAPA"),
            "-ERR ".repeat(10_000),
        ),
        (
            "capabilities",
            "user",
            greeted().expect("CAPA").send("+OK\r\n"),
            "X-AGAIN\r\n".repeat(1000),
        ),
        (
            "capability",
            "user",
            greeted().expect("CAPA").send("+OK\r\n"),
            "X-LONG ".repeat(10_000),
        ),
        (
            "challenge",
            "cram-md5",
            capa().expect("AUTH CRAM-MD5").send("+ "),
            "YWJj".repeat(10_000),
        ),
        (
            "UIDL",
            "user",
            in_transaction().expect("UIDL").send("+OK\r\n"),
            "1 u\r\n".repeat(10_000),
        ),
        (
            "UIDL of long unique-ids",
            "user",
            in_transaction().expect("UIDL").send("+OK\r\n"),
            (1..5000)
                .map(|n| format!("{n} {}\r\n", "u".repeat(10_000)))
                .collect(),
        ),
        (
            "UIDL in one line",
            "user",
            in_transaction().expect("UIDL").send("+OK\r\n1 "),
            "u".repeat(60_000),
        ),
        (
            "LIST",
            "user",
            in_transaction()
                .answer("UIDL", "-ERR\r\n")
                .expect("LIST")
                .send("+OK\r\n"),
            "1 100\r\n".repeat(10_000),
        ),
        (
            "message",
            "user",
            one().send("+OK\r\n\r\n"),
            "endless\r\n".repeat(10_000),
        ),
        (
            "header",
            "user",
            one().send("+OK\r\n"),
            "X-Endless: x\r\n".repeat(10_000),
        ),
        ("line", "user", one().send("+OK\r\n"), "x".repeat(60_000)),
        (
            "dots",
            "user",
            one().send("+OK\r\n\r\n"),
            "..\r\n.".repeat(10_000),
        ),
    ];
    for (what, auth, script, flood) in cases {
        let server = ScriptServer::start([script.flood(flood, 512 * MIB)]);
        let popfetch = scripted(&server, |account| {
            account.set("auth", auth).set("keep", false)
        });
        let (ran, most) = peak(&popfetch, &[]);
        assert!([76, 77].contains(&ran.code()), "{what}: {ran:?}");
        assert!(ran.stderr.len() < 2500, "{what}: {}", ran.stderr.len());
        assert!(most < 48 * MIB, "{what}: {most} octets");
        let mail = popfetch.path("mail");
        if mail.exists() {
            for folder in ["tmp", "new"] {
                assert_eq!(
                    mailbox::folder(&mail.join(folder)),
                    [""; 0],
                    "{what}: left behind"
                );
            }
        }
    }
}

#[test]
fn a_drip_never_lasts_longer_than_the_time_limits() {
    // An octet at a time keeps no session alive: not a reply, not a listing, not a message.
    let one = || {
        listed(
            "+OK\r\n1 u\r\n.\r\n".into(),
            "+OK\r\n1 10000\r\n.\r\n".into(),
        )
        .expect("RETR 1")
    };
    let cases = [
        Script::new(),
        Script::new().send("+OK\r\n").expect("CAPA"),
        Script::new().send("+OK\r\n").expect("CAPA").send("+OK\r\n"),
        one(),
        one().send("+OK\r\n"),
    ];
    std::thread::scope(|scope| {
        for script in cases {
            scope.spawn(move || {
                let drip = script.drip("+OK ".repeat(500), Duration::from_millis(50));
                let server = ScriptServer::start([drip]);
                let popfetch = scripted(&server, |account| account.set("timeout", "2s"));
                let begun = Instant::now();
                popfetch.run(&[]).expect_code(75).expect_stderr("timed out");
                // The drip itself lasts for 100 seconds.
                assert!(begun.elapsed() < Duration::from_secs(90));
            });
        }
    });
}
