//! The 68 opcodes of protocols 0 to 5, once. Names and arguments as in CPython's `Lib/pickle.py` and
//! `Lib/pickletools.py`.

/// What follows an opcode in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Nothing.
    None,
    /// One byte, unsigned.
    U1,
    /// Two bytes, little-endian, unsigned.
    U2,
    /// Four bytes, little-endian, signed.
    I4,
    /// Four bytes, little-endian, unsigned.
    U4,
    /// Eight bytes, little-endian, unsigned.
    U8,
    /// Eight bytes, big-endian IEEE 754.
    F8,
    /// A line: bytes up to and with a newline.
    Line,
    /// Two lines.
    TwoLines,
    /// A count of one byte, then so many bytes.
    Counted1,
    /// A count of four bytes, then so many bytes.
    Counted4,
    /// A signed count of four bytes, then so many bytes.
    CountedI4,
    /// A count of eight bytes, then so many bytes.
    Counted8,
}

/// One opcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opcode {
    /// The byte in the stream.
    pub code: u8,
    /// CPython's name.
    pub name: &'static str,
    /// What follows.
    pub argument: Argument,
    /// The protocol that introduced it. Unpicklers do not check it.
    pub protocol: u8,
}

macro_rules! opcodes {
    ($($name:ident $code:literal $argument:ident $protocol:literal)*) => {
        $(#[doc = concat!("`", stringify!($name), "`, protocol ", stringify!($protocol), ".")]
        pub const $name: u8 = $code;)*

        /// Every opcode, in the order of the protocols.
        pub const OPCODES: [Opcode; 68] = [
            $(Opcode { code: $code, name: stringify!($name), argument: Argument::$argument, protocol: $protocol },)*
        ];
    };
}

opcodes! {
    MARK b'(' None 0
    STOP b'.' None 0
    POP b'0' None 0
    DUP b'2' None 0
    FLOAT b'F' Line 0
    INT b'I' Line 0
    LONG b'L' Line 0
    NONE b'N' None 0
    PERSID b'P' Line 0
    REDUCE b'R' None 0
    STRING b'S' Line 0
    UNICODE b'V' Line 0
    APPEND b'a' None 0
    BUILD b'b' None 0
    GLOBAL b'c' TwoLines 0
    DICT b'd' None 0
    GET b'g' Line 0
    INST b'i' TwoLines 0
    LIST b'l' None 0
    PUT b'p' Line 0
    SETITEM b's' None 0
    TUPLE b't' None 0
    POP_MARK b'1' None 1
    BININT b'J' I4 1
    BININT1 b'K' U1 1
    BININT2 b'M' U2 1
    BINPERSID b'Q' None 1
    BINSTRING b'T' CountedI4 1
    SHORT_BINSTRING b'U' Counted1 1
    BINUNICODE b'X' Counted4 1
    EMPTY_LIST b']' None 1
    EMPTY_DICT b'}' None 1
    EMPTY_TUPLE b')' None 1
    APPENDS b'e' None 1
    BINGET b'h' U1 1
    LONG_BINGET b'j' U4 1
    OBJ b'o' None 1
    BINPUT b'q' U1 1
    LONG_BINPUT b'r' U4 1
    SETITEMS b'u' None 1
    BINFLOAT b'G' F8 1
    PROTO 0x80 U1 2
    NEWOBJ 0x81 None 2
    EXT1 0x82 U1 2
    EXT2 0x83 U2 2
    EXT4 0x84 I4 2
    TUPLE1 0x85 None 2
    TUPLE2 0x86 None 2
    TUPLE3 0x87 None 2
    NEWTRUE 0x88 None 2
    NEWFALSE 0x89 None 2
    LONG1 0x8a Counted1 2
    LONG4 0x8b CountedI4 2
    BINBYTES b'B' Counted4 3
    SHORT_BINBYTES b'C' Counted1 3
    SHORT_BINUNICODE 0x8c Counted1 4
    BINUNICODE8 0x8d Counted8 4
    BINBYTES8 0x8e Counted8 4
    EMPTY_SET 0x8f None 4
    ADDITEMS 0x90 None 4
    FROZENSET 0x91 None 4
    NEWOBJ_EX 0x92 None 4
    STACK_GLOBAL 0x93 None 4
    MEMOIZE 0x94 None 4
    FRAME 0x95 U8 4
    BYTEARRAY8 0x96 Counted8 5
    NEXT_BUFFER 0x97 None 5
    READONLY_BUFFER 0x98 None 5
}

/// The highest protocol of CPython 3.8 and later (`pickle.HIGHEST_PROTOCOL`).
pub const HIGHEST_PROTOCOL: u8 = 5;

const BY_CODE: [u8; 256] = {
    let mut table = [u8::MAX; 256];
    let mut i = 0;
    while i < OPCODES.len() {
        table[OPCODES[i].code as usize] = i as u8;
        i += 1;
    }
    table
};

/// The opcode with this byte.
pub fn by_code(code: u8) -> Option<&'static Opcode> {
    OPCODES.get(BY_CODE[code as usize] as usize)
}

/// CPython's name of an opcode byte, `?` for a byte that is none.
pub fn name(code: u8) -> &'static str {
    by_code(code).map_or("?", |op| op.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_complete_and_without_doubles() {
        let mut codes: Vec<u8> = OPCODES.iter().map(|op| op.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), 68);
        for op in &OPCODES {
            assert_eq!(by_code(op.code), Some(op));
        }
        assert_eq!(by_code(0xff), None);
    }
}
