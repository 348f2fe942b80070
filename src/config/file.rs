//! The file as written: read, trusted or not, and taken apart by the catalogue of keys.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use zeroize::Zeroizing;

use super::error::Fault;
use super::keys::{Table, keys};
use super::unknown::unknown;
use super::value::Value;
use super::{Account, Config, Error, Keep, Paths, Tls};
use crate::command::Command;
use crate::deliver::{Quoting, Target};
use crate::disk;
use crate::net::{Timeouts, TlsSettings};
use crate::pop3::Pipelining;
use crate::sasl::Preference;
use crate::secret::Source;

/// Octets a configuration may have: thousands of accounts, and no endless device.
const LARGEST: u64 = 16 << 20;

/// A table of settings as written, over what holds without it. An account begins as a copy of `[defaults]`.
#[derive(Clone)]
pub(super) struct Written {
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) user: Option<String>,
    pub(super) tls: Tls,
    pub(super) tls_settings: TlsSettings,
    pub(super) timeouts: Timeouts,
    pub(super) auth: Preference,
    pub(super) allow_cleartext: bool,
    pub(super) secret: Source,
    pub(super) netrc: Option<PathBuf>,
    pub(super) enabled: bool,
    pub(super) keep: Keep,
    pub(super) deliver: Deliver,
    pub(super) max_size: Option<u64>,
    pub(super) fetch_limit: Option<u64>,
    pub(super) pipelining: Pipelining,
    pub(super) state: Option<PathBuf>,
    pub(super) received_header: bool,
    pub(super) jobs: usize,
    pub(super) max_connections_per_host: usize,
}

impl Default for Written {
    fn default() -> Self {
        Self {
            host: None,
            port: None,
            user: None,
            tls: Tls::default(),
            tls_settings: TlsSettings::default(),
            timeouts: Timeouts {
                connect: Duration::from_secs(30),
                reply: Duration::from_secs(60),
            },
            auth: Preference::default(),
            allow_cleartext: false,
            secret: Source::default(),
            netrc: None,
            enabled: true,
            keep: Keep::default(),
            deliver: Deliver::default(),
            max_size: None,
            fetch_limit: None,
            pipelining: Pipelining::default(),
            state: None,
            received_header: false,
            jobs: 8,
            max_connections_per_host: 4,
        }
    }
}

/// The `deliver` table as written: at most one of `maildir`, `mbox` and `mda` once it is read.
#[derive(Clone)]
pub(super) struct Deliver {
    pub(super) maildir: Option<String>,
    pub(super) mbox: Option<String>,
    pub(super) quoting: Quoting,
    pub(super) mda: Option<Command>,
    pub(super) timeout: Duration,
    pub(super) drop: Vec<i32>,
}

impl Default for Deliver {
    fn default() -> Self {
        Self {
            maildir: None,
            mbox: None,
            quoting: Quoting::default(),
            mda: None,
            timeout: Duration::from_secs(5 * 60),
            drop: Vec::new(),
        }
    }
}

impl Deliver {
    /// The target; `%A`, `%U` and `~` in its path stand as written.
    pub(super) fn target(self) -> Option<Target> {
        let maildir = self.maildir.map(|path| Target::Maildir(path.into()));
        let mbox = self.mbox.map(|path| Target::Mbox {
            path: path.into(),
            quoting: self.quoting,
        });
        let mda = self.mda.map(|command| Target::Mda {
            command,
            timeout: self.timeout,
            drop: self.drop,
        });
        maildir.or(mbox).or(mda)
    }
}

/// The keys that stand in a table itself, and where.
pub(super) type Own = HashMap<&'static str, Range<usize>>;

impl Written {
    /// Reads a table's keys over what is there.
    fn read(
        &mut self,
        table: &DeTable<'_>,
        place: Table,
        home: Option<&Path>,
    ) -> Result<Own, Fault> {
        let mut own = Own::new();
        for (name, value) in in_order(table) {
            let value = Value::new(value, home);
            let known = keys()
                .iter()
                .find(|key| key.name == name.get_ref() && key.stands_in(place))
                .ok_or_else(|| {
                    let said = unknown(name.get_ref(), Some(place), value.is_table());
                    Fault::new(name.span(), said)
                })?;
            (known.read)(self, value).map_err(|fault| fault.about(known.name))?;
            own.insert(known.name, name.span());
        }
        exclude(&own, &["password", "password_command", "password_file"])?;
        exclude(&own, &["tls_ca_file", "tls_fingerprint"])?;
        exclude(&own, &["maildir", "mbox", "mda"])?;
        Ok(own)
    }

    /// Reads the `deliver` table in place of the one there was.
    pub(super) fn read_deliver(&mut self, value: Value<'_>) -> Result<(), Fault> {
        let table = value.table("a table such as { maildir = \"~/Mail/work\" }")?;
        self.deliver = Deliver::default();
        let own = self.read(table, Table::Deliver, value.home())?;
        for (key, owner) in [("quoting", "mbox"), ("timeout", "mda"), ("drop", "mda")] {
            if let Some(span) = own.get(key).filter(|_| !own.contains_key(owner)) {
                let said = format!("{key} goes only with {owner}");
                return Err(Fault::new(span.clone(), said));
            }
        }
        if self.deliver.clone().target().is_none() {
            return Err(value.fault("expected one of maildir, mbox and mda"));
        }
        Ok(())
    }
}

/// Refuses two keys of which only one can hold.
fn exclude(own: &Own, keys: &[&str]) -> Result<(), Fault> {
    let mut found: Vec<_> = own.iter().filter(|(key, _)| keys.contains(key)).collect();
    found.sort_by_key(|(_, span)| span.start);
    match found[..] {
        [(first, _), (second, span), ..] => {
            let said = format!("{second} cannot stand beside {first}: choose one");
            Err(Fault::new(span.clone(), said))
        }
        _ => Ok(()),
    }
}

type Entry<'a> = (
    &'a Spanned<std::borrow::Cow<'a, str>>,
    &'a Spanned<DeValue<'a>>,
);

/// The entries of a table as they follow in the file, so that the first mistake is the first reported.
fn in_order<'a>(table: &'a DeTable<'a>) -> Vec<Entry<'a>> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}

/// Reads the file and says what it means.
///
/// # Errors
/// Everything that is wrong with it, the first one; a file that holds a secret and can be read by others, or
/// is owned by neither us nor root, or can be written by everybody. `Ok(None)`: there is no such file, and
/// nobody named it.
pub fn load(paths: &Paths) -> Result<Option<Config>, Error> {
    let path = paths.config.display();
    let unreadable = |why: io::Error| Error(format!("{path}: cannot read: {why}"));
    let mut file = match File::open(&paths.config) {
        Err(why) if why.kind() == io::ErrorKind::NotFound && !paths.named => return Ok(None),
        opened => opened.map_err(unreadable)?,
    };
    disk::check_owner(&file).map_err(|why| Error(format!("{path}: refused: {why}")))?;
    // Who can write it can have commands run in our name.
    let facts = file.metadata().map_err(unreadable)?;
    if facts.is_file() && facts.mode() & 0o002 != 0 {
        let said = format!("{path}: refused: everybody can write it (chmod go-w {path})");
        return Err(Error(said));
    }
    // Room for all of it at once: a buffer that grows leaves copies that nobody wipes.
    let room = usize::try_from(facts.len()).unwrap_or(0).saturating_add(1);
    let mut octets = Zeroizing::new(Vec::with_capacity(room));
    Read::by_ref(&mut file)
        .take(LARGEST + 1)
        .read_to_end(&mut octets)
        .map_err(unreadable)?;
    if octets.len() as u64 > LARGEST {
        let said = format!("{path}: larger than {} MiB", LARGEST >> 20);
        return Err(Error(said));
    }
    let source = std::str::from_utf8(&octets).map_err(|why| {
        let (valid, _) = octets.split_at(why.valid_up_to());
        let before = String::from_utf8_lossy(valid);
        let end = before.len();
        Fault::new(end..end, "this is not UTF-8 text").at(&paths.config, &before)
    })?;
    understand(source, paths, || {
        disk::check_private(&file, &paths.config)
            .map_err(|why| Error(format!("{path}: it holds a password, but {why}")))
    })
    .map(Some)
}

/// Says what the text of a configuration means; `paths.config` only names it in errors.
///
/// # Errors
/// What is wrong with it, the first one.
pub fn parse(source: &str, paths: &Paths) -> Result<Config, Error> {
    understand(source, paths, || Ok(()))
}

/// `trust` is asked before a source that holds a password is looked at any further.
fn understand(
    source: &str,
    paths: &Paths,
    trust: impl FnOnce() -> Result<(), Error>,
) -> Result<Config, Error> {
    let at = |fault: Fault| fault.at(&paths.config, source);
    let root = DeTable::parse(source)
        .map_err(|why| at(Fault::new(why.span().unwrap_or(0..0), why.message())))?;
    if holds_password(root.get_ref(), 3) {
        trust()?;
    }
    configuration(root.get_ref(), paths).map_err(at)
}

/// Whether the key `password` stands anywhere it could have been meant; no deeper than `depth` tables.
fn holds_password(table: &DeTable<'_>, depth: usize) -> bool {
    table.iter().any(|(name, value)| {
        let inside = || match value.get_ref() {
            DeValue::Table(table) if depth > 0 => holds_password(table, depth - 1),
            _ => false,
        };
        name.get_ref() == "password" || inside()
    })
}

fn configuration(root: &DeTable<'_>, paths: &Paths) -> Result<Config, Fault> {
    let home = paths.home.as_deref();
    let mut defaults = Written::default();
    let mut written: &DeTable<'_> = &DeTable::new();
    for (name, value) in in_order(root) {
        let value = Value::new(value, home);
        match name.get_ref().as_ref() {
            "defaults" => {
                let table = value.table("the table [defaults]");
                let table = table.map_err(|fault| fault.about("defaults"))?;
                defaults.read(table, Table::Defaults, home)?;
            }
            "accounts" => {
                let table = value.table("tables [accounts.NAME]");
                written = table.map_err(|fault| fault.about("accounts"))?;
            }
            other => {
                let said = unknown(other, None, value.is_table());
                return Err(Fault::new(name.span(), said));
            }
        }
    }
    let mut accounts = Vec::with_capacity(written.len());
    let mut memories = HashMap::with_capacity(written.len());
    for (name, value) in in_order(written) {
        let value = Value::new(value, home);
        let table = value.table("a table [accounts.NAME]");
        let table = table.map_err(|fault| fault.about("accounts"))?;
        let mut settings = defaults.clone();
        let own = settings.read(table, Table::Account, home)?;
        let account = Account::mean(name.get_ref(), settings, &own, &name.span(), paths)?;
        if let Some(one) = memories.insert(account.memory(), account.name.clone()) {
            let two = account.name;
            let said = format!(
                "account {two} would share the journal of account {one}: give each a state of its own"
            );
            let span = own.get("state").cloned().unwrap_or(name.span());
            return Err(Fault::new(span, said));
        }
        accounts.push(account);
    }
    if accounts.is_empty() {
        return Err(Fault::new(0..0, "there is no account: add [accounts.NAME]"));
    }
    Ok(Config {
        accounts,
        jobs: defaults.jobs,
        max_connections_per_host: defaults.max_connections_per_host,
    })
}
