//! What honest picklers write, and what looks odd and is not: no fault, and no import but their own.

use crate::{dict, global, join, objections, read, row, rules, text};

#[test]
fn plain_data() {
    for (name, bytes) in [
        ("none", &b"N."[..]),
        ("every-protocol", b"\x80\x05\x95\x03\0\0\0\0\0\0\0K\x07.\x00"),
        ("float", b"F0.5\n."),
        ("bytearray8", b"\x80\x05\x96\x03\0\0\0\0\0\0\0abc\x94."),
        ("lone-surrogate", b"\x80\x04\x8c\x03\xed\xa0\x80\x94."),
        ("lone-surrogate-proto-0", b"V\\ud800\np0\n."),
        // A tuple that contains itself: the pickler throws away what it has and takes it from the memo.
        ("recursive-tuple", b"\x80\x02]q\0(h\x00tq\x01a0h\x01."),
        ("recursive-tuple-proto-0", b"(lp0\n(g0\ntp1\na0g1\n."),
        ("python-2-string", b"S'caf\\xe9'\np0\n."),
        ("python-2-binstring", b"U\x04caf\xe9q\x00."),
        ("booleans-of-protocol-0", b"(I01\nI00\nt."),
        ("long-with-l", b"L123456789012345678901234567890L\n."),
        ("empty-state", b"(dp0\n."),
        ("frozenset", b"\x80\x04(K\x01K\x02\x91."),
        ("two-frames", b"\x80\x04\x95\x04\0\0\0\0\0\0\0]\x94K\x01\x95\x02\0\0\0\0\0\0\0a."),
    ] {
        row(name, bytes, &[], &[]);
    }
}

#[test]
fn a_memo_entry_taken_5000_times_and_500_nested_lists() {
    let gets = [&b"\x80\x02\x8c\x01aq\0]("[..], &b"h\0".repeat(5000), b"e."].concat();
    row("gets", &gets, &[], &[]);
    let nested = [&b"\x80\x02"[..], &b"](".repeat(500), &b"e".repeat(500), b"."].concat();
    row("nested", &nested, &[], &[]);
}

#[test]
fn objects_of_the_standard_library() {
    for (name, bytes, import) in [
        (
            "ordered-dict",
            &b"\x80\x04ccollections\nOrderedDict\n)R(\x8c\x01aK\x01u."[..],
            "collections.OrderedDict",
        ),
        // torch keeps `_metadata` in the attributes of a state dict.
        (
            "ordered-dict-with-attributes",
            b"\x80\x02ccollections\nOrderedDict\n)R(X\x01\0\0\0aK\x01u}X\x09\0\0\0_metadata}sb.",
            "collections.OrderedDict",
        ),
        (
            "namespace",
            b"\x80\x04cargparse\nNamespace\n)\x81}\x8c\x02lrG?\xb9\x99\x99\x99\x99\x99\x9asb.",
            "argparse.Namespace",
        ),
        (
            "default-dict",
            b"\x80\x02ccollections\ndefaultdict\nc__builtin__\nlist\n\x85R.",
            "collections.defaultdict",
        ),
        ("set-of-protocol-2", b"\x80\x02c__builtin__\nset\n](K\x01K\x02e\x85R.", "builtins.set"),
        (
            "bytes-of-protocol-2",
            b"\x80\x02c_codecs\nencode\nX\x03\0\0\0a\xc3\xa9X\x06\0\0\0latin1\x86R.",
            "_codecs.encode",
        ),
        ("old-style-instance", b"(ia\nB\n(dp0\nS'x'\nI1\nsb.", "a.B"),
        ("slots", b"\x80\x02ca\nB\n)\x81N}X\x01\0\0\0xK\x01s\x86b.", "a.B"),
        (
            "reconstructor",
            b"ccopy_reg\n_reconstructor\n(ca\nB\nc__builtin__\nobject\nNtR(dS'x'\nI1\nsb.",
            "copyreg._reconstructor",
        ),
    ] {
        let streams = read(bytes);
        assert_eq!(rules(&streams), Vec::<&str>::new(), "{name}");
        assert!(objections(&streams).is_empty(), "{name}: {:?}", objections(&streams));
        assert_eq!(crate::imports(&streams).first().map(String::as_str), Some(import), "{name}");
    }
}

#[test]
fn keys_that_matter_only_in_state() {
    // A vocabulary, a registry: plain data, whoever it is given to.
    for key in ["append", "extend", "add", "__init__", "__setstate__"] {
        row(key, &join(&[b"\x80\x04", &dict(&text(key), b"K\x01"), b"."]), &[], &[]);
        let held = join(&[
            b"\x80\x04",
            &global("a", "B"),
            b")\x81",
            &dict(&text("vocabulary_"), &dict(&text(key), b"K\x01")),
            b"b.",
        ]);
        row(key, &held, &["a.B"], &[]);
        let argument = join(&[b"\x80\x04", &global("a", "B"), &dict(&text(key), b"K\x01"), b"\x85R."]);
        row(key, &argument, &["a.B"], &[]);
    }
    // A layer's flag: layers of YOLO models have `self.add = shortcut`.
    for (key, value) in [("add", b"\x88"), ("add", b"\x89"), ("append", b"\x88"), ("extend", b"\x88")] {
        let state = join(&[b"\x80\x04", &global("a", "B"), b")\x81", &dict(&text(key), value), b"b."]);
        row(key, &state, &["a.B"], &[]);
    }
    // Attributes that only look like one of these.
    for key in
        ["_append", "appended", "address", "_", "__", "____", "__doc__", "_metadata", "extend_", "\u{e9}"]
    {
        let state = join(&[b"\x80\x04", &global("a", "B"), b")\x81", &dict(&text(key), b"K\x01"), b"b."]);
        row(key, &state, &["a.B"], &[]);
    }
}

#[test]
fn a_class_may_be_a_key_of_plain_data() {
    let by_class = join(&[b"\x80\x04", &dict(&global("a", "B"), b"K\x01"), b"."]);
    row("key", &by_class, &["a.B"], &[]);
}

#[test]
fn numpy_arrays() {
    // numpy.core.multiarray._reconstruct(ndarray, (0,), b'b') with its state, as numpy writes it.
    let array = |kind: &str, flags: u8, data: &[u8]| {
        join(&[
            b"\x80\x03",
            &global("numpy.core.multiarray", "_reconstruct"),
            &global("numpy", "ndarray"),
            b"K\0\x85C\x01b\x87R(K\x01K\x02\x85",
            &global("numpy", "dtype"),
            &text(kind),
            b"\x89\x88\x87R(K\x03\x8c\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK",
            &[flags],
            b"tb\x89",
            data,
            b"tb.",
        ])
    };
    for (kind, flags, data) in
        [("f8", 0, &b"C\x10aaaaaaaaaaaaaaaa"[..]), ("i4", 0, b"C\x08aaaaaaaa"), ("O8", 63, b"](NNe")]
    {
        let streams = read(&array(kind, flags, data));
        assert_eq!((rules(&streams), objections(&streams)), (vec![], vec![]), "{kind}");
    }
}

#[test]
fn a_record_dtype() {
    let plain = |kind: &str| {
        join(&[
            &global("numpy", "dtype"),
            &text(kind),
            b"\x89\x88\x87R(K\x03\x8c\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb",
        ])
    };
    let fields =
        join(&[b"}(", &text("x"), &plain("f8"), b"K\0\x86", &text("y"), &plain("i4"), b"K\x08\x86u"]);
    let record = join(&[
        b"\x80\x04",
        &global("numpy", "dtype"),
        &text("V12"),
        b"\x89\x88\x87R\x94(K\x03\x8c\x01|N",
        &text("x"),
        &text("y"),
        b"\x86",
        &fields,
        b"K\x0cK\x01K\x10tb.",
    ]);
    let streams = read(&record);
    assert_eq!((rules(&streams), objections(&streams)), (vec![], vec![]));
}

#[test]
fn a_bucket_takes_as_many_numbers_as_it_has_room_for() {
    // `_rebuild_bucket(room, count, totals, variances)`, with so many numbers in both lists.
    let bucket = |room: u8, count: u8, numbers: usize, number: &[u8]| {
        let list = [b"](", number.repeat(numbers).as_slice(), b"e"].concat();
        [b"\x80\x04criver.drift.adwin_c\n_rebuild_bucket\n(K", &[room, b'K', count][..], &list, &list, b"tR."]
            .concat()
    };
    let float = b"G?\xf0\0\0\0\0\0\0";
    let right = bucket(5, 2, 2, float);
    assert!(objections(&read(&right)).is_empty(), "{}", right.escape_ascii());
    for wrong in
        [bucket(1, 2, 2, float), bucket(5, 3, 2, float), bucket(5, 2, 3, float), bucket(5, 2, 2, b"K\x01")]
    {
        assert_eq!(objections(&read(&wrong)).len(), 1, "{}", wrong.escape_ascii());
    }
}
