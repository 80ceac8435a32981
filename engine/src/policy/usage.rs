//! Which entries of a policy allowed something.

use std::sync::atomic::{AtomicBool, Ordering};

/// One mark for each entry and each pin of the upper layers, in the order of [`super::Policy`], and then
/// for each entry of the built-in list.
#[derive(Debug, Default)]
pub struct Usage(Vec<AtomicBool>);

impl Usage {
    /// Marks for `entries` entries, none of them set.
    pub(super) fn new(entries: usize) -> Usage {
        Usage(std::iter::repeat_with(AtomicBool::default).take(entries).collect())
    }

    pub(super) fn mark(&self, index: usize) {
        if let Some(mark) = self.0.get(index) {
            mark.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn is_marked(&self, index: usize) -> bool {
        self.0.get(index).is_some_and(|mark| mark.load(Ordering::Relaxed))
    }
}
