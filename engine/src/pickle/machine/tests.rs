//! What the machine says of short streams.

use crate::content::Content;
use crate::facts::UseKind;
use crate::facts::{Loader, Stream};
use crate::limits::Limits;
use crate::pickle::stream::reader::SliceCursor;

fn run(bytes: &[u8]) -> Stream {
    let content = Content::from_bytes(bytes);
    let run = super::run(&content, 0, Loader::Pickle, "", &Limits::default());
    run.expect("bytes in memory are readable").stream
}

fn names(stream: &Stream) -> Vec<String> {
    stream.imports.iter().map(crate::facts::Import::dotted).collect()
}

fn rules(stream: &Stream) -> Vec<&'static str> {
    stream.faults.iter().map(|f| f.rule.id()).collect()
}

fn uses(stream: &Stream) -> Vec<UseKind> {
    stream.imports.iter().flat_map(|i| i.uses.iter().map(|u| u.kind)).collect()
}

#[test]
fn every_way_to_name_an_import() {
    for (bytes, name) in [
        (&b"cos\nsystem\n."[..], "os.system"),
        (b"(ios\nsystem\n.", "os.system"),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "os.system"),
        (b"\x80\x04\x8c\x02osp1\n0\x8c\x06systemq\x020g1\nh\x02\x93.", "os.system"),
        (b"S'o\\x73'\nVsyst\\u0065m\n\x93.", "os.system"),
        (b"\x80\x02c__builtin__\neval\n.", "builtins.eval"),
        (b"\x80\x03c__builtin__\neval\n.", "__builtin__.eval"),
        (b"\x80\x04\x8c\x02os\x8c\x0bpath.exists\x93.", "os.path.exists"),
        (b"U\x02osT\x06\x00\x00\x00system\x93.", "os.system"),
    ] {
        let stream = run(bytes);
        assert_eq!(names(&stream), [name], "{}", bytes.escape_ascii());
        assert!(stream.stopped() && stream.faults.is_empty(), "{:?}", stream.faults);
    }
}

#[test]
fn python_2_imports_names_that_are_no_utf_8() {
    let stream = run(b"c\xe9vil\nrun\n(tR.");
    assert_eq!((names(&stream).len(), uses(&stream)), (1, vec![UseKind::Call]));
    assert_eq!(rules(&stream), ["stream-ambiguous"]);
}

#[test]
fn uses_follow_the_opcodes() {
    assert_eq!(uses(&run(b"ca\nB\n.")), [UseKind::Reference]);
    assert_eq!(uses(&run(b"ca\nB\n)R.")), [UseKind::Call]);
    assert_eq!(uses(&run(b"ca\nB\n)\x81.")), [UseKind::Create]);
    assert_eq!(uses(&run(b"ca\nB\n)}\x92.")), [UseKind::Create]);
    assert_eq!(uses(&run(b"(ia\nB\n.")), [UseKind::Instantiate]);
    assert_eq!(uses(&run(b"(K\x01ia\nB\n.")), [UseKind::Call]);
    assert_eq!(uses(&run(b"(ca\nB\no.")), [UseKind::Instantiate]);
    assert_eq!(uses(&run(b"ca\nB\n)\x81}b.")), [UseKind::Create, UseKind::State]);
    assert_eq!(uses(&run(b"ca\nB\n)RK\x01a.")), [UseKind::Call, UseKind::Items]);
    assert_eq!(uses(&run(b"ca\nB\n)R)R.")), [UseKind::Call, UseKind::CallResult]);
    // Called once and handed on once.
    assert_eq!(uses(&run(b"ca\nB\nq\x00)R0h\x00.")), [UseKind::Reference, UseKind::Call]);
}

#[test]
fn imports_before_a_break_are_kept() {
    for ending in
        [&b""[..], b"\xff", b"0000", b"X\xff\xff\xff\xff", b"g9\n", b"\x8d\0\0\0\0\0\0\0\x80", b"e", b"Izz\n"]
    {
        let stream = run(&[b"cos\nsystem\n(S'true'\ntR", ending].concat());
        assert_eq!(names(&stream), ["os.system"]);
        assert_eq!(rules(&stream), ["stream-malformed"], "{}", ending.escape_ascii());
        assert!(!stream.stopped());
    }
}

#[test]
fn computed_names_are_unresolved() {
    for bytes in
        [&b"\x80\x04ca\nB\n)R\x8c\x06system\x93."[..], b"\x82\x01.", b"Pid\n.", b"\x82\x01)R.", b"K\x01Q."]
    {
        assert_eq!(rules(&run(bytes))[0], "import-unresolved", "{}", bytes.escape_ascii());
    }
}

#[test]
fn imported_objects_must_not_be_changed() {
    for bytes in [
        &b"ca\nB\n}b."[..],
        b"ca\nB\nK\x01K\x02s.",
        b"ca\nB\n(K\x01e.",
        // What a state sets would answer for the next opcode: a second state, items behind it.
        b"ca\nB\n)\x81}\x8c\x0c__setstate__K\x01sb}b.",
        b"ca\nB\n)\x81(S'append'\nK\x01dbK\x01a.",
        // `setattr(object, "__class__", …)`.
        b"ca\nB\n)\x81N}V\\u005f_class__\nK\x01s\x86b.",
    ] {
        assert_eq!(rules(&run(bytes)), ["object-mutation"], "{}", bytes.escape_ascii());
    }
    for bytes in [&b"ca\nB\n)\x81}\x8c\x05_dataK\x01sb."[..], b"ca\nB\n)\x81}\x8c\x0c__setstate__K\x01sb."] {
        assert_eq!(rules(&run(bytes)), Vec::<&str>::new(), "{}", bytes.escape_ascii());
    }
}

#[test]
fn where_one_unpickler_goes_on_so_does_the_machine() {
    let stream = run(b"I1\0zz\ncos\nsystem\n.");
    assert_eq!((names(&stream), rules(&stream)), (vec!["os.system".to_owned()], vec!["stream-ambiguous"]));
}

#[test]
fn claimed_lengths_cost_nothing() {
    for bytes in [
        &b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7f"[..],
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x96\0\0\0\0\0\0\0\x80",
        b"\x8b\xff\xff\xff\x7f",
        b"\x8b\xff\xff\xff\xff",
        b"\x95\xff\xff\xff\xff\xff\xff\xff\xffN.",
        b"Nr\xff\xff\xff\xff.",
    ] {
        let stream = run(bytes);
        assert!(stream.end <= bytes.len() as u64);
    }
    assert!(run(b"Nr\xff\xff\xff\xffj\xff\xff\xff\xff.").faults.is_empty());
}

#[test]
fn torch_storages_are_named() {
    let stream = run(b"\x80\x02X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x06tQ.");
    assert_eq!(rules(&stream), ["stream-malformed"], "TUPLE without a mark");
    let stream =
        run(b"\x80\x02(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x06tQ.");
    let storage = stream.storages.first().expect("one storage");
    assert_eq!(
        (storage.class.as_str(), storage.key.as_str(), storage.elements),
        ("FloatStorage", "0", Some(6))
    );
    assert_eq!(uses(&stream), [UseKind::Reference]);
}

#[test]
fn nested_bytes_are_handed_out_and_computed_ones_reported() {
    let stream = run(b"\x80\x03ctorch.storage\n_load_from_bytes\nC\x03abc\x85R.");
    assert_eq!(
        stream.nested.first().map(|n| n.bytes.clone()),
        Some(crate::facts::NestedBytes::Range(36, 39))
    );
    let stream = run(b"\x80\x02ctorch.storage\n_load_from_bytes\nc_codecs\nencode\nX\x04\0\0\0a\xc3\xa9zX\x06\0\0\0latin1\x86R\x85R.");
    assert_eq!(
        stream.nested.first().map(|n| n.bytes.clone()),
        Some(crate::facts::NestedBytes::Decoded(b"a\xe9z".to_vec()))
    );
    let stream = run(b"ctorch.storage\n_load_from_bytes\nca\nB\n)R\x85R.");
    assert_eq!(rules(&stream), ["nested-unresolved"]);
}

#[test]
fn a_dtype_state_must_be_consistent() {
    let dtype = |kind: &str, flags: u8| {
        let mut bytes = b"\x80\x03cnumpy\ndtype\nX\x02\0\0\0".to_vec();
        bytes.extend(kind.as_bytes());
        bytes.extend(b"K\0K\x01\x87R(K\x03X\x01\0\0\0|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK");
        bytes.extend([flags]);
        bytes.extend(b"tb.");
        run(&bytes)
    };
    let objections = |stream: &Stream| {
        stream.imports.iter().flat_map(|i| i.uses.iter()).filter(|u| u.objection.is_some()).count()
    };
    assert_eq!(objections(&dtype("f8", 0)), 0);
    assert_eq!(objections(&dtype("O8", 63)), 0);
    assert_eq!(objections(&dtype("O8", 0)), 1, "raw bytes would become pointers");
    assert_eq!(objections(&dtype("f8", 63)), 1);
}

/// Rows that nothing looks at again: a tuple, a list and a dict, each in the memo.
fn rows(count: usize) -> Vec<u8> {
    b"K\x01K\x02\x86\x940]\x940}\x940cm\nO\n)\x81\x940".repeat(count)
}

#[test]
fn a_stream_that_asks_for_what_is_gone_is_run_again() {
    let limits = Limits::default();
    let joined = |parts: &[&[u8]]| parts.concat();
    let none: &[u8] = b"\x88";
    // What stands in the middle of the memo, under index 10,000, and what is done with it when it is old.
    let gone: [(&str, &[u8], &[u8]); 9] = [
        ("text", b"\x8c\x02os", b"j\x10\x27\0\0\x8c\x06system\x93\x8c\x04true\x85R"),
        ("import", b"cos\nsystem\n", b"j\x10\x27\0\0\x8c\x04true\x85R"),
        ("arguments", b"\x8c\x04true\x85", b"cos\nsystem\nj\x10\x27\0\0R"),
        ("state", b"}", b"cm\nC\n)\x81j\x10\x27\0\0b"),
        ("a list that grows", b"]", b"j\x10\x27\0\0cos\nsystem\na"),
        ("an object that is called", b"cm\nC\n)R", b"j\x10\x27\0\0)R"),
        ("an object that gets its state", b"cm\nC\n)\x81", b"j\x10\x27\0\0}b"),
        ("an entry that is replaced", b"\x8c\x02os", b"cos\nsystem\nr\x10\x27\0\0"),
        ("an entry by its digits", b"cos\nsystem\n", b"g10000\n\x8c\x04true\x85R"),
    ];
    for (name, value, use_of_it) in gone {
        let bytes = joined(&[none, &rows(2500), value, b"r\x10\x27\0\0", &rows(20_000), use_of_it, b"."]);
        let content = Content::from_bytes(bytes.as_slice());
        let run = |kept| {
            let cursor = SliceCursor::new(&bytes, 0);
            super::Machine::new(cursor, Loader::Pickle, &limits, &mut ()).finish(kept).expect("in memory")
        };
        assert!(run(100_000).is_none(), "{name}");
        let all = run(usize::MAX).expect("all is kept");
        let few = Limits { kept: 100_000, ..Limits::default() };
        let mut streams = [all, super::run(&content, 0, Loader::Pickle, "", &few).expect("in memory")]
            .map(|run| run.stream);
        assert!(streams[0].stopped() && !streams[0].imports.is_empty(), "{name}");
        streams.iter_mut().for_each(|stream| stream.landmarks = Default::default());
        assert_eq!(format!("{:?}", streams[0]), format!("{:?}", streams[1]), "{name}");
    }
    // What is used while it is new, and what came first of all, is at hand: one run does.
    let bytes = joined(&[b"cos\nsystem\n\x94", &rows(50_000), b"j\0\0\0\0\x8c\x04true\x94\x85R."]);
    let cursor = SliceCursor::new(&bytes, 0);
    let once = super::Machine::new(cursor, Loader::Pickle, &limits, &mut ()).finish(100_000);
    let stream = once.expect("in memory").expect("nothing that is gone is asked for").stream;
    assert_eq!((stream.stopped(), uses(&stream).contains(&UseKind::Call)), (true, true));
}

#[test]
fn memory_has_a_ceiling() {
    let limits = Limits { machine_memory: 1 << 20, ..Limits::default() };
    let content = Content::from_bytes(vec![b'N'; 1 << 20]);
    let run = super::run(&content, 0, Loader::Pickle, "", &limits).expect("readable");
    assert_eq!(rules(&run.stream), ["resource-limit"]);
}

proptest::proptest! {
    #[test]
    fn any_bytes_end_in_range_and_alike(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
        let first = run(&bytes);
        proptest::prop_assert!(first.end <= bytes.len() as u64);
        for import in &first.imports {
            proptest::prop_assert!(import.offset < bytes.len() as u64);
        }
        proptest::prop_assert_eq!(format!("{:?}", first), format!("{:?}", run(&bytes)));
    }
}
