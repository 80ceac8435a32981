//! Where inputs come from: the generator, and files of the test suite with something changed.

use std::path::{Path, PathBuf};

use crate::generate;
use crate::random::Random;

/// A longer file is cut: most of it is one long literal.
const LONGEST: usize = 4096;

/// Numbered inputs; the same number gives the same input as long as the fixtures stay.
pub struct Inputs {
    seeds: Vec<Vec<u8>>,
}

impl Inputs {
    /// With what libraries wrote, and every disagreement of the past, to be damaged.
    pub fn new() -> Inputs {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        let endless = endless(&tests);
        let mut seeds: Vec<Vec<u8>> = regressions().into_iter().map(|r| r.bytes).collect();
        for file in files(&tests.join("fixtures")) {
            if endless.iter().any(|name| file.ends_with(name)) {
                continue;
            }
            let Ok(mut bytes) = std::fs::read(file) else { continue };
            bytes.truncate(LONGEST);
            // A stored member of an archive begins behind its header.
            let first = bytes.windows(2).position(|w| w[0] == 0x80 && (2..=5).contains(&w[1])).unwrap_or(0);
            seeds.push(bytes.split_off(first));
        }
        Inputs { seeds }
    }

    /// Three of the generator, then a damaged file.
    pub fn any(&self, number: u64) -> Vec<u8> {
        if number % 4 == 3 { self.damaged(number) } else { generate::stream(number) }
    }

    /// A file, in one of twenty cases as it is.
    pub fn damaged(&self, number: u64) -> Vec<u8> {
        let mut random = Random::new(number ^ 0x5eed_0000_0000);
        let seed = &self.seeds[random.below(self.seeds.len())];
        if random.one_in(20) { seed.clone() } else { generate::mutated(seed, &mut random) }
    }
}

/// A disagreement of the past.
pub struct Regression {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// `regressions/*.txt`: a line of why, then the bytes in Python's escapes.
pub fn regressions() -> Vec<Regression> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/regressions");
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a text file");
        let (why, bytes) = text.split_once('\n').expect("two lines");
        assert!(!why.is_empty(), "{} does not say why", path.display());
        Regression { name: path.display().to_string(), bytes: unescape(bytes.trim_end_matches('\n')) }
    };
    files(&folder).into_iter().map(read).collect()
}

/// The fixtures over which an unpickler takes longer than anybody waits, as their table says.
fn endless(tests: &Path) -> Vec<String> {
    let manifest = std::fs::read(tests.join("fixtures/malicious/manifest.json")).expect("the manifest");
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&manifest).expect("a list of rows");
    let endless = rows.iter().filter(|row| row.get("endless").is_some());
    endless.filter_map(|row| Some(row.get("file")?.as_str()?.to_owned())).collect()
}

/// Every file below a folder, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match rest.next().expect("something behind a backslash") {
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'x' => {
                let mut digit =
                    || rest.next().and_then(|d| (d as char).to_digit(16)).expect("two hex digits");
                out.push((digit() * 16 + digit()) as u8);
            }
            other => out.push(other),
        }
    }
    out
}
