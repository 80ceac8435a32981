//! Python literals, as `repr` would write them, cut short behind a few characters. Nothing in them acts
//! on a terminal.

use std::fmt::Write as _;

use crate::escape;

/// Characters of a text that are shown.
const SHOWN_TEXT: usize = 40;
/// Characters of a name that are shown.
pub const SHOWN_NAME: usize = 120;
/// Bytes that are shown.
pub const SHOWN_BYTES: usize = 16;

/// A `str`. One that is cut says how long it is.
pub fn text(text: &str) -> String {
    cut(text, SHOWN_TEXT)
}

/// A `str` that is the name of an import or its module: more of it is shown.
pub fn name(text: &str) -> String {
    cut(text, SHOWN_NAME)
}

fn cut(text: &str, most: usize) -> String {
    let mut out = String::from("'");
    for (count, c) in text.chars().enumerate() {
        if count == most {
            let _ = write!(out, "…' <{} characters>", text.chars().count());
            return out;
        }
        character(c, &mut out);
    }
    out.push('\'');
    out
}

fn character(c: char, out: &mut String) {
    let _ = match c {
        '\n' => out.write_str("\\n"),
        '\r' => out.write_str("\\r"),
        '\t' => out.write_str("\\t"),
        '\'' => out.write_str("\\'"),
        '\\' => out.write_str("\\\\"),
        // A runner obeys `##[command]` wherever it stands.
        '[' if out.ends_with("##") => out.write_str("\\x5b"),
        c if !escape::is_hostile(c) => out.write_char(c),
        c => match c as u32 {
            n @ ..=0xff => write!(out, "\\x{n:02x}"),
            n @ ..=0xffff => write!(out, "\\u{n:04x}"),
            n => write!(out, "\\U{n:08x}"),
        },
    };
}

/// A `bytes` of this length that begins like this. One that is cut says how long it is.
pub fn bytes(shown: &[u8], len: u64) -> String {
    let mut out = String::from("b'");
    for byte in shown.iter().take(SHOWN_BYTES) {
        match byte {
            b' '..=b'~' => character(char::from(*byte), &mut out),
            b'\n' | b'\r' | b'\t' => character(char::from(*byte), &mut out),
            _ => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    if len > SHOWN_BYTES as u64 {
        let _ = write!(out, "…' <{len} bytes>");
    } else {
        out.push('\'');
    }
    out
}

/// A `float`.
pub fn float(value: f64) -> String {
    if value.is_finite() {
        return format!("{value:?}");
    }
    let name = if value.is_nan() { "nan" } else { "inf" };
    format!("float('{}{name}')", if value.is_sign_negative() { "-" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `repr` of CPython 3.11 writes.
    #[test]
    fn literals_are_written_as_python_writes_them() {
        assert_eq!(text("a'b\\c\n\t\r"), r"'a\'b\\c\n\t\r'");
        assert_eq!(text("\0\x1b[31m\u{85}é\u{202e}\u{e0041}"), r"'\x00\x1b[31m\x85é\u202e\U000e0041'");
        assert_eq!(text("##[group]"), r"'##\x5bgroup]'");
        assert_eq!(bytes(b"##[group]", 9), r"b'##\x5bgroup]'");
        assert_eq!(bytes(b"\0a'\"\\\n\xff", 7), r#"b'\x00a\'"\\\n\xff'"#);
        assert_eq!(float(1e300), "1e300");
        assert_eq!(float(-0.0), "-0.0");
        assert_eq!(float(f64::NEG_INFINITY), "float('-inf')");
    }

    #[test]
    fn long_ones_say_how_long_they_are() {
        assert_eq!(text(&"é".repeat(41)), format!("'{}…' <41 characters>", "é".repeat(40)));
        assert_eq!(bytes(&[b'x'; 17], 1 << 40), format!("b'{}…' <1099511627776 bytes>", "x".repeat(16)));
    }
}
