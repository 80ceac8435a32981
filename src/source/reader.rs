//! From entries to content.

use std::collections::{HashMap, HashSet};
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, OnceLock};

use fickgate_engine::reads_more;

use crate::outcome::{ReadFailure, Reason, Skipped};
use crate::source::blob::{Blob, Origin};
use crate::source::entry::{Entries, Entry, What};
use crate::source::fault::{headed, linked_attributes, outside, renaming, unclear};
use crate::source::file;
use crate::source::git::alias;
use crate::source::git::attributes;
use crate::source::git::checkout;
use crate::source::git::command::Git;
use crate::source::git::conversion::Conversions;
use crate::source::git::object::{Object, ObjectId, Objects};
use crate::source::item::Item;
use crate::source::pointer::store::{Resolved, Stores};
use crate::source::pointer::{Look, Pointer};
use crate::source::shard::Part;
use fickgate_engine::content::{Content, FileContent, ReadAt as _};
use fickgate_engine::facts::FileFault;
use fickgate_engine::path::BlobPath;
use fickgate_engine::rule::Rule;

/// A file on disk up to this size, in bytes, is read at once instead of by ranges.
const SMALL: u64 = 64 << 10;
/// The longest stream that is taken from standard input or a pipe, in bytes.
const STREAM: u64 = 16 << 30;
/// The longest target of a link that is looked at, in bytes; no file system takes a longer one.
const LONGEST_LINK: usize = 64 << 10;
/// Why most links are left out.
const JUDGED: &str = "symlink, judged where it leads";

/// The names of all files where links are followed by name: of a commit, or of the index. Listed when the first
/// link is met.
#[derive(Debug, Default)]
pub(super) struct Names {
    git: Git,
    /// The commit; none for the index.
    commit: Option<ObjectId>,
    sorted: OnceLock<Vec<BlobPath>>,
}

impl Names {
    pub(super) fn of(git: Git, commit: Option<ObjectId>) -> Names {
        Names { git, commit, sorted: OnceLock::new() }
    }

    /// Files below a folder. None where that is no folder, or git does not tell.
    fn below(&self, folder: &BlobPath) -> Vec<BlobPath> {
        let sorted = self.sorted.get_or_init(|| {
            let id = self.commit.map(|commit| commit.to_string());
            let args = match &id {
                Some(id) => vec!["ls-tree", "-r", "-z", "--name-only", "--full-tree", id],
                None => vec!["ls-files", "-z", "--full-name", "--", ":/"],
            };
            let out = self.git.lines(&args).ok().flatten().unwrap_or_default();
            let mut names: Vec<BlobPath> =
                out.split(|b| *b == 0).filter(|name| !name.is_empty()).map(BlobPath::new).collect();
            names.sort_unstable();
            names
        });
        let prefix = match folder.as_bytes() {
            b"" => Vec::new(),
            folder => [folder, b"/"].concat(),
        };
        let from = sorted.partition_point(|name| name.as_bytes() < prefix.as_slice());
        let rest = sorted.get(from..).unwrap_or_default();
        rest.iter().take_while(|name| name.as_bytes().starts_with(&prefix)).cloned().collect()
    }
}

/// Reads the entries of a source, one at a time. Several readers of one source may work at once.
pub struct Reader {
    pub(super) entries: Arc<Entries>,
    /// `None` outside of a repository.
    pub(super) objects: Option<Objects>,
    pub(super) stores: Stores,
    /// The folders that links may lead into.
    pub(super) trees: Arc<Vec<PathBuf>>,
    /// The files of the run, by their canonical path.
    pub(super) walked: Arc<HashSet<PathBuf>>,
    /// Whether content that was judged at one path is judged at each other path too.
    pub(super) paths_matter: bool,
    /// Which entries are read, if not all are.
    pub(super) part: Option<Arc<Part>>,
    /// What links of a commit or the index may lead to.
    pub(super) names: Arc<Names>,
    /// Readers of submodules.
    pub(super) inner: HashMap<PathBuf, Reader>,
    /// Where small files are read into.
    pub(super) room: Arc<Vec<u8>>,
}

impl Reader {
    /// Hands over content at every path it has in a history, since the policy tells paths apart; of what
    /// is for another part, its path alone.
    pub fn with(self, paths_matter: bool, part: Option<Arc<Part>>) -> Reader {
        Reader { paths_matter, part, ..self }
    }

    /// Whether it has what it is to read with.
    pub fn is_whole(&self) -> bool {
        self.objects.as_ref().is_none_or(Objects::is_whole)
    }

    /// The item at `index`. `None` past the end.
    pub fn read(&mut self, index: usize) -> Option<Item> {
        let entry = self.entries.get(index)?;
        if self.part.as_ref().is_some_and(|part| !part.takes(&entry)) {
            return Some(Item::Elsewhere(entry.path));
        }
        if let Some(fault) = alias::fault(&entry.path) {
            return Some(Item::Fault(fault));
        }
        if matches!(entry.what, What::Object { link: true, .. } | What::Inner { link: true, .. })
            && entry.path.file_name() == b".gitattributes"
        {
            return Some(Item::Fault(linked_attributes(&entry.path)));
        }
        let said = matches!(entry.what, What::Submodule { .. });
        if entry.again && entry.conversions.is_none() && (said || !self.paths_matter) {
            return Some(Item::Unchanged(entry.path));
        }
        Some(self.item(&entry))
    }

    /// What is to be had for an entry.
    pub(super) fn item(&mut self, entry: &Entry) -> Item {
        let path = &entry.path;
        match &entry.what {
            What::Skipped(reason) => skipped(path, reason),
            What::Lifted(_) => Item::Unchanged(path.clone()),
            What::Failed(message) => failed(path, message.clone()),
            What::Submodule { .. } => skipped(path, "submodule"),
            What::Inner { folder, id, link, commit } => {
                let what = What::Object { id: *id, link: *link, origin: Origin::Commit(*commit) };
                let entry = Entry { what, ..entry.clone() };
                self.inner(folder).item(&entry)
            }
            What::Pointer(pointer) => self.pointed(path, pointer),
            What::Object { id, link, origin } => match self.object(path, *id) {
                Err(item) => *item,
                Ok(content) if *link => match content.read_range(0, LONGEST_LINK) {
                    Ok(target) => {
                        let led = Box::new(self.committed_link(path, &target));
                        let origin = origin.clone();
                        Item::Target {
                            text: Blob { path: path.clone(), content, origin, checkouts: Vec::new() },
                            led,
                        }
                    }
                    Err(e) => failed(path, e.to_string()),
                },
                Ok(content) => self
                    .blob(entry, content, *id, origin.clone())
                    .unwrap_or_else(|e| failed(path, e.to_string())),
            },
            What::Recast { id, origin } => match self.object(path, *id) {
                Err(item) => *item,
                Ok(content) => match self.stored(entry, content, *id, origin.clone()) {
                    Ok(Item::Blob(blob)) if blob.checkouts.is_empty() => Item::Unchanged(path.clone()),
                    Ok(item) => item,
                    Err(e) => failed(path, e.to_string()),
                },
            },
            What::Stream(disk) => match spooled(disk.as_deref()) {
                Ok(Some(content)) => Item::Blob(Blob {
                    path: path.clone(),
                    content,
                    origin: Origin::Disk,
                    checkouts: Vec::new(),
                }),
                Ok(None) => Item::Fault(FileFault {
                    rule: Rule::ResourceLimit,
                    path: path.clone(),
                    message: format!("it gives more than {STREAM} bytes, so it was not judged"),
                    help: "write it into a file, and name that".to_owned(),
                }),
                Err(e) => failed(path, e.to_string()),
            },
            What::File { disk, named, regular } => match self.file(path, disk, *named, *regular) {
                Ok(item) => item,
                Err(e) => failed(path, e.to_string()),
            },
        }
    }

    /// A reader of the submodule that git finds from `folder`.
    fn inner(&mut self, folder: &Path) -> &mut Reader {
        self.inner.entry(folder.to_owned()).or_insert_with(|| {
            let git = Git::at(folder);
            let library = git2::Repository::open(folder).ok();
            let common = library.as_ref().map(|l| l.commondir().to_owned());
            Reader {
                entries: Arc::clone(&self.entries),
                objects: Some(Objects::new(library, git.clone(), common.as_deref(), 2)),
                stores: self.stores.within(git, common),
                trees: Arc::clone(&self.trees),
                walked: Arc::clone(&self.walked),
                paths_matter: self.paths_matter,
                part: None,
                names: Arc::default(),
                inner: HashMap::new(),
                room: Arc::default(),
            }
        })
    }

    /// An object's content, or the item that says why there are none.
    fn object(&mut self, path: &BlobPath, id: ObjectId) -> Result<Content, Box<Item>> {
        let Some(objects) = self.objects.as_mut() else {
            return Err(Box::new(failed(path, "there is no repository to read it from".to_owned())));
        };
        match objects.read(id) {
            Ok(Object::Blob(content)) => Ok(content),
            Ok(Object::Missing) => Err(Box::new(Item::Fault(FileFault {
                rule: Rule::MissingObject,
                path: path.clone(),
                message: format!("git does not have the object {id} here, so the file was not judged"),
                help: format!("fetch it: git cat-file -e {id}"),
            }))),
            Ok(Object::TooLarge(size)) => Err(Box::new(Item::Fault(FileFault {
                rule: Rule::ResourceLimit,
                path: path.clone(),
                message: format!("the blob has {size} bytes, more than is unpacked, so it was not judged"),
                help: "keep files of this size in Git LFS, whose objects are read where they lie".to_owned(),
            }))),
            Err(message) => Err(Box::new(failed(path, message))),
        }
    }

    /// Content, or what it points to.
    fn blob(&self, entry: &Entry, content: Content, id: ObjectId, origin: Origin) -> io::Result<Item> {
        match Pointer::recognise(&content)? {
            Look::Pointer(pointer) => Ok(self.pointed(&entry.path, &pointer)),
            Look::Headed => Ok(headed(&entry.path)),
            Look::Unclear => Ok(unclear(&entry.path)),
            Look::File => self.stored(entry, content, id, origin),
        }
    }

    /// Content as it is stored, and as a checkout would have it.
    fn stored(&self, entry: &Entry, content: Content, id: ObjectId, origin: Origin) -> io::Result<Item> {
        let path = entry.path.clone();
        if checkout::is_attributes(&path)
            && let Some(fault) = attributes::disputed(&path, &content)?
        {
            return Ok(Item::Fault(fault));
        }
        let checkouts = match &entry.conversions {
            Some(conversions) => conversions.apply(&path, &content, id)?,
            None => Conversions::default().apply(&path, &content, id)?,
        };
        Ok(Item::Blob(Blob { path, content, origin, checkouts }))
    }

    /// What a pointer stands for.
    fn pointed(&self, path: &BlobPath, pointer: &Pointer) -> Item {
        match self.stores.resolve(pointer, path) {
            Ok(Resolved::Content(content)) => {
                Item::Blob(Blob { path: path.clone(), content, origin: Origin::Store, checkouts: Vec::new() })
            }
            Ok(Resolved::Fault(fault)) => Item::Fault(*fault),
            Err(e) => failed(path, e.to_string()),
        }
    }

    /// A link in the index or a commit: git holds its target's name only.
    fn committed_link(&self, path: &BlobPath, target: &[u8]) -> Item {
        if let Some(pointer) = Pointer::of_link(target) {
            return self.pointed(path, &pointer);
        }
        match inside(path, target) {
            Some(target) if reads_more(&path.to_lossy(), &target.to_lossy()) => renaming(path),
            Some(target) => {
                let below = self.names.below(&target);
                Item::Link {
                    link: Skipped { path: path.clone(), reason: Reason::NoFile(JUDGED) },
                    target,
                    below,
                }
            }
            None => outside(path),
        }
    }

    fn file(&mut self, path: &BlobPath, disk: &Path, named: bool, regular: bool) -> io::Result<Item> {
        // What took its place since is no more followed than what was there, and looked at again where that fails.
        if regular && let Ok(file) = file::open(disk, false) {
            return self.opened(path, file);
        }
        let mut meta = std::fs::symlink_metadata(disk)?;
        let mut disk = disk.to_owned();
        if meta.is_symlink() {
            if !named && let Some(item) = self.link(path, &disk)? {
                return Ok(item);
            }
            disk = disk.canonicalize()?;
            meta = std::fs::symlink_metadata(&disk)?;
        }
        if let Some(kind) = special(&meta) {
            return Ok(match named {
                true => failed(path, format!("it is a {kind}, which is never opened")),
                false => skipped(path, kind),
            });
        }
        self.opened(path, file::open(&disk, false)?)
    }

    /// What is in an open file.
    fn opened(&mut self, path: &BlobPath, file: File) -> io::Result<Item> {
        // Between the look and the opening another file may have taken the name.
        let opened = file.metadata()?;
        if let Some(kind) = special(&opened) {
            return Ok(failed(path, format!("it became a {kind} while it was opened")));
        }
        let file = FileContent::of(file, &opened);
        let content = match file.len() {
            len if len <= SMALL => {
                // That of the file before, unless somebody keeps it.
                let room = Arc::make_mut(&mut self.room);
                room.resize(len as usize, 0);
                let read = file.read_at(0, room)?;
                room.truncate(read);
                Content::lent(&self.room)
            }
            _ => Content::new(file),
        };
        Ok(match Pointer::recognise(&content)? {
            Look::Pointer(pointer) => self.pointed(path, &pointer),
            Look::Headed => headed(path),
            Look::Unclear => unclear(path),
            Look::File => {
                Item::Blob(Blob { path: path.clone(), content, origin: Origin::Disk, checkouts: Vec::new() })
            }
        })
    }

    /// A link that a walk came to. `None` where its target is to be read in its place.
    fn link(&self, path: &BlobPath, disk: &Path) -> io::Result<Option<Item>> {
        let target = match disk.canonicalize() {
            Ok(target) => target,
            Err(_) => {
                let text = BlobPath::from_path(&std::fs::read_link(disk)?);
                return Ok(Some(match Pointer::of_link(text.as_bytes()) {
                    Some(pointer) => self.pointed(path, &pointer),
                    // Where it leads on another machine is not known here.
                    None if inside(path, text.as_bytes()).is_none() => outside(path),
                    None => skipped(path, "symlink that leads nowhere"),
                }));
            }
        };
        let meta = std::fs::metadata(&target)?;
        // What git keeps for itself is judged nowhere.
        let own =
            target.components().any(|part| alias::stands_for(part.as_os_str().as_encoded_bytes(), ".git"));
        let within = self.trees.iter().any(|tree| target.starts_with(tree));
        if own || (meta.is_dir() && !within) {
            return Ok(Some(outside(path)));
        }
        let led = |reason| {
            let link = Skipped { path: path.clone(), reason: Reason::NoFile(reason) };
            match self.trees.first().and_then(|tree| target.strip_prefix(tree).ok()) {
                Some(led) => {
                    let below =
                        self.walked.iter().filter(|file| file.starts_with(&target) && **file != target);
                    let inside = |file: &PathBuf| {
                        self.trees
                            .first()
                            .and_then(|tree| file.strip_prefix(tree).ok())
                            .map(BlobPath::from_path)
                    };
                    let below = below.filter_map(inside).collect();
                    Item::Link { link, target: BlobPath::from_path(led), below }
                }
                None => Item::Skipped(link),
            }
        };
        if meta.is_dir() {
            return Ok(Some(led("symlink to a folder")));
        }
        if special(&meta).is_some() {
            return Ok(Some(skipped(path, "symlink to a device, socket or FIFO")));
        }
        // Under the name of the link it is read in another way.
        let renamed = reads_more(&path.to_lossy(), &target.to_string_lossy());
        if self.walked.contains(&target) && !renamed {
            return Ok(Some(led(JUDGED)));
        }
        if within {
            return Ok(None);
        }
        Ok(Some(outside(path)))
    }
}

/// What standard input or a named pipe gives, kept in a file without a name; `None` where that is too much.
pub fn spooled(pipe: Option<&Path>) -> io::Result<Option<Content>> {
    let mut file = tempfile::tempfile()?;
    let written = match pipe {
        Some(pipe) => io::copy(&mut File::open(pipe)?.take(STREAM + 1), &mut file)?,
        None => io::copy(&mut io::stdin().lock().take(STREAM + 1), &mut file)?,
    };
    match written > STREAM {
        true => Ok(None),
        false => FileContent::new(file).map(Content::new).map(Some),
    }
}

/// Where a relative link leads, going by names alone; `None` where that is out of the repository, or
/// among git's own files.
fn inside(path: &BlobPath, target: &[u8]) -> Option<BlobPath> {
    let mut led = path.to_path();
    led.pop();
    for component in BlobPath::new(target).to_path().components() {
        match component {
            Component::CurDir => {}
            Component::Normal(name) if alias::stands_for(name.as_encoded_bytes(), ".git") => return None,
            Component::Normal(name) => led.push(name),
            Component::ParentDir if led.pop() => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(BlobPath::from_path(&led))
}

/// What a thing is that is no regular file.
fn special(meta: &Metadata) -> Option<&'static str> {
    let kind = meta.file_type();
    if kind.is_file() {
        return None;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return Some("FIFO");
        }
        if kind.is_socket() {
            return Some("socket");
        }
        if kind.is_block_device() || kind.is_char_device() {
            return Some("device");
        }
    }
    Some(if kind.is_dir() { "folder" } else { "special file" })
}

fn skipped(path: &BlobPath, reason: &'static str) -> Item {
    Item::Skipped(Skipped { path: path.clone(), reason: Reason::NoFile(reason) })
}

fn failed(path: &BlobPath, message: String) -> Item {
    Item::Failed(ReadFailure { path: path.clone(), message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_by_name_only() {
        let led = |path: &str, target: &str| {
            inside(&BlobPath::new(path), target.as_bytes()).map(|p| p.to_lossy().into_owned())
        };
        assert_eq!(led("a/b/link", "../../c").as_deref(), Some("c"));
        assert_eq!(led("link", "./x/../y").as_deref(), Some("y"));
        assert_eq!(led("a/link", "b//c/.").as_deref(), Some("a/b/c"));
        for (path, target) in [
            ("a/link", "../../c"),
            ("link", "/etc/passwd"),
            ("link", "x/../../y"),
            ("a/link", "../.GIT/x"),
            ("link", "git~1/x"),
            ("link", ".g\u{200d}it/x"),
        ] {
            assert_eq!(led(path, target), None, "{target}");
        }
    }
}
