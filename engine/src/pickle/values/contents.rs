//! The items of the dicts that a guard may want to see, and the keys that are looked at.

use std::collections::{HashMap, VecDeque};

use crate::pickle::stream::opcode as op;
use crate::pickle::stream::reader::Cursor;
use crate::pickle::values::keys::Keys;
use crate::pickle::values::mark::Mark;
use crate::pickle::values::value::Value;

/// How many dicts are kept with their items. State is built right before it is used.
const RECENT: usize = 32;
/// Items beyond which a dict is not kept.
const MAX_ITEMS: usize = 8192;

/// Short lists that are kept, the newest ones, and how many items each has at most.
const LISTS: usize = 1024;
const MAX_LIST: usize = 64;

/// A dict whose items are kept.
struct Recent {
    dict: Value,
    items: Vec<(Value, Value)>,
}

/// What is known of the contents of dicts.
#[derive(Default)]
pub struct Contents {
    recent: VecDeque<Recent>,
    /// Something was imported that wants items.
    wanted: bool,
    /// Short lists that were given their items at once, and the order in which they were.
    lists: HashMap<Value, Box<[Value]>>,
    listed: VecDeque<Value>,
    /// Literal keys that do not begin with two underscores.
    ordinary: Keys,
}

impl Contents {
    /// Something that wants items was imported.
    pub fn want(&mut self) {
        self.wanted = true;
    }

    /// What a literal text says as the name of an attribute.
    #[inline(always)]
    pub fn text_key(&mut self, cursor: &impl Cursor, key: Value) -> Mark {
        if self.ordinary.contains(key) { Mark::PLAIN } else { self.new_text_key(cursor, key) }
    }

    #[inline(never)]
    fn new_text_key(&mut self, cursor: &impl Cursor, key: Value) -> Mark {
        if is_dunder(cursor, key) {
            return Mark::DUNDER_KEY;
        }
        self.ordinary.insert(key);
        Mark::PLAIN
    }

    /// A dict gets items; keys and values in turn.
    #[inline]
    pub fn put(&mut self, dict: Value, items: &[Value]) {
        if self.wanted {
            self.keep(dict, items);
        }
    }

    /// A list gets items.
    #[inline]
    pub fn list(&mut self, list: Value, items: &[Value]) {
        if self.wanted {
            self.keep_list(list, items);
        }
    }

    fn keep_list(&mut self, list: Value, items: &[Value]) {
        let first = self.lists.remove(&list).is_none();
        if !first || items.len() > MAX_LIST {
            return;
        }
        if self.listed.len() == LISTS
            && let Some(oldest) = self.listed.pop_front()
        {
            self.lists.remove(&oldest);
        }
        self.listed.push_back(list);
        self.lists.insert(list, items.into());
    }

    /// The items of a short list, where they are at hand and `count` of them are all.
    pub fn list_of(&self, list: Value, count: u64) -> Option<&[Value]> {
        if count == 0 {
            return Some(&[]);
        }
        self.lists.get(&list).map(|items| &**items).filter(|items| items.len() as u64 == count)
    }

    fn keep(&mut self, dict: Value, items: &[Value]) {
        let pairs = items.chunks_exact(2).filter_map(|c| Some((*c.first()?, *c.get(1)?)));
        match self.recent.iter_mut().find(|r| r.dict == dict) {
            Some(known) if known.items.len() + items.len() / 2 <= MAX_ITEMS => known.items.extend(pairs),
            Some(known) => known.items = Vec::new(),
            None if items.len() / 2 <= MAX_ITEMS => {
                if self.recent.len() == RECENT {
                    self.recent.pop_front();
                }
                self.recent.push_back(Recent { dict, items: pairs.collect() });
            }
            None => {}
        }
    }

    /// The items of a dict, where all of them are at hand: `count` is how many it was given.
    pub fn items(&self, dict: Value, count: u64) -> Option<&[(Value, Value)]> {
        if count == 0 {
            return Some(&[]);
        }
        let kept = self.recent.iter().find(|r| r.dict == dict).map(|r| r.items.as_slice());
        kept.filter(|items| items.len() as u64 == count)
    }

    /// Bytes held, apart from the few recent dicts.
    pub fn size(&self) -> usize {
        self.ordinary.held()
    }
}

/// Whether a literal text begins with two underscores, or may.
#[inline]
fn is_dunder(cursor: &impl Cursor, key: Value) -> bool {
    let mut head = [0; 11];
    let there = cursor.copy(key.payload(), &mut head);
    let Some((&opcode, rest)) = head.get(..there).and_then(<[u8]>::split_first) else { return true };
    let start = match opcode {
        op::SHORT_BINUNICODE | op::SHORT_BINSTRING => rest.get(1..3),
        op::BINUNICODE | op::BINSTRING => rest.get(4..6),
        op::BINUNICODE8 => rest.get(8..10),
        // A line, whose escapes may spell anything, begins as plainly where it has no backslash there.
        op::UNICODE => rest.get(..2).filter(|start| !start.contains(&b'\\')),
        op::STRING => rest.get(1..3).filter(|start| !start.contains(&b'\\')),
        _ => None,
    };
    start.is_none_or(|start| start == b"__")
}
