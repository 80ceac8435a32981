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

/// Terms that a formula may come to. Each is a column of the design, or several.
const TERMS: u64 = 1 << 12;

/// Functions that make as many columns as a number among their arguments says.
const COLUMNS: &[&str] = &["bs", "cc", "cr", "poly"];

/// What stands between two parentheses: terms so far, and those of the product and of the factor at hand.
struct Group {
    sum: u64,
    product: u64,
    factor: u64,
    /// Arguments of a function make one column, or as many as a number says, where it makes columns.
    called: bool,
    columns: bool,
}

impl Group {
    const fn new(called: bool, columns: bool) -> Group {
        Group { sum: 0, product: 1, factor: 1, called, columns }
    }

    /// `a*b` has a, b, and both; so each factor counts once more.
    fn multiply(&mut self) {
        self.product = self.product.saturating_mul(self.factor.saturating_add(1));
        self.factor = 1;
    }

    fn add(&mut self) {
        self.multiply();
        self.sum = self.sum.saturating_add(self.product);
        self.product = 1;
    }

    fn terms(mut self) -> u64 {
        self.add();
        if self.called { 1 } else { self.sum }
    }
}

/// Names, numbers and operators; parentheses that group, or hold the arguments of a known function. No more terms than
/// cost nothing: `(a + b + …)**n` has as many as there are ways to choose some of them.
fn is_formula(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'.';
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut outer: Vec<Group> = Vec::new();
    let mut group = Group::new(false, false);
    while let Some(&byte) = bytes.get(at) {
        let rest = bytes.get(at..).unwrap_or_default();
        let behind = |n: usize| rest.iter().skip(n).find(|b| **b != b' ').copied();
        if word(byte) {
            let len = rest.iter().take_while(|b| word(**b)).count();
            let name = text.get(at..at + len).unwrap_or_default();
            let number = byte.is_ascii_digit();
            // An attribute is looked up: that of `np` by a call that is known, and no other.
            let attribute = name.contains('.') && !number;
            let called = behind(len) == Some(b'(');
            if (called || attribute) && !(called && FUNCTIONS.contains(&name))
                || number && (len > 8 || len > 2 && group.columns)
                || name.starts_with("__")
            {
                return false;
            }
            at += len;
            if called {
                at += rest.iter().skip(len).take_while(|b| **b == b' ').count() + 1;
                outer.push(std::mem::replace(&mut group, Group::new(true, COLUMNS.contains(&name))));
            }
            continue;
        }
        let power = if rest.starts_with(b"**") { 2 } else { usize::from(byte == b'^') };
        at += power.max(1);
        match byte {
            // A power of one digit, and no power of that.
            _ if power > 0 => {
                let Some(digit) = behind(power).filter(u8::is_ascii_digit) else { return false };
                let spaces = rest.iter().skip(power).take_while(|b| **b == b' ').count();
                at += spaces + 1;
                let next = bytes.get(at..).and_then(|rest| rest.iter().find(|b| **b != b' ')).copied();
                if next.is_some_and(|b| matches!(b, b'*' | b'^') || word(b)) {
                    return false;
                }
                group.factor = group.factor.saturating_add(1).saturating_pow(u32::from(digit - b'0'));
            }
            b'*' | b':' | b'/' => group.multiply(),
            b'+' | b'-' | b'~' | b'|' | b',' | b'=' | b'\n' => group.add(),
            b' ' => {}
            b'(' => {
                let columns = group.columns;
                outer.push(std::mem::replace(&mut group, Group::new(false, columns)));
            }
            b')' => {
                // What a call gives is called by no parenthesis behind it.
                let Some(above) = outer.pop().filter(|_| behind(1) != Some(b'(')) else { return false };
                group.add();
                if !group.called && group.sum > TERMS {
                    return false;
                }
                let terms = std::mem::replace(&mut group, above).terms();
                group.factor = terms;
            }
            _ => return false,
        }
    }
    outer.is_empty() && group.terms() <= TERMS
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
            "y ~ a*b + c*d + e*f + g*h + i*j",
            "y ~ (a + b + c)**3 - a:b",
            "y ~ I(x / 1000) + np.log (x)",
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
            "y ~ bs(x, df=9999999)",
            "y ~ poly(x, 999)",
            "y ~ (a+b+c+d+e+f+g+h)**9",
            "y ~ (a+b+c+d+e+f+g+h)**3 : (a+b+c+d+e+f+g+h)**3",
            "y ~ (a+b)*(c+d)*(e+f)*(g+h)*(i+j)*(k+l)*(m+n)*(o+p)",
            "y ~ (a+b",
        ] {
            assert!(!is_formula(odd), "{odd}");
        }
    }
}
