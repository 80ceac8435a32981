//! Contents of dicts, as far as they matter: keys that would turn a later opcode into a call, and the
//! items of the few dicts that a guard will want to see as state.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::escape;
use crate::pickle::machine::imports::Imports;
use crate::pickle::machine::keys::Keys;
use crate::pickle::machine::value::{Tag, Tuples, Value};
use crate::pickle::stream::opcode as op;
use crate::pickle::stream::reader::Cursor;
use crate::pickle::stream::text::{self, Text};

/// How many dicts are kept with their items. State is built right before it is used.
const RECENT: usize = 32;
/// Items beyond which a dict is not kept.
const MAX_ITEMS: usize = 8192;

/// Longest attribute name that is looked at, in bytes: those that matter are short.
const ATTRIBUTE: u64 = 256;

/// The key of an `__array_interface__` without which numpy reads from no address.
pub const ADDRESS: &str = "typestr";

/// Parts of a tuple that are looked at as state. One with more is data for a `__setstate__` of its own.
const PARTS: usize = 16;

// `CALLED`: names of methods that the listed code calls while it loads, sorted.
include!(concat!(env!("OUT_DIR"), "/called.rs"));

/// A dict whose items are kept.
struct Recent {
    dict: Value,
    items: Vec<(Value, Value)>,
}

/// Why a mapping must not become the attributes of an object.
#[derive(Clone, Debug)]
pub enum Planted {
    /// It sets an attribute that later opcodes call.
    Attribute(Box<str>),
    /// It puts something callable where listed code looks for a method while it loads.
    Method(Box<str>),
    /// It gives a module of torch an import in the place of a module, a parameter or a hook.
    Registry,
    /// It tells numpy where in memory an array lies.
    Address,
    /// One of its keys is no literal.
    ComputedKey,
    /// It was made by a call, with its items.
    Opaque,
}

impl std::fmt::Display for Planted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Planted::Attribute(name) => write!(f, "it sets the attribute {}", escape::name(name)),
            Planted::Method(name) => {
                write!(f, "it replaces the method {} by something that can be called", escape::name(name))
            }
            Planted::Registry => f.write_str("an import stands where torch keeps modules, tensors or hooks"),
            Planted::Address => f.write_str("its key `typestr` is how numpy is told an address to read from"),
            Planted::ComputedKey => f.write_str("it has a key that is computed"),
            Planted::Opaque => f.write_str("its keys come from a call and cannot be read"),
        }
    }
}

/// What is known about dicts and mappings.
#[derive(Default)]
pub struct States {
    /// Mappings with a key that matters, and why.
    planted: HashMap<Value, Planted>,
    /// Keys of no attribute that unpicklers look up, of no method that loading calls, and of no place where torch
    /// keeps what it calls.
    harmless: Keys,
    no_methods: Keys,
    no_registries: Keys,
    /// Mappings that have been set as state. An object may have kept one as its `__dict__`: what is put
    /// into it later becomes an attribute too. Those that are not looked up yet wait in a list.
    used: HashSet<Value>,
    just_used: Vec<Value>,
    /// Mappings that guards have seen and that C code keeps: no item may follow.
    sealed: HashSet<Value>,
    /// Dicts with an import among their values, and those in which torch looks for what it calls.
    holding: HashSet<Value>,
    registered: HashSet<Value>,
    /// A list got an import, or what may hold one: pairs of such lists may be what a mapping is made of.
    hiding: bool,
    /// Literal bytearrays that were changed.
    changed: HashSet<Value>,
    recent: VecDeque<Recent>,
    /// Dicts made after this offset are kept with their items, once something that wants them was
    /// imported. It rises when one is forgotten, so that no later item can pass for the whole.
    keep_from: Option<u64>,
}

impl States {
    /// Something that wants items was imported at this offset.
    pub fn keep_from(&mut self, offset: u64) {
        self.keep_from.get_or_insert(offset);
    }

    /// Notes items that are set; keys and values in turn. Says what is wrong with setting them now.
    #[inline]
    pub fn note(
        &mut self,
        cursor: &impl Cursor,
        imports: &Imports,
        dict: Value,
        items: &[Value],
    ) -> Option<String> {
        let (mut late, mut address) = (None, None);
        for pair in items.chunks(2) {
            let Some(key) = pair.first() else { continue };
            if let Some(value) = pair.get(1) {
                late = self.note_value(cursor, imports, dict, (*key, *value)).or(late);
            }
            if self.harmless.contains(*key) {
                continue;
            }
            if key.is(Tag::Object) && imports.is_text(*key) {
                address = Some(format!("a dict is no plain one: {}", Planted::ComputedKey));
            }
            match planted_key(cursor, *key) {
                // A layer's flag `add`. Both unpicklers call what they find without a way back: from CPython
                // 2.7 to 3.13 `True(items)` is a TypeError, and a later value is judged by itself.
                Some(Planted::Attribute(name))
                    if !name.starts_with('_') && pair.get(1).is_some_and(|v| v.is(Tag::Bool)) => {}
                Some(Planted::Address) => {
                    address = Some(format!("a dict is no plain one: {}", Planted::Address))
                }
                Some(why) => late = self.plant(dict, why).or(late),
                None => self.harmless.insert(*key),
            }
        }
        if self.sealed.contains(&dict) {
            late = Some("what it holds was judged when it was handed over".to_owned());
        }
        if dict.is(Tag::Dict) && self.keep_from.is_some_and(|from| dict.payload() > from) {
            self.keep_items(dict, items);
        }
        let late = late.map(|why| format!("a dict is changed that is the state of an object already: {why}"));
        late.or(address)
    }

    /// A value that can be called, or that may hold such values for an object that calls them.
    #[inline]
    fn note_value(
        &mut self,
        cursor: &impl Cursor,
        imports: &Imports,
        dict: Value,
        (key, value): (Value, Value),
    ) -> Option<String> {
        if imports.may_be_called(value) {
            let late = if value.is(Tag::Import) { self.hold(dict) } else { None };
            if self.no_methods.contains(key) {
                return late;
            }
            let Some(why) = replaced_method(cursor, key) else {
                self.no_methods.insert(key);
                return late;
            };
            return self.plant(dict, why).or(late);
        }
        // A `defaultdict` will do as well.
        if !matches!(value.tag(), Tag::Dict | Tag::Object) || self.no_registries.contains(key) {
            return None;
        }
        if !registry(cursor, key) {
            self.no_registries.insert(key);
            return None;
        }
        self.registered.insert(value);
        let names = |why: &Planted| match why {
            Planted::Attribute(name) => name.starts_with("__"),
            why => matches!(why, Planted::ComputedKey),
        };
        if let Some(name) = self.planted.get(&value).filter(|why| names(why)) {
            let name = name.clone();
            return self.plant(dict, name);
        }
        let why = self.holding.contains(&value).then_some(Planted::Registry)?;
        self.plant(dict, why)
    }

    /// A dict holds an import.
    #[cold]
    pub fn hold(&mut self, dict: Value) -> Option<String> {
        self.holding.insert(dict);
        self.registered.contains(&dict).then(|| Planted::Registry.to_string())
    }

    /// A method or a name that unpicklers call, among the items of an object whose `__getattr__` may
    /// answer from them.
    pub fn hides_method(&self, mapping: Value) -> Option<&Planted> {
        self.planted.get(&mapping).filter(|p| matches!(p, Planted::Attribute(_) | Planted::Method(_)))
    }

    /// A key that matters; handed back where the mapping is the state of an object already.
    #[cold]
    fn plant(&mut self, mapping: Value, why: Planted) -> Option<String> {
        self.used.extend(self.just_used.drain(..));
        let dunder = match &why {
            Planted::Attribute(name) => name.starts_with("__"),
            why => matches!(why, Planted::ComputedKey),
        };
        let used = self.used.contains(&mapping) || dunder && self.registered.contains(&mapping);
        let late = used.then(|| why.to_string());
        self.planted.entry(mapping).or_insert(why);
        late
    }

    fn keep_items(&mut self, dict: Value, items: &[Value]) {
        let pairs = items.chunks_exact(2).filter_map(|c| Some((*c.first()?, *c.get(1)?)));
        let known = self.recent.iter().position(|r| r.dict == dict);
        let room = match known.and_then(|i| self.recent.get_mut(i)) {
            Some(known) if known.items.len() + items.len() / 2 <= MAX_ITEMS => {
                known.items.extend(pairs);
                return;
            }
            Some(_) => false,
            None => items.len() / 2 <= MAX_ITEMS,
        };
        if let Some(known) = known.filter(|_| !room) {
            self.recent.remove(known);
        }
        if !room {
            self.forget(dict);
            return;
        }
        if self.recent.len() == RECENT
            && let Some(oldest) = self.recent.pop_front()
        {
            self.forget(oldest.dict);
        }
        // Forgetting the oldest may have taken this one with it.
        if self.keep_from.is_some_and(|from| dict.payload() > from) {
            self.recent.push_back(Recent { dict, items: pairs.collect() });
        }
    }

    /// A dict is kept no longer: nor is any that is not newer, lest a part of it be taken for the whole.
    fn forget(&mut self, dict: Value) {
        let from = self.keep_from.unwrap_or_default().max(dict.payload());
        self.keep_from = Some(from);
    }

    /// A mapping that was created with items nobody followed.
    pub fn opaque(&mut self, mapping: Value) {
        self.planted.entry(mapping).or_insert(Planted::Opaque);
    }

    /// A list got an import, or what may hold one.
    pub fn hide(&mut self) {
        self.hiding = true;
    }

    /// Whether some list did.
    pub fn hiding(&self) -> bool {
        self.hiding
    }

    /// Whether a mapping was made of pairs.
    pub fn is_opaque(&self, mapping: Value) -> bool {
        matches!(self.planted.get(&mapping), Some(Planted::Opaque))
    }

    /// Whether a mapping has a key that is no literal.
    pub fn has_computed_key(&self, mapping: Value) -> bool {
        matches!(self.planted.get(&mapping), Some(Planted::ComputedKey))
    }

    /// A mapping that was created as a copy of another.
    pub fn copy(&mut self, mapping: Value, from: Value) {
        if let Some(why) = self.planted.get(&from) {
            self.planted.insert(mapping, why.clone());
        }
    }

    /// Whether a value, or a part of it, is a pair or a sequence of pairs that sets what must not be
    /// set: some `__setstate__` begin with `dict(state)`.
    pub fn pairs(
        &self,
        cursor: &impl Cursor,
        imports: &Imports,
        tuples: &Tuples,
        state: Value,
    ) -> Option<Planted> {
        tuples.items(state).take(PARTS).find_map(|pair| {
            let (Some(2), Some(key)) = (tuples.len(pair), tuples.get(pair, 0)) else { return None };
            if !key.is(Tag::Text) {
                return None;
            }
            let called = tuples.get(pair, 1).is_some_and(|v| imports.may_be_called(v));
            planted_key(cursor, key).or_else(|| replaced_method(cursor, key).filter(|_| called))
        })
    }

    /// A value becomes the state of an object. Says why it must not: a key that a later opcode would
    /// call, in the state itself or in a part of it, such as either half of `(state, slotstate)`.
    pub fn set_on_object(&mut self, tuples: &Tuples, state: Value) -> Option<&Planted> {
        let parts = tuples.items(state).take(PARTS);
        let mut found = None;
        for part in std::iter::once(state).chain(parts) {
            if matches!(part.tag(), Tag::Dict | Tag::Object) {
                self.just_used.push(part);
                if found.is_none() && !self.planted.is_empty() {
                    found = self.planted.get(&part);
                }
            }
        }
        found
    }

    /// The same for a dict, which has no parts.
    #[inline]
    pub fn set_dict_on_object(&mut self, dict: Value) -> Option<&Planted> {
        self.just_used.push(dict);
        if self.planted.is_empty() { None } else { self.planted.get(&dict) }
    }

    /// C code keeps this dict as it is: no item may follow.
    pub fn seal(&mut self, dict: Value) {
        self.sealed.insert(dict);
    }

    /// A literal bytearray is not what the stream spells any more.
    pub fn change(&mut self, bytes: Value) {
        self.changed.insert(bytes);
    }

    /// Whether a literal is still what the stream spells.
    pub fn unchanged(&self, bytes: Value) -> bool {
        !self.changed.contains(&bytes)
    }

    /// The items of a dict. `None` where they are not at hand.
    pub fn items(&self, dict: Value) -> Option<&[(Value, Value)]> {
        let kept = self.recent.iter().find(|r| r.dict == dict).map(|r| r.items.as_slice());
        // All that were given items since then are there.
        let empty = || dict.is(Tag::Dict) && self.keep_from.is_some_and(|from| dict.payload() > from);
        kept.or_else(|| empty().then_some(&[]))
    }

    /// Bytes held, apart from the few recent dicts.
    pub fn held(&self) -> usize {
        self.planted.len() * 96
            + (self.used.len() + self.sealed.len() + self.changed.len()) * 16
            + (self.holding.len() + self.registered.len()) * 16
            + self.just_used.len() * 8
            + self.harmless.held()
            + self.no_methods.held()
            + self.no_registries.held()
    }
}

/// Attributes that unpicklers look up on instances and call (`Lib/pickle.py`: `load_build`,
/// `load_append`, `load_appends`, `load_additems`), and dunder names.
#[inline]
fn planted_key(cursor: &impl Cursor, key: Value) -> Option<Planted> {
    match key.tag() {
        Tag::Text => {}
        // An import may be a constant that is a str.
        Tag::Object | Tag::Unknown | Tag::Persistent | Tag::Import => return Some(Planted::ComputedKey),
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
    if !matches!(first, Some(b'_' | b'a' | b'e' | b't')) {
        return None;
    }
    drop(head);
    planted_name(cursor, key)
}

/// Attributes of torch's modules and optimizers whose values are called, or found as attributes.
#[inline(never)]
fn registry(cursor: &impl Cursor, key: Value) -> bool {
    if !key.is(Tag::Text) {
        return false;
    }
    let Text::Str(name) = text::decode(cursor, key.payload(), ATTRIBUTE) else { return false };
    matches!(name.as_str(), "_modules" | "_parameters" | "_buffers") || name.ends_with("_hooks")
}

/// A key that names a method which listed code calls while it loads. What stands there in the state of
/// an object hides the method of its class.
#[inline(never)]
fn replaced_method(cursor: &impl Cursor, key: Value) -> Option<Planted> {
    if !key.is(Tag::Text) {
        return None;
    }
    let Text::Str(name) = text::decode(cursor, key.payload(), ATTRIBUTE) else { return None };
    CALLED.binary_search(&name.as_str()).ok().map(|_| Planted::Method(name.into()))
}

#[inline(never)]
fn planted_name(cursor: &impl Cursor, key: Value) -> Option<Planted> {
    let Text::Str(name) = text::decode(cursor, key.payload(), ATTRIBUTE) else { return None };
    let dunder = name.len() > 4 && name.starts_with("__") && name.ends_with("__");
    // Set by typing and by tools on plain data; nothing looks them up to call them.
    let inert = matches!(
        name.as_str(),
        "__orig_class__" | "__doc__" | "__module__" | "__name__" | "__version__" | "__networkx_cache__"
    );
    let called = matches!(name.as_str(), "append" | "extend" | "add");
    if name == ADDRESS {
        return Some(Planted::Address);
    }
    ((dunder && !inert) || called).then(|| Planted::Attribute(name.into()))
}
