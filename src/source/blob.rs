//! A blob: a path, and bytes or the reason why there are none.

use fickgate_engine::content::Content;
use fickgate_engine::facts::FileFault;
use fickgate_engine::path::BlobPath;

use super::git::object::ObjectId;

/// A file's content at one place: index, commit, working tree.
#[derive(Clone, Debug)]
pub struct Blob {
    /// Where it stands.
    pub path: BlobPath,
    /// Its bytes.
    pub content: Content,
    /// Which version of the file it is.
    pub origin: Origin,
    /// What checkouts make of it, where that is something else.
    pub checkouts: Vec<Checkout>,
}

/// Which version of a file a blob is. One path can yield several: committed, staged and on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The index.
    Index,
    /// A commit; in a history, the first that brought the blob.
    Commit(ObjectId),
    /// The file on disk.
    Disk,
    /// A local store of Git LFS, git-annex or DVC.
    Store,
}

/// What a checkout holds where it is not the stored bytes.
#[derive(Clone, Debug)]
pub enum Checkout {
    /// These bytes.
    Bytes {
        /** The content on disk after a checkout, of each kind of machine. */
        contents: Vec<Content>,
        /** What makes the difference, in a few words: `CRLF line ends`. */
        how: &'static str,
        /** Whether attributes ask for it: else machines that are set so do it by themselves. */
        asked: bool,
    },
    /// Something that is not known here.
    Unknown(Box<FileFault>),
}
