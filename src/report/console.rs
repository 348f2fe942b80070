//! The two streams: whole lines, one write each, under a lock; above the bars where there are any.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::{MultiProgress, ProgressDrawTarget, TermLike};
use rustix::termios::tcgetwinsize;

type Stream = Box<dyn Write + Send>;

/// Where lines go. Whoever has closed the other end is not told more, and nothing panics.
pub struct Console {
    out: Mutex<Out>,
    err: Arc<Mutex<Stream>>,
    bars: Option<MultiProgress>,
}

struct Out {
    stream: Stream,
    state: OutState,
}

enum OutState {
    Open,
    /// Nobody reads any more.
    Closed,
    /// What else went wrong, until it is taken.
    Failed(Option<io::Error>),
}

impl Console {
    /// The process's own stdout and stderr, without bars.
    pub fn stdio() -> Self {
        Self::new(Box::new(io::stdout()), Box::new(io::stderr()), false)
    }

    /// Over other streams; `bars`: progress bars will be drawn on the second.
    pub(crate) fn new(out: Stream, err: Stream, bars: bool) -> Self {
        let err = Arc::new(Mutex::new(err));
        let bars = bars.then(|| {
            let target = ProgressDrawTarget::term_like_with_hz(
                Box::new(Screen {
                    err: Arc::clone(&err),
                    frame: Mutex::default(),
                }),
                20,
            );
            MultiProgress::with_draw_target(target)
        });
        Self {
            out: Mutex::new(Out {
                stream: out,
                state: OutState::Open,
            }),
            err,
            bars,
        }
    }

    /// Where bars are added, if they are drawn.
    pub(crate) fn bars(&self) -> Option<&MultiProgress> {
        self.bars.as_ref()
    }

    /// Writes lines of an answer to stdout; `text` is sanitised, without its last line end. True unless
    /// this write found the stream closed.
    pub fn out(&self, text: &str) -> bool {
        let text = format!("{text}\n");
        self.beside_bars(|| {
            let mut out = lock(&self.out);
            if !matches!(out.state, OutState::Open) {
                return true;
            }
            match out
                .stream
                .write_all(text.as_bytes())
                .and_then(|()| out.stream.flush())
            {
                Ok(()) => true,
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    out.state = OutState::Closed;
                    false
                }
                Err(error) => {
                    out.state = OutState::Failed(Some(error));
                    true
                }
            }
        })
    }

    /// Writes lines to stderr; `text` is sanitised, without its last line end. There is nobody to tell of a failure.
    pub fn err(&self, text: &str) {
        let text = format!("{text}\n");
        self.beside_bars(|| {
            let mut err = lock(&self.err);
            let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
        });
    }

    /// The reader of stdout has gone away.
    pub fn closed(&self) -> bool {
        matches!(lock(&self.out).state, OutState::Closed)
    }

    /// Takes the bars off the screen, until they are drawn anew.
    pub fn clear(&self) {
        if let Some(bars) = &self.bars {
            let _ = bars.clear();
        }
    }

    /// What went wrong with stdout, once; a reader who has gone away is not an error.
    ///
    /// # Errors
    /// The first write that failed: a full disk, say.
    pub fn finish(&self) -> io::Result<()> {
        match &mut lock(&self.out).state {
            OutState::Failed(error) => error.take().map_or(Ok(()), Err),
            OutState::Open | OutState::Closed => Ok(()),
        }
    }

    fn beside_bars<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bars {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }
}

/// A poisoned stream is still a stream.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Columns of the terminal that stdout is; `None` where it is none.
pub(crate) fn stdout_columns() -> Option<usize> {
    columns(tcgetwinsize(io::stdout()))
}

/// Columns of the terminal that bars are drawn on.
pub(crate) fn bar_columns() -> usize {
    columns(tcgetwinsize(io::stderr())).unwrap_or(80)
}

fn columns(size: rustix::io::Result<rustix::termios::Winsize>) -> Option<usize> {
    match size {
        Ok(size) if size.ws_col > 0 => Some(size.ws_col.into()),
        _ => None,
    }
}

/// The terminal that bars are drawn on: a frame is gathered and leaves by one write.
///
/// indicatif's own takes a failed write for a reason to panic, and a terminal can go away at any time.
struct Screen {
    err: Arc<Mutex<Stream>>,
    frame: Mutex<String>,
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Screen")
    }
}

impl Screen {
    fn push(&self, text: &str) -> io::Result<()> {
        lock(&self.frame).push_str(text);
        Ok(())
    }

    fn move_cursor(&self, n: usize, direction: char) -> io::Result<()> {
        if n == 0 {
            return Ok(());
        }
        self.push(&format!("\x1b[{n}{direction}"))
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        u16::try_from(bar_columns()).unwrap_or(u16::MAX)
    }

    fn height(&self) -> u16 {
        match tcgetwinsize(io::stderr()) {
            Ok(size) if size.ws_row > 0 => size.ws_row,
            _ => 24,
        }
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.move_cursor(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.move_cursor(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.move_cursor(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.move_cursor(n, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.push(text)?;
        self.push("\n")
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.push(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.push("\r\x1b[2K")
    }

    fn flush(&self) -> io::Result<()> {
        let mut frame = std::mem::take(&mut *lock(&self.frame));
        if !frame.is_empty() {
            // At the right margin the `^C` that a terminal echoes would begin a line of its own, and the bars
            // would then be wiped off the wrong ones.
            frame.push('\r');
            let mut err = lock(&self.err);
            let _ = err.write_all(frame.as_bytes()).and_then(|()| err.flush());
        }
        Ok(())
    }
}
