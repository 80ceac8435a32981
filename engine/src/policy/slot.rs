//! Where the search for an import begins in the table of the built-in list: the build script puts it there.

/// Slots of the table: a power of two, at least twice as many as there are entries.
pub const SLOTS: usize = 1 << 14;
/// What stands in a slot without an entry.
pub const EMPTY: u16 = u16::MAX;

/// The first slot of an import. What stands in it may be another one with the same slot: the search goes on to the
/// next slots, up to an empty one.
pub fn first(module: &str, name: &str) -> usize {
    // FNV-1a, <https://datatracker.ietf.org/doc/html/rfc9923>: the names are those of a list that is ours.
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let hash = module.bytes().chain([0]).chain(name.bytes()).fold(0x811c_9dc5, step);
    (hash ^ hash >> 16) as usize % SLOTS
}
