//! Plays one script on one connection.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::connection::{Connection, is_timeout};
use super::patience::PATIENCE;
use super::script::{Recording, Step};

/// How often a wait looks at the time and the flag.
const TICK: Duration = Duration::from_millis(20);
/// How long what a client has sent may take to arrive once the test is over.
const UNDER_WAY: Duration = Duration::from_secs(2);

/// One connection and what was said on it.
pub(super) struct Player {
    connection: Connection,
    finished: Arc<AtomicBool>,
    /// Received, not looked at yet.
    buffer: Vec<u8>,
    recording: Recording,
    ended: bool,
}

/// What a client did when a line was awaited.
enum Heard {
    Line(Vec<u8>),
    End,
    Nothing,
}

impl Player {
    pub(super) fn new(connection: Connection, finished: Arc<AtomicBool>) -> Self {
        connection.set_patience(Some(TICK));
        Self {
            connection,
            finished,
            buffer: Vec::new(),
            recording: Recording::default(),
            ended: false,
        }
    }

    pub(super) fn play(mut self, number: usize, steps: Vec<Step>) -> Result<Recording, String> {
        for (index, step) in steps.into_iter().enumerate() {
            match step {
                Step::Cut => {
                    self.note("S", "(cuts)");
                    self.connection.cut();
                    return Ok(self.recording);
                }
                Step::Reset => {
                    self.note("S", "(resets)");
                    self.connection.reset();
                    return Ok(self.recording);
                }
                other => {
                    if let Err(problem) = self.perform(other) {
                        let said = &self.recording.transcript;
                        return Err(format!(
                            "connection {number}, step {}:\n{said}{problem}",
                            index + 1
                        ));
                    }
                }
            }
        }
        self.connection.half_close();
        // What the client still says is recorded.
        let mut ticks = 10;
        while !self.ended && ticks > 0 {
            if self.finished.load(Ordering::SeqCst) {
                ticks -= 1;
            }
            self.fill();
        }
        let rest = std::mem::take(&mut self.buffer);
        if !rest.is_empty() {
            self.note("C", &show(&rest));
        }
        Ok(self.recording)
    }

    fn perform(&mut self, step: Step) -> Result<(), String> {
        match step {
            Step::Expect(line) => self.expect(&show(&line), |heard| heard == line),
            Step::ExpectPrefix(prefix) => {
                let shown = format!("{} ...", show(&prefix));
                self.expect(&shown, |heard| heard.starts_with(&prefix))
            }
            Step::Skip => self.expect("(any line)", |_| true),
            Step::ExpectSilence(time) => {
                let deadline = Instant::now() + time;
                while Instant::now() < deadline {
                    if !self.buffer.is_empty() || self.ended {
                        let heard = self.rest();
                        return Err(differ("(silence)", &heard));
                    }
                    self.fill();
                }
                Ok(())
            }
            Step::ExpectEnd => match self.hear() {
                Heard::End => {
                    self.note("C", "(end)");
                    Ok(())
                }
                Heard::Line(line) => Err(differ("(end)", &show(&line))),
                Heard::Nothing => Err(differ("(end)", "(nothing)")),
            },
            Step::Send(octets) => {
                self.note("S", &show(&octets));
                self.send(&octets);
                Ok(())
            }
            Step::Drip(octets, pause) => {
                self.note("S", &format!("(drips) {}", show(&octets)));
                for octet in octets {
                    if !self.send(&[octet]) || self.finished.load(Ordering::SeqCst) {
                        break;
                    }
                    thread::sleep(pause);
                }
                Ok(())
            }
            Step::Flood(octets, at_most) => {
                self.note("S", &format!("(floods) {}", show(&octets)));
                let mut sent = 0;
                while sent < at_most && self.send(&octets) {
                    sent += octets.len() as u64;
                }
                if sent >= at_most {
                    return Err(differ("(leaves)", &format!("(takes {sent} octets)")));
                }
                Ok(())
            }
            Step::Delay(time) => {
                thread::sleep(time);
                Ok(())
            }
            Step::StartTls(config) => {
                if !self.buffer.is_empty() {
                    let heard = self.rest();
                    return Err(differ("(a TLS handshake)", &heard));
                }
                self.connection.set_patience(Some(PATIENCE));
                // Whether the client should have gone through with it is the next expectation's to say.
                let outcome = match self.connection.start_tls(config) {
                    Ok(()) => "(TLS handshake)".to_owned(),
                    Err(error) => format!("(TLS handshake failed: {error})"),
                };
                self.connection.set_patience(Some(TICK));
                self.note("S", &outcome);
                Ok(())
            }
            Step::Hang => {
                self.note("S", "(hangs)");
                while !self.ended && !self.finished.load(Ordering::SeqCst) {
                    self.fill();
                }
                Ok(())
            }
            Step::HalfClose => {
                self.note("S", "(closes its half)");
                self.connection.half_close();
                Ok(())
            }
            Step::Cut | Step::Reset => Ok(()),
        }
    }

    fn expect(&mut self, expected: &str, fits: impl Fn(&[u8]) -> bool) -> Result<(), String> {
        match self.hear() {
            Heard::Line(line) if fits(&line) => {
                self.note("C", &show(&line));
                Ok(())
            }
            Heard::Line(line) => Err(differ(expected, &show(&line))),
            Heard::End => {
                let rest = std::mem::take(&mut self.buffer);
                Err(differ(expected, &format!("{}(end)", show(&rest))))
            }
            Heard::Nothing => {
                let rest = std::mem::take(&mut self.buffer);
                let heard = format!("{}(nothing more, no line end)", show(&rest));
                Err(differ(expected, &heard))
            }
        }
    }

    /// The next line, without its CRLF. A line that ends in a bare LF shows its want of a CR.
    fn hear(&mut self) -> Heard {
        let started = Instant::now();
        loop {
            if let Some(end) = self.buffer.iter().position(|&octet| octet == b'\n') {
                let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
                if line.ends_with(b"\r\n") {
                    line.truncate(line.len() - 2);
                }
                return Heard::Line(line);
            }
            if self.ended {
                return Heard::End;
            }
            // Once the test is over, what has not come will not come.
            let over = self.finished.load(Ordering::SeqCst);
            if started.elapsed() > if over { UNDER_WAY } else { PATIENCE } {
                return Heard::Nothing;
            }
            self.fill();
        }
    }

    fn rest(&mut self) -> String {
        let octets = std::mem::take(&mut self.buffer);
        let end = if self.ended { "(end)" } else { "" };
        format!("{}{end}", show(&octets))
    }

    /// Reads what there is within a tick.
    fn fill(&mut self) {
        let mut octets = [0; 16 * 1024];
        match self.connection.read(&mut octets) {
            Ok(0) => self.ended = true,
            Ok(n) => {
                self.buffer.extend_from_slice(&octets[..n]);
                self.recording.received.extend_from_slice(&octets[..n]);
            }
            Err(error) if is_timeout(&error) => {}
            Err(_) => self.ended = true,
        }
    }

    /// False when the client is gone.
    fn send(&mut self, octets: &[u8]) -> bool {
        self.connection.write_all(octets).is_ok() && self.connection.flush().is_ok()
    }

    fn note(&mut self, who: &str, what: &str) {
        let _ = writeln!(self.recording.transcript, "    {who}: {what}");
    }
}

/// Octets as a person can read them, long ones cut.
fn show(octets: &[u8]) -> String {
    let shown = octets[..octets.len().min(300)].escape_ascii().to_string();
    match octets.len() {
        0..=300 => shown,
        n => format!("{shown}... ({n} octets)"),
    }
}

fn differ(expected: &str, heard: &str) -> String {
    format!("  - C: {expected}\n  + C: {heard}\n")
}
