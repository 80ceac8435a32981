//! What a stream has made so far, as far as tensors and literals need it.

use std::collections::HashMap;

use crate::pickle::machine::trace::View;
use crate::pickle::stream::opcode as op;
use crate::pickle::stream::reader::Cursor;
use crate::pickle::stream::text::{self, Text};
use crate::pickle::values::value::{Tag, Value};
use crate::tensors::model::Tensor;

/// Longest text that is kept.
const TEXT: u64 = 1 << 20;

/// A name that was resolved, and where.
pub struct Name {
    pub module: String,
    pub name: String,
    pub at: u64,
}

impl Name {
    /// Module and name.
    pub fn parts(&self) -> (&str, &str) {
        (&self.module, &self.name)
    }
}

/// What a call gave.
pub enum Made {
    /// A tensor or a parameter.
    Tensor(Box<Tensor>),
    /// A dict of some class, keys and values in turn; its attributes likewise.
    Mapping { items: Vec<Value>, attributes: Vec<Value> },
    /// A set or a size.
    Sequence(Vec<Value>),
    /// A device.
    Text(String),
    /// Something else, in words.
    Other(String),
}

/// An object, and where it was made.
pub struct Object {
    pub made: Made,
    pub at: u64,
    /// Whether it was given state or items that it does not take.
    pub changed: bool,
}

/// A storage as a persistent id names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageName {
    /// Name of the storage's class.
    pub class: String,
    /// Its key in the file.
    pub key: String,
    /// Its elements, as the id says.
    pub elements: u64,
    /// What of it is meant: another name for a range of its elements.
    pub part: Option<Part>,
    /// Offset of the opcode that asks for it.
    pub at: u64,
}

/// A range of a storage under a key of its own, as torch wrote it before 1.6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub key: String,
    pub offset: u64,
    pub elements: u64,
}

/// What a stream has made so far.
#[derive(Default)]
pub struct Objects {
    pub imports: HashMap<u32, Name>,
    pub made: HashMap<Value, Object>,
    /// Items of lists, dicts and sets; keys and values of dicts in turn.
    pub items: HashMap<Value, Vec<Value>>,
    /// Persistent ids by what `persistent_load` gave.
    pub ids: HashMap<Value, (Value, u64)>,
    /// Storages that tensors lie in, in the order in which they are first asked for.
    pub storages: Vec<StorageName>,
    /// Indices of these by key.
    pub by_key: HashMap<String, Vec<usize>>,
    /// Indices of those that are a part of one, by the part's key.
    pub by_part: HashMap<String, usize>,
    /// Hooks of tensors, which must be empty in the end.
    pub hooks: Vec<(Value, u64)>,
}

impl Objects {
    /// Items of a list, dict or set.
    pub fn items(&self, container: Value) -> &[Value] {
        self.items.get(&container).map_or(&[], Vec::as_slice)
    }

    /// The import that a value is.
    pub fn import(&self, value: Value) -> Option<&Name> {
        self.imports.get(&value.as_import()?)
    }

    /// A dict's keys and values in turn, also those of one that a class made.
    pub fn pairs(&self, value: Value) -> Option<&[Value]> {
        match value.tag() {
            Tag::Dict => Some(self.items(value)),
            Tag::Object => match &self.made.get(&value)?.made {
                Made::Mapping { items, .. } => Some(items),
                _ => None,
            },
            _ => None,
        }
    }

    /// Elements of a tuple, a list, or what a class made of one.
    pub fn sequence<C: Cursor>(&self, view: &View<'_, C>, value: Value) -> Option<Vec<Value>> {
        match value.tag() {
            Tag::Tuple => Some(view.tuples.items(value).collect()),
            Tag::List | Tag::Set | Tag::FrozenSet => Some(self.items(value).to_vec()),
            Tag::Object => match &self.made.get(&value)?.made {
                Made::Sequence(items) => Some(items.clone()),
                _ => None,
            },
            _ => None,
        }
    }
}

/// A literal text.
pub fn text<C: Cursor>(view: &View<'_, C>, value: Value) -> Result<String, String> {
    let text = match text::decode(view.cursor, value.payload(), TEXT) {
        Text::Str(text) => text,
        Text::Lone(_) => return Err("a text with a lone surrogate, for which UTF-8 has no form".to_owned()),
        Text::TooLong(n) => return Err(format!("a text of {n} bytes")),
        Text::Undecodable => return Err("a text that cannot be decoded".to_owned()),
    };
    let opcode = view.cursor.bytes(value.payload(), 1);
    if text.is_ascii() || !matches!(*opcode, [op::STRING | op::SHORT_BINSTRING | op::BINSTRING]) {
        return Ok(text);
    }
    // A text of Python 2: torch.load takes its bytes for UTF-8.
    let bytes: Vec<u8> = text.chars().filter_map(|c| u8::try_from(c).ok()).collect();
    String::from_utf8(bytes).map_err(|_| "a text of Python 2 that is not UTF-8".to_owned())
}

/// A literal integer that counts something.
pub fn count(value: Value) -> Option<u64> {
    value.as_int().and_then(|n| u64::try_from(n).ok())
}
