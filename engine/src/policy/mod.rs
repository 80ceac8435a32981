//! Which imports are allowed, for which use, and who says so.
//!
//! A policy has three layers: the built-in list ([`builtin`]), the repository's file and the command
//! line ([`mod@file`]). [`Policy::decide`] asks them for one use of one import; a `deny` of any layer
//! wins over every `allow`.
//!
//! The built-in list holds imports that meet four criteria:
//!
//! 1. no execution of code that the pickle brings or names;
//! 2. no access to attributes or items of other objects by a name the pickle chooses;
//! 3. no import, and no reference to what the process has loaded;
//! 4. no deserialisation of further data, unless a guard has that data read as well.

#[doc(hidden)]
pub mod audit;
mod breadth;
pub mod builtin;
#[doc(hidden)]
pub mod change;
mod date;
mod document;
mod entry;
mod every_use;
pub mod file;
#[doc(hidden)]
pub mod glob;
pub mod guard;
mod hash;
mod merged;
mod page;
mod parse;
#[doc(hidden)]
pub mod pattern;
pub mod repository;
#[doc(hidden)]
pub mod shadow;
mod slot;
pub(crate) mod stdlib;
mod tree;
#[doc(hidden)]
pub mod trigger;
mod usage;
mod verdict;
mod words;

pub use date::Date;
pub use entry::{Bounds, Deny, Entry, Layer};
#[doc(hidden)]
pub use hash::hex;
pub use merged::{Policy, Site};
#[doc(hidden)]
pub use page::is_unseen;
pub use usage::Usage;
pub use verdict::{Refusal, Verdict};
pub use words::{Criterion, Kind, Risk, Uses};

/// Where a repository keeps its policy, relative to its root. At most one of them may exist.
pub const FILES: [&str; 2] = [".fickgate.yaml", ".github/fickgate.yaml"];

/// Names that a policy is given by mistake. One that goes unread would take its `deny` with it.
pub const MISNAMED: [&str; 3] = [".fickgate.yml", ".github/fickgate.yml", ".github/.fickgate.yaml"];
