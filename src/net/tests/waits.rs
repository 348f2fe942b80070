//! Reads and writes: time limits, the stop flag, ends of stream.

use super::*;

#[test]
fn plain_end_is_clean() {
    let (endpoint, thread) = server(|mut tcp| tcp.write_all(b"bye").unwrap());
    let mut stream = connect(&endpoint);
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert_eq!(text, "bye");
    assert!(stream.tls().is_none());
    assert_eq!(stream.channel_binding(), None);
    thread.join().unwrap();
}

#[test]
fn an_end_without_close_notify_is_an_error() {
    for &backend in BACKENDS {
        let authority = Authority::new();
        let identity = authority.issue(params("pop.example.org"));
        for versions in [ONLY_12, ONLY_13] {
            let (endpoint, thread) = tls_server(&identity, versions, |mut tls: Tls| {
                tls.write_all(b"half a mess").unwrap();
            });
            let settings = TlsSettings {
                backend,
                ..authority.settings()
            };
            let mut stream = start(&endpoint, "pop.example.org", &settings).unwrap();
            let mut text = Vec::new();
            let error = stream.read_to_end(&mut text).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
            assert_eq!(text, b"half a mess");
            thread.join().unwrap();
        }
    }
}

#[test]
fn time_limits_and_stop() {
    thread::scope(|scope| {
        for backend in wires() {
            scope.spawn(move || patience(backend));
        }
    });
}

fn patience(backend: Option<Backend>) {
    let authority = Authority::new();
    let identity = authority.issue(params("pop.example.org"));
    let open = |serve: fn(&mut dyn Wire), limit: Duration, stop: &Stop| {
        let (endpoint, thread) = match backend {
            None => server(move |mut tcp| serve(&mut tcp)),
            Some(_) => tls_server(&identity, BOTH, move |mut tls: Tls| serve(&mut tls)),
        };
        let stream = Stream::connect(&endpoint, limits(limit), stop).unwrap();
        let stream = match backend {
            None => stream,
            Some(backend) => {
                let settings = TlsSettings {
                    backend,
                    ..authority.settings()
                };
                stream
                    .start_tls("pop.example.org", &settings, &TlsPool::new())
                    .unwrap()
            }
        };
        (stream, thread)
    };

    // Silence.
    let stop = Stop::new().unwrap();
    let (mut stream, thread) = open(|wire| hold(wire), SHORT, &stop);
    let error = stream.read(&mut [0; 10]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    let error = Error::from_io(error);
    assert!(matches!(error, Error::TimedOut("waiting for a reply")));
    drop(stream);
    thread.join().unwrap();

    // Drops that never make a line: the time is for the reply whole. Time that we take does not count.
    let (mut stream, thread) = open(|wire| drip(wire), SHORT, &stop);
    let start = Instant::now();
    let error = loop {
        match stream.read(&mut [0; 10]) {
            Ok(count) => assert_ne!(count, 0),
            Err(error) => break Error::from_io(error),
        }
    };
    assert!(matches!(error, Error::TimedOut("waiting for a reply")));
    assert!(start.elapsed() >= SHORT);
    stream.rearm();
    thread::sleep(SHORT + SHORT / 2);
    stream.read_exact(&mut [0; 1]).unwrap();
    drop(stream);
    thread.join().unwrap();

    // A signal wakes who waits, and nothing goes out any more, except to part.
    let (mut stream, thread) = open(|wire| hold(wire), LONG, &stop);
    let other = stop.clone();
    let raiser = thread::spawn(move || {
        thread::sleep(SHORT / 4);
        other.raise(15);
    });
    let error = Error::from_io(stream.read(&mut [0; 10]).unwrap_err());
    assert!(matches!(error, Error::Stopped), "{error:?}");
    let error = Error::from_io(stream.write_all(b"x").unwrap_err());
    assert!(matches!(error, Error::Stopped), "{error:?}");
    stream.part(5 * SHORT);
    stream.rearm();
    stream.write_all(b"x").unwrap();
    let error = Error::from_io(stream.read(&mut [0; 10]).unwrap_err());
    assert!(matches!(error, Error::TimedOut(_)), "{error:?}");
    drop(stream);
    raiser.join().unwrap();
    thread.join().unwrap();

    // Who does not listen stops what is written.
    let stop = Stop::new().unwrap();
    let (mut stream, thread) = open(|wire| deaf(wire), SHORT, &stop);
    let much = vec![b'x'; 64 << 20];
    let error = Error::from_io(stream.write_all(&much).unwrap_err());
    assert!(matches!(error, Error::TimedOut("sending")), "{error:?}");
    drop(stream);
    thread.thread().unpark();
    thread.join().unwrap();
}

#[test]
fn large_reads_and_quiet() {
    for backend in wires() {
        much(backend);
    }
}

fn much(backend: Option<Backend>) {
    const SIZE: usize = 8 << 20;
    let authority = Authority::new();
    let identity = authority.issue(params("pop.example.org"));
    let serve = |wire: &mut dyn Wire| {
        let sample: Vec<u8> = (0..SIZE).map(|at| (at % 251) as u8).collect();
        wire.write_all(&sample).unwrap();
        wire.flush().unwrap();
        let mut asked = [0; 1];
        wire.read_exact(&mut asked).unwrap();
        wire.write_all(&asked).unwrap();
        wire.flush().unwrap();
        let _ = wire.read(&mut asked);
    };
    let (stream, thread) = match backend {
        None => {
            let (endpoint, thread) = server(move |mut tcp| serve(&mut tcp));
            (connect(&endpoint), thread)
        }
        Some(backend) => {
            let (endpoint, thread) =
                tls_server(&identity, BOTH, move |mut tls: Tls| serve(&mut tls));
            let settings = TlsSettings {
                backend,
                ..authority.settings()
            };
            (
                start(&endpoint, "pop.example.org", &settings).unwrap(),
                thread,
            )
        }
    };
    let mut stream = stream;
    let mut buffer = vec![0; 64 * 1024];
    let mut at = 0;
    while at < SIZE {
        let count = stream.read(&mut buffer).unwrap();
        assert_ne!(count, 0);
        for &octet in &buffer[..count] {
            assert_eq!(octet, (at % 251) as u8);
            at += 1;
        }
    }
    // All is read: quiet, until something comes.
    assert!(stream.quiet(Duration::ZERO));
    let before = Instant::now();
    assert!(stream.quiet(SHORT / 4));
    assert!(before.elapsed() >= SHORT / 4);
    stream.write_all(b"?").unwrap();
    assert!(!stream.quiet(LONG));
    assert!(!stream.quiet(Duration::ZERO));
    assert_eq!(stream.read(&mut buffer).unwrap(), 1);
    drop(stream);
    thread.join().unwrap();
}

#[test]
fn a_server_that_only_sends_tickets_is_left() {
    let authority = Authority::new();
    let identity = authority.issue(params("pop.example.org"));
    let mut config = server_config(&identity, ONLY_13);
    config.send_tls13_tickets = 20_000;
    let connection = ServerConnection::new(Arc::new(config)).unwrap();
    let (endpoint, thread) = server(|tcp| hold(&mut rustls::StreamOwned::new(connection, tcp)));
    let mut stream = start(&endpoint, "pop.example.org", &authority.settings()).unwrap();
    let error = stream.read(&mut [0; 10]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    drop(stream);
    thread.join().unwrap();
}

/// Plain, and each back end.
fn wires() -> impl Iterator<Item = Option<Backend>> {
    [None].into_iter().chain(BACKENDS.iter().copied().map(Some))
}

trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

/// Says nothing until the client goes.
fn hold(wire: &mut dyn Wire) {
    let _ = wire.flush();
    let _ = io::copy(wire, &mut io::sink());
}

/// Reads nothing once the handshake is over, until its thread is woken.
fn deaf(wire: &mut dyn Wire) {
    wire.flush().unwrap();
    thread::park();
}

/// An octet now and then.
fn drip(wire: &mut dyn Wire) {
    while wire.write_all(b".").is_ok() && wire.flush().is_ok() {
        thread::sleep(Duration::from_millis(10));
    }
}
