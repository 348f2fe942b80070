//! The server's side of SASL and APOP, written from the RFCs and sharing no code with the client.

use std::hash::{BuildHasher, Hasher, RandomState};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::Sha256;

/// A SASL mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 7677, bound to the channel.
    ScramSha256Plus,
    /// RFC 7677.
    ScramSha256,
    /// RFC 5802, bound to the channel.
    ScramSha1Plus,
    /// RFC 5802.
    ScramSha1,
    /// RFC 2195.
    CramMd5,
    /// RFC 4616.
    Plain,
    /// draft-murchison-sasl-login.
    Login,
}

impl Mechanism {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::ScramSha256Plus,
        Self::ScramSha256,
        Self::ScramSha1Plus,
        Self::ScramSha1,
        Self::CramMd5,
        Self::Plain,
        Self::Login,
    ];

    /// Its registered name.
    pub fn name(self) -> &'static str {
        match self {
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha1Plus => "SCRAM-SHA-1-PLUS",
            Self::ScramSha1 => "SCRAM-SHA-1",
            Self::CramMd5 => "CRAM-MD5",
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
        }
    }

    /// Whether it binds the channel.
    pub fn is_plus(self) -> bool {
        self.name().ends_with("-PLUS")
    }

    /// Whether who listens has the password.
    pub fn reveals_password(self) -> bool {
        matches!(self, Self::Plain | Self::Login)
    }

    fn client_begins(self) -> bool {
        !matches!(self, Self::CramMd5 | Self::Login)
    }
}

/// How SCRAM goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScramFault {
    /// It does not.
    None,
    /// The server's signature is a wrong one, as from who does not know the password.
    WrongSignature,
    /// +OK comes at once after the client's proof, without a signature.
    NoSignature,
    /// The server's nonce does not continue the client's.
    WrongNonce,
    /// The challenge is no SCRAM at all.
    Nonsense,
}

/// What a login can be bound to.
#[derive(Debug, Clone, Default)]
pub struct Channel {
    /// `tls-exporter` (RFC 9266).
    pub exporter: Option<Vec<u8>>,
    /// `tls-server-end-point` (RFC 5929).
    pub end_point: Option<Vec<u8>>,
}

/// Why there is no login.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The client sent `*`.
    Cancelled,
    /// The client is gone.
    Gone,
    /// Wrong user, password or proof; why, for the log alone.
    Wrong(&'static str),
}

/// Sends a challenge and gives the response.
pub type Ask<'a> = dyn FnMut(&[u8]) -> Result<Vec<u8>, Refusal> + 'a;

/// One exchange.
pub struct Exchange<'a> {
    /// The password of a user.
    pub password: &'a dyn Fn(&str) -> Option<String>,
    /// Sends a challenge and gives the response.
    pub ask: &'a mut Ask<'a>,
    /// What the connection can be bound to.
    pub channel: Channel,
    /// -PLUS mechanisms were offered.
    pub plus_offered: bool,
    /// SCRAM's iteration count.
    pub iterations: u32,
    /// How SCRAM goes wrong.
    pub fault: ScramFault,
}

impl Exchange<'_> {
    /// Goes through with it; gives the user.
    pub fn run(
        mut self,
        mechanism: Mechanism,
        initial: Option<Vec<u8>>,
    ) -> Result<String, Refusal> {
        let first = match (initial, mechanism.client_begins()) {
            (Some(_), false) => return Err(Refusal::Wrong("no initial response here")),
            (Some(response), true) => response,
            (None, true) => (self.ask)(b"")?,
            (None, false) => Vec::new(),
        };
        let plus = mechanism.is_plus();
        match mechanism {
            Mechanism::Plain => self.plain(&first),
            Mechanism::Login => self.login(),
            Mechanism::CramMd5 => self.cram_md5(),
            Mechanism::ScramSha1 | Mechanism::ScramSha1Plus => {
                self.scram::<Hmac<Sha1>>(&first, plus, |octets| Sha1::digest(octets).to_vec())
            }
            Mechanism::ScramSha256 | Mechanism::ScramSha256Plus => {
                self.scram::<Hmac<Sha256>>(&first, plus, |octets| Sha256::digest(octets).to_vec())
            }
        }
    }

    fn check(&self, user: String, password: &[u8]) -> Result<String, Refusal> {
        match (self.password)(&user) {
            Some(right) if right.as_bytes() == password => Ok(user),
            _ => Err(Refusal::Wrong("wrong user or password")),
        }
    }

    fn plain(&self, response: &[u8]) -> Result<String, Refusal> {
        let mut fields = response.split(|&octet| octet == 0);
        let (Some(identity), Some(user), Some(password), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(Refusal::Wrong("not a PLAIN message"));
        };
        if !identity.is_empty() && identity != user {
            return Err(Refusal::Wrong("acting for another"));
        }
        self.check(text(user)?, password)
    }

    fn login(&mut self) -> Result<String, Refusal> {
        let user = (self.ask)(b"Username:")?;
        let password = (self.ask)(b"Password:")?;
        self.check(text(&user)?, &password)
    }

    fn cram_md5(&mut self) -> Result<String, Refusal> {
        let challenge = format!("<{}@localhost>", nonce());
        let response = text(&(self.ask)(challenge.as_bytes())?)?;
        let (user, digest) = response
            .rsplit_once(' ')
            .ok_or(Refusal::Wrong("not a CRAM-MD5 response"))?;
        let password = (self.password)(user).ok_or(Refusal::Wrong("no such user"))?;
        let right = hex(&mac::<Hmac<Md5>>(password.as_bytes(), challenge.as_bytes()));
        if digest == right {
            Ok(user.to_owned())
        } else {
            Err(Refusal::Wrong("wrong digest"))
        }
    }

    /// RFC 5802 section 5.
    fn scram<M: Mac + KeyInit + Clone>(
        &mut self,
        first: &[u8],
        plus: bool,
        hash: fn(&[u8]) -> Vec<u8>,
    ) -> Result<String, Refusal> {
        let wrong = |why| move || Refusal::Wrong(why);
        let first = text(first)?;
        // gs2-header: flag "," [ "a=" name ] ","
        let comma = |from: usize| first[from..].find(',').map(|at| from + at + 1);
        let bare_at = comma(0)
            .and_then(comma)
            .ok_or_else(wrong("no GS2 header"))?;
        let (header, bare) = first.split_at(bare_at);
        let bound = self.bound(header, plus)?;
        let user = field(bare, "n").ok_or_else(wrong("no user"))?;
        let user = user.replace("=2C", ",").replace("=3D", "=");
        let client_nonce = field(bare, "r").ok_or_else(wrong("no nonce"))?;
        let password = (self.password)(&user).ok_or_else(wrong("no such user"))?;

        let nonce = match self.fault {
            ScramFault::WrongNonce => nonce(),
            _ => format!("{client_nonce}{}", nonce()),
        };
        let salt = hash(user.as_bytes());
        let challenge = match self.fault {
            ScramFault::Nonsense => "what is the password?".to_owned(),
            _ => format!("r={nonce},s={},i={}", BASE64.encode(&salt), self.iterations),
        };
        let last = text(&(self.ask)(challenge.as_bytes())?)?;
        let (without_proof, proof) = last.rsplit_once(",p=").ok_or_else(wrong("no proof"))?;
        let binding = [header.as_bytes(), &bound].concat();
        if field(without_proof, "c") != Some(BASE64.encode(binding).as_str()) {
            return Err(Refusal::Wrong("bound to another channel"));
        }
        if field(without_proof, "r") != Some(nonce.as_str()) {
            return Err(Refusal::Wrong("another nonce"));
        }

        let salted = salted_password::<M>(password.as_bytes(), &salt, self.iterations);
        let client_key = mac::<M>(&salted, b"Client Key");
        let server_key = mac::<M>(&salted, b"Server Key");
        let message = format!("{bare},{challenge},{without_proof}");
        let signature = mac::<M>(&hash(&client_key), message.as_bytes());
        let proof = BASE64
            .decode(proof)
            .map_err(|_| Refusal::Wrong("the proof is no base64"))?;
        if proof != xor(&client_key, &signature) {
            return Err(Refusal::Wrong("wrong proof"));
        }
        let mut verifier = mac::<M>(&server_key, message.as_bytes());
        match self.fault {
            ScramFault::NoSignature => return Ok(user),
            ScramFault::WrongSignature => verifier[0] ^= 1,
            _ => {}
        }
        let response = (self.ask)(format!("v={}", BASE64.encode(verifier)).as_bytes())?;
        if response.is_empty() {
            Ok(user)
        } else {
            Err(Refusal::Wrong("something after the end"))
        }
    }

    /// What the GS2 header says the exchange is bound to (RFC 5802 section 6).
    fn bound(&self, header: &str, plus: bool) -> Result<Vec<u8>, Refusal> {
        let flag = header.split(',').next().unwrap_or_default();
        match (plus, flag) {
            (true, "p=tls-exporter") => self.channel.exporter.clone(),
            (true, "p=tls-server-end-point") => self.channel.end_point.clone(),
            (false, "n") => Some(Vec::new()),
            // The client could and thinks we cannot; somebody took -PLUS out of the list.
            (false, "y") if self.plus_offered => None,
            (false, "y") => Some(Vec::new()),
            _ => None,
        }
        .ok_or(Refusal::Wrong("channel binding does not fit"))
    }
}

/// APOP's digest (RFC 1939 section 7).
pub fn apop_digest(stamp: &str, password: &str) -> String {
    hex(&Md5::digest(format!("{stamp}{password}")))
}

/// SHA-256, for `tls-server-end-point`.
pub fn sha256(octets: &[u8]) -> Vec<u8> {
    Sha256::digest(octets).to_vec()
}

/// Some 32 hexadecimal digits, never the same.
pub fn nonce() -> String {
    let part = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", part(), part())
}

fn text(octets: &[u8]) -> Result<String, Refusal> {
    String::from_utf8(octets.to_vec()).map_err(|_| Refusal::Wrong("not UTF-8"))
}

fn field<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let value = |part: &'a str| part.strip_prefix(name)?.strip_prefix('=');
    message.split(',').find_map(value)
}

fn mac<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// Hi() of RFC 5802 section 2.2.
fn salted_password<M: Mac + KeyInit + Clone>(
    password: &[u8],
    salt: &[u8],
    iterations: u32,
) -> Vec<u8> {
    let keyed = <M as KeyInit>::new_from_slice(password).unwrap();
    let round = |message: &[u8]| {
        let mut mac = keyed.clone();
        mac.update(message);
        mac.finalize().into_bytes().to_vec()
    };
    let mut last = round(&[salt, &1_u32.to_be_bytes()].concat());
    let mut sum = last.clone();
    for _ in 1..iterations {
        last = round(&last);
        sum = xor(&sum, &last);
    }
    sum
}

fn xor(left: &[u8], right: &[u8]) -> Vec<u8> {
    left.iter().zip(right).map(|(l, r)| l ^ r).collect()
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
