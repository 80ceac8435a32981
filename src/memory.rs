//! Memory that blobs judged at the same time may need together.

use std::sync::{Condvar, Mutex, PoisonError};

/// What reading all blobs at once may cost, in bytes.
const BYTES: u64 = 1 << 30;
/// What a byte of a stream can cost on the stack and the memo of the machine.
const EACH: u64 = 8;

/// Lets blobs in as long as there is memory for them. A blob that is alone always gets in.
#[derive(Debug)]
pub struct Memory {
    /// All of it, in bytes, and what a byte of a blob costs.
    bytes: u64,
    each: u64,
    /// What is spent of it, and how many wait.
    spent: Mutex<(u64, usize)>,
    freed: Condvar,
}

/// Room for one blob; given back when dropped.
#[must_use]
#[derive(Debug)]
pub struct Room<'b> {
    memory: &'b Memory,
    cost: u64,
}

impl Default for Memory {
    /// For judging blobs.
    fn default() -> Self {
        Memory::new(BYTES, EACH)
    }
}

impl Memory {
    /// So many bytes, where a byte of a blob costs `each`.
    pub const fn new(bytes: u64, each: u64) -> Self {
        Memory { bytes, each, spent: Mutex::new((0, 0)), freed: Condvar::new() }
    }

    /// Waits for room for a blob of `len` bytes.
    pub fn room(&self, len: u64) -> Room<'_> {
        let cost = len.saturating_mul(self.each).min(self.bytes);
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        while spent.0 > 0 && spent.0 + cost > self.bytes {
            spent.1 += 1;
            spent = self.freed.wait(spent).unwrap_or_else(PoisonError::into_inner);
            spent.1 -= 1;
        }
        spent.0 += cost;
        Room { memory: self, cost }
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        let mut spent = self.memory.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.0 -= self.cost;
        let waited_for = spent.1 > 0;
        drop(spent);
        // Waking costs a call of the system, and most of the time nobody sleeps.
        if waited_for {
            self.memory.freed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blobs_wait_for_room_and_never_for_ever() {
        let memory = Memory::default();
        let most = std::sync::atomic::AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for len in [1, BYTES / EACH / 2, u64::MAX, 0, BYTES / EACH] {
                        let room = memory.room(len);
                        let spent = memory.spent.lock().unwrap_or_else(PoisonError::into_inner).0;
                        most.fetch_max(spent, std::sync::atomic::Ordering::Relaxed);
                        drop(room);
                    }
                });
            }
        });
        assert!(most.into_inner() <= BYTES);
        assert_eq!(*memory.spent.lock().unwrap_or_else(PoisonError::into_inner), (0, 0));
    }
}
