//! Content through scan and judge, while other threads of Python run.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use fickgate_engine::content::{Content, FileContent};
use fickgate_engine::facts::{FOREIGN_ID, Facts, Loader, NO_BUFFER};
use fickgate_engine::finding::Finding;
use fickgate_engine::snippets::Snippets;
use fickgate_engine::{BlobPath, Level, Limits, escape, judge, scan as engine};
use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};
use sha2::{Digest, Sha256};

use crate::policy::Policy;
use crate::report;
use crate::source::{Replay, held};

/// What content may be.
#[derive(FromPyObject)]
pub enum Given<'py> {
    Replay(Bound<'py, Replay>),
    Bytes(PyBackedBytes),
    Path(PathBuf),
}

/// Facts and findings of some content, as rows: findings, streams, faults, forms, and what lets the content pass
/// unread or unjudged.
#[pyfunction]
pub fn scan<'py>(
    py: Python<'py>,
    policy: &Bound<'py, Policy>,
    given: Given<'py>,
    name: PathBuf,
) -> PyResult<Bound<'py, PyTuple>> {
    let policy = policy.get();
    let content = content_of(given)?;
    let path = policy.path_of(&name);
    let excluded = policy
        .engine
        .excluded(&path.to_lossy())
        .map(|by| format!("{}:{} ({})", by.source, by.line, by.layer.as_str()));
    let found = guarded(py, || {
        let (mut snippets, usage) = (Snippets::default(), &policy.usage);
        let limits = Limits::default();
        let facts = engine::scan_watched(&content, &path, &limits, &mut |content, stream| {
            // Content that can no longer be read is told by whoever reads it next.
            let _ = snippets.look(content, stream, &path, (&policy.engine, usage), &limits);
        })?;
        let sha256 = policy.engine.pins_content().then(|| hash(&content)).transpose()?;
        let pin = sha256.and_then(|hash| policy.engine.pin(&hash, &path.to_lossy(), usage));
        let accepted = pin.map(|by| format!("{}:{} ({})", by.source, by.line, by.layer.as_str()));
        let mut findings = judge::judge(&facts, &path, sha256.as_ref(), &policy.engine, usage);
        snippets.give(&mut findings);
        let changed = content.changed()?;
        Ok((facts, findings, accepted, changed))
    })?;
    let (facts, findings, accepted, changed) = found;
    if changed {
        let message = format!("{} changed while it was read: scan it again", path.to_lossy());
        return Err(PyOSError::new_err(message));
    }
    rows(py, &facts, &findings, path, (excluded, accepted))
}

/// Takes out of facts what a program answers for that gives the unpickler more than the pickle: behind the word of a
/// loader stands `with buffers`, `with persistent ids`. What it gives is a value of which nothing is known.
fn answered(facts: &mut Facts, reading: &str) {
    let given = |what: &str| reading.split(", ").any(|word| word == what);
    let (buffers, ids) = (given("with buffers"), given("with persistent ids"));
    for stream in &mut facts.streams {
        stream
            .faults
            .retain(|fault| !(buffers && fault.message == NO_BUFFER || ids && fault.message == FOREIGN_ID));
    }
}

/// The loader whose word a reading begins with.
fn loader_of(reading: &str) -> Loader {
    reading.split(", ").next().and_then(Loader::from_word).unwrap_or_default()
}

/// What [`judge_one`] gives.
type Verdict<'py> = (Bound<'py, PyDict>, Bound<'py, PyList>, bool, Option<u64>);

/// The one pickle that begins at `start`, under the rules of the loader that is about to load it: the names that it
/// looks up, as written and as resolved, with the kinds of uses made of each; findings that refuse it, as rows;
/// whether the whole content is accepted by its hash; and the offset behind its STOP, where it has one.
#[pyfunction]
pub fn judge_one<'py>(
    py: Python<'py>,
    policy: &Bound<'py, Policy>,
    given: &Bound<'py, PyAny>,
    start: u64,
    reading: &str,
    name: &Bound<'py, PyAny>,
) -> PyResult<Verdict<'py>> {
    let policy = policy.get();
    // What is in memory is the most by far, and an extraction that fails costs as much as a small pickle.
    let content = match given.cast::<PyBytes>() {
        Ok(bytes) => held(bytes.clone().into()),
        Err(_) => content_of(given.extract()?)?,
    };
    let (words, reading) = (reading, loader_of(reading));
    let (limits, by) = (Limits::default(), (&policy.engine, &policy.usage));
    // Where the file lies is asked of the system, which takes as long as a small pickle.
    let path = match policy.engine.looks_at_paths() {
        true => policy.path_of(&name.extract::<PathBuf>()?),
        false => BlobPath::from_path(Path::new("")),
    };
    let (facts, mut findings) = guarded(py, || {
        let mut facts = engine::one(&content, start, reading, &limits, &mut |_, _| {})?;
        answered(&mut facts, words);
        let mut findings = judge::judge(&facts, &path, None, by.0, by.1);
        findings.retain(|finding| finding.level == Level::Error);
        Ok((facts, findings))
    })?;
    let mut accepted = false;
    if !findings.is_empty() {
        // Only what is refused is read once more, for its place and the lines to show.
        let path = policy.path_of(&name.extract::<PathBuf>()?);
        (findings, accepted) = guarded(py, || {
            let mut snippets = Snippets::default();
            engine::one(&content, start, reading, &limits, &mut |content, stream| {
                // Content that can no longer be read is told by whoever reads it next.
                let _ = snippets.look(content, stream, &path, by, &limits);
            })?;
            let mut findings = judge::judge(&facts, &path, None, by.0, by.1);
            findings.retain(|finding| finding.level == Level::Error);
            snippets.give(&mut findings);
            let accepted = policy.engine.pins_content()
                && policy.engine.pin(&hash(&content)?, &path.to_lossy(), by.1).is_some();
            Ok((findings, accepted))
        })?;
    }
    let names = PyDict::new(py);
    for import in facts.streams.iter().flat_map(|stream| &stream.imports) {
        report::name(&names, import)?;
    }
    let findings = findings.iter().map(|f| report::finding(py, f, &facts)).collect::<PyResult<Vec<_>>>()?;
    // Where it is read in more than one way, and they do not end at the same place, it is not known.
    let mut read = facts.streams.iter().filter(|stream| stream.member.is_empty() && stream.start == start);
    let end = read.next().filter(|stream| stream.stopped()).map(|stream| stream.end);
    let end = end.filter(|end| read.all(|other| !other.stopped() || other.end == *end));
    Ok((names, PyList::new(py, findings)?, accepted, end))
}

/// Whether a pickle comes to its STOP within these bytes, by the first of the ways in which such a loader reads it.
#[pyfunction]
pub fn ends(py: Python<'_>, bytes: PyBackedBytes, reading: &str) -> PyResult<bool> {
    let content = held(bytes);
    let reading = loader_of(reading);
    let facts = guarded(py, || engine::one(&content, 0, reading, &Limits::default(), &mut |_, _| {}))?;
    Ok(facts.streams.first().is_some_and(|stream| stream.stopped()))
}

fn content_of(given: Given<'_>) -> PyResult<Content> {
    Ok(match given {
        Given::Replay(replay) => replay.borrow().content(),
        Given::Bytes(bytes) => held(bytes),
        Given::Path(path) => Content::new(file(&path)?),
    })
}

/// A file by its path. Of a pipe or a device nobody knows the length, and the first may never end.
fn file(path: &Path) -> PyResult<FileContent> {
    let shown = escape::terminal(&path.to_string_lossy()).into_owned();
    let refused = |what: &str| {
        let message = format!("{shown} is {what}: open it, and scan what its read() gives");
        Err(PyOSError::new_err(message))
    };
    if !fs::metadata(path)?.is_file() {
        return refused("no regular file");
    }
    let mut file = File::open(path)?;
    let meta = file.metadata()?;
    // The system makes up some files as they are read, and says of them that they are empty.
    file.seek(SeekFrom::Start(meta.len()))?;
    if !meta.is_file() || file.read(&mut [0])? != 0 {
        return refused("longer than the system says, or another file by now");
    }
    Ok(FileContent::of(file, &meta))
}

fn rows<'py>(
    py: Python<'py>,
    facts: &Facts,
    findings: &[Finding],
    path: BlobPath,
    passed: (Option<String>, Option<String>),
) -> PyResult<Bound<'py, PyTuple>> {
    let findings = findings.iter().map(|f| report::finding(py, f, facts)).collect::<PyResult<Vec<_>>>()?;
    let streams = facts.streams.iter().map(|s| report::stream(py, s)).collect::<PyResult<Vec<_>>>()?;
    let faults = facts.faults.iter().map(|f| report::fault(py, f)).collect::<PyResult<Vec<_>>>()?;
    (
        path.to_lossy().into_owned(),
        PyList::new(py, findings)?,
        PyList::new(py, streams)?,
        PyList::new(py, faults)?,
        facts.forms.clone(),
        facts.folded,
        passed,
    )
        .into_pyobject(py)
}

/// Runs the engine without the interpreter. A panic becomes an error, as it would be one of this file alone.
pub fn guarded<T: Send>(py: Python<'_>, work: impl FnOnce() -> std::io::Result<T> + Send) -> PyResult<T> {
    match py.detach(|| catch_unwind(AssertUnwindSafe(work))) {
        Ok(done) => Ok(done?),
        Err(_) => {
            Err(PyRuntimeError::new_err("fickgate failed on this content; please report it with the content"))
        }
    }
}

/// The hash by which a policy pins content.
pub fn hash(content: &Content) -> std::io::Result<[u8; 32]> {
    let mut hasher = Sha256::new();
    for piece in content.pieces(1 << 18) {
        hasher.update(&piece?);
    }
    Ok(hasher.finalize().into())
}
