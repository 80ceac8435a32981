//! pandas: time zones that open files by their name, and `_new_Index`, which runs `__new__` of a class.

use crate::pickle::known::numpy::Dtypes;
use crate::pickle::known::view::{Build, Call, View};
use crate::pickle::known::{Judged, Outcome};
use crate::pickle::stream::reader::Cursor;
use crate::pickle::stream::text::Text;
use crate::pickle::values::value::{Tag, Value};

/// Longest text that is searched for a time zone, in bytes. A type string around the longest path is shorter.
const ZONE: u64 = 1 << 16;

/// `_new_Index(cls, d)`: `cls.__new__(cls, **d)`.
pub fn new_index<C: Cursor>(view: &View<'_, C>, dtypes: &Dtypes, call: &Call) -> Judged {
    let class = view.part(call.args, 0).and_then(|v| view.named(v)).is_some_and(|(module, name)| {
        (module == "pandas" || module.starts_with("pandas.")) && name.ends_with("Index")
    });
    if !class {
        return Err("it creates something else than an index of pandas".to_owned());
    }
    time_zone(view, dtypes, call)?;
    // The keywords of any mapping are taken.
    let keywords = view.part(call.args, 1);
    match keywords.filter(|v| v.is(Tag::Dict) && view.text_keys(*v, false)) {
        Some(keywords) if view.count(call.args) == Some(2) => Ok(Outcome::Of(keywords)),
        _ => Err("its keywords are no literal dict".to_owned()),
    }
}

/// What a call is given names no time zone of dateutil.
pub fn time_zone<C: Cursor>(view: &View<'_, C>, dtypes: &Dtypes, call: &Call) -> Judged {
    if call.keywords || view.heap.tuples.items(call.args).any(|v| opens_zone(view, dtypes, v)) {
        return Err("it may be given a time zone of dateutil by name, which opens that file".to_owned());
    }
    Ok(Outcome::Object)
}

/// Neither does a state.
pub fn time_zone_state<C: Cursor>(view: &View<'_, C>, build: &Build) -> Result<(), String> {
    // A type keeps its type string in a state of its own, with little in it.
    let dtype = view.imports.get(build.import).is_some_and(|i| i.name.ends_with("Dtype"));
    let unread = dtype && build.state.is(Tag::Dict) && view.items(build.state).is_none();
    let here = |v: Value| !v.is(Tag::Object) && names_zone(view, v);
    let parts = |v: Value| view.heap.tuples.items(v);
    if unread || here(build.state) || parts(build.state).any(|v| here(v) || parts(v).any(here)) {
        return Err("it names a time zone of dateutil, whose file a call would open".to_owned());
    }
    Ok(())
}

/// Whether an argument names a time zone of dateutil, or may: an object is no text where its class was found to be
/// none.
fn opens_zone<C: Cursor>(view: &View<'_, C>, dtypes: &Dtypes, value: Value) -> bool {
    match value.tag() {
        Tag::Object => {
            let known = view.imports.maker(value);
            known.triggers.is_none_or(|t| t.text) || dtypes.may_be_text(value)
        }
        Tag::Unknown | Tag::Persistent => true,
        Tag::Dict if view.items(value).is_none() => true,
        _ => names_zone(view, value),
    }
}

/// Whether a text, or a value of a dict, names a time zone of dateutil.
fn names_zone<C: Cursor>(view: &View<'_, C>, value: Value) -> bool {
    match value.tag() {
        Tag::Text => match view.text(value, ZONE) {
            Some(Text::Str(text)) => text.contains("dateutil/"),
            _ => true,
        },
        Tag::Dict => view.items(value).is_some_and(|items| {
            items.iter().any(|(_, v)| match v.tag() {
                Tag::Text => names_zone(view, *v),
                Tag::Object => view.imports.maker(*v).triggers.is_none_or(|t| t.text),
                _ => false,
            })
        }),
        _ => false,
    }
}
