//! `numpy.dtype` as pickles spell it: `dtype(type string, align, copy)` and a state. Its C code trusts
//! the state (`numpy/_core/src/multiarray/descriptor.c`, `arraydescr_setstate`), so it is checked here:
//! fields inside the item, and an object flag that agrees with the types.

use std::collections::{HashMap, HashSet};

use crate::pickle::machine::state::States;
use crate::pickle::machine::value::{Tag, Tuples, Value};
use crate::pickle::stream::reader::Cursor;
use crate::pickle::stream::text::{self, Text};

/// Flags of a dtype (`numpy/ndarraytypes.h`).
const ITEM_REFCOUNT: i64 = 0x01;
const LIST_PICKLE: i64 = 0x02;

/// What is known about a dtype.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dtype {
    /// Size of an item in bytes, where it is known.
    pub size: Option<u64>,
    /// Whether items hold references to objects.
    pub object: bool,
    /// Type character: `f`, `i`, `O`, `V`, `S`, `U`, `M`…
    pub kind: u8,
}

/// Fields of all dtypes of a stream that are looked at. A dtype has a few, and each is written once.
const MAX_FIELDS: usize = 1 << 20;

/// A dtype and how far it has come.
#[derive(Clone, Copy, Debug)]
struct Entry {
    dtype: Dtype,
    /// It has its state, or came onto the stack again before it had one: it may be in use.
    settled: bool,
}

/// The dtypes of one stream.
#[derive(Default)]
pub struct Dtypes {
    by_object: HashMap<Value, Entry>,
    /// Scalars that are text, or may be.
    texts: HashSet<Value>,
    /// Arrays that have their data.
    filled: HashSet<Value>,
    /// Fields looked at so far.
    fields: usize,
}

/// Type characters that numpy knows, without the variable-width strings of numpy 2 (`T`).
const TYPES: &str = "?bhilqpnuBHILQPNefdgFDGcSaUVOMm";

/// A type string: byte order, a type character, digits, a unit in brackets.
fn parse(text: &str) -> Option<Dtype> {
    let body = text.strip_prefix(['<', '>', '=', '|']).unwrap_or(text);
    let mut chars = body.chars();
    let kind = chars.next().filter(|c| TYPES.contains(*c))?;
    let rest = chars.as_str();
    let (digits, unit) = rest.split_at(rest.find('[').unwrap_or(rest.len()));
    let dated = unit.ends_with(']') && matches!(kind, 'M' | 'm');
    if !unit.is_empty() && !dated {
        return None;
    }
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let count: Option<u64> = if digits.is_empty() { None } else { Some(digits.parse().ok()?) };
    let size = match (kind, count) {
        ('U', n) => n.unwrap_or(0).checked_mul(4),
        ('S' | 'a' | 'V', n) => Some(n.unwrap_or(0)),
        ('O' | 'M' | 'm', _) => Some(8),
        ('b' | 'i' | 'u' | 'f' | 'c', Some(n)) => Some(n),
        ('?' | 'b' | 'B' | 'c', None) => Some(1),
        ('h' | 'H' | 'e', None) => Some(2),
        ('i' | 'I' | 'f', None) => Some(4),
        ('q' | 'Q' | 'd' | 'F', None) => Some(8),
        ('D', None) => Some(16),
        _ => None,
    };
    Some(Dtype { size, object: kind == 'O', kind: kind as u8 })
}

impl Dtypes {
    /// `dtype(...)` was called and gave `object`. Says what is wrong with the arguments. `record` says
    /// that the first of them is numpy's record class, whose dtype is a `V` that state gives its size.
    pub fn call(
        &mut self,
        cursor: &impl Cursor,
        tuples: &Tuples,
        args: Value,
        record: bool,
        object: Value,
    ) -> Option<String> {
        let text =
            tuples.get(args, 0).filter(|v| v.is(Tag::Text)).map(|v| text::decode(cursor, v.payload(), 64));
        let dtype = match text {
            Some(Text::Str(text)) => parse(&text),
            _ if record => Some(Dtype { size: Some(0), object: false, kind: b'V' }),
            _ => None,
        };
        match dtype {
            Some(dtype) => {
                self.by_object.insert(object, Entry { dtype, settled: false });
                None
            }
            None => Some("dtype is not given one plain type string such as 'f8'".to_owned()),
        }
    }

    /// BUILD gives a dtype its state. Says what is wrong with it. Picklers write the state right behind
    /// the call; on a dtype that something holds already it would change what was checked.
    pub fn build(
        &mut self,
        tuples: &Tuples,
        states: &mut States,
        object: Value,
        state: Value,
    ) -> Option<String> {
        let wrong = match self.by_object.remove(&object) {
            None => Some("the state of a dtype that was not made from a type string"),
            Some(entry) if entry.settled => Some("the state of a dtype that is in use already"),
            Some(mut entry) => match checked(self, tuples, states, &mut entry.dtype, state) {
                Ok(()) => {
                    self.by_object.insert(object, Entry { settled: true, ..entry });
                    None
                }
                Err(why) => Some(why),
            },
        };
        wrong.map(str::to_owned)
    }

    /// An array gets its data; whether it had none.
    pub fn fill(&mut self, array: Value) -> bool {
        self.filled.insert(array)
    }

    /// `scalar(dtype, bytes)` was called and gave `object`. Says what is wrong with the dtype: with one of
    /// objects numpy hands back what it was given, or takes the bytes of a record for pointers.
    pub fn scalar(&mut self, dtype: Option<Value>, object: Value) -> Option<String> {
        let known = dtype.and_then(|v| self.get(v));
        if known.is_none_or(|dtype| dtype.kind == b'U') {
            self.texts.insert(object);
        }
        let wrong = match known {
            None => "its dtype is no literal one",
            Some(dtype) if dtype.object => "its dtype holds objects: it gives what is in its arguments",
            Some(_) => return None,
        };
        Some(wrong.to_owned())
    }

    /// Whether a scalar may be text.
    pub fn may_be_text(&self, scalar: Value) -> bool {
        self.texts.contains(&scalar)
    }

    /// GET or DUP push a value again.
    #[inline]
    pub fn pushed_again(&mut self, value: Value) {
        if !self.by_object.is_empty()
            && let Some(entry) = self.by_object.get_mut(&value)
        {
            entry.settled = true;
        }
    }

    /// What is known about this value as a dtype.
    pub fn get(&self, value: Value) -> Option<Dtype> {
        self.by_object.get(&value).map(|entry| entry.dtype)
    }

    /// Bytes held.
    pub fn held(&self) -> usize {
        self.by_object.len() * 64 + (self.texts.len() + self.filled.len()) * 16
    }
}

/// `(version, byteorder, subarray, names, fields, itemsize, alignment[, flags[, metadata]])`.
fn checked(
    dtypes: &mut Dtypes,
    tuples: &Tuples,
    states: &mut States,
    dtype: &mut Dtype,
    state: Value,
) -> Result<(), &'static str> {
    let part = |i| tuples.get(state, i).unwrap_or(Value::NONE);
    if !matches!(tuples.len(state), Some(7..=9)) {
        return Err("a dtype state of unknown form");
    }
    let (subarray, fields) = (part(2), part(4));
    let stated = part(5).as_int().ok_or("a dtype state whose item size is not an integer")?;
    if matches!(dtype.kind, b'V' | b'S' | b'a' | b'U') && stated >= 0 {
        dtype.size = u64::try_from(stated).ok();
    }
    if !fields.is(Tag::None) {
        if dtype.kind != b'V' {
            return Err("fields on a dtype that is not a record");
        }
        // numpy keeps the dict itself.
        states.seal(fields);
        let items = states.items(fields).ok_or("dtype fields that cannot be followed")?;
        dtypes.fields += items.len();
        if dtypes.fields > MAX_FIELDS {
            return Err("more dtype fields than are looked at in one stream");
        }
        for (_, field) in items {
            let inner =
                tuples.get(*field, 0).and_then(|v| dtypes.get(v)).ok_or("a dtype field of unknown type")?;
            let offset = tuples.get(*field, 1).and_then(Value::as_int).and_then(|n| u64::try_from(n).ok());
            let end = offset.zip(inner.size).and_then(|(o, s)| o.checked_add(s));
            match (end, dtype.size) {
                (Some(end), Some(size)) if end <= size => {}
                _ => return Err("a dtype field that lies outside the item"),
            }
            dtype.object |= inner.object;
        }
    }
    if !subarray.is(Tag::None) {
        let base = tuples.get(subarray, 0).and_then(|v| dtypes.get(v)).ok_or("a subarray of unknown type")?;
        let shape = tuples.get(subarray, 1).ok_or("a subarray without a shape")?;
        let count = match shape.as_int() {
            Some(n) => u64::try_from(n).ok(),
            None => tuples.product(shape),
        };
        let size = count.zip(base.size).and_then(|(n, s)| n.checked_mul(s));
        if dtype.kind != b'V' || size.is_none() || size != dtype.size {
            return Err("a subarray whose size is not that of the item");
        }
        dtype.object |= base.object;
    }
    // Older states have no flags; numpy then derives them.
    if tuples.len(state) != Some(7) {
        let flags = part(7).as_int().ok_or("dtype flags that are not an integer")?;
        let announced = flags & (ITEM_REFCOUNT | LIST_PICKLE);
        if dtype.object && announced != ITEM_REFCOUNT | LIST_PICKLE {
            return Err("an object dtype that hides its object flag: raw bytes would become pointers");
        }
        if !dtype.object && flags & ITEM_REFCOUNT != 0 {
            return Err("a dtype that claims to hold objects: raw bytes would become pointers");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_strings() {
        assert!(parse("u4").is_some() && parse("T").is_none());
        assert_eq!(parse("f8"), Some(Dtype { size: Some(8), object: false, kind: b'f' }));
        assert_eq!(parse("<U10").and_then(|d| d.size), Some(40));
        assert_eq!(parse("M8[ns]").and_then(|d| d.size), Some(8));
        assert!(parse("O").is_some_and(|d| d.object) && parse("|O8").is_some_and(|d| d.object));
        for odd in ["i4,O", "(2,)O", "", "O\u{0}", "f8[ns]", "i4 O"] {
            assert_eq!(parse(odd), None, "{odd:?}");
        }
    }
}
