//! Which lists, dicts and sets of a stream are used in two places, or changed after they were used. A
//! listing gives these a name, so that it says which is which and what they held at the time.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::io;

use crate::content::Content;
use crate::facts::Stream;
use crate::limits::Limits;
use crate::pickle::machine;
use crate::pickle::machine::trace::{Event, Trace, View};
use crate::pickle::stream::opcode as op;
use crate::pickle::stream::reader::Cursor;
use crate::pickle::values::value::{Tag, Value};

/// Containers that are followed. Those that come later have no name.
const MOST: usize = 200_000;

/// Bytes of the stream, and opcodes, that are read behind the last line that is wanted. What stands farther behind it says
/// nothing of it.
const BYTES: u64 = 1 << 20;
const OPCODES: u32 = 1 << 13;

/// Where an onlooker has seen enough.
#[derive(Clone, Copy, Debug, Default)]
pub struct Until {
    /// The last offset that is wanted, if not all are.
    last: Option<u64>,
    /// Opcodes behind it.
    behind: u32,
    over: bool,
}

impl Until {
    /// A little behind an offset.
    pub fn behind(last: Option<u64>) -> Self {
        Until { last, ..Until::default() }
    }

    /// An opcode at this offset is about to run.
    #[inline]
    pub fn pass(&mut self, at: u64) {
        if let Some(last) = self.last.filter(|last| at > *last) {
            self.behind += 1;
            self.over = self.behind > OPCODES || at - last > BYTES;
        }
    }

    /// Whether that is enough.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Whether what is wanted has been passed.
    pub fn is_past(&self) -> bool {
        self.behind > 0
    }
}

/// Watches a machine run.
#[derive(Clone, Debug, Default)]
pub struct Sharing {
    used: HashSet<Value, Places>,
    shared: HashSet<Value, Places>,
    /// Place of the last container among the used ones.
    last: u64,
    /// Where watching ends, if not with the stream.
    until: Until,
}

/// Hashes values by their places in the heap, which follow one another.
pub type Places = BuildHasherDefault<Place>;

/// A hash that is a multiple of the place.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place(u64);

impl Hasher for Place {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|b| self.write_u64((*b).into()));
    }

    fn write_u64(&mut self, n: u64) {
        let mixed = (self.0 ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ mixed >> 32;
    }
}

impl Sharing {
    /// Runs a stream of these facts again. `content` is that of its member.
    pub fn of(content: &Content, stream: &Stream, limits: &Limits) -> io::Result<Self> {
        let mut sharing = Sharing::default();
        machine::retrace(content, stream, limits, &mut sharing)?;
        Ok(sharing)
    }

    /// One that watches until then.
    pub fn up_to(until: Until) -> Self {
        Sharing { until, ..Sharing::default() }
    }

    /// Whether a container wants a name.
    pub fn wants_name(&self, value: Value) -> bool {
        is_container(value) && self.shared.contains(&value)
    }

    fn uses(&mut self, values: impl Iterator<Item = Value>) {
        if self.used.len() >= MOST {
            return;
        }
        for value in values.filter(|v| is_container(*v)) {
            self.last = self.last.max(value.payload());
            if self.used.len() < MOST && !self.used.insert(value) {
                self.shared.insert(value);
            }
        }
    }
}

/// A list, dict or set: what can be changed, and is written where it is used.
pub fn is_container(value: Value) -> bool {
    matches!(value.tag(), Tag::List | Tag::Dict | Tag::Set)
}

impl Trace for Sharing {
    fn has_enough(&self) -> bool {
        self.until.is_over()
    }

    fn event<C: Cursor>(&mut self, view: &View<'_, C>, offset: u64, event: Event<'_>) {
        match event {
            Event::Opcode { .. } => self.until.pass(offset),
            Event::Container { items, .. } => self.uses(items.iter().copied()),
            Event::Items { target, items, .. } => {
                self.uses(items.iter().copied());
                if is_container(target) && target.payload() <= self.last && self.used.contains(&target) {
                    self.shared.insert(target);
                }
            }
            Event::Apply { code, callee, args, kwargs, .. } => {
                self.uses([callee, args].into_iter().chain(kwargs));
                // The tuple of the others was told when it was made.
                if matches!(code, op::INST | op::OBJ) {
                    self.uses(view.tuples.items(args));
                }
            }
            Event::Build { target, state } => self.uses([target, state].into_iter()),
            Event::Persistent { id, .. } => self.uses([id].into_iter()),
            _ => {}
        }
    }
}
