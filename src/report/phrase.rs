//! What several reports say alike: where a finding is, what decided it, which come first.

use std::cmp::Reverse;

use crate::outcome::Outcome;
use crate::report::style::Style;
use fickgate_engine::escape::{self, SENTENCE};
use fickgate_engine::finding::{EntryRole, Finding};
use fickgate_engine::path::BlobPath;
use fickgate_engine::rule::{Level, Rule};

/// The finding's file and member, `path!member`, as text that is not yet safe to print.
pub(super) fn place(path: &BlobPath, member: &str) -> String {
    let path = escape::lossless(path.as_bytes());
    if member.is_empty() { path.into_owned() } else { format!("{path}!{member}") }
}

/// The first digits of a commit, as git shows them.
pub(super) fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

/// What happened, behind the kind of refusal where the finding has one.
pub(super) fn sentence(finding: &Finding) -> String {
    let message = escape::terminal_cut(&finding.message, SENTENCE);
    match finding.reason {
        Some(reason) => format!("{}: {message}", reason.as_str()),
        None => message.into_owned(),
    }
}

/// The message with its place inside the file, for formats that only know the file.
pub(super) fn message_at(finding: &Finding) -> String {
    let mut text = sentence(finding);
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
pub(super) fn origin(finding: &Finding) -> Option<String> {
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
pub(super) fn remarks(finding: &Finding) -> Vec<String> {
    let note = origin(finding).map(|origin| format!("note: {origin}"));
    let help = finding.help.as_deref().map(|help| format!("help: {}", escape::terminal_cut(help, SENTENCE)));
    note.into_iter().chain(help).collect()
}

/// Whether a report for people shows the finding. Notes wait for `-v`, so that a tree of raw weights
/// is not a page of `not-a-pickle`; that a change edits its own policy is always said.
pub(super) fn is_shown(finding: &Finding, style: &Style) -> bool {
    finding.level > Level::Note || style.verbose > 0 || finding.rule == Rule::PolicyChanged
}

/// The findings that are shown, files with the worst first, and in each file the worst first.
pub(super) fn worst_first<'o>(outcome: &'o Outcome, style: &Style) -> Vec<&'o Finding> {
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
pub(super) fn count(n: usize, one: &str) -> String {
    match n {
        0 => format!("no {one}s"),
        1 => format!("1 {one}"),
        n => format!("{n} {one}s"),
    }
}
