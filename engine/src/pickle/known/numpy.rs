//! `numpy.dtype` and `scalar` as pickles spell them. The C code of numpy trusts the state of a dtype
//! (`numpy/_core/src/multiarray/descriptor.c`, `arraydescr_setstate`), so it is checked here: fields side by
//! side inside the item, sizes that are sizes, and flags that agree with the types.

use std::collections::{HashMap, HashSet};

use crate::pickle::known::view::{Build, Call, View};
use crate::pickle::known::{Judged, Outcome};
use crate::pickle::stream::opcode as op;
use crate::pickle::stream::reader::Cursor;
use crate::pickle::stream::text::Text;
use crate::pickle::values::heap::Walk;
use crate::pickle::values::mark::Mark;
use crate::pickle::values::value::{Tag, Value};
use crate::policy::trigger::Shape;

/// Flags of a dtype (`numpy/ndarraytypes.h`).
const ITEM_REFCOUNT: i64 = 0x01;
const LIST_PICKLE: i64 = 0x02;
const NEEDS_INIT: i64 = 0x08;
const NEEDS_PYAPI: i64 = 0x10;
const ALIGNED: i64 = 0x80;

/// Flags of types without objects, and further ones of those with some.
const PLAIN_FLAGS: i64 = NEEDS_INIT | NEEDS_PYAPI | ALIGNED;
const OBJECT_FLAGS: i64 = ITEM_REFCOUNT | LIST_PICKLE;

/// Largest item of zeros that is made without data, in bytes.
const ZEROS: u64 = 1 << 10;

/// Largest item and largest array, in bytes: no machine has more.
const MOST_BYTES: u64 = 1 << 47;

/// What is known about a dtype.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dtype {
    /// Size of an item in bytes, where it is known.
    pub size: Option<u64>,
    /// Whether items hold references to objects.
    pub object: bool,
    /// Type character: `f`, `i`, `O`, `V`, `S`, `U`, `M`…
    pub kind: u8,
    /// Whether the first byte of a number is the most significant.
    pub big_endian: bool,
}

impl Dtype {
    /// Whether items are integers, or objects that may be, of more than a size that costs nothing.
    pub fn may_size(self) -> bool {
        let integer =
            matches!(self.kind, b'i' | b'u' | b'l' | b'L' | b'q' | b'Q' | b'I' | b'p' | b'P' | b'n' | b'N');
        self.object || integer && self.size.is_none_or(|size| size > 2)
    }

    /// Whether one of these integers is beyond what may size something.
    pub fn holds_large(self, bytes: &[u8]) -> bool {
        let signed = matches!(self.kind, b'i' | b'l' | b'q' | b'p' | b'n');
        let large = |item: &[u8]| {
            let digit = |all: u128, byte: &u8| all << 8 | u128::from(*byte);
            let value =
                if self.big_endian { item.iter().fold(0, digit) } else { item.iter().rev().fold(0, digit) };
            let whole = 1u128 << (8 * item.len());
            let negative = signed && value >= whole / 2;
            (if negative { whole - value } else { value }) > u128::from(Mark::SMALL)
        };
        let size =
            self.size.and_then(|size| usize::try_from(size).ok()).filter(|size| (1..=8).contains(size));
        size.is_none_or(|size| bytes.chunks(size).any(large))
    }
}

impl Dtype {
    /// Whether many scalars that are not equal have one hash: those of complex numbers, and of floats that a double does
    /// not hold.
    pub fn collides(self) -> bool {
        matches!(self.kind, b'c' | b'F' | b'D' | b'G' | b'g')
            || self.kind == b'f' && self.size.is_none_or(|size| size > 8)
    }
}

/// Fields of all dtypes of a stream that are looked at. A dtype has a few, and each is written once.
const MAX_FIELDS: usize = 1 << 20;

/// The dtypes of one stream.
#[derive(Default)]
pub struct Dtypes {
    by_object: HashMap<Value, Dtype>,
    /// Scalars that are text, or may be.
    texts: HashSet<Value>,
    /// Arrays of objects, or of records that hold some.
    objects: HashSet<Value>,
    /// Fields looked at so far.
    fields: usize,
    /// What was found out about what was judged last: things that it stands for, and whether it is an integer that
    /// may size something.
    things: u64,
    number: bool,
    /// Characters that ranges of regular expressions have gone through.
    characters: u64,
}

/// Type characters that numpy knows, without the variable-width strings of numpy 2 (`T`).
const TYPES: &str = "?bhilqpnuBHILQPNefdgFDGcSaUVOMm";

/// A type string: byte order, a type character, digits, a unit in brackets.
fn parse(text: &str) -> Option<Dtype> {
    let body = text.strip_prefix(['<', '>', '=', '|']).unwrap_or(text);
    let mut chars = body.chars();
    let kind = chars.next().filter(|c| TYPES.contains(*c))?;
    let rest = chars.as_str();
    let (digits, unit) = rest.split_at(rest.find('[').unwrap_or(rest.len()));
    let dated = unit.ends_with(']') && matches!(kind, 'M' | 'm');
    if !unit.is_empty() && !dated {
        return None;
    }
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let count: Option<u64> = if digits.is_empty() { None } else { Some(digits.parse().ok()?) };
    let size = match (kind, count) {
        ('U', n) => n.unwrap_or(0).checked_mul(4),
        ('S' | 'a' | 'V', n) => Some(n.unwrap_or(0)),
        ('O' | 'M' | 'm', _) => Some(8),
        ('b' | 'i' | 'u' | 'f' | 'c', Some(n)) => Some(n),
        ('?' | 'b' | 'B' | 'c', None) => Some(1),
        ('h' | 'H' | 'e', None) => Some(2),
        ('i' | 'I' | 'f', None) => Some(4),
        ('q' | 'Q' | 'd' | 'F', None) => Some(8),
        ('D', None) => Some(16),
        _ => None,
    };
    Some(Dtype { size, object: kind == 'O', kind: kind as u8, big_endian: text.starts_with('>') })
}

/// `numpy.dtype(type, align, copy)`.
pub fn dtype<C: Cursor>(view: &View<'_, C>, dtypes: &mut Dtypes, call: &Call) -> Judged {
    if call.code != op::REDUCE || call.keywords {
        return Err("dtype is made in a way that no pickler writes".to_owned());
    }
    let first = view.part(call.args, 0);
    let record = first.and_then(|v| view.named(v)).is_some_and(|(module, name)| {
        matches!(name, "record" | "void") && (module == "numpy" || module.starts_with("numpy."))
    });
    let dtype = match first.and_then(|v| view.text(v, 64)) {
        Some(Text::Str(text)) => parse(&text),
        _ if record => Some(Dtype { size: Some(0), object: false, kind: b'V', big_endian: false }),
        _ => None,
    };
    let Some(dtype) = dtype else {
        return Err("dtype is not given one plain type string such as 'f8'".to_owned());
    };
    // Without `copy` the type that all arrays share is handed out, and a state would change that.
    let flag = |i| view.part(call.args, i).is_none_or(|v| matches!(v.tag(), Tag::Bool | Tag::Int));
    let copied = view.part(call.args, 2).is_some_and(|v| match v.tag() {
        Tag::Bool => v.payload() == 1,
        _ => v.as_int().is_some_and(|n| n != 0),
    });
    if !flag(1) || !flag(2) || view.count(call.args) > Some(3) {
        return Err("dtype is made in a way that no pickler writes".to_owned());
    }
    dtypes.sizes(dtype);
    dtypes.by_object.insert(call.object, dtype);
    Ok(if copied { Outcome::New(Mark::PLAIN) } else { Outcome::Shared })
}

/// The state of a dtype.
pub fn dtype_state<C: Cursor>(view: &View<'_, C>, dtypes: &mut Dtypes, build: &Build) -> Result<(), String> {
    let Some(mut dtype) = dtypes.by_object.remove(&build.object) else {
        return Err("the state of a dtype that was not made from a type string".to_owned());
    };
    // On one that something holds already it would change what was checked.
    if view.heap.is_out(build.object) {
        return Err("the state of a dtype that is in use already".to_owned());
    }
    checked(view, dtypes, &mut dtype, build.state)?;
    dtypes.sizes(dtype);
    dtypes.by_object.insert(build.object, dtype);
    Ok(())
}

/// `scalar(dtype, bytes)`: a number, text or a record.
pub fn scalar<C: Cursor>(view: &View<'_, C>, dtypes: &mut Dtypes, call: &Call) -> Judged {
    let known = view.part(call.args, 0).and_then(|v| dtypes.get(v));
    if known.is_none_or(|dtype| dtype.kind == b'U') {
        dtypes.texts.insert(call.object);
    }
    // Without its bytes it is a zero; text stands for bytes of Python 2.
    let data = view.part(call.args, 1);
    let literal = data
        .is_none_or(|v| matches!(v.tag(), Tag::Bytes | Tag::Encoded | Tag::Text) && view.is(v, Shape::Plain));
    // An integer may be taken for a size.
    if known.is_none_or(Dtype::may_size) {
        dtypes.is_number();
    }
    match known {
        None => Err("its dtype is no literal one".to_owned()),
        Some(dtype) if dtype.object => {
            Err("its dtype holds objects: it gives what is in its arguments".to_owned())
        }
        Some(_) if call.keywords || !literal || view.count(call.args) > Some(2) => {
            Err("its bytes are not literal".to_owned())
        }
        Some(Dtype { size, .. }) if data.is_none() && size.is_none_or(|size| size > ZEROS) => {
            Err("it makes zeros, as many as its dtype says".to_owned())
        }
        Some(dtype) => match data.and_then(|v| view.bytes_len(v)).zip(dtype.size) {
            Some((len, size)) if len != size => Err(format!("{len} bytes are no item of {size}")),
            _ => Ok(Outcome::Object),
        },
    }
}

impl Dtypes {
    /// What is judged stands for so many things, all of which a walk over it visits.
    pub fn stands_for(&mut self, things: u64) {
        self.things = self.things.saturating_add(things);
    }

    /// Ranges of so many characters more. False once there are more than `most`.
    pub fn characters(&mut self, more: u64, most: u64) -> bool {
        self.characters = self.characters.saturating_add(more);
        self.characters <= most
    }

    /// What is judged can be taken for an integer, of any size.
    pub fn is_number(&mut self) {
        self.number = true;
    }

    /// What is judged is a type: one of large items sizes what is made with it.
    fn sizes(&mut self, dtype: Dtype) {
        self.number |= dtype.size.is_some_and(|size| size > Mark::SMALL);
    }

    /// What was said of what was judged last.
    pub fn sized(&mut self) -> (Walk, Mark) {
        let things = std::mem::take(&mut self.things);
        let number = std::mem::take(&mut self.number);
        (Walk::of(things), if number { Mark::LARGE } else { Mark::PLAIN })
    }

    /// Whether a scalar may be text.
    pub fn may_be_text(&self, scalar: Value) -> bool {
        self.texts.contains(&scalar)
    }

    /// An array has objects for elements.
    pub fn holds_objects(&mut self, array: Value) {
        self.objects.insert(array);
    }

    /// Whether it does.
    pub fn has_objects(&self, array: Value) -> bool {
        self.objects.contains(&array)
    }

    /// What is known about this value as a dtype.
    pub fn get(&self, value: Value) -> Option<Dtype> {
        self.by_object.get(&value).copied()
    }

    /// Bytes held.
    pub fn held(&self) -> usize {
        self.by_object.len() * 64 + (self.texts.len() + self.objects.len()) * 16
    }
}

/// A field: where it begins and ends, and whether it holds objects.
fn field<C: Cursor>(
    view: &View<'_, C>,
    dtypes: &Dtypes,
    field: Value,
    size: u64,
) -> Result<(u64, u64, bool), &'static str> {
    if !matches!(view.count(field), Some(2 | 3)) {
        return Err("a dtype field of unknown form");
    }
    let inner = view.part(field, 0).and_then(|v| dtypes.get(v)).ok_or("a dtype field of unknown type")?;
    let offset = view.part(field, 1).and_then(Value::as_int).and_then(|n| u64::try_from(n).ok());
    match offset.and_then(|offset| Some((offset, offset.checked_add(inner.size?)?))) {
        Some((start, end)) if end <= size => Ok((start, end, inner.object)),
        _ => Err("a dtype field that lies outside the item"),
    }
}

/// Names and fields of a record; whether it holds objects.
fn record<C: Cursor>(
    view: &View<'_, C>,
    dtypes: &mut Dtypes,
    names: Value,
    fields: Value,
    size: u64,
) -> Result<bool, &'static str> {
    if !names.is(Tag::Tuple) || !fields.is(Tag::Dict) || !view.text_keys(fields, false) {
        return Err("dtype names and fields of unknown form");
    }
    let items = view.items(fields).ok_or("dtype fields that cannot be followed")?;
    dtypes.fields += items.len();
    if dtypes.fields > MAX_FIELDS {
        return Err("more dtype fields than are looked at in one stream");
    }
    let mut by_name = HashMap::new();
    let mut object = false;
    for (key, value) in items {
        let name = view.word(*key).ok_or("a dtype field with a long name")?;
        let placed = field(view, dtypes, *value, size)?;
        object |= placed.2;
        by_name.insert(name, placed);
    }
    // numpy finds the fields by these names, without a look at whether there is one.
    let mut seen = HashSet::new();
    let mut places = Vec::new();
    for name in view.heap.tuples.items(names) {
        let name = view.word(name).ok_or("a dtype field with a long name")?;
        places.push(*by_name.get(&name).ok_or("a dtype name without a field")?);
        if !seen.insert(name) {
            return Err("a dtype name that stands twice");
        }
    }
    places.sort_unstable();
    let apart = places.iter().zip(places.iter().skip(1)).all(|(a, b)| a.1 <= b.0);
    if object && !apart {
        return Err("dtype fields that overlap where objects are: numbers would become pointers");
    }
    Ok(object)
}

/// `(version, byteorder, subarray, names, fields, itemsize, alignment[, flags[, metadata]])`.
fn checked<C: Cursor>(
    view: &View<'_, C>,
    dtypes: &mut Dtypes,
    dtype: &mut Dtype,
    state: Value,
) -> Result<(), &'static str> {
    let part = |i| view.part(state, i).unwrap_or(Value::NONE);
    let count = view.count(state);
    let version = part(0).as_int();
    if !matches!((count, version), (Some(7), Some(0..=2)) | (Some(8), Some(3)) | (Some(9), Some(3 | 4))) {
        return Err("a dtype state of unknown form");
    }
    let order = view.word(part(1));
    if !matches!(order.as_deref(), Some("<" | ">" | "=" | "|")) {
        return Err("a dtype state whose byte order is none");
    }
    dtype.big_endian = order.as_deref() == Some(">");
    let (subarray, names, fields) = (part(2), part(3), part(4));
    let stated = part(5).as_int().ok_or("a dtype state whose item size is not an integer")?;
    let alignment = part(6).as_int().ok_or("a dtype state whose alignment is not an integer")?;
    // numpy takes size and alignment for types of any length, and keeps its own for others.
    if matches!(dtype.kind, b'V' | b'S' | b'a' | b'U') {
        let size = u64::try_from(stated).ok().filter(|size| *size <= i32::MAX as u64);
        let size = size.ok_or("a dtype whose item size is negative, or larger than numpy's")?;
        if dtype.kind == b'U' && size % 4 != 0 {
            return Err("a dtype of text whose item size is not one of characters");
        }
        if !matches!(alignment, 1 | 2 | 4 | 8 | 16 | 32 | 64) {
            return Err("a dtype whose alignment is no power of two");
        }
        dtype.size = Some(size);
    }
    let size = dtype.size.filter(|size| *size <= MOST_BYTES);
    if fields.is(Tag::None) != names.is(Tag::None) {
        return Err("a dtype with names and without fields, or with fields and without names");
    }
    if !fields.is(Tag::None) {
        if dtype.kind != b'V' {
            return Err("fields on a dtype that is not a record");
        }
        let size = size.ok_or("a dtype field that lies outside the item")?;
        // numpy keeps the dict itself.
        dtype.object |= record(view, dtypes, names, fields, size)?;
    }
    if !subarray.is(Tag::None) {
        let base = view.part(subarray, 0).and_then(|v| dtypes.get(v)).ok_or("a subarray of unknown type")?;
        let shape = view.part(subarray, 1).ok_or("a subarray without a shape")?;
        let count = match shape.as_int() {
            Some(n) => u64::try_from(n).ok(),
            None => view.heap.tuples.product(shape),
        };
        let whole = count.zip(base.size).and_then(|(n, s)| n.checked_mul(s));
        if dtype.kind != b'V' || whole.is_none() || whole != size || !fields.is(Tag::None) {
            return Err("a subarray whose size is not that of the item");
        }
        dtype.object |= base.object;
    }
    // Older states have no flags; numpy then derives them.
    if count != Some(7) {
        let flags = part(7).as_int().ok_or("dtype flags that are not an integer")?;
        // A byte with or without a sign. numpy asks types with USE_GETITEM for an array that it does not have at hand.
        let known = if dtype.object { PLAIN_FLAGS | OBJECT_FLAGS } else { PLAIN_FLAGS };
        let getter = dtype.object && (dtype.kind == b'O' || !subarray.is(Tag::None));
        let known = if getter { 0xff } else { known };
        if !(-128..256).contains(&flags) || flags & 0xff & !known != 0 {
            return Err("dtype flags that numpy gives no such type");
        }
        let needed = ITEM_REFCOUNT | LIST_PICKLE | NEEDS_INIT | NEEDS_PYAPI;
        if dtype.object && flags & needed != needed {
            return Err("an object dtype that hides its object flag: raw bytes would become pointers");
        }
        if !dtype.object && flags & (ITEM_REFCOUNT | LIST_PICKLE) != 0 {
            return Err("a dtype that claims to hold objects: raw bytes would become pointers");
        }
    }
    let metadata = part(8);
    if !view.is(metadata, Shape::Plain) {
        return Err("dtype metadata that are not plain");
    }
    // Without its unit, numpy keeps a type of times that ends the process as soon as it is shown.
    if matches!(dtype.kind, b'M' | b'm') {
        let unit = view.part(metadata, 1).filter(|unit| matches!(view.count(*unit), Some(2..=4)));
        let positive = |v: Value| v.as_int().is_some_and(|n| (1..=i64::from(i32::MAX)).contains(&n));
        if !unit.is_some_and(|unit| view.heap.tuples.items(unit).skip(1).all(positive)) {
            return Err("a type of times whose unit is missing, or is not positive");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_that_may_size_something() {
        let holds = |text: &str, bytes: &[u8]| parse(text).is_some_and(|dtype| dtype.holds_large(bytes));
        let most = (1i64 << 20).to_le_bytes();
        assert!(!holds("<i8", &most) && holds("<i8", &(1i64 << 20 | 1).to_le_bytes()));
        assert!(!holds("<i8", &(-5i64).to_le_bytes()) && holds("<u8", &(-5i64).to_le_bytes()));
        assert!(!holds(">i4", &7i32.to_be_bytes()) && holds("<i4", &7i32.to_be_bytes()));
        assert!(holds("<i4", &[1, 0, 0, 0, 0, 0, 0, 1]));
        assert!(holds("<i8", &(-1i64 << 40).to_le_bytes()) && !holds("<i8", &(-1i64 << 20).to_le_bytes()));
        // Two bytes are no size that costs anything; of floats nothing is made as many as they say.
        let sizes = |text: &str| parse(text).is_some_and(Dtype::may_size);
        assert!(!sizes("i2") && sizes("i4") && sizes("u8") && sizes("O") && !sizes("f8"));
    }

    #[test]
    fn scalars_of_one_hash() {
        // Complex numbers hash by a sum, and a long double by the double next to it.
        for code in ["c16", "F", "D", "G", "g", "f16"] {
            assert!(parse(code).is_some_and(Dtype::collides), "{code}");
        }
        for code in ["f8", "f4", "i8", "U4", "O"] {
            assert!(!parse(code).is_some_and(Dtype::collides), "{code}");
        }
    }

    #[test]
    fn type_strings() {
        assert!(parse("u4").is_some() && parse("T").is_none());
        let double = Dtype { size: Some(8), object: false, kind: b'f', big_endian: false };
        assert_eq!(parse("f8"), Some(double));
        assert_eq!(parse("<U10").and_then(|d| d.size), Some(40));
        assert_eq!(parse("M8[ns]").and_then(|d| d.size), Some(8));
        assert!(parse("O").is_some_and(|d| d.object) && parse("|O8").is_some_and(|d| d.object));
        // The sizes of numpy's character codes.
        for (code, size) in [
            ("?", 1),
            ("b", 1),
            ("B", 1),
            ("c", 1),
            ("h", 2),
            ("H", 2),
            ("e", 2),
            ("i", 4),
            ("I", 4),
            ("f", 4),
            ("q", 8),
            ("Q", 8),
            ("d", 8),
            ("F", 8),
            ("D", 16),
            ("S5", 5),
            ("a5", 5),
            ("V3", 3),
            ("S", 0),
        ] {
            assert_eq!(parse(code).and_then(|dtype| dtype.size), Some(size), "{code}");
        }
        for odd in ["i4,O", "(2,)O", "", "O\u{0}", "f8[ns]", "i4 O"] {
            assert_eq!(parse(odd), None, "{odd:?}");
        }
    }
}
