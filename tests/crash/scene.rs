//! A home, a maildrop and a destination, and the count of what is where after something went wrong.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use crate::support::mailbox;
use crate::support::maildrop::Message;
use crate::support::patience::until;
use crate::support::popfetch::{Account, Popfetch, Ran};
use crate::support::server::Server;

/// Where mail goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Maildir,
    /// A Maildir where the kernel has no renameat2: by link and unlink.
    MaildirByLinks,
    Mbox,
    Mda,
}

/// A way to run the program that is swept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scene {
    pub(crate) kind: Kind,
    pub(crate) keep: bool,
    /// Not the first run: there is a memory, and mail.
    pub(crate) later: bool,
}

impl Scene {
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for kind in [Kind::Maildir, Kind::MaildirByLinks, Kind::Mbox, Kind::Mda] {
            for (keep, later) in [(true, false), (false, false), (true, true), (false, true)] {
                all.push(Self { kind, keep, later });
            }
        }
        all
    }

    /// Injections that belong to every run in it.
    pub(crate) fn always(&self) -> Vec<String> {
        match self.kind {
            Kind::MaildirByLinks => vec!["renameat2:error=ENOSYS".to_owned()],
            _ => Vec::new(),
        }
    }
}

impl std::fmt::Display for Scene {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.kind {
            Kind::Maildir => "Maildir",
            Kind::MaildirByLinks => "Maildir by link and unlink",
            Kind::Mbox => "mbox",
            Kind::Mda => "MDA",
        };
        let keep = if self.keep { "keep" } else { "delete" };
        let run = if self.later { "later run" } else { "first run" };
        write!(f, "{kind}, {keep}, {run}")
    }
}

/// What is wrong after a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Count {
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    /// Pieces of messages, and what was never sent.
    pub(crate) torn: u64,
}

/// A scene set up.
pub(crate) struct Stage {
    pub(crate) scene: Scene,
    pub(crate) popfetch: Popfetch,
    pub(crate) server: Server,
    /// Every message there ever was, as it is on disk.
    texts: Vec<Vec<u8>>,
}

/// Messages that are there from the beginning.
const FIRST: u32 = 2;
/// Messages that are there in the end.
const ALL: u32 = 5;
/// The one that takes several writes, and in a later run more than is held in memory.
const LARGE: u32 = 4;

/// A message whole in a file of its own; a limit on the size of our files is not for it.
const COMMAND: &str = "ulimit -S -f unlimited; cat >part.$$ && mv part.$$ out/$POPFETCH_UID.$$";

fn message(number: u32, scene: Scene) -> Message {
    if number != LARGE {
        return Message::numbered(number);
    }
    let head = format!(
        "Return-Path: <sender@example.test>\nFrom: Sender <sender@example.test>\nSubject: message {number}\n\
         Message-ID: <m{number}@example.test>\n\nFrom here on\n"
    );
    let lines = match scene {
        // More than an mbox's batch has in memory; and what a pipe holds only when it is asked to.
        Scene {
            later: true,
            kind: Kind::Mbox,
            ..
        } => 33_000,
        Scene {
            later: true,
            kind: Kind::Mda,
            ..
        } => 15_000,
        _ => 2_500,
    };
    Message::repeated(format!("uid-{number}"), &head, &"0".repeat(62), lines)
}

impl Stage {
    /// A home and a server with its messages.
    pub(crate) fn set(scene: Scene) -> Self {
        let mut stage = Self::empty(scene);
        stage.fill();
        stage
    }

    /// A home, and a server without messages.
    pub(crate) fn empty(scene: Scene) -> Self {
        let server = Server::start_with(|settings| settings.mechanisms.clear());
        let server = server.user("alice", "secret", []);
        let mut popfetch = Popfetch::new(env!("CARGO_BIN_EXE_popfetch"));
        let account = Account::in_clear(&server, "work", "alice", "secret").set("keep", scene.keep);
        let mail = popfetch.path("box/mail");
        let account = match scene.kind {
            Kind::Maildir | Kind::MaildirByLinks => account.maildir(&mail),
            Kind::Mbox => account.mbox(&mail),
            Kind::Mda => account.mda(&["/bin/sh", "-c", COMMAND]),
        };
        popfetch.account(account);
        for folder in ["box", "out", "spool"] {
            fs::create_dir(popfetch.path(folder)).unwrap();
        }
        Self {
            scene,
            popfetch,
            server,
            texts: Vec::new(),
        }
    }

    /// The messages; in a later run those that were fetched before, and the memory of them, too.
    pub(crate) fn fill(&mut self) {
        let mut all: Vec<Message> = (1..=ALL)
            .map(|number| message(number, self.scene))
            .collect();
        self.texts = all.iter().map(Message::on_disk).collect();
        if self.scene.later {
            let then = all.split_off(FIRST as usize);
            self.server.maildrop("alice", |drop| drop.extend(all));
            let ran = self.popfetch.run(&[]);
            assert!(ran.status.success(), "the run before failed: {ran:?}");
            self.grow_journal();
            all = then;
        }
        self.server.maildrop("alice", |drop| drop.extend(all));
    }

    /// So many messages more.
    pub(crate) fn add(&mut self, more: u32) {
        let messages: Vec<Message> = (ALL + 1..=ALL + more).map(Message::numbered).collect();
        self.texts.extend(messages.iter().map(Message::on_disk));
        self.server.maildrop("alice", |drop| drop.extend(messages));
    }

    /// A memory of what is long gone from the server, so that this run rewrites the journal.
    fn grow_journal(&self) {
        let journal = self.popfetch.state().join("work.journal");
        let mut text = fs::read_to_string(&journal).unwrap();
        for number in 0..2300 {
            let _ = writeln!(text, "s 1 - gone-{number}\na 1 gone-{number}");
        }
        text.push_str("=\n");
        fs::write(&journal, text).unwrap();
    }

    pub(crate) fn mail(&self) -> PathBuf {
        self.popfetch.path("box/mail")
    }

    /// How many messages there are.
    pub(crate) fn messages(&self) -> usize {
        self.texts.len()
    }

    /// The texts in the destination; `Err` when it cannot be read as what it is.
    pub(crate) fn delivered(&self) -> Result<Vec<Vec<u8>>, String> {
        let mail = self.mail();
        match self.scene.kind {
            Kind::Maildir | Kind::MaildirByLinks => {
                let new = mail.join("new");
                Ok(if new.exists() {
                    mailbox::maildir(&mail)
                } else {
                    Vec::new()
                })
            }
            Kind::Mbox => {
                let octets = fs::read(&mail).unwrap_or_default();
                let parsed = std::panic::catch_unwind(|| mailbox::parse_mbox(&octets));
                parsed
                    .map(|messages| messages.into_iter().map(|message| message.text).collect())
                    .map_err(|_| "the mbox is torn".to_owned())
            }
            Kind::Mda => {
                self.wait_for_orphans();
                let out = self.popfetch.path("out");
                let names = mailbox::folder(&out);
                let texts = names.iter().map(|name| fs::read(out.join(name)).unwrap());
                Ok(texts.collect())
            }
        }
    }

    /// A command that outlives a killed popfetch has its message, or not, when it has ended.
    fn wait_for_orphans(&self) {
        // It works where popfetch was started, from its first moment on.
        let home = self.popfetch.home().canonicalize().unwrap();
        until("no command is left", || {
            let mut processes = fs::read_dir("/proc").unwrap().flatten();
            !processes.any(|process| {
                let folder = fs::read_link(process.path().join("cwd"));
                folder.is_ok_and(|folder| folder == home)
            })
        });
    }

    /// What is lost, doubled, torn. `end`: all should have been delivered; else what is not there yet has to be on the
    /// server, or whole in the Maildir's tmp/.
    pub(crate) fn count(&self, end: bool) -> Result<Count, String> {
        self.server.settled();
        let listed = self.server.maildrop("alice", |drop| drop.uids());
        if !end && self.scene.kind == Kind::Mbox {
            return Ok(self.count_unsettled_mbox(&listed));
        }
        let delivered = self.delivered()?;
        let mut times: HashMap<&[u8], u64> = HashMap::new();
        for text in &delivered {
            *times.entry(text).or_default() += 1;
        }
        let mut count = Count::default();
        for (text, number) in self.texts.iter().zip(1..) {
            let times = times.remove(text.as_slice()).unwrap_or_default();
            let there = listed.contains(&format!("uid-{number}"));
            if times == 0 && (end || !there) {
                count.lost += 1;
            }
            count.doubled += times.saturating_sub(1);
        }
        count.torn = times.values().sum();
        Ok(count)
    }

    /// An mbox with a region that may be torn: what is not on the server has to be whole in it.
    fn count_unsettled_mbox(&self, listed: &[String]) -> Count {
        let octets = fs::read(self.mail()).unwrap_or_default();
        let lost = self.texts.iter().zip(1..).filter(|(text, number)| {
            // The only line that is quoted.
            let quoted = String::from_utf8_lossy(text).replace("\nFrom here on", "\n>From here on");
            !listed.contains(&format!("uid-{number}"))
                && memchr::memmem::find(&octets, quoted.as_bytes()).is_none()
        });
        Count {
            lost: lost.count() as u64,
            ..Count::default()
        }
    }

    /// After a run without fault: all well, all there, nothing left over.
    pub(crate) fn judge_end(&self, ran: &Ran) -> Vec<String> {
        let mut wrong = Vec::new();
        if ran.status.code() != Some(0) || !ran.stderr.is_empty() {
            wrong.push(format!("the last run: {} {:?}", ran.status, ran.stderr));
        }
        let left = self.server.maildrop("alice", |drop| drop.uids());
        let expected = if self.scene.keep { self.messages() } else { 0 };
        if left.len() != expected {
            wrong.push(format!("left on the server: {left:?}"));
        }
        let home = self.popfetch.home();
        let around = mailbox::folder(&self.popfetch.path("box"));
        for name in mailbox::folder(home).into_iter().chain(around) {
            let known = [
                "box",
                "mail",
                "out",
                "spool",
                "ca.pem",
                "strace.log",
                ".config",
                ".local",
            ];
            if !known.contains(&name.as_str()) {
                wrong.push(format!("left in the folder: {name}"));
            }
        }
        let mut empty = vec![self.popfetch.path("spool")];
        if matches!(self.scene.kind, Kind::Maildir | Kind::MaildirByLinks) {
            empty.extend([self.mail().join("tmp"), self.mail().join("cur")]);
        }
        for folder in empty {
            let names = if folder.exists() {
                mailbox::folder(&folder)
            } else {
                Vec::new()
            };
            if !names.is_empty() {
                wrong.push(format!("left in {}: {names:?}", folder.display()));
            }
        }
        let state = mailbox::folder(&self.popfetch.state());
        if state != ["work.journal", "work.journal.lock"] {
            wrong.push(format!("in the state folder: {state:?}"));
        }
        wrong
    }
}
