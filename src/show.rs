//! `fickgate policy show`: everything that is in force, and where each line of it stands.

use std::io::{self, Write};

use serde::Serialize;

use crate::report::json;
use fickgate_engine::escape;
use fickgate_engine::policy::file::Extends;
use fickgate_engine::policy::{self, Entry, Policy};

/// The JSON Schema of a policy file.
pub const SCHEMA: &str = include_str!("../docs/policy.schema.json");

/// Version of the JSON document.
const VERSION: u32 = 1;

/// Writes the entries file by file, the layers that win first.
pub fn write_human(policy: &Policy, out: &mut dyn Write) -> io::Result<()> {
    let extends = policy.extends();
    if *extends != Extends::default() {
        let lists = if extends.lists.is_empty() { "none".to_owned() } else { extends.lists.join(", ") };
        let risk = if extends.native_memory { "" } else { ", without entries at risk of native memory" };
        writeln!(out, "extends  {lists}{risk}")?;
    }
    if let Some(by) = policy.no_pickles() {
        writeln!(out, "pickles  none  {}", place(&by.source, Some(by.line)))?;
    }
    for set in policy.levels() {
        let place = place(&set.source, Some(set.line));
        writeln!(out, "level    {}: {}  {place}", set.rule, set.level.as_str())?;
    }
    for deny in policy.denied() {
        let place = place(&deny.source, deny.line);
        writeln!(out, "deny     {}  {place}", escape::terminal(&deny.pattern.to_string()))?;
    }
    for pin in policy.pins() {
        let path = pin.path.as_deref().unwrap_or("any path");
        let hash: String = policy::hex(&pin.sha256).chars().take(12).collect();
        let place = place(&pin.source, Some(pin.line));
        writeln!(out, "accept   {} (sha256 {hash}…)  {place}", escape::terminal(path))?;
    }
    for exclude in policy.excludes() {
        let place = place(&exclude.source, Some(exclude.line));
        writeln!(out, "exclude  {}  {place}", escape::terminal(&exclude.glob))?;
    }
    let mut source = None;
    let mut count = 0u64;
    let mut entries: Vec<&Entry> = policy.all().collect();
    entries.sort_by(|a, b| (b.layer, &a.source, a.line).cmp(&(a.layer, &b.source, b.line)));
    for entry in entries {
        if source != Some(&entry.source) {
            source = Some(&entry.source);
            writeln!(out, "\n{} ({})", escape::terminal(&entry.source), entry.layer.as_str())?;
        }
        let line = entry.line.map_or_else(String::new, |line| line.to_string());
        write!(out, "{line:>6}  {}  [{}]", escape::terminal(&entry.import()), entry.uses.words().join(", "))?;
        for note in notes(policy, entry) {
            write!(out, "  {}", escape::terminal(&note))?;
        }
        writeln!(out)?;
        count += 1;
    }
    writeln!(out, "\n{count} entries")
}

/// What narrows an entry or takes it away.
fn notes(policy: &Policy, entry: &Entry) -> Vec<String> {
    let mut notes = Vec::new();
    notes.extend(entry.guard.map(|guard| format!("guard {}", guard.as_str())));
    notes.extend(entry.risk.map(|risk| format!("risk {}", risk.as_str())));
    notes.extend(entry.container.map(|_| "in TorchScript archives only".to_owned()));
    if let Some(bounds) = &entry.bounds {
        if !bounds.paths.is_empty() {
            notes.push(format!("for {}", bounds.paths.join(", ")));
        }
        notes.extend(bounds.expires.map(|day| match day < policy.today() {
            true => format!("EXPIRED {day}"),
            false => format!("until {day}"),
        }));
    }
    if let Some(deny) = policy.denied().iter().find(|d| d.pattern.matches(&entry.module, &entry.name)) {
        notes.push(format!("DENIED by {}", place(&deny.source, deny.line)));
    }
    notes
}

#[derive(Serialize)]
struct Document<'p> {
    schema: u32,
    extends: ExtendsRow<'p>,
    pickles: Option<PicklesRow<'p>>,
    levels: Vec<LevelRow<'p>>,
    entries: Vec<Row<'p>>,
    deny: Vec<DenyRow<'p>>,
    files: Vec<PinRow<'p>>,
    exclude: Vec<ExcludeRow<'p>>,
}

#[derive(Serialize)]
struct ExtendsRow<'p> {
    lists: &'p [&'static str],
    native_memory: bool,
}

/// The line that refuses every pickle.
#[derive(Serialize)]
struct PicklesRow<'p> {
    allowed: &'static str,
    layer: &'static str,
    source: &'p str,
    line: usize,
}

#[derive(Serialize)]
struct LevelRow<'p> {
    rule: &'static str,
    level: &'static str,
    layer: &'static str,
    source: &'p str,
    line: usize,
}

#[derive(Serialize)]
struct Row<'p> {
    import: String,
    kind: &'static str,
    r#use: Vec<&'static str>,
    guard: Option<&'static str>,
    risk: Option<&'static str>,
    paths: &'p [String],
    expires: Option<String>,
    layer: &'static str,
    source: &'p str,
    line: Option<usize>,
    reason: &'p str,
}

#[derive(Serialize)]
struct DenyRow<'p> {
    import: String,
    layer: &'static str,
    source: &'p str,
    line: Option<usize>,
}

#[derive(Serialize)]
struct PinRow<'p> {
    sha256: String,
    path: Option<&'p str>,
    expires: Option<String>,
    layer: &'static str,
    source: &'p str,
    line: usize,
    reason: &'p str,
}

#[derive(Serialize)]
struct ExcludeRow<'p> {
    glob: &'p str,
    layer: &'static str,
    source: &'p str,
    line: usize,
}

/// Writes one JSON document: `schema`, `extends`, `pickles`, `levels`, `entries`, `deny`, `files`, `exclude`.
pub fn write_json(policy: &Policy, out: &mut dyn Write) -> io::Result<()> {
    let entries = policy.all().map(|entry| Row {
        import: entry.import(),
        kind: entry.kind.as_str(),
        r#use: entry.uses.words(),
        guard: entry.guard.map(|guard| guard.as_str()),
        risk: entry.risk.map(|risk| risk.as_str()),
        paths: entry.bounds.as_ref().map_or(&[], |bounds| &bounds.paths),
        expires: entry.bounds.as_ref().and_then(|bounds| bounds.expires).map(|day| day.to_string()),
        layer: entry.layer.as_str(),
        source: &entry.source,
        line: entry.line,
        reason: &entry.reason,
    });
    let document = Document {
        schema: VERSION,
        extends: ExtendsRow { lists: &policy.extends().lists, native_memory: policy.extends().native_memory },
        pickles: policy.no_pickles().map(|by| PicklesRow {
            allowed: "none",
            layer: by.layer.as_str(),
            source: &by.source,
            line: by.line,
        }),
        levels: policy
            .levels()
            .iter()
            .map(|set| LevelRow {
                rule: set.rule.id(),
                level: set.level.as_str(),
                layer: set.layer.as_str(),
                source: &set.source,
                line: set.line,
            })
            .collect(),
        entries: entries.collect(),
        deny: policy
            .denied()
            .iter()
            .map(|deny| DenyRow {
                import: deny.pattern.to_string(),
                layer: deny.layer.as_str(),
                source: &deny.source,
                line: deny.line,
            })
            .collect(),
        files: policy
            .pins()
            .iter()
            .map(|pin| PinRow {
                sha256: policy::hex(&pin.sha256),
                path: pin.path.as_deref(),
                expires: pin.expires.map(|day| day.to_string()),
                layer: pin.layer.as_str(),
                source: &pin.source,
                line: pin.line,
                reason: &pin.reason,
            })
            .collect(),
        exclude: policy
            .excludes()
            .iter()
            .map(|e| ExcludeRow { glob: &e.glob, layer: e.layer.as_str(), source: &e.source, line: e.line })
            .collect(),
    };
    json::to_writer(&document, out)
}

/// `file:line`.
pub fn place(source: &str, line: Option<usize>) -> String {
    let source = escape::terminal(source);
    line.map_or_else(|| source.to_string(), |line| format!("{source}:{line}"))
}
