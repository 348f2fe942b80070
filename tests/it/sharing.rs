//! Other programs on the same files, and other runs of popfetch: nothing is lost, doubled or mixed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::run::{alice, delivered, expected, home, home_with, numbered, popfetch};
use crate::support::mailbox;
use crate::support::maildrop::Message;
use crate::support::patience::until;
use crate::support::popfetch::{Account, Popfetch};
use crate::support::server::Server;

/// An account that goes to the mbox `inbox`.
fn to_mbox(server: &Server) -> Popfetch {
    let mut popfetch = popfetch();
    let mbox = popfetch.path("inbox");
    popfetch.account(
        Account::on(server, "work", "alice", "secret")
            .set("keep", false)
            .mbox(&mbox),
    );
    popfetch
}

/// A python program that holds a lock on the file until its stdin ends; it says `held` once it has it.
fn hold(how: &str, path: &Path) -> Child {
    let script = format!(
        "import fcntl, sys\nfile = open(sys.argv[1], 'r+b')\nfcntl.{how}(file, fcntl.LOCK_EX)\n\
         print('held', flush=True)\nsys.stdin.read()\n"
    );
    let mut child = Command::new("python3")
        .args(["-c", &script])
        .arg(path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = [0; 4];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut said).unwrap();
    assert_eq!(&said, b"held");
    child
}

#[test]
fn a_lock_that_another_program_holds_is_waited_for() {
    thread::scope(|scope| {
        for how in ["dotlock", "lockf", "flock"] {
            scope.spawn(move || {
                let server = alice(numbered(3));
                let popfetch = to_mbox(&server);
                let mbox = popfetch.path("inbox");
                let lock = popfetch.path("inbox.lock");
                fs::write(&mbox, "").unwrap();
                let holder = if how == "dotlock" {
                    // procmail and mutt write nothing, or a pid that means nothing to us.
                    fs::write(&lock, "0").unwrap();
                    None
                } else {
                    Some(hold(how, &mbox))
                };
                let mut running = popfetch.start(&[]);
                until("all is here", || {
                    server
                        .sessions()
                        .iter()
                        .any(|session| session.retrieved.len() == 3)
                });
                // Long enough to write it, were there no lock.
                thread::sleep(Duration::from_millis(500));
                assert!(!running.has_ended(), "{how}: not waited for");
                assert_eq!(
                    fs::metadata(&mbox).unwrap().len(),
                    0,
                    "{how}: written under a lock"
                );
                match holder {
                    Some(mut holder) => {
                        drop(holder.stdin.take());
                        holder.wait().unwrap();
                    }
                    None => fs::remove_file(&lock).unwrap(),
                }
                running.wait().expect_silence();
                assert_eq!(mailbox::mbox(&mbox).len(), 3, "{how}");
                assert!(!lock.exists());
            });
        }
    });
}

#[test]
fn a_lock_that_is_never_let_go_delivers_nothing_and_deletes_nothing() {
    let server = alice(numbered(2));
    let popfetch = to_mbox(&server);
    let mbox = popfetch.path("inbox");
    fs::write(&mbox, "").unwrap();
    let mut holder = hold("lockf", &mbox);
    let begun = Instant::now();
    popfetch
        .run(&[])
        .expect_code(75)
        .expect_stderr("locked by another program");
    assert!(begun.elapsed() < Duration::from_secs(40));
    assert_eq!(fs::metadata(&mbox).unwrap().len(), 0);
    assert!(
        !popfetch.path("inbox.lock").exists(),
        "our own lock was left behind"
    );
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 2);
    drop(holder.stdin.take());
    holder.wait().unwrap();
    popfetch.run(&[]).expect_silence();
    assert_eq!(mailbox::mbox(&mbox).len(), 2);
}

#[test]
fn a_dotlock_whose_owner_is_dead_is_broken() {
    let server = alice(numbered(1));
    let popfetch = to_mbox(&server);
    let mut dead = Command::new("true").spawn().unwrap();
    let pid = dead.id();
    dead.wait().unwrap();
    let host = rustix::system::uname();
    let host = host.nodename().to_str().unwrap();
    fs::write(popfetch.path("inbox.lock"), format!("{pid} {host}\n")).unwrap();
    popfetch.run(&[]).expect_silence();
    assert_eq!(mailbox::mbox(&popfetch.path("inbox")).len(), 1);
    assert!(!popfetch.path("inbox.lock").exists());
}

/// Another program that appends as procmail does: dotlock, then fcntl, then a whole message.
fn append(mbox: &Path, number: usize) {
    let script = "import fcntl, os, sys, time\n\
        path, number = sys.argv[1:]\n\
        while True:\n\
        \x20   try:\n\
        \x20       os.close(os.open(path + '.lock', os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))\n\
        \x20       break\n\
        \x20   except FileExistsError:\n\
        \x20       time.sleep(0.01)\n\
        file = open(path, 'ab')\n\
        fcntl.lockf(file, fcntl.LOCK_EX)\n\
        file.write(b'From other Thu Jan  1 00:00:00 1970\\nSubject: other %s\\n\\n' % number.encode())\n\
        file.flush()\n\
        time.sleep(0.02)\n\
        file.write(b'body\\n\\n')\n\
        file.close()\n\
        os.unlink(path + '.lock')\n";
    let status = Command::new("python3")
        .args(["-c", script])
        .arg(mbox)
        .arg(number.to_string())
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn programs_that_append_meanwhile_mix_with_nothing() {
    let server =
        Server::start()
            .user("alice", "secret", numbered(60))
            .user("bob", "secret", numbered(60));
    server.change(|settings| settings.rate = Some(60_000));
    let mut popfetch = popfetch();
    let mbox = popfetch.path("inbox");
    fs::write(&mbox, "").unwrap();
    for name in ["alice", "bob"] {
        popfetch.account(
            Account::on(&server, name, name, "secret")
                .set("keep", false)
                .mbox(&mbox),
        );
    }
    let running = popfetch.start(&[]);
    for number in 0..6 {
        append(&mbox, number);
    }
    running.wait().expect_silence();
    let messages = mailbox::mbox(&mbox);
    let (others, ours): (Vec<_>, Vec<_>) = messages
        .into_iter()
        .partition(|message| message.from_line.starts_with("From other"));
    assert_eq!((others.len(), ours.len()), (6, 120));
    assert!(
        others
            .iter()
            .all(|other| other.text.ends_with(b"\n\nbody\n"))
    );
    let mut texts: Vec<Vec<u8>> = ours.into_iter().map(|message| message.text).collect();
    texts.sort();
    assert_eq!(texts, expected(numbered(60).chain(numbered(60))));
}

#[test]
fn a_reader_that_moves_messages_meanwhile_makes_nothing_double() {
    let server = alice(numbered(300));
    server.change(|settings| settings.rate = Some(200_000));
    let (popfetch, mail) = home_with(&server, |account| account.set("keep", false));
    for folder in ["tmp", "new", "cur"] {
        fs::create_dir_all(mail.join(folder)).unwrap();
    }
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                for name in mailbox::folder(&mail.join("new")) {
                    let read = mail.join("cur").join(format!("{name}:2,S"));
                    fs::rename(mail.join("new").join(name), read).unwrap();
                }
                thread::sleep(Duration::from_millis(1));
            }
        });
        let first = popfetch.run(&[]);
        let second = popfetch.run(&[]);
        done.store(true, Ordering::SeqCst);
        first.expect_silence();
        second.expect_silence();
    });
    let mut texts = mailbox::maildir(&mail);
    for name in mailbox::folder(&mail.join("cur")) {
        texts.push(fs::read(mail.join("cur").join(name)).unwrap());
    }
    texts.sort();
    assert_eq!(texts, expected(numbered(300)));
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 0);
}

#[test]
fn runs_that_begin_together_fetch_everything_once() {
    let server = alice(numbered(30));
    let (popfetch, mail) = home_with(&server, |account| account.set("keep", false));
    let runs: Vec<_> = (0..4).map(|_| popfetch.start(&[])).collect();
    let mut codes: Vec<i32> = runs
        .into_iter()
        .map(|run| {
            let ran = run.wait();
            assert_eq!(ran.stderr, "");
            ran.code()
        })
        .collect();
    codes.sort_unstable();
    assert_eq!(codes[0], 0);
    assert!(codes.iter().all(|code| [0, 75].contains(code)), "{codes:?}");
    popfetch.run(&[]).expect_silence();
    assert_eq!(delivered(&mail), expected(numbered(30)));
}

#[test]
fn a_mailbox_replaced_between_two_runs_is_written_as_it_is_now() {
    let server = alice(numbered(2));
    let popfetch = to_mbox(&server);
    let mbox = popfetch.path("inbox");
    popfetch.run(&[]).expect_silence();
    let inode = fs::metadata(&mbox).unwrap().ino();
    // As mutt saves: a new file under the same name; and one without its last line end.
    let mut text = fs::read(&mbox).unwrap();
    text.truncate(text.len() - 2);
    fs::write(popfetch.path("inbox.new"), &text).unwrap();
    fs::rename(popfetch.path("inbox.new"), &mbox).unwrap();
    assert_ne!(fs::metadata(&mbox).unwrap().ino(), inode);
    server.deliver("alice", Message::numbered(3));
    popfetch.run(&[]).expect_silence();
    assert_eq!(mailbox::mbox(&mbox).len(), 3);
}

#[test]
fn two_accounts_on_one_maildrop_each_have_all_of_it() {
    let server = alice(numbered(5));
    let mut popfetch = popfetch();
    let (one, two) = (popfetch.path("one"), popfetch.path("two"));
    popfetch.account(Account::on(&server, "one", "alice", "secret").maildir(&one));
    popfetch.account(Account::on(&server, "two", "alice", "secret").maildir(&two));
    popfetch.run(&[]).expect_silence();
    popfetch.run(&[]).expect_silence();
    for mail in [one, two] {
        assert_eq!(delivered(&mail), expected(numbered(5)));
    }
}

#[test]
fn a_message_that_appears_between_the_listings_waits_for_the_next_run() {
    // LIST knows one that UIDL does not: it has come between them.
    let server = alice(numbered(3));
    let (popfetch, mail) = home(&server);
    server.change(|settings| {
        let reply = b"+OK\r\n1 uid-1\r\n2 uid-2\r\n.\r\n";
        settings.replies.insert("UIDL".into(), reply.to_vec());
    });
    popfetch.run(&[]).expect_silence();
    assert_eq!(delivered(&mail), expected(numbered(2)));
    server.change(|settings| settings.replies.clear());
    popfetch.run(&[]).expect_silence();
    assert_eq!(delivered(&mail), expected(numbered(3)));
}

/// Another program that appends under one lock alone: mpop and getmail know no dotlock.
fn append_under(lock: &str, mbox: &Path, number: usize) {
    let script = format!(
        "import fcntl, sys, time\n\
         file = open(sys.argv[1], 'ab')\n\
         fcntl.{lock}(file, fcntl.LOCK_EX)\n\
         file.write(b'From other Thu Jan  1 00:00:00 1970\\nSubject: other {number}\\n\\n')\n\
         file.flush()\n\
         time.sleep(0.02)\n\
         file.write(b'body\\n\\n')\n\
         file.close()\n"
    );
    let status = Command::new("python3")
        .args(["-c", &script])
        .arg(mbox)
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn programs_that_know_one_kind_of_lock_mix_with_nothing() {
    for lock in ["lockf", "flock"] {
        let server = alice(numbered(60));
        server.change(|settings| settings.rate = Some(60_000));
        let popfetch = to_mbox(&server);
        let mbox = popfetch.path("inbox");
        fs::write(&mbox, "").unwrap();
        let mut running = popfetch.start(&[]);
        let mut others = 0;
        while !running.has_ended() {
            append_under(lock, &mbox, others);
            others += 1;
        }
        running.wait().expect_silence();
        let (theirs, ours): (Vec<_>, Vec<_>) = mailbox::mbox(&mbox)
            .into_iter()
            .partition(|message| message.from_line.starts_with("From other"));
        assert_eq!(theirs.len(), others, "{lock}");
        let whole = |other: &mailbox::MboxMessage| other.text.ends_with(b"\n\nbody\n");
        assert!(theirs.iter().all(whole), "{lock}");
        let mut texts: Vec<Vec<u8>> = ours.into_iter().map(|message| message.text).collect();
        texts.sort();
        assert_eq!(texts, expected(numbered(60)), "{lock}");
    }
}
