//! What Sphinx keeps between builds: options, the default of which is called where that can be, and caches of pickles.

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

/// `sphinx.environment.BuildEnvironment`: `get_doctree` unpickles what `_pickled_doctree_cache` holds, and Sphinx writes
/// it empty (`__getstate__`, Sphinx 8.2.3).
pub fn caches<C: Cursor>(view: &View<'_, C>, build: &Build) -> Result<(), String> {
    let Some(items) = view.items(build.state) else {
        return Err("its attributes cannot be followed, and one of them is a cache of pickles".to_owned());
    };
    let cache = |key: Value| view.word(key).as_deref() == Some("_pickled_doctree_cache");
    let empty = |value: Value| value.is(Tag::Dict) && view.heap.count(value) == Some(0);
    if items.iter().all(|(key, value)| !cache(*key) || empty(*value)) {
        return Ok(());
    }
    Err("its cache holds pickles, which its methods load".to_owned())
}
