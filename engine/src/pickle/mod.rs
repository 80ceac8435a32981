//! The pickle machine: what an unpickler would do with a stream, without doing it.
//!
//! Names and behaviour follow CPython: `Lib/pickle.py`, `Modules/_pickle.c`, `Lib/pickletools.py`.

mod known;
pub mod listing;
pub mod machine;
pub mod stream;
pub mod values;
