//! For GitHub Actions: the report for people, with the runner's ears closed, then annotations.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};

use crate::outcome::Outcome;
use crate::report::human;
use crate::report::phrase::{is_shown, message_at, remarks};
use crate::report::style::Style;
use fickgate_engine::escape::{command_data, command_property};
use fickgate_engine::finding::Finding;
use fickgate_engine::rule::Level;

/// Annotations of one level that a step may have; GitHub drops the rest without a word
/// (docs/problem-matchers.md of actions/toolkit).
const ANNOTATIONS: usize = 10;

pub(super) fn write(outcome: &Outcome, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    write_with(outcome, style, &token(), out)
}

/// `token` closes and opens the runner's ears. Text that knew it could open them from the inside.
pub(super) fn write_with(
    outcome: &Outcome,
    style: &Style,
    token: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "::stop-commands::{token}")?;
    human::write(outcome, style, out)?;
    // On a line of its own, whatever the report ended with.
    writeln!(out, "\n::{token}::")?;
    for failure in outcome.failures.iter().take(ANNOTATIONS) {
        let path = fickgate_engine::escape::lossless(failure.path.as_bytes());
        let (file, message) = (command_property(&path), command_data(&failure.message));
        writeln!(out, "::error file={file},title=fickgate could not read a file::{message}")?;
    }
    // Not more than half of the notices a step may have.
    for notice in outcome.notices.iter().take(ANNOTATIONS / 2) {
        writeln!(out, "::notice title=fickgate::{}", command_data(notice))?;
    }
    for level in [Level::Error, Level::Warning, Level::Note] {
        let taken = match level {
            Level::Error => outcome.failures.len().min(ANNOTATIONS),
            Level::Warning => 0,
            Level::Note => outcome.notices.len().min(ANNOTATIONS / 2),
        };
        annotate(outcome, style, level, ANNOTATIONS - taken, out)?;
    }
    Ok(())
}

fn annotate(
    outcome: &Outcome,
    style: &Style,
    level: Level,
    room: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let findings: Vec<&Finding> =
        outcome.findings.iter().filter(|f| f.level == level && is_shown(f, style)).collect();
    let command = match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "notice",
    };
    let shown = if findings.len() > room { room.saturating_sub(1) } else { findings.len() };
    for finding in findings.iter().take(shown) {
        writeln!(out, "{}", annotation(command, finding))?;
    }
    let more = findings.len() - shown;
    if more > 0 && room > 0 {
        writeln!(
            out,
            "::{command} title=fickgate::and {more} more {level} findings, see the log of this step",
            level = level.as_str()
        )?;
    }
    Ok(())
}

/// A binary file has no lines; `line=1` makes GitHub list the annotation under the file's name.
fn annotation(command: &str, finding: &Finding) -> String {
    let path = fickgate_engine::escape::lossless(finding.path.as_bytes());
    let message = message_at(finding);
    let mut data = command_data(&message);
    for remark in remarks(finding) {
        // An encoded line feed: the annotation shows several lines, the log has one.
        data.push_str("%0A");
        data.push_str(&command_data(&remark));
    }
    let (file, line) = (command_property(&path), finding.line());
    format!("::{command} file={file},line={line},title=fickgate {}::{data}", finding.rule)
}

/// 128 bits from the standard library's seed for hash maps, which the operating system's random
/// numbers fill.
fn token() -> String {
    let half = || RandomState::new().build_hasher().finish();
    format!("fickgate-{:016x}{:016x}", half(), half())
}
