//! `torch.save` before 1.6: five pickles, and the storages behind them (`torch/serialization.py`, `_legacy_load`).

use std::collections::HashMap;
use std::ops::Range;

use crate::content::Content;
use crate::escape;
use crate::facts::StorageId;
use crate::limits::Limits;
use crate::reading::torch as layout;
use crate::tensors::dtype::Dtype;
use crate::tensors::evaluate::evaluate;
use crate::tensors::model::{Form, Model, Node, Storage};
use crate::tensors::refusal::{Failure, refused};

/// `PROTOCOL_VERSION`.
const VERSION: i128 = 1001;

/// Reads content that begins with torch's magic number; `None` for any other.
pub fn read(content: &Content, limits: &Limits) -> Result<Option<Model>, Failure> {
    let head = content.read_range(0, 2)?;
    if !matches!(head.as_slice(), [0x80, 2..=5] | [b'L', _]) {
        return Ok(None);
    }
    let Ok(magic) = evaluate(content, 0, "", limits) else { return Ok(None) };
    if !layout::is_magic(content, 0, magic.end)? || !matches!(magic.root, Node::Int(_)) {
        return Ok(None);
    }
    let version = evaluate(content, magic.end, "", limits)?;
    if !matches!(version.root, Node::Int(VERSION)) {
        return refused(
            "",
            magic.end,
            format_args!("a version of torch's legacy layout other than {VERSION}"),
        );
    }
    // What machine wrote it; torch.load does not look at it, and storages are little-endian on all.
    let system = evaluate(content, version.end, "", limits)?;
    let object = evaluate(content, system.end, "", limits)?;
    let keys = evaluate(content, object.end, "", limits)?;
    let ids: Vec<StorageId> = object
        .storages
        .iter()
        .map(|name| StorageId {
            class: name.class.clone(),
            key: name.key.clone(),
            elements: Some(name.elements),
            offset: name.at,
        })
        .collect();
    let placed = match layout::storages(content, object.end, keys.end, &ids, limits)? {
        Ok(placed) => placed,
        Err(broken) => return refused("", broken.offset, broken.message),
    };
    let end = placed.last().map_or(keys.end, |storage| storage.data.end);
    if end != content.len() {
        return refused("", end, "bytes behind the last storage");
    }
    let mut by_key: HashMap<&str, Range<u64>> = HashMap::new();
    for storage in &placed {
        if by_key.insert(&storage.key, storage.data.clone()).is_some() {
            let key = escape::name(&storage.key);
            return refused(
                "",
                storage.data.start,
                format_args!("the storage {key} stands in the file twice"),
            );
        }
    }
    let mut storages = Vec::new();
    for name in &object.storages {
        let key = escape::name(&name.key);
        let Some(data) = by_key.get(name.key.as_str()) else {
            return refused("", name.at, format_args!("the storage {key}, which does not stand in the file"));
        };
        if name.class == "UntypedStorage" || !matches!(Dtype::of_storage(&name.class), Some(Ok(_))) {
            return refused("", name.at, "a storage of a class that torch's legacy layout does not have");
        }
        storages.push(Storage { member: key, content: content.slice(data.clone()), big_endian: false });
    }
    Ok(Some(Model { form: Form::TorchLegacy, member: String::new(), root: object.root, storages }))
}
