//! `fickgate explain --safe-globals`: the call that has `torch.load` with `weights_only` read a file that passes.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use crate::explain::Explanation;
use fickgate_engine::error::{Error, Result};
use fickgate_engine::escape;
use fickgate_engine::facts::Loader;

/// What `weights_only` reads by itself, beside storages, tensors and types of elements: torch 2.15.0,
/// `torch/_weights_only_unpickler.py`, `_get_allowed_globals`. Older releases have fewer; one more in the call does
/// no harm.
const READ_ANYWAY: &[&str] = &[
    "_codecs.encode",
    "builtins.bytearray",
    "builtins.complex",
    "builtins.set",
    "collections.Counter",
    "collections.OrderedDict",
    "torch.Size",
    "torch.Tensor",
    "torch._tensor._rebuild_from_type_v2",
    "torch.device",
    "torch.nn.parameter.Parameter",
    "torch.serialization._get_layout",
    "torch.storage.TypedStorage",
    "torch.storage.UntypedStorage",
];

/// Types of elements of a tensor, as attributes of torch.
const ELEMENTS: &[&str] =
    &["bcomplex", "bfloat", "bits", "bool", "complex", "float", "int", "per_", "qint", "quint", "uint"];

/// With these in the call, `weights_only` would keep nothing out.
const NEVER_ADDED: &[&str] = &["builtins.getattr"];

/// The Python text, or why there is none.
pub fn call(explanation: &Explanation) -> Result<String> {
    let file = || escape::terminal_bytes(explanation.path.as_bytes()).into_owned();
    let refused = |why: String| Err(Error::new(why).remedy("it passes: load it with weights_only=False"));
    if !explanation.passes() {
        let error = Error::new(format!("{} does not pass, so no call lets it in", file()));
        return Err(error.remedy(format!("see what it would do: fickgate explain {}", file())));
    }
    if explanation.streams.is_empty() {
        return Err(Error::new(format!("{} holds no pickle, and needs no such call", file())));
    }
    if explanation.streams.iter().any(|s| s.stream.reading == Loader::TorchScript) {
        let error = Error::new(format!("{} is TorchScript, which weights_only does not read", file()));
        return Err(error.remedy("load it with torch.jit.load"));
    }
    // A pickle that torch did not write may hold some that it wrote: one for each tensor.
    // Torch before 1.6 wrote a number, a version and a description of the system before its own.
    let outer = explanation.streams.first().map(|first| first.stream.member.as_str());
    let own: Vec<_> =
        explanation.streams.iter().filter(|s| Some(s.stream.member.as_str()) == outer).collect();
    let legacy = own.len() > 3 && own.iter().take(3).all(|s| s.stream.imports.is_empty());
    if !legacy && own.iter().all(|s| s.stream.reading != Loader::Torch) {
        let error = Error::new(format!(
            "{} was not written by torch.save, and torch.load reads no other pickle",
            file()
        ));
        return Err(error.remedy("it passes: load it with what wrote it"));
    }
    // torch looks a name up as it is written, after the mapping of Python 2's names.
    let imports = explanation.streams.iter().flat_map(|s| &s.stream.imports);
    let needed: BTreeSet<(&str, &str)> = imports
        .map(|import| (import.module.as_str(), import.name.as_str()))
        .filter(|(module, name)| !reads_anyway(module, name))
        .collect();
    if let Some((module, name)) =
        needed.iter().find(|(m, n)| NEVER_ADDED.contains(&format!("{m}.{n}").as_str()))
    {
        return refused(format!(
            "{} needs {module}.{name}, with which weights_only keeps nothing out",
            file()
        ));
    }
    let watched: Vec<_> = explanation.streams.iter().filter_map(|s| s.weights_only.as_ref()).collect();
    if let Some((offset, what)) = watched.iter().find_map(|w| w.stops_at.as_ref()) {
        return refused(format!("weights_only does not read {}: {what} at byte {offset}", file()));
    }
    if needed.is_empty() {
        return Ok("# torch.load with weights_only=True reads this file as it is.\n".to_owned());
    }
    let dtypes: BTreeSet<&str> = watched.iter().flat_map(|w| &w.dtypes).map(String::as_str).collect();
    let makers: BTreeSet<&str> = watched.iter().flat_map(|w| &w.makers).map(String::as_str).collect();
    Ok(written(&needed, &dtypes, &makers))
}

/// The call. `from module import name` finds a module also where its package has deleted it from its attributes, as
/// `torch.optim` does, or has something else there.
fn written(needed: &BTreeSet<(&str, &str)>, dtypes: &BTreeSet<&str>, makers: &BTreeSet<&str>) -> String {
    let mut text = "import torch\n".to_owned();
    let mut taken: HashMap<&str, (&str, usize)> = HashMap::from([("torch", ("", 1))]);
    let mut list = String::new();
    for (module, name) in needed {
        let (outer, rest) = name.split_once('.').map_or((*name, None), |(outer, rest)| (outer, Some(rest)));
        let mut local = outer.to_owned();
        match taken.get_mut(outer) {
            Some((from, _)) if from == module => {}
            Some((_, times)) => {
                *times += 1;
                local = format!("{outer}_{times}");
                let _ = writeln!(text, "from {module} import {outer} as {local}");
            }
            None => {
                taken.insert(outer, (module, 1));
                let _ = writeln!(text, "from {module} import {outer}");
            }
        }
        let object = rest.map_or_else(|| local.clone(), |rest| format!("{local}.{rest}"));
        // An object may know itself by another name than the file does: numpy's since 2.0, and all that moved.
        let _ = writeln!(list, "    ({object}, \"{module}.{name}\"),");
    }
    if !dtypes.is_empty() {
        text.push_str("import numpy\n");
    }
    for dtype in dtypes {
        // torch asks for the class of what gets a state, and numpy has one for each type of elements.
        let _ = writeln!(list, "    type(numpy.dtype(\"{dtype}\")),");
    }
    for maker in makers {
        let _ = writeln!(list, "    # and the class of what {maker} returns, which the file does not name");
    }
    text.push_str(
        "\n# torch 2.6 or newer, which takes pairs of an object and the name that the file has for it.\n",
    );
    let _ = write!(text, "torch.serialization.add_safe_globals([\n{list}])\n");
    text
}

fn reads_anyway(module: &str, name: &str) -> bool {
    let dotted = format!("{module}.{name}");
    READ_ANYWAY.contains(&dotted.as_str())
        || matches!(module, "torch" | "torch.cuda" | "torch.sparse" | "torch.cuda.sparse")
            && (name.ends_with("Storage") || name.ends_with("Tensor"))
        || module == "torch" && ELEMENTS.iter().any(|kind| name.starts_with(kind))
        || module == "torch._utils" && name.starts_with("_rebuild_")
}
