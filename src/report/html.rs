//! One HTML page: what was found by file, by library and by commit, with the decompiled lines folded away.
//!
//! It needs no network, no script and no other file, and its policy forbids them: what comes from a repository is text
//! on it and nothing else. Names of anchors are numbers, so that no name from a file stands in markup.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{self, Write};

use crate::manual::{Section, without_links};
use crate::outcome::Outcome;
use crate::report::human;
use crate::report::phrase::{count, place, remarks, sentence, short, worst_first};
use crate::report::style::Style;
use crate::report::summary_line::summary_line;
use fickgate_engine::escape::{self, SENTENCE};
use fickgate_engine::finding::{Finding, Reason};
use fickgate_engine::path::BlobPath;
use fickgate_engine::rule::{Level, Rule};

/// Findings that are shown with everything that is known of them. The tables count all.
const SHOWN: usize = 5_000;

/// Names in one cell of a table.
const NAMED: usize = 50;

/// Skipped files that are listed.
const SKIPPED: usize = 2_000;

const HEAD: &str = r##"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<style>
:root{--text:#1c1f24;--faint:#59626f;--page:#fff;--card:#f5f6f8;--line:#d5dae1;--error:#b3171f;--warning:#8a5300;--note:#1d5fa8}
@media (prefers-color-scheme:dark){:root{--text:#e5e8ec;--faint:#9aa4b1;--page:#14171b;--card:#1d2127;--line:#363d47;--error:#ff8a84;--warning:#e8b25a;--note:#83b9f5}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:70rem;padding:1rem 1.25rem 4rem;background:var(--page);color:var(--text);font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.5rem;margin:.5rem 0}h2{font-size:1.2rem;margin:2.2rem 0 .6rem}h3{font-size:1rem;margin:0;display:inline}
code,pre{font:.875rem/1.45 ui-monospace,monospace}
pre{margin:.4rem 0;padding:.6rem .75rem;overflow-x:auto;overflow-wrap:normal;background:var(--page);border:1px solid var(--line);border-radius:4px}
a{color:var(--note)}
nav a{margin-right:1rem;white-space:nowrap}
ul{padding-left:1.2rem}
summary{cursor:pointer;padding:.15rem 0}
.file{border:1px solid var(--line);border-radius:6px;margin:.6rem 0;padding:.5rem .8rem;background:var(--card)}
.finding{border-top:1px solid var(--line);padding:.6rem 0}
.finding p{margin:.2rem 0}
.error,.warning,.note{font-weight:600;white-space:nowrap}
.error{color:var(--error)}.warning{color:var(--warning)}.note{color:var(--note)}
.faint{color:var(--faint)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;overflow-wrap:break-word}
th,td{border-bottom:1px solid var(--line);padding:.35rem .7rem .35rem 0;text-align:left;vertical-align:top}
.n{text-align:right;white-space:nowrap}
</style>
"##;

pub(super) fn write(outcome: &Outcome, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let findings = worst_first(outcome, &Style { verbose: 1, ..style.clone() });
    let summary = summary_line(outcome, style);
    out.write_all(HEAD.as_bytes())?;
    writeln!(out, "<title>fickgate: {}</title>\n</head>\n<body>", text(&summary))?;
    writeln!(out, "<header><h1>fickgate</h1>\n<p>{}</p></header>", text(&summary))?;
    let commits = findings.iter().any(|finding| finding.commit.is_some());
    if !findings.is_empty() {
        write!(out, "<nav><a href=\"#kinds\">By kind</a> <a href=\"#files\">By file</a> ")?;
        write!(out, "<a href=\"#libraries\">By library</a> ")?;
        if commits {
            write!(out, "<a href=\"#commits\">By commit</a> ")?;
        }
        writeln!(out, "<a href=\"#rules\">Rules</a></nav>")?;
    }
    list(out, "Notices", outcome.notices.iter().map(|notice| text(notice)))?;
    list(
        out,
        "Not read",
        outcome.failures.iter().map(|failure| format!("{}: {}", path(&failure.path), text(&failure.message))),
    )?;
    if findings.is_empty() {
        writeln!(out, "<p>Nothing was found.</p>")?;
    } else {
        let anchors = anchors(&findings);
        kinds(out, &findings, &anchors)?;
        files(out, &findings)?;
        libraries(out, &findings, &anchors)?;
        if commits {
            by_commit(out, &findings, &anchors)?;
        }
        rules(out, &findings)?;
    }
    skipped(out, outcome)?;
    writeln!(
        out,
        "<footer class=\"faint\"><p>fickgate {}. Nothing was unpickled, imported or executed.</p></footer>",
        env!("CARGO_PKG_VERSION")
    )?;
    writeln!(out, "</body>\n</html>")
}

/// Where each file stands on the page.
type Anchors<'f> = BTreeMap<&'f BlobPath, usize>;

fn anchors<'f>(findings: &[&'f Finding]) -> Anchors<'f> {
    let files = findings.chunk_by(|a, b| a.path == b.path).filter_map(|of_file| of_file.first());
    files.enumerate().map(|(at, first)| (&first.path, at)).collect()
}

/// How much there is of what: imports by how they are judged, the worst first, then the other rules.
fn kinds(out: &mut dyn Write, findings: &[&Finding], anchors: &Anchors<'_>) -> io::Result<()> {
    let rank = |reason: Reason| Reason::ALL.iter().position(|one| *one == reason);
    let mut kinds: BTreeMap<_, (usize, BTreeSet<&BlobPath>)> = BTreeMap::new();
    for finding in findings {
        let worst_first = Reverse(finding.reason.and_then(rank));
        let (found, files) = kinds.entry((finding.rule, worst_first)).or_default();
        *found += 1;
        files.insert(&finding.path);
    }
    writeln!(out, "<section id=\"kinds\"><h2>By kind</h2>")?;
    let rows = kinds.into_iter().map(|((rule, Reverse(rank)), (found, files))| {
        let reason = rank.and_then(|rank| Reason::ALL.get(rank));
        let word = reason.map(|reason| format!(": {}", reason.as_str())).unwrap_or_default();
        let files = cell(files.iter().map(|file| link(file, anchors)), files.len());
        format!("<td><a href=\"#r-{rule}\">{rule}</a>{word}</td><td class=\"n\">{found}</td><td>{files}</td>")
    });
    table(out, "<th>Rule</th><th class=\"n\">Findings</th><th>Files</th>", rows)?;
    writeln!(out, "</section>")
}

fn files(out: &mut dyn Write, findings: &[&Finding]) -> io::Result<()> {
    writeln!(out, "<section id=\"files\"><h2>By file</h2>")?;
    let mut shown = 0;
    for (at, of_file) in findings.chunk_by(|a, b| a.path == b.path).enumerate() {
        let Some(first) = of_file.first() else { continue };
        if shown >= SHOWN {
            break;
        }
        // What is worst is open.
        let open = if first.level == Level::Error && at < 20 { " open" } else { "" };
        writeln!(
            out,
            "<details class=\"file\" id=\"f{at}\"{open}><summary><h3>{}</h3> {}</summary>",
            path(&first.path),
            levels(of_file)
        )?;
        for finding in of_file.iter().take(SHOWN - shown) {
            write_finding(out, finding)?;
        }
        shown += of_file.len();
        writeln!(out, "</details>")?;
    }
    if findings.len() > SHOWN {
        let more = count(findings.len() - SHOWN, "more finding");
        writeln!(out, "<p>{more} in the tables below; a report in JSON has each.</p>")?;
    }
    writeln!(out, "</section>")
}

fn write_finding(out: &mut dyn Write, finding: &Finding) -> io::Result<()> {
    let at = finding.offset.map(|offset| format!(" at byte {offset}")).unwrap_or_default();
    let commit = finding.commit.as_deref().map(|commit| format!(", commit {}", code(short(commit))));
    writeln!(
        out,
        "<article class=\"finding\"><p><span class=\"{0}\">{0}</span> <a href=\"#r-{1}\">{1}</a> \
         <span class=\"faint\">{2}{at}{3}</span></p>\n<p>{4}</p>",
        finding.level.as_str(),
        finding.rule,
        code(&place(&finding.path, &finding.member)),
        commit.unwrap_or_default(),
        text(&sentence(finding)),
    )?;
    for remark in remarks(finding) {
        writeln!(out, "<p class=\"faint\">{}</p>", text(&remark))?;
    }
    if let Some(listing) = human::plain_listing(finding) {
        let lines: Vec<String> = listing.lines().map(escape::xml).collect();
        writeln!(
            out,
            "<details><summary>what loading it does</summary><pre>{}</pre></details>",
            lines.join("\n")
        )?;
    }
    writeln!(out, "</article>")
}

/// What is known of the imports of one library.
#[derive(Default)]
struct Library<'f> {
    findings: usize,
    imports: BTreeSet<&'f str>,
    files: BTreeSet<&'f BlobPath>,
}

fn libraries(out: &mut dyn Write, findings: &[&Finding], anchors: &Anchors<'_>) -> io::Result<()> {
    let mut libraries: BTreeMap<&str, Library<'_>> = BTreeMap::new();
    for finding in findings {
        let Some(import) = finding.import.as_deref().filter(|_| finding.rule == Rule::ImportNotAllowed)
        else {
            continue;
        };
        let library = libraries.entry(import.split('.').next().unwrap_or(import)).or_default();
        library.findings += 1;
        library.imports.insert(import);
        library.files.insert(&finding.path);
    }
    writeln!(out, "<section id=\"libraries\"><h2>By library</h2>")?;
    if libraries.is_empty() {
        return writeln!(out, "<p>No finding is about an import.</p></section>");
    }
    let mut rows: Vec<(&str, Library<'_>)> = libraries.into_iter().collect();
    rows.sort_by_key(|(name, library)| (Reverse(library.findings), *name));
    let rows = rows.into_iter().map(|(name, library)| {
        let imports = library.imports.iter().map(|import| code(import));
        format!(
            "<td>{}</td><td class=\"n\">{}</td><td>{}</td><td>{}</td>",
            code(name),
            library.findings,
            cell(imports, library.imports.len()),
            cell(library.files.iter().map(|file| link(file, anchors)), library.files.len()),
        )
    });
    table(out, "<th>Library</th><th class=\"n\">Findings</th><th>Imports</th><th>Files</th>", rows)?;
    writeln!(out, "</section>")
}

fn by_commit(out: &mut dyn Write, findings: &[&Finding], anchors: &Anchors<'_>) -> io::Result<()> {
    let mut commits: BTreeMap<&str, (usize, BTreeSet<&BlobPath>)> = BTreeMap::new();
    for finding in findings {
        if let Some(commit) = finding.commit.as_deref() {
            let (found, files) = commits.entry(commit).or_default();
            *found += 1;
            files.insert(&finding.path);
        }
    }
    writeln!(
        out,
        "<section id=\"commits\"><h2>By commit</h2>\n<p class=\"faint\">The first commit that brought the content: \
         <code>git show COMMIT</code> has its author and date.</p>"
    )?;
    let rows = commits.into_iter().map(|(commit, (found, files))| {
        let files = cell(files.iter().map(|file| link(file, anchors)), files.len());
        format!("<td>{}</td><td class=\"n\">{found}</td><td>{files}</td>", code(commit))
    });
    table(out, "<th>Commit</th><th class=\"n\">Findings</th><th>Files</th>", rows)?;
    writeln!(out, "</section>")
}

fn rules(out: &mut dyn Write, findings: &[&Finding]) -> io::Result<()> {
    let found: BTreeSet<Rule> = findings.iter().map(|finding| finding.rule).collect();
    writeln!(out, "<section id=\"rules\"><h2>Rules</h2>")?;
    for rule in found {
        let section = Section::of(rule);
        writeln!(
            out,
            "<details class=\"file\" id=\"r-{rule}\"><summary><h3>{rule}</h3> {}</summary>",
            text(rule.summary())
        )?;
        for part in [section.meaning, section.fix] {
            for paragraph in part.split("\n\n") {
                writeln!(out, "<p>{}</p>", text(&without_links(&paragraph.replace('\n', " "))))?;
            }
        }
        writeln!(out, "</details>")?;
    }
    writeln!(out, "</section>")
}

fn skipped(out: &mut dyn Write, outcome: &Outcome) -> io::Result<()> {
    if outcome.skipped.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<section><h2>Skipped</h2>\n<details><summary>{}</summary><ul>",
        count(outcome.skipped.len(), "file")
    )?;
    for skipped in outcome.skipped.iter().take(SKIPPED) {
        writeln!(out, "<li>{}: {}</li>", path(&skipped.path), text(&skipped.reason.to_string()))?;
    }
    let more = outcome.skipped.len().saturating_sub(SKIPPED);
    if more > 0 {
        writeln!(out, "<li>{more} more, which a report in JSON has</li>")?;
    }
    writeln!(out, "</ul></details></section>")
}

fn list(out: &mut dyn Write, title: &str, items: impl ExactSizeIterator<Item = String>) -> io::Result<()> {
    if items.len() == 0 {
        return Ok(());
    }
    let more = items.len().saturating_sub(SKIPPED);
    writeln!(out, "<section><h2>{title}</h2><ul>")?;
    for item in items.take(SKIPPED) {
        writeln!(out, "<li>{item}</li>")?;
    }
    if more > 0 {
        writeln!(out, "<li>{more} more, which a report in JSON has</li>")?;
    }
    writeln!(out, "</ul></section>")
}

fn table(out: &mut dyn Write, head: &str, rows: impl Iterator<Item = String>) -> io::Result<()> {
    writeln!(out, "<div class=\"scroll\"><table><thead><tr>{head}</tr></thead><tbody>")?;
    for row in rows {
        writeln!(out, "<tr>{row}</tr>")?;
    }
    writeln!(out, "</tbody></table></div>")
}

/// A few names; many are folded away, and of very many the rest is counted.
fn cell(names: impl Iterator<Item = String>, total: usize) -> String {
    let names: Vec<String> = names.take(NAMED).collect();
    let mut text = names.join("<br>");
    if total > names.len() {
        let _ = write!(text, "<br>and {} more", total - names.len());
    }
    match total {
        0..=5 => text,
        _ => format!("<details><summary>all {total}</summary>{text}</details>"),
    }
}

/// The number of findings of each level.
fn levels(findings: &[&Finding]) -> String {
    let mut parts = Vec::new();
    for level in [Level::Error, Level::Warning, Level::Note] {
        let found = findings.iter().filter(|finding| finding.level == level).count();
        if found > 0 {
            parts.push(format!("<span class=\"{}\">{}</span>", level.as_str(), count(found, level.as_str())));
        }
    }
    parts.join(" ")
}

fn link(file: &BlobPath, anchors: &Anchors<'_>) -> String {
    match anchors.get(file) {
        Some(at) => format!("<a href=\"#f{at}\">{}</a>", path(file)),
        None => path(file),
    }
}

fn path(path: &BlobPath) -> String {
    code(&escape::lossless(path.as_bytes()))
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", escape::xml(text))
}

/// A sentence, with what stands between backticks as code.
fn text(text: &str) -> String {
    let cut = escape::terminal_cut(text, SENTENCE);
    let mut parts: Vec<&str> = cut.split('`').collect();
    if parts.len().is_multiple_of(2) {
        parts = vec![&*cut];
    }
    let mut out = String::new();
    for (at, part) in parts.into_iter().enumerate() {
        let part = escape::entities(part);
        match at % 2 {
            0 => out.push_str(&part),
            _ => {
                let _ = write!(out, "<code>{part}</code>");
            }
        }
    }
    out
}
