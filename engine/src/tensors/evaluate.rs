//! A stream of tensors and literals to the tree that it stands for, without executing it.

use std::collections::HashMap;

use crate::content::Content;
use crate::escape;
use crate::facts::Loader;
use crate::limits::Limits;
use crate::pickle::machine;
use crate::pickle::machine::trace::{Event, Trace, View};
use crate::pickle::stream::opcode as op;
use crate::pickle::stream::reader::Cursor;
use crate::pickle::values::value::{Tag, Value};
use crate::tensors::model::{DEPTH, Key, Mapping, Node};
use crate::tensors::objects::{Made, Name, Object, Objects, StorageName, text};
use crate::tensors::rebuild::{self, Call};
use crate::tensors::refusal::{Failure, refused};

/// Values of one stream that are kept, and nodes of its tree: a file of tensors has some for each tensor.
const VALUES: usize = 4_000_000;
/// Keys of a place that are shown.
const TRAIL: usize = 12;

/// A stream, evaluated.
pub struct Evaluated {
    /// What it stands for.
    pub root: Node,
    /// The storages that its tensors name.
    pub storages: Vec<StorageName>,
    /// Offset behind its last byte.
    pub end: u64,
}

/// Evaluates the pickle of `content` that begins at `start`. `member` is where it is, for refusals.
pub fn evaluate(content: &Content, start: u64, member: &str, limits: &Limits) -> Result<Evaluated, Failure> {
    let mut reader = Reader::default();
    let run = machine::run_traced(content, start, Loader::Torch, member, limits, &mut reader)?;
    if let Some(fault) = run.stream.faults.first() {
        return refused(member, fault.offset, &fault.message);
    }
    if let Some(nested) = run.stream.nested.first() {
        return refused(member, nested.offset, "bytes that are unpickled while the file is");
    }
    if !run.inner.is_empty() || !run.stream.stopped() {
        return refused(member, run.stream.start, "a pickle that loaders read in different ways");
    }
    // What is more than tensors is said before what follows from it.
    let other =
        reader.objects.imports.values().filter_map(|name| Some((name.at, rebuild::vocabulary(name).err()?)));
    if let Some((at, reason)) = other.min() {
        return refused(member, at, format_args!("the pickle has {reason}"));
    }
    if reader.values > VALUES {
        return refused(
            member,
            start,
            format_args!("more than {VALUES} values: it is no file of tensors alone"),
        );
    }
    let root = match reader.root {
        Some(Ok(root)) => root,
        Some(Err(wrong)) => return refused(member, wrong.at, wrong.reason),
        None => return refused(member, start, "a pickle without a value"),
    };
    for (hooks, at) in &reader.objects.hooks {
        if !hooks.is(Tag::None) && reader.objects.pairs(*hooks).is_none_or(|pairs| !pairs.is_empty()) {
            return refused(member, *at, "a tensor with hooks, which are code");
        }
    }
    Ok(Evaluated { root, storages: reader.objects.storages, end: run.stream.end })
}

/// What is wrong with a value, and where.
struct Wrong {
    at: u64,
    reason: String,
}

/// Watches a stream.
#[derive(Default)]
struct Reader {
    objects: Objects,
    /// Values that were kept.
    values: usize,
    root: Option<Result<Node, Wrong>>,
}

impl Reader {
    /// Whether there is room for so many more values.
    fn room(&mut self, values: usize) -> bool {
        self.values = self.values.saturating_add(values + 1);
        self.values <= VALUES
    }

    fn apply<C: Cursor>(&mut self, view: &View<'_, C>, callee: Value, value: Value, call: &Call) {
        let Some(name) = self.objects.import(callee).filter(|_| value.is(Tag::Object)) else { return };
        let (module, name) = (name.module.clone(), name.name.clone());
        let args = view.tuples.items(call.args).take(VALUES).count();
        if !self.room(args) {
            return;
        }
        let made = rebuild::made(&mut self.objects, view, &module, &name, call).unwrap_or_else(Made::Other);
        if let Made::Mapping { items, .. } | Made::Sequence(items) = &made
            && !self.room(items.len())
        {
            return;
        }
        self.objects.made.insert(value, Object { made, at: call.at, changed: false });
    }

    fn items(&mut self, code: u8, target: Value, items: &[Value]) {
        if !self.room(items.len()) {
            return;
        }
        let pairs = matches!(code, op::SETITEM | op::SETITEMS);
        match self.objects.made.get_mut(&target) {
            Some(Object { made: Made::Mapping { items: known, .. }, .. }) if pairs => known.extend(items),
            Some(object) => object.changed = true,
            None => self.objects.items.entry(target).or_default().extend(items),
        }
    }

    fn build(&mut self, target: Value, state: Value) {
        let pairs = (state.is(Tag::Dict)).then(|| self.objects.items(state).to_vec());
        if !self.room(pairs.as_ref().map_or(0, Vec::len)) {
            return;
        }
        match (self.objects.made.get_mut(&target), pairs) {
            (Some(Object { made: Made::Mapping { attributes, .. }, .. }), Some(pairs)) => {
                attributes.extend(pairs)
            }
            (Some(object), _) => object.changed = true,
            (None, _) => {}
        }
    }
}

impl Trace for Reader {
    fn event<C: Cursor>(&mut self, view: &View<'_, C>, offset: u64, event: Event<'_>) {
        match event {
            Event::Import { module, name, value, .. } => {
                if self.room(1)
                    && let Some(index) = value.as_import()
                {
                    let name = Name { module: module.to_owned(), name: name.to_owned(), at: offset };
                    self.objects.imports.entry(index).or_insert(name);
                }
            }
            Event::Container { value, items, .. } if !value.is(Tag::Tuple) && self.room(items.len()) => {
                self.objects.items.insert(value, items.to_vec());
            }
            Event::Items { code, target, items } => self.items(code, target, items),
            Event::Apply { code, callee, args, kwargs, value } => {
                self.apply(view, callee, value, &Call { at: offset, code, args, kwargs });
            }
            Event::Build { target, state } => self.build(target, state),
            Event::Persistent { id, value } if self.room(1) => {
                self.objects.ids.insert(value, (id, offset));
            }
            Event::Stop { value } if self.values <= VALUES => {
                let mut tree =
                    Tree { objects: &self.objects, view, left: VALUES, trail: Vec::new(), at: offset };
                let root = tree.node(value);
                self.root = Some(root.map_err(|reason| tree.wrong(&reason)));
            }
            _ => {}
        }
    }
}

/// The tree below a value.
struct Tree<'t, 'v, C> {
    objects: &'t Objects,
    view: &'t View<'v, C>,
    /// Nodes that it may still have: a value may stand in it many times.
    left: usize,
    /// Keys on the way.
    trail: Vec<String>,
    /// The last place on the way that is known.
    at: u64,
}

impl<C: Cursor> Tree<'_, '_, C> {
    fn wrong(&self, reason: &str) -> Wrong {
        let shown: Vec<String> = self.trail.iter().take(TRAIL).map(|key| escape::name(key)).collect();
        let reason = match shown.is_empty() {
            true => format!("the object is {reason}"),
            false => format!("`{}` is {reason}", shown.join(".")),
        };
        Wrong { at: self.at, reason }
    }

    fn node(&mut self, value: Value) -> Result<Node, String> {
        let Some(left) = self.left.checked_sub(1) else {
            return Err(format!("one of more than {VALUES} values, many of which are the same"));
        };
        self.left = left;
        if self.trail.len() > DEPTH {
            return Err(format!("a value inside more than {DEPTH} others, or inside itself"));
        }
        Ok(match value.tag() {
            Tag::None => Node::None,
            Tag::Bool => Node::Bool(value.payload() != 0),
            Tag::Int => Node::Int(value.as_int().unwrap_or_default().into()),
            Tag::BigInt => Node::Int(long(self.view.cursor, value.payload())?),
            Tag::Float => Node::Float(float(self.view.cursor, value.payload())?),
            Tag::Text => {
                self.at = value.payload();
                Node::Text(text(self.view, value)?)
            }
            Tag::Tuple => {
                let items: Vec<Value> = self.view.tuples.items(value).collect();
                self.list(&items)?
            }
            Tag::List | Tag::Set | Tag::FrozenSet => self.list(self.objects.items(value))?,
            Tag::Dict => self.mapping(self.objects.items(value), &[])?,
            Tag::Object => self.object(value)?,
            Tag::Import => match self.objects.import(value).map(Name::parts) {
                Some(("torch", dtype)) if rebuild::is_dtype(dtype) => Node::Text(format!("torch.{dtype}")),
                Some((module, name)) => {
                    return Err(format!("{}.{} itself", escape::name(module), escape::name(name)));
                }
                None => return Err("an import".to_owned()),
            },
            Tag::Persistent => return Err("a storage by itself, without a tensor over it".to_owned()),
            Tag::Bytes | Tag::ByteArray | Tag::Encoded | Tag::Buffer => {
                self.at = if value.is(Tag::Bytes) { value.payload() } else { self.at };
                return Err("bytes, for which the metadata of safetensors has no text".to_owned());
            }
            Tag::Unknown => return Err("a value that is not literal".to_owned()),
        })
    }

    fn object(&mut self, value: Value) -> Result<Node, String> {
        let objects = self.objects;
        let Some(object) = objects.made.get(&value) else {
            return Err("an object, which is more than tensors and literals".to_owned());
        };
        self.at = object.at;
        if object.changed {
            return Err("an object with state of its own".to_owned());
        }
        match &object.made {
            Made::Tensor(tensor) => Ok(Node::Tensor(tensor.clone())),
            Made::Mapping { items, attributes } => self.mapping(items, attributes),
            Made::Sequence(items) => self.list(items),
            Made::Text(text) => Ok(Node::Text(text.clone())),
            Made::Other(reason) => Err(reason.clone()),
        }
    }

    fn list(&mut self, items: &[Value]) -> Result<Node, String> {
        let mut nodes = Vec::new();
        for (i, item) in items.iter().enumerate() {
            nodes.push(self.below(i.to_string(), *item)?);
        }
        Ok(Node::List(nodes))
    }

    fn mapping(&mut self, items: &[Value], attributes: &[Value]) -> Result<Node, String> {
        let (items, attributes) = (self.pairs(items)?, self.pairs(attributes)?);
        Ok(Node::Mapping(Box::new(Mapping { items, attributes })))
    }

    fn pairs(&mut self, items: &[Value]) -> Result<Vec<(Key, Node)>, String> {
        let mut pairs: Vec<(Key, Node)> = Vec::new();
        // The last of two values under one key is what a dict keeps.
        let mut places: HashMap<Key, usize> = HashMap::new();
        for pair in items.chunks_exact(2) {
            let &[key, value] = pair else { continue };
            let key = self.key(key)?;
            let node = self.below(key.to_string(), value)?;
            match places.get(&key).and_then(|i| pairs.get_mut(*i)) {
                Some(known) => known.1 = node,
                None => {
                    places.insert(key.clone(), pairs.len());
                    pairs.push((key, node));
                }
            }
        }
        Ok(pairs)
    }

    fn key(&mut self, key: Value) -> Result<Key, String> {
        match key.tag() {
            Tag::Text => {
                self.at = key.payload();
                let known = text(self.view, key).map(Key::Text);
                known.map_err(|reason| format!("a dict with a key that is {reason}"))
            }
            Tag::Int => Ok(Key::Int(key.as_int().unwrap_or_default().into())),
            Tag::BigInt => {
                let known = long(self.view.cursor, key.payload()).map(Key::Int);
                known.map_err(|reason| format!("a dict with a key that is {reason}"))
            }
            tag => Err(format!("a dict with a key that is no text and no integer ({})", tag.as_str())),
        }
    }

    fn below(&mut self, key: String, value: Value) -> Result<Node, String> {
        self.trail.push(key);
        let node = self.node(value)?;
        self.trail.pop();
        Ok(node)
    }
}

/// An integer of more than 57 bits, up to 128.
fn long(cursor: &impl Cursor, offset: u64) -> Result<i128, String> {
    let unknown = || "an integer of more than 128 bits".to_owned();
    let head = cursor.bytes(offset, 64);
    let bytes = match *head {
        [op::LONG1, len, ref rest @ ..] => rest.get(..usize::from(len)).ok_or_else(unknown)?,
        [op::LONG4, a, b, c, d, ref rest @ ..] => {
            rest.get(..u32::from_le_bytes([a, b, c, d]) as usize).ok_or_else(unknown)?
        }
        [op::INT | op::LONG, ref line @ ..] => {
            let end = memchr::memchr(b'\n', line).ok_or_else(unknown)?;
            let digits = String::from_utf8_lossy(line.get(..end).unwrap_or_default());
            let digits = digits.trim().trim_end_matches('L');
            return digits.parse().map_err(|_| unknown());
        }
        _ => return Err(unknown()),
    };
    let mut le = [if bytes.last().is_some_and(|b| b & 0x80 != 0) { 0xff } else { 0 }; 16];
    le.get_mut(..bytes.len()).ok_or_else(unknown)?.copy_from_slice(bytes);
    Ok(i128::from_le_bytes(le))
}

/// A float as it stands in the stream.
fn float(cursor: &impl Cursor, offset: u64) -> Result<f64, String> {
    let head = cursor.bytes(offset, 64);
    let number = match head.split_first() {
        Some((&op::BINFLOAT, rest)) => rest.first_chunk::<8>().map(|be| f64::from_be_bytes(*be)),
        Some((&op::FLOAT, rest)) => memchr::memchr(b'\n', rest)
            .and_then(|end| std::str::from_utf8(rest.get(..end)?).ok()?.trim().parse().ok()),
        _ => None,
    };
    number.ok_or_else(|| "a float that is written in an unusual way".to_owned())
}
