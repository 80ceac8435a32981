//! statsmodels: data of a model that was given a formula, which `__setstate__` evaluates to make the design anew.

use crate::pickle::known::view::{Build, View};
use crate::pickle::stream::reader::Cursor;
use crate::pickle::stream::text::Text;
use crate::pickle::values::value::{Tag, Value};
use crate::policy::trigger::Shape;

/// Longest formula that is read, in bytes.
const TEXT: u64 = 4096;

/// Functions that a term may apply: patsy's own, and numpy's on columns.
const FUNCTIONS: &[&str] = &[
    "C",
    "I",
    "bs",
    "cc",
    "center",
    "cr",
    "log",
    "np.exp",
    "np.log",
    "np.log10",
    "np.log1p",
    "np.log2",
    "np.sqrt",
    "poly",
    "scale",
    "standardize",
];

/// A state without a formula to evaluate, or with one of names and operators over inert data.
pub fn data<C: Cursor>(view: &View<'_, C>, build: &Build) -> Result<(), String> {
    let Some(items) = view.items(build.state) else {
        return Err("its attributes cannot be followed, and a formula among them is evaluated".to_owned());
    };
    let get = |name: &'static str| {
        let named = move |key: Value| view.word(key).as_deref() == Some(name);
        items.iter().filter(move |(key, _)| named(*key)).map(|(_, v)| *v)
    };
    if get("restore_design_info").chain(get("restore_model_spec")).next().is_none() {
        return Ok(());
    }
    let terms = |v: Value| matches!(view.text(v, TEXT), Some(Text::Str(text)) if is_formula(&text));
    if get("formula").count() != 1 || !get("formula").all(terms) {
        return Err(
            "its formula is Python that __setstate__ evaluates, and not names and operators alone".to_owned()
        );
    }
    // A frame takes inert data alone as its state, and is asked for columns.
    let frame = |v: Value| {
        matches!(view.made_by(v), Some(("pandas.core.frame", "DataFrame") | ("pandas.core.series", "Series")))
    };
    let data = |v: Value| v.is(Tag::None) || frame(v) || view.is(v, Shape::Inert);
    if !get("frame").chain(get("orig_endog")).chain(get("orig_exog")).all(data) {
        return Err("the data that its formula is evaluated on is not inert".to_owned());
    }
    Ok(())
}

/// Names, numbers and operators; parentheses that group, or hold the arguments of a known function.
fn is_formula(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'.';
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if word(byte) {
            let len = bytes.get(at..).map_or(0, |rest| rest.iter().take_while(|b| word(**b)).count());
            let name = text.get(at..at + len).unwrap_or_default();
            at += len;
            let next = bytes.get(at..).and_then(|rest| rest.iter().find(|b| **b != b' '));
            let number = byte.is_ascii_digit();
            // An attribute is looked up: that of `np` by a call that is known, and no other.
            let attribute = name.contains('.') && !number;
            let called = next == Some(&b'(');
            if (called || attribute) && !(called && FUNCTIONS.contains(&name))
                || number && len > 8
                || name.starts_with("__")
            {
                return false;
            }
        } else if !b" +-*/:^~|(),=\n".contains(&byte) {
            return false;
        } else if bytes.get(at..).is_some_and(|rest| rest.starts_with(b"**")) {
            // A power of one digit, and no power of that.
            let rest = bytes.get(at + 2..).unwrap_or_default();
            let mut rest = rest.iter().skip_while(|b| **b == b' ');
            if !rest.next().is_some_and(u8::is_ascii_digit)
                || rest.find(|b| **b != b' ').is_some_and(|b| *b == b'*' || word(*b))
            {
                return false;
            }
            at += 2;
        } else {
            // What a call or an index gives is called by no parenthesis behind it.
            let closes = byte == b')';
            at += 1;
            let next = bytes.get(at..).and_then(|rest| rest.iter().find(|b| **b != b' '));
            if closes && next == Some(&b'(') {
                return false;
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::is_formula;

    #[test]
    fn formulas() {
        for fine in [
            "y ~ x1 + x2*x3 - 1",
            "y ~ C(region) + np.log(income)",
            "a ~ I(b**2) + (c + d)",
            "y ~ bs(x, df=4)",
        ] {
            assert!(is_formula(fine), "{fine}");
        }
        for odd in [
            "y ~ print(x)",
            "y ~ np.load(x)",
            "y ~ x.y",
            "y ~ x[0]",
            "y ~ (x)(y)",
            "y ~ C(x)(y)",
            "y ~ 'a'",
            "y ~ __import__",
            "y ~ print (x)",
            "y ~ I(9**99)",
            "y ~ I(9**9**9)",
            "y ~ {x}",
            "y ~ np.fromfile",
        ] {
            assert!(!is_formula(odd), "{odd}");
        }
    }
}
