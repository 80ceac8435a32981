//! Reports: an outcome, printed. They decide nothing; the exit code comes from the outcome.
//!
//! Everything that came from a blob, a path or a policy passes through [`crate::escape`] on its way out.

mod github;
mod human;
mod json;
mod style;
mod summary_line;

use std::cmp::Reverse;
use std::io::{self, Write};

pub use crate::cli::Format;
pub use style::Style;

use crate::finding::{Finding, Outcome};
use crate::rule::{Level, Rule};
use crate::source::BlobPath;

/// Writes `outcome` in `format`. An error is one of `out`, a broken pipe among them.
pub fn write(format: Format, outcome: &Outcome, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Human => human::write(outcome, style, out),
        Format::Github => github::write(outcome, style, out),
        Format::Json => json::write(outcome, out),
    }
}

/// The finding's file and member, `path!member`, as text that is not yet safe to print.
fn place(path: &BlobPath, member: &str) -> String {
    let path = crate::escape::lossless(path.as_bytes());
    if member.is_empty() { path.into_owned() } else { format!("{path}!{member}") }
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
