//! Content read through a block that stays at hand, for readers that take a few bytes at a time.

use std::io;
use std::sync::{Mutex, PoisonError};

use crate::content::{Content, ReadAt};

/// Content behind a block of it in memory.
pub struct Windowed {
    source: Content,
    size: usize,
    /// Offset of the block, and its bytes.
    block: Mutex<(u64, Vec<u8>)>,
}

impl Windowed {
    /// With a block of `size` bytes.
    pub fn new(source: Content, size: usize) -> Self {
        Windowed { source, size, block: Mutex::new((0, Vec::new())) }
    }
}

impl ReadAt for Windowed {
    fn len(&self) -> u64 {
        self.source.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        if buf.len() * 4 > self.size {
            return self.source.read_at(offset, buf);
        }
        let mut block = self.block.lock().unwrap_or_else(PoisonError::into_inner);
        let behind = offset.saturating_add(buf.len() as u64).min(self.source.len());
        if offset < block.0 || behind > block.0 + block.1.len() as u64 {
            *block = (offset, self.source.read_range(offset, self.size)?);
        }
        let held = usize::try_from(offset - block.0).ok().and_then(|from| block.1.get(from..)).unwrap_or(&[]);
        let n = held.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..n), held.get(..n)) {
            to.copy_from_slice(from);
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_changes_nothing() {
        let bytes: Vec<u8> = (0..=255).collect();
        let content = Content::new(Windowed::new(Content::from_bytes(bytes.clone()), 32));
        for (offset, len) in
            [(0, 4), (4, 4), (30, 8), (10, 2), (250, 8), (100, 100), (255, 1), (256, 1), (0, 300)]
        {
            let expected = &bytes[offset.min(256)..(offset + len).min(256)];
            assert_eq!(content.read_range(offset as u64, len).expect("readable"), expected, "{offset}+{len}");
        }
    }
}
