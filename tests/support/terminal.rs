//! A terminal of our own, with a program on it: what is typed, what is shown, and whether it echoes.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Termios, Winsize, tcgetattr, tcsetwinsize};

use super::patience::PATIENCE;

/// A program on a terminal of 80 columns and 24 rows.
pub struct Terminal {
    child: Child,
    /// Kept open, so that the terminal outlives the program and can be looked at.
    terminal: File,
    keyboard: File,
    shown: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
    found: Termios,
}

/// What a program left behind.
#[derive(Debug)]
pub struct Left {
    /// How it ended.
    pub status: ExitStatus,
    /// All that was shown, with escape sequences.
    pub shown: String,
    /// The terminal's modes are those it had in the beginning.
    pub restored: bool,
}

impl Terminal {
    /// Runs a command on it; one that begins with `/usr/bin/setsid --ctty` is controlled by it.
    pub fn start(command: &mut Command) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let terminal = File::from(rustix::fs::open(&name, flags, Mode::empty()).unwrap());
        let size = Winsize {
            ws_col: 80,
            ws_row: 24,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&terminal, size).unwrap();
        let found = tcgetattr(&terminal).unwrap();
        let child = command
            .env("TERM", "xterm")
            .stdin(terminal.try_clone().unwrap())
            .stdout(terminal.try_clone().unwrap())
            .stderr(terminal.try_clone().unwrap())
            .spawn()
            .unwrap();
        let keyboard = File::from(master);
        let mut screen = keyboard.try_clone().unwrap();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let page = Arc::clone(&shown);
        let reader = thread::spawn(move || {
            let mut buffer = [0; 4096];
            // A terminal whose last user has gone answers with an error.
            while let Ok(octets @ 1..) = screen.read(&mut buffer) {
                page.lock().unwrap().extend_from_slice(&buffer[..octets]);
            }
        });
        Self {
            child,
            terminal,
            keyboard,
            shown,
            reader,
            found,
        }
    }

    /// What was shown so far.
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned()
    }

    /// Waits until this was shown.
    ///
    /// # Panics
    /// When it is not.
    pub fn wait_for(&self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.shown().contains(text) {
            assert!(
                Instant::now() < deadline,
                "no `{text}` in {:?}",
                self.shown()
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Types.
    pub fn write(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    /// Waits until what is typed is not shown any more.
    ///
    /// # Panics
    /// When it still is.
    pub fn wait_for_no_echo(&self) {
        let echoes = || {
            let modes = tcgetattr(&self.terminal).unwrap().local_modes;
            modes.contains(LocalModes::ECHO)
        };
        let deadline = Instant::now() + PATIENCE;
        while echoes() {
            assert!(Instant::now() < deadline, "the terminal echoes");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for the program's end.
    ///
    /// # Panics
    /// When it does not end.
    pub fn wait(mut self) -> Left {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > deadline {
                self.child.kill().unwrap();
                self.child.wait().unwrap();
                panic!("it does not end: {:?}", self.shown());
            }
            thread::sleep(Duration::from_millis(5));
        };
        let now = tcgetattr(&self.terminal).unwrap();
        let restored = now.local_modes == self.found.local_modes
            && now.input_modes == self.found.input_modes
            && now.output_modes == self.found.output_modes;
        drop(self.terminal);
        self.reader.join().unwrap();
        let shown = String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned();
        Left {
            status,
            shown,
            restored,
        }
    }
}
