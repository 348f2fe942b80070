//! INT, TERM and HUP at any moment: undone or done, the memory good, the right end, the terminal as it was.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::run::{alice, delivered, expected, home_with, numbered, popfetch};
use crate::support::mailbox;
use crate::support::patience::until;
use crate::support::popfetch::{Account, Popfetch, Ran};
use crate::support::relay::{Direction, Mishap, Relay};
use crate::support::server::Server;

const SIGNALS: [Signal; 3] = [Signal::INT, Signal::TERM, Signal::HUP];

fn behind(server: &Server, relay: &Relay) -> Popfetch {
    let mut popfetch = popfetch();
    let mail = popfetch.path("mail");
    let account = Account::in_clear(server, "work", "alice", "secret");
    let account = account
        .set("port", i64::from(relay.port()))
        .set("auth", "plain");
    popfetch.account(account.set("keep", false).maildir(&mail));
    popfetch
}

#[track_caller]
fn ended_by(ran: &Ran, signal: Signal) {
    assert_eq!(ran.status.signal(), Some(signal.as_raw()), "{ran:?}");
    assert_eq!(ran.stderr, "", "{ran:?}");
}

/// What is in new/, once it is there.
fn here(popfetch: &Popfetch) -> Vec<Vec<u8>> {
    let mail = popfetch.path("mail");
    if !mail.join("new").exists() {
        return Vec::new();
    }
    assert_eq!(mailbox::folder(&mail.join("tmp")), [""; 0], "left behind");
    delivered(&mail)
}

#[test]
fn a_signal_while_the_server_is_silent_ends_the_run_at_once() {
    let length = {
        let server = alice(numbered(4));
        let relay = Relay::to(server.port());
        behind(&server, &relay).run(&[]).expect_silence();
        relay.passed().0
    };
    let try_at = |step: u64| {
        let signal = SIGNALS[step as usize % 3];
        let server = alice(numbered(4));
        let relay = Relay::to(server.port());
        let popfetch = behind(&server, &relay);
        relay.set(Mishap::Stall(Direction::FromServer, length * step / 16));
        let run = popfetch.start(&[]);
        until("the line is dead", || relay.stalled());
        // Now or a little later, when all that came has been read.
        thread::sleep(Duration::from_millis(step % 4 * 50));
        let begun = Instant::now();
        run.signal(signal);
        let ran = run.wait();
        ended_by(&ran, signal);
        // To wait for a reply would take a minute.
        assert!(
            begun.elapsed() < Duration::from_secs(50),
            "{step}: {:?}",
            begun.elapsed()
        );
        let here = here(&popfetch);
        let whole = expected(numbered(4));
        assert!(
            here.iter().all(|message| whole.contains(message)),
            "{step}: not whole"
        );
        relay.set(Mishap::None);
        popfetch.run(&[]).expect_silence();
        assert_eq!(self::here(&popfetch), whole, "{step}");
        assert_eq!(
            server.maildrop("alice", |drop| drop.messages().len()),
            0,
            "{step}"
        );
        let session = server.last_session();
        assert_eq!(
            session.retrieved.len(),
            4 - here.len(),
            "{step}: fetched again"
        );
    };
    thread::scope(|scope| {
        for step in 0..16 {
            scope.spawn(move || try_at(step));
        }
    });
}

#[test]
fn what_was_whole_when_the_signal_came_is_delivered() {
    let server = alice(numbered(4));
    server.maildrop("alice", |drop| drop.get_mut(2).faults.hang_at = Some(100));
    let (popfetch, mail) = home_with(&server, |account| account.set("keep", false));
    let run = popfetch.start(&[]);
    let whole = expected(numbered(2));
    until("two messages are whole", || {
        let names = ["tmp", "new"].map(|folder| fs::read_dir(mail.join(folder)));
        let names = names.into_iter().flatten().flatten();
        let mut texts: Vec<_> = names
            .filter_map(|entry| fs::read(entry.ok()?.path()).ok())
            .filter(|text| whole.contains(text))
            .collect();
        texts.sort();
        texts == whole
    });
    run.signal(Signal::TERM);
    ended_by(&run.wait(), Signal::TERM);
    assert_eq!(delivered(&mail), expected(numbered(2)));
    assert_eq!(mailbox::folder(&mail.join("tmp")), [""; 0]);
    // A reply was outstanding: nothing could be deleted.
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 4);
    server.maildrop("alice", |drop| drop.get_mut(2).faults.hang_at = None);
    popfetch.run(&[]).expect_silence();
    assert_eq!(
        server.last_session().commands_of("RETR"),
        ["RETR 3", "RETR 4"]
    );
    assert_eq!(delivered(&mail), expected(numbered(4)));
}

#[test]
fn signals_at_any_time_lose_and_double_nothing() {
    let server = alice(numbered(400));
    server.change(|settings| settings.rate = Some(150_000));
    let (popfetch, mail) = home_with(&server, |account| account.set("keep", false));
    for round in 0..12_u64 {
        let sessions = server.sessions().len();
        let mut run = popfetch.start(&[]);
        // At each step of the way to the first message, and then among the others.
        until("it has come so far", || {
            let lines = server
                .sessions()
                .get(sessions)
                .map_or(0, |session| session.lines.len() + 1);
            lines as u64 >= round || run.has_ended()
        });
        thread::sleep(Duration::from_millis(round * 7));
        if run.has_ended() {
            break;
        }
        let signal = SIGNALS[round as usize % 3];
        run.signal(signal);
        if round % 4 == 3 {
            // The second one ends it at once.
            thread::sleep(Duration::from_millis(2));
            if !run.has_ended() {
                run.signal(signal);
            }
        }
        let ran = run.wait();
        assert!(
            ran.status.success() || ran.status.signal() == Some(signal.as_raw()),
            "{ran:?}"
        );
    }
    server.change(|settings| settings.rate = None);
    popfetch.run(&[]).expect_silence();
    assert_eq!(mailbox::folder(&mail.join("tmp")), [""; 0]);
    assert_eq!(delivered(&mail), expected(numbered(400)));
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 0);
}

/// A command that puts a message into `out` once there is a file `go`: until then it has it, and says so by `begun`.
struct Held {
    popfetch: Popfetch,
    out: PathBuf,
}

impl Held {
    fn on(server: &Server) -> Self {
        let mut popfetch = popfetch();
        let out = popfetch.path("out");
        fs::create_dir(&out).unwrap();
        // It ends too when its folder is gone, with a test that failed.
        let script = format!(
            "cd {0} && cat > .$1 && : > begun && while [ -d {0} ] && [ ! -e go ]; do sleep 0.01; done; mv .$1 $1.$$",
            out.display()
        );
        popfetch.account(
            Account::on(server, "work", "alice", "secret")
                .set("keep", false)
                .mda(&["sh", "-c", &script, "mda", "%I"]),
        );
        Self { popfetch, out }
    }

    /// A run that gets a signal while the command has a message; the command goes on after it.
    fn signalled(&self, signal: Signal) -> Ran {
        for name in ["begun", "go"] {
            let _ = fs::remove_file(self.out.join(name));
        }
        let run = self.popfetch.start(&[]);
        until("the command has a message", || {
            self.out.join("begun").exists()
        });
        run.signal(signal);
        fs::write(self.out.join("go"), "").unwrap();
        run.wait()
    }

    /// Messages the command has put away; it has ended, so there are no others.
    fn done(&self) -> usize {
        let names = mailbox::folder(&self.out);
        let (whole, rest): (Vec<_>, Vec<_>) =
            names.into_iter().partition(|name| name.starts_with("uid-"));
        assert_eq!(rest, ["begun", "go"], "left in the middle of it");
        whole.len()
    }
}

#[test]
fn a_signal_while_a_command_has_a_message_lets_it_finish() {
    // More than a run gets done in the time that a signal takes to be noticed.
    let server = alice(numbered(40));
    let held = Held::on(&server);
    let mut before = 0;
    for signal in SIGNALS {
        ended_by(&held.signalled(signal), signal);
        let done = held.done();
        assert!(done > before, "{signal:?}: not finished");
        before = done;
    }
    assert!(before < 40, "no run ended before its time");
    held.popfetch.run(&[]).expect_silence();
    assert_eq!(held.done(), 40);
    assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 0);
}

#[test]
fn a_signal_while_a_command_has_the_last_message_lets_it_finish() {
    for signal in SIGNALS {
        let server = alice(numbered(1));
        let held = Held::on(&server);
        let ran = held.signalled(signal);
        // Nothing was left to do: it may have been done with before the signal was noticed.
        if ran.status.success() {
            ran.expect_silence();
        } else {
            ended_by(&ran, signal);
        }
        assert_eq!(held.done(), 1, "{signal:?}");
        held.popfetch.run(&[]).expect_silence();
        assert_eq!(held.done(), 1, "{signal:?}: twice");
        assert_eq!(server.maildrop("alice", |drop| drop.messages().len()), 0);
    }
}

#[test]
fn a_signal_that_was_ignored_stays_ignored() {
    let server = alice(numbered(40));
    server.change(|settings| settings.rate = Some(20_000));
    let (popfetch, mail) = home_with(&server, |account| account);
    let inner = popfetch.command([""; 0]);
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!(
        "trap '' HUP; exec {}",
        env!("CARGO_BIN_EXE_popfetch")
    ));
    shell.env_clear().current_dir(popfetch.home());
    for (key, value) in inner.get_envs() {
        shell.env(key, value.unwrap());
    }
    let run = crate::support::popfetch::Running::start(&mut shell);
    until("a login", || server.logins() > 0);
    run.signal(Signal::HUP);
    run.wait().expect_silence();
    assert_eq!(delivered(&mail), expected(numbered(40)));
}

/// Runs popfetch on a terminal of its own, asks for a password, signals, and says how it and the terminal ended.
const ON_A_TERMINAL: &str = r#"
import os, pty, select, signal, sys, termios, time
number, how, program = int(sys.argv[1]), sys.argv[2], sys.argv[3]
pid, tty = pty.fork()
if pid == 0:
    os.execv(program, [program])
said = b''
end = time.time() + 50
while b'assword' not in said and time.time() < end:
    if select.select([tty], [], [], 0.1)[0]:
        said += os.read(tty, 4096)
quiet = False
while not quiet and time.time() < end:
    time.sleep(0.01)
    quiet = not termios.tcgetattr(tty)[3] & termios.ECHO
if how == 'key':
    os.write(tty, b'\x03')
else:
    os.kill(pid, number)
status = None
end = time.time() + 50
while time.time() < end:
    done, status = os.waitpid(pid, os.WNOHANG)
    if done:
        break
    time.sleep(0.01)
else:
    print('does not end')
    os.kill(pid, signal.SIGKILL)
    sys.exit()
echo = bool(termios.tcgetattr(tty)[3] & termios.ECHO)
print('quiet' if quiet else 'loud', os.WTERMSIG(status) if os.WIFSIGNALED(status) else status, 'echo' if echo else 'no echo')
"#;

#[test]
fn a_signal_at_the_password_prompt_gives_the_terminal_back() {
    for (signal, how) in [
        (Signal::INT, "key"),
        (Signal::TERM, "kill"),
        (Signal::HUP, "kill"),
    ] {
        let server = alice(numbered(1));
        let (popfetch, _) = home_with(&server, |account| account.without("password"));
        let inner = popfetch.command([""; 0]);
        let mut python = Command::new("python3");
        python.args(["-c", ON_A_TERMINAL, &signal.as_raw().to_string(), how]);
        python
            .arg(env!("CARGO_BIN_EXE_popfetch"))
            .env_clear()
            .current_dir(popfetch.home());
        for (key, value) in inner.get_envs() {
            python.env(key, value.unwrap());
        }
        let ran = crate::support::popfetch::Running::start(&mut python).wait();
        let right = format!("quiet {} echo\n", signal.as_raw());
        assert_eq!(ran.stdout, right, "{how} {signal:?}: {}", ran.stderr);
    }
}
