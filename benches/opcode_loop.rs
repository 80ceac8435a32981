//! How fast the machine walks opcodes: `cargo bench --bench opcode_loop [-- MIB]`.
//!
//! Each mix is written to a file of its own, walked by the machine in memory and through its window, and
//! loaded by `_pickle.Unpickler` with stubs for imports, which is the least that a reader in Python needs.
//! Times are processor time; the last column is ours from the file to Python's.

#![allow(clippy::expect_used, clippy::print_stdout)]

use std::fs::File;
use std::process::Command;
use std::time::Instant;

use fickgate_engine::content::{Content, FileContent};
use fickgate_engine::facts::Loader;
use fickgate_engine::limits::Limits;
use fickgate_engine::pickle::machine;

/// Times each measurement is taken; the best counts.
const TIMES: usize = 5;

const PYTHON: &str = "
import _pickle, sys, time
class Stub:
    def __init__(self, *a): pass
    def __setstate__(self, s): pass
class Stubbed(_pickle.Unpickler):
    def find_class(self, module, name): return Stub
    def persistent_load(self, id): return None
best = 1e9
for _ in range(3):
    start = time.process_time()
    with open(sys.argv[1], 'rb') as f: Stubbed(f).load()
    best = min(best, time.process_time() - start)
print(best)
";

/// A mix of opcodes as picklers write them.
struct Mix {
    name: &'static str,
    /// Appends one row, given its number.
    row: fn(&mut Vec<u8>, u32),
}

const MIXES: &[Mix] = &[
    // [(1, 2, 300), None, ...]: numbers in small tuples.
    Mix {
        name: "numbers",
        row: |out, i| {
            out.extend([b'K', i as u8, b'K', 7, b'M']);
            out.extend((i as u16).to_le_bytes());
            out.extend([0x87, 0x94, b'N', 0x88]);
        },
    },
    // [{'id': 1, 'name': 'row 1', 'score': 0.5}, ...]: records with memoised keys.
    Mix {
        name: "records",
        row: |out, i| {
            out.extend(b"}\x94(h\x01J");
            out.extend(i.to_le_bytes());
            out.extend(b"h\x02\x8c\x08");
            out.extend(format!("{i:08}").bytes());
            out.extend(b"\x94h\x03G\x3f\xe0\0\0\0\0\0\0u");
        },
    },
    // [C(x), ...]: objects made by NEWOBJ and BUILD.
    Mix {
        name: "objects",
        row: |out, i| {
            out.extend(b"h\x04)\x81\x94}\x94(h\x01K");
            out.push(i as u8);
            out.extend(b"h\x02h\x03ub");
        },
    },
];

/// A list of rows in batches of a thousand, as picklers write it.
fn written(mix: &Mix, size: usize) -> Vec<u8> {
    let mut out = b"\x80\x04]\x94(\x8c\x02id\x94\x8c\x04name\x94\x8c\x05score\x94cm\nC\n\x94e".to_vec();
    let mut i = 0;
    while out.len() < size {
        out.push(b'(');
        for _ in 0..1000 {
            (mix.row)(&mut out, i);
            i += 1;
        }
        out.push(b'e');
    }
    out.push(b'.');
    out
}

/// Seconds this thread was on a processor, which other work on the machine does not change, or else of
/// the clock.
fn seconds_so_far(start: Instant) -> f64 {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = schedstat.and_then(|s| s.split(' ').next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| start.elapsed().as_secs_f64(), |n| n / 1e9)
}

/// How many opcodes there are, and the seconds they take.
fn measure(content: &Content) -> (u64, f64) {
    let start = Instant::now();
    let mut opcodes = 0;
    let best = (0..TIMES).map(|_| {
        let before = seconds_so_far(start);
        let run = machine::run(content, 0, Loader::Pickle, "", &Limits::default()).expect("it can be read");
        let seconds = seconds_so_far(start) - before;
        assert!(run.stream.stopped() && run.stream.faults.is_empty(), "{:?}", run.stream.faults);
        opcodes = run.stream.opcodes;
        seconds
    });
    let best = best.fold(f64::INFINITY, f64::min);
    (opcodes, best)
}

fn main() {
    let mib: usize = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(200);
    let folder = tempfile::tempdir().expect("a temporary folder");
    println!(
        "{:8} {:>6} {:>12} {:>14} {:>14} {:>10}",
        "mix", "MiB", "opcodes", "in memory", "from file", "Python"
    );
    for mix in MIXES {
        let bytes = written(mix, mib << 20);
        let file = folder.path().join(mix.name);
        std::fs::write(&file, &bytes).expect("room for the file");
        let content = Content::from_bytes(bytes);
        let (opcodes, in_memory) = measure(&content);
        let opened = File::open(&file).and_then(FileContent::new).expect("it was just written");
        let (_, from_file) = measure(&Content::new(opened));
        let python = Command::new("python3").args(["-c", PYTHON]).arg(&file).output().ok();
        let python = python.and_then(|o| String::from_utf8(o.stdout).ok()?.trim().parse::<f64>().ok());
        let rate = |seconds: f64| format!("{:.0} Mop/s", opcodes as f64 / seconds / 1e6);
        let ratio = python.map_or("none".to_owned(), |python| format!("1 : {:.1}", python / from_file));
        println!(
            "{:8} {:6} {opcodes:12} {:>14} {:>14} {ratio:>10}",
            mix.name,
            content.len() >> 20,
            rate(in_memory),
            rate(from_file),
        );
    }
}
