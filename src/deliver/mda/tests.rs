//! What is delivered, put off and failed, by small shell scripts.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Instant;

use super::child::Message;
use super::*;

const LONG: Duration = Duration::from_secs(60);

fn context() -> Context {
    Context {
        account: "work".to_owned(),
        user: "me".to_owned(),
        host: "pop.example.org".to_owned(),
        tag: "abc".to_owned(),
    }
}

fn mda(command: &Command, timeout: Duration) -> Mda {
    Mda::open(command, timeout, &[99], &context()).unwrap()
}

fn script(line: &str) -> Command {
    Command::shell(line.to_owned()).unwrap()
}

fn stage(mda: &mut Mda, message: &[u8]) {
    mda.begin(&Envelope {
        sender: "you@example.net".to_owned(),
        received: 5,
        uid: "a%20b".to_owned(),
    })
    .unwrap();
    for piece in message.chunks(100_000) {
        mda.write(piece).unwrap();
    }
    mda.end().unwrap();
    assert_eq!(mda.prepare().unwrap(), Intents::Nothing);
}

fn deliver(mda: &mut Mda, message: &[u8]) -> Outcome {
    stage(mda, message);
    let outcomes = mda.publish().unwrap();
    mda.release();
    let [outcome] = &outcomes[..] else {
        panic!("{outcomes:?}")
    };
    outcome.clone()
}

fn failed(what: &str) -> Outcome {
    Outcome::Failed(format!("sh -c {what}"))
}

fn later(what: &str) -> Outcome {
    Outcome::Later(format!("sh -c {what}"))
}

/// Larger than any pipe, and than what is spooled in memory.
fn large() -> Vec<u8> {
    (0..5_000_000_u32).map(|n| (n % 251) as u8).collect()
}

#[test]
fn outcomes() {
    let unread = "exited with status 0 without having read the whole message";
    let (small, large) = (&b"Subject: x\n\nbody\n"[..], &large()[..]);
    for (line, message, outcome) in [
        ("cat >/dev/null", small, Outcome::Delivered),
        ("cat >/dev/null", large, Outcome::Delivered),
        ("cat >/dev/null", b"", Outcome::Delivered),
        ("exit 0", b"", Outcome::Delivered),
        (
            "cat >/dev/null; echo fine; echo well >&2",
            small,
            Outcome::Delivered,
        ),
        ("exec <&-; sleep 0.1", small, failed(unread)),
        ("exit 0", small, failed(unread)),
        ("exit 0", large, failed(unread)),
        ("head -c 3 >/dev/null", large, failed(unread)),
        (
            "head -c 100000 >/dev/null; exec <&-; sleep 0.1",
            large,
            failed(unread),
        ),
        (
            "cat >/dev/null; exit 1",
            small,
            failed("exited with status 1"),
        ),
        ("exit 64", large, failed("exited with status 64")),
        (
            "echo no; exit 67",
            small,
            failed("exited with status 67: \"no\""),
        ),
        ("cat >/dev/null; exit 99", small, Outcome::Dropped),
        ("exit 99", large, Outcome::Dropped),
        (
            "echo full >&2; exit 75",
            small,
            later("exited with status 75: \"full\""),
        ),
        ("kill -9 $$", large, later("was ended by signal 9")),
        (
            "cat >/dev/null; kill -15 $$",
            small,
            later("was ended by signal 15"),
        ),
    ] {
        let started = Instant::now();
        let found = deliver(&mut mda(&script(line), LONG), message);
        assert_eq!(found, outcome, "{line} with {} octets", message.len());
        assert!(started.elapsed() < LONG / 4, "{line}");
    }
}

#[test]
fn the_message_arrives_as_it_is_one_after_another() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("message");
    let mut mda = mda(&script(&format!("cat >'{}'", file.display())), LONG);
    assert_eq!(mda.capacity(), 1);
    assert_eq!(mda.publish().unwrap(), []);
    for message in [b"one\n".to_vec(), large(), Vec::new(), b"two\n".to_vec()] {
        assert_eq!(deliver(&mut mda, &message), Outcome::Delivered);
        assert!(fs::read(&file).unwrap() == message);
    }
    stage(&mut mda, b"not wanted");
    mda.cut();
    assert_eq!(mda.publish().unwrap(), []);
    stage(&mut mda, b"not wanted");
    mda.abandon();
    assert_eq!(mda.publish().unwrap(), []);
    assert_eq!(fs::read(&file).unwrap(), b"two\n");
}

#[test]
fn values_are_words_and_variables() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("said");
    let line = "cat >/dev/null; echo \"$@\" $POPFETCH_SENDER $POPFETCH_USER $POPFETCH_HOST \
                $POPFETCH_ACCOUNT $POPFETCH_UID $POPFETCH_SIZE >\"$0\"";
    let words = [
        "/bin/sh",
        "-c",
        line,
        file.to_str().unwrap(),
        "%F",
        "%S",
        "%A",
        "%%",
    ];
    let words = words.iter().map(|&word| word.to_owned()).collect();
    let mut mda = mda(&Command::words(words, None).unwrap(), LONG);
    assert_eq!(deliver(&mut mda, b"12345"), Outcome::Delivered);
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        "you@example.net 5 work % you@example.net me pop.example.org work a%20b 5\n"
    );
    assert_eq!(mda.destination().path, Path::new("/bin/sh"));
}

#[test]
fn a_noisy_child_neither_blocks_nor_fills_memory() {
    let noise = "head -c 1000000 /dev/zero | tr '\\0' x";
    for line in [
        format!("{noise} >&2; {noise}; cat >/dev/null; exit 1"),
        format!("cat >/dev/null; {noise} >&2; exit 1"),
        format!("{noise} >&2 & cat >/dev/null; wait; exit 1"),
    ] {
        match deliver(&mut mda(&script(&line), LONG), &large()) {
            Outcome::Failed(why) => {
                assert!(why.starts_with("sh -c exited with status 1: \"xxx"));
                assert!((4096..4200).contains(&why.len()), "{}", why.len());
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_slow_reader_is_waited_for() {
    let line = "sleep 0.2; head -c 200000 >/dev/null; sleep 0.2; cat >/dev/null";
    let found = deliver(&mut mda(&script(line), LONG), &large());
    assert_eq!(found, Outcome::Delivered);
}

/// Whether a process is there and no zombie.
fn is_running(pid: &str) -> bool {
    let output = std::process::Command::new("ps")
        .args(["-o", "stat=", "-p", pid.trim()])
        .output()
        .unwrap();
    let state = String::from_utf8_lossy(&output.stdout).into_owned();
    !state.trim().is_empty() && !state.starts_with('Z')
}

#[test]
fn at_the_timeout_the_whole_group_is_ended() {
    // Enough for a shell to begin.
    let limit = Duration::from_secs(2);
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a", "b", "c", "d"].map(|name| folder.path().join(name));
    let [a, b, c, d] = paths.each_ref().map(|path| path.display());
    let lines = [
        format!("sleep 60 & echo $! >'{a}'; echo waiting; wait"),
        format!("trap '' TERM; sleep 60 & echo $! >'{b}'; echo waiting; while :; do wait; done"),
        format!(
            "sleep 60 >/dev/null 2>&1 & echo $! >'{c}'; echo waiting; exec sleep 60 >/dev/null 2>&1"
        ),
        format!("echo waiting; echo $$ >'{d}'; cat >/dev/null; yes"),
    ];
    let ended = |line: &String, pid: &Path| {
        let started = Instant::now();
        let found = deliver(&mut mda(&script(line), limit), b"message");
        let Outcome::Later(why) = &found else {
            panic!("{line}: {found:?}")
        };
        assert!(
            why.starts_with("sh -c took longer than 2s and was ended: \"waiting"),
            "{line}: {why}"
        );
        assert!(started.elapsed() < LONG / 2, "{line}");
        // Killed is not gone yet, on a busy machine.
        let pid = fs::read_to_string(pid).unwrap();
        while is_running(&pid) && started.elapsed() < LONG / 2 {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(!is_running(&pid), "{line}");
    };
    std::thread::scope(|scope| {
        for (line, pid) in lines.iter().zip(&paths) {
            scope.spawn(|| ended(line, pid));
        }
    });
}

#[test]
fn a_message_not_fed_to_its_end_is_never_ended() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("whole");
    // Ignores what it is told, and would take the end of its input for the end of the message.
    let line = format!(
        "trap '' TERM; sleep 0.5; cat >/dev/null; : >'{}'",
        file.display()
    );
    let mut process = std::process::Command::new("/bin/sh");
    process.args(["-c", &line]);
    struct Broken;
    impl io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    impl Message for io::BufReader<io::Chain<&[u8], Broken>> {}
    let mut message = io::BufReader::new(io::Read::chain(&b"begin"[..], Broken));
    let (reader, writer) = io::pipe().unwrap();
    let input = Input {
        reader,
        writer: Some(writer),
    };
    let child = Child::spawn(process, input).unwrap();
    let refused = child.attend(&mut message, LONG);
    assert_eq!(refused.unwrap_err().to_string(), "the disk is gone");
    std::thread::sleep(Duration::from_millis(700));
    assert!(!file.exists());
}

impl Message for &[u8] {}

#[test]
fn a_command_has_the_whole_message_before_it_begins() {
    let large = &large()[..1_000_000];
    for message in [&b""[..], b"Subject: x\n\nbody\n", large] {
        if message.len() > 64 << 10 && !cfg!(target_os = "linux") {
            continue;
        }
        let mut input = Input::fill(&mut &message[..], message.len() as u64).unwrap();
        // As when we are ended now.
        assert!(input.writer.is_none());
        let mut had = Vec::new();
        io::Read::read_to_end(&mut input.reader, &mut had).unwrap();
        assert!(had == message);
    }
}

#[test]
fn a_process_left_behind_does_not_hang_us() {
    let started = Instant::now();
    let line = "cat >/dev/null; sleep 60 & echo $! >&2; exit 3";
    let found = deliver(&mut mda(&script(line), LONG), b"message");
    let Outcome::Failed(why) = found else {
        panic!("{found:?}")
    };
    assert!(started.elapsed() < LONG / 2);
    let pid = why.trim_end_matches('"').rsplit('"').next().unwrap();
    assert!(is_running(pid), "{why}");
    std::process::Command::new("kill")
        .arg(pid)
        .status()
        .unwrap();
}

#[test]
fn a_command_that_cannot_be_run_is_no_fault_of_the_message() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mda");
    fs::write(&file, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    for name in ["popfetch-no-such-command", file.to_str().unwrap(), "/"] {
        let command = Command::words(vec![name.to_owned()], None).unwrap();
        let mut mda = mda(&command, LONG);
        stage(&mut mda, b"message");
        let refused = mda.publish().unwrap_err();
        assert!(matches!(refused, Error::Unfit { .. }), "{refused:?}");
        assert!(
            refused
                .to_string()
                .starts_with(&format!("{name}: cannot be run: "))
        );
        assert_eq!(mda.publish().unwrap(), []);
    }
}

#[test]
fn after_five_failures_in_a_row_no_more_are_started() {
    let folder = tempfile::tempdir().unwrap();
    let count = folder.path().join("count");
    let line = format!(
        "cat >/dev/null; echo >>'{0}'; [ $(wc -l <'{0}') -eq 3 ]",
        count.display()
    );
    let mut mda = mda(&script(&line), LONG);
    for nth in 1..=8 {
        let delivered = deliver(&mut mda, b"message") == Outcome::Delivered;
        assert_eq!(delivered, nth == 3);
    }
    let refused = mda.begin(&Envelope::default()).unwrap_err();
    assert!(
        refused.to_string().contains("5 messages in a row"),
        "{refused}"
    );
    assert_eq!(fs::read(&count).unwrap().len(), 8);
}

#[test]
fn nothing_but_its_three_descriptors_is_handed_on() {
    let line =
        "cat >/dev/null; for n in 3 4 5 6 7 8 9; do (: >&$n) 2>/dev/null && echo $n; done; exit 1";
    let _held = fs::File::open("/dev/null").unwrap();
    let found = deliver(&mut mda(&script(line), LONG), b"message");
    // What was handed to this process without a mark to close it is not ours to close.
    let plain = std::process::Command::new("/bin/sh")
        .args(["-c", line])
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(plain.stdout).unwrap();
    match said.trim() {
        "" => assert_eq!(found, failed("exited with status 1")),
        said => assert_eq!(found, failed(&format!("exited with status 1: \"{said}\""))),
    }
}
