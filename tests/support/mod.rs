//! What the tests and the demo stand on: servers on loopback, and the popfetch program run against them.
//!
//! [`script`] plays a script and knows no POP3; [`server`] is an honest small POP3 server with knobs for failure;
//! [`popfetch`] runs the program in a home of its own, [`terminal`] on a terminal; [`mailbox`] reads back what it delivered,
//! [`patience`] waits for what can be seen.
//! Nothing here may import the popfetch library: it is the other side of the wire.

// Each binary that includes this uses its own part of it.
#![allow(dead_code, unreachable_pub)]
#![allow(clippy::unwrap_used)]

pub mod auth;
pub mod client;
pub mod connection;
pub mod mailbox;
pub mod maildrop;
pub mod patience;
mod player;
pub mod popfetch;
pub mod relay;
pub mod script;
pub mod server;
mod session;
pub mod settings;
pub mod terminal;
pub mod tls;
mod transaction;
pub mod workers;
