//! BUILD: the trigger `state`.

use crate::facts::UseKind;
use crate::pickle::known;
use crate::pickle::known::view::{Build, View};
use crate::pickle::machine::methods::is_asked_to_show;
use crate::pickle::machine::trace::{Event, Trace};
use crate::pickle::machine::vm::{Halt, Machine, State as Kept};
use crate::pickle::stream::opcode as op;
use crate::pickle::stream::reader::Cursor;
use crate::pickle::values::heap::{Heap, Late};
use crate::pickle::values::mark::Mark;
use crate::pickle::values::value::{Tag, Value};
use crate::policy::builtin;
use crate::policy::guard::Guard;
use crate::policy::pattern;
use crate::policy::trigger::{Attributes, Forms, Parts, Shape, State};
use crate::rule::Rule;

impl<C: Cursor, T: Trace> Machine<'_, C, T> {
    /// `__setstate__(state)`, or attributes from `state`.
    #[inline(never)]
    pub(super) fn build(&mut self, at: u64, target: Value, state: Value) -> Result<(), Halt> {
        if T::ON {
            self.tell(at, Event::Build { target, state });
        }
        match target.tag() {
            Tag::Import => self.mutation(at, target.payload() as u32, "sets state on"),
            Tag::Object => {
                if target.is_copy() {
                    self.not_new(at, target, "BUILD sets the state of");
                }
                let late = self.state.heap.state(target);
                let Some(import) = target.object_import() else { return Ok(()) };
                if let Some(late) = late.filter(|late| *late == Late::Stated) {
                    self.late(at, import, "state", late);
                }
                if late.is_none() && self.plainly_stated(at, target, import, state) {
                    return Ok(());
                }
                let objection = late
                    .filter(|late| *late == Late::Shared)
                    .map(|late| format!("the trigger `state` is closed: {late}"));
                self.stated(at, op::BUILD, target, import, state, objection);
                if self.state.reading.is_joblib() && self.guard_of(target) == Some(Guard::JoblibArray) {
                    return self.array_data(at, target, state);
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

    /// A dict of names, none of which matters, becomes the state of an object of a class that stores it: how most objects
    /// get theirs, and nothing stands against it.
    #[inline]
    fn plainly_stated(&mut self, at: u64, target: Value, import: u32, state: Value) -> bool {
        if !state.is(Tag::Dict) || !self.state.imports.stores_attributes(import) {
            return false;
        }
        let (own, walk) = self.state.heap.seen(state);
        if own.has(Mark::NO_TEXT_KEY.with(Mark::COMPUTED_KEY).with(Mark::DUNDER_KEY)) {
            return false;
        }
        if !self.state.callables.is_empty() && self.hidden_method(import, state).is_some() {
            return false;
        }
        if !self.state.special.is_empty() && self.state.special.contains(&state) {
            return false;
        }
        if own.has(Mark::AGAIN) {
            self.state.heap.seal(state);
        }
        let mark = Heap::taken_over(state, own);
        let held = mark.without(Mark::UNKEYED.with(Mark::UNKEYED_INSIDE).with(Mark::LARGE));
        if self.state.heap.add(target, held, walk).is_err() {
            self.changed_data(at);
        }
        self.widen(at, target, held);
        self.state.imports.used(import, UseKind::State, at, op::BUILD, None);
        true
    }

    /// A callable sets the state of what it makes.
    pub(super) fn build_object(&mut self, at: u64, code: u8, target: Value, import: u32, state: Value) {
        self.stated(at, code, target, import, state, None);
    }

    fn stated(
        &mut self,
        at: u64,
        code: u8,
        target: Value,
        import: u32,
        state: Value,
        objection: Option<String>,
    ) {
        let (own, walk) = self.state.heap.seen(state);
        let objection = objection.or_else(|| self.state_objection(at, target, import, state));
        let (sized, number) = self.state.dtypes.sized();
        // Parts are copied or made something of; attributes are stored, and nothing goes through them.
        let stored = || {
            let state = self.state.imports.known(import).triggers.map(|t| &t.state);
            matches!(state, Some(State::Read(Forms { parts: None, .. })) | None)
        };
        if state.is(Tag::Tuple) && !self.state.heap.overspent() && !stored() {
            self.spent(at, self.depths(state));
        }
        let guard = self.guard_of(target);
        let heap = &self.state.heap;
        let mut mark = Heap::taken_over(state, own);
        let parts = match state.tag() {
            Tag::Tuple => heap.tuples.items(state).take(2).fold(own, |all, v| all.with(heap.mark(v))),
            _ => own,
        };
        // An attribute of such a name is asked for by whoever converts the object.
        let asked_for = parts.has(Mark::COMPUTED_KEY)
            || (parts.has(Mark::DUNDER_KEY) || !self.state.special.is_empty())
                && !self.expects_dunders(import, state);
        let special =
            asked_for && self.state.imports.known(import).triggers.is_some() && self.has_special(state);
        let objection = objection.or_else(|| {
            let message = "the trigger `state`: an attribute has a name that Python and its libraries ask for, such as \
                           `__reduce_ex__`, or a name that is no literal: whoever copies, shows or converts the object \
                           runs what stands there";
            special.then(|| message.to_owned())
        });
        let objection = objection.or_else(|| self.hidden_method(import, state));
        if asked_for || objection.is_some() {
            mark = mark.with(Mark::STORED);
        }
        if own.has(Mark::AGAIN) {
            self.state.heap.seal(state);
        }
        if guard == Some(Guard::Partial) && objection.is_none() {
            let calls = known::partial::calls(&self.view(), state);
            self.state.stored_calls.extend(calls.map(|import| (target, import)));
        }
        let mut held = mark.without(Mark::UNKEYED.with(Mark::UNKEYED_INSIDE));
        if guard == Some(Guard::JoblibArray) && objection.is_none() {
            held = self.array_mark(state);
        }
        // What has a state is no number, but for arrays without dimensions.
        held = held.without(Mark::LARGE).with(number);
        // One that is its own state holds no more than before.
        let more = walk.and(sized);
        if state != target && self.state.heap.add(target, held, more).is_err() {
            self.changed_data(at);
        }
        self.widen(at, target, held);
        if objection.is_none() {
            self.hashed_by_number(target, import, state);
        }
        self.state.imports.used(import, UseKind::State, at, code, objection);
    }

    /// An object whose hash is one of numbers, and whose state has a single one, hashes by that.
    fn hashed_by_number(&mut self, target: Value, import: u32, state: Value) {
        if !self.state.imports.known(import).triggers.is_some_and(|triggers| triggers.of_numbers) {
            return;
        }
        let view = self.view();
        let Some(items) = view.items(state) else { return };
        let number = |v: Value| v.kind() & Tag::INTEGERS != 0;
        let mut numbers = items.iter().map(|(_, value)| *value).filter(|v| number(*v));
        let (only, more) = (numbers.next(), numbers.next());
        // What stands beside it is text, or the same for as good as all.
        let beside = |v: Value| number(v) || matches!(v.tag(), Tag::Text | Tag::None | Tag::Bool);
        let single = more.is_none() && items.iter().all(|(_, value)| beside(*value));
        if let Some(only) = only.filter(|_| single) {
            let Kept { hashes, heap, .. } = &mut self.state;
            hashes.learn_number(&self.cursor, &heap.tuples, target, only);
        }
    }

    /// Whether a state, or one beside one for slots, has names that Python and its libraries ask for, or may.
    fn has_special(&self, state: Value) -> bool {
        let (heap, view) = (&self.state.heap, self.view());
        let special = |v: Value| {
            let mark = heap.mark(v);
            let special = mark.has(Mark::COMPUTED_KEY)
                || mark.has(Mark::DUNDER_KEY) && !v.is(Tag::Dict)
                || !self.state.special.is_empty() && self.state.special.contains(&v);
            special && view.is_mapping(v)
        };
        special(state) || state.is(Tag::Tuple) && heap.tuples.items(state).take(2).any(special)
    }

    /// Whether every attribute whose name begins with two underscores, or that IPython asks for, is one that the entry
    /// lists: a name of its library, which neither Python nor an unpickler looks up.
    fn expects_dunders(&self, import: u32, state: Value) -> bool {
        let Some(State::Read(Forms {
            attributes: Some(Attributes { touched: listed @ (_, 1..), .. }), ..
        })) = self.state.imports.known(import).triggers.map(|triggers| triggers.state)
        else {
            return false;
        };
        let view = self.view();
        let expected = |key: &str| {
            !key.starts_with("__") && !is_asked_to_show(key)
                || builtin::touched(listed).any(|listed| listed.key == key)
        };
        view.items(state).is_some_and(|items| {
            items.iter().all(|(key, _)| view.word(*key).is_some_and(|key| expected(&key)))
        })
    }

    /// What stands against a state.
    fn state_objection(&mut self, at: u64, object: Value, import: u32, state: Value) -> Option<String> {
        let known = self.state.imports.known(import);
        if let Some(guard) = known.guard {
            let build = Build { import, object, state };
            let (view, dtypes) = self.view_and_dtypes();
            let judged = known::state(guard, &view, dtypes, &build);
            if let Err(why) = judged {
                return Some(format!("the trigger `state` is held by the guard `{}`: {why}", guard.as_str()));
            }
        }
        let Some(triggers) = known.triggers else {
            self.unlisted_state(at, import, state);
            return None;
        };
        // Of inert items none is called, whatever it is asked for.
        let heap = &self.state.heap;
        let may_answer = || heap.has_wide_items(object) || heap.mark(object).has(Mark::DUNDER_KEY);
        if triggers.answers && heap.has_items(object) && may_answer() {
            let why =
                "the trigger `state` is closed: its `__getattr__` answers from the items it has already";
            return Some(why.to_owned());
        }
        match &triggers.state {
            State::Closed(why) => Some(format!("the trigger `state` is closed: {}", why.as_str())),
            // Of an import or of what a loader makes of an id nothing can be said at all.
            State::Stored if matches!(state.tag(), Tag::Import | Tag::Persistent | Tag::Unknown) => {
                Some("the trigger `state` is open for data, and the state is none that is known".to_owned())
            }
            State::Stored => None,
            State::Read(forms) => self.form(object, state, forms, triggers.any_number_in_state),
        }
    }

    /// Whether a state has a form that the code was read for.
    fn form(&self, object: Value, state: Value, forms: &Forms, any: bool) -> Option<String> {
        let literal =
            matches!(state.tag(), Tag::ByteArray | Tag::Encoded) || state.kind() & Tag::LITERALS != 0;
        let unread = |what: &str| Some(format!("the trigger `state` is open for {what}"));
        match (&forms.attributes, &forms.parts) {
            _ if forms.value && literal => None,
            // A dict that is its own `__dict__`: its items were judged as they came.
            (Some(Attributes { touched: (_, 0), .. }), _)
                if state == object && self.view().text_keys(state, true) =>
            {
                None
            }
            (Some(attributes), Some(parts)) if state.is(Tag::Tuple) => {
                if attributes.pair && self.view().count(state) == Some(2) {
                    return self.attributes(state, attributes, any);
                }
                self.parts(state, parts, any)
            }
            (Some(attributes), _) => self.attributes(state, attributes, any),
            (None, Some(parts)) => self.parts(state, parts, any),
            (None, None) => unread("one text, bytes or number only, and the state is more"),
        }
    }

    /// A tuple of parts.
    fn parts(&self, state: Value, &Parts { shapes, least, most }: &Parts, any: bool) -> Option<String> {
        let view = self.view();
        let count = view.count(state);
        if !count.is_some_and(|count| (usize::from(least)..=usize::from(most)).contains(&count)) {
            let wanted = if least == most { least.to_string() } else { format!("{least} to {most}") };
            return Some(format!(
                "the trigger `state` wants a tuple of {wanted} parts, which code takes as they are"
            ));
        }
        let found =
            view.heap.tuples.items(state).enumerate().find(|(i, v)| !view.fits(*v, shapes.at(*i), any));
        found.map(|(i, v)| open_for(&view, v, shapes.at(i), &format!("part {} of the state", i + 1)))
    }

    /// Attributes: a dict with literal text keys, or one beside a dict for slots where BUILD itself takes them.
    fn attributes(&self, state: Value, form: &Attributes, any: bool) -> Option<String> {
        let view = self.view();
        let &Attributes { values, pair, slots, touched } = form;
        let closed = |why: &str| Some(format!("the trigger `state` is open for attributes only: {why}"));
        let (dict, slot) = match view.count(state) {
            Some(_) if !pair => {
                return closed(
                    "a `__setstate__` that was read for a dict takes a tuple as pairs of keys and values",
                );
            }
            Some(2) => (view.part(state, 0)?, view.part(state, 1)?),
            Some(0) => return None,
            _ => (state, Value::NONE),
        };
        if !slot.is(Tag::None) {
            let Some(setters) = slots else {
                return closed("it has none by `__slots__`, or setting one runs code that nobody has read");
            };
            if !view.is_mapping(slot) || !view.text_keys(slot, true) {
                return closed("those for slots are no literal dict of names");
            }
            if !view.fits(slot, values, any) {
                return Some(open_for(&view, slot, values, "the state"));
            }
            if setters.1 > 0 {
                let Some(items) = view.items(slot) else {
                    return closed("there are more of them than are followed, and setting some runs code");
                };
                // A setter that `touches` names was read, for values of the shape that it gives there.
                let read = |name: &str| builtin::touched(touched).any(|wanted| wanted.key == name);
                let sets = |key: Value| {
                    let key = view.word(key);
                    builtin::touched(setters)
                        .any(|setter| key.as_deref().is_none_or(|key| key == setter.key && !read(key)))
                };
                if items.iter().any(|(key, _)| sets(*key)) {
                    return closed("setting one of them runs code that nobody has read");
                }
            }
            if let Some(wrong) = self.touch(slot, touched, any) {
                return Some(wrong);
            }
        }
        if dict.is(Tag::None) {
            return None;
        }
        if !view.is_mapping(dict) {
            return closed("the state is no literal dict");
        }
        if !view.text_keys(dict, false) {
            return closed("a key is no literal text");
        }
        if !view.fits(dict, values, any) {
            return Some(open_for(&view, dict, values, "the state"));
        }
        self.touch(dict, touched, any)
    }

    /// What is wrong with the values that code looks at, by their keys in a literal dict.
    fn touch(&self, dict: Value, touched: (u16, u8), any: bool) -> Option<String> {
        let view = self.view();
        if touched.1 == 0 {
            return None;
        }
        let Some(items) = view.items(dict) else {
            return Some(
                "the trigger `state` is open for attributes only: there are more of them than are followed, and code looks at some"
                    .to_owned(),
            );
        };
        for wanted in builtin::touched(touched) {
            let found = items.iter().filter(|(key, _)| view.word(*key).as_deref() == Some(wanted.key));
            for (_, value) in found {
                let fits = view.fits(*value, wanted.shape, any)
                    || wanted.shape == Shape::Dict
                        && view.is_mapping(*value)
                        && view.text_keys(*value, false);
                if let Some(import) = wanted.made_by {
                    let made = |(module, name): (&str, &str)| {
                        let by = pattern::written(module, name);
                        import.split('|').any(|import| import == by)
                    };
                    let none = || value.is(Tag::None) && import.split('|').any(|import| import == "None");
                    if !view.made_by(*value).is_some_and(made) && !none() {
                        return Some(format!(
                            "the trigger `state` wants {} as `{}`, which its `__setstate__` changes",
                            made_by_one_of(import),
                            wanted.key
                        ));
                    }
                } else if !fits {
                    return Some(format!(
                        "the trigger `state` wants {} as `{}`, which its `__setstate__` looks at{}",
                        wanted.shape.words(),
                        wanted.key,
                        view.beside(*value, wanted.shape)
                    ));
                }
            }
        }
        None
    }

    /// The state of a class that no list names: whoever allows it answers for it, but for what would make it another
    /// class or cannot be read.
    fn unlisted_state(&mut self, at: u64, import: u32, state: Value) {
        let view = self.view();
        let computed = |v: Value| match v.tag() {
            Tag::Object => !view.is_mapping(v) || view.heap.mark(v).has(Mark::COMPUTED_KEY),
            Tag::Import | Tag::Persistent => true,
            Tag::Dict => view.heap.mark(v).has(Mark::COMPUTED_KEY),
            _ => false,
        };
        let pair = match (view.part(state, 0), view.part(state, 1)) {
            (Some(dict), Some(slots)) if view.count(state) == Some(2) => Some((dict, slots)),
            _ => None,
        };
        let halves = pair.is_some_and(|(dict, slots)| {
            computed(slots) && dict.is(Tag::None) || computed(dict) && slots.is(Tag::None)
        });
        let dunder = |slots: Value| slots.is(Tag::Dict) && view.heap.mark(slots).has(Mark::DUNDER_KEY);
        let why = if computed(state) || halves {
            "it comes from a call or an import, or has a key that does"
        } else if pair.is_some_and(|(_, slots)| dunder(slots)) {
            "it sets an attribute such as `__class__`"
        } else {
            return;
        };
        let name = self.name_of(import);
        let message = format!("the state of an object of `{name}` cannot be vouched for: {why}");
        let name = name.to_owned();
        self.fault_of(Rule::ObjectMutation, at, message, Some(name));
    }
}

/// What one of these imports made, or None where it is among them, in words.
fn made_by_one_of(imports: &str) -> String {
    let names = imports.split('|').filter(|name| *name != "None").map(|name| format!("`{name}`"));
    let made = format!("what {} made", names.collect::<Vec<_>>().join(" or "));
    if imports.split('|').any(|name| name == "None") { format!("None, or {made},") } else { made }
}

/// What a trigger is open for, and what is wrong.
fn open_for<C: Cursor>(view: &View<'_, C>, value: Value, shape: Shape, what: &str) -> String {
    let beside = view.beside(value, shape);
    format!("the trigger `state` is open for {} only, and {what} is more{beside}", shape.words())
}
