#![allow(clippy::unwrap_used)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use proptest::prelude::*;
use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::mechanisms::scram::properties::ScramStoredPassword;
use rsasl::mechanisms::scram::{SCRAM_SHA1, SCRAM_SHA1_PLUS, SCRAM_SHA256, SCRAM_SHA256_PLUS};
use rsasl::prelude::{Mechanism, Mechname, Registry, SASLConfig, SASLServer, Validation};
use rsasl::property::ChannelBindings;
use rsasl::validate::{Validate, ValidationError};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::super::{ChannelBinding, Credentials, Method, begin};
use super::*;
use crate::secret::Secret;

#[derive(Clone, Copy, Debug)]
enum Hash {
    Sha1,
    Sha256,
}

impl Hash {
    fn hash(self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => Sha1::digest(data).to_vec(),
            Self::Sha256 => Sha256::digest(data).to_vec(),
        }
    }

    fn mac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => {
                let mac = Hmac::<Sha1>::new_from_slice(key).unwrap();
                mac.chain_update(data).finalize().into_bytes().to_vec()
            }
            Self::Sha256 => {
                let mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
                mac.chain_update(data).finalize().into_bytes().to_vec()
            }
        }
    }

    /// Hi() of RFC 5802 section 2.2.
    fn salted(self, password: &str, salt: &[u8], iterations: u32) -> Vec<u8> {
        let mut round = self.mac(password.as_bytes(), &[salt, &[0, 0, 0, 1]].concat());
        let mut salted = round.clone();
        for _ in 1..iterations {
            round = self.mac(password.as_bytes(), &round);
            salted = xor(&salted, &round);
        }
        salted
    }
}

fn xor(left: &[u8], right: &[u8]) -> Vec<u8> {
    left.iter().zip(right).map(|(a, b)| a ^ b).collect()
}

/// A SCRAM server written from RFC 5802, with nothing of rsasl in it.
#[derive(Clone, Debug)]
struct Server {
    hash: Hash,
    password: &'static str,
    salt: Vec<u8>,
    iterations: u32,
    nonce: &'static str,
    /// What the channel gives, for `c=`.
    binding: Vec<u8>,
    /// Made by [`Server::first`].
    client_first: String,
    server_first: String,
}

impl Server {
    fn new(hash: Hash) -> Self {
        Self {
            hash,
            password: "pencil",
            salt: b"salt and more".to_vec(),
            iterations: 32,
            nonce: "%hvYDp;WUa2\"Ra'ZT=",
            binding: Vec::new(),
            client_first: String::new(),
            server_first: String::new(),
        }
    }

    fn first(&mut self, client_first: &[u8]) -> Vec<u8> {
        self.client_first = String::from_utf8(client_first.to_vec()).unwrap();
        let client_nonce = self.client_first.rsplit_once(",r=").unwrap().1;
        self.server_first = format!(
            "r={client_nonce}{},s={},i={}",
            self.nonce,
            STANDARD.encode(&self.salt),
            self.iterations
        );
        self.server_first.clone().into_bytes()
    }

    fn last(&self, client_final: &[u8]) -> Vec<u8> {
        let client_final = std::str::from_utf8(client_final).unwrap();
        let (without_proof, proof) = client_final.rsplit_once(",p=").unwrap();
        let mut gs2_header = self.client_first.splitn(3, ',');
        let gs2_header = format!(
            "{},{},",
            gs2_header.next().unwrap(),
            gs2_header.next().unwrap()
        );
        let bare = &self.client_first[gs2_header.len()..];
        let nonce = self.server_first[2..].split(',').next().unwrap();
        let bound = [gs2_header.as_bytes(), self.binding.as_slice()].concat();
        if without_proof != format!("c={},r={nonce}", STANDARD.encode(bound)) {
            return b"e=channel-bindings-dont-match".to_vec();
        }
        let salted = self.hash.salted(self.password, &self.salt, self.iterations);
        let stored_key = self.hash.hash(&self.hash.mac(&salted, b"Client Key"));
        let message = format!("{bare},{},{without_proof}", self.server_first);
        let signature = self.hash.mac(&stored_key, message.as_bytes());
        let client_key = xor(&STANDARD.decode(proof).unwrap(), &signature);
        if self.hash.hash(&client_key) != stored_key {
            return b"e=invalid-proof".to_vec();
        }
        let server_key = self.hash.mac(&salted, b"Server Key");
        let verifier = self.hash.mac(&server_key, message.as_bytes());
        format!("v={}", STANDARD.encode(verifier)).into_bytes()
    }
}

fn client(
    method: Method,
    password: &str,
    binding: Option<&ChannelBinding>,
    plus: bool,
) -> Box<dyn Exchange> {
    let credentials = Credentials {
        user: "us,er=".into(),
        password: Secret::new(password.into()),
    };
    begin(method, &credentials, binding, plus).unwrap()
}

fn binding(kind: &'static str) -> ChannelBinding {
    ChannelBinding {
        kind,
        data: b"the channel's octets, \0\xFF and all".to_vec(),
    }
}

fn hash(method: Method) -> Hash {
    match method {
        Method::ScramSha1 | Method::ScramSha1Plus => Hash::Sha1,
        _ => Hash::Sha256,
    }
}

/// The written server is right: it gives the examples of the RFCs.
#[test]
fn the_examples_of_rfc_5802_and_rfc_7677() {
    for (hash, salt, nonce, client_first, client_final, server_final) in [
        (
            Hash::Sha1,
            "QSXCR+Q6sek8bf92",
            "3rfcNHYJY1ZVvWVs7j",
            "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
            "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
            "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
        ),
        (
            Hash::Sha256,
            "W22ZaJ0SNY7soEsUEjb6gQ==",
            "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
            "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        ),
    ] {
        let mut server = Server {
            salt: STANDARD.decode(salt).unwrap(),
            iterations: 4096,
            nonce,
            ..Server::new(hash)
        };
        let server_first = server.first(client_first.as_bytes());
        let expected = format!("s={salt},i=4096");
        assert!(server_first.ends_with(expected.as_bytes()));
        assert_eq!(
            server.last(client_final.as_bytes()),
            server_final.as_bytes()
        );
    }
}

#[test]
fn both_sides_prove_themselves() {
    let end_point = binding("tls-server-end-point");
    let exporter = binding("tls-exporter");
    for (method, bound, plus, begins) in [
        (Method::ScramSha1, None, true, "n,,n=us=2Cer=3D,r="),
        (Method::ScramSha256, None, false, "n,,n=us=2Cer=3D,r="),
        (
            Method::ScramSha256,
            Some(&exporter),
            true,
            "n,,n=us=2Cer=3D,r=",
        ),
        (
            Method::ScramSha1,
            Some(&exporter),
            false,
            "y,,n=us=2Cer=3D,r=",
        ),
        (
            Method::ScramSha256,
            Some(&end_point),
            false,
            "y,,n=us=2Cer=3D,r=",
        ),
        (
            Method::ScramSha1Plus,
            Some(&exporter),
            true,
            "p=tls-exporter,,n=us=2Cer=3D,r=",
        ),
        (
            Method::ScramSha256Plus,
            Some(&exporter),
            true,
            "p=tls-exporter,,n=us=2Cer=3D,r=",
        ),
        (
            Method::ScramSha256Plus,
            Some(&end_point),
            true,
            "p=tls-server-end-point,,n=us=2Cer=3D,r=",
        ),
    ] {
        let mut client = client(method, "pencil", bound, plus);
        let mut server = Server::new(hash(method));
        if method.needs_binding() {
            server.binding = bound.unwrap().data.clone();
        }
        let client_first = client.initial().unwrap().unwrap();
        assert!(
            client_first.starts_with(begins.as_bytes()),
            "{method:?} {plus}"
        );
        assert!(!client.proof_sent());
        let client_final = client.respond(&server.first(&client_first)).unwrap();
        assert!(client.proof_sent());
        assert!(matches!(client.finish(), Err(Error::Unproven)));
        assert_eq!(client.respond(&server.last(&client_final)).unwrap(), b"");
        client.finish().unwrap();
        assert!(matches!(client.respond(b""), Err(Error::Challenge(_))));
        assert!(matches!(client.finish(), Err(Error::Unproven)));
    }
}

#[test]
fn two_nonces_are_never_the_same() {
    let first = || {
        client(Method::ScramSha256, "pencil", None, false)
            .initial()
            .unwrap()
    };
    assert_ne!(first(), first());
}

#[test]
fn user_and_password_are_prepared() {
    for (password, as_the_server_knows_it) in [
        ("I\u{AD}X", "IX"),
        ("\u{2168}", "IX"),
        // What SASLprep forbids goes as it is.
        ("tab\tpencil", "tab\tpencil"),
        ("\u{1F511}", "\u{1F511}"),
        ("\u{AD}", "\u{AD}"),
    ] {
        let mut client = client(Method::ScramSha256, password, None, false);
        let mut server = Server {
            password: as_the_server_knows_it,
            ..Server::new(Hash::Sha256)
        };
        let server_first = server.first(&client.initial().unwrap().unwrap());
        let client_final = client.respond(&server_first).unwrap();
        client.respond(&server.last(&client_final)).unwrap();
        client.finish().unwrap();
    }
}

/// Runs to the client-final-message and gives it with the server.
fn until_proof(
    method: Method,
    bound: Option<&ChannelBinding>,
) -> (Box<dyn Exchange>, Server, Vec<u8>) {
    let mut client = client(method, "pencil", bound, true);
    let mut server = Server::new(hash(method));
    let server_first = server.first(&client.initial().unwrap().unwrap());
    let client_final = client.respond(&server_first).unwrap();
    (client, server, client_final)
}

#[test]
fn a_server_that_does_not_prove_itself_is_refused() {
    let wrong = STANDARD.encode([0; 32]);
    let (_, server, client_final) = until_proof(Method::ScramSha256, None);
    let replayed = String::from_utf8(server.last(&client_final)).unwrap();
    for signature in ["v=", "v=!", "v=AAAA", &format!("v={wrong}"), &replayed] {
        let (mut client, ..) = until_proof(Method::ScramSha256, None);
        assert!(
            matches!(client.respond(signature.as_bytes()), Err(Error::Unproven)),
            "{signature}"
        );
        assert!(matches!(client.finish(), Err(Error::Unproven)));
        assert!(client.proof_sent());
    }
    for message in ["", "v", "e", "x=", "m=1", "\u{0}"] {
        let (mut client, ..) = until_proof(Method::ScramSha1, None);
        assert!(
            matches!(client.respond(message.as_bytes()), Err(Error::Challenge(_))),
            "{message}"
        );
        assert!(matches!(client.finish(), Err(Error::Unproven)));
    }
}

#[test]
fn a_server_that_was_given_another_password_or_channel_says_so() {
    let (mut other, server, client_final) = until_proof(Method::ScramSha256, None);
    let server = Server {
        password: "other",
        ..server
    };
    let refused = other.respond(&server.last(&client_final)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the server refused the proof: invalid-proof"
    );

    let bound = binding("tls-exporter");
    let (mut relayed, server, client_final) = until_proof(Method::ScramSha256Plus, Some(&bound));
    let refused = relayed.respond(&server.last(&client_final)).unwrap_err();
    assert!(matches!(
        refused,
        Error::Refused("channel-bindings-dont-match")
    ));

    let (mut unheard, ..) = until_proof(Method::ScramSha1, None);
    let refused = unheard.respond(b"e=\x1B[2Jsurprise,x=1").unwrap_err();
    assert!(matches!(refused, Error::Refused("other-error")));
    assert!(unheard.finish().is_err());
}

#[test]
fn a_bad_salt_message_is_refused_before_any_proof() {
    for (message, why) in [
        ("", "no r="),
        ("r=@", "no s="),
        ("r=@x", "no s="),
        ("r=@x,s", "no s="),
        ("r=@x,s=QQ==", "no i="),
        ("r=@x,s=QQ==,i", "no i="),
        ("r=@x,s=QQ==,i=", "no number"),
        ("r=@x,s=QQ==,i=-1", "no number"),
        ("r=@x,s=QQ==,i=99999999999999999999", "no number"),
        ("r=@x,s=QQ==,i=5000001", "more than 5000000"),
        ("r=@x,s=QQ==,i=0", "zero"),
        ("r=@x,s=!,i=1", "base64"),
        ("r=@,s=QQ==,i=1", "nonce"),
        ("r=x@,s=QQ==,i=1", "nonce"),
        ("r=,s=QQ==,i=1", "nonce"),
        ("m=1,r=@x,s=QQ==,i=1", "no r="),
        ("e=other-error", "no r="),
    ] {
        let mut client = client(Method::ScramSha256, "pencil", None, false);
        let client_first = String::from_utf8(client.initial().unwrap().unwrap()).unwrap();
        let nonce = client_first.rsplit_once(",r=").unwrap().1;
        let error = client
            .respond(message.replace('@', nonce).as_bytes())
            .unwrap_err();
        assert!(matches!(error, Error::Challenge(_)), "{message}");
        assert!(error.to_string().contains(why), "{message}: {error}");
        assert!(!client.proof_sent());
        assert!(client.respond(b"").is_err() && client.finish().is_err());
    }
}

#[test]
fn nothing_works_out_of_order() {
    let mut client = client(Method::ScramSha256, "pencil", None, false);
    assert!(client.respond(b"r=a,s=QQ==,i=1").is_err());
    assert!(client.initial().is_err());
    assert!(client.finish().is_err());
}

proptest! {
    #[test]
    fn no_answer_to_the_right_nonce_makes_it_panic(
        rest in "[!-~]{0,8}(,[a-z]=[ -~]{0,6}){0,4}(,i=[0-9]{1,3})?",
        last in proptest::collection::vec(any::<u8>(), 0..12),
    ) {
        let mut client = client(Method::ScramSha1, "pencil", None, false);
        let client_first = String::from_utf8(client.initial().unwrap().unwrap()).unwrap();
        let nonce = client_first.rsplit_once(",r=").unwrap().1;
        let _ = client.respond(format!("r={nonce}{rest}").as_bytes());
        let _ = client.respond(&last);
        prop_assert!(client.finish().is_err());
    }

    #[test]
    fn no_last_word_makes_it_panic(last in "[ve]?=?[ -~]{0,40}") {
        let (mut client, ..) = until_proof(Method::ScramSha256, None);
        prop_assert!(client.respond(last.as_bytes()).is_err());
        prop_assert!(client.finish().is_err());
    }
}

/// rsasl's own server, which refuses `y` where it has -PLUS.
struct Keeper {
    hash: Hash,
    binding: Option<ChannelBinding>,
}

impl SessionCallback for Keeper {
    fn callback(
        &self,
        _: &SessionData,
        _: &Context<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), rsasl::prelude::SessionError> {
        if let Some(binding) = &self.binding {
            request.satisfy::<ChannelBindings>(&binding.data)?;
        }
        let salted = self.hash.salted("pencil", b"salt", 32);
        let stored = self.hash.hash(&self.hash.mac(&salted, b"Client Key"));
        let server = self.hash.mac(&salted, b"Server Key");
        let kept = ScramStoredPassword::new(32, b"salt", &stored, &server);
        request.satisfy::<ScramStoredPassword<'_>>(&kept)?;
        Ok(())
    }

    fn validate(
        &self,
        _: &SessionData,
        _: &Context<'_>,
        validate: &mut Validate<'_>,
    ) -> Result<(), ValidationError> {
        validate.finalize::<LoggedIn>(());
        Ok(())
    }
}

struct LoggedIn;

impl Validation for LoggedIn {
    type Value = ();
}

/// Whether the two come to terms.
fn log_in_at_rsasl(
    method: Method,
    bound: Option<&ChannelBinding>,
    plus: bool,
    kept: Option<ChannelBinding>,
) -> bool {
    static BOTH: &[Mechanism] = &[SCRAM_SHA1, SCRAM_SHA1_PLUS, SCRAM_SHA256, SCRAM_SHA256_PLUS];
    static BARE: &[Mechanism] = &[SCRAM_SHA1, SCRAM_SHA256];
    let mechanisms = if kept.is_some() { BOTH } else { BARE };
    let keeper = Keeper {
        hash: hash(method),
        binding: kept,
    };
    let config = SASLConfig::builder()
        .with_registry(Registry::with_mechanisms(mechanisms))
        .with_callback(keeper)
        .unwrap();
    let name = Mechname::parse(method.mechanism().unwrap().as_bytes()).unwrap();
    let mut server = SASLServer::<LoggedIn>::new(config)
        .start_suggested(name)
        .unwrap();
    let mut client = client(method, "pencil", bound, plus);
    let mut message = client.initial().unwrap().unwrap();
    for _ in 0..2 {
        let mut challenge = Vec::new();
        if server.step(Some(&message), &mut challenge).is_err() {
            return false;
        }
        match client.respond(&challenge) {
            Ok(answer) => message = answer,
            Err(_) => return false,
        }
    }
    client.finish().unwrap();
    server.validation().is_some()
}

#[test]
fn at_rsasls_server() {
    let exporter = binding("tls-exporter");
    let end_point = binding("tls-server-end-point");
    let other = ChannelBinding {
        kind: "tls-exporter",
        data: b"other".to_vec(),
    };
    for (method, plus_method) in [
        (Method::ScramSha1, Method::ScramSha1Plus),
        (Method::ScramSha256, Method::ScramSha256Plus),
    ] {
        assert!(log_in_at_rsasl(method, None, false, None));
        assert!(log_in_at_rsasl(method, Some(&exporter), false, None));
        assert!(log_in_at_rsasl(
            plus_method,
            Some(&exporter),
            true,
            Some(exporter.clone())
        ));
        assert!(log_in_at_rsasl(
            plus_method,
            Some(&end_point),
            true,
            Some(end_point.clone())
        ));
        // Somebody sits between us and the server.
        assert!(!log_in_at_rsasl(
            plus_method,
            Some(&exporter),
            true,
            Some(other.clone())
        ));
        // Somebody took -PLUS out of the list.
        assert!(!log_in_at_rsasl(
            method,
            Some(&exporter),
            false,
            Some(exporter.clone())
        ));
    }
}
