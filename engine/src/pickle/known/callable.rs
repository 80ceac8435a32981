//! Callables whose arguments the machine understands: they make bytes, unpickle bytes, or carry
//! arguments that decide whether they are safe.

use crate::policy::guard::Guard;

/// What the machine knows about an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callable {
    /// Nothing special.
    Other,
    /// `numpy.dtype`.
    NumpyDtype,
    /// `_reconstruct` of numpy: an empty array, which state fills.
    NumpyArray,
    /// `scalar(dtype, bytes)` of numpy: a number, or text.
    NumpyScalar,
    /// `_codecs.encode`: how protocols 0 to 2 spell `bytes`.
    CodecsEncode,
    /// `builtins.bytes` and `builtins.bytearray`.
    Bytes,
    /// Takes bytes and unpickles them.
    Unpickler,
    /// `joblib.numpy_pickle.NumpyArrayWrapper`: raw array bytes follow its state.
    JoblibArray,
    /// `builtins.getattr`: an attribute of an import, by a literal name, is one more import.
    Attribute,
    /// Calls what it is given.
    Forwarder(Guard),
    /// A mapping that can be created with items in its arguments.
    Mapping,
}

impl Callable {
    /// What is known about this import.
    pub fn of(module: &str, name: &str) -> Callable {
        match (module, name) {
            ("numpy", "dtype") => Callable::NumpyDtype,
            ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct")
            | ("numpy.ma.core" | "numpy.ma", "_mareconstruct" | "_mrreconstruct") => Callable::NumpyArray,
            ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar") => Callable::NumpyScalar,
            ("_codecs" | "codecs", "encode") => Callable::CodecsEncode,
            ("builtins", "bytes" | "bytearray") => Callable::Bytes,
            ("builtins", "getattr") => Callable::Attribute,
            ("builtins", "dict") | ("collections", "OrderedDict" | "Counter" | "UserDict") => {
                Callable::Mapping
            }
            ("joblib.numpy_pickle" | "sklearn.externals.joblib.numpy_pickle", "NumpyArrayWrapper") => {
                Callable::JoblibArray
            }
            // torch/storage.py: `torch.load(io.BytesIO(b), weights_only=False)`.
            ("torch.storage", "_load_from_bytes")
            | (
                "pickle" | "_pickle" | "cloudpickle" | "cloudpickle.cloudpickle" | "dill" | "dill._dill",
                "loads",
            )
            | ("pickle", "_loads")
            | ("joblib.numpy_pickle", "load" | "_unpickle")
            | ("marshal", "loads") => Callable::Unpickler,
            _ => crate::pickle::known::forwarder::guard_of(module, name)
                .map_or(Callable::Other, Callable::Forwarder),
        }
    }
}
