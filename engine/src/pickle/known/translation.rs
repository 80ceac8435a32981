//! Sphinx's `_TranslationProxy`: three texts since 7.2, before that a stored call, which is one of translating them.

use crate::pickle::known::view::{Build, Call, View};
use crate::pickle::known::{Judged, Outcome};
use crate::pickle::stream::reader::Cursor;
use crate::pickle::values::value::{Tag, Value};

/// Functions of `sphinx.locale` that look a text up among the messages that are loaded.
const TRANSLATE: &[&str] = &["_lazy_translate", "mygettext"];

/// Texts of a message: catalogue, namespace and message, or the message alone.
const TEXTS: usize = 3;

/// `__new__(cls)`, or `__new__(cls, function, text…)`.
pub fn call<C: Cursor>(view: &View<'_, C>, call: &Call) -> Judged {
    let mut parts = view.heap.tuples.items(call.args);
    let made = match parts.next() {
        None => true,
        Some(function) => {
            translates(view, function) && view.count(call.args).is_some_and(|n| (2..=TEXTS + 1).contains(&n))
        }
    };
    if call.keywords || !made || !parts.all(|v| v.is(Tag::Text)) {
        return Err("it is made of something else than a text to translate".to_owned());
    }
    Ok(Outcome::Object)
}

/// Its state: three texts, or the function and its texts.
pub fn state<C: Cursor>(view: &View<'_, C>, build: &Build) -> Result<(), String> {
    let texts = |tuple: Value, most: usize| {
        view.count(tuple).is_some_and(|n| (1..=most).contains(&n))
            && view.heap.tuples.items(tuple).all(|v| v.is(Tag::Text))
    };
    let stored = || {
        let (function, args) = (view.part(build.state, 0), view.part(build.state, 1));
        function.is_some_and(|v| translates(view, v))
            && args.is_some_and(|v| v.is(Tag::Tuple) && texts(v, TEXTS))
    };
    let fine = match view.count(build.state) {
        Some(2) => stored(),
        Some(TEXTS) => texts(build.state, TEXTS),
        _ => false,
    };
    if fine { Ok(()) } else { Err("its state is a call of something else than a translation".to_owned()) }
}

fn translates<C: Cursor>(view: &View<'_, C>, value: Value) -> bool {
    view.named(value).is_some_and(|(module, name)| module == "sphinx.locale" && TRANSLATE.contains(&name))
}
