//! The header of a safetensors file: eight bytes of length, JSON, and the order in which the data follow.
//!
//! The crate `safetensors` writes what it is given as slices, which a file larger than memory is not.

use std::collections::BTreeMap;

use fickgate_engine::escape;
use fickgate_engine::tensors::dtype::Dtype;
use fickgate_engine::tensors::model::{Model, Tensor};
use fickgate_engine::tensors::refusal::{Failure, refused};
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::convert::names::Names;

/// `MAX_HEADER_SIZE` of the format's own reader.
const MOST: usize = 100_000_000;
/// What the data are aligned to.
const ALIGNMENT: usize = 8;

/// A header.
#[derive(Debug)]
pub struct Header {
    /// Length and JSON.
    pub bytes: Vec<u8>,
    /// Indices of the tensors, in the order of their data: those of large elements first, so that each is aligned.
    pub order: Vec<usize>,
}

/// What the header says of a tensor.
#[derive(serde::Serialize)]
struct Entry {
    dtype: &'static str,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

/// The JSON, in the order of the data.
struct Document<'n> {
    texts: &'n BTreeMap<String, String>,
    entries: Vec<(&'n str, Entry)>,
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !self.texts.is_empty() {
            map.serialize_entry("__metadata__", self.texts)?;
        }
        for (name, entry) in &self.entries {
            map.serialize_entry(name, entry)?;
        }
        map.end()
    }
}

impl Header {
    /// The header for these names.
    ///
    /// # Errors
    ///
    /// Where it gets longer than readers of the format take, or a shape has no form there.
    pub fn of(model: &Model, names: &Names) -> Result<Header, Failure> {
        let mut order: Vec<usize> = (0..names.tensors.len()).collect();
        let size = |i: &usize| names.tensors.get(*i).map_or(0, |named| named.tensor.dtype.size());
        order.sort_by_key(|i| std::cmp::Reverse(size(i)));
        let mut entries = Vec::new();
        let mut at = 0u64;
        for named in order.iter().filter_map(|i| names.tensors.get(*i)) {
            let tensor = &named.tensor;
            let (Some(shape), Some(end)) = (shape(tensor), tensor.bytes().and_then(|n| at.checked_add(n)))
            else {
                let name = escape::name(&named.name);
                return refused(
                    &model.member,
                    tensor.at,
                    format_args!("`{name}` has a shape that safetensors has no form for"),
                );
            };
            let entry = Entry { dtype: tensor.dtype.as_str(), shape, data_offsets: [at, end] };
            entries.push((named.name.as_str(), entry));
            at = end;
        }
        let mut json = serde_json::to_vec(&Document { texts: &names.texts, entries }).unwrap_or_default();
        json.resize(json.len().next_multiple_of(ALIGNMENT), b' ');
        if json.len() > MOST {
            let reason = format_args!(
                "names and texts need a header of {} bytes, and readers of safetensors take {MOST}",
                json.len()
            );
            return refused(&model.member, None, reason);
        }
        let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
        bytes.extend(json);
        Ok(Header { bytes, order })
    }
}

/// The shape in elements. torch counts pairs of four bits as one, in the last dimension.
fn shape(tensor: &Tensor) -> Option<Vec<u64>> {
    let mut shape = tensor.shape.clone();
    if tensor.dtype == Dtype::F4Pair {
        let last = shape.last_mut()?;
        *last = last.checked_mul(2)?;
    }
    Some(shape)
}
