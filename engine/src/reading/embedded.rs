//! Pickles in base64 inside JSON: members of Stable-Baselines archives, which its loader decodes, and
//! whatever a notebook holds.

use std::io;
use std::ops::Range;

use memchr::memmem;

use crate::content::Content;
use crate::facts::MemberFault;
use crate::reading::job::{Disguise, Job, Place};
use crate::reading::json;
use crate::reading::work::{Conclusion, Scan, Task, When, fault};
use crate::rule::Rule;

/// Longest text that is looked through.
const TEXT: u64 = 256 << 20;
/// Names of codecs that are kept of one text.
const OTHERS: usize = 16;
/// Pickles in base64 in one text.
const MOST: usize = 10_000;

impl Scan<'_> {
    /// Looks through content that begins as JSON does, whatever else it may be.
    pub fn as_json(&mut self, job: &Job) -> io::Result<()> {
        if begins_json(&job.content, self.limits.window)? {
            let known = self.serialized_members(job)?;
            self.base64_pickles(job, &known)?;
            self.zarr_filters(job)?;
        }
        Ok(())
    }

    /// Leaves a value to be read as the base64 that it may be: Django's caches and fields for pickles keep them so, and
    /// `b64decode` drops what is not in the alphabet, so that any text is some bytes.
    pub fn as_base64(&mut self, job: &Job) -> io::Result<()> {
        /// Fewer groups of four hold no import that is called.
        const SHORTEST: usize = 8;
        let text = job.content.read_range(0, self.limits.held as usize)?;
        let bytes = base64(&text);
        if bytes.len() >= SHORTEST {
            let mut child = job.child("base64", Content::from_bytes(bytes));
            if !text.starts_with(b"gA") {
                child.place = Place::Hidden;
            }
            self.later(Task::Open(child));
        }
        Ok(())
    }

    /// The same content as a text in UTF-8, where it is JSON in an encoding that `json.loads` takes.
    pub fn json_text(&mut self, job: &Job) -> io::Result<Job> {
        let mut text = job.clone();
        match json::as_utf8(&job.content, self.limits.held as usize)? {
            Ok(content) => text.content = content,
            Err(most) => {
                let message = format!("JSON in UTF-16 or UTF-32 of more than {most} bytes");
                self.fault(&job.member, Rule::ResourceLimit, 0, message);
            }
        }
        Ok(text)
    }

    /// Zarr keeps arrays of objects as pickles where the metadata name that filter, in a file or in a database. Chunks in
    /// a codec that is read here are judged on their own; behind others nothing is seen. Chunks in `lzma` may be raw.
    fn zarr_filters(&mut self, job: &Job) -> io::Result<()> {
        let (mut pickle, mut zarr) = (None, false);
        let mut others = Vec::new();
        json::objects(&job.content, 0, self.limits.window, &["zarr_format", "id", "name"], |object| {
            zarr |= object.has("zarr_format");
            for id in object.texts("id").chain(object.texts("name")) {
                match id.trim_start_matches("numcodecs.") {
                    "pickle" => pickle = Some(object.at),
                    "gzip" | "zlib" | "bz2" | "zstd" | "bytes" | "default" | "regular" => {}
                    other if others.len() < OTHERS => others.push(other.to_owned()),
                    _ => {}
                }
            }
        })?;
        if let (true, Some(at), Some(other)) = (zarr, pickle, others.first()) {
            let message = format!(
                "chunks of this Zarr array are unpickled, and lie under `{}`, which is not read here",
                crate::escape::name(other)
            );
            self.fault(&job.member, Rule::ContainerUnreadable, at, message);
        }
        Ok(())
    }

    /// Looks for the values that Stable-Baselines unpickles: `json_to_data` takes the text under
    /// `":serialized:"` of any object. Names and values may be spelled with escapes.
    ///
    /// Returns where these values lie.
    pub fn serialized_members(&mut self, job: &Job) -> io::Result<Vec<Range<u64>>> {
        let mut values = Vec::new();
        let mut strings = Strings::new(&job.content, self.limits.window);
        let mut key = false;
        let mut found = 0;
        while let Some(string) = strings.next(if key { self.limits.held } else { 64 })? {
            if string.too_long && key {
                let message = format!("a pickle in base64 of more than {} bytes", self.limits.held);
                self.fault(&job.member, Rule::ResourceLimit, string.at, message);
            }
            if key {
                found += 1;
                let mut child = job.child(
                    &format!(":serialized:@0x{:x}", string.at),
                    Content::from_bytes(base64(&string.text)),
                );
                child.place = Place::Nested;
                child.disguise = None;
                let message = "a `:serialized:` value that reads as no pickle";
                let fault = fault(Rule::StreamMalformed, string.at, message);
                let faults = vec![MemberFault { member: job.member.clone(), fault }];
                let before = self.found;
                self.later(Task::Open(child));
                self.later(Task::Conclude(Conclusion { before, faults, when: When::Missing }));
                values.push(string.at..strings.at);
            }
            // The next string is its value, if a colon and nothing else stands between.
            key = string.text == b":serialized:" && strings.at_colon()?;
            if found >= MOST || strings.at > TEXT {
                let message = "a JSON text with more pickles, or longer, than the limit";
                self.fault(&job.member, Rule::ResourceLimit, string.at, message);
                break;
            }
        }
        Ok(values)
    }

    /// Looks for base64 that decodes to PROTO and a protocol (`gA`, and a letter from I to X) outside of
    /// the values that are `known`.
    pub fn base64_pickles(&mut self, job: &Job, known: &[Range<u64>]) -> io::Result<()> {
        const OPENING: &[u8] = b"gA";
        let mut at = 0;
        let mut found = 0;
        while at < TEXT && found < MOST {
            let bytes = job.content.read_range(at, self.limits.window)?;
            for i in memmem::find_iter(&bytes, OPENING) {
                let before = i.checked_sub(1).and_then(|i| bytes.get(i)).copied();
                let opens = before.is_none_or(|b| !in_alphabet(b) || b == b'n');
                if !opens || !matches!(bytes.get(i + 2), Some(b'I'..=b'X')) {
                    continue;
                }
                let start = at + i as u64;
                let next = known.partition_point(|value| value.end <= start);
                if known.get(next).is_some_and(|value| value.contains(&start)) {
                    continue;
                }
                let here = bytes.get(i..).unwrap_or(&[]);
                let decoded = match here.iter().position(|b| !in_alphabet(*b)) {
                    Some(end) => base64(here.get(..end).unwrap_or(&[])),
                    None => {
                        let text = job.content.read_range(start, self.limits.held as usize)?;
                        let end = text.iter().position(|b| !in_alphabet(*b)).unwrap_or(text.len());
                        base64(text.get(..end).unwrap_or(&[]))
                    }
                };
                if decoded.len() < 12 {
                    continue;
                }
                found += 1;
                let mut child = job.child(&format!("base64@0x{start:x}"), Content::from_bytes(decoded));
                child.place = Place::Hidden;
                child.disguise = Disguise::new("a pickle in base64 inside a text".to_owned());
                self.later(Task::Open(child));
            }
            if bytes.len() < self.limits.window {
                break;
            }
            at += (bytes.len() - 3) as u64;
        }
        Ok(())
    }
}

/// Whether the first byte that is no blank opens an object or an array.
fn begins_json(content: &Content, window: usize) -> io::Result<bool> {
    let (mut at, mut wanted) = (0, 64);
    loop {
        let bytes = content.read_range(at, wanted)?;
        match bytes.iter().find(|b| !b.is_ascii_whitespace()) {
            Some(first) => return Ok(matches!(first, b'{' | b'[')),
            None if bytes.is_empty() => return Ok(false),
            None => at += bytes.len() as u64,
        }
        wanted = window;
    }
}

fn in_alphabet(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=')
}

/// Decodes as `base64.b64decode` does by default: what is not in the alphabet is left out, and padding
/// that completes a group ends it.
pub(crate) fn base64(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut group, mut filled, mut pads) = (0u32, 0, 0);
    for b in text {
        let value = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' if filled >= 2 => {
                pads += 1;
                if filled + pads >= 4 {
                    return out;
                }
                continue;
            }
            _ => continue,
        };
        pads = 0;
        group = group << 6 | u32::from(value);
        filled += 1;
        if filled > 1 {
            let bits = (filled - 1) * 6 + 6 - (filled - 1) * 8;
            out.push((group >> bits & 0xff) as u8);
        }
        if filled == 4 {
            (group, filled) = (0, 0);
        }
    }
    out
}

/// The strings of a JSON text, keys and values alike, escapes undone.
struct Strings<'a> {
    content: &'a Content,
    at: u64,
    window: Vec<u8>,
    base: u64,
    size: usize,
}

struct JsonString {
    /// Offset of the opening quote.
    at: u64,
    text: Vec<u8>,
    too_long: bool,
}

impl<'a> Strings<'a> {
    fn new(content: &'a Content, size: usize) -> Self {
        Strings { content, at: 0, window: Vec::new(), base: 0, size }
    }

    /// What is at hand from the position on; empty at the end.
    fn ahead(&mut self) -> io::Result<&[u8]> {
        if self.at < self.base || self.at >= self.base + self.window.len() as u64 {
            self.window = self.content.read_range(self.at, self.size)?;
            self.base = self.at;
        }
        Ok(self.window.get((self.at - self.base) as usize..).unwrap_or(&[]))
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        let byte = self.ahead()?.first().copied();
        self.at += u64::from(byte.is_some());
        Ok(byte)
    }

    /// Whether a colon comes next; it is stepped over.
    fn at_colon(&mut self) -> io::Result<bool> {
        let mut colon = false;
        loop {
            match self.ahead()?.first() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => {}
                Some(b':') if !colon => colon = true,
                Some(b'"') => return Ok(colon),
                _ => return Ok(false),
            }
            self.at += 1;
        }
    }

    /// The next string, of which `most` bytes are kept.
    fn next(&mut self, most: u64) -> io::Result<Option<JsonString>> {
        loop {
            let ahead = self.ahead()?;
            if ahead.is_empty() {
                return Ok(None);
            }
            match memchr::memchr(b'"', ahead) {
                Some(i) => {
                    self.at += i as u64;
                    break;
                }
                None => self.at += ahead.len() as u64,
            }
        }
        let mut string = JsonString { at: self.at, text: Vec::new(), too_long: false };
        self.at += 1;
        loop {
            let ahead = self.ahead()?;
            let plain = memchr::memchr2(b'"', b'\\', ahead).unwrap_or(ahead.len());
            let room = (most as usize).saturating_sub(string.text.len());
            string.text.extend_from_slice(ahead.get(..plain.min(room)).unwrap_or(&[]));
            string.too_long |= plain > room;
            let stop = ahead.get(plain).copied();
            let empty = ahead.is_empty();
            self.at += plain as u64;
            match stop {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Some(string));
                }
                Some(_) => {
                    self.at += 1;
                    let escaped = self.escape()?;
                    string.text.extend(escaped);
                }
                None if empty => return Ok(Some(string)),
                None => {}
            }
        }
    }

    /// What follows a backslash. Only ASCII matters for names and base64.
    fn escape(&mut self) -> io::Result<Option<u8>> {
        Ok(match self.byte()? {
            Some(b'u') => {
                let mut code = 0u32;
                for _ in 0..4 {
                    let digit = self.byte()?.and_then(|b| char::from(b).to_digit(16));
                    code = code << 4 | digit.unwrap_or(0);
                }
                Some(u8::try_from(code).unwrap_or(b'?'))
            }
            Some(b'n') => Some(b'\n'),
            Some(b't') => Some(b'\t'),
            Some(b'b') => Some(8),
            Some(b'f') => Some(12),
            Some(b'r') => Some(b'\r'),
            other => other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded_as_python_does() {
        for (text, bytes) in [
            (&b"gASVBA=="[..], &b"\x80\x04\x95\x04"[..]),
            (b"gA SV\nBA==ignored", b"\x80\x04\x95\x04"),
            (b"YWI=", b"ab"),
            (b"YWJj", b"abc"),
            (b"=YWJj", b"abc"),
        ] {
            assert_eq!(base64(text), bytes, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn strings_are_found_across_windows() {
        let text = br#"{"a": "x\"y", ":\u0073erialized:": "gASV", "n": 1}"#;
        let content = Content::from_bytes(*text);
        for size in [1, 2, 7, 100] {
            let mut strings = Strings::new(&content, size);
            let mut seen = Vec::new();
            while let Some(string) = strings.next(64).expect("readable") {
                seen.push(String::from_utf8(string.text).expect("ASCII"));
            }
            assert_eq!(seen, ["a", "x\"y", ":serialized:", "gASV", "n"], "window {size}");
        }
    }
}
