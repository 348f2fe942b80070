//! The popfetch program, run as a user would run it, in a home of its own.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use toml::{Table, Value};

use super::patience::PATIENCE;
use super::server::Server;
use super::terminal::Terminal;
use super::tls::Authority;

/// The program with a home folder, a configuration and a place for mail; all gone when dropped.
pub struct Popfetch {
    program: PathBuf,
    home: TempDir,
    config: Table,
}

/// What a run brought.
#[derive(Debug)]
pub struct Ran {
    /// How it ended.
    pub status: ExitStatus,
    /// Its answer.
    pub stdout: String,
    /// All else it said.
    pub stderr: String,
}

/// A run that lasts.
pub struct Running {
    child: Child,
    stdout: JoinHandle<Vec<u8>>,
    stderr: JoinHandle<Vec<u8>>,
}

/// An account of the configuration file.
#[derive(Debug, Clone)]
pub struct Account {
    name: String,
    keys: Table,
}

impl Account {
    /// An account with its required keys.
    pub fn new(name: &str, host: &str, user: &str) -> Self {
        let account = Self {
            name: name.to_owned(),
            keys: Table::new(),
        };
        account.set("host", host).set("user", user)
    }

    /// An account on the honest server, by implicit TLS and the address 127.0.0.1.
    pub fn on(server: &Server, name: &str, user: &str, password: &str) -> Self {
        Self::new(name, "127.0.0.1", user)
            .set("port", i64::from(server.tls_port()))
            .set("password", password)
    }

    /// An account on the honest server without TLS, where the password may go in clear.
    pub fn in_clear(server: &Server, name: &str, user: &str, password: &str) -> Self {
        Self::on(server, name, user, password)
            .set("port", i64::from(server.port()))
            .set("tls", "none")
            .set("allow_cleartext", true)
    }

    /// A key more, or in place of another.
    pub fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.keys.insert(key.to_owned(), value.into());
        self
    }

    /// Without a key that was set.
    pub fn without(mut self, key: &str) -> Self {
        self.keys.remove(key);
        self
    }

    /// Delivers to a Maildir.
    pub fn maildir(self, path: &Path) -> Self {
        self.deliver("maildir", path.to_str().unwrap())
    }

    /// Delivers to an mbox.
    pub fn mbox(self, path: &Path) -> Self {
        self.deliver("mbox", path.to_str().unwrap())
    }

    /// Delivers through a command.
    pub fn mda(self, words: &[&str]) -> Self {
        let words: Vec<Value> = words.iter().map(|&word| word.into()).collect();
        self.deliver("mda", words)
    }

    fn deliver(self, kind: &str, value: impl Into<Value>) -> Self {
        let mut deliver = Table::new();
        deliver.insert(kind.to_owned(), value.into());
        self.set("deliver", deliver)
    }
}

impl Popfetch {
    /// The program at this path (`env!("CARGO_BIN_EXE_popfetch")`), in a new home.
    pub fn new(program: impl AsRef<Path>) -> Self {
        let home = TempDir::with_prefix("popfetch-test-").unwrap();
        let this = Self {
            program: program.as_ref().to_owned(),
            home,
            config: Table::new(),
        };
        Authority::shared().write(&this.ca());
        this
    }

    /// The home folder.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// A path in the home folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home().join(name)
    }

    /// The CA certificate of the servers in this process.
    pub fn ca(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// The configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.path(".config/popfetch/config.toml")
    }

    /// The state folder.
    pub fn state(&self) -> PathBuf {
        self.path(".local/state/popfetch")
    }

    /// Writes the configuration anew with an account more, or with this one in place of its namesake.
    /// The servers' CA is trusted unless the account says otherwise.
    pub fn account(&mut self, account: Account) -> &mut Self {
        let mut keys = account.keys;
        let trusts = ["tls_ca_file", "tls_fingerprint"];
        let clear = keys
            .get("tls")
            .is_some_and(|tls| tls.as_str() == Some("none"));
        if !clear && !trusts.iter().any(|key| keys.contains_key(*key)) {
            let ca = self.ca().to_str().unwrap().to_owned();
            keys.insert("tls_ca_file".to_owned(), ca.into());
        }
        let accounts = self.config.entry("accounts").or_insert(Table::new().into());
        let accounts = accounts.as_table_mut().unwrap();
        accounts.insert(account.name, keys.into());
        self.write_config(&self.config.to_string());
        self
    }

    /// Writes the configuration anew with a key more in `[defaults]`.
    pub fn default(&mut self, key: &str, value: impl Into<Value>) -> &mut Self {
        let defaults = self.config.entry("defaults").or_insert(Table::new().into());
        let defaults = defaults.as_table_mut().unwrap();
        defaults.insert(key.to_owned(), value.into());
        self.write_config(&self.config.to_string());
        self
    }

    /// Writes a configuration as it is given, for its owner's eyes only.
    pub fn write_config(&self, text: &str) {
        let path = self.config_file();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    }

    /// The command, ready to run: nothing of our environment, no terminal.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        // In a session of its own it has no controlling terminal to ask for a password on.
        let mut command = if Path::new("/usr/bin/setsid").exists() {
            let mut setsid = Command::new("/usr/bin/setsid");
            setsid.arg(&self.program);
            setsid
        } else {
            Command::new(&self.program)
        };
        let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
        command
            .args(arguments)
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.home())
            .env("XDG_CONFIG_HOME", self.path(".config"))
            .env("XDG_STATE_HOME", self.path(".local/state"))
            // Where there is no XDG, the platform's folder would be another.
            .env("POPFETCH_CONFIG", self.config_file())
            .env("LC_ALL", "C")
            .current_dir(self.home())
            .stdin(Stdio::null());
        command
    }

    /// Starts it on a terminal of its own.
    pub fn on_terminal(&self, arguments: &[&str]) -> Terminal {
        let plain = self.command(arguments);
        let mut command = Command::new("/usr/bin/setsid");
        command.arg("--ctty").arg(&self.program).args(arguments);
        command.env_clear().current_dir(self.home());
        command.envs(
            plain
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        Terminal::start(&mut command)
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it takes longer than our patience.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        Running::start(&mut self.command(arguments)).wait()
    }

    /// Starts it.
    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::start(&mut self.command(arguments))
    }
}

impl Running {
    /// Starts a command and reads what it says.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdout = reader(child.stdout.take().unwrap());
        let stderr = reader(child.stderr.take().unwrap());
        Self {
            child,
            stdout,
            stderr,
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).unwrap();
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it takes longer than our patience.
    pub fn wait(mut self) -> Ran {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break Some(status);
            }
            if Instant::now() > deadline {
                self.child.kill().unwrap();
                self.child.wait().unwrap();
                break None;
            }
            thread::sleep(Duration::from_millis(2));
        };
        let text =
            |said: JoinHandle<Vec<u8>>| String::from_utf8_lossy(&said.join().unwrap()).into_owned();
        let (stdout, stderr) = (text(self.stdout), text(self.stderr));
        let Some(status) = status else {
            panic!("popfetch does not end\nstdout:\n{stdout}\nstderr:\n{stderr}");
        };
        Ran {
            status,
            stdout,
            stderr,
        }
    }
}

impl Ran {
    /// The exit code.
    ///
    /// # Panics
    /// When it was ended by a signal.
    pub fn code(&self) -> i32 {
        self.status
            .code()
            .unwrap_or_else(|| panic!("ended by a signal: {self:?}"))
    }

    /// All well, and not a word.
    ///
    /// # Panics
    /// When it is otherwise.
    #[track_caller]
    pub fn expect_silence(&self) -> &Self {
        self.expect_code(0);
        assert!(
            self.stdout.is_empty() && self.stderr.is_empty(),
            "there was something to say: {self:?}"
        );
        self
    }

    /// Ended with this exit code.
    ///
    /// # Panics
    /// When it is otherwise.
    #[track_caller]
    pub fn expect_code(&self, code: i32) -> &Self {
        let Self { stdout, stderr, .. } = self;
        assert_eq!(
            self.status.code(),
            Some(code),
            "{}\nstdout:\n{stdout}\nstderr:\n{stderr}",
            self.status
        );
        self
    }

    /// Said this on stderr.
    ///
    /// # Panics
    /// When it is otherwise.
    #[track_caller]
    pub fn expect_stderr(&self, part: &str) -> &Self {
        let stderr = &self.stderr;
        assert!(stderr.contains(part), "no `{part}` in stderr:\n{stderr}");
        self
    }
}

fn reader(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut said = Vec::new();
        // What was read before an error is what there is.
        let _ = pipe.read_to_end(&mut said);
        said
    })
}
