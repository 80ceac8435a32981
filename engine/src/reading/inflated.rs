//! Decompressed content that can be read at any offset in bounded memory: the beginning is kept, the
//! rest is decoded again where a reader goes back. One that goes back again and again, as a pickle of many
//! names does, gets it from a temporary file without a name.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::content::{Content, FileContent, ReadAt};
use crate::limits::Limits;
use crate::reading::codec::{Codec, Decoder, Ending};

/// What all decompression of one blob may still yield, in bytes.
pub struct Budget {
    /// Output seen for the first time: held against the size of what is compressed.
    fresh: AtomicU64,
    /// All output, that of repeated decoding included.
    total: AtomicU64,
    /// Output that goes to temporary files.
    spilled: AtomicU64,
    /// What `total` began with.
    most: u64,
}

impl Budget {
    /// For a blob of this size.
    pub fn new(blob: u64, limits: &Limits) -> Arc<Self> {
        let fresh = limits.inflated_free.saturating_add(blob.saturating_mul(limits.ratio));
        Arc::new(Budget {
            fresh: AtomicU64::new(fresh.min(limits.inflated)),
            total: AtomicU64::new(limits.inflated),
            spilled: AtomicU64::new(limits.spilled),
            most: limits.inflated,
        })
    }

    /// How much was yielded so far.
    pub fn yielded(&self) -> u64 {
        self.most.saturating_sub(self.total.load(Ordering::Relaxed))
    }

    /// Takes the output of a decoder that is not one of these, if that much is left.
    pub fn allows(&self, n: u64) -> bool {
        self.spend(n, true).is_none()
    }

    fn spend(&self, n: u64, fresh: bool) -> Option<Ending> {
        if fresh && !take(&self.fresh, n) {
            return Some(Ending::Limit("it inflates to far more than its size".to_owned()));
        }
        if !take(&self.total, n) {
            return Some(Ending::Limit("reading it takes more decompression than the limit".to_owned()));
        }
        None
    }
}

/// Takes so much from what is left, if that much is left.
fn take(from: &AtomicU64, n: u64) -> bool {
    from.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(n)).is_ok()
}

/// Output that may be decoded again, beyond as much as there is, before it goes to a temporary file.
const REPEATS: u64 = 16 << 20;
/// Output behind the position of a decoder that is kept for readers that step back a little.
const BEHIND: usize = 512 << 10;
/// Room for output. What is behind moves to its beginning when it is full.
const ROOM: usize = 2 << 20;
/// Output that is decoded at once.
const PIECE: usize = 64 << 10;
/// Pages that were read far behind, where a pickle looks up its memo.
const PAGE: u64 = 4 << 10;
const PAGES: usize = 256;

struct Runner {
    decoder: Decoder,
    /// The last bytes of output stand in its first `filled` bytes.
    room: Vec<u8>,
    filled: usize,
    position: u64,
}

impl Runner {
    fn new(codec: Codec, source: &Content) -> Self {
        Runner { decoder: Decoder::new(codec, source.clone()), room: Vec::new(), filled: 0, position: 0 }
    }

    /// Offset of the first byte that is at hand.
    fn base(&self) -> u64 {
        self.position - self.filled as u64
    }

    fn behind(&self) -> &[u8] {
        self.room.get(..self.filled).unwrap_or(&[])
    }

    fn copy(&self, offset: u64, buf: &mut [u8]) -> usize {
        let from = usize::try_from(offset.wrapping_sub(self.base())).unwrap_or(usize::MAX);
        copy_from(self.behind(), from, buf)
    }
}

fn copy_from(held: &[u8], from: usize, buf: &mut [u8]) -> usize {
    let rest = held.get(from..).unwrap_or(&[]);
    let n = rest.len().min(buf.len());
    if let (Some(to), Some(from)) = (buf.get_mut(..n), rest.get(..n)) {
        to.copy_from_slice(from);
    }
    n
}

struct Pages(Vec<(u64, Vec<u8>)>);

struct State {
    /// Reads on from where it is; it alone meets the end.
    front: Runner,
    /// Reads again what lies behind.
    again: Option<Runner>,
    /// Bytes that came out again.
    repeated: u64,
    /// All that lies behind, once reading it again has cost enough.
    spill: Spill,
    pages: Pages,
    /// The length and how it came about, once the front has met the end.
    end: Option<(u64, Ending)>,
    /// A ceiling that reading again ran into.
    limited: Option<Ending>,
}

/// Output in a temporary file.
enum Spill {
    /// Not needed so far.
    Unused,
    /// All output up to the front.
    File(FileContent),
    /// There is no room for it.
    Full,
}

/// Decompressed content.
pub struct Inflated {
    codec: Codec,
    source: Content,
    head: Vec<u8>,
    state: Mutex<State>,
    budget: Arc<Budget>,
}

/// Length that is claimed while the true one is not known. Offsets in it stay far from overflow.
pub const UNKNOWN: u64 = 1 << 60;

impl Inflated {
    /// Decodes the beginning: all of it where it is no more than [`Limits::held`].
    pub fn open(
        codec: Codec,
        source: Content,
        limits: &Limits,
        budget: &Arc<Budget>,
    ) -> io::Result<Arc<Self>> {
        let mut state = State {
            front: Runner::new(codec, &source),
            again: None,
            repeated: 0,
            spill: Spill::Unused,
            pages: Pages(Vec::new()),
            end: None,
            limited: None,
        };
        let mut head = Vec::new();
        while (head.len() as u64) < limits.held && state.end.is_none() {
            state.advance(budget)?;
            head.extend_from_slice(state.front.behind());
            state.front.filled = 0;
        }
        Ok(Arc::new(Inflated { codec, source, head, state: Mutex::new(state), budget: Arc::clone(budget) }))
    }

    /// The compressed bytes.
    pub fn source(&self) -> &Content {
        &self.source
    }

    /// The form of the compressed bytes.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Decodes to the end. Afterwards the length is known.
    pub fn settle(&self) -> io::Result<(u64, Ending)> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some((len, ending)) = &state.end {
                return Ok((*len, state.limited.as_ref().unwrap_or(ending).clone()));
            }
            state.advance(&self.budget)?;
        }
    }

    /// As content, with the length as far as it is known.
    pub fn content(self: &Arc<Self>) -> Content {
        let end = self.state.lock().unwrap_or_else(PoisonError::into_inner).end.as_ref().map(|e| e.0);
        match end {
            // In memory as a whole: as a slice for those who can use one.
            Some(len) if len == self.head.len() as u64 => Content::new(Held(Arc::clone(self))),
            _ => Content::new(Arc::clone(self)),
        }
    }

    /// Reads again what lies behind the front.
    fn reread(&self, state: &mut State, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        if matches!(state.spill, Spill::Unused) && state.repeated > state.front.position + REPEATS {
            state.spill = self.spill(state.front.position)?;
            state.again = None;
        }
        if let Spill::File(file) = &state.spill {
            return file.read_at(offset, buf);
        }
        let small = buf.len() as u64 <= PAGE;
        let page = offset & !(PAGE - 1);
        if small
            && let Some((_, held)) = state.pages.0.iter().find(|(at, _)| *at == page)
            && offset + buf.len() as u64 <= page + held.len() as u64
        {
            return Ok(copy_from(held, (offset - page) as usize, buf));
        }
        let from = if small { page } else { offset };
        let usable = state.again.as_ref().is_some_and(|r| r.base() <= from);
        if !usable {
            state.again = Some(Runner::new(self.codec, &self.source));
        }
        let Some(runner) = state.again.as_mut() else { return Ok(0) };
        let until = offset + buf.len() as u64;
        let until = if small { until.max(page + PAGE) } else { until };
        while runner.position < until {
            let before = runner.position;
            let ending = runner.step(&self.budget, false)?;
            state.repeated += runner.position - before;
            match ending {
                None => {}
                Some(limit @ Ending::Limit(_)) => {
                    state.limited = Some(limit);
                    break;
                }
                Some(_) => break,
            }
        }
        let n = runner.copy(offset, buf);
        if small {
            let mut held = vec![0; PAGE as usize];
            let len = runner.copy(page, &mut held);
            held.truncate(len);
            if state.pages.0.len() >= PAGES {
                state.pages.0.remove(0);
            }
            state.pages.0.push((page, held));
        }
        Ok(n)
    }

    /// Decodes all up to the front once more, into a temporary file.
    fn spill(&self, front: u64) -> io::Result<Spill> {
        let Ok(mut file) = tempfile::tempfile().and_then(FileContent::new) else { return Ok(Spill::Full) };
        let mut runner = Runner::new(self.codec, &self.source);
        while runner.position < front {
            if runner.step(&self.budget, false)?.is_some() || !runner.append_to(&mut file, &self.budget) {
                return Ok(Spill::Full);
            }
        }
        Ok(Spill::File(file))
    }
}

impl Runner {
    /// Puts what the last step decoded behind the output that is there. False where there is no room.
    fn append_to(&self, file: &mut FileContent, budget: &Budget) -> bool {
        let fresh = self.position - file.len();
        let piece =
            self.behind().len().checked_sub(fresh as usize).and_then(|from| self.behind().get(from..));
        take(&budget.spilled, fresh) && piece.is_some_and(|piece| file.append(piece).is_ok())
    }

    /// Decodes a piece. `Some` at the end.
    fn step(&mut self, budget: &Budget, fresh: bool) -> io::Result<Option<Ending>> {
        if self.filled + PIECE > self.room.len() {
            if self.room.len() < ROOM {
                // Most content is small.
                self.room.resize((self.room.len() * 4).clamp(PIECE, ROOM), 0);
            } else {
                self.room.copy_within(self.filled - BEHIND..self.filled, 0);
                self.filled = BEHIND;
            }
        }
        let most = self.room.len().min(self.filled + PIECE);
        let n = self.decoder.read(self.room.get_mut(self.filled..most).unwrap_or(&mut []))?;
        self.filled += n;
        self.position += n as u64;
        if n == 0 {
            return Ok(Some(self.decoder.ending().cloned().unwrap_or(Ending::Clean)));
        }
        Ok(budget.spend(n as u64, fresh))
    }
}

impl State {
    fn advance(&mut self, budget: &Budget) -> io::Result<()> {
        let ending = self.front.step(budget, true)?;
        if let Spill::File(file) = &mut self.spill
            && !self.front.append_to(file, budget)
        {
            self.spill = Spill::Full;
        }
        if let Some(ending) = ending {
            self.end = Some((self.front.position, ending));
        }
        Ok(())
    }
}

impl ReadAt for Arc<Inflated> {
    fn len(&self) -> u64 {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.end.as_ref().map_or(UNKNOWN, |e| e.0)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        if offset < self.head.len() as u64 {
            done = copy_from(&self.head, offset as usize, buf);
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(rest) = buf.get_mut(done..).filter(|r| !r.is_empty()) {
            let at = offset + done as u64;
            if at < state.front.base() {
                let most = usize::try_from(state.front.base() - at).unwrap_or(usize::MAX).min(rest.len());
                // No more than the runner keeps behind it.
                let most = most.min(BEHIND / 2);
                let n = self.reread(&mut state, at, rest.get_mut(..most).unwrap_or(&mut []))?;
                if n == 0 {
                    break;
                }
                done += n;
                continue;
            }
            let n = state.front.copy(at, rest);
            if n > 0 {
                done += n;
            } else if state.end.is_some() {
                break;
            } else {
                state.advance(&self.budget)?;
            }
        }
        Ok(done)
    }
}

/// Decompressed content that is in memory as a whole.
struct Held(Arc<Inflated>);

impl ReadAt for Held {
    fn len(&self) -> u64 {
        self.0.head.len() as u64
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        Ok(copy_from(&self.0.head, from, buf))
    }
    fn as_slice(&self) -> Option<&[u8]> {
        Some(&self.0.head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn zlib(plain: &[u8]) -> Content {
        let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(plain).expect("a vector takes all");
        Content::from_bytes(out.finish().expect("a vector takes all"))
    }

    fn numbers(n: u32) -> Vec<u8> {
        (0..n).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
    }

    #[test]
    fn any_order_of_reading_sees_the_same_bytes() {
        let plain = numbers(2_000_000);
        let packed = zlib(&plain);
        let limits = Limits { held: 100_000, ..Limits::default() };
        let budget = Budget::new(packed.len(), &limits);
        let inflated = Inflated::open(Codec::Zlib, packed, &limits, &budget).expect("readable");
        let content = inflated.content();
        let check = |offset: usize, len: usize| {
            let got = content.read_range(offset as u64, len).expect("readable");
            let end = (offset + len).min(plain.len());
            assert!(got == plain[offset.min(end)..end], "{offset}+{len}");
        };
        for (offset, len) in [
            (0, 10),
            (99_990, 50),
            (5_000_000, 1 << 18),
            (4_999_990, 20),
            (3_000_000, 16),
            (3_000_100, 16),
            (2_000_000, 1 << 18),
            (6_000_000, 100),
            (1, 3),
            (7_999_990, 100),
            (150_000, 5_000_000),
        ] {
            check(offset, len);
        }
        assert_eq!(inflated.settle().expect("readable"), (8_000_000, Ending::Clean));
        check(1_000_000, 12);
    }

    #[test]
    fn going_back_again_and_again_decodes_no_more_than_a_few_times() {
        let plain = numbers(4_000_000);
        let packed = zlib(&plain);
        let ending = |spilled: u64| {
            let limits = Limits { held: 100_000, inflated: 128 << 20, spilled, ..Limits::default() };
            let budget = Budget::new(packed.len(), &limits);
            let inflated = Inflated::open(Codec::Zlib, packed.clone(), &limits, &budget).expect("readable");
            let content = inflated.content();
            for i in 0..600 {
                // Far ahead and far behind in turn, beyond what was read so far at times.
                let at = (i * 9_999_991 % (8_000_000 + i * 13_000)) & !7;
                let got = content.read_range(at as u64, 8).expect("readable");
                assert!(spilled < 8 << 20 || got == plain[at..at + 8], "{at}");
            }
            inflated.settle().expect("readable").1
        };
        assert_eq!(ending(64 << 20), Ending::Clean);
        assert!(matches!(ending(1 << 20), Ending::Limit(_)), "there is no room for it");
    }

    #[test]
    fn a_bomb_ends_at_the_ceiling() {
        let packed = zlib(&vec![0; 30_000_000]);
        let limits = Limits { held: 1000, ratio: 10, inflated_free: 1 << 20, ..Limits::default() };
        let budget = Budget::new(packed.len(), &limits);
        let most = (1 << 20) + 10 * packed.len() + PIECE as u64;
        let inflated = Inflated::open(Codec::Zlib, packed, &limits, &budget).expect("readable");
        let (len, ending) = inflated.settle().expect("readable");
        assert!(matches!(ending, Ending::Limit(_)), "{ending:?}");
        assert!(len <= most && most < 30_000_000, "{len}");
    }
}
