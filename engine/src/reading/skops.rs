//! skops' schema: which names a model would have skops import. It is read as text.
//!
//! `skops.io.load` imports what each node names, after it has refused what is neither trusted by default nor by the
//! caller (`skops/io/_audit.py`, `_general.py`); releases before 0.12 could be led past that by nodes for methods and
//! operators (CVE-2025-54412, CVE-2025-54413), and tools around it trust all that a file asks for.

use std::collections::HashSet;
use std::io;

use crate::facts::{Code, Name, Runs};
use crate::reading::job::Job;
use crate::reading::json;
use crate::reading::work::Scan;

impl Scan<'_> {
    /// Reads a `schema.json`.
    pub fn skops_schema(&mut self, job: &Job) -> io::Result<()> {
        let mut found: Vec<(u64, Name)> = Vec::new();
        let mut known = HashSet::new();
        let asked = ["__loader__", "__module__", "__class__", "function"];
        json::objects(&job.content, 0, self.limits.window, &asked, |object| {
            if !object.has("__loader__") {
                return;
            }
            for module in object.texts("__module__") {
                let classes = object.texts("__class__").chain(object.texts("function"));
                for name in classes.filter(|name| !is_plain(module, name)) {
                    let name = Name { module: module.to_owned(), name: name.to_owned() };
                    if known.insert((name.module.clone(), name.name.clone())) {
                        found.push((object.at, name));
                    }
                }
            }
        })?;
        for (offset, name) in found {
            let dotted: String = format!("{}.{}", name.module, name.name).chars().take(200).collect();
            let message = format!("a skops schema names `{}`", crate::escape::name(&dotted));
            self.code(Code {
                member: job.member.clone(),
                offset,
                message,
                name: Some(name),
                runs: Runs::IfTrusted,
            });
        }
        Ok(())
    }
}

/// Literals and containers, for which skops has nodes of its own.
fn is_plain(module: &str, name: &str) -> bool {
    module == "builtins"
        && matches!(
            name,
            "bool"
                | "bytearray"
                | "bytes"
                | "dict"
                | "float"
                | "int"
                | "list"
                | "set"
                | "slice"
                | "str"
                | "tuple"
                | "NoneType"
        )
}
