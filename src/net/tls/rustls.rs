use std::io::{self, BufReader, Read, Write};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::client::Resumption;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, ProtocolVersion};

use super::super::certificate::end_point;
use super::super::error::{self, Error};
use super::super::socket::Socket;
use super::verify::{Roots, Witness};
use super::{TlsInfo, TlsSettings, TlsVersion, cut, reason, server_name};

/// One read from the socket: several records. rustls itself takes 4 KiB at a time.
const READ_SIZE: usize = 64 * 1024;

/// What is loaded once for equal settings.
#[derive(Debug)]
pub(super) struct Client {
    config: ClientConfig,
    roots: Roots,
}

impl Client {
    pub(super) fn load(settings: &TlsSettings, system: &OnceLock<Roots>) -> Result<Self, String> {
        // Named, as the process's default would be ambiguous with two providers linked.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = Roots::load(settings, system, &provider)?;
        let versions: &[_] = match settings.min_version {
            TlsVersion::V12 => &[&TLS13, &TLS12],
            TlsVersion::V13 => &[&TLS13],
        };
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&roots.verifier))
            .with_no_client_auth();
        // Each session lasts for one maildrop; and a resumed one would have no certificate to look at.
        config.resumption = Resumption::disabled();
        Ok(Self { config, roots })
    }
}

impl super::Client for Client {
    fn start(&self, host: &str, socket: Socket) -> Result<Box<dyn super::Channel>, Error> {
        let name = server_name(host)?;
        let witness = Arc::new(Witness::new(Arc::clone(&self.roots.verifier)));
        let mut config = self.config.clone();
        config
            .dangerous()
            .set_certificate_verifier(Arc::clone(&witness) as _);
        let connection = ClientConnection::new(Arc::new(config), name)
            .map_err(|error| Error::Handshake(error.to_string()))?;
        let mut channel = Channel {
            connection,
            source: BufReader::with_capacity(READ_SIZE, socket),
            info: TlsInfo::default(),
        };
        channel.shake_hands(&witness, host)?;
        channel.info = TlsInfo {
            version: channel.connection.protocol_version().map(version_name),
            cipher: channel.cipher(),
            trust: self.roots.trust.clone(),
            certificate: witness.certificate().to_vec(),
        };
        Ok(Box::new(channel))
    }
}

/// Octets of TLS itself, as session tickets, before the next octet for us: what only an attacker exceeds, who would
/// keep a read busy for ever.
const HOUSEKEEPING: usize = 1024 * 1024;

#[derive(Debug)]
struct Channel {
    connection: ClientConnection,
    source: BufReader<Socket>,
    info: TlsInfo,
}

impl Channel {
    fn shake_hands(&mut self, witness: &Witness, host: &str) -> Result<(), Error> {
        loop {
            self.send().map_err(handshake_io)?;
            if !self.connection.is_handshaking() {
                return Ok(());
            }
            let count = self
                .connection
                .read_tls(&mut self.source)
                .map_err(handshake_io)?;
            if count == 0 {
                return Err(Error::Lost("the server closed it".to_owned()));
            }
            if let Err(error) = self.connection.process_new_packets() {
                // The alert that tells the server why.
                let _ = self.send();
                return Err(reason::of_handshake(&error, witness.certificate(), host));
            }
        }
    }

    /// Sends all that rustls has ready.
    fn send(&mut self) -> io::Result<()> {
        while self.connection.wants_write() {
            self.connection.write_tls(self.source.get_mut())?;
        }
        Ok(())
    }

    fn cipher(&self) -> Option<String> {
        let suite = self.connection.negotiated_cipher_suite()?.suite();
        let name = suite.as_str()?;
        // TLS_AES_128_GCM_SHA256 is TLS13_AES_128_GCM_SHA256 to rustls.
        Some(match name.strip_prefix("TLS13_") {
            Some(rest) => format!("TLS_{rest}"),
            None => name.to_owned(),
        })
    }
}

fn version_name(version: ProtocolVersion) -> String {
    match version {
        ProtocolVersion::TLSv1_2 => "TLS 1.2".to_owned(),
        ProtocolVersion::TLSv1_3 => "TLS 1.3".to_owned(),
        other => format!("{other:?}"),
    }
}

/// A time limit or the flag stays what it is; all else ended the handshake.
fn handshake_io(error: io::Error) -> Error {
    match Error::from_io(error) {
        Error::Io(error) => Error::Lost(error::words(&error)),
        other => other,
    }
}

impl super::Channel for Channel {
    fn socket(&self) -> &Socket {
        self.source.get_ref()
    }

    fn socket_mut(&mut self) -> &mut Socket {
        self.source.get_mut()
    }

    fn buffered(&mut self) -> bool {
        let decrypted = self
            .connection
            .process_new_packets()
            .map_or(1, |state| state.plaintext_bytes_to_read());
        decrypted > 0 || !self.source.buffer().is_empty()
    }

    fn info(&self) -> &TlsInfo {
        &self.info
    }

    fn bindings(&self) -> Vec<(&'static str, Vec<u8>)> {
        let mut bindings = Vec::new();
        if self.connection.protocol_version() == Some(ProtocolVersion::TLSv1_3) {
            // RFC 9266 section 2.
            let label = b"EXPORTER-Channel-Binding";
            let exported = self
                .connection
                .export_keying_material([0; 32], label, Some(&[]));
            bindings.extend(exported.map(|data| ("tls-exporter", data.to_vec())));
        }
        bindings
            .extend(end_point(&self.info.certificate).map(|data| ("tls-server-end-point", data)));
        bindings
    }
}

impl Read for Channel {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut housekeeping = 0;
        loop {
            match self.connection.reader().read(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(cut()),
                result => return result,
            }
            // What the server asked for meanwhile, a key update perhaps.
            self.send()?;
            housekeeping += self.connection.read_tls(&mut self.source)?;
            if housekeeping > HOUSEKEEPING {
                let why = "the server sends nothing but TLS housekeeping";
                return Err(io::Error::new(io::ErrorKind::InvalidData, why));
            }
            if let Err(error) = self.connection.process_new_packets() {
                let _ = self.send();
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
        }
    }
}

impl Write for Channel {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let count = self.connection.writer().write(buf)?;
        self.send()?;
        Ok(count)
    }

    /// Nothing is kept back.
    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.source.get_mut().part(Duration::ZERO);
        self.connection.send_close_notify();
        let _ = self.send();
    }
}
