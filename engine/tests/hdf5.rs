//! HDF5: attributes and datasets are read from their own beginning, over chunks and behind filters.

#![allow(clippy::unwrap_used)]

use fickgate_engine::facts::Facts;
use fickgate_engine::rule::Rule;
use fickgate_engine::{BlobPath, Content, Limits, scan};

/// A call by an opcode that no search looks for: nothing but its first byte leads to it.
const ODD: &[u8] = b"(X\x01\0\0\0Mifickgate-marker\nhit\n.";

fn read(bytes: &[u8]) -> Facts {
    scan(&Content::from_bytes(bytes), &BlobPath::new("m.h5"), &Limits::default()).unwrap()
}

/// Whether what `ODD` calls was found.
fn finds(bytes: &[u8]) -> bool {
    read(bytes).streams.iter().flat_map(|s| &s.imports).any(|i| i.dotted() == "fickgate-marker.hit")
}

/// A text that is dropped again and keeps the call out of reach of a search.
fn far() -> Vec<u8> {
    let text = "((((((((((".repeat(100);
    [b"(S'", text.as_bytes(), b"'\nifickgate-marker\nhit\n."].concat()
}

fn message(kind: u8, data: &[u8]) -> Vec<u8> {
    [&[kind][..], &(data.len() as u16).to_le_bytes(), &[0], data].concat()
}

/// An attribute of one string.
fn attribute(name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut data = vec![3, 0, name.len() as u8, 0, 8, 0, 4, 0, 0];
    data.extend_from_slice(name);
    data.extend([0x13, 0, 0, 0]);
    data.extend((value.len() as u32).to_le_bytes());
    data.extend([2, 0, 0, 0]);
    data.extend_from_slice(value);
    message(0xc, &data)
}

/// A file whose root has these messages, at the address 48, and what stands behind it.
fn file(messages: &[Vec<u8>], behind: &[u8]) -> Vec<u8> {
    let body = messages.concat();
    let mut out = b"\x89HDF\r\n\x1a\n\x02\x08\x08\0".to_vec();
    out.extend(0u64.to_le_bytes());
    out.extend(u64::MAX.to_le_bytes());
    out.extend(0u64.to_le_bytes());
    out.extend(48u64.to_le_bytes());
    out.extend([0; 4]);
    out.extend(b"OHDR\x02\x02");
    out.extend((body.len() as u32).to_le_bytes());
    out.extend(body);
    out.extend([0; 4]);
    out.extend_from_slice(behind);
    out
}

/// A dataset of bytes in chunks of that size behind one filter, with what makes a chunk of its bytes.
fn chunked(
    bytes: &[u8],
    size: usize,
    filter: u16,
    packed: fn(&[u8]) -> Vec<u8>,
    more: &[Vec<u8>],
) -> Vec<u8> {
    let build = |tree: u64| {
        let mut layout = vec![3, 2, 2];
        layout.extend(tree.to_le_bytes());
        layout.extend((size as u32).to_le_bytes());
        layout.extend(1u32.to_le_bytes());
        let mut filters = vec![2, 1];
        filters.extend(filter.to_le_bytes());
        if filter >= 256 {
            filters.extend([0; 2]);
        }
        filters.extend([0; 4]);
        let space = [&[2, 1, 0, 1][..], &(bytes.len() as u64).to_le_bytes()].concat();
        let mut messages = vec![
            message(1, &space),
            message(3, &[0x10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0]),
            message(8, &layout),
            message(0xb, &filters),
        ];
        messages.extend_from_slice(more);
        let mut nodes = b"TREE\x01\0".to_vec();
        let chunks: Vec<Vec<u8>> = bytes.chunks(size).map(packed).collect();
        nodes.extend((chunks.len() as u16).to_le_bytes());
        nodes.extend([0xff; 16]);
        let mut at = tree + (24 + 32 * chunks.len()) as u64;
        for (i, chunk) in chunks.iter().enumerate() {
            nodes.extend((chunk.len() as u32).to_le_bytes());
            nodes.extend(0u32.to_le_bytes());
            nodes.extend(((i * size) as u64).to_le_bytes());
            nodes.extend(0u64.to_le_bytes());
            nodes.extend(at.to_le_bytes());
            at += chunk.len() as u64;
        }
        nodes.extend(chunks.concat());
        let tree = file(&messages, &[]).len() as u64;
        (file(&messages, &nodes), tree)
    };
    let tree = build(0).1;
    build(tree).0
}

/// zlib without compression.
fn zlib(bytes: &[u8]) -> Vec<u8> {
    let n = bytes.len() as u16;
    let (mut a, mut b) = (1u32, 0u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    [&[0x78, 1, 1][..], &n.to_le_bytes(), &(!n).to_le_bytes(), bytes, &(b << 16 | a).to_be_bytes()].concat()
}

#[test]
fn an_attribute_begins_where_its_message_says() {
    assert!(finds(&file(&[attribute(b"conf", ODD)], &[])));
    assert!(finds(&file(&[attribute(b"title", b"a table"), attribute(b"conf", &far())], &[])));
}

#[test]
fn datasets_are_put_together_over_chunks_and_filters() {
    for bytes in [ODD.to_vec(), far()] {
        for size in [5, 7, bytes.len()] {
            assert!(finds(&chunked(&bytes, size, 1, zlib, &[])), "chunks of {size}");
        }
    }
}

#[test]
fn a_filter_that_is_not_read_is_told_of_where_hickle_unpickles() {
    let sealed = |facts: &Facts| facts.faults.iter().any(|f| f.fault.rule == Rule::ContainerUnreadable);
    let whole = |bytes: &[u8]| bytes.iter().map(|b| b ^ 0x55).collect();
    let plain = read(&chunked(&far(), 9, 32_001, whole, &[]));
    assert!(!sealed(&plain), "compressed images are no pickles");
    let hickle = [attribute(b"base_type", b"pickle")];
    assert!(sealed(&read(&chunked(&far(), 9, 32_001, whole, &hickle))));
}

#[test]
fn objects_that_lead_in_circles_come_to_an_end() {
    // Links to the root itself, and a header that goes on in itself.
    let link = message(6, &[&[1, 0, 1, b'a'][..], &48u64.to_le_bytes()].concat());
    let on = message(0x10, &[&48u64.to_le_bytes()[..], &4_000u64.to_le_bytes()].concat());
    assert!(finds(&file(&[link, on, attribute(b"conf", ODD)], &[])));
}

#[test]
fn a_pickled_attribute_is_no_secret() {
    let facts = read(&file(&[attribute(b"info", b"(lp0\nS'index'\np1\na.")], &[]));
    assert_eq!(facts.streams.len(), 1);
    assert!(facts.faults.iter().all(|f| f.fault.rule != Rule::HiddenPickle));
}

/// Files of h5py: `tests/fixtures/make_hdf5.py`.
#[test]
fn filters_records_and_references_of_h5py_are_followed() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/hdf5");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let facts = read(&std::fs::read(&path).unwrap());
        let calls = facts.streams.iter().flat_map(|s| &s.imports).any(|i| i.dotted() == "evil.run");
        let clean = path.file_name().unwrap().to_str().unwrap().starts_with("clean-");
        assert_eq!(calls, !clean, "{}", path.display());
        assert!(!clean || facts.faults.is_empty(), "{:?}", facts.faults);
        seen += 1;
    }
    assert_eq!(seen, 7);
}
