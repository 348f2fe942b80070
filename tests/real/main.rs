//! Tests against real servers: Dovecot, Cyrus and popa3d on loopback.
//!
//! `tests/run` installs what they need. Root is needed too: each server has a namespace of its own.
#![allow(clippy::unwrap_used)]
// What the starters offer is not all used by every test.
#![allow(dead_code)]

#[path = "../support/mod.rs"]
mod support;

mod namespace;
mod place;

mod cyrus;
mod dovecot;
mod popa3d;

mod run;

mod binding;
mod commands;
mod cyrus_quirks;
mod login;
mod maildrop;
mod mda;
mod popa3d_quirks;
mod readers;
mod servers;
