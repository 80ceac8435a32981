//! Hashes of keys, as far as CPython computes them without a secret: those of numbers, and of tuples and frozensets of
//! them. Keys made to have one hash cost the square of their number.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use crate::pickle::stream::number;
use crate::pickle::stream::opcode as op;
use crate::pickle::stream::reader::Cursor;
use crate::pickle::stream::text;
use crate::pickle::values::tuples::Tuples;
use crate::pickle::values::value::{Tag, Value};

/// Keys of one holder that nobody looks at: what they cost is little, whatever their hashes are.
const FEW: u32 = 1024;

/// Groups that the further keys of a holder fall into by their hash.
const GROUPS: usize = 1 << 12;
/// Keys that may share a group, beyond four times as many as chance puts there.
const ALIKE: u32 = 64;

/// Elements that are hashed here, and further ones for each byte that was read.
const STEPS: u64 = 1 << 22;
const STEPS_A_BYTE: u64 = 16;

/// `_PyHASH_MODULUS` on 64 bits.
const P: u64 = (1 << 61) - 1;

/// Longest line of a FLOAT that is hashed; `repr` writes no more than 24 characters.
const FLOAT_LINE: usize = 64;

/// The hash of what nothing is known of.
const UNKNOWN: u64 = u64::MAX;

/// The keys of one holder beyond the first few, by groups: as CPython since 3.8 hashes tuples, and as before.
struct Groups {
    keys: u32,
    new: Box<[u16]>,
    old: Box<[u16]>,
}

impl Default for Groups {
    fn default() -> Self {
        let none = || vec![0; GROUPS].into_boxed_slice();
        Groups { keys: 0, new: none(), old: none() }
    }
}

/// What is known of the hashes of keys.
#[derive(Default)]
pub struct Hashes {
    holders: HashMap<Value, u32>,
    groups: HashMap<Value, Groups>,
    /// Hashes of frozensets.
    frozen: HashMap<Value, u64>,
    /// Imports whose objects are numbers: a `Fraction` hashes like the integer that it is equal to.
    numbers: Vec<u32>,
    steps: u64,
}

impl Hashes {
    /// A holder gets this key. False once too many of its keys have one hash.
    pub fn add(&mut self, cursor: &impl Cursor, tuples: &Tuples, holder: Value, key: Value) -> bool {
        // Those of the other literals are as far apart as they are, or nobody can choose them.
        if matches!(key.tag(), Tag::Int | Tag::Text | Tag::Bytes | Tag::None | Tag::Bool | Tag::Import) {
            return true;
        }
        let seen = self.holders.entry(holder).or_default();
        *seen = seen.saturating_add(1);
        if *seen <= FEW {
            return true;
        }
        let (new, old) = (self.hash(cursor, tuples, key, true), self.hash(cursor, tuples, key, false));
        let groups = self.groups.entry(holder).or_default();
        groups.keys = groups.keys.saturating_add(1);
        let most = ALIKE + 4 * (groups.keys / GROUPS as u32);
        let mut fine = true;
        for (counts, hash) in [(&mut groups.new, new), (&mut groups.old, old)] {
            let group = (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52) as usize;
            if let Some(count) = counts.get_mut(group) {
                *count = count.saturating_add(1);
                fine &= u32::from(*count) <= most;
            }
        }
        fine
    }

    /// Objects that this import gives hash like numbers, and which they are is not known.
    pub fn number(&mut self, import: u32) {
        if !self.numbers.contains(&import) {
            self.numbers.push(import);
        }
    }

    /// A frozenset of these items.
    pub fn frozenset(&mut self, cursor: &impl Cursor, tuples: &Tuples, set: Value, items: &[Value]) {
        let shuffle = |h: u64| (h ^ 89_869_747 ^ (h << 16)).wrapping_mul(3_644_798_167);
        let hash = items.iter().fold(0, |all, v| all ^ shuffle(self.hash(cursor, tuples, *v, true)));
        self.frozen.insert(set, hash.wrapping_add(items.len() as u64));
    }

    /// Bytes held.
    pub fn size(&self) -> usize {
        self.holders.len() * 24 + self.groups.len() * (4 * GROUPS + 64) + self.frozen.len() * 32
    }

    /// The hash of a key; of text and bytes, one that tells them apart.
    fn hash(&mut self, cursor: &impl Cursor, tuples: &Tuples, key: Value, new: bool) -> u64 {
        self.steps += 1;
        if self.steps > STEPS + STEPS_A_BYTE * cursor.position() {
            return UNKNOWN;
        }
        match key.tag() {
            Tag::Int => of_int(key.as_int().unwrap_or(0)),
            Tag::Bool => key.payload(),
            Tag::BigInt => of_long(cursor, key.payload()).unwrap_or(UNKNOWN),
            Tag::Float => of_float(cursor, key.payload()).unwrap_or(UNKNOWN),
            Tag::Text | Tag::Bytes => {
                let mut hasher = DefaultHasher::new();
                if let Some(literal) = text::locate(cursor, key.payload(), 256) {
                    literal.len.hash(&mut hasher);
                    cursor.bytes(literal.start, literal.len.min(256) as usize).hash(&mut hasher);
                }
                hasher.finish()
            }
            Tag::Tuple => self.of_tuple(cursor, tuples, key, new),
            Tag::FrozenSet => self.frozen.get(&key).copied().unwrap_or(UNKNOWN),
            _ if key.object_import().is_some_and(|import| self.numbers.contains(&import)) => UNKNOWN,
            _ => {
                let mut hasher = DefaultHasher::new();
                key.hash(&mut hasher);
                hasher.finish()
            }
        }
    }

    /// `tuplehash` of Objects/tupleobject.c. How deep tuples lie in each other was looked at before.
    fn of_tuple(&mut self, cursor: &impl Cursor, tuples: &Tuples, tuple: Value, new: bool) -> u64 {
        const P1: u64 = 11_400_714_785_074_694_791;
        const P2: u64 = 14_029_467_366_897_019_727;
        const P5: u64 = 2_870_177_450_012_600_261;
        if tuples.walk(tuple).depth > 100 {
            return UNKNOWN;
        }
        let len = tuples.len(tuple).unwrap_or(0) as u64;
        let (mut hash, mut factor, mut left) = (if new { P5 } else { 0x34_5678 }, 1_000_003u64, len);
        for item in tuples.items(tuple) {
            let item = self.hash(cursor, tuples, item, new);
            if new {
                hash = hash.wrapping_add(item.wrapping_mul(P2)).rotate_left(31).wrapping_mul(P1);
            } else {
                left = left.saturating_sub(1);
                hash = (hash ^ item).wrapping_mul(factor);
                factor = factor.wrapping_add(82_520 + 2 * left);
            }
        }
        if new { hash.wrapping_add(len ^ P5 ^ 3_527_539) } else { hash.wrapping_add(97_531) }
    }
}

fn of_int(n: i64) -> u64 {
    if n == -1 { (-2i64) as u64 } else { n as u64 }
}

/// A number with this remainder of [`P`], and a sign.
fn signed(remainder: u64, negative: bool) -> u64 {
    of_int(if negative { -(remainder as i64) } else { remainder as i64 })
}

fn times(a: u64, b: u64) -> u64 {
    (u128::from(a) * u128::from(b) % u128::from(P)) as u64
}

/// `long_hash`: the remainder, with the sign.
fn of_long(cursor: &impl Cursor, offset: u64) -> Option<u64> {
    let head = cursor.bytes(offset, 5);
    let (start, len) = match *head {
        [op::LONG1, n, ..] => (offset + 2, u64::from(n)),
        [op::LONG4, a, b, c, d] => (offset + 5, u64::from(u32::from_le_bytes([a, b, c, d]))),
        _ => {
            let digits = number::digits(cursor, offset).min(4300);
            let line = cursor.bytes(offset + 1, digits as usize);
            let line = line.trim_ascii();
            let line = line.strip_suffix(b"L").unwrap_or(line);
            let (negative, digits) = line.strip_prefix(b"-").map_or((false, line), |rest| (true, rest));
            let digit = |n: u64, b: &u8| b.is_ascii_digit().then(|| (times(n, 10) + u64::from(b - b'0')) % P);
            return Some(signed(digits.iter().try_fold(0, digit)?, negative));
        }
    };
    if len > 4096 {
        return None;
    }
    let bytes = cursor.bytes(start, len as usize);
    let all = bytes.iter().rev().fold(0, |n, b| (times(n, 256) + u64::from(*b)) % P);
    if bytes.last().is_some_and(|b| b & 0x80 != 0) {
        let whole = (1u64 << (8 * len % 61)) % P;
        return Some(signed((whole + P - all) % P, true));
    }
    Some(signed(all, false))
}

/// `_Py_HashDouble`, but for what is no number, whose hash was 0 before 3.10.
fn of_float(cursor: &impl Cursor, offset: u64) -> Option<u64> {
    let bytes = cursor.bytes(offset, 9);
    let value = match (bytes.first()?, bytes.get(1..9)) {
        (&op::BINFLOAT, Some(eight)) => f64::from_be_bytes(eight.try_into().ok()?),
        (&op::FLOAT, _) => {
            let line = cursor.bytes(offset + 1, FLOAT_LINE);
            let line = line.get(..memchr::memchr(b'\n', &line)?)?;
            std::str::from_utf8(line.trim_ascii()).ok()?.parse().ok()?
        }
        _ => return None,
    };
    if !value.is_finite() {
        return None;
    }
    let bits = value.to_bits();
    let power = (bits >> 52 & 0x7ff) as i64;
    let mantissa = bits & ((1 << 52) - 1) | u64::from(power > 0) << 52;
    let shift = (power.max(1) - 1075).rem_euclid(61);
    Some(signed(times(mantissa % P, 1 << shift), value.is_sign_negative()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pickle::stream::reader::SliceCursor;

    #[test]
    fn numbers_hash_as_in_python() {
        let float =
            |f: f64| of_float(&SliceCursor::new(&[&[op::BINFLOAT][..], &f.to_be_bytes()].concat(), 0), 0);
        // `hash(x)` of CPython 3.11.
        assert_eq!(float(1.0), Some(1));
        assert_eq!(float(0.5), Some(1_152_921_504_606_846_976));
        assert_eq!(float(-2.5), Some((-1_152_921_504_606_846_978i64) as u64));
        assert_eq!(float(2f64.powi(61)), Some(1));
        assert_eq!(of_float(&SliceCursor::new(b"F-2.5\n", 0), 0), float(-2.5));
        assert_eq!(of_float(&SliceCursor::new(b"F2.305843009213694e+18\n", 0), 0), Some(1));
        assert_eq!(of_float(&SliceCursor::new(b"Finf\n", 0), 0), None);
        let long = |bytes: &[u8]| {
            let stream = [&[op::LONG1, bytes.len() as u8][..], bytes].concat();
            of_long(&SliceCursor::new(&stream, 0), 0)
        };
        let multiple = (i128::from(P) * 12_345).to_le_bytes();
        assert_eq!(long(&multiple), Some(0));
        assert_eq!(long(&(i128::from(P) * 7 + 3).to_le_bytes()), Some(3));
        assert_eq!(long(&(-(i128::from(P) * 7 + 3)).to_le_bytes()), Some((-3i64) as u64));
        assert_eq!(of_long(&SliceCursor::new(b"L13835058055282163707L\n", 0), 0), Some(1));
    }

    #[test]
    fn tuples_hash_as_in_python() {
        let mut tuples = Tuples::default();
        let pair = tuples.literals(&[Value::int(1), Value::int(2)], crate::pickle::values::mark::Mark::PLAIN);
        let cursor = SliceCursor::new(&[], 0);
        let mut hashes = Hashes::default();
        // `hash((1, 2))` of CPython 3.11 and of 3.6.
        assert_eq!(hashes.hash(&cursor, &tuples, pair, true) as i64, -3_550_055_125_485_641_917);
        assert_eq!(hashes.hash(&cursor, &tuples, pair, false) as i64, 3_713_081_631_934_410_656);
    }

    #[test]
    fn keys_of_one_hash_are_found_and_others_are_not() {
        let mut tuples = Tuples::default();
        let (mut hashes, holder) = (Hashes::default(), Value::new(Tag::Dict, 0));
        let stream: Vec<u8> = (1..3000i128)
            .flat_map(|k| [&[op::LONG1, 16][..], &(i128::from(P) * (k << 20)).to_le_bytes()].concat())
            .collect();
        let cursor = SliceCursor::new(&stream, 0);
        let key = |i: u64| Value::new(Tag::BigInt, i * 18);
        assert!((0..1024).all(|i| hashes.add(&cursor, &tuples, holder, key(i))));
        assert!(!(1024..2999).all(|i| hashes.add(&cursor, &tuples, holder, key(i))));
        // Objects of a class of numbers, such as `Fraction(k * P, 1)`; of others nobody chooses the hash.
        hashes.number(3);
        let object = |import, i| Value::object(Some(import), i);
        let holders = [Value::new(Tag::Dict, 2), Value::new(Tag::Dict, 3)];
        assert!((0..3000).all(|i| hashes.add(&cursor, &tuples, holders[0], object(4, i))));
        assert!(!(0..3000).all(|i| hashes.add(&cursor, &tuples, holders[1], object(3, i))));
        let other = Value::new(Tag::Dict, 1);
        for i in 0..50_000 {
            let key = tuples.literals(
                &[Value::int(i / 200), Value::int(i % 200)],
                crate::pickle::values::mark::Mark::PLAIN,
            );
            assert!(hashes.add(&SliceCursor::new(&[0; 1 << 20], 1 << 20), &tuples, other, key), "{i}");
        }
    }
}
