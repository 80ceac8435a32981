//! Places of a long stream from which it can be followed again without what lies before them, by whoever wants to see a
//! few lines of it. Nothing is decided by what is followed so.

use std::sync::Arc;

use crate::pickle::machine::memo::Memo;
use crate::pickle::values::value::{Tag, Value};

/// Bytes between two landmarks at first, and how many there are before that is doubled.
const APART: u64 = 1 << 15;
const MOST: usize = 512;

/// Values of the stack that are kept, and marks. Picklers write items in batches of a thousand, which are pairs at most.
pub const KEPT: usize = 2100;

/// What a stream was like between two opcodes.
#[derive(Clone, Debug)]
pub struct Landmark {
    /// Offset of the opcode that comes next.
    pub offset: u64,
    /// The protocol that was announced last.
    pub protocol: u8,
    /// Where the frame ends; `u64::MAX` outside of frames.
    pub frame_end: u64,
    /// How many imports there were.
    pub imports: usize,
    /// How many entries the memo had.
    pub memoized: u64,
    /// The last values of the stack.
    pub stack: Box<[Value]>,
    /// Whether there were more values below, or more marks.
    pub cut: bool,
    /// The last marks among these values.
    pub marks: Box<[usize]>,
}

/// The landmarks of one stream, in its order, and the memo that it leaves. Copies are cheap.
#[derive(Clone, Debug, Default)]
pub struct Landmarks {
    all: Arc<Vec<Landmark>>,
    /// Bytes between two of them, beyond the first distance.
    more: u64,
    held: usize,
    /// At the end, where nothing took the place of anything in it.
    memo: Option<Arc<Memo>>,
}

impl Landmark {
    fn size(&self) -> usize {
        size_of::<Landmark>() + self.stack.len() * 8 + self.marks.len() * 8
    }
}

impl Landmarks {
    /// Where the next one may stand, in a stream that starts at this offset.
    pub fn next(&self, start: u64) -> u64 {
        self.all.last().map_or(start, |last| last.offset).saturating_add(APART + self.more)
    }

    /// One more, behind the others.
    pub fn push(&mut self, landmark: Landmark) {
        let all = Arc::make_mut(&mut self.all);
        if all.len() == MOST {
            self.more = 2 * self.more + APART;
            let mut odd = false;
            all.retain(|_| {
                odd = !odd;
                odd
            });
            self.held = all.iter().map(Landmark::size).sum();
        }
        self.held += landmark.size();
        all.push(landmark);
    }

    /// The stream ends with this memo.
    pub(in crate::pickle) fn end(&mut self, memo: Memo) {
        if !self.all.is_empty() && !memo.is_rewritten() {
            self.memo = Some(Arc::new(memo));
        }
    }

    /// The last one at or before an offset. `None` as well where the memo does not tell what stood in it there.
    pub fn before(&self, offset: u64) -> Option<&Landmark> {
        self.memo.as_ref()?;
        let behind = self.all.partition_point(|landmark| landmark.offset <= offset);
        self.all.get(behind.checked_sub(1)?)
    }

    /// What the memo had at a landmark, as far as that can be told without the heap: literals and imports.
    pub(in crate::pickle) fn remembered(&self, at: &Landmark, index: u64) -> Option<Value> {
        let value = self.memo.as_ref()?.get(index).filter(|_| index < at.memoized)?;
        let there = match value.tag() {
            Tag::None | Tag::Bool | Tag::Int => true,
            Tag::BigInt | Tag::Float | Tag::Text | Tag::Bytes | Tag::ByteArray | Tag::Persistent => {
                value.payload() < at.offset
            }
            Tag::Encoded => value.payload() >> 2 < at.offset,
            Tag::Import => (value.payload() as usize) < at.imports,
            _ => false,
        };
        there.then_some(value)
    }

    /// Whether something was to be remembered that the memo has let go of.
    pub fn missed(&self) -> bool {
        self.memo.as_ref().is_some_and(|memo| memo.missed())
    }

    /// Bytes held, apart from the memo.
    pub fn size(&self) -> usize {
        self.held
    }

    /// Bytes of the memo.
    pub fn memo_size(&self) -> usize {
        self.memo.as_ref().map_or(0, |memo| memo.size())
    }
}
