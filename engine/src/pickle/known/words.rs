//! Guards on single words and numbers: what a name may spell, and what a number may cost.

use crate::pickle::known::numpy::Dtypes;
use crate::pickle::known::view::{Build, Call, View};
use crate::pickle::known::{Judged, Outcome};
use crate::pickle::stream::reader::Cursor;
use crate::pickle::stream::text::Text;
use crate::pickle::values::value::{Tag, Value};
use crate::policy::guard::Guard;
use crate::policy::trigger::Shape;

/// Digits that become a number in no time. Python since 3.11 takes no more than 4,300.
const DIGITS: u64 = 4300;

/// Methods of estimators that a state may name.
const METHODS: &[&str] =
    &["predict", "predict_proba", "predict_log_proba", "decision_function", "transform", "score_samples"];

/// `ZoneInfo._unpickle(key, from_cache)`: a file of the databases of time zones.
pub fn zone<C: Cursor>(view: &View<'_, C>, call: &Call) -> Judged {
    let key = view.part(call.args, 0).and_then(|v| view.word(v));
    let cached = view.part(call.args, 1).is_some_and(|v| matches!(v.tag(), Tag::Bool | Tag::Int));
    if call.keywords || !cached || view.count(call.args) != Some(2) || !key.is_some_and(|key| is_zone(&key)) {
        return Err("its key may name a file that is no time zone".to_owned());
    }
    Ok(Outcome::Shared)
}

/// Whether a key is the name of a time zone: `Europe/Berlin`, `Etc/GMT+5`.
fn is_zone(key: &str) -> bool {
    key.split('/').all(|part| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '_'))
    })
}

/// `type(None)`.
pub fn type_of_none<C: Cursor>(view: &View<'_, C>, call: &Call) -> Judged {
    if call.keywords
        || view.count(call.args) != Some(1)
        || !view.part(call.args, 0).is_some_and(|v| v.is(Tag::None))
    {
        return Err("it is called with anything but None".to_owned());
    }
    Ok(Outcome::Shared)
}

/// Whether a literal is no container, and a number of no more digits than cost nothing.
fn is_cheap<C: Cursor>(view: &View<'_, C>, value: Value) -> bool {
    match value.tag() {
        Tag::Text | Tag::Bytes => {
            view.text_len(value, DIGITS).or_else(|| view.bytes_len(value)).is_some_and(|len| len <= DIGITS)
        }
        Tag::Int | Tag::BigInt => view.digits(value).is_some_and(|digits| digits <= DIGITS),
        Tag::None | Tag::Bool | Tag::Float | Tag::ByteArray | Tag::Encoded => true,
        _ => false,
    }
}

/// `int(text)`, `float(text)`, `complex(a, b)`, `Decimal(text)`: literals, and no more digits than cost nothing.
pub fn number<C: Cursor>(view: &View<'_, C>, dtypes: &mut Dtypes, call: &Call) -> Judged {
    // A power of ten is computed by whoever converts it to an integer.
    let decimal = view.imports.get(call.import).is_some_and(|import| import.name == "Decimal");
    let power = |v: Value| match view.text(v, DIGITS) {
        Some(Text::Str(text)) => text.split_once(['e', 'E']).is_some_and(|(_, power)| power.len() > 4),
        _ => false,
    };
    let cheap = |v: Value| match v.tag() {
        Tag::Object => view.is(v, Shape::Inert) && view.imports.maker(v).guard == Some(Guard::Number),
        _ => is_cheap(view, v) && !(decimal && power(v)),
    };
    if call.keywords || !view.heap.tuples.items(call.args).all(cheap) {
        return Err("it converts something else than a number or a short text".to_owned());
    }
    dtypes.is_number();
    Ok(Outcome::Object)
}

/// `str(x)`: what prints a container goes through all of it, over and over where it stands in it more than once.
pub fn text<C: Cursor>(view: &View<'_, C>, call: &Call) -> Judged {
    let cheap = |v: Value| matches!(v.tag(), Tag::Text | Tag::Bytes) || is_cheap(view, v);
    if call.keywords || !view.heap.tuples.items(call.args).all(cheap) {
        return Err("it is given something else than text, bytes or a number".to_owned());
    }
    Ok(Outcome::Object)
}

/// `range(stop)`, `range(start, stop, step)`, `slice(…)`: as many as between the first and the last, whatever the
/// step. Networks: as many as their addresses.
pub fn length<C: Cursor>(view: &View<'_, C>, dtypes: &mut Dtypes, call: &Call) -> Judged {
    if call.keywords || !view.heap.tuples.items(call.args).all(|v| is_cheap(view, v)) {
        return Err("it is given something else than literal numbers".to_owned());
    }
    let name = view.imports.get(call.import).map_or("", |i| i.name.as_str());
    if name.ends_with("Network") {
        dtypes.stands_for(u64::MAX);
    }
    for end in view.heap.tuples.items(call.args).take(2) {
        match end.as_int() {
            Some(n) => dtypes.stands_for(n.unsigned_abs()),
            None if end.is(Tag::BigInt) => dtypes.stands_for(u64::MAX),
            None => {}
        }
    }
    Ok(Outcome::Object)
}

/// `Fraction("a/b")`: text as `str` of one writes it, or two integers. An exponent would be raised to its power.
pub fn fraction<C: Cursor>(view: &View<'_, C>, call: &Call) -> Judged {
    let digits = |s: &str| !s.is_empty() && s.len() as u64 <= DIGITS && s.bytes().all(|b| b.is_ascii_digit());
    let written = |v: Value| match v.tag() {
        Tag::Int | Tag::BigInt => is_cheap(view, v),
        Tag::Text => match view.text(v, 2 * DIGITS) {
            Some(Text::Str(text)) => {
                let text = text.strip_prefix('-').unwrap_or(&text);
                text.split_once('/').map_or(digits(text), |(above, below)| digits(above) && digits(below))
            }
            _ => false,
        },
        _ => false,
    };
    if call.keywords || view.count(call.args) > Some(2) || !view.heap.tuples.items(call.args).all(written) {
        return Err("it is given something else than digits and a slash".to_owned());
    }
    Ok(Outcome::Object)
}

/// A state in which attributes that name methods name those of estimators, so that what is called later is no other
/// method of whatever stands beside.
pub fn methods<C: Cursor>(view: &View<'_, C>, build: &Build) -> Result<(), String> {
    let Some(items) = view.items(build.state) else {
        return Err("its attributes cannot be followed, and one of them names methods".to_owned());
    };
    let is_method = |v: Value| view.word(v).is_some_and(|word| METHODS.contains(&word.as_str()));
    for (key, value) in items {
        let names = matches!(
            view.word(*key).as_deref(),
            Some(
                "stack_method_"
                    | "stack_method"
                    | "_response_method"
                    | "response_method"
                    | "chain_method_"
                    | "chain_method"
                    | "method"
            )
        );
        if !names {
            continue;
        }
        let fine = match value.tag() {
            Tag::Text => is_method(*value) || view.word(*value).as_deref() == Some("auto"),
            Tag::None => true,
            Tag::Tuple => view.heap.tuples.items(*value).all(is_method),
            Tag::List => view.list(*value).is_some_and(|words| words.iter().all(|v| is_method(*v))),
            _ => false,
        };
        if !fine {
            return Err("it names a method that is none of an estimator's, and a later call would run that"
                .to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_zone;

    #[test]
    fn zones() {
        assert!(is_zone("Europe/Berlin") && is_zone("Etc/GMT+5"));
        for odd in ["", "/etc/passwd", "../x", "a//b", "a.b"] {
            assert!(!is_zone(odd), "{odd}");
        }
    }
}
