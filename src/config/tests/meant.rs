//! What good configurations mean.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::*;
use super::{account, paths};
use crate::command::Command;
use crate::deliver::{Quoting, Target};
use crate::net::{Backend, Fingerprint, TlsVersion};
use crate::pop3::Pipelining;
use crate::sasl::{Method, Preference};
use crate::secret::Source;

#[test]
fn what_holds_without_a_key() {
    let account = account("");
    assert_eq!(account.name, "work");
    assert!(account.enabled);
    assert_eq!((account.host.as_str(), account.port), ("h", 995));
    assert_eq!(account.user, "u");
    assert_eq!(account.tls, Tls::Implicit);
    assert_eq!(account.tls_settings, Default::default());
    assert_eq!(account.timeouts.connect, Duration::from_secs(30));
    assert_eq!(account.timeouts.reply, Duration::from_secs(60));
    assert_eq!(account.auth, Preference::Auto);
    assert!(!account.allow_cleartext);
    assert!(matches!(account.secret, Source::None));
    assert_eq!(account.netrc, None);
    assert_eq!(account.keep, Keep::Always);
    assert_eq!(account.target, None);
    assert_eq!(account.max_size, None);
    assert_eq!(account.fetch_limit, None);
    assert_eq!(account.pipelining, Pipelining::Auto);
    assert_eq!(account.journal.parent(), Some(Path::new("/state")));
    assert!(!account.journal_named);
    assert!(!account.received_header);
}

#[test]
fn everything_said() {
    let account = account(
        r#"
        port = 1995
        tls = "stls"
        auth = ["scram-sha-256", "user"]
        password_command = ["~/bin/secret", "mail"]
        enabled = false
        keep = "14d"
        deliver = { mbox = "~/mail/%A/%U", quoting = "mboxo" }
        tls_ca_file = "/etc/ca.pem"
        tls_server_name = "other.example"
        tls_min_version = "1.3"
        tls_backend = "rustls"
        max_size = "20M"
        fetch_limit = 500
        timeout = 90
        connect_timeout = "2m"
        pipelining = "off"
        allow_cleartext = true
        netrc = "~/netrc"
        state = "~/journal"
        received_header = true
        "#,
    );
    assert_eq!((account.port, account.tls), (1995, Tls::Stls));
    let methods = vec![Method::ScramSha256, Method::User];
    assert_eq!(account.auth, Preference::List(methods));
    match account.secret {
        Source::Command(Command::Words(words)) => {
            assert_eq!(words, ["/home/me/bin/secret", "mail"]);
        }
        other => panic!("{other:?}"),
    }
    assert!(!account.enabled);
    assert_eq!(account.keep, Keep::For(Duration::from_secs(14 * 86_400)));
    let mbox = |path: &str| Target::Mbox {
        path: path.into(),
        quoting: Quoting::Mboxo,
    };
    assert_eq!(account.target, Some(mbox("/home/me/mail/work/u")));
    assert_eq!(account.target_written, Some(mbox("~/mail/%A/%U")));
    let tls = account.tls_settings;
    assert_eq!(tls.ca_file, Some("/etc/ca.pem".into()));
    assert_eq!(tls.server_name.as_deref(), Some("other.example"));
    assert_eq!(tls.min_version, TlsVersion::V13);
    assert_eq!(tls.backend, Backend::Rustls);
    assert_eq!(account.max_size, Some(20 << 20));
    assert_eq!(account.fetch_limit, Some(500));
    assert_eq!(account.timeouts.reply, Duration::from_secs(90));
    assert_eq!(account.timeouts.connect, Duration::from_secs(120));
    assert_eq!(account.pipelining, Pipelining::Off);
    assert!(account.allow_cleartext && account.received_header);
    assert_eq!(account.netrc, Some("/home/me/netrc".into()));
    assert_eq!(account.journal, Path::new("/home/me/journal"));
    assert!(account.journal_named);
}

#[test]
fn forms_of_values() {
    let auth = |value: &str| account(&format!("auth = {value}")).auth;
    assert_eq!(auth("\"auto\""), Preference::Auto);
    assert_eq!(auth("[\"auto\"]"), Preference::Auto);
    assert_eq!(auth("\"plain\""), Preference::List(vec![Method::Plain]));

    let keep = |value: &str| account(&format!("keep = {value}")).keep;
    assert_eq!(keep("true"), Keep::Always);
    assert_eq!(keep("false"), Keep::Never);
    assert_eq!(keep("\"12h\""), Keep::For(Duration::from_secs(43_200)));

    for (value, octets) in [("\"1k\"", 1024), ("7", 7), ("0x10", 16), ("1_000", 1000)] {
        let account = account(&format!("max_size = {value}"));
        assert_eq!(account.max_size, Some(octets), "{value}");
    }
    for (value, seconds) in [
        ("60", 60),
        ("\"60\"", 60),
        ("\"5m\"", 300),
        ("\"1d\"", 86_400),
    ] {
        let account = account(&format!("timeout = {value}"));
        assert_eq!(
            account.timeouts.reply,
            Duration::from_secs(seconds),
            "{value}"
        );
    }

    let pin = format!("sha256:{}", "ab".repeat(32));
    let key = format!("spki-sha256:{}", "cd".repeat(32));
    let one = account(&format!("tls_fingerprint = \"{pin}\"")).tls_settings;
    assert_eq!(one.fingerprints, [Fingerprint::Certificate([0xAB; 32])]);
    let two = account(&format!("tls_fingerprint = [\"{pin}\", \"{key}\"]")).tls_settings;
    assert_eq!(two.fingerprints[1], Fingerprint::Key([0xCD; 32]));

    let secret = account("password = \"a b\\tc\"").secret;
    assert!(matches!(secret, Source::Literal(secret) if secret.expose() == "a b\tc"));
    let secret = account("password_file = '~/p'").secret;
    assert!(matches!(secret, Source::File(path) if path == Path::new("/home/me/p")));

    let target = account("deliver = { mda = \"procmail\", timeout = 9, drop = [99, 1] }").target;
    let mda = Target::Mda {
        command: Command::Shell("procmail".to_owned()),
        timeout: Duration::from_secs(9),
        drop: vec![99, 1],
    };
    assert_eq!(target, Some(mda));
    match account("deliver.mda = [\"x\"]").target {
        Some(Target::Mda { timeout, drop, .. }) => {
            assert_eq!((timeout, drop), (Duration::from_secs(300), vec![]));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn ports_go_with_tls() {
    for (lines, port) in [
        ("tls = \"implicit\"", 995),
        ("tls = \"stls\"", 110),
        ("tls = \"none\"", 110),
        ("tls = \"none\"\nport = 995", 995),
    ] {
        assert_eq!(account(lines).port, port, "{lines}");
    }
}

#[test]
fn defaults_hold_unless_an_account_says_otherwise() {
    let source = r#"
        [accounts.zoe]
        [accounts.adam]
        user = "adam"
        password_file = "/p"
        tls_fingerprint = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
        deliver = { mda = ["cat"] }
        [accounts."../x"]
        tls = "none"
        keep = true

        [defaults]
        host = "h"
        user = "all"
        keep = false
        password_command = "pass"
        tls_ca_file = "/ca"
        deliver = { maildir = "~/Mail/%A" }
        jobs = 2
        max_connections_per_host = 1
    "#;
    let config = parse(source, &paths()).unwrap();
    assert_eq!((config.jobs, config.max_connections_per_host), (2, 1));
    let [zoe, adam, x] = &config.accounts[..] else {
        panic!("{:?}", config.accounts);
    };
    // In the order of the file.
    assert_eq!([&zoe.name, &adam.name, &x.name], ["zoe", "adam", "../x"]);
    assert_eq!([&zoe.user, &adam.user], ["all", "adam"]);
    assert_eq!([zoe.keep, x.keep], [Keep::Never, Keep::Always]);
    assert_eq!(
        zoe.target,
        Some(Target::Maildir("/home/me/Mail/zoe".into()))
    );
    let x_path = PathBuf::from("/home/me/Mail/%2E.%2Fx");
    assert_eq!(x.target, Some(Target::Maildir(x_path)));
    // A setting of one kind takes the place of the others of its kind.
    assert!(matches!(&adam.secret, Source::File(path) if path == Path::new("/p")));
    assert!(matches!(&zoe.secret, Source::Command(_)));
    assert_eq!(adam.tls_settings.ca_file, None);
    assert!(matches!(&adam.target, Some(Target::Mda { .. })));
    // What [defaults] says of TLS just does not matter to an account without.
    assert_eq!(x.tls, Tls::None);
    let other = parse(
        "[defaults]\njobs = 2\n[accounts.a]\nhost='h'\nuser='u'",
        &paths(),
    );
    assert_eq!(other.unwrap().max_connections_per_host, 4);
}
