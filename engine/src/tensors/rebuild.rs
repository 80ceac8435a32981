//! What the calls in files of tensors make (`torch/_utils.py`, `torch/_tensor.py`, `torch/serialization.py`).

use crate::escape;
use crate::pickle::machine::trace::View;
use crate::pickle::stream::opcode as op;
use crate::pickle::stream::reader::Cursor;
use crate::pickle::values::value::{Tag, Value};
use crate::tensors::dtype::Dtype;
use crate::tensors::model::Tensor;
use crate::tensors::objects::{Made, Name, Objects, Part, StorageName, count, text};

/// A call.
pub struct Call {
    pub at: u64,
    pub code: u8,
    pub args: Value,
    pub kwargs: Option<Value>,
}

/// Whether files of nothing but tensors and literals have this import; if not, why, in words.
pub fn vocabulary(name: &Name) -> Result<(), String> {
    let known = match name.parts() {
        ("collections", "OrderedDict" | "defaultdict" | "Counter") => true,
        ("builtins", "set" | "frozenset" | "dict" | "list" | "int" | "float" | "str" | "bool" | "tuple") => {
            true
        }
        ("torch._utils", function) => match unlike(function) {
            Some(reason) => return Err(reason.to_owned()),
            None => matches!(
                function,
                "_rebuild_tensor"
                    | "_rebuild_tensor_v2"
                    | "_rebuild_tensor_v3"
                    | "_rebuild_parameter"
                    | "_rebuild_parameter_with_state"
            ),
        },
        ("torch._tensor" | "torch.tensor", "_rebuild_from_type_v2") => true,
        ("torch.nn.parameter", "Parameter") => true,
        ("torch", "Size" | "device" | "Tensor") => true,
        ("torch" | "torch.cuda" | "torch.storage", class) if class.ends_with("Storage") => {
            match Dtype::of_storage(class) {
                Some(Err(reason)) => return Err(reason.to_owned()),
                known => known.is_some(),
            }
        }
        ("torch", dtype) => is_dtype(dtype),
        _ => false,
    };
    match known {
        true => Ok(()),
        false => Err(format!(
            "{}.{}, which is more than tensors and literals",
            escape::name(&name.module),
            escape::name(&name.name)
        )),
    }
}

/// Whether a name of torch is that of a type of elements.
pub fn is_dtype(name: &str) -> bool {
    Dtype::of_torch(name).is_some()
}

/// Why what a function of torch makes has no place in a safetensors file.
fn unlike(function: &str) -> Option<&'static str> {
    Some(match function {
        "_rebuild_qtensor" => "a quantized tensor, whose scale and zero point safetensors does not keep",
        "_rebuild_sparse_tensor" | "_rebuild_sparse_csr_tensor" => {
            "a sparse tensor, whose layout safetensors does not have: make it dense before saving it"
        }
        "_rebuild_nested_tensor" => "a nested tensor, which safetensors does not have",
        "_rebuild_meta_tensor_no_storage" => "a tensor of the device meta, which has no data",
        "_rebuild_wrapper_subclass" => "a tensor of a class of its own, without data",
        "_rebuild_device_tensor_from_numpy" | "_rebuild_device_tensor_from_cpu_tensor" => {
            "a tensor that is made anew on another device: move it to the CPU before saving it"
        }
        _ => return None,
    })
}

/// What a call makes, `Err` with the reason where that is no part of a file of tensors.
pub fn made<C: Cursor>(
    objects: &mut Objects,
    view: &View<'_, C>,
    module: &str,
    name: &str,
    call: &Call,
) -> Result<Made, String> {
    let odd = || Err(format!("{module}.{name} in a form that no version of torch writes"));
    if !call.args.is(Tag::Tuple) || call.kwargs.is_some() || call.code != op::REDUCE {
        return odd();
    }
    let args: Vec<Value> = view.tuples.items(call.args).collect();
    match (module, name) {
        ("collections", "OrderedDict") => match args.as_slice() {
            [] => Ok(Made::Mapping { items: Vec::new(), attributes: Vec::new() }),
            [pairs] => {
                let Some(pairs) = objects.sequence(view, *pairs) else { return odd() };
                let mut items = Vec::new();
                for pair in pairs {
                    match objects.sequence(view, pair).as_deref() {
                        Some([key, value]) => items.extend([*key, *value]),
                        _ => return odd(),
                    }
                }
                Ok(Made::Mapping { items, attributes: Vec::new() })
            }
            _ => odd(),
        },
        ("collections", "defaultdict") => match args.as_slice() {
            [] => Ok(Made::Mapping { items: Vec::new(), attributes: Vec::new() }),
            [factory] if factory.is(Tag::None) || factory.is(Tag::Import) => {
                Ok(Made::Mapping { items: Vec::new(), attributes: Vec::new() })
            }
            _ => odd(),
        },
        ("collections", "Counter") => match args.as_slice() {
            [] => Ok(Made::Mapping { items: Vec::new(), attributes: Vec::new() }),
            [dict] if dict.is(Tag::Dict) => {
                Ok(Made::Mapping { items: objects.items(*dict).to_vec(), attributes: Vec::new() })
            }
            _ => odd(),
        },
        ("builtins", "set" | "frozenset") | ("torch", "Size") => match args.as_slice() {
            [] => Ok(Made::Sequence(Vec::new())),
            [items] => match objects.sequence(view, *items) {
                Some(items) => Ok(Made::Sequence(items)),
                None => odd(),
            },
            _ => odd(),
        },
        ("torch", "device") => match args.as_slice() {
            [kind] if kind.is(Tag::Text) => Ok(Made::Text(text(view, *kind)?)),
            [kind, index] if kind.is(Tag::Text) => match count(*index) {
                Some(index) => Ok(Made::Text(format!("{}:{index}", text(view, *kind)?))),
                None => odd(),
            },
            _ => odd(),
        },
        _ => tensor(objects, view, module, name, &args, call.at).map(|tensor| Made::Tensor(Box::new(tensor))),
    }
}

/// The tensor that a function of torch makes.
fn tensor<C: Cursor>(
    objects: &mut Objects,
    view: &View<'_, C>,
    module: &str,
    name: &str,
    args: &[Value],
    at: u64,
) -> Result<Tensor, String> {
    match (module, name, args) {
        ("torch._utils", "_rebuild_tensor", [storage, layout @ ..]) if layout.len() == 3 => {
            over_storage(objects, view, *storage, layout, None, at)
        }
        ("torch._utils", "_rebuild_tensor_v2", [storage, offset, size, stride, _, hooks, rest @ ..])
            if rest.len() <= 1 =>
        {
            objects.hooks.push((*hooks, at));
            let tensor = over_storage(objects, view, *storage, &[*offset, *size, *stride], None, at)?;
            bits(objects, view, rest.first().copied(), tensor)
        }
        (
            "torch._utils",
            "_rebuild_tensor_v3",
            [storage, offset, size, stride, _, hooks, dtype, rest @ ..],
        ) if rest.len() <= 1 => {
            objects.hooks.push((*hooks, at));
            let dtype = match objects.import(*dtype).map(|n| (n.module.as_str(), Dtype::of_torch(&n.name))) {
                Some(("torch", Some(known))) => known?,
                _ => return Err("a tensor of a type of elements that is not known".to_owned()),
            };
            let tensor = over_storage(objects, view, *storage, &[*offset, *size, *stride], Some(dtype), at)?;
            bits(objects, view, rest.first().copied(), tensor)
        }
        ("torch._utils", "_rebuild_parameter", [data, _, hooks]) => {
            objects.hooks.push((*hooks, at));
            of_tensor(objects, *data, at)
        }
        ("torch._utils", "_rebuild_parameter_with_state", [data, _, hooks, state]) => {
            objects.hooks.push((*hooks, at));
            stateless(objects, view, *state)?;
            of_tensor(objects, *data, at)
        }
        ("torch._tensor" | "torch.tensor", "_rebuild_from_type_v2", [function, class, args, state]) => {
            let Some(("torch._utils", function)) = objects.import(*function).map(Name::parts) else {
                return Err("a tensor made by another function than torch's".to_owned());
            };
            match objects.import(*class).map(Name::parts) {
                Some(("torch", "Tensor") | ("torch.nn.parameter", "Parameter")) => {}
                _ => return Err("a tensor of a class of its own".to_owned()),
            }
            stateless(objects, view, *state)?;
            let function = function.to_owned();
            let args: Vec<Value> = view.tuples.items(*args).collect();
            tensor(objects, view, "torch._utils", &function, &args, at)
        }
        _ => Err(format!(
            "what {}.{} makes, which is more than tensors and literals",
            escape::name(module),
            escape::name(name)
        )),
    }
}

/// A tensor again.
fn of_tensor(objects: &Objects, data: Value, at: u64) -> Result<Tensor, String> {
    match objects.made.get(&data).map(|object| (&object.made, object.changed)) {
        Some((Made::Tensor(tensor), false)) => Ok(Tensor { at, ..(**tensor).clone() }),
        _ => Err("a parameter of something that is no tensor".to_owned()),
    }
}

/// Attributes that Python code gave to a tensor have no place in the file.
fn stateless<C: Cursor>(objects: &Objects, view: &View<'_, C>, state: Value) -> Result<(), String> {
    let empty = |value: Value| value.is(Tag::None) || objects.pairs(value).is_some_and(<[Value]>::is_empty);
    let none = match view.tuples.len(state) {
        Some(_) => view.tuples.items(state).all(empty),
        None => empty(state),
    };
    if none { Ok(()) } else { Err("a tensor with attributes of its own".to_owned()) }
}

/// `metadata`: the bits of a view that torch resolves when it is read.
fn bits<C: Cursor>(
    objects: &Objects,
    view: &View<'_, C>,
    metadata: Option<Value>,
    mut tensor: Tensor,
) -> Result<Tensor, String> {
    let Some(metadata) = metadata.filter(|value| !value.is(Tag::None)) else { return Ok(tensor) };
    let unknown = || Err("a tensor with metadata that is not known".to_owned());
    let Some(pairs) = objects.pairs(metadata) else { return unknown() };
    for pair in pairs.chunks_exact(2) {
        let &[key, value] = pair else { continue };
        let set = match value.tag() {
            Tag::Bool => value.payload() != 0,
            _ => return unknown(),
        };
        match key.is(Tag::Text).then(|| text(view, key)).transpose()?.as_deref() {
            Some("conj") => tensor.conjugated = set,
            Some("neg") => tensor.negated = set,
            _ => return unknown(),
        }
    }
    if tensor.conjugated && tensor.dtype != Dtype::C64 || tensor.negated && !tensor.dtype.has_sign_bit() {
        return Err("a view with other signs of numbers that have none".to_owned());
    }
    Ok(tensor)
}

/// A tensor over a storage: offset, size and stride.
fn over_storage<C: Cursor>(
    objects: &mut Objects,
    view: &View<'_, C>,
    storage: Value,
    layout: &[Value],
    dtype: Option<Dtype>,
    at: u64,
) -> Result<Tensor, String> {
    let &[offset, size, stride] = layout else { return Err("a tensor without a layout".to_owned()) };
    let storage = storage_name(objects, view, storage)?;
    let of_class = Dtype::of_storage(&storage.class).ok_or_else(|| {
        format!("a storage of the class {}, which is not known", escape::name(&storage.class))
    })??;
    let untyped = storage.class == "UntypedStorage";
    if untyped != dtype.is_some() {
        return Err("a tensor whose type of elements is not that of its storage".to_owned());
    }
    let dtype = dtype.unwrap_or(of_class);
    let numbers = |value: Value, what: &str| {
        let items =
            objects.sequence(view, value).ok_or_else(|| format!("a tensor whose {what} is no tuple"))?;
        let counted: Option<Vec<u64>> = items.into_iter().map(count).collect();
        counted.ok_or_else(|| format!("a tensor whose {what} is below zero or too large"))
    };
    let (shape, strides) = (numbers(size, "size")?, numbers(stride, "stride")?);
    if shape.len() != strides.len() {
        return Err(format!("a tensor of {} dimensions and {} strides", shape.len(), strides.len()));
    }
    let mut offset = count(offset).ok_or("a tensor whose offset is below zero or too large")?;
    let probe = Tensor { dtype, shape, strides, offset, storage: 0, conjugated: false, negated: false, at };
    let room = storage.part.as_ref().map_or(storage.elements, |part| part.elements)
        / if untyped { dtype.size() } else { 1 };
    match probe.reach() {
        Some(reach) if reach <= room && probe.bytes().is_some() => {}
        Some(reach) if reach > room => {
            return Err(format!("a tensor that reaches to element {reach} of a storage of {room}"));
        }
        _ => return Err("a tensor larger than any storage".to_owned()),
    }
    offset += storage.part.as_ref().map_or(0, |part| part.offset);
    let storage = add(objects, storage)?;
    Ok(Tensor { offset, storage, ..probe })
}

/// The index of a storage among those that are known. torch keeps one for each key, of a storage or a part of one.
fn add(objects: &mut Objects, storage: StorageName) -> Result<usize, String> {
    let twice = || Err("a storage that is described in two ways".to_owned());
    let known = objects.by_key.get(&storage.key).map_or(&[][..], Vec::as_slice);
    let mut same = None;
    for (index, other) in known.iter().filter_map(|i| Some((*i, objects.storages.get(*i)?))) {
        let empty = other.elements == 0 && storage.elements == 0;
        if (&other.class, other.elements) != (&storage.class, storage.elements) && !empty {
            return twice();
        }
        if other.part == storage.part {
            same = Some(index);
        }
    }
    if let Some(index) = same {
        return Ok(index);
    }
    let index = objects.storages.len();
    if objects.by_part.contains_key(&storage.key) {
        return twice();
    }
    if let Some(Part { key, .. }) = &storage.part
        && (objects.by_key.contains_key(key) || objects.by_part.insert(key.clone(), index).is_some())
    {
        return twice();
    }
    objects.by_key.entry(storage.key.clone()).or_default().push(index);
    objects.storages.push(storage);
    Ok(index)
}

/// The storage that a persistent id names: `("storage", class, key, location, elements)`, and a part of it as the
/// sixth in files of torch before 1.6.
fn storage_name<C: Cursor>(
    objects: &Objects,
    view: &View<'_, C>,
    value: Value,
) -> Result<StorageName, String> {
    let id = value.is(Tag::Persistent).then(|| objects.ids.get(&value)).flatten();
    let Some(&(id, at)) = id else {
        return Err("a tensor over something else than a storage of the file".to_owned());
    };
    let odd = || "a persistent id in another form than torch's".to_owned();
    let items: Vec<Value> = view.tuples.items(id).take(7).collect();
    let (&[kind, class, key, location, elements], part) = match items.as_slice() {
        [first @ .., part] if items.len() == 6 => (first.first_chunk::<5>().ok_or_else(odd)?, Some(*part)),
        five if items.len() == 5 => (five.first_chunk::<5>().ok_or_else(odd)?, None),
        _ => return Err(odd()),
    };
    let word = |value: Value| if value.is(Tag::Text) { text(view, value) } else { Err(odd()) };
    let class = match objects.import(class).map(Name::parts) {
        Some(("torch" | "torch.cuda" | "torch.storage", class)) => class.to_owned(),
        _ => return Err("a storage of a class that is not torch's".to_owned()),
    };
    if word(kind)? != "storage" {
        return Err(odd());
    }
    if location.is(Tag::Text) && word(location)?.starts_with("meta") {
        return Err("a storage of the device meta, which has no data".to_owned());
    }
    let elements = count(elements).ok_or_else(odd)?;
    let key = word(key)?;
    let part = match part.filter(|part| !part.is(Tag::None)) {
        None => None,
        Some(part) => {
            let items: Vec<Value> = view.tuples.items(part).take(4).collect();
            let &[name, offset, size] = items.as_slice() else { return Err(odd()) };
            let (offset, size) = (count(offset).ok_or_else(odd)?, count(size).ok_or_else(odd)?);
            if offset.checked_add(size).is_none_or(|end| end > elements) {
                return Err("a part that is not inside of its storage".to_owned());
            }
            let name = word(name)?;
            // The whole under its own name, as torch 0.4 to 1.5 wrote it.
            (name != key).then_some(Part { key: name, offset, elements: size })
        }
    };
    Ok(StorageName { class, key, elements, part, at })
}
