//! The heap: every tuple, container and object of a stream, with its mark. Their values are indices here.

use std::cell::Cell;

use crate::pickle::values::mark::Mark;
use crate::pickle::values::value::{Tag, Value};
use crate::policy::trigger::Shape;

/// Most dimensions that an array of numpy has (`NPY_MAXDIMS`).
const DIMENSIONS: usize = 64;

/// Elements that hashing one tuple may visit, and how deep. Tuples do not keep their hash, and hash their
/// elements without a look at the depth of the C stack.
const EXPANDED: u64 = (1 << 19) - 1;
const DEPTH: u64 = 100;

/// Elements that hashing all keys of a stream may visit, beyond one for each.
const HASHED: u64 = 1 << 30;

/// The elements of all tuples of a stream, one behind the other. Each tuple is headed by its length (32
/// bits), how many elements lie in the tuples inside it (19), how deep these go (7), and its mark (6).
#[derive(Debug)]
pub struct Tuples(Vec<u64>);

impl Default for Tuples {
    fn default() -> Self {
        // Index 0 is the empty tuple.
        Tuples(vec![0])
    }
}

impl Tuples {
    /// The empty tuple.
    pub const EMPTY: Value = Value::new(Tag::Tuple, 0);

    fn head(&self, tuple: Value) -> Option<u64> {
        if !tuple.is(Tag::Tuple) {
            return None;
        }
        self.0.get(tuple.payload() as usize).copied()
    }

    /// How many elements, for a tuple.
    pub fn len(&self, tuple: Value) -> Option<usize> {
        self.head(tuple).map(|head| head as u32 as usize)
    }

    fn expanded(head: u64) -> u64 {
        head >> 32 & EXPANDED
    }

    fn depth(head: u64) -> u64 {
        head >> 51 & 127
    }

    #[inline(always)]
    fn mark(&self, tuple: Value) -> Mark {
        Mark::from_bits(self.head(tuple).map_or(0, |head| (head >> 58) as u16))
    }

    /// One element.
    pub fn get(&self, tuple: Value, i: usize) -> Option<Value> {
        (i < self.len(tuple)?)
            .then(|| self.0.get(tuple.payload() as usize + 1 + i).map(|v| Value::from_bits(*v)))?
    }

    /// All elements; none for what is not a tuple.
    pub fn items(&self, tuple: Value) -> impl Iterator<Item = Value> + '_ {
        let start = tuple.payload() as usize + 1;
        let len = self.len(tuple).unwrap_or(0);
        self.0.get(start..start + len).unwrap_or(&[]).iter().map(|v| Value::from_bits(*v))
    }

    /// The elements of a shape multiplied; `None` for what is no shape.
    pub fn product(&self, shape: Value) -> Option<u64> {
        self.len(shape).filter(|n| *n <= DIMENSIONS)?;
        self.items(shape).try_fold(1u64, |n, v| n.checked_mul(u64::try_from(v.as_int()?).ok()?))
    }
}

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

/// A list, dict, set or frozenset: its mark, and how many items it was given.
#[derive(Clone, Copy, Debug, Default)]
struct Container {
    mark: Mark,
    len: u32,
}

/// An object: its mark, and what became of it.
#[derive(Clone, Copy, Debug, Default)]
struct Object(u32);

const STATED: u32 = 1 << 16;
const ITEMS: [(Items, u32); 3] = [(Items::Set, 1 << 17), (Items::Append, 1 << 18), (Items::Add, 1 << 19)];
const SHARED: u32 = 1 << 20;
const COMPLETE: u32 = 1 << 21;
const HOLLOW: u32 = 1 << 22;
const WIDE_ITEMS: u32 = 1 << 23;

impl Object {
    fn mark(self) -> Mark {
        let mark = Mark::from_bits(self.0 as u16);
        if self.0 & (HOLLOW | STATED) == HOLLOW { mark.with(Mark::STORED) } else { mark }
    }
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
    containers: Vec<Container>,
    objects: Vec<Object>,
    /// Imports that are inert data, by index.
    inert: Vec<bool>,
    /// Something was decided on the mark of a loose value.
    relied: Cell<bool>,
    /// A loose value got a wider mark: what holds one has a mark that is too narrow.
    stale: bool,
    /// Elements that hashing keys has visited.
    hashed: u64,
}

impl Heap {
    /// Stores a tuple.
    #[inline]
    pub fn tuple(&mut self, items: &[Value]) -> Value {
        if items.is_empty() {
            return Tuples::EMPTY;
        }
        let mut head = items.len() as u64;
        if items.iter().fold(0, |kinds, v| kinds | v.kind()) & !Tag::LITERALS != 0 {
            head |= self.nested(items);
        }
        let index = self.tuples.0.len() as u64;
        self.tuples.0.push(head);
        self.tuples.0.extend(items.iter().map(|v| v.bits()));
        Value::new(Tag::Tuple, index)
    }

    /// The head of a tuple that holds more than literals, without its length.
    fn nested(&self, items: &[Value]) -> u64 {
        let (mut expanded, mut depth, mut mark) = (0u64, 0, Mark::PLAIN);
        for item in items {
            mark = mark.with(self.held(*item));
            if let Some(head) = self.tuples.head(*item) {
                expanded += u64::from(head as u32) + Tuples::expanded(head);
                depth = depth.max(1 + Tuples::depth(head));
            }
        }
        if expanded >= EXPANDED || depth > DEPTH {
            mark = mark.with(Mark::UNKEYED);
        }
        expanded.min(EXPANDED) << 32 | depth.min(DEPTH + 1) << 51 | u64::from(mark.bits()) << 58
    }

    /// A new list, dict, set or frozenset.
    #[inline(always)]
    pub fn container(&mut self, tag: Tag) -> Value {
        let index = self.containers.len() as u64;
        self.containers.push(Container::default());
        Value::new(tag, index)
    }

    /// A new frozenset of these items.
    pub fn frozenset(&mut self, items: &[Value]) -> Value {
        let set = self.container(Tag::FrozenSet);
        let mark = self.gather(items);
        if let Some(place) = self.containers.get_mut(set.payload() as usize) {
            *place = Container { mark, len: u32::try_from(items.len()).unwrap_or(u32::MAX) };
        }
        set
    }

    /// What applying an import gave.
    #[inline]
    pub fn object(&mut self, import: Option<u32>, mark: Mark, nature: Nature) -> Value {
        let serial = self.objects.len() as u64;
        self.objects.push(Object(u32::from(mark.bits()) | nature as u32));
        Value::object(import, serial)
    }

    /// The mark of a value.
    #[inline]
    pub fn mark(&self, value: Value) -> Mark {
        let mark = match value.tag() {
            Tag::None | Tag::Bool | Tag::Int | Tag::BigInt | Tag::Float | Tag::Text | Tag::Bytes => {
                return Mark::PLAIN;
            }
            Tag::ByteArray | Tag::Encoded => return Mark::PLAIN,
            Tag::Import if self.inert.get(value.payload() as usize) == Some(&true) => return Mark::INERT,
            Tag::Import => return Mark::REFERENCE,
            Tag::Buffer => return Mark::INERT.with(Mark::UNKEYED),
            Tag::Persistent => return Mark::INERT.with(Mark::UNKEYED),
            Tag::Unknown => return Mark::STORED.with(Mark::UNKEYED),
            Tag::Tuple => self.tuples.mark(value),
            Tag::List | Tag::Dict | Tag::Set | Tag::FrozenSet => {
                self.containers.get(value.payload() as usize).map_or(Mark::STORED, |c| c.mark)
            }
            Tag::Object => self.objects.get(value.serial() as usize).map_or(Mark::STORED, |o| o.mark()),
        };
        if self.stale && mark.has(Mark::LOOSE) { mark.with(Mark::STORED) } else { mark }
    }

    /// What a holder of this value takes over of its mark.
    #[inline]
    pub fn held(&self, value: Value) -> Mark {
        let mark = self.mark(value);
        let loose = if mark.has(Mark::AGAIN) { Mark::LOOSE } else { Mark::PLAIN };
        match value.tag() {
            // Hashing these is an error before anything runs.
            Tag::List | Tag::Dict | Tag::Set => {
                let inside = if mark.has(Mark::UNKEYED) { Mark::UNKEYED_INSIDE } else { Mark::PLAIN };
                mark.of(Mark::HELD).without(Mark::UNKEYED).with(inside).with(loose)
            }
            _ => mark.of(Mark::HELD).with(loose),
        }
    }

    /// What a holder of these values takes over.
    #[inline]
    pub fn gather(&self, items: &[Value]) -> Mark {
        if items.iter().fold(0, |kinds, v| kinds | v.kind()) & !Tag::LITERALS == 0 {
            return Mark::PLAIN;
        }
        items.iter().fold(Mark::PLAIN, |mark, v| mark.with(self.held(*v)))
    }

    /// A container or an object gets a wider mark.
    #[inline]
    pub fn widen(&mut self, value: Value, by: Mark) -> Result<(), Relied> {
        if by.is_plain() {
            return Ok(());
        }
        let old = match value.tag() {
            Tag::List | Tag::Dict | Tag::Set | Tag::FrozenSet => {
                let Some(container) = self.containers.get_mut(value.payload() as usize) else {
                    return Ok(());
                };
                let old = container.mark;
                container.mark = old.with(by);
                old
            }
            Tag::Object => {
                let Some(object) = self.objects.get_mut(value.serial() as usize) else { return Ok(()) };
                let old = object.mark();
                object.0 |= u32::from(by.bits());
                old
            }
            _ => return Ok(()),
        };
        let wider = by.without(old).of(Mark::HELD.without(Mark::LOOSE));
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
                if let Some(container) = self.containers.get_mut(value.payload() as usize) {
                    container.mark = container.mark.with(Mark::AGAIN);
                }
            }
            Tag::Object => {
                if let Some(object) = self.objects.get_mut(value.serial() as usize)
                    && object.0 & (STATED | COMPLETE) == 0
                {
                    object.0 |= u32::from(Mark::AGAIN.bits());
                }
            }
            _ => {}
        }
    }

    /// A container gets so many items more.
    #[inline]
    pub fn grow(&mut self, value: Value, by: usize) {
        if let Some(container) = self.containers.get_mut(value.payload() as usize) {
            container.len = container.len.saturating_add(u32::try_from(by).unwrap_or(u32::MAX));
        }
    }

    /// How many items a list was given; of a dict or a set, how many at most.
    pub fn count(&self, container: Value) -> Option<u64> {
        match container.tag() {
            Tag::List | Tag::Dict | Tag::Set | Tag::FrozenSet => {
                self.containers.get(container.payload() as usize).map(|c| u64::from(c.len))
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
        if let Some(object) = self.objects.get_mut(object.serial() as usize) {
            object.0 |= WIDE_ITEMS;
        }
    }

    /// Whether an object has such items.
    pub fn has_wide_items(&self, object: Value) -> bool {
        self.objects.get(object.serial() as usize).is_none_or(|o| o.0 & WIDE_ITEMS != 0)
    }

    /// The object that comes next, if an import gives it.
    pub fn next_object(&self, import: u32) -> Value {
        Value::object(Some(import), self.objects.len() as u64)
    }

    /// Whether something may hold the value that the stack has still.
    pub fn is_out(&self, value: Value) -> bool {
        self.mark(value).has(Mark::AGAIN)
    }

    /// The contents of a container were judged.
    pub fn seal(&mut self, value: Value) {
        if let Tag::List | Tag::Dict | Tag::Set = value.tag()
            && let Some(container) = self.containers.get_mut(value.payload() as usize)
        {
            container.mark = container.mark.with(Mark::SEALED);
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

    /// Whether a value is one of these shapes.
    pub fn has_shape(&self, value: Value, shape: Shape) -> bool {
        let text_keys = |value| !self.mark(value).has(Mark::NO_TEXT_KEY.with(Mark::COMPUTED_KEY));
        match shape {
            Shape::Dict => value.is(Tag::Dict) && text_keys(value),
            Shape::List => matches!(value.tag(), Tag::List | Tag::Tuple),
            Shape::Number => {
                matches!(value.tag(), Tag::None | Tag::Bool | Tag::Int | Tag::BigInt | Tag::Float)
            }
            Shape::Attributes => {
                let named =
                    value.is(Tag::Dict) && text_keys(value) && !self.mark(value).has(Mark::DUNDER_KEY);
                value.is(Tag::None) || named && self.has_shape(value, Shape::Inert)
            }
            shape => self.fits(self.mark(value), shape) && (shape == Shape::Stored || !self.is_large(value)),
        }
    }

    /// Whether hashing, copying or showing a tuple takes more steps, or goes deeper, than is allowed: an enum hashes
    /// what it is called with.
    fn is_large(&self, value: Value) -> bool {
        self.tuples
            .head(value)
            .is_some_and(|head| Tuples::expanded(head) >= EXPANDED || Tuples::depth(head) > DEPTH)
    }

    /// An object gets its state. Says what stands against that.
    pub fn state(&mut self, object: Value) -> Option<Late> {
        let object = self.objects.get_mut(object.serial() as usize)?;
        let late = if object.0 & STATED != 0 {
            Some(Late::Stated)
        } else if object.0 & SHARED != 0 {
            Some(Late::Shared)
        } else {
            None
        };
        object.0 |= STATED;
        late
    }

    /// An object gets items. Says what stands against that.
    pub fn items(&mut self, object: Value, kind: Items) -> Option<Late> {
        let object = self.objects.get_mut(object.serial() as usize)?;
        let mut late = None;
        for (other, bit) in ITEMS {
            if other == kind {
                if object.0 & STATED != 0 {
                    late = Some(Late::Stated);
                } else if object.0 & SHARED != 0 {
                    late = Some(Late::Shared);
                }
                object.0 |= bit;
            } else if object.0 & bit != 0 {
                late = late.or(Some(Late::OtherItems));
            }
        }
        late
    }

    /// Whether an object has its state.
    pub fn is_stated(&self, object: Value) -> bool {
        self.objects.get(object.serial() as usize).is_some_and(|o| o.0 & STATED != 0)
    }

    /// Whether an object was given items.
    pub fn has_items(&self, object: Value) -> bool {
        let any = ITEMS.iter().fold(0, |all, (_, bit)| all | bit);
        self.objects.get(object.serial() as usize).is_some_and(|o| o.0 & any != 0)
    }

    /// A value is hashed. False once that took more steps than are allowed.
    #[inline]
    pub fn hash(&mut self, value: Value) -> bool {
        if let Some(head) = self.tuples.head(value) {
            self.hashed = self.hashed.saturating_add(u64::from(head as u32) + Tuples::expanded(head));
        }
        self.hashed <= HASHED
    }

    /// The first object in a key whose hash is not read; `None` for a tuple that is too large.
    pub fn unkeyed(&self, key: Value) -> Option<Value> {
        let mut at = key;
        for _ in 0..DEPTH {
            if !at.is(Tag::Tuple) {
                break;
            }
            at = self.tuples.items(at).find(|v| self.mark(*v).has(Mark::UNKEYED))?;
        }
        Some(at).filter(|v| !v.is(Tag::Tuple))
    }

    /// Bytes held.
    pub fn size(&self) -> usize {
        self.tuples.0.len() * 8 + (self.containers.len() + self.objects.len()) * 8
    }
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
        assert_eq!(heap.widen(list, heap.gather(&[import])), Ok(()));
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
