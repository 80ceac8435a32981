//! The native module of the Python package `fickgate`: the engine's judgement, given to a running program.
//!
//! Everything here is private to the package, which has the names, types and words that a reader sees.

#![forbid(unsafe_code)]

mod loads;
mod plain;
mod policy;
mod report;
mod source;
mod verdict;
mod wire;

use pyo3::prelude::*;

/// The engine, for `fickgate/*.py`.
#[pymodule(gil_used = true)]
mod _native {
    #[pymodule_export]
    use crate::loads::{
        Loads, active, admit, audit, enter, enter_judged, install, is_plain, leave, switch, values,
    };
    #[pymodule_export]
    use crate::policy::{Policy, PolicyError};
    #[pymodule_export]
    use crate::source::Replay;
    #[pymodule_export]
    use crate::verdict::{judge_one, scan};
    #[pymodule_export]
    use crate::wire::one;
}
