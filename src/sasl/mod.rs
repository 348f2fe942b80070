//! Challenge and response: which mechanism to log in with, and each one's side of the exchange.
//!
//! Not for: the POP3 lines an exchange travels in (`pop3`). May import: the type [`crate::secret::Secret`].

mod apop;
mod choice;
mod cram_md5;
mod exchange;
mod library;
mod method;
mod password;
mod scram;

pub use apop::apop_digest;
pub use choice::{NoMethod, Offer, Preference, choose};
pub use exchange::{ChannelBinding, Credentials, Error, Exchange, begin};
pub use method::Method;
