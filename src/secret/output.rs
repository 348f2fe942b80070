//! The first line that a password command prints.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};
use zeroize::Zeroizing;

use super::Secret;
use crate::command::{Command, Values};

/// Octets of output that are kept; what comes behind is read and thrown away.
const OUTPUT_LIMIT: usize = 64 * 1024;

/// Octets of standard error that are kept for the message.
const ERROR_LIMIT: usize = 1024;

/// What of ours is a terminal, and so shared with the command: it may ask and tell there itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terminal {
    /// Standard input.
    pub(super) input: bool,
    /// Standard error.
    pub(super) error: bool,
}

/// How waiting for a command came to its end.
enum Waited {
    Ended(ExitStatus),
    /// At the limit.
    Late,
    /// Nobody wants its answer any more.
    Interrupted,
}

/// Runs a command and gives the first line of its output; `None` when `stop` became readable before.
///
/// With a terminal the command stays in our process group, so that it can read there; at the limit it is killed
/// itself. Without one it has a group of its own, which is killed whole. It is waited for, not for whatever it
/// left running.
///
/// # Errors
/// A phrase that follows "password command".
pub(super) fn first_line(
    command: &Command,
    values: &Values<'_>,
    terminal: Terminal,
    limit: Duration,
    stop: Option<BorrowedFd<'_>>,
) -> Result<Option<Secret>, String> {
    let shared = |shared: bool, otherwise: fn() -> Stdio| {
        if shared {
            Stdio::inherit()
        } else {
            otherwise()
        }
    };
    let mut process = command.prepare(values);
    process
        .stdin(shared(terminal.input, Stdio::null))
        .stdout(Stdio::piped())
        .stderr(shared(terminal.error, Stdio::piped));
    if !terminal.input {
        process.process_group(0);
    }
    let mut child = process
        .spawn()
        .map_err(|error| format!("cannot be run: {}: {error}", command.name()))?;
    let mut output = Pipe::new(child.stdout.take().map(OwnedFd::from), OUTPUT_LIMIT);
    let mut error = Pipe::new(child.stderr.take().map(OwnedFd::from), ERROR_LIMIT);
    let status = match watch(&mut child, [&mut output, &mut error], limit, stop) {
        Ok(Waited::Ended(status)) => status,
        waited => {
            end(&mut child, terminal);
            return match waited {
                Err(error) => Err(format!("cannot be read: {error}")),
                Ok(Waited::Interrupted) => Ok(None),
                Ok(_) => Err(format!(
                    "took longer than {} seconds and was ended",
                    limit.as_secs()
                )),
            };
        }
    };
    match (status.code(), status.signal()) {
        (Some(0), _) if output.cut_in_line() => Err("printed a first line without end".to_owned()),
        (Some(0), _) => Secret::first_line(&output.kept)
            .map(Some)
            .map_err(|what| format!("printed {what}")),
        (Some(code), _) => Err(format!("exited with status {code}{}", error.said())),
        (None, Some(signal)) => Err(format!("was killed by signal {signal}{}", error.said())),
        (None, None) => Err("ended without a status".to_owned()),
    }
}

/// Reads both pipes until the command has ended, the limit, or `stop` is readable.
fn watch(
    child: &mut Child,
    mut pipes: [&mut Pipe; 2],
    limit: Duration,
    stop: Option<BorrowedFd<'_>>,
) -> io::Result<Waited> {
    let deadline = Instant::now() + limit;
    loop {
        // Asked before reading: what it wrote before its end is in the pipes then.
        let status = child.try_wait()?;
        let open = pipes.iter().any(|pipe| pipe.end.is_some());
        let patience = match (status, open) {
            (Some(_), _) => Duration::ZERO,
            // Its end wakes nobody: a pipe's does, and it is mostly the same.
            (None, true) => Duration::from_millis(20),
            (None, false) => Duration::from_millis(5),
        };
        let Some(read) = read_ready(&mut pipes, patience, stop)? else {
            return Ok(Waited::Interrupted);
        };
        let late = Instant::now() >= deadline;
        if let Some(status) = status
            && (!read || late)
        {
            return Ok(Waited::Ended(status));
        }
        if late {
            return Ok(Waited::Late);
        }
    }
}

/// Reads once from every pipe that has something; whether one had. `None`: `stop` is readable.
fn read_ready(
    pipes: &mut [&mut Pipe; 2],
    patience: Duration,
    stop: Option<BorrowedFd<'_>>,
) -> io::Result<Option<bool>> {
    let ready = {
        let mut open: Vec<PollFd<'_>> = pipes
            .iter()
            .filter_map(|pipe| pipe.end.as_ref().map(AsFd::as_fd))
            .chain(stop)
            .map(|end| PollFd::from_borrowed_fd(end, PollFlags::IN))
            .collect();
        let patience = Timespec {
            tv_sec: 0,
            tv_nsec: i64::from(patience.subsec_nanos()) as _,
        };
        match poll(&mut open, Some(&patience)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(Some(false)),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let mut ready = open.into_iter().map(|end| !end.revents().is_empty());
        let each = pipes
            .each_ref()
            .map(|pipe| pipe.end.is_some() && ready.next().unwrap_or(false));
        if ready.next().unwrap_or(false) {
            return Ok(None);
        }
        each
    };
    for (pipe, _) in pipes.iter_mut().zip(ready).filter(|(_, ready)| *ready) {
        pipe.read()?;
    }
    Ok(Some(ready.contains(&true)))
}

/// Kills a command that has not been waited for yet, and waits for it.
fn end(child: &mut Child, terminal: Terminal) {
    if !terminal.input {
        // The group's number is the child's, which cannot be another's before it is waited for.
        let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// One of the command's outputs.
struct Pipe {
    /// `None` when it was closed, or is not ours to read.
    end: Option<std::fs::File>,
    kept: Zeroizing<Vec<u8>>,
    limit: usize,
}

impl Pipe {
    fn new(end: Option<OwnedFd>, limit: usize) -> Self {
        Self {
            end: end.map(std::fs::File::from),
            // All the room at once: a buffer that grows leaves copies behind.
            kept: Zeroizing::new(Vec::with_capacity(limit)),
            limit,
        }
    }

    fn read(&mut self) -> io::Result<()> {
        let Some(end) = &mut self.end else {
            return Ok(());
        };
        let mut buffer = Zeroizing::new([0; 4096]);
        match end.read(&mut *buffer) {
            Ok(0) => self.end = None,
            Ok(count) => {
                let room = self.limit - self.kept.len();
                self.kept.extend_from_slice(&buffer[..count.min(room)]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn cut_in_line(&self) -> bool {
        self.kept.len() == self.limit && !self.kept.contains(&b'\n')
    }

    /// What was written, as one line behind a colon.
    fn said(&self) -> String {
        let text = String::from_utf8_lossy(&self.kept);
        let lines: Vec<&str> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        if lines.is_empty() {
            String::new()
        } else {
            format!(": {}", lines.join(" / "))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rustix::fs::{Mode, OFlags};

    use super::*;

    const NONE: Terminal = Terminal {
        input: false,
        error: false,
    };

    fn run_for(line: &str, limit: Duration) -> Result<String, String> {
        let values = Values {
            user: "me",
            host: "pop.example.org",
            account: "work",
            ..Values::default()
        };
        let command = Command::shell(line.into()).unwrap();
        first_line(&command, &values, NONE, limit, None)
            .map(|secret| secret.unwrap().expose().to_owned())
    }

    fn run(line: &str) -> Result<String, String> {
        run_for(line, Duration::from_secs(60))
    }

    #[test]
    fn the_first_line_is_the_password() {
        for (line, expected) in [
            ("echo secret", "secret"),
            ("printf secret", "secret"),
            ("printf ' a b \\r\\nsecond\\n'", " a b "),
            ("echo noise >&2; echo secret", "secret"),
            (
                "echo \"$POPFETCH_ACCOUNT/$POPFETCH_USER@$POPFETCH_HOST\"",
                "work/me@pop.example.org",
            ),
            // Standard input is at its end.
            ("cat; echo secret", "secret"),
            // More than a pipe holds, on both sides.
            (
                "echo secret; dd if=/dev/zero bs=1000 count=300 2>/dev/null | tee /dev/stderr",
                "secret",
            ),
            // Closed before its time.
            ("echo secret; exec >&- 2>&-; sleep 0.1", "secret"),
        ] {
            assert_eq!(run(line), Ok(expected.to_owned()), "{line}");
        }
    }

    #[test]
    fn a_failure_is_told_in_a_phrase() {
        for (line, expected) in [
            ("echo secret; exit 3", "exited with status 3"),
            (
                "echo ' no key' >&2; echo; echo secret; echo >&2; echo 'try  later' >&2; exit 1",
                "exited with status 1: no key / try  later",
            ),
            ("kill -9 $$", "was killed by signal 9"),
            ("true", "printed an empty first line"),
            ("echo; echo secret", "printed an empty first line"),
            ("printf '\\351'", "printed a first line that is not UTF-8"),
            (
                "dd if=/dev/zero bs=1000 count=100 2>/dev/null | tr '\\0' x",
                "printed a first line without end",
            ),
        ] {
            assert_eq!(run(line), Err(expected.to_owned()), "{line}");
        }
        let long = run("yes no | head -c 100000 >&2; exit 1").unwrap_err();
        assert!(long.len() < 4 * ERROR_LIMIT);
    }

    #[test]
    fn a_command_that_is_not_there_is_named() {
        let command = Command::words(vec!["/nonexistent/pass".into()], None).unwrap();
        let limit = Duration::from_secs(60);
        let error = first_line(&command, &Values::default(), NONE, limit, None);
        let error = error.unwrap_err();
        assert!(
            error.starts_with("cannot be run: /nonexistent/pass: No such file"),
            "{error}"
        );
    }

    #[test]
    fn at_the_limit_the_whole_group_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status();
        assert!(made.unwrap().success());
        // Both can read from it as long as they live, and nobody else can.
        let line = format!(
            "exec 3<>'{}'; sleep 60 & sleep 60; echo secret",
            fifo.display()
        );
        let begun = Instant::now();
        assert_eq!(
            run_for(&line, Duration::from_secs(1)),
            Err("took longer than 1 seconds and was ended".to_owned())
        );
        let alive = || {
            let flags = OFlags::WRONLY | OFlags::NONBLOCK;
            rustix::fs::open(&fifo, flags, Mode::empty()).is_ok()
        };
        while alive() && begun.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(!alive());
    }

    #[test]
    fn what_it_leaves_running_is_not_waited_for() {
        let begun = Instant::now();
        assert_eq!(run("sleep 30 & echo secret"), Ok("secret".to_owned()));
        assert!(begun.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn nobody_waits_for_it_after_a_signal() {
        let (stop, mut signal) = io::pipe().unwrap();
        io::Write::write_all(&mut signal, b"!").unwrap();
        for line in ["exec sleep 600", "exec sleep 600 >&- 2>&-", "yes"] {
            let command = Command::shell(line.into()).unwrap();
            let limit = Duration::from_secs(600);
            let found = first_line(
                &command,
                &Values::default(),
                NONE,
                limit,
                Some(stop.as_fd()),
            );
            assert_eq!(found, Ok(None), "{line}");
        }
    }

    #[test]
    fn endless_output_ends_at_the_limit() {
        let ended = run_for("yes", Duration::from_millis(200));
        assert_eq!(
            ended,
            Err("took longer than 0 seconds and was ended".to_owned())
        );
    }
}
