//! The least that can be done with a file: its opcodes walked over, its headers read, its bytes inflated. Without values,
//! without policy. What `bench/speed` holds the gate against.
//!
//! `least walk FILE…` walks over the pickles of files, of object arrays and of members of zip archives, and reads the headers
//! of other arrays. `least inflate FILE` inflates zlib, gzip and lz4. Both print how much there was.

#![allow(clippy::print_stdout)]

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use fickgate_engine::pickle::stream::opcode::{self, Argument};

/// Bytes that are read at once.
const BLOCK: usize = 256 << 10;

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((role, paths)) = args.split_first() else { return Err(io::Error::other("walk or inflate?")) };
    let mut count = 0;
    for path in paths.iter().map(PathBuf::from) {
        let mut files = if path.is_dir() {
            fs::read_dir(&path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?
        } else {
            vec![path]
        };
        files.sort();
        for file in files {
            count += if role == "inflate" { inflate(&file)? } else { walk_file(&file)? };
        }
    }
    println!("{count}");
    Ok(())
}

fn walk_file(path: &Path) -> io::Result<u64> {
    let mut head = [0; 6];
    let mut file = File::open(path)?;
    let there = file.read(&mut head)?;
    file.rewind()?;
    match head.get(..there) {
        Some(b"PK\x03\x04\0\0" | [b'P', b'K', 3, 4, ..]) => walk_zip(file),
        Some(b"\x93NUMPY") => walk_array(BufReader::with_capacity(BLOCK, file)),
        _ => walk(&mut BufReader::with_capacity(BLOCK.min(file.metadata()?.len() as usize + 1), file)),
    }
}

/// An array: its header, and its pickle where its items are objects.
fn walk_array(mut from: impl BufRead) -> io::Result<u64> {
    let mut head = [0; 10];
    from.read_exact(&mut head)?;
    let mut header = vec![0; usize::from(u16::from_le_bytes([head[8], head[9]]))];
    from.read_exact(&mut header)?;
    if header.windows(4).any(|w| w == b"'|O'") { walk(&mut from) } else { Ok(0) }
}

/// Opcodes up to the end of the last pickle that stands there.
fn walk(from: &mut impl BufRead) -> io::Result<u64> {
    let mut count = 0;
    let widths = widths();
    loop {
        let buffer = from.fill_buf()?;
        if buffer.is_empty() {
            return Ok(count);
        }
        // Opcodes that lie whole in the block, and then the one that does not.
        let (mut at, mut whole) = (0, 0);
        while let Some(code) = buffer.get(at) {
            let fixed = usize::from(widths[usize::from(*code)]);
            let next = if fixed > 0 { at + fixed } else { step(buffer, at).unwrap_or(usize::MAX) };
            if next > buffer.len() {
                break;
            }
            (at, whole) = (next, whole + 1);
        }
        count += whole;
        from.consume(at);
        if at == 0 || !from.fill_buf()?.is_empty() {
            match over(from) {
                Ok(()) => count += 1,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(count),
                Err(error) => return Err(error),
            }
        }
    }
}

/// Bytes of the opcodes whose arguments are of one width, by their byte; 0 for the others.
fn widths() -> [u8; 256] {
    let width = |code: usize| match opcode::by_code(code as u8).map(|found| found.argument) {
        Some(Argument::None) => 1,
        Some(Argument::U1) => 2,
        Some(Argument::U2) => 3,
        Some(Argument::I4 | Argument::U4) => 5,
        Some(Argument::U8 | Argument::F8) => 9,
        _ => 0,
    };
    std::array::from_fn(width)
}

/// Behind the opcode at a place of a block; `None` where it does not lie in it.
fn step(block: &[u8], at: usize) -> Option<usize> {
    let argument = opcode::by_code(*block.get(at)?)?.argument;
    let rest = block.get(at + 1..)?;
    let line = |rest: &[u8]| rest.iter().position(|b| *b == b'\n').map(|i| i + 1);
    let len = match argument {
        Argument::None => 0,
        Argument::U1 => 1,
        Argument::U2 => 2,
        Argument::I4 | Argument::U4 => 4,
        Argument::U8 | Argument::F8 => 8,
        Argument::Line => line(rest)?,
        Argument::TwoLines => {
            let first = line(rest)?;
            first + line(rest.get(first..)?)?
        }
        Argument::Counted1 => 1 + usize::from(*rest.first()?),
        Argument::Counted4 | Argument::CountedI4 => 4 + u32::from_le_bytes(*rest.first_chunk()?) as usize,
        Argument::Counted8 => 8usize.checked_add(u64::from_le_bytes(*rest.first_chunk()?) as usize)?,
    };
    let next = (at + 1).checked_add(len)?;
    (next <= block.len()).then_some(next)
}

/// Steps over one opcode that lies in more than one block.
fn over(from: &mut impl BufRead) -> io::Result<()> {
    let mut byte = [0];
    from.read_exact(&mut byte)?;
    let Some(found) = opcode::by_code(byte[0]) else { return Err(io::ErrorKind::UnexpectedEof.into()) };
    let (fixed, lines) = match found.argument {
        Argument::None => (0, 0),
        Argument::U1 | Argument::Counted1 => (1, 0),
        Argument::U2 => (2, 0),
        Argument::I4 | Argument::U4 | Argument::Counted4 | Argument::CountedI4 => (4, 0),
        Argument::U8 | Argument::F8 | Argument::Counted8 => (8, 0),
        Argument::Line => (0, 1),
        Argument::TwoLines => (0, 2),
    };
    let mut number = [0; 8];
    from.read_exact(number.get_mut(..fixed).unwrap_or(&mut []))?;
    for _ in 0..lines {
        from.skip_until(b'\n')?;
    }
    let counted = matches!(
        found.argument,
        Argument::Counted1 | Argument::Counted4 | Argument::CountedI4 | Argument::Counted8
    );
    if counted {
        io::copy(&mut from.take(u64::from_le_bytes(number)), &mut io::sink())?;
    }
    Ok(())
}

/// The members of an archive that its directory names: pickles, and the headers of arrays.
fn walk_zip(mut file: File) -> io::Result<u64> {
    let size = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(size.saturating_sub(1 << 10)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let broken = || io::Error::other("no archive that this bench writes");
    let end = tail.windows(4).rposition(|w| w == b"PK\x05\x06").ok_or_else(broken)?;
    let u16_at = |bytes: &[u8], at: usize| -> io::Result<u64> {
        let bytes = bytes.get(at..).and_then(<[u8]>::first_chunk).ok_or_else(broken)?;
        Ok(u16::from_le_bytes(*bytes).into())
    };
    let u32_at = |bytes: &[u8], at: usize| -> io::Result<u64> {
        let bytes = bytes.get(at..).and_then(<[u8]>::first_chunk).ok_or_else(broken)?;
        Ok(u32::from_le_bytes(*bytes).into())
    };
    file.seek(SeekFrom::Start(u32_at(&tail, end + 16)?))?;
    let mut directory = vec![0; u32_at(&tail, end + 12)? as usize];
    file.read_exact(&mut directory)?;
    let (mut rest, mut count) = (directory.as_slice(), 0);
    while rest.starts_with(b"PK\x01\x02") {
        let (name, extra, comment) = (u16_at(rest, 28)?, u16_at(rest, 30)?, u16_at(rest, 32)?);
        let path = rest.get(46..46 + name as usize).ok_or_else(broken)?;
        if path.ends_with(b".pkl") || path.ends_with(b".npy") {
            file.seek(SeekFrom::Start(u32_at(rest, 42)?))?;
            let mut local = [0; 30];
            file.read_exact(&mut local)?;
            file.seek(SeekFrom::Current((u16_at(&local, 26)? + u16_at(&local, 28)?) as i64))?;
            let member = (&file).take(u32_at(rest, 20)?);
            let block = BLOCK.min(u32_at(rest, 20)? as usize + 1);
            let bytes: Box<dyn Read> = match u16_at(rest, 10)? {
                0 => Box::new(member),
                _ => Box::new(flate2::read::DeflateDecoder::new_with_buf(member, vec![0; 4 << 10])),
            };
            let mut bytes = BufReader::with_capacity(block, bytes);
            count += if path.ends_with(b".pkl") { walk(&mut bytes)? } else { walk_array(bytes)? };
        }
        rest = rest.get(46 + (name + extra + comment) as usize..).unwrap_or_default();
    }
    Ok(count)
}

fn inflate(path: &Path) -> io::Result<u64> {
    let mut from = BufReader::with_capacity(BLOCK, File::open(path)?);
    let head = from.fill_buf()?.first_chunk::<4>().copied();
    let mut bytes: Box<dyn Read> = match head {
        Some([0x1f, 0x8b, ..]) => Box::new(flate2::bufread::GzDecoder::new(from)),
        Some([0x04, 0x22, 0x4d, 0x18]) => Box::new(lz4_flex::frame::FrameDecoder::new(from)),
        _ => Box::new(flate2::bufread::ZlibDecoder::new(from)),
    };
    let (mut block, mut count) = (vec![0; BLOCK], 0);
    loop {
        match bytes.read(&mut block)? {
            0 => return Ok(count),
            n => count += n as u64,
        }
    }
}
