//! A path that a source found, before its content is read.

use std::path::PathBuf;

use super::change::{Change, Kind};
use super::object::ObjectId;
use super::{BlobPath, Origin};
use crate::error::{Error, Result};

/// A path and where its content is to be had. Cheap: content is read when its turn comes.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) path: BlobPath,
    pub(super) what: What,
}

/// Where content is to be had, or why there is none.
#[derive(Clone, Debug)]
pub(super) enum What {
    /// An object of the repository; for a link, its target.
    Object { id: ObjectId, link: bool, origin: Origin },
    /// A file on disk. A named one was given on the command line: a link is followed.
    File { disk: PathBuf, named: bool },
    /// Left out on purpose.
    Skipped(&'static str),
    /// Could not be listed.
    Failed(String),
}

impl Entry {
    /// The new side of a change.
    pub(super) fn from_change(change: Change, origin: Origin) -> Result<Entry> {
        let path = BlobPath::new(change.path);
        let what = match (change.kind, change.id) {
            (Kind::Submodule, _) => What::Skipped("submodule"),
            (Kind::Folder, _) | (_, None) => {
                return Err(Error::new(format!("git lists {path:?} without an object"))
                    .remedy("run: git sparse-checkout reapply --no-sparse-index"));
            }
            (Kind::File, Some(id)) => What::Object { id, link: false, origin },
            (Kind::Link, Some(id)) => What::Object { id, link: true, origin },
        };
        Ok(Entry { path, what })
    }

    /// An entry as libgit2 describes it.
    pub(super) fn object(path: BlobPath, mode: u32, id: Option<ObjectId>, origin: Origin) -> Entry {
        let what = match (mode & 0o170000, id) {
            (0o160000, _) => What::Skipped("submodule"),
            (0o120000, Some(id)) => What::Object { id, link: true, origin },
            (_, Some(id)) => What::Object { id, link: false, origin },
            (_, None) => What::Failed("its object has no valid name".to_owned()),
        };
        Entry { path, what }
    }

    /// What makes two entries the same content of the same file.
    pub(super) fn key(&self) -> (&BlobPath, u8, Option<ObjectId>) {
        match &self.what {
            What::Object { id, link, .. } => (&self.path, u8::from(*link), Some(*id)),
            What::File { .. } => (&self.path, 2, None),
            What::Skipped(_) => (&self.path, 3, None),
            What::Failed(_) => (&self.path, 4, None),
        }
    }
}
