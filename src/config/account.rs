//! The account as meant: checked, defaults filled in, paths expanded.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::Fault;
use super::file::{Own, Written};
use super::{Paths, identity, paths};
use crate::deliver::Target;
use crate::net::{Timeouts, TlsSettings};
use crate::pop3::Pipelining;
use crate::sasl::Preference;
use crate::secret::Source;
use crate::state;

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tls {
    /// From the first octet.
    #[default]
    Implicit,
    /// STLS, required.
    Stls,
    /// Not at all.
    None,
}

impl Tls {
    /// The TCP port where none is configured (RFC 8314 section 7.1, RFC 1939 section 3).
    pub fn port(self) -> u16 {
        match self {
            Self::Implicit => 995,
            Self::Stls | Self::None => 110,
        }
    }
}

/// What happens on the server to what was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// Stays.
    #[default]
    Always,
    /// Is deleted at once.
    Never,
    /// Is deleted this long after delivery.
    For(Duration),
}

/// An account as meant: checked, defaults filled in, paths expanded.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its name; `user@host` without a configuration.
    pub name: String,
    /// Fetched when no account is named.
    pub enabled: bool,
    /// The server.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The user on it.
    pub user: String,
    /// How the connection is protected.
    pub tls: Tls,
    /// How TLS is spoken.
    pub tls_settings: TlsSettings,
    /// Time limits.
    pub timeouts: Timeouts,
    /// Login methods.
    pub auth: Preference,
    /// The password may go in clear.
    pub allow_cleartext: bool,
    /// Where the password is.
    pub secret: Source,
    /// `netrc`.
    pub netrc: Option<PathBuf>,
    /// What happens to delivered mail.
    pub keep: Keep,
    /// Where mail goes; `None` only for commands that need none.
    pub target: Option<Target>,
    /// `target` as the file has it, `%A`, `%U` and `~` not yet expanded, for another user may move it;
    /// `None` where the file has none, or the command line another.
    pub target_written: Option<Target>,
    /// Larger messages are skipped, octets.
    pub max_size: Option<u64>,
    /// Messages in one run at most.
    pub fetch_limit: Option<u64>,
    /// Commands ahead of replies.
    pub pipelining: Pipelining,
    /// The journal.
    pub journal: PathBuf,
    /// The journal's path was configured (`state`), not derived from the name.
    pub journal_named: bool,
    /// A Received line is added.
    pub received_header: bool,
}

/// A whole configuration as meant.
#[derive(Debug, Clone)]
pub struct Config {
    /// Accounts in the order of the file; at least one.
    pub accounts: Vec<Account>,
    /// Accounts at work at once.
    pub jobs: usize,
    /// Connections to one host at once.
    pub max_connections_per_host: usize,
}

impl Account {
    /// What settings mean for an account. `own`: the keys of its own table; `place`: where its table is.
    pub(super) fn mean(
        name: &str,
        written: Written,
        own: &Own,
        place: &Range<usize>,
        paths: &Paths,
    ) -> Result<Self, Fault> {
        let fault = |text: String| Fault::new(place.clone(), text);
        let name = identity::account(name).map_err(fault)?;
        let missing = |key: &str| fault(format!("account {name} has no {key}"));
        let host = written.host.ok_or_else(|| missing("host"))?;
        let user = written.user.ok_or_else(|| missing("user"))?;
        let idle = own.iter().filter(|(key, _)| key.starts_with("tls_"));
        if let (Tls::None, Some((key, span))) =
            (written.tls, idle.min_by_key(|(_, span)| span.start))
        {
            let said = format!("{key} has no use with tls = \"none\"");
            return Err(Fault::new(span.clone(), said));
        }
        let target_written = written.deliver.target();
        let mut account = Self {
            enabled: written.enabled,
            port: written.port.unwrap_or(written.tls.port()),
            tls: written.tls,
            tls_settings: written.tls_settings,
            timeouts: written.timeouts,
            auth: written.auth,
            allow_cleartext: written.allow_cleartext,
            secret: written.secret,
            netrc: written.netrc,
            keep: written.keep,
            target: None,
            target_written,
            max_size: written.max_size,
            fetch_limit: written.fetch_limit,
            pipelining: written.pipelining,
            journal_named: written.state.is_some(),
            journal: written
                .state
                .unwrap_or_else(|| paths.state.join(state::file_name(&name))),
            received_header: written.received_header,
            name,
            host,
            user,
        };
        account.find_target(paths).map_err(fault)?;
        Ok(account)
    }

    /// Expands the target as the file has it.
    pub(super) fn find_target(&mut self, paths: &Paths) -> Result<(), String> {
        if let Some(written) = self.target_written.clone() {
            // From the file, which is UTF-8.
            let fill = |path: &Path| {
                let text = paths::fill(&path.to_string_lossy(), &self.name, &self.user)?;
                paths::absolute(&text, paths.home.as_deref())
            };
            self.target = Some(expand(written, fill)?);
        }
        Ok(())
    }

    /// The same for two accounts that would remember in the same file.
    pub(super) fn memory(&self) -> PathBuf {
        // By default macOS takes names that differ in case for one.
        if cfg!(target_os = "macos") {
            self.journal.as_os_str().to_ascii_lowercase().into()
        } else {
            self.journal.clone()
        }
    }
}

/// A target with its mailbox's path as `fill` makes it.
pub(super) fn expand(
    target: Target,
    fill: impl Fn(&Path) -> Result<PathBuf, String>,
) -> Result<Target, String> {
    Ok(match target {
        Target::Maildir(path) => Target::Maildir(fill(&path)?),
        Target::Mbox { path, quoting } => Target::Mbox {
            path: fill(&path)?,
            quoting,
        },
        mda @ Target::Mda { .. } => mda,
    })
}
