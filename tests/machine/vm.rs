//! The pickle machine itself: how opcodes reach an import, and what unpicklers make of odd bytes.
//! `os.system` stands for any import that no list has.

use crate::{row, rules};

const OS: &[&str] = &["os.system"];
const MALFORMED: &[&str] = &["stream-malformed"];
const AMBIGUOUS: &[&str] = &["stream-ambiguous"];
const UNRESOLVED: &[&str] = &["import-unresolved"];

#[test]
fn every_opcode_that_imports_or_applies() {
    for (name, bytes) in [
        ("global-proto0-text", &b"cos\nsystem\n(S'true'\ntR."[..]),
        ("global-proto2", b"\x80\x02cos\nsystem\nX\x04\0\0\0true\x85R."),
        ("stack-global-proto4", b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R."),
        ("inst-opcode", b"(S'true'\nios\nsystem\n."),
        ("obj-opcode", b"(cos\nsystem\nX\x04\0\0\0trueo."),
        ("newobj-class", b"\x80\x02cos\nsystem\n)\x81."),
        ("newobj-ex-kwargs", b"\x80\x04cos\nsystem\n)}\x92."),
        ("obj-then-pop", b"(cos\nsystem\no0N."),
        ("reduce-then-pop", b"cos\nsystem\n)R0}."),
        ("import-only-side-effect", b"cos\nsystem\n."),
        ("import-then-pop", b"cos\nsystem\n0N."),
        ("stack-global-via-get", b"\x8c\x02osp0\n0\x8c\x06systemp1\n0g0\ng1\n\x93."),
        ("stack-global-via-binget", b"\x8c\x02osq\x000\x8c\x06systemq\x010h\0h\x01\x93."),
        ("stack-global-via-long-binget", b"\x8c\x02osr\0\0\x01\x000\x8c\x06system\x940j\0\0\x01\0h\x01\x93."),
        ("stack-global-escaped-string", b"S'\\x6f\\163'\nS'syst\\x65m'\n\x93."),
        ("stack-global-double-quoted-string", b"S\"os\"\nS\"system\"\n\x93."),
        ("stack-global-raw-unicode-escape", b"V\\u006fs\nVsy\\U00000073tem\n\x93."),
        ("stack-global-short-binstring", b"U\x02osU\x06system\x93."),
        ("stack-global-binstring", b"T\x02\0\0\0osT\x06\0\0\0system\x93."),
        ("stack-global-binunicode8", b"\x8d\x02\0\0\0\0\0\0\0os\x8d\x06\0\0\0\0\0\0\0system\x93."),
        ("stack-global-dup-operand", b"\x8c\x02os\x8c\x06system2\x940\x93."),
        ("memo-get-underscore", b"\x8c\x02osr\x0a\0\0\x000\x8c\x06system\x94g1_0\n\x8c\x06system\x93."),
        ("memo-get-plus-and-space", b"\x8c\x02osq\x010g+1 \n\x8c\x06system\x93."),
        ("memo-get-leading-zeros", b"\x8c\x02osq\x070g007\n\x8c\x06system\x93."),
        ("memo-put-00-01-bool", b"\x8c\x02osp01\n0h\x01\x8c\x06system\x93."),
        ("numeric-int-underscore", b"I1_0\ncos\nsystem\n."),
        ("numeric-int-sign", b"I+1\ncos\nsystem\n."),
        ("numeric-int-space", b"I 1 \ncos\nsystem\n."),
        ("numeric-float-nan", b"Fnan\ncos\nsystem\n."),
        ("proto-0-header", b"\x80\0cos\nsystem\n."),
        ("proto-1-header", b"\x80\x01cos\nsystem\n."),
        ("no-proto-new-opcodes", b"\x8c\x02os\x8c\x06system\x93\x94."),
        ("leading-none-pop", b"N0cos\nsystem\n."),
        ("leading-mark-pop-mark", b"(1cos\nsystem\n."),
        ("leading-list-pop", b"]0cos\nsystem\n."),
        ("leading-mark-pop", b"(0cos\nsystem\n."),
        ("stop-with-extra-items", b"N]cos\nsystem\n."),
        ("stop-with-open-mark", b"N(cos\nsystem\n."),
        ("frame-zero-length", b"\x80\x04\x95\0\0\0\0\0\0\0\0cos\nsystem\n."),
    ] {
        row(name, bytes, OS, &[]);
    }
}

#[test]
fn names_are_reported_as_they_are_spelled() {
    for (bytes, name) in [
        ("c\u{ff4f}s\nsystem\n.".as_bytes(), "\u{ff4f}s.system"),
        ("c\u{43e}s\nsystem\n.".as_bytes(), "\u{43e}s.system"),
        ("co\u{200b}s\nsystem\n.".as_bytes(), "o\u{200b}s.system"),
        ("cmod\u{fc}l\nn\u{e9}\n.".as_bytes(), "mod\u{fc}l.n\u{e9}"),
        (b"cos\r\nsystem\r\n.", "os\r.system\r"),
        (b"cos\0\nsystem\n.", "os\0.system"),
        (b"\x8c\x03\xed\xa0\x80\x8c\x06system\x93.", "\\ud800.system"),
        (b"\x80\x04cargparse\n_os.system\n.", "argparse._os.system"),
        (b"\x80\x02cargparse\n_os.system\n.", "argparse._os.system"),
        (b"\x80\x02c__builtin__\neval\n.", "builtins.eval"),
        (b"\x80\x03c__builtin__\neval\n.", "__builtin__.eval"),
        (b"\x80\x04\x80\x02c__builtin__\neval\n.", "builtins.eval"),
        (b"\x80\x02ccommands\ngetoutput\n.", "subprocess.getoutput"),
        (b"citertools\nimap\n.", "builtins.map"),
    ] {
        row(name, bytes, &[name], &[]);
    }
}

#[test]
fn one_mapping_does_not_hide_another() {
    row(
        "both",
        b"\x80\x02ccPickle\nloads\n0\x80\x03ccPickle\nloads\n.",
        &["pickle.loads", "cPickle.loads"],
        &[],
    );
}

#[test]
fn where_unpicklers_part_the_one_that_goes_on_is_followed() {
    for (name, bytes, rule) in [
        ("memo-get-nul-tail", &b"Nq\x010g1\0zz\n0cos\nsystem\n."[..], AMBIGUOUS),
        ("memo-put-nul-tail", b"Np1\0zz\ncos\nsystem\n.", AMBIGUOUS),
        ("numeric-int-nul", b"I1\0zz\ncos\nsystem\n.", AMBIGUOUS),
        ("numeric-long-nul", b"L1\0zz\ncos\nsystem\n.", AMBIGUOUS),
        ("numeric-float-nul", b"F1\0zz\ncos\nsystem\n.", AMBIGUOUS),
        ("numeric-int-leading-zero", b"I010\ncos\nsystem\n.", AMBIGUOUS),
        ("numeric-int-hex", b"I0x10\ncos\nsystem\n.", AMBIGUOUS),
        ("numeric-int-octal", b"I0o17\ncos\nsystem\n.", AMBIGUOUS),
        ("numeric-int-binary", b"I0b11\ncos\nsystem\n.", AMBIGUOUS),
        ("numeric-long-hex", b"L0x10L\ncos\nsystem\n.", AMBIGUOUS),
        ("numeric-int-zeros-and-underscore", b"I0_7\ncos\nsystem\n.", AMBIGUOUS),
        ("numeric-long-zeros", b"L08L\ncos\nsystem\n.", AMBIGUOUS),
        ("numeric-float-underscore", b"F1_0\ncos\nsystem\n.", AMBIGUOUS),
        ("numeric-float-space", b"F 1.0\ncos\nsystem\n.", AMBIGUOUS),
        ("numeric-float-overflow", b"F1e999\ncos\nsystem\n.", AMBIGUOUS),
        ("reduce-list-arguments", b"cos\nsystem\n]R.", AMBIGUOUS),
        ("newobj-dict-arguments", b"cos\nsystem\n}\x81.", AMBIGUOUS),
        ("additems-of-nothing", b"N(\x90cos\nsystem\n.", AMBIGUOUS),
        ("frame-too-long", b"\x95\xff\0\0\0\0\0\0\0cos\nsystem\n.", MALFORMED),
        ("frame-reopened", b"\x95\x09\0\0\0\0\0\0\0\x95\0\0\0\0\0\0\0\0cos\nsystem\n.", &[]),
    ] {
        row(name, bytes, OS, rule);
    }
    row("global-empty-name", b"cos\n\n.", &["os."], AMBIGUOUS);
    row("global-empty-module", b"c\nsystem\n.", &[".system"], AMBIGUOUS);
    row("global-missing-newline", b"cos\nsystemx", OS, &["stream-ambiguous", "stream-malformed"]);
}

#[test]
fn a_frame_that_an_opcode_crosses_is_read_both_ways() {
    let both = ["stream-ambiguous", "stream-malformed"];
    // pickle.loads sees one text; a file's reader drops two bytes and finds an import behind the frame.
    let literal = b"\x95\x04\0\0\0\0\0\0\0\x8c\x0e..\0cos\nsystem\nNN.";
    row("frame-straddle-literal", literal, &[], &["stream-ambiguous", "stream-malformed"]);
    // The length lies in the frame, its payload behind.
    let payload = b"\x95\x02\0\0\0\0\0\0\0\x8c\x030cos\nsystem\n.";
    row("frame-ends-mid-opcode", payload, &[], MALFORMED_TWICE);
    let name = b"\x95\x05\0\0\0\0\0\0\0cab\nxos\nsystem\n0N.";
    row("frame-straddle-name", name, &["ab.xos", "ab.os"], &both);
    // The frame takes the module, a second one the name.
    let hidden = b"\x95\x03\0\0\0\0\0\0\0cos\nsystem\n.";
    let streams = crate::read(hidden);
    assert!(crate::imports(&streams).contains(&"os.system".to_owned()), "{:?}", crate::imports(&streams));
    assert_eq!(rules(&streams), both);
}

/// Where no byte is dropped both readings say the same.
const MALFORMED_TWICE: &[&str] = &["stream-ambiguous", "stream-malformed"];

#[test]
fn what_is_not_literal_is_unresolved() {
    for (name, bytes, expected) in [
        ("ext1", &b"\x82\x01)R."[..], &[][..]),
        ("ext2", b"\x83\x01\x01)R.", &[]),
        ("ext4", b"\x84\x01\0\0\x01)R.", &[]),
        ("ext-registered-in-stream", b"ccopyreg\nadd_extension\n)R0\x82\x2a.", &["copyreg.add_extension"]),
        ("persid", b"Pos.system\n.", &[]),
        ("binpersid", b"N\x85Q.", &[]),
        ("computed-module", b"ca\nb\n)R\x8c\x06system\x93.", &["a.b"]),
        ("computed-name", b"\x8c\x02osca\nb\n)R\x93.", &["a.b"]),
        ("imported-name", b"\x8c\x02osca\nb\n\x93.", &["a.b"]),
        ("persistent-name", b"\x8c\x02osN\x85Q\x93.", &[]),
    ] {
        row(name, bytes, expected, UNRESOLVED);
    }
}

#[test]
fn what_runs_before_a_break_is_reported() {
    for (name, ending) in [
        ("no-stop", &b""[..]),
        ("bad-opcode", b"\xff."),
        ("next-buffer", b"\x970N."),
        ("underflow", b"0000000."),
        ("length-past-end", b"X\xff\0\0\0abc"),
        ("negative-length", b"\x8b\xff\xff\xff\xff."),
        ("length-of-2-to-the-63", b"\x8e\0\0\0\0\0\0\0\x80."),
        ("no-mark", b"t."),
        ("bad-int", b"Izz\n."),
        ("bad-utf8", b"\x8c\x01\xff."),
        ("odd-items", b"}(Nu."),
        ("undefined-memo", b"h\xee."),
        ("half-argument", b"J\0\0"),
        ("open-line", b"I12"),
        ("unquoted-string", b"Sabc\n."),
        ("broken-escape", b"S'\\x4'\n."),
        ("zero-extension", b"\x82\0."),
        ("undecodable-name", b"c\xff\nx\n."),
        ("ascii-name", b"(i\xc3\xa9\nx\n."),
        ("names-of-bytes", b"C\x01aC\x01b\x93."),
        ("names-of-bytearray", b"\x96\x01\0\0\0\0\0\0\0a\x8c\x01b\x93."),
        ("names-of-ints", b"K\x01K\x02\x93."),
        ("names-missing", b"\x93\x93."),
    ] {
        let bytes = [&b"\x80\x04cos\nsystem\n(S'true'\ntR"[..], ending].concat();
        row(name, &bytes, OS, MALFORMED);
    }
    for (name, bytes) in [
        ("malformed-empty", &b""[..]),
        ("malformed-only-proto", b"\x80\x04"),
        ("malformed-empty-stack", b"."),
        ("malformed-mark-stop", b"(."),
        ("malformed-truncated-string", b"X\x05\0\0\0ab"),
        ("malformed-truncated-frame", b"\x80\x04\x95\x01\0"),
        ("stack-global-underflow", b"\x8c\x02os\x93."),
    ] {
        row(name, bytes, &[], MALFORMED);
    }
    for protocol in [6, 255] {
        row("proto-high-header", &[&[0x80, protocol], &b"cos\nsystem\n."[..]].concat(), OS, MALFORMED);
    }
}
