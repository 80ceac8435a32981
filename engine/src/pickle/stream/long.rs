//! Lines too long to be kept, each as a short one that every unpickler reads alike: a number of any length, a name
//! with what tells it from others.

use std::hash::{DefaultHasher, Hasher};

/// Bytes of a run that are kept: more than the digits that any Python converts, by far.
const RUN: usize = 8 << 10;
/// Longest line of short runs. A longer one is no number to anyone.
const LONGEST: usize = 64 << 10;

/// What stands in a row and can be left out in its middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Blank,
    /// Zeros that no other digit stands before.
    Zero,
    /// Digits of any base, and underscores between them.
    Digit,
    Other,
}

/// Shortens a number line that comes piece by piece.
///
/// Of blanks and leading zeros as many are left as make no difference. What is left out of other digits is told
/// apart by a hash in binary digits, which are digits of every base.
#[derive(Default)]
pub struct Number {
    line: Vec<u8>,
    run: Option<Class>,
    len: usize,
    /// What was left out of the run, and its last byte, which has to stay.
    skipped: DefaultHasher,
    last: Option<u8>,
    /// Behind a NUL nothing matters: C stops there, and Python takes no number with one.
    over: bool,
}

impl Number {
    /// Takes the next bytes of the line.
    pub fn push(&mut self, bytes: &[u8]) {
        for &b in bytes {
            if self.over {
                return;
            }
            let class = self.class(b);
            if self.run != Some(class) {
                self.close();
                (self.run, self.len) = (Some(class), 0);
            }
            self.len += 1;
            if self.len <= RUN || class == Class::Other {
                self.line.push(b);
            } else if b == b'_' && self.last.is_none_or(|last| last == b'_') {
                // Two in a row are no number, and neither must be what is left.
                self.line.push(b);
                self.line.extend(self.last);
            } else {
                self.skipped.write_u8(b);
                self.last = Some(b);
            }
            self.over = b == 0 || self.line.len() > LONGEST;
        }
    }

    fn class(&self, b: u8) -> Class {
        match b {
            b' ' | b'\t' | b'\r' | 0x0b | 0x0c => Class::Blank,
            b'0' if self.run != Some(Class::Digit) => Class::Zero,
            b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' => Class::Digit,
            b'_' if matches!(self.run, Some(Class::Zero | Class::Digit)) => self.run.unwrap_or(Class::Other),
            _ => Class::Other,
        }
    }

    fn close(&mut self) {
        let Some(last) = self.last.take() else { return };
        if self.run == Some(Class::Digit) {
            let hash = std::mem::take(&mut self.skipped).finish();
            self.line.extend((0..u64::BITS).map(|i| b'0' + (hash >> i & 1) as u8));
        }
        self.line.push(last);
    }

    /// The short line.
    pub fn finish(mut self) -> Vec<u8> {
        self.close();
        self.line
    }
}

/// A name too long for any list, by its beginning, its length and a hash of all of it.
pub struct Name {
    head: Vec<u8>,
    hash: DefaultHasher,
    len: u64,
}

/// Bytes of a long name that are kept.
const HEAD: usize = 256;

impl Name {
    /// Nothing of it so far.
    pub fn new() -> Self {
        Name { head: Vec::new(), hash: DefaultHasher::new(), len: 0 }
    }

    /// Takes the next bytes of the name.
    pub fn push(&mut self, bytes: &[u8]) {
        let room = HEAD.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(bytes.get(..room).unwrap_or(&[]));
        self.hash.write(bytes);
        self.len += bytes.len() as u64;
    }

    /// No name that Python code could write: `…` is no letter.
    pub fn finish(self) -> String {
        let head = String::from_utf8_lossy(&self.head);
        format!("{head}…{:016x}, {} bytes", self.hash.finish(), self.len)
    }
}

impl Default for Name {
    fn default() -> Self {
        Name::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pickle::stream::number::{self, Agreement};

    fn short(line: &[u8], piece: usize) -> Vec<u8> {
        let mut number = Number::default();
        line.chunks(piece).for_each(|piece| number.push(piece));
        number.finish()
    }

    #[test]
    fn long_lines_read_as_they_are() {
        let n = 100_000;
        let zeros = "0".repeat(n);
        for (line, int, float) in [
            (format!("{}1", " ".repeat(n)), Agreement::Both(Some(1)), Agreement::One(())),
            (format!("1{}", " ".repeat(n)), Agreement::Both(Some(1)), Agreement::One(())),
            (format!("{zeros}7"), Agreement::One(Some(7)), Agreement::Both(())),
            (format!("1.{zeros}"), Agreement::Neither, Agreement::Both(())),
            (format!("1{zeros}"), Agreement::One(None), Agreement::One(())),
            (format!("1{zeros}_"), Agreement::Neither, Agreement::Neither),
            (format!("1{zeros}__1"), Agreement::Neither, Agreement::Neither),
            (format!("1{zeros}_1"), Agreement::One(None), Agreement::One(())),
            (format!("0x1{zeros}"), Agreement::OfVersion(None), Agreement::Neither),
            (format!("0x1{zeros}g"), Agreement::Neither, Agreement::Neither),
            // What is left out of an exponent makes it a large one, on which the two part: said once too often.
            (format!("1e{}1", "0".repeat(n)), Agreement::Neither, Agreement::One(())),
            (format!("1\0{}", "x".repeat(n)), Agreement::One(Some(1)), Agreement::One(())),
            ("x".repeat(n), Agreement::Neither, Agreement::Neither),
        ] {
            for piece in [1, 1000, n * 3] {
                let short = short(line.as_bytes(), piece);
                assert!(short.len() < 80_000, "{}", short.len());
                let shown: String = line.chars().take(8).collect();
                assert_eq!(number::int(&short), int, "int {shown:?} {}", line.len());
                assert_eq!(number::float(&short), float, "float {shown:?} {}", line.len());
            }
        }
        assert_eq!(number::memo_index(&short(format!("{zeros}7").as_bytes(), 77)), number::memo_index(b"7"));
    }

    #[test]
    fn long_numbers_stay_different() {
        let (a, b) = ("1".repeat(50_000), format!("{}2{}", "1".repeat(30_000), "1".repeat(19_999)));
        assert_ne!(short(a.as_bytes(), 64), short(b.as_bytes(), 64));
        assert_eq!(short(a.as_bytes(), 64), short(a.as_bytes(), 9999));
    }
}
