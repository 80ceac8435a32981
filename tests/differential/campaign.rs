//! Runs inputs through the machine and through Python, on as many threads as there are processors.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::compare::{Disagreement, compare};
use crate::inputs::regressions;
use crate::oracle::{Answer, Oracle};
use crate::shrink::shrunk;

/// Inputs that are handed to Python at once.
const BATCH: u64 = 500;

/// What came of it.
#[derive(Debug, Default)]
pub struct Tally {
    pub inputs: u64,
    /// Inputs that every reading accepts.
    pub accepted: u64,
    /// Imports that were resolved, each once for an input and a reading.
    pub imports: u64,
    /// Inputs on which the interpreter died.
    pub died: u64,
    /// Inputs times kinds of disagreement.
    pub disagreed: u64,
    /// How often each kind of disagreement was seen, and the first input that showed it, made small.
    pub disagreements: BTreeMap<Disagreement, (u64, Vec<u8>)>,
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Tally { inputs, accepted, imports, died, disagreed, .. } = self;
        write!(f, "{inputs} inputs, {accepted} accepted by every reading, {imports} imports resolved, ")?;
        write!(f, "{disagreed} disagreements, {died} killed the interpreter")
    }
}

impl Tally {
    /// Counts something else too.
    pub fn add(&mut self, other: Tally) {
        self.inputs += other.inputs;
        self.accepted += other.accepted;
        self.imports += other.imports;
        self.died += other.died;
        self.disagreed += other.disagreed;
        self.disagreements.extend(other.disagreements);
    }

    /// The disagreements for a person, in the form of the regression files.
    pub fn report(&self) -> String {
        let line = |(d, (n, input)): (&Disagreement, &(u64, Vec<u8>))| {
            format!("{n} times {d:?}\n{}\n", input.escape_ascii())
        };
        self.disagreements.iter().map(line).collect()
    }
}

/// Disagreements of the past that are back.
pub fn replay(oracle: &mut Oracle) -> Vec<String> {
    let regressions = regressions();
    let bytes: Vec<Vec<u8>> = regressions.iter().map(|r| r.bytes.clone()).collect();
    let mut back = Vec::new();
    for (regression, answer) in regressions.iter().zip(oracle.ask(&bytes)) {
        match answer {
            Answer::Died => back.push(format!("{}: the interpreter died", regression.name)),
            Answer::Readings(theirs) => {
                let found = compare(&regression.bytes, &theirs);
                back.extend(found.into_iter().map(|d| format!("{}: {d:?}", regression.name)));
            }
        }
    }
    back
}

/// Runs the inputs with these numbers.
pub fn run(pythons: &[String], numbers: Range<u64>, make: impl Fn(u64) -> Vec<u8> + Sync) -> Tally {
    let next = AtomicU64::new(numbers.start);
    let tally = Mutex::new(Tally::default());
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    std::thread::scope(|scope| {
        for thread in 0..threads.max(pythons.len()) {
            let python = &pythons[thread % pythons.len()];
            let (next, tally, make, numbers) = (&next, &tally, &make, &numbers);
            scope.spawn(move || {
                let mut oracle = Oracle::start(python).expect("the interpreter started before");
                loop {
                    let from = next.fetch_add(BATCH, Ordering::Relaxed);
                    if from >= numbers.end {
                        break;
                    }
                    let batch: Vec<Vec<u8>> = (from..numbers.end.min(from + BATCH)).map(make).collect();
                    batch_through(&mut oracle, &batch, tally);
                }
            });
        }
    });
    tally.into_inner().expect("no thread panicked")
}

fn batch_through(oracle: &mut Oracle, batch: &[Vec<u8>], tally: &Mutex<Tally>) {
    let answers = oracle.ask(batch);
    let mut seen = Vec::new();
    let mut counts = Tally { inputs: batch.len() as u64, ..Tally::default() };
    for (input, answer) in batch.iter().zip(answers) {
        match answer {
            Answer::Died => counts.died += 1,
            Answer::Readings(theirs) => {
                counts.accepted += u64::from(theirs.iter().all(|r| r.accepted()));
                counts.imports += theirs.iter().map(|r| r.imports.len() as u64).sum::<u64>();
                seen.extend(compare(input, &theirs).into_iter().map(|d| (d, input)));
            }
        }
    }
    let mut tally = tally.lock().expect("no thread panicked");
    counts.disagreed += seen.len() as u64;
    tally.add(counts);
    for (disagreement, input) in seen {
        let kind = disagreement.kind();
        match tally.disagreements.get_mut(&kind) {
            Some((n, _)) => *n += 1,
            None => {
                let small = shrunk(oracle, input, &disagreement);
                tally.disagreements.insert(kind, (1, small));
            }
        }
    }
}
