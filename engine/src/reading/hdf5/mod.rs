//! HDF5: its objects by its own structure, attribute by attribute and dataset by dataset, and its global heaps.
//!
//! After the HDF5 File Format Specification, version 3.0. What nothing leads to is left to the search of the whole file.

pub mod array;
pub mod chunks;
pub mod dataset;
pub mod file;
pub mod fractal;
pub mod header;
pub mod heaps;
pub mod links;
pub mod message;
pub mod objects;
pub mod tree;
