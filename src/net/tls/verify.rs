use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    SignatureScheme,
};
use rustls_platform_verifier::Verifier;

use super::super::Fingerprint;
use super::TlsSettings;

/// What a server's certificate is verified against, and its name for `info`.
#[derive(Debug, Clone)]
pub(super) struct Roots {
    pub(super) verifier: Arc<dyn ServerCertVerifier>,
    pub(super) trust: String,
}

impl Roots {
    /// As the settings say; the system's are loaded into `system` when first wanted.
    pub(super) fn load(
        settings: &TlsSettings,
        system: &OnceLock<Self>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, String> {
        if !settings.fingerprints.is_empty() {
            return Ok(Self {
                verifier: Arc::new(Pinned {
                    pins: settings.fingerprints.clone(),
                    provider: Arc::clone(provider),
                }),
                trust: "fingerprint".to_owned(),
            });
        }
        if let Some(path) = &settings.ca_file {
            let mut store = RootCertStore::empty();
            for certificate in read_ca_file(path)? {
                store
                    .add(certificate)
                    .map_err(|error| ca_file_error(path, &error))?;
            }
            return Ok(Self {
                verifier: webpki(store, provider).map_err(|why| ca_file_error(path, &why))?,
                trust: path.display().to_string(),
            });
        }
        if let Some(roots) = system.get() {
            return Ok(roots.clone());
        }
        let roots = match Verifier::new(Arc::clone(provider)) {
            Ok(verifier) => Self {
                verifier: Arc::new(verifier),
                trust: "system".to_owned(),
            },
            // A system without roots, as a small container is.
            Err(_) => Self {
                verifier: webpki(
                    webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect(),
                    provider,
                )?,
                trust: "webpki-roots".to_owned(),
            },
        };
        Ok(system.get_or_init(|| roots).clone())
    }
}

fn webpki(
    store: RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, String> {
    let verifier: Arc<dyn ServerCertVerifier> =
        WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider))
            .build()
            .map_err(|error| error.to_string())?;
    Ok(verifier)
}

/// The certificates of `tls_ca_file`, at least one.
pub(super) fn read_ca_file(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = std::fs::read(path).map_err(|error| ca_file_error(path, &error))?;
    let certificates = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| ca_file_error(path, &error))?;
    if certificates.is_empty() {
        return Err(ca_file_error(path, &"it holds no PEM certificate"));
    }
    Ok(certificates)
}

pub(super) fn ca_file_error(path: &Path, why: &dyn std::fmt::Display) -> String {
    format!("tls_ca_file {}: {why}", path.display())
}

/// Trusts what is pinned, whatever its chain, name and dates. The handshake signature is verified as ever: without it
/// a pin would say nothing, as certificates are public.
#[derive(Debug)]
struct Pinned {
    pins: Vec<Fingerprint>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if Fingerprint::any_matches(&self.pins, end_entity) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Keeps the certificate it hands on to the verifier behind it: after a refusal rustls has it no more, and a hint
/// wants it. One for each connection.
#[derive(Debug)]
pub(super) struct Witness {
    verifier: Arc<dyn ServerCertVerifier>,
    seen: OnceLock<Vec<u8>>,
}

impl Witness {
    pub(super) fn new(verifier: Arc<dyn ServerCertVerifier>) -> Self {
        Self {
            verifier,
            seen: OnceLock::new(),
        }
    }

    /// The server's own certificate (DER), once it has come.
    pub(super) fn certificate(&self) -> &[u8] {
        self.seen.get().map_or(&[], Vec::as_slice)
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.seen.get_or_init(|| end_entity.to_vec());
        self.verifier
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        self.verifier.root_hint_subjects()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::process::Command;

    use super::*;

    /// Runs itself again in an environment where no roots are found.
    #[cfg(not(target_vendor = "apple"))]
    #[test]
    fn without_system_roots_webpki_roots() {
        const NOWHERE: &str = "/nowhere/at/all";
        if std::env::var_os("SSL_CERT_FILE").is_some_and(|path| path == NOWHERE) {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let system = OnceLock::new();
            let roots = Roots::load(&TlsSettings::default(), &system, &provider).unwrap();
            assert_eq!(roots.trust, "webpki-roots");
            assert_eq!(system.get().unwrap().trust, "webpki-roots");
            return;
        }
        let module = module_path!().split_once("::").unwrap().1;
        let again = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                &format!("{module}::without_system_roots_webpki_roots"),
            ])
            .env("SSL_CERT_FILE", NOWHERE)
            .env("SSL_CERT_DIR", NOWHERE)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&again.stdout);
        assert!(again.status.success(), "{said}");
        assert!(said.contains("1 passed"), "{said}");
    }
}
