//! Statements of a schema of SQLite: the literals in them, and whether they compute values. Text is cut as SQLite's
//! `src/tokenize.c` cuts it, so that a comment or a quoted name hides nothing.

use std::ops::Range;

/// Part of a statement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    Comment,
    /// Text between two of this byte, which is written twice where it is meant; `]` closes what `[` opens.
    Quoted(u8),
    /// One byte of anything else.
    Other(u8),
}

/// The parts of a statement, in order; each begins where the one before ends.
fn pieces(text: &[u8]) -> impl Iterator<Item = (Piece, Range<usize>)> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let from = at;
        let rest = text.get(from..)?;
        let until = |end: &[u8], skip: usize| {
            let found = memchr::memmem::find(rest.get(skip..).unwrap_or(&[]), end);
            found.map_or(rest.len(), |n| skip + n + end.len())
        };
        let (piece, len) = match *rest.first()? {
            quote @ (b'\'' | b'"' | b'`') => {
                let mut len = until(&[quote], 1);
                while rest.get(len) == Some(&quote) {
                    len = until(&[quote], len + 1);
                }
                (Piece::Quoted(quote), len)
            }
            b'[' => (Piece::Quoted(b'['), until(b"]", 1)),
            b'-' if rest.starts_with(b"--") => (Piece::Comment, until(b"\n", 2)),
            b'/' if rest.starts_with(b"/*") => (Piece::Comment, until(b"*/", 2)),
            other => (Piece::Other(other), 1),
        };
        at += len;
        Some((piece, from..at))
    })
}

/// Every text and every `x'…'` of a statement: where it begins, and the bytes that it stands for.
pub fn literals(text: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> + '_ {
    let mut before = Piece::Comment;
    pieces(text).filter_map(move |(piece, range)| {
        let last = std::mem::replace(&mut before, piece);
        if piece != Piece::Quoted(b'\'') {
            return None;
        }
        let inner = text.get(range.start + 1..range.end).unwrap_or(&[]);
        let inner = inner.strip_suffix(b"'").unwrap_or(inner);
        let mut bytes = Vec::with_capacity(inner.len());
        if matches!(last, Piece::Other(b'x' | b'X')) {
            let digit = |b: u8| char::from(b).to_digit(16).unwrap_or(0) as u8;
            bytes.extend(inner.as_chunks::<2>().0.iter().map(|[a, b]| digit(*a) << 4 | digit(*b)));
        } else {
            let mut rest = inner;
            while let Some(end) = memchr::memchr(b'\'', rest) {
                bytes.extend_from_slice(rest.get(..=end).unwrap_or(rest));
                rest = rest.get(end + 2..).unwrap_or(&[]);
            }
            bytes.extend_from_slice(rest);
        }
        Some((range.start, bytes))
    })
}

/// Whether a statement makes a view, a virtual table, or a table with a generated column, that computes a `value` for a
/// `key`: by these names, in a table `Dict`, `shelve` (CPython's `Lib/dbm/sqlite3.py`) asks for what it unpickles, and
/// sqlitedict in `unnamed`. The columns of a view may have their names from what it selects of.
pub fn computes(text: &[u8]) -> bool {
    let mut bare = Vec::with_capacity(text.len());
    for (piece, range) in pieces(text) {
        match piece {
            Piece::Comment => bare.push(b' '),
            Piece::Quoted(_) | Piece::Other(_) => {
                bare.extend(text.get(range).unwrap_or(&[]).iter().map(u8::to_ascii_lowercase));
            }
        }
    }
    let has = |word: &[u8]| memchr::memmem::find(&bare, word).is_some();
    let mut words = bare.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    if words.next() != Some(b"create") {
        return false;
    }
    // The others that the grammar has are tables, indexes and triggers: these hold what they give, or write it.
    let kind = words.next().unwrap_or_default();
    let view = [&b"view"[..], b"temp", b"virtual"].iter().any(|begin| kind.starts_with(begin));
    // `name AS (expression)`
    let table = kind.starts_with(b"table");
    let generated = table
        && memchr::memmem::find_iter(&bare, b"as")
            .any(|at| bare.get(at + 2..).unwrap_or(&[]).trim_ascii_start().starts_with(b"("));
    (view || generated) && (has(b"key") && has(b"value") || view && (has(b"dict") || has(b"unnamed")))
}
