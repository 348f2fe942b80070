//! The platform's TLS (OpenSSL on Linux) by native-tls.
//!
//! It looks at OpenSSL's own store of roots alone: where the system has none, nothing is trusted. Which certificate
//! was refused it does not tell, so [`Error::Untrusted`] has none.
//!
//! Names: OpenSSL compares dNSName and iPAddress of the subjectAltName, wildcards only as a whole label, and falls
//! back to the subject's common name where there is no dNSName. RFC 9525 section 6.1 has no such fallback, so a
//! certificate without a dNSName is refused here.

use std::error::Error as _;
use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::time::Duration;

use native_tls::{Certificate, HandshakeError, Protocol, TlsConnector, TlsStream};

use super::super::socket::Socket;
use super::super::{CertificateFacts, Error, Fingerprint};
use super::verify::{ca_file_error, read_ca_file};
use super::{TlsInfo, TlsSettings, TlsVersion, cut, reason, server_name};

/// What is loaded once for equal settings.
#[derive(Debug)]
pub(super) struct Client {
    connector: TlsConnector,
    pins: Vec<Fingerprint>,
    trust: String,
}

impl Client {
    pub(super) fn load(settings: &TlsSettings) -> Result<Self, String> {
        let mut builder = TlsConnector::builder();
        builder.min_protocol_version(Some(match settings.min_version {
            TlsVersion::V12 => Protocol::Tlsv12,
            TlsVersion::V13 => Protocol::Tlsv13,
        }));
        let mut trust = "system".to_owned();
        if !settings.fingerprints.is_empty() {
            // Chain, name and dates are the pin's to replace; it is compared below, before anything is sent. The
            // handshake signature is verified all the same.
            builder
                .danger_accept_invalid_certs(true)
                .danger_accept_invalid_hostnames(true);
            trust = "fingerprint".to_owned();
        } else if let Some(path) = &settings.ca_file {
            builder.disable_built_in_roots(true);
            for certificate in read_ca_file(path)? {
                let root = Certificate::from_der(&certificate)
                    .map_err(|error| ca_file_error(path, &error))?;
                builder.add_root_certificate(root);
            }
            trust = path.display().to_string();
        }
        Ok(Self {
            connector: builder
                .build()
                .map_err(|error| format!("tls_backend = \"native\" cannot be used: {error}"))?,
            pins: settings.fingerprints.clone(),
            trust,
        })
    }

    /// What the platform has not: pins, and no common name in place of a subjectAltName.
    fn verify(&self, name: &str, certificate: &[u8]) -> Result<(), Error> {
        let untrusted = |reason| {
            Err(Error::Untrusted {
                reason,
                certificate: certificate.to_vec(),
            })
        };
        if !self.pins.is_empty() {
            if Fingerprint::any_matches(&self.pins, certificate) {
                return Ok(());
            }
            return untrusted(reason::WRONG_FINGERPRINT.to_owned());
        }
        let Some(facts) = CertificateFacts::read(certificate) else {
            return untrusted(reason::UNREADABLE.to_owned());
        };
        let is_address = |name: &str| name.parse::<IpAddr>().is_ok();
        if facts
            .names
            .iter()
            .any(|other| is_address(other) == is_address(name))
        {
            Ok(())
        } else {
            untrusted(reason::wrong_name(&facts, name))
        }
    }
}

impl super::Client for Client {
    fn start(&self, host: &str, socket: Socket) -> Result<Box<dyn super::Channel>, Error> {
        let name = server_name(host)?;
        let name = name.to_str();
        let stream = self
            .connector
            .connect(&name, socket)
            .map_err(handshake_error)?;
        let broken = |error: native_tls::Error| Error::Handshake(error.to_string());
        let certificate = stream
            .peer_certificate()
            .and_then(|certificate| certificate.map(|it| it.to_der()).transpose())
            .map_err(broken)?
            .ok_or_else(|| Error::Handshake("the server sent no certificate".to_owned()))?;
        self.verify(&name, &certificate)?;
        Ok(Box::new(Channel {
            end_point: stream.tls_server_end_point().map_err(broken)?,
            stream,
            info: TlsInfo {
                version: None,
                cipher: None,
                trust: self.trust.clone(),
                certificate,
            },
        }))
    }
}

fn handshake_error(error: HandshakeError<Socket>) -> Error {
    let HandshakeError::Failure(error) = error else {
        // The socket waits by itself.
        return Error::Handshake("it broke off".to_owned());
    };
    let mut cause = error.source();
    while let Some(inner) = cause {
        match inner
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(inner) => match inner.downcast_ref() {
                Some(Error::Stopped) => return Error::Stopped,
                Some(Error::TimedOut(doing)) => return Error::TimedOut(doing),
                _ => break,
            },
            None => cause = inner.source(),
        }
    }
    of_text(&error.to_string())
}

/// All that the platform tells is a text.
fn of_text(text: &str) -> Error {
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&["certificate verify failed"]) {
        // error:...:certificate verify failed:FILE:LINE: (certificate has expired)
        let why = text
            .rsplit_once(" (")
            .map_or(text, |(_, why)| why.trim_end_matches(')'));
        return Error::Untrusted {
            reason: format!("certificate refused: {why}"),
            certificate: Vec::new(),
        };
    }
    if has(&[
        "wrong version number",
        "packet length too long",
        "http request",
        "unknown protocol",
    ]) {
        return reason::not_tls();
    }
    if has(&[
        "unsupported protocol",
        "no protocols available",
        "no shared cipher",
        "no ciphers available",
        "alert protocol version",
        "alert handshake failure",
        "alert insufficient security",
    ]) {
        return reason::no_common(text);
    }
    if has(&["unexpected eof", "Connection reset", "unexpected EOF"]) {
        return Error::Lost("the server closed it".to_owned());
    }
    Error::Handshake(text.to_owned())
}

#[derive(Debug)]
struct Channel {
    stream: TlsStream<Socket>,
    end_point: Option<Vec<u8>>,
    info: TlsInfo,
}

impl super::Channel for Channel {
    fn socket(&self) -> &Socket {
        self.stream.get_ref()
    }

    fn socket_mut(&mut self) -> &mut Socket {
        self.stream.get_mut()
    }

    fn buffered(&mut self) -> bool {
        self.stream
            .buffered_read_size()
            .map_or(true, |size| size > 0)
    }

    fn info(&self) -> &TlsInfo {
        &self.info
    }

    /// No exporter is to be had.
    fn bindings(&self) -> Vec<(&'static str, Vec<u8>)> {
        self.end_point
            .iter()
            .map(|data| ("tls-server-end-point", data.clone()))
            .collect()
    }
}

impl Read for Channel {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.stream.read(buf) {
            // OpenSSL before 3.0 gives a clean end here; with a close_notify it would not have read on to TCP's end.
            Ok(0) if !buf.is_empty() && self.stream.get_ref().ended() => Err(cut()),
            Err(error) if error.to_string().contains("unexpected eof") => Err(cut()),
            result => result,
        }
    }
}

impl Write for Channel {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.stream.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.stream.get_mut().part(Duration::ZERO);
        let _ = self.stream.shutdown();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_openssl() {
        let expired = "error:0A000086:SSL routines:tls_post_process_server_certificate:certificate verify failed:\
                       ../ssl/statem/statem_clnt.c:1889: (certificate has expired)";
        assert_eq!(
            of_text(expired).to_string(),
            "certificate refused: certificate has expired"
        );
        for (text, is) in [
            (
                "error:0A00010B:SSL routines:ssl3_get_record:wrong version number:x.c:1:",
                "TLS handshake failed: the server does not speak TLS on this port",
            ),
            ("anything else", "TLS handshake failed: anything else"),
        ] {
            assert_eq!(of_text(text).to_string(), is);
        }
        assert!(matches!(
            of_text(
                "error:0A00042E:SSL routines:ssl3_read_bytes:tlsv1 alert protocol version:x.c:1:"
            ),
            Error::NoCommonVersion(_)
        ));
    }
}
