//! An explanation as facts, for a program.

use std::io::{self, Write};

use serde::Serialize;

use crate::explain::{ExplainedStream, Explanation};
use crate::report::json;
use fickgate_engine::facts::{Fault, Import};
use fickgate_engine::pickle::listing::decompile::LineKind;

impl Explanation {
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
