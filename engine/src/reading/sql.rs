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

/// Functions that give a value as it is, or a number, a name of a type, a date: no pickle comes of them that is in no
/// record. (SQLite's core, aggregate, window and date functions.)
const GIVING: &[&str] = &[
    "abs",
    "avg",
    "ceil",
    "coalesce",
    "count",
    "date",
    "datetime",
    "dense_rank",
    "first_value",
    "floor",
    "ifnull",
    "iif",
    "instr",
    "julianday",
    "lag",
    "last_value",
    "lead",
    "length",
    "max",
    "min",
    "nth_value",
    "nullif",
    "percent_rank",
    "rank",
    "round",
    "row_number",
    "sign",
    "strftime",
    "sum",
    "time",
    "total",
    "typeof",
    "unixepoch",
];

/// Words of the grammar that a bracket may follow, and types with a length.
const GRAMMAR: &[&str] = &[
    "all",
    "and",
    "as",
    "between",
    "by",
    "cast",
    "distinct",
    "else",
    "except",
    "exists",
    "filter",
    "from",
    "having",
    "in",
    "intersect",
    "is",
    "join",
    "like",
    "limit",
    "materialized",
    "not",
    "on",
    "or",
    "over",
    "select",
    "then",
    "union",
    "using",
    "values",
    "when",
    "where",
];

/// Modules of virtual tables that keep what they give in tables of their own.
const KEEPING: &[&str] = &["fts3", "fts4", "fts5", "rtree", "geopoly"];

/// Whether a statement makes a view, a virtual table, or a table with a generated column, that gives values which no
/// record and no literal holds: put together, cut out or translated by an operator or a function. `shelve` (CPython's
/// `Lib/dbm/sqlite3.py`), sqlitedict, Django's cache and others unpickle values whatever table they come from.
pub fn computes(text: &[u8]) -> bool {
    let mut bare = Vec::with_capacity(text.len());
    for (piece, range) in pieces(text) {
        match piece {
            Piece::Comment => bare.push(b' '),
            Piece::Quoted(b'\'') => bare.push(b'\''),
            // A name, of a function too.
            Piece::Quoted(_) => {
                let name = text.get(range.start + 1..range.end - 1).unwrap_or(&[]);
                let plain = |b: &u8| if is_word(*b) { b.to_ascii_lowercase() } else { b'_' };
                bare.extend(name.iter().map(plain));
            }
            Piece::Other(_) => bare.extend(text.get(range).unwrap_or(&[]).iter().map(u8::to_ascii_lowercase)),
        }
    }
    let mut words = bare.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    if words.next() != Some(b"create") {
        return false;
    }
    // The others that the grammar has are indexes and triggers.
    let kind = words.next().unwrap_or_default();
    let is = |begin: &[u8]| kind.starts_with(begin);
    if is(b"virtual") {
        let module = bare.split(|b| !is_word(*b)).skip_while(|word| *word != b"using").nth(1);
        return !KEEPING.iter().any(|keeps| module == Some(keeps.as_bytes()));
    }
    let ends = |at: usize| bare.get(at).is_none_or(|b| !is_word(*b));
    let expressions = memchr::memmem::find_iter(&bare, b"as")
        .filter(|at| at.checked_sub(1).is_none_or(ends) && ends(at + 2))
        .map(|at| bare.get(at + 2..).unwrap_or(&[]).trim_ascii_start());
    if is(b"table") {
        // `name AS (expression)`
        return expressions.filter(|rest| rest.starts_with(b"(")).any(|rest| makes_values(bracket(rest)));
    }
    // Behind the columns' names.
    (is(b"view") || is(b"temp")) && expressions.take(1).any(makes_values)
}

/// SQL up to the end of the bracket that it begins with.
fn bracket(sql: &[u8]) -> &[u8] {
    let mut depth = 0u32;
    let end = sql.iter().position(|b| {
        depth = match b {
            b'(' => depth + 1,
            b')' => depth.saturating_sub(1),
            _ => depth,
        };
        depth == 0
    });
    sql.get(..end.unwrap_or(sql.len())).unwrap_or(sql)
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80
}

/// Whether SQL has an operator on text, or calls a function that is not known to give what is there.
fn makes_values(sql: &[u8]) -> bool {
    let called = |at: usize| {
        let before = sql.get(..at).unwrap_or(&[]).trim_ascii_end();
        let from = before.iter().rposition(|b| !is_word(*b)).map_or(0, |i| i + 1);
        before.get(from..).unwrap_or(&[])
    };
    let known = |name: &[u8]| [GIVING, GRAMMAR].iter().any(|all| all.iter().any(|w| w.as_bytes() == name));
    memchr::memmem::find(sql, b"||").is_some()
        || memchr::memmem::find(sql, b"->").is_some()
        || memchr::memchr_iter(b'(', sql).any(|at| !called(at).is_empty() && !known(called(at)))
}
