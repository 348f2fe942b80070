//! Real delivery agents: procmail, maildrop and dovecot-lda get each message whole.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::dovecot;
use crate::namespace::need;
use crate::place::Place;
use crate::run::{expect_same, left, popfetch, sent, sorted};
use crate::support::mailbox;
use crate::support::popfetch::Popfetch;

/// A home of alice's whose mail goes through a command; what a file of the command's says, `$HOME` being the home.
fn home(place: &Place, words: &[&str], file: &str, rules: &str) -> Popfetch {
    let mut popfetch = popfetch();
    let home = popfetch.home().to_str().unwrap().to_owned();
    let path = popfetch.path(file);
    fs::write(&path, rules.replace("$HOME", &home)).unwrap();
    // maildrop takes no rules that others could read.
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let words: Vec<String> = words
        .iter()
        .map(|word| word.replace("$HOME", &home))
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let account = place.account("work", "alice").set("keep", false);
    popfetch.account(account.mda(&words));
    popfetch
}

/// What the server sends; first the messages with an even subject, which the rules put into an mbox.
fn by_rule(place: &Place) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let even = |text: &Vec<u8>| {
        let text = String::from_utf8_lossy(text);
        ["2", "4", "6", "8", "10"]
            .iter()
            .any(|number| text.contains(&format!("\nSubject: message {number}\n")))
    };
    sent(place, "alice").into_iter().partition(even)
}

/// A Maildir that is there already: maildrop makes none.
fn maildir(path: PathBuf) -> PathBuf {
    for folder in ["cur", "new", "tmp"] {
        fs::create_dir_all(path.join(folder)).unwrap();
    }
    path
}

/// The messages of an mbox, with From_ lines of this sender; quoting is left in.
fn mbox(path: &Path) -> Vec<Vec<u8>> {
    let text = fs::read(path).unwrap();
    let mut messages: Vec<Vec<u8>> = Vec::new();
    for line in text.split_inclusive(|&octet| octet == b'\n') {
        if line.starts_with(b"From ") {
            let from_line = String::from_utf8_lossy(line);
            assert!(
                from_line.starts_with("From sender@example.test "),
                "{from_line}"
            );
            messages.push(Vec::new());
        } else {
            messages.last_mut().unwrap().extend_from_slice(line);
        }
    }
    messages
}

/// A message as an agent writes it into an mbox: `quote` says which lines it quotes.
fn quoted(text: &[u8], quote: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut quoted = Vec::new();
    for line in text.split_inclusive(|&octet| octet == b'\n') {
        if quote(line) {
            quoted.push(b'>');
        }
        quoted.extend_from_slice(line);
    }
    quoted
}

#[test]
fn procmail_delivers_by_its_rules() {
    need(Path::new("/usr/bin/procmail"));
    let place = dovecot::start();
    let (even, odd) = by_rule(&place);
    let popfetch = home(
        &place,
        // As a filter: else it would make a mailbox for root on this machine.
        &["procmail", "-f", "%F", "-m", "$HOME/procmailrc"],
        "procmailrc",
        "MAILDIR=$HOME\n:0:\n* ^Subject: message (2|4|6|8|10)$\neven\n:0\nmail/\n",
    );
    popfetch.run(&[]).expect_silence();
    let mail = popfetch.path("mail");
    expect_same("Maildir", &sorted(mailbox::maildir(&mail)), &sorted(odd));
    // It quotes From_ lines alone, and leaves out the separating line where a message ends in one.
    let even: Vec<Vec<u8>> = even
        .iter()
        .map(|text| {
            let blank: &[u8] = if text.ends_with(b"\n\n") { b"" } else { b"\n" };
            [
                quoted(text, |line| line.starts_with(b"From ")),
                blank.to_vec(),
            ]
            .concat()
        })
        .collect();
    expect_same("mbox", &mbox(&popfetch.path("even")), &even);
    assert_eq!(left(&place, "alice"), 0);
}

#[test]
fn maildrop_delivers_by_its_rules() {
    need(Path::new("/usr/bin/maildrop"));
    let place = dovecot::start();
    let (even, odd) = by_rule(&place);
    let popfetch = home(
        &place,
        &["maildrop", "-f", "%F", "$HOME/rules"],
        "rules",
        "if (/^Subject: message (2|4|6|8|10)$/)\n{\n to \"$HOME/even\"\n}\nto \"$HOME/mail\"\n",
    );
    let mail = maildir(popfetch.path("mail"));
    popfetch.run(&[]).expect_silence();
    expect_same("Maildir", &sorted(mailbox::maildir(&mail)), &sorted(odd));
    let even: Vec<Vec<u8>> = even
        .iter()
        .map(|text| {
            let from = |line: &[u8]| {
                let quotes = line.iter().take_while(|&&octet| octet == b'>').count();
                line[quotes..].starts_with(b"From ")
            };
            [quoted(text, from), b"\n".to_vec()].concat()
        })
        .collect();
    expect_same("mbox", &mbox(&popfetch.path("even")), &even);
    assert_eq!(left(&place, "alice"), 0);
}

#[test]
fn dovecot_lda_delivers() {
    let agent = need(Path::new("/usr/lib/dovecot/dovecot-lda"));
    let place = dovecot::start();
    let expected = sent(&place, "alice");
    // It delivers nothing as root.
    let user = [
        "setpriv",
        "--reuid=60999",
        "--regid=60999",
        "--clear-groups",
    ];
    let environment = ["env", "HOME=$HOME", "USER=alice"];
    let command = [agent.to_str().unwrap(), "-c", "$HOME/lda.conf", "-f", "%F"];
    let popfetch = home(
        &place,
        &[&user[..], &environment, &command].concat(),
        "lda.conf",
        "mail_location = maildir:$HOME/mail\nlog_path = $HOME/log\npostmaster_address = postmaster@example.test\n",
    );
    for (path, mode) in [
        (popfetch.home(), 0o777),
        (&popfetch.path("lda.conf"), 0o644),
    ] {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
    popfetch.run(&[]).expect_silence();
    let found = mailbox::maildir(&popfetch.path("mail"));
    expect_same("Maildir", &sorted(found), &sorted(expected));
    assert_eq!(left(&place, "alice"), 0);
}

#[test]
fn what_an_agent_refuses_stays_on_the_server() {
    let place = dovecot::start();
    let count = sent(&place, "alice").len();
    // procmail's way to hand mail back.
    for (status, code) in [(75, 75), (67, 74)] {
        let rules = format!("EXITCODE={status}\n:0\n/dev/null\n");
        let popfetch = home(&place, &["procmail", "-m", "$HOME/rc"], "rc", &rules);
        popfetch.run(&["--limit", "2"]).expect_code(code);
        assert_eq!(left(&place, "alice"), count, "{rules}");
    }
}
