//! Any message into an mbox: one From_ line, and what is read back is what was sent.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use popfetch::deliver::{self, Context, Envelope, Quoting, Target};
use popfetch::message::Header;

fuzz_target!(|data: &[u8]| {
    let Some((&piece, message)) = data.split_first() else {
        return;
    };
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let folder = tempfile::tempdir_in(place).expect("a folder");
    let path = folder.path().join("mbox");
    let target = Target::Mbox {
        path: path.clone(),
        quoting: Quoting::Mboxrd,
    };
    let mut header = Header::default();
    header.push(message);
    let envelope = Envelope {
        sender: header.sender(),
        received: 1_700_000_000,
        uid: "u".to_owned(),
    };
    let mut mbox = deliver::open(&target, &Context::default(), false, 16).expect("an mbox");
    for _ in 0..2 {
        mbox.begin(&envelope).expect("begun");
        for piece in message.chunks(usize::from(piece).max(1)) {
            mbox.write(piece).expect("written");
        }
        mbox.end().expect("ended");
    }
    mbox.prepare().expect("prepared");
    mbox.publish().expect("published");
    mbox.release();
    let octets = std::fs::read(&path).expect("an mbox");
    let mut texts: Vec<Vec<u8>> = Vec::new();
    for line in octets.split_inclusive(|octet| *octet == b'\n') {
        if line.starts_with(b"From ") {
            texts.push(Vec::new());
            continue;
        }
        let quotes = line.iter().take_while(|octet| **octet == b'>').count();
        let quoted = quotes > 0 && line[quotes..].starts_with(b"From ");
        texts.last_mut().expect("a From_ line").extend_from_slice(&line[usize::from(quoted)..]);
    }
    let mut right = message.to_vec();
    if !right.is_empty() && !right.ends_with(b"\n") {
        right.push(b'\n');
    }
    right.push(b'\n');
    assert_eq!(texts, [right.clone(), right]);
});
