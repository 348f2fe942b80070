//! A whole session against a server that says anything: status lines, CAPA, AUTH, UIDL, LIST, RETR, TOP, DELE, QUIT.
#![no_main]

#[path = "../wire.rs"]
mod wire;

use libfuzzer_sys::fuzz_target;
use popfetch::pop3::{Incoming, NotAuthenticated, Session, Transaction, Window};
use popfetch::sasl::{Credentials, Method};
use popfetch::secret::Secret;
use wire::Memory;

const METHODS: [Method; 7] = [
    Method::User,
    Method::Plain,
    Method::Login,
    Method::CramMd5,
    Method::ScramSha256,
    Method::ScramSha1,
    Method::Apop,
];

fn log_in<'a>(mut session: Session<Memory<'a>>, first: usize) -> Option<Transaction<Memory<'a>>> {
    let credentials = Credentials {
        user: "user".to_owned(),
        password: Secret::new("pencil".to_owned()),
    };
    for step in 0..METHODS.len() {
        let method = METHODS[(first + step) % METHODS.len()];
        match session.authenticate(method, &credentials, None) {
            Ok(transaction) => return Some(transaction),
            Err(NotAuthenticated::Method(again, _)) => session = *again,
            Err(NotAuthenticated::Failed(error)) => {
                let said = error.to_string();
                assert!(!said.contains("pencil"), "{said}");
                return None;
            }
        }
    }
    None
}

fn drain(mut transaction: Transaction<Memory<'_>>, ahead: bool) -> Option<()> {
    let listing = transaction.listing(ahead, true).ok()?;
    let numbers: Vec<_> = listing.iter().map(|scan| scan.number).collect();
    assert!(numbers.is_sorted() && !numbers.contains(&0));
    let window = Window {
        commands: if ahead { 200 } else { 1 },
        octets: 1 << 20,
    };
    let some: Vec<_> = numbers.iter().copied().take(64).collect();
    let wanted = listing.iter().take(64).map(|scan| (scan.number, scan.octets)).collect();
    for top in [true, false] {
        let mut retrieval = match top {
            true => transaction.headers(some.clone(), window),
            false => transaction.retrieve(Vec::clone(&wanted), window),
        };
        while let Some(incoming) = retrieval.next() {
            if let Incoming::Message(_) = incoming.ok()? {
                while retrieval.piece().ok()?.is_some() {}
            }
        }
    }
    let _ = transaction.delete_and_quit(&some, ahead);
    Some(())
}

fuzz_target!(|data: &[u8]| {
    let Some((&first, rest)) = data.split_first() else {
        return;
    };
    let Ok(mut session) = Session::greet(Memory::new(rest)) else {
        return;
    };
    if session.capa().is_err() {
        return;
    }
    let _ = session.apop_stamp();
    if let Some(transaction) = log_in(session, usize::from(first & 0x7f)) {
        drain(transaction, first & 0x80 != 0);
    }
});
