//! The abstract interpreter: runs a stream as an unpickler would, on values that stand for nothing but
//! their origin, and notes what it would import, call and change.
//!
//! It follows `Modules/_pickle.c` where CPython's two unpicklers agree. Where they part it goes on as
//! the one that goes on does and says so, because what that one imports has been imported.

use crate::content::Content;
use crate::facts::{Ending, Fault, Landmark, Landmarks, Loader, NestedBytes, Stream, UseKind};
use crate::limits::Limits;
use crate::pickle::known::numpy::Dtypes;
use crate::pickle::machine::memo::Memo;
use crate::pickle::machine::trace::{Event, Trace, View};
use crate::pickle::stream::framed::FramedCursor;
use crate::pickle::stream::reader::{Cursor, SliceCursor, WindowCursor};
use crate::pickle::values::contents::Contents;
use crate::pickle::values::hashes::Hashes;
use crate::pickle::values::heap::Heap;
use crate::pickle::values::imports::Imports;
use crate::pickle::values::mark::Mark;
use crate::pickle::values::value::Value;
use crate::rule::Rule;
use std::collections::{HashMap, HashSet};
use std::io;

/// One stream, and the others that a loader would read from the same bytes.
#[derive(Debug, Default)]
pub struct Run {
    /// The stream.
    pub stream: Stream,
    /// Complete pickles that `joblib.load` reads between two opcodes, for arrays of objects, and the
    /// stream as the C unpickler reads it from a file, where its frames make that another one.
    pub inner: Vec<Stream>,
    /// Whether an opcode crosses the end of a frame.
    straddled: bool,
}

/// Runs one pickle of `content` from `start` to its STOP, or to where it breaks.
///
/// An error means that the content could not be read. What is wrong with the bytes is among the faults.
pub fn run(content: &Content, start: u64, reading: Loader, member: &str, limits: &Limits) -> io::Result<Run> {
    run_traced(content, start, reading, member, limits, &mut ())
}

/// Like [`run`], and tells an onlooker about every step.
pub fn run_traced<T: Trace>(
    content: &Content,
    start: u64,
    reading: Loader,
    member: &str,
    limits: &Limits,
    trace: &mut T,
) -> io::Result<Run> {
    let mut run = twice(limits, trace, |kept, trace| match content.as_slice() {
        Some(bytes) => Machine::new(SliceCursor::new(bytes, start), reading, limits, trace).finish(kept),
        None => {
            let cursor = WindowCursor::new(content, start, limits.window);
            Machine::new(cursor, reading, limits, trace).finish(kept)
        }
    })?;
    if run.straddled && matches!(reading, Loader::Pickle | Loader::JoblibPlain | Loader::Torch) {
        run.inner.push(twice(limits, &mut (), |kept, trace| {
            let cursor = FramedCursor::new(content, start, limits.window);
            Machine::new(cursor, reading, limits, trace).finish_framed(kept)
        })?);
    }
    run.stream.member = member.to_owned();
    for inner in &mut run.inner {
        inner.member = member.to_owned();
    }
    Ok(run)
}

/// Runs a machine that lets go of old values, and where it wanted one of them, another one that keeps all. An onlooker is
/// told everything once, so for one that looks all are kept at once.
fn twice<T: Trace, R>(
    limits: &Limits,
    trace: &mut T,
    mut run: impl FnMut(usize, &mut T) -> io::Result<Option<R>>,
) -> io::Result<R> {
    let kept = if T::ON { usize::MAX } else { limits.kept };
    match run(kept, trace)? {
        Some(run) => Ok(run),
        None => run(usize::MAX, trace)?.ok_or_else(|| io::Error::other("a value is gone that nobody let go")),
    }
}

/// Runs a stream of these facts again, for an onlooker. `content` is that of its member.
pub fn retrace<T: Trace>(
    content: &Content,
    stream: &Stream,
    limits: &Limits,
    trace: &mut T,
) -> io::Result<()> {
    if stream.framed {
        let cursor = FramedCursor::new(content, stream.start, limits.window);
        return Machine::new(cursor, stream.reading, limits, trace).finish_framed(usize::MAX).map(drop);
    }
    run_traced(content, stream.start, stream.reading, "", limits, trace).map(drop)
}

/// Runs a stream of these facts from a landmark of it on, for an onlooker. It is told of faults that are none where
/// something came before the landmark.
pub fn resume<T: Trace>(
    content: &Content,
    stream: &Stream,
    from: &Landmark,
    limits: &Limits,
    trace: &mut T,
) -> io::Result<()> {
    let state = State::resumed(stream, from);
    match content.as_slice() {
        Some(bytes) => Machine {
            state,
            ..Machine::new(SliceCursor::new(bytes, from.offset), stream.reading, limits, trace)
        }
        .finish(usize::MAX),
        None => {
            let cursor = WindowCursor::new(content, from.offset, limits.window);
            Machine { state, ..Machine::new(cursor, stream.reading, limits, trace) }.finish(usize::MAX)
        }
    }
    .map(drop)
}

/// Why a stream ends.
pub(super) enum Halt {
    /// STOP, and the mark of what is returned.
    Stop(Mark),
    /// No unpickler goes on.
    Broken(String),
    /// A ceiling.
    Limit(String),
    /// What is decided from here on would be decided without a value that is gone.
    Missed,
}

pub(super) type Step = Result<(), Halt>;

/// Bytes between two looks at the memory in use, and at where a landmark is due.
const BREATH: u64 = 1 << 15;

/// Bytes of the memos of inner pickles that are kept, to show lines of those.
const REMEMBERED: usize = 1 << 24;

/// Inner pickles that are kept though nothing is to be said of them.
const UNEVENTFUL: usize = 1000;

pub(super) struct Machine<'m, C, T> {
    pub(super) cursor: C,
    pub(super) limits: &'m Limits,
    pub(super) trace: &'m mut T,
    pub(super) inner: Vec<Stream>,
    pub(super) straddled: bool,
    /// The onlooker is told about the outer pickle alone; inner ones are streams of their own.
    pub(super) muted: bool,
    /// Bytes of old values of one pickle that are kept; where that is not all, whether one that is gone was asked for.
    kept: usize,
    missed: bool,
    pub(super) state: State,
}

/// All that belongs to one pickle. joblib reads a second one in the middle of the first.
#[derive(Default)]
pub(super) struct State {
    pub(super) reading: Loader,
    pub(super) stack: Vec<Value>,
    pub(super) marks: Vec<usize>,
    /// Where the part of the stack above the last mark begins.
    pub(super) fence: usize,
    pub(super) memo: Memo,
    pub(super) heap: Heap,
    pub(super) hashes: Hashes,
    pub(super) imports: Imports,
    pub(super) dtypes: Dtypes,
    pub(super) contents: Contents,
    /// Objects that call this import when they are called, as if it were called by itself.
    pub(super) stored_calls: HashMap<Value, u32>,
    /// Literal bytearrays that were changed.
    pub(super) changed: HashSet<Value>,
    /// Dicts with names that Python and its libraries look up, of more than a literal.
    pub(super) special: HashSet<Value>,
    /// Dicts, and objects with items, that have something to call under names of methods.
    pub(super) callables: HashMap<Value, Vec<u16>>,
    /// Containers that others were made of.
    pub(super) copied: HashSet<Value>,
    /// Persistent ids of storages and bytes to be unpickled that are among the facts already.
    pub(super) storages: HashSet<Value>,
    pub(super) nested: HashSet<Value>,
    /// Bytes that the facts hold.
    pub(super) held: usize,
    /// MEMOIZEs that were done with the opcode before them.
    pub(super) memoized: u64,
    pub(super) protocol: u8,
    pub(super) frame_end: u64,
    /// Where the next look at the memory is due, and where that or the end of the frame comes first.
    look: u64,
    pub(super) alarm: u64,
    pub(super) stream: Stream,
    /// Where the next landmark is due.
    pub(super) due: u64,
    /// It goes on from a landmark of these: what it does not know came before that.
    pub(super) resumed: Option<(Landmarks, Landmark)>,
}

impl State {
    pub(super) fn new(reading: Loader, start: u64) -> Self {
        let stream = Stream { reading, start, ..Stream::default() };
        let due = stream.landmarks.next(start);
        State { reading, frame_end: u64::MAX, stream, due, ..State::default() }
    }

    /// Whether a value was asked for that is gone.
    fn missed(&self) -> bool {
        self.memo.missed() | self.heap.missed()
    }
}

impl<'m, C: Cursor, T: Trace> Machine<'m, C, T> {
    pub(super) fn new(cursor: C, reading: Loader, limits: &'m Limits, trace: &'m mut T) -> Self {
        let state = State::new(reading, cursor.position());
        let (inner, kept) = (Vec::new(), usize::MAX);
        Machine { cursor, limits, trace, inner, straddled: false, muted: false, kept, missed: false, state }
    }

    /// Runs the pickle at the cursor, with so many bytes of old values. `None` where it asked for one that was gone.
    pub(super) fn finish(mut self, kept: usize) -> io::Result<Option<Run>> {
        self.kept = kept;
        let stream = self.run_to_halt().0;
        match self.cursor.failure() {
            Some(error) => Err(error),
            None if self.missed => Ok(None),
            None => Ok(Some(Run { stream, inner: self.inner, straddled: self.straddled })),
        }
    }

    /// Like `finish`, for a cursor that leaves bytes out. Its offsets become those of the content.
    pub(super) fn finish_framed(mut self, kept: usize) -> io::Result<Option<Stream>> {
        self.kept = kept;
        let mut stream = self.run_to_halt().0;
        let message = "read from a file, the rest of a frame is dropped and the stream goes on behind it";
        stream.faults.insert(
            0,
            Fault {
                rule: Rule::StreamAmbiguous,
                offset: stream.start,
                message: message.to_owned(),
                import: None,
            },
        );
        stream.framed = true;
        let at = |offset: &mut u64| *offset = self.cursor.in_content(*offset);
        at(&mut stream.end);
        stream.faults.iter_mut().for_each(|fault| at(&mut fault.offset));
        stream.storages.iter_mut().for_each(|storage| at(&mut storage.offset));
        for import in &mut stream.imports {
            at(&mut import.offset);
            for used in &mut import.uses {
                at(&mut used.offset);
                used.objection.iter_mut().for_each(|objection| at(&mut objection.offset));
            }
        }
        for nested in &mut stream.nested {
            at(&mut nested.offset);
            if let NestedBytes::Range(start, end) = nested.bytes {
                nested.bytes = match self.cursor.source(start..end) {
                    Some(range) => NestedBytes::Range(range.start, range.end),
                    None => {
                        NestedBytes::Decoded(self.cursor.bytes(start, (end - start) as usize).into_owned())
                    }
                };
            }
        }
        match self.cursor.failure() {
            Some(error) => Err(error),
            None => Ok(Some(stream).filter(|_| !self.missed)),
        }
    }

    /// Runs the pickle at the cursor and takes its facts, and the mark of what it makes.
    pub(super) fn run_to_halt(&mut self) -> (Stream, Mark) {
        let mut at = self.cursor.position();
        let mut opcodes: u64 = 0;
        let halt = loop {
            if self.cursor.position() >= self.state.alarm
                && let Err(halt) = self.pause(at)
            {
                break halt;
            }
            at = self.cursor.position();
            let Some(code) = self.cursor.byte() else {
                break Halt::Broken("the stream ends without STOP".to_owned());
            };
            opcodes += 1;
            if T::ON {
                self.tell(at, Event::Opcode { code });
                // The facts of this run are nobody's.
                if self.trace.has_enough() {
                    break Halt::Stop(Mark::STORED);
                }
            }
            if let Err(halt) = self.step(at, code) {
                break halt;
            }
        };
        if self.cursor.position() > self.state.frame_end {
            self.leave_frame(at);
        }
        let mut made = Mark::STORED;
        match halt {
            Halt::Stop(mark) => {
                made = mark;
                self.state.stream.ending = Ending::Stop;
            }
            Halt::Broken(message) => self.fault(Rule::StreamMalformed, at, message),
            Halt::Limit(message) => {
                self.state.stream.ending = Ending::Limit;
                self.fault(Rule::ResourceLimit, at, message);
            }
            Halt::Missed => {}
        }
        self.missed |= self.state.missed();
        let state = std::mem::take(&mut self.state);
        let mut stream = state.stream;
        stream.end = self.cursor.position();
        stream.opcodes = opcodes + state.memoized;
        stream.imports = state.imports.finish();
        stream.landmarks.end(state.memo);
        let uses = stream.imports.iter().flat_map(|import| &import.uses);
        stream.applied |= uses.into_iter().any(|used| used.kind != UseKind::Reference);
        (stream, made)
    }

    /// Between two opcodes, where a frame ends or a look at the memory is due. `at`: the one before.
    #[cold]
    fn pause(&mut self, at: u64) -> Step {
        let position = self.cursor.position();
        if position >= self.state.frame_end {
            self.leave_frame(at);
        }
        if position >= self.state.look {
            // With little to keep, looks are taken often.
            self.state.look = position.saturating_add(BREATH.min(self.kept as u64 / 32).max(1));
            self.check_memory()?;
            self.pass();
        }
        self.state.alarm = self.state.look.min(self.state.frame_end);
        Ok(())
    }

    /// A whole pickle stands at the cursor, read by `pickle.load`; gives the mark of what it makes. It cannot hold
    /// another: only [`Loader::Joblib`] looks for one.
    pub(super) fn inner_pickle(&mut self) -> Result<Mark, Halt> {
        let fresh = State::new(Loader::Pickle, self.cursor.position());
        let outer = std::mem::replace(&mut self.state, fresh);
        self.muted = true;
        let (mut inner, mark) = self.run_to_halt();
        self.muted = false;
        self.state = outer;
        let stopped = inner.stopped();
        let uneventful = inner.imports.is_empty() && inner.faults.is_empty() && inner.storages.is_empty();
        let remembered = || self.inner.iter().map(|inner| inner.landmarks.memo_size()).sum::<usize>();
        if inner.landmarks.memo_size() > 0 && (uneventful || remembered() > REMEMBERED) {
            inner.landmarks = Landmarks::default();
        }
        if !uneventful || self.inner.len() < UNEVENTFUL {
            self.inner.push(inner);
        }
        if self.inner.len() > self.limits.imports {
            return Err(Halt::Limit(format!("more than {} arrays of objects", self.limits.imports)));
        }
        if stopped {
            Ok(mark)
        } else {
            Err(Halt::Broken("the pickle of a joblib array breaks off".to_owned()))
        }
    }

    /// Lets go of old values where there are many, and holds all against what is allowed.
    fn check_memory(&mut self) -> Step {
        if self.missed | self.state.missed() {
            return Err(Halt::Missed);
        }
        let state = &mut self.state;
        if state.memo.aging() + state.heap.aging() > self.kept {
            state.memo.age(self.kept);
            state.heap.age(self.kept);
        }
        let entries = state.stack.len() + state.marks.len();
        let held = state.held
            + state.memo.size()
            + state.heap.size()
            + state.hashes.size()
            + state.imports.held()
            + state.contents.size()
            + state.dtypes.held()
            + state.stream.landmarks.size()
            + (state.changed.len() + state.special.len()) * 16
            + state.stored_calls.len() * 24;
        if (entries * 8 + held) as u64 > self.limits.machine_memory {
            return Err(Halt::Limit(format!(
                "stack, memo, tuples and names need more than {} MiB",
                self.limits.machine_memory >> 20
            )));
        }
        Ok(())
    }

    pub(super) fn tell(&mut self, at: u64, event: Event<'_>) {
        if self.muted {
            return;
        }
        let view = View {
            stack: &self.state.stack,
            marks: &self.state.marks,
            tuples: &self.state.heap.tuples,
            cursor: &self.cursor,
        };
        self.trace.event(&view, at, event);
    }

    /// Tells of something that happens to the values above `from`.
    pub(super) fn tell_items(&mut self, at: u64, from: usize, event: impl FnOnce(&[Value]) -> Event<'_>) {
        if self.muted {
            return;
        }
        let State { stack, marks, heap, .. } = &self.state;
        let view = View { stack, marks, tuples: &heap.tuples, cursor: &self.cursor };
        self.trace.event(&view, at, event(stack.get(from..).unwrap_or(&[])));
    }

    #[cold]
    pub(super) fn fault(&mut self, rule: Rule, at: u64, message: String) {
        self.fault_of(rule, at, message, None);
    }

    #[cold]
    pub(super) fn fault_of(&mut self, rule: Rule, at: u64, message: String, import: Option<String>) {
        if T::ON {
            self.tell(at, Event::Fault { message: &message });
        }
        let faults = &mut self.state.stream.faults;
        // Each rule has its own share: none can crowd out another.
        let mut alike = 0;
        for fault in faults.iter().filter(|f| f.rule == rule) {
            alike += 1;
            if alike >= self.limits.faults || fault.message == message {
                return;
            }
        }
        faults.push(Fault { rule, offset: at, message, import });
    }
}
