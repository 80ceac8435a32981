//! Text turned into bytes: how protocols 0 to 2 of Python 3 spell `bytes`.

use std::borrow::Cow;

use crate::pickle::known::view::{Call, View};
use crate::pickle::known::{Judged, Outcome};
use crate::pickle::stream::opcode as op;
use crate::pickle::stream::reader::Cursor;
use crate::pickle::values::value::{Tag, Value};
use crate::policy::trigger::Shape;

/// Codecs that are followed. The lowest bits of an encoded value hold the position.
const CODECS: [&[&str]; 3] =
    [&["latin1", "latin-1", "iso-8859-1", "iso8859-1"], &["utf-8", "utf8"], &["ascii", "us-ascii"]];

/// Bytes of zeros that `bytes(n)` may make.
const ZEROS: i64 = 1 << 10;

/// `_codecs.encode(text, codec)`.
pub fn encode<C: Cursor>(view: &View<'_, C>, call: &Call) -> Judged {
    if call.code == op::NEWOBJ_EX {
        return Err("it is called in a way that no pickler writes".to_owned());
    }
    match encoded(view, call.args, Some("utf-8")) {
        Some(value) => Ok(Outcome::Value(value)),
        None => Err("encode is not given literal text and latin1, utf-8 or ascii".to_owned()),
    }
}

/// `bytes(…)` and `bytearray(…)`.
pub fn bytes<C: Cursor>(view: &View<'_, C>, call: &Call) -> Judged {
    // Keyword arguments decide with the others what comes of it.
    if call.code == op::NEWOBJ_EX || call.keywords {
        return Err("it is called in a way that no pickler writes".to_owned());
    }
    let Some(first) = view.part(call.args, 0) else { return Ok(Outcome::Object) };
    match first.tag() {
        Tag::Bytes | Tag::Encoded => Ok(Outcome::Value(first)),
        Tag::ByteArray => Ok(Outcome::Object),
        Tag::Text => match encoded(view, call.args, None) {
            Some(value) => Ok(Outcome::Value(value)),
            None => Err("it is not given literal text and latin1, utf-8 or ascii".to_owned()),
        },
        Tag::Int | Tag::Bool if first.as_int().is_none_or(|n| n <= ZEROS) => Ok(Outcome::Object),
        Tag::List | Tag::Tuple if view.is(first, Shape::Plain) => Ok(Outcome::Object),
        Tag::Object if view.imports.maker(first).guard == view.imports.known(call.import).guard => {
            Ok(Outcome::Object)
        }
        _ => Err("it is not given literal bytes or text".to_owned()),
    }
}

/// `(text, codec)` as an encoded value. `default` is the codec of a call without one.
fn encoded<C: Cursor>(view: &View<'_, C>, args: Value, default: Option<&str>) -> Option<Value> {
    let text = view.part(args, 0).filter(|v| v.is(Tag::Text))?;
    // A third argument says what becomes of characters that the codec does not have.
    let codec = match (view.count(args)?, view.part(args, 1)) {
        (1, None) => Cow::Borrowed(default?),
        (2, Some(codec)) => Cow::Owned(view.word(codec)?),
        _ => return None,
    };
    let folded = || codec.bytes().map(|b| if b == b'_' { b'-' } else { b.to_ascii_lowercase() });
    let codec = CODECS.iter().position(|names| names.iter().any(|name| name.bytes().eq(folded())))?;
    Some(Value::new(Tag::Encoded, text.payload() << 2 | codec as u64))
}
