//! Layouts that no honest writer claims: refused in words, in little memory, with nothing left behind.

use std::process::Command;

use crate::craft::{Laid, dict, lone, text, torch_zip, zip};
use crate::{Folder, fixture, floats, reason, said};

/// A file of one tensor over a storage of two floats.
fn claimed(change: impl FnOnce(&mut Laid)) -> Vec<u8> {
    let mut laid = Laid::floats(2);
    change(&mut laid);
    torch_zip(&laid.state_dict(), &[("0", &floats([1.0, 2.0]))])
}

fn layouts() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let two = |size: [i64; 2], stride: [i64; 2]| {
        claimed(|laid| (laid.size, laid.stride) = (size.to_vec(), stride.to_vec()))
    };
    let twice = |change: fn(&mut Laid)| {
        let mut other = Laid { name: "other".to_owned(), ..Laid::floats(2) };
        change(&mut other);
        torch_zip(&dict(&[Laid::floats(2), other]), &[("0", &floats([1.0, 2.0]))])
    };
    let pickle = |opcodes: &[u8]| torch_zip(opcodes, &[("0", &floats([1.0, 2.0]))]);
    let named = |name: &str| claimed(|laid| laid.name = name.to_owned());
    let mut bomb = b"\x80\x02]q\0".to_vec();
    for i in 0..40 {
        bomb.extend([b"](h".as_slice(), &[i], b"h", &[i], b"h", &[i], b"h", &[i], b"eq", &[i + 1]].concat());
    }
    bomb.push(b'.');
    let huge = 1 << 56;
    let members = |extra: (&str, &[u8])| {
        let model = Laid::floats(2).state_dict();
        let data = floats([1.0, 2.0]);
        zip(&[
            ("m/data.pkl".to_owned(), model.as_slice()),
            ("m/data/0".to_owned(), data.as_slice()),
            (extra.0.to_owned(), extra.1),
        ])
    };
    let spelled = text(r"a\ud800b");
    let keyed = |items: &[&[u8]]| pickle(&[b"\x80\x02}(", items.concat().as_slice(), b"u."].concat());
    let tensor = Laid::floats(2).opcodes();
    let behind = [Laid::floats(2).state_dict(), b"N.".to_vec()].concat();
    vec![
        ("stride-overflow.pt", two([1 << 10, 2], [huge, 1]), "larger than any storage"),
        ("size-overflow.pt", two([huge, huge], [0, 0]), "larger than any storage"),
        ("far.pt", two([2, 2], [1 << 40, 1]), "reaches to element 1099511627778 of a storage of 2"),
        ("negative-stride.pt", two([2, 1], [-1, 1]), "stride is below zero"),
        ("negative-size.pt", two([-2, 1], [1, 1]), "size is below zero"),
        ("negative-offset.pt", claimed(|laid| laid.offset = -1), "offset is below zero"),
        ("offset.pt", claimed(|laid| laid.offset = 1), "reaches to element 3 of a storage of 2"),
        ("dimensions.pt", claimed(|laid| laid.stride = vec![1, 1]), "1 dimensions and 2 strides"),
        ("expanded.pt", two([1 << 40, 2], [0, 1]), "more than 16 times as many"),
        (
            "storage.pt",
            claimed(|laid| laid.elements = 250_000_000),
            "8 bytes, of which the pickle says 1000000000",
        ),
        (
            "storage-overflow.pt",
            claimed(|laid| laid.elements = i64::MAX),
            "a persistent id that torch does not write",
        ),
        ("missing.pt", claimed(|laid| laid.key = "7"), "the storage 7, which the archive does not have"),
        ("class.pt", claimed(|laid| laid.class = "QInt8Storage"), "quantized"),
        ("untyped.pt", claimed(|laid| laid.class = "UntypedStorage"), "type of elements"),
        ("two-types.pt", twice(|laid| laid.class = "IntStorage"), "described in two ways"),
        ("newline.pt", named("a\nb"), "control character"),
        ("escape.pt", named("a\u{1b}[31m"), "control character"),
        ("metadata.pt", named("__metadata__"), "control character"),
        ("nameless.pt", named(""), "is empty"),
        ("itself.pt", pickle(b"\x80\x02}q\0X\x01\0\0\0ah\0s."), "inside itself"),
        ("bomb.pt", pickle(&bomb), "many of which are the same"),
        ("behind.pt", torch_zip(&behind, &[("0", &floats([1.0, 2.0]))]), "bytes behind the pickle"),
        ("bytes.pt", pickle(&[b"\x80\x03}".as_slice(), &text("a"), b"C\x01xs."].concat()), "`a` is bytes"),
        (
            "surrogate.pt",
            keyed(&[&lone(), &tensor]),
            "a dict with a key that is a text with a lone surrogate",
        ),
        ("surrogates.pt", keyed(&[&lone(), &tensor, &spelled, &tensor]), "a lone surrogate"),
        (
            "surrogate-of-a-text.pt",
            keyed(&[&text("t"), &tensor, &text("x"), &lone()]),
            "`x` is a text with a lone",
        ),
        (
            "surrogate-in-a-list.pt",
            keyed(&[&text("t"), &tensor, &text("x"), b"](", &lone(), b"e"]),
            "`x.0` is a text with a lone",
        ),
        (
            "tensor-and-text.pt",
            keyed(&[&text("x"), b"}", &text("a"), &tensor, b"s", &text("x.a"), &text("b")]),
            "would both have the name `x.a`",
        ),
        ("unused.pt", members(("m/data/1", b"")), "no tensor of the pickle lies in"),
        ("foreign.pt", members(("m/notes.txt", b"x")), "does not write"),
        ("outside.pt", members(("x", b"x")), "outside of the folder"),
        ("order.pt", members(("m/byteorder", b"middle")), "neither little nor big"),
    ]
}

#[test]
fn each_claim_is_refused_in_words() {
    let folder = Folder::new();
    let mut wrong = Vec::new();
    for (name, bytes, why) in layouts() {
        // The gate may have its own words for it: the converter refuses it whatever the policy says.
        let reason = reason(&bytes);
        folder.put(name, bytes);
        let said = folder.refused(name);
        if !reason.as_ref().unwrap_or(&said).contains(why) || said.contains('\u{1b}') {
            wrong.push(format!("{name}: {reason:?} {said}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The limit is on addresses: what is mapped counts, whether it is touched or not.
#[cfg(target_os = "linux")]
#[test]
fn no_claim_costs_memory() {
    let folder = Folder::new();
    for (name, bytes, _) in layouts() {
        folder.put(name, bytes);
        let script = r#"ulimit -v 1500000; exec "$0" convert "$1""#;
        let mut command = Command::new("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_fickgate"), name]).current_dir(folder.path(""));
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}: {}", said(&output));
    }
}

#[test]
fn what_is_cut_off_anywhere_is_refused() {
    let folder = Folder::new();
    for name in ["torch/views-of-one-storage-legacy.pt", "torch/views-of-one-storage.pt", "numpy/fortran.npy"]
    {
        let whole = std::fs::read(fixture(name)).unwrap();
        let cut = format!("cut.{}", name.rsplit('.').next().unwrap());
        for part in 1..12 {
            folder.put(&cut, &whole[..whole.len() * part / 12]);
            let code = folder.convert(&[&cut]).status.code();
            assert_eq!((code, folder.names().len()), (Some(1), 1), "{name}: {part}/12");
        }
        folder.put(&cut, &whole[..whole.len() - 1]);
        assert_eq!(folder.convert(&[&cut]).status.code(), Some(1), "{name}");
        std::fs::remove_file(folder.path(&cut)).unwrap();
    }
}
