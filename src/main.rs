//! The `fickgate` binary.

fn main() {}
