//! Where blobs come from: the index, a diff, the working tree.

mod blob;

pub use blob::{Blob, BlobPath};

/// What a source hands over for one path.
#[derive(Debug)]
pub enum Item {
    /// Content to scan.
    Blob(Blob),
    /// Not scanned, on purpose, and said so.
    Skipped(crate::finding::Skipped),
    /// Wrong without being scanned: a missing object, an unresolved pointer.
    Finding(crate::finding::Finding),
    /// Could not be read.
    Failed(crate::finding::ReadFailure),
}
