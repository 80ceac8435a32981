//! Cursors over a stream that always know their offset. One over bytes in memory, one through a
//! window over content that is read by ranges; neither allocates by a length that a stream claims.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io;
use std::ops::Range;

use crate::content::Content;

/// A line of a text argument: everything up to a newline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Offset of its first byte.
    pub start: u64,
    /// Bytes without the newline.
    pub len: u64,
    /// Whether there was a newline before the end of the content.
    pub ended: bool,
}

/// A position in a stream of bytes.
pub trait Cursor {
    /// Whether the cursor keeps to frames. Otherwise the machine compares its position with theirs.
    const BUFFERS_FRAMES: bool = false;
    /// Offset of the next byte.
    fn position(&self) -> u64;
    /// Offset behind the last byte.
    fn end(&self) -> u64;
    /// The next byte.
    fn byte(&mut self) -> Option<u8>;
    /// The next `N` bytes, or nothing consumed.
    fn array<const N: usize>(&mut self) -> Option<[u8; N]>;
    /// Steps over `n` bytes, or nothing consumed where fewer are left.
    fn skip(&mut self, n: u64) -> bool;
    /// Like [`Cursor::skip`], for bytes that an unpickler copies as they come, from a frame and from
    /// behind it.
    fn skip_into(&mut self, n: u64) -> bool {
        self.skip(n)
    }
    /// A frame of `len` bytes begins here. False where it is longer than what is left, for cursors
    /// that keep to frames.
    fn frame(&mut self, len: u64) -> bool {
        let _ = len;
        true
    }
    /// Where these offsets lie in the content; `None` where they are not in one piece there.
    fn source(&self, range: Range<u64>) -> Option<Range<u64>> {
        Some(range)
    }
    /// Where an offset lies in the content.
    fn in_content(&self, offset: u64) -> u64 {
        self.source(offset..offset).map_or(offset, |range| range.start)
    }
    /// Continues at another offset.
    fn seek(&mut self, position: u64);
    /// The line from here, consumed with its newline.
    fn line(&mut self) -> Line;
    /// Bytes from anywhere, read again where they are no longer at hand. Shorter only at the end.
    fn bytes(&self, start: u64, len: usize) -> Cow<'_, [u8]>;
    /// The error that ended the reading early, if one did.
    fn failure(&mut self) -> Option<io::Error>;
}

/// Over bytes in memory.
pub struct SliceCursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> SliceCursor<'a> {
    /// Starts at an offset.
    pub fn new(bytes: &'a [u8], start: u64) -> Self {
        SliceCursor { bytes, at: usize::try_from(start).unwrap_or(usize::MAX).min(bytes.len()) }
    }
}

impl Cursor for SliceCursor<'_> {
    #[inline(always)]
    fn position(&self) -> u64 {
        self.at as u64
    }

    fn end(&self) -> u64 {
        self.bytes.len() as u64
    }

    #[inline(always)]
    fn byte(&mut self) -> Option<u8> {
        let b = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(b)
    }

    #[inline(always)]
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let out = *self.bytes.get(self.at..)?.first_chunk::<N>()?;
        self.at += N;
        Some(out)
    }

    #[inline(always)]
    fn skip(&mut self, n: u64) -> bool {
        let fits = n <= (self.bytes.len() - self.at) as u64;
        if fits {
            self.at += n as usize;
        }
        fits
    }

    fn seek(&mut self, position: u64) {
        self.at = usize::try_from(position).unwrap_or(usize::MAX).min(self.bytes.len());
    }

    fn line(&mut self) -> Line {
        let rest = self.bytes.get(self.at..).unwrap_or(&[]);
        let start = self.at as u64;
        let found = memchr::memchr(b'\n', rest);
        let len = found.unwrap_or(rest.len());
        self.at += len + usize::from(found.is_some());
        Line { start, len: len as u64, ended: found.is_some() }
    }

    fn bytes(&self, start: u64, len: usize) -> Cow<'_, [u8]> {
        let start = usize::try_from(start).unwrap_or(usize::MAX).min(self.bytes.len());
        let end = start.saturating_add(len).min(self.bytes.len());
        Cow::Borrowed(self.bytes.get(start..end).unwrap_or(&[]))
    }

    fn failure(&mut self) -> Option<io::Error> {
        None
    }
}

/// Bytes of the first window.
const FIRST: usize = 4 << 10;

/// Through a window over content that is not in memory.
pub struct WindowCursor<'a> {
    content: &'a Content,
    window: Vec<u8>,
    /// Offset of the window's first byte.
    base: u64,
    at: usize,
    /// Bytes of the next window, and of the largest: streams are short or long, and most are short.
    next: usize,
    size: usize,
    failure: RefCell<Option<io::Error>>,
}

impl<'a> WindowCursor<'a> {
    /// Starts at an offset, with a window of `size` bytes.
    pub fn new(content: &'a Content, start: u64, size: usize) -> Self {
        WindowCursor {
            content,
            window: Vec::new(),
            base: start.min(content.len()),
            at: 0,
            next: size.clamp(64, FIRST),
            size: size.max(64),
            failure: RefCell::new(None),
        }
    }

    /// Moves the window so that it starts at the position. False at the end or on a failure.
    #[cold]
    fn refill(&mut self) -> bool {
        if self.failure.borrow().is_some() {
            return false;
        }
        let position = self.position();
        match self.content.read_range(position, self.next) {
            Ok(window) => {
                self.next = (self.next * 4).min(self.size);
                self.base = position;
                self.at = 0;
                self.window = window;
                !self.window.is_empty()
            }
            Err(e) => {
                *self.failure.borrow_mut() = Some(e);
                false
            }
        }
    }
}

impl Cursor for WindowCursor<'_> {
    fn position(&self) -> u64 {
        self.base + self.at as u64
    }

    fn end(&self) -> u64 {
        self.content.len()
    }

    fn byte(&mut self) -> Option<u8> {
        if self.at >= self.window.len() && !self.refill() {
            return None;
        }
        let b = *self.window.get(self.at)?;
        self.at += 1;
        Some(b)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        if self.at + N > self.window.len() && !self.refill() {
            return None;
        }
        let out = *self.window.get(self.at..)?.first_chunk::<N>()?;
        self.at += N;
        Some(out)
    }

    fn skip(&mut self, n: u64) -> bool {
        let position = self.position();
        let fits = n <= self.end().saturating_sub(position);
        if fits {
            self.seek(position + n);
        }
        fits
    }

    fn seek(&mut self, position: u64) {
        let position = position.min(self.end());
        match position.checked_sub(self.base) {
            Some(at) if at <= self.window.len() as u64 => self.at = at as usize,
            _ => {
                self.window.clear();
                self.base = position;
                self.at = 0;
            }
        }
    }

    fn line(&mut self) -> Line {
        let start = self.position();
        loop {
            if self.at >= self.window.len() && !self.refill() {
                return Line { start, len: self.position() - start, ended: false };
            }
            let rest = self.window.get(self.at..).unwrap_or(&[]);
            match memchr::memchr(b'\n', rest) {
                Some(i) => {
                    self.at += i + 1;
                    return Line { start, len: self.position() - 1 - start, ended: true };
                }
                None => self.at = self.window.len(),
            }
        }
    }

    fn bytes(&self, start: u64, len: usize) -> Cow<'_, [u8]> {
        if let Some(from) = start.checked_sub(self.base).and_then(|o| usize::try_from(o).ok())
            && let Some(bytes) = self.window.get(from..from.saturating_add(len))
        {
            return Cow::Borrowed(bytes);
        }
        match self.content.read_range(start, len) {
            Ok(bytes) => Cow::Owned(bytes),
            Err(e) => {
                self.failure.borrow_mut().get_or_insert(e);
                Cow::Owned(Vec::new())
            }
        }
    }

    fn failure(&mut self) -> Option<io::Error> {
        self.failure.borrow_mut().take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that are only to be had by ranges.
    struct ByRange(Vec<u8>);

    impl crate::content::ReadAt for ByRange {
        fn len(&self) -> u64 {
            self.0.len() as u64
        }
        fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
            crate::content::ReadAt::read_at(&self.0, offset, buf)
        }
    }

    fn walk(c: &mut impl Cursor) -> Vec<String> {
        let mut seen =
            vec![format!("{:?}", c.byte()), format!("{:?}", c.line()), format!("{:?}", c.array::<4>())];
        seen.push(format!("{} {}", c.skip(60), c.position()));
        seen.push(format!("{} {}", c.skip(1 << 40), c.position()));
        seen.push(format!("{:?}", c.bytes(3, 4)));
        seen.push(format!("{:?}", c.line()));
        seen.push(format!("{:?} {:?}", c.byte(), c.array::<2>()));
        seen
    }

    #[test]
    fn both_cursors_see_the_same() {
        let mut bytes = b"xline\n1234".to_vec();
        bytes.extend(std::iter::repeat_n(b'.', 60));
        bytes.extend(std::iter::repeat_n(b'y', 200));
        let content = Content::new(ByRange(bytes.clone()));
        let slice = walk(&mut SliceCursor::new(&bytes, 0));
        assert_eq!(slice, walk(&mut WindowCursor::new(&content, 0, 64)));
        assert_eq!(slice[1], "Line { start: 1, len: 4, ended: true }");
        assert_eq!(slice[6], "Line { start: 70, len: 200, ended: false }");
    }
}
