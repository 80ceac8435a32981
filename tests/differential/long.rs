//! The long run of the differential test, which can be stopped and taken up again:
//!
//! ```text
//! cargo run --release --example differential -- [--from N] [--inputs N] [--state FILE] [PYTHON...]
//! ```
//!
//! Inputs are numbered; the numbers from N on are run, in slices, on every interpreter in turn. With a
//! state file the count goes on where the last run stopped. A disagreement is printed in the form of the
//! regression files; the run goes on, and fails at its end.

#![allow(clippy::expect_used, clippy::print_stdout)]

mod campaign;
mod compare;
mod generate;
mod inputs;
mod oracle;
mod random;
mod shrink;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use campaign::Tally;

/// Inputs between two lines of progress.
const SLICE: u64 = 100_000;

struct Options {
    from: u64,
    inputs: u64,
    state: Option<PathBuf>,
    pythons: Vec<String>,
}

fn options() -> Options {
    let mut options = Options { from: 0, inputs: 20_000_000, state: None, pythons: Vec::new() };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().expect("a value behind the option");
        match argument.as_str() {
            "--from" => options.from = value().parse().expect("a number"),
            "--inputs" => options.inputs = value().parse().expect("a number"),
            "--state" => options.state = Some(value().into()),
            _ => options.pythons.push(argument),
        }
    }
    if options.pythons.is_empty() {
        options.pythons.push("python3".to_owned());
    }
    options
}

/// The counts of earlier runs: five numbers.
fn read_state(path: &Path) -> Option<Tally> {
    let text = std::fs::read_to_string(path).ok()?;
    let numbers: Vec<u64> = text.split_whitespace().map(|n| n.parse().expect("a state file")).collect();
    let [inputs, accepted, imports, died, disagreed] = numbers[..] else { panic!("not a state file") };
    Some(Tally { inputs, accepted, imports, died, disagreed, ..Tally::default() })
}

fn write_state(path: &Path, tally: &Tally) {
    let Tally { inputs, accepted, imports, died, disagreed, .. } = tally;
    std::fs::write(path, format!("{inputs} {accepted} {imports} {died} {disagreed}\n"))
        .expect("a file to write to");
}

fn main() -> ExitCode {
    let options = options();
    for python in &options.pythons {
        let mut oracle = oracle::Oracle::start(python).expect("the interpreter starts");
        println!("{}", oracle.version);
        let back = campaign::replay(&mut oracle);
        if !back.is_empty() {
            println!("{}", back.join("\n"));
            return ExitCode::FAILURE;
        }
    }
    let mut total = options.state.as_deref().and_then(read_state).unwrap_or_default();
    let inputs = inputs::Inputs::new();
    while total.inputs < options.inputs {
        let from = options.from + total.inputs;
        let to = from + SLICE.min(options.inputs - total.inputs);
        total.add(campaign::run(&options.pythons, from..to, |number| inputs.any(number)));
        println!("{total}");
        print!("{}", total.report());
        total.disagreements.clear();
        if let Some(path) = &options.state {
            write_state(path, &total);
        }
    }
    if total.disagreed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
