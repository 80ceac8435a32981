//! Folders that are one where a file system tells no case apart, though git has two: attributes in one of them then
//! count for files of the other.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::source::entry::{Entry, What};
use crate::source::git::alias;
use crate::source::git::attributes::Version;
use crate::source::git::checkout::{self, folder, is_attributes, tracked};
use crate::source::git::conversion::Conversions;
use crate::source::git::object::ObjectId;
use crate::source::git::repository::Repository;
use fickgate_engine::error::Result;
use fickgate_engine::path::BlobPath;

/// The folders that were met, and in which of them attributes may lie.
#[derive(Default)]
pub(in crate::source) struct Folders {
    /// How each folder is spelled, by what it is where no case is told apart.
    spelled: HashMap<String, BTreeSet<Vec<u8>>>,
    /// Those that hold attributes; links and submodules, which lead to some that are not known here.
    ruled: HashSet<Vec<u8>>,
    /// The same, and all that these lie in.
    holding: HashSet<Vec<u8>>,
    /// What lies in each folder, by what that is where no case is told apart.
    inside: HashMap<String, Inside>,
}

/// The folders in one folder.
#[derive(Default)]
struct Inside {
    all: BTreeSet<Vec<u8>>,
    /// Those whose name may be the second one of any other, as NTFS gives them.
    short: BTreeSet<Vec<u8>>,
}

impl Folders {
    /// Takes the folders of an entry for known.
    pub(in crate::source) fn meet(&mut self, entry: &Entry) {
        let path = entry.path.as_bytes();
        match entry.what {
            What::Object { link: false, .. } | What::Recast { .. } => {}
            What::Object { link: true, .. } | What::Submodule { .. } => {
                self.spell(path);
                self.rule(path);
            }
            _ => return,
        }
        if is_attributes(&entry.path) && !folder(path).is_empty() {
            self.rule(folder(path));
        }
        for above in above(path) {
            self.spell(above);
        }
    }

    fn spell(&mut self, folder: &[u8]) {
        let spelled = self.spelled.entry(key(folder)).or_default();
        if spelled.contains(folder) {
            return;
        }
        spelled.insert(folder.to_vec());
        let inside = self.inside.entry(key(checkout::folder(folder))).or_default();
        inside.all.insert(folder.to_vec());
        if alias::is_any_short(name(folder)) {
            inside.short.insert(folder.to_vec());
        }
    }

    fn rule(&mut self, folder: &[u8]) {
        self.ruled.insert(folder.to_vec());
        self.holding.extend(std::iter::once(folder).chain(above(folder)).map(<[u8]>::to_vec));
    }

    /// The folder beside this one that may be it under another name, if there are attributes in one of both.
    fn short(&self, folder: &[u8], rules: bool) -> Option<&Vec<u8>> {
        let inside = self.inside.get(&key(checkout::folder(folder)))?;
        let beside = if alias::is_any_short(name(folder)) { &inside.all } else { &inside.short };
        beside.iter().find(|other| other.as_slice() != folder && (rules || self.holding.contains(*other)))
    }

    /// What checkouts make of a path on account of a folder that is spelled otherwise; `None` without such.
    pub(in crate::source) fn conversions(&self, path: &BlobPath) -> Option<Conversions> {
        let own = folder(path.as_bytes());
        let rules = is_attributes(path);
        above(path.as_bytes()).find_map(|inner| {
            let others = self.spelled.get(&key(inner))?.iter().filter(|other| other.as_slice() != inner);
            let mut others = others.filter(|other| self.ruled.contains(*other) || (rules && inner == own));
            let other = others.next().or_else(|| self.short(inner, rules))?;
            Some(Conversions::shared(&String::from_utf8_lossy(other)))
        })
    }
}

/// Every folder on the way to a path, the innermost first.
fn above(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::successors(Some(path), |path| Some(folder(path))).skip(1).take_while(|f| !f.is_empty())
}

/// The last part of a path.
fn name(path: &[u8]) -> &[u8] {
    path.rsplit(|b| *b == b'/').next().unwrap_or(path)
}

/// What a path is where no case is told apart.
fn key(path: &[u8]) -> String {
    alias::folded(&String::from_utf8_lossy(path))
}

/// Marks the entries that checkouts change, as [`checkout::mark`] does, and those to which attributes in a folder of
/// another spelling count.
pub(in crate::source) fn mark(
    repository: &Repository,
    entries: &mut Vec<Entry>,
    tip: Option<ObjectId>,
    before: Option<ObjectId>,
    gone: &[Vec<u8>],
) -> Result<()> {
    checkout::mark(repository, entries, tip, before, gone)?;
    if !may_share(repository, entries, tip) {
        return Ok(());
    }
    let mut folders = Folders::default();
    let everything = BTreeSet::from([Vec::new()]);
    for entry in tracked(&repository.git, tip.map_or(Version::Index, Version::Commit), &everything)? {
        folders.meet(&entry);
    }
    for entry in entries {
        if matches!(entry.what, What::Object { link: false, .. } | What::Recast { .. })
            && let Some(shared) = folders.conversions(&entry.path)
        {
            entry.conversions = Some(Arc::new(shared));
        }
    }
    Ok(())
}

/// Whether any folder on the way to an entry may have a second spelling, beside it or in the tree that is changed.
/// Only the trees on the way are read.
fn may_share(repository: &Repository, entries: &[Entry], tip: Option<ObjectId>) -> bool {
    let mut names: BTreeMap<&[u8], HashMap<String, &[u8]>> = BTreeMap::new();
    for entry in entries {
        let path = entry.path.as_bytes();
        let leads = matches!(entry.what, What::Object { link: true, .. } | What::Submodule { .. });
        for inner in leads.then_some(path).into_iter().chain(above(path)) {
            if alias::is_any_short(name(inner)) {
                return true;
            }
            let outer = folder(inner);
            match names.entry(outer).or_default().insert(key(inner), inner) {
                Some(other) if other != inner => return true,
                // What is above was met with it.
                Some(_) => break,
                None => {}
            }
        }
    }
    if names.is_empty() {
        return false;
    }
    let (library, root) = match checkout::tree_of(repository, tip) {
        Ok(found) => found,
        Err(may) => return may,
    };
    names.into_iter().any(|(outer, names)| {
        let inside;
        let tree = match outer {
            b"" => &root,
            _ => {
                let found = root.get_path(&BlobPath::new(outer).to_path());
                let Some(found) = found.ok().and_then(|e| library.find_tree(e.id()).ok()) else {
                    return false;
                };
                inside = found;
                &inside
            }
        };
        tree.iter().any(|entry| {
            // A file is no folder.
            let file = entry.kind() == Some(git2::ObjectType::Blob) && entry.filemode() != 0o120_000;
            let path = match outer {
                b"" => entry.name_bytes().to_vec(),
                _ => [outer, b"/", entry.name_bytes()].concat(),
            };
            let other = names.get(&key(&path)).is_some_and(|known| *known != path);
            !file && (other || alias::is_any_short(entry.name_bytes()))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::blob::Origin;

    #[test]
    fn attributes_of_a_folder_count_for_all_that_it_is_called() {
        let id = ObjectId::of(b"");
        let object = |path: &str| {
            let what = What::Object { id, link: false, origin: Origin::Index };
            Entry::new(BlobPath::new(path), what)
        };
        let mut folders = Folders::default();
        for path in ["A/b/.gitattributes", "a/B/x", "a/B/c/y", "a/b.dat", "d/.gitattributes", "d/e"] {
            folders.meet(&object(path));
        }
        let shared = |path: &str| folders.conversions(&BlobPath::new(path)).is_some();
        assert!(shared("a/B/x") && shared("a/B/c/y") && shared("A/b/.gitattributes"));
        assert!(!shared("a/b.dat") && !shared("d/e") && !shared("d/.gitattributes") && !shared("A/b/own"));
        for path in ["long folder/sub/x", "LONGFO~1/sub/.gitattributes", "caf\u{e9}/z"] {
            folders.meet(&object(path));
        }
        folders.meet(&object("cafe\u{301}/.gitattributes"));
        let shared = |path: &str| folders.conversions(&BlobPath::new(path)).is_some();
        assert!(shared("long folder/sub/x") && shared("caf\u{e9}/z"));
        assert!(shared("LONGFO~1/sub/.gitattributes"), "what they say counts there");
    }
}
