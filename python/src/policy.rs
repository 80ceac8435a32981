//! A policy, as a program asks for one: the built-in list, the repository's file, files by name, names for this run.

use std::cell::RefCell;
use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use fickgate_engine::error::Error;
use fickgate_engine::facts::{Ending, Import, Objection, Stream, Use, UseKind};
use fickgate_engine::pickle::stream::compat;
use fickgate_engine::policy::{Date, Layer, Usage, builtin, repository};
use fickgate_engine::{BlobPath, Facts, PolicyFile, Rule, escape, judge};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::report;

pyo3::create_exception!(
    fickgate,
    PolicyError,
    PyValueError,
    "A policy that cannot be read, or says what no policy can say. The message names file, line and what to write."
);

/// Every kind of use.
const KINDS: [UseKind; 7] = [
    UseKind::Reference,
    UseKind::Create,
    UseKind::Instantiate,
    UseKind::Call,
    UseKind::State,
    UseKind::Items,
    UseKind::CallResult,
];

/// Longest policy file, in bytes: the gate's own bound.
const LONGEST: u64 = 16 << 20;

/// A policy and the folder that its paths begin at.
#[pyclass(frozen, module = "fickgate._native")]
pub struct Policy {
    pub engine: fickgate_engine::Policy,
    /// Marks of the entries that allowed something, which nobody asks for here: made once.
    pub usage: Usage,
    root: PathBuf,
    sources: Vec<String>,
    texts: Texts,
    allow: Vec<String>,
}

/// The files that a policy was made of: whether it is one of the repository's own, its name, its bytes. Files are read
/// once, and whatever is made of a policy is made of these.
type Texts = Vec<(bool, String, Vec<u8>)>;

/// Root, files, imports. The root as text: a `Path` of one system or release is none to another.
type Parts = (OsString, Texts, Vec<String>);

#[pymethods]
impl Policy {
    /// `folder`: where the repository is looked for. `own`: whether its policy is a layer. `files`: policy files, later
    /// ones above earlier ones. `allow`: imports that are allowed as they are.
    #[new]
    fn new(folder: PathBuf, own: bool, files: Vec<PathBuf>, allow: Vec<String>) -> PyResult<Self> {
        let folder = folder.canonicalize().unwrap_or(folder);
        let root = folder.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(&folder);
        let mut texts = Texts::new();
        if own {
            let read = RefCell::new(&mut texts);
            let kept = |name: &str| {
                let bytes = below(root, name)?;
                read.borrow_mut().extend(bytes.clone().map(|bytes| (true, name.to_owned(), bytes)));
                Ok(bytes)
            };
            repository::policy(&kept).map_err(told)?;
        }
        for path in &files {
            let name = path.to_string_lossy();
            let bytes = fs::read(folder.join(path)).map_err(|error| {
                let error =
                    Error::new(format!("cannot read the policy {}: {error}", escape::terminal(&name)));
                told(error.remedy("check the path, and that it may be read"))
            })?;
            texts.push((false, name.into_owned(), bytes));
        }
        Policy::of_texts(root.to_owned(), texts, allow)
    }

    /// The same from the text of its files, wherever they may be: what `parts` gives.
    #[staticmethod]
    fn of_texts(root: PathBuf, texts: Texts, allow: Vec<String>) -> PyResult<Self> {
        let mut layers = Vec::new();
        if texts.iter().any(|(own, ..)| *own) {
            let text = |name: &str| texts.iter().find(|(own, known, _)| *own && known == name);
            layers.extend(
                repository::policy(&|name| Ok(text(name).map(|(.., bytes)| bytes.clone()))).map_err(told)?,
            );
        }
        for (_, name, bytes) in texts.iter().filter(|(own, ..)| !own) {
            layers.push(PolicyFile::parse(bytes, name, Layer::CommandLine).map_err(told)?);
        }
        if !allow.is_empty() {
            let mut file = PolicyFile::of_allow(&allow).map_err(told)?;
            "also_allow".clone_into(&mut file.source);
            file.allow.iter_mut().for_each(|entry| entry.source = "also_allow".into());
            layers.push(file);
        }
        let sources = layers.iter().map(|layer| layer.source.clone()).collect();
        let engine = fickgate_engine::Policy::new(layers, Date::today());
        let usage = engine.usage();
        Ok(Policy { engine, usage, root, sources, texts, allow })
    }

    /// Carried as the text of its files, so that a process on another machine has the same.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Parts)> {
        let made = slf.get_type().getattr("of_texts")?;
        Ok((made, slf.get().parts()))
    }

    /// The files that lie above the built-in list, lowest first.
    #[getter]
    fn sources(&self) -> Vec<String> {
        self.sources.clone()
    }

    /// What it was made of, for another process to make it again: root, texts, imports.
    #[getter]
    fn parts(&self) -> Parts {
        (self.root.clone().into_os_string(), self.texts.clone(), self.allow.clone())
    }

    /// The same, and these imports as they are.
    fn adding(&self, allow: Vec<String>) -> PyResult<Policy> {
        let (root, texts, known) = self.parts();
        Policy::of_texts(root.into(), texts, [known, allow].concat())
    }

    /// The same, and what multiprocessing itself writes into messages.
    fn for_messages(&self) -> PyResult<Policy> {
        let (root, mut texts, allow) = self.parts();
        let text = include_bytes!("messages.yaml").to_vec();
        texts.push((false, "fickgate's list for messages".to_owned(), text));
        Policy::of_texts(root.into(), texts, allow)
    }

    /// What a file is called in reports.
    fn path(&self, name: PathBuf) -> String {
        self.path_of(&name).to_lossy().into_owned()
    }

    /// Whether every pickle is refused, whatever it imports.
    #[getter]
    fn no_pickles(&self) -> bool {
        self.engine.no_pickles().is_some()
    }

    /// Whether an import may be used in any way, by its names in Python 3 and in Python 2.
    fn permits_every_use(&self, module: &str, name: &str) -> bool {
        let (module, name) = compat::resolve(module, name);
        self.engine.permits_every_use(module, name)
    }

    /// Why an import is not permitted for these uses, and the entry that is about it: `None` where it is permitted.
    /// `judged`: a name of which they were seen, and in whose place this one is looked up. What a guard asks was asked
    /// for that one alone.
    #[pyo3(signature = (module, name, uses, file, judged=None))]
    fn refusal<'py>(
        &self,
        py: Python<'py>,
        module: &str,
        name: &str,
        uses: Vec<String>,
        file: PathBuf,
        judged: Option<(String, String)>,
    ) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let (resolved, mapped) = compat::resolve(module, name);
        let guard =
            |module: &str, name: &str| builtin::triggers(module, name).and_then(|(_, guard, _)| guard);
        let asked = judged.as_ref().map(|(module, name)| compat::resolve(module, name));
        let objection = guard(resolved, mapped)
            .filter(|_| asked.is_some_and(|asked| asked != (resolved, mapped)))
            .filter(|held| asked.and_then(|(module, name)| guard(module, name)) != Some(*held))
            .map(|_| Objection {
                offset: 0,
                message: "what is done with it was not seen under this name".to_owned(),
            });
        let used = |kind: &UseKind| Use {
            kind: *kind,
            offset: 0,
            opcode: "find_class",
            count: 1,
            objection: objection.clone(),
        };
        let kinds = KINDS.iter().filter(|kind| uses.iter().any(|word| word == kind.as_str()));
        let import = Import {
            module: resolved.to_owned(),
            name: mapped.to_owned(),
            raw_module: module.to_owned(),
            raw_name: name.to_owned(),
            offset: 0,
            opcode: "find_class",
            uses: kinds.map(used).collect(),
        };
        let stream = Stream { imports: vec![import], ending: Ending::Stop, ..Stream::default() };
        let facts = Facts { streams: vec![stream], ..Facts::default() };
        let path = self.path_of(&file);
        let mut found = judge::judge(&facts, &path, None, &self.engine, &self.usage);
        found.retain(|finding| finding.rule == Rule::ImportNotAllowed);
        found
            .first_mut()
            .map(|finding| {
                finding.offset = None;
                report::finding(py, finding, &facts)
            })
            .transpose()
    }

    /// The folder that paths in the policy begin at.
    #[getter]
    fn root(&self) -> PathBuf {
        self.root.clone()
    }
}

/// The name in Python 3 of an import that Python 2 wrote.
#[pyfunction]
pub fn resolve<'a>(module: &'a str, name: &'a str) -> (&'a str, &'a str) {
    compat::resolve(module, name)
}

impl Policy {
    /// The path that entries of the policy are held against: from the root, by where the file lies or where a link to
    /// it does. What lies elsewhere is not named as if it lay there; what does not exist is called as it was named.
    pub fn path_of(&self, path: &Path) -> BlobPath {
        let Ok(full) = path.canonicalize() else { return BlobPath::from_path(path) };
        let upward = path.components().any(|part| part == Component::ParentDir);
        let named = std::path::absolute(path).ok().filter(|_| !upward);
        let mut places = [Some(&full), named.as_ref()].into_iter().flatten();
        if let Some(path) = places.find_map(|path| path.strip_prefix(&self.root).ok()) {
            return BlobPath::from_path(path);
        }
        BlobPath::from_path(named.as_deref().unwrap_or(&full))
    }
}

/// An error of the engine, with its lines and what to do.
fn told(error: Error) -> PyErr {
    let mut text = error.message().to_owned();
    for line in error.lines() {
        text.push('\n');
        text.push_str(line);
    }
    if let Some(help) = error.help() {
        text.push_str("\nhelp: ");
        text.push_str(help);
    }
    PolicyError::new_err(text)
}

/// A policy file of the working tree, as the gate would read it: not through a link, and of a bounded length.
fn below(root: &Path, name: &str) -> Result<Option<Vec<u8>>, Error> {
    let full = root.join(name);
    let shown = escape::terminal(&full.to_string_lossy()).into_owned();
    let fail = |error: std::io::Error| Error::new(format!("{shown} cannot be read: {error}"));
    let mut at = root.to_owned();
    for part in name.split('/') {
        at.push(part);
        let meta = match fs::symlink_metadata(&at) {
            Ok(meta) => meta,
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(fail(error)),
        };
        if meta.is_symlink() && full.symlink_metadata().is_ok() {
            let link = at.strip_prefix(root).unwrap_or(&at).display();
            return Err(Error::new(format!("{link} is a symbolic link, which is not followed to a policy"))
                .remedy("put the file itself there"));
        }
        if meta.is_symlink() || (at != full && at.join(".git").exists()) {
            return Ok(None);
        }
        if at == full && !meta.is_file() {
            return Err(Error::new(format!("{shown} is a folder or a device, where a file is wanted"))
                .remedy("move it away"));
        }
    }
    let mut bytes = Vec::new();
    fs::File::open(&full).map_err(fail)?.take(LONGEST + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > LONGEST {
        return Err(Error::new(format!("{shown} is larger than {LONGEST} bytes")));
    }
    Ok(Some(bytes))
}
