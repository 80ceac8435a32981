//! The pickle machine: what an unpickler would do with a stream, without doing it.
//!
//! Names and behaviour follow CPython: `Lib/pickle.py`, `Modules/_pickle.c`, `Lib/pickletools.py`.

mod apply;
mod arguments;
mod callable;
pub mod compat;
pub mod decompile;
pub mod disasm;
mod forwarder;
mod framed;
mod frames;
mod identifier;
mod imports;
mod joblib;
mod keys;
pub mod machine;
mod memo;
pub(crate) mod number;
mod numpy;
pub mod opcode;
mod quote;
pub mod reader;
pub mod sharing;
mod state;
pub mod text;
pub mod trace;
pub mod value;
