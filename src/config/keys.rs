//! The catalogue of keys: what each is called, takes and means. The parser and the manual both read it.

use super::error::Fault;
use super::file::Written;
use super::value::Value;
use super::{Keep, Tls, identity, units};
use crate::deliver::Quoting;
use crate::net::{Backend, TlsVersion};
use crate::pop3::Pipelining;
use crate::sasl::{Method, Preference};
use crate::secret::{Secret, Source};

/// Where a key may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// In `[defaults]` only.
    Defaults,
    /// In `[accounts.NAME]`, and in `[defaults]` for all accounts that do not say otherwise.
    Account,
    /// In the `deliver` table of an account.
    Deliver,
}

/// A key of the configuration file. In `text`, words between backticks stand as they are typed.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// Where it may stand.
    pub table: Table,
    /// What it takes, as a synopsis: words in capitals are explained by `text`.
    pub form: &'static str,
    /// What holds without it; `None`: nothing.
    pub default: Option<&'static str>,
    /// A value as it may be written.
    pub example: &'static str,
    /// What it means: a paragraph.
    pub text: &'static str,
    /// Reads its value.
    pub(super) read: fn(&mut Written, Value<'_>) -> Result<(), Fault>,
}

impl Key {
    /// Whether the key may stand in a table.
    pub(super) fn stands_in(&self, table: Table) -> bool {
        self.table == table || (self.table == Table::Account && table == Table::Defaults)
    }
}

/// All keys there are, in the order in which a manual presents them.
pub fn keys() -> &'static [Key] {
    KEYS
}

const AUTH: &str = "\"auto\", or login methods in order of preference: scram-sha-256-plus, scram-sha-256, \
     scram-sha-1-plus, scram-sha-1, cram-md5, plain, login, apop, user";
const PIN: &str = "\"sha256:\" or \"spki-sha256:\" and 64 hexadecimal digits, or an array of these";

const KEYS: &[Key] = &[
    Key {
        name: "host",
        table: Table::Account,
        form: "NAME | ADDRESS",
        default: None,
        example: r#""pop.example.org""#,
        text: "Required. The POP3 server: a name, an IPv4 address or an IPv6 address. An international name is \
               written in its ASCII form (`xn--...`). The certificate must be for this name, unless \
               `tls_server_name` or `tls_fingerprint` says otherwise.",
        read: |written, value| {
            written.host = Some(value.read("a string", identity::host)?);
            Ok(())
        },
    },
    Key {
        name: "port",
        table: Table::Account,
        form: "NUMBER",
        default: Some("995 with tls = \"implicit\", else 110"),
        example: "995",
        text: "The TCP port of the server.",
        read: |written, value| {
            written.port = Some(value.number(1..=65_535)?);
            Ok(())
        },
    },
    Key {
        name: "user",
        table: Table::Account,
        form: "NAME",
        default: None,
        example: r#""me@example.org""#,
        text: "Required. The name to log in with; many providers want the whole mail address.",
        read: |written, value| {
            written.user = Some(value.read("a string", identity::user)?);
            Ok(())
        },
    },
    Key {
        name: "password_command",
        table: Table::Account,
        form: "COMMAND",
        default: None,
        example: r#""pass show mail/work""#,
        text: "A command that prints the password; the first line of its output counts. A string is run by \
               `/bin/sh -c`, an array as it is, without a shell: `[\"pass\", \"show\", \"mail/work\"]`. It may take \
               60 seconds. Where neither this nor `password_file` nor `password` is set, the password is sought \
               in netrc and then asked for on the terminal.",
        read: |written, value| {
            written.secret = Source::Command(value.command()?);
            Ok(())
        },
    },
    Key {
        name: "password_file",
        table: Table::Account,
        form: "PATH",
        default: None,
        example: r#""~/.config/popfetch/work.password""#,
        text: "A file whose first line is the password. It is refused when others can read it (`chmod 600`).",
        read: |written, value| {
            written.secret = Source::File(value.path()?);
            Ok(())
        },
    },
    Key {
        name: "password",
        table: Table::Account,
        form: "STRING",
        default: None,
        example: r#""correct horse battery staple""#,
        text: "The password itself. A configuration file that holds one is refused when others can read it \
               (`chmod 600`); `password_command` keeps it out of the file altogether.",
        read: |written, value| {
            let what = "a string (in quotes)";
            let text = value.read(what, |text| identity::one_line(text).map(str::to_owned))?;
            if text.is_empty() {
                return Err(value.fault("it is empty (without this key the password is asked for)"));
            }
            written.secret = Source::Literal(Secret::new(text));
            Ok(())
        },
    },
    Key {
        name: "netrc",
        table: Table::Account,
        form: "PATH",
        default: Some("~/.netrc"),
        example: r#""~/.netrc""#,
        text: "The netrc file where the password is sought when the account itself gives none. An entry counts \
               when its `machine` is the account's `host` and its `login` the account's `user`; it is refused when \
               others can read the file (`chmod 600`).",
        read: |written, value| {
            written.netrc = Some(value.path()?);
            Ok(())
        },
    },
    Key {
        name: "auth",
        table: Table::Account,
        form: "\"auto\" | METHOD | [METHOD, ...]",
        default: Some("\"auto\""),
        example: r#"["scram-sha-256", "plain"]"#,
        text: "How to log in. `auto` takes the strongest method that the server offers and the connection allows. \
               Otherwise only the methods named are used, in this order: `scram-sha-256-plus`, `scram-sha-256`, \
               `scram-sha-1-plus`, `scram-sha-1`, `cram-md5`, `plain`, `login`, `apop`, `user`. `apop` is used \
               only when it is named here. Without TLS, methods that show the password to whoever listens are \
               used only with `allow_cleartext`.",
        read: |written, value| {
            written.auth = auth(value)?;
            Ok(())
        },
    },
    Key {
        name: "allow_cleartext",
        table: Table::Account,
        form: "true | false",
        default: Some("false"),
        example: "true",
        text: "With `tls = \"none\"`, allow the password to be sent so that whoever listens on the network can \
               read it. It has no effect on a connection with TLS.",
        read: |written, value| {
            written.allow_cleartext = value.boolean()?;
            Ok(())
        },
    },
    Key {
        name: "enabled",
        table: Table::Account,
        form: "true | false",
        default: Some("true"),
        example: "false",
        text: "Whether the account is used when no account is named on the command line. With `false` it is used \
               only when named: `popfetch -a NAME`.",
        read: |written, value| {
            written.enabled = value.boolean()?;
            Ok(())
        },
    },
    Key {
        name: "deliver",
        table: Table::Account,
        form: "{ maildir = PATH } | { mbox = PATH, ... } | { mda = COMMAND, ... }",
        default: None,
        example: r#"{ maildir = "~/Mail/work" }"#,
        text: "Where mail goes: exactly one of a Maildir folder, an mbox file or a command. The keys of this table \
               are described below. Needed to fetch, unless `--maildir`, `--mbox` or `--mda` is given.",
        read: |written, value| written.read_deliver(value),
    },
    Key {
        name: "keep",
        table: Table::Account,
        form: "true | false | AGE",
        default: Some("true"),
        example: r#""14d""#,
        text: "What becomes of mail on the server once it is safely delivered: `true` leaves it there, `false` \
               deletes it at once, an age such as `\"14d\"` or `\"12h\"` (units `d`, `h`, `m`, `s`) deletes it \
               that long after its delivery. Mail that popfetch has not delivered itself is never deleted.",
        read: |written, value| {
            written.keep = keep(value)?;
            Ok(())
        },
    },
    Key {
        name: "max_size",
        table: Table::Account,
        form: "SIZE",
        default: Some("no limit"),
        example: r#""20M""#,
        text: "Messages larger than this are skipped: they stay on the server and are reported once. A number of \
               octets, or a string with `k`, `M` or `G` (powers of 1024).",
        read: |written, value| {
            written.max_size = Some(value.size()?);
            Ok(())
        },
    },
    Key {
        name: "fetch_limit",
        table: Table::Account,
        form: "NUMBER",
        default: Some("no limit"),
        example: "500",
        text: "Fetch at most this many messages in one run; the next run goes on with the rest. Skipped messages \
               do not count.",
        read: |written, value| {
            written.fetch_limit = Some(value.number(1..=u64::MAX)?);
            Ok(())
        },
    },
    Key {
        name: "received_header",
        table: Table::Account,
        form: "true | false",
        default: Some("false"),
        example: "true",
        text: "Put a `Received:` line of popfetch's own in front of each message. Without it a message is handed \
               over exactly as the server sent it.",
        read: |written, value| {
            written.received_header = value.boolean()?;
            Ok(())
        },
    },
    Key {
        name: "state",
        table: Table::Account,
        form: "PATH",
        default: Some("a file named after the account, in popfetch's state directory"),
        example: r#""~/.local/state/popfetch/work""#,
        text: "The account's journal: the file in which popfetch remembers what it has delivered. No two accounts \
               may share one. Whoever moves it should move the file along, or all mail is fetched again.",
        read: |written, value| {
            written.state = Some(value.path()?);
            Ok(())
        },
    },
    Key {
        name: "tls",
        table: Table::Account,
        form: "\"implicit\" | \"stls\" | \"none\"",
        default: Some("\"implicit\""),
        example: r#""stls""#,
        text: "How the connection is protected. `implicit`: TLS from the first octet (POP3S). `stls`: the \
               connection begins in clear and changes to TLS by the command STLS before the login; a server that \
               does not offer it is not logged in to. `none`: no TLS; see `allow_cleartext`.",
        read: |written, value| {
            let words = [
                ("implicit", Tls::Implicit),
                ("stls", Tls::Stls),
                ("none", Tls::None),
            ];
            written.tls = value.word(&words)?;
            Ok(())
        },
    },
    Key {
        name: "tls_ca_file",
        table: Table::Account,
        form: "PATH",
        default: Some("the system's certificate authorities"),
        example: r#""/etc/ssl/certs/our-ca.pem""#,
        text: "A PEM file with the certificate authorities to trust instead of the system's.",
        read: |written, value| {
            written.tls_settings.ca_file = Some(value.path()?);
            // One replaces the other: what [defaults] said of it no longer holds.
            written.tls_settings.fingerprints.clear();
            Ok(())
        },
    },
    Key {
        name: "tls_fingerprint",
        table: Table::Account,
        form: "FINGERPRINT | [FINGERPRINT, ...]",
        default: None,
        example: r#""sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855""#,
        text: "Trust exactly the server whose certificate (`sha256:`) or public key (`spki-sha256:`) has one of \
               these fingerprints, whoever signed the certificate, whatever names and dates it bears. \
               `popfetch info` prints the line to paste. It excludes `tls_ca_file`.",
        read: |written, value| {
            let pins = value.list(|pin| {
                let text = pin.text(PIN)?;
                text.parse()
                    .map_err(|_| pin.fault(format!("expected {PIN}")))
            })?;
            if pins.is_empty() {
                return Err(value.fault(format!("expected {PIN}")));
            }
            written.tls_settings.fingerprints = pins;
            written.tls_settings.ca_file = None;
            Ok(())
        },
    },
    Key {
        name: "tls_server_name",
        table: Table::Account,
        form: "NAME",
        default: Some("host"),
        example: r#""mail.example.org""#,
        text: "The name that the server's certificate must be for, where it is another than `host`: for a \
               connection through a tunnel, say.",
        read: |written, value| {
            written.tls_settings.server_name = Some(value.read("a string", identity::host)?);
            Ok(())
        },
    },
    Key {
        name: "tls_min_version",
        table: Table::Account,
        form: "\"1.2\" | \"1.3\"",
        default: Some("\"1.2\""),
        example: r#""1.3""#,
        text: "The oldest version of TLS to accept.",
        read: |written, value| {
            let words = [("1.2", TlsVersion::V12), ("1.3", TlsVersion::V13)];
            written.tls_settings.min_version = value.word(&words)?;
            Ok(())
        },
    },
    Key {
        name: "tls_backend",
        table: Table::Account,
        form: "\"rustls\" | \"native\"",
        default: Some("\"rustls\""),
        example: r#""rustls""#,
        text: "Which implementation of TLS to use. `native` is the platform's own (OpenSSL on Linux), where \
               popfetch was built with it; it may get along with servers that are too old for `rustls`.",
        read: |written, value| {
            let words = [("rustls", Backend::Rustls), ("native", Backend::Native)];
            written.tls_settings.backend = value.word(&words)?;
            if written.tls_settings.backend == Backend::Native && !cfg!(feature = "native-tls") {
                return Err(value.fault("\"native\" is not built into this popfetch"));
            }
            Ok(())
        },
    },
    Key {
        name: "timeout",
        table: Table::Account,
        form: "TIME",
        default: Some("\"60s\""),
        example: r#""90s""#,
        text: "How long to wait for the server: a reply must be there, and a piece of 1 KiB of a message must \
               arrive, within this time. A string such as `\"90s\"` or `\"2m\"`, or a number of seconds.",
        read: |written, value| {
            written.timeouts.reply = value.limit()?;
            Ok(())
        },
    },
    Key {
        name: "connect_timeout",
        table: Table::Account,
        form: "TIME",
        default: Some("\"30s\""),
        example: "10",
        text: "How long the look-up of the name, the connection and the TLS handshake may take, each. A string \
               such as `\"10s\"`, or a number of seconds.",
        read: |written, value| {
            written.timeouts.connect = value.limit()?;
            Ok(())
        },
    },
    Key {
        name: "pipelining",
        table: Table::Account,
        form: "\"auto\" | \"on\" | \"off\"",
        default: Some("\"auto\""),
        example: r#""off""#,
        text: "Whether to send commands before the replies to earlier ones are there, which is faster. `auto`: \
               where the server says that it can. `on`: even where it does not say so. `off`: never, for a \
               server that gets it wrong.",
        read: |written, value| {
            let words = [
                ("auto", Pipelining::Auto),
                ("on", Pipelining::On),
                ("off", Pipelining::Off),
            ];
            written.pipelining = value.word(&words)?;
            Ok(())
        },
    },
    Key {
        name: "jobs",
        table: Table::Defaults,
        form: "NUMBER",
        default: Some("8"),
        example: "4",
        text: "How many accounts are worked on at the same time.",
        read: |written, value| {
            written.jobs = value.number(1..=1024)?;
            Ok(())
        },
    },
    Key {
        name: "max_connections_per_host",
        table: Table::Defaults,
        form: "NUMBER",
        default: Some("4"),
        example: "2",
        text: "How many connections to one server there may be at the same time; some servers allow no more.",
        read: |written, value| {
            written.max_connections_per_host = value.number(1..=1024)?;
            Ok(())
        },
    },
    Key {
        name: "maildir",
        table: Table::Deliver,
        form: "PATH",
        default: None,
        example: r#""~/Mail/%A""#,
        text: "A Maildir folder. It is made if it is missing, but the folder around it must be there. `%A` stands \
               for the account's name and `%U` for the user, each as one component of the path, so that one \
               `deliver` in `[defaults]` serves all accounts; `%%` is a percent sign.",
        read: |written, value| {
            written.deliver.maildir = Some(value.mailbox()?);
            Ok(())
        },
    },
    Key {
        name: "mbox",
        table: Table::Deliver,
        form: "PATH",
        default: None,
        example: r#""~/mail/inbox""#,
        text: "An mbox file. It is locked by a dotlock, fcntl and flock while mail is appended. `%A`, `%U` and \
               `%%` as for `maildir`.",
        read: |written, value| {
            written.deliver.mbox = Some(value.mailbox()?);
            Ok(())
        },
    },
    Key {
        name: "quoting",
        table: Table::Deliver,
        form: "\"mboxrd\" | \"mboxo\"",
        default: Some("\"mboxrd\""),
        example: r#""mboxo""#,
        text: "With `mbox` only: how lines that could be taken for the beginning of a message are marked. \
               `mboxrd` puts `>` before `From `, `>From ` and so on, which a reader can undo; `mboxo` only \
               before `From `.",
        read: |written, value| {
            let words = [("mboxrd", Quoting::Mboxrd), ("mboxo", Quoting::Mboxo)];
            written.deliver.quoting = value.word(&words)?;
            Ok(())
        },
    },
    Key {
        name: "mda",
        table: Table::Deliver,
        form: "COMMAND",
        default: None,
        example: r#"["procmail", "-f", "%F", "-d", "me"]"#,
        text: "A mail delivery agent: a command that reads a message from its standard input. An array is run as \
               it is, and its words may hold `%F` (envelope sender), `%U` (user), `%H` (host), `%A` (account), \
               `%I` (unique-id), `%S` (octets) and `%%`. A string is run by `/bin/sh -c` and finds the same as \
               `$POPFETCH_SENDER`, `$POPFETCH_USER`, `$POPFETCH_HOST`, `$POPFETCH_ACCOUNT`, `$POPFETCH_UID` and \
               `$POPFETCH_SIZE`. Exit status 0 means delivered; 75, a signal or the timeout that the message is \
               tried again in the next run; any other that the delivery has failed: the message stays on the \
               server and is tried again with growing pauses.",
        read: |written, value| {
            written.deliver.mda = Some(value.command()?);
            Ok(())
        },
    },
    Key {
        name: "timeout",
        table: Table::Deliver,
        form: "TIME",
        default: Some("\"5m\""),
        example: r#""10m""#,
        text: "With `mda` only: how long the command may take for one message before it is ended. A string such \
               as `\"10m\"`, or a number of seconds.",
        read: |written, value| {
            written.deliver.timeout = value.limit()?;
            Ok(())
        },
    },
    Key {
        name: "drop",
        table: Table::Deliver,
        form: "[STATUS, ...]",
        default: Some("[]"),
        example: "[99]",
        text: "With `mda` only: exit statuses by which the command says that it has thrown the message away on \
               purpose. Such a message counts as delivered.",
        read: |written, value| {
            written.deliver.drop = value.list(|status| match status.number(1..=255)? {
                75 => Err(status.fault("75 means that the message is to be tried again")),
                status => Ok(status),
            })?;
            Ok(())
        },
    },
];

fn auth(value: Value<'_>) -> Result<Preference, Fault> {
    let expected = |value: Value<'_>| value.fault(format!("expected {AUTH}"));
    // `None` stands for auto.
    let words = value.list(|word| match word.text(AUTH)? {
        "auto" => Ok(None),
        text => text.parse::<Method>().map(Some).map_err(|_| expected(word)),
    })?;
    let methods: Vec<_> = words.iter().copied().flatten().collect();
    match (words.len(), methods.len()) {
        (1, 0) => Ok(Preference::Auto),
        (0, _) => Err(expected(value)),
        (all, named) if all == named => Ok(Preference::List(methods)),
        _ => Err(value.fault("\"auto\" cannot stand beside other methods")),
    }
}

fn keep(value: Value<'_>) -> Result<Keep, Fault> {
    if let Ok(keep) = value.boolean() {
        return Ok(if keep { Keep::Always } else { Keep::Never });
    }
    let form = "true, false, or an age such as \"14d\"";
    let age = value.read(form, |text| {
        units::parse_age(text).map_err(|why| match why.starts_with("expected") {
            true => format!("expected {form}"),
            false => why,
        })
    })?;
    if age.is_zero() {
        return Err(value.fault("to delete at once, write false"));
    }
    Ok(Keep::For(age))
}
