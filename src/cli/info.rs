//! `popfetch info`.

use std::process::ExitCode;

use super::args::{Everywhere, Server};
use super::exit::Refusal;
use super::{accounts, run::run};
use crate::fetch::Options;
use crate::report::Task;

/// Shows what a server is like.
pub(crate) fn info(everywhere: &Everywhere, server: &Server) -> Result<ExitCode, Refusal> {
    let chosen = accounts::choose(everywhere, server, None)?;
    run(
        &chosen,
        everywhere,
        Task::Ask,
        Options::default(),
        None,
        |run| run.info(),
    )
}
