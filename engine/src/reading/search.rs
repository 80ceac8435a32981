//! Pickles where nothing says where they begin: behind the end of a picture, inside a database.

use std::collections::HashSet;
use std::io;
use std::ops::Range;
use std::rc::Rc;

use crate::facts::{Ending, Import, Loader, Stream, UseKind};
use crate::pickle::machine::{self, Run, is_at_hand};
use crate::pickle::stream::opcode;
use crate::policy::builtin;
use crate::reading::field;
use crate::reading::job::{Disguise, Job};
use crate::reading::standing::{self, Promise, Proto, Standing};
use crate::reading::starts::{self, Lines};
use crate::reading::work::{Scan, Step, Task};
use crate::rule::Rule;

/// Content up to this length is looked through as a whole, where the form does not say where a pickle may begin.
const WHOLE: u64 = 4 << 20;
/// Longest header behind which one is looked for in longer content.
const HEADER: u64 = 64 << 10;
/// Bytes before the end in which one is looked for there.
const TAIL: u64 = 256 << 10;
/// Longest pickle that is read there: places lie inside one another.
const GUESS: u64 = 16 << 20;
/// PROTO and FRAME with their arguments.
const FRAMED: usize = 11;
/// Opcodes that trying a place counts for at least.
const PLACE: u64 = 16;

/// What counts of what is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// What imports anything by a name that code could have. Noise has calls of other names.
    Imports,
    /// What begins with PROTO, or applies what any interpreter has: in words and noise, lines spell many names.
    Calls,
}

/// A search under way, window by window.
struct Search {
    job: Job,
    /// What is still to be looked through.
    left: Range<u64>,
    /// Where a pickle has to end.
    end: u64,
    wanted: Wanted,
    /// Why a pickle there would be hidden.
    disguise: Option<Rc<Disguise>>,
    /// Names that pickles found here import.
    names: Vec<Range<u64>>,
    /// Where no pickle is looked for, in order, not overlapping.
    known: Rc<[Range<u64>]>,
    /// Rows of opcodes that were read from an earlier place.
    rows: Vec<Row>,
    /// What [`Lines`] keeps.
    newline: Option<(u64, u64)>,
}

/// A row of opcodes that was read. From one of them on, a pickle does nothing that was not seen, as it has the same
/// opcodes before it and less on its stack.
struct Row {
    at: u64,
    end: u64,
    /// Whether it was a pickle in one frame, which some program wrote as a whole. In others MEMOIZE ends what was seen: what
    /// it counts depends on where a pickle begins.
    whole: bool,
}

impl Row {
    /// Notes the places of a window, and goes on behind it.
    fn note(&mut self, bytes: &[u8], from: u64, behind: u64, seen: &mut HashSet<u64>) {
        let whole = self.whole;
        self.at = starts::follow(bytes, from, self.at, self.end.min(behind), |at, code| {
            seen.insert(at);
            whole || code != opcode::MEMOIZE
        });
    }
}

impl Step for Search {
    fn step(mut self: Box<Self>, scan: &mut Scan<'_>) -> io::Result<()> {
        let from = self.left.start;
        let size = scan.limits.window as u64;
        let bytes = self.job.content.read_range(from, size as usize + starts::AHEAD)?;
        let behind = (from + size).min(self.left.end);
        if bytes.is_empty() {
            return Ok(());
        }
        self.names.retain(|name| name.end > from);
        let mut seen = HashSet::new();
        self.rows.iter_mut().for_each(|row| row.note(&bytes, from, behind, &mut seen));
        self.rows.retain(|row| row.at < row.end);
        for at in self.places(&bytes, (behind - from) as usize)? {
            if self.is_known(at) || seen.contains(&at) {
                continue;
            }
            if scan.has_guessed_enough() {
                let message = "too much of the content reads as opcodes to try every place in it";
                scan.fault(&self.job.member, Rule::ResourceLimit, at, message);
                return Ok(());
            }
            let mut row = self.tried(scan, at)?;
            row.note(&bytes, from, behind, &mut seen);
            if row.at < row.end {
                self.rows.push(row);
            }
        }
        self.left.start = behind;
        if self.left.start < self.left.end {
            scan.later(Task::Step(self));
        }
        Ok(())
    }
}

impl Search {
    fn is_known(&self, at: u64) -> bool {
        let behind = self.known.partition_point(|range| range.start <= at);
        behind.checked_sub(1).and_then(|i| self.known.get(i)).is_some_and(|range| range.contains(&at))
    }

    /// Where in what is at hand a pickle may begin, in order, up to so many bytes of it.
    fn places(&mut self, bytes: &[u8], part: usize) -> io::Result<Vec<u64>> {
        let part = part.min(bytes.len());
        let looked = bytes.get(..part).unwrap_or(&[]);
        let known = |next: u8| opcode::by_code(next).is_some();
        let proto = |at: &usize| matches!(bytes.get(at + 1..at + 3), Some([0..=5, next]) if known(*next));
        let mut found: Vec<usize> = memchr::memchr_iter(opcode::PROTO, looked).filter(proto).collect();
        let end = self.end.min(self.job.content.len());
        let counts = if self.wanted == Wanted::Calls { is_at_hand } else { standing::is_dotted };
        let mut lines = Lines::new(&self.job.content, end, &mut self.newline, counts);
        found.extend(starts::starts(bytes, self.left.start, 0..part, &mut lines)?);
        found.sort_unstable();
        found.dedup();
        Ok(found.into_iter().map(|i| self.left.start + i as u64).collect())
    }

    /// Reads from one place on. Most bytes break soon; those that are made not to would be read over and over.
    fn tried(&mut self, scan: &mut Scan<'_>, at: u64) -> io::Result<Row> {
        let range = at..self.end.min(at.saturating_add(GUESS));
        let content = self.job.content.slice(range.clone());
        let run = machine::run(&content, 0, Loader::Pickle, "", scan.limits)?;
        scan.guessed += run.stream.opcodes.max(PLACE);
        let head = content.read_range(0, FRAMED)?;
        let frame = field::u64_le(&head, 3).filter(|_| head.get(2) == Some(&opcode::FRAME));
        let whole = run.stream.stopped() && frame == run.stream.end.checked_sub(FRAMED as u64);
        let row = Row { at, end: at.saturating_add(run.stream.end), whole };
        let proto = Proto::of(&head);
        let counts = standing::standing(proto, Promise::Noise, &run.stream) == Standing::Pickle
            && self.counts(proto, &run.stream);
        if !counts || self.is_an_end(at, &run) {
            return Ok(row);
        }
        let lines = run.stream.imports.iter().filter(|import| matches!(import.opcode, "GLOBAL" | "INST"));
        self.names.extend(lines.map(|import| {
            let first = at + import.offset + 1;
            first..first + (import.raw_module.len() + import.raw_name.len() + 1) as u64
        }));
        let mut found = self.job.hidden(range, "");
        found.disguise.clone_from(&self.disguise);
        scan.keep_found(&found, run);
        Ok(row)
    }

    /// Whether a stream counts. Behind PROTO any name does that a file can have; `pickle` itself takes no other.
    fn counts(&self, proto: Proto, stream: &Stream) -> bool {
        let applied = |import: &Import| import.uses.iter().any(|used| used.kind != UseKind::Reference);
        let text = |text: &str| !text.contains(|c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER);
        let counts = |import: &Import| match (proto, self.wanted) {
            (Proto::Known, _) => text(&import.module) && text(&import.name),
            (_, Wanted::Imports) => standing::is_dotted(&import.module) && standing::is_dotted(&import.name),
            (_, Wanted::Calls) => {
                applied(import) && is_at_hand(&import.module) && standing::is_dotted(&import.name)
            }
        };
        stream.imports.iter().any(counts) || !stream.nested.is_empty() || stream.ending == Ending::Limit
    }

    /// Whether a place lies in the name of an import that was found, and reads as the end of that name: in
    /// `collections` stands `ollections`. What the list knows under such a name is judged all the same.
    fn is_an_end(&self, at: u64, run: &Run) -> bool {
        let judged = |import: &Import| builtin::judges(import.module.split('.').next().unwrap_or_default());
        self.names.iter().any(|name| name.contains(&at)) && !run.stream.imports.first().is_some_and(judged)
    }
}

impl Scan<'_> {
    /// Keeps what was read from a place that a search found. That it breaks off says nothing: it may have begun anywhere.
    pub fn keep_found(&mut self, job: &Job, run: Run) {
        for mut stream in std::iter::once(run.stream).chain(run.inner) {
            stream.member.clone_from(&job.member);
            stream.faults.retain(|f| !matches!(f.rule, Rule::StreamMalformed | Rule::StreamAmbiguous));
            if stream.ending == Ending::Broken {
                // A value that goes on in another page breaks off, and what waited to be applied was handed to no one.
                let waited = |import: &Import| import.uses.iter().all(|used| used.kind == UseKind::Reference);
                stream.imports.retain(|i| !waited(i) || builtin::find(&i.module, &i.name).is_none());
            }
            let nothing = stream.imports.is_empty() && stream.nested.is_empty() && stream.faults.is_empty();
            if !nothing {
                self.keep(job, stream);
            }
        }
    }

    fn search(&mut self, job: &Job, left: Range<u64>, end: u64, wanted: Wanted, reason: &str) {
        self.search_but(job, left, end, (wanted, reason), Vec::new());
    }

    fn search_but(
        &mut self,
        job: &Job,
        left: Range<u64>,
        end: u64,
        (wanted, reason): (Wanted, &str),
        known: Vec<Range<u64>>,
    ) {
        let disguise =
            if reason.is_empty() { job.disguise.clone() } else { Disguise::new(reason.to_owned()) };
        if left.start < left.end {
            let (names, known) = (Vec::new(), known.into());
            let (rows, newline) = (Vec::new(), None);
            let search =
                Search { job: job.clone(), left, end, wanted, disguise, names, known, rows, newline };
            self.later(Task::Step(Box::new(search)));
        }
    }

    /// Looks for pickles in the first and the last bytes of a range, where nothing says what they are: behind a
    /// program's own header, or appended to a picture. Without a reason the pickles are no secret.
    pub fn within(&mut self, job: &Job, range: Range<u64>, reason: &str) -> io::Result<()> {
        let end = range.end.min(self.length(job)?);
        let whole = end.saturating_sub(range.start) <= WHOLE;
        let head = if whole { end } else { range.start + HEADER };
        self.search(job, range.start..head, end, Wanted::Calls, reason);
        self.search(job, end.saturating_sub(TAIL).max(head)..end, end, Wanted::Calls, reason);
        Ok(())
    }

    /// Looks for pickles in all of a database, whose pages may lie anywhere and be loaded one by one, but in the ranges
    /// that are `known`, in order.
    pub fn database(&mut self, job: &Job, known: Vec<Range<u64>>) -> io::Result<()> {
        let end = self.length(job)?;
        self.search_but(job, 0..end, end, (Wanted::Imports, ""), known);
        Ok(())
    }

    /// Looks for pickles that begin in a part of a database that its records do not account for.
    pub fn part_of_database(&mut self, job: &Job, part: Range<u64>) {
        self.search(job, part, u64::MAX, Wanted::Imports, "");
    }

    /// Leaves bytes in which nothing ought to be to be looked at, as content and for what is inside them.
    pub fn behind(&mut self, job: &Job, range: Range<u64>, reason: &str) -> io::Result<()> {
        if !job.content.read_range(range.start, 1)?.is_empty() {
            self.later(Task::Open(job.hidden(range.clone(), reason)));
            self.within(job, range.start + 1..range.end, reason)?;
        }
        Ok(())
    }

    /// The length of content, decompressed to its end where need be.
    pub fn length(&self, job: &Job) -> io::Result<u64> {
        match &job.inflated {
            Some(inflated) => Ok(inflated.settle()?.0),
            None => Ok(job.content.len()),
        }
    }
}
