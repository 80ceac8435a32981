//! Graphs of NetworkX: the dicts of their edges, which views of these ask for `items`.

use crate::pickle::known::view::{Build, View};
use crate::pickle::stream::reader::Cursor;
use crate::pickle::values::value::{Tag, Value};

/// Adjacency is kept in literal dicts. Before NetworkX 3.0 `OutEdgeView.__setstate__` looks `items` up on one of these of
/// the graph that it is given, and calls it (networkx 2.5, classes/reportviews.py).
pub fn adjacency<C: Cursor>(view: &View<'_, C>, build: &Build) -> Result<(), String> {
    let Some(items) = view.items(build.state) else {
        return Err("its attributes cannot be followed, and views of the graph look into them".to_owned());
    };
    let asked = |key: Value| matches!(view.word(key).as_deref(), Some("_adj" | "_succ" | "_pred"));
    if items.iter().all(|(key, value)| !asked(*key) || value.is(Tag::Dict)) {
        return Ok(());
    }
    Err("its adjacency is no literal dict, and views of the graph ask it for its items".to_owned())
}
