//! Guards on the arguments of callables that use methods of what they are given, or run `__new__` of it.
//! They hold whatever else is known of the callable.

use super::callable::Callable;
use super::machine::Machine;
use super::reader::Cursor;
use super::text::{self, Text};
use super::trace::Trace;
use super::value::{Tag, Value};
use crate::policy::guard::Guard;

/// Types that convert one literal.
const CONVERTERS: &[&str] =
    &["int", "long", "float", "complex", "bool", "str", "unicode", "bytes", "bytearray", "range", "xrange"];

/// Containers that copy what they are given.
const COPIES: &[&str] = &["set", "frozenset", "list", "tuple", "dict"];

/// Longest text that is searched for a time zone, in bytes.
const ZONE: u64 = 4096;

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
        | ("pathlib" | "pathlib._local", _) => Guard::PlainArguments,
        (
            "torch._utils",
            "_rebuild_parameter" | "_rebuild_parameter_with_state" | "_rebuild_device_tensor_from_cpu_tensor",
        )
        | ("torch.nn.parameter", "Parameter" | "Buffer") => Guard::TensorArgument,
        (_, "newObj") => Guard::ClassArgument,
        (_, name) if name.starts_with("__pyx_unpickle_") => Guard::ClassArgument,
        ("numpy.ma.core" | "numpy.ma", "_mareconstruct" | "_mrreconstruct") => Guard::MaskedArray,
        ("pandas", _) => Guard::TimeZone,
        (module, _) if module.starts_with("pandas.") => Guard::TimeZone,
        _ => return None,
    })
}

impl<C: Cursor, T: Trace> Machine<'_, C, T> {
    /// What the guard on its arguments says against a call. `keywords`: whether there are any.
    pub(super) fn arguments(&self, import: u32, args: Value, keywords: bool) -> Option<String> {
        let guard = self.state.imports.arguments(import)?;
        let tuples = &self.state.tuples;
        let first = tuples.get(args, 0);
        let fine = match guard {
            Guard::PlainArguments => {
                let name = self.state.imports.get(import).map_or("", |i| i.name.as_str());
                let containers = COPIES.contains(&name)
                    || matches!(
                        name,
                        "OrderedDict" | "Counter" | "UserDict" | "UserList" | "deque" | "StringStore"
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
            Guard::TimeZone => !tuples.items(args).any(|v| self.opens_zone(v)),
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
                Guard::MaskedArray => "it runs `__new__` of something that is no array of numpy",
                _ => "it is given a time zone of dateutil by name, which opens that file",
            }
            .to_owned(),
        )
    }

    /// A literal, or for a container one of literals and mappings.
    pub(super) fn plain(&self, value: Value, containers: bool, bytes: bool) -> bool {
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

    /// Whether a text, or a value of a dict, names a time zone of dateutil.
    fn opens_zone(&self, value: Value) -> bool {
        match value.tag() {
            Tag::Text => match text::decode(&self.cursor, value.payload(), ZONE) {
                Text::Str(text) => text.contains("dateutil/"),
                Text::TooLong(_) | Text::Undecodable => false,
            },
            Tag::Dict => self
                .state
                .states
                .items(value)
                .is_some_and(|items| items.iter().any(|(_, v)| v.is(Tag::Text) && self.opens_zone(*v))),
            _ => false,
        }
    }
}
