//! Records of containers and objects, four bytes each where they are small: files hold millions of these.

use crate::pickle::values::tail::Tail;

/// What is kept of a container or of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Its mark, and bits of its own above that.
    pub bits: u32,
    /// How many items it was given.
    pub len: u32,
    /// Steps that a walk over what it was given takes.
    pub steps: u32,
    /// How deep that lies.
    pub depth: u8,
}

/// Records of which the small ones take one word: so many bits, then three for the depth, and so many for the length and
/// for the steps. The others lie apart, and their word says where.
#[derive(Debug, Default)]
pub struct Records<const BITS: u32, const LEN: u32, const STEPS: u32> {
    words: Tail<u32>,
    apart: Tail<Record>,
}

const APART: u32 = 1 << 31;
const DEPTH: u32 = 3;

/// Where the record of a word lies apart.
#[inline(always)]
fn place_of(word: u32) -> u64 {
    (word & !APART).into()
}

impl<const BITS: u32, const LEN: u32, const STEPS: u32> Records<BITS, LEN, STEPS> {
    const FITS: () = assert!(BITS + DEPTH + LEN + STEPS <= 31);

    /// How many there are.
    #[inline(always)]
    pub fn count(&self) -> u64 {
        self.words.count()
    }

    /// A record in one word.
    #[inline(always)]
    fn word(record: Record) -> Option<u32> {
        let () = Self::FITS;
        let Record { bits, len, steps, depth } = record;
        let small = bits >> BITS | u32::from(depth) >> DEPTH | len >> LEN | steps >> STEPS == 0;
        small.then_some(
            bits | u32::from(depth) << BITS | len << (BITS + DEPTH) | steps << (BITS + DEPTH + LEN),
        )
    }

    #[inline(always)]
    fn record(&self, word: u32) -> Record {
        if word & APART != 0 { self.other(word) } else { Self::small(word) }
    }

    #[inline(never)]
    fn other(&self, word: u32) -> Record {
        self.apart.get(place_of(word)).unwrap_or_default()
    }

    #[inline(always)]
    fn small(word: u32) -> Record {
        let part = |at: u32, width: u32| word >> at & ((1 << width) - 1);
        Record {
            bits: part(0, BITS),
            depth: part(BITS, DEPTH) as u8,
            len: part(BITS + DEPTH, LEN),
            steps: part(BITS + DEPTH + LEN, STEPS),
        }
    }

    /// One more, with nothing in it. Gives its index.
    #[inline(always)]
    pub fn empty(&mut self) -> u64 {
        let index = self.words.count();
        self.words.push(0);
        index
    }

    /// One more. Gives its index.
    #[inline(always)]
    pub fn push(&mut self, record: Record) -> u64 {
        let index = self.empty();
        self.set(index, record);
        index
    }

    /// One of them.
    #[inline(always)]
    pub fn get(&self, index: u64) -> Option<Record> {
        self.words.get(index).map(|word| self.record(word))
    }

    /// The bits, the steps and the depth of one, where it lies in one word and has none of these bits.
    #[inline(always)]
    pub fn simple(&self, index: u64, unless: u32) -> Option<(u32, u32, u8)> {
        let word = self.words.get(index)?;
        if word & (APART | unless) != 0 {
            return None;
        }
        let Record { bits, steps, depth, .. } = Self::small(word);
        Some((bits, steps, depth))
    }

    /// Puts a record in the place of another.
    #[inline(always)]
    pub fn set(&mut self, index: u64, record: Record) {
        let Some(place) = self.words.get_mut(index) else { return };
        match Self::word(record) {
            Some(word) if *place & APART == 0 => *place = word,
            _ => *place = Self::set_apart(&mut self.apart, *place, record),
        }
    }

    #[inline(never)]
    fn set_apart(apart: &mut Tail<Record>, word: u32, record: Record) -> u32 {
        if word & APART != 0
            && let Some(place) = apart.get_mut(place_of(word))
        {
            *place = record;
            return word;
        }
        let word = APART | apart.count() as u32;
        apart.push(record);
        word
    }

    /// Something is put into what this record is of. Gives the record as it was.
    #[inline]
    pub fn grow(&mut self, index: u64, len: u32, steps: u32, depth: u8) -> Record {
        let Some(place) = self.words.get_mut(index) else { return Record::default() };
        let word = *place;
        if word & APART == 0 {
            let old = Self::small(word);
            let (len, steps) = (u64::from(old.len) + u64::from(len), u64::from(old.steps) + u64::from(steps));
            let depth = u32::from(old.depth.max(depth));
            if len >> LEN | steps >> STEPS | u64::from(depth >> DEPTH) == 0 {
                *place = old.bits
                    | depth << BITS
                    | (len as u32) << (BITS + DEPTH)
                    | (steps as u32) << (BITS + DEPTH + LEN);
                return old;
            }
        }
        self.grow_apart(index, len, steps, depth)
    }

    /// Something is put into what this record is of, which gets these bits, where it lies in one word before and after that,
    /// and has none of those. False where nothing was done.
    #[inline(always)]
    pub fn grow_simple(&mut self, index: u64, bits: u32, unless: u32, steps: u32, depth: u8) -> bool {
        let Some(place) = self.words.get_mut(index) else { return false };
        let word = *place;
        let old = Self::small(word);
        let steps = u64::from(old.steps) + u64::from(steps);
        let depth = u32::from(old.depth.max(depth));
        let simple = word & (APART | unless) == 0 && steps >> STEPS | u64::from(depth >> DEPTH) == 0;
        if simple {
            let kept = word & (((1 << BITS) - 1) | (((1 << LEN) - 1) << (BITS + DEPTH)));
            *place = kept | bits | depth << BITS | (steps as u32) << (BITS + DEPTH + LEN);
        }
        simple
    }

    #[inline(never)]
    fn grow_apart(&mut self, index: u64, len: u32, steps: u32, depth: u8) -> Record {
        let old = self.get(index).unwrap_or_default();
        let record = Record {
            bits: old.bits,
            len: old.len.saturating_add(len),
            steps: old.steps.saturating_add(steps),
            depth: old.depth.max(depth),
        };
        self.set(index, record);
        old
    }

    /// Adds bits to a record.
    #[inline(always)]
    pub fn add_bits(&mut self, index: u64, bits: u32) {
        let Some(place) = self.words.get_mut(index) else { return };
        if *place & APART == 0 {
            *place |= bits;
        } else if let Some(record) = self.apart.get_mut(place_of(*place)) {
            record.bits |= bits;
        }
    }

    /// Old ones go: [`Tail::age`].
    pub fn age(&mut self, kept: usize) {
        self.words.age(kept);
        self.apart.age(kept);
    }

    /// Whether somebody asked for one that is gone.
    pub fn missed(&self) -> bool {
        self.words.missed() | self.apart.missed()
    }

    /// Bytes held.
    pub fn size(&self) -> usize {
        self.words.size() + self.apart.size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_what_it_was_set_to_small_or_large() {
        let mut records = Records::<14, 6, 8>::default();
        let small = Record { bits: (1 << 14) - 1, len: 63, steps: 255, depth: 7 };
        let large = [
            Record { len: 64, ..small },
            Record { steps: 256, ..small },
            Record { depth: 8, ..small },
            Record { bits: 1, len: u32::MAX, steps: u32::MAX, depth: u8::MAX },
        ];
        let first = records.push(small);
        let size = records.size();
        assert_eq!(records.get(first), Some(small));
        for record in large {
            let index = records.push(record);
            assert_eq!(records.get(index), Some(record));
            records.add_bits(index, 2);
            assert_eq!(records.get(index), Some(Record { bits: record.bits | 2, ..record }));
            // One that lies apart stays there, and takes no second place.
            let held = records.size();
            records.set(index, small);
            assert_eq!(records.get(index), Some(small));
            assert_eq!(records.size(), held);
            assert_eq!(records.grow(index, 2, u32::MAX, 9), small);
            assert_eq!(records.get(index), Some(Record { len: 65, steps: u32::MAX, depth: 9, ..small }));
        }
        assert_eq!((size, records.get(first), records.get(99)), (4, Some(small), None));
        // It grows where it is simple and stays so.
        let index = records.push(Record { bits: 5, len: 2, steps: 7, depth: 1 });
        assert!(!records.grow_simple(index, 2, 4, 1, 0) && !records.grow_simple(index, 2, 8, 249, 0));
        assert!(!records.grow_simple(index, 2, 8, 1, 8) && records.grow_simple(index, 2, 8, 248, 7));
        assert_eq!(records.get(index), Some(Record { bits: 7, len: 2, steps: 255, depth: 7 }));
        // It grows in its place, and then apart.
        let index = records.push(Record { bits: 5, ..Record::default() });
        let held = records.size();
        records.grow(index, 3, 200, 2);
        assert_eq!(records.get(index), Some(Record { bits: 5, len: 3, steps: 200, depth: 2 }));
        assert_eq!(records.size(), held);
        records.grow(index, 60, 56, 1);
        assert_eq!(records.get(index), Some(Record { bits: 5, len: 63, steps: 256, depth: 2 }));
    }
}
