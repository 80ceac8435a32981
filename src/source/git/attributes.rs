//! What a checkout makes of stored bytes: line ends, `$Id$`, encodings and filters, as
//! `.gitattributes` ask for them.
//!
//! Which attributes a path has is asked of git. What follows from them is described in gitattributes(5)
//! and was tried against git itself, see the tests.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout};

use crate::source::blob::Checkout;
use crate::source::git::command::Git;
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
        let text = match value("text") {
            b"unspecified" => value("crlf"),
            text => text,
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
        if let Some(encoding) = &self.encoding {
            let encoding = fickgate_engine::escape::terminal(encoding);
            return unknown(format!("a checkout holds it in the encoding {encoding}, which was not judged"));
        }
        if self.substituted && path.is_model() && contains(content, b"$Format:")? {
            return unknown("git archive replaces $Format:...$ in it by what commits say".to_owned());
        }
        if content.len() > LONGEST {
            // Text of this size is no model that anything writes.
            return match self.line_ends == LineEnds::Crlf || (self.ident && !looks_binary(content)?) {
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
        Ok(changed.then(|| Checkout::Bytes { content: Content::from_bytes(bytes), how }))
    }
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
    child: Child,
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
        let ask = child.stdin.take().ok_or_else(broken)?;
        let answer = BufReader::new(child.stdout.take().ok_or_else(broken)?);
        Ok(Attributes { child, ask: Some(ask), answer, up, autocrlf })
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

impl Drop for Attributes {
    fn drop(&mut self) {
        self.ask = None;
        let _ = self.child.wait();
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
