//! Pickles where nothing says where they begin: behind the end of a picture, inside a database.

use std::io;
use std::ops::Range;
use std::rc::Rc;

use crate::facts::{Ending, Import, Loader, UseKind};
use crate::pickle::machine::{self, Run};
use crate::pickle::stream::opcode;
use crate::policy::builtin;
use crate::reading::embedded;
use crate::reading::job::{Disguise, Job};
use crate::reading::standing::{self, Promise, Proto, Standing};
use crate::reading::work::{Scan, Step, Task};
use crate::rule::Rule;

/// Longest header behind which a pickle is looked for, where the form does not say how long it is.
const HEADER: u64 = 64 << 10;
/// Bytes before the end in which one is looked for.
const TAIL: u64 = 256 << 10;
/// Longest pickle that is read there: places lie inside one another.
const GUESS: u64 = 16 << 20;
/// Bytes before and behind an import that tell whether it is one.
const REACH: u64 = 512;
/// Opcodes that trying a place counts for at least.
const PLACE: u64 = 16;

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// PROTO with a protocol up to 5, and an opcode.
    Proto,
    /// These, and imports, for pickles without PROTO: PyTables writes the attributes of HDF5 in protocol 0, and
    /// unpickles each text that ends with a stop. Where such a pickle begins nothing says; it is read from its import
    /// on, or from a mark or a text before that.
    Imports,
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
}

impl Step for Search {
    fn step(mut self: Box<Self>, scan: &mut Scan<'_>) -> io::Result<()> {
        let from = self.left.start.saturating_sub(REACH);
        let size = scan.limits.window as u64;
        let bytes = self.job.content.read_range(from, (size + 2 * REACH) as usize)?;
        let behind = (self.left.start + size).min(self.left.end);
        if from + (bytes.len() as u64) <= self.left.start {
            return Ok(());
        }
        self.names.retain(|name| name.end > from);
        for at in places(&bytes, (self.left.start - from) as usize..(behind - from) as usize, self.wanted) {
            if scan.guessed > scan.limits.guessed {
                let message = "too much of the content reads as opcodes to try every place in it";
                scan.fault(&self.job.member, Rule::ResourceLimit, from + at as u64, message);
                return Ok(());
            }
            if !self.is_known(from + at as u64) {
                self.tried(scan, from + at as u64)?;
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

    /// Reads from one place on. Most bytes break soon; those that are made not to would be read over and over.
    fn tried(&mut self, scan: &mut Scan<'_>, at: u64) -> io::Result<()> {
        let range = at..self.end.min(at.saturating_add(GUESS));
        let content = self.job.content.slice(range.clone());
        let run = machine::run(&content, 0, Loader::Pickle, "", scan.limits)?;
        scan.guessed += run.stream.opcodes.max(PLACE);
        let proto = Proto::of(&content.read_range(0, 2)?);
        if standing::standing(proto, Promise::Noise, &run.stream) != Standing::Pickle
            || self.is_an_end(at, &run)
        {
            return Ok(());
        }
        let lines = run.stream.imports.iter().filter(|import| matches!(import.opcode, "GLOBAL" | "INST"));
        self.names.extend(lines.map(|import| {
            let first = at + import.offset + 1;
            first..first + (import.raw_module.len() + import.raw_name.len() + 1) as u64
        }));
        let mut found = self.job.hidden(range, "");
        found.disguise.clone_from(&self.disguise);
        scan.keep_found(&found, run);
        Ok(())
    }

    /// Whether a place lies in the name of an import that was found, and reads as the end of that name: in
    /// `collections` stands `ollections`. What the list knows under such a name is judged all the same.
    fn is_an_end(&self, at: u64, run: &Run) -> bool {
        let judged = |import: &Import| builtin::judges(import.module.split('.').next().unwrap_or_default());
        self.names.iter().any(|name| name.contains(&at)) && !run.stream.imports.first().is_some_and(judged)
    }
}

/// Where in a part of these bytes a pickle may begin, in order.
fn places(bytes: &[u8], part: Range<usize>, wanted: Wanted) -> Vec<usize> {
    let looked = bytes.get(part.start..part.end.min(bytes.len())).unwrap_or(&[]);
    let known = |next: u8| opcode::by_code(next).is_some();
    let proto = |at: &usize| matches!(bytes.get(at + 1..at + 3), Some([0..=5, next]) if known(*next));
    let mut found: Vec<usize> =
        memchr::memchr_iter(0x80, looked).map(|at| part.start + at).filter(proto).collect();
    if wanted == Wanted::Imports {
        let imports = memchr::memchr3_iter(b'c', b'i', 0x93, looked).map(|at| part.start + at);
        found.extend(imports.flat_map(|at| embedded::import_starts(bytes, at)));
    }
    found.sort_unstable();
    found.dedup();
    found
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
            let search = Search { job: job.clone(), left, end, wanted, disguise, names, known };
            self.later(Task::Step(Box::new(search)));
        }
    }

    /// Looks for PROTO in the first and the last bytes of a range, where nothing says what they are: behind a
    /// program's own header, or appended to a picture. Without a reason the pickles are no secret.
    pub fn within(&mut self, job: &Job, range: Range<u64>, reason: &str) -> io::Result<()> {
        let end = range.end.min(self.length(job)?);
        let head = end.min(range.start.saturating_add(HEADER));
        let tail = end.saturating_sub(TAIL).max(head);
        self.search(job, range.start..head, end, Wanted::Proto, reason);
        self.search(job, tail..end, end, Wanted::Proto, reason);
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
