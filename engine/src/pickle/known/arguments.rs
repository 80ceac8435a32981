//! Guards on the arguments of callables that use methods of what they are given, or run `__new__` of it.
//! They hold whatever else is known of the callable.

use crate::pickle::known::callable::Callable;
use crate::pickle::known::frames;
use crate::pickle::machine::Machine;
use crate::pickle::machine::trace::Trace;
use crate::pickle::machine::value::{Tag, Value};
use crate::pickle::stream::reader::Cursor;
use crate::pickle::stream::text::{self, Text};
use crate::policy::guard::Guard;

/// Types that convert one literal.
const CONVERTERS: &[&str] =
    &["int", "long", "float", "complex", "bool", "str", "unicode", "bytes", "bytearray", "range", "xrange"];

/// Containers that copy what they are given.
const COPIES: &[&str] = &["set", "frozenset", "list", "tuple", "dict"];

/// Longest text that is searched for a time zone, in bytes. A type string around the longest path is shorter.
const ZONE: u64 = 1 << 16;

/// The guard on the arguments of an import.
pub fn guard_of(module: &str, name: &str) -> Option<Guard> {
    Some(match (module, name) {
        ("builtins" | "__builtin__", name) if CONVERTERS.contains(&name) || COPIES.contains(&name) => {
            Guard::PlainArguments
        }
        ("collections", "OrderedDict" | "Counter" | "UserDict" | "UserList" | "deque")
        | ("nltk.probability", "FreqDist" | "ConditionalFreqDist")
        | ("spacy.strings", "StringStore")
        | ("decimal", "Decimal")
        | ("fractions", "Fraction")
        | ("random", "Random")
        | ("array", "array")
        | ("re", "_compile")
        | ("types", "SimpleNamespace")
        | ("ipaddress", _)
        | ("pathlib" | "pathlib._local", _) => Guard::PlainArguments,
        (
            "torch._utils",
            "_rebuild_parameter" | "_rebuild_parameter_with_state" | "_rebuild_device_tensor_from_cpu_tensor",
        )
        | ("torch.nn.parameter", "Parameter" | "Buffer") => Guard::TensorArgument,
        (
            "torch._utils",
            "_rebuild_tensor" | "_rebuild_tensor_v2" | "_rebuild_tensor_v3" | "_rebuild_qtensor",
        ) => Guard::StorageArgument,
        ("sphinx.config", "Config") => Guard::OptionDefaults,
        ("zoneinfo", "ZoneInfo._unpickle") => Guard::ZoneKey,
        (_, "newObj") => Guard::ClassArgument,
        (_, name) if name.starts_with("__pyx_unpickle_") => Guard::ClassArgument,
        ("numpy.ma.core" | "numpy.ma", "_mareconstruct" | "_mrreconstruct") => Guard::MaskedArray,
        ("pandas", _) => Guard::TimeZone,
        (module, _) if module.starts_with("pandas.") => Guard::TimeZone,
        _ => return None,
    })
}

/// Whether a key is the name of a time zone: `Europe/Berlin`, `Etc/GMT+5`.
fn is_zone(key: &str) -> bool {
    key.split('/').all(|part| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '_'))
    })
}

impl<C: Cursor, T: Trace> Machine<'_, C, T> {
    /// What the guard on its arguments says against a call. `keywords`: whether there are any.
    pub(in crate::pickle) fn arguments(&self, import: u32, args: Value, keywords: bool) -> Option<String> {
        let guard = self.state.imports.arguments(import)?;
        let tuples = &self.state.tuples;
        let first = tuples.get(args, 0);
        let fine = match guard {
            Guard::PlainArguments => {
                let name = self.state.imports.get(import).map_or("", |i| i.name.as_str());
                let containers = COPIES.contains(&name)
                    || matches!(
                        name,
                        "OrderedDict"
                            | "Counter"
                            | "UserDict"
                            | "UserList"
                            | "deque"
                            | "StringStore"
                            | "array"
                    )
                    || name.ends_with("FreqDist");
                let bytes = matches!(name, "bytes" | "bytearray");
                !keywords && tuples.items(args).all(|v| self.plain(v, containers, bytes))
            }
            Guard::TensorArgument => first.is_none_or(|v| v.is(Tag::None) || self.is_tensor(v)) && !keywords,
            Guard::ClassArgument => first.is_some_and(|v| v.is(Tag::Import)),
            Guard::MaskedArray => {
                let of_numpy = |i| {
                    tuples
                        .get(args, i)
                        .and_then(|v| self.named(v))
                        .is_some_and(|(module, _)| module == "numpy" || module.starts_with("numpy."))
                };
                of_numpy(0) && of_numpy(1)
            }
            Guard::StorageArgument => first.is_none_or(|v| self.is_storage(v)) && !keywords,
            Guard::ZoneKey => {
                let key = first.and_then(|v| self.literal_word(v));
                let cached = tuples.get(args, 1).is_some_and(|v| matches!(v.tag(), Tag::Bool | Tag::Int));
                !keywords && cached && tuples.len(args) == Some(2) && key.is_some_and(|key| is_zone(&key))
            }
            Guard::TimeZone => {
                let name = self.state.imports.get(import).map_or("", |i| i.name.as_str());
                // `cls(**d)` takes the keywords of any mapping.
                let spread = name.starts_with("_new_") && name.ends_with("Index");
                let read = |v: Value| self.state.states.items(v).is_some();
                !keywords
                    && !tuples.items(args).any(|v| self.opens_zone(v) || self.holds_frame(v))
                    && (!spread || tuples.get(args, 1).is_some_and(read))
            }
            _ => true,
        };
        if fine {
            return None;
        }
        Some(
            match guard {
                Guard::PlainArguments => "it converts an object, whose methods would run",
                Guard::TensorArgument => "it is given something else than a tensor, whose methods it calls",
                Guard::ClassArgument => "it makes an instance of what is no literal import",
                Guard::StorageArgument => "its storage is something else, whose properties would run",
                Guard::ZoneKey => "its key may name a file that is no time zone",
                Guard::MaskedArray => "it runs `__new__` of something that is no array of numpy",
                _ if tuples.items(args).any(|v| self.holds_frame(v)) => {
                    "it is given a Series or a DataFrame, whose labels and places answer for attributes"
                }
                _ => "it may be given a time zone of dateutil by name, which opens that file",
            }
            .to_owned(),
        )
    }

    /// A literal, or for a container one of literals and mappings.
    pub(in crate::pickle) fn plain(&self, value: Value, containers: bool, bytes: bool) -> bool {
        match value.tag() {
            Tag::None | Tag::Bool | Tag::Int | Tag::BigInt | Tag::Float | Tag::Text => true,
            Tag::Bytes | Tag::ByteArray | Tag::Encoded => true,
            Tag::List | Tag::Tuple => containers || bytes,
            Tag::Dict | Tag::Set | Tag::FrozenSet => containers,
            Tag::Object => match self.made_by(value) {
                Callable::CodecsEncode | Callable::Bytes => true,
                Callable::Mapping | Callable::Forwarder(Guard::DefaultFactory) => containers,
                _ => false,
            },
            _ => false,
        }
    }

    fn is_tensor(&self, value: Value) -> bool {
        let import = value.object_import().and_then(|i| self.state.imports.get(i));
        import.is_some_and(|i| match i.module.as_str() {
            "torch._utils" | "torch._tensor" | "torch.tensor" => i.name.starts_with("_rebuild_"),
            "torch" => i.name == "Tensor",
            "torch.nn.parameter" => true,
            _ => false,
        })
    }

    /// What torch keeps the bytes of a tensor in: a persistent object, or what torch makes of bytes.
    fn is_storage(&self, value: Value) -> bool {
        match value.tag() {
            Tag::Persistent => true,
            Tag::Object => {
                self.made_by(value) == Callable::Unpickler
                    || value.object_import().and_then(|i| self.state.imports.get(i)).is_some_and(|i| {
                        (i.module == "torch" || i.module.starts_with("torch.")) && i.name.ends_with("Storage")
                    })
            }
            _ => false,
        }
    }

    /// What the guard of a class says against this state of it.
    pub(in crate::pickle) fn state_guarded(&self, import: u32, state: Value) -> Option<&'static str> {
        match self.state.imports.arguments(import)? {
            Guard::TimeZone if self.zone_in_state(import, state) => {
                Some("it names a time zone of dateutil, whose file a call would open")
            }
            Guard::OptionDefaults if !self.plain_options(state) => {
                Some("it does not keep plain values as its options, and what stands there is called")
            }
            _ => None,
        }
    }

    fn zone_in_state(&self, import: u32, state: Value) -> bool {
        let tuples = &self.state.tuples;
        // A type keeps its type string in a state of its own, with little in it.
        let dtype = self.state.imports.get(import).is_some_and(|i| i.name.ends_with("Dtype"));
        if dtype && state.is(Tag::Dict) && self.state.states.items(state).is_none() {
            return true;
        }
        let here = |v: Value| !v.is(Tag::Object) && self.opens_zone(v);
        here(state) || tuples.items(state).any(|v| here(v) || tuples.items(v).any(here))
    }

    /// Whether each option of Sphinx's `Config` has a default that is no callable. Its `__getattr__` calls
    /// one that is.
    fn plain_options(&self, state: Value) -> bool {
        let (states, tuples) = (&self.state.states, &self.state.tuples);
        let options = |key: Value| matches!(self.literal_word(key).as_deref(), Some("_options" | "values"));
        let default = |pair: Value| tuples.get(pair, 0).is_some_and(|v| !self.state.imports.may_be_called(v));
        states.items(state).is_some_and(|items| {
            items.iter().filter(|(key, _)| options(*key)).all(|(_, table)| {
                states.items(*table).is_some_and(|table| table.iter().all(|(_, pair)| default(*pair)))
            })
        })
    }

    /// Whether a value, or one of a dict, is a Series or a DataFrame. pandas reads `data.dtype` and takes a
    /// column of that name, by a table of places that compiled code fills without looking at bounds.
    fn holds_frame(&self, value: Value) -> bool {
        let frame = |v: Value| {
            let import = v.object_import().and_then(|i| self.state.imports.get(i));
            import.is_some_and(|i| frames::answers(&i.module, &i.name))
        };
        frame(value)
            || value.is(Tag::Dict)
                && self.state.states.items(value).is_some_and(|items| items.iter().any(|(_, v)| frame(*v)))
    }

    /// Whether what a call gave may be text.
    fn may_be_text(&self, value: Value) -> bool {
        let Some(import) = value.object_import().and_then(|i| self.state.imports.get(i)) else { return true };
        match (import.module.as_str(), import.name.as_str()) {
            ("builtins" | "__builtin__", "str" | "unicode") | ("docutils.nodes", "Text") => true,
            _ => self.state.dtypes.may_be_text(value),
        }
    }

    /// Whether a text, or a value of a dict, names a time zone of dateutil.
    fn opens_zone(&self, value: Value) -> bool {
        match value.tag() {
            Tag::Text => match text::decode(&self.cursor, value.payload(), ZONE) {
                Text::Str(text) => text.contains("dateutil/"),
                Text::TooLong(_) | Text::Undecodable => true,
            },
            Tag::Dict => self.state.states.items(value).is_some_and(|items| {
                items.iter().any(|(_, v)| matches!(v.tag(), Tag::Text | Tag::Object) && self.opens_zone(*v))
            }),
            Tag::Object => self.may_be_text(value),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::pickle::known::{arguments, forwarder};
    use crate::policy::Uses;
    use crate::policy::builtin;

    /// What a guard says is heard for an entry that has one, whichever it is.
    #[test]
    fn what_has_a_guard_in_the_machine_has_one_in_the_list() {
        for entry in builtin::entries() {
            let (module, name) = (&*entry.module, &*entry.name);
            let guarded = arguments::guard_of(module, name).or(forwarder::guard_of(module, name));
            let applied = entry.uses.contains(Uses::CREATE) || entry.uses.contains(Uses::CALL);
            assert!(guarded.is_none() || !applied || entry.guard.is_some(), "{module}.{name}");
        }
    }
}
