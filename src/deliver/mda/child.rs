//! A child process that is fed a message: it can neither hang us nor be left with half a message.

use std::io::{self, BufRead, PipeReader, PipeWriter, Read, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};

use super::super::spool::{self, Reader};

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

/// The longest wait where its exit ends it.
const LONGEST: Duration = Duration::from_secs(60 * 60);

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

/// A message as it is read for a child.
pub(super) trait Message: BufRead {
    /// Moves what comes next into a pipe unread; how many octets, 0 where it has to be read.
    fn splice(&mut self, _pipe: &PipeWriter) -> io::Result<usize> {
        Ok(0)
    }
}

impl Message for Reader<'_> {
    fn splice(&mut self, pipe: &PipeWriter) -> io::Result<usize> {
        spool::splice(self, pipe)
    }
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
    pub(super) fn fill(message: &mut dyn Message, octets: u64) -> io::Result<Self> {
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
    fn feed(&mut self, message: &mut dyn Message) -> io::Result<bool> {
        let mut fed = false;
        while let Some(mut writer) = self.writer.as_ref() {
            let moved = match message.splice(writer) {
                Ok(0) => {
                    let piece = message.fill_buf()?;
                    if piece.is_empty() {
                        self.writer = None;
                        break;
                    }
                    writer
                        .write(piece)
                        .inspect(|&written| message.consume(written))
                }
                moved => moved,
            };
            match moved {
                Ok(_) => fed = true,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
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
    /// Its stdout and stderr, one pipe, as long as that is open.
    output: Option<PipeReader>,
    said: Vec<u8>,
    /// Readable when it has exited, where the system has such a thing; else it is looked for again and again.
    exited: Option<OwnedFd>,
}

impl Child {
    /// Starts a child with the first of its message.
    ///
    /// # Errors
    /// That of the start; nothing is running then.
    pub(super) fn spawn(mut command: Command, input: Input) -> io::Result<Self> {
        let (output, stdout) = io::pipe()?;
        rustix::io::ioctl_fionbio(&output, true)?;
        let process = command
            .stdin(input.reader.try_clone()?)
            .stdout(stdout.try_clone()?)
            .stderr(stdout)
            .process_group(0)
            .spawn()?;
        Ok(Self {
            exited: exit_of(&process),
            process,
            reaped: false,
            input,
            output: Some(output),
            said: Vec::new(),
        })
    }

    /// Feeds it the rest of the message and hears it out, until it has exited or `limit` is over.
    ///
    /// # Errors
    /// Those of the pipes and of reading the message; the child is killed then.
    pub(super) fn attend(mut self, message: &mut dyn Message, limit: Duration) -> io::Result<End> {
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
            let left = deadline.map_or(LONGEST, |it| it.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                break None;
            }
            pause = match &self.exited {
                Some(_) => LONGEST,
                None if fed || heard => SHORT,
                None => LONG.min(pause * 2),
            };
            self.wait(
                self.input.writer.as_ref(),
                self.exited.as_ref(),
                pause.min(left),
            )?;
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

    /// Reads once from its output, so that a noisy child cannot keep us; whether there was anything.
    fn hear(&mut self) -> io::Result<bool> {
        let mut buffer = [0; KEPT];
        let Some(output) = &mut self.output else {
            return Ok(false);
        };
        match output.read(&mut buffer) {
            Ok(0) => {
                self.output = None;
                Ok(false)
            }
            Ok(read) => {
                let kept = read.min(KEPT - self.said.len());
                self.said.extend_from_slice(&buffer[..kept]);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Waits until something can be written or read, it has exited, or the time is over.
    fn wait(
        &self,
        input: Option<&PipeWriter>,
        exited: Option<&OwnedFd>,
        time: Duration,
    ) -> io::Result<()> {
        let input = input.map(|it| PollFd::new(it, PollFlags::OUT));
        let exited = exited.map(|it| PollFd::new(it, PollFlags::IN));
        let output = self.output.as_ref();
        let output = output.map(|it| PollFd::new(it, PollFlags::IN));
        let mut pipes: Vec<_> = [input, exited, output].into_iter().flatten().collect();
        let time = Timespec::try_from(time).map_err(io::Error::other)?;
        match poll(&mut pipes, Some(&time)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Reads its output to its end, or as long as `time`.
    fn hear_out(&mut self, time: Duration) -> io::Result<()> {
        let until = Instant::now() + time;
        loop {
            self.hear()?;
            let left = until.saturating_duration_since(Instant::now());
            if self.output.is_none() || left.is_zero() {
                return Ok(());
            }
            self.wait(None, None, left)?;
        }
    }

    /// Ends the whole group: told to, then killed.
    fn end(&mut self) -> io::Result<()> {
        self.signal(Signal::TERM);
        if self.output.is_none() {
            // It would tell when it is gone; its exit must not be seen yet, see `signal`.
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

/// What is readable when a child has exited.
fn exit_of(process: &std::process::Child) -> Option<OwnedFd> {
    // From Linux 5.3; sandboxes may forbid it.
    #[cfg(target_os = "linux")]
    return rustix::process::pidfd_open(
        Pid::from_raw(process.id().cast_signed())?,
        rustix::process::PidfdFlags::empty(),
    )
    .ok();
    #[cfg(not(target_os = "linux"))]
    {
        let _ = process;
        None
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.reaped {
            self.kill();
        }
    }
}
