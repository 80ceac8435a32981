//! GitLab's code quality report: a JSON array, one object a finding.

use std::io::{self, Write};

use serde::Serialize;

use super::fingerprint::Fingerprints;
use super::{json, message_at};
use crate::escape;
use crate::finding::Outcome;
use crate::rule::Level;

pub(super) fn write(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let mut fingerprints = Fingerprints::default();
    let mut issues: Vec<Issue> = outcome
        .findings
        .iter()
        .map(|finding| Issue {
            description: format!("{}: {}", finding.rule, message_at(finding)),
            check_name: finding.rule.id(),
            fingerprint: fingerprints.in_repository(finding),
            severity: match finding.level {
                Level::Error => "critical",
                Level::Warning => "minor",
                Level::Note => "info",
            },
            location: Location::of(finding.path.as_bytes()),
        })
        .collect();
    for failure in &outcome.failures {
        issues.push(Issue {
            description: format!(
                "fickgate could not read the file: {}",
                escape::terminal_cut(&failure.message, escape::SENTENCE)
            ),
            check_name: "could-not-read",
            fingerprint: Fingerprints::of_failure(failure),
            severity: "blocker",
            location: Location::of(failure.path.as_bytes()),
        });
    }
    json::to_writer(&issues, out)
}

#[derive(Serialize)]
struct Issue {
    description: String,
    check_name: &'static str,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

impl Location {
    /// Binary files have no lines; GitLab wants one.
    fn of(path: &[u8]) -> Location {
        Location { path: escape::lossless(path).into_owned(), lines: Lines { begin: 1 } }
    }
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
}
