//! A namespace for one server: its own mounts and processes, gone with it to the last one.

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};
use std::{io, net, thread};

use tempfile::TempDir;

use crate::support::patience::PATIENCE;

/// A folder for a server, and the processes it has started there.
pub(crate) struct Namespace {
    /// What the folder is for, in messages.
    name: &'static str,
    folder: TempDir,
    init: Option<Child>,
}

impl Namespace {
    /// A folder that every user may enter.
    ///
    /// # Panics
    /// Without root.
    pub(crate) fn new(name: &'static str) -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "tests against real servers need root (for namespaces): run `tests/run` as root"
        );
        let folder = TempDir::with_prefix(format!("popfetch-{name}-")).unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        Self {
            name,
            folder,
            init: None,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A path as configuration files want it.
    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Starts a server: `mounts` first, then the command, which is to stay in the foreground.
    pub(crate) fn start(&mut self, mounts: &str, server: &str) {
        // The shell is the namespace's init: when its standard input ends (and it does, should this process be
        // killed), it ends, and the kernel ends all others.
        let script = format!(
            "mount -t proc proc /proc\n{mounts}\n\
             {{ {server} || true; echo 'the server has ended' >&2; touch \"$HERE/ended\"; }} </dev/null &\n\
             cat >/dev/null\n"
        );
        let options = ["--pid", "--fork", "--kill-child=KILL"];
        let mut command = unshare(self.folder.path(), &options, &script);
        command.stdin(Stdio::piped());
        self.init = Some(spawn(&mut command));
    }

    /// Waits until something listens on each port.
    ///
    /// # Panics
    /// When the server has ended, or does not come up in time; with its log.
    pub(crate) fn wait_for(&mut self, ports: &[u16]) {
        let deadline = Instant::now() + PATIENCE;
        for &port in ports {
            while let Err(error) = net::TcpStream::connect(("127.0.0.1", port)) {
                let init = self.init.as_mut().map(Child::try_wait);
                let ended = self.path("ended").exists() || !matches!(init, Some(Ok(None)));
                if ended || Instant::now() > deadline {
                    self.fail(&format!("port {port} does not answer: {error}"));
                }
                thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// # Panics
    /// Always; with the server's log.
    pub(crate) fn fail(&self, why: &str) -> ! {
        let log = fs::read(self.path("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        panic!("{} did not start: {why}; its log:\n{log}", self.name);
    }

    /// Runs a program to its end.
    ///
    /// # Panics
    /// When it fails; with what it said.
    pub(crate) fn run(&self, command: &mut Command, input: &str) -> String {
        let mut run = || -> io::Result<_> {
            let mut child = command
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()?;
            // It may have ended without reading.
            let _ = io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes());
            child.wait_with_output()
        };
        let output = run();
        let output = output.unwrap_or_else(|error| self.fail(&format!("{command:?}: {error}")));
        if !output.status.success() {
            self.fail(&format!("{command:?}: {output:?}"));
        }
        String::from_utf8(output.stdout).unwrap()
    }

    /// Gives a folder or file, and all in it, to a user.
    pub(crate) fn give(&self, path: &Path, user: u32, group: u32) {
        std::os::unix::fs::chown(path, Some(user), Some(group)).unwrap();
        if path.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                self.give(&entry.unwrap().path(), user, group);
            }
        }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let Some(mut init) = self.init.take() else {
            return;
        };
        drop(init.stdin.take());
        let deadline = Instant::now() + PATIENCE;
        while matches!(init.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        // Takes all along, by --kill-child.
        let _ = init.kill();
        let _ = init.wait();
    }
}

/// A shell script with mounts of its own. `$HERE` is the folder, and what is said goes to `log` there.
pub(crate) fn unshare(here: &Path, options: &[&str], script: &str) -> Command {
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(here.join("log"))
        .unwrap();
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--propagation", "private"])
        .args(options)
        .args(["sh", "-euc", script])
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C")
        .env("HERE", here)
        .current_dir(here)
        .stdout(log.try_clone().unwrap())
        .stderr(log);
    command
}

/// Starts what [`unshare`] gave.
pub(crate) fn spawn(command: &mut Command) -> Child {
    command
        .spawn()
        .unwrap_or_else(|error| panic!("`unshare` of util-linux is needed: {error}"))
}

/// A port that nothing listens on, and that no outgoing connection gets: below the ephemeral ones.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let step = NEXT.fetch_add(1, Ordering::SeqCst);
        let start = std::process::id() as u16 % 100 * 100;
        let port = 20_000 + (start + step) % 10_000;
        if net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A program that `tests/run` installs or unpacks.
///
/// # Panics
/// When it is not there.
pub(crate) fn need(path: &Path) -> &Path {
    assert!(
        path.exists(),
        "{} is missing: run `tests/run`, which installs it",
        path.display()
    );
    path
}

/// Where `tests/run` unpacks a package that cannot be installed beside the others.
pub(crate) fn unpacked(name: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    target.join("real").join(name)
}
