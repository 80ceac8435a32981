//! What each fuzz target does with its bytes, and what must hold. The targets in `fuzz_targets/` call
//! these functions, and so does the ordinary test that replays the seeds and the findings of the past.

use std::path::Path;

use fickgate_engine::content::Content;
use fickgate_engine::facts::{Facts, Loader, Stream};
use fickgate_engine::finding::Finding;
use fickgate_engine::judge;
use fickgate_engine::limits::Limits;
use fickgate_engine::path::BlobPath;
use fickgate_engine::pickle::machine as pickle;
use fickgate_engine::policy::file::PolicyFile;
use fickgate_engine::policy::{Date, Layer, Policy};
use fickgate_engine::rule::Level;

/// A target: any bytes may be given to it, and it panics where something does not hold.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: &[(&str, Target)] = &[
    ("machine", machine),
    ("scan", scan),
    ("zip", zip),
    ("tar", tar),
    ("numpy", numpy),
    ("joblib", joblib),
    ("torch", torch),
    ("codec", codec),
    ("embedded", embedded),
    ("hdf5", hdf5),
    ("unknown", unknown),
    ("policy", policy),
];

/// Names under which loaders differ.
const PATHS: [&str; 8] = ["m.pkl", "m.pt", "m.joblib", "m.npy", "m.npz", "m.zip", "m.json", "m"];

/// Forms of compressed content, in the words of [`Facts::forms`].
const CODECS: [&str; 7] = ["gzip", "zlib", "bzip2", "xz", "lzma", "lz4", "zstd"];

/// Limits that a small input can reach.
fn limits() -> Limits {
    Limits {
        inflated: 64 << 20,
        inflated_free: 1 << 20,
        held: 64 << 10,
        members: 2_000,
        stacked: 20_000,
        guessed: 100_000,
        machine_memory: 16 << 20,
        ..Limits::default()
    }
}

/// The machine, by the rules of every loader.
pub fn machine(bytes: &[u8]) {
    let content = Content::from_bytes(bytes);
    for reading in [
        Loader::Pickle,
        Loader::Joblib,
        Loader::JoblibUnpadded,
        Loader::JoblibPlain,
        Loader::Torch,
        Loader::TorchScript,
    ] {
        let run = pickle::run(&content, 0, reading, "", &limits()).expect("bytes in memory are readable");
        for stream in std::iter::once(&run.stream).chain(&run.inner) {
            offsets_hold(stream, bytes.len() as u64);
        }
    }
}

/// A whole file, its name chosen by the first byte.
pub fn scan(bytes: &[u8]) {
    let Some((&first, rest)) = bytes.split_first() else { return };
    file(rest, PATHS[usize::from(first) % PATHS.len()]);
}

/// A zip archive of the members that the bytes spell, with some bytes of it overwritten.
pub fn zip(bytes: &[u8]) {
    let mut input = Input(bytes);
    let mut archive = Vec::new();
    let mut directory = Vec::new();
    let count = input.byte() % 6;
    let patches = input.take(3 * 8);
    for _ in 0..count {
        let (name, stored) = input.member();
        let offset = archive.len() as u32;
        let method = u16::from(input.byte() % 2) * 8;
        let size = stored.len() as u32;
        let mut fields = vec![20, 0, 0, 0];
        fields.extend(method.to_le_bytes());
        fields.extend([0; 8]);
        fields.extend(size.to_le_bytes());
        fields.extend(size.to_le_bytes());
        fields.extend((name.len() as u16).to_le_bytes());
        fields.extend([0; 2]);
        archive.extend(b"PK\x03\x04");
        archive.extend(&fields);
        archive.extend(name);
        archive.extend(stored);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&fields);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name);
    }
    let (start, size) = (archive.len() as u32, directory.len() as u32);
    archive.extend(directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend(u16::from(count).to_le_bytes());
    archive.extend(u16::from(count).to_le_bytes());
    archive.extend(size.to_le_bytes());
    archive.extend(start.to_le_bytes());
    archive.extend([0; 2]);
    archive.extend(input.0);
    patch(&mut archive, patches);
    file(&archive, "m.pt");
}

/// A tar archive of the members that the bytes spell, with some bytes of it overwritten.
pub fn tar(bytes: &[u8]) {
    let mut input = Input(bytes);
    let mut archive = Vec::new();
    let count = input.byte() % 6;
    let patches = input.take(3 * 8);
    for _ in 0..count {
        let kind = input.byte();
        let (name, stored) = input.member();
        let mut header = [0u8; 512];
        header[..name.len()].copy_from_slice(name);
        header[124..135].copy_from_slice(format!("{:011o}", stored.len()).as_bytes());
        header[148..156].fill(b' ');
        header[156] = kind;
        header[257..263].copy_from_slice(b"ustar\0");
        patch(&mut header, patches);
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend(header);
        archive.extend(stored);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.extend([0; 1024]);
    archive.extend(input.0);
    file(&archive, "m.tar");
}

/// A `.npy` file.
pub fn numpy(bytes: &[u8]) {
    file(&[b"\x93NUMPY", bytes].concat(), "m.npy");
}

/// A joblib file, compressed or not.
pub fn joblib(bytes: &[u8]) {
    file(bytes, "m.joblib");
}

/// What follows the magic number of torch's old layout.
pub fn torch(bytes: &[u8]) {
    file(&[b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.", bytes].concat(), "m.pt");
}

/// Compressed content, its form chosen by the first byte.
pub fn codec(bytes: &[u8]) {
    const MAGIC: [&[u8]; 7] = [
        b"\x1f\x8b\x08",
        b"\x78\x9c",
        b"BZh9",
        b"\xfd7zXZ\0",
        b"\x04\x22\x4d\x18",
        b"\x28\xb5\x2f\xfd",
        b"\x5d\0\0\x80\0",
    ];
    let Some((&first, rest)) = bytes.split_first() else { return };
    file(&[MAGIC[usize::from(first) % MAGIC.len()], rest].concat(), "m.pkl");
}

/// Text that carries base64.
pub fn embedded(bytes: &[u8]) {
    file(bytes, "m.ipynb");
    file(&[b"{\"policy\": {\":type:\": \"x\", \":serialized:\": \"", bytes, b"\"}}"].concat(), "data");
}

/// A file of HDF5, with its superblock before it or as it comes.
pub fn hdf5(bytes: &[u8]) {
    file(bytes, "m.h5");
    let mut whole = b"\x89HDF\r\n\x1a\n\x02\x08\x08\0".to_vec();
    for address in [0u64, u64::MAX, 48 + bytes.len() as u64, 48] {
        whole.extend(address.to_le_bytes());
    }
    whole.extend([0; 4]);
    whole.extend_from_slice(bytes);
    file(&whole, "m.h5");
}

/// Content of no form, behind a header of four bytes, and with a length.
pub fn unknown(bytes: &[u8]) {
    file(&[b"zzzz", bytes].concat(), "m");
    file(&[b"\0\x01\xff\x7f", bytes].concat(), "m");
    file(&[&(bytes.len() as u32).to_be_bytes()[..], bytes, b"\xff"].concat(), "m");
}

/// A policy file: parsed or refused, and a parsed one decides.
pub fn policy(bytes: &[u8]) {
    let Ok(file) = PolicyFile::parse(bytes, ".fickgate.yaml", Layer::Repository) else { return };
    let policy = Policy::new([file], today());
    let evil = b"cos\nsystem\n(X\x04\x00\x00\x00truetR.";
    let path = BlobPath::from_path(Path::new("m.pkl"));
    let facts =
        fickgate_engine::scan::scan(&Content::from_bytes(&evil[..]), &path, &limits()).expect("in memory");
    let _ = judge::judge(&facts, &path, None, &policy, &policy.usage());
}

/// What must hold for every file.
fn file(bytes: &[u8], name: &str) {
    let path = BlobPath::from_path(Path::new(name));
    let read = || {
        fickgate_engine::scan::scan(&Content::from_bytes(bytes), &path, &limits())
            .expect("bytes in memory are readable")
    };
    let facts = read();
    assert_eq!(format!("{facts:?}"), format!("{:?}", read()), "facts differ from run to run");
    // Offsets in compressed content count what it inflates to.
    if !facts.forms.iter().any(|form| CODECS.contains(form)) {
        for stream in facts.streams.iter().filter(|s| s.member.is_empty()) {
            offsets_hold(stream, bytes.len() as u64);
        }
    }
    verdicts_hold(&facts, &path);
}

/// Allowing more imports never brings a new error, and without any import allowed every import that is
/// listed by no layer is refused.
fn verdicts_hold(facts: &Facts, path: &BlobPath) {
    let errors = |policy: &Policy| -> Vec<String> {
        let findings: Vec<Finding> = judge::judge(facts, path, None, policy, &policy.usage());
        findings.iter().filter(|f| f.level == Level::Error).map(|f| f.rule.to_string()).collect()
    };
    // Classes of a TorchScript archive's own code are no imports of Python.
    let streams = facts.streams.iter().filter(|s| s.reading != Loader::TorchScript);
    let imports: Vec<String> = streams.flat_map(|s| &s.imports).map(|i| i.dotted()).collect();
    let bare =
        || PolicyFile::parse(b"version: 1\nextends: [none]\n", "bare", Layer::Repository).expect("a policy");
    let refused = errors(&Policy::new([bare()], today()));
    assert!(imports.is_empty() || !refused.is_empty(), "an import passes that nobody allows");
    let mut names = imports;
    names.truncate(8);
    let Ok(allowed) = PolicyFile::of_allow(&names) else { return };
    let more = errors(&Policy::new([bare(), allowed], today()));
    assert!(more.len() <= refused.len(), "{more:?} where less is allowed: {refused:?}");
}

fn today() -> Date {
    Date::parse("2026-01-01").expect("a date")
}

fn offsets_hold(stream: &Stream, len: u64) {
    assert!(stream.start <= stream.end && stream.end <= len, "a stream reaches behind the end");
    for import in &stream.imports {
        assert!(import.offset < stream.end, "an import lies behind the stream");
        assert!(import.uses.iter().all(|u| u.offset < stream.end), "a use lies behind the stream");
    }
    assert!(stream.faults.iter().all(|f| f.offset <= stream.end), "a fault lies behind the stream");
}

/// Overwrites bytes: two for the place, one for the value.
fn patch(bytes: &mut [u8], patches: &[u8]) {
    for [low, high, value] in patches.iter().as_slice().as_chunks::<3>().0 {
        let place = usize::from(u16::from_le_bytes([*low, *high]));
        if let Some(byte) = bytes.get_mut(place) {
            *byte = *value;
        }
    }
}

/// Bytes that are taken from the front.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    fn take(&mut self, n: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(n.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A name and a content, each behind its length.
    fn member(&mut self) -> (&'a [u8], &'a [u8]) {
        let name = usize::from(self.byte() % 32);
        let content = usize::from(self.byte());
        (self.take(name), self.take(content))
    }
}
