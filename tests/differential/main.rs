//! The machine against Python's own unpicklers: every import that one of them resolves from some bytes
//! is reported for these bytes, and from streams that all of them accept none is invented.
//!
//! This is the quick slice, the same inputs every time. `docs/soundness.md` has the long run.

#![allow(clippy::expect_used, clippy::print_stdout, clippy::print_stderr)]

mod campaign;
mod compare;
mod generate;
mod inputs;
mod oracle;
mod random;
mod shrink;

use inputs::Inputs;
use oracle::Oracle;

/// Inputs of the quick slice.
const INPUTS: u64 = 210_000;

/// The interpreter to ask. Without one the tests fail rather than pass unseen.
fn python() -> Option<String> {
    if std::env::var_os("FICKGATE_WITHOUT_PYTHON").is_some() {
        eprintln!("SKIPPED: FICKGATE_WITHOUT_PYTHON is set, nothing was compared");
        return None;
    }
    let python = std::env::var("FICKGATE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    match Oracle::start(&python) {
        Ok(oracle) => println!("{}", oracle.version),
        Err(e) => {
            panic!("{python} does not start ({e}): set FICKGATE_PYTHON, or FICKGATE_WITHOUT_PYTHON=1 to skip")
        }
    }
    Some(python)
}

#[test]
fn quick_slice() {
    let Some(python) = python() else { return };
    let inputs = Inputs::new();
    let tally = campaign::run(&[python], 0..INPUTS, |number| inputs.any(number));
    println!("{tally}");
    assert!(tally.disagreements.is_empty(), "\n{}", tally.report());
    // Dead interpreters and inputs that nobody accepts compare nothing.
    assert!(tally.died < tally.inputs / 1000 && tally.accepted > tally.inputs / 10);
}

#[test]
fn disagreements_of_the_past() {
    let Some(python) = python() else { return };
    let again = campaign::replay(&mut Oracle::start(&python).expect("it started before"));
    assert!(again.is_empty(), "{}", again.join("\n"));
}
