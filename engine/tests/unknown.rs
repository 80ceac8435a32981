//! Pickles that begin where no form says: behind a header of some cache, in a queue, in a chunk of Blosc.

#![allow(clippy::unwrap_used)]

use fickgate_engine::facts::Facts;
use fickgate_engine::rule::Rule;
use fickgate_engine::{BlobPath, Content, Limits, scan};

/// Calls in different spellings, none of which begins with PROTO.
const CALLS: &[&[u8]] = &[
    b"cposix\nsystem\n(VM\ntR.",
    b"(VM\niposix\nsystem\n.",
    b"X\x05\0\0\0posixU\x06system\x93)R.",
    b"Vposix\np1\n0Vsystem\np2\n0g1\ng2\n\x93)R.",
    b"N0cposix\nsystem\np1\n0g1\n(VM\ntR.",
    b"T\x05\0\0\0posixV\\u0073ystem\n\x93N0)R.",
];

fn read(name: &str, bytes: &[u8]) -> Facts {
    scan(&Content::from_bytes(bytes), &BlobPath::new(name), &Limits::default()).unwrap()
}

fn finds(name: &str, bytes: &[u8]) -> bool {
    read(name, bytes).streams.iter().flat_map(|s| &s.imports).any(|i| i.dotted() == "posix.system")
}

#[test]
fn a_header_before_a_pickle_hides_nothing() {
    let long = [&b"\x01\xff"[..], &[b'N'; 3], &[0xfe; 70_000]].concat();
    for call in CALLS {
        // Seconds, as text and as noise; what other programs keep beside a value; opcodes with an argument.
        for header in
            [&b"zzzz"[..], b"\0\x01\xff\x7f", b"{\"ct\": 1.5, \"v\": 1}|", b"N\x94N\x94", b"C\x02", &long]
        {
            let file = [header, call].concat();
            // The argument takes the first bytes of the pickle: a loader that knows the header does not see it so.
            assert!(finds("2b9f", &file), "{} {}", header.len(), call.escape_ascii());
        }
    }
}

#[test]
fn records_are_read_wherever_they_stand_in_a_row() {
    for call in &CALLS[..2] {
        let records = [vec![0xff; 5 << 20], call.to_vec(), vec![0xfe; 1 << 20]];
        let row = |length: fn(usize) -> Vec<u8>, behind: bool| -> Vec<u8> {
            let part = |record: &Vec<u8>| match behind {
                true => [record.clone(), length(record.len())].concat(),
                false => [length(record.len()), record.clone()].concat(),
            };
            records.iter().flat_map(part).collect()
        };
        let lengths: [fn(usize) -> Vec<u8>; 4] = [
            |n| (n as u32).to_be_bytes().to_vec(),
            |n| (n as u32).to_le_bytes().to_vec(),
            |n| (n as u64).to_be_bytes().to_vec(),
            |n| (n as u64).to_le_bytes().to_vec(),
        ];
        for length in lengths {
            assert!(finds("q00000", &row(length, false)), "{}", call.escape_ascii());
            assert!(finds("q00000", &row(length, true)), "{}", call.escape_ascii());
        }
    }
}

#[test]
fn words_in_a_text_are_no_calls() {
    for text in [
        &b"attic\nobject\nob\nclick\nflask\n(see below\n"[..],
        b"a tactical\nint\nfoo\n(see the list\nint\nbool\n.",
        b"Semaphore (initialized\nnumber (which must be an integer).\n.",
    ] {
        assert!(read("LICENSE", text).streams.is_empty(), "{}", text.escape_ascii());
    }
}

#[test]
fn chunks_of_blosc_are_read_or_told() {
    let chunk = |flags: u8, data: &[u8]| {
        let numbers =
            [data.len() as u32, data.len() as u32, 16 + data.len() as u32].map(u32::to_le_bytes).concat();
        [&[2, 1, flags, 1][..], &numbers, data].concat()
    };
    let stored = chunk(2, CALLS[0]);
    assert!(finds("a.bl", &stored) && finds("0.0", &stored));
    let mut packed = chunk(0x21, &[0; 100]);
    packed[16] = 20;
    let told = |name: &str, bytes: &[u8]| {
        read(name, bytes).faults.iter().any(|fault| fault.fault.rule == Rule::ContainerUnreadable)
    };
    assert!(told("a.bl", &packed) && told("a.bl", &[&packed[..], b"\0"].concat()));
    // Zarr's metadata say what is unpickled of its chunks.
    assert!(!told("0.0", &packed));
    assert!(!told("a.bl", &packed[..packed.len() - 1]));
}

#[test]
fn a_function_in_a_frame_of_blosc_is_code() {
    let frame = |name: &[u8]| [&b"\x9e\xa8b2frame\0\xd2\0\0\0\x40"[..], &[0; 32], name, &[0; 32]].concat();
    assert_eq!(read("a.b2nd", &frame(b"LazyArray")).code.len(), 1);
    assert!(read("a.b2nd", &frame(b"b2nd")).code.is_empty());
}
