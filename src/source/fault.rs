//! What is said of entries whose content was not judged as a file: pointers and links that lead elsewhere.

use crate::source::item::Item;
use fickgate_engine::facts::FileFault;
use fickgate_engine::path::BlobPath;
use fickgate_engine::rule::Rule;

/// Two files in one: which of them a checkout makes depends on whether Git LFS is installed.
pub(super) fn headed(path: &BlobPath) -> Item {
    Item::Fault(FileFault {
        rule: Rule::PointerMismatch,
        path: path.clone(),
        message:
            "Git LFS takes the beginning for a pointer to other content, git alone takes the whole for a file"
                .to_owned(),
        help: "store the pointer without anything behind it".to_owned(),
    })
}

/// What Git LFS may take for a pointer, and was not understood here.
pub(super) fn unclear(path: &BlobPath) -> Item {
    Item::Fault(FileFault {
        rule: Rule::PointerUnresolved,
        path: path.clone(),
        message: "it begins as a Git LFS pointer and is not wholly one, so what a checkout makes of it was not judged"
            .to_owned(),
        help: "store a plain pointer: version, oid and size, without extensions".to_owned(),
    })
}

/// Attributes that are a link. Git of today reads its target as their text, or nothing, as it is met in the index or on
/// the disk; before 2.32 it followed.
pub(super) fn linked_attributes(path: &BlobPath) -> FileFault {
    FileFault {
        rule: Rule::CheckoutDiffers,
        path: path.clone(),
        message: "it is a symbolic link, and programs do not agree on what attributes it gives".to_owned(),
        help: "put the file itself there".to_owned(),
    }
}

/// A link that gives a file the name of another kind. The file may change without the link, and is judged by its own name.
pub(super) fn renaming(path: &BlobPath) -> Item {
    Item::Fault(FileFault {
        rule: Rule::PointerUnresolved,
        path: path.clone(),
        message: "a symbolic link that gives a file the name of another kind, by which loaders read it in another way"
            .to_owned(),
        help: "let the file itself have the extension that it is loaded by".to_owned(),
    })
}

/// A link out of the tree: whoever loads it loads content that was not judged.
pub(super) fn outside(path: &BlobPath) -> Item {
    Item::Fault(FileFault {
        rule: Rule::PointerUnresolved,
        path: path.clone(),
        message: "a symbolic link that leads out of the tree, so its content was not judged".to_owned(),
        help: "scan the file it leads to by name, or put that file here".to_owned(),
    })
}
