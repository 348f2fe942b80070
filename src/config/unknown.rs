//! What to say about a key that we do not know, without repeating it.

use super::keys::{Table, keys};

/// Keys that come with a later version.
pub(super) const LATER: &[&str] = &[
    "tls_client_cert",
    "tls_client_key",
    "token",
    "token_command",
    "token_file",
    "proxy",
    "connect_command",
];

/// What other programs call our keys.
const ELSEWHERE: &[(&str, &str)] = &[
    ("server", "host"),
    ("hostname", "host"),
    ("via", "host"),
    ("username", "user"),
    ("login", "user"),
    ("ssl", "tls"),
    ("starttls", "tls"),
    ("tls_starttls", "tls"),
    ("pass", "password"),
    ("passwordeval", "password_command"),
    ("uidls_file", "state"),
    ("skipsize", "max_size"),
    ("limit", "max_size"),
    ("delivery", "deliver"),
    ("destination", "deliver"),
    ("cafile", "tls_ca_file"),
    ("tls_trust_file", "tls_ca_file"),
    ("sslfingerprint", "tls_fingerprint"),
    ("tls_host_override", "tls_server_name"),
    ("delete", "keep"),
];

/// A sentence about `key` in `place` (`None`: outside all tables). It names only words of ours: the key as
/// written could be anything.
pub(super) fn unknown(key: &str, place: Option<Table>, is_table: bool) -> String {
    if let Some(later) = LATER.iter().find(|&&later| later == key) {
        return format!("{later} is not in this version yet");
    }
    if let Some(home) = belongs(key, place) {
        return home;
    }
    if let Some(meant) = meant(key, place) {
        return format!("unknown key (did you mean {meant}?)");
    }
    match place {
        None if is_table => "unknown table (an account is written [accounts.NAME])".to_owned(),
        Some(Table::Account) if is_table => {
            "unknown key (a name with a dot needs quotes, as in [accounts.\"a.b\"])".to_owned()
        }
        _ => "unknown key".to_owned(),
    }
}

/// Where a key of ours should have stood.
fn belongs(key: &str, place: Option<Table>) -> Option<String> {
    let known = keys().iter().find(|known| known.name == key)?;
    let name = known.name;
    Some(match (place, known.table) {
        (_, Table::Deliver) => {
            format!("{name} belongs in deliver, as in deliver = {{ maildir = \"~/Mail\" }}")
        }
        (Some(Table::Deliver), Table::Account) => {
            format!("{name} belongs beside deliver, not in it")
        }
        (_, Table::Account) => format!("{name} belongs in [accounts.NAME] or [defaults]"),
        (_, Table::Defaults) => format!("{name} belongs in [defaults]"),
    })
}

/// The nearest word of ours, if it is near.
fn meant(key: &str, place: Option<Table>) -> Option<&'static str> {
    // Longer than any word of ours with its slips; comparing is quadratic.
    if key.len() > 40 {
        return None;
    }
    let key = key.to_ascii_lowercase().replace('-', "_");
    let elsewhere = ELSEWHERE
        .iter()
        .find(|(word, _)| *word == key && matches!(place, Some(Table::Account | Table::Defaults)));
    if let Some(&(_, ours)) = elsewhere {
        return Some(ours);
    }
    let words: Vec<_> = match place {
        None => vec!["accounts", "defaults"],
        Some(table) => keys()
            .iter()
            .filter(|known| known.stands_in(table))
            .map(|known| known.name)
            .collect(),
    };
    words
        .into_iter()
        .map(|word| (strsim::osa_distance(&key, word), word))
        .filter(|&(distance, word)| distance <= word.len().max(3) / 3)
        .min()
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences() {
        let account = Some(Table::Account);
        for (key, place, is_table, said) in [
            ("hots", account, false, "unknown key (did you mean host?)"),
            ("Host", account, false, "unknown key (did you mean host?)"),
            (
                "max-size",
                account,
                false,
                "unknown key (did you mean max_size?)",
            ),
            (
                "pasword",
                account,
                false,
                "unknown key (did you mean password?)",
            ),
            (
                "username",
                account,
                false,
                "unknown key (did you mean user?)",
            ),
            ("server", None, false, "unknown key"),
            ("hunter2", account, false, "unknown key"),
            (
                "account",
                None,
                true,
                "unknown key (did you mean accounts?)",
            ),
            (
                "default",
                None,
                true,
                "unknown key (did you mean defaults?)",
            ),
            (
                "work",
                None,
                true,
                "unknown table (an account is written [accounts.NAME])",
            ),
            (
                "example",
                account,
                true,
                "unknown key (a name with a dot needs quotes, as in [accounts.\"a.b\"])",
            ),
            ("jobs", account, false, "jobs belongs in [defaults]"),
            (
                "host",
                None,
                false,
                "host belongs in [accounts.NAME] or [defaults]",
            ),
            (
                "maildir",
                account,
                false,
                "maildir belongs in deliver, as in deliver = { maildir = \"~/Mail\" }",
            ),
            (
                "keep",
                Some(Table::Deliver),
                false,
                "keep belongs beside deliver, not in it",
            ),
            (
                "malidir",
                Some(Table::Deliver),
                false,
                "unknown key (did you mean maildir?)",
            ),
            (
                "job",
                Some(Table::Defaults),
                false,
                "unknown key (did you mean jobs?)",
            ),
            ("proxy", account, false, "proxy is not in this version yet"),
        ] {
            assert_eq!(unknown(key, place, is_table), said, "{key}");
        }
        assert_eq!(unknown(&"h".repeat(10_000), account, false), "unknown key");
    }

    #[test]
    fn tables_agree_with_the_catalogue() {
        let known = |word: &str| keys().iter().any(|key| key.name == word);
        for (word, ours) in ELSEWHERE {
            assert!(known(ours) && !known(word), "{word}");
        }
        for word in LATER {
            assert!(!known(word), "{word}");
        }
    }
}
