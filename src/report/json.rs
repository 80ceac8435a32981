//! One stable, versioned JSON document. Its schema is `docs/report.schema.json`.
//!
//! Keys are only ever added under one `schema` number; one that has no value is `null`.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter};

use crate::outcome::Outcome;
use fickgate_engine::escape;
use fickgate_engine::finding::{Finding, Reason};
use fickgate_engine::path::BlobPath;
use fickgate_engine::rule::Level;

/// Version of the document.
const SCHEMA: u32 = 1;

pub(super) fn write(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let document = Document {
        schema: SCHEMA,
        findings: outcome.findings.iter().map(JsonFinding::of).collect(),
        skipped: outcome
            .skipped
            .iter()
            .map(|s| JsonSkipped { path: JsonPath::of(&s.path), reason: s.reason.to_string() })
            .collect(),
        failures: outcome
            .failures
            .iter()
            .map(|f| JsonFailure { path: JsonPath::of(&f.path), message: &f.message })
            .collect(),
        notices: &outcome.notices,
        summary: Summary {
            blobs: outcome.tally.blobs,
            streams: outcome.tally.streams,
            imports: outcome.tally.imports,
            findings: outcome.findings.len(),
            errors: outcome.count(Level::Error),
            warnings: outcome.count(Level::Warning),
            notes: outcome.count(Level::Note),
            skipped: outcome.skipped.len(),
            failures: outcome.failures.len(),
        },
    };
    to_writer(&document, out)
}

/// Serialises `document` with two spaces of indent and a line feed at the end. Strings keep every
/// character, and have nothing in them that a terminal or a runner would obey.
pub fn to_writer(document: &impl Serialize, mut out: &mut dyn Write) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, Harmless(PrettyFormatter::new()));
    document.serialize(&mut serializer)?;
    writeln!(out)
}

#[derive(Serialize)]
struct Document<'o> {
    schema: u32,
    findings: Vec<JsonFinding<'o>>,
    skipped: Vec<JsonSkipped>,
    failures: Vec<JsonFailure<'o>>,
    notices: &'o [String],
    summary: Summary,
}

#[derive(Serialize)]
struct JsonFinding<'o> {
    rule: &'static str,
    level: &'static str,
    #[serde(flatten)]
    path: JsonPath,
    member: &'o str,
    offset: Option<u64>,
    import: Option<&'o str>,
    reason: Option<&'static str>,
    message: &'o str,
    help: Option<&'o str>,
    entry: Option<JsonEntry<'o>>,
}

impl<'o> JsonFinding<'o> {
    fn of(finding: &'o Finding) -> Self {
        JsonFinding {
            rule: finding.rule.id(),
            level: finding.level.as_str(),
            path: JsonPath::of(&finding.path),
            member: &finding.member,
            offset: finding.offset,
            import: finding.import.as_deref(),
            reason: finding.reason.map(Reason::as_str),
            message: &finding.message,
            help: finding.help.as_deref(),
            entry: finding.entry.as_ref().map(|e| JsonEntry {
                role: e.role.as_str(),
                import: &e.import,
                layer: e.layer,
                source: &e.source,
                line: e.line,
            }),
        }
    }
}

#[derive(Serialize)]
struct JsonEntry<'o> {
    role: &'static str,
    import: &'o str,
    layer: &'o str,
    source: &'o str,
    line: Option<usize>,
}

#[derive(Serialize)]
struct JsonSkipped {
    #[serde(flatten)]
    path: JsonPath,
    reason: String,
}

#[derive(Serialize)]
struct JsonFailure<'o> {
    #[serde(flatten)]
    path: JsonPath,
    message: &'o str,
}

/// A path: as it is where it is UTF-8, otherwise with `\xNN` for the other bytes, and all bytes in
/// hexadecimal beside it.
#[derive(Serialize)]
struct JsonPath {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
}

impl JsonPath {
    fn of(path: &BlobPath) -> JsonPath {
        let bytes = path.as_bytes();
        let is_text = std::str::from_utf8(bytes).is_ok();
        JsonPath {
            path: escape::lossless(bytes).into_owned(),
            path_hex: (!is_text).then(|| bytes.iter().map(|b| format!("{b:02x}")).collect()),
        }
    }
}

#[derive(Serialize)]
struct Summary {
    blobs: u64,
    streams: u64,
    imports: u64,
    findings: usize,
    errors: usize,
    warnings: usize,
    notes: usize,
    skipped: usize,
    failures: usize,
}

/// [`PrettyFormatter`] whose strings are [`escape::json`].
struct Harmless(PrettyFormatter<'static>);

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, mut out: &mut W, text: &str) -> io::Result<()> {
        escape::json(text, &mut out)
    }
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }
    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }
    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }
    fn end_array_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }
    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }
    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }
    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }
    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }
    fn end_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }
}
