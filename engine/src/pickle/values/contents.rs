//! The items of the dicts that a guard may want to see, and the keys that are looked at.

use std::collections::{HashMap, VecDeque};

use crate::pickle::stream::opcode as op;
use crate::pickle::stream::reader::Cursor;
use crate::pickle::values::keys::Keys;
use crate::pickle::values::mark::Mark;
use crate::pickle::values::value::{Tag, Value};

/// How many dicts are kept with their items. State is built right before it is used, or, in protocol 0, item by item
/// around all that lies in it: of what another dict holds already fewer are kept.
const RECENT: usize = 32;
const INSIDE: usize = 16;
/// Items beyond which a dict is not kept.
const MAX_ITEMS: usize = 8192;

/// Short lists that are kept, the newest ones, and how many items each has at most. Protocol 0 appends one by one.
const LISTS: usize = 1024;
const MAX_LIST: usize = 64;

/// A dict whose items are kept.
struct Recent {
    dict: Value,
    items: Vec<(Value, Value)>,
    /// Another dict holds it.
    inside: bool,
}

/// What is known of the contents of dicts.
#[derive(Default)]
pub struct Contents {
    recent: VecDeque<Recent>,
    /// Something was imported that wants items.
    wanted: bool,
    /// Short lists, and the order in which they got their first items.
    lists: HashMap<Value, Vec<Value>>,
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
        if let Some(known) = self.lists.get_mut(&list) {
            if known.len() + items.len() <= MAX_LIST {
                known.extend_from_slice(items);
            } else {
                self.lists.remove(&list);
            }
            return;
        }
        if items.len() > MAX_LIST {
            return;
        }
        if self.listed.len() == LISTS
            && let Some(oldest) = self.listed.pop_front()
        {
            self.lists.remove(&oldest);
        }
        self.listed.push_back(list);
        self.lists.insert(list, items.to_vec());
    }

    /// The items of a short list, where they are at hand and `count` of them are all.
    pub fn list_of(&self, list: Value, count: u64) -> Option<&[Value]> {
        if count == 0 {
            return Some(&[]);
        }
        self.lists.get(&list).map(Vec::as_slice).filter(|items| items.len() as u64 == count)
    }

    fn keep(&mut self, dict: Value, items: &[Value]) {
        let pairs = || items.as_chunks::<2>().0.iter().map(|[key, value]| (*key, *value));
        for (_, value) in pairs().filter(|(_, value)| value.is(Tag::Dict)) {
            if let Some(known) = self.recent.iter_mut().find(|r| r.dict == value) {
                known.inside = true;
            }
        }
        match self.recent.iter_mut().find(|r| r.dict == dict) {
            Some(known) if known.items.len() + items.len() / 2 <= MAX_ITEMS => known.items.extend(pairs()),
            Some(known) => known.items = Vec::new(),
            None if items.len() / 2 <= MAX_ITEMS => {
                let inside = self.recent.iter().filter(|r| r.inside).count();
                for (inside, full) in [(true, inside > INSIDE), (false, self.recent.len() - inside == RECENT)]
                {
                    if let Some(oldest) = self.recent.iter().position(|r| full && r.inside == inside) {
                        self.recent.remove(oldest);
                    }
                }
                self.recent.push_back(Recent { dict, items: pairs().collect(), inside: false });
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
