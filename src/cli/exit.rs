//! Exit statuses, in the terms of sysexits(3).

use std::process::ExitCode;

use super::args::Everywhere;
use crate::config;
use crate::fetch::outcome::{Class, Outcome};
use crate::report::{Console, Verbosity, sanitise};

/// The command line cannot be understood.
pub(crate) const USAGE: u8 = 64;

/// Why nothing was begun: what to say, and the exit status.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The exit status.
    pub(crate) status: u8,
    /// What to say, on one line and without the program's name: what was being done, and why it cannot be.
    pub(crate) why: anyhow::Error,
}

impl Refusal {
    /// The command line asks for what cannot be.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self {
            status: USAGE,
            why: anyhow::Error::msg(text.into()),
        }
    }

    /// Something of this class went wrong.
    pub(crate) fn class(class: Class, why: anyhow::Error) -> Self {
        Self {
            status: class.code(),
            why,
        }
    }

    /// Says it.
    pub(crate) fn tell(&self, console: &Console, everywhere: &Everywhere) -> ExitCode {
        let passing = self.status == Class::Temporary.code();
        if !(passing && everywhere.verbosity() == Verbosity::Quiet) {
            let why = format!("{:#}", self.why);
            console.err(&format!("popfetch: {}", sanitise(why.as_bytes())));
        }
        ExitCode::from(self.status)
    }
}

impl From<config::Error> for Refusal {
    fn from(error: config::Error) -> Self {
        Self::class(Class::Config, error.into())
    }
}

/// The exit status of a run; `no_mail`: what was asked for when all is well and there is no mail.
pub(crate) fn status(outcome: Outcome, no_mail: Option<u8>) -> u8 {
    match (outcome.class, no_mail) {
        (Some(class), _) => class.code(),
        (None, Some(status)) if outcome.messages == 0 => status,
        (None, _) => 0,
    }
}

/// Lets a panic say one line, without a backtrace unless RUST_BACKTRACE is set and `-vv` asks for everything.
pub(crate) fn on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let message = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        let place = panic
            .location()
            .map_or(String::new(), |place| format!(" at {place}"));
        let text = format!("popfetch: internal error: {message}{place} (please report it)");
        let console = Console::stdio();
        console.err(&sanitise(text.as_bytes()));
        if std::env::args_os().any(|word| word == "-vv") {
            let trace = std::backtrace::Backtrace::capture();
            if trace.status() == std::backtrace::BacktraceStatus::Captured {
                console.err(&trace.to_string());
            }
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses() {
        let well = |messages| Outcome {
            class: None,
            messages,
        };
        let failed = Outcome {
            class: Some(Class::Login),
            messages: 0,
        };
        for (outcome, no_mail, expected) in [
            (well(0), None, 0),
            (well(3), None, 0),
            (well(0), Some(1), 1),
            (well(3), Some(1), 0),
            (failed, Some(1), 77),
            (failed, None, 77),
        ] {
            assert_eq!(status(outcome, no_mail), expected);
        }
    }
}
