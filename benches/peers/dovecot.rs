//! Dovecot with one Maildir, on loopback.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

const PROGRAM: &str = "/usr/sbin/dovecot";
/// Owner of the mail; no such user need exist.
const OWNER: u32 = 60_999;

/// Ends when dropped.
pub(crate) struct Dovecot {
    pub(crate) port: u16,
    child: Child,
    _folder: TempDir,
}

impl Dovecot {
    /// `None` where it cannot be had.
    pub(crate) fn start(
        user: &str,
        password: &str,
        messages: impl Iterator<Item = Vec<u8>>,
    ) -> Option<Self> {
        if !Path::new(PROGRAM).exists() || !rustix::process::geteuid().is_root() {
            eprintln!("Dovecot is left out: it has to be installed, and started by root");
            return None;
        }
        let folder = tempfile::Builder::new()
            .prefix("peers")
            .tempdir_in("/tmp")
            .unwrap();
        let mail = folder.path().join("mail");
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(mail.join(part)).unwrap();
        }
        for (number, text) in messages.enumerate() {
            fs::write(
                mail.join("new")
                    .join(format!("{}.M1P1.bench", 1_704_067_200 + number)),
                text,
            )
            .unwrap();
        }
        let opened = Command::new("chown")
            .arg("-R")
            .arg(format!("{OWNER}:{OWNER}"))
            .arg(&mail)
            .status();
        assert!(opened.unwrap().success());
        let reach = Command::new("chmod").arg("755").arg(folder.path()).status();
        assert!(reach.unwrap().success());
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let here = folder.path().display();
        fs::write(
            folder.path().join("users"),
            format!("{user}:{{PLAIN}}{password}::::::\n"),
        )
        .unwrap();
        let config = folder.path().join("dovecot.conf");
        fs::write(&config, format!(
            "base_dir = {here}/run\nlog_path = /dev/null\nprotocols = pop3\nlisten = 127.0.0.1\nssl = no\n\
             disable_plaintext_auth = no\nmail_location = maildir:{here}/mail\nmail_uid = {OWNER}\nmail_gid = {OWNER}\n\
             first_valid_uid = 500\nmail_max_userip_connections = 100\nmail_fsync = never\n\
             passdb {{\n driver = passwd-file\n args = {here}/users\n}}\n\
             userdb {{\n driver = static\n args = uid={OWNER} gid={OWNER} home={here}\n}}\n\
             service pop3-login {{\n inet_listener pop3 {{\n port = {port}\n }}\n inet_listener pop3s {{\n port = 0\n }}\n}}\n\
             service auth {{\n user = root\n}}\n"
        )).unwrap();
        let child = Command::new(PROGRAM)
            .arg("-F")
            .arg("-c")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let dovecot = Self {
            port,
            child,
            _folder: folder,
        };
        for _ in 0..100 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(dovecot);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        eprintln!("Dovecot is left out: it did not come up");
        None
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        let _ = rustix::process::kill_process(
            rustix::process::Pid::from_child(&self.child),
            rustix::process::Signal::TERM,
        );
        let _ = self.child.wait();
    }
}
