//! The Python side: `oracle.py` in a process of its own, asked in batches.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;

/// One reading of one input.
#[derive(Clone, Debug, Deserialize)]
pub struct Loader {
    pub name: String,
    /// `ok`, or the name of the exception.
    pub outcome: String,
    pub imports: Vec<Resolved>,
}

/// `(module, name, raw module, raw name)`; the first two are missing from the C unpickler.
pub type Resolved = (Option<String>, Option<String>, String, String);

impl Loader {
    pub fn accepted(&self) -> bool {
        self.outcome == "ok"
    }

    /// Whether it ended for want of memory, time or C stack, which says nothing about the stream.
    pub fn gave_up(&self) -> bool {
        matches!(self.outcome.as_str(), "MemoryError" | "Timeout" | "RecursionError")
    }
}

/// What became of one input.
pub enum Answer {
    Readings(Vec<Loader>),
    /// The interpreter itself died, so nothing is known.
    Died,
}

pub struct Oracle {
    python: String,
    process: Process,
    /// `cpython 3.11.7`.
    pub version: String,
}

struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    fn start(python: &str) -> std::io::Result<(Process, String)> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/oracle.py");
        let mut child = Command::new(python)
            .arg("-I")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(std::io::Error::other("no pipes"));
        };
        let mut process = Process { child, input, output: BufReader::new(output) };
        let version = process.line()?;
        Ok((process, version))
    }

    fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        if line.ends_with('\n') {
            line.pop();
            return Ok(line);
        }
        Err(std::io::ErrorKind::UnexpectedEof.into())
    }

    fn ask(&mut self, inputs: &[Vec<u8>]) -> std::io::Result<Vec<Answer>> {
        let mut message = (inputs.len() as u32).to_le_bytes().to_vec();
        for input in inputs {
            message.extend((input.len() as u32).to_le_bytes());
            message.extend(input);
        }
        self.input.write_all(&message)?;
        self.input.flush()?;
        let mut answers = Vec::with_capacity(inputs.len());
        for _ in inputs {
            let line = self.line()?;
            answers.push(Answer::Readings(serde_json::from_str(&line)?));
        }
        Ok(answers)
    }
}

impl Oracle {
    /// Starts an interpreter. An error means that there is none of that name.
    pub fn start(python: &str) -> std::io::Result<Oracle> {
        let (process, version) = Process::start(python)?;
        Ok(Oracle { python: python.to_owned(), process, version })
    }

    /// One answer an input. An input on which the interpreter dies is found by asking one by one.
    pub fn ask(&mut self, inputs: &[Vec<u8>]) -> Vec<Answer> {
        if let Ok(answers) = self.process.ask(inputs) {
            return answers;
        }
        self.process = Process::start(&self.python).expect("it started before").0;
        match inputs {
            [_] => vec![Answer::Died],
            _ => inputs.iter().flat_map(|input| self.ask(std::slice::from_ref(input))).collect(),
        }
    }
}
