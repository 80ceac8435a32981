//! Tensors as they stand in files of torch and numpy: found, checked and read without executing a pickle.
//!
//! [`open::read`] takes content whose only content is tensors and literals and gives a [`model::Model`]; anything
//! more is a [`refusal::Refusal`] with its place. [`gather::gather`] gives a tensor's elements in the order of C.

mod archive;
pub mod dtype;
mod evaluate;
pub mod gather;
mod legacy;
pub mod model;
mod numpy;
mod objects;
pub mod open;
mod rebuild;
pub mod refusal;
mod torch;
