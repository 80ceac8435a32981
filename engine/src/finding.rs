//! Findings: what is wrong, where, and what to do next. Everything a report needs, and decided by [`mod@crate::judge`].

use crate::path::BlobPath;
use crate::rule::{Level, Rule};

use crate::words::words;

words! {
    /// Why an import is not allowed: what a person makes of the finding depends on it.
    Reason {
        /// Nobody has judged it.
        Unknown = "unknown",
        /// It was judged, and is refused, or permitted for less than this.
        Refused = "refused",
        /// It runs code, or acts on files, processes or the network, as such.
        Dangerous = "dangerous",
    }
}

/// One thing that is wrong, where it is, and what to do next.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// The rule's level, or the one the policy gives it.
    pub level: Level,
    /// The file, relative to the repository root, or as it was named on the command line.
    pub path: BlobPath,
    /// In a history, the first commit that brought the content, in hexadecimal.
    pub commit: Option<String>,
    /// The path inside the file, `""` for the file itself, parts separated by `!`.
    pub member: String,
    /// Offset in the member, in bytes.
    pub offset: Option<u64>,
    /// The import concerned, as `module.name`.
    pub import: Option<String>,
    /// Why it is not allowed; for findings of that rule alone.
    pub reason: Option<Reason>,
    /// What happened, one sentence without a full stop.
    pub message: String,
    /// What to do next.
    pub help: Option<String>,
    /// The allowlist entry that nearly permits it, or that refuses it.
    pub entry: Option<EntryRef>,
    /// The decompiled lines around the offset.
    pub snippet: Option<Snippet>,
}

impl Finding {
    /// What tells it from other findings of a run.
    pub fn key(&self) -> (Rule, Level, &BlobPath, &str, Option<u64>, &str) {
        (self.rule, self.level, &self.path, &self.member, self.offset, &self.message)
    }

    /// A finding about a file as a whole, at the level of its rule. Its level is for [`mod@crate::judge`] to change.
    pub fn new(rule: Rule, path: BlobPath, message: impl Into<String>) -> Finding {
        Finding {
            rule,
            level: rule.level(),
            path,
            commit: None,
            member: String::new(),
            offset: None,
            import: None,
            reason: None,
            message: message.into(),
            help: None,
            entry: None,
            snippet: None,
        }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Finding {
        self.help = Some(help.into());
        self
    }

    /// The line of the file that it is about. A binary file has none, and readers want one: then the first.
    pub fn line(&self) -> usize {
        let own = |entry: &&EntryRef| entry.role == EntryRole::Concerns;
        self.entry.as_ref().filter(own).and_then(|entry| entry.line).unwrap_or(1)
    }
}

/// What an entry has to do with a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryRole {
    /// It allows a name that is spelled almost so.
    Near,
    /// It names the import, and permits something else.
    FallsShort,
    /// It refuses the import.
    Refuses,
    /// The finding is about the entry itself.
    Concerns,
}

impl EntryRole {
    /// The word in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            EntryRole::Near => "near",
            EntryRole::FallsShort => "falls-short",
            EntryRole::Refuses => "refuses",
            EntryRole::Concerns => "concerns",
        }
    }
}

/// Where an allowlist entry stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRef {
    /// What it has to do with the finding.
    pub role: EntryRole,
    /// `module.name` of the entry.
    pub import: String,
    /// `built-in`, `repository` or `command line`.
    pub layer: &'static str,
    /// The file, as a person would open it.
    pub source: String,
    /// Line in it, from 1.
    pub line: Option<usize>,
}

impl EntryRef {
    /// `file:line (layer)`.
    pub fn place(&self) -> String {
        match self.line {
            Some(line) => format!("{}:{line} ({})", self.source, self.layer),
            None => format!("{} ({})", self.source, self.layer),
        }
    }
}

/// A few decompiled lines with one of them marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snippet {
    /// Lines in order. Their text is escaped for a terminal already.
    pub lines: Vec<SnippetLine>,
    /// Index into `lines` of the marked one.
    pub marked: usize,
}

/// One decompiled line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnippetLine {
    /// Offset in the member of the opcode behind the line.
    pub offset: u64,
    /// Python-like text.
    pub text: String,
}
