//! Integration tests: the popfetch program against servers on loopback.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod bounds;
mod commands;
mod errors;
mod fetching;
mod files;
mod hostile;
mod login;
mod mda;
mod network;
mod promises;
mod quirks;
mod rooms;
mod run;
mod servers;
mod shards;
mod sharing;
mod signals;
mod streams;
mod terminal;
mod turnover;
