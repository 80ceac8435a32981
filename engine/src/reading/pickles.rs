//! Pickles that stand one behind the other in some content, from its first byte on.

use std::io;

use crate::content::Content;
use crate::facts::{Code, Ending, Import, Landmarks, Loader, Runs, Stream};
use crate::pickle::machine::{self, Run, is_at_hand};
use crate::reading::family::{self, Family};
use crate::reading::job::{Job, Place};
use crate::reading::joblib;
use crate::reading::sniff;
use crate::reading::standing::{self, Promise, Proto, Standing};
use crate::reading::torch;
use crate::reading::window::Windowed;
use crate::reading::work::{Scan, Task};
use crate::rule::Rule;

/// What the reading as pickles came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pickles {
    /// Whether there were any.
    pub found: bool,
    /// Offset behind what they account for.
    pub end: u64,
}

/// Bytes of the header of LZMA's old form.
const ZEROS: usize = 13;
/// Streams that wait for the end to tell whether they were pickles at all.
const PENDING: usize = 1_000;
/// Most bytes of text that are read before it breaks as a pickle.
const PROSE: usize = 1 << 16;
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
        let promise = match (job.place, family) {
            // Looked for in noise, where openings are many: only what would import counts.
            (Place::Hidden | Place::Storage, _) => Promise::Noise,
            (Place::Nested, _) | (_, Family::Loader | Family::Pickle) => Promise::Pickle,
            (_, Family::Shared) => Promise::Shared,
            _ => Promise::Nothing,
        };
        let mut job = job.clone();
        let mut chain = Chain::default();
        let mut at = 0;
        let mut count: u64 = 0;
        let complete = loop {
            let source = job.content.clone();
            let ahead = source.range(at, AHEAD)?;
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
            let read = self.read_one(job, at)?;
            let stream = &read.main;
            let mut standing = read.standing(Proto::of(&ahead), promise);
            let prose = at == 0 && promise == Promise::Nothing && is_prose(content, stream)?;
            if prose {
                standing = Standing::Text;
            }
            if standing == Standing::Text
                && promise != Promise::Noise
                && !prose
                && stream.imports.iter().any(standing::is_plausible)
                && !(at == 0 && is_list_of_names(content, stream)?)
            {
                standing = Standing::Pickle;
            }
            if !stream.stopped() {
                if standing == Standing::Pickle {
                    self.settle(job, &mut chain);
                    chain.certain = true;
                    at = stream.end;
                    self.keep_read(job, read);
                    return Ok(Pickles { found: true, end: at });
                }
                break false;
            }
            chain.group += 1;
            let start = at;
            at = stream.end;
            chain.opcodes += stream.opcodes;
            match chain.group {
                1 => chain.torch = torch::is_magic(content, start, at)?,
                4 => chain.storages = stream.storages.clone(),
                _ => {}
            }
            if standing == Standing::Pickle {
                self.settle(job, &mut chain);
                chain.certain = true;
                self.keep_read(job, read);
            } else if chain.certain {
                self.keep_read(job, read);
            } else if chain.pending.len() < PENDING {
                // There is nothing to show of them.
                chain.pending.push(Stream { landmarks: Landmarks::default(), ..read.main });
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
                        self.later(Task::Open(rest));
                        return Ok(Pickles { found: true, end: content.len() });
                    }
                }
            }
        };
        let end = if complete { job.content.len() } else { at };
        // Text that runs to its last byte as a pickle is one, if it does more than push a constant.
        if complete && (promise == Promise::Pickle || chain.opcodes > 2 * count) {
            self.settle(&job, &mut chain);
            return Ok(Pickles { found: true, end });
        }
        // Values of `dbm.dumb` begin anywhere, and are looked for as in other databases.
        if chain.certain && !complete && family::extension(&job.name) != "dat" {
            let left = self.length(&job)?.saturating_sub(at);
            let message = format!("{left} bytes follow the last pickle");
            self.fault(&job.member, Rule::StreamMalformed, at, message);
        }
        // A cache may put a pickle of a number first, and what it keeps, in any form, behind that.
        // Nothing begins with so many zeros that gives a byte: LZMA, which may begin so, says with them that it is empty.
        let padded = job.content.read_range(at, ZEROS)?.iter().all(|b| *b == 0);
        if !chain.certain && !complete && at > 0 && promise != Promise::Noise && !padded {
            self.later(Task::Open(job.hidden(at..u64::MAX, "a pickle behind a constant")));
        }
        Ok(Pickles { found: chain.certain, end })
    }

    /// Reads the one pickle at an offset as this loader does.
    pub fn one(&mut self, job: &Job, at: u64, reading: Loader) -> io::Result<()> {
        let run = |reading| machine::run(&job.content, at, reading, &job.member, self.limits);
        let mut read = Read::of(run(reading)?);
        // Which release of joblib loads it is not known.
        if reading == Loader::Joblib && read.main.imports.iter().any(joblib::is_wrapper) {
            let more = joblib::beyond(run(Loader::JoblibUnpadded)?, &read.main, &read.others);
            read.others.extend(more);
        }
        self.keep_read(job, read);
        Ok(())
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
            let run = machine::run(&job.content, at, Loader::Pickle, &job.member, self.limits)?;
            let (stopped, end) = (run.stream.stopped(), run.stream.end);
            self.guessed += run.stream.opcodes.max(1);
            if self.has_guessed_enough() {
                let message = "too much behind the storages of torch reads as pickles to try all of it";
                self.fault(&job.member, Rule::ResourceLimit, at, message);
                return Ok(());
            }
            if run.stream.applied || run.stream.ending == Ending::Limit {
                self.keep_read(job, Read::of(run));
            }
            if !stopped {
                break;
            }
            at = end;
        }
        Ok(())
    }

    /// The pickle at an offset under the readings that apply.
    fn read_one(&self, job: &Job, at: u64) -> io::Result<Read> {
        let run = |reading| machine::run(&job.content, at, reading, &job.member, self.limits);
        let mut plain = run(Loader::Pickle)?;
        if !plain.stream.imports.iter().any(joblib::is_wrapper) {
            plain.stream.reading = job.reading;
            return Ok(Read::of(plain));
        }
        let mut read = Read::of(run(Loader::Joblib)?);
        let plain = run(Loader::JoblibPlain)?;
        read.strays = joblib::strays(&plain, &read.main, &read.others);
        for other in [plain, run(Loader::JoblibUnpadded)?] {
            let more = joblib::beyond(other, &read.main, &read.others);
            read.others.extend(more);
        }
        Ok(read)
    }

    fn keep_read(&mut self, job: &Job, read: Read) {
        for import in read.strays {
            let message = format!(
                "read by `pickle.load`, which is not for such a file, it imports whatever module is named `{}`",
                crate::escape::name(&import.module)
            );
            let (member, offset) = (job.member.clone(), import.offset);
            self.code(Code { member, offset, message, name: None, runs: Runs::IfAsked });
        }
        self.keep(job, read.main);
        for stream in read.others {
            self.keep(job, stream);
        }
    }
}

/// One pickle under the readings that apply. `main` says where it ends.
struct Read {
    main: Stream,
    others: Vec<Stream>,
    /// What [`joblib::strays`] says.
    strays: Vec<Import>,
}

impl Read {
    fn of(run: Run) -> Self {
        Read { main: run.stream, others: run.inner, strays: Vec::new() }
    }

    /// A pickle under any reading is one.
    fn standing(&self, proto: Proto, promise: Promise) -> Standing {
        let of = |stream| standing::standing(proto, promise, stream);
        let main = of(&self.main);
        if self.others.iter().any(|other| of(other) == Standing::Pickle) { Standing::Pickle } else { main }
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

/// Whether content is text that is read as opcodes to a line which spells an import, as a licence is that begins with
/// "Copyright" and has "a copy" at the end of its second line: of a module that is in no interpreter, by a name with
/// blanks, in a stream that breaks. Nothing comes behind an import that fails. That is no more than what a list of names
/// does, see [`is_list_of_names`], and holds for files alone that no name promises to be pickles.
fn is_prose(content: &Content, stream: &Stream) -> io::Result<bool> {
    let nowhere = |import: &Import| {
        !is_at_hand(&import.module) && (import.module.contains(' ') || import.name.contains(' '))
    };
    let quiet = !stream.stopped()
        && stream.ending != Ending::Limit
        && !stream.imports.is_empty()
        && stream.nested.is_empty()
        && stream.imports.iter().all(nowhere)
        && stream.faults.iter().all(|fault| fault.rule == Rule::StreamMalformed);
    match usize::try_from(stream.end) {
        Ok(end) if quiet && end <= PROSE => Ok(sniff::is_text(&content.read_range(0, end.max(sniff::HEAD))?)),
        _ => Ok(false),
    }
}

/// Whether content is text whose first lines name what is in no interpreter: `click` and `flask` spell an import, and no
/// opcode follows but those that make nothing. A pickle does more, and a list of requirements does not.
pub(crate) fn is_list_of_names(content: &Content, stream: &Stream) -> io::Result<bool> {
    if stream.imports.iter().any(|import| is_at_hand(&import.module)) {
        return Ok(false);
    }
    let head = content.read_range(0, sniff::HEAD)?;
    let cut = std::str::from_utf8(&head).err().filter(|e| e.error_len().is_some() || e.valid_up_to() == 0);
    if cut.is_some() || !sniff::is_text(&head) {
        return Ok(false);
    }
    let (mut rest, mut count) = (head.as_slice(), 0);
    let line = |text: &[u8]| memchr::memchr(b'\n', text).map_or(text.len(), |end| end + 1);
    while let Some((code, after)) = rest.split_first() {
        let len = match code {
            b'c' => line(after) + after.get(line(after)..).map_or(0, line),
            b'p' => line(after),
            b'(' => 0,
            b'q' => 1,
            b'r' => 4,
            _ => break,
        };
        rest = after.get(len..).unwrap_or(&[]);
        count += 1;
    }
    // The one that breaks counts as well.
    Ok(stream.opcodes <= count + 1)
}
