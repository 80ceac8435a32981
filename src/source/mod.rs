//! Where blobs come from: the index, a diff, the working tree.
//!
//! A [`Source`] lists what a run covers, sorted by path, and then reads one entry after the other.
//! Git itself is asked what it would commit or what changed, since no library reads every kind of
//! repository it does; contents come through libgit2 where it can open the repository, and through
//! `git cat-file` where it cannot.

mod blob;
mod change;
mod diff;
mod entry;
mod git;
mod index;
mod object;
pub mod pointer;
mod reader;
mod repository;
mod worktree;

pub use blob::{Blob, BlobPath, Origin};
pub use object::ObjectId;
pub use reader::Reader;

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Result;
use crate::finding::Finding;
use crate::rule::Rule;
use entry::{Entry, What};
use pointer::Stores;
use repository::Repository;

/// What a source hands over for one path.
#[derive(Debug)]
pub enum Item {
    /// Content to scan.
    Blob(Blob),
    /// Not scanned, on purpose, and said so.
    Skipped(crate::finding::Skipped),
    /// Wrong without being scanned: a missing object, an unresolved pointer.
    Finding(Finding),
    /// Could not be read.
    Failed(crate::finding::ReadFailure),
}

/// What a run is to cover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Files and folders; none means the current folder.
    Paths(Vec<PathBuf>),
    /// What a commit would contain: the entries of the index that differ from HEAD.
    Staged,
    /// `REV`, `A..B` or `A...B`.
    Diff(String),
}

/// Where a single file is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The index that git is working with.
    Index,
    /// A revision.
    Commit(String),
    /// The working tree.
    Worktree,
}

/// The entries a run covers, sorted by the bytes of their paths, and the means to read them.
pub struct Source {
    repository: Option<Repository>,
    entries: Arc<Vec<Entry>>,
    trees: Arc<Vec<PathBuf>>,
    walked: Arc<HashSet<PathBuf>>,
    place: Place,
    tip: Option<Place>,
    /// Of staged entries: the paths of HEAD that the index has no more.
    gone: Option<Vec<Vec<u8>>>,
    notices: Vec<String>,
}

impl Source {
    /// Lists what `selection` covers. An error means that this cannot be known: no repository, an
    /// unknown revision, an index that nothing here can read.
    pub fn open(selection: &Selection) -> Result<Source> {
        let mut source = match selection {
            Selection::Staged => {
                // Git starts to look while the repository is opened here.
                let asked = index::ask(&git::Git::here(), "HEAD")?;
                let repository = Repository::require()?;
                let staged = index::staged(&repository, asked)?;
                let mut source = Source::new(Some(repository), staged.entries, Place::Index);
                source.gone = staged.gone;
                source
            }
            Selection::Diff(range) => {
                let repository = Repository::require()?;
                let diff = diff::diff(&repository, range)?;
                let mut source =
                    Source::new(Some(repository), diff.entries, Place::Commit(diff.base.to_string()));
                source.tip = Some(Place::Commit(diff.tip.to_string()));
                source.notices = diff.notices;
                source
            }
            Selection::Paths(paths) => {
                // A repository that cannot be opened is no obstacle to reading files.
                let repository = Repository::open().ok().flatten();
                let root = repository.as_ref().and_then(Repository::root);
                let entries = worktree::entries(paths, root)?;
                let trees = trees(paths, root);
                let mut source = Source::new(repository, entries, Place::Worktree);
                source.trees = Arc::new(trees);
                source
            }
        };
        let entries = Arc::make_mut(&mut source.entries);
        entries.sort_by(|a, b| a.key().cmp(&b.key()));
        entries.dedup_by(|a, b| a.key() == b.key());
        source.walked = Arc::new(source.files());
        Ok(source)
    }

    fn new(repository: Option<Repository>, entries: Vec<Entry>, place: Place) -> Source {
        let root = repository.as_ref().and_then(Repository::root);
        let trees = Arc::new(trees(&[], root));
        Source {
            repository,
            entries: Arc::new(entries),
            trees,
            walked: Arc::default(),
            place,
            tip: None,
            gone: None,
            notices: Vec::new(),
        }
    }

    /// The files on disk by their canonical path, if there is a link that may lead to one of them.
    fn files(&self) -> HashSet<PathBuf> {
        let files = || {
            self.entries.iter().filter_map(|e| match &e.what {
                What::File { disk, .. } => Some(disk),
                _ => None,
            })
        };
        let is_link = |p: &&PathBuf| std::fs::symlink_metadata(p).is_ok_and(|m| m.is_symlink());
        if !files().any(|f| is_link(&f)) {
            return HashSet::new();
        }
        files().filter(|f| !is_link(f)).cloned().collect()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is nothing to look at.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// A reader of its own, for one thread.
    pub fn reader(&self) -> Reader {
        Reader {
            entries: Arc::clone(&self.entries),
            objects: self.repository.as_ref().map(Repository::objects),
            stores: self.repository.as_ref().map(|r| Stores::of(r.common())).unwrap_or_default(),
            trees: Arc::clone(&self.trees),
            walked: Arc::clone(&self.walked),
        }
    }

    /// The repository around the current folder, with nothing to scan: for its policy.
    pub fn here() -> Result<Source> {
        Ok(Source::new(Repository::open()?, Vec::new(), Place::Worktree))
    }

    /// Whether there is a repository.
    pub fn in_repository(&self) -> bool {
        self.repository.is_some()
    }

    /// Hands over one item after the other, in the order of their paths, until `each` breaks.
    pub fn visit(&self, each: &mut dyn FnMut(Item) -> ControlFlow<()>) {
        let mut reader = self.reader();
        let items = (0..).map_while(|index| reader.read(index));
        for item in items {
            if each(item).is_break() {
                return;
            }
        }
    }

    /// The folder of the working tree; `None` outside of a repository and in a bare one.
    pub fn root(&self) -> Option<&Path> {
        self.repository.as_ref().and_then(Repository::root)
    }

    /// Where the policy belongs that judges these entries: the index for staged files, the base
    /// commit for a diff, the working tree for paths.
    pub fn policy_place(&self) -> &Place {
        &self.place
    }

    /// The commit a diff leads to, whose policy a change would bring.
    pub fn tip(&self) -> Option<&Place> {
        self.tip.as_ref()
    }

    /// What a person should know about how the entries were found.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// One file of the repository, `path` relative to its root and `/`-separated. `None` where there
    /// is no such file, or no repository.
    pub fn read_file(&self, place: &Place, path: &str) -> Result<Option<Vec<u8>>> {
        let Some(repository) = &self.repository else { return Ok(None) };
        if let (Place::Index, Some(gone)) = (place, &self.gone)
            && !self.entries.iter().any(|e| e.path.as_bytes() == path.as_bytes())
        {
            // Neither changed nor gone: the index has what HEAD has, and need not be read again.
            if gone.iter().any(|g| g == path.as_bytes()) {
                return Ok(None);
            }
            return match repository.head()? {
                Some(head) => repository.read_committed(head, path),
                None => Ok(None),
            };
        }
        repository.read_file(place, path)
    }
}

/// The folders that links may lead into: the repository, and every folder that was named.
fn trees(paths: &[PathBuf], root: Option<&Path>) -> Vec<PathBuf> {
    let here = Path::new(".");
    let named = paths.iter().map(PathBuf::as_path).filter(|p| p.is_dir());
    let fallback = (paths.is_empty() && root.is_none()).then_some(here);
    root.into_iter().chain(named).chain(fallback).filter_map(|p| p.canonicalize().ok()).collect()
}

/// A finding about a whole file, at the level of its rule.
fn finding(rule: Rule, path: BlobPath, message: String, help: String) -> Finding {
    Finding {
        rule,
        level: rule.level(),
        path,
        member: String::new(),
        offset: None,
        import: None,
        message,
        help: Some(help),
        entry: None,
        snippet: None,
    }
}
