//! A few decompiled lines around an offset: what a finding shows.

use std::io;

use crate::content::Content;
use crate::facts::{Landmark, Stream};
use crate::finding::{Snippet, SnippetLine};
use crate::limits::Limits;
use crate::pickle::listing::decompile::{self, BESIDE, Keep, Line};

/// The decompiled lines around each of these offsets of a stream, for all of them in one run.
pub fn around(
    content: &Content,
    stream: &Stream,
    offsets: &[u64],
    limits: &Limits,
) -> io::Result<Vec<(u64, Snippet)>> {
    if offsets.is_empty() {
        return Ok(Vec::new());
    }
    let mut snippets = Vec::new();
    let mut rest = offsets;
    while let Some(first) = rest.first() {
        let from = landmark(stream, *first);
        // Those that are near one another are shown from one run.
        let near = |offset: &u64| landmark(stream, *offset).map(|l| l.offset) == from.map(|l| l.offset);
        let (together, others) = rest.split_at(rest.iter().take_while(|offset| near(offset)).count().max(1));
        rest = others;
        let keep = Keep::Around(together.to_vec());
        let short = match from {
            Some(from) => decompile::listing_from(content, stream, from, limits, keep.clone())?,
            None => None,
        };
        // What the memo has let go of is nowhere but in the stream: it is followed once more, for all that is left.
        if stream.landmarks.missed() {
            let all = [together, others].concat();
            let lines = decompile::listing(content, stream, limits, Keep::Around(all.clone()))?.lines;
            snippets.extend(picked(&lines, &all));
            break;
        }
        let lines = match short {
            Some(listed) => listed.lines,
            None => decompile::listing(content, stream, limits, keep)?.lines,
        };
        snippets.extend(picked(&lines, together));
    }
    Ok(snippets)
}

/// The landmark from which the lines around an offset are shown. Some lines before it are wanted as well, and what they
/// name.
fn landmark(stream: &Stream, offset: u64) -> Option<&Landmark> {
    stream.landmarks.before(offset.checked_sub(BEFORE)?)
}

/// Bytes before an offset that are shown at least.
const BEFORE: u64 = 1 << 14;

/// The lines around each of these offsets.
fn picked(kept: &[Line], offsets: &[u64]) -> Vec<(u64, Snippet)> {
    let around = |offset: u64| {
        let at = kept.iter().rposition(|line| line.offset <= offset).unwrap_or(0);
        let from = at.saturating_sub(BESIDE);
        let lines = kept.iter().skip(from).take(at - from + 1 + BESIDE);
        let lines: Vec<SnippetLine> =
            lines.map(|line| SnippetLine { offset: line.offset, text: line.text.clone() }).collect();
        (!lines.is_empty()).then_some((offset, Snippet { lines, marked: at - from }))
    };
    offsets.iter().filter_map(|offset| around(*offset)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Loader;
    use crate::pickle::machine;

    /// The texts around the first use of the last import of a pickle.
    fn shown(bytes: &[u8]) -> (Stream, Vec<String>) {
        let content = Content::from_bytes(bytes);
        let limits = Limits::default();
        let stream = machine::run(&content, 0, Loader::Pickle, "", &limits).expect("bytes in memory").stream;
        let offset = stream.imports.last().map(|import| import.offset).expect("an import");
        let snippets = around(&content, &stream, &[offset], &limits).expect("bytes in memory");
        let (at, snippet) = snippets.into_iter().next().expect("a snippet");
        assert_eq!((at, snippet.lines[snippet.marked].offset), (offset, offset));
        (stream, snippet.lines.into_iter().map(|line| line.text).collect())
    }

    /// A list of so many objects of `m.C`, which stands in the memo, in batches; the last call is that of `os.system`.
    fn objects(count: usize) -> Vec<u8> {
        let mut bytes = b"\x80\x04]\x94cm\nC\n\x940".to_vec();
        for _ in 0..count / 100 {
            bytes.push(b'(');
            for _ in 0..100 {
                bytes.extend(b"h\x01)\x81\x94}\x94\x8c\x01aK\x01sb");
            }
            bytes.push(b'e');
        }
        bytes.extend(b"(h\x01)\x81cos\nsystem\n\x8c\x04true\x85Re.");
        bytes
    }

    #[test]
    fn a_long_stream_is_shown_from_a_landmark_as_a_short_one_is_from_its_start() {
        let (short, expected) = shown(&objects(100));
        assert!(short.landmarks.before(u64::MAX).is_none());
        assert_eq!(
            expected[1..],
            [
                "_101 = C.__new__(C)",
                "from os import system",
                "_102 = system('true')",
                "return [_1, _2, _3, _4, _5, _6, … 102 items]"
            ]
        );
        let (long, lines) = shown(&objects(100_000));
        let from = long.landmarks.before(u64::MAX).expect("landmarks");
        assert!(from.offset > 1_000_000);
        // But for the numbers, which begin anew, and for the list, which began before.
        let unnumbered = |lines: &[String]| -> Vec<String> {
            lines
                .iter()
                .map(|l| l.trim_start_matches(|c: char| c == '_' || c.is_ascii_digit()).to_owned())
                .collect()
        };
        assert_eq!(unnumbered(&lines[..4]), unnumbered(&expected[..4]));
        assert!(lines[4].starts_with("return […, <object>, ") && lines[4].ends_with(", …]"), "{lines:?}");
    }

    #[test]
    fn what_came_before_a_landmark_is_not_taken_for_a_fault() {
        // A tuple out of the memo is unpacked, and a list from before grows, both far behind.
        let mut bytes = b"\x80\x04]\x94K\x01\x85\x940".to_vec();
        for _ in 0..40_000 {
            bytes.extend(b"h\x01a");
        }
        bytes.extend(b"cos\nsystem\nh\x01Ra.");
        let (stream, lines) = shown(&bytes);
        assert!(stream.faults.is_empty() && stream.landmarks.before(u64::MAX).is_some());
        let unresolved = ["<unresolved>"; 5].join(", ");
        let result = format!("return […, {unresolved}, …]");
        assert_eq!(lines, ["from os import system", "_1 = system(*<unresolved>)", &result]);
    }

    #[test]
    fn where_an_entry_of_the_memo_was_replaced_all_of_the_stream_is_followed() {
        // What the memo is left with is not what it had: the class in it becomes another behind the call.
        let mut bytes = objects(100_000);
        bytes.pop();
        bytes.extend(b"cm\nD\nq\x010cn\nE\n0.");
        let (stream, lines) = shown(&bytes);
        assert!(stream.landmarks.before(u64::MAX).is_none());
        assert!(lines.iter().any(|line| line.contains("100002 = system('true')")), "{lines:?}");
    }
}
