//! One line a finding: `path!member:byte: level[rule]: message`.

use std::io::{self, Write};

use annotate_snippets::renderer::{
    DEFAULT_ERROR_STYLE, DEFAULT_NOTE_STYLE, DEFAULT_WARNING_STYLE, Style as Ansi,
};

use crate::outcome::Outcome;
use crate::report::phrase::{place, sentence, worst_first};
use crate::report::style::Style;
use crate::report::summary_line;
use fickgate_engine::escape::{self, SENTENCE};
use fickgate_engine::finding::{EntryRole, Finding};
use fickgate_engine::rule::Level;

pub(super) fn write(outcome: &Outcome, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    for finding in worst_first(outcome, style) {
        writeln!(out, "{}", line(finding, style))?;
    }
    let error = colour(Level::Error, style);
    for failure in &outcome.failures {
        let path = escape::terminal_bytes(failure.path.as_bytes());
        let message = escape::terminal_cut(&failure.message, SENTENCE);
        writeln!(out, "{path}: {error}error{error:#}: {message}")?;
    }
    summary_line::write_end(outcome, style, out)
}

/// The line of one finding.
pub(super) fn line(finding: &Finding, style: &Style) -> String {
    let place = place(&finding.path, &finding.member);
    let place = escape::terminal(&place);
    let offset = finding.offset.map(|o| format!(":{o}")).unwrap_or_default();
    let colour = colour(finding.level, style);
    let message = sentence(finding);
    let level = finding.level.as_str();
    // An entry that is only spelled alike decided nothing.
    let decided = finding.entry.as_ref().filter(|entry| entry.role != EntryRole::Near);
    let by = decided.map(|entry| format!(" [{}]", escape::terminal(&entry.place()))).unwrap_or_default();
    format!("{place}{offset}: {colour}{level}[{}]{colour:#}: {message}{by}", finding.rule)
}

fn colour(level: Level, style: &Style) -> Ansi {
    match level {
        _ if !style.color => Ansi::new(),
        Level::Error => DEFAULT_ERROR_STYLE,
        Level::Warning => DEFAULT_WARNING_STYLE,
        Level::Note => DEFAULT_NOTE_STYLE,
    }
}
