//! The chunks of a dataset, by each of the indexes that HDF5 has for them.

use std::io;

use crate::reading::hdf5::file::{Fields, File};
use crate::reading::hdf5::message::{Chunked, Dataspace, Index};
use crate::reading::hdf5::tree;

/// A chunk as it lies in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its number among those that the dataset has room for, the last dimension fastest.
    pub place: u64,
    pub at: u64,
    pub len: u64,
    /// The filters it did without, a bit for each.
    pub mask: u32,
}

/// Chunks that are counted out before any of them is seen, as implicit indexes do.
const IMPLICIT: u64 = 1 << 20;

/// Largest index block of an extensible array: its fields count by bytes.
const INDEX: u64 = 64 << 10;

/// A dataset's chunks under way.
struct Grid<'a> {
    file: &'a File,
    chunked: &'a Chunked,
    filtered: bool,
    /// Chunks in each dimension, as the dataset is and as large as it may become.
    now: Vec<u64>,
    most: Vec<u64>,
    /// Bytes of a chunk.
    size: u64,
    found: Vec<Stored>,
}

/// All chunks that an index leads to. `None` where the shape is none that a dataset can have.
pub fn stored(
    file: &File,
    chunked: &Chunked,
    space: &Dataspace,
    filtered: bool,
) -> io::Result<Option<Vec<Stored>>> {
    let counts = |dims: &[u64]| -> Option<Vec<u64>> {
        dims.iter().zip(&chunked.chunk).map(|(n, chunk)| Some(n.checked_add(chunk - 1)? / chunk)).collect()
    };
    let whole = chunked.chunk.iter().try_fold(1u64, |all, n| all.checked_mul(*n));
    let (Some(size), true) = (whole, chunked.chunk.len() == space.dims.len() + 1) else { return Ok(None) };
    if size == 0 {
        return Ok(None);
    }
    let bounded: Vec<u64> = space.most.iter().map(|n| (*n).min(u64::MAX / 2)).collect();
    let (Some(now), Some(most)) = (counts(&space.dims), counts(&bounded)) else { return Ok(None) };
    let mut grid = Grid { file, chunked, filtered, now, most, size, found: Vec::new() };
    match chunked.index {
        Index::Tree => grid.tree()?,
        Index::Single { size: len, mask } => {
            let len = len.unwrap_or(size);
            grid.found.push(Stored { place: 0, at: chunked.at, len, mask });
        }
        Index::Implicit => {
            let all = grid.most.iter().fold(1u64, |all, n| all.saturating_mul(*n));
            for i in 0..all.min(IMPLICIT) {
                let at = chunked.at.saturating_add(i.saturating_mul(size));
                if at >= file.content.len() {
                    break;
                }
                grid.put(&grid.coordinates(i), Stored { place: 0, at, len: size, mask: 0 });
            }
        }
        Index::FixedArray => grid.fixed_array()?,
        Index::ExtensibleArray => grid.extensible_array(space)?,
        Index::NewTree => grid.new_tree()?,
    }
    grid.found.retain(|chunk| chunk.at < file.content.len());
    Ok(Some(grid.found))
}

impl Grid<'_> {
    /// The place of the chunk with this number, where the dataset may become as large as it may.
    fn coordinates(&self, number: u64) -> Vec<u64> {
        let mut rest = number;
        let mut found: Vec<u64> = self
            .most
            .iter()
            .rev()
            .map(|n| {
                let here = rest % (*n).max(1);
                rest /= (*n).max(1);
                here
            })
            .collect();
        found.reverse();
        found
    }

    /// Takes a chunk, if the dataset has room for it.
    fn put(&mut self, coordinates: &[u64], chunk: Stored) {
        let mut place = 0u64;
        for (here, count) in coordinates.iter().zip(&self.now) {
            if here >= count {
                return;
            }
            place = place.saturating_mul(*count).saturating_add(*here);
        }
        self.found.push(Stored { place, ..chunk });
    }

    fn tree(&mut self) -> io::Result<()> {
        let key = 8 + 8 * self.chunked.chunk.len();
        for child in tree::children(self.file, self.chunked.at, 1, key)? {
            let mut fields = self.file.fields(&child.key);
            let (Some(len), Some(mask)) = (fields.u32(), fields.u32()) else { continue };
            let chunk = Stored { place: 0, at: child.at, len: len.into(), mask };
            let offsets = self.scaled(&mut fields, &self.chunked.chunk);
            self.put(&offsets, chunk);
        }
        Ok(())
    }

    fn scaled(&self, fields: &mut Fields<'_>, unit: &[u64]) -> Vec<u64> {
        unit.iter().take(self.now.len()).map_while(|n| Some(fields.number(8)? / n)).collect()
    }

    fn new_tree(&mut self) -> io::Result<()> {
        let tree = tree::records(self.file, self.chunked.at)?;
        let unit = vec![1; self.now.len()];
        for record in &tree.records {
            let mut fields = self.file.fields(record);
            let Some(chunk) = self.element(&mut fields, tree.kind == 11) else { continue };
            let offsets = self.scaled(&mut fields, &unit);
            self.put(&offsets, chunk);
        }
        Ok(())
    }

    /// What an index holds for a chunk.
    fn element(&self, fields: &mut Fields<'_>, filtered: bool) -> Option<Stored> {
        let at = fields.address()?;
        let (len, mask) =
            if filtered { (fields.number(self.chunked.sizes)?, fields.u32()?) } else { (self.size, 0) };
        Some(Stored { place: 0, at, len, mask })
    }

    fn width(&self) -> u64 {
        (self.file.offsets + if self.filtered { self.chunked.sizes + 4 } else { 0 }) as u64
    }

    /// Elements of an array that stand in a row, or, where there are more than fit into a page, in pages.
    fn elements(
        &mut self,
        at: u64,
        first: u64,
        count: u64,
        page: u64,
        place: &dyn Fn(&Self, u64) -> Vec<u64>,
    ) -> io::Result<()> {
        let (width, mut at, mut number, end) = (self.width(), at, first, first.saturating_add(count));
        while number < end && at < self.file.content.len() {
            let n = if count > page { page.min(end - number) } else { count };
            let bytes = self.file.bytes(at, n.saturating_mul(width))?;
            for (element, i) in bytes.chunks_exact(width as usize).zip(number..) {
                if let Some(chunk) = self.element(&mut self.file.fields(element), self.filtered) {
                    self.put(&place(self, i), chunk);
                }
            }
            // A checksum ends each page.
            at = at.saturating_add(n.saturating_mul(width)).saturating_add(4);
            number = number.saturating_add(n);
        }
        Ok(())
    }

    fn fixed_array(&mut self) -> io::Result<()> {
        let head = self.file.bytes(self.chunked.at, 32)?;
        let Some((page, count, block)) = self.fixed_array_header(&head) else { return Ok(()) };
        // Signature, version, client, the header's address.
        let mut at = block.saturating_add(6 + self.file.offsets as u64);
        if count > page {
            at = at.saturating_add(count.div_ceil(page).div_ceil(8) + 4);
        }
        self.elements(at, 0, count, page, &Self::coordinates)
    }

    fn fixed_array_header(&self, head: &[u8]) -> Option<(u64, u64, u64)> {
        let mut fields = self.file.fields(head.strip_prefix(b"FAHD")?);
        fields.skip(3)?;
        let page = 1u64.checked_shl(fields.u8()?.into())?;
        Some((page, fields.length()?, fields.address()?))
    }

    /// `H5EA__hdr_init`: blocks of data hang on the index block, and further ones on blocks of blocks.
    fn extensible_array(&mut self, space: &Dataspace) -> io::Result<()> {
        let head = self.file.bytes(self.chunked.at, 96)?;
        let Some(array) = Extensible::parsed(self.file, &head) else { return Ok(()) };
        // The dimension without an end counts slowest.
        let endless = space.most.iter().position(|n| *n == u64::MAX || *n == self.unlimited()).unwrap_or(0);
        let place = move |grid: &Self, number: u64| {
            let mut rest = number;
            let mut found = vec![0; grid.most.len()];
            for (i, n) in grid.most.iter().enumerate().rev().filter(|(i, _)| *i != endless) {
                if let Some(here) = found.get_mut(i) {
                    *here = rest % (*n).max(1);
                }
                rest /= (*n).max(1);
            }
            if let Some(here) = found.get_mut(endless) {
                *here = rest;
            }
            found
        };
        let offsets = self.file.offsets as u64;
        let index = self.file.bytes(array.index, INDEX)?;
        if !index.starts_with(b"EAIB") {
            return Ok(());
        }
        let start = 6 + offsets;
        self.elements(array.index + start, 0, array.direct, u64::MAX, &place)?;
        let file = self.file;
        let mut pointers = file.fields(
            usize::try_from(start + array.direct * self.width())
                .ok()
                .and_then(|n| index.get(n..))
                .unwrap_or(&[]),
        );
        let mut first = array.direct;
        for level in 0..array.levels {
            let Some((blocks, size)) = array.level(level) else { break };
            if level < array.on_index {
                for _ in 0..blocks {
                    let Some(at) = pointers.address() else { return Ok(()) };
                    self.data_block(&array, at, first, size, &place)?;
                    first = first.saturating_add(size);
                }
                continue;
            }
            let Some(secondary) = pointers.address() else { return Ok(()) };
            let pages = if size > array.page { (size / array.page).div_ceil(8) } else { 0 };
            let from = blocks.saturating_mul(pages).saturating_add(6 + offsets + array.width as u64);
            let bytes = file.bytes(secondary, from.saturating_add(blocks.saturating_mul(offsets)))?;
            let mut fields = file.fields(bytes.get(from as usize..).unwrap_or(&[]));
            let is_one = bytes.starts_with(b"EASB");
            for _ in 0..blocks {
                let Some(at) = fields.address().filter(|_| is_one) else { break };
                self.data_block(&array, at, first, size, &place)?;
                first = first.saturating_add(size);
            }
            if !is_one {
                first = first.saturating_add(blocks.saturating_mul(size));
            }
        }
        Ok(())
    }

    /// Undefined lengths in files with shorter ones.
    fn unlimited(&self) -> u64 {
        if self.file.lengths < 8 { (1 << (8 * self.file.lengths)) - 1 } else { u64::MAX }
    }

    fn data_block(
        &mut self,
        array: &Extensible,
        at: u64,
        first: u64,
        size: u64,
        place: &dyn Fn(&Self, u64) -> Vec<u64>,
    ) -> io::Result<()> {
        if self.file.bytes(at, 4)? != b"EADB" {
            return Ok(());
        }
        let mut from = at + 6 + self.file.offsets as u64 + array.width as u64;
        if size > array.page {
            from += 4;
        }
        self.elements(from, first, size, array.page, place)
    }
}

/// The header of an extensible array.
struct Extensible {
    /// Elements on the index block itself.
    direct: u64,
    /// Elements of the smallest block.
    least: u64,
    /// Levels of blocks, and how many of them hang on the index block.
    levels: u32,
    on_index: u32,
    page: u64,
    /// Bytes of an offset into the array.
    width: usize,
    index: u64,
}

impl Extensible {
    fn parsed(file: &File, head: &[u8]) -> Option<Extensible> {
        let mut fields = file.fields(head.strip_prefix(b"EAHD")?);
        fields.skip(3)?;
        let bits = u32::from(fields.u8()?);
        let (direct, least, pointers) =
            (fields.u8()?.into(), u64::from(fields.u8()?), u32::from(fields.u8()?));
        let page = 1u64.checked_shl(fields.u8()?.into())?;
        fields.skip(6 * file.lengths)?;
        let index = fields.address()?;
        if least == 0 || pointers == 0 || bits > 64 {
            return None;
        }
        let levels = (1 + bits).checked_sub(least.ilog2())?;
        let on_index = 2 * pointers.ilog2();
        Some(Extensible { direct, least, levels, on_index, page, width: bits.div_ceil(8) as usize, index })
    }

    /// How many blocks a level has, and how many elements each of them.
    fn level(&self, level: u32) -> Option<(u64, u64)> {
        let blocks = 1u64.checked_shl(level / 2)?;
        Some((blocks, 1u64.checked_shl(level.div_ceil(2))?.checked_mul(self.least)?))
    }
}
