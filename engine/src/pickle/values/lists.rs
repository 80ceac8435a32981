//! Long lists, of which a set or a dict may be made: whether what they hold falls together by its hash, as items of a set
//! and as first halves of pairs.

use std::collections::HashMap;

use crate::pickle::values::groups::{Groups, Pair};
use crate::pickle::values::value::Value;

/// Long lists that are followed at a time. One is filled and used before the next one, but for those that hold it.
const MOST: usize = 64;

/// Short lists with such a first item, of the newest: pairs are made right before the list of them.
const FIRSTS: usize = 1 << 15;

/// What is known of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// Its keys are few, or as far apart as others.
    Apart,
    /// Too many of its keys have one hash.
    Alike,
    /// Nobody looked at all of them.
    Unseen,
}

/// One list.
struct Followed {
    list: Value,
    seen: u64,
    items: Option<Groups>,
    pairs: Option<Groups>,
    alike: [bool; 2],
}

/// Lists that are followed.
#[derive(Default)]
pub struct Lists {
    /// Lists from this place in the heap on, once something was imported that may make a set or a dict of one.
    from: Option<u64>,
    /// The newest one used stands last.
    followed: Vec<Followed>,
    firsts: HashMap<Value, Value>,
    older: HashMap<Value, Value>,
    /// Of lists before this place the first items may be forgotten.
    forgotten: u64,
}

impl Lists {
    /// Something was imported that may make a set or a dict of a list.
    pub fn follow(&mut self, next: u64) {
        self.from.get_or_insert(next);
    }

    /// Whether a list is followed.
    #[inline(always)]
    pub fn follows(&self, list: Value) -> bool {
        self.from.is_some_and(|from| list.payload() >= from)
    }

    /// A list that is followed gets so many items, each of which may be an item of a set, and have the first half of a pair.
    pub fn add(&mut self, list: Value, count: u64, keys: impl Iterator<Item = [Option<Pair>; 2]>) {
        let at = match self.followed.iter().rposition(|followed| followed.list == list) {
            Some(at) => at,
            None => {
                if self.followed.len() >= MOST {
                    self.followed.remove(0);
                }
                self.followed.push(Followed { list, seen: 0, items: None, pairs: None, alike: [false; 2] });
                self.followed.len() - 1
            }
        };
        let last = self.followed.len() - 1;
        if at < last {
            let used = self.followed.remove(at);
            self.followed.push(used);
        }
        let Some(Followed { seen, items, pairs, alike: [items_alike, pairs_alike], .. }) =
            self.followed.last_mut()
        else {
            return;
        };
        *seen = seen.saturating_add(count);
        for [item, first] in keys {
            if let Some(hash) = item {
                *items_alike |= !items.get_or_insert_default().add(hash);
            }
            if let Some(hash) = first {
                *pairs_alike |= !pairs.get_or_insert_default().add(hash);
            }
        }
    }

    /// What is known of a list of `count` items, all but `few` of which are looked at.
    pub fn keys(&self, list: Value, count: u64, few: u64, pairs: bool) -> Keys {
        if count <= few {
            return Keys::Apart;
        }
        match self.followed.iter().rfind(|followed| followed.list == list) {
            Some(followed) if followed.seen.saturating_add(few) >= count => {
                if followed.alike[usize::from(pairs)] { Keys::Alike } else { Keys::Apart }
            }
            _ => Keys::Unseen,
        }
    }

    /// The first item of a list, whose hash is no secret.
    pub fn first(&mut self, list: Value, item: Value) {
        if self.firsts.len() >= FIRSTS {
            self.older = std::mem::take(&mut self.firsts);
            let oldest = self.older.keys().map(|list| list.payload()).min();
            self.forgotten = oldest.unwrap_or(self.forgotten).max(self.forgotten);
        }
        self.firsts.insert(list, item);
    }

    /// The first item of a list, if its hash is no secret; `Unknown` where it may be forgotten.
    pub fn first_of(&self, list: Value) -> Option<Value> {
        let known = self.firsts.get(&list).or_else(|| self.older.get(&list)).copied();
        let seen = self.follows(list) && list.payload() >= self.forgotten;
        known.or((!seen).then_some(Value::UNKNOWN))
    }

    /// Bytes held.
    pub fn size(&self) -> usize {
        let groups = |list: &Followed| usize::from(list.items.is_some()) + usize::from(list.pairs.is_some());
        self.followed.iter().map(groups).sum::<usize>() * Groups::SIZE
            + (self.firsts.len() + self.older.len()) * 40
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pickle::values::value::Tag;

    #[test]
    fn a_list_is_followed_from_the_import_on_and_until_others_take_its_place() {
        let list = |i| Value::new(Tag::List, i);
        let mut lists = Lists::default();
        assert!(!lists.follows(list(9)));
        lists.follow(3);
        lists.follow(8);
        assert!(lists.follows(list(3)) && !lists.follows(list(2)));
        let hash = |n| Some(Pair { new: n, old: n });
        lists.add(list(3), 2000, (0..2000).map(|n| [hash(n), hash(7)]));
        assert_eq!(lists.keys(list(3), 2000, 1024, false), Keys::Apart);
        assert_eq!(lists.keys(list(3), 2000, 1024, true), Keys::Alike);
        assert_eq!(lists.keys(list(3), 4000, 1024, false), Keys::Unseen);
        assert_eq!(lists.keys(list(4), 1024, 1024, true), Keys::Apart);
        for i in 4..=MOST as u64 + 3 {
            lists.add(list(i), 1, std::iter::empty());
        }
        assert_eq!(lists.keys(list(3), 2000, 1024, true), Keys::Unseen);
    }

    #[test]
    fn the_first_item_of_a_list_is_known_or_may_be_anything() {
        let list = |i| Value::new(Tag::List, i);
        let mut lists = Lists::default();
        lists.follow(1);
        assert_eq!(lists.first_of(list(0)), Some(Value::UNKNOWN));
        for i in 1..3 * FIRSTS as u64 {
            lists.first(list(2 * i), Value::int(i as i64));
            assert_eq!(lists.first_of(list(2 * i)), Some(Value::int(i as i64)));
            assert_eq!(lists.first_of(list(2 * i + 1)), None);
        }
        lists.first(list(1 << 40), Value::NONE);
        assert_eq!(lists.first_of(list(2)), Some(Value::UNKNOWN));
    }
}
