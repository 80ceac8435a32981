//! Which imports are allowed, for which use, and who says so.

pub mod guard;

use crate::facts::UseKind;
use std::path::PathBuf;

/// A set of uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uses(u8);

impl Uses {
    /// Pushed, never applied.
    pub const REFERENCE: Uses = Uses(1);
    /// NEWOBJ.
    pub const CREATE: Uses = Uses(2);
    /// REDUCE, INST, OBJ.
    pub const CALL: Uses = Uses(4);
    /// BUILD, items.
    pub const STATE: Uses = Uses(8);

    /// Both sets.
    pub const fn with(self, other: Uses) -> Uses {
        Uses(self.0 | other.0)
    }

    /// Whether `other` is wholly inside.
    pub const fn contains(self, other: Uses) -> bool {
        self.0 & other.0 == other.0
    }

    /// The words of the policy file, in its order.
    pub fn words(self) -> Vec<&'static str> {
        [
            (Uses::REFERENCE, "reference"),
            (Uses::CREATE, "create"),
            (Uses::CALL, "call"),
            (Uses::STATE, "state"),
        ]
        .into_iter()
        .filter(|(u, _)| self.contains(*u))
        .map(|(_, w)| w)
        .collect()
    }
}

/// What kind of thing an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// reference, create, state.
    Class,
    /// call.
    Function,
    /// reference (an enum member is made by calling its class: list `call` where that is so).
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
            Kind::Enum | Kind::Constant => Uses::REFERENCE,
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

/// One line of an allowlist.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Module, exactly.
    pub module: String,
    /// Name in the module, exactly; `Outer.Inner` for a nested class.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// What may be done with it.
    pub uses: Uses,
    /// A guard that every use has to pass, see [`guard`].
    pub guard: Option<guard::Guard>,
    /// Why it is safe, or why it is wanted.
    pub reason: String,
    /// Who says so.
    pub layer: Layer,
    /// The file it stands in: `allowlists/torch.yaml`, `.fickgate.yaml`.
    pub source: PathBuf,
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
    /// No entry has this module and name. The nearest entry, where one differs by little.
    NotListed {
        /** An entry with a similar name. */
        near: Option<&'p Entry>,
    },
    /// Listed, but for other uses.
    OtherUse {
        /** The entry. */
        entry: &'p Entry,
        /** The use it lacks. */
        used: UseKind,
    },
    /// Listed and used as it may be, but the guard objects to the arguments.
    Guarded {
        /** The entry. */
        entry: &'p Entry,
        /** The guard's words. */
        objection: String,
    },
}
