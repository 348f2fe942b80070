//! `popfetch config path|check`.

use std::os::unix::ffi::OsStrExt as _;
use std::process::ExitCode;

use serde_json::json;

use super::accounts;
use super::args::Everywhere;
use super::exit::Refusal;
use super::run::unwritten;
use crate::config::{self, Paths};
use crate::report::{Console, sanitise};

/// Prints where the configuration is looked for; `state`: where the journals are.
pub(crate) fn path(everywhere: &Everywhere, state: bool) -> Result<ExitCode, Refusal> {
    let paths = Paths::find(everywhere.config.as_deref())?;
    let shown = |path: &std::path::Path| sanitise(path.as_os_str().as_bytes());
    let text = if everywhere.json {
        json!({ "config": shown(&paths.config), "state": shown(&paths.state) }).to_string()
    } else if state {
        shown(&paths.state)
    } else {
        shown(&paths.config)
    };
    answer(&text)
}

/// Reads the configuration and says that all is well, or what is not.
pub(crate) fn check(everywhere: &Everywhere) -> Result<ExitCode, Refusal> {
    let paths = Paths::find(everywhere.config.as_deref())?;
    let config = config::load(&paths)?.ok_or_else(|| accounts::none(&paths))?;
    let file = sanitise(paths.config.as_os_str().as_bytes());
    let names: Vec<String> = config
        .accounts
        .iter()
        .map(|account| sanitise(account.name.as_bytes()))
        .collect();
    let text = if everywhere.json {
        json!({ "config": file, "accounts": names }).to_string()
    } else {
        let plural = if names.len() == 1 { "" } else { "s" };
        format!("{file}: {} account{plural}, all well", names.len())
    };
    answer(&text)
}

fn answer(text: &str) -> Result<ExitCode, Refusal> {
    let console = Console::stdio();
    console.out(text);
    console.finish().map_err(unwritten)?;
    Ok(ExitCode::SUCCESS)
}
