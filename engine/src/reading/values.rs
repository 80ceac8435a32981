//! The values of a database: each is content of its own, and what none of them explains is searched.

use std::io;
use std::ops::Range;

use crate::content::Content;
use crate::facts::Loader;
use crate::pickle::machine;
use crate::pickle::stream::opcode;
use crate::reading::job::Job;
use crate::reading::segments::Segments;
use crate::reading::work::{Scan, Task};
use crate::rule::Rule;

/// Shortest bytes that make an import: `c`, two lines.
const SHORTEST: u64 = 3;
/// How often the bytes of a file may stand in its values: records can be made to lie over one another.
const OFTEN: u64 = 4;
/// Bytes that are read in any case.
const FREE: u64 = 1 << 20;

/// The values of a database under way.
pub(crate) struct Values {
    pub job: Job,
    /// Bytes that values may still have.
    left: u64,
    /// Where values lie that are a pickle to their last byte.
    known: Vec<Range<u64>>,
}

impl Values {
    /// Of a database of this length.
    pub fn new(job: &Job, len: u64) -> Self {
        Values { job: job.clone(), left: len.saturating_mul(OFTEN).saturating_add(FREE), known: Vec::new() }
    }

    /// Counts bytes of records; false, and a finding, where there are more of them than a database can have.
    pub fn spend(&mut self, scan: &mut Scan<'_>, at: u64, bytes: u64) -> bool {
        let enough = self.left >= bytes;
        self.left = self.left.saturating_sub(bytes);
        if !enough {
            let message = "records that lie over one another, with many times the bytes of the file";
            scan.fault(&self.job.member, Rule::ResourceLimit, at, message);
        }
        enough
    }

    /// Leaves the value in these ranges of the file to be read from its beginning. False where there are too many.
    pub fn take(&mut self, scan: &mut Scan<'_>, parts: &[Range<u64>]) -> io::Result<bool> {
        let (Some(first), len) = (parts.first(), parts.iter().map(|part| part.end - part.start).sum()) else {
            return Ok(true);
        };
        if len < SHORTEST {
            return Ok(true);
        }
        if !self.spend(scan, first.start, len) {
            return Ok(false);
        }
        let content = match parts {
            [part] => self.job.content.slice(part.clone()),
            _ => {
                let mut end = 0;
                let placed = parts.iter().map(|part| {
                    let at = end;
                    end += part.end - part.start;
                    (at, part.clone())
                });
                let parts = placed.collect();
                let content = Content::new(Segments::new(self.job.content.clone(), parts, len));
                let held = len <= scan.limits.held;
                if held { Content::from_bytes(content.read_range(0, len as usize)?) } else { content }
            }
        };
        if content.read_range(len - 1, 1)? == [opcode::STOP] {
            let run = machine::run(&content, 0, Loader::Pickle, "", scan.limits)?;
            if run.stream.stopped() && run.stream.end == len {
                self.known.extend(parts.iter().cloned());
            }
        }
        let child = self.job.child(&format!("value@0x{:x}", first.start), content);
        scan.as_base64(&child)?;
        scan.later(Task::Open(child));
        Ok(true)
    }

    /// Searches the file, but for the middle of pickles.
    pub fn rest(mut self, scan: &mut Scan<'_>) -> io::Result<()> {
        self.known.sort_unstable_by_key(|range| range.start);
        self.known.dedup_by(|next, range| {
            let joins = next.start <= range.end;
            if joins {
                range.end = range.end.max(next.end);
            }
            joins
        });
        scan.database(&self.job, self.known)
    }
}
