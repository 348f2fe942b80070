//! What the command line says, over the file or in place of it.

use std::path::{Path, PathBuf};

use super::account::expand;
use super::file::{Deliver, Own, Written};
use super::{Account, Error, Keep, Paths, Tls, identity, paths};
use crate::command::Command;
use crate::deliver::{Quoting, Target};
use crate::sasl::Preference;
use crate::secret::Source;

/// What the command line says in place of, or over, the file.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--host`.
    pub host: Option<String>,
    /// `--port`.
    pub port: Option<u16>,
    /// `--user`.
    pub user: Option<String>,
    /// `--tls`.
    pub tls: Option<Tls>,
    /// `--auth`.
    pub auth: Option<Preference>,
    /// `--password-command` (a shell line).
    pub password_command: Option<String>,
    /// `--maildir`.
    pub maildir: Option<PathBuf>,
    /// `--mbox`.
    pub mbox: Option<PathBuf>,
    /// `--mda` (a shell line).
    pub mda: Option<String>,
    /// `--keep` (true) or `--no-keep` (false).
    pub keep: Option<bool>,
    /// `--max-size`, octets.
    pub max_size: Option<u64>,
}

impl Overrides {
    /// Nothing was said.
    pub fn is_empty(&self) -> bool {
        // Taken apart, so that no field can be forgotten here.
        let Self {
            host,
            port,
            user,
            tls,
            auth,
            password_command,
            maildir,
            mbox,
            mda,
            keep,
            max_size,
        } = self;
        host.is_none()
            && port.is_none()
            && user.is_none()
            && tls.is_none()
            && auth.is_none()
            && password_command.is_none()
            && maildir.is_none()
            && mbox.is_none()
            && mda.is_none()
            && keep.is_none()
            && max_size.is_none()
    }

    /// Where mail goes; paths as typed.
    fn target(&self) -> Result<Option<Target>, Error> {
        let mut targets = Vec::new();
        if let Some(path) = &self.maildir {
            targets.push(Target::Maildir(path.clone()));
        }
        if let Some(path) = &self.mbox {
            targets.push(Target::Mbox {
                path: path.clone(),
                quoting: Quoting::default(),
            });
        }
        if let Some(line) = &self.mda {
            let written = Deliver {
                mda: Some(shell("--mda", line)?),
                ..Deliver::default()
            };
            targets.extend(written.target());
        }
        if targets.len() > 1 {
            let said = "only one of --maildir, --mbox and --mda can be given";
            return Err(Error(said.to_owned()));
        }
        Ok(targets.pop())
    }
}

fn about(option: &str) -> impl Fn(String) -> Error {
    move |why| Error(format!("{option}: {why}"))
}

fn shell(option: &str, line: &str) -> Result<Command, Error> {
    Command::shell(line.to_owned()).map_err(|why| about(option)(why.to_string()))
}

/// A mailbox's path as typed: it counts from where popfetch is started. `~` may come through unexpanded, as
/// from `--maildir=~/Mail`.
fn typed(path: &Path, account: &Account, paths: &Paths) -> Result<PathBuf, String> {
    let filled = match path.to_str() {
        Some(text) => PathBuf::from(paths::fill(text, &account.name, &account.user)?),
        // Without placeholders then: nobody types these by hand.
        None => path.to_owned(),
    };
    match (filled.strip_prefix("~"), &paths.home) {
        (Ok(rest), Some(home)) => Ok(home.join(rest)),
        _ => std::path::absolute(filled).map_err(|why| why.to_string()),
    }
}

/// The account that the command line alone describes.
///
/// Its target is `None` when none is given: whoever needs one has to ask for it.
///
/// # Errors
/// What is missing or does not fit together.
pub fn from_options(overrides: &Overrides, paths: &Paths) -> Result<Account, Error> {
    let (Some(host), Some(user)) = (&overrides.host, &overrides.user) else {
        let said = "without a configuration --host and --user are needed";
        return Err(Error(said.to_owned()));
    };
    let host = identity::host(host).map_err(about("--host"))?;
    let user = identity::user(user).map_err(about("--user"))?;
    let name = format!("{user}@{host}");
    let written = Written {
        host: Some(host),
        user: Some(user),
        ..Written::default()
    };
    let mut account = Account::mean(&name, written, &Own::new(), &(0..0), paths)
        .map_err(|fault| about("--user")(fault.text))?;
    account.apply(overrides, paths)?;
    Ok(account)
}

impl Account {
    /// What the command line says over the file.
    ///
    /// # Errors
    /// What does not fit together.
    pub fn apply(&mut self, overrides: &Overrides, paths: &Paths) -> Result<(), Error> {
        if let Some(host) = &overrides.host {
            self.host = identity::host(host).map_err(about("--host"))?;
        }
        if let Some(user) = &overrides.user {
            self.user = identity::user(user).map_err(about("--user"))?;
        }
        if let Some(tls) = overrides.tls {
            // A port that went with the old way goes with it.
            if self.port == self.tls.port() {
                self.port = tls.port();
            }
            self.tls = tls;
        }
        match overrides.port {
            Some(0) => return Err(Error("--port: there is no port 0".to_owned())),
            Some(port) => self.port = port,
            None => {}
        }
        if let Some(auth) = &overrides.auth {
            self.auth = auth.clone();
        }
        if let Some(line) = &overrides.password_command {
            self.secret = Source::Command(shell("--password-command", line)?);
        }
        match overrides.target()? {
            Some(target) => {
                let option = match target {
                    Target::Mbox { .. } => "--mbox",
                    _ => "--maildir",
                };
                let target = expand(target, |path| typed(path, self, paths));
                self.target = Some(target.map_err(about(option))?);
                self.target_written = None;
            }
            // Another user may mean another mailbox.
            None => self.find_target(paths).map_err(about("--user"))?,
        }
        match overrides.keep {
            Some(true) => self.keep = Keep::Always,
            Some(false) => self.keep = Keep::Never,
            None => {}
        }
        if overrides.max_size.is_some() {
            self.max_size = overrides.max_size;
        }
        Ok(())
    }
}
