//! Each message once: the program is ended at every system call, and the disk fails at every one, in turn; then it is
//! run again, and every message has to be in the destination exactly once (through an MDA: at most one of them twice),
//! with nothing left over and nothing deleted on the server that was not delivered.
//!
//! `cargo test` tries a sample. Everything (20 minutes on two cores):
//! `POPFETCH_SWEEP=full cargo test --test crash -- --nocapture --test-threads 1`
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod disk;
mod fault;
mod found;
mod scene;
mod sweep;

use fault::Fault;
use scene::Scene;
use sweep::{Extent, Point, calls, calls_after, side_by_side, sweep};

/// A sample of the faults that `faults` makes of each scene's calls.
fn points(extent: Extent, faults: impl Fn(&[fault::Call]) -> Vec<Fault> + Sync) -> Vec<Point> {
    let scenes: Vec<(usize, Scene)> = Scene::all().into_iter().enumerate().collect();
    let each = side_by_side(&scenes, |&(number, scene)| {
        let faults = extent.choose(number, faults(&calls(scene)));
        let points = faults.into_iter().map(move |fault| (scene, vec![fault]));
        points.collect::<Vec<Point>>()
    });
    each.into_iter().flatten().collect()
}

/// A kill before each call that finds things otherwise than the call before it did: a kill before one call is a kill
/// after the one before.
fn kills(calls: &[fault::Call]) -> Vec<Fault> {
    let behind = calls.iter().skip(1).zip(calls);
    let points = behind.filter(|(_, before)| !before.is_passive());
    points.map(|(call, _)| Fault::Kill(call.clone())).collect()
}

#[test]
fn killed_at_every_call() {
    let extent = Extent::of(10);
    let points = points(extent, kills);
    sweep("killed at every call", &points);
}

#[test]
fn refused_by_the_disk_at_every_call() {
    let extent = Extent::of(6);
    let points = points(extent, |calls| {
        let of_disk = calls
            .iter()
            .filter(|call| call.is_of_disk() && call.text.contains("/popfetch-test-"));
        let mut faults = Vec::new();
        for (number, call) in of_disk.enumerate() {
            for (which, error) in ERRORS.into_iter().enumerate() {
                for lasting in [false, true] {
                    // In a sample each call has one of them.
                    if extent.full || (which, lasting) == (number % 4, number % 8 < 4) {
                        faults.push(Fault::Refused {
                            call: call.clone(),
                            error,
                            lasting,
                        });
                    }
                }
            }
        }
        faults
    });
    sweep("refused by the disk at every call", &points);
}

/// What a disk says when it has had enough.
const ERRORS: [&str; 4] = ["ENOSPC", "EIO", "EROFS", "EDQUOT"];

/// What follows a kill is killed too: the run that settles, at every call of it.
#[test]
fn killed_again_while_settling() {
    let extent = Extent::of(40);
    // Kills from the first intent on: then there is something to settle.
    let scenes: Vec<(usize, Scene)> = Scene::all().into_iter().enumerate().collect();
    let firsts = side_by_side(&scenes, |&(number, scene)| {
        let kills = kills(&calls(scene));
        let begin = kills.iter().position(Fault::is_at_intents).unwrap_or(0);
        let few = Extent {
            stride: if extent.full { 4 } else { 12 },
            ..extent
        };
        let kills = few.choose(number, kills.into_iter().skip(begin));
        kills
            .into_iter()
            .map(|kill| (scene, kill))
            .collect::<Vec<_>>()
    });
    let firsts: Vec<(usize, (Scene, Fault))> = firsts.into_iter().flatten().enumerate().collect();
    let stride = if extent.full { 3 } else { extent.stride };
    let points = side_by_side(&firsts, |(number, (scene, first))| {
        let seconds = kills(&calls_after(*scene, first));
        let chosen = Extent { stride, ..extent }.choose(*number, seconds);
        let both = chosen
            .into_iter()
            .map(|second| (*scene, vec![first.clone(), second]));
        both.collect::<Vec<Point>>()
    });
    let points: Vec<Point> = points.into_iter().flatten().collect();
    sweep("killed again while settling", &points);
}

/// Writes cut short, and the program ended there, or told that there is no room.
#[test]
fn writes_cut_short() {
    let extent = Extent::of(16);
    let mut points = Vec::new();
    for (number, scene) in Scene::all().into_iter().enumerate() {
        // Through the first message and the journal, then at the ends of larger writes.
        let mut limits: Vec<u64> = (1..=1200)
            .step_by(if extent.full { 7 } else { 91 })
            .collect();
        limits.extend([
            4_096, 63_000, 65_536, 66_000, 131_072, 160_000, 1_000_000, 2_097_152,
        ]);
        let limits = Extent {
            stride: 1.max(extent.stride / 8),
            ..extent
        }
        .choose(number, limits);
        for octets in limits {
            for kills in [false, true] {
                points.push((scene, vec![Fault::Short { octets, kills }]));
            }
        }
    }
    sweep("writes cut short", &points);
}
