//! A piece of content to be read, where it comes from, and why a pickle in it would be hidden.

use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use crate::content::Content;
use crate::facts::Loader;
use crate::reading::inflated::Inflated;

/// Content to be read under every reading, and where it comes from.
#[derive(Clone)]
pub(crate) struct Job {
    pub content: Content,
    /// The decoder behind the content, where that is decompressed.
    pub inflated: Option<Arc<Inflated>>,
    /// The path inside the blob.
    pub member: String,
    /// The file's name, or its member's: what it promises counts.
    pub name: String,
    /// Containers around it.
    pub depth: u32,
    /// The loader's rules for pickles in it.
    pub reading: Loader,
    pub place: Place,
    pub config: Config,
    /// Whether it is sure that the content was compressed, and did not only begin like it.
    pub sure: bool,
    /// Why a pickle in it would be hidden.
    pub disguise: Option<Rc<Disguise>>,
}

/// Configuration by which a loader runs code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Config {
    /// None.
    None,
    /// Of a Keras model.
    Keras,
    /// The schema of a skops file.
    Skops,
    /// A program of `torch.export`.
    Export,
}

/// What is known of content before it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A file, or a member of an archive.
    File,
    /// Bytes that an unpickling callable is given.
    Nested,
    /// Bytes that no reader is sure to look at.
    Hidden,
    /// A tensor, by what the pickle beside it says.
    Storage,
}

/// Why a pickle is hidden. Told once, with the first pickle.
pub(crate) struct Disguise {
    pub reason: String,
    pub told: Cell<bool>,
}

impl Disguise {
    pub fn new(reason: String) -> Option<Rc<Self>> {
        Some(Rc::new(Disguise { reason, told: Cell::new(false) }))
    }
}

impl Job {
    /// The content of a file.
    pub fn file(content: Content, path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or(path).to_owned();
        Job {
            content,
            inflated: None,
            member: String::new(),
            name,
            depth: 0,
            reading: Loader::Pickle,
            place: Place::File,
            config: Config::None,
            sure: true,
            disguise: None,
        }
    }

    /// Whether it is a value of a database.
    pub fn is_value(&self) -> bool {
        self.depth > 0 && self.name.starts_with("value@0x")
    }

    /// Content inside this one, as a part called `name`.
    pub fn child(&self, name: &str, content: Content) -> Job {
        let member = if self.member.is_empty() { name.to_owned() } else { format!("{}!{name}", self.member) };
        Job {
            content,
            inflated: None,
            member,
            name: name.rsplit(['/', '\\']).next().unwrap_or(name).to_owned(),
            depth: self.depth + 1,
            reading: Loader::Pickle,
            place: Place::File,
            config: Config::None,
            sure: true,
            disguise: self.disguise.clone(),
        }
    }

    /// A range of this content in which nobody expects a pickle.
    pub fn hidden(&self, range: Range<u64>, reason: &str) -> Job {
        let mut job = self.child(&format!("@0x{:x}", range.start), self.content.slice(range));
        job.place = Place::Hidden;
        job.disguise = Disguise::new(reason.to_owned());
        job
    }
}
