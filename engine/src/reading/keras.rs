//! Keras's configuration, in `.keras` archives and in HDF5: which code a model brings or names. It is read as text.
//!
//! Keras runs what a configuration names while it builds the model (`keras/src/saving/serialization_lib.py`,
//! `deserialize_keras_object`): before 3.9 it imported any module for that (CVE-2025-1550), and to 3.13 any function of
//! its own; a Lambda layer holds marshalled byte code, which Keras before 2.13 ran by default, and for HDF5 Keras 3
//! before 3.11 did so even in safe mode (CVE-2025-9905).

use std::io;

use crate::facts::{Code, Name, Runs};
use crate::reading::job::Job;
use crate::reading::json::{self, End, Object};
use crate::reading::work::Scan;
use crate::rule::Rule;

/// What is asked of an object.
const ASKED: &[&str] = &[
    "class_name",
    "config",
    "function",
    "function_type",
    "keras_version",
    "mask_type",
    "module",
    "output_shape_type",
    "spec_name",
];

/// Classes by which a configuration without modules is known: releases before 2.13 name none.
const MODELS: &[&str] = &["Functional", "Lambda", "Model", "Sequential"];

/// Packages of Keras's own layers.
const PACKAGES: &[&str] = &["keras", "tf_keras", "keras_core", "keras_hub", "keras_cv", "keras_nlp"];

/// Parts of these packages that hold what models are made of: nothing in them reads files or runs code it is given,
/// other than what is told apart here by name.
const PARTS: &[&str] = &[
    "activations",
    "applications",
    "constraints",
    "dtype_policies",
    "engine",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "mixed_precision",
    "models",
    "ops",
    "optimizers",
    "quantizers",
    "random",
    "regularizers",
];

/// Classes that bring code: a layer of marshalled byte code, and one that unpickles a module of torch.
const BRINGING: &[&str] = &["__lambda__", "TorchModuleWrapper"];

/// Functions of CPython's `builtins` (3.13). Keras before 3.9 takes one of these where it has no function of that name
/// (`serialization_lib.py`, `_retrieve_class_or_fn`).
const BUILTINS: &[&str] = &[
    "__build_class__",
    "__import__",
    "abs",
    "aiter",
    "all",
    "anext",
    "any",
    "ascii",
    "bin",
    "bool",
    "breakpoint",
    "bytearray",
    "bytes",
    "callable",
    "chr",
    "classmethod",
    "compile",
    "complex",
    "copyright",
    "credits",
    "delattr",
    "dict",
    "dir",
    "divmod",
    "enumerate",
    "eval",
    "exec",
    "exit",
    "filter",
    "float",
    "format",
    "frozenset",
    "getattr",
    "globals",
    "hasattr",
    "hash",
    "help",
    "hex",
    "id",
    "input",
    "int",
    "isinstance",
    "issubclass",
    "iter",
    "len",
    "license",
    "list",
    "locals",
    "map",
    "max",
    "memoryview",
    "min",
    "next",
    "object",
    "oct",
    "open",
    "ord",
    "pow",
    "print",
    "property",
    "quit",
    "range",
    "repr",
    "reversed",
    "round",
    "set",
    "setattr",
    "slice",
    "sorted",
    "staticmethod",
    "str",
    "sum",
    "super",
    "tuple",
    "type",
    "vars",
    "zip",
];

impl Scan<'_> {
    /// Reads a file of JSON, as `model.to_json` writes one. What is around the model does not matter: whoever loads it
    /// may take it from there.
    pub fn keras_json(&mut self, job: &Job) -> io::Result<()> {
        if self.has_either(job, [b"class_name", b"\\u"])? {
            self.keras_objects(job, 0, |object| {
                object.texts("module").any(is_own)
                    || object.has("keras_version")
                    || object
                        .texts("class_name")
                        .any(|class| MODELS.contains(&class) || BRINGING.contains(&class))
            })?;
        }
        Ok(())
    }

    /// Whether content has one of two texts.
    fn has_either(&self, job: &Job, texts: [&[u8]; 2]) -> io::Result<bool> {
        let overlap = texts.iter().map(|text| text.len()).max().unwrap_or(0);
        let mut at = 0;
        loop {
            let bytes = job.content.read_range(at, self.limits.window + overlap)?;
            if texts.iter().any(|text| memchr::memmem::find(&bytes, text).is_some()) {
                return Ok(true);
            }
            if bytes.len() < self.limits.window + overlap {
                return Ok(false);
            }
            at += self.limits.window as u64;
        }
    }

    /// Reads the configuration that begins at an offset, up to where it ends.
    pub fn keras_config(&mut self, job: &Job, at: u64) -> io::Result<u64> {
        self.keras_objects(job, at, |_| true)
    }

    fn keras_objects(&mut self, job: &Job, at: u64, is_model: impl Fn(&Object) -> bool) -> io::Result<u64> {
        let (mut found, mut own) = (Vec::new(), false);
        let end = json::objects(&job.content, at, self.limits.window, ASKED, |object| {
            own |= object.has("class_name") && object.has("config") && is_model(&object);
            found.extend(code_of(&object).into_iter().map(|what| (object.at, what)));
        })?;
        let end = match end {
            End::At(end) => end,
            End::Deep(end) => {
                if own {
                    let message = "configuration nested deeper than is followed";
                    self.fault(&job.member, Rule::ResourceLimit, end, message);
                }
                end
            }
        };
        if own {
            for (offset, what) in found {
                let Brought { message, name } = what;
                let runs = Runs::ByDefault;
                self.code(Code { member: job.member.clone(), offset, message, name, runs });
            }
        }
        Ok(end)
    }

    /// Looks for configuration among the attributes of HDF5, where each is a text of its own: `model_config`,
    /// `training_config`, and whatever else has that form.
    pub fn keras_attributes(&mut self, job: &Job) -> io::Result<()> {
        let window = self.limits.window;
        let mut at = 0;
        loop {
            let bytes = job.content.read_range(at, window)?;
            let mut next = at + bytes.len().saturating_sub(2) as u64;
            for i in memchr::memchr_iter(b'{', &bytes) {
                let start = at + i as u64;
                let before = bytes.get(..i).unwrap_or(&[]).trim_ascii_end().last();
                let begins = before.is_none_or(|b| *b < b' ')
                    && matches!(bytes.get(i + 1), Some(b'"' | b' ' | b'\t' | b'\n' | b'\r'));
                if begins {
                    let end = self.keras_config(job, start)?;
                    // Nothing of it is read twice, so that the search costs what the content does.
                    if end > at + bytes.len() as u64 {
                        next = end;
                        break;
                    }
                }
            }
            if bytes.len() < window && next <= at + bytes.len() as u64 {
                return Ok(());
            }
            at = next.max(at + 1);
        }
    }
}

/// Code that an object of a configuration brings or names.
struct Brought {
    message: String,
    name: Option<Name>,
}

fn code_of(object: &Object) -> Vec<Brought> {
    let mut found = Vec::new();
    let mut brought = |message: String, name: Option<Name>| found.push(Brought { message, name });
    // Up to 2.12 a Lambda layer says what its function is beside it.
    let functions = ["function_type", "output_shape_type", "mask_type"];
    let lambda = functions.iter().any(|kind| object.texts(kind).any(|kind| kind == "lambda"))
        || (object.texts("class_name").any(|class| class == "Lambda")
            && object.items("function").next().is_some());
    for class in object.texts("class_name").filter(|class| BRINGING.contains(class)) {
        let what = match class {
            "__lambda__" => "a Lambda layer: a function as marshalled byte code",
            _ => "a TorchModuleWrapper layer: a module of torch as a pickle",
        };
        brought(what.to_owned(), None);
    }
    if lambda {
        brought("a Lambda layer: a function as marshalled byte code".to_owned(), None);
    }
    if !object.has("class_name") && !object.has("spec_name") {
        return found;
    }
    for module in object.texts("module").filter(|module| !module.is_empty()) {
        for class in object.texts("class_name") {
            // A function's own name is its configuration.
            let function = class == "function";
            let names: Vec<&str> = if function { object.texts("config").collect() } else { vec![class] };
            if is_own(module) {
                continue;
            }
            // Functions of Keras's own and of the user are written so, too.
            let known = |name: &&str| !(module == "builtins" && function) || BUILTINS.contains(name);
            for name in names.into_iter().filter(known) {
                let message = format!("a Keras configuration names `{}`", shown(module, name));
                brought(message, Some(Name { module: module.to_owned(), name: name.to_owned() }));
            }
        }
    }
    found
}

/// Whether a module is a part of Keras that models are made of.
fn is_own(module: &str) -> bool {
    let mut parts = module.split('.');
    let package = parts.next().unwrap_or("");
    let mut parts = parts.skip_while(|part| matches!(*part, "src" | "api" | "_tf_keras" | "keras"));
    let part = parts.next();
    PACKAGES.contains(&package) && part.is_none_or(|part| PARTS.contains(&part))
}

/// A name as messages show it.
fn shown(module: &str, name: &str) -> String {
    let dotted: String = format!("{module}.{name}").chars().take(200).collect();
    crate::escape::name(&dotted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_keras_are_told_from_the_rest() {
        for module in [
            "keras",
            "keras.layers",
            "keras.src.models.functional",
            "keras.src.ops.numpy",
            "keras_hub.models",
        ] {
            assert!(is_own(module), "{module}");
        }
        for module in [
            "keras.utils",
            "keras.config",
            "keras.src.saving.saving_lib",
            "kerasx",
            "subprocess",
            "my.layers",
            "keras.src.utils.python_utils",
        ] {
            assert!(!is_own(module), "{module}");
        }
    }
}
