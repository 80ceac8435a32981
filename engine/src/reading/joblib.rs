//! joblib's files: a pickle with raw arrays between its opcodes, and the compressed form of old.

use std::io;

use crate::content::Content;
use crate::facts::{Import, Stream};
use crate::pickle::machine::Run;
use crate::reading::pickles::is_plausible;

/// Whether an import is the wrapper behind whose state array bytes follow.
pub fn is_wrapper(import: &Import) -> bool {
    import.name == "NumpyArrayWrapper" && import.module.ends_with("joblib.numpy_pickle")
}

/// What `pickle.load` would resolve beyond what `joblib.load` does: it runs into the array bytes and
/// takes them for opcodes. Nothing, where they break it at once, as honest ones do.
pub fn leftover(plain: Stream, joblib: &Run) -> Option<Stream> {
    let known = |import: &Import| {
        joblib.inner.iter().chain([&joblib.stream]).any(|stream| {
            stream.imports.iter().any(|other| {
                let same = (&other.module, &other.name) == (&import.module, &import.name);
                let covers = |kind| other.uses.iter().any(|used| used.kind == kind);
                same && (!plain.stopped || import.uses.iter().all(|used| covers(used.kind)))
            })
        })
    };
    let imports: Vec<Import> =
        plain.imports.iter().filter(|import| is_plausible(import) && !known(import)).cloned().collect();
    if imports.is_empty() {
        return None;
    }
    Some(Stream { imports, faults: Vec::new(), storages: Vec::new(), ..plain })
}

/// Offset of the zlib stream in a file of joblib before 0.10: `ZF`, then the length in hexadecimal,
/// padded to 19 characters, then, from Python 2, one blank more (`joblib/numpy_pickle_compat.py`,
/// `read_zfile`).
pub fn zfile_data(content: &Content) -> io::Result<u64> {
    let head = content.read_range(0, 22)?;
    Ok(if head.get(21) == Some(&b' ') { 22 } else { 21 })
}
