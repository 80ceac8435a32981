//! Rows of records with the length of each before or behind it, which queues and logs pickle into: files of queuelib and
//! Scrapy, and what `logging`'s `SocketHandler` sends.

use std::io;
use std::ops::Range;

use crate::facts::Loader;
use crate::pickle::machine;
use crate::reading::job::{Disguise, Job};
use crate::reading::standing::{self, Promise, Proto, Standing};
use crate::reading::work::{Scan, Step, Task};
use crate::rule::Rule;

/// Shortest bytes that make an import: `c`, two lines.
const SHORTEST: u64 = 3;
/// Records between two looks at what else is to be done.
const RECORDS: u64 = 1_000;

/// How a length is written.
#[derive(Clone, Copy)]
struct Length {
    width: u64,
    big: bool,
    /// Whether it stands behind its record: such files are read from their end.
    behind: bool,
}

/// A row under way.
struct Row {
    job: Job,
    length: Length,
    /// Where the next length stands; where the last one ended.
    at: u64,
    /// Empty records that came last.
    empty: u64,
}

impl Scan<'_> {
    /// Reads content as such rows, as far as each goes.
    pub fn records(&mut self, job: &Job) -> io::Result<()> {
        let end = self.length(job)?;
        for (width, big, behind) in [4, 8].into_iter().flat_map(|width| {
            [(width, true, false), (width, false, false), (width, true, true), (width, false, true)]
        }) {
            let length = Length { width, big, behind };
            let at = if behind { end } else { 0 };
            let mut job = job.clone();
            job.disguise = job.disguise.or_else(|| Disguise::new("a pickle in a row of records".to_owned()));
            let row = Row { job, length, at, empty: 0 };
            if row.next()?.is_some() {
                self.later(Task::Step(Box::new(row)));
            }
        }
        Ok(())
    }
}

impl Row {
    /// The next record, and where the one after it is looked for.
    fn next(&self) -> io::Result<Option<(Range<u64>, u64)>> {
        let Length { width, big, behind } = self.length;
        let Some(at) = (if behind { self.at.checked_sub(width) } else { Some(self.at) }) else {
            return Ok(None);
        };
        let field = self.job.content.read_range(at, width as usize)?;
        if (field.len() as u64) < width {
            return Ok(None);
        }
        let add = |n: u64, b: &u8| n << 8 | u64::from(*b);
        let n = if big { field.iter().fold(0, add) } else { field.iter().rev().fold(0, add) };
        let record = if behind {
            at.checked_sub(n).map(|from| (from..at, from))
        } else {
            let from = at + width;
            from.checked_add(n).filter(|end| *end <= self.job.content.len()).map(|end| (from..end, end))
        };
        Ok(record)
    }
}

impl Step for Row {
    fn step(mut self: Box<Self>, scan: &mut Scan<'_>) -> io::Result<()> {
        for _ in 0..RECORDS {
            let Some((record, next)) = self.next()? else { return Ok(()) };
            self.at = next;
            // Zeros read as any number of empty records, from which no unpickler gets anything.
            self.empty = if record.is_empty() { self.empty + 1 } else { 0 };
            if self.empty > RECORDS {
                return Ok(());
            }
            if record.end - record.start < SHORTEST {
                continue;
            }
            if scan.has_guessed_enough() {
                let message = "too many records of the content read as opcodes to try all of them";
                scan.fault(&self.job.member, Rule::ResourceLimit, record.start, message);
                return Ok(());
            }
            let content = self.job.content.slice(record.clone());
            let run = machine::run(&content, 0, Loader::Pickle, "", scan.limits)?;
            scan.guessed += run.stream.opcodes;
            let proto = Proto::of(&content.read_range(0, 2)?);
            if standing::standing(proto, Promise::Noise, &run.stream) == Standing::Pickle {
                let mut found = self.job.hidden(record, "");
                found.disguise.clone_from(&self.job.disguise);
                scan.keep_found(&found, run);
            }
        }
        scan.later(Task::Step(self));
        Ok(())
    }
}
