//! `scipy.stats`: a distribution keeps Python text in its state, which `__setstate__` executes.

use crate::pickle::known::view::{Build, View};
use crate::pickle::stream::reader::Cursor;
use crate::pickle::stream::text::Text;
use crate::pickle::values::value::{Tag, Value};
use crate::policy::trigger::Shape;

/// Longest text that is compared: the longest that SciPy writes has 400 bytes.
const TEXT: u64 = 1024;

/// A state as SciPy writes it: the text is the one that it makes of names of shapes, the rest is inert.
pub fn state<C: Cursor>(view: &View<'_, C>, build: &Build) -> Result<(), String> {
    if view.count(build.state) == Some(2) {
        return parameters(view, build.state);
    }
    let items = view.items(build.state).filter(|_| view.text_keys(build.state, false));
    let Some(items) = items else {
        return Err("its attributes cannot be followed, and __setstate__ executes one".to_owned());
    };
    // Discrete distributions keep `vectorize(self._entropy)`, which __setstate__ makes anew.
    let anew = |key: Value, value: Value| {
        view.word(key).as_deref() == Some("vecentropy") && view.made_by(value) == Some(("numpy", "vectorize"))
    };
    if !items.iter().all(|(key, value)| view.is(*value, Shape::Inert) || anew(*key, *value)) {
        return Err("it keeps something that code of its own would run".to_owned());
    }
    let templates =
        || items.iter().filter(|(key, _)| view.word(*key).as_deref() == Some("_parse_arg_template"));
    let written = |v: Value| matches!(view.text(v, TEXT), Some(Text::Str(text)) if is_template(&text));
    if templates().count() != 1 || !templates().all(|(_, text)| written(*text)) {
        return Err("its _parse_arg_template, which __setstate__ executes, is not the text that SciPy makes"
            .to_owned());
    }
    Ok(())
}

/// `(parameters, random state)`, as SciPy wrote it before 1.5: `__init__` takes the parameters, checks that `shapes` is
/// a list of names and executes text that it makes of them.
///
/// To `__dict__.update` of later releases a tuple is a sequence of pairs, and a dict of two keys is such a pair. One of
/// three is none, and they turn to what they know of old pickles.
fn parameters<C: Cursor>(view: &View<'_, C>, state: Value) -> Result<(), String> {
    let judged = || {
        let (parameters, random) = (view.part(state, 0)?, view.part(state, 1)?);
        let items = view.items(parameters)?;
        let values = |name: &'static str| {
            items
                .iter()
                .filter(move |(key, _)| view.word(*key).as_deref() == Some(name))
                .map(|(_, value)| *value)
        };
        let three = ["a", "b", "name"].iter().all(|name| values(name).next().is_some());
        let names = |v: Value| match view.text(v, TEXT) {
            Some(Text::Str(text)) => text.is_empty() || text.split(", ").all(is_name),
            _ => v.is(Tag::None),
        };
        let inert = view.is(state, Shape::Inert) && view.text_keys(parameters, true);
        (three && inert && values("shapes").all(names) && random.is(Tag::Object)).then_some(())
    };
    judged().ok_or_else(|| {
        "its parameters, of which __init__ makes text that it executes, are not literal".to_owned()
    })
}

/// Whether a text is a name of Python.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 32
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !text.as_bytes().first().is_some_and(u8::is_ascii_digit)
}

/// Whether a text is what `rv_generic._construct_argparser` makes of names of shapes.
fn is_template(text: &str) -> bool {
    let head = text.strip_prefix("\ndef _parse_args(self, ").and_then(|rest| rest.split_once(" loc=0"));
    let Some((shapes, _)) = head else { return false };
    let named =
        shapes.is_empty() || shapes.strip_suffix(", ").is_some_and(|shapes| shapes.split(", ").all(is_name));
    // Continuous distributions have a scale, discrete ones have none.
    named
        && [("loc=0, scale=1", "loc, scale"), ("loc=0", "loc, 1")].iter().any(|(taken, given)| {
            text == format!(
                "\ndef _parse_args(self, {shapes} {taken}):\n    return ({shapes}), {given}\n\n\
             def _parse_args_rvs(self, {shapes} {taken}, size=None):\n    \
             return self._argcheck_rvs({shapes} {given}, size=size)\n\n\
             def _parse_args_stats(self, {shapes} {taken}, moments='mv'):\n    \
             return ({shapes}), {given}, moments\n"
            )
        })
}

#[cfg(test)]
mod tests {
    use super::is_template;

    /// As scipy 1.17.1 writes it for `beta`.
    const BETA: &str = "\ndef _parse_args(self, a, b,  loc=0, scale=1):\n    return (a, b, ), loc, scale\n\n\
        def _parse_args_rvs(self, a, b,  loc=0, scale=1, size=None):\n    \
        return self._argcheck_rvs(a, b,  loc, scale, size=size)\n\n\
        def _parse_args_stats(self, a, b,  loc=0, scale=1, moments='mv'):\n    \
        return (a, b, ), loc, scale, moments\n";

    #[test]
    fn templates() {
        assert!(is_template(BETA));
        assert!(is_template(&BETA.replace("a, b, ", "")));
        assert!(is_template(&BETA.replace(", scale=1", "").replace("loc, scale", "loc, 1")));
        assert!(!is_template(&format!("{BETA}print()\n")));
        assert!(!is_template(&BETA.replace("a, b, ", "a=print(), ")));
        assert!(!is_template(&BETA.replacen("a, b, ", "a, c, ", 1)));
    }
}
