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

/// Watches a machine run.
#[derive(Clone, Debug, Default)]
pub struct Sharing {
    used: HashSet<Value, Places>,
    shared: HashSet<Value, Places>,
    /// Place of the last container among the used ones.
    last: u64,
    /// Where watching ends, and where it is.
    until: Option<u64>,
    at: u64,
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
        Sharing::up_to(content, stream, limits, None)
    }

    /// The same, to an offset.
    pub fn up_to(
        content: &Content,
        stream: &Stream,
        limits: &Limits,
        until: Option<u64>,
    ) -> io::Result<Self> {
        let mut sharing = Sharing { until, ..Sharing::default() };
        machine::retrace(content, stream, limits, &mut sharing)?;
        Ok(sharing)
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
        self.until.is_some_and(|until| self.at > until)
    }

    fn event<C: Cursor>(&mut self, view: &View<'_, C>, offset: u64, event: Event<'_>) {
        match event {
            Event::Opcode { .. } => self.at = offset,
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
