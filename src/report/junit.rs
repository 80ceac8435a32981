//! JUnit XML, for test dashboards: a failed case for each error, a passed one with its text for
//! warnings and notes.

use std::io::{self, Write};

use crate::outcome::Outcome;
use crate::report::phrase::{message_at, remarks};
use crate::report::style::Style;
use crate::report::summary_line;
use fickgate_engine::escape::{self, xml};
use fickgate_engine::rule::Level;

pub(super) fn write(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let cases = 1 + outcome.findings.len() + outcome.failures.len() + outcome.skipped.len();
    let failed = outcome.count(Level::Error);
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites>")?;
    writeln!(
        out,
        "  <testsuite name=\"fickgate\" tests=\"{cases}\" failures=\"{failed}\" errors=\"{}\" skipped=\"{}\">",
        outcome.failures.len(),
        outcome.skipped.len()
    )?;
    // Always there, so that a clean run is not an empty suite, which dashboards report as broken.
    writeln!(out, "    <testcase classname=\"fickgate\" name=\"scan\">")?;
    let summary = summary_line::summary_line(outcome, &Style::default());
    writeln!(out, "      <system-out>{}</system-out>", xml(&summary))?;
    writeln!(out, "    </testcase>")?;
    for finding in &outcome.findings {
        let level = finding.level.as_str();
        let path = xml(&escape::lossless(finding.path.as_bytes()));
        writeln!(out, "    <testcase classname=\"{path}\" name=\"{}\">", finding.rule)?;
        let message = xml(&message_at(finding));
        let below: String = remarks(finding).iter().map(|remark| format!("\n{}", xml(remark))).collect();
        if finding.level == Level::Error {
            writeln!(
                out,
                "      <failure type=\"{level}\" message=\"{message}\">{message}{below}</failure>"
            )?;
        } else {
            writeln!(out, "      <system-out>{level}: {message}{below}</system-out>")?;
        }
        writeln!(out, "    </testcase>")?;
    }
    for failure in &outcome.failures {
        let path = xml(&escape::lossless(failure.path.as_bytes()));
        writeln!(out, "    <testcase classname=\"{path}\" name=\"read\">")?;
        writeln!(out, "      <error type=\"could-not-read\" message=\"{}\"/>", xml(&failure.message))?;
        writeln!(out, "    </testcase>")?;
    }
    for skipped in &outcome.skipped {
        let path = xml(&escape::lossless(skipped.path.as_bytes()));
        writeln!(out, "    <testcase classname=\"{path}\" name=\"scan\">")?;
        writeln!(out, "      <skipped message=\"{}\"/>", xml(&skipped.reason.to_string()))?;
        writeln!(out, "    </testcase>")?;
    }
    writeln!(out, "  </testsuite>")?;
    writeln!(out, "</testsuites>")
}
