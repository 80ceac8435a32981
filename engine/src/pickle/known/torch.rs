//! torch's persistent ids, and its functions that make a tensor: over a storage, of a tensor, or by another of them.

use crate::pickle::known::numpy::Dtypes;
use crate::pickle::known::view::{Build, Call, View};
use crate::pickle::known::{Judged, Outcome};
use crate::pickle::stream::reader::Cursor;
use crate::pickle::values::mark::Mark;
use crate::pickle::values::value::{Tag, Value};
use crate::policy::guard::Guard;
use crate::policy::trigger::Shape;

/// Whether torch writes such a persistent id: `("storage", class, key, location, elements)`, in the legacy layout with
/// `None` or `(key, offset, elements)` behind it, or `("module", class, file, source)`.
///
/// `persistent_load` of torch/serialization.py compares the parts, multiplies and formats them, asks the location for
/// its `startswith` and the class for its `dtype`: it runs whatever an object among them answers with.
pub fn is_id<C: Cursor>(view: &View<'_, C>, id: Value) -> bool {
    let whole = |v: &Value| v.as_int().is_some_and(|n| n >= 0);
    let text = |v: &Value| v.is(Tag::Text);
    let parts: Vec<Value> = view.heap.tuples.items(id).collect();
    let storage = |v: &Value| {
        view.named(*v).is_some_and(|(module, name)| in_torch(module) && name.ends_with("Storage"))
    };
    let of_view = |v: &Value| {
        v.is(Tag::None)
            || view.count(*v) == Some(3)
                && view.heap.tuples.items(*v).zip([true, false, false]).all(|(v, key)| match key {
                    true => text(&v),
                    false => whole(&v),
                })
    };
    match parts.as_slice() {
        [_, class, key, location, elements, rest @ ..] if storage(class) => {
            text(key) && text(location) && whole(elements) && rest.len() < 2 && rest.iter().all(of_view)
        }
        [_, class, file, source] if class.is(Tag::Import) => {
            [file, source].into_iter().all(|v| text(v) || v.is(Tag::None))
        }
        _ => false,
    }
}

fn in_torch(module: &str) -> bool {
    module == "torch" || module.starts_with("torch.")
}

/// `_rebuild_tensor_v2(storage, …)`. `.dtype` and `.device` of anything else would be read, and a property runs.
pub fn over_storage<C: Cursor>(view: &View<'_, C>, dtypes: &mut Dtypes, call: &Call) -> Judged {
    let storage = view.part(call.args, 0);
    if call.keywords || !storage.is_none_or(|v| is_storage(view, v)) {
        return Err("its storage is something else, whose properties would run".to_owned());
    }
    if let Some(storage) = storage {
        let Some(storage) = view.heap.elements(storage) else {
            return Err("how many elements its storage has is not known".to_owned());
        };
        let elements = laid_out(view, call, storage)?;
        dtypes.stands_for(elements);
        // A tensor of one element can be taken for the number in it.
        if elements == 1 {
            dtypes.is_number();
        }
    }
    // What torch cannot lay a tensor over it refuses, whatever nested bytes gave.
    let rest = view.heap.tuples.items(call.args).skip(1);
    Ok(Outcome::New(rest.fold(Mark::PLAIN, |mark, v| mark.with(view.heap.held(v)))))
}

/// `(storage, offset, size, stride, …)`: whole numbers that are not negative, and inside a storage of so many elements.
/// How many elements the tensor has: with a stride of 0 more than the storage.
fn laid_out<C: Cursor>(view: &View<'_, C>, call: &Call, storage: u64) -> Result<u64, String> {
    let odd = || "its offset, sizes and strides are no whole numbers, or negative".to_owned();
    let whole = |v: Value| v.as_int().and_then(|n| u64::try_from(n).ok());
    let part = |i| view.part(call.args, i);
    let offset = part(1).map_or(Ok(0), |v| whole(v).ok_or_else(odd))?;
    let (Some(size), Some(stride)) = (part(2), part(3)) else { return Err(odd()) };
    let elements = view.heap.tuples.product(size).ok_or_else(odd)?;
    if view.count(size) != view.count(stride) {
        return Err("it has not as many strides as sizes".to_owned());
    }
    let mut last = Some(offset);
    for (size, stride) in view.heap.tuples.items(size).zip(view.heap.tuples.items(stride)) {
        let step = whole(size).zip(whole(stride)).ok_or_else(odd)?;
        last = last.and_then(|last| step.0.saturating_sub(1).checked_mul(step.1)?.checked_add(last));
    }
    if elements > 0 && last.is_none_or(|last| last >= storage) {
        return Err("it lies outside its storage".to_owned());
    }
    Ok(elements)
}

/// `_rebuild_parameter(tensor, …)`, which calls methods of it.
pub fn of_tensor<C: Cursor>(view: &View<'_, C>, call: &Call) -> Judged {
    if call.keywords || !view.part(call.args, 0).is_none_or(|v| v.is(Tag::None) || is_tensor(view, v)) {
        return Err("it is given something else than a tensor, whose methods it calls".to_owned());
    }
    // A parameter takes the tensor as it is, however large it says it is; moving one to a device copies it.
    let name = view.imports.get(call.import).map_or("", |i| i.name.as_str());
    let copies = name == "_rebuild_device_tensor_from_cpu_tensor";
    let inert = |v: Value| match copies {
        true => view.is(v, Shape::Inert),
        false => view.heap.fits(view.heap.mark(v), Shape::Inert),
    };
    if !view.part(call.args, 0).is_none_or(inert) {
        return Err("its tensor is more than inert, or larger than its storage".to_owned());
    }
    // `_rebuild_parameter_with_state` sets attributes.
    if name == "_rebuild_parameter_with_state"
        && !view.part(call.args, 3).is_none_or(|v| is_attributes(view, v))
    {
        return Err("its attributes are no literal names of plain or inert values".to_owned());
    }
    Ok(Outcome::Object)
}

/// Outputs of models of transformers, `(first, …)`. Where the first field stands alone and is no tensor, `__post_init__`
/// iterates over it and makes attributes of pairs with a text (`ModelOutput`, utils/generic.py, transformers 4.30.2 to
/// 5.23.0): it is none, a tensor, or a tuple of these.
pub fn model_output<C: Cursor>(view: &View<'_, C>, call: &Call) -> Judged {
    let tensor = |v: Value| v.is(Tag::None) || is_tensor(view, v);
    let layers = |v: Value| view.count(v).is_some() && view.heap.tuples.items(v).all(tensor);
    let field = |v: Value| {
        tensor(v) || view.count(v).is_some() && view.heap.tuples.items(v).all(|v| tensor(v) || layers(v))
    };
    if call.keywords || !view.part(call.args, 0).is_none_or(field) {
        return Err(
            "its first field is neither a tensor nor a tuple of tensors, and attributes are made of it"
                .to_owned(),
        );
    }
    Ok(Outcome::Object)
}

/// `_rebuild_from_type_v2(function, type, args, state)`: `function(*args)` runs, then attributes are set.
pub fn by_function<C: Cursor>(view: &View<'_, C>, dtypes: &mut Dtypes, call: &Call) -> Judged {
    let function = view.part(call.args, 0);
    let rebuilds = function
        .and_then(|v| view.named(v))
        .is_some_and(|(module, name)| module == "torch._utils" && name.starts_with("_rebuild_"));
    let class = view.part(call.args, 1).is_some_and(|v| v.is(Tag::Import));
    let inner = function.and_then(Value::as_import).zip(view.part(call.args, 2));
    let Some((import, args)) = inner.filter(|(_, args)| rebuilds && class && args.is(Tag::Tuple)) else {
        return Err("it calls something else than torch's rebuild functions".to_owned());
    };
    let known = view.imports.known(import);
    let inner = Call { import, args, ..*call };
    match known.guard {
        Some(Guard::StorageArgument) => drop(over_storage(view, dtypes, &inner)?),
        Some(Guard::TensorArgument) => drop(of_tensor(view, &inner)?),
        _ => {}
    }
    let shapes = known.arguments(false);
    let fits =
        view.heap.tuples.items(args).enumerate().all(|(i, v)| shapes.is_some_and(|s| view.is(v, s.at(i))));
    if !fits || call.keywords {
        return Err("it calls a rebuild function with arguments that are not open to it".to_owned());
    }
    if !view.part(call.args, 3).is_none_or(|v| is_attributes(view, v)) {
        return Err("its attributes are no literal names of plain or inert values".to_owned());
    }
    let state = view.part(call.args, 3).map_or(Mark::PLAIN, |v| view.heap.held(v));
    Ok(Outcome::Calls(import, view.heap.held(args).with(state)))
}

/// A dict of attributes, or one beside one for slots.
fn is_attributes<C: Cursor>(view: &View<'_, C>, state: Value) -> bool {
    let dict = |v: Value| {
        v.is(Tag::None) || view.is_mapping(v) && view.text_keys(v, true) && view.is(v, Shape::Inert)
    };
    match view.count(state) {
        Some(2) => view.heap.tuples.items(state).all(dict),
        Some(0) => true,
        _ => dict(state),
    }
}

fn is_tensor<C: Cursor>(view: &View<'_, C>, value: Value) -> bool {
    match view.made_by(value) {
        Some(("torch._utils" | "torch._tensor" | "torch.tensor", name)) => name.starts_with("_rebuild_"),
        Some(("torch", "Tensor") | ("torch.nn.parameter", _)) => true,
        _ => false,
    }
}

/// What torch keeps the bytes of a tensor in: a persistent object, or what torch makes of bytes.
fn is_storage<C: Cursor>(view: &View<'_, C>, value: Value) -> bool {
    value.is(Tag::Persistent)
        || view.made_by(value).is_some_and(|(module, name)| {
            view.imports.maker(value).guard == Some(Guard::NestedBytes)
                || in_torch(module) && name.ends_with("Storage")
        })
}

/// `_StorageInfo`: the name of a `.distcp` file, an offset and a length. torch joins the name to the checkpoint's folder, and
/// unpickles what stands there (torch 2.15, distributed/checkpoint/filesystem.py, `read_data`).
pub fn checkpoint_part<C: Cursor>(view: &View<'_, C>, build: &Build) -> Result<(), String> {
    let Some(items) = view.items(build.state) else {
        return Err(
            "its attributes cannot be followed, and one of them is a file that torch unpickles".to_owned()
        );
    };
    let beside = |name: &str| name.ends_with(".distcp") && !name.contains(['/', '\\', ':', '\0']);
    let fine = items.iter().all(|(key, value)| match view.word(*key).as_deref() {
        Some("relative_path") => view.word(*value).is_some_and(|name| beside(&name)),
        Some("offset" | "length") => value.is(Tag::Int),
        // How its bytes are unpacked: none of these is code.
        Some("transform_descriptors") => {
            value.is(Tag::None) || view.list(*value).is_some_and(|all| all.iter().all(|v| v.is(Tag::Text)))
        }
        _ => false,
    });
    if fine {
        return Ok(());
    }
    Err("it is no range of a `.distcp` file beside it: torch unpickles what it names".to_owned())
}
