//! `scipy.stats`: a distribution keeps Python text in its state, which `__setstate__` executes.

use crate::pickle::known::view::{Build, View};
use crate::pickle::stream::reader::Cursor;
use crate::pickle::stream::text::Text;
use crate::pickle::values::value::Value;
use crate::policy::trigger::Shape;

/// Longest text that is compared: the longest that SciPy writes has 400 bytes.
const TEXT: u64 = 1024;

/// A state as SciPy writes it: the text is the one that it makes of names of shapes, the rest is inert. A
/// state that is no dict, as before SciPy 1.5, is refused.
pub fn state<C: Cursor>(view: &View<'_, C>, build: &Build) -> Result<(), String> {
    if !view.is(build.state, Shape::Inert) {
        return Err("it keeps something that code of its own would run".to_owned());
    }
    // A tuple is a sequence of pairs to `__dict__.update`, and a dict of two keys is such a pair.
    let Some(items) = view.items(build.state) else {
        return Err("its attributes cannot be followed, and __setstate__ executes one".to_owned());
    };
    let templates =
        || items.iter().filter(|(key, _)| view.word(*key).as_deref() == Some("_parse_arg_template"));
    let written = |v: Value| matches!(view.text(v, TEXT), Some(Text::Str(text)) if is_template(&text));
    if templates().count() != 1 || !templates().all(|(_, text)| written(*text)) {
        return Err("its _parse_arg_template, which __setstate__ executes, is not the text that SciPy makes"
            .to_owned());
    }
    Ok(())
}

/// Whether a text is what `rv_generic._construct_argparser` makes of names of shapes.
fn is_template(text: &str) -> bool {
    let name = |s: &str| {
        !s.is_empty()
            && s.len() <= 32
            && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && !s.as_bytes().first().is_some_and(u8::is_ascii_digit)
    };
    let head = text.strip_prefix("\ndef _parse_args(self, ").and_then(|rest| rest.split_once(" loc=0"));
    let Some((shapes, _)) = head else { return false };
    let named =
        shapes.is_empty() || shapes.strip_suffix(", ").is_some_and(|shapes| shapes.split(", ").all(name));
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
