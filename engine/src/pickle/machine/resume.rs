//! Landmarks of a long stream, and a machine that goes on from one. What it was not told is unknown to it, so it serves
//! for showing what a stream does there, and for nothing else.

use crate::facts::Stream;
use crate::pickle::machine::memo::Memo;
use crate::pickle::machine::trace::Trace;
use crate::pickle::machine::vm::{Machine, State};
use crate::pickle::stream::opcode as op;
use crate::pickle::stream::reader::Cursor;
use crate::pickle::values::heap::{Nature, Tuples, Walk};
use crate::pickle::values::landmark::{KEPT, Landmark};
use crate::pickle::values::mark::Mark;
use crate::pickle::values::value::{Tag, Value};

impl<C: Cursor, T: Trace> Machine<'_, C, T> {
    /// Sets a landmark, where one is due.
    #[inline(always)]
    pub(super) fn pass(&mut self) {
        if !T::ON && !C::BUFFERS_FRAMES && self.cursor.position() >= self.state.due {
            self.set_landmark();
        }
    }

    #[cold]
    fn set_landmark(&mut self) {
        let state = &mut self.state;
        let from = state.stack.len().saturating_sub(KEPT);
        let marks = state.marks.get(state.marks.len().saturating_sub(KEPT)..).unwrap_or(&[]);
        let cut = from > 0 || marks.len() < state.marks.len();
        let marks = marks.iter().filter_map(|mark| mark.checked_sub(from));
        let landmark = Landmark {
            offset: self.cursor.position(),
            protocol: state.protocol,
            frame_end: state.frame_end,
            imports: state.imports.count(),
            memoized: state.memo.count(),
            stack: state.stack.get(from..).unwrap_or(&[]).into(),
            cut,
            marks: marks.collect(),
        };
        state.stream.landmarks.push(landmark);
        state.due = state.stream.landmarks.next(state.stream.start);
    }
}

impl State {
    /// The state at a landmark of a stream of these facts.
    pub(super) fn resumed(stream: &Stream, from: &Landmark) -> State {
        let mut state = State::new(stream.reading, stream.start);
        state.resumed = Some((stream.landmarks.clone(), from.clone()));
        state.protocol = from.protocol;
        state.frame_end = from.frame_end;
        let mapped = from.protocol < 3;
        for (i, import) in stream.imports.iter().take(from.imports).enumerate() {
            let imports = &mut state.imports;
            let (module, name) = (imports.name(&import.raw_module), imports.name(&import.raw_name));
            let index = imports.resolve(module, name, mapped, import.offset, op::GLOBAL);
            if index as usize != i {
                imports.resolve(module, name, !mapped, import.offset, op::GLOBAL);
            }
        }
        state.memo = Memo::resumed(from.memoized);
        if from.cut {
            state.stack.push(Value::UNKNOWN);
            state.marks.push(1);
        }
        let below = state.stack.len();
        for value in &from.stack {
            let value = match value.tag() {
                tag @ (Tag::List | Tag::Dict | Tag::Set) => state.heap.container(tag),
                Tag::Object => {
                    state.heap.object(value.object_import(), Mark::STORED, Nature::Open, Walk::default())
                }
                Tag::Tuple if *value == Tuples::EMPTY => *value,
                Tag::Tuple | Tag::FrozenSet => Value::UNKNOWN,
                _ => *value,
            };
            state.stack.push(value);
        }
        state.marks.extend(from.marks.iter().map(|mark| mark + below));
        state.fence = state.marks.last().copied().unwrap_or(0);
        state
    }
}
