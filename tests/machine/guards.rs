//! Guards: what each takes as its library writes it, and one step away from that, which it refuses.

use crate::craft::{
    FALSE, ONE, TRUE, bytes, call, create, dict, foreign, import, list, long, state, tuple, with_keywords,
};
use crate::{join, objections, read, text};

/// What a guard makes of a stream: whether it refuses a use.
fn refuses(guard: &str, stream: &[u8]) -> bool {
    let streams = read(&join(&[b"\x80\x04", stream, b"."]));
    objections(&streams).iter().any(|o| o.contains(&format!("held by the guard `{guard}`")))
}

/// Rows of what passes without any objection, and of what this guard refuses.
fn rows(guard: &str, fine: &[(&str, Vec<u8>)], odd: &[(&str, Vec<u8>)]) {
    for (name, stream) in fine {
        let streams = read(&join(&[b"\x80\x04", stream, b"."]));
        assert_eq!(objections(&streams), Vec::<&str>::new(), "{name}");
    }
    for (name, stream) in odd {
        assert!(refuses(guard, stream), "{guard}: {name}");
    }
}

/// `numpy.dtype(code)` with the state that numpy gives a type of numbers, or of objects.
fn dtype(code: &str) -> Vec<u8> {
    let flags: &[u8] = if code.starts_with('O') { b"K?" } else { b"K\0" };
    let minus = b"J\xff\xff\xff\xff";
    state(
        &call("numpy.dtype", &[&text(code), FALSE, TRUE]),
        &tuple(&[b"K\x03", &text("<"), b"N", b"N", b"N", minus, minus, flags]),
    )
}

/// `_reconstruct(ndarray, (0,), b'b')`.
fn empty_array() -> Vec<u8> {
    call("numpy.core.multiarray._reconstruct", &[&import("numpy.ndarray"), &tuple(&[b"K\0"]), &bytes(b"b")])
}

fn array(parts: &[&[u8]]) -> Vec<u8> {
    state(&empty_array(), &tuple(parts))
}

#[test]
fn arrays_of_numpy() {
    let (f8, eight, shape) = (dtype("f8"), bytes(&[0; 8]), tuple(&[ONE]));
    let reconstruct = "numpy.core.multiarray._reconstruct";
    let (ndarray, zero, letter) = (import("numpy.ndarray"), tuple(&[b"K\0"]), bytes(b"b"));
    // A record with one object in it.
    let record = state(
        &call("numpy.dtype", &[&text("V8"), FALSE, TRUE]),
        &tuple(&[
            b"K\x03",
            &text("|"),
            b"N",
            &tuple(&[&text("x")]),
            &dict(&[("x", &tuple(&[&dtype("O8"), b"K\0"]))]),
            b"K\x08",
            ONE,
            b"K\x1b",
        ]),
    );
    rows(
        "numpy-array",
        &[
            ("as written", array(&[ONE, &shape, &f8, FALSE, &eight])),
            // `array_setstate` takes a state without a version as that of numpy 1.0.
            ("without a version", array(&[&shape, &f8, FALSE, &eight])),
            ("objects", array(&[ONE, &shape, &dtype("O8"), FALSE, &list(&[ONE])])),
            ("a record with an object", array(&[ONE, &shape, &record, FALSE, &list(&[ONE])])),
            // How Python 3 spells `b''` below protocol 3 (`_Pickler.save_bytes`).
            ("no data", array(&[ONE, &zero, &f8, FALSE, &call("builtins.bytes", &[])])),
        ],
        &[
            ("a version that is none", array(&[&text("1"), &shape, &f8, FALSE, &eight])),
            ("an order that is none", array(&[ONE, &shape, &f8, b"N", &eight])),
            ("six parts", array(&[ONE, &shape, &f8, FALSE, &eight, b"N"])),
            ("three parts", array(&[&shape, &f8, FALSE])),
            ("too few bytes", array(&[ONE, &shape, &f8, FALSE, &bytes(&[0; 7])])),
            ("too many bytes", array(&[ONE, &shape, &f8, FALSE, &bytes(&[0; 9])])),
            ("too few objects", array(&[ONE, &shape, &dtype("O8"), FALSE, b"]"])),
            ("data made by code", array(&[ONE, &zero, &f8, FALSE, &call("collections.OrderedDict", &[])])),
            // numpy multiplies the dimensions behind the zero, and its size overflows.
            (
                "a zero that hides what overflows",
                array(&[ONE, &tuple(&[b"K\0", &long(1 << 40), &long(1 << 40)]), &f8, FALSE, &bytes(b"")]),
            ),
            // It converts what is in a record.
            ("a record of what is not inert", array(&[ONE, &shape, &record, FALSE, &list(&[&foreign()])])),
            ("not empty at first", call(reconstruct, &[&ndarray, &shape, &letter])),
            ("two dimensions at first", call(reconstruct, &[&ndarray, &tuple(&[b"K\0", b"K\0"]), &letter])),
            ("another letter", call(reconstruct, &[&ndarray, &zero, &text("O")])),
            ("no class", call(reconstruct, &[b"N", &zero, &letter])),
            ("four arguments", call(reconstruct, &[&ndarray, &zero, &letter, ONE])),
            ("keywords", with_keywords(reconstruct, &[&ndarray, &zero, &letter])),
        ],
    );
}

#[test]
fn masked_arrays_of_numpy() {
    let made = |class: &str, base: &str| {
        let zero = tuple(&[b"K\0"]);
        call("numpy.ma.core._mareconstruct", &[&import(class), &import(base), &zero, &bytes(b"b")])
    };
    let honest = made("numpy.ma.core.MaskedArray", "numpy.ndarray");
    let (f8, eight, shape) = (dtype("f8"), bytes(&[0; 8]), tuple(&[ONE]));
    let of =
        |mask: &[u8], fill: &[u8]| state(&honest, &tuple(&[ONE, &shape, &f8, FALSE, &eight, mask, fill]));
    let mask = bytes(&[0]);
    rows(
        "masked-array",
        &[("as written", of(&mask, b"N")), ("a number for what is masked", of(&mask, ONE))],
        &[
            ("a class of somebody", made("ours.Masked", "numpy.ndarray")),
            ("a base of somebody", made("numpy.ma.core.MaskedArray", "ours.Base")),
            ("a package that begins like numpy", made("numpyx.MaskedArray", "numpy.ndarray")),
            ("a mask that is none", of(b"]", b"N")),
            ("a fill value of somebody", of(&mask, &foreign())),
            ("the state of an array", state(&honest, &tuple(&[ONE, &shape, &f8, FALSE, &eight]))),
        ],
    );
    // scikit-learn before 0.20 had a class of its own, which is numpy's.
    assert!(!refuses("masked-array", &made("sklearn.utils.fixes.MaskedArray", "numpy.ndarray")));
}

#[test]
fn arrays_over_a_buffer() {
    let from = "numpy.core.numeric._frombuffer";
    let (f8, eight, shape, order) = (dtype("f8"), bytes(&[0; 8]), tuple(&[ONE]), text("C"));
    rows(
        "literal-buffer",
        &[("as written", call(from, &[&eight, &f8, &shape, &order]))],
        &[
            ("no literal buffer", call(from, &[&foreign(), &f8, &shape, &order])),
            // It would show pointers.
            ("objects", call(from, &[&eight, &dtype("O8"), &shape, &order])),
            ("no literal type", call(from, &[&eight, &text("f8"), &shape, &order])),
            ("a shape of somebody", call(from, &[&eight, &f8, &foreign(), &order])),
            ("an order of somebody", call(from, &[&eight, &f8, &shape, &foreign()])),
            ("five arguments", call(from, &[&eight, &f8, &shape, &order, ONE])),
            ("keywords", with_keywords(from, &[&eight, &f8, &shape, &order])),
        ],
    );
}

#[test]
fn types_of_numpy() {
    let of = |args: &[&[u8]]| call("numpy.dtype", args);
    let f8 = text("f8");
    rows(
        "numpy-dtype",
        &[
            ("as written", dtype("f8")),
            ("by a number for each flag", of(&[&f8, b"K\0", ONE])),
            ("a record of numpy", of(&[&import("numpy.record"), FALSE, TRUE])),
        ],
        &[
            // Of a class with an attribute `dtype` numpy reads that.
            ("a class of somebody", of(&[&import("ours.record"), FALSE, TRUE])),
            ("a class of numpy", of(&[&import("numpy.ndarray"), FALSE, TRUE])),
            ("a flag of somebody", of(&[&f8, &foreign(), TRUE])),
            ("a copy by somebody", of(&[&f8, FALSE, &foreign()])),
            ("four arguments", of(&[&f8, FALSE, TRUE, TRUE])),
            ("NEWOBJ", create("numpy.dtype", &[&f8, FALSE, TRUE])),
            ("keywords", with_keywords("numpy.dtype", &[&f8, FALSE, TRUE])),
        ],
    );
}

#[test]
fn scalars_of_numpy() {
    let scalar = "numpy.core.multiarray.scalar";
    let (f8, eight) = (dtype("f8"), bytes(&[0; 8]));
    let unstated = |code: &str| call("numpy.dtype", &[&text(code), FALSE, TRUE]);
    rows(
        "numpy-scalar",
        &[
            ("as written", call(scalar, &[&f8, &eight])),
            // Without data numpy makes zeros.
            ("a zero", call(scalar, &[&f8])),
            ("a short text of zeros", call(scalar, &[&unstated("S1024")])),
        ],
        &[
            ("as many zeros as it says", call(scalar, &[&unstated("S1025")])),
            ("too few bytes", call(scalar, &[&f8, &bytes(&[0; 7])])),
            ("what is no bytes", call(scalar, &[&f8, &list(&[ONE])])),
            ("what somebody brings", call(scalar, &[&f8, &foreign()])),
            ("objects", call(scalar, &[&dtype("O8"), &eight])),
            ("three arguments", call(scalar, &[&f8, &eight, ONE])),
            ("keywords", with_keywords(scalar, &[&f8, &eight])),
        ],
    );
}

#[test]
fn numbers_in_arrays_and_scalars_may_size_something() {
    // What `datetime.date` is given has to be inert, with no number that may be a size.
    let sizes = |value: &[u8]| {
        let streams = read(&join(&[b"\x80\x04", &call("datetime.date", &[value]), b"."]));
        objections(&streams).iter().any(|o| o.contains("may be a size"))
    };
    let scalar = |code: &str, bytes: &[u8]| call("numpy.core.multiarray.scalar", &[&dtype(code), bytes]);
    assert!(sizes(&scalar("i8", &bytes(&[0xff; 8]))));
    assert!(!sizes(&scalar("f8", &bytes(&[0xff; 8]))));
    // Two bytes hold no large number.
    assert!(!sizes(&scalar("i2", &bytes(&[0xff; 2]))) && sizes(&scalar("i4", &bytes(&[0x7f; 4]))));
    // `operator.index` takes an array without dimensions for its number, and a shape one of few numbers.
    let array = |shape: &[u8], code: &str, data: &[u8]| array(&[ONE, shape, &dtype(code), FALSE, data]);
    let large = bytes(&(1i64 << 40).to_le_bytes());
    assert!(sizes(&array(b")", "i8", &large)));
    assert!(sizes(&array(&tuple(&[ONE]), "i8", &large)));
    assert!(!sizes(&array(&tuple(&[ONE]), "i8", &bytes(&5i64.to_le_bytes()))));
    assert!(!sizes(&array(&tuple(&[ONE]), "f8", &large)));
    assert!(sizes(&array(&tuple(&[ONE]), "O8", &list(&[&long(1 << 40)]))));
}

#[test]
fn attributes_of_imports() {
    let getattr = "builtins.getattr";
    let (owner, long) = (import("collections.OrderedDict"), "a".repeat(250));
    let binomial = create("scipy.stats._discrete_distns.binom_gen", &[]);
    let entropy = text("_entropy");
    rows(
        "imported-attribute",
        &[
            ("a method of a class", call(getattr, &[&owner, &text("fromkeys")])),
            ("an underscore", call(getattr, &[&owner, &text("_from_2")])),
            ("as discrete distributions of SciPy keep it", call(getattr, &[&binomial, &entropy])),
        ],
        &[
            ("no name", call(getattr, &[&owner, &text("")])),
            ("a name with a dot", call(getattr, &[&owner, &text("a.b")])),
            ("a name of a kilometre", call(getattr, &[&owner, &text(&long)])),
            ("a default", call(getattr, &[&owner, &text("fromkeys"), b"N"])),
            ("an object", call(getattr, &[&foreign(), &text("fromkeys")])),
            ("NEWOBJ", create(getattr, &[&owner, &text("fromkeys")])),
            ("keywords", with_keywords(getattr, &[&owner, &text("fromkeys")])),
            ("another method of a distribution", call(getattr, &[&binomial, &text("rvs")])),
            ("the entropy of another object", call(getattr, &[&foreign(), &entropy])),
            ("the entropy or a default", call(getattr, &[&binomial, &entropy, b"N"])),
            ("the entropy by NEWOBJ", create(getattr, &[&binomial, &entropy])),
            ("the entropy with keywords", with_keywords(getattr, &[&binomial, &entropy])),
        ],
    );
}

#[test]
fn ufuncs_by_name() {
    let by = "numpy.core._ufunc_reconstruct";
    let module = text("numpy.core.umath");
    rows(
        "ufunc",
        &[("as written", call(by, &[&module, &text("logical_and")]))],
        &[
            ("another module", call(by, &[&text("os"), &text("system")])),
            ("no name", call(by, &[&module, &text("")])),
            ("a name with a dot", call(by, &[&module, &text("a.b")])),
            ("a name of a kilometre", call(by, &[&module, &join(&[b"X\x01\x01\0\0", &[b'a'; 257]])])),
            ("no text", call(by, &[&module, &foreign()])),
            ("three arguments", call(by, &[&module, &text("add"), b"N"])),
            ("NEWOBJ", create(by, &[&module, &text("add")])),
            ("keywords", with_keywords(by, &[&module, &text("add")])),
        ],
    );
}

#[test]
fn bytes_of_literals() {
    let name = "builtins.bytearray";
    let array = b"\x96\x02\0\0\0\0\0\0\0ab";
    rows(
        "literal-bytes",
        &[
            ("nothing", call(name, &[])),
            ("bytes", call(name, &[&bytes(b"ab")])),
            ("as Python 2 spells a bytearray", call(name, &[&text("ab"), &text("latin-1")])),
            ("another bytearray", call(name, &[array])),
            ("a copy of one", call(name, &[&call(name, &[array])])),
            ("few zeros", call(name, &[b"M\0\x04"])),
            ("numbers", call(name, &[&list(&[ONE])])),
        ],
        &[
            ("many zeros", call(name, &[b"M\x01\x04"])),
            // Python raises: a text has no bytes without an encoding.
            ("text alone", call(name, &[&text("ab")])),
            ("an encoding that decodes", call(name, &[&text("ab"), &text("rot13")])),
            ("what somebody gives", call(name, &[&foreign()])),
            ("a list of what somebody gives", call(name, &[&list(&[&foreign()])])),
            ("an object of another class", call(name, &[&call("collections.OrderedDict", &[])])),
            ("NEWOBJ_EX without keywords", join(&[&import(name), &tuple(&[&bytes(b"a")]), b"}\x92"])),
        ],
    );
    let encode = "_codecs.encode";
    rows(
        "codecs-encode",
        // Without a codec Python takes UTF-8.
        &[("utf-8", call(encode, &[&text("a")])), ("latin1", call(encode, &[&text("a"), &text("latin1")]))],
        &[
            ("errors", call(encode, &[&text("a"), &text("latin1"), &text("ignore")])),
            ("no text", call(encode, &[&bytes(b"a"), &text("latin1")])),
            ("another codec", call(encode, &[&text("a"), &text("zlib")])),
            ("keywords", with_keywords(encode, &[&text("a"), &text("latin1")])),
        ],
    );
}

#[test]
fn containers_copy_literals() {
    let ordered = "collections.OrderedDict";
    let (pair, odd) = (tuple(&[&text("a"), ONE]), foreign());
    rows(
        "container",
        &[
            ("nothing", call(ordered, &[])),
            ("a mapping", call("collections.deque", &[&call(ordered, &[])])),
            ("a list of pairs", call(ordered, &[&list(&[&pair])])),
            ("a tuple of pairs", call(ordered, &[&tuple(&[&pair])])),
            ("a deque with a length", call("collections.deque", &[&list(&[ONE]), ONE])),
        ],
        &[
            ("an object", call(ordered, &[&odd])),
            ("keywords alone", with_keywords(ordered, &[])),
            ("keywords", with_keywords(ordered, &[&list(&[&pair])])),
            ("a length of somebody", call("collections.deque", &[&list(&[ONE]), &odd])),
            // `dict` asks each item for its two halves.
            ("a list of what somebody iterates", call(ordered, &[&list(&[&odd])])),
            ("a tuple of what somebody iterates", call(ordered, &[&tuple(&[&odd])])),
            ("a set of what somebody iterates", call(ordered, &[&join(&[b"\x8f(", &odd, b"\x90"])])),
        ],
    );
    let default = "collections.defaultdict";
    let (builtin, layer) = (import("builtins.list"), import("torch.nn.modules.activation.ReLU"));
    let partial = |function: &[u8], rest: &[&[u8]]| {
        let made = call("functools.partial", &[function]);
        state(&made, &tuple(&[function, &tuple(rest), b"}", b"N"]))
    };
    rows(
        "default-factory",
        &[
            ("no factory", call(default, &[b"N"])),
            ("a factory", call(default, &[&builtin])),
            ("a factory and items", call(default, &[&builtin, &dict(&[("a", ONE)])])),
            ("a factory of factories", call(default, &[&partial(&import(default), &[&builtin])])),
        ],
        &[
            ("a function", call(default, &[&import("os.getcwd")])),
            ("a partial of a layer", call(default, &[&partial(&layer, &[])])),
            ("an object", call(default, &[&odd])),
            ("items of somebody", call(default, &[&builtin, &odd])),
            ("pairs of somebody", call(default, &[&builtin, &list(&[&odd])])),
            ("three arguments", call(default, &[&builtin, b"}", ONE])),
            ("keywords", with_keywords(default, &[&builtin])),
        ],
    );
}

#[test]
fn states_of_sphinx_river_and_torch() {
    let config = |table: &[u8]| state(&create("sphinx.config.Config", &[]), &dict(&[("_options", table)]));
    rows(
        "option-defaults",
        &[("a default", config(&dict(&[("a", &tuple(&[ONE, b"N"]))])))],
        &[
            ("a default that is called", config(&dict(&[("a", &tuple(&[&import("os.getcwd"), b"N"]))]))),
            ("no table", config(&foreign())),
        ],
    );
    let texts = |n: usize| tuple(&vec![text("a").as_slice(); n]);
    let translate = import("sphinx.locale._lazy_translate");
    let proxy = "sphinx.locale._TranslationProxy";
    let stated = |parts: &[u8]| state(&create(proxy, &[]), parts);
    rows(
        "translation",
        &[
            ("texts", stated(&texts(3))),
            ("a stored call", stated(&tuple(&[&translate, &texts(3)]))),
            ("made of a call", create(proxy, &[&translate, &text("a")])),
            (
                "made of a call of three texts",
                create(proxy, &[&translate, &text("a"), &text("b"), &text("c")]),
            ),
        ],
        &[
            ("a stored call of something else", stated(&tuple(&[&import("os.system"), &texts(1)]))),
            ("another function there", stated(&tuple(&[&import("sphinx.locale.init"), &texts(1)]))),
            ("no text there", stated(&tuple(&[&translate, &tuple(&[ONE])]))),
            ("no texts there", stated(&tuple(&[&translate, b")"]))),
            ("a list there", stated(&tuple(&[&translate, &list(&[&text("a")])]))),
            ("two texts", stated(&texts(2))),
            ("numbers", stated(&tuple(&[ONE, ONE, ONE]))),
            ("made of something else", create(proxy, &[&import("os.system"), &text("a")])),
            ("made of a function alone", create(proxy, &[&translate])),
            ("made of a number", create(proxy, &[&translate, ONE])),
            (
                "made of four texts",
                create(proxy, &[&translate, &text("a"), &text("b"), &text("c"), &text("d")]),
            ),
        ],
    );
    let window = |parts: &[u8]| state(&create("river.drift.adwin_c.AdaptiveWindowing", &[]), parts);
    let numbers = |n: usize| vec![ONE; n];
    rows(
        "window",
        &[
            ("behind buckets", window(&tuple(&[&[b"]".as_slice()], numbers(15).as_slice()].concat()))),
            ("before attributes", window(&tuple(&[numbers(15).as_slice(), &[b"}"]].concat()))),
        ],
        &[
            ("one number less", window(&tuple(&[&[b"]".as_slice()], numbers(14).as_slice()].concat()))),
            ("one number more", window(&tuple(&[numbers(16).as_slice(), &[b"}"]].concat()))),
            (
                "no numbers",
                window(&tuple(&[&[b"]".as_slice()], vec![b"U\x01a".as_slice(); 15].as_slice()].concat())),
            ),
            ("no attributes", window(&tuple(&[numbers(15).as_slice(), &[b"N"]].concat()))),
            ("nothing", window(b")")),
            ("a list", window(b"]")),
        ],
    );
    let part = |items: &[(&str, &[u8])]| {
        state(&create("torch.distributed.checkpoint.filesystem._StorageInfo", &[]), &dict(items))
    };
    let (name, offset) = (text("__0_0.distcp"), ("offset", ONE));
    rows(
        "checkpoint-part",
        &[("as written", part(&[("relative_path", &name), offset, ("length", ONE)]))],
        &[
            ("a file elsewhere", part(&[("relative_path", &text("../x.distcp")), offset])),
            ("a file elsewhere on Windows", part(&[("relative_path", &text("..\\x.distcp")), offset])),
            ("a file of another kind", part(&[("relative_path", &text("x.pkl")), offset])),
            ("an offset that is none", part(&[("relative_path", &name), ("offset", &foreign())])),
            ("another attribute", part(&[("relative_path", &name), ("x", ONE)])),
            ("code that unpacks", part(&[("transform_descriptors", &list(&[&foreign()]))])),
            ("no list of words", part(&[("transform_descriptors", ONE)])),
        ],
    );
    // What an unpickler gave is any object, and its state anything.
    let nested = call("torch.storage._load_from_bytes", &[&bytes(b"N.")]);
    assert!(refuses("nested-bytes", &state(&nested, b"}")));
}
