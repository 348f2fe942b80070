//! A POP3 client that is nobody's library: says a line, reads a line.

use std::io::{Read, Write};
use std::net::TcpStream;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use md5::{Digest, Md5};
use rsasl::prelude::{Mechname, SASLClient, SASLConfig};
use rustls::{ClientConnection, StreamOwned};
use sha1::Sha1;
use sha2::Sha256;

use super::auth::Mechanism;
use super::patience::PATIENCE;
use super::tls::Authority;

/// A session.
pub struct Client {
    stream: Stream,
    buffer: Vec<u8>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Client {
    /// Connects and reads nothing.
    pub fn connect(port: u16) -> Self {
        let tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
        tcp.set_read_timeout(Some(PATIENCE)).unwrap();
        tcp.set_nodelay(true).unwrap();
        Self {
            stream: Stream::Plain(tcp),
            buffer: Vec::new(),
        }
    }

    /// The handshake, trusting the test authority alone.
    pub fn start_tls(self) -> Self {
        let Stream::Plain(tcp) = self.stream else {
            panic!("TLS inside TLS");
        };
        let name = "localhost".try_into().unwrap();
        let tls = ClientConnection::new(Authority::shared().client(), name).unwrap();
        let mut stream = StreamOwned::new(tls, tcp);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).unwrap();
        }
        Self {
            stream: Stream::Tls(Box::new(stream)),
            buffer: Vec::new(),
        }
    }

    /// Connects, by implicit TLS or not, and reads the greeting.
    pub fn greeted(port: u16, tls: bool) -> (Self, String) {
        let client = Self::connect(port);
        let mut client = if tls { client.start_tls() } else { client };
        let greeting = client.line();
        assert!(greeting.starts_with("+OK"), "{greeting}");
        (client, greeting)
    }

    pub fn send(&mut self, octets: impl AsRef<[u8]>) {
        let octets = octets.as_ref();
        match &mut self.stream {
            Stream::Plain(tcp) => tcp.write_all(octets).unwrap(),
            Stream::Tls(tls) => {
                tls.write_all(octets).unwrap();
                tls.flush().unwrap();
            }
        }
    }

    /// More octets; false at the end, however it comes.
    fn fill(&mut self) -> bool {
        let mut octets = [0; 16 * 1024];
        let read = match &mut self.stream {
            Stream::Plain(tcp) => tcp.read(&mut octets),
            Stream::Tls(tls) => tls.read(&mut octets),
        };
        let n = read.unwrap_or(0);
        self.buffer.extend_from_slice(&octets[..n]);
        n > 0
    }

    /// The next line, without its CRLF.
    pub fn line(&mut self) -> String {
        let line = self.octets_to(b"\r\n");
        String::from_utf8_lossy(&line).into_owned()
    }

    fn octets_to(&mut self, end: &[u8]) -> Vec<u8> {
        let mut seen = 0;
        loop {
            let found = memchr::memmem::find(&self.buffer[seen..], end);
            if let Some(at) = found.map(|at| seen + at) {
                let mut octets: Vec<u8> = self.buffer.drain(..at + end.len()).collect();
                octets.truncate(at);
                return octets;
            }
            seen = self.buffer.len().saturating_sub(end.len());
            assert!(
                self.fill(),
                "the connection ends after {:?}",
                String::from_utf8_lossy(&self.buffer)
            );
        }
    }

    /// Everything up to the end of the connection.
    pub fn rest(&mut self) -> Vec<u8> {
        while self.fill() {}
        std::mem::take(&mut self.buffer)
    }

    /// Sends a command and reads its status line.
    pub fn ask(&mut self, command: &str) -> String {
        self.send(format!("{command}\r\n"));
        self.line()
    }

    /// Sends a command, wants +OK and reads the text that follows, byte-stuffing still in.
    pub fn ask_text(&mut self, command: &str) -> Vec<u8> {
        let status = self.ask(command);
        assert!(status.starts_with("+OK"), "{command}: {status}");
        self.octets_until_dot()
    }

    /// A text up to its termination octet, byte-stuffing still in.
    pub fn octets_until_dot(&mut self) -> Vec<u8> {
        if self.peek_dot() {
            return Vec::new();
        }
        let mut text = self.octets_to(b"\r\n.\r\n");
        text.extend_from_slice(b"\r\n");
        text
    }

    /// Whether the text is empty: its end comes at once.
    fn peek_dot(&mut self) -> bool {
        while self.buffer.len() < 3 && self.fill() {}
        let empty = self.buffer.starts_with(b".\r\n");
        if empty {
            self.buffer.drain(..3);
        }
        empty
    }

    /// The lines of a listing or of CAPA.
    pub fn ask_lines(&mut self, command: &str) -> Vec<String> {
        let text = String::from_utf8(self.ask_text(command)).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// Logs in by USER and PASS; gives the status line.
    pub fn login(&mut self, user: &str, password: &str) -> String {
        let status = self.ask(&format!("USER {user}"));
        assert!(status.starts_with("+OK"), "{status}");
        self.ask(&format!("PASS {password}"))
    }

    /// Logs in by a SASL mechanism; gives the last status line. The client's side is rsasl's where it has one.
    pub fn sasl(&mut self, mechanism: Mechanism, user: &str, password: &str) -> String {
        let status = self.ask(&format!("AUTH {}", mechanism.name()));
        match mechanism {
            Mechanism::CramMd5 => {
                let digest = hmac::<Hmac<Md5>>(password.as_bytes(), &decode(&status));
                let digest: String = digest.iter().map(|octet| format!("{octet:02x}")).collect();
                self.ask(&BASE64.encode(format!("{user} {digest}")))
            }
            Mechanism::ScramSha256Plus => self.bound::<Hmac<Sha256>, Sha256>(user, password),
            Mechanism::ScramSha1Plus => self.bound::<Hmac<Sha1>, Sha1>(user, password),
            _ => self.sasl_by_rsasl(mechanism, status, user, password),
        }
    }

    fn sasl_by_rsasl(
        &mut self,
        mechanism: Mechanism,
        mut status: String,
        user: &str,
        password: &str,
    ) -> String {
        let config =
            SASLConfig::with_credentials(None, user.to_owned(), password.to_owned()).unwrap();
        let name = Mechname::parse(mechanism.name().as_bytes()).unwrap();
        let mut session = SASLClient::new(config).start_suggested(&[name]).unwrap();
        let mut first = session.are_we_first();
        while status.starts_with("+ ") {
            let challenge = decode(&status);
            let mut response = Vec::new();
            let input = (!std::mem::take(&mut first)).then_some(&challenge[..]);
            session.step(input, &mut response).unwrap();
            status = self.ask(&BASE64.encode(response));
        }
        status
    }

    /// SCRAM bound by tls-exporter (RFC 5802, RFC 9266), line by line; rsasl's registry has none.
    fn bound<M: Mac + KeyInit, H: Digest>(&mut self, user: &str, password: &str) -> String {
        let header = "p=tls-exporter,,";
        let bare = format!("n={user},r=rOprNGfwEbeRWgbNEkqO");
        let status = self.ask(&BASE64.encode(format!("{header}{bare}")));
        let challenge = String::from_utf8(decode(&status)).unwrap();
        let field = |name| {
            challenge
                .split(',')
                .find_map(|part| part.strip_prefix(name))
        };
        let salt = BASE64.decode(field("s=").unwrap()).unwrap();
        let rounds: u32 = field("i=").unwrap().parse().unwrap();
        let mut last = hmac::<M>(password.as_bytes(), &[&salt[..], &[0, 0, 0, 1]].concat());
        let mut salted = last.clone();
        for _ in 1..rounds {
            last = hmac::<M>(password.as_bytes(), &last);
            salted = xor(&salted, &last);
        }
        let channel = BASE64.encode([header.as_bytes(), &self.exporter()].concat());
        let without_proof = format!("c={channel},r={}", field("r=").unwrap());
        let message = format!("{bare},{challenge},{without_proof}");
        let key = hmac::<M>(&salted, b"Client Key");
        let proof = xor(&key, &hmac::<M>(&H::digest(&key), message.as_bytes()));
        let last = format!("{without_proof},p={}", BASE64.encode(proof));
        let status = self.ask(&BASE64.encode(last));
        if !status.starts_with("+ ") {
            return status;
        }
        let verifier = hmac::<M>(&hmac::<M>(&salted, b"Server Key"), message.as_bytes());
        assert_eq!(
            decode(&status),
            format!("v={}", BASE64.encode(verifier)).as_bytes()
        );
        self.ask("")
    }

    fn exporter(&self) -> Vec<u8> {
        let Stream::Tls(tls) = &self.stream else {
            panic!("nothing to bind to");
        };
        tls.conn
            .export_keying_material(vec![0; 32], b"EXPORTER-Channel-Binding", Some(b""))
            .unwrap()
    }
}

fn decode(challenge: &str) -> Vec<u8> {
    let challenge = challenge.strip_prefix("+ ").expect("a challenge");
    BASE64.decode(challenge).unwrap()
}

fn hmac<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

fn xor(left: &[u8], right: &[u8]) -> Vec<u8> {
    left.iter().zip(right).map(|(l, r)| l ^ r).collect()
}
