//! What each client has to be told.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::floor;

pub(crate) const PASSWORD: &str = "not a secret";
/// The cheapest command that reads all of a message and says nothing.
pub(crate) const SINK: [&str; 4] = ["dd", "of=/dev/null", "bs=64k", "status=none"];

/// A fetch to be done.
pub(crate) struct Job<'a> {
    /// Where configuration and memory go.
    pub(crate) home: &'a Path,
    pub(crate) destination: Destination,
    /// A Maildir, or an mbox.
    pub(crate) mail: &'a Path,
    pub(crate) port: u16,
    /// The certificate to trust: POP3S.
    pub(crate) ca: Option<&'a Path>,
    /// More than one: popfetch and the floor alone.
    pub(crate) users: &'a [String],
    /// All mail stays on the server and is remembered; else it is deleted: popfetch and mpop alone.
    pub(crate) keep: bool,
}

/// Where mail is delivered: all clients into a Maildir, popfetch, mpop and fdm into an mbox, popfetch and mpop to a
/// command, each floor where it belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Destination {
    Maildir,
    Mbox,
    /// [`SINK`].
    Command,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    Popfetch,
    Mpop,
    Fdm,
    Fetchmail,
    Getmail,
    /// The floor: files, and no more.
    Write,
    /// The floor: files that are flushed and renamed in batches.
    Batch,
    /// The floor: a process a message.
    Command,
}

impl Client {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Popfetch => "popfetch",
            Self::Mpop => "mpop",
            Self::Fdm => "fdm",
            Self::Fetchmail => "fetchmail",
            Self::Getmail => "getmail",
            Self::Write => "write",
            Self::Batch => "batch",
            Self::Command => "command",
        }
    }

    pub(crate) fn is_floor(self) -> bool {
        matches!(self, Self::Write | Self::Batch | Self::Command)
    }

    pub(crate) fn is_installed(self) -> bool {
        match self {
            Self::Popfetch => true,
            // It has no Maildir of its own.
            Self::Fetchmail => find("fetchmail").is_some() && find("procmail").is_some(),
            // It delivers to no Maildir as root.
            Self::Getmail => find("getmail").is_some() && !rustix::process::geteuid().is_root(),
            Self::Mpop | Self::Fdm => find(self.name()).is_some(),
            Self::Write | Self::Batch | Self::Command => true,
        }
    }

    /// Run by root, it delivers as another user.
    pub(crate) fn drops_root(self) -> bool {
        self == Self::Fdm && rustix::process::geteuid().is_root()
    }

    /// The command that does it; its configuration is written.
    pub(crate) fn command(self, job: &Job<'_>) -> Vec<String> {
        let (home, mail, port) = (job.home.display(), job.mail.display(), job.port);
        let user = &job.users[0];
        let sink = SINK.join(" ");
        match self {
            Self::Popfetch => popfetch(job),
            Self::Write | Self::Batch | Self::Command => {
                let program = std::env::current_exe().unwrap().display().to_string();
                let ca = job.ca.map_or(String::new(), |ca| ca.display().to_string());
                let (port, mail) = (port.to_string(), mail.to_string());
                let mut command = words([
                    &program,
                    floor::WORD,
                    self.name(),
                    "127.0.0.1",
                    &port,
                    PASSWORD,
                    &mail,
                    &ca,
                ]);
                command.extend_from_slice(job.users);
                command
            }
            Self::Mpop => {
                let tls = match job.ca {
                    Some(ca) => format!("on\ntls_starttls off\ntls_trust_file {}", ca.display()),
                    None => "off".to_owned(),
                };
                let keep = if job.keep { "on" } else { "off" };
                let delivery = match job.destination {
                    Destination::Maildir => format!("maildir {mail}"),
                    Destination::Mbox => format!("mbox {mail}"),
                    Destination::Command => format!("mda {sink}"),
                };
                let file = write(
                    job,
                    "mpoprc",
                    &format!(
                        "account default\nhost 127.0.0.1\nport {port}\nuser {user}\npassword \"{PASSWORD}\"\nauth plain\n\
                         tls {tls}\nkeep {keep}\nuidls_file {home}/uidls\ndelivery {delivery}\n"
                    ),
                );
                words(["mpop", "-Q", "-C", &file])
            }
            Self::Fdm => {
                let as_user = if self.drops_root() {
                    "set default-user \"nobody\"\n"
                } else {
                    ""
                };
                let kind = if job.destination == Destination::Mbox {
                    "mbox"
                } else {
                    "maildir"
                };
                let file = write(
                    job,
                    "fdm.conf",
                    &format!(
                        "{as_user}set lock-file \"{home}/lock\"\naction \"in\" {kind} \"{mail}\"\n\
                         account \"bench\" pop3 server \"127.0.0.1\" port {port} user \"{user}\" pass \"{PASSWORD}\" \
                         new-only cache \"{home}/cache\" keep\nmatch all action \"in\"\n"
                    ),
                );
                words(["fdm", "-q", "-f", &file, "fetch"])
            }
            Self::Fetchmail => {
                let rules = write(
                    job,
                    "procmailrc",
                    &format!("DEFAULT={mail}/\nLOGFILE=/dev/null\n"),
                );
                let file = write(
                    job,
                    "fetchmailrc",
                    &format!(
                        "set no bouncemail\npoll 127.0.0.1 service {port} protocol pop3 auth password no dns uidl\n\
                         user \"{user}\" password \"{PASSWORD}\" is \"root\" here keep sslproto '' mda \"procmail {rules}\"\n"
                    ),
                );
                let (ids, pid) = (format!("{home}/ids"), format!("{home}/pid"));
                words([
                    "fetchmail",
                    "-s",
                    "-N",
                    "-i",
                    &ids,
                    "--pidfile",
                    &pid,
                    "-f",
                    &file,
                ])
            }
            Self::Getmail => {
                let file = write(
                    job,
                    "getmailrc",
                    &format!(
                        "[retriever]\ntype = SimplePOP3Retriever\nserver = 127.0.0.1\nport = {port}\nusername = {user}\n\
                         password = {PASSWORD}\n[destination]\ntype = Maildir\npath = {mail}/\n[options]\nread_all = false\nverbose = 0\n"
                    ),
                );
                let home = home.to_string();
                words(["getmail", "-q", "--getmaildir", &home, "--rcfile", &file])
            }
        }
    }
}

fn popfetch(job: &Job<'_>) -> Vec<String> {
    let (home, mail, port, keep) = (job.home.display(), job.mail.display(), job.port, job.keep);
    let tls = match job.ca {
        Some(ca) => format!("tls_ca_file = '{}'", ca.display()),
        None => "tls = 'none'\nallow_cleartext = true".to_owned(),
    };
    let delivery = match job.destination {
        Destination::Maildir => format!("maildir = '{mail}'"),
        Destination::Mbox => format!("mbox = '{mail}'"),
        Destination::Command => format!("mda = {SINK:?}"),
    };
    let jobs = job.users.len().min(64);
    let mut text = format!(
        "[defaults]\njobs = {jobs}\nmax_connections_per_host = {jobs}\nhost = '127.0.0.1'\nport = {port}\n\
         password = '{PASSWORD}'\nauth = 'plain'\n{tls}\nkeep = {keep}\ndeliver = {{ {delivery} }}\n"
    );
    for user in job.users {
        text += &format!("[accounts.{user}]\nuser = '{user}'\nstate = '{home}/journal.{user}'\n");
    }
    let file = write(job, "config.toml", &text);
    words([env!("CARGO_BIN_EXE_popfetch"), "--quiet", "--config", &file])
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|it| it.is_file())
}

/// A file only we may read; its path.
fn write(job: &Job<'_>, name: &str, text: &str) -> String {
    let file = job.home.join(name);
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    file.display().to_string()
}
