//! A few decompiled lines around an offset: what a finding shows.

use std::io;

use crate::content::Content;
use crate::facts::Stream;
use crate::finding::{Snippet, SnippetLine};
use crate::limits::Limits;
use crate::pickle::listing::decompile::{self, BESIDE, Keep};

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
    let kept = decompile::listing(content, stream, limits, Keep::Around(offsets.to_vec()))?.lines;
    let around = |offset: u64| {
        let at = kept.iter().rposition(|line| line.offset <= offset).unwrap_or(0);
        let from = at.saturating_sub(BESIDE);
        let lines = kept.iter().skip(from).take(at - from + 1 + BESIDE);
        let lines: Vec<SnippetLine> =
            lines.map(|line| SnippetLine { offset: line.offset, text: line.text.clone() }).collect();
        (!lines.is_empty()).then_some((offset, Snippet { lines, marked: at - from }))
    };
    Ok(offsets.iter().filter_map(|offset| around(*offset)).collect())
}
