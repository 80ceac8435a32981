//! The records of a zip file, as they stand (PKWARE's APPNOTE.TXT, sections 4.3 to 4.5).

use std::io;
use std::ops::Range;

use crate::content::Content;
use crate::reading::field::{u16_le, u32_le, u64_le};

/// Signature of a local header.
pub const LOCAL: &[u8; 4] = b"PK\x03\x04";
/// Signature of an entry of the central directory.
pub const CENTRAL: &[u8; 4] = b"PK\x01\x02";
/// Signature of the end record.
pub const END: &[u8; 4] = b"PK\x05\x06";

const END64: &[u8; 4] = b"PK\x06\x06";
const LOCATOR64: &[u8; 4] = b"PK\x06\x07";
const DESCRIPTOR: &[u8; 4] = b"PK\x07\x08";

/// Fixed part of an end record.
pub const END_SIZE: u64 = 22;
const LOCATOR64_SIZE: u64 = 20;
const END64_SIZE: u64 = 56;
const CENTRAL_SIZE: usize = 46;
const LOCAL_SIZE: usize = 30;

/// The first end record can start no earlier than this before the end of the file. A comment has 65,535 bytes at most;
/// zipfile looks a byte further, and torch's reader as far as its buffer of 4 KiB reaches.
pub const END_REACH: u64 = END_SIZE + 0xffff + 4096;

/// What an end record says of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Entries.
    pub entries: u64,
    /// Bytes.
    pub size: u64,
    /// Offset, from wherever the writer counted.
    pub offset: u64,
}

/// An end record, and the zip64 one before it.
#[derive(Clone, Debug)]
pub struct End {
    /// Offset of its signature.
    pub at: u64,
    /// What its own fields say.
    pub plain: Claim,
    /// What the zip64 record says, and where that is.
    pub wide: Option<(Claim, Range<u64>)>,
    /// What another zip64 record says, where the locator points to one and a second stands before it.
    pub other: Option<Claim>,
    /// Length of the comment, as stated.
    pub comment: u64,
    /// Whether it speaks of further disks.
    pub disks: bool,
}

impl End {
    /// Reads the record at an offset.
    pub fn read(content: &Content, at: u64) -> io::Result<Option<End>> {
        let record = content.read_range(at, END_SIZE as usize)?;
        let Some(mut end) = End::parse(&record, at) else { return Ok(None) };
        let Some(locator_at) = at.checked_sub(LOCATOR64_SIZE) else { return Ok(Some(end)) };
        let locator = content.read_range(locator_at, LOCATOR64_SIZE as usize)?;
        if !locator.starts_with(LOCATOR64) {
            return Ok(Some(end));
        }
        // CPython takes the record right before the locator, others the one it points to.
        let pointed = u64_le(&locator, 8).unwrap_or(u64::MAX);
        let before = locator_at.checked_sub(END64_SIZE);
        for start in before.into_iter().chain([pointed]) {
            let wide = content.read_range(start, END64_SIZE as usize)?;
            if let Some(claim) = parse_wide(&wide) {
                match &end.wide {
                    None => end.wide = Some((claim, start.min(locator_at)..at)),
                    Some((first, _)) if *first != claim => end.other = Some(claim),
                    Some(_) => {}
                }
            }
        }
        Ok(Some(end))
    }

    fn parse(record: &[u8], at: u64) -> Option<End> {
        if !record.starts_with(END) {
            return None;
        }
        let wide = |n: Option<u16>| n.map(u64::from);
        let (here, all) = (u16_le(record, 8)?, u16_le(record, 10)?);
        Some(End {
            at,
            plain: Claim {
                entries: wide(Some(all))?,
                size: u64::from(u32_le(record, 12)?),
                offset: u64::from(u32_le(record, 16)?),
            },
            wide: None,
            other: None,
            comment: wide(u16_le(record, 20))?,
            disks: u16_le(record, 4)? != 0 || u16_le(record, 6)? != 0 || here != all,
        })
    }

    /// Offset behind the record and its comment.
    pub fn end(&self) -> u64 {
        self.at + END_SIZE + self.comment
    }

    /// Offset of the first of the records that close the archive.
    pub fn start(&self) -> u64 {
        self.wide.as_ref().map_or(self.at, |(_, range)| range.start)
    }

    /// What holds: the plain fields, where they are not the mark of zip64.
    pub fn claim(&self) -> Claim {
        match &self.wide {
            Some((wide, _)) => *wide,
            None => self.plain,
        }
    }

    /// Whether the plain and the zip64 record name different directories.
    pub fn disagrees(&self) -> bool {
        let Some((wide, _)) = &self.wide else { return false };
        if self.other.is_some() {
            return true;
        }
        (self.plain.entries != 0xffff && self.plain.entries != wide.entries)
            || (self.plain.size != 0xffff_ffff && self.plain.size != wide.size)
            || (self.plain.offset != 0xffff_ffff && self.plain.offset != wide.offset)
    }

    /// Where readers look for the directory, each with what it adds to offsets: those that trust the
    /// offset, and those that count back from the end record. What is added may be below zero: sums wrap.
    pub fn directories(&self) -> Vec<(u64, u64)> {
        let mut found: Vec<(u64, u64)> = Vec::new();
        let mut add = |start: u64, shift: u64| {
            if !found.contains(&(start, shift)) {
                found.push((start, shift));
            }
        };
        let wide = self.wide.as_ref().map(|(claim, _)| *claim);
        for claim in [Some(self.claim()), wide, self.other, Some(self.plain)].into_iter().flatten() {
            if claim.offset != 0xffff_ffff || wide == Some(claim) {
                add(claim.offset, 0);
            }
            for close in [self.start(), self.at] {
                if let Some(start) = close.checked_sub(claim.size) {
                    add(start, start.wrapping_sub(claim.offset));
                }
            }
        }
        found
    }
}

fn parse_wide(record: &[u8]) -> Option<Claim> {
    if !record.starts_with(END64) {
        return None;
    }
    Some(Claim { entries: u64_le(record, 32)?, size: u64_le(record, 40)?, offset: u64_le(record, 48)? })
}

/// One entry of a central directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Offset of the record in the directory.
    pub listed_at: u64,
    /// The name, as bytes.
    pub name: Box<[u8]>,
    /// General purpose flags.
    pub flags: u16,
    /// Compression method.
    pub method: u16,
    /// CRC-32 of the content.
    pub crc: u32,
    /// Bytes in the archive.
    pub packed: u64,
    /// Bytes of content.
    pub size: u64,
    /// Offset of the local header, as stated.
    pub local: u64,
    /// Unix mode, 0 where the writer was not on Unix.
    pub mode: u16,
    /// The name of the Info-ZIP Unicode Path field, where it is another and holds.
    pub unicode_name: Option<Box<[u8]>>,
    /// Whether more than one zip64 field speaks of sizes and offset.
    pub wide_twice: bool,
    /// Whether its fields run over the end of the directory, where `zipfile` takes what there is.
    pub cut: bool,
}

/// A local header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// The name, as bytes.
    pub name: Box<[u8]>,
    /// General purpose flags.
    pub flags: u16,
    /// Compression method.
    pub method: u16,
    /// CRC-32, 0 where a descriptor follows.
    pub crc: u32,
    /// Bytes in the archive, `None` where only a descriptor says so.
    pub packed: Option<u64>,
    /// Bytes of content.
    pub size: Option<u64>,
    /// Offset of the data.
    pub data: u64,
}

/// Flag: the content is encrypted.
pub const ENCRYPTED: u16 = 1;
/// Flag: CRC and sizes stand behind the data.
pub const DESCRIBED: u16 = 8;

/// A directory read record by record, for as long as there are records.
pub struct Directory<'a> {
    content: &'a Content,
    /// Offset of the next record.
    pub at: u64,
    /// Where the directory ends, by its end record.
    end: u64,
    window: Vec<u8>,
    base: u64,
}

impl<'a> Directory<'a> {
    /// Starts at an offset, for so many bytes; records behind them are read as well.
    pub fn new(content: &'a Content, at: u64, size: u64) -> Self {
        Directory { content, at, end: at.saturating_add(size), window: Vec::new(), base: 0 }
    }

    fn bytes(&mut self, at: u64, len: usize) -> io::Result<&[u8]> {
        let held = at >= self.base && at + len as u64 <= self.base + self.window.len() as u64;
        if !held {
            self.window = self.content.read_range(at, len.max(64 << 10))?;
            self.base = at;
        }
        let from = (at - self.base) as usize;
        Ok(self.window.get(from..self.window.len().min(from + len)).unwrap_or(&[]))
    }

    /// The next entry, `None` where no record follows.
    pub fn next(&mut self) -> io::Result<Option<Entry>> {
        let at = self.at;
        let fixed = self.bytes(at, CENTRAL_SIZE)?;
        if !fixed.starts_with(CENTRAL) || fixed.len() < CENTRAL_SIZE {
            return Ok(None);
        }
        let length = |i: usize| u16_le(fixed, i).map_or(0, usize::from);
        let (name, extra, comment) = (length(28), length(30), length(32));
        let total = CENTRAL_SIZE + name + extra + comment;
        let end = self.end;
        let record = self.bytes(at, total)?;
        let cut = record.len() < total || (at < end && at + total as u64 > end);
        let kept = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX);
        let record = if cut && kept >= CENTRAL_SIZE { record.get(..kept).unwrap_or(record) } else { record };
        let mut entry = entry(record, at, name, extra);
        if let Some(entry) = &mut entry {
            entry.cut = cut;
        }
        self.at = (at + total as u64).min(self.content.len());
        Ok(entry)
    }
}

fn entry(record: &[u8], at: u64, name: usize, extra: usize) -> Option<Entry> {
    let made_by = u16_le(record, 4)? >> 8;
    let external = u32_le(record, 38)?;
    let rest = record.get(CENTRAL_SIZE..)?;
    let (named, rest) = rest.split_at(name.min(rest.len()));
    let fields = rest.get(..extra).unwrap_or(rest);
    let (packed, size, local) = (u32_le(record, 20)?, u32_le(record, 24)?, u32_le(record, 42)?);
    let (mut packed, mut size, mut local) = (u64::from(packed), u64::from(size), u64::from(local));
    let mut wides = 0;
    for (_, data) in extra_fields(fields).filter(|(id, _)| *id == 1) {
        // APPNOTE 4.5.3: only fields whose short form is all ones are there, in this order. `zipfile` takes every
        // such field in turn.
        let mut wide = Wide(data);
        size = wide.instead_of(size);
        packed = wide.instead_of(packed);
        local = wide.instead_of(local);
        wides += 1;
    }
    Some(Entry {
        listed_at: at,
        name: named.into(),
        flags: u16_le(record, 8)?,
        method: u16_le(record, 10)?,
        crc: u32_le(record, 16)?,
        packed,
        size,
        local,
        mode: if made_by == 3 { (external >> 16) as u16 } else { 0 },
        unicode_name: unicode_name(fields, named),
        wide_twice: wides > 1,
        cut: false,
    })
}

/// The values of a zip64 extra field, handed out in order.
struct Wide<'a>(&'a [u8]);

impl<'a> Wide<'a> {
    fn of(fields: &'a [u8]) -> Self {
        Wide(extra_fields(fields).find(|(id, _)| *id == 1).map_or(&[], |(_, data)| data))
    }

    fn instead_of(&mut self, short: u64) -> u64 {
        if short != u64::from(u32::MAX) {
            return short;
        }
        match u64_le(self.0, 0) {
            Some(n) => {
                self.0 = self.0.get(8..).unwrap_or(&[]);
                n
            }
            None => short,
        }
    }
}

fn extra_fields(mut fields: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let id = u16_le(fields, 0)?;
        let len = usize::from(u16_le(fields, 2)?);
        let data = fields.get(4..4 + len)?;
        fields = fields.get(4 + len..).unwrap_or(&[]);
        Some((id, data))
    })
}

/// APPNOTE 4.6.9: the field counts where its CRC is that of the name it replaces.
fn unicode_name(fields: &[u8], name: &[u8]) -> Option<Box<[u8]>> {
    let (_, data) = extra_fields(fields).find(|(id, _)| *id == 0x7075)?;
    let crc = u32_le(data, 1)?;
    let other = data.get(5..)?;
    let mut of_name = flate2::Crc::new();
    of_name.update(name);
    (of_name.sum() == crc && other != name).then(|| other.into())
}

impl Local {
    /// Reads the header at an offset. `name` is how long its name will be, for a single read.
    pub fn read(content: &Content, at: u64, name: usize) -> io::Result<Option<Local>> {
        let mut record = content.read_range(at, LOCAL_SIZE + name + 64)?;
        if !record.starts_with(LOCAL) {
            return Ok(None);
        }
        let length = |i: usize| u16_le(&record, i).map_or(0, usize::from);
        let total = LOCAL_SIZE + length(26) + length(28);
        let named = length(26);
        if record.len() < total {
            record = content.read_range(at, total)?;
        }
        Ok(Local::parse(&record, at, named, total))
    }

    fn parse(record: &[u8], at: u64, name: usize, total: usize) -> Option<Local> {
        let named = record.get(LOCAL_SIZE..LOCAL_SIZE + name)?;
        let fields = record.get(LOCAL_SIZE + name..total)?;
        let flags = u16_le(record, 6)?;
        let (packed, size) = (u32_le(record, 18)?, u32_le(record, 22)?);
        let mut wide = Wide::of(fields);
        let (size, packed) = (wide.instead_of(u64::from(size)), wide.instead_of(u64::from(packed)));
        let known = |n: u64| (flags & DESCRIBED == 0 || n != 0).then_some(n);
        Some(Local {
            name: named.into(),
            flags,
            method: u16_le(record, 8)?,
            crc: u32_le(record, 14)?,
            packed: known(packed),
            size: known(size),
            data: at + total as u64,
        })
    }
}

/// Length of the data descriptor at an offset, for an entry: with or without a signature, with four or
/// eight bytes a size. `None` where what stands there is not one.
pub fn descriptor(content: &Content, at: u64, entry: &Entry) -> io::Result<Option<u64>> {
    let bytes = content.read_range(at, 24)?;
    let (skip, rest) = match bytes.strip_prefix(DESCRIPTOR) {
        Some(rest) => (4, rest),
        None => (0, bytes.as_slice()),
    };
    // Some writers leave the CRC out of one place or the other.
    let crc_fits = u32_le(rest, 0).is_some_and(|crc| crc == entry.crc || crc == 0 || entry.crc == 0);
    if !crc_fits {
        return Ok(None);
    }
    if u64_le(rest, 4) == Some(entry.packed) && u64_le(rest, 12) == Some(entry.size) {
        return Ok(Some(skip + 20));
    }
    let short = |i: usize| u32_le(rest, i).map(u64::from);
    let fits = short(4) == Some(entry.packed & 0xffff_ffff) && short(8) == Some(entry.size & 0xffff_ffff);
    Ok(fits.then_some(skip + 12))
}
