//! How a report for people ends: what was skipped, and in the last line what was found, and in how much.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use crate::outcome::{Outcome, Reason};
use crate::report::phrase::count;
use crate::report::style::Style;
use crate::report::wrap::hanging;
use fickgate_engine::escape::{self, SENTENCE};
use fickgate_engine::rule::Level;

/// `2 errors and 1 note in 12 blobs (3 pickles, 41 imports); 1 skipped: submodule; 8 ms`.
///
/// What was skipped or could not be read is always named: a run that looked at nothing does not read
/// like a run that found nothing.
pub(super) fn summary_line(outcome: &Outcome, style: &Style) -> String {
    let mut found = Vec::new();
    for level in [Level::Error, Level::Warning, Level::Note] {
        let n = outcome.count(level);
        if n > 0 {
            found.push(count(n, level.as_str()));
        }
    }
    let mut line = if found.is_empty() { "no findings".to_owned() } else { and(&found) };
    let tally = &outcome.tally;
    line.push_str(&format!(
        " in {} ({}, {})",
        plural(tally.blobs, "blob"),
        plural(tally.streams, "pickle"),
        plural(tally.imports, "import")
    ));
    if !outcome.failures.is_empty() {
        line.push_str(&format!("; {} could not be read", plural(outcome.failures.len() as u64, "file")));
    }
    if !outcome.skipped.is_empty() {
        let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
        for skipped in &outcome.skipped {
            *reasons.entry(in_short(&skipped.reason)).or_default() += 1;
        }
        let reasons: Vec<String> = reasons
            .into_iter()
            .map(|(reason, n)| {
                let reason = escape::terminal(&reason);
                if n == 1 { reason.into_owned() } else { format!("{reason} ({n})") }
            })
            .collect();
        line.push_str(&format!("; {} skipped: {}", outcome.skipped.len(), reasons.join(", ")));
    }
    if let Some(elapsed) = style.elapsed {
        line.push_str(&format!("; {}", duration(elapsed)));
    }
    line
}

/// A reason without the line of the policy, of which there may be hundreds: `-v` has them.
fn in_short(reason: &Reason) -> String {
    match reason {
        Reason::Excluded { by } => format!("excluded by {}", by.source),
        Reason::Accepted { by } => format!("accepted as it is by {}", by.source),
        other => other.to_string(),
    }
}

fn plural(n: u64, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

fn and(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [init @ .., last] => format!("{} and {last}", init.join(", ")),
    }
}

fn duration(elapsed: Duration) -> String {
    let ms = elapsed.as_millis();
    if ms < 1000 { format!("{ms} ms") } else { format!("{:.1} s", elapsed.as_secs_f64()) }
}

/// Skipped files where they are asked for, notices, and the summary line.
pub(super) fn write_end(outcome: &Outcome, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if style.verbose > 0 {
        for skipped in &outcome.skipped {
            let path = escape::terminal_bytes(skipped.path.as_bytes());
            writeln!(out, "skipped: {path}: {}", escape::terminal(&skipped.reason.to_string()))?;
        }
    }
    for notice in &outcome.notices {
        let notice = format!("note: {}", escape::terminal_cut(notice, SENTENCE));
        writeln!(out, "{}", hanging(&notice, style.wrap, "      "))?;
    }
    if !style.quiet {
        let line = format!("fickgate: {}", summary_line(outcome, style));
        writeln!(out, "{}", hanging(&line, style.wrap, "  "))?;
    }
    Ok(())
}
