//! popfetch beside its peers: whole runs of the programs that are installed, taking turns, the same mail, the same
//! servers.
//!
//! `cargo bench --bench peers -- [MESSAGES] [TURNS]` (300 messages of 4 KiB and 5 turns, unless said otherwise).
//! The servers are that of the tests, with and without an added round trip, and Dovecot where it is installed and
//! this runs as root. A turn is every client once, forward and back; ratios are within a turn. The table goes to
//! standard output, its picture to `target/peers.svg`. Maildirs are made in the temporary folder: its file system
//! decides what a flush costs, and `TMPDIR=/dev/shm` leaves it out.
#![allow(clippy::print_stderr, clippy::print_stdout)] // It is here to show something.
#![allow(clippy::unwrap_used)] // A bench that cannot go on ends.

mod clients;
mod dovecot;
mod picture;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use clients::{Client, Job};
use support::maildrop::Message;
use support::server::Server;

const USER: &str = "bench";
const PASSWORD: &str = "not a secret";
const ROUND_TRIP: Duration = Duration::from_millis(40);

/// A server, and what every client took with it, turn by turn; `None` where it failed.
struct Cell {
    title: String,
    seconds: Vec<(Client, Vec<Option<f64>>)>,
}

fn main() {
    let mut numbers = std::env::args().filter_map(|word| word.parse().ok());
    let (messages, turns) = (numbers.next().unwrap_or(300), numbers.next().unwrap_or(5));
    let installed: Vec<Client> = Client::ALL
        .into_iter()
        .filter(|it| it.is_installed())
        .collect();
    let server = Server::start().user(USER, PASSWORD, (1..=messages).map(message));
    let mut cells = Vec::new();
    for round_trip in [Duration::ZERO, ROUND_TRIP] {
        server.change(|settings| settings.round_trip = round_trip);
        let title = format!(
            "server of the tests, {} ms more a round trip",
            round_trip.as_millis()
        );
        cells.push(measure(title, server.port(), messages, turns, &installed));
    }
    let texts = (1..=messages).map(|number| message(number).on_disk());
    if let Some(dovecot) = dovecot::Dovecot::start(USER, PASSWORD, texts) {
        cells.push(measure(
            "Dovecot".to_owned(),
            dovecot.port,
            messages,
            turns,
            &installed,
        ));
    }
    for cell in &cells {
        print(cell, messages);
    }
    let picture = concat!(env!("CARGO_MANIFEST_DIR"), "/target/peers.svg");
    fs::write(picture, picture::draw(&cells)).unwrap();
    println!("\ndrawn: {picture}");
}

/// About 4 KiB.
fn message(number: u32) -> Message {
    let head = format!(
        "Return-Path: <a@x.example>\nReceived: from a by b; Mon, 1 Jan 2024 00:00:00 +0000\n\
         Message-ID: <{number}@x.example>\nDate: Mon, 1 Jan 2024 00:00:00 +0000\nFrom: A <a@x.example>\n\
         To: b@x.example\nSubject: message {number}\n\n"
    );
    let line = "a line like any other line in a message, of some seventy octets or so\n";
    Message::new(format!("uid-{number}"), head + &line.repeat(54))
}

fn measure(title: String, port: u16, messages: u32, turns: u32, clients: &[Client]) -> Cell {
    let mut cell = Cell {
        title,
        seconds: clients.iter().map(|client| (*client, Vec::new())).collect(),
    };
    for turn in 0..turns {
        let mut order: Vec<&mut (Client, Vec<Option<f64>>)> = cell.seconds.iter_mut().collect();
        if turn % 2 == 1 {
            order.reverse();
        }
        for (client, seconds) in order {
            // What failed twice is not tried again.
            if seconds.iter().filter(|it| it.is_none()).count() < 2 {
                seconds.push(run(*client, port, messages));
            }
        }
    }
    cell
}

/// Fetches everything into a new Maildir; seconds.
fn run(client: Client, port: u16, messages: u32) -> Option<f64> {
    let home = tempfile::tempdir().unwrap();
    let mail = home.path().join("mail");
    for part in ["tmp", "new", "cur"] {
        fs::create_dir_all(mail.join(part)).unwrap();
    }
    // Some deliver as another user where they are run by root.
    for folder in [home.path(), &mail, &mail.join("tmp"), &mail.join("new")] {
        let open = if client.drops_root() { 0o777 } else { 0o700 };
        fs::set_permissions(folder, fs::Permissions::from_mode(open)).unwrap();
    }
    let job = Job {
        home: home.path(),
        mail: &mail,
        port,
        user: USER,
        password: PASSWORD,
    };
    let mut command = client.command(&job);
    command
        .env("HOME", home.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let begun = Instant::now();
    let output = command.stderr(Stdio::piped()).output().unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    let delivered = count(&mail.join("new"));
    if delivered == messages as usize {
        return Some(seconds);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().last().unwrap_or_default();
    eprintln!(
        "{}: {}, {delivered} of {messages} delivered: {last}",
        client.name(),
        output.status
    );
    None
}

fn count(folder: &Path) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}

fn print(cell: &Cell, messages: u32) {
    println!("\n{}, {messages} messages of 4 KiB, Maildir", cell.title);
    println!(
        "{:10} {:>9} {:>17} {:>12}",
        "", "median s", "spread s", "x popfetch"
    );
    let ours = &cell.seconds[0].1;
    for (client, seconds) in &cell.seconds {
        let name = client.name();
        let Some(middle) = median(seconds.iter().flatten().copied()) else {
            println!("{name:10} failed");
            continue;
        };
        let least = seconds.iter().flatten().copied().fold(f64::MAX, f64::min);
        let most = seconds.iter().flatten().copied().fold(0.0, f64::max);
        let within = seconds
            .iter()
            .zip(ours)
            .filter_map(|(its, ours)| Some((*its)? / (*ours)?));
        let ratio = median(within).unwrap_or(f64::NAN);
        println!("{name:10} {middle:9.3} {least:8.3}-{most:8.3} {ratio:12.2}");
    }
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        even if even % 2 == 0 => Some(f64::midpoint(values[middle - 1], values[middle])),
        _ => Some(values[middle]),
    }
}
