//! Any file as a journal: read, appended to, compacted, read back.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use popfetch::message::Print;
use popfetch::state::{Identity, Journal, Line, Memory, escape, unescape};

fuzz_target!(|data: &[u8]| {
    let escaped = escape(data);
    assert!(escaped.len() <= 255 && escaped.bytes().all(|octet| octet.is_ascii_graphic()));
    // A longer one is known by its sum alone.
    assert!(escaped.starts_with('~') || unescape(&escaped) == data);
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let folder = tempfile::tempdir_in(place).expect("a folder");
    let path = folder.path().join("journal");
    // Half of the time behind a header that is right.
    let text = match data.first() {
        Some(b'!') => [b"popfetch 1 user host\n", &data[1..]].concat(),
        _ => data.to_vec(),
    };
    std::fs::write(&path, &text).expect("written");
    let read = Memory::read(&path);
    let identity = Identity {
        user: "user".to_owned(),
        host: "host".to_owned(),
    };
    let Ok(mut journal) = Journal::open(&path, &identity) else {
        assert!(read.is_err());
        assert_eq!(std::fs::read(&path).expect("still there"), text, "a journal that is refused was changed");
        return;
    };
    let read = read.expect("what can be opened can be read");
    assert_eq!(read.len(), journal.memory().len());
    let uid = &data[..data.len().min(64)];
    let before = journal.memory().get(uid).map_or(0, |record| record.delivered);
    let lines = [Line::Delivered {
        time: 5,
        print: Print([0; 12]),
        uid,
    }];
    journal.append(&lines).expect("appended");
    journal.flush().expect("flushed");
    journal.rewrite(&mut |_, record| Some(record)).expect("rewritten");
    drop(journal);
    let again = Memory::read(&path).expect("what we wrote is read");
    let after = again.get(uid).map_or(0, |record| record.delivered);
    assert_eq!(after, before.saturating_add(1));
    assert!(again.open().len() <= read.open().len());
});
