//! `popfetch list`.

use std::process::ExitCode;

use super::args::{Everywhere, Server};
use super::exit::Refusal;
use super::{accounts, run::run};
use crate::fetch::Options;
use crate::report::Task;

/// Lists what is on the server.
pub(crate) fn list(everywhere: &Everywhere, server: &Server) -> Result<ExitCode, Refusal> {
    let chosen = accounts::choose(everywhere, server, None)?;
    run(
        &chosen,
        everywhere,
        Task::List,
        Options::default(),
        None,
        |run| run.list(),
    )
}
