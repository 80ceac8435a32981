//! The repository a run works in: where it is, what its names mean, single files of it.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use crate::source::git::change::{Kind, stages};
use crate::source::git::command::{Git, failure, line};
use crate::source::git::object::{Object, ObjectId, Objects};
use crate::source::pointer::store::Stores;
use crate::source::selection::Place;
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
}

impl Repository {
    /// The repository that the environment names (git does for its hooks), or that the current folder
    /// lies in. `None` where there is none.
    pub(in crate::source) fn open() -> Result<Option<Repository>> {
        let git = Git::here();
        let refusal = match git2::Repository::open_from_env() {
            Ok(library) => {
                let root = library.workdir().map(Path::to_owned);
                let common = library.commondir().to_owned();
                // Git does not hash what it reads either; what arrives from outside it has hashed.
                git2::opts::strict_hash_verification(false);
                let library = Some(library);
                let head = OnceCell::new();
                return Ok(Some(Repository { git, library, refusal: None, root, common, head }));
            }
            Err(e) => e.message().to_owned(),
        };
        let Some(common) = git.ask(&["rev-parse", "--git-common-dir"])? else {
            if refusal.contains("could not find repository") {
                return Ok(None);
            }
            return Err(Error::new(format!("the repository cannot be opened: {}", refusal.escape_debug()))
                .remedy("install git: this kind of repository is read through it"));
        };
        if common.code != Some(0) {
            return if common.err.contains("not a git repository") {
                Ok(None)
            } else {
                Err(failure("git rev-parse", &common))
            };
        }
        let common = BlobPath::new(line(&common.out)).to_path();
        let root = match git.ask(&["rev-parse", "--show-toplevel"])? {
            Some(top) if top.code == Some(0) => Some(BlobPath::new(line(&top.out)).to_path()),
            _ => None,
        };
        let head = OnceCell::new();
        Ok(Some(Repository { git, library: None, refusal: Some(refusal), root, common, head }))
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
        let library = self.library.as_ref().and_then(|_| git2::Repository::open_from_env().ok());
        Objects::new(library, self.git.clone(), readers)
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

    /// The commit a revision names; `None` where it names none.
    pub(in crate::source) fn resolve(&self, rev: &str) -> Result<Option<ObjectId>> {
        if rev.is_empty() || rev.starts_with('-') || rev.contains('\0') {
            return Ok(None);
        }
        if let Some(id) = self.commit_of_library(rev) {
            return Ok(Some(id));
        }
        let commit = format!("{rev}^{{commit}}");
        match self.git.ask(&["rev-parse", "--verify", "-q", &commit])? {
            Some(a) if a.code == Some(0) => Ok(ObjectId::from_hex(line(&a.out))),
            Some(a) if a.code == Some(1) => Ok(None),
            Some(a) => Err(failure("git rev-parse", &a)),
            None => {
                let library = self.library.as_ref().ok_or_else(|| self.no_git(None))?;
                let found = library.revparse_single(rev).and_then(|o| o.peel_to_commit());
                Ok(found.ok().and_then(|c| ObjectId::from_git2(c.id())))
            }
        }
    }

    /// The commit of a full name, which means the same to everyone.
    fn commit_of_library(&self, rev: &str) -> Option<ObjectId> {
        let id = ObjectId::from_hex(rev.as_bytes())?;
        self.library.as_ref()?.find_commit(id.to_git2()?).ok().map(|_| id)
    }

    /// The commits of `a` and `b` and their first merge base, where all of them are known.
    pub(in crate::source) fn fork(&self, a: &str, b: &str) -> Result<Option<[ObjectId; 3]>> {
        if [a, b].iter().any(|rev| rev.is_empty() || rev.starts_with(['-', '^']) || rev.contains('\0')) {
            return Ok(None);
        }
        let Some(answer) = self.git.ask(&["rev-parse", &format!("{a}...{b}"), "--"])? else {
            return Ok(None);
        };
        // The right end, the left one, `^` and each base.
        let mut lines = answer.out.split(|c| *c == b'\n');
        let ends = [lines.next(), lines.next()].map(|line| ObjectId::from_hex(line?));
        let base = lines.next().and_then(|line| ObjectId::from_hex(line.strip_prefix(b"^")?));
        match (answer.code, ends, base) {
            (Some(0), [Some(b), Some(a)], Some(base)) => Ok(Some([a, b, base])),
            _ => Ok(None),
        }
    }

    /// The commit of HEAD; `None` before the first one.
    pub(in crate::source) fn head(&self) -> Result<Option<ObjectId>> {
        if let Some(known) = self.head.get() {
            return Ok(*known);
        }
        let head = match self.library.as_ref().and_then(|l| l.head().ok()?.peel_to_commit().ok()) {
            Some(commit) => ObjectId::from_git2(commit.id()),
            None => self.resolve("HEAD")?,
        };
        Ok(*self.head.get_or_init(|| head))
    }

    /// One file, `path` relative to the root, `/`-separated. `None` where there is no such file.
    pub(in crate::source) fn read_file(&self, place: &Place, path: &str) -> Result<Option<Vec<u8>>> {
        match place {
            Place::Worktree => self.root.as_deref().map_or(Ok(None), |root| read_whole(&root.join(path))),
            Place::Nowhere => Ok(None),
            Place::Commit(rev) => {
                let commit = self.resolve(rev)?.ok_or_else(|| unknown(rev))?;
                self.read_committed(commit, path)
            }
            Place::Index => {
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
        let spec = commit.to_string();
        if let Some((library, oid)) = self.library.as_ref().zip(commit.to_git2()) {
            let tree = library.find_commit(oid).and_then(|c| c.tree());
            if let Ok(tree) = tree {
                let entry = match tree.get_path(Path::new(path)) {
                    Ok(entry) => entry,
                    Err(e) if e.code() == git2::ErrorCode::NotFound => return Ok(None),
                    Err(e) => {
                        let text = format!("{path} of commit {spec} cannot be read: {}", e.message());
                        return Err(Error::new(text).remedy("run: git fsck"));
                    }
                };
                let kind = match entry.filemode() {
                    0o120000 => Kind::Link,
                    0o160000 => Kind::Submodule,
                    0o040000 => Kind::Folder,
                    _ => Kind::File,
                };
                return self.read_entry(kind, ObjectId::from_git2(entry.id()), path);
            }
        }
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

/// The error for a revision that is not known here, with the command that would fetch it.
pub(in crate::source) fn unknown(rev: &str) -> Error {
    Error::new(format!("unknown revision: {}", rev.escape_debug()))
        .remedy(format!("fetch it first: git fetch origin {}", rev.escape_debug()))
}

fn no_file(path: &str) -> Error {
    Error::new(format!("{path} is a folder, a submodule or a device, where a file is wanted"))
        .remedy("move it away, and commit the file itself")
}

fn read_whole(path: &Path) -> Result<Option<Vec<u8>>> {
    use std::io::{ErrorKind, Read};
    let fail = |e: std::io::Error| Error::new(format!("{} cannot be read: {e}", path.display()));
    let meta = match std::fs::metadata(path) {
        Ok(meta) => meta,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(e) => return Err(fail(e)),
    };
    if !meta.is_file() {
        return Err(no_file(&path.display().to_string()));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(fail)?;
    file.take(WHOLE_FILE + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > WHOLE_FILE {
        return Err(Error::new(format!("{} is larger than {WHOLE_FILE} bytes", path.display())));
    }
    Ok(Some(bytes))
}
