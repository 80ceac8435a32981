//! What a source hands over: content, or why there is none.

use crate::outcome::{ReadFailure, Skipped};
use crate::source::blob::Blob;
use fickgate_engine::facts::FileFault;
use fickgate_engine::path::BlobPath;

/// What a source hands over for one path.
#[derive(Debug)]
pub enum Item {
    /// Content to scan.
    Blob(Blob),
    /// Not scanned, on purpose, and said so.
    Skipped(Skipped),
    /// Wrong without being scanned: a missing object, an unresolved pointer.
    Fault(FileFault),
    /// A symbolic link to a path of the repository, whose content is judged there.
    Link {
        /** The link, and what to say of it. */
        link: Skipped,
        /** Where it leads, from the root. */
        target: BlobPath,
        /** What lies below that, where it is a folder. */
        below: Vec<BlobPath>,
    },
    /// A symbolic link of a commit or the index. Where links are not to be had, as on most Windows
    /// systems, a checkout writes its text into a file.
    Target {
        /** The text, as the file that it becomes. */
        text: Blob,
        /** What is to be said of the link. */
        led: Box<Item>,
    },
    /// Could not be read.
    Failed(ReadFailure),
    /// Was judged before, and what made it come up again makes no difference.
    Unchanged(BlobPath),
    /// Is for another part of the run.
    Elsewhere(BlobPath),
}

impl Item {
    /// The path it stands for.
    pub fn path(&self) -> &BlobPath {
        match self {
            Item::Blob(blob) => &blob.path,
            Item::Skipped(skipped) => &skipped.path,
            Item::Fault(fault) => &fault.path,
            Item::Failed(failure) => &failure.path,
            Item::Link { link, .. } => &link.path,
            Item::Target { text, .. } => &text.path,
            Item::Unchanged(path) | Item::Elsewhere(path) => path,
        }
    }
}
