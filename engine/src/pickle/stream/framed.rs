//! How the C unpickler reads from a file: it fetches a frame whole, and an opcode that needs more than
//! is left of it takes everything from behind the frame. What was left is never read
//! (`Modules/_pickle.c`, `_Unpickler_ReadFromFile`). `pickle.load` and `torch.load` read like this,
//! `pickle.loads` does not, and `Lib/pickle.py` raises.

use std::borrow::Cow;
use std::io;
use std::ops::Range;

use crate::content::Content;
use crate::pickle::stream::reader::{Cursor, Line, WindowCursor};

/// Bytes that are passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cut {
    /// The offset, without the bytes cut so far, at which the reading goes on.
    at: u64,
    /// Bytes that were cut up to and with this one.
    total: u64,
}

/// A cursor whose offsets count only what is read: the bytes that frames swallow are left out.
pub struct FramedCursor<'a> {
    file: WindowCursor<'a>,
    /// Where the frame in the buffer ends, in the file.
    frame_end: Option<u64>,
    cuts: Vec<Cut>,
}

impl<'a> FramedCursor<'a> {
    /// Starts at an offset, with a window of `size` bytes.
    pub fn new(content: &'a Content, start: u64, size: usize) -> Self {
        FramedCursor { file: WindowCursor::new(content, start, size), frame_end: None, cuts: Vec::new() }
    }

    fn cut_so_far(&self) -> u64 {
        self.cuts.last().map_or(0, |cut| cut.total)
    }

    /// The offset in the file of an offset here.
    fn in_file(&self, offset: u64) -> u64 {
        let before = self.cuts.partition_point(|cut| cut.at <= offset);
        let total = before.checked_sub(1).and_then(|i| self.cuts.get(i)).map_or(0, |cut| cut.total);
        offset.saturating_add(total)
    }

    /// The parts of the file that a range here consists of, at least one.
    fn pieces(&self, range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
        let inside = self.cuts.partition_point(|cut| cut.at <= range.start);
        let cuts = self.cuts.get(inside..).unwrap_or(&[]).iter().map(|cut| cut.at);
        let mut ends = cuts.take_while(move |at| *at < range.end).chain([range.end]);
        let mut start = range.start;
        std::iter::from_fn(move || {
            let end = ends.next()?;
            let from = self.in_file(start);
            let piece = from..from + (end - start);
            start = end;
            Some(piece)
        })
    }

    /// Goes on behind the frame.
    fn drop_rest(&mut self, frame_end: u64) {
        let left = frame_end.saturating_sub(self.file.position());
        if left > 0 {
            let at = self.position();
            let total = self.cut_so_far() + left;
            self.cuts.push(Cut { at, total });
        }
        self.frame_end = None;
        self.file.seek(frame_end);
    }

    /// Before a read of `n` bytes that must come in one piece.
    fn fetch(&mut self, n: u64) {
        if let Some(frame_end) = self.frame_end
            && n > frame_end.saturating_sub(self.file.position())
        {
            self.drop_rest(frame_end);
        }
    }
}

impl Cursor for FramedCursor<'_> {
    const BUFFERS_FRAMES: bool = true;

    fn position(&self) -> u64 {
        self.file.position() - self.cut_so_far()
    }

    fn end(&self) -> u64 {
        self.file.end() - self.cut_so_far()
    }

    fn byte(&mut self) -> Option<u8> {
        self.fetch(1);
        self.file.byte()
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.fetch(N as u64);
        self.file.array()
    }

    fn skip(&mut self, n: u64) -> bool {
        self.fetch(n);
        self.file.skip(n)
    }

    fn skip_into(&mut self, n: u64) -> bool {
        let fits = self.file.skip(n);
        self.frame_end = self.frame_end.filter(|end| self.file.position() < *end);
        fits
    }

    fn seek(&mut self, offset: u64) {
        let offset = self.in_file(offset);
        self.file.seek(offset);
    }

    fn line(&mut self) -> Line {
        let start = self.file.position();
        let mut line = self.file.line();
        if let Some(frame_end) = self.frame_end
            && (!line.ended || self.file.position() > frame_end)
        {
            self.file.seek(start);
            self.drop_rest(frame_end);
            line = self.file.line();
        }
        Line { start: line.start - self.cut_so_far(), ..line }
    }

    fn bytes(&self, start: u64, len: usize) -> Cow<'_, [u8]> {
        let end = start.saturating_add(len as u64).min(self.end());
        let mut pieces = self.pieces(start..end.max(start));
        let first = pieces.next().unwrap_or(0..0);
        let read = |piece: Range<u64>| self.file.bytes(piece.start, (piece.end - piece.start) as usize);
        let mut out = read(first);
        for piece in pieces {
            out.to_mut().extend_from_slice(&read(piece));
        }
        out
    }

    fn frame(&mut self, len: u64) -> bool {
        let inside = self.frame_end.is_some_and(|end| len <= end.saturating_sub(self.file.position()));
        if inside || len == 0 {
            return true;
        }
        self.fetch(len);
        let end = self.file.position().saturating_add(len);
        self.frame_end = Some(end);
        end <= self.file.end()
    }

    fn source(&self, range: Range<u64>) -> Option<Range<u64>> {
        let mut pieces = self.pieces(range);
        let first = pieces.next()?;
        pieces.next().is_none().then_some(first)
    }

    fn failure(&mut self) -> Option<io::Error> {
        self.file.failure()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_frame_swallows_is_left_out() {
        let content = Content::from_bytes(*b"ab|cdefgh\nij\nk");
        let mut cursor = FramedCursor::new(&content, 0, 64);
        assert!(cursor.frame(3));
        assert_eq!(cursor.array(), Some(*b"ab"));
        // The frame has one byte left and two are needed.
        assert_eq!(cursor.array(), Some(*b"cd"));
        assert_eq!((cursor.position(), cursor.end()), (4, 13));
        assert_eq!(&*cursor.bytes(0, 6), b"abcdef");
        assert_eq!(
            (cursor.source(0..2), cursor.source(1..3), cursor.source(2..4)),
            (Some(0..2), None, Some(3..5))
        );
        assert!(cursor.frame(3));
        assert_eq!(cursor.byte(), Some(b'e'));
        // No newline in the rest of the frame: the line lies behind it.
        let line = cursor.line();
        assert_eq!(&*cursor.bytes(line.start, line.len as usize), b"h");
        assert_eq!(&*cursor.bytes(0, 100), b"abcdeh\nij\nk");
    }

    #[test]
    fn a_copy_goes_on_behind_the_frame() {
        let content = Content::from_bytes(*b"abcdef");
        let mut cursor = FramedCursor::new(&content, 0, 64);
        assert!(cursor.frame(2));
        assert!(cursor.skip_into(4));
        assert_eq!((cursor.position(), cursor.byte()), (4, Some(b'e')));
        assert!(!cursor.frame(2));
    }
}
