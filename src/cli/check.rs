//! `popfetch check`.

use std::process::ExitCode;

use super::args::{Everywhere, Server};
use super::exit::Refusal;
use super::{accounts, run::run};
use crate::fetch::Options;
use crate::report::Task;

/// Counts what waits.
pub(crate) fn check(
    everywhere: &Everywhere,
    server: &Server,
    no_mail: Option<u8>,
) -> Result<ExitCode, Refusal> {
    let chosen = accounts::choose(everywhere, server, None)?;
    run(
        &chosen,
        everywhere,
        Task::Ask,
        Options::default(),
        no_mail,
        |run| run.check(),
    )
}
