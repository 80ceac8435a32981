//! Databases: values begin where the format says, and what no record covers is looked at.

#![allow(clippy::unwrap_used)]

use fickgate_engine::facts::Facts;
use fickgate_engine::rule::Rule;
use fickgate_engine::{BlobPath, Content, Limits, scan};

fn read(name: &str, bytes: &[u8]) -> Facts {
    scan(&Content::from_bytes(bytes), &BlobPath::new(name), &Limits::default()).unwrap()
}

fn imports(facts: &Facts) -> Vec<String> {
    let mut found: Vec<_> = facts.streams.iter().flat_map(|s| &s.imports).map(|i| i.dotted()).collect();
    found.sort();
    found.dedup();
    found
}

const PAGE: usize = 1024;
/// A call whose module no source could spell, by an opcode that no search looks for.
const ODD: &[u8] = b"(X\x01\0\0\0Mifickgate-marker\nhit\n.";

/// A database of one table leaf, whose rows hold a blob each. What does not fit goes on in further pages.
fn sqlite(blobs: &[&[u8]]) -> Vec<u8> {
    let mut first = vec![0; PAGE];
    first[..16].copy_from_slice(b"SQLite format 3\0");
    first[16..18].copy_from_slice(&(PAGE as u16).to_be_bytes());
    first[59] = 1;
    first[100] = 13;
    first[103..105].copy_from_slice(&(blobs.len() as u16).to_be_bytes());
    let mut further: Vec<Vec<u8>> = Vec::new();
    let mut end = PAGE;
    for (i, blob) in blobs.iter().enumerate() {
        let kind = (12 + 2 * blob.len()) as u64;
        let mut record = vec![1 + varint(kind).len() as u8];
        record.extend(varint(kind));
        record.extend_from_slice(blob);
        let (most, least) = (PAGE - 35, (PAGE - 12) * 32 / 255 - 23);
        let fits = least + (record.len().saturating_sub(least)) % (PAGE - 4);
        let local = match () {
            () if record.len() <= most => record.len(),
            () if fits <= most => fits,
            () => least,
        };
        let mut cell = varint(record.len() as u64);
        cell.push(i as u8 + 1);
        cell.extend_from_slice(&record[..local]);
        if local < record.len() {
            cell.extend_from_slice(&(further.len() as u32 + 2).to_be_bytes());
            let parts: Vec<&[u8]> = record[local..].chunks(PAGE - 4).collect();
            for (n, part) in parts.iter().enumerate() {
                let next = if n + 1 < parts.len() { further.len() as u32 + 3 } else { 0 };
                let mut page = next.to_be_bytes().to_vec();
                page.extend_from_slice(part);
                page.resize(PAGE, 0);
                further.push(page);
            }
        }
        end -= cell.len();
        first[end..end + cell.len()].copy_from_slice(&cell);
        first[108 + 2 * i..110 + 2 * i].copy_from_slice(&(end as u16).to_be_bytes());
    }
    first.extend(further.concat());
    first
}

fn varint(n: u64) -> Vec<u8> {
    let mut bytes = vec![(n & 0x7f) as u8];
    let mut n = n >> 7;
    while n > 0 {
        bytes.insert(0, (n & 0x7f) as u8 | 0x80);
        n >>= 7;
    }
    bytes
}

#[test]
fn values_of_sqlite_begin_where_their_records_say() {
    assert_eq!(imports(&read("cache.db", &sqlite(&[b"N.", ODD]))), ["fickgate-marker.hit"]);
    // Over three pages, and behind what a search takes for text.
    let long = [b"(V".as_slice(), &[b'c'; 2000], b"\nifickgate-marker\nhit\n."].concat();
    assert_eq!(imports(&read("cache.db", &sqlite(&[&long]))), ["fickgate-marker.hit"]);
    // A value that holds another is one pickle: nothing unpickles from its middle on.
    let nested = [b"\x80\x02X\x0d\0\0\0cevil\nrun\n(tR".as_slice(), b"q\0."].concat();
    assert_eq!(imports(&read("cache.db", &sqlite(&[&nested]))), [""; 0]);
}

#[test]
fn literals_in_a_schema_of_sqlite_are_values() {
    // The kind of a text is odd, that of a blob of the same length even.
    let as_text = |statement: &str| {
        let mut bytes = sqlite(&[statement.as_bytes()]);
        let place = bytes.len() - statement.len() - 1;
        bytes[place] += 1;
        bytes
    };
    let view = "CREATE VIEW cache AS SELECT x'636576696c0a72756e0a2874522e' AS v";
    assert_eq!(imports(&read("cache.db", &as_text(view))), ["evil.run"]);
    let table = "CREATE TABLE cache (v DEFAULT 'cevil\nrun\n(S''a''\ntR.')";
    assert_eq!(imports(&read("cache.db", &as_text(table))), ["evil.run"]);
    let behind = "CREATE/*'*/TABLE [it's] (\"it's\", -- it's\nv DEFAULT 'cevil\nrun\n(S''a''\ntR.')";
    assert_eq!(imports(&read("cache.db", &as_text(behind))), ["evil.run"]);
}

#[test]
fn values_that_a_schema_computes_are_in_no_record() {
    let as_text = |statement: &str| {
        let mut bytes = sqlite(&[statement.as_bytes()]);
        let place = bytes.len() - statement.len() - 1;
        bytes[place] += 1;
        read("cache.db", &bytes)
    };
    let told = |facts: &Facts| facts.faults.iter().any(|f| f.fault.rule == Rule::ContainerUnreadable);
    for computes in [
        "CREATE VIEW Dict AS SELECT x'61' AS key, replace('co|s', '|', '') AS value",
        "create/**/view Dict AS SELECT x'61' AS key, x'63'||x'64' AS value",
        "CREATE\nTEMP -- of ours\nVIEW\"Dict\"(a, b) AS SELECT x'61', x'63'||x'64'",
        "CREATE VIRTUAL TABLE Dict USING csv(filename='a.csv')",
        "CREATE VIEW cache AS SELECT ':1:k', 'gASV'||'jAAA', NULL",
        "CREATE VIEW cache AS SELECT '{\"a\": \"x\"}' ->> 'a'",
        "CREATE VIEW cache AS SELECT \"replace\"(a, 'b', 'c') FROM t",
        "CREATE TABLE Dict (key, a, b, value AS (a || b))",
        "CREATE TABLE Dict (key, a, b, \"value\" BLOB GENERATED ALWAYS AS/**/(a || b) STORED)",
    ] {
        assert!(told(&as_text(computes)), "{computes}");
    }
    for plain in [
        "CREATE TABLE Dict (key BLOB UNIQUE NOT NULL, value BLOB NOT NULL)",
        "CREATE TABLE t (key, value) -- a view of Dict as (it is)",
        "create a view of what key has which value in a dictionary, as (it is)",
        "CREATE VIEW totals(name, n) AS SELECT name, count(*) OVER (PARTITION BY name) FROM (SELECT DISTINCT name FROM t)",
        "CREATE TABLE t (a varchar(255), b AS (max(a, 1)) STORED, c decimal(10, 2) CHECK (c > 0))",
        "CREATE VIRTUAL TABLE docs USING fts5(title, body)",
        "CREATE VIEW tiles AS SELECT map.tile_id AS id, images.tile_data AS data FROM map JOIN images",
    ] {
        assert!(!told(&as_text(plain)), "{plain}");
    }
}

#[test]
fn a_journal_of_sqlite_is_half_a_database() {
    let log = [b"\x37\x7f\x06\x82".as_slice(), &[0; PAGE]].concat();
    assert!(read("s.db-wal", &log).faults.iter().any(|f| f.fault.rule == Rule::ContainerUnreadable));
    assert!(read("s.db-wal", &log[..32]).faults.is_empty());
}

#[test]
fn what_no_record_of_sqlite_covers_is_searched() {
    let mut bytes = sqlite(&[b"N."]);
    bytes[300..316].copy_from_slice(b"cevil\nrun\n(tR.\0\0");
    assert_eq!(imports(&read("cache.db", &bytes)), ["evil.run"]);
    let mut bytes = sqlite(&[b"N."]);
    bytes.extend([0; 4]);
    bytes.extend(b"cevil\nrun\n(tR.");
    bytes.resize(2 * PAGE, 0);
    assert_eq!(imports(&read("cache.db", &bytes)), ["evil.run"]);
    // A chain of pages that leads in a circle ends.
    let mut bytes = sqlite(&[&[b'N'; 3000]]);
    bytes[PAGE..PAGE + 4].copy_from_slice(&2u32.to_be_bytes());
    read("cache.db", &bytes);
}

#[test]
fn values_of_dbm_dumb_begin_at_blocks() {
    let at = |place: usize, value: &[u8]| {
        let mut bytes = b"\x80\x02N.".to_vec();
        bytes.resize(place, 0);
        bytes.extend_from_slice(value);
        bytes
    };
    assert_eq!(imports(&read("x.dat", &at(512, ODD))), ["fickgate-marker.hit"]);
    assert_eq!(imports(&read("x.dat", &at(1024, b"cevil\nrun\n\x02"))), ["evil.run"]);
    // What stands before a place silences nothing.
    assert_eq!(imports(&read("x.dat", &at(607, b"\nVxyzcevil\nrun\n(tR."))), ["evil.run"]);
    assert_eq!(imports(&read("x.dat", &at(607, b"\nVxyzcevil\nrun\n."))), ["evil.run"]);
    // A value of several blocks that holds another: it is asked for by a text that says so, which is refused.
    let long =
        [b"\x80\x02X\x84\x03\0\0".as_slice(), &[b' '; 700], b"cevil\nrun\n(tR.", &[b' '; 186], b"."].concat();
    assert_eq!(imports(&read("x.dat", &at(512, &long))), [""; 0]);
    let aligned =
        [b"\x80\x02X\x84\x03\0\0".as_slice(), &[b' '; 505], b"cevil\nrun\n(tR.", &[b' '; 381], b"."].concat();
    assert_eq!(imports(&read("x.dat", &at(512, &aligned))), ["evil.run"]);
    assert_eq!(imports(&read("x.dat", &aligned)), ["evil.run"]);
    // An honest pickle with the end of a name at a block.
    let honest = [
        b"(V".as_slice(),
        &[b' '; 508],
        b"\nccopy_reg\n_reconstructor\n(c__main__\nX\nc__builtin__\nobject\nNtRt.",
    ]
    .concat();
    assert_eq!(&honest[512..520], b"copy_reg");
    assert!(!imports(&read("x.dat", &honest)).contains(&"opy_reg._reconstructor".to_owned()));
}

#[test]
fn a_directory_of_dbm_dumb_names_blocks() {
    assert!(read("x.dir", b"'a', (0, 12)\n'b', (512, 3)\n").faults.is_empty());
    for text in ["'a', (607, 12)\n", "'a', (0, 12)\n 'b', (0x25f, 3)\n", "('a', (607, 12))\n"] {
        let faults = read("x.dir", text.as_bytes()).faults;
        assert_eq!(
            faults.iter().map(|f| f.fault.rule).collect::<Vec<_>>(),
            [Rule::ContainerAnomaly],
            "{text}"
        );
    }
    assert!(read("x.dir", b"a folder\n").faults.is_empty());
}

#[test]
fn values_of_variable_length_in_hdf5_are_read() {
    let value = b"cevil\nrun\n\x02";
    let mut bytes = b"\x89HDF\r\n\x1a\n".to_vec();
    bytes.resize(2048, 0);
    bytes.extend(b"GCOL\x01\0\0\0");
    bytes.extend(4096u64.to_le_bytes());
    for (number, value) in [(1u16, b"some text".as_slice()), (2, value)] {
        bytes.extend(number.to_le_bytes());
        bytes.extend([1, 0, 0, 0, 0, 0]);
        bytes.extend((value.len() as u64).to_le_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    }
    bytes.resize(8192, 0);
    assert_eq!(imports(&read("x.h5", &bytes)), ["evil.run"]);
    // A collection before it that claims to hold it hides nothing.
    bytes[1024..1032].copy_from_slice(b"GCOL\x01\0\0\0");
    bytes[1032..1040].copy_from_slice(&6000u64.to_le_bytes());
    bytes[1040] = 1;
    bytes[1048..1056].copy_from_slice(&5000u64.to_le_bytes());
    assert_eq!(imports(&read("x.h5", &bytes)), ["evil.run"]);
}

/// Files of the libraries themselves: `tests/fixtures/make_databases.py`.
#[test]
fn every_value_of_a_database_is_read_from_its_beginning() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/databases");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let Some(count) = name.rsplit_once('-').and_then(|(_, count)| count.parse::<usize>().ok()) else {
            continue;
        };
        seen += 1;
        let facts = read(name, &std::fs::read(&path).unwrap());
        let missed: Vec<usize> = (0..count)
            .filter(|n| {
                let module = format!("evil{n}");
                let values = facts.streams.iter().filter(|stream| stream.member.starts_with("value@"));
                !values.flat_map(|stream| &stream.imports).any(|import| import.module == module)
            })
            .collect();
        assert_eq!(missed, [], "{name}");
        assert!(facts.faults.is_empty(), "{name}: {:?}", facts.faults);
    }
    assert_eq!(seen, 13);
}

/// Small numbers begin as a header of .lzma does that wants a large dictionary.
#[test]
fn numbers_are_no_lzma() {
    for second in [12u32, 16, 32, 64] {
        let numbers = [5, second, 3, 0, 1, 2, 3, 4, 7, 7, 7, 7];
        let bytes: Vec<u8> = numbers.into_iter().flat_map(u32::to_le_bytes).collect();
        assert!(
            read("lengths.bin", &bytes).faults.iter().all(|f| f.fault.rule == Rule::NotAPickle),
            "{second}"
        );
    }
}
