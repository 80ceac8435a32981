//! Decompiled lines for the findings of one piece of content, taken while the bytes of each stream are at hand.

use std::io;

use crate::content::Content;
use crate::facts::{Facts, Stream};
use crate::finding::{Finding, Snippet};
use crate::judge::{self, judge};
use crate::limits::Limits;
use crate::path::BlobPath;
use crate::pickle::listing::snippet;
use crate::policy::{Policy, Usage};

/// Findings that get lines. The first say what there is to say, and each costs a run.
const MOST: usize = 20;

/// Lines by the member and the offset that they stand for.
#[derive(Default)]
pub struct Snippets(Vec<(String, u64, Snippet)>);

impl Snippets {
    /// Takes the lines of one stream that there is something to say of, as [`crate::scan::scan_watched`] meets it.
    pub fn look(
        &mut self,
        content: &Content,
        stream: &Stream,
        path: &BlobPath,
        (policy, usage): (&Policy, &Usage),
        limits: &Limits,
    ) -> io::Result<()> {
        let room = MOST.saturating_sub(self.0.len());
        // Millions of pickles may follow, and judging one of them alone is not free.
        if room == 0 {
            return Ok(());
        }
        if !judge::is_worth_a_word(stream, path, policy, usage) {
            return Ok(());
        }
        let one = Facts { streams: vec![stream.clone()], ..Facts::default() };
        let found = judge(&one, path, None, policy, usage);
        // They are in the order of their offsets.
        let mut offsets: Vec<u64> = found.iter().filter_map(|finding| finding.offset).collect();
        offsets.dedup();
        offsets.truncate(room);
        let taken = snippet::around(content, stream, &offsets, limits)?;
        self.0.extend(taken.into_iter().map(|(offset, lines)| (stream.member.clone(), offset, lines)));
        Ok(())
    }

    /// Gives findings their lines.
    pub fn give(&self, findings: &mut [Finding]) {
        for finding in findings {
            let own = |(member, offset, _): &&(String, u64, Snippet)| {
                *member == finding.member && Some(*offset) == finding.offset
            };
            finding.snippet = self.0.iter().find(own).map(|(_, _, lines)| lines.clone());
        }
    }
}
