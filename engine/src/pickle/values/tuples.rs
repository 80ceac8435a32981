//! Tuples of a stream, and what it takes to visit everything in a value.

use crate::pickle::values::mark::Mark;
use crate::pickle::values::value::{Tag, Value};

/// Most dimensions that an array of numpy has (`NPY_MAXDIMS`).
const DIMENSIONS: usize = 64;

/// What it takes to visit everything in a value, as printing, hashing, comparing and copying do: a value that stands in
/// two places is visited twice. A value of the file that stands in one place takes as many steps as bytes at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Walk {
    /// Values visited.
    pub steps: u32,
    /// How deep they lie.
    pub depth: u8,
}

impl Walk {
    /// A value that holds nothing.
    pub const LEAF: Walk = Walk { steps: 1, depth: 0 };

    /// Of so many values.
    #[inline]
    pub fn of(things: u64) -> Walk {
        Walk { steps: u32::try_from(things).unwrap_or(u32::MAX), depth: 0 }
    }

    /// Of both.
    #[must_use]
    #[inline]
    pub fn and(self, other: Walk) -> Walk {
        Walk { steps: self.steps.saturating_add(other.steps), depth: self.depth.max(other.depth) }
    }

    /// Of what holds it.
    #[must_use]
    #[inline]
    pub fn held(self) -> Walk {
        Walk { steps: self.steps.saturating_add(1), depth: self.depth.saturating_add(1) }
    }
}

/// The elements of all tuples of a stream, one behind the other. Each tuple is headed by its length (32 bits), whether
/// it holds more than literals (1), its depth (8) and its mark (16), and if it does, by the steps that a walk takes.
#[derive(Debug)]
pub struct Tuples(Vec<u64>);

/// Bits of a head.
const NESTED: u64 = 1 << 32;
const HEIGHT: u32 = 33;
const MARK: u32 = 41;

impl Default for Tuples {
    fn default() -> Self {
        // Index 0 is the empty tuple.
        Tuples(vec![0])
    }
}

impl Tuples {
    /// The empty tuple.
    pub const EMPTY: Value = Value::new(Tag::Tuple, 0);

    /// One of literals alone. `mark`: whether a large integer is among them.
    #[inline]
    pub fn literals(&mut self, items: &[Value], mark: Mark) -> Value {
        let head = items.len() as u64 | u64::from(mark.bits()) << MARK;
        let index = self.0.len() as u64;
        match *items {
            [a] => self.0.extend_from_slice(&[head, a.bits()]),
            [a, b] => self.0.extend_from_slice(&[head, a.bits(), b.bits()]),
            [a, b, c] => self.0.extend_from_slice(&[head, a.bits(), b.bits(), c.bits()]),
            _ => return self.store(items, &[head]),
        }
        Value::new(Tag::Tuple, index)
    }

    /// One that holds more, which takes so much to visit.
    pub fn nested(&mut self, items: &[Value], mark: Mark, walk: Walk) -> Value {
        let Walk { steps, depth } = walk.held();
        let head = items.len() as u64 | NESTED | u64::from(depth) << HEIGHT | u64::from(mark.bits()) << MARK;
        let index = self.0.len() as u64;
        match *items {
            [a] => self.0.extend_from_slice(&[head, u64::from(steps), a.bits()]),
            [a, b] => self.0.extend_from_slice(&[head, u64::from(steps), a.bits(), b.bits()]),
            _ => return self.store(items, &[head, u64::from(steps)]),
        }
        Value::new(Tag::Tuple, index)
    }

    fn store(&mut self, items: &[Value], head: &[u64]) -> Value {
        let index = self.0.len() as u64;
        self.0.reserve(head.len() + items.len());
        self.0.extend(head);
        self.0.extend(items.iter().map(|v| v.bits()));
        Value::new(Tag::Tuple, index)
    }

    /// Bytes held.
    #[inline]
    pub fn size(&self) -> usize {
        self.0.len() * 8
    }

    #[inline]
    fn head(&self, tuple: Value) -> Option<u64> {
        if !tuple.is(Tag::Tuple) {
            return None;
        }
        self.0.get(tuple.payload() as usize).copied()
    }

    /// How many elements, for a tuple.
    #[inline]
    pub fn len(&self, tuple: Value) -> Option<usize> {
        self.head(tuple).map(|head| head as u32 as usize)
    }

    /// The mark of one, and what it takes to visit everything in it.
    #[inline(always)]
    pub fn seen(&self, tuple: Value) -> (Mark, Walk) {
        let Some(head) = self.head(tuple) else { return (Mark::PLAIN, Walk::LEAF) };
        let mark = Mark::from_bits((head >> MARK) as u16);
        if head & NESTED == 0 {
            return (mark, Walk { steps: (head as u32).saturating_add(1), depth: 1 });
        }
        let steps = self.0.get(tuple.payload() as usize + 1).map_or(u32::MAX, |steps| *steps as u32);
        (mark, Walk { steps, depth: (head >> HEIGHT) as u8 })
    }

    /// What it takes to visit everything in one.
    #[inline]
    pub fn walk(&self, tuple: Value) -> Walk {
        self.seen(tuple).1
    }

    #[inline]
    fn elements(&self, tuple: Value) -> &[u64] {
        let Some(head) = self.head(tuple) else { return &[] };
        let start = tuple.payload() as usize + 1 + usize::from(head & NESTED != 0);
        self.0.get(start..start + head as u32 as usize).unwrap_or(&[])
    }

    /// One element.
    #[inline]
    pub fn get(&self, tuple: Value, i: usize) -> Option<Value> {
        self.elements(tuple).get(i).map(|v| Value::from_bits(*v))
    }

    /// All elements; none for what is not a tuple.
    #[inline]
    pub fn items(&self, tuple: Value) -> impl Iterator<Item = Value> + '_ {
        self.elements(tuple).iter().map(|v| Value::from_bits(*v))
    }

    /// The elements of a shape multiplied; `None` for what is no shape.
    pub fn product(&self, shape: Value) -> Option<u64> {
        self.len(shape).filter(|n| *n <= DIMENSIONS)?;
        self.items(shape).try_fold(1u64, |n, v| n.checked_mul(u64::try_from(v.as_int()?).ok()?))
    }
}
