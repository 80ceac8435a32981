//! What loading a pickle-bearing file would import and call, and what a policy says of it.
//!
//! ```text
//! bytes -> reading -> stream -> machine -> Facts -> Policy -> Finding
//! ```
//!
//! [`scan::scan`] is a pure function of bytes, [`judge::judge`] a pure function of facts and policy.

pub mod budget;
pub mod content;
pub mod error;
pub mod escape;
pub mod facts;
pub mod finding;
pub mod judge;
pub mod limits;
pub mod loader;
pub mod path;
pub mod pickle;
pub mod policy;
mod reading;
pub mod rule;
mod words;

pub use reading::scan;
