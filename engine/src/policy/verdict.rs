//! What a policy says of one use of one import.

use crate::facts::UseKind;
use crate::policy::builtin::Refused;
use crate::policy::date::Date;
use crate::policy::entry::{Deny, Entry};

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
        refused: Refused,
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
    /// Listed and used as it may be, but a trigger is closed to these values, or the guard objects to them.
    Guarded {
        /// The entry.
        entry: &'p Entry,
        /// What stands against it, in words.
        objection: String,
    },
}
