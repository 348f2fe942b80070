//! The accounts of one configuration spread over several processes.
//!
//! With `POPFETCH_SWEEP=all` in the environment they are 200 accounts with 50 messages each.

use std::path::PathBuf;

use crate::run::{expected, numbered, popfetch};
use crate::support::mailbox;
use crate::support::popfetch::{Account, Popfetch};
use crate::support::server::Server;

/// How many accounts, and messages of each.
fn size() -> (u32, u32) {
    match std::env::var("POPFETCH_SWEEP").as_deref() {
        Ok("all") => (200, 50),
        _ => (24, 3),
    }
}

/// A home with many accounts, each with its Maildir.
fn many(server: &Server) -> (Popfetch, Vec<PathBuf>) {
    let mut popfetch = popfetch();
    let mut mails = Vec::new();
    for number in 0..size().0 {
        let name = format!("user{number}");
        let mail = popfetch.path(&name);
        popfetch.account(Account::on(server, &name, &name, "secret").maildir(&mail));
        mails.push(mail);
    }
    (popfetch, mails)
}

fn server() -> Server {
    let (accounts, messages) = size();
    (0..accounts).fold(Server::start(), |server, number| {
        server.user(&format!("user{number}"), "secret", numbered(messages))
    })
}

#[test]
fn side_by_side_they_fetch_every_message_once() {
    let server = server();
    let (popfetch, mails) = many(&server);
    let runs: Vec<_> = (0..4)
        .map(|part| popfetch.start(&["--shard", &format!("{part}/4")]))
        .collect();
    for run in runs {
        run.wait().expect_silence();
    }
    let once = expected(numbered(size().1));
    for mail in mails {
        let mut got = mailbox::maildir(&mail);
        got.sort();
        assert_eq!(got, once, "{}", mail.display());
    }
}

#[test]
fn a_part_without_accounts_has_nothing_to_do() {
    let server = server();
    let (popfetch, mails) = many(&server);
    // Of ten million parts hardly one has an account.
    popfetch.run(&["--shard", "1/10000000"]).expect_silence();
    let fetched = mails.iter().filter(|mail| mail.exists()).count();
    assert_eq!(fetched, 0);
}
