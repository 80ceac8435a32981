//! Which entries of a policy allowed something.

use std::sync::atomic::{AtomicU64, Ordering};

/// One mark for each entry and each pin of the upper layers, in the order of [`super::Policy`], and then
/// for each entry of the built-in list.
#[derive(Debug, Default)]
pub struct Usage(Vec<AtomicU64>);

/// Marks in one word.
const WORD: usize = u64::BITS as usize;

impl Usage {
    /// Marks for `entries` entries, none of them set.
    pub(super) fn new(entries: usize) -> Usage {
        Usage(std::iter::repeat_with(AtomicU64::default).take(entries.div_ceil(WORD)).collect())
    }

    pub(super) fn mark(&self, index: usize) {
        if let Some(word) = self.0.get(index / WORD) {
            let mark = 1 << (index % WORD);
            // Most marks are set already, and threads that write nothing do not wait for one another.
            if word.load(Ordering::Relaxed) & mark == 0 {
                word.fetch_or(mark, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn is_marked(&self, index: usize) -> bool {
        self.0.get(index / WORD).is_some_and(|word| word.load(Ordering::Relaxed) & 1 << (index % WORD) != 0)
    }

    /// All that are marked, in order.
    pub(super) fn marked(&self) -> impl Iterator<Item = usize> {
        let words = self.0.iter().map(|word| word.load(Ordering::Relaxed)).enumerate();
        words.filter(|(_, word)| *word != 0).flat_map(|(at, word)| {
            (0..WORD).filter(move |bit| word & 1 << bit != 0).map(move |bit| at * WORD + bit)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_again() {
        let usage = Usage::new(130);
        for index in [0, 63, 64, 129, 64] {
            usage.mark(index);
        }
        assert_eq!(usage.marked().collect::<Vec<_>>(), [0, 63, 64, 129]);
        assert!(usage.is_marked(63) && !usage.is_marked(62) && !usage.is_marked(1000));
    }
}
