//! The values of a chunked dataset as one content: chunks are decoded when they are read.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::content::{Content, ReadAt};
use crate::limits::Limits;
use crate::reading::codec::{Codec, Ending};
use crate::reading::hdf5::chunks::Stored;
use crate::reading::hdf5::message::Filter;
use crate::reading::inflated::{Budget, Inflated};

/// Decoded chunks that are kept, in bytes: a row of them is gone through again and again.
const KEPT: u64 = 64 << 20;
/// Largest chunk that is put together in memory, where a filter takes its values apart.
const WHOLE: u64 = 64 << 20;

/// Chunks that were decoded last.
#[derive(Default)]
struct Kept {
    chunks: HashMap<u64, Content>,
    order: VecDeque<u64>,
    bytes: u64,
}

impl Kept {
    fn put(&mut self, place: u64, content: &Content) {
        self.bytes += content.len();
        self.chunks.insert(place, content.clone());
        self.order.push_back(place);
        while self.order.len() > 1 && self.bytes > KEPT {
            let oldest = self.order.pop_front().and_then(|place| self.chunks.remove(&place));
            self.bytes -= oldest.map_or(0, |content| content.len());
        }
    }
}
/// What a filter may have put behind the bytes of a chunk.
const BEHIND: u64 = 16;
/// Chunks up to this size are decoded in one step.
const SMALL: u64 = 1 << 20;

/// A dataset put together.
pub struct Array {
    source: Content,
    /// Dimensions of all and of a chunk; bytes are the unit of the last.
    dims: Vec<u64>,
    chunk: Vec<u64>,
    len: u64,
    stored: BTreeMap<u64, Stored>,
    filters: Vec<Filter>,
    limits: Limits,
    budget: Arc<Budget>,
    kept: Mutex<Kept>,
    /// Whether a ceiling kept something back.
    limited: AtomicBool,
}

impl Array {
    /// Of these chunks, each at a place of its own.
    pub fn new(
        source: Content,
        dims: &[u64],
        chunk: &[u64],
        stored: Vec<Stored>,
        filters: Vec<Filter>,
        limits: &Limits,
        budget: &Arc<Budget>,
    ) -> Option<Arc<Self>> {
        let (mut dims, mut chunk) = (dims.to_vec(), chunk.to_vec());
        let len = dims.iter().try_fold(1u64, |all, n| all.checked_mul(*n))?;
        chunk.iter().try_fold(1u64, |all, n| all.checked_mul(*n))?;
        // A dimension that one chunk covers exactly is a part of the one before.
        while let ([.., _, last], [.., _, whole]) = (dims.as_slice(), chunk.as_slice())
            && last == whole
        {
            let last = *last;
            dims.pop();
            chunk.pop();
            *dims.last_mut()? = dims.last()?.checked_mul(last)?;
            *chunk.last_mut()? = chunk.last()?.checked_mul(last)?;
        }
        Some(Arc::new(Array {
            source,
            dims,
            chunk,
            len,
            stored: stored.into_iter().map(|chunk| (chunk.place, chunk)).collect(),
            filters,
            limits: limits.clone(),
            budget: Arc::clone(budget),
            kept: Mutex::new(Kept::default()),
            limited: AtomicBool::new(false),
        }))
    }

    /// Whether a ceiling kept some of it back, so far.
    pub fn limited(&self) -> bool {
        self.limited.load(Ordering::Relaxed)
    }

    /// The chunk that a byte lies in, where in the chunk, and how many bytes follow one another from there on.
    fn place(&self, offset: u64) -> (u64, u64, u64) {
        let mut rest = offset;
        let mut unit = self.len;
        let (mut place, mut within, mut run) = (0u64, 0u64, 1);
        for (n, chunk) in self.dims.iter().zip(&self.chunk) {
            unit /= (*n).max(1);
            let here = rest / unit.max(1);
            rest %= unit.max(1);
            place = place.saturating_mul(n.div_ceil(*chunk)).saturating_add(here / chunk);
            within = within.saturating_mul(*chunk).saturating_add(here % chunk);
            run = (chunk - here % chunk).min(n - here);
        }
        (place, within, run)
    }

    fn decoded(&self, place: u64) -> io::Result<Option<Content>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(content) = kept.chunks.get(&place) {
            return Ok(Some(content.clone()));
        }
        let Some(stored) = self.stored.get(&place) else { return Ok(None) };
        let content = self.decode(stored)?;
        kept.put(place, &content);
        Ok(Some(content))
    }

    fn decode(&self, stored: &Stored) -> io::Result<Content> {
        let mut content = self.source.slice(stored.at..stored.at.saturating_add(stored.len));
        for (i, filter) in self.filters.iter().enumerate().rev() {
            if 1u32.checked_shl(i as u32).is_some_and(|bit| stored.mask & bit != 0) {
                continue;
            }
            match filter {
                Filter::Deflate if self.size() <= SMALL && content.len() <= SMALL => {
                    content = Content::from_bytes(self.inflated(&content)?);
                }
                Filter::Deflate => {
                    let inflated = Inflated::open(Codec::Zlib, content, &self.limits, &self.budget)?;
                    if let (_, Ending::Limit(_)) = inflated.settle()? {
                        self.limited.store(true, Ordering::Relaxed);
                    }
                    content = inflated.content();
                }
                Filter::Shuffle(size) if *size > 1 => {
                    if content.len() > WHOLE {
                        self.limited.store(true, Ordering::Relaxed);
                    } else {
                        let bytes = content.read_range(0, content.len() as usize)?;
                        content = Content::from_bytes(together(&bytes, *size as usize));
                    }
                }
                Filter::Lzf => {
                    let packed = content.read_range(0, WHOLE as usize)?;
                    let room = self.size().min(WHOLE) + BEHIND;
                    if content.len() > WHOLE || self.size() > WHOLE || !self.budget.allows(room) {
                        self.limited.store(true, Ordering::Relaxed);
                    }
                    content = Content::from_bytes(lzf(&packed, room as usize));
                }
                Filter::Fletcher32 => content = content.slice(0..content.len().saturating_sub(4)),
                Filter::Shuffle(_) | Filter::Other(_) => {}
            }
        }
        Ok(content)
    }
}

impl Array {
    /// Bytes of a chunk.
    fn size(&self) -> u64 {
        self.chunk.iter().product()
    }

    /// A small chunk, decoded at once: there may be very many. Bytes beyond its size are given to nobody.
    fn inflated(&self, packed: &Content) -> io::Result<Vec<u8>> {
        let room = self.size() + BEHIND;
        if !self.budget.allows(room) {
            self.limited.store(true, Ordering::Relaxed);
            return Ok(Vec::new());
        }
        let packed = packed.read_range(0, packed.len() as usize)?;
        let mut out = Vec::with_capacity(room as usize);
        let mut decoder = flate2::Decompress::new(true);
        // What came out before a break is read.
        let _ = decoder.decompress_vec(&packed, &mut out, flate2::FlushDecompress::Finish);
        Ok(out)
    }
}

impl ReadAt for Arc<Array> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let wanted = self.len.saturating_sub(offset).min(buf.len() as u64) as usize;
        let Some(buf) = buf.get_mut(..wanted) else { return Ok(0) };
        buf.fill(0);
        let mut done = 0;
        while done < wanted {
            let (place, within, run) = self.place(offset + done as u64);
            let n = run.min((wanted - done) as u64).max(1) as usize;
            if let Some(content) = self.decoded(place)?
                && let Some(to) = buf.get_mut(done..done + n)
            {
                content.read_at(within.min(content.len()), to)?;
            }
            done += n;
        }
        Ok(wanted)
    }
}

/// Undoes LZF, up to so many bytes and to where it breaks. After liblzf's `lzf_d.c`: runs of bytes, and copies of what came
/// out before.
fn lzf(packed: &[u8], room: usize) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::new();
    let mut rest = packed;
    while let [control, tail @ ..] = rest
        && out.len() < room
    {
        let control = usize::from(*control);
        if control < 32 {
            let run = tail.get(..control + 1).unwrap_or(tail);
            out.extend_from_slice(run);
            rest = tail.get(run.len()..).unwrap_or(&[]);
            continue;
        }
        let (more, tail) = match (control >> 5, tail) {
            (7, [more, tail @ ..]) => (7 + usize::from(*more), tail),
            (n, tail) => (n, tail),
        };
        let [low, tail @ ..] = tail else { break };
        let back = ((control & 0x1f) << 8 | usize::from(*low)) + 1;
        let Some(from) = out.len().checked_sub(back) else { break };
        for i in from..from + more + 2 {
            let byte = out.get(i).copied().unwrap_or(0);
            out.push(byte);
        }
        rest = tail;
    }
    out.truncate(room);
    out
}

/// Values whose first bytes stand first, then their second ones, put together; what is left over stays behind.
fn together(bytes: &[u8], size: usize) -> Vec<u8> {
    let count = bytes.len() / size;
    let mut out = Vec::with_capacity(bytes.len());
    for i in 0..count {
        out.extend((0..size).filter_map(|part| bytes.get(part * count + i)));
    }
    out.extend_from_slice(bytes.get(count * size..).unwrap_or(&[]));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lzf_copies_what_came_before() {
        // As python-lzf packs `abc` five times; a copy of one byte, longer than seven.
        assert_eq!(lzf(b"\x02abc\xe0\x03\x02", 99), b"abcabcabcabcabc");
        assert_eq!(lzf(b"\0a\x20\0", 99), b"aaaa");
        assert_eq!(lzf(b"\0a\x20\0", 2), b"aa");
        // It breaks: a copy from before the beginning, a run that is cut off.
        assert_eq!(lzf(b"\0a\x20\x05", 99), b"a");
        assert_eq!(lzf(b"\x05ab", 99), b"ab");
    }
}
