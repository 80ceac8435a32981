//! Keys of dicts that were looked at and do not matter. The same few are used over and over, and the text of
//! a key may lie far behind, where reading it again costs more than all else.

use crate::pickle::values::value::Value;

/// Places at first and at most. Powers of two.
const FEW: usize = 1 << 8;
const MOST: usize = 1 << 20;

/// Keys, each at the place its offset gives.
#[derive(Default)]
pub struct Keys {
    places: Vec<Value>,
    /// How many keys gave way to others since the places were made.
    displaced: usize,
}

impl Keys {
    #[inline(always)]
    fn place(&self, key: Value) -> usize {
        key.payload() as usize & self.places.len().wrapping_sub(1)
    }

    /// Whether this key is among them. One that was forgotten is not.
    #[inline(always)]
    pub fn contains(&self, key: Value) -> bool {
        self.places.get(self.place(key)) == Some(&key)
    }

    /// Adds a key.
    pub fn insert(&mut self, key: Value) {
        let len = self.places.len();
        if len == 0 || (self.displaced > len && len < MOST) {
            self.places.clear();
            self.places.resize((len * 4).clamp(FEW, MOST), Value::UNSET);
            self.displaced = 0;
        }
        let place = self.place(key);
        if let Some(place) = self.places.get_mut(place) {
            self.displaced += usize::from(*place != Value::UNSET && *place != key);
            *place = key;
        }
    }

    /// Bytes held.
    pub fn held(&self) -> usize {
        self.places.len() * 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pickle::values::value::Tag;

    #[test]
    fn a_key_is_there_or_forgotten_and_never_another() {
        let key = |i: u64| Value::new(Tag::Text, i * 7);
        let mut keys = Keys::default();
        assert!(!keys.contains(key(0)));
        for i in 0..5_000 {
            keys.insert(key(i));
            assert!(keys.contains(key(i)) && !keys.contains(key(i + 1)), "{i}");
            assert!(!keys.contains(Value::new(Tag::Bytes, i * 7)), "{i}");
        }
        let known = (0..5_000).filter(|i| keys.contains(key(*i))).count();
        assert!(known > 500, "{known}");
        // Few keys in use lead to few places.
        let mut few = Keys::default();
        (0..100_000).for_each(|i| few.insert(key(i % 100)));
        assert!(few.held() <= 64 << 10, "{}", few.held());
    }
}
