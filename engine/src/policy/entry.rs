//! One line of an allowlist, of a `deny`, and the layer that it belongs to.

use std::borrow::Cow;

use crate::facts::{Loader, UseKind};
use crate::policy::date::Date;
use crate::policy::guard::Guard;
use crate::policy::pattern::{self, Pattern};
use crate::policy::words::{Kind, Risk, Uses};

/// Which layer an entry belongs to. Later layers win.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// `allowlists/*.yaml`, compiled in.
    BuiltIn,
    /// `.fickgate.yaml` of the repository.
    Repository,
    /// `--policy` and `--allow`.
    CommandLine,
}

impl Layer {
    /// The words of reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Layer::BuiltIn => "built-in",
            Layer::Repository => "repository",
            Layer::CommandLine => "command line",
        }
    }
}

/// One line of an allowlist.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Module, exactly.
    pub module: Cow<'static, str>,
    /// Name in the module, exactly; `Outer.Inner` for a nested class; `*` for any one segment.
    pub name: Cow<'static, str>,
    /// What it is.
    pub kind: Kind,
    /// What may be done with it.
    pub uses: Uses,
    /// A guard that every use has to pass, see [`crate::policy::guard`].
    pub guard: Option<Guard>,
    /// Whether closed triggers and guards stand against a use; `guard: none` takes both away.
    pub guarded: bool,
    /// What remains dangerous.
    pub risk: Option<Risk>,
    /// The only reading it holds for, where it is bound to one.
    pub container: Option<Loader>,
    /// Why it is safe, or why it is wanted.
    pub reason: Cow<'static, str>,
    /// Who says so.
    pub layer: Layer,
    /// The file it stands in: `allowlists/torch.yaml`, `.fickgate.yaml`, `--allow`.
    pub source: Cow<'static, str>,
    /// Line in that file, from 1; `None` where it stands in no file.
    pub line: Option<usize>,
    /// Where and until when it holds, unless everywhere and always.
    pub bounds: Option<Box<Bounds>>,
}

impl Entry {
    /// `module.name`, or `module:Outer.Inner` for a name with dots: how a policy file writes it.
    pub fn import(&self) -> String {
        pattern::written(&self.module, &self.name)
    }
}

/// Where and until when an entry holds.
#[derive(Clone, Debug, Default)]
pub struct Bounds {
    /// Globs over paths from the repository's root, one of which has to match. Empty means every path.
    pub paths: Vec<String>,
    /// The last day on which the entry holds.
    pub expires: Option<Date>,
    pub(crate) globs: globset::GlobSet,
}

/// A line of `deny`.
#[derive(Clone, Debug)]
pub struct Deny {
    /// What is taken away.
    pub pattern: Pattern,
    /// Who says so.
    pub layer: Layer,
    /// The file it stands in.
    pub source: Cow<'static, str>,
    /// Line in that file, from 1.
    pub line: Option<usize>,
}

impl Bounds {
    /// Whether an entry with these bounds holds for the path.
    pub fn hold_for(&self, path: &str) -> bool {
        self.paths.is_empty() || self.globs.is_match(path)
    }
}

impl Uses {
    /// What an entry has to permit for a use of this kind, given what the import is.
    pub const fn needed(kind: UseKind, import: Kind) -> Uses {
        match kind {
            UseKind::Reference => Uses::REFERENCE,
            UseKind::Create => Uses::CREATE,
            UseKind::Instantiate => match import {
                Kind::Class => Uses::CREATE,
                Kind::Function | Kind::Enum | Kind::Constant => Uses::CALL,
            },
            UseKind::Call => Uses::CALL,
            UseKind::State => Uses::STATE,
            UseKind::Items => Uses::ITEMS,
            UseKind::CallResult => Uses::CALL_RESULT,
        }
    }
}
