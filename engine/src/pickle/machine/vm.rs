//! The abstract interpreter: runs a stream as an unpickler would, on values that stand for nothing but
//! their origin, and notes what it would import, call and change.
//!
//! It follows `Modules/_pickle.c` where CPython's two unpicklers agree. Where they part it goes on as
//! the one that goes on does and says so, because what that one imports has been imported.

use std::collections::HashSet;
use std::io;

use crate::content::Content;
use crate::facts::{Ending, FOREIGN_ID, Fault, Nested, NestedBytes, Reading, StorageId, Stream, UseKind};
use crate::limits::Limits;
use crate::pickle::known::callable::Callable;
use crate::pickle::known::frames::Frames;
use crate::pickle::known::numpy::Dtypes;
use crate::pickle::machine::imports::{Imports, NameId, Operand};
use crate::pickle::machine::memo::{Index, Memo};
use crate::pickle::machine::state::States;
use crate::pickle::machine::trace::{Event, Trace, View};
use crate::pickle::machine::value::{Tag, Tuples, Value};
use crate::pickle::stream::framed::FramedCursor;
use crate::pickle::stream::long;
use crate::pickle::stream::number;
use crate::pickle::stream::number::Reading as Number;
use crate::pickle::stream::opcode as op;
use crate::pickle::stream::reader::{Cursor, SliceCursor, WindowCursor};
use crate::pickle::stream::text::{self, Text};
use crate::policy::guard::Guard;
use crate::policy::{Kind, builtin};
use crate::rule::Rule;

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
pub fn run(
    content: &Content,
    start: u64,
    reading: Reading,
    member: &str,
    limits: &Limits,
) -> io::Result<Run> {
    run_traced(content, start, reading, member, limits, &mut ())
}

/// Like [`run`], and tells an onlooker about every step.
pub fn run_traced<T: Trace>(
    content: &Content,
    start: u64,
    reading: Reading,
    member: &str,
    limits: &Limits,
    trace: &mut T,
) -> io::Result<Run> {
    let mut run = match content.as_slice() {
        Some(bytes) => Machine::new(SliceCursor::new(bytes, start), reading, limits, trace).finish()?,
        None => {
            let cursor = WindowCursor::new(content, start, limits.window);
            Machine::new(cursor, reading, limits, trace).finish()?
        }
    };
    if run.straddled && matches!(reading, Reading::Pickle | Reading::JoblibPlain | Reading::Torch) {
        let cursor = FramedCursor::new(content, start, limits.window);
        run.inner.push(Machine::new(cursor, reading, limits, &mut ()).finish_framed()?);
    }
    run.stream.member = member.to_owned();
    for inner in &mut run.inner {
        inner.member = member.to_owned();
    }
    Ok(run)
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
        return Machine::new(cursor, stream.reading, limits, trace).finish_framed().map(drop);
    }
    run_traced(content, stream.start, stream.reading, "", limits, trace).map(drop)
}

/// Why a stream ends.
pub(in crate::pickle) enum Halt {
    /// STOP.
    Stop,
    /// No unpickler goes on.
    Broken(String),
    /// A ceiling.
    Limit(String),
}

pub(in crate::pickle) type Step = Result<(), Halt>;

/// Opcodes between two looks at the memory in use.
const BREATH: u64 = 1 << 16;

/// Longest text, in bytes, that is compared with words that loaders know.
const WORD: u64 = 256;

/// Inner pickles that are kept though nothing is to be said of them.
const UNEVENTFUL: usize = 1000;

/// Memory for a storage id and for nested bytes, beyond what they hold, in bytes.
const STORAGE: usize = 144;
const NESTED: usize = 128;

const FRAME_TOO_SHORT: &str = "a frame ends inside an opcode";
const FRAME_IN_FRAME: &str = "a frame begins inside another";

pub(in crate::pickle) struct Machine<'m, C, T> {
    pub(in crate::pickle) cursor: C,
    pub(in crate::pickle) limits: &'m Limits,
    pub(in crate::pickle) trace: &'m mut T,
    inner: Vec<Stream>,
    straddled: bool,
    /// The onlooker is told about the outer pickle alone; inner ones are streams of their own.
    muted: bool,
    pub(in crate::pickle) state: State,
}

/// All that belongs to one pickle. joblib reads a second one in the middle of the first.
#[derive(Default)]
pub(in crate::pickle) struct State {
    pub(in crate::pickle) reading: Reading,
    pub(in crate::pickle) stack: Vec<Value>,
    marks: Vec<usize>,
    /// Where the part of the stack above the last mark begins.
    fence: usize,
    memo: Memo,
    pub(in crate::pickle) tuples: Tuples,
    pub(in crate::pickle) imports: Imports,
    pub(in crate::pickle) dtypes: Dtypes,
    pub(in crate::pickle) frames: Frames,
    pub(in crate::pickle) states: States,
    /// Persistent ids of storages and bytes to be unpickled that are among the facts already.
    storages: HashSet<Value>,
    pub(in crate::pickle) nested: HashSet<Value>,
    /// Bytes that the facts hold.
    held: usize,
    protocol: u8,
    frame_end: u64,
    pub(in crate::pickle) stream: Stream,
}

impl State {
    fn new(reading: Reading, start: u64) -> Self {
        let stream = Stream { reading, start, ..Stream::default() };
        State { reading, frame_end: u64::MAX, stream, ..State::default() }
    }
}

impl<'m, C: Cursor, T: Trace> Machine<'m, C, T> {
    fn new(cursor: C, reading: Reading, limits: &'m Limits, trace: &'m mut T) -> Self {
        let state = State::new(reading, cursor.position());
        Machine { cursor, limits, trace, inner: Vec::new(), straddled: false, muted: false, state }
    }

    fn finish(mut self) -> io::Result<Run> {
        let stream = self.run_to_halt();
        match self.cursor.failure() {
            Some(error) => Err(error),
            None => Ok(Run { stream, inner: self.inner, straddled: self.straddled }),
        }
    }

    /// Like `finish`, for a cursor that leaves bytes out. Its offsets become those of the content.
    fn finish_framed(mut self) -> io::Result<Stream> {
        let mut stream = self.run_to_halt();
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
            None => Ok(stream),
        }
    }

    /// Runs the pickle at the cursor and takes its facts.
    fn run_to_halt(&mut self) -> Stream {
        let mut at;
        let mut opcodes: u64 = 0;
        let halt = loop {
            at = self.cursor.position();
            let Some(code) = self.cursor.byte() else {
                break Halt::Broken("the stream ends without STOP".to_owned());
            };
            opcodes += 1;
            if T::ON {
                self.tell(at, Event::Opcode { code });
            }
            if let Err(halt) = self.step(at, code) {
                break halt;
            }
            if self.cursor.position() >= self.state.frame_end {
                self.leave_frame(at);
            }
            if opcodes.is_multiple_of(BREATH)
                && let Err(halt) = self.check_memory()
            {
                break halt;
            }
        };
        if self.cursor.position() > self.state.frame_end {
            self.leave_frame(at);
        }
        match halt {
            Halt::Stop => self.state.stream.ending = Ending::Stop,
            Halt::Broken(message) => self.fault(Rule::StreamMalformed, at, message),
            Halt::Limit(message) => {
                self.state.stream.ending = Ending::Limit;
                self.fault(Rule::ResourceLimit, at, message);
            }
        }
        let state = std::mem::take(&mut self.state);
        let mut stream = state.stream;
        stream.end = self.cursor.position();
        stream.opcodes = opcodes;
        stream.imports = state.imports.finish();
        let uses = stream.imports.iter().flat_map(|import| &import.uses);
        stream.applied |= uses.into_iter().any(|used| used.kind != UseKind::Reference);
        stream
    }

    /// A whole pickle stands at the cursor, read by `pickle.load`. It cannot hold another: only
    /// [`Reading::Joblib`] looks for one.
    pub(in crate::pickle) fn inner_pickle(&mut self) -> Step {
        let fresh = State::new(Reading::Pickle, self.cursor.position());
        let outer = std::mem::replace(&mut self.state, fresh);
        self.muted = true;
        let inner = self.run_to_halt();
        self.muted = false;
        self.state = outer;
        let stopped = inner.stopped();
        let uneventful = inner.imports.is_empty() && inner.faults.is_empty() && inner.storages.is_empty();
        if !uneventful || self.inner.len() < UNEVENTFUL {
            self.inner.push(inner);
        }
        if self.inner.len() > self.limits.imports {
            return Err(Halt::Limit(format!("more than {} arrays of objects", self.limits.imports)));
        }
        if stopped { Ok(()) } else { Err(Halt::Broken("the pickle of a joblib array breaks off".to_owned())) }
    }

    fn check_memory(&self) -> Step {
        let state = &self.state;
        let entries = state.stack.len() + state.marks.len() + state.memo.size() + state.tuples.size();
        let held = state.held
            + state.imports.held()
            + state.states.held()
            + state.dtypes.held()
            + state.frames.held();
        if (entries * 8 + held) as u64 > self.limits.machine_memory {
            return Err(Halt::Limit(format!(
                "stack, memo, tuples and names need more than {} MiB",
                self.limits.machine_memory >> 20
            )));
        }
        Ok(())
    }

    // --- telling -------------------------------------------------------------------------------

    pub(in crate::pickle) fn tell(&mut self, at: u64, event: Event<'_>) {
        if self.muted {
            return;
        }
        let view = View {
            stack: &self.state.stack,
            marks: &self.state.marks,
            tuples: &self.state.tuples,
            cursor: &self.cursor,
        };
        self.trace.event(&view, at, event);
    }

    #[cold]
    pub(in crate::pickle) fn fault(&mut self, rule: Rule, at: u64, message: String) {
        self.fault_of(rule, at, message, None);
    }

    #[cold]
    pub(in crate::pickle) fn fault_of(
        &mut self,
        rule: Rule,
        at: u64,
        message: String,
        import: Option<String>,
    ) {
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

    // --- stack ---------------------------------------------------------------------------------

    #[cold]
    fn underflow() -> Halt {
        Halt::Broken("an opcode needs more values than are on the stack".to_owned())
    }

    #[cold]
    fn cut_short() -> Halt {
        Halt::Broken("the stream ends inside an opcode".to_owned())
    }

    #[inline(always)]
    fn push(&mut self, value: Value) {
        self.state.stack.push(value);
    }

    #[inline(always)]
    pub(in crate::pickle) fn pop(&mut self) -> Result<Value, Halt> {
        if self.state.stack.len() <= self.state.fence {
            return Err(Self::underflow());
        }
        self.state.stack.pop().ok_or_else(Self::underflow)
    }

    #[inline(always)]
    fn top(&self) -> Result<Value, Halt> {
        if self.state.stack.len() <= self.state.fence {
            return Err(Self::underflow());
        }
        self.state.stack.last().copied().ok_or_else(Self::underflow)
    }

    #[inline(always)]
    fn mark(&mut self) {
        self.state.fence = self.state.stack.len();
        self.state.marks.push(self.state.fence);
    }

    #[inline(always)]
    fn pop_mark(&mut self) -> Result<usize, Halt> {
        let Some(at) = self.state.marks.pop() else {
            return Err(Halt::Broken("an opcode needs a MARK and there is none".to_owned()));
        };
        self.state.fence = self.state.marks.last().copied().unwrap_or(0);
        Ok(at)
    }

    /// A value comes onto the stack again: GET, DUP.
    #[inline(always)]
    fn push_again(&mut self, value: Value) {
        if let Some(import) = value.as_import() {
            self.state.imports.pushed(import);
        } else if value.is(Tag::Object) {
            self.state.dtypes.pushed_again(value);
        }
        self.push(value);
    }

    // --- arguments -----------------------------------------------------------------------------

    #[inline(always)]
    pub(in crate::pickle) fn u8(&mut self) -> Result<u8, Halt> {
        self.cursor.byte().ok_or_else(Self::cut_short)
    }

    #[inline(always)]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Halt> {
        self.cursor.array().ok_or_else(Self::cut_short)
    }

    #[inline(always)]
    pub(in crate::pickle) fn skip(&mut self, n: u64) -> Step {
        if self.cursor.skip(n) { Ok(()) } else { Err(Self::cut_short()) }
    }

    fn signed_count(&mut self) -> Result<u64, Halt> {
        let n = i32::from_le_bytes(self.array()?);
        u64::try_from(n).map_err(|_| Halt::Broken(format!("a count of {n} bytes")))
    }

    fn line(&mut self) -> Result<(u64, u64), Halt> {
        let line = self.cursor.line();
        if !line.ended {
            return Err(Self::cut_short());
        }
        Ok((line.start, line.len))
    }

    /// A number line, shortened where it is longer than the limit for text.
    fn number_line(&mut self) -> Result<Vec<u8>, Halt> {
        let (start, len) = self.line()?;
        if len > self.limits.text {
            let mut number = long::Number::default();
            self.pieces(start, len, |piece| number.push(piece));
            return Ok(number.finish());
        }
        let line = self.cursor.bytes(start, len as usize).into_owned();
        self.state.stream.converted |= line.ends_with(b"\r");
        Ok(line)
    }

    /// A range of the stream, piece by piece.
    fn pieces(&self, start: u64, len: u64, mut each: impl FnMut(&[u8])) {
        let piece = self.limits.text.max(1);
        for at in (0..len).step_by(piece as usize) {
            each(&self.cursor.bytes(start + at, piece.min(len - at) as usize));
        }
    }

    /// The two unpicklers part: one raises here, and the machine goes on with the other.
    #[cold]
    pub(in crate::pickle) fn only_one(&mut self, at: u64, what: &str) {
        let message = format!("only one of Python's two unpicklers goes on at {what}");
        self.fault(Rule::StreamAmbiguous, at, message);
    }

    fn settle<N>(&mut self, at: u64, what: &str, number: Number<N>) -> Result<N, Halt> {
        match number {
            Number::Both(n) => Ok(n),
            Number::One(n) => {
                self.only_one(at, what);
                Ok(n)
            }
            Number::OfVersion(n) => {
                let message = format!("Python before 3.14 and since 3.14 differ at {what}");
                self.fault(Rule::StreamAmbiguous, at, message);
                Ok(n)
            }
            Number::OfPython2(n) => {
                let message = format!("Python 2 and Python 3 differ at {what}");
                self.fault(Rule::StreamAmbiguous, at, message);
                Ok(n)
            }
            Number::Neither => Err(Halt::Broken(format!("not {what}"))),
        }
    }

    fn memo_line(&mut self, at: u64) -> Result<Index, Halt> {
        let line = self.number_line()?;
        self.settle(at, "a memo index", number::memo_index(&line))
    }

    /// UTF-8 with surrogates, checked where the bytes are at hand.
    fn utf8(&mut self, start: u64, len: u64) -> Step {
        if len > self.limits.text.max(1 << 20) {
            return Ok(());
        }
        let bytes = self.cursor.bytes(start, len as usize);
        if bytes.is_ascii() || text::utf8_surrogatepass(&bytes).is_some() {
            return Ok(());
        }
        Err(Halt::Broken("a text that is not UTF-8".to_owned()))
    }

    #[inline(always)]
    fn unicode(&mut self, at: u64, len: u64) -> Step {
        let start = self.cursor.position();
        self.skip(len)?;
        self.utf8(start, len)?;
        self.push(Value::new(Tag::Text, at));
        Ok(())
    }

    #[inline(always)]
    fn counted(&mut self, at: u64, len: u64, tag: Tag) -> Step {
        let fits = match tag {
            Tag::Text => self.cursor.skip(len),
            _ => self.cursor.skip_into(len),
        };
        if !fits {
            return Err(Self::cut_short());
        }
        self.push(Value::new(tag, at));
        Ok(())
    }

    // --- the loop's body -----------------------------------------------------------------------

    #[inline(always)]
    fn step(&mut self, at: u64, code: u8) -> Step {
        match code {
            op::BININT1 => {
                let n = self.u8()?;
                self.push(Value::int(i64::from(n)));
            }
            op::BININT2 => {
                let n = u16::from_le_bytes(self.array()?);
                self.push(Value::int(i64::from(n)));
            }
            op::BININT => {
                let n = i32::from_le_bytes(self.array()?);
                self.push(Value::int(i64::from(n)));
            }
            op::SHORT_BINUNICODE => {
                let n = self.u8()?;
                self.unicode(at, u64::from(n))?;
            }
            op::BINUNICODE => {
                let n = u32::from_le_bytes(self.array()?);
                self.unicode(at, u64::from(n))?;
            }
            op::BINUNICODE8 => {
                let n = u64::from_le_bytes(self.array()?);
                self.unicode(at, n)?;
            }
            op::SHORT_BINBYTES => {
                let n = self.u8()?;
                self.counted(at, u64::from(n), Tag::Bytes)?;
            }
            op::BINBYTES => {
                let n = u32::from_le_bytes(self.array()?);
                self.counted(at, u64::from(n), Tag::Bytes)?;
            }
            op::BINBYTES8 => {
                let n = u64::from_le_bytes(self.array()?);
                self.counted(at, n, Tag::Bytes)?;
            }
            op::BYTEARRAY8 => {
                let n = u64::from_le_bytes(self.array()?);
                self.counted(at, n, Tag::ByteArray)?;
            }
            op::SHORT_BINSTRING => {
                let n = self.u8()?;
                self.counted(at, u64::from(n), Tag::Text)?;
            }
            op::BINSTRING => {
                let n = u32::from_le_bytes(self.array()?);
                if n > i32::MAX as u32 {
                    self.only_one(at, "a BINSTRING of 2 GiB or more");
                }
                self.counted(at, u64::from(n), Tag::Text)?;
            }
            op::BINPUT => {
                let i = self.u8()?;
                let value = self.top()?;
                self.remember(at, u64::from(i), value);
            }
            op::LONG_BINPUT => {
                let i = u32::from_le_bytes(self.array()?);
                let value = self.top()?;
                self.remember(at, u64::from(i), value);
            }
            op::MEMOIZE => {
                let value = self.top()?;
                self.state.memo.memoize(value);
                if T::ON {
                    self.tell(at, Event::Memo { value });
                }
            }
            op::BINGET => {
                let i = self.u8()?;
                self.recall(u64::from(i))?;
            }
            op::LONG_BINGET => {
                let i = u32::from_le_bytes(self.array()?);
                self.recall(u64::from(i))?;
            }
            op::NONE => self.push(Value::NONE),
            op::NEWTRUE => self.push(Value::new(Tag::Bool, 1)),
            op::NEWFALSE => self.push(Value::new(Tag::Bool, 0)),
            op::BINFLOAT => {
                self.array::<8>()?;
                self.push(Value::new(Tag::Float, at));
            }
            op::MARK => self.mark(),
            op::EMPTY_TUPLE => self.push(Tuples::EMPTY),
            op::EMPTY_LIST => self.push(Value::new(Tag::List, at)),
            op::EMPTY_DICT => self.push(Value::new(Tag::Dict, at)),
            op::EMPTY_SET => self.push(Value::new(Tag::Set, at)),
            op::TUPLE1 => self.short_tuple(at, code, 1)?,
            op::TUPLE2 => self.short_tuple(at, code, 2)?,
            op::TUPLE3 => self.short_tuple(at, code, 3)?,
            op::TUPLE => {
                let mark = self.pop_mark()?;
                let value = self.state.tuples.push(self.state.stack.get(mark..).unwrap_or(&[]));
                self.gather(at, code, mark, value);
            }
            op::APPEND => self.items_on_top(at, code, 1)?,
            op::APPENDS | op::ADDITEMS | op::SETITEMS => {
                let mark = self.pop_mark()?;
                // The mark may lie below what the target would need.
                if mark <= self.state.fence {
                    return Err(Self::underflow());
                }
                if code == op::SETITEMS && (self.state.stack.len() - mark) % 2 == 1 {
                    return Err(Halt::Broken("SETITEMS with a key that has no value".to_owned()));
                }
                self.items(at, code, mark);
            }
            op::SETITEM => self.items_on_top(at, code, 2)?,
            op::REDUCE | op::NEWOBJ => {
                let args = self.pop()?;
                let callee = self.pop()?;
                self.apply(at, code, callee, args, None);
            }
            op::BUILD => {
                let state = self.pop()?;
                let target = self.top()?;
                self.build(at, target, state)?;
            }
            op::STOP => {
                let value = self.pop()?;
                if T::ON {
                    self.tell(at, Event::Stop { value });
                }
                return Err(Halt::Stop);
            }
            _ => return self.rare(at, code),
        }
        Ok(())
    }

    /// Opcodes that are rare, or dear anyway.
    #[inline(never)]
    fn rare(&mut self, at: u64, code: u8) -> Step {
        match code {
            op::PROTO => {
                let n = self.u8()?;
                if n > op::HIGHEST_PROTOCOL && self.state.stream.protocol <= op::HIGHEST_PROTOCOL {
                    let message = format!("protocol {n}, and the highest is {}", op::HIGHEST_PROTOCOL);
                    self.fault(Rule::StreamMalformed, at, message);
                }
                self.state.protocol = n;
                self.state.stream.protocol = self.state.stream.protocol.max(n);
            }
            op::FRAME => self.frame(at)?,
            op::INT => {
                let line = self.number_line()?;
                let n = self.settle(at, "an integer", number::int(&line))?;
                self.push(match (line.as_slice(), n) {
                    (b"00", _) => Value::new(Tag::Bool, 0),
                    (b"01", _) => Value::new(Tag::Bool, 1),
                    (_, n) => Value::integer(at, n),
                });
            }
            op::LONG => {
                let line = self.number_line()?;
                let n = self.settle(at, "a long integer", number::long(&line))?;
                self.push(Value::integer(at, n));
            }
            op::FLOAT => {
                let line = self.number_line()?;
                self.settle(at, "a float", number::float(&line))?;
                self.push(Value::new(Tag::Float, at));
            }
            op::LONG1 => {
                let n = self.u8()?;
                self.long_bytes(at, u64::from(n))?;
            }
            op::LONG4 => {
                let n = self.signed_count()?;
                self.long_bytes(at, n)?;
            }
            op::STRING => {
                let (start, len) = self.line()?;
                if len <= self.limits.text.max(1 << 20) {
                    let bytes = self.cursor.bytes(start, len as usize);
                    let Some(inner) = text::unquote_any(&bytes) else {
                        return Err(Halt::Broken("a STRING without quotes".to_owned()));
                    };
                    if text::escape_decode(inner).is_none() {
                        return Err(Halt::Broken("a STRING with a broken escape".to_owned()));
                    }
                    let converted = bytes.ends_with(b"\r");
                    if text::unquote(&bytes).is_none() {
                        self.state.stream.converted |= converted;
                        let message = "Python 2 takes a STRING with blanks behind it, Python 3 refuses it";
                        self.fault(Rule::StreamAmbiguous, at, message.to_owned());
                    }
                }
                self.push(Value::new(Tag::Text, at));
            }
            op::UNICODE => {
                let (start, len) = self.line()?;
                if len <= self.limits.text.max(1 << 20) {
                    let bytes = self.cursor.bytes(start, len as usize);
                    if memchr::memchr(b'\\', &bytes).is_some() && text::raw_unicode_escape(&bytes).is_none() {
                        return Err(Halt::Broken("a UNICODE with a broken escape".to_owned()));
                    }
                }
                self.push(Value::new(Tag::Text, at));
            }
            op::POP => {
                if self.state.stack.len() > self.state.fence {
                    self.state.stack.pop();
                } else {
                    // Both unpicklers take the mark itself where nothing lies above it.
                    self.pop_mark().map_err(|_| Self::underflow())?;
                }
            }
            op::POP_MARK => {
                let mark = self.pop_mark()?;
                self.state.stack.truncate(mark);
            }
            op::DUP => {
                let value = self.top()?;
                self.push_again(value);
            }
            op::PUT => {
                let index = self.memo_line(at)?;
                let value = self.top()?;
                self.state.memo.put_index(index, value);
                if T::ON {
                    self.tell(at, Event::Memo { value });
                }
            }
            op::GET => {
                let index = self.memo_line(at)?;
                let value = self.state.memo.get_index(&index).ok_or_else(Self::unset)?;
                self.push_again(value);
            }
            op::LIST => {
                let mark = self.pop_mark()?;
                let list = Value::new(Tag::List, at);
                self.listed(list, mark);
                self.gather(at, code, mark, list);
            }
            op::FROZENSET => {
                let mark = self.pop_mark()?;
                self.gather(at, code, mark, Value::new(Tag::FrozenSet, at));
            }
            op::DICT => {
                let mark = self.pop_mark()?;
                if (self.state.stack.len() - mark) % 2 == 1 {
                    return Err(Halt::Broken("DICT with a key that has no value".to_owned()));
                }
                let dict = Value::new(Tag::Dict, at);
                self.note_items(at, dict, mark);
                self.gather(at, code, mark, dict);
            }
            op::GLOBAL => {
                let (module, name) = self.name_lines(at, code)?;
                self.import(at, code, module, name)?;
            }
            op::STACK_GLOBAL => {
                let name = self.pop()?;
                let module = self.pop()?;
                self.stack_global(at, module, name)?;
            }
            op::INST => {
                let (module, name) = self.name_lines(at, code)?;
                // Lib/pickle.py resolves the name before it looks for the mark.
                self.import(at, code, module, name)?;
                let callee = self.pop()?;
                let mark = self.pop_mark()?;
                let args = self.state.tuples.push(self.state.stack.get(mark..).unwrap_or(&[]));
                self.state.stack.truncate(mark);
                self.apply(at, code, callee, args, None);
            }
            op::OBJ => {
                let mark = self.pop_mark()?;
                let Some((&callee, rest)) = self.state.stack.get(mark..).and_then(<[Value]>::split_first)
                else {
                    return Err(Self::underflow());
                };
                let args = self.state.tuples.push(rest);
                self.state.stack.truncate(mark);
                self.apply(at, code, callee, args, None);
            }
            op::NEWOBJ_EX => {
                let kwargs = self.pop()?;
                let args = self.pop()?;
                let callee = self.pop()?;
                self.apply(at, code, callee, args, Some(kwargs));
            }
            op::EXT1 => {
                let n = self.u8()?;
                self.extension(at, i64::from(n))?;
            }
            op::EXT2 => {
                let n = u16::from_le_bytes(self.array()?);
                self.extension(at, i64::from(n))?;
            }
            op::EXT4 => {
                let n = i32::from_le_bytes(self.array()?);
                self.extension(at, i64::from(n))?;
            }
            op::PERSID => {
                self.line()?;
                self.persistent(at, Value::UNKNOWN)?;
            }
            op::BINPERSID => {
                let id = self.pop()?;
                self.persistent(at, id)?;
            }
            op::NEXT_BUFFER => {
                let message =
                    "NEXT_BUFFER: the data lies outside the file and `load` must be given it".to_owned();
                if self.state.reading.runs_data() {
                    return Err(Halt::Broken(message));
                }
                self.fault(Rule::StreamMalformed, at, message);
                self.push(Value::new(Tag::Buffer, at));
            }
            op::READONLY_BUFFER => {
                let value = self.top()?;
                match value.tag() {
                    // A read-only `memoryview` takes the place of what can be written to.
                    Tag::ByteArray => {
                        self.pop()?;
                        self.push(Value::new(Tag::Buffer, at));
                    }
                    Tag::Bytes | Tag::Encoded | Tag::Buffer => {}
                    Tag::Object | Tag::Import | Tag::Persistent | Tag::Unknown => {}
                    _ => return Err(Halt::Broken("READONLY_BUFFER on a value that is no buffer".to_owned())),
                }
            }
            _ => {
                // The byte itself is where reading stopped, not behind it.
                self.cursor.seek(at);
                return Err(Halt::Broken(format!("no opcode has the byte 0x{code:02x}")));
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn short_tuple(&mut self, at: u64, code: u8, n: usize) -> Step {
        let len = self.state.stack.len();
        if len < self.state.fence + n {
            return Err(Self::underflow());
        }
        let value = self.state.tuples.push(self.state.stack.get(len - n..).unwrap_or(&[]));
        self.gather(at, code, len - n, value);
        Ok(())
    }

    #[inline(always)]
    fn items_on_top(&mut self, at: u64, code: u8, n: usize) -> Step {
        let len = self.state.stack.len();
        if len < self.state.fence + n + 1 {
            return Err(Self::underflow());
        }
        self.items(at, code, len - n);
        Ok(())
    }

    /// Replaces everything from `from` on by the container made of it.
    #[inline(always)]
    fn gather(&mut self, at: u64, code: u8, from: usize, value: Value) {
        if T::ON {
            let items = self.state.stack.get(from..).unwrap_or(&[]).to_vec();
            self.tell(at, Event::Container { code, value, items: &items });
        }
        self.state.stack.truncate(from);
        self.push(value);
    }

    #[inline(always)]
    fn remember(&mut self, at: u64, index: u64, value: Value) {
        self.state.memo.put(index, value);
        if T::ON {
            self.tell(at, Event::Memo { value });
        }
    }

    #[inline(always)]
    fn recall(&mut self, index: u64) -> Step {
        let value = self.state.memo.get(index).ok_or_else(Self::unset)?;
        self.push_again(value);
        Ok(())
    }

    #[cold]
    fn unset() -> Halt {
        Halt::Broken("the memo has no entry of that index".to_owned())
    }

    fn long_bytes(&mut self, at: u64, n: u64) -> Step {
        let start = self.cursor.position();
        self.skip(n)?;
        let value = if n <= 8 {
            let bytes = self.cursor.bytes(start, n as usize);
            let fill = if bytes.last().is_some_and(|b| b & 0x80 != 0) { 0xff } else { 0 };
            let mut le = [fill; 8];
            for (to, from) in le.iter_mut().zip(bytes.iter()) {
                *to = *from;
            }
            Value::integer(at, Some(i64::from_le_bytes(le)))
        } else {
            Value::integer(at, None)
        };
        self.push(value);
        Ok(())
    }

    // --- frames --------------------------------------------------------------------------------

    /// PEP 3154: no opcode crosses the end of a frame. Where one does, the two unpicklers part, and
    /// [`FramedCursor`] reads the stream once more.
    fn frame(&mut self, at: u64) -> Step {
        let len = u64::from_le_bytes(self.array()?);
        if C::BUFFERS_FRAMES {
            return if self.cursor.frame(len) { Ok(()) } else { Err(Self::cut_short()) };
        }
        let position = self.cursor.position();
        if self.state.frame_end != u64::MAX && position != self.state.frame_end {
            self.straddled = true;
            let message = if position < self.state.frame_end { FRAME_IN_FRAME } else { FRAME_TOO_SHORT };
            self.fault(Rule::StreamMalformed, at, message.to_owned());
        }
        let left = self.cursor.end().saturating_sub(position);
        if len > left {
            let message = format!("a frame of {len} bytes where {left} are left");
            self.fault(Rule::StreamMalformed, at, message);
        }
        self.state.frame_end = position.saturating_add(len.min(left));
        Ok(())
    }

    #[cold]
    fn leave_frame(&mut self, at: u64) {
        if self.cursor.position() > self.state.frame_end {
            self.straddled = true;
            self.fault(Rule::StreamMalformed, at, FRAME_TOO_SHORT.to_owned());
        }
        self.state.frame_end = u64::MAX;
    }

    // --- imports -------------------------------------------------------------------------------

    /// The two lines of GLOBAL, in UTF-8, or INST, in ASCII.
    fn name_lines(&mut self, at: u64, code: u8) -> Result<(NameId, NameId), Halt> {
        Ok((self.name_line(at, code)?, self.name_line(at, code)?))
    }

    fn name_line(&mut self, at: u64, code: u8) -> Result<NameId, Halt> {
        let line = self.cursor.line();
        // Lib/pickle.py takes the last byte of the content for the newline.
        let len = if line.ended { line.len } else { line.len.saturating_sub(1) };
        if len > self.limits.text {
            let mut name = long::Name::new();
            self.pieces(line.start, len, |piece| name.push(piece));
            let message = format!("a name of {len} bytes is imported");
            self.fault(Rule::ImportUnresolved, at, message);
            return Ok(self.state.imports.name(&name.finish()));
        }
        let bytes = self.cursor.bytes(line.start, len as usize);
        self.state.stream.converted |= bytes.ends_with(b"\r");
        let name = match std::str::from_utf8(&bytes) {
            Ok(text) if code == op::GLOBAL || text.is_ascii() => self.state.imports.name(text),
            _ => return Err(Halt::Broken(format!("{} with a name it cannot decode", op::name(code)))),
        };
        if !line.ended {
            self.only_one(at, "a name without a newline behind it");
        } else if len == 0 {
            self.only_one(at, "an empty name");
        }
        Ok(name)
    }

    fn import(&mut self, at: u64, code: u8, module: NameId, name: NameId) -> Step {
        let value = self.resolve(at, code, module, name, self.state.protocol < 3)?;
        self.push(value);
        Ok(())
    }

    /// An import by these names. `mapped` says that `_compat_pickle` applies.
    pub(in crate::pickle) fn resolve(
        &mut self,
        at: u64,
        code: u8,
        module: NameId,
        name: NameId,
        mapped: bool,
    ) -> Result<Value, Halt> {
        let index = self.state.imports.resolve(module, name, mapped, at, code);
        if self.state.imports.len() > self.limits.imports {
            return Err(Halt::Limit(format!("more than {} different imports", self.limits.imports)));
        }
        // From here on some dicts are state that a guard will want to see.
        if matches!(
            self.state.imports.callable(index),
            Callable::NumpyDtype | Callable::JoblibArray | Callable::Forwarder(Guard::PandasIndex)
        ) || matches!(self.state.imports.arguments(index), Some(Guard::TimeZone | Guard::OptionDefaults))
        {
            self.state.states.keep_from(at);
        }
        self.state.imports.pushed(index);
        let value = Value::new(Tag::Import, u64::from(index));
        // Not by `tell`, as the names may be long and are lent.
        if T::ON
            && !self.muted
            && let Some(import) = self.state.imports.get(index)
        {
            let (module, name) = (import.module.as_str(), import.name.as_str());
            let view = View {
                stack: &self.state.stack,
                marks: &self.state.marks,
                tuples: &self.state.tuples,
                cursor: &self.cursor,
            };
            self.trace.event(&view, at, Event::Import { module, name, code, value });
        }
        Ok(value)
    }

    fn stack_global(&mut self, at: u64, module: Value, name: Value) -> Step {
        match (self.operand(module), self.operand(name)) {
            (Some(Operand::Name(module)), Some(Operand::Name(name))) => {
                return self.import(at, op::STACK_GLOBAL, module, name);
            }
            (Some(Operand::TooLong(n)), Some(_)) | (Some(_), Some(Operand::TooLong(n))) => {
                self.fault(Rule::ImportUnresolved, at, format!("a name of {n} bytes is imported"));
            }
            (Some(_), Some(_)) => return Err(Halt::Broken("a name that is not text".to_owned())),
            _ => {
                let computed = |v: Value| {
                    matches!(
                        v.tag(),
                        Tag::Object | Tag::Unknown | Tag::Persistent | Tag::Encoded | Tag::Import
                    )
                };
                // Both unpicklers want text, and refuse an object of a class that is none.
                if self.is_no_text(module) || self.is_no_text(name) {
                    return Err(Halt::Broken("STACK_GLOBAL with operands that are not text".to_owned()));
                }
                if computed(module) || computed(name) {
                    let message = "the module or name of an import is computed, not a literal".to_owned();
                    self.fault(Rule::ImportUnresolved, at, message);
                } else {
                    return Err(Halt::Broken("STACK_GLOBAL with operands that are not text".to_owned()));
                }
            }
        }
        self.push(Value::UNKNOWN);
        Ok(())
    }

    /// Whether a value is a listed class or function, or an object of a listed class that is no kind of text.
    fn is_no_text(&self, value: Value) -> bool {
        let import = value.as_import().or(value.object_import()).and_then(|i| self.state.imports.get(i));
        let Some((triggers, _, kind)) = import.and_then(|i| builtin::triggers(&i.module, &i.name)) else {
            return false;
        };
        match kind {
            Kind::Class => value.is(Tag::Import) || !triggers.text,
            Kind::Function => value.is(Tag::Import),
            _ => false,
        }
    }

    /// What a literal names, `None` for any other value.
    fn operand(&mut self, value: Value) -> Option<Operand> {
        let text = match self.state.imports.operand(value) {
            Some(operand) => return Some(operand),
            None => self.literal_text(value, self.limits.text)?,
        };
        Some(self.state.imports.learn(value, &text))
    }

    /// The text of a literal, `None` for any other value.
    pub(in crate::pickle) fn literal_text(&self, value: Value, limit: u64) -> Option<Text> {
        value.is(Tag::Text).then(|| text::decode(&self.cursor, value.payload(), limit))
    }

    /// The text of a literal that has a place in what a loader knows: a word, a key, a codec.
    pub(in crate::pickle) fn literal_word(&self, value: Value) -> Option<String> {
        match self.literal_text(value, WORD)? {
            Text::Str(word) => Some(word),
            _ => None,
        }
    }

    fn extension(&mut self, at: u64, extension: i64) -> Step {
        if extension <= 0 {
            return Err(Halt::Broken(format!("extension code {extension}")));
        }
        // Among the bytes of arrays there are such codes by chance, and nothing comes of one that is not applied.
        if !self.state.reading.runs_data() {
            let message =
                format!("extension code {extension} stands for whatever the process has registered");
            self.fault(Rule::ImportUnresolved, at, message);
        }
        self.push(Value::UNKNOWN);
        Ok(())
    }

    // --- persistent ids ------------------------------------------------------------------------

    /// `torch/serialization.py` (`persistent_load`) takes `("storage", type, key, location, numel)`,
    /// and in the legacy layout `("module", type, file, source)`, for which it gives back the type.
    fn persistent(&mut self, at: u64, id: Value) -> Step {
        if self.state.reading.runs_data() {
            return Err(Halt::Broken("a persistent id, for which the unpickler has no function".to_owned()));
        }
        let mut value = Value::new(Tag::Persistent, at);
        let part = |i| self.state.tuples.get(id, i);
        let kind = part(0).and_then(|v| self.literal_word(v));
        if kind.as_deref() == Some("storage") {
            // The same id gives the same storage.
            if self.state.storages.insert(id) {
                let class = part(1).and_then(Value::as_import).and_then(|i| self.state.imports.get(i));
                let storage = StorageId {
                    class: class.map(|i| i.name.clone()).unwrap_or_default(),
                    key: part(2).and_then(|v| self.literal_word(v)).unwrap_or_default(),
                    elements: part(4).and_then(Value::as_int).and_then(|n| u64::try_from(n).ok()),
                    offset: at,
                };
                self.state.held += STORAGE + storage.class.len() + storage.key.len();
                self.state.stream.storages.push(storage);
            }
        } else if kind.as_deref() == Some("module") {
            value = part(1).unwrap_or(value);
        } else {
            self.fault(Rule::ImportUnresolved, at, FOREIGN_ID.to_owned());
        }
        self.push_again(value);
        if T::ON {
            self.tell(at, Event::Persistent { id, value });
        }
        Ok(())
    }

    // --- application ---------------------------------------------------------------------------

    /// Pushes what applying a callee gives, and notes the use.
    pub(in crate::pickle) fn result(
        &mut self,
        at: u64,
        code: u8,
        callee: Value,
        args: Value,
        kwargs: Option<Value>,
        value: Value,
    ) {
        self.push(value);
        if T::ON {
            self.tell(at, Event::Apply { code, callee, args, kwargs, value });
        }
    }

    /// The callable behind an object, for those that are known.
    pub(in crate::pickle) fn made_by(&self, value: Value) -> Callable {
        value.object_import().map_or(Callable::Other, |i| self.state.imports.callable(i))
    }

    /// The name of an import as findings print it.
    pub(in crate::pickle) fn name_of(&self, import: u32) -> &str {
        self.state.imports.shown(import)
    }

    /// Raw data comes next. `joblib.load` takes it from the file, which stands behind the frame.
    pub(in crate::pickle) fn leave_frame_for_data(&mut self, at: u64) {
        if self.state.frame_end != u64::MAX && self.cursor.position() != self.state.frame_end {
            let message = "a joblib array begins inside a frame".to_owned();
            self.fault(Rule::StreamMalformed, at, message);
            self.cursor.seek(self.state.frame_end);
        }
        self.state.frame_end = u64::MAX;
    }

    /// Notes bytes that a callable unpickles.
    pub(in crate::pickle) fn nest(&mut self, nested: Nested) {
        self.state.held += NESTED + nested.callable.len();
        if let NestedBytes::Decoded(bytes) = &nested.bytes {
            self.state.held += bytes.len();
        }
        self.state.stream.nested.push(nested);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::UseKind;

    fn run(bytes: &[u8]) -> Stream {
        let content = Content::from_bytes(bytes);
        let run = super::run(&content, 0, Reading::Pickle, "", &Limits::default());
        run.expect("bytes in memory are readable").stream
    }

    fn names(stream: &Stream) -> Vec<String> {
        stream.imports.iter().map(crate::facts::Import::dotted).collect()
    }

    fn rules(stream: &Stream) -> Vec<&'static str> {
        stream.faults.iter().map(|f| f.rule.id()).collect()
    }

    fn uses(stream: &Stream) -> Vec<UseKind> {
        stream.imports.iter().flat_map(|i| i.uses.iter().map(|u| u.kind)).collect()
    }

    #[test]
    fn every_way_to_name_an_import() {
        for (bytes, name) in [
            (&b"cos\nsystem\n."[..], "os.system"),
            (b"(ios\nsystem\n.", "os.system"),
            (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "os.system"),
            (b"\x80\x04\x8c\x02osp1\n0\x8c\x06systemq\x020g1\nh\x02\x93.", "os.system"),
            (b"S'o\\x73'\nVsyst\\u0065m\n\x93.", "os.system"),
            (b"\x80\x02c__builtin__\neval\n.", "builtins.eval"),
            (b"\x80\x03c__builtin__\neval\n.", "__builtin__.eval"),
            (b"\x80\x04\x8c\x02os\x8c\x0bpath.exists\x93.", "os.path.exists"),
            (b"U\x02osT\x06\x00\x00\x00system\x93.", "os.system"),
        ] {
            let stream = run(bytes);
            assert_eq!(names(&stream), [name], "{}", bytes.escape_ascii());
            assert!(stream.stopped() && stream.faults.is_empty(), "{:?}", stream.faults);
        }
    }

    #[test]
    fn uses_follow_the_opcodes() {
        assert_eq!(uses(&run(b"ca\nB\n.")), [UseKind::Reference]);
        assert_eq!(uses(&run(b"ca\nB\n)R.")), [UseKind::Call]);
        assert_eq!(uses(&run(b"ca\nB\n)\x81.")), [UseKind::Create]);
        assert_eq!(uses(&run(b"ca\nB\n)}\x92.")), [UseKind::Create]);
        assert_eq!(uses(&run(b"(ia\nB\n.")), [UseKind::Instantiate]);
        assert_eq!(uses(&run(b"(K\x01ia\nB\n.")), [UseKind::Call]);
        assert_eq!(uses(&run(b"(ca\nB\no.")), [UseKind::Instantiate]);
        assert_eq!(uses(&run(b"ca\nB\n)\x81}b.")), [UseKind::Create, UseKind::State]);
        assert_eq!(uses(&run(b"ca\nB\n)RK\x01a.")), [UseKind::Call, UseKind::Items]);
        assert_eq!(uses(&run(b"ca\nB\n)R)R.")), [UseKind::Call, UseKind::CallResult]);
        // Called once and handed on once.
        assert_eq!(uses(&run(b"ca\nB\nq\x00)R0h\x00.")), [UseKind::Reference, UseKind::Call]);
    }

    #[test]
    fn imports_before_a_break_are_kept() {
        for ending in [
            &b""[..],
            b"\xff",
            b"0000",
            b"X\xff\xff\xff\xff",
            b"g9\n",
            b"\x8d\0\0\0\0\0\0\0\x80",
            b"e",
            b"Izz\n",
        ] {
            let stream = run(&[b"cos\nsystem\n(S'true'\ntR", ending].concat());
            assert_eq!(names(&stream), ["os.system"]);
            assert_eq!(rules(&stream), ["stream-malformed"], "{}", ending.escape_ascii());
            assert!(!stream.stopped());
        }
    }

    #[test]
    fn computed_names_are_unresolved() {
        for bytes in [
            &b"\x80\x04ca\nB\n)R\x8c\x06system\x93."[..],
            b"\x82\x01.",
            b"Pid\n.",
            b"\x82\x01)R.",
            b"K\x01Q.",
        ] {
            assert_eq!(rules(&run(bytes))[0], "import-unresolved", "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn imported_objects_must_not_be_changed() {
        for bytes in [
            &b"ca\nB\n}b."[..],
            b"ca\nB\nK\x01K\x02s.",
            b"ca\nB\n(K\x01e.",
            b"ca\nB\n)\x81}\x8c\x0c__setstate__K\x01sb.",
            b"ca\nB\n)\x81N}V\\u005f_setstate__\nK\x01s\x86b.",
            b"ca\nB\n)\x81(S'append'\nK\x01db.",
        ] {
            assert_eq!(rules(&run(bytes)), ["object-mutation"], "{}", bytes.escape_ascii());
        }
        assert_eq!(rules(&run(b"ca\nB\n)\x81}\x8c\x05_dataK\x01sb.")), Vec::<&str>::new());
    }

    #[test]
    fn where_one_unpickler_goes_on_so_does_the_machine() {
        let stream = run(b"I1\0zz\ncos\nsystem\n.");
        assert_eq!(
            (names(&stream), rules(&stream)),
            (vec!["os.system".to_owned()], vec!["stream-ambiguous"])
        );
    }

    #[test]
    fn claimed_lengths_cost_nothing() {
        for bytes in [
            &b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7f"[..],
            b"\x8e\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x96\0\0\0\0\0\0\0\x80",
            b"\x8b\xff\xff\xff\x7f",
            b"\x8b\xff\xff\xff\xff",
            b"\x95\xff\xff\xff\xff\xff\xff\xff\xffN.",
            b"Nr\xff\xff\xff\xff.",
        ] {
            let stream = run(bytes);
            assert!(stream.end <= bytes.len() as u64);
        }
        assert!(run(b"Nr\xff\xff\xff\xffj\xff\xff\xff\xff.").faults.is_empty());
    }

    #[test]
    fn torch_storages_are_named() {
        let stream =
            run(b"\x80\x02X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x06tQ.");
        assert_eq!(rules(&stream), ["stream-malformed"], "TUPLE without a mark");
        let stream =
            run(b"\x80\x02(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x06tQ.");
        let storage = stream.storages.first().expect("one storage");
        assert_eq!(
            (storage.class.as_str(), storage.key.as_str(), storage.elements),
            ("FloatStorage", "0", Some(6))
        );
        assert_eq!(uses(&stream), [UseKind::Reference]);
    }

    #[test]
    fn nested_bytes_are_handed_out_and_computed_ones_reported() {
        let stream = run(b"\x80\x03ctorch.storage\n_load_from_bytes\nC\x03abc\x85R.");
        assert_eq!(
            stream.nested.first().map(|n| n.bytes.clone()),
            Some(crate::facts::NestedBytes::Range(36, 39))
        );
        let stream = run(b"\x80\x02ctorch.storage\n_load_from_bytes\nc_codecs\nencode\nX\x04\0\0\0a\xc3\xa9zX\x06\0\0\0latin1\x86R\x85R.");
        assert_eq!(
            stream.nested.first().map(|n| n.bytes.clone()),
            Some(crate::facts::NestedBytes::Decoded(b"a\xe9z".to_vec()))
        );
        let stream = run(b"ctorch.storage\n_load_from_bytes\nca\nB\n)R\x85R.");
        assert_eq!(rules(&stream), ["nested-unresolved"]);
    }

    #[test]
    fn a_dtype_state_must_be_consistent() {
        let dtype = |kind: &str, flags: u8| {
            let mut bytes = b"\x80\x03cnumpy\ndtype\nX\x02\0\0\0".to_vec();
            bytes.extend(kind.as_bytes());
            bytes.extend(b"K\0K\x01\x87R(K\x03X\x01\0\0\0|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK");
            bytes.extend([flags]);
            bytes.extend(b"tb.");
            run(&bytes)
        };
        let objections = |stream: &Stream| {
            stream.imports.iter().flat_map(|i| i.uses.iter()).filter(|u| u.objection.is_some()).count()
        };
        assert_eq!(objections(&dtype("f8", 0)), 0);
        assert_eq!(objections(&dtype("O8", 63)), 0);
        assert_eq!(objections(&dtype("O8", 0)), 1, "raw bytes would become pointers");
        assert_eq!(objections(&dtype("f8", 63)), 1);
    }

    #[test]
    fn memory_has_a_ceiling() {
        let limits = Limits { machine_memory: 1 << 20, ..Limits::default() };
        let content = Content::from_bytes(vec![b'N'; 1 << 20]);
        let run = super::run(&content, 0, Reading::Pickle, "", &limits).expect("readable");
        assert_eq!(rules(&run.stream), ["resource-limit"]);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_in_range_and_alike(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
            let first = run(&bytes);
            proptest::prop_assert!(first.end <= bytes.len() as u64);
            for import in &first.imports {
                proptest::prop_assert!(import.offset < bytes.len() as u64);
            }
            proptest::prop_assert_eq!(format!("{:?}", first), format!("{:?}", run(&bytes)));
        }
    }
}
