//! What command lines mean, and which are refused.
#![allow(clippy::unwrap_used)]

use std::ffi::OsString;

use clap::CommandFactory as _;

use super::args::{self, Cli, Fetch, Invocation, Request};
use crate::config::Tls;
use crate::report::{Progress, Verbosity};

fn words(line: &str) -> impl Iterator<Item = OsString> {
    std::iter::once("popfetch")
        .chain(line.split_whitespace())
        .map(OsString::from)
}

fn parsed(line: &str) -> Invocation {
    args::parse(words(line)).unwrap_or_else(|error| panic!("{line}: {error}"))
}

fn fetched(line: &str) -> (Invocation, Fetch) {
    let invocation = parsed(line);
    let Request::Fetch(fetch) = &invocation.request else {
        panic!("{line}: {invocation:?}");
    };
    let fetch = (**fetch).clone();
    (invocation, fetch)
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn fetch_is_the_default() {
    for line in ["", "fetch"] {
        let (invocation, fetch) = fetched(line);
        assert!(invocation.everywhere.accounts.is_empty());
        assert_eq!(invocation.everywhere.verbosity(), Verbosity::Normal);
        assert!(!fetch.keep && !fetch.no_keep && !fetch.all && !fetch.dry_run);
    }
    for line in [
        "-k --all --limit 5 -n -j 3 --accept-new-uids --no-mail-exit 1",
        "fetch -k --all --limit 5 -n -j 3 --accept-new-uids --no-mail-exit 1",
    ] {
        let (_, fetch) = fetched(line);
        assert!(fetch.keep && fetch.all && fetch.dry_run && fetch.accept_new_uids);
        assert_eq!(
            (fetch.limit, fetch.jobs, fetch.no_mail_exit),
            (Some(5), Some(3), Some(1))
        );
    }
    let (_, fetch) = fetched("--no-keep");
    assert!(fetch.no_keep && !fetch.keep);
}

#[test]
fn accounts_are_options_or_words() {
    for (line, accounts) in [
        ("-a work", &["work"][..]),
        ("-a work -a home", &["work", "home"]),
        ("--account=work fetch", &["work"]),
        ("fetch -a work", &["work"]),
        ("fetch work home", &["work", "home"]),
        ("check work home", &["work", "home"]),
        ("-a work check", &["work"]),
        ("check -a work home", &["work", "home"]),
        ("-a work list home", &["work", "home"]),
        ("info work", &["work"]),
        ("seen show work", &["work"]),
        ("seen mark work uid", &[]),
        ("seen mark -a work uid", &["work"]),
        ("-a work seen mark uid", &["work"]),
    ] {
        assert_eq!(parsed(line).everywhere.accounts, accounts, "{line}");
    }
}

#[test]
fn options_everywhere_stand_on_either_side() {
    for line in [
        "-c f -vv --progress always --json check",
        "check -c f -vv --progress always --json",
        "-c f -vv check --progress always --json",
        "-c f -vv --progress always --json",
        "-c f -vv --progress always --json seen show",
        "config check -c f -vv --progress always --json",
    ] {
        let everywhere = parsed(line).everywhere;
        assert_eq!(everywhere.config.as_deref(), Some("f".as_ref()), "{line}");
        assert_eq!(everywhere.verbosity(), Verbosity::Protocol, "{line}");
        assert_eq!(everywhere.progress, Some(Progress::Always), "{line}");
        assert!(everywhere.json, "{line}");
    }
    assert_eq!(parsed("-q check").everywhere.verbosity(), Verbosity::Quiet);
    assert_eq!(parsed("-v").everywhere.verbosity(), Verbosity::Verbose);
}

#[test]
fn an_account_can_be_said_in_options() {
    for line in [
        "--host h --port 110 --user u --tls stls --auth auto --password-command pass info",
        "info --host h --port 110 --user u --tls stls --auth auto --password-command pass",
        "--host h --user u info --port 110 --tls stls --auth auto --password-command pass",
    ] {
        let server = parsed(line).server;
        let overrides = server.overrides(None);
        assert_eq!(overrides.host.as_deref(), Some("h"), "{line}");
        assert_eq!(overrides.user.as_deref(), Some("u"));
        assert_eq!(overrides.port, Some(110));
        assert_eq!(overrides.tls, Some(Tls::Stls));
        assert_eq!(overrides.auth, Some(crate::sasl::Preference::Auto));
        assert_eq!(overrides.password_command.as_deref(), Some("pass"));
        assert_eq!(overrides.maildir, None);
    }
    let (invocation, fetch) = fetched("--host h --user u --maildir m --no-keep");
    let overrides = invocation.server.overrides(Some(&fetch));
    assert_eq!(overrides.maildir.as_deref(), Some("m".as_ref()));
    assert_eq!(overrides.keep, Some(false));
    assert_eq!(fetched("--mda procmail").1.mda.as_deref(), Some("procmail"));
    assert_eq!(
        fetched("fetch --mbox box").1.mbox.as_deref(),
        Some("box".as_ref())
    );
}

#[test]
fn commands() {
    let seen = |line: &str| parsed(line).request;
    assert!(matches!(
        seen("check --no-mail-exit 3"),
        Request::Check {
            no_mail_exit: Some(3)
        }
    ));
    assert!(matches!(seen("list"), Request::List));
    assert!(matches!(seen("info"), Request::Info));
    assert!(matches!(seen("seen show"), Request::SeenShow));
    assert!(
        matches!(seen("seen mark work a b --delivered"), Request::SeenMark { words, delivered: true }
            if words == ["work", "a", "b"])
    );
    assert!(
        matches!(seen("seen forget work --all"), Request::SeenForget { words, all: true }
            if words == ["work"])
    );
    assert!(matches!(
        seen("config path --state"),
        Request::ConfigPath { state: true }
    ));
    assert!(matches!(seen("-c f config check"), Request::ConfigCheck));
    assert!(matches!(seen("generate man d"), Request::Generate(_)));
}

#[test]
fn refusals_say_what_to_do() {
    for (line, text) in [
        ("work", "to fetch from account work: popfetch -a work"),
        ("-q work", "to fetch from account work: popfetch -a work"),
        (
            "chek",
            "chek is no command; did you mean check? (to fetch from account chek: popfetch -a chek)",
        ),
        ("--keep check", "--keep is an option of fetch, not of check"),
        ("-n check", "--dry-run is an option of fetch, not of check"),
        (
            "--maildir m seen show",
            "--maildir is an option of fetch, not of seen show",
        ),
        (
            "--keep fetch",
            "--keep belongs behind the command: popfetch fetch --keep",
        ),
        (
            "--no-mail-exit 1 check",
            "--no-mail-exit belongs behind the command: popfetch check --no-mail-exit",
        ),
        ("--host h config path", "--host is no option of config path"),
        (
            "-a work fetch -a home",
            "--account stands before and after fetch: let it stand on one side",
        ),
        (
            "-v check -v",
            "--verbose stands before and after check: let it stand on one side",
        ),
        (
            "--host a info --host a",
            "--host stands before and after info: let it stand on one side",
        ),
        (
            "-q check -v",
            "--quiet and --verbose cannot be used together",
        ),
        ("-q -v", "--quiet and --verbose cannot be used together"),
        ("check --keep", "unexpected argument '--keep'"),
        ("-k --no-keep", "cannot be used with '--no-keep'"),
        ("--maildir a --mbox b", "cannot be used with"),
        ("--max-size big", "invalid value 'big'"),
        ("--auth telepathy", "invalid value 'telepathy'"),
        ("--limit 0", "0 is not in 1.."),
        ("--jobs many", "invalid value 'many'"),
        ("--shard 4/4", "there is no part 4 of 4"),
        ("--shard 1", "two numbers as in 0/4"),
        ("check --shard 0/4", "unexpected argument '--shard'"),
        ("--port 0", "0 is not in 1..=65535"),
        ("--tls maybe", "possible values: implicit, stls, none"),
        (
            "--progress sometimes",
            "possible values: auto, always, never",
        ),
        ("--no-mail-exit 256", "256 is not in 0..=255"),
        ("--nonsense", "unexpected argument '--nonsense'"),
        ("seen work", "unrecognized subcommand 'work'"),
        ("config edit", "unrecognized subcommand 'edit'"),
        ("--password hunter2", "unexpected argument '--password'"),
    ] {
        let error = args::parse(words(line)).unwrap_err();
        let said = error.render().to_string();
        assert!(said.contains(text), "{line}: {said}");
        assert!(error.use_stderr(), "{line}");
    }
}

#[test]
fn help_and_version_are_no_errors() {
    for line in [
        "--help",
        "-h",
        "--version",
        "help",
        "check --help",
        "help seen mark",
    ] {
        assert!(
            !args::parse(words(line)).unwrap_err().use_stderr(),
            "{line}"
        );
    }
}

/// Every option and command is explained.
#[test]
fn nothing_is_left_unexplained() {
    fn look(command: &clap::Command) {
        assert!(command.get_about().is_some(), "{}", command.get_name());
        for arg in command.get_arguments() {
            assert!(
                arg.get_help().is_some(),
                "{} {}",
                command.get_name(),
                arg.get_id()
            );
        }
        command.get_subcommands().for_each(look);
    }
    look(&Cli::command());
}

/// `popfetch generate man man` and `popfetch generate completions completions` make them anew.
#[test]
fn manuals_and_completions_are_fresh() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let manuals = super::generate::manuals()
        .into_iter()
        .map(|file| ("man", file));
    let completions = super::generate::completions()
        .into_iter()
        .map(|file| ("completions", file));
    for (folder, (name, content)) in manuals.chain(completions) {
        let path = root.join(folder).join(name);
        let committed = std::fs::read(&path).unwrap_or_default();
        assert!(
            committed == content,
            "{} is stale: popfetch generate {folder} {folder}",
            path.display()
        );
    }
}

/// The manual names every option and every exit status.
#[test]
fn the_manual_is_complete() {
    let (_, page) = super::generate::manuals().swap_remove(0);
    let page = String::from_utf8(page).unwrap().replace('\\', "");
    let root = Cli::command();
    let commands = root
        .get_subcommands()
        .flat_map(clap::Command::get_subcommands);
    for command in commands.chain(root.get_subcommands()).chain([&root]) {
        for long in command.get_arguments().filter_map(clap::Arg::get_long) {
            assert!(page.contains(&format!("--{long}")), "{long}");
        }
    }
    for status in [0, 64, 69, 70, 74, 75, 76, 77, 78] {
        assert!(page.contains(&format!("\n.B {status}\n")), "{status}");
    }
}
