//! Reading a journal: block by block, whole writes only, and what to make of damage.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Take};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use memchr::{memchr, memchr_iter, memrchr};
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::line::{Entry, NoHeader, parse_end, parse_header};
use super::{Error, Identity, Memory};

/// Octets a journal may have: what is kept of it is found by 32-bit numbers.
pub(super) const LARGEST: u64 = u32::MAX as u64;

/// Octets read at once.
const BLOCK: u64 = 64 * 1024;

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
    offset: u64,
    /// Its number, from 1.
    line: usize,
    what: &'static str,
}

/// What was taken in of a journal.
#[derive(Debug, Default)]
struct Taken {
    memory: Memory,
    /// Octets of whole writes.
    whole: u64,
    /// What is wrong behind them; then the first lines of the write it is in have been taken in.
    fault: Option<Fault>,
}

/// The lines of a file, some at a time.
struct Lines<F> {
    file: Take<F>,
    /// Whole lines, and a piece of the next.
    block: Vec<u8>,
    /// Octets of the whole lines.
    whole: usize,
}

impl<F: Read + Seek> Lines<F> {
    /// Those between two offsets.
    fn between(mut file: F, start: u64, end: u64) -> io::Result<Self> {
        file.seek(SeekFrom::Start(start))?;
        Ok(Self {
            file: file.take(end - start),
            block: Vec::new(),
            whole: 0,
        })
    }

    /// The next lines, at least one, each with its LF; behind the last a piece without LF, which may be empty.
    fn next(&mut self) -> io::Result<&[u8]> {
        self.block.drain(..self.whole);
        loop {
            let searched = self.block.len();
            let mut more = self.file.by_ref().take(BLOCK);
            if more.read_to_end(&mut self.block)? == 0 {
                self.whole = searched;
                break;
            }
            if let Some(at) = memrchr(b'\n', &self.block[searched..]) {
                self.whole = searched + at + 1;
                break;
            }
        }
        Ok(&self.block[..self.whole])
    }
}

/// About how many unique-ids so many octets of a journal have that goes on like this: as many as `s` lines, almost every
/// one of which is the first of its unique-id.
fn unique_ids(lines: &[u8], octets: u64) -> u64 {
    let delivered = memchr_iter(b'\n', lines).filter(|at| lines.get(at + 1) == Some(&b's'));
    delivered.count() as u64 * octets / (lines.len() as u64).max(1)
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
///
/// # Errors
/// [`Error::Damaged`] by what no power cut does; [`Error::Unfit`] for a file that is not ours.
pub(super) fn read(path: &Path, file: &mut (impl Read + Seek)) -> Result<Loaded, Error> {
    let size = file
        .seek(SeekFrom::End(0))
        .map_err(failed("read", path))?
        .min(LARGEST);
    let mut end = size;
    loop {
        let taken = take_writes(path, file, end)?;
        let Some(fault) = taken.fault else {
            return Ok(Loaded {
                memory: taken.memory,
                length: taken.whole,
                dropped: size - taken.whole,
            });
        };
        if was_flushed(file, &fault, size).map_err(failed("read", path))? {
            return Err(Error::Damaged {
                path: path.to_owned(),
                line: fault.line,
                what: fault.what.to_owned(),
            });
        }
        // Once more, without the write that is dropped.
        end = taken.whole;
    }
}

/// Whether a power cut left nothing but a piece of the header, which is flushed before anything follows it.
fn is_torn_header(line: &[u8]) -> bool {
    let zeros = line.iter().rev().take_while(|octet| **octet == 0);
    let text = &line[..line.len() - zeros.count()];
    let ours = b"popfetch ";
    ours.starts_with(text) || text.starts_with(ours)
}

/// Reads the first line.
fn header(path: &Path, line: &[u8]) -> Result<(Identity, i64), Error> {
    parse_header(line).map_err(|no_header| match no_header {
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
    })
}

/// Takes in the lines before `end`, up to the first that is wrong.
fn take_writes(path: &Path, file: &mut (impl Read + Seek), end: u64) -> Result<Taken, Error> {
    let cannot_read = failed("read", path);
    let mut lines = Lines::between(file, 0, end).map_err(&cannot_read)?;
    let mut block = lines.next().map_err(&cannot_read)?;
    let mut taken = Taken::default();
    let header_end = memchr(b'\n', block);
    let first = &block[..header_end.unwrap_or(block.len())];
    if header_end.is_none() && is_torn_header(first) {
        return Ok(taken);
    }
    let (identity, last_time) = header(path, first)?;
    let memory = &mut taken.memory;
    memory.identity = Some(identity);
    memory.last_time = last_time;
    memory.reserve(unique_ids(block, end), end / 2);
    block = block.get(first.len() + 1..).unwrap_or_default();
    let mut at = end.min(first.len() as u64 + 1);
    taken.whole = at;
    let mut order = Order::new(memory);
    // The header is line 1.
    let mut number = 1;
    while taken.fault.is_none() {
        // Taken in together: what one waits for in the table, the next does not wait for. None ends a write.
        let mut entries = Vec::new();
        for text in block.split_inclusive(|octet| *octet == b'\n') {
            number += 1;
            let read = match text {
                [line @ .., b'\n'] if parse_end(line, 0).is_some() => {
                    order.end_write();
                    taken.whole = at + text.len() as u64;
                    Ok(None)
                }
                [line @ .., b'\n'] => order.parse(line).map(Some),
                _ => Err("cut off"),
            };
            match read {
                Ok(entry) => entries.push(entry),
                Err(what) => {
                    taken.fault = Some(Fault {
                        offset: at,
                        line: number,
                        what,
                    });
                    break;
                }
            }
            at += text.len() as u64;
        }
        for entry in entries {
            match entry {
                Some(entry) => memory.take_entry(entry),
                None => memory.end_write(),
            }
        }
        block = lines.next().map_err(&cannot_read)?;
        if block.is_empty() {
            break;
        }
    }
    if taken.fault.is_none() && at > taken.whole {
        taken.fault = Some(Fault {
            offset: at,
            line: number + 1,
            what: "the end of a write is missing",
        });
    }
    memory.shrink();
    Ok(taken)
}

/// Whether a damaged line had been flushed: then it is not what a power cut left.
///
/// A write says how many octets before its end were not flushed yet when it was made. So each end of a write
/// behind the damage is a witness for what had been flushed by then.
fn was_flushed(file: &mut (impl Read + Seek), fault: &Fault, end: u64) -> io::Result<bool> {
    let mut lines = Lines::between(file, fault.offset, end)?;
    // From the damage on.
    let (mut at, mut write_start) = (0, 0);
    loop {
        let block = lines.next()?;
        if block.is_empty() {
            return Ok(false);
        }
        for text in block.split_inclusive(|octet| *octet == b'\n') {
            let Some(line) = text.strip_suffix(b"\n") else {
                return Ok(false);
            };
            // The line end before it may have been lost.
            let zeros = line.iter().take_while(|octet| **octet == 0).count();
            let line_start = at + zeros;
            at += text.len();
            if let Some(unflushed) = parse_end(&line[zeros..], line_start - write_start) {
                if line_start > unflushed {
                    return Ok(true);
                }
                write_start = at;
            }
        }
    }
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
