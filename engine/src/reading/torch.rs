//! torch's layouts: how `torch.load` finds pickles and steps over tensors (`torch/serialization.py`).

use std::collections::HashMap;
use std::io;
use std::ops::Range;

use crate::content::Content;
use crate::facts::{Loader, StorageId};
use crate::limits::Limits;
use crate::pickle::machine;
use crate::pickle::machine::trace::{Event, Trace, View};
use crate::pickle::stream::reader::Cursor;
use crate::pickle::stream::text::{self, Text};
use crate::pickle::values::value::{Tag, Value};
use crate::reading::field::u64_le;

/// `MAGIC_NUMBER`, as LONG1 holds it.
const MAGIC: &[u8] = b"\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
/// The same in the digits of protocol 0.
const MAGIC_TEXT: &[u8] = b"119547037146038801333356";

/// Whether a short pickle holds the number with which torch's legacy layout begins.
pub fn is_magic(content: &Content, start: u64, end: u64) -> io::Result<bool> {
    if end - start > 256 {
        return Ok(false);
    }
    let bytes = content.read_range(start, (end - start) as usize)?;
    Ok([MAGIC, MAGIC_TEXT].iter().any(|magic| memchr::memmem::find(&bytes, magic).is_some()))
}

/// Whether a file of torch's tar layout begins with the pickle of 0: nothing but pickles follows.
pub fn counts_none(content: &Content) -> io::Result<bool> {
    let head = content.read_range(0, 6)?;
    let number = match head.as_slice() {
        [0x80, 2..=5, rest @ ..] => rest,
        rest => rest,
    };
    Ok([&b"K\0."[..], b"I0\n."].iter().any(|zero| number.starts_with(zero)))
}

/// Why storages cannot be stepped over.
#[derive(Debug, PartialEq, Eq)]
pub struct Broken {
    /// Offset in the content.
    pub offset: u64,
    /// In words.
    pub message: String,
}

/// Bytes of one element of a storage class.
pub fn element_size(class: &str) -> Option<u64> {
    Some(match class {
        "DoubleStorage" | "LongStorage" | "ComplexFloatStorage" => 8,
        "ComplexDoubleStorage" => 16,
        "FloatStorage" | "IntStorage" | "QInt32Storage" => 4,
        "HalfStorage" | "BFloat16Storage" | "ShortStorage" => 2,
        "ByteStorage" | "CharStorage" | "BoolStorage" | "QUInt8Storage" | "QInt8Storage"
        | "QUInt4x2Storage" | "QUInt2x4Storage" | "UntypedStorage" => 1,
        _ => return None,
    })
}

/// Offset behind the storages of the legacy layout, see [`storages`].
pub fn behind_storages(
    content: &Content,
    keys: u64,
    at: u64,
    ids: &[StorageId],
    limits: &Limits,
) -> io::Result<Result<u64, Broken>> {
    let placed = storages(content, keys, at, ids, limits)?;
    Ok(placed.map(|placed| placed.last().map_or(at, |storage| storage.data.end)))
}

/// A storage of the legacy layout.
#[derive(Debug)]
pub struct Placed {
    /// Its key.
    pub key: String,
    /// Where its elements lie.
    pub data: Range<u64>,
}

/// The storages of the legacy layout, which begin at `at`, behind the list of keys, the
/// pickle at `keys`: for each key in turn the number of elements in eight bytes, then the elements.
pub fn storages(
    content: &Content,
    keys: u64,
    at: u64,
    ids: &[StorageId],
    limits: &Limits,
) -> io::Result<Result<Vec<Placed>, Broken>> {
    let mut list = Keys::default();
    machine::run_traced(content, keys, Loader::Torch, "", limits, &mut list)?;
    let classes: HashMap<&str, &StorageId> = ids.iter().map(|s| (s.key.as_str(), s)).collect();
    let mut at = at;
    let mut placed = Vec::new();
    for key in list.0 {
        let broken = |message: &str| Ok(Err(Broken { offset: at, message: message.to_owned() }));
        // Keys that cannot be told from one another are no place to look anything up.
        let Some(key) = key else {
            return broken("the list of storages has a key that torch does not write");
        };
        let Some(storage) = classes.get(key.as_str()) else {
            return broken("the list of storages names one that the pickle does not");
        };
        let Some(size) = element_size(&storage.class) else {
            return broken("a storage of unknown type, so that its end cannot be told");
        };
        let Some(elements) = u64_le(&content.read_range(at, 8)?, 0) else {
            return broken("the file ends before its last storage");
        };
        if storage.elements.is_some_and(|n| n != elements) {
            return broken("a storage has another size than the pickle says");
        }
        let end = elements.checked_mul(size).and_then(|n| n.checked_add(at)?.checked_add(8));
        match end {
            Some(end) if end <= content.len() && reaches(content, end)? => {
                placed.push(Placed { key, data: at + 8..end });
                at = end;
            }
            _ => return broken("a storage goes beyond the end of the file"),
        }
    }
    Ok(Ok(placed))
}

/// Whether content is at least that long; decompressed content does not know its length before.
fn reaches(content: &Content, end: u64) -> io::Result<bool> {
    Ok(end == 0 || !content.read_range(end - 1, 1)?.is_empty())
}

/// Collects the texts that a pickle puts into its list, `None` for those that are not known as they are.
#[derive(Default)]
struct Keys(Vec<Option<String>>);

/// Longest key: they are numbers.
const KEY: u64 = 64;

impl Trace for Keys {
    fn event<C: Cursor>(&mut self, view: &View<'_, C>, _: u64, event: Event<'_>) {
        let (Event::Items { items, .. } | Event::Container { items, .. }) = event else { return };
        let text = |value: &Value| match text::decode(view.cursor, value.payload(), KEY) {
            Text::Str(text) => Some(text),
            _ => None,
        };
        self.0.extend(items.iter().filter(|v| v.is(Tag::Text)).map(text));
    }
}

/// The members of a zip that a storage of a pickle there can be: beside the pickle in `data/`, in a
/// folder with the pickle's name (TorchScript: `constants.pkl` and `constants/`), or, for
/// torch.package, in `.data/` at the top.
pub fn storage_members(pickle: &str, key: &str) -> [String; 4] {
    let (folder, file) = pickle.rsplit_once('/').map_or(("", pickle), |(folder, file)| (folder, file));
    let folder = if folder.is_empty() { String::new() } else { [folder, "/"].concat() };
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let top = pickle.split_once('/').map_or("", |(top, _)| top);
    [
        [&folder, "data/", key].concat(),
        [&folder, stem, "/", key].concat(),
        [top, "/.data/", key, ".storage"].concat(),
        [top, "/.data/", key].concat(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storages_have_their_places() {
        assert!(storage_members("archive/data.pkl", "0").contains(&"archive/data/0".to_owned()));
        assert!(storage_members("data.pkl", "0").contains(&"data/0".to_owned()));
        assert!(storage_members("m/constants.pkl", "3").contains(&"m/constants/3".to_owned()));
        assert!(storage_members("p/model/model.pkl", "7").contains(&"p/.data/7.storage".to_owned()));
    }
}
