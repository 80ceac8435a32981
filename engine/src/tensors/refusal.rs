//! Why a file is not converted, and where in it the reason stands.

use std::fmt;
use std::io;

/// What keeps a file from being converted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The path inside the file, `""` for the file itself.
    pub member: String,
    /// Offset in the member, where it is about one place.
    pub offset: Option<u64>,
    /// In one sentence without a full stop. Text from the input is escaped.
    pub reason: String,
}

/// Why there is no model.
#[derive(Debug)]
pub enum Failure {
    /// The content could not be read.
    Unreadable(io::Error),
    /// It is more than tensors and literals, or not whole.
    Refused(Refusal),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Unreadable(error)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Failure::Refused(refusal)
    }
}

/// A failure at a place.
pub fn refused<T>(
    member: &str,
    offset: impl Into<Option<u64>>,
    reason: impl fmt::Display,
) -> Result<T, Failure> {
    Err(Failure::Refused(Refusal {
        member: member.to_owned(),
        offset: offset.into(),
        reason: reason.to_string(),
    }))
}
