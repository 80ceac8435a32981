//! Arrow's schemas, in its own files and streams and in Parquet: pyarrow before 14.0.1 unpickles the extension type
//! `arrow.py_extension_type` as it reads one (CVE-2023-47248), and later releases do when asked to.

use std::io;
use std::ops::Range;

use memchr::memmem::Finder;

use crate::content::Content;
use crate::reading::field::u32_le;
use crate::reading::inflated::UNKNOWN;
use crate::reading::job::Job;
use crate::reading::work::Scan;
use crate::rule::Rule;

const TYPE: &[u8] = b"arrow.py_extension_type";

impl Scan<'_> {
    /// Looks through the schemas of content that some Arrow reader would take.
    pub fn as_arrow(&mut self, job: &Job, head: &[u8]) -> io::Result<()> {
        for range in schemas(&job.content, head)? {
            if let Some(at) = self.extension_type(&job.content, range)? {
                let message =
                    "an extension type that pyarrow before 14.0.1 unpickles: `arrow.py_extension_type`";
                self.fault(&job.member, Rule::HiddenPickle, at, message);
                return Ok(());
            }
        }
        Ok(())
    }

    /// Where the type's name stands in a range, plain or in base64.
    fn extension_type(&self, content: &Content, range: Range<u64>) -> io::Result<Option<u64>> {
        let spellings: Vec<Vec<u8>> = std::iter::once(TYPE.to_vec()).chain((0..3).map(in_base64)).collect();
        let finders: Vec<Finder<'_>> = spellings.iter().map(Finder::new).collect();
        let mut at = range.start;
        while at < range.end {
            let wanted = (range.end - at).min(self.limits.window as u64) as usize;
            let bytes = content.read_range(at, wanted)?;
            if let Some(found) = finders.iter().find_map(|finder| finder.find(&bytes)) {
                return Ok(Some(at + found as u64));
            }
            if bytes.len() < wanted || at + wanted as u64 >= range.end {
                break;
            }
            at += (wanted - 2 * TYPE.len()) as u64;
        }
        Ok(None)
    }
}

/// Where schemas stand: in the first message, and in the footer. All of the content where it does not say so.
fn schemas(content: &Content, head: &[u8]) -> io::Result<Vec<Range<u64>>> {
    let len = content.len();
    let word = |at: usize| u32_le(head, at).map(u64::from);
    let mut ranges = Vec::new();
    match (head, word(0), word(4)) {
        ([0xff, 0xff, 0xff, 0xff, ..], _, Some(n)) => ranges.push(8..8 + n),
        // The marker came with release 0.15. A table of Flatbuffers begins with where its root is.
        (_, Some(n), Some(root)) if root >= 4 && root < n && n < len && is_schema(content, 4 + root)? => {
            ranges.push(4..4 + n);
        }
        _ => {}
    }
    if head.starts_with(b"ARROW1\0\0") {
        let (marker, n) = (word(8), word(12));
        ranges.push(match (marker, n) {
            (Some(0xffff_ffff), Some(n)) => 16..16 + n,
            (Some(n), _) => 12..12 + n,
            _ => 0..len,
        });
    }
    // Both readers go by the last bytes, whatever the first ones are. Reading them costs compressed content all.
    let known = head.starts_with(b"PAR1") || head.starts_with(b"ARROW1");
    if len < UNKNOWN || known {
        let tail = content.read_range(len.saturating_sub(10), 10)?;
        let footer = |size: u64, n: Option<u32>| {
            let n = n.map(u64::from).filter(|n| n + size <= len);
            n.map_or(0..len, |n| len - size - n..len - size)
        };
        if tail.ends_with(b"ARROW1") {
            ranges.push(footer(10, u32_le(&tail, tail.len().saturating_sub(10))));
        } else if tail.ends_with(b"PAR1") {
            ranges.push(footer(8, u32_le(&tail, tail.len().saturating_sub(8))));
        } else if known {
            ranges.push(0..len);
        }
    }
    ranges.iter_mut().for_each(|range| range.end = range.end.min(len));
    Ok(ranges)
}

/// Whether the table of Flatbuffers at an offset is a message with a schema, as the first one of a stream is. A table
/// begins with the way back to the list of where its fields are, which begins with its own length (`Message.fbs` of Arrow:
/// the second field says what the third is).
fn is_schema(content: &Content, table: u64) -> io::Result<bool> {
    const SCHEMA: u8 = 1;
    let word = |at: u64| -> io::Result<Option<u16>> {
        Ok(content.range(at, 2)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes)))
    };
    let back = content.range(table, 4)?.first_chunk().map(|bytes| i64::from(i32::from_le_bytes(*bytes)));
    let Some(list) = back.and_then(|back| table.checked_add_signed(-back)) else { return Ok(false) };
    let (Some(10..), Some(kind)) = (word(list)?, word(list.saturating_add(6))?) else { return Ok(false) };
    let kind = content.range(table.saturating_add(u64::from(kind)), 1)?;
    Ok(kind.first() == Some(&SCHEMA))
}

/// The type's name in base64 behind so many bytes of a group, without the digits that others have a part in.
fn in_base64(before: usize) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits = |at: usize| {
        let i = (at / 8).checked_sub(before).and_then(|i| TYPE.get(i)).copied()?;
        Some(i >> (7 - at % 8) & 1)
    };
    let digit = |at: usize| {
        let value = (0..6).try_fold(0usize, |n, i| Some(n << 1 | usize::from(bits(6 * at + i)?)))?;
        DIGITS.get(value).copied()
    };
    (0..(before + TYPE.len()) * 8 / 6).filter_map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_form_begins_with_a_schema() {
        // The length of a message, its root, the list of fields behind four bytes of it, and the table: the way back to
        // the list, and what the message is.
        let message = |list: u16, kind: u8| {
            let mut bytes = vec![40, 0, 0, 0, 16, 0, 0, 0];
            bytes.extend([list, 8, 0, 4, 0].map(u16::to_le_bytes).concat());
            bytes.extend([0, 0, 12, 0, 0, 0, kind]);
            bytes.resize(60, 0);
            Content::from_bytes(bytes)
        };
        let found =
            |content: Content| schemas(&content, content.as_slice().expect("memory")).expect("memory");
        assert_eq!(found(message(10, 1)).first(), Some(&(4..44)));
        assert!(
            [message(10, 3), message(6, 1), message(0, 0)].into_iter().all(|other| found(other).is_empty())
        );
    }

    #[test]
    fn a_name_has_three_forms_in_base64() {
        // `base64.b64encode` of Python, of the name behind none, one and two letters.
        for (before, text) in [
            (0, &b"YXJyb3cucHlfZXh0ZW5zaW9uX3R5cGU="[..]),
            (1, b"eGFycm93LnB5X2V4dGVuc2lvbl90eXBl"),
            (2, b"eHhhcnJvdy5weV9leHRlbnNpb25fdHlwZQ=="),
        ] {
            let spelling = in_base64(before);
            assert!(memchr::memmem::find(text, &spelling).is_some(), "{}", spelling.escape_ascii());
            assert!(spelling.len() + 4 > TYPE.len() * 4 / 3);
        }
    }
}
