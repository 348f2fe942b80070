//! The file as written, the account as meant, and where both are.
//!
//! Not for: acting on it. May import: `disk`, types of `command`, `secret`, `sasl`, `net`, `pop3`, `deliver`,
//! and the journal's file name from `state`.

mod account;
mod error;
mod file;
mod identity;
mod keys;
mod overrides;
mod paths;
mod shard;
mod units;
mod unknown;
mod value;

pub use account::{Account, Config, Keep, Tls};
pub use error::Error;
pub use file::{load, parse};
pub use keys::{Key, Table, keys};
pub use overrides::{Overrides, from_options};
pub use paths::Paths;
pub use shard::Shard;
pub use units::{parse_age, parse_size};

#[cfg(test)]
mod tests;
