//! Arrays in joblib's files: behind the BUILD of a `NumpyArrayWrapper` the array's raw bytes stand in
//! the stream, or a whole pickle for an array of objects (`joblib/numpy_pickle.py`,
//! `NumpyArrayWrapper.read_array`).

use crate::facts::Loader;
use crate::pickle::machine::trace::Trace;
use crate::pickle::machine::vm::{Halt, Machine};
use crate::pickle::stream::reader::Cursor;
use crate::pickle::values::mark::Mark;
use crate::pickle::values::value::{Tag, Value};
use crate::policy::trigger::Shape;

/// Attributes beyond which a wrapper is not one that joblib wrote: it has six.
const ATTRIBUTES: usize = 32;

/// What of the wrapper's state decides how many bytes follow.
struct Announced {
    elements: u64,
    size: u64,
    object: bool,
    /// With `numpy_array_alignment_bytes`: one byte says how much padding follows.
    padded: bool,
}

impl<C: Cursor, T: Trace> Machine<'_, C, T> {
    fn announced(&self, state: Value) -> Option<Announced> {
        let view = self.view();
        let items = view.items(state).filter(|items| items.len() <= ATTRIBUTES)?;
        let find = |wanted: &str| {
            items
                .iter()
                .rev()
                .find(|(key, _)| self.literal_word(*key).as_deref() == Some(wanted))
                .map(|i| i.1)
        };
        let elements = self.state.heap.tuples.product(find("shape")?)?;
        let dtype = self.state.dtypes.get(find("dtype")?)?;
        let padded = find("numpy_array_alignment_bytes").is_some_and(|v| !v.is(Tag::None));
        Some(Announced { elements, size: dtype.size?, object: dtype.object, padded })
    }

    /// A wrapper stands for the array, and numbers are inert. So is a wrapper that no joblib replaces. Objects come
    /// behind it, and widen its mark by what they are.
    pub(super) fn array_mark(&self, state: Value) -> Mark {
        self.announced(state).map_or(Mark::STORED, |_| Mark::INERT)
    }

    /// Steps over the data that a wrapper announces, or reads the pickle that stands for it.
    pub(super) fn array_data(&mut self, at: u64, wrapper: Value, state: Value) -> Result<(), Halt> {
        let Some(announced) = self.announced(state) else {
            return Err(Halt::Broken("a joblib array whose size cannot be told".to_owned()));
        };
        self.leave_frame_for_data(at);
        if announced.object {
            // `joblib.load` puts what that pickle gives in the place of the wrapper.
            let mark = self.inner_pickle()?;
            let inert = mark.shape() <= Shape::Inert;
            self.widen(at, wrapper, if inert { Mark::INERT } else { Mark::STORED });
            return Ok(());
        }
        if announced.padded && self.state.reading == Loader::Joblib {
            let padding = self.u8()?;
            self.skip(u64::from(padding))?;
        }
        let bytes = announced.elements.checked_mul(announced.size);
        match bytes {
            Some(n) => self.skip(n),
            None => Err(Halt::Broken("a joblib array larger than any file".to_owned())),
        }
    }
}
