//! Reports: an outcome, printed. They decide nothing; the exit code comes from the outcome.
//!
//! Everything that came from a blob, a path or a policy passes through [`fickgate_engine::escape`] on its way out.

mod concise;
mod fingerprint;
mod github;
mod gitlab;
mod human;
pub(crate) mod json;
mod junit;
mod outputs;
mod sarif;
mod style;
mod summary;
mod summary_line;

use std::cmp::Reverse;
use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};

pub use crate::cli::{Format, ReportTo};
pub use style::Style;

use crate::outcome::Outcome;
use fickgate_engine::error::{Error, Result};
use fickgate_engine::escape::{self, SENTENCE};
use fickgate_engine::finding::{EntryRole, Finding};
use fickgate_engine::path::BlobPath;
use fickgate_engine::rule::{Level, Rule};

/// Writes `outcome` in `format`. An error is one of `out`, a broken pipe among them.
pub fn write(format: Format, outcome: &Outcome, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Human => human::write(outcome, style, out),
        Format::Concise => concise::write(outcome, style, out),
        Format::Github => github::write(outcome, style, out),
        Format::Json => json::write(outcome, out),
        Format::Sarif => sarif::write(outcome, out),
        Format::Gitlab => gitlab::write(outcome, out),
        Format::Junit => junit::write(outcome, out),
        Format::Summary => summary::write(outcome, style, summary::BUDGET, out),
        Format::Outputs => outputs::write(outcome, out),
    }
}

/// Writes a report to its file, for `--report FORMAT=FILE`. Reports for people are plain text there.
pub fn write_file(to: &ReportTo, outcome: &Outcome, style: &Style) -> Result<()> {
    let style = Style { color: false, unicode: false, width: Style::default().width, ..style.clone() };
    write_into(to, outcome, &style).map_err(|e| {
        let file = escape::terminal(&to.file.to_string_lossy()).into_owned();
        Error::new(format!("cannot write the report {file}: {e}"))
            .remedy("name a file in a folder that exists and can be written to")
    })
}

fn write_into(to: &ReportTo, outcome: &Outcome, style: &Style) -> io::Result<()> {
    let appended = matches!(to.format, Format::Summary | Format::Outputs);
    let file =
        OpenOptions::new().create(true).write(true).append(appended).truncate(!appended).open(&to.file)?;
    let mut out = BufWriter::new(&file);
    if to.format == Format::Summary {
        // An earlier part of the step may have written to it: the budget is for the whole file.
        let there = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        summary::write(outcome, style, summary::BUDGET.saturating_sub(there), &mut out)?;
    } else {
        write(to.format, outcome, style, &mut out)?;
    }
    out.flush()
}

/// The finding's file and member, `path!member`, as text that is not yet safe to print.
fn place(path: &BlobPath, member: &str) -> String {
    let path = escape::lossless(path.as_bytes());
    if member.is_empty() { path.into_owned() } else { format!("{path}!{member}") }
}

/// The message with its place inside the file, for formats that only know the file.
fn message_at(finding: &Finding) -> String {
    let mut text = escape::terminal_cut(&finding.message, SENTENCE).into_owned();
    let member = escape::terminal(&finding.member);
    match (member.is_empty(), finding.offset) {
        (true, None) => {}
        (true, Some(offset)) => text.push_str(&format!(" (at byte {offset})")),
        (false, None) => text.push_str(&format!(" (in {member})")),
        (false, Some(offset)) => text.push_str(&format!(" (in {member} at byte {offset})")),
    }
    text
}

/// Where the entry stands that decided or nearly did, as one clause that is safe to print.
fn origin(finding: &Finding) -> Option<String> {
    let entry = finding.entry.as_ref()?;
    let place = escape::terminal(&entry.place()).into_owned();
    let import = escape::terminal(&entry.import);
    Some(match entry.role {
        EntryRole::Near => format!("did you mean `{import}`? It is allowed at {place}"),
        EntryRole::FallsShort | EntryRole::Concerns => format!("the entry for `{import}` is at {place}"),
        EntryRole::Refuses => format!("`{import}` is refused at {place}"),
    })
}

/// What stands below the message in formats that have room: where the entry is, and what to do.
fn remarks(finding: &Finding) -> Vec<String> {
    let note = origin(finding).map(|origin| format!("note: {origin}"));
    let help = finding.help.as_deref().map(|help| format!("help: {}", escape::terminal_cut(help, SENTENCE)));
    note.into_iter().chain(help).collect()
}

/// Whether a report for people shows the finding. Notes wait for `-v`, so that a tree of raw weights
/// is not a page of `not-a-pickle`; that a change edits its own policy is always said.
fn is_shown(finding: &Finding, style: &Style) -> bool {
    finding.level > Level::Note || style.verbose > 0 || finding.rule == Rule::PolicyChanged
}

/// The findings that are shown, files with the worst first, and in each file the worst first.
fn worst_first<'o>(outcome: &'o Outcome, style: &Style) -> Vec<&'o Finding> {
    let mut shown: Vec<&Finding> = outcome.findings.iter().filter(|f| is_shown(f, style)).collect();
    let mut worst = std::collections::HashMap::new();
    for finding in &shown {
        let level = worst.entry(&finding.path).or_insert(finding.level);
        *level = finding.level.max(*level);
    }
    // Stable: member and offset keep the outcome's order.
    shown.sort_by_key(|f| (Reverse(worst.get(&f.path).copied()), &f.path, Reverse(f.level)));
    shown
}

/// `1 error`, `2 errors`, `no errors`.
fn count(n: usize, one: &str) -> String {
    match n {
        0 => format!("no {one}s"),
        1 => format!("1 {one}"),
        n => format!("{n} {one}s"),
    }
}

#[cfg(test)]
mod tests;
