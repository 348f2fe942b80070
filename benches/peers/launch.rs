//! What a run costs, as the kernel counts it.
//!
//! The bench is run again as a launcher: a process of its own has no other children, and is so small that the peak of
//! a child, which begins with that of its parent, is the child's own. No peak below the launcher's few MB can be seen.

use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// The first word of a launcher's command line.
pub(crate) const WORD: &str = "launch";

/// What a run took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// Seconds.
    pub(crate) wall: f64,
    /// Processor time in user and kernel mode, all processes and threads, seconds.
    pub(crate) processor: f64,
    /// Peak resident memory of the largest process, MB.
    pub(crate) peak: f64,
}

/// What came of it.
pub(crate) struct Run {
    pub(crate) cost: Cost,
    pub(crate) status: ExitStatus,
    /// The last line of its standard error.
    pub(crate) said: String,
}

/// Runs a command to its end; nothing on standard input, standard output thrown away.
pub(crate) fn run(words: &[String], environment: &[(&str, &str)]) -> Run {
    let output = Command::new(std::env::current_exe().unwrap())
        .arg(WORD)
        .args(words)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let numbers = String::from_utf8_lossy(&output.stdout);
    let mut numbers = numbers.split_whitespace().flat_map(str::parse);
    let mut next = || numbers.next().unwrap_or(f64::NAN);
    let cost = Cost {
        wall: next(),
        processor: next(),
        peak: next(),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    Run {
        cost,
        status: output.status,
        said: said.lines().last().unwrap_or_default().to_owned(),
    }
}

/// The launcher: it says what [`run`] reads.
pub(crate) fn main(mut words: impl Iterator<Item = String>) -> ExitCode {
    let mut command = Command::new(words.next().unwrap());
    command.args(words).stdout(Stdio::null());
    let begun = Instant::now();
    let status = command.status().unwrap();
    let wall = begun.elapsed().as_secs_f64();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let processor = usage.user_time() + usage.system_time();
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    println!(
        "{wall} {} {}",
        processor.num_microseconds() as f64 / 1e6,
        (usage.max_rss() * unit) as f64 / 1e6
    );
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}
