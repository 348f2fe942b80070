//! What goes out beside the mail: stdout and stderr that are closed or full, and where no secret may be.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::run::{alice, expected, home, numbered, popfetch};
use crate::support::mailbox;
use crate::support::popfetch::{Account, Popfetch};
use crate::support::server::Server;

/// The program by way of a shell line, `$0` its path.
fn by_shell(popfetch: &Popfetch, line: &str) -> Command {
    let plain = popfetch.command([""; 0]);
    let variables = plain.get_envs();
    let mut shell = Command::new("sh");
    shell
        .args(["-c", line, env!("CARGO_BIN_EXE_popfetch")])
        .env_clear()
        .envs(variables.filter_map(|(name, value)| Some((name, value?))))
        .current_dir(popfetch.home());
    shell
}

#[test]
fn with_closed_streams_no_word_gets_into_a_mailbox() {
    for closed in [">&-", "2>&-", "<&-", "<&- >&- 2>&-"] {
        let server = alice(numbered(3));
        let mut popfetch = popfetch();
        let (mbox, out) = (popfetch.path("inbox"), popfetch.path("out"));
        fs::create_dir(&out).unwrap();
        let script = format!("echo noise; echo noise >&2; cat > {}/$1", out.display());
        let on = |name: &str| Account::on(&server, name, "alice", "secret");
        popfetch.account(on("mbox").mbox(&mbox));
        popfetch.account(on("mda").mda(&["sh", "-c", &script, "mda", "%I"]));
        let line = format!("exec \"$0\" -vv --json {closed}");
        let status = by_shell(&popfetch, &line)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(0), "{closed}");
        let texts = mailbox::mbox(&mbox).into_iter();
        let mut texts: Vec<Vec<u8>> = texts.map(|message| message.text).collect();
        texts.sort();
        assert_eq!(texts, expected(numbered(3)), "{closed}");
        let names = mailbox::folder(&out).into_iter();
        let mut piped: Vec<Vec<u8>> = names
            .map(|name| fs::read(out.join(name)).unwrap())
            .collect();
        piped.sort();
        assert_eq!(piped, expected(numbered(3)), "{closed}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_stdout_is_told_and_a_full_stderr_stops_nothing() {
    let server = alice(numbered(3));
    let (popfetch, mail) = home(&server);
    let ran = by_shell(&popfetch, "exec \"$0\" list >/dev/full")
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(74));
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(said.contains("cannot write to standard output"), "{said}");
    let ran = by_shell(&popfetch, "exec \"$0\" -vv 2>/dev/full")
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(0));
    assert_eq!(crate::run::delivered(&mail), expected(numbered(3)));
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[cfg(target_os = "linux")]
#[test]
fn the_password_is_in_no_argument_no_environment_and_no_file() {
    const PASSWORD: &str = "correct-horse-battery";
    let server = Server::start().user("alice", PASSWORD, numbered(1));
    let mut popfetch = popfetch();
    let (secret, seen) = (popfetch.path("secret"), popfetch.path("seen"));
    fs::write(&secret, PASSWORD).unwrap();
    fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    // What a command has, and what everybody sees of popfetch.
    let script = format!(
        "cat >/dev/null; (env; cat /proc/$PPID/cmdline /proc/$PPID/environ) > '{}'",
        seen.display()
    );
    let on = |name: &str| {
        Account::on(&server, name, "alice", PASSWORD)
            .without("password")
            .set("password_file", secret.to_str().unwrap())
    };
    let mail = popfetch.path("mail");
    popfetch.account(on("mda").mda(&["sh", "-c", &script]));
    popfetch.account(on("maildir").maildir(&mail));
    popfetch.run(&[]).expect_silence();
    let ran = popfetch.run(&["-vv", "--all"]);
    ran.expect_code(0);
    assert!(!ran.stderr.contains(PASSWORD), "{}", ran.stderr);
    assert!(fs::read_to_string(&seen).unwrap().contains("POPFETCH_UID="));
    for path in files(popfetch.home()) {
        let octets = fs::read(&path).unwrap();
        let holds = memchr::memmem::find(&octets, PASSWORD.as_bytes()).is_some();
        assert_eq!(holds, path == secret, "{}", path.display());
    }
}
