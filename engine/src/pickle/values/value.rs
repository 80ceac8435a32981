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
    /// A tuple; payload: its place in the heap.
    Tuple,
    /// A list; payload: its place in the heap.
    List,
    /// A dict; payload: its place in the heap.
    Dict,
    /// A set; payload: its place in the heap.
    Set,
    /// A frozenset; payload: its place in the heap.
    FrozenSet,
    /// An import; payload: its index among the stream's imports.
    Import,
    /// What a call or `__new__` gave; payload: index of the import that was applied, and its place
    /// in the heap.
    Object,
    /// What `persistent_load` gave; payload: offset of the opcode.
    Persistent,
    /// Text handed to `_codecs.encode` with a codec that is followed; payload: offset of the text's
    /// opcode, lowest two bits the codec.
    Encoded,
}

impl Tag {
    /// The kinds that hold nothing and are spelled in the stream.
    pub const LITERALS: u64 = Tag::None.kind()
        | Tag::Bool.kind()
        | Tag::Int.kind()
        | Tag::BigInt.kind()
        | Tag::Float.kind()
        | Tag::Text.kind()
        | Tag::Bytes.kind()
        | Tag::ByteArray.kind()
        | Tag::Encoded.kind();

    /// What has methods that are not a literal's.
    pub const OBJECTS: u64 =
        Tag::Object.kind() | Tag::Import.kind() | Tag::Persistent.kind() | Tag::Unknown.kind();

    /// Integers.
    pub const INTEGERS: u64 = Tag::Int.kind() | Tag::BigInt.kind();

    /// A bit of its own, to gather what kinds of values there are.
    #[inline]
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
const BY_BITS: [Tag; 1 << 5] = {
    let mut table = [Tag::Unknown; 1 << 5];
    let mut i = 0;
    while i < TAGS.len() {
        table[i] = TAGS[i];
        i += 1;
    }
    table
};

/// A value: a [`Tag`] in the low five bits, a bit for copies, 58 bits of payload above.
#[derive(Clone, Copy)]
pub struct Value(u64);

const LOW_BITS: u32 = 6;
const TAG: u64 = (1 << 5) - 1;
/// The value on the stack came from the memo or from DUP. It is the same value all the same.
const COPY: u64 = 1 << 5;
const IMPORT_BITS: u32 = 20;

impl PartialEq for Value {
    #[inline(always)]
    fn eq(&self, other: &Value) -> bool {
        (self.0 ^ other.0) & !COPY == 0
    }
}

impl Eq for Value {}

impl std::hash::Hash for Value {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (self.0 & !COPY).hash(state);
    }
}

impl Value {
    /// Nothing is known.
    pub const UNKNOWN: Value = Value::new(Tag::Unknown, 0);
    /// What an empty place holds; no stream can make it.
    pub const UNSET: Value = Value(!COPY);
    /// `None`.
    pub const NONE: Value = Value::new(Tag::None, 0);

    /// A value of this tag and payload; payloads over 58 bits lose their high bits.
    #[inline]
    pub const fn new(tag: Tag, payload: u64) -> Value {
        Value(payload << LOW_BITS | tag as u64)
    }

    /// The bit of its tag ([`Tag::kind`]).
    #[inline(always)]
    pub const fn kind(self) -> u64 {
        1 << (self.0 & TAG)
    }

    /// An integer, where it fits.
    #[inline]
    pub const fn int(n: i64) -> Value {
        let v = Value::new(Tag::Int, n as u64);
        if (v.0 as i64) >> LOW_BITS == n { v } else { Value::new(Tag::BigInt, 0) }
    }

    /// The integer of the opcode at this offset, `None` where it has more than 64 bits.
    #[inline]
    pub const fn integer(at: u64, n: Option<i64>) -> Value {
        match n {
            Some(n) if Value::int(n).is(Tag::Int) => Value::int(n),
            _ => Value::new(Tag::BigInt, at),
        }
    }

    /// The bits of its tag.
    #[inline(always)]
    pub(super) const fn tag_bits(self) -> u64 {
        self.0 & TAG
    }

    /// Whether another value has the same tag.
    #[inline(always)]
    pub(super) const fn is_like(self, other: Value) -> bool {
        (self.0 ^ other.0) & TAG == 0
    }

    /// The payload with its sign.
    #[inline(always)]
    pub(super) const fn signed_payload(self) -> i64 {
        self.0 as i64 >> LOW_BITS
    }

    /// The value of these bits of a tag and this payload.
    #[inline(always)]
    pub(super) const fn of_bits(tag: u64, payload: i64) -> Value {
        Value((payload << LOW_BITS) as u64 | tag)
    }

    /// The same value, out of the memo or of DUP.
    #[must_use]
    #[inline(always)]
    pub const fn copy(self) -> Value {
        Value(self.0 | COPY)
    }

    /// Whether it came from the memo or from DUP.
    #[inline(always)]
    pub const fn is_copy(self) -> bool {
        self.0 & COPY != 0
    }

    /// The place of an object in the heap.
    #[inline]
    pub const fn serial(self) -> u64 {
        self.payload() >> IMPORT_BITS
    }

    /// What an object has of the import that gave it: its index and one more, or 0.
    #[inline(always)]
    pub(super) const fn maker_bits(self) -> u64 {
        self.payload() & ((1 << IMPORT_BITS) - 1)
    }

    /// What applying the import with this index gave.
    #[inline]
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
        BY_BITS[(self.0 & TAG) as usize]
    }

    /// The payload.
    #[inline(always)]
    pub const fn payload(self) -> u64 {
        self.0 >> LOW_BITS
    }

    /// Whether this is the tag.
    #[inline(always)]
    pub const fn is(self, tag: Tag) -> bool {
        self.0 & TAG == tag as u64
    }

    /// The integer, for [`Tag::Int`].
    #[inline]
    pub const fn as_int(self) -> Option<i64> {
        if self.is(Tag::Int) { Some(self.0 as i64 >> LOW_BITS) } else { None }
    }

    /// Whether it is an integer with a magnitude over `most`.
    #[inline(always)]
    pub const fn exceeds(self, most: u64) -> bool {
        if self.is(Tag::Int) {
            (self.0 as i64 >> LOW_BITS).unsigned_abs() > most
        } else {
            self.is(Tag::BigInt)
        }
    }

    /// Whether it is an integer of at most 57 bits beyond [`Mark::SMALL`](super::mark::Mark::SMALL).
    #[inline(always)]
    pub const fn is_large(self) -> bool {
        // One comparison for both signs: the payload with as much added as makes small ones positive.
        const SMALL: u64 = super::mark::Mark::SMALL << LOW_BITS;
        self.is(Tag::Int) & (self.0.wrapping_add(SMALL) > 2 * SMALL + (1 << LOW_BITS) - 1)
    }

    /// The import index, for [`Tag::Import`].
    #[inline(always)]
    pub const fn as_import(self) -> Option<u32> {
        if self.is(Tag::Import) { Some(self.payload() as u32) } else { None }
    }

    /// The index of the import that gave this object.
    #[inline]
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
    fn integers_are_large_beyond_a_bound_of_either_sign() {
        let most = super::super::mark::Mark::SMALL as i64;
        for n in [0, 1, -1, most - 1, most, most + 1, -most + 1, -most, -most - 1, 1 << 56, -(1 << 57)] {
            for value in [Value::int(n), Value::int(n).copy()] {
                assert_eq!(
                    (value.is_large(), value.exceeds(most as u64)),
                    (n.abs() > most, n.abs() > most),
                    "{n}"
                );
            }
        }
        assert!(!Value::new(Tag::Text, 1 << 40).is_large());
    }

    #[test]
    fn objects_know_their_import() {
        assert_eq!(Value::object(Some(7), 1 << 30).object_import(), Some(7));
        assert_eq!(Value::object(None, 3).object_import(), None);
        assert_eq!(Value::object(Some(u32::MAX), 3).object_import(), None);
    }
}
