//! What opcodes do *to* imports and objects: calls, state, items.

use super::callable::Callable;
use super::machine::{Halt, Machine};
use super::opcode as op;
use super::reader::Cursor;
use super::text::Text;
use super::trace::{Event, Trace};
use super::value::{Tag, Value};
use crate::facts::{Nested, NestedBytes, Reading, UseKind};
use crate::policy::guard::Guard;
use crate::rule::Rule;

/// Codecs that `_codecs.encode` may name. The lowest bits of an encoded value hold the position.
const CODECS: [&[&str]; 3] =
    [&["latin1", "latin-1", "iso-8859-1", "iso8859-1"], &["utf-8", "utf8"], &["ascii", "us-ascii"]];

/// Longest text that is turned back into bytes to be read as a pickle of its own.
const MAX_DECODED: u64 = 64 << 20;

impl<C: Cursor, T: Trace> Machine<'_, C, T> {
    /// REDUCE, INST, OBJ, NEWOBJ, NEWOBJ_EX: the callee is applied and what it gives is pushed.
    pub(super) fn apply(&mut self, at: u64, code: u8, callee: Value, args: Value, kwargs: Option<Value>) {
        // `func(*args)` in Lib/pickle.py takes whatever can be iterated over.
        if matches!(
            args.tag(),
            Tag::Import
                | Tag::List
                | Tag::Dict
                | Tag::Set
                | Tag::FrozenSet
                | Tag::Text
                | Tag::Bytes
                | Tag::ByteArray
        ) {
            self.only_one(at, "arguments that are not a tuple");
        }
        let value = match callee.tag() {
            Tag::Import => {
                let import = callee.payload() as u32;
                let kind = match code {
                    op::NEWOBJ | op::NEWOBJ_EX => UseKind::Create,
                    op::INST | op::OBJ if self.state.tuples.len(args) == Some(0) => UseKind::Instantiate,
                    _ => UseKind::Call,
                };
                let object = Value::object(Some(import), at);
                let (value, objection) = self.apply_known(at, code, import, args, object);
                self.state.imports.used(import, kind, at, code, objection);
                value
            }
            Tag::Object => {
                match callee.object_import() {
                    Some(import) => self.state.imports.used(import, UseKind::CallResult, at, code, None),
                    None => self.unknown_called(at),
                }
                Value::object(callee.object_import(), at)
            }
            Tag::Unknown | Tag::Persistent => {
                self.unknown_called(at);
                Value::object(None, at)
            }
            _ => {
                let message = format!("{} applies a value that cannot be called", op::name(code));
                self.fault(Rule::StreamMalformed, at, message);
                Value::object(None, at)
            }
        };
        self.result(at, code, callee, args, kwargs, value);
    }

    fn unknown_called(&mut self, at: u64) {
        self.fault(Rule::ImportUnresolved, at, "something is called that is not a literal import".to_owned());
    }

    /// The result of applying an import, and what its guard objects to.
    fn apply_known(
        &mut self,
        at: u64,
        code: u8,
        import: u32,
        args: Value,
        object: Value,
    ) -> (Value, Option<String>) {
        let first = self.state.tuples.get(args, 0);
        match self.state.imports.callable(import) {
            Callable::Other => (object, None),
            Callable::NumpyDtype if code == op::REDUCE => {
                let record = first.and_then(Value::as_import).and_then(|i| self.state.imports.get(i));
                let record = record.is_some_and(|i| {
                    matches!(i.name.as_str(), "record" | "void")
                        && (i.module == "numpy" || i.module.starts_with("numpy."))
                });
                (object, self.state.dtypes.call(&self.cursor, &self.state.tuples, args, record, object))
            }
            Callable::NumpyDtype => (object, Some("dtype is made without a type string".to_owned())),
            Callable::JoblibArray => (object, None),
            Callable::Mapping => {
                if self.state.tuples.len(args) != Some(0) {
                    self.state.states.opaque(object);
                }
                (object, None)
            }
            Callable::Forwarder(guard) => {
                // `defaultdict(factory, items)`.
                if guard == Guard::DefaultFactory && self.state.tuples.len(args) > Some(1) {
                    self.state.states.opaque(object);
                }
                let objection = self.forwarded(guard, args);
                // `copyreg._reconstructor(cls, base, state)` is how protocols 0 and 1 spell NEWOBJ.
                let class = first.and_then(Value::as_import);
                if let (Guard::CopyregBase, None, Some(class)) = (guard, &objection, class) {
                    self.state.imports.used(class, UseKind::Create, at, code, None);
                    return (Value::object(Some(class), at), None);
                }
                (object, objection)
            }
            Callable::CodecsEncode => match self.encoded(args, Some("utf-8")) {
                Some(value) => (value, None),
                None => {
                    let why = "encode is not given literal text and latin1, utf-8 or ascii";
                    (object, Some(why.to_owned()))
                }
            },
            Callable::Bytes => match first {
                Some(v) if matches!(v.tag(), Tag::Bytes | Tag::ByteArray | Tag::Encoded) => (v, None),
                _ => (self.encoded(args, None).unwrap_or(object), None),
            },
            Callable::Unpickler => {
                let callable = self.name_of(import);
                let Some(bytes) = first.and_then(|v| self.literal_bytes(v)) else {
                    let message = format!("{callable} is given bytes that are not literal");
                    self.fault_of(Rule::NestedUnresolved, at, message.clone(), Some(callable));
                    return (object, Some(message));
                };
                self.nest(Nested { callable, offset: at, bytes });
                let odd =
                    (code != op::REDUCE).then(|| "it is called in a way that no pickler writes".to_owned());
                (object, odd)
            }
        }
    }

    /// `(text, codec)` as an encoded value. `default` is the codec of a call without one.
    fn encoded(&self, args: Value, default: Option<&str>) -> Option<Value> {
        let text = self.state.tuples.get(args, 0).filter(|v| v.is(Tag::Text))?;
        let codec = match self.state.tuples.get(args, 1) {
            None => default?.to_owned(),
            Some(codec) => match self.literal_text(codec)? {
                Text::Str(name) => name.to_ascii_lowercase().replace('_', "-"),
                _ => return None,
            },
        };
        let codec = CODECS.iter().position(|names| names.contains(&codec.as_str()))?;
        Some(Value::new(Tag::Encoded, text.payload() << 2 | codec as u64))
    }

    /// Where literal bytes lie, or what they are.
    fn literal_bytes(&self, value: Value) -> Option<NestedBytes> {
        match value.tag() {
            Tag::Bytes | Tag::ByteArray => {
                let literal = super::text::locate(&self.cursor, value.payload())?;
                Some(NestedBytes::Range(literal.start, literal.start.checked_add(literal.len)?))
            }
            Tag::Encoded => {
                let text = super::text::decode(&self.cursor, value.payload() >> 2, MAX_DECODED);
                let Text::Str(text) = text else { return None };
                let bytes = match value.payload() & 3 {
                    0 => text.chars().map(|c| u8::try_from(c as u32).ok()).collect::<Option<Vec<u8>>>()?,
                    _ => text.into_bytes(),
                };
                Some(NestedBytes::Decoded(bytes))
            }
            _ => None,
        }
    }

    /// BUILD: `__setstate__(state)`, or attributes from `state`.
    pub(super) fn build(&mut self, at: u64, target: Value, state: Value) -> Result<(), Halt> {
        if T::ON {
            self.tell(at, Event::Build { target, state });
        }
        match target.tag() {
            Tag::Import => self.mutation(at, target.payload() as u32, "sets state on"),
            Tag::Object => {
                let Some(import) = target.object_import() else { return Ok(()) };
                if let Some(why) = self.state.states.planted(&self.state.tuples, state) {
                    let message =
                        format!("the state of a {} cannot be vouched for: {why}", self.name_of(import));
                    let name = self.name_of(import);
                    self.fault_of(Rule::ObjectMutation, at, message, Some(name));
                }
                let objection = match self.state.imports.callable(import) {
                    Callable::NumpyDtype => {
                        self.state.dtypes.build(&self.state.tuples, &self.state.states, target, state)
                    }
                    Callable::Unpickler => Some("state is set on what an unpickler gave".to_owned()),
                    _ => None,
                };
                self.state.imports.used(import, UseKind::State, at, op::BUILD, objection);
                if self.state.reading == Reading::Joblib && self.made_by(target) == Callable::JoblibArray {
                    return self.array_data(at, state);
                }
            }
            Tag::Persistent => {
                let message = "BUILD sets state on a persistent object".to_owned();
                self.fault(Rule::ObjectMutation, at, message);
            }
            Tag::Unknown => {}
            _ if state.is(Tag::None) => {}
            _ => {
                let message = "BUILD sets state on a value that has none".to_owned();
                self.fault(Rule::StreamMalformed, at, message);
            }
        }
        Ok(())
    }

    /// APPEND(S), SETITEM(S), ADDITEMS: the items are the stack from `from` on, the target lies below.
    pub(super) fn items(&mut self, at: u64, code: u8, from: usize) {
        let Some(&target) = from.checked_sub(1).and_then(|i| self.state.stack.get(i)) else { return };
        if T::ON {
            let items = self.state.stack.get(from..).unwrap_or(&[]).to_vec();
            self.tell(at, Event::Items { code, target, items: &items });
        }
        let pairs = matches!(code, op::SETITEM | op::SETITEMS);
        match target.tag() {
            Tag::List | Tag::ByteArray if code != op::ADDITEMS => {}
            Tag::Dict if pairs => {
                self.state.states.note(&self.cursor, target, self.state.stack.get(from..).unwrap_or(&[]));
            }
            Tag::Set if code == op::ADDITEMS => {}
            Tag::Import => self.mutation(at, target.payload() as u32, "puts items into"),
            Tag::Object => {
                if pairs {
                    self.state.states.note(&self.cursor, target, self.state.stack.get(from..).unwrap_or(&[]));
                }
                if let Some(import) = target.object_import() {
                    self.state.imports.used(import, UseKind::Items, at, code, None);
                }
            }
            Tag::Persistent => {
                let message = format!("{} puts items into a persistent object", op::name(code));
                self.fault(Rule::ObjectMutation, at, message);
            }
            Tag::Unknown => {}
            // Without items the C unpickler does not look at the target, and Lib/pickle.py does not
            // look up what SETITEMS needs.
            _ if self.state.stack.len() == from => {
                if code != op::SETITEMS {
                    self.only_one(at, "no items for a value that takes none");
                }
            }
            _ => {
                let message = format!("{} puts items into a value that takes none", op::name(code));
                self.fault(Rule::StreamMalformed, at, message);
            }
        }
        self.state.stack.truncate(from);
    }

    fn mutation(&mut self, at: u64, import: u32, what: &str) {
        let name = self.name_of(import);
        let message = format!("loading {what} {name} itself, for the whole process");
        self.fault_of(Rule::ObjectMutation, at, message, Some(name));
    }
}
