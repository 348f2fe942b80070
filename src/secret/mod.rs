//! Where a secret comes from: the account's own key, netrc, a command, the terminal.
//!
//! Not for: what a secret is used for. May import: `disk`, `command`.

mod file;
mod netrc;
mod output;

use std::fmt;
use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::command::{Command, Values};

/// A password, wiped from memory when dropped and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a password over; the caller keeps no copy.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The password itself, for the one place that sends or hashes it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A copy of the octets before the first line end.
    fn first_line(octets: &[u8]) -> Result<Self, &'static str> {
        let line = octets.split(|octet| *octet == b'\n').next();
        let line = line.unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match std::str::from_utf8(line) {
            Ok("") => Err("an empty first line"),
            Ok(text) => Ok(Self::new(text.to_owned())),
            Err(_) => Err("a first line that is not UTF-8"),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(****)")
    }
}

/// Where an account's password is to be sought first; netrc and the terminal follow.
#[derive(Debug, Clone, Default)]
pub enum Source {
    /// Nothing configured: netrc, then the terminal.
    #[default]
    None,
    /// `password`.
    Literal(Secret),
    /// `password_command`: the first line of its output.
    Command(Command),
    /// `password_file`: its first line; refused when others can read it.
    File(PathBuf),
}

/// What is asked for: whose password.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The account's name, for prompts, errors and the command's environment.
    pub account: &'a str,
    /// The machine netrc knows.
    pub host: &'a str,
    /// The login netrc knows.
    pub user: &'a str,
    /// The account's own key.
    pub source: &'a Source,
    /// `netrc`: the file, if not `~/.netrc`.
    pub netrc: Option<&'a Path>,
    /// Whether asking on the terminal is allowed (never under `--quiet`).
    pub prompt: bool,
    /// Becomes readable when a command is to be waited for no longer: [`Error::Interrupted`].
    pub stop: Option<BorrowedFd<'a>>,
}

/// Why there is no password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing configured, nothing in netrc, nobody to ask.
    #[error(
        "no password: set password_command, password_file or password, or add the host to ~/.netrc, or run on a terminal"
    )]
    Nowhere,
    /// The password command failed, timed out or printed nothing: worth another try later. What it wrote to its
    /// standard error is in here, unsanitised, unless that is a terminal.
    #[error("password command {0}")]
    Command(String),
    /// A file with a secret that others can read, or that cannot be read.
    #[error("{0}")]
    File(String),
    /// Nothing was typed at the prompt, or it was left by Ctrl-D.
    #[error("no password was entered")]
    NotEntered,
    /// Ctrl-C was typed in place of a password, or a signal came while its command ran.
    #[error("interrupted")]
    Interrupted,
}

/// How long a password command may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(60);

/// Finds the password: own key, netrc, prompt on /dev/tty.
///
/// A source that was configured and fails is an error, never passed over; so is a netrc that has the password and can
/// be read by others.
///
/// # Errors
/// [`Error::Nowhere`] when all sources are exhausted, else what went wrong with the first that was configured.
pub fn find(request: &Request<'_>) -> Result<Secret, Error> {
    find_with(
        request,
        directories::BaseDirs::new()
            .as_ref()
            .map(directories::BaseDirs::home_dir),
    )
}

fn find_with(request: &Request<'_>, home: Option<&Path>) -> Result<Secret, Error> {
    match request.source {
        Source::Literal(secret) => return Ok(secret.clone()),
        Source::Command(command) => {
            let values = Values {
                user: request.user,
                host: request.host,
                account: request.account,
                ..Values::default()
            };
            let terminal = output::Terminal {
                input: std::io::stdin().is_terminal(),
                error: std::io::stderr().is_terminal(),
            };
            return output::first_line(command, &values, terminal, COMMAND_LIMIT, request.stop)
                .map_err(Error::Command)?
                .ok_or(Error::Interrupted);
        }
        Source::File(path) => return file::first_line(path),
        Source::None => {}
    }
    if let Some(secret) = find_in_netrc(request, home)? {
        return Ok(secret);
    }
    if request.prompt && std::fs::File::open("/dev/tty").is_ok() {
        return ask(request, rpassword::ConfigBuilder::new().build());
    }
    Err(Error::Nowhere)
}

fn find_in_netrc(request: &Request<'_>, home: Option<&Path>) -> Result<Option<Secret>, Error> {
    let usual = home.map(|home| home.join(".netrc"));
    let Some(path) = request.netrc.or(usual.as_deref()) else {
        return Ok(None);
    };
    let file = match file::read(path, file::NETRC_LIMIT) {
        Err(file::Unreadable::Io(error))
            if request.netrc.is_none() && error.kind() == ErrorKind::NotFound =>
        {
            return Ok(None);
        }
        read => read.map_err(|error| file::trouble(path, &error))?,
    };
    let found = netrc::password(&file.octets, request.host, request.user)
        .map_err(|error| file::trouble(path, &error))?;
    // Other programs' passwords are not ours to watch over.
    match (found, file.private) {
        (Some(_), Err(why)) => Err(file::trouble(path, &why)),
        (found, _) => Ok(found),
    }
}

fn ask(request: &Request<'_>, terminal: rpassword::Config) -> Result<Secret, Error> {
    let whose = format!("{} at {}", request.user, request.host);
    let whose = whose.replace(char::is_control, "?");
    match rpassword::prompt_password_with_config(
        format!("popfetch: password for {whose}: "),
        terminal,
    ) {
        Ok(text) if !text.is_empty() => Ok(Secret::new(text)),
        // Ctrl-C, which the prompt takes for itself.
        Err(error) if error.kind() == ErrorKind::Interrupted => Err(Error::Interrupted),
        answer => {
            // Ctrl-D leaves the cursor behind the prompt.
            if answer.is_err_and(|error| error.kind() == ErrorKind::UnexpectedEof)
                && let Ok(mut tty) = std::fs::OpenOptions::new().write(true).open("/dev/tty")
            {
                let _ = writeln!(tty);
            }
            Err(Error::NotEntered)
        }
    }
}

#[cfg(test)]
mod tests;
