//! check, list, info, seen, config: what they answer, on which stream, and what they leave alone.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::run::{alice, delivered, expected, home, home_with, numbered, popfetch};
use crate::support::mailbox;
use crate::support::maildrop::{Faults, Message};
use crate::support::patience::until;
use crate::support::popfetch::{Account, Popfetch, Ran, Running};
use crate::support::server::{End, Server};
use crate::support::settings::Support;

/// An answer: exit code 0, nothing on stderr.
#[track_caller]
fn answer(popfetch: &Popfetch, arguments: &[&str]) -> String {
    let ran = popfetch.run(arguments);
    ran.expect_code(0);
    assert_eq!(ran.stderr, "", "{arguments:?}");
    ran.stdout
}

/// Each line of an answer, parsed.
#[track_caller]
fn objects(text: &str) -> Vec<Value> {
    let parsed =
        |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    text.lines().map(parsed).collect()
}

/// The objects of one event.
fn of<'a>(objects: &'a [Value], event: &str) -> Vec<&'a Value> {
    objects
        .iter()
        .filter(|object| object["event"] == event)
        .collect()
}

/// Nothing was retrieved or deleted, and no journal was made.
#[track_caller]
fn left_alone(server: &Server, popfetch: &Popfetch) {
    for session in server.settled() {
        for verb in ["RETR", "DELE"] {
            assert!(session.commands_of(verb).is_empty(), "{verb}");
        }
        assert_eq!(session.end, Some(End::Quit));
    }
    assert!(!popfetch.state().exists());
}

fn hostile() -> Message {
    Message::new(
        "hostile\x07id",
        "From: \u{202e}moc.elpmaxe\u{202c} <x@example.test>\n\
         Subject: \x1b]0;owned\x07 =?utf-8?q?=1B[2J_and_=E2=80=AE?=\n\
         Date: Mon, 01 Jan 2024 00:00:00 +0000\n\nbody\n",
    )
}

/// No control characters but line ends, none that change the direction of others.
#[track_caller]
fn harmless(text: &str) {
    let harm = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!text.contains(harm), "{text:?}");
}

#[test]
fn check_counts_what_waits() {
    let server = alice(numbered(3));
    let (popfetch, _) = home(&server);
    let octets: u64 = numbered(3).map(|message| message.octets()).sum();
    assert_eq!(
        answer(&popfetch, &["check"]),
        format!("work: 3 new ({octets} B), 3 in all ({octets} B)\n")
    );
    left_alone(&server, &popfetch);
    popfetch.run(&["--limit", "2"]).expect_silence();
    let third = Message::numbered(3).octets();
    assert_eq!(
        answer(&popfetch, &["check", "work"]),
        format!("work: 1 new ({third} B), 3 in all ({octets} B)\n")
    );
    popfetch.run(&[]).expect_silence();
    assert!(answer(&popfetch, &["check"]).starts_with("work: 0 new (0 B), 3 in all ("));
    server.maildrop("alice", |drop| drop.retain(|_| false));
    assert_eq!(answer(&popfetch, &["check"]), "work: no mail\n");
}

#[test]
fn no_mail_can_have_an_exit_code_of_its_own() {
    let server = alice(numbered(1));
    let (popfetch, _) = home(&server);
    popfetch
        .run(&["check", "--no-mail-exit", "3"])
        .expect_code(0);
    popfetch.run(&["--no-mail-exit", "3"]).expect_silence();
    popfetch
        .run(&["check", "--no-mail-exit", "3"])
        .expect_code(3);
    let ran = popfetch.run(&["fetch", "--no-mail-exit", "3"]);
    ran.expect_code(3);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    // What went wrong says more than that there was no mail.
    let account = Account::on(&server, "work", "alice", "wrong");
    let mut popfetch = crate::run::popfetch();
    let mail = popfetch.path("mail");
    popfetch.account(account.maildir(&mail));
    popfetch
        .run(&["check", "--no-mail-exit", "3"])
        .expect_code(77);
}

#[test]
fn list_shows_each_message_and_marks_the_seen_ones() {
    let server = alice(numbered(2));
    let (popfetch, _) = home(&server);
    popfetch.run(&[]).expect_silence();
    server.deliver("alice", Message::numbered(3));
    let sessions = server.settled().len();
    let text = answer(&popfetch, &["list"]);
    let rows: Vec<Vec<&str>> = text
        .lines()
        .map(|row| row.split_whitespace().collect())
        .collect();
    assert_eq!(rows.len(), 3, "{text}");
    for (row, mark) in rows.iter().zip(["S", "S", "N"]) {
        assert_eq!(row[0], mark, "{text}");
        assert_eq!(row[3..=4], ["B", "2024-01-01"][..], "{text}");
    }
    assert!(text.contains("Sender <sender@example.test>  message 3\n"));
    let session = &server.settled()[sessions];
    assert_eq!(session.commands_of("TOP").len(), 3);
    assert!(session.commands_of("RETR").is_empty());
    server.maildrop("alice", |drop| drop.retain(|_| false));
    assert_eq!(answer(&popfetch, &["list"]), "");
}

#[test]
fn list_marks_what_is_set_aside() {
    let faults = Faults {
        refuse_retr: Some("-ERR [SYS/PERM] broken\u{1b}".into()),
        ..Faults::default()
    };
    let server = alice([Message::numbered(1).with(faults)]);
    let (popfetch, _) = home(&server);
    popfetch.run(&[]).expect_code(76);
    let text = answer(&popfetch, &["list"]);
    assert!(text.starts_with("!     1 "), "{text}");
    assert!(text.contains("[failed 1 time, next try "), "{text}");
    let why = "the server refused RETR: \"[SYS/PERM] broken \"";
    assert!(text.contains(&format!(": {why}]")), "{text}");
    let shown = answer(&popfetch, &["seen", "show"]);
    assert!(shown.contains(&format!("failed 1 time: {why}")), "{shown}");
}

#[test]
fn what_is_left_for_its_size_has_not_failed() {
    let large = Message::repeated("large", "Subject: large\n\n", "x", 2000);
    let server = alice([large]);
    let (popfetch, _) = home_with(&server, |account| account.set("max_size", "1k"));
    popfetch.run(&[]).expect_code(0);
    let shown = answer(&popfetch, &["seen", "show"]);
    assert!(
        shown.ends_with("  skipped: larger than max_size\n"),
        "{shown}"
    );
    assert!(answer(&popfetch, &["list"]).starts_with("N     1 "));
}

#[test]
fn hostile_headers_do_no_harm() {
    let server = alice([hostile()]);
    let (popfetch, mail) = home(&server);
    for arguments in [
        &["list"][..],
        &["list", "--json"],
        &["check"],
        &["-n"],
        &["-v"],
    ] {
        let ran = popfetch.run(arguments);
        ran.expect_code(0);
        harmless(&ran.stdout);
        harmless(&ran.stderr);
    }
    let text = answer(&popfetch, &["list"]);
    assert!(
        text.contains("\\x1b]0;owned\\x07 \\x1b[2J and \\u{202e}"),
        "{text}"
    );
    assert_eq!(delivered(&mail), expected([hostile()]));
    harmless(&answer(&popfetch, &["seen", "show"]));
}

#[test]
fn list_does_without_top() {
    for top in [Support::Missing, Support::Refused] {
        let server = alice(numbered(2));
        server.change(|settings| settings.top = top);
        let (popfetch, _) = home(&server);
        let text = answer(&popfetch, &["list"]);
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("uid uid-2"), "{text}");
    }
}

#[test]
fn info_shows_what_the_server_is_like() {
    let server = alice(numbered(2));
    let (mut popfetch, mail) = home(&server);
    let text = answer(&popfetch, &["info"]);
    let place = format!("work: 127.0.0.1:{}", server.tls_port());
    for part in [
        place.as_str(),
        "POP3 ready",
        "TLS 1.3",
        "CN=popfetch test CA",
        "localhost, 127.0.0.1",
        "from 2024-01-01 to 20",
        "IMPLEMENTATION test server",
        "SASL ",
        "logged in by  scram-sha-256-plus",
    ] {
        assert!(text.contains(part), "no `{part}`:\n{text}");
    }
    let after = text.lines().find(|line| line.contains("after login"));
    assert!(!after.unwrap().contains("SASL"), "{text}");
    left_alone(&server, &popfetch);

    // Each fingerprint line does what it says when it is pasted in.
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("tls_fingerprint"))
        .collect();
    assert_eq!(lines.len(), 2, "{text}");
    for line in lines {
        let pasted: toml::Table = line.parse().unwrap();
        let pin = pasted["tls_fingerprint"].clone();
        let account = Account::on(&server, "work", "alice", "secret").maildir(&mail);
        popfetch.account(account.set("tls_fingerprint", pin));
        popfetch.run(&[]).expect_silence();
    }
    assert_eq!(delivered(&mail), expected(numbered(2)));
}

#[test]
fn info_shows_what_it_saw_when_the_login_fails() {
    let server = alice(numbered(1));
    let mut popfetch = popfetch();
    popfetch.account(Account::on(&server, "work", "alice", "wrong"));
    let ran = popfetch.run(&["info"]);
    ran.expect_code(77)
        .expect_stderr("login refused")
        .expect_stderr("auth = [\"plain\"]");
    assert!(ran.stdout.contains("tls_fingerprint = \"sha256:"));
    assert!(ran.stdout.contains("logged in by  nothing"));
    // Without a password too; and in clear.
    let account = Account::new("work", "127.0.0.1", "alice").set("tls", "none");
    popfetch.account(account.set("port", i64::from(server.port())));
    let ran = popfetch.run(&["info"]);
    ran.expect_code(77).expect_stderr("no password");
    assert!(ran.stdout.contains("not encrypted"), "{}", ran.stdout);
    assert!(ran.stdout.contains("before login"), "{}", ran.stdout);
}

#[test]
fn info_shows_the_capabilities_before_stls() {
    let server = alice(numbered(1));
    server.change(|settings| settings.cleartext_login = false);
    let (popfetch, _) = home_with(&server, |account| {
        account
            .set("port", i64::from(server.port()))
            .set("tls", "stls")
    });
    let text = answer(&popfetch, &["info"]);
    let line = |name| text.lines().find(|line| line.contains(name)).unwrap();
    assert!(line("before stls").contains("STLS"), "{text}");
    assert!(!line("before login").contains("STLS"), "{text}");
}

#[test]
fn marked_messages_are_not_fetched_and_never_deleted() {
    let server = alice(numbered(3));
    let (popfetch, mail) = home_with(&server, |account| account.set("keep", false));
    assert_eq!(
        answer(&popfetch, &["seen", "mark", "work"]),
        "work: 3 unique-ids marked\n"
    );
    popfetch.run(&[]).expect_silence();
    assert_eq!(mailbox::folder(&mail.join("new")), [""; 0]);
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 3);
    assert!(answer(&popfetch, &["check"]).starts_with("work: 0 new"));
    let shown = answer(&popfetch, &["seen", "show", "work"]);
    assert_eq!(shown.matches("known").count(), 3, "{shown}");
    server.deliver("alice", Message::numbered(4));
    popfetch.run(&[]).expect_silence();
    assert_eq!(delivered(&mail), expected([Message::numbered(4)]));
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 3);

    // What is safe elsewhere may go.
    answer(&popfetch, &["seen", "mark", "work", "--delivered", "uid-2"]);
    popfetch.run(&[]).expect_silence();
    assert_eq!(
        server.maildrop("alice", |drop| drop.uids()),
        ["uid-1", "uid-3"]
    );
    answer(&popfetch, &["-a", "work", "seen", "mark", "--delivered"]);
    popfetch.run(&[]).expect_silence();
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 0);
    assert_eq!(delivered(&mail), expected([Message::numbered(4)]));
}

#[test]
fn forgotten_messages_are_fetched_again() {
    let server = alice(numbered(3));
    let (popfetch, mail) = home(&server);
    popfetch.run(&[]).expect_silence();
    assert_eq!(
        answer(&popfetch, &["seen", "forget", "work", "uid-2", "no-such"]),
        "work: 1 unique-id forgotten\n"
    );
    popfetch.run(&[]).expect_silence();
    assert_eq!(server.last_session().retrieved, [2]);
    assert_eq!(
        answer(&popfetch, &["seen", "forget", "--all", "-a", "work"]),
        "work: 3 unique-ids forgotten\n"
    );
    assert_eq!(answer(&popfetch, &["seen", "show"]), "");
    popfetch.run(&[]).expect_silence();
    assert_eq!(mailbox::maildir(&mail).len(), 7);
    popfetch.run(&["seen", "forget", "work"]).expect_code(64);
    popfetch.run(&["seen", "mark"]).expect_code(64);
}

/// The memory is shown and changed by the names it shows, odd ones too.
#[test]
fn odd_unique_ids_are_shown_as_they_can_be_typed() {
    let odd = [&b"a b"[..], b"100%", b"\xff\x07", &[b'x'; 300]];
    let server = alice((1..).zip(odd).map(|(number, uid)| {
        let mut message = Message::numbered(number);
        message.uid = uid.to_vec();
        message
    }));
    let (popfetch, mail) = home(&server);
    popfetch.run(&[]).expect_code(0);
    let shown = answer(&popfetch, &["seen", "show"]);
    let uids: Vec<&str> = shown
        .lines()
        .filter_map(|line| line.split("  ").next())
        .collect();
    assert!(!uids.is_empty());
    for uid in &uids {
        assert_eq!(
            answer(&popfetch, &["seen", "forget", "work", uid]),
            "work: 1 unique-id forgotten\n",
            "{uid}"
        );
    }
    let before = mailbox::maildir(&mail).len();
    popfetch.run(&[]).expect_code(0);
    assert_eq!(mailbox::maildir(&mail).len(), before + uids.len());
}

#[test]
fn the_memory_is_changed_by_one_at_a_time() {
    let faults = Faults {
        hang_at: Some(10),
        ..Faults::default()
    };
    let server = alice([Message::numbered(1).with(faults)]);
    let (popfetch, _) = home(&server);
    let running = popfetch.start(&[]);
    until("a login", || server.logins() > 0);
    let ran = popfetch.run(&["seen", "mark", "work", "uid-1"]);
    // Who changes it by hand hears that it did not happen.
    ran.expect_code(75).expect_stderr("popfetch: work: ");
    answer(&popfetch, &["seen", "show"]);
    running.signal(rustix::process::Signal::TERM);
    running.wait();
}

#[test]
fn the_configuration_is_found_and_checked() {
    let server = alice(numbered(1));
    let (popfetch, _) = home(&server);
    let file = popfetch.config_file();
    assert_eq!(
        answer(&popfetch, &["config", "path"]),
        format!("{}\n", file.display())
    );
    assert_eq!(
        answer(&popfetch, &["config", "path", "--state"]),
        format!("{}\n", popfetch.state().display())
    );
    assert_eq!(
        answer(&popfetch, &["config", "check"]),
        format!("{}: 1 account, all well\n", file.display())
    );
    let text = fs::read_to_string(&file).unwrap();
    popfetch.write_config(&text.replace("deliver", "delivre"));
    let ran = popfetch.run(&["config", "check"]);
    ran.expect_code(78)
        .expect_stderr(&format!("popfetch: {}:", file.display()))
        .expect_stderr("deliver");
    assert_eq!(ran.stdout, "");
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    // The path is told wherever the file is, and if it is not.
    assert_eq!(
        answer(&popfetch, &["-c", "elsewhere.toml", "config", "path"]).trim_end(),
        "elsewhere.toml"
    );
    assert_eq!(server.sessions().len(), 0);
}

/// Every line is JSON, and everything in it is in the manual.
#[test]
fn json_is_whole_and_documented() {
    let manual = concat!(env!("CARGO_MANIFEST_DIR"), "/man/popfetch.1");
    let manual = fs::read_to_string(manual).unwrap().replace('\\', "");
    let (_, manual) = manual.split_once(".SH JSON").unwrap();
    let (manual, _) = manual.split_once(".SH SIGNALS").unwrap();
    let words: BTreeSet<&str> = manual
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .collect();
    let refused = Faults {
        refuse_retr: Some("-ERR broken".into()),
        ..Faults::default()
    };
    let large = Message::repeated("large", "Subject: large\n\n", "x", 4000);
    let server = alice(numbered(3).chain([Message::numbered(4).with(refused), hostile(), large]))
        .user("bob", "hidden", numbered(1));
    let (mut popfetch, mail) = home_with(&server, |account| {
        account.set("max_size", "4k").set("keep", false)
    });
    popfetch.account(Account::on(&server, "other", "bob", "wrong").maildir(&mail));
    for (arguments, code, events) in [
        (
            &["check"][..],
            77,
            &["started", "connected", "logged_in", "counted", "failed"][..],
        ),
        (&["-n", "--limit", "2"], 77, &["would_fetch", "skipped"]),
        (&["-n", "--all", "-a", "work"], 0, &["would_fetch"]),
        (
            &[],
            77,
            &[
                "planned",
                "delivered",
                "message_failed",
                "skipped",
                "deleted",
            ],
        ),
        (&["list", "work"], 0, &["listed"]),
        (&["info"], 77, &["info", "failed"]),
        (&["seen", "show"], 0, &["remembered"]),
        (&["seen", "mark", "work"], 0, &["changed"]),
        (&["seen", "forget", "--all", "work"], 0, &["changed"]),
    ] {
        let arguments = [arguments, &["--json"]].concat();
        let ran = popfetch.run(&arguments);
        ran.expect_code(code);
        harmless(&ran.stdout);
        assert!(
            ran.stdout
                .lines()
                .all(|line| line.matches("\"time\":").count() == 1),
            "{ran:?}"
        );
        let objects = objects(&ran.stdout);
        for object in &objects {
            for required in ["time", "account", "event"] {
                assert!(object[required].is_string(), "{object}");
            }
            each_key(object, &mut |key| {
                assert!(
                    words.contains(key),
                    "{key} of {object} is not in the manual"
                );
            });
            let event = object["event"].as_str().unwrap();
            assert!(words.contains(event), "{event} is not in the manual");
        }
        for event in events.iter().chain(&["finished"]) {
            assert!(
                !of(&objects, event).is_empty(),
                "no {event}: {arguments:?}\n{ran:?}"
            );
        }
    }
    for arguments in [["config", "path"], ["config", "check"]] {
        let text = answer(&popfetch, &[&arguments[..], &["--json"]].concat());
        let objects = objects(&text);
        assert_eq!(objects.len(), 1);
        each_key(&objects[0], &mut |key| {
            assert!(words.contains(key), "{key}");
        });
    }
}

fn each_key(value: &Value, tell: &mut impl FnMut(&str)) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                tell(key);
                each_key(value, tell);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| each_key(value, tell)),
        _ => {}
    }
}

#[test]
fn json_says_what_the_text_says() {
    let server = alice(numbered(2));
    let (popfetch, _) = home(&server);
    let listed = objects(&answer(&popfetch, &["list", "--json"]));
    let listed = of(&listed, "listed");
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[1]["uid"], "uid-2");
    assert_eq!(listed[1]["subject"], "message 2");
    assert_eq!(listed[1]["date"], "2024-01-01T00:00:02Z");
    assert_eq!(listed[1]["seen"], false);
    let ran = popfetch.run(&["--json"]);
    ran.expect_code(0);
    assert_eq!(ran.stderr, "");
    let fetched = objects(&ran.stdout);
    assert_eq!(of(&fetched, "delivered").len(), 2);
    let finished = of(&fetched, "finished");
    assert_eq!(finished[0]["delivered"], 2);
    assert_eq!(finished[0]["status"], 0);
    let counted = objects(&answer(&popfetch, &["--json", "check"]));
    assert_eq!(of(&counted, "counted")[0]["new"], 0);
    assert_eq!(of(&counted, "counted")[0]["total"], 2);
}

/// Without TLS SCRAM is safe enough to be allowed, so that no certificate is in the way here.
fn by_options<'a>(port: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let account = [
        "--host",
        "127.0.0.1",
        "--port",
        port,
        "--user",
        "alice",
        "--tls",
        "none",
        "--password-command",
        "echo secret",
    ];
    [more, &account].concat()
}

#[test]
fn nothing_needs_a_configuration() {
    let server = alice(numbered(2));
    let port = server.port().to_string();
    let popfetch = popfetch();
    let run = |more: &[&str]| {
        Running::start(
            popfetch
                .command(by_options(&port, more))
                .env_remove("POPFETCH_CONFIG"),
        )
        .wait()
    };
    let check = run(&["check"]);
    check.expect_code(0);
    assert!(
        check.stdout.starts_with("alice@127.0.0.1: 2 new ("),
        "{check:?}"
    );
    run(&["list"]).expect_code(0);
    run(&["info"]).expect_code(0);
    run(&["--maildir", "mail"]).expect_silence();
    assert_eq!(delivered(&popfetch.path("mail")), expected(numbered(2)));
    // It is remembered, under user and host.
    run(&["--maildir", "mail"]).expect_silence();
    assert_eq!(mailbox::maildir(&popfetch.path("mail")).len(), 2);
    assert!(run(&["seen", "show"]).stdout.contains("uid-2"));
    run(&["fetch", "--all", "--mbox", "box"]).expect_silence();
    assert_eq!(mailbox::mbox(&popfetch.path("box")).len(), 2);
    run(&[]).expect_code(78).expect_stderr("--maildir");
    run(&["seen", "forget", "uid-1"]).expect_code(0);
    run(&["-n"]).expect_code(0);
    run(&["--maildir", "mail", "--no-keep"]).expect_silence();
    assert_eq!(mailbox::maildir(&popfetch.path("mail")).len(), 3);
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 0);
}

#[test]
fn nothing_needs_a_configuration_for_an_mda_either() {
    let server = alice(numbered(2));
    let port = server.port().to_string();
    let popfetch = popfetch();
    let arguments = by_options(&port, &["--mda", "cat >>\"$HOME/all-of-it\""]);
    Running::start(popfetch.command(arguments).env_remove("POPFETCH_CONFIG"))
        .wait()
        .expect_silence();
    let all: Vec<u8> = numbered(2).flat_map(|message| message.on_disk()).collect();
    assert_eq!(fs::read(popfetch.path("all-of-it")).unwrap(), all);
}

#[test]
fn options_stand_over_the_keys_of_an_account_on_either_side() {
    let server = alice(numbered(1));
    let (popfetch, _) = home_with(&server, |account| account.set("user", "nobody"));
    popfetch.run(&["check"]).expect_code(77);
    for arguments in [
        ["check", "-a", "work", "--user", "alice"],
        ["-a", "work", "--user", "alice", "check"],
        ["--user", "alice", "check", "-a", "work"],
    ] {
        assert!(answer(&popfetch, &arguments).starts_with("work: 1 new"));
    }
    popfetch
        .run(&["-a", "work", "--user", "alice", "--maildir", "other"])
        .expect_silence();
    assert_eq!(delivered(&popfetch.path("other")), expected(numbered(1)));
}

#[test]
fn an_unknown_account_is_named_with_the_known_ones() {
    let server = alice(numbered(1));
    let (popfetch, _) = home(&server);
    for arguments in [
        &["check", "wrok"][..],
        &["list", "-a", "wrok"],
        &["info", "work", "wrok"],
        &["seen", "show", "wrok"],
        &["seen", "mark", "wrok"],
        &["fetch", "wrok"],
    ] {
        let ran = popfetch.run(arguments);
        ran.expect_code(64)
            .expect_stderr("no account wrok in ")
            .expect_stderr("did you mean work?");
        assert_eq!(ran.stderr.lines().count(), 1);
    }
    assert_eq!(server.sessions().len(), 0);
}

#[test]
fn verbose_is_a_line_a_message_with_the_time_before_it() {
    let server = alice(numbered(2));
    let (popfetch, _) = home(&server);
    let ran = popfetch.run(&["-v"]);
    ran.expect_code(0);
    assert_eq!(ran.stdout, "");
    let told: Vec<&str> = ran
        .stderr
        .lines()
        .filter(|line| line.ends_with("delivered"))
        .collect();
    assert_eq!(told.len(), 2, "{}", ran.stderr);
    for line in ran.stderr.lines() {
        let (time, rest) = line.split_at("2026-11-22 00:06:40 ".len());
        assert!(rest.starts_with("work: "), "{line}");
        let digits = time.chars().filter(char::is_ascii_digit).count();
        assert_eq!((digits, time.matches(':').count()), (14, 2), "{line}");
    }
    let ran = popfetch.run(&["-vv", "check"]);
    assert!(ran.stderr.contains("work: > UIDL"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("secret"), "{}", ran.stderr);
}

#[test]
fn quiet_says_nothing_of_what_passes_by_itself() {
    let server = alice(numbered(1));
    let (popfetch, _) = home(&server);
    server.change(|settings| {
        settings.login_refused = Some("-ERR [IN-USE] maildrop is locked".into());
    });
    let ran = popfetch.run(&["-q"]);
    ran.expect_code(75);
    assert_eq!(ran.stderr, "");
    popfetch.run(&[]).expect_code(75).expect_stderr("[IN-USE]");
    server.change(|settings| settings.login_refused = None);
    popfetch.run(&["-q"]).expect_silence();
    // An answer that was asked for is given.
    assert!(answer(&popfetch, &["-q", "check"]).starts_with("work: 0 new"));
}

fn two(count: u32) -> (Server, Popfetch) {
    let server = Server::start()
        .user("alice", "secret", numbered(count))
        .user("bob", "hidden", numbered(count));
    let mut popfetch = popfetch();
    for (name, user, password) in [("a", "alice", "secret"), ("b", "bob", "hidden")] {
        let mail = popfetch.path(name);
        popfetch.account(Account::on(&server, name, user, password).maildir(&mail));
    }
    (server, popfetch)
}

#[test]
fn two_accounts_do_not_mix_their_lines() {
    let (_server, popfetch) = two(200);
    let ran = popfetch.run(&["-v"]);
    ran.expect_code(0);
    for name in ["a", "b"] {
        let whole = |line: &&str| {
            let rest = &line["2026-11-22 00:06:40 ".len()..];
            rest.starts_with(&format!("{name}: message ")) && rest.ends_with(") delivered")
        };
        assert_eq!(ran.stderr.lines().filter(whole).count(), 200);
    }
    let text = answer(&popfetch, &["list"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 402);
    assert_eq!((lines[0], lines[201]), ("a:", "b:"));
    let text = answer(&popfetch, &["check"]);
    assert!(
        text.starts_with("a: 0 new") && text.contains("\nb: 0 new"),
        "{text}"
    );
    let objects = objects(&answer(&popfetch, &["list", "--json"]));
    assert_eq!(of(&objects, "listed").len(), 400);
}

#[test]
fn a_reader_that_leaves_ends_the_listing_in_silence() {
    let (_server, popfetch) = two(400);
    let mut command = popfetch.command(["list"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut child = command
        .stdout(writer)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let status = child.wait().unwrap();
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
    assert_eq!(said, "");
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&status),
        Some(13),
        "{status}"
    );
}

/// As cron runs it: three variables, no terminal, and a message only when something is wrong.
#[test]
fn as_cron_runs_it() {
    let server = alice(numbered(2));
    let mut popfetch = popfetch();
    let config = popfetch.path(if cfg!(target_os = "macos") {
        "Library/Application Support/popfetch/config.toml"
    } else {
        ".config/popfetch/config.toml"
    });
    let mail = popfetch.path("mail");
    popfetch.account(Account::on(&server, "work", "alice", "secret").maildir(&mail));
    if config != popfetch.config_file() {
        fs::create_dir_all(config.parent().unwrap()).unwrap();
        fs::copy(popfetch.config_file(), &config).unwrap();
    }
    let run = || -> Ran {
        let mut command = popfetch.command([""; 0]);
        command
            .env_clear()
            .env("HOME", popfetch.home())
            .env("PATH", "/usr/bin:/bin")
            .current_dir(Path::new("/"));
        Running::start(&mut command).wait()
    };
    run().expect_silence();
    run().expect_silence();
    assert_eq!(delivered(&mail), expected(numbered(2)));
    drop(server);
    let ran = run();
    ran.expect_code(75);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
}

/// What the program writes for packagers is what is committed; the unit tests say how to make it anew.
#[test]
fn manuals_and_completions_are_generated() {
    let popfetch = popfetch();
    for (kind, names) in [
        ("man", &["popfetch.1", "popfetch.toml.5"][..]),
        (
            "completions",
            &[
                "_popfetch",
                "_popfetch.ps1",
                "popfetch.bash",
                "popfetch.fish",
            ],
        ),
    ] {
        popfetch.run(&["generate", kind, kind]).expect_silence();
        assert_eq!(mailbox::folder(&popfetch.path(kind)), names);
        let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join(kind);
        assert_eq!(mailbox::folder(&committed), names);
        for name in names {
            let (made, kept) = (popfetch.path(kind).join(name), committed.join(name));
            assert!(
                fs::read(made).unwrap() == fs::read(&kept).unwrap(),
                "{} is stale",
                kept.display()
            );
        }
    }
}
