//! Modules that every interpreter can import: the standard library, and what `venv` and installers put beside it.

use crate::policy::{builtin, stdlib};

/// What `venv` and installers put beside the standard library.
const INSTALLED: &[&str] = &["_distutils_hack", "pip", "pkg_resources", "setuptools", "wheel"];

/// Whether importing a module does something on any machine: it is of the standard library, or of a package that the
/// list knows. Another name is a module only where a file of that name lies beside the program.
pub fn is_at_hand(module: &str) -> bool {
    let top = module.split('.').next().unwrap_or(module);
    stdlib::contains(top) || INSTALLED.contains(&top) || builtin::judges(top)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_interpreter_has_is_told_from_other_names() {
        for module in ["antigravity", "os.path", "this", "_thread", "xmlrpclib", "doctest", "pip", "numpy"] {
            assert!(is_at_hand(module), "{module}");
        }
        for module in ["LabelEncoder", "lick", "a", "", "Os"] {
            assert!(!is_at_hand(module), "{module}");
        }
    }
}
