//! Contents of dicts, as far as they matter: keys that would turn a later opcode into a call, and the
//! items of the few dicts that a guard will want to see as state.

use std::collections::{HashMap, VecDeque};

use super::opcode as op;
use super::reader::Cursor;
use super::text::{self, Text};
use super::value::{Tag, Tuples, Value};

/// How many dicts are kept with their items. State is built right before it is used.
const RECENT: usize = 32;
/// Items beyond which a dict is not kept.
const MAX_ITEMS: usize = 8192;

/// A dict whose items are kept.
struct Recent {
    dict: Value,
    items: Vec<(Value, Value)>,
}

/// What is known about dicts and mappings.
#[derive(Default)]
pub struct States {
    /// Mappings with a key that matters, and why.
    planted: HashMap<Value, String>,
    recent: VecDeque<Recent>,
    /// Whether items are kept at all: once something that wants them was imported.
    pub keep: bool,
}

impl States {
    /// Notes items that are set; keys and values in turn.
    #[inline]
    pub fn note(&mut self, cursor: &impl Cursor, dict: Value, items: &[Value]) {
        for key in items.iter().step_by(2) {
            if let Some(why) = planted_key(cursor, *key) {
                self.planted.entry(dict).or_insert(why);
            }
        }
        if self.keep && dict.is(Tag::Dict) {
            self.keep_items(dict, items);
        }
    }

    fn keep_items(&mut self, dict: Value, items: &[Value]) {
        let pairs = items.chunks_exact(2).filter_map(|c| Some((*c.first()?, *c.get(1)?)));
        if let Some(known) = self.recent.iter_mut().find(|r| r.dict == dict) {
            if known.items.len() + items.len() / 2 <= MAX_ITEMS {
                known.items.extend(pairs);
            } else {
                self.recent.retain(|r| r.dict != dict);
            }
            return;
        }
        if items.len() / 2 > MAX_ITEMS {
            return;
        }
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(Recent { dict, items: pairs.collect() });
    }

    /// A mapping that was created with items nobody followed.
    pub fn opaque(&mut self, mapping: Value) {
        let why = "its keys come from a call and cannot be read".to_owned();
        self.planted.entry(mapping).or_insert(why);
    }

    /// Why this state must not be set on an instance: a key that a later opcode would call, in the
    /// state itself or in a part of it, such as either half of `(state, slotstate)`.
    pub fn planted(&self, tuples: &Tuples, state: Value) -> Option<&str> {
        if self.planted.is_empty() {
            return None;
        }
        // State with more parts than this is data for a `__setstate__` of its own.
        let parts = tuples.items(state).take(16);
        std::iter::once(state).chain(parts).find_map(|s| self.planted.get(&s)).map(String::as_str)
    }

    /// The items of a dict; an empty one was never set. `None` where they are not at hand.
    pub fn items(&self, dict: Value) -> Option<&[(Value, Value)]> {
        self.recent.iter().find(|r| r.dict == dict).map(|r| r.items.as_slice())
    }
}

/// Attributes that unpicklers look up on instances and call (`Lib/pickle.py`: `load_build`,
/// `load_append`, `load_appends`, `load_additems`), and dunder names.
fn planted_key(cursor: &impl Cursor, key: Value) -> Option<String> {
    match key.tag() {
        Tag::Text => {}
        Tag::Object | Tag::Unknown | Tag::Persistent => {
            return Some("it has a key that is computed".to_owned());
        }
        _ => return None,
    }
    let head = cursor.bytes(key.payload(), 6);
    let (&opcode, rest) = head.split_first()?;
    // The common forms are settled by their first bytes.
    let first = match opcode {
        op::SHORT_BINUNICODE | op::SHORT_BINSTRING => rest.get(1),
        op::BINUNICODE | op::BINSTRING => rest.get(4),
        _ => Some(&b'_'),
    };
    if !matches!(first, Some(b'_' | b'a' | b'e')) {
        return None;
    }
    drop(head);
    let Text::Str(name) = text::decode(cursor, key.payload(), 256) else { return None };
    let dunder = name.len() > 4 && name.starts_with("__") && name.ends_with("__");
    // Set by typing and by tools on plain data; nothing looks them up to call them.
    let inert =
        matches!(name.as_str(), "__orig_class__" | "__doc__" | "__module__" | "__name__" | "__version__");
    let called = matches!(name.as_str(), "append" | "extend" | "add");
    ((dunder && !inert) || called).then(|| format!("it sets the attribute {}", crate::escape::name(&name)))
}
