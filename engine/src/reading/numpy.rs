//! numpy's array files (`numpy/lib/_format_impl.py`).

use std::io;
use std::ops::Range;

use crate::content::Content;
use crate::limits::Limits;
use crate::reading::family::Family;
use crate::reading::field::{u16_le, u32_le};
use crate::reading::job::{Job, Place};
use crate::reading::literal::{self, Literal};
use crate::reading::work::Scan;
use crate::rule::Rule;

/// What stands behind the header of an array file.
#[derive(Debug, PartialEq, Eq)]
pub enum Array {
    /// Numbers, from the header to this offset.
    Numbers(u64),
    /// Data of a size that is not known, from this offset on; no objects.
    Unsized(u64),
    /// A pickle, from this offset on.
    Objects(u64),
    /// numpy raises before it looks at the data.
    Refused(String),
    /// A version of the format that is not known here.
    Version(u8, u8),
    /// The header is longer than the limit.
    Long(u64),
}

/// Reads the header of the array file that begins at `at`, magic and all.
pub fn array(content: &Content, at: u64, limits: &Limits) -> io::Result<Array> {
    Ok(match header(content, at, limits)? {
        Ok((header, data)) => described(&header, data).unwrap_or_else(no_header),
        Err(other) => other,
    })
}

fn no_header() -> Array {
    Array::Refused("the header is not a dict of descr, fortran_order and shape".to_owned())
}

/// The header of the array file that begins at `at`, and the offset behind it; else what stands there instead.
pub fn header(content: &Content, at: u64, limits: &Limits) -> io::Result<Result<(Literal, u64), Array>> {
    let cut_short = || Ok(Err(Array::Refused("the header is cut short".to_owned())));
    let head = content.read_range(at, 12)?;
    let (Some(&major), Some(&minor)) = (head.get(6), head.get(7)) else { return cut_short() };
    let (length, start) = match (major, minor) {
        (1, 0) => (u16_le(&head, 8).map(u64::from), 10),
        (2 | 3, 0) => (u32_le(&head, 8).map(u64::from), 12),
        _ => return Ok(Err(Array::Version(major, minor))),
    };
    let Some(length) = length else { return cut_short() };
    if length > limits.npy_header {
        return Ok(Err(Array::Long(length)));
    }
    let bytes = content.read_range(at + start, length as usize)?;
    if (bytes.len() as u64) < length {
        return cut_short();
    }
    let text = match major {
        3 => match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(_) => return Ok(Err(Array::Refused("the header is not UTF-8".to_owned()))),
        },
        _ => bytes.iter().map(|b| char::from(*b)).collect(),
    };
    let data = at + start + length;
    Ok(literal::parse(&text).map(|header| (header, data)).ok_or_else(no_header))
}

fn described(header: &Literal, data: u64) -> Option<Array> {
    let descr = header.get("descr")?;
    header.get("fortran_order")?;
    let Literal::Tuple(shape) = header.get("shape")? else { return None };
    let dtype = dtype(descr)?;
    if dtype.object {
        return Some(Array::Objects(data));
    }
    let elements = shape.iter().try_fold(1u64, |n, i| match i {
        Literal::Int(Some(i)) => n.checked_mul(u64::try_from(*i).ok()?),
        // A bool is an int to Python.
        Literal::Bool(i) => Some(n * u64::from(*i)),
        _ => None,
    });
    let bytes = elements.zip(dtype.size).and_then(|(n, size)| n.checked_mul(size)?.checked_add(data));
    Some(bytes.map_or(Array::Unsized(data), Array::Numbers))
}

impl Scan<'_> {
    /// Reads numpy's array files, one behind the other as `numpy.save` leaves them in an open file.
    pub fn open_npy(&mut self, job: &Job) -> io::Result<()> {
        let mut at = 0;
        loop {
            let (rule, message) = match array(&job.content, at, self.limits)? {
                Array::Numbers(end) if end > 0 && job.content.read_range(end - 1, 1)?.is_empty() => {
                    // Whoever makes room before it reads makes room for what is not there.
                    let message = "an array of numbers that goes beyond the end of its file";
                    self.fault(&job.member, Rule::StreamMalformed, at, message);
                    return self.behind(job, end..u64::MAX, "a pickle behind the data of an array file");
                }
                Array::Numbers(end) => {
                    let next = job.content.read_range(end, 6)?;
                    if next == b"\x93NUMPY" {
                        at = end;
                        continue;
                    }
                    return self.behind(job, end..u64::MAX, "a pickle behind the data of an array file");
                }
                Array::Objects(start) => return self.objects(job, start..u64::MAX),
                Array::Unsized(start) => {
                    return self.within(
                        job,
                        start..u64::MAX,
                        "a pickle in an array file whose end is not known",
                    );
                }
                Array::Refused(message) => (Rule::StreamMalformed, message),
                Array::Version(major, minor) => (
                    Rule::ContainerUnreadable,
                    format!("version {major}.{minor} of the array format is not known"),
                ),
                Array::Long(n) => (Rule::ResourceLimit, format!("an array header of {n} bytes")),
            };
            self.fault(&job.member, rule, at, message);
            return Ok(());
        }
    }

    /// An array of objects is one pickle behind the header.
    fn objects(&mut self, job: &Job, range: Range<u64>) -> io::Result<()> {
        let start = range.start;
        let mut child = job.child("objects", job.content.slice(range));
        child.place = Place::Nested;
        let pickles = self.pickles(&child, Family::Pickle)?;
        if !pickles.found {
            let message = "an array of objects without a pickle that can be read";
            self.fault(&job.member, Rule::StreamMalformed, start, message);
        }
        Ok(())
    }
}

/// An element type.
#[derive(Debug, PartialEq, Eq)]
struct Dtype {
    /// Bytes, where every part is known.
    size: Option<u64>,
    /// Whether it holds, or may hold, Python objects.
    object: bool,
}

/// What `descr_to_dtype` makes of a descr. What is not surely free of objects counts as holding some.
fn dtype(descr: &Literal) -> Option<Dtype> {
    let mut whole = Dtype { size: Some(0), object: false };
    let mut parts = vec![(descr, 1u64)];
    while let Some((part, times)) = parts.pop() {
        match part {
            Literal::Str(code) => match plain_size(code) {
                Some(size) => {
                    let more = size.checked_mul(times);
                    whole.size = whole.size.zip(more).and_then(|(a, b)| a.checked_add(b));
                }
                None => whole.object = true,
            },
            Literal::Tuple(pair) => {
                let [base, shape] = pair.as_slice() else { return None };
                parts.push((base, times.checked_mul(count(shape)?)?));
            }
            Literal::List(fields) => {
                for field in fields {
                    let Literal::Tuple(field) = field else { return None };
                    let (base, times) = match field.as_slice() {
                        [_, base] => (base, times),
                        [_, base, shape] => (base, times.checked_mul(count(shape)?)?),
                        _ => return None,
                    };
                    parts.push((base, times));
                }
            }
            _ => return None,
        }
    }
    Some(whole)
}

fn count(shape: &Literal) -> Option<u64> {
    let one = |n: &Literal| match n {
        Literal::Int(Some(n)) => u64::try_from(*n).ok(),
        _ => None,
    };
    match shape {
        Literal::Tuple(dims) => dims.iter().try_fold(1u64, |n, d| n.checked_mul(one(d)?)),
        n => one(n),
    }
}

/// Bytes of the types whose codes `dtype.str` gives, none of which is an object. `None` for any other.
fn plain_size(code: &str) -> Option<u64> {
    let code = code.trim_start_matches(['<', '>', '|', '=']);
    let kind = code.chars().next()?;
    let rest = code.get(1..)?;
    let (digits, unit) = match rest.split_once('[') {
        Some((digits, unit)) if matches!(kind, 'm' | 'M') && unit.ends_with(']') => (digits, true),
        Some(_) => return None,
        None => (rest, false),
    };
    let _ = unit;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let n: u64 = digits.parse().ok()?;
    match kind {
        'b' | 'i' | 'u' | 'f' | 'c' | 'm' | 'M' | 'S' | 'a' | 'V' => Some(n),
        'U' => n.checked_mul(4),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(descr: &str) -> Array {
        let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (3, 2), }}");
        described(&literal::parse(&header).expect("a literal"), 100).expect("a header")
    }

    #[test]
    fn objects_are_found_wherever_they_are() {
        for descr in [
            "'|O'",
            "'O'",
            "'object'",
            "'O8'",
            "('|O', (1,))",
            "[('a', '<f8'), ('b', '|O')]",
            "[('a', [('b', '|O')])]",
            "'f8,O'",
            "'T'",
            "'|T16'",
            r"'\N{LATIN CAPITAL LETTER O}'",
        ] {
            assert_eq!(of(descr), Array::Objects(100), "{descr}");
        }
    }

    #[test]
    fn numbers_have_a_size() {
        for (descr, size) in [
            ("'<f8'", 8),
            ("'|b1'", 1),
            ("'<U3'", 12),
            ("'|S5'", 5),
            ("'<M8[ns]'", 8),
            ("'<c16'", 16),
            ("'|V0'", 0),
            ("[('a', '<f8'), ('b', '<i4', (2, 2)), ('', '|V4')]", 28),
            ("('<f4', (3,))", 12),
        ] {
            assert_eq!(of(descr), Array::Numbers(100 + 6 * size), "{descr}");
        }
    }
}
