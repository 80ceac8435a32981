//! For people: each finding with the decompiled lines around it, files with the worst first.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{
    Annotation, AnnotationKind, Element, Group, Level as Shown, Origin, Padding, Renderer, Snippet,
};

use crate::outcome::Outcome;
use crate::report::concise;
use crate::report::phrase;
use crate::report::phrase::{count, place, sentence, short, worst_first};
use crate::report::style::Style;
use crate::report::summary_line;
use crate::report::wrap::{hanging, wrapped};
use fickgate_engine::escape::{self, SENTENCE};
use fickgate_engine::finding::{Finding, Reason};
use fickgate_engine::path::BlobPath;
use fickgate_engine::rule::Level;

/// Findings of one file that are drawn with their snippet. The rest get a line each: after so many,
/// a person wants the list.
const DRAWN_A_FILE: usize = 10;

/// Findings that are drawn with their snippet in one run.
const DRAWN: usize = 50;

/// Findings that get one line each, unless `-v` asks for all of them.
const LISTED: usize = 200;

pub(super) fn write(outcome: &Outcome, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let renderer = if style.color { Renderer::styled() } else { Renderer::plain() }
        .term_width(style.width)
        .decor_style(if style.unicode { DecorStyle::Unicode } else { DecorStyle::Ascii });

    let findings = worst_first(outcome, style);
    let packages = unknown_packages(&findings);
    let mut told = BTreeSet::new();
    let (mut drawn, mut listed, mut left_out) = (0, 0, 0);
    for of_file in findings.chunk_by(|a, b| a.path == b.path) {
        for (at, finding) in of_file.iter().enumerate() {
            // One remedy for a package that nobody has judged, and one picture.
            if let Some((package, all)) =
                unknown_package(finding).and_then(|name| packages.get_key_value(name))
            {
                if told.insert(*package) {
                    drawn += 1;
                    writeln!(out, "{}\n", draw(&renderer, style, finding))?;
                    writeln!(out, "{}\n", hanging(&all.summary(package), style.wrap, "  "))?;
                } else if style.verbose > 0 {
                    writeln!(out, "{}", concise::line(finding, style))?;
                }
            } else if at < DRAWN_A_FILE && drawn < DRAWN {
                drawn += 1;
                writeln!(out, "{}\n", draw(&renderer, style, finding))?;
            } else if listed < LISTED || style.verbose > 0 {
                listed += 1;
                writeln!(out, "{}", concise::line(finding, style))?;
            } else {
                left_out += 1;
            }
        }
        if of_file.len() > DRAWN_A_FILE && left_out == 0 {
            writeln!(out)?;
        }
    }
    if left_out > 0 {
        writeln!(out, "and {left_out} more findings: -v lists every one\n")?;
    }

    for failure in &outcome.failures {
        let title = Shown::ERROR
            .primary_title(fit(&escape::terminal_cut(&failure.message, SENTENCE), style, "error: ".len()))
            .element(Origin::path(escape::terminal_bytes(failure.path.as_bytes())));
        writeln!(out, "{}\n", renderer.render(&[title]))?;
    }
    if let Some(line) = allow_all(&findings).filter(|_| !style.quiet) {
        writeln!(out, "{}\n", hanging(&line, style.wrap, "  "))?;
    }
    summary_line::write_end(outcome, style, out)
}

/// How everything that nobody has judged is allowed at once, where that is more than one thing.
fn allow_all(findings: &[&Finding]) -> Option<String> {
    let unknown: Vec<&str> = findings
        .iter()
        .filter(|finding| unknown_package(finding).is_some())
        .filter_map(|finding| finding.import.as_deref())
        .collect();
    let imports: BTreeSet<&str> = unknown.iter().copied().collect();
    (imports.len() > 1 || unknown.len() >= TOGETHER).then(|| {
        format!(
            "{}, {} that nobody has judged: to allow all, if they are yours and safe: \
             `fickgate allow --from-findings --reason WHY`",
            count(unknown.len(), "finding"),
            count(imports.len(), "import"),
        )
    })
}

/// A text behind a label, broken by the width of the terminal.
fn fit(text: &str, style: &Style, label: usize) -> String {
    match style.wrap {
        Some(width) => wrapped(text, width.saturating_sub(label)).join("\n"),
        None => text.to_owned(),
    }
}

/// Findings of one package that nobody has judged: from so many on they are told together.
const TOGETHER: usize = 3;

/// What is unknown of one package.
#[derive(Default)]
struct Unknown<'f> {
    imports: BTreeSet<&'f str>,
    files: BTreeSet<&'f BlobPath>,
    findings: usize,
}

impl Unknown<'_> {
    fn summary(&self, package: &str) -> String {
        let names: Vec<String> =
            self.imports.iter().take(5).map(|import| escape::terminal(import).into_owned()).collect();
        let more = if self.imports.len() > names.len() { ", …" } else { "" };
        format!(
            "{}: {} of {} in {}: {}{more}; -v lists every one",
            escape::terminal(package),
            count(self.findings, "finding"),
            count(self.imports.len(), "import"),
            count(self.files.len(), "file"),
            names.join(", "),
        )
    }
}

/// The package of an import that nobody has judged.
fn unknown_package(finding: &Finding) -> Option<&str> {
    let unknown = finding.reason == Some(Reason::Unknown) && finding.level == Level::Error;
    finding.import.as_deref().filter(|_| unknown)?.split('.').next()
}

/// Packages with several such findings.
fn unknown_packages<'f>(findings: &[&'f Finding]) -> BTreeMap<&'f str, Unknown<'f>> {
    let mut packages: BTreeMap<&str, Unknown<'_>> = BTreeMap::new();
    for finding in findings {
        if let Some((package, import)) = unknown_package(finding).zip(finding.import.as_deref()) {
            let all = packages.entry(package).or_default();
            all.imports.insert(import);
            all.files.insert(&finding.path);
            all.findings += 1;
        }
    }
    packages.retain(|_, all| all.findings >= TOGETHER);
    packages
}

/// `path!member at byte N`, ready to print.
fn location(finding: &Finding) -> String {
    let place = place(&finding.path, &finding.member);
    let place = escape::terminal(&place);
    let at = finding.offset.map(|offset| format!(" at byte {offset}")).unwrap_or_default();
    let commit =
        finding.commit.as_deref().map(|commit| format!(", commit {}", short(commit))).unwrap_or_default();
    format!("{place}{at}{commit}")
}

/// The path given to annotate-snippets, which adds `:line:column`. It is replaced by the location,
/// which has a byte offset instead; no escaped text contains this character.
const ORIGIN: &str = "\u{fdd0}";

fn draw(renderer: &Renderer, style: &Style, finding: &Finding) -> String {
    let location = location(finding);
    let title = match finding.level {
        // Red is for what was judged: of what nobody judged, nobody knows that it is bad.
        Level::Error if finding.reason == Some(Reason::Unknown) => Shown::WARNING.with_name("error"),
        Level::Error => Shown::ERROR,
        Level::Warning => Shown::WARNING,
        Level::Note => Shown::NOTE,
    }
    .primary_title(fit(&sentence(finding), style, finding.level.as_str().len() + finding.rule.id().len() + 4))
    .id(finding.rule.id());
    // Behind ` = note: `.
    let below = |text: &str| fit(text, style, 9);

    let mut elements: Vec<Element<'_>> = Vec::new();
    let listing = finding.snippet.as_ref().and_then(|s| Listing::of(s, finding));
    let mut header = String::new();
    match listing {
        Some(listing) => {
            header = format!("{ORIGIN}:{}:{}", listing.line, listing.column);
            let mark = AnnotationKind::Primary.span(listing.mark).label(finding.rule.label());
            elements.push(
                Snippet::<Annotation<'_>>::source(listing.text)
                    .path(ORIGIN)
                    .line_numbering(false)
                    .fold(false)
                    .annotation(mark)
                    .into(),
            );
        }
        None => {
            elements.push(Origin::path(location.as_str()).into());
            if finding.entry.is_some() || finding.help.is_some() {
                elements.push(Padding.into());
            }
        }
    }
    if let Some(origin) = phrase::origin(finding) {
        elements.push(Shown::NOTE.message(below(&origin)).into());
    }
    if let Some(help) = &finding.help {
        elements.push(Shown::HELP.message(below(&escape::terminal_cut(help, SENTENCE))).into());
    }
    let drawn = renderer.render(&[Group::with_title(title).elements(elements)]);
    if header.is_empty() { drawn } else { drawn.replacen(&header, &location, 1) }
}

/// The decompiled lines of a finding, with the label beneath the marked one, in ASCII.
pub(super) fn plain_listing(finding: &Finding) -> Option<String> {
    let listing = Listing::of(finding.snippet.as_ref()?, finding)?;
    let mut text = String::new();
    for (at, line) in listing.text.lines().enumerate() {
        text.push_str(line);
        text.push('\n');
        if at + 1 == listing.line {
            let length = listing.text.get(listing.mark.clone()).map_or(0, |s| s.chars().count());
            let indent = " ".repeat(listing.column.saturating_sub(1));
            text.push_str(&format!("{indent}{} {}\n", "^".repeat(length), finding.rule.label()));
        }
    }
    Some(text)
}

/// The decompiled lines as one text, each behind its offset.
struct Listing {
    text: String,
    /// Line of the mark, from 1.
    line: usize,
    /// Column of the mark in characters, from 1.
    column: usize,
    /// Bytes of `text` that are marked.
    mark: std::ops::Range<usize>,
}

impl Listing {
    fn of(snippet: &fickgate_engine::finding::Snippet, finding: &Finding) -> Option<Listing> {
        let mut lines: Vec<_> = snippet.lines.iter().collect();
        let mut marked = snippet.marked;
        let line = lines.get(marked)?;
        // A line that only says the message again makes room for the code it is about.
        let code = marked.checked_sub(1).and_then(|before| lines.get(before));
        if line.text.starts_with("# ") && code.is_some_and(|code| code.offset == line.offset) {
            lines.remove(marked);
            marked -= 1;
        }
        let digits = lines.iter().map(|l| l.offset.to_string().len()).max()?;
        let mut listing = Listing { text: String::new(), line: marked + 1, column: 0, mark: 0..0 };
        for (at, line) in lines.into_iter().enumerate() {
            let code = escape::terminal(&line.text);
            if at > 0 {
                listing.text.push('\n');
            }
            listing.text.push_str(&format!("{:>digits$}  ", line.offset));
            if at == marked {
                let span = marked_span(&code, finding);
                let start = listing.text.len() + span.start;
                listing.mark = start..listing.text.len() + span.end;
                listing.column = digits + 3 + code.get(..span.start).map_or(0, |s| s.chars().count());
            }
            listing.text.push_str(&code);
        }
        Some(listing)
    }
}

/// The import in the line, as decompiled text has it: `module.name`, or the name alone behind its
/// `from module import`. Otherwise the whole line.
fn marked_span(code: &str, finding: &Finding) -> std::ops::Range<usize> {
    let whole = (code.len() - code.trim_start().len())..code.trim_end().len();
    let Some(import) = finding.import.as_deref().filter(|_| !code.starts_with("from ")) else { return whole };
    let import = escape::terminal(import);
    let name = import.rsplit('.').next().unwrap_or_default();
    word(code, &import).or_else(|| word(code, name)).unwrap_or(whole)
}

/// Where `name` stands in `code` as a whole word.
fn word(code: &str, name: &str) -> Option<std::ops::Range<usize>> {
    let inner = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let is_whole = |at: usize| {
        !code[..at].ends_with(inner) && !code[at + name.len()..].starts_with(|c| inner(c) && c != '.')
    };
    if name.is_empty() {
        return None;
    }
    code.match_indices(name).map(|(at, _)| at).find(|at| is_whole(*at)).map(|at| at..at + name.len())
}
