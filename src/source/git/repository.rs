//! The repository a run works in: where it is, what its names mean, single files of it.

use std::cell::{OnceCell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::source::git::change::{Kind, stages};
use crate::source::git::command::{Git, failure, line};
use crate::source::git::object::{Object, ObjectId, Objects};
use crate::source::pointer::store::Stores;
use crate::source::selection::Treeish;
use fickgate_engine::error::{Error, Result};
use fickgate_engine::path::BlobPath;

/// The largest file that is read whole by [`Repository::read_file`], in bytes. Policies are far smaller.
const WHOLE_FILE: u64 = 16 << 20;

/// A repository, read through libgit2 where it can open it and through the `git` binary everywhere else.
pub(in crate::source) struct Repository {
    pub(in crate::source) git: Git,
    pub(in crate::source) library: Option<git2::Repository>,
    /// Why the library could not open it.
    refusal: Option<String>,
    /// The folder of the working tree; `None` in a bare repository.
    root: Option<PathBuf>,
    /// The folder that linked worktrees share: `.git`.
    common: PathBuf,
    /// The commit of HEAD, once it was asked for.
    head: OnceCell<Option<ObjectId>>,
    /// What lies at the root of the commits that were read last. Policies are looked for there under several names, and the
    /// library takes a large tree apart for each.
    tops: RefCell<Vec<(ObjectId, Rc<Top>)>>,
}

/// Commits of which it is kept what lies at their root: a change has a base, a fork and a tip.
const TOPS: usize = 4;

/// What lies at the root of a commit: names in one piece, and for each its end there, its mode and its object.
pub(in crate::source) struct Top {
    names: Vec<u8>,
    entries: Vec<(usize, i32, git2::Oid)>,
}

impl Top {
    fn of(tree: &git2::Tree<'_>) -> Top {
        let mut top = Top { names: Vec::new(), entries: Vec::with_capacity(tree.len()) };
        for entry in tree {
            top.names.extend_from_slice(entry.name_bytes());
            top.entries.push((top.names.len(), entry.filemode(), entry.id()));
        }
        top
    }

    /// Mode and object of what lies at a path.
    pub(in crate::source) fn look(
        &self,
        library: &git2::Repository,
        path: &[u8],
    ) -> std::result::Result<Option<(i32, git2::Oid)>, git2::Error> {
        let (first, rest) = match memchr::memchr(b'/', path) {
            Some(slash) => (&path[..slash], path.get(slash + 1..)),
            None => (path, None),
        };
        let mut start = 0;
        let found = self.entries.iter().find_map(|(end, mode, id)| {
            let this = self.names.get(start..*end) == Some(first);
            start = *end;
            this.then_some((*mode, *id))
        });
        match (found, rest) {
            (Some((0o040000, tree)), Some(rest)) => {
                let tree = library.find_tree(tree)?;
                match tree.get_path(&BlobPath::new(rest).to_path()) {
                    Ok(entry) => Ok(Some((entry.filemode(), entry.id()))),
                    Err(e) if e.code() == git2::ErrorCode::NotFound => Ok(None),
                    Err(e) => Err(e),
                }
            }
            (_, Some(_)) => Ok(None),
            (found, None) => Ok(found),
        }
    }
}

impl Repository {
    /// The repository that the environment names (git does for its hooks), or that the current folder
    /// lies in. `None` where there is none.
    pub(in crate::source) fn open() -> Result<Option<Repository>> {
        // The library looks for less, and is a good part of a short run to start.
        if is_nowhere() {
            return Ok(None);
        }
        let refusal = match open_library() {
            Ok(library) => {
                // What the environment says is relative to the current folder.
                let named = std::env::var_os("GIT_WORK_TREE").filter(|tree| !tree.is_empty());
                let named = named.and_then(|tree| Some(std::env::current_dir().ok()?.join(tree)));
                let root = named.or_else(|| library.workdir().map(Path::to_owned));
                let common = library.commondir().to_owned();
                let git = git_of(root.as_deref(), library.path());
                // Git does not hash what it reads either; what arrives from outside it has hashed.
                git2::opts::strict_hash_verification(false);
                let library = Some(library);
                let (head, tops) = Default::default();
                return Ok(Some(Repository { git, library, refusal: None, root, common, head, tops }));
            }
            Err(e) => e.message().to_owned(),
        };
        let git = Git::here();
        let Some(common) = git.ask(&["rev-parse", "--git-common-dir"])? else {
            if refusal.contains("could not find repository") {
                return Ok(None);
            }
            return Err(Error::new(format!("the repository cannot be opened: {}", refusal.escape_debug()))
                .remedy("install git: this kind of repository is read through it"));
        };
        if common.code != Some(0) {
            // One without a working tree has to be named to git.
            if common.err.contains("bare repository") {
                return Repository::bare_by_git(refusal).map(Some);
            }
            return if common.err.contains("not a git repository") {
                Ok(None)
            } else {
                Err(failure("git rev-parse", &common))
            };
        }
        let common = BlobPath::new(line(&common.out)).to_path();
        let common = common.canonicalize().unwrap_or(common);
        let root = match git.ask(&["rev-parse", "--show-toplevel"])? {
            Some(top) if top.code == Some(0) => Some(BlobPath::new(line(&top.out)).to_path()),
            _ => None,
        };
        let git = git_of(root.as_deref(), &common);
        let (head, tops) = Default::default();
        Ok(Some(Repository { git, library: None, refusal: Some(refusal), root, common, head, tops }))
    }

    /// The bare repository that is the current folder, where only git can read it.
    fn bare_by_git(refusal: String) -> Result<Repository> {
        let here = std::env::current_dir().and_then(|here| here.canonicalize());
        let here = here.map_err(|e| Error::new(format!("the current folder cannot be told: {e}")))?;
        let common = here.ancestors().find(|folder| is_bare(folder)).unwrap_or(&here).to_owned();
        let git = Git::bare(&common);
        Ok(Repository {
            git,
            library: None,
            refusal: Some(refusal),
            root: None,
            common,
            head: OnceCell::new(),
            tops: RefCell::default(),
        })
    }

    /// The same, where a missing repository is an error.
    pub(in crate::source) fn require() -> Result<Repository> {
        Repository::open()?.ok_or_else(|| {
            Error::new("this folder is in no git repository")
                .remedy("run it inside a repository, or name the files and folders to scan")
        })
    }

    pub(in crate::source) fn root(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    pub(in crate::source) fn common(&self) -> &Path {
        &self.common
    }

    /// The local stores beside it.
    pub(in crate::source) fn stores(&self) -> Stores {
        Stores::new(self.git.clone(), Some(self.common.clone()), self.root.clone())
    }

    /// A reader of its own for the objects, one of `readers` that work at the same time.
    pub(in crate::source) fn objects(&self, readers: usize) -> Objects {
        match &self.library {
            Some(_) => Objects::opening(|| open_library().ok(), self.git.clone(), &self.common, readers),
            None => Objects::new(None, self.git.clone(), Some(&self.common), readers),
        }
    }

    /// What to say where only git could read the repository and there is no git.
    pub(in crate::source) fn no_git(&self, index: Option<&git2::Error>) -> Error {
        let why = index.map(|e| e.message()).or(self.refusal.as_deref()).unwrap_or("it is not supported");
        let error = Error::new(format!("the repository cannot be read without git: {}", why.escape_debug()));
        match why {
            w if w.contains("'link'") => {
                error.remedy("install git, or run: git update-index --no-split-index")
            }
            w if w.contains("'sdir'") => {
                error.remedy("install git, or run: git sparse-checkout reapply --no-sparse-index")
            }
            _ => error.remedy("install git and see that it is on the PATH"),
        }
    }

    /// Whether history is cut off (`git clone --depth`).
    pub(in crate::source) fn is_shallow(&self) -> Result<bool> {
        match &self.library {
            Some(library) => Ok(library.is_shallow()),
            None => Ok(self
                .git
                .lines(&["rev-parse", "--is-shallow-repository"])?
                .is_some_and(|o| line(&o) == b"true")),
        }
    }

    /// The commit of HEAD; `None` before the first one.
    pub(in crate::source) fn head(&self) -> Result<Option<ObjectId>> {
        if let Some(known) = self.head.get() {
            return Ok(*known);
        }
        let head = match self.library.as_ref().and_then(|l| l.head().ok()?.peel_to_commit().ok()) {
            Some(commit) => ObjectId::from_git2(commit.id()),
            None => match self.git.ask(&["rev-parse", "--verify", "-q", "HEAD^{commit}"])? {
                Some(answer) if answer.code == Some(0) => ObjectId::from_hex(line(&answer.out)),
                Some(answer) if answer.code == Some(1) => None,
                Some(answer) => return Err(failure("git rev-parse", &answer)),
                None if self.library.is_some() => None,
                None => return Err(self.no_git(None)),
            },
        };
        Ok(*self.head.get_or_init(|| head))
    }

    /// One file, `path` relative to the root, `/`-separated. `None` where there is no such file.
    pub(in crate::source) fn read_file(&self, place: &Treeish, path: &str) -> Result<Option<Vec<u8>>> {
        match place {
            Treeish::Worktree => self.root.as_deref().map_or(Ok(None), |root| read_below(root, path)),
            Treeish::Nowhere => Ok(None),
            Treeish::Commit(commit) => self.read_committed(*commit, path),
            Treeish::Index => {
                let spec = format!(":(top,literal){path}");
                let Some(out) = self.git.lines(&["ls-files", "--stage", "-z", "--full-name", "--", &spec])?
                else {
                    return self.read_indexed_by_library(path);
                };
                let entries = stages(&out)?;
                let Some(entry) = entries.iter().find(|e| e.path == path.as_bytes()) else {
                    return Ok(None);
                };
                if entry.unmerged {
                    return Err(Error::new(format!("{path} is in conflict"))
                        .remedy(format!("resolve it and run: git add {path}")));
                }
                self.read_entry(entry.kind, entry.id, path)
            }
        }
    }

    /// One file of a commit.
    pub(in crate::source) fn read_committed(&self, commit: ObjectId, path: &str) -> Result<Option<Vec<u8>>> {
        if let Some((library, top)) = self.top(commit) {
            let found = match top.look(library, path.as_bytes()) {
                Ok(Some(found)) => found,
                Ok(None) => return Ok(None),
                Err(e) => {
                    let text = format!("{path} of commit {commit} cannot be read: {}", e.message());
                    return Err(Error::new(text).remedy("run: git fsck"));
                }
            };
            let kind = match found.0 {
                0o120000 => Kind::Link,
                0o160000 => Kind::Submodule,
                0o040000 => Kind::Folder,
                _ => Kind::File,
            };
            return self.read_entry(kind, ObjectId::from_git2(found.1), path);
        }
        let spec = commit.to_string();
        let out = self.git.lines(&["ls-tree", "-z", "--full-tree", &spec, "--", path])?;
        let out = out.ok_or_else(|| self.no_git(None))?;
        // `100644 blob <id>\t<path>\0`
        let mut words = out.split(|b| *b == b' ' || *b == b'\t');
        let (Some(mode), Some(_), Some(id)) = (words.next(), words.next(), words.next()) else {
            return Ok(None);
        };
        let kind = match mode.get(..3) {
            Some(b"120") => Kind::Link,
            Some(b"160") => Kind::Submodule,
            Some(b"040") => Kind::Folder,
            _ => Kind::File,
        };
        self.read_entry(kind, ObjectId::from_hex(id), path)
    }

    /// What lies at the root of a commit, and where its objects are. `None` where the library does not have its tree.
    pub(in crate::source) fn top(&self, commit: ObjectId) -> Option<(&git2::Repository, Rc<Top>)> {
        let library = self.library.as_ref()?;
        let mut tops = self.tops.borrow_mut();
        if let Some((_, known)) = tops.iter().find(|(of, _)| *of == commit) {
            return Some((library, Rc::clone(known)));
        }
        let tree = library.find_commit(commit.to_git2()?).and_then(|c| c.tree()).ok()?;
        let top = Rc::new(Top::of(&tree));
        if tops.len() == TOPS {
            tops.remove(0);
        }
        tops.push((commit, Rc::clone(&top)));
        Some((library, top))
    }

    fn read_indexed_by_library(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let library = self.library.as_ref().ok_or_else(|| self.no_git(None))?;
        let index = library.index().map_err(|e| self.no_git(Some(&e)))?;
        match index.get_path(Path::new(path), 0) {
            Some(entry) => {
                let kind = match entry.mode {
                    0o120000 => Kind::Link,
                    0o160000 => Kind::Submodule,
                    _ => Kind::File,
                };
                self.read_entry(kind, ObjectId::from_git2(entry.id), path)
            }
            None => Ok(None),
        }
    }

    fn read_entry(&self, kind: Kind, id: Option<ObjectId>, path: &str) -> Result<Option<Vec<u8>>> {
        match (kind, id) {
            (Kind::File, Some(id)) => match self.objects(1).read(id) {
                Ok(Object::Blob(content)) if content.len() <= WHOLE_FILE => content
                    .read_range(0, WHOLE_FILE as usize)
                    .map(Some)
                    .map_err(|e| Error::new(format!("{path} cannot be read: {e}"))),
                Ok(Object::Blob(_) | Object::TooLarge(_)) => {
                    Err(Error::new(format!("{path} is larger than {WHOLE_FILE} bytes")))
                }
                Ok(Object::Missing) => Err(Error::new(format!("the object of {path} is not in this clone"))
                    .remedy(format!("run: git cat-file -e {id}"))),
                Err(e) => Err(Error::new(format!("{path}: {e}")).remedy("run: git fsck")),
            },
            (Kind::Link, _) => {
                Err(Error::new(format!("{path} is a symbolic link, which is not followed in git"))
                    .remedy("commit the file itself"))
            }
            (Kind::Folder | Kind::Submodule, _) => Err(no_file(path)),
            (Kind::File, None) => Ok(None),
        }
    }
}

/// Two versions of a file merged by lines as git merges them; `None` where they conflict.
pub(in crate::source) fn merged(ours: &[u8], fork: &[u8], theirs: &[u8]) -> Result<Option<Vec<u8>>> {
    let input = |bytes| {
        let mut input = git2::MergeFileInput::new();
        input.content(bytes);
        input
    };
    let merged = git2::merge_file(&input(fork), &input(ours), &input(theirs), None).map_err(|e| {
        Error::new(format!("two versions of a policy cannot be merged: {}", e.message()))
            .remedy("merge the base into the change first")
    })?;
    Ok(merged.is_automergeable().then(|| merged.content().to_vec()))
}

/// The repository that the environment names, or the one around the current folder.
pub(in crate::source) fn open_library() -> std::result::Result<git2::Repository, git2::Error> {
    let found = git2::Repository::open_from_env()?;
    if !found.is_bare() || std::env::var_os("GIT_DIR").is_some() {
        return Ok(found);
    }
    // A folder of a working tree may hold what looks like a repository without one.
    let Ok(inner) = found.path().canonicalize() else { return Ok(found) };
    let outer = inner.ancestors().skip(1).find_map(|folder| {
        let outer = git2::Repository::discover(folder).ok()?;
        let root = outer.workdir()?.canonicalize().ok()?;
        // Git's own folder is in no working tree.
        let own = outer.path().canonicalize().is_ok_and(|own| inner.starts_with(own));
        (!outer.is_bare() && inner.starts_with(&root) && !own).then_some(outer)
    });
    Ok(outer.unwrap_or(found))
}

/// Git for a repository with this working tree or, without one, in this folder. What the environment says of the
/// repository is relative to the folder git was called in.
fn git_of(root: Option<&Path>, path: &Path) -> Git {
    match root {
        _ if std::env::var_os("GIT_DIR").is_some() => Git::here(),
        Some(root) => Git::rooted(root),
        None => Git::bare(path),
    }
}

/// Whether git tracks the regular file at `path`, by this name or by one that some systems take for it.
pub fn is_tracked(path: &Path) -> bool {
    let regular = std::fs::metadata(path).is_ok_and(|meta| meta.is_file());
    let Some(name) = path.file_name().filter(|_| regular) else { return false };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let spec = format!(":(icase,literal){}", name.to_string_lossy());
    let listed = Git::at(folder).ask(&["ls-files", "-z", "--", &spec]);
    listed.is_ok_and(|answer| answer.is_some_and(|answer| answer.code == Some(0) && !answer.out.is_empty()))
}

/// Whether a folder has what git takes for a repository without a working tree.
fn is_bare(folder: &Path) -> bool {
    folder.join("HEAD").exists() && folder.join("objects").is_dir() && folder.join("refs").is_dir()
}

/// Whether neither the environment nor any folder from here up has what git begins to look for.
fn is_nowhere() -> bool {
    std::env::var_os("GIT_DIR").is_none() && std::env::current_dir().is_ok_and(|here| is_outside(&here))
}

/// Whether no folder from this one up has what git begins to look for. It is an absolute path without links.
pub(in crate::source) fn is_outside(folder: &Path) -> bool {
    let has = |folder: &Path, name| folder.join(name).symlink_metadata().is_ok();
    !folder.ancestors().any(|folder| has(folder, ".git") || has(folder, "HEAD"))
}

/// Whether git finds the same repository from the current folder as it would with every care.
pub(in crate::source) fn is_plain() -> bool {
    if std::env::var_os("GIT_DIR").is_some() {
        return true;
    }
    let Ok(here) = std::env::current_dir() else { return false };
    let inner = here.ancestors().take_while(|folder| !folder.join(".git").exists());
    !inner.chain(here.ancestors().find(|folder| folder.join(".git").exists())).any(is_bare)
}

/// The error for a revision that is not known here, with the command that would fetch it.
pub(in crate::source) fn unknown(rev: &str) -> Error {
    Error::new(format!("unknown revision: {}", rev.escape_debug()))
        .remedy(format!("fetch it first: git fetch origin {}", rev.escape_debug()))
}

fn no_file(path: &str) -> Error {
    Error::new(format!("{path} is a folder, a submodule or a device, where a file is wanted"))
        .remedy("move it away, and commit the file itself")
}

/// One file below a folder, as git would have it: nothing on the way may be a link, or belong to another
/// repository. `None` where there is no such file.
///
/// # Errors
/// A link, a folder or a device in its place, and what cannot be read.
pub fn read_below(root: &Path, path: &str) -> Result<Option<Vec<u8>>> {
    use std::io::{ErrorKind, Read};
    let full = root.join(path);
    let shown = full.display().to_string();
    let fail = |e: std::io::Error| Error::new(format!("{shown} cannot be read: {e}"));
    let mut at = root.to_owned();
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        at.push(part);
        let meta = match std::fs::symlink_metadata(&at) {
            Ok(meta) => meta,
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(e) => return Err(fail(e)),
        };
        let last = parts.peek().is_none();
        if meta.is_symlink() && (last || full.symlink_metadata().is_ok()) {
            let link = at.strip_prefix(root).unwrap_or(&at).display();
            return Err(Error::new(format!("{link} is a symbolic link, which is not followed to a policy"))
                .remedy("put the file itself there"));
        }
        if meta.is_symlink() || (!last && at.join(".git").exists()) {
            return Ok(None);
        }
        if last && !meta.is_file() {
            return Err(no_file(&shown));
        }
    }
    let file = crate::source::file::open(&full, false).map_err(fail)?;
    if !file.metadata().map_err(fail)?.is_file() {
        return Err(no_file(&shown));
    }
    let mut bytes = Vec::new();
    file.take(WHOLE_FILE + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > WHOLE_FILE {
        return Err(Error::new(format!("{shown} is larger than {WHOLE_FILE} bytes")));
    }
    Ok(Some(bytes))
}
