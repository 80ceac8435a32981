//! Entries that stand for others: the files of DVC name outputs that are not in git.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::source::entry::{Entries, Entry, What};
use crate::source::git::object::Objects;
use crate::source::git::submodule::Submodules;
use crate::source::item::Item;
use crate::source::pointer::Pointer;
use crate::source::pointer::dvc;
use crate::source::pointer::store::Stores;
use crate::source::reader::Reader;
use fickgate_engine::path::BlobPath;

/// Adds what entries stand for behind each of them.
pub(super) struct Expansion {
    reader: Reader,
    /// `None` where submodules are not followed.
    submodules: Option<Submodules>,
    /// What was added, by path and pointer: commits name the same output again and again.
    added: HashSet<(BlobPath, Option<super::ObjectId>)>,
}

impl Expansion {
    pub(super) fn new(objects: Option<Objects>, stores: Stores, submodules: Option<Submodules>) -> Expansion {
        let reader = Reader {
            entries: Arc::new(Entries::Listed(Vec::new())),
            objects,
            stores,
            trees: Arc::default(),
            walked: Arc::default(),
            paths_matter: false,
            part: None,
            names: Arc::default(),
            inner: HashMap::new(),
            room: Arc::default(),
        };
        Expansion { reader, submodules, added: HashSet::new() }
    }

    /// Whether nothing of an entry is left beside what it stands for.
    pub(super) fn replaces(&self, entry: &Entry) -> bool {
        self.submodules.is_some() && matches!(entry.what, What::Submodule { .. })
    }

    /// Whether an entry stands for others.
    pub(super) fn applies(entry: &Entry) -> bool {
        matches!(entry.what, What::Submodule { .. }) || Expansion::is_dvc(entry)
    }

    fn is_dvc(entry: &Entry) -> bool {
        dvc::is_dvc(&entry.path) && matches!(entry.what, What::Object { .. } | What::File { .. })
    }

    /// The entries that `entry` stands for.
    pub(super) fn of(&mut self, entry: &Entry) -> Vec<Entry> {
        if let What::Submodule { commit } = &entry.what {
            let inside = self.submodules.as_ref().map(|s| s.entries(&entry.path, *commit));
            return self.fresh(inside.unwrap_or_default());
        }
        if !Expansion::is_dvc(entry) {
            return Vec::new();
        }
        // DVC reads it whatever it takes: what is not read here stands for something that was not judged.
        let link = match &entry.what {
            What::Object { link, .. } => *link,
            What::File { disk, .. } => std::fs::symlink_metadata(disk).is_ok_and(|meta| meta.is_symlink()),
            _ => false,
        };
        let text = match self.reader.item(entry) {
            _ if link => None,
            Item::Blob(blob) if blob.content.len() <= dvc::LONGEST => {
                blob.content.read_range(0, dvc::LONGEST as usize).ok()
            }
            // It is wrong already.
            Item::Failed(_) | Item::Fault(_) => return Vec::new(),
            _ => None,
        };
        let folder = match &entry.what {
            What::File { disk, .. } => disk.parent().map(|parent| (parent.to_owned(), &entry.path)),
            _ => None,
        };
        let mut found = Vec::new();
        let outputs = match &text {
            Some(text) => dvc::outputs(&entry.path, text),
            None => vec![dvc::unclear(&entry.path)],
        };
        for (path, pointer) in outputs {
            // The copy on disk is what will be loaded from there.
            if let Some((folder, named)) = &folder
                && let Some(disk) = beside(folder, named, &path)
                && disk.exists()
            {
                files(&disk, &path, &mut found);
                continue;
            }
            match &pointer {
                Pointer::Dvc { md5, folded, folder: true, .. } => {
                    let list = self.reader.stores.dvc_list(&path, md5);
                    match list.and_then(|list| dvc::members(&path, &list, *folded)) {
                        Some(members) => {
                            found.extend(
                                members.into_iter().map(|(path, p)| Entry::new(path, What::Pointer(p))),
                            );
                        }
                        None => found.push(Entry::new(path, What::Pointer(pointer))),
                    }
                }
                _ => found.push(Entry::new(path, What::Pointer(pointer))),
            }
        }
        self.fresh(found)
    }

    fn fresh(&mut self, mut found: Vec<Entry>) -> Vec<Entry> {
        found.retain(|entry| {
            let (path, _, id) = entry.key();
            self.added.insert((path.clone(), id))
        });
        found
    }
}

/// Where `path` lies on disk, when `named` lies in `folder`.
fn beside(folder: &Path, named: &BlobPath, path: &BlobPath) -> Option<PathBuf> {
    let named = named.to_path();
    let up = named.parent().map_or(0, |p| p.components().count());
    let top = folder.ancestors().nth(up)?;
    Some(top.join(path.to_path()))
}

/// The file at `disk`, or every file below it.
fn files(disk: &Path, path: &BlobPath, found: &mut Vec<Entry>) {
    let walk = ignore::WalkBuilder::new(disk).standard_filters(false).build();
    for step in walk {
        let step = match step {
            Ok(step) => step,
            Err(e) => {
                let message = e.io_error().map_or_else(|| e.to_string(), |io| io.kind().to_string());
                found.push(Entry::new(path.clone(), What::Failed(message)));
                continue;
            }
        };
        if step.file_type().is_some_and(|t| t.is_dir()) {
            continue;
        }
        let Ok(inside) = step.path().strip_prefix(disk) else { continue };
        // DVC itself makes the file a link into its cache, wherever that is.
        let named = inside.as_os_str().is_empty();
        let path = match named {
            true => path.clone(),
            false => BlobPath::from_path(&path.to_path().join(inside)),
        };
        found.push(Entry::new(path, What::File { disk: step.into_path(), named, regular: false }));
    }
}
