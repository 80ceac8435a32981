//! One part of what a run covers: the same files on every machine, in whatever order they are listed.

use std::fmt;
use std::num::NonZero;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use fickgate_engine::policy::hex;
use sha2::{Digest, Sha256};

use super::entry::{Entry, What};

/// Parts that a run may have.
const MOST: u32 = 100_000;

/// Part `index` of `count`, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which one.
    pub index: NonZero<u32>,
    /// Of how many.
    pub count: NonZero<u32>,
}

impl Shard {
    /// Part `index` of `count`; none where there is no such part.
    pub fn new(index: u32, count: u32) -> Option<Shard> {
        let shard = Shard { index: NonZero::new(index)?, count: NonZero::new(count)? };
        (index <= count && count <= MOST).then_some(shard)
    }

    /// Whether the entry is for this part. What git stores goes by the name of the object, so that equal content is
    /// together; a file on disk by its path, since its content is not known before it is read.
    pub(super) fn takes(self, entry: &Entry) -> bool {
        let key = match &entry.what {
            What::Object { id, .. } | What::Recast { id, .. } | What::Inner { id, .. } => id.as_bytes(),
            _ => entry.path.as_bytes(),
        };
        self.index.get() == Shard::of(key, self.count)
    }

    /// The part that a key belongs to: the first eight bytes of its SHA-256, as a big-endian number, modulo the count,
    /// and one.
    fn of(key: &[u8], count: NonZero<u32>) -> u32 {
        let hash: [u8; 32] = Sha256::digest(key).into();
        let first = hash.iter().take(8).fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
        // Below a count of 32 bits.
        (first % u64::from(count.get())) as u32 + 1
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts =
            text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        let shard = parts.and_then(|(index, count)| Shard::new(index, count));
        shard.ok_or_else(|| format!("write I/N, as 1/4: which part, of how many ({MOST} at most)"))
    }
}

/// What all readers of one part have come by, their own entries and the others'.
#[derive(Debug)]
pub struct Part {
    shard: Shard,
    /// How many entries there were, and the sum of their hashes, which is the same in any order.
    listed: Mutex<(u64, u128)>,
}

impl Part {
    /// Nothing seen yet.
    pub fn new(shard: Shard) -> Part {
        Part { shard, listed: Mutex::default() }
    }

    /// Notes an entry, and says whether it is for this part.
    pub(super) fn takes(&self, entry: &Entry) -> bool {
        let (path, kind, id) = entry.key();
        let mut hash = Sha256::new();
        hash.update([kind]);
        hash.update(id.as_ref().map(|id| id.as_bytes()).unwrap_or_default());
        hash.update(path.as_bytes());
        let hash: [u8; 32] = hash.finalize().into();
        let number = hash.iter().take(16).fold(0_u128, |n, byte| n << 8 | u128::from(*byte));
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        *listed = (listed.0 + 1, listed.1.wrapping_add(number));
        drop(listed);
        self.shard.takes(entry)
    }

    /// Which part it is, how many entries all of them have, and what tells them from those of another run or version.
    pub fn seen(&self) -> (Shard, u64, String) {
        let (entries, sum) = *self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut hash = Sha256::new();
        hash.update(env!("CARGO_PKG_VERSION"));
        hash.update(entries.to_be_bytes());
        hash.update(sum.to_be_bytes());
        let run = hex(&<[u8; 32]>::from(hash.finalize())[..16]);
        (self.shard, entries, run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_named_by_two_numbers() {
        assert_eq!("2/8".parse::<Shard>().unwrap().to_string(), "2/8");
        for text in ["", "1", "0/1", "2/1", "1/0", "a/b", "1/100001", "-1/2", "1/2/3"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_key_has_one_shard() {
        let count = NonZero::new(4).unwrap();
        // printf models/a.pkl | sha256sum begins with these sixteen digits.
        assert_eq!(Shard::of(b"models/a.pkl", count), (0x58fc_c104_e3e6_3475_u64 % 4) as u32 + 1);
    }
}
