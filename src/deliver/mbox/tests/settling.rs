use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};

use super::{Fixture, SHORT, deliver};
use crate::deliver::mbox::settle;
use crate::deliver::mbox::settle::settle_within;
use crate::deliver::{Delivery, Destination, Error, Intents, Open, Region, Settled};

/// Settling: a mailbox with a region that was announced, and what a crash made of it.
struct Crash {
    fixture: Fixture,
    destination: Destination,
    region: Region,
    before: Vec<u8>,
    /// What the region was to become.
    whole: Vec<u8>,
}

const MESSAGES: [&[u8]; 3] = [
    b"s: 1\n\none\n",
    b"s: 2\n\ntwo two two\n",
    b"s: 3\n\nthree\n",
];

impl Crash {
    fn new(before: &str) -> Self {
        let fixture = Fixture::with(before);
        let mut mbox = fixture.open();
        let region = deliver(&mut mbox, &MESSAGES);
        let whole = fixture.read()[before.len()..].to_vec();
        Self {
            destination: mbox.destination().clone(),
            region,
            before: before.as_bytes().to_vec(),
            whole,
            fixture,
        }
    }

    /// The same file with another content.
    fn make(&self, content: &[u8]) {
        let mut file = File::options()
            .write(true)
            .open(&self.fixture.path)
            .unwrap();
        file.set_len(0).unwrap();
        file.write_all(content).unwrap();
    }

    fn settle(&self) -> Vec<Settled> {
        let open = [Open {
            time: 0,
            intents: Intents::Region(self.region.clone()),
        }];
        settle_within(&self.destination, &open, SHORT)
            .unwrap()
            .remove(0)
    }

    /// Where message n begins in the region; 3: where the last one ends.
    fn begin(&self, n: usize) -> usize {
        let gap = self.region.length - self.region.members.iter().map(|m| m.length).sum::<u64>();
        let before: u64 = self.region.members[..n].iter().map(|m| m.length).sum();
        usize::try_from(gap + before).unwrap()
    }

    /// What settling makes of a mailbox, and its verdict as a word; settled twice, as a crash in between would.
    fn after(&self, region: &[u8], behind: &[u8]) -> (Vec<u8>, String) {
        self.make(&[&self.before, region, behind].concat());
        let settled = self.settle();
        let after = self.fixture.read();
        assert_eq!(self.settle(), settled, "settled again");
        assert_eq!(self.fixture.read(), after, "settled again");
        assert!(!self.fixture.lock().exists());
        let word = settled.iter().map(|verdict| match verdict {
            Settled::Delivered => 'd',
            Settled::Undone => 'u',
        });
        (after, word.collect())
    }
}

/// The octets that were written, then NULs, then the last octet, which comes first.
fn written(whole: &[u8], count: usize) -> Vec<u8> {
    let mut region = vec![0; whole.len()];
    region[..count].copy_from_slice(&whole[..count]);
    *region.last_mut().unwrap() = b'\n';
    region
}

const BEFORES: [&str; 4] = [
    "",
    "From x\n\nbody\n\n",
    "From x\n\nbody\n",
    "From x\n\nbody",
];

#[test]
fn killed_while_writing() {
    for before in BEFORES {
        let crash = Crash::new(before);
        let near = |count: usize| (0..4).any(|n| count.abs_diff(crash.begin(n)) < 3);
        let all = 0..=crash.whole.len();
        for count in all.filter(|&count| near(count) || count % 13 == 0) {
            let region = written(&crash.whole, count);
            let complete = region == crash.whole;
            let done = if complete {
                3
            } else {
                (0..3).take_while(|&n| crash.begin(n + 1) <= count).count()
            };
            let keep = if done == 0 { 0 } else { crash.begin(done) };
            let verdict = "d".repeat(done) + &"u".repeat(3 - done);
            // Nothing stands behind it.
            let expected = [&crash.before, &crash.whole[..keep]].concat();
            let case = format!("{before:?} {count}");
            assert_eq!(
                crash.after(&region, b""),
                (expected, verdict.clone()),
                "{case}"
            );
            // Another program has appended.
            let behind = b"From y\n\nbehind\n\n";
            let blank = vec![b'\n'; crash.whole.len() - keep];
            let expected = [&crash.before, &crash.whole[..keep], &blank, behind].concat();
            assert_eq!(
                crash.after(&region, behind),
                (expected, verdict),
                "{case} behind"
            );
        }
    }
}

#[test]
fn not_begun() {
    for before in BEFORES {
        let crash = Crash::new(before);
        let (after, verdict) = crash.after(b"", b"");
        assert_eq!((after, verdict.as_str()), (crash.before.clone(), "uuu"));
    }
}

/// What others put in the region's place after a failed append was cut off is theirs, however long it is.
#[test]
fn others_took_the_place() {
    for before in BEFORES {
        let crash = Crash::new(before);
        for other in ["From y\n\n\n", "From y\n\nx\n\n"] {
            for times in [1, 5, 20, 200] {
                let other = other.repeat(times);
                let (after, verdict) = crash.after(other.as_bytes(), b"");
                assert_eq!(after, [&crash.before, other.as_bytes()].concat());
                assert_eq!(verdict, "uuu");
            }
        }
    }
}

#[test]
fn a_power_cut_loses_blocks() {
    let fixture = Fixture::with("From x\n\nbody\n");
    let mut mbox = fixture.open();
    let large = b"0123456789abcde\n".repeat(1024);
    let region = deliver(&mut mbox, &[&large, &large, &large]);
    let whole = fixture.read();
    let crash = Crash {
        destination: mbox.destination().clone(),
        before: Vec::new(),
        whole: Vec::new(),
        region,
        fixture,
    };
    let length = usize::try_from(crash.region.members[0].length).unwrap();
    let first = 14;
    let lost = |blocks: &[usize]| {
        let mut content = whole.clone();
        for block in blocks {
            let end = (block + 1) * 4096;
            content[block * 4096..end.min(whole.len())].fill(0);
        }
        content
    };
    // The middle one: made blank, because the last one is whole.
    let (after, verdict) = crash.after(&lost(&[6]), b"");
    let mut expected = whole.clone();
    expected[first + length..first + 2 * length].fill(b'\n');
    assert_eq!((after == expected, verdict.as_str()), (true, "dud"));
    // The last one, and one before: cut off.
    let (after, verdict) = crash.after(&lost(&[6, 10]), b"");
    assert_eq!(
        (after == whole[..first + length], verdict.as_str()),
        (true, "duu")
    );
    // The first, with what stands before it: not in its place any more, so left as it is.
    let (after, verdict) = crash.after(&lost(&[0]), b"");
    assert_eq!((after == lost(&[0]), verdict.as_str()), (true, "udd"));
}

#[test]
fn a_reader_changed_it() {
    let crash = Crash::new("From x\n\nbody\n\n");
    let whole = String::from_utf8(crash.whole.clone()).unwrap();
    // Statuses put in: lengths change, nothing is torn.
    let read = whole.replace("s: 2", "Status: RO\ns: 2");
    let (after, verdict) = crash.after(read.as_bytes(), b"");
    assert_eq!(after, [&crash.before, read.as_bytes()].concat());
    assert_eq!(verdict, "duu");
    // All read and gone.
    crash.make(b"");
    assert_eq!(crash.settle(), vec![Settled::Undone; 3]);
    assert_eq!(crash.fixture.read(), b"");
    // A torn region behind something else is not ours to cut.
    let torn = [b"From z\n\nbodY\n\n", &written(&crash.whole, 10)[..]].concat();
    crash.make(&torn);
    assert_eq!(crash.settle(), vec![Settled::Undone; 3]);
    assert_eq!(crash.fixture.read(), torn);
}

#[test]
fn another_file_in_its_place() {
    let mut crash = Crash::new("From x\n\nbody\n\n");
    crash.destination.inode += 1;
    let torn = written(&crash.whole, crash.begin(1) + 3);
    let (after, verdict) = crash.after(&torn, b"");
    assert_eq!(after, [&crash.before, &torn[..]].concat());
    assert_eq!(verdict, "duu");
    fs::remove_file(&crash.fixture.path).unwrap();
    assert_eq!(crash.settle(), vec![Settled::Undone; 3]);
    assert!(!crash.fixture.path.exists());
    assert!(!crash.fixture.lock().exists());
}

#[test]
fn settling_waits_for_locks() {
    let crash = Crash::new("");
    fs::write(crash.fixture.lock(), "").unwrap();
    let open = [Open {
        time: 0,
        intents: Intents::Region(crash.region.clone()),
    }];
    let settled = settle_within(&crash.destination, &open, SHORT);
    assert!(matches!(settled, Err(Error::Locked { .. })));
    assert_eq!(
        settle(&crash.destination, &[]).unwrap(),
        Vec::<Vec<_>>::new()
    );
}

#[test]
fn journals_mended_by_hand() {
    let crash = Crash::new("");
    for edit in [
        |region: &mut Region| region.length = 1,
        |region: &mut Region| region.offset = u64::MAX - 1,
        |region: &mut Region| region.members[0].length = u64::MAX,
        |region: &mut Region| region.members[0].length = 0,
        |region: &mut Region| region.length = 1 << 40,
    ] {
        let mut region = crash.region.clone();
        edit(&mut region);
        let open = [Open {
            time: 0,
            intents: Intents::Region(region),
        }];
        let settled = settle_within(&crash.destination, &open, SHORT).unwrap();
        assert_eq!(settled.concat().len(), 3);
        assert_eq!(crash.fixture.read(), crash.whole);
    }
}

#[test]
fn a_message_with_holes_of_its_own() {
    let fixture = Fixture::new();
    let mut mbox = fixture.open();
    let region = deliver(&mut mbox, &[b"a\0b\n"]);
    let mut file = File::options().write(true).open(&fixture.path).unwrap();
    file.seek(SeekFrom::Start(5)).unwrap();
    file.write_all(b"X").unwrap();
    let changed = fixture.read();
    let open = [Open {
        time: 0,
        intents: Intents::Region(region),
    }];
    let settled = settle_within(mbox.destination(), &open, SHORT).unwrap();
    assert_eq!(settled, vec![vec![Settled::Undone]]);
    assert_eq!(fixture.read(), changed);
}
