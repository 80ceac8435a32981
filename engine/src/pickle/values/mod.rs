//! What the machine keeps of the objects that a stream makes.

pub mod contents;
pub mod groups;
pub mod hashes;
pub mod heap;
pub mod imports;
pub mod keys;
pub mod landmark;
pub mod lists;
pub mod mark;
pub mod modulus;
pub mod packed;
pub mod records;
pub mod tail;
pub mod tuples;
pub mod value;
