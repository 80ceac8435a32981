//! A Series of pandas answers for any attribute from its values, by the labels of its index. Where the
//! values are imports or other things to call, listed code that calls a method of a Series calls them.

use std::collections::HashSet;

use crate::pickle::machine::value::{Tag, Tuples, Value};

/// What a stream holds of such values, and of what would answer with them.
#[derive(Default)]
pub struct Frames {
    /// Lists with an item that can be called, or a mapping that nobody followed.
    callable: HashSet<Value>,
    /// An array was made of one of them.
    array: bool,
    /// A Series or a DataFrame got its state.
    frame: bool,
    told: bool,
}

/// Whether an instance answers for attributes from its values.
pub fn answers(module: &str, name: &str) -> bool {
    (module == "pandas" || module.starts_with("pandas."))
        && (name.ends_with("Series") || name.ends_with("DataFrame"))
}

impl Frames {
    /// A list got such an item.
    pub fn hold(&mut self, list: Value) {
        self.callable.insert(list);
    }

    /// An array got this state. Its data are a list if they are objects; of what a call gave nothing is known.
    pub fn array(&mut self, tuples: &Tuples, state: Value) {
        let listed = tuples.items(state).any(|v| self.callable.contains(&v));
        let last = match tuples.len(state) {
            Some(count @ 4..=5) => tuples.get(state, count - 1),
            _ => None,
        };
        self.array |= listed || last.is_some_and(|v| matches!(v.tag(), Tag::Object | Tag::Unknown));
    }

    /// An index was made with these keyword arguments.
    pub fn index(&mut self, arguments: &[(Value, Value)]) {
        self.array |= arguments.iter().any(|(_, v)| self.callable.contains(v));
    }

    /// A Series or a DataFrame got its state.
    pub fn frame(&mut self) {
        self.frame = true;
    }

    /// What is wrong, once.
    pub fn objection(&mut self) -> Option<&'static str> {
        let wrong = self.array && self.frame && !self.told;
        self.told |= wrong;
        wrong.then_some(
            "a Series answers for attributes from its values, and there are callables or unread mappings among them",
        )
    }

    /// Bytes held.
    pub fn held(&self) -> usize {
        self.callable.len() * 16
    }
}
