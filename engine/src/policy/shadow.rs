//! Modules of the repository that stand in the place of those which the built-in list judged: Python
//! looks into the folder it is run in before it looks at what is installed.

use crate::finding::Finding;
use crate::judge::policy_file;
use crate::policy::{Policy, Usage};
use crate::rule::Rule;

/// Loaded before any folder is looked at, so that no file takes their place.
const LOADED: [&str; 9] = ["__main__", "_codecs", "_io", "abc", "builtins", "codecs", "io", "os", "sys"];

/// A finding for each top-level module that files of the run rely on, as the built-in list allows it, and
/// that the root of the repository has under the same name. `exists` is asked for paths from that root.
pub fn shadowed(policy: &Policy, usage: &Usage, exists: impl Fn(&str) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for module in policy.relied_on(usage) {
        if LOADED.contains(&module) {
            continue;
        }
        // In the order of importlib: a package, then what its finder takes for a module.
        let files = ["/__init__.py", ".so", ".pyd", ".py", ".pyc"].map(|end| format!("{module}{end}"));
        if let Some(file) = files.iter().find(|file| exists(file)) {
            let message = format!(
                "where Python runs in this folder, `{module}` is this file and not the module that the built-in list judged"
            );
            let help =
                "rename it, or deny what files import from it: `deny: [MODULE.**]`".replace("MODULE", module);
            findings.push(policy_file(policy, Rule::ShadowedModule, file, message, &help));
        }
    }
    findings
}
