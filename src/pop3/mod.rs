//! The wire: commands, status lines with response codes, capabilities, listings, byte-stuffing,
//! [`Session`] → [`Transaction`], the pipelining window.
//!
//! Not for: sockets, files, clocks. May import: `sasl`, the type of `secret`.
//!
//! A [`Session`] is the AUTHORIZATION state of RFC 1939, a [`Transaction`] the TRANSACTION state; what a state
//! does not allow does not compile. Both count the replies that are owed: after an error in the middle of a reply,
//! or a [`Retrieval`] that was dropped before its end, nothing more is sent, since any answer might be another's.

mod capability;
mod command;
mod connection;
mod error;
mod listing;
mod login;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod maildrop;
mod reply;
mod retrieval;
#[cfg(test)]
mod script;
mod session;
mod stamp;
mod stuffing;
mod transaction;
mod wire;

pub use capability::{Capabilities, Expire};
pub use error::Error;
pub use listing::{Listing, Scan};
pub use login::NotAuthenticated;
pub use reply::{Reply, ResponseCode};
pub use retrieval::{Incoming, Retrieval, UNREAD, Window};
pub use session::Session;
pub use transaction::{Pipelining, Transaction, Update};
pub use wire::Wire;

/// A message's number in this session's scan listing (RFC 1939 section 5).
pub type MessageNumber = u32;
