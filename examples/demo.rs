//! A first look, without an account: `cargo run --release --example demo`.
//!
//! Starts a small POP3 server on loopback with a maildrop of 200 messages, and runs the popfetch program against
//! it, over TLS, into a new Maildir below the target folder. Then once more: nothing is new. Nothing is written
//! outside the target folder.
#![allow(clippy::print_stderr, clippy::print_stdout)] // It is here to show something.

#[path = "../tests/support/mod.rs"]
mod support;

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use mailparse::MailHeaderMap;

use support::maildrop::Message;
use support::server::Server;

const USER: &str = "demo";
const PASSWORD: &str = "not a secret";
const MESSAGES: u32 = 200;
/// Octets in a second: slow enough that the progress is seen.
const RATE: u64 = 8 << 20;

fn main() -> ExitCode {
    match show_popfetch() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn show_popfetch() -> Result<()> {
    let demo = std::env::current_exe()?;
    let profile = demo.ancestors().nth(2).context("no target folder")?;
    let program = build(profile)?;
    let folder = profile.with_file_name("demo");
    new_folder(&folder)?;

    let server = Server::start().user(USER, PASSWORD, (1..=MESSAGES).map(sample));
    server.change(|settings| {
        settings.rate = Some(RATE);
        settings.round_trip = Duration::from_millis(20);
    });
    let octets: u64 = server.maildrop(USER, |maildrop| {
        maildrop.messages().iter().map(Message::octets).sum()
    });
    server.write_ca(&folder.join("ca.pem"));
    write_config(&folder, server.tls_port())?;
    println!(
        "A POP3 server runs on 127.0.0.1:{} (TLS); {MESSAGES} messages wait in its maildrop, {}.",
        server.tls_port(),
        size(octets)
    );

    let config = folder.join("config.toml");
    let maildir = folder.join("Maildir");
    println!("\n$ popfetch --config {}", config.display());
    run(&program, &folder, &config)?;
    show(&maildir.join("new"))?;

    println!("\nOnce more: what was delivered is remembered, and nothing is new.");
    println!("\n$ popfetch --config {}", config.display());
    run(&program, &folder, &config)?;
    let arrived = support::mailbox::folder(&maildir.join("new")).len();
    ensure!(
        arrived == MESSAGES as usize,
        "{arrived} messages are in {}, not {MESSAGES}",
        maildir.display()
    );

    println!(
        "\nFor an account of your own (it asks for the password, and leaves all mail on the server):\n\n  \
         {} --host pop.example.org --user me@example.org --maildir ~/Mail/new-folder",
        program.display()
    );
    Ok(())
}

/// Builds the program as this demo was built, which is quick when it is there already.
fn build(profile: &Path) -> Result<PathBuf> {
    let program = profile.join("popfetch");
    if !program.exists() {
        println!("Building popfetch ...");
    }
    let name = profile.file_name().context("no profile folder")?;
    let target = profile.parent().context("no target folder")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--quiet", "--bin", "popfetch", "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target)
        .arg("--profile")
        // The folder of the profile `dev` is called `debug`.
        .arg(if name == "debug" {
            "dev".as_ref()
        } else {
            name
        });
    let status = command.status().context("cannot run cargo")?;
    ensure!(status.success(), "cargo could not build popfetch");
    Ok(program)
}

/// An empty folder that only we may enter, in place of the last demo's.
fn new_folder(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let made = DirBuilder::new().mode(0o700).create(folder);
    made.with_context(|| folder.display().to_string())
}

/// One of the sample messages, some small, some with something large attached.
fn sample(number: u32) -> Message {
    const SENDERS: [&str; 5] = ["Ada", "Grace", "Jon", "Margaret", "Ray"];
    const SUBJECTS: [&str; 6] = [
        "Minutes of the last meeting",
        "Re: the analytical engine",
        "Photographs",
        "A question about byte-stuffing",
        "Tomorrow at noon?",
        "The report you asked for",
    ];
    let sender = SENDERS[number as usize % SENDERS.len()];
    let subject = SUBJECTS[number as usize % SUBJECTS.len()];
    let head = format!(
        "Return-Path: <{address}@example.org>\n\
         From: {sender} <{address}@example.org>\n\
         To: You <demo@example.org>\n\
         Subject: {subject} ({number})\n\
         Date: Mon, 01 Jan 2024 {:02}:{:02}:00 +0000\n\
         Message-ID: <{number}.demo@example.org>\n\
         \n\
         Hello,\n\
         .\n\
         .. and so on. The dots are here to be stuffed.\n",
        number / 60,
        number % 60,
        address = sender.to_lowercase(),
    );
    // From one line to some half a megabyte.
    let lines = 1_u64 << (number % 14);
    Message::repeated(format!("demo-{number:04}"), &head, &"x".repeat(62), lines)
}

fn write_config(folder: &Path, port: u16) -> Result<()> {
    let mut account = toml::Table::new();
    let mut set = |key: &str, value: toml::Value| account.insert(key.to_owned(), value);
    let path = |name: &str| toml::Value::from(folder.join(name).display().to_string());
    set("host", "127.0.0.1".into());
    set("port", i64::from(port).into());
    set("user", USER.into());
    set("password", PASSWORD.into());
    set("tls_ca_file", path("ca.pem"));
    set("state", path("demo.journal"));
    let deliver = toml::Table::from_iter([("maildir".to_owned(), path("Maildir"))]);
    set("deliver", deliver.into());
    let accounts = toml::Table::from_iter([("demo".to_owned(), account.into())]);
    let config = toml::Table::from_iter([("accounts".to_owned(), accounts.into())]);
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(folder.join("config.toml"))?;
    file.write_all(config.to_string().as_bytes())?;
    Ok(())
}

/// Runs popfetch as a user would, on this terminal; its other folders lie in ours.
fn run(program: &Path, folder: &Path, config: &Path) -> Result<()> {
    let status = Command::new(program)
        .arg("--config")
        .arg(config)
        .env("HOME", folder)
        .env("XDG_CONFIG_HOME", folder)
        .env("XDG_STATE_HOME", folder)
        .status()
        .with_context(|| program.display().to_string())?;
    if !status.success() {
        bail!("popfetch ended with {status}");
    }
    Ok(())
}

/// What arrived: a few of the messages.
fn show(new: &Path) -> Result<()> {
    const SHOWN: usize = 6;
    let names = support::mailbox::folder(new);
    println!("\n{} messages are in {}:", names.len(), new.display());
    for name in names.iter().take(SHOWN) {
        let message = fs::read(new.join(name))?;
        let (headers, _) = mailparse::parse_headers(&message)?;
        let subject = headers.get_first_value("Subject").unwrap_or_default();
        let octets = size(message.len() as u64);
        println!("  {octets:>9}  {subject:<40} {name}");
    }
    if names.len() > SHOWN {
        println!("  ... and {} more", names.len() - SHOWN);
    }
    Ok(())
}

/// Octets as a person reads them.
fn size(octets: u64) -> String {
    let octets = octets as f64;
    if octets < 1024.0 * 1024.0 {
        format!("{:.1} KiB", octets / 1024.0)
    } else {
        format!("{:.1} MiB", octets / 1024.0 / 1024.0)
    }
}
