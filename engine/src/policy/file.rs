//! What one policy file says: a layer of the policy.

use crate::policy::builtin;
use crate::policy::date::Date;
use crate::policy::entry::{Deny, Entry, Layer};
use crate::rule::{Level, Rule};

/// What one policy file says.
#[derive(Clone, Debug)]
pub struct PolicyFile {
    /// Its path, as a person would open it.
    pub source: String,
    /// The layer it belongs to.
    pub layer: Layer,
    /// Which parts of the built-in list lie below, where the file says so.
    pub extends: Option<Extends>,
    /// Whether it refuses every pickle.
    pub no_pickles: Option<NoPickles>,
    /// What it allows.
    pub allow: Vec<Entry>,
    /// Content it accepts.
    pub files: Vec<Pin>,
    /// What it takes away.
    pub deny: Vec<Deny>,
    /// Paths that are not scanned.
    pub exclude: Vec<Exclude>,
    /// Levels that differ from the rules' own.
    pub levels: Vec<SetLevel>,
}

/// The line that refuses every pickle, whatever it imports.
#[derive(Clone, Debug)]
pub struct NoPickles {
    /// Who says so.
    pub layer: Layer,
    /// The file it stands in.
    pub source: String,
    /// Line in that file, from 1.
    pub line: usize,
}

/// A level that a rule is given.
#[derive(Clone, Debug)]
pub struct SetLevel {
    /// The rule.
    pub rule: Rule,
    /// Its level.
    pub level: Level,
    /// Who says so.
    pub layer: Layer,
    /// The file it stands in.
    pub source: String,
    /// Line in that file, from 1.
    pub line: usize,
}

/// Which parts of the built-in list apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extends {
    /// Names of [`builtin::lists`].
    pub lists: Vec<&'static str>,
    /// Whether entries with `risk: native-memory` apply.
    pub native_memory: bool,
}

impl Default for Extends {
    /// `[ml]`: everything.
    fn default() -> Self {
        Extends { lists: builtin::lists().map(|l| l.name).collect(), native_memory: true }
    }
}

/// Content that is accepted whatever it imports.
#[derive(Clone, Debug)]
pub struct Pin {
    /// SHA-256 of the whole content.
    pub sha256: [u8; 32],
    /// The only path it is accepted at, where it names one.
    pub path: Option<String>,
    /// The last day on which it is accepted.
    pub expires: Option<Date>,
    /// Why.
    pub reason: String,
    /// Who says so.
    pub layer: Layer,
    /// The file it stands in.
    pub source: String,
    /// Line in that file, from 1.
    pub line: usize,
}

/// A glob over paths that are not scanned.
#[derive(Clone, Debug)]
pub struct Exclude {
    /// As written.
    pub glob: String,
    /// Who says so.
    pub layer: Layer,
    /// The file it stands in.
    pub source: String,
    /// Line in that file, from 1.
    pub line: usize,
    pub(super) matcher: globset::GlobMatcher,
}

impl Exclude {
    /// Whether the path, `/`-separated from the repository's root, is excluded.
    pub fn matches(&self, path: &str) -> bool {
        self.matcher.is_match(path)
    }
}

impl PolicyFile {
    /// A layer that says nothing.
    pub fn empty(source: &str, layer: Layer) -> PolicyFile {
        PolicyFile {
            source: source.to_owned(),
            layer,
            extends: None,
            no_pickles: None,
            allow: Vec::new(),
            files: Vec::new(),
            deny: Vec::new(),
            exclude: Vec::new(),
            levels: Vec::new(),
        }
    }
}
