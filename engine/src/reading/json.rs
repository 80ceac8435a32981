//! The objects of a JSON text, one by one as they end, without a tree of them: configuration is read as text that a
//! parser would take, whatever else it holds, and never run.

use std::io;

use crate::content::Content;

/// Longest string of which all is kept, in bytes.
pub const STRING: usize = 64 << 10;
/// Objects and arrays inside one another; Python's parser gives up much earlier.
const DEPTH: usize = 100_000;

/// An object that has ended: of the members that were asked for, those whose value is a text, in order, and the names
/// of the others.
#[derive(Debug, Default)]
pub struct Object {
    /// Offset of its brace.
    pub at: u64,
    /// Names and texts. A name may be there twice, and parsers part on which holds.
    pub texts: Vec<(String, String)>,
    /// Names of members that are objects, arrays, numbers or words.
    pub others: Vec<String>,
    /// Names of members that are arrays, and the texts in them.
    pub items: Vec<(String, String)>,
}

impl Object {
    /// Every text under this name.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = move |member: &&(String, String)| member.0 == name;
        self.texts.iter().filter(named).map(|(_, text)| text.as_str())
    }

    /// Every text in an array of this name.
    pub fn items(&self, name: &str) -> impl Iterator<Item = &str> {
        self.items.iter().filter(move |item| item.0 == name).map(|(_, text)| text.as_str())
    }

    /// Whether it has a member of this name.
    pub fn has(&self, name: &str) -> bool {
        self.texts(name).next().is_some() || self.others.iter().any(|other| other == name)
    }
}

/// What of a text was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It ended, or went on as no JSON does: offset behind it.
    At(u64),
    /// It is nested deeper than is followed.
    Deep(u64),
}

enum Frame {
    /// An object, and the name that waits for its value.
    Object(Object, Option<String>),
    /// An array: the name it has in the object around it, where that was asked for.
    Array(Option<String>),
}

/// How `json.loads` takes bytes (CPython 3.13, Lib/json/__init__.py, `detect_encoding`): width of a unit, and whether its
/// low byte comes first. `None` for UTF-8.
fn encoding(head: &[u8]) -> Option<(usize, bool)> {
    match head {
        [0xff, 0xfe, 0, 0, ..] => Some((4, true)),
        [0, 0, 0xfe, 0xff, ..] => Some((4, false)),
        [0xff, 0xfe, ..] => Some((2, true)),
        [0xfe, 0xff, ..] => Some((2, false)),
        [0, 0, _, _, ..] => Some((4, false)),
        [0, _, ..] => Some((2, false)),
        [_, 0, 0, 0, ..] => Some((4, true)),
        [_, 0, ..] => Some((2, true)),
        _ => None,
    }
}

/// The text of an encoded part, what is no character replaced.
fn decoded(bytes: &[u8], (width, low_first): (usize, bool)) -> String {
    let unit = |chunk: &[u8]| {
        let add = |n: u32, b: &u8| n << 8 | u32::from(*b);
        if low_first { chunk.iter().rev().fold(0, add) } else { chunk.iter().fold(0, add) }
    };
    let units = bytes.chunks_exact(width).map(unit);
    let text: String = match width {
        4 => units.map(|n| char::from_u32(n).unwrap_or(char::REPLACEMENT_CHARACTER)).collect(),
        _ => char::decode_utf16(units.map(|n| n as u16))
            .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect(),
    };
    text.trim_start_matches('\u{feff}').to_owned()
}

/// Content as UTF-8 without a byte order mark, where it is JSON that opens an object or an array in another encoding
/// that `json.loads` takes. `Err` where it is longer than `most` bytes.
pub fn as_utf8(content: &Content, most: usize) -> io::Result<Result<Content, u64>> {
    const HEAD: usize = 64;
    let head = content.read_range(0, HEAD)?;
    let Some(encoding) = encoding(&head) else {
        return Ok(Ok(match head.starts_with(b"\xef\xbb\xbf") {
            true => content.slice(3..u64::MAX),
            false => content.clone(),
        }));
    };
    // Most bytes with a zero near their beginning are no text at all.
    let begins = decoded(&head, encoding);
    if !matches!(begins.trim_start().chars().next(), Some('{' | '[') | None) {
        return Ok(Ok(content.clone()));
    }
    let bytes = content.read_range(0, most)?;
    if bytes.len() as u64 != content.len() && bytes.len() == most {
        return Ok(Err(most as u64));
    }
    Ok(Ok(Content::from_bytes(decoded(&bytes, encoding).into_bytes())))
}

/// Reads the text that begins at an offset with a brace or a bracket, and hands out each object with its members of the
/// names that are asked for. All of these are kept, however many there are.
pub fn objects(
    content: &Content,
    at: u64,
    window: usize,
    asked: &[&str],
    mut each: impl FnMut(Object),
) -> io::Result<End> {
    let asked = |name: &str| asked.contains(&name);
    let mut input = Input { content, window, bytes: Vec::new(), base: at, at: 0 };
    let mut frames: Vec<Frame> = Vec::new();
    let mut text: Option<String> = None;
    loop {
        let position = input.position();
        let Some(b) = input.next()? else { return Ok(End::At(position)) };
        match b {
            b' ' | b'\t' | b'\n' | b'\r' => {}
            b'"' => match input.string()? {
                Some(string) => {
                    if let [.., Frame::Object(object, _), Frame::Array(Some(name))] = frames.as_mut_slice() {
                        object.items.push((name.clone(), string.clone()));
                    }
                    text = Some(string);
                }
                None => return Ok(End::At(input.position())),
            },
            b':' => match (frames.last_mut(), text.take()) {
                (Some(Frame::Object(_, waiting)), Some(name)) => *waiting = Some(name),
                _ => return Ok(End::At(position)),
            },
            b',' => settle(&mut frames, &mut text, asked),
            b'{' | b'[' => {
                if frames.len() >= DEPTH {
                    return Ok(End::Deep(position));
                }
                let name = match frames.last() {
                    Some(Frame::Object(_, Some(name))) if b == b'[' && asked(name) => Some(name.clone()),
                    _ => None,
                };
                frames.push(match b {
                    b'{' => Frame::Object(Object { at: position, ..Object::default() }, None),
                    _ => Frame::Array(name),
                });
            }
            b'}' | b']' => {
                settle(&mut frames, &mut text, asked);
                match (frames.pop(), b) {
                    (Some(Frame::Object(object, _)), b'}') => each(object),
                    (Some(Frame::Array(..)), b']') => {}
                    _ => return Ok(End::At(position)),
                }
                if frames.is_empty() {
                    return Ok(End::At(position + 1));
                }
            }
            b'-' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'.' | b'+' => {}
            _ => return Ok(End::At(position)),
        }
    }
}

/// Takes a member whose value has ended, if its name is asked for.
fn settle(frames: &mut [Frame], text: &mut Option<String>, asked: impl Fn(&str) -> bool) {
    let text = text.take();
    let Some(Frame::Object(object, waiting)) = frames.last_mut() else { return };
    if let Some(name) = waiting.take().filter(|name| asked(name)) {
        match text {
            Some(text) => object.texts.push((name, text)),
            None => object.others.push(name),
        }
    }
}

struct Input<'a> {
    content: &'a Content,
    window: usize,
    bytes: Vec<u8>,
    /// Offset of the first of these bytes, and which of them is next.
    base: u64,
    at: usize,
}

impl Input<'_> {
    fn position(&self) -> u64 {
        self.base + self.at as u64
    }

    fn next(&mut self) -> io::Result<Option<u8>> {
        if self.at >= self.bytes.len() {
            self.base = self.position();
            self.at = 0;
            self.bytes = self.content.read_range(self.base, self.window)?;
        }
        let b = self.bytes.get(self.at).copied();
        self.at += usize::from(b.is_some());
        Ok(b)
    }

    /// A string whose quote has been read. `None` where it does not end.
    fn string(&mut self) -> io::Result<Option<String>> {
        let mut text = Vec::new();
        loop {
            let Some(b) = self.next()? else { return Ok(None) };
            let b = match b {
                b'"' => return Ok(Some(String::from_utf8_lossy(&text).into_owned())),
                b'\\' => match self.next()? {
                    Some(b'u') => {
                        let mut code = 0;
                        for _ in 0..4 {
                            let digit = self.next()?.and_then(|b| char::from(b).to_digit(16));
                            code = code << 4 | digit.unwrap_or(0);
                        }
                        let letter = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                        if text.len() < STRING {
                            text.extend(letter.encode_utf8(&mut [0; 4]).bytes());
                        }
                        continue;
                    }
                    Some(b'b') => 8,
                    Some(b'f') => 12,
                    Some(b'n') => b'\n',
                    Some(b'r') => b'\r',
                    Some(b't') => b'\t',
                    Some(other) => other,
                    None => return Ok(None),
                },
                b => b,
            };
            if text.len() < STRING {
                text.push(b);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, window: usize) -> Vec<String> {
        let mut out = Vec::new();
        let content = Content::from_bytes(text.as_bytes());
        objects(&content, 0, window, &["a", "b", "class", "f", "n", "z"], |o| {
            out.push(format!("{:?} {:?} {:?}", o.texts, o.others, o.items));
        })
        .expect("bytes in memory are readable");
        out
    }

    #[test]
    fn objects_come_as_they_end() {
        let text = r#"{"a": 1, "b": {"cl\u0061ss": "x\ty", "n": [NaN, {"z": null}], "o": 1}, "f": ["code", null, "d"]} "#;
        for window in [1, 3, 100] {
            assert_eq!(
                told(text, window),
                [
                    r#"[] ["z"] []"#,
                    r#"[("class", "x\ty")] ["n"] []"#,
                    r#"[] ["a", "b", "f"] [("f", "code"), ("f", "d")]"#,
                ]
            );
        }
    }

    #[test]
    fn what_is_asked_for_is_kept_behind_whatever_else() {
        let filling: String = (0..1000).map(|i| format!("\"k{i}\": \"x\", ")).collect();
        let told = told(&format!("{{{filling}\"a\": \"b\"}}"), 100);
        assert_eq!(told, [r#"[("a", "b")] [] []"#]);
    }

    #[test]
    fn text_is_taken_in_every_encoding_that_json_loads_takes() {
        let utf16 = |text: &str| text.encode_utf16().collect::<Vec<_>>();
        let big: Vec<u8> = utf16("{\"\u{e9}\"}").iter().flat_map(|n| n.to_be_bytes()).collect();
        let little: Vec<u8> = utf16("\u{feff}{\"\u{e9}\"}").iter().flat_map(|n| n.to_le_bytes()).collect();
        let wide: Vec<u8> = "{\"\u{e9}\"}".chars().flat_map(|c| (c as u32).to_le_bytes()).collect();
        for bytes in [&big, &little, &wide, &"\u{feff}{\"\u{e9}\"}".as_bytes().to_vec()] {
            let text = as_utf8(&Content::from_bytes(bytes.clone()), 100).expect("readable").expect("short");
            assert_eq!(text.as_slice(), Some("{\"\u{e9}\"}".as_bytes()), "{}", bytes.escape_ascii());
        }
        // Noise, and what is too long.
        let noise = as_utf8(&Content::from_bytes([0, 1, 2, 3]), 100).expect("readable").expect("as it is");
        assert_eq!(noise.as_slice(), Some(&[0, 1, 2, 3][..]));
        assert!(as_utf8(&Content::from_bytes(big), 4).expect("readable").is_err());
    }

    #[test]
    fn what_is_no_json_ends_it() {
        assert_eq!(told("{\"a\": \"b\"}\0{}", 9), [r#"[("a", "b")] [] []"#]);
        for text in ["{\"a\" \0", "{]", "[}", "{\"a", "{:", ""] {
            assert!(told(text, 2).is_empty(), "{text}");
        }
        let deep = "[".repeat(DEPTH + 1);
        let end = objects(&Content::from_bytes(deep.as_bytes()), 0, 4096, &[], |_| {}).expect("readable");
        assert_eq!(end, End::Deep(DEPTH as u64));
    }
}
