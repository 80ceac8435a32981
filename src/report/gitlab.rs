//! GitLab's code quality report: a JSON array, one object a finding.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use crate::outcome::{Outcome, Reason, Skipped};
use crate::report::fingerprint::Fingerprints;
use crate::report::json;
use crate::report::phrase;
use crate::report::phrase::{message_at, origin};
use fickgate_engine::escape;
use fickgate_engine::finding::{Finding, Reason as Kind};
use fickgate_engine::rule::Level;

pub(super) fn write(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let mut fingerprints = Fingerprints::default();
    let mut issues: Vec<Issue> = outcome
        .findings
        .iter()
        .map(|finding| Issue {
            description: described(finding),
            check_name: finding.rule.id(),
            fingerprint: fingerprints.in_repository(finding),
            severity: match finding.level {
                Level::Error if finding.reason == Some(Kind::Dangerous) => "blocker",
                Level::Error if finding.reason == Some(Kind::Unknown) => "major",
                Level::Error => "critical",
                Level::Warning => "minor",
                Level::Note => "info",
            },
            location: Location::of(finding.path.as_bytes(), finding.line()),
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
            location: Location::of(failure.path.as_bytes(), 1),
        });
    }
    issues.extend(decided_by_path(outcome));
    json::to_writer(&issues, out)
}

fn described(finding: &Finding) -> String {
    let origin = origin(finding).map(|origin| format!("; {origin}")).unwrap_or_default();
    format!("{}: {}{origin}", finding.rule, message_at(finding))
}

/// What the policy took out of judgement by path or by hash, one issue for each line of it, at the first
/// of its files. The format has no other place for that.
fn decided_by_path(outcome: &Outcome) -> Vec<Issue> {
    let mut lines: BTreeMap<String, (&Skipped, usize)> = BTreeMap::new();
    for skipped in &outcome.skipped {
        match skipped.reason {
            Reason::Excluded { .. } | Reason::Accepted { .. } => {
                lines.entry(skipped.reason.to_string()).or_insert((skipped, 0)).1 += 1;
            }
            Reason::NoFile(_) | Reason::Told(_) => {}
        }
    }
    let issue = |(reason, (first, files)): (String, (&Skipped, usize))| Issue {
        description: format!("{}: {}", phrase::count(files, "file"), escape::terminal(&reason)),
        check_name: "not-judged",
        fingerprint: Fingerprints::of_reason(&reason),
        severity: "info",
        location: Location::of(first.path.as_bytes(), 1),
    };
    lines.into_iter().map(issue).collect()
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
    fn of(path: &[u8], line: usize) -> Location {
        Location { path: escape::lossless(path).into_owned(), lines: Lines { begin: line } }
    }
}

#[derive(Serialize)]
struct Lines {
    begin: usize,
}
