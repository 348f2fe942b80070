//! A message over the wire, in pieces of any size, against a decoder that is too simple to be wrong.
#![no_main]

#[path = "../wire.rs"]
mod wire;

use libfuzzer_sys::fuzz_target;
use popfetch::pop3::{Incoming, Session, Window};
use popfetch::sasl::{Credentials, Method};
use popfetch::secret::Secret;
use wire::Memory;

/// RFC 1939 section 3: only CRLF ends a line, only a line `.` ends the reply; CRLF becomes LF.
fn decoded(mut octets: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    loop {
        let end = octets.windows(2).position(|two| two == b"\r\n")?;
        let line = &octets[..end];
        if line == b"." {
            return Some(text);
        }
        text.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        text.push(b'\n');
        octets = &octets[end + 2..];
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((piece, body)) = data.split_first() else {
        return;
    };
    let said = [&[*piece][..], b"+OK\r\n+OK\r\n+OK\r\n+OK\r\n", body].concat();
    let session = Session::greet(Memory::new(&said)).expect("a greeting");
    let credentials = Credentials {
        user: "user".to_owned(),
        password: Secret::new("pencil".to_owned()),
    };
    let Ok(mut transaction) = session.authenticate(Method::User, &credentials, None) else {
        // What stands behind a reply that came before its command is refused.
        return;
    };
    let window = Window { commands: 1, octets: 1 };
    let mut retrieval = transaction.retrieve(vec![(1, None)], window);
    match retrieval.next() {
        Some(Ok(Incoming::Message(1))) => {}
        _ => return,
    }
    let mut text = Vec::new();
    let whole = loop {
        match retrieval.piece() {
            Ok(Some(octets)) => text.extend_from_slice(octets),
            Ok(None) => break true,
            Err(_) => break false,
        }
    };
    match decoded(body) {
        Some(right) => assert!(whole && text == right),
        None => assert!(!whole, "a message without an end was taken for whole"),
    }
});
