//! Servers that mean harm, or might as well: what they say is taken for what it is, and nothing is lost by it.

use std::time::Duration;

use crate::run::{alice, delivered, expected, home, home_with, numbered, popfetch};
use crate::support::auth::{Mechanism, ScramFault};
use crate::support::mailbox;
use crate::support::maildrop::Message;
use crate::support::popfetch::{Account, Popfetch};
use crate::support::script::{Script, ScriptServer};
use crate::support::server::Server;
use crate::support::settings::Support;
use crate::support::tls::{Authority, Identity, NAMES};

/// An account on a server by script, without TLS, by USER and PASS.
fn scripted(server: &ScriptServer, change: impl FnOnce(Account) -> Account) -> Popfetch {
    let mut popfetch = popfetch();
    let mail = popfetch.path("mail");
    let account = Account::new("work", "127.0.0.1", "alice")
        .set("port", i64::from(server.port()))
        .set("password", "pass-phrase")
        .set("tls", "none")
        .set("allow_cleartext", true)
        .set("auth", "user")
        .set("timeout", "5s")
        .set("keep", false)
        .maildir(&mail);
    popfetch.account(change(account));
    popfetch
}

/// Up to the TRANSACTION state.
fn logged_in() -> Script {
    Script::new()
        .send("+OK\r\n")
        .answer("CAPA", "-ERR\r\n")
        .answer("USER alice", "+OK\r\n")
        .answer("PASS pass-phrase", "+OK\r\n")
}

/// Runs against one script; gives the exit code, having looked that nothing was delivered that should not be.
#[track_caller]
fn meets(script: Script, code: i32) -> (Popfetch, String) {
    let server = ScriptServer::start([script]);
    let popfetch = scripted(&server, |account| account);
    let ran = popfetch.run(&[]);
    ran.expect_code(code);
    assert!(ran.stderr.lines().count() <= 2, "{}", ran.stderr);
    assert!(ran.stderr.len() < 2000, "{}", ran.stderr);
    assert!(!ran.stderr.contains("pass-phrase"), "{}", ran.stderr);
    drop(server);
    (popfetch, ran.stderr)
}

#[test]
fn replies_that_nobody_asked_for_do_not_pass_for_others() {
    // A greeting that answers what is still to be asked.
    meets(Script::new().send("+OK\r\n+OK\r\n+OK\r\n+OK\r\n"), 76);
    // An unstuffed dot in a message lets its sender speak for the server: then no deletion is certain.
    let (popfetch, said) = meets(
        logged_in()
            .answer("UIDL", "+OK\r\n1 u1\r\n.\r\n")
            .answer("LIST", "+OK\r\n1 20\r\n.\r\n")
            .answer(
                "RETR 1",
                "+OK\r\nSubject: x\r\n\r\nx\r\n.\r\n+OK\r\n+OK\r\n",
            )
            .expect_end(),
        76,
    );
    assert!(said.contains("no command asked for"), "{said}");
    assert_eq!(mailbox::maildir(&popfetch.path("mail")).len(), 1);
    // The same, late: QUIT's reply may have been DELE's.
    let (_, said) = meets(
        logged_in()
            .answer("UIDL", "+OK\r\n1 u1\r\n.\r\n")
            .answer("LIST", "+OK\r\n1 20\r\n.\r\n")
            .answer("RETR 1", "+OK\r\nSubject: x\r\n\r\nx\r\n.\r\n")
            .answer("DELE 1", "+OK\r\n")
            .answer("QUIT", "+OK\r\n+OK\r\n"),
        76,
    );
    assert!(said.contains("not confirmed"), "{said}");
}

#[test]
fn numbers_are_not_believed() {
    for (uidl, list) in [
        ("0 u\r\n", ""),
        ("-1 u\r\n", ""),
        ("4294967296 u\r\n", ""),
        ("99999999999999999999999 u\r\n", ""),
        ("1 u\r\n1 v\r\n", ""),
        ("x u\r\n", ""),
        ("\r\n", ""),
        ("1 u\r\n", "0 10\r\n"),
        ("1 u\r\n", "1 10\r\n1 20\r\n"),
        ("1 u\r\n", "-5 10\r\n"),
        ("1 u\r\n", "hello\r\n"),
    ] {
        let mut script = logged_in().answer("UIDL", format!("+OK\r\n{uidl}.\r\n"));
        if !list.is_empty() {
            script = script.answer("LIST", format!("+OK\r\n{list}.\r\n"));
        }
        meets(script, 76);
    }
    // Four billion messages by STAT, and neither listing to be had.
    meets(
        logged_in()
            .answer("UIDL", "-ERR\r\n")
            .answer("LIST", "-ERR no\r\n")
            .answer("STAT", "+OK 4294967295 18446744073709551616\r\n"),
        76,
    );
    // The highest number there is, in no order.
    let (popfetch, _) = meets(
        logged_in()
            .answer("UIDL", "+OK\r\n4294967295 b\r\n7 a\r\n.\r\n")
            .answer(
                "LIST",
                "+OK\r\n4294967295 18446744073709551615\r\n7 18446744073709551616\r\n.\r\n",
            )
            .answer("RETR 7", "+OK\r\nSubject: 7\r\n\r\n.\r\n")
            .answer("RETR 4294967295", "+OK\r\nSubject: 4\r\n\r\n.\r\n")
            .answer("DELE 7", "+OK\r\n")
            .answer("DELE 4294967295", "+OK\r\n")
            .answer("QUIT", "+OK\r\n"),
        0,
    );
    assert_eq!(mailbox::maildir(&popfetch.path("mail")).len(), 2);
}

#[test]
fn listings_of_different_lengths_are_joined_by_number() {
    for (command, reply) in [
        ("UIDL", "+OK\r\n1 uid-1\r\n4 uid-4\r\n.\r\n"),
        ("UIDL", "+OK\r\n.\r\n"),
        ("UIDL", "+OK\r\n1\r\n2 \r\n3 uid-3\r\n4 uid-4\r\n.\r\n"),
        ("LIST", "+OK\r\n2 100\r\n.\r\n"),
        ("LIST", "+OK\r\n.\r\n"),
    ] {
        let server = alice(numbered(4));
        server.change(|settings| {
            settings.replies.insert(command.into(), reply.into());
        });
        let (popfetch, mail) = home(&server);
        popfetch.run(&[]).expect_silence();
        popfetch.run(&[]).expect_silence();
        assert_eq!(delivered(&mail), expected(numbered(4)), "{reply:?}");
    }
}

#[test]
fn unique_ids_of_any_length_and_octets() {
    let long = |octets: usize, end: &str| format!("{}{end}", "x".repeat(octets)).into_bytes();
    let uids = [
        long(10_000, "1"),
        long(10_000, "2"),
        long(20_000, "1"),
        long(20_000, "2"),
        b"nul\0here".to_vec(),
        b"bare\rcr".to_vec(),
        b"\x1b]0;title\x07".to_vec(),
        b"=\n".to_vec(),
        (1..=255).filter(|octet| *octet != b'\n').collect(),
    ];
    let messages = || {
        (1..).zip(&uids).map(|(number, uid)| {
            let uid: Vec<u8> = uid
                .iter()
                .copied()
                .filter(|octet| *octet != b'\n')
                .collect();
            Message::new(uid, format!("Subject: {number}\n\n{number}\n"))
        })
    };
    let server = alice(messages());
    let (popfetch, mail) = home(&server);
    popfetch.run(&[]).expect_silence();
    popfetch.run(&[]).expect_silence();
    assert_eq!(delivered(&mail), expected(messages()));
    popfetch.run(&["--no-keep"]).expect_silence();
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 0);
}

/// Messages that end, or seem to, where they should not.
fn odd_ends() -> Vec<Message> {
    [
        &b""[..],
        b"\r\n",
        b".\r\n",
        b"no header at all\r\n",
        b"Subject: header alone\r\n",
        b"Subject: a\r\n\r\nends in a dot.",
        b"Subject: b\r\n\r\nends in dots\r\n.\r\n..",
        b"Subject: c\r\n\r\nbare LF\n.\n+OK forged\nmore\r\n",
        b"Subject: d\r\n\r\nbare CR\r.\r+OK forged\rmore\r\n",
        b"Subject: e\r\n\r\nmixed\r\n.\n\n.\r\n\r.\r\nend\r\n",
        b"Subject: f\r\n\r\nNUL \0 and \xff \x80\x1b[2J\r\n",
        b"Subject: g\0h\r\nX\0Y: \r\n\r\n\0\r\n",
        b"\r\nFrom nobody\r\n>From here\r\n",
        b"From nobody Thu Jan  1 00:00:00 1970\r\nSubject: i\r\n\r\nFrom x\r\n",
        b"Subject: j\n\nonly LF\n",
        b"Subject: k\r\n\r\nends in CR\r",
    ]
    .into_iter()
    .enumerate()
    .map(|(number, octets)| Message::raw(format!("odd-{number}"), octets.to_vec()))
    .collect()
}

#[test]
fn messages_end_only_where_they_end() {
    let server = alice(odd_ends());
    let mut popfetch = popfetch();
    let (mail, mbox, out) = (
        popfetch.path("mail"),
        popfetch.path("mbox"),
        popfetch.path("out"),
    );
    std::fs::create_dir(&out).unwrap();
    let script = format!("cat > {}/$1", out.display());
    let account = |name: &str| Account::on(&server, name, "alice", "secret");
    popfetch.account(account("a").maildir(&mail));
    popfetch.account(account("b").mbox(&mbox));
    popfetch.account(account("c").mda(&["sh", "-c", &script, "mda", "%I"]));
    popfetch.run(&[]).expect_silence();
    let whole = expected(odd_ends());
    assert_eq!(delivered(&mail), whole);
    // An mbox holds whole lines alone.
    let line = |mut text: Vec<u8>| {
        if !text.is_empty() && !text.ends_with(b"\n") {
            text.push(b'\n');
        }
        text
    };
    let mut texts: Vec<Vec<u8>> = mailbox::mbox(&mbox).into_iter().map(|m| m.text).collect();
    texts.sort();
    let mut lines: Vec<Vec<u8>> = whole.iter().cloned().map(line).collect();
    lines.sort();
    assert_eq!(texts, lines);
    let mut piped: Vec<Vec<u8>> = mailbox::folder(&out)
        .iter()
        .map(|name| std::fs::read(out.join(name)).unwrap())
        .collect();
    piped.sort();
    assert_eq!(piped, whole);
    popfetch.run(&[]).expect_silence();
    assert_eq!(delivered(&mail), whole, "doubled");
}

/// Whatever a command is answered with, nothing is lost, and when the server is well again all is there once.
#[test]
fn any_answer_to_any_command_loses_nothing() {
    let answers: [&[u8]; 8] = [
        b"-ERR no\r\n",
        b"-ERR [SYS/TEMP] later\r\n",
        b"garbage\r\n",
        b"\r\n",
        b"+OK\r\n\0\x1b[31m\r\n.\r\n",
        b"+OK 1 1\r\n+OK 2 2\r\n",
        b"+OK\r\n.\r\n.\r\n",
        b"+",
    ];
    let commands = [
        "CAPA", "AUTH *", "UIDL", "LIST", "RETR 1", "RETR 2", "DELE 2", "DELE 3", "QUIT",
    ];
    std::thread::scope(|scope| {
        for command in commands {
            scope.spawn(move || {
                for answer in answers {
                    let server = alice(numbered(3));
                    let (mut popfetch, mail) = home_with(&server, |account| {
                        account.set("keep", false).set("auth", "plain")
                    });
                    // Some answers have no end.
                    popfetch.default("timeout", "1s");
                    server.change(|settings| {
                        settings.replies.insert(command.into(), answer.to_vec());
                    });
                    let ran = popfetch.run(&[]);
                    let about = format!("{command} {:?}: {ran:?}", answer.escape_ascii());
                    assert!([0, 69, 75, 76, 77].contains(&ran.code()), "{about}");
                    assert!(ran.stderr.lines().count() <= 3, "{about}");
                    assert!(!ran.stderr.contains('\x1b'), "{about}");
                    let left = server.maildrop("alice", |drop| drop.uids());
                    let here = if mail.exists() {
                        delivered(&mail)
                    } else {
                        Vec::new()
                    };
                    // What the server passes off as the whole of a message is not ours to doubt.
                    let forged = command.starts_with("RETR") && answer.starts_with(b"+OK");
                    for message in numbered(3) {
                        let uid = String::from_utf8_lossy(&message.uid).into_owned();
                        assert!(
                            forged || here.contains(&message.on_disk()) || left.contains(&uid),
                            "{about}"
                        );
                    }
                    server.change(|settings| settings.replies.clear());
                    popfetch.default("timeout", "60s");
                    popfetch.run(&[]).expect_silence();
                    // A forgery that is still on the server is looked at before it is deleted, and found to be another.
                    let came = mailbox::maildir(&mail).len();
                    assert!(came == 3 || forged && came > 3, "{about}");
                    assert_eq!(
                        server.maildrop("alice", |drop| drop.uids()),
                        [""; 0],
                        "{about}"
                    );
                }
            });
        }
    });
}

#[test]
fn a_unique_id_that_comes_back_is_the_same_message() {
    let server = alice(numbered(2));
    let (popfetch, mail) = home_with(&server, |account| account.set("keep", false));
    popfetch.run(&[]).expect_silence();
    // Once a listing lacked it, it may name another message.
    popfetch.run(&[]).expect_silence();
    server.deliver("alice", Message::numbered(9));
    popfetch.run(&[]).expect_silence();
    server.deliver("alice", Message::new("uid-1", "Subject: another\n\nx\n"));
    popfetch.run(&[]).expect_silence();
    assert_eq!(mailbox::maildir(&mail).len(), 4);
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 0);
}

#[test]
fn stls_answered_with_anything_else_ends_before_credentials() {
    for (reply, code) in [
        (&b"-ERR not now\r\n"[..], 69),
        (b"+OK\r\nHTTP/1.1 200 OK\r\n\r\n", 76),
        (b"+OK\r\n+OK logged in\r\n", 76),
        (b"+OK\r\n\x16\x03\x01", 76),
        (b"+ \r\n", 76),
        (b"* OK\r\n", 76),
        (b"\0\r\n", 76),
    ] {
        for capa in ["+OK\r\nSTLS\r\nSASL PLAIN\r\n.\r\n", "-ERR\r\n"] {
            let server = ScriptServer::start([Script::new()
                .send("+OK <1.2@host.example>\r\n")
                .answer("CAPA", capa)
                .answer("STLS", reply)]);
            let popfetch = scripted(&server, |account| {
                account
                    .set("tls", "stls")
                    .set("auth", vec!["apop", "plain", "user"])
            });
            let ran = popfetch.run(&[]);
            ran.expect_code(code);
            let said = String::from_utf8_lossy(&server.finish()[0].received).into_owned();
            for word in ["alice", "AUTH", "APOP", "USER", "PASS"] {
                assert!(!said.contains(word), "{reply:?}: {said}");
            }
        }
    }
    // Garbage where the handshake should be.
    let server = ScriptServer::start([Script::new()
        .send("+OK\r\n")
        .answer("CAPA", "+OK\r\nSTLS\r\n.\r\n")
        .answer("STLS", "+OK\r\n")
        .delay(Duration::from_millis(100))
        .send("no TLS here, sorry\r\n")]);
    let popfetch = scripted(&server, |account| account.set("tls", "stls"));
    popfetch.run(&[]).expect_code(76).expect_stderr("TLS");
    assert!(!String::from_utf8_lossy(&server.finish()[0].received).contains("alice"));
}

#[test]
fn a_greeting_that_says_logged_in_already_changes_nothing() {
    let server = alice(numbered(1));
    server.change(|settings| {
        settings.whole_greeting = Some("+OK [PREAUTH] alice is logged in".into());
        settings.stls = Support::Missing;
    });
    let (popfetch, _) = home_with(&server, |account| {
        account
            .set("tls", "stls")
            .set("port", i64::from(server.port()))
    });
    popfetch.run(&[]).expect_code(69);
    assert_eq!(server.last_session().commands_of("LIST"), [""; 0]);
}

#[test]
fn what_was_said_before_stls_is_forgotten() {
    // The stamp was said in clear, where anybody may have put it.
    let server = alice(numbered(1));
    server.change(|settings| settings.apop = true);
    let (popfetch, _) = home_with(&server, |account| {
        account
            .set("tls", "stls")
            .set("port", i64::from(server.port()))
            .set("auth", "apop")
    });
    popfetch
        .run(&[])
        .expect_code(69)
        .expect_stderr("one that came before STLS is not trusted: set tls = \"implicit\"");
    assert_eq!(server.last_session().commands_of("APOP"), [""; 0]);
}

#[test]
fn certificates_for_too_much_or_for_another_are_refused() {
    use rcgen::{DnType, SanType};
    let issue = |names: &[&str]| Authority::shared().issue(names);
    let raw = |name: &str| {
        let name = name.try_into().unwrap();
        Authority::shared().issue_with(&[], |params| {
            params.subject_alt_names = vec![SanType::DnsName(name)];
        })
    };
    let cases: Vec<(&str, &str, Identity)> = vec![
        (
            "NUL",
            "pop.example.org",
            raw("pop.example.org\0.evil.example"),
        ),
        ("leading NUL", "pop.example.org", raw("\0pop.example.org")),
        ("star", "pop.example.org", raw("*")),
        ("star of a top domain", "pop.example.org", issue(&["*.org"])),
        (
            "star over two labels",
            "pop.example.org",
            issue(&["*.org.example"]),
        ),
        ("two stars", "pop.example.org", raw("*.*.org")),
        ("star in a label", "pop.example.org", raw("p*.example.org")),
        ("star in the middle", "pop.example.org", raw("pop.*.org")),
        (
            "star of the domain itself",
            "example.org",
            issue(&["*.example.org"]),
        ),
        (
            "star of too deep a name",
            "a.pop.example.org",
            issue(&["*.example.org"]),
        ),
        ("star of an address", "127.0.0.1", raw("*.0.0.1")),
        ("address as a name", "127.0.0.1", raw("127.0.0.1")),
        (
            "common name alone",
            "pop.example.org",
            Authority::shared().issue_with(&[], |params| {
                params
                    .distinguished_name
                    .push(DnType::CommonName, "pop.example.org");
            }),
        ),
        (
            "another authority",
            "pop.example.org",
            Authority::new().issue(&["pop.example.org"]),
        ),
        (
            "not a server's",
            "pop.example.org",
            Authority::shared().issue_with(&["pop.example.org"], |params| {
                params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
            }),
        ),
        (
            "not valid yet",
            "pop.example.org",
            Authority::shared().issue_with(&["pop.example.org"], |params| {
                params.not_before = rcgen::date_time_ymd(2045, 1, 1);
            }),
        ),
    ];
    let server = alice(numbered(1));
    let run = |name: &str, identity: Identity| {
        server.change(|settings| settings.identity = identity);
        let (popfetch, _) = home_with(&server, |account| account.set("tls_server_name", name));
        popfetch.run(&[])
    };
    for (what, name, identity) in cases {
        let ran = run(name, identity);
        assert_eq!(ran.code(), 77, "{what}: {ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{what}: {}", ran.stderr);
        assert!(!ran.stderr.contains('\0'), "{what}");
    }
    run("pop.example.org", issue(&["*.example.org"])).expect_silence();
    run("127.0.0.1", issue(&NAMES)).expect_silence();
}

#[test]
fn apop_stamps_that_are_no_message_id_are_not_answered() {
    for stamp in [
        "",
        "<>",
        "<@>",
        "<a@>",
        "<@b>",
        "<ab>",
        "<a b@c>",
        "<a@b c>",
        "<a\x01@b>",
        "<a@b\u{fc}>",
        "<a@b",
        "a@b>",
        "<a@@b>",
    ] {
        let server = ScriptServer::start([Script::new()
            .send(format!("+OK ready {stamp}\r\n"))
            .answer("CAPA", "-ERR\r\n")
            .answer("QUIT", "+OK\r\n")]);
        let popfetch = scripted(&server, |account| account.set("auth", "apop"));
        popfetch.run(&[]).expect_code(69);
        let said = String::from_utf8_lossy(&server.finish()[0].received).into_owned();
        assert!(!said.contains("APOP"), "{stamp}: {said}");
    }
}

#[test]
fn sasl_challenges_that_are_none_end_the_login() {
    let scram = "AUTH SCRAM-SHA-256 ";
    let challenge = |text: &str| {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(text);
        format!("+ {text}\r\n")
    };
    let cases: Vec<(&str, &str, Vec<String>, i32)> = vec![
        (
            "scram-sha-256",
            scram,
            vec!["+ !!!not base64!!!\r\n".into()],
            77,
        ),
        (
            "scram-sha-256",
            scram,
            vec!["+ \u{fc}\u{fc}\r\n".into()],
            77,
        ),
        ("scram-sha-256", scram, vec!["+OK welcome\r\n".into()], 77),
        (
            "scram-sha-256",
            scram,
            vec![challenge("r=other,s=c2FsdA==,i=4096")],
            77,
        ),
        ("scram-sha-256", scram, vec![challenge("v=c2FsdA==")], 77),
        (
            "scram-sha-256",
            scram,
            vec![challenge(&"x".repeat(20_000))],
            77,
        ),
        ("scram-sha-256", scram, vec![challenge("")], 77),
        ("cram-md5", "AUTH CRAM-MD5", vec!["+ *\r\n".into()], 77),
        ("login", "AUTH LOGIN", vec!["+ ***\r\n".into()], 77),
        ("login", "AUTH LOGIN", vec!["+\r\n".into(); 30], 77),
        (
            "cram-md5",
            "AUTH CRAM-MD5",
            vec![challenge("<a@b>"); 30],
            77,
        ),
        ("plain", "AUTH PLAIN", vec!["+ \r\n".into(); 30], 77),
    ];
    for (word, command, replies, code) in cases {
        let mut script = Script::new()
            .send("+OK\r\n")
            .answer(
                "CAPA",
                "+OK\r\nSASL SCRAM-SHA-256 CRAM-MD5 PLAIN LOGIN\r\nUSER\r\n.\r\n",
            )
            .expect_prefix(command);
        let mut replies = replies.into_iter();
        script = script.send(replies.next().unwrap());
        let many = replies.len() > 0;
        for reply in replies {
            script = script.skip().send(reply);
        }
        if !many {
            script = script.send("-ERR\r\n");
        }
        let server = ScriptServer::start([script]);
        let popfetch = scripted(&server, |account| account.set("auth", word));
        // Waiting for the time limit would be another code.
        popfetch.run(&[]).expect_code(code);
        let heard = match server.try_finish() {
            Ok(recordings) => String::from_utf8_lossy(&recordings[0].received).into_owned(),
            // The client leaves before the thirtieth challenge, as it should.
            Err(report) => report,
        };
        assert!(!heard.contains("USER alice"), "{word}: {heard}");
    }
}

#[test]
fn a_login_that_went_wrong_is_not_followed_by_a_weaker_one() {
    for fault in [
        ScramFault::Nonsense,
        ScramFault::WrongNonce,
        ScramFault::WrongSignature,
        ScramFault::NoSignature,
    ] {
        let server = alice(numbered(1));
        server.change(|settings| {
            settings.scram_fault = fault;
            settings.mechanisms = Mechanism::ALL.to_vec();
        });
        let (popfetch, _) = home(&server);
        popfetch
            .run(&[])
            .expect_code(77)
            .expect_stderr("auth = [\"plain\"]");
        let session = server.last_session();
        assert_eq!(
            session.commands_of("AUTH").len(),
            1,
            "{fault:?}: {session:?}"
        );
        assert_eq!(session.commands_of("USER"), [""; 0], "{fault:?}");
    }
}

#[test]
fn an_iteration_count_of_billions_is_no_way_to_keep_us_busy() {
    let server = alice(numbered(1));
    server.change(|settings| {
        settings.mechanisms = vec![Mechanism::ScramSha256];
        settings.iterations = 4_000_000_000;
    });
    let (popfetch, _) = home_with(&server, |account| account.set("auth", "scram-sha-256"));
    popfetch.run(&[]).expect_code(77);
}

#[test]
fn line_breaks_in_user_or_password_are_never_sent() {
    for end in ["\r\nDELE 1", "\nDELE 1", "\rDELE 1", "\0DELE 1"] {
        for (user, password) in [
            (format!("alice{end}"), "secret".to_owned()),
            ("alice".to_owned(), format!("secret{end}")),
        ] {
            let server = alice(numbered(1));
            let (popfetch, _) = home_with(&server, |account| {
                account
                    .set("user", user.as_str())
                    .set("password", password.as_str())
            });
            let ran = popfetch.run(&[]);
            assert!([77, 78].contains(&ran.code()), "{ran:?}");
            assert!(!ran.stderr.contains("secret"), "{ran:?}");
            for session in server.settled() {
                assert_eq!(session.commands_of("DELE"), [""; 0]);
                assert_eq!(session.commands_of("PASS"), [""; 0]);
            }
        }
    }
    // From a command, whose first line may hold a CR; and by USER and PASS.
    for auth in ["user", "plain", "cram-md5", "scram-sha-256", "login"] {
        let server = alice(numbered(1));
        let (popfetch, _) = home_with(&server, |account| {
            let account = account.set("auth", auth);
            let account = account.set("password_command", "printf 'secret\\rDELE 1\\n'");
            account.without("password")
        });
        let ran = popfetch.run(&[]);
        assert!([77, 78].contains(&ran.code()), "{auth}: {ran:?}");
        assert_eq!(server.logins(), 0);
        for session in server.settled() {
            assert_eq!(session.commands_of("DELE"), [""; 0]);
            assert_eq!(session.commands_of("PASS"), [""; 0]);
        }
    }
    let server = alice(numbered(1));
    let popfetch = popfetch();
    let port = server.tls_port().to_string();
    let ran = popfetch.run(&[
        "--host",
        "127.0.0.1",
        "--port",
        &port,
        "--user",
        "alice\r\nQUIT",
        "--password-command",
        "echo secret",
        "--maildir",
        "mail",
    ]);
    assert!([64, 78].contains(&ran.code()), "{ran:?}");
    assert_eq!(server.settled().len(), 0);
}

/// What no text that we show may hold, and a tab, which moves a column.
#[track_caller]
fn harmless(said: &str) {
    let bad = |c: &char| {
        c.is_control() && *c != '\n'
            || ('\u{202a}'..='\u{202e}').contains(c)
            || ('\u{2066}'..='\u{2069}').contains(c)
    };
    assert_eq!(said.chars().find(bad), None, "{said:?}");
}

const EVIL: &str = "\x1b]0;owned\x07\x1b[31m\u{9b}2J\u{202e}x\u{85}\x08\x7f";

fn evil_server() -> Server {
    let evil = |number: u32| {
        Message::new(
            format!("{EVIL}{number}"),
            format!(
                "From: {EVIL} <{EVIL}@x>\nSubject: {EVIL}{number} =?utf-8?q?=1B[2J=07?=\nDate: {EVIL}\n\n{EVIL}\n"
            ),
        )
    };
    let server = alice([evil(1), evil(2)]);
    server.change(|settings| {
        settings.greeting = format!("ready {EVIL}");
        settings.capability_lines =
            vec![format!("X-{EVIL} {EVIL}"), format!("IMPLEMENTATION {EVIL}")];
        settings.implementation = Some(EVIL.into());
    });
    server
}

#[test]
fn no_text_of_a_server_or_a_message_reaches_the_terminal_unescaped() {
    let server = evil_server();
    let (popfetch, _) = home(&server);
    for arguments in [
        &["list"][..],
        &["list", "--json"],
        &["info"],
        &["info", "--json"],
        &["--dry-run"],
        &["-vv"],
        &["seen", "show"],
        &["seen", "show", "--json"],
        &["list"],
        &["check", "-vv"],
    ] {
        let ran = popfetch.run(arguments);
        ran.expect_code(0);
        harmless(&ran.stdout);
        harmless(&ran.stderr);
    }
    // Refusals quote the server.
    for command in ["AUTH *", "UIDL", "RETR 1", "DELE 1", "QUIT"] {
        let server = evil_server();
        server.change(|settings| {
            for command in [command, "LIST"] {
                let reply = format!("-ERR [{EVIL}] {EVIL}\r\n");
                settings.replies.insert(command.into(), reply.into());
            }
        });
        let (popfetch, _) = home_with(&server, |account| account.set("keep", false));
        for arguments in [&[][..], &["-vv"], &["--json"]] {
            let ran = popfetch.run(arguments);
            harmless(&ran.stdout);
            harmless(&ran.stderr);
        }
        let ran = popfetch.run(&["seen", "show"]);
        harmless(&ran.stdout);
    }
    // So do certificates.
    let server = alice(numbered(1));
    let identity = Authority::shared().issue_with(&["elsewhere.example"], |params| {
        for name in [rcgen::DnType::CommonName, rcgen::DnType::OrganizationName] {
            params.distinguished_name.push(name, EVIL);
        }
    });
    server.change(|settings| settings.identity = identity);
    let (popfetch, _) = home(&server);
    for arguments in [&[][..], &["info"], &["--json"]] {
        let ran = popfetch.run(arguments);
        ran.expect_code(77);
        harmless(&ran.stdout);
        harmless(&ran.stderr);
    }
}

#[test]
fn no_text_of_an_mda_a_name_or_a_path_reaches_the_terminal_unescaped() {
    let server = alice(numbered(2));
    let mut popfetch = popfetch();
    let script = "cat >/dev/null; printf '\\033[31m\\007\\r\\302\\233%%s' \"$1\" >&2; head -c 1000000 /dev/zero | tr '\\0' '\\033' >&2; exit 1";
    let on = |name: &str| Account::on(&server, name, "alice", "secret");
    popfetch.account(on(&format!("a{EVIL}")).mda(&["sh", "-c", script, "mda", EVIL]));
    popfetch.account(on("b").mda(&[&format!("no-such-{EVIL}"), "x"]));
    let folder = popfetch.path(&format!("no-{EVIL}"));
    popfetch.account(on("c").maildir(&folder.join("x/y")));
    popfetch.account(
        on("d")
            .set("user", format!("u{EVIL}"))
            .maildir(&popfetch.path("mail")),
    );
    for arguments in [&[][..], &["-vv"], &["--json"], &["list"]] {
        let ran = popfetch.run(arguments);
        harmless(&ran.stdout);
        harmless(&ran.stderr);
        assert!(ran.stderr.len() < 100_000, "{}", ran.stderr.len());
        assert_ne!(ran.code(), 70, "{ran:?}");
    }
}
