//! What can be read off a message without changing it: envelope sender, fingerprint, the few headers a listing shows.
//!
//! Not for: storing it or knowing where it came from. May import: nothing.

mod header;
mod print;
mod sender;
mod summary;

pub use header::Header;
pub use print::Print;
pub use summary::Summary;
