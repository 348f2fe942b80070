use std::io;

/// Why a connection could not be made or kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The name has no address, or could not be looked up.
    #[error("host not found: {0}")]
    NotFound(String),
    /// No address answered.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// A time limit passed; the word says which.
    #[error("timed out {0}")]
    TimedOut(&'static str),
    /// The certificate cannot be trusted; why, and the certificate (DER) where it was seen.
    #[error("{reason}")]
    Untrusted {
        /// `certificate expired on 2026-10-02`, `certificate is for a, b, not for c`, ... May hold names from the
        /// certificate: unsanitised.
        reason: String,
        /// The server's certificate, DER; empty where the back end does not hand it out.
        certificate: Vec<u8>,
    },
    /// No common TLS version or cipher suite.
    #[error("no common TLS version: {0}")]
    NoCommonVersion(String),
    /// The connection ended inside the handshake.
    #[error("the connection was lost in the TLS handshake: {0}")]
    Lost(String),
    /// The handshake failed in another way (not TLS at the other end).
    #[error("TLS handshake failed: {0}")]
    Handshake(String),
    /// The settings cannot be used: unreadable `tls_ca_file`, a back end that is not built in.
    #[error("{0}")]
    Settings(String),
    /// A signal asked to stop.
    #[error("stopped by a signal")]
    Stopped,
    /// Anything else of the socket.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Error {
    /// Recovers what a read or write on a [`Stream`](super::Stream) meant: its `io::Error`s carry
    /// [`Error::TimedOut`] and [`Error::Stopped`] inside.
    pub fn from_io(error: io::Error) -> Self {
        error.downcast::<Self>().unwrap_or_else(Self::Io)
    }
}

impl From<Error> for io::Error {
    /// The way back from [`Error::from_io`]. Never of kind `Interrupted`, which std would try again.
    fn from(error: Error) -> Self {
        match error {
            Error::Io(error) => error,
            Error::TimedOut(_) => Self::new(io::ErrorKind::TimedOut, error),
            error => Self::other(error),
        }
    }
}

/// An I/O error in words: the kind where it has a name, else what the system says.
pub(super) fn words(error: &io::Error) -> String {
    // Kinds without a stable name all print like the default one.
    let kind = error.kind().to_string();
    if kind == io::ErrorKind::Other.to_string() || kind == "uncategorized error" {
        error.to_string()
    } else {
        kind
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meaning_survives_io_error() {
        let there = io::Error::from(Error::TimedOut("waiting for a reply"));
        assert_eq!(there.kind(), io::ErrorKind::TimedOut);
        assert_eq!(there.to_string(), "timed out waiting for a reply");
        assert!(matches!(
            Error::from_io(there),
            Error::TimedOut("waiting for a reply")
        ));
        assert!(matches!(
            Error::from_io(Error::Stopped.into()),
            Error::Stopped
        ));
        let plain = io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(matches!(
            Error::from_io(Error::Io(plain).into()),
            Error::Io(error) if error.kind() == io::ErrorKind::BrokenPipe
        ));
    }

    #[test]
    fn words_are_plain() {
        let refused = io::Error::from_raw_os_error(rustix::io::Errno::CONNREFUSED.raw_os_error());
        assert_eq!(words(&refused), "connection refused");
        assert_eq!(words(&io::Error::other("as it says")), "as it says");
    }
}
