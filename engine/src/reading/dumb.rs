//! `dbm.dumb`, which `shelve` falls back to: values in blocks of 512 bytes, and a text beside them that says where.
//!
//! `Lib/dbm/dumb.py` of CPython begins each value at a block (`_addval`, `_setval`) and takes whatever place the text
//! names (`_update`). The two are files of their own, so each is judged alone: a value may begin at any block, and a
//! text may name no other place.

use std::io;

use crate::pickle::machine::{self, Run};
use crate::reading::family;
use crate::reading::job::Job;
use crate::reading::pickles::is_list_of_names;
use crate::reading::standing::{self, Promise, Proto, Standing};
use crate::reading::work::{Scan, Step, Task};
use crate::rule::Rule;

/// `_BLOCKSIZE`.
const BLOCK: u64 = 512;
/// Blocks between two looks at what else is to be done.
const BLOCKS: u64 = 64;
/// Longest text that is looked through.
const TEXT: u64 = 64 << 20;

/// The blocks of a file, some at a time.
struct Blocks {
    job: Job,
    at: u64,
    /// Behind the last value that begins at a block and runs to STOP.
    covered: u64,
}

impl Scan<'_> {
    /// Reads what may begin at a block, and searches what no such value covers. A first value that ends at `covered`
    /// is known.
    pub fn dumb_values(&mut self, job: &Job, covered: u64) {
        let at = if covered > 0 { BLOCK } else { 0 };
        self.later(Task::Step(Box::new(Blocks { job: job.clone(), at, covered })));
    }

    /// Reads the text that says where values are.
    pub fn dumb_places(&mut self, job: &Job) -> io::Result<()> {
        if family::extension(&job.name) != "dir" {
            return Ok(());
        }
        let text = job.content.read_range(0, TEXT as usize)?;
        // `dbm.whichdb` wants a quote, and `dbm.dumb` itself any literal.
        if !matches!(
            text.trim_ascii_start(),
            [b'\'' | b'"' | b'(', ..] | [b'b' | b'u' | b'B' | b'U', b'\'' | b'"', ..]
        ) {
            return Ok(());
        }
        let mut at = 0;
        for line in text.split_inclusive(|b| *b == b'\n') {
            if !line.trim_ascii().is_empty() && !at_a_block(line.trim_ascii_end()) {
                let message = "a value of `dbm.dumb` that begins where it writes none: within a block";
                self.fault(&job.member, Rule::ContainerAnomaly, at, message);
                return Ok(());
            }
            at += line.len() as u64;
        }
        if job.content.len() > TEXT {
            let message = format!("a directory of `dbm.dumb` of more than {TEXT} bytes");
            self.fault(&job.member, Rule::ResourceLimit, TEXT, message);
        }
        Ok(())
    }
}

/// Whether a line is what `_commit` and `_addkey` write, `'key', (at, size)`, and names the beginning of a block.
fn at_a_block(line: &[u8]) -> bool {
    let Some(open) = memchr::memrchr(b'(', line) else { return false };
    let (key, pair) = line.split_at(open);
    let Some(pair) = pair.strip_prefix(b"(").and_then(|rest| rest.strip_suffix(b")")) else { return false };
    let Some(key) = key.strip_suffix(b", ") else { return false };
    let mut numbers = pair.split(|b| *b == b',');
    let (at, size, more) = (numbers.next(), numbers.next(), numbers.next());
    let number = |text: Option<&[u8]>| -> Option<u64> {
        // Python 2 writes an `L` behind long numbers.
        let text = text?.trim_ascii();
        let digits = text.strip_suffix(b"L").unwrap_or(text);
        if digits.is_empty()
            || !digits.iter().all(u8::is_ascii_digit)
            || (digits.len() > 1 && digits[0] == b'0')
        {
            return None;
        }
        std::str::from_utf8(digits).ok()?.parse().ok()
    };
    more.is_none() && is_quoted(key) && number(size).is_some() && number(at).is_some_and(|at| at % BLOCK == 0)
}

/// Whether this is one text in quotes, without a quote of its kind inside that no backslash stands before.
fn is_quoted(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"b").unwrap_or(text);
    let Some((quote @ (b'\'' | b'"'), rest)) = text.split_first() else { return false };
    let Some((last, inner)) = rest.split_last() else { return false };
    let mut escaped = false;
    last == quote
        && inner.iter().all(|b| {
            let ends = b == quote && !escaped;
            escaped = *b == b'\\' && !escaped;
            !ends
        })
        && !escaped
}

impl Blocks {
    /// Searches what lies between the values before this place.
    fn search(&self, scan: &mut Scan<'_>, until: u64) {
        if self.covered < until {
            scan.part_of_database(&self.job, self.covered..until);
        }
    }

    /// Whether a pickle begins at the block: by what it does, or by a name that it imports and is in no text.
    fn begins(&self, run: &Run, ahead: &[u8]) -> io::Result<bool> {
        let streams = || std::iter::once(&run.stream).chain(&run.inner);
        let proto = Proto::of(ahead);
        if streams().any(|stream| standing::standing(proto, Promise::Noise, stream) == Standing::Pickle) {
            return Ok(true);
        }
        let named = streams().any(|stream| stream.imports.iter().any(standing::is_plausible));
        let block = self.job.content.slice(self.at..self.at + BLOCK);
        Ok(named && !is_list_of_names(&block, &run.stream)?)
    }
}

impl Step for Blocks {
    fn step(mut self: Box<Self>, scan: &mut Scan<'_>) -> io::Result<()> {
        for _ in 0..BLOCKS {
            let ahead = self.job.content.read_range(self.at, 2)?;
            if ahead.is_empty() {
                self.search(scan, self.at);
                return Ok(());
            }
            if scan.guessed > scan.limits.guessed {
                let message = "too much of the content reads as opcodes to try every block of it";
                scan.fault(&self.job.member, Rule::ResourceLimit, self.at, message);
                return Ok(());
            }
            if ahead != [0, 0] {
                let run = machine::run(
                    &self.job.content,
                    self.at,
                    self.job.reading,
                    &self.job.member,
                    scan.limits,
                )?;
                scan.guessed += run.stream.opcodes;
                if run.stream.stopped() && run.stream.end > self.covered {
                    self.search(scan, self.at);
                    self.covered = run.stream.end;
                }
                if self.begins(&run, &ahead)? {
                    scan.keep_found(&self.job, run);
                }
            }
            self.at += BLOCK;
        }
        scan.later(Task::Step(self));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_blocks() {
        for line in ["'a', (0, 12)", "\"it's\", (512, 4)", "'a\\'b, (1, 2)', (1024L, 0)", "'', (0, 0)"] {
            assert!(at_a_block(line.as_bytes()), "{line}");
        }
        for line in [
            "'a', (1, 12)",
            "'a', (0x200, 12)",
            "'a', (0o1000, 12)",
            "'a', (512, 12), 3",
            "'a', (512 + 5, 12)",
            "'a', (5_1, 12)",
            "'a' 'b', (512, 12)",
            "'a', [512, 12]",
            "('a', (512, 12))",
            "'a', (512,)",
            "'a', (-512, 1)",
            "'a', (0512, 1)",
            "",
        ] {
            assert!(!at_a_block(line.as_bytes()), "{line}");
        }
    }
}
