//! `numpy.random` constructors, which call what they are given.

use crate::pickle::known::view::{Call, View};
use crate::pickle::known::{Judged, Outcome};
use crate::pickle::stream::reader::Cursor;
use crate::pickle::values::mark::Mark;
use crate::pickle::values::value::Tag;

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
