//! popa3d: no CAPA, no TLS, system users, an mbox for each; started by each connection, as inetd does.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::namespace::{Namespace, need, spawn, unpacked, unshare};
use crate::place::{Place, User, users};

/// The machine's own users and mail stay as they are: ours lie over them, for popa3d alone.
const MOUNTS: &str = r#"
for file in passwd shadow group pam.d; do mount --bind "$HERE/$file" "/etc/$file"; done
mount --bind "$HERE/mail" /var/mail
mkdir -p /var/lib
mount -t tmpfs -o mode=755 tmpfs /var/lib
mkdir -p /var/lib/popa3d
exec "$PROGRAM"
"#;
/// The first user's id.
const FIRST: u32 = 61_000;

/// popa3d and what starts it. It ends when dropped.
pub(crate) struct Popa3d {
    pub(crate) place: Place,
    inetd: Arc<Inetd>,
    thread: Option<JoinHandle<()>>,
}

/// Starts popa3d on each connection.
struct Inetd {
    program: PathBuf,
    here: PathBuf,
    ending: AtomicBool,
    /// Each the leader of a process group.
    sessions: Mutex<Vec<Child>>,
}

/// Starts it.
///
/// # Panics
/// When it is not unpacked.
pub(crate) fn start() -> Popa3d {
    let program = unpacked("popa3d/usr/sbin/popa3d");
    need(&program);
    let namespace = Namespace::new("popa3d");
    let mut users = users();
    for message in users.iter_mut().flat_map(|user| &mut user.messages) {
        *message = quoted(message);
    }
    write_users(&namespace, &users);
    let listener = TcpListener::bind((Place::HOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    // Said here, where it is clear what it is about, should mounts not be allowed.
    namespace.run(&mut unshare(&namespace.path(""), &[], "true"), "");
    let inetd = Arc::new(Inetd {
        program,
        here: namespace.path(""),
        ending: AtomicBool::new(false),
        sessions: Mutex::new(Vec::new()),
    });
    let thread = {
        let inetd = Arc::clone(&inetd);
        thread::spawn(move || inetd.serve(&listener))
    };
    Popa3d {
        place: Place {
            namespace,
            port,
            tls_port: None,
            users,
        },
        inetd,
        thread: Some(thread),
    }
}

impl Inetd {
    fn serve(&self, listener: &TcpListener) {
        loop {
            let Ok((socket, _)) = listener.accept() else {
                continue;
            };
            if self.ending.load(Ordering::SeqCst) {
                return;
            }
            // popa3d writes in small pieces, and each would wait for the acknowledgement of the last.
            socket.set_nodelay(true).unwrap();
            let socket = OwnedFd::from(socket);
            let mut command = unshare(&self.here, &[], MOUNTS);
            command
                .env("PROGRAM", &self.program)
                .stdin(socket.try_clone().unwrap())
                .stdout(socket)
                .process_group(0);
            self.sessions.lock().unwrap().push(spawn(&mut command));
        }
    }
}

/// Appends a message (LF line ends) to a user's mailbox.
pub(crate) fn deliver(place: &Place, user: &str, text: &[u8]) {
    let path = place.namespace.path(&format!("mail/{user}"));
    let mut mbox = OpenOptions::new().append(true).open(path).unwrap();
    mbox.write_all(&entry(text)).unwrap();
}

/// A message as it stands in an mbox that is quoted already.
fn entry(text: &[u8]) -> Vec<u8> {
    let from_line: &[u8] = b"From sender@example.test Mon Jan  1 00:00:00 2024\n";
    [from_line, text, b"\n"].concat()
}

/// Users, groups and passwords of the machine, and ours with their mail.
fn write_users(namespace: &Namespace, users: &[User]) {
    let read = |name: &str| fs::read_to_string(Path::new("/etc").join(name)).unwrap();
    let (mut passwd, mut shadow) = (read("passwd"), read("shadow"));
    let mut group = read("group");
    let mut add = |name: &str, id: u32, hash: &str| {
        passwd += &format!("{name}:x:{id}:{id}::/nonexistent:/bin/sh\n");
        group += &format!("{name}:x:{id}:\n");
        shadow += &format!("{name}:{hash}:19000:0:99999:7:::\n");
    };
    add("popa3d", FIRST - 1, "*");
    fs::create_dir(namespace.path("mail")).unwrap();
    for (id, user) in (FIRST..).zip(users) {
        let mut openssl = Command::new("openssl");
        openssl.args(["passwd", "-6", "-stdin"]);
        let hash = namespace.run(&mut openssl, user.password);
        add(user.name, id, hash.trim());
        let mbox: Vec<u8> = user.messages.iter().flat_map(|text| entry(text)).collect();
        let path = namespace.path(&format!("mail/{}", user.name));
        fs::write(&path, mbox).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        namespace.give(&path, id, id);
    }
    namespace.write("passwd", passwd);
    namespace.write("group", group);
    namespace.write("shadow", shadow);
    fs::create_dir(namespace.path("pam.d")).unwrap();
    namespace.write(
        "pam.d/popa3d",
        "auth required pam_unix.so\naccount required pam_unix.so\nsession required pam_permit.so\n",
    );
}

/// A message as popa3d gives it out: what looks like a From_ line stays quoted (mboxrd) as it is in the mbox.
fn quoted(text: &[u8]) -> Vec<u8> {
    let mut quoted = Vec::new();
    for line in text.split_inclusive(|&octet| octet == b'\n') {
        let quotes = line.iter().take_while(|&&octet| octet == b'>').count();
        if line[quotes..].starts_with(b"From ") {
            quoted.push(b'>');
        }
        quoted.extend_from_slice(line);
    }
    quoted
}

impl Drop for Popa3d {
    fn drop(&mut self) {
        self.inetd.ending.store(true, Ordering::SeqCst);
        drop(TcpStream::connect((Place::HOST, self.place.port)));
        if let Some(thread) = self.thread.take() {
            // What it could panic about has been printed.
            let _ = thread.join();
        }
        for mut session in self.inetd.sessions.lock().unwrap().drain(..) {
            if matches!(session.try_wait(), Ok(None)) {
                let _ = kill_process_group(Pid::from_child(&session), Signal::KILL);
            }
            let _ = session.wait();
        }
    }
}
