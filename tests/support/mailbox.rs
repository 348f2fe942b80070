//! Reads back what was delivered, strictly.

use std::fs;
use std::path::Path;

/// One message in an mbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MboxMessage {
    /// The From_ line, without its LF.
    pub from_line: String,
    /// The message, quoting taken out.
    pub text: Vec<u8>,
}

/// The messages in `new/` of a Maildir, in the order of their names.
///
/// # Panics
/// When there is no such Maildir.
pub fn maildir(path: &Path) -> Vec<Vec<u8>> {
    folder(&path.join("new"))
        .iter()
        .map(|name| fs::read(path.join("new").join(name)).unwrap())
        .collect()
}

/// The names in a folder, in order.
///
/// # Panics
/// When there is no such folder.
pub fn folder(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The messages of an mbox file with mboxrd quoting.
///
/// # Panics
/// When it is not a whole one: every message begins with a From_ line and ends with an empty line.
pub fn mbox(path: &Path) -> Vec<MboxMessage> {
    parse_mbox(&fs::read(path).unwrap())
}

/// The messages of an mbox with mboxrd quoting.
///
/// # Panics
/// When it is not a whole one.
pub fn parse_mbox(octets: &[u8]) -> Vec<MboxMessage> {
    let mut messages: Vec<MboxMessage> = Vec::new();
    let mut after_blank = true;
    for line in octets.split_inclusive(|&octet| octet == b'\n') {
        assert!(line.ends_with(b"\n"), "the mbox ends inside a line");
        if line.starts_with(b"From ") {
            assert!(after_blank, "a From_ line without an empty line before it");
            let from_line = String::from_utf8_lossy(&line[..line.len() - 1]);
            messages.push(MboxMessage {
                from_line: from_line.into_owned(),
                text: Vec::new(),
            });
        } else {
            let message = messages.last_mut().expect("the mbox begins with `From `");
            let quotes = line.iter().take_while(|&&octet| octet == b'>').count();
            let quoted = quotes > 0 && line[quotes..].starts_with(b"From ");
            message.text.extend_from_slice(&line[usize::from(quoted)..]);
        }
        after_blank = line == b"\n";
    }
    assert!(after_blank, "the mbox does not end with an empty line");
    for message in &mut messages {
        message.text.pop();
    }
    messages
}
