//! Waiting for what can be seen, in place of sleeping for as long as it may take.

use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take on a slow and busy machine. Only a test that fails waits so long.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until it is so.
///
/// # Panics
/// When it is not, for all our patience.
#[track_caller]
pub fn until(what: &str, mut so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}
