//! `fickgate explain --safe-globals`: the call that has `torch.load` with `weights_only` read a file that passes.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::explain::Explanation;
use fickgate_engine::error::{Error, Result};
use fickgate_engine::escape;

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

/// Calls of these are opcodes of `weights_only` alone, or are refused by it whatever is added.
const NEVER_READ: &[&str] = &["builtins.getattr"];

/// The Python text, or why there is none.
pub fn call(explanation: &Explanation) -> Result<String> {
    let file = || escape::terminal_bytes(explanation.path.as_bytes()).into_owned();
    if !explanation.passes() {
        let error = Error::new(format!("{} does not pass, so no call lets it in", file()));
        return Err(error.remedy(format!("see what it would do: fickgate explain {}", file())));
    }
    if explanation.streams.is_empty() {
        return Err(Error::new(format!("{} holds no pickle, and needs no such call", file())));
    }
    let imports = explanation.streams.iter().flat_map(|s| &s.stream.imports);
    // torch looks a name up as it is written, after the mapping of Python 2's names.
    let needed: BTreeSet<(&str, &str)> = imports
        .map(|import| (import.module.as_str(), import.name.as_str()))
        .filter(|(module, name)| !reads_anyway(module, name) && !module.starts_with("__torch__"))
        .collect();
    let mut text = String::new();
    if let Some((module, name)) =
        needed.iter().find(|(m, n)| NEVER_READ.contains(&format!("{m}.{n}").as_str()))
    {
        let error = Error::new(format!("weights_only does not read {module}.{name}, whatever is added"));
        return Err(error.remedy(format!("{} passes: load it with weights_only=False", file())));
    }
    if needed.is_empty() {
        text.push_str("# torch.load with weights_only=True reads this file as it is.\n");
        return Ok(text);
    }
    let modules: BTreeSet<&str> = needed.iter().map(|(module, _)| *module).chain(["torch"]).collect();
    for module in modules {
        let _ = writeln!(text, "import {module}");
    }
    text.push_str("\ntorch.serialization.add_safe_globals([\n");
    for (module, name) in needed {
        // An object may know itself by another name than the file does: numpy's since 2.0, and all that moved.
        let _ = writeln!(text, "    ({module}.{name}, \"{module}.{name}\"),");
    }
    text.push_str("])\n");
    Ok(text)
}

fn reads_anyway(module: &str, name: &str) -> bool {
    let dotted = format!("{module}.{name}");
    READ_ANYWAY.contains(&dotted.as_str())
        || matches!(module, "torch" | "torch.cuda" | "torch.sparse" | "torch.cuda.sparse")
            && (name.ends_with("Storage") || name.ends_with("Tensor"))
        || module == "torch" && ELEMENTS.iter().any(|kind| name.starts_with(kind))
        || module == "torch._utils" && name.starts_with("_rebuild_")
}
