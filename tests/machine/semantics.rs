//! What a list of names does not show: how an import is used, what becomes of state, which bytes are
//! unpickled again. Each trick below loads in CPython and does what its comment says.

use fickgate_engine::facts::{NestedBytes, UseKind};

use crate::{dict, global, imports, join, objections, read, row, rules, text, uses};

const MUTATION: &[&str] = &["object-mutation"];
const NESTED: &[&str] = &["nested-unresolved"];

/// `a.B.__new__(a.B)`.
fn instance() -> Vec<u8> {
    join(&[&global("a", "B"), b")\x81"])
}

#[test]
fn imported_objects_are_not_to_be_changed() {
    for (name, bytes) in [
        ("setitem-on-imported-object", &b"cos\nenviron\n\x8c\x01a\x8c\x01bs."[..]),
        ("setitems", b"cos\nenviron\n(\x8c\x01a\x8c\x01bu."),
        ("append-on-imported-list", b"cos\nenviron\n\x8c\x01aa."),
        ("appends", b"cos\nenviron\n(\x8c\x01ae."),
        ("additems", b"cos\nenviron\n(\x8c\x01a\x90."),
        ("build-on-imported-module", b"cos\nenviron\n}\x8c\x01aNsb."),
        ("build-with-slots", b"cos\nenviron\nN}\x8c\x01aNs\x86b."),
        ("build-with-none", b"cos\nenviron\nNb."),
        ("through-the-memo", b"cos\nenviron\nq\x000N0h\0}b."),
        ("through-dup", b"cos\nenviron\n2}b."),
    ] {
        row(name, bytes, &["os.environ"], MUTATION);
    }
}

#[test]
fn state_that_turns_opcodes_into_calls() {
    for key in ["__setstate__", "append", "extend", "add", "__class__", "__dict__", "__reduce__"] {
        let planted = dict(&text(key), b"K\x01");
        for (name, state) in [
            ("as attributes", planted.clone()),
            ("as slots", join(&[b"N", &planted, b"\x86"])),
            ("beside slots", join(&[&planted, b"}\x86"])),
            ("by SETITEMS", join(&[b"}(", &text("x"), b"N", &text(key), b"K\x01u"])),
            ("by DICT", join(&[b"(", &text(key), b"K\x01d"])),
            ("from a text of protocol 0", join(&[b"}V", &raw_unicode(key), b"\nNs"])),
            ("from a text of Python 2", join(&[b"}U", &[key.len() as u8], key.as_bytes(), b"Ns"])),
            (
                "as an OrderedDict",
                join(&[&global("collections", "OrderedDict"), b")R", &text(key), b"K\x01s"]),
            ),
            ("as a copy", join(&[&global("collections", "OrderedDict"), &planted, b"\x85R"])),
            (
                "as a reconstructed dict",
                join(&[
                    &global("copyreg", "_reconstructor"),
                    &global("collections", "OrderedDict"),
                    &global("builtins", "dict"),
                    &planted,
                    b"\x87R",
                ]),
            ),
            ("through the memo", join(&[&planted, b"q\x090h\x09"])),
            ("behind a flag of that name", join(&[b"}", &text(key), b"q\x09\x88sh\x09K\x01s"])),
        ] {
            // Nothing is called by setting it; the next opcode would.
            let streams = read(&join(&[b"\x80\x04", &instance(), &state, b"b}b."]));
            assert_eq!(rules(&streams), MUTATION, "{key} {name}");
            let streams = read(&join(&[b"\x80\x04", &instance(), &state, b"bNa."]));
            assert_eq!(rules(&streams), MUTATION, "{key} {name}");
        }
    }
}

fn raw_unicode(text: &str) -> Vec<u8> {
    text.bytes().flat_map(|b| format!("\\u{b:04x}").into_bytes()).collect()
}

#[test]
fn state_that_is_changed_after_it_was_set() {
    // A class whose `__setstate__` is `self.__dict__ = state` keeps the dict: what is put into it later
    // is an attribute, and the next BUILD calls it.
    let late = dict_in_memo(&[&text("__setstate__"), b"K\x01s"]);
    row("setitem", &late, &["a.B"], MUTATION);
    row("computed key", &dict_in_memo(&[&global("a", "B"), b"K\x01s"]), &["a.B"], MUTATION);
    row("harmless", &dict_in_memo(&[&text("x"), b"K\x01s"]), &["a.B"], MUTATION);
}

/// An instance gets `{}` as its state, and then something is put into that dict.
fn dict_in_memo(change: &[&[u8]]) -> Vec<u8> {
    join(&[b"\x80\x04", &instance(), b"}q\x05b0h\x05", &change.concat(), b"."])
}

#[test]
fn state_whose_keys_are_not_literal() {
    for (name, state) in [
        ("a computed key", join(&[b"}", &global("a", "B"), b")RK\x01s"])),
        ("an imported key", join(&[b"}", &global("a", "B"), b"K\x01s"])),
        ("a call's result", join(&[&global("a", "B"), b")R"])),
        ("an import", global("a", "B")),
        ("a call's result for slots", join(&[b"N", &global("a", "B"), b")R\x86"])),
        ("a dict with items from a list", join(&[&global("collections", "OrderedDict"), b"]\x85R"])),
    ] {
        let streams = read(&join(&[b"\x80\x04", &instance(), &state, b"b."]));
        assert_eq!(rules(&streams), MUTATION, "{name}");
    }
}

#[test]
fn uses_are_told_apart() {
    for (name, bytes, kinds) in [
        ("reference", &b"ca\nB\n."[..], &[UseKind::Reference][..]),
        ("create", b"ca\nB\n)\x81.", &[UseKind::Create]),
        ("create-ex", b"ca\nB\n)}\x92.", &[UseKind::Create]),
        ("instantiate", b"(ca\nB\no.", &[UseKind::Instantiate]),
        ("call", b"ca\nB\n)R.", &[UseKind::Call]),
        ("call by INST", b"(Nia\nB\n.", &[UseKind::Call]),
        ("state", b"ca\nB\n)\x81Nb.", &[UseKind::Create, UseKind::State]),
        ("items", b"ca\nB\n)\x81Na.", &[UseKind::Create, UseKind::Items]),
        ("call-result", b"ca\nB\n)R)R.", &[UseKind::Call, UseKind::CallResult]),
        ("created again", b"ca\nB\n)\x81)\x81.", &[UseKind::Create, UseKind::CallResult]),
        // analysis-order-shadowing: one import, first handed on as listed, then called.
        ("reference, then call", b"ca\nB\nq\x000h\0)R.", &[UseKind::Reference, UseKind::Call]),
        ("call, then reference", b"ca\nB\nq\0)R0h\0.", &[UseKind::Reference, UseKind::Call]),
        ("called twice", b"ca\nB\nq\0)R0h\0)R.", &[UseKind::Call]),
        ("dup", b"ca\nB\n2)R.", &[UseKind::Reference, UseKind::Call]),
    ] {
        let streams = read(bytes);
        assert_eq!(uses(&streams, "a.B"), kinds, "{name}");
        assert!(rules(&streams).is_empty(), "{name}");
    }
}

#[test]
fn names_are_compared_whole() {
    for (bytes, name) in [
        (&b"ccollections\nOrderedDictEvil\n."[..], "collections.OrderedDictEvil"),
        (b"ccollections.evil\nOrderedDict\n.", "collections.evil.OrderedDict"),
        (b"cCollections\nordereddict\n.", "Collections.ordereddict"),
        (b"\x80\x04ctorch\n_utils._rebuild_tensor_v2\n.", "torch._utils._rebuild_tensor_v2"),
    ] {
        row(name, bytes, &[name], &[]);
    }
    // The same words, split elsewhere, are another import.
    let streams = read(b"\x80\x04ctorch\n_utils.f\n0ctorch._utils\nf\n.");
    assert_eq!(streams[0].imports.len(), 2);
}

#[test]
fn bytes_for_an_unpickler_are_handed_out() {
    let load = global("torch.storage", "_load_from_bytes");
    let start = load.len() as u64;
    for (name, bytes, range) in [
        ("nested-short-bytes", &b"C\x03N.x"[..], start + 2..start + 5),
        ("nested-bytes", b"B\x03\0\0\0N.x", start + 5..start + 8),
        ("nested-bytes8", b"\x8e\x03\0\0\0\0\0\0\0N.x", start + 9..start + 12),
        ("nested-bytearray8", b"\x96\x03\0\0\0\0\0\0\0N.x", start + 9..start + 12),
        ("nested-via-memo", b"C\x03N.xq\0\x850h\0", start + 2..start + 5),
    ] {
        let streams = read(&join(&[&load, bytes, b"\x85R."]));
        let nested: Vec<_> = streams[0].nested.iter().map(|n| n.bytes.clone()).collect();
        assert_eq!(nested, [NestedBytes::Range(range.start, range.end)], "{name}");
        assert!(rules(&streams).is_empty() && objections(&streams).is_empty(), "{name}");
    }
}

#[test]
fn bytes_that_text_is_turned_into() {
    let decoded = |spelled: &[u8], codec: &str| {
        let encode = join(&[&global("_codecs", "encode"), spelled, &text(codec), b"\x86R"]);
        let streams = read(&join(&[&global("torch.storage", "_load_from_bytes"), &encode, b"\x85R."]));
        match streams[0].nested.first().map(|n| n.bytes.clone()) {
            Some(NestedBytes::Decoded(bytes)) => Ok(bytes),
            Some(NestedBytes::Range(..)) => panic!("a range"),
            None => Err(rules(&streams)),
        }
    };
    assert_eq!(decoded(&text("N.\u{e9}"), "latin1"), Ok(b"N.\xe9".to_vec()));
    assert_eq!(decoded(&text("N.\u{e9}"), "ISO_8859_1"), Ok(b"N.\xe9".to_vec()));
    assert_eq!(decoded(&text("N.\u{e9}"), "utf-8"), Ok("N.\u{e9}".as_bytes().to_vec()));
    assert_eq!(decoded(&text("N."), "cp037"), Err(NESTED.to_vec()));
    assert_eq!(decoded(&text("N."), "utf-16-le"), Err(NESTED.to_vec()));
    assert_eq!(decoded(&text("\u{20ac}"), "latin1"), Err(NESTED.to_vec()));
    // What a `str` of Python 2 says beyond ASCII is up to `encoding=`.
    assert_eq!(decoded(b"U\x03N.\xe9", "latin1"), Err(NESTED.to_vec()));
    assert_eq!(decoded(b"U\x02N.", "latin1"), Ok(b"N.".to_vec()));
}

#[test]
fn an_error_handler_decides_what_is_left_of_a_text() {
    // encode("N\u{20ac}.", "ascii", "ignore") is b"N.".
    let encode =
        join(&[&global("_codecs", "encode"), &text("N\u{20ac}."), &text("ascii"), &text("ignore"), b"\x87R"]);
    let streams = read(&join(&[&global("torch.storage", "_load_from_bytes"), &encode, b"\x85R."]));
    assert_eq!(rules(&streams), NESTED);
    // The same through the keywords of bytes().
    let keywords = dict(&text("errors"), &text("ignore"));
    let bytes = join(&[
        &global("builtins", "bytes"),
        &text("N\u{20ac}."),
        &text("ascii"),
        b"\x86",
        &keywords,
        b"\x92",
    ]);
    let streams = read(&join(&[&global("torch.storage", "_load_from_bytes"), &bytes, b"\x85R."]));
    assert_eq!(rules(&streams), NESTED);
}

#[test]
fn a_bytearray_that_was_changed_is_not_literal() {
    let literal = b"\x96\x02\0\0\0\0\0\0\0N.q\0";
    for (name, change) in [
        ("append", &b"K\x2ea"[..]),
        ("appends", b"(K\x2eK\x2ee"),
        ("setitem", b"K\0K\x2es"),
        ("setitems", b"(K\0K\x2eu"),
    ] {
        let load = global("torch.storage", "_load_from_bytes");
        let streams = read(&join(&[b"\x80\x05", literal, change, b"0", &load, b"h\0\x85R."]));
        assert_eq!(rules(&streams), NESTED, "{name}");
        // What was unpickled before the change was what it seemed.
        let before = read(&join(&[b"\x80\x05", literal, b"0", &load, b"h\0\x85R0h\0", change, b"."]));
        assert_eq!((rules(&before), before[0].nested.len()), (vec![], 1), "{name}");
    }
    // Read, changed, and unpickled again.
    let load = global("torch.storage", "_load_from_bytes");
    let twice = join(&[b"\x80\x05", literal, b"0", &load, b"q\x01h\0\x85R0h\0K\x2ea0h\x01h\0\x85R."]);
    assert_eq!(rules(&read(&twice)), NESTED);
}

#[test]
fn an_unpickler_by_any_opcode_but_reduce() {
    let load = global("torch.storage", "_load_from_bytes");
    for (name, bytes) in [
        ("nested-via-inst", b"(C\x02N.itorch.storage\n_load_from_bytes\n.".to_vec()),
        ("nested-via-obj", join(&[b"(", &load, b"C\x02N.o."])),
        ("newobj", join(&[&load, b"C\x02N.\x85\x81."])),
        ("newobj-ex", join(&[&load, b"C\x02N.\x85}\x92."])),
        ("computed bytes", join(&[&load, &global("a", "B"), b")R\x85R."])),
        ("no argument", join(&[&load, b")R."])),
        ("a list of arguments", join(&[&load, b"]C\x02N.aR."])),
    ] {
        let streams = read(&bytes);
        let told = !objections(&streams).is_empty();
        assert!(told, "{name}: {:?}", streams[0].imports);
    }
    // Bound to an instance, it is called by BUILD or APPEND.
    for (key, step) in [
        ("__setstate__", &b"C\x02N.b"[..]),
        ("append", b"C\x02N.a"),
        ("extend", b"(C\x02N.e"),
        ("add", b"(C\x02N.\x90"),
    ] {
        let planted = join(&[b"\x80\x04", &instance(), &dict(&text(key), &load), b"b", step, b"."]);
        let streams = read(&planted);
        assert_eq!(rules(&streams), MUTATION, "{key}");
        assert_eq!(uses(&streams, "torch.storage._load_from_bytes"), [UseKind::Reference], "{key}");
    }
}

#[test]
fn forwarders_are_held_to_harmless_callables() {
    for (name, call, fine) in [
        ("a listed base", b"ccopyreg\n_reconstructor\nca\nB\ncbuiltins\nobject\nN\x87R.".to_vec(), true),
        ("another base", b"ccopyreg\n_reconstructor\nca\nB\nca\nB\nN\x87R.".to_vec(), false),
        ("a computed base", b"ccopyreg\n_reconstructor\nca\nB\nca\nB\n)RN\x87R.".to_vec(), false),
        ("a factory", b"ccollections\ndefaultdict\ncbuiltins\nlist\n\x85R.".to_vec(), true),
        ("a function as factory", b"ccollections\ndefaultdict\nca\nB\n\x85R.".to_vec(), false),
        ("type(None)", b"cbuiltins\ntype\nN\x85R.".to_vec(), true),
        ("type(name, bases, dict)", b"cbuiltins\ntype\n\x8c\x01a)}\x87R.".to_vec(), false),
        ("an index", b"cpandas.core.indexes.base\n_new_Index\ncpandas\nIndex\n}\x86R.".to_vec(), true),
        (
            "an array for an index",
            b"cpandas.core.indexes.base\n_new_Index\ncnumpy\nndarray\n}\x86R.".to_vec(),
            false,
        ),
        (
            "literal data",
            join(&[
                b"cnumpy.core.numeric\n_frombuffer\n(\x96\x01\0\0\0\0\0\0\0a",
                &dtype("u1"),
                b"K\x01\x85\x8c\x01CtR.",
            ]),
            true,
        ),
        ("an array as data", b"cnumpy.core.numeric\n_frombuffer\nca\nB\n)RNN\x87R.".to_vec(), false),
        ("arguments from a call", b"ccopyreg\n_reconstructor\nca\nB\n)RR.".to_vec(), false),
        ("arguments in a list", b"cbuiltins\ntype\n](NeR.".to_vec(), false),
    ] {
        assert_eq!(objections(&read(&call)).is_empty(), fine, "{name}");
    }
}

/// `numpy.dtype(kind, False, True)`.
fn dtype(kind: &str) -> Vec<u8> {
    join(&[&global("numpy", "dtype"), &text(kind), b"\x89\x88\x87R"])
}

/// The state of a dtype: fields, names and size as given, flags 0 or 63.
fn dtype_state(names: &[u8], fields: &[u8], size: u8, object: bool) -> Vec<u8> {
    let flags = if object { 63 } else { 0 };
    join(&[b"(K\x03\x8c\x01|N", names, fields, b"K", &[size], b"K\x01K", &[flags], b"t"])
}

#[test]
fn a_dtype_cannot_turn_bytes_into_pointers() {
    let names = join(&[&text("x"), b"\x85"]);
    let object_field = join(&[&dtype("O8"), b"K\0\x86"]);
    let fields = dict(&text("x"), &object_field);
    for (name, bytes) in [
        ("a hidden flag", join(&[&dtype("O8"), &dtype_state(b"N", b"N", 8, false), b"b."])),
        ("a false flag", join(&[&dtype("f8"), &dtype_state(b"N", b"N", 8, true), b"b."])),
        ("a hidden flag of a field", join(&[&dtype("V8"), &dtype_state(&names, &fields, 8, false), b"b."])),
        ("a field beyond the item", join(&[&dtype("V4"), &dtype_state(&names, &fields, 4, true), b"b."])),
        ("fields from a call", join(&[&dtype("V8"), &dtype_state(&names, b"ca\nB\n)R", 8, true), b"b."])),
        (
            // The dtype is checked while it is plain, and given fields while an array uses it.
            "state on a dtype in use",
            join(&[&dtype("V8"), b"q\x07\x850h\x07", &dtype_state(&names, &fields, 8, true), b"b."]),
        ),
        (
            "state a second time",
            join(&[
                &dtype("V8"),
                &dtype_state(b"N", b"N", 8, false),
                b"b",
                &dtype_state(&names, &fields, 8, true),
                b"b.",
            ]),
        ),
    ] {
        let streams = read(&join(&[b"\x80\x04", &bytes]));
        assert!(!objections(&streams).is_empty() || rules(&streams) == MUTATION, "{name}");
    }
}

#[test]
fn fields_are_what_they_were_when_they_were_checked() {
    let names = join(&[&text("x"), b"\x85"]);
    let plain = join(&[&dtype("f8"), b"K\0\x86"]);
    let built = join(&[
        b"\x80\x04",
        &dtype("V8"),
        &dtype_state(&names, &join(&[&dict(&text("x"), &plain), b"q\x06"]), 8, false),
        b"b",
    ]);
    assert!(objections(&read(&join(&[&built, b"."]))).is_empty());
    // numpy keeps the dict: another field is another dtype.
    let later = join(&[&built, b"0h\x06", &text("x"), &dtype("O8"), b"K\0\x86s."]);
    assert_eq!(rules(&read(&later)), MUTATION);
    // A field set early, then so many other dicts that it is forgotten, then a harmless one.
    let early = join(&[
        b"\x80\x04",
        &dtype("f8"),
        b"0",
        &dict(&text("x"), &join(&[&dtype("O8"), b"K\0\x86"])),
        b"q\x060",
    ]);
    let others = join(&[b"}K\x01Ns0"]).repeat(40);
    let y = join(&[&text("y"), &plain, b"s0"]);
    let state = dtype_state(&names, b"h\x06", 8, false);
    let forgotten = join(&[&early, &others, b"h\x06", &y, &dtype("V8"), &state, b"b."]);
    assert!(!objections(&read(&forgotten)).is_empty());
}

#[test]
fn persistent_objects_are_left_alone() {
    let storage = b"(\x8c\x07storagectorch\nFloatStorage\n\x8c\x010\x8c\x03cpuK\x04tQ";
    let streams = read(&join(&[b"\x80\x04", storage, b"."]));
    assert_eq!((rules(&streams), streams[0].storages.len()), (vec![], 1));
    for (name, step) in [("build", &b"}b"[..]), ("setitem", b"K\0K\x01s"), ("append", b"Na")] {
        assert_eq!(rules(&read(&join(&[b"\x80\x04", storage, step, b"."]))), MUTATION, "{name}");
    }
    let called = read(&join(&[b"\x80\x04", storage, b")R."]));
    assert_eq!(rules(&called), ["import-unresolved"]);
    assert_eq!(imports(&called), ["torch.FloatStorage"]);
}
