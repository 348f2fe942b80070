//! The floor: the least that a client can do.
//!
//! USER, PASS and UIDL, each after the reply to the one before, then RETRs a thousand ahead. It remembers nothing, reads
//! nothing of a message, checks nothing that a server of the bench never does, and leaves all mail where it is.
//!
//! The bench is run again as `floor KIND HOST PORT PASSWORD DESTINATION CA USER...`: an empty CA is no TLS, several
//! users are fetched from at once, by threads.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::clients::SINK;

/// The first word of its command line.
pub(crate) const WORD: &str = "floor";
/// RETRs sent before their replies.
const AHEAD: usize = 1000;
/// Files of a batch.
const BATCH: usize = 64;
/// What is read at once, and written at once.
const BLOCK: usize = 256 << 10;

trait Octets: Read + Write {}
impl<T: Read + Write> Octets for T {}

pub(crate) fn main(words: impl Iterator<Item = String>) {
    let words: Vec<String> = words.collect();
    let [kind, host, port, password, destination, ca, users @ ..] = words.as_slice() else {
        panic!("floor KIND HOST PORT PASSWORD DESTINATION CA USER...");
    };
    let port: u16 = port.parse().unwrap();
    thread::scope(|scope| {
        for user in users {
            scope.spawn(move || {
                let wire = Wire::connect(host, port, ca);
                let destination = Destination::new(kind, Path::new(destination), user);
                fetch(wire, user, password, destination);
            });
        }
    });
}

fn fetch(mut wire: Wire, user: &str, password: &str, mut destination: Destination) {
    wire.status();
    for command in [format!("USER {user}"), format!("PASS {password}")] {
        wire.send(&command);
        wire.status();
    }
    wire.send("UIDL");
    wire.status();
    let mut listing = Vec::new();
    wire.lines(|octets| listing.extend_from_slice(octets));
    let messages = memchr::memchr_iter(b'\n', &listing).count();
    let mut asked = 0;
    for number in 1..=messages {
        // Half of the window at a time: one write for many commands.
        if asked < messages && asked - (number - 1) <= AHEAD / 2 {
            let upto = messages.min(number - 1 + AHEAD);
            let commands: String = (asked + 1..=upto)
                .map(|it| format!("RETR {it}\r\n"))
                .collect();
            wire.octets.write_all(commands.as_bytes()).unwrap();
            wire.octets.flush().unwrap();
            asked = upto;
        }
        wire.status();
        destination.begin(number);
        wire.lines(|octets| destination.write(octets));
        destination.end();
    }
    destination.commit();
    wire.send("QUIT");
    wire.status();
}

/// The connection, and what was read from it and not taken yet.
struct Wire {
    octets: Box<dyn Octets>,
    buffer: Vec<u8>,
    taken: usize,
    filled: usize,
}

impl Wire {
    fn connect(host: &str, port: u16, ca: &str) -> Self {
        let tcp = TcpStream::connect((host, port)).unwrap();
        tcp.set_nodelay(true).unwrap();
        let octets: Box<dyn Octets> = if ca.is_empty() {
            Box::new(tcp)
        } else {
            let mut roots = RootCertStore::empty();
            roots
                .add(CertificateDer::from_pem_file(ca).unwrap())
                .unwrap();
            let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
            let name = ServerName::try_from(host.to_owned()).unwrap();
            let tls = ClientConnection::new(Arc::new(config), name).unwrap();
            Box::new(StreamOwned::new(tls, tcp))
        };
        Self {
            octets,
            buffer: vec![0; BLOCK],
            taken: 0,
            filled: 0,
        }
    }

    fn send(&mut self, command: &str) {
        self.octets
            .write_all(format!("{command}\r\n").as_bytes())
            .unwrap();
        self.octets.flush().unwrap();
    }

    /// The length of the next line, with its end.
    fn line(&mut self) -> usize {
        let mut seen = 0;
        loop {
            let ahead = &self.buffer[self.taken..self.filled];
            if let Some(end) = memchr::memchr(b'\n', &ahead[seen..]) {
                return seen + end + 1;
            }
            seen = ahead.len();
            self.buffer.copy_within(self.taken..self.filled, 0);
            self.filled -= self.taken;
            self.taken = 0;
            assert!(self.filled < BLOCK, "the line is too long");
            let read = self.octets.read(&mut self.buffer[self.filled..]).unwrap();
            assert!(read > 0, "the server has left");
            self.filled += read;
        }
    }

    fn status(&mut self) {
        let length = self.line();
        assert_eq!(self.buffer[self.taken], b'+', "the server refuses");
        self.taken += length;
    }

    /// The lines of a multi-line response, byte-stuffing undone, ends as LF.
    fn lines(&mut self, mut take: impl FnMut(&[u8])) {
        loop {
            let length = self.line();
            let line = &self.buffer[self.taken..self.taken + length];
            self.taken += length;
            let text = match line {
                b".\r\n" => return,
                [b'.', text @ ..] => text,
                text => text,
            };
            match text.strip_suffix(b"\r\n") {
                Some(text) => {
                    take(text);
                    take(b"\n");
                }
                None => take(text),
            }
        }
    }
}

enum Kind {
    /// Files, and no more.
    Write,
    /// Files that are flushed and renamed in batches.
    Batch(Vec<(File, String)>),
    /// A process a message, fed by a pipe.
    Command,
}

struct Destination {
    kind: Kind,
    folder: PathBuf,
    user: String,
    name: String,
    /// What is not written yet.
    text: Vec<u8>,
    file: Option<File>,
    child: Option<Child>,
}

impl Destination {
    fn new(kind: &str, folder: &Path, user: &str) -> Self {
        Self {
            kind: match kind {
                "write" => Kind::Write,
                "batch" => Kind::Batch(Vec::new()),
                _ => Kind::Command,
            },
            folder: folder.to_owned(),
            user: user.to_owned(),
            name: String::new(),
            text: Vec::with_capacity(BLOCK),
            file: None,
            child: None,
        }
    }

    fn begin(&mut self, number: usize) {
        self.name = format!("{}.{number:07}", self.user);
        let within = match &self.kind {
            Kind::Write => "new",
            Kind::Batch(_) => "tmp",
            Kind::Command => {
                let mut command = Command::new(SINK[0]);
                command.args(&SINK[1..]).stdin(Stdio::piped());
                self.child = Some(command.spawn().unwrap());
                return;
            }
        };
        self.file = Some(File::create(self.folder.join(within).join(&self.name)).unwrap());
    }

    fn write(&mut self, octets: &[u8]) {
        if self.text.len() + octets.len() > BLOCK {
            self.empty();
        }
        self.text.extend_from_slice(octets);
    }

    fn empty(&mut self) {
        if let Some(file) = &mut self.file {
            file.write_all(&self.text).unwrap();
        } else if let Some(child) = &mut self.child {
            child.stdin.as_mut().unwrap().write_all(&self.text).unwrap();
        }
        self.text.clear();
    }

    fn end(&mut self) {
        self.empty();
        if let Some(mut child) = self.child.take() {
            assert!(child.wait().unwrap().success());
        }
        let file = self.file.take();
        if let (Kind::Batch(files), Some(file)) = (&mut self.kind, file) {
            files.push((file, std::mem::take(&mut self.name)));
            if files.len() == BATCH {
                self.commit();
            }
        }
    }

    /// A batch into `new/`.
    fn commit(&mut self) {
        let Kind::Batch(files) = &mut self.kind else {
            return;
        };
        for (file, _) in &*files {
            file.sync_all().unwrap();
        }
        let new = self.folder.join("new");
        for (_, name) in files.drain(..) {
            fs::rename(self.folder.join("tmp").join(&name), new.join(&name)).unwrap();
        }
        File::open(new).unwrap().sync_all().unwrap();
    }
}
