//! Callables that call, or run `__new__` of, what they are given. Each may be given only what makes
//! that harmless: see the guard of the same name in [`Guard`].

use crate::pickle::machine::Machine;
use crate::pickle::machine::trace::Trace;
use crate::pickle::machine::value::{Tag, Value};
use crate::pickle::stream::reader::Cursor;
use crate::policy::guard::Guard;

const CONTAINERS: &[&str] = &[
    "dict",
    "list",
    "tuple",
    "set",
    "frozenset",
    "int",
    "long",
    "float",
    "complex",
    "str",
    "unicode",
    "bytes",
    "bytearray",
];

const FACTORIES: &[&str] = &["OrderedDict", "Counter", "deque", "defaultdict"];

const BIT_GENERATORS: &[(&str, &str)] = &[
    ("numpy.random._mt19937", "MT19937"),
    ("numpy.random._pcg64", "PCG64"),
    ("numpy.random._pcg64", "PCG64DXSM"),
    ("numpy.random._philox", "Philox"),
    ("numpy.random._sfc64", "SFC64"),
];

/// The guard of a callable that forwards.
pub fn guard_of(module: &str, name: &str) -> Option<Guard> {
    Some(match (module, name) {
        ("copyreg" | "copy_reg", "_reconstructor") => Guard::CopyregBase,
        ("collections" | "UserString", "defaultdict") => Guard::DefaultFactory,
        (
            "numpy.random._pickle" | "numpy.random",
            "__bit_generator_ctor" | "__generator_ctor" | "__randomstate_ctor" | "__RandomState_ctor",
        ) => Guard::NumpyRandom,
        ("pandas.core.indexes.base" | "pandas.indexes.base" | "pandas.core.index", "_new_Index") => {
            Guard::PandasIndex
        }
        ("numpy.core.numeric" | "numpy._core.numeric", "_frombuffer") => Guard::LiteralBuffer,
        ("torch._tensor" | "torch.tensor", "_rebuild_from_type_v2") => Guard::RebuildFromType,
        ("builtins", "type") => Guard::TypeOfNone,
        _ => return None,
    })
}

impl<C: Cursor, T: Trace> Machine<'_, C, T> {
    /// Module and name of a value that is an import.
    pub(in crate::pickle) fn named(&self, value: Value) -> Option<(&str, &str)> {
        let import = self.state.imports.get(value.as_import()?)?;
        Some((import.module.as_str(), import.name.as_str()))
    }

    /// What a forwarder's guard says against these arguments.
    pub(in crate::pickle) fn forwarded(&self, guard: Guard, args: Value) -> Option<String> {
        let tuples = &self.state.tuples;
        let arg = |i| tuples.get(args, i);
        let count = tuples.len(args);
        let named = |i| arg(i).and_then(|v| self.named(v));
        let builtin = |name: &str| CONTAINERS.contains(&name);
        let fine = match guard {
            Guard::CopyregBase => match (named(0), named(1)) {
                (Some(_), Some(("builtins" | "__builtin__", "object"))) => {
                    arg(2).is_some_and(|v| v.is(Tag::None))
                }
                (Some(_), Some(("builtins" | "__builtin__", base))) => {
                    builtin(base) && arg(2).is_some_and(|v| self.plain(v, true, true))
                }
                _ => false,
            },
            Guard::DefaultFactory if !arg(1).is_none_or(|v| self.plain(v, true, false)) => false,
            Guard::DefaultFactory => match (arg(0), named(0)) {
                (None, _) => count == Some(0),
                (Some(v), _) if v.is(Tag::None) => true,
                (_, Some(("builtins" | "__builtin__", name))) => {
                    builtin(name) || matches!(name, "bool" | "object")
                }
                (_, Some(("collections", name))) => FACTORIES.contains(&name),
                _ => false,
            },
            Guard::NumpyRandom => {
                count <= Some(4)
                    && tuples.items(args).all(|v| match self.named(v) {
                        Some(("numpy.random._pickle", "__bit_generator_ctor")) => true,
                        Some(import) => BIT_GENERATORS.contains(&import),
                        None => v.is(Tag::Text) || self.made_by_name(v) == Some("__bit_generator_ctor"),
                    })
            }
            Guard::PandasIndex => {
                matches!(named(0), Some((module, name)) if (module == "pandas" || module.starts_with("pandas.")) && name.ends_with("Index"))
            }
            Guard::LiteralBuffer => arg(0).is_some_and(|v| matches!(v.tag(), Tag::Bytes | Tag::ByteArray)),
            Guard::RebuildFromType => {
                matches!(named(0), Some(("torch._utils", name)) if name.starts_with("_rebuild_"))
                    && named(1).is_some()
                    && arg(0).and_then(Value::as_import).zip(arg(2)).is_some_and(|(function, args)| {
                        args.is(Tag::Tuple) && self.arguments(function, args, false).is_none()
                    })
            }
            Guard::TypeOfNone => count == Some(1) && arg(0).is_some_and(|v| v.is(Tag::None)),
            _ => true,
        };
        if fine {
            return None;
        }
        Some(
            match guard {
                Guard::CopyregBase => "it runs `__init__` of a base that is no built-in container",
                Guard::DefaultFactory => "it is given a factory that is no built-in container or number",
                Guard::NumpyRandom => "it is given something else than numpy's own generators",
                Guard::PandasIndex => "it creates something else than an index of pandas",
                Guard::LiteralBuffer => {
                    "its buffer is not literal bytes: over an object array it would show pointers"
                }
                Guard::RebuildFromType => "it calls something else than torch's rebuild functions",
                _ => "it is called with anything but None",
            }
            .to_owned(),
        )
    }

    fn made_by_name(&self, value: Value) -> Option<&str> {
        let import = self.state.imports.get(value.object_import()?)?;
        Some(import.name.as_str())
    }
}
