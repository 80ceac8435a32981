//! What a guard sees: the values of a call or a state, and what is known of them. It changes nothing.

use crate::facts::NestedBytes;
use crate::pickle::stream::number;
use crate::pickle::stream::opcode as op;
use crate::pickle::stream::reader::Cursor;
use crate::pickle::stream::text::{self, Text};
use crate::pickle::values::contents::Contents;
use crate::pickle::values::hashes::Hashes;
use crate::pickle::values::heap::Heap;
use crate::pickle::values::imports::Imports;
use crate::pickle::values::mark::Mark;
use crate::pickle::values::value::{Tag, Value};
use crate::policy::trigger::Shape;

/// Longest text, in bytes, that is compared with words that loaders know.
const WORD: u64 = 256;

/// Longest text that is turned back into bytes to be read as a pickle of its own.
const MAX_DECODED: u64 = 64 << 20;

/// What a guard sees of the machine.
pub struct View<'a, C> {
    /// For reading literals again.
    pub cursor: &'a C,
    /// Tuples, containers and objects.
    pub heap: &'a Heap,
    /// The imports of the stream.
    pub imports: &'a Imports,
    /// Items of dicts.
    pub contents: &'a Contents,
    /// Hashes of keys.
    pub hashes: &'a Hashes,
    /// Literal bytearrays that were changed.
    pub changed: &'a std::collections::HashSet<Value>,
}

/// A call that a guard judges.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// The import that is called.
    pub import: u32,
    /// Its arguments.
    pub args: Value,
    /// Whether there are keyword arguments.
    pub keywords: bool,
    /// The opcode.
    pub code: u8,
    /// What the call will have given.
    pub object: Value,
}

/// A state that a guard judges.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// The import that gave the object.
    pub import: u32,
    /// The object.
    pub object: Value,
    /// Its state.
    pub state: Value,
}

impl<C: Cursor> View<'_, C> {
    /// One argument, or one part of a state.
    pub fn part(&self, tuple: Value, i: usize) -> Option<Value> {
        self.heap.tuples.get(tuple, i)
    }

    /// How many there are.
    pub fn count(&self, tuple: Value) -> Option<usize> {
        self.heap.tuples.len(tuple)
    }

    /// The text of a literal that has a place in what a loader knows: a word, a key, a codec.
    pub fn word(&self, value: Value) -> Option<String> {
        match self.text(value, WORD)? {
            Text::Str(word) => Some(word),
            _ => None,
        }
    }

    /// The text of a literal, `None` for any other value.
    pub fn text(&self, value: Value, limit: u64) -> Option<Text> {
        value.is(Tag::Text).then(|| text::decode(self.cursor, value.payload(), limit))
    }

    /// How many bytes a literal text takes in the stream.
    pub fn text_len(&self, value: Value, limit: u64) -> Option<u64> {
        value.is(Tag::Text).then(|| text::locate(self.cursor, value.payload(), limit))?.map(|text| text.len)
    }

    /// Module and name of a value that is an import.
    pub fn named(&self, value: Value) -> Option<(&str, &str)> {
        self.imports.named(value)
    }

    /// Module and name of the import that gave an object.
    pub fn made_by(&self, value: Value) -> Option<(&str, &str)> {
        self.imports.made_by(value)
    }

    /// The items of a dict, where they are at hand.
    pub fn items(&self, dict: Value) -> Option<&[(Value, Value)]> {
        self.contents.items(dict, self.heap.count(dict).filter(|_| dict.is(Tag::Dict))?)
    }

    /// The items of a short list, where they are at hand.
    pub fn list(&self, list: Value) -> Option<&[Value]> {
        self.contents.list_of(list, self.heap.count(list).filter(|_| list.is(Tag::List))?)
    }

    /// Whether a value has this shape.
    pub fn is(&self, value: Value, shape: Shape) -> bool {
        self.heap.has_shape(value, shape, self.heap.allowed(self.cursor.position()))
    }

    /// Whether a value has this shape, and all numbers in it are small where not any number will do.
    pub fn fits(&self, value: Value, shape: Shape, any_number: bool) -> bool {
        let sizes = any_number || shape >= Shape::Stored || !self.heap.mark(value).has(Mark::LARGE);
        sizes && self.is(value, shape)
    }

    /// Why a value that holds nothing but what a shape permits has not the shape, to follow what is wrong.
    pub fn beside(&self, value: Value, shape: Shape) -> &'static str {
        let mark = self.heap.mark(value);
        if shape >= Shape::Stored || mark.shape() > shape {
            ""
        } else if self.heap.walk(value).is_deep() {
            ": values lie deeper than 100 in each other"
        } else if !self.is(value, shape) {
            ": it holds values over and over, or is as large as a number says"
        } else {
            ": a number beyond 1,048,576, above or below zero, is among it, which may be a size"
        }
    }

    /// Digits of an integer, about. `None` for what is none.
    pub fn digits(&self, value: Value) -> Option<u64> {
        match value.tag() {
            Tag::Int => Some(20),
            Tag::BigInt => Some(number::digits(self.cursor, value.payload())),
            _ => None,
        }
    }

    /// Whether a value is a dict, or an object of a type that is one and nothing more, without a state.
    pub fn is_mapping(&self, value: Value) -> bool {
        let known = || {
            matches!(
                self.made_by(value),
                Some(("collections", "OrderedDict" | "defaultdict" | "Counter") | ("builtins", "dict"))
            )
        };
        value.is(Tag::Dict) || value.is(Tag::Object) && known() && !self.heap.is_stated(value)
    }

    /// Whether all keys of a mapping are literal text, and none of them begins with two underscores where `plain`
    /// names are asked for.
    pub fn text_keys(&self, mapping: Value, plain: bool) -> bool {
        let mark = self.heap.mark(mapping);
        !(mark.has(Mark::NO_TEXT_KEY.with(Mark::COMPUTED_KEY)) || plain && mark.has(Mark::DUNDER_KEY))
    }

    /// Where literal bytes lie, or what they are.
    pub fn literal_bytes(&self, value: Value) -> Option<NestedBytes> {
        match value.tag() {
            Tag::Bytes | Tag::ByteArray if !self.changed.contains(&value) => {
                let literal = text::locate(self.cursor, value.payload(), 0)?;
                Some(NestedBytes::Range(literal.start, literal.start.checked_add(literal.len)?))
            }
            Tag::Encoded => {
                let Text::Str(text) = text::decode(self.cursor, value.payload() >> 2, MAX_DECODED) else {
                    return None;
                };
                // A `str` of Python 2 is decoded as whoever loads it says.
                let opcode = self.cursor.bytes(value.payload() >> 2, 1).first().copied();
                if matches!(opcode, Some(op::STRING | op::BINSTRING | op::SHORT_BINSTRING))
                    && !text.is_ascii()
                {
                    return None;
                }
                let bytes = match value.payload() & 3 {
                    0 => text.chars().map(|c| u8::try_from(c as u32).ok()).collect::<Option<Vec<u8>>>()?,
                    _ => text.into_bytes(),
                };
                Some(NestedBytes::Decoded(bytes))
            }
            _ => None,
        }
    }

    /// How many bytes the text of encoded bytes takes in the stream.
    pub fn encoded_len(&self, value: Value, limit: u64) -> Option<u64> {
        value.is(Tag::Encoded).then(|| text::locate(self.cursor, value.payload() >> 2, limit))?.map(|t| t.len)
    }

    /// Where the bytes of a literal lie in the stream, and how many they are.
    pub fn literal(&self, value: Value) -> Option<(u64, u64)> {
        text::locate(self.cursor, value.payload(), 0).map(|literal| (literal.start, literal.len))
    }

    /// How many bytes a literal has, where that is cheap to say.
    pub fn bytes_len(&self, value: Value) -> Option<u64> {
        match value.tag() {
            Tag::Bytes | Tag::ByteArray if !self.changed.contains(&value) => {
                Some(text::locate(self.cursor, value.payload(), 0)?.len)
            }
            _ => None,
        }
    }
}
