//! One pickle off a pipe: read as an unpickler reads it, so that no byte behind it is taken.

use fickgate_engine::pickle::stream::opcode::{self, Argument, FRAME, STOP};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Longest piece that is asked for at once, in bytes: a stream claims lengths that it does not hold.
const PIECE: u64 = 1 << 20;

/// Reads to STOP, or to where the stream ends or is no pickle any more.
#[pyfunction]
pub fn one<'py>(py: Python<'py>, file: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let mut wire = Wire { file, bytes: Vec::new(), at: 0 };
    wire.pickle()?;
    Ok(PyBytes::new(py, &wire.bytes))
}

struct Wire<'f, 'py> {
    file: &'f Bound<'py, PyAny>,
    /// All that was read.
    bytes: Vec<u8>,
    /// How far it was understood. A frame is read before it is.
    at: usize,
}

impl Wire<'_, '_> {
    fn pickle(&mut self) -> PyResult<()> {
        loop {
            if !self.want(1)? {
                return Ok(());
            }
            let code = self.bytes[self.at - 1];
            let Some(op) = opcode::by_code(code) else { return Ok(()) };
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
            if code == STOP || !whole {
                return Ok(());
            }
        }
    }

    fn read(&mut self, method: &str, n: Option<u64>) -> PyResult<usize> {
        let read = match n {
            Some(n) => self.file.call_method1(method, (n,))?,
            None => self.file.call_method0(method)?,
        };
        let bytes =
            read.cast::<PyBytes>().map_err(|_| PyTypeError::new_err(format!("{method}() gave no bytes")))?;
        self.bytes.extend_from_slice(bytes.as_bytes());
        Ok(bytes.as_bytes().len())
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
            if self.read("read", Some(missing.min(PIECE)))? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// An unpickler reads a frame as a whole.
    fn frame(&mut self) -> PyResult<bool> {
        let Some(len) = self.number(8)? else { return Ok(false) };
        self.have(len)
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
        Ok(Some(self.bytes[from..self.at].iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte))))
    }

    fn line(&mut self) -> PyResult<bool> {
        if let Some(end) = self.bytes[self.at..].iter().position(|byte| *byte == b'\n') {
            self.at += end + 1;
            return Ok(true);
        }
        // The rest of a frame is no line of its own.
        if self.bytes.len() > self.at {
            return Ok(false);
        }
        let n = self.read("readline", None)?;
        self.at += n;
        Ok(n > 0 && self.bytes.ends_with(b"\n"))
    }
}
