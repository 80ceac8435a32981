//! Which entries a checkout changes: those that came with the attributes that say so, and those that
//! were there before, when attributes change around them.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::source::blob::Origin;
use crate::source::entry::{Entry, What};
use crate::source::git::attributes::{Attributes, Letters, Version};
use crate::source::git::change::stages;
use crate::source::git::command::Git;
use crate::source::git::conversion::Conversions;
use crate::source::git::history;
use crate::source::git::object::ObjectId;
use crate::source::git::repository::Repository;
use fickgate_engine::error::{Error, Result};
use fickgate_engine::path::BlobPath;

/// What is needed to ask for attributes in one repository.
#[derive(Clone)]
pub(in crate::source) struct Checkout {
    pub(in crate::source) git: Git,
    /// From the current folder to the root: `../` for each folder.
    pub(in crate::source) up: Vec<u8>,
    /// Attributes outside of any tree, in `.git/info` or the user's files, change checkouts.
    pub(in crate::source) outside: bool,
    /// The letters in the patterns of those.
    letters: Letters,
    /// Whether there is an index to fall back on.
    pub(in crate::source) bare: bool,
}

impl Checkout {
    pub(in crate::source) fn new(repository: &Repository) -> Checkout {
        let root = repository.root().and_then(|r| r.canonicalize().ok());
        let here = std::env::current_dir().and_then(|c| c.canonicalize()).ok();
        let depth = root.as_ref().zip(here.as_ref()).and_then(|(root, here)| here.strip_prefix(root).ok());
        let up = match repository.git.is_rooted() {
            true => Vec::new(),
            false => b"../".repeat(depth.map_or(0, |d| d.components().count())),
        };
        let setting = |name: &str| -> Option<Vec<u8>> {
            match &repository.library {
                Some(library) => {
                    let config = library.config().and_then(|mut c| c.snapshot()).ok()?;
                    Some(config.get_bytes(name).ok()?.to_vec())
                }
                None => {
                    let answer = repository.git.ask(&["config", "--get", name]).ok()??;
                    (answer.code == Some(0)).then(|| crate::source::git::command::line(&answer.out).to_vec())
                }
            }
        };
        let files = outside_files(repository.common(), setting("core.attributesfile"));
        let texts: Vec<Vec<u8>> = files.iter().filter_map(|file| std::fs::read(file).ok()).collect();
        let outside = texts.iter().any(|text| changes_content(text));
        let letters = texts.iter().map(|text| Letters::of(text)).max().unwrap_or_default();
        Checkout { git: repository.git.clone(), up, outside, letters, bare: root.is_none() }
    }

    pub(in crate::source) fn ask(&self, version: Version, paths: &[&BlobPath]) -> Result<Vec<Conversions>> {
        self.ask_for(version, paths, Letters::Any)
    }

    /// The same, if the patterns on the way to these paths have no other `letters`.
    fn ask_for(&self, version: Version, paths: &[&BlobPath], letters: Letters) -> Result<Vec<Conversions>> {
        let letters = letters.max(self.letters);
        Attributes::start_for(&self.git, version, self.up.clone(), letters, paths)
            .and_then(|mut attributes| attributes.of(paths))
            .map_err(failed)
    }
}

pub(in crate::source) fn failed(error: std::io::Error) -> Error {
    Error::new(format!("git check-attr cannot tell the attributes of files: {error}"))
        .remedy("see that git is on the PATH and that there is room for temporary files")
}

/// Attributes that belong to no tree.
fn outside_files(common: &Path, configured: Option<Vec<u8>>) -> Vec<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let xdg = std::env::var_os("XDG_CONFIG_HOME").filter(|x| !x.is_empty()).map(PathBuf::from);
    let own = match configured {
        Some(path) => match (path.strip_prefix(b"~/"), &home) {
            (Some(rest), Some(home)) => Some(home.join(BlobPath::new(rest).to_path())),
            _ => Some(BlobPath::new(path).to_path()),
        },
        None => xdg.or(home.map(|h| h.join(".config"))).map(|c| c.join("git/attributes")),
    };
    [common.join("info/attributes"), PathBuf::from("/etc/gitattributes")].into_iter().chain(own).collect()
}

/// Whether attributes in this text can make a checkout differ from what is stored. Generous: only git knows
/// where a pattern ends and its attributes begin, so any word with the name of one in it counts, unless it
/// can be nothing but one that leaves the content alone.
pub(in crate::source) fn changes_content(text: &[u8]) -> bool {
    const NAMES: [&str; 7] =
        ["text", "crlf", "eol", "ident", "working-tree-encoding", "filter", "export-subst"];
    const HARMLESS: [&[u8]; 4] = [b"eol=lf", b"filter=lfs", b"filter=annex", b"text=false"];
    text.split(u8::is_ascii_whitespace).any(|word| {
        let unset = word.strip_prefix(b"-").is_some_and(|name| NAMES.iter().any(|n| n.as_bytes() == name));
        let named = |name: &&str| memchr::memmem::find(word, name.as_bytes()).is_some();
        !unset && !HARMLESS.contains(&word) && NAMES.iter().any(named)
    })
}

pub(in crate::source) fn is_attributes(path: &BlobPath) -> bool {
    path.file_name() == b".gitattributes"
}

/// Marks the entries that a checkout changes, and adds those that were there before and that changed
/// attributes make a checkout change. `before` is the commit they are compared with, `gone` what it
/// has and they have not.
pub(in crate::source) fn mark(
    repository: &Repository,
    entries: &mut Vec<Entry>,
    tip: Option<ObjectId>,
    before: Option<ObjectId>,
    gone: &[Vec<u8>],
) -> Result<()> {
    // A submodule of that name is read by nobody, and of a link only its target, as text: what is around it has
    // other attributes then.
    let rules =
        |e: &Entry| is_attributes(&e.path) && matches!(e.what, What::Object { .. } | What::Submodule { .. });
    let files = |e: &Entry| matches!(e.what, What::Object { link: false, .. });
    if !entries.iter().any(|e| files(e) || rules(e)) && gone.is_empty() {
        return Ok(());
    }
    let checkout = Checkout::new(repository);
    let gone = gone.iter().map(|path| BlobPath::new(path.as_slice()));
    let folders: BTreeSet<Vec<u8>> = entries
        .iter()
        .filter(|e| rules(e))
        .map(|e| e.path.clone())
        .chain(gone.filter(is_attributes))
        .map(|path| folder(path.as_bytes()).to_vec())
        .collect();
    let (relevant, letters) = match folders.is_empty() {
        true => relevant(repository, entries, tip),
        false => (true, Letters::Any),
    };
    if !relevant && !checkout.outside {
        return Ok(());
    }
    for version in [Some(Version::Index), tip.map(Version::Commit)].into_iter().flatten() {
        let asked: Vec<usize> =
            (0..).zip(entries.iter()).filter(|(_, e)| is_of(e, version)).map(|(i, _)| i).collect();
        if asked.is_empty() {
            continue;
        }
        let paths: Vec<&BlobPath> = asked.iter().filter_map(|i| entries.get(*i)).map(|e| &e.path).collect();
        let found = checkout.ask_for(version, &paths, letters)?;
        for (index, conversions) in asked.into_iter().zip(found) {
            if let Some(entry) = entries.get_mut(index).filter(|_| !conversions.is_plain()) {
                entry.conversions = Some(Arc::new(conversions));
            }
        }
    }
    if folders.is_empty() {
        return Ok(());
    }
    // The index stands for everything where it is looked at, since it holds what the tip holds too.
    let version = match tip.filter(|_| !entries.iter().any(|e| is_of(e, Version::Index))) {
        Some(tip) => Version::Commit(tip),
        None => Version::Index,
    };
    let known: HashSet<&BlobPath> = entries.iter().map(|e| &e.path).collect();
    let mut around = tracked(&repository.git, version, &folders)?;
    around.retain(|e| matches!(e.what, What::Object { link: false, .. }) && !known.contains(&e.path));
    let paths: Vec<&BlobPath> = around.iter().map(|e| &e.path).collect();
    let now = checkout.ask(version, &paths)?;
    let then = match before {
        Some(before) => checkout.ask(Version::Commit(before), &paths)?,
        None => vec![Conversions::default(); paths.len()],
    };
    for ((entry, now), then) in around.into_iter().zip(now).zip(then) {
        if let What::Object { id, origin, .. } = entry.what
            && now != then
            && !now.is_plain()
        {
            let what = What::Recast { id, origin };
            entries.push(Entry { conversions: Some(Arc::new(now)), ..Entry::new(entry.path, what) });
        }
    }
    Ok(())
}

fn is_of(entry: &Entry, version: Version) -> bool {
    matches!(
        (&entry.what, version),
        (What::Object { link: false, origin: Origin::Index, .. }, Version::Index)
            | (What::Object { link: false, origin: Origin::Commit(_), .. }, Version::Commit(_))
    )
}

pub(in crate::source) fn folder(path: &[u8]) -> &[u8] {
    path.iter().rposition(|b| *b == b'/').and_then(|slash| path.get(..slash)).unwrap_or_default()
}

/// The tree of the tip, or of `HEAD`, and where its objects are. Without one: whether there may be something in it.
pub(in crate::source) fn tree_of(
    repository: &Repository,
    tip: Option<ObjectId>,
) -> std::result::Result<(&git2::Repository, git2::Tree<'_>), bool> {
    let library = repository.library.as_ref().ok_or(true)?;
    let commit = match tip {
        Some(tip) => tip.to_git2().and_then(|oid| library.find_commit(oid).ok()),
        None => library.head().ok().and_then(|head| head.peel_to_commit().ok()),
    };
    // Before the first commit there is only what is staged, which was looked at.
    let tree = commit.ok_or(tip.is_some())?.tree().map_err(|_| true)?;
    Ok((library, tree))
}

/// Whether attributes on the way to any entry change content, and the letters in their patterns. What cannot be
/// told counts as yes, and any.
fn relevant(repository: &Repository, entries: &[Entry], tip: Option<ObjectId>) -> (bool, Letters) {
    let (library, top) = match tip.map_or_else(|| repository.head(), |tip| Ok(Some(tip))) {
        Ok(Some(commit)) => match repository.top(commit) {
            Some(found) => found,
            None => return (true, Letters::Any),
        },
        // Before the first commit there is only what is staged, which was looked at.
        Ok(None) => return (false, Letters::Any),
        Err(_) => return (true, Letters::Any),
    };
    let mut folders: BTreeSet<&[u8]> = BTreeSet::new();
    for entry in entries {
        let mut inner = folder(entry.path.as_bytes());
        while folders.insert(inner) && !inner.is_empty() {
            inner = folder(inner);
        }
    }
    let mut found = (false, Letters::None);
    for folder in folders {
        let path = match folder {
            b"" => b".gitattributes".to_vec(),
            folder => [folder, b"/.gitattributes"].concat(),
        };
        let id = match top.look(library, &path) {
            Ok(Some((_, id))) => id,
            Ok(None) => continue,
            Err(_) => return (true, Letters::Any),
        };
        let (changes, letters) = library
            .find_blob(id)
            .map_or((true, Letters::Any), |b| (changes_content(b.content()), Letters::of(b.content())));
        found = (found.0 || changes, found.1.max(letters));
    }
    found
}

/// Everything that a version has below some folders.
pub(in crate::source) fn tracked(
    git: &Git,
    version: Version,
    folders: &BTreeSet<Vec<u8>>,
) -> Result<Vec<Entry>> {
    let mut found = Vec::new();
    for folder in folders {
        let name = String::from_utf8_lossy(folder).into_owned();
        // A folder whose name is not text is looked for in the whole tree instead.
        let whole = name.is_empty() || name.contains('\u{fffd}');
        let (listed, origin) = match version {
            Version::Index => {
                let spec = if whole { ":/".to_owned() } else { format!(":(top,literal){name}") };
                let out = git.lines(&["ls-files", "--stage", "-z", "--full-name", "--", &spec])?;
                (stages(&out.ok_or_else(|| history::needs_git("an index"))?)?, Origin::Index)
            }
            Version::Commit(commit) => {
                let id = commit.to_string();
                let mut args = vec!["ls-tree", "-r", "-z", "--full-tree", &id];
                let below = format!("{name}/");
                if !whole {
                    args.extend(["--", below.as_str()]);
                }
                let out = git.lines(&args)?.ok_or_else(|| history::needs_git("a commit"))?;
                (history::tree(&out)?, Origin::Commit(commit))
            }
        };
        for change in listed {
            found.push(Entry::from_change(change, origin.clone())?);
        }
    }
    found.sort_by(|a, b| a.key().cmp(&b.key()));
    found.dedup_by(|a, b| a.key() == b.key());
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_attributes_are_told_apart() {
        assert!(!changes_content(b"*.bin filter=lfs diff=lfs merge=lfs -text\n*.png binary\n* eol=lf\n"));
        for risky in ["* text=auto", "*.pkl text", "x eol=crlf", "x ident", "x filter=crypt", "[attr]m crlf"]
        {
            assert!(changes_content(risky.as_bytes()), "{risky}");
        }
        assert!(changes_content(b"x working-tree-encoding=UTF-16"));
        // Behind a quoted pattern git wants no blank.
        for quoted in ["\"m.dat\"working-tree-encoding=UTF-16LE", "\"a b\"text eol=crlf", "\"a -text\"ident"]
        {
            assert!(changes_content(quoted.as_bytes()), "{quoted}");
        }
    }
}
