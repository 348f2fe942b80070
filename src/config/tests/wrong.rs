//! What is said of bad configurations.

use super::{said, with};

#[test]
fn wrong_values() {
    let zero_to_nine = "expected a whole number from 1 to";
    for (line, message) in [
        ("netrc = 5", "4:9: netrc: expected a path"),
        (
            "port = \"995\"",
            &format!("4:8: port: {zero_to_nine} 65535"),
        ),
        ("port = 0", &format!("4:8: port: {zero_to_nine} 65535")),
        ("port = -1", &format!("4:8: port: {zero_to_nine} 65535")),
        ("port = 65536", &format!("4:8: port: {zero_to_nine} 65535")),
        ("port = 1.5", &format!("4:8: port: {zero_to_nine} 65535")),
        (
            "port = 99999999999999999999999",
            &format!("4:8: port: {zero_to_nine} 65535"),
        ),
        (
            "tls = \"starttls\"",
            "4:7: tls: expected \"implicit\" or \"stls\" or \"none\"",
        ),
        (
            "tls = true",
            "4:7: tls: expected \"implicit\" or \"stls\" or \"none\"",
        ),
        (
            "auth = \"scram\"",
            "4:8: auth: expected \"auto\", or login methods in order of preference: scram-sha-256-plus, \
             scram-sha-256, scram-sha-1-plus, scram-sha-1, cram-md5, plain, login, apop, user",
        ),
        (
            "auth = [\"plain\", \"auto\"]",
            "4:8: auth: \"auto\" cannot stand beside other methods",
        ),
        (
            "password = 1234",
            "4:12: password: expected a string (in quotes)",
        ),
        (
            "password = \"\"",
            "4:12: password: it is empty (without this key the password is asked for)",
        ),
        (
            "password = \"a\\r\\nDELE 1\"",
            "4:12: password: line breaks and NUL cannot be sent",
        ),
        (
            "password_command = 7",
            "4:20: password_command: expected a command: an array of words, or a string for /bin/sh",
        ),
        (
            "password_command = []",
            "4:20: password_command: a command cannot be empty",
        ),
        (
            "password_command = [\"a\", 1]",
            "4:26: password_command: expected a string",
        ),
        (
            "password_command = \"a\\u0000b\"",
            "4:20: password_command: a command cannot hold NUL",
        ),
        (
            "password_file = \"secret\"",
            "4:17: password_file: expected a path that begins with / or ~/",
        ),
        ("enabled = \"yes\"", "4:11: enabled: expected true or false"),
        (
            "keep = 14",
            "4:8: keep: expected true, false, or an age such as \"14d\"",
        ),
        (
            "keep = \"14\"",
            "4:8: keep: expected true, false, or an age such as \"14d\"",
        ),
        ("keep = \"0d\"", "4:8: keep: to delete at once, write false"),
        ("keep = \"99999d\"", "4:8: keep: this time is too long"),
        (
            "max_size = \"20MB\"",
            "4:12: max_size: expected a size such as 500k, 20M, 1G, or a number of octets",
        ),
        (
            "max_size = 0",
            "4:12: max_size: expected a size of at least one octet",
        ),
        (
            "fetch_limit = 0",
            "4:15: fetch_limit: expected a whole number of at least 1",
        ),
        (
            "timeout = \"fast\"",
            "4:11: timeout: expected a time such as \"60s\", \"5m\", or a number of seconds",
        ),
        (
            "timeout = 0",
            "4:11: timeout: expected a time from one second to a day",
        ),
        (
            "timeout = \"2d\"",
            "4:11: timeout: expected a time from one second to a day",
        ),
        (
            "timeout = 18446744073709551615",
            "4:11: timeout: expected a time from one second to a day",
        ),
        (
            "pipelining = true",
            "4:14: pipelining: expected \"auto\" or \"on\" or \"off\"",
        ),
        (
            "tls_min_version = 1.2",
            "4:19: tls_min_version: expected \"1.2\" or \"1.3\"",
        ),
        (
            "tls_fingerprint = [\"sha256:00\"]",
            "4:20: tls_fingerprint: expected \"sha256:\" or \"spki-sha256:\" and 64 hexadecimal digits, \
             or an array of these",
        ),
        (
            "tls_fingerprint = []",
            "4:19: tls_fingerprint: expected \"sha256:\" or \"spki-sha256:\" and 64 hexadecimal digits, \
             or an array of these",
        ),
        (
            "tls_server_name = \"bücher.example\"",
            "4:19: tls_server_name: write an international name in its ASCII form (punycode, xn--...)",
        ),
        (
            "deliver = \"~/Mail\"",
            "4:11: deliver: expected a table such as { maildir = \"~/Mail/work\" }",
        ),
        (
            "deliver = {}",
            "4:11: deliver: expected one of maildir, mbox and mda",
        ),
        (
            "deliver = { quoting = \"mboxo\", maildir = \"/m\" }",
            "4:13: deliver: quoting goes only with mbox",
        ),
        (
            "deliver = { maildir = \"/m\", timeout = 5 }",
            "4:29: deliver: timeout goes only with mda",
        ),
        (
            "deliver = { mbox = \"/m\", drop = [5] }",
            "4:26: deliver: drop goes only with mda",
        ),
        (
            "deliver = { maildir = \"/m\", mbox = \"/n\" }",
            "4:29: deliver: mbox cannot stand beside maildir: choose one",
        ),
        (
            "deliver = { maildir = \"Mail\" }",
            "4:23: deliver: maildir: expected a path that begins with / or ~/",
        ),
        (
            "deliver = { maildir = \"/m/%u\" }",
            "4:23: deliver: maildir: unknown placeholder (known: %A, %U, and %% for a percent sign)",
        ),
        (
            "deliver = { mda = [\"a\"], drop = [75] }",
            "4:34: deliver: drop: 75 means that the message is to be tried again",
        ),
        (
            "deliver = { mda = [\"a\"], drop = [0] }",
            "4:34: deliver: drop: expected a whole number from 1 to 255",
        ),
        (
            "deliver = { mda = [\"a\", \"%x\"] }",
            "4:19: deliver: mda: unknown placeholder %x (known: %F %U %H %A %I %S, and %% for a percent sign)",
        ),
        (
            "deliver = { mda = \"a %F\" }",
            "4:19: deliver: mda: %F in a string would be read by the shell: write the command as an array, \
             or use \"$POPFETCH_SENDER\"",
        ),
        (
            "[defaults]\nmax_connections_per_host = 0",
            "5:28: max_connections_per_host: expected a whole number from 1 to 1024",
        ),
    ] {
        assert_eq!(said(&with(line)), message, "{line}");
    }
    for (line, message) in [
        (
            "tls_backend = \"openssl\"",
            "4:15: tls_backend: expected \"rustls\" or \"native\"",
        ),
        (
            "tls_backend = \"native\"",
            "4:15: tls_backend: \"native\" is not built into this popfetch",
        ),
    ] {
        if !(cfg!(feature = "native-tls") && line.contains("native")) {
            assert_eq!(said(&with(line)), message);
        }
    }
}

#[test]
fn what_does_not_fit_together() {
    for (source, message) in [
        ("", "1:1: there is no account: add [accounts.NAME]"),
        (
            "[defaults]\nkeep = true",
            "1:1: there is no account: add [accounts.NAME]",
        ),
        ("[accounts.work]\nhost = 5", "2:8: host: expected a string"),
        (
            "[accounts.work]\nuser = 'u'",
            "1:11: account work has no host",
        ),
        (
            "[accounts.work]\nhost = 'h'",
            "1:11: account work has no user",
        ),
        (
            "[accounts.\"\"]\nhost = 'h'",
            "1:11: an account needs a name",
        ),
        (
            "[accounts.\"a\\u001B[31m\"]\nhost = 'h'",
            "1:11: an account's name cannot hold control characters",
        ),
        (
            &with("password = 'a'\npassword_command = 'b'"),
            "5:1: password_command cannot stand beside password: choose one",
        ),
        (
            "[defaults]\npassword_file = '/a'\npassword = 'b'\n[accounts.a]\nhost='h'\nuser='u'",
            "3:1: password cannot stand beside password_file: choose one",
        ),
        (
            &with(&format!(
                "tls_ca_file = '/a'\ntls_fingerprint = 'sha256:{}'",
                "00".repeat(32)
            )),
            "5:1: tls_fingerprint cannot stand beside tls_ca_file: choose one",
        ),
        (
            &with("tls_server_name = 'a'\ntls = 'none'"),
            "4:1: tls_server_name has no use with tls = \"none\"",
        ),
        (
            &format!("{}[defaults]\ntls = 'none'", with("tls_ca_file = '/a'")),
            "4:1: tls_ca_file has no use with tls = \"none\"",
        ),
        (
            &format!(
                "{}[accounts.home]\nhost = 'h'\nuser = 'u'\nstate = '/s/./j'",
                with("state = '/s/j'")
            ),
            "8:1: account home would share the journal of account work: give each a state of its own",
        ),
        (
            &format!(
                "{}[accounts.home]\nhost = 'h'\nuser = 'u'\n[defaults]\nstate = '/j'",
                with("")
            ),
            "5:11: account home would share the journal of account work: give each a state of its own",
        ),
        (
            "accounts = 5",
            "1:12: accounts: expected tables [accounts.NAME]",
        ),
        (
            "[accounts]\nwork = 5",
            "2:8: accounts: expected a table [accounts.NAME]",
        ),
        (
            "[[accounts]]",
            "1:1: accounts: expected tables [accounts.NAME]",
        ),
        (
            "defaults = 5",
            "1:12: defaults: expected the table [defaults]",
        ),
    ] {
        assert_eq!(said(source), message, "{source}");
    }
}

#[test]
fn keys_that_are_not_ours() {
    for (source, message) in [
        (
            "[account.work]",
            "1:2: unknown key (did you mean accounts?)",
        ),
        (
            "keep = true",
            "1:1: keep belongs in [accounts.NAME] or [defaults]",
        ),
        (
            &with("pasword = 'hunter2'"),
            "4:1: unknown key (did you mean password?)",
        ),
        (&with("jobs = 2"), "4:1: jobs belongs in [defaults]"),
        (
            &with("tls_client_cert = '/a'"),
            "4:1: tls_client_cert is not in this version yet",
        ),
        (
            &with("token = 'x'"),
            "4:1: token is not in this version yet",
        ),
        (
            &with("deliver = { maildri = '/m' }"),
            "4:13: deliver: unknown key (did you mean maildir?)",
        ),
        (
            "[accounts.pop.example]\nhost = 'h'",
            "1:15: unknown key (a name with a dot needs quotes, as in [accounts.\"a.b\"])",
        ),
        // The first in the file, not in the alphabet.
        (&with("zzz = 1\naaa = 2\nport = 'x'"), "4:1: unknown key"),
    ] {
        assert_eq!(said(source), message, "{source}");
    }
}

#[test]
fn what_is_not_toml() {
    for (line, message) in [
        (
            "password = hunter2",
            "4:12: string values must be quoted, expected literal string",
        ),
        (
            "password = \"hunter2",
            "4:20: invalid basic string, expected `\"`",
        ),
        ("hunter2", "4:8: key with no value, expected `=`"),
        ("user = 'hunter2'", "4:1: duplicate key"),
    ] {
        assert_eq!(said(&with(line)), message, "{line}");
    }
}
