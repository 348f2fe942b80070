//! INT, TERM and HUP: the first asks the run to end, the second ends the process; so does the first at a prompt.

use std::fs::File;
use std::io;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use rustix::process::getpgrp;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::net::Stop;
use crate::report::Reporter;

/// How long a terminal may take to be tidied up before the process ends without.
const TIDYING: Duration = Duration::from_millis(200);

/// Starts the thread that waits for signals.
///
/// A signal that was ignored when popfetch started (nohup, a job of a shell script) stays ignored.
///
/// # Errors
/// No signal handler or no thread to be had.
pub(crate) fn watch(stop: Stop, reporter: Arc<Reporter>) -> io::Result<()> {
    let ignored = ignored();
    let heeded = [SIGINT, SIGTERM, SIGHUP]
        .into_iter()
        .filter(|signal| ignored & (1 << (signal - 1)) == 0);
    let mut signals = Signals::new(heeded)?;
    let terminal = Terminal::look();
    let wait = move || {
        for signal in signals.forever() {
            if stop.raised().is_none() && !stop.is_asking() {
                stop.raise(signal);
            } else {
                tidy(terminal, reporter);
                die(signal);
                return;
            }
        }
    };
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(wait)
        .map(drop)
}

/// Ends the process by a signal, so that a shell or a supervisor sees what it died of.
pub(crate) fn die(signal: i32) {
    let _ = emulate_default_handler(signal);
}

/// Takes the bars away and gives the terminal its echo back, but does not wait for one that is stuck.
fn tidy(terminal: Option<Terminal>, reporter: Arc<Reporter>) {
    let (done, wait) = mpsc::channel();
    let tidying = move || {
        if let Some(terminal) = terminal {
            terminal.restore();
        }
        reporter.clear();
        let _ = done.send(());
    };
    if thread::Builder::new().spawn(tidying).is_ok() {
        let _ = wait.recv_timeout(TIDYING);
    }
}

/// The terminal as it was found: a password prompt has turned its echo off when a signal comes.
struct Terminal {
    tty: File,
    found: Termios,
}

impl Terminal {
    fn look() -> Option<Self> {
        let tty = File::open("/dev/tty").ok()?;
        let found = tcgetattr(&tty).ok()?;
        Some(Self { tty, found })
    }

    /// Only in the foreground: else the terminal is another program's now.
    fn restore(&self) {
        if tcgetpgrp(&self.tty).is_ok_and(|group| group == getpgrp()) {
            let _ = tcsetattr(&self.tty, OptionalActions::Now, &self.found);
        }
    }
}

/// The signals ignored now, one bit each from signal 1. Without /proc: none.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .map(str::trim);
    mask.and_then(|mask| u64::from_str_radix(mask, 16).ok())
        .unwrap_or(0)
}
