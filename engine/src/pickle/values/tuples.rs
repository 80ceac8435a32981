//! Tuples of a stream, and what it takes to visit everything in a value.

use crate::pickle::values::mark::Mark;
use crate::pickle::values::packed::{Apart, Packed};
use crate::pickle::values::tail::Tail;
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

    /// How deep values may lie in each other.
    pub const DEPTH: u8 = 100;

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

    /// Whether it goes deeper than code does without a look at the depth of the C stack.
    #[inline]
    pub fn is_deep(self) -> bool {
        self.depth > Walk::DEPTH
    }

    /// Of what holds it.
    #[must_use]
    #[inline]
    pub fn held(self) -> Walk {
        Walk { steps: self.steps.saturating_add(1), depth: self.depth.saturating_add(1) }
    }
}

/// The elements of all tuples of a stream, one behind the other, in five bytes each. Each tuple is headed by a byte: its
/// length where that is small, whether a large integer is among literals, whether it holds more than literals. Where it does
/// or is long, its length, its depth, its mark, and the steps that a walk takes follow on that.
#[derive(Debug)]
pub struct Tuples {
    bytes: Tail<u8>,
    apart: Apart,
}

/// The first byte of a tuple.
const LARGE: u8 = 1 << 6;
const LONG: u8 = 1 << 7;
const SHORT: usize = LARGE as usize - 1;

/// Bytes of the head of a long one.
const HEAD: usize = 12;

/// What a head says.
struct Head {
    len: usize,
    mark: Mark,
    walk: Walk,
    /// Where the elements begin.
    start: u64,
}

impl Default for Tuples {
    fn default() -> Self {
        // Index 0 is the empty tuple.
        Tuples { bytes: Tail::of(vec![0]), apart: Apart::default() }
    }
}

impl Tuples {
    /// The empty tuple.
    pub const EMPTY: Value = Value::new(Tag::Tuple, 0);

    /// One of literals alone. `mark`: whether a large integer is among them.
    #[inline]
    pub fn literals(&mut self, items: &[Value], mark: Mark) -> Value {
        if items.len() > SHORT {
            let walk = Walk { steps: u32::try_from(items.len()).unwrap_or(u32::MAX), depth: 0 };
            return self.nested(items, mark, walk);
        }
        let large = if mark.is_plain() { 0 } else { LARGE };
        let index = self.bytes.count();
        self.bytes.push(items.len() as u8 | large);
        self.store(items);
        Value::new(Tag::Tuple, index)
    }

    /// One of at most three literals. `large`: whether a large integer is among them.
    #[inline(always)]
    pub fn short<const N: usize>(&mut self, items: &[Value; N], large: bool) -> Value {
        const { assert!(8 + 8 * Packed::SIZE * N <= 128) };
        let index = self.bytes.count();
        let first = N as u8 | if large { LARGE } else { 0 };
        let (mut all, mut fit) = (u128::from(first), true);
        for (i, item) in items.iter().enumerate() {
            let (word, fits) = Packed::of_literal(*item);
            all |= u128::from(word) << (8 + 8 * Packed::SIZE * i);
            fit &= fits;
        }
        if fit {
            self.bytes.extend(&all.to_le_bytes());
            self.bytes.cut(index + 1 + (N * Packed::SIZE) as u64);
        } else {
            self.bytes.push(first);
            self.store(items);
        }
        Value::new(Tag::Tuple, index)
    }

    /// One that holds more, which takes so much to visit.
    pub fn nested(&mut self, items: &[Value], mark: Mark, walk: Walk) -> Value {
        let Walk { steps, depth } = walk.held();
        let index = self.bytes.count();
        let [a, b, c, d] = u32::try_from(items.len()).unwrap_or(u32::MAX).to_le_bytes();
        let [m, n] = mark.bits().to_le_bytes();
        let [p, q, r, s] = steps.to_le_bytes();
        self.bytes.reserve(HEAD + items.len() * Packed::SIZE);
        self.bytes.extend(&[LONG, a, b, c, d, depth, m, n, p, q, r, s]);
        self.store(items);
        Value::new(Tag::Tuple, index)
    }

    fn store(&mut self, items: &[Value]) {
        for item in items {
            let packed = self.apart.pack(*item, Packed::UNSET);
            self.bytes.extend(&packed.bytes());
        }
    }

    /// Old ones go: [`Tail::age`].
    pub fn age(&mut self, kept: usize) {
        self.bytes.age(kept);
        self.apart.age(kept);
    }

    /// Whether somebody asked for one that is gone.
    pub fn missed(&self) -> bool {
        self.bytes.missed() | self.apart.missed()
    }

    /// Bytes held.
    pub fn size(&self) -> usize {
        self.bytes.size() + self.apart.size()
    }

    #[inline]
    fn head(&self, tuple: Value) -> Option<Head> {
        if !tuple.is(Tag::Tuple) {
            return None;
        }
        let place = tuple.payload();
        let first = self.bytes.get(place)?;
        if first & LONG == 0 {
            let len = first & !LARGE;
            let mark = if first & LARGE == 0 { Mark::PLAIN } else { Mark::LARGE };
            return Some(Head {
                len: len.into(),
                mark,
                walk: Walk { steps: u32::from(len) + 1, depth: 1 },
                start: place + 1,
            });
        }
        let &[_, a, b, c, d, depth, m, n, p, q, r, s] =
            self.bytes.range(place, HEAD)?.first_chunk::<HEAD>()?;
        Some(Head {
            len: u32::from_le_bytes([a, b, c, d]) as usize,
            mark: Mark::from_bits(u16::from_le_bytes([m, n])),
            walk: Walk { steps: u32::from_le_bytes([p, q, r, s]), depth },
            start: place + HEAD as u64,
        })
    }

    /// Of one of few literals, the steps that it adds to those of its holder, and its mark.
    #[inline(always)]
    pub fn simple(&self, tuple: Value) -> Option<(u64, Mark)> {
        let first = self.bytes.get(tuple.payload())?;
        if first & LONG != 0 {
            return None;
        }
        Some(((first & !LARGE).into(), if first & LARGE == 0 { Mark::PLAIN } else { Mark::LARGE }))
    }

    /// How many elements, for a tuple.
    #[inline]
    pub fn len(&self, tuple: Value) -> Option<usize> {
        self.head(tuple).map(|head| head.len)
    }

    /// The mark of one, and what it takes to visit everything in it.
    #[inline(always)]
    pub fn seen(&self, tuple: Value) -> (Mark, Walk) {
        self.head(tuple).map_or((Mark::PLAIN, Walk::LEAF), |head| (head.mark, head.walk))
    }

    /// What it takes to visit everything in one.
    #[inline]
    pub fn walk(&self, tuple: Value) -> Walk {
        self.seen(tuple).1
    }

    #[inline]
    fn elements(&self, tuple: Value) -> &[[u8; Packed::SIZE]] {
        let Some(Head { start, len, .. }) = self.head(tuple) else { return &[] };
        let bytes = self.bytes.range(start, len.saturating_mul(Packed::SIZE));
        bytes.unwrap_or(&[]).as_chunks::<{ Packed::SIZE }>().0
    }

    #[inline]
    fn unpacked(&self, element: [u8; Packed::SIZE]) -> Value {
        self.apart.unpack(Packed::of(element)).unwrap_or(Value::UNKNOWN)
    }

    /// One element.
    #[inline]
    pub fn get(&self, tuple: Value, i: usize) -> Option<Value> {
        self.elements(tuple).get(i).map(|element| self.unpacked(*element))
    }

    /// All elements; none for what is not a tuple.
    #[inline]
    pub fn items(&self, tuple: Value) -> impl Iterator<Item = Value> + '_ {
        self.elements(tuple).iter().map(|element| self.unpacked(*element))
    }

    /// The elements of a shape multiplied; `None` for what is no shape.
    pub fn product(&self, shape: Value) -> Option<u64> {
        self.len(shape).filter(|n| *n <= DIMENSIONS)?;
        self.items(shape).try_fold(1u64, |n, v| n.checked_mul(u64::try_from(v.as_int()?).ok()?))
    }
}
