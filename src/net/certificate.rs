use std::net::{Ipv4Addr, Ipv6Addr};

use jiff::SignedDuration;
use jiff::civil::DateTime;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::Fingerprint;
use super::der::{
    self, BIT_STRING, BMP_STRING, Der, Element, GENERALIZED_TIME, INTEGER, OBJECT_IDENTIFIER,
    OCTET_STRING, SEQUENCE, SET, UTC_TIME,
};

/// What stands in a server's certificate. Unsanitised: it comes from a stranger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Subject as `CN=...`-like text, best effort.
    pub subject: String,
    /// Issuer, likewise.
    pub issuer: String,
    /// DNS names and addresses of the subjectAltName.
    pub names: Vec<String>,
    /// Validity, seconds since 1970.
    pub not_before: i64,
    /// Validity, seconds since 1970.
    pub not_after: i64,
    /// Pin of the certificate.
    pub certificate_pin: Option<Fingerprint>,
    /// Pin of its key.
    pub key_pin: Option<Fingerprint>,
}

impl CertificateFacts {
    /// Reads a certificate (DER, RFC 5280 section 4.1); `None` when it is not one.
    pub fn read(der: &[u8]) -> Option<Self> {
        let certificate = Certificate::read(der)?;
        let mut validity = Der::new(certificate.validity);
        Some(Self {
            subject: name_text(certificate.subject),
            issuer: name_text(certificate.issuer),
            names: subject_alt_names(certificate.extensions),
            not_before: seconds(validity.next()?)?,
            not_after: seconds(validity.next()?)?,
            certificate_pin: Some(Fingerprint::of_certificate(der)),
            key_pin: Some(Fingerprint::of_key(certificate.key)),
        })
    }

    /// Subject and issuer are one, as in a certificate that somebody made for himself.
    pub(super) fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }
}

/// A day as people write it, `2026-10-02` (UTC); `None` outside the years there are.
pub(super) fn day(seconds: i64) -> Option<String> {
    let time = EPOCH.checked_add(SignedDuration::from_secs(seconds)).ok()?;
    Some(time.date().to_string())
}

/// The data of `tls-server-end-point` (RFC 5929 section 4.1): the certificate's hash, by the hash function of its
/// signature, and SHA-256 for MD5 and SHA-1. `None` where it is not defined, as for Ed25519.
pub(super) fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let mut algorithm = Der::new(Certificate::read(certificate)?.signature_algorithm);
    let name = der::dotted(algorithm.read(OBJECT_IDENTIFIER)?.content)?;
    let hash = match name.as_str() {
        // RSASSA-PSS (RFC 4055 section 3.1): the hash is in the parameters, SHA-1 when it is not.
        "1.2.840.113549.1.1.10" => match algorithm.enter(SEQUENCE)?.read(0xa0) {
            Some(hash) => {
                let mut hash = Der::new(hash.content).enter(SEQUENCE)?;
                der::dotted(hash.read(OBJECT_IDENTIFIER)?.content)?
            }
            None => name,
        },
        _ => name,
    };
    Some(match hash.as_str() {
        // MD5 and SHA-1 with RSA, DSA and ECDSA, SHA-1 itself, PSS with its default.
        "1.2.840.113549.1.1.4" | "1.2.840.113549.1.1.5" | "1.2.840.10040.4.3"
        | "1.2.840.10045.4.1" | "1.3.14.3.2.26" | "1.2.840.113549.1.1.10"
        // SHA-256 likewise.
        | "1.2.840.113549.1.1.11" | "2.16.840.1.101.3.4.3.2" | "1.2.840.10045.4.3.2"
        | "2.16.840.1.101.3.4.2.1" => Sha256::digest(certificate).to_vec(),
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" | "2.16.840.1.101.3.4.2.2" => {
            Sha384::digest(certificate).to_vec()
        }
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" | "2.16.840.1.101.3.4.2.3" => {
            Sha512::digest(certificate).to_vec()
        }
        "1.2.840.113549.1.1.14" | "1.2.840.10045.4.3.1" | "2.16.840.1.101.3.4.3.1"
        | "2.16.840.1.101.3.4.2.4" => Sha224::digest(certificate).to_vec(),
        _ => return None,
    })
}

/// A certificate's parts, still DER.
struct Certificate<'a> {
    issuer: &'a [u8],
    validity: &'a [u8],
    subject: &'a [u8],
    /// SubjectPublicKeyInfo, whole.
    key: &'a [u8],
    /// What is within the SEQUENCE of extensions; empty without.
    extensions: &'a [u8],
    signature_algorithm: &'a [u8],
}

impl<'a> Certificate<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let mut file = Der::new(der);
        let mut certificate = file.enter(SEQUENCE)?;
        let mut body = certificate.enter(SEQUENCE)?;
        let signature_algorithm = certificate.read(SEQUENCE)?.content;
        certificate.read(BIT_STRING)?;
        if !file.is_empty() || !certificate.is_empty() {
            return None;
        }
        if body.peek() == Some(0xa0) {
            body.next()?;
        }
        body.read(INTEGER)?;
        body.read(SEQUENCE)?;
        Some(Self {
            issuer: body.read(SEQUENCE)?.content,
            validity: body.read(SEQUENCE)?.content,
            subject: body.read(SEQUENCE)?.content,
            key: body.read(SEQUENCE)?.whole,
            extensions: body
                .find(|element| element.tag == 0xa3)
                .and_then(|wrapped| Der::new(wrapped.content).read(SEQUENCE))
                .map_or(&[], |extensions| extensions.content),
            signature_algorithm,
        })
    }
}

/// A Name (RFC 5280 section 4.1.2.4) in its own order: `C=DE, O=Example, CN=pop.example.org`.
fn name_text(name: &[u8]) -> String {
    let attributes = Der::new(name)
        .filter(|set| set.tag == SET)
        .flat_map(|set| Der::new(set.content));
    let parts: Vec<_> = attributes
        .filter_map(|attribute| {
            let mut attribute = Der::new(attribute.content);
            let kind = der::dotted(attribute.read(OBJECT_IDENTIFIER)?.content)?;
            let value = string_text(attribute.next()?);
            Some(format!("{}={value}", short_name(&kind)))
        })
        .collect();
    parts.join(", ")
}

fn short_name(kind: &str) -> &str {
    match kind {
        "2.5.4.3" => "CN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "0.9.2342.19200300.100.1.25" => "DC",
        "1.2.840.113549.1.9.1" => "emailAddress",
        other => other,
    }
}

fn string_text(string: Element<'_>) -> String {
    if string.tag == BMP_STRING {
        let units = string
            .content
            .chunks_exact(2)
            .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
        char::decode_utf16(units)
            .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect()
    } else {
        String::from_utf8_lossy(string.content).into_owned()
    }
}

/// dNSName and iPAddress of subjectAltName (RFC 5280 section 4.2.1.6).
fn subject_alt_names(extensions: &[u8]) -> Vec<String> {
    const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
    let names = Der::new(extensions).find_map(|extension| {
        let mut extension = Der::new(extension.content);
        let kind = extension.read(OBJECT_IDENTIFIER)?.content;
        let value = extension.find(|element| element.tag == OCTET_STRING)?;
        (kind == SUBJECT_ALT_NAME).then_some(value.content)
    });
    let names = names.and_then(|names| Der::new(names).enter(SEQUENCE));
    names
        .into_iter()
        .flatten()
        .filter_map(|name| match name.tag {
            0x82 => Some(String::from_utf8_lossy(name.content).into_owned()),
            0x87 => <[u8; 4]>::try_from(name.content)
                .map(|octets| Ipv4Addr::from(octets).to_string())
                .or_else(|_| {
                    <[u8; 16]>::try_from(name.content)
                        .map(|octets| Ipv6Addr::from(octets).to_string())
                })
                .ok(),
            _ => None,
        })
        .collect()
}

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// UTCTime and GeneralizedTime as RFC 5280 section 4.1.2.5 has them: to the second, in UTC.
fn seconds(time: Element<'_>) -> Option<i64> {
    let digits = time.content.strip_suffix(b"Z")?;
    let (century, digits) = match (time.tag, digits.len()) {
        (UTC_TIME, 12) => (if digits[0] >= b'5' { 19 } else { 20 }, digits),
        (GENERALIZED_TIME, 14) => (two_digits(&digits[..2])?, &digits[2..]),
        _ => return None,
    };
    let mut fields = [0i8; 6];
    for (field, pair) in fields.iter_mut().zip(digits.chunks_exact(2)) {
        *field = two_digits(pair)?;
    }
    let [year, month, day, hour, minute, second] = fields;
    let year = i16::from(century) * 100 + i16::from(year);
    let time = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    Some(time.duration_since(EPOCH).as_secs())
}

fn two_digits(pair: &[u8]) -> Option<i8> {
    match *pair {
        [high @ b'0'..=b'9', low @ b'0'..=b'9'] => {
            i8::try_from((high - b'0') * 10 + low - b'0').ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;
    use rcgen::{
        CertificateParams, DistinguishedName, DnType, DnValue, KeyPair, SanType, date_time_ymd,
    };

    use super::*;

    fn sample(algorithm: &'static rcgen::SignatureAlgorithm) -> (Vec<u8>, KeyPair) {
        let mut params =
            CertificateParams::new(["pop.example.org", "*.example.net"].map(str::to_owned))
                .unwrap();
        params
            .subject_alt_names
            .push(SanType::IpAddress("192.0.2.7".parse().unwrap()));
        params
            .subject_alt_names
            .push(SanType::IpAddress("2001:db8::7".parse().unwrap()));
        params.not_before = date_time_ymd(1999, 12, 31);
        params.not_after = date_time_ymd(2051, 1, 2);
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::OrganizationName, "Beispiel µ");
        params.distinguished_name.push(
            DnType::CommonName,
            DnValue::BmpString("ä.example".try_into().unwrap()),
        );
        let key = KeyPair::generate_for(algorithm).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        (certificate.der().to_vec(), key)
    }

    #[test]
    fn facts() {
        let (der, key) = sample(&rcgen::PKCS_ECDSA_P256_SHA256);
        let facts = CertificateFacts::read(&der).unwrap();
        assert_eq!(facts.subject, "O=Beispiel µ, CN=ä.example");
        assert_eq!(facts.issuer, facts.subject);
        assert!(facts.is_self_issued());
        assert_eq!(
            facts.names,
            [
                "pop.example.org",
                "*.example.net",
                "192.0.2.7",
                "2001:db8::7"
            ]
        );
        assert_eq!(day(facts.not_before).unwrap(), "1999-12-31");
        assert_eq!(facts.not_before, 946_598_400);
        assert_eq!(day(facts.not_after).unwrap(), "2051-01-02");
        let spki = rcgen::PublicKeyData::subject_public_key_info(&key);
        assert_eq!(facts.key_pin, Some(Fingerprint::of_key(&spki)));
        assert_eq!(
            facts.certificate_pin,
            Some(Fingerprint::of_certificate(&der))
        );
    }

    #[test]
    fn end_point_hashes_as_the_signature() {
        let (der, _) = sample(&rcgen::PKCS_ECDSA_P256_SHA256);
        assert_eq!(end_point(&der).unwrap(), Sha256::digest(&der).to_vec());
        let (der, _) = sample(&rcgen::PKCS_ECDSA_P384_SHA384);
        assert_eq!(end_point(&der).unwrap(), Sha384::digest(&der).to_vec());
        let (der, _) = sample(&rcgen::PKCS_ED25519);
        assert_eq!(end_point(&der), None);
    }

    #[test]
    fn times() {
        let read = |tag, content: &str| {
            seconds(Element {
                tag,
                content: content.as_bytes(),
                whole: &[],
            })
        };
        for (tag, text, at) in [
            (UTC_TIME, "700101000000Z", Some(0)),
            (UTC_TIME, "491231235959Z", Some(2_524_607_999)),
            (UTC_TIME, "500101000000Z", Some(-631_152_000)),
            (GENERALIZED_TIME, "20000229000001Z", Some(951_782_401)),
            (GENERALIZED_TIME, "99991231235959Z", Some(253_402_300_799)),
            (GENERALIZED_TIME, "20010229000000Z", None),
            (UTC_TIME, "7001010000Z", None),
            (UTC_TIME, "700101000000+0100", None),
            (UTC_TIME, "70010100000éZ", None),
            (INTEGER, "700101000000Z", None),
        ] {
            assert_eq!(read(tag, text), at, "{text}");
        }
        assert_eq!(day(253_402_300_799).unwrap(), "9999-12-31");
        assert_eq!(day(i64::MAX), None);
    }

    #[test]
    fn cut_short_is_no_certificate() {
        let (der, _) = sample(&rcgen::PKCS_ECDSA_P256_SHA256);
        for end in 0..der.len() {
            assert_eq!(CertificateFacts::read(&der[..end]), None);
            assert_eq!(end_point(&der[..end]), None);
        }
        let longer = [&der[..], &[0]].concat();
        assert_eq!(CertificateFacts::read(&longer), None);
    }

    proptest! {
        #[test]
        fn never_panics(octets: Vec<u8>, at: prop::sample::Index, octet: u8) {
            let _ = CertificateFacts::read(&octets);
            let (mut der, _) = sample(&rcgen::PKCS_ED25519);
            let at = at.index(der.len());
            der[at] = octet;
            let _ = CertificateFacts::read(&der);
            let _ = end_point(&der);
        }
    }
}
