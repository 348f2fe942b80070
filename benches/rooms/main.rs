//! Benches of single rooms: the wire, the memory, the plan, delivery.
//!
//! `cargo bench --bench rooms`; a word behind `--` chooses some: `cargo bench --bench rooms -- plan`.
//! Delivery goes to the temporary folder: `TMPDIR=/dev/shm` leaves the disk out.
#![allow(clippy::unwrap_used)]

mod deliver;
mod state;
mod wire;

fn main() {
    divan::main();
}

/// A message of about 4 KiB with lines ending in LF.
fn message() -> Vec<u8> {
    let mut text = String::from(
        "Return-Path: <a@x.example>\nReceived: from a by b; Mon, 1 Jan 2024 00:00:00 +0000\n\
         Message-ID: <1@x.example>\nDate: Mon, 1 Jan 2024 00:00:00 +0000\nFrom: A <a@x.example>\n\
         To: b@x.example\nSubject: about as long as others\n\n",
    );
    while text.len() < 4096 {
        text.push_str("From here on it is a line like any other line, of some seventy octets.\n");
    }
    text.into_bytes()
}
