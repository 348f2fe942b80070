//! The servers that the other tests stand on, proven by a client that is nobody's library.

use std::time::{Duration, Instant};

use crate::support::auth::{Mechanism, ScramFault, apop_digest};
use crate::support::client::Client;
use crate::support::maildrop::{Faults, Message, odd_messages, unstuff};
use crate::support::patience::PATIENCE;
use crate::support::script::{Script, ScriptServer};
use crate::support::server::{End, Server};
use crate::support::settings::{Quit, Support};
use crate::support::tls::{Authority, NAMES};
use crate::support::{mailbox, maildrop};

const ALICE: (&str, &str) = ("alice", "alice-secret");

fn three() -> Server {
    Server::start().user(ALICE.0, ALICE.1, (1..=3).map(Message::numbered))
}

fn logged_in(server: &Server) -> Client {
    let (mut client, _) = Client::greeted(server.port(), false);
    let status = client.login(ALICE.0, ALICE.1);
    assert!(status.starts_with("+OK"), "{status}");
    client
}

#[test]
fn a_plain_session_from_greeting_to_update() {
    let server = three();
    let (mut client, _) = Client::greeted(server.port(), false);
    let before = client.ask_lines("CAPA");
    for line in ["STLS", "USER", "UIDL", "TOP", "PIPELINING", "RESP-CODES"] {
        assert!(before.iter().any(|known| known == line), "{before:?}");
    }
    assert!(
        before.contains(&"SASL SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN".to_owned()),
        "{before:?}"
    );
    assert!(client.login(ALICE.0, "wrong").starts_with("-ERR [AUTH]"));
    assert!(client.login(ALICE.0, ALICE.1).starts_with("+OK"));
    let after = client.ask_lines("CAPA");
    assert!(!after.iter().any(|line| line == "STLS"), "{after:?}");
    let octets = Message::numbered(1).octets();
    assert_eq!(client.ask("STAT"), format!("+OK 3 {}", octets * 3));
    assert_eq!(client.ask("LIST 2"), format!("+OK 2 {octets}"));
    assert_eq!(client.ask_lines("UIDL"), ["1 uid-1", "2 uid-2", "3 uid-3"]);
    assert_eq!(client.ask("DELE 2"), "+OK");
    assert!(client.ask("DELE 2").starts_with("-ERR"));
    assert!(client.ask("RETR 2").starts_with("-ERR"));
    assert_eq!(client.ask_lines("UIDL"), ["1 uid-1", "3 uid-3"]);
    assert_eq!(client.ask("RSET"), "+OK");
    assert_eq!(client.ask("NOOP"), "+OK");
    assert_eq!(client.ask("DELE 3"), "+OK");
    assert!(client.ask("XYZZY").starts_with("-ERR"));
    assert_eq!(client.ask("QUIT"), "+OK");
    assert!(client.rest().is_empty());

    let session = server.last_session();
    assert_eq!(session.end, Some(End::Quit));
    assert_eq!(session.user.as_deref(), Some(ALICE.0));
    assert_eq!(session.removed, ["uid-3"]);
    assert_eq!(session.commands_of("DELE"), ["DELE 2", "DELE 2", "DELE 3"]);
    assert_eq!(
        server.maildrop(ALICE.0, |drop| drop.uids()),
        ["uid-1", "uid-2"]
    );
}

#[test]
fn a_session_cut_short_deletes_nothing() {
    let server = three();
    let mut client = logged_in(&server);
    assert_eq!(client.ask("DELE 1"), "+OK");
    drop(client);
    assert_eq!(server.last_session().end, Some(End::Left));
    assert_eq!(server.maildrop(ALICE.0, |drop| drop.messages().len()), 3);
}

#[test]
fn every_mechanism_lets_in_and_keeps_out() {
    let server = three();
    server.change(|settings| settings.iterations = 64);
    for tls in [false, true] {
        let port = if tls {
            server.tls_port()
        } else {
            server.port()
        };
        for mechanism in Mechanism::ALL {
            let (mut client, _) = Client::greeted(port, tls);
            if mechanism.is_plus() && !tls {
                let status = client.ask(&format!("AUTH {}", mechanism.name()));
                assert!(status.starts_with("-ERR"), "{mechanism:?}: {status}");
                continue;
            }
            let wrong = client.sasl(mechanism, ALICE.0, "wrong");
            assert!(wrong.starts_with("-ERR [AUTH]"), "{mechanism:?}: {wrong}");
            let right = client.sasl(mechanism, ALICE.0, ALICE.1);
            let log = server.sessions().pop();
            assert!(right.starts_with("+OK"), "{mechanism:?}: {right} {log:#?}");
            assert_eq!(client.ask("QUIT"), "+OK");
            let session = server.last_session();
            assert_eq!(session.method, Some(mechanism.name()));
            assert_eq!(session.tls, tls);
        }
    }
}

#[test]
fn initial_responses_and_cancelling() {
    let server = three();
    let (mut client, _) = Client::greeted(server.port(), false);
    assert_eq!(client.ask("AUTH PLAIN"), "+ ");
    assert!(client.ask("*").starts_with("-ERR"));
    let status = client.ask("AUTH PLAIN AGFsaWNlAGFsaWNlLXNlY3JldA==");
    assert!(status.starts_with("+OK"), "{status}");
}

#[test]
fn a_server_that_does_not_know_the_password() {
    let server = three();
    server.change(|settings| {
        settings.iterations = 64;
        settings.scram_fault = ScramFault::NoSignature;
    });
    let (mut client, _) = Client::greeted(server.port(), false);
    let status = client.sasl(Mechanism::ScramSha256, ALICE.0, ALICE.1);
    assert!(status.starts_with("+OK"), "{status}");
    let responses = |session: &crate::support::server::SessionLog| {
        session.lines.iter().filter(|line| line.response).count()
    };
    drop(client);
    assert_eq!(responses(&server.last_session()), 2);
}

#[test]
fn apop() {
    let server = three();
    server.change(|settings| settings.apop = true);
    let (mut client, greeting) = Client::greeted(server.port(), false);
    let stamp = &greeting[greeting.find('<').unwrap()..];
    let wrong = apop_digest(stamp, "wrong");
    assert!(
        client
            .ask(&format!("APOP alice {wrong}"))
            .starts_with("-ERR")
    );
    let right = apop_digest(stamp, ALICE.1);
    assert!(
        client
            .ask(&format!("APOP alice {right}"))
            .starts_with("+OK")
    );
}

#[test]
fn messages_come_as_they_are() {
    let messages = odd_messages();
    let server = Server::start().user(ALICE.0, ALICE.1, messages.clone());
    let mut client = logged_in(&server);
    for (number, message) in (1..).zip(&messages) {
        let text = client.ask_text(&format!("RETR {number}"));
        let unstuffed = unstuff(&text);
        assert_eq!(unstuffed.len() as u64, message.octets(), "message {number}");
        assert!(
            maildrop::lf(&unstuffed) == message.on_disk(),
            "message {number}"
        );
        let head = client.ask_text(&format!("TOP {number} 0"));
        assert!(head.ends_with(b"\r\n\r\n"), "message {number}");
        assert!(unstuffed.starts_with(&head), "message {number}");
        let two = client.ask_text(&format!("TOP {number} 2"));
        assert!(text.starts_with(&two), "message {number}");
    }
    assert_eq!(client.ask("QUIT"), "+OK");
    assert_eq!(server.last_session().retrieved.len(), messages.len());
}

#[test]
fn stls_and_what_goes_wrong_with_it() {
    let server = three();
    let (mut client, _) = Client::greeted(server.port(), false);
    assert!(client.ask("STLS").starts_with("+OK"));
    let mut client = client.start_tls();
    let capabilities = client.ask_lines("CAPA");
    assert!(!capabilities.contains(&"STLS".to_owned()));
    assert!(client.ask("STLS").starts_with("-ERR"));
    assert!(client.login(ALICE.0, ALICE.1).starts_with("+OK"));
    assert_eq!(client.ask("QUIT"), "+OK");
    assert!(server.last_session().tls);

    server.change(|settings| settings.stls = Support::Refused);
    let (mut client, _) = Client::greeted(server.port(), false);
    assert!(client.ask_lines("CAPA").contains(&"STLS".to_owned()));
    assert!(client.ask("STLS").starts_with("-ERR"));

    server.change(|settings| {
        settings.stls = Support::Listed;
        settings.stls_injection = b"+OK injected\r\n".to_vec();
    });
    let (mut client, _) = Client::greeted(server.port(), false);
    assert!(client.ask("STLS").starts_with("+OK"));
    assert_eq!(client.line(), "+OK injected");
}

#[test]
fn knobs_of_capabilities_and_replies() {
    let server = three();
    server.change(|settings| {
        settings.capa = false;
        settings.uidl = Support::Missing;
        settings.top = Support::ListedAfterLogin;
        settings.login_refused = Some("-ERR [IN-USE] come again".to_owned());
    });
    let (mut client, _) = Client::greeted(server.port(), false);
    assert!(client.ask("CAPA").starts_with("-ERR"));
    let status = client.login(ALICE.0, ALICE.1);
    assert_eq!(status, "-ERR [IN-USE] come again");
    server.change(|settings| {
        settings.capa = true;
        settings.login_refused = None;
        settings
            .replies
            .insert("LIST *".to_owned(), b"nonsense\r\n".to_vec());
        settings.capability_lines = vec!["X-ODD  line ".to_owned()];
        settings.exclusive = true;
    });
    let mut client = logged_in(&server);
    let capabilities = client.ask_lines("CAPA");
    assert!(capabilities.contains(&"TOP".to_owned()), "{capabilities:?}");
    assert!(
        capabilities.contains(&"X-ODD  line ".to_owned()),
        "{capabilities:?}"
    );
    assert!(client.ask("UIDL").starts_with("-ERR"));
    assert_eq!(client.ask("LIST"), "nonsense");
    assert_eq!(client.ask("LIST 1"), "nonsense");
    let (mut second, _) = Client::greeted(server.port(), false);
    assert!(second.login(ALICE.0, ALICE.1).starts_with("-ERR [IN-USE]"));
}

#[test]
fn faults_of_single_messages() {
    let cut = Faults {
        cut_at: Some(10),
        ..Faults::default()
    };
    let refused = Faults {
        refuse_retr: Some("-ERR [SYS/TEMP] not now".to_owned()),
        refuse_dele: Some("-ERR not you".to_owned()),
        listed_size: Some("-1".to_owned()),
        ..Faults::default()
    };
    let messages = [
        Message::numbered(1).with(refused),
        Message::numbered(2).with(cut),
        Message::new("", "Subject: no unique-id\n\n"),
    ];
    let server = Server::start().user(ALICE.0, ALICE.1, messages);
    let mut client = logged_in(&server);
    assert_eq!(client.ask("RETR 1"), "-ERR [SYS/TEMP] not now");
    assert_eq!(client.ask("DELE 1"), "-ERR not you");
    assert_eq!(client.ask_lines("LIST")[0], "1 -1");
    assert_eq!(client.ask_lines("UIDL")[2], "3 ");
    assert!(client.ask("RETR 2").starts_with("+OK"));
    assert_eq!(client.rest(), b"Return-Pat");
    let session = server.last_session();
    assert_eq!(session.end, Some(End::Cut));
    assert!(session.retrieved.is_empty());
}

#[test]
fn quit_and_its_outcomes() {
    for (quit, answer, left) in [
        (Quit::Done, "+OK\r\n", 2),
        (Quit::Refused("-ERR no".to_owned()), "-ERR no\r\n", 3),
        (Quit::Lost, "", 3),
        (Quit::DoneUnanswered, "", 2),
    ] {
        let server = three();
        server.change(|settings| settings.quit = quit.clone());
        let mut client = logged_in(&server);
        client.send("DELE 1\r\nQUIT\r\n");
        assert_eq!(client.line(), "+OK");
        assert_eq!(
            String::from_utf8(client.rest()).unwrap(),
            answer,
            "{quit:?}"
        );
        server.settled();
        let messages = server.maildrop(ALICE.0, |drop| drop.messages().len());
        assert_eq!(messages, left, "{quit:?}");
    }
}

#[test]
fn what_was_retrieved_may_expire() {
    let server = three();
    server.change(|settings| {
        settings.expire = Some("0".to_owned());
        settings.retrieved_expires = true;
    });
    let mut client = logged_in(&server);
    client.ask_text("RETR 2");
    client.ask_text("TOP 3 0");
    assert_eq!(client.ask("QUIT"), "+OK");
    server.settled();
    assert_eq!(
        server.maildrop(ALICE.0, |drop| drop.uids()),
        ["uid-1", "uid-3"]
    );
}

#[test]
fn pipelining_and_its_traps() {
    let server = three();
    let mut client = logged_in(&server);
    client.send("NOOP\r\nRETR 1\r\nRETR 2\r\nSTAT\r\n");
    assert_eq!(client.line(), "+OK");
    for number in [1, 2] {
        assert!(client.line().starts_with("+OK"));
        let body = format!("body {number}\r\n");
        assert!(client.octets_until_dot().ends_with(body.as_bytes()));
    }
    assert!(client.line().starts_with("+OK 3 "));
    drop(client);
    let session = server.last_session();
    let writes = session.writes();
    assert_eq!(writes.last().unwrap().len(), 4, "{writes:?}");

    server.change(|settings| settings.corrupts_retr = true);
    let mut client = logged_in(&server);
    client.send("RETR 1\r\nNOOP\r\n");
    assert!(client.line().starts_with("+OK"));
    assert!(client.octets_until_dot().ends_with(b"body 1\r\n+OK\r\n"));
    assert!(client.ask_text("RETR 1").ends_with(b"body 1\r\n"));

    server.change(|settings| settings.drops_behind_login = true);
    let (mut client, _) = Client::greeted(server.port(), false);
    client.send("USER alice\r\nPASS alice-secret\r\nSTAT\r\n");
    assert_eq!(client.line(), "+OK");
    assert!(client.line().starts_with("+OK"));
    assert_eq!(client.ask("NOOP"), "+OK");
}

#[test]
fn mail_arrives_while_the_server_runs() {
    let server = three();
    let mut client = logged_in(&server);
    server.deliver(ALICE.0, Message::numbered(4));
    assert_eq!(client.ask_lines("UIDL").len(), 3);
    assert_eq!(client.ask("QUIT"), "+OK");
    server.maildrop(ALICE.0, |drop| {
        drop.renumber(|number, _| format!("new-{number}").into_bytes());
    });
    let mut client = logged_in(&server);
    assert_eq!(client.ask_lines("UIDL")[3], "4 new-4");
    assert_eq!(server.logins(), 2);
}

#[test]
fn a_script_is_played_and_what_differs_is_shown() {
    let tls = Authority::shared().issue(&NAMES).server();
    let script = Script::new()
        .send("+OK hello\r\n")
        .answer("STLS", "+OK\r\n")
        .start_tls(&tls)
        .expect_prefix("USER ")
        .drip("+OK\r\n", Duration::from_millis(1))
        .expect_silence(Duration::from_millis(30))
        .send_cut("+OK and so on", 3);
    let server = ScriptServer::start([script.clone()]);
    let (mut client, _) = Client::greeted(server.port(), false);
    assert_eq!(client.ask("STLS"), "+OK");
    let mut client = client.start_tls();
    assert_eq!(client.ask("USER me"), "+OK");
    assert_eq!(client.rest(), b"+OK");
    let recordings = server.finish();
    assert_eq!(recordings[0].lines(), ["STLS", "USER me"]);

    let server = ScriptServer::start([script]);
    let (mut client, _) = Client::greeted(server.port(), false);
    client.send("CAPA\r\n");
    client.rest();
    let report = server.try_finish().unwrap_err();
    let shown = "connection 1, step 2:\n    S: +OK hello\\r\\n\n  - C: STLS\n  + C: CAPA\n";
    assert_eq!(report, shown);
}

#[test]
fn scripts_that_were_not_played_are_missed() {
    let server = ScriptServer::start([Script::new().hang(), Script::new()]);
    let started = Instant::now();
    let client = Client::connect(server.port());
    let report = server.try_finish().unwrap_err();
    assert_eq!(report, "1 more connection(s) were expected and never made");
    assert!(started.elapsed() < PATIENCE);
    drop(client);
}

#[test]
fn an_mbox_is_read_back() {
    let text =
        b"From a@b Mon Jan  1 00:00:01 2024\nSubject: x\n\n>From here\n>>From there\n>no\n\n\
                 From c@d Mon Jan  1 00:00:02 2024\nSubject: y\n\n\n\n";
    let messages = mailbox::parse_mbox(text);
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0].from_line, "From a@b Mon Jan  1 00:00:01 2024");
    assert_eq!(
        messages[0].text,
        b"Subject: x\n\nFrom here\n>From there\n>no\n"
    );
    assert_eq!(messages[1].text, b"Subject: y\n\n\n");
}
