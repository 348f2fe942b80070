//! Files made safely: created with a mode, flushed with their folder, replaced whole, locked, checked for owner and mode.
//!
//! Not for: what stands in the files. May import: nothing.

mod file;
mod folder;
mod lock;
mod trust;

pub use file::{create_new, create_new_with, open_private, replace, start_writeback};
pub use folder::{create_dirs, flush_dir, flush_opened_dir, open_dir, rename_new, rename_new_at};
pub use lock::Lock;
pub use trust::{Distrust, check_owner, check_private};
