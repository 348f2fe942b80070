//! What the tests of the program against real servers share: homes, and what a server itself says of a maildrop.

use std::path::PathBuf;

use crate::place::Place;
use crate::support::client::Client;
use crate::support::maildrop::{lf, unstuff};
use crate::support::popfetch::{Account, Popfetch};

/// The program under test, in a new home.
pub(crate) fn popfetch() -> Popfetch {
    Popfetch::new(env!("CARGO_BIN_EXE_popfetch"))
}

/// A home with an account of this user, named `work`, that goes to the Maildir `mail`.
pub(crate) fn home(place: &Place, user: &str) -> (Popfetch, PathBuf) {
    home_with(place, user, |account| account)
}

/// The same, with other keys.
pub(crate) fn home_with(
    place: &Place,
    user: &str,
    change: impl FnOnce(Account) -> Account,
) -> (Popfetch, PathBuf) {
    home_of(change(place.account("work", user)))
}

/// A home with this account, which goes to the Maildir `mail`.
pub(crate) fn home_of(account: Account) -> (Popfetch, PathBuf) {
    let mut popfetch = popfetch();
    let mail = popfetch.path("mail");
    popfetch.account(account.maildir(&mail));
    (popfetch, mail)
}

/// A session of the raw client, logged in, by implicit TLS where there is any.
pub(crate) fn session(place: &Place, user: &str) -> Client {
    let user = place.user(user);
    let (mut client, _) = Client::greeted(
        place.tls_port.unwrap_or(place.port),
        place.tls_port.is_some(),
    );
    let status = client.login(user.name, user.password);
    assert!(status.starts_with("+OK"), "{}: {status}", user.name);
    client
}

/// Every message as the server sends it, in order, with LF line ends.
pub(crate) fn sent(place: &Place, user: &str) -> Vec<Vec<u8>> {
    let mut client = session(place, user);
    let count = client.ask_lines("UIDL").len();
    let messages = (1..=count)
        .map(|number| lf(&unstuff(&client.ask_text(&format!("RETR {number}")))))
        .collect();
    // Without QUIT nothing is deleted anywhere.
    drop(client);
    messages
}

/// How many messages are in the maildrop.
pub(crate) fn left(place: &Place, user: &str) -> usize {
    let mut client = session(place, user);
    let count = client.ask_lines("UIDL").len();
    assert!(client.ask("QUIT").starts_with("+OK"));
    count
}

/// Sorted: a Maildir has no order.
pub(crate) fn sorted(mut messages: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    messages.sort();
    messages
}

/// The same messages in the same order; else says which differs, and not all of both.
#[track_caller]
pub(crate) fn expect_same(what: &str, found: &[Vec<u8>], expected: &[Vec<u8>]) {
    assert_eq!(found.len(), expected.len(), "{what}: how many messages");
    for (number, (found, expected)) in (1..).zip(found.iter().zip(expected)) {
        let show = |text: &[u8]| String::from_utf8_lossy(&text[..text.len().min(500)]).into_owned();
        assert!(
            found == expected,
            "{what}, message {number}: {:?} ({} octets) and not {:?} ({})",
            show(found),
            found.len(),
            show(expected),
            expected.len()
        );
    }
}
