#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;

use super::*;
use crate::deliver::{Open, Settled};

const TAG: &str = "0af3";
const NOW: i64 = 1_795_312_134;

struct Fixture {
    _keep: tempfile::TempDir,
    path: PathBuf,
}

impl Fixture {
    fn new() -> Self {
        let keep = tempfile::tempdir().unwrap();
        let path = keep.path().canonicalize().unwrap().join("mail");
        Self { _keep: keep, path }
    }

    fn open(&self) -> Maildir {
        Maildir::open(&self.path, TAG, false, 20).unwrap()
    }

    fn entries(&self, part: &str) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.path.join(part))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn counts(&self) -> [usize; 3] {
        PARTS.map(|part| self.entries(part).len())
    }

    fn refusal(&self, delivered_before: bool) -> String {
        match Maildir::open(&self.path, TAG, delivered_before, 20) {
            Ok(_) => "opened".to_owned(),
            Err(error) => error.to_string(),
        }
    }
}

fn stage(maildir: &mut Maildir, pieces: &[&[u8]]) {
    maildir.begin(&Envelope::default()).unwrap();
    for piece in pieces {
        maildir.write(piece).unwrap();
    }
    maildir.end().unwrap();
}

fn names(intents: Intents) -> Vec<String> {
    match intents {
        Intents::Names(names) => names,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_batch() {
    let fixture = Fixture::new();
    let mut maildir = fixture.open();
    for path in ["", "tmp", "new", "cur"].map(|part| fixture.path.join(part)) {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{}", path.display());
    }
    assert_eq!(maildir.capacity(), 17);
    let inode = fs::metadata(&fixture.path).unwrap().ino();
    assert_eq!(maildir.destination().inode, inode);
    let large = vec![b'x'; 3 * BUFFER + 1];
    stage(&mut maildir, &[b"a: b\n", b"\n", b"one\n"]);
    stage(&mut maildir, &[]);
    stage(&mut maildir, &[b"two\n", &large, b"\n"]);
    maildir.begin(&Envelope::default()).unwrap();
    maildir.write(b"not wanted").unwrap();
    maildir.cut();
    assert_eq!(fixture.counts(), [3, 0, 0]);
    let names = names(maildir.prepare().unwrap());
    assert_eq!(fixture.counts(), [3, 0, 0]);
    assert_eq!(maildir.publish().unwrap(), vec![Outcome::Delivered; 3]);
    maildir.release();
    assert_eq!(fixture.counts(), [0, 3, 0]);
    let read = |name: &str| fs::read(fixture.path.join("new").join(name)).unwrap();
    assert_eq!(read(&names[0]), b"a: b\n\none\n");
    assert_eq!(read(&names[1]), b"");
    assert_eq!(read(&names[2]), [b"two\n", &large[..], b"\n"].concat());
    let file = fs::metadata(fixture.path.join("new").join(&names[0])).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
    // And the next one.
    stage(&mut maildir, &[b"three\n"]);
    maildir.prepare().unwrap();
    assert_eq!(maildir.publish().unwrap(), vec![Outcome::Delivered]);
    maildir.release();
    assert_eq!(fixture.counts(), [0, 4, 0]);
    assert_eq!(maildir.prepare().unwrap(), Intents::Names(vec![]));
    assert_eq!(maildir.publish().unwrap(), vec![]);
}

#[test]
fn undone_is_undone() {
    let fixture = Fixture::new();
    let mut maildir = fixture.open();
    stage(&mut maildir, &[b"one\n"]);
    maildir.begin(&Envelope::default()).unwrap();
    maildir.write(b"half").unwrap();
    maildir.abandon();
    assert_eq!(fixture.counts(), [0, 0, 0]);
    stage(&mut maildir, &[b"one\n"]);
    maildir.prepare().unwrap();
    maildir.abandon();
    assert_eq!(fixture.counts(), [0, 0, 0]);
    assert!(maildir.write(b"x").is_err());
    assert!(maildir.end().is_err());
    stage(&mut maildir, &[b"one\n"]);
    maildir.begin(&Envelope::default()).unwrap();
    drop(maildir);
    assert_eq!(fixture.counts(), [0, 0, 0]);
    // What the journal may know is left for settling.
    let mut maildir = fixture.open();
    stage(&mut maildir, &[b"one\n"]);
    maildir.prepare().unwrap();
    drop(maildir);
    assert_eq!(fixture.counts(), [1, 0, 0]);
}

#[test]
fn another_program_in_the_folders() {
    let fixture = Fixture::new();
    let mut maildir = fixture.open();
    for text in [b"0", b"1", b"2", b"3"] {
        stage(&mut maildir, &[text]);
    }
    let names = names(maildir.prepare().unwrap());
    let [tmp, new] = ["tmp", "new"].map(|part| fixture.path.join(part));
    fs::remove_file(tmp.join(&names[1])).unwrap();
    fs::write(new.join(&names[2]), "another's").unwrap();
    // As if the answer to the rename had been lost.
    fs::rename(tmp.join(&names[3]), new.join(&names[3])).unwrap();
    let outcomes = maildir.publish().unwrap();
    assert_eq!(outcomes[0], Outcome::Delivered);
    assert!(matches!(&outcomes[1], Outcome::Later(why) if why.contains("removed")));
    assert!(matches!(&outcomes[2], Outcome::Later(why) if why.contains("took the name")));
    assert_eq!(outcomes[3], Outcome::Delivered);
    assert_eq!(fs::read(new.join(&names[2])).unwrap(), b"another's");
    assert_eq!(fixture.counts(), [0, 3, 0]);
}

#[test]
fn swapped_folders_get_nothing() {
    let fixture = Fixture::new();
    let mut maildir = fixture.open();
    let aside = fixture.path.with_extension("aside");
    fs::rename(&fixture.path, &aside).unwrap();
    fixture.open();
    stage(&mut maildir, &[b"one\n"]);
    maildir.prepare().unwrap();
    assert_eq!(maildir.publish().unwrap(), vec![Outcome::Delivered]);
    assert_eq!(fixture.counts(), [0, 0, 0]);
    assert_eq!(fs::read_dir(aside.join("new")).unwrap().count(), 1);
}

#[test]
fn what_is_no_maildir() {
    let fixture = Fixture::new();
    let path = &fixture.path;
    assert!(check(path).is_ok());
    assert!(!path.exists());
    assert!(fixture.refusal(true).contains("gone (not mounted?)"));
    assert!(!path.exists());
    fs::create_dir(path).unwrap();
    assert!(fixture.refusal(true).contains("gone (not mounted?)"));
    assert!(check(path).is_ok());
    fs::write(path.join("inbox"), "").unwrap();
    assert!(fixture.refusal(false).contains("not a Maildir"));
    assert!(
        check(path)
            .unwrap_err()
            .to_string()
            .contains("not a Maildir")
    );
    fs::create_dir(path.join("cur")).unwrap();
    assert_eq!(fixture.refusal(true), "opened");
    assert_eq!(fixture.counts(), [0, 0, 0]);
    fs::remove_dir(path.join("new")).unwrap();
    symlink("cur", path.join("new")).unwrap();
    assert!(fixture.refusal(false).contains("not a folder"));
    fs::remove_dir_all(path).unwrap();
    fs::write(path, "").unwrap();
    assert!(fixture.refusal(false).contains("if it is an mbox"));
    fs::remove_file(path).unwrap();
    symlink("elsewhere", path).unwrap();
    assert_eq!(fixture.refusal(false), "opened");
    assert!(path.with_file_name("elsewhere").join("new").is_dir());
    let lost = path.join("no/such/mail");
    assert!(
        check(&lost)
            .unwrap_err()
            .to_string()
            .contains("no such folder")
    );
}

#[test]
fn a_folder_that_takes_no_more() {
    let fixture = Fixture::new();
    let mut maildir = fixture.open();
    fs::remove_dir(fixture.path.join("tmp")).unwrap();
    let error = maildir.begin(&Envelope::default()).unwrap_err().to_string();
    assert!(
        error.contains("/tmp/") && error.contains("cannot create"),
        "{error}"
    );
}

/// What stands where after a crash, and what comes of it.
#[derive(Debug, Clone, Copy)]
enum Found {
    Tmp,
    New,
    Cur,
    TmpAndNew,
    TmpAndCur,
    Nowhere,
}

#[test]
fn settling() {
    use Settled::{Delivered, Undone};
    const HOUR: i64 = 3600;
    for (found, age, same, verdict, after) in [
        (Found::Tmp, 0, true, Delivered, [0, 1, 0]),
        (Found::Tmp, 100 * HOUR, true, Delivered, [0, 1, 0]),
        (Found::Tmp, 0, false, Undone, [0, 0, 0]),
        (Found::New, 0, true, Delivered, [0, 1, 0]),
        (Found::New, 100 * HOUR, true, Delivered, [0, 1, 0]),
        (Found::New, 0, false, Delivered, [0, 1, 0]),
        (Found::Cur, 0, true, Delivered, [0, 0, 1]),
        (Found::Cur, 100 * HOUR, true, Delivered, [0, 0, 1]),
        (Found::Cur, 0, false, Delivered, [0, 0, 1]),
        (Found::TmpAndNew, 0, true, Delivered, [0, 1, 0]),
        (Found::TmpAndCur, 0, true, Delivered, [0, 0, 1]),
        (Found::Nowhere, 0, true, Delivered, [0, 0, 0]),
        (Found::Nowhere, -HOUR, true, Delivered, [0, 0, 0]),
        (Found::Nowhere, 35 * HOUR, true, Delivered, [0, 0, 0]),
        (Found::Nowhere, 36 * HOUR, true, Undone, [0, 0, 0]),
        (Found::Nowhere, 0, false, Undone, [0, 0, 0]),
    ] {
        let fixture = Fixture::new();
        let mut maildir = fixture.open();
        stage(&mut maildir, &[b"one\n"]);
        let intents = maildir.prepare().unwrap();
        let mut destination = maildir.destination().clone();
        drop(maildir);
        let name = names(intents.clone()).remove(0);
        let [tmp, new, cur] = PARTS.map(|part| fixture.path.join(part));
        let (tmp, new, cur) = (
            tmp.join(&name),
            new.join(&name),
            cur.join(format!("{name}:2,S")),
        );
        match found {
            Found::Tmp => {}
            Found::New => fs::rename(&tmp, &new).unwrap(),
            Found::Cur => fs::rename(&tmp, &cur).unwrap(),
            Found::TmpAndNew => fs::hard_link(&tmp, &new).unwrap(),
            Found::TmpAndCur => fs::hard_link(&tmp, &cur).unwrap(),
            Found::Nowhere => fs::remove_file(&tmp).unwrap(),
        }
        if !same {
            destination.inode += 1;
        }
        let time = NOW - age;
        let open = [Open { time, intents }];
        let case = format!("{found:?} {age} {same}");
        let settled = settle(&destination, TAG, &open, NOW).unwrap();
        assert_eq!(settled, vec![vec![verdict]], "{case}");
        assert_eq!(fixture.counts(), after, "{case}");
        // A crash while settling: the same again, unless there is nothing left to tell by.
        if !(verdict == Undone && same) {
            let again = settle(&destination, TAG, &open, NOW).unwrap();
            assert_eq!(again, settled, "{case} again");
        }
    }
}

#[test]
fn settling_many() {
    let fixture = Fixture::new();
    let mut maildir = fixture.open();
    for _ in 0..10 {
        stage(&mut maildir, &[b"x"]);
    }
    let names = names(maildir.prepare().unwrap());
    let destination = maildir.destination().clone();
    drop(maildir);
    for name in &names[..5] {
        let path = fixture.path.join("tmp").join(name);
        fs::rename(path, fixture.path.join("new").join(name)).unwrap();
    }
    let open = [(0, 3), (3, 8), (8, 10)].map(|(from, to)| Open {
        time: NOW,
        intents: Intents::Names(names[from..to].to_vec()),
    });
    let settled = settle(&destination, TAG, &open, NOW).unwrap();
    assert_eq!(settled.iter().map(Vec::len).collect::<Vec<_>>(), [3, 5, 2]);
    assert!(
        settled
            .concat()
            .iter()
            .all(|&verdict| verdict == Settled::Delivered)
    );
    assert_eq!(fixture.entries("new"), {
        let mut names = names;
        names.sort();
        names
    });
}

#[test]
fn leftovers_of_ours_are_removed_and_no_others() {
    let fixture = Fixture::new();
    let mut maildir = fixture.open();
    let destination = maildir.destination().clone();
    stage(&mut maildir, &[b"x"]);
    maildir.prepare().unwrap();
    drop(maildir);
    let ours = fixture.entries("tmp").remove(0);
    let elsewhere = format!("1795312134.M1P2Q3_{TAG}.elsewhere");
    let old = format!("1795312134.M1P2Q4_{TAG}.elsewhere");
    let other_tag = ours.replace(TAG, "beef");
    let others = "1795312134.1234_5.host";
    let tmp = fixture.path.join("tmp");
    for name in [&elsewhere, &old, &other_tag, others] {
        fs::write(tmp.join(name), "").unwrap();
    }
    let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    let file = File::options().write(true).open(tmp.join(&old)).unwrap();
    file.set_modified(long_ago).unwrap();
    let now = jiff::Timestamp::now().as_second();
    assert_eq!(
        settle(&destination, TAG, &[], now).unwrap(),
        Vec::<Vec<Settled>>::new()
    );
    let mut left = vec![elsewhere, other_tag, others.to_owned()];
    left.sort();
    assert_eq!(fixture.entries("tmp"), left);
}

#[test]
fn settling_in_a_folder_that_is_gone() {
    let fixture = Fixture::new();
    let maildir = fixture.open();
    let destination = maildir.destination().clone();
    drop(maildir);
    fs::remove_dir_all(&fixture.path).unwrap();
    let open = [Open {
        time: NOW,
        intents: Intents::Names(vec![name::fresh(TAG)]),
    }];
    let error = settle(&destination, TAG, &open, NOW).unwrap_err();
    assert!(error.to_string().contains("gone (not mounted?)"), "{error}");
    assert!(settle(&destination, TAG, &[], NOW).unwrap().is_empty());
    assert!(!fixture.path.exists());
    // Made anew it is another one.
    fs::create_dir(
        fixture
            .path
            .with_extension("keeps the inode from coming back"),
    )
    .unwrap();
    drop(fixture.open());
    let settled = settle(&destination, TAG, &open, NOW).unwrap();
    if fs::metadata(&fixture.path).unwrap().ino() != destination.inode {
        assert_eq!(settled, vec![vec![Settled::Undone]]);
    }
}

#[test]
fn names_that_are_not_ours_are_not_looked_for() {
    let fixture = Fixture::new();
    let maildir = fixture.open();
    let mut destination = maildir.destination().clone();
    destination.inode += 1;
    let secret = fixture.path.with_file_name("secret");
    fs::write(&secret, "").unwrap();
    for name in ["../../secret", "", ".", "1.M1P1Q1_a./../../secret"] {
        let open = [Open {
            time: NOW,
            intents: Intents::Names(vec![name.to_owned()]),
        }];
        let settled = settle(&destination, TAG, &open, NOW).unwrap();
        assert_eq!(settled, vec![vec![Settled::Undone]], "{name}");
        assert!(secret.exists());
    }
}
