//! `fickgate explain`: what loading one file would do. [`human`] tells a person, [`json`] a program.

mod human;
mod json;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;

use crate::source;
use fickgate_engine::content::{Content, FileContent};
use fickgate_engine::error::{Error, Result};
use fickgate_engine::escape;
use fickgate_engine::facts::{Import, MemberFault, Stream};
use fickgate_engine::limits::Limits;
use fickgate_engine::path::BlobPath;
use fickgate_engine::pickle::listing::decompile::{self, Keep, Line};
use fickgate_engine::pickle::listing::disasm::{Disassembler, Step};
use fickgate_engine::pickle::listing::sharing::Sharing;
use fickgate_engine::pickle::listing::weights_only::WeightsOnly;
use fickgate_engine::pickle::machine;
use fickgate_engine::scan;

/// Lines kept of one stream.
const MAX_LINES: usize = 100_000;

/// What the policy says of an import, over all its uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// Whether every use is allowed.
    pub allowed: bool,
    /// The entry that allows it, or why it is refused.
    pub because: String,
}

/// A file, explained.
#[derive(Debug)]
pub struct Explanation {
    /// The file as it was named.
    pub path: BlobPath,
    /// Members that hold streams, also those that were not asked for.
    pub members: BTreeSet<String>,
    /// Its streams.
    pub streams: Vec<ExplainedStream>,
    /// What is wrong with its containers.
    pub faults: Vec<MemberFault>,
    /// What the content is, outermost first.
    pub forms: Vec<&'static str>,
}

/// A stream with its decompiled lines and the ruling on each import.
#[derive(Debug)]
pub struct ExplainedStream {
    /// The facts.
    pub stream: Stream,
    /// The lines.
    pub lines: Vec<Line>,
    /// Lines beyond those that are kept.
    pub dropped: u64,
    /// One ruling for each import.
    pub rulings: Vec<Ruling>,
    /// The opcodes, where they were asked for.
    pub steps: Vec<Step>,
    /// Opcodes beyond those that are kept.
    pub dropped_steps: u64,
    /// What `weights_only` makes of it, where that was asked for.
    pub weights_only: Option<WeightsOnly>,
}

/// What is looked at beside the lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum More {
    /// Nothing.
    #[default]
    Nothing,
    /// Every opcode.
    Opcodes,
    /// What torch's `weights_only` needs.
    WeightsOnly,
}

impl Explanation {
    /// Whether nothing is wrong with what is explained, and every import is allowed.
    pub fn passes(&self) -> bool {
        let rightly = |s: &ExplainedStream| s.stream.faults.is_empty() && s.rulings.iter().all(|r| r.allowed);
        self.faults.is_empty() && self.streams.iter().all(rightly)
    }
}

/// Opens `FILE` or `FILE!MEMBER`. A `!` that belongs to the file's own name is recognised by the file
/// being there.
pub fn open(argument: &OsStr) -> Result<(Content, BlobPath, Option<String>)> {
    let whole = Path::new(argument);
    let bytes = argument.as_encoded_bytes();
    let mut split = (whole.to_path_buf(), None);
    if !whole.exists() {
        for at in memchr::memchr_iter(b'!', bytes) {
            let (file, member) =
                (bytes.get(..at).unwrap_or_default(), bytes.get(at + 1..).unwrap_or_default());
            let file = BlobPath::new(file).to_path();
            if file.is_file() {
                split = (file, Some(String::from_utf8_lossy(member).into_owned()));
            }
        }
    }
    let (file, member) = split;
    let name = escape::terminal_bytes(bytes).into_owned();
    let stream = argument == "-" || std::fs::metadata(&file).is_ok_and(|meta| source::is_pipe(&file, &meta));
    if stream {
        let pipe = (argument != "-").then_some(file.as_path());
        let read =
            source::spooled(pipe).and_then(|read| read.ok_or_else(|| io::Error::other("it is too long")));
        let content = read.map_err(|error| Error::new(format!("cannot read {name}: {error}")))?;
        return Ok((content, BlobPath::from_path(&file), member));
    }
    let opened = std::fs::metadata(&file).and_then(|meta| {
        if meta.is_file() { File::open(&file) } else { Err(io::Error::other("not a regular file")) }
    });
    let content = opened.and_then(FileContent::new).map(Content::new).map_err(|error| {
        Error::new(format!("cannot read {name}: {error}"))
            .remedy("name a file, or a file and a member of it as FILE!MEMBER")
    })?;
    Ok((content, BlobPath::from_path(&file), member))
}

/// Reads a file and explains it, or the part of it whose member path begins with `member`.
pub fn explain(
    content: &Content,
    path: &BlobPath,
    member: Option<&str>,
    more: More,
    limits: &Limits,
    rule: &dyn Fn(&Stream, &Import) -> Ruling,
) -> io::Result<Explanation> {
    let wanted = |m: &str| {
        member.is_none_or(|w| m == w || m.strip_prefix(w).is_some_and(|rest| rest.starts_with('!')))
    };
    let mut streams = Vec::new();
    let mut failure = None;
    let facts = scan::scan_watched(content, path, limits, &mut |content, stream| {
        if !wanted(&stream.member) {
            return;
        }
        let listed = decompile::listing(content, stream, limits, Keep::First(MAX_LINES));
        let stepped = || (more == More::Opcodes).then(|| steps(content, stream, limits)).transpose();
        let weighed =
            || (more == More::WeightsOnly).then(|| WeightsOnly::of(content, stream, limits)).transpose();
        match listed.and_then(|listing| Ok((listing, stepped()?, weighed()?))) {
            Ok((decompiler, disassembler, weights_only)) => streams.push(ExplainedStream {
                weights_only,
                dropped_steps: disassembler.as_ref().map_or(0, |d| d.dropped),
                steps: disassembler.map_or_else(Vec::new, |d| d.steps),
                rulings: stream.imports.iter().map(|i| rule(stream, i)).collect(),
                stream: stream.clone(),
                lines: decompiler.lines,
                dropped: decompiler.dropped,
            }),
            Err(error) => failure = Some(error),
        }
    })?;
    if let Some(error) = failure {
        return Err(error);
    }
    let members = facts.streams.iter().map(|s| s.member.clone()).collect();
    Ok(Explanation {
        members,
        path: path.clone(),
        streams,
        faults: facts.faults.into_iter().filter(|f| wanted(&f.member)).collect(),
        forms: facts.forms,
    })
}

/// A stream opcode by opcode.
fn steps(content: &Content, stream: &Stream, limits: &Limits) -> io::Result<Disassembler> {
    let mut disassembler = Disassembler::new(MAX_LINES, Sharing::of(content, stream, limits)?);
    machine::retrace(content, stream, limits, &mut disassembler)?;
    Ok(disassembler)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_form_has_what_a_runner_or_a_terminal_obeys() {
        let bytes = "c##[group]\n\u{202e}x\n(X\x09\0\0\0##[debug]l.".as_bytes();
        let path = BlobPath::from_path(Path::new("m.pkl"));
        let ruling = |_: &Stream, _: &Import| Ruling { allowed: false, because: String::new() };
        let limits = Limits::default();
        let explained = explain(&Content::from_bytes(bytes), &path, None, More::Opcodes, &limits, &ruling)
            .expect("bytes in memory are readable");
        let (mut human, mut json) = (Vec::new(), Vec::new());
        explained.write_human(&mut human, &crate::report::Style::default()).expect("a vector takes it");
        explained.write_json(&mut json).expect("a vector takes it");
        for text in [String::from_utf8_lossy(&human), String::from_utf8_lossy(&json)] {
            assert!(text.contains("group") && !text.contains("##[") && !text.contains('\u{202e}'), "{text}");
        }
    }

    #[test]
    fn each_of_two_readings_has_its_own_lines() {
        // For pickle.loads one text of 256 bytes; pickle.load drops the byte that the frame has left and
        // reads a text of one byte, and an import behind it.
        let mut bytes = b"\x80\x04\x95\x02\0\0\0\0\0\0\0X\0\x01\0\0\0x0cos\nsystem\n.".to_vec();
        bytes.resize(16 + 256, b' ');
        bytes.push(b'.');
        let path = BlobPath::from_path(Path::new("m.pkl"));
        let ruling = |_: &Stream, _: &Import| Ruling { allowed: false, because: String::new() };
        let limits = Limits::default();
        let explained = explain(&Content::from_bytes(bytes), &path, None, More::Opcodes, &limits, &ruling)
            .expect("bytes in memory are readable");
        let lines = |i: usize| -> Vec<(u64, &str)> {
            explained.streams[i].lines.iter().map(|l| (l.offset, l.text.as_str())).collect()
        };
        assert!(!explained.streams[0].stream.framed && explained.streams[1].stream.framed);
        assert!(lines(0).iter().all(|(_, text)| !text.contains("import")), "{:?}", lines(0));
        assert!(lines(1).contains(&(19, "from os import system")), "{:?}", lines(1));
        assert!(explained.streams[1].steps.iter().any(|s| s.offset == 19 && s.text.starts_with("GLOBAL")));
    }
}
