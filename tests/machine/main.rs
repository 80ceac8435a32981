//! What the machine says of single streams: the tricks that reach an import, the uses that a list of
//! names does not show, what they cost, and what must pass.

#![allow(clippy::expect_used)]

mod arrays;
mod costs;
mod craft;
mod guards;
mod keys;
mod near_misses;
mod semantics;
mod states;
mod vm;

use fickgate_engine::content::Content;
use fickgate_engine::facts::{Import, Loader, Stream, UseKind};
use fickgate_engine::limits::Limits;
use fickgate_engine::pickle::machine;

/// The stream as `pickle.load` reads it, and as the C unpickler does where its frames matter.
fn read(bytes: &[u8]) -> Vec<Stream> {
    let content = Content::from_bytes(bytes);
    let run = machine::run(&content, 0, Loader::Pickle, "", &Limits::default()).expect("in memory");
    let mut streams = vec![run.stream];
    streams.extend(run.inner);
    streams
}

/// `module.name`, each once, in order.
fn imports(streams: &[Stream]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in streams.iter().flat_map(|s| &s.imports).map(Import::dotted) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The rules of the faults, each once, sorted.
fn rules(streams: &[Stream]) -> Vec<&'static str> {
    let mut rules: Vec<_> = streams.iter().flat_map(|s| &s.faults).map(|f| f.rule.id()).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

/// How the import of this name is used.
fn uses(streams: &[Stream], name: &str) -> Vec<UseKind> {
    let import = streams.iter().flat_map(|s| &s.imports).find(|i| i.dotted() == name);
    import.map(|i| i.uses.iter().map(|u| u.kind).collect()).unwrap_or_default()
}

/// What guards say against any use.
fn objections(streams: &[Stream]) -> Vec<&str> {
    let uses = streams.iter().flat_map(|s| &s.imports).flat_map(|i| &i.uses);
    uses.filter_map(|u| Some(u.objection.as_ref()?.message.as_str())).collect()
}

/// Checks imports and rules of one row.
fn row(name: &str, bytes: &[u8], expected: &[&str], broken: &[&str]) {
    let streams = read(bytes);
    assert_eq!(
        (imports(&streams), rules(&streams)),
        (expected.iter().map(|s| (*s).to_owned()).collect(), broken.to_vec()),
        "{name}: {}",
        bytes.escape_ascii()
    );
}

/// Opcodes joined.
fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// SHORT_BINUNICODE.
fn text(text: &str) -> Vec<u8> {
    [&[0x8c, text.len() as u8], text.as_bytes()].concat()
}

/// GLOBAL.
fn global(module: &str, name: &str) -> Vec<u8> {
    format!("c{module}\n{name}\n").into_bytes()
}

/// EMPTY_DICT with one item set.
fn dict(key: &[u8], value: &[u8]) -> Vec<u8> {
    join(&[b"}", key, value, b"s"])
}
