//! What rustls refuses, in our words.

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, InvalidMessage, PeerIncompatible};

use super::super::certificate::day;
use super::super::{CertificateFacts, Error};

/// Names of a certificate shown at most; some are for hundreds.
const NAMES_SHOWN: usize = 5;

pub(super) const UNREADABLE: &str = "certificate cannot be read";
pub(super) const WRONG_FINGERPRINT: &str = "certificate does not match tls_fingerprint";

/// Why a handshake failed. `certificate` is the server's (DER), empty if none had come.
pub(super) fn of_handshake(error: &rustls::Error, certificate: &[u8], host: &str) -> Error {
    use rustls::Error as E;
    match error {
        E::InvalidCertificate(error) => Error::Untrusted {
            reason: of_certificate(error, certificate, host),
            certificate: certificate.to_vec(),
        },
        E::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        ) => not_tls(),
        E::PeerIncompatible(why) => match why {
            PeerIncompatible::ServerDoesNotSupportTls12Or13 => {
                no_common("the server has nothing newer than TLS 1.1")
            }
            PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig => {
                no_common("the server's is older than tls_min_version")
            }
            why => no_common(&format!("the server is incompatible ({why:?})")),
        },
        E::AlertReceived(AlertDescription::ProtocolVersion) => {
            no_common("the server accepts none of ours")
        }
        E::AlertReceived(
            alert @ (AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity),
        ) => no_common(&format!(
            "the server refused our versions and cipher suites (TLS alert {alert:?})"
        )),
        E::AlertReceived(alert) => {
            Error::Handshake(format!("the server gave up (TLS alert {alert:?})"))
        }
        E::PeerMisbehaved(why) => Error::Handshake(format!("the server breaks the rules: {why:?}")),
        other => Error::Handshake(other.to_string()),
    }
}

pub(super) fn not_tls() -> Error {
    Error::Handshake("the server does not speak TLS on this port".to_owned())
}

pub(super) fn no_common(why: &str) -> Error {
    Error::NoCommonVersion(why.to_owned())
}

/// Why a certificate is refused: `certificate expired on 2026-10-02`.
fn of_certificate(error: &CertificateError, certificate: &[u8], host: &str) -> String {
    use CertificateError as E;
    let Some(facts) = CertificateFacts::read(certificate) else {
        return UNREADABLE.to_owned();
    };
    match error {
        E::Expired => expired(&facts, facts.not_after),
        E::ExpiredContext { not_after, .. } => expired(&facts, seconds(*not_after)),
        E::NotValidYet => not_yet(&facts, facts.not_before),
        E::NotValidYetContext { not_before, .. } => not_yet(&facts, seconds(*not_before)),
        E::NotValidForName | E::NotValidForNameContext { .. } => wrong_name(&facts, host),
        E::UnknownIssuer if facts.is_self_issued() => "certificate is self-signed".to_owned(),
        E::UnknownIssuer => format!("certificate is from an unknown issuer ({})", facts.issuer),
        E::Revoked => "certificate has been revoked".to_owned(),
        E::BadSignature => {
            "a signature does not fit its key, in the certificate's chain or the handshake"
                .to_owned()
        }
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => wrong_purpose(),
        E::ApplicationVerificationFailure => WRONG_FINGERPRINT.to_owned(),
        E::Other(other) => match other.to_string().as_str() {
            "CaUsedAsEndEntity" if facts.is_self_issued() => {
                "certificate is self-signed, and a CA's rather than a server's".to_owned()
            }
            "CaUsedAsEndEntity" => "certificate is a CA's rather than a server's".to_owned(),
            "UnsupportedCertVersion" => {
                "certificate is of X.509 version 1 (tls_backend = \"native\" may take it)"
                    .to_owned()
            }
            // How the platform's verifier words InvalidPurpose.
            "certificate had invalid extensions" => wrong_purpose(),
            other => format!("certificate refused: {other}"),
        },
        other => format!("certificate refused: {other}"),
    }
}

/// What names a certificate is for.
pub(super) fn wrong_name(facts: &CertificateFacts, host: &str) -> String {
    let names = &facts.names;
    let more = names.len().saturating_sub(NAMES_SHOWN);
    let shown = names[..names.len() - more].join(", ");
    match (names.len(), more) {
        (0, _) => {
            format!("certificate names no host in its subjectAltName, so it is not for {host}")
        }
        (_, 0) => format!("certificate is for {shown}, not for {host}"),
        _ => format!("certificate is for {shown} and {more} more, not for {host}"),
    }
}

fn wrong_purpose() -> String {
    "certificate is not meant for servers (extended key usage)".to_owned()
}

/// The date that has passed may be that of a certificate above the server's.
fn expired(facts: &CertificateFacts, not_after: i64) -> String {
    whose(facts.not_after == not_after) + " expired" + &on(not_after)
}

fn not_yet(facts: &CertificateFacts, not_before: i64) -> String {
    match day(not_before) {
        Some(day) => format!(
            "{} is not valid before {day} (is this machine's clock right?)",
            whose(facts.not_before == not_before)
        ),
        None => "certificate is not valid yet".to_owned(),
    }
}

fn whose(own: bool) -> String {
    if own {
        "certificate".to_owned()
    } else {
        "its issuer's certificate".to_owned()
    }
}

fn on(seconds: i64) -> String {
    day(seconds).map_or_else(String::new, |day| format!(" on {day}"))
}

fn seconds(time: UnixTime) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}
