//! What opcodes do *to* imports and objects: calls, state, items.

use crate::facts::{Nested, NestedBytes, UseKind};
use crate::pickle::known::callable::Callable;
use crate::pickle::known::frames;
use crate::pickle::machine::state::{ADDRESS, Planted};
use crate::pickle::machine::trace::{Event, Trace};
use crate::pickle::machine::value::{Tag, Value};
use crate::pickle::machine::{Halt, Machine};
use crate::pickle::stream::opcode as op;
use crate::pickle::stream::reader::Cursor;
use crate::pickle::stream::text::{self, Text};
use crate::policy::guard::Guard;
use crate::rule::Rule;

/// Codecs that `_codecs.encode` may name. The lowest bits of an encoded value hold the position.
const CODECS: [&[&str]; 3] =
    [&["latin1", "latin-1", "iso-8859-1", "iso8859-1"], &["utf-8", "utf8"], &["ascii", "us-ascii"]];

/// Longest text that is turned back into bytes to be read as a pickle of its own.
const MAX_DECODED: u64 = 64 << 20;

/// Longest name with the attributes that `getattr` adds to it, in bytes.
const ATTRIBUTE: usize = 256;

/// Kinds of values that matter as items of a list.
const WATCHED: u64 = Tag::Unknown.kind()
    | Tag::Import.kind()
    | Tag::Object.kind()
    | Tag::Tuple.kind()
    | Tag::Dict.kind()
    | Tag::Set.kind()
    | Tag::FrozenSet.kind();

impl<C: Cursor, T: Trace> Machine<'_, C, T> {
    /// REDUCE, INST, OBJ, NEWOBJ, NEWOBJ_EX: the callee is applied and what it gives is pushed.
    #[inline(never)]
    pub(in crate::pickle) fn apply(
        &mut self,
        at: u64,
        code: u8,
        callee: Value,
        args: Value,
        kwargs: Option<Value>,
    ) {
        // `func(*args)` in Lib/pickle.py takes whatever can be iterated over.
        if !args.is(Tag::Tuple) {
            self.only_one(at, "arguments that are not a tuple");
        }
        // `cls.__new__(cls, *args, **kwargs)` there takes whatever has keys.
        if kwargs.is_some_and(|kwargs| !kwargs.is(Tag::Dict)) {
            self.only_one(at, "keyword arguments that are not a dict");
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
                if self.state.imports.is_ordinary(import) {
                    self.state.imports.used(import, kind, at, code, None);
                    object
                } else {
                    let (value, objection) = self.apply_known(at, code, import, args, object);
                    let keywords = code == op::NEWOBJ_EX && kwargs.is_some();
                    let objection = objection.or_else(|| self.arguments(import, args, keywords));
                    let (value, objection) = self.class_made(at, code, import, args, (value, objection));
                    self.state.imports.used(import, kind, at, code, objection);
                    value
                }
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

    /// Callables that set the state of what they make, and those that run `__new__` of a class they are
    /// given: each as the opcodes that say the same.
    fn class_made(
        &mut self,
        at: u64,
        code: u8,
        import: u32,
        args: Value,
        (value, objection): (Value, Option<String>),
    ) -> (Value, Option<String>) {
        let guard = self.state.imports.arguments(import);
        let sets_state = self.state.imports.sets_state(import);
        let objection = objection.or_else(|| if sets_state { self.state_in(args) } else { None });
        let class = self.state.tuples.get(args, 0).and_then(Value::as_import);
        match (guard, class) {
            (Some(Guard::ClassArgument), Some(class)) if objection.is_none() => {
                self.state.imports.used(class, UseKind::Create, at, code, None);
                (Value::object(Some(class), at), None)
            }
            _ => (value, objection),
        }
    }

    /// What is wrong with the states among arguments, which become attributes: dicts, tuples that hold
    /// them, and the arguments of a call in the arguments.
    fn state_in(&mut self, args: Value) -> Option<String> {
        let outer: Vec<Value> = self.state.tuples.items(args).take(16).collect();
        let inner: Vec<Value> = outer.iter().flat_map(|v| self.state.tuples.items(*v).take(16)).collect();
        outer.into_iter().chain(inner).find_map(|state| {
            let why = self.state.states.set_on_object(&self.state.tuples, state)?.to_string();
            Some(format!("the state it is given cannot be vouched for: {why}"))
        })
    }

    fn unknown_called(&mut self, at: u64) {
        self.state.stream.applied = true;
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
            // Keyword arguments decide with the others what comes of it.
            Callable::CodecsEncode | Callable::Bytes | Callable::Unpickler if code == op::NEWOBJ_EX => {
                (object, Some("it is called in a way that no pickler writes".to_owned()))
            }
            Callable::Other | Callable::NumpyArray => (object, None),
            Callable::NumpyDtype if code == op::REDUCE => {
                let record = first.and_then(Value::as_import).and_then(|i| self.state.imports.get(i));
                let record = record.is_some_and(|i| {
                    matches!(i.name.as_str(), "record" | "void")
                        && (i.module == "numpy" || i.module.starts_with("numpy."))
                });
                (object, self.state.dtypes.call(&self.cursor, &self.state.tuples, args, record, object))
            }
            Callable::NumpyScalar => {
                let objection = self.state.dtypes.scalar(first, object);
                (object, objection.or_else(|| self.text_scalar(first, self.state.tuples.get(args, 1))))
            }
            Callable::NumpyDtype => (object, Some("dtype is made without a type string".to_owned())),
            Callable::JoblibArray => (object, None),
            Callable::Mapping => {
                match (self.state.tuples.len(args), first) {
                    (Some(0), _) => {}
                    (Some(1), Some(from)) if from.is(Tag::Dict) => self.state.states.copy(object, from),
                    (_, from) => self.unfollowed(object, from),
                }
                (object, None)
            }
            Callable::Forwarder(guard) => {
                // `defaultdict(factory, items)`.
                if guard == Guard::DefaultFactory && self.state.tuples.len(args) > Some(1) {
                    self.unfollowed(object, self.state.tuples.get(args, 1));
                }
                let objection = self.forwarded(guard, args);
                if guard == Guard::PandasIndex {
                    let data = self.state.tuples.get(args, 1).and_then(|d| self.state.states.items(d));
                    self.state.frames.index(data.unwrap_or(&[]));
                }
                // `copyreg._reconstructor(cls, base, state)` is how protocols 0 and 1 spell NEWOBJ.
                let class = first.and_then(Value::as_import);
                if let (Guard::CopyregBase, None, Some(class)) = (guard, &objection, class) {
                    self.state.imports.used(class, UseKind::Create, at, code, None);
                    let made = Value::object(Some(class), at);
                    // `copyreg._reconstructor(cls, dict, items)`.
                    match self.state.tuples.get(args, 2) {
                        Some(from) if matches!(from.tag(), Tag::Dict | Tag::Object) => {
                            self.state.states.copy(made, from);
                        }
                        Some(from) if from.is(Tag::None) => {}
                        from => self.unfollowed(made, from),
                    }
                    return (made, None);
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
            Callable::Attribute => match self.attribute(at, args).filter(|_| code == op::REDUCE) {
                Some(value) => (value, None),
                None => {
                    let why = "it reaches into something else than a literal import by a literal name";
                    (object, Some(why.to_owned()))
                }
            },
            Callable::Bytes => match first {
                Some(v) if matches!(v.tag(), Tag::Bytes | Tag::ByteArray | Tag::Encoded) => (v, None),
                _ => (self.encoded(args, None).unwrap_or(object), None),
            },
            Callable::Unpickler => {
                let callable = self.name_of(import).to_owned();
                let known =
                    first.filter(|v| self.state.nested.contains(v) && self.state.states.unchanged(*v));
                let bytes = match known {
                    Some(_) => None,
                    None => first.and_then(|v| self.literal_bytes(v)),
                };
                if let (Some(bytes), Some(first)) = (bytes, first) {
                    self.state.nested.insert(first);
                    self.nest(Nested { callable, offset: at, bytes });
                } else if known.is_none() {
                    let message = format!("{callable} is given bytes that are not literal");
                    self.fault_of(Rule::NestedUnresolved, at, message.clone(), Some(callable));
                    return (object, Some(message));
                }
                let odd =
                    (code != op::REDUCE).then(|| "it is called in a way that no pickler writes".to_owned());
                (object, odd)
            }
        }
    }

    /// `getattr(import, name)`: below protocol 4 picklers write so what `module` and `Outer.Inner` name
    /// from there on, and for methods of classes in any protocol.
    fn attribute(&mut self, at: u64, args: Value) -> Option<Value> {
        if self.state.tuples.len(args) != Some(2) {
            return None;
        }
        let owner = self.state.tuples.get(args, 0).and_then(Value::as_import)?;
        let attribute = self.state.tuples.get(args, 1).and_then(|v| self.literal_word(v))?;
        let plain = |c: char| c == '_' || c.is_ascii_alphanumeric();
        let owner = self.state.imports.get(owner)?;
        let name = format!("{}.{attribute}", owner.name);
        if attribute.is_empty() || !attribute.chars().all(plain) || name.len() > ATTRIBUTE {
            return None;
        }
        let module = owner.module.clone();
        let (module, name) = (self.state.imports.name(&module), self.state.imports.name(&name));
        self.resolve(at, op::REDUCE, module, name, false).ok()
    }

    /// A mapping was made of pairs that nobody followed.
    fn unfollowed(&mut self, mapping: Value, from: Option<Value>) {
        let states = &mut self.state.states;
        states.opaque(mapping);
        if from.is_some_and(|from| !from.is(Tag::List) || states.hiding()) {
            states.hold(mapping);
        }
    }

    /// What is wrong with a scalar of text: as the key of a dict it would tell numpy an address.
    fn text_scalar(&self, dtype: Option<Value>, data: Option<Value>) -> Option<String> {
        let dtype = dtype.and_then(|v| self.state.dtypes.get(v)).filter(|dtype| dtype.kind == b'U')?;
        let size = dtype.size.and_then(|size| usize::try_from(size).ok()).unwrap_or(usize::MAX);
        let head = size.min(4 * ADDRESS.len());
        let bytes = match data {
            Some(text) if text.is(Tag::Text) => match text::decode(&self.cursor, text.payload(), MAX_DECODED)
            {
                Text::Str(text) => {
                    Some(text.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).take(head).collect())
                }
                _ => None,
            },
            Some(data) => match self.literal_bytes(data) {
                Some(NestedBytes::Range(start, _)) => Some(self.cursor.bytes(start, head).to_vec()),
                Some(NestedBytes::Decoded(mut bytes)) => {
                    bytes.truncate(head);
                    Some(bytes)
                }
                None => None,
            },
            None => None,
        };
        let Some(bytes) = bytes else { return Some("its text cannot be read".to_owned()) };
        let letters = bytes.iter().copied().filter(|b| *b != 0);
        letters
            .eq(ADDRESS.bytes())
            .then(|| format!("it spells `{ADDRESS}`, by which numpy is told an address"))
    }

    /// `(text, codec)` as an encoded value. `default` is the codec of a call without one.
    fn encoded(&self, args: Value, default: Option<&str>) -> Option<Value> {
        let text = self.state.tuples.get(args, 0).filter(|v| v.is(Tag::Text))?;
        // A third argument says what becomes of characters that the codec does not have.
        let codec = match (self.state.tuples.len(args)?, self.state.tuples.get(args, 1)) {
            (1, None) => default?.to_owned(),
            (2, Some(codec)) => self.literal_word(codec)?.to_ascii_lowercase().replace('_', "-"),
            _ => return None,
        };
        let codec = CODECS.iter().position(|names| names.contains(&codec.as_str()))?;
        Some(Value::new(Tag::Encoded, text.payload() << 2 | codec as u64))
    }

    /// Where literal bytes lie, or what they are.
    fn literal_bytes(&self, value: Value) -> Option<NestedBytes> {
        match value.tag() {
            Tag::Bytes | Tag::ByteArray if self.state.states.unchanged(value) => {
                let literal = text::locate(&self.cursor, value.payload(), 0)?;
                Some(NestedBytes::Range(literal.start, literal.start.checked_add(literal.len)?))
            }
            Tag::Encoded => {
                let Text::Str(text) = text::decode(&self.cursor, value.payload() >> 2, MAX_DECODED) else {
                    return None;
                };
                // A `str` of Python 2 is decoded as whoever loads it says.
                let opcode = self.cursor.bytes(value.payload() >> 2, 1).first().copied();
                if matches!(opcode, Some(op::STRING | op::BINSTRING | op::SHORT_BINSTRING))
                    && !text.is_ascii()
                {
                    return None;
                }
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
    #[inline(never)]
    pub(in crate::pickle) fn build(&mut self, at: u64, target: Value, state: Value) -> Result<(), Halt> {
        if T::ON {
            self.tell(at, Event::Build { target, state });
        }
        match target.tag() {
            Tag::Import => self.mutation(at, target.payload() as u32, "sets state on"),
            Tag::Object => {
                let Some(import) = target.object_import() else { return Ok(()) };
                if let Some(why) = self.doubtful_state(import, state) {
                    let name = self.name_of(import);
                    let message = format!("the state of a {name} cannot be vouched for: {why}");
                    let name = name.to_owned();
                    self.fault_of(Rule::ObjectMutation, at, message, Some(name));
                }
                if let Some(why) = self.state_guarded(import, state) {
                    let name = self.name_of(import);
                    let message = format!("the state of a {name} cannot be vouched for: {why}");
                    let name = name.to_owned();
                    self.fault_of(Rule::ObjectMutation, at, message, Some(name));
                }
                let objection = match self.state.imports.callable(import) {
                    Callable::NumpyDtype => {
                        self.state.dtypes.build(&self.state.tuples, &mut self.state.states, target, state)
                    }
                    Callable::Unpickler => Some("state is set on what an unpickler gave".to_owned()),
                    Callable::NumpyArray => {
                        self.filled(at, target);
                        self.state.frames.array(&self.state.tuples, state);
                        None
                    }
                    _ => None,
                };
                if self.state.imports.get(import).is_some_and(|i| frames::answers(&i.module, &i.name)) {
                    self.state.frames.frame();
                }
                if let Some(message) = self.state.frames.objection() {
                    self.fault(Rule::ObjectMutation, at, message.to_owned());
                }
                self.state.imports.used(import, UseKind::State, at, op::BUILD, objection);
                if self.state.reading.is_joblib() && self.made_by(target) == Callable::JoblibArray {
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

    /// An array gets its data. A second time numpy would free what views of it, such as a tensor, go on to use.
    fn filled(&mut self, at: u64, array: Value) {
        if !self.state.dtypes.fill(array) {
            let message = "an array is given its data again: what shares its memory would use freed memory";
            self.fault(Rule::ObjectMutation, at, message.to_owned());
        }
    }

    /// Why it cannot be said which attributes this state sets, or that they do no harm.
    fn doubtful_state(&mut self, import: u32, state: Value) -> Option<String> {
        let own = &mut self.state;
        if state.is(Tag::Dict) {
            return own.states.set_dict_on_object(state).map(Planted::to_string);
        }
        let pairs = own.states.pairs(&self.cursor, &own.imports, &own.tuples, state);
        let planted = pairs.as_ref().or(own.states.set_on_object(&own.tuples, state)).map(Planted::to_string);
        planted.or_else(|| self.list_state(import, state)).or_else(|| self.computed_state(state))
    }

    /// A list or a set as state may hold pairs that nobody followed, and so may a tuple of nothing but
    /// lists and objects: `__dict__.update` takes them all. Pillow's images take a list apart by
    /// position, and pandas' arrays a tuple.
    fn list_state(&self, import: u32, state: Value) -> Option<String> {
        let module = self.state.imports.get(import).map_or("", |i| i.module.as_str());
        let of =
            |package: &str| module.strip_prefix(package).is_some_and(|m| m.is_empty() || m.starts_with('.'));
        let tuples = &self.state.tuples;
        let unread =
            |v: Value| matches!(v.tag(), Tag::List | Tag::Set | Tag::FrozenSet | Tag::Object | Tag::Unknown);
        let pairs = !of("pandas")
            && tuples.len(state) > Some(0)
            && tuples.items(state).all(|v| unread(v) || tuples.len(v) == Some(2))
            && tuples.items(state).any(unread);
        ((matches!(state.tag(), Tag::List | Tag::Set | Tag::FrozenSet) && !of("PIL")) || pairs)
            .then(|| "it may be a sequence of pairs of names and values".to_owned())
    }

    /// Why a state that is no literal cannot be read: it may be a mapping with any key. A pair of an
    /// object and something is what many a `__setstate__` takes, so there only a half beside `None`
    /// counts.
    fn computed_state(&self, state: Value) -> Option<String> {
        let computed = |v: Value| match v.tag() {
            Tag::Object => {
                !matches!(self.made_by(v), Callable::Mapping | Callable::Forwarder(Guard::DefaultFactory))
            }
            Tag::Import | Tag::Persistent => true,
            _ => false,
        };
        let tuples = &self.state.tuples;
        let found = match (tuples.len(state), tuples.get(state, 0), tuples.get(state, 1)) {
            (None, ..) => computed(state),
            (Some(2), Some(state), Some(slots)) => {
                (computed(state) && slots.is(Tag::None)) || (computed(slots) && state.is(Tag::None))
            }
            _ => false,
        };
        found.then(|| "it comes from a call or an import".to_owned())
    }

    /// Notes the items above `from` that are put into a mapping.
    pub(in crate::pickle) fn note_items(&mut self, at: u64, mapping: Value, from: usize) {
        let items = self.state.stack.get(from..).unwrap_or(&[]);
        let imports = &self.state.imports;
        if let Some(why) = self.state.states.note(&self.cursor, imports, mapping, items) {
            self.fault(Rule::ObjectMutation, at, why);
        }
    }

    /// APPEND(S), SETITEM(S), ADDITEMS: the items are the stack from `from` on, the target lies below.
    pub(in crate::pickle) fn items(&mut self, at: u64, code: u8, from: usize) {
        let Some(&target) = from.checked_sub(1).and_then(|i| self.state.stack.get(i)) else { return };
        if T::ON {
            let items = self.state.stack.get(from..).unwrap_or(&[]).to_vec();
            self.tell(at, Event::Items { code, target, items: &items });
        }
        let pairs = matches!(code, op::SETITEM | op::SETITEMS);
        match target.tag() {
            Tag::List if code != op::ADDITEMS => self.listed(target, from),
            Tag::ByteArray if code != op::ADDITEMS => self.state.states.change(target),
            Tag::Dict if pairs => self.note_items(at, target, from),
            Tag::Set if code == op::ADDITEMS => {}
            Tag::Import => self.mutation(at, target.payload() as u32, "puts items into"),
            Tag::Object => {
                if pairs {
                    self.note_items(at, target, from);
                    self.items_as_attributes(at, target);
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

    /// Items above `from` become those of a list.
    pub(in crate::pickle) fn listed(&mut self, list: Value, from: usize) {
        let items = self.state.stack.get(from..).unwrap_or(&[]);
        // Most lists hold plain values.
        if items.iter().fold(0, |kinds, v| kinds | v.kind()) & WATCHED != 0 {
            self.watch(list, from);
        }
    }

    fn watch(&mut self, list: Value, from: usize) {
        let items = self.state.stack.get(from..).unwrap_or(&[]);
        let hiding = self.state.states.hiding() || !self.state.imports.any();
        if !hiding && items.iter().any(|v| self.hides(*v) || self.pair_hides(*v)) {
            self.state.states.hide();
        }
        if items.iter().any(|v| self.answers_calls(*v)) {
            self.state.frames.hold(list);
        }
    }

    /// Whether an item of a list is an import, or may hold one that nobody follows.
    fn hides(&self, value: Value) -> bool {
        match value.tag() {
            Tag::Import | Tag::Set | Tag::FrozenSet => true,
            Tag::Dict => self.state.states.has_computed_key(value),
            Tag::Object => self
                .state
                .imports
                .get(value.object_import().unwrap_or(u32::MAX))
                .is_none_or(|i| matches!(i.module.as_str(), "builtins" | "__builtin__" | "collections")),
            _ => false,
        }
    }

    fn pair_hides(&self, value: Value) -> bool {
        let tuples = &self.state.tuples;
        tuples.len(value) == Some(2) && tuples.get(value, 1).is_some_and(|v| self.hides(v))
    }

    /// Whether a value of a Series would be called, or read from an address that it names. A column of
    /// types, such as `int`, is plain: each of them converts.
    fn answers_calls(&self, value: Value) -> bool {
        let converts = || {
            matches!(
                self.named(value),
                Some(("builtins" | "__builtin__", "int" | "float" | "complex" | "bool" | "str" | "bytes"))
            )
        };
        self.state.imports.may_be_called(value) && !converts()
            || value.is(Tag::Object) && self.state.states.is_opaque(value)
    }

    /// Listed dict types such as `AttributeDict` and `Bunch` answer for attributes from their items.
    fn items_as_attributes(&mut self, at: u64, target: Value) {
        if self.state.imports.is_mapping(target) {
            return;
        }
        if let Some(why) = self.state.states.hides_method(target).map(Planted::to_string) {
            self.fault(Rule::ObjectMutation, at, format!("items of a dict that are attributes too: {why}"));
        }
    }

    fn mutation(&mut self, at: u64, import: u32, what: &str) {
        let name = self.name_of(import);
        let message = format!("loading {what} {name} itself, for the whole process");
        let name = name.to_owned();
        self.fault_of(Rule::ObjectMutation, at, message, Some(name));
    }
}
