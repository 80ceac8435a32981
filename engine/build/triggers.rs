//! Works out which triggers an entry opens: from what was measured of its class (`facts.tsv`), which hooks of
//! it were read (`hooks.yaml`), and what the entry says.
//!
//! One file, since each trigger is worked out beside the others: they share hooks, shapes and what they refuse.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;

use crate::lists::{self, Written};

/// Hooks, as `facts.tsv` and Python name them.
const HOOKS: &[(&str, &str)] = &[
    ("setstate", "__setstate__"),
    ("setattr", "__setattr__"),
    ("getattr", "__getattr__"),
    ("getattribute", "__getattribute__"),
    ("delattr", "__delattr__"),
    ("del", "__del__"),
    ("hash", "__hash__"),
    ("eq", "__eq__"),
    ("append", "append"),
    ("extend", "extend"),
    ("add", "add"),
    ("setitem", "__setitem__"),
    ("call", "__call__"),
    ("new", "__new__"),
    ("init", "__init__"),
    ("reduce", "__reduce__"),
];

/// Hooks whose reading says what they may be given.
const TAKING: &[&str] = &["__setstate__", "__setitem__", "append", "extend", "add", "__new__", "__init__"];

/// Guards that judge the whole state.
const JUDGED: &[&str] = &["NumpyDtype", "NumpyArray", "MaskedArray"];

/// Built-in types whose values are hashed, or hash what they hold.
const HASHED: &[&str] = &["str", "bytes", "int", "float", "complex", "tuple", "frozenset"];

/// What was measured of one import.
#[derive(Default)]
pub struct Row {
    hooks: BTreeMap<&'static str, BTreeSet<String>>,
    words: BTreeSet<String>,
    setters: BTreeSet<String>,
    compiled_state: bool,
}

impl Row {
    fn has(&self, word: &str) -> bool {
        self.words.contains(word)
    }

    fn base(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.words.contains(&format!("base:{name}")))
    }

    fn definers(&self, hook: &str) -> impl Iterator<Item = &String> {
        self.hooks.get(hook).into_iter().flatten()
    }
}

/// Reads `facts.tsv`.
pub fn facts(text: &str) -> Result<BTreeMap<String, Row>, Box<dyn Error>> {
    let mut rows = BTreeMap::new();
    for (i, line) in text.lines().enumerate().filter(|(_, l)| !l.is_empty() && !l.starts_with('#')) {
        let at = |what: &str| format!("facts.tsv:{}: {what}", i + 1);
        let [import, _, words] = line.splitn(3, '\t').collect::<Vec<_>>()[..] else {
            return Err(at("not three columns").into());
        };
        let mut row = Row::default();
        for word in words.split_whitespace() {
            let (head, tail) = word.split_once(':').unwrap_or((word, ""));
            if let Some((hook, _)) = HOOKS.iter().find(|(hook, _)| *hook == head)
                && word != "hash:none"
            {
                let (language, definer) = tail.split_once('@').ok_or_else(|| at(word))?;
                if !matches!(language, "py" | "c") {
                    return Err(at(word).into());
                }
                row.compiled_state |= word.starts_with("setstate:c@");
                row.hooks.entry(hook).or_default().insert(definer.to_owned());
            } else if head == "setters" {
                row.setters.extend(tail.split(',').map(str::to_owned));
            } else if matches!(
                word,
                "hash:none"
                    | "meta"
                    | "slots"
                    | "dict"
                    | "singleton:create"
                    | "singleton:call"
                    | "singleton:create-with"
                    | "singleton:call-with"
            ) || head == "base"
            {
                row.words.insert(word.to_owned());
            } else {
                return Err(at(&format!("{word:?} is no fact")).into());
            }
        }
        if rows.insert(import.to_owned(), row).is_some() {
            return Err(at(&format!("{import} twice")).into());
        }
    }
    Ok(rows)
}

/// What was read of hooks, by `module:Class.hook`: what they take, and whether any number may be among it.
#[derive(Default)]
pub struct Hooks(BTreeMap<String, (Option<Written>, bool)>);

/// Reads `hooks.yaml`.
pub fn hooks(text: &str) -> Result<Hooks, Box<dyn Error>> {
    let mut read = BTreeMap::new();
    for hook in &lists::hooks(text, "allowlists/hooks.yaml")? {
        let at = |what: &str| format!("hooks.yaml:{}: {}: {what}", hook.line, hook.hook);
        let name = hook.hook.rsplit_once('.').map_or("", |(_, name)| name);
        if !HOOKS.iter().any(|(_, python)| *python == name) {
            return Err(at("no hook that loading reaches").into());
        }
        if hook.why.trim().is_empty() {
            return Err(at("`why` is empty").into());
        }
        match &hook.takes {
            Some(_) if !TAKING.contains(&name) => return Err(at("it takes nothing of a pickle").into()),
            None if name == "__setstate__" => return Err(at("`takes` is missing").into()),
            Some(takes) if name == "__setstate__" => drop(State::written(takes).map_err(|e| at(&e))?),
            Some(Written::One(word)) => drop(shape(word).map_err(|e| at(&e))?),
            Some(_) => return Err(at("`takes` is one shape").into()),
            None => {}
        }
        let numbers = any_number(hook.numbers.as_deref()).map_err(|e| at(&e))?;
        if read.insert(hook.hook.clone(), (hook.takes.clone(), numbers)).is_some() {
            return Err(at("read twice").into());
        }
    }
    Ok(Hooks(read))
}

impl Hooks {
    /// What was read of a hook that this class defines; built-in types need no note.
    fn of(&self, definer: &str, hook: &str) -> Option<Option<&Written>> {
        if matches!(definer.split_once(':'), Some(("builtins" | "__builtin__", _))) && !TAKING.contains(&hook)
        {
            return Some(None);
        }
        self.0.get(&format!("{definer}.{hook}")).map(|(takes, _)| takes.as_ref())
    }

    /// Whether any number may be among what every `__setstate__` takes.
    fn any_number(&self, row: &Row) -> bool {
        let any =
            |definer: &String| self.0.get(&format!("{definer}.__setstate__")).is_some_and(|(_, any)| *any);
        row.definers("setstate").all(any)
    }

    /// Whether a hash is computed of numbers, which can be chosen so that it is the same for all.
    fn of_numbers(&self, row: &Row) -> bool {
        let any = |definer: &String| self.0.get(&format!("{definer}.__hash__")).is_some_and(|(_, any)| *any);
        row.base(&["tuple"]) || row.definers("hash").any(any)
    }

    /// Whether every class that defines a hook was read.
    fn all_read(&self, row: &Row, fact: &str) -> bool {
        let python = HOOKS.iter().find(|(hook, _)| *hook == fact).map_or("", |(_, python)| python);
        row.definers(fact).all(|definer| self.of(definer, python).is_some())
    }

    /// The strictest shape of values that these hooks take; `None` where one was not read.
    fn taken(&self, row: &Row, facts: &[&str]) -> Option<u8> {
        let mut strictest = STORED;
        for fact in facts {
            let python = HOOKS.iter().find(|(hook, _)| hook == fact).map_or("", |(_, python)| python);
            for definer in row.definers(fact) {
                let word = match self.of(definer, python)? {
                    Some(Written::One(word)) => shape(word).ok()?,
                    _ => PLAIN,
                };
                strictest = stricter(strictest, word);
            }
        }
        Some(strictest)
    }
}

fn any_number(word: Option<&str>) -> Result<bool, String> {
    match word {
        None => Ok(false),
        Some("any") => Ok(true),
        Some(_) => Err("`numbers` is `any` or absent".into()),
    }
}

const SHAPES: &[(&str, &str)] = &[
    ("plain", "Plain"),
    ("inert", "Inert"),
    ("references", "References"),
    ("stored", "Stored"),
    ("dict", "Dict"),
    ("list", "List"),
    ("number", "Number"),
    ("attributes", "Attributes"),
    ("count", "Count"),
    ("mapping", "Mapping"),
];
const PLAIN: u8 = 0;
const INERT: u8 = 1;
const REFERENCES: u8 = 2;
const STORED: u8 = 3;
const NUMBER: u8 = 6;
const ATTRIBUTES: u8 = 7;
const COUNT: u8 = 8;

fn shape(word: &str) -> Result<u8, String> {
    let found = SHAPES.iter().position(|(w, _)| *w == word);
    found.map(|i| i as u8).ok_or_else(|| format!("{word:?} is no shape"))
}

fn expression(shape: u8) -> String {
    format!("Shape::{}", SHAPES.get(usize::from(shape)).map_or("Plain", |(_, variant)| variant))
}

fn stricter(a: u8, b: u8) -> u8 {
    match (a, b) {
        (a, b) if a == b => a,
        (STORED, other) | (other, STORED) => other,
        (ATTRIBUTES, INERT | REFERENCES) | (INERT | REFERENCES, ATTRIBUTES) => ATTRIBUTES,
        (COUNT, _) | (_, COUNT) => COUNT,
        (NUMBER, _) | (_, NUMBER) => NUMBER,
        // A dict is no list.
        (a, b) if a > STORED && b > STORED => PLAIN,
        (a, b) => a.min(b),
    }
}

fn positions(words: &[String]) -> Result<Vec<u8>, String> {
    if words.is_empty() {
        return Err("there are no shapes by position".into());
    }
    words.iter().map(|w| shape(w)).collect()
}

/// The parts of a tuple, and how many there are at least: a part whose word ends with `?` may be missing.
fn parts(words: &[String]) -> Result<(Vec<u8>, usize), String> {
    let least = words.iter().take_while(|word| !word.ends_with('?')).count();
    if words.iter().skip(least).any(|word| !word.ends_with('?')) {
        return Err("a part behind one that may be missing may be missing as well".into());
    }
    let bare: Vec<String> = words.iter().map(|word| word.trim_end_matches('?').to_owned()).collect();
    Ok((positions(&bare)?, least))
}

/// Shapes as an expression.
fn shapes(written: &Written) -> Result<String, String> {
    match written {
        Written::One(word) => Ok(format!("Shapes::all({})", expression(shape(word)?))),
        Written::Many(words) => Ok(by_position(&positions(words)?)),
        Written::Touches(_) | Written::Forms(_) => Err("attributes and forms belong to `state`".into()),
    }
}

/// Those beyond the eighth share the strictest of theirs.
fn by_position(shapes: &[u8]) -> String {
    let (head, tail) = shapes.split_at(shapes.len().min(8));
    let rest = tail.iter().fold(if tail.is_empty() { PLAIN } else { STORED }, |all, s| stricter(all, *s));
    let list: Vec<String> = head.iter().map(|s| expression(*s)).collect();
    format!("Shapes::new(&[{}], {})", list.join(", "), expression(rest))
}

/// What must stand at a key: a shape, or what an import made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    Shape(u8),
    Made(String),
}

impl Wanted {
    fn written(word: &str) -> Result<Wanted, String> {
        match word.strip_prefix("made:") {
            Some(import) if !import.is_empty() => Ok(Wanted::Made(import.to_owned())),
            _ => Ok(Wanted::Shape(shape(word)?)),
        }
    }

    fn both(&self, other: &Wanted) -> Result<Wanted, String> {
        match (self, other) {
            (a, b) if a == b => Ok(a.clone()),
            (Wanted::Shape(a), Wanted::Shape(b)) => Ok(Wanted::Shape(stricter(*a, *b))),
            (made @ Wanted::Made(_), Wanted::Shape(STORED))
            | (Wanted::Shape(STORED), made @ Wanted::Made(_)) => Ok(made.clone()),
            _ => Err("releases differ at a key: say `state`".into()),
        }
    }
}

/// Whether attributes for slots may be set, and which must not.
type Slots = Option<BTreeSet<String>>;

/// What BUILD may give.
#[derive(Clone, Debug)]
enum State {
    Closed(&'static str),
    Stored,
    Read { attributes: Option<Attributes>, parts: Option<(Vec<u8>, usize)>, value: bool },
}

/// A dict of attributes: what their values are, whether BUILD itself takes it, slots, and keys that code looks at.
#[derive(Clone, Debug)]
struct Attributes {
    values: u8,
    pair: bool,
    slots: Slots,
    touched: BTreeMap<String, Wanted>,
}

impl Attributes {
    /// What a `__setstate__` takes: a dict and nothing else.
    fn of(values: u8) -> Attributes {
        Attributes { values, pair: false, slots: None, touched: BTreeMap::new() }
    }

    fn both(self, other: Attributes) -> Result<Attributes, String> {
        let mut touched = self.touched;
        for (key, shape) in other.touched {
            let seen = touched.entry(key).or_insert_with(|| shape.clone());
            *seen = seen.both(&shape)?;
        }
        let slots = self.slots.zip(other.slots).map(|(mut a, b)| {
            a.extend(b);
            a
        });
        let pair = self.pair && other.pair;
        Ok(Attributes { values: stricter(self.values, other.values), pair, slots, touched })
    }
}

impl State {
    /// A word is the shape of attributes: no other form of a state is open that is not spelled out.
    fn written(written: &Written) -> Result<State, String> {
        let attributes = |word: &str| match word {
            "attributes" => Ok(Attributes::of(STORED)),
            word => shape(word).map(Attributes::of),
        };
        let read = |attributes| State::Read { attributes, parts: None, value: false };
        Ok(match written {
            Written::One(word) if word == "stored" => State::Stored,
            Written::One(word) => read(Some(attributes(word)?)),
            Written::Many(words) => {
                State::Read { attributes: None, parts: Some(parts(words)?), value: false }
            }
            Written::Touches(touches) => {
                let touched = touches
                    .iter()
                    .map(|(key, word)| Ok((key.clone(), Wanted::written(word)?)))
                    // Code asks whether such a key is there, and no more: the attributes need not be followed for it.
                    .filter(|key| !matches!(key, Ok((_, Wanted::Shape(STORED)))))
                    .collect::<Result<_, String>>()?;
                read(Some(Attributes { touched, ..Attributes::of(STORED) }))
            }
            Written::Forms(forms) => {
                if forms.value.as_deref().is_some_and(|word| word != "plain") {
                    return Err("`value` is `plain` or absent".into());
                }
                let attributes = forms.attributes.as_deref().map(attributes).transpose()?;
                let parts = forms.parts.as_deref().map(parts).transpose()?;
                State::Read { attributes, parts, value: forms.value.is_some() }
            }
        })
    }

    /// What both releases of a hook take.
    fn both(self, other: State) -> Result<State, String> {
        Ok(match (self, other) {
            (closed @ State::Closed(_), _) | (_, closed @ State::Closed(_)) => closed,
            (State::Stored, other) | (other, State::Stored) => other,
            (
                State::Read { attributes: a, parts, value },
                State::Read { attributes: b, parts: other_parts, value: other_value },
            ) => {
                let attributes = a.zip(b).map(|(a, b)| a.both(b)).transpose()?;
                let parts = parts.zip(other_parts).map(|((a, least), (b, other))| {
                    let shapes: Vec<u8> = a.iter().zip(&b).map(|(a, b)| stricter(*a, *b)).collect();
                    (shapes, least.max(other))
                });
                if parts.as_ref().is_some_and(|(shapes, least)| shapes.len() < *least) {
                    return Err("releases take tuples of different lengths: say `state`".into());
                }
                let value = value && other_value;
                if attributes.is_none() && parts.is_none() && !value {
                    return Err("one release takes a tuple, another one attributes: say `state`".into());
                }
                State::Read { attributes, parts, value }
            }
        })
    }

    /// What BUILD itself makes of a state where a class has no `__setstate__`.
    fn plainly_set(self, slots: Slots) -> State {
        match self {
            State::Read { attributes: Some(attributes), parts, value } => {
                let attributes = Attributes { pair: true, slots, ..attributes };
                State::Read { attributes: Some(attributes), parts, value }
            }
            other => other,
        }
    }
}

/// What an entry says of its triggers.
pub struct Said<'a> {
    pub kind: &'a str,
    pub uses: &'a [String],
    pub guard: Option<&'a str>,
    pub call: Option<&'a Written>,
    pub create: Option<&'a Written>,
    pub state: Option<&'a Written>,
    pub items: Option<&'a BTreeMap<String, String>>,
    pub numbers: Option<&'a str>,
    pub inert: bool,
    pub hash: Option<&'a str>,
    pub del: Option<&'a str>,
    pub fresh: Option<&'a str>,
    pub hides: Option<&'a str>,
    pub read: Option<&'a str>,
}

/// Keys that code looks at, of all entries.
#[derive(Default)]
pub struct Touched(Vec<(String, Wanted)>);

impl Touched {
    fn place(&mut self, keys: &BTreeMap<String, Wanted>) -> (usize, usize) {
        let wanted: Vec<(String, Wanted)> = keys.iter().map(|(k, w)| (k.clone(), w.clone())).collect();
        if wanted.is_empty() {
            return (0, 0);
        }
        let known = self.0.windows(wanted.len()).position(|window| window == wanted);
        let start = known.unwrap_or_else(|| {
            self.0.extend(wanted.iter().cloned());
            self.0.len() - wanted.len()
        });
        (start, wanted.len())
    }

    /// The rows of the table; `place` puts a text where all texts are.
    pub fn rows(&self, mut place: impl FnMut(&str) -> String) -> Vec<String> {
        let row = |(key, wanted): &(String, Wanted)| match wanted {
            Wanted::Shape(shape) => format!("({}, {}, {})", place(key), expression(*shape), place("")),
            Wanted::Made(import) => format!("({}, Shape::Stored, {})", place(key), place(import)),
        };
        self.0.iter().map(row).collect()
    }
}

/// The triggers of an entry, as an expression.
pub fn resolve(
    said: &Said<'_>,
    row: Option<&Row>,
    hooks: &Hooks,
    touched: &mut Touched,
) -> Result<String, String> {
    let uses = |word: &str| said.uses.iter().any(|u| u == word);
    let class = said.kind == "class";
    let plain = |written: Option<&Written>| {
        written.is_none_or(|w| matches!(w, Written::One(word) if word == "plain"))
    };
    let opens = !plain(said.call)
        || !plain(said.create)
        || said.state.is_some()
        || said.items.is_some()
        || said.numbers.is_some()
        || said.inert
        || said.hash.is_some()
        || said.del.is_some()
        || said.fresh.is_some()
        || said.hides.is_some();
    if opens && said.read.is_none_or(|read| read.trim().is_empty()) {
        return Err("it opens a trigger and does not say in `read` what was read".into());
    }
    for (word, field) in [
        ("call", said.call.is_some()),
        ("create", said.create.is_some()),
        ("state", said.state.is_some()),
        ("items", said.items.is_some()),
    ] {
        if field && !uses(word) {
            return Err(format!("`{word}` is said and is not in `use`"));
        }
    }
    for (field, word) in [("hash", said.hash), ("del", said.del), ("hides", said.hides)] {
        if word.is_some_and(|word| word != "read") {
            return Err(format!("`{field}` is `read` or absent"));
        }
    }

    if said.fresh.is_some_and(|word| word != "empty") {
        return Err("`fresh` is `empty` or absent".into());
    }

    let arguments = |written: Option<&Written>| match (written, said.guard) {
        (Some(written), _) => shapes(written),
        (None, Some(guard)) => Ok(format!("Guard::{guard}.leaves()")),
        (None, None) => Ok("Shapes::all(Shape::Plain)".to_owned()),
    };
    let (call, create) = (arguments(said.call)?, arguments(said.create)?);
    let numbers = any_number(said.numbers)?;
    let by_hooks = said.state.is_none() && row.is_some_and(|row| hooks.any_number(row));

    let read_lookups =
        row.is_none_or(|row| hooks.all_read(row, "getattr") && hooks.all_read(row, "getattribute"));
    let slots = |row: &Row| (row.has("slots") && hooks.all_read(row, "setattr")).then(|| row.setters.clone());
    let state = match (said.state, row) {
        (Some(written), Some(row)) if class && !row.hooks.contains_key("setstate") => {
            State::written(written)?.plainly_set(slots(row))
        }
        (Some(written), _) => State::written(written)?,
        (None, _) if said.guard.is_some_and(|guard| JUDGED.contains(&guard)) => State::Stored,
        (None, _) if !class => State::Closed("Unsaid"),
        (None, None) => State::Closed("Unmeasured"),
        (None, Some(row)) if row.hooks.contains_key("setstate") => {
            let mut state: Option<State> = None;
            for definer in row.definers("setstate") {
                let taken = match hooks.of(definer, "__setstate__") {
                    Some(Some(takes)) => State::written(takes)?,
                    _ => State::Closed("Unread"),
                };
                state = Some(match state {
                    None => taken,
                    Some(state) => state.both(taken)?,
                });
            }
            state.unwrap_or(State::Closed("Unread"))
        }
        (None, Some(_)) if !read_lookups => State::Closed("Answered"),
        (None, Some(row)) => {
            let attributes = Some(Attributes::of(STORED));
            State::Read { attributes, parts: None, value: false }.plainly_set(slots(row))
        }
    };
    let state = match state {
        State::Closed(why) => format!("State::Closed(Closed::{why})"),
        State::Stored => "State::Stored".to_owned(),
        State::Read { attributes, parts, value } => {
            let attributes = attributes.map_or("None".to_owned(), |attributes| {
                let (start, len) = touched.place(&attributes.touched);
                let slots = attributes.slots.map(|names| {
                    let absent = |name: String| (name, Wanted::Shape(PLAIN));
                    let (start, len) = touched.place(&names.into_iter().map(absent).collect());
                    format!("({start}, {len})")
                });
                format!(
                    "Some(Attributes {{ values: {}, pair: {}, slots: {}, touched: ({start}, {len}) }})",
                    expression(attributes.values),
                    attributes.pair,
                    slots.map_or("None".to_owned(), |range| format!("Some({range})"))
                )
            });
            let parts = parts.map_or("None".to_owned(), |(shapes, least)| {
                let most = shapes.len();
                format!("Some(Parts {{ shapes: {}, least: {least}, most: {most} }})", by_position(&shapes))
            });
            format!("State::Read(Forms {{ attributes: {attributes}, parts: {parts}, value: {value} }})")
        }
    };

    let item = |word: &str, facts: &[&str], bases: &[&str]| -> Result<String, String> {
        if !uses("items") {
            return Ok("None".to_owned());
        }
        let open = match (said.items, row) {
            (Some(items), _) => items.get(word).map(|w| shape(w)).transpose()?,
            (None, Some(row)) if class && facts.iter().any(|fact| row.hooks.contains_key(fact)) => {
                hooks.taken(row, facts)
            }
            (None, Some(row)) if class && row.base(bases) => Some(STORED),
            _ => None,
        };
        Ok(open.map_or("None".to_owned(), |open| format!("Some({})", expression(open))))
    };
    if let Some(items) = said.items
        && let Some(odd) = items.keys().find(|key| !matches!(key.as_str(), "setitem" | "append" | "add"))
    {
        return Err(format!("`items` has setitem, append and add, not {odd:?}"));
    }
    let setitem = item("setitem", &["setitem"], &["dict", "OrderedDict", "defaultdict", "Counter"])?;
    let append = item("append", &["append", "extend"], &["list", "deque", "bytearray"])?;
    let add = item("add", &["add"], &["set"])?;

    let is_enum = said.kind == "enum";
    // What compiled code fills from its state has nothing before that.
    let hollow = class && row.is_some_and(|row| row.compiled_state) && !said.uses.iter().any(|u| u == "call");
    let hash = match (said.hash, row) {
        (Some(_), _) => "Said",
        (None, _) if is_enum => "Read",
        (None, Some(row)) if class && !row.has("hash:none") => {
            let own = row.hooks.contains_key("hash") || row.hooks.contains_key("eq") || row.base(HASHED);
            let read = hooks.all_read(row, "hash") && hooks.all_read(row, "eq");
            match (own, read) {
                (false, _) => "Identity",
                (true, true) => "Read",
                (true, false) => "Closed",
            }
        }
        _ => "Closed",
    };

    let callable = class && row.is_none_or(|row| row.hooks.contains_key("call"));
    let called = row.is_some_and(|row| !hooks.all_read(row, "call"));
    if said.inert && (called || !read_lookups) {
        return Err("it is called inert, and has a `__call__` or `__getattr__` that was not read".into());
    }
    let dies = row.is_some_and(|row| !hooks.all_read(row, "del"));
    // A list without any reading is one that is being made.
    if dies && !hooks.0.is_empty() && said.del.is_none() && (uses("create") || uses("call")) {
        return Err("it has a `__del__` that was not read".into());
    }
    let answers = row.is_some_and(|row| {
        !row.hooks.contains_key("setstate")
            && (row.hooks.contains_key("getattr") || row.hooks.contains_key("getattribute"))
    });
    let word = |word: &str| row.is_some_and(|row| row.has(word));
    let mut out = String::new();
    write!(
        out,
        "Triggers {{ call: {call}, create: {create}, any_number: {numbers}, state: {state}, any_number_in_state: {}, setitem: {setitem}, append: {append}, \
         add: {add}, callable: {callable}, hides: {}, hash: Hash::{hash}, of_numbers: {}, inert: {}, hollow: {hollow}, answers: {answers}, text: {}, shared_create: {}, fresh_empty: {}, \
         shared_call: {} }}",
        numbers || by_hooks,
        said.hides.is_some(),
        matches!(hash, "Read" | "Said") && row.is_some_and(|row| hooks.of_numbers(row)),
        said.inert || is_enum,
        word("base:str"),
        word("singleton:create") || word("singleton:create-with") || is_enum,
        said.fresh.is_some() || word("singleton:create-with"),
        word("singleton:call") || word("singleton:call-with") || is_enum,
    )
    .map_err(|e| e.to_string())?;
    Ok(out)
}
