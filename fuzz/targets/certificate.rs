//! Any octets as a certificate: what is shown of it, and what it is told apart by.
#![no_main]

use libfuzzer_sys::fuzz_target;
use popfetch::net::CertificateFacts;

fuzz_target!(|data: &[u8]| {
    if let Some(facts) = CertificateFacts::read(data) {
        let _ = format!("{facts:?}");
    }
});
