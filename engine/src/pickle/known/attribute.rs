//! Imports in other words. `getattr(import, name)`: below protocol 4 picklers write so what `module` and
//! `Outer.Inner` name from there on, and for methods of classes in any protocol. `_ufunc_reconstruct(module, name)`:
//! how numpy wrote its ufuncs before 1.20.

use crate::pickle::known::view::{Call, View};
use crate::pickle::known::{Judged, Outcome};
use crate::pickle::stream::opcode as op;
use crate::pickle::stream::reader::Cursor;

/// Longest name with the attributes that `getattr` adds to it, in bytes.
const ATTRIBUTE: usize = 256;

/// Where numpy and SciPy keep ufuncs.
const UFUNCS: &[&str] = &[
    "numpy",
    "numpy.core.umath",
    "numpy.core._multiarray_umath",
    "numpy._core.umath",
    "numpy._core._multiarray_umath",
    "scipy.special",
    "scipy.special._ufuncs",
];

/// `getattr(import, name)`, or the method of a distribution that SciPy wraps.
pub fn getattr<C: Cursor>(view: &View<'_, C>, call: &Call) -> Judged {
    if is_entropy(view, call) {
        return Ok(Outcome::Object);
    }
    let attribute = || {
        let owner = view.part(call.args, 0)?.as_import()?;
        let attribute = view.part(call.args, 1).and_then(|v| view.word(v))?;
        let plain = |c: char| c == '_' || c.is_ascii_alphanumeric();
        let owner = view.imports.get(owner)?;
        let name = format!("{}.{attribute}", owner.name);
        let named = !attribute.is_empty() && attribute.chars().all(plain) && name.len() <= ATTRIBUTE;
        let written = call.code == op::REDUCE && !call.keywords && view.count(call.args) == Some(2);
        (named && written).then(|| Outcome::Attribute { module: owner.module.clone(), name })
    };
    attribute()
        .ok_or_else(|| "it reaches into something else than a literal import by a literal name".to_owned())
}

/// A discrete distribution keeps `vectorize(self._entropy)`: a method of its own class, bound to it. An object cannot
/// be called by what is in the stream.
fn is_entropy<C: Cursor>(view: &View<'_, C>, call: &Call) -> bool {
    let part = |i| view.part(call.args, i);
    let distribution =
        |v| view.made_by(v).is_some_and(|(module, _)| module == "scipy.stats._discrete_distns");
    call.code == op::REDUCE
        && !call.keywords
        && view.count(call.args) == Some(2)
        && part(0).is_some_and(distribution)
        && part(1).and_then(|v| view.word(v)).as_deref() == Some("_entropy")
}

/// `numpy.core._ufunc_reconstruct(module, name)`: `getattr(__import__(module, fromlist=[name]), name)`. Releases before
/// 1.14 had no `fromlist` and looked into `numpy` itself, so the module is one of those that share their ufuncs with it.
pub fn ufunc<C: Cursor>(view: &View<'_, C>, call: &Call) -> Judged {
    let import = || {
        let word = |i| view.part(call.args, i).and_then(|v| view.word(v));
        let (module, name) = (word(0)?, word(1)?);
        let plain = |c: char| c == '_' || c.is_ascii_alphanumeric();
        let named = !name.is_empty() && name.chars().all(plain) && name.len() <= ATTRIBUTE;
        let written = call.code == op::REDUCE && !call.keywords && view.count(call.args) == Some(2);
        (named && written && UFUNCS.contains(&module.as_str())).then_some(Outcome::Attribute { module, name })
    };
    import().ok_or_else(|| {
        "it imports something else than a ufunc, by a module and a name that are text".to_owned()
    })
}
