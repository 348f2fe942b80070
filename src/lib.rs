//! popfetch: fetch mail from POP3 maildrops, once, whole and durable.
//!
//! The library behind the `popfetch` program. Each module is a room with one
//! concern; the opening lines of each say what it is for and whom it may import.
//!
//! - [`pop3`]: the wire. [`sasl`]: challenge and response. [`net`]: sockets and TLS.
//! - [`disk`]: files made safely. [`secret`]: where a secret comes from.
//!   [`command`]: a command the user configured.
//! - [`message`]: what can be read off a message. [`deliver`]: Maildir, mbox, MDA.
//!   [`state`]: the memory of unique-ids.
//! - [`config`]: the file as written, the account as meant.
//! - [`fetch`]: one run. [`report`]: words to a human. [`cli`]: the command line.

pub mod cli;
pub mod command;
pub mod config;
pub mod deliver;
pub mod disk;
pub mod fetch;
pub mod message;
pub mod net;
pub mod pop3;
pub mod report;
pub mod sasl;
pub mod secret;
pub mod state;
