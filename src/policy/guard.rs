//! Guards: what the arguments of a listed import have to look like.

/// A named check on arguments or state. An entry names it; the machine evaluates it for the imports
/// it knows, since only the machine sees the arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// `numpy.dtype`: a plain type string; a state whose fields lie inside the item and whose object
    /// flag agrees with its type.
    NumpyDtype,
    /// `torch.storage._load_from_bytes`: called with literal bytes, which are read as a file of their own.
    NestedBytes,
    /// `joblib.numpy_pickle.NumpyArrayWrapper`: followed by the raw data it announces, read by joblib's rules.
    JoblibArray,
    /// `_codecs.encode`: literal text and one of latin1, ascii, utf-8.
    CodecsEncode,
}
