//! Compressed files that are longer than what is kept of them in memory.

#![allow(clippy::unwrap_used)]

use std::io::Write as _;

use fickgate_engine::{BlobPath, Content, Limits, scan};
use flate2::Compression;
use flate2::write::GzEncoder;

/// A table of numbers, as people compress them: its length is known once all of it was decompressed.
fn table() -> Vec<u8> {
    let rows = (0..600_000u32).map(|n| format!("{n},{},{:.3}\n", n % 7, f64::from(n) / 8.0));
    rows.collect::<String>().into_bytes()
}

#[test]
fn a_long_table_is_quiet() {
    let limits = Limits::default();
    let plain = table();
    assert!(plain.len() as u64 > limits.held, "{}", plain.len());
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&plain).unwrap();
    let facts =
        scan(&Content::from_bytes(gzip.finish().unwrap()), &BlobPath::new("table.csv.gz"), &limits).unwrap();
    assert!(facts.faults.is_empty(), "{:?}", facts.faults);
    assert!(facts.streams.is_empty());
}
