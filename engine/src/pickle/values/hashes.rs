//! Hashes of keys, as far as CPython computes them without a secret: those of numbers, and of tuples and frozensets of
//! them. Keys made to have one hash cost the square of their number.

use std::cell::Cell;
use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use crate::pickle::stream::number;
use crate::pickle::stream::opcode as op;
use crate::pickle::stream::reader::Cursor;
use crate::pickle::stream::text;
use crate::pickle::values::groups::{Groups, Pair};
use crate::pickle::values::lists::{Keys, Lists};
use crate::pickle::values::modulus::{self, P, of_int, signed, times};
use crate::pickle::values::tuples::Tuples;
use crate::pickle::values::value::{Tag, Value};

/// Keys of one holder that nobody looks at: what they cost is little, whatever their hashes are.
const FEW: u32 = 1024;

/// Elements that are hashed here, and further ones for each byte that was read.
const STEPS: u64 = 1 << 22;
const STEPS_A_BYTE: u64 = 16;

/// Longest line of a FLOAT that is hashed; `repr` writes no more than 24 characters.
const FLOAT_LINE: usize = 64;

/// Bytes of a long integer that is compared with others.
const SPELLED: usize = 34;

/// The hash of what nothing is known of.
const UNKNOWN: u64 = u64::MAX;

/// Kinds whose hash nobody can choose, or which are as far apart as they are.
const FINE: u64 = Tag::Int.kind()
    | Tag::Text.kind()
    | Tag::Bytes.kind()
    | Tag::None.kind()
    | Tag::Bool.kind()
    | Tag::Import.kind();

/// What is known of the hashes of keys.
#[derive(Default)]
pub struct Hashes {
    holders: HashMap<Value, u32>,
    groups: HashMap<Value, Groups>,
    lists: Lists,
    /// Hashes of frozensets, and of objects that hash like numbers or frozensets.
    known: HashMap<Value, u64>,
    /// Imports whose objects hash so: a `Fraction` hashes like the integer that it is equal to.
    numbers: Vec<u32>,
    steps: Cell<u64>,
}

impl Hashes {
    /// A holder gets this key. False once too many of its keys have one hash.
    pub fn add(&mut self, cursor: &impl Cursor, tuples: &Tuples, holder: Value, key: Value) -> bool {
        if key.kind() & FINE != 0 {
            return true;
        }
        let seen = self.holders.entry(holder).or_default();
        *seen = seen.saturating_add(1);
        if *seen <= FEW {
            return true;
        }
        let hash = self.both(cursor, tuples, key);
        self.groups.entry(holder).or_default().add(hash)
    }

    /// A list gets long integers among these. False once too many that are not equal have one hash.
    pub fn long_integers(
        &mut self,
        cursor: &impl Cursor,
        tuples: &Tuples,
        list: Value,
        items: &[Value],
    ) -> bool {
        let mut long = items.iter().filter(|v| v.is(Tag::BigInt));
        let Some(first) = long.next() else { return true };
        // The same number, over and over, is one key.
        let spelled = |v: Value| cursor.bytes(v.payload(), SPELLED);
        let head = spelled(*first);
        let len = match *head {
            [op::LONG1, n, ..] => usize::from(n) + 2,
            _ => SPELLED + 1,
        };
        let same = |v: &&Value| head.get(..len).is_some_and(|head| spelled(**v).starts_with(head));
        let others: Vec<Value> = long.filter(|v| !same(v)).copied().collect();
        [*first].iter().chain(&others).all(|key| self.add(cursor, tuples, list, *key))
    }

    /// Something was imported that may make a set or a dict of lists that come from here on.
    pub fn follow(&mut self, next: u64) {
        self.lists.follow(next);
    }

    /// A list that had `had` items gets these, of these kinds.
    #[inline(always)]
    pub fn list(
        &mut self,
        cursor: &impl Cursor,
        tuples: &Tuples,
        list: Value,
        had: u64,
        (items, kinds): (&[Value], u64),
    ) {
        if self.lists.follows(list) {
            self.followed(cursor, tuples, list, had, (items, kinds));
        }
    }

    #[inline(never)]
    fn followed(
        &mut self,
        cursor: &impl Cursor,
        tuples: &Tuples,
        list: Value,
        had: u64,
        (items, kinds): (&[Value], u64),
    ) {
        if had == 0
            && items.len() <= 2
            && let Some(first) = items.first()
            && first.kind() & FINE == 0
        {
            self.lists.first(list, *first);
        }
        let count = items.len() as u64;
        if had + count <= u64::from(FEW) {
            return;
        }
        let mut lists = std::mem::take(&mut self.lists);
        let looked_at = if kinds & !FINE == 0 { &[] } else { items };
        let hash = |key: Value| self.is_open(key).then(|| self.both(cursor, tuples, key));
        let keys: Vec<_> = looked_at
            .iter()
            .map(|item| [hash(*item), Self::first_half(&lists, tuples, *item).and_then(hash)])
            .collect();
        lists.add(list, count, keys.into_iter());
        self.lists = lists;
    }

    /// Whether a key has a hash that whoever writes it can choose.
    fn is_open(&self, key: Value) -> bool {
        match key.tag() {
            Tag::Object => self.is_number(key),
            // Nothing hashes these.
            Tag::List | Tag::Dict | Tag::Set | Tag::ByteArray => false,
            _ => key.kind() & FINE == 0,
        }
    }

    /// The first half of a pair.
    fn first_half(lists: &Lists, tuples: &Tuples, pair: Value) -> Option<Value> {
        match pair.tag() {
            Tag::Tuple => tuples.get(pair, 0),
            Tag::List => lists.first_of(pair),
            Tag::Dict | Tag::Set | Tag::FrozenSet => Some(Value::UNKNOWN),
            _ => None,
        }
    }

    /// Whether keys among the items of a list or tuple fall together, of which a set, or of pairs a dict, is made.
    pub fn keys(&self, cursor: &impl Cursor, tuples: &Tuples, value: Value, count: u64, pairs: bool) -> Keys {
        if !value.is(Tag::Tuple) {
            return self.lists.keys(value, count, u64::from(FEW), pairs);
        }
        if count <= u64::from(FEW) {
            return Keys::Apart;
        }
        let mut groups = Groups::default();
        let fine = tuples.items(value).skip(FEW as usize).all(|item| {
            let key = if pairs { Self::first_half(&self.lists, tuples, item) } else { Some(item) };
            let key = key.filter(|key| self.is_open(*key));
            key.is_none_or(|key| groups.add(self.both(cursor, tuples, key)))
        });
        if fine { Keys::Apart } else { Keys::Alike }
    }

    /// The hash of a literal number.
    pub fn literal(&self, cursor: &impl Cursor, tuples: &Tuples, number: Value) -> Option<u64> {
        Some(self.hash(cursor, tuples, number, true)).filter(|hash| *hash != UNKNOWN)
    }

    /// What is hashed of an object that hashes like a number or a frozenset.
    pub fn learn(&mut self, object: Value, hash: Option<u64>) {
        self.known.insert(object, hash.unwrap_or(UNKNOWN));
    }

    /// An object hashes as this number of it does: it has no other.
    pub fn learn_number(&mut self, cursor: &impl Cursor, tuples: &Tuples, object: Value, number: Value) {
        let hash = self.hash(cursor, tuples, number, true);
        self.known.insert(object, hash);
    }

    fn is_number(&self, object: Value) -> bool {
        object.object_import().is_some_and(|import| self.numbers.contains(&import))
            || self.known.contains_key(&object)
    }

    fn both(&self, cursor: &impl Cursor, tuples: &Tuples, key: Value) -> Pair {
        Pair { new: self.hash(cursor, tuples, key, true), old: self.hash(cursor, tuples, key, false) }
    }

    /// Objects that this import gives hash like numbers, and which they are is not known.
    pub fn number(&mut self, import: u32) {
        if !self.numbers.contains(&import) {
            self.numbers.push(import);
        }
    }

    /// A frozenset of these items, or an object that is one.
    pub fn frozenset(
        &mut self,
        cursor: &impl Cursor,
        tuples: &Tuples,
        set: Value,
        items: impl Iterator<Item = Value>,
    ) {
        let shuffle = |h: u64| (h ^ 89_869_747 ^ (h << 16)).wrapping_mul(3_644_798_167);
        let (hash, count) = items.fold((0, 0u64), |(all, count), v| {
            (all ^ shuffle(self.hash(cursor, tuples, v, true)), count + 1)
        });
        self.known.insert(set, hash.wrapping_add(count));
    }

    /// Bytes held.
    pub fn size(&self) -> usize {
        self.holders.len() * 24 + self.groups.len() * Groups::SIZE + self.known.len() * 32 + self.lists.size()
    }

    /// The hash of a key; of text and bytes, one that tells them apart.
    fn hash(&self, cursor: &impl Cursor, tuples: &Tuples, key: Value, new: bool) -> u64 {
        self.steps.set(self.steps.get() + 1);
        if self.steps.get() > STEPS + STEPS_A_BYTE * cursor.position() {
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
            Tag::FrozenSet => self.known.get(&key).copied().unwrap_or(UNKNOWN),
            Tag::Unknown => UNKNOWN,
            _ if self.is_number(key) => self.known.get(&key).copied().unwrap_or(UNKNOWN),
            _ => {
                let mut hasher = DefaultHasher::new();
                key.hash(&mut hasher);
                hasher.finish()
            }
        }
    }

    /// `tuplehash` of Objects/tupleobject.c. How deep tuples lie in each other was looked at before.
    fn of_tuple(&self, cursor: &impl Cursor, tuples: &Tuples, tuple: Value, new: bool) -> u64 {
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
            return Some(signed(modulus::digits(digits)?, negative));
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
        let hashes = Hashes::default();
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
