//! The elements of a tensor in the order of C, little-endian, whatever its strides are and in bounded memory.

use std::io;

use crate::content::Content;
use crate::tensors::dtype::Dtype;
use crate::tensors::model::{Storage, Tensor};

/// Bytes that are copied at once where elements stand in order already.
const PIECE: usize = 1 << 20;
/// Bytes of a block that is put together at once.
const BLOCK: u64 = 32 << 20;
/// Bytes between two elements up to which what lies between them is read as well.
const GAP: u64 = 1024;

/// A dimension: how many elements, and how far apart they are in the storage and in a block.
#[derive(Clone, Copy, Debug)]
struct Dim {
    count: u64,
    stride: u64,
    /// Elements, in the block that is put together.
    step: u64,
}

/// Hands the tensor's elements to `each`, piece by piece. The tensor lies inside of its storage:
/// [`Tensor::reach`] was held against it.
pub fn gather(
    tensor: &Tensor,
    storage: &Storage,
    each: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let Some(bytes) = tensor.bytes().filter(|bytes| *bytes > 0) else { return Ok(()) };
    let mut settle = Settle::of(tensor, storage);
    let dims = merged(tensor);
    if let [] | [Dim { stride: 1, .. }] = dims.as_slice() {
        let from = tensor.offset * tensor.dtype.size();
        let mut piece = vec![0; PIECE.min(usize::try_from(bytes).unwrap_or(PIECE))];
        let mut done = 0;
        while done < bytes {
            let n = usize::try_from(bytes - done).unwrap_or(PIECE).min(PIECE);
            let piece = piece.get_mut(..n).unwrap_or_default();
            read(&storage.content, from + done, piece)?;
            settle.settle(piece);
            each(piece)?;
            done += n as u64;
        }
        return Ok(());
    }
    let mut blocks = Blocks::of(&dims, tensor.dtype.size());
    let mut block =
        Block { content: &storage.content, size: tensor.dtype.size(), out: Vec::new(), read: Vec::new() };
    while let Some((from, dims)) = blocks.next() {
        block.fill(tensor.offset + from, dims)?;
        settle.settle(&mut block.out);
        each(&block.out)?;
    }
    Ok(())
}

/// Fills the whole buffer.
fn read(content: &Content, at: u64, buffer: &mut [u8]) -> io::Result<()> {
    match content.read_at(at, buffer)? {
        n if n == buffer.len() => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// The dimensions that matter: those of one element left out, those that go on as one merged.
fn merged(tensor: &Tensor) -> Vec<Dim> {
    let mut dims: Vec<Dim> = Vec::new();
    for (&count, &stride) in tensor.shape.iter().zip(&tensor.strides).filter(|(count, _)| **count > 1) {
        match dims.last_mut() {
            Some(outer) if stride.checked_mul(count) == Some(outer.stride) => {
                outer.count *= count;
                outer.stride = stride;
            }
            _ => dims.push(Dim { count, stride, step: 0 }),
        }
    }
    dims
}

/// The blocks in which a tensor is put together, in the order of C: all of the inner dimensions, a part of one, and
/// an index in each outer one.
struct Blocks {
    /// Dimensions of which a block has one index.
    outer: Vec<Dim>,
    index: Vec<u64>,
    /// The dimension that is divided, where a part begins, and how long parts are.
    divided: Dim,
    at: u64,
    part: u64,
    inner: Vec<Dim>,
    done: bool,
}

impl Blocks {
    fn of(dims: &[Dim], size: u64) -> Self {
        let most = (BLOCK / size).max(1);
        let mut inside = 1;
        let mut split = dims.len();
        while let Some(dim) = split.checked_sub(1).and_then(|i| dims.get(i))
            && inside * dim.count.min(most + 1) <= most
        {
            inside *= dim.count;
            split -= 1;
        }
        // A step of one index in the divided dimension is all that is inside of it.
        let at = split.saturating_sub(1);
        let (outer, rest) = dims.split_at(at.min(dims.len()));
        let (divided, inner) =
            rest.split_first().map_or((Dim { count: 1, stride: 0, step: 0 }, rest), |(d, r)| (*d, r));
        let mut inner = inner.to_vec();
        let mut step = 1;
        for dim in inner.iter_mut().rev() {
            dim.step = step;
            step *= dim.count;
        }
        let part = (most / step).clamp(1, divided.count);
        Blocks {
            index: vec![0; outer.len()],
            outer: outer.to_vec(),
            divided: Dim { step, ..divided },
            at: 0,
            part,
            inner,
            done: false,
        }
    }

    /// Where the next block begins in the storage, and its dimensions.
    fn next(&mut self) -> Option<(u64, Vec<Dim>)> {
        if self.done {
            return None;
        }
        let from = self.outer.iter().zip(&self.index).map(|(dim, i)| dim.stride * i).sum::<u64>();
        let from = from + self.divided.stride * self.at;
        let count = self.part.min(self.divided.count - self.at);
        let mut dims = vec![Dim { count, ..self.divided }];
        dims.extend(&self.inner);
        self.at += count;
        if self.at == self.divided.count {
            self.at = 0;
            self.done = !advance(&self.outer, &mut self.index);
        }
        Some((from, dims))
    }
}

/// The next index in the order of C; false behind the last.
fn advance(dims: &[Dim], index: &mut [u64]) -> bool {
    for (dim, i) in dims.iter().zip(index.iter_mut()).rev() {
        *i += 1;
        if *i < dim.count {
            return true;
        }
        *i = 0;
    }
    false
}

/// A block that is put together.
struct Block<'c> {
    content: &'c Content,
    size: u64,
    out: Vec<u8>,
    read: Vec<u8>,
}

impl Block<'_> {
    /// Puts the elements of these dimensions together, read in the order of the storage.
    fn fill(&mut self, from: u64, mut dims: Vec<Dim>) -> io::Result<()> {
        let count: u64 = dims.iter().map(|dim| dim.count).product();
        self.out.clear();
        self.out.resize((count * self.size) as usize, 0);
        dims.sort_by_key(|dim| std::cmp::Reverse(dim.stride));
        let span = dims.iter().map(|dim| (dim.count - 1) * dim.stride).sum::<u64>() + 1;
        let Some((row, rows)) = dims.split_last() else { return Ok(()) };
        if span * self.size <= 2 * BLOCK {
            self.take(from, span)?;
            let mut index = vec![0; rows.len()];
            loop {
                let (at, to) = place(rows, &index);
                self.put(at, to, *row);
                if !advance(rows, &mut index) {
                    return Ok(());
                }
            }
        }
        // Elements that are far apart are read one by one, others with what lies between.
        let run = match row.stride * self.size {
            0 => row.count,
            gap if gap <= GAP => (PIECE as u64 / gap).max(1),
            _ => 1,
        };
        let mut index = vec![0; rows.len()];
        loop {
            let (at, to) = place(rows, &index);
            let mut i = 0;
            while i < row.count {
                let count = run.min(row.count - i);
                self.take(from + at + i * row.stride, (count - 1) * row.stride + 1)?;
                self.put(0, to + i * row.step, Dim { count, ..*row });
                i += count;
            }
            if !advance(rows, &mut index) {
                return Ok(());
            }
        }
    }

    /// Reads so many elements of the storage.
    fn take(&mut self, from: u64, count: u64) -> io::Result<()> {
        let bytes = (count * self.size) as usize;
        if self.read.len() < bytes {
            self.read.resize(bytes, 0);
        }
        let piece = self.read.get_mut(..bytes).unwrap_or_default();
        read(self.content, from * self.size, piece)
    }

    /// Puts a row of elements that was read where it belongs.
    fn put(&mut self, at: u64, to: u64, row: Dim) {
        match self.size {
            1 => self.put_sized::<1>(at, to, row),
            2 => self.put_sized::<2>(at, to, row),
            4 => self.put_sized::<4>(at, to, row),
            _ => self.put_sized::<8>(at, to, row),
        }
    }

    fn put_sized<const N: usize>(&mut self, at: u64, to: u64, row: Dim) {
        let (at, to, count) = (at as usize, to as usize, row.count as usize);
        if row.stride == 1 && row.step == 1 {
            let from = self.read.get(at * N..(at + count) * N).unwrap_or_default();
            if let Some(out) = self.out.get_mut(to * N..(to + count) * N) {
                out.copy_from_slice(from);
            }
            return;
        }
        let (read, _) = self.read.as_chunks::<N>();
        let (out, _) = self.out.as_chunks_mut::<N>();
        let (stride, step) = (row.stride as usize, row.step as usize);
        for i in 0..count {
            if let (Some(element), Some(place)) = (read.get(at + i * stride), out.get_mut(to + i * step)) {
                *place = *element;
            }
        }
    }
}

/// Where a row begins: in the storage, from the block's beginning on, and in the block.
fn place(rows: &[Dim], index: &[u64]) -> (u64, u64) {
    rows.iter().zip(index).fold((0, 0), |(at, to), (dim, i)| (at + dim.stride * i, to + dim.step * i))
}

/// What makes stored elements those of the tensor: byte order, conjugation, sign.
struct Settle {
    number: usize,
    swaps: bool,
    /// Which numbers of a pair change their sign; where numbers stand alone, the first.
    signs: [bool; 2],
}

impl Settle {
    fn of(tensor: &Tensor, storage: &Storage) -> Self {
        let complex = tensor.dtype == Dtype::C64;
        let number = tensor.dtype.number() as usize;
        let second = if complex { tensor.conjugated != tensor.negated } else { tensor.negated };
        Settle { number, swaps: storage.big_endian && number > 1, signs: [tensor.negated, second] }
    }

    fn settle(&mut self, bytes: &mut [u8]) {
        if self.swaps {
            bytes.chunks_exact_mut(self.number).for_each(<[u8]>::reverse);
        }
        if self.signs != [false; 2] {
            for pair in bytes.chunks_mut(2 * self.number) {
                for (number, flips) in pair.chunks_exact_mut(self.number).zip(self.signs) {
                    if let Some(last) = number.last_mut().filter(|_| flips) {
                        *last ^= 0x80;
                    }
                }
            }
        }
    }
}
