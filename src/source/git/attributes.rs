//! What a checkout makes of stored bytes: line ends, `$Id$`, encodings and filters, as
//! `.gitattributes` ask for them.
//!
//! Which attributes a path has is asked of git. What follows from them is described in gitattributes(5)
//! and was tried against git itself, see the tests.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout};

use crate::source::blob::Checkout;
use crate::source::git::command::{Ended, Git};
use crate::source::git::object::ObjectId;
use fickgate_engine::content::Content;
use fickgate_engine::facts::FileFault;
use fickgate_engine::path::BlobPath;
use fickgate_engine::rule::Rule;

/// The attributes that change content on its way to the disk, in the order they are asked for.
const NAMES: [&str; 7] = ["text", "crlf", "eol", "ident", "working-tree-encoding", "filter", "export-subst"];
/// Content up to this size, in bytes, is converted in memory.
const LONGEST: u64 = 64 << 20;
/// Paths are asked for in portions that a pipe takes at once, so that neither side waits for the other.
const PORTION: usize = 16 << 10;

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
}

/// What becomes of LF.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum LineEnds {
    #[default]
    Kept,
    /// CRLF, in what looks like text only.
    CrlfInText,
    /// CRLF, in whatever it is.
    Crlf,
}

impl Conversion {
    /// From the values of [`NAMES`]. `autocrlf` says whether this machine converts by default.
    fn of(values: &[Vec<u8>], autocrlf: bool) -> Conversion {
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
        // Without `eol`, the machine decides: what some machine does is done here.
        let line_ends = match (text, value("eol")) {
            (b"unset", _) | (_, b"lf") | (b"input", b"unspecified") => LineEnds::Kept,
            (b"auto", _) => LineEnds::CrlfInText,
            (b"set" | b"input", _) | (_, b"crlf") => LineEnds::Crlf,
            _ if autocrlf => LineEnds::CrlfInText,
            _ => LineEnds::Kept,
        };
        let named = |name: &str| match value(name) {
            b"unspecified" | b"unset" | b"set" | b"" => None,
            value => Some(String::from_utf8_lossy(value).into_owned()),
        };
        let encoding = named("working-tree-encoding")
            .filter(|e| !e.eq_ignore_ascii_case("utf-8") && !e.eq_ignore_ascii_case("utf8"));
        let filter = named("filter").filter(|f| f != "lfs" && f != "annex");
        let (ident, substituted) = (value("ident") == b"set", value("export-subst") == b"set");
        Conversion { line_ends, ident, encoding, filter, substituted }
    }

    /// Whether a checkout holds what is stored, whatever it is.
    pub(in crate::source) fn is_none(&self) -> bool {
        *self == Conversion::default()
    }

    /// What a checkout makes of the blob `id`; `None` where it stays as it is.
    pub(in crate::source) fn apply(
        &self,
        path: &BlobPath,
        content: &Content,
        id: ObjectId,
    ) -> io::Result<Option<Checkout>> {
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
        if let Some(filter) = &self.filter {
            let filter = fickgate_engine::escape::terminal(filter);
            return unknown(format!(
                "the filter {filter} decides what a checkout holds, which was not judged"
            ));
        }
        if self.substituted && !keeps_its_form(content)? {
            return unknown("git archive replaces $Format:...$ in it by what commits say".to_owned());
        }
        if content.len() > LONGEST {
            let text = self.ident || self.encoding.is_some() || self.line_ends == LineEnds::CrlfInText;
            return match self.line_ends == LineEnds::Crlf || (text && !looks_binary(content)?) {
                true => unknown(
                    "attributes change this file in a checkout, and it is too large to judge".to_owned(),
                ),
                false => Ok(None),
            };
        }
        let stored = content.read_range(0, LONGEST as usize)?;
        let mut bytes = stored;
        let (mut how, mut changed) = ("", false);
        if self.ident
            && let Some(expanded) = expand_ident(&bytes, id)
        {
            (bytes, how, changed) = (expanded, "$Id$ expanded", true);
        }
        if let Some(converted) = to_crlf(&bytes, self.line_ends) {
            (bytes, how, changed) = (converted, "CRLF line ends", true);
        }
        if let Some(encoding) = &self.encoding {
            let Ok(text) = std::str::from_utf8(&bytes) else {
                // Git leaves what is no UTF-8 as it is, and says so.
                return Ok(
                    changed.then(|| Checkout::Bytes { contents: vec![Content::from_bytes(bytes)], how })
                );
            };
            let Some(written) = encoded(text, encoding) else {
                let encoding = fickgate_engine::escape::terminal(encoding);
                return unknown(format!(
                    "a checkout holds it in the encoding {encoding}, which was not judged"
                ));
            };
            let contents = written.into_iter().map(Content::from_bytes).collect();
            return Ok(Some(Checkout::Bytes { contents, how: "another encoding" }));
        }
        Ok(changed.then(|| Checkout::Bytes { contents: vec![Content::from_bytes(bytes)], how }))
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
    Ok(memchr::memchr(0, &content.read_range(0, 8000)?).is_some())
}

/// The text with every bare LF made CRLF; `None` where git would leave it.
fn to_crlf(text: &[u8], line_ends: LineEnds) -> Option<Vec<u8>> {
    if line_ends == LineEnds::Kept || (line_ends == LineEnds::CrlfInText && !converts_by_itself(text)) {
        return None;
    }
    let mut out = Vec::with_capacity(text.len() + text.len() / 32 + 16);
    let mut changed = false;
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\n', rest) {
        let (line, next) = rest.split_at(at);
        out.extend_from_slice(line);
        if out.last() != Some(&b'\r') {
            out.push(b'\r');
            changed = true;
        }
        out.push(b'\n');
        rest = next.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    changed.then_some(out)
}

/// What git takes for text with LF line ends: no NUL, no CR, and few control characters.
fn converts_by_itself(text: &[u8]) -> bool {
    let (mut printable, mut other) = (0usize, 0usize);
    for byte in text {
        match byte {
            0 | b'\r' => return false,
            b'\n' => {}
            0x08 | b'\t' | 0x1b | 0x0c => printable += 1,
            0x01..=0x1f | 0x7f => other += 1,
            _ => printable += 1,
        }
    }
    // An end-of-file mark of old systems does not count.
    if text.last() == Some(&0x1a) {
        other = other.saturating_sub(1);
    }
    printable >> 7 >= other
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

/// The version of a tree's attributes that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source) enum Version {
    /// The index.
    Index,
    /// A commit.
    Commit(ObjectId),
}

/// A running `git check-attr` that answers for one path after the other.
pub(in crate::source) struct Attributes {
    /// Ended with this.
    _child: Ended,
    ask: Option<ChildStdin>,
    answer: BufReader<ChildStdout>,
    /// The way from the current folder to the root, which paths are relative to.
    up: Vec<u8>,
    autocrlf: bool,
}

impl Attributes {
    /// Starts it. An error is a git that cannot do this, too.
    pub(in crate::source) fn start(
        git: &Git,
        version: Version,
        up: Vec<u8>,
        autocrlf: bool,
    ) -> io::Result<Attributes> {
        let source = match version {
            Version::Index => "--cached".to_owned(),
            Version::Commit(id) => format!("--source={id}"),
        };
        let mut args = vec!["check-attr", "-z", "--stdin", &source];
        args.extend(NAMES);
        let mut child = git.pipe(&args)?;
        let broken = || io::Error::other("no pipe to git check-attr");
        let ask = child.0.stdin.take().ok_or_else(broken)?;
        let answer = BufReader::new(child.0.stdout.take().ok_or_else(broken)?);
        Ok(Attributes { _child: child, ask: Some(ask), answer, up, autocrlf })
    }

    /// What a checkout does to each of `paths`.
    pub(in crate::source) fn of(&mut self, paths: &[&BlobPath]) -> io::Result<Vec<Conversion>> {
        let mut found = Vec::with_capacity(paths.len());
        let mut rest = paths;
        while !rest.is_empty() {
            let mut lines = Vec::new();
            let mut count = 0;
            for path in rest {
                let len = self.up.len() + path.as_bytes().len() + 1;
                if count > 0 && lines.len() + len > PORTION {
                    break;
                }
                lines.extend_from_slice(&self.up);
                lines.extend_from_slice(path.as_bytes());
                lines.push(0);
                count += 1;
            }
            let ask = self.ask.as_mut().ok_or_else(|| io::Error::other("git check-attr is gone"))?;
            ask.write_all(&lines)?;
            ask.flush()?;
            for _ in 0..count {
                let mut values = Vec::with_capacity(NAMES.len());
                for _ in NAMES {
                    let (_path, _name) = (self.field()?, self.field()?);
                    values.push(self.field()?);
                }
                found.push(Conversion::of(&values, self.autocrlf));
            }
            rest = rest.get(count..).unwrap_or_default();
        }
        Ok(found)
    }

    fn field(&mut self) -> io::Result<Vec<u8>> {
        let mut field = Vec::new();
        self.answer.read_until(0, &mut field)?;
        match field.pop() {
            Some(0) => Ok(field),
            _ => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "git check-attr ended")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Conversion {
        let value = |name: &&str| {
            let found = pairs.iter().find(|(n, _)| n == name);
            found.map_or("unspecified", |(_, v)| v).as_bytes().to_vec()
        };
        Conversion::of(&NAMES.iter().map(value).collect::<Vec<_>>(), false)
    }

    #[test]
    fn line_ends_follow_text_and_eol() {
        assert!(of(&[]).is_none());
        assert!(of(&[("text", "unset"), ("eol", "crlf")]).is_none(), "binary wins over eol");
        assert!(of(&[("text", "set"), ("eol", "lf")]).is_none());
        assert!(of(&[("text", "auto"), ("eol", "lf")]).is_none());
        assert_eq!(of(&[("text", "auto")]).line_ends, LineEnds::CrlfInText);
        assert_eq!(of(&[("text", "auto"), ("eol", "crlf")]).line_ends, LineEnds::CrlfInText);
        assert_eq!(of(&[("text", "set")]).line_ends, LineEnds::Crlf, "some machine does");
        assert_eq!(of(&[("eol", "crlf")]).line_ends, LineEnds::Crlf);
        assert_eq!(of(&[("crlf", "set")]).line_ends, LineEnds::Crlf, "the name of old");
        assert!(of(&[("crlf", "set"), ("text", "unset")]).is_none());
        assert!(of(&[("filter", "lfs"), ("text", "unset")]).is_none());
        assert!(!of(&[("filter", "crypt")]).is_none());
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
    }
}
