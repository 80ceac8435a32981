//! fickgate works out what loading a pickle-bearing file would import and call, and refuses what an
//! allowlist does not name.
//!
//! ```text
//! argv -> Request -> Source -> Blob -> Reading -> Stream -> Machine -> Facts -> Policy -> Finding -> Report -> exit code
//! ```
//!
//! [`scan::scan`] is a pure function of bytes, [`judge::judge`] a pure function of facts and policy,
//! and the reports print findings and decide nothing.

pub mod cli;
pub mod content;
pub mod error;
pub mod escape;
pub mod event;
pub mod exit;
pub mod facts;
pub mod finding;
pub mod limits;
pub mod manpage;
pub mod pickle;
pub mod policy;
pub mod report;
pub mod rule;
pub mod scan;
pub mod source;
