use std::fmt;
use std::io::{Read, Write};

/// What a session needs of its connection beyond octets. All but reading and writing may be left out.
///
/// [`UNREAD`](super::UNREAD) octets of commands must be taken without waiting for the peer to read any.
///
/// Errors of the kind [`std::io::ErrorKind::Interrupted`] are tried again, so a wait that is to end must end with another.
pub trait Wire: Read + Write {
    /// A reply is awaited, or 1 KiB more of one has come: time limits begin anew.
    fn rearm(&mut self) {}

    /// A command goes out, as it may be shown (secrets masked).
    fn sent(&mut self, _command: &dyn fmt::Display) {}

    /// A status line or challenge came in, as it may be shown. Unsanitised.
    fn received(&mut self, _line: &[u8]) {}
}
