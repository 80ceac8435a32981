//! Small inputs that ask for much. None of these may take time or memory out of proportion: a reading
//! that did would keep this test from ending. The payload stands last, so that a reading which gives up
//! has to say so.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fickgate_engine::content::Content;
use fickgate_engine::facts::Loader;
use fickgate_engine::limits::Limits;
use fickgate_engine::path::BlobPath;
use fickgate_engine::pickle::machine;
use fickgate_engine::scan;

use crate::{imports, join, read, rules, text};

const PAYLOAD: &[u8] = b"cos\nsystem\n)R.";
const MILLION: usize = 1_000_000;

/// One at a time: the memory in use is that of the whole process.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Memory that this process has held at most, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// LONG_BINPUT.
fn put(index: u32) -> Vec<u8> {
    join(&[b"r", &index.to_le_bytes()])
}

/// BINUNICODE of so many letters.
fn long_text(letter: u8, len: usize) -> Vec<u8> {
    join(&[b"X", &(len as u32).to_le_bytes(), &vec![letter; len]])
}

#[test]
fn the_payload_is_found_or_the_limit_is_named() {
    let _alone = alone();
    let attacks: Vec<(&str, Vec<u8>)> = vec![
        ("literal of 11 MiB", join(&[&long_text(b'a', 11 << 20), b"0"])),
        ("opcodes", b"N0".repeat(MILLION)),
        ("marks", b"(".repeat(4 * MILLION)),
        ("values", b"N".repeat(4 * MILLION)),
        ("duplicates", join(&[b"]", &b"2".repeat(4 * MILLION)])),
        ("tuples of tuples", join(&[b")", &b"2\x86".repeat(MILLION)])),
        ("nested lists", b"](".repeat(MILLION)),
        ("memo entries", join(&[b"N", &b"\x94".repeat(4 * MILLION)])),
        ("memo entries far apart", {
            let puts = (0..MILLION as u32).map(|i| put(i.wrapping_mul(2_654_435_761)));
            join(&[b"N", &puts.collect::<Vec<_>>().concat()])
        }),
        ("memo entries at the edge of the dense part", {
            let puts = (0..MILLION as u32).map(|i| put(i * 1023));
            join(&[b"N", &puts.collect::<Vec<_>>().concat()])
        }),
        ("the last memo index", join(&[b"N", &put(u32::MAX), b"0"])),
        ("a memo index of 3000 digits", join(&[b"Np", &b"9".repeat(3000), b"\n0"])),
        ("one long name over and over", {
            let names = join(&[&long_text(b'a', 60_000), b"q\x000", &long_text(b'b', 60_000), b"q\x010"]);
            join(&[&names, &b"h\0h\x01\x930".repeat(MILLION)])
        }),
        ("a line too long for a name, over and over", {
            let line = join(&[b"V", &vec![b'a'; 2 << 20], b"\nq\x000"]);
            join(&[&line, &b"h\0h\0\x930".repeat(MILLION)])
        }),
        ("an unset memo entry", b"h\xee".to_vec()),
        ("storages of one long key", {
            let id = join(&[b"(", &text("storage"), b"N", &long_text(b'k', 60_000), b"NNtq\x000"]);
            join(&[&id, &b"h\0Q0".repeat(MILLION)])
        }),
        ("different storages of one long key", {
            let key = join(&[&text("storage"), b"q\x010", &long_text(b'k', 60_000), b"q\x000"]);
            join(&[&key, &b"(h\x01Nh\0NNtQ0".repeat(MILLION)])
        }),
        ("attributes of one long key", {
            let key = join(&[&long_text(b'_', 60_000), b"q\x000}"]);
            join(&[&key, &b"h\0Ns".repeat(MILLION), b"0"])
        }),
        ("faults", b"ca\nB\nq\x000".iter().chain(b"h\0Nb0".repeat(MILLION).iter()).copied().collect()),
        ("faults that name a long import", {
            let import = format!("c{}\n{}\nq\0", "a".repeat(30_000), "b".repeat(30_000));
            join(&[import.as_bytes(), b"0", &b"h\0Nb0".repeat(MILLION)])
        }),
        ("mappings with a planted key", {
            join(&[&text("__setstate__"), b"q\x000", &b"}h\0Ns0".repeat(MILLION)])
        }),
        ("numpy random with a wide tuple", {
            let ctor = b"cnumpy.random._pickle\n__generator_ctor\nq\x000(";
            let wide = join(&[ctor, &text("a"), &b"2".repeat(100_000), b"tq\x010"]);
            join(&[&wide, &b"h\0h\x01R0".repeat(100_000)])
        }),
        ("frames that opcodes cross", b"\x95\x02\0\0\0\0\0\0\0NX\x01\0\0\0a00".repeat(200_000)),
        ("frames in frames", b"\x95\xff\0\0\0\0\0\0\0N0".repeat(200_000)),
    ];
    for (name, head) in attacks {
        let before = peak();
        let streams = read(&join(&[b"\x80\x04", &head, PAYLOAD]));
        let found = imports(&streams).contains(&"os.system".to_owned());
        let said = rules(&streams).iter().any(|r| matches!(*r, "resource-limit" | "stream-malformed"));
        assert!(found || said, "{name}: {:?}", rules(&streams));
        // Values of eight bytes, in vectors that double: 24 bytes for one of input, and the input.
        let allowed = 64 + ((head.len() as u64 * 40) >> 20);
        assert!(peak() - before <= allowed, "{name}: {} MiB for {} bytes", peak() - before, head.len());
    }
}

#[test]
fn many_pairs_of_long_names() {
    let _alone = alone();
    // A thousand long texts are half a million pairs: each text is kept once, and the pairs run into the
    // ceiling before they fill the memory.
    let texts: Vec<u8> = (0..1000u32)
        .flat_map(|i| {
            join(&[b"X", &30_000u32.to_le_bytes(), format!("{i:030000}").as_bytes(), &put(i), b"0"])
        })
        .collect();
    let pairs: Vec<u8> = (0..1_000_000u32)
        .flat_map(|i| join(&[b"j", &(i % 1000).to_le_bytes(), b"j", &(i / 1000).to_le_bytes(), b"\x930"]))
        .collect();
    let limits = Limits { machine_memory: 128 << 20, ..Limits::default() };
    let content = Content::from_bytes(join(&[&texts, &pairs, PAYLOAD]));
    let run = machine::run(&content, 0, Loader::Pickle, "", &limits).expect("in memory");
    assert_eq!(rules(&[run.stream]), ["resource-limit"]);
}

#[test]
fn opcodes_behind_many_places_where_a_pickle_may_begin() {
    // A program's own header, and behind it bytes that are opcodes from every place that is tried.
    let tries = join(&[b"\xff\xfe\xfd\xfc", &b"\x80\x02".repeat(64), &b"N0".repeat(MILLION / 2)]);
    let limits = Limits { guessed: 2 * MILLION as u64, ..Limits::default() };
    let path = BlobPath::from_path(Path::new("m.bin"));
    let read = |bytes: &[u8]| scan::scan(&Content::from_bytes(bytes), &path, &limits).expect("in memory");
    let told =
        |facts: &fickgate_engine::Facts| facts.faults.iter().map(|f| f.fault.rule.id()).collect::<Vec<_>>();
    // None of these places leads to an import, and none is followed.
    assert_eq!(told(&read(&tries)), ["not-a-pickle"]);
    let facts = read(&join(&[&tries, PAYLOAD]));
    let found = facts.streams.iter().flat_map(|stream| &stream.imports).any(|import| import.name == "system");
    assert!(found || told(&facts).contains(&"resource-limit"), "{:?}", told(&facts));
}

#[test]
fn many_imports() {
    let _alone = alone();
    let imports: Vec<u8> = (0..200_000).flat_map(|i| format!("cm\nn{i}\n0").into_bytes()).collect();
    assert_eq!(rules(&read(&join(&[&imports, PAYLOAD]))), ["resource-limit"]);
}

#[test]
fn many_imports_in_each_reading_of_joblib() {
    let _alone = alone();
    let wrapper = b"\x80\x03cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x810";
    let imports: Vec<u8> = (0..99_000).flat_map(|i| format!("cm\nn{i}\n0").into_bytes()).collect();
    let path = BlobPath::from_path(Path::new("a.joblib"));
    let content = Content::from_bytes(join(&[wrapper, &imports, PAYLOAD]));
    let facts = scan::scan(&content, &path, &Limits::default()).expect("in memory");
    assert!(facts.streams.iter().flat_map(|stream| &stream.imports).any(|import| import.name == "system"));
}

#[test]
fn the_same_bytes_unpickled_over_and_over_are_noted_once() {
    let _alone = alone();
    let load = b"ctorch.storage\n_load_from_bytes\nq\x000";
    let bytes = join(&[
        load,
        b"B\0\0\x10\0",
        &vec![b'N'; 1 << 20],
        b"\x85q\x010",
        &b"h\0h\x01R0".repeat(MILLION),
        b"N.",
    ]);
    let streams = read(&bytes);
    // A million loads of a mebibyte cost what they cost, and it is said once.
    assert_eq!((streams[0].nested.len(), rules(&streams)), (1, vec!["resource-limit"]));
    // Text that is encoded again every time.
    let encode =
        join(&[b"c_codecs\nencode\nq\x020", &long_text(b'N', 1 << 20), &text("latin1"), b"\x86q\x010"]);
    let streams = read(&join(&[load, &encode, &b"h\0h\x02h\x01R\x85R0".repeat(100_000), b"N."]));
    assert_eq!((streams[0].nested.len(), rules(&streams)), (1, vec!["resource-limit"]));
}

#[test]
fn dtypes_with_many_fields_over_and_over() {
    let _alone = alone();
    let field = join(&[b"cnumpy\ndtype\n", &text("f8"), b"\x89\x88\x87RK\0\x86q\x000"]);
    let dict = join(&[
        b"}(",
        &(0..8000u16).flat_map(|i| join(&[b"M", &i.to_le_bytes(), b"h\0"])).collect::<Vec<_>>(),
        b"uq\x010",
    ]);
    let state = join(&[b"(K\x03\x8c\x01|NNh\x01K\x08K\x01K\0tq\x020"]);
    let dtype = join(&[b"cnumpy\ndtype\n", &text("V8"), b"\x89\x88\x87Rh\x02b0"]);
    let streams = read(&join(&[b"\x80\x04", &field, &dict, &state, &dtype.repeat(20_000), b"N."]));
    assert!(!crate::objections(&streams).is_empty());
}

#[test]
fn a_shape_of_many_dimensions() {
    let _alone = alone();
    let shape = join(&[b"(", &b"K\x01".repeat(MILLION), b"tq\x000"]);
    let base = join(&[b"cnumpy\ndtype\n", &text("f8"), b"\x89\x88\x87Rq\x010"]);
    let dtype = join(&[
        b"cnumpy\ndtype\n",
        &text("V8"),
        b"\x89\x88\x87R(K\x03\x8c\x01|h\x01h\0\x86NNK\x08K\x01K\0tb0",
    ]);
    let streams = read(&join(&[b"\x80\x04", &shape, &base, &dtype.repeat(20_000), b"N."]));
    assert!(!crate::objections(&streams).is_empty());
}
