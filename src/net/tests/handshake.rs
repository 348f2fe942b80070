//! Handshakes: who is trusted, who is not and why.

use super::*;

#[test]
fn a_chain_is_trusted() {
    for &backend in BACKENDS {
        let authority = Authority::new();
        let identity = authority.issue(params("pop.example.org"));
        for versions in [ONLY_12, ONLY_13, BOTH] {
            let (endpoint, thread) = tls_server(&identity, versions, polite);
            let settings = TlsSettings {
                backend,
                ..authority.settings()
            };
            let stream = start(&endpoint, "pop.example.org", &settings).unwrap();
            let info = stream.tls().unwrap();
            assert_eq!(info.certificate, identity.chain[0].to_vec());
            assert_eq!(info.trust, authority.file.path().display().to_string());
            assert!(stream.peer().unwrap().ip().is_loopback());
            converse(stream, thread);
        }
    }
}

#[test]
fn a_pin_replaces_chain_name_and_dates() {
    for &backend in BACKENDS {
        let mut old = params("elsewhere.example.org");
        old.not_before = date_time_ymd(2001, 1, 1);
        old.not_after = date_time_ymd(2002, 1, 1);
        let identity = Identity::self_signed(old);
        let other = Identity::self_signed(params("pop.example.org"));
        let facts = identity.facts();
        for pin in [facts.certificate_pin.unwrap(), facts.key_pin.unwrap()] {
            let (endpoint, thread) = tls_server(&identity, BOTH, polite);
            let settings = TlsSettings {
                // Any of several, as while a key is changed.
                fingerprints: vec![other.facts().key_pin.unwrap(), pin],
                backend,
                ..TlsSettings::default()
            };
            let stream = start(&endpoint, "pop.example.org", &settings).unwrap();
            assert_eq!(stream.tls().unwrap().trust, "fingerprint");
            converse(stream, thread);
        }
        let settings = TlsSettings {
            fingerprints: vec![other.facts().certificate_pin.unwrap()],
            backend,
            ..TlsSettings::default()
        };
        let (reason, certificate) = refusal(&identity, "elsewhere.example.org", &settings);
        assert_eq!(reason, "certificate does not match tls_fingerprint");
        assert_eq!(certificate, identity.chain[0].to_vec());
    }
}

/// Another's certificate, without its key: a pin alone must not do.
#[test]
fn a_pin_does_not_replace_the_signature() {
    for &backend in BACKENDS {
        let owner = Identity::self_signed(params("pop.example.org"));
        let thief = KeyPair::generate().unwrap();
        let provider = rustls::crypto::ring::default_provider();
        let key = provider
            .key_provider
            .load_private_key(PrivateKeyDer::try_from(thief.serialize_der()).unwrap())
            .unwrap();
        #[derive(Debug)]
        struct Always(Arc<rustls::sign::CertifiedKey>);
        impl rustls::server::ResolvesServerCert for Always {
            fn resolve(
                &self,
                _hello: rustls::server::ClientHello<'_>,
            ) -> Option<Arc<rustls::sign::CertifiedKey>> {
                Some(Arc::clone(&self.0))
            }
        }
        let certified = rustls::sign::CertifiedKey::new(owner.chain.clone(), key);
        for versions in [ONLY_12, ONLY_13] {
            let config = ServerConfig::builder_with_provider(Arc::new(provider.clone()))
                .with_protocol_versions(versions)
                .unwrap()
                .with_no_client_auth()
                .with_cert_resolver(Arc::new(Always(Arc::new(certified.clone()))));
            let connection = ServerConnection::new(Arc::new(config)).unwrap();
            let (endpoint, thread) =
                server(|tcp| polite(rustls::StreamOwned::new(connection, tcp)));
            let settings = TlsSettings {
                fingerprints: vec![owner.facts().certificate_pin.unwrap()],
                backend,
                ..TlsSettings::default()
            };
            let error = start(&endpoint, "pop.example.org", &settings).unwrap_err();
            assert!(
                matches!(error, Error::Untrusted { .. } | Error::Handshake(_)),
                "{error:?}"
            );
            assert!(thread.join().unwrap().is_err());
        }
    }
}

#[test]
fn plain_text_at_a_tls_port() {
    for &backend in BACKENDS {
        let (endpoint, thread) = server(|mut tcp| {
            tcp.write_all(b"+OK POP3 server ready\r\n").unwrap();
            // Until the client gives up.
            let _ = io::copy(&mut tcp, &mut io::sink());
        });
        let settings = TlsSettings {
            backend,
            ..TlsSettings::default()
        };
        let error = start(&endpoint, "pop.example.org", &settings).unwrap_err();
        assert_eq!(
            error.to_string(),
            "TLS handshake failed: the server does not speak TLS on this port"
        );
        thread.join().unwrap();
    }
}

#[test]
fn no_common_version() {
    for &backend in BACKENDS {
        let authority = Authority::new();
        let identity = authority.issue(params("pop.example.org"));
        let (endpoint, thread) = tls_server(&identity, ONLY_12, polite);
        let settings = TlsSettings {
            min_version: TlsVersion::V13,
            backend,
            ..authority.settings()
        };
        let error = start(&endpoint, "pop.example.org", &settings).unwrap_err();
        assert!(matches!(error, Error::NoCommonVersion(_)), "{error:?}");
        assert!(thread.join().unwrap().is_err());
    }
}

#[test]
fn a_handshake_ends() {
    for &backend in BACKENDS {
        let settings = TlsSettings {
            backend,
            ..TlsSettings::default()
        };
        let hold = |mut tcp: TcpStream| {
            let _ = io::copy(&mut tcp, &mut io::sink());
        };
        let (endpoint, thread) = server(hold);
        let limits = Timeouts {
            connect: SHORT,
            reply: LONG,
        };
        let stream = Stream::connect(&endpoint, limits, &Stop::new().unwrap()).unwrap();
        let error = stream
            .start_tls("localhost", &settings, &TlsPool::new())
            .unwrap_err();
        assert!(
            matches!(error, Error::TimedOut("in the TLS handshake")),
            "{error:?}"
        );
        thread.join().unwrap();

        let (endpoint, thread) = server(hold);
        let stop = Stop::new().unwrap();
        let stream = Stream::connect(&endpoint, self::limits(LONG), &stop).unwrap();
        stop.raise(2);
        let error = stream
            .start_tls("localhost", &settings, &TlsPool::new())
            .unwrap_err();
        assert!(matches!(error, Error::Stopped), "{error:?}");
        thread.join().unwrap();

        let (endpoint, thread) = server(drop);
        let error = start(&endpoint, "localhost", &settings).unwrap_err();
        assert!(matches!(error, Error::Lost(_)), "{error:?}");
        thread.join().unwrap();
    }
}

#[test]
fn rustls_says_why() {
    let authority = Authority::new();
    let settings = authority.settings();
    let dated = |from: (i32, u8, u8), to: (i32, u8, u8)| {
        let mut params = params("pop.example.org");
        params.not_before = date_time_ymd(from.0, from.1, from.2);
        params.not_after = date_time_ymd(to.0, to.1, to.2);
        params
    };
    let mut client_only = params("pop.example.org");
    client_only.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let mut ca = params("pop.example.org");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let mut many = params("a.example");
    let more = (1..=6).map(|n| rcgen::SanType::DnsName(format!("{n}.example").try_into().unwrap()));
    many.subject_alt_names.extend(more);
    let mut common_name_only = CertificateParams::new(Vec::<String>::new()).unwrap();
    common_name_only
        .distinguished_name
        .push(rcgen::DnType::CommonName, "pop.example.org");

    for (identity, reason) in [
        (
            authority.issue(dated((2001, 1, 1), (2002, 3, 4))),
            "certificate expired on 2002-03-04",
        ),
        (
            authority.issue(dated((2999, 1, 1), (3000, 1, 1))),
            "certificate is not valid before 2999-01-01 (is this machine's clock right?)",
        ),
        (
            authority.issue(params("a.example")),
            "certificate is for a.example, not for pop.example.org",
        ),
        (
            authority.issue(many),
            "certificate is for a.example, 1.example, 2.example, 3.example, 4.example and 2 more, \
             not for pop.example.org",
        ),
        (
            authority.issue(params("p*.example.org")),
            "certificate is for p*.example.org, not for pop.example.org",
        ),
        (
            authority.issue(common_name_only),
            "certificate names no host in its subjectAltName, so it is not for pop.example.org",
        ),
        (
            authority.issue(client_only),
            "certificate is not meant for servers (extended key usage)",
        ),
        (
            Identity::self_signed(params("pop.example.org")),
            "certificate is self-signed",
        ),
        (
            Identity::self_signed(ca.clone()),
            "certificate is self-signed, and a CA's rather than a server's",
        ),
        (
            authority.issue(ca),
            "certificate is a CA's rather than a server's",
        ),
        (
            Authority::named("another CA").issue(params("pop.example.org")),
            "certificate is from an unknown issuer (CN=another CA)",
        ),
        (
            // Our CA's name, but not its key.
            Authority::new().issue(params("pop.example.org")),
            "a signature does not fit its key, in the certificate's chain or the handshake",
        ),
    ] {
        let (why, certificate) = refusal(&identity, "pop.example.org", &settings);
        assert_eq!(why, reason);
        assert_eq!(certificate, identity.chain[0].to_vec());
    }
    // Against the system's roots, or webpki-roots where there are none.
    let identity = authority.issue(params("pop.example.org"));
    let (why, _) = refusal(&identity, "pop.example.org", &TlsSettings::default());
    assert_eq!(
        why,
        "certificate is from an unknown issuer (CN=popfetch test CA)"
    );
}

#[cfg(feature = "native-tls")]
#[test]
fn native_says_why() {
    let authority = Authority::new();
    let settings = TlsSettings {
        backend: Backend::Native,
        ..authority.settings()
    };
    let mut expired = params("pop.example.org");
    expired.not_after = date_time_ymd(2002, 3, 4);
    let mut common_name_only = CertificateParams::new(Vec::<String>::new()).unwrap();
    common_name_only
        .distinguished_name
        .push(rcgen::DnType::CommonName, "pop.example.org");
    for (identity, reason) in [
        (
            authority.issue(expired),
            "certificate refused: certificate has expired",
        ),
        (
            authority.issue(params("a.example")),
            "certificate refused: hostname mismatch",
        ),
        (
            authority.issue(params("p*.example.org")),
            "certificate refused: hostname mismatch",
        ),
        (
            authority.issue(common_name_only),
            "certificate names no host in its subjectAltName, so it is not for pop.example.org",
        ),
        (
            Identity::self_signed(params("pop.example.org")),
            "certificate refused: self-signed certificate",
        ),
    ] {
        let (why, _) = refusal(&identity, "pop.example.org", &settings);
        assert_eq!(why, reason);
    }
}

#[test]
fn another_name_can_be_verified() {
    let authority = Authority::new();
    let settings = TlsSettings {
        server_name: Some("pop.example.org".to_owned()),
        ..authority.settings()
    };
    let (endpoint, thread) = tls_server(&authority.issue(params("*.example.org")), BOTH, polite);
    converse(start(&endpoint, "127.0.0.1", &settings).unwrap(), thread);
    let (endpoint, thread) = tls_server(&authority.issue(params("127.0.0.1")), BOTH, polite);
    let stream = start(&endpoint, "127.0.0.1", &authority.settings()).unwrap();
    converse(stream, thread);
}
