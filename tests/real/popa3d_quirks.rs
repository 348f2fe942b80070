//! popa3d: no CAPA, no TLS, unique-ids that repeat.

use crate::popa3d;
use crate::run::{expect_same, home_with, left, sent, sorted};
use crate::support::mailbox;
use crate::support::maildrop::Message;

#[test]
fn without_capa_only_user_is_tried_and_only_where_cleartext_is_allowed() {
    let server = popa3d::start();
    let (popfetch, _) = home_with(&server.place, "bob", |account| account.set("tls", "stls"));
    popfetch.run(&[]).expect_code(69).expect_stderr("STLS");
    let (popfetch, _) = home_with(&server.place, "bob", |account| {
        account.set("allow_cleartext", false)
    });
    popfetch
        .run(&[])
        .expect_code(69)
        .expect_stderr("allow_cleartext");
    let (popfetch, _) = home_with(&server.place, "bob", |account| account);
    let ran = popfetch.run(&["info"]);
    ran.expect_code(0);
    assert!(ran.stdout.contains("CAPA refused"), "{}", ran.stdout);
    assert!(ran.stdout.contains("logged in by  user"), "{}", ran.stdout);
    let (popfetch, _) = home_with(&server.place, "bob", |account| {
        account.set("password", "wrong")
    });
    popfetch
        .run(&[])
        .expect_code(77)
        .expect_stderr("Authentication failed (bad password?)");
}

#[test]
fn odd_messages_arrive_as_popa3d_sends_them_and_are_kept_then_deleted() {
    let server = popa3d::start();
    let place = &server.place;
    let expected = sorted(sent(place, "alice"));
    let (mut popfetch, mail) = home_with(place, "alice", |account| account);
    for _ in 0..2 {
        popfetch.run(&[]).expect_silence();
        expect_same("Maildir", &sorted(mailbox::maildir(&mail)), &expected);
    }
    assert_eq!(left(place, "alice"), expected.len());
    popfetch.account(
        place
            .account("work", "alice")
            .maildir(&mail)
            .set("keep", false),
    );
    popfetch.run(&[]).expect_silence();
    assert_eq!(mailbox::maildir(&mail).len(), expected.len());
    assert_eq!(left(place, "alice"), 0);
}

#[test]
fn two_hundred_messages_are_fetched_and_deleted_at_once() {
    let server = popa3d::start();
    let place = &server.place;
    let (popfetch, mail) = home_with(place, "dave", |account| account.set("keep", false));
    popfetch.run(&[]).expect_silence();
    let expected = sorted(place.user("dave").messages.clone());
    expect_same("Maildir", &sorted(mailbox::maildir(&mail)), &expected);
    assert_eq!(left(place, "dave"), 0);
    popfetch.run(&[]).expect_silence();
}

#[test]
fn equal_messages_have_equal_unique_ids_and_each_is_fetched_once() {
    let server = popa3d::start();
    let place = &server.place;
    let (first, other) = (
        Message::numbered(1).on_disk(),
        Message::numbered(2).on_disk(),
    );
    // popa3d looks at some header fields only: the same unique-id, another message.
    let twin = [&first[..], b"and more\n"].concat();
    for text in [&first, &other, &first, &twin] {
        popa3d::deliver(place, "carol", text);
    }
    let listing = crate::run::session(place, "carol").ask_lines("UIDL");
    let uids: Vec<&str> = listing.iter().map(|line| &line[2..]).collect();
    assert_eq!((uids[0], uids[0]), (uids[2], uids[3]), "{uids:?}");

    let (mut popfetch, mail) = home_with(place, "carol", |account| account);
    popfetch.run(&[]).expect_silence();
    let mut expected = vec![first.clone(), other, first.clone(), twin];
    expect_same(
        "first",
        &sorted(mailbox::maildir(&mail)),
        &sorted(expected.clone()),
    );
    popfetch.run(&[]).expect_silence();
    assert_eq!(mailbox::maildir(&mail).len(), 4);
    // One more of the same.
    popa3d::deliver(place, "carol", &first);
    let ran = popfetch.run(&["check"]);
    assert!(ran.stdout.starts_with("work: 1 new ("), "{}", ran.stdout);
    popfetch.run(&[]).expect_silence();
    expected.push(first.clone());
    expect_same(
        "fifth",
        &sorted(mailbox::maildir(&mail)),
        &sorted(expected.clone()),
    );
    assert_eq!(left(place, "carol"), 5);

    // And one with the deletion of all.
    popa3d::deliver(place, "carol", &first);
    popfetch.account(
        place
            .account("work", "carol")
            .maildir(&mail)
            .set("keep", false),
    );
    popfetch.run(&[]).expect_silence();
    expected.push(first.clone());
    expect_same("sixth", &sorted(mailbox::maildir(&mail)), &sorted(expected));
    assert_eq!(left(place, "carol"), 0);

    // What is gone for certain and comes again is new.
    popfetch.run(&[]).expect_silence();
    popa3d::deliver(place, "carol", &first);
    popfetch.run(&[]).expect_silence();
    assert_eq!(mailbox::maildir(&mail).len(), 7);
    assert_eq!(left(place, "carol"), 0);
}
