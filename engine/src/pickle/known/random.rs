//! Random generators: numpy's constructors, which call what they are given, and the states of numpy's and Python's.

use crate::pickle::known::view::{Build, Call, View};
use crate::pickle::known::{Judged, Outcome};
use crate::pickle::stream::reader::Cursor;
use crate::pickle::values::mark::Mark;
use crate::pickle::values::value::{Tag, Value};

const BIT_GENERATORS: &[(&str, &str)] = &[
    ("numpy.random._mt19937", "MT19937"),
    ("numpy.random._pcg64", "PCG64"),
    ("numpy.random._pcg64", "PCG64DXSM"),
    ("numpy.random._philox", "Philox"),
    ("numpy.random._sfc64", "SFC64"),
];

/// `__randomstate_ctor(bit_generator, constructor)` and its like.
pub fn constructor<C: Cursor>(view: &View<'_, C>, call: &Call) -> Judged {
    let fine = view.heap.tuples.items(call.args).all(|v| match view.named(v) {
        Some(("numpy.random._pickle", "__bit_generator_ctor")) => true,
        Some(import) => BIT_GENERATORS.contains(&import),
        None => v.is(Tag::Text) || view.made_by(v).is_some_and(|(_, name)| name == "__bit_generator_ctor"),
    });
    if call.keywords || view.count(call.args) > Some(4) || !fine {
        return Err("it is given something else than numpy's own generators".to_owned());
    }
    Ok(Outcome::New(Mark::PLAIN))
}

/// Words of the key of a Mersenne twister, and of the buffer of Philox (numpy 2.4.6, `random/src/mt19937/mt19937.h`,
/// `philox/philox.h`). A position is an index into them that nobody checks.
const KEY: i64 = 624;
const BUFFER: i64 = 4;

/// How deep dicts lie in the state of a generator: `({"state": {"pos": 624}}, seed_sequence)`.
const DEPTH: u8 = 4;

/// The state of one of numpy's generators: its positions lie inside what they are positions of.
pub fn state<C: Cursor>(view: &View<'_, C>, build: &Build) -> Result<(), String> {
    positions(view, build.state, DEPTH)
}

fn positions<C: Cursor>(view: &View<'_, C>, value: Value, depth: u8) -> Result<(), String> {
    let within = |position: Value, most: i64| match position.as_int() {
        Some(at) if (0..=most).contains(&at) => Ok(()),
        _ => Err(format!("a position in its numbers has to be an integer from 0 to {most}")),
    };
    // joblib stores the array of numbers beside the pickle.
    let arrays = |(module, name): (&str, &str)| {
        module.starts_with("numpy") || module.ends_with("joblib.numpy_pickle") && name == "NumpyArrayWrapper"
    };
    match value.tag() {
        Tag::Tuple | Tag::Dict if depth == 0 => Err("its state goes deeper than numpy writes it".to_owned()),
        Tag::Tuple => {
            // `RandomState.__setstate__` before numpy 1.17: name, key, position, and a number that is left over.
            if let (Some(Tag::Text), Some(position)) =
                (view.part(value, 0).map(Value::tag), view.part(value, 2))
            {
                within(position, KEY)?;
            }
            view.heap.tuples.items(value).try_for_each(|part| positions(view, part, depth - 1))
        }
        Tag::Dict => {
            let Some(items) = view.items(value) else {
                return Err("the parts of its state cannot be followed".to_owned());
            };
            items.iter().try_for_each(|(key, part)| match view.word(*key).as_deref() {
                Some("pos") => within(*part, KEY),
                Some("buffer_pos") => within(*part, BUFFER),
                Some(_) => positions(view, *part, depth - 1),
                None => Err("a part of its state has no literal name".to_owned()),
            })
        }
        Tag::Object if view.made_by(value).is_some_and(arrays) => Ok(()),
        Tag::None | Tag::Bool | Tag::Int | Tag::BigInt | Tag::Float | Tag::Text => Ok(()),
        _ => Err("its state holds something else than numpy writes there".to_owned()),
    }
}

/// The state of `random.Random`: `(version, (integer, …), None or float)`. `Random.setstate` takes the remainder of each
/// part of version 2, and `%` formats text (CPython 3.13, Lib/random.py).
pub fn twister<C: Cursor>(view: &View<'_, C>, build: &Build) -> Result<(), String> {
    let part = |i| view.part(build.state, i);
    let integer = |v: Value| matches!(v.tag(), Tag::Int | Tag::BigInt);
    let numbers =
        part(1).filter(|v| v.is(Tag::Tuple)).is_some_and(|v| view.heap.tuples.items(v).all(integer));
    let rest = part(2).is_some_and(|v| matches!(v.tag(), Tag::None | Tag::Float));
    if view.count(build.state) == Some(3) && part(0).is_some_and(integer) && numbers && rest {
        return Ok(());
    }
    Err("its state is no version, tuple of integers and number that is left over".to_owned())
}
