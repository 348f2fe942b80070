//! Streams against servers on loopback, each in a thread of its own.

#![allow(clippy::unwrap_used)]

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, SupportedProtocolVersion};

use super::*;

mod handshake;
mod settings;
mod waits;

const BACKENDS: &[Backend] = &[
    Backend::Rustls,
    #[cfg(feature = "native-tls")]
    Backend::Native,
];

const BOTH: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12, &rustls::version::TLS13];
const ONLY_12: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
const ONLY_13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];
const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(30);

/// A CA of our own, in a file for `tls_ca_file`.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: tempfile::NamedTempFile,
}

impl Authority {
    fn new() -> Self {
        Self::named("popfetch test CA")
    }

    fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(issuer.pem().as_bytes()).unwrap();
        Self { issuer, file }
    }

    fn settings(&self) -> TlsSettings {
        TlsSettings {
            ca_file: Some(self.file.path().to_owned()),
            ..TlsSettings::default()
        }
    }

    fn issue(&self, params: CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity {
            chain: vec![certificate.der().clone(), self.issuer.der().clone()],
            key,
        }
    }
}

/// A server's certificate with its chain, and its key.
struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
}

impl Identity {
    fn self_signed(params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self {
            chain: vec![certificate.der().clone()],
            key,
        }
    }

    fn facts(&self) -> CertificateFacts {
        CertificateFacts::read(&self.chain[0]).unwrap()
    }
}

fn params(name: &str) -> CertificateParams {
    CertificateParams::new([name.to_owned()]).unwrap()
}

/// One connection is accepted and handed to `serve`.
fn server<T: Send + 'static>(
    serve: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (Endpoint, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = Endpoint {
        host: "127.0.0.1".to_owned(),
        port: listener.local_addr().unwrap().port(),
    };
    let thread = thread::spawn(move || serve(listener.accept().unwrap().0));
    (endpoint, thread)
}

type Tls = rustls::StreamOwned<ServerConnection, TcpStream>;

fn server_config(
    identity: &Identity,
    versions: &[&'static SupportedProtocolVersion],
) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            identity.chain.clone(),
            PrivateKeyDer::try_from(identity.key.serialize_der()).unwrap(),
        )
        .unwrap()
}

fn tls_server<T: Send + 'static>(
    identity: &Identity,
    versions: &[&'static SupportedProtocolVersion],
    serve: impl FnOnce(Tls) -> T + Send + 'static,
) -> (Endpoint, JoinHandle<T>) {
    let config = server_config(identity, versions);
    let connection = ServerConnection::new(Arc::new(config)).unwrap();
    server(|tcp| serve(rustls::StreamOwned::new(connection, tcp)))
}

/// Says `hello`, hears a line, ends as it should.
fn polite(mut tls: Tls) -> io::Result<Vec<u8>> {
    tls.write_all(b"hello")?;
    let mut line = [0; 4];
    tls.read_exact(&mut line)?;
    tls.conn.send_close_notify();
    tls.flush()?;
    Ok(line.to_vec())
}

fn limits(reply: Duration) -> Timeouts {
    Timeouts {
        connect: LONG,
        reply,
    }
}

fn connect(endpoint: &Endpoint) -> Stream {
    Stream::connect(endpoint, limits(LONG), &Stop::new().unwrap()).unwrap()
}

fn start(endpoint: &Endpoint, host: &str, settings: &TlsSettings) -> Result<Stream, Error> {
    connect(endpoint).start_tls(host, settings, &TlsPool::new())
}

/// The reason and the certificate of a refusal.
#[track_caller]
fn refusal(identity: &Identity, host: &str, settings: &TlsSettings) -> (String, Vec<u8>) {
    let (endpoint, thread) = tls_server(identity, BOTH, polite);
    let error = start(&endpoint, host, settings).unwrap_err();
    // Not one octet of ours came through.
    assert!(thread.join().unwrap().is_err());
    match error {
        Error::Untrusted {
            reason,
            certificate,
        } => (reason, certificate),
        other => panic!("{other:?}"),
    }
}

/// A whole conversation.
#[track_caller]
fn converse(mut stream: Stream, thread: JoinHandle<io::Result<Vec<u8>>>) {
    let mut hello = [0; 5];
    stream.read_exact(&mut hello).unwrap();
    assert_eq!(&hello, b"hello");
    stream.write_all(b"quit").unwrap();
    assert_eq!(stream.read(&mut hello).unwrap(), 0);
    assert_eq!(thread.join().unwrap().unwrap(), b"quit");
}
