//! Files and folders on disk.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ignore::WalkBuilder;

use crate::source::entry::{Entry, What};
use crate::source::git::change::{Kind, stages};
use crate::source::git::command::Git;
use crate::source::git::repository;
use fickgate_engine::error::Result;
use fickgate_engine::path::BlobPath;

/// Lists what `paths` (`.` where there are none) name: files as they are, folders with everything
/// below them that is tracked by git or not ignored. `root` is the repository the run is in.
pub(super) fn entries(paths: &[PathBuf], root: Option<&Path>) -> Result<Vec<Entry>> {
    let root = root.and_then(|r| r.canonicalize().ok());
    let here = [PathBuf::from(".")];
    let paths = if paths.is_empty() { &here[..] } else { paths };
    // One entry a name, the one that was given by name before the one that was walked to.
    let mut found: BTreeMap<BlobPath, What> = BTreeMap::new();
    for path in paths {
        if path.as_os_str() == "-" {
            found.insert(BlobPath::new("-"), What::Stream(None));
            continue;
        }
        match std::fs::metadata(path) {
            Ok(meta) if is_pipe(path, &meta) => {
                found.insert(BlobPath::from_path(path), What::Stream(Some(path.clone())));
            }
            Ok(meta) if meta.is_dir() => {
                let (disk, shown) = match path.canonicalize() {
                    Ok(disk) => {
                        let shown = shown(&disk, path, root.as_deref());
                        (disk, shown)
                    }
                    Err(e) => {
                        found.insert(BlobPath::from_path(path), What::Failed(e.to_string()));
                        continue;
                    }
                };
                for (relative, what) in folder(&disk)? {
                    found.entry(join(&shown, &relative)).or_insert(what);
                }
            }
            Ok(_) => {
                let disk = real_parent(path);
                let name = BlobPath::from_path(&shown(&disk, path, root.as_deref()));
                found.insert(name, What::File { disk, named: true, regular: false });
            }
            Err(e) => {
                // A link that leads nowhere is still there; everything else is not.
                let message = match (e.kind(), std::fs::symlink_metadata(path)) {
                    (std::io::ErrorKind::NotFound, Ok(_)) => "the link leads nowhere".to_owned(),
                    (std::io::ErrorKind::NotFound, Err(_)) => "no such file or folder".to_owned(),
                    _ => e.to_string(),
                };
                found.insert(BlobPath::from_path(path), What::Failed(message));
            }
        }
    }
    Ok(found.into_iter().map(|(path, what)| Entry::new(path, what)).collect())
}

/// Whether the path stands for a pipe that was opened for this process, as `<(...)` of a shell does. Any other
/// pipe may have nobody who writes into it.
pub fn is_pipe(path: &Path, meta: &std::fs::Metadata) -> bool {
    let open = ["/dev/fd", "/dev/stdin", "/proc/self/fd"].iter().any(|own| path.starts_with(own));
    open && fifo(meta)
}

#[cfg(unix)]
fn fifo(meta: &std::fs::Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&meta.file_type())
}

#[cfg(not(unix))]
fn fifo(_: &std::fs::Metadata) -> bool {
    false
}

/// The path with links in its folders resolved, but not one that it is itself.
fn real_parent(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (parent.canonicalize(), path.file_name()) {
        (Ok(parent), Some(name)) => parent.join(name),
        _ => path.to_owned(),
    }
}

/// What reports call it: relative to the repository where it lies in it, else as it was given.
fn shown(disk: &Path, given: &Path, root: Option<&Path>) -> PathBuf {
    match root.and_then(|root| disk.strip_prefix(root).ok()) {
        Some(inside) => inside.to_owned(),
        None => given.to_owned(),
    }
}

fn join(folder: &Path, relative: &BlobPath) -> BlobPath {
    BlobPath::from_path(&folder.join(relative.to_path()))
}

/// Everything below a folder, by its path relative to it. Other repositories inside it are folders
/// like any other, with their own index and ignore rules.
fn folder(top: &Path) -> Result<BTreeMap<BlobPath, What>> {
    let mut found = BTreeMap::new();
    // Ignore rules count in the repository of the run and in its submodules. Any other repository
    // came from somewhere, ignore rules and all.
    let mut open = vec![(top.to_owned(), true)];
    let mut seen = HashSet::new();
    while let Some((folder, trusted)) = open.pop() {
        if !seen.insert(folder.clone()) {
            continue;
        }
        // Git has the say on what is tracked. Where it has none, outside of a repository or in one it
        // refuses to open, no ignore rule hides anything.
        let tracked = tracked(&folder)?;
        let mut nested = Vec::new();
        walk(&folder, top, trusted && tracked.is_some(), &mut found, &mut nested);
        open.extend(nested.into_iter().map(|folder| (folder, false)));
        for (kind, path) in tracked.unwrap_or_default() {
            let disk = folder.join(&path);
            if kind == Kind::Submodule {
                if disk.join(".git").exists() {
                    open.push((disk, trusted));
                }
                continue;
            }
            let Some(name) = relative(&disk, top) else { continue };
            if found.contains_key(&name) {
                continue;
            }
            let Ok(meta) = std::fs::symlink_metadata(&disk) else { continue };
            if !meta.is_dir() && !beyond_a_link(&folder, &path) {
                found.insert(name, What::File { disk, named: false, regular: meta.is_file() });
            }
        }
    }
    Ok(found)
}

/// The tracked paths below a folder, relative to it. `None` where git has nothing to say.
fn tracked(folder: &Path) -> Result<Option<Vec<(Kind, PathBuf)>>> {
    if repository::is_outside(folder) {
        return Ok(None);
    }
    if let Some(answer) = Git::at(folder).ask(&["ls-files", "--stage", "-z"])? {
        if answer.code != Some(0) {
            return Ok(None);
        }
        let entries = stages(&answer.out)?;
        return Ok(Some(entries.into_iter().map(|e| (e.kind, BlobPath::new(e.path).to_path())).collect()));
    }
    let Ok(library) = git2::Repository::discover(folder) else { return Ok(None) };
    let Some(prefix) = library.workdir().and_then(|w| w.canonicalize().ok()) else { return Ok(None) };
    let Ok(index) = library.index() else { return Ok(None) };
    let below = |entry: git2::IndexEntry| {
        let kind = if entry.mode & 0o170000 == 0o160000 { Kind::Submodule } else { Kind::File };
        let disk = prefix.join(BlobPath::new(entry.path).to_path());
        Some((kind, disk.strip_prefix(folder).ok()?.to_owned()))
    };
    Ok(Some(index.iter().filter_map(below).collect()))
}

/// Whether a folder on the way to `path` is a link: then git's file is not the one on disk.
fn beyond_a_link(folder: &Path, path: &Path) -> bool {
    path.ancestors()
        .skip(1)
        .filter(|a| !a.as_os_str().is_empty())
        .any(|a| std::fs::symlink_metadata(folder.join(a)).is_ok_and(|m| m.is_symlink()))
}

/// Walks a folder of one repository; other repositories in it go to `open`.
fn walk(
    folder: &Path,
    top: &Path,
    ignore_rules: bool,
    found: &mut BTreeMap<BlobPath, What>,
    open: &mut Vec<PathBuf>,
) {
    let nested = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&nested);
    let walker = WalkBuilder::new(folder)
        .standard_filters(false)
        .git_ignore(ignore_rules)
        .git_global(ignore_rules)
        .git_exclude(ignore_rules)
        .parents(ignore_rules)
        .filter_entry(move |entry| {
            if entry.depth() == 0 {
                return true;
            }
            if entry.file_name() == ".git" {
                return false;
            }
            if entry.file_type().is_some_and(|t| t.is_dir()) && entry.path().join(".git").exists() {
                seen.lock().unwrap_or_else(PoisonError::into_inner).push(entry.path().to_owned());
                return false;
            }
            true
        })
        .build();
    for step in walker {
        match step {
            Ok(entry) => {
                if entry.file_type().is_some_and(|t| t.is_dir()) {
                    continue;
                }
                let Some(name) = relative(entry.path(), top) else { continue };
                let regular = entry.file_type().is_some_and(|t| t.is_file());
                found.insert(name, What::File { disk: entry.into_path(), named: false, regular });
            }
            Err(e) => {
                let path = path_of(&e).unwrap_or(folder);
                let name = relative(path, top).unwrap_or_else(|| BlobPath::from_path(path));
                let message = e.io_error().map_or_else(|| e.to_string(), |io| io.kind().to_string());
                found.insert(name, What::Failed(message));
            }
        }
    }
    open.append(&mut nested.lock().unwrap_or_else(PoisonError::into_inner));
}

fn relative(path: &Path, top: &Path) -> Option<BlobPath> {
    path.strip_prefix(top).ok().map(BlobPath::from_path)
}

/// The path that an error of the walk is about.
fn path_of(error: &ignore::Error) -> Option<&Path> {
    let mut error = error;
    loop {
        match error {
            ignore::Error::WithPath { path, .. } => return Some(path),
            ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => error = err,
            ignore::Error::Partial(errors) => error = errors.first()?,
            _ => return None,
        }
    }
}

/// The files on disk by their canonical path, if there is a link that may lead to one of them.
pub(super) fn files(entries: &[Entry]) -> HashSet<PathBuf> {
    let files = || {
        entries.iter().filter_map(|e| match &e.what {
            What::File { disk, regular, .. } => Some((disk, *regular)),
            _ => None,
        })
    };
    let is_link = |(disk, regular): &(&PathBuf, bool)| {
        !regular && std::fs::symlink_metadata(disk).is_ok_and(|m| m.is_symlink())
    };
    if !files().any(|f| is_link(&f)) {
        return HashSet::new();
    }
    files().filter(|f| !is_link(f)).map(|(disk, _)| disk.clone()).collect()
}

/// The folders that links may lead into: the repository, and every folder that was named.
pub(super) fn trees(paths: &[PathBuf], root: Option<&Path>) -> Vec<PathBuf> {
    let here = Path::new(".");
    let named = paths.iter().map(PathBuf::as_path).filter(|p| p.is_dir());
    let fallback = (paths.is_empty() && root.is_none()).then_some(here);
    root.into_iter().chain(named).chain(fallback).filter_map(|p| p.canonicalize().ok()).collect()
}
