//! Reading a journal: one read, whole writes only, and what to make of damage.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use memchr::{memchr, memchr_iter};
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::line::{Entry, NoHeader, parse_end, parse_header};
use super::{Error, Memory};

/// Octets a journal may have: what is kept of it is found by 32-bit numbers.
pub(super) const LARGEST: u64 = u32::MAX as u64;

/// A journal as read.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) memory: Memory,
    /// Octets of whole writes.
    pub(super) length: u64,
    /// Octets behind them, left by a power cut.
    pub(super) dropped: u64,
}

/// What is wrong with a line.
#[derive(Debug)]
struct Fault {
    /// Where the line begins.
    offset: usize,
    /// Its number, from 1.
    line: usize,
    what: &'static str,
}

/// Opens a journal that is there, for reading or also for appending.
///
/// Never through a symbolic link, which others might lay, never waiting at a FIFO, never made.
pub(super) fn open(path: &Path, append: bool) -> Result<Option<File>, Error> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened = OpenOptions::new()
        .read(true)
        .append(append)
        .custom_flags(flags.bits().cast_signed())
        .open(path);
    let unfit = |why: &str| Error::Unfit {
        path: path.to_owned(),
        why: why.to_owned(),
    };
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => match Errno::from_io_error(&error) {
            // EMLINK on FreeBSD.
            Some(Errno::LOOP | Errno::MLINK) => {
                return Err(unfit("it is a symbolic link: name the file itself"));
            }
            Some(Errno::ISDIR) => return Err(unfit("it is a directory")),
            _ => return Err(failed("open", path)(error)),
        },
    };
    match file.metadata().map_err(failed("open", path))? {
        it if !it.is_file() => Err(unfit("it is not a regular file")),
        it if it.len() > LARGEST => Err(unfit("it is larger than any journal")),
        _ => Ok(Some(file)),
    }
}

/// Reads an opened journal.
pub(super) fn read(path: &Path, file: &mut File) -> Result<Loaded, Error> {
    let mut content = Vec::new();
    file.take(LARGEST)
        .read_to_end(&mut content)
        .map_err(failed("read", path))?;
    parse(path, &content)
}

/// Takes in the content of a journal.
pub(super) fn parse(path: &Path, content: &[u8]) -> Result<Loaded, Error> {
    let mut memory = Memory::default();
    let mut length = 0;
    if !is_torn_header(content) {
        let line_end = memchr(b'\n', content).unwrap_or(content.len());
        let (identity, last_time) =
            parse_header(&content[..line_end]).map_err(|no_header| match no_header {
                NoHeader::Foreign => Error::Unfit {
                    path: path.to_owned(),
                    why: "it is not a journal of popfetch, and is left alone".to_owned(),
                },
                NoHeader::Newer => Error::Unfit {
                    path: path.to_owned(),
                    why: "it was written by a newer popfetch".to_owned(),
                },
                NoHeader::Damaged => Error::Damaged {
                    path: path.to_owned(),
                    line: 1,
                    what: "not a header of format, user and host".to_owned(),
                },
            })?;
        memory.identity = Some(identity);
        memory.last_time = last_time;
        length = (line_end + 1).min(content.len());
        // Almost every `s` line is the first of its unique-id; what is reserved too much costs no memory.
        let delivered = memchr_iter(b'\n', content).filter(|at| content.get(at + 1) == Some(&b's'));
        memory.reserve(delivered.count(), content.len() / 2);
        if let Err((end, fault)) = take_writes(&mut memory, content, length) {
            if was_flushed(content, &fault) {
                return Err(Error::Damaged {
                    path: path.to_owned(),
                    line: fault.line,
                    what: fault.what.to_owned(),
                });
            }
            length = end;
        } else {
            length = content.len();
        }
        memory.shrink();
    }
    Ok(Loaded {
        memory,
        length: length as u64,
        dropped: (content.len() - length) as u64,
    })
}

/// Whether a power cut left nothing but a piece of the header, which is flushed before anything follows it.
fn is_torn_header(content: &[u8]) -> bool {
    let zeros = content.iter().rev().take_while(|octet| **octet == 0);
    let text = &content[..content.len() - zeros.count()];
    let ours = b"popfetch ";
    memchr(b'\n', text).is_none() && (ours.starts_with(text) || text.starts_with(ours))
}

/// Takes in whole writes from `start`; else gives where they end and what is wrong behind them.
fn take_writes(memory: &mut Memory, content: &[u8], start: usize) -> Result<(), (usize, Fault)> {
    let mut write = Vec::new();
    let mut order = Order::new(memory);
    let (mut whole, mut at) = (start, start);
    // The header is line 1.
    let mut line_number = 1;
    while at < content.len() {
        line_number += 1;
        let fault = |what| Fault {
            offset: at,
            line: line_number,
            what,
        };
        let Some(length) = memchr(b'\n', &content[at..]) else {
            return Err((whole, fault("cut off")));
        };
        let line = &content[at..at + length];
        if parse_end(line, 0).is_some() {
            memory.take(write.drain(..));
            whole = at + length + 1;
            order.end_write();
        } else {
            match order.parse(line) {
                Ok(entry) => write.push(entry),
                Err(what) => return Err((whole, fault(what))),
            }
        }
        at += length + 1;
    }
    if whole == at {
        return Ok(());
    }
    let fault = Fault {
        offset: at,
        line: line_number + 1,
        what: "the end of a write is missing",
    };
    Err((whole, fault))
}

/// Whether a damaged line had been flushed: then it is not what a power cut left.
///
/// A write says how many octets before its end were not flushed yet when it was made. So each end of a write
/// behind the damage is a witness for what had been flushed by then.
fn was_flushed(content: &[u8], fault: &Fault) -> bool {
    let (mut at, mut write_start) = (fault.offset, fault.offset);
    while let Some(length) = memchr(b'\n', &content[at..]) {
        let line = &content[at..at + length];
        // The line end before it may have been lost.
        let zeros = line.iter().take_while(|octet| **octet == 0).count();
        let line_start = at + zeros;
        at += length + 1;
        if let Some(unflushed) = parse_end(&line[zeros..], line_start - write_start) {
            if line_start.saturating_sub(unflushed) > fault.offset {
                return true;
            }
            write_start = at;
        }
    }
    false
}

/// Which line may follow which.
#[derive(Debug)]
pub(super) struct Order {
    /// There is a destination for intents.
    destination: bool,
    /// The line before was `r` or its `m`.
    region: bool,
}

impl Order {
    /// For lines that follow what a memory has taken in.
    pub(super) fn new(memory: &Memory) -> Self {
        Self {
            destination: memory.in_force().is_some(),
            region: false,
        }
    }

    /// Reads the next line, without its LF.
    pub(super) fn parse<'a>(&mut self, line: &'a [u8]) -> Result<Entry<'a>, &'static str> {
        let entry = Entry::parse(line)?;
        match entry {
            Entry::Destination(_) => self.destination = true,
            Entry::Intent { .. } | Entry::Region { .. } if !self.destination => {
                return Err("an intent without a destination before it");
            }
            Entry::Member { .. } if !self.region => {
                return Err("a message of a region without the region before it");
            }
            _ => {}
        }
        self.region = matches!(entry, Entry::Region { .. } | Entry::Member { .. });
        Ok(entry)
    }

    fn end_write(&mut self) {
        self.region = false;
    }
}

/// An error of the file system at a path.
pub(super) fn failed(act: &'static str, path: &Path) -> impl Fn(io::Error) -> Error {
    move |source| Error::Io {
        act,
        path: path.to_owned(),
        source,
    }
}
