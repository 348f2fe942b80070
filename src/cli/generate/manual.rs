//! popfetch(1): options and commands from the definition, the rest by hand.

use clap::{Args as _, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use crate::cli::args::{Cli, Everywhere, Fetch, Server};

/// What stands before the commands, and after the options; already in the language of man(7).
const BEFORE: &str = include_str!("before.roff");
const AFTER: &str = include_str!("after.roff");

/// The page.
pub(super) fn page() -> String {
    let mut root = Cli::command();
    root.build();
    let mut page = title("POPFETCH", "1", "User Commands");
    page.push_str(BEFORE);
    page.push_str(".SH COMMANDS\n");
    for command in root
        .get_subcommands()
        .filter(|command| command.get_name() != "help")
    {
        if command.has_subcommands() {
            for inner in command
                .get_subcommands()
                .filter(|inner| inner.get_name() != "help")
            {
                page.push_str(&described(inner));
            }
        } else {
            page.push_str(&described(command));
        }
    }
    for augment in [
        Fetch::augment_args,
        Server::augment_args,
        Everywhere::augment_args,
    ] {
        let options = augment(clap::Command::new("popfetch").disable_help_flag(true));
        page.push_str(&options_of(options));
    }
    page.push_str(AFTER);
    page
}

/// What every page begins with; without a date, so that the same source makes the same page.
pub(super) fn title(name: &str, section: &str, manual: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    // An apostrophe that can be copied, by the name that the roff crate gives it.
    format!(
        ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n.TH {name} {section} \"\" \"popfetch {version}\" \"{manual}\"\n"
    )
}

/// A command: how it is called, what it does, and the options that are its own.
fn described(command: &clap::Command) -> String {
    let mut roff = Roff::default();
    let usage = command.clone().render_usage().to_string();
    let usage = usage
        .trim_start_matches("Usage: ")
        .replace(" [OPTIONS]", "");
    for form in usage.lines().map(str::trim) {
        roff.control("SS", [form]);
    }
    let about = command.get_long_about().or_else(|| command.get_about());
    for (i, paragraph) in about
        .map(ToString::to_string)
        .unwrap_or_default()
        .split("\n\n")
        .enumerate()
    {
        if i > 0 {
            roff.control("PP", []);
        }
        // A title becomes a sentence.
        let stop = if paragraph.ends_with('.') { "" } else { "." };
        roff.text(marked(&format!("{paragraph}{stop}")));
    }
    for arg in command.get_arguments() {
        if !own(arg) {
            continue;
        }
        roff.control("TP", []);
        let mut name = Vec::new();
        match arg.get_long() {
            Some(long) => name.push(bold(format!("--{long}"))),
            None => continue,
        }
        if arg.get_action().takes_values() {
            let values = arg.get_value_names().unwrap_or_default().join(" ");
            name.extend([roman(" "), italic(values)]);
        }
        roff.text(name);
        roff.text(marked(
            &arg.get_help().map(ToString::to_string).unwrap_or_default(),
        ));
    }
    roff.to_roff()
}

/// Options that other commands have too stand under a heading, and once in the page.
fn own(arg: &clap::Arg) -> bool {
    arg.get_help_heading().is_none() && arg.get_id() != "help" && !arg.is_positional()
}

/// A section with the options of one heading.
fn options_of(command: clap::Command) -> String {
    let mut octets = Vec::new();
    // Writing into memory does not fail.
    let _ = Man::new(command).render_options_section(&mut octets);
    let text = String::from_utf8_lossy(&octets);
    // Each section defines the apostrophe anew; the page has done so.
    let start = text.find(".SH").unwrap_or(0);
    // Values stand in italics, which is enough.
    text[start..]
        .replace("\\fI<", "\\fI")
        .replace(">\\fR", "\\fR")
}

/// Text whose words between backticks are typed as they stand.
pub(super) fn marked(text: &str) -> Vec<Inline> {
    let pieces = text.split('`').enumerate();
    pieces
        .map(|(i, piece)| match i % 2 {
            0 => roman(piece),
            _ => bold(piece),
        })
        .collect()
}
