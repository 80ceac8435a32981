//! Files of arrays: `numpy.save` and `numpy.savez` (`numpy/lib/_format_impl.py`, `numpy/lib/_npyio_impl.py`).

use crate::content::Content;
use crate::escape;
use crate::limits::Limits;
use crate::reading::literal::Literal;
use crate::reading::numpy::{self, Array};
use crate::tensors::archive::Part;
use crate::tensors::dtype::Dtype;
use crate::tensors::model::{Form, Key, Mapping, Model, Node, Storage, Tensor};
use crate::tensors::refusal::{Failure, refused};

/// Reads an array file; `None` for anything else.
pub fn read(content: &Content, limits: &Limits) -> Result<Option<Model>, Failure> {
    if content.read_range(0, MAGIC.len())? != MAGIC {
        return Ok(None);
    }
    let (tensor, storage) = array(content, "", 0, limits)?;
    Ok(Some(Model {
        form: Form::Npy,
        member: String::new(),
        root: Node::Tensor(Box::new(tensor)),
        storages: vec![storage],
    }))
}

const MAGIC: &[u8] = b"\x93NUMPY";

/// Reads an archive of array files; `None` for one that holds anything else.
pub fn read_archive(parts: &[Part], limits: &Limits) -> Result<Option<Model>, Failure> {
    if parts.is_empty() || !parts.iter().any(|part| part.name.ends_with(".npy")) {
        return Ok(None);
    }
    let mut mapping = Mapping::default();
    let mut storages = Vec::new();
    for part in parts {
        let shown = escape::name(&part.name);
        // numpy tells arrays by their first bytes, and gives what is none as bytes.
        if part.content.read_range(0, MAGIC.len())? != MAGIC {
            return refused(&shown, None, "a member that is no array");
        }
        let (tensor, storage) = array(&part.content, &shown, storages.len(), limits)?;
        if !part.is_whole()? {
            return refused(&shown, None, "content with another checksum than the directory says");
        }
        let name = part.name.strip_suffix(".npy").unwrap_or(&part.name).to_owned();
        mapping.items.push((Key::Text(name), Node::Tensor(Box::new(tensor))));
        storages.push(storage);
    }
    Ok(Some(Model {
        form: Form::Npz,
        member: String::new(),
        root: Node::Mapping(Box::new(mapping)),
        storages,
    }))
}

/// The one array of an array file.
fn array(
    content: &Content,
    member: &str,
    storage: usize,
    limits: &Limits,
) -> Result<(Tensor, Storage), Failure> {
    let (header, data) = match numpy::header(content, 0, limits)? {
        Ok(found) => found,
        Err(Array::Version(major, minor)) => {
            return refused(
                member,
                6,
                format_args!("version {major}.{minor} of the array format is not known"),
            );
        }
        Err(Array::Long(n)) => return refused(member, 8, format_args!("an array header of {n} bytes")),
        Err(Array::Refused(message)) => return refused(member, 0, message),
        Err(_) => return refused(member, 0, "the header is not understood"),
    };
    let known = |key: &str| header.get(key);
    let (Some(descr), Some(Literal::Bool(fortran)), Some(Literal::Tuple(dims))) =
        (known("descr"), known("fortran_order"), known("shape"))
    else {
        return refused(member, 0, "the header is not a dict of descr, fortran_order and shape");
    };
    let Literal::Str(code) = descr else {
        return refused(
            member,
            0,
            "a structured array, whose fields safetensors does not have: save each field",
        );
    };
    let (dtype, big_endian) = match Dtype::of_numpy(code) {
        Some((Ok(dtype), big)) => (dtype, big),
        Some((Err(reason), _)) => return refused(member, 0, format_args!("an array of {reason}")),
        None if code.contains('O') => {
            return refused(member, 0, "an array of objects: what is behind its header is a pickle");
        }
        None => {
            let code = escape::name(code);
            return refused(
                member,
                0,
                format_args!("an array of {code}, which are no numbers of safetensors"),
            );
        }
    };
    let shape: Option<Vec<u64>> = dims
        .iter()
        .map(|dim| match dim {
            Literal::Int(Some(n)) => u64::try_from(*n).ok(),
            _ => None,
        })
        .collect();
    let Some(shape) = shape else { return refused(member, 0, "a shape that is no tuple of counts") };
    let mut strides = vec![0; shape.len()];
    let mut step = 1u64;
    let order: Vec<usize> =
        if *fortran { (0..shape.len()).collect() } else { (0..shape.len()).rev().collect() };
    for i in order {
        if let (Some(stride), Some(dim)) = (strides.get_mut(i), shape.get(i)) {
            *stride = step;
            step = step.saturating_mul(*dim);
        }
    }
    let tensor =
        Tensor { dtype, shape, strides, offset: 0, storage, conjugated: false, negated: false, at: data };
    let (found, said) = (content.len().saturating_sub(data), tensor.bytes());
    match said {
        Some(said) if said == found => {}
        Some(said) if said < found => {
            return refused(member, data + said, "bytes behind the array, which numpy.load does not read");
        }
        Some(said) => {
            return refused(
                member,
                data,
                format_args!("{found} bytes of data, of which the header says {said}"),
            );
        }
        None => return refused(member, 0, "an array larger than any file"),
    }
    let storage =
        Storage { member: member.to_owned(), content: content.slice(data..content.len()), big_endian };
    Ok((tensor, storage))
}
