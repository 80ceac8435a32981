//! Submodules: what is in the commit that a repository names for one.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::source::blob::Origin;
use crate::source::entry::{Entry, What};
use crate::source::git::attributes::{Attributes, Version};
use crate::source::git::change::Kind;
use crate::source::git::checkout::failed;
use crate::source::git::command::{Git, line};
use crate::source::git::folders::Folders;
use crate::source::git::history;
use crate::source::git::object::ObjectId;
use crate::source::git::repository::Repository;
use fickgate_engine::path::BlobPath;

/// Where the repositories of submodules lie.
#[derive(Clone, Debug)]
pub(in crate::source) struct Submodules {
    root: Option<PathBuf>,
    common: PathBuf,
}

impl Submodules {
    pub(in crate::source) fn of(repository: &Repository) -> Submodules {
        Submodules { root: repository.root().map(Path::to_owned), common: repository.common().to_owned() }
    }

    /// Every file in the commit of the submodule at `path`, or in the one it has checked out; those of
    /// submodules in it too. What cannot be listed is an entry that says so.
    pub(in crate::source) fn entries(&self, path: &BlobPath, commit: Option<ObjectId>) -> Vec<Entry> {
        let Some(commit) = commit.or_else(|| self.checked_out(path)) else {
            let message = "the submodule has nothing checked out; run: git submodule update --init";
            return vec![Entry::new(path.clone(), What::Failed(message.to_owned()))];
        };
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        let mut open = vec![(path.clone(), commit)];
        while let Some((path, commit)) = open.pop() {
            if !seen.insert((path.clone(), commit)) {
                continue;
            }
            match self.list(&path, commit) {
                Ok((entries, inner)) => {
                    found.extend(entries);
                    open.extend(inner);
                }
                Err(message) => found.push(Entry::new(path, What::Failed(message))),
            }
        }
        found
    }

    fn list(&self, path: &BlobPath, commit: ObjectId) -> Result<Listing, String> {
        let missing = || {
            format!("the submodule has no commit {commit} here; run: git submodule update --init --recursive")
        };
        let folder = self.folder(path).ok_or_else(missing)?;
        let name = commit.to_string();
        let answer = Git::at(&folder).ask(&["ls-tree", "-r", "-z", "--full-tree", &name]);
        let answer = answer.map_err(|e| e.to_string())?.ok_or("git is not on the PATH")?;
        if answer.code != Some(0) {
            return Err(missing());
        }
        let (mut entries, mut inner) = (Vec::new(), Vec::new());
        let (mut own, mut folders) = (Vec::new(), Folders::default());
        for change in history::tree(&answer.out).map_err(|e| e.to_string())? {
            let inside = [path.as_bytes(), b"/", &change.path].concat();
            let inside = BlobPath::new(inside);
            let Some(id) = change.id else { continue };
            folders.meet(
                &Entry::from_change(change.clone(), Origin::Commit(commit)).map_err(|e| e.to_string())?,
            );
            match change.kind {
                Kind::Submodule => inner.push((inside, id)),
                kind => {
                    let link = kind == Kind::Link;
                    own.push(BlobPath::new(change.path));
                    entries
                        .push(Entry::new(inside, What::Inner { folder: folder.clone(), id, link, commit }));
                }
            }
        }
        // What a checkout makes of its files is for its own attributes to say, and for those that no tree has.
        let paths: Vec<&BlobPath> = own.iter().collect();
        let asked = Attributes::start(&Git::at(&folder), Version::Commit(commit), Vec::new());
        let found =
            asked.and_then(|mut attributes| attributes.of(&paths)).map_err(|e| failed(e).to_string())?;
        for ((entry, conversions), own) in entries.iter_mut().zip(found).zip(&own) {
            let conversions = folders.conversions(own).unwrap_or(conversions);
            let file = matches!(entry.what, What::Inner { link: false, .. });
            entry.conversions = (file && !conversions.is_plain()).then(|| Arc::new(conversions));
        }
        Ok((entries, inner))
    }

    fn checked_out(&self, path: &BlobPath) -> Option<ObjectId> {
        let answer = Git::at(&self.folder(path)?).ask(&["rev-parse", "--verify", "-q", "HEAD"]).ok()??;
        ObjectId::from_hex(line(&answer.out)).filter(|_| answer.code == Some(0))
    }

    /// The folder in which git finds the submodule's repository.
    fn folder(&self, path: &BlobPath) -> Option<PathBuf> {
        let path = path.to_path();
        let checked_out = self.root.as_ref().map(|root| root.join(&path)).filter(|f| f.join(".git").exists());
        // Git keeps those that are not checked out now, by a name that is the path at first.
        checked_out
            .or_else(|| Some(self.common.join("modules").join(&path)).filter(|f| f.join("HEAD").exists()))
    }
}

/// The files of a commit, and the submodules in it.
type Listing = (Vec<Entry>, Vec<(BlobPath, ObjectId)>);
