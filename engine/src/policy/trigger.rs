//! Triggers: where loading runs code of a class or a callable, and for which values each is open.
//!
//! `docs/triggers.md` explains them. The build script works them out of `allowlists/`: what was measured of
//! a class (`facts.tsv`), which of its hooks were read (`hooks.yaml`), and what its entry says.

/// What may stand in an argument, an attribute or an item. Of the first four each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// Literals and containers of literals.
    Plain,
    /// Objects whose methods run nothing but the code of their own class, which was read.
    Inert,
    /// Imports that are permitted as references.
    References,
    /// Anything: nothing is run on it.
    Stored,
    /// A literal dict or an `OrderedDict` with literal text keys; what it holds is stored.
    Dict,
    /// A literal list or tuple; what it holds is stored.
    List,
    /// None, a truth value, or a literal number.
    Number,
    /// None, or a literal dict whose keys are literal text and no names with two underscores, of inert values.
    Attributes,
    /// None, a truth value, an integer up to 4,096, or a tuple of integers with no greater product: code makes as many.
    Count,
    /// A literal dict, whatever its keys and values: code looks its own methods up.
    Mapping,
}

impl Shape {
    /// Every shape.
    pub const ALL: [Shape; 10] = [
        Shape::Plain,
        Shape::Inert,
        Shape::References,
        Shape::Stored,
        Shape::Dict,
        Shape::List,
        Shape::Number,
        Shape::Attributes,
        Shape::Count,
        Shape::Mapping,
    ];

    /// The word of the list.
    pub const fn as_str(self) -> &'static str {
        match self {
            Shape::Plain => "plain",
            Shape::Inert => "inert",
            Shape::References => "references",
            Shape::Stored => "stored",
            Shape::Dict => "dict",
            Shape::List => "list",
            Shape::Number => "number",
            Shape::Attributes => "attributes",
            Shape::Count => "count",
            Shape::Mapping => "mapping",
        }
    }

    /// What values of this shape are, for messages.
    pub const fn words(self) -> &'static str {
        match self {
            Shape::Plain => "plain data",
            Shape::Inert => "inert data",
            Shape::References => "inert data and imports",
            Shape::Stored => "anything",
            Shape::Dict => "a dict with literal keys",
            Shape::List => "a list or a tuple",
            Shape::Number => "a number",
            Shape::Attributes => "a dict of inert attributes",
            Shape::Count => "a small number",
            Shape::Mapping => "a literal dict",
        }
    }
}

/// The shapes of some arguments: one each for the first eight by position, and one for all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shapes(u64);

impl Shapes {
    /// How many positions have a shape of their own.
    pub const POSITIONS: usize = 8;

    /// The same shape for all.
    pub const fn all(shape: Shape) -> Shapes {
        Shapes::new(&[], shape)
    }

    /// Shapes by position; those beyond are `rest`.
    pub const fn new(positions: &[Shape], rest: Shape) -> Shapes {
        let mut bits = 0;
        let mut i = 0;
        while i <= Shapes::POSITIONS {
            let shape = if i < positions.len() && i < Shapes::POSITIONS { positions[i] } else { rest };
            bits |= (shape as u64) << (4 * i);
            i += 1;
        }
        Shapes(bits)
    }

    /// The shape of the argument at this position.
    pub fn at(self, position: usize) -> Shape {
        let bits = self.0 >> (4 * position.min(Shapes::POSITIONS)) & 15;
        Shape::ALL.get(bits as usize).copied().unwrap_or(Shape::Plain)
    }

    /// Whether anything goes.
    pub fn is_stored(self) -> bool {
        self == Shapes::all(Shape::Stored)
    }
}

/// What BUILD may give an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing.
    Closed(Closed),
    /// Anything: its `__setstate__` does nothing with it, or stores it, or a guard judges it.
    Stored,
    /// Values of the forms that the code was read for, and of no other: what takes a dict by its keys takes a tuple
    /// as pairs, and a dict among these as a pair of its keys.
    Read(Forms),
}

/// The forms of a state. At least one is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forms {
    /// A dict with literal text keys.
    pub attributes: Option<Attributes>,
    /// A tuple of so many parts, by position.
    pub parts: Option<Parts>,
    /// One literal, no container: text, bytes, a number.
    pub value: bool,
}

/// Attributes: a dict with literal text keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// The shape of their values.
    pub values: Shape,
    /// Whether BUILD itself takes the dict, and so a pair of it and of attributes for slots.
    pub pair: bool,
    /// Whether attributes for slots may stand beside it, and which must not, as setting them runs code:
    /// a range of `TOUCHED` too.
    pub slots: Option<(u16, u8)>,
    /// Which keys code looks at: a range of `TOUCHED`, by start and length.
    pub touched: (u16, u8),
}

/// Parts of a tuple. Compiled code takes them without a look at how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Their shapes.
    pub shapes: Shapes,
    /// The fewest.
    pub least: u8,
    /// The most.
    pub most: u8,
}

/// Why BUILD is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// Nothing was measured of the class, and its entry does not say what its state may be.
    Unmeasured,
    /// `__setstate__` runs, and was not read.
    Unread,
    /// `__getattr__` answers the look-up of `__setstate__`, and was not read.
    Answered,
    /// It is a function, and its entry does not say what it gives.
    Unsaid,
}

impl Closed {
    /// In words, to follow a colon.
    pub const fn as_str(self) -> &'static str {
        match self {
            Closed::Unmeasured => "no release of it was measured, so BUILD may run anything",
            Closed::Unread => "BUILD runs its `__setstate__`, which nobody has read",
            Closed::Answered => "BUILD asks its `__getattr__` for `__setstate__`, and nobody has read that",
            Closed::Unsaid => "nothing is known of the class of what it gives",
        }
    }
}

/// Whether an object may be a key of a dict or an item of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// It is hashed by its identity.
    Identity,
    /// Its hash and its comparison were read, for inert state.
    Read,
    /// Its entry says so of what it makes of inert values, whatever its other methods do.
    Said,
    /// They run unread.
    Closed,
}

/// The triggers of one import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Triggers {
    /// Arguments of a call.
    pub call: Shapes,
    /// Arguments of `__new__`.
    pub create: Shapes,
    /// No number among them sizes anything; else they are small.
    pub any_number: bool,
    /// BUILD.
    pub state: State,
    /// No number in a state sizes anything; else they are small.
    pub any_number_in_state: bool,
    /// Values of SETITEM(S), where they are open.
    pub setitem: Option<Shape>,
    /// Values of APPEND(S).
    pub append: Option<Shape>,
    /// Values of ADDITEMS.
    pub add: Option<Shape>,
    /// Keys.
    pub hash: Hash,
    /// Its hash is one of numbers: many of its objects that are not equal may have the same.
    pub of_numbers: bool,
    /// What it makes of inert values is inert.
    pub inert: bool,
    /// But for a new instance, which compiled code fills from the state.
    pub hollow: bool,
    /// It has a `__getattr__` and no `__setstate__`: BUILD asks what it holds.
    pub answers: bool,
    /// Instances are text.
    pub text: bool,
    /// Instances can be called, or nothing was measured of them.
    pub callable: bool,
    /// It may hide a method of what holds it: it was read, and runs nothing.
    pub hides: bool,
    /// `__new__` may hand out an object that was there before.
    pub shared_create: bool,
    /// But not without arguments.
    pub fresh_empty: bool,
    /// So may a call.
    pub shared_call: bool,
}

/// A key of a state that code looks at, and what must stand there.
#[derive(Clone, Copy, Debug)]
pub struct Touched {
    /// The key.
    pub key: &'static str,
    /// The shape of its value.
    pub shape: Shape,
    /// The import that must have made it, where one is named.
    pub made_by: Option<&'static str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_by_position() {
        let shapes = Shapes::new(&[Shape::Stored, Shape::Plain], Shape::Inert);
        assert_eq!(
            [shapes.at(0), shapes.at(1), shapes.at(2), shapes.at(99)],
            [Shape::Stored, Shape::Plain, Shape::Inert, Shape::Inert]
        );
        assert!(Shapes::all(Shape::Stored).is_stored() && !shapes.is_stored());
    }
}
