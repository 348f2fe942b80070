//! Cyrus pop3d: LOGIN-DELAY and EXPIRE that it means, STLS and POP3S.
//!
//! Inside TLS it offers SCRAM with channel binding, but the only binding it knows is `tls-unique`, which TLS 1.3
//! does not have: any other is refused, and only after the client's proof (`bad protocol / cancel`).

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::namespace::{Namespace, free_port, need, unpacked};
use crate::place::{Place, User, users, write_certificates};
use crate::support::maildrop::crlf;
use crate::support::patience::PATIENCE;

const MECHANISMS: &str = "PLAIN LOGIN CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-256";
/// The system user it runs as, and its id, the same on every Debian.
const USER: &str = "mail";
const USER_ID: u32 = 8;

/// The unpacked package where its user can reach it, and a /dev with the log socket that it writes to.
const MOUNTS: &str = r#"
mount --bind "$UNPACKED" "$HERE/cyrus"
mount -t tmpfs -o mode=755 tmpfs "$HERE/dev"
for node in null zero full random urandom; do
    touch "$HERE/dev/$node"
    mount --bind "/dev/$node" "$HERE/dev/$node"
done
mkdir -m 1777 "$HERE/dev/shm"
ln -s /proc/self/fd "$HERE/dev/fd"
ln -s /proc/self/fd/2 "$HERE/dev/stderr"
ln -s "$HERE/syslog" "$HERE/dev/log"
mount --rbind "$HERE/dev" /dev
for folder in "$HERE"/cyrus/usr/lib/*-linux-gnu* "$HERE"/cyrus/lib/*-linux-gnu*; do
    LD_LIBRARY_PATH="${LD_LIBRARY_PATH:-}:$folder"
done
export LD_LIBRARY_PATH
"#;

/// Starts it.
pub(crate) fn start() -> Place {
    start_with("")
}

/// Starts it with lines added to imapd.conf: `popminpoll: 1`, `popexpiretime: 3d`, `allowplaintext: no`.
///
/// # Panics
/// When it is not unpacked or does not come up.
pub(crate) fn start_with(settings: &str) -> Place {
    let package = unpacked("cyrus");
    need(&package.join("usr/lib/cyrus/bin/pop3d"));
    let saslpasswd = need(Path::new("/usr/sbin/saslpasswd2"));
    let mut namespace = Namespace::new("cyrus");
    write_certificates(&namespace);
    let mut users = users();
    for message in users.iter_mut().flat_map(|user| &mut user.messages) {
        *message = bare_cr_ended(message);
    }
    for folder in ["cyrus", "dev", "mail", "proc", "lock", "sockets"] {
        fs::create_dir(namespace.path(folder)).unwrap();
    }
    for folder in ["db", "log", "msg", "quota", "socket", "user"] {
        fs::create_dir_all(namespace.path("conf").join(folder)).unwrap();
    }
    for user in &users {
        let mut command = Command::new(saslpasswd);
        command
            .args(["-p", "-c", "-u", "localhost", "-f"])
            .arg(namespace.path("sasldb"))
            .arg(user.name);
        namespace.run(&mut command, user.password);
    }
    let (port, tls_port, imap_port) = (free_port(), free_port(), free_port());
    let here = namespace.text("");
    let here = here.trim_end_matches('/');
    namespace.write(
        "imapd.conf",
        format!(
            "cyrus_user: {USER}
configdirectory: {here}/conf
proc_path: {here}/proc
mboxname_lockpath: {here}/lock
idlesocket: {here}/sockets/idle
lmtpsocket: {here}/sockets/lmtp
notifysocket: {here}/sockets/notify
defaultpartition: default
partition-default: {here}/mail
admins: admin
autocreate_quota: 0
servername: localhost
virtdomains: off
unixhierarchysep: no
sendmail: /bin/true
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {here}/sasldb
sasl_mech_list: {MECHANISMS}
sasl_minimum_layer: 0
sasl_maximum_layer: 256
allowanonymouslogin: no
tls_server_cert: {here}/server.pem
tls_server_key: {here}/server.key
tls_client_ca_file: {here}/ca.pem
tls_require_cert: no
{}{settings}
",
            // A key may stand in the file once.
            ["allowplaintext: yes", "popminpoll: 0"]
                .iter()
                .filter(|line| !settings.contains(line.split(':').next().unwrap_or_default()))
                .map(|line| format!("{line}\n"))
                .collect::<String>()
        ),
    );
    let bin = format!("{here}/cyrus/usr/lib/cyrus/bin");
    let config = format!("-C {here}/imapd.conf");
    namespace.write(
        "cyrus.conf",
        format!(
            "START {{
  recover cmd=\"{bin}/ctl_cyrusdb {config} -r\"
}}
SERVICES {{
  imap cmd=\"{bin}/imapd {config}\" listen=\"127.0.0.1:{imap_port}\" prefork=0
  pop3 cmd=\"{bin}/pop3d {config}\" listen=\"127.0.0.1:{port}\" prefork=0
  pop3s cmd=\"{bin}/pop3d {config} -s\" listen=\"127.0.0.1:{tls_port}\" prefork=0
}}
EVENTS {{
}}
"
        ),
    );
    for name in ["conf", "mail", "proc", "lock", "sockets", "sasldb"] {
        namespace.give(&namespace.path(name), USER_ID, USER_ID);
    }
    keep_syslog(&namespace);
    namespace.start(
        &format!("UNPACKED='{}'\n{MOUNTS}", package.display()),
        &format!("{bin}/master {config} -M {here}/cyrus.conf -p {here}/master.pid"),
    );
    namespace.wait_for(&[port, tls_port, imap_port]);
    for user in &users {
        if let Err(why) = append(imap_port, user) {
            namespace.fail(&format!("no mail for {}: {why}", user.name));
        }
    }
    Place {
        namespace,
        port,
        tls_port: Some(tls_port),
        users,
    }
}

/// Puts a user's messages into the mailbox, by IMAP in one command (RFC 3501, RFC 3502, RFC 7888).
fn append(port: u16, user: &User) -> io::Result<()> {
    let stream = TcpStream::connect((Place::HOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut replies = BufReader::new(stream.try_clone()?);
    let mut ask = |tag: &str, octets: &[u8]| -> io::Result<()> {
        (&stream).write_all(octets)?;
        loop {
            let mut line = String::new();
            if replies.read_line(&mut line)? == 0 {
                return Err(io::Error::other("the IMAP server has gone"));
            }
            if let Some(result) = line.strip_prefix(tag) {
                let ok = result.starts_with(" OK");
                return if ok {
                    Ok(())
                } else {
                    Err(io::Error::other(line))
                };
            }
        }
    };
    let (name, password) = (user.name, user.password);
    let login = format!("a LOGIN {name} {{{}+}}\r\n{password}\r\n", password.len());
    ask("a", login.as_bytes())?;
    if !user.messages.is_empty() {
        let mut command = b"b APPEND INBOX".to_vec();
        for message in &user.messages {
            let text = crlf(message);
            command.extend_from_slice(format!(" {{{}+}}\r\n", text.len()).as_bytes());
            command.extend_from_slice(&text);
        }
        command.extend_from_slice(b"\r\n");
        ask("b", &command)?;
    }
    ask("c", b"c LOGOUT\r\n")
}

/// Appends to the log what the server says to syslog.
fn keep_syslog(namespace: &Namespace) {
    let path = namespace.path("syslog");
    let socket = UnixDatagram::bind(&path).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    let mut options = OpenOptions::new();
    let log = options
        .create(true)
        .append(true)
        .open(namespace.path("log"));
    let mut log = log.unwrap();
    thread::spawn(move || {
        let mut line = [0; 8192];
        while path.exists() {
            if let Ok(length) = socket.recv(&mut line) {
                let line = [line[..length].trim_ascii_end(), b"\n"].concat();
                // The folder may be on its way out.
                let _ = log.write_all(&line);
            }
        }
    });
}

/// Cyrus makes a CRLF of a bare CR when mail is stored.
fn bare_cr_ended(text: &[u8]) -> Vec<u8> {
    let ended = |&octet: &u8| if octet == b'\r' { b'\n' } else { octet };
    text.iter().map(ended).collect()
}
