//! Which accounts a command is about: from the configuration, from options, or from both.

use anyhow::anyhow;

use super::args::{Everywhere, Fetch, Server};
use super::exit::Refusal;
use crate::config::{self, Account, Config, Overrides, Paths};
use crate::fetch::outcome::Class;

/// The accounts of a run and what surrounds them.
#[derive(Debug)]
pub(crate) struct Chosen {
    /// Those to work on, in the order named, else in that of the file.
    pub(crate) accounts: Vec<Account>,
    /// All of the configuration.
    pub(crate) configured: Vec<Account>,
    /// Accounts at work at once.
    pub(crate) jobs: usize,
    /// Connections to one host at once.
    pub(crate) max_connections_per_host: usize,
}

/// Finds the accounts. `fetch`: its options, where it is a fetch.
pub(crate) fn choose(
    everywhere: &Everywhere,
    server: &Server,
    fetch: Option<&Fetch>,
) -> Result<Chosen, Refusal> {
    let paths = Paths::find(everywhere.config.as_deref())?;
    let config = config::load(&paths)?;
    let overrides = server.overrides(fetch);
    let names = &everywhere.accounts;
    if names.is_empty() && describes_account(&overrides) {
        let account = config::from_options(&overrides, &paths)?;
        let (configured, jobs, max_connections_per_host) = match config {
            Some(config) => (
                config.accounts,
                config.jobs,
                config.max_connections_per_host,
            ),
            None => (Vec::new(), 1, 1),
        };
        return Ok(Chosen {
            accounts: vec![account],
            configured,
            jobs,
            max_connections_per_host,
        });
    }
    let Some(config) = config else {
        return Err(none(&paths));
    };
    let mut accounts = select(&config, names, &paths)?;
    for account in &mut accounts {
        account.apply(&overrides, &paths)?;
    }
    Ok(Chosen {
        accounts,
        configured: config.accounts,
        jobs: config.jobs,
        max_connections_per_host: config.max_connections_per_host,
    })
}

/// No configuration: where it was looked for, and the two ways to begin.
pub(crate) fn none(paths: &Paths) -> Refusal {
    Refusal::class(
        Class::Config,
        anyhow!(
            "no configuration at {}: write one (man popfetch.toml), or say it all on the command line: \
             popfetch --host HOST --user USER --maildir DIR",
            paths.config.display()
        ),
    )
}

/// Whether the options say which account, or where its mail goes; `--keep` and `--max-size` alone do not.
fn describes_account(overrides: &Overrides) -> bool {
    let others = Overrides {
        keep: None,
        max_size: None,
        ..overrides.clone()
    };
    !others.is_empty()
}

fn select(config: &Config, names: &[String], paths: &Paths) -> Result<Vec<Account>, Refusal> {
    let file = paths.config.display();
    if names.is_empty() {
        let enabled = config.accounts.iter().filter(|account| account.enabled);
        let enabled: Vec<Account> = enabled.cloned().collect();
        if enabled.is_empty() {
            let why = anyhow!(
                "{file}: no account is enabled; name one by -a: {}",
                known(config)
            );
            return Err(Refusal::class(Class::Config, why));
        }
        return Ok(enabled);
    }
    let mut chosen: Vec<Account> = Vec::new();
    for name in names {
        let found = config.accounts.iter().find(|account| account.name == *name);
        let account =
            found.ok_or_else(|| Refusal::usage(unknown(config, name, &file.to_string())))?;
        if chosen.iter().all(|other| other.name != *name) {
            chosen.push(account.clone());
        }
    }
    Ok(chosen)
}

fn known(config: &Config) -> String {
    let names: Vec<&str> = config
        .accounts
        .iter()
        .map(|account| account.name.as_str())
        .collect();
    names.join(", ")
}

fn unknown(config: &Config, name: &str, file: &str) -> String {
    let likeness = |account: &&Account| strsim::jaro_winkler(&account.name, name);
    let nearest = config
        .accounts
        .iter()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
        .filter(|account| likeness(account) > 0.7);
    let guess = nearest.map_or(String::new(), |account| {
        format!("; did you mean {}?", account.name)
    });
    format!(
        "no account {name} in {file}{guess} (accounts: {})",
        known(config)
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const FILE: &str = "
        [accounts.work]
        host = 'pop.example.org'
        user = 'me'
        [accounts.home]
        host = 'pop.example.net'
        user = 'me'
        [accounts.old]
        host = 'pop.example.com'
        user = 'me'
        enabled = false
    ";

    fn paths() -> Paths {
        Paths {
            config: "/c/config.toml".into(),
            named: true,
            state: "/s".into(),
            home: Some("/home/me".into()),
        }
    }

    fn selected(file: &str, names: &[&str]) -> Result<Vec<String>, Refusal> {
        let config = config::parse(file, &paths()).unwrap();
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let accounts = select(&config, &names, &paths())?;
        Ok(accounts.into_iter().map(|account| account.name).collect())
    }

    #[test]
    fn enabled_ones_or_those_named() {
        assert_eq!(selected(FILE, &[]).unwrap(), ["work", "home"]);
        assert_eq!(selected(FILE, &["old"]).unwrap(), ["old"]);
        assert_eq!(
            selected(FILE, &["home", "work", "home"]).unwrap(),
            ["home", "work"]
        );
    }

    #[test]
    fn what_cannot_be_chosen() {
        let disabled = FILE.replace("user = 'me'\n", "user = 'me'\nenabled = false\n");
        let disabled = disabled.replace(
            "enabled = false\n        enabled = false",
            "enabled = false",
        );
        for (file, names, status, text) in [
            (
                FILE,
                &["wrk"][..],
                64,
                "no account wrk in /c/config.toml; did you mean work? (accounts: work, home, old)",
            ),
            (
                FILE,
                &["work", "xyzzy"],
                64,
                "no account xyzzy in /c/config.toml (accounts: work, home, old)",
            ),
            (
                &disabled,
                &[],
                78,
                "/c/config.toml: no account is enabled; name one by -a: work, home, old",
            ),
        ] {
            let refusal = selected(file, names).unwrap_err();
            assert_eq!(
                (refusal.status, format!("{:#}", refusal.why)),
                (status, text.to_owned())
            );
        }
    }

    #[test]
    fn keep_and_size_describe_no_account() {
        let keep = Overrides {
            keep: Some(true),
            max_size: Some(1),
            ..Overrides::default()
        };
        assert!(!describes_account(&keep));
        let host = Overrides {
            host: Some("h".into()),
            ..keep
        };
        assert!(describes_account(&host));
    }

    #[test]
    fn without_a_configuration_there_are_two_ways() {
        let refusal = none(&paths());
        assert_eq!(refusal.status, 78);
        assert_eq!(
            refusal.why.to_string(),
            "no configuration at /c/config.toml: write one (man popfetch.toml), or say it all on the command line: \
             popfetch --host HOST --user USER --maildir DIR"
        );
    }
}
