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

/// Octets that a pipe holds without being asked, and at most (Linux's default for who is not root).
const USUAL: usize = 64 << 10;
const PIPE: usize = 1 << 20;

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

/// A message on its way to a child: as much of it as the pipe holds is in there before the child begins. So a child
/// that outlives us has all of it, and no piece that looks like a whole one, up to a message of [`PIPE`] octets.
pub(super) struct Input {
    /// None: the message is written to its end.
    pub(super) writer: Option<PipeWriter>,
    pub(super) reader: PipeReader,
}

impl Input {
    /// Fills a pipe with the first of a message of so many octets.
    ///
    /// # Errors
    /// Those of the pipe and of reading the message.
    pub(super) fn fill(message: &mut dyn BufRead, octets: u64) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        widen(&writer, octets);
        rustix::io::ioctl_fionbio(&writer, true)?;
        let mut input = Self {
            writer: Some(writer),
            reader,
        };
        input.feed(message)?;
        Ok(input)
    }

    /// Writes what the pipe takes; whether that was anything.
    fn feed(&mut self, message: &mut dyn BufRead) -> io::Result<bool> {
        let mut fed = false;
        while let Some(mut writer) = self.writer.as_ref() {
            let piece = message.fill_buf()?;
            if piece.is_empty() {
                self.writer = None;
                break;
            }
            match writer.write(piece) {
                Ok(written) => message.consume(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            fed = true;
        }
        Ok(fed)
    }
}

/// Makes a pipe hold a message of so many octets, as far as the system lets it.
fn widen(pipe: &PipeWriter, octets: u64) {
    // A page that was not filled up counts as a full one.
    let wanted = usize::try_from(octets).unwrap_or(PIPE).saturating_add(4096);
    if wanted > USUAL {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        // It holds what it holds: the rest is fed while the child reads.
        let _ = rustix::pipe::fcntl_setpipe_size(pipe, wanted.min(PIPE));
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let _ = pipe;
    }
}

/// A child in a process group of its own. Dropped before its exit was seen, it is killed with the whole group, before
/// the end of its input could look like the end of the message.
pub(super) struct Child {
    process: std::process::Child,
    reaped: bool,
    /// The end that it reads from is held here too, because what is left unread can be asked for at that end
    /// everywhere, at the other only on Linux.
    input: Input,
    /// Its stdout and stderr as long as they are open.
    outputs: Vec<PipeReader>,
    said: Vec<u8>,
}

impl Child {
    /// Starts a child with the first of its message.
    ///
    /// # Errors
    /// That of the start; nothing is running then.
    pub(super) fn spawn(mut command: Command, input: Input) -> io::Result<Self> {
        let mut process = command
            .stdin(input.reader.try_clone()?)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let stdout = process.stdout.take().map(OwnedFd::from);
        let stderr = process.stderr.take().map(OwnedFd::from);
        let child = Self {
            process,
            reaped: false,
            input,
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

    /// Feeds it the rest of the message and hears it out, until it has exited or `limit` is over.
    ///
    /// # Errors
    /// Those of the pipes and of reading the message; the child is killed then.
    pub(super) fn attend(mut self, message: &mut dyn BufRead, limit: Duration) -> io::Result<End> {
        // A limit too far away to be told is none.
        let deadline = Instant::now().checked_add(limit);
        let mut pause = SHORT;
        let status = loop {
            let fed = self.input.feed(message)?;
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
            self.wait(self.input.writer.as_ref(), pause.min(left))?;
        };
        match status {
            Some(_) => self.hear_out(AFTER)?,
            None => self.end()?,
        }
        Ok(End {
            status,
            consumed: self.input.writer.is_none()
                && rustix::io::ioctl_fionread(&self.input.reader)? == 0,
            said: std::mem::take(&mut self.said),
        })
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
