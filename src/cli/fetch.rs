//! `popfetch [fetch]`.

use std::process::ExitCode;

use anyhow::anyhow;

use super::args::{Everywhere, Fetch, Server};
use super::exit::Refusal;
use super::{accounts, run::run};
use crate::fetch::Options;
use crate::fetch::outcome::Class;
use crate::report::Task;

/// Fetches new mail.
pub(crate) fn fetch(
    everywhere: &Everywhere,
    server: &Server,
    fetch: &Fetch,
) -> Result<ExitCode, Refusal> {
    let mut chosen = accounts::choose(everywhere, server, Some(fetch))?;
    if let Some(shard) = fetch.shard {
        chosen.accounts.retain(|account| shard.holds(&account.name));
    }
    if let Some(account) = chosen
        .accounts
        .iter()
        .find(|account| account.target.is_none())
        && !fetch.dry_run
    {
        let why = anyhow!(
            "account {}: nothing says where its mail goes: set deliver, or give --maildir, --mbox or --mda",
            account.name
        );
        return Err(Refusal::class(Class::Config, why));
    }
    if let Some(jobs) = fetch.jobs {
        chosen.jobs = jobs.into();
    }
    let task = if fetch.dry_run {
        Task::DryRun
    } else {
        Task::Fetch
    };
    let options = Options {
        all: fetch.all,
        limit: fetch.limit,
        dry_run: fetch.dry_run,
        accept_new_uids: fetch.accept_new_uids,
        ..Options::default()
    };
    run(
        &chosen,
        everywhere,
        task,
        options,
        fetch.no_mail_exit,
        |run| run.fetch(),
    )
}
