//! Containers and formats that carry pickles, and the readings that loaders take of them.
//!
//! Each module parses one format into plain values and tells [`crate::reading::work::Scan`] what lies inside.

pub mod arrow;
pub mod berkeley;
pub mod blosc;
pub mod carried;
pub mod codec;
pub mod container;
pub mod dumb;
pub mod embedded;
pub mod ending;
pub mod export;
pub mod family;
pub mod field;
pub mod gdbm;
pub mod hdf5;
pub mod inflated;
pub mod job;
pub mod joblib;
pub mod json;
pub mod keras;
pub mod literal;
pub mod lmdb;
pub mod numpy;
pub mod open;
pub mod pickles;
pub mod records;
pub mod scan;
pub mod search;
pub mod segments;
pub mod skops;
pub mod sniff;
pub mod sql;
mod sqlite;
pub mod standing;
pub mod starts;
pub mod tar;
pub mod tar_header;
pub mod torch;
pub mod values;
pub mod window;
pub mod work;
pub mod zip;
