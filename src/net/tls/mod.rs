//! TLS over a [`Socket`]: settings, the back ends, what a handshake settled.

use std::fmt::Debug;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use super::socket::Socket;
use super::{Error, Fingerprint, address};

#[cfg(feature = "native-tls")]
mod native;
mod pool;
mod reason;
mod rustls;
mod verify;

pub use pool::TlsPool;

/// TLS back ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Backend {
    /// rustls with ring.
    #[default]
    Rustls,
    /// The platform's (OpenSSL on Linux), with the cargo feature `native-tls`.
    Native,
}

/// The oldest TLS version accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    #[default]
    V12,
    /// TLS 1.3 (RFC 8446).
    V13,
}

/// How to speak TLS with a server; equal settings share one loaded configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct TlsSettings {
    /// `tls_ca_file`: PEM, instead of the system's roots.
    pub ca_file: Option<PathBuf>,
    /// `tls_fingerprint`: pins that replace chain, name and dates; never the handshake signature.
    pub fingerprints: Vec<Fingerprint>,
    /// `tls_server_name`: verified instead of the host.
    pub server_name: Option<String>,
    /// `tls_min_version`.
    pub min_version: TlsVersion,
    /// `tls_backend`.
    pub backend: Backend,
}

/// What a TLS handshake settled, for `info` and for hints.
#[derive(Debug, Clone, Default)]
pub struct TlsInfo {
    /// `TLS 1.3`, where the back end tells.
    pub version: Option<String>,
    /// The cipher suite by its IANA name, where the back end tells.
    pub cipher: Option<String>,
    /// What the certificate was verified against: `system`, `webpki-roots`, the path of `tls_ca_file`, `fingerprint`.
    pub trust: String,
    /// The server's own certificate (DER).
    pub certificate: Vec<u8>,
}

/// A back end with settings loaded, for any number of connections.
trait Client: Debug + Send + Sync {
    /// The handshake, over a socket whose limit for it is set.
    fn start(&self, host: &str, socket: Socket) -> Result<Box<dyn Channel>, Error>;
}

/// A TLS connection of some back end. Dropped, it says close_notify if that can be done without waiting.
pub(super) trait Channel: Read + Write + Debug + Send {
    fn socket(&self) -> &Socket;

    fn socket_mut(&mut self) -> &mut Socket;

    /// Something has been taken from the socket and not yet been read.
    fn buffered(&mut self) -> bool;

    fn info(&self) -> &TlsInfo;

    /// Channel bindings, best first.
    fn bindings(&self) -> Vec<(&'static str, Vec<u8>)>;
}

/// The name to verify, as the back ends take it: an address bare, a DNS name without the root's dot.
fn server_name(host: &str) -> Result<::rustls::pki_types::ServerName<'static>, Error> {
    if let Some(address) = address::literal(host) {
        return Ok(address.into());
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_owned();
    name.try_into().map_err(|_| {
        Error::Settings(format!(
            "no certificate can be for {host:?} (set tls_server_name; non-ASCII names in their xn-- form)"
        ))
    })
}

/// TCP's end without TLS's close_notify: whoever cuts a line can do that.
fn cut() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "connection cut: its end came without TLS close_notify",
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn names_to_verify() {
        for (host, name) in [
            ("pop.example.org", "pop.example.org"),
            ("pop.example.org.", "pop.example.org"),
            ("127.0.0.1", "127.0.0.1"),
            ("[::1]", "::1"),
        ] {
            assert_eq!(server_name(host).unwrap().to_str(), name);
        }
        for host in ["", ".", "bücher.example", "a b", "a\0b"] {
            assert!(
                matches!(server_name(host), Err(Error::Settings(_))),
                "{host:?}"
            );
        }
    }
}
