//! What the sweeps found, each by its name.

use crate::fault::{Call, Fault};
use crate::scene::{Kind, Scene};
use crate::sweep::{calls, strike};

/// Kills a run before its last call of this name that strace shows with these words.
fn killed_at(scene: Scene, name: &str, words: &str) {
    strike("found before", scene, || {
        Fault::Kill(find(scene, name, words))
    });
}

fn find(scene: Scene, name: &str, words: &str) -> Call {
    let found = calls(scene)
        .into_iter()
        .rfind(|call| call.name.starts_with(name) && call.text.contains(words));
    found.unwrap_or_else(|| panic!("{scene}: no {name} with {words}"))
}

fn first_run(kind: Kind) -> Scene {
    Scene {
        kind,
        keep: false,
        later: false,
    }
}

fn later_run(kind: Kind) -> Scene {
    Scene {
        later: true,
        ..first_run(kind)
    }
}

/// No line of the journal said yet where they were.
#[test]
fn files_of_a_first_run_stayed_in_tmp() {
    killed_at(first_run(Kind::Maildir), "fsync", "/mail/tmp");
}

/// Made first and written then, it was empty in between, and nobody could tell whose it had been.
#[test]
fn a_dotlock_without_a_holder_stayed_for_ten_minutes() {
    let scene = first_run(Kind::Mbox);
    killed_at(scene, "write", "/box/#");
    killed_at(scene, "linkat", "mail.lock");
}

/// With nothing more to deliver nobody came by to break it.
#[test]
fn a_dotlock_stayed_behind_the_last_delivery() {
    killed_at(first_run(Kind::Mbox), "unlink", "mail.lock");
}

/// Its input ended where we had, and that looked like the end of the message.
#[test]
fn a_command_that_outlived_us_had_half_a_message() {
    // The second message of a later run is a large one.
    for (scene, message) in [(first_run(Kind::Mda), 0), (later_run(Kind::Mda), 1)] {
        strike("found before", scene, || {
            let calls = calls(scene);
            let begins = |call: &&[Call]| ["clone3", "clone", "vfork"].contains(&&*call[0].name);
            let mut begun = calls.windows(2).filter(begins).map(|pair| &pair[1]);
            Fault::Kill(begun.nth(message).unwrap().clone())
        });
    }
}

/// Each had a name of its own by chance.
#[test]
fn the_siblings_of_rewritten_journals_piled_up() {
    killed_at(later_run(Kind::Maildir), "rename", ".new");
}

/// Once by the delivery, and once by the rewriting of the journal, which could not but fail too.
#[test]
fn a_failed_disk_was_told_twice() {
    let scene = later_run(Kind::Mbox);
    strike("found before", scene, || Fault::Refused {
        call: find(scene, "fdatasync", ".journal"),
        error: "EIO",
        lasting: true,
    });
}
