//! Events → text, progress bars, JSON; the one sanitising door.
//!
//! Not for: deciding anything. May import: `fetch::event` (and the types it shows).
//!
//! Answers go to stdout, all else to stderr. A line leaves whole, by one write under a lock, and never
//! through a bar. Nobody at the other end (EPIPE, a terminal hung up) is no error and never a panic.

mod answers;
mod bars;
mod console;
mod hint;
mod info;
mod json;
mod lines;
mod listing;
mod quantity;
mod reporter;
mod sanitise;
mod summary;
#[cfg(test)]
mod tests;

pub use console::Console;
pub use reporter::{Progress, Reporter, Settings, Subject, Surroundings, Task, Verbosity};
pub use sanitise::sanitise;
