//! What a refusal says to a person: why, what to do next, and which line of a policy decided.

use crate::facts::{Import, Loader, Stream, UseKind};
use crate::finding::{EntryRef, EntryRole, Reason};
use crate::policy::pattern::{self, Pattern};
use crate::policy::{Entry, Kind, Layer, Refusal, Uses};

/// Longest part of an import that a message repeats, in characters.
const SHOWN_IMPORT: usize = 200;

pub(super) fn message(import: &Import, used: UseKind, refusal: &Refusal<'_>) -> String {
    let name = cut(&import.dotted());
    let written = if (&import.raw_module, &import.raw_name) == (&import.module, &import.name) {
        String::new()
    } else {
        format!(" (written `{}`)", cut(&format!("{}.{}", import.raw_module, import.raw_name)))
    };
    format!("`{name}`{written} {}: {}", done(used), why(refusal))
}

pub(super) fn done(used: UseKind) -> &'static str {
    match used {
        UseKind::Reference => "is handed on as a value",
        UseKind::Create => "is created without its `__init__`",
        UseKind::Instantiate => "is instantiated",
        UseKind::Call => "is called",
        UseKind::State => "yields an object whose state is set",
        UseKind::Items => "yields an object that is given items",
        UseKind::CallResult => "yields something that is called in turn",
    }
}

/// The trigger that a use reaches. Naming an import runs nothing.
fn trigger(used: UseKind) -> Option<&'static str> {
    match used {
        UseKind::Reference => None,
        UseKind::Create => Some("create"),
        UseKind::Instantiate | UseKind::Call | UseKind::CallResult => Some("call"),
        UseKind::State => Some("state"),
        UseKind::Items => Some("items"),
    }
}

/// What kind of refusal it is.
pub(super) fn reason(refusal: &Refusal<'_>) -> Reason {
    match refusal {
        Refusal::NotListed => Reason::Unknown,
        Refusal::Unsafe { refused } if refused.dangerous => Reason::Dangerous,
        Refusal::Unsafe { .. }
        | Refusal::Denied { .. }
        | Refusal::OtherUse { .. }
        | Refusal::Elsewhere { .. }
        | Refusal::Expired { .. }
        | Refusal::Guarded { .. } => Reason::Refused,
    }
}

pub(super) fn why(refusal: &Refusal<'_>) -> String {
    match refusal {
        Refusal::NotListed => "no allowlist entry names it".to_owned(),
        Refusal::Unsafe { refused } => format!("it {}", refused.criterion.in_words()),
        Refusal::Denied { by } => format!("{} denies it", at(&by.source, by.line)),
        Refusal::OtherUse { entry, used } => {
            let permits = format!("{} permits {} only", place(entry), entry.uses.words().join(", "));
            let closed = |trigger: &str| format!("the trigger `{trigger}` is closed: {permits}");
            trigger(*used).map_or(permits.clone(), closed)
        }
        Refusal::Elsewhere { entry } if entry.container == Some(Loader::TorchScript) => {
            format!("{} permits it in TorchScript archives only", place(entry))
        }
        Refusal::Elsewhere { entry } => format!("{} permits it for other files only", place(entry)),
        Refusal::Expired { entry, on } => format!("{} permitted it until {on}", place(entry)),
        Refusal::Guarded { objection, .. } => objection.clone(),
    }
}

pub(super) fn help(
    path: &str,
    stream: &Stream,
    import: &Import,
    refusal: &Refusal<'_>,
    near: Option<&Entry>,
) -> String {
    let pin = format!(
        "if you trust who wrote this very file, accept it as it is: `fickgate allow --pin {}`",
        shell_word(path).unwrap_or("FILE")
    );
    match refusal {
        Refusal::NotListed => {
            let near = near.map_or(String::new(), |e| format!("`{}` is on the list; ", e.import()));
            let tensors =
                if stream.storages.is_empty() { "" } else { ", or store the tensors alone, as safetensors" };
            let file = shell_word(path).unwrap_or("FILE");
            match allow_command(import) {
                Some(command) => format!(
                    "{near}nobody has judged it: look at it with `fickgate explain {file}`; if it is yours and safe: \
                     `{command}`{tensors}"
                ),
                None => format!("{near}{pin}{tensors}"),
            }
        }
        Refusal::Unsafe { refused } if refused.dangerous => {
            let why = refused.why.trim_end_matches('.');
            format!(
                "do not load this file, and find out where it came from; no model needs this import: {why}"
            )
        }
        Refusal::Unsafe { refused } => {
            format!("{pin}; why it is refused: {}", refused.why.trim_end_matches('.'))
        }
        Refusal::Denied { .. } => "a deny wins over every allow: take the line away, or the file".to_owned(),
        Refusal::OtherUse { used: UseKind::CallResult, .. } => {
            format!("what an import returns is not judged, so it may not be called; {pin}")
        }
        Refusal::OtherUse { entry, .. } if entry.layer == Layer::BuiltIn => {
            format!("{pin}; why other uses are not allowed: {}", entry.reason.trim_end_matches('.'))
        }
        Refusal::OtherUse { entry, .. } => {
            let uses = needed(import, entry.kind).with(entry.uses);
            format!("if that is meant, write `use: [{}]` in {}", uses.words().join(", "), place(entry))
        }
        Refusal::Elsewhere { entry } if entry.container.is_some() => {
            "outside such an archive Python would import it".to_owned()
        }
        Refusal::Elsewhere { entry } => format!("widen `paths` in {}, or move the file", place(entry)),
        Refusal::Expired { entry, .. } => {
            format!("look at it again, then set a later `expires` in {}", place(entry))
        }
        Refusal::Guarded { .. } => {
            format!("honest files do not use it so; {pin}")
        }
    }
}

/// A path that every shell takes for itself, and a program for a file.
fn shell_word(path: &str) -> Option<&str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._/+@,-".contains(&b);
    (!path.is_empty() && !path.starts_with('-') && path.len() <= SHOWN_IMPORT && path.bytes().all(plain))
        .then_some(path)
}

/// The command that allows just what this stream does with the import; `None` where no entry can. A
/// shell takes every character of it for itself.
fn allow_command(import: &Import) -> Option<String> {
    let (written, uses) = wanted(import)?;
    let uses = if uses.is_empty() { String::new() } else { format!(" --use {}", uses.join(",")) };
    Some(format!("fickgate allow {written}{uses} --reason WHY"))
}

/// How a policy file has to name the import to allow what a stream does with it, and the uses it has to
/// permit, none where those that its name suggests are enough. `None` where no entry can.
pub fn wanted(import: &Import) -> Option<(String, Vec<&'static str>)> {
    let written = pattern::written(&import.module, &import.name);
    let pattern = Pattern::parse(&written).ok()?;
    // A name that a file spells like a pattern, or with a colon, would be written for other imports than its own.
    let exact = pattern.module == import.module && pattern.names == pattern::Names::One(import.name.clone());
    if !exact || !written.is_ascii() || written.len() > SHOWN_IMPORT {
        return None;
    }
    let (kind, assumed) = pattern.assumed();
    let needed = needed(import, kind);
    if needed.contains(Uses::CALL_RESULT) {
        return None;
    }
    let uses = if assumed.contains(needed) { Vec::new() } else { needed.words() };
    Some((written, uses))
}

/// Every use this stream makes of the import.
fn needed(import: &Import, kind: Kind) -> Uses {
    let uses = import.uses.iter().fold(Uses::NONE, |all, u| all.with(Uses::needed(u.kind, kind)));
    if uses == Uses::NONE { Uses::REFERENCE } else { uses }
}

pub(super) fn entry_of<'p>(refusal: &Refusal<'p>) -> Option<&'p Entry> {
    match refusal {
        Refusal::OtherUse { entry, .. }
        | Refusal::Elsewhere { entry }
        | Refusal::Expired { entry, .. }
        | Refusal::Guarded { entry, .. } => Some(entry),
        Refusal::NotListed | Refusal::Unsafe { .. } | Refusal::Denied { .. } => None,
    }
}

pub(super) fn entry_ref(entry: &Entry, role: EntryRole) -> EntryRef {
    EntryRef {
        role,
        import: entry.import(),
        layer: entry.layer.as_str(),
        source: entry.source.clone().into_owned(),
        line: entry.line,
    }
}

pub(super) fn denied_by(refusal: &Refusal<'_>) -> Option<EntryRef> {
    match refusal {
        Refusal::Denied { by } => Some(EntryRef {
            role: EntryRole::Refuses,
            import: by.pattern.to_string(),
            layer: by.layer.as_str(),
            source: by.source.clone().into_owned(),
            line: by.line,
        }),
        Refusal::Unsafe { refused } => Some(EntryRef {
            role: EntryRole::Refuses,
            import: pattern::written(refused.module, refused.name),
            layer: "built-in",
            source: "allowlists/refused.yaml".to_owned(),
            line: Some(refused.line),
        }),
        _ => None,
    }
}

fn place(entry: &Entry) -> String {
    match entry.layer {
        Layer::BuiltIn => "the built-in list".to_owned(),
        _ => at(&entry.source, entry.line),
    }
}

pub(super) fn at(source: &str, line: Option<usize>) -> String {
    line.map_or_else(|| source.to_owned(), |line| format!("{source}:{line}"))
}

/// Text from a stream, short enough for a message.
fn cut(text: &str) -> String {
    if text.chars().count() <= SHOWN_IMPORT {
        return text.to_owned();
    }
    let head: String = text.chars().take(SHOWN_IMPORT).collect();
    format!("{head}…")
}
