//! Containers that copy what they are given, and the factory of `defaultdict`.

use crate::pickle::known::view::{Call, View};
use crate::pickle::known::{Judged, Outcome};
use crate::pickle::stream::reader::Cursor;
use crate::pickle::values::lists::Keys;
use crate::pickle::values::mark::Mark;
use crate::pickle::values::value::{Tag, Value};
use crate::policy::trigger::Shape;

/// Built-in types that make a container or a number of one argument.
pub const TYPES: &[&str] = &[
    "dict",
    "list",
    "tuple",
    "set",
    "frozenset",
    "int",
    "long",
    "float",
    "complex",
    "str",
    "unicode",
    "bytes",
    "bytearray",
];

const FACTORIES: &[&str] = &["OrderedDict", "Counter", "deque", "defaultdict"];

/// Whether a value can be copied without a method of an object: a literal, a literal container, a mapping. What
/// it holds is stored, and hashed where that is open.
pub fn copies<C: Cursor>(view: &View<'_, C>, value: Value) -> bool {
    match value.tag() {
        Tag::List | Tag::Tuple | Tag::Dict | Tag::Set | Tag::FrozenSet => true,
        Tag::Object => view.is_mapping(value),
        _ => view.is(value, Shape::Plain),
    }
}

/// Most items of a list, made into keys, at which nobody looked.
pub const UNSEEN: u64 = 1 << 14;

/// Whether hashing the items of a value, or the keys among its pairs, runs nothing that was not read.
pub fn keyed<C: Cursor>(view: &View<'_, C>, value: Value) -> bool {
    value.is(Tag::Dict) || !view.heap.mark(value).has(Mark::UNKEYED.with(Mark::UNKEYED_INSIDE))
}

/// What a callable of this name makes keys of: items of what it is given, first halves of the pairs there, or nothing.
pub fn keys_of(name: &str) -> Option<bool> {
    match name {
        "list" | "tuple" | "deque" | "UserList" | "array" => None,
        "set" | "frozenset" | "Counter" | "FreqDist" | "StringStore" => Some(false),
        _ => Some(true),
    }
}

/// Whether keys may have one hash, made of the items of a value, or of the first halves of the pairs there.
pub fn may_collide<C: Cursor>(view: &View<'_, C>, value: Value, pairs: bool) -> bool {
    let count = match value.tag() {
        Tag::List => view.heap.count(value),
        Tag::Tuple => view.count(value).map(|n| n as u64),
        _ => return false,
    };
    let count = count.unwrap_or(u64::MAX);
    match view.hashes.keys(view.cursor, &view.heap.tuples, value, count, pairs) {
        Keys::Apart => false,
        Keys::Alike => true,
        Keys::Unseen => count > UNSEEN,
    }
}

/// `set(items)`, `dict(items)`, `OrderedDict(items)`, `deque(items, length)`.
pub fn container<C: Cursor>(view: &View<'_, C>, call: &Call) -> Judged {
    if view.count(call.args) == Some(0) && !call.keywords {
        return Ok(Outcome::Holding(None));
    }
    let first = view.part(call.args, 0);
    let rest = view.heap.tuples.items(call.args).skip(1).all(|v| view.is(v, Shape::Plain));
    if call.keywords || !rest || !first.is_none_or(|v| copies(view, v)) {
        return Err("it copies something else than a literal container, whose methods would run".to_owned());
    }
    let name = view.imports.get(call.import).map_or("", |i| i.name.as_str());
    let keys = keys_of(name);
    if keys.is_some() && !first.is_none_or(|v| keyed(view, v)) {
        return Err("it hashes objects whose `__hash__` or `__eq__` nobody has read".to_owned());
    }
    if keys.is_some_and(|pairs| first.is_some_and(|v| may_collide(view, v, pairs))) {
        return Err(
            "it hashes keys that are made to have one hash, each of which is compared with all".to_owned()
        );
    }
    if keys == Some(true) && !first.is_none_or(|v| pairs(view, v)) {
        return Err("a pair that it takes apart is no literal one, and its methods would run".to_owned());
    }
    Ok(Outcome::Holding(first))
}

/// Whether a mapping can be made of a value without a method of an object: each item of a list or tuple is iterated.
fn pairs<C: Cursor>(view: &View<'_, C>, value: Value) -> bool {
    match value.tag() {
        Tag::Tuple => view.heap.tuples.items(value).all(|v| v.kind() & Tag::OBJECTS == 0),
        Tag::List => !view.heap.mark(value).has(Mark::OBJECTS),
        Tag::Set | Tag::FrozenSet => view.is(value, Shape::Plain),
        _ => true,
    }
}

/// Whether a built-in type makes one of itself of a value, and runs no method of what that holds: a number or text is
/// made of plain data, the items of a list or tuple are stored, those of a set and the keys of a dict hashed.
pub fn is_base<C: Cursor>(view: &View<'_, C>, base: &str, value: Value) -> bool {
    match base {
        "object" => value.is(Tag::None),
        "list" | "tuple" => copies(view, value),
        "set" | "frozenset" => copies(view, value) && keyed(view, value) && !may_collide(view, value, false),
        "dict" => {
            copies(view, value) && keyed(view, value) && pairs(view, value) && !may_collide(view, value, true)
        }
        _ => TYPES.contains(&base) && view.is(value, Shape::Plain),
    }
}

/// An import that makes a container or a number of nothing, and of literals.
pub fn makes_container<C: Cursor>(view: &View<'_, C>, value: Value) -> bool {
    match view.named(value) {
        Some(("builtins" | "__builtin__", name)) => {
            TYPES.contains(&name) || matches!(name, "bool" | "object")
        }
        Some(("collections", name)) => FACTORIES.contains(&name),
        _ => false,
    }
}

/// Such an import, or a `functools.partial` of one that keeps literals and factories.
pub fn is_factory<C: Cursor>(view: &View<'_, C>, value: Value) -> bool {
    let partial = || {
        value.is(Tag::Object)
            && view.made_by(value) == Some(("functools", "partial"))
            && view.heap.mark(value).has(Mark::FACTORY)
    };
    makes_container(view, value) || partial()
}

/// `defaultdict(factory, items)`. A factory is called when a key is missing.
pub fn default_dict<C: Cursor>(view: &View<'_, C>, call: &Call) -> Judged {
    let items = view.part(call.args, 1);
    let factory = match view.part(call.args, 0) {
        None => true,
        Some(v) if v.is(Tag::None) => true,
        Some(v) => is_factory(view, v),
    };
    if call.keywords
        || !factory
        || !items.is_none_or(|v| {
            copies(view, v) && keyed(view, v) && !may_collide(view, v, true) && pairs(view, v)
        })
        || view.count(call.args) > Some(2)
    {
        return Err("it is given a factory that is no built-in container or number".to_owned());
    }
    Ok(Outcome::Holding(items))
}

/// The mark of what holds a copy of these items: its keys are not followed.
pub fn holding(mark: Mark, literal: bool) -> Mark {
    if literal { mark } else { mark.with(Mark::NO_TEXT_KEY).with(Mark::COMPUTED_KEY) }
}
