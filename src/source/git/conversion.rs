//! What a checkout makes of stored bytes: line ends, `$Id$`, encodings and filters, as
//! `.gitattributes` ask for them.
//!
//! What follows from attributes is described in gitattributes(5) and was tried against git itself, see the tests.
//! One file, since each step is made of what the one before it left, in git's order.

use std::io::{self, Write};

use crate::source::blob::Checkout;
use crate::source::git::object::ObjectId;
use fickgate_engine::content::{Content, FileContent};
use fickgate_engine::facts::FileFault;
use fickgate_engine::path::BlobPath;
use fickgate_engine::rule::Rule;

/// The attributes that change content on its way to the disk, in the order they are asked for.
pub(in crate::source) const NAMES: [&str; 7] =
    ["text", "crlf", "eol", "ident", "working-tree-encoding", "filter", "export-subst"];
/// Content up to this size, in bytes, is converted in memory; line ends of larger ones through a file without a name.
const LONGEST: u64 = 64 << 20;
/// Git looks for a NUL in this many bytes at first, which tells most of what is no text.
const FIRST: usize = 8000;
/// Bytes of a large file that are converted at once.
const WINDOW: usize = 1 << 20;

/// What a checkout does to a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(in crate::source) struct Conversion {
    line_ends: LineEnds,
    ident: bool,
    /// `working-tree-encoding`.
    encoding: Option<String>,
    /// A filter that is none of those whose pointers are understood.
    filter: Option<String>,
    /// `export-subst`: `git archive`, and downloads made with it, fill in what commits say.
    substituted: bool,
    /// A folder whose attributes count too, where a system takes it for that of the file.
    shared: Option<String>,
}

/// What becomes of LF.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum LineEnds {
    /// What the machine is set to: CRLF in what looks like text where it has `core.autocrlf=true`, as Git for
    /// Windows comes with. What protects a file from that is not asked for: attributes outside of the tree outrank
    /// those in it, and no honest file needs it.
    #[default]
    Machine,
    /// The same, for attributes ask for it.
    Text,
    /// CRLF in what looks like text, on every machine.
    CrlfInText,
    /// CRLF, in whatever it is, on machines with such line ends.
    Any,
    /// CRLF, in whatever it is.
    Crlf,
}

impl LineEnds {
    /// Whether some machine leaves them.
    fn may_stay(self) -> bool {
        matches!(self, LineEnds::Machine | LineEnds::Text | LineEnds::Any)
    }

    /// Whether only what looks like text is converted.
    fn of_text(self) -> bool {
        matches!(self, LineEnds::Machine | LineEnds::Text | LineEnds::CrlfInText)
    }
}

impl Conversion {
    /// From the values of [`NAMES`].
    pub(in crate::source) fn of(values: &[Vec<u8>]) -> Conversion {
        let value = |name: &str| {
            let at = NAMES.iter().position(|n| *n == name);
            at.and_then(|i| values.get(i)).map_or(&b"unspecified"[..], Vec::as_slice)
        };
        // A value that git does not know counts as none.
        let known = |value: &'_ [u8]| matches!(value, b"set" | b"unset" | b"auto" | b"input");
        let text = match value("text") {
            text if known(text) => text,
            _ => value("crlf"),
        };
        // Without `eol`, the machine decides.
        let line_ends = match (text, value("eol")) {
            (b"unset", _) | (_, b"lf") | (b"input", b"unspecified") => LineEnds::Machine,
            (b"auto", b"crlf") => LineEnds::CrlfInText,
            (b"auto", _) => LineEnds::Text,
            (_, b"crlf") => LineEnds::Crlf,
            (b"set" | b"input", _) => LineEnds::Any,
            _ => LineEnds::Machine,
        };
        let named = |name: &str| match value(name) {
            b"unspecified" | b"unset" | b"set" | b"" => None,
            value => Some(String::from_utf8_lossy(value).into_owned()),
        };
        let encoding = named("working-tree-encoding")
            .filter(|e| !e.eq_ignore_ascii_case("utf-8") && !e.eq_ignore_ascii_case("utf8"));
        let filter = named("filter").filter(|f| f != "lfs" && f != "annex");
        let (ident, substituted) = (value("ident") == b"set", value("export-subst") == b"set");
        Conversion { line_ends, ident, encoding, filter, substituted, shared: None }
    }

    /// Whether attributes change nothing.
    fn is_plain(&self) -> bool {
        *self == Conversion::default()
    }

    /// What a checkout makes of the blob `id`; `None` where it stays as it is.
    fn apply(&self, path: &BlobPath, content: &Content, id: ObjectId) -> io::Result<Option<Checkout>> {
        let unknown = |message: String| {
            let help =
                "take the attribute away from this path in .gitattributes, or store the file without it";
            Ok(Some(Checkout::Unknown(Box::new(FileFault {
                rule: Rule::CheckoutDiffers,
                path: path.clone(),
                message,
                help: help.to_owned(),
            }))))
        };
        if let Some(folder) = &self.shared {
            let folder = fickgate_engine::escape::terminal(folder);
            return Ok(Some(Checkout::Unknown(Box::new(FileFault {
                rule: Rule::CheckoutDiffers,
                path: path.clone(),
                message: format!(
                    "systems that tell no case apart take its folder and {folder} for one, with the attributes of \
                     both, so what a checkout holds was not judged"
                ),
                help: "spell the folder in one way in every path".to_owned(),
            }))));
        }
        if let Some(filter) = &self.filter {
            let filter = fickgate_engine::escape::terminal(filter);
            return unknown(format!(
                "the filter {filter} decides what a checkout holds, which was not judged"
            ));
        }
        if self.substituted && !keeps_its_form(content)? {
            return unknown("git archive replaces $Format:...$ in it by what commits say".to_owned());
        }
        let rewritten = self.ident || self.encoding.is_some();
        let asked = self.line_ends != LineEnds::Machine;
        if content.len() > LONGEST {
            if rewritten && !looks_binary(content)? {
                return unknown(
                    "attributes change this file in a checkout, and it is too large to judge".to_owned(),
                );
            }
            let converted = to_crlf_through_a_file(content, self.line_ends)?;
            return Ok(converted.map(|content| held(vec![content], "CRLF line ends", asked)));
        }
        if !rewritten && self.line_ends.of_text() && !may_convert_by_itself(content)? {
            return Ok(None);
        }
        let stored = content.read_range(0, LONGEST as usize)?;
        let (mut bytes, mut how) = (stored, "");
        if self.ident
            && let Some(expanded) = expand_ident(&bytes, id)
        {
            (bytes, how) = (expanded, "$Id$ expanded");
        }
        let expanded = !how.is_empty();
        let asked = asked || expanded || self.encoding.is_some();
        // On one machine the line ends stay, on another they do not; what follows is made of both.
        let mut versions = Vec::new();
        let converted = to_crlf(&bytes, self.line_ends);
        if (self.line_ends.may_stay() || converted.is_none()) && (expanded || self.encoding.is_some()) {
            versions.push(bytes);
        }
        if let Some(converted) = converted {
            versions.push(converted);
            how = if how.is_empty() || !self.line_ends.may_stay() { "CRLF line ends" } else { how };
        }
        let Some(encoding) = &self.encoding else {
            let contents: Vec<Content> = versions.into_iter().map(Content::from_bytes).collect();
            return Ok((!contents.is_empty()).then(|| held(contents, how, asked)));
        };
        let mut contents = Vec::new();
        for version in versions {
            let Ok(text) = std::str::from_utf8(&version) else {
                // Git leaves what is no UTF-8 as it is, and says so.
                contents.push(Content::from_bytes(version));
                continue;
            };
            let Some(written) = encoded(text, encoding) else {
                let encoding = fickgate_engine::escape::terminal(encoding);
                return unknown(format!(
                    "a checkout holds it in the encoding {encoding}, which was not judged"
                ));
            };
            contents.extend(written.into_iter().map(Content::from_bytes));
            how = "another encoding";
        }
        Ok((!how.is_empty()).then(|| held(contents, how, asked)))
    }
}

fn held(contents: Vec<Content>, how: &'static str, asked: bool) -> Checkout {
    Checkout::Bytes { contents, how, asked }
}

/// What checkouts make of a file. Git compares the names in attributes without case where `core.ignorecase` is set,
/// as it is on Windows and macOS: one conversion, or two that are not the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(in crate::source) struct Conversions(Vec<Conversion>);

impl Conversions {
    pub(in crate::source) fn of(both: [Conversion; 2]) -> Conversions {
        let mut both = Vec::from(both);
        both.dedup();
        match both.as_slice() {
            [one] if one.is_plain() => Conversions::default(),
            _ => Conversions(both),
        }
    }

    /// Of a file whose folder is taken for another one that may hold attributes.
    pub(in crate::source) fn shared(folder: &str) -> Conversions {
        Conversions(vec![Conversion { shared: Some(folder.to_owned()), ..Conversion::default() }])
    }

    /// Whether attributes change nothing on any machine.
    pub(in crate::source) fn is_plain(&self) -> bool {
        self.0.is_empty()
    }

    /// What checkouts make of the blob `id`, where that is something else.
    pub(in crate::source) fn apply(
        &self,
        path: &BlobPath,
        content: &Content,
        id: ObjectId,
    ) -> io::Result<Vec<Checkout>> {
        let plain = [Conversion::default()];
        let each = if self.0.is_empty() { &plain[..] } else { &self.0 };
        let mut found = Vec::new();
        for conversion in each {
            found.extend(conversion.apply(path, content, id)?);
        }
        Ok(found)
    }
}

/// The text as `working-tree-encoding` has a checkout write it; `None` for an encoding that is not known here.
/// Without a byte order in the name, machines differ.
fn encoded(text: &str, encoding: &str) -> Option<Vec<Vec<u8>>> {
    let name = encoding.to_ascii_uppercase();
    let name = name
        .strip_prefix("UTF")
        .map_or(name.clone(), |rest| format!("UTF-{}", rest.strip_prefix('-').unwrap_or(rest)));
    let units16 = |big: bool, mark: bool| -> Vec<u8> {
        let mark = mark.then_some('\u{feff}').into_iter().map(|c| c as u16);
        let units = mark.chain(text.encode_utf16());
        units.flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
    };
    let units32 = |big: bool, mark: bool| -> Vec<u8> {
        let units = mark.then_some('\u{feff}').into_iter().chain(text.chars()).map(u32::from);
        units.flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
    };
    Some(match name.as_str() {
        "UTF-16LE" => vec![units16(false, false)],
        "UTF-16BE" => vec![units16(true, false)],
        "UTF-16LE-BOM" => vec![units16(false, true)],
        "UTF-16BE-BOM" => vec![units16(true, true)],
        "UTF-16" => vec![units16(false, true), units16(true, true)],
        "UTF-32LE" => vec![units32(false, false)],
        "UTF-32BE" => vec![units32(true, false)],
        "UTF-32" => vec![units32(false, true), units32(true, true)],
        "US-ASCII" | "ASCII" if text.is_ascii() => vec![text.as_bytes().to_vec()],
        "ISO-8859-1" | "LATIN1" | "ISO8859-1" => {
            vec![text.chars().map(u8::try_from).collect::<Result<_, _>>().ok()?]
        }
        _ => return None,
    })
}

/// Whether no text in the places of its `$Format:...$` makes a file of it that a loader reads. What `git archive`
/// puts there are words of commits and names of refs, of any length: never a NUL.
fn keeps_its_form(content: &Content) -> io::Result<bool> {
    if !contains(content, b"$Format:")? {
        return Ok(true);
    }
    if content.len() > LONGEST {
        return Ok(false);
    }
    let bytes = content.read_range(0, LONGEST as usize)?;
    let at = memchr::memmem::find(&bytes, b"$Format:").unwrap_or_default();
    // Text begins and ends no archive, and no compressed stream; tar reads blocks of 512 bytes, the first of
    // which is a header; and a pickle is read from its first byte, which is then one that begins none.
    let text = std::str::from_utf8(&bytes)
        .is_ok_and(|text| !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')));
    let no_tar = at >= 512 || bytes.len() < 256;
    let no_pickle = bytes.first().is_some_and(|first| at > 0 && !begins_a_pickle(*first));
    Ok(text && no_tar && no_pickle)
}

/// Whether the byte is an opcode, so that a pickle may begin with it.
fn begins_a_pickle(byte: u8) -> bool {
    byte >= 0x80 || b"()].}012FIJKLMNPQRSTUVXabcdeghijlopqrstuBCG".contains(&byte)
}

/// Whether the bytes occur in the content.
fn contains(content: &Content, wanted: &[u8]) -> io::Result<bool> {
    let mut at = 0;
    while at < content.len() {
        let window = content.read_range(at, 1 << 20)?;
        if memchr::memmem::find(&window, wanted).is_some() {
            return Ok(true);
        }
        // What is cut by the end of one window is whole in the next.
        at += (window.len() as u64).saturating_sub(wanted.len() as u64).max(1);
    }
    Ok(false)
}

/// A NUL in the first few thousand bytes.
fn looks_binary(content: &Content) -> io::Result<bool> {
    Ok(memchr::memchr(0, &content.read_range(0, FIRST)?).is_some())
}

/// Whether the first few thousand bytes leave it open that git takes the content for text with LF line ends.
fn may_convert_by_itself(content: &Content) -> io::Result<bool> {
    Ok(memchr::memchr2(0, b'\r', &content.read_range(0, FIRST)?).is_none())
}

/// The text with every bare LF made CRLF; `None` where git would leave it.
fn to_crlf(text: &[u8], line_ends: LineEnds) -> Option<Vec<u8>> {
    memchr::memchr(b'\n', text)?;
    if line_ends.of_text() && !converts_by_itself(text) {
        return None;
    }
    let mut out = Vec::with_capacity(text.len() + text.len() / 16 + 16);
    let changed = add_crlf(text, None, &mut out);
    changed.then_some(out)
}

/// Appends the text with every bare LF made CRLF, and tells whether there was one. `before` is what stands before it.
fn add_crlf(text: &[u8], before: Option<u8>, out: &mut Vec<u8>) -> bool {
    let (mut changed, mut from) = (false, 0);
    for at in memchr::memchr_iter(b'\n', text) {
        let line = text.get(from..at).unwrap_or_default();
        out.extend_from_slice(line);
        if line.last().copied().or(if at == 0 { before } else { Some(b'\n') }) != Some(b'\r') {
            out.push(b'\r');
            changed = true;
        }
        out.push(b'\n');
        from = at + 1;
    }
    out.extend_from_slice(text.get(from..).unwrap_or_default());
    changed
}

/// The same for content that is not held in memory.
fn to_crlf_through_a_file(content: &Content, line_ends: LineEnds) -> io::Result<Option<Content>> {
    if line_ends.of_text() {
        if !may_convert_by_itself(content)? {
            return Ok(None);
        }
        let mut counts = Counts::default();
        for window in content.pieces(WINDOW) {
            if !counts.add(&window?) {
                return Ok(None);
            }
        }
        if !counts.are_of_text() {
            return Ok(None);
        }
    }
    let mut file = tempfile::tempfile()?;
    let (mut changed, mut before) = (false, None);
    let mut out = Vec::with_capacity(2 * WINDOW);
    for window in content.pieces(WINDOW) {
        let window = window?;
        out.clear();
        changed |= add_crlf(&window, before, &mut out);
        file.write_all(&out)?;
        before = window.last().copied();
    }
    match changed {
        true => FileContent::new(file).map(Content::new).map(Some),
        false => Ok(None),
    }
}

/// What git takes for text with LF line ends: no NUL, no CR, and few control characters.
fn converts_by_itself(text: &[u8]) -> bool {
    let mut counts = Counts::default();
    counts.add(text) && counts.are_of_text()
}

/// What git counts to tell text.
#[derive(Default)]
struct Counts {
    printable: u64,
    other: u64,
    last: u8,
}

impl Counts {
    /// Counts more bytes; false where one of them is in no such text.
    fn add(&mut self, text: &[u8]) -> bool {
        if memchr::memchr2(0, b'\r', text).is_some() {
            return false;
        }
        let controls = text.iter().filter(|byte| matches!(byte, 0x01..=0x1f | 0x7f)).count() as u64;
        let harmless = text.iter().filter(|byte| matches!(byte, 0x08 | b'\t' | 0x1b | 0x0c)).count() as u64;
        let ends = text.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.other += controls - harmless - ends;
        self.printable += text.len() as u64 - controls + harmless;
        self.last = text.last().copied().unwrap_or(self.last);
        true
    }

    fn are_of_text(&self) -> bool {
        // An end-of-file mark of old systems does not count.
        let other = if self.last == 0x1a { self.other.saturating_sub(1) } else { self.other };
        self.printable >> 7 >= other
    }
}

/// The text with `$Id$` and `$Id: ...$` made to name the blob; `None` where there is none.
fn expand_ident(text: &[u8], id: ObjectId) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() + 64);
    let mut changed = false;
    let mut rest = text;
    while let Some(at) = memchr::memmem::find(rest, b"$Id") {
        let (before, keyword) = rest.split_at(at);
        out.extend_from_slice(before);
        let behind = match keyword.get(3) {
            Some(b'$') => keyword.get(4..),
            Some(b':') => expanded(keyword),
            _ => None,
        };
        match behind {
            Some(behind) => {
                out.extend_from_slice(format!("$Id: {id} $").as_bytes());
                changed = true;
                rest = behind;
            }
            None => {
                let (mark, behind) = keyword.split_at(3);
                out.extend_from_slice(mark);
                rest = behind;
            }
        }
    }
    out.extend_from_slice(rest);
    changed.then_some(out)
}

/// What stands behind `$Id: ... $`, if that is a keyword which git itself expanded: on one line, one word.
fn expanded(keyword: &[u8]) -> Option<&[u8]> {
    let inside = keyword.get(4..)?;
    let end = memchr::memchr(b'$', inside)?;
    let (word, behind) = inside.split_at(end);
    if memchr::memchr(b'\n', word).is_some() {
        return None;
    }
    // A space anywhere but at both ends is another system's.
    let space = word.get(1..).and_then(|w| memchr::memchr(b' ', w)).map(|at| at + 1);
    if space.is_some_and(|at| at + 1 < word.len()) {
        return None;
    }
    behind.get(1..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Conversion {
        let value = |name: &&str| {
            let found = pairs.iter().find(|(n, _)| n == name);
            found.map_or("unspecified", |(_, v)| v).as_bytes().to_vec()
        };
        Conversion::of(&NAMES.iter().map(value).collect::<Vec<_>>())
    }

    #[test]
    fn line_ends_follow_text_and_eol() {
        assert!(of(&[]).is_plain());
        assert!(of(&[("text", "unset"), ("eol", "crlf")]).is_plain(), "binary wins over eol");
        assert!(of(&[("text", "set"), ("eol", "lf")]).is_plain());
        assert!(of(&[("text", "auto"), ("eol", "lf")]).is_plain());
        assert_eq!(of(&[("text", "auto")]).line_ends, LineEnds::Text);
        assert_eq!(of(&[("text", "auto"), ("eol", "crlf")]).line_ends, LineEnds::CrlfInText);
        assert_eq!(of(&[("text", "set")]).line_ends, LineEnds::Any, "some machine does");
        assert_eq!(of(&[("eol", "crlf")]).line_ends, LineEnds::Crlf);
        assert_eq!(of(&[("crlf", "set")]).line_ends, LineEnds::Any, "the name of old");
        assert!(of(&[("crlf", "set"), ("text", "unset")]).is_plain());
        assert!(of(&[("filter", "lfs"), ("text", "unset")]).is_plain());
        assert!(!of(&[("filter", "crypt")]).is_plain());
    }

    #[test]
    fn text_is_what_git_takes_for_text() {
        let auto = |text: &[u8]| to_crlf(text, LineEnds::CrlfInText);
        assert_eq!(auto(b"a\nb\n").as_deref(), Some(&b"a\r\nb\r\n"[..]));
        assert_eq!(auto(b"a\r\nb\n"), None, "a CR anywhere");
        assert_eq!(auto(b"a\0\n"), None, "a NUL anywhere");
        assert_eq!(auto(b"a\x02\n"), None, "control characters");
        assert_eq!(auto(b"no line end"), None);
        let always = |text: &[u8]| to_crlf(text, LineEnds::Crlf);
        assert_eq!(always(b"\x80\x02\n\r\n\0").as_deref(), Some(&b"\x80\x02\r\n\r\n\0"[..]));
        assert_eq!(always(b"\n\n\r\n").as_deref(), Some(&b"\r\n\r\n\r\n"[..]));
    }

    #[test]
    fn large_files_are_converted_as_small_ones_are() {
        let mut text = vec![b'a'; WINDOW - 1];
        text.extend(b"\n\nb\n");
        text.extend(vec![b'c'; WINDOW - 5]);
        text.extend(b"\n\nlast");
        let mut mixed = text.clone();
        mixed[WINDOW - 2] = b'\r';
        for (text, line_ends) in
            [(&text, LineEnds::Machine), (&text, LineEnds::Crlf), (&mixed, LineEnds::Crlf)]
        {
            let content = Content::from_bytes(text.as_slice());
            let made = to_crlf_through_a_file(&content, line_ends).expect("a file").expect("converted");
            let made = made.read_range(0, 4 * WINDOW).expect("bytes");
            assert!(Some(made) == to_crlf(text, line_ends));
        }
        let content = Content::from_bytes(mixed);
        assert!(
            to_crlf_through_a_file(&content, LineEnds::Machine).expect("a file").is_none(),
            "a CR far inside"
        );
    }

    #[test]
    fn what_one_machine_leaves_and_another_converts_is_told_in_both_ways() {
        let id = ObjectId::from_hex(&[b'1'; 40]).expect("a name");
        let made = |conversion: Conversion, text: &str| -> Vec<Vec<u8>> {
            match conversion
                .apply(&BlobPath::new("x"), &Content::from_bytes(text.as_bytes()), id)
                .expect("memory")
            {
                Some(Checkout::Bytes { contents, .. }) => {
                    contents.iter().map(|content| content.read_range(0, 1 << 10).expect("bytes")).collect()
                }
                _ => Vec::new(),
            }
        };
        assert_eq!(made(of(&[]), "a\n"), [b"a\r\n"]);
        assert_eq!(made(of(&[("working-tree-encoding", "ASCII")]), "a\n"), [&b"a\n"[..], b"a\r\n"]);
        assert_eq!(made(of(&[("working-tree-encoding", "ASCII"), ("eol", "crlf")]), "a\n"), [b"a\r\n"]);
        assert_eq!(made(of(&[("ident", "set")]), "$Id$\n").len(), 2);
        assert!(made(of(&[]), "a").is_empty());
    }
}
