//! Whole configurations, good and bad.

#![allow(clippy::unwrap_used)]

mod catalogue;
mod files;
mod meant;
mod options;
mod secrets;
mod wrong;

use super::*;

fn paths() -> Paths {
    Paths {
        config: "c.toml".into(),
        named: false,
        state: "/state".into(),
        home: Some("/home/me".into()),
    }
}

/// What is wrong with a source.
fn said(source: &str) -> String {
    let error = parse(source, &paths()).expect_err(source).to_string();
    error.strip_prefix("c.toml:").unwrap().to_owned()
}

/// An account of two required lines, and then this.
fn with(lines: &str) -> String {
    format!("[accounts.work]\nhost = \"h\"\nuser = \"u\"\n{lines}\n")
}

fn account(lines: &str) -> Account {
    let source = with(lines);
    let mut config = parse(&source, &paths()).expect(&source);
    assert_eq!(config.accounts.len(), 1);
    config.accounts.remove(0)
}
