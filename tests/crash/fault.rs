//! Faults from outside: the program runs under strace, which ends it at a system call or makes the call fail, or
//! under a limit on the size of its files, which makes a write a short one. Nothing of it is in the program.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::popfetch::{Popfetch, Ran, Running};

/// Calls that change the world, wait for it or let go of something in it. What a kill leaves behind after one of them is
/// what it leaves behind before the next, so a kill before each is a kill after each too; `exit_group` is the last.
const CALLS: &str = "?open,?openat,?creat,?mkdir,?mkdirat,write,writev,pwrite64,?pwritev,fsync,fdatasync,?link,linkat,\
                     ?symlink,symlinkat,?rename,?renameat,renameat2,?unlink,unlinkat,ftruncate,fallocate,?chmod,fchmod,\
                     flock,fcntl,close,connect,sendto,sendmsg,recvfrom,read,pread64,?getdents64,?poll,ppoll,?pipe,pipe2,\
                     ?fork,?vfork,?clone,?clone3,wait4,waitid,?pidfd_send_signal,kill,exit_group";

/// Calls of those that change nothing.
const PASSIVE: [&str; 8] = [
    "fcntl",
    "getdents64",
    "poll",
    "ppoll",
    "pread64",
    "read",
    "recvfrom",
    "wait4",
];

/// Calls of those that a disk can refuse.
const DISK: [&str; 19] = [
    "open",
    "openat",
    "creat",
    "mkdir",
    "mkdirat",
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "link",
    "linkat",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "ftruncate",
    "fallocate",
    "getdents64",
];

/// One system call of a run: the `nth` of its name, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) nth: u32,
    /// As strace shows it.
    pub(crate) text: String,
}

impl Call {
    /// Whether it only looks, waits, or asks about a descriptor: what is there before it is there after it.
    pub(crate) fn is_passive(&self) -> bool {
        PASSIVE.contains(&self.name.as_str())
    }

    /// Whether a disk may refuse it.
    pub(crate) fn is_of_disk(&self) -> bool {
        DISK.contains(&self.name.as_str())
    }
}

/// What goes wrong in a run.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// SIGKILL before this call takes effect.
    Kill(Call),
    /// The call fails with this error; `lasting`: and every later one of its name.
    Refused {
        call: Call,
        error: &'static str,
        lasting: bool,
    },
    /// No file may grow beyond so many octets: the write that would is a short one. What comes behind it fails, or
    /// (`kills`) ends the program in the middle of what it was writing.
    Short { octets: u64, kills: bool },
}

impl Fault {
    /// A kill before the intents of a batch, or, for a command, before it is run.
    pub(crate) fn is_at_intents(&self) -> bool {
        let Self::Kill(Call { name, text, .. }) = self else {
            return false;
        };
        name == "write"
            && ["\\ni ", "\\nr ", "\"i ", "\"r "]
                .iter()
                .any(|line| text.contains(line))
            || name.starts_with("pipe")
    }

    /// Nothing can be written to stderr either.
    pub(crate) fn silences(&self) -> bool {
        matches!(self, Self::Refused { call, lasting: true, .. } if call.name == "write")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill(call) => {
                write!(f, "killed before {} {}: {}", call.name, call.nth, call.text)
            }
            Self::Refused {
                call,
                error,
                lasting,
            } => {
                let more = if *lasting { " and later" } else { "" };
                let Call { name, nth, text } = call;
                write!(f, "{error} for {name} {nth}{more}: {text}")
            }
            Self::Short { octets, kills } => {
                let end = if *kills { "ended" } else { "refused" };
                write!(f, "{end} beyond {octets} octets of a file")
            }
        }
    }
}

/// Runs the program with these injections of strace's; `log`: where the calls are written.
///
/// Without `-f`: a run of one account does all its work in the first thread, and commands that are run are not ours.
fn strace(popfetch: &Popfetch, calls: &str, injections: &[String], log: &Path) -> Ran {
    let mut words = vec!["strace".to_owned(), "-qq".to_owned(), "-y".to_owned()];
    words.extend(["-s", "100", "-e", "signal=none", "-o"].map(str::to_owned));
    words.push(log.to_str().unwrap().to_owned());
    words.push(format!("--trace={calls}"));
    words.extend(injections.iter().map(|it| format!("--inject={it}")));
    wrapped(popfetch, &words)
}

/// Runs the program behind other words of a command.
fn wrapped(popfetch: &Popfetch, words: &[String]) -> Ran {
    let plain = popfetch.command::<&str>([]);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    // `setsid popfetch`: what wraps goes before both.
    command.arg(plain.get_program()).args(plain.get_args());
    command.env_clear().current_dir(popfetch.home());
    for (key, value) in plain.get_envs() {
        command.env(key, value.unwrap_or_default());
    }
    command.env("TMPDIR", popfetch.path("spool"));
    command.stdin(std::process::Stdio::null());
    Running::start(&mut command).wait()
}

/// The calls of a whole run, from the first that touches the home folder's state; `always` are injections that go with
/// the way this run is made.
pub(crate) fn calls(popfetch: &Popfetch, always: &[String]) -> Vec<Call> {
    let log = popfetch.path("strace.log");
    let ran = strace(popfetch, CALLS, always, &log);
    assert!(ran.status.success(), "a run without fault failed: {ran:?}");
    let state = popfetch.state();
    let state = state.to_str().unwrap();
    let text = String::from_utf8_lossy(&fs::read(&log).unwrap()).into_owned();
    let mut counts = std::collections::HashMap::new();
    let mut found = Vec::new();
    for line in text.lines() {
        let Some((name, _)) = line.split_once('(') else {
            continue;
        };
        if !name
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || octet == b'_')
        {
            continue;
        }
        let nth = counts.entry(name.to_owned()).or_insert(0);
        *nth += 1;
        found.push(Call {
            name: name.to_owned(),
            nth: *nth,
            text: line.chars().take(240).collect(),
        });
    }
    // Before that nothing is touched that a kill could leave behind.
    let begin = found
        .iter()
        .position(|call| call.text.contains(state) || call.text.contains("/.local"))
        .expect("the state is looked at");
    found.split_off(begin)
}

/// Runs the program with this fault.
pub(crate) fn run(popfetch: &Popfetch, fault: &Fault, always: &[String]) -> Ran {
    match fault {
        Fault::Kill(call) => {
            let kill = format!("{}:signal=SIGKILL:when={}", call.name, call.nth);
            injected(popfetch, call, kill, always)
        }
        Fault::Refused {
            call,
            error,
            lasting,
        } => {
            let on = if *lasting { "+" } else { "" };
            let refuse = format!("{}:error={error}:when={}{on}", call.name, call.nth);
            injected(popfetch, call, refuse, always)
        }
        Fault::Short { octets, kills } => {
            let trap = if *kills { "" } else { "trap '' XFSZ; " };
            let script = format!("{trap}exec prlimit --fsize={octets}: -- \"$@\"");
            let words = ["sh", "-c", &script, "sh"].map(str::to_owned);
            wrapped(popfetch, &words)
        }
    }
}

/// Runs the program with an injection in every thread of it, each with a count of its own.
pub(crate) fn run_in_threads(popfetch: &Popfetch, call: &str, how: &str) -> Ran {
    let injection = format!("--inject={call}:{how}");
    in_threads(popfetch, call, Path::new("/dev/null"), &[&injection])
}

/// Runs the program, and writes down such calls of every thread of it.
pub(crate) fn watch_threads(popfetch: &Popfetch, call: &str, log: &Path) -> Ran {
    in_threads(popfetch, call, log, &[])
}

fn in_threads(popfetch: &Popfetch, call: &str, log: &Path, more: &[&str]) -> Ran {
    let trace = format!("--trace={call}");
    let log = log.to_str().unwrap();
    let words = [&["strace", "-f", "-qq", "-o", log, trace.as_str()], more].concat();
    wrapped(
        popfetch,
        &words
            .iter()
            .map(|&word| word.to_owned())
            .collect::<Vec<_>>(),
    )
}

fn injected(popfetch: &Popfetch, call: &Call, injection: String, always: &[String]) -> Ran {
    let mut all = vec![injection];
    let mut traced = call.name.clone();
    for more in always {
        let name = more.split(':').next().unwrap();
        if name != call.name {
            all.push(more.clone());
            traced.push(',');
            traced.push_str(name);
        }
    }
    strace(popfetch, &traced, &all, Path::new("/dev/null"))
}
