//! On a terminal: bars, a summary, a password asked for, and Ctrl-C. Linux alone has the setsid to give it one.

use std::os::unix::process::ExitStatusExt;

use crate::run::{alice, delivered, expected, home, numbered, popfetch};
use crate::support::mailbox;
use crate::support::maildrop::{Faults, Message};
use crate::support::popfetch::{Account, Popfetch};
use crate::support::server::Server;

/// A home whose accounts have no password anywhere.
fn asking(server: &Server, names: &[&str]) -> Popfetch {
    let mut popfetch = popfetch();
    for name in names {
        let account = Account::new(name, "127.0.0.1", "alice");
        let mail = popfetch.path(name);
        popfetch.account(
            account
                .set("port", i64::from(server.tls_port()))
                .maildir(&mail),
        );
    }
    popfetch
}

#[test]
fn bars_and_then_a_summary() {
    let large = (1..=4).map(|number| {
        let head = format!("Subject: {number}\nMessage-ID: <{number}@example.test>\n\n");
        Message::repeated(format!("large-{number}"), &head, &"x".repeat(70), 2000)
    });
    let server = alice(large);
    server.change(|settings| settings.rate = Some(1_000_000));
    let (popfetch, mail) = home(&server);
    let terminal = popfetch.on_terminal(&[]);
    terminal.wait_for("/563 KiB");
    let left = terminal.wait();
    assert!(left.status.success() && left.restored, "{left:?}");
    assert_eq!(mailbox::maildir(&mail).len(), 4);
    let shown = &left.shown;
    assert!(
        shown.contains("/4  ") && shown.contains("iB/s"),
        "{shown:?}"
    );
    let (_, last) = shown.trim_end().rsplit_once('\r').unwrap();
    assert!(
        last.starts_with("work: 4 messages (563 KiB) in "),
        "{shown:?}"
    );

    // With nothing to do there is one line, and no bar for -q.
    let left = popfetch.on_terminal(&["--progress", "never"]).wait();
    assert_eq!(left.shown, "work: no new mail (4 on the server)\r\n");
    let left = popfetch.on_terminal(&["-q"]).wait();
    assert_eq!(left.shown, "");
}

#[test]
fn a_listing_fits_the_terminal() {
    let subject =
        "\u{65e5}\u{672c}\u{8a9e} a subject that is much too long for a line of the terminal";
    let text =
        format!("From: Somebody With A Name <somebody@example.test>\nSubject: {subject}\n\n");
    let server = alice([Message::new("long", text), Message::numbered(2)]);
    let (popfetch, _) = home(&server);
    let left = popfetch
        .on_terminal(&["list", "--progress", "never"])
        .wait();
    assert!(left.status.success(), "{left:?}");
    let rows: Vec<&str> = left.shown.lines().collect();
    assert_eq!(rows.len(), 3, "{rows:#?}");
    assert!(rows[0].contains("From"), "{rows:#?}");
    assert!(rows[1].ends_with('\u{2026}'), "{rows:#?}");
    for row in rows {
        assert!(unicode_width::UnicodeWidthStr::width(row) <= 80, "{row}");
    }
}

#[test]
fn the_password_is_asked_for_without_echo_and_not_under_quiet() {
    let server = alice(numbered(2));
    let popfetch = asking(&server, &["work"]);
    for task in [
        &[][..],
        &["check"],
        &["list"],
        &["info"],
        &["seen", "mark", "work"],
    ] {
        let mut terminal = popfetch.on_terminal(task);
        terminal.wait_for("password for alice at 127.0.0.1: ");
        terminal.wait_for_no_echo();
        terminal.write("secret\r");
        let left = terminal.wait();
        assert!(left.status.success() && left.restored, "{task:?}: {left:?}");
        assert!(!left.shown.contains("secret"), "{left:?}");
    }
    assert_eq!(delivered(&popfetch.path("work")), expected(numbered(2)));
    let left = popfetch.on_terminal(&["-q"]).wait();
    assert_eq!(left.status.code(), Some(77), "{left:?}");
    assert!(left.shown.starts_with("popfetch: work: no password: "));
}

#[test]
fn ctrl_c_at_the_prompt_ends_the_asking() {
    let server = alice(numbered(2));
    let popfetch = asking(&server, &["home", "work"]);
    let mut terminal = popfetch.on_terminal(&[]);
    terminal.wait_for("password for alice at 127.0.0.1: ");
    terminal.wait_for_no_echo();
    terminal.write("half\x03");
    let left = terminal.wait();
    assert_eq!(left.status.signal(), Some(2), "{left:?}");
    assert!(left.restored);
    assert_eq!(
        left.shown.trim_end(),
        "popfetch: password for alice at 127.0.0.1:"
    );
    assert_eq!(server.sessions().len(), 0);
}

#[test]
fn no_password_at_the_prompt_is_one_line() {
    let server = alice(numbered(2));
    let popfetch = asking(&server, &["work"]);
    for answer in ["\r", "\x04"] {
        let mut terminal = popfetch.on_terminal(&["--progress", "never"]);
        terminal.wait_for("password for alice at 127.0.0.1: ");
        terminal.wait_for_no_echo();
        terminal.write(answer);
        let left = terminal.wait();
        assert_eq!(left.status.code(), Some(77), "{left:?}");
        let lines: Vec<&str> = left.shown.lines().collect();
        assert_eq!(
            lines[1..],
            ["popfetch: work: no password was entered"],
            "{answer:?}"
        );
    }
}

#[test]
fn ctrl_c_during_a_fetch_leaves_a_clean_terminal_and_no_lock() {
    let faults = Faults {
        hang_at: Some(50),
        ..Faults::default()
    };
    let server =
        alice(numbered(2).chain([Message::numbered(3).with(faults), Message::numbered(4)]));
    let (popfetch, mail) = home(&server);
    let mut terminal = popfetch.on_terminal(&[]);
    // Two whole messages and a piece of the third.
    terminal.wait_for("  582 B/1.0 KiB");
    terminal.write("\x03");
    let left = terminal.wait();
    assert_eq!(left.status.signal(), Some(2), "{left:?}");
    assert!(left.restored, "{left:?}");
    let last = left.shown.trim_end().rsplit('\r').next().unwrap();
    assert!(last.starts_with("work: 2 messages ("), "{left:?}");
    assert!(last.ends_with(", 2 left for the next run"), "{left:?}");
    assert!(left.shown.ends_with("\r\n"), "{left:?}");
    assert_eq!(delivered(&mail), expected(numbered(2)));
    assert_eq!(mailbox::folder(&mail.join("tmp")), [""; 0]);
    server.maildrop("alice", |drop| drop.get_mut(2).faults = Faults::default());
    popfetch.run(&[]).expect_silence();
    assert_eq!(delivered(&mail), expected(numbered(4)));
}
