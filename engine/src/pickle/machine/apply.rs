//! REDUCE, INST, OBJ, NEWOBJ, NEWOBJ_EX: the triggers `call` and `create`.

use crate::facts::{Nested, UseKind};
use crate::pickle::known::numpy::{Dtype, Dtypes};
use crate::pickle::known::table::Known;
use crate::pickle::known::view::{Call, View};
use crate::pickle::known::{self, Outcome, container};
use crate::pickle::machine::trace::Trace;
use crate::pickle::machine::vm::{Machine, State as Kept};
use crate::pickle::stream::opcode as op;
use crate::pickle::stream::reader::Cursor;
use crate::pickle::stream::text;
use crate::pickle::values::heap::{Heap, Nature, Tuples, Walk};
use crate::pickle::values::mark::Mark;
use crate::pickle::values::value::{Tag, Value};
use crate::policy::guard::Guard;
use crate::policy::trigger::{Shape, Shapes};
use crate::rule::Rule;

/// Longest line of a text that is measured. In longer ones each byte is looked at anyway.
const LITERAL: u64 = 1 << 20;

/// As many keys of one hash as cost no more for it than the step of each.
const ALIKE: u64 = 1 << 4;

/// What it takes to visit an empty tuple, and no keyword arguments.
const NO_ARGUMENTS: Walk = Walk { steps: 2, depth: 1 };

/// An application: what is applied to what.
struct Application {
    at: u64,
    code: u8,
    import: u32,
    args: Value,
    kwargs: Option<Value>,
}

impl<C: Cursor, T: Trace> Machine<'_, C, T> {
    /// What guards see.
    pub(super) fn view(&self) -> View<'_, C> {
        View {
            cursor: &self.cursor,
            heap: &self.state.heap,
            imports: &self.state.imports,
            contents: &self.state.contents,
            hashes: &self.state.hashes,
            changed: &self.state.changed,
        }
    }

    /// What guards see, and what they learn of dtypes.
    pub(super) fn view_and_dtypes(&mut self) -> (View<'_, C>, &mut Dtypes) {
        let Kept { heap, imports, contents, hashes, changed, dtypes, .. } = &mut self.state;
        (View { cursor: &self.cursor, heap, imports, contents, hashes, changed }, dtypes)
    }

    /// The callee is applied and what it gives is pushed.
    #[inline(never)]
    pub(super) fn apply(&mut self, at: u64, code: u8, callee: Value, args: Value, kwargs: Option<Value>) {
        if args == Tuples::EMPTY && kwargs.is_none() && self.apply_to_nothing(at, code, callee) {
            return;
        }
        // `func(*args)` in Lib/pickle.py takes whatever can be iterated over.
        if !args.is(Tag::Tuple) {
            self.only_one(at, "arguments that are not a tuple");
        }
        // `cls.__new__(cls, *args, **kwargs)` there takes whatever has keys.
        if kwargs.is_some_and(|kwargs| !kwargs.is(Tag::Dict)) {
            self.only_one(at, "keyword arguments that are not a dict");
        }
        let stored = self.state.stored_calls.get(&callee).filter(|_| code == op::REDUCE);
        let callee_or_stored = stored.map_or(callee, |import| Value::new(Tag::Import, u64::from(*import)));
        let value = match callee_or_stored.tag() {
            Tag::Import => {
                let import = callee_or_stored.payload() as u32;
                let kind = match code {
                    op::NEWOBJ | op::NEWOBJ_EX => UseKind::Create,
                    op::INST | op::OBJ if self.state.heap.tuples.len(args) == Some(0) => UseKind::Instantiate,
                    _ => UseKind::Call,
                };
                let (value, objection) = self.applied(&Application { at, code, import, args, kwargs });
                self.state.imports.used(import, kind, at, code, objection);
                value
            }
            Tag::Object => {
                match callee.object_import() {
                    Some(import) => self.state.imports.used(import, UseKind::CallResult, at, code, None),
                    None => self.unknown_called(at),
                }
                self.state.heap.object(callee.object_import(), Mark::STORED, Nature::Open, Walk::default())
            }
            Tag::Unknown | Tag::Persistent => {
                self.unknown_called(at);
                self.unknown_object()
            }
            _ => {
                let message = format!("{} applies a value that cannot be called", op::name(code));
                self.fault(Rule::StreamMalformed, at, message);
                self.unknown_object()
            }
        };
        self.result(at, code, callee, args, kwargs, value);
    }

    /// An import is applied to no arguments, of which most guards have nothing to say: how most containers and objects
    /// are made.
    #[inline]
    fn apply_to_nothing(&mut self, at: u64, code: u8, callee: Value) -> bool {
        let Some(import) = callee.as_import() else { return false };
        let create = matches!(code, op::NEWOBJ | op::NEWOBJ_EX);
        let Some((mark, nature)) = self.state.imports.made_of_nothing(import, create) else { return false };
        if !self.state.stored_calls.is_empty() {
            return false;
        }
        let kind = match code {
            op::INST | op::OBJ => UseKind::Instantiate,
            _ if create => UseKind::Create,
            _ => UseKind::Call,
        };
        let value = self.state.heap.object(Some(import), mark, nature, NO_ARGUMENTS);
        self.state.imports.used(import, kind, at, code, None);
        self.result(at, code, callee, Tuples::EMPTY, None, value);
        true
    }

    fn unknown_object(&mut self) -> Value {
        self.state.heap.object(None, Mark::STORED, Nature::Open, Walk::default())
    }

    fn unknown_called(&mut self, at: u64) {
        self.state.stream.applied = true;
        self.fault(Rule::ImportUnresolved, at, "something is called that is not a literal import".to_owned());
    }

    /// What applying an import gives, and what stands against it.
    fn applied(&mut self, application: &Application) -> (Value, Option<String>) {
        let Application { at, code, import, args, kwargs } = *application;
        let create = matches!(code, op::NEWOBJ | op::NEWOBJ_EX);
        let known = self.state.imports.known(import);
        let none = args == Tuples::EMPTY && kwargs.is_none();
        let (mark, walk) = if none { (Mark::PLAIN, NO_ARGUMENTS) } else { self.arguments(args, kwargs) };
        let keywords = kwargs.is_some_and(|kwargs| self.state.heap.count(kwargs) != Some(0));
        let judged = known.guard.map(|guard| {
            let object = self.state.heap.next_object(import);
            let call = Call { import, args, keywords, code, object };
            let (view, dtypes) = self.view_and_dtypes();
            known::call(guard, &view, dtypes, &call)
        });
        let (sized, number) = self.state.dtypes.sized();
        let walk = walk.and(sized);
        let outcome = match judged {
            None => Outcome::Object,
            Some(Ok(outcome)) => outcome,
            Some(Err(why)) => {
                let trigger = if create { "create" } else { "call" };
                let guard = known.guard.map_or("", Guard::as_str);
                let objection = format!("the trigger `{trigger}` is held by the guard `{guard}`: {why}");
                return (self.made(import, create, args, Mark::STORED, walk), Some(objection));
            }
        };
        let objection = if none {
            None
        } else {
            self.spend(at, args, known);
            known.arguments(create).and_then(|shapes| {
                let any = known.triggers.is_some_and(|t| t.any_number);
                self.misfit(shapes, any, application, create)
            })
        };
        if objection.is_some() {
            return (self.made(import, create, args, Mark::STORED, walk), objection);
        }
        match outcome {
            Outcome::Object => {
                let value = self.made(import, create, args, mark, walk);
                self.hashed_as(known.guard, import, args, value);
                // It was judged as a number, and nothing holds it yet.
                let _ = self.state.heap.widen(value, number);
                (value, None)
            }
            Outcome::New(mark) => {
                let inert = self.inert(import, mark).with(number).with(mark.of(Mark::FACTORY));
                let nature = match self.nature(import, create, args) {
                    Nature::Shared => Nature::Open,
                    other => other,
                };
                (self.state.heap.object(Some(import), inert, nature, walk), None)
            }
            Outcome::Of(argument) => {
                let mark = self.state.heap.held(argument);
                (self.made(import, create, args, mark, walk), None)
            }
            Outcome::Shared => {
                let inert = self.inert(import, mark);
                (self.state.heap.object(Some(import), inert, Nature::Shared, walk), None)
            }
            Outcome::Holding(from) => {
                // A factory among the arguments was judged.
                let mark = from.map_or(Mark::PLAIN, |from| self.state.heap.held(from));
                let value = self.made(import, create, args, mark, walk);
                self.hashed_as(known.guard, import, args, value);
                self.copied(value, from);
                (value, None)
            }
            Outcome::Value(value) => (value, None),
            Outcome::Calls(other, mark) => (self.made(other, false, args, mark, walk), None),
            Outcome::Instance { class, state, items } => {
                self.state.imports.used(class, UseKind::Create, at, code, None);
                let held = [state, items].into_iter().flatten();
                let mark = held.fold(Mark::PLAIN, |mark, v| mark.with(self.state.heap.held(v)));
                let walk = items.map_or(Walk::default(), |items| self.state.heap.walk(items));
                let value = self.made(class, true, Tuples::EMPTY, mark, walk);
                if let Some(from) = items {
                    self.copied(value, Some(from));
                }
                if let Some(state) = state {
                    self.build_object(at, code, value, class, state);
                }
                (value, None)
            }
            Outcome::Attribute { module, name } => {
                let (module, name) = (self.state.imports.name(&module), self.state.imports.name(&name));
                match self.resolve(at, op::REDUCE, module, name, false) {
                    Ok(value) => (value, None),
                    Err(_) => (self.unknown_object(), Some("there are too many imports".to_owned())),
                }
            }
            Outcome::Nested(bytes) => {
                let value = self.made(import, create, args, mark, walk);
                // The same bytes, over and over, are decoded once.
                let noted = |v: &Value| self.state.nested.contains(v) && !self.state.changed.contains(v);
                match bytes.filter(|v| !noted(v)).map(|v| (v, self.view().literal_bytes(v))) {
                    Some((literal, Some(bytes))) => {
                        self.state.nested.insert(literal);
                        // A storage in it has no more elements than there are bytes.
                        self.state.heap.storage(literal, bytes.size(), false);
                        let callable = self.name_of(import).to_owned();
                        self.nest(Nested { callable, offset: at, bytes });
                    }
                    None if bytes.is_some() => {}
                    _ => {
                        let callable = self.name_of(import).to_owned();
                        let message = format!("{callable} is given bytes that are not literal");
                        self.fault_of(Rule::NestedUnresolved, at, message.clone(), Some(callable));
                        return (value, Some(message));
                    }
                }
                if let Some(elements) = bytes.and_then(|literal| self.state.heap.elements(literal)) {
                    self.state.heap.storage(value, elements, false);
                }
                let odd = (code != op::REDUCE || keywords)
                    .then(|| "it is called in a way that no pickler writes".to_owned());
                (value, odd)
            }
        }
    }

    /// What an object takes over of its arguments, and what it takes to visit them.
    fn arguments(&self, args: Value, kwargs: Option<Value>) -> (Mark, Walk) {
        let both = [args, kwargs.unwrap_or(Value::NONE)];
        both.iter().fold((Mark::PLAIN, Walk::default()), |(mark, walk), value| {
            let (own, further) = self.state.heap.seen(*value);
            (mark.with(Heap::taken_over(*value, own)), walk.and(further))
        })
    }

    /// What a callable does with its arguments costs as much as they are large, each time.
    fn spend(&mut self, at: u64, args: Value, known: Known) {
        let copies =
            matches!(known.guard, Some(Guard::Container | Guard::DefaultFactory | Guard::CopyregBase));
        let steps = match known.triggers {
            _ if copies => self.shallow(args).saturating_add(self.hashed_again(args)),
            Some(triggers) if !triggers.call.is_stored() => self.depths(args),
            _ => self.literals(args),
        };
        self.spent(at, steps);
    }

    /// Code goes through data.
    pub(super) fn spent(&mut self, at: u64, steps: u64) {
        if !self.state.heap.spend(steps, self.cursor.position()) {
            let message = "what code is given takes more steps to go through, over and over, than is allowed";
            self.fault(Rule::ResourceLimit, at, message.to_owned());
        }
    }

    /// Steps over all that these hold.
    pub(super) fn depths(&self, values: Value) -> u64 {
        let tuples = &self.state.heap.tuples;
        let walk = tuples.items(values).map(|v| u64::from(self.state.heap.walk(v).steps)).sum::<u64>();
        walk.saturating_add(self.literals(values))
    }

    /// Steps over the items of these alone.
    fn shallow(&self, values: Value) -> u64 {
        let heap = &self.state.heap;
        let items = |v: Value| heap.count(v).or(heap.tuples.len(v).map(|n| n as u64)).unwrap_or(1);
        let mapping = |v: Value| if v.is(Tag::Object) { u64::from(heap.walk(v).steps) } else { items(v) };
        heap.tuples.items(values).map(mapping).sum()
    }

    /// Steps more where keys are made over again of a container that was made into keys already: as many of them as
    /// nobody looked at may have one hash, and are compared with each other.
    fn hashed_again(&mut self, values: Value) -> u64 {
        let Kept { heap, copied, .. } = &mut self.state;
        let mut steps = 0u64;
        for value in heap.tuples.items(values) {
            let items = match value.tag() {
                Tag::Object => u64::from(heap.walk(value).steps),
                Tag::Tuple => heap.tuples.len(value).map_or(0, |n| n as u64),
                _ => heap.count(value).unwrap_or(0),
            };
            if items > ALIKE && !copied.insert(value) {
                let alike = items.min(container::UNSEEN);
                steps = steps.saturating_add(alike * alike / ALIKE);
            }
        }
        steps
    }

    /// Steps over the text and bytes among these, eight bytes each.
    pub(super) fn literals(&self, values: Value) -> u64 {
        let len = |v: Value| match v.tag() {
            Tag::Text | Tag::Bytes | Tag::ByteArray => text::locate(&self.cursor, v.payload(), LITERAL),
            Tag::Encoded => text::locate(&self.cursor, v.payload() >> 2, LITERAL),
            _ => None,
        };
        self.state.heap.tuples.items(values).filter_map(len).map(|literal| literal.len / 8).sum()
    }

    /// Why the arguments have not the shapes that the trigger is open for.
    fn misfit(
        &self,
        shapes: Shapes,
        any_number: bool,
        application: &Application,
        create: bool,
    ) -> Option<String> {
        if shapes.is_stored() {
            return None;
        }
        let view = self.view();
        let (args, kwargs) = (application.args, application.kwargs);
        let wrong = |value: Value, shape: Shape, what: &str| {
            let (trigger, runs) = if create { ("create", "`__new__`") } else { ("call", "it") };
            Some(format!(
                "the trigger `{trigger}` is open for {} only, and {runs} is given more {what}{}",
                shape.words(),
                view.beside(value, shape)
            ))
        };
        let fits = |value: Value, shape: Shape| view.fits(value, shape, any_number);
        let rest = shapes.at(Shapes::POSITIONS);
        if !args.is(Tag::Tuple) && !fits(args, rest) {
            return wrong(args, rest, "by arguments that are no tuple");
        }
        let found = view.heap.tuples.items(args).enumerate().find(|(i, v)| !fits(*v, shapes.at(*i)));
        if let Some((i, v)) = found {
            return wrong(v, shapes.at(i), &format!("as argument {}", i + 1));
        }
        let keywords = kwargs.filter(|kwargs| view.heap.count(*kwargs) != Some(0));
        match keywords {
            Some(kwargs) if !fits(kwargs, rest) => wrong(kwargs, rest, "by keyword"),
            Some(kwargs) if !view.text_keys(kwargs, false) => {
                wrong(kwargs, rest, "by keywords that are no text")
            }
            _ => None,
        }
    }

    /// The mark of an object made of arguments with this mark.
    fn inert(&self, import: u32, mark: Mark) -> Mark {
        self.state.imports.known(import).inert(mark)
    }

    /// A new object of an import, made of arguments with this mark.
    fn made(&mut self, import: u32, create: bool, args: Value, mark: Mark, walk: Walk) -> Value {
        let inert = self.inert(import, mark);
        let nature = self.nature(import, create, args);
        self.state.heap.object(Some(import), inert, nature, walk)
    }

    /// What may become of an object that an import gives.
    fn nature(&self, import: u32, create: bool, args: Value) -> Nature {
        let empty = self.state.heap.tuples.len(args) == Some(0);
        self.state.imports.known(import).nature(create, empty)
    }

    /// An object hashes like a number or a frozenset: what CPython computes without a secret.
    fn hashed_as(&mut self, guard: Option<Guard>, import: u32, args: Value, value: Value) {
        let name = || self.state.imports.get(import).map_or("", |import| import.name.as_str());
        match guard {
            Some(Guard::Number | Guard::Fraction) => {
                let hash = known::numerals::hash(&self.view(), name(), args);
                self.state.hashes.learn(value, hash);
            }
            Some(Guard::NumpyScalar) => {
                let dtype = self.state.heap.tuples.get(args, 0).and_then(|v| self.state.dtypes.get(v));
                if dtype.is_some_and(Dtype::collides) {
                    self.state.hashes.learn(value, None);
                }
            }
            Some(Guard::Container) if name() == "frozenset" => {
                let Kept { hashes, heap, contents, .. } = &mut self.state;
                let from = heap.tuples.get(args, 0);
                let items = from
                    .filter(|v| v.is(Tag::List))
                    .and_then(|list| contents.list_of(list, heap.count(list)?));
                match (from, items) {
                    (_, Some(items)) => {
                        hashes.frozenset(&self.cursor, &heap.tuples, value, items.iter().copied());
                    }
                    (Some(from), _) if from.is(Tag::Tuple) => {
                        hashes.frozenset(&self.cursor, &heap.tuples, value, heap.tuples.items(from));
                    }
                    _ => hashes.learn(value, None),
                }
            }
            _ => {}
        }
    }

    /// An object is a copy of a container.
    fn copied(&mut self, value: Value, from: Option<Value>) {
        if let Some(from) = from.filter(|from| !from.is(Tag::None)) {
            self.copied_from(value, from);
        }
    }

    fn copied_from(&mut self, value: Value, from: Value) {
        self.callables_copied(value, from);
        let mark = self.state.heap.mark(from);
        let keys = mark.of(Mark::NO_TEXT_KEY.with(Mark::COMPUTED_KEY).with(Mark::DUNDER_KEY));
        let literal = from.is(Tag::Dict) || self.view().is_mapping(from);
        let held =
            self.state.heap.held(from).of(Mark::HELD.without(Mark::UNKEYED.with(Mark::UNKEYED_INSIDE)));
        // Its mark says already what its arguments hold.
        let _ = self.state.heap.widen(value, container::holding(held.with(keys), literal));
    }

    /// The guard of what made a value.
    pub(super) fn guard_of(&self, value: Value) -> Option<Guard> {
        self.state.imports.maker(value).guard
    }
}
