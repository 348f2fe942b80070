//! The accounts of one configuration spread over several processes.

use std::path::PathBuf;

use crate::run::{expected, numbered, popfetch};
use crate::support::mailbox;
use crate::support::popfetch::{Account, Popfetch};
use crate::support::server::Server;

const ACCOUNTS: u32 = 24;

/// A home with many accounts, each with its Maildir.
fn many(server: &Server) -> (Popfetch, Vec<PathBuf>) {
    let mut popfetch = popfetch();
    let mut mails = Vec::new();
    for number in 0..ACCOUNTS {
        let name = format!("user{number}");
        let mail = popfetch.path(&name);
        popfetch.account(Account::on(server, &name, &name, "secret").maildir(&mail));
        mails.push(mail);
    }
    (popfetch, mails)
}

fn server() -> Server {
    (0..ACCOUNTS).fold(Server::start(), |server, number| {
        server.user(&format!("user{number}"), "secret", numbered(3))
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
    let once = expected(numbered(3));
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
