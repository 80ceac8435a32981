//! Decompression, a piece at a time. What came out before a stream breaks stays: a loader that reads
//! in pieces has seen it too.

use std::io::{self, Read};

use flate2::FlushDecompress;
use lzma_rust2::{Action, LzmaStream, XzStream};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::content::Content;
use crate::reading::field::{u32_le, u64_le};
use crate::reading::sniff;

/// A compressed form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// gzip, members joined.
    Gzip,
    /// zlib.
    Zlib,
    /// Deflate without a wrapper: zip's method 8.
    Deflate,
    /// bzip2, streams joined.
    Bzip2,
    /// .xz, streams joined.
    Xz,
    /// .lzma with its header, streams joined.
    Lzma,
    /// .lz, members joined: liblzma takes it where the form is left open, as `lzma.open` leaves it.
    Lzip,
    /// Zip's method 14: properties in a header of zip's own.
    ZipLzma,
    /// LZ4 frames, joined.
    Lz4,
    /// Zstandard frames, joined.
    Zstd,
}

impl Codec {
    /// For reports.
    pub fn name(self) -> &'static str {
        match self {
            Codec::Gzip => "gzip",
            Codec::Zlib => "zlib",
            Codec::Deflate => "deflate",
            Codec::Bzip2 => "bzip2",
            Codec::Xz => "xz",
            Codec::Lzma | Codec::ZipLzma => "lzma",
            Codec::Lzip => "lzip",
            Codec::Lz4 => "lz4",
            Codec::Zstd => "zstd",
        }
    }

    /// Whether the decoder here takes all that the loaders' own does. The others lack rare filters, checks and
    /// versions of their form: where they break, liblzma or liblz4 may go on.
    pub fn complete(self) -> bool {
        !matches!(self, Codec::Xz | Codec::Lzip | Codec::Lz4)
    }
}

/// How a compressed stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// At the end of the compressed bytes.
    Clean,
    /// Before their end: bytes follow from this offset on.
    Trailing(u64),
    /// It broke off, or a checksum is wrong.
    Broken(String),
    /// It asks for more than a ceiling allows.
    Limit(String),
}

/// Memory that one decoder may take for its dictionary, in KiB: `xz -9` needs 64 MiB, and Python's
/// `lzma` no more.
const MEMORY: u32 = 160 << 10;

/// The dictionary that a .lzma stream gets whose header leaves its size open. Other decoders give it 4 GiB.
const OPEN_DICTIONARY: u32 = 128 << 20;

/// Largest window of Zstandard. libzstd refuses more unless told otherwise (`ZSTD_WINDOWLOG_LIMIT_DEFAULT`), and no
/// loader tells it.
const ZSTD_WINDOW: u64 = 128 << 20;

/// The shortest stream of .lzma.
const EMPTY_LZMA: usize = 18;

/// Streams that may stand one behind the other, whatever their size, and bytes for each further one: to begin a
/// decoder takes time.
const STREAMS: u64 = 20_000;
const BYTES_OF_STREAM: u64 = 1 << 10;

const LZ4_MAGIC: &[u8] = b"\x04\x22\x4d\x18";
const ZSTD_MAGIC: &[u8] = b"\x28\xb5\x2f\xfd";

/// Bytes that are read ahead for decoders that are fed.
const INPUT: usize = 64 << 10;
/// Bytes that are read ahead of a decoder that asks for a few; where it asks for more it gets them
/// without a detour. LZ4 is little else than copying.
const AHEAD: usize = 4 << 10;

/// Compressed bytes, buffered.
struct Input {
    source: Content,
    /// Offset in the source behind the buffer.
    at: u64,
    buffer: Vec<u8>,
    /// What is ahead in the buffer: from here to `end`.
    position: usize,
    end: usize,
    /// Kept for whoever can report it: decoders pass errors on in their own words.
    failure: Option<io::Error>,
}

impl Input {
    fn new(source: Content) -> Self {
        Input { source, at: 0, buffer: Vec::new(), position: 0, end: 0, failure: None }
    }

    fn consumed(&self) -> u64 {
        self.at - (self.end - self.position) as u64
    }

    fn ahead(&self) -> &[u8] {
        self.buffer.get(self.position..self.end).unwrap_or(&[])
    }

    /// At least `wanted` bytes ahead, fewer only at the end.
    fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        if self.end - self.position < wanted {
            self.refill(INPUT)?;
        }
        Ok(self.ahead())
    }

    /// Reads up to `more` bytes behind those that are ahead.
    fn refill(&mut self, more: usize) -> io::Result<()> {
        self.buffer.copy_within(self.position..self.end, 0);
        self.end -= self.position;
        self.position = 0;
        if self.buffer.len() < self.end + more {
            self.buffer.resize(self.end + more, 0);
        }
        if let Some(room) = self.buffer.get_mut(self.end..self.end + more) {
            let n = self.source.read_at(self.at, room)?;
            self.end += n;
            self.at += n as u64;
        }
        Ok(())
    }

    fn consume(&mut self, n: usize) {
        self.position = (self.position + n).min(self.end);
    }

    /// Puts bytes back that a decoder took and did not need.
    fn unread(&mut self, bytes: &[u8]) {
        if self.position >= bytes.len() {
            self.position -= bytes.len();
        } else {
            self.buffer = [bytes, self.ahead()].concat();
            self.position = 0;
            self.end = self.buffer.len();
        }
    }

    fn read_some(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.position == self.end {
            if buf.len() >= AHEAD {
                (self.position, self.end) = (0, 0);
                let n = self.source.read_at(self.at, buf)?;
                self.at += n as u64;
                return Ok(n);
            }
            self.refill(AHEAD)?;
        }
        let n = buf.len().min(self.end - self.position);
        if let (Some(to), Some(from)) = (buf.get_mut(..n), self.ahead().get(..n)) {
            to.copy_from_slice(from);
        }
        self.consume(n);
        Ok(n)
    }

    fn skip_zeros(&mut self) -> io::Result<()> {
        loop {
            let ahead = self.peek(1)?;
            let zeros = ahead.iter().take_while(|b| **b == 0).count();
            let all = zeros == ahead.len();
            if zeros == 0 {
                return Ok(());
            }
            self.consume(zeros);
            if !all {
                return Ok(());
            }
        }
    }

    /// Steps over streams of .lzma without content that are zeros only: a header (13) and what the range decoder
    /// begins with (5). What is padding to others is millions of them.
    fn skip_empty_lzma(&mut self) -> io::Result<()> {
        loop {
            let ahead = self.peek(EMPTY_LZMA)?;
            let zeros = ahead.iter().take_while(|b| **b == 0).count();
            let whole = zeros - zeros % EMPTY_LZMA;
            if whole == 0 {
                return Ok(());
            }
            self.consume(whole);
        }
    }

    /// Steps over a text and the NUL that ends it.
    fn skip_text(&mut self) -> io::Result<()> {
        loop {
            let ahead = self.peek(1)?;
            let end = memchr::memchr(0, ahead);
            let n = end.map_or(ahead.len(), |i| i + 1);
            self.consume(n);
            if end.is_some() || n == 0 {
                return Ok(());
            }
        }
    }

    fn skip(&mut self, n: u64) -> io::Result<()> {
        let ahead = (self.end - self.position) as u64;
        if n <= ahead {
            self.consume(n as usize);
        } else {
            self.at = self.at.saturating_add(n - ahead).min(self.source.len());
            (self.position, self.end) = (0, 0);
        }
        Ok(())
    }
}

impl Read for Input {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_some(buf).map_err(|error| {
            let copy = io::Error::new(error.kind(), "the source failed");
            self.failure = Some(error);
            copy
        })
    }
}

/// Decoders that are fed.
enum Fed {
    Flate(flate2::Decompress),
    Bzip2(bzip2::Decompress),
    Xz(Box<XzStream>),
    Lzma(Box<LzmaStream>),
}

/// One step of a fed decoder. `error` comes with what was made before it.
struct Fill {
    consumed: usize,
    produced: usize,
    ended: bool,
    error: Option<Ending>,
}

impl Fed {
    fn step(&mut self, input: &[u8], output: &mut [u8], last: bool) -> Fill {
        let counts = |fed: &Fed| match fed {
            Fed::Flate(d) => (d.total_in(), d.total_out()),
            Fed::Bzip2(d) => (d.total_in(), d.total_out()),
            Fed::Xz(d) => (d.total_in(), d.total_out()),
            Fed::Lzma(d) => (d.total_in(), d.total_out()),
        };
        let before = counts(self);
        let action = if last { Action::Finish } else { Action::Run };
        let (ended, error) = match self {
            Fed::Flate(d) => match d.decompress(input, output, FlushDecompress::None) {
                Ok(status) => (status == flate2::Status::StreamEnd, None),
                Err(error) => (false, Some(Ending::Broken(error.to_string()))),
            },
            Fed::Bzip2(d) => match d.decompress(input, output) {
                Ok(status) => (status == bzip2::Status::StreamEnd, None),
                Err(error) => (false, Some(Ending::Broken(error.to_string()))),
            },
            Fed::Xz(d) => Fed::lzma_result(d.process(input, output, action)),
            Fed::Lzma(d) => Fed::lzma_result(d.process(input, output, action)),
        };
        let after = counts(self);
        Fill {
            consumed: usize::try_from(after.0 - before.0).unwrap_or(0).min(input.len()),
            produced: usize::try_from(after.1 - before.1).unwrap_or(0).min(output.len()),
            ended,
            error,
        }
    }

    fn lzma_result(result: io::Result<lzma_rust2::StreamResult>) -> (bool, Option<Ending>) {
        match result {
            Ok(result) => (result.status == lzma_rust2::Status::StreamEnd, None),
            Err(error) if error.kind() == io::ErrorKind::OutOfMemory => {
                let message = large_dictionary(MEMORY >> 10);
                (false, Some(Ending::Limit(message)))
            }
            Err(error) => (false, Some(Ending::Broken(error.to_string()))),
        }
    }
}

enum Engine {
    /// Between two members, or before the first.
    Idle(Input),
    Fed(Input, Fed),
    Lz4(lz4_flex::frame::FrameDecoder<Input>),
    Zstd(Input, Box<FrameDecoder>),
    Over,
}

/// A compressed stream being read from its start.
pub struct Decoder {
    codec: Codec,
    engine: Engine,
    ending: Option<Ending>,
    /// Members that have been read to their end.
    members: u64,
    /// Where a further member began that has no magic: if it breaks, it was none.
    guessed: Option<u64>,
    /// Bytes behind the member under way that are stepped over.
    trailer: u64,
    /// Whether the member under way may go back further than its dictionary here reaches.
    capped: bool,
}

impl Decoder {
    /// Starts at the beginning of the compressed bytes.
    pub fn new(codec: Codec, source: Content) -> Self {
        Decoder {
            codec,
            engine: Engine::Idle(Input::new(source)),
            ending: None,
            members: 0,
            guessed: None,
            trailer: 0,
            capped: false,
        }
    }

    /// How the stream ended, once [`Decoder::read`] has returned 0.
    pub fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }

    /// The next bytes; 0 at the end, whichever it is. An error is one of the source.
    pub fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        while self.ending.is_none() && !output.is_empty() {
            let n = match std::mem::replace(&mut self.engine, Engine::Over) {
                Engine::Idle(input) => {
                    self.start(input)?;
                    0
                }
                Engine::Fed(input, fed) => self.feed(input, fed, output)?,
                Engine::Lz4(mut decoder) => match decoder.read(output) {
                    Ok(0) => {
                        self.idle(decoder.into_inner());
                        0
                    }
                    Ok(n) => {
                        self.engine = Engine::Lz4(decoder);
                        n
                    }
                    Err(error) => {
                        let input = decoder.into_inner();
                        self.broken(input, &error)?;
                        0
                    }
                },
                Engine::Zstd(input, decoder) => self.blocks(input, decoder, output)?,
                Engine::Over => {
                    self.ending.get_or_insert(Ending::Clean);
                    0
                }
            };
            if n > 0 {
                return Ok(n);
            }
        }
        Ok(0)
    }

    fn end(&mut self, ending: Ending) {
        let broken = matches!(ending, Ending::Broken(_));
        self.ending = Some(match self.guessed {
            Some(at) if broken => Ending::Trailing(at),
            _ => ending,
        });
        self.engine = Engine::Over;
    }

    fn idle(&mut self, input: Input) {
        self.members += 1;
        self.guessed = None;
        self.engine = Engine::Idle(input);
    }

    fn broken(&mut self, mut input: Input, error: &dyn std::fmt::Display) -> io::Result<()> {
        if let Some(failure) = input.failure.take() {
            return Err(failure);
        }
        self.end(Ending::Broken(error.to_string()));
        Ok(())
    }

    /// Begins a member, or ends where none follows.
    fn start(&mut self, mut input: Input) -> io::Result<()> {
        if self.members > 0 {
            if matches!(self.codec, Codec::Xz | Codec::Lzma | Codec::Lzip) {
                input.skip_empty_lzma()?;
            }
            // The header of .lzma may begin with a zero.
            let ahead = input.peek(EMPTY_LZMA)?;
            let header = sniff::is_lzma(ahead) && ahead.iter().take(EMPTY_LZMA).any(|b| *b != 0);
            if self.codec == Codec::Gzip || (self.codec == Codec::Xz && !header) {
                input.skip_zeros()?;
            }
            let at = input.consumed();
            let ahead = input.peek(16)?;
            // `lzma.open` finds out anew for each stream.
            let again = match self.codec {
                Codec::Xz | Codec::Lzma | Codec::Lzip => match of_liblzma(ahead) {
                    Some(codec) => {
                        self.codec = codec;
                        self.guessed = (codec == Codec::Lzma).then_some(at);
                        true
                    }
                    None => false,
                },
                Codec::Gzip => ahead.starts_with(b"\x1f\x8b"),
                Codec::Zlib => ahead.starts_with(b"\x78"),
                Codec::Bzip2 => ahead.starts_with(b"BZh"),
                Codec::Lz4 | Codec::Zstd => is_frame(ahead),
                Codec::Deflate | Codec::ZipLzma => false,
            };
            if !again {
                let ending = if ahead.is_empty() { Ending::Clean } else { Ending::Trailing(at) };
                self.end(ending);
                return Ok(());
            }
            let light = matches!(self.codec, Codec::Gzip | Codec::Zlib);
            if !light && self.members > STREAMS + at / BYTES_OF_STREAM {
                let message = format!("more than {STREAMS} streams of a few bytes one behind the other");
                self.end(Ending::Limit(message));
                return Ok(());
            }
        }
        let fed = match self.codec {
            Codec::Gzip => {
                let strict = skip_odd_gzip_header(&mut input)?;
                self.trailer = if strict { 0 } else { GZIP_TRAILER };
                Fed::Flate(if strict {
                    flate2::Decompress::new_gzip(15)
                } else {
                    flate2::Decompress::new(false)
                })
            }
            Codec::Zlib => Fed::Flate(flate2::Decompress::new(true)),
            Codec::Deflate => Fed::Flate(flate2::Decompress::new(false)),
            Codec::Bzip2 => Fed::Bzip2(bzip2::Decompress::new(false)),
            Codec::Xz => Fed::Xz(Box::new(XzStream::new_mem_limit(false, MEMORY))),
            Codec::Lzma => {
                let mut stream = LzmaStream::new_mem_limit(MEMORY, None);
                self.capped = begin_open_lzma(&mut stream, &mut input)?;
                Fed::Lzma(Box::new(stream))
            }
            Codec::ZipLzma | Codec::Lzip => match headed_lzma(self.codec, &mut input)? {
                Ok(stream) => {
                    self.trailer = if self.codec == Codec::Lzip { LZIP_TRAILER } else { 0 };
                    Fed::Lzma(Box::new(stream))
                }
                Err(ending) => {
                    self.end(ending);
                    return Ok(());
                }
            },
            Codec::Lz4 | Codec::Zstd => return self.start_frame(input),
        };
        self.engine = Engine::Fed(input, fed);
        Ok(())
    }

    /// Steps over skippable frames, and begins the one behind them.
    fn start_frame(&mut self, mut input: Input) -> io::Result<()> {
        loop {
            let ahead = input.peek(8)?;
            if let [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] = ahead {
                let n = u64::from(u32_le(ahead, 4).unwrap_or(0)) + 8;
                input.skip(n)?;
                continue;
            }
            // Which of the two a frame to skip stood before shows only now.
            if ahead.starts_with(LZ4_MAGIC) {
                self.codec = Codec::Lz4;
            } else if ahead.starts_with(ZSTD_MAGIC) {
                self.codec = Codec::Zstd;
            }
            if ahead.is_empty() {
                self.end(Ending::Clean);
            } else if self.codec == Codec::Lz4 {
                self.engine = Engine::Lz4(lz4_flex::frame::FrameDecoder::new(input));
            } else {
                return self.start_zstd(input);
            }
            return Ok(());
        }
    }

    fn start_zstd(&mut self, mut input: Input) -> io::Result<()> {
        let mut frame = FrameDecoder::new();
        frame.set_max_window_size(ZSTD_WINDOW);
        if let Err(error) = frame.init(&mut input) {
            return self.broken(input, &error);
        }
        self.engine = Engine::Zstd(input, Box::new(frame));
        Ok(())
    }

    /// Decodes block by block until something comes out.
    fn blocks(
        &mut self,
        mut input: Input,
        mut frame: Box<FrameDecoder>,
        output: &mut [u8],
    ) -> io::Result<usize> {
        while frame.can_collect() == 0 {
            if frame.is_finished() {
                let sums = (frame.get_checksum_from_data(), frame.get_calculated_checksum());
                if let (Some(stated), Some(sum)) = sums
                    && stated != sum
                {
                    self.end(Ending::Broken("a wrong checksum".to_owned()));
                } else {
                    self.idle(input);
                }
                return Ok(0);
            }
            if let Err(error) = frame.decode_blocks(&mut input, BlockDecodingStrategy::UptoBlocks(1)) {
                self.broken(input, &error)?;
                return Ok(0);
            }
        }
        let n = frame.read(output)?;
        self.engine = Engine::Zstd(input, frame);
        Ok(n)
    }

    fn feed(&mut self, mut input: Input, mut fed: Fed, output: &mut [u8]) -> io::Result<usize> {
        loop {
            let ahead = input.peek(1)?;
            let last = ahead.is_empty();
            let fill = fed.step(ahead, output, last);
            input.consume(fill.consumed);
            if let Some(ending) = fill.error {
                let far = self.capped
                    && matches!(&fed, Fed::Lzma(stream) if stream.total_out() >= u64::from(OPEN_DICTIONARY));
                self.end(if far { Ending::Limit(large_dictionary(OPEN_DICTIONARY >> 20)) } else { ending });
                return Ok(fill.produced);
            }
            if fill.ended {
                if let Fed::Lzma(stream) = &fed {
                    input.unread(stream.unused_input());
                }
                // Checksums and lengths, which are not compared.
                input.skip(std::mem::take(&mut self.trailer))?;
                self.idle(input);
                return Ok(fill.produced);
            }
            if fill.produced > 0 {
                self.engine = Engine::Fed(input, fed);
                return Ok(fill.produced);
            }
            if fill.consumed == 0 && last {
                self.end(Ending::Broken("it ends in the middle".to_owned()));
                return Ok(0);
            }
            if fill.consumed == 0 {
                // Nothing came out although there was room and input: the decoder will not go on.
                self.end(Ending::Broken("it cannot be decoded".to_owned()));
                return Ok(0);
            }
        }
    }
}

/// Which of the forms that liblzma tells apart begins here.
fn of_liblzma(ahead: &[u8]) -> Option<Codec> {
    match ahead {
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Codec::Xz),
        [b'L', b'Z', b'I', b'P', ..] => Some(Codec::Lzip),
        _ => sniff::is_lzma(ahead).then_some(Codec::Lzma),
    }
}

/// The magic of a frame of LZ4 or Zstandard, or of one to skip.
fn is_frame(ahead: &[u8]) -> bool {
    matches!(
        ahead,
        [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] | [0x04, 0x22, 0x4d, 0x18, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..]
    )
}

/// Checksum (4), length of the content (4).
const GZIP_TRAILER: u64 = 8;

/// Steps over a gzip header that zlib refuses and Python does not: `gzip._read_gzip_header` passes over the header's
/// checksum and knows no reserved flags. `true` where the header has neither, and nothing was stepped over.
fn skip_odd_gzip_header(input: &mut Input) -> io::Result<bool> {
    let [0x1f, 0x8b, 8, flags, ..] = *input.peek(10)? else { return Ok(true) };
    if flags & 0xe2 == 0 {
        return Ok(true);
    }
    input.skip(10)?;
    if flags & 4 != 0
        && let [low, high, ..] = *input.peek(2)?
    {
        input.skip(2 + u64::from(u16::from_le_bytes([low, high])))?;
    }
    for _ in [8, 16].iter().filter(|text| flags & **text != 0) {
        input.skip_text()?;
    }
    if flags & 2 != 0 {
        input.skip(2)?;
    }
    Ok(false)
}

fn large_dictionary(limit: u32) -> String {
    format!("its dictionary needs more than {limit} MiB")
}

/// Feeds a header of .lzma that leaves the size of the dictionary open, which liblzma takes and the decoder here does
/// not. Whether it was one.
fn begin_open_lzma(stream: &mut LzmaStream, input: &mut Input) -> io::Result<bool> {
    let [properties, 0xff, 0xff, 0xff, 0xff, ref rest @ ..] = *input.peek(13)? else { return Ok(false) };
    let Some(size) = u64_le(rest, 0) else { return Ok(false) };
    let header = [&[properties][..], &OPEN_DICTIONARY.to_le_bytes(), &size.to_le_bytes()].concat();
    let taken = stream.process(&header, &mut [], Action::Run).is_ok();
    if taken {
        input.consume(header.len());
    }
    Ok(taken)
}

/// Checksum (4), length of the content (8), length of the member (8).
const LZIP_TRAILER: u64 = 20;

fn headed_lzma(codec: Codec, input: &mut Input) -> io::Result<Result<LzmaStream, Ending>> {
    if codec == Codec::Lzip { lzip(input) } else { zip_lzma(input) }
}

/// The lzip manual, "File format": magic (4), version, coded size of the dictionary, then a stream with
/// the default properties (lc 3, lp 0, pb 2: 93) and an end mark.
fn lzip(input: &mut Input) -> io::Result<Result<LzmaStream, Ending>> {
    let [_, _, _, _, version, coded, ..] = *input.peek(6)? else {
        return Ok(Err(Ending::Broken("the lzip header is cut short".to_owned())));
    };
    // Version 0 has a shorter trailer; nobody writes it.
    if version != 1 || !(12..=29).contains(&(coded & 0x1f)) {
        return Ok(Err(Ending::Broken("an lzip header of unknown form".to_owned())));
    }
    let base = 1u32 << (coded & 0x1f);
    let dictionary = base - base / 16 * u32::from(coded >> 5);
    if dictionary > MEMORY << 10 {
        return Ok(Err(Ending::Limit(large_dictionary(MEMORY >> 10))));
    }
    input.consume(6);
    Ok(LzmaStream::new_with_props(u64::MAX, 93, dictionary, None)
        .map_err(|error| Ending::Broken(error.to_string())))
}

/// APPNOTE 5.8.8: version (2), size of the properties (2), properties (5), then the stream.
fn zip_lzma(input: &mut Input) -> io::Result<Result<LzmaStream, Ending>> {
    let broken = || Err(Ending::Broken("the LZMA header of the zip member is cut short".to_owned()));
    let ahead = input.peek(9)?;
    let [_, _, 5, 0, properties, rest @ ..] = ahead else { return Ok(broken()) };
    let Some(dictionary) = u32_le(rest, 0) else { return Ok(broken()) };
    let properties = *properties;
    if dictionary > MEMORY << 10 {
        return Ok(Err(Ending::Limit(large_dictionary(MEMORY >> 10))));
    }
    input.consume(9);
    Ok(LzmaStream::new_with_props(u64::MAX, properties, dictionary, None)
        .map_err(|error| Ending::Broken(error.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(codec: Codec, bytes: &[u8]) -> (Vec<u8>, Ending) {
        let mut decoder = Decoder::new(codec, Content::from_bytes(bytes));
        let mut out = Vec::new();
        let mut buf = [0; 300];
        loop {
            let n = decoder.read(&mut buf).expect("bytes in memory are readable");
            if n == 0 {
                return (out, decoder.ending().expect("it ended").clone());
            }
            out.extend_from_slice(&buf[..n]);
        }
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        use std::io::Write;
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        out.write_all(bytes).expect("a vector takes all");
        out.finish().expect("a vector takes all")
    }

    /// `lz4_flex` and `bzip2` can write; xz, lzma and zstd are held against Python's in the fixtures.
    fn samples(plain: &[u8]) -> Vec<(Codec, Vec<u8>)> {
        use std::io::Write;
        let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
        lz4.write_all(plain).expect("a vector takes all");
        let mut bz = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        bz.write_all(plain).expect("a vector takes all");
        let mut z = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        z.write_all(plain).expect("a vector takes all");
        vec![
            (Codec::Gzip, gzip(plain)),
            (Codec::Zlib, z.finish().expect("a vector takes all")),
            (Codec::Lz4, lz4.finish().expect("a vector takes all")),
            (Codec::Bzip2, bz.finish().expect("a vector takes all")),
        ]
    }

    #[test]
    fn members_are_joined_and_what_follows_is_told() {
        let plain: Vec<u8> = (0..5000u32).flat_map(|n| (n * 7).to_le_bytes()).collect();
        for (codec, packed) in samples(&plain) {
            assert_eq!(decode(codec, &packed), (plain.clone(), Ending::Clean), "{codec:?}");
            let twice = [packed.clone(), packed.clone()].concat();
            assert_eq!(decode(codec, &twice), ([&plain[..], &plain].concat(), Ending::Clean), "{codec:?}");
            let followed = [&packed[..], b"more"].concat();
            assert_eq!(
                decode(codec, &followed),
                (plain.clone(), Ending::Trailing(packed.len() as u64)),
                "{codec:?}"
            );
        }
    }

    #[test]
    fn what_came_before_a_break_is_kept() {
        let plain = vec![b'x'; 200_000];
        let mut packed = gzip(&plain);
        let n = packed.len();
        packed[n - 8] ^= 1;
        let (out, ending) = decode(Codec::Gzip, &packed);
        assert_eq!(out.len(), plain.len());
        assert!(matches!(ending, Ending::Broken(_)), "{ending:?}");
        let (out, ending) = decode(Codec::Gzip, &gzip(b"a short text")[..18]);
        assert!(b"a short text".starts_with(&out[..]) && !out.is_empty(), "{out:?}");
        assert!(matches!(ending, Ending::Broken(_)), "{ending:?}");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            for (codec, magic) in [
                (Codec::Gzip, &b"\x1f\x8b\x08"[..]), (Codec::Zlib, b"\x78\x9c"), (Codec::Deflate, b""),
                (Codec::Bzip2, b"BZh9"), (Codec::Xz, b"\xfd7zXZ\0"), (Codec::Lzma, b"\x5d\0\0\x80\0"),
                (Codec::ZipLzma, b"\0\0\x05\0\x5d"), (Codec::Lz4, b"\x04\x22\x4d\x18"), (Codec::Zstd, b"\x28\xb5\x2f\xfd"),
            ] {
                decode(codec, &[magic, &bytes].concat());
            }
        }
    }

    #[test]
    fn zeros_are_empty_streams_of_lzma_to_the_last() {
        // Written by `lzma.compress` of Python: .lzma whose header begins with a zero.
        let hello = b"\0\0\x10\0\0\xff\xff\xff\xff\xff\xff\xff\xff\0\x34\x1a\x72\x61\x72\x9f\xca\x3f\xff\xff\xaa\x3c\0\0";
        for zeros in [18, 36, 18 * 5000, 18 * 2_000_000] {
            let bytes = [&vec![0; zeros][..], hello].concat();
            assert_eq!(decode(Codec::Lzma, &bytes), (b"hello".to_vec(), Ending::Clean), "{zeros}");
            assert_eq!(decode(Codec::Lzma, &bytes[..zeros]), (Vec::new(), Ending::Clean), "{zeros}");
        }
        assert_eq!(decode(Codec::Lzma, &[0; 40]), (Vec::new(), Ending::Trailing(36)));
    }

    #[test]
    fn streams_of_a_few_bytes_have_an_end() {
        use std::io::Write;
        let mut one = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        one.write_all(b"N.").expect("a vector takes all");
        let one = one.finish().expect("a vector takes all");
        let many = |n: usize| decode(Codec::Bzip2, &one.repeat(n));
        assert_eq!(many(500), (b"N.".repeat(500), Ending::Clean));
        let (plain, ending) = many(22_000);
        assert!(matches!(ending, Ending::Limit(_)) && plain.len() > 40_000, "{ending:?} {}", plain.len());
    }
}
