//! Challenges of any kind: a server that does not know the password is never believed by SCRAM.
#![no_main]

use libfuzzer_sys::fuzz_target;
use popfetch::sasl::{self, Credentials, Method};
use popfetch::secret::Secret;

fuzz_target!(|data: &[u8]| {
    let Some((&first, rest)) = data.split_first() else {
        return;
    };
    let credentials = Credentials {
        user: "us,er=".to_owned(),
        password: Secret::new("pencil".to_owned()),
    };
    let method = Method::ALL[usize::from(first) % Method::ALL.len()];
    let Ok(mut exchange) = sasl::begin(method, &credentials, None, first & 0x80 != 0) else {
        return;
    };
    let initial = exchange.initial().expect("credentials that can be sent").unwrap_or_default();
    for challenge in rest.split(|octet| *octet == 0xff) {
        // `R` stands for the client's own nonce, which no fuzzer guesses.
        let nonce = initial.windows(2).position(|two| two == b"r=").map(|at| &initial[at + 2..]);
        let challenge: Vec<u8> = challenge
            .iter()
            .flat_map(|octet| match (octet, nonce) {
                (b'R', Some(nonce)) => nonce.to_vec(),
                (octet, _) => vec![*octet],
            })
            .collect();
        // An iteration count of millions is work, not a fault.
        if challenge.windows(7).any(|seven| seven.iter().all(u8::is_ascii_digit)) {
            return;
        }
        if exchange.respond(&challenge).is_err() {
            break;
        }
    }
    if matches!(method, Method::ScramSha1 | Method::ScramSha256) {
        assert!(exchange.finish().is_err(), "a server was believed that proved nothing");
    }
});
