//! Arrays of numpy as pickles spell them: an empty one, which its state fills. The C code trusts much of both
//! (`numpy/_core/src/multiarray/methods.c`, `array_setstate`).

use std::borrow::Cow;

use crate::facts::NestedBytes;
use crate::pickle::known::numpy::{Dtype, Dtypes};
use crate::pickle::known::view::{Build, Call, View};
use crate::pickle::known::{Judged, Outcome};
use crate::pickle::stream::reader::Cursor;
use crate::pickle::stream::text::Text;
use crate::pickle::values::mark::Mark;
use crate::pickle::values::value::{Tag, Value};
use crate::policy::trigger::Shape;

/// Largest array, in bytes: no machine has more.
const MOST_BYTES: u64 = 1 << 47;

/// Most dimensions of an array, in any release, and as many bytes as their numbers have in any spelling.
const DIMENSIONS: u64 = 64;
const FEW_BYTES: u64 = 1 << 12;

/// `_reconstruct(subtype, (0,), b'b')`.
pub fn reconstruct<C: Cursor>(view: &View<'_, C>, call: &Call) -> Judged {
    let class = view.part(call.args, 0).is_some_and(|v| v.is(Tag::Import));
    made_empty(view, call, class, 3)
}

/// `_mareconstruct(subtype, baseclass, (0,), 'b')`.
pub fn masked<C: Cursor>(view: &View<'_, C>, call: &Call) -> Judged {
    let of_numpy = |i| {
        let named = view.part(call.args, i).and_then(|v| view.named(v));
        // scikit-learn before 0.20 brought a class that is numpy's but for its `__getstate__`.
        named.is_some_and(|name| {
            name == ("sklearn.utils.fixes", "MaskedArray")
                || name.0 == "numpy"
                || name.0.starts_with("numpy.")
        })
    };
    if !of_numpy(0) || !of_numpy(1) {
        return Err("it runs `__new__` of something that is no array of numpy".to_owned());
    }
    made_empty(view, call, true, 4)
}

/// As numpy writes it, an array has no memory before its state: what took a view of it would keep what the state
/// frees.
fn made_empty<C: Cursor>(view: &View<'_, C>, call: &Call, classes: bool, count: usize) -> Judged {
    let shape = view.part(call.args, count - 2);
    let empty = shape.is_some_and(|v| view.count(v) == Some(1) && view.part(v, 0) == Some(Value::int(0)));
    let letter = view.part(call.args, count - 1).is_some_and(|v| match v.tag() {
        Tag::Text => view.word(v).as_deref() == Some("b"),
        Tag::Bytes | Tag::Encoded => true,
        _ => false,
    });
    if call.keywords || view.count(call.args) != Some(count) || !classes || !empty || !letter {
        return Err("it makes an array that is not empty, as numpy never does".to_owned());
    }
    // Of a class that nobody listed nothing is known.
    let listed = view.part(call.args, 0).and_then(Value::as_import);
    let listed = listed.is_some_and(|class| view.imports.known(class).triggers.is_some());
    Ok(Outcome::New(if listed { Mark::PLAIN } else { Mark::STORED }))
}

/// `(version, shape, dtype, fortran, data)`, at first without the version. `_mareconstruct`'s has a mask and a
/// fill value as well.
pub fn state<C: Cursor>(
    view: &View<'_, C>,
    dtypes: &mut Dtypes,
    build: &Build,
    masked: bool,
) -> Result<(), String> {
    if view.heap.is_out(build.object) {
        return Err("the state of an array that is in use already".to_owned());
    }
    let part = |i| view.part(build.state, i).unwrap_or(Value::NONE);
    let from = match (view.count(build.state), masked) {
        (Some(5), false) | (Some(7), true) => 1,
        (Some(4), false) => 0,
        _ => return Err("the state of an array has an unknown form".to_owned()),
    };
    if from == 1 && !matches!(part(0).tag(), Tag::Int) {
        return Err("the state of an array has an unknown form".to_owned());
    }
    let (shape, dtype, order, data) = (part(from), part(from + 1), part(from + 2), part(from + 3));
    let dtype = dtypes.get(dtype).ok_or("the type of an array is no literal one")?;
    if !matches!(order.tag(), Tag::Bool | Tag::Int) {
        return Err("the state of an array has an unknown form".to_owned());
    }
    let elements = data_fit(view, dtype, shape, data)?;
    dtypes.stands_for(elements);
    if dtype.object {
        dtypes.holds_objects(build.object);
    }
    if sizes(view, dtype, shape, elements, data) {
        dtypes.is_number();
    }
    if masked {
        let mask = part(from + 4);
        if !matches!(mask.tag(), Tag::Bytes | Tag::Encoded | Tag::Text)
            || !view.is(part(from + 5), Shape::Inert)
        {
            return Err("the mask of an array is not literal".to_owned());
        }
    }
    Ok(())
}

/// Whether an array can be taken for what sizes something: for the number in it where it has no dimensions, for a shape
/// where it has one of as many integers as numpy has dimensions, and one of these is large.
fn sizes<C: Cursor>(view: &View<'_, C>, dtype: Dtype, shape: Value, elements: u64, data: Value) -> bool {
    if !dtype.may_size() {
        return false;
    }
    match view.count(shape) {
        Some(0) => true,
        Some(1) | None if dtype.object => {
            (1..=DIMENSIONS).contains(&elements) && view.heap.mark(data).has(Mark::LARGE)
        }
        Some(1) | None if (1..=DIMENSIONS).contains(&elements) => {
            bytes_of(view, data).is_none_or(|bytes| dtype.holds_large(&bytes))
        }
        _ => false,
    }
}

/// The bytes of few numbers; those of Python 2 stand as text, which numpy takes for latin1.
fn bytes_of<'c, C: Cursor>(view: &View<'c, C>, data: Value) -> Option<Cow<'c, [u8]>> {
    if data.is(Tag::Text) {
        let Text::Str(text) = view.text(data, FEW_BYTES)? else { return None };
        return text
            .chars()
            .map(|c| u8::try_from(u32::from(c)).ok())
            .collect::<Option<Vec<u8>>>()
            .map(Cow::Owned);
    }
    match view.literal_bytes(data)? {
        NestedBytes::Range(start, end) => Some(view.cursor.bytes(start, usize::try_from(end - start).ok()?)),
        NestedBytes::Decoded(bytes) => Some(Cow::Owned(bytes)),
    }
}

/// Whether these are the data of an array of that shape and type; how many elements it has.
fn data_fit<C: Cursor>(view: &View<'_, C>, dtype: Dtype, shape: Value, data: Value) -> Result<u64, String> {
    let elements = match shape.as_int() {
        Some(n) => u64::try_from(n).ok(),
        None => view.heap.tuples.product(shape),
    };
    // A dimension of zero hides what the others are, and numpy multiplies them.
    let mut rest = view.heap.tuples.items(shape).filter_map(Value::as_int).filter(|n| *n > 0);
    let dimensions = rest.try_fold(1u64, |all, n| all.checked_mul(n as u64));
    let size = |elements: Option<u64>| {
        let bytes = elements?.checked_mul(dtype.size?.max(1))?;
        (bytes <= MOST_BYTES).then_some(bytes)
    };
    if size(dimensions).is_none() {
        return Err("an array larger than any memory".to_owned());
    }
    let (Some(elements), Some(item)) = (elements, dtype.size) else {
        return Err("an array whose size cannot be told".to_owned());
    };
    if dtype.object {
        // numpy takes as many items of the list as the shape says, whether they are there or not.
        if view.heap.count(data).filter(|_| data.is(Tag::List)) != Some(elements) {
            return Err(format!("an array of {elements} objects is not given a list of so many"));
        }
        // Those of a record are converted, which runs their methods.
        if dtype.kind != b'O' && !view.is(data, Shape::Inert) {
            return Err("the records of an array hold more than inert data".to_owned());
        }
        return Ok(elements);
    }
    match data.tag() {
        Tag::Bytes | Tag::ByteArray => match view.bytes_len(data) {
            Some(len) if Some(len) == elements.checked_mul(item) => Ok(elements),
            _ => Err("the data of an array are not as many bytes as its shape says".to_owned()),
        },
        // numpy compares the lengths of what it decodes.
        Tag::Encoded | Tag::Text => Ok(elements),
        Tag::Object if view.imports.maker(data).guard == Some(crate::policy::guard::Guard::LiteralBytes) => {
            Ok(elements)
        }
        _ => Err("the data of an array are not literal".to_owned()),
    }
}

/// `_frombuffer(buffer, dtype, shape, order)`: an array that shares the memory of its buffer.
pub fn from_buffer<C: Cursor>(view: &View<'_, C>, dtypes: &mut Dtypes, call: &Call) -> Judged {
    let literal =
        view.part(call.args, 0).is_some_and(|v| matches!(v.tag(), Tag::Bytes | Tag::ByteArray | Tag::Buffer));
    if !literal {
        return Err("its buffer is not literal bytes: over an object array it would show pointers".to_owned());
    }
    let dtype = view.part(call.args, 1).and_then(|v| dtypes.get(v));
    match dtype {
        Some(dtype) if !dtype.object && !call.keywords => {}
        _ => return Err("its type is no literal one without objects".to_owned()),
    }
    let others = |i| view.part(call.args, i).is_none_or(|v| view.is(v, Shape::Plain));
    if !others(2) || !others(3) || view.count(call.args) > Some(4) {
        return Err("its shape is not plain".to_owned());
    }
    // numpy compares the shape with the length of the buffer.
    let shape = view.part(call.args, 2).unwrap_or(Value::NONE);
    dtypes.stands_for(view.heap.tuples.product(shape).unwrap_or(0));
    let data = view.part(call.args, 0).unwrap_or(Value::NONE);
    let elements = view.heap.tuples.product(shape).unwrap_or(0);
    if dtype.is_none_or(|dtype| sizes(view, dtype, shape, elements, data)) {
        dtypes.is_number();
    }
    Ok(Outcome::Object)
}
