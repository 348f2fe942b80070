//! A command as the user configured it: words run as they are, or a line for `/bin/sh -c`.
//!
//! Not for: waiting, feeding or judging what it runs; that is for who runs it.
//! May import: nothing.

mod placeholder;

use std::path::Path;

/// A command: an array of words (no shell) or a string (`/bin/sh -c`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Run as it is; words may hold `%F %U %H %A %I %S %%`. Never empty. Checked by [`Command::words`].
    Words(Vec<String>),
    /// Run by `/bin/sh -c`; values come only through the environment. Checked by [`Command::shell`].
    Shell(String),
}

/// The values for `%F %U %H %A %I %S` and for `POPFETCH_SENDER` and its likes. Empty text where there is none.
#[derive(Debug, Clone, Default)]
pub struct Values<'a> {
    /// `%F`, `POPFETCH_SENDER`: the envelope sender.
    pub sender: &'a str,
    /// `%U`, `POPFETCH_USER`.
    pub user: &'a str,
    /// `%H`, `POPFETCH_HOST`.
    pub host: &'a str,
    /// `%A`, `POPFETCH_ACCOUNT`.
    pub account: &'a str,
    /// `%I`, `POPFETCH_UID`: the unique-id, escaped as in the journal. A `-` at its head is handed on as `%2D`,
    /// so that no server can put an option into a command line.
    pub uid: &'a str,
    /// `%S`, `POPFETCH_SIZE`: octets of the message as handed over.
    pub size: Option<u64>,
}

/// Why a configured command cannot be meant as written.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// An empty array or an empty string.
    #[error("a command cannot be empty")]
    Empty,
    /// `%x` that is none of ours.
    #[error("unknown placeholder {0} (known: %F %U %H %A %I %S, and %% for a percent sign)")]
    Placeholder(String),
    /// `%F` and its likes in a string that a shell would read. The second field is the environment variable
    /// that has the value.
    #[error(
        "{0} in a string would be read by the shell: write the command as an array, or use \"${1}\""
    )]
    InShell(String, &'static str),
}

impl Command {
    /// An array command, its placeholders checked; `~` in the first word is expanded with `home`.
    ///
    /// `~` stands for `home` alone or before a `/`; `~name`, or a home that is not UTF-8, stays as written.
    ///
    /// # Errors
    /// Empty (or with an empty first word), or an unknown placeholder.
    pub fn words(mut words: Vec<String>, home: Option<&Path>) -> Result<Self, Error> {
        let program = words.first_mut().filter(|word| !word.is_empty());
        let program = program.ok_or(Error::Empty)?;
        if let Some(rest) = program.strip_prefix('~')
            && (rest.is_empty() || rest.starts_with('/'))
            && let Some(home) = home.and_then(Path::to_str)
        {
            *program = home.replace('%', "%%") + rest;
        }
        words.iter().try_for_each(|word| placeholder::check(word))?;
        Ok(Self::Words(words))
    }

    /// A shell command.
    ///
    /// `%F` is refused anywhere in it, the other placeholders where they stand as a word of their own and the
    /// program before them is not `date`, `find` or `stat`, which have such letters themselves.
    ///
    /// # Errors
    /// Empty, or one of our placeholders in it.
    pub fn shell(line: String) -> Result<Self, Error> {
        if line.trim().is_empty() {
            return Err(Error::Empty);
        }
        placeholder::check_shell(&line)?;
        Ok(Self::Shell(line))
    }

    /// The process to spawn: words filled in, environment set; stdio is the caller's.
    pub fn prepare(&self, values: &Values<'_>) -> std::process::Command {
        let mut process = match self {
            Self::Words(words) => {
                let mut words = words.iter().map(|word| placeholder::fill(word, values));
                let mut process = std::process::Command::new(words.next().unwrap_or_default());
                process.args(words);
                process
            }
            Self::Shell(line) => {
                let mut process = std::process::Command::new("/bin/sh");
                process.args(["-c", line]);
                process
            }
        };
        process.envs(placeholder::environment(values));
        process
    }

    /// The program's name for messages: the first word, or `sh -c`.
    pub fn name(&self) -> &str {
        match self {
            Self::Words(words) => words.first().map_or("", String::as_str),
            Self::Shell(_) => "sh -c",
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    const VALUES: Values<'_> = Values {
        sender: "a@b.example",
        user: "me%F",
        host: "pop.example.org",
        account: "work",
        uid: "-rf%25",
        size: Some(1234),
    };

    fn words(words: &[&str]) -> Result<Command, Error> {
        let words = words.iter().map(|&word| word.to_owned()).collect();
        Command::words(words, Some(Path::new("/home/100%me")))
    }

    fn arguments(command: &Command) -> Vec<String> {
        let process = command.prepare(&VALUES);
        [process.get_program()]
            .into_iter()
            .chain(process.get_args())
            .map(|word| word.to_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn words_are_filled_in_once() {
        let command = words(&[
            "~/bin/mda",
            "-f",
            "%F",
            "%U@%H",
            "%A:%S",
            "%I",
            "x%%F",
            "a b",
        ]);
        assert_eq!(
            arguments(&command.unwrap()),
            [
                "/home/100%me/bin/mda",
                "-f",
                "a@b.example",
                "me%F@pop.example.org",
                "work:1234",
                "%2Drf%25",
                "x%F",
                "a b",
            ]
        );
    }

    #[test]
    fn only_a_leading_tilde_of_the_first_word_is_home() {
        assert_eq!(arguments(&words(&["~"]).unwrap()), ["/home/100%me"]);
        assert_eq!(arguments(&words(&["~root/x"]).unwrap()), ["~root/x"]);
        assert_eq!(arguments(&words(&["a", "~/x"]).unwrap()), ["a", "~/x"]);
        let homeless = Command::words(vec!["~/x".into()], None).unwrap();
        assert_eq!(arguments(&homeless), ["~/x"]);
    }

    #[test]
    fn values_are_in_the_environment() {
        let process = Command::shell("cat".into()).unwrap().prepare(&VALUES);
        let mut variables: Vec<_> = process
            .get_envs()
            .map(|(name, value)| (name.to_str().unwrap(), value.unwrap().to_str().unwrap()))
            .collect();
        variables.sort_unstable();
        assert_eq!(
            variables,
            [
                ("POPFETCH_ACCOUNT", "work"),
                ("POPFETCH_HOST", "pop.example.org"),
                ("POPFETCH_SENDER", "a@b.example"),
                ("POPFETCH_SIZE", "1234"),
                ("POPFETCH_UID", "%2Drf%25"),
                ("POPFETCH_USER", "me%F"),
            ]
        );
    }

    #[test]
    fn unknown_placeholders_are_named() {
        for (word, named) in [
            ("%T", "%T"),
            ("a%", "%"),
            ("%%%x", "%x"),
            ("%é", "%é"),
            ("%f", "%f"),
        ] {
            let error = words(&["mda", word]).unwrap_err();
            assert_eq!(error, Error::Placeholder(named.into()), "{word}");
        }
    }

    #[test]
    fn empty_commands_are_refused() {
        assert_eq!(words(&[]).unwrap_err(), Error::Empty);
        assert_eq!(words(&["", "x"]).unwrap_err(), Error::Empty);
        assert_eq!(Command::shell(" \n".into()).unwrap_err(), Error::Empty);
    }

    #[test]
    fn placeholders_in_a_shell_line() {
        for (line, refused) in [
            ("procmail -f %F -d me", Some("%F")),
            ("procmail -f%F", Some("%F")),
            ("cat > $(date +%F)", Some("%F")),
            ("printf %%F", None),
            ("mda -d %U", Some("%U")),
            ("mda -d \"%U\"", Some("%U")),
            ("mda --host='%H';true", Some("%H")),
            ("%A", Some("%A")),
            ("mda >%I", Some("%I")),
            ("date +%H; mda %S", Some("%S")),
            ("date +%H:%M:%S", None),
            ("/bin/date '+%d %H'", None),
            ("stat -c %U \"$HOME\"", None),
            ("pass show mail/100%Alice", None),
            ("printf %s x", None),
            ("update %H", Some("%H")),
            ("mda \"$POPFETCH_SENDER\"", None),
        ] {
            match (Command::shell(line.into()), refused) {
                (Ok(_), None) => {}
                (Err(Error::InShell(named, variable)), Some(refused)) => {
                    assert_eq!(named, refused, "{line}");
                    assert!(variable.starts_with("POPFETCH_"), "{line}");
                }
                (other, _) => panic!("{line}: {other:?}"),
            }
        }
    }

    #[test]
    fn the_message_says_how_to_write_it() {
        assert_eq!(
            Command::shell("x %F".into()).unwrap_err().to_string(),
            "%F in a string would be read by the shell: \
             write the command as an array, or use \"$POPFETCH_SENDER\""
        );
    }

    #[test]
    fn a_shell_runs_the_line() {
        let output = Command::shell("printf %s \"$POPFETCH_SENDER\"".into())
            .unwrap()
            .prepare(&VALUES)
            .output()
            .unwrap();
        assert_eq!(output.stdout, b"a@b.example");
    }

    #[test]
    fn names() {
        assert_eq!(words(&["mda", "x"]).unwrap().name(), "mda");
        assert_eq!(Command::shell("mda x".into()).unwrap().name(), "sh -c");
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_refused(text in "[%FUHA~/ é'\"=x]*") {
            if let Ok(command) = words(&["mda", &text]) {
                command.prepare(&VALUES);
            }
            let _ = Command::shell(text.clone());
            let escaped = text.replace('%', "%%");
            prop_assert_eq!(&arguments(&words(&["mda", &escaped]).unwrap())[1], &text);
        }
    }
}
