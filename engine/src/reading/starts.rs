//! Where in bytes of unknown form a pickle may begin that makes an import: each byte from which opcodes lead to one.
//!
//! An unpickler goes from opcode to opcode, so what stands between the beginning of a pickle and its import reads as
//! opcodes, whatever it does. All such places are told, and none is guessed by its shape.

use std::collections::HashMap;
use std::io;
use std::ops::Range;

use crate::content::Content;
use crate::pickle::stream::opcode::{self, Argument};

/// Bytes behind a part that are at hand for what begins in it: a module is a file, and no path is longer than `PATH_MAX`.
pub const AHEAD: usize = 4_096 + 512;
/// Opcodes that are followed out of what is at hand; more of them count as a way to an import.
const FAR: usize = 64;

/// An import lies ahead.
const LEADS: u8 = 1;
/// STACK_GLOBAL lies ahead, and one text, or two, are wanted before it.
const ONE_TEXT: u8 = 2;
const TWO_TEXTS: u8 = 4;

/// What lies behind the bytes at hand.
pub struct Lines<'a> {
    content: &'a Content,
    /// Where a pickle has to end.
    end: u64,
    /// The first newline at or behind a place.
    newline: &'a mut Option<(u64, u64)>,
    /// Which modules count.
    counts: fn(&str) -> bool,
    far: HashMap<u64, u8>,
}

impl<'a> Lines<'a> {
    /// Keeps the last newline that was looked for, for the next part.
    pub fn new(
        content: &'a Content,
        end: u64,
        newline: &'a mut Option<(u64, u64)>,
        counts: fn(&str) -> bool,
    ) -> Self {
        Lines { content, end, newline, counts, far: HashMap::new() }
    }

    /// The first newline at or behind a place; the end where there is none.
    fn newline(&mut self, at: u64) -> io::Result<u64> {
        const WINDOW: usize = 64 << 10;
        if let Some((from, found)) = *self.newline
            && (from..=found).contains(&at)
        {
            return Ok(found);
        }
        let mut from = at;
        let found = loop {
            let bytes = self.content.read_range(from, WINDOW)?;
            match memchr::memchr(b'\n', &bytes) {
                Some(i) => break from + i as u64,
                None if bytes.is_empty() || from >= self.end => break self.end,
                None => from += bytes.len() as u64,
            }
        };
        *self.newline = Some((at, found));
        Ok(found)
    }

    /// What opcodes at a place behind the bytes at hand lead to.
    fn beyond(&mut self, place: u64) -> io::Result<u8> {
        if let Some(state) = self.far.get(&place) {
            return Ok(*state);
        }
        let mut at = place;
        let mut state = LEADS;
        for _ in 0..FAR {
            let bytes = self.content.read_range(at, 16)?;
            let op = bytes.first().filter(|_| at < self.end).and_then(|code| opcode::by_code(*code));
            match op.map(|op| op.code) {
                None | Some(opcode::STOP) => {
                    state = 0;
                    break;
                }
                Some(opcode::GLOBAL | opcode::INST | opcode::STACK_GLOBAL | opcode::FRAME) => break,
                _ => {}
            }
            let next = match behind(&bytes, 0) {
                Next::At(n) => at.saturating_add(n),
                Next::Line => self.newline(at + 1)? + 1,
                Next::None => self.end,
            };
            if next >= self.end {
                state = 0;
                break;
            }
            at = next;
        }
        self.far.insert(place, state);
        Ok(state)
    }
}

/// Where the next opcode stands.
enum Next {
    /// So many bytes on.
    At(u64),
    /// Behind the line.
    Line,
    /// Nowhere: the argument is cut off.
    None,
}

fn behind(bytes: &[u8], i: usize) -> Next {
    let Some(op) = bytes.get(i).and_then(|code| opcode::by_code(*code)) else { return Next::None };
    let number = |n: usize| -> Option<u64> {
        let field = bytes.get(i + 1..i + 1 + n)?;
        Some(field.iter().rev().fold(0, |all, b| all << 8 | u64::from(*b)))
    };
    let counted = |n: usize| number(n).map(|count| count.saturating_add(1 + n as u64));
    let len = match op.argument {
        Argument::None => Some(1),
        Argument::U1 => Some(2),
        Argument::U2 => Some(3),
        Argument::I4 | Argument::U4 => Some(5),
        Argument::U8 | Argument::F8 => Some(9),
        Argument::Line | Argument::TwoLines => return Next::Line,
        Argument::Counted1 => counted(1),
        // The C unpickler takes a negative count of BINSTRING for a large one.
        Argument::Counted4 | Argument::CountedI4 => counted(4),
        Argument::Counted8 => counted(8),
    };
    len.map_or(Next::None, Next::At)
}

/// The places in a part of `bytes`, which begin at an offset of the content, in order.
pub fn starts(bytes: &[u8], from: u64, part: Range<usize>, lines: &mut Lines<'_>) -> io::Result<Vec<usize>> {
    let base = part.start;
    let mut states = vec![0u8; bytes.len().saturating_sub(base)];
    let mut newline = None;
    let mut found = Vec::new();
    for i in (base..bytes.len()).rev() {
        let code = bytes.get(i).copied().unwrap_or(0);
        let state = match opcode::by_code(code) {
            None => 0,
            Some(op) => {
                let at_hand = |next: u64| -> Option<u8> {
                    states.get(usize::try_from(next).ok()?.checked_sub(base)?).copied()
                };
                let ahead = match (op.code, behind(bytes, i)) {
                    (opcode::STOP, _) => 0,
                    (opcode::GLOBAL | opcode::INST, _) => u8::from(names_an_import(
                        bytes.get(i + 1..).unwrap_or(&[]),
                        code == opcode::INST,
                        lines.counts,
                    )),
                    (opcode::STACK_GLOBAL, _) => TWO_TEXTS,
                    // Bytes may be dropped up to its end.
                    (opcode::FRAME, Next::At(n)) => match bytes.get(i + 1..i + 9) {
                        Some([.., 0, 0, 0]) => LEADS,
                        _ => at_hand((i as u64).saturating_add(n)).unwrap_or(LEADS),
                    },
                    (_, next) => {
                        let next = match next {
                            Next::At(n) => Some((i as u64).saturating_add(n)),
                            Next::Line => match newline {
                                Some(newline) => Some(newline as u64 + 1),
                                None => Some(lines.newline(from + bytes.len() as u64)? + 1 - from),
                            },
                            Next::None if from + (bytes.len() as u64) < lines.end => None,
                            Next::None => Some(u64::MAX),
                        };
                        match next {
                            None => LEADS,
                            Some(next) => match at_hand(next) {
                                Some(state) => state,
                                None if from.saturating_add(next) >= lines.end => 0,
                                None => lines.beyond(from + next)?,
                            },
                        }
                    }
                };
                if gives_text(op.code) {
                    ahead & LEADS | (ahead & (ONE_TEXT | TWO_TEXTS)) >> 1
                } else {
                    ahead
                }
            }
        };
        if let Some(place) = states.get_mut(i - base) {
            *place = state;
        }
        if code == b'\n' {
            newline = Some(i);
        }
        if state & LEADS != 0 && i < part.end {
            found.push(i);
        }
    }
    found.reverse();
    Ok(found)
}

/// Where opcodes that follow one another from a place on stand, each with its byte, up to an end or until it is enough.
/// Returns where the next one would stand.
pub fn follow(bytes: &[u8], from: u64, at: u64, end: u64, mut each: impl FnMut(u64, u8) -> bool) -> u64 {
    let mut at = at;
    while at < end {
        let Some(i) = at.checked_sub(from).and_then(|i| usize::try_from(i).ok()) else { return u64::MAX };
        let Some(op) = bytes.get(i).and_then(|code| opcode::by_code(*code)) else { return u64::MAX };
        if !each(at, op.code) {
            return u64::MAX;
        }
        let line = |i: usize| memchr::memchr(b'\n', bytes.get(i..).unwrap_or(&[])).map(|n| i + n + 1);
        at = match (behind(bytes, i), op.argument) {
            (Next::At(n), _) => at.saturating_add(n),
            (Next::Line, Argument::TwoLines) => {
                line(i + 1).and_then(line).map_or(u64::MAX, |i| from + i as u64)
            }
            (Next::Line, _) => line(i + 1).map_or(u64::MAX, |i| from + i as u64),
            (Next::None, _) => u64::MAX,
        };
    }
    at
}

/// Whether an opcode may put a text on the stack.
fn gives_text(code: u8) -> bool {
    matches!(
        code,
        opcode::STRING
            | opcode::UNICODE
            | opcode::BINSTRING
            | opcode::SHORT_BINSTRING
            | opcode::BINUNICODE
            | opcode::SHORT_BINUNICODE
            | opcode::BINUNICODE8
            | opcode::GET
            | opcode::BINGET
            | opcode::LONG_BINGET
            | opcode::DUP
    )
}

/// A dotted name as Python would take it, in ASCII.
fn is_dotted(text: &[u8]) -> bool {
    let part = |part: &[u8]| {
        part.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_')
            && part.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
    };
    text.split(|b| *b == b'.').all(part)
}

/// Two lines that may be module and name: dotted, or, where it `calls` or an opcode follows that could lead to a call,
/// any text. Every name of a file or folder can be imported.
fn names_an_import(text: &[u8], calls: bool, counts: fn(&str) -> bool) -> bool {
    let looked = text.get(..AHEAD).unwrap_or(text);
    let Some(first) = memchr::memchr(b'\n', looked) else { return false };
    let module = looked.get(..first).unwrap_or_default();
    let is_text = |line: &[u8]| !line.is_empty() && std::str::from_utf8(line).is_ok();
    if module.is_empty() || module.contains(&0) || !std::str::from_utf8(module).is_ok_and(counts) {
        return false;
    }
    let rest = looked.get(first + 1..).unwrap_or_default();
    // A name of any length asks for attributes of attributes.
    let Some(second) = memchr::memchr(b'\n', rest) else { return true };
    let name = rest.get(..second).unwrap_or_default();
    let next = rest.get(second + 1);
    let leads = calls || next.is_some_and(|next| *next != b'.' && opcode::by_code(*next).is_some());
    is_text(name) && (leads || is_dotted(module) && is_dotted(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(bytes: &[u8], window: usize) -> Vec<usize> {
        let content = Content::from_bytes(bytes);
        let end = bytes.len() as u64;
        let (mut newline, mut found) = (None, Vec::new());
        for from in (0..bytes.len()).step_by(window) {
            let here = &bytes[from..(from + window + 4).min(bytes.len())];
            let mut lines = Lines::new(&content, end, &mut newline, |_| true);
            let part = 0..window.min(here.len());
            found.extend(
                starts(here, from as u64, part, &mut lines).expect("in memory").iter().map(|i| from + i),
            );
        }
        found
    }

    #[test]
    fn every_way_to_an_import_is_found() {
        for pickle in [
            &b"cposix\nsystem\n(Vtrue\ntR."[..],
            b"(X\x04\0\0\0trueq\0iposix\nsystem\n.",
            b"X\x05\0\0\0posixX\x06\0\0\0system\x93(X\x04\0\0\0truetR.",
        ] {
            let whole = [&b"\xff\xfe"[..], pickle].concat();
            assert!(places(&whole, 4_096).contains(&2), "{}", pickle.escape_ascii());
        }
        // Texts from the memo, and an argument as long as the window.
        let memo = b"\xffVposix\np1\n0Vsystem\np2\n0g1\ng2\n\x93.";
        assert!(places(memo, 4_096).contains(&1));
        let long = [&b"\xff(X\x00\x20\0\0"[..], &[b'('; 8_192], b"iposix\nsystem\n."].concat();
        for window in [4_096, 16_384] {
            assert!(places(&long, window).contains(&1), "{window}");
        }
    }

    #[test]
    fn noise_leads_nowhere() {
        assert_eq!(places(b"\xffc\xff\xfe\nsystem\n(.", 4_096), [0usize; 0]);
        assert_eq!(places(b"N.cos", 4_096), [0usize; 0]);
    }
}
