//! The catalogue says what the parser knows, and says it right.

use super::super::*;
use super::{paths, said, with};
use crate::sasl::Method;

#[test]
fn the_catalogue_is_whole() {
    // The keys that the contract names, as opposed to those that the catalogue has.
    let defaults = ["jobs", "max_connections_per_host"];
    let account = [
        "host",
        "user",
        "port",
        "tls",
        "auth",
        "password_command",
        "enabled",
        "keep",
        "deliver",
        "tls_ca_file",
        "tls_fingerprint",
        "tls_server_name",
        "tls_min_version",
        "tls_backend",
        "max_size",
        "fetch_limit",
        "timeout",
        "connect_timeout",
        "pipelining",
        "allow_cleartext",
        "password",
        "password_file",
        "netrc",
        "state",
        "received_header",
    ];
    let deliver = ["maildir", "mbox", "mda", "quoting", "timeout", "drop"];
    for (table, named) in [
        (Table::Defaults, &defaults[..]),
        (Table::Account, &account),
        (Table::Deliver, &deliver),
    ] {
        let mut named = named.to_vec();
        let mut found: Vec<_> = keys()
            .iter()
            .filter(|key| key.table == table)
            .map(|key| key.name)
            .collect();
        named.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, named);
    }
    for key in keys() {
        assert!(
            key.text.ends_with('.') && !key.form.is_empty(),
            "{}",
            key.name
        );
        assert_eq!(key.text.matches('`').count() % 2, 0, "{}", key.name);
    }
}

#[test]
fn examples_are_right() {
    for key in keys() {
        let (name, example) = (key.name, key.example);
        let beside = match name {
            "quoting" => ", mbox = '/m'",
            "timeout" | "drop" => ", mda = ['a']",
            _ => "",
        };
        let source = match (key.table, name) {
            (Table::Account, "host") => format!("[accounts.a]\nhost = {example}\nuser = 'u'"),
            (Table::Account, "user") => format!("[accounts.a]\nuser = {example}\nhost = 'h'"),
            (Table::Account, _) => with(&format!("{name} = {example}")),
            (Table::Defaults, _) => format!("{}[defaults]\n{name} = {example}", with("")),
            (Table::Deliver, _) => with(&format!("deliver = {{ {name} = {example}{beside} }}")),
        };
        parse(&source, &paths()).expect(name);
        // What may stand in an account may stand in [defaults].
        if key.table == Table::Account {
            let source = format!("{}[defaults]\n{name} = {example}", with(""));
            parse(&source, &paths()).expect(name);
        }
    }
    for method in Method::ALL {
        assert!(said(&with("auth = []")).contains(method.word()));
        let auth = keys().iter().find(|key| key.name == "auth").unwrap();
        assert!(auth.text.contains(&format!("`{}`", method.word())));
    }
}
