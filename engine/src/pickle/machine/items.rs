//! APPEND(S), SETITEM(S), ADDITEMS, and the containers of literals: the triggers `items` and `hash`.

use crate::facts::UseKind;
use crate::pickle::machine::trace::{Event, Trace};
use crate::pickle::machine::vm::{Machine, State};
use crate::pickle::stream::opcode as op;
use crate::pickle::stream::reader::Cursor;
use crate::pickle::values::heap::{Grown, Items, Late};
use crate::pickle::values::mark::Mark;
use crate::pickle::values::value::{Tag, Value};
use crate::policy::guard::Guard;
use crate::policy::trigger::Shape;
use crate::rule::Rule;

impl<C: Cursor, T: Trace> Machine<'_, C, T> {
    /// The items are the stack from `from` on, the target lies below.
    pub(super) fn items(&mut self, at: u64, code: u8, from: usize) {
        let Some(&target) = from.checked_sub(1).and_then(|i| self.state.stack.get(i)) else { return };
        if !T::ON && code == op::SETITEMS && target.is(Tag::Dict) && self.state.stack.len() > from {
            self.put(at, target, from);
            self.state.stack.truncate(from);
            return;
        }
        if T::ON {
            self.tell_items(at, from, |items| Event::Items { code, target, items });
        }
        let pairs = matches!(code, op::SETITEM | op::SETITEMS);
        // Without items neither unpickler looks at the target of SETITEMS; Lib/pickle.py looks for the `add` of that of
        // ADDITEMS and calls it for none. The bytes behind a wrapper of joblib say such things, and its class has
        // nothing that answers.
        let wrapper = || code == op::ADDITEMS && self.guard_of(target) == Some(Guard::JoblibArray);
        if self.state.stack.len() == from && (code == op::SETITEMS || wrapper()) {
            return;
        }
        match target.tag() {
            Tag::List if code != op::ADDITEMS => self.listed(at, target, from),
            Tag::ByteArray if code != op::ADDITEMS => drop(self.state.changed.insert(target)),
            Tag::Dict if pairs => self.put(at, target, from),
            Tag::Set if code == op::ADDITEMS => self.added(at, target, from),
            Tag::Import => self.mutation(at, target.payload() as u32, "puts items into"),
            Tag::Object => self.given(at, code, target, from),
            Tag::Persistent => {
                let message = format!("{} puts items into a persistent object", op::name(code));
                self.fault(Rule::ObjectMutation, at, message);
            }
            Tag::Unknown => {}
            // Without items the C unpickler does not look at the target.
            _ if self.state.stack.len() == from => {
                self.only_one(at, "no items for a value that takes none");
            }
            _ => {
                let message = format!("{} puts items into a value that takes none", op::name(code));
                self.fault(Rule::StreamMalformed, at, message);
            }
        }
        self.state.stack.truncate(from);
    }

    /// Items above `from` become those of a list.
    #[inline]
    pub(super) fn listed(&mut self, at: u64, list: Value, from: usize) {
        let items = self.state.stack.get(from..).unwrap_or(&[]);
        let grown = self.state.heap.grow(list, items, items.len());
        self.state.contents.list(list, items);
        let mut mark = Mark::PLAIN;
        if grown.kinds & Tag::OBJECTS != 0 {
            mark = mark.with(Mark::OBJECTS);
        }
        if grown.had == 0 && grown.mark.has(Mark::UNKEYED) {
            let first = items.first().is_some_and(|v| self.state.heap.mark(*v).has(Mark::UNKEYED));
            mark = if first { mark.with(Mark::FIRST_UNKEYED) } else { mark };
        }
        let State { hashes, heap, stack, .. } = &mut self.state;
        let items = stack.get(from..).unwrap_or(&[]);
        hashes.list(&self.cursor, &heap.tuples, list, grown.had.into(), (items, grown.kinds));
        // Code that is given a list of long integers may hash them.
        if grown.kinds & Tag::BigInt.kind() != 0
            && !hashes.long_integers(&self.cursor, &heap.tuples, list, items)
        {
            self.alike(at);
        }
        self.change(at, list, grown, mark);
    }

    /// Items above `from` become those of a set.
    fn added(&mut self, at: u64, set: Value, from: usize) {
        let items = self.state.stack.get(from..).unwrap_or(&[]);
        let grown = self.state.heap.grow(set, items, items.len());
        self.hashed(at, set, from, 1);
        self.change(at, set, grown, Mark::PLAIN);
    }

    /// Keys and values above `from` become items of a dict.
    #[inline]
    pub(super) fn put(&mut self, at: u64, dict: Value, from: usize) {
        let items = self.state.stack.get(from..).unwrap_or(&[]);
        let grown = self.state.heap.grow(dict, items, items.len() / 2);
        self.state.contents.put(dict, items);
        let keys = self.keys(at, dict, from);
        if grown.kinds & Tag::OBJECTS != 0 {
            self.callables(dict, from);
        }
        self.change(at, dict, grown, keys);
    }

    /// What the keys among the pairs above `from` say.
    #[inline(always)]
    fn keys(&mut self, at: u64, holder: Value, from: usize) -> Mark {
        let items = self.state.stack.get(from..).unwrap_or(&[]);
        let mut mark = Mark::PLAIN;
        let mut other = false;
        // Keys and values come in pairs: SETITEMS with a key alone is an error before.
        for [key, _] in items.as_chunks::<2>().0 {
            if key.is(Tag::Text) {
                mark = mark.with(self.state.contents.text_key(&self.cursor, *key));
            } else {
                other = true;
            }
        }
        if mark.has(Mark::DUNDER_KEY) {
            self.special_keys(holder, from);
        }
        if other {
            mark = mark.with(self.other_keys(from));
            self.hashed(at, holder, from, 2);
        }
        mark
    }

    /// Notes a dict with names that have two underscores at both ends, as Python and its libraries look them up, of more
    /// than a literal without parts: with such a value they fail before anything runs.
    #[cold]
    fn special_keys(&mut self, holder: Value, from: usize) {
        let pairs = self.state.stack.get(from..).unwrap_or(&[]).chunks_exact(2);
        let special = |key: Value| {
            let named = |key: String| key.len() > 4 && key.starts_with("__") && key.ends_with("__");
            key.is(Tag::Text) && self.literal_word(key).is_none_or(named)
        };
        let any = pairs
            .filter_map(|pair| Some((*pair.first()?, *pair.get(1)?)))
            .any(|(key, value)| value.kind() & Tag::LITERALS == 0 && special(key));
        if any {
            self.state.special.insert(holder);
        }
    }

    /// What keys that are no text say of a dict.
    #[inline(never)]
    fn other_keys(&self, from: usize) -> Mark {
        let keys = self.state.stack.get(from..).unwrap_or(&[]).iter().step_by(2);
        keys.fold(Mark::PLAIN, |mark, key| match key.tag() {
            Tag::Text => mark,
            // An import may be a constant that is a str.
            Tag::Object | Tag::Unknown | Tag::Persistent | Tag::Import => {
                mark.with(Mark::NO_TEXT_KEY).with(Mark::COMPUTED_KEY)
            }
            _ => mark.with(Mark::NO_TEXT_KEY),
        })
    }

    /// Every value above `from`, or every second one, is hashed as a key of this holder.
    #[inline(never)]
    pub(super) fn hashed(&mut self, at: u64, holder: Value, from: usize, step: usize) {
        for i in (from..self.state.stack.len()).step_by(step) {
            let Some(&key) = self.state.stack.get(i) else { break };
            self.hashed_apart(at, holder, key);
            if !self.state.heap.hash(key) {
                let message =
                    "the trigger `hash`: the keys of this pickle take more steps than are allowed".to_owned();
                self.fault(Rule::ResourceLimit, at, message);
            }
            if key.kind() & Tag::LITERALS != 0 || !self.state.heap.mark(key).has(Mark::UNKEYED) {
                continue;
            }
            let Some(object) = self.state.heap.unkeyed(key) else {
                let message = "the trigger `hash`: a tuple is a key that takes more steps, or goes deeper, than is allowed";
                self.fault(Rule::ResourceLimit, at, message.to_owned());
                continue;
            };
            let message = "the trigger `hash` is closed: what it gives is a key, and its `__hash__` and `__eq__` \
                           were not read for what it holds";
            match object.object_import() {
                Some(import) => self.state.imports.object_to(import, at, message.to_owned()),
                None => {
                    let message = "a key is hashed of which nothing is known".to_owned();
                    self.fault(Rule::ObjectMutation, at, message);
                }
            }
        }
    }

    /// A key is hashed where others of the same holder are.
    #[inline]
    fn hashed_apart(&mut self, at: u64, holder: Value, key: Value) {
        let state = &mut self.state;
        if !state.hashes.add(&self.cursor, &state.heap.tuples, holder, key) {
            self.alike(at);
        }
    }

    #[cold]
    fn alike(&mut self, at: u64) {
        let message = "the trigger `hash`: keys that have one hash, or more than 1,024 whose hashes are not followed: each \
             may be compared with all";
        self.fault(Rule::ResourceLimit, at, message.to_owned());
    }

    /// An object is given items: a method of its class runs.
    fn given(&mut self, at: u64, code: u8, target: Value, from: usize) {
        if target.is_copy() {
            self.not_new(at, target, "items are put into");
        }
        let kind = match code {
            op::SETITEM | op::SETITEMS => Items::Set,
            op::ADDITEMS => Items::Add,
            _ => Items::Append,
        };
        let items = self.state.stack.get(from..).unwrap_or(&[]);
        let (late, grown) = self.state.heap.give(target, kind, items);
        let mut mark = grown.mark;
        if grown.relied {
            self.changed_data(at);
            mark = mark.with(Mark::STORED);
        }
        match kind {
            Items::Set => {
                mark = mark.with(self.keys(at, target, from));
                if grown.kinds & Tag::OBJECTS != 0 {
                    self.callables(target, from);
                }
            }
            Items::Add => self.hashed(at, target, from, 1),
            Items::Append => {}
        }
        if let Some(import) = target.object_import() {
            if let Some(late) = late.filter(|late| *late != Late::Shared) {
                self.late(at, import, "items", late);
            }
            let plain = late.is_none() && grown.kinds & !Tag::LITERALS == 0;
            let objection = if plain && self.state.imports.takes_literals(import, kind) {
                None
            } else {
                self.items_objection(import, kind, late, from, grown.kinds)
            };
            let objection = objection.or_else(|| self.special_items(import, target));
            self.state.imports.used(import, UseKind::Items, at, code, objection);
        }
        let held = mark.without(Mark::UNKEYED.with(Mark::UNKEYED_INSIDE));
        if mark.shape() > Shape::Inert || mark.has(Mark::COMPUTED_KEY) {
            self.state.heap.wide_items(target);
        }
        self.widen(at, target, held);
    }

    /// What stands against items that become attributes, as they may where a `__setitem__` was read for less than
    /// anything: names that Python and its libraries ask for.
    fn special_items(&self, import: u32, target: Value) -> Option<String> {
        if self.state.special.is_empty() || !self.state.special.contains(&target) {
            return None;
        }
        let shape = self.state.imports.known(import).triggers.and_then(|triggers| triggers.setitem);
        shape.filter(|shape| *shape < Shape::Stored).map(|_| {
            "the trigger `items`: a key has a name that Python and its libraries ask for, such as `__array_interface__`, \
             and its `__setitem__` may make an attribute of it"
                .to_owned()
        })
    }

    /// What stands against items for what an import gave.
    fn items_objection(
        &self,
        import: u32,
        kind: Items,
        late: Option<Late>,
        from: usize,
        kinds: u64,
    ) -> Option<String> {
        let triggers = self.state.imports.known(import).triggers?;
        let (open, method) = match kind {
            Items::Set => (triggers.setitem, "__setitem__"),
            Items::Append => (triggers.append, "append"),
            Items::Add => (triggers.add, "add"),
        };
        if let Some(late) = late.filter(|late| *late == Late::Shared) {
            return Some(format!("the trigger `items` is closed: {late}"));
        }
        let Some(shape) = open else {
            return Some(format!(
                "the trigger `items` is closed: its `{method}` would run, and nobody has read it"
            ));
        };
        if shape <= Shape::Stored && kinds & !Tag::LITERALS == 0 {
            return None;
        }
        let items = self.state.stack.get(from..).unwrap_or(&[]);
        let view = self.view();
        let first = usize::from(kind == Items::Set);
        let fits = |v: &Value| shape == Shape::Stored || view.is(*v, shape);
        if items.iter().skip(first).step_by(1 + first).all(fits) {
            return None;
        }
        Some(format!("the trigger `items` is open for {} only, and `{method}` is given more", shape.words()))
    }

    /// A container has got items, and this mark besides what they give it.
    #[inline]
    fn change(&mut self, at: u64, container: Value, grown: Grown, mark: Mark) {
        let mut mark = mark.with(grown.mark);
        if grown.relied {
            self.changed_data(at);
            mark = mark.with(Mark::STORED);
        }
        if container.is_copy() || grown.sealed {
            self.changed_late(at, container);
        }
        if !mark.is_plain() {
            self.widen(at, container, mark);
        }
    }

    #[cold]
    fn changed_late(&mut self, at: u64, container: Value) {
        let what = container.tag().as_str();
        let message = format!("a {what} is changed that was handed over already, as no pickler writes it");
        self.fault(Rule::ObjectMutation, at, message);
    }

    /// A container or an object holds more than it did.
    #[inline]
    pub(super) fn widen(&mut self, at: u64, value: Value, mark: Mark) {
        if mark.is_plain() {
            return;
        }
        // Its hash was read for inert state.
        let wide = value.is(Tag::Object) && mark.shape() > Shape::Inert;
        let unkeyed = wide && !self.state.imports.maker(value).is_key(false);
        let mark = if unkeyed { mark.with(Mark::UNKEYED) } else { mark };
        if self.state.heap.widen(value, mark).is_err() {
            self.changed_data(at);
        }
    }

    #[cold]
    pub(super) fn changed_data(&mut self, at: u64) {
        let message = "what code was given as data is changed into more than that".to_owned();
        self.fault(Rule::ObjectMutation, at, message);
    }

    /// State or items for a value out of the memo.
    pub(super) fn not_new(&mut self, at: u64, target: Value, what: &str) {
        let name = target.object_import().map(|import| self.name_of(import).to_owned());
        let shown = name.as_deref().map_or("an object".to_owned(), |name| format!("an object of `{name}`"));
        let message = format!("{what} {shown} that was handed over already, as no pickler writes it");
        self.fault_of(Rule::ObjectMutation, at, message, name);
    }

    /// State or items for an object that must not have any more.
    pub(super) fn late(&mut self, at: u64, import: u32, what: &str, late: Late) {
        let name = self.name_of(import).to_owned();
        let message = format!("an object of `{name}` is given {what}, and {late}");
        self.fault_of(Rule::ObjectMutation, at, message, Some(name));
    }

    pub(super) fn mutation(&mut self, at: u64, import: u32, what: &str) {
        let name = self.name_of(import);
        let message = format!("loading {what} `{name}` itself, for the whole process");
        let name = name.to_owned();
        self.fault_of(Rule::ObjectMutation, at, message, Some(name));
    }
}
