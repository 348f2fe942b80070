#![allow(clippy::unwrap_used)]

mod settling;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::*;
const SHORT: Duration = Duration::from_millis(150);

struct Fixture {
    _keep: tempfile::TempDir,
    path: PathBuf,
}

impl Fixture {
    fn new() -> Self {
        let keep = tempfile::tempdir().unwrap();
        let path = keep.path().canonicalize().unwrap().join("mbox");
        Self { _keep: keep, path }
    }

    fn with(content: impl AsRef<[u8]>) -> Self {
        let fixture = Self::new();
        fs::write(&fixture.path, content).unwrap();
        fixture
    }

    fn open(&self) -> Mbox {
        let mut mbox = Mbox::open(&self.path, Quoting::Mboxrd).unwrap();
        mbox.patience = SHORT;
        mbox
    }

    fn read(&self) -> Vec<u8> {
        fs::read(&self.path).unwrap()
    }

    fn lock(&self) -> PathBuf {
        self.path.with_extension("lock")
    }
}

fn envelope() -> Envelope {
    Envelope {
        sender: "a@b.example".to_owned(),
        received: 1_795_312_134,
        uid: "1".to_owned(),
    }
}

const LINE: &str = "From a@b.example Sun Nov 22 01:48:54 2026\n";

fn stage(mbox: &mut Mbox, message: &[u8]) {
    mbox.begin(&envelope()).unwrap();
    for piece in message.chunks(7919) {
        mbox.write(piece).unwrap();
    }
    mbox.end().unwrap();
}

fn deliver(mbox: &mut Mbox, messages: &[&[u8]]) -> Region {
    for message in messages {
        stage(mbox, message);
    }
    let region = region(mbox.prepare().unwrap());
    assert_eq!(
        mbox.publish().unwrap(),
        vec![Outcome::Delivered; messages.len()]
    );
    mbox.release();
    region
}

fn region(intents: Intents) -> Region {
    match intents {
        Intents::Region(region) => region,
        other => panic!("{other:?}"),
    }
}

/// A reader of mboxrd: the messages, each without the blank line behind it.
fn read_mboxrd(mailbox: &[u8]) -> Vec<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> = Vec::new();
    let mut blank = true;
    for line in mailbox.split_inclusive(|&octet| octet == b'\n') {
        if blank && line.starts_with(b"From ") {
            messages.push(Vec::new());
        } else {
            let quotes = line.iter().take_while(|&&octet| octet == b'>').count();
            let quoted = quotes > 0 && line[quotes..].starts_with(b"From ");
            let message = messages.last_mut().expect("a From_ line comes first");
            message.extend_from_slice(&line[usize::from(quoted)..]);
        }
        blank = line == b"\n";
    }
    for message in &mut messages {
        assert_eq!(message.pop(), Some(b'\n'), "the blank line");
    }
    messages
}

#[test]
fn a_new_mailbox() {
    let fixture = Fixture::new();
    let mut mbox = fixture.open();
    assert_eq!(mbox.destination().inode, 0);
    assert!(!fixture.path.exists());
    let region = deliver(
        &mut mbox,
        &[b"s: 1\n\none\n", b"", b"s: 3\n\nFrom me\nno end"],
    );
    let expected = format!("{LINE}s: 1\n\none\n\n{LINE}\n{LINE}s: 3\n\n>From me\nno end\n\n");
    assert_eq!(String::from_utf8(fixture.read()).unwrap(), expected);
    let found = fs::metadata(&fixture.path).unwrap();
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    assert_eq!(mbox.destination().inode, found.ino());
    assert_eq!((region.offset, region.length), (0, expected.len() as u64));
    assert_eq!(region.members.len(), 3);
    assert!(!fixture.lock().exists());
    let next = deliver(&mut mbox, &[b"four\n"]);
    assert_eq!(next.offset, expected.len() as u64);
    assert_eq!(
        fixture.read(),
        format!("{expected}{LINE}four\n\n").as_bytes()
    );
    assert_eq!(mbox.prepare().unwrap(), Intents::Nothing);
    assert_eq!(mbox.publish().unwrap(), vec![]);
}

#[test]
fn what_was_there_is_ended_first() {
    for (before, gap) in [
        ("", ""),
        ("From x\n\n", ""),
        ("From x\n\nbody\n\n", ""),
        ("From x\n\nbody\n", "\n"),
        ("From x\n\nbody", "\n\n"),
        ("From ", "\n\n"),
    ] {
        let fixture = Fixture::with(before);
        let region = deliver(&mut fixture.open(), &[b"one\n"]);
        let expected = format!("{before}{gap}{LINE}one\n\n");
        assert_eq!(fixture.read(), expected.as_bytes(), "{before:?}");
        let total: u64 = region.members.iter().map(|member| member.length).sum();
        assert_eq!(region.length, total + gap.len() as u64);
        assert_eq!(region.offset, before.len() as u64);
    }
}

#[test]
fn mboxo_is_as_it_was() {
    let fixture = Fixture::new();
    let mut mbox = Mbox::open(&fixture.path, Quoting::Mboxo).unwrap();
    deliver(&mut mbox, &[b"From a\n>From b\n"]);
    assert_eq!(
        fixture.read(),
        format!("{LINE}>From a\n>From b\n\n").as_bytes()
    );
}

#[test]
fn large_batches_go_through_a_file() {
    let fixture = Fixture::with("From x\n\nbefore\n");
    let large: Vec<u8> = (0..5_000_000u32)
        .map(|n| {
            if n % 61 == 60 {
                b'\n'
            } else {
                b'a' + (n % 23) as u8
            }
        })
        .collect();
    let mut mbox = fixture.open();
    stage(&mut mbox, b"small\n");
    mbox.begin(&envelope()).unwrap();
    mbox.write(&large).unwrap();
    mbox.cut();
    stage(&mut mbox, &large);
    stage(&mut mbox, b"last\n");
    mbox.prepare().unwrap();
    mbox.publish().unwrap();
    mbox.release();
    let messages = read_mboxrd(&fixture.read());
    assert_eq!(messages.len(), 4);
    assert_eq!(messages[1], b"small\n");
    assert!(messages[2] == [&large[..], b"\n"].concat());
    assert_eq!(messages[3], b"last\n");
}

#[test]
fn undone_is_undone() {
    let fixture = Fixture::with("From x\n\nbefore\n");
    let mut mbox = fixture.open();
    stage(&mut mbox, b"one\n");
    mbox.begin(&envelope()).unwrap();
    mbox.write(b"half").unwrap();
    mbox.abandon();
    stage(&mut mbox, b"two\n");
    mbox.prepare().unwrap();
    assert!(fixture.lock().exists());
    mbox.abandon();
    assert!(!fixture.lock().exists());
    assert!(mbox.write(b"x").is_err());
    assert!(mbox.end().is_err());
    stage(&mut mbox, b"three\n");
    mbox.prepare().unwrap();
    drop(mbox);
    assert!(!fixture.lock().exists());
    assert_eq!(fixture.read(), b"From x\n\nbefore\n");
    deliver(&mut fixture.open(), &[b"four\n"]);
    let expected = format!("From x\n\nbefore\n\n{LINE}four\n\n");
    assert_eq!(fixture.read(), expected.as_bytes());
}

#[test]
fn a_failed_append_is_cut_off() {
    let before = b"From x\n\nbefore\n\n";
    let fixture = Fixture::with(before);
    let mut mbox = fixture.open();
    stage(&mut mbox, b"one\n");
    mbox.prepare().unwrap();
    let held = mbox.held.as_ref().unwrap();
    held.reserve(held.mailbox()).unwrap();
    held.undo(held.mailbox());
    assert_eq!(fixture.read(), before);
    // Where something was appended behind it, it becomes empty lines.
    held.reserve(held.mailbox()).unwrap();
    let mut other = File::options().append(true).open(&fixture.path).unwrap();
    other.write_all(b"From y\n\n").unwrap();
    held.undo(held.mailbox());
    let blank = "\n".repeat(LINE.len() + "one\n\n".len());
    let expected = format!("From x\n\nbefore\n\n{blank}From y\n\n");
    assert_eq!(fixture.read(), expected.as_bytes());
}

#[test]
fn a_program_without_locks_is_noticed() {
    let fixture = Fixture::with("From x\n\n");
    let mut mbox = fixture.open();
    stage(&mut mbox, b"one\n");
    mbox.prepare().unwrap();
    let mut other = File::options().append(true).open(&fixture.path).unwrap();
    other.write_all(b"From y\n\n").unwrap();
    assert!(matches!(mbox.publish(), Err(Error::Locked { .. })));
    assert!(!fixture.lock().exists());
    assert_eq!(fixture.read(), b"From x\n\nFrom y\n\n");
}

#[test]
fn what_is_no_mbox() {
    let fixture = Fixture::new();
    let path = &fixture.path;
    let why = || check(path).unwrap_err().to_string();
    check(path).unwrap();
    assert!(!path.exists());
    for content in ["Fro", "From", "from x\n", "\nFrom x\n", "\0\0\0\0\0\0"] {
        fs::write(path, content).unwrap();
        assert!(
            why().contains("does not begin with \"From \""),
            "{content:?}"
        );
        assert!(Mbox::open(path, Quoting::Mboxrd).is_err());
    }
    fs::remove_file(path).unwrap();
    fs::create_dir(path).unwrap();
    assert!(why().contains("if it is a Maildir"));
    fs::remove_dir(path).unwrap();
    let made = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
    assert!(why().contains("not a regular file"));
    assert!(check(Path::new("/dev/null")).is_err());
    fs::remove_file(path).unwrap();
    symlink("elsewhere", path).unwrap();
    deliver(&mut fixture.open(), &[b"one\n"]);
    assert!(path.symlink_metadata().unwrap().is_symlink());
    assert!(path.with_file_name("elsewhere").metadata().unwrap().len() > 0);
    let lost = path.with_file_name("no").join("mbox");
    assert!(
        check(&lost)
            .unwrap_err()
            .to_string()
            .contains("no such folder")
    );
}

#[test]
fn a_mailbox_that_turns_bad_is_refused_at_the_batch() {
    let fixture = Fixture::new();
    let mut mbox = fixture.open();
    stage(&mut mbox, b"one\n");
    fs::write(&fixture.path, "#!/bin/sh\n").unwrap();
    assert!(matches!(mbox.prepare(), Err(Error::Unfit { .. })));
    assert!(!fixture.lock().exists());
    assert_eq!(fixture.read(), b"#!/bin/sh\n");
    fs::remove_file(&fixture.path).unwrap();
    assert_eq!(mbox.prepare().unwrap(), Intents::Nothing);
}

#[test]
fn locks_of_others_are_waited_for() {
    let fixture = Fixture::with("");
    let mut mbox = fixture.open();
    let mut refused = |who: &str| {
        stage(&mut mbox, b"one\n");
        match mbox.prepare() {
            Err(Error::Locked { why, .. }) => assert!(why.contains(who), "{why}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(fixture.read(), b"");
    };
    fs::write(
        fixture.lock(),
        format!("1 {}\n", crate::deliver::host::host()),
    )
    .unwrap();
    refused("mbox.lock is held by process 1 on");
    fs::remove_file(fixture.lock()).unwrap();
    let file = File::options().write(true).open(&fixture.path).unwrap();
    let operation = rustix::fs::FlockOperation::LockExclusive;
    rustix::fs::flock(&file, operation).unwrap();
    if cfg!(target_os = "linux") {
        refused("by flock");
    }
    drop(file);
    assert!(!fixture.lock().exists());
    let script = "import fcntl, sys; f = open(sys.argv[1], 'r+'); fcntl.lockf(f, fcntl.LOCK_EX); \
                  print('x', flush=True); sys.stdin.read()";
    let other = Command::new("python3")
        .args(["-c", script])
        .arg(&fixture.path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    // Only another process can hold what fcntl refuses to this one.
    if let Ok(mut other) = other {
        let mut ready = [0];
        other
            .stdout
            .as_mut()
            .unwrap()
            .read_exact(&mut ready)
            .unwrap();
        refused("by fcntl");
        drop(other.stdin.take());
        other.wait().unwrap();
    }
    deliver(&mut mbox, &[b"one\n"]);
}

#[test]
fn a_lock_let_go_in_time() {
    let fixture = Fixture::with("");
    let mut mbox = fixture.open();
    mbox.patience = Duration::from_secs(30);
    fs::write(fixture.lock(), "").unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(SHORT);
            fs::remove_file(fixture.lock()).unwrap();
        });
        deliver(&mut mbox, &[b"one\n"]);
    });
}

#[test]
fn notes_are_given_once() {
    let fixture = Fixture::with("");
    let mut mbox = fixture.open();
    mbox.patience = Duration::from_secs(30);
    let mut ended = Command::new("true").spawn().unwrap();
    ended.wait().unwrap();
    let content = format!("{} {}\n", ended.id(), crate::deliver::host::host());
    for expected in [1, 0] {
        fs::write(fixture.lock(), &content).unwrap();
        deliver(&mut mbox, &[b"one\n"]);
        let notes = mbox.notes();
        assert_eq!(notes.len(), expected, "{notes:?}");
    }
}

#[test]
fn threads_take_turns() {
    let fixture = Fixture::new();
    std::thread::scope(|scope| {
        for thread in 0..4u8 {
            let fixture = &fixture;
            scope.spawn(move || {
                for batch in 0..10u8 {
                    let mut mbox = Mbox::open(&fixture.path, Quoting::Mboxrd).unwrap();
                    let [one, two] = [0, 1].map(|n| format!("{thread} {batch} {n}\n"));
                    deliver(&mut mbox, &[one.as_bytes(), two.as_bytes()]);
                }
            });
        }
    });
    let messages = read_mboxrd(&fixture.read());
    assert_eq!(messages.len(), 80);
    for thread in 0..4u8 {
        let of_thread: Vec<_> = messages
            .iter()
            .filter(|message| message[0] == b'0' + thread)
            .cloned()
            .collect();
        let expected: Vec<_> = (0..20u8)
            .map(|n| format!("{thread} {} {}\n", n / 2, n % 2).into_bytes())
            .collect();
        assert_eq!(of_thread, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn messages_come_back(
        messages in proptest::collection::vec(
            proptest::collection::vec("(>{0,3}From [a-z]{0,3}|[ -~]{0,9}|\n){0,5}\n", 0..6),
            1..5,
        ),
    ) {
        let fixture = Fixture::new();
        let mut mbox = fixture.open();
        for pieces in &messages {
            mbox.begin(&envelope()).unwrap();
            for piece in pieces {
                mbox.write(piece.as_bytes()).unwrap();
            }
            mbox.end().unwrap();
        }
        mbox.prepare().unwrap();
        mbox.publish().unwrap();
        mbox.release();
        let expected: Vec<_> = messages.iter().map(|pieces| pieces.concat().into_bytes()).collect();
        prop_assert_eq!(read_mboxrd(&fixture.read()), expected);
    }
}
