//! One stable, versioned JSON document. Its schema is `docs/report.schema.json`.
//!
//! Keys are only ever added under one `schema` number; one that has no value is `null`.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

use crate::outcome::{Outcome, ReadFailure, Reason as Why, Skipped};
use fickgate_engine::escape;
use fickgate_engine::finding::{Finding, Reason};
use fickgate_engine::path::BlobPath;
use fickgate_engine::rule::Level;

/// Version of the document.
pub(super) const SCHEMA: u32 = 1;

pub(super) fn write(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let document = Document {
        schema: SCHEMA,
        findings: outcome.findings.iter().map(JsonFinding::of).collect(),
        skipped: outcome.skipped.iter().map(JsonSkipped::of).collect(),
        failures: outcome.failures.iter().map(JsonFailure::of).collect(),
        notices: &outcome.notices,
        summary: Summary::of(outcome),
        shard: JsonShard::of(outcome),
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

/// The same on one line.
pub(super) fn to_line(document: &impl Serialize, mut out: &mut dyn Write) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, Harmless(CompactFormatter));
    document.serialize(&mut serializer)?;
    writeln!(out)
}

#[derive(Serialize)]
struct Document<'o> {
    schema: u32,
    findings: Vec<JsonFinding<'o>>,
    skipped: Vec<JsonSkipped<'o>>,
    failures: Vec<JsonFailure<'o>>,
    notices: &'o [String],
    summary: Summary,
    shard: Option<JsonShard<'o>>,
}

#[derive(Serialize)]
pub(super) struct JsonFinding<'o> {
    rule: &'static str,
    level: &'static str,
    #[serde(flatten)]
    path: JsonPath,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<&'o str>,
    member: &'o str,
    offset: Option<u64>,
    import: Option<&'o str>,
    reason: Option<&'static str>,
    message: &'o str,
    help: Option<&'o str>,
    entry: Option<JsonEntry<'o>>,
    snippet: Option<JsonSnippet<'o>>,
}

impl<'o> JsonFinding<'o> {
    pub(super) fn of(finding: &'o Finding) -> Self {
        JsonFinding {
            rule: finding.rule.id(),
            level: finding.level.as_str(),
            path: JsonPath::of(&finding.path),
            commit: finding.commit.as_deref(),
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
            snippet: finding.snippet.as_ref().map(|snippet| JsonSnippet {
                lines: snippet.lines.iter().map(|l| JsonLine { offset: l.offset, text: &l.text }).collect(),
                marked: snippet.marked,
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

/// Decompiled lines, and the index of the one that is meant.
#[derive(Serialize)]
struct JsonSnippet<'o> {
    lines: Vec<JsonLine<'o>>,
    marked: usize,
}

#[derive(Serialize)]
struct JsonLine<'o> {
    offset: u64,
    text: &'o str,
}

#[derive(Serialize)]
pub(super) struct JsonSkipped<'o> {
    #[serde(flatten)]
    path: JsonPath,
    reason: String,
    kind: &'static str,
    by: Option<JsonBy<'o>>,
}

/// The line of a policy that decided.
#[derive(Serialize)]
struct JsonBy<'o> {
    layer: &'static str,
    source: &'o str,
    line: usize,
}

impl<'o> JsonSkipped<'o> {
    pub(super) fn of(skipped: &'o Skipped) -> Self {
        let (kind, by) = match &skipped.reason {
            Why::NoFile(_) | Why::Told(_) => ("no-file", None),
            Why::Excluded { by } => ("excluded", Some(by)),
            Why::Accepted { by } => ("accepted", Some(by)),
        };
        JsonSkipped {
            path: JsonPath::of(&skipped.path),
            reason: skipped.reason.to_string(),
            kind,
            by: by.map(|by| JsonBy { layer: by.layer.as_str(), source: &by.source, line: by.line }),
        }
    }
}

#[derive(Serialize)]
pub(super) struct JsonFailure<'o> {
    #[serde(flatten)]
    path: JsonPath,
    message: &'o str,
}

impl<'o> JsonFailure<'o> {
    pub(super) fn of(failure: &'o ReadFailure) -> Self {
        JsonFailure { path: JsonPath::of(&failure.path), message: &failure.message }
    }
}

/// Which part of a run the document is of.
#[derive(Serialize)]
pub(super) struct JsonShard<'o> {
    index: u32,
    count: u32,
    entries: u64,
    run: &'o str,
    unless_elsewhere: Vec<JsonFinding<'o>>,
}

impl<'o> JsonShard<'o> {
    pub(super) fn of(outcome: &'o Outcome) -> Option<Self> {
        let sharding = outcome.sharding.as_ref()?;
        Some(JsonShard {
            index: sharding.shard.index.get(),
            count: sharding.shard.count.get(),
            entries: sharding.entries,
            run: &sharding.run,
            unless_elsewhere: outcome.unless_elsewhere.iter().map(JsonFinding::of).collect(),
        })
    }
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
pub(super) struct Summary {
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

impl Summary {
    pub(super) fn of(outcome: &Outcome) -> Summary {
        Summary {
            blobs: outcome.tally.blobs,
            streams: outcome.tally.streams,
            imports: outcome.tally.imports,
            findings: outcome.findings.len(),
            errors: outcome.count(Level::Error),
            warnings: outcome.count(Level::Warning),
            notes: outcome.count(Level::Note),
            skipped: outcome.skipped.len(),
            failures: outcome.failures.len(),
        }
    }
}

/// A formatter whose strings are [`escape::json`].
struct Harmless<F>(F);

impl<F: Formatter> Formatter for Harmless<F> {
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
