//! Fractal heaps, where attributes and links lie that are too many or too large for a header.

use std::io;

use crate::reading::hdf5::file::File;
use crate::reading::hdf5::tree;

/// Where an object of a heap lies in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub at: u64,
    pub len: u64,
}

/// A heap.
pub struct Heap {
    width: u64,
    start: u64,
    largest: u64,
    root: u64,
    /// Rows of the root, where that is a table of blocks.
    rows: u32,
    /// Bytes of an offset into the heap, and of a length.
    offset: usize,
    length: usize,
    /// The tree of its huge objects.
    huge: u64,
    /// Whether blocks lie behind filters.
    pub filtered: bool,
}

/// Longest header.
const HEADER: u64 = 160;
/// Tables inside tables that are followed: each holds several times as much.
const TABLES: u32 = 64;

impl Heap {
    pub fn at(file: &File, address: u64) -> io::Result<Option<Heap>> {
        Ok(Heap::parsed(file, &file.bytes(address, HEADER)?))
    }

    fn parsed(file: &File, head: &[u8]) -> Option<Heap> {
        let mut fields = file.fields(head.strip_prefix(b"FRHP")?);
        fields.skip(3)?;
        let filtered = fields.u16()? > 0;
        fields.skip(1)?;
        let managed = u64::from(fields.u32()?);
        fields.length()?;
        let huge = fields.address()?;
        fields.length()?;
        fields.address()?;
        fields.skip(8 * file.lengths)?;
        let (width, start, largest) = (fields.u16()?.into(), fields.length()?, fields.length()?);
        let bits = fields.u16()?;
        fields.skip(2)?;
        let (root, rows) = (fields.address()?, fields.u16()?.into());
        if width == 0 || start == 0 || largest == 0 {
            return None;
        }
        let of_block = largest.ilog2().div_ceil(8) as usize;
        let length = of_block.min(managed.max(1).ilog2() as usize / 8 + 1);
        let offset = usize::from(bits.div_ceil(8)).min(8);
        Some(Heap { width, start, largest, root, rows, offset, length, huge, filtered })
    }

    /// Where the object of an identifier lies: in a block. Others are found by [`Heap::huge`], or are no attributes.
    pub fn object(&self, file: &File, id: &[u8]) -> io::Result<Option<Place>> {
        let mut fields = file.fields(id);
        if fields.u8().is_none_or(|kind| kind & 0x30 != 0) {
            return Ok(None);
        }
        let (Some(offset), Some(len)) = (fields.number(self.offset), fields.number(self.length)) else {
            return Ok(None);
        };
        Ok(self.block(file, offset)?.map(|at| Place { at, len }))
    }

    /// All objects that lie outside of its blocks.
    pub fn huge(&self, file: &File) -> io::Result<Vec<Place>> {
        let tree = tree::records(file, self.huge)?;
        // Records of other kinds are of objects behind filters.
        let plain = tree.records.iter().filter(|_| matches!(tree.kind, 1 | 3));
        Ok(plain
            .filter_map(|record| {
                let mut fields = file.fields(record);
                Some(Place { at: fields.address()?, len: fields.length()? })
            })
            .collect())
    }

    /// Bytes of the blocks in a row of a table.
    fn size(&self, row: u32) -> Option<u64> {
        self.start.checked_mul(1u64.checked_shl(row.saturating_sub(1))?)
    }

    /// The address of an offset into the heap.
    fn block(&self, file: &File, offset: u64) -> io::Result<Option<u64>> {
        let (mut table, mut rows, mut offset) = (self.root, self.rows, offset);
        if rows == 0 {
            return Ok(table.checked_add(offset));
        }
        for _ in 0..TABLES {
            let Some((entry, within, size)) = self.entry(offset, rows) else { return Ok(None) };
            let from = (5 + file.offsets + self.offset) as u64 + entry * file.offsets as u64;
            let bytes = file.bytes(table.saturating_add(from), file.offsets as u64)?;
            let Some(child) = file.fields(&bytes).address() else { return Ok(None) };
            if size <= self.largest {
                return Ok(child.checked_add(within));
            }
            let first = self.start.saturating_mul(self.width).max(1);
            (table, offset) = (child, within);
            rows = size.ilog2().saturating_sub(first.ilog2()) + 1;
        }
        Ok(None)
    }

    /// The entry of a table that an offset lies in, how far within, and the size of what the entry stands for.
    fn entry(&self, offset: u64, rows: u32) -> Option<(u64, u64, u64)> {
        let mut begins = 0u64;
        for row in 0..rows {
            let size = self.size(row)?;
            let behind = begins.checked_add(size.checked_mul(self.width)?)?;
            if offset < behind {
                let column = (offset - begins) / size;
                let entry = u64::from(row) * self.width + column;
                return Some((entry, (offset - begins) % size, size));
            }
            begins = behind;
        }
        None
    }
}
