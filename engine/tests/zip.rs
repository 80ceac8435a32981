//! Archives that the `zip` crate writes: they are read here as that crate reads them.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{Cursor, Read as _, Write as _};
use std::path::Path;

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

/// Why archives are not read by that crate: it answers with one member where the bytes hold more, and says nothing.
/// Each of these archives makes some loader run `os.system`; `docs/architecture.md` tells of them.
#[test]
fn that_reader_passes_over_members_that_loaders_run() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/malicious");
    let mut passed_over = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if !name.starts_with("torchzip-") && name != "zip-comment.pt" {
            continue;
        }
        let bytes = fs::read(&file).unwrap();
        let facts =
            scan(&Content::from_bytes(bytes.clone()), &BlobPath::new(name.clone()), &Limits::default())
                .unwrap();
        let calls =
            facts.streams.iter().flat_map(|stream| &stream.imports).any(|import| import.name == "system");
        if calls && told_by_the_crate(bytes).is_some_and(|members| !members.iter().any(|m| has(m, b"system")))
        {
            passed_over.push(name);
        }
    }
    // A member of which there are two, one that the directory does not list, an archive in front of another one, a
    // directory that counts less than it has, an archive in the comment of another one.
    for name in [
        "torchzip-duplicate-first.pt",
        "torchzip-hidden-local-entry.pt",
        "torchzip-two-archives.pt",
        "torchzip-entry-count-lies.pt",
        "zip-comment.pt",
    ] {
        assert!(
            passed_over.iter().any(|other| other == name),
            "{name}: the crate tells all of it: {passed_over:?}"
        );
    }
}

/// The content of every member, where the crate reads the archive without an error.
fn told_by_the_crate(bytes: Vec<u8>) -> Option<Vec<Vec<u8>>> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).ok()?;
    let mut members = Vec::new();
    for index in 0..archive.len() {
        let mut content = Vec::new();
        archive.by_index(index).ok()?.read_to_end(&mut content).ok()?;
        members.push(content);
    }
    Some(members)
}

fn has(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}
