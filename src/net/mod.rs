//! Addresses, TCP, TLS, deadlines, the stop flag.
//!
//! Not for: POP3, of which it knows nothing. May import: `secret`, `disk`.

use std::time::Duration;

mod address;
mod certificate;
mod connect;
mod der;
mod error;
mod fingerprint;
mod socket;
mod stop;
mod stream;
#[cfg(test)]
mod tests;
mod tls;
mod wait;

pub use certificate::CertificateFacts;
pub use error::Error;
pub use fingerprint::Fingerprint;
pub use socket::SEND_BUFFER;
pub use stop::Stop;
pub use stream::Stream;
pub use tls::{Backend, TlsInfo, TlsPool, TlsSettings, TlsVersion};

/// A host and a port, as configured.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Name or address literal.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// Time limits of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// Name look-up, connect and TLS handshake, each.
    pub connect: Duration,
    /// One reply whole, one write, 1 KiB of a message.
    pub reply: Duration,
}
