//! Before the first delivery and without the server: the account's lock, its journal, and what a crash left open.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::event::{Event, Failure, Listener};
use super::failure;
use super::outcome::Class;
use crate::config::Account;
use crate::deliver::{self, Destination, Kind, Open, Settled, Target};
use crate::disk::{self, Lock};
use crate::state::{self, Identity, Journal, Line, OpenIntents};

/// An account whose lock is held and whose memory is true to the disk.
pub(super) struct Ready {
    pub(super) journal: Journal,
    _lock: Lock,
}

pub(super) fn identity(account: &Account) -> Identity {
    Identity {
        user: account.user.clone(),
        host: account.host.clone(),
    }
}

/// The word by which this account's files in a Maildir's tmp/ are told from others'.
pub(super) fn tag(account: &Account) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    let sum = Sha256::digest(account.journal.as_os_str().as_bytes());
    sum.iter()
        .take(4)
        .map(|octet| format!("{octet:02x}"))
        .collect()
}

/// Takes the account's lock, opens its journal and settles what a crash left.
pub(super) fn ready(
    account: &Account,
    configured: &[Account],
    now: i64,
    listener: &dyn Listener,
) -> Result<Ready, Failure> {
    let on_disk = |error: std::io::Error, act: &'static str, path: &Path| {
        failure::memory(&state::Error::Io {
            act,
            path: path.to_owned(),
            source: error,
        })
    };
    if let Some(folder) = account.journal.parent() {
        disk::create_dirs(folder)
            .map_err(|error| on_disk(error, "create the folder of", &account.journal))?;
    }
    let mut name = account.journal.clone().into_os_string();
    name.push(".lock");
    let path = Path::new(&name);
    let lock = Lock::acquire(path).map_err(|error| on_disk(error, "lock", path))?;
    let Some(lock) = lock else {
        return Err(Failure {
            quiet: true,
            ..failure::plain(
                Class::Temporary,
                "another popfetch is at work on this account",
            )
        });
    };
    take_over(account, configured)
        .map_err(|error| on_disk(error, "rename a journal to", &account.journal))?;
    let mut journal = Journal::open(&account.journal, &identity(account))
        .map_err(|error| failure::memory(&error))?;
    settle(account, &mut journal, now, listener)?;
    Ok(Ready {
        journal,
        _lock: lock,
    })
}

/// A renamed account takes over the journal that has its user and host and whose account is gone.
fn take_over(account: &Account, configured: &[Account]) -> std::io::Result<()> {
    if account.journal_named || account.journal.exists() {
        return Ok(());
    }
    let Some(folder) = account.journal.parent() else {
        return Ok(());
    };
    let taken: Vec<_> = configured
        .iter()
        .map(|other| other.journal.clone())
        .collect();
    if let Some(old) = state::find_renamed(folder, &identity(account), &taken) {
        disk::rename_new(&old, &account.journal)?;
        disk::flush_dir(folder)?;
    }
    Ok(())
}

/// The open intents of one destination, and where they stood in the journal.
struct Group {
    destination: Destination,
    intents: Vec<OpenIntents>,
}

fn settle(
    account: &Account,
    journal: &mut Journal,
    now: i64,
    listener: &dyn Listener,
) -> Result<(), Failure> {
    let mut groups: Vec<Group> = Vec::new();
    for intents in journal.memory().open() {
        match groups
            .iter_mut()
            .find(|group| group.destination == intents.destination)
        {
            Some(group) => group.intents.push(intents),
            None => groups.push(Group {
                destination: intents.destination.clone(),
                intents: vec![intents],
            }),
        }
    }
    // What else was left behind, files that no intent names yet or a lock, is where mail was delivered to last, or where
    // it goes now: a first run that was ended may have left no word of that.
    let last = journal.memory().destinations().last();
    let configured = match &account.target {
        Some(Target::Maildir(path)) => Some((Kind::Maildir, path)),
        Some(Target::Mbox { path, .. }) => Some((Kind::Mbox, path)),
        _ => None,
    };
    let last = last.map(|last| (last.kind, &last.path));
    for (kind, path) in last.into_iter().chain(configured) {
        if kind != Kind::Mda && !groups.iter().any(|group| group.destination.path == *path) {
            groups.push(Group {
                destination: Destination {
                    kind,
                    inode: 0,
                    path: path.clone(),
                },
                intents: Vec::new(),
            });
        }
    }
    let (mut delivered, mut undone) = (0, 0);
    for group in &groups {
        let open: Vec<Open> = group
            .intents
            .iter()
            .map(|intents| intents.open.clone())
            .collect();
        let settled = match deliver::settle(&group.destination, &tag(account), &open, now) {
            Ok(settled) => settled,
            // A folder that is gone or not mounted holds nothing to clear away; delivery will say so.
            Err(_) if open.is_empty() => continue,
            Err(error) => return Err(failure::delivery(&error)),
        };
        let mut lines = Vec::new();
        for (intents, verdicts) in group.intents.iter().zip(settled) {
            let open = intents.closed.iter().zip(&intents.messages).zip(verdicts);
            // Of a region the journal may have outcomes for some messages already.
            for ((_, (print, uid)), verdict) in open.filter(|((closed, _), _)| !**closed) {
                lines.push(match verdict {
                    Settled::Delivered => {
                        delivered += 1;
                        Line::Delivered {
                            time: now,
                            print: *print,
                            uid,
                        }
                    }
                    Settled::Undone => {
                        undone += 1;
                        Line::Undone { uid }
                    }
                });
            }
        }
        if !lines.is_empty() {
            journal
                .append(&lines)
                .and_then(|()| journal.flush())
                .map_err(|error| failure::memory(&error))?;
        }
    }
    if delivered + undone > 0 {
        listener.event(&account.name, Event::Settled { delivered, undone });
    }
    Ok(())
}
