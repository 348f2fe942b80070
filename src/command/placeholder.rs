//! `%F %U %H %A %I %S %%` in a command's words, and why a shell line may not hold them.

use super::{Error, Values};

/// A placeholder's letter, and the environment variable with the same value.
const KNOWN: [(char, &str); 6] = [
    ('F', "POPFETCH_SENDER"),
    ('U', "POPFETCH_USER"),
    ('H', "POPFETCH_HOST"),
    ('A', "POPFETCH_ACCOUNT"),
    ('I', "POPFETCH_UID"),
    ('S', "POPFETCH_SIZE"),
];

/// Programs that give a meaning of their own to `%U` and its likes.
const FORMATTERS: [&str; 4] = ["date", "find", "gdate", "stat"];

/// Checks that a word holds no other `%x` than ours.
pub(super) fn check(word: &str) -> Result<(), Error> {
    let mut characters = word.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            continue;
        }
        let letter = characters.next();
        if letter != Some('%') && !KNOWN.iter().any(|(known, _)| letter == Some(*known)) {
            return Err(Error::Placeholder(
                ['%'].into_iter().chain(letter).collect(),
            ));
        }
    }
    Ok(())
}

/// Fills a checked word in, in one pass: a value's own `%` means nothing.
pub(super) fn fill(word: &str, values: &Values<'_>) -> String {
    let mut filled = String::with_capacity(word.len());
    let mut characters = word.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            filled.push(character);
            continue;
        }
        match characters.next() {
            Some('%') | None => filled.push('%'),
            Some(letter) => match value(letter, values) {
                Some(value) => filled.push_str(&value),
                None => filled.extend(['%', letter]),
            },
        }
    }
    filled
}

/// The environment variables a command gets.
pub(super) fn environment<'a>(
    values: &'a Values<'a>,
) -> impl Iterator<Item = (&'static str, String)> + 'a {
    KNOWN
        .iter()
        .filter_map(|(letter, variable)| Some((*variable, value(*letter, values)?)))
}

fn value(letter: char, values: &Values<'_>) -> Option<String> {
    Some(match letter {
        'F' => values.sender.to_owned(),
        'U' => values.user.to_owned(),
        'H' => values.host.to_owned(),
        'A' => values.account.to_owned(),
        // The server chose it: at the head of a word it must not look like an option. %2D is how
        // the journal would escape it.
        'I' => match values.uid.strip_prefix('-') {
            Some(rest) => format!("%2D{rest}"),
            None => values.uid.to_owned(),
        },
        'S' => values.size.map(|size| size.to_string()).unwrap_or_default(),
        _ => return None,
    })
}

/// Checks that a shell line holds none of our placeholders, which it would not get filled in.
///
/// `%F` is refused wherever it stands: it is the one that other fetchers fill in, and a sender written into a
/// shell line is an injection. The others are refused where they stand as a word of their own (`-d %U`,
/// `"%H"`, `--user=%U`); in `date +%H:%M`, or behind `date`, `find` or `stat`, they are those programs' own.
pub(super) fn check_shell(line: &str) -> Result<(), Error> {
    for (at, _) in line.match_indices('%') {
        let rest = &line[at + 1..];
        let Some((letter, variable)) = KNOWN.iter().find(|(known, _)| rest.starts_with(*known))
        else {
            continue;
        };
        let before = &line[..at];
        if *letter == 'F' && !before.ends_with('%')
            || stands_alone(before, &rest[1..]) && !formats(before)
        {
            return Err(Error::InShell(format!("%{letter}"), variable));
        }
    }
    Ok(())
}

fn stands_alone(before: &str, after: &str) -> bool {
    let edge = |character: char| character.is_whitespace() || "\"'".contains(character);
    before
        .chars()
        .next_back()
        .is_none_or(|character| edge(character) || "=<>({".contains(character))
        && after
            .chars()
            .next()
            .is_none_or(|character| edge(character) || ";|&<>)}".contains(character))
}

/// Whether the simple command that `before` ends in runs a program with such letters of its own.
fn formats(before: &str) -> bool {
    before
        .rsplit(|character| ";|&(`\n".contains(character))
        .next()
        .is_some_and(|command| {
            command.split_whitespace().any(|word| {
                let name = word.rsplit('/').next().unwrap_or(word);
                FORMATTERS.contains(&name)
            })
        })
}
