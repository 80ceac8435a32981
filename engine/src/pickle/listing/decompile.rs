//! A stream as Python-like lines: imports at the top, one line for each call and each state that is
//! set, the value at the end. Literals are cut short and say how long they are.
//!
//! Nothing here decides anything: it is for people.
//!
//! One file, since a line, the name that stands in it and the literal that is cut in it are made of one state.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::{io, iter};

use crate::content::Content;
use crate::escape;
use crate::facts::{Landmark, Stream};
use crate::limits::Limits;
use crate::pickle::listing::identifier;
use crate::pickle::listing::quote;
use crate::pickle::listing::sharing::{Places, Sharing, Until, is_container};
use crate::pickle::machine;
use crate::pickle::machine::trace::{Event, Trace, View};
use crate::pickle::stream::opcode as op;
use crate::pickle::stream::reader::Cursor;
use crate::pickle::stream::text::{self, Text};
use crate::pickle::values::value::{Tag, Value};

/// Items of a container that are shown.
const SHOWN_ITEMS: usize = 6;
/// Containers inside containers that are shown.
const SHOWN_DEPTH: u32 = 4;
/// Containers whose contents are kept.
const MAX_CONTAINERS: usize = 200_000;
/// Values of one line that are looked through for containers that want a name.
const DECLARED: usize = 32;
/// Longest line.
const MAX_LINE: usize = 400;
/// Lines before and behind a marked one.
pub const BESIDE: usize = 2;

/// What a line stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// `from module import name`, or `name = find_class('module', 'a.name')` where Python's grammar takes
    /// no such import.
    Import,
    /// `_1 = name(…)`.
    Call,
    /// `_1 = […]`: a list, dict or set that is used twice, or changed after it was used.
    Container,
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
    sharing: Sharing,
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
    /// Names that are given, and how often each was asked for.
    names: HashMap<String, u32>,
    objects: HashMap<Value, u32, Places>,
    containers: HashMap<Value, Items, Places>,
    /// Place of the last container whose contents are kept.
    last: u64,
    /// Where the run ends.
    until: Until,
    /// Offsets of the stream's faults, where others are none of the stream.
    faults: Option<Vec<u64>>,
}

/// Runs a stream of these facts again and writes it down. `content` is that of its member.
pub fn listing(content: &Content, stream: &Stream, limits: &Limits, keep: Keep) -> io::Result<Decompiler> {
    let until = until(&keep);
    let mut sharing = Sharing::up_to(until);
    machine::retrace(content, stream, limits, &mut sharing)?;
    let mut decompiler = Decompiler { until, ..Decompiler::new(keep, sharing) };
    machine::retrace(content, stream, limits, &mut decompiler)?;
    Ok(decompiler)
}

/// The same from a landmark on. `None` where what is wanted is not reached from there.
pub fn listing_from(
    content: &Content,
    stream: &Stream,
    from: &Landmark,
    limits: &Limits,
    keep: Keep,
) -> io::Result<Option<Decompiler>> {
    let until = until(&keep);
    let mut sharing = Sharing::up_to(until);
    machine::resume(content, stream, from, limits, &mut sharing)?;
    let mut decompiler = Decompiler { until, ..Decompiler::new(keep, sharing) };
    decompiler.faults = Some(stream.faults.iter().map(|fault| fault.offset).collect());
    for (index, import) in stream.imports.iter().take(from.imports).enumerate() {
        let alias = decompiler.alias(&import.module, &import.name);
        decompiler.imports.insert(index as u32, alias);
    }
    machine::resume(content, stream, from, limits, &mut decompiler)?;
    Ok(decompiler.until.is_past().then_some(decompiler))
}

fn until(keep: &Keep) -> Until {
    Until::behind(match keep {
        Keep::Around(offsets) => offsets.last().copied(),
        Keep::First(_) => None,
    })
}

#[derive(Default)]
struct Items {
    shown: Vec<String>,
    count: usize,
    /// It had items before the listing began.
    older: bool,
}

impl Decompiler {
    /// An empty one. `sharing` has watched the same run.
    pub fn new(keep: Keep, sharing: Sharing) -> Self {
        Decompiler {
            keep,
            sharing,
            lines: Vec::new(),
            dropped: 0,
            pinned: 0,
            passed: 0,
            wanted: 0,
            code: 0,
            imports: HashMap::new(),
            names: HashMap::new(),
            objects: HashMap::default(),
            containers: HashMap::default(),
            last: 0,
            until: Until::default(),
            faults: None,
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

    pub(in crate::pickle) fn expression<C: Cursor>(
        &self,
        view: &View<'_, C>,
        value: Value,
        depth: u32,
    ) -> String {
        match value.tag() {
            Tag::None => "None".to_owned(),
            Tag::Bool => if value.payload() == 0 { "False" } else { "True" }.to_owned(),
            Tag::Int => value.as_int().map(|n| n.to_string()).unwrap_or_default(),
            Tag::BigInt => long(view.cursor, value.payload()),
            Tag::Float => float(view.cursor, value.payload()),
            Tag::Text => match text::decode(view.cursor, value.payload(), 4096) {
                Text::Str(text) | Text::Lone(text) => quote::text(&text),
                Text::TooLong(n) => format!("<text of {n} bytes>"),
                Text::Undecodable => "<broken text>".to_owned(),
            },
            Tag::Bytes => bytes(view.cursor, value.payload()),
            Tag::ByteArray => format!("bytearray({})", bytes(view.cursor, value.payload())),
            Tag::Buffer => "<buffer from outside>".to_owned(),
            Tag::Encoded => encoded(view.cursor, value),
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
            Tag::List | Tag::Dict | Tag::Set => match self.objects.get(&value) {
                Some(n) => format!("_{n}"),
                None => self.literal(value),
            },
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

    /// A list, dict or set with what it holds now.
    fn literal(&self, value: Value) -> String {
        match value.tag() {
            Tag::List => self.contents(value, "[", "]"),
            Tag::Set if !self.containers.contains_key(&value) => "set()".to_owned(),
            _ => self.contents(value, "{", "}"),
        }
    }

    /// Gives each shared container among these values, and in tuples among them, its name.
    fn declare<C: Cursor>(
        &mut self,
        view: &View<'_, C>,
        offset: u64,
        values: impl Iterator<Item = Value>,
        depth: u32,
    ) {
        for value in values.take(DECLARED) {
            if value.is(Tag::Tuple) && depth > 0 {
                self.declare(view, offset, view.tuples.items(value), depth - 1);
            } else if self.sharing.wants_name(value) && !self.objects.contains_key(&value) {
                let literal = self.literal(value);
                let n = self.objects.len() as u32 + 1;
                self.objects.insert(value, n);
                self.line(offset, LineKind::Container, None, format!("_{n} = {literal}"));
            }
        }
    }

    fn contents(&self, value: Value, open: &str, close: &str) -> String {
        let Some(items) = self.containers.get(&value) else { return format!("{open}{close}") };
        let mut shown = items.shown.join(", ");
        match items.count > items.shown.len() {
            true if items.older => shown.push_str(", …"),
            true => drop(write!(shown, ", … {} items", items.count)),
            false => {}
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
        if self.containers.len() >= MAX_CONTAINERS
            && (container.payload() > self.last || !self.containers.contains_key(&container))
        {
            return;
        }
        self.last = self.last.max(container.payload());
        let known = self.containers.get(&container).map_or(0, |i| i.shown.len());
        let more = self.rendered(view, items, pairs, SHOWN_ITEMS.saturating_sub(known));
        let entry = self.containers.entry(container).or_default();
        entry.shown.extend(more);
        entry.count += items.len() / if pairs { 2 } else { 1 };
    }

    /// A name that nothing else in the listing has: that of the import, where Python takes it.
    fn alias(&mut self, module: &str, name: &str) -> String {
        let base = identifier::of(name);
        let taken = identifier::is_reserved(&base) && module != "builtins";
        let uses = self.names.entry(base.clone()).or_insert(u32::from(taken));
        *uses += 1;
        if *uses == 1 {
            return base;
        }
        let mut uses = *uses;
        let mut alias = format!("{base}_{uses}");
        while self.names.contains_key(&alias) {
            uses += 1;
            alias = format!("{base}_{uses}");
        }
        self.names.insert(base, uses);
        self.names.insert(alias.clone(), 1);
        alias
    }

    fn import(&mut self, offset: u64, value: Value, module: &str, name: &str) {
        let index = value.payload() as u32;
        if self.imports.contains_key(&index) {
            return;
        }
        let alias = self.alias(module, name);
        let text = if !module.split('.').chain([name]).all(identifier::is_plain)
            || module.len() > quote::SHOWN_NAME
        {
            format!("{alias} = find_class({}, {})", quote::name(module), quote::name(name))
        } else if alias == name {
            format!("from {module} import {name}")
        } else {
            format!("from {module} import {name} as {alias}")
        };
        self.line(offset, LineKind::Import, Some(index), text);
        self.imports.insert(index, alias);
    }
}

impl Trace for Decompiler {
    fn has_enough(&self) -> bool {
        let complete = || match &self.keep {
            Keep::Around(offsets) => self.passed >= offsets.len() && self.wanted == 0,
            Keep::First(_) => false,
        };
        self.until.is_over() || self.until.is_past() && complete()
    }

    fn event<C: Cursor>(&mut self, view: &View<'_, C>, offset: u64, event: Event<'_>) {
        let offset = view.cursor.in_content(offset);
        match event {
            Event::Opcode { code } => {
                if self.code == 0 && self.faults.is_some() {
                    let older = || Items { shown: vec!["…".to_owned()], count: 1, older: true };
                    let containers = view.stack.iter().filter(|value| is_container(**value));
                    self.containers.extend(containers.map(|value| (*value, older())));
                }
                self.code = code;
                self.until.pass(offset);
            }
            Event::Import { module, name, value, .. } => self.import(offset, value, module, name),
            Event::Container { code, value, items } => {
                self.declare(view, offset, items.iter().copied(), SHOWN_DEPTH);
                if !value.is(Tag::Tuple) {
                    self.collect(view, value, items, code == op::DICT);
                }
            }
            Event::Items { code, target, items } => {
                let pairs = matches!(code, op::SETITEM | op::SETITEMS);
                self.declare(view, offset, iter::once(target).chain(items.iter().copied()), SHOWN_DEPTH);
                if is_container(target) && !self.objects.contains_key(&target) {
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
                self.declare(view, offset, [callee, args].into_iter().chain(kwargs), SHOWN_DEPTH);
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
                self.declare(view, offset, [target, state].into_iter(), SHOWN_DEPTH);
                let text = format!(
                    "{}.__setstate__({})",
                    self.expression(view, target, 1),
                    self.expression(view, state, SHOWN_DEPTH)
                );
                self.line(offset, LineKind::State, changed(target), text);
            }
            Event::Persistent { id, value } => {
                self.declare(view, offset, iter::once(id), SHOWN_DEPTH);
                let text = self.expression(view, id, SHOWN_DEPTH);
                if self.containers.len() < MAX_CONTAINERS {
                    self.containers.insert(value, Items { shown: vec![text], count: 1, older: false });
                }
            }
            Event::Stop { value } => {
                self.declare(view, offset, iter::once(value), SHOWN_DEPTH);
                let text = format!("return {}", self.expression(view, value, SHOWN_DEPTH));
                self.line(offset, LineKind::Result, None, text);
            }
            Event::Fault { .. } if self.faults.as_ref().is_some_and(|faults| !faults.contains(&offset)) => {}
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
pub(in crate::pickle) fn shorten(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// A bytes literal.
fn bytes(cursor: &impl Cursor, offset: u64) -> String {
    let Some(literal) = text::locate(cursor, offset, u64::MAX) else { return "<broken bytes>".to_owned() };
    quote::bytes(
        &cursor.bytes(literal.start, literal.len.min(quote::SHOWN_BYTES as u64) as usize),
        literal.len,
    )
}

/// The bytes that `_codecs.encode` makes of a literal.
fn encoded(cursor: &impl Cursor, value: Value) -> String {
    let Text::Str(text) = text::decode(cursor, value.payload() >> 2, 4096) else {
        return "<encoded text>".to_owned();
    };
    let latin1 = text.chars().map(|c| u8::try_from(c).ok()).collect::<Option<Vec<u8>>>();
    match (value.payload() & 3, latin1) {
        (0, Some(bytes)) => quote::bytes(&bytes, bytes.len() as u64),
        (0, None) => format!("{}.encode('latin1')", quote::text(&text)),
        _ => quote::bytes(text.as_bytes(), text.len() as u64),
    }
}

/// An integer of more than 57 bits.
fn long(cursor: &impl Cursor, offset: u64) -> String {
    let head = cursor.bytes(offset, 64);
    let (width, len) = match *head {
        [op::LONG1, len, ..] => (1, u32::from(len)),
        [op::LONG4, a, b, c, d, ..] => (4, u32::from_le_bytes([a, b, c, d])),
        [op::INT | op::LONG, ref line @ ..] => return digits(line),
        _ => return "<long integer>".to_owned(),
    };
    let bytes = cursor.bytes(offset + 1 + width, (len as usize).min(quote::SHOWN_BYTES));
    let mut le = [if bytes.last().is_some_and(|b| b & 0x80 != 0) { 0xff } else { 0 }; 16];
    if len as usize <= le.len() {
        le.iter_mut().zip(bytes.iter()).for_each(|(to, from)| *to = *from);
        return i128::from_le_bytes(le).to_string();
    }
    format!("int.from_bytes({}, 'little', signed=True)", quote::bytes(&bytes, u64::from(len)))
}

/// The integer that a line begins with.
fn digits(line: &[u8]) -> String {
    let Some(end) = memchr::memchr(b'\n', line) else { return "<long integer>".to_owned() };
    let text = String::from_utf8_lossy(line.get(..end).unwrap_or_default());
    let text = text.strip_suffix('L').unwrap_or(&text);
    let plain = text.strip_prefix('-').unwrap_or(text);
    if plain.bytes().all(|b| b.is_ascii_digit()) && !plain.starts_with('0') && !plain.is_empty() {
        return text.to_owned();
    }
    format!("int({}, 0)", quote::text(text))
}

/// A float as it stands in the stream.
fn float(cursor: &impl Cursor, offset: u64) -> String {
    let head = cursor.bytes(offset, 33);
    match head.split_first() {
        Some((&op::BINFLOAT, rest)) => match rest.first_chunk::<8>() {
            Some(be) => quote::float(f64::from_be_bytes(*be)),
            None => "<float>".to_owned(),
        },
        Some((&op::FLOAT, rest)) => {
            let line =
                String::from_utf8_lossy(rest.split(|b| *b == b'\n').next().unwrap_or(rest)).into_owned();
            match line.trim().parse() {
                Ok(number) => quote::float(number),
                Err(_) => format!("float({})", quote::text(&line)),
            }
        }
        _ => "<float>".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(bytes: &[u8], keep: Keep) -> Vec<String> {
        let content = Content::from_bytes(bytes);
        let decompiler = super::listing(&content, &Stream::default(), &Limits::default(), keep)
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
        let lines = listing(b"cos\x1b[31m\nsystem\ncposix\nsystem\nca\nsystem_2\n.", Keep::First(100));
        assert_eq!(lines[0], r"system = find_class('os\x1b[31m', 'system')");
        assert_eq!(lines[1], "from posix import system as system_2");
        assert_eq!(lines[2], "from a import system_2 as system_2_2");
    }

    #[test]
    fn names_that_python_takes_in_no_import_are_looked_up() {
        let line = |module: &str, name: &str| {
            listing(format!("c{module}\n{name}\n.").as_bytes(), Keep::First(9)).remove(0)
        };
        assert_eq!(
            line("torch.serialization", "os.system"),
            "system = find_class('torch.serialization', 'os.system')"
        );
        assert_eq!(line("os", "a;b()"), "a_b__ = find_class('os', 'a;b()')");
        assert_eq!(line("a", "class"), "class_ = find_class('a', 'class')");
        // Python would read it as `system`.
        assert_eq!(line("os", "\u{17f}ystem"), "_ystem = find_class('os', '\u{17f}ystem')");
        // Names of the listing itself.
        assert_eq!(line("a", "_1"), "from a import _1 as n_1");
        assert_eq!(line("a", "float"), "from a import float as float_2");
        assert_eq!(line("builtins", "set"), "from builtins import set");
        assert!(line("a", &"x".repeat(5000)).ends_with("…' <5000 characters>)"));
    }

    #[test]
    fn long_integers_are_whole_or_say_how_long_they_are() {
        let line = |bytes: &[u8]| listing(bytes, Keep::First(9)).remove(0);
        // pickle.dumps of 2**64, -2**64 and 2**200, protocol 2 and 0.
        assert_eq!(line(b"\x80\x02\x8a\x09\0\0\0\0\0\0\0\0\x01."), "return 18446744073709551616");
        assert_eq!(line(b"\x80\x02\x8a\x09\0\0\0\0\0\0\0\0\xff."), "return -18446744073709551616");
        assert_eq!(line(b"L-18446744073709551616L\n."), "return -18446744073709551616");
        let mut bytes = b"\x80\x02\x8a\x1a".to_vec();
        bytes.extend([0; 25]);
        bytes.extend(b"\x01.");
        assert_eq!(
            line(&bytes),
            format!("return int.from_bytes(b'{}…' <26 bytes>, 'little', signed=True)", r"\x00".repeat(16))
        );
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
        let lines = listing(&bytes, Keep::First(100));
        assert!(lines.iter().all(|l| l.len() < 2000), "{lines:?}");
        assert_eq!(
            lines.last().map(String::as_str),
            Some("return [_10, _10, _10, _10, _10, _10, … 10 items]")
        );
    }

    #[test]
    fn containers_that_are_shared_or_changed_late_have_a_name() {
        // l = [1]; d = {'l': l, 'm': l}; l.append(2)
        let lines = listing(b"]q\0K\x01a0}X\x01\0\0\0lh\0sX\x01\0\0\0mh\0sh\0K\x02a0.", Keep::First(100));
        let fault = "# a list is changed that was handed over already, as no pickler writes it";
        assert_eq!(lines, ["_1 = []", "_1.append(1)", "_1.append(2)", fault, "return {'l': _1, 'm': _1}"]);
        // l = []; l.append(l)
        assert_eq!(listing(b"]q\0h\0a.", Keep::First(100)), ["_1 = []", "_1.append(_1)", "return _1"]);
        // An argument of OBJ, and state.
        let lines = listing(b"(ca\nB\n}q\0oh\0b.", Keep::First(100));
        assert_eq!(lines, ["from a import B", "_1 = {}", "_2 = B(_1)", "_2.__setstate__(_1)", "return _2"]);
    }
}
