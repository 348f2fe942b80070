//! Reading a journal: line by line, whole writes only, and what to make of damage.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read, Seek, SeekFrom, Take};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use memchr::{memchr, memchr_iter};
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::line::{Entry, NoHeader, parse_end, parse_header};
use super::{Error, Identity, Memory};

/// Octets a journal may have: what is kept of it is found by 32-bit numbers.
pub(super) const LARGEST: u64 = u32::MAX as u64;

/// Octets read at once.
const BLOCK: usize = 64 * 1024;

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

/// The lines of a file, of which one is held at a time.
struct Lines<F> {
    file: BufReader<Take<F>>,
    /// Octets at hand that the line before has.
    behind: usize,
    /// A line that is not at hand as a whole.
    pieced: Vec<u8>,
}

/// One of them.
struct Text<'a> {
    /// Without its LF.
    line: &'a [u8],
    /// There was an LF.
    ended: bool,
    /// Octets, LF included; 0 behind the last line.
    length: u64,
}

impl<F: Read + Seek> Lines<F> {
    /// Those between two offsets.
    fn between(mut file: F, start: u64, end: u64) -> io::Result<Self> {
        file.seek(SeekFrom::Start(start))?;
        Ok(Self {
            file: BufReader::with_capacity(BLOCK, file.take(end - start)),
            behind: 0,
            pieced: Vec::new(),
        })
    }

    fn next(&mut self) -> io::Result<Text<'_>> {
        self.file.consume(std::mem::take(&mut self.behind));
        // Read where it lies.
        if let Some(end) = memchr(b'\n', self.file.buffer()) {
            self.behind = end + 1;
            return Ok(Text {
                line: &self.file.buffer()[..end],
                ended: true,
                length: self.behind as u64,
            });
        }
        self.pieced.clear();
        let length = self.file.read_until(b'\n', &mut self.pieced)? as u64;
        let ended = self.pieced.pop_if(|octet| *octet == b'\n').is_some();
        Ok(Text {
            line: &self.pieced,
            ended,
            length,
        })
    }

    /// About how many unique-ids there are: as many `s` lines, by those at hand, as almost every one is the first of its
    /// unique-id.
    fn unique_ids(&self) -> u64 {
        let at_hand = &self.file.buffer()[self.behind..];
        let delivered = memchr_iter(b'\n', at_hand).filter(|at| at_hand.get(at + 1) == Some(&b's'));
        let all = at_hand.len() as u64 + self.file.get_ref().limit();
        delivered.count() as u64 * all / (at_hand.len() as u64).max(1)
    }
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
    let first = lines.next().map_err(&cannot_read)?;
    let mut taken = Taken::default();
    if !first.ended && is_torn_header(first.line) {
        return Ok(taken);
    }
    let (identity, last_time) = header(path, first.line)?;
    let mut at = first.length;
    taken.whole = at;
    let memory = &mut taken.memory;
    memory.identity = Some(identity);
    memory.last_time = last_time;
    memory.reserve(lines.unique_ids(), end / 2);
    let mut order = Order::new(memory);
    // The header is line 1.
    let mut number = 1;
    loop {
        let text = lines.next().map_err(&cannot_read)?;
        number += 1;
        let read = if text.length == 0 {
            if at == taken.whole {
                break;
            }
            Err("the end of a write is missing")
        } else if !text.ended {
            Err("cut off")
        } else if parse_end(text.line, 0).is_some() {
            memory.end_write();
            order.end_write();
            taken.whole = at + text.length;
            Ok(())
        } else {
            order.parse(text.line).map(|entry| memory.take_entry(entry))
        };
        if let Err(what) = read {
            taken.fault = Some(Fault {
                offset: at,
                line: number,
                what,
            });
            break;
        }
        at += text.length;
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
        let text = lines.next()?;
        if !text.ended {
            return Ok(false);
        }
        // The line end before it may have been lost.
        let zeros = text.line.iter().take_while(|octet| **octet == 0).count();
        let line_start = at + zeros;
        at += text.line.len() + 1;
        if let Some(unflushed) = parse_end(&text.line[zeros..], line_start - write_start) {
            if line_start > unflushed {
                return Ok(true);
            }
            write_start = at;
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
