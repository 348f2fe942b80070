//! A disk that is full, read-only or gone, and is well again later.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fault::{self, Fault};
use crate::scene::{Kind, Scene, Stage};
use crate::support::maildrop::Message;
use crate::support::popfetch::{Account, Popfetch, Ran};
use crate::support::server::Server;
use crate::sweep::{TRIES, calls, side_by_side};

/// A file system of its own on a folder, 2 MiB large; away when dropped.
struct Mounted {
    folder: PathBuf,
}

impl Mounted {
    fn on(folder: &Path) -> Self {
        Self::try_on(folder).unwrap_or_else(|why| panic!("mount: {why}"))
    }

    fn try_on(folder: &Path) -> Result<Self, String> {
        fs::create_dir_all(folder).unwrap();
        let words = ["-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs"];
        run("mount", &words, folder).map(|()| Self {
            folder: folder.to_owned(),
        })
    }

    /// Leaves so many pages of it.
    fn fill(&self, pages: u64) -> PathBuf {
        let filler = self.folder.join("filler");
        let free = rustix::fs::statvfs(&self.folder).unwrap();
        let size = (free.f_bfree - pages) * free.f_bsize;
        fs::write(&filler, vec![0; usize::try_from(size).unwrap()]).unwrap();
        filler
    }

    fn remount(&self, how: &str) {
        let how = format!("remount,{how}");
        // With the source named: else the options it has are given again, and its owner has no number in a namespace.
        let words = ["-t", "tmpfs", "-o", &how, "tmpfs"];
        run("mount", &words, &self.folder).unwrap();
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = run("umount", &["-l"], &self.folder);
    }
}

fn run(program: &str, words: &[&str], folder: &Path) -> Result<(), String> {
    let done = Command::new(program).args(words).arg(folder).output();
    let done = done.map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    done.status.success().then_some(()).ok_or(said)
}

/// Tells a run of one test that it is in a namespace already.
const INSIDE: &str = "POPFETCH_TEST_NAMESPACE";

/// Does the work of a test that mounts: here as root, else in a user namespace, where anybody may mount, by a run of
/// the test by itself.
///
/// # Panics
/// When that is not allowed either.
fn where_mounts_are_allowed(test: &str, work: impl FnOnce()) {
    let folder = tempfile::tempdir().unwrap();
    let Err(refused) = Mounted::try_on(folder.path()).map(drop) else {
        return work();
    };
    let inside = std::env::var_os(INSIDE).is_some();
    let mut again = Command::new("unshare");
    again.args(["--user", "--map-root-user", "--mount"]);
    again.arg(std::env::current_exe().unwrap());
    again
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1");
    let way_out = format!("run this test as root, or leave it out by `--skip {test}`");
    assert!(
        !inside,
        "no mount in a user namespace: {refused} ({way_out})"
    );
    let ran = again.output().unwrap_or_else(|error| {
        panic!("no mount: {refused}, and no unshare: {error} ({way_out})");
    });
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success() && said.contains("1 passed"),
        "no mount here: {refused}; in a user namespace: {said}\n{} ({way_out})",
        String::from_utf8_lossy(&ran.stderr)
    );
}

/// Refused by the disk: one line that says so, 74, and the server still has what is not delivered.
fn refused(stage: &Stage, ran: &Ran, what: &str) {
    let scene = stage.scene;
    assert_eq!(ran.status.code(), Some(74), "{scene}: {what}: {ran:?}");
    assert_eq!(ran.stderr.lines().count(), 1, "{scene}: {what}: {ran:?}");
    let count = stage.count(false).unwrap();
    assert_eq!(count.lost, 0, "{scene}: {what}");
}

/// The disk is well again: all there, each once.
fn mended(stage: &Stage, what: &str) {
    let scene = stage.scene;
    let wrong = stage.judge_end(&stage.popfetch.run(&[]));
    assert!(wrong.is_empty(), "{scene}: {what}: {wrong:?}");
    let count = stage.count(true).unwrap();
    let found = (count.lost, count.doubled, count.torn);
    assert_eq!(found, (0, 0, 0), "{scene}: {what}: lost, doubled, torn");
}

fn scenes(kinds: &[Kind]) -> Vec<Scene> {
    let scenes = Scene::all().into_iter();
    scenes.filter(|scene| kinds.contains(&scene.kind)).collect()
}

#[test]
fn a_full_mailbox_disk() {
    where_mounts_are_allowed("disk::a_full_mailbox_disk", || {
        for scene in scenes(&[Kind::Maildir, Kind::Mbox]) {
            for pages in [0, 1, 3, 8, 20] {
                let mut stage = Stage::empty(scene);
                let disk = Mounted::on(&stage.popfetch.path("box"));
                stage.fill();
                let what = format!("{pages} pages left");
                let filler = disk.fill(pages);
                refused(&stage, &stage.popfetch.run(&[]), &what);
                refused(&stage, &stage.popfetch.run(&[]), &what);
                fs::remove_file(filler).unwrap();
                disk.remount("size=64m");
                mended(&stage, &what);
            }
        }
    });
}

#[test]
fn a_full_state_disk() {
    where_mounts_are_allowed("disk::a_full_state_disk", || {
        for scene in scenes(&[Kind::Maildir, Kind::Mbox, Kind::Mda]) {
            for pages in [0, 1] {
                let mut stage = Stage::empty(scene);
                let disk = Mounted::on(&stage.popfetch.state());
                stage.fill();
                let what = format!("{pages} pages left");
                let filler = disk.fill(pages);
                for _ in 0..3 {
                    let ran = stage.popfetch.run(&[]);
                    if ran.status.code() == Some(0) {
                        // It was enough, for a journal of a page.
                        assert_eq!(pages, 1, "{scene}");
                        continue;
                    }
                    refused(&stage, &ran, &what);
                }
                fs::remove_file(filler).unwrap();
                mended(&stage, &what);
            }
        }
    });
}

#[test]
fn a_state_folder_that_cannot_be_written() {
    where_mounts_are_allowed("disk::a_state_folder_that_cannot_be_written", || {
        for scene in scenes(&[Kind::Maildir, Kind::Mbox, Kind::Mda]) {
            let mut stage = Stage::empty(scene);
            let disk = Mounted::on(&stage.popfetch.state());
            stage.fill();
            let before = stage.server.maildrop("alice", |drop| drop.uids());
            disk.remount("ro");
            let ran = stage.popfetch.run(&[]);
            refused(&stage, &ran, "read-only");
            ran.expect_stderr("popfetch/work.journal.lock: cannot lock");
            let after = stage.server.maildrop("alice", |drop| drop.uids());
            assert_eq!(before, after, "{scene}: deleted and not remembered");
            disk.remount("rw");
            mended(&stage, "read-only");
        }
    });
}

#[test]
fn a_state_folder_that_is_a_file() {
    for scene in scenes(&[Kind::Maildir, Kind::Mbox, Kind::Mda]) {
        if scene.later {
            continue;
        }
        let stage = Stage::set(scene);
        let state = stage.popfetch.state();
        fs::create_dir_all(state.parent().unwrap()).unwrap();
        fs::write(&state, "").unwrap();
        refused(&stage, &stage.popfetch.run(&[]), "a file in the way");
        assert_eq!(stage.delivered().unwrap().len(), 0, "{scene}");
        fs::remove_file(&state).unwrap();
        mended(&stage, "a file in the way");
    }
}

/// A run ended in the last of its batches.
fn ended_after_intents(scene: Scene) -> Stage {
    for _ in 0..TRIES {
        let last = calls(scene).into_iter().rfind(|call| {
            call.name == "fdatasync" && call.text.contains(".journal") || call.name == "renameat2"
        });
        let stage = Stage::set(scene);
        let kill = Fault::Kill(last.unwrap());
        let ran = fault::run(&stage.popfetch, &kill, &scene.always());
        stage.server.settled();
        // On a busy machine two runs may differ in how often they make a call.
        if !ran.status.success() {
            return stage;
        }
    }
    panic!("{scene}: not ended in {TRIES} runs");
}

/// Not mounted, say: nothing is made anew in its place, and nothing is taken for delivered.
#[test]
fn a_destination_that_vanishes() {
    for scene in scenes(&[Kind::Maildir, Kind::Mbox]) {
        for ended in [false, true] {
            if !scene.later && !ended {
                // Never delivered to: it is only missing, and made.
                continue;
            }
            let stage = if ended {
                ended_after_intents(scene)
            } else {
                Stage::set(scene)
            };
            let place = match scene.kind {
                // A missing file is a mailbox that was read to its end; a missing folder is not.
                Kind::Mbox => stage.popfetch.path("box"),
                _ => stage.mail(),
            };
            let away = stage.popfetch.path("spool/away");
            fs::rename(&place, &away).unwrap();
            for _ in 0..2 {
                let ran = stage.popfetch.run(&[]);
                assert_eq!(ran.status.code(), Some(74), "{scene}: gone: {ran:?}");
                assert_eq!(ran.stderr.lines().count(), 1, "{scene}: gone: {ran:?}");
                assert!(!place.exists(), "{scene}: made anew");
            }
            fs::rename(&away, &place).unwrap();
            mended(&stage, "gone for a while");
        }
    }
}

/// A large batch may be flushed by several threads: what fails in any of them is nobody's delivery.
#[test]
fn a_flush_that_fails_in_any_thread() {
    let mut points = Vec::new();
    for scene in scenes(&[Kind::Maildir]) {
        for nth in [1, 3, 9, 27] {
            for how in ["error=EIO", "signal=KILL"] {
                points.push((scene, format!("{how}:when={nth}")));
            }
        }
    }
    side_by_side(&points, |(scene, how)| {
        let mut stage = Stage::set(*scene);
        stage.add(40);
        let ran = fault::run_in_threads(&stage.popfetch, "fsync", how);
        let what = format!("fsync {how}");
        if how.starts_with("error") && !ran.status.success() {
            refused(&stage, &ran, &what);
        } else {
            assert_eq!(stage.count(false).unwrap().lost, 0, "{scene}: {what}");
        }
        mended(&stage, &what);
    });
}

/// The second message's command ends when the journal has been flushed since the first one's ended.
#[test]
fn the_outcome_of_a_command_is_flushed_while_the_next_one_runs() {
    let server = Server::start().user("alice", "secret", (1..=2).map(Message::numbered));
    let mut popfetch = Popfetch::new(env!("CARGO_BIN_EXE_popfetch"));
    let log = popfetch.path("strace.log");
    let before = popfetch.path("before");
    let command = format!(
        "cat >/dev/null; flushes() {{ grep -c 'fdatasync.* = 0' '{}'; }}\n\
         if [ $POPFETCH_UID = uid-1 ]; then flushes >'{before}'; exit 0; fi\n\
         for n in $(seq 600); do [ $(flushes) -gt $(cat '{before}') ] && exit 0; sleep 0.1; done; exit 1",
        log.display(),
        before = before.display(),
    );
    popfetch.account(
        Account::in_clear(&server, "work", "alice", "secret").mda(&["/bin/sh", "-c", &command]),
    );
    let ran = fault::watch_threads(&popfetch, "fdatasync", &log);
    assert!(ran.status.success(), "{ran:?}");
    assert_eq!(fs::read(&before).unwrap().last(), Some(&b'\n'));
}
