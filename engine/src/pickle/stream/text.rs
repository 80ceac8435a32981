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
    /// Its text.
    Str(String),
    /// A text with lone surrogates, which Rust's cannot hold: they stand as `\udXXX`. To be shown, and equal to none.
    Lone(String),
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
    match literal.opcode {
        op::SHORT_BINUNICODE | op::BINUNICODE | op::BINUNICODE8 => utf8_surrogatepass(&bytes),
        op::UNICODE => raw_unicode_escape(&bytes),
        op::STRING => {
            let text = unquote_any(&bytes).and_then(escape_decode).map(|b| latin1(&b));
            text.map_or(Text::Undecodable, Text::Str)
        }
        op::SHORT_BINSTRING | op::BINSTRING => Text::Str(latin1(&bytes)),
        _ => Text::Undecodable,
    }
}

/// Bytes as text, one character a byte. Strings of Python 2 are ASCII to an unpickler without
/// `encoding=`; latin1 is how numpy and joblib read them.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|b| *b as char).collect()
}

/// Characters as they are decoded.
struct Decoded {
    text: String,
    lone: bool,
}

impl Decoded {
    fn of(capacity: usize) -> Self {
        Decoded { text: String::with_capacity(capacity), lone: false }
    }

    fn push(&mut self, code: u32) -> Option<()> {
        match char::from_u32(code) {
            Some(c) => self.text.push(c),
            None if (0xd800..0xe000).contains(&code) => {
                self.text.push_str(&format!("\\u{code:04x}"));
                self.lone = true;
            }
            None => return None,
        }
        Some(())
    }

    fn text(self) -> Text {
        if self.lone { Text::Lone(self.text) } else { Text::Str(self.text) }
    }
}

/// UTF-8 with the error handler `surrogatepass`.
pub fn utf8_surrogatepass(bytes: &[u8]) -> Text {
    match std::str::from_utf8(bytes) {
        Ok(text) => Text::Str(text.to_owned()),
        Err(_) => with_surrogates(bytes).map_or(Text::Undecodable, Decoded::text),
    }
}

fn with_surrogates(bytes: &[u8]) -> Option<Decoded> {
    let mut out = Decoded::of(bytes.len());
    let mut rest = bytes;
    while !rest.is_empty() {
        match std::str::from_utf8(rest) {
            Ok(text) => {
                out.text.push_str(text);
                break;
            }
            Err(e) => {
                let (good, bad) = rest.split_at(e.valid_up_to());
                out.text.push_str(std::str::from_utf8(good).ok()?);
                let [0xed, second @ 0xa0..=0xbf, third @ 0x80..=0xbf, tail @ ..] = bad else { return None };
                let code = 0xd000 | (u32::from(second & 0x3f) << 6) | u32::from(third & 0x3f);
                out.push(code)?;
                rest = tail;
            }
        }
    }
    Some(out)
}

/// Python's codec `raw-unicode-escape`: latin1 with `\uXXXX` and `\UXXXXXXXX` behind an odd number of
/// backslashes.
pub fn raw_unicode_escape(bytes: &[u8]) -> Text {
    unescaped(bytes).map_or(Text::Undecodable, Decoded::text)
}

fn unescaped(bytes: &[u8]) -> Option<Decoded> {
    let mut out = Decoded::of(bytes.len());
    let mut rest = bytes;
    while let Some((&b, tail)) = rest.split_first() {
        let escape = (b == b'\\').then(|| tail.first().copied()).flatten();
        let width = match escape {
            Some(b'u') => 4,
            Some(b'U') => 8,
            Some(b'\\') => {
                out.text.push_str("\\\\");
                rest = tail.get(1..)?;
                continue;
            }
            _ => {
                out.text.push(b as char);
                rest = tail;
                continue;
            }
        };
        let hex = tail.get(1..1 + width)?;
        if !hex.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let code = u32::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()?;
        out.push(code)?;
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
        let text = |text: &str| Text::Str(text.to_owned());
        assert_eq!(raw_unicode_escape(b"a\\u0041\xe9"), text("aA\u{e9}"));
        assert_eq!(raw_unicode_escape(br"\\u0041"), text(r"\\u0041"));
        assert_eq!(raw_unicode_escape(br"\U0001F600\n"), text("\u{1f600}\\n"));
        assert_eq!(raw_unicode_escape(br"\ud83d"), Text::Lone("\\ud83d".to_owned()));
        // In Python 3 the two halves stay two characters.
        assert_eq!(raw_unicode_escape(br"\ud83d\ude00"), Text::Lone("\\ud83d\\ude00".to_owned()));
        assert_eq!(raw_unicode_escape(br"\u004"), Text::Undecodable);
        assert_eq!(raw_unicode_escape(br"\U00110000"), Text::Undecodable);
        assert_eq!(raw_unicode_escape(b"\\"), text("\\"));
    }

    #[test]
    fn a_lone_surrogate_is_not_the_text_that_spells_it() {
        assert_eq!(utf8_surrogatepass(b"a\xed\xa0\x80b"), Text::Lone("a\\ud800b".to_owned()));
        assert_eq!(utf8_surrogatepass(b"a\\ud800b"), Text::Str("a\\ud800b".to_owned()));
        assert_eq!(utf8_surrogatepass(b"a\xff"), Text::Undecodable);
        assert_eq!(utf8_surrogatepass(b"\xc0\x80"), Text::Undecodable);
    }

    #[test]
    fn quotes_must_match() {
        assert_eq!(unquote(b"'a'"), Some(&b"a"[..]));
        assert_eq!(unquote(b"\"a'"), None);
        assert_eq!(unquote(b"'"), None);
    }
}
