//! The outcome of a run: what was found, what was left out and why, what could not be read, and counts.

use std::fmt;

use crate::source::{Provenance, Shard};
use fickgate_engine::finding::Finding;
use fickgate_engine::path::BlobPath;
use fickgate_engine::policy::Layer;
use fickgate_engine::rule::Level;

/// A blob that was not scanned, and why.
#[derive(Clone, Debug)]
pub struct Skipped {
    /// The file.
    pub path: BlobPath,
    /// Why.
    pub reason: Reason,
}

/// Why a blob was not scanned, or not judged by what it imports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It holds no content of its own: `submodule`, `symlink, judged where it leads`, `FIFO`.
    NoFile(&'static str),
    /// It holds no content of its own, as a report says.
    Told(String),
    /// The policy excludes its path.
    Excluded {
        /** The line that does so. */
        by: PolicyLine,
    },
    /// The policy accepts its content.
    Accepted {
        /** The line that does so. */
        by: PolicyLine,
    },
}

/// In a few words: `submodule`, `excluded by .fickgate.yaml:3 (repository)`.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NoFile(what) => f.write_str(what),
            Reason::Told(what) => f.write_str(what),
            Reason::Excluded { by } => write!(f, "excluded by {by}"),
            Reason::Accepted { by } => write!(f, "accepted as it is by {by}"),
        }
    }
}

/// A line of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyLine {
    /// The file, as a person would open it.
    pub source: String,
    /// Line in it, from 1.
    pub line: usize,
    /// Who says so.
    pub layer: Layer,
}

impl fmt::Display for PolicyLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} ({})", self.source, self.line, self.layer.as_str())
    }
}

/// Something that kept one file from being read: exit 2, and the rest is still judged.
#[derive(Clone, Debug)]
pub struct ReadFailure {
    /// The file.
    pub path: BlobPath,
    /// What happened.
    pub message: String,
}

/// What would have been found in content that the policy accepts as it is.
#[derive(Clone, Debug)]
pub struct Suppressed {
    /// The finding.
    pub finding: Finding,
    /// The line that accepts the content.
    pub by: PolicyLine,
    /// Why, as it stands there.
    pub reason: String,
}

/// Counts of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Blobs whose content was looked at.
    pub blobs: u64,
    /// Pickle streams found in them.
    pub streams: u64,
    /// Imports in these, each once a stream.
    pub imports: u64,
}

impl Tally {
    /// Counts what another part of the run counted.
    pub fn add(&mut self, other: &Tally) {
        self.blobs += other.blobs;
        self.streams += other.streams;
        self.imports += other.imports;
    }
}

/// What became of one entry of a source.
#[derive(Debug, Default)]
pub struct Judged {
    /// What was found in it.
    pub findings: Vec<Finding>,
    /// Why it was left out, or not judged by what it imports.
    pub skipped: Option<Skipped>,
    /// Why it could not be read.
    pub failure: Option<ReadFailure>,
    /// What would have been found, if its content were not accepted as it is.
    pub suppressed: Vec<Suppressed>,
    /// Its path, where it is named like a policy and lies where none is read.
    pub stray_policy: Option<BlobPath>,
    /// Counts of it.
    pub tally: Tally,
}

impl Judged {
    /// Most entries only count.
    pub fn says_something(&self) -> bool {
        !self.findings.is_empty()
            || self.skipped.is_some()
            || self.failure.is_some()
            || self.stray_policy.is_some()
    }
}

/// A part of a run, as its report names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sharding {
    /// Which part, of how many.
    pub shard: Shard,
    /// Entries that all parts have together.
    pub entries: u64,
    /// The same for all parts of one run, and for no others.
    pub run: String,
}

/// The outcome of a run.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Sorted by path, member, offset, rule.
    pub findings: Vec<Finding>,
    /// Sorted by path.
    pub skipped: Vec<Skipped>,
    /// Files that could not be read.
    pub failures: Vec<ReadFailure>,
    /// What would have been found in content that is accepted as it is.
    pub suppressed: Vec<Suppressed>,
    /// What a person should know about how the files were found.
    pub notices: Vec<String>,
    /// Counts.
    pub tally: Tally,
    /// Which part of a run it is of, if not of all.
    pub sharding: Option<Sharding>,
    /// Findings about the policy that hold if every part has them: entries that allowed nothing.
    pub unless_elsewhere: Vec<Finding>,
    /// Which repository it is of.
    pub provenance: Option<Provenance>,
}

impl Outcome {
    /// Takes in what another part of the run found. What both found is said once.
    pub fn add(&mut self, other: Outcome) {
        let known: std::collections::HashSet<_> = self.findings.iter().map(Finding::key).collect();
        let new: Vec<Finding> =
            other.findings.into_iter().filter(|finding| !known.contains(&finding.key())).collect();
        self.findings.extend(new);
        self.findings.sort_by(|a, b| (&a.path, a.rule).cmp(&(&b.path, b.rule)));
        self.skipped.extend(other.skipped);
        self.failures.extend(other.failures);
        self.suppressed.extend(other.suppressed);
        let notices: Vec<String> =
            other.notices.into_iter().filter(|notice| !self.notices.contains(notice)).collect();
        self.notices.extend(notices);
        self.tally.add(&other.tally);
        self.sharding = self.sharding.take().or(other.sharding);
        self.unless_elsewhere.extend(other.unless_elsewhere);
    }

    /// Findings of this level.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|f| f.level == level).count()
    }
}
