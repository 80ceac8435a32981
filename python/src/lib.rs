//! The native module of the Python package `fickgate`: the engine's judgement, given to a running program.
//!
//! Everything here is private to the package, which has the names, types and words that a reader sees.

#![forbid(unsafe_code)]

mod feed;
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
    use crate::feed::Feed;
    #[pymodule_export]
    use crate::loads::{
        Loads, active, ask, audit, depth, during, enter, enter_judged, file, install, is_plain, read_with,
        switch, values, within,
    };
    #[pymodule_export]
    use crate::policy::{Policy, PolicyError, resolve};
    #[pymodule_export]
    use crate::source::Replay;
    #[pymodule_export]
    use crate::verdict::{ends, judge_one, scan};
    #[pymodule_export]
    use crate::wire::one;
}
