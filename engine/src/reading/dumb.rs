//! `dbm.dumb`, which `shelve` falls back to: values in blocks of 512 bytes, and a text beside them that says where.
//!
//! `Lib/dbm/dumb.py` of CPython begins each value at a block (`_addval`, `_setval`) and takes whatever place the text
//! names (`_update`). The two are files of their own, so each is judged alone: a value may begin at any block, and a
//! text may name no other place.

use std::io;

use crate::facts::{Ending, Import, Stream, UseKind};
use crate::pickle::machine::{self, Run, is_at_hand};
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
    /// Whether the first value is kept already.
    known: bool,
    /// Behind the last value that begins at a block and runs to STOP, and the names of its imports.
    covered: u64,
    names: Vec<(String, String)>,
    /// The next byte that may be the opcode of an import; the end of the content where there is none.
    import: u64,
}

impl Scan<'_> {
    /// Reads what may begin at a block, also within a value that begins before it, and searches what no value covers. The
    /// first may be `known`.
    pub fn dumb_values(&mut self, job: &Job, known: bool) {
        let job = job.clone();
        self.later(Task::Step(Box::new(Blocks {
            job,
            at: 0,
            known,
            covered: 0,
            names: Vec::new(),
            import: 0,
        })));
    }

    /// Reads the text that says where values are.
    pub fn dumb_places(&mut self, job: &Job) -> io::Result<()> {
        if family::extension(&job.name) != "dir" {
            return Ok(());
        }
        let text = job.content.read_range(0, TEXT as usize)?;
        if !begins_a_literal(text.trim_ascii_start()) {
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

/// Whether a text begins as a literal with a text in it does: `dbm.whichdb` wants a quote, and `dbm.dumb` itself takes any
/// that `ast.literal_eval` makes two values of.
fn begins_a_literal(text: &[u8]) -> bool {
    let prefix = text.iter().take_while(|b| matches!(b.to_ascii_lowercase(), b'b' | b'r' | b'u')).count();
    match text.get(prefix) {
        Some(b'\'' | b'"') => prefix <= 2,
        Some(b'(' | b'[' | b'{') => prefix == 0,
        _ => false,
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

    /// Whether a pickle begins at the block. Where no value covers it, by what it does, or by a name that it imports and is
    /// in no text; inside a value, whose words spell many names, by what it does with one, or by one that any interpreter
    /// has.
    fn begins(&self, run: &Run, ahead: &[u8], inside: bool) -> io::Result<bool> {
        let streams = || std::iter::once(&run.stream).chain(&run.inner);
        let proto = Proto::of(ahead);
        let pickle = |stream: &Stream| standing::standing(proto, Promise::Noise, stream) == Standing::Pickle;
        if inside {
            let alone = |stream: &Stream| {
                let waits = |import: &Import| import.uses.iter().all(|used| used.kind == UseKind::Reference);
                stream.imports.iter().all(|import| waits(import) && !is_at_hand(&import.module))
                    && stream.ending == Ending::Stop
            };
            return Ok(streams().any(|stream| pickle(stream) && !alone(stream)) && !self.is_an_end(run));
        }
        if streams().any(pickle) {
            return Ok(true);
        }
        let named = streams().any(|stream| stream.imports.iter().any(standing::is_plausible));
        let block = self.job.content.slice(self.at..self.at + BLOCK);
        Ok(named && !is_list_of_names(&block, &run.stream)?)
    }

    /// Whether the first import reads as the end of a name in the value around it.
    fn is_an_end(&self, run: &Run) -> bool {
        let Some(first) = run.stream.imports.first() else { return false };
        let ends = |(module, name): &(String, String)| {
            *name == first.raw_name
                && module.len() > first.raw_module.len()
                && module.ends_with(&first.raw_module)
        };
        !is_at_hand(&first.module) && self.names.iter().any(ends)
    }

    /// Whether an import may come at or behind the block: without one, what is inside a value need not be read again.
    fn import_ahead(&mut self, window: usize) -> io::Result<bool> {
        if self.import > self.at {
            return Ok(self.import < self.job.content.len());
        }
        self.import = self.at;
        loop {
            let bytes = self.job.content.read_range(self.import, window + LINE)?;
            let looked = bytes.get(..window.min(bytes.len())).unwrap_or(&[]);
            let mut places = memchr::memchr3_iter(b'c', b'i', 0x93, looked);
            let found = places
                .find(|i| bytes.get(*i) == Some(&0x93) || may_be_a_module(bytes.get(i + 1..).unwrap_or(&[])));
            match found {
                Some(found) => {
                    self.import += found as u64;
                    return Ok(true);
                }
                None if bytes.is_empty() => {
                    self.import = u64::MAX;
                    return Ok(false);
                }
                None => self.import += looked.len() as u64,
            }
        }
    }
}

/// Longest part of a line that is looked at to tell whether it may be a name.
const LINE: usize = 512;

/// Whether bytes begin with a line that a module can be named by, as far as it is looked at. No file has a NUL in its name.
fn may_be_a_module(text: &[u8]) -> bool {
    let text = text.get(..LINE).unwrap_or(text);
    let line = memchr::memchr(b'\n', text).map_or(text, |end| text.get(..end).unwrap_or(&[]));
    let cut = std::str::from_utf8(line).err().is_none_or(|error| error.error_len().is_none());
    !line.is_empty() && !line.contains(&0) && cut
}

impl Step for Blocks {
    fn step(mut self: Box<Self>, scan: &mut Scan<'_>) -> io::Result<()> {
        for _ in 0..BLOCKS {
            let ahead = self.job.content.read_range(self.at, 2)?;
            if ahead.is_empty() {
                self.search(scan, self.at);
                return Ok(());
            }
            // Values are read once each for nothing, and places within them cost what they do.
            if scan.has_guessed_enough() {
                let message = "too much of the content reads as opcodes to try every block of it";
                scan.fault(&self.job.member, Rule::ResourceLimit, self.at, message);
                return Ok(());
            }
            let inside = self.at < self.covered;
            if ahead != [0, 0] && (!inside || self.import_ahead(scan.limits.window)?) {
                self.block(scan, &ahead, inside)?;
            }
            self.at += BLOCK;
        }
        scan.later(Task::Step(self));
        Ok(())
    }
}

impl Blocks {
    /// Reads what begins at a block.
    fn block(&mut self, scan: &mut Scan<'_>, ahead: &[u8], inside: bool) -> io::Result<()> {
        let Job { content, reading, member, .. } = &self.job;
        let run = machine::run(content, self.at, *reading, member, scan.limits)?;
        if run.stream.stopped() && run.stream.end > self.covered {
            self.search(scan, self.at);
            self.covered = run.stream.end;
            let name = |import: &Import| (import.raw_module.clone(), import.raw_name.clone());
            self.names = run.stream.imports.iter().map(name).collect();
        } else {
            scan.guessed += run.stream.opcodes;
        }
        if (self.at > 0 || !self.known) && self.begins(&run, ahead, inside)? {
            scan.keep_found(&self.job, run);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_literal_with_a_text_begins_a_directory() {
        for text in ["'a', (1, 2)", "r'a', (1, 2)", "bR\"a\", (1, 2)", "['a', (1, 2)]", "('a', (1, 2))"] {
            assert!(begins_a_literal(text.as_bytes()), "{text}");
        }
        for text in ["", "total 12", "r", "drwxr-xr-x 2", "burb'a'", "b(a)"] {
            assert!(!begins_a_literal(text.as_bytes()), "{text}");
        }
    }

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
