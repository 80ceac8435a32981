//! Streams that are valid, nearly valid, or once were.
//!
//! The generator keeps a model of the stack, so that most opcodes find what they need and streams get
//! far; a small share of them ignores it. Arguments come in every form that an unpickler might take,
//! and frames, memo entries and marks are placed where readers are known to part.

use crate::random::Random;

/// What the model knows of a value on the stack.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `None`, a number, a boolean, bytes: hashable, and nothing can be done to it.
    Plain,
    Text,
    ByteArray,
    Tuple {
        hashable: bool,
    },
    List,
    Dict,
    Set,
    FrozenSet,
    /// An import, or what one gave.
    Stub,
}

impl Kind {
    fn hashable(self) -> bool {
        !matches!(
            self,
            Kind::ByteArray | Kind::List | Kind::Dict | Kind::Set | Kind::Tuple { hashable: false }
        )
    }
}

const MODULES: &[&str] = &["os", "m", "builtins", "__builtin__", "copy_reg", "cPickle", "a.b", "numpy", "é"];
const NAMES: &[&str] = &["system", "n", "eval", "xrange", "_reconstructor", "loads", "c.d", "dtype", "𝕟", ""];
const ODD_TEXTS: &[&[u8]] = &[
    b"",
    b"\xed\xa0\xbd\xed\xb8\x80",
    b"\xed\xa0\x80",
    b"a\0b",
    b"a\\u0062",
    b"a\nb",
    b"'",
    b"\"q\"",
    b"\xe9",
    b"\xff",
    b"\xc0\x80",
    b"\xf4\x90\x80\x80",
    b"\xed\xbf\xbf",
    b"\\",
    b"\\x41",
    b"\\101",
    b"__setstate__",
    b"append",
];
const TEXT_LINES: &[&[u8]] = &[
    b"a\\u0062c",
    b"\\\\u0041",
    b"\\\\\\u0041",
    b"\\U0001F600",
    b"\\U00110000",
    b"\\ud83d\\ude00",
    b"\\ud800",
    b"\\u00",
    b"\\U0000",
    b"\\",
    b"\\n",
    b"caf\xe9",
    b"\xed\xa0\x80",
    b"",
    b"a\0b",
    b"\\N{DIGIT ONE}",
    b"\\x41",
    b"\r",
];
const STRING_LINES: &[&[u8]] = &[
    b"'os'",
    b"\"os\"",
    b"'o\\x73'",
    b"'\\157s'",
    b"'\\x4'",
    b"'\\xzz'",
    b"'\\8'",
    b"'\\777'",
    b"'a\\'",
    b"'a\"",
    b"'",
    b"''",
    b"",
    b"os",
    b" 'os'",
    b"'os' ",
    b"'\\\\n'",
    b"'\\q'",
    b"'\\u0041'",
    b"'\xe9'",
    b"'a'b'",
    b"'\\",
    b"'a\0b'",
    b"'a'\r",
    b"'\\0'",
    b"'\\01'",
    b"'\\0012'",
];
const NUMBER_LINES: &[&[u8]] = &[
    b"0",
    b"1",
    b"00",
    b"01",
    b"-1",
    b"+1",
    b"-0",
    b"+0",
    b"007",
    b"010",
    b"08",
    b"-010",
    b"0x10",
    b"0X1f",
    b"0xg",
    b"0x",
    b"-0x1",
    b"0o17",
    b"0O7",
    b"0b11",
    b"0b2",
    b"1_0",
    b"1__0",
    b"_1",
    b"1_",
    b"0_0",
    b"0_1",
    b"00_1",
    b"0x_1",
    b" 1",
    b"1 ",
    b"\t1\x0b",
    b"\x0c1",
    b"\r1\r",
    b"1\r",
    b"1\0",
    b"1\0zz",
    b"\0",
    b"\0zz",
    b"",
    b" ",
    b"zz",
    b"--1",
    b"+-1",
    b"1L",
    b"12L",
    b"12LL",
    b"L",
    b"l",
    b"1l",
    b"1\0L",
    b"0L",
    b"010L",
    b"9223372036854775807",
    b"9223372036854775808",
    b"-9223372036854775808",
    b"-9223372036854775809",
    b"18446744073709551616",
    b"99999999999999999999999",
    b"0xffffffffffffffff",
    b"0x7fffffffffffffff",
    b"077777777777777777777777",
    b"1e5",
    b"1.0",
    b"\xd9\xa1",
    b"\xc2\xa01",
    b"\xe2\x80\x831",
    b"1;",
    b"0x1_0",
    b"2147483648",
    b"4294967296",
];
const FLOAT_LINES: &[&[u8]] = &[
    b"1.5",
    b"-1e10",
    b"nan",
    b"-nan",
    b"+NaN",
    b"inf",
    b"-inf",
    b"Infinity",
    b"infinit",
    b"nanx",
    b".5",
    b"5.",
    b".",
    b"1e",
    b"1e+",
    b"1_0.0",
    b"1._0",
    b"_1.0",
    b"1e1_0",
    b" 1.0",
    b"1.0 ",
    b"1e999",
    b"-1e999",
    b"1e-999",
    b"1.0\0x",
    b"\0",
    b"",
    b"0x1p3",
    b"1,5",
    b"1e5L",
    b"\xd9\xa1",
    b"1.0\r",
    b"1d5",
    b"+.5e-3",
    b"00001.0",
    b"1__0",
    b"1e5_",
    b"nan(1)",
    b"0x10",
    b"1f",
];

/// One stream in the making.
struct Stream<'r> {
    random: &'r mut Random,
    out: Vec<u8>,
    stack: Vec<Kind>,
    marks: Vec<usize>,
    /// Memo entries, in the order they were set.
    memo: Vec<(u64, Kind)>,
    /// Where the length of an open frame is to be written, and where its first byte lies.
    frames: Vec<(usize, usize)>,
    /// How many probes were imported.
    probes: u32,
}

/// Makes the stream of this seed.
pub fn stream(seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut stream = Stream {
        random: &mut random,
        out: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: Vec::new(),
        frames: Vec::new(),
        probes: 0,
    };
    stream.write();
    let out = stream.out;
    if random.one_in(4) { mutated(&out, &mut random) } else { out }
}

/// Damages a stream in one to four places.
pub fn mutated(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for _ in 0..1 + random.below(4) {
        let at = random.below(out.len() + 1);
        let len = random.below(8) + 1;
        let end = (at + len).min(out.len());
        match random.below(10) {
            0 | 1 if at < out.len() => out[at] = random.byte(),
            2 if at < out.len() => out[at] = any_opcode(random),
            3 if at < out.len() => out[at] ^= 1 << random.below(8),
            4 => out.insert(at, any_opcode(random)),
            5 => drop(out.drain(at..end)),
            6 => {
                let piece = out[at..end].to_vec();
                let to = random.below(out.len() + 1);
                out.splice(to..to, piece);
            }
            7 => out.truncate(at.max(1)),
            8 => {
                let mut frame = vec![0x95];
                frame.extend((random.below(12) as u64).to_le_bytes());
                out.splice(at..at, frame);
            }
            _ => {
                let probe = format!("cprobe\nm{}\n0", random.below(100));
                out.splice(at..at, probe.into_bytes());
            }
        }
    }
    out
}

const OPCODES: &[u8] = b"(.02FILNPRSVabcdgilpst1JKMQTUX]})ehjoqruG\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8bBC\x8c\x8d\x8e\x8f\x90\x91\x92\x93\x94\x95\x96\x97\x98";

fn any_opcode(random: &mut Random) -> u8 {
    OPCODES[random.below(OPCODES.len())]
}

impl Stream<'_> {
    fn write(&mut self) {
        if !self.random.one_in(3) {
            self.proto();
        }
        let opcodes = 2 + self.random.below(40);
        for _ in 0..opcodes {
            self.step();
            if self.random.one_in(4) {
                self.probe();
            }
            if self.random.one_in(12) {
                self.close_frame();
            }
        }
        while !self.frames.is_empty() {
            self.close_frame();
        }
        if self.stack.is_empty() && !self.random.one_in(20) {
            self.out.push(b'N');
        }
        if !self.random.one_in(20) {
            self.out.push(b'.');
        }
        if self.random.one_in(10) {
            let tail = self.random.below(12);
            for _ in 0..tail {
                let b = any_opcode(self.random);
                self.out.push(b);
            }
        }
    }

    fn room(&self) -> usize {
        self.stack.len() - self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Option<Kind> {
        (self.room() > 0).then(|| self.stack.last().copied()).flatten()
    }

    fn push(&mut self, kind: Kind) {
        self.stack.push(kind);
    }

    fn pop(&mut self, n: usize) {
        let keep = self.stack.len().saturating_sub(n).max(self.marks.last().copied().unwrap_or(0));
        self.stack.truncate(keep);
    }

    /// An import that says how far an unpickler got.
    fn probe(&mut self) {
        self.probes += 1;
        let line = format!("cprobe\np{}\n0", self.probes);
        self.out.extend(line.bytes());
    }

    fn proto(&mut self) {
        let n = self.random.pick(&[0u8, 1, 2, 2, 3, 4, 4, 4, 5, 5]);
        let n = if self.random.one_in(60) { self.random.byte() } else { n };
        self.out.extend([0x80, n]);
    }

    fn step(&mut self) {
        // One opcode in fifty does not care for what is on the stack.
        let careless = self.random.one_in(50);
        match self.random.below(40) {
            0..=3 => self.text(),
            4 => self.number(),
            5 => self.plain(),
            6 | 7 => self.import_by_lines(),
            8..=11 => self.stack_global(),
            12 | 13 => self.mark(),
            14 => {
                let (bytes, kind) = self.random.pick(&[
                    (b')', Kind::Tuple { hashable: true }),
                    (b']', Kind::List),
                    (b'}', Kind::Dict),
                    (0x8f, Kind::Set),
                ]);
                self.out.push(bytes);
                self.push(kind);
            }
            15..=17 => self.gather(careless),
            18 | 19 => self.small_tuple(careless),
            20..=22 => self.put(careless),
            23..=25 => self.get(careless),
            26..=28 => self.apply(careless),
            29 | 30 => self.items(careless),
            31 => self.build(careless),
            32 => self.drop_something(careless),
            33 => {
                if let Some(kind) = self.top().or(careless.then_some(Kind::Plain)) {
                    self.out.push(b'2');
                    self.push(kind);
                }
            }
            34 => self.persistent(careless),
            35 | 36 => self.frame(),
            37 => match self.random.below(8) {
                0 => self.extension(),
                1 => self.out.push(0x97),
                2 if self.top() == Some(Kind::ByteArray) || careless => self.out.push(0x98),
                3 | 4 => self.proto(),
                5 if careless => self.out.push(any_opcode(self.random)),
                6 if careless => self.out.push(b'.'),
                _ => self.plain(),
            },
            38 => self.bytes_like(),
            _ => self.counted_number(),
        }
    }

    fn name_bytes(&mut self) -> Vec<u8> {
        match self.random.below(16) {
            0 => self.random.pick(ODD_TEXTS).to_vec(),
            1..=7 => self.random.pick(MODULES).as_bytes().to_vec(),
            _ => self.random.pick(NAMES).as_bytes().to_vec(),
        }
    }

    /// A str, in one of its seven spellings.
    fn text(&mut self) {
        let text = self.name_bytes();
        self.spell(&text);
        self.push(Kind::Text);
    }

    fn spell(&mut self, text: &[u8]) {
        let spelling = self.random.below(12);
        match spelling {
            0..=3 => self.counted(0x8c, 1, text),
            4 => self.counted(b'X', 4, text),
            5 => self.counted(0x8d, 8, text),
            6 => self.counted(b'U', 1, text),
            7 => self.counted(b'T', 4, text),
            8 => {
                self.out.push(b'V');
                let line = if self.random.one_in(3) { self.random.pick(TEXT_LINES) } else { text };
                self.line(line);
            }
            9 => {
                self.out.push(b'S');
                let line = if self.random.one_in(3) {
                    self.random.pick(STRING_LINES).to_vec()
                } else {
                    [b"'", text, b"'"].concat()
                };
                self.line(&line);
            }
            _ => self.counted(0x8c, 1, text),
        }
    }

    fn line(&mut self, line: &[u8]) {
        let stop = line.iter().position(|b| *b == b'\n').unwrap_or(line.len());
        self.out.extend(&line[..stop]);
        if !self.random.one_in(400) {
            self.out.push(b'\n');
        }
    }

    /// A count of so many bytes, nearly always the right one, and the bytes.
    fn counted(&mut self, code: u8, width: usize, bytes: &[u8]) {
        let mut count = bytes.len() as u64;
        if self.random.one_in(150) {
            let near = [count + 1, count.wrapping_sub(1), 0, 255];
            let far =
                [0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 40, 1 << 62, i64::MAX as u64, 1 << 63, u64::MAX];
            count =
                if self.random.one_in(3) { far[self.random.below(8)] } else { near[self.random.below(4)] };
        }
        self.out.push(code);
        self.out.extend(&count.to_le_bytes()[..width]);
        self.out.extend(bytes);
    }

    fn number(&mut self) {
        match self.random.below(3) {
            0 => {
                self.out.push(b'F');
                let line = if self.random.one_in(2) { b"1.5" } else { self.random.pick(FLOAT_LINES) };
                self.line(line);
            }
            n => {
                self.out.push(if n == 1 { b'I' } else { b'L' });
                let line: &[u8] = if self.random.one_in(2) { b"7" } else { self.random.pick(NUMBER_LINES) };
                self.line(line);
            }
        }
        self.push(Kind::Plain);
    }

    fn counted_number(&mut self) {
        let n = self.random.below(12);
        let bytes: Vec<u8> = (0..n).map(|_| self.random.byte()).collect();
        let (code, width) = if self.random.one_in(3) { (0x8b, 4) } else { (0x8a, 1) };
        self.counted(code, width, &bytes);
        self.push(Kind::Plain);
    }

    fn plain(&mut self) {
        match self.random.below(7) {
            0 => self.out.push(b'N'),
            1 => self.out.push(0x88),
            2 => self.out.push(0x89),
            3 => {
                let b = self.random.byte();
                self.out.extend([b'K', b]);
            }
            4 => {
                let n = self.random.next();
                self.out.push(b'M');
                self.out.extend(&n.to_le_bytes()[..2]);
            }
            5 => {
                let n = self.random.next();
                self.out.push(b'J');
                self.out.extend(&n.to_le_bytes()[..4]);
            }
            _ => {
                let n = self.random.next();
                self.out.push(b'G');
                self.out.extend(n.to_le_bytes());
            }
        }
        self.push(Kind::Plain);
    }

    fn bytes_like(&mut self) {
        let text = self.name_bytes();
        let (code, width, kind) = self.random.pick(&[
            (b'C', 1, Kind::Plain),
            (b'B', 4, Kind::Plain),
            (0x8e, 8, Kind::Plain),
            (0x96, 8, Kind::ByteArray),
        ]);
        self.counted(code, width, &text);
        self.push(kind);
    }

    /// GLOBAL, or INST with what lies above the mark.
    fn import_by_lines(&mut self) {
        let inst = !self.marks.is_empty() && self.random.one_in(3);
        self.out.push(if inst { b'i' } else { b'c' });
        for pool in [MODULES, NAMES] {
            let line = match self.random.below(40) {
                0 => self.random.pick(ODD_TEXTS).to_vec(),
                _ => self.random.pick(pool).as_bytes().to_vec(),
            };
            self.line(&line);
        }
        if inst && let Some(mark) = self.marks.pop() {
            self.stack.truncate(mark);
        }
        self.push(Kind::Stub);
    }

    fn stack_global(&mut self) {
        if self.room() >= 2 && self.random.one_in(4) {
            let operands = &self.stack[self.stack.len() - 2..];
            if operands.iter().any(|k| *k != Kind::Text) && !self.random.one_in(10) {
                return;
            }
            self.pop(2);
        } else {
            for pool in [MODULES, NAMES] {
                if self.random.one_in(10) {
                    self.put_top_or_text();
                } else {
                    let text = self.random.pick(pool);
                    self.spell(text.as_bytes());
                }
                if self.random.one_in(6) {
                    self.push(Kind::Text);
                    self.put(false);
                    self.pop(1);
                }
            }
        }
        self.out.push(0x93);
        self.push(Kind::Stub);
    }

    /// A text operand that comes out of the memo, where there is one.
    fn put_top_or_text(&mut self) {
        let texts: Vec<u64> = self.memo.iter().filter(|(_, k)| *k == Kind::Text).map(|(i, _)| *i).collect();
        if texts.is_empty() {
            self.spell(b"m");
        } else {
            let index = texts[self.random.below(texts.len())];
            self.get_index(index);
        }
    }

    fn mark(&mut self) {
        self.out.push(b'(');
        self.marks.push(self.stack.len());
    }

    /// Makes a container of what lies above the mark.
    fn gather(&mut self, careless: bool) {
        let Some(&mark) = self.marks.last() else {
            if careless {
                let code = self.random.pick(&[b't', b'l', b'd', 0x91, b'o', b'1']);
                self.out.push(code);
            }
            return;
        };
        let items = &self.stack[mark..];
        let hashable = items.iter().all(|k| k.hashable());
        let keys = items.iter().step_by(2).all(|k| k.hashable()) && items.len().is_multiple_of(2);
        let callable = items.first() == Some(&Kind::Stub);
        let (code, kind) = match self.random.below(7) {
            0 | 1 => (b't', Kind::Tuple { hashable }),
            2 => (b'l', Kind::List),
            3 if keys || careless => (b'd', Kind::Dict),
            4 if hashable || careless => (0x91, Kind::FrozenSet),
            5 if callable || careless => (b'o', Kind::Stub),
            _ => (b't', Kind::Tuple { hashable }),
        };
        self.marks.pop();
        self.stack.truncate(mark);
        self.out.push(code);
        self.push(kind);
    }

    fn small_tuple(&mut self, careless: bool) {
        let n = 1 + self.random.below(3);
        if self.room() < n && !careless {
            return;
        }
        let hashable = self.stack.iter().rev().take(n).all(|k| k.hashable());
        self.pop(n);
        self.out.push(0x84 + n as u8);
        self.push(Kind::Tuple { hashable });
    }

    fn put(&mut self, careless: bool) {
        let Some(kind) = self.top().or(careless.then_some(Kind::Plain)) else { return };
        let index = match self.random.below(30) {
            0 => self.random.pick(&[255, 256, 1000, 1024, 5000]),
            1 if self.random.one_in(40) => self.random.pick(&[0x7fff_ffff, 0x8000_0000, 0xffff_ffff]),
            _ => self.random.below(8) as u64,
        };
        match self.random.below(5) {
            0 => {
                self.out.push(b'p');
                let (line, index) = self.index_line(index);
                self.line(&line);
                self.remember(index, kind);
            }
            1 if index < 256 => {
                self.out.extend([b'q', index as u8]);
                self.remember(Some(index), kind);
            }
            2 => {
                self.out.push(b'r');
                self.out.extend(&index.to_le_bytes()[..4]);
                self.remember(Some(index), kind);
            }
            _ => {
                self.out.push(0x94);
                let mut set: Vec<u64> = self.memo.iter().map(|(i, _)| *i).collect();
                set.sort_unstable();
                set.dedup();
                self.remember(Some(set.len() as u64), kind);
            }
        }
    }

    fn remember(&mut self, index: Option<u64>, kind: Kind) {
        if let Some(index) = index {
            self.memo.retain(|(i, _)| *i != index);
            self.memo.push((index, kind));
        }
    }

    /// A memo index as text, in one of the forms `int()` takes, or one that it does not.
    fn index_line(&mut self, index: u64) -> (Vec<u8>, Option<u64>) {
        let plain = index.to_string();
        let line = match self.random.below(24) {
            0 => format!("+{plain}"),
            1 => format!(" {plain}\t"),
            2 => format!("000{plain}"),
            3 => format!("0_{plain}"),
            4 => format!("{plain}\r"),
            5 => format!("{plain}\0x"),
            6 if index == 0 => "-0".to_owned(),
            7 if self.random.one_in(4) => {
                return (self.random.pick(NUMBER_LINES).to_vec(), None);
            }
            _ => plain,
        };
        (line.into_bytes(), Some(index))
    }

    fn get(&mut self, careless: bool) {
        if careless {
            let index = self.random.below(10) as u64;
            self.get_index(index);
            self.push(Kind::Plain);
        } else if !self.memo.is_empty() {
            let (index, kind) = self.memo[self.random.below(self.memo.len())];
            self.get_index(index);
            self.push(kind);
        }
    }

    fn get_index(&mut self, index: u64) {
        match self.random.below(3) {
            0 if index < 256 => self.out.extend([b'h', index as u8]),
            1 if index <= u64::from(u32::MAX) => {
                self.out.push(b'j');
                self.out.extend(&index.to_le_bytes()[..4]);
            }
            _ => {
                self.out.push(b'g');
                let (line, _) = self.index_line(index);
                self.line(&line);
            }
        }
    }

    /// REDUCE, NEWOBJ, NEWOBJ_EX.
    fn apply(&mut self, careless: bool) {
        if !careless && self.top() != Some(Kind::Stub) {
            let stub = self.memo.iter().find(|(_, k)| *k == Kind::Stub).map(|(i, _)| *i);
            match stub {
                Some(index) => self.get_index(index),
                None => self.out.extend(b"cm\nn\n"),
            }
            self.push(Kind::Stub);
        }
        let odd = self.random.one_in(25);
        match self.random.below(3) {
            _ if odd => {
                // Arguments that are no tuple: Lib/pickle.py takes anything it can iterate over.
                let (code, _) = self.random.pick(&[(b']', 0), (b'}', 0), (0x8f, 0), (b'N', 0)]);
                self.out.push(code);
            }
            0 => self.out.extend(b"K\x01\x85"),
            1 => self.out.extend(b"\x8c\x01a\x85"),
            _ => self.out.push(b')'),
        }
        match self.random.below(4) {
            0 => self.out.push(0x81),
            1 => self.out.extend([b'}', 0x92]),
            _ => self.out.push(b'R'),
        }
        self.pop(1);
        self.push(Kind::Stub);
    }

    /// APPEND(S), SETITEM(S), ADDITEMS.
    fn items(&mut self, careless: bool) {
        if let Some(&mark) = self.marks.last()
            && !self.random.one_in(4)
        {
            let fence = self.marks.iter().rev().nth(1).copied().unwrap_or(0);
            let target = (mark > fence).then(|| self.stack[mark - 1]);
            let items = &self.stack[mark..];
            let even = items.len().is_multiple_of(2) && items.iter().step_by(2).all(|k| k.hashable());
            let code = match target {
                Some(Kind::List) => b'e',
                Some(Kind::Dict) if even => b'u',
                Some(Kind::Set) if items.iter().all(|k| k.hashable()) => 0x90,
                Some(Kind::Stub) if even => self.random.pick(&[b'e', b'u', 0x90]),
                Some(Kind::Stub) => self.random.pick(&[b'e', 0x90]),
                _ if careless || items.is_empty() => self.random.pick(&[b'e', b'u', 0x90]),
                _ => return,
            };
            self.marks.pop();
            self.stack.truncate(mark);
            self.out.push(code);
            return;
        }
        match self.top() {
            Some(Kind::List) => self.out.extend(b"K\x01a"),
            Some(Kind::Dict) => {
                let text = self.name_bytes();
                self.spell(&text);
                self.out.extend(b"K\x01s");
            }
            Some(Kind::Stub) if self.random.one_in(2) => self.out.extend(b"K\x01a"),
            Some(Kind::Stub) => self.out.extend(b"K\x01K\x02s"),
            Some(Kind::ByteArray) => self.out.extend(b"K\x01a"),
            _ if careless => {
                let code = self.random.pick(b"as");
                self.out.push(code);
            }
            _ => {}
        }
    }

    fn build(&mut self, careless: bool) {
        match self.top() {
            Some(Kind::Stub) => {
                let state = self.random.pick(&[&b"}"[..], b"N", b"}\x8c\x01aK\x01s", b"N}\x86", b"}N\x86"]);
                self.out.extend(state);
                self.out.push(b'b');
            }
            // The unpicklers differ in which empty state they pass over.
            Some(_) if self.random.one_in(6) => {
                let state = self.random.pick(&[&b"}"[..], b"N", b")", b"NN\x86", b"N}\x86", b"K\0", b"]"]);
                self.out.extend(state);
                self.out.push(b'b');
            }
            _ if careless => self.out.push(b'b'),
            _ => {}
        }
    }

    fn drop_something(&mut self, careless: bool) {
        match self.random.below(3) {
            0 if !self.marks.is_empty() => {
                let mark = self.marks.pop().unwrap_or(0);
                self.stack.truncate(mark);
                self.out.push(b'1');
            }
            _ if self.room() > 0 => {
                self.pop(1);
                self.out.push(b'0');
            }
            _ if !self.marks.is_empty() => {
                // Nothing above the mark: POP takes the mark.
                self.marks.pop();
                self.out.push(b'0');
            }
            _ if careless => self.out.push(b'0'),
            _ => {}
        }
    }

    fn persistent(&mut self, careless: bool) {
        if self.random.one_in(2) && (self.room() > 0 || careless) {
            self.pop(1);
            self.out.push(b'Q');
        } else {
            self.out.push(b'P');
            let line = self.name_bytes();
            self.line(&line);
        }
        self.push(Kind::Stub);
    }

    fn extension(&mut self) {
        match self.random.below(3) {
            0 => {
                let n = self.random.below(4) as u8;
                self.out.extend([0x82, n]);
            }
            1 => self.out.extend([0x83, self.random.below(2) as u8, 0]),
            _ => {
                let n: i32 = self.random.pick(&[0, 1, -1, i32::MIN, i32::MAX]);
                self.out.push(0x84);
                self.out.extend(n.to_le_bytes());
            }
        }
        self.push(Kind::Stub);
    }

    fn frame(&mut self) {
        if !self.frames.is_empty() && !self.random.one_in(20) {
            return;
        }
        self.out.push(0x95);
        self.frames.push((self.out.len(), self.out.len() + 8));
        self.out.extend([0; 8]);
    }

    /// Writes the length of an open frame: nearly always up to here.
    fn close_frame(&mut self) {
        let Some((at, start)) = self.frames.pop() else { return };
        let len = (self.out.len() - start) as u64;
        let len = match self.random.below(10) {
            0 => len.saturating_sub(1 + self.random.below(6) as u64),
            1 => len + 1 + self.random.below(6) as u64,
            2 if self.random.one_in(4) => self.random.below(40) as u64,
            3 if self.random.one_in(8) => self.random.pick(&[(1 << 20), (1 << 40), (1 << 63), u64::MAX]),
            _ => len,
        };
        self.out[at..at + 8].copy_from_slice(&len.to_le_bytes());
    }
}
