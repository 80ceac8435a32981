//! `fickgate explain`: what loading one file would do, for a person or as facts for a program.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use crate::report::json;
use fickgate_engine::content::{Content, FileContent};
use fickgate_engine::error::{Error, Result};
use fickgate_engine::escape;
use fickgate_engine::facts::{Fault, Import, MemberFault, Stream};
use fickgate_engine::limits::Limits;
use fickgate_engine::path::BlobPath;
use fickgate_engine::pickle::listing::decompile::{self, Keep, Line, LineKind};
use fickgate_engine::pickle::listing::disasm::{Disassembler, Step};
use fickgate_engine::pickle::listing::sharing::Sharing;
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
    let opened = std::fs::metadata(&file).and_then(|meta| {
        if meta.is_file() { File::open(&file) } else { Err(io::Error::other("not a regular file")) }
    });
    let content = opened.and_then(FileContent::new).map(Content::new).map_err(|error| {
        Error::new(format!("cannot read {name}: {error}"))
            .remedy("name a file, or a file and a member of it as FILE!MEMBER")
    })?;
    Ok((content, BlobPath::from_path(&file), member))
}

/// Reads a file and explains it, or the part of it whose member path begins with `member`; with
/// `trace`, opcode by opcode as well.
pub fn explain(
    content: &Content,
    path: &BlobPath,
    member: Option<&str>,
    trace: bool,
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
        let stepped = || trace.then(|| steps(content, stream, limits)).transpose();
        match listed.and_then(|listing| Ok((listing, stepped()?))) {
            Ok((decompiler, disassembler)) => streams.push(ExplainedStream {
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

impl Explanation {
    /// Whether every import is allowed and nothing is wrong.
    pub fn clean(&self) -> bool {
        self.faults.is_empty()
            && self.streams.iter().all(|s| s.stream.faults.is_empty() && s.rulings.iter().all(|r| r.allowed))
    }

    /// For a person: imports with their verdicts, then what runs, line by line.
    pub fn write_human(&self, out: &mut dyn Write, colour: bool) -> io::Result<()> {
        let paint = |code: &str, text: &str| {
            if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
        };
        let path = escape::terminal_bytes(self.path.as_bytes());
        let forms = if self.forms.is_empty() { "no pickle".to_owned() } else { self.forms.join(" > ") };
        writeln!(out, "{}: {forms}", paint("1", &path))?;
        for fault in &self.faults {
            let place = if fault.member.is_empty() {
                String::new()
            } else {
                format!("{}: ", escape::terminal(&fault.member))
            };
            writeln!(
                out,
                "{}",
                paint("31", &format!("  {place}{}: {}", fault.fault.rule, fault.fault.message))
            )?;
        }
        for explained in &self.streams {
            let stream = &explained.stream;
            let member =
                if stream.member.is_empty() { path.clone() } else { escape::terminal(&stream.member) };
            writeln!(out)?;
            writeln!(
                out,
                "{}  {}",
                paint("1", &member),
                paint(
                    "2",
                    &format!(
                        "bytes {:#x} to {:#x}, protocol {}, {} opcodes{}{}",
                        stream.start,
                        stream.end,
                        stream.protocol,
                        stream.opcodes,
                        if stream.stopped() { "" } else { ", broken" },
                        if stream.framed {
                            "; from a file: what a short frame leaves is dropped"
                        } else {
                            ""
                        }
                    )
                )
            )?;
            // Imports first, as in a Python file, each with its verdict.
            let (imports, body): (Vec<&Line>, Vec<&Line>) =
                explained.lines.iter().partition(|l| l.kind == LineKind::Import);
            let width = imports.iter().map(|l| l.text.chars().count()).max().unwrap_or(0).min(72);
            for line in &imports {
                let ruling = line.import.and_then(|i| explained.rulings.get(i as usize));
                let (code, verdict) = match ruling {
                    Some(r) if r.allowed => ("32", format!("allowed by {}", r.because)),
                    Some(r) => ("31", format!("REFUSED: {}", r.because)),
                    None => ("2", String::new()),
                };
                let pad = " ".repeat(width.saturating_sub(line.text.chars().count()));
                writeln!(
                    out,
                    "{} {}{pad}  {}",
                    paint("2", &format!("{:>10}", format!("{:#x}", line.offset))),
                    line.text,
                    paint(code, &format!("# {verdict}"))
                )?;
            }
            if !imports.is_empty() {
                writeln!(out)?;
            }
            for line in &body {
                let refused = line.kind != LineKind::Fault
                    && line
                        .import
                        .and_then(|i| explained.rulings.get(i as usize))
                        .is_some_and(|r| !r.allowed);
                let text = match line.kind {
                    LineKind::Fault => paint("31", &line.text),
                    _ if refused => paint("31", &line.text),
                    _ => line.text.clone(),
                };
                writeln!(out, "{} {text}", paint("2", &format!("{:>10}", format!("{:#x}", line.offset))))?;
            }
            let left_out = |out: &mut dyn Write, count: u64, what: &str| match count {
                0 => Ok(()),
                _ => writeln!(out, "{:>10} # {count} more {what}", ""),
            };
            left_out(out, explained.dropped, "lines")?;
            if !explained.steps.is_empty() {
                writeln!(out)?;
            }
            for step in &explained.steps {
                let offset = paint("2", &format!("{:>10}", format!("{:#x}", step.offset)));
                let stack = paint("2", &step.stack);
                if step.stack.is_empty() {
                    writeln!(out, "{offset} {}", step.text)?;
                } else {
                    writeln!(out, "{offset} {:<44} {stack}", step.text)?;
                }
            }
            left_out(out, explained.dropped_steps, "opcodes")?;
        }
        Ok(())
    }

    /// The facts, for a program.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        json::to_writer(&Document::of(self), out)
    }
}

/// The JSON document of `explain --format json`, version 1.
#[derive(Serialize)]
struct Document {
    schema: u32,
    path: String,
    forms: Vec<&'static str>,
    streams: Vec<StreamDocument>,
    faults: Vec<FaultDocument>,
}

#[derive(Serialize)]
struct StreamDocument {
    member: String,
    start: u64,
    end: u64,
    protocol: u8,
    opcodes: u64,
    stopped: bool,
    imports: Vec<ImportDocument>,
    calls: Vec<CallDocument>,
    /// Lines of the listing that were left out; calls may be among them.
    omitted_lines: u64,
    faults: Vec<FaultDocument>,
}

#[derive(Serialize)]
struct ImportDocument {
    module: String,
    name: String,
    raw_module: String,
    raw_name: String,
    offset: u64,
    opcode: &'static str,
    uses: Vec<&'static str>,
    allowed: bool,
    because: String,
}

#[derive(Serialize)]
struct CallDocument {
    offset: u64,
    opcode: &'static str,
    /// `module.name`, null where the callee is not an import.
    callee: Option<String>,
    arguments: Vec<&'static str>,
    text: String,
}

#[derive(Serialize)]
struct FaultDocument {
    rule: &'static str,
    member: String,
    offset: u64,
    message: String,
    import: Option<String>,
}

impl FaultDocument {
    fn of(member: &str, fault: &Fault) -> Self {
        FaultDocument {
            rule: fault.rule.id(),
            member: member.to_owned(),
            offset: fault.offset,
            message: fault.message.clone(),
            import: fault.import.clone(),
        }
    }
}

impl Document {
    fn of(explanation: &Explanation) -> Self {
        Document {
            schema: 1,
            path: explanation.path.to_lossy().into_owned(),
            forms: explanation.forms.clone(),
            streams: explanation.streams.iter().map(StreamDocument::of).collect(),
            faults: explanation.faults.iter().map(|f| FaultDocument::of(&f.member, &f.fault)).collect(),
        }
    }
}

impl StreamDocument {
    fn of(explained: &ExplainedStream) -> Self {
        let stream = &explained.stream;
        let imports = stream.imports.iter().zip(&explained.rulings).map(|(import, ruling)| ImportDocument {
            module: import.module.clone(),
            name: import.name.clone(),
            raw_module: import.raw_module.clone(),
            raw_name: import.raw_name.clone(),
            offset: import.offset,
            opcode: import.opcode,
            uses: import.uses.iter().map(|u| u.kind.as_str()).collect(),
            allowed: ruling.allowed,
            because: ruling.because.clone(),
        });
        let calls = explained.lines.iter().filter(|l| l.kind == LineKind::Call).map(|line| CallDocument {
            offset: line.offset,
            opcode: line.opcode,
            callee: line.import.and_then(|i| stream.imports.get(i as usize)).map(Import::dotted),
            arguments: line.arguments.clone(),
            text: line.text.clone(),
        });
        StreamDocument {
            member: stream.member.clone(),
            start: stream.start,
            end: stream.end,
            protocol: stream.protocol,
            opcodes: stream.opcodes,
            stopped: stream.stopped(),
            imports: imports.collect(),
            calls: calls.collect(),
            omitted_lines: explained.dropped,
            faults: stream.faults.iter().map(|f| FaultDocument::of(&stream.member, f)).collect(),
        }
    }
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
        let explained = explain(&Content::from_bytes(bytes), &path, None, true, &limits, &ruling)
            .expect("bytes in memory are readable");
        let (mut human, mut json) = (Vec::new(), Vec::new());
        explained.write_human(&mut human, false).expect("a vector takes it");
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
        let explained = explain(&Content::from_bytes(bytes), &path, None, true, &limits, &ruling)
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
