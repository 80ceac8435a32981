//! What an unpickler does: the loop, stack and marks, memo, values, imports and their uses.

mod apply;
pub(in crate::pickle) mod imports;
mod keys;
pub(in crate::pickle) mod memo;
pub(in crate::pickle) mod state;
pub mod trace;
pub mod value;
mod vm;

pub use imports::makes_callable;
pub use vm::*;
