//! Where content ends by its own account. Bytes behind that no viewer looks at, and a pickle may.

use std::io;

use crate::content::Content;
use crate::reading::field::{bytes, u32_le, u64_le};
use crate::reading::sniff::Ended;

/// Offset behind the content, `None` where it does not say or is broken.
pub fn end(kind: Ended, content: &Content) -> io::Result<Option<u64>> {
    let mut walk = Walk { content, at: 0, window: Vec::new(), base: 0, steps: STEPS };
    let end = match kind {
        Ended::Png => walk.png()?,
        Ended::Jpeg => walk.jpeg()?,
        Ended::Gif => walk.gif()?,
        Ended::Bmp => u32_le(&content.read_range(0, 6)?, 2).map(u64::from),
        Ended::Riff => u32_le(&content.read_range(0, 8)?, 4).map(|n| 8 + u64::from(n) + u64::from(n % 2)),
        Ended::Gguf => walk.gguf()?,
        Ended::Safetensors => walk.safetensors()?,
    };
    Ok(end.filter(|end| *end <= content.len()))
}

/// Records that are walked over. Files that need more are larger than anything honest.
const STEPS: u32 = 4_000_000;

/// A walk over records, through a window.
struct Walk<'a> {
    content: &'a Content,
    at: u64,
    window: Vec<u8>,
    base: u64,
    steps: u32,
}

const WINDOW: usize = 64 << 10;

impl Walk<'_> {
    /// The next `n` bytes, fewer at the end or when the steps are spent. `n` is no more than a window.
    fn take(&mut self, n: usize) -> io::Result<&[u8]> {
        self.steps = self.steps.saturating_sub(1);
        let held = self.at >= self.base && self.at + n as u64 <= self.base + self.window.len() as u64;
        if !held {
            self.window =
                if self.steps == 0 { Vec::new() } else { self.content.read_range(self.at, WINDOW)? };
            self.base = self.at;
        }
        let from = (self.at - self.base) as usize;
        let taken = self.window.get(from..self.window.len().min(from + n)).unwrap_or(&[]);
        self.at += taken.len() as u64;
        Ok(taken)
    }

    fn skip(&mut self, n: u64) {
        self.at = self.at.saturating_add(n).min(self.content.len());
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        Ok(self.take(1)?.first().copied())
    }

    fn u32(&mut self) -> io::Result<Option<u32>> {
        Ok(u32_le(self.take(4)?, 0))
    }

    fn u64(&mut self) -> io::Result<Option<u64>> {
        Ok(u64_le(self.take(8)?, 0))
    }

    fn png(&mut self) -> io::Result<Option<u64>> {
        self.skip(8);
        loop {
            let head = self.take(8)?;
            let Some(length) = bytes(head, 0).map(u32::from_be_bytes) else { return Ok(None) };
            let behind = u64::from(length) + 4;
            if head.get(4..8) == Some(b"IEND") {
                return Ok(Some(self.at + behind));
            }
            self.skip(behind);
        }
    }

    fn jpeg(&mut self) -> io::Result<Option<u64>> {
        self.skip(2);
        loop {
            // Segments until a scan, then its bytes until the next marker.
            if self.byte()? != Some(0xff) {
                return Ok(None);
            }
            let marker = loop {
                match self.byte()? {
                    Some(0xff) => {}
                    Some(marker) => break marker,
                    None => return Ok(None),
                }
            };
            match marker {
                0xd9 => return Ok(Some(self.at)),
                0x01 | 0xd0..=0xd7 => continue,
                _ => {}
            }
            let Some(length) = bytes(self.take(2)?, 0).map(u16::from_be_bytes) else { return Ok(None) };
            self.skip(u64::from(length).saturating_sub(2));
            if marker == 0xda && !self.scan()? {
                return Ok(None);
            }
        }
    }

    /// Steps over the bytes of a scan, to the marker behind it.
    fn scan(&mut self) -> io::Result<bool> {
        loop {
            let start = self.at;
            let bytes = self.take(WINDOW)?;
            if bytes.len() < 2 {
                return Ok(false);
            }
            let marker = |i: &usize| !matches!(bytes.get(i + 1), None | Some(0 | 0xd0..=0xd7 | 0xff));
            let found = memchr::memchr_iter(0xff, bytes).find(marker);
            let n = bytes.len();
            match found {
                Some(i) => {
                    self.at = start + i as u64;
                    return Ok(true);
                }
                // The last byte may be half of a marker.
                None => self.at = start + n as u64 - 1,
            }
        }
    }

    fn gif(&mut self) -> io::Result<Option<u64>> {
        let table = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
        let Some(flags) = self.take(13)?.get(10).copied() else { return Ok(None) };
        self.skip(table(flags));
        loop {
            match self.byte()? {
                Some(0x3b) => return Ok(Some(self.at)),
                Some(0x21) => self.skip(1),
                Some(0x2c) => {
                    let Some(flags) = self.take(9)?.get(8).copied() else { return Ok(None) };
                    self.skip(table(flags) + 1);
                }
                _ => return Ok(None),
            }
            loop {
                match self.byte()? {
                    Some(0) => break,
                    Some(n) => self.skip(u64::from(n)),
                    None => return Ok(None),
                }
            }
        }
    }

    /// <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>
    fn gguf(&mut self) -> io::Result<Option<u64>> {
        self.skip(4);
        let Some(2 | 3) = self.u32()? else { return Ok(None) };
        let (Some(tensors), Some(pairs)) = (self.u64()?, self.u64()?) else { return Ok(None) };
        let mut alignment = 32;
        for _ in 0..pairs {
            let Some(key) = self.string()? else { return Ok(None) };
            let Some(kind) = self.u32()? else { return Ok(None) };
            let at = self.at;
            if !self.gguf_value(kind)? {
                return Ok(None);
            }
            if key == b"general.alignment" && kind == 4 {
                let stated = u32_le(&self.content.read_range(at, 4)?, 0).unwrap_or(0);
                alignment = u64::from(stated).clamp(1, 1 << 20);
            }
        }
        let mut end = 0;
        for _ in 0..tensors {
            if self.string()?.is_none() {
                return Ok(None);
            }
            let Some(dims @ 0..=8) = self.u32()? else { return Ok(None) };
            let mut elements: u64 = 1;
            for _ in 0..dims {
                let Some(n) = self.u64()? else { return Ok(None) };
                elements = elements.saturating_mul(n);
            }
            let (Some(kind), Some(offset)) = (self.u32()?, self.u64()?) else { return Ok(None) };
            let Some((block, size)) = ggml_type(kind) else { return Ok(None) };
            end = end.max(offset.saturating_add(elements.div_ceil(block).saturating_mul(size)));
        }
        Ok(Some(self.at.next_multiple_of(alignment).saturating_add(end)))
    }

    /// A GGUF string, cut at what a key needs.
    fn string(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some(n) = self.u64()? else { return Ok(None) };
        let behind = self.at.saturating_add(n);
        if behind > self.content.len() {
            return Ok(None);
        }
        let text = self.take(n.min(64) as usize)?.to_vec();
        self.at = behind;
        Ok(Some(text))
    }

    /// Steps over a value. Arrays of arrays do not occur, and are not followed.
    fn gguf_value(&mut self, kind: u32) -> io::Result<bool> {
        let fixed = |kind| match kind {
            0 | 1 | 7 => Some(1),
            2 | 3 => Some(2),
            4..=6 => Some(4),
            10..=12 => Some(8),
            _ => None,
        };
        match (kind, fixed(kind)) {
            (_, Some(size)) => self.skip(size),
            (8, _) => return Ok(self.string()?.is_some()),
            (9, _) => {
                let (Some(of), Some(n)) = (self.u32()?, self.u64()?) else { return Ok(false) };
                match (of, fixed(of)) {
                    (_, Some(size)) => self.skip(n.saturating_mul(size)),
                    (8, _) => {
                        for _ in 0..n {
                            if self.string()?.is_none() {
                                return Ok(false);
                            }
                        }
                    }
                    _ => return Ok(false),
                }
            }
            _ => return Ok(false),
        }
        Ok(self.at < self.content.len())
    }

    /// Eight bytes of length, a JSON header, and tensors at the `data_offsets` that it gives.
    fn safetensors(&mut self) -> io::Result<Option<u64>> {
        const KEY: &[u8] = b"\"data_offsets\"";
        let Some(length) = self.u64()? else { return Ok(None) };
        let data = length.saturating_add(8);
        let mut end = 0;
        while self.at < data {
            let start = self.at;
            let n = (data - start).min(WINDOW as u64) as usize;
            let window = self.take(n)?;
            if window.is_empty() {
                return Ok(None);
            }
            let n = window.len();
            let finder = memchr::memmem::find_iter(window, KEY);
            let mut resume = None;
            for i in finder {
                let value = window.get(i + KEY.len()..).unwrap_or(&[]);
                let value = value.get(..64).unwrap_or(value);
                match last_offset(value) {
                    Some(offset) => end = end.max(offset),
                    // The pair is cut by the window: read on from the key.
                    None if start + (n as u64) < data && i > 0 => {
                        resume = Some(start + i as u64);
                        break;
                    }
                    None => return Ok(None),
                }
            }
            let overlap = if start + (n as u64) < data { KEY.len().min(n - 1) } else { 0 };
            self.at = resume.unwrap_or(start + (n - overlap) as u64);
        }
        Ok(Some(data.saturating_add(end)))
    }
}

/// The second number of `:[a,b]`, blanks allowed.
fn last_offset(text: &[u8]) -> Option<u64> {
    let end = text.iter().position(|b| *b == b']')?;
    let inside = std::str::from_utf8(text.get(..end)?).ok()?;
    inside.rsplit(',').next()?.trim().parse().ok()
}

/// Elements and bytes of a block of a ggml type.
fn ggml_type(kind: u32) -> Option<(u64, u64)> {
    Some(match kind {
        0 | 26 => (1, 4),
        1 | 25 | 30 => (1, 2),
        24 => (1, 1),
        27 | 28 => (1, 8),
        2 => (32, 18),
        3 => (32, 20),
        6 => (32, 22),
        7 => (32, 24),
        8 => (32, 34),
        9 => (32, 36),
        10 => (256, 84),
        11 => (256, 110),
        12 => (256, 144),
        13 => (256, 176),
        14 => (256, 210),
        15 => (256, 292),
        16 => (256, 66),
        17 => (256, 74),
        18 => (256, 98),
        19 => (256, 50),
        20 => (32, 18),
        21 => (256, 110),
        22 => (256, 82),
        23 => (256, 136),
        29 => (256, 56),
        34 => (256, 54),
        35 => (256, 66),
        39 => (32, 17),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end_of(kind: Ended, bytes: &[u8]) -> Option<u64> {
        end(kind, &Content::from_bytes(bytes)).expect("readable")
    }

    #[test]
    fn what_is_appended_lies_behind_the_end() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\x02IHDRabcccc\0\0\0\0IENDcccc".to_vec();
        let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xda\0\x02data\xff\0data\xff\xd0more\xff\xd9".to_vec();
        let gif = b"GIF89a\x01\0\x01\0\x80\0\0RGBRGB\x2c\0\0\0\0\x01\0\x01\0\0\x02\x01a\0\x3b".to_vec();
        let bmp = b"BM\x14\0\0\0\0\0\0\0\x1a\0\0\0\x0c\0\0\0ab".to_vec();
        let riff = b"RIFF\x05\0\0\0WAVEx\0".to_vec();
        let header = b"{\"a\":{\"shape\":[1],\"data_offsets\":[ 0, 4]}}  ";
        let tensors = [&(header.len() as u64).to_le_bytes()[..], header, b"dddd"].concat();
        let mut gguf = b"GGUF\x03\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0".to_vec();
        gguf.extend(b"\x01\0\0\0\0\0\0\0k\x08\0\0\0\x02\0\0\0\0\0\0\0vv");
        gguf.extend(b"\x01\0\0\0\0\0\0\0w\x01\0\0\0\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        gguf.resize(gguf.len().next_multiple_of(32), 0);
        gguf.extend([7; 12]);
        for (kind, file) in [
            (Ended::Png, png),
            (Ended::Jpeg, jpeg),
            (Ended::Gif, gif),
            (Ended::Bmp, bmp),
            (Ended::Riff, riff),
            (Ended::Safetensors, tensors),
            (Ended::Gguf, gguf),
        ] {
            let whole = [&file[..], b"\x80\x04N."].concat();
            assert_eq!(end_of(kind, &whole), Some(file.len() as u64), "{kind:?}");
            for cut in 0..file.len() {
                assert_eq!(end_of(kind, &file[..cut]), None, "{kind:?} cut at {cut}");
            }
        }
    }
}
