//! Programs of `torch.export`: texts of their JSON that torch evaluates as Python, or puts into source that it executes.
//!
//! `expr_str` goes to `sympy.sympify`, which is `eval` (`torch/_export/serde/serialize.py`, `_parse_sym_expr`), a text of
//! `guards_code` into a function that is executed (`torch/export/_unlift.py`), a name into the source of the graph
//! (`torch/fx/graph.py`), and the specs of trees name classes that are imported (`torch/utils/_pytree.py`). What is more
//! than arithmetic over sizes, a name, or a tree of plain containers is told.

use std::io;

use crate::facts::{Code, Runs};
use crate::reading::job::Job;
use crate::reading::json::{self, Object};
use crate::reading::work::Scan;

/// What is asked of an object: expressions, guards, specs of trees, and names.
const ASKED: &[&str] = &[
    "expr_str",
    "guards_code",
    "in_spec",
    "out_spec",
    "as_name",
    "as_names",
    "buffer_name",
    "class_fqn",
    "custom_obj_name",
    "forward_arg_names",
    "graph_name",
    "name",
    "param_name",
    "parameter_name",
    "target",
    "tensor_constant_name",
    "token_name",
    "user_input_name",
];
/// The first of these that are names.
const NAMES: usize = 4;

/// What an expression may call: SymPy's arithmetic, torch's (`torch/utils/_sympy/functions.py`), and what both print.
const FUNCTIONS: &[&str] = &[
    "Abs",
    "Add",
    "And",
    "CeilDiv",
    "CeilToInt",
    "CleanDiv",
    "Eq",
    "Equality",
    "Float",
    "FloatPow",
    "FloatTrueDiv",
    "FloorDiv",
    "FloorToInt",
    "Ge",
    "GreaterThan",
    "Gt",
    "Identity",
    "IntTrueDiv",
    "Integer",
    "IsNonOverlappingAndDenseIndicator",
    "LShift",
    "Le",
    "LessThan",
    "Lt",
    "Max",
    "Min",
    "Mod",
    "ModularIndexing",
    "Mul",
    "Ne",
    "Not",
    "Or",
    "Piecewise",
    "Pow",
    "PowByNatural",
    "PythonMod",
    "RShift",
    "Rational",
    "RoundDecimal",
    "RoundToInt",
    "StrictGreaterThan",
    "StrictLessThan",
    "Symbol",
    "ToFloat",
    "TruncToFloat",
    "TruncToInt",
    "Unequality",
    "Where",
    "abs",
    "ceiling",
    "floor",
    "max",
    "min",
    "sqrt",
];

/// Methods of a tensor that a guard asks.
const METHODS: &[&str] = &["dim", "item", "ndim", "numel", "shape", "size", "storage_offset", "stride"];

impl Scan<'_> {
    /// Reads the JSON of a program.
    pub fn exported_program(&mut self, job: &Job) -> io::Result<()> {
        let mut found: Vec<(u64, String)> = Vec::new();
        json::objects(&job.content, 0, self.limits.window, ASKED, |object| {
            if let Some(what) = evaluated(&object) {
                found.push((object.at, what));
            }
        })?;
        for (offset, message) in found {
            let code =
                Code { member: job.member.clone(), offset, message, name: None, runs: Runs::ByDefault };
            self.code(code);
        }
        Ok(())
    }
}

/// What torch would run of an object's texts.
fn evaluated(object: &Object) -> Option<String> {
    let shown = |text: &str| crate::escape::name(&text.chars().take(80).collect::<String>());
    let texts = |name: &'static str| object.texts(name).chain(object.items(name));
    if let Some(text) =
        texts("expr_str").chain(texts("guards_code")).find(|text| !is_arithmetic(text) || is_cut(text))
    {
        return Some(format!("`{}`, which torch.export evaluates as Python", shown(text)));
    }
    if texts("in_spec").chain(texts("out_spec")).any(|text| names_a_class(text) || is_cut(text)) {
        return Some("the spec of a tree that names a class: torch.export imports its module".to_owned());
    }
    let mut names = ASKED.iter().skip(NAMES).flat_map(|name| texts(name));
    let text = names.find(|text| !text.chars().all(|c| c.is_alphanumeric() || "_.-/$<>".contains(c)))?;
    Some(format!("a name `{}`, which goes into source that torch.export executes", shown(text)))
}

/// Whether more may follow than was kept.
fn is_cut(text: &str) -> bool {
    text.len() >= json::STRING
}

/// Whether a spec, JSON that is a text of JSON, names an enum or the factory of a defaultdict, in whatever spelling.
fn names_a_class(spec: &str) -> bool {
    let mut text = spec.to_owned();
    loop {
        if ["__enum__", "fqn", "default_factory_module"].iter().any(|name| text.contains(name)) {
            return true;
        }
        let plainer = without_escapes(&text);
        if plainer == text {
            return false;
        }
        text = plainer;
    }
}

/// Text with its escapes of one level resolved.
fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let code = after.strip_prefix('u').and_then(|hex| hex.get(..4)).filter(|hex| hex.is_ascii());
        match code.and_then(|hex| u32::from_str_radix(hex, 16).ok()) {
            Some(code) => {
                plain.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                rest = after.get(5..).unwrap_or("");
            }
            None => rest = after,
        }
    }
    plain + rest
}

/// What stands before a part of an expression.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before<'a> {
    /// Nothing, an operator, or an open bracket: a value has to follow.
    Operator,
    /// The bracket that opens the arguments of a function of this name.
    Call(&'a str),
    /// `[`
    Index,
    /// A name.
    Word(&'a str),
    /// A method's name behind a dot.
    Method,
    /// A number, a text, or a closed bracket.
    Value,
}

/// Whether Python evaluates a text to arithmetic over symbols and sizes, and can do nothing else: calls of
/// [`FUNCTIONS`], texts as the names of symbols and as keys.
fn is_arithmetic(text: &str) -> bool {
    let mut rest = text.trim();
    let mut before = Before::Operator;
    while let Some(c) = rest.chars().next() {
        let word_len = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(word_len);
        if c.is_ascii_digit() {
            let len = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).unwrap_or(rest.len());
            let (number, behind) = rest.split_at(len);
            let plain = number.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e'));
            if !plain || !matches!(before, Before::Operator | Before::Call(_) | Before::Index) {
                return false;
            }
            (before, rest) = (Before::Value, behind);
            continue;
        }
        if word_len > 0 {
            let joins = matches!(word, "and" | "or" | "not" | "if" | "else");
            if !joins && !matches!(before, Before::Operator | Before::Call(_) | Before::Index) {
                return false;
            }
            if word.contains("__") || matches!(word, "lambda" | "for" | "await" | "yield" | "import") {
                return false;
            }
            (before, rest) = (if joins { Before::Operator } else { Before::Word(word) }, behind);
            continue;
        }
        let one = rest.get(c.len_utf8()..).unwrap_or("");
        (before, rest) = match c {
            ' ' => (before, one),
            '(' => match before {
                Before::Operator | Before::Call(_) => (Before::Operator, one),
                Before::Word(word) if FUNCTIONS.contains(&word) => (Before::Call(word), one),
                Before::Method => (Before::Operator, one),
                _ => return false,
            },
            '[' if matches!(before, Before::Word(_) | Before::Value | Before::Method) => (Before::Index, one),
            '\'' | '"' => match (before, one.split_once(c)) {
                (Before::Index | Before::Call("Symbol"), Some((key, behind)))
                    if key.chars().all(|c| c.is_alphanumeric() || "_.-".contains(c)) =>
                {
                    (Before::Value, behind)
                }
                _ => return false,
            },
            '.' if matches!(before, Before::Word(_) | Before::Value | Before::Method) => {
                let len = one.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(one.len());
                let (method, behind) = one.split_at(len);
                if !METHODS.contains(&method) {
                    return false;
                }
                (Before::Method, behind)
            }
            ')' | ']' => (Before::Value, one),
            '+' | '-' | '*' | '/' | '%' | '<' | '>' | '=' | '!' | '&' | '|' | '~' | '^' | ',' => {
                (Before::Operator, one)
            }
            _ => return false,
        };
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_over_sizes_is_told_from_python() {
        for honest in [
            "Symbol('s77', positive=True, integer=True)",
            "Mul(Integer(2), Symbol('s77', positive=True, integer=True))",
            "s0*s1 + 2*((s0 - 1)//3)",
            "Max(1, FloorDiv(s0, 2))",
            "Eq(u0, 4) & (s1 <= 1.5e3)",
            "L['args'][0]['x'].size()[0] % 8 == 0 and L['y'].stride()[1] >= 2",
            "-s0**2",
        ] {
            assert!(is_arithmetic(honest), "{honest}");
        }
        for code in [
            "[__import__('os').mkdir('x'), 1][1]*Symbol('s77')",
            "exec('x')",
            "(exec)('x')",
            "Max('exec(1)')",
            "Symbol('s').args",
            "Symbol('exec(1)')",
            "s0.size.__class__",
            "L['x'].size()('y')",
            "lambda: 0",
            "Max(exec, 1)(2)",
            "{}",
            "s0; s1",
            "print\t(1)",
            "Symbol('a' 'b')",
            "f'x'",
            "0x1",
        ] {
            assert!(!is_arithmetic(code), "{code}");
        }
    }

    #[test]
    fn classes_in_specs_of_trees_are_seen_in_every_spelling() {
        let plain = r#"[1, {"type": "builtins.dict", "context": "[\"a\", \"b\"]", "children_spec": []}]"#;
        assert!(!names_a_class(plain));
        for class in [
            r#"[{"context": "[{\"__enum__\": true, \"fqn\": \"os:system\"}]"}]"#,
            r#"[{"context": "[{\"__\\u0065num__\": true}]"}]"#,
            r#"[{"context": "{\"default_factory\\u005fmodule\": \"x\"}"}]"#,
        ] {
            assert!(names_a_class(class), "{class}");
        }
    }
}
