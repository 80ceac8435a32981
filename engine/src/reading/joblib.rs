//! joblib's files: a pickle with raw arrays between its opcodes, and the compressed form of old.
//!
//! Three loaders read such a file in three ways, and each way is a stream of its own: `joblib.load`, which steps over
//! the arrays and the padding before them; joblib before 1.2, which knows no padding; and `pickle.load`, which takes
//! both for opcodes.

use std::io;

use crate::content::Content;
use crate::facts::{Import, Stream, Use, UseKind};
use crate::pickle::machine::{Run, is_at_hand, makes_callable};
use crate::rule::Rule;

/// Whether an import is the wrapper behind whose state array bytes follow.
pub fn is_wrapper(import: &Import) -> bool {
    import.name == "NumpyArrayWrapper" && import.module.ends_with("joblib.numpy_pickle")
}

/// Modules that `pickle.load` would import by a text that happens to stand where it looks, one for each name. A name of
/// something that the file imports anyway is not told: classes stand there more often than not.
pub fn strays(plain: &Run, main: &Stream, others: &[Stream]) -> Vec<Import> {
    let known: Vec<&Stream> = others.iter().chain([main]).collect();
    let named =
        |name: &str| known.iter().flat_map(|stream| &stream.imports).any(|import| import.name == name);
    let streams = std::iter::once(&plain.stream).chain(&plain.inner);
    let mut found: Vec<Import> = streams
        .flat_map(|stream| &stream.imports)
        .filter(|import| is_misled(import, &known) && !named(&import.module))
        .cloned()
        .collect();
    found.dedup_by(|a, b| a.module == b.module);
    found
}

/// What another reading does beyond the known ones, stream by stream; none where it does nothing more.
///
/// It runs into array bytes and breaks there, sooner or later: no pickle is what they are, and neither that nor that
/// unpicklers break at different bytes is a fault.
pub fn beyond(other: Run, main: &Stream, others: &[Stream]) -> Vec<Stream> {
    let known: Vec<&Stream> = others.iter().chain([main]).collect();
    let mut streams = vec![other.stream];
    streams.extend(other.inner);
    for stream in &mut streams {
        stream.faults.retain(|fault| {
            !matches!(fault.rule, Rule::StreamMalformed | Rule::StreamAmbiguous)
                && !known.iter().any(|known| known.faults.contains(fault))
        });
        stream.nested.retain(|nested| !known.iter().any(|known| known.nested.contains(nested)));
        let misled =
            stream.imports.iter().find(|import| is_misled(import, &known)).map(|import| import.offset);
        stream.imports.retain(|import| {
            !is_misled(import, &known) && !known.iter().any(|known| covers(known, import, misled))
        });
    }
    streams.retain(|s| !(s.faults.is_empty() && s.nested.is_empty() && s.imports.is_empty()));
    streams
}

/// Whether a known stream does all with an import that another does.
fn covers(known: &Stream, import: &Import, misled: Option<u64>) -> bool {
    // A guard cannot follow the dtype that a misled import would give; numpy takes none but its own.
    let follows =
        |used: &Use| used.objection.as_ref().is_some_and(|o| misled.is_some_and(|misled| o.offset > misled));
    let alike = |a: &Use, b: &Use| {
        a.kind == b.kind && (a.objection == b.objection || (follows(a) && b.objection.is_none()))
    };
    // What was waiting to be applied when a reading ended was handed to no one, and whoever is handed it is judged.
    let waited = |used: &Use| used.kind == UseKind::Reference;
    // Numbers that spell a call of an object end the reading, unless its class has a `__call__`.
    let ends = |used: &Use| used.kind == UseKind::CallResult && !makes_callable(&import.module, &import.name);
    known.imports.iter().any(|other| {
        (&other.module, &other.name) == (&import.module, &import.name)
            && import
                .uses
                .iter()
                .all(|used| waited(used) || ends(used) || other.uses.iter().any(|o| alike(used, o)))
    })
}

/// Whether `pickle.load` only comes to an import because it shares its memo with a pickle inside, and fails there.
///
/// Since 1.5 joblib writes an array of objects as a whole pickle of protocol 5. `joblib.load` reads that with a memo
/// of its own, and `numpy.dtype` comes from there; `pickle.load` goes on with the memo it has, and finds some text of
/// the outer pickle in the place of `numpy`, `LabelEncoder` or a feature's name. It imports the module of that name,
/// and raises because there is none, or none with a `dtype`. To import a module is to run it, so what any interpreter
/// can import is reported like any import.
fn is_misled(import: &Import, known: &[&Stream]) -> bool {
    import.name == "dtype"
        && !import.module.contains('.')
        && !is_at_hand(&import.module)
        && known.iter().flat_map(|stream| stream.imports.iter()).any(|other| {
            (other.module.as_str(), other.name.as_str(), other.offset) == ("numpy", "dtype", import.offset)
        })
}

/// Offset of the zlib stream in a file of joblib before 0.10: `ZF`, then the length in hexadecimal,
/// padded to 19 characters, then, from Python 2, one blank more (`joblib/numpy_pickle_compat.py`,
/// `read_zfile`).
pub fn zfile_data(content: &Content) -> io::Result<u64> {
    let head = content.read_range(0, 22)?;
    Ok(if head.get(21) == Some(&b' ') { 22 } else { 21 })
}
