//! Guards of numpy, pandas and random generators: what each takes as its library writes it, and one step away from that,
//! which it refuses.

use crate::craft::*;
use crate::{join, objections, read, text};

/// `numpy.dtype(code)` with the state that numpy gives a type of numbers, or of objects.
pub fn dtype(code: &str) -> Vec<u8> {
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

/// `numpy.dtype(code)` with this state: byte order, subarray, names, fields, size, flags.
fn stated(code: &str, parts: [&[u8]; 4], size: u8, flags: &[u8]) -> Vec<u8> {
    let [order, subarray, names, fields] = parts;
    state(
        &call("numpy.dtype", &[&text(code), FALSE, TRUE]),
        &tuple(&[b"K\x03", order, subarray, names, fields, &[b'K', size], ONE, flags]),
    )
}

#[test]
fn records_of_numpy() {
    let order = text("|");
    let field = |kind: &str, offset: &[u8]| tuple(&[&dtype(kind), offset]);
    let names = |names: &[&str]| {
        let names: Vec<Vec<u8>> = names.iter().map(|name| text(name)).collect();
        tuple(&names.iter().map(Vec::as_slice).collect::<Vec<_>>())
    };
    let record = |size: u8, flags: &[u8], fields: &[(&str, &[u8])]| {
        let all: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
        let code = format!("V{size}");
        stated(&code, [&order, b"N", &names(&all), &dict(fields)], size, flags)
    };
    let (first, second) = (field("f8", b"K\0"), field("i4", b"K\x08"));
    let object = field("O8", b"K\0");
    let of_names = |names: &[u8], fields: &[u8]| stated("V12", [&order, b"N", names, fields], 12, b"K\0");
    let (both, fields) = (names(&["x", "y"]), dict(&[("x", &first), ("y", &second)]));
    let subarray = |kind: &str, count: &[u8]| tuple(&[&dtype(kind), count]);
    let of_array =
        |code: &str, subarray: &[u8], flags: &[u8]| stated(code, [&order, subarray, b"N", b"N"], 16, flags);
    rows(
        "numpy-dtype",
        &[
            ("side by side", record(12, b"K\0", &[("x", &first), ("y", &second)])),
            ("numbers over each other", record(8, b"K\0", &[("x", &first), ("y", &field("i4", b"K\x04"))])),
            ("an object", record(8, b"K\x1b", &[("x", &object)])),
            ("a subarray", of_array("V16", &subarray("f8", b"K\x02"), b"K\0")),
            ("a subarray of objects", of_array("V16", &subarray("O8", b"K\x02"), b"K\x3f")),
            // `ALIGNED`, as the signed byte that it was before numpy 2.
            ("a flag with a sign", record(8, b"J\x80\xff\xff\xff", &[("x", &first)])),
        ],
        &[
            (
                "a field that ends outside",
                record(12, b"K\0", &[("x", &first), ("y", &field("i4", b"K\x09"))]),
            ),
            ("a field before the item", record(8, b"K\0", &[("x", &field("i4", b"J\xff\xff\xff\xff"))])),
            ("an object over a number", record(8, b"K\x1b", &[("x", &object), ("y", &first)])),
            (
                "a number over half an object",
                record(12, b"K\x1b", &[("x", &object), ("y", &field("i4", b"K\x04"))]),
            ),
            ("a name without a field", of_names(&names(&["x", "z"]), &fields)),
            ("a name twice", of_names(&names(&["x", "x"]), &fields)),
            ("names in a list", of_names(&list(&[&text("x"), &text("y")]), &fields)),
            ("fields without names", of_names(b"N", &fields)),
            ("names without fields", of_names(&both, b"N")),
            ("fields that are no dict", of_names(&both, &foreign())),
            (
                "fields of numbers",
                stated("f8", [&order, b"N", &names(&["x"]), &dict(&[("x", &first)])], 8, b"K\0"),
            ),
            // numpy would take the bytes of the item for pointers, or the other way round.
            ("an object without ITEM_REFCOUNT", record(8, b"K\x1a", &[("x", &object)])),
            ("an object without LIST_PICKLE", record(8, b"K\x19", &[("x", &object)])),
            ("an object without NEEDS_INIT", record(8, b"K\x13", &[("x", &object)])),
            ("an object without NEEDS_PYAPI", record(8, b"K\x0b", &[("x", &object)])),
            ("ITEM_REFCOUNT without an object", record(8, b"K\x01", &[("x", &first)])),
            ("LIST_PICKLE without an object", record(8, b"K\x02", &[("x", &first)])),
            // By USE_GETITEM numpy asks such a type for an array that is not there.
            ("USE_GETITEM of a record", record(8, b"K\x3b", &[("x", &object)])),
            ("a flag that nothing has", record(8, b"K\x40", &[("x", &first)])),
            ("flags of two bytes", record(8, b"M\x80\x01", &[("x", &first)])),
            ("a subarray that is larger", of_array("V16", &subarray("f8", b"K\x03"), b"K\0")),
            ("a subarray of a number", of_array("f8", &subarray("f8", b"K\x02"), b"K\0")),
            ("a subarray that hides objects", of_array("V16", &subarray("O8", b"K\x02"), b"K\0")),
            ("a subarray without a type", of_array("V16", &tuple(&[ONE, b"K\x02"]), b"K\0")),
            ("a subarray beside fields", {
                let fields = dict(&[("x", &first)]);
                stated("V16", [&order, &subarray("f8", b"K\x02"), &names(&["x"]), &fields], 16, b"K\0")
            }),
        ],
    );
}

#[test]
fn indexes_of_pandas() {
    let new = |class: &str, items: &[(&str, &[u8])]| {
        call("pandas.core.indexes.base._new_Index", &[&import(class), &dict(items)])
    };
    let (range, index) = ("pandas.core.indexes.range.RangeIndex", "pandas.core.indexes.base.Index");
    let dated = |freq: &[u8]| {
        new("pandas.core.indexes.datetimes.DatetimeIndex", &[("data", &list(&[])), ("freq", freq)])
    };
    let offset = |name: &str| create(&format!("pandas._libs.tslibs.offsets.{name}"), &[]);
    for (name, stream) in [
        ("a range", new(range, &[("start", b"K\0"), ("stop", b"K\x05"), ("step", ONE), ("name", b"N")])),
        ("a long range", new(range, &[("start", b"K\0"), ("stop", &long(1 << 21)), ("step", ONE)])),
        ("values", new(index, &[("data", &list(&[ONE])), ("name", &text("x"))])),
        ("a type", new(index, &[("data", &list(&[ONE])), ("dtype", &text("S1000"))])),
        ("no frequency", dated(b"N")),
        ("a frequency by name", dated(&text("D"))),
        ("days", dated(&offset("Day"))),
    ] {
        assert!(!refuses("pandas-index", &stream), "{name}");
    }
    for (name, stream) in [
        ("a class of somebody", new("ours.Index", &[])),
        ("a package that begins like pandas", new("pandasx.Index", &[])),
        ("no index", new("pandas.core.frame.DataFrame", &[])),
        ("a keyword that makes it long", new(index, &[("periods", ONE)])),
        ("a large step", new(range, &[("step", &long(1 << 40))])),
        ("a start of what is no range", new(index, &[("start", &long(1 << 40))])),
        ("items as large as they say", new(index, &[("data", &list(&[])), ("dtype", &text("S99999"))])),
        ("no literal dict", call("pandas.core.indexes.base._new_Index", &[&import(index), &foreign()])),
        ("three arguments", call("pandas.core.indexes.base._new_Index", &[&import(index), b"}", ONE])),
        ("no class", call("pandas.core.indexes.base._new_Index", &[ONE, b"}"])),
        // Its state may say that it steps by a nanosecond.
        ("a frequency of any step", dated(&offset("DateOffset"))),
        // dateutil opens the file of that name.
        ("a zone of dateutil", new(index, &[("tz", &text("dateutil//etc/passwd"))])),
        (
            "a zone of somebody",
            call("pandas.core.indexes.base._new_Index", &[&import(index), b"}", &foreign()]),
        ),
        ("keywords", with_keywords("pandas.core.indexes.base._new_Index", &[&import(index), b"}"])),
    ] {
        assert!(refuses("pandas-index", &stream), "{name}");
    }
}

#[test]
fn random_generators() {
    let constructor = "numpy.random._pickle.__randomstate_ctor";
    let twister = text("MT19937");
    rows(
        "numpy-random",
        &[("by name", call(constructor, &[&twister]))],
        &[
            ("what somebody brings", call(constructor, &[&foreign()])),
            ("a function", call(constructor, &[&import("os.getcwd")])),
            ("five arguments", call(constructor, &[twister.as_slice(); 5])),
            ("keywords", with_keywords(constructor, &[&twister])),
        ],
    );
    let made = call(constructor, &[&twister]);
    let of = |parts: &[(&str, &[u8])]| {
        state(&made, &dict(&[("bit_generator", &twister), ("state", &dict(parts))]))
    };
    // A position is an index into 624 words, or into four, that numpy does not check.
    for (name, stream, fine) in [
        ("the last word", of(&[("pos", b"M\x70\x02")]), true),
        ("behind it", of(&[("pos", b"M\x71\x02")]), false),
        ("before the first", of(&[("pos", b"J\xff\xff\xff\xff")]), false),
        ("no number", of(&[("pos", b"N")]), false),
        ("the last of a buffer", of(&[("buffer_pos", b"K\x04")]), true),
        ("behind that", of(&[("buffer_pos", b"K\x05")]), false),
        ("an array", of(&[("key", &empty_array())]), true),
        ("what somebody brings", of(&[("key", &foreign())]), false),
        (
            "a state of before numpy 1.17",
            state(&made, &tuple(&[&twister, &empty_array(), b"M\x70\x02"])),
            true,
        ),
        ("one that is wrong", state(&made, &tuple(&[&twister, &empty_array(), b"M\x71\x02"])), false),
        ("three deep", of(&[("a", &dict(&[("pos", ONE)]))]), true),
        ("five deep", of(&[("a", &dict(&[("b", &dict(&[("c", b"}")]))]))]), false),
    ] {
        assert_eq!(!refuses("numpy-random", &stream), fine, "{name}");
    }
    let python = |parts: &[&[u8]]| state(&create("random.Random", &[]), &tuple(parts));
    let words = tuple(&[ONE, ONE]);
    rows(
        "twister",
        &[("as written", python(&[b"K\x03", &words, b"N"]))],
        &[
            ("a version that is none", python(&[&text("3"), &words, b"N"])),
            ("words in a list", python(&[b"K\x02", &list(&[ONE]), b"N"])),
            // `%` formats a text, as long as it says.
            ("a word that is text", python(&[b"K\x02", &tuple(&[&text("%999999999d")]), b"N"])),
            ("a rest that is text", python(&[b"K\x03", &words, &text("x")])),
            ("four parts", python(&[b"K\x03", &words, b"N", b"N"])),
        ],
    );
}
