//! Archives that the `zip` crate writes: they are read here as that crate reads them.

#![allow(clippy::unwrap_used)]

use std::io::{Cursor, Read as _, Write as _};

use fickgate_engine::{BlobPath, Content, Limits, scan};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

#[test]
fn members_are_those_that_another_reader_finds() {
    let pickle = |name: &str| format!("cours\n{name}\n.").into_bytes();
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, method, large) in [
        ("a.pkl", CompressionMethod::Stored, false),
        ("folder/b.pkl", CompressionMethod::Deflated, false),
        ("größe.pkl", CompressionMethod::Deflated, false),
        ("c", CompressionMethod::Stored, true),
    ] {
        let options = SimpleFileOptions::default().compression_method(method).large_file(large);
        writer.start_file(name, options).unwrap();
        writer.write_all(&pickle(name)).unwrap();
    }
    let bytes = writer.finish().unwrap().into_inner();

    let mut archive = ZipArchive::new(Cursor::new(bytes.clone())).unwrap();
    let mut there = Vec::new();
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).unwrap();
        let name = member.name().unwrap().into_owned();
        let mut content = Vec::new();
        member.read_to_end(&mut content).unwrap();
        assert_eq!(content, pickle(&name));
        there.push((name.clone(), name));
    }

    let facts = scan(&Content::from_bytes(bytes), &BlobPath::new("m.zip"), &Limits::default()).unwrap();
    assert!(facts.faults.is_empty(), "{:?}", facts.faults);
    let mut found: Vec<_> =
        facts.streams.iter().map(|stream| (stream.member.clone(), stream.imports[0].name.clone())).collect();
    found.sort();
    there.sort();
    assert_eq!(found, there);
}
