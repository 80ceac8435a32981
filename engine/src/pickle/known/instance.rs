//! Callables that run `__new__` of a class they are given: judged as the class itself.

use crate::pickle::known::container;
use crate::pickle::known::view::{Call, View};
use crate::pickle::known::{Judged, Outcome};
use crate::pickle::stream::reader::Cursor;
use crate::pickle::values::value::Tag;

/// `copyreg._reconstructor(cls, base, state)`: how protocols 0 and 1 spell NEWOBJ.
pub fn reconstructor<C: Cursor>(view: &View<'_, C>, call: &Call) -> Judged {
    let class = view.part(call.args, 0).and_then(|v| v.as_import());
    let base = view.part(call.args, 1).and_then(|v| view.named(v));
    let state = view.part(call.args, 2);
    // `base.__new__(cls, state)` and `base.__init__(obj, state)` copy it.
    let fine = base.zip(state).is_some_and(|((module, base), state)| {
        matches!(module, "builtins" | "__builtin__") && container::is_base(view, base, state)
    });
    match class.filter(|_| fine && !call.keywords && view.count(call.args) == Some(3)) {
        Some(class) => Ok(Outcome::Instance { class, state: None, items: state }),
        None => Err("it runs `__init__` of a base that is no built-in container".to_owned()),
    }
}

/// `newObj(cls)` and Cython's `__pyx_unpickle_…(cls, checksum, state)`.
pub fn class_argument<C: Cursor>(view: &View<'_, C>, call: &Call) -> Judged {
    let class = view.part(call.args, 0).and_then(|v| v.as_import());
    match class.filter(|_| !call.keywords) {
        Some(class) => {
            let state = view.part(call.args, 2).filter(|v| !v.is(Tag::None));
            Ok(Outcome::Instance { class, state, items: None })
        }
        None => Err("it makes an instance of what is no literal import".to_owned()),
    }
}
