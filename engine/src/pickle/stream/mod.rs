//! What an unpickler reads: cursors, frames, opcodes, numbers, text, and the names of Python 2.

pub mod compat;
pub mod framed;
pub mod long;
pub mod number;
pub mod opcode;
pub mod reader;
pub mod text;
