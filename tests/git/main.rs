//! The sources against the real git.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod attributes;
mod diff;
mod evasion;
mod flags;
mod history;
mod hooks;
mod kinds;
mod list;
mod matrix;
mod paths;
mod pointers;
mod push;
mod repo;
mod staged;
mod submodules;
