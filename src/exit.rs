//! Exit codes. They come from the outcome, never from a report.

use std::process::ExitCode;

use crate::outcome::Outcome;
use fickgate_engine::rule::Level;

/// What the process says to its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything was read and allowed: 0.
    Clean,
    /// Something was found at or above the failing level: 1.
    Findings,
    /// The job could not be done, or not wholly: 2.
    Failure,
}

impl Exit {
    /// The code of an outcome. A file that could not be read outweighs findings.
    pub fn of(outcome: &Outcome, fail_on: Level) -> Exit {
        if !outcome.failures.is_empty() {
            Exit::Failure
        } else if outcome.findings.iter().any(|f| f.level >= fail_on) {
            Exit::Findings
        } else {
            Exit::Clean
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Clean => 0,
            Exit::Findings => 1,
            Exit::Failure => 2,
        })
    }
}
