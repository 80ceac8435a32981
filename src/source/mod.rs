//! Where blobs come from: the index, a diff, a history, a push, the working tree.
//!
//! A [`Source`] lists what a run covers, sorted by path (a history: in the order of its commits), and
//! then reads one entry after the other.
//! Git itself is asked what it would commit or what changed, since no library reads every kind of
//! repository it does; contents come through libgit2 where it can open the repository, and through
//! `git cat-file` where it cannot.

mod blob;
mod entry;
mod expand;
mod fault;
mod file;
pub mod git;
mod item;
mod listing;
pub mod pointer;
mod reader;
mod selection;
mod shard;
mod worktree;

pub use blob::{Blob, Checkout, Origin};
pub use git::object::ObjectId;
pub use git::provenance::{Provenance, provenance};
pub use git::repository::{is_tracked, read_below};
pub use item::Item;
pub use listing::Source;
pub use reader::{Reader, spooled};
pub use selection::{Push, Selection, Treeish};
pub use shard::{Part, Shard};
pub use worktree::is_pipe;
