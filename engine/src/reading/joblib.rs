//! joblib's files: a pickle with raw arrays between its opcodes, and the compressed form of old.
//!
//! Three loaders read such a file in three ways, and each way is a stream of its own: `joblib.load`, which steps over
//! the arrays and the padding before them; joblib before 1.2, which knows no padding; and `pickle.load`, which takes
//! both for opcodes.

use std::collections::{HashMap, HashSet};
use std::io;

use crate::content::Content;
use crate::facts::{Fault, Import, Nested, Objection, Stream, Use, UseKind};
use crate::pickle::machine::{Run, is_at_hand, makes_callable};
use crate::rule::Rule;

/// Whether an import is the wrapper behind whose state array bytes follow.
pub fn is_wrapper(import: &Import) -> bool {
    import.name == "NumpyArrayWrapper" && import.module.ends_with("joblib.numpy_pickle")
}

/// What the readings of joblib do, to be asked of each thing that `pickle.load` does beside them.
struct Known<'a> {
    faults: HashSet<&'a Fault>,
    nested: HashSet<&'a Nested>,
    /// By module and name the different sets of uses, as an import has them in one stream.
    uses: HashMap<(&'a str, &'a str), HashSet<Uses<'a>>>,
    names: HashSet<&'a str>,
    /// Where `numpy.dtype` is imported.
    dtypes: HashSet<u64>,
}

/// What is done with an import, and what a guard objects to.
type Uses<'a> = Vec<(UseKind, Option<&'a Objection>)>;

impl<'a> Known<'a> {
    fn new(main: &'a Stream, others: &'a [Stream]) -> Known<'a> {
        let streams = || others.iter().chain([main]);
        let imports = || streams().flat_map(|stream| &stream.imports);
        let mut uses: HashMap<_, HashSet<Uses>> = HashMap::new();
        for import in imports() {
            let of_it = import.uses.iter().map(|used| (used.kind, used.objection.as_ref())).collect();
            uses.entry((import.module.as_str(), import.name.as_str())).or_default().insert(of_it);
        }
        Known {
            faults: streams().flat_map(|stream| &stream.faults).collect(),
            nested: streams().flat_map(|stream| &stream.nested).collect(),
            uses,
            names: imports().map(|import| import.name.as_str()).collect(),
            dtypes: imports()
                .filter(|import| (import.module.as_str(), import.name.as_str()) == ("numpy", "dtype"))
                .map(|import| import.offset)
                .collect(),
        }
    }

    /// Whether one stream does all with an import that another does.
    fn covers(&self, import: &Import, misled: Option<u64>) -> bool {
        // A guard cannot follow the dtype that a misled import would give; numpy takes none but its own.
        let follows = |used: &Use| {
            used.objection.as_ref().is_some_and(|o| misled.is_some_and(|misled| o.offset > misled))
        };
        // What was waiting to be applied when a reading ended was handed to no one, and whoever is handed it is judged.
        let waited = |used: &Use| used.kind == UseKind::Reference;
        // Numbers that spell a call of an object end the reading, unless its class has a `__call__`.
        let ends =
            |used: &Use| used.kind == UseKind::CallResult && !makes_callable(&import.module, &import.name);
        let Some(all) = self.uses.get(&(import.module.as_str(), import.name.as_str())) else {
            return false;
        };
        all.iter().any(|uses| {
            import.uses.iter().all(|used| {
                waited(used)
                    || ends(used)
                    || uses.contains(&(used.kind, used.objection.as_ref()))
                    || (follows(used) && uses.contains(&(used.kind, None)))
            })
        })
    }

    /// Whether `pickle.load` only comes to an import because it shares its memo with a pickle inside, and fails there.
    ///
    /// Since 1.5 joblib writes an array of objects as a whole pickle of protocol 5. `joblib.load` reads that with a
    /// memo of its own, and `numpy.dtype` comes from there; `pickle.load` goes on with the memo it has, and finds some
    /// text of the outer pickle in the place of `numpy`, `LabelEncoder` or a feature's name. It imports the module of
    /// that name, and raises because there is none, or none with a `dtype`. To import a module is to run it, so what
    /// any interpreter can import is reported like any import.
    fn is_misled(&self, import: &Import) -> bool {
        import.name == "dtype"
            && !import.module.contains('.')
            && !is_at_hand(&import.module)
            && self.dtypes.contains(&import.offset)
    }
}

/// Modules that `pickle.load` would import by a text that happens to stand where it looks, one for each name. A name of
/// something that the file imports anyway is not told: classes stand there more often than not.
pub fn strays(plain: &Run, main: &Stream, others: &[Stream]) -> Vec<Import> {
    let known = Known::new(main, others);
    let streams = std::iter::once(&plain.stream).chain(&plain.inner);
    let mut found: Vec<Import> = streams
        .flat_map(|stream| &stream.imports)
        .filter(|import| known.is_misled(import) && !known.names.contains(import.module.as_str()))
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
    let known = Known::new(main, others);
    let mut streams = vec![other.stream];
    streams.extend(other.inner);
    for stream in &mut streams {
        stream.faults.retain(|fault| {
            !matches!(fault.rule, Rule::StreamMalformed | Rule::StreamAmbiguous)
                && !known.faults.contains(fault)
        });
        stream.nested.retain(|nested| !known.nested.contains(nested));
        let misled = stream.imports.iter().find(|import| known.is_misled(import)).map(|import| import.offset);
        stream.imports.retain(|import| {
            !known.is_misled(import) && !known.covers(import, misled) && !is_nowhere(import)
        });
    }
    streams.retain(|s| !(s.faults.is_empty() && s.nested.is_empty() && s.imports.is_empty()));
    streams
}

/// Whether there is no module of such a name anywhere, and nothing is done with it: its first part has a NUL, as text in
/// UCS-4 reads as a line. No file has such a name; CPython 2.7 raises a TypeError, 3.6 to 3.13 a ModuleNotFoundError
/// before they look for the other parts (`pickle.loads` of `c`, `a`, NUL, `b` beside `a.py`, by both unpicklers).
fn is_nowhere(import: &Import) -> bool {
    let package = import.module.split('.').next().unwrap_or_default();
    package.contains('\0') && import.uses.iter().all(|used| used.kind == UseKind::Reference)
}

/// Offset of the zlib stream in a file of joblib before 0.10: `ZF`, then the length in hexadecimal,
/// padded to 19 characters, then, from Python 2, one blank more (`joblib/numpy_pickle_compat.py`,
/// `read_zfile`).
pub fn zfile_data(content: &Content) -> io::Result<u64> {
    let head = content.read_range(0, 22)?;
    Ok(if head.get(21) == Some(&b' ') { 22 } else { 21 })
}
