use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use super::CertificateFacts;

const CERTIFICATE: &str = "sha256";
const KEY: &str = "spki-sha256";

/// A pinned certificate or key: SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Fingerprint {
    /// `sha256:`: of the whole certificate (DER).
    Certificate([u8; 32]),
    /// `spki-sha256:`: of its SubjectPublicKeyInfo (DER).
    Key([u8; 32]),
}

impl Fingerprint {
    /// Of a certificate (DER).
    pub(super) fn of_certificate(der: &[u8]) -> Self {
        Self::Certificate(Sha256::digest(der).into())
    }

    /// Of a SubjectPublicKeyInfo (DER).
    pub(super) fn of_key(spki: &[u8]) -> Self {
        Self::Key(Sha256::digest(spki).into())
    }

    /// Whether a certificate (DER), or its key, is one of `pins`. Both sides are public: a plain comparison will do.
    pub(super) fn any_matches(pins: &[Self], certificate: &[u8]) -> bool {
        let key = CertificateFacts::read(certificate).and_then(|facts| facts.key_pin);
        let certificate = Self::of_certificate(certificate);
        pins.iter()
            .any(|pin| *pin == certificate || Some(pin) == key.as_ref())
    }
}

impl FromStr for Fingerprint {
    type Err = String;

    /// Hex digits, with or without colons, either case.
    ///
    /// # Errors
    /// A sentence that shows the form.
    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || {
            format!(
                "a fingerprint is {CERTIFICATE}: (of the certificate) or {KEY}: (of its key) and 64 hex digits, \
                 like {CERTIFICATE}:0f1e2d..."
            )
        };
        let (kind, digits) = text.trim().split_once(':').ok_or_else(refuse)?;
        let digits: Vec<u8> = digits.bytes().filter(|&octet| octet != b':').collect();
        let mut hash = [0; 32];
        if digits.len() != 2 * hash.len() {
            return Err(refuse());
        }
        let value = |digit: u8| char::from(digit).to_digit(16);
        for (octet, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            let (Some(high), Some(low)) = (value(pair[0]), value(pair[1])) else {
                return Err(refuse());
            };
            *octet = (high << 4 | low) as u8;
        }
        match kind.to_ascii_lowercase().as_str() {
            CERTIFICATE => Ok(Self::Certificate(hash)),
            KEY => Ok(Self::Key(hash)),
            _ => Err(refuse()),
        }
    }
}

impl fmt::Display for Fingerprint {
    /// The form ready to paste into `tls_fingerprint`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, hash) = match self {
            Self::Certificate(hash) => (CERTIFICATE, hash),
            Self::Key(hash) => (KEY, hash),
        };
        write!(f, "{kind}:")?;
        hash.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn forms() {
        let hex = "00".repeat(31) + "aF";
        let mut hash = [0; 32];
        hash[31] = 0xaf;
        let colons = format!("{}AF", "00:".repeat(31));
        for (text, pin) in [
            (format!("sha256:{hex}"), Fingerprint::Certificate(hash)),
            (format!(" SHA256:{colons} "), Fingerprint::Certificate(hash)),
            (format!("spki-sha256:{colons}"), Fingerprint::Key(hash)),
        ] {
            assert_eq!(text.parse::<Fingerprint>(), Ok(pin), "{text}");
        }
        for text in [
            "",
            &hex,
            "sha256:",
            "sha256:00",
            &format!("sha1:{hex}"),
            &format!("sha256:{hex}00"),
            &format!("sha256:{}zz", "00".repeat(31)),
            &format!("sha256:{}é", "00".repeat(31)),
        ] {
            let error = text.parse::<Fingerprint>().unwrap_err();
            assert!(error.contains("64 hex digits"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn display_and_back(hash: [u8; 32], key: bool) {
            let pin = if key { Fingerprint::Key(hash) } else { Fingerprint::Certificate(hash) };
            prop_assert_eq!(pin.to_string().parse::<Fingerprint>(), Ok(pin));
        }

        #[test]
        fn never_panics(text: String) {
            let _ = text.parse::<Fingerprint>();
            let _ = format!("sha256:{text}").parse::<Fingerprint>();
        }
    }
}
