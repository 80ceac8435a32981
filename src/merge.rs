//! Reports of several runs, read back and put together: of all parts of one run, or of runs that have nothing in common.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use serde::Deserialize;

use crate::outcome::{Outcome, PolicyLine, ReadFailure, Reason, Sharding, Skipped, Tally};
use crate::source::Shard;
use fickgate_engine::error::{Error, Result};
use fickgate_engine::escape;
use fickgate_engine::finding::{EntryRef, EntryRole, Finding, Reason as Kind, Snippet, SnippetLine};
use fickgate_engine::path::BlobPath;
use fickgate_engine::policy::Layer;
use fickgate_engine::rule::{Level, Rule};

/// Version of the documents that are read.
const SCHEMA: u32 = 1;
/// Longest report that is read, in bytes.
const LONGEST: u64 = 1 << 30;

/// Reads the reports, and makes one outcome of them: what one run over all of it had come to.
///
/// # Errors
/// A report that cannot be read, is no report, or was broken off; a part of a run that is missing, or is there twice and
/// not the same.
pub fn merge(reports: &[impl AsRef<Path>]) -> Result<Outcome> {
    let mut merged = Outcome::default();
    let mut runs: BTreeMap<(String, u32), Run> = BTreeMap::new();
    for file in reports {
        let read = read(file.as_ref())?;
        match &read.sharding {
            None => add(&mut merged, read),
            Some(Sharding { shard, entries, run }) => {
                let run = runs
                    .entry((run.clone(), shard.count.get()))
                    .or_insert_with(|| Run { entries: *entries, ..Run::default() });
                run.take(shard.index.get(), read, file.as_ref())?;
            }
        }
    }
    for ((_, count), run) in runs {
        add(&mut merged, run.whole(count)?);
    }
    merged.findings.sort_by(|a, b| (&a.path, a.rule).cmp(&(&b.path, b.rule)));
    merged.skipped.sort_by(|a, b| a.path.cmp(&b.path));
    merged.failures.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(merged)
}

/// Takes in what another report says. What both say about how files were found is said once.
fn add(merged: &mut Outcome, more: Outcome) {
    merged.findings.extend(more.findings);
    merged.skipped.extend(more.skipped);
    merged.failures.extend(more.failures);
    let new: Vec<String> =
        more.notices.into_iter().filter(|notice| !merged.notices.contains(notice)).collect();
    merged.notices.extend(new);
    merged.tally.add(&more.tally);
}

/// The parts of one run that were read.
#[derive(Default)]
struct Run {
    entries: u64,
    parts: BTreeMap<u32, (Outcome, String)>,
}

impl Run {
    fn take(&mut self, index: u32, part: Outcome, file: &Path) -> Result<()> {
        let file = escape::terminal(&file.to_string_lossy()).into_owned();
        if let Some((known, other)) = self.parts.get(&index) {
            let told = |part: &Outcome| {
                format!("{:?}", (&part.findings, &part.skipped, &part.failures, &part.tally))
            };
            if told(known) != told(&part) {
                return Err(Error::new(format!(
                    "{other} and {file} are the same shard, and say different things"
                ))
                .remedy("the files have changed in between: scan all shards again"));
            }
            return Ok(());
        }
        self.parts.insert(index, (part, file));
        Ok(())
    }

    fn whole(self, count: u32) -> Result<Outcome> {
        let missing: Vec<u32> = (1..=count).filter(|index| !self.parts.contains_key(index)).collect();
        if let Some(first) = missing.first() {
            let shown: Vec<String> = missing.iter().take(10).map(u32::to_string).collect();
            let more = if missing.len() > shown.len() { " and more" } else { "" };
            let message = format!(
                "of {count} shards over {} entries {} are missing: {}{more}",
                self.entries,
                missing.len(),
                shown.join(", ")
            );
            return Err(Error::new(message).remedy(format!(
                "scan the same files with --shard {first}/{count}; shards of other files, or of another version of \
                 fickgate, are no part of the run"
            )));
        }
        let mut whole = Outcome::default();
        let mut parts = self.parts.into_values().map(|(part, _)| part);
        let mut unused = parts.next().map(|mut first| {
            let unused = std::mem::take(&mut first.unless_elsewhere);
            add(&mut whole, first);
            unused
        });
        for mut part in parts {
            let here = std::mem::take(&mut part.unless_elsewhere);
            if let Some(unused) = &mut unused {
                unused.retain(|finding| here.iter().any(|other| other.key() == finding.key()));
            }
            // Each part finds that the repository has a module which the list relies on.
            let known: Vec<&Finding> =
                whole.findings.iter().filter(|f| f.rule == Rule::ShadowedModule).collect();
            part.findings
                .retain(|f| f.rule != Rule::ShadowedModule || !known.iter().any(|k| k.key() == f.key()));
            add(&mut whole, part);
        }
        whole.findings.extend(unused.unwrap_or_default());
        Ok(whole)
    }
}

/// Reads one report, in either format.
fn read(file: &Path) -> Result<Outcome> {
    let name = escape::terminal(&file.to_string_lossy()).into_owned();
    let unread = |error: std::io::Error| {
        Error::new(format!("cannot read the report {name}: {error}"))
            .remedy("give it files that fickgate --format json or --format jsonl wrote")
    };
    let mut text = String::new();
    match file.as_os_str() == "-" {
        true => std::io::stdin().lock().take(LONGEST).read_to_string(&mut text).map_err(unread)?,
        false => std::fs::File::open(file)
            .and_then(|file| file.take(LONGEST).read_to_string(&mut text))
            .map_err(unread)?,
    };
    let first = text.lines().next().unwrap_or_default();
    let report = match serde_json::from_str::<Line>(first) {
        Ok(_) => of_lines(&text),
        Err(_) => serde_json::from_str(&text).map_err(|error| error.to_string()),
    };
    report.and_then(|report: Report| report.outcome()).map_err(|why| {
        Error::new(format!("{name} is no whole report of fickgate: {why}")).remedy(
            "give it what fickgate --format json or --format jsonl wrote, from a run that came to its end",
        )
    })
}

fn of_lines(text: &str) -> std::result::Result<Report, String> {
    let mut report = Report::default();
    let mut ended = false;
    for (at, line) in text.lines().enumerate() {
        if ended {
            return Err(format!("line {}: something stands behind the summary", at + 1));
        }
        let line = serde_json::from_str(line).map_err(|error| format!("line {}: {error}", at + 1))?;
        match line {
            Line::Finding(finding) => report.findings.push(*finding),
            Line::Skipped(skipped) => report.skipped.push(skipped),
            Line::Failure(failure) => report.failures.push(failure),
            Line::Notice { message } => report.notices.push(message),
            Line::Summary { schema, summary, shard } => {
                (report.schema, report.summary, report.shard, ended) = (schema, summary, shard, true);
            }
        }
    }
    if ended {
        Ok(report)
    } else {
        Err("its last line, the summary, is missing: the run was broken off".to_owned())
    }
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line {
    Finding(Box<Found>),
    Skipped(LeftOut),
    Failure(Failed),
    Notice {
        message: String,
    },
    Summary {
        schema: u32,
        #[serde(flatten)]
        summary: Counts,
        shard: Option<Box<PartOf>>,
    },
}

#[derive(Default, Deserialize)]
struct Report {
    schema: u32,
    findings: Vec<Found>,
    skipped: Vec<LeftOut>,
    failures: Vec<Failed>,
    notices: Vec<String>,
    summary: Counts,
    shard: Option<Box<PartOf>>,
}

#[derive(Default, Deserialize)]
struct Counts {
    blobs: u64,
    streams: u64,
    imports: u64,
    findings: usize,
    skipped: usize,
    failures: usize,
}

#[derive(Deserialize)]
struct PartOf {
    index: u32,
    count: u32,
    entries: u64,
    run: String,
    unless_elsewhere: Vec<Found>,
}

#[derive(Deserialize)]
struct Named {
    path: String,
    path_hex: Option<String>,
}

#[derive(Deserialize)]
struct Found {
    rule: String,
    level: String,
    #[serde(flatten)]
    path: Named,
    commit: Option<String>,
    member: String,
    offset: Option<u64>,
    import: Option<String>,
    reason: Option<String>,
    message: String,
    help: Option<String>,
    entry: Option<Entry>,
    snippet: Option<Lines>,
}

#[derive(Deserialize)]
struct Entry {
    role: String,
    import: String,
    layer: String,
    source: String,
    line: Option<usize>,
}

#[derive(Deserialize)]
struct Lines {
    lines: Vec<Decompiled>,
    marked: usize,
}

#[derive(Deserialize)]
struct Decompiled {
    offset: u64,
    text: String,
}

#[derive(Deserialize)]
struct LeftOut {
    #[serde(flatten)]
    path: Named,
    reason: String,
    kind: String,
    by: Option<Decided>,
}

#[derive(Deserialize)]
struct Decided {
    layer: String,
    source: String,
    line: usize,
}

#[derive(Deserialize)]
struct Failed {
    #[serde(flatten)]
    path: Named,
    message: String,
}

type Read<T> = std::result::Result<T, String>;

/// A word of another version.
fn unknown(what: &str, word: &str) -> String {
    format!("the {what} `{}` is not known to this version", escape::terminal(word))
}

fn layer(word: &str) -> Read<Layer> {
    let all = [Layer::BuiltIn, Layer::Repository, Layer::CommandLine];
    all.into_iter().find(|layer| layer.as_str() == word).ok_or_else(|| unknown("layer", word))
}

impl Report {
    fn outcome(self) -> Read<Outcome> {
        if self.schema != SCHEMA {
            return Err(format!("it is of schema {}, and this version reads {SCHEMA}", self.schema));
        }
        let counts = &self.summary;
        if (counts.findings, counts.skipped, counts.failures)
            != (self.findings.len(), self.skipped.len(), self.failures.len())
        {
            return Err("its summary counts something else than it has".to_owned());
        }
        let mut outcome = Outcome {
            findings: self.findings.into_iter().map(Found::finding).collect::<Read<_>>()?,
            skipped: self.skipped.into_iter().map(LeftOut::skipped).collect::<Read<_>>()?,
            failures: self.failures.into_iter().map(Failed::failure).collect::<Read<_>>()?,
            notices: self.notices,
            tally: Tally { blobs: counts.blobs, streams: counts.streams, imports: counts.imports },
            ..Outcome::default()
        };
        if let Some(part) = self.shard {
            let shard = Shard::new(part.index, part.count)
                .ok_or_else(|| format!("there is no shard {}/{}", part.index, part.count))?;
            outcome.sharding = Some(Sharding { shard, entries: part.entries, run: part.run });
            outcome.unless_elsewhere =
                part.unless_elsewhere.into_iter().map(Found::finding).collect::<Read<_>>()?;
        }
        Ok(outcome)
    }
}

impl Named {
    fn path(self) -> Read<BlobPath> {
        let Some(hex) = self.path_hex else { return Ok(BlobPath::new(self.path)) };
        let digits = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
        let bytes = digits.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect::<Option<Vec<u8>>>();
        bytes
            .map(BlobPath::new)
            .ok_or_else(|| format!("`{}` is no path in hexadecimal", escape::terminal(&hex)))
    }
}

impl Found {
    fn finding(self) -> Read<Finding> {
        let levels = [Level::Error, Level::Warning, Level::Note];
        let rule = Rule::ALL.iter().find(|rule| rule.id() == self.rule);
        let level = levels.into_iter().find(|level| level.as_str() == self.level);
        let reason = self.reason.map(|word| Kind::from_word(&word).ok_or_else(|| unknown("reason", &word)));
        let snippet = self.snippet.filter(|snippet| snippet.marked < snippet.lines.len());
        Ok(Finding {
            rule: *rule.ok_or_else(|| unknown("rule", &self.rule))?,
            level: level.ok_or_else(|| unknown("level", &self.level))?,
            path: self.path.path()?,
            commit: self.commit.filter(|id| id.bytes().all(|b| b.is_ascii_hexdigit())),
            member: self.member,
            offset: self.offset,
            import: self.import,
            reason: reason.transpose()?,
            message: self.message,
            help: self.help,
            entry: self.entry.map(Entry::entry).transpose()?,
            snippet: snippet.map(|snippet| Snippet {
                marked: snippet.marked,
                lines: snippet.lines.into_iter().map(Decompiled::line).collect(),
            }),
        })
    }
}

impl Entry {
    fn entry(self) -> Read<EntryRef> {
        let roles = [EntryRole::Near, EntryRole::FallsShort, EntryRole::Refuses, EntryRole::Concerns];
        let role = roles.into_iter().find(|role| role.as_str() == self.role);
        Ok(EntryRef {
            role: role.ok_or_else(|| unknown("role", &self.role))?,
            import: self.import,
            layer: layer(&self.layer)?.as_str(),
            source: self.source,
            line: self.line,
        })
    }
}

impl Decompiled {
    /// Made harmless once more: who wrote the report is not known.
    fn line(self) -> SnippetLine {
        SnippetLine { offset: self.offset, text: escape::terminal(&self.text).into_owned() }
    }
}

impl LeftOut {
    fn skipped(self) -> Read<Skipped> {
        let by = self.by.map(|by| {
            Ok::<_, String>(PolicyLine { source: by.source, line: by.line, layer: layer(&by.layer)? })
        });
        let reason = match (self.kind.as_str(), by.transpose()?) {
            ("excluded", Some(by)) => Reason::Excluded { by },
            ("accepted", Some(by)) => Reason::Accepted { by },
            ("no-file", None) => Reason::Told(self.reason),
            _ => return Err(unknown("kind of skipped file", &self.kind)),
        };
        Ok(Skipped { path: self.path.path()?, reason })
    }
}

impl Failed {
    fn failure(self) -> Read<ReadFailure> {
        Ok(ReadFailure { path: self.path.path()?, message: self.message })
    }
}
