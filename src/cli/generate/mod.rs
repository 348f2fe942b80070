//! `popfetch generate`: manual pages and shell completions, from the definitions that the program itself reads.

mod keys;
mod manual;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;

use super::args::{Cli, Generate};
use super::exit::Refusal;
use crate::fetch::outcome::Class;

/// Writes them into a folder, which is made if it is missing.
pub(crate) fn write(what: &Generate) -> Result<ExitCode, Refusal> {
    let (folder, files) = match what {
        Generate::Man { folder } => (folder, manuals()),
        Generate::Completions { folder } => (folder, completions()),
    };
    let written = put(folder, files);
    written.map_err(|why| Refusal::class(Class::Delivery, why))?;
    Ok(ExitCode::SUCCESS)
}

fn put(folder: &Path, files: Vec<(PathBuf, Vec<u8>)>) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{}: cannot make", folder.display()))?;
    for (name, content) in files {
        let path = folder.join(name);
        std::fs::write(&path, content)
            .with_context(|| format!("{}: cannot write", path.display()))?;
    }
    Ok(())
}

/// The manual pages: file name and content.
pub fn manuals() -> Vec<(PathBuf, Vec<u8>)> {
    vec![
        ("popfetch.1".into(), manual::page().into_bytes()),
        ("popfetch.toml.5".into(), keys::page().into_bytes()),
    ]
}

/// The completions: file name and content.
pub fn completions() -> Vec<(PathBuf, Vec<u8>)> {
    [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell]
        .map(|shell| {
            let name = match shell {
                Shell::Zsh => "_popfetch",
                Shell::Fish => "popfetch.fish",
                Shell::PowerShell => "_popfetch.ps1",
                _ => "popfetch.bash",
            };
            let mut content = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "popfetch", &mut content);
            (name.into(), content)
        })
        .into()
}
