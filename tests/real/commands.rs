//! Dovecot: every command, and what it answers.

use std::fs;
use std::path::PathBuf;

use crate::dovecot;
use crate::place::Place;
use crate::run::{expect_same, home, home_of, home_with, left, popfetch, sorted};
use crate::support::client::Client;
use crate::support::mailbox;
use crate::support::maildrop::Message;
use crate::support::popfetch::{Account, Popfetch, Ran, Running};

/// A home of bob's; the unique-ids of his three messages.
fn bob(place: &Place) -> (Popfetch, PathBuf, [String; 3]) {
    let (popfetch, mail) = home(place, "bob");
    let listing = crate::run::session(place, "bob").ask_lines("UIDL");
    let uids: Vec<String> = listing.iter().map(|line| line[2..].to_owned()).collect();
    (popfetch, mail, uids.try_into().unwrap())
}

/// All well, this on stdout and nothing else said.
#[track_caller]
fn expect_answer(ran: &Ran, expected: &str) {
    ran.expect_code(0);
    assert_eq!(ran.stdout, expected);
    assert_eq!(ran.stderr, "");
}

/// The objects of `--json`, those of one kind.
fn events(ran: &Ran, kind: &str) -> Vec<serde_json::Value> {
    ran.expect_code(0);
    let objects = ran.stdout.lines().map(|line| {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(object["account"], "work", "{line}");
        object
    });
    objects.filter(|object| object["event"] == kind).collect()
}

#[test]
fn fetch_says_one_line_a_message_and_one_for_all() {
    let place = dovecot::start();
    let (popfetch, mail, uids) = bob(&place);
    let ran = popfetch.run(&["fetch", "-v", "work"]);
    ran.expect_code(0);
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(lines.len(), 7, "{lines:?}");
    for (line, (number, uid)) in lines[3..6].iter().zip((1..).zip(&uids)) {
        let said = format!(" work: message {number} (266 B, uid {uid}) delivered");
        assert!(line.ends_with(&said), "{line}");
    }
    assert!(
        lines[6].contains(" work: 3 messages (798 B) in "),
        "{lines:?}"
    );
    assert_eq!(ran.stdout, "");
    assert_eq!(mailbox::maildir(&mail).len(), 3);
}

#[test]
fn fetch_answers_in_json() {
    let place = dovecot::start();
    let (popfetch, _, uids) = bob(&place);
    let ran = popfetch.run(&["--json", "--limit", "2"]);
    assert_eq!(ran.stderr, "");
    let planned = &events(&ran, "planned")[0];
    assert_eq!(
        (&planned["messages"], &planned["listed"]),
        (&2.into(), &3.into())
    );
    let finished = &events(&ran, "finished")[0];
    assert_eq!(finished["status"], 0);
    assert_eq!(
        (&finished["delivered"], &finished["octets"]),
        (&2.into(), &532.into())
    );
    let delivered: Vec<_> = events(&ran, "delivered");
    let delivered: Vec<&str> = delivered
        .iter()
        .filter_map(|event| event["uid"].as_str())
        .collect();
    assert_eq!(delivered, uids[..2]);
}

#[test]
fn fetch_options_do_what_they_say() {
    let place = dovecot::start();
    let (popfetch, mail, uids) = bob(&place);
    let ran = popfetch.run(&["--dry-run"]);
    let would = |number: usize| {
        let uid = &uids[number - 1];
        format!("work: would fetch message {number} (266 B, uid {uid})\n")
    };
    let all = [would(1), would(2), would(3)].concat();
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert_eq!(said, format!("{all}work: would fetch 3 messages (798 B)\n"));
    ran.expect_code(0);
    assert!(!mail.exists() && !popfetch.state().exists());

    let large = Message::repeated("", "Subject: large\n\n", "x", 2000);
    dovecot::deliver(&place, "bob", &large.on_disk());
    let ran = popfetch.run(&["--max-size", "1k"]);
    ran.expect_code(0)
        .expect_stderr("larger than 1 KiB; it stays on the server");
    assert_eq!(mailbox::maildir(&mail).len(), 3);
    popfetch
        .run(&["--all", "--limit", "1", "-j", "1"])
        .expect_silence();
    assert_eq!(mailbox::maildir(&mail).len(), 4);
    popfetch.run(&["-q", "--no-mail-exit", "5"]).expect_code(0);
    assert_eq!(mailbox::maildir(&mail).len(), 5, "the large one");
    popfetch.run(&["-q", "--no-mail-exit", "5"]).expect_code(5);
    assert_eq!(left(&place, "bob"), 4);
    popfetch.run(&["--no-keep"]).expect_silence();
    assert_eq!(left(&place, "bob"), 0);
}

#[test]
fn fetch_needs_no_configuration() {
    let place = dovecot::start();
    let popfetch = popfetch();
    fs::write(popfetch.path("password"), "b0b pass \"word\\\n").unwrap();
    let port = place.port.to_string();
    let run = |more: &[&str]| {
        let mut command = popfetch.command(["--host", Place::HOST, "--port", &port]);
        command
            .args(["--user", "bob", "--tls", "none"])
            .args(["--password-command", "cat password"])
            .args(more)
            .env_remove("POPFETCH_CONFIG");
        Running::start(&mut command).wait()
    };
    run(&["--auth", "plain", "--maildir", "mail"])
        .expect_code(69)
        .expect_stderr("refusing to send the password in clear");
    // SCRAM reveals nothing.
    run(&["--maildir", "mail"]).expect_silence();
    let found = sorted(mailbox::maildir(&popfetch.path("mail")));
    expect_same("Maildir", &found, &place.user("bob").messages);
    run(&["--maildir", "mail"]).expect_silence();
    assert_eq!(mailbox::maildir(&popfetch.path("mail")).len(), 3);
    run(&["--mbox", "inbox", "--all"]).expect_silence();
    let found = mailbox::mbox(&popfetch.path("inbox"));
    let found: Vec<Vec<u8>> = found.into_iter().map(|message| message.text).collect();
    expect_same("mbox", &found, &place.user("bob").messages);
    run(&["--mda", "cat >>piped", "--all"]).expect_silence();
    let piped = fs::read(popfetch.path("piped")).unwrap();
    assert_eq!(piped, place.user("bob").messages.concat());
}

#[test]
fn check_counts() {
    let place = dovecot::start();
    let (popfetch, mail, uids) = bob(&place);
    expect_answer(
        &popfetch.run(&["check"]),
        "work: 3 new (798 B), 3 in all (798 B)\n",
    );
    assert!(!mail.exists() && !popfetch.state().exists());
    popfetch
        .run(&["seen", "mark", "work", &uids[0]])
        .expect_code(0);
    let ran = popfetch.run(&["check", "work"]);
    expect_answer(&ran, "work: 2 new (532 B), 3 in all (798 B)\n");
    popfetch.run(&[]).expect_silence();
    let ran = popfetch.run(&["check", "--no-mail-exit", "1"]);
    ran.expect_code(1);
    assert_eq!(ran.stdout, "work: 0 new (0 B), 3 in all (798 B)\n");
    let counted = &events(&popfetch.run(&["check", "--json"]), "counted")[0];
    assert_eq!((&counted["new"], &counted["total"]), (&0.into(), &3.into()));
    assert_eq!(counted["total_octets"], 798);
}

#[test]
fn list_shows_what_is_there() {
    let place = dovecot::start();
    let (popfetch, _, uids) = bob(&place);
    popfetch
        .run(&["seen", "mark", "work", &uids[1]])
        .expect_code(0);
    dovecot::deliver(
        &place,
        "bob",
        b"From: =?utf-8?Q?Ren=C3=A9?= <rene@example.test>\n\
          Date: Tue, 02 Jan 2024 01:02:03 +0100\nSubject: a \x1b[31mred\x1b[0m one\n\nx\n",
    );
    let line = |mark: &str, number: u32| {
        format!(
            "{mark}     {number}     266 B  2024-01-01 00:00  Sender <sender@example.test>  message {number}\n"
        )
    };
    let ran = popfetch.run(&["list", "work"]);
    ran.expect_code(0);
    let known = [line("N", 1), line("S", 2), line("N", 3)].concat();
    let last = ran.stdout.strip_prefix(known.as_str());
    let last = last.unwrap_or_else(|| panic!("{}", ran.stdout));
    assert!(last.starts_with("N     4 "), "{last}");
    assert!(
        last.contains("  2024-01-02 00:02  René <rene@example.test>  a "),
        "{last}"
    );
    assert!(!last.contains('\x1b'), "{last:?}");

    let listed = events(&popfetch.run(&["list", "--json"]), "listed");
    let uid = |event: &serde_json::Value| event["uid"].as_str().unwrap().to_owned();
    assert_eq!(listed[..3].iter().map(uid).collect::<Vec<_>>(), uids);
    assert_eq!(listed[1]["seen"], true);
    assert_eq!(listed[3]["from"], "René <rene@example.test>");
    assert_eq!(left(&place, "bob"), 4);
    let (popfetch, _) = home(&place, "carol");
    expect_answer(&popfetch.run(&["list"]), "");
}

#[test]
fn info_shows_the_server_and_a_pin_that_works() {
    let place = dovecot::start();
    let (popfetch, _) = home_with(&place, "bob", |account| {
        account
            .set("port", i64::from(place.port))
            .set("tls", "stls")
    });
    let ran = popfetch.run(&["info", "work"]);
    ran.expect_code(0);
    let line = |name: &str| {
        let line = ran
            .stdout
            .lines()
            .find(|line| line.trim_start().starts_with(name));
        let line = line.unwrap_or_else(|| panic!("no {name} in {}", ran.stdout));
        line.trim_start()[name.len()..].trim().to_owned()
    };
    assert!(line("greeting").starts_with("Dovecot (Debian) ready. <"));
    assert!(line("tls  ").starts_with("TLS 1.3, TLS_"), "{}", ran.stdout);
    assert_eq!(line("certificate"), "CN=localhost");
    assert!(line("before stls").contains("STLS"), "{}", ran.stdout);
    assert!(
        line("before login").contains("SASL PLAIN LOGIN"),
        "{}",
        ran.stdout
    );
    assert!(line("after login").contains("UIDL"), "{}", ran.stdout);
    assert_eq!(line("logged in by"), "scram-sha-256");
    // The lines to paste work as they are, in place of the CA.
    for kind in ["sha256:", "spki-sha256:"] {
        let pin = ran
            .stdout
            .lines()
            .find(|line| line.contains(&format!("\"{kind}")));
        let pin: toml::Table = pin.unwrap().parse().unwrap();
        let pin = pin["tls_fingerprint"].clone();
        let pinned = |pin: toml::Value| {
            let account = Account::new("work", Place::HOST, "bob")
                .set("port", i64::from(place.tls_port.unwrap()))
                .set("password", place.user("bob").password)
                .set("tls_fingerprint", pin);
            home_of(account).0.run(&["check"])
        };
        expect_answer(
            &pinned(pin.clone()),
            "work: 3 new (798 B), 3 in all (798 B)\n",
        );
        let other = pin.as_str().unwrap().replace(kind, &format!("{kind}0"));
        let other: String = other.chars().take(kind.len() + 64).collect();
        pinned(other.into()).expect_code(77);
    }
    let info = &events(&popfetch.run(&["info", "--json"]), "info");
    assert_eq!(info.len(), 1, "{}", ran.stdout);
}

#[test]
fn seen_shows_marks_and_forgets() {
    let place = dovecot::start();
    let (mut popfetch, mail, uids) = bob(&place);
    expect_answer(&popfetch.run(&["seen", "show"]), "");
    popfetch.run(&["--limit", "1"]).expect_silence();
    let ran = popfetch.run(&["seen", "mark", "work"]);
    expect_answer(&ran, "work: 2 unique-ids marked\n");
    let ran = popfetch.run(&["seen", "show", "work"]);
    ran.expect_code(0);
    let lines: Vec<(&str, &str)> = ran
        .stdout
        .lines()
        .map(|line| {
            (
                line.split(' ').next().unwrap(),
                line.rsplit(' ').next().unwrap(),
            )
        })
        .collect();
    let [first, second, third] = [&uids[0][..], &uids[1], &uids[2]];
    assert_eq!(
        lines,
        [(first, "delivered"), (second, "known"), (third, "known")]
    );
    assert_eq!(
        events(&popfetch.run(&["seen", "show", "--json"]), "remembered").len(),
        3
    );

    // What was only marked is never deleted.
    popfetch.account(
        place
            .account("work", "bob")
            .maildir(&mail)
            .set("keep", false),
    );
    popfetch.run(&[]).expect_silence();
    assert_eq!(left(&place, "bob"), 2);
    assert_eq!(mailbox::maildir(&mail).len(), 1);

    let ran = popfetch.run(&["seen", "forget", "work", second]);
    expect_answer(&ran, "work: 1 unique-id forgotten\n");
    let ran = popfetch.run(&["seen", "mark", "--delivered", "work", third]);
    expect_answer(&ran, "work: 1 unique-id marked\n");
    popfetch.run(&[]).expect_silence();
    assert_eq!(left(&place, "bob"), 0);
    assert_eq!(mailbox::maildir(&mail).len(), 2);
    let ran = popfetch.run(&["seen", "forget", "--all", "work"]);
    ran.expect_code(0);
    expect_answer(&popfetch.run(&["seen", "show"]), "");
}

#[test]
fn config_says_where_and_whether_it_is_well() {
    let place = dovecot::start();
    let (popfetch, ..) = bob(&place);
    let file = popfetch.config_file().display().to_string();
    expect_answer(&popfetch.run(&["config", "path"]), &format!("{file}\n"));
    let state = popfetch.state().display().to_string();
    let ran = popfetch.run(&["config", "path", "--state"]);
    expect_answer(&ran, &format!("{state}\n"));
    let ran = popfetch.run(&["config", "check"]);
    expect_answer(&ran, &format!("{file}: 1 account, all well\n"));
    let text = fs::read_to_string(&file)
        .unwrap()
        .replace("deliver", "delivr");
    popfetch.write_config(&text);
    let ran = popfetch.run(&["config", "check"]);
    ran.expect_code(78).expect_stderr("did you mean");
    assert!(!ran.stderr.contains("b0b"), "{}", ran.stderr);
}

#[test]
fn a_look_changes_nothing_on_the_server() {
    let place = dovecot::start();
    let (popfetch, mail, _) = bob(&place);
    for command in ["check", "list", "info"] {
        let ran = popfetch.run(&["-vv", command]);
        ran.expect_code(0);
        assert!(!ran.stderr.contains("> RETR"), "{}", ran.stderr);
        assert!(!ran.stderr.contains("> DELE"), "{}", ran.stderr);
        assert!(!ran.stderr.contains("b0b"), "{}", ran.stderr);
    }
    assert!(!mail.exists() && !popfetch.state().exists());
    let (mut client, _) = Client::greeted(place.tls_port.unwrap(), true);
    let user = place.user("bob");
    client.login(user.name, user.password);
    assert!(client.ask("STAT").starts_with("+OK 3 "));
}
