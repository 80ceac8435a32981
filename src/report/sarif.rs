//! SARIF 2.1.0, for GitHub code scanning and whatever else reads it.
//!
//! The model holds what is written and no more; the order of its fields is the order in the file.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};

use crate::manual::Section;
use crate::outcome::{Outcome, Suppressed};
use crate::report::fingerprint::Fingerprints;
use crate::report::json;
use crate::report::phrase::{message_at, remarks, worst_first};
use crate::report::style::Style;
use crate::source::Provenance;
use fickgate_engine::escape::{self, SENTENCE};
use fickgate_engine::finding::{Finding, Reason};
use fickgate_engine::rule::{Level, Rule};

/// Results of a run. GitHub refuses a run with more; of these it shows the first 5,000.
const RESULTS: usize = 25_000;

/// Notifications of one kind.
const NOTIFICATIONS: usize = 1_000;

pub(super) fn write(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let everything = Style { verbose: 1, ..Style::default() };
    let findings = worst_first(outcome, &everything);
    let mut fingerprints = Fingerprints::default();
    let results: Vec<SarifResult> =
        findings.iter().take(RESULTS).map(|f| SarifResult::of(f, &mut fingerprints)).collect();
    let suppressed = outcome.suppressed.iter().take(RESULTS - results.len());
    let suppressed: Vec<SarifResult> =
        suppressed.map(|s| SarifResult::suppressed(s, &mut fingerprints)).collect();
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool { driver: Driver::fickgate() },
            invocations: [Invocation {
                execution_successful: outcome.failures.is_empty(),
                tool_execution_notifications: notifications(outcome, findings.len() - results.len()),
            }],
            version_control_provenance: outcome.provenance.iter().map(VersionControl::of).collect(),
            results: results.into_iter().chain(suppressed).collect(),
            properties: json!({
                "blobs": outcome.tally.blobs,
                "streams": outcome.tally.streams,
                "imports": outcome.tally.imports,
                "skipped": outcome.skipped.len(),
            }),
        }],
    };
    json::to_writer(&log, out)
}

#[derive(Serialize)]
struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    invocations: [Invocation; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    version_control_provenance: Vec<VersionControl>,
    results: Vec<SarifResult>,
    properties: Value,
}

/// The repository that was judged, and the commit that was checked out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VersionControl {
    repository_uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<String>,
}

impl VersionControl {
    fn of(provenance: &Provenance) -> VersionControl {
        let text = |text: &Option<String>| text.as_deref().map(|text| escape::terminal(text).into_owned());
        VersionControl {
            repository_uri: provenance.repository.clone(),
            revision_id: text(&provenance.revision),
            branch: text(&provenance.branch),
        }
    }
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    information_uri: Option<&'static str>,
    rules: Vec<Descriptor>,
}

/// The project's address, where the manifest names one.
fn home() -> Option<&'static str> {
    Some(env!("CARGO_PKG_REPOSITORY")).filter(|uri| !uri.is_empty())
}

/// Where the page of rules says more, at the version that reports.
fn help_uri(home: &str, rule: Rule) -> String {
    format!("{home}/blob/v{}/docs/rules.md#{rule}", env!("CARGO_PKG_VERSION"))
}

impl Driver {
    fn fickgate() -> Driver {
        Driver {
            name: "fickgate",
            semantic_version: env!("CARGO_PKG_VERSION"),
            information_uri: home(),
            rules: Rule::ALL.iter().copied().map(Descriptor::of).collect(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    id: &'static str,
    short_description: Text,
    full_description: Text,
    help: Help,
    #[serde(skip_serializing_if = "Option::is_none")]
    help_uri: Option<String>,
    default_configuration: Configuration,
    properties: Value,
}

impl Descriptor {
    fn of(rule: Rule) -> Descriptor {
        let section = Section::of(rule);
        // Only errors and warnings say something about safety; GitHub ranks them by this number.
        let severity = match rule.level() {
            Level::Error => Some("8.0"),
            Level::Warning => Some("5.0"),
            Level::Note => None,
        };
        let mut properties = json!({ "precision": "high", "tags": rule.tags() });
        if let (Some(severity), Some(map)) = (severity, properties.as_object_mut()) {
            map.insert("security-severity".to_owned(), json!(severity));
        }
        Descriptor {
            id: rule.id(),
            short_description: Text { text: format!("{}.", rule.summary()) },
            full_description: Text { text: section.meaning.replace('\n', " ") },
            help: Help { text: section.fix, markdown: section.text },
            help_uri: home().map(|home| help_uri(home, rule)),
            default_configuration: Configuration { level: rule.level().as_str() },
            properties,
        }
    }
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
struct Help {
    text: &'static str,
    markdown: &'static str,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Text,
    locations: [Location; 1],
    partial_fingerprints: PartialFingerprints,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suppressions: Vec<Suppression>,
    properties: Value,
}

/// Why a result counts for nothing: its content is pinned in a policy.
#[derive(Serialize)]
struct Suppression {
    kind: &'static str,
    status: &'static str,
    justification: String,
}

impl SarifResult {
    fn suppressed(suppressed: &Suppressed, fingerprints: &mut Fingerprints) -> SarifResult {
        let Suppressed { finding, by, reason } = suppressed;
        let justification = plain(&format!("{by}: {reason}"));
        let suppression = Suppression { kind: "external", status: "accepted", justification };
        SarifResult { suppressions: vec![suppression], ..SarifResult::of(finding, fingerprints) }
    }

    fn of(finding: &Finding, fingerprints: &mut Fingerprints) -> SarifResult {
        let fingerprint = fingerprints.in_file(finding);
        let below: String = remarks(finding).iter().map(|remark| format!("\n{}", plain(remark))).collect();
        SarifResult {
            rule_id: finding.rule.id(),
            rule_index: Rule::ALL.iter().position(|rule| *rule == finding.rule).unwrap_or(0),
            level: finding.level.as_str(),
            message: Text { text: format!("{}{below}", plain(&message_at(finding))) },
            locations: [Location::of(finding)],
            partial_fingerprints: PartialFingerprints {
                line_hash: fingerprint.clone(),
                fickgate: fingerprint,
            },
            suppressions: Vec::new(),
            properties: json!({
                "commit": finding.commit,
                "import": finding.import.as_deref().map(escape::terminal),
                "reason": finding.reason.map(Reason::as_str),
                "member": escape::terminal(&finding.member),
                "offset": finding.offset,
                "entry": finding.entry.as_ref().map(|entry| json!({
                    "role": entry.role.as_str(),
                    "import": escape::terminal(&entry.import),
                    "layer": entry.layer,
                    "source": escape::terminal(&entry.source),
                    "line": entry.line,
                })),
            }),
        }
    }
}

/// GitHub's uploader fills in the first one, from the text of line 1, where it is missing; then all
/// findings of a rule in a binary file would be one.
#[derive(Serialize)]
struct PartialFingerprints {
    #[serde(rename = "primaryLocationLineHash")]
    line_hash: String,
    #[serde(rename = "fickgate/v1")]
    fickgate: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<LogicalLocation>,
}

impl Location {
    fn of(finding: &Finding) -> Location {
        let in_file = finding.member.is_empty();
        let logical = LogicalLocation {
            fully_qualified_name: escape::terminal(&finding.member).into_owned(),
            kind: "member",
        };
        Location {
            physical_location: PhysicalLocation {
                artifact_location: ArtifactLocation { uri: escape::uri(finding.path.as_bytes()) },
                // An offset in a member says nothing about the file; it is among the properties.
                region: Some(Region {
                    start_line: finding.line(),
                    byte_offset: finding.offset.filter(|_| in_file),
                }),
            },
            logical_locations: if in_file { Vec::new() } else { vec![logical] },
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Serialize)]
struct ArtifactLocation {
    uri: String,
}

/// A binary file has no lines; GitHub wants one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    byte_offset: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation {
    fully_qualified_name: String,
    kind: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    level: &'static str,
    message: Text,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<Location>,
}

/// What was not scanned, and what did not fit.
fn notifications(outcome: &Outcome, left_out: usize) -> Vec<Notification> {
    let at = |path: &fickgate_engine::path::BlobPath| {
        vec![Location {
            physical_location: PhysicalLocation {
                artifact_location: ArtifactLocation { uri: escape::uri(path.as_bytes()) },
                region: None,
            },
            logical_locations: Vec::new(),
        }]
    };
    let note = |level: Level, text| Notification {
        level: level.as_str(),
        message: Text { text },
        locations: Vec::new(),
    };
    let mut notifications = Vec::new();
    for notice in outcome.notices.iter().take(NOTIFICATIONS) {
        notifications.push(note(Level::Note, plain(notice)));
    }
    for failure in outcome.failures.iter().take(NOTIFICATIONS) {
        let text = format!("could not be read: {}", plain(&failure.message));
        notifications.push(Notification { locations: at(&failure.path), ..note(Level::Error, text) });
    }
    for skipped in outcome.skipped.iter().take(NOTIFICATIONS) {
        let text = format!("skipped: {}", plain(&skipped.reason.to_string()));
        notifications.push(Notification { locations: at(&skipped.path), ..note(Level::Note, text) });
    }
    let unnamed = outcome.failures.len().saturating_sub(NOTIFICATIONS)
        + outcome.skipped.len().saturating_sub(NOTIFICATIONS);
    if unnamed > 0 {
        notifications.push(note(Level::Error, format!("{unnamed} more files were skipped or not read")));
    }
    if left_out > 0 {
        notifications.push(note(Level::Error, format!("{left_out} more findings are in the log of the run")));
    }
    notifications
}

/// Plain text in which nothing is a link: SARIF reads `[text](target)` in messages as one.
fn plain(text: &str) -> String {
    escape::terminal_cut(text, SENTENCE).replace("](", "]\u{20}(")
}
