//! The memo: dense for the small indices that picklers write, sparse for the rest. An index costs
//! memory only when it is set.

use std::collections::HashMap;

use crate::pickle::values::tail::Tail;
use crate::pickle::values::value::Value;

/// A memo index. Text PUT and GET take any integer that Python reads; those over 64 bits are kept by
/// their digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Index {
    /// An index that fits.
    Small(u64),
    /// Digits without sign, underscores and leading zeros.
    Digits(Box<[u8]>),
    /// The text of an index that is no number, which Python 2 takes.
    Text(Box<[u8]>),
}

impl Index {
    /// The index, where it fits.
    pub fn small(&self) -> Option<u64> {
        match self {
            Index::Small(index) => Some(*index),
            _ => None,
        }
    }
}

/// Values by index.
#[derive(Debug, Default)]
pub struct Memo {
    dense: Tail<Value>,
    sparse: HashMap<Index, Value>,
    set: u64,
    /// Bytes of indices that are no small numbers.
    keys: usize,
    rewritten: bool,
}

/// How far above twice the number of entries an index may lie and still be dense.
const GAP: u64 = 1024;

impl Memo {
    /// Sets an index.
    #[inline(always)]
    pub fn put(&mut self, index: u64, value: Value) {
        if let Some(slot) = self.dense.get_mut(index) {
            let free = *slot == Value::UNSET;
            self.set += u64::from(free);
            self.rewritten |= !free;
            *slot = value;
        } else {
            self.put_beyond(index, value);
        }
    }

    #[cold]
    fn put_far(&mut self, index: Index, value: Value) {
        if let Index::Digits(key) | Index::Text(key) = &index {
            self.keys += key.len();
        }
        match self.sparse.insert(index, value) {
            None => self.set += 1,
            Some(_) => self.rewritten = true,
        }
    }

    #[inline(never)]
    fn put_beyond(&mut self, index: u64, value: Value) {
        let len = self.dense.count();
        if self.dense.is_gone(index) {
            // Asking for it was noted.
        } else if index == len && self.sparse.is_empty() {
            self.dense.push(value);
            self.set += 1;
        // Gaps are paid for by entries that are set, so that a far index cannot buy a table.
        } else if index < self.set.saturating_mul(2) + GAP && self.sparse.is_empty() {
            self.dense.fill(index, Value::UNSET);
            self.dense.push(value);
            self.set += 1;
        } else {
            self.put_far(Index::Small(index), value);
        }
    }

    /// Sets an index of any size.
    pub fn put_index(&mut self, index: Index, value: Value) {
        match index {
            Index::Small(i) => self.put(i, value),
            far => self.put_far(far, value),
        }
    }

    /// MEMOIZE: the next index is the number of entries (`Lib/pickle.py`, `load_memoize`).
    #[inline(always)]
    pub fn memoize(&mut self, value: Value) {
        if self.set == self.dense.count() && self.sparse.is_empty() {
            self.dense.push(value);
            self.set += 1;
        } else {
            self.put(self.set, value);
        }
    }

    /// One with so many entries, none of which is known.
    pub fn resumed(count: u64) -> Self {
        // With an entry that no stream can name there is no dense part, which would begin at 0.
        let sparse = HashMap::from([(Index::Text(Box::default()), Value::UNKNOWN)]);
        Memo { sparse, set: count, ..Memo::default() }
    }

    /// Whether something took the place of an entry, as no pickler writes it.
    pub fn is_rewritten(&self) -> bool {
        self.rewritten
    }

    /// How many entries there are.
    pub fn count(&self) -> u64 {
        self.set
    }

    /// The value at an index.
    #[inline(always)]
    pub fn get(&self, index: u64) -> Option<Value> {
        match self.dense.get(index) {
            Some(value) => Some(value).filter(|value| *value != Value::UNSET),
            None => self.get_far(index),
        }
    }

    #[cold]
    fn get_far(&self, index: u64) -> Option<Value> {
        self.sparse.get(&Index::Small(index)).copied()
    }

    /// The value at an index of any size.
    pub fn get_index(&self, index: &Index) -> Option<Value> {
        match index {
            Index::Small(i) => self.get(*i),
            far => self.sparse.get(far).copied(),
        }
    }

    /// Old entries go: [`Tail::age`].
    pub fn age(&mut self, kept: usize) {
        self.dense.age(kept);
    }

    /// Whether somebody asked for one that is gone.
    pub fn missed(&self) -> bool {
        self.dense.missed()
    }

    /// Bytes of what can go.
    pub fn aging(&self) -> usize {
        self.dense.size()
    }

    /// Bytes held; a sparse entry costs about 64.
    pub fn size(&self) -> usize {
        self.aging() + self.sparse.len() * 64 + self.keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_indices_cost_one_entry() {
        let mut memo = Memo::default();
        memo.put(u64::from(u32::MAX), Value::int(1));
        memo.put_index(Index::Digits(b"99999999999999999999".to_vec().into()), Value::int(2));
        assert!(memo.size() < 800);
        assert_eq!(memo.get(u64::from(u32::MAX)), Some(Value::int(1)));
        assert_eq!(memo.get(0), None);
    }

    #[test]
    fn memoize_counts_entries_not_indices() {
        let mut memo = Memo::default();
        memo.put(5, Value::int(5));
        memo.memoize(Value::int(1));
        assert_eq!(memo.get(1), Some(Value::int(1)));
        memo.put(5, Value::int(6));
        memo.memoize(Value::int(2));
        assert_eq!(memo.get(2), Some(Value::int(2)));
    }

    #[test]
    fn an_index_is_found_whether_it_was_put_dense_or_sparse() {
        let mut memo = Memo::default();
        memo.put(100_000, Value::int(1));
        for i in 0..3000 {
            memo.put(i, Value::int(i as i64));
        }
        assert_eq!(memo.get(100_000), Some(Value::int(1)));
        assert_eq!(memo.get(2999), Some(Value::int(2999)));
    }
}
