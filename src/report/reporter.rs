//! The listener that speaks to a human, or to a program.

use std::io::{self, IsTerminal as _, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use unicode_width::UnicodeWidthStr as _;

use super::answers::{Answers, Slot};
use super::bars::Bars;
use super::console::{Console, bar_columns, stdout_columns};
use super::lines::{Level, clean, described};
use super::{info, json, lines, listing, quantity, summary};
use crate::fetch::event::{Event, Listener, Summing};
use crate::fetch::outcome::Class;

/// How much is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// `-q`: problems only, but for what passes by itself.
    Quiet,
    /// Problems; on a terminal a summary too.
    #[default]
    Normal,
    /// `-v`: a line for each message.
    Verbose,
    /// `-vv`: commands and status lines.
    Protocol,
}

/// When progress bars are drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Progress {
    /// On a terminal that can move its cursor, unless `-q`, `-vv` or `--json`; and not where an answer goes to a
    /// pager or another program that may write to the same terminal.
    #[default]
    Auto,
    /// Always, terminal or not.
    Always,
    /// Never.
    Never,
}

/// What is being done: which answer belongs to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Task {
    /// `fetch`.
    #[default]
    Fetch,
    /// `fetch --dry-run`.
    DryRun,
    /// `check` or `info`: what comes is the answer.
    Ask,
    /// `seen show`: the same, and no server is asked.
    Show,
    /// `list`.
    List,
    /// `seen mark`.
    Mark,
    /// `seen forget`.
    Forget,
}

/// What the reporter knows of an account beforehand.
#[derive(Debug, Clone, Default)]
pub struct Subject {
    /// Its name.
    pub name: String,
    /// Larger messages are skipped, octets.
    pub max_size: Option<u64>,
}

/// What was asked for on the command line.
#[derive(Default)]
pub struct Settings {
    /// What is being done.
    pub task: Task,
    /// How much is said.
    pub verbosity: Verbosity,
    /// When bars are drawn.
    pub progress: Progress,
    /// `--json`.
    pub json: bool,
    /// The accounts, in the order in which their answers shall come.
    pub accounts: Vec<Subject>,
    /// Called when the reader of stdout has gone away: where only answers are wanted, nothing is left to do.
    /// Nothing more is said then.
    pub unheard: Option<Box<dyn Fn() + Send + Sync>>,
}

/// What is around the program.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// stderr is a terminal.
    pub terminal: bool,
    /// The terminal cannot move its cursor (`TERM=dumb`).
    pub dumb: bool,
    /// Columns of the terminal that stdout is; `None` where it is none.
    pub columns: Option<usize>,
    /// Local time.
    pub zone: TimeZone,
    /// The clock.
    pub now: fn() -> Timestamp,
}

impl Surroundings {
    /// Looks around.
    pub fn detect() -> Self {
        Self {
            terminal: io::stderr().is_terminal(),
            dumb: std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb"),
            columns: stdout_columns(),
            zone: TimeZone::system(),
            now: Timestamp::now,
        }
    }
}

/// Speaks of a run: answers to stdout, all else to stderr.
pub struct Reporter {
    settings: Settings,
    around: Surroundings,
    console: Console,
    name_columns: usize,
    bars: Mutex<Bars>,
    answers: Mutex<Answers>,
}

impl Reporter {
    /// Speaks on stdout and stderr.
    pub fn new(settings: Settings, around: Surroundings) -> Self {
        Self::on(
            settings,
            around,
            Box::new(io::stdout()),
            Box::new(io::stderr()),
        )
    }

    /// Speaks on other streams.
    pub fn on(
        settings: Settings,
        around: Surroundings,
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
    ) -> Self {
        let bars = match settings.progress {
            Progress::Always => true,
            Progress::Never => false,
            Progress::Auto => {
                let verbosity = settings.verbosity;
                let plain = verbosity == Verbosity::Normal || verbosity == Verbosity::Verbose;
                let alone = match settings.task {
                    Task::Fetch | Task::Mark => true,
                    Task::DryRun | Task::Ask | Task::List => around.columns.is_some(),
                    Task::Show | Task::Forget => false,
                };
                around.terminal && !around.dumb && !settings.json && plain && alone
            }
        };
        let names = || {
            settings
                .accounts
                .iter()
                .map(|subject| subject.name.as_str())
        };
        Self {
            console: Console::new(out, err, bars),
            name_columns: names()
                .map(|name| clean(name).width())
                .max()
                .unwrap_or(0)
                .min(30),
            bars: Mutex::default(),
            answers: Mutex::new(Answers::new(names())),
            settings,
            around,
        }
    }

    /// The bars go, and what still waited for an earlier account comes.
    ///
    /// # Errors
    /// What went wrong with stdout; a reader who has gone away is not an error.
    pub fn finish(&self) -> io::Result<()> {
        if let Some(screen) = self.console.bars() {
            held(&self.bars).end(screen);
        }
        let mut answers = held(&self.answers);
        let rest = answers.rest();
        self.print(rest);
        self.console.finish()
    }

    /// Takes the bars off the screen, for a process that ends at once.
    pub fn clear(&self) {
        self.console.clear();
    }

    /// The line for stderr, put into words only if it is due.
    fn say(&self, level: Level, words: impl FnOnce() -> Option<String>) {
        let verbosity = self.settings.verbosity;
        let due = match level {
            Level::Problem { class, quiet } => {
                !(verbosity == Verbosity::Quiet && class == Class::Temporary)
                    && (!quiet || self.around.terminal || verbosity >= Verbosity::Verbose)
            }
            Level::Notice => verbosity >= Verbosity::Normal,
            Level::Watching => {
                verbosity >= Verbosity::Verbose
                    || (verbosity == Verbosity::Normal
                        && self.around.terminal
                        && !self.settings.json)
            }
            Level::Verbose => verbosity >= Verbosity::Verbose,
            Level::Protocol => verbosity >= Verbosity::Protocol,
        };
        let Some(text) = due.then(words).flatten() else {
            return;
        };
        if verbosity >= Verbosity::Verbose && !self.around.terminal {
            let now = (self.around.now)().to_zoned(self.around.zone.clone());
            self.console
                .err(&format!("{} {text}", now.strftime("%Y-%m-%d %H:%M:%S")));
        } else {
            self.console.err(&text);
        }
    }

    /// Prints lines on stdout.
    fn print(&self, texts: Vec<String>) -> bool {
        let heard = texts.iter().all(|text| self.console.out(text));
        if !heard && let Some(unheard) = &self.settings.unheard {
            unheard();
        }
        heard
    }

    /// The line for stdout, if the event is an answer.
    fn answer(&self, slot: &mut Slot, account: &str, event: &Event<'_>) -> Option<String> {
        let zone = &self.around.zone;
        let width = self.around.columns;
        let text = match event {
            Event::Counted {
                new,
                new_octets,
                total,
                total_octets,
            } => summary::counted(*new, *new_octets, *total, *total_octets),
            Event::Listed {
                mail,
                summary,
                seen,
                set_aside,
            } => {
                let row = listing::message(mail, *summary, *seen, *set_aside, width, zone);
                let heading = self.around.columns.map(|_| listing::HEADING);
                return Some(self.headed(slot, account, heading, row));
            }
            Event::Remembered { uid, record, why } => {
                let row = listing::remembered(uid, record, *why, zone);
                return Some(self.headed(slot, account, None, row));
            }
            Event::Info(info) => return Some(info::block(account, info, width, zone)),
            Event::Changed(number) => {
                let verb = match self.settings.task {
                    Task::Mark => "marked",
                    _ => "forgotten",
                };
                summary::changed(*number, verb)
            }
            Event::WouldFetch(mail) => {
                slot.would_fetch += 1;
                slot.would_octets += mail.octets.unwrap_or(0);
                format!("would fetch {}", described(mail))
            }
            Event::WouldDelete(mail) => {
                slot.would_delete += 1;
                format!("would delete {}", described(mail))
            }
            Event::WouldSettle(number) => format!(
                "would settle {} that a run cut short left open",
                quantity::messages(*number)
            ),
            Event::Finished(sum) if self.settings.task == Task::DryRun => {
                summary::would(slot, sum.listed)?
            }
            _ => return None,
        };
        Some(format!("{}: {text}", clean(account)))
    }

    /// A row, with the account's name above the first where there are several accounts.
    fn headed(&self, slot: &mut Slot, account: &str, heading: Option<&str>, row: String) -> String {
        if std::mem::replace(&mut slot.begun, true) {
            return row;
        }
        let name = (self.settings.accounts.len() > 1).then(|| format!("{}:", clean(account)));
        let above: Vec<&str> = name.as_deref().into_iter().chain(heading).collect();
        if above.is_empty() {
            row
        } else {
            format!("{}\n{row}", above.join("\n"))
        }
    }

    fn finished(&self, account: &str, sum: &Summing) {
        let line = match self.settings.task {
            Task::Fetch => summary::fetched(sum, self.max_size(account)),
            Task::List if sum.listed == Some(0) => Some("no mail".to_owned()),
            _ => None,
        };
        if let Some(line) = line {
            self.say(Level::Watching, || {
                Some(format!("{}: {line}", clean(account)))
            });
        }
    }

    fn max_size(&self, account: &str) -> Option<u64> {
        let mut subjects = self.settings.accounts.iter();
        subjects.find(|subject| subject.name == account)?.max_size
    }

    /// The last thing said was that nobody listens.
    fn unheard(&self) -> bool {
        self.settings.unheard.is_some() && self.console.closed()
    }
}

impl Listener for Reporter {
    fn event(&self, account: &str, event: Event<'_>) {
        if self.unheard() {
            return;
        }
        if let Some(screen) = self.console.bars() {
            let columns = bar_columns();
            held(&self.bars).event(screen, account, &event, self.name_columns, columns);
        }
        // Many a second, and for the bars alone.
        if let Event::Octets(_) = event {
            return;
        }
        if let Some(level) = lines::level(&event) {
            self.say(level, || {
                lines::line(account, &event, self.max_size(account))
            });
        }
        if self.settings.json {
            if let Some(line) = json::line(account, &event, (self.around.now)()) {
                self.print(vec![line]);
            }
        } else {
            // Held while printing, so that the order stays.
            let mut answers = held(&self.answers);
            if let Some(text) = self.answer(answers.slot(account), account, &event) {
                let ready = answers.add(account, text);
                self.print(ready);
            }
            if let Event::Finished(_) = event {
                let ready = answers.done(account);
                self.print(ready);
            }
        }
        if let Event::Finished(sum) = &event {
            self.finished(account, sum);
        }
    }

    fn wants_protocol(&self) -> bool {
        self.settings.verbosity >= Verbosity::Protocol
    }
}

/// What a thread that panicked has left is still good for words.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
