//! Marks: how much is known of what a value holds, as far as code that is given the value could run it.

use crate::policy::trigger::Shape;

/// What a value is or holds, one bit a kind. The mark of a container is the union of its items' marks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark(u16);

impl Mark {
    /// Literals alone.
    pub const PLAIN: Mark = Mark(0);
    /// An inert object.
    pub const INERT: Mark = Mark(1);
    /// An import.
    pub const REFERENCE: Mark = Mark(2);
    /// Anything else.
    pub const STORED: Mark = Mark(4);
    /// Either of these, beside which [`Mark::STORED`] says more.
    pub const DATA: Mark = Mark(3);
    /// Something that came from the memo while it could still be changed where it lies on the stack.
    pub const LOOSE: Mark = Mark(8);
    /// Hashing it would run code that nobody has read, or more steps than are allowed.
    pub const UNKEYED: Mark = Mark(16);
    /// The same of something in a list or dict right inside it, which become keys where pairs make a mapping.
    pub const UNKEYED_INSIDE: Mark = Mark(32);
    /// An integer beyond [`Mark::SMALL`]: as a size it would cost more than the bytes that spell it.
    pub const LARGE: Mark = Mark(64);
    /// What a holder takes over.
    pub const HELD: Mark = Mark(127);
    /// It came from the memo, so something may hold it that was judged before its last change.
    pub const AGAIN: Mark = Mark(128);
    /// Its contents were judged: nothing may be added.
    pub const SEALED: Mark = Mark(256);
    /// A key is no literal text.
    pub const NO_TEXT_KEY: Mark = Mark(512);
    /// A key is no literal.
    pub const COMPUTED_KEY: Mark = Mark(1024);
    /// A key begins with two underscores.
    pub const DUNDER_KEY: Mark = Mark(2048);
    /// An item of a list is no literal: iterating it would run its methods.
    pub const OBJECTS: Mark = Mark(4096);
    /// The first item of a list is [`Mark::UNKEYED`]: of a pair, it becomes the key.
    pub const FIRST_UNKEYED: Mark = Mark(8192);
    /// Of a `functools.partial`, which has no items: it makes a container or a number of literals.
    pub const FACTORY: Mark = Mark::FIRST_UNKEYED;

    /// How many bits there are.
    pub const BITS: u32 = 14;

    /// Largest integer, above and below zero, that may size something.
    pub const SMALL: u64 = 1 << 20;

    /// Both.
    #[must_use]
    #[inline(always)]
    pub const fn with(self, other: Mark) -> Mark {
        Mark(self.0 | other.0)
    }

    /// The common part.
    #[must_use]
    #[inline(always)]
    pub const fn of(self, other: Mark) -> Mark {
        Mark(self.0 & other.0)
    }

    /// What is not in `other`.
    #[must_use]
    #[inline]
    pub const fn without(self, other: Mark) -> Mark {
        Mark(self.0 & !other.0)
    }

    /// Whether any bit is there.
    #[inline(always)]
    pub const fn has(self, other: Mark) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether nothing is to be said of it.
    #[inline(always)]
    pub const fn is_plain(self) -> bool {
        self.0 == 0
    }

    /// The bits, for a place that has room for so many.
    #[inline(always)]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// The mark of these bits.
    #[inline(always)]
    pub const fn from_bits(bits: u16) -> Mark {
        Mark(bits)
    }

    /// The narrowest shape that it fits, of the first four.
    #[inline]
    pub const fn shape(self) -> Shape {
        if self.has(Mark::STORED) {
            Shape::Stored
        } else if self.has(Mark::REFERENCE) {
            Shape::References
        } else if self.has(Mark::INERT) {
            Shape::Inert
        } else {
            Shape::Plain
        }
    }
}
