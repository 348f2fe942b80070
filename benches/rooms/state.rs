//! The memory of many unique-ids, and the plan over a listing of as many.

use std::path::PathBuf;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use popfetch::fetch::plan::{Copies, Rules, plan};
use popfetch::message::Print;
use popfetch::pop3::Listing;
use popfetch::state::{Identity, Journal, Line, Memory};
use tempfile::TempDir;

const SIZES: [u32; 2] = [100_000, 1_000_000];

fn uid(number: u32) -> Vec<u8> {
    format!(
        "{:016x}{number:08x}",
        u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    )
    .into_bytes()
}

fn journal(count: u32) -> (TempDir, PathBuf, Journal) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let identity = Identity {
        user: "a".to_owned(),
        host: "pop.example.org".to_owned(),
    };
    let mut journal = Journal::open(&path, &identity).unwrap();
    append(&mut journal, 0..count);
    (folder, path, journal)
}

fn append(journal: &mut Journal, numbers: std::ops::Range<u32>) {
    let uids: Vec<Vec<u8>> = numbers.map(uid).collect();
    let lines: Vec<Line<'_>> = uids
        .iter()
        .map(|uid| Line::Delivered {
            time: 1_700_000_000,
            print: Print([7; 12]),
            uid,
        })
        .collect();
    for batch in lines.chunks(128) {
        journal.append(batch).unwrap();
    }
}

#[divan::bench(args = SIZES, sample_count = 10)]
fn load(bencher: Bencher<'_, '_>, count: u32) {
    let (_folder, path, _) = journal(count);
    bencher
        .counter(ItemsCount::new(count))
        .bench_local(|| Memory::read(&path).unwrap());
}

/// Without a flush, which is the disk's.
#[divan::bench(sample_count = 20)]
fn append_in_batches(bencher: Bencher<'_, '_>) {
    const COUNT: u32 = 12_800;
    bencher
        .counter(ItemsCount::new(COUNT))
        .with_inputs(|| journal(1))
        .bench_local_values(|(folder, _, mut journal)| {
            append(&mut journal, 1..COUNT);
            folder
        });
}

/// Nothing new: every unique-id is looked up.
#[divan::bench(args = SIZES, sample_count = 10)]
fn plan_of_a_poll(bencher: Bencher<'_, '_>, count: u32) {
    let (_folder, path, _) = journal(count);
    let memory = Memory::read(&path).unwrap();
    let mut listing = Listing::new(true);
    for number in 0..count {
        listing.push(number + 1, Some(4096), Some(&uid(number)));
    }
    bencher.counter(ItemsCount::new(count)).bench_local(|| {
        let copies = Copies::of(&listing);
        let plan = plan(&listing, &copies, &memory, &Rules::default());
        assert_eq!(plan.seen, u64::from(count));
        black_box(plan)
    });
}
