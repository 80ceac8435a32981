//! A stream as Python-like lines: imports at the top, one line for each call and each state that is
//! set, the value at the end. Literals are cut short and say how long they are.
//!
//! Nothing here decides anything: it is for people.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::opcode as op;
use super::reader::Cursor;
use super::text::{self, Text};
use super::trace::{Event, Trace, View};
use super::value::{Tag, Value};
use crate::escape;

/// Characters of a text or bytes literal that are shown.
const SHOWN_TEXT: usize = 40;
/// Items of a container that are shown.
const SHOWN_ITEMS: usize = 6;
/// Containers inside containers that are shown.
const SHOWN_DEPTH: u32 = 4;
/// Containers whose contents are kept.
const MAX_CONTAINERS: usize = 200_000;
/// Longest line.
const MAX_LINE: usize = 400;
/// Lines before and behind a marked one.
pub const BESIDE: usize = 2;

/// What a line stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// `from module import name`.
    Import,
    /// `_1 = name(…)`.
    Call,
    /// `_1.__setstate__(…)`, `_1.update(…)`, `_1.extend(…)`.
    State,
    /// `return …`.
    Result,
    /// `# …`: what is wrong here.
    Fault,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Offset in the member of the opcode.
    pub offset: u64,
    /// Its CPython name.
    pub opcode: &'static str,
    /// What it stands for.
    pub kind: LineKind,
    /// Python-like text, escaped for a terminal.
    pub text: String,
    /// Index of the import that is imported, applied or changed.
    pub import: Option<u32>,
    /// For a call, what its positional arguments are: `text`, `tuple`, `import`…
    pub arguments: Vec<&'static str>,
}

/// Which lines are kept.
#[derive(Clone, Debug)]
pub enum Keep {
    /// The first so many.
    First(usize),
    /// For each of these offsets, in order, the line at or last before it, and [`BESIDE`] on either side.
    Around(Vec<u64>),
}

/// Records lines while a machine runs.
pub struct Decompiler {
    keep: Keep,
    /// Lines in the order of the stream.
    pub lines: Vec<Line>,
    /// Lines that were not kept.
    pub dropped: u64,
    /// Under [`Keep::Around`]: lines at the front that stay, offsets that have been passed, and lines
    /// that the last of them still wants behind it.
    pinned: usize,
    passed: usize,
    wanted: usize,
    code: u8,
    imports: HashMap<u32, String>,
    names: HashMap<String, u32>,
    objects: HashMap<Value, u32>,
    containers: HashMap<Value, Items>,
}

#[derive(Default)]
struct Items {
    shown: Vec<String>,
    count: usize,
}

impl Decompiler {
    /// An empty one.
    pub fn new(keep: Keep) -> Self {
        Decompiler {
            keep,
            lines: Vec::new(),
            dropped: 0,
            pinned: 0,
            passed: 0,
            wanted: 0,
            code: 0,
            imports: HashMap::new(),
            names: HashMap::new(),
            objects: HashMap::new(),
            containers: HashMap::new(),
        }
    }

    fn line(&mut self, offset: u64, kind: LineKind, import: Option<u32>, text: String) {
        if !self.keeps(offset) {
            self.dropped += 1;
            return;
        }
        let text = shorten(&text, MAX_LINE);
        self.lines.push(Line {
            offset,
            opcode: op::name(self.code),
            kind,
            text,
            import,
            arguments: Vec::new(),
        });
    }

    /// Whether the next line, at this offset, is kept. Makes room for it.
    fn keeps(&mut self, offset: u64) -> bool {
        let offsets = match &self.keep {
            Keep::First(max) => return self.lines.len() < *max,
            Keep::Around(offsets) => offsets,
        };
        let before = self.passed;
        while offsets.get(self.passed).is_some_and(|wanted| *wanted < offset) {
            self.passed += 1;
        }
        if self.passed > before {
            self.pinned = self.lines.len();
            self.wanted = BESIDE;
        }
        if self.wanted > 0 {
            self.wanted -= 1;
            self.pinned += 1;
            return true;
        }
        if self.passed >= offsets.len() {
            return false;
        }
        if self.lines.len() - self.pinned > BESIDE {
            self.lines.remove(self.pinned);
        }
        true
    }

    pub(super) fn expression<C: Cursor>(&self, view: &View<'_, C>, value: Value, depth: u32) -> String {
        match value.tag() {
            Tag::None => "None".to_owned(),
            Tag::Bool => if value.payload() == 0 { "False" } else { "True" }.to_owned(),
            Tag::Int => value.as_int().map(|n| n.to_string()).unwrap_or_default(),
            Tag::BigInt => "<long integer>".to_owned(),
            Tag::Float => float(view.cursor, value.payload()),
            Tag::Text => match text::decode(view.cursor, value.payload(), 4096) {
                Text::Str(text) => quote(&text),
                Text::TooLong(n) => format!("<text of {n} bytes>"),
                Text::Undecodable => "<broken text>".to_owned(),
            },
            Tag::Bytes => bytes(view.cursor, value.payload(), "b"),
            Tag::ByteArray => bytes(view.cursor, value.payload(), "bytearray "),
            Tag::Buffer => "<buffer from outside>".to_owned(),
            Tag::Encoded => match text::decode(view.cursor, value.payload() >> 2, 4096) {
                Text::Str(text) => format!("b{}", quote(&text)),
                _ => "<encoded text>".to_owned(),
            },
            Tag::Tuple => {
                let len = view.tuples.len(value).unwrap_or(0);
                if depth == 0 {
                    return format!("(… {len} items)");
                }
                let mut items: Vec<String> = view
                    .tuples
                    .items(value)
                    .take(SHOWN_ITEMS)
                    .map(|v| self.expression(view, v, depth - 1))
                    .collect();
                if len > SHOWN_ITEMS {
                    items.push(format!("… {len} items"));
                }
                if len == 1 { format!("({},)", items.join("")) } else { format!("({})", items.join(", ")) }
            }
            Tag::List => self.contents(value, "[", "]"),
            Tag::Dict => self.contents(value, "{", "}"),
            Tag::Set if !self.containers.contains_key(&value) => "set()".to_owned(),
            Tag::Set => self.contents(value, "{", "}"),
            Tag::FrozenSet => self.contents(value, "frozenset({", "})"),
            Tag::Import => {
                let name = self.imports.get(&(value.payload() as u32));
                name.cloned().unwrap_or_else(|| "<import>".to_owned())
            }
            Tag::Object => match self.objects.get(&value) {
                Some(n) => format!("_{n}"),
                None => "<object>".to_owned(),
            },
            Tag::Persistent => match self.containers.get(&value) {
                Some(items) => format!("persistent_load({})", items.shown.join("")),
                None => "persistent_load(…)".to_owned(),
            },
            Tag::Unknown => "<unresolved>".to_owned(),
        }
    }

    fn contents(&self, value: Value, open: &str, close: &str) -> String {
        let Some(items) = self.containers.get(&value) else { return format!("{open}{close}") };
        let mut shown = items.shown.join(", ");
        if items.count > items.shown.len() {
            let _ = write!(shown, ", … {} items", items.count);
        }
        format!("{open}{shown}{close}")
    }

    fn rendered<C: Cursor>(
        &self,
        view: &View<'_, C>,
        items: &[Value],
        pairs: bool,
        room: usize,
    ) -> Vec<String> {
        let width = if pairs { 2 } else { 1 };
        items
            .chunks(width)
            .take(room)
            .map(|item| match item {
                [key, value] => format!(
                    "{}: {}",
                    self.expression(view, *key, 1),
                    shorten(&self.expression(view, *value, SHOWN_DEPTH - 1), 160)
                ),
                [value] => shorten(&self.expression(view, *value, SHOWN_DEPTH - 1), 160),
                _ => String::new(),
            })
            .collect()
    }

    /// Adds to the kept contents of a literal container.
    fn collect<C: Cursor>(&mut self, view: &View<'_, C>, container: Value, items: &[Value], pairs: bool) {
        if self.containers.len() >= MAX_CONTAINERS && !self.containers.contains_key(&container) {
            return;
        }
        let known = self.containers.get(&container).map_or(0, |i| i.shown.len());
        let more = self.rendered(view, items, pairs, SHOWN_ITEMS.saturating_sub(known));
        let entry = self.containers.entry(container).or_default();
        entry.shown.extend(more);
        entry.count += items.len() / if pairs { 2 } else { 1 };
    }

    fn import(&mut self, offset: u64, value: Value, module: &str, name: &str) {
        let index = value.payload() as u32;
        if self.imports.contains_key(&index) {
            return;
        }
        // No attribute has an empty name, but an unpickler may ask for it.
        let spelled = |name: &str| if name.is_empty() { "''".to_owned() } else { escape::name(name) };
        let (module, name) = (spelled(module), spelled(name));
        let uses = self.names.entry(name.clone()).or_insert(0);
        *uses += 1;
        let alias = if *uses > 1 { format!("{name}_{uses}") } else { name.clone() };
        let renamed = if alias == name { String::new() } else { format!(" as {alias}") };
        self.line(offset, LineKind::Import, Some(index), format!("from {module} import {name}{renamed}"));
        self.imports.insert(index, alias);
    }
}

impl Trace for Decompiler {
    fn event<C: Cursor>(&mut self, view: &View<'_, C>, offset: u64, event: Event<'_>) {
        let offset = view.cursor.in_content(offset);
        match event {
            Event::Opcode { code } => self.code = code,
            Event::Import { module, name, value, .. } => self.import(offset, value, module, name),
            Event::Container { code, value, items } => {
                if !value.is(Tag::Tuple) {
                    self.collect(view, value, items, code == op::DICT);
                }
            }
            Event::Items { code, target, items } => {
                let pairs = matches!(code, op::SETITEM | op::SETITEMS);
                if matches!(target.tag(), Tag::List | Tag::Dict | Tag::Set) {
                    self.collect(view, target, items, pairs);
                    return;
                }
                let count = items.len() / if pairs { 2 } else { 1 };
                let mut shown = self.rendered(view, items, pairs, SHOWN_ITEMS);
                if count > shown.len() {
                    shown.push(format!("… {count} items"));
                }
                let target_text = self.expression(view, target, 1);
                let shown = shown.join(", ");
                let text = match code {
                    op::SETITEM | op::SETITEMS => format!("{target_text}.update({{{shown}}})"),
                    op::ADDITEMS => format!("{target_text}.update({{{shown}}})"),
                    op::APPEND => format!("{target_text}.append({shown})"),
                    _ => format!("{target_text}.extend([{shown}])"),
                };
                self.line(offset, LineKind::State, changed(target), text);
            }
            Event::Apply { code, callee, args, kwargs, value } => {
                let callee_text = self.expression(view, callee, 1);
                let mut shown: Vec<String> = match view.tuples.len(args) {
                    Some(_) => {
                        view.tuples.items(args).map(|v| self.expression(view, v, SHOWN_DEPTH)).collect()
                    }
                    None => vec![format!("*{}", self.expression(view, args, SHOWN_DEPTH))],
                };
                if let Some(kwargs) = kwargs {
                    shown.push(format!("**{}", self.expression(view, kwargs, SHOWN_DEPTH)));
                }
                let created = matches!(code, op::NEWOBJ | op::NEWOBJ_EX);
                let text = if created {
                    let rest =
                        if shown.is_empty() { String::new() } else { format!(", {}", shown.join(", ")) };
                    format!("{callee_text}.__new__({callee_text}{rest})")
                } else {
                    format!("{callee_text}({})", shown.join(", "))
                };
                let n = self.objects.len() as u32 + 1;
                let text = if value.is(Tag::Object) {
                    self.objects.insert(value, n);
                    format!("_{n} = {text}")
                } else {
                    text
                };
                let import = callee.as_import().or(callee.object_import());
                let before = self.dropped;
                self.line(offset, LineKind::Call, import, text);
                if before == self.dropped
                    && let Some(line) = self.lines.last_mut()
                {
                    line.arguments = view.tuples.items(args).take(64).map(|v| v.tag().as_str()).collect();
                }
            }
            Event::Build { target, state } => {
                let text = format!(
                    "{}.__setstate__({})",
                    self.expression(view, target, 1),
                    self.expression(view, state, SHOWN_DEPTH)
                );
                self.line(offset, LineKind::State, changed(target), text);
            }
            Event::Persistent { id, value } => {
                let text = self.expression(view, id, SHOWN_DEPTH);
                if self.containers.len() < MAX_CONTAINERS {
                    self.containers.insert(value, Items { shown: vec![text], count: 1 });
                }
            }
            Event::Stop { value } => {
                let text = format!("return {}", self.expression(view, value, SHOWN_DEPTH));
                self.line(offset, LineKind::Result, None, text);
            }
            Event::Fault { message } => {
                self.line(offset, LineKind::Fault, None, format!("# {}", escape::name(message)));
            }
            Event::Memo { .. } => {}
        }
    }
}

fn changed(target: Value) -> Option<u32> {
    target.as_import().or(target.object_import())
}

/// Cuts a text behind so many characters.
pub(super) fn shorten(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// A Python string literal, cut short.
fn quote(text: &str) -> String {
    let mut out = String::from("'");
    for (count, c) in text.chars().enumerate() {
        if count == SHOWN_TEXT {
            let _ = write!(out, "…' <{} characters>", text.chars().count());
            return out;
        }
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\'' => out.push_str("\\'"),
            '\\' => out.push_str("\\\\"),
            c => out.push_str(&escape::name(c.encode_utf8(&mut [0; 4]))),
        }
    }
    out.push('\'');
    out
}

/// A Python bytes literal, cut short.
fn bytes(cursor: &impl Cursor, offset: u64, prefix: &str) -> String {
    let Some(literal) = text::locate(cursor, offset, u64::MAX) else { return "<broken bytes>".to_owned() };
    let shown = cursor.bytes(literal.start, literal.len.min(16) as usize);
    let text = shown.escape_ascii();
    if literal.len > 16 {
        format!("{prefix}'{text}…' <{} bytes>", literal.len)
    } else {
        format!("{prefix}'{text}'")
    }
}

/// A float as it stands in the stream.
fn float(cursor: &impl Cursor, offset: u64) -> String {
    let head = cursor.bytes(offset, 33);
    match head.split_first() {
        Some((&op::BINFLOAT, rest)) => match rest.first_chunk::<8>() {
            Some(be) => format!("{:?}", f64::from_be_bytes(*be)),
            None => "<float>".to_owned(),
        },
        Some((&op::FLOAT, rest)) => {
            let line = rest.split(|b| *b == b'\n').next().unwrap_or(rest);
            escape::name(&String::from_utf8_lossy(line))
        }
        _ => "<float>".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Content;
    use crate::facts::Reading;
    use crate::limits::Limits;
    use crate::pickle::machine;

    fn listing(bytes: &[u8], keep: Keep) -> Vec<String> {
        let mut decompiler = Decompiler::new(keep);
        let content = Content::from_bytes(bytes);
        machine::run_traced(&content, 0, Reading::Pickle, "", &Limits::default(), &mut decompiler)
            .expect("bytes in memory are readable");
        decompiler.lines.into_iter().map(|l| l.text).collect()
    }

    #[test]
    fn calls_state_and_result_read_like_python() {
        // pickle.dumps(collections.OrderedDict(a=1.5)), protocol 2, and a call by hand.
        let lines = listing(
            b"\x80\x02ccollections\nOrderedDict\nq\0)Rq\x01X\x01\0\0\0aG?\xf8\0\0\0\0\0\0s}X\x01\0\0\0bNsb.",
            Keep::First(100),
        );
        assert_eq!(
            lines,
            [
                "from collections import OrderedDict",
                "_1 = OrderedDict()",
                "_1.update({'a': 1.5})",
                "_1.__setstate__({'b': None})",
                "return _1",
            ]
        );
    }

    #[test]
    fn hostile_names_are_escaped_and_twins_told_apart() {
        let lines = listing(b"cos\x1b[31m\nsystem\ncposix\nsystem\n.", Keep::First(100));
        assert_eq!(lines[0], "from os\\u{1b}[31m import system");
        assert_eq!(lines[1], "from posix import system as system_2");
    }

    #[test]
    fn around_keeps_a_few_lines() {
        let mut bytes = b"ca\nB\nq\0".to_vec();
        for _ in 0..100 {
            bytes.extend(b"h\0)R0");
        }
        bytes.push(b'.');
        let lines = listing(&bytes, Keep::Around(vec![7 + 5 * 50]));
        assert!(lines.len() <= 5, "{lines:?}");
        assert!(lines.iter().any(|l| l.starts_with("_50 ")), "{lines:?}");
    }

    #[test]
    fn a_memo_bomb_is_shown_in_a_line() {
        // Lists that hold ten of the one before, ten deep.
        let mut bytes = b"]q\0".to_vec();
        for i in 0..10u8 {
            bytes.extend([b']', b'q', i + 1, b'(']);
            for _ in 0..10 {
                bytes.extend([b'h', i]);
            }
            bytes.push(b'e');
        }
        bytes.push(b'.');
        let lines = listing(&bytes, Keep::First(10));
        assert!(lines.iter().all(|l| l.len() < 2000), "{lines:?}");
    }
}
