//! Decompression, a piece at a time. What came out before a stream breaks stays: a loader that reads
//! in pieces has seen it too.

mod decoder;
mod fed;
mod form;
mod input;
mod lzma;

pub use decoder::Decoder;
pub use form::{Codec, Ending};
