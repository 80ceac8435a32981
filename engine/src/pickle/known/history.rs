//! mmengine's `HistoryBuffer`: `__setstate__` puts the functions of its state into a table of its class.

use crate::pickle::known::view::{Build, View};
use crate::pickle::stream::reader::Cursor;
use crate::pickle::values::value::Value;

/// The functions that the class brings, under the names that they have in its table.
const STATISTICS: &[&str] = &["current", "max", "mean", "min"];

/// A state whose table has the class's own functions alone.
pub fn state<C: Cursor>(view: &View<'_, C>, build: &Build) -> Result<(), String> {
    let Some(items) = view.items(build.state) else {
        return Err("its attributes cannot be followed, and one of them changes its class".to_owned());
    };
    let own = |key: Value, function: Value| {
        let name = view.word(key).filter(|name| STATISTICS.contains(&name.as_str()));
        name.zip(view.named(function)).is_some_and(|(key, (module, name))| {
            module == "mmengine.logging.history_buffer" && name.strip_prefix("HistoryBuffer.") == Some(&key)
        })
    };
    for (key, table) in items {
        if view.word(*key).as_deref() == Some("statistics_methods")
            && !view
                .items(*table)
                .is_some_and(|table| table.iter().all(|(key, function)| own(*key, *function)))
        {
            return Err("it puts a function that is not its own into the table of its class".to_owned());
        }
    }
    Ok(())
}
