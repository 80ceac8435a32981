//! Content put together from ranges of other content and holes: a sparse member of a tar.

use std::io;
use std::ops::Range;

use crate::content::{Content, ReadAt};

/// Ranges of a source at places of their own; zeros between them.
pub struct Segments {
    source: Content,
    /// Where each part begins here, and where it lies in the source. In order, not overlapping.
    parts: Vec<(u64, Range<u64>)>,
    len: u64,
}

impl Segments {
    /// Parts that overlap or go backwards are left out.
    pub fn new(source: Content, parts: Vec<(u64, Range<u64>)>, len: u64) -> Self {
        let mut end = 0;
        let mut ordered: Vec<(u64, Range<u64>)> = Vec::new();
        for (at, range) in parts {
            let n = range.end.saturating_sub(range.start);
            if n > 0 && at >= end && at.checked_add(n).is_some_and(|e| e <= len) {
                end = at + n;
                ordered.push((at, range));
            }
        }
        Segments { source, parts: ordered, len }
    }
}

impl ReadAt for Segments {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let wanted = self.len.saturating_sub(offset).min(buf.len() as u64) as usize;
        let Some(buf) = buf.get_mut(..wanted) else { return Ok(0) };
        buf.fill(0);
        let end = offset + wanted as u64;
        let first = self.parts.partition_point(|(at, range)| at + (range.end - range.start) <= offset);
        for (at, range) in self.parts.get(first..).unwrap_or(&[]) {
            if *at >= end {
                break;
            }
            let from = offset.max(*at);
            let until = end.min(at + (range.end - range.start));
            let to = buf.get_mut((from - offset) as usize..(until - offset) as usize).unwrap_or(&mut []);
            self.source.read_at(range.start + (from - at), to)?;
        }
        Ok(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_zero() {
        let source = Content::from_bytes(*b"abcdef");
        let content = Content::new(Segments::new(source, vec![(1, 0..2), (5, 4..6)], 8));
        assert_eq!(content.read_range(0, 20).expect("readable"), b"\0ab\0\0ef\0");
        assert_eq!(content.read_range(2, 4).expect("readable"), b"b\0\0e");
    }
}
