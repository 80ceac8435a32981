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
    /// Whether this byte comes next. False where that is not at hand.
    #[inline(always)]
    fn is_next(&self, byte: u8) -> bool {
        let _ = byte;
        false
    }
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
    /// Steps over `n` bytes and shows them, where they lie in memory. Otherwise nothing is consumed.
    #[inline(always)]
    fn take(&mut self, n: u64) -> Option<&[u8]> {
        let _ = n;
        None
    }
    /// Continues at another offset.
    fn seek(&mut self, position: u64);
    /// The line from here, consumed with its newline.
    fn line(&mut self) -> Line;
    /// Bytes from anywhere, read again where they are no longer at hand. Shorter only at the end.
    fn bytes(&self, start: u64, len: usize) -> Cow<'_, [u8]>;
    /// A few bytes from anywhere, copied. Says how many there are.
    fn copy(&self, start: u64, to: &mut [u8]) -> usize {
        let bytes = self.bytes(start, to.len());
        to.iter_mut().zip(bytes.iter()).for_each(|(to, from)| *to = *from);
        bytes.len()
    }
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
    fn is_next(&self, byte: u8) -> bool {
        self.bytes.get(self.at) == Some(&byte)
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

    #[inline(always)]
    fn take(&mut self, n: u64) -> Option<&[u8]> {
        let bytes = self.bytes.get(self.at..)?.get(..usize::try_from(n).ok()?)?;
        self.at += bytes.len();
        Some(bytes)
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

    #[inline]
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

/// Bytes of a block that is kept because something that lies behind the window was asked for, and how many are kept.
/// The same few names are asked for over and over.
const BLOCK: usize = 1 << 10;
const BLOCKS: usize = 64;

/// A block of the content: its number, and its bytes.
#[derive(Default)]
struct Block(u64, Vec<u8>);

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
    /// Blocks that were asked for, each at the place its number gives.
    behind: RefCell<Vec<Block>>,
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
            behind: RefCell::default(),
            failure: RefCell::new(None),
        }
    }

    /// Copies bytes that do not lie in the window.
    #[inline(never)]
    fn copy_behind(&self, start: u64, to: &mut [u8]) -> usize {
        let mut blocks = self.behind.borrow_mut();
        if blocks.is_empty() {
            blocks.resize_with(BLOCKS, Block::default);
        }
        let (mut copied, size) = (0, BLOCK as u64);
        while copied < to.len() {
            let at = start.saturating_add(copied as u64);
            let number = at / size;
            let Some(block) = blocks.get_mut((number % BLOCKS as u64) as usize) else { break };
            if block.0 != number || block.1.is_empty() {
                match self.content.read_range(number * size, BLOCK) {
                    Ok(bytes) => *block = Block(number, bytes),
                    Err(e) => {
                        self.failure.borrow_mut().get_or_insert(e);
                        break;
                    }
                }
            }
            let from = block.1.get((at % size) as usize..).unwrap_or(&[]);
            let there = to.get_mut(copied..).unwrap_or(&mut []);
            let n = from.len().min(there.len());
            there.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
            copied += n;
            if n == 0 {
                break;
            }
        }
        copied
    }

    #[cold]
    fn next_byte(&mut self) -> Option<u8> {
        self.next_array::<1>().map(|[b]| b)
    }

    #[cold]
    fn next_array<const N: usize>(&mut self) -> Option<[u8; N]> {
        if !self.refill() {
            return None;
        }
        let out = *self.window.get(self.at..)?.first_chunk::<N>()?;
        self.at += N;
        Some(out)
    }

    #[inline(always)]
    fn in_window(&self, start: u64, len: usize) -> Option<&[u8]> {
        let from = usize::try_from(start.checked_sub(self.base)?).ok()?;
        self.window.get(from..from.checked_add(len)?)
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
    #[inline(always)]
    fn position(&self) -> u64 {
        self.base + self.at as u64
    }

    fn end(&self) -> u64 {
        self.content.len()
    }

    #[inline(always)]
    fn byte(&mut self) -> Option<u8> {
        match self.window.get(self.at) {
            Some(b) => {
                self.at += 1;
                Some(*b)
            }
            None => self.next_byte(),
        }
    }

    #[inline(always)]
    fn is_next(&self, byte: u8) -> bool {
        self.window.get(self.at) == Some(&byte)
    }

    #[inline(always)]
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        match self.window.get(self.at..).and_then(|rest| rest.first_chunk::<N>()) {
            Some(out) => {
                self.at += N;
                Some(*out)
            }
            None => self.next_array(),
        }
    }

    #[inline(always)]
    fn skip(&mut self, n: u64) -> bool {
        if n <= (self.window.len() - self.at) as u64 {
            self.at += n as usize;
            return true;
        }
        let position = self.position();
        let fits = n <= self.end().saturating_sub(position);
        if fits {
            self.seek(position + n);
        }
        fits
    }

    #[inline(always)]
    fn take(&mut self, n: u64) -> Option<&[u8]> {
        let bytes = self.window.get(self.at..)?.get(..usize::try_from(n).ok()?)?;
        self.at += bytes.len();
        Some(bytes)
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
        if let Some(bytes) = self.in_window(start, len) {
            return Cow::Borrowed(bytes);
        }
        if len <= BLOCK {
            let mut bytes = vec![0; len];
            let there = self.copy_behind(start, &mut bytes);
            bytes.truncate(there);
            return Cow::Owned(bytes);
        }
        match self.content.read_range(start, len) {
            Ok(bytes) => Cow::Owned(bytes),
            Err(e) => {
                self.failure.borrow_mut().get_or_insert(e);
                Cow::Owned(Vec::new())
            }
        }
    }

    fn copy(&self, start: u64, to: &mut [u8]) -> usize {
        let Some(bytes) = self.in_window(start, to.len()) else { return self.copy_behind(start, to) };
        to.copy_from_slice(bytes);
        to.len()
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
        // Behind the window, over the border of blocks, at the end.
        for (start, len) in [(0, 9), (1020, 8), (1020, 1024), (2040, 100), (3000, 4)] {
            let mut few = [0; 16];
            let n = c.copy(start, &mut few);
            seen.push(format!("{:?} {:?}", c.bytes(start, len), &few[..n]));
        }
        seen
    }

    #[test]
    fn both_cursors_see_the_same() {
        let mut bytes = b"xline\n1234".to_vec();
        bytes.extend(std::iter::repeat_n(b'.', 60));
        bytes.extend(std::iter::repeat_n(b'y', 200));
        bytes.extend((0..1800).map(|i| b'a' + (i % 23) as u8));
        let content = Content::new(ByRange(bytes.clone()));
        let slice = walk(&mut SliceCursor::new(&bytes, 0));
        assert_eq!(slice, walk(&mut WindowCursor::new(&content, 0, 64)));
        assert_eq!(slice[1], "Line { start: 1, len: 4, ended: true }");
        assert_eq!(slice[6], "Line { start: 70, len: 2000, ended: false }");
    }
}
