//! Golden lines: events in, exact text out.
#![allow(clippy::unwrap_used)]

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;
use crate::fetch::event::{Event, Failure, Hint, Info, Listener, Mail, SetAside, Skip, Summing};
use crate::fetch::outcome::{Class, Outcome};
use crate::message::Summary;
use crate::net::{CertificateFacts, TlsInfo};
use crate::sasl::Method;
use crate::state::Record;

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Page {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Fails every write.
struct Gone(io::ErrorKind);

impl Write for Gone {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn around(terminal: bool) -> Surroundings {
    Surroundings {
        terminal,
        dumb: true,
        columns: terminal.then_some(80),
        zone: TimeZone::UTC,
        now: || Timestamp::from_second(1_795_306_000).unwrap(),
    }
}

fn subject(name: &str) -> Subject {
    Subject {
        name: name.to_owned(),
        max_size: Some(20 << 20),
    }
}

fn settings(task: Task, verbosity: Verbosity) -> Settings {
    Settings {
        task,
        verbosity,
        accounts: vec![subject("work")],
        ..Settings::default()
    }
}

/// What events bring: stdout and stderr.
fn told(settings: Settings, terminal: bool, events: Vec<(&str, Event<'_>)>) -> (String, String) {
    let (out, err) = (Page::default(), Page::default());
    let reporter = Reporter::on(
        settings,
        around(terminal),
        Box::new(out.clone()),
        Box::new(err.clone()),
    );
    for (account, event) in events {
        reporter.event(account, event);
    }
    reporter.finish().unwrap();
    (out.text(), err.text())
}

const MAIL: Mail<'static> = Mail {
    number: 12,
    octets: Some(4300),
    uid: "0003f2",
};

fn refused() -> Failure {
    Failure {
        class: Class::Login,
        place: Some("pop.example.org:995".to_owned()),
        what: "login refused".to_owned(),
        said: Some(b"-ERR [AUTH] no \x1b[31mway\r\n".to_vec()),
        hint: Some(Hint::Password),
        quiet: false,
    }
}

fn busy(quiet: bool) -> Failure {
    Failure {
        class: Class::Temporary,
        place: None,
        what: "another run has this account".to_owned(),
        said: None,
        hint: None,
        quiet,
    }
}

fn sum() -> Summing {
    Summing {
        listed: Some(1204),
        elapsed: Duration::from_millis(2100),
        ..Summing::default()
    }
}

fn a_run<'a>() -> Vec<(&'a str, Event<'a>)> {
    vec![
        (
            "work",
            Event::Started {
                host: "pop.example.org",
                port: 995,
            },
        ),
        ("work", Event::Connected("192.0.2.7:995".parse().unwrap())),
        ("work", Event::LoggedIn(Method::ScramSha256)),
        ("work", Event::Sent("USER me")),
        ("work", Event::Received(b"+OK \x07send PASS\r\n")),
        (
            "work",
            Event::Planned {
                messages: 2,
                octets: 8600,
                listed: 1204,
                delete: 1,
            },
        ),
        ("work", Event::Skipped(MAIL, Skip::Seen)),
        ("work", Event::Octets(4300)),
        ("work", Event::Delivered(MAIL)),
        ("work", Event::Note("no \u{202e}dotlock")),
        ("work", Event::Deleted(1)),
        (
            "work",
            Event::Finished(Summing {
                delivered: 1,
                octets: 4300,
                deleted: 1,
                ..sum()
            }),
        ),
    ]
}

#[test]
fn off_a_terminal_all_well_is_silence() {
    for verbosity in [Verbosity::Quiet, Verbosity::Normal] {
        let told = told(settings(Task::Fetch, verbosity), false, a_run());
        assert_eq!(told, (String::new(), String::new()));
    }
}

#[test]
fn a_terminal_gets_a_summary() {
    let (out, err) = told(settings(Task::Fetch, Verbosity::Normal), true, a_run());
    assert_eq!(out, "");
    assert_eq!(err, "work: 1 message (4.2 KiB) in 2.1 s, 1 deleted\n");
    let (_, err) = told(settings(Task::Fetch, Verbosity::Quiet), true, a_run());
    assert_eq!(err, "");
}

#[test]
fn verbose_has_the_time_off_a_terminal() {
    let (out, err) = told(settings(Task::Fetch, Verbosity::Verbose), false, a_run());
    assert_eq!(out, "");
    assert_eq!(
        err,
        "2026-11-22 00:06:40 work: connected to 192.0.2.7:995\n\
         2026-11-22 00:06:40 work: logged in by scram-sha-256\n\
         2026-11-22 00:06:40 work: 2 messages to fetch (8.4 KiB), 1 to delete, 1,204 on the server\n\
         2026-11-22 00:06:40 work: message 12 (4.2 KiB, uid 0003f2) skipped: seen before\n\
         2026-11-22 00:06:40 work: message 12 (4.2 KiB, uid 0003f2) delivered\n\
         2026-11-22 00:06:40 work: no \\u{202e}dotlock\n\
         2026-11-22 00:06:40 work: 1 message deleted\n\
         2026-11-22 00:06:40 work: 1 message (4.2 KiB) in 2.1 s, 1 deleted\n"
    );
}

#[test]
fn the_protocol_is_sanitised() {
    let (_, err) = told(settings(Task::Fetch, Verbosity::Protocol), true, a_run());
    assert!(
        err.contains("work: > USER me\nwork: < +OK \\x07send PASS\n"),
        "{err}"
    );
}

#[test]
fn summaries() {
    let well = |sum: Summing| told_sum(sum);
    for (sum, line) in [
        (sum(), "no new mail (1,204 on the server)"),
        (
            Summing {
                listed: Some(0),
                ..sum()
            },
            "no mail",
        ),
        (
            Summing {
                deleted: 5,
                ..sum()
            },
            "no new mail (1,199 on the server), 5 deleted",
        ),
        (
            Summing {
                delivered: 12,
                octets: 3_565_158,
                oversize: 1,
                deleted: 5,
                ..sum()
            },
            "12 messages (3.4 MiB) in 2.1 s, 1 skipped (larger than 20 MiB), 5 deleted",
        ),
        (
            Summing {
                delivered: 1,
                octets: 10,
                dropped: 1,
                failed: 2,
                left: 1000,
                outcome: Outcome {
                    class: Some(Class::Delivery),
                    messages: 1,
                },
                ..sum()
            },
            "1 message (10 B) in 2.1 s, 1 thrown away, 2 failed, 1,000 left for the next run",
        ),
    ] {
        assert_eq!(well(sum), format!("work: {line}\n"));
    }
    // A problem was said already.
    let failed = Outcome {
        class: Some(Class::Protocol),
        messages: 0,
    };
    let silent = Summing {
        outcome: failed,
        ..sum()
    };
    assert_eq!(told_sum(silent), "");
    let never_listed = Summing {
        listed: None,
        ..Summing::default()
    };
    assert_eq!(told_sum(never_listed), "");
}

fn told_sum(sum: Summing) -> String {
    let events = vec![("work", Event::Finished(sum))];
    told(settings(Task::Fetch, Verbosity::Normal), true, events).1
}

#[test]
fn problems_are_one_line() {
    let line = "popfetch: work: pop.example.org:995: login refused: \
                \"-ERR [AUTH] no \\x1b[31mway\" (check user and password)\n";
    for (verbosity, terminal) in [
        (Verbosity::Quiet, false),
        (Verbosity::Normal, false),
        (Verbosity::Normal, true),
    ] {
        let events = vec![("work", Event::Failed(refused()))];
        let (out, err) = told(settings(Task::Fetch, verbosity), terminal, events);
        assert_eq!((out.as_str(), err.as_str()), ("", line));
    }
    let events = vec![("work", Event::MessageFailed(MAIL, refused()))];
    let (_, err) = told(settings(Task::Fetch, Verbosity::Normal), false, events);
    assert_eq!(
        err,
        line.replace("login", "message 12 (4.2 KiB, uid 0003f2): login")
    );
}

#[test]
fn what_passes_is_quiet_when_asked() {
    for (verbosity, terminal, quiet, said) in [
        (Verbosity::Quiet, true, false, false),
        (Verbosity::Normal, false, false, true),
        (Verbosity::Normal, false, true, false),
        (Verbosity::Verbose, false, true, true),
        (Verbosity::Normal, true, true, true),
        (Verbosity::Quiet, true, true, false),
    ] {
        let events = vec![("work", Event::Failed(busy(quiet)))];
        let (_, err) = told(settings(Task::Fetch, verbosity), terminal, events);
        assert_eq!(!err.is_empty(), said, "{verbosity:?} {terminal} {quiet}");
    }
}

#[test]
fn oversize_is_said_off_a_terminal_too() {
    let events = vec![("work", Event::Skipped(MAIL, Skip::Oversize))];
    let (_, err) = told(settings(Task::Fetch, Verbosity::Normal), false, events);
    assert_eq!(
        err,
        "popfetch: work: message 12 (4.2 KiB, uid 0003f2) skipped: larger than 20 MiB; it stays on the server\n"
    );
}

#[test]
fn check_answers_in_the_order_of_the_accounts() {
    let counted = |new| Event::Counted {
        new,
        new_octets: 46_080,
        total: 120,
        total_octets: 12 << 20,
    };
    let mut settings = settings(Task::Ask, Verbosity::Normal);
    settings.accounts.push(subject("home"));
    let (out, err) = told(
        settings,
        false,
        vec![
            ("home", counted(0)),
            ("home", Event::Finished(sum())),
            ("work", counted(3)),
            ("work", Event::Finished(sum())),
        ],
    );
    assert_eq!(
        out,
        "work: 3 new (45 KiB), 120 in all (12 MiB)\nhome: 0 new (45 KiB), 120 in all (12 MiB)\n"
    );
    assert_eq!(err, "");
}

fn a_listing(summary: &Summary) -> Vec<(&'static str, Event<'_>)> {
    let listed = |number, summary, seen, set_aside| Event::Listed {
        mail: Mail { number, ..MAIL },
        summary,
        seen,
        set_aside,
    };
    let failed = SetAside {
        failures: 3,
        next_try: 1_795_309_600,
        why: "the server refused RETR: \"no\x1b\"",
    };
    vec![
        ("work", listed(1, Some(summary), true, None)),
        ("work", listed(2, None, false, None)),
        ("work", listed(300, Some(summary), false, Some(failed))),
        ("work", Event::Finished(sum())),
    ]
}

fn a_summary() -> Summary {
    Summary {
        date: Some(1_795_306_000),
        from: "Jürgen \x1b[1m日本語 <juergen@example.org>".to_owned(),
        subject: "A subject that is far too long for\nthe line".to_owned(),
        message_id: "<1@example.org>".to_owned(),
    }
}

#[test]
fn a_listing_is_cut_to_the_terminal() {
    let summary = a_summary();
    let (out, _) = told(
        settings(Task::List, Verbosity::Normal),
        true,
        a_listing(&summary),
    );
    assert_eq!(
        out,
        "    No.      Size  Date              From                      Subject\n\
         S     1   4.2 KiB  2026-11-22 00:06  Jürgen \\x1b[1m日本語 <j…  A subject that i…\n\
         N     2   4.2 KiB  -                                           uid 0003f2\n\
         !   300   4.2 KiB  2026-11-22 00:06  Jürgen \\x1b[1m日本語 <j…  [failed 3 times,…\n"
    );
    for row in out.lines() {
        assert!(unicode_width::UnicodeWidthStr::width(row) <= 80, "{row}");
    }
}

#[test]
fn a_listing_is_whole_off_a_terminal() {
    let summary = a_summary();
    let mut settings = settings(Task::List, Verbosity::Normal);
    settings.accounts.push(subject("home"));
    let (out, _) = told(settings, false, a_listing(&summary));
    assert_eq!(
        out,
        "work:\n\
         S     1   4.2 KiB  2026-11-22 00:06  Jürgen \\x1b[1m日本語 <juergen@example.org>  \
         A subject that is far too long for\\nthe line\n\
         N     2   4.2 KiB  -                                           uid 0003f2\n\
         !   300   4.2 KiB  2026-11-22 00:06  Jürgen \\x1b[1m日本語 <juergen@example.org>  \
         [failed 3 times, next try 2026-11-22 01:06: the server refused RETR: \"no\\x1b\"] A subject that is far too long for\\nthe line\n"
    );
}

#[test]
fn the_memory_is_shown() {
    let remembered = |uid, record, why| ("work", Event::Remembered { uid, record, why });
    let (out, _) = told(
        settings(Task::Ask, Verbosity::Normal),
        false,
        vec![
            remembered(
                "a1",
                Record {
                    delivered: 1,
                    time: 1_795_306_000,
                    deleted: true,
                    absent_since: Some(1_795_309_600),
                    ..Record::default()
                },
                None,
            ),
            remembered(
                "b%202",
                Record {
                    known: true,
                    ..Record::default()
                },
                None,
            ),
            remembered(
                "c3",
                Record {
                    failures: 2,
                    failed: 1_795_309_600,
                    ..Record::default()
                },
                Some("MDA exited\nwith 1"),
            ),
        ],
    );
    assert_eq!(
        out,
        "a1  2026-11-22 00:06  delivered; deleted on the server; not listed since 2026-11-22 01:06\n\
         b%202  -                 known\n\
         c3  2026-11-22 01:06  failed 2 times: MDA exited\\nwith 1\n"
    );
}

#[test]
fn changes_and_dry_runs_are_answered() {
    let (out, _) = told(
        settings(Task::Mark, Verbosity::Normal),
        false,
        vec![("work", Event::Changed(1))],
    );
    assert_eq!(out, "work: 1 unique-id marked\n");
    let (out, _) = told(
        settings(Task::Forget, Verbosity::Normal),
        false,
        vec![("work", Event::Changed(2))],
    );
    assert_eq!(out, "work: 2 unique-ids forgotten\n");
    let (out, err) = told(
        settings(Task::DryRun, Verbosity::Normal),
        true,
        vec![
            ("work", Event::WouldSettle(1)),
            ("work", Event::WouldDelete(MAIL)),
            ("work", Event::WouldFetch(MAIL)),
            ("work", Event::WouldFetch(Mail::default())),
            ("work", Event::Finished(sum())),
        ],
    );
    assert_eq!(
        out,
        "work: would settle 1 message that a run cut short left open\n\
         work: would delete message 12 (4.2 KiB, uid 0003f2)\n\
         work: would fetch message 12 (4.2 KiB, uid 0003f2)\n\
         work: would fetch message 0\n\
         work: would fetch 2 messages (4.2 KiB), delete 1\n"
    );
    assert_eq!(err, "");
}

#[test]
fn info_is_a_block() {
    let info = Info {
        place: "pop.example.org:995".to_owned(),
        peer: Some("192.0.2.7:995".parse().unwrap()),
        greeting: b"+OK Dovecot \x9bready.\r\n".to_vec(),
        tls: Some(TlsInfo {
            version: Some("TLS 1.3".to_owned()),
            cipher: Some("TLS13_AES_256_GCM_SHA384".to_owned()),
            trust: "system (145 roots)".to_owned(),
            certificate: Vec::new(),
        }),
        certificate: Some(CertificateFacts {
            subject: "CN=pop.example.org".to_owned(),
            issuer: "CN=Test \u{202e}CA".to_owned(),
            names: vec!["pop.example.org".to_owned(), "192.0.2.7".to_owned()],
            not_before: 1_790_000_000,
            not_after: 1_800_000_000,
            certificate_pin: None,
            key_pin: None,
        }),
        before_login: vec![b"TOP".to_vec(), b"SASL PLAIN".to_vec()],
        after_login: Some(Vec::new()),
        method: Some(Method::Plain),
        methods: vec![Method::ScramSha256, Method::Plain],
        ..Info::default()
    };
    let (out, _) = told(
        settings(Task::Ask, Verbosity::Normal),
        false,
        vec![("work", Event::Info(Box::new(info)))],
    );
    assert_eq!(
        out,
        "work: pop.example.org:995 (192.0.2.7:995)\n\
         \x20 greeting      +OK Dovecot \\x9bready.\n\
         \x20 tls           TLS 1.3, TLS13_AES_256_GCM_SHA384\n\
         \x20 trusted by    system (145 roots)\n\
         \x20 certificate   CN=pop.example.org\n\
         \x20 issued by     CN=Test \\u{202e}CA\n\
         \x20 for           pop.example.org, 192.0.2.7\n\
         \x20 valid         from 2026-09-21 to 2027-01-15\n\
         \x20 before login  TOP, SASL PLAIN\n\
         \x20 after login   CAPA refused\n\
         \x20 auth          scram-sha-256, plain\n\
         \x20 logged in by  plain\n"
    );
}

#[test]
fn json_is_a_line_an_event() {
    let mut settings = settings(Task::Fetch, Verbosity::Normal);
    settings.json = true;
    let mut events = a_run();
    events.push(("work", Event::MessageFailed(MAIL, refused())));
    let (out, err) = told(settings, true, events);
    let time = r#"{"time":"2026-11-22T00:06:40Z","account":"work","event":"#;
    let expected = [
        r#""started","host":"pop.example.org","port":995}"#,
        r#""connected","address":"192.0.2.7:995"}"#,
        r#""logged_in","method":"scram-sha-256"}"#,
        r#""planned","messages":2,"octets":8600,"listed":1204,"delete":1}"#,
        r#""skipped","number":12,"octets":4300,"uid":"0003f2","reason":"seen"}"#,
        r#""delivered","number":12,"octets":4300,"uid":"0003f2"}"#,
        r#""note","text":"no \\u{202e}dotlock"}"#,
        r#""deleted","messages":1}"#,
        r#""finished","class":null,"status":0,"delivered":1,"octets":4300,"dropped":0,"deleted":1,"oversize":0,"failed":0,"listed":1204,"left":0,"seconds":2.1}"#,
        r#""message_failed","number":12,"octets":4300,"uid":"0003f2","class":"login","status":77,"place":"pop.example.org:995","what":"login refused","said":"-ERR [AUTH] no \\x1b[31mway","hint":"check user and password"}"#,
    ];
    let lines: Vec<String> = expected
        .iter()
        .map(|line| format!("{time}{line}"))
        .collect();
    assert_eq!(out.lines().collect::<Vec<_>>(), lines);
    // Programs read stdout; people still see what went wrong, and nothing else.
    assert_eq!(
        err,
        "popfetch: work: pop.example.org:995: message 12 (4.2 KiB, uid 0003f2): login refused: \
         \"-ERR [AUTH] no \\x1b[31mway\" (check user and password)\n"
    );
}

#[test]
fn json_of_a_listing() {
    let mut settings = settings(Task::List, Verbosity::Normal);
    settings.json = true;
    let summary = a_summary();
    let (out, _) = told(settings, false, a_listing(&summary));
    let row: serde_json::Value = serde_json::from_str(out.lines().nth(2).unwrap()).unwrap();
    assert_eq!(
        row,
        serde_json::json!({
            "time": "2026-11-22T00:06:40Z", "account": "work", "event": "listed",
            "number": 300, "octets": 4300, "uid": "0003f2",
            "date": "2026-11-22T00:06:40Z",
            "from": "Jürgen \\x1b[1m日本語 <juergen@example.org>",
            "subject": "A subject that is far too long for\\nthe line",
            "message_id": "<1@example.org>",
            "seen": false, "failures": 3, "next_try": "2026-11-22T01:06:40Z",
            "why": "the server refused RETR: \"no\\x1b\"",
        })
    );
}

#[test]
fn nobody_listening_ends_quietly() {
    let calls = Arc::new(AtomicUsize::new(0));
    let err = Page::default();
    let mut settings = settings(Task::List, Verbosity::Normal);
    let counter = Arc::clone(&calls);
    settings.unheard = Some(Box::new(move || {
        counter.fetch_add(1, Ordering::Relaxed);
    }));
    let reporter = Reporter::on(
        settings,
        around(true),
        Box::new(Gone(io::ErrorKind::BrokenPipe)),
        Box::new(err.clone()),
    );
    let summary = a_summary();
    for (account, event) in a_listing(&summary) {
        reporter.event(account, event);
    }
    reporter.event("work", Event::Failed(refused()));
    reporter.finish().unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    assert_eq!(err.text(), "");
}

#[test]
fn a_fetch_goes_on_when_nobody_reads_its_json() {
    let err = Page::default();
    let mut settings = settings(Task::Fetch, Verbosity::Normal);
    settings.json = true;
    let reporter = Reporter::on(
        settings,
        around(false),
        Box::new(Gone(io::ErrorKind::BrokenPipe)),
        Box::new(err.clone()),
    );
    reporter.event("work", Event::Delivered(MAIL));
    reporter.event("work", Event::Failed(refused()));
    reporter.finish().unwrap();
    assert!(err.text().starts_with("popfetch: work: "));
}

#[test]
fn a_full_disk_is_told_once() {
    let reporter = Reporter::on(
        settings(Task::Ask, Verbosity::Normal),
        around(false),
        Box::new(Gone(io::ErrorKind::StorageFull)),
        Box::new(Gone(io::ErrorKind::BrokenPipe)),
    );
    reporter.event("work", Event::Changed(1));
    reporter.event("work", Event::Failed(refused()));
    assert_eq!(
        reporter.finish().unwrap_err().kind(),
        io::ErrorKind::StorageFull
    );
    reporter.finish().unwrap();
}

#[test]
fn bars_are_drawn_and_cleared() {
    let (out, err) = (Page::default(), Page::default());
    let mut settings = settings(Task::Fetch, Verbosity::Normal);
    settings.progress = Progress::Always;
    let reporter = Reporter::on(
        settings,
        around(true),
        Box::new(out.clone()),
        Box::new(err.clone()),
    );
    for (account, event) in a_run() {
        let last = matches!(event, Event::Deleted(_));
        reporter.event(account, event);
        if last {
            reporter.event("work", Event::Failed(refused()));
        }
    }
    reporter.finish().unwrap();
    let text = err.text();
    assert!(text.contains("connecting to pop.example.org"), "{text:?}");
    assert!(text.contains(" 1/2 "), "{text:?}");
    // Lines stand alone, after the bar was wiped.
    assert!(
        text.contains("\x1b[2K\rpopfetch: work: pop.example.org:995: login refused"),
        "{text:?}"
    );
    assert!(
        text.ends_with("work: 1 message (4.2 KiB) in 2.1 s, 1 deleted\n"),
        "{text:?}"
    );
    assert_eq!(out.text(), "");
}

#[test]
fn bars_on_a_terminal_that_hung_up_do_not_panic() {
    let mut settings = settings(Task::Fetch, Verbosity::Verbose);
    settings.progress = Progress::Always;
    let reporter = Reporter::on(
        settings,
        around(true),
        Box::new(Gone(io::ErrorKind::BrokenPipe)),
        Box::new(Gone(io::ErrorKind::Other)),
    );
    for (account, event) in a_run() {
        reporter.event(account, event);
    }
    reporter.clear();
    reporter.finish().unwrap();
}

#[test]
fn threads_do_not_mix_their_lines() {
    let (out, err) = (Page::default(), Page::default());
    let mut settings = settings(Task::Fetch, Verbosity::Verbose);
    settings.progress = Progress::Never;
    let reporter = Reporter::on(
        settings,
        around(true),
        Box::new(out.clone()),
        Box::new(err.clone()),
    );
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    reporter.event("work", Event::Delivered(MAIL));
                }
            });
        }
    });
    let text = err.text();
    assert_eq!(text.lines().count(), 200);
    assert!(
        text.lines()
            .all(|line| line == "work: message 12 (4.2 KiB, uid 0003f2) delivered")
    );
}
