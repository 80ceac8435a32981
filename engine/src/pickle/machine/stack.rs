//! The operand stack with its marks, and the arguments of opcodes.

use crate::pickle::machine::memo::Index;
use crate::pickle::machine::trace::Trace;
use crate::pickle::machine::vm::{Halt, Machine, Step};
use crate::pickle::stream::long;
use crate::pickle::stream::number;
use crate::pickle::stream::number::Agreement as Number;
use crate::pickle::stream::opcode as op;
use crate::pickle::stream::reader::Cursor;
use crate::pickle::stream::text::{self, Text};
use crate::pickle::values::value::{Tag, Value};
use crate::rule::Rule;

/// Kinds of values of which it matters that they come onto the stack again.
const AGAIN: u64 =
    Tag::Import.kind() | Tag::Object.kind() | Tag::List.kind() | Tag::Dict.kind() | Tag::Set.kind();

impl<C: Cursor, T: Trace> Machine<'_, C, T> {
    #[cold]
    pub(super) fn underflow() -> Halt {
        Halt::Broken("an opcode needs more values than are on the stack".to_owned())
    }

    #[cold]
    pub(super) fn cut_short() -> Halt {
        Halt::Broken("the stream ends inside an opcode".to_owned())
    }

    #[inline(always)]
    pub(super) fn push(&mut self, value: Value) {
        self.state.stack.push(value);
    }

    #[inline(always)]
    pub(super) fn pop(&mut self) -> Result<Value, Halt> {
        if self.state.stack.len() <= self.state.fence {
            return Err(Self::underflow());
        }
        self.state.stack.pop().ok_or_else(Self::underflow)
    }

    #[inline(always)]
    pub(super) fn top(&self) -> Result<Value, Halt> {
        if self.state.stack.len() <= self.state.fence {
            return Err(Self::underflow());
        }
        self.state.stack.last().copied().ok_or_else(Self::underflow)
    }

    #[inline(always)]
    pub(super) fn mark(&mut self) {
        self.state.fence = self.state.stack.len();
        self.state.marks.push(self.state.fence);
    }

    #[inline(always)]
    pub(super) fn pop_mark(&mut self) -> Result<usize, Halt> {
        let Some(at) = self.state.marks.pop() else {
            return Err(Halt::Broken("an opcode needs a MARK and there is none".to_owned()));
        };
        self.state.fence = self.state.marks.last().copied().unwrap_or(0);
        Ok(at)
    }

    /// A value comes onto the stack again: GET, DUP.
    #[inline(always)]
    pub(super) fn push_again(&mut self, value: Value) {
        if value.kind() & AGAIN == 0 {
            self.push(value);
            return;
        }
        if let Some(import) = value.as_import() {
            self.state.imports.pushed(import);
            self.push(value);
        } else {
            self.state.heap.again(value);
            self.push(value.copy());
        }
    }

    #[inline(always)]
    pub(super) fn u8(&mut self) -> Result<u8, Halt> {
        self.cursor.byte().ok_or_else(Self::cut_short)
    }

    #[inline(always)]
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Halt> {
        self.cursor.array().ok_or_else(Self::cut_short)
    }

    #[inline(always)]
    pub(super) fn skip(&mut self, n: u64) -> Step {
        if self.cursor.skip(n) { Ok(()) } else { Err(Self::cut_short()) }
    }

    pub(super) fn signed_count(&mut self) -> Result<u64, Halt> {
        let n = i32::from_le_bytes(self.array()?);
        u64::try_from(n).map_err(|_| Halt::Broken(format!("a count of {n} bytes")))
    }

    pub(super) fn line(&mut self) -> Result<(u64, u64), Halt> {
        let line = self.cursor.line();
        if !line.ended {
            return Err(Self::cut_short());
        }
        Ok((line.start, line.len))
    }

    /// A number line, shortened where it is longer than the limit for text.
    pub(super) fn number_line(&mut self) -> Result<Vec<u8>, Halt> {
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
    pub(super) fn pieces(&self, start: u64, len: u64, mut each: impl FnMut(&[u8])) {
        let piece = self.limits.text.max(1);
        for at in (0..len).step_by(piece as usize) {
            each(&self.cursor.bytes(start + at, piece.min(len - at) as usize));
        }
    }

    /// The two unpicklers part: one raises here, and the machine goes on with the other.
    #[cold]
    pub(super) fn only_one(&mut self, at: u64, what: &str) {
        let message = format!("only one of Python's two unpicklers goes on at {what}");
        self.fault(Rule::StreamAmbiguous, at, message);
    }

    pub(super) fn settle<N>(&mut self, at: u64, what: &str, number: Number<N>) -> Result<N, Halt> {
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

    pub(super) fn memo_line(&mut self, at: u64) -> Result<Index, Halt> {
        let line = self.number_line()?;
        self.settle(at, "a memo index", number::memo_index(&line))
    }

    /// UTF-8 with surrogates, checked where the bytes are at hand.
    #[inline(never)]
    fn utf8(&mut self, start: u64, len: u64) -> Step {
        if len > self.limits.text.max(1 << 20) {
            return Ok(());
        }
        let bytes = self.cursor.bytes(start, len as usize);
        if bytes.is_ascii() || text::utf8_surrogatepass(&bytes) != Text::Undecodable {
            return Ok(());
        }
        Err(Halt::Broken("a text that is not UTF-8".to_owned()))
    }

    #[inline(always)]
    pub(super) fn unicode(&mut self, at: u64, len: u64) -> Step {
        let start = self.cursor.position();
        match self.cursor.take(len) {
            Some(bytes) if len < 256 && bytes.is_ascii() => {}
            Some(_) => self.utf8(start, len)?,
            None => {
                self.skip(len)?;
                self.utf8(start, len)?;
            }
        }
        self.push(Value::new(Tag::Text, at));
        self.memoize_next();
        Ok(())
    }

    /// MEMOIZE follows on most opcodes that make something, and is done with them.
    #[inline(always)]
    pub(super) fn memoize_next(&mut self) {
        if !T::ON
            && self.cursor.is_next(op::MEMOIZE)
            && self.cursor.position() < self.state.frame_end
            && let Some(value) = self.state.stack.last()
        {
            self.state.memo.memoize(*value);
            self.state.memoized += 1;
            self.cursor.skip(1);
        }
    }

    #[inline(always)]
    pub(super) fn counted(&mut self, at: u64, len: u64, tag: Tag) -> Step {
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
}
