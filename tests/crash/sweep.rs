//! Every point of a scene in turn, on several threads, and the sums.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::fault::{self, Call, Fault};
use crate::scene::{Kind, Scene, Stage};
pub(crate) use crate::support::workers::side_by_side;

/// Problems shown at most.
const SHOWN: usize = 40;
/// How often one fault is chosen at most.
pub(crate) const TRIES: u32 = 20;

/// How much is swept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    /// Every so many points one is tried.
    pub(crate) stride: usize,
    /// Everything.
    pub(crate) full: bool,
}

impl Extent {
    /// `POPFETCH_SWEEP=full` for everything, `POPFETCH_SWEEP=N` for one point of N; else one of `sample`.
    pub(crate) fn of(sample: usize) -> Self {
        let asked = std::env::var("POPFETCH_SWEEP").unwrap_or_default();
        let full = asked == "full";
        let stride = if full {
            1
        } else {
            asked.parse().unwrap_or(sample)
        };
        Self {
            stride: stride.max(1),
            full,
        }
    }

    /// Points chosen evenly; which ones differs by scene, so that a sample of all is wider than that of one.
    pub(crate) fn choose<T>(self, scene: usize, points: impl IntoIterator<Item = T>) -> Vec<T> {
        let offset = scene * 5 % self.stride;
        points
            .into_iter()
            .skip(offset)
            .step_by(self.stride)
            .collect()
    }
}

/// What came of the points tried.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    pub(crate) points: u64,
    /// Of those, the ones where the fault came to be.
    pub(crate) struck: u64,
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    pub(crate) torn: u64,
    pub(crate) problems: Vec<String>,
}

impl Sums {
    fn add(&mut self, other: Self) {
        self.points += other.points;
        self.struck += other.struck;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.torn += other.torn;
        self.problems.extend(other.problems);
    }

    /// Fails when anything went wrong.
    fn judge(&self, what: &str) {
        let mut shown = String::new();
        for problem in self.problems.iter().take(SHOWN) {
            let _ = writeln!(shown, "  {problem}");
        }
        assert!(
            self.problems.is_empty(),
            "{what}: {} problems\n{shown}",
            self.problems.len()
        );
        assert!(self.struck > 0, "{what}: nothing was tried");
    }
}

impl std::fmt::Display for Sums {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            points,
            struck,
            lost,
            doubled,
            torn,
            ..
        } = self;
        write!(
            f,
            "{points} points tried, {struck} struck, {lost} lost, {doubled} doubled, {torn} torn"
        )
    }
}

/// Tries each point, prints the figures by what is promised, and fails when anything went wrong.
#[allow(clippy::print_stdout)]
pub(crate) fn sweep(what: &str, points: &[Point]) {
    let (mut once, mut command) = (Sums::default(), Sums::default());
    for (of_command, one) in attempts(points) {
        if of_command { &mut command } else { &mut once }.add(one);
    }
    let each = [("Maildir and mbox", once), ("MDA", command)];
    let tried = each.iter().filter(|(_, sums)| sums.points > 0);
    for (destination, sums) in tried.clone() {
        println!("{what}: {destination}: {sums}");
    }
    for (_, sums) in tried {
        sums.judge(what);
    }
}

/// Tries one fault, which is chosen from a run before: two runs on a busy machine may differ in how often they make a
/// call, so it is chosen again until it comes to be.
pub(crate) fn strike(what: &str, scene: Scene, choose: impl Fn() -> Fault) {
    for _ in 0..TRIES {
        let sums = attempt(scene, &[choose()]);
        if sums.struck > 0 || !sums.problems.is_empty() {
            return sums.judge(what);
        }
    }
    panic!("{what}: {scene}: no fault came to be in {TRIES} runs");
}

/// The calls of a whole run in a scene.
pub(crate) fn calls(scene: Scene) -> Vec<Call> {
    fault::calls(&Stage::set(scene).popfetch, &scene.always())
}

/// The calls of the run that follows one with this fault.
pub(crate) fn calls_after(scene: Scene, fault: &Fault) -> Vec<Call> {
    let stage = Stage::set(scene);
    fault::run(&stage.popfetch, fault, &scene.always());
    stage.server.settled();
    fault::calls(&stage.popfetch, &scene.always())
}

/// A scene with the faults of its runs, one after the other.
pub(crate) type Point = (Scene, Vec<Fault>);

/// Tries each: the runs with their faults, then two without. With each, whether it is about a command.
fn attempts(points: &[Point]) -> Vec<(bool, Sums)> {
    side_by_side(points, |(scene, faults)| {
        let tried = catch_unwind(AssertUnwindSafe(|| attempt(*scene, faults)));
        let sums = tried.unwrap_or_else(|_| Sums {
            points: 1,
            problems: vec![format!("{scene}: {}: panicked", shown(faults))],
            ..Sums::default()
        });
        (scene.kind == Kind::Mda, sums)
    })
}

fn shown(faults: &[Fault]) -> String {
    let each: Vec<String> = faults.iter().map(Fault::to_string).collect();
    each.join("; then ")
}

fn attempt(scene: Scene, faults: &[Fault]) -> Sums {
    let stage = Stage::set(scene);
    let mut sums = Sums {
        points: 1,
        ..Sums::default()
    };
    let mut wrong = Vec::new();
    for fault in faults {
        let ran = fault::run(&stage.popfetch, fault, &scene.always());
        if !ran.status.success() {
            sums.struck = 1;
        }
        if let Some(problem) = unfit_answer(fault, &ran) {
            wrong.push(problem);
        }
        match stage.count(false) {
            Ok(count) => {
                if count.lost > 0 {
                    wrong.push(format!("{} lost at once", count.lost));
                }
            }
            Err(problem) => wrong.push(problem),
        }
    }
    let ran = stage.popfetch.run(&[]);
    wrong.extend(stage.judge_end(&ran));
    let again = stage.popfetch.run(&[]);
    if !again.status.success() {
        wrong.push(format!("the run after it: {again:?}"));
    }
    match stage.count(true) {
        Ok(count) => {
            // One for each time it was ended: what the command had done then nobody knows.
            let allowed = match scene.kind {
                Kind::Mda => faults.len() as u64,
                _ => 0,
            };
            if count.lost > 0 || count.doubled > allowed || count.torn > 0 {
                wrong.push(format!("{count:?}"));
            }
            sums.lost = count.lost;
            sums.doubled = count.doubled;
            sums.torn = count.torn;
        }
        Err(problem) => wrong.push(problem),
    }
    if !wrong.is_empty() {
        let problem = format!("{scene}: {}: {}", shown(faults), wrong.join("; "));
        sums.problems.push(problem);
    }
    sums
}

/// What is wrong with how a faulty run ended: refused by the disk it says so, in one line, and with 74.
fn unfit_answer(fault: &Fault, ran: &crate::support::popfetch::Ran) -> Option<String> {
    let refused = match fault {
        Fault::Kill(_) => return None,
        Fault::Short { kills, .. } => !kills,
        Fault::Refused { .. } => true,
    };
    let lines = ran.stderr.lines().count();
    let well = match ran.status.code() {
        // Something it can do without.
        Some(0) => lines == 0,
        Some(74) => lines == 1 || lines == 0 && fault.silences(),
        _ => !refused,
    };
    (!well).then(|| format!("{} {:?}", ran.status, ran.stderr))
}
