//! What popfetch writes is what others read: Python's `mailbox`, octet for octet.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::dovecot;
use crate::place::Place;
use crate::run::{home_of, popfetch, sent};
use crate::support::maildrop::Message;

/// Puts a maildrop together for carol: what has gone wrong in one mail program or another.
fn fill(place: &Place) {
    for text in &place.user("alice").messages {
        dovecot::deliver(place, "carol", text);
    }
    let body = |text: &[u8]| [b"Subject: odd\n\n", text].concat();
    for text in [
        body(b"From the start\n>From a reply\n>>From deeper\n> From a quote\n\nFrom \nFromage\n"),
        body(b".\n..\n.hidden\n\n.\n"),
        body(b"no line end"),
        body(b"no line end, and a dot\n."),
        body(b"blank lines at the end\n\n\n\n"),
        body(b""),
        body(b"one\rtwo\r\rthree\n\rFrom a bare CR\n"),
        body(b"\xff\xfe\x80 8-bit \x01\x1b\x7f\n"),
        body(&[&[b'y'; 20_000][..], b"\n", &[b'.'; 20_000], b"\nFrom far behind\n"].concat()),
        // Separators as they stand in an mbox, within a message.
        body(b"forwarded:\n\nFrom eve@example.test Mon Jan  1 00:00:00 2024\nSubject: not a message\n\nx\n\n"),
        Message::repeated("", "Subject: 20 MiB\n\n", &"From z".repeat(10), 20 * 1024 * 1024 / 61).on_disk(),
    ] {
        dovecot::deliver(place, "carol", &text);
    }
}

/// Reads a mailbox by Python and compares each message with its file among the expected ones.
fn expect_read(kind: &str, mailbox: &Path, expected: &Path) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/readers.py");
    let output = Command::new("python3")
        .arg(script)
        .arg(kind)
        .args([mailbox, expected])
        .output()
        .unwrap_or_else(|error| panic!("python3 is needed: {error}"));
    let text = |said: &[u8]| String::from_utf8_lossy(said).into_owned();
    let (said, why) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{kind}: {said}{why}");
    let count = fs::read_dir(expected).unwrap().count();
    assert_eq!(said, format!("{count} messages read as they were sent\n"));
}

#[test]
fn python_reads_a_maildir_and_an_mbox_as_the_server_sent_them() {
    let place = dovecot::start();
    fill(&place);
    let messages = sent(&place, "carol");
    assert_eq!(messages.len(), 21);
    assert!(
        messages
            .iter()
            .any(|text| text.len() > 20 * 1024 * 1024 - 100)
    );
    let (maildir_home, mail) = home_of(place.account("work", "carol"));
    let expected = maildir_home.path("expected");
    fs::create_dir(&expected).unwrap();
    for (number, text) in (1..).zip(&messages) {
        fs::write(expected.join(format!("{number:04}")), text).unwrap();
    }
    maildir_home.run(&[]).expect_silence();
    expect_read("maildir", &mail, &expected);

    let mut mbox_home = popfetch();
    let inbox = mbox_home.path("inbox");
    mbox_home.account(place.account("work", "carol").mbox(&inbox));
    mbox_home.run(&[]).expect_silence();
    expect_read("mbox", &inbox, &expected);
    // What is appended later leaves what was there as it was.
    dovecot::deliver(&place, "carol", &Message::numbered(1).on_disk());
    fs::write(expected.join("0022"), Message::numbered(1).on_disk()).unwrap();
    mbox_home.run(&[]).expect_silence();
    expect_read("mbox", &inbox, &expected);
}
