//! Bytes to facts. Pure: no policy, no git, no file system.

use std::cell::Cell;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use crate::content::Content;
use crate::facts::{Facts, Fault, MemberFault, NestedBytes, Reading, Stream};
use crate::limits::Limits;
use crate::path::BlobPath;
use crate::reading::inflated::{Budget, Inflated};
use crate::reading::{tar, zip};
use crate::rule::Rule;

/// Reads `content` under every reading that some loader would take. The path lends its extension
/// only: it can make the reading stricter, never laxer.
///
/// An error means that the content could not be read (a file that shrank, a failing disk);
/// everything wrong *in* the bytes is a fault among the facts.
pub fn scan(content: &Content, path: &BlobPath, limits: &Limits) -> io::Result<Facts> {
    scan_watched(content, path, limits, &mut |_, _| ())
}

/// Like [`scan`], and shows an onlooker each stream with the content of its member while that is at hand.
pub fn scan_watched(
    content: &Content,
    path: &BlobPath,
    limits: &Limits,
    watch: &mut dyn FnMut(&Content, &Stream),
) -> io::Result<Facts> {
    let mut scan = Scan {
        limits,
        watch,
        facts: Facts::default(),
        budget: Budget::new(content.len(), limits),
        found: 0,
        guessed: 0,
        next: Vec::new(),
        kept: HashMap::new(),
    };
    let mut tasks = vec![Task::Open(Job::file(at_hand(content, limits)?, &path.to_lossy()))];
    while let Some(task) = tasks.pop() {
        match task {
            Task::Open(job) => scan.open(job)?,
            Task::Zip(walk) => scan.walk_zip(walk)?,
            Task::Tar(walk) => scan.walk_tar(walk)?,
            Task::Conclude(verdict) => scan.conclude(verdict),
        }
        // What was found comes before what is left, in the order in which it was found.
        tasks.extend(scan.next.drain(..).rev());
    }
    Ok(scan.facts)
}

/// The content, in memory where it is small.
fn at_hand(content: &Content, limits: &Limits) -> io::Result<Content> {
    let len = content.len();
    if content.as_slice().is_some() || len > limits.whole {
        return Ok(content.clone());
    }
    let bytes = content.read_range(0, len as usize)?;
    if (bytes.len() as u64) < len {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Content::from_bytes(bytes))
}

/// Work that is left. A list of it takes the place of recursion.
pub(crate) enum Task {
    Open(Job),
    Zip(Box<zip::open::Walk>),
    Tar(Box<tar::Walk>),
    Conclude(Verdict),
}

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
    pub reading: Reading,
    pub place: Place,
    /// Why a pickle in it would be hidden.
    pub disguise: Option<Rc<Disguise>>,
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
    /// The same, from a place on that may be the beginning of a pickle, and of nothing else.
    Guess,
}

/// Why a pickle is hidden. Told once, with the first pickle.
pub(crate) struct Disguise {
    reason: String,
    told: Cell<bool>,
}

impl Disguise {
    pub fn new(reason: String) -> Option<Rc<Self>> {
        Some(Rc::new(Disguise { reason, told: Cell::new(false) }))
    }
}

impl Job {
    fn file(content: Content, path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or(path).to_owned();
        Job {
            content,
            inflated: None,
            member: String::new(),
            name,
            depth: 0,
            reading: Reading::Pickle,
            place: Place::File,
            disguise: None,
        }
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
            reading: Reading::Pickle,
            place: Place::File,
            disguise: self.disguise.clone(),
        }
    }

    /// A range of this content in which nobody expects a pickle.
    pub fn hidden(&self, range: std::ops::Range<u64>, reason: &str) -> Job {
        let mut job = self.child(&format!("@0x{:x}", range.start), self.content.slice(range));
        job.place = Place::Hidden;
        job.disguise = Disguise::new(reason.to_owned());
        job
    }
}

/// Faults that are told when all that lies inside has been read.
pub(crate) struct Verdict {
    /// [`Scan::found`] when the reading began.
    pub before: u64,
    pub faults: Vec<MemberFault>,
    /// Tell them even where no pickle was found.
    pub regardless: bool,
}

/// Streams with nothing in them that are kept for one member; further ones are counted.
const PLAIN_STREAMS: u64 = 1_000;
/// Different streams that are kept for one blob.
const STREAMS: usize = 200_000;
/// Faults that are kept for one blob.
const FAULTS: usize = 2_000;

/// A scan under way.
pub(crate) struct Scan<'a> {
    pub limits: &'a Limits,
    watch: &'a mut dyn FnMut(&Content, &Stream),
    pub facts: Facts,
    pub budget: Arc<Budget>,
    /// Streams found so far, those that are only counted included.
    pub found: u64,
    /// Opcodes read so far where a pickle may begin by chance.
    pub guessed: u64,
    next: Vec<Task>,
    /// Streams kept for each member and what is in them.
    kept: HashMap<u64, u64>,
}

impl Scan<'_> {
    /// Leaves work to be done after what is under way.
    pub fn later(&mut self, task: Task) {
        self.next.push(task);
    }

    pub fn fault(&mut self, member: &str, rule: Rule, offset: u64, message: impl Into<String>) {
        self.add(MemberFault { member: member.to_owned(), fault: fault(rule, offset, message) });
    }

    /// The first faults are the ones that matter; an archive can be made to have millions.
    fn add(&mut self, fault: MemberFault) {
        if self.facts.faults.len() < FAULTS && !self.facts.faults.contains(&fault) {
            self.facts.faults.push(fault);
        }
    }

    /// Notes a form on the way to the blob's own content.
    pub fn form(&mut self, job: &Job, form: &'static str) {
        if job.member.is_empty() && job.place == Place::File {
            self.facts.forms.push(form);
        }
    }

    fn conclude(&mut self, verdict: Verdict) {
        if verdict.regardless || self.found > verdict.before {
            verdict.faults.into_iter().for_each(|fault| self.add(fault));
        }
    }

    /// Takes a stream among the facts, shows it, and leaves the bytes it would unpickle to be read.
    pub fn keep(&mut self, job: &Job, stream: Stream) {
        self.found += 1;
        if let Some(disguise) = &job.disguise
            && !disguise.told.replace(true)
        {
            self.fault(&job.member, Rule::HiddenPickle, stream.start, disguise.reason.clone());
        }
        if self.folds(&stream) {
            self.facts.folded += 1;
            return;
        }
        (self.watch)(&job.content, &stream);
        for nested in &stream.nested {
            let content = match &nested.bytes {
                NestedBytes::Range(start, end) => job.content.slice(*start..*end),
                NestedBytes::Decoded(bytes) => Content::from_bytes(bytes.clone()),
            };
            let mut child = job.child(&format!("bytes@0x{:x}", nested.offset), content);
            child.place = Place::Nested;
            self.next.push(Task::Open(child));
        }
        self.facts.streams.push(stream);
    }

    /// Whether a stream says nothing that kept ones have not said. Files with millions of small
    /// pickles would fill the memory otherwise.
    fn folds(&mut self, stream: &Stream) -> bool {
        if !stream.nested.is_empty() || !stream.storages.is_empty() {
            return false;
        }
        let mut hasher = DefaultHasher::new();
        stream.member.hash(&mut hasher);
        stream.reading.hash(&mut hasher);
        for import in &stream.imports {
            (&import.module, &import.name).hash(&mut hasher);
            for used in &import.uses {
                (used.kind, used.objection.is_some()).hash(&mut hasher);
            }
        }
        for fault in &stream.faults {
            (fault.rule, &fault.message).hash(&mut hasher);
        }
        let key = hasher.finish();
        if self.facts.streams.len() >= STREAMS && !self.kept.contains_key(&key) {
            let message = format!("more than {STREAMS} different pickles in one file");
            self.fault(&stream.member, Rule::ResourceLimit, stream.start, message);
            return true;
        }
        let count = self.kept.entry(key).or_default();
        *count += 1;
        *count > PLAIN_STREAMS
    }
}

/// A fault that concerns no import.
pub(crate) fn fault(rule: Rule, offset: u64, message: impl Into<String>) -> Fault {
    Fault { rule, offset, message: message.into(), import: None }
}
