//! Reports: an outcome, printed. They decide nothing; the exit code comes from the outcome.
//!
//! Everything that came from a blob, a path or a policy passes through [`fickgate_engine::escape`] on its way out.

mod concise;
mod fingerprint;
mod github;
mod gitlab;
mod html;
mod human;
pub(crate) mod json;
mod jsonl;
mod junit;
mod outputs;
mod phrase;
mod sarif;
mod style;
mod summary;
mod summary_line;
pub(crate) mod wrap;

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

pub use crate::cli::{Format, ReportTo};
pub use jsonl::Lines;
pub use style::Style;

use crate::outcome::Outcome;
use fickgate_engine::error::{Error, Result};
use fickgate_engine::escape;

/// Writes `outcome` in `format`. An error is one of `out`, a broken pipe among them.
pub fn write(format: Format, outcome: &Outcome, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Human => human::write(outcome, style, out),
        Format::Concise => concise::write(outcome, style, out),
        Format::Github => github::write(outcome, style, out),
        Format::Json => json::write(outcome, out),
        Format::Jsonl => jsonl::Lines::new(out).finish(outcome),
        Format::Sarif => sarif::write(outcome, out),
        Format::Gitlab => gitlab::write(outcome, out),
        Format::Html => html::write(outcome, style, out),
        Format::Junit => junit::write(outcome, out),
        Format::Summary => summary::write(outcome, style, summary::BUDGET, out),
        Format::Outputs => outputs::write(outcome, out),
    }
}

/// Writes a report to its file, for `--report FORMAT=FILE`. Reports for people are plain text there.
pub fn write_file(to: &ReportTo, outcome: &Outcome, style: &Style) -> Result<()> {
    let style =
        Style { color: false, unicode: false, width: Style::default().width, wrap: None, ..style.clone() };
    write_into(to, outcome, &style).map_err(|e| {
        let file = escape::terminal(&to.file.to_string_lossy()).into_owned();
        Error::new(format!("cannot write the report {file}: {e}"))
            .remedy("name a file in a folder that exists and can be written to")
    })
}

fn write_into(to: &ReportTo, outcome: &Outcome, style: &Style) -> io::Result<()> {
    let appended = matches!(to.format, Format::Summary | Format::Outputs);
    refuse_links(&to.file)?;
    let mut options = OpenOptions::new();
    options.create(true).write(true).append(appended).truncate(!appended);
    let file = options.open(&to.file)?;
    let mut out = BufWriter::new(&file);
    if to.format == Format::Summary {
        // An earlier part of the step may have written to it: the budget is for the whole file.
        let there = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        summary::write(outcome, style, summary::BUDGET.saturating_sub(there), &mut out)?;
    } else {
        write(to.format, outcome, style, &mut out)?;
    }
    out.flush()
}

/// What is written goes where it was meant to go: in the working tree, what is judged may have put a link there.
pub(crate) fn refuse_links(file: &Path) -> io::Result<()> {
    let here = std::env::current_dir()?.canonicalize()?;
    let root = here.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(&here).to_owned();
    let full = here.join(file);
    let mut inside = false;
    let mut at = PathBuf::new();
    for part in full.components() {
        at.push(part);
        if inside && std::fs::symlink_metadata(&at).is_ok_and(|meta| meta.is_symlink()) {
            let link = at.strip_prefix(&root).unwrap_or(&at).display();
            return Err(io::Error::other(format!("{link} is a symbolic link in the working tree")));
        }
        inside |= at.canonicalize().is_ok_and(|at| at == root);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
