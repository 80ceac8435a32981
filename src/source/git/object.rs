//! Git's objects, read by name.

use std::cell::OnceCell;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Stdio};

use crate::source::git::command::{Ended, Git};
use crate::source::git::loose::{Found, Loose};
use fickgate_engine::content::{Content, FileContent};

pub use crate::source::git::id::ObjectId;

/// Bytes of blobs that are held in memory, by all readers together. A blob over a reader's share goes
/// through a temporary file that has no name.
const HELD: u64 = 64 << 20;
/// The largest share of one reader, in bytes.
const LARGEST_SHARE: u64 = 32 << 20;

/// What asking for an object gave.
#[derive(Debug)]
pub(in crate::source) enum Object {
    /// A blob's content.
    Blob(Content),
    /// Git does not have it here.
    Missing,
    /// Its size in bytes, which is more than is unpacked.
    TooLarge(u64),
}

/// The largest blob that is unpacked into a temporary file, in bytes, as with all decompression: see
/// [`fickgate_engine::limits::Limits::inflated`].
const LARGEST: u64 = 16 << 30;

/// Opens the repository once more.
pub(in crate::source) type Open = fn() -> Option<git2::Repository>;

/// Reads objects by name: in this process where libgit2 can open the repository, through
/// `git cat-file --batch` where it cannot.
pub(in crate::source) struct Objects {
    loose: Loose,
    /// Opened when it is first asked: what was just staged is read without it.
    library: OnceCell<Option<git2::Repository>>,
    open: Open,
    git: Git,
    /// Whether the library is here where it was expected.
    whole: bool,
    batch: Option<Batch>,
    /// The largest blob, in bytes, that is held in memory.
    held: u64,
}

impl Objects {
    /// One of `readers` that share the memory. For a repository that the library can open: where it can not be opened
    /// once more, something is missing, such as descriptors. One that is alone does not ask before it has to.
    pub(in crate::source) fn opening(open: Open, git: Git, common: &Path, readers: usize) -> Objects {
        match readers {
            1 => Objects { library: OnceCell::new(), open, ..Objects::new(None, git, Some(common), 1) },
            _ => {
                let library = open();
                let whole = library.is_some();
                Objects { whole, ..Objects::new(library, git, Some(common), readers) }
            }
        }
    }

    /// One of `readers` that share the memory.
    pub(in crate::source) fn new(
        library: Option<git2::Repository>,
        git: Git,
        common: Option<&Path>,
        readers: usize,
    ) -> Self {
        let loose = common.map(Loose::of).unwrap_or_default();
        let held = (HELD / readers.max(1) as u64).min(LARGEST_SHARE);
        let library = OnceCell::from(library);
        Objects { loose, library, open: || None, git, whole: true, batch: None, held }
    }

    fn library(&self) -> Option<&git2::Repository> {
        self.library.get_or_init(self.open).as_ref()
    }

    /// Whether it reads as well as the repository was read when it was opened.
    pub(in crate::source) fn is_whole(&self) -> bool {
        self.whole
    }

    /// A blob. An error is a broken object or repository, in words.
    pub(in crate::source) fn read(&mut self, id: ObjectId) -> Result<Object, String> {
        if let Some(found) = self.loose.read(&id.to_string(), self.held, LARGEST) {
            return found.map(|found| match found {
                Found::Blob(content) => Object::Blob(content),
                Found::TooLarge(size) => Object::TooLarge(size),
            });
        }
        if let Some(content) = self.read_library(id, self.held) {
            return Ok(Object::Blob(content));
        }
        // Git can hand over large blobs piece by piece, and it has the last word on a miss: it knows
        // forms of storage that the library may not.
        if self.batch.is_none() {
            match Batch::start(&self.git, self.held) {
                Ok(batch) => self.batch = Some(batch),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => return self.verdict_of_library(id),
                Err(e) => return Err(format!("git cat-file could not be started: {e}")),
            }
        }
        let Some(batch) = self.batch.as_mut() else { return Ok(Object::Missing) };
        let answer = batch.read(id);
        if batch.ask.is_none() || answer.is_err() {
            self.batch = None;
        }
        answer
    }

    fn read_library(&self, id: ObjectId, most: u64) -> Option<Content> {
        let odb = self.library()?.odb().ok()?;
        let oid = id.to_git2()?;
        let (size, _) = odb.read_header(oid).ok()?;
        if size as u64 > most {
            return None;
        }
        let object = odb.read(oid).ok()?;
        (object.kind() == git2::ObjectType::Blob).then(|| Content::from_bytes(object.data()))
    }

    /// What the library alone can say, where there is no git.
    fn verdict_of_library(&self, id: ObjectId) -> Result<Object, String> {
        if let Some(content) = self.read_library(id, u64::MAX) {
            return Ok(Object::Blob(content));
        }
        let library = self.library().ok_or("git is not on the PATH")?;
        let oid = id.to_git2().ok_or("the object's name is not valid")?;
        match library.odb().and_then(|odb| odb.read(oid).map(|o| o.kind())) {
            Ok(kind) => Err(format!("object {id} is a {kind}, not a blob")),
            Err(e) if e.code() == git2::ErrorCode::NotFound => Ok(Object::Missing),
            Err(e) => Err(format!("object {id} cannot be read: {}", e.message())),
        }
    }
}

/// Bytes of what git complains about that are looked at.
const COMPLAINTS: u64 = 64 << 10;

/// A running `git cat-file --batch`.
struct Batch {
    child: Ended,
    ask: Option<ChildStdin>,
    /// What git complains about.
    complaints: Option<File>,
    answer: BufReader<ChildStdout>,
    /// The largest object, in bytes, that is held in memory.
    held: u64,
}

impl Batch {
    fn start(git: &Git, held: u64) -> std::io::Result<Batch> {
        // Above this size git does not hold the blob in memory either, unless it is stored as a delta.
        let threshold = format!("core.bigFileThreshold={held}");
        // Of an object that it cannot read, git may say that it is missing, and what is wrong beside that.
        let complaints = tempfile::tempfile().ok();
        let errors = complaints.as_ref().and_then(|file| file.try_clone().ok());
        let args = ["-c", &threshold, "cat-file", "--batch"];
        let mut child = git.pipe_with(&args, errors.map_or_else(Stdio::null, Stdio::from))?;
        let broken = || std::io::Error::other("no pipe to git");
        let ask = child.0.stdin.take().ok_or_else(broken)?;
        let answer = BufReader::new(child.0.stdout.take().ok_or_else(broken)?);
        Ok(Batch { child, ask: Some(ask), complaints, answer, held })
    }

    fn read(&mut self, id: ObjectId) -> Result<Object, String> {
        self.exchange(id).map_err(|e| format!("object {id} cannot be read by git cat-file: {e}"))
    }

    fn exchange(&mut self, id: ObjectId) -> std::io::Result<Object> {
        let invalid = |what: &str| std::io::Error::other(what.to_owned());
        let ask = self.ask.as_mut().ok_or_else(|| invalid("git is gone"))?;
        writeln!(ask, "{id}")?;
        ask.flush()?;
        let mut line = Vec::new();
        self.answer.read_until(b'\n', &mut line)?;
        let line = String::from_utf8_lossy(&line).into_owned();
        let mut words = line.split_ascii_whitespace();
        let (_, kind, size) = (words.next(), words.next(), words.next());
        if kind == Some("missing") {
            let said = self.complaints.as_ref().and_then(|file| Some(file.metadata().ok()?.len()));
            return match said {
                Some(1..) => Err(invalid("it is corrupt; run: git fsck")),
                _ => Ok(Object::Missing),
            };
        }
        let Some(size) = size.and_then(|s| s.parse::<u64>().ok()) else {
            self.ask = None;
            // Of an object that a partial clone left with its remote, git does not say that it is missing: it ends.
            return match line.is_empty() && self.complained_of_a_remote() {
                true => Ok(Object::Missing),
                false => Err(invalid("it is corrupt: git ended; run: git fsck")),
            };
        };
        if size > LARGEST {
            // Git goes on to write it all into the pipe.
            let _ = self.child.0.kill();
            self.ask = None;
            return Ok(Object::TooLarge(size));
        }
        let content = match size {
            size if size <= self.held => {
                let mut bytes = Vec::new();
                (&mut self.answer).take(size).read_to_end(&mut bytes)?;
                Content::from_bytes(bytes)
            }
            _ => {
                // Git streams it, and where it is cut short waits for the next question instead of
                // failing: there is none.
                self.ask = None;
                let mut file = tempfile::tempfile().map_err(|e| {
                    let folder = std::env::temp_dir();
                    std::io::Error::new(e.kind(), format!("no temporary file in {}: {e}", folder.display()))
                })?;
                std::io::copy(&mut (&mut self.answer).take(size), &mut file)?;
                Content::new(FileContent::new(file)?)
            }
        };
        if content.len() != size {
            return Err(invalid("it is corrupt: git ended inside it; run: git fsck"));
        }
        let mut newline = [0];
        self.answer.read_exact(&mut newline)?;
        if kind != Some("blob") {
            return Err(invalid("it is not a blob"));
        }
        Ok(Object::Blob(content))
    }

    /// Whether git ended since an object is with a remote that it may not ask.
    fn complained_of_a_remote(&mut self) -> bool {
        use std::io::Seek as _;
        let _ = self.child.0.wait();
        let Some(file) = &mut self.complaints else { return false };
        let mut said = Vec::new();
        let read = file.rewind().and_then(|()| file.take(COMPLAINTS).read_to_end(&mut said));
        read.is_ok() && memchr::memmem::find(&said, b"from promisor remote").is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_forty_or_sixty_four_digits() {
        let sha1 = "78981922613b2afb6025042ff6bd878ac1994e85";
        assert_eq!(ObjectId::from_hex(sha1.as_bytes()).map(|id| id.to_string()).as_deref(), Some(sha1));
        assert!(ObjectId::from_hex(&[b'0'; 64]).is_some_and(|id| id.is_null() && id.as_bytes().len() == 32));
        assert!(ObjectId::from_hex(&[b'0'; 41]).is_none());
        assert!(ObjectId::from_hex(&[b'g'; 40]).is_none());
    }
}
