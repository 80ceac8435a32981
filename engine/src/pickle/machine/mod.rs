//! What an unpickler does: the loop, stack and marks, memo, and what opcodes do to imports and objects.

mod apply;
mod arrays;
mod build;
mod items;
pub(in crate::pickle) mod memo;
mod methods;
mod resolve;
mod resume;
mod stack;
mod step;
#[cfg(test)]
mod tests;
pub mod trace;
mod vm;

pub use crate::pickle::known::standard::is_at_hand;
pub use crate::pickle::known::table::makes_callable;
pub use vm::*;
