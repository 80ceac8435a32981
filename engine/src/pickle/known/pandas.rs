//! pandas: time zones that open files by their name, and `_new_Index`, which runs `__new__` of a class.

use crate::pickle::known::numpy::Dtypes;
use crate::pickle::known::view::{Build, Call, View};
use crate::pickle::known::{Judged, Outcome};
use crate::pickle::stream::reader::Cursor;
use crate::pickle::stream::text::Text;
use crate::pickle::values::mark::Mark;
use crate::pickle::values::value::{Tag, Value};
use crate::policy::guard::Guard;

/// Longest text that is searched for a time zone, in bytes. A type string around the longest path is shorter.
const ZONE: u64 = 1 << 16;

/// Keywords of the classes of indexes, as pandas pickles them. Others, such as `periods`, make an index as long as they
/// say.
const KEYWORDS: &[&str] = &[
    "categories",
    "closed",
    "codes",
    "copy",
    "data",
    "dtype",
    "freq",
    "labels",
    "left",
    "levels",
    "name",
    "names",
    "ordered",
    "ordinal",
    "right",
    "sortorder",
    "start",
    "step",
    "stop",
    "tz",
    "verify_integrity",
];

/// Frequencies that step by a fixed time, or from one end of a month or year to the next, whatever their state says.
const STEADY: &[&str] = &[
    "BMonthBegin",
    "BMonthEnd",
    "BQuarterBegin",
    "BQuarterEnd",
    "BYearBegin",
    "BYearEnd",
    "BusinessMonthBegin",
    "BusinessMonthEnd",
    "Day",
    "Hour",
    "Micro",
    "Milli",
    "Minute",
    "MonthBegin",
    "MonthEnd",
    "Nano",
    "QuarterBegin",
    "QuarterEnd",
    "Second",
    "SemiMonthBegin",
    "SemiMonthEnd",
    "Week",
    "YearBegin",
    "YearEnd",
];

/// `_new_Index(cls, d)`: `cls.__new__(cls, **d)`.
pub fn new_index<C: Cursor>(view: &View<'_, C>, dtypes: &mut Dtypes, call: &Call) -> Judged {
    let class = view.part(call.args, 0).and_then(|v| view.named(v));
    let class = class.filter(|(module, name)| {
        (*module == "pandas" || module.starts_with("pandas.")) && name.ends_with("Index")
    });
    let Some((_, class)) = class else {
        return Err("it creates something else than an index of pandas".to_owned());
    };
    time_zone(view, dtypes, call)?;
    // The keywords of any mapping are taken.
    let keywords = view.part(call.args, 1).filter(|v| v.is(Tag::Dict) && view.text_keys(*v, false));
    let Some(keywords) = keywords.filter(|_| view.count(call.args) == Some(2)) else {
        return Err("its keywords are no literal dict".to_owned());
    };
    let Some(items) = view.items(keywords) else {
        return Err("its keywords cannot be followed".to_owned());
    };
    let range = class == "RangeIndex";
    for (key, value) in items {
        let key = view.word(*key).unwrap_or_default();
        if !KEYWORDS.contains(&key.as_str()) {
            return Err(format!("it is given {key:?}, which pandas does not write"));
        }
        if range && matches!(key.as_str(), "start" | "stop") {
            dtypes.stands_for(value.as_int().map_or(0, i64::unsigned_abs));
        } else if key == "dtype"
            && view.word(*value).is_some_and(|code| code.bytes().filter(u8::is_ascii_digit).count() > 4)
        {
            return Err("its dtype has items as large as it says".to_owned());
        } else if view.heap.mark(*value).has(Mark::LARGE) && (key == "dtype" || !value.is(Tag::Object)) {
            return Err(format!("its {key:?} has a number over 1,048,576, which may be a size"));
        }
    }
    let data = items.iter().find(|(key, _)| view.word(*key).as_deref() == Some("data")).map(|i| i.1);
    let freq = items.iter().find(|(key, _)| view.word(*key).as_deref() == Some("freq")).map(|i| i.1);
    // It compares the data with a range that it makes by the frequency, step by step. `_new_DatetimeIndex` does not,
    // where the data are an array.
    let maker = view.imports.get(call.import).map_or("", |i| i.name.as_str());
    let indexed = data.and_then(|v| view.made_by(v)).is_none_or(|(_, name)| name.contains("Index"));
    let timed = matches!(class, "DatetimeIndex" | "TimedeltaIndex") && (maker == "_new_Index" || indexed);
    let steady = |v: Value| view.made_by(v).is_some_and(|(_, name)| STEADY.contains(&name));
    if timed && freq.is_some_and(|v| !v.is(Tag::None) && !v.is(Tag::Text) && !steady(v)) {
        return Err("its frequency may step by as little as its state says".to_owned());
    }
    Ok(Outcome::Of(keywords))
}

/// What a call is given names no time zone of dateutil.
pub fn time_zone<C: Cursor>(view: &View<'_, C>, dtypes: &Dtypes, call: &Call) -> Judged {
    if call.keywords || view.heap.tuples.items(call.args).any(|v| opens_zone(view, dtypes, v)) {
        return Err("it may be given a time zone of dateutil by name, which opens that file".to_owned());
    }
    Ok(Outcome::Object)
}

/// Classes whose state goes into C fields (`pandas/_libs/arrays.pyx`, `NDArrayBacked`): without an array the first
/// method that is called ends the process.
const BACKED: &[&str] = &[
    "Categorical",
    "DatetimeArray",
    "NumpyExtensionArray",
    "PandasArray",
    "PeriodArray",
    "StringArray",
    "StringArrayNumpySemantics",
    "TimedeltaArray",
];

/// Whether the state of such an array has one of numpy under its key, or as its first or second part. The numbers of
/// dates are no objects, which an old release would take for attributes.
fn is_backed<C: Cursor>(view: &View<'_, C>, dtypes: &Dtypes, class: &str, state: Value) -> bool {
    let objects =
        matches!(class, "NumpyExtensionArray" | "PandasArray" | "StringArray" | "StringArrayNumpySemantics");
    let array = |v: Value| {
        let maker = view.imports.maker(v).guard;
        let numpy = matches!(maker, Some(Guard::NumpyArray | Guard::LiteralBuffer | Guard::JoblibArray));
        numpy && (objects || !dtypes.has_objects(v))
    };
    if view.count(state).is_some() {
        return view.part(state, 0).is_some_and(array) || view.part(state, 1).is_some_and(array);
    }
    let held =
        |key: Value| matches!(view.word(key).as_deref(), Some("_ndarray" | "_data" | "_codes" | "codes"));
    view.items(state).is_some_and(|items| {
        let mut held = items.iter().filter(|(key, _)| held(*key)).peekable();
        held.peek().is_some() && held.all(|(_, v)| array(*v))
    })
}

/// Neither does a state.
pub fn time_zone_state<C: Cursor>(view: &View<'_, C>, dtypes: &Dtypes, build: &Build) -> Result<(), String> {
    let class = view.imports.get(build.import).map_or("", |i| i.name.as_str());
    if BACKED.contains(&class) && !is_backed(view, dtypes, class, build.state) {
        return Err("it keeps no array of numpy, and compiled code takes it for one".to_owned());
    }
    let mut within = std::iter::once(build.state).chain(view.heap.tuples.items(build.state));
    if within.any(|v| has_odd_cache(view, v)) {
        return Err("its `_cache` is no literal dict, and compiled code takes it for one".to_owned());
    }
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

/// Whether attributes have, or may have, a `_cache` that is no dict: `pandas._libs.properties.CachedProperty` looks into
/// it by functions of C that do not ask what it is.
fn has_odd_cache<C: Cursor>(view: &View<'_, C>, attributes: Value) -> bool {
    if !view.is_mapping(attributes) {
        return false;
    }
    let Some(items) = view.items(attributes) else { return view.heap.count(attributes) != Some(0) };
    items.iter().any(|(key, v)| {
        !v.is(Tag::Dict) && !v.is(Tag::None) && view.word(*key).is_none_or(|key| key == "_cache")
    })
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
