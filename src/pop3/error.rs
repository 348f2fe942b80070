use super::reply::Reply;
use crate::sasl::Method;

/// What went wrong on the wire.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The socket's trouble: closed, timed out, stopped (`net::Error::from_io` tells).
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The server said -ERR to a command.
    #[error("the server refused {command}")]
    Refused {
        /// The command's verb.
        command: &'static str,
        /// What it said.
        reply: Reply,
    },
    /// The server does not speak POP3 as it should; what, in our words, and its line.
    #[error("{what}")]
    Protocol {
        /// Our words.
        what: &'static str,
        /// Its line, cut to 512 octets. Unsanitised.
        line: Vec<u8>,
    },
    /// A login method failed for good: the proof was sent and refused, or the server could not prove itself,
    /// or the refusal's response code says that it is not about the method.
    #[error("login refused")]
    Login {
        /// The method used.
        method: Method,
        /// What the server said; `None` when we ended it.
        reply: Option<Reply>,
        /// Our own reason.
        #[source]
        why: Option<crate::sasl::Error>,
    },
    /// An argument that POP3 cannot carry (CR, LF, NUL): never sent.
    #[error("{0} holds a line break or a NUL, which POP3 cannot carry")]
    Argument(&'static str),
}

impl Error {
    /// A breach of protocol; of its line 512 octets are kept.
    pub(super) fn protocol(what: &'static str, line: &[u8]) -> Self {
        Self::Protocol {
            what,
            line: line[..line.len().min(super::reply::KEPT)].to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_small_enough_to_return() {
        assert!(size_of::<Error>() <= 96, "{}", size_of::<Error>());
    }
}
