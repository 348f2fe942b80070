//! The main job: each new message once, whole, remembered; kept or deleted as the account says.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::run::{alice, delivered, expected, home, home_with, numbered, popfetch};
use crate::support::mailbox;
use crate::support::maildrop::{Faults, Message, odd_messages};
use crate::support::patience::until;
use crate::support::popfetch::Account;
use crate::support::server::{Server, verb_of};
use crate::support::settings::Quit;

#[test]
fn new_mail_arrives_whole_once_and_in_silence() {
    let server = alice(odd_messages());
    let (popfetch, mail) = home(&server);
    popfetch.run(&[]).expect_silence();
    assert_eq!(delivered(&mail), expected(odd_messages()));
    popfetch.run(&[]).expect_silence();
    assert_eq!(mailbox::maildir(&mail).len(), odd_messages().len());
    assert_eq!(server.last_session().retrieved.len(), 0, "fetched again");
    server.deliver("alice", Message::numbered(77));
    popfetch.run(&["fetch"]).expect_silence();
    assert_eq!(mailbox::maildir(&mail).len(), odd_messages().len() + 1);
}

#[test]
fn mail_stays_on_the_server_by_default_and_goes_with_keep_false() {
    let server = alice(numbered(5));
    let (mut popfetch, mail) = home(&server);
    popfetch.run(&[]).expect_silence();
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 5);
    let account = Account::on(&server, "work", "alice", "secret").maildir(&mail);
    popfetch.account(account.set("keep", false));
    server.deliver("alice", Message::numbered(6));
    popfetch.run(&[]).expect_silence();
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 0);
    assert_eq!(delivered(&mail), expected(numbered(6)));
    popfetch.run(&[]).expect_silence();
}

#[test]
fn keep_with_an_age_deletes_only_what_was_delivered_long_enough_ago() {
    let server = alice(numbered(2));
    let (popfetch, _) = home_with(&server, |account| account.set("keep", "1s"));
    popfetch.run(&[]).expect_silence();
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 2);
    std::thread::sleep(std::time::Duration::from_millis(2100));
    popfetch.run(&[]).expect_silence();
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 0);
}

#[test]
fn keep_on_the_command_line_wins_over_the_file() {
    let server = alice(numbered(2));
    let (popfetch, _) = home_with(&server, |account| account.set("keep", false));
    popfetch.run(&["--keep"]).expect_silence();
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 2);
    popfetch.run(&["fetch", "--no-keep"]).expect_silence();
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 0);
}

#[test]
fn an_mbox_is_read_back_as_it_was_sent() {
    for (quoting, times) in [("mboxrd", 2), ("mboxo", 1)] {
        let server = alice(odd_messages());
        let mut popfetch = popfetch();
        let path = popfetch.path("inbox");
        let mut deliver = toml::Table::new();
        deliver.insert("mbox".into(), path.to_str().unwrap().into());
        deliver.insert("quoting".into(), quoting.into());
        popfetch.account(Account::on(&server, "work", "alice", "secret").set("deliver", deliver));
        for _ in 0..times {
            popfetch.run(&["--all"]).expect_silence();
        }
        let texts: Vec<Vec<u8>> = mailbox::mbox(&path).into_iter().map(|m| m.text).collect();
        assert_eq!(texts.len(), odd_messages().len() * times, "{quoting}");
        if quoting == "mboxrd" {
            let once: Vec<Vec<u8>> = odd_messages().iter().map(Message::on_disk).collect();
            assert_eq!(texts, [once.clone(), once].concat());
        }
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}

#[test]
fn an_mbox_path_that_holds_something_else_is_refused_and_left_alone() {
    let server = alice(numbered(1));
    let mut popfetch = popfetch();
    let path = popfetch.path("novel");
    fs::write(&path, "It was a dark and stormy night\n").unwrap();
    popfetch.account(Account::on(&server, "work", "alice", "secret").mbox(&path));
    let ran = popfetch.run(&[]);
    ran.expect_code(74).expect_stderr("popfetch: work: ");
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "It was a dark and stormy night\n"
    );
    assert_eq!(server.logins(), 0);
}

#[test]
fn a_message_larger_than_max_size_is_left_and_said_once() {
    let large = Message::repeated("large", "Subject: large\n\n", "x", 2000);
    let server = alice(numbered(2).chain([large]));
    let (popfetch, mail) = home_with(&server, |account| {
        account.set("max_size", "1k").set("keep", false)
    });
    let ran = popfetch.run(&[]);
    ran.expect_code(0);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    assert_eq!(delivered(&mail), expected(numbered(2)));
    popfetch.run(&[]).expect_silence();
    assert_eq!(server.maildrop("alice", |drop| drop.uids()), ["large"]);
}

#[test]
fn a_size_that_lies_does_not_pass_max_size() {
    let faults = Faults {
        listed_size: Some("10".into()),
        ..Faults::default()
    };
    let large = Message::repeated("large", "Subject: large\n\n", "x", 2000).with(faults);
    let server = alice([large, Message::numbered(1)]);
    let (popfetch, mail) = home_with(&server, |account| {
        account.set("max_size", "1k").set("keep", false)
    });
    popfetch.run(&[]).expect_code(0);
    assert_eq!(delivered(&mail), expected(numbered(1)));
    assert_eq!(server.maildrop("alice", |drop| drop.uids()), ["large"]);
    assert_eq!(mailbox::folder(&mail.join("tmp")), [""; 0]);
}

#[test]
fn limits_leave_the_rest_for_the_next_run() {
    let server = alice(numbered(7));
    let (popfetch, mail) = home_with(&server, |account| account.set("fetch_limit", 3));
    popfetch.run(&[]).expect_silence();
    assert_eq!(delivered(&mail), expected(numbered(3)));
    popfetch.run(&["--limit", "1"]).expect_silence();
    assert_eq!(delivered(&mail), expected(numbered(4)));
    popfetch.run(&[]).expect_silence();
    assert_eq!(delivered(&mail), expected(numbered(7)));
}

#[test]
fn dry_run_writes_and_deletes_nothing() {
    let server = alice(numbered(3));
    let (popfetch, mail) = home_with(&server, |account| account.set("keep", false));
    let ran = popfetch.run(&["--dry-run"]);
    ran.expect_code(0);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains("uid-1") || said.contains('3'), "{said}");
    assert!(!mail.exists() && !popfetch.state().exists());
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 3);
    assert!(server.last_session().commands_of("RETR").is_empty());
}

#[test]
fn equal_unique_ids_are_all_fetched_and_deleted_together() {
    let twin = |text: &str| Message::new("twin", format!("Subject: {text}\n\n{text}\n"));
    let server = alice([twin("one"), twin("two"), Message::numbered(1)]);
    let (popfetch, mail) = home_with(&server, |account| account.set("keep", "2s"));
    popfetch.run(&[]).expect_silence();
    assert_eq!(mailbox::maildir(&mail).len(), 3);
    server.deliver("alice", twin("three"));
    popfetch.run(&[]).expect_silence();
    assert_eq!(
        delivered(&mail),
        expected([
            twin("one"),
            twin("two"),
            twin("three"),
            Message::numbered(1)
        ])
    );
    std::thread::sleep(std::time::Duration::from_millis(3100));
    popfetch.run(&[]).expect_silence();
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 0);
}

#[test]
fn a_unique_id_that_comes_again_after_an_empty_maildrop_is_another_message() {
    let twin = |text: &str| Message::new("1", format!("Subject: {text}\n\n{text}\n"));
    let server = alice([twin("one")]);
    let (popfetch, mail) = home_with(&server, |account| account.set("keep", false));
    popfetch.run(&[]).expect_silence();
    popfetch.run(&[]).expect_silence();
    server.deliver("alice", twin("two"));
    popfetch.run(&[]).expect_silence();
    assert_eq!(delivered(&mail), expected([twin("one"), twin("two")]));
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 0);
}

#[test]
fn deletions_that_quit_did_not_confirm_are_asked_again_without_fetching() {
    for quit in [
        Quit::Lost,
        Quit::Refused("-ERR some deleted messages not removed".into()),
    ] {
        let server = alice(numbered(4));
        server.change(|settings| settings.quit = quit.clone());
        let (popfetch, mail) = home_with(&server, |account| account.set("keep", false));
        let ran = popfetch.run(&[]);
        ran.expect_code(75);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        assert_eq!(delivered(&mail), expected(numbered(4)));
        server.change(|settings| settings.quit = Quit::Done);
        popfetch.run(&[]).expect_silence();
        assert!(
            server.last_session().commands_of("RETR").is_empty(),
            "{quit:?}"
        );
        assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 0);
        assert_eq!(delivered(&mail), expected(numbered(4)));
    }
}

#[test]
fn a_unique_id_that_stands_for_another_message_now_is_not_deleted_unread() {
    let numbered_from_1 = |number: u32| {
        let text = Message::numbered(number).on_disk();
        Message::new("1", text)
    };
    for (quit, keep) in [
        (Quit::Done, false),
        (Quit::DoneUnanswered, false),
        (Quit::Done, true),
    ] {
        let server = alice([numbered_from_1(1)]);
        server.change(|settings| settings.quit = quit.clone());
        let (popfetch, mail) = home_with(&server, |account| {
            if keep {
                account.set("keep", "1s")
            } else {
                account.set("keep", false)
            }
        });
        popfetch.run(&[]);
        if keep {
            std::thread::sleep(std::time::Duration::from_millis(2100));
        }
        server.change(|settings| settings.quit = Quit::Done);
        server.maildrop("alice", |drop| drop.retain(|_| false));
        server.deliver("alice", numbered_from_1(2));
        popfetch.run(&[]).expect_silence();
        assert_eq!(delivered(&mail), expected(numbered(2)), "{quit:?} {keep}");
        // The same message listed again is not fetched again.
        popfetch.run(&[]).expect_silence();
        assert_eq!(delivered(&mail), expected(numbered(2)), "{quit:?} {keep}");
    }
}

#[test]
fn a_message_that_cannot_be_retrieved_does_not_stop_the_queue() {
    let faults = Faults {
        refuse_retr: Some("-ERR cannot open it".into()),
        ..Faults::default()
    };
    let server = alice([
        Message::numbered(1),
        Message::numbered(2).with(faults),
        Message::numbered(3),
    ]);
    let (popfetch, mail) = home_with(&server, |account| account.set("keep", false));
    let ran = popfetch.run(&[]);
    ran.expect_code(76).expect_stderr("cannot open it");
    assert_eq!(
        delivered(&mail),
        expected([Message::numbered(1), Message::numbered(3)])
    );
    assert_eq!(server.maildrop("alice", |drop| drop.uids()), ["uid-2"]);
}

#[test]
fn a_cut_connection_delivers_what_was_whole_and_nothing_else() {
    let faults = Faults {
        cut_at: Some(100),
        ..Faults::default()
    };
    let server = alice([
        Message::numbered(1),
        Message::numbered(2),
        Message::numbered(3).with(faults),
    ]);
    let (popfetch, mail) = home(&server);
    popfetch.run(&[]).expect_code(75);
    assert_eq!(delivered(&mail), expected(numbered(2)));
    assert_eq!(mailbox::folder(&mail.join("tmp")), [""; 0]);
    server.maildrop("alice", |drop| drop.get_mut(2).faults = Faults::default());
    popfetch.run(&[]).expect_silence();
    assert_eq!(server.last_session().retrieved.len(), 1);
    assert_eq!(delivered(&mail), expected(numbered(3)));
}

#[test]
fn a_maildir_that_was_delivered_to_and_is_gone_is_not_made_anew() {
    let server = alice(numbered(1));
    let (popfetch, mail) = home(&server);
    popfetch.run(&[]).expect_silence();
    fs::remove_dir_all(&mail).unwrap();
    server.deliver("alice", Message::numbered(2));
    popfetch.run(&[]).expect_code(74);
    assert!(!mail.exists());
}

#[test]
fn accounts_run_side_by_side_and_one_that_fails_stops_no_other() {
    let server = Server::start()
        .user("alice", "secret", numbered(3))
        .user("bob", "hidden", numbered(4))
        .user("carol", "private", numbered(2));
    let mut popfetch = popfetch();
    for (name, password) in [("alice", "secret"), ("bob", "wrong"), ("carol", "private")] {
        let mail = popfetch.path(name);
        popfetch.account(Account::on(&server, name, name, password).maildir(&mail));
    }
    let ran = popfetch.run(&["--jobs", "3"]);
    ran.expect_code(77)
        .expect_stderr("popfetch: bob: 127.0.0.1:");
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    assert_eq!(mailbox::maildir(&popfetch.path("alice")).len(), 3);
    assert_eq!(mailbox::maildir(&popfetch.path("carol")).len(), 2);
}

#[test]
fn two_accounts_deliver_into_one_mbox() {
    let server =
        Server::start()
            .user("alice", "secret", numbered(40))
            .user("bob", "hidden", odd_messages());
    let mut popfetch = popfetch();
    let path = popfetch.path("inbox");
    popfetch.account(Account::on(&server, "a", "alice", "secret").mbox(&path));
    popfetch.account(Account::on(&server, "b", "bob", "hidden").mbox(&path));
    popfetch.run(&[]).expect_silence();
    let mut texts: Vec<Vec<u8>> = mailbox::mbox(&path).into_iter().map(|m| m.text).collect();
    texts.sort();
    assert_eq!(texts, expected(numbered(40).chain(odd_messages())));
}

#[test]
fn a_second_run_of_an_account_ends_at_once_without_a_word() {
    let faults = Faults {
        hang_at: Some(10),
        ..Faults::default()
    };
    let server = alice([Message::numbered(1).with(faults)]);
    let (popfetch, _) = home(&server);
    let first = popfetch.start(&[]);
    until("a login", || server.logins() > 0);
    let second = popfetch.run(&[]);
    second.expect_code(75);
    assert_eq!(second.stderr, "");
    first.signal(rustix::process::Signal::TERM);
    let ran = first.wait();
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&ran.status),
        Some(15),
        "{ran:?}"
    );
}

/// Each write waits for the replies to the one before: with the connection and the greeting, these are the round trips.
#[test]
fn a_session_takes_six_round_trips_and_one_each_for_messages_and_deletions() {
    for keep in [true, false] {
        let server = alice(numbered(300));
        let (popfetch, mail) = home_with(&server, |account| {
            account.set("keep", keep).set("auth", "plain")
        });
        let verbs = || {
            let session = server.last_session();
            let mut writes: Vec<Vec<String>> = Vec::new();
            for write in session.writes() {
                let mut verbs: Vec<String> = write.iter().map(|line| verb_of(line)).collect();
                verbs.dedup();
                writes.push(verbs);
            }
            writes
        };
        popfetch.run(&[]).expect_silence();
        assert_eq!(mailbox::maildir(&mail).len(), 300);
        let mut expected = vec![vec!["CAPA"], vec!["AUTH"], vec!["CAPA", "UIDL", "LIST"]];
        let poll = expected.clone();
        expected.push(vec!["RETR"]);
        expected.push(if keep {
            vec!["QUIT"]
        } else {
            vec!["DELE", "QUIT"]
        });
        assert_eq!(verbs(), expected);
        popfetch.run(&[]).expect_silence();
        assert_eq!(verbs(), [poll, vec![vec!["QUIT"]]].concat());
    }
}

#[test]
fn what_is_written_is_for_our_eyes_only() {
    let server = alice(numbered(1));
    let (popfetch, mail) = home(&server);
    popfetch.run(&[]).expect_silence();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&mail), 0o700);
    assert_eq!(mode(&popfetch.state()), 0o700);
    for entry in fs::read_dir(popfetch.state()).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
    for name in mailbox::folder(&mail.join("new")) {
        assert_eq!(mode(&mail.join("new").join(name)), 0o600);
    }
}

#[test]
fn a_message_that_is_always_refused_is_set_aside_and_the_others_come() {
    let refusal = "-ERR [SYS/PERM] spool file is damaged";
    let faults = Faults {
        refuse_retr: Some(refusal.into()),
        ..Faults::default()
    };
    let server = alice([Message::numbered(1).with(faults), Message::numbered(2)]);
    let (popfetch, mail) = home(&server);
    for times in 1..=3_u32 {
        let ran = popfetch.run(&[]);
        ran.expect_code(76).expect_stderr("spool file is damaged");
        for command in ["list", "seen"] {
            let arguments = [&[command][..], &["show"]].concat();
            let show = popfetch.run(&arguments[..if command == "seen" { 2 } else { 1 }]);
            let said = &show.stdout;
            assert!(said.contains(&format!("failed {times} time")), "{said}");
            assert!(said.contains("spool file is damaged"), "{said}");
        }
    }
    // From here on it has its pauses: neither asked for nor spoken of.
    server.deliver("alice", Message::numbered(3));
    popfetch.run(&[]).expect_silence();
    assert_eq!(server.last_session().commands_of("RETR"), ["RETR 3"]);
    assert_eq!(
        delivered(&mail),
        expected([Message::numbered(2), Message::numbered(3)])
    );
    // Whoever wants it now can have it.
    server.maildrop("alice", |drop| drop.get_mut(0).faults = Faults::default());
    popfetch
        .run(&["seen", "forget", "work", "uid-1"])
        .expect_code(0);
    popfetch.run(&[]).expect_silence();
    assert_eq!(delivered(&mail), expected(numbered(3)));
}
