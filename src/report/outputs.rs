//! Counts as `key=value` lines, for `$GITHUB_OUTPUT`. Numbers only: nothing in them can be forged.

use std::io::{self, Write};

use crate::outcome::Outcome;
use fickgate_engine::rule::Level;

pub(super) fn write(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "findings={}", outcome.findings.len())?;
    writeln!(out, "errors={}", outcome.count(Level::Error))?;
    writeln!(out, "warnings={}", outcome.count(Level::Warning))?;
    writeln!(out, "scanned={}", outcome.tally.blobs)?;
    writeln!(out, "pickles={}", outcome.tally.streams)?;
    writeln!(out, "skipped={}", outcome.skipped.len())?;
    writeln!(out, "failures={}", outcome.failures.len())
}
