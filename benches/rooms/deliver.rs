//! A batch of 128 messages of 4 KiB, with its flushes, into a Maildir and an mbox.

use std::path::Path;

use divan::Bencher;
use divan::counter::ItemsCount;
use popfetch::deliver::{self, Context, Envelope, Quoting, Target};

use crate::message;

const BATCH: usize = 128;

fn batches(bencher: Bencher<'_, '_>, target: impl Fn(&Path) -> Target) {
    let folder = tempfile::tempdir().unwrap();
    let context = Context {
        tag: "0af3".to_owned(),
        ..Context::default()
    };
    let mut delivery = deliver::open(&target(folder.path()), &context, false, 160).unwrap();
    let message = message();
    let envelope = Envelope {
        sender: "a@x.example".to_owned(),
        received: 1_700_000_000,
        uid: "u".to_owned(),
    };
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
        for _ in 0..BATCH {
            delivery.begin(&envelope).unwrap();
            delivery.write(&message).unwrap();
            delivery.end().unwrap();
        }
        delivery.prepare().unwrap();
        assert_eq!(delivery.publish().unwrap().len(), BATCH);
        delivery.release();
    });
}

#[divan::bench]
fn maildir(bencher: Bencher<'_, '_>) {
    batches(bencher, |folder| Target::Maildir(folder.join("mail")));
}

#[divan::bench]
fn mbox(bencher: Bencher<'_, '_>) {
    batches(bencher, |folder| Target::Mbox {
        path: folder.join("inbox"),
        quoting: Quoting::Mboxrd,
    });
}
