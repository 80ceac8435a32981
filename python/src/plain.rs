//! Whether a pickle is data and nothing else, told by one walk over its opcodes.
//!
//! Such a pickle looks up no name, so nothing in it can run; and it uses no value twice, so that what it costs to load
//! grows with its length. It need not be judged.

use fickgate_engine::pickle::stream::opcode::{
    self, BINBYTES, BINBYTES8, BINFLOAT, BININT, BININT1, BININT2, BINPUT, BINUNICODE, BINUNICODE8,
    BYTEARRAY8, FRAME, LONG_BINPUT, LONG1, LONG4, PROTO, SHORT_BINBYTES, SHORT_BINUNICODE, STOP, TUPLE,
    TUPLE1, TUPLE2, TUPLE3,
};

/// What follows an opcode that makes data.
#[derive(Clone, Copy)]
enum Follows {
    /// So many bytes.
    Bytes(u8),
    /// A length of so many bytes, then as many bytes as it says.
    Counted(u8),
    /// The index in the memo.
    Index,
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
        opcode::FROZENSET,
        opcode::TUPLE,
        opcode::TUPLE1,
        opcode::TUPLE2,
        opcode::TUPLE3,
        opcode::LIST,
        opcode::DICT,
        opcode::APPEND,
        opcode::APPENDS,
        opcode::SETITEM,
        opcode::SETITEMS,
        opcode::ADDITEMS,
        opcode::MEMOIZE,
    ];
    let mut i = 0;
    while i < alone.len() {
        table[alone[i] as usize] = Follows::Bytes(0);
        i += 1;
    }
    let one = [BININT1, BINPUT, PROTO];
    i = 0;
    while i < one.len() {
        table[one[i] as usize] = Follows::Bytes(1);
        i += 1;
    }
    table[BININT2 as usize] = Follows::Bytes(2);
    table[BININT as usize] = Follows::Bytes(4);
    table[BINFLOAT as usize] = Follows::Bytes(8);
    table[FRAME as usize] = Follows::Bytes(8);
    table[LONG_BINPUT as usize] = Follows::Index;
    let counted = [
        (SHORT_BINUNICODE, 1),
        (BINUNICODE, 4),
        (BINUNICODE8, 8),
        (SHORT_BINBYTES, 1),
        (BINBYTES, 4),
        (BINBYTES8, 8),
        (BYTEARRAY8, 8),
        (LONG1, 1),
        (LONG4, 4),
    ];
    i = 0;
    while i < counted.len() {
        table[counted[i].0 as usize] = Follows::Counted(counted[i].1);
        i += 1;
    }
    table[STOP as usize] = Follows::Stop;
    table
};

/// Tuples that may stand inside one another: a key is hashed to its depth, by recursion.
const TUPLES: usize = 1000;

/// Walks to STOP. A pickle that breaks off before has done nothing, and its unpickler says so.
pub fn is_plain(pickle: &[u8]) -> bool {
    let mut rest = pickle;
    let mut tuples = 0;
    loop {
        let Some((code, behind)) = rest.split_first() else { return true };
        if matches!(*code, TUPLE | TUPLE1 | TUPLE2 | TUPLE3) {
            tuples += 1;
            if tuples > TUPLES {
                return false;
            }
        }
        let skipped = match FOLLOWS[usize::from(*code)] {
            Follows::Bytes(n) => usize::from(n),
            Follows::Counted(width) => {
                let width = usize::from(width);
                let Some(length) = number(behind, width) else { return true };
                match usize::try_from(length).ok().and_then(|length| length.checked_add(width)) {
                    Some(skipped) => skipped,
                    None => return true,
                }
            }
            // The memo is as long as the highest index.
            Follows::Index if number(behind, 4).is_some_and(|index| index > pickle.len() as u64) => {
                return false;
            }
            Follows::Index => 4,
            Follows::Stop => return true,
            Follows::Other => return false,
        };
        let Some(next) = behind.get(skipped..) else { return true };
        rest = next;
    }
}

fn number(bytes: &[u8], width: usize) -> Option<u64> {
    Some(bytes.get(..width)?.iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte)))
}
