//! Compressed bytes, with what is ahead of a decoder in a buffer.

use std::io::{self, Read};

use crate::content::Content;

/// The shortest stream of .lzma.
pub const EMPTY_LZMA: usize = 18;

/// Bytes that are read ahead for decoders that are fed.
const INPUT: usize = 64 << 10;
/// Bytes that are read ahead of a decoder that asks for a few; where it asks for more it gets them
/// without a detour. LZ4 is little else than copying.
const AHEAD: usize = 4 << 10;

/// Compressed bytes, buffered.
pub struct Input {
    pub source: Content,
    /// Offset in the source behind the buffer.
    at: u64,
    buffer: Vec<u8>,
    /// What is ahead in the buffer: from here to `end`.
    position: usize,
    end: usize,
    /// Kept for whoever can report it: decoders pass errors on in their own words.
    pub failure: Option<io::Error>,
}

impl Input {
    pub fn new(source: Content) -> Self {
        Input { source, at: 0, buffer: Vec::new(), position: 0, end: 0, failure: None }
    }

    pub fn consumed(&self) -> u64 {
        self.at - (self.end - self.position) as u64
    }

    pub fn ahead(&self) -> &[u8] {
        self.buffer.get(self.position..self.end).unwrap_or(&[])
    }

    /// At least `wanted` bytes ahead, fewer only at the end.
    pub fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        if self.end - self.position < wanted {
            self.refill(INPUT)?;
        }
        Ok(self.ahead())
    }

    /// Reads up to `more` bytes behind those that are ahead.
    pub fn refill(&mut self, more: usize) -> io::Result<()> {
        self.buffer.copy_within(self.position..self.end, 0);
        self.end -= self.position;
        self.position = 0;
        if self.buffer.len() < self.end + more {
            self.buffer.resize(self.end + more, 0);
        }
        if let Some(room) = self.buffer.get_mut(self.end..self.end + more) {
            let n = self.source.read_at(self.at, room)?;
            self.end += n;
            self.at += n as u64;
        }
        Ok(())
    }

    pub fn consume(&mut self, n: usize) {
        self.position = (self.position + n).min(self.end);
    }

    /// Puts bytes back that a decoder took and did not need.
    pub fn unread(&mut self, bytes: &[u8]) {
        if self.position >= bytes.len() {
            self.position -= bytes.len();
        } else {
            self.buffer = [bytes, self.ahead()].concat();
            self.position = 0;
            self.end = self.buffer.len();
        }
    }

    pub fn read_some(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.position == self.end {
            if buf.len() >= AHEAD {
                (self.position, self.end) = (0, 0);
                let n = self.source.read_at(self.at, buf)?;
                self.at += n as u64;
                return Ok(n);
            }
            self.refill(AHEAD)?;
        }
        let n = buf.len().min(self.end - self.position);
        if let (Some(to), Some(from)) = (buf.get_mut(..n), self.ahead().get(..n)) {
            to.copy_from_slice(from);
        }
        self.consume(n);
        Ok(n)
    }

    pub fn skip_zeros(&mut self) -> io::Result<()> {
        loop {
            let ahead = self.peek(1)?;
            let zeros = ahead.iter().take_while(|b| **b == 0).count();
            let all = zeros == ahead.len();
            if zeros == 0 {
                return Ok(());
            }
            self.consume(zeros);
            if !all {
                return Ok(());
            }
        }
    }

    /// Steps over streams of .lzma without content that are zeros only: a header (13) and what the range decoder
    /// begins with (5). What is padding to others is millions of them.
    pub fn skip_empty_lzma(&mut self) -> io::Result<()> {
        loop {
            let ahead = self.peek(EMPTY_LZMA)?;
            let zeros = ahead.iter().take_while(|b| **b == 0).count();
            let whole = zeros - zeros % EMPTY_LZMA;
            if whole == 0 {
                return Ok(());
            }
            self.consume(whole);
        }
    }

    /// Steps over a text and the NUL that ends it.
    pub fn skip_text(&mut self) -> io::Result<()> {
        loop {
            let ahead = self.peek(1)?;
            let end = memchr::memchr(0, ahead);
            let n = end.map_or(ahead.len(), |i| i + 1);
            self.consume(n);
            if end.is_some() || n == 0 {
                return Ok(());
            }
        }
    }

    pub fn skip(&mut self, n: u64) -> io::Result<()> {
        let ahead = (self.end - self.position) as u64;
        if n <= ahead {
            self.consume(n as usize);
        } else {
            self.at = self.at.saturating_add(n - ahead).min(self.source.len());
            (self.position, self.end) = (0, 0);
        }
        Ok(())
    }
}

impl Read for Input {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_some(buf).map_err(|error| {
            let copy = io::Error::new(error.kind(), "the source failed");
            self.failure = Some(error);
            copy
        })
    }
}
