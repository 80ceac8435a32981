//! One pickle off a pipe: read as an unpickler reads it, so that no byte behind it is taken.

use std::collections::BTreeSet;

use fickgate_engine::pickle::stream::opcode::{
    self, Argument, BINGET, BINPUT, FRAME, GET, LONG_BINGET, LONG_BINPUT, MEMOIZE, PUT, STOP,
};
use pyo3::exceptions::{PyOSError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Longest piece that is asked for at once, in bytes: a stream claims lengths that it does not hold.
const PIECE: u64 = 1 << 20;
/// Bytes that a file is asked to show. It may show more, or fewer.
const PEEKED: u64 = 8 << 10;

/// Reads to STOP, or to where the stream ends or is no pickle any more. `peeks`: whether what `peek` of the file shows
/// may be relied on. Gives what was read, whether it ends with STOP, and whether it means the same whatever an unpickler
/// has in its memo before.
#[pyfunction]
pub fn one<'py>(
    py: Python<'py>,
    file: &Bound<'py, PyAny>,
    peeks: bool,
) -> PyResult<(Bound<'py, PyBytes>, bool, bool)> {
    let mut wire = Wire {
        file,
        peeks,
        bytes: Vec::new(),
        taken: 0,
        at: 0,
        framed: 0,
        put: BTreeSet::new(),
        counts: false,
        gets: false,
        alone: true,
    };
    let whole = wire.pickle()?;
    // An unpickler has taken the rest of the frame as well.
    wire.take(wire.at.max(wire.framed))?;
    let alone = whole && wire.alone && !(wire.gets && wire.counts);
    let end = wire.at.max(wire.framed).max(wire.taken);
    Ok((PyBytes::new(py, &wire.bytes[..end]), whole, alone))
}

struct Wire<'f, 'py> {
    file: &'f Bound<'py, PyAny>,
    peeks: bool,
    /// All that was read, and what was shown behind it.
    bytes: Vec<u8>,
    /// How much of that was read.
    taken: usize,
    /// How far it was understood. A frame is read before it is.
    at: usize,
    /// Where the frame ends.
    framed: usize,
    /// Entries of the memo that this pickle wrote under a number.
    put: BTreeSet<u64>,
    /// Whether it writes entries under the next number, whatever that is.
    counts: bool,
    /// Whether it reads entries.
    gets: bool,
    /// Whether it reads no entry but those that it wrote.
    alone: bool,
}

impl Wire<'_, '_> {
    /// Whether STOP was reached.
    fn pickle(&mut self) -> PyResult<bool> {
        loop {
            if !self.want(1)? {
                return Ok(false);
            }
            let code = self.bytes[self.at - 1];
            let Some(op) = opcode::by_code(code) else { return Ok(false) };
            let (from, before) = (self.at, self.framed);
            let whole = match op.argument {
                Argument::None => true,
                Argument::U1 => self.want(1)?,
                Argument::U2 => self.want(2)?,
                Argument::I4 | Argument::U4 => self.want(4)?,
                Argument::F8 => self.want(8)?,
                Argument::U8 if code == FRAME => self.frame()?,
                Argument::U8 => self.want(8)?,
                Argument::Line => self.line()?,
                Argument::TwoLines => self.line()? && self.line()?,
                Argument::Counted1 => self.counted(1)?,
                // A negative count ends any unpickler; as a large one it ends here.
                Argument::Counted4 | Argument::CountedI4 => self.counted(4)?,
                Argument::Counted8 => self.counted(8)?,
            };
            if !whole {
                return Ok(false);
            }
            // What a frame cuts through, or holds inside of it, is read differently by different unpicklers.
            self.alone &= from > before || (self.at <= before && code != FRAME);
            let index = || little(&self.bytes[from..self.at]);
            match code {
                STOP => return Ok(true),
                MEMOIZE => self.counts = true,
                BINPUT | LONG_BINPUT => {
                    let index = index();
                    self.put.insert(index);
                }
                BINGET | LONG_BINGET => {
                    self.alone &= self.put.contains(&index());
                    self.gets = true;
                }
                // Numbers in text are written in more than one way.
                PUT => self.counts = true,
                GET => self.alone = false,
                _ => {}
            }
        }
    }

    fn read(&mut self, method: &str, n: Option<u64>) -> PyResult<usize> {
        self.take(self.bytes.len())?;
        let read = match n {
            Some(n) => self.file.call_method1(method, (n,))?,
            None => self.file.call_method0(method)?,
        };
        let bytes =
            read.cast::<PyBytes>().map_err(|_| PyTypeError::new_err(format!("{method}() gave no bytes")))?;
        self.bytes.extend_from_slice(bytes.as_bytes());
        self.taken = self.bytes.len();
        Ok(bytes.as_bytes().len())
    }

    /// Reads what was shown, up to an offset.
    fn take(&mut self, end: usize) -> PyResult<()> {
        while self.taken < end.min(self.bytes.len()) {
            let shown = &self.bytes[self.taken..end.min(self.bytes.len())];
            let read = self.file.call_method1("read", (shown.len(),))?;
            let read =
                read.cast::<PyBytes>().map_err(|_| PyTypeError::new_err("read() gave no bytes"))?.as_bytes();
            if read.is_empty() || !shown.starts_with(read) {
                return Err(PyOSError::new_err("the file changed while it was read"));
            }
            self.taken += read.len();
        }
        Ok(())
    }

    /// Has what comes next shown, where that can be.
    fn show(&mut self) -> PyResult<bool> {
        if !self.peeks {
            return Ok(false);
        }
        self.take(self.bytes.len())?;
        let shown = self.file.call_method1("peek", (PEEKED,))?;
        let shown = shown.cast::<PyBytes>().map_err(|_| PyTypeError::new_err("peek() gave no bytes"))?;
        self.bytes.extend_from_slice(shown.as_bytes());
        Ok(!shown.as_bytes().is_empty())
    }

    /// Has so many bytes more, and steps over them. False where the stream ends before.
    fn want(&mut self, n: u64) -> PyResult<bool> {
        if !self.have(n)? {
            return Ok(false);
        }
        self.at += usize::try_from(n)?;
        Ok(true)
    }

    fn have(&mut self, n: u64) -> PyResult<bool> {
        while ((self.bytes.len() - self.at) as u64) < n {
            let missing = n - (self.bytes.len() - self.at) as u64;
            if missing < PEEKED && self.show()? {
                continue;
            }
            if self.read("read", Some(missing.min(PIECE)))? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// An unpickler reads a frame as a whole.
    fn frame(&mut self) -> PyResult<bool> {
        let Some(len) = self.number(8)? else { return Ok(false) };
        if !self.have(len)? {
            self.framed = self.bytes.len();
            return Ok(false);
        }
        self.framed = self.at + usize::try_from(len)?;
        Ok(true)
    }

    fn counted(&mut self, width: u64) -> PyResult<bool> {
        let Some(len) = self.number(width)? else { return Ok(false) };
        self.want(len)
    }

    fn number(&mut self, width: u64) -> PyResult<Option<u64>> {
        let from = self.at;
        if !self.want(width)? {
            return Ok(None);
        }
        Ok(Some(little(&self.bytes[from..self.at])))
    }

    fn line(&mut self) -> PyResult<bool> {
        // The rest of a frame is no line of its own.
        let inside = self.at < self.framed;
        let mut looked = self.at;
        loop {
            let end = if inside { self.framed } else { self.bytes.len() };
            if let Some(end) = self.bytes[looked..end].iter().position(|byte| *byte == b'\n') {
                self.at = looked + end + 1;
                return Ok(true);
            }
            looked = end;
            if inside {
                return Ok(false);
            }
            if !self.show()? && self.read("readline", None)? == 0 {
                self.at = self.bytes.len();
                return Ok(false);
            }
        }
    }
}

/// The number that bytes are, the lowest first.
fn little(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte))
}
