//! Zip archives: torch's files, npz, and all others.

pub mod audit;
pub mod open;
pub mod records;
pub mod row;
