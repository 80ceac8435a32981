//! fickgate works out what loading a pickle-bearing file would import and call, and refuses what an
//! allowlist does not name.
//!
//! ```text
//! argv -> Request -> Source -> Blob -> Reading -> Stream -> Machine -> Facts -> Policy -> Finding -> Report -> exit code
//! ```
//!
//! [`fickgate_engine::scan()`] is a pure function of bytes, [`fickgate_engine::judge()`] a pure function of facts
//! and policy; this crate is what lies around them. It is a program: use the engine as a library.

mod app;
mod ci;
pub mod cli;
mod convert;
mod edit;
mod event;
mod exit;
mod explain;
mod framework;
mod gate;
mod layers;
mod manpage;
mod manual;
mod memory;
mod merge;
mod outcome;
mod progress;
mod report;
mod request;
mod safe_globals;
mod show;
pub mod source;
mod why;

pub use app::run;
pub use exit::Exit;
