//! popfetch beside its peers and beside a floor: whole runs, taking turns, the same mail, the same server.
//!
//! `cargo bench --bench peers -- [MESSAGES] [TURNS]`: the programs that are installed (300 messages of 4 KiB and 5
//! turns, unless said otherwise). The servers are that of the tests, at once and behind a delay line, and Dovecot where
//! it is installed and this runs as root. The table goes to standard output, its picture to `target/peers.svg`.
//!
//! `cargo bench --bench peers -- WORK [TURNS]`: one work (`works.rs` lists them; `start` is `--version` beside a program
//! that does nothing), by popfetch, the floors of `floor.rs` and mpop, against a server that answers out of memory.
//!
//! A turn is every client once, forward and back; ratios are within a turn, of wall time and of processor time. Each run
//! begins with nothing, and counts only if all messages have come. Mail is delivered in the temporary folder: its
//! file system decides what a flush costs, and `TMPDIR=/dev/shm` leaves it out.
#![allow(clippy::print_stderr, clippy::print_stdout)] // It is here to show something.
#![allow(clippy::unwrap_used)] // A bench that cannot go on ends.

mod bed;
mod clients;
mod corpus;
mod delay;
mod dovecot;
mod floor;
mod launch;
mod picture;
mod server;
#[path = "../../tests/support/mod.rs"]
mod support;
mod table;
mod works;

use std::collections::HashMap;
use std::fs;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bed::Bed;
use clients::{Client, PASSWORD};
use corpus::Wire;
use support::maildrop::Message;
use table::Cell;
use works::{WORKS, Work};

const ROUND_TRIP: Duration = Duration::from_millis(40);

fn main() -> ExitCode {
    // cargo adds a flag of its own.
    let mut words = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .peekable();
    let first = words.next_if(|word| word.parse::<usize>().is_err());
    if first.as_deref() == Some(launch::WORD) {
        return launch::main(words);
    }
    if first.as_deref() == Some(floor::WORD) {
        floor::main(words);
        return ExitCode::SUCCESS;
    }
    let numbers: Vec<usize> = words.filter_map(|word| word.parse().ok()).collect();
    let number = |at: usize, default| numbers.get(at).copied().unwrap_or(default);
    let Some(word) = first else {
        peers(number(0, 300), number(1, 5));
        return ExitCode::SUCCESS;
    };
    if word == "start" {
        start(number(0, 200));
        return ExitCode::SUCCESS;
    }
    let Some((_, works)) = WORKS.iter().find(|(name, _)| *name == word) else {
        let names: Vec<&str> = WORKS.iter().map(|(name, _)| *name).collect();
        eprintln!(
            "no such work: {word} (there are {}, start)",
            names.join(", ")
        );
        return ExitCode::FAILURE;
    };
    let mut wires = HashMap::new();
    for work in *works {
        let wire = wires.entry(work.corpus);
        let wire = wire.or_insert_with(|| Arc::new(Wire::new(work.corpus)));
        measure(work, wire, number(0, 5)).print();
    }
    ExitCode::SUCCESS
}

fn installed(clients: &[Client]) -> Vec<Client> {
    let mut clients = clients.to_vec();
    clients.retain(|client| client.is_installed());
    clients
}

/// A work, against the server in memory.
fn measure(work: &Work, wire: &Arc<Wire>, turns: usize) -> Cell {
    let server = server::Server::start(wire, work.tls);
    let port = match work.round_trip {
        0 => server.port,
        milliseconds => delay::line(server.port, Duration::from_millis(milliseconds)),
    };
    let mut bed = Bed::new(port, work.accounts * wire.count);
    bed.destination = work.destination;
    bed.users = (1..=work.accounts)
        .map(|number| format!("bench{number}"))
        .collect();
    bed.keep = work.keep;
    bed.octets = work.accounts as u64 * wire.octets;
    if work.tls {
        let ca = bed.path("ca.pem");
        server::Server::write_ca(&ca);
        bed.ca = Some(ca);
    }
    let clients = installed(work.clients);
    let mut against = clients.clone();
    against.retain(|client| client.is_floor() || *client == Client::Mpop);
    Cell::measure(work.title(), turns, &clients, &against, |client| {
        let retrieved = || Some(server.take_retrieved());
        if work.poll {
            bed.poll(client, retrieved)
        } else {
            bed.fetch(client, retrieved)
        }
    })
}

/// The clients that are installed, with the servers that are.
fn peers(messages: usize, turns: usize) {
    let clients = installed(&[
        Client::Popfetch,
        Client::Mpop,
        Client::Fdm,
        Client::Fetchmail,
        Client::Getmail,
    ]);
    let fetch = |title: &str, port: u16| {
        let title = format!("{title}, {messages} messages of 4 KiB, Maildir");
        let mut bed = Bed::new(port, messages);
        Cell::measure(title, turns, &clients, &[Client::Popfetch], |client| {
            bed.fetch(client, || None)
        })
    };
    let texts = (1..=messages).map(|number| corpus::text(number, 4 << 10));
    let mail = texts.clone().enumerate();
    let mail = mail.map(|(number, text)| Message::new(corpus::unique_id(number), text));
    let server = support::server::Server::start().user("bench", PASSWORD, mail);
    let far = delay::line(server.port(), ROUND_TRIP);
    let mut cells = vec![
        fetch("server of the tests", server.port()),
        fetch("the same, 40 ms more a round trip", far),
    ];
    let texts = texts.map(String::into_bytes);
    if let Some(dovecot) = dovecot::Dovecot::start("bench", PASSWORD, texts) {
        cells.push(fetch("Dovecot", dovecot.port));
    }
    cells.iter().for_each(Cell::print);
    let picture = concat!(env!("CARGO_MANIFEST_DIR"), "/target/peers.svg");
    fs::write(picture, picture::draw(&cells)).unwrap();
    println!("\ndrawn: {picture}");
}

/// `--version`, beside a program that does nothing.
fn start(turns: usize) {
    let commands = [
        (
            "popfetch",
            vec![
                env!("CARGO_BIN_EXE_popfetch").to_owned(),
                "--version".to_owned(),
            ],
        ),
        ("true", vec!["true".to_owned()]),
    ];
    let mut costs: Vec<_> = commands
        .iter()
        .map(|(name, _)| (*name, Vec::new()))
        .collect();
    for _ in 0..turns {
        for ((_, words), (_, costs)) in commands.iter().zip(&mut costs) {
            costs.push(Some(launch::run(words, &[]).cost));
        }
    }
    let octets = fs::metadata(env!("CARGO_BIN_EXE_popfetch")).unwrap().len();
    let title = format!("--version, a binary of {:.1} MB", octets as f64 / 1e6);
    let against = vec!["true"];
    Cell {
        title,
        costs,
        against,
    }
    .print();
}
