//! What the tests of the program share: a home with one account on one server.

use std::path::PathBuf;

use crate::support::mailbox;
use crate::support::maildrop::Message;
use crate::support::popfetch::{Account, Popfetch};
use crate::support::server::Server;

/// The program under test, in a new home.
pub(crate) fn popfetch() -> Popfetch {
    Popfetch::new(env!("CARGO_BIN_EXE_popfetch"))
}

/// A server with one user `alice`.
pub(crate) fn alice(messages: impl IntoIterator<Item = Message>) -> Server {
    Server::start().user("alice", "secret", messages)
}

/// Ordinary messages, numbered from 1.
pub(crate) fn numbered(count: u32) -> impl Iterator<Item = Message> {
    (1..=count).map(Message::numbered)
}

/// A home whose account `work` is alice's and goes to the Maildir `mail`.
pub(crate) fn home(server: &Server) -> (Popfetch, PathBuf) {
    home_with(server, |account| account)
}

/// The same, with other keys.
pub(crate) fn home_with(
    server: &Server,
    change: impl FnOnce(Account) -> Account,
) -> (Popfetch, PathBuf) {
    let mut popfetch = popfetch();
    let mail = popfetch.path("mail");
    let account = Account::on(server, "work", "alice", "secret").maildir(&mail);
    popfetch.account(change(account));
    (popfetch, mail)
}

/// What a Maildir holds in new/, sorted.
pub(crate) fn delivered(mail: &std::path::Path) -> Vec<Vec<u8>> {
    let mut messages = mailbox::maildir(mail);
    messages.sort();
    messages
}

/// What these messages are on disk, sorted.
pub(crate) fn expected(messages: impl IntoIterator<Item = Message>) -> Vec<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> = messages
        .into_iter()
        .map(|message| message.on_disk())
        .collect();
    messages.sort();
    messages
}
