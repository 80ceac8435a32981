//! A path that a source found, before its content is read.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::source::blob::Origin;
use crate::source::git::change::{Change, Kind};
use crate::source::git::conversion::Conversions;
use crate::source::git::object::ObjectId;
use crate::source::pointer::Pointer;
use fickgate_engine::error::{Error, Result};
use fickgate_engine::path::BlobPath;

/// A path and where its content is to be had. Cheap: content is read when its turn comes.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) path: BlobPath,
    pub(super) what: What,
    /// What attributes have checkouts do to an object, if anything.
    pub(super) conversions: Option<Arc<Conversions>>,
    /// Whether the same content was listed before, at another path.
    pub(super) again: bool,
}

/// Where content is to be had, or why there is none.
#[derive(Clone, Debug)]
pub(super) enum What {
    /// An object of the repository; for a link, its target.
    Object { id: ObjectId, link: bool, origin: Origin },
    /// An object that was there before, which changed attributes check out differently.
    Recast { id: ObjectId, origin: Origin },
    /// A file on disk. A named one was given on the command line: a link is followed. A regular one was no link and no
    /// device when it was listed.
    File { disk: PathBuf, named: bool, regular: bool },
    /// Standard input, or a pipe that was named on the command line.
    Stream(Option<PathBuf>),
    /// Another repository in this one, at a commit of its own.
    Submodule { commit: Option<ObjectId> },
    /// An object of a submodule, whose repository git finds from `folder`.
    Inner { folder: PathBuf, id: ObjectId, link: bool, commit: ObjectId },
    /// What a pointer in another file stands for.
    Pointer(Pointer),
    /// A commit of a history in which attributes at this path are in force no more.
    Lifted(ObjectId),
    /// Left out on purpose.
    Skipped(&'static str),
    /// Could not be listed.
    Failed(String),
}

impl Entry {
    pub(super) fn new(path: BlobPath, what: What) -> Entry {
        Entry { path, what, conversions: None, again: false }
    }

    /// The new side of a change.
    pub(super) fn from_change(change: Change, origin: Origin) -> Result<Entry> {
        let path = BlobPath::new(change.path);
        let what = match (change.kind, change.id) {
            (Kind::Submodule, commit) => What::Submodule { commit },
            (Kind::Folder, _) | (_, None) => {
                return Err(Error::new(format!("git lists {path:?} without an object"))
                    .remedy("run: git sparse-checkout reapply --no-sparse-index"));
            }
            (Kind::File, Some(id)) => What::Object { id, link: false, origin },
            (Kind::Link, Some(id)) => What::Object { id, link: true, origin },
        };
        Ok(Entry::new(path, what))
    }

    /// An entry as libgit2 describes it.
    pub(super) fn object(path: BlobPath, mode: u32, id: Option<ObjectId>, origin: Origin) -> Entry {
        let what = match (mode & 0o170000, id) {
            (0o160000, commit) => What::Submodule { commit },
            (0o120000, Some(id)) => What::Object { id, link: true, origin },
            (_, Some(id)) => What::Object { id, link: false, origin },
            (_, None) => What::Failed("its object has no valid name".to_owned()),
        };
        Entry::new(path, what)
    }

    /// What makes two entries the same content of the same file.
    pub(super) fn key(&self) -> (&BlobPath, u8, Option<ObjectId>) {
        match &self.what {
            What::Object { id, link, .. } => (&self.path, u8::from(*link), Some(*id)),
            What::File { .. } => (&self.path, 2, None),
            What::Stream(_) => (&self.path, 10, None),
            What::Skipped(_) => (&self.path, 3, None),
            What::Failed(_) => (&self.path, 4, None),
            What::Lifted(commit) => (&self.path, 11, Some(*commit)),
            What::Recast { id, .. } => (&self.path, 6, Some(*id)),
            What::Submodule { commit } => (&self.path, 7, *commit),
            What::Inner { id, link, .. } => (&self.path, 8 + u8::from(*link), Some(*id)),
            What::Pointer(pointer) => (&self.path, 5, Some(ObjectId::of(format!("{pointer:?}").as_bytes()))),
        }
    }
}

/// The entries of a run. Those of a history are listed while the first of them are read.
pub(super) enum Entries {
    /// All of them, sorted.
    Listed(Vec<Entry>),
    /// Those known so far, and where the others come from.
    Growing(Mutex<Growing>),
}

/// Entries that are still being listed. Each is handed out once.
pub(super) struct Growing {
    /// Entries that are known; those that were handed out are gone, the first of them altogether.
    known: VecDeque<Option<Entry>>,
    /// How many were at the front of `known`.
    gone: usize,
    rest: Box<dyn Iterator<Item = Entry> + Send>,
}

/// Entries of a history that are listed before the first is read, so that a small one is known whole.
const AHEAD: usize = 256;

impl Entries {
    pub(super) fn growing(mut rest: Box<dyn Iterator<Item = Entry> + Send>) -> Entries {
        let known = rest.by_ref().take(AHEAD).map(Some).collect();
        Entries::Growing(Mutex::new(Growing { known, gone: 0, rest }))
    }

    /// The entry at `index`; `None` past the end. One that is still being listed is given once.
    pub(super) fn get(&self, index: usize) -> Option<Entry> {
        match self {
            Entries::Listed(entries) => entries.get(index).cloned(),
            Entries::Growing(growing) => {
                let mut growing = growing.lock().unwrap_or_else(PoisonError::into_inner);
                let at = index.checked_sub(growing.gone)?;
                while growing.known.len() <= at {
                    let next = growing.rest.next()?;
                    growing.known.push_back(Some(next));
                }
                let entry = growing.known.get_mut(at).and_then(Option::take);
                while growing.known.front().is_some_and(Option::is_none) {
                    growing.known.pop_front();
                    growing.gone += 1;
                }
                entry
            }
        }
    }

    /// How many are known.
    pub(super) fn len(&self) -> usize {
        match self {
            Entries::Listed(entries) => entries.len(),
            Entries::Growing(growing) => {
                let growing = growing.lock().unwrap_or_else(PoisonError::into_inner);
                growing.gone + growing.known.len()
            }
        }
    }

    /// Whether all of them are known.
    pub(super) fn whole(&self) -> bool {
        matches!(self, Entries::Listed(_))
    }

    /// Those that are listed whole.
    pub(super) fn listed(&self) -> &[Entry] {
        match self {
            Entries::Listed(entries) => entries,
            Entries::Growing(_) => &[],
        }
    }
}
