//! One run: a home of its own, the client, and whether everything has come.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::clients::{Client, Destination, Job};
use crate::launch::{self, Cost};

/// What a run delivers stays to the end of the work, for ext4 makes no file quickly where many were removed; unless it
/// is more than so many octets: then it is few files, and would fill the disk.
const KEPT: u64 = 512 << 20;

/// What all runs of a work share.
pub(crate) struct Bed {
    folder: TempDir,
    /// So far.
    runs: usize,
    /// Of those who have run before, where that counts.
    homes: HashMap<&'static str, PathBuf>,
    pub(crate) destination: Destination,
    pub(crate) port: u16,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) users: Vec<String>,
    pub(crate) keep: bool,
    /// Of all users together.
    pub(crate) messages: usize,
    /// On disk, at least.
    pub(crate) octets: u64,
}

impl Bed {
    /// One user with so many messages for a Maildir, all kept on the server.
    pub(crate) fn new(port: u16, messages: usize) -> Self {
        let folder = tempfile::Builder::new().prefix("peers").tempdir().unwrap();
        // Some deliver as another user where they are run by root.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        spread(folder.path());
        Self {
            folder,
            runs: 0,
            homes: HashMap::new(),
            destination: Destination::Maildir,
            port,
            ca: None,
            users: vec!["bench".to_owned()],
            keep: true,
            messages,
            octets: 0,
        }
    }

    /// A file beside the homes.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Fetches everything into a new place. `retrieved` says how many the server has sent since it was last asked,
    /// where it knows.
    pub(crate) fn fetch(
        &mut self,
        client: Client,
        retrieved: impl Fn() -> Option<usize>,
    ) -> Option<Cost> {
        let home = self.home(client);
        let cost = self.run(client, &home, self.messages, retrieved);
        if self.octets > KEPT {
            fs::remove_dir_all(home).unwrap();
        }
        cost
    }

    /// Looks for more where everything was fetched before.
    pub(crate) fn poll(
        &mut self,
        client: Client,
        retrieved: impl Fn() -> Option<usize>,
    ) -> Option<Cost> {
        if !self.homes.contains_key(client.name()) {
            let home = self.home(client);
            self.run(client, &home, self.messages, &retrieved)?;
            self.homes.insert(client.name(), home);
        }
        self.run(client, &self.homes[client.name()], 0, retrieved)
    }

    fn home(&mut self, client: Client) -> PathBuf {
        self.runs += 1;
        let home = self.path(&format!("{}.{}", self.runs, client.name()));
        let mail = mail(&home);
        let mut parts = vec![home.clone()];
        match self.destination {
            Destination::Mbox => {
                fs::create_dir(&home).unwrap();
                fs::write(&mail, "").unwrap();
                parts.push(mail);
            }
            _ => {
                for part in ["cur", "new", "tmp"] {
                    fs::create_dir_all(mail.join(part)).unwrap();
                    parts.push(mail.join(part));
                }
                parts.push(mail);
            }
        }
        if client.drops_root() {
            for part in parts {
                fs::set_permissions(part, fs::Permissions::from_mode(0o777)).unwrap();
            }
        }
        home
    }

    fn run(
        &self,
        client: Client,
        home: &Path,
        new: usize,
        retrieved: impl Fn() -> Option<usize>,
    ) -> Option<Cost> {
        let mail = mail(home);
        let words = client.command(&Job {
            home,
            destination: self.destination,
            mail: &mail,
            port: self.port,
            ca: self.ca.as_deref(),
            users: &self.users,
            keep: self.keep,
        });
        retrieved();
        // What the run before left to be written is not this one's.
        rustix::fs::sync();
        let home = home.display().to_string();
        let run = launch::run(&words, &[("HOME", &home), ("FETCHMAILHOME", &home)]);
        let fetched = retrieved().unwrap_or(new);
        let (there, octets) = match self.destination {
            Destination::Maildir => maildir(&mail.join("new")),
            Destination::Mbox => mbox(&mail),
            // It has taken all that the client has fetched, or the client fails.
            Destination::Command if run.status.success() => (fetched, self.octets),
            Destination::Command => (0, 0),
        };
        if there == self.messages && octets >= self.octets && fetched == new {
            return Some(run.cost);
        }
        eprintln!(
            "{}: {}, {fetched} of {new} fetched, {there} of {} delivered: {}",
            client.name(),
            run.status,
            self.messages,
            run.said
        );
        None
    }
}

/// Lets ext4 put each folder in here somewhere else on the disk, away from where files were just removed.
fn spread(folder: &Path) {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};

        let folder = fs::File::open(folder).unwrap();
        // Other file systems do not know it.
        let _ = ioctl_getflags(&folder)
            .and_then(|flags| ioctl_setflags(&folder, flags | IFlags::TOPDIR));
    }
    #[cfg(not(target_os = "linux"))]
    let _ = folder;
}

fn mail(home: &Path) -> PathBuf {
    home.join("mail")
}

/// Messages and octets in a folder.
fn maildir(new: &Path) -> (usize, u64) {
    let entries = fs::read_dir(new).into_iter().flatten().flatten();
    entries.fold((0, 0), |(count, octets), entry| {
        (
            count + 1,
            octets + entry.metadata().map_or(0, |it| it.len()),
        )
    })
}

/// Messages and octets in an mbox.
fn mbox(file: &Path) -> (usize, u64) {
    let octets = fs::read(file).unwrap_or_default();
    let first = usize::from(octets.starts_with(b"From "));
    let others = memchr::memmem::find_iter(&octets, b"\nFrom ").count();
    (first + others, octets.len() as u64)
}
