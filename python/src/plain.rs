//! Whether a pickle is data and nothing else, told by one walk over its opcodes.
//!
//! Such a pickle has values of the language, and dates and times, whose classes are safe whatever is done with them. No
//! value but short text and those classes is used twice, so that what it costs to load grows with its length. It need
//! not be judged.

use fickgate_engine::pickle::stream::opcode::{
    self, ADDITEMS, BINBYTES, BINBYTES8, BINFLOAT, BINGET, BININT, BININT1, BININT2, BINPUT, BINUNICODE,
    BINUNICODE8, BYTEARRAY8, DICT, FRAME, FROZENSET, GLOBAL, LONG_BINGET, LONG_BINPUT, LONG1, LONG4, MEMOIZE,
    PROTO, REDUCE, SETITEM, SETITEMS, SHORT_BINBYTES, SHORT_BINUNICODE, STACK_GLOBAL, STOP, TUPLE, TUPLE1,
    TUPLE2, TUPLE3,
};

/// Classes that are values. They count as data where the policies in force permit every use of each.
pub const VALUES: [(&str, &str); 3] = [("datetime", "date"), ("datetime", "datetime"), ("datetime", "time")];

/// What a pickle is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Walk {
    /// Data that looks up no name.
    Plain,
    /// Data that looks up classes that are values.
    Values,
    /// Anything else.
    Other,
}

/// What follows an opcode that makes data, and what the opcode is to the walk.
#[derive(Clone, Copy)]
enum Follows {
    /// So many bytes.
    Bytes(u8),
    /// A length of so many bytes, then as many bytes as it says.
    Counted(u8),
    /// The same, of a value whose hash can be chosen: nothing follows where there is no length.
    Hashed(u8),
    /// Eight bytes of a number, no two of which are equal where it is none.
    Float,
    /// Short text.
    Text,
    /// Short bytes, which a class may be called with.
    State,
    /// A tuple of one.
    Single,
    /// The length of a frame.
    Frame,
    /// An index of so many bytes, none for the next one, at which the memo keeps what is on top.
    Put(u8),
    /// An index of so many bytes, at which the memo has what is wanted.
    Get(u8),
    /// Keys are put into a dict or a set.
    Keys,
    /// A name in two lines.
    Global,
    /// A name from two texts.
    StackGlobal,
    /// A class is called with bytes.
    Apply,
    /// The end.
    Stop,
    /// The opcode is none of them.
    Other,
}

const FOLLOWS: [Follows; 256] = {
    let mut table = [Follows::Other; 256];
    let alone = [
        opcode::MARK,
        opcode::NONE,
        opcode::NEWTRUE,
        opcode::NEWFALSE,
        opcode::EMPTY_LIST,
        opcode::EMPTY_DICT,
        opcode::EMPTY_TUPLE,
        opcode::EMPTY_SET,
        opcode::LIST,
        opcode::APPEND,
        opcode::APPENDS,
    ];
    let mut i = 0;
    while i < alone.len() {
        table[alone[i] as usize] = Follows::Bytes(0);
        i += 1;
    }
    table[TUPLE1 as usize] = Follows::Single;
    let tuples = [TUPLE, TUPLE2, TUPLE3];
    i = 0;
    while i < tuples.len() {
        table[tuples[i] as usize] = Follows::Hashed(0);
        i += 1;
    }
    let keys = [SETITEM, SETITEMS, ADDITEMS, DICT, FROZENSET];
    i = 0;
    while i < keys.len() {
        table[keys[i] as usize] = Follows::Keys;
        i += 1;
    }
    table[BININT1 as usize] = Follows::Bytes(1);
    table[PROTO as usize] = Follows::Bytes(1);
    table[BININT2 as usize] = Follows::Bytes(2);
    table[BININT as usize] = Follows::Bytes(4);
    table[BINFLOAT as usize] = Follows::Float;
    table[FRAME as usize] = Follows::Frame;
    let counted = [(BINUNICODE, 4), (BINUNICODE8, 8), (BINBYTES, 4), (BINBYTES8, 8), (BYTEARRAY8, 8)];
    i = 0;
    while i < counted.len() {
        table[counted[i].0 as usize] = Follows::Counted(counted[i].1);
        i += 1;
    }
    table[LONG1 as usize] = Follows::Hashed(1);
    table[LONG4 as usize] = Follows::Hashed(4);
    table[SHORT_BINBYTES as usize] = Follows::State;
    table[SHORT_BINUNICODE as usize] = Follows::Text;
    table[MEMOIZE as usize] = Follows::Put(0);
    table[BINPUT as usize] = Follows::Put(1);
    table[LONG_BINPUT as usize] = Follows::Put(4);
    table[BINGET as usize] = Follows::Get(1);
    table[LONG_BINGET as usize] = Follows::Get(4);
    table[GLOBAL as usize] = Follows::Global;
    table[STACK_GLOBAL as usize] = Follows::StackGlobal;
    table[REDUCE as usize] = Follows::Apply;
    table[STOP as usize] = Follows::Stop;
    table
};

/// Values whose hashes can be chosen, where there are keys: keys of one hash are compared with each other, and a tuple
/// is hashed to its depth, by recursion.
const HASHED: usize = 1000;

/// What was pushed last, or is in the memo: something, one of the classes, such a class and bytes, such a class and a
/// tuple of bytes, or a text by its offset.
const SOMETHING: u32 = 0;
const CLASS: u32 = 1;
const WITH_BYTES: u32 = 2;
const WITH_ARGUMENTS: u32 = 3;
const TEXT: u32 = 4;

/// Walks to STOP, and says where that ends. A pickle that breaks off before has done nothing, and its unpickler says
/// so. `values`: whether the classes of [`VALUES`] count as data.
pub fn walk(pickle: &[u8], values: bool) -> (Walk, Option<usize>) {
    let mut end = None;
    (walk_to(pickle, values, &mut end), end)
}

fn walk_to(pickle: &[u8], values: bool, end: &mut Option<usize>) -> Walk {
    let mut walked = Walked { pickle, memo: Memo::new(), top: SOMETHING, below: SOMETHING };
    let (mut at, mut found, mut sequential) = (0, Walk::Plain, true);
    let (mut hashed, mut keys, mut framed) = (0_usize, false, 0);
    // Where the frame ends, and the pickle outside of one.
    let mut limit = pickle.len();
    loop {
        if at == limit {
            limit = pickle.len();
        }
        let Some(code) = pickle.get(at) else { break };
        at += 1;
        let skipped = match FOLLOWS[usize::from(*code)] {
            Follows::Bytes(n) => {
                walked.push(SOMETHING);
                usize::from(n)
            }
            Follows::Counted(width) => {
                walked.push(SOMETHING);
                let Some(skipped) = counted(pickle, at, width) else { break };
                skipped
            }
            Follows::Hashed(width) => {
                walked.push(SOMETHING);
                hashed += 1;
                let Some(skipped) = counted(pickle, at, width) else { break };
                skipped
            }
            Follows::State => {
                walked.push(if walked.top == CLASS { WITH_BYTES } else { SOMETHING });
                let Some(skipped) = counted(pickle, at, 1) else { break };
                skipped
            }
            Follows::Single => {
                walked.push(if walked.top == WITH_BYTES { WITH_ARGUMENTS } else { SOMETHING });
                hashed += 1;
                0
            }
            Follows::Frame => {
                walked.push(SOMETHING);
                let Some(skipped) = counted(pickle, at, 8) else { break };
                // A frame is read as a whole, and none is read inside of another.
                match at.checked_add(skipped) {
                    Some(end) if at > framed && end <= pickle.len() => (limit, framed) = (end, end),
                    _ => return Walk::Other,
                }
                8
            }
            Follows::Float => {
                walked.push(SOMETHING);
                hashed += usize::from(pickle.get(at..at + 2).is_some_and(is_no_number));
                8
            }
            Follows::Text => {
                // Where offsets are too large for the memo, it is something.
                walked.push(u32::try_from(at).map_or(SOMETHING, |at| at.saturating_add(TEXT)));
                let Some(skipped) = counted(pickle, at, 1) else { break };
                skipped
            }
            Follows::Put(width) => {
                let width = usize::from(width);
                if width > 0 {
                    let Some(index) = number(pickle, at, width) else { break };
                    // The memo is as long as the highest index.
                    if index > pickle.len() as u64 {
                        return Walk::Other;
                    }
                    sequential &= index == walked.memo.count as u64;
                }
                walked.memo.push(match walked.top {
                    WITH_BYTES | WITH_ARGUMENTS => SOMETHING,
                    kept => kept,
                });
                width
            }
            Follows::Get(width) => {
                let width = usize::from(width);
                let Some(index) = number(pickle, at, width) else { break };
                let kept = usize::try_from(index).ok().and_then(|index| walked.memo.get(index));
                match kept {
                    Some(kept) if sequential && kept != SOMETHING => walked.push(kept),
                    _ => return Walk::Other,
                }
                width
            }
            Follows::Keys => {
                walked.push(SOMETHING);
                keys = true;
                0
            }
            Follows::Global | Follows::StackGlobal if !values => return Walk::Other,
            Follows::Global => {
                let Some((name, skipped)) = lines(pickle, at) else { return Walk::Other };
                if !is_value(name) {
                    return Walk::Other;
                }
                found = Walk::Values;
                walked.push(CLASS);
                skipped
            }
            Follows::StackGlobal => {
                match (walked.text(walked.below), walked.text(walked.top)) {
                    (Some(module), Some(name)) if is_value((module, name)) => {}
                    _ => return Walk::Other,
                }
                found = Walk::Values;
                walked.push(CLASS);
                0
            }
            Follows::Apply => {
                if walked.top != WITH_ARGUMENTS {
                    return Walk::Other;
                }
                walked.push(SOMETHING);
                hashed += 1;
                0
            }
            Follows::Stop => {
                *end = Some(at);
                break;
            }
            Follows::Other => return Walk::Other,
        };
        match at.checked_add(skipped) {
            Some(next) if next <= limit => at = next,
            // What a frame cuts through is read differently by different unpicklers.
            _ if limit < pickle.len() => return Walk::Other,
            _ => break,
        }
    }
    if keys && hashed > HASHED { Walk::Other } else { found }
}

/// Whether a number begins so that is infinite or none.
fn is_no_number(bytes: &[u8]) -> bool {
    bytes[0] & 0x7f == 0x7f && bytes[1] & 0xf0 == 0xf0
}

struct Walked<'a> {
    pickle: &'a [u8],
    memo: Memo,
    /// What was pushed last, and before, where nothing was taken between.
    top: u32,
    below: u32,
}

impl<'a> Walked<'a> {
    fn push(&mut self, kind: u32) {
        self.below = self.top;
        self.top = kind;
    }

    /// The bytes of a text.
    fn text(&self, kind: u32) -> Option<&'a [u8]> {
        let at = usize::try_from(kind.checked_sub(TEXT)?).ok()?;
        let length = usize::from(*self.pickle.get(at)?);
        self.pickle.get(at + 1..)?.get(..length)
    }
}

/// What the memo keeps, in order. Small pickles allocate nothing.
struct Memo {
    first: [u32; 32],
    rest: Vec<u32>,
    count: usize,
}

impl Memo {
    fn new() -> Self {
        Memo { first: [SOMETHING; 32], rest: Vec::new(), count: 0 }
    }

    fn push(&mut self, kind: u32) {
        match self.first.get_mut(self.count) {
            Some(place) => *place = kind,
            None => self.rest.push(kind),
        }
        self.count += 1;
    }

    fn get(&self, index: usize) -> Option<u32> {
        if index >= self.count {
            return None;
        }
        let first = self.first.len();
        self.first.get(index).or_else(|| self.rest.get(index - first)).copied()
    }
}

/// A module and a name in it.
type Name<'a> = (&'a [u8], &'a [u8]);

fn is_value((module, name): Name<'_>) -> bool {
    VALUES.iter().any(|value| value.0.as_bytes() == module && value.1.as_bytes() == name)
}

/// Two lines, and how long they are.
fn lines(pickle: &[u8], at: usize) -> Option<(Name<'_>, usize)> {
    let rest = pickle.get(at..)?;
    // Longer ones are none of the classes.
    let rest = &rest[..rest.len().min(64)];
    let first = rest.iter().position(|byte| *byte == b'\n')?;
    let second = rest[first + 1..].iter().position(|byte| *byte == b'\n')?;
    Some(((&rest[..first], &rest[first + 1..first + 1 + second]), first + second + 2))
}

/// How long a length and what it counts are.
fn counted(pickle: &[u8], at: usize, width: u8) -> Option<usize> {
    let width = usize::from(width);
    if width == 0 {
        return Some(0);
    }
    usize::try_from(number(pickle, at, width)?).ok()?.checked_add(width)
}

fn number(pickle: &[u8], at: usize, width: usize) -> Option<u64> {
    let bytes = pickle.get(at..)?.get(..width)?;
    Some(bytes.iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte)))
}
