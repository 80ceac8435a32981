//! Values in five bytes, as the memo and tuples keep them: a file holds far more of these than of all else.

use crate::pickle::values::tail::Tail;
use crate::pickle::values::value::{Tag, Value};

/// A value, or where it lies in [`Apart`]. Five bits of the tag, 35 of the payload with its sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed([u8; Packed::SIZE]);

/// Bits of the tag, and the tag of what lies apart; no value has it.
const TAG: u32 = 5;
const APART: u64 = (1 << TAG) - 1;

/// Bits of the payload above those that are kept.
const CUT: u32 = 64 - 35;

/// Bits of the index of the import that gave an object.
const IMPORT: u32 = 10;

/// Values that do not fit.
#[derive(Debug, Default)]
pub struct Apart(Tail<Value>);

impl Packed {
    /// Bytes of one.
    pub const SIZE: usize = 5;

    /// What an empty place holds.
    pub const UNSET: Packed = Packed([0xff; Packed::SIZE]);

    #[inline(always)]
    fn word(tag: u64, payload: i64) -> Packed {
        let [a, b, c, d, e, ..] = ((payload as u64) << TAG | tag).to_le_bytes();
        Packed([a, b, c, d, e])
    }

    #[inline(always)]
    fn parts(self) -> (u64, i64) {
        let [a, b, c, d, e] = self.0;
        let word = u64::from_le_bytes([a, b, c, d, e, 0, 0, 0]);
        (word & APART, (word << (CUT - TAG)) as i64 >> CUT)
    }

    /// The word of a value that is no object, and whether it fits.
    #[inline(always)]
    pub fn of_literal(value: Value) -> (u64, bool) {
        let payload = value.signed_payload();
        let word = ((payload as u64) << TAG | value.tag_bits()) & ((1 << (8 * Packed::SIZE)) - 1);
        (word, payload << CUT >> CUT == payload)
    }

    /// Its bytes.
    #[inline(always)]
    pub fn bytes(self) -> [u8; Packed::SIZE] {
        self.0
    }

    /// What has these bytes.
    #[inline(always)]
    pub fn of(bytes: [u8; Packed::SIZE]) -> Packed {
        Packed(bytes)
    }
}

impl Apart {
    /// A value in five bytes. `old`: what it takes the place of.
    #[inline(always)]
    pub fn pack(&mut self, value: Value, old: Packed) -> Packed {
        let payload = value.signed_payload();
        if payload << CUT >> CUT != payload || value.is(Tag::Object) {
            return self.pack_other(value, old);
        }
        Packed::word(value.tag_bits(), payload)
    }

    #[inline(never)]
    fn pack_other(&mut self, value: Value, old: Packed) -> Packed {
        if value.is(Tag::Object) {
            let (import, serial) = (value.maker_bits(), value.serial());
            if import < 1 << IMPORT && serial < 1 << (63 - CUT - IMPORT) {
                return Packed::word(Tag::Object as u64, (serial << IMPORT | import) as i64);
            }
        }
        // What lies apart and is replaced leaves its place.
        let (tag, place) = old.parts();
        if tag == APART
            && let Some(slot) = u64::try_from(place).ok().and_then(|place| self.0.get_mut(place))
        {
            *slot = value;
            return old;
        }
        self.0.push(value);
        Packed::word(APART, self.0.count() as i64 - 1)
    }

    /// The value; `None` for an empty place.
    #[inline(always)]
    pub fn unpack(&self, packed: Packed) -> Option<Value> {
        let (tag, payload) = packed.parts();
        if tag == APART || tag == Tag::Object as u64 {
            return self.unpack_other(tag, payload);
        }
        Some(Value::of_bits(tag, payload))
    }

    #[inline(never)]
    fn unpack_other(&self, tag: u64, payload: i64) -> Option<Value> {
        let payload = u64::try_from(payload).ok()?;
        if tag == APART {
            return self.0.get(payload);
        }
        let import = (payload & ((1 << IMPORT) - 1)) as u32;
        Some(Value::object(import.checked_sub(1), payload >> IMPORT))
    }

    /// Old ones go: [`Tail::age`].
    pub fn age(&mut self, kept: usize) {
        self.0.age(kept);
    }

    /// Whether somebody asked for one that is gone.
    pub fn missed(&self) -> bool {
        self.0.missed()
    }

    /// Bytes held.
    pub fn size(&self) -> usize {
        self.0.size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_as_it_was_whatever_its_size() {
        let mut apart = Apart::default();
        let small = [
            Value::NONE,
            Value::UNKNOWN,
            Value::int(0),
            Value::int(-1),
            Value::int((1 << 34) - 1),
            Value::int(-(1 << 34)),
            Value::new(Tag::Text, (1 << 34) - 1),
            Value::object(Some(1022), (1 << 24) - 1),
            Value::object(None, 0),
        ];
        for value in small {
            let packed = apart.pack(value, Packed::UNSET);
            assert_eq!(apart.unpack(packed), Some(value), "{value:?}");
        }
        assert_eq!(apart.size(), 0);
        let large = [
            Value::int(1 << 34),
            Value::int(-(1 << 57)),
            Value::new(Tag::Bytes, 1 << 34),
            Value::object(Some(1023), 0),
            Value::object(Some(1), 1 << 24),
        ];
        let packed: Vec<Packed> = large.iter().map(|v| apart.pack(*v, Packed::UNSET)).collect();
        for (packed, value) in packed.iter().zip(large) {
            assert_eq!(apart.unpack(*packed), Some(value), "{value:?}");
        }
        // One that takes the place of another takes no more room.
        let held = apart.size();
        let again = apart.pack(large[1], packed[0]);
        assert_eq!((apart.unpack(again), apart.size()), (Some(large[1]), held));
        assert_eq!(apart.unpack(Packed::UNSET), None);
        assert_eq!(Packed::of(again.bytes()), again);
    }
}
