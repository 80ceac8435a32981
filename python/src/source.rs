//! Where bytes come from: an object in memory, a file on disk, or a file object of Python that is read by ranges and
//! keeps what was read, so that a loader is given the bytes that were judged.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fickgate_engine::content::{Content, ReadAt};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyMemoryView, PySlice};

/// Bytes of an object of Python, which no one can change.
struct Held(PyBackedBytes);

impl ReadAt for Held {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|o| self.0.get(o..)).unwrap_or(&[]);
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }
    fn as_slice(&self) -> Option<&[u8]> {
        Some(&self.0)
    }
}

/// Content that lies in memory.
pub fn held(bytes: PyBackedBytes) -> Content {
    Content::new(Held(bytes))
}

/// Where `seek` of a file leads that stands at `at` and ends at `end`.
pub fn position(at: u64, end: u64, offset: i64, whence: u8) -> PyResult<u64> {
    let base = match whence {
        0 => 0,
        1 => at,
        2 => end,
        _ => return Err(PyValueError::new_err("whence is 0, 1 or 2")),
    };
    base.checked_add_signed(offset)
        .ok_or_else(|| PyValueError::new_err("a position before the beginning of the file"))
}

/// Ranges are asked for in blocks of this size, in bytes. Directories of archives are read in many small pieces, and
/// larger blocks would bring tensors along.
const BLOCK: u64 = 4 << 10;

const SHORTER: &str = "the file became shorter while it was read";

/// A file object, and what was read of it.
struct Kept {
    file: Py<PyAny>,
    len: u64,
    /// Ranges by their first offset. They do not overlap.
    ranges: Mutex<BTreeMap<u64, PyBackedBytes>>,
    /// Bytes that were asked of the file object, and requests.
    asked: Mutex<(u64, u64)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Kept {
    /// Nothing of a file, which stays where it stands.
    fn of(file: Bound<'_, PyAny>) -> PyResult<Self> {
        let at: u64 = file.call_method0("tell")?.extract()?;
        file.call_method1("seek", (0, 2))?;
        let len: u64 = file.call_method0("tell")?.extract()?;
        file.call_method1("seek", (at,))?;
        Ok(Kept { file: file.unbind(), len, ranges: Mutex::default(), asked: Mutex::default() })
    }

    /// Copies what is kept at an offset. The number of bytes, and none where the first of them is not kept.
    fn kept(&self, offset: u64, buf: &mut [u8]) -> usize {
        let ranges = lock(&self.ranges);
        let Some((start, bytes)) = ranges.range(..=offset).next_back() else { return 0 };
        let skipped = usize::try_from(offset - start).unwrap_or(usize::MAX);
        let rest = bytes.get(skipped..).unwrap_or(&[]);
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        n
    }

    /// The offset at which the next kept range begins.
    fn next_kept(&self, offset: u64) -> u64 {
        lock(&self.ranges).range(offset..).next().map_or(self.len, |(start, _)| *start)
    }

    /// Reads a range that is not kept from the file object, all of it.
    fn fetch(&self, py: Python<'_>, start: u64, end: u64) -> PyResult<Vec<(u64, PyBackedBytes)>> {
        let file = self.file.bind(py);
        file.call_method1("seek", (start,))?;
        let mut at = start;
        let mut parts = Vec::new();
        while at < end {
            let read = file.call_method1("read", (end - at,))?;
            let bytes: PyBackedBytes = read
                .cast::<PyBytes>()
                .map_err(|_| {
                    PyTypeError::new_err("read() of the file did not give bytes: open it with mode 'rb'")
                })?
                .clone()
                .into();
            if bytes.is_empty() {
                return Err(io::Error::new(ErrorKind::UnexpectedEof, SHORTER).into());
            }
            {
                let mut asked = lock(&self.asked);
                asked.0 += bytes.len() as u64;
                asked.1 += 1;
            }
            let len = bytes.len() as u64;
            parts.push((at, bytes));
            at += len;
        }
        Ok(parts)
    }

    /// Reads a range that nobody judged, as it is no part of a pickle, straight into a view of a buffer.
    fn fetch_into(&self, py: Python<'_>, start: u64, view: &Bound<'_, PyAny>) -> PyResult<usize> {
        let file = self.file.bind(py);
        file.call_method1("seek", (start,))?;
        let n: usize = if file.hasattr("readinto")? {
            file.call_method1("readinto", (view,))?.extract()?
        } else {
            let read = file.call_method1("read", (view.len()?,))?;
            view.call_method1("__setitem__", (PySlice::new(py, 0, isize::try_from(read.len()?)?, 1), &read))?;
            read.len()?
        };
        if n == 0 {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, SHORTER).into());
        }
        let mut asked = lock(&self.asked);
        asked.0 += n as u64;
        asked.1 += 1;
        Ok(n)
    }

    /// Fills `buf`, and keeps what was not kept before.
    fn read_keeping(&self, py: Python<'_>, offset: u64, buf: &mut [u8]) -> PyResult<usize> {
        let wanted = self.len.saturating_sub(offset).min(buf.len() as u64) as usize;
        let mut done = 0;
        while done < wanted {
            let at = offset + done as u64;
            let n = self.kept(at, &mut buf[done..wanted]);
            if n > 0 {
                done += n;
                continue;
            }
            let start = (at / BLOCK * BLOCK).max(self.kept_before(at));
            let end = (offset + wanted as u64).div_ceil(BLOCK) * BLOCK;
            let end = end.min(self.len).min(self.next_kept(at));
            let parts = self.fetch(py, start, end)?;
            lock(&self.ranges).extend(parts);
        }
        Ok(done)
    }

    /// The end of the last kept range that begins at or before an offset.
    fn kept_before(&self, offset: u64) -> u64 {
        let ranges = lock(&self.ranges);
        ranges.range(..=offset).next_back().map_or(0, |(start, bytes)| start + bytes.len() as u64)
    }
}

/// What the engine sees of it.
struct Ranges(Arc<Kept>);

impl ReadAt for Ranges {
    fn len(&self) -> u64 {
        self.0.len
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.0.kept(offset, buf);
        if n == buf.len() {
            return Ok(n);
        }
        Python::attach(|py| self.0.read_keeping(py, offset, buf)).map_err(io::Error::from)
    }
}

/// A readable file over another one, which gives the bytes that were judged where they were, and reads the others
/// from that file when they are wanted. The other file's own position is moved to and fro.
#[pyclass(module = "fickgate._native")]
pub struct Replay {
    kept: Arc<Kept>,
    at: u64,
    /// Where it ends for who reads it.
    end: u64,
    /// Whether what is read is kept.
    keeping: bool,
}

impl Replay {
    pub fn content(&self) -> Content {
        Content::new(Ranges(Arc::clone(&self.kept)))
    }

    /// Fills `buf` from the position, from what is kept as long as that goes.
    fn fill(&mut self, py: Python<'_>, buf: &mut [u8]) -> PyResult<usize> {
        let wanted = self.end.saturating_sub(self.at).min(buf.len() as u64) as usize;
        let mut done = 0;
        while done < wanted {
            if self.keeping {
                let n = self.kept.read_keeping(py, self.at, &mut buf[done..wanted])?;
                self.at += n as u64;
                return Ok(done + n);
            }
            let n = self.kept.kept(self.at, &mut buf[done..wanted]);
            if n > 0 {
                done += n;
                self.at += n as u64;
                continue;
            }
            let end = (self.at + (wanted - done) as u64).min(self.kept.next_kept(self.at));
            let at = self.at;
            let n = self.through(py, at, end, &mut buf[done..wanted])?;
            done += n;
            self.at += n as u64;
        }
        Ok(done)
    }

    /// Reads what nobody judged, as it is no part of a pickle, straight from the file.
    fn through(&self, py: Python<'_>, start: u64, end: u64, buf: &mut [u8]) -> PyResult<usize> {
        let mut done = 0;
        for (_, bytes) in self.kept.fetch(py, start, end)? {
            buf[done..done + bytes.len()].copy_from_slice(&bytes);
            done += bytes.len();
        }
        Ok(done)
    }

    /// `n` bytes, all of the rest where it is negative or missing.
    fn count(&self, n: Option<i64>) -> usize {
        let rest = self.end.saturating_sub(self.at);
        let n = n.and_then(|n| u64::try_from(n).ok()).unwrap_or(rest).min(rest);
        usize::try_from(n).unwrap_or(usize::MAX)
    }
}

#[pymethods]
impl Replay {
    /// `file`: a binary file object with `seek`, `tell` and `read`. The position is the file's own.
    #[new]
    fn new(file: &Bound<'_, PyAny>) -> PyResult<Self> {
        let at: u64 = file.call_method0("tell")?.extract()?;
        let kept = Kept::of(file.clone())?;
        Ok(Replay { at, end: kept.len, kept: Arc::new(kept), keeping: false })
    }

    /// Up to `n` bytes; all that is left without a number.
    #[pyo3(signature = (n=None, /))]
    fn read<'py>(&mut self, py: Python<'py>, n: Option<i64>) -> PyResult<Bound<'py, PyBytes>> {
        let count = self.count(n);
        PyBytes::new_with(py, count, |buf| self.fill(py, buf).map(drop))
    }

    /// Fills a buffer; gives how many bytes there were.
    fn readinto(&mut self, py: Python<'_>, buffer: &Bound<'_, PyAny>) -> PyResult<usize> {
        let view = PyMemoryView::from(buffer)?.call_method1("cast", ("B",))?;
        let wanted = view.len()?.min(self.count(None));
        let part = |from: usize, to: usize| -> PyResult<Bound<'_, PyAny>> {
            let slice = PySlice::new(py, isize::try_from(from)?, isize::try_from(to)?, 1);
            view.get_item(slice)
        };
        let mut done = 0;
        while done < wanted {
            let mut piece = vec![0; (wanted - done).min(BLOCK as usize)];
            let n = self.kept.kept(self.at, &mut piece);
            if n > 0 {
                part(done, done + n)?
                    .call_method1("__setitem__", (PySlice::full(py), PyBytes::new(py, &piece[..n])))?;
                done += n;
                self.at += n as u64;
                continue;
            }
            let end = (self.at + (wanted - done) as u64).min(self.kept.next_kept(self.at));
            let to = done + usize::try_from(end - self.at)?;
            let n = self.kept.fetch_into(py, self.at, &part(done, to)?)?;
            done += n;
            self.at += n as u64;
        }
        Ok(done)
    }

    /// Bytes to the next line feed, that included.
    #[pyo3(signature = (n=None, /))]
    fn readline<'py>(&mut self, py: Python<'py>, n: Option<i64>) -> PyResult<Bound<'py, PyBytes>> {
        let most = self.count(n);
        let mut line = Vec::new();
        let mut piece = [0; 256];
        while line.len() < most {
            let before = self.at;
            let n = self.fill(py, &mut piece[..(most - line.len()).min(256)])?;
            let end = piece[..n].iter().position(|b| *b == b'\n').map_or(n, |i| i + 1);
            line.extend_from_slice(&piece[..end]);
            self.at = before + end as u64;
            if end < n || n == 0 || piece[end - 1] == b'\n' {
                break;
            }
        }
        Ok(PyBytes::new(py, &line))
    }

    /// Bytes from the position on, which stays where it is: what is at hand, one at least.
    #[pyo3(signature = (n=None, /))]
    fn peek<'py>(&mut self, py: Python<'py>, n: Option<i64>) -> PyResult<Bound<'py, PyBytes>> {
        let at = self.at;
        let bytes = self.read(py, n.filter(|n| *n > 0).or(Some(8192)));
        self.at = at;
        bytes
    }

    /// Moves to an offset: from the beginning, the position (`whence` 1) or the end (2).
    #[pyo3(signature = (offset, whence=0, /))]
    fn seek(&mut self, offset: i64, whence: u8) -> PyResult<u64> {
        self.at = position(self.at, self.end, offset, whence)?;
        Ok(self.at)
    }

    fn tell(&self) -> u64 {
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

    #[getter]
    fn closed(&self) -> bool {
        false
    }

    /// The name of the file below, where it has one.
    #[getter]
    fn name(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.kept.file.getattr(py, "name")
    }

    /// Shows nothing from an offset on, or all there is.
    #[pyo3(signature = (end=None))]
    fn limit(&mut self, end: Option<u64>) {
        self.end = end.unwrap_or(self.kept.len).min(self.kept.len);
    }

    /// Forgets what was kept, and how long the file was: somebody may have written to it. The position stays.
    fn anew(&mut self, py: Python<'_>) -> PyResult<()> {
        let file = self.kept.file.clone_ref(py);
        self.kept = Arc::new(Kept::of(file.into_bound(py))?);
        self.end = self.kept.len;
        Ok(())
    }

    /// The same bytes at the same position, whatever this one is given to read later.
    fn copy(&self) -> Self {
        Replay { kept: Arc::clone(&self.kept), at: self.at, end: self.kept.len, keeping: false }
    }

    /// Whether what is read from now on is kept, and given again when it is read again.
    fn keep(&mut self, keeping: bool) {
        self.keeping = keeping;
    }

    /// Moves the file below to the position.
    fn settle(&self, py: Python<'_>) -> PyResult<()> {
        self.kept.file.call_method1(py, "seek", (self.at,)).map(drop)
    }

    /// Bytes that were asked of the file below, and in how many requests.
    #[getter]
    fn asked(&self) -> (u64, u64) {
        *lock(&self.kept.asked)
    }

    /// Length of the file, in bytes.
    fn __len__(&self) -> usize {
        usize::try_from(self.kept.len).unwrap_or(usize::MAX)
    }
}
