//! Markdown for `$GITHUB_STEP_SUMMARY`: a table, and the decompiled lines folded away.
//!
//! GitHub drops a step's whole summary above 1 MiB, so the text ends, with a count, at a budget.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::outcome::Outcome;
use crate::report::human;
use crate::report::phrase::{place, remarks, sentence, worst_first};
use crate::report::style::Style;
use crate::report::summary_line;
use fickgate_engine::escape::{self, markdown};
use fickgate_engine::finding::Finding;
use fickgate_engine::rule::Level;

/// Bytes of a summary.
pub(super) const BUDGET: usize = 900 << 10;

/// Findings whose decompiled lines are shown.
const SNIPPETS: usize = 50;

pub(super) fn write(outcome: &Outcome, style: &Style, budget: usize, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page { text: String::new(), budget };
    page.text.push_str("### fickgate\n\n");
    page.text.push_str(&markdown(&summary_line::summary_line(outcome, style)));
    page.text.push_str("\n\n");

    let notices: Vec<String> = outcome.notices.iter().map(|n| format!("- {}\n", markdown(n))).collect();
    page.list("", &notices, "notices");

    let failures: Vec<String> = outcome
        .failures
        .iter()
        .map(|failure| {
            let path = code(&escape::lossless(failure.path.as_bytes()));
            format!("- could not read {path}: {}\n", markdown(&failure.message))
        })
        .collect();
    page.list("", &failures, "files that could not be read");

    let findings = worst_first(outcome, style);
    let rows: Vec<String> = findings.iter().map(|f| row(f)).collect();
    page.list("| | Rule | Where | What |\n|---|---|---|---|\n", &rows, "findings");

    let snippets: Vec<String> =
        findings.iter().filter_map(|f| Some(folded(f, human::plain_listing(f)?))).take(SNIPPETS).collect();
    page.list("", &snippets, "listings");

    let skipped: Vec<String> = outcome
        .skipped
        .iter()
        .map(|s| {
            format!("- {}: {}\n", code(&escape::lossless(s.path.as_bytes())), markdown(&s.reason.to_string()))
        })
        .collect();
    let head = format!("<details><summary>{} skipped</summary>\n\n", skipped.len());
    if page.list(&head, &skipped, "skipped files") {
        page.text.push_str("</details>\n");
    }
    out.write_all(page.text.as_bytes())
}

/// Text that stops growing at its budget.
struct Page {
    text: String,
    budget: usize,
}

impl Page {
    /// Appends `head` and as many items as there is room for, and says how many were left out.
    /// Whether the head was appended.
    fn list(&mut self, head: &str, items: &[String], what: &str) -> bool {
        /// Room for the lines that say what was left out, and for closing what is open.
        const RESERVE: usize = 2048;
        if items.is_empty() {
            return false;
        }
        let room = self.budget.saturating_sub(RESERVE);
        let fits = |text: &String, more: usize| text.len() + more <= room;
        let mut done = 0;
        let begun = fits(&self.text, head.len());
        if begun {
            self.text.push_str(head);
            for item in items {
                if !fits(&self.text, item.len()) {
                    break;
                }
                self.text.push_str(item);
                done += 1;
            }
        }
        if done < items.len() {
            let _ = write!(self.text, "\n{} more {what} are in the log.\n", items.len() - done);
        }
        self.text.push('\n');
        begun
    }
}

fn row(finding: &Finding) -> String {
    let mark = match finding.level {
        Level::Error => "🔴",
        Level::Warning => "🟡",
        Level::Note => "🔵",
    };
    let offset = finding.offset.map(|o| format!(" at byte {o}")).unwrap_or_default();
    let below: String = remarks(finding).iter().map(|remark| format!("<br>{}", markdown(remark))).collect();
    format!(
        "| {mark} {} | {} | {}{offset} | {}{below} |\n",
        finding.level.as_str(),
        finding.rule,
        code(&place(&finding.path, &finding.member)),
        markdown(&sentence(finding))
    )
}

fn folded(finding: &Finding, listing: String) -> String {
    // No blank line inside, which would end the HTML.
    let lines: Vec<String> = listing.lines().map(markdown).collect();
    format!(
        "<details><summary>{}: {}</summary><pre>{}</pre></details>\n",
        code(&place(&finding.path, &finding.member)),
        markdown(finding.import.as_deref().unwrap_or(finding.rule.id())),
        lines.join("\n")
    )
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", markdown(text))
}
