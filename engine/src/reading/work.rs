//! A scan under way: what it has found, and the list of what is left to be read.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::sync::Arc;

use crate::content::Content;
use crate::facts::{Code, Facts, Fault, Landmarks, MemberFault, NestedBytes, Stream};
use crate::limits::Limits;
use crate::reading::inflated::{Budget, UNKNOWN};
use crate::reading::job::{Job, Place};
use crate::rule::Rule;

/// Work that is left. A list of it takes the place of recursion.
pub(crate) enum Task {
    /// Content to be opened.
    Open(Job),
    /// The next step through an archive or a search.
    Step(Box<dyn Step>),
    /// What is told of content when all that lies inside has been read.
    Conclude(Conclusion),
}

/// A walk that goes on after what it found has been read.
pub(crate) trait Step {
    /// Takes the next step, and leaves the rest of the walk among the work.
    fn step(self: Box<Self>, scan: &mut Scan<'_>) -> io::Result<()>;
}

/// Faults that are told when all that lies inside has been read.
pub(crate) struct Conclusion {
    /// [`Scan::found`] when the reading began.
    pub before: u64,
    pub faults: Vec<MemberFault>,
    pub when: When,
}

/// When a verdict is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Always,
    /// Where a pickle was found.
    Found,
    /// Where none was.
    Missing,
}

/// Streams with nothing in them that are kept for one member; further ones are counted.
const PLAIN_STREAMS: u64 = 1_000;
/// Different streams that are kept for one blob.
const STREAMS: usize = 200_000;
/// Bytes that parts of a blob may have together before they are held against its own.
const PARTS_FREE: u64 = 64 << 20;
/// How often a byte of a blob, or of what was decompressed, may lie in its parts. Members lie beside one another, values
/// inside of members, and what is decoded from them is no longer than they are.
const PARTS: u64 = 32;
/// Opcodes that are read for each byte of a blob, and of what was decompressed, where a pickle may begin by chance.
const GUESSED: u64 = 8;
/// Faults of one rule, and pieces of code that run in one way, that are kept for one blob.
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
    /// Bytes of the blob, and of all parts of it that were left to be opened.
    blob: u64,
    parts: u64,
    next: Vec<Task>,
    /// Streams kept for each member and what is in them.
    kept: HashMap<u64, u64>,
    /// Faults kept for each rule.
    told: HashMap<Rule, usize>,
}

impl<'a> Scan<'a> {
    /// For a blob of this length.
    pub fn new(blob: u64, limits: &'a Limits, watch: &'a mut dyn FnMut(&Content, &Stream)) -> Self {
        Scan {
            limits,
            watch,
            facts: Facts::default(),
            budget: Budget::new(blob, limits),
            found: 0,
            guessed: 0,
            blob,
            parts: 0,
            next: Vec::new(),
            kept: HashMap::new(),
            told: HashMap::new(),
        }
    }

    /// What was left since the last call, in order.
    pub fn next(&mut self) -> std::vec::Drain<'_, Task> {
        self.next.drain(..)
    }

    /// Leaves work to be done after what is under way. Parts that lie over one another, as one member under thousands of
    /// names, are too many at some point.
    pub fn later(&mut self, task: Task) {
        if let Task::Open(job) = &task {
            let len = job.content.len();
            // Bytes of unknown number are counted as they are decompressed.
            if len < UNKNOWN {
                self.parts = self.parts.saturating_add(len);
            }
            if self.is_full() {
                let message = "its parts lie over one another, and have many times its bytes";
                return self.fault(&job.member.clone(), Rule::ResourceLimit, 0, message);
            }
        }
        self.next.push(task);
    }

    /// Whether the parts that were left so far have more bytes than are read.
    pub fn is_full(&self) -> bool {
        let bytes = self.blob.saturating_add(self.budget.yielded());
        self.parts > bytes.saturating_mul(PARTS).saturating_add(PARTS_FREE)
    }

    /// Whether more opcodes were read where a pickle may begin by chance than a file of this size is worth.
    pub fn has_guessed_enough(&self) -> bool {
        let bytes = self.blob.saturating_add(self.budget.yielded());
        self.guessed > self.limits.guessed.saturating_add(bytes.saturating_mul(GUESSED))
    }

    pub fn fault(&mut self, member: &str, rule: Rule, offset: u64, message: impl Into<String>) {
        self.add(MemberFault { member: member.to_owned(), fault: fault(rule, offset, message) });
    }

    /// The first faults of a rule are the ones that matter; an archive can be made to have millions. Those of one rule take
    /// no room from those of another, which may be more than notes.
    fn add(&mut self, fault: MemberFault) {
        let told = self.told.entry(fault.fault.rule).or_default();
        if *told < FAULTS && !self.facts.faults.contains(&fault) {
            *told += 1;
            self.facts.faults.push(fault);
        }
    }

    /// Notes code that is no pickle. An archive can be made to have any amount of it, and of what has a name each is
    /// judged by that.
    pub fn code(&mut self, code: Code) {
        let alike = self.facts.code.iter().filter(|c| c.runs == code.runs).count();
        if alike >= FAULTS {
            if code.name.is_some() {
                let message = format!("more than {FAULTS} pieces of code in one file");
                self.fault(&code.member, Rule::ResourceLimit, code.offset, message);
            }
        } else if !self.facts.code.contains(&code) {
            self.facts.code.push(code);
        }
    }

    /// Notes a form on the way to the blob's own content.
    pub fn form(&mut self, job: &Job, form: &'static str) {
        if job.member.is_empty() && job.place == Place::File {
            self.facts.forms.push(form);
        }
    }

    pub fn conclude(&mut self, verdict: Conclusion) {
        let told = match verdict.when {
            When::Always => true,
            When::Found => self.found > verdict.before,
            When::Missing => self.found == verdict.before,
        };
        if told {
            verdict.faults.into_iter().for_each(|fault| self.add(fault));
        }
    }

    /// Takes a stream among the facts, shows it, and leaves the bytes it would unpickle to be read.
    pub fn keep(&mut self, job: &Job, mut stream: Stream) {
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
        // Whoever wanted to see lines of it has.
        stream.landmarks = Landmarks::default();
        for nested in &stream.nested {
            let content = match &nested.bytes {
                NestedBytes::Range(start, end) => job.content.slice(*start..*end),
                NestedBytes::Decoded(bytes) => Content::from_bytes(bytes.clone()),
            };
            let mut child = job.child(&format!("bytes@0x{:x}", nested.offset), content);
            child.place = Place::Nested;
            self.later(Task::Open(child));
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
        // The values of a database are parts of one, by the hundred thousand.
        let member = stream.member.rsplit_once("value@0x").map_or(stream.member.as_str(), |(base, _)| base);
        member.hash(&mut hasher);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Name, Runs};

    #[test]
    fn many_notes_leave_room_for_an_error() {
        let limits = Limits::default();
        let mut watch = |_: &Content, _: &Stream| {};
        let mut scan = Scan::new(0, &limits, &mut watch);
        let code = |i: usize, name: Option<Name>, runs| Code {
            member: i.to_string(),
            offset: 0,
            message: String::new(),
            name,
            runs,
        };
        for i in 0..=FAULTS {
            scan.fault(&i.to_string(), Rule::NotAPickle, 0, "text");
            scan.code(code(i, None, Runs::IfAsked));
        }
        scan.fault("", Rule::ContainerUnreadable, 0, "sealed");
        scan.code(code(0, None, Runs::ByDefault));
        assert_eq!((scan.facts.faults.len(), scan.facts.code.len()), (FAULTS + 1, FAULTS + 1));
        // Each name is judged for itself, so none may be left out in silence.
        for i in 0..=FAULTS {
            let name = Name { module: "a".to_owned(), name: i.to_string() };
            scan.code(code(i, Some(name), Runs::IfTrusted));
        }
        assert_eq!(scan.facts.faults.last().map(|f| f.fault.rule), Some(Rule::ResourceLimit));
    }
}
