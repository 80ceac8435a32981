//! What git knows: its objects, its index, its history, and what it is asked.

pub mod alias;
pub mod attributes;
pub mod change;
pub mod checkout;
pub mod command;
pub mod conversion;
pub mod diff;
pub mod folders;
pub mod history;
pub mod hook;
pub mod hooks;
pub mod id;
pub mod index;
pub mod loose;
pub mod marked;
pub mod names;
pub mod object;
pub mod provenance;
pub mod push;
pub mod repository;
pub mod submodule;
