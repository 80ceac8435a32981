//! `torch.save` as a zip: one pickle, and each storage a member (`torch/serialization.py`, `_load`).

use std::collections::{HashMap, HashSet};

use crate::escape;
use crate::limits::Limits;
use crate::tensors::archive::Part;
use crate::tensors::dtype::Dtype;
use crate::tensors::evaluate::evaluate;
use crate::tensors::model::{Form, Model, Storage};
use crate::tensors::objects::StorageName;
use crate::tensors::refusal::{Failure, refused};

/// Members beside the pickle and the storages.
const BESIDE: &[&str] =
    &["version", "byteorder", ".data/serialization_id", ".format_version", ".storage_alignment"];

/// Reads a zip that has a `data.pkl`; `None` for any other.
pub fn read(parts: &[Part], limits: &Limits) -> Result<Option<Model>, Failure> {
    let is_pickle = |name: &str| name == "data.pkl" || name.ends_with("/data.pkl");
    let Some(pickle) = parts.iter().find(|part| is_pickle(&part.name)) else { return Ok(None) };
    let folder = pickle.name.strip_suffix("data.pkl").unwrap_or_default();
    let mut records: HashMap<&str, &Part> = HashMap::new();
    let mut big_endian = false;
    for part in parts {
        let shown = escape::name(&part.name);
        let Some(name) = part.name.strip_prefix(folder) else {
            return refused(&shown, None, "a member outside of the folder that the pickle lies in");
        };
        match name {
            "data.pkl" => {}
            "byteorder" => {
                big_endian = match part.content.read_range(0, 16)?.as_slice() {
                    b"little" => false,
                    b"big" => true,
                    _ => return refused(&shown, 0, "a byte order that is neither little nor big"),
                }
            }
            name if BESIDE.contains(&name) => {}
            name if name.strip_prefix("data/").is_some_and(|key| !key.is_empty()) => {
                records.insert(name.strip_prefix("data/").unwrap_or_default(), part);
            }
            "constants.pkl" => {
                return refused(&shown, None, "a TorchScript archive, whose code is more than tensors");
            }
            name if name.starts_with("code/") => {
                return refused(&shown, None, "a TorchScript archive, whose code is more than tensors");
            }
            _ => return refused(&shown, None, "a member that torch.save does not write"),
        }
    }
    let member = escape::name(&pickle.name);
    let evaluated = evaluate(&pickle.content, 0, &member, limits)?;
    if evaluated.end != pickle.content.len() {
        return refused(&member, evaluated.end, "bytes behind the pickle");
    }
    let mut storages = Vec::new();
    for name in &evaluated.storages {
        storages.push(storage(name, &records, big_endian, &member)?);
    }
    let keys: HashSet<&str> = evaluated.storages.iter().map(|name| name.key.as_str()).collect();
    let unused = records.iter().filter(|(key, _)| !keys.contains(*key)).map(|(_, part)| &part.name).min();
    if let Some(name) = unused {
        return refused(&escape::name(name), None, "a storage that no tensor of the pickle lies in");
    }
    Ok(Some(Model { form: Form::TorchZip, member, root: evaluated.root, storages }))
}

/// The member that a storage is.
fn storage(
    name: &StorageName,
    records: &HashMap<&str, &Part>,
    big_endian: bool,
    member: &str,
) -> Result<Storage, Failure> {
    let key = escape::name(&name.key);
    if name.part.is_some() {
        return refused(member, name.at, "a persistent id of torch's legacy layout in its zip layout");
    }
    let Some(Ok(dtype)) = Dtype::of_storage(&name.class) else {
        return refused(member, name.at, "a storage of a class that is not known");
    };
    let Some(record) = records.get(name.key.as_str()) else {
        return refused(member, name.at, format_args!("the storage {key}, which the archive does not have"));
    };
    let shown = escape::name(&record.name);
    let (said, found) = (name.elements.checked_mul(dtype.size()), record.content.len());
    if said != Some(found) {
        let said = said.map_or("more than any file has".to_owned(), |n| format!("{n}"));
        return refused(
            &shown,
            None,
            format_args!("a storage of {found} bytes, of which the pickle says {said}"),
        );
    }
    // torch swaps what has a type; what gets its type from the tensor over it stays as it is.
    if big_endian && name.class == "UntypedStorage" {
        return refused(
            &shown,
            None,
            "a storage without a type in a file of a big-endian machine, which torch misreads",
        );
    }
    Ok(Storage { member: shown, content: record.content.clone(), big_endian })
}
