//! What a person reads of a stream: lines like Python's, and every opcode.

pub mod decompile;
pub mod disasm;
mod identifier;
mod quote;
pub mod sharing;
pub mod snippet;
pub mod weights_only;
