//! `getattr(import, name)`: below protocol 4 picklers write so what `module` and `Outer.Inner` name from there
//! on, and for methods of classes in any protocol.

use crate::pickle::known::view::{Call, View};
use crate::pickle::known::{Judged, Outcome};
use crate::pickle::stream::opcode as op;
use crate::pickle::stream::reader::Cursor;

/// Longest name with the attributes that `getattr` adds to it, in bytes.
const ATTRIBUTE: usize = 256;

/// `getattr(import, name)`.
pub fn getattr<C: Cursor>(view: &View<'_, C>, call: &Call) -> Judged {
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
