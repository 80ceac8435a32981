//! Loads that are under way in a thread, and what is let in for each: asked for every name that an unpickler looks up.
//!
//! A pickle in memory that is data and nothing else waits with its load, and is judged if a name is looked up all the
//! same. Looking a name up comes before importing it, in both of CPython's unpicklers.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::plain::{self, Walk};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyFrozenSet, PyMemoryView, PyString, PyTuple};

/// Names that a pickle may look up, and the offset behind its STOP, where it has one.
type Judged = (Py<PyAny>, Option<u64>);

/// Whether anything is guarded at present.
static ACTIVE: AtomicBool = AtomicBool::new(false);
/// Whether pickles are judged that look up no name.
static EAGER: AtomicBool = AtomicBool::new(false);
/// Whether classes that are values count as data.
static VALUES: AtomicBool = AtomicBool::new(false);
/// What the package does where a pickle has to be judged, and where a name was not judged; and classes that are values.
static ASKED: PyOnceLock<(Py<PyAny>, Py<PyAny>, Py<PyAny>)> = PyOnceLock::new();

/// A pickle that was not judged yet: an object in memory, where it begins, who reads it, what it is called.
type Waiting = (Py<PyAny>, u64, Py<PyAny>, Py<PyAny>);

/// One load.
struct Load {
    waiting: Option<Waiting>,
    /// A set of (module, name), or None for anything.
    names: Option<Py<PyAny>>,
    /// The name that the pickle has, while an own `find_class` looks for it.
    asked: Option<Py<PyAny>>,
}

thread_local! {
    static LOADS: RefCell<Vec<Load>> = const { RefCell::new(Vec::new()) };
    /// Files that are being loaded.
    static FILES: RefCell<Vec<Py<PyAny>>> = const { RefCell::new(Vec::new()) };
}

fn push(waiting: Option<Waiting>, names: Option<Py<PyAny>>) {
    LOADS.with_borrow_mut(|loads| loads.push(Load { waiting, names, asked: None }));
}

/// How many loads are under way in this thread.
#[pyfunction]
pub fn depth() -> usize {
    LOADS.with_borrow(Vec::len)
}

/// Loads that began since have ended, however they did.
fn back_to(depth: usize) {
    // What they held is let go when nothing is borrowed: that may run code.
    while let Some(load) = LOADS.with_borrow_mut(|loads| if loads.len() > depth { loads.pop() } else { None })
    {
        drop(load);
    }
}

/// Takes the functions of the package: `judge(pickle, start, reading, name)` gives the names of a pickle, and the
/// offset behind it; `outside(module, name, names, asked)` says whether one that was not among them may be looked up.
/// Both raise where not. `values` are the names of classes that are values.
#[pyfunction]
pub fn install(py: Python<'_>, judge: Py<PyAny>, outside: Py<PyAny>, values: Py<PyAny>) -> PyResult<()> {
    ASKED.get_or_init(py, || (judge, outside, values));
    Ok(())
}

/// Switches the guard on or off. `values`: whether all that is in force permits every use of classes that are values.
#[pyfunction]
pub fn switch(active: bool, eager: bool, values: bool) {
    ACTIVE.store(active, Ordering::SeqCst);
    EAGER.store(eager, Ordering::SeqCst);
    VALUES.store(values, Ordering::SeqCst);
}

/// Classes that are values, by module and name.
#[pyfunction]
pub fn values() -> Vec<(&'static str, &'static str)> {
    plain::VALUES.to_vec()
}

/// Whether anything is guarded at present.
#[pyfunction]
pub fn active() -> bool {
    ACTIVE.load(Ordering::Relaxed)
}

/// A load begins, of a pickle in memory: inside of [`during`]. Gives the offset behind its STOP, where it has one.
#[pyfunction]
pub fn enter(
    py: Python<'_>,
    pickle: Py<PyAny>,
    start: u64,
    reading: Py<PyAny>,
    name: Py<PyAny>,
) -> PyResult<Option<u64>> {
    let seen = walk(pickle.bind(py), start);
    enter_seen(py, (pickle, start, reading, name), seen)
}

/// The same; it waits to be judged until a name is looked up, or is judged now.
fn enter_seen(py: Python<'_>, pickle: Waiting, (seen, end): (Walk, Option<u64>)) -> PyResult<Option<u64>> {
    match seen {
        Walk::Plain => push(Some(pickle), None),
        Walk::Values => push(None, ASKED.get(py).map(|(.., values)| values.clone_ref(py))),
        Walk::Other => {
            push(Some(pickle), None);
            return judge_top(py);
        }
    }
    Ok(end)
}

/// Whether a pickle in memory is data that looks up no name, so that there is nothing to ask. `whole`: and comes to its
/// end there.
#[pyfunction]
#[pyo3(signature = (pickle, start, whole=false))]
pub fn is_plain(pickle: &Bound<'_, PyAny>, start: u64, whole: bool) -> bool {
    let (seen, end) = walk(pickle, start);
    seen == Walk::Plain && (end.is_some() || !whole)
}

/// What a pickle is at one walk over it, and the offset behind its STOP.
fn walk(pickle: &Bound<'_, PyAny>, start: u64) -> (Walk, Option<u64>) {
    if EAGER.load(Ordering::Relaxed) {
        return (Walk::Other, None);
    }
    let bytes = pickle.cast::<PyBytes>().ok();
    let rest = bytes.and_then(|bytes| bytes.as_bytes().get(usize::try_from(start).ok()?..));
    let Some(rest) = rest else { return (Walk::Other, None) };
    let (seen, end) = plain::walk(rest, VALUES.load(Ordering::Relaxed));
    (seen, end.map(|end| start + end as u64))
}

/// A load begins, of a pickle with these names: inside of [`during`].
#[pyfunction]
pub fn enter_judged(names: Py<PyAny>) {
    push(None, Some(names));
}

/// Begins loads, and does what is done in them. They have ended behind it, whatever was raised, and by whom: a signal
/// may come at any point of a program in Python.
#[pyfunction]
pub fn during(begin: &Bound<'_, PyAny>, load: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    let before = depth();
    let loaded = begin.call0().and_then(|_| load.call0());
    back_to(before);
    loaded.map(Bound::unbind)
}

/// Calls a function that loads a file.
#[pyfunction]
#[pyo3(signature = (file, load, args, options))]
pub fn within(
    file: Py<PyAny>,
    load: &Bound<'_, PyAny>,
    args: &Bound<'_, PyTuple>,
    options: &Bound<'_, PyDict>,
) -> PyResult<Py<PyAny>> {
    FILES.with_borrow_mut(|files| files.push(file));
    let loaded = load.call(args, Some(options));
    let file = FILES.with_borrow_mut(Vec::pop);
    drop(file);
    loaded.map(Bound::unbind)
}

/// The file that is being loaded, by a function that says what file it loads.
#[pyfunction]
pub fn file(py: Python<'_>) -> Option<Py<PyAny>> {
    FILES.with_borrow(|files| files.last().map(|file| file.clone_ref(py)))
}

/// Judges the pickle of the load that began last, if it waits. What was refused stays so.
fn judge_top(py: Python<'_>) -> PyResult<Option<u64>> {
    let taken = LOADS.with_borrow_mut(|loads| {
        let place = loads.len().checked_sub(1)?;
        Some((place, loads.last_mut()?.waiting.take()?))
    });
    let (Some((place, (pickle, start, reading, name))), Some((judge, ..))) = (taken, ASKED.get(py)) else {
        return Ok(None);
    };
    let judged: PyResult<Judged> =
        judge.call1(py, (pickle, start, reading, name)).and_then(|judged| judged.extract(py));
    let names = match &judged {
        Ok((names, _)) => names.clone_ref(py),
        Err(_) => PyFrozenSet::empty(py)?.into_any().unbind(),
    };
    LOADS.with_borrow_mut(|loads| {
        if let Some(load) = loads.get_mut(place) {
            load.names = Some(names);
        }
    });
    judged.map(|(_, end)| end)
}

/// Lets a name in, or raises.
fn asked(py: Python<'_>, pair: &Bound<'_, PyTuple>) -> PyResult<()> {
    let names = |load: &Load| load.names.as_ref().map(|names| names.clone_ref(py));
    let top = LOADS.with_borrow(|loads| loads.last().map(|load| (load.waiting.is_some(), names(load))));
    let names = match top {
        Some((true, _)) => {
            judge_top(py)?;
            LOADS.with_borrow(|loads| loads.last().map(names))
        }
        known => known.map(|(_, names)| names),
    };
    let names = match names {
        Some(Some(names)) => {
            let names = names.into_bound(py);
            if names.is_none() || names.contains(pair)? {
                return Ok(());
            }
            Some(names)
        }
        _ => None,
    };
    let asked = LOADS.with_borrow(|loads| loads.last()?.asked.as_ref().map(|asked| asked.clone_ref(py)));
    match ASKED.get(py) {
        Some((_, outside, _)) => {
            outside.call1(py, (pair.get_item(0)?, pair.get_item(1)?, names, asked)).map(drop)
        }
        None => Ok(()),
    }
}

/// For `sys.addaudithook`.
#[pyfunction]
pub fn audit(py: Python<'_>, event: &Bound<'_, PyString>, args: &Bound<'_, PyTuple>) -> PyResult<()> {
    static EVENT: PyOnceLock<Py<PyString>> = PyOnceLock::new();
    if !ACTIVE.load(Ordering::Relaxed) {
        return Ok(());
    }
    let find_class = EVENT.get_or_init(py, || PyString::new(py, "pickle.find_class").unbind());
    if !event.as_any().eq(find_class)? {
        return Ok(());
    }
    asked(py, args)
}

/// Asks for a name in place of an unpickler that looks names up in its own way, and has it do so. It may look for
/// another name than the pickle has.
#[pyfunction]
pub fn ask(
    py: Python<'_>,
    find_class: &Bound<'_, PyAny>,
    unpickler: &Bound<'_, PyAny>,
    module: &Bound<'_, PyAny>,
    name: &Bound<'_, PyAny>,
) -> PyResult<Py<PyAny>> {
    if !ACTIVE.load(Ordering::Relaxed) {
        return find_class.call1((unpickler, module, name)).map(Bound::unbind);
    }
    let pair = PyTuple::new(py, [module, name])?;
    asked(py, &pair)?;
    let place = depth();
    let set = |asked: Option<Py<PyAny>>| {
        LOADS.with_borrow_mut(|loads| {
            place
                .checked_sub(1)
                .and_then(|last| loads.get_mut(last))
                .and_then(|load| std::mem::replace(&mut load.asked, asked))
        })
    };
    let before = set(Some(pair.into_any().unbind()));
    let found = find_class.call1((unpickler, module, name));
    drop(set(before));
    found.map(Bound::unbind)
}

/// Behind the name of a reading: names of Python 2 are looked up as they are written.
const AS_WRITTEN: &str = ", as written";
/// The same: the program gives buffers.
const WITH_BUFFERS: &str = ", with buffers";

/// A reading under the options of an unpickler.
#[pyfunction]
pub fn read_with(reading: &Bound<'_, PyAny>, options: Option<&Bound<'_, PyDict>>) -> PyResult<Py<PyAny>> {
    let mut reading = reading.clone();
    let Some(options) = options else { return Ok(reading.unbind()) };
    let fix_imports = options.get_item("fix_imports")?;
    if !fix_imports.map_or(Ok(true), |fix| fix.is_truthy())? {
        reading = reading.add(AS_WRITTEN)?;
    }
    if options.get_item("buffers")?.is_some_and(|buffers| !buffers.is_none()) {
        reading = reading.add(WITH_BUFFERS)?;
    }
    Ok(reading.unbind())
}

/// A function that unpickles bytes, guarded.
#[pyclass(frozen, dict, module = "fickgate._native")]
pub struct Loads {
    original: Py<PyAny>,
    reading: Py<PyAny>,
    name: Py<PyAny>,
}

#[pymethods]
impl Loads {
    #[new]
    fn new(original: Py<PyAny>, reading: Py<PyAny>, name: Py<PyAny>) -> Self {
        Loads { original, reading, name }
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn __call__(
        &self,
        py: Python<'_>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        if !ACTIVE.load(Ordering::Relaxed) || args.len() != 1 {
            return self.original.call(py, args, kwargs);
        }
        let given = args.get_item(0)?;
        if given.is_exact_instance_of::<PyBytes>() {
            return self.guarded(py, given, args, kwargs);
        }
        // What somebody may write to is read once.
        match PyMemoryView::from(&given).and_then(|view| view.call_method0("tobytes")) {
            Ok(copy) => {
                let args = PyTuple::new(py, [&copy])?;
                self.guarded(py, copy, &args, kwargs)
            }
            Err(_) => self.original.call(py, args, kwargs),
        }
    }

    /// What is guarded.
    #[getter]
    fn original(&self, py: Python<'_>) -> Py<PyAny> {
        self.original.clone_ref(py)
    }

    /// Pickled by its name, as the function is.
    fn __reduce__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.original.getattr(py, "__name__")
    }
}

impl Loads {
    fn guarded(
        &self,
        py: Python<'_>,
        pickle: Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        // No name is looked up in it, so that there is nothing to ask.
        let seen = walk(&pickle, 0);
        if seen.0 == Walk::Plain {
            return self.original.call(py, args, kwargs);
        }
        let before = depth();
        let reading = read_with(self.reading.bind(py), kwargs)?;
        let waiting = (pickle.unbind(), 0, reading, self.name.clone_ref(py));
        let loaded = enter_seen(py, waiting, seen).and_then(|_| self.original.call(py, args, kwargs));
        back_to(before);
        loaded
    }
}
