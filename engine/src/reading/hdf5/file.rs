//! An HDF5 file: its superblock, and the fields whose width that gives.

use std::cell::Cell;
use std::io;

use crate::content::Content;

/// Bytes of structure that are read for each byte of the file. Structures can be made to lie inside one another.
const TIMES: u64 = 8;
/// Bytes of structure that any file may take.
const FREE: u64 = 1 << 20;
/// Largest part of a structure that is read: HDF5 pages what takes more.
const BLOCK: u64 = 64 << 20;
/// What looking at a place counts for, however few bytes lie there.
const LOOK: u64 = 16;

/// A file, from its signature on: so addresses count.
pub struct File {
    pub content: Content,
    /// Bytes of an address.
    pub offsets: usize,
    /// Bytes of a length.
    pub lengths: usize,
    /// Bytes of structure that may still be read.
    left: Cell<u64>,
}

/// Where the objects of a file begin.
pub struct Roots {
    /// Addresses of object headers.
    pub objects: Vec<u64>,
    /// The tree of the root group, where the superblock names it.
    pub tree: Option<u64>,
}

/// What came of a superblock.
pub enum Superblock {
    Read(File, Roots),
    /// Of a version, or with fields of a width, that is not known here.
    Unknown,
    /// No library of HDF5 takes it.
    Broken,
}

impl File {
    /// Reads the superblock.
    pub fn open(content: Content) -> io::Result<Superblock> {
        let head = content.read_range(0, 256)?;
        let left = Cell::new(content.len().saturating_mul(TIMES).saturating_add(FREE));
        let mut file = File { content, offsets: 8, lengths: 8, left };
        let roots = file.superblock(&head);
        let wide = [file.offsets, file.lengths].iter().any(|n| matches!(n, 16 | 32));
        if head.get(8).is_some_and(|version| *version > 3) || wide {
            return Ok(Superblock::Unknown);
        }
        let known = [2, 4, 8].contains(&file.offsets) && [2, 4, 8].contains(&file.lengths);
        Ok(match roots {
            Some(roots) if known => Superblock::Read(file, roots),
            _ => Superblock::Broken,
        })
    }

    fn superblock(&mut self, head: &[u8]) -> Option<Roots> {
        let version = *head.get(8)?;
        let sizes = if version < 2 { 13 } else { 9 };
        self.offsets = usize::from(*head.get(sizes)?);
        self.lengths = usize::from(*head.get(sizes + 1)?);
        match version {
            0 | 1 => {
                let mut fields = self.fields(head.get(if version == 0 { 24 } else { 28 }..)?);
                // Base, free space, end, driver; then the name of the root.
                fields.skip(5 * self.offsets)?;
                let root = fields.address()?;
                let cached = fields.u32()? == 1;
                fields.skip(4)?;
                let tree = fields.address().filter(|_| cached);
                Some(Roots { objects: vec![root], tree })
            }
            2 | 3 => {
                let mut fields = self.fields(head.get(12..)?);
                fields.skip(self.offsets)?;
                let extension = fields.address()?;
                fields.skip(self.offsets)?;
                Some(Roots { objects: vec![extension, fields.address()?], tree: None })
            }
            _ => None,
        }
    }

    /// Fields of this file's widths.
    pub fn fields<'a>(&self, bytes: &'a [u8]) -> Fields<'a> {
        Fields { rest: bytes, offsets: self.offsets, lengths: self.lengths }
    }

    /// Bytes of structure: fewer at the end of the file, none once too many were read.
    pub fn bytes(&self, at: u64, len: u64) -> io::Result<Vec<u8>> {
        let there = self.content.len().saturating_sub(at).min(len).min(BLOCK);
        if there == 0 {
            return Ok(Vec::new());
        }
        match self.left.get().checked_sub(there + LOOK) {
            Some(left) => {
                self.left.set(left);
                self.content.read_range(at, there as usize)
            }
            None => {
                self.left.set(0);
                Ok(Vec::new())
            }
        }
    }

    /// Whether structures took all the bytes that may be read.
    pub fn exhausted(&self) -> bool {
        self.left.get() == 0
    }
}

/// Bytes that are taken field by field.
pub struct Fields<'a> {
    pub rest: &'a [u8],
    offsets: usize,
    lengths: usize,
}

impl<'a> Fields<'a> {
    pub fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(n)?;
        self.rest = rest;
        Some(taken)
    }

    pub fn skip(&mut self, n: usize) -> Option<()> {
        self.take(n).map(|_| ())
    }

    /// A little-endian number of up to eight bytes.
    pub fn number(&mut self, n: usize) -> Option<u64> {
        let taken = self.take(n)?;
        Some(taken.iter().rev().fold(0, |value, b| value << 8 | u64::from(*b)))
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.number(1).map(|n| n as u8)
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.number(2).map(|n| n as u16)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.number(4).map(|n| n as u32)
    }

    /// An address. One that is undefined lies behind the end of every file.
    pub fn address(&mut self) -> Option<u64> {
        let address = self.number(self.offsets)?;
        let undefined = self.offsets < 8 && address == (1 << (8 * self.offsets)) - 1;
        Some(if undefined { u64::MAX } else { address })
    }

    pub fn length(&mut self) -> Option<u64> {
        self.number(self.lengths)
    }
}
