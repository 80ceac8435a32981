//! What a commit would contain: the entries of the index that differ from HEAD.

use crate::source::blob::Origin;
use crate::source::entry::Entry;
pub(in crate::source) use crate::source::git::change::RAW;
use crate::source::git::change::{Change, changes, deletions, stages};
use crate::source::git::command::{Git, Running, failure};
use crate::source::git::object::ObjectId;
use crate::source::git::repository::Repository;
use fickgate_engine::error::{Error, Result};
use fickgate_engine::path::BlobPath;

/// The trees without entries, which git knows without storing them.
const EMPTY_TREE: [(&[u8], &str); 2] = [
    (b"sha1", "4b825dc642cb6eb9a060e54bf8d69288fbee4904"),
    (b"sha256", "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"),
];

/// Asks git for the difference of the index and `tree`. `None` where there is no git.
pub(in crate::source) fn ask(git: &Git, tree: &str) -> Result<Option<Running>> {
    // An entry of `git add -N` is no part of a commit. A sparse index holds whole folders as one
    // entry, which only `-r` takes apart.
    let mut args = vec!["diff-index", "-r", "--cached", "--ita-invisible-in-index"];
    args.extend(RAW);
    args.extend([tree, "--"]);
    git.start(&args)
}

/// How the index differs from HEAD.
pub(in crate::source) struct Staged {
    /// What is new or different, conflicts with all their stages.
    pub(in crate::source) entries: Vec<Entry>,
    /// What HEAD has and the index has not. `None` where that was not established.
    pub(in crate::source) gone: Option<Vec<Vec<u8>>>,
}

/// The difference of the index and HEAD. `asked` is the answer to [`ask`] for HEAD.
pub(in crate::source) fn staged(repository: &Repository, asked: Option<Running>) -> Result<Staged> {
    let library = || by_library(repository).map(|entries| Staged { entries, gone: None });
    let Some(running) = asked else { return library() };
    let answer = running.finish()?;
    let out = match answer.code {
        Some(0) => answer.out,
        _ => match unborn(&repository.git)? {
            Some(empty) => match ask(&repository.git, empty)? {
                Some(running) => running.output()?,
                None => return library(),
            },
            None => return Err(failure("git diff-index", &answer)),
        },
    };
    let gone = Some(deletions(&out));
    let changes = changes(&out)?;
    let mut entries = Vec::with_capacity(changes.len());
    let mut conflicts = false;
    for change in changes {
        conflicts |= change.unmerged;
        if !change.unmerged {
            entries.push(Entry::from_change(change, Origin::Index)?);
        }
    }
    if conflicts {
        for stage in unmerged(&repository.git)? {
            entries.push(Entry::from_change(stage, Origin::Index)?);
        }
    }
    Ok(Staged { entries, gone })
}

/// Every entry of the index, changed or not.
pub(in crate::source) fn tracked(repository: &Repository) -> Result<Vec<Entry>> {
    let listed = repository.git.lines(&["ls-files", "--stage", "-z", "--full-name", "--", ":/"])?;
    let listed = listed.ok_or_else(|| crate::source::git::history::needs_git("the whole index"))?;
    stages(&listed)?.into_iter().map(|e| Entry::from_change(e, Origin::Index)).collect()
}

/// Whether an empty index is none, as after `git clone --no-checkout`: HEAD has files.
pub(in crate::source) fn is_absent(repository: &Repository) -> Result<bool> {
    let Some(head) = repository.head()? else { return Ok(false) };
    let listed = repository.git.lines(&["ls-tree", "--full-tree", &head.to_string()])?;
    Ok(listed.is_none_or(|listed| !listed.is_empty()))
}

/// Every stage of every path in conflict.
fn unmerged(git: &Git) -> Result<Vec<Change>> {
    let out = git.lines(&["ls-files", "--unmerged", "--stage", "-z", "--full-name", "--", ":/"])?;
    stages(&out.unwrap_or_default())
}

/// The empty tree, where HEAD names no commit yet.
fn unborn(git: &Git) -> Result<Option<&'static str>> {
    let head = git.ask(&["rev-parse", "--verify", "-q", "HEAD"])?;
    if head.is_none_or(|a| a.code == Some(0)) {
        return Ok(None);
    }
    let format = git.ask(&["rev-parse", "--show-object-format"])?;
    let Some(format) = format.filter(|a| a.code == Some(0)) else { return Ok(None) };
    let name = crate::source::git::command::line(&format.out);
    Ok(EMPTY_TREE.iter().find(|(n, _)| *n == name).map(|(_, id)| *id))
}

/// The same through libgit2, which needs no git but reads fewer kinds of index and more slowly.
fn by_library(repository: &Repository) -> Result<Vec<Entry>> {
    let library = repository.library.as_ref().ok_or_else(|| repository.no_git(None))?;
    let broken = |e: git2::Error| {
        Error::new(format!("the index cannot be compared with HEAD: {}", e.message())).remedy("run: git fsck")
    };
    let index = library.index().map_err(|e| repository.no_git(Some(&e)))?;
    let tree = match library.head() {
        Ok(head) => Some(head.peel_to_tree().map_err(broken)?),
        Err(e) if e.code() == git2::ErrorCode::UnbornBranch => None,
        Err(e) => return Err(broken(e)),
    };
    let mut options = git2::DiffOptions::new();
    options.include_typechange(true).skip_binary_check(true).ignore_submodules(false);
    let diff = library.diff_tree_to_index(tree.as_ref(), Some(&index), Some(&mut options)).map_err(broken)?;
    let mut entries = Vec::new();
    for delta in diff.deltas() {
        let (file, id) = (delta.new_file(), ObjectId::from_git2(delta.new_file().id()));
        let path = BlobPath::new(file.path_bytes().unwrap_or_default());
        let known = index.get_path(&path.to_path(), 0);
        let intent = known.is_some_and(|e| {
            git2::IndexEntryExtendedFlag::from_bits_truncate(e.flags_extended).is_intent_to_add()
        });
        if delta.status() != git2::Delta::Conflicted && !intent && file.exists() {
            entries.push(Entry::object(path, u32::from(file.mode()), id, Origin::Index));
        }
    }
    for conflict in index.conflicts().map_err(broken)? {
        let conflict = conflict.map_err(broken)?;
        for side in [conflict.ancestor, conflict.our, conflict.their].into_iter().flatten() {
            let id = ObjectId::from_git2(side.id);
            entries.push(Entry::object(BlobPath::new(side.path), side.mode, id, Origin::Index));
        }
    }
    Ok(entries)
}
