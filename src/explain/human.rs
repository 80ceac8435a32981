//! An explanation for a person: imports with their verdicts, then what runs, line by line.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::explain::Explanation;
use crate::report::Style as Look;
use crate::report::wrap::{hanging, wrapped};
use fickgate_engine::escape;
use fickgate_engine::pickle::listing::decompile::{Line, LineKind};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default();
const GREEN: Style = AnsiColor::Green.on_default();

/// Columns of an offset.
const OFFSET: usize = 10;

impl Explanation {
    /// For a person: imports with their verdicts, then what runs, line by line.
    pub fn write_human(&self, out: &mut dyn Write, look: &Look) -> io::Result<()> {
        let code = " ".repeat(OFFSET + 5);
        let paint = |style: Style, text: &str| {
            if look.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
        };
        let path = escape::terminal_bytes(self.path.as_bytes());
        let forms = if self.forms.is_empty() { "no pickle".to_owned() } else { self.forms.join(" > ") };
        writeln!(out, "{}: {forms}", paint(BOLD, &path))?;
        for fault in &self.faults {
            let place = if fault.member.is_empty() {
                String::new()
            } else {
                format!("{}: ", escape::terminal(&fault.member))
            };
            let said = format!("  {place}{}: {}", fault.fault.rule, fault.fault.message);
            writeln!(out, "{}", paint(RED, &hanging(&said, look.wrap, "    ")))?;
        }
        for explained in &self.streams {
            let stream = &explained.stream;
            let member =
                if stream.member.is_empty() { path.clone() } else { escape::terminal(&stream.member) };
            writeln!(out)?;
            writeln!(
                out,
                "{}  {}",
                paint(BOLD, &member),
                paint(
                    DIM,
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
                let (style, verdict) = match ruling {
                    Some(r) if r.allowed => (GREEN, format!("allowed by {}", r.because)),
                    Some(r) => (RED, format!("REFUSED: {}", r.because)),
                    None => (DIM, String::new()),
                };
                let offset = paint(DIM, &format!("{:>OFFSET$}", format!("{:#x}", line.offset)));
                let long = line.text.chars().count();
                let pad = " ".repeat(width.saturating_sub(long));
                let used = OFFSET + 3 + width.max(long);
                match look.wrap {
                    // Beside the import where there is room for it, else below.
                    Some(columns) if used + 2 + verdict.chars().count() > columns => {
                        writeln!(out, "{offset} {}", line.text)?;
                        for part in wrapped(&verdict, columns.saturating_sub(code.len() + 2)) {
                            writeln!(out, "{code}{}", paint(style, &format!("# {part}")))?;
                        }
                    }
                    _ => writeln!(
                        out,
                        "{offset} {}{pad}  {}",
                        line.text,
                        paint(style, &format!("# {verdict}"))
                    )?,
                }
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
                let columns = look.wrap.map(|columns| columns.saturating_sub(OFFSET + 1));
                let text = hanging(&line.text, columns, "    ").replace('\n', &format!("\n{:>OFFSET$} ", ""));
                let text = match line.kind {
                    LineKind::Fault => paint(RED, &text),
                    _ if refused => paint(RED, &text),
                    _ => text,
                };
                writeln!(
                    out,
                    "{} {text}",
                    paint(DIM, &format!("{:>OFFSET$}", format!("{:#x}", line.offset)))
                )?;
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
                let offset = paint(DIM, &format!("{:>10}", format!("{:#x}", step.offset)));
                let stack = paint(DIM, &step.stack);
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
}
