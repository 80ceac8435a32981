//! `functools.partial`: a stored call, of what is known to compute, with plain arguments; or of what makes a container.

use crate::pickle::known::container::{is_factory, makes_container};
use crate::pickle::known::view::{Build, Call, View};
use crate::pickle::known::{Judged, Outcome};
use crate::pickle::stream::reader::Cursor;
use crate::pickle::values::mark::Mark;
use crate::pickle::values::value::{Tag, Value};
use crate::policy::trigger::Shape;

/// Packages whose listed classes and functions take plain arguments to set sizes and rates, and open nothing.
const COMPUTING: &[&str] =
    &["torch.nn.", "torch.optim.", "torchvision.ops.", "timm.layers.", "timm.models.", "sklearn.metrics."];

/// How pandas 1.3 writes each block of a frame: `partial(new_block, ndim=2)`, called with values and places.
const BLOCK: (&str, &str) = ("pandas.core.internals.blocks", "new_block");

/// How scikit-learn's `HistGradientBoosting…` looks at columns of numbers beside categorical ones:
/// `FunctionTransformer(partial(check_array, dtype=[float64], …))`. It converts what it is given, and opens nothing.
const CHECK: (&str, &str) = ("sklearn.utils.validation", "check_array");
const NUMBERS: &[&str] = &["float32", "float64"];

const NOT_LITERALS: &str = "it would make a container of something else than literals and factories";

/// An argument of a container: a literal that is none itself, or a factory of another, as in
/// `partial(defaultdict, list)`.
fn kept_by_factory<C: Cursor>(view: &View<'_, C>, value: Value) -> bool {
    matches!(value.tag(), Tag::None | Tag::Bool | Tag::Int | Tag::Float | Tag::Text)
        && view.is(value, Shape::Plain)
        || is_factory(view, value)
}

/// `partial(function, …)`.
pub fn call<C: Cursor>(view: &View<'_, C>, call: &Call) -> Judged {
    let mut parts = view.heap.tuples.items(call.args);
    let function = parts.next();
    if !call.keywords && function.is_some_and(|v| makes_container(view, v)) {
        return match parts.all(|v| kept_by_factory(view, v)) {
            true => Ok(Outcome::New(view.heap.held(call.args).with(Mark::FACTORY))),
            false => Err(NOT_LITERALS.to_owned()),
        };
    }
    if call.keywords || !function.is_some_and(|v| computes(view, v)) {
        return Err("it would call something else than layers, optimizers and metrics".to_owned());
    }
    if !parts.all(|v| view.is(v, Shape::Plain)) {
        return Err("the arguments that it keeps are not plain".to_owned());
    }
    Ok(Outcome::Object)
}

/// Its state: `(function, args, keywords, __dict__)`.
pub fn state<C: Cursor>(view: &View<'_, C>, build: &Build) -> Result<(), String> {
    let part = |i| view.part(build.state, i);
    let plain = |v: Value| view.is(v, Shape::Plain);
    let attributes =
        part(3).is_some_and(|v| v.is(Tag::None) || v.is(Tag::Dict) && view.heap.count(v) == Some(0));
    if view.heap.mark(build.object).has(Mark::FACTORY) {
        let function = part(0).is_some_and(|v| makes_container(view, v));
        let args = part(1)
            .is_some_and(|v| v.is(Tag::Tuple) && view.heap.tuples.items(v).all(|v| kept_by_factory(view, v)));
        let keywords = part(2).is_some_and(|v| v.is(Tag::Dict) && view.heap.count(v) == Some(0));
        return match view.count(build.state) == Some(4) && function && args && keywords && attributes {
            true => Ok(()),
            false => Err(NOT_LITERALS.to_owned()),
        };
    }
    if view.count(build.state) != Some(4) || !part(0).is_some_and(|v| computes(view, v)) {
        return Err("it would call something else than layers, optimizers and metrics".to_owned());
    }
    let args = part(1).is_some_and(|v| v.is(Tag::Tuple) && plain(v));
    let checks = part(0).is_some_and(|v| view.named(v) == Some(CHECK));
    let types = |key: Value, value: Value| {
        checks && view.word(key).as_deref() == Some("dtype") && are_numbers(view, value)
    };
    let each = |keywords: Value| {
        let items = view.items(keywords);
        items.is_some_and(|items| items.iter().all(|(key, value)| plain(*value) || types(*key, *value)))
    };
    let keywords =
        part(2).is_some_and(|v| v.is(Tag::Dict) && view.text_keys(v, true) && (plain(v) || each(v)));
    if !(args && keywords && attributes) {
        return Err("the arguments that it keeps are not plain".to_owned());
    }
    Ok(())
}

/// The import that an object with this state calls when it is called itself, where that is as if it were called by
/// itself: for blocks of pandas 1.3, whose `ndim` cannot be given by position.
pub fn calls<C: Cursor>(view: &View<'_, C>, state: Value) -> Option<u32> {
    let part = |i| view.part(state, i);
    let function = part(0).filter(|v| view.named(*v) == Some(BLOCK))?;
    let [(key, dimension)] = view.items(part(2)?)? else { return None };
    let settled = view.count(part(1)?) == Some(0)
        && view.word(*key).as_deref() == Some("ndim")
        && dimension.as_int().is_some_and(|n| (1..=2).contains(&n));
    settled.then_some(function.payload() as u32)
}

/// A list of numpy's types of numbers.
fn are_numbers<C: Cursor>(view: &View<'_, C>, list: Value) -> bool {
    let number = |v: &Value| view.named(*v).is_some_and(|(m, name)| m == "numpy" && NUMBERS.contains(&name));
    view.list(list).is_some_and(|items| items.iter().all(number))
}

/// An import that its package makes for being called with settings.
fn computes<C: Cursor>(view: &View<'_, C>, value: Value) -> bool {
    view.named(value).is_some_and(|name| {
        name == BLOCK || name == CHECK || COMPUTING.iter().any(|package| name.0.starts_with(package))
    })
}
