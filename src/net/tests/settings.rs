//! What TLS settled, settings that cannot be used, the pool.

use std::path::PathBuf;

use super::*;

#[test]
fn rustls_info() {
    let authority = Authority::new();
    let identity = authority.issue(params("pop.example.org"));
    for (versions, version, cipher) in [
        (ONLY_13, "TLS 1.3", "TLS_AES_256_GCM_SHA384"),
        (
            ONLY_12,
            "TLS 1.2",
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        ),
    ] {
        let (endpoint, thread) = tls_server(&identity, versions, polite);
        let stream = start(&endpoint, "pop.example.org", &authority.settings()).unwrap();
        let info = stream.tls().unwrap();
        assert_eq!(info.version.as_deref(), Some(version));
        assert_eq!(info.cipher.as_deref(), Some(cipher));
        converse(stream, thread);
    }
}

#[test]
fn both_ends_have_the_same_bindings() {
    for &backend in BACKENDS {
        let authority = Authority::new();
        let identity = authority.issue(params("pop.example.org"));
        let settings = TlsSettings {
            backend,
            ..authority.settings()
        };
        for versions in [ONLY_12, ONLY_13] {
            let (endpoint, thread) =
                tls_server(&identity, versions, |mut tls: Tls| polite_export(&mut tls));
            let mut stream = start(&endpoint, "pop.example.org", &settings).unwrap();
            let bindings = stream.channel_bindings();
            assert_eq!(stream.channel_binding(), bindings.first().cloned());
            stream.write_all(b"quit").unwrap();
            let exported = thread.join().unwrap();
            let end_point = certificate::end_point(&identity.chain[0]).unwrap();
            let mut expected = vec![("tls-server-end-point", end_point)];
            if backend == Backend::Rustls && versions == ONLY_13 {
                expected.insert(0, ("tls-exporter", exported));
            }
            assert_eq!(bindings, expected);
        }
    }
}

/// The server's view of the exporter, once the handshake is over.
fn polite_export(tls: &mut Tls) -> Vec<u8> {
    tls.read_exact(&mut [0; 4]).unwrap();
    tls.conn
        .export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(&[]))
        .unwrap()
        .to_vec()
}

#[test]
fn settings_that_cannot_be_used() {
    let empty = tempfile::NamedTempFile::new().unwrap();
    let mut broken = tempfile::NamedTempFile::new().unwrap();
    broken
        .write_all(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .unwrap();
    let with_ca = |path: PathBuf| TlsSettings {
        ca_file: Some(path),
        ..TlsSettings::default()
    };
    #[cfg_attr(feature = "native-tls", expect(unused_mut))]
    let mut cases = vec![
        (
            with_ca("/nowhere/ca.pem".into()),
            "tls_ca_file /nowhere/ca.pem: ",
        ),
        (
            with_ca(empty.path().to_owned()),
            "it holds no PEM certificate",
        ),
        (with_ca(broken.path().to_owned()), "tls_ca_file "),
    ];
    #[cfg(not(feature = "native-tls"))]
    cases.push((
        TlsSettings {
            backend: Backend::Native,
            ..TlsSettings::default()
        },
        "tls_backend = \"native\" is not in this build (cargo feature native-tls)",
    ));
    for (settings, words) in cases {
        let (endpoint, thread) = server(drop);
        let error = start(&endpoint, "pop.example.org", &settings).unwrap_err();
        assert!(matches!(error, Error::Settings(_)), "{error:?}");
        assert!(error.to_string().contains(words), "{error}");
        thread.join().unwrap();
    }
}

#[test]
fn tls_is_started_once() {
    let authority = Authority::new();
    let identity = authority.issue(params("pop.example.org"));
    let (endpoint, thread) = tls_server(&identity, BOTH, polite);
    let settings = authority.settings();
    let stream = start(&endpoint, "pop.example.org", &settings).unwrap();
    let error = stream
        .start_tls("pop.example.org", &settings, &TlsPool::new())
        .unwrap_err();
    assert!(matches!(error, Error::Handshake(_)));
    let _ = thread.join().unwrap();
}

#[test]
fn a_pool_serves_threads() {
    fn shared<T: Send + Sync>(value: &T) -> &T {
        value
    }
    let authority = Authority::new();
    let identity = authority.issue(params("pop.example.org"));
    let pool = TlsPool::new();
    let pool = shared(&pool);
    let settings = authority.settings();
    let settings = &settings;
    thread::scope(|scope| {
        for _ in 0..8 {
            let (endpoint, thread) = tls_server(&identity, BOTH, polite);
            scope.spawn(move || {
                let stream = connect(&endpoint).start_tls("pop.example.org", settings, pool);
                converse(stream.unwrap(), thread);
            });
        }
    });
}
