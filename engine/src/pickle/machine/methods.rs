//! Attributes that hide a method: what stands under the name of one runs when whoever uses the object calls it.

use crate::pickle::machine::trace::Trace;
use crate::pickle::machine::vm::Machine;
use crate::pickle::stream::reader::Cursor;
use crate::pickle::values::value::{Tag, Value};
use crate::policy::builtin;

impl<C: Cursor, T: Trace> Machine<'_, C, T> {
    /// Notes under which names of methods the pairs above `from` put something that can be called. What is no text is
    /// no name of an attribute.
    #[inline(never)]
    pub(super) fn callables(&mut self, holder: Value, from: usize) {
        let pairs = self.state.stack.get(from..).unwrap_or(&[]).as_chunks::<2>().0;
        let called = |pair: &&[Value; 2]| pair[0].is(Tag::Text) && self.may_be_called(pair[1]);
        let called: Vec<&[Value; 2]> = pairs.iter().filter(called).collect();
        let method = |pair: &&[Value; 2]| builtin::method(&self.literal_word(pair[0])?);
        let methods: Vec<u16> = called.iter().filter_map(method).collect();
        // IPython asks any object for these, and calls what stands there, as Python does with names of two underscores.
        let shown =
            |pair: &&[Value; 2]| self.literal_word(pair[0]).is_some_and(|name| is_asked_to_show(&name));
        let shown = called.iter().any(shown);
        if !methods.is_empty() {
            self.state.callables.entry(holder).or_default().extend(methods);
        }
        if shown {
            self.state.special.insert(holder);
        }
    }

    /// Whether a value can be called, and was not read as what may hide a method. A persistent id may stand for a class.
    fn may_be_called(&self, value: Value) -> bool {
        let hides = |import| self.state.imports.known(import).triggers.is_some_and(|t| t.hides);
        match value.tag() {
            Tag::Import => !value.as_import().is_some_and(hides),
            Tag::Unknown | Tag::Persistent => true,
            Tag::Object => {
                let maker = self.state.imports.maker(value);
                maker.gives_callable() && !maker.triggers.is_some_and(|t| t.hides)
            }
            _ => false,
        }
    }

    /// A copy of a dict has the same names.
    pub(super) fn callables_copied(&mut self, value: Value, from: Value) {
        if let Some(methods) = self.state.callables.get(&from).cloned() {
            self.state.callables.entry(value).or_default().extend(methods);
        }
        if self.state.special.contains(&from) {
            self.state.special.insert(value);
        }
    }

    /// What stands against a state that hides a method of the class of an import.
    pub(super) fn hidden_method(&self, import: u32, state: Value) -> Option<String> {
        if self.state.callables.is_empty() {
            return None;
        }
        let class = self.state.imports.known(import).class?;
        let halves = self.state.heap.tuples.items(state).take(2).filter(|_| state.is(Tag::Tuple));
        let dicts = std::iter::once(state).chain(halves);
        let mut methods = dicts.filter_map(|dict| self.state.callables.get(&dict)).flatten();
        let hidden = methods.find(|method| class.has(**method))?;
        Some(format!(
            "the trigger `state`: the attribute `{}` hides the method of its class, and can be called: whoever uses \
             the object runs what stands there",
            builtin::method_name(*hidden)
        ))
    }
}

/// Whether a shell that shows an object looks this name up on it: `_repr_html_`, `_repr_mimebundle_`,
/// `_ipython_display_`.
pub(super) fn is_asked_to_show(name: &str) -> bool {
    (name.starts_with("_repr_") || name.starts_with("_ipython_")) && name.ends_with('_')
}
