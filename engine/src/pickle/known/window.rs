//! Windows of River's ADWIN: buckets of numbers in memory of C, and what counts them.

use crate::pickle::known::outcome::{Judged, Outcome};
use crate::pickle::known::view::{Build, Call, View};
use crate::pickle::stream::reader::Cursor;
use crate::pickle::values::value::{Tag, Value};
use crate::policy::trigger::Shape;

/// Most numbers of one bucket. River's own have five.
const MOST: i64 = 4096;
/// Numbers in the state of a window, beside what holds its buckets.
const COUNTERS: usize = 15;

/// `_rebuild_bucket(room, count, totals, variances)` takes memory for `room` numbers, and copies `count` of each list into
/// it without a look at either (river 0.24.2, drift/adwin_c.pyx, with `boundscheck=False`).
pub fn bucket<C: Cursor>(view: &View<'_, C>, call: &Call) -> Judged {
    let wrong = || Err("it copies more numbers than it is given, or than it has room for".to_owned());
    let parts: Vec<Value> = view.heap.tuples.items(call.args).collect();
    let [room, count, totals, variances] = parts.as_slice() else { return wrong() };
    let (Some(room), Some(count)) = (room.as_int(), count.as_int()) else { return wrong() };
    let numbers = |list: Value| {
        list.is(Tag::List)
            && (count == 0 && view.heap.count(list) == Some(0)
                || view.list(list).is_some_and(|items| {
                    items.len() as i64 == count && items.iter().all(|item| item.is(Tag::Float))
                }))
    };
    if call.keywords
        || !(0..=room).contains(&count)
        || room > MOST
        || !numbers(*totals)
        || !numbers(*variances)
    {
        return wrong();
    }
    Ok(Outcome::Object)
}

/// A window's numbers stand before its attributes, or since River 0.24 behind the list of its buckets.
pub fn state<C: Cursor>(view: &View<'_, C>, build: &Build) -> Result<(), String> {
    let parts: Vec<Value> = view.heap.tuples.items(build.state).collect();
    let numbers =
        |parts: &[Value]| parts.len() == COUNTERS && parts.iter().all(|part| view.is(*part, Shape::Number));
    let right = build.state.is(Tag::Tuple)
        && match parts.as_slice() {
            [buckets, rest @ ..] if buckets.is(Tag::List) => numbers(rest),
            [rest @ .., attributes] => {
                numbers(rest) && attributes.is(Tag::Dict) && view.text_keys(*attributes, true)
            }
            [] => false,
        };
    right.then_some(()).ok_or_else(|| "its state is not the numbers and the buckets of a window".to_owned())
}
