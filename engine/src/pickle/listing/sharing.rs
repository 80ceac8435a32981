//! Which lists, dicts and sets of a stream are used in two places, or changed after they were used. A
//! listing gives these a name, so that it says which is which and what they held at the time.

use std::collections::HashSet;
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
    used: HashSet<Value>,
    shared: HashSet<Value>,
}

impl Sharing {
    /// Runs a stream of these facts again. `content` is that of its member.
    pub fn of(content: &Content, stream: &Stream, limits: &Limits) -> io::Result<Self> {
        let mut sharing = Sharing::default();
        machine::retrace(content, stream, limits, &mut sharing)?;
        Ok(sharing)
    }

    /// Whether a container wants a name.
    pub fn wants_name(&self, value: Value) -> bool {
        self.shared.contains(&value)
    }

    fn uses(&mut self, values: impl Iterator<Item = Value>) {
        for value in values.filter(|v| is_container(*v)) {
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
    fn event<C: Cursor>(&mut self, view: &View<'_, C>, _: u64, event: Event<'_>) {
        match event {
            Event::Container { items, .. } => self.uses(items.iter().copied()),
            Event::Items { target, items, .. } => {
                self.uses(items.iter().copied());
                if self.used.contains(&target) && is_container(target) {
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
