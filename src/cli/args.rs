//! The command line as it is written: options, commands, and the words that explain them.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{
    ArgAction, ArgMatches, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand,
    ValueHint,
};

use crate::config::{self, Overrides, Shard, Tls};
use crate::report::{Progress, Verbosity};
use crate::sasl::{Method, Preference};

/// Fetch mail from POP3 maildrops: once, whole, durable
///
/// Without a command, popfetch fetches new mail of all enabled accounts in its configuration file,
/// or of those named with -a, and delivers it into a Maildir, an mbox file or a mail delivery agent.
/// What was delivered is remembered and never fetched again.
#[derive(Debug, Parser)]
#[group(skip)]
#[command(
    name = "popfetch",
    version,
    max_term_width = 100,
    after_help = "\
Examples:
  popfetch                      fetch new mail of all accounts
  popfetch -a work              fetch from account work
  popfetch check                count what waits
  popfetch --host pop.example.org --user me --maildir ~/Mail
                                fetch without a configuration file

More: man popfetch, man popfetch.toml",
    override_usage = "popfetch [fetch] [OPTIONS]\n       popfetch <COMMAND> [OPTIONS] [NAME]..."
)]
pub struct Cli {
    /// Options of the fetch that is meant without a command.
    #[command(flatten)]
    pub fetch: Fetch,
    /// An account's keys.
    #[command(flatten)]
    pub server: Server,
    /// Options of every command.
    #[command(flatten)]
    pub everywhere: Everywhere,
    /// The command; fetch when there is none.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options of every command, before or after its name.
#[derive(Debug, Clone, Default, Args)]
#[group(skip)]
#[command(next_help_heading = "Options everywhere")]
pub struct Everywhere {
    /// Read this configuration file, not $POPFETCH_CONFIG nor the platform's
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// This account; can be given several times
    #[arg(short = 'a', long = "account", value_name = "NAME")]
    pub accounts: Vec<String>,
    /// Say nothing but problems, and not those that pass by themselves; never ask for a password
    #[arg(short, long)]
    pub quiet: bool,
    /// Say more: -v a line for each message, -vv commands and status lines, secrets masked
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,
    /// Draw progress bars: auto (on a terminal), always or never
    #[arg(long, value_name = "WHEN", hide_possible_values = true,
          value_parser = PossibleValuesParser::new(["auto", "always", "never"]).map(|when| progress(&when)))]
    pub progress: Option<Progress>,
    /// Answer in JSON, an object a line on standard output
    #[arg(long)]
    pub json: bool,
}

/// An account's keys: in place of a configuration, or over that of the accounts named with -a.
#[derive(Debug, Clone, Default, Args)]
#[group(skip)]
#[command(next_help_heading = "Account options (in place of a configuration, or over its keys)")]
pub struct Server {
    /// The POP3 server
    #[arg(long, value_name = "HOST", value_hint = ValueHint::Hostname)]
    pub host: Option<String>,
    /// Its TCP port (default: 995 with implicit TLS, else 110)
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// The user on it
    #[arg(long, value_name = "USER", value_hint = ValueHint::Username)]
    pub user: Option<String>,
    /// TLS: implicit (from the first octet, the default), stls (required) or none
    #[arg(long, value_name = "MODE", hide_possible_values = true,
          value_parser = PossibleValuesParser::new(["implicit", "stls", "none"]).map(|mode| tls(&mode)))]
    pub tls: Option<Tls>,
    /// Login methods in order of preference, with commas between them: auto, or scram-sha-256, plain, user, ...
    #[arg(long, value_name = "METHODS", value_parser = preference)]
    pub auth: Option<Preference>,
    /// Shell command whose first line of output is the password
    #[arg(long, value_name = "COMMAND", value_hint = ValueHint::CommandString)]
    pub password_command: Option<String>,
}

/// Options of fetch alone.
#[derive(Debug, Clone, Default, Args)]
#[group(skip)]
#[command(next_help_heading = "Fetch options")]
pub struct Fetch {
    /// Leave delivered mail on the server
    #[arg(short, long, conflicts_with = "no_keep")]
    pub keep: bool,
    /// Delete mail from the server once it is delivered
    #[arg(long)]
    pub no_keep: bool,
    /// Fetch everything on the server, what was delivered before too
    #[arg(long)]
    pub all: bool,
    /// Fetch at most so many messages from each account
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// Skip larger messages, and leave them on the server: 500k, 20M, 1G
    #[arg(long, value_name = "SIZE", value_parser = config::parse_size)]
    pub max_size: Option<u64>,
    /// Say what would be done; write and delete nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// Work on so many accounts at once (default: 8)
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Fetch from the accounts of part K, counted from 0, of N: each account falls to exactly one part by its name
    #[arg(long, value_name = "K/N")]
    pub shard: Option<Shard>,
    /// Fetch a maildrop whose unique-ids are all new although it should be known, instead of holding it
    #[arg(long)]
    pub accept_new_uids: bool,
    /// Exit with this status when all is well and there was no new mail
    #[arg(long, value_name = "N")]
    pub no_mail_exit: Option<u8>,
    /// Deliver into this Maildir
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with_all = ["mbox", "mda"])]
    pub maildir: Option<PathBuf>,
    /// Deliver into this mbox file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "mda")]
    pub mbox: Option<PathBuf>,
    /// Deliver through this shell command, one message each on its standard input
    #[arg(long, value_name = "COMMAND", value_hint = ValueHint::CommandString)]
    pub mda: Option<String>,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Fetch new mail (also without the word)
    ///
    /// New mail of the accounts is fetched, delivered, remembered, and deleted from the server where
    /// `keep` says so: of all enabled accounts when none is named.
    Fetch {
        /// Accounts to fetch from
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// Its own options.
        #[command(flatten)]
        fetch: Box<Fetch>,
        /// Where.
        #[command(flatten)]
        common: Common,
    },
    /// Count what waits: new and all messages, and their octets
    ///
    /// Nothing is downloaded and nothing written.
    Check {
        /// Accounts to look at
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// Exit with this status when all is well and there is no new mail
        #[arg(long, value_name = "N")]
        no_mail_exit: Option<u8>,
        /// Where.
        #[command(flatten)]
        common: Common,
    },
    /// List what is on the server: number, size, date, from, subject
    ///
    /// The first column is N for new, S for seen, ! for set aside after failures. Headers are read by
    /// TOP; nothing is marked, written or deleted.
    List {
        /// Accounts to list
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// Where.
        #[command(flatten)]
        common: Common,
    },
    /// Show what a server is like: greeting, TLS, certificate, capabilities, login methods
    ///
    /// With the certificate come the lines that pin it in the configuration, ready to paste.
    Info {
        /// Accounts whose servers to ask
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// Where.
        #[command(flatten)]
        common: Common,
    },
    /// Show and change the memory of unique-ids
    #[command(subcommand)]
    Seen(Seen),
    /// Find and check the configuration file
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// What every command that speaks of accounts takes.
#[derive(Debug, Clone, Default, Args)]
#[group(skip)]
pub struct Common {
    /// An account's keys.
    #[command(flatten)]
    pub server: Server,
    /// Options of every command.
    #[command(flatten)]
    pub everywhere: Everywhere,
}

/// `seen`.
#[derive(Debug, Subcommand)]
pub enum Seen {
    /// Show each unique-id remembered, when it was dealt with, and how
    Show {
        /// Accounts to show
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// Where.
        #[command(flatten)]
        common: Common,
    },
    /// Take messages for seen: they are not fetched, and never deleted
    ///
    /// Without unique-ids, all that is on the server now. With -a, or --host, NAME is left out.
    #[command(override_usage = "popfetch seen mark [OPTIONS] NAME [UID]...")]
    Mark {
        /// The account, then unique-ids as `seen show` and `list --json` write them
        #[arg(value_names = ["NAME", "UID"], num_args = 0..)]
        words: Vec<String>,
        /// They are safe elsewhere: delete them from the server as `keep` says
        #[arg(long)]
        delivered: bool,
        /// Where.
        #[command(flatten)]
        common: Common,
    },
    /// Forget messages: they are fetched again if they are on the server
    ///
    /// With -a, or --host, NAME is left out.
    #[command(
        override_usage = "popfetch seen forget [OPTIONS] NAME UID...\n       popfetch seen forget [OPTIONS] --all NAME"
    )]
    Forget {
        /// The account, then unique-ids as `seen show` and `list --json` write them
        #[arg(value_names = ["NAME", "UID"], num_args = 0..)]
        words: Vec<String>,
        /// Forget all of the account's messages
        #[arg(long)]
        all: bool,
        /// Where.
        #[command(flatten)]
        common: Common,
    },
}

/// `config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print where the configuration file is looked for
    Path {
        /// Print the folder of the journals instead
        #[arg(long)]
        state: bool,
        /// Options of every command.
        #[command(flatten)]
        everywhere: Everywhere,
    },
    /// Check the configuration file
    Check {
        /// Options of every command.
        #[command(flatten)]
        everywhere: Everywhere,
    },
}

/// `generate`, for those who build packages: hidden, and not in the completions it writes.
#[derive(Debug, Subcommand)]
pub enum Generate {
    /// popfetch.1 and popfetch.toml.5
    Man {
        /// Where to
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        folder: PathBuf,
    },
    /// For bash, zsh, fish and PowerShell
    Completions {
        /// Where to
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        folder: PathBuf,
    },
}

/// A command line understood: what stood before the command and what stood after it, taken together.
#[derive(Debug)]
pub struct Invocation {
    /// Options of every command.
    pub everywhere: Everywhere,
    /// An account's keys.
    pub server: Server,
    /// What to do.
    pub request: Request,
}

/// What to do.
#[derive(Debug)]
pub enum Request {
    /// Fetch.
    Fetch(Box<Fetch>),
    /// Check.
    Check {
        /// Exit status when there is no new mail.
        no_mail_exit: Option<u8>,
    },
    /// List.
    List,
    /// Info.
    Info,
    /// Show the memory.
    SeenShow,
    /// Mark as seen.
    SeenMark {
        /// NAME and unique-ids.
        words: Vec<String>,
        /// Safe elsewhere.
        delivered: bool,
    },
    /// Forget.
    SeenForget {
        /// NAME and unique-ids.
        words: Vec<String>,
        /// Everything.
        all: bool,
    },
    /// Print a path.
    ConfigPath {
        /// That of the journals.
        state: bool,
    },
    /// Check the configuration.
    ConfigCheck,
    /// Write manual pages or completions.
    Generate(Generate),
}

const GENERATE: &str = "generate";

/// Understands a command line, the program's name first.
///
/// # Errors
/// What is wrong with it, or `--help` and `--version`, which come as clap's errors too.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Invocation, clap::Error> {
    let generate = clap::Command::new(GENERATE)
        .about("Write manual pages or shell completions")
        .hide(true);
    let mut command = Cli::command().subcommand(Generate::augment_subcommands(generate));
    let matches = command
        .try_get_matches_from_mut(words)
        .map_err(not_a_command)?;
    check_sides(&command, &matches)?;
    if let Some((GENERATE, inner)) = matches.subcommand() {
        return Ok(Invocation {
            everywhere: Everywhere::default(),
            server: Server::default(),
            request: Request::Generate(Generate::from_arg_matches(inner)?),
        });
    }
    let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    let invocation = Invocation::of(cli);
    if invocation.everywhere.quiet && invocation.everywhere.verbose > 0 {
        return Err(command.error(
            ErrorKind::ArgumentConflict,
            "--quiet and --verbose cannot be used together",
        ));
    }
    Ok(invocation)
}

/// `popfetch work`: says how to name an account.
fn not_a_command(error: clap::Error) -> clap::Error {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return error;
    }
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else {
        return error;
    };
    // `seen` and its like have commands of their own, and no accounts.
    let at_top = matches!(error.get(ContextKind::Usage), Some(ContextValue::StyledStr(usage))
        if usage.to_string().contains("popfetch [fetch]"));
    if !at_top {
        return error;
    }
    let fetch = format!("to fetch from account {word}: popfetch -a {word}");
    let text = match error.get(ContextKind::SuggestedSubcommand) {
        Some(ContextValue::Strings(similar)) if !similar.is_empty() => {
            format!(
                "{word} is no command; did you mean {}? ({fetch})\n",
                similar.join(" or ")
            )
        }
        _ => format!("{fetch}\n"),
    };
    clap::Error::raw(ErrorKind::InvalidSubcommand, text)
}

/// Options before the command: those of every command may stand there, unless they stand behind it too;
/// fetch's own belong to fetch without its word, or behind it.
fn check_sides(command: &clap::Command, matches: &ArgMatches) -> Result<(), clap::Error> {
    let (mut path, mut after, mut called) = (Vec::new(), matches, command);
    while let Some((name, inner)) = after.subcommand() {
        let Some(found) = called.find_subcommand(name) else {
            break;
        };
        path.push(name);
        (after, called) = (inner, found);
    }
    if path.is_empty() {
        return Ok(());
    }
    let path = path.join(" ");
    let of_fetch = Fetch::augment_args(clap::Command::new("fetch"));
    let has =
        |command: &clap::Command, id: &str| command.get_arguments().any(|arg| arg.get_id() == id);
    for id in given(matches) {
        let option = option_name(command, id);
        let message = match (has(&of_fetch, id), has(called, id)) {
            (true, true) => {
                format!("{option} belongs behind the command: popfetch {path} {option}")
            }
            (true, false) => format!("{option} is an option of fetch, not of {path}"),
            (false, false) => format!("{option} is no option of {path}"),
            (false, true) if given(after).any(|other| other == id) => {
                format!("{option} stands before and after {path}: let it stand on one side")
            }
            (false, true) => continue,
        };
        return Err(clap::Error::raw(
            ErrorKind::ArgumentConflict,
            format!("{message}\n"),
        ));
    }
    Ok(())
}

/// The ids of what was given on the command line at this level.
fn given(matches: &ArgMatches) -> impl Iterator<Item = &str> {
    let written = |id: &&str| matches.value_source(id) == Some(ValueSource::CommandLine);
    matches.ids().map(clap::Id::as_str).filter(written)
}

fn option_name(command: &clap::Command, id: &str) -> String {
    let arg = command.get_arguments().find(|arg| arg.get_id() == id);
    match arg.and_then(clap::Arg::get_long) {
        Some(long) => format!("--{long}"),
        None => id.to_owned(),
    }
}

impl Invocation {
    fn of(cli: Cli) -> Self {
        let Cli {
            mut everywhere,
            mut server,
            fetch,
            command,
        } = cli;
        let mut after = |names: Vec<String>, common: Common| {
            everywhere = everywhere.clone().and(common.everywhere);
            everywhere.accounts.extend(names);
            server = server.clone().and(common.server);
        };
        let request = match command {
            None => Request::Fetch(Box::new(fetch)),
            Some(Command::Fetch {
                names,
                fetch,
                common,
            }) => {
                after(names, common);
                Request::Fetch(fetch)
            }
            Some(Command::Check {
                names,
                no_mail_exit,
                common,
            }) => {
                after(names, common);
                Request::Check { no_mail_exit }
            }
            Some(Command::List { names, common }) => {
                after(names, common);
                Request::List
            }
            Some(Command::Info { names, common }) => {
                after(names, common);
                Request::Info
            }
            Some(Command::Seen(Seen::Show { names, common })) => {
                after(names, common);
                Request::SeenShow
            }
            Some(Command::Seen(Seen::Mark {
                words,
                delivered,
                common,
            })) => {
                after(Vec::new(), common);
                Request::SeenMark { words, delivered }
            }
            Some(Command::Seen(Seen::Forget { words, all, common })) => {
                after(Vec::new(), common);
                Request::SeenForget { words, all }
            }
            Some(Command::Config(ConfigCommand::Path {
                state,
                everywhere: behind,
            })) => {
                everywhere = everywhere.and(behind);
                Request::ConfigPath { state }
            }
            Some(Command::Config(ConfigCommand::Check { everywhere: behind })) => {
                everywhere = everywhere.and(behind);
                Request::ConfigCheck
            }
        };
        Self {
            everywhere,
            server,
            request,
        }
    }
}

impl Everywhere {
    /// Both sides of the command; no option stands on both.
    fn and(mut self, other: Self) -> Self {
        self.accounts.extend(other.accounts);
        Self {
            config: self.config.or(other.config),
            accounts: self.accounts,
            quiet: self.quiet || other.quiet,
            verbose: self.verbose.max(other.verbose),
            progress: self.progress.or(other.progress),
            json: self.json || other.json,
        }
    }

    /// How much is to be said.
    pub fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, 1) => Verbosity::Verbose,
            (false, _) => Verbosity::Protocol,
        }
    }
}

impl Server {
    fn and(self, other: Self) -> Self {
        Self {
            host: self.host.or(other.host),
            port: self.port.or(other.port),
            user: self.user.or(other.user),
            tls: self.tls.or(other.tls),
            auth: self.auth.or(other.auth),
            password_command: self.password_command.or(other.password_command),
        }
    }

    /// What an account's keys are to be instead; `fetch`: its options, where it is a fetch.
    pub fn overrides(&self, fetch: Option<&Fetch>) -> Overrides {
        let mut overrides = Overrides {
            host: self.host.clone(),
            port: self.port,
            user: self.user.clone(),
            tls: self.tls,
            auth: self.auth.clone(),
            password_command: self.password_command.clone(),
            ..Overrides::default()
        };
        if let Some(fetch) = fetch {
            overrides.maildir.clone_from(&fetch.maildir);
            overrides.mbox.clone_from(&fetch.mbox);
            overrides.mda.clone_from(&fetch.mda);
            overrides.max_size = fetch.max_size;
            overrides.keep = match (fetch.keep, fetch.no_keep) {
                (true, _) => Some(true),
                (_, true) => Some(false),
                _ => None,
            };
        }
        overrides
    }
}

fn progress(when: &str) -> Progress {
    match when {
        "always" => Progress::Always,
        "never" => Progress::Never,
        _ => Progress::Auto,
    }
}

fn tls(mode: &str) -> Tls {
    match mode {
        "stls" => Tls::Stls,
        "none" => Tls::None,
        _ => Tls::Implicit,
    }
}

fn preference(words: &str) -> Result<Preference, String> {
    if words == "auto" {
        return Ok(Preference::Auto);
    }
    let methods: Result<Vec<Method>, String> =
        words.split(',').map(|word| word.trim().parse()).collect();
    methods.map(Preference::List)
}
