//! What changed: between two commits, or since the merge base up to the files on disk.

use crate::source::blob::Origin;
use crate::source::entry::{Entry, What};
use crate::source::git::change::{Kind, changes, deletions};
use crate::source::git::command::failure;
use crate::source::git::index::{self, RAW};
use crate::source::git::names::Side;
use crate::source::git::object::ObjectId;
use crate::source::git::repository::{Repository, unknown};
use fickgate_engine::error::{Error, Result};
use fickgate_engine::path::BlobPath;

/// What `--diff` was given.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Range<'a> {
    /// `REV`: its merge base with HEAD, against HEAD, the index and the disk.
    Since(&'a str),
    /// `A..B`: the two trees.
    Between(&'a str, &'a str),
    /// `A...B`: the merge base of both, against B.
    Forked(&'a str, &'a str),
}

impl Range<'_> {
    fn parse(text: &str) -> Range<'_> {
        // An omitted end is HEAD, as everywhere in git.
        let or_head = |s| if str::is_empty(s) { "HEAD" } else { s };
        if let Some((a, b)) = text.split_once("...") {
            Range::Forked(or_head(a), or_head(b))
        } else if let Some((a, b)) = text.split_once("..") {
            Range::Between(or_head(a), or_head(b))
        } else {
            Range::Since(text)
        }
    }
}

/// The changed entries, and what they are compared with.
pub(in crate::source) struct Diff {
    pub(in crate::source) entries: Vec<Entry>,
    /// What a base has and the tip has not.
    pub(in crate::source) gone: Vec<Vec<u8>>,
    /// The commits that contents are compared with: every merge base, or the other end of `A..B`.
    pub(in crate::source) bases: Vec<ObjectId>,
    /// The commit that was named, whose policy judges.
    pub(in crate::source) named: ObjectId,
    /// The commit of the new side.
    pub(in crate::source) tip: ObjectId,
    /// What a person should know about how it was done.
    pub(in crate::source) notices: Vec<String>,
}

impl Diff {
    /// Whether there was anything to compare: the base has every commit of the tip otherwise.
    pub(in crate::source) fn is_nothing(&self) -> bool {
        self.entries.is_empty() && self.gone.is_empty() && self.bases.contains(&self.tip)
    }
}

/// Lists what `text` (`REV`, `A..B` or `A...B`) covers.
pub(in crate::source) fn diff(repository: &Repository, text: &str) -> Result<Diff> {
    let mut notices = Vec::new();
    let commit = |rev: &str, side| match repository.resolve(rev, side)? {
        Some(id) => Ok(id),
        None if rev == "HEAD" => {
            Err(Error::new("HEAD has no commit yet").remedy("scan what is staged instead: fickgate --staged"))
        }
        None => Err(missing(repository, rev)?),
    };
    let range = Range::parse(text);
    let to_disk = matches!(range, Range::Since(_)) && repository.root().is_some();
    let (named, bases, tip) = match range {
        Range::Between(a, b) => {
            let (a, b) = (commit(a, Side::Base)?, commit(b, Side::Tip)?);
            (a, vec![a], b)
        }
        Range::Since(a) | Range::Forked(a, _) => {
            let b = if let Range::Forked(_, b) = range { b } else { "HEAD" };
            let (named, tip) = (commit(a, Side::Base)?, commit(b, Side::Tip)?);
            (named, fork_points(repository, a, named, tip, &mut notices)?, tip)
        }
    };
    let (mut gone, mut entries) = (Vec::new(), Vec::new());
    // What differs from any of several bases counts: which of them a merge would go by is not known.
    for base in &bases {
        entries.extend(trees(repository, *base, tip, &mut gone)?);
    }
    if to_disk {
        to_worktree(repository, &mut entries)?;
    }
    Ok(Diff { entries, gone, bases, named, tip, notices })
}

/// Every merge base, or the base's tip itself in a shallow clone that does not reach one.
fn fork_points(
    repository: &Repository,
    rev: &str,
    base: ObjectId,
    tip: ObjectId,
    notices: &mut Vec<String>,
) -> Result<Vec<ObjectId>> {
    let found = merge_bases(repository, base, tip)?;
    if !found.is_empty() {
        return Ok(found);
    }
    let rev = rev.escape_debug();
    if repository.is_shallow()? {
        // A blob that the tip of the base has too is there already, so comparing the tips can only
        // report more than the merge base would.
        notices.push(format!(
            "no merge base with {rev} in this shallow clone: the tips are compared, which can report more; \
             for the exact range run: git fetch --unshallow"
        ));
        return Ok(vec![base]);
    }
    Err(Error::new(format!("{rev} and HEAD have no common history"))
        .remedy(format!("compare the two trees instead: fickgate --diff {rev}..HEAD")))
}

fn merge_bases(repository: &Repository, a: ObjectId, b: ObjectId) -> Result<Vec<ObjectId>> {
    match repository.git.ask(&["merge-base", "--all", &a.to_string(), &b.to_string()])? {
        Some(answer) => match answer.code {
            Some(0) => Ok(answer.out.split(|b| *b == b'\n').filter_map(ObjectId::from_hex).collect()),
            Some(1) => Ok(Vec::new()),
            _ => Err(failure("git merge-base", &answer)),
        },
        None => {
            let library = repository.library.as_ref().ok_or_else(|| repository.no_git(None))?;
            let (Some(a), Some(b)) = (a.to_git2(), b.to_git2()) else { return Ok(Vec::new()) };
            match library.merge_bases(a, b) {
                Ok(oids) => Ok(oids.iter().filter_map(|oid| ObjectId::from_git2(*oid)).collect()),
                Err(e) if e.code() == git2::ErrorCode::NotFound => Ok(Vec::new()),
                Err(e) => Err(Error::new(format!("no merge base can be computed: {}", e.message()))
                    .remedy("run: git fsck")),
            }
        }
    }
}

/// The difference of two commits' trees.
fn trees(
    repository: &Repository,
    base: ObjectId,
    tip: ObjectId,
    gone: &mut Vec<Vec<u8>>,
) -> Result<Vec<Entry>> {
    let (a, b) = (base.to_string(), tip.to_string());
    let mut args = vec!["diff-tree", "-r"];
    args.extend(RAW);
    args.extend([a.as_str(), b.as_str(), "--"]);
    let Some(out) = repository.git.lines(&args)? else { return trees_by_library(repository, base, tip) };
    gone.extend(deletions(&out));
    changes(&out)?.into_iter().map(|c| Entry::from_change(c, Origin::Commit(tip))).collect()
}

fn trees_by_library(repository: &Repository, base: ObjectId, tip: ObjectId) -> Result<Vec<Entry>> {
    let library = repository.library.as_ref().ok_or_else(|| repository.no_git(None))?;
    let tree = |id: ObjectId| {
        let oid = id.to_git2().ok_or_else(|| git2::Error::from_str("not a valid object name"))?;
        library.find_commit(oid)?.tree()
    };
    let compared = tree(base).and_then(|a| tree(tip).map(|b| (a, b))).and_then(|(a, b)| {
        let mut options = git2::DiffOptions::new();
        options.include_typechange(true).skip_binary_check(true).ignore_submodules(false);
        library.diff_tree_to_tree(Some(&a), Some(&b), Some(&mut options))
    });
    let diff = compared.map_err(|e| {
        Error::new(format!("the two commits cannot be compared: {}", e.message())).remedy("run: git fsck")
    })?;
    let new = diff.deltas().map(|d| d.new_file()).filter(git2::DiffFile::exists);
    Ok(new
        .map(|file| {
            let path = BlobPath::new(file.path_bytes().unwrap_or_default());
            Entry::object(path, u32::from(file.mode()), ObjectId::from_git2(file.id()), Origin::Commit(tip))
        })
        .collect())
}

/// Adds what is staged and what is changed or new on disk. A file that differs in a commit, in the
/// index and on disk is judged in all three forms.
fn to_worktree(repository: &Repository, entries: &mut Vec<Entry>) -> Result<()> {
    let git = &repository.git;
    let root = repository.root().unwrap_or(std::path::Path::new("."));
    let disk = |path: Vec<u8>| {
        let path = BlobPath::new(path);
        let disk = root.join(path.to_path());
        Entry::new(path, What::File { disk, named: false, regular: false })
    };
    // All at once: each of them walks the index or the disk on its own.
    let mut unstaged = vec!["diff-files"];
    unstaged.extend(RAW);
    let unstaged = git.start(&unstaged)?;
    let untracked =
        git.start(&["ls-files", "--others", "--exclude-standard", "-z", "--full-name", "--", ":/"])?;
    let staged = index::ask(git, "HEAD")?;
    let (Some(unstaged), Some(untracked)) = (unstaged, untracked) else {
        return Err(Error::new("comparing with the working tree needs git, which is not on the PATH")
            .remedy("install git, or compare commits only: fickgate --diff A..B"));
    };
    entries.extend(index::staged(repository, staged)?.entries);
    for change in changes(&unstaged.output()?)? {
        entries.push(match change.kind {
            Kind::Submodule => Entry::new(BlobPath::new(change.path), What::Submodule { commit: change.id }),
            _ => disk(change.path),
        });
    }
    for path in untracked.output()?.split(|b| *b == 0).filter(|p| !p.is_empty()) {
        entries.push(match path.strip_suffix(b"/") {
            Some(folder) => {
                Entry::new(BlobPath::new(folder), What::Skipped("another repository inside this one"))
            }
            None => disk(path.to_vec()),
        });
    }
    Ok(())
}

/// The error for a revision that is not here.
fn missing(repository: &Repository, rev: &str) -> Result<Error> {
    if rev.starts_with('-') || rev.is_empty() {
        return Ok(Error::new(format!("not a revision: {}", rev.escape_debug())));
    }
    let depth = if repository.is_shallow()? { "--no-tags --depth=1 " } else { "" };
    let shown = rev.escape_debug().to_string();
    let remotes = repository.git.lines(&["remote"])?.unwrap_or_default();
    let remotes = String::from_utf8_lossy(&remotes).into_owned();
    let tracked = remotes.lines().find_map(|r| Some((r, shown.strip_prefix(r)?.strip_prefix('/')?)));
    let plain = rev.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b));
    let hex = rev.len() >= 40 && rev.bytes().all(|b| b.is_ascii_hexdigit());
    let remote = remotes.lines().next();
    let error = Error::new(format!("unknown revision: {shown}"));
    Ok(match (tracked, remote) {
        _ if !plain => error.remedy("see `git help revisions`; `git branch -a` lists what there is"),
        (Some((remote, branch)), _) => error.remedy(format!(
            "fetch it first: git fetch {depth}{remote} {branch}:refs/remotes/{remote}/{branch}"
        )),
        (None, Some(remote)) if hex => {
            error.remedy(format!("fetch it first: git fetch {depth}{remote} {shown}"))
        }
        (None, Some(remote)) => error.remedy(format!(
            "fetch it first: git fetch {depth}{remote} {shown}:refs/remotes/{remote}/{shown} \
             and use --diff {remote}/{shown}"
        )),
        (None, None) => unknown(rev).remedy("`git branch -a` lists what there is"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_have_three_forms_and_default_ends() {
        assert_eq!(Range::parse("origin/main"), Range::Since("origin/main"));
        assert_eq!(Range::parse("HEAD^1..HEAD"), Range::Between("HEAD^1", "HEAD"));
        assert_eq!(Range::parse("v1.0...topic"), Range::Forked("v1.0", "topic"));
        assert_eq!(Range::parse("main.."), Range::Between("main", "HEAD"));
        assert_eq!(Range::parse("...topic"), Range::Forked("HEAD", "topic"));
    }
}
