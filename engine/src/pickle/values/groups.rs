//! The keys of one holder, in groups by their hash: made to have one hash, they fall into one group.

/// Groups that keys fall into.
const GROUPS: usize = 1 << 12;
/// Keys that may share a group, beyond four times as many as chance puts there.
const ALIKE: u32 = 64;

/// A key's hash, as CPython since 3.8 hashes tuples, and as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Since 3.8.
    pub new: u64,
    /// Before.
    pub old: u64,
}

/// How many keys each group has.
pub struct Groups {
    keys: u32,
    new: Box<[u16]>,
    old: Box<[u16]>,
}

impl Default for Groups {
    fn default() -> Self {
        let none = || vec![0; GROUPS].into_boxed_slice();
        Groups { keys: 0, new: none(), old: none() }
    }
}

impl Groups {
    /// Bytes of one.
    pub const SIZE: usize = 4 * GROUPS + 64;

    /// One more key. False where too many have its hash.
    pub fn add(&mut self, hash: Pair) -> bool {
        self.keys = self.keys.saturating_add(1);
        let most = ALIKE + 4 * (self.keys / GROUPS as u32);
        let mut fine = true;
        for (counts, hash) in [(&mut self.new, hash.new), (&mut self.old, hash.old)] {
            let group = (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52) as usize;
            if let Some(count) = counts.get_mut(group) {
                *count = count.saturating_add(1);
                fine &= u32::from(*count) <= most;
            }
        }
        fine
    }
}
