//! `sphinx.config.Config`: reading an option calls its default where that can be called.

use crate::pickle::known::view::{Build, View};
use crate::pickle::stream::reader::Cursor;
use crate::pickle::values::value::{Tag, Value};
use crate::policy::trigger::Shape;

/// Each option in the state has a default that is inert, or nothing that can be called.
pub fn defaults<C: Cursor>(view: &View<'_, C>, build: &Build) -> Result<(), String> {
    let options = |key: Value| matches!(view.word(key).as_deref(), Some("_options" | "values"));
    let default = |pair: Value| {
        view.part(pair, 0).is_some_and(|v| {
            matches!(v.tag(), Tag::List | Tag::Dict | Tag::Set | Tag::Tuple) || view.is(v, Shape::Inert)
        })
    };
    let plain = view.items(build.state).is_some_and(|items| {
        items.iter().filter(|(key, _)| options(*key)).all(|(_, table)| {
            view.items(*table).is_some_and(|table| table.iter().all(|(_, pair)| default(*pair)))
        })
    });
    if plain {
        return Ok(());
    }
    Err("it does not keep plain values as its options, and what stands there is called".to_owned())
}
