//! Dovecot: whole maildrops, to Maildir and mbox, kept and deleted.

use crate::dovecot;
use crate::run::{expect_same, home, home_with, left, popfetch, sent, sorted};
use crate::support::mailbox;
use crate::support::maildrop::Message;

#[test]
fn odd_messages_arrive_in_a_maildir_as_dovecot_sends_them() {
    let place = dovecot::start();
    let expected = sent(&place, "alice");
    let (popfetch, mail) = home(&place, "alice");
    popfetch.run(&[]).expect_silence();
    let found = mailbox::maildir(&mail);
    expect_same("Maildir", &sorted(found), &sorted(expected));
    assert_eq!(mailbox::folder(&mail.join("tmp")), [""; 0]);
}

#[test]
fn odd_messages_arrive_in_an_mbox_as_dovecot_sends_them() {
    let place = dovecot::start();
    let expected = sent(&place, "alice");
    let mut popfetch = popfetch();
    let inbox = popfetch.path("inbox");
    popfetch.account(place.account("work", "alice").mbox(&inbox));
    popfetch.run(&[]).expect_silence();
    let messages = mailbox::mbox(&inbox);
    for message in &messages {
        let sender = message.from_line.starts_with("From sender@example.test ");
        assert!(sender, "{}", message.from_line);
    }
    let found: Vec<Vec<u8>> = messages.into_iter().map(|message| message.text).collect();
    expect_same("mbox", &found, &expected);
}

#[test]
fn a_thousand_messages_are_kept_then_deleted() {
    let place = dovecot::start();
    let expected = sorted(place.user("erin").messages.clone());
    let (mut popfetch, mail) = home(&place, "erin");
    let ran = popfetch.run(&["-v"]);
    ran.expect_code(0).expect_stderr("work: 1,000 messages (");
    expect_same("kept", &sorted(mailbox::maildir(&mail)), &expected);
    assert_eq!(left(&place, "erin"), 1000);

    let ran = popfetch.run(&["-vv"]);
    ran.expect_code(0);
    assert!(!ran.stderr.contains("> RETR"), "{}", ran.stderr);
    assert_eq!(mailbox::maildir(&mail).len(), 1000);

    // What came meanwhile is fetched, and goes with the others.
    dovecot::deliver(&place, "erin", &Message::numbered(1001).on_disk());
    popfetch.account(
        place
            .account("work", "erin")
            .maildir(&mail)
            .set("keep", false),
    );
    let ran = popfetch.run(&["-vv"]);
    ran.expect_code(0);
    assert_eq!(ran.stderr.matches("> RETR").count(), 1);
    assert_eq!(mailbox::maildir(&mail).len(), 1001);
    assert_eq!(left(&place, "erin"), 0);
    popfetch.run(&[]).expect_silence();
}

#[test]
fn a_locked_maildrop_is_for_another_time() {
    let place = dovecot::start_with("pop3_lock_session = yes");
    let (popfetch, mail) = home_with(&place, "bob", |account| account.set("timeout", "20s"));
    let other = crate::run::session(&place, "bob");
    let ran = popfetch.run(&[]);
    ran.expect_code(75)
        .expect_stderr("Mailbox is locked by another POP3 session.");
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    assert!(!ran.stderr.contains("password"), "{}", ran.stderr);
    drop(other);
    popfetch.run(&[]).expect_silence();
    assert_eq!(mailbox::maildir(&mail).len(), 3);
}
