//! Keys that are made to have one hash cost the square of their number, however the dict or set of them is made; as many
//! honest ones pass.

use crate::{objections, read, rules};

/// `sys.hash_info.modulus`.
const P: i128 = (1 << 61) - 1;

const COUNT: i128 = 3_000;

/// LONG1.
fn long(n: i128) -> Vec<u8> {
    [&[0x8a, 16][..], &n.to_le_bytes()].concat()
}

fn float(f: f64) -> Vec<u8> {
    [b"G".as_slice(), &f.to_be_bytes()].concat()
}

fn text(text: &str) -> Vec<u8> {
    [&[0x8c, text.len() as u8][..], text.as_bytes()].concat()
}

fn import(name: &str) -> Vec<u8> {
    let (module, name) = name.rsplit_once('.').expect("a dotted name");
    format!("c{module}\n{name}\n").into_bytes()
}

/// Items in batches of a thousand, as picklers write them.
fn batches(items: &[Vec<u8>], close: u8) -> Vec<u8> {
    items.chunks(1000).flat_map(|batch| [b"(", &*batch.concat(), &[close]].concat()).collect()
}

/// `callable([…])`.
fn of_list(callable: &str, items: &[Vec<u8>]) -> Vec<u8> {
    [&*import(callable), b"]", &batches(items, b'e'), b"\x85R."].concat()
}

/// `callable((…))`.
fn of_tuple(callable: &str, items: &[Vec<u8>]) -> Vec<u8> {
    [&*import(callable), b"(", &items.concat(), b"t\x85R."].concat()
}

/// `{made: None, …}`, each made by the callable of such arguments.
fn keys(callable: &str, arguments: &[Vec<u8>]) -> Vec<u8> {
    let key = |arguments: &Vec<u8>| [b"h\0(", &**arguments, b"tRN"].concat();
    let items: Vec<_> = arguments.iter().map(key).collect();
    [&*import(callable), b"q\x000}", &batches(&items, b'u'), b"."].concat()
}

fn each(item: impl Fn(i128) -> Vec<u8>) -> Vec<Vec<u8>> {
    (1..=COUNT).map(item).collect()
}

fn is_refused(stream: &[u8]) -> bool {
    let streams = read(&[b"\x80\x04", stream].concat());
    let limits = rules(&streams).contains(&"resource-limit");
    assert!(streams.iter().all(|s| s.stopped()), "{:?}", rules(&streams));
    limits || objections(&streams).iter().any(|objection| objection.contains("one hash"))
}

#[test]
fn keys_of_one_hash_are_refused_however_they_come() {
    let alike = |k: i128| long(k * P);
    // Their real parts and 1,000,003 times their imaginary parts add up to one number (`complex_hash`).
    let complex = |k: i128| [float(((1i128 << 50) - 1_000_003 * k) as f64), float(k as f64)].concat();
    let cases = [
        ("a set of a list", of_list("builtins.set", &each(alike))),
        ("a frozenset of a tuple", of_tuple("builtins.frozenset", &each(alike))),
        ("a counter", of_list("collections.Counter", &each(alike))),
        (
            "a set of pairs",
            of_list("builtins.set", &each(|k| [alike(k), alike(k), b"\x86".to_vec()].concat())),
        ),
        ("a dict of pairs", of_list("builtins.dict", &each(|k| [alike(k), b"N\x86".to_vec()].concat()))),
        (
            "a dict of pairs in a tuple",
            of_tuple("builtins.dict", &each(|k| [alike(k), b"N\x86".to_vec()].concat())),
        ),
        (
            "pairs that are lists",
            of_list("collections.OrderedDict", &each(|k| [b"](", &*alike(k), b"Ne"].concat())),
        ),
        ("fractions of text", keys("fractions.Fraction", &each(|k| text(&format!("{}/7", 7 * k * P))))),
        (
            "fractions of two numbers",
            keys("fractions.Fraction", &each(|k| [alike(k), b"K\x07".to_vec()].concat())),
        ),
        ("decimals", keys("decimal.Decimal", &each(|k| text(&format!("{}", k * P))))),
        ("complex numbers", keys("builtins.complex", &each(complex))),
        ("frozensets of lists", keys("builtins.frozenset", &each(|k| [b"](", &*alike(k), b"e"].concat()))),
    ];
    for (name, stream) in cases {
        assert!(is_refused(&stream), "{name}");
    }
}

#[test]
fn a_list_from_before_the_import_is_no_way_round() {
    let items: Vec<_> = (1..20_000).map(|k| long(k * P)).collect();
    let stream = [b"]", &*batches(&items, b'e'), b"q\x000", &import("builtins.set"), b"h\0\x85R."].concat();
    assert!(!objections(&read(&[b"\x80\x04", &*stream].concat())).is_empty());
}

#[test]
fn as_many_honest_keys_pass() {
    let number = |k: i128| float(k as f64 / 7.0);
    let pair = |k: i128| [number(k), number(k * k), b"\x86".to_vec()].concat();
    let many: Vec<_> = (1..20_000).map(pair).collect();
    let cases = [
        ("a set of pairs", of_list("builtins.set", &many)),
        ("a dict of pairs", of_list("builtins.dict", &many)),
        ("a dict of pairs whose second halves are alike", {
            of_list("builtins.dict", &each(|k| [number(k), long(k * P), b"\x86".to_vec()].concat()))
        }),
        ("a dict of nested values", {
            of_list("collections.OrderedDict", &each(|k| [b"](", &*number(k), b"]K\x01ae"].concat()))
        }),
        ("a list of alike numbers", of_list("collections.deque", &each(|_| long(1 << 60)))),
        ("fractions", keys("fractions.Fraction", &each(|k| text(&format!("{k}/{}", k + 1))))),
        ("decimals", keys("decimal.Decimal", &each(|k| text(&format!("-0.{k}E+3"))))),
        ("complex numbers", keys("builtins.complex", &each(|k| [number(k), number(-k)].concat()))),
        ("frozensets", keys("builtins.frozenset", &each(|k| [b"](", &*long(k), b"e"].concat()))),
    ];
    for (name, stream) in cases {
        assert!(!is_refused(&stream), "{name}");
    }
}
