//! Text literals: where they lie in the stream, and what they say once they are needed as a name.

use std::borrow::Cow;

use crate::pickle::stream::opcode as op;
use crate::pickle::stream::reader::Cursor;

/// A counted or line literal in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Literal {
    /// The opcode that pushed it.
    pub opcode: u8,
    /// Offset of its bytes.
    pub start: u64,
    /// How many bytes. For STRING these include the quotes.
    pub len: u64,
}

/// Finds the argument of the literal whose opcode lies at `offset`. A line is not followed far beyond
/// `limit`; its length is then somewhere above that.
pub fn locate(cursor: &impl Cursor, offset: u64, limit: u64) -> Option<Literal> {
    let mut head = [0; 9];
    let there = cursor.copy(offset, &mut head);
    let (opcode, rest) = head.get(..there)?.split_first()?;
    let counted = |width: usize| -> Option<(u64, u64)> {
        let mut le = [0u8; 8];
        le.get_mut(..width)?.copy_from_slice(rest.get(..width)?);
        Some((offset + 1 + width as u64, u64::from_le_bytes(le)))
    };
    let (start, len) = match *opcode {
        op::SHORT_BINUNICODE | op::SHORT_BINBYTES | op::SHORT_BINSTRING => counted(1)?,
        op::BINUNICODE | op::BINBYTES | op::BINSTRING => counted(4)?,
        op::BINUNICODE8 | op::BINBYTES8 | op::BYTEARRAY8 => counted(8)?,
        op::STRING | op::UNICODE => {
            let start = offset + 1;
            let mut len = 0;
            loop {
                let chunk = cursor.bytes(start + len, 4096);
                match memchr::memchr(b'\n', &chunk) {
                    Some(i) => break (start, len + i as u64),
                    None if chunk.is_empty() || len > limit => break (start, len + chunk.len() as u64),
                    None => len += chunk.len() as u64,
                }
            }
        }
        _ => return None,
    };
    Some(Literal { opcode: *opcode, start, len })
}

/// What a literal says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// Its text. Lone surrogates, which UTF-8 in Rust cannot hold, stand as `\udXXX`.
    Str(String),
    /// Longer than the limit, in bytes.
    TooLong(u64),
    /// Not decodable: an unpickler raises.
    Undecodable,
}

/// Decodes the text literal whose opcode lies at `offset`, as `Lib/pickle.py` does it for that opcode.
pub fn decode(cursor: &impl Cursor, offset: u64, limit: u64) -> Text {
    let Some(literal) = locate(cursor, offset, limit) else { return Text::Undecodable };
    if literal.len > limit {
        return Text::TooLong(literal.len);
    }
    let bytes = cursor.bytes(literal.start, literal.len as usize);
    let text = match literal.opcode {
        op::SHORT_BINUNICODE | op::BINUNICODE | op::BINUNICODE8 => utf8_surrogatepass(&bytes),
        op::UNICODE => raw_unicode_escape(&bytes),
        op::STRING => unquote_any(&bytes).and_then(escape_decode).map(|b| latin1(&b)),
        op::SHORT_BINSTRING | op::BINSTRING => Some(latin1(&bytes)),
        _ => None,
    };
    text.map_or(Text::Undecodable, Text::Str)
}

/// Bytes as text, one character a byte. Strings of Python 2 are ASCII to an unpickler without
/// `encoding=`; latin1 is how numpy and joblib read them.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|b| *b as char).collect()
}

fn push_code_point(out: &mut String, code: u32) -> Option<()> {
    match char::from_u32(code) {
        Some(c) => out.push(c),
        None if (0xd800..0xe000).contains(&code) => out.push_str(&format!("\\u{code:04x}")),
        None => return None,
    }
    Some(())
}

/// UTF-8 with the error handler `surrogatepass`.
pub fn utf8_surrogatepass(bytes: &[u8]) -> Option<String> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some(text.to_owned());
    }
    let mut out = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while !rest.is_empty() {
        match std::str::from_utf8(rest) {
            Ok(text) => {
                out.push_str(text);
                break;
            }
            Err(e) => {
                let (good, bad) = rest.split_at(e.valid_up_to());
                out.push_str(std::str::from_utf8(good).ok()?);
                let [0xed, second @ 0xa0..=0xbf, third @ 0x80..=0xbf, tail @ ..] = bad else { return None };
                let code = 0xd000 | (u32::from(second & 0x3f) << 6) | u32::from(third & 0x3f);
                push_code_point(&mut out, code)?;
                rest = tail;
            }
        }
    }
    Some(out)
}

/// Python's codec `raw-unicode-escape`: latin1 with `\uXXXX` and `\UXXXXXXXX` behind an odd number of
/// backslashes.
pub fn raw_unicode_escape(bytes: &[u8]) -> Option<String> {
    let mut out = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&b, tail)) = rest.split_first() {
        let escape = (b == b'\\').then(|| tail.first().copied()).flatten();
        let width = match escape {
            Some(b'u') => 4,
            Some(b'U') => 8,
            Some(b'\\') => {
                out.push_str("\\\\");
                rest = tail.get(1..)?;
                continue;
            }
            _ => {
                out.push(b as char);
                rest = tail;
                continue;
            }
        };
        let hex = tail.get(1..1 + width)?;
        if !hex.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let code = u32::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()?;
        push_code_point(&mut out, code)?;
        rest = tail.get(1 + width..)?;
    }
    Some(out)
}

/// The inside of a quoted STRING argument (`load_string`).
pub fn unquote(line: &[u8]) -> Option<&[u8]> {
    match line {
        [first @ (b'"' | b'\''), inner @ .., last] if first == last => Some(inner),
        _ => None,
    }
}

/// The same as Python 2 takes it, with blanks and control bytes behind the quote.
pub fn unquote_any(line: &[u8]) -> Option<&[u8]> {
    let end = line.iter().rposition(|b| *b > b' ').map_or(0, |i| i + 1);
    unquote(line).or_else(|| unquote(line.get(..end)?))
}

/// `codecs.escape_decode`: the escapes of a Python 2 string literal.
pub fn escape_decode(bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    if memchr::memchr(b'\\', bytes).is_none() {
        return Some(Cow::Borrowed(bytes));
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&b, tail)) = rest.split_first() {
        if b != b'\\' {
            out.push(b);
            rest = tail;
            continue;
        }
        let (&kind, mut tail) = tail.split_first()?;
        match kind {
            b'\n' => {}
            b'\\' | b'\'' | b'"' => out.push(kind),
            b'a' => out.push(7),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'v' => out.push(11),
            b'0'..=b'7' => {
                let mut code = u32::from(kind - b'0');
                for _ in 0..2 {
                    match tail.split_first() {
                        Some((d @ b'0'..=b'7', more)) => {
                            code = code * 8 + u32::from(d - b'0');
                            tail = more;
                        }
                        _ => break,
                    }
                }
                out.push(code as u8);
            }
            b'x' => {
                let hex = tail.get(..2).filter(|h| h.iter().all(u8::is_ascii_hexdigit))?;
                out.push(u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()?);
                tail = tail.get(2..)?;
            }
            other => out.extend([b'\\', other]),
        }
        rest = tail;
    }
    Some(Cow::Owned(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Expected values are what CPython 3.11's codecs give for the same bytes.
    #[test]
    fn escapes() {
        assert_eq!(escape_decode(br"a\x41\101\n\q\0018").as_deref(), Some(&b"aAA\n\\q\x018"[..]));
        assert_eq!(escape_decode(br"\x4"), None);
        assert_eq!(escape_decode(b"\\"), None);
        assert_eq!(escape_decode(br"\777").as_deref(), Some(&b"\xff"[..]));
    }

    #[test]
    fn raw_unicode() {
        assert_eq!(raw_unicode_escape(b"a\\u0041\xe9").as_deref(), Some("aA\u{e9}"));
        assert_eq!(raw_unicode_escape(br"\\u0041").as_deref(), Some(r"\\u0041"));
        assert_eq!(raw_unicode_escape(br"\U0001F600\n").as_deref(), Some("\u{1f600}\\n"));
        assert_eq!(raw_unicode_escape(br"\ud83d").as_deref(), Some("\\ud83d"));
        assert_eq!(raw_unicode_escape(br"\u004"), None);
        assert_eq!(raw_unicode_escape(br"\U00110000"), None);
        assert_eq!(raw_unicode_escape(b"\\").as_deref(), Some("\\"));
    }

    #[test]
    fn surrogates_pass_and_stray_bytes_do_not() {
        assert_eq!(utf8_surrogatepass(b"a\xed\xa0\x80b").as_deref(), Some("a\\ud800b"));
        assert_eq!(utf8_surrogatepass(b"a\xff"), None);
        assert_eq!(utf8_surrogatepass(b"\xc0\x80"), None);
    }

    #[test]
    fn quotes_must_match() {
        assert_eq!(unquote(b"'a'"), Some(&b"a"[..]));
        assert_eq!(unquote(b"\"a'"), None);
        assert_eq!(unquote(b"'"), None);
    }
}
