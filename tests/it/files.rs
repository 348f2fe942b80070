//! Files that are not what they should be: links, FIFOs, folders; and the modes of those we make.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::run::{alice, delivered, expected, home, home_with, numbered, popfetch};
use crate::support::mailbox;
use crate::support::popfetch::{Account, Popfetch, Running};

/// What is no wait, on a slow and busy machine.
const LITTLE: Duration = Duration::from_secs(30);

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Ends at once, with this code and a word about the path.
#[track_caller]
fn refused(popfetch: &Popfetch, codes: &[i32], path: &str) {
    let begun = Instant::now();
    let ran = popfetch.run(&[]);
    assert!(codes.contains(&ran.code()), "{ran:?}");
    ran.expect_stderr(path);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    // Locks are waited for, and servers, and FIFOs for ever.
    assert!(begun.elapsed() < LITTLE, "waited at {path}");
}

#[test]
fn what_is_no_mbox_is_not_written_to() {
    let server = alice(numbered(1));
    let mut popfetch = popfetch();
    let mbox = popfetch.path("inbox");
    let account = Account::on(&server, "work", "alice", "secret").set("keep", false);
    popfetch.account(account.mbox(&mbox));
    fifo(&mbox);
    refused(&popfetch, &[74], "inbox");
    fs::remove_file(&mbox).unwrap();
    fs::create_dir(&mbox).unwrap();
    refused(&popfetch, &[74], "inbox");
    fs::remove_dir(&mbox).unwrap();
    symlink("/dev/null", &mbox).unwrap();
    refused(&popfetch, &[74], "/dev/null");
    fs::remove_file(&mbox).unwrap();
    // A link where anybody could have laid it.
    let shared = popfetch.path("shared");
    fs::create_dir(&shared).unwrap();
    chmod(&shared, 0o1777);
    let mut popfetch = popfetch;
    let linked = shared.join("inbox");
    popfetch.account(
        Account::on(&server, "work", "alice", "secret")
            .set("keep", false)
            .mbox(&linked),
    );
    symlink(popfetch.path("victim"), &linked).unwrap();
    refused(&popfetch, &[74], "symbolic link");
    assert!(!popfetch.path("victim").exists());
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 1);
    // Where only we can have laid it, it is followed.
    symlink(popfetch.path("real"), popfetch.path("link")).unwrap();
    let link = popfetch.path("link");
    popfetch.account(Account::on(&server, "work", "alice", "secret").mbox(&link));
    popfetch.run(&[]).expect_silence();
    assert_eq!(mailbox::mbox(&popfetch.path("real")).len(), 1);
}

#[test]
fn what_is_no_dotlock_is_neither_followed_nor_waited_at_for_ever() {
    let server = alice(numbered(1));
    let mut popfetch = popfetch();
    let mbox = popfetch.path("inbox");
    popfetch.account(Account::on(&server, "work", "alice", "secret").mbox(&mbox));
    symlink(popfetch.path("victim"), popfetch.path("inbox.lock")).unwrap();
    let ran = popfetch.run(&[]);
    assert!([0, 75].contains(&ran.code()), "{ran:?}");
    assert!(!popfetch.path("victim").exists());
    fs::remove_file(popfetch.path("inbox.lock")).ok();
    fifo(&popfetch.path("inbox.lock"));
    let ran = popfetch.run(&[]);
    assert!([0, 75].contains(&ran.code()), "{ran:?}");
    fs::remove_file(popfetch.path("inbox.lock")).unwrap();
    popfetch.run(&[]).expect_silence();
    assert_eq!(mailbox::mbox(&mbox).len(), 1);
}

#[test]
fn what_is_no_maildir_is_not_delivered_to() {
    let server = alice(numbered(1));
    let (popfetch, mail) = home_with(&server, |account| account.set("keep", false));
    fifo(&mail);
    refused(&popfetch, &[74], "mail");
    fs::remove_file(&mail).unwrap();
    // A folder of a Maildir that is none.
    popfetch.run(&["--limit", "1", "--dry-run"]).expect_code(0);
    fs::create_dir_all(mail.join("cur")).unwrap();
    fs::create_dir_all(mail.join("tmp")).unwrap();
    fs::write(mail.join("new"), "a file").unwrap();
    refused(&popfetch, &[74], "new");
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 1);
    assert_eq!(mailbox::folder(&mail.join("tmp")), [""; 0]);
}

#[test]
fn what_is_no_journal_or_lock_is_not_touched() {
    let server = alice(numbered(1));
    for name in ["work.journal", "work.journal.lock"] {
        let (popfetch, _) = home_with(&server, |account| account.set("keep", false));
        fs::create_dir_all(popfetch.state()).unwrap();
        let path = popfetch.state().join(name);
        fs::write(popfetch.path("victim"), "mine\n").unwrap();
        symlink(popfetch.path("victim"), &path).unwrap();
        refused(&popfetch, &[74], name);
        assert_eq!(
            fs::read_to_string(popfetch.path("victim")).unwrap(),
            "mine\n"
        );
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        refused(&popfetch, &[74], name);
        fs::remove_dir(&path).unwrap();
        fifo(&path);
        if name.ends_with("lock") {
            // A lock is a lock, whatever it is made of, as long as nobody is waited for.
            let ran = popfetch.run(&[]);
            assert!([0, 74].contains(&ran.code()), "{ran:?}");
            continue;
        }
        refused(&popfetch, &[74], name);
        fs::remove_file(&path).unwrap();
        fs::write(&path, "Dear diary\n").unwrap();
        refused(&popfetch, &[74], name);
        assert_eq!(fs::read_to_string(&path).unwrap(), "Dear diary\n");
        assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 1);
    }
}

#[test]
fn secrets_that_others_can_read_or_write_are_refused() {
    let server = alice(numbered(1));
    for mode in [0o604, 0o640, 0o620, 0o602, 0o666] {
        let (popfetch, _) = home(&server);
        chmod(&popfetch.config_file(), mode);
        popfetch.run(&[]).expect_code(78).expect_stderr("chmod ");
        let secret = popfetch.path("secret");
        fs::write(&secret, "default login alice password secret\n").unwrap();
        chmod(&secret, mode);
        for key in ["password_file", "netrc"] {
            let (popfetch, _) = home_with(&server, |account| {
                account
                    .without("password")
                    .set(key, secret.to_str().unwrap())
            });
            popfetch.run(&[]).expect_code(78).expect_stderr("chmod 600");
        }
    }
    assert_eq!(server.settled().len(), 0);
}

#[test]
fn a_configuration_that_is_no_file_is_refused_at_once() {
    let server = alice(numbered(1));
    let (popfetch, _) = home(&server);
    let path = popfetch.config_file();
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    refused(&popfetch, &[78], "config.toml");
    fs::remove_dir(&path).unwrap();
    symlink("/dev/zero", &path).unwrap();
    refused(&popfetch, &[78], "config.toml");
}

#[test]
fn with_umask_0_what_we_make_is_still_ours_alone() {
    let server = alice(numbered(3));
    let mut popfetch = popfetch();
    let (mail, mbox) = (popfetch.path("mail"), popfetch.path("mbox"));
    popfetch.account(Account::on(&server, "a", "alice", "secret").maildir(&mail));
    popfetch.account(Account::on(&server, "b", "alice", "secret").mbox(&mbox));
    popfetch.account(Account::on(&server, "c", "alice", "secret").mda(&[
        "sh",
        "-c",
        "cat >/dev/null; umask > umask",
    ]));
    let with_umask = |mask: &str| {
        let inner = popfetch.command([""; 0]);
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!(
            "umask {mask}; exec {}",
            env!("CARGO_BIN_EXE_popfetch")
        ));
        shell.env_clear();
        for (key, value) in inner.get_envs() {
            shell.env(key, value.unwrap());
        }
        shell.current_dir(popfetch.home());
        Running::start(&mut shell).wait()
    };
    with_umask("000").expect_silence();
    let mut seen = 0;
    let mut folders = vec![mail.clone(), popfetch.path(".local"), mbox];
    while let Some(path) = folders.pop() {
        let found = fs::symlink_metadata(&path).unwrap();
        assert_eq!(found.permissions().mode() & 0o077, 0, "{}", path.display());
        if found.is_dir() {
            folders.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        }
        seen += 1;
    }
    assert!(seen > 10);
    // The command has the umask of who started us.
    assert_eq!(
        fs::read_to_string(popfetch.path("umask")).unwrap().trim(),
        "0000"
    );
    assert_eq!(delivered(&mail), expected(numbered(3)));
}

#[test]
fn names_from_the_server_never_become_paths() {
    let server = alice(
        (1..)
            .zip(["/etc/x", "../../up", "..", ".", "a/b", "a\0b"])
            .map(|(n, uid)| {
                crate::support::maildrop::Message::new(uid, format!("Subject: {n}\n\n"))
            }),
    );
    let (popfetch, mail) = home(&server);
    popfetch.run(&[]).expect_silence();
    assert_eq!(mailbox::folder(&mail.join("new")).len(), 6);
    let mut home = mailbox::folder(popfetch.home());
    home.sort();
    assert_eq!(home, [".config", ".local", "ca.pem", "mail"]);
    assert_eq!(
        mailbox::folder(&popfetch.state()),
        ["work.journal", "work.journal.lock"]
    );
}
