//! Blosc's chunks and frames, which are not decompressed here. `unpack_array` and `unpack` of python-blosc and
//! python-blosc2 unpickle what a chunk holds, and `blosc2.open` runs functions that a frame keeps as source.
//!
//! After `README_HEADER.rst` and `README_CHUNK_FORMAT.rst` of c-blosc, `README_CFRAME_FORMAT.rst` of c-blosc2.

use std::io;

use memchr::memmem;

use crate::facts::{Code, Runs};
use crate::reading::field::{u32_be, u32_le};
use crate::reading::job::Job;
use crate::reading::work::{Scan, Task};
use crate::rule::Rule;

/// Header of a chunk, and the longer one of Blosc2, which has both flags of shuffling set.
const HEADER: u64 = 16;
const LONG_HEADER: u64 = 32;
const SHUFFLES: u8 = 0x5;
/// Set where bytes are stored as they are.
const STORED: u8 = 0x2;
/// The last version of the format of chunks, with room for some.
const VERSION: u8 = 8;
/// A frame: an array of msgpack, and a text in it.
const FRAME: &[u8] = b"\xa8b2frame\0";

/// Where the data of a chunk stand, as its header says.
struct Chunk {
    stored: bool,
    from: u64,
    behind: u64,
}

impl Chunk {
    /// Of content of this length. Its numbers have to agree with one another and with the length: other content begins
    /// like a chunk by chance.
    fn parsed(head: &[u8], len: u64) -> Option<Chunk> {
        let (version, codec, flags, size) = (*head.first()?, *head.get(1)?, *head.get(2)?, *head.get(3)?);
        let [bytes, block, packed] = [4, 8, 12].map(|at| u32_le(head, at).map(u64::from));
        let (bytes, block, packed) = (bytes?, block?, packed?);
        let from = if version > 2 && flags & SHUFFLES == SHUFFLES { LONG_HEADER } else { HEADER };
        let agrees = (1..=VERSION).contains(&version)
            && codec > 0
            && size > 0
            && (1..=bytes).contains(&block)
            && (from..=len).contains(&packed)
            && packed <= bytes + LONG_HEADER;
        let stored = flags & STORED != 0;
        let blocks = from + 4 * bytes.div_ceil(block.max(1));
        // Of one value over and over there is no block.
        let begins = if from == LONG_HEADER && packed <= from + u64::from(size) {
            head.get(31).is_some_and(|flags| flags & 0x70 != 0)
        } else if stored {
            packed == from + bytes
        } else {
            u32_le(head, from as usize).is_some_and(|first| (blocks..packed).contains(&first.into()))
        };
        (agrees && begins).then_some(Chunk { stored, from, behind: packed })
    }
}

/// Whether content begins like a frame.
fn is_frame(head: &[u8]) -> bool {
    head.first().is_some_and(|b| b & 0xf0 == 0x90)
        && head.get(1..).is_some_and(|rest| rest.starts_with(FRAME))
}

/// Whether a name is one that Zarr gives to chunks: numbers, with dots between. What Zarr unpickles, its metadata say.
fn is_of_zarr(name: &str) -> bool {
    name.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

impl Scan<'_> {
    /// Reads content that begins like either, whatever else it begins like. Whether it does.
    pub fn blosc(&mut self, job: &Job, head: &[u8]) -> io::Result<bool> {
        if is_frame(head) {
            self.blosc_frame(job)?;
            return Ok(true);
        }
        let Some(chunk) = Chunk::parsed(head, job.content.len()) else { return Ok(false) };
        self.form(job, "Blosc");
        self.blosc_chunk(job, &chunk)?;
        Ok(true)
    }

    /// Reads a chunk that is stored as it is, and tells of others.
    fn blosc_chunk(&mut self, job: &Job, chunk: &Chunk) -> io::Result<()> {
        if chunk.stored {
            let child = job.child("blosc", job.content.slice(chunk.from..chunk.behind));
            self.later(Task::Open(child));
        } else if !is_of_zarr(&job.name) {
            let message =
                "Blosc, which is not read here: `unpack_array` of blosc and blosc2 unpickles what is inside";
            self.fault(&job.member, Rule::ContainerUnreadable, 0, message);
        }
        self.behind(job, chunk.behind..u64::MAX, "a pickle behind a chunk of Blosc")
    }

    /// Tells of a function that a frame keeps.
    fn blosc_frame(&mut self, job: &Job) -> io::Result<()> {
        /// Longest header that is looked through; those of arrays have some hundred bytes.
        const HEADERS: u32 = 1 << 20;
        let head = job.content.read_range(0, 64)?;
        // A number of four bytes follows, with the byte that says so.
        let len = u32_be(&head, FRAME.len() + 2).unwrap_or(HEADERS).min(HEADERS);
        let header = job.content.read_range(0, len as usize)?;
        if memmem::find(&header, b"LazyArray").is_some() {
            let message = "a computed array of Blosc2, whose function `blosc2.open` runs from its source";
            let (member, message) = (job.member.clone(), message.to_owned());
            self.code(Code { member, offset: 0, message, name: None, runs: Runs::ByDefault });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_one_if_its_numbers_agree() {
        let chunk = |version: u8, flags: u8, bytes: u32, block: u32, packed: u32, first: u32| {
            let numbers = [bytes, block, packed, first].map(u32::to_le_bytes).concat();
            [&[version, 1, flags, 8][..], &numbers].concat()
        };
        let is_chunk = |head: &[u8], len| Chunk::parsed(head, len).is_some();
        let good = chunk(2, 0x21, 1_000, 500, 200, 24);
        assert!(is_chunk(&good, 200) && is_chunk(&good, 300));
        assert!(is_chunk(&chunk(2, 0x2, 100, 100, 116, 0), 116));
        for (bad, len) in [
            (good.clone(), 199),
            (chunk(9, 0x21, 1_000, 500, 200, 24), 200),
            (chunk(2, 0x21, 1_000, 500, 200, 20), 200),
            (chunk(2, 0x21, 1_000, 500, 200, 200), 200),
            (chunk(2, 0x21, 1_000, 1_001, 200, 24), 200),
            (chunk(2, 0x21, 100, 50, 200, 24), 200),
            (chunk(2, 0x2, 100, 100, 117, 0), 117),
            (good[..15].to_vec(), 200),
        ] {
            assert!(!is_chunk(&bad, len), "{bad:?}");
        }
    }
}
