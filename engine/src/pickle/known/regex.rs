//! `re._compile(pattern, flags)`: a pattern is compiled in time that goes with its length, but for ranges of characters,
//! which are gone through one by one where case does not matter.

use crate::pickle::known::numpy::Dtypes;
use crate::pickle::known::view::{Call, View};
use crate::pickle::known::{Judged, Outcome};
use crate::pickle::stream::reader::Cursor;
use crate::pickle::stream::text::Text;
use crate::pickle::values::value::Tag;

/// Longest pattern, in bytes.
const PATTERN: u64 = 8192;

/// `re.DEBUG`, which prints the pattern, and `re.TEMPLATE`, of old.
const ODD_FLAGS: i64 = 128 | 1;

/// Characters that all ranges of a stream may go through. A range without regard to case goes through each.
const CHARACTERS: u64 = 1 << 20;

/// Last character of Unicode, for escapes that are not followed.
const LAST: u32 = 0x10_ffff;

/// `_compile(pattern, flags)`.
pub fn compile<C: Cursor>(view: &View<'_, C>, dtypes: &mut Dtypes, call: &Call) -> Judged {
    let pattern = view.part(call.args, 0);
    let flags = match view.part(call.args, 1) {
        None => Some(0),
        Some(flags) if flags.is(Tag::Bool) => Some(0),
        Some(flags) => flags.as_int(),
    };
    if call.keywords
        || view.count(call.args) > Some(2)
        || !flags.is_some_and(|flags| (0..1 << 10).contains(&flags) && flags & ODD_FLAGS == 0)
    {
        return Err("its flags are none that a compiled pattern keeps".to_owned());
    }
    let ranges = match pattern.map(|v| (v, v.tag())) {
        Some((v, Tag::Text)) => match view.text(v, PATTERN) {
            Some(Text::Str(text)) => Some(ranges(&text)),
            _ => None,
        },
        // One of bytes has ranges of 256 at most.
        Some((v, Tag::Bytes)) => view.bytes_len(v).filter(|len| *len <= PATTERN),
        Some((v, Tag::Encoded)) => view.encoded_len(v, PATTERN).filter(|len| *len <= PATTERN),
        _ => None,
    };
    let Some(ranges) = ranges else {
        return Err("its pattern is no literal text, or longer than 8,192 bytes".to_owned());
    };
    if !dtypes.characters(ranges, CHARACTERS) {
        return Err("its ranges of characters are gone through one by one, and are wide".to_owned());
    }
    Ok(Outcome::Object)
}

/// How many characters the ranges of a pattern have, in sets or where a `-` only looks like one.
fn ranges(pattern: &str) -> u64 {
    let chars: Vec<char> = pattern.chars().collect();
    // What stands at a place: a character, or an escape of one, and how many characters spell it.
    let one = |at: usize| -> Option<(u32, usize)> {
        let first = *chars.get(at)?;
        if first != '\\' {
            return Some((first as u32, 1));
        }
        let digits = match chars.get(at + 1)? {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            c if c.is_ascii_digit() || *c == 'N' => return Some((LAST, 2)),
            c => return Some((*c as u32, 2)),
        };
        let spelled: String = chars.get(at + 2..at + 2 + digits).unwrap_or(&[]).iter().collect();
        Some((u32::from_str_radix(&spelled, 16).unwrap_or(LAST), 2 + digits))
    };
    let (mut at, mut before, mut sum) = (0, 0, 0u64);
    while let Some((code, len)) = one(at) {
        if code == u32::from(b'-') && len == 1 {
            let behind = one(at + 1).map_or(0, |(code, _)| code);
            // An octal escape before it may be anything.
            let first = if before == LAST { 0 } else { before };
            sum += u64::from(behind.saturating_sub(first));
        }
        before = code;
        at += len;
    }
    sum + pattern.len() as u64
}

#[cfg(test)]
mod tests {
    use super::ranges;

    #[test]
    fn ranges_are_as_wide_as_they_say() {
        assert!(ranges(r"(?u)\b\w\w+\b") < 100);
        assert!(ranges("[a-zA-Z0-9_-]+") < 100);
        assert!((0x5100..0x5300).contains(&ranges(r"[\u4e00-\u9fff]")));
        for wide in ["[\0-\u{10ffff}]", r"[\0-\U0010ffff]", r"[\x00-\U0010ffff]", "[a-\u{10ffff}]"] {
            assert!(ranges(wide) > 1 << 20, "{wide:?}");
        }
    }
}
