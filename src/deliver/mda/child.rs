//! A child process that is fed a message: it can neither hang us nor be left with half a message.

use std::io::{self, BufRead, PipeReader, PipeWriter, Read, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};

/// Octets of its output that are kept.
const KEPT: usize = 4096;

/// How long its output is read after its exit: a process that it left behind may hold the pipe for ever.
const AFTER: Duration = Duration::from_secs(1);

/// How long it has to end by itself, once told to.
const GRACE: Duration = Duration::from_secs(1);

/// How long between two looks at whether it has exited, when nothing else happens: at first, and at most.
const SHORT: Duration = Duration::from_micros(200);
const LONG: Duration = Duration::from_millis(50);

/// How a child ended.
#[derive(Debug)]
pub(super) struct End {
    /// None: its time was over, and it was ended.
    pub(super) status: Option<ExitStatus>,
    /// It read the message to its end.
    pub(super) consumed: bool,
    /// The first of what it wrote to stdout and stderr.
    pub(super) said: Vec<u8>,
}

/// A child in a process group of its own. Dropped before its exit was seen, it is killed with the whole group, before
/// the end of its input could look like the end of the message.
pub(super) struct Child {
    process: std::process::Child,
    reaped: bool,
    /// None: the message is written to its end.
    input: Option<PipeWriter>,
    /// The end that it reads from. Held here too, because what is left unread can be asked for at this end
    /// everywhere, at the other only on Linux.
    unread: PipeReader,
    /// Its stdout and stderr as long as they are open.
    outputs: Vec<PipeReader>,
    said: Vec<u8>,
}

impl Child {
    /// Starts a child.
    ///
    /// # Errors
    /// That of the start; nothing is running then.
    pub(super) fn spawn(mut command: Command) -> io::Result<Self> {
        let (unread, input) = io::pipe()?;
        rustix::io::ioctl_fionbio(&input, true)?;
        let mut process = command
            .stdin(unread.try_clone()?)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let stdout = process.stdout.take().map(OwnedFd::from);
        let stderr = process.stderr.take().map(OwnedFd::from);
        let child = Self {
            process,
            reaped: false,
            input: Some(input),
            unread,
            outputs: stdout
                .into_iter()
                .chain(stderr)
                .map(PipeReader::from)
                .collect(),
            said: Vec::new(),
        };
        for output in &child.outputs {
            rustix::io::ioctl_fionbio(output, true)?;
        }
        Ok(child)
    }

    /// Feeds it the message and hears it out, until it has exited or `limit` is over.
    ///
    /// # Errors
    /// Those of the pipes and of reading the message; the child is killed then.
    pub(super) fn attend(mut self, message: &mut dyn BufRead, limit: Duration) -> io::Result<End> {
        // A limit too far away to be told is none.
        let deadline = Instant::now().checked_add(limit);
        let mut pause = SHORT;
        let status = loop {
            let fed = self.feed(message)?;
            let heard = self.hear()?;
            if let Some(status) = self.process.try_wait()? {
                self.reaped = true;
                break Some(status);
            }
            let left = deadline.map_or(LONG, |it| it.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                break None;
            }
            pause = if fed || heard {
                SHORT
            } else {
                LONG.min(pause * 2)
            };
            self.wait(self.input.as_ref(), pause.min(left))?;
        };
        match status {
            Some(_) => self.hear_out(AFTER)?,
            None => self.end()?,
        }
        Ok(End {
            status,
            consumed: self.input.is_none() && rustix::io::ioctl_fionread(&self.unread)? == 0,
            said: std::mem::take(&mut self.said),
        })
    }

    /// Writes what its pipe takes; whether that was anything.
    fn feed(&mut self, message: &mut dyn BufRead) -> io::Result<bool> {
        let mut fed = false;
        while let Some(mut input) = self.input.as_ref() {
            let piece = message.fill_buf()?;
            if piece.is_empty() {
                self.input = None;
                break;
            }
            match input.write(piece) {
                Ok(written) => message.consume(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            fed = true;
        }
        Ok(fed)
    }

    /// Reads once from each output, so that a noisy child cannot keep us; whether there was anything.
    fn hear(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 16 * 1024];
        let mut heard = false;
        let mut at = 0;
        while let Some(output) = self.outputs.get_mut(at) {
            match output.read(&mut buffer) {
                Ok(0) => {
                    self.outputs.remove(at);
                    continue;
                }
                Ok(read) => {
                    let kept = read.min(KEPT - self.said.len());
                    self.said.extend_from_slice(&buffer[..kept]);
                    heard = true;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            at += 1;
        }
        Ok(heard)
    }

    /// Waits until something can be written or read, or the time is over.
    fn wait(&self, input: Option<&PipeWriter>, time: Duration) -> io::Result<()> {
        let input = input.map(|it| PollFd::new(it, PollFlags::OUT));
        let outputs = self.outputs.iter();
        let mut pipes: Vec<_> = outputs
            .map(|it| PollFd::new(it, PollFlags::IN))
            .chain(input)
            .collect();
        let time = Timespec::try_from(time).map_err(io::Error::other)?;
        match poll(&mut pipes, Some(&time)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Reads its outputs to their end, or as long as `time`.
    fn hear_out(&mut self, time: Duration) -> io::Result<()> {
        let until = Instant::now() + time;
        loop {
            self.hear()?;
            let left = until.saturating_duration_since(Instant::now());
            if self.outputs.is_empty() || left.is_zero() {
                return Ok(());
            }
            self.wait(None, left)?;
        }
    }

    /// Ends the whole group: told to, then killed.
    fn end(&mut self) -> io::Result<()> {
        self.signal(Signal::TERM);
        if self.outputs.is_empty() {
            // They would tell when it is gone; its exit must not be seen yet, see `signal`.
            std::thread::sleep(GRACE);
        } else {
            self.hear_out(GRACE)?;
        }
        self.kill();
        Ok(())
    }

    /// Kills the whole group. A child that not even that ends at once, because the disk it waits for is gone, is left.
    fn kill(&mut self) {
        self.signal(Signal::KILL);
        let until = Instant::now() + GRACE;
        while let Ok(None) = self.process.try_wait()
            && Instant::now() < until
        {
            std::thread::sleep(SHORT);
        }
        self.reaped = true;
    }

    /// A signal to the whole group. As long as the child's exit was not seen its number is not another's.
    fn signal(&self, signal: Signal) {
        if !self.reaped
            && let Some(group) = Pid::from_raw(self.process.id().cast_signed())
        {
            // That the group is gone already is as good.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.reaped {
            self.kill();
        }
    }
}
