//! What an unpickler reads from in place of the file that it was given: what was judged, and nothing behind it.

use crate::source::position;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyMemoryView, PySlice};

/// Bytes that are shown at once.
const SHOWN: usize = 64 << 10;

/// A readable file. Nobody but the package decides what is in it.
#[pyclass(module = "fickgate._native")]
pub struct Feed {
    bytes: PyBackedBytes,
    at: usize,
    end: usize,
    name: Py<PyAny>,
}

impl Feed {
    /// Up to `n` bytes of those in memory.
    fn part(&mut self, n: usize) -> &[u8] {
        let end = self.end.min(self.at.saturating_add(n));
        let part = self.bytes.get(self.at..end).unwrap_or(&[]);
        self.at = end.max(self.at);
        part
    }
}

#[pymethods]
impl Feed {
    #[new]
    fn new(py: Python<'_>, name: Py<PyAny>) -> Self {
        Feed { bytes: PyBytes::new(py, b"").into(), at: 0, end: 0, name }
    }

    /// Gives bytes to be read from an offset on.
    fn give(&mut self, bytes: PyBackedBytes, at: usize) {
        self.end = bytes.len();
        self.at = at.min(self.end);
        self.bytes = bytes;
    }

    /// Shows nothing from an offset on.
    fn limit(&mut self, end: usize) {
        self.end = end.min(self.bytes.len());
    }

    /// Up to `n` bytes; all that is left without a number.
    #[pyo3(signature = (n=None, /))]
    fn read<'py>(&mut self, py: Python<'py>, n: Option<i64>) -> Bound<'py, PyBytes> {
        let n = n.and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
        PyBytes::new(py, self.part(n))
    }

    /// Fills a buffer; gives how many bytes there were.
    fn readinto(&mut self, py: Python<'_>, buffer: &Bound<'_, PyAny>) -> PyResult<usize> {
        let view = PyMemoryView::from(buffer)?.call_method1("cast", ("B",))?;
        let read = self.read(py, Some(i64::try_from(view.len()?)?));
        let n = read.as_bytes().len();
        view.call_method1("__setitem__", (PySlice::new(py, 0, isize::try_from(n)?, 1), read))?;
        Ok(n)
    }

    /// Bytes to the next line feed, that included.
    #[pyo3(signature = (n=None, /))]
    fn readline<'py>(&mut self, py: Python<'py>, n: Option<i64>) -> Bound<'py, PyBytes> {
        let most = n.and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
        let rest = self.bytes.get(self.at..self.end).unwrap_or(&[]);
        let length = rest.iter().take(most).position(|byte| *byte == b'\n').map_or(most, |at| at + 1);
        PyBytes::new(py, self.part(length))
    }

    /// Bytes from the position on, which stays where it is.
    #[pyo3(signature = (n=None, /))]
    fn peek<'py>(&mut self, py: Python<'py>, n: Option<i64>) -> Bound<'py, PyBytes> {
        let n = n.and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0).unwrap_or(SHOWN).min(SHOWN);
        let at = self.at;
        let shown = PyBytes::new(py, self.part(n));
        self.at = at;
        shown
    }

    /// Moves to an offset: from the beginning, the position (`whence` 1) or the end (2).
    #[pyo3(signature = (offset, whence=0, /))]
    fn seek(&mut self, offset: i64, whence: u8) -> PyResult<usize> {
        let at = position(self.at as u64, self.end as u64, offset, whence)?;
        self.at = usize::try_from(at)?;
        Ok(self.at)
    }

    fn tell(&self) -> usize {
        self.at
    }

    fn readable(&self) -> bool {
        true
    }

    fn seekable(&self) -> bool {
        true
    }

    fn writable(&self) -> bool {
        false
    }

    /// There is nothing to be closed: the file in whose place it is stays open.
    fn close(&self) {}

    #[getter]
    fn closed(&self) -> bool {
        false
    }

    /// The name of the file in whose place it is.
    #[getter]
    fn name(&self, py: Python<'_>) -> Py<PyAny> {
        self.name.clone_ref(py)
    }
}
