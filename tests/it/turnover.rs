//! A listing in which nothing known is to be seen: the same mail under new unique-ids, other mail, or who knows.

use crate::run::{alice, delivered, expected, home, home_with, numbered};
use crate::support::maildrop::{Faults, Message};
use crate::support::server::Server;
use crate::support::settings::Support;

fn renumber(server: &Server) {
    server.maildrop("alice", |drop| {
        drop.renumber(|number, _| format!("another-{number}").into_bytes());
    });
}

#[test]
fn a_server_that_gives_new_unique_ids_makes_nobody_fetch_again() {
    let server = alice(numbered(40));
    let (popfetch, mail) = home(&server);
    popfetch.run(&[]).expect_silence();
    renumber(&server);
    server.deliver("alice", Message::numbered(41));
    let ran = popfetch.run(&["--dry-run", "-v"]);
    assert_eq!(ran.stderr.matches("another-").count(), 0, "{ran:?}");
    popfetch.run(&[]).expect_silence();
    assert_eq!(delivered(&mail), expected(numbered(41)));
    assert_eq!(server.last_session().commands_of("RETR"), ["RETR 41"]);
    // From now on they are known by their new names, and can go.
    popfetch.run(&[]).expect_silence();
    assert_eq!(server.last_session().commands_of("TOP"), [""; 0]);
    popfetch.run(&["--no-keep"]).expect_silence();
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 0);
    assert_eq!(delivered(&mail), expected(numbered(41)));
}

#[test]
fn the_age_of_a_renumbered_message_stays_what_it_was() {
    let server = alice(numbered(12));
    let (popfetch, mail) = home_with(&server, |account| account.set("keep", "2s"));
    popfetch.run(&[]).expect_silence();
    std::thread::sleep(std::time::Duration::from_millis(2100));
    renumber(&server);
    popfetch.run(&[]).expect_silence();
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 0);
    assert_eq!(delivered(&mail), expected(numbered(12)));
}

#[test]
fn a_maildrop_with_other_mail_is_fetched() {
    let server = alice(numbered(20));
    let (popfetch, mail) = home(&server);
    popfetch.run(&[]).expect_silence();
    server.maildrop("alice", |drop| drop.retain(|_| false));
    for number in 21..=50 {
        server.deliver("alice", Message::numbered(number));
    }
    popfetch.run(&[]).expect_silence();
    assert_eq!(delivered(&mail), expected(numbered(50)));
    assert_eq!(server.last_session().commands_of("TOP").len(), 20);
}

#[test]
fn what_cannot_be_told_is_held_until_somebody_decides() {
    for decide in [&["--accept-new-uids"][..], &["seen", "mark", "work"]] {
        let server = alice(numbered(20));
        let (popfetch, mail) = home(&server);
        popfetch.run(&[]).expect_silence();
        renumber(&server);
        server.change(|settings| settings.top = Support::Missing);
        for arguments in [&[][..], &["--dry-run"]] {
            let ran = popfetch.run(arguments);
            ran.expect_code(76)
                .expect_stderr("popfetch -a work --accept-new-uids")
                .expect_stderr("popfetch seen mark work");
            assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
            assert_eq!(server.last_session().retrieved, [0; 0]);
        }
        popfetch.run(decide).expect_code(0);
        popfetch.run(&[]).expect_silence();
        let copies = if decide.len() == 1 { 2 } else { 1 };
        assert_eq!(delivered(&mail).len(), 20 * copies);
        assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 20);
    }
}

#[test]
fn headers_that_are_refused_tell_nothing() {
    let server = alice(numbered(12));
    let (popfetch, _) = home(&server);
    popfetch.run(&[]).expect_silence();
    renumber(&server);
    server.maildrop("alice", |drop| {
        for index in 0..12 {
            drop.get_mut(index).faults = Faults {
                refuse_top: Some("-ERR not now".into()),
                ..Faults::default()
            };
        }
    });
    popfetch.run(&[]).expect_code(76);
}

#[test]
fn few_messages_left_or_a_short_listing_raise_no_suspicion() {
    let server = alice(numbered(9));
    let (popfetch, _) = home(&server);
    popfetch.run(&[]).expect_silence();
    renumber(&server);
    server.change(|settings| settings.top = Support::Missing);
    popfetch.run(&[]).expect_silence();

    let server = alice(numbered(20));
    let (popfetch, mail) = home(&server);
    popfetch.run(&[]).expect_silence();
    server.change(|settings| settings.top = Support::Missing);
    server.maildrop("alice", |drop| drop.retain(|_| false));
    server.deliver("alice", Message::numbered(21));
    popfetch.run(&[]).expect_silence();
    assert_eq!(delivered(&mail), expected(numbered(21)));
}

#[test]
fn unique_ids_that_are_missing_for_once_make_nobody_fetch_again() {
    let server = alice(numbered(15));
    let (popfetch, mail) = home(&server);
    popfetch.run(&[]).expect_silence();
    server.change(|settings| settings.uidl = Support::Refused);
    popfetch.run(&[]).expect_silence();
    server.change(|settings| settings.uidl = Support::Listed);
    popfetch.run(&[]).expect_silence();
    assert_eq!(server.last_session().commands_of("TOP"), [""; 0]);
    assert_eq!(delivered(&mail), expected(numbered(15)));
}

#[test]
fn check_and_list_know_renumbered_mail_too() {
    let server = alice(numbered(40));
    let (popfetch, _) = home(&server);
    popfetch.run(&[]).expect_silence();
    renumber(&server);
    server.deliver("alice", Message::numbered(41));
    let check = popfetch.run(&["check"]);
    assert!(check.stdout.contains(": 1 new ("), "{check:?}");
    let list = popfetch.run(&["list"]);
    let new: Vec<&str> = list
        .stdout
        .lines()
        .filter(|row| row.starts_with("N "))
        .collect();
    assert_eq!(new.len(), 1, "{list:?}");
    assert!(new[0].starts_with("N    41 "), "{list:?}");
    // What fetch would hold, check does not count.
    server.change(|settings| settings.top = Support::Missing);
    popfetch
        .run(&["check"])
        .expect_code(76)
        .expect_stderr("popfetch seen mark work");
    assert_eq!(popfetch.run(&["list"]).stdout.matches("N ").count(), 41);
    // Neither has written or fetched anything.
    server.change(|settings| settings.top = Support::Listed);
    popfetch.run(&[]).expect_silence();
    assert_eq!(server.last_session().commands_of("RETR"), ["RETR 41"]);
}
