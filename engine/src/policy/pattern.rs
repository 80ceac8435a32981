//! How a policy file writes an import: `module.name`, `module:Outer.Inner`, `module.*`.

use std::fmt;

use crate::policy::words::{Kind, Uses};

/// A module, and which of its names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    /// The module, exactly.
    pub module: String,
    /// Its names.
    pub names: Names,
}

/// Which names of a module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Names {
    /// This one. With dots, a nested one.
    One(String),
    /// Every name that is one segment and no dunder: `module.*`.
    Segment,
    /// Every name, of every module below as well: `module.**`. For `deny` only.
    Below,
}

impl Pattern {
    /// Reads an import as a policy file writes it. The error says what is wrong, without a full stop.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        if text.parse::<f64>().is_ok() {
            return Err("this is a number; an import is written `module.name`".to_owned());
        }
        let (module, name) = match text.split_once(':') {
            Some((module, name)) => (module, name),
            None => text.rsplit_once('.').ok_or_else(|| {
                "an import is written `module.name`, for example `numpy.ndarray`".to_owned()
            })?,
        };
        if !module.split('.').all(is_segment) {
            return Err("the module has an empty part or a character that no module name has".to_owned());
        }
        let names = match name {
            "*" => Names::Segment,
            "**" => Names::Below,
            _ if name.split('.').all(is_segment) => Names::One(name.to_owned()),
            _ if name.contains('*') => {
                return Err(
                    "`*` stands for one whole name at the end, as in `ourcompany.models.*`".to_owned()
                );
            }
            _ => return Err("the name has an empty part or a character that no name has".to_owned()),
        };
        Ok(Pattern { module: module.to_owned(), names })
    }

    /// What an entry that says neither `kind` nor `use` is taken for, and what it then permits. By the
    /// usual spelling a capital letter begins a class; anything else may be a function or a class, and
    /// is permitted for both.
    pub fn assumed(&self) -> (Kind, Uses) {
        let last = match &self.names {
            Names::One(name) => name.rsplit('.').next().unwrap_or(name),
            Names::Segment | Names::Below => return (Kind::Class, Uses::OF_CLASS),
        };
        if last.trim_start_matches('_').starts_with(char::is_uppercase) {
            (Kind::Class, Uses::OF_CLASS)
        } else {
            (Kind::Function, Uses::EVERY)
        }
    }

    /// Whether the pattern covers this import.
    pub fn matches(&self, module: &str, name: &str) -> bool {
        match &self.names {
            Names::One(one) => self.module == module && one == name,
            Names::Segment => self.module == module && covers_segment(name),
            Names::Below => {
                module.strip_prefix(&self.module).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                    || self.covers_as_attribute(module, name)
            }
        }
    }

    /// `a.b.**` takes away (`a`, `b.c`) too: the same object, reached by attributes.
    fn covers_as_attribute(&self, module: &str, name: &str) -> bool {
        self.module
            .strip_prefix(module)
            .and_then(|rest| rest.strip_prefix('.'))
            .and_then(|path| name.strip_prefix(path))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

/// Whether `*` covers this name.
pub fn covers_segment(name: &str) -> bool {
    is_segment(name) && !name.starts_with("__")
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.names {
            Names::One(name) => f.write_str(&written(&self.module, name)),
            Names::Segment => write!(f, "{}.*", self.module),
            Names::Below => write!(f, "{}.**", self.module),
        }
    }
}

/// An import as a policy file writes it.
pub fn written(module: &str, name: &str) -> String {
    let mark = if name.contains('.') { ':' } else { '.' };
    format!("{module}{mark}{name}")
}

fn is_segment(segment: &str) -> bool {
    !segment.is_empty() && segment.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Pattern {
        Pattern::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn the_last_dot_or_the_colon_ends_the_module() {
        assert_eq!(parse("a.b.C"), Pattern { module: "a.b".into(), names: Names::One("C".into()) });
        assert_eq!(parse("a.b:C.D"), Pattern { module: "a.b".into(), names: Names::One("C.D".into()) });
        for text in ["a.b.C", "a.b:C.D", "a.b.*", "a.**"] {
            assert_eq!(parse(text).to_string(), text);
        }
        for bad in [
            "", "os", ".x", "a..b", "a.", "a b.c", "a.*.b", "a.b*", "a:b:c", "a.b\n.c", "a.b:", "*", "*.x",
            ":x",
        ] {
            assert!(Pattern::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_name_matches_exactly_and_never_by_prefix_case_or_dots() {
        let one = parse("torch.storage._load_from_bytes");
        assert!(one.matches("torch.storage", "_load_from_bytes"));
        for (module, name) in [
            ("torch", "storage._load_from_bytes"),
            ("torch.storage", "_load_from_bytes2"),
            ("torch.Storage", "_load_from_bytes"),
            ("torch.storage.x", "_load_from_bytes"),
            ("", "torch.storage._load_from_bytes"),
        ] {
            assert!(!one.matches(module, name), "{module} {name}");
        }
    }

    #[test]
    fn a_star_is_one_segment_and_no_dunder() {
        let star = parse("ours.models.*");
        assert!(star.matches("ours.models", "Ranker"));
        for (module, name) in [
            ("ours.models", "Ranker.forward"),
            ("ours.models", "__builtins__"),
            ("ours.models.sub", "X"),
            ("ours", "models.X"),
        ] {
            assert!(!star.matches(module, name), "{module} {name}");
        }
    }

    #[test]
    fn two_stars_reach_everything_below_by_either_spelling() {
        let below = parse("sklearn.externals.**");
        for (module, name) in [
            ("sklearn.externals", "x"),
            ("sklearn.externals.joblib", "load"),
            ("sklearn", "externals.joblib.load"),
            ("sklearn", "externals"),
        ] {
            assert!(below.matches(module, name), "{module} {name}");
        }
        assert!(!below.matches("sklearn.externals2", "x") && !below.matches("sklearn", "external"));
    }
}
