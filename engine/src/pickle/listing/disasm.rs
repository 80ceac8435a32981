//! A stream opcode by opcode, each with its argument, what it puts into the memo or takes from there, and
//! the top of the stack it finds. Objects have the names that the decompiled lines give them.

use std::collections::HashMap;

use crate::escape;
use crate::pickle::listing::decompile::{Decompiler, Keep, shorten};
use crate::pickle::listing::sharing::Sharing;
use crate::pickle::machine::trace::{Event, Trace, View};
use crate::pickle::stream::opcode::{self, Argument};
use crate::pickle::stream::reader::Cursor;
use crate::pickle::stream::text::{self, Text};
use crate::pickle::values::value::{Tag, Value};

/// Values of the stack that are shown, the top last.
const SHOWN_STACK: usize = 5;
/// Characters of an argument or a value that are shown.
const SHOWN_TEXT: usize = 32;

/// One opcode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Offset in the member.
    pub offset: u64,
    /// CPython's name, and the argument.
    pub text: String,
    /// The stack before it runs, marks as `(`. Escaped for a terminal.
    pub stack: String,
}

/// Records the steps of a machine.
pub struct Disassembler {
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// Steps that were not kept.
    pub dropped: u64,
    keep: usize,
    names: Decompiler,
    /// What the memo holds, by the index as it is written.
    memo: HashMap<String, Value>,
    /// The index that the opcode under way stores at.
    index: String,
}

impl Disassembler {
    /// Keeps the first so many steps. `sharing` has watched the same run.
    pub fn new(keep: usize, sharing: Sharing) -> Self {
        let names = Decompiler::new(Keep::First(0), sharing);
        Disassembler {
            steps: Vec::new(),
            dropped: 0,
            keep,
            names,
            memo: HashMap::new(),
            index: String::new(),
        }
    }

    fn step<C: Cursor>(&mut self, view: &View<'_, C>, offset: u64, code: u8) -> Step {
        let mut argument = argument(view.cursor, offset, code);
        match code {
            opcode::GET | opcode::BINGET | opcode::LONG_BINGET => {
                if let Some(value) = self.memo.get(&argument) {
                    argument = format!("{argument} = {}", self.value(view, *value));
                }
            }
            opcode::MEMOIZE => {
                self.index = self.memo.len().to_string();
                argument = format!("at {}", self.index);
            }
            _ => self.index.clone_from(&argument),
        }
        let text = format!("{:<16} {argument}", opcode::name(code)).trim_end().to_owned();
        Step { offset: view.cursor.in_content(offset), text, stack: self.stack(view) }
    }

    /// A value in a few characters.
    fn value<C: Cursor>(&self, view: &View<'_, C>, value: Value) -> String {
        shorten(&self.names.expression(view, value, 1), SHOWN_TEXT)
    }

    fn stack<C: Cursor>(&self, view: &View<'_, C>) -> String {
        let from = view.stack.len().saturating_sub(SHOWN_STACK);
        let mut shown = Vec::new();
        if from > 0 {
            shown.push("…".to_owned());
        }
        // Marks lie below the value at their position; only those among the shown values are drawn.
        let marks_at =
            |at: usize| view.marks.iter().rev().take_while(|m| **m >= at).filter(|m| **m == at).count();
        for at in from..=view.stack.len() {
            shown.extend(std::iter::repeat_n("(".to_owned(), marks_at(at).min(SHOWN_STACK)));
            shown.extend(view.stack.get(at).map(|entry| self.value(view, *entry)));
        }
        shown.join("  ")
    }
}

impl Trace for Disassembler {
    fn event<C: Cursor>(&mut self, view: &View<'_, C>, offset: u64, event: Event<'_>) {
        self.names.event(view, offset, event);
        match event {
            Event::Opcode { .. } if self.steps.len() >= self.keep => self.dropped += 1,
            Event::Opcode { code } => {
                let step = self.step(view, offset, code);
                self.steps.push(step);
            }
            Event::Memo { value } if self.memo.len() < self.keep => {
                self.memo.insert(self.index.clone(), value);
            }
            Event::Fault { message } => {
                let text = format!("# {}", escape::name(message));
                let offset = view.cursor.in_content(offset);
                self.steps.push(Step { offset, text, stack: String::new() });
            }
            _ => {}
        }
    }
}

/// The argument of the opcode at `offset`, decoded as its table row says.
fn argument(cursor: &impl Cursor, offset: u64, code: u8) -> String {
    let Some(opcode) = opcode::by_code(code) else { return String::new() };
    let at = offset + 1;
    let number = |width: usize| {
        let bytes = cursor.bytes(at, width);
        let mut le = [0; 8];
        le.iter_mut().zip(bytes.iter()).for_each(|(to, from)| *to = *from);
        (bytes.len() == width).then(|| u64::from_le_bytes(le))
    };
    let line = |from: u64| {
        let bytes = cursor.bytes(from, 256);
        let end = memchr::memchr(b'\n', &bytes).unwrap_or(bytes.len());
        (escape::name(&String::from_utf8_lossy(bytes.get(..end).unwrap_or(&[]))), from + end as u64 + 1)
    };
    let counted = |width: usize| match number(width) {
        Some(len) => format!("{} {}", len, value(cursor, literal(offset, code))).trim_end().to_owned(),
        None => "…".to_owned(),
    };
    match opcode.argument {
        Argument::None => String::new(),
        Argument::U1 => number(1).map_or_else(|| "…".to_owned(), |n| n.to_string()),
        Argument::U2 => number(2).map_or_else(|| "…".to_owned(), |n| n.to_string()),
        Argument::I4 => number(4).map_or_else(|| "…".to_owned(), |n| (n as u32 as i32).to_string()),
        Argument::U4 => number(4).map_or_else(|| "…".to_owned(), |n| n.to_string()),
        Argument::U8 => number(8).map_or_else(|| "…".to_owned(), |n| n.to_string()),
        Argument::F8 => match cursor.bytes(at, 8).first_chunk::<8>() {
            Some(be) => format!("{:?}", f64::from_be_bytes(*be)),
            None => "…".to_owned(),
        },
        Argument::Line => shorten(&line(at).0, SHOWN_TEXT),
        Argument::TwoLines => {
            let (first, next) = line(at);
            format!("{} {}", shorten(&first, SHOWN_TEXT), shorten(&line(next).0, SHOWN_TEXT))
        }
        Argument::Counted1 => counted(1),
        Argument::Counted4 | Argument::CountedI4 => counted(4),
        Argument::Counted8 => counted(8),
    }
}

/// The literal that the opcode at `offset` pushes, where it is text.
fn literal(offset: u64, code: u8) -> Value {
    let text = matches!(
        code,
        opcode::SHORT_BINUNICODE
            | opcode::BINUNICODE
            | opcode::BINUNICODE8
            | opcode::SHORT_BINSTRING
            | opcode::BINSTRING
    );
    if text { Value::new(Tag::Text, offset) } else { Value::UNKNOWN }
}

/// A value in a word or a short literal.
fn value(cursor: &impl Cursor, value: Value) -> String {
    match value.tag() {
        Tag::Unknown => String::new(),
        Tag::Int => value.as_int().map(|n| n.to_string()).unwrap_or_default(),
        Tag::Text => match text::decode(cursor, value.payload(), 4096) {
            Text::Str(text) | Text::Lone(text) => format!("'{}'", shorten(&escape::name(&text), SHOWN_TEXT)),
            Text::TooLong(_) | Text::Undecodable => "text".to_owned(),
        },
        tag => tag.as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Content;
    use crate::facts::Loader;
    use crate::limits::Limits;
    use crate::pickle::machine;

    #[test]
    fn opcodes_have_their_arguments_and_the_stack_they_find() {
        let mut listing = Disassembler::new(100, Sharing::default());
        let content = Content::from_bytes(&b"\x80\x04(\x8c\x02os\x8c\x06system\x93K\x05\x85R."[..]);
        machine::run_traced(&content, 0, Loader::Pickle, "", &Limits::default(), &mut listing)
            .expect("bytes in memory are readable");
        let lines: Vec<String> = listing.steps.iter().map(|s| format!("{} | {}", s.text, s.stack)).collect();
        assert_eq!(lines[0], "PROTO            4 | ");
        assert_eq!(lines[3], "SHORT_BINUNICODE 6 'system' | (  'os'");
        assert_eq!(lines[4], "STACK_GLOBAL | (  'os'  'system'");
        assert_eq!(lines[7], "REDUCE | (  system  (5,)");
    }

    #[test]
    fn what_the_memo_gives_is_told() {
        let mut listing = Disassembler::new(100, Sharing::default());
        let content = Content::from_bytes(&b"cos\nsystem\n\x94)R\x94p7\nh\x00g7\n."[..]);
        machine::run_traced(&content, 0, Loader::Pickle, "", &Limits::default(), &mut listing)
            .expect("bytes in memory are readable");
        let texts: Vec<&str> = listing.steps.iter().map(|s| s.text.as_str()).collect();
        assert_eq!(texts[1], "MEMOIZE          at 0");
        assert_eq!(texts[4], "MEMOIZE          at 1");
        assert_eq!((texts[6], texts[7]), ("BINGET           0 = system", "GET              7 = _1"));
    }

    #[test]
    fn hostile_text_is_escaped_and_cut() {
        let mut listing = Disassembler::new(1, Sharing::default());
        let content = Content::from_bytes(&b"cos\x1b[31m\nx\n."[..]);
        machine::run_traced(&content, 0, Loader::Pickle, "", &Limits::default(), &mut listing)
            .expect("bytes in memory are readable");
        assert!(listing.steps[0].text.contains("os\\u{1b}[31m x"), "{}", listing.steps[0].text);
        assert_eq!(listing.dropped, 1);
    }
}
