//! Decimal and other text arguments, as CPython's two unpicklers read them. They differ in corners;
//! this module knows the corners and says where only one of the two goes on. Since 3.14 both read INT
//! and LONG with base 10, where they took a prefix (`0x10`) and no leading zeros (`010`) before.
//!
//! Sources: `Modules/_pickle.c` (`load_int`, `load_long`, `load_float`, `load_get`, `load_put`) with
//! `PyLong_FromString` and `PyOS_string_to_double`; `Lib/pickle.py` (the methods of the same names)
//! with `int()` and `float()`.

use crate::pickle::machine::memo::Index;
use crate::pickle::stream::opcode as op;
use crate::pickle::stream::reader::Cursor;

/// What the two unpicklers make of a text argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Agreement<T> {
    /// Both read the same.
    Both(T),
    /// One reads this, the other raises.
    One(T),
    /// An unpickler reads this up to CPython 3.13, or since 3.14; the others raise or read something else.
    OfVersion(T),
    /// Python 2 reads this, Python 3 raises.
    OfPython2(T),
    /// Both raise.
    Neither,
}

/// Digits beyond which CPython since 3.10.7 refuses to convert (`sys.int_info.default_max_str_digits`).
const MAX_DIGITS: usize = 4300;

/// A parsed integer: its digits where it is decimal, its value where it fits.
struct Parsed {
    value: Option<i64>,
    negative: bool,
    /// Decimal digits without leading zeros; empty for zero and for other bases.
    digits: Vec<u8>,
    long: bool,
}

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

fn trim(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_space(*first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && is_space(*last)
    {
        text = rest;
    }
    text
}

fn split_sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

/// Python's `int(text, base)` for base 0 or 10.
fn python_int(text: &[u8], base: u32) -> Option<Parsed> {
    let (negative, body) = split_sign(trim(text));
    let (radix, mut body, prefixed) = match body {
        [b'0', b'x' | b'X', rest @ ..] if base == 0 => (16, rest, true),
        [b'0', b'o' | b'O', rest @ ..] if base == 0 || base == 8 => (8, rest, true),
        [b'0', b'b' | b'B', rest @ ..] if base == 0 => (2, rest, true),
        _ => (if base == 8 { 8 } else { 10 }, body, false),
    };
    if prefixed && let [b'_', rest @ ..] = body {
        body = rest;
    }
    let mut digits = Vec::with_capacity(body.len().min(64));
    let mut underscore = true;
    for &b in body {
        if b == b'_' {
            if underscore {
                return None;
            }
            underscore = true;
        } else {
            (b as char).to_digit(radix)?;
            digits.push(b);
            underscore = false;
        }
    }
    if underscore {
        return None;
    }
    let count = digits.len();
    let zeros = digits.iter().take_while(|d| **d == b'0').count();
    if base == 0 && !prefixed && zeros > 0 && zeros < count {
        return None;
    }
    digits.drain(..zeros);
    let value = digits.iter().try_fold(0i64, |n, d| {
        let digit = i64::from((*d as char).to_digit(radix)?);
        n.checked_mul(i64::from(radix))?.checked_add(digit)
    });
    let value = if negative { value.map(|v| -v) } else { value };
    if radix != 10 {
        digits.clear();
    }
    Some(Parsed { value, negative, digits, long: radix == 10 && count > MAX_DIGITS })
}

/// C's `strtol(text, &end, base)`, base 0 or 10, where it uses up the line (`load_int` accepts a newline
/// or NUL there).
fn strtol_whole(text: &[u8], base: u32) -> Option<i64> {
    let line = text.split(|b| *b == 0).next().unwrap_or(text);
    if line.is_empty() {
        // No digits: strtol stops where it began, at a NUL. A bare newline is refused before.
        return (!text.is_empty()).then_some(0);
    }
    let mut body = line;
    while let [first, rest @ ..] = body
        && is_space(*first)
    {
        body = rest;
    }
    let (negative, body) = split_sign(body);
    let (radix, digits) = match body {
        [b'0', b'x' | b'X', rest @ ..] if base == 0 => (16, rest),
        [b'0', rest @ ..] if base == 0 => (8, if rest.is_empty() { body } else { rest }),
        _ => (10, body),
    };
    if digits.is_empty() {
        return None;
    }
    let value = digits.iter().try_fold(0i64, |n, d| {
        let digit = i64::from((*d as char).to_digit(radix)?);
        n.checked_mul(i64::from(radix))?.checked_add(digit)
    })?;
    Some(if negative { -value } else { value })
}

/// `int(text, base)`, where it is not negative. The base is 8 or 10.
pub fn unsigned(text: &[u8], base: u32) -> Option<u64> {
    python_int(text, base)?.value.and_then(|n| u64::try_from(n).ok())
}

/// The line as C sees it: up to the first NUL.
fn before_nul(line: &[u8]) -> &[u8] {
    line.split(|b| *b == 0).next().unwrap_or(line)
}

fn combine<T: PartialEq>(c: Option<T>, pure: Option<T>) -> Agreement<T> {
    match (c, pure) {
        (Some(a), Some(b)) if a == b => Agreement::Both(a),
        (Some(a), _) => Agreement::One(a),
        (None, Some(b)) => Agreement::One(b),
        (None, None) => Agreement::Neither,
    }
}

/// An integer as a value: `None` where it is longer than 64 bits.
pub type MaybeInt = Option<i64>;

/// What unpicklers of both kinds of versions make of it.
fn over_versions<T: PartialEq>(before: Agreement<T>, since: Agreement<T>) -> Agreement<T> {
    if before == since {
        return before;
    }
    match (before, since) {
        (Agreement::Both(v) | Agreement::One(v) | Agreement::OfVersion(v), _) => Agreement::OfVersion(v),
        (_, Agreement::Both(v) | Agreement::One(v) | Agreement::OfVersion(v)) => Agreement::OfVersion(v),
        _ => Agreement::Neither,
    }
}

/// What Python 2 makes of a line that Python 3 refuses.
fn or_python2<T>(reading: Agreement<T>, old: impl FnOnce() -> Option<T>) -> Agreement<T> {
    match reading {
        Agreement::Neither => old().map_or(Agreement::Neither, Agreement::OfPython2),
        reading => reading,
    }
}

/// `long(text, 0)` of Python 2, which INT falls back to: blanks around it, an `L` of either case, octal by a zero.
fn python2_long(line: &[u8]) -> Option<MaybeInt> {
    let text = trim(before_nul(line));
    let body = text.strip_suffix(b"L").or_else(|| text.strip_suffix(b"l")).unwrap_or(text);
    if body.contains(&b'_') {
        return None;
    }
    let octal = || python_int(body, 8).map(|p| p.value);
    python_int(body, 0).map(|p| p.value).or_else(octal).or_else(|| python_int(body, 10).map(|p| p.value))
}

/// INT: `None` inside for an integer too long to keep. The line comes without its newline.
pub fn int(line: &[u8]) -> Agreement<MaybeInt> {
    // How protocols 0 and 1 spell booleans; both unpicklers know it.
    if line == b"01" {
        return Agreement::Both(Some(1));
    }
    let reading = |base| {
        let pure = python_int(line, base);
        let long = pure.as_ref().is_some_and(|p| p.long);
        let c = match strtol_whole(line, base) {
            Some(n) => Some(Some(n)),
            None => python_int(before_nul(line), base).map(|p| p.value),
        };
        limited(combine(c, pure.map(|p| p.value)), long)
    };
    or_python2(over_versions(reading(0), reading(10)), || python2_long(line))
}

/// LONG: like INT, with an `L` at the end or without.
pub fn long(line: &[u8]) -> Agreement<MaybeInt> {
    let body = line.strip_suffix(b"L").unwrap_or(line);
    let reading = |base| {
        let pure = python_int(body, base);
        let long = pure.as_ref().is_some_and(|p| p.long);
        let c = if line.is_empty() { None } else { python_int(before_nul(body), base).map(|p| p.value) };
        limited(combine(c, pure.map(|p| p.value)), long)
    };
    or_python2(over_versions(reading(0), reading(10)), || python2_long(line))
}

/// A number with too many digits is read by some versions only.
fn limited<T>(reading: Agreement<T>, long: bool) -> Agreement<T> {
    match reading {
        Agreement::Both(v) if long => Agreement::One(v),
        other => other,
    }
}

/// GET and PUT: a memo index. Negative ones are refused by both. Python 2 takes any text as it is.
pub fn memo_index(line: &[u8]) -> Agreement<Index> {
    let index = |p: Parsed| {
        if p.negative && !p.digits.is_empty() {
            return None;
        }
        Some(match p.value {
            Some(v) => Index::Small(v.unsigned_abs()),
            None => Index::Digits(p.digits.into()),
        })
    };
    let pure = python_int(line, 10).and_then(index);
    let c = python_int(before_nul(line), 10).and_then(index);
    match combine(c, pure) {
        // C keeps the memo in an array: an index over its size is a MemoryError there.
        Agreement::Both(i) if i > Index::Small(u64::from(u32::MAX)) => Agreement::One(i),
        Agreement::Neither => Agreement::OfPython2(Index::Text(line.into())),
        other => other,
    }
}

/// FLOAT: whether the line is a float.
pub fn float(line: &[u8]) -> Agreement<()> {
    let pure = is_float(&strip_underscores(trim(line)).unwrap_or_default());
    let c_line = before_nul(line);
    let c = is_float(c_line) && !overflows(c_line);
    match (c, pure) {
        (true, true) => Agreement::Both(()),
        (false, false) => Agreement::Neither,
        _ => Agreement::One(()),
    }
}

/// Underscores between digits, as `float()` allows; `None` where they stand elsewhere.
fn strip_underscores(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    for (i, &b) in text.iter().enumerate() {
        if b == b'_' {
            let before = i.checked_sub(1).and_then(|j| text.get(j));
            let after = text.get(i + 1);
            if !before.is_some_and(u8::is_ascii_digit) || !after.is_some_and(u8::is_ascii_digit) {
                return None;
            }
        } else {
            out.push(b);
        }
    }
    Some(out)
}

fn is_float(text: &[u8]) -> bool {
    let (_, body) = split_sign(text);
    let lower = body.to_ascii_lowercase();
    if matches!(lower.as_slice(), b"inf" | b"infinity" | b"nan") {
        return true;
    }
    let digits = |s: &[u8]| s.iter().take_while(|b| b.is_ascii_digit()).count();
    let whole = digits(&lower);
    let mut rest = lower.get(whole..).unwrap_or(&[]);
    let mut any = whole > 0;
    if let [b'.', fraction @ ..] = rest {
        let n = digits(fraction);
        any |= n > 0;
        rest = fraction.get(n..).unwrap_or(&[]);
    }
    if !any {
        return false;
    }
    if let [b'e', exponent @ ..] = rest {
        let (_, exponent) = split_sign(exponent);
        let n = digits(exponent);
        if n == 0 {
            return false;
        }
        rest = exponent.get(n..).unwrap_or(&[]);
    }
    rest.is_empty()
}

fn overflows(text: &[u8]) -> bool {
    let named = text.iter().any(|b| matches!(b, b'n' | b'N'));
    !named && std::str::from_utf8(text).ok().and_then(|t| t.parse::<f64>().ok()).is_some_and(f64::is_infinite)
}

/// Decimal digits of the integer at an offset, about; of a line, its characters, up to 64 KiB.
pub fn digits(cursor: &impl Cursor, offset: u64) -> u64 {
    let head = cursor.bytes(offset, 5);
    let size = |n: u64| n.saturating_mul(5) / 2;
    match *head {
        [op::LONG1, n, ..] => size(u64::from(n)),
        [op::LONG4, a, b, c, d] => size(u64::from(u32::from_le_bytes([a, b, c, d]))),
        [op::INT | op::LONG, ..] => {
            let line = cursor.bytes(offset + 1, 64 << 10);
            memchr::memchr(b'\n', &line).unwrap_or(line.len()) as u64
        }
        _ => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Agreement::{Both, Neither, OfPython2, OfVersion, One};

    // Each row was tried with _pickle.Unpickler and pickle._Unpickler of CPython 3.11, 3.13 and 3.14.
    #[test]
    fn integers_as_both_unpicklers_read_them() {
        for (line, want) in [
            (&b"10"[..], Both(Some(10))),
            (b"-7", Both(Some(-7))),
            (b"0x10", OfVersion(Some(16))),
            (b"1_0", Both(Some(10))),
            (b" 1 ", Both(Some(1))),
            (b"0b11", OfVersion(Some(3))),
            (b"00", Both(Some(0))),
            (b"01", Both(Some(1))),
            (b"010", OfVersion(Some(8))),
            (b"0_7", OfVersion(Some(7))),
            (b"08", OfVersion(Some(8))),
            (b"1\0zz", One(Some(1))),
            (b"zz", Neither),
            (b"", Neither),
            (b"1__0", Neither),
            (b"12l", OfPython2(Some(12))),
            (b"12L ", OfPython2(Some(12))),
            (b"99999999999999999999", Both(None)),
        ] {
            assert_eq!(int(line), want, "{:?}", String::from_utf8_lossy(line));
        }
        assert_eq!(long(b"12L"), Both(Some(12)));
        assert_eq!(long(b"12"), Both(Some(12)));
        assert_eq!(long(b"12LL"), Neither);
        assert_eq!(long(b"12l"), OfPython2(Some(12)));
        assert_eq!(long(b"010L"), OfVersion(Some(10)));
        assert_eq!(long(b"07L"), OfVersion(Some(7)));
        assert_eq!(long(b"0x1FL"), OfVersion(Some(31)));
    }

    #[test]
    fn memo_indices_as_both_unpicklers_read_them() {
        let text = |text: &[u8]| OfPython2(Index::Text(text.into()));
        assert_eq!(memo_index(b"10"), Both(Index::Small(10)));
        assert_eq!(memo_index(b"0"), Both(Index::Small(0)));
        assert_eq!(memo_index(b"1_0"), Both(Index::Small(10)));
        assert_eq!(memo_index(b"+1 "), Both(Index::Small(1)));
        assert_eq!(memo_index(b"007"), Both(Index::Small(7)));
        assert_eq!(memo_index(b"-0"), Both(Index::Small(0)));
        assert_eq!(memo_index(b"-1"), text(b"-1"));
        assert_eq!(memo_index(b"0x1"), text(b"0x1"));
        assert_eq!(memo_index(b"1\0x"), One(Index::Small(1)));
        assert_eq!(
            memo_index(b"00099999999999999999999"),
            One(Index::Digits(b"99999999999999999999".to_vec().into()))
        );
    }

    #[test]
    fn floats_as_both_unpicklers_read_them() {
        for (line, want) in [
            (&b"1.5"[..], Both(())),
            (b"-1e10", Both(())),
            (b"nan", Both(())),
            (b"-inf", Both(())),
            (b".5", Both(())),
            (b"5.", Both(())),
            (b"1_0.0", One(())),
            (b" 1.0", One(())),
            (b"1e999", One(())),
            (b"1.0\0x", One(())),
            (b"1e-999", Both(())),
            (b"x", Neither),
            (b".", Neither),
            (b"1e", Neither),
        ] {
            assert_eq!(float(line), want, "{:?}", String::from_utf8_lossy(line));
        }
    }
}
