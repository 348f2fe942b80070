//! A run as a command wants it: accounts, reporter, signals, and how it ends.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Error;
use signal_hook::consts::SIGPIPE;

use super::accounts::Chosen;
use super::args::Everywhere;
use super::exit::{self, Refusal};
use super::signals;
use crate::fetch::outcome::{Class, Outcome};
use crate::fetch::{Options, Run};
use crate::net::{Stop, TlsPool};
use crate::report::{Reporter, Settings, Subject, Surroundings, Task, Verbosity};

/// Does `act` with the chosen accounts; gives its exit status, `no_mail` when all is well without mail.
pub(crate) fn run(
    chosen: &Chosen,
    everywhere: &Everywhere,
    task: Task,
    options: Options,
    no_mail: Option<u8>,
    act: impl FnOnce(&Run<'_>) -> Outcome,
) -> Result<ExitCode, Refusal> {
    let unready =
        |error| Refusal::class(Class::Temporary, Error::new(error).context("cannot begin"));
    let stop = Stop::new().map_err(unready)?;
    let verbosity = everywhere.verbosity();
    let around = Surroundings::detect();
    let prompt = around.terminal && verbosity != Verbosity::Quiet;
    let reporter = Arc::new(Reporter::new(
        settings(chosen, everywhere, task, &stop),
        around,
    ));
    signals::watch(stop.clone(), Arc::clone(&reporter)).map_err(unready)?;
    let outcome = act(&Run {
        accounts: &chosen.accounts,
        configured: &chosen.configured,
        jobs: chosen.jobs,
        max_connections_per_host: chosen.max_connections_per_host,
        options: Options { prompt, ..options },
        stop: &stop,
        listener: &*reporter,
        tls: Arc::new(TlsPool::new()),
    });
    let written = reporter.finish();
    if let Some(signal) = stop.raised() {
        signals::die(signal);
    }
    written.map_err(unwritten)?;
    Ok(ExitCode::from(exit::status(outcome, no_mail)))
}

/// What cannot be written to stdout is an error of ours to tell; a reader who left is not.
pub(crate) fn unwritten(error: std::io::Error) -> Refusal {
    let why = Error::new(error).context("cannot write to standard output");
    Refusal::class(Class::Delivery, why)
}

fn settings(chosen: &Chosen, everywhere: &Everywhere, task: Task, stop: &Stop) -> Settings {
    let subject = |account: &crate::config::Account| Subject {
        name: account.name.clone(),
        max_size: account.max_size,
    };
    // Where the answer is all that is wanted, nobody listening is a reason to stop, as it is for any filter.
    let asking = matches!(task, Task::Ask | Task::Show | Task::List);
    let stop = stop.clone();
    Settings {
        task,
        verbosity: everywhere.verbosity(),
        progress: everywhere.progress.unwrap_or_default(),
        json: everywhere.json,
        accounts: chosen.accounts.iter().map(subject).collect(),
        unheard: asking
            .then(|| -> Box<dyn Fn() + Send + Sync> { Box::new(move || stop.raise(SIGPIPE)) }),
    }
}
