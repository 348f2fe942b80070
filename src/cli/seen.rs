//! `popfetch seen show|mark|forget`.

use std::process::ExitCode;

use super::args::{Everywhere, Server};
use super::exit::Refusal;
use super::{accounts, run::run};
use crate::fetch::Options;
use crate::report::Task;

/// Shows the memory.
pub(crate) fn show(everywhere: &Everywhere, server: &Server) -> Result<ExitCode, Refusal> {
    let chosen = accounts::choose(everywhere, server, None)?;
    let options = Options::default();
    run(&chosen, everywhere, Task::Show, options, None, |run| {
        run.seen_show()
    })
}

/// Takes messages for seen.
pub(crate) fn mark(
    everywhere: &Everywhere,
    server: &Server,
    words: Vec<String>,
    delivered: bool,
) -> Result<ExitCode, Refusal> {
    let (everywhere, uids) = one_account(everywhere, server, words)?;
    let chosen = accounts::choose(&everywhere, server, None)?;
    let options = Options::default();
    run(&chosen, &everywhere, Task::Mark, options, None, |run| {
        run.seen_mark(&uids, delivered)
    })
}

/// Forgets messages.
pub(crate) fn forget(
    everywhere: &Everywhere,
    server: &Server,
    words: Vec<String>,
    all: bool,
) -> Result<ExitCode, Refusal> {
    let (everywhere, uids) = one_account(everywhere, server, words)?;
    if uids.is_empty() != all {
        return Err(Refusal::usage(
            "seen forget takes either unique-ids or --all: popfetch seen forget NAME UID..., or NAME --all",
        ));
    }
    let chosen = accounts::choose(&everywhere, server, None)?;
    let options = Options::default();
    run(&chosen, &everywhere, Task::Forget, options, None, |run| {
        run.seen_forget(&uids, all)
    })
}

/// The account is the first word, unless `-a` or `--host` says which; the other words are unique-ids.
fn one_account(
    everywhere: &Everywhere,
    server: &Server,
    mut words: Vec<String>,
) -> Result<(Everywhere, Vec<String>), Refusal> {
    let mut everywhere = everywhere.clone();
    if everywhere.accounts.is_empty() && server.host.is_none() {
        if words.is_empty() {
            return Err(Refusal::usage(
                "name the account: popfetch seen mark NAME [UID]..., popfetch seen forget NAME UID...",
            ));
        }
        everywhere.accounts.push(words.remove(0));
    }
    if everywhere.accounts.len() > 1 {
        return Err(Refusal::usage(
            "one account at a time: unique-ids are a server's own",
        ));
    }
    Ok((everywhere, words))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_account_is_the_first_word_or_an_option() {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        for (accounts, host, given, account, uids) in [
            (
                &[][..],
                None,
                &["work", "a", "b"][..],
                Some("work"),
                &["a", "b"][..],
            ),
            (&["work"], None, &["a"], Some("work"), &["a"]),
            (&[], Some("h"), &["a"], None, &["a"]),
            (&[], None, &["work"], Some("work"), &[]),
        ] {
            let everywhere = Everywhere {
                accounts: words(accounts),
                ..Everywhere::default()
            };
            let server = Server {
                host: host.map(str::to_owned),
                ..Server::default()
            };
            let (everywhere, left) = one_account(&everywhere, &server, words(given)).unwrap();
            assert_eq!(everywhere.accounts.first().map(String::as_str), account);
            assert_eq!(left, words(uids));
        }
        let two = Everywhere {
            accounts: words(&["a", "b"]),
            ..Everywhere::default()
        };
        for everywhere in [two, Everywhere::default()] {
            let refusal = one_account(&everywhere, &Server::default(), Vec::new()).unwrap_err();
            assert_eq!(refusal.status, 64);
        }
    }

    #[test]
    fn forgetting_all_must_be_said() {
        let everywhere = Everywhere::default();
        for (given, all) in [(&["work"][..], false), (&["work", "a"], true)] {
            let words = given.iter().map(ToString::to_string).collect();
            let refusal = forget(&everywhere, &Server::default(), words, all).unwrap_err();
            assert_eq!(refusal.status, 64);
        }
    }
}
