//! One opcode: the loop's body, and what frames ask of it.

use crate::facts::NO_BUFFER;
use crate::pickle::machine::trace::{Event, Trace};
use crate::pickle::machine::vm::{Halt, Machine, Step};
use crate::pickle::stream::number;
use crate::pickle::stream::opcode as op;
use crate::pickle::stream::reader::Cursor;
use crate::pickle::stream::text::{self, Text};
use crate::pickle::values::heap::Tuples;
use crate::pickle::values::value::{Tag, Value};
use crate::rule::Rule;

const FRAME_TOO_SHORT: &str = "a frame ends inside an opcode";
const FRAME_IN_FRAME: &str = "a frame begins inside another";

impl<C: Cursor, T: Trace> Machine<'_, C, T> {
    #[inline(always)]
    pub(super) fn step(&mut self, at: u64, code: u8) -> Step {
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
            op::EMPTY_LIST => self.empty(Tag::List),
            op::EMPTY_DICT => self.empty(Tag::Dict),
            op::EMPTY_SET => self.empty(Tag::Set),
            op::TUPLE1 => self.short_tuple::<1>(at, code)?,
            op::TUPLE2 => self.short_tuple::<2>(at, code)?,
            op::TUPLE3 => self.short_tuple::<3>(at, code)?,
            op::TUPLE => {
                let mark = self.pop_mark()?;
                let value = self.state.heap.tuple(self.state.stack.get(mark..).unwrap_or(&[]));
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
                self.memoize_next();
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
                return Err(Halt::Stop(self.state.heap.mark(value)));
            }
            _ => return self.rare(at, code),
        }
        Ok(())
    }

    /// Opcodes that are rare, or dear anyway.
    #[inline(never)]
    pub(super) fn rare(&mut self, at: u64, code: u8) -> Step {
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
                    if memchr::memchr(b'\\', &bytes).is_some()
                        && text::raw_unicode_escape(&bytes) == Text::Undecodable
                    {
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
                let value = match self.state.memo.get_index(&index) {
                    Some(value) => value,
                    None => self.unset(index.small())?,
                };
                self.push_again(value);
            }
            op::LIST => {
                let mark = self.pop_mark()?;
                let list = self.state.heap.container(Tag::List);
                self.listed(at, list, mark);
                self.gather(at, code, mark, list);
            }
            op::FROZENSET => {
                let mark = self.pop_mark()?;
                let state = &mut self.state;
                let items = state.stack.get(mark..).unwrap_or(&[]);
                let set = state.heap.frozenset(items);
                state.hashes.frozenset(&self.cursor, &state.heap.tuples, set, items.iter().copied());
                self.hashed(at, set, mark, 1);
                self.gather(at, code, mark, set);
            }
            op::DICT => {
                let mark = self.pop_mark()?;
                if (self.state.stack.len() - mark) % 2 == 1 {
                    return Err(Halt::Broken("DICT with a key that has no value".to_owned()));
                }
                let dict = self.state.heap.container(Tag::Dict);
                self.put(at, dict, mark);
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
                let args = self.state.heap.tuple(self.state.stack.get(mark..).unwrap_or(&[]));
                self.state.stack.truncate(mark);
                self.apply(at, code, callee, args, None);
            }
            op::OBJ => {
                let mark = self.pop_mark()?;
                let Some((&callee, rest)) = self.state.stack.get(mark..).and_then(<[Value]>::split_first)
                else {
                    return Err(Self::underflow());
                };
                let args = self.state.heap.tuple(rest);
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
                if self.state.reading.runs_data() {
                    return Err(Halt::Broken(NO_BUFFER.to_owned()));
                }
                self.fault(Rule::StreamMalformed, at, NO_BUFFER.to_owned());
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
    pub(super) fn empty(&mut self, tag: Tag) {
        let value = self.state.heap.container(tag);
        self.push(value);
        self.memoize_next();
    }

    #[inline(always)]
    pub(super) fn short_tuple<const N: usize>(&mut self, at: u64, code: u8) -> Step {
        let len = self.state.stack.len();
        let items = self.state.stack.last_chunk::<N>().filter(|_| len >= self.state.fence + N);
        let Some(items) = items else { return Err(Self::underflow()) };
        let value = self.state.heap.short_tuple(items);
        self.gather(at, code, len - N, value);
        Ok(())
    }

    #[inline(always)]
    pub(super) fn items_on_top(&mut self, at: u64, code: u8, n: usize) -> Step {
        let len = self.state.stack.len();
        if len < self.state.fence + n + 1 {
            return Err(Self::underflow());
        }
        self.items(at, code, len - n);
        Ok(())
    }

    /// Replaces everything from `from` on by the container made of it.
    #[inline(always)]
    pub(super) fn gather(&mut self, at: u64, code: u8, from: usize, value: Value) {
        if T::ON {
            self.tell_items(at, from, |items| Event::Container { code, value, items });
        }
        self.state.stack.truncate(from);
        self.push(value);
        self.memoize_next();
    }

    #[inline(always)]
    pub(super) fn remember(&mut self, at: u64, index: u64, value: Value) {
        self.state.memo.put(index, value);
        if T::ON {
            self.tell(at, Event::Memo { value });
        }
    }

    #[inline(always)]
    pub(super) fn recall(&mut self, index: u64) -> Step {
        let value = match self.state.memo.get(index) {
            Some(value) => value,
            None => self.unset(Some(index))?,
        };
        self.push_again(value);
        Ok(())
    }

    #[cold]
    pub(super) fn unset(&self, index: Option<u64>) -> Result<Value, Halt> {
        if let Some((landmarks, from)) = &self.state.resumed {
            let value = index.and_then(|index| landmarks.remembered(from, index));
            return Ok(value.unwrap_or(Value::UNKNOWN));
        }
        Err(Halt::Broken("the memo has no entry of that index".to_owned()))
    }

    pub(super) fn long_bytes(&mut self, at: u64, n: u64) -> Step {
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

    /// PEP 3154: no opcode crosses the end of a frame. Where one does, the two unpicklers part, and
    /// [`FramedCursor`] reads the stream once more.
    pub(super) fn frame(&mut self, at: u64) -> Step {
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
        self.state.alarm = self.state.alarm.min(self.state.frame_end);
        Ok(())
    }

    #[cold]
    pub(super) fn leave_frame(&mut self, at: u64) {
        if self.cursor.position() > self.state.frame_end {
            self.straddled = true;
            self.fault(Rule::StreamMalformed, at, FRAME_TOO_SHORT.to_owned());
        }
        self.state.frame_end = u64::MAX;
    }
}
