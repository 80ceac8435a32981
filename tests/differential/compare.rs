//! Ours against theirs.

use std::collections::BTreeSet;

use fickgate_engine::content::Content;
use fickgate_engine::facts::{Loader as Rules, Stream};
use fickgate_engine::limits::Limits;
use fickgate_engine::pickle::machine;
use fickgate_engine::rule::Rule;

use crate::oracle::Loader;

/// What is wrong with one input.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Disagreement {
    /// An unpickler resolves what we do not report.
    Missed { reading: String, import: String },
    /// Every unpickler accepts the stream, and we report what none resolves.
    Invented { import: String },
    /// Every unpickler accepts the stream, and we do not reach its end or find it broken.
    Refused { fault: String },
    /// One unpickler accepts the stream, another does not, and we do not say so.
    Unsaid { accepted: String, refused: String },
}

impl Disagreement {
    /// The same, whatever the names: what a smaller input must show.
    pub fn kind(&self) -> Disagreement {
        match self.clone() {
            Disagreement::Missed { reading, .. } => Disagreement::Missed { reading, import: String::new() },
            Disagreement::Invented { .. } => Disagreement::Invented { import: String::new() },
            other => other,
        }
    }
}

/// What no pickler writes, and every unpickler happens to pass over: a frame that ends between an
/// opcode and its argument, and `(None, {})` as the state of a value that takes none. What unpicklers of
/// other versions read in another way. And what only a stub puts up with: `bytearray(b"...")` gives
/// bytes, which cannot be called and take no items.
const STRICTER: &[&str] = &[
    "a frame ends inside an opcode",
    "a frame begins inside another",
    "sets state on a value that has none",
    "applies a value that cannot be called",
    "puts items into a value that takes none",
    "since 3.14 differ at an integer",
    "since 3.14 differ at a long integer",
    // What loads takes longer than anybody waits, or could where a key of a memo is used once more.
    "than is allowed",
    "each of which is compared with all",
];

/// What the library says: the stream, and the other ways to read it.
pub fn ours(input: &[u8]) -> Vec<Stream> {
    let streams = kept(input, &Limits::default());
    // A machine that lets go of old values says the same.
    let forgetful = kept(input, &Limits { kept: 64, ..Limits::default() });
    assert_eq!(format!("{streams:?}"), format!("{forgetful:?}"), "{}", input.escape_ascii());
    streams
}

fn kept(input: &[u8], limits: &Limits) -> Vec<Stream> {
    let content = Content::from_bytes(input);
    let run = machine::run(&content, 0, Rules::Pickle, "", limits).expect("bytes in memory are readable");
    let mut streams = vec![run.stream];
    streams.extend(run.inner);
    streams
}

/// Compares every reading of an input with ours.
pub fn compare(input: &[u8], theirs: &[Loader]) -> BTreeSet<Disagreement> {
    let streams = ours(input);
    let mut found = BTreeSet::new();
    // PyPy has the Python unpickler alone, and reads two backslashes of UNICODE as one.
    let both = theirs.iter().any(|r| r.name == "c");
    let name = |name: &str| if both { name.to_owned() } else { name.replace(r"\\", r"\") };
    let imports = || streams.iter().flat_map(|s| &s.imports);
    let written: BTreeSet<(String, String)> =
        imports().map(|i| (name(&i.raw_module), name(&i.raw_name))).collect();
    let resolved: BTreeSet<(String, String)> = imports().map(|i| (name(&i.module), name(&i.name))).collect();
    for reading in theirs {
        // With frames that are too short, a file with a read-ahead can be read in as many ways as there
        // are places at which the read-ahead ends. The two extremes are followed, the rest is refused.
        if reading.name == "c-peek" && streams.len() > 1 {
            continue;
        }
        // PyPy reads escapes of UNICODE that no CPython can decode, where the machine stops and says so.
        let broken = |s: &Stream| s.faults.iter().any(|f| f.rule == Rule::StreamMalformed);
        if !both && streams.iter().any(broken) {
            continue;
        }
        let missed = reading.imports.iter().find(|(module, attribute, raw_module, raw_name)| {
            let known = match (module, attribute) {
                (Some(m), Some(n)) => resolved.contains(&(name(m), name(n))),
                _ => true,
            };
            !known || !written.contains(&(name(raw_module), name(raw_name)))
        });
        if let Some((_, _, module, name)) = missed {
            let import = format!("{module} {name}");
            found.insert(Disagreement::Missed { reading: reading.name.clone(), import });
        }
    }
    // Out-of-band buffers are between the caller and the file.
    let theirs: Vec<&Loader> = theirs.iter().filter(|r| !r.name.ends_with("-oob")).collect();
    let Some(first) = streams.first() else { return found };
    if theirs.iter().all(|r| r.accepted()) {
        let taken: BTreeSet<(String, String)> =
            theirs.iter().flat_map(|r| &r.imports).map(|(_, _, m, n)| (name(m), name(n))).collect();
        // What `getattr` gives of an import is one more, which no unpickler asks for by name.
        let reached: BTreeSet<(String, String)> = imports()
            .filter(|i| i.opcode == "REDUCE")
            .map(|i| (name(&i.raw_module), name(&i.raw_name)))
            .collect();
        if let Some((module, name)) = written.difference(&taken).find(|i| !reached.contains(i)) {
            found.insert(Disagreement::Invented { import: format!("{module} {name}") });
        }
        // The Python unpickler alone cannot tell what the other one refuses.
        let broken = [Rule::StreamMalformed, Rule::StreamAmbiguous, Rule::ResourceLimit];
        let stricter = |message: &str| STRICTER.iter().any(|end| message.ends_with(end));
        let fault = first.faults.iter().find(|f| both && broken.contains(&f.rule) && !stricter(&f.message));
        if let Some(fault) = fault {
            found.insert(Disagreement::Refused { fault: fault.message.clone() });
        } else if both && !first.stopped() {
            found.insert(Disagreement::Refused { fault: "no STOP".to_owned() });
        }
    } else if streams.iter().all(|s| s.faults.is_empty()) && !theirs.iter().any(|r| r.gave_up()) {
        let accepted = theirs.iter().find(|r| r.accepted());
        let refused = theirs.iter().find(|r| !r.accepted());
        if let (Some(accepted), Some(refused)) = (accepted, refused) {
            let refused = format!("{} {}", refused.name, refused.outcome);
            found.insert(Disagreement::Unsaid { accepted: accepted.name.clone(), refused });
        }
    }
    found
}
