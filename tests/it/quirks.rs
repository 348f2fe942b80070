//! What real servers do that the RFCs do not expect, each survived.

use std::time::Duration;

use crate::run::{alice, delivered, expected, home, home_with, numbered};
use crate::support::mailbox;
use crate::support::maildrop::{Faults, Message, odd_messages};
use crate::support::server::Server;
use crate::support::settings::{Settings, Support};

/// Fetches everything from such a server, deletes it, and finds nothing new.
#[track_caller]
fn survives(change: impl Fn(&mut Settings)) -> Server {
    let server = alice(odd_messages().into_iter().chain(numbered(30)));
    server.change(&change);
    let (popfetch, mail) = home_with(&server, |account| account.set("keep", "1h"));
    popfetch.run(&[]).expect_silence();
    let all = || expected(odd_messages().into_iter().chain(numbered(30)));
    assert_eq!(delivered(&mail), all());
    popfetch.run(&[]).expect_silence();
    assert_eq!(delivered(&mail), all(), "doubled");
    popfetch.run(&["--no-keep"]).expect_silence();
    assert_eq!(
        server.maildrop("alice", |drop| drop.messages().len()),
        0,
        "not deleted"
    );
    assert_eq!(delivered(&mail), all(), "doubled");
    server
}

#[test]
fn no_capa_and_no_stls_as_popa3d_and_solid_pop3d() {
    let server = survives(|settings| {
        settings.capa = false;
        settings.mechanisms = Vec::new();
    });
    let session = &server.settled()[0];
    assert_eq!(session.method, Some("USER"));
    assert_eq!(
        session.commands_of("CAPA").len(),
        1,
        "asked again after a refusal"
    );
}

#[test]
fn capabilities_shown_only_after_login_as_gmail() {
    let server = survives(|settings| {
        settings.pipelining = Support::ListedAfterLogin;
        settings.uidl = Support::ListedAfterLogin;
        settings.top = Support::ListedAfterLogin;
    });
    let session = &server.settled()[0];
    assert!(
        session.writes().iter().any(|write| write.len() > 20),
        "the window was not used"
    );
}

#[test]
fn no_pipelining_at_all() {
    let server = survives(|settings| settings.pipelining = Support::Missing);
    for session in server.settled() {
        assert!(
            session.writes().iter().all(|write| write.len() == 1),
            "{:?}",
            session.writes()
        );
    }
}

#[test]
fn another_answer_written_into_the_message_as_wildduck() {
    survives(|settings| settings.corrupts_retr = true);
}

#[test]
fn commands_lost_behind_the_login_as_courier() {
    survives(|settings| settings.drops_behind_login = true);
}

#[test]
fn capability_lines_with_odd_words_as_mailutils_and_twisted() {
    survives(|settings| {
        settings.expire = None;
        settings.capability_lines = vec![
            "EXPIRENEVER".into(),
            "PIPELINE CELERITY AUSPEX POTENCE".into(),
            String::new(),
            "CAPA".into(),
        ];
    });
}

#[test]
fn bare_status_lines_as_popa3d() {
    survives(|settings| {
        settings.whole_greeting = Some("+OK".into());
    });
}

#[test]
fn a_greeting_with_a_stamp_that_is_none() {
    survives(|settings| {
        settings.greeting = "Mailbox locked and ready SESSIONID=<cyrus-1-2-3>".into();
    });
}

#[test]
fn sizes_that_are_none_or_wrong_as_greenmail_and_twisted() {
    for size in ["-1", "0", "4294967296999", "many"] {
        let faults = Faults {
            listed_size: Some(size.into()),
            ..Faults::default()
        };
        let server = alice([Message::numbered(1).with(faults), Message::numbered(2)]);
        let (popfetch, mail) = home(&server);
        popfetch.run(&[]).expect_silence();
        assert_eq!(delivered(&mail), expected(numbered(2)), "{size}");
    }
}

#[test]
fn without_uidl_messages_are_known_by_their_fingerprint() {
    let server = alice(numbered(5));
    server.change(|settings| settings.uidl = Support::Missing);
    let (popfetch, mail) = home(&server);
    popfetch.run(&[]).expect_silence();
    popfetch.run(&[]).expect_silence();
    assert_eq!(delivered(&mail), expected(numbered(5)));
    assert!(
        server.last_session().commands_of("UIDL").is_empty(),
        "sent though not offered"
    );
    popfetch.run(&["--no-keep"]).expect_silence();
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 0);
    assert_eq!(delivered(&mail), expected(numbered(5)));
}

#[test]
fn uidl_offered_and_refused() {
    let server = alice(numbered(3));
    server.change(|settings| settings.uidl = Support::Refused);
    let (popfetch, mail) = home(&server);
    popfetch.run(&[]).expect_silence();
    popfetch.run(&[]).expect_silence();
    assert_eq!(delivered(&mail), expected(numbered(3)));
}

#[test]
fn without_uidl_and_top_mail_can_only_be_fetched_to_be_deleted() {
    let server = alice(numbered(3));
    server.change(|settings| {
        settings.uidl = Support::Missing;
        settings.top = Support::Missing;
    });
    let (popfetch, mail) = home(&server);
    popfetch.run(&[]).expect_code(69);
    popfetch.run(&["--no-keep"]).expect_silence();
    assert_eq!(delivered(&mail), expected(numbered(3)));
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 0);
}

#[test]
fn without_uidl_and_top_a_lost_quit_doubles_nothing() {
    let server = alice(numbered(3));
    server.change(|settings| {
        settings.uidl = Support::Missing;
        settings.top = Support::Missing;
        settings.quit = crate::support::settings::Quit::Lost;
    });
    let (popfetch, mail) = home_with(&server, |account| account.set("keep", false));
    popfetch.run(&[]).expect_code(75);
    server.change(|settings| settings.quit = crate::support::settings::Quit::Done);
    server.deliver("alice", Message::numbered(4));
    popfetch.run(&[]).expect_silence();
    assert_eq!(delivered(&mail), expected(numbered(4)));
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 0);
    // The same message sent once more is another one: the deletion of the first was confirmed.
    server.deliver("alice", Message::numbered(1));
    popfetch.run(&[]).expect_silence();
    assert_eq!(mailbox::maildir(&mail).len(), 5);
}

#[test]
fn odd_unique_ids_are_remembered_too() {
    let long = "x".repeat(300);
    let uids: [&[u8]; 8] = [
        b"1704067201.M000001P1.bed,S=150",
        b"with blank",
        b"per%cent",
        b"~tilde",
        b"\xff\xfe\x01",
        "\u{fc}".as_bytes(),
        long.as_bytes(),
        b"/../../etc",
    ];
    let messages = || {
        uids.iter()
            .zip(1..)
            .map(|(uid, number)| Message::new(uid, format!("Subject: {number}\n\n{number}\n")))
    };
    let server = alice(messages());
    let (popfetch, mail) = home(&server);
    popfetch.run(&[]).expect_silence();
    popfetch.run(&[]).expect_silence();
    assert_eq!(delivered(&mail), expected(messages()));
    server.maildrop("alice", |drop| {
        drop.retain(|message| message.uid != uids[6] && message.uid != uids[4]);
    });
    popfetch.run(&[]).expect_silence();
    popfetch.run(&["--no-keep"]).expect_silence();
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 0);
}

#[test]
fn expire_0_takes_nothing_that_was_not_delivered() {
    let faults = Faults {
        refuse_retr: Some("-ERR not now".into()),
        ..Faults::default()
    };
    let server = alice([
        Message::numbered(1),
        Message::numbered(2).with(faults),
        Message::numbered(3),
    ]);
    server.change(|settings| {
        settings.expire = Some("0".into());
        settings.retrieved_expires = true;
    });
    let (popfetch, mail) = home(&server);
    popfetch.run(&[]).expect_code(76);
    assert_eq!(
        delivered(&mail),
        expected([Message::numbered(1), Message::numbered(3)])
    );
    assert!(
        server.last_session().commands_of("QUIT").is_empty(),
        "QUIT with a message not remembered"
    );
}

#[test]
fn list_leaves_without_quit_where_it_could_expire_mail() {
    let server = alice(numbered(3));
    server.change(|settings| {
        settings.expire = Some("0".into());
        settings.retrieved_expires = true;
        settings.topped_expires = true;
    });
    let (popfetch, _) = home(&server);
    popfetch.run(&["list"]).expect_code(0);
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 3);
}

#[test]
fn in_use_and_login_delay_are_not_blamed_on_the_password() {
    for answer in [
        "-ERR [IN-USE] Mailbox in use",
        "-ERR [LOGIN-DELAY] minimum time between mail checks violation",
        "-ERR [SYS/TEMP] come back",
    ] {
        let server = alice(numbered(1));
        server.change(|settings| settings.login_refused = Some(answer.into()));
        let (popfetch, _) = home(&server);
        let ran = popfetch.run(&[]);
        ran.expect_code(75).expect_stderr(&answer["-ERR ".len()..]);
        assert_eq!(server.settled().len(), 1, "tried again: {answer}");
    }
}

#[test]
fn a_server_that_closes_after_the_login_was_refused() {
    let server = alice(numbered(1));
    server.change(|settings| settings.bad_password_closes = true);
    let (popfetch, _) = home_with(&server, |account| account.set("password", "wrong"));
    popfetch
        .run(&[])
        .expect_code(77)
        .expect_stderr("login refused");
}

#[test]
fn a_listing_that_is_empty_once_forgets_nothing() {
    let server = alice(numbered(4));
    let (popfetch, mail) = home(&server);
    popfetch.run(&[]).expect_silence();
    let kept = server.maildrop("alice", |drop| drop.messages().to_vec());
    server.maildrop("alice", |drop| drop.retain(|_| false));
    popfetch.run(&[]).expect_silence();
    for message in kept {
        server.deliver("alice", message);
    }
    popfetch.run(&[]).expect_silence();
    assert_eq!(delivered(&mail), expected(numbered(4)));
}

#[test]
fn a_poll_that_finds_nothing_new_writes_nothing() {
    let server = alice(numbered(4));
    let (popfetch, _) = home(&server);
    popfetch.run(&[]).expect_silence();
    let journal = popfetch.state().join("work.journal");
    let before = (
        std::fs::read(&journal).unwrap(),
        std::fs::metadata(&journal).unwrap().modified().unwrap(),
    );
    std::thread::sleep(Duration::from_millis(20));
    popfetch.run(&[]).expect_silence();
    assert_eq!(
        before,
        (
            std::fs::read(&journal).unwrap(),
            std::fs::metadata(&journal).unwrap().modified().unwrap()
        )
    );
}

#[test]
fn status_lines_with_any_words_or_none_as_courier_wildduck_and_popa3d() {
    let uids = "1 uid-1\r\n2 uid-2\r\n3 uid-3\r\n.\r\n";
    let sizes: String = (1..=3)
        .map(|number| format!("{number} {}\r\n", Message::numbered(number).octets()))
        .collect();
    for status in [
        "+OK",
        "+OK ",
        "+OK POP3 clients that break here, they violate STD53.",
        "+OK 3 1203",
        "+OK Mailbox locked and ready SESSIONID=<cyrus-1-2-3>",
    ] {
        let server = alice(numbered(3));
        server.change(|settings| {
            let reply = |lines: &str| format!("{status}\r\n{lines}").into_bytes();
            settings.replies.insert("UIDL".into(), reply(uids));
            settings
                .replies
                .insert("LIST".into(), reply(&format!("{sizes}.\r\n")));
        });
        let (popfetch, mail) = home(&server);
        popfetch.run(&[]).expect_silence();
        popfetch.run(&[]).expect_silence();
        assert_eq!(delivered(&mail), expected(numbered(3)), "{status}");
    }
}

#[test]
fn nothing_is_sent_that_capa_does_not_list_as_wildduck_ends_the_session_for_it() {
    let server = alice(numbered(3));
    server.change(|settings| settings.top = Support::Missing);
    let (popfetch, _) = home_with(&server, |account| account.set("keep", false));
    popfetch.run(&[]).expect_silence();
    popfetch.run(&["check"]).expect_code(0);
    popfetch.run(&["list"]).expect_code(0);
    popfetch.run(&["info"]).expect_code(0);
    let known = ["CAPA", "AUTH", "UIDL", "LIST", "RETR", "DELE", "QUIT"];
    for session in server.settled() {
        for command in session.commands() {
            let verb = command.split(' ').next().unwrap_or_default();
            assert!(known.contains(&verb), "{command}");
        }
    }
}

#[test]
fn nothing_is_listed_again_behind_a_deletion_as_wildduck_renumbers_then() {
    let server = alice(numbered(5));
    let (popfetch, _) = home_with(&server, |account| account.set("keep", false));
    popfetch.run(&[]).expect_silence();
    let session = server.last_session();
    assert_eq!(session.commands_of("DELE").len(), 5);
    assert_eq!(
        (
            session.commands_of("LIST").len(),
            session.commands_of("UIDL").len()
        ),
        (1, 1)
    );
    let last = session
        .commands()
        .iter()
        .rposition(|command| *command == "LIST")
        .unwrap();
    let first = session
        .commands()
        .iter()
        .position(|command| command.starts_with("DELE"))
        .unwrap();
    assert!(last < first);
}

#[test]
fn a_sasl_line_without_a_mechanism_as_dovecot_shows_before_tls() {
    let server = survives(|settings| {
        settings.mechanisms_listed = false;
        settings.capability_lines = vec!["SASL".into()];
    });
    assert_eq!(server.settled()[0].method, Some("USER"));
}

#[test]
fn an_empty_maildrop_is_no_event() {
    let server = alice([]);
    let (popfetch, _) = home(&server);
    popfetch.run(&[]).expect_silence();
    popfetch.run(&["--no-keep"]).expect_silence();
    popfetch.run(&["list"]).expect_code(0);
}

#[test]
fn an_unasked_goodbye_is_no_answer_to_the_next_command() {
    for command in ["UIDL", "LIST", "RETR 1", "RETR 3"] {
        let server = alice(numbered(3));
        server.change(|settings| {
            settings.pipelining = Support::Missing;
            let goodbye = b"-ERR Disconnected for inactivity.\r\n".to_vec();
            settings.replies.insert(command.into(), goodbye);
            let next = match command {
                "UIDL" => "LIST",
                "LIST" => "RETR 1",
                "RETR 1" => "RETR 2",
                _ => "QUIT",
            };
            settings.cut_before = Some(next.into());
        });
        let (popfetch, mail) = home_with(&server, |account| account.set("keep", false));
        let ran = popfetch.run(&[]);
        assert!([75, 76].contains(&ran.code()), "{command}: {ran:?}");
        server.change(|settings| {
            settings.replies.clear();
            settings.cut_before = None;
        });
        popfetch.run(&[]).expect_silence();
        assert_eq!(delivered(&mail), expected(numbered(3)), "{command}");
        assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 0);
    }
}
