//! The heap: every tuple, container and object of a stream, with its mark. Their values are indices here.
//!
//! One file, since whatever is put into one kind of them changes the marks of the others.

use std::cell::Cell;
use std::collections::HashMap;

use crate::pickle::values::mark::Mark;
use crate::pickle::values::records::{Record, Records};
use crate::pickle::values::value::{Tag, Value};
use crate::policy::trigger::Shape;

pub use crate::pickle::values::tuples::{Tuples, Walk};

/// Steps that hashing one key may take. Tuples do not keep their hash, and hash their elements without a look at the
/// depth of the C stack.
const KEY: u32 = (1 << 19) - 1;

/// Steps that hashing all keys of a stream may take, beyond one for each.
const HASHED: u64 = 1 << 30;

/// Values of which it is worth while to see whether all are of one kind.
const MANY: usize = 16;

/// Most things that a number may stand for where code makes as many.
const COUNT: u64 = 1 << 12;

/// Steps that all code of a stream may take to go through what it is given, and further ones for each byte that was
/// read. What an object was made of counts again where that object is handed over.
const SPENT: u64 = 1 << 24;
const SPENT_A_BYTE: u64 = 8;

/// Steps that a walk over data that code is given may take, and further ones for each byte that was read.
const STEPS: u64 = 1 << 19;
const STEPS_A_BYTE: u64 = 4;

/// Items that an object was given. It gets one kind, and none once it has its state: all picklers write
/// items first, and what a state sets could answer for the methods that take items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Items {
    /// SETITEM, SETITEMS: `__setitem__`.
    Set,
    /// APPEND, APPENDS: `append` or `extend`.
    Append,
    /// ADDITEMS: `add`.
    Add,
}

/// Bits of an object above its mark.
const STATED: u32 = 1 << Mark::BITS;
const ITEMS: [(Items, u32); 3] =
    [(Items::Set, STATED << 1), (Items::Append, STATED << 2), (Items::Add, STATED << 3)];
const SHARED: u32 = STATED << 4;
const COMPLETE: u32 = STATED << 5;
const HOLLOW: u32 = STATED << 6;
const WIDE_ITEMS: u32 = STATED << 7;
const DONE: u32 = STATED | COMPLETE;
const AGAIN: u32 = Mark::AGAIN.bits() as u32;

/// The bit of items of a kind, and those of items of other kinds.
#[inline(always)]
fn bits_of(kind: Items) -> (u32, u32) {
    let own = STATED << (1 + kind as u32);
    (own, (SHARED - (STATED << 1)) & !own)
}

/// Of an object without any of these bits, a holder takes over what [`Heap::taken_over`] keeps of its mark as it is.
const UNUSUAL: u32 = HOLLOW | Mark::LOOSE.with(Mark::AGAIN).bits() as u32;
const KEPT: Mark = Mark::HELD.without(Mark::UNKEYED_INSIDE);

/// Of a container without any of these, it takes over nothing.
const WIDE: u32 = Mark::HELD.with(Mark::AGAIN).with(Mark::FIRST_UNKEYED).bits() as u32;

/// The mark of a list, dict, set or frozenset.
#[inline]
fn mark_of_container(record: Record) -> Mark {
    Mark::from_bits(record.bits as u16)
}

/// The mark of an object.
#[inline]
fn mark_of_object(record: Record) -> Mark {
    let mark = Mark::from_bits((record.bits & (STATED - 1)) as u16);
    if record.bits & (HOLLOW | STATED) == HOLLOW { mark.with(Mark::STORED) } else { mark }
}

#[inline]
fn walk_of(record: Record) -> Walk {
    Walk { steps: record.steps, depth: record.depth }.held()
}

/// What values give to their holder.
struct Gathered {
    kinds: u64,
    mark: Mark,
    walk: Walk,
}

/// What became of a container or an object that was given items.
#[derive(Clone, Copy, Debug)]
pub struct Grown {
    /// The kinds of these items.
    pub kinds: u64,
    /// What it takes over of them.
    pub mark: Mark,
    /// How many items the container had before.
    pub had: u32,
    /// Its contents had been judged.
    pub sealed: bool,
    /// Something was decided on what holds it.
    pub relied: bool,
}

/// What may become of an object that a call or `__new__` gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Nature {
    /// It is new, and may get state and items.
    Open = 0,
    /// No entry lets it have state or items.
    Complete = COMPLETE,
    /// It may be an object that was there before.
    Shared = SHARED,
    /// It is new, and compiled code fills it from its state.
    Hollow = HOLLOW,
}

/// Why an object must not get state or items now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    /// It has its state already.
    Stated,
    /// It has items of another kind.
    OtherItems,
    /// It may be an object that was there before.
    Shared,
}

impl std::fmt::Display for Late {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Late::Stated => "it has its state already, and no pickler writes more behind that",
            Late::OtherItems => "it has items of another kind already",
            Late::Shared => "what makes it may hand out an object that the whole process shares",
        })
    }
}

/// A container or an object changes on whose mark something was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relied;

/// The heap of one stream.
#[derive(Debug, Default)]
pub struct Heap {
    /// All tuples.
    pub tuples: Tuples,
    containers: Records<{ Mark::BITS }, 6, 8>,
    objects: Records<{ Mark::BITS + 8 }, 0, 6>,
    /// Imports that are inert data, by index.
    inert: Vec<bool>,
    /// Something was decided on the mark of a loose value.
    relied: Cell<bool>,
    /// A loose value got a wider mark: what holds one has a mark that is too narrow.
    stale: bool,
    /// A loose value grew, as it does where it holds itself: what a walk takes that meets one cannot be told.
    cyclic: bool,
    /// Steps that hashing keys took.
    hashed: u64,
    /// Steps that code took to go through what it was given.
    spent: u64,
    overspent: bool,
    /// Bytes outside the stream that it announces: storages of torch.
    announced: u64,
    /// Elements of the storages of torch, by what persistent ids gave.
    storages: HashMap<Value, u64>,
}

impl Heap {
    /// Stores a tuple.
    #[inline]
    pub fn tuple(&mut self, items: &[Value]) -> Value {
        if items.is_empty() {
            return Tuples::EMPTY;
        }
        let Gathered { kinds, mut mark, walk } = self.gather(items);
        if kinds & !Tag::LITERALS == 0 {
            return self.tuples.literals(items, mark);
        }
        if (walk.steps >= KEY || walk.is_deep())
            && kinds & (Tag::Tuple.kind() | Tag::Object.kind() | Tag::FrozenSet.kind()) != 0
        {
            mark = mark.with(Mark::UNKEYED);
        }
        self.tuples.nested(items, mark, walk)
    }

    /// Stores a tuple of a few.
    #[inline(never)]
    pub fn short_tuple<const N: usize>(&mut self, items: &[Value; N]) -> Value {
        let (mut kinds, mut large) = (0, false);
        for value in items {
            kinds |= value.kind();
            large |= value.is_large();
        }
        if kinds & !Tag::LITERALS != 0 {
            return self.tuple(items);
        }
        self.tuples.short(items, large || kinds & Tag::BigInt.kind() != 0)
    }

    /// What a holder of these values takes over.
    #[inline(always)]
    fn gather(&self, items: &[Value]) -> Gathered {
        let (mut kinds, mut large) = (0, false);
        if items.len() < MANY {
            for value in items {
                kinds |= value.kind();
                large |= value.is_large();
            }
        } else {
            (kinds, large) = kinds_of_many(items);
        }
        large |= kinds & Tag::BigInt.kind() != 0;
        let mark = if large { Mark::LARGE } else { Mark::PLAIN };
        if kinds & !Tag::LITERALS == 0 {
            let walk = Walk { steps: u32::try_from(items.len()).unwrap_or(u32::MAX), depth: 0 };
            return Gathered { kinds, mark, walk };
        }
        let (more, walk) = self.holds(items);
        Gathered { kinds, mark: mark.with(more), walk }
    }

    /// What a holder takes over of those of these values that hold something, and what it takes to visit them all.
    #[inline(never)]
    fn holds(&self, items: &[Value]) -> (Mark, Walk) {
        let (mut mark, mut steps, mut depth) = (Mark::PLAIN, items.len() as u64, 0);
        for value in items {
            if value.kind() & Tag::LITERALS != 0 {
                continue;
            }
            // Most are of one of these kinds, and there is little to say of them.
            let simple = match value.tag() {
                Tag::Object => self.objects.simple(value.serial(), UNUSUAL),
                Tag::List | Tag::Dict | Tag::Set => self.containers.simple(value.payload(), WIDE),
                Tag::Tuple => {
                    if let Some((more, large)) = self.tuples.simple(*value) {
                        mark = mark.with(large);
                        steps += more;
                        depth = depth.max(1);
                        continue;
                    }
                    None
                }
                _ => None,
            };
            if let Some((bits, more, deep)) = simple {
                mark = mark.with(Mark::from_bits(bits as u16).of(KEPT));
                steps += u64::from(more);
                depth = depth.max(deep + 1);
                continue;
            }
            let (own, walk) = self.seen(*value);
            mark = mark.with(Self::taken_over(*value, own));
            steps += u64::from(walk.steps).saturating_sub(1);
            depth = depth.max(walk.depth);
        }
        (mark, Walk { steps: u32::try_from(steps).unwrap_or(u32::MAX), depth })
    }

    /// The mark of a value, and what it takes to visit everything in it: a step at least.
    #[inline(always)]
    pub fn seen(&self, value: Value) -> (Mark, Walk) {
        let (mark, walk) = match value.tag() {
            Tag::Tuple => self.tuples.seen(value),
            Tag::List | Tag::Dict | Tag::Set | Tag::FrozenSet => self
                .containers
                .get(value.payload())
                .map_or((Mark::STORED, Walk::LEAF), |c| (mark_of_container(c), walk_of(c))),
            Tag::Object => self
                .objects
                .get(value.serial())
                .map_or((Mark::STORED, Walk::LEAF), |o| (mark_of_object(o), walk_of(o))),
            Tag::Int | Tag::BigInt if value.exceeds(Mark::SMALL) => (Mark::LARGE, Walk::LEAF),
            Tag::Import if self.inert.get(value.payload() as usize) == Some(&true) => {
                (Mark::INERT, Walk::LEAF)
            }
            Tag::Import => (Mark::REFERENCE, Walk::LEAF),
            Tag::Buffer | Tag::Persistent => (Mark::INERT.with(Mark::UNKEYED), Walk::LEAF),
            Tag::Unknown => (Mark::STORED.with(Mark::UNKEYED), Walk::LEAF),
            _ => (Mark::PLAIN, Walk::LEAF),
        };
        if self.stale && mark.has(Mark::LOOSE) { (mark.with(Mark::STORED), walk) } else { (mark, walk) }
    }

    /// What it takes to visit everything in a value.
    #[inline]
    pub fn walk(&self, value: Value) -> Walk {
        if value.kind() & Tag::LITERALS != 0 { Walk::LEAF } else { self.seen(value).1 }
    }

    /// A new list, dict, set or frozenset.
    #[inline(always)]
    pub fn container(&mut self, tag: Tag) -> Value {
        Value::new(tag, self.containers.empty())
    }

    /// A new frozenset of these items.
    pub fn frozenset(&mut self, items: &[Value]) -> Value {
        let Gathered { mark, walk: Walk { steps, depth }, .. } = self.gather(items);
        let len = u32::try_from(items.len()).unwrap_or(u32::MAX);
        let record = Record { bits: u32::from(mark.bits()), len, steps, depth };
        Value::new(Tag::FrozenSet, self.containers.push(record))
    }

    /// What applying an import gave, made of values that take so much to visit.
    #[inline]
    pub fn object(&mut self, import: Option<u32>, mark: Mark, nature: Nature, walk: Walk) -> Value {
        let bits = u32::from(mark.bits()) | nature as u32;
        let record = Record { bits, len: 0, steps: walk.steps, depth: walk.depth };
        Value::object(import, self.objects.push(record))
    }

    /// The mark of a value.
    #[inline]
    pub fn mark(&self, value: Value) -> Mark {
        if value.kind() & (Tag::LITERALS & !Tag::INTEGERS) != 0 { Mark::PLAIN } else { self.seen(value).0 }
    }

    /// What a holder of this value takes over of its mark.
    #[inline]
    pub fn held(&self, value: Value) -> Mark {
        Self::taken_over(value, self.mark(value))
    }

    /// What a holder of a value takes over of a mark of it.
    #[inline(always)]
    pub fn taken_over(value: Value, mark: Mark) -> Mark {
        if !mark.has(Mark::HELD.with(Mark::AGAIN).with(Mark::FIRST_UNKEYED)) {
            return Mark::PLAIN;
        }
        let loose = if mark.has(Mark::AGAIN) { Mark::LOOSE } else { Mark::PLAIN };
        match value.tag() {
            // Hashing these is an error before anything runs.
            Tag::List | Tag::Dict | Tag::Set => {
                // Of a list that is a pair, the first item becomes a key.
                let key = if value.is(Tag::List) { Mark::FIRST_UNKEYED } else { Mark::UNKEYED };
                let inside = if mark.has(key) { Mark::UNKEYED_INSIDE } else { Mark::PLAIN };
                mark.of(Mark::HELD).without(Mark::UNKEYED.with(Mark::UNKEYED_INSIDE)).with(inside).with(loose)
            }
            // Pairs are one level deep.
            _ => mark.of(Mark::HELD).without(Mark::UNKEYED_INSIDE).with(loose),
        }
    }

    /// A container or an object gets a wider mark.
    #[inline]
    pub fn widen(&mut self, value: Value, by: Mark) -> Result<(), Relied> {
        if by.is_plain() {
            return Ok(());
        }
        let old = match value.tag() {
            Tag::List | Tag::Dict | Tag::Set | Tag::FrozenSet => {
                let Some(container) = self.containers.get(value.payload()) else { return Ok(()) };
                self.containers.add_bits(value.payload(), u32::from(by.bits()));
                mark_of_container(container)
            }
            Tag::Object => {
                let Some(object) = self.objects.get(value.serial()) else { return Ok(()) };
                self.objects.add_bits(value.serial(), u32::from(by.bits()));
                mark_of_object(object)
            }
            _ => return Ok(()),
        };
        // What holds anything is no wider for data and imports in it.
        let kept = if old.has(Mark::STORED) { Mark::LOOSE.with(Mark::DATA) } else { Mark::LOOSE };
        let wider = by.without(old).of(Mark::HELD.without(kept));
        if wider.is_plain() || !old.has(Mark::AGAIN) {
            return Ok(());
        }
        self.stale = true;
        if self.relied.get() { Err(Relied) } else { Ok(()) }
    }

    /// GET or DUP push a value again.
    #[inline]
    pub fn again(&mut self, value: Value) {
        match value.tag() {
            Tag::List | Tag::Dict | Tag::Set => {
                self.containers.add_bits(value.payload(), u32::from(Mark::AGAIN.bits()));
            }
            Tag::Object if self.objects.get(value.serial()).is_some_and(|o| o.bits & DONE == 0) => {
                self.objects.add_bits(value.serial(), u32::from(Mark::AGAIN.bits()));
            }
            _ => {}
        }
    }

    /// A container gets `len` items more, keys and values of which are these.
    #[inline]
    pub fn grow(&mut self, value: Value, items: &[Value], len: usize) -> Grown {
        let Gathered { kinds, mark, walk } = self.gather(items);
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        let old = self.containers.grow(value.payload(), len, walk.steps, walk.depth);
        let bits = Mark::from_bits(old.bits as u16);
        let relied = bits.has(Mark::AGAIN) && self.grown();
        Grown { kinds, mark, had: old.len, sealed: bits.has(Mark::SEALED), relied }
    }

    /// An object is given items. Says what it takes over of them, and what stands against that.
    #[inline]
    pub fn give(&mut self, value: Value, kind: Items, items: &[Value]) -> (Option<Late>, Grown) {
        let Gathered { kinds, mark, walk } = self.gather(items);
        // Most are new, and get items of one kind: there is nothing to say then.
        let (own, others) = bits_of(kind);
        let unless = STATED | SHARED | AGAIN | others;
        if self.objects.grow_simple(value.serial(), own, unless, walk.steps, walk.depth) {
            return (None, Grown { kinds, mark, had: 0, sealed: false, relied: false });
        }
        let late = self.items(value, kind);
        let relied = self.add(value, mark, walk).is_err();
        (late, Grown { kinds, mark, had: 0, sealed: false, relied })
    }

    /// An object takes so much more to visit.
    #[inline]
    pub fn add(&mut self, value: Value, mark: Mark, walk: Walk) -> Result<(), Relied> {
        let old = mark_of_object(self.objects.grow(value.serial(), 0, walk.steps, walk.depth));
        // Of what is more than data nothing is decided.
        let data = !old.with(mark).has(Mark::STORED);
        let out = old.has(Mark::AGAIN) && data;
        if out && self.grown() { Err(Relied) } else { Ok(()) }
    }

    /// A value grew that something may hold already. True if something was decided on it.
    #[cold]
    fn grown(&mut self) -> bool {
        self.cyclic = true;
        self.relied.get()
    }

    /// What a persistent id gave is a storage of so many elements, and one that was not announced before.
    pub fn storage(&mut self, value: Value, elements: u64, first: bool) {
        if first {
            self.announced = self.announced.saturating_add(elements);
        }
        self.storages.insert(value, elements);
    }

    /// How many elements a storage has.
    pub fn elements(&self, storage: Value) -> Option<u64> {
        self.storages.get(&storage).copied()
    }

    /// Code goes through data in so many steps. False once all of it took more than is allowed, where so many bytes were
    /// read: what stands in the memo can be handed over again and again.
    pub fn spend(&mut self, steps: u64, read: u64) -> bool {
        self.spent = self.spent.saturating_add(steps);
        let bytes = read.saturating_add(self.announced);
        let fine = self.spent <= SPENT.saturating_add(bytes.saturating_mul(SPENT_A_BYTE));
        self.overspent |= !fine;
        fine
    }

    /// Whether it did already, so that nobody need count on.
    pub fn overspent(&self) -> bool {
        self.overspent
    }

    /// Steps that a walk may take, where so many bytes of the stream were read.
    pub fn allowed(&self, read: u64) -> u64 {
        STEPS.saturating_add(read.saturating_add(self.announced).saturating_mul(STEPS_A_BYTE))
    }

    /// How many items a list was given; of a dict or a set, how many at most.
    pub fn count(&self, container: Value) -> Option<u64> {
        match container.tag() {
            Tag::List | Tag::Dict | Tag::Set | Tag::FrozenSet => {
                self.containers.get(container.payload()).map(|c| u64::from(c.len))
            }
            _ => None,
        }
    }

    /// An import is inert data.
    pub fn inert_import(&mut self, index: u32) {
        let index = index as usize;
        if self.inert.len() <= index {
            self.inert.resize(index + 1, false);
        }
        if let Some(inert) = self.inert.get_mut(index) {
            *inert = true;
        }
    }

    /// An object was given items that are more than inert, or under computed keys.
    pub fn wide_items(&mut self, object: Value) {
        self.objects.add_bits(object.serial(), WIDE_ITEMS);
    }

    /// Whether an object has such items.
    pub fn has_wide_items(&self, object: Value) -> bool {
        self.objects.get(object.serial()).is_none_or(|o| o.bits & WIDE_ITEMS != 0)
    }

    /// The place of the container that comes next.
    pub fn next_container(&self) -> u64 {
        self.containers.count()
    }

    /// The object that comes next, if an import gives it.
    pub fn next_object(&self, import: u32) -> Value {
        Value::object(Some(import), self.objects.count())
    }

    /// Whether something may hold the value that the stack has still.
    pub fn is_out(&self, value: Value) -> bool {
        self.mark(value).has(Mark::AGAIN)
    }

    /// The contents of a container were judged.
    pub fn seal(&mut self, value: Value) {
        if let Tag::List | Tag::Dict | Tag::Set = value.tag() {
            self.containers.add_bits(value.payload(), u32::from(Mark::SEALED.bits()));
        }
    }

    /// Whether a value with this mark has the shape. What is decided on it is remembered.
    pub fn fits(&self, mark: Mark, shape: Shape) -> bool {
        if matches!(shape, Shape::Stored) {
            return true;
        }
        let fits = mark.shape() <= shape;
        if fits && mark.has(Mark::LOOSE.with(Mark::AGAIN)) {
            self.relied.set(true);
        }
        fits
    }

    /// Whether a value is one of these shapes. A walk over it takes no more than so many steps.
    pub fn has_shape(&self, value: Value, shape: Shape, allowed: u64) -> bool {
        let mark = self.mark(value);
        let text_keys = || value.is(Tag::Dict) && !mark.has(Mark::NO_TEXT_KEY.with(Mark::COMPUTED_KEY));
        match shape {
            Shape::Dict => text_keys(),
            Shape::List => matches!(value.tag(), Tag::List | Tag::Tuple),
            Shape::Number => {
                matches!(value.tag(), Tag::None | Tag::Bool | Tag::Int | Tag::BigInt | Tag::Float)
            }
            Shape::Count => match value.tag() {
                Tag::None | Tag::Bool => true,
                Tag::Int => !value.exceeds(COUNT),
                Tag::Tuple => self.tuples.product(value).is_some_and(|n| n <= COUNT),
                _ => false,
            },
            Shape::Attributes => {
                let named = text_keys() && !mark.has(Mark::DUNDER_KEY);
                value.is(Tag::None) || named && self.has_shape(value, Shape::Inert, allowed)
            }
            Shape::Mapping => value.is(Tag::Dict),
            Shape::Stored => true,
            shape => self.fits(mark, shape) && self.is_bounded(value, mark, allowed),
        }
    }

    /// Whether printing, hashing or copying a value takes no more steps than these, and goes no deeper than is allowed.
    fn is_bounded(&self, value: Value, mark: Mark, allowed: u64) -> bool {
        let walk = self.walk(value);
        let known = !(self.cyclic && mark.has(Mark::LOOSE.with(Mark::AGAIN)));
        known && u64::from(walk.steps) <= allowed && !walk.is_deep()
    }

    /// An object gets its state. Says what stands against that.
    pub fn state(&mut self, object: Value) -> Option<Late> {
        let bits = self.objects.get(object.serial())?.bits;
        self.objects.add_bits(object.serial(), STATED);
        if bits & STATED != 0 { Some(Late::Stated) } else { (bits & SHARED != 0).then_some(Late::Shared) }
    }

    /// An object gets items. Says what stands against that.
    fn items(&mut self, object: Value, kind: Items) -> Option<Late> {
        let bits = self.objects.get(object.serial())?.bits;
        let mut late = None;
        for (other, bit) in ITEMS {
            if other == kind {
                if bits & STATED != 0 {
                    late = Some(Late::Stated);
                } else if bits & SHARED != 0 {
                    late = Some(Late::Shared);
                }
                self.objects.add_bits(object.serial(), bit);
            } else if bits & bit != 0 {
                late = late.or(Some(Late::OtherItems));
            }
        }
        late
    }

    /// Whether an object has its state.
    pub fn is_stated(&self, object: Value) -> bool {
        self.objects.get(object.serial()).is_some_and(|o| o.bits & STATED != 0)
    }

    /// Whether an object was given items.
    pub fn has_items(&self, object: Value) -> bool {
        let any = ITEMS.iter().fold(0, |all, (_, bit)| all | bit);
        self.objects.get(object.serial()).is_some_and(|o| o.bits & any != 0)
    }

    /// A value is hashed. False once that took more steps than are allowed.
    #[inline]
    pub fn hash(&mut self, value: Value) -> bool {
        if value.kind() & Tag::LITERALS == 0 {
            self.hashed = self.hashed.saturating_add(u64::from(self.walk(value).steps));
        }
        self.hashed <= HASHED
    }

    /// The first object in a key whose hash is not read; `None` for a tuple that is too large.
    pub fn unkeyed(&self, key: Value) -> Option<Value> {
        let mut at = key;
        for _ in 0..Walk::DEPTH {
            if !at.is(Tag::Tuple) {
                break;
            }
            at = self.tuples.items(at).find(|v| self.mark(*v).has(Mark::UNKEYED))?;
        }
        Some(at).filter(|v| !v.is(Tag::Tuple))
    }

    /// Old values go: [`Tail::age`](crate::pickle::values::tail::Tail::age).
    pub fn age(&mut self, kept: usize) {
        self.tuples.age(kept);
        self.containers.age(kept);
        self.objects.age(kept);
    }

    /// Whether somebody asked for one that is gone.
    pub fn missed(&self) -> bool {
        self.tuples.missed() | self.containers.missed() | self.objects.missed()
    }

    /// Bytes of what can go.
    pub fn aging(&self) -> usize {
        self.tuples.size() + self.containers.size() + self.objects.size()
    }

    /// Bytes held.
    pub fn size(&self) -> usize {
        self.aging() + self.storages.len() * 32
    }
}

/// What kinds of values there are, and whether a large integer that is no long one is among them.
#[inline(never)]
fn kinds_of_many(items: &[Value]) -> (u64, bool) {
    let first = items.first().copied().unwrap_or(Value::NONE);
    let alike = items.iter().fold(true, |alike, v| alike & v.is_like(first));
    let kinds = if alike { first.kind() } else { items.iter().fold(0, |kinds, v| kinds | v.kind()) };
    let ints = kinds & Tag::Int.kind() != 0;
    (kinds, ints && items.iter().fold(false, |large, v| large | v.is_large()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tuples_nest() {
        let mut heap = Heap::default();
        let inner = heap.tuple(&[Value::int(1), Value::NONE]);
        let outer = heap.tuple(&[inner, Tuples::EMPTY]);
        let tuples = &heap.tuples;
        assert_eq!(tuples.len(outer), Some(2));
        assert_eq!(tuples.get(outer, 0).and_then(|v| tuples.get(v, 0)), Some(Value::int(1)));
        assert_eq!(tuples.get(outer, 2), None);
        assert_eq!(tuples.len(Value::NONE), None);
        assert_eq!(tuples.items(Tuples::EMPTY).count(), 0);
    }

    #[test]
    fn a_holder_takes_over_what_its_items_are() {
        let mut heap = Heap::default();
        let list = heap.container(Tag::List);
        let tuple = heap.tuple(&[Value::int(1), list]);
        assert_eq!(heap.mark(tuple), Mark::PLAIN);
        let import = Value::new(Tag::Import, 0);
        assert_eq!(heap.widen(list, heap.gather(&[import]).mark), Ok(()));
        let outer = heap.tuple(&[list]);
        assert_eq!(heap.mark(outer), Mark::REFERENCE);
    }

    #[test]
    fn what_was_relied_on_must_not_change() {
        let mut heap = Heap::default();
        let list = heap.container(Tag::List);
        heap.again(list);
        let held = heap.tuple(&[list]);
        assert!(heap.fits(heap.mark(held), Shape::Plain));
        assert_eq!(heap.widen(list, Mark::REFERENCE), Err(Relied));
        assert_eq!(heap.mark(held).shape(), Shape::Stored);
    }

    #[test]
    fn the_keys_of_pairs_lie_right_inside_a_list() {
        let mut heap = Heap::default();
        let list = |heap: &mut Heap, items: &[Value], first: Mark| {
            let list = heap.container(Tag::List);
            let mark = heap.grow(list, items, items.len()).mark;
            assert_eq!(heap.widen(list, mark.with(first)), Ok(()));
            list
        };
        let unkeyed = Value::new(Tag::Buffer, 0);
        let one = list(&mut heap, &[unkeyed], Mark::FIRST_UNKEYED);
        let inside = |heap: &Heap, value| heap.mark(value).has(Mark::UNKEYED_INSIDE);
        // `[[unkeyed, 1]]` in a list or in a tuple.
        let pairs = list(&mut heap, &[one], Mark::PLAIN);
        let tuple = heap.tuple(&[one]);
        assert!(inside(&heap, pairs) && inside(&heap, tuple));
        // `[["a", [unkeyed]]]` and `[("a", [unkeyed])]`: what is hashed is the text.
        let pair = list(&mut heap, &[Value::int(1), one], Mark::PLAIN);
        let outer = list(&mut heap, &[pair], Mark::PLAIN);
        let of_tuples = list(&mut heap, &[tuple], Mark::PLAIN);
        assert!(!inside(&heap, outer) && !inside(&heap, of_tuples));
        assert!(!heap.mark(outer).with(heap.mark(of_tuples)).has(Mark::UNKEYED));
    }

    #[test]
    fn a_tuple_that_holds_itself_twice_over_and_over_is_no_key() {
        let mut heap = Heap::default();
        let mut tuple = heap.tuple(&[Value::int(1), Value::int(2)]);
        for _ in 0..16 {
            tuple = heap.tuple(&[tuple, tuple]);
        }
        assert!(!heap.mark(tuple).has(Mark::UNKEYED));
        let wide = heap.tuple(&[tuple, tuple]);
        let wider = heap.tuple(&[wide, wide]);
        assert!(heap.mark(wider).has(Mark::UNKEYED));
        let mut deep = heap.tuple(&[Value::int(1)]);
        for _ in 0..101 {
            deep = heap.tuple(&[deep]);
        }
        assert!(heap.mark(deep).has(Mark::UNKEYED));
        assert_eq!(heap.unkeyed(deep), None);
    }
}
