//! Turns `allowlists/*.yaml` into a sorted table, so that a run parses none of them.
//!
//! A list that says something wrong does not build: unknown keys, an import listed twice, a name both
//! listed and refused.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

#[path = "build/lists.rs"]
mod lists;
#[path = "build/methods.rs"]
mod methods;
#[path = "build/triggers.rs"]
mod triggers;

// The words of entries, from the files that the engine has them from.
#[allow(dead_code)]
#[path = "src/loader.rs"]
mod loader;
#[allow(dead_code)]
#[path = "src/policy"]
mod policy {
    pub mod guard;
    pub mod slot;
    pub mod tree;
    pub mod trigger;
    pub mod words;
}
#[path = "src/words.rs"]
mod words;

use lists::Allow;
use loader::Loader;
use methods::Methods;
use policy::guard::Guard;
use policy::slot;
use policy::words::{Criterion, Kind, Risk, Uses};
use triggers::{Hooks, Said, Touched};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=build");
    let folder = allowlists(Path::new(&env::var("CARGO_MANIFEST_DIR")?));
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut names = Vec::new();
    for file in fs::read_dir(&folder)? {
        let name = file?.file_name().into_string().map_err(|n| format!("{} is not UTF-8", n.display()))?;
        if name.ends_with(".yaml") && !matches!(name.as_str(), "refused.yaml" | "hooks.yaml") {
            names.push(name);
        }
    }
    names.sort();

    let facts = triggers::facts(&fs::read_to_string(folder.join("facts.tsv")).unwrap_or_default())?;
    let hooks = match fs::read_to_string(folder.join("hooks.yaml")) {
        Ok(text) => triggers::hooks(&text)?,
        Err(_) => Hooks::default(),
    };
    let methods = Methods::read(&fs::read_to_string(folder.join("methods.tsv")).unwrap_or_default())?;
    let mut touched = Touched::default();
    let mut out = String::new();
    let mut entries = BTreeMap::new();
    let mut lists = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let source = format!("allowlists/{name}");
        let text = fs::read_to_string(folder.join(name))?;
        let list = lists::list(&text, &source)?;
        lists.push(list.core);
        for allow in &list.allow {
            let line = allow.line;
            let at = format!("{source}:{line}");
            let facts = facts.get(&allow.import);
            let row = row(allow, index, line)
                .and_then(|row| row.with_triggers(allow, facts, &hooks, &mut touched))
                .map_err(|e| format!("{at}: {}: {e}", allow.import))?;
            let key = split(&allow.import).map_err(|e| format!("{at}: {e}"))?;
            let row = row.with_methods(&methods.of(&key.0, &key.1));
            if let Some((_, other)) = entries.insert(key, (row, at.clone())) {
                return Err(format!("{at}: {} is listed at {other} already", allow.import).into());
            }
        }
    }

    let text = fs::read_to_string(folder.join("refused.yaml"))?;
    let mut refused = BTreeMap::new();
    for item in &lists::refused(&text, "allowlists/refused.yaml")? {
        let line = item.line;
        let at = format!("allowlists/refused.yaml:{line}");
        let key = split(&item.import).map_err(|e| format!("{at}: {e}"))?;
        if let Some((_, other)) = entries.get(&key) {
            return Err(format!("{at}: {} is listed at {other}", item.import).into());
        }
        let criterion = word(&item.criterion, Criterion::WORDS).map_err(|e| format!("{at}: {e}"))?;
        let why = item.why.trim();
        let row = (
            why.to_owned(),
            format!("criterion: Criterion::{criterion}, dangerous: {}, line: {line}", item.dangerous),
        );
        if refused.insert(key, row).is_some() {
            return Err(format!("{at}: {} is refused twice", item.import).into());
        }
    }

    let mut text = Text::default();
    writeln!(out, "static LISTS: [ListRow; {}] = [", names.len())?;
    for (name, core) in names.iter().zip(lists) {
        let source = text.place(&format!("allowlists/{name}"));
        let name = text.place(name.trim_end_matches(".yaml"));
        writeln!(out, "    ListRow {{ name: {name}, source: {source}, core: {core} }},")?;
    }
    writeln!(out, "];")?;
    writeln!(out, "static ROWS: [Row; {}] = [", entries.len())?;
    for ((module, name), (row, _)) in &entries {
        let (module, name, why) = (text.place(module), text.place(name), text.place(&row.why));
        let Row { columns, list, line, .. } = row;
        writeln!(
            out,
            "    Row {{ module: {module}, name: {name}, why: {why}, {columns}, list: {list}, line: {line} }},"
        )?;
    }
    writeln!(out, "];")?;
    write!(out, "{}", methods.tables(|name| text.place(name))?)?;
    let rows = touched.rows(|key| text.place(key));
    writeln!(out, "static TOUCHED: [(Slice, Shape, Slice); {}] = [{}];", rows.len(), rows.join(", "))?;
    writeln!(out, "static REFUSED: [RefusedRow; {}] = [", refused.len())?;
    for ((module, name), (why, columns)) in &refused {
        let (module, name, why) = (text.place(module), text.place(name), text.place(why));
        writeln!(out, "    RefusedRow {{ module: {module}, name: {name}, why: {why}, {columns} }},")?;
    }
    writeln!(out, "];")?;
    writeln!(out, "static SLOTS: [u16; slot::SLOTS] = {:?};", slots(entries.keys())?)?;
    writeln!(out, "const TEXT: &str = {:?};", text.all)?;
    let target = Path::new(&env::var("OUT_DIR")?).to_owned();
    fs::write(target.join("allowlists.rs"), out)?;
    Ok(())
}

/// The folder of the lists: beside this file in a package, where the link of the repository is a copy,
/// and beside the crate in a checkout without links, as on Windows.
fn allowlists(manifest: &Path) -> PathBuf {
    let own = manifest.join("allowlists");
    if own.is_dir() { own } else { manifest.join("../allowlists") }
}

/// The table by which imports are found: the number of each, in the first slot from its own on that was free.
fn slots<'k>(keys: impl ExactSizeIterator<Item = &'k (String, String)>) -> Result<Vec<u16>, Box<dyn Error>> {
    let mut slots = vec![slot::EMPTY; slot::SLOTS];
    if keys.len() * 2 > slots.len() {
        return Err("src/policy/slot.rs: twice as many slots are wanted".into());
    }
    for (place, (module, name)) in keys.enumerate() {
        let first = slot::first(module, name);
        let free = (first..).map(|at| at % slot::SLOTS).find(|at| slots[*at] == slot::EMPTY);
        slots[free.ok_or("no slot is free")?] = u16::try_from(place)?;
    }
    Ok(slots)
}

/// The strings of all rows in one: a pointer each would have to be relocated whenever fickgate starts.
#[derive(Default)]
struct Text {
    all: String,
    placed: BTreeMap<String, usize>,
}

impl Text {
    /// The place of this string, as an expression.
    fn place(&mut self, text: &str) -> String {
        let start = *self.placed.entry(text.to_owned()).or_insert_with(|| {
            self.all.push_str(text);
            self.all.len() - text.len()
        });
        format!("Slice({start}, {})", text.len())
    }
}

/// An entry, but for its import.
struct Row {
    why: String,
    /// The fields that are words of the code.
    columns: String,
    list: usize,
    line: usize,
}

impl Row {
    /// The same entry with the triggers it opens.
    fn with_triggers(
        mut self,
        allow: &Allow,
        facts: Option<&triggers::Row>,
        hooks: &Hooks,
        touched: &mut Touched,
    ) -> Result<Row, String> {
        let said = Said {
            kind: &allow.kind,
            uses: &uses_of(allow),
            guard: allow.guard.as_deref().map(|guard| word(guard, Guard::WORDS)).transpose()?,
            call: allow.call.as_ref(),
            create: allow.create.as_ref(),
            state: allow.state.as_ref(),
            items: allow.items.as_ref(),
            numbers: allow.numbers.as_deref(),
            inert: allow.inert,
            hash: allow.hash.as_deref(),
            del: allow.del.as_deref(),
            fresh: allow.fresh.as_deref(),
            hides: allow.hides.as_deref(),
            read: allow.read.as_deref(),
        };
        let triggers = triggers::resolve(&said, facts, hooks, touched)?;
        write!(self.columns, ", triggers: {triggers}").map_err(|e| e.to_string())?;
        Ok(self)
    }

    /// The same entry with the methods of its class.
    fn with_methods(mut self, class: &str) -> Row {
        self.columns += &format!(", class: {class}");
        self
    }
}

/// The uses that an entry permits, those of its kind where it does not say.
fn uses_of(allow: &Allow) -> Vec<String> {
    let of_kind: &[&str] = match allow.kind.as_str() {
        "class" => &["reference", "create", "state"],
        "function" => &["call"],
        "enum" => &["reference", "call"],
        _ => &["reference"],
    };
    allow.r#use.clone().unwrap_or_else(|| of_kind.iter().map(|word| (*word).to_owned()).collect())
}

fn row(allow: &Allow, list: usize, line: usize) -> Result<Row, String> {
    let kind = word(&allow.kind, Kind::WORDS)?;
    let uses = match &allow.r#use {
        None => format!("Kind::{kind}.default_uses()"),
        Some(words) if words.is_empty() => return Err("`use` is empty".into()),
        Some(words) => {
            let mut uses = "Uses::NONE".to_owned();
            for w in words {
                write!(uses, ".with(Uses::{})", use_of(w)?).map_err(|e| e.to_string())?;
            }
            uses
        }
    };
    let optional = |text: &Option<String>, words, path: &str| match text {
        None => Ok("None".to_owned()),
        Some(text) => word(text, words).map(|w| format!("Some({path}::{w})")),
    };
    let guard = optional(&allow.guard, Guard::WORDS, "Guard")?;
    let risk = optional(&allow.risk, Risk::WORDS, "Risk")?;
    let container = optional(&allow.container, Loader::WORDS, "Loader")?;
    if allow.why.trim().is_empty() {
        return Err("`why` is empty".into());
    }
    let columns =
        format!("kind: Kind::{kind}, uses: {uses}, guard: {guard}, risk: {risk}, container: {container}");
    Ok(Row { why: allow.why.trim().to_owned(), columns, list, line })
}

/// `module.name`, or `module:Outer.Inner`. In the list of refused imports `*` and `**` may end it.
fn split(import: &str) -> Result<(String, String), String> {
    let split = match import.split_once(':') {
        Some(split) => split,
        None => import.rsplit_once('.').ok_or_else(|| format!("{import:?} has no module"))?,
    };
    Ok((split.0.to_owned(), split.1.to_owned()))
}

/// The name of the use that a word of an entry stands for.
fn use_of(word: &str) -> Result<&'static str, String> {
    let known = |(uses, ..): &&(Uses, &str, &str)| *uses != Uses::CALL_RESULT;
    let words: Vec<_> = Uses::WORDS.iter().filter(known).map(|(_, word, name)| (*word, *name)).collect();
    self::word(word, &words)
}

fn word(text: &str, words: &[(&str, &'static str)]) -> Result<&'static str, String> {
    words
        .iter()
        .find(|(w, _)| *w == text)
        .map(|(_, variant)| *variant)
        .ok_or_else(|| format!("{text:?} is none of {:?}", words.iter().map(|(w, _)| *w).collect::<Vec<_>>()))
}
