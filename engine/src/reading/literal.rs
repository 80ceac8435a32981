//! Python literals, as `ast.literal_eval` reads them in the header of an array file. Iterative, and no
//! deeper than CPython's own parser.

/// A literal.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `str`. A character that is named (`\N{...}`) stands as U+FFFD.
    Str(String),
    /// `bytes`.
    Bytes,
    /// `int`, `None` where it does not fit.
    Int(Option<i64>),
    /// `float`.
    Float,
    /// `True` and `False`.
    Bool(bool),
    /// `None`.
    None,
    /// A tuple.
    Tuple(Vec<Literal>),
    /// A list.
    List(Vec<Literal>),
    /// A set.
    Set,
    /// A dict, in the order of the text.
    Dict(Vec<(Literal, Literal)>),
}

impl Literal {
    /// The value under a key: the last one counts.
    pub fn get(&self, key: &str) -> Option<&Literal> {
        let Literal::Dict(items) = self else { return None };
        items.iter().rev().find(|(k, _)| matches!(k, Literal::Str(k) if k == key)).map(|(_, v)| v)
    }
}

/// CPython: "too many nested parentheses".
const DEPTH: usize = 200;

/// An open bracket.
struct Open {
    close: char,
    items: Vec<Literal>,
    /// In a dict: whether the next item is a value.
    colon: bool,
    /// In a tuple: whether there was a comma.
    comma: bool,
    dict: bool,
}

/// Parses one literal that is the whole of the text. `None` where it is not one.
pub fn parse(text: &str) -> Option<Literal> {
    let mut tokens = Tokens { rest: text };
    let mut open: Vec<Open> = Vec::new();
    let mut done: Option<Literal> = None;
    while let Some(token) = tokens.next()? {
        if done.is_some() {
            return None;
        }
        let value = match token {
            Token::Value(value) => value,
            Token::Open(c) => {
                if open.len() >= DEPTH {
                    return None;
                }
                let close = match c {
                    '(' => ')',
                    '[' => ']',
                    _ => '}',
                };
                open.push(Open { close, items: Vec::new(), colon: false, comma: true, dict: false });
                continue;
            }
            Token::Close(c) => {
                let frame = open.pop().filter(|f| f.close == c)?;
                finish(frame)?
            }
            Token::Comma => {
                let frame = open.last_mut()?;
                if frame.comma || (frame.dict && frame.items.len() % 2 == 1) {
                    return None;
                }
                frame.comma = true;
                continue;
            }
            Token::Colon => {
                let frame = open.last_mut().filter(|f| f.close == '}' && f.items.len() % 2 == 1)?;
                if frame.comma || frame.colon || (frame.items.len() > 1 && !frame.dict) {
                    return None;
                }
                (frame.colon, frame.dict) = (true, true);
                continue;
            }
        };
        match open.last_mut() {
            None => done = Some(value),
            Some(frame) => {
                if !frame.comma && !frame.colon {
                    return None;
                }
                frame.items.push(value);
                (frame.comma, frame.colon) = (false, false);
            }
        }
    }
    if open.is_empty() { done } else { None }
}

fn finish(frame: Open) -> Option<Literal> {
    if frame.colon || (frame.comma && frame.items.is_empty() && frame.dict) {
        return None;
    }
    Some(match frame.close {
        ']' => Literal::List(frame.items),
        ')' if frame.items.len() == 1 && !frame.comma => frame.items.into_iter().next()?,
        ')' => Literal::Tuple(frame.items),
        _ if frame.items.is_empty() => Literal::Dict(Vec::new()),
        _ if frame.dict => {
            let mut items = frame.items.into_iter();
            let mut pairs = Vec::new();
            while let Some(key) = items.next() {
                pairs.push((key, items.next()?));
            }
            Literal::Dict(pairs)
        }
        _ => Literal::Set,
    })
}

enum Token {
    Value(Literal),
    Open(char),
    Close(char),
    Comma,
    Colon,
}

struct Tokens<'a> {
    rest: &'a str,
}

impl Tokens<'_> {
    /// The outer `None` is an error, the inner one the end.
    #[allow(clippy::option_option)]
    fn next(&mut self) -> Option<Option<Token>> {
        self.skip_blanks();
        let Some(c) = self.rest.chars().next() else { return Some(None) };
        let token = match c {
            '(' | '[' | '{' => Token::Open(c),
            ')' | ']' | '}' => Token::Close(c),
            ',' => Token::Comma,
            ':' => Token::Colon,
            _ => return self.value().map(|v| Some(Token::Value(v))),
        };
        self.rest = self.rest.get(1..)?;
        Some(Some(token))
    }

    fn skip_blanks(&mut self) {
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r', '\x0c']);
            if let Some(comment) = self.rest.strip_prefix('#') {
                self.rest = comment.find('\n').and_then(|i| comment.get(i..)).unwrap_or("");
            } else if let Some(joined) = self.rest.strip_prefix("\\\n") {
                self.rest = joined;
            } else {
                return;
            }
        }
    }

    fn value(&mut self) -> Option<Literal> {
        if let Some(first) = self.string()? {
            return self.joined(first);
        }
        let sign = self.rest.trim_start_matches(['+', '-', ' ']);
        let negative = self.rest.len() - sign.len() > 0 && self.rest.starts_with('-');
        if sign.len() < self.rest.len() {
            self.rest = sign;
            return self.number(negative);
        }
        let word: String = self.rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let value = match word.as_str() {
            "True" => Literal::Bool(true),
            "False" => Literal::Bool(false),
            "None" => Literal::None,
            _ => return self.number(false),
        };
        self.rest = self.rest.get(word.len()..)?;
        Some(value)
    }

    fn number(&mut self, negative: bool) -> Option<Literal> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.');
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        // Python 2 wrote long integers with an L; numpy takes it off.
        let digits = word.trim_end_matches(['l', 'L']).replace('_', "").to_ascii_lowercase();
        if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return None;
        }
        let radix = |prefix: &str, radix| digits.strip_prefix(prefix).map(|d| (d.to_owned(), radix));
        let based = radix("0x", 16).or_else(|| radix("0o", 8)).or_else(|| radix("0b", 2));
        let (digits, radix) = based.unwrap_or((digits, 10));
        if digits.chars().all(|c| c.is_digit(radix)) {
            let n = i64::from_str_radix(&digits, radix).ok();
            return Some(Literal::Int(n.map(|n| if negative { -n } else { n })));
        }
        digits.parse::<f64>().is_ok().then_some(Literal::Float)
    }

    /// Literals side by side are one.
    fn joined(&mut self, first: Literal) -> Option<Literal> {
        let mut whole = first;
        loop {
            self.skip_blanks();
            match (self.string()?, &mut whole) {
                (None, _) => return Some(whole),
                (Some(Literal::Str(more)), Literal::Str(text)) => text.push_str(&more),
                (Some(Literal::Bytes), Literal::Bytes) => {}
                _ => return None,
            }
        }
    }

    /// A string literal, if one starts here. The outer `None` is an error.
    #[allow(clippy::option_option)]
    fn string(&mut self) -> Option<Option<Literal>> {
        let prefix: String = self.rest.chars().take_while(char::is_ascii_alphabetic).take(3).collect();
        let lower = prefix.to_ascii_lowercase();
        let after = self.rest.get(prefix.len()..)?;
        if !matches!(lower.as_str(), "" | "u" | "b" | "r" | "br" | "rb") || !after.starts_with(['\'', '"']) {
            return Some(None);
        }
        let (raw, bytes) = (lower.contains('r'), lower.contains('b'));
        let quote = after.get(..1)?;
        let triple = quote.repeat(3);
        let delimiter = if after.starts_with(&triple) { triple } else { quote.to_owned() };
        let mut rest = after.get(delimiter.len()..)?;
        let mut text = String::new();
        loop {
            if let Some(behind) = rest.strip_prefix(delimiter.as_str()) {
                self.rest = behind;
                return Some(Some(if bytes { Literal::Bytes } else { Literal::Str(text) }));
            }
            let c = rest.chars().next()?;
            rest = rest.get(c.len_utf8()..)?;
            match c {
                '\\' if raw => {
                    text.push('\\');
                    let next = rest.chars().next()?;
                    text.push(next);
                    rest = rest.get(next.len_utf8()..)?;
                }
                '\\' => rest = escape(rest, &mut text)?,
                '\n' if delimiter.len() == 1 => return None,
                _ => text.push(c),
            }
        }
    }
}

/// Takes what follows a backslash.
fn escape<'a>(rest: &'a str, text: &mut String) -> Option<&'a str> {
    let c = rest.chars().next()?;
    let after = rest.get(c.len_utf8()..)?;
    let hex = |n: usize| -> Option<(char, &'a str)> {
        let code = u32::from_str_radix(after.get(..n)?, 16).ok()?;
        Some((char::from_u32(code).unwrap_or('\u{fffd}'), after.get(n..)?))
    };
    let (made, after) = match c {
        '\n' => return Some(after),
        '\\' | '\'' | '"' => (c, after),
        'a' => ('\x07', after),
        'b' => ('\x08', after),
        'f' => ('\x0c', after),
        'n' => ('\n', after),
        'r' => ('\r', after),
        't' => ('\t', after),
        'v' => ('\x0b', after),
        'x' => hex(2)?,
        'u' => hex(4)?,
        'U' => hex(8)?,
        'N' => {
            let end = after.find('}')?;
            ('\u{fffd}', after.get(end + 1..)?)
        }
        '0'..='7' => {
            let digits = rest.len() - rest.trim_start_matches(|d: char| ('0'..='7').contains(&d)).len();
            let digits = digits.min(3);
            let code = u32::from_str_radix(rest.get(..digits)?, 8).ok()?;
            (char::from_u32(code)?, rest.get(digits..)?)
        }
        _ => {
            text.push('\\');
            (c, after)
        }
    };
    text.push(made);
    Some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descr(text: &str) -> Option<Literal> {
        parse(&format!("{{'descr': {text}, 'fortran_order': False, 'shape': (1,), }}\n"))?
            .get("descr")
            .cloned()
    }

    #[test]
    fn every_spelling_of_a_string() {
        for text in [
            "'|O'",
            r"'\x7c\x4f'",
            r"'\174O'",
            r"'|\u004f'",
            "'|' 'O'",
            "'''|O'''",
            "\"|\" # 'f8'\n 'O'",
            "u'|O'",
            "'|\\\nO'",
            "r'|O'",
        ] {
            assert_eq!(descr(text), Some(Literal::Str("|O".to_owned())), "{text}");
        }
        assert_eq!(descr(r"'|\N{LATIN CAPITAL LETTER O}'"), Some(Literal::Str("|\u{fffd}".to_owned())));
        assert_eq!(
            parse("{'descr': '<f8', 'descr': '|O'}").and_then(|d| d.get("descr").cloned()),
            descr("'|O'")
        );
    }

    #[test]
    fn what_python_refuses_is_refused() {
        for text in [
            "",
            "{",
            "f(1)",
            "'a' b'b'",
            "{'a': 1 'b': 2}",
            "[1,,2]",
            "1 2",
            "{'a'}: 1",
            "(]",
            "'a",
            "{1:2:3}",
            "{1:2,3}",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(&"(".repeat(60_000)), None);
    }

    #[test]
    fn shapes() {
        assert_eq!(
            parse("(1L, 0x10)"),
            Some(Literal::Tuple(vec![Literal::Int(Some(1)), Literal::Int(Some(16))]))
        );
        assert_eq!(parse("()"), Some(Literal::Tuple(Vec::new())));
        assert_eq!(parse("(-3)"), Some(Literal::Int(Some(-3))));
        assert_eq!(parse("(7,)"), Some(Literal::Tuple(vec![Literal::Int(Some(7))])));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[\\[\\](){},:'\"\\\\# \\nubrxN{}0-9a-zL.]{0,80}") {
            let _ = parse(&text);
        }
    }
}
