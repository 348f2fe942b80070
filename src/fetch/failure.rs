//! What the rooms' errors mean for a run: the exit status, the place, what to do.

use super::event::{Failure, Hint};
use super::outcome::Class;
use crate::config::{Account, Tls};
use crate::pop3::{Reply, ResponseCode};
use crate::{deliver, net, pop3, sasl, secret, state};

/// Why a session of an account ended early.
#[derive(Debug)]
pub(super) enum Stopped {
    /// Said already, or to be said.
    Failed(Failure),
    /// A signal: nothing to say.
    Signal,
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

pub(super) fn plain(class: Class, what: impl Into<String>) -> Failure {
    Failure {
        class,
        place: None,
        what: what.into(),
        said: None,
        hint: None,
        quiet: false,
    }
}

pub(super) fn place(account: &Account) -> String {
    if account.host.contains(':') {
        format!("[{}]:{}", account.host, account.port)
    } else {
        format!("{}:{}", account.host, account.port)
    }
}

fn there(account: &Account, class: Class, what: impl Into<String>, hint: Option<Hint>) -> Failure {
    Failure {
        place: Some(place(account)),
        hint,
        ..plain(class, what)
    }
}

/// The class of a refusal by its response code; `None` where the code says nothing.
fn class_of(reply: &Reply) -> Option<Class> {
    match reply.code {
        Some(ResponseCode::InUse | ResponseCode::LoginDelay | ResponseCode::SysTemp) => {
            Some(Class::Temporary)
        }
        Some(ResponseCode::SysPerm) => Some(Class::Protocol),
        Some(ResponseCode::Auth) => Some(Class::Login),
        _ => None,
    }
}

/// Whether another login method would meet the same refusal.
pub(super) fn is_about_the_maildrop(reply: &Reply) -> bool {
    matches!(class_of(reply), Some(Class::Temporary | Class::Protocol))
}

pub(super) fn network(account: &Account, error: net::Error) -> Stopped {
    let (class, hint) = match &error {
        net::Error::Stopped => return Stopped::Signal,
        net::Error::NotFound(_) => (Class::Temporary, Some(Hint::HostName)),
        net::Error::Connect(_) => (Class::Temporary, Some(Hint::Port)),
        net::Error::Untrusted { certificate, .. } => {
            (Class::Login, untrusted(account, certificate))
        }
        net::Error::NoCommonVersion(_) => (Class::Unavailable, None),
        net::Error::Handshake(_) => (Class::Protocol, Some(Hint::TlsMode)),
        // A passing trouble, unless it is a server without TLS that does not know what to make of it.
        net::Error::Lost(_) => (Class::Temporary, Some(Hint::TlsMode)),
        net::Error::Settings(_) => (Class::Config, None),
        _ => (Class::Temporary, None),
    };
    there(account, class, error.to_string(), hint).into()
}

/// What to do about a certificate: another name, where it is valid for one, else look at it and pin it.
fn untrusted(account: &Account, certificate: &[u8]) -> Option<Hint> {
    let facts = net::CertificateFacts::read(certificate)?;
    if account.tls_settings.fingerprints.is_empty() {
        facts.certificate_pin.map(|pin| Hint::Pin(pin.to_string()))
    } else {
        facts
            .certificate_pin
            .map(|pin| Hint::Repin(pin.to_string()))
    }
}

pub(super) fn wire(account: &Account, error: pop3::Error) -> Stopped {
    let what = error.to_string();
    match error {
        pop3::Error::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => there(
            account,
            Class::Temporary,
            "the server closed the connection",
            None,
        )
        .into(),
        pop3::Error::Io(error) => network(account, net::Error::from_io(error)),
        pop3::Error::Refused { command, reply } => {
            let class = class_of(&reply).unwrap_or(match command {
                "STLS" => Class::Unavailable,
                "the connection" => Class::Temporary,
                _ => Class::Protocol,
            });
            refused(account, class, what, reply).into()
        }
        pop3::Error::Protocol { line, .. } => {
            let said = (!line.is_empty()).then_some(line);
            Failure {
                said,
                ..there(account, Class::Protocol, what, None)
            }
            .into()
        }
        pop3::Error::Login { method, reply, why } => match (reply, why) {
            (_, Some(why)) => there(
                account,
                Class::Login,
                format!("login refused ({}): {why}", method.word()),
                login_hint(account, method),
            )
            .into(),
            (Some(reply), None) => login_refused(account, method, reply).into(),
            (None, None) => there(
                account,
                Class::Login,
                format!("login refused ({})", method.word()),
                login_hint(account, method),
            )
            .into(),
        },
        pop3::Error::Argument(_) => there(account, Class::Config, what, None).into(),
    }
}

/// A refusal, with the server's words.
pub(super) fn refused(
    account: &Account,
    class: Class,
    what: impl Into<String>,
    reply: Reply,
) -> Failure {
    let hint = (class == Class::Temporary).then_some(Hint::NextRun);
    Failure {
        said: (!reply.text.is_empty()).then_some(reply.text),
        ..there(account, class, what, hint)
    }
}

pub(super) fn login_refused(account: &Account, method: sasl::Method, reply: Reply) -> Failure {
    let class = class_of(&reply).unwrap_or(Class::Login);
    let what = match class {
        Class::Login => format!("login refused ({})", method.word()),
        _ => "the maildrop cannot be opened".to_owned(),
    };
    let hint = match class {
        Class::Login => login_hint(account, method),
        Class::Temporary => Some(Hint::NextRun),
        _ => None,
    };
    Failure {
        said: (!reply.text.is_empty()).then_some(reply.text),
        ..there(account, class, what, hint)
    }
}

/// Behind TLS a server that keeps no password it can check a challenge against may still take PLAIN.
fn login_hint(account: &Account, method: sasl::Method) -> Option<Hint> {
    Some(
        if !method.reveals_password()
            && account.tls != Tls::None
            && account.auth == sasl::Preference::Auto
        {
            Hint::Auth("auth = [\"plain\"]")
        } else {
            Hint::Password
        },
    )
}

pub(super) fn no_method(account: &Account, error: &sasl::NoMethod) -> Failure {
    let hint = match error {
        sasl::NoMethod::Cleartext => Some(Hint::AllowCleartext),
        sasl::NoMethod::NotOffered(_) => {
            let apop = matches!(&account.auth, sasl::Preference::List(methods) if methods.contains(&sasl::Method::Apop));
            (apop && account.tls == Tls::Stls).then_some(Hint::ApopBeforeTls)
        }
    };
    there(account, Class::Unavailable, error.to_string(), hint)
}

pub(super) fn unavailable(account: &Account, what: &str, hint: Option<Hint>) -> Failure {
    there(account, Class::Unavailable, what, hint)
}

pub(super) fn protocol(account: &Account, what: impl Into<String>) -> Failure {
    there(account, Class::Protocol, what, None)
}

pub(super) fn password(error: &secret::Error) -> Failure {
    let class = match error {
        secret::Error::Command(_) => Class::Temporary,
        secret::Error::Nowhere | secret::Error::NotEntered | secret::Error::Interrupted => {
            Class::Login
        }
        secret::Error::File(_) => Class::Config,
    };
    plain(class, error.to_string())
}

pub(super) fn delivery(error: &deliver::Error) -> Failure {
    let class = match error {
        deliver::Error::Locked { .. } => Class::Temporary,
        _ => Class::Delivery,
    };
    let hint = match error {
        deliver::Error::Io { source, .. } => disk_hint(source),
        deliver::Error::Locked { .. } => Some(Hint::NextRun),
        deliver::Error::Unfit { .. } => None,
    };
    Failure {
        hint,
        ..plain(class, error.to_string())
    }
}

pub(super) fn memory(error: &state::Error) -> Failure {
    let hint = match error {
        state::Error::Io { source, .. } => disk_hint(source),
        _ => None,
    };
    Failure {
        hint,
        ..plain(Class::Delivery, error.to_string())
    }
}

fn disk_hint(error: &std::io::Error) -> Option<Hint> {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Some(Hint::DiskFull),
        std::io::ErrorKind::PermissionDenied => Some(Hint::Permission),
        std::io::ErrorKind::ReadOnlyFilesystem => Some(Hint::ReadOnly),
        _ => None,
    }
}
