//! The command line: clap definitions, one file per command, signals, exit codes.
//!
//! Not for: doing the work. May import: every room.

mod accounts;
pub mod args;
mod check;
mod config;
mod exit;
mod fetch;
pub mod generate;
mod info;
mod list;
mod run;
mod seen;
mod signals;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use crate::fetch::outcome::Class;
use crate::report::{Console, sanitise};
use args::{Invocation, Request};
use exit::Refusal;

/// Runs the program: argv in, exit status out.
pub fn main() -> ExitCode {
    exit::on_panic();
    catch_unwind(AssertUnwindSafe(|| begin(std::env::args_os())))
        .unwrap_or_else(|_| ExitCode::from(Class::Bug.code()))
}

fn begin(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let console = Console::stdio();
    match args::parse(words) {
        Ok(invocation) => {
            let everywhere = invocation.everywhere.clone();
            dispatch(invocation).unwrap_or_else(|refusal| refusal.tell(&console, &everywhere))
        }
        Err(error) => explain(&error, &console),
    }
}

fn dispatch(invocation: Invocation) -> Result<ExitCode, Refusal> {
    let Invocation {
        everywhere,
        server,
        request,
    } = &invocation;
    match request {
        Request::Fetch(options) => fetch::fetch(everywhere, server, options),
        Request::Check { no_mail_exit } => check::check(everywhere, server, *no_mail_exit),
        Request::List => list::list(everywhere, server),
        Request::Info => info::info(everywhere, server),
        Request::SeenShow => seen::show(everywhere, server),
        Request::SeenMark { words, delivered } => {
            seen::mark(everywhere, server, words.clone(), *delivered)
        }
        Request::SeenForget { words, all } => seen::forget(everywhere, server, words.clone(), *all),
        Request::ConfigPath { state } => config::path(everywhere, *state),
        Request::ConfigCheck => config::check(everywhere),
        Request::Generate(what) => generate::write(what),
    }
}

/// Prints help or version, or what is wrong with the command line.
fn explain(error: &clap::Error, console: &Console) -> ExitCode {
    if !error.use_stderr() {
        // Nobody reading it is not worth a word.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let text = error.render().to_string();
    let text = match text.strip_prefix("error: ") {
        Some(problem) => format!("popfetch: {problem}"),
        None => text,
    };
    let lines: Vec<String> = text
        .trim_end()
        .lines()
        .map(|line| sanitise(line.as_bytes()))
        .collect();
    console.err(&lines.join("\n"));
    ExitCode::from(exit::USAGE)
}
