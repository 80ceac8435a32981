//! Facts and findings as rows of Python: tuples in the order of the fields in `fickgate/report.py`.

use fickgate_engine::facts::{Facts, Import, MemberFault, Stream, Use, UseKind};
use fickgate_engine::finding::{EntryRef, Finding, Reason, Snippet};
use fickgate_engine::judge;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};

/// A row of `Finding`.
pub fn finding<'py>(py: Python<'py>, finding: &Finding, facts: &Facts) -> PyResult<Bound<'py, PyTuple>> {
    let allow = allowing(finding, facts);
    let entry = finding.entry.as_ref().map(|entry| self::entry(py, entry)).transpose()?;
    let (lines, marked) = finding.snippet.as_ref().map_or((Vec::new(), None), snippet);
    (
        (
            finding.rule.id(),
            finding.level.as_str(),
            finding.path.to_lossy().into_owned(),
            &finding.member,
            finding.offset,
            finding.import.as_deref(),
        ),
        (
            finding.reason.map(|reason| reason.as_str()),
            &finding.message,
            finding.help.as_deref(),
            entry,
            lines,
            marked,
            allow,
        ),
    )
        .into_pyobject(py)
}

/// The line of a policy that would allow just what is done with an import that nobody has judged.
fn allowing(finding: &Finding, facts: &Facts) -> Option<String> {
    let name = finding.import.as_ref().filter(|_| finding.reason == Some(Reason::Unknown))?;
    let mut imports = facts.streams.iter().filter(|s| s.member == finding.member).flat_map(|s| &s.imports);
    let (written, uses) = judge::wanted(imports.find(|import| import.dotted() == *name)?)?;
    let uses = if uses.is_empty() { String::new() } else { format!(", use: [{}]", uses.join(", ")) };
    Some(format!("- {{import: \"{written}\"{uses}, reason: WHY}}"))
}

fn entry<'py>(py: Python<'py>, entry: &EntryRef) -> PyResult<Bound<'py, PyTuple>> {
    (entry.role.as_str(), &entry.import, entry.layer, &entry.source, entry.line).into_pyobject(py)
}

fn snippet(snippet: &Snippet) -> (Vec<(u64, &str)>, Option<usize>) {
    (snippet.lines.iter().map(|line| (line.offset, line.text.as_str())).collect(), Some(snippet.marked))
}

/// A row of `Stream`.
pub fn stream<'py>(py: Python<'py>, stream: &Stream) -> PyResult<Bound<'py, PyTuple>> {
    let imports =
        PyList::new(py, stream.imports.iter().map(|i| import(py, i)).collect::<PyResult<Vec<_>>>()?)?;
    (
        &stream.member,
        stream.reading.as_str(),
        stream.start,
        stream.end,
        stream.protocol,
        stream.opcodes,
        stream.stopped(),
        imports,
    )
        .into_pyobject(py)
}

/// A row of `Import`.
pub fn import<'py>(py: Python<'py>, import: &Import) -> PyResult<Bound<'py, PyTuple>> {
    let uses: Vec<(&str, u64, u64)> = import.uses.iter().map(used).collect();
    (&import.module, &import.name, &import.raw_module, &import.raw_name, import.offset, uses)
        .into_pyobject(py)
}

/// A name as resolved and as written, and the kinds of uses made of it, put to those that are known.
pub fn name<'py>(names: &Bound<'py, PyDict>, import: &Import) -> PyResult<()> {
    let py = names.py();
    let none = import.uses.is_empty().then_some(UseKind::Reference);
    let kinds: Vec<UseKind> = import.uses.iter().map(|used| used.kind).chain(none).collect();
    let kinds = PyTuple::new(py, kinds.iter().map(|kind| PyString::intern(py, kind.as_str())))?;
    let resolved = (import.module.as_str(), import.name.as_str());
    let written = (import.raw_module.as_str(), import.raw_name.as_str());
    let pairs = [Some(resolved), Some(written).filter(|written| *written != resolved)];
    for pair in pairs.into_iter().flatten() {
        let kinds = match names.get_item(pair)? {
            Some(known) => known.add(&kinds)?,
            None => kinds.clone().into_any(),
        };
        names.set_item(pair, kinds)?;
    }
    Ok(())
}

fn used(used: &Use) -> (&'static str, u64, u64) {
    (used.kind.as_str(), used.offset, used.count)
}

/// A row of `Fault`.
pub fn fault<'py>(py: Python<'py>, fault: &MemberFault) -> PyResult<Bound<'py, PyTuple>> {
    (fault.fault.rule.id(), &fault.member, fault.fault.offset, &fault.fault.message).into_pyobject(py)
}
