//! What is known of named callables: the guards, and what frameworks make of plain arguments.

pub mod arguments;
pub mod callable;
pub mod forwarder;
pub mod frames;
pub mod joblib;
pub mod numpy;
