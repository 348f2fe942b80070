//! What the room as a whole promises: what was appended comes back, and damage is told from a power cut.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Cursor;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::deliver::{Intents, Kind, Region, Sum};

const DAY: i64 = 24 * 60 * 60;

fn me() -> Identity {
    Identity {
        user: "me@example.org".to_owned(),
        host: "pop.example.org".to_owned(),
    }
}

fn print(octet: u8) -> Print {
    Print([octet; 12])
}

fn delivered(time: i64, uid: &[u8]) -> Line<'_> {
    Line::Delivered {
        time,
        print: print(7),
        uid,
    }
}

/// All that can be asked of a memory.
#[derive(Debug, Clone, PartialEq)]
struct View {
    records: Vec<(String, Record, Option<String>)>,
    open: Vec<OpenIntents>,
    destinations: Vec<Destination>,
    last_time: i64,
}

fn view(memory: &Memory) -> View {
    let records: Vec<_> = memory
        .iter()
        .map(|(uid, record)| {
            let raw = unescape(uid);
            assert_eq!(memory.get(&raw), Some(record));
            (uid.to_owned(), record, memory.failure(&raw))
        })
        .collect();
    assert_eq!(records.len(), memory.len());
    assert_eq!(records.is_empty(), memory.is_empty());
    View {
        records,
        open: memory.open(),
        destinations: memory.destinations().to_vec(),
        last_time: memory.last_time(),
    }
}

/// A line that owns what it says.
#[derive(Debug, Clone)]
enum Said {
    Destination(Destination),
    Intent(i64, String, Print, Vec<u8>),
    Region(i64, u64, u64, Sum, Vec<(Member, Print, Vec<u8>)>),
    Delivered(i64, Print, Vec<u8>),
    Known(i64, Vec<u8>),
    Undone(Vec<u8>),
    Deleted(i64, Vec<u8>),
    Absent(i64, Vec<u8>),
    Failed(i64, u32, Vec<u8>, String),
}

fn lines(said: &[Said]) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    for said in said {
        lines.push(match said {
            Said::Destination(destination) => Line::Destination(destination),
            Said::Intent(time, name, print, uid) => Line::Intent {
                time: *time,
                name,
                print: *print,
                uid,
            },
            Said::Region(time, offset, length, before, members) => {
                lines.push(Line::Region {
                    time: *time,
                    offset: *offset,
                    length: *length,
                    before: *before,
                });
                lines.extend(members.iter().map(|(member, print, uid)| Line::Member {
                    member: *member,
                    print: *print,
                    uid,
                }));
                continue;
            }
            Said::Delivered(time, print, uid) => Line::Delivered {
                time: *time,
                print: *print,
                uid,
            },
            Said::Known(time, uid) => Line::Known { time: *time, uid },
            Said::Undone(uid) => Line::Undone { uid },
            Said::Deleted(time, uid) => Line::Deleted { time: *time, uid },
            Said::Absent(time, uid) => Line::Absent { time: *time, uid },
            Said::Failed(time, count, uid, why) => Line::Failed {
                time: *time,
                count: *count,
                uid,
                why,
            },
        });
    }
    lines
}

fn any_uid() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => prop::sample::select(vec![b"a".to_vec(), b"b".to_vec(), b"c".to_vec(), b"%25".to_vec()]),
        1 => prop::collection::vec(any::<u8>(), 0..8),
        1 => Just(vec![b'l'; 300]),
    ]
}

fn any_print() -> impl Strategy<Value = Print> {
    any::<u8>().prop_map(print)
}

fn any_destination() -> impl Strategy<Value = Destination> {
    let kind = prop::sample::select(vec![Kind::Maildir, Kind::Mbox, Kind::Mda]);
    let path = prop::sample::select(vec!["/home/me/Mail box", "/var/mail/me\n", "procmail"]);
    (kind, 0..3_u64, path).prop_map(|(kind, inode, path)| Destination {
        kind,
        inode,
        path: PathBuf::from(path),
    })
}

fn any_member() -> impl Strategy<Value = (Member, Print, Vec<u8>)> {
    (any::<u64>(), any::<u8>(), any_print(), any_uid()).prop_map(|(length, sum, print, uid)| {
        let sum = Sum([sum; 12]);
        (Member { length, sum }, print, uid)
    })
}

fn any_said() -> impl Strategy<Value = Said> {
    let time = || 0..3_000_000_000_i64;
    prop_oneof![
        1 => any_destination().prop_map(Said::Destination),
        4 => (time(), "\\PC{0,12}", any_print(), any_uid()).prop_map(|(t, n, p, u)| Said::Intent(t, n, p, u)),
        1 => (time(), any::<u64>(), any::<u64>(), any::<u8>(), prop::collection::vec(any_member(), 0..4))
            .prop_map(|(t, o, l, b, m)| Said::Region(t, o, l, Sum([b; 12]), m)),
        6 => (time(), any_print(), any_uid()).prop_map(|(t, p, u)| Said::Delivered(t, p, u)),
        1 => (time(), any_uid()).prop_map(|(t, u)| Said::Known(t, u)),
        2 => any_uid().prop_map(Said::Undone),
        2 => (time(), any_uid()).prop_map(|(t, u)| Said::Deleted(t, u)),
        2 => (prop_oneof![time(), Just(0)], any_uid()).prop_map(|(t, u)| Said::Absent(t, u)),
        2 => (time(), 0..3_u32, any_uid(), ".{0,250}").prop_map(|(t, c, u, w)| Said::Failed(t, c, u, w)),
    ]
}

/// Writes, each with whether it is flushed; the first one names a destination.
fn any_writes() -> impl Strategy<Value = Vec<(Vec<Said>, bool)>> {
    let write = prop::collection::vec(any_said(), 1..6);
    let first = any_destination().prop_map(|it| (vec![Said::Destination(it)], false));
    (first, prop::collection::vec((write, any::<bool>()), 0..8)).prop_map(|(first, rest)| {
        let mut writes = vec![first];
        writes.extend(rest);
        writes
    })
}

fn loaded(path: &Path, content: &[u8]) -> Result<load::Loaded, Error> {
    load::read(path, &mut Cursor::new(content))
}

/// A journal as its writes made it.
struct Written {
    _folder: tempfile::TempDir,
    path: PathBuf,
    content: Vec<u8>,
    /// The length after each write, and what was remembered then; first of all the header.
    states: Vec<(usize, View)>,
    /// For each write, the octets flushed when it was made.
    bases: Vec<usize>,
    /// Octets flushed in the end.
    flushed: usize,
}

fn write(writes: &[(Vec<Said>, bool)]) -> Written {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("me.journal");
    let mut journal = Journal::open(&path, &me()).unwrap();
    assert!(!path.exists());
    let header = line::header_line(&me(), 0).len();
    let mut states = vec![(header, view(journal.memory()))];
    let (mut flushed, mut bases) = (header, Vec::new());
    for (said, flush) in writes {
        let length = |path: &Path| usize::try_from(fs::metadata(path).unwrap().len()).unwrap();
        let before = fs::metadata(&path).map_or(0, |it| it.len());
        journal.append(&lines(said)).unwrap();
        if fs::metadata(&path).unwrap().len() > before {
            bases.push(flushed);
            states.push((length(&path), view(journal.memory())));
        }
        if *flush {
            journal.flush().unwrap();
            flushed = length(&path);
        }
    }
    let content = fs::read(&path).unwrap();
    Written {
        _folder: folder,
        path,
        content,
        states,
        bases,
        flushed,
    }
}

impl Written {
    /// What a power cut left is taken in as one of the states since the last flush; gives its octets.
    fn check_survives(&self, content: &[u8]) -> usize {
        let loaded = loaded(&self.path, content).unwrap();
        let kept = usize::try_from(loaded.length).unwrap();
        let state = self.states.iter().find(|(length, _)| *length == kept);
        assert_eq!(state.map(|(_, view)| view), Some(&view(&loaded.memory)));
        assert!(kept >= self.flushed);
        kept
    }

    /// The journal goes on from what a power cut left.
    fn check_goes_on(&self, content: &[u8]) {
        let kept = self.check_survives(content);
        fs::write(&self.path, content).unwrap();
        let mut journal = Journal::open(&self.path, &me()).unwrap();
        assert_eq!(journal.dropped(), (content.len() - kept) as u64);
        assert_eq!(
            fs::read(&self.path).unwrap(),
            content,
            "opening changes nothing"
        );
        journal.append(&[delivered(5, b"afterwards")]).unwrap();
        journal.flush().unwrap();
        let after = view(journal.memory());
        assert_eq!(view(&Memory::read(&self.path).unwrap()), after);
        assert_eq!(fs::read(&self.path).unwrap()[..kept], content[..kept]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_was_appended_comes_back(writes in any_writes()) {
        let written = write(&writes);
        let memory = Memory::read(&written.path).unwrap();
        prop_assert_eq!(&view(&memory), &written.states.last().unwrap().1);
        prop_assert_eq!(memory.identity(), Some(&me()));
    }

    #[test]
    fn a_tail_cut_anywhere_loses_nothing_flushed(writes in any_writes()) {
        let written = write(&writes);
        for cut in written.flushed..=written.content.len() {
            let kept = written.check_survives(&written.content[..cut]);
            let whole = written.states.iter().rfind(|(length, _)| *length <= cut).unwrap().0;
            prop_assert_eq!(kept, whole);
            let mut zeros = written.content[..cut].to_vec();
            zeros.resize(written.content.len().max(cut + 1), 0);
            prop_assert_eq!(written.check_survives(&zeros), whole);
        }
        let middle = written.flushed.midpoint(written.content.len());
        written.check_goes_on(&written.content[..middle]);
    }

    #[test]
    fn zeros_anywhere_in_what_was_not_flushed_lose_nothing_flushed(
        writes in any_writes(),
        holes in prop::collection::vec((any::<prop::sample::Index>(), 1..200_usize), 1..4),
    ) {
        let written = write(&writes);
        let mut content = written.content.clone();
        let tail = &mut content[written.flushed..];
        for (at, length) in holes {
            if !tail.is_empty() {
                let at = at.index(tail.len());
                let end = (at + length).min(tail.len());
                tail[at..end].fill(0);
            }
        }
        written.check_goes_on(&content);
    }

    #[test]
    fn damage_that_a_later_write_witnesses_is_told(
        writes in any_writes(),
        at in any::<prop::sample::Index>(),
        length in 1..200_usize,
    ) {
        let written = write(&writes);
        // The last write stays whole and says what had been flushed.
        let base = *written.bases.last().unwrap();
        let mut content = written.content.clone();
        let at = at.index(base);
        let end = (at + length).min(base);
        content[at..end].fill(0);
        let line = 1 + content[..at].iter().filter(|octet| **octet == b'\n').count();
        match loaded(&written.path, &content) {
            Err(Error::Damaged { line: told, .. }) => prop_assert_eq!(told, line),
            Err(Error::Unfit { .. }) => prop_assert_eq!(line, 1),
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn arbitrary_octets_do_no_harm(
        writes in any_writes(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        tail in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let mut content = write(&writes).content;
        for (at, octet) in changes {
            let at = at.index(content.len());
            content[at] = octet;
        }
        let _ = loaded(Path::new("x"), &content);
        content.truncate(line::header_line(&me(), 0).len());
        content.extend_from_slice(&tail);
        let _ = loaded(Path::new("x"), &content);
        let _ = loaded(Path::new("x"), &tail);
    }

    #[test]
    fn a_rewrite_keeps_everything(writes in any_writes(), more in any_writes()) {
        let written = write(&writes);
        let mut whole = Journal::open(&written.path, &me()).unwrap();
        let before = view(whole.memory());
        let other = written.path.with_extension("other");
        fs::copy(&written.path, &other).unwrap();
        let mut rewritten = Journal::open(&other, &me()).unwrap();
        rewritten.rewrite(&mut |_, record| Some(record)).unwrap();
        prop_assert_eq!(&view(rewritten.memory()), &before);
        prop_assert_eq!(&view(&Memory::read(&other).unwrap()), &before);
        for (said, _) in &more {
            whole.append(&lines(said)).unwrap();
            rewritten.append(&lines(said)).unwrap();
        }
        let sorted = |memory| {
            let mut view = view(memory);
            view.records.sort_by(|a, b| a.0.cmp(&b.0));
            view
        };
        prop_assert_eq!(sorted(rewritten.memory()), sorted(whole.memory()));
        prop_assert_eq!(view(&Memory::read(&other).unwrap()), view(rewritten.memory()));
    }
}

fn journal(folder: &tempfile::TempDir) -> (PathBuf, Journal) {
    let path = folder.path().join("me.journal");
    let journal = Journal::open(&path, &me()).unwrap();
    (path, journal)
}

fn maildir() -> Destination {
    Destination {
        kind: Kind::Maildir,
        inode: 42,
        path: PathBuf::from("/home/me/Mail box"),
    }
}

#[test]
fn the_file_is_as_documented() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut journal) = journal(&folder);
    let maildir = maildir();
    journal
        .append(&[
            Line::Destination(&maildir),
            Line::Intent {
                time: 1_763_000_000,
                name: "1763000000.M1P2.host",
                print: print(0),
                uid: b"a b",
            },
        ])
        .unwrap();
    journal.flush().unwrap();
    journal
        .append(&[
            Line::Destination(&maildir),
            delivered(1_763_000_001, b"a b"),
        ])
        .unwrap();
    journal
        .append(&[Line::Failed {
            time: 1_763_000_002,
            count: 2,
            uid: b"c",
            why: " it\tsaid\r\n\u{202E}no\u{1b}[0m ",
        }])
        .unwrap();
    journal.append(&[Line::Destination(&maildir)]).unwrap();
    journal.append(&[]).unwrap();
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "popfetch 1 me@example.org pop.example.org\n\
         d maildir 42 /home/me/Mail%20box\n\
         i 1763000000 1763000000.M1P2.host - a%20b\n\
         = 75\n\
         s 1763000001 BwcHBwcHBwcHBwcH a%20b\n\
         = 36\n\
         f 1763000002 2 c it said no [0m\n\
         = 73\n"
    );
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(journal.memory().failure(b"c").unwrap(), "it said no [0m");
}

#[test]
fn what_lines_do_to_a_record() {
    let uid = b"u".as_slice();
    let s = |time| delivered(time, uid);
    let k = |time| Line::Known { time, uid };
    let x = |time| Line::Deleted { time, uid };
    let a = |time| Line::Absent { time, uid };
    let f = |time, count| Line::Failed {
        time,
        count,
        uid,
        why: "full",
    };
    let unknown = Line::Delivered {
        time: 9,
        print: print(0),
        uid,
    };
    let none = Record::default();
    let once = Record {
        delivered: 1,
        time: 1,
        print: Some(print(7)),
        ..none
    };
    let cases: Vec<(&str, Vec<Line<'_>>, Option<Record>)> = vec![
        ("s", vec![s(1)], Some(once)),
        (
            "s s",
            vec![s(0), s(1)],
            Some(Record {
                delivered: 2,
                ..once
            }),
        ),
        (
            "print kept",
            vec![s(1), unknown],
            Some(Record {
                delivered: 2,
                time: 9,
                ..once
            }),
        ),
        (
            "k",
            vec![k(3)],
            Some(Record {
                known: true,
                time: 3,
                ..none
            }),
        ),
        ("k s", vec![k(3), s(1)], Some(once)),
        (
            "s k",
            vec![s(1), k(3)],
            Some(Record {
                known: true,
                ..once
            }),
        ),
        (
            "s x",
            vec![s(1), x(2)],
            Some(Record {
                deleted: true,
                ..once
            }),
        ),
        (
            "s a",
            vec![s(1), a(2)],
            Some(Record {
                absent_since: Some(2),
                ..once
            }),
        ),
        ("s a a0", vec![s(1), a(2), a(0)], Some(once)),
        ("s x a", vec![s(0), x(2), a(3)], None),
        (
            "s x a0",
            vec![s(1), x(2), a(0)],
            Some(Record {
                deleted: true,
                ..once
            }),
        ),
        (
            "s a x",
            vec![s(1), a(2), x(3)],
            Some(Record {
                deleted: true,
                ..once
            }),
        ),
        ("s x a s", vec![s(0), x(2), a(3), s(1)], Some(once)),
        (
            "s x a f",
            vec![s(0), x(2), a(3), f(4, 1)],
            Some(Record {
                failures: 1,
                failed: 4,
                ..none
            }),
        ),
        (
            "f f",
            vec![f(1, 1), f(4, 2)],
            Some(Record {
                failures: 2,
                failed: 4,
                ..none
            }),
        ),
        ("f s", vec![f(1, 1), s(1)], Some(once)),
        (
            "f k",
            vec![f(1, 1), k(1)],
            Some(Record {
                known: true,
                time: 1,
                ..none
            }),
        ),
        ("f a f0", vec![f(1, 1), a(3), f(4, 0)], None),
        ("f f0", vec![f(1, 1), f(4, 0)], None),
        ("a", vec![a(1)], None),
        ("u", vec![Line::Undone { uid }], None),
    ];
    for (name, lines, record) in cases {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut journal) = journal(&folder);
        journal.append(&lines).unwrap();
        assert_eq!(journal.memory().get(uid), record, "{name}");
        let why = record.is_some_and(|it| it.failures > 0);
        assert_eq!(journal.memory().failure(uid).is_some(), why, "{name}");
        assert_eq!(Memory::read(&path).unwrap().get(uid), record, "{name}");
        assert_eq!(journal.memory().get(b"v"), None);
    }
}

#[test]
fn intents_close_oldest_first() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut journal) = journal(&folder);
    let maildir = maildir();
    let intent = |time, name, uid| Line::Intent {
        time,
        name,
        print: print(1),
        uid,
    };
    journal
        .append(&[
            Line::Destination(&maildir),
            intent(5, "one", b"a"),
            intent(5, "two", b"b"),
            intent(5, "three", b"a"),
        ])
        .unwrap();
    journal.append(&[intent(6, "four", b"a")]).unwrap();
    let open = |memory: &Memory| -> Vec<(i64, Vec<String>)> {
        let names = |it: OpenIntents| match it.open.intents {
            Intents::Names(names) => (it.open.time, names),
            other => panic!("{other:?}"),
        };
        memory.open().into_iter().map(names).collect()
    };
    let named = |time, names: &[&str]| (time, names.iter().map(|it| (*it).to_owned()).collect());
    for (line, left) in [
        (
            None,
            vec![named(5, &["one", "two", "three"]), named(6, &["four"])],
        ),
        (
            Some(delivered(7, b"a")),
            vec![named(5, &["two", "three"]), named(6, &["four"])],
        ),
        (
            Some(Line::Undone { uid: b"a" }),
            vec![named(5, &["two"]), named(6, &["four"])],
        ),
        (Some(Line::Undone { uid: b"b" }), vec![named(6, &["four"])]),
        (Some(delivered(7, b"a")), vec![]),
    ] {
        journal.append(&Vec::from_iter(line)).unwrap();
        journal.rewrite(&mut |_, record| Some(record)).unwrap();
        assert_eq!(open(journal.memory()), left);
        assert_eq!(open(&Memory::read(&path).unwrap()), left);
    }
    assert_eq!(journal.memory().get(b"a").unwrap().delivered, 2);
    assert_eq!(journal.memory().get(b"b"), None);
    assert_eq!(journal.memory().destinations(), [maildir]);
}

#[test]
fn a_region_is_told_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut journal) = journal(&folder);
    let mbox = Destination {
        kind: Kind::Mbox,
        inode: 1,
        path: PathBuf::from("/var/mail/me"),
    };
    let member = |length| Member {
        length,
        sum: Sum([9; 12]),
    };
    let line = |length, uid| Line::Member {
        member: member(length),
        print: print(2),
        uid,
    };
    let region = Line::Region {
        time: 5,
        offset: 100,
        length: 31,
        before: Sum([8; 12]),
    };
    journal
        .append(&[
            Line::Destination(&mbox),
            region,
            line(10, b"a"),
            line(20, b"b"),
        ])
        .unwrap();
    journal.append(&[delivered(6, b"a")]).unwrap();
    journal.rewrite(&mut |_, record| Some(record)).unwrap();
    let told = OpenIntents {
        destination: mbox,
        open: crate::deliver::Open {
            time: 5,
            intents: Intents::Region(Region {
                offset: 100,
                length: 31,
                before: Sum([8; 12]),
                members: vec![member(10), member(20)],
            }),
        },
        messages: vec![(print(2), b"a".to_vec()), (print(2), b"b".to_vec())],
        closed: vec![true, false],
    };
    assert_eq!(journal.memory().open(), [told]);
    journal.append(&[delivered(6, b"b")]).unwrap();
    assert_eq!(journal.memory().open(), []);
}

#[test]
fn lines_that_cannot_follow_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut journal) = journal(&folder);
    let intent = Line::Intent {
        time: 1,
        name: "name",
        print: print(1),
        uid: b"a",
    };
    let member = Line::Member {
        member: Member {
            length: 1,
            sum: Sum([1; 12]),
        },
        print: print(1),
        uid: b"a",
    };
    for line in [intent, member] {
        let refused = journal.append(&[delivered(1, b"a"), line]).unwrap_err();
        assert!(matches!(refused, Error::Unfit { .. }), "{refused}");
    }
    assert_eq!(journal.memory().get(b"a"), None);
    journal.append(&[delivered(1, b"b")]).unwrap();
    assert_eq!(view(&Memory::read(&path).unwrap()), view(journal.memory()));
}

#[test]
fn a_compaction_drops_what_is_gone_and_keeps_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut journal) = journal(&folder);
    let uids: Vec<_> = (0..2000)
        .map(|n| format!("unique-id-{n:014}").into_bytes())
        .collect();
    let all: Vec<_> = uids.iter().map(|uid| delivered(DAY, uid)).collect();
    journal.append(&all).unwrap();
    let length = |path: &Path| fs::metadata(path).unwrap().len();
    let before = length(&path);
    journal.compact(DAY).unwrap();
    assert_eq!(length(&path), before, "nothing dead");
    let live = snapshot::size(journal.memory(), &|_, record| Some(record));
    assert!(live.abs_diff(before) < before / 10, "{live} {before}");

    let absent: Vec<_> = uids[..1500]
        .iter()
        .map(|uid| Line::Absent { time: 2 * DAY, uid })
        .collect();
    journal.append(&absent).unwrap();
    let deleted: Vec<_> = uids[1500..1600]
        .iter()
        .map(|uid| Line::Deleted { time: 3 * DAY, uid })
        .collect();
    journal.append(&deleted).unwrap();
    let gone: Vec<_> = uids[1500..1600]
        .iter()
        .map(|uid| Line::Absent { time: 4 * DAY, uid })
        .collect();
    journal.append(&gone).unwrap();
    let before = length(&path);
    for now in [0, 32 * DAY] {
        journal.compact(now).unwrap();
        assert_eq!(length(&path), before, "30 days are not over");
    }
    journal.compact(32 * DAY + 1).unwrap();
    assert!(length(&path) < before / 3);
    assert_eq!(journal.memory().len(), 400);
    assert_eq!(journal.memory().last_time(), 4 * DAY);
    assert_eq!(journal.memory().get(&uids[0]), None);
    assert_eq!(journal.memory().get(&uids[1500]), None);
    journal.append(&[delivered(DAY, b"later")]).unwrap();
    journal.flush().unwrap();
    assert_eq!(view(&Memory::read(&path).unwrap()), view(journal.memory()));
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_rewrite_edits_and_forgets() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut journal) = journal(&folder);
    journal.rewrite(&mut |_, record| Some(record)).unwrap();
    assert!(!path.exists(), "nothing to rewrite");
    journal
        .append(&[delivered(1, b"a"), delivered(2, b"b b"), delivered(3, b"c")])
        .unwrap();
    journal
        .rewrite(&mut |uid, record| match uid {
            "a" => None,
            "b%20b" => Some(Record {
                delivered: 3,
                print: None,
                ..record
            }),
            _ => Some(record),
        })
        .unwrap();
    let memory = Memory::read(&path).unwrap();
    assert_eq!(memory.get(b"a"), None);
    let edited = Record {
        delivered: 3,
        time: 2,
        ..Record::default()
    };
    assert_eq!(memory.get(b"b b"), Some(edited));
    assert_eq!(
        memory.iter().map(|(uid, _)| uid).collect::<Vec<_>>(),
        ["b%20b", "c"]
    );
}

#[test]
fn another_identity_is_told_and_adopted() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut first) = journal(&folder);
    first.append(&[delivered(1, b"a")]).unwrap();
    let other = Identity {
        user: "a user".to_owned(),
        host: String::new(),
    };
    let mut journal = Journal::open(&path, &other).unwrap();
    journal.append(&[delivered(1, b"b")]).unwrap();
    journal.rewrite(&mut |_, record| Some(record)).unwrap();
    assert_eq!(journal.memory().identity(), Some(&me()));
    journal.adopt(&other).unwrap();
    let memory = Memory::read(&path).unwrap();
    assert_eq!(memory.identity(), Some(&other));
    assert_eq!(memory.len(), 2);
    assert!(
        fs::read(&path)
            .unwrap()
            .starts_with(b"popfetch 1 a%20user % 1\n")
    );
}

#[test]
fn a_renamed_account_finds_its_journal() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut journal) = journal(&folder);
    assert_eq!(find_renamed(folder.path(), &me(), &[]), None);
    journal.append(&[delivered(1, b"a")]).unwrap();
    let other = Identity {
        user: "other".to_owned(),
        ..me()
    };
    let others = folder.path().join("other.journal");
    Journal::open(&others, &other)
        .unwrap()
        .append(&[delivered(1, b"a")])
        .unwrap();
    fs::write(
        folder.path().join("note.txt"),
        "popfetch 1 me@example.org pop.example.org\n",
    )
    .unwrap();
    fs::write(
        folder.path().join("odd.journal"),
        "popfetch 1 me@example.org pop.example.org",
    )
    .unwrap();
    symlink(&path, folder.path().join("link.journal")).unwrap();
    assert_eq!(find_renamed(folder.path(), &me(), &[]), Some(path.clone()));
    assert_eq!(find_renamed(folder.path(), &me(), &[path]), None);
    assert_eq!(find_renamed(folder.path(), &other, &[]), Some(others));
    assert_eq!(
        find_renamed(&folder.path().join("missing"), &me(), &[]),
        None
    );
}

#[test]
fn what_a_file_says_is_judged() {
    const S: &str = "s 1 - a\n";
    const HEADER: &str = "popfetch 1 u h\n";
    // What of it is whole; or the line of the damage; or, for 0, not ours.
    for (content, verdict) in [
        (String::new(), Ok(0)),
        ("\0".repeat(5000), Ok(0)),
        ("popf".to_owned(), Ok(0)),
        (format!("popfetch 1 u{}", "\0".repeat(99)), Ok(0)),
        ("popfetch 1 u h".to_owned(), Ok(0)),
        (HEADER.to_owned(), Ok(15)),
        ("From me\nhello\n".to_owned(), Err(0)),
        ("popfetc\n".to_owned(), Err(0)),
        (format!("{}\n{S}=\n", "\0".repeat(14)), Err(0)),
        ("popfetch 2 u h\n".to_owned(), Err(0)),
        ("popfetch x u h\n".to_owned(), Err(1)),
        ("popfetch 1 u\n".to_owned(), Err(1)),
        ("popfetch 1 u h 5 6\n".to_owned(), Err(1)),
        (format!("popfetch 1 u h 77\n{S}=\n"), Ok(28)),
        (format!("{HEADER}{S}=\n"), Ok(25)),
        (format!("{HEADER}{S}=\n{S}"), Ok(25)),
        (format!("{HEADER}{S}=\n{S}="), Ok(25)),
        (format!("{HEADER}{S}=\n{S}\0=\n"), Ok(25)),
        (format!("{HEADER}{S}=\n\0 1 - a\n= 8\n"), Ok(25)),
        (format!("{HEADER}{S}=\n\0 1 - a\n= 7\n"), Err(4)),
        (format!("{HEADER}{S}=\n\0 1 - a\n= 8\n{S}= 20\n"), Ok(25)),
        (format!("{HEADER}{S}=\n\0 1 - a\n= 8\n{S}= 8\n"), Err(4)),
        (format!("{HEADER}{S}=\n\0 1 - a\n=\n{S}=\n"), Err(4)),
        (format!("{HEADER}{S}=\n\0 1 - a\n\0\0\n{S}=\n"), Ok(25)),
        (
            format!("{HEADER}{S}=\n\0 1 - a\n\0\0\n{S}\0\0= 8\n"),
            Err(4),
        ),
        (format!("{HEADER}{S}= 99999999999999999999999\n"), Ok(15)),
        (format!("{HEADER}{S}= 99999999999999999\n{S}\0"), Ok(43)),
        (format!("{HEADER}i 1 name - a\n=\n{S}=\n"), Err(2)),
        (
            format!("{HEADER}d mbox 1 /m\nr 1 2 3 -\n=\nm 1 - - a\n=\n{S}=\n"),
            Err(5),
        ),
        (format!("{HEADER}s 1 -\n=\n{S}=\n"), Err(2)),
        (format!("{HEADER}s 1 - a b\n=\n{S}=\n"), Err(2)),
        (format!("{HEADER}s 1 tooshort a\n=\n{S}=\n"), Err(2)),
        (format!("{HEADER}s x - a\n=\n{S}=\n"), Err(2)),
        (format!("{HEADER}s 1 - %41\n=\n{S}=\n"), Err(2)),
        (format!("{HEADER}q 1 - a\n=\n{S}=\n"), Err(2)),
        (format!("{HEADER}\n=\n{S}=\n"), Err(2)),
    ] {
        let found = match loaded(Path::new("x"), content.as_bytes()) {
            Ok(loaded) => {
                assert_eq!(loaded.length + loaded.dropped, content.len() as u64);
                Ok(loaded.length)
            }
            Err(Error::Damaged { line, .. }) => Err(line),
            Err(Error::Unfit { .. }) => Err(0),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(found, verdict, "{content:?}");
    }
}

#[test]
fn only_a_regular_file_is_a_journal() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut journal) = journal(&folder);
    journal.append(&[delivered(1, b"a")]).unwrap();
    let link = folder.path().join("link");
    symlink(&path, &link).unwrap();
    let fifo = folder.path().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RWXU).unwrap();
    for odd in [&link, &fifo, folder.path(), Path::new("/dev/null")] {
        assert!(
            matches!(Memory::read(odd), Err(Error::Unfit { .. })),
            "{}",
            odd.display()
        );
        assert!(
            matches!(Journal::open(odd, &me()), Err(Error::Unfit { .. })),
            "{}",
            odd.display()
        );
    }
    let dangling = folder.path().join("dangling");
    symlink(folder.path().join("nowhere"), &dangling).unwrap();
    assert!(Journal::open(&dangling, &me()).is_err());
    assert!(
        Memory::read(&folder.path().join("missing"))
            .unwrap()
            .is_empty()
    );
    let mut homeless = Journal::open(&folder.path().join("missing/me.journal"), &me()).unwrap();
    assert!(matches!(
        homeless.append(&[delivered(1, b"a")]),
        Err(Error::Io { act: "create", .. })
    ));
    assert!(homeless.memory().is_empty());
}

/// Run again by [`a_failed_write_is_cut_off`] where files may not grow beyond a limit.
#[test]
fn writes_under_a_limit() {
    let Some(path) = std::env::var_os("POPFETCH_TEST_LIMITED").map(PathBuf::from) else {
        return;
    };
    let mut journal = Journal::open(&path, &me()).unwrap();
    journal.append(&[delivered(1, b"first")]).unwrap();
    let uids: Vec<_> = (0..40_000).map(|n| format!("{n}").into_bytes()).collect();
    let long: Vec<_> = uids.iter().map(|uid| delivered(1, uid)).collect();
    let before = fs::read(&path).unwrap();
    for _ in 0..2 {
        let refused = journal.append(&long).unwrap_err();
        assert!(
            matches!(refused, Error::Io { act: "write", .. }),
            "{refused}"
        );
        assert_eq!(fs::read(&path).unwrap(), before);
        assert_eq!(journal.memory().len(), 1);
    }
    journal.append(&[delivered(1, b"second")]).unwrap();
    journal.flush().unwrap();
    assert_eq!(Memory::read(&path).unwrap().len(), 2);
    fs::write(path.with_extension("done"), "").unwrap();
}

#[test]
fn a_failed_write_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("me.journal");
    let output = std::process::Command::new("/bin/sh")
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 8; exec \"$0\" --exact state::tests::writes_under_a_limit",
        ])
        .arg(std::env::current_exe().unwrap())
        .env("POPFETCH_TEST_LIMITED", &path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(path.with_extension("done").exists(), "{said}");
}

#[test]
fn a_rewrite_that_is_refused_leaves_the_journal_usable() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut journal) = journal(&folder);
    journal.append(&[delivered(1, b"a")]).unwrap();
    // A folder in the way of the path makes the rename fail; then the path no longer leads to the journal.
    let aside = folder.path().join("aside");
    fs::rename(&path, &aside).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(journal.rewrite(&mut |_, record| Some(record)).is_err());
    assert!(journal.append(&[delivered(1, b"b")]).is_err());
    assert!(journal.flush().is_err());
    fs::remove_dir(&path).unwrap();
    fs::rename(&aside, &path).unwrap();
    assert_eq!(Memory::read(&path).unwrap().len(), 1);
}
