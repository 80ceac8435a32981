//! Which imports are allowed, for which use, and who says so.
//!
//! A policy has three layers: the built-in list ([`builtin`]), the repository's file and the command
//! line ([`mod@file`]). [`Policy::decide`] asks them for one use of one import; a `deny` of any layer
//! wins over every `allow`.
//!
//! The built-in list holds imports that meet four criteria:
//!
//! 1. no execution of code that the pickle brings or names;
//! 2. no access to attributes or items of other objects by a name the pickle chooses;
//! 3. no import, and no reference to what the process has loaded;
//! 4. no deserialisation of further data, unless a guard has that data read as well.

pub mod audit;
pub mod builtin;
pub mod change;
mod date;
pub mod file;
pub mod glob;
pub mod guard;
mod layers;
mod page;
pub mod pattern;
pub mod shadow;
mod stdlib;
pub mod trigger;
mod usage;

use std::borrow::Cow;

pub use date::Date;
pub use layers::{Place, Policy};
pub use page::is_unseen;
pub use usage::Usage;

use crate::facts::{Reading, UseKind};
use guard::Guard;

/// Where a repository keeps its policy, relative to its root. At most one of them may exist.
pub const FILES: [&str; 2] = [".fickgate.yaml", ".github/fickgate.yaml"];

/// Names that a policy is given by mistake. One that goes unread would take its `deny` with it.
pub const MISNAMED: [&str; 3] = [".fickgate.yml", ".github/fickgate.yml", ".github/.fickgate.yaml"];

/// A set of uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uses(u8);

impl Uses {
    /// No use at all.
    pub const NONE: Uses = Uses(0);
    /// Pushed, never applied.
    pub const REFERENCE: Uses = Uses(1);
    /// NEWOBJ; INST and OBJ without arguments on a class.
    pub const CREATE: Uses = Uses(2);
    /// REDUCE; INST and OBJ otherwise.
    pub const CALL: Uses = Uses(4);
    /// BUILD.
    pub const STATE: Uses = Uses(8);
    /// SETITEM, APPEND, ADDITEMS: for containers. It runs methods of the class.
    pub const ITEMS: Uses = Uses(16);
    /// Its result is called in turn.
    pub const CALL_RESULT: Uses = Uses(32);

    /// Everything but calling its result.
    pub const EVERY: Uses = Uses(31);
    /// What may be done with a class and its instances without calling the class.
    pub const OF_CLASS: Uses = Uses(1 | 2 | 8 | 16);

    const WORDS: [(Uses, &'static str); 6] = [
        (Uses::REFERENCE, "reference"),
        (Uses::CREATE, "create"),
        (Uses::CALL, "call"),
        (Uses::STATE, "state"),
        (Uses::ITEMS, "items"),
        (Uses::CALL_RESULT, "call-result"),
    ];

    /// Both sets.
    #[must_use]
    pub const fn with(self, other: Uses) -> Uses {
        Uses(self.0 | other.0)
    }

    /// Whether `other` is wholly inside.
    pub const fn contains(self, other: Uses) -> bool {
        self.0 & other.0 == other.0
    }

    /// The words of the policy file, in its order.
    pub fn words(self) -> Vec<&'static str> {
        Uses::WORDS.iter().filter(|(u, _)| self.contains(*u)).map(|(_, w)| *w).collect()
    }

    /// The use a word of the policy file names.
    pub fn from_word(word: &str) -> Option<Uses> {
        Uses::WORDS.iter().find(|(_, w)| *w == word).map(|(u, _)| *u)
    }

    /// The words that an entry may use. What an import returns is not judged, so no entry permits that it
    /// is called.
    fn of_entries() -> Vec<(&'static str, Uses)> {
        let may = |(uses, _): &&(Uses, &str)| *uses != Uses::CALL_RESULT;
        Uses::WORDS.iter().filter(may).map(|(uses, word)| (*word, *uses)).collect()
    }

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

/// What kind of thing an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// reference, create, state.
    Class,
    /// call.
    Function,
    /// reference, call: a member is made by calling its class with its value.
    Enum,
    /// reference.
    Constant,
}

impl Kind {
    /// What an entry of this kind permits where it names no uses.
    pub const fn default_uses(self) -> Uses {
        match self {
            Kind::Class => Uses::REFERENCE.with(Uses::CREATE).with(Uses::STATE),
            Kind::Function => Uses::CALL,
            Kind::Enum => Uses::REFERENCE.with(Uses::CALL),
            Kind::Constant => Uses::REFERENCE,
        }
    }

    /// The word of the policy file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Class => "class",
            Kind::Function => "function",
            Kind::Enum => "enum",
            Kind::Constant => "constant",
        }
    }
}

/// What remains dangerous about an entry that is listed all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Risk {
    /// State goes unchecked to compiled code: a forged file can make it read or write memory it
    /// should not. `extends: [ml, -native-memory]` leaves such entries out.
    NativeMemory,
}

impl Risk {
    /// The word of the policy file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Risk::NativeMemory => "native-memory",
        }
    }
}

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
    /// A guard that every use has to pass, see [`guard`].
    pub guard: Option<Guard>,
    /// What remains dangerous.
    pub risk: Option<Risk>,
    /// The only reading it holds for, where it is bound to one.
    pub container: Option<Reading>,
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
    globs: globset::GlobSet,
}

/// A line of `deny`.
#[derive(Clone, Debug)]
pub struct Deny {
    /// What is taken away.
    pub pattern: pattern::Pattern,
    /// Who says so.
    pub layer: Layer,
    /// The file it stands in.
    pub source: Cow<'static, str>,
    /// Line in that file, from 1.
    pub line: Option<usize>,
}

/// What the policy says of one use of one import.
#[derive(Clone, Debug)]
pub enum Verdict<'p> {
    /// Permitted, by this entry.
    AllowedBy(&'p Entry),
    /// Refused.
    RefusedBecause(Refusal<'p>),
}

/// Why a use is refused.
#[derive(Clone, Debug)]
pub enum Refusal<'p> {
    /// No entry has this module and name.
    NotListed,
    /// On the list of imports that were judged and left out.
    Unsafe {
        /// Why it was left out.
        refused: &'static builtin::Refused,
    },
    /// A `deny` takes it away.
    Denied {
        /// The line.
        by: &'p Deny,
    },
    /// Listed, but for other uses.
    OtherUse {
        /// The entry.
        entry: &'p Entry,
        /// The use it lacks.
        used: UseKind,
    },
    /// Listed, but for other paths, or for another kind of file.
    Elsewhere {
        /// The entry.
        entry: &'p Entry,
    },
    /// Listed until a day that has passed.
    Expired {
        /// The entry.
        entry: &'p Entry,
        /// Its last day.
        on: Date,
    },
    /// Listed and used as it may be, but the guard objects to the arguments.
    Guarded {
        /// The entry.
        entry: &'p Entry,
        /// The guard.
        guard: Guard,
        /// The guard's words.
        objection: String,
    },
}

/// A hash as `sha256sum` prints it.
pub fn hex(hash: &[u8; 32]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
