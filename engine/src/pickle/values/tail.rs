//! A vector that lets go of what is old, so that a long stream takes no more memory than a short one. Whoever asks for
//! what is gone is told that there is nothing, and it is noted that somebody asked: nothing may be decided then.

use std::sync::atomic::{AtomicBool, Ordering};

/// Elements at the front that stay, where this many fit into a sixteenth of what may be kept: names and classes come early
/// and are asked for all along.
const EARLY: usize = 1 << 16;

/// Elements by index, the older ones of which may be gone.
#[derive(Debug)]
pub struct Tail<T> {
    /// Those from this index on are here.
    first: u64,
    recent: Vec<T>,
    /// The first ones, once others are gone.
    early: Vec<T>,
    /// Somebody asked for what is gone.
    missed: AtomicBool,
}

impl<T: Copy> Default for Tail<T> {
    fn default() -> Self {
        Tail::of(Vec::new())
    }
}

impl<T: Copy> Tail<T> {
    /// One that begins with these.
    pub fn of(elements: Vec<T>) -> Self {
        Tail { first: 0, recent: elements, early: Vec::new(), missed: AtomicBool::new(false) }
    }

    /// How many there are, with those that are gone.
    #[inline(always)]
    pub fn count(&self) -> u64 {
        self.first + self.recent.len() as u64
    }

    /// One more.
    #[inline(always)]
    pub fn push(&mut self, element: T) {
        self.recent.push(element);
    }

    /// Some more.
    #[inline(always)]
    pub fn extend(&mut self, elements: &[T]) {
        self.recent.extend_from_slice(elements);
    }

    /// There are no more than so many.
    #[inline(always)]
    pub fn cut(&mut self, count: u64) {
        self.recent.truncate(count.saturating_sub(self.first) as usize);
    }

    /// Room for so many more.
    #[inline(always)]
    pub fn reserve(&mut self, more: usize) {
        self.recent.reserve(more);
    }

    /// The same element over and over, until there are so many.
    pub fn fill(&mut self, count: u64, element: T) {
        self.recent.resize(count.saturating_sub(self.first) as usize, element);
    }

    #[inline(always)]
    fn place(&self, index: u64) -> usize {
        usize::try_from(index.wrapping_sub(self.first)).unwrap_or(usize::MAX)
    }

    /// The element at an index.
    #[inline(always)]
    pub fn get(&self, index: u64) -> Option<T> {
        match self.recent.get(self.place(index)) {
            Some(element) => Some(*element),
            None => self.older(index),
        }
    }

    #[inline(always)]
    fn older(&self, index: u64) -> Option<T> {
        match self.early.get(usize::try_from(index).ok()?) {
            Some(element) => Some(*element),
            None => self.noted(None, index),
        }
    }

    /// The element at an index, to be changed.
    #[inline(always)]
    pub fn get_mut(&mut self, index: u64) -> Option<&mut T> {
        let place = self.place(index);
        if place < self.recent.len() {
            return self.recent.get_mut(place);
        }
        if index >= self.early.len() as u64 {
            return self.noted(None, index);
        }
        self.early.get_mut(usize::try_from(index).ok()?)
    }

    /// So many elements from an index on.
    #[inline(always)]
    pub fn range(&self, index: u64, len: usize) -> Option<&[T]> {
        let place = self.place(index);
        match place.checked_add(len).and_then(|end| self.recent.get(place..end)) {
            Some(elements) => Some(elements),
            None => self.older_range(index, len),
        }
    }

    #[inline(never)]
    fn older_range(&self, index: u64, len: usize) -> Option<&[T]> {
        let place = usize::try_from(index).ok()?;
        let found = self.early.get(place..place.checked_add(len)?);
        self.noted(found, index)
    }

    #[cold]
    fn noted<F>(&self, found: Option<F>, index: u64) -> Option<F> {
        if found.is_none() && index < self.first {
            self.missed.store(true, Ordering::Relaxed);
        }
        found
    }

    /// Whether an element is gone.
    pub fn is_gone(&self, index: u64) -> bool {
        index < self.first && index >= self.early.len() as u64
    }

    /// Whether somebody asked for what is gone.
    pub fn missed(&self) -> bool {
        self.missed.load(Ordering::Relaxed)
    }

    /// The older half goes where this takes more than an eighth of the bytes that may be kept.
    pub fn age(&mut self, kept: usize) {
        let most = kept / 8;
        if self.size() <= most {
            return;
        }
        if self.first == 0 {
            let early = EARLY.min(most / 2 / size_of::<T>());
            self.early = self.recent.get(..early).unwrap_or(&[]).to_vec();
        }
        let gone = self.recent.len() / 2;
        self.recent.drain(..gone);
        self.first += gone as u64;
    }

    /// Bytes held.
    pub fn size(&self) -> usize {
        (self.recent.len() + self.early.len()) * size_of::<T>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_is_missed_and_nothing_else_is() {
        let mut tail = Tail::of((0u32..1000).collect());
        tail.age(8 * 4000);
        assert_eq!((tail.count(), tail.get(0)), (1000, Some(0)));
        // A sixteenth of what is kept is 100 of them, and so many stay at the front.
        tail.age(8 * 800);
        assert_eq!((tail.count(), tail.size()), (1000, 4 * 600));
        assert_eq!(
            (tail.get(99), tail.get(500), tail.range(98, 2)),
            (Some(99), Some(500), Some(&[98, 99][..]))
        );
        assert_eq!((tail.get(1000), tail.range(999, 2), tail.get(u64::MAX)), (None, None, None));
        *tail.get_mut(3).expect("it is early") = 7;
        assert_eq!(
            (tail.get(3), tail.is_gone(99), tail.is_gone(100), tail.is_gone(500)),
            (Some(7), false, true, false)
        );
        assert!(!tail.missed());
        assert_eq!(tail.range(99, 2), None);
        assert!(tail.missed());
        tail.missed = false.into();
        assert_eq!((tail.get(100), tail.missed()), (None, true));
        tail.missed = false.into();
        assert!(tail.get_mut(499).is_none() && tail.missed());
        tail.push(5);
        tail.fill(1003, 6);
        assert_eq!((tail.get(1000), tail.get(1002), tail.count()), (Some(5), Some(6), 1003));
    }
}
