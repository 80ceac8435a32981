//! What a run is to cover, and where single files are read from.

use std::ffi::OsString;
use std::path::PathBuf;

use super::git::object::ObjectId;

/// What a run is to cover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Files and folders; none means the current folder.
    Paths(Vec<PathBuf>),
    /// What a commit would contain: the entries of the index that differ from HEAD.
    Staged,
    /// Every entry of the index.
    Tracked,
    /// `REV`, `A..B` or `A...B`.
    Diff(String),
    /// Every blob that a commit of the range introduced; without a range, of every ref and HEAD.
    History(Option<String>),
    /// Every blob that a push brings.
    Push(Push),
}

/// Where a single file is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Treeish {
    /// The index that git is working with.
    Index,
    /// A commit.
    Commit(ObjectId),
    /// The working tree.
    Worktree,
    /// Nowhere: there is no file to read yet.
    Nowhere,
}

/// What a push or a fetch would bring to the other side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// The objects that refs would be moved to.
    pub tips: Vec<ObjectId>,
    /// The objects that those refs name now; not all of them need be here.
    pub old: Vec<ObjectId>,
    /// The remote of a push; `None` where this repository receives it.
    pub remote: Option<OsString>,
    /// Whether there may be more tips than are known: then every branch and every tag counts.
    pub more: bool,
}

/// What a run would make of the policy.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    /// Where the policy was read before.
    pub(super) before: Treeish,
    /// Where it will be read, for each tip.
    pub(super) after: Vec<Treeish>,
    /// Where the two parted; none where the new one replaces the old one.
    pub(super) forks: Vec<ObjectId>,
}
