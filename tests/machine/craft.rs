//! Pieces of streams, and what guards say of them.

use crate::{global, join, objections, read, text};

/// MARK … TUPLE.
pub fn tuple(parts: &[&[u8]]) -> Vec<u8> {
    join(&[b"(", &parts.concat(), b"t"])
}

/// MARK … APPENDS.
pub fn list(items: &[&[u8]]) -> Vec<u8> {
    join(&[b"](", &items.concat(), b"e"])
}

/// MARK … SETITEMS.
pub fn dict(items: &[(&str, &[u8])]) -> Vec<u8> {
    let items: Vec<Vec<u8>> = items.iter().map(|(key, value)| join(&[&text(key), value])).collect();
    join(&[b"}(", &items.concat(), b"u"])
}

/// The import of a dotted name.
pub fn import(name: &str) -> Vec<u8> {
    let (module, name) = name.rsplit_once('.').expect("a dotted name");
    global(module, name)
}

/// REDUCE.
pub fn call(callable: &str, args: &[&[u8]]) -> Vec<u8> {
    join(&[&import(callable), &tuple(args), b"R"])
}

/// NEWOBJ.
pub fn create(class: &str, args: &[&[u8]]) -> Vec<u8> {
    join(&[&import(class), &tuple(args), b"\x81"])
}

/// NEWOBJ_EX, the opcode that brings keywords.
pub fn with_keywords(class: &str, args: &[&[u8]]) -> Vec<u8> {
    join(&[&import(class), &tuple(args), &dict(&[("k", b"K\x01")]), b"\x92"])
}

/// BUILD.
pub fn state(object: &[u8], state: &[u8]) -> Vec<u8> {
    join(&[object, state, b"b"])
}

/// SHORT_BINBYTES.
pub fn bytes(bytes: &[u8]) -> Vec<u8> {
    [&[b'C', bytes.len() as u8], bytes].concat()
}

/// LONG1 of eight bytes.
pub fn long(n: i64) -> Vec<u8> {
    [&[0x8a, 8][..], &n.to_le_bytes()].concat()
}

/// A class that runs what it likes when it is asked for anything.
pub fn foreign() -> Vec<u8> {
    create("ours.Model", &[])
}

pub const TRUE: &[u8] = b"\x88";
pub const FALSE: &[u8] = b"\x89";
pub const ONE: &[u8] = b"K\x01";

/// What a guard makes of a stream: whether it refuses a use.
pub fn refuses(guard: &str, stream: &[u8]) -> bool {
    let streams = read(&join(&[b"\x80\x04", stream, b"."]));
    objections(&streams).iter().any(|o| o.contains(&format!("held by the guard `{guard}`")))
}

/// Rows of what passes without any objection, and of what this guard refuses.
pub fn rows(guard: &str, fine: &[(&str, Vec<u8>)], odd: &[(&str, Vec<u8>)]) {
    for (name, stream) in fine {
        let streams = read(&join(&[b"\x80\x04", stream, b"."]));
        assert_eq!(objections(&streams), Vec::<&str>::new(), "{name}");
    }
    for (name, stream) in odd {
        assert!(refuses(guard, stream), "{guard}: {name}");
    }
}
