//! JSON Lines: what is found, each on a line of its own, as soon as it is known; in the last line that this is all.
//!
//! The objects are those of the JSON document, each with its `type`; a file without the last line was broken off.

use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::outcome::{Judged, Outcome};
use crate::report::json::{self, JsonFailure, JsonFinding, JsonShard, JsonSkipped, SCHEMA, Summary};

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line<'o> {
    Finding(JsonFinding<'o>),
    Skipped(JsonSkipped<'o>),
    Failure(JsonFailure<'o>),
    Notice { message: &'o str },
    Summary(End<'o>),
}

#[derive(Serialize)]
struct End<'o> {
    schema: u32,
    #[serde(flatten)]
    summary: Summary,
    shard: Option<JsonShard<'o>>,
}

/// Lines that are written while a run goes on, by any of its threads.
pub struct Lines<W> {
    written: Mutex<Written<W>>,
}

struct Written<W> {
    out: W,
    /// Hashes of the lines that are out.
    known: HashSet<[u8; 32]>,
    /// What kept one from being written: no more are, and the end says so.
    failed: Option<io::Error>,
}

impl<W: Write> Lines<W> {
    pub fn new(out: W) -> Lines<W> {
        Lines { written: Mutex::new(Written { out, known: HashSet::new(), failed: None }) }
    }

    /// Writes what became of one entry.
    pub fn tell(&self, judged: &Judged) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let Judged { findings, skipped, failure, .. } = judged;
        let lines = findings.iter().map(|finding| Line::Finding(JsonFinding::of(finding)));
        let lines = lines.chain(skipped.iter().map(|skipped| Line::Skipped(JsonSkipped::of(skipped))));
        let mut lines = lines.chain(failure.iter().map(|failure| Line::Failure(JsonFailure::of(failure))));
        let done = lines.try_for_each(|line| written.line(&line));
        if let Err(error) = done.and_then(|()| written.out.flush()) {
            written.failed.get_or_insert(error);
        }
    }

    /// Writes what is not out yet, and the last line.
    pub fn finish(self, outcome: &Outcome) -> io::Result<()> {
        let mut written = self.written.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = written.failed.take() {
            return Err(error);
        }
        let known = std::mem::take(&mut written.known);
        let findings = outcome.findings.iter().map(|finding| Line::Finding(JsonFinding::of(finding)));
        let skipped = outcome.skipped.iter().map(|skipped| Line::Skipped(JsonSkipped::of(skipped)));
        let failures = outcome.failures.iter().map(|failure| Line::Failure(JsonFailure::of(failure)));
        let notices = outcome.notices.iter().map(|message| Line::Notice { message });
        for line in findings.chain(skipped).chain(failures).chain(notices) {
            let mut bytes = Vec::new();
            json::to_line(&line, &mut bytes)?;
            if !known.contains(&<[u8; 32]>::from(Sha256::digest(&bytes))) {
                written.out.write_all(&bytes)?;
            }
        }
        let (summary, shard) = (Summary::of(outcome), JsonShard::of(outcome));
        json::to_line(&Line::Summary(End { schema: SCHEMA, summary, shard }), &mut written.out)?;
        written.out.flush()
    }
}

impl<W: Write> Written<W> {
    fn line(&mut self, line: &Line<'_>) -> io::Result<()> {
        if self.failed.is_some() {
            return Ok(());
        }
        let mut bytes = Vec::new();
        json::to_line(line, &mut bytes)?;
        self.known.insert(Sha256::digest(&bytes).into());
        self.out.write_all(&bytes)
    }
}
