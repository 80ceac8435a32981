//! Pickles that stand one behind the other in some content, from its first byte on.

use std::io;

use crate::content::Content;
use crate::facts::{Import, Reading, Stream, UseKind};
use crate::pickle::machine::{self, Run};
use crate::reading::family::Family;
use crate::reading::joblib;
use crate::reading::scan::{Job, Place, Scan};
use crate::reading::torch;
use crate::reading::window::Windowed;
use crate::rule::Rule;

/// What the reading as pickles came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pickles {
    /// Whether there were any.
    pub found: bool,
    /// Offset behind what they account for.
    pub end: u64,
}

/// Opcodes after which bytes that start with PROTO and then break are a pickle and not chance: a byte
/// in four is an opcode, and PROTO with its argument is one pair in ten thousand.
const CREDIBLE_OPCODES: u64 = 6;
/// Streams that wait for the end to tell whether they were pickles at all.
const PENDING: usize = 1_000;
/// Bytes that are looked at before a pickle is read.
const AHEAD: usize = 16;
/// Pickles in a row from which on they are read through a block in memory.
const ROW: u64 = 8;

/// Pickles of which it is not known yet whether they are.
#[derive(Default)]
struct Chain {
    pending: Vec<Stream>,
    more: u64,
    opcodes: u64,
    certain: bool,
    /// Pickles since the last point where a file of torch's legacy layout could have begun.
    group: u32,
    /// Where that group began with torch's magic number.
    torch: bool,
    /// The storages of the group's fourth pickle.
    storages: Vec<crate::facts::StorageId>,
}

impl Scan<'_> {
    /// Reads content as pickles. Where nothing promises any, only what is unlikely to be chance counts.
    pub fn pickles(&mut self, job: &Job, family: Family) -> io::Result<Pickles> {
        let expected = job.place == Place::Nested || matches!(family, Family::Loader | Family::Pickle);
        let shared = family == Family::Shared;
        // Looked for in noise, where openings are many: only what would import counts.
        let hidden = matches!(job.place, Place::Hidden | Place::Guess);
        let mut job = job.clone();
        let mut chain = Chain::default();
        let mut at = 0;
        let mut count: u64 = 0;
        let complete = loop {
            let ahead = job.content.read_range(at, AHEAD)?;
            if ahead.is_empty() || (at > 0 && only_blanks(&job.content, at, &ahead)?) {
                break count > 0;
            }
            count += 1;
            if count == ROW && job.content.as_slice().is_none() {
                job.content = Content::new(Windowed::new(job.content.clone(), self.limits.window));
            }
            let job = &job;
            let content = &job.content;
            if count > self.limits.stacked {
                let message = format!("more than {} pickles in a row", self.limits.stacked);
                self.fault(&job.member, Rule::ResourceLimit, at, message);
                break false;
            }
            let proto = Proto::of(&ahead);
            let read = self.read_one(job, at)?;
            let stream = &read.run.stream;
            if job.place == Place::Guess {
                self.guessed += stream.opcodes;
            }
            if !stream.stopped {
                let long = stream.opcodes > CREDIBLE_OPCODES;
                let credible = match proto {
                    Proto::Known if hidden => stream.imports.iter().any(is_plausible),
                    Proto::Known => {
                        let odd = stream.faults.iter().any(|fault| fault.rule != Rule::StreamMalformed);
                        expected || shared || long || odd || !stream.imports.is_empty()
                    }
                    // A protocol that is still to come, or the first byte of a file cut short.
                    Proto::Other => expected || called(&stream.imports),
                    Proto::None if expected => stream.imports.iter().any(is_plausible),
                    Proto::None => called(&stream.imports),
                };
                if credible {
                    self.settle(job, &mut chain);
                    chain.certain = true;
                    at = stream.end;
                    self.keep_run(job, read);
                    return Ok(Pickles { found: true, end: at });
                }
                break false;
            }
            chain.group += 1;
            let strong =
                (proto == Proto::Known && !hidden) || !stream.imports.is_empty() || !stream.nested.is_empty();
            let start = at;
            at = stream.end;
            chain.opcodes += stream.opcodes;
            match chain.group {
                1 => chain.torch = torch::is_magic(content, start, at)?,
                4 => chain.storages = stream.storages.clone(),
                _ => {}
            }
            if strong {
                self.settle(job, &mut chain);
                chain.certain = true;
                self.keep_run(job, read);
            } else if chain.certain {
                self.keep_run(job, read);
            } else if chain.pending.len() < PENDING {
                chain.pending.push(read.run.stream);
            } else {
                chain.more += 1;
            }
            if chain.group == 5 && (chain.torch || !chain.storages.is_empty()) {
                match torch::behind_storages(content, start, at, &chain.storages, self.limits)? {
                    Ok(end) => {
                        self.loop_reader(job, at)?;
                        at = end;
                        chain.group = 0;
                    }
                    Err(broken) => {
                        self.fault(&job.member, Rule::StreamMalformed, broken.offset, broken.message);
                        let rest =
                            job.hidden(at..content.len(), "a pickle among the storages of a torch file");
                        self.later(crate::reading::scan::Task::Open(rest));
                        return Ok(Pickles { found: true, end: content.len() });
                    }
                }
            }
        };
        let end = if complete { job.content.len() } else { at };
        // Text that runs to its last byte as a pickle is one, if it does more than push a constant.
        if complete && (expected || chain.opcodes > 2 * count) {
            self.settle(&job, &mut chain);
            return Ok(Pickles { found: true, end });
        }
        if chain.certain && !complete {
            let left = self.length(&job)?.saturating_sub(at);
            let message = format!("{left} bytes follow the last pickle");
            self.fault(&job.member, Rule::StreamMalformed, at, message);
        }
        Ok(Pickles { found: chain.certain, end })
    }

    /// The length of content, decompressed to its end where need be.
    pub fn length(&self, job: &Job) -> io::Result<u64> {
        match &job.inflated {
            Some(inflated) => Ok(inflated.settle()?.0),
            None => Ok(job.content.len()),
        }
    }

    fn settle(&mut self, job: &Job, chain: &mut Chain) {
        for stream in chain.pending.drain(..) {
            self.keep(job, stream);
        }
        self.found += chain.more;
        self.facts.folded += chain.more;
        chain.more = 0;
    }

    /// `pickle.load` in a loop reads storages as pickles too.
    fn loop_reader(&mut self, job: &Job, at: u64) -> io::Result<()> {
        let mut at = at;
        for _ in 0..PENDING {
            let run = machine::run(&job.content, at, Reading::Pickle, &job.member, self.limits)?;
            let (stopped, end) = (run.stream.stopped, run.stream.end);
            if called(&run.stream.imports) {
                self.keep_run(job, Read { run, leftover: None });
            }
            if !stopped {
                break;
            }
            at = end;
        }
        Ok(())
    }

    fn read_one(&self, job: &Job, at: u64) -> io::Result<Read> {
        let mut run = machine::run(&job.content, at, Reading::Pickle, &job.member, self.limits)?;
        run.stream.reading = job.reading;
        if !run.stream.imports.iter().any(joblib::is_wrapper) {
            return Ok(Read { run, leftover: None });
        }
        let plain = run.stream;
        let run = machine::run(&job.content, at, Reading::Joblib, &job.member, self.limits)?;
        let leftover = joblib::leftover(plain, &run);
        Ok(Read { run, leftover })
    }

    fn keep_run(&mut self, job: &Job, read: Read) {
        self.keep(job, read.run.stream);
        for inner in read.run.inner {
            self.keep(job, inner);
        }
        if let Some(leftover) = read.leftover {
            self.keep(job, leftover);
        }
    }
}

/// One pickle under the readings that apply.
struct Read {
    run: Run,
    /// What only `pickle.load` does, which takes a joblib file's arrays for opcodes.
    leftover: Option<Stream>,
}

/// How a pickle announces its protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proto {
    /// PROTO and a protocol there is.
    Known,
    /// PROTO and something else, or nothing.
    Other,
    /// Not at all.
    None,
}

impl Proto {
    fn of(ahead: &[u8]) -> Proto {
        match ahead {
            [0x80, 0..=5, ..] => Proto::Known,
            [0x80, ..] => Proto::Other,
            _ => Proto::None,
        }
    }
}

/// Whether there are only blanks from an offset on, where `ahead` stands.
fn only_blanks(content: &Content, at: u64, ahead: &[u8]) -> io::Result<bool> {
    if !ahead.iter().all(u8::is_ascii_whitespace) {
        return Ok(false);
    }
    let mut at = at + ahead.len() as u64;
    loop {
        let bytes = content.read_range(at, 64 << 10)?;
        if bytes.is_empty() || !bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(bytes.is_empty());
        }
        at += bytes.len() as u64;
    }
}

/// Whether an import looks like one that Python code could make.
pub fn is_plausible(import: &Import) -> bool {
    let part = |part: &str| {
        part.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    // A text of lines that end in CR LF names what no one has, and is a pickle all the same.
    let dotted = |name: &str| name.trim_end().split('.').all(part);
    dotted(&import.module) && dotted(&import.name)
}

/// Whether a plausible import is applied to something.
fn called(imports: &[Import]) -> bool {
    imports.iter().any(|import| {
        is_plausible(import) && import.uses.iter().any(|used| !matches!(used.kind, UseKind::Reference))
    })
}
