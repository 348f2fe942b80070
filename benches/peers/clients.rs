//! What each client has to be told.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A fetch to be done.
pub(crate) struct Job<'a> {
    /// Where configuration and memory go.
    pub(crate) home: &'a Path,
    /// A Maildir.
    pub(crate) mail: &'a Path,
    pub(crate) port: u16,
    pub(crate) user: &'a str,
    pub(crate) password: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    Popfetch,
    Mpop,
    Fdm,
    Fetchmail,
    Getmail,
}

impl Client {
    /// The one that the others are compared with first.
    pub(crate) const ALL: [Self; 5] = [
        Self::Popfetch,
        Self::Mpop,
        Self::Fdm,
        Self::Fetchmail,
        Self::Getmail,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Popfetch => "popfetch",
            Self::Mpop => "mpop",
            Self::Fdm => "fdm",
            Self::Fetchmail => "fetchmail",
            Self::Getmail => "getmail",
        }
    }

    pub(crate) fn is_installed(self) -> bool {
        match self {
            Self::Popfetch => true,
            // It has no Maildir of its own.
            Self::Fetchmail => find("fetchmail").is_some() && find("procmail").is_some(),
            // It delivers to no Maildir as root.
            Self::Getmail => find("getmail").is_some() && !rustix::process::geteuid().is_root(),
            _ => find(self.name()).is_some(),
        }
    }

    /// Run by root, it delivers as another user.
    pub(crate) fn drops_root(self) -> bool {
        self == Self::Fdm && rustix::process::geteuid().is_root()
    }

    /// Its configuration is written, all mail stays on the server, all unique-ids are remembered.
    pub(crate) fn command(self, job: &Job<'_>) -> Command {
        let Job {
            port,
            user,
            password,
            ..
        } = job;
        let (home, mail) = (job.home.display(), job.mail.display());
        match self {
            Self::Popfetch => {
                let file = write(
                    job,
                    "config.toml",
                    &format!(
                        "[accounts.bench]\nhost = '127.0.0.1'\nport = {port}\nuser = '{user}'\npassword = '{password}'\n\
                     tls = 'none'\nallow_cleartext = true\nauth = 'user'\nstate = '{home}/journal'\ndeliver = {{ maildir = '{mail}' }}\n"
                    ),
                );
                let mut command = Command::new(env!("CARGO_BIN_EXE_popfetch"));
                command.arg("--quiet").arg("--config").arg(file);
                command
            }
            Self::Mpop => {
                let file = write(
                    job,
                    "mpoprc",
                    &format!(
                        "account default\nhost 127.0.0.1\nport {port}\nuser {user}\npassword \"{password}\"\nauth user\ntls off\n\
                     keep on\nuidls_file {home}/uidls\ndelivery maildir {mail}\n"
                    ),
                );
                let mut command = Command::new("mpop");
                command.arg("-Q").arg("-C").arg(file);
                command
            }
            Self::Fdm => {
                let as_user = if self.drops_root() {
                    "set default-user \"nobody\"\n"
                } else {
                    ""
                };
                let file = write(
                    job,
                    "fdm.conf",
                    &format!(
                        "{as_user}set lock-file \"{home}/lock\"\naction \"in\" maildir \"{mail}\"\n\
                     account \"bench\" pop3 server \"127.0.0.1\" port {port} user \"{user}\" pass \"{password}\" \
                     new-only cache \"{home}/cache\" keep\nmatch all action \"in\"\n"
                    ),
                );
                let mut command = Command::new("fdm");
                command.arg("-q").arg("-f").arg(file).arg("fetch");
                command
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
                     user \"{user}\" password \"{password}\" is \"root\" here keep sslproto '' mda \"procmail {}\"\n",
                        rules.display()
                    ),
                );
                let mut command = Command::new("fetchmail");
                command.args(["-s", "-N", "-i"]).arg(job.home.join("ids"));
                command
                    .arg("--pidfile")
                    .arg(job.home.join("pid"))
                    .arg("-f")
                    .arg(file);
                command.env("FETCHMAILHOME", job.home);
                command
            }
            Self::Getmail => {
                let file = write(
                    job,
                    "getmailrc",
                    &format!(
                        "[retriever]\ntype = SimplePOP3Retriever\nserver = 127.0.0.1\nport = {port}\nusername = {user}\n\
                     password = {password}\n[destination]\ntype = Maildir\npath = {mail}/\n[options]\nread_all = false\nverbose = 0\n"
                    ),
                );
                let mut command = Command::new("getmail");
                command
                    .arg("-q")
                    .arg("--getmaildir")
                    .arg(job.home)
                    .arg("--rcfile")
                    .arg(file);
                command
            }
        }
    }
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|it| it.is_file())
}

fn write(job: &Job<'_>, name: &str, text: &str) -> PathBuf {
    let file = job.home.join(name);
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    file
}
