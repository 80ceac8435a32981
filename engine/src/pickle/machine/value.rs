//! Abstract values: eight bytes each, copied freely, so that a stack or memo entry costs the same
//! whatever it stands for. Literals are kept as the offset of their opcode and read again when asked.

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Tag {
    /// Nothing is known.
    Unknown,
    /// `None`.
    None,
    /// `True` or `False`.
    Bool,
    /// An integer of at most 57 bits.
    Int,
    /// A longer integer; payload: offset of its opcode.
    BigInt,
    /// A float.
    Float,
    /// A literal `str`; payload: offset of its opcode.
    Text,
    /// A literal `bytes`; payload: offset of its opcode.
    Bytes,
    /// A literal `bytearray`; payload: offset of its opcode.
    ByteArray,
    /// An out-of-band buffer.
    Buffer,
    /// A tuple; payload: index into [`Tuples`].
    Tuple,
    /// A list; payload: offset of the opcode that made it.
    List,
    /// A dict; payload: offset of the opcode that made it.
    Dict,
    /// A set; payload: offset of the opcode that made it.
    Set,
    /// A frozenset.
    FrozenSet,
    /// An import; payload: its index among the stream's imports.
    Import,
    /// What a call or `__new__` gave; payload: index of the import that was applied, and a serial.
    Object,
    /// What `persistent_load` gave; payload: offset of the opcode.
    Persistent,
    /// Text handed to `_codecs.encode` with a codec that is followed; payload: offset of the text's
    /// opcode, lowest two bits the codec.
    Encoded,
}

impl Tag {
    /// A bit of its own, to gather what kinds of values there are.
    pub const fn kind(self) -> u64 {
        1 << self as u64
    }

    /// One word, for reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Tag::Unknown => "unknown",
            Tag::None => "none",
            Tag::Bool => "bool",
            Tag::Int | Tag::BigInt => "int",
            Tag::Float => "float",
            Tag::Text => "text",
            Tag::Bytes | Tag::Encoded => "bytes",
            Tag::ByteArray => "bytearray",
            Tag::Buffer => "buffer",
            Tag::Tuple => "tuple",
            Tag::List => "list",
            Tag::Dict => "dict",
            Tag::Set => "set",
            Tag::FrozenSet => "frozenset",
            Tag::Import => "import",
            Tag::Object => "object",
            Tag::Persistent => "persistent",
        }
    }
}

const TAGS: [Tag; 19] = [
    Tag::Unknown,
    Tag::None,
    Tag::Bool,
    Tag::Int,
    Tag::BigInt,
    Tag::Float,
    Tag::Text,
    Tag::Bytes,
    Tag::ByteArray,
    Tag::Buffer,
    Tag::Tuple,
    Tag::List,
    Tag::Dict,
    Tag::Set,
    Tag::FrozenSet,
    Tag::Import,
    Tag::Object,
    Tag::Persistent,
    Tag::Encoded,
];

/// Every pattern of the tag's bits; only those of [`TAGS`] are ever written.
const BY_BITS: [Tag; 1 << TAG_BITS] = {
    let mut table = [Tag::Unknown; 1 << TAG_BITS];
    let mut i = 0;
    while i < TAGS.len() {
        table[i] = TAGS[i];
        i += 1;
    }
    table
};

/// A value: a [`Tag`] in the low six bits, 58 bits of payload above.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Value(u64);

/// Most dimensions that an array of numpy has (`NPY_MAXDIMS`).
const DIMENSIONS: usize = 64;

const TAG_BITS: u32 = 6;
const IMPORT_BITS: u32 = 20;

impl Value {
    /// Nothing is known.
    pub const UNKNOWN: Value = Value::new(Tag::Unknown, 0);
    /// What an empty memo slot holds; no stream can make it.
    pub const UNSET: Value = Value(u64::MAX);
    /// `None`.
    pub const NONE: Value = Value::new(Tag::None, 0);

    /// A value of this tag and payload; payloads over 58 bits lose their high bits.
    pub const fn new(tag: Tag, payload: u64) -> Value {
        Value(payload << TAG_BITS | tag as u64)
    }

    /// The bit of its tag ([`Tag::kind`]).
    #[inline(always)]
    pub const fn kind(self) -> u64 {
        1 << (self.0 & ((1 << TAG_BITS) - 1))
    }

    /// An integer, where it fits.
    pub const fn int(n: i64) -> Value {
        let v = Value::new(Tag::Int, n as u64);
        if (v.0 as i64) >> TAG_BITS == n { v } else { Value::new(Tag::BigInt, 0) }
    }

    /// The integer of the opcode at this offset, `None` where it has more than 64 bits.
    pub const fn integer(at: u64, n: Option<i64>) -> Value {
        match n {
            Some(n) if Value::int(n).is(Tag::Int) => Value::int(n),
            _ => Value::new(Tag::BigInt, at),
        }
    }

    /// What applying the import with this index gave. The serial tells instances apart; it wraps,
    /// which can only make two distant instances look alike.
    pub const fn object(import: Option<u32>, serial: u64) -> Value {
        let import = match import {
            Some(i) if (i as u64) < (1 << IMPORT_BITS) - 1 => i as u64 + 1,
            _ => 0,
        };
        Value::new(Tag::Object, serial << IMPORT_BITS | import)
    }

    /// What the value is.
    #[inline(always)]
    pub const fn tag(self) -> Tag {
        BY_BITS[(self.0 & ((1 << TAG_BITS) - 1)) as usize]
    }

    /// The payload.
    #[inline(always)]
    pub const fn payload(self) -> u64 {
        self.0 >> TAG_BITS
    }

    /// Whether this is the tag.
    #[inline(always)]
    pub const fn is(self, tag: Tag) -> bool {
        self.0 & ((1 << TAG_BITS) - 1) == tag as u64
    }

    /// The integer, for [`Tag::Int`].
    pub const fn as_int(self) -> Option<i64> {
        if self.is(Tag::Int) { Some(self.0 as i64 >> TAG_BITS) } else { None }
    }

    /// The import index, for [`Tag::Import`].
    #[inline(always)]
    pub const fn as_import(self) -> Option<u32> {
        if self.is(Tag::Import) { Some(self.payload() as u32) } else { None }
    }

    /// The index of the import that gave this object.
    pub const fn object_import(self) -> Option<u32> {
        if !self.is(Tag::Object) {
            return None;
        }
        match self.payload() & ((1 << IMPORT_BITS) - 1) {
            0 => None,
            i => Some(i as u32 - 1),
        }
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.as_int() {
            Some(n) => write!(f, "Int({n})"),
            None => write!(f, "{:?}({:#x})", self.tag(), self.payload()),
        }
    }
}

/// The elements of all tuples of a stream, one behind the other, each tuple headed by its length.
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

    /// Stores a tuple.
    #[inline]
    pub fn push(&mut self, items: &[Value]) -> Value {
        if items.is_empty() {
            return Tuples::EMPTY;
        }
        let index = self.0.len() as u64;
        self.0.push(items.len() as u64);
        self.0.extend(items.iter().map(|v| v.0));
        Value::new(Tag::Tuple, index)
    }

    /// How many elements, for a tuple.
    pub fn len(&self, tuple: Value) -> Option<usize> {
        if !tuple.is(Tag::Tuple) {
            return None;
        }
        self.0.get(tuple.payload() as usize).map(|n| *n as usize)
    }

    /// One element.
    pub fn get(&self, tuple: Value, i: usize) -> Option<Value> {
        (i < self.len(tuple)?).then(|| self.0.get(tuple.payload() as usize + 1 + i).map(|v| Value(*v)))?
    }

    /// All elements; none for what is not a tuple.
    pub fn items(&self, tuple: Value) -> impl Iterator<Item = Value> + '_ {
        let start = tuple.payload() as usize + 1;
        let len = self.len(tuple).unwrap_or(0);
        self.0.get(start..start + len).unwrap_or(&[]).iter().map(|v| Value(*v))
    }

    /// The elements of a shape multiplied; `None` for what is no shape.
    pub fn product(&self, shape: Value) -> Option<u64> {
        self.len(shape).filter(|n| *n <= DIMENSIONS)?;
        self.items(shape).try_fold(1u64, |n, v| n.checked_mul(u64::try_from(v.as_int()?).ok()?))
    }

    /// Entries in use, for the memory ceiling.
    pub fn size(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_survive_the_packing() {
        for (i, tag) in TAGS.into_iter().enumerate() {
            assert_eq!(tag as usize, i);
            let v = Value::new(tag, 0x2_1234_5678);
            assert_eq!((v.tag(), v.payload()), (tag, 0x2_1234_5678));
        }
    }

    #[test]
    fn integers_keep_their_sign_or_become_big() {
        for n in [0, 1, -1, 1 << 56, -(1 << 57), (1 << 57) - 1] {
            assert_eq!(Value::int(n).as_int(), Some(n), "{n}");
        }
        assert_eq!(Value::int(1 << 57).tag(), Tag::BigInt);
        assert_eq!(Value::int(i64::MIN).tag(), Tag::BigInt);
    }

    #[test]
    fn objects_know_their_import() {
        assert_eq!(Value::object(Some(7), 1 << 30).object_import(), Some(7));
        assert_eq!(Value::object(None, 3).object_import(), None);
        assert_eq!(Value::object(Some(u32::MAX), 3).object_import(), None);
    }

    #[test]
    fn tuples_nest() {
        let mut t = Tuples::default();
        let inner = t.push(&[Value::int(1), Value::NONE]);
        let outer = t.push(&[inner, Tuples::EMPTY]);
        assert_eq!(t.len(outer), Some(2));
        assert_eq!(t.get(outer, 0).and_then(|v| t.get(v, 0)), Some(Value::int(1)));
        assert_eq!(t.get(outer, 2), None);
        assert_eq!(t.len(Value::NONE), None);
        assert_eq!(t.items(Tuples::EMPTY).count(), 0);
    }
}
