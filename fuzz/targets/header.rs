//! A message's header in pieces of any size: fingerprint, envelope sender, summary, and what is shown of them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use popfetch::message::Header;
use popfetch::report::sanitise;

fuzz_target!(|data: &[u8]| {
    let Some((&piece, message)) = data.split_first() else {
        return;
    };
    let mut whole = Header::default();
    whole.push(message);
    let mut header = Header::default();
    for piece in message.chunks(usize::from(piece).max(1)) {
        if header.push(piece) {
            break;
        }
    }
    assert_eq!(header.print(), whole.print());
    let sender = header.sender();
    assert!(sender == "MAILER-DAEMON" || sender.matches('@').count() == 1, "{sender}");
    assert!(sender.len() <= 254 && !sender.starts_with(['-', '.', '/', '+']), "{sender}");
    assert!(
        sender.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"._+=~/@-".contains(&octet)),
        "{sender}"
    );
    let summary = header.summary();
    for text in [&summary.subject, &summary.from] {
        let shown = sanitise(text.as_bytes());
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
    }
    let shown = sanitise(message);
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
});
