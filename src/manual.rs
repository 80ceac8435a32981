//! What is said about each rule: `docs/rules.md`, compiled in, so that the page and `fickgate rule`
//! cannot differ.

use std::io::{self, Write};

use crate::report::wrap::wrapped;
use fickgate_engine::error::{Error, Result};
use fickgate_engine::rule::Rule;

/// The page: Markdown, one `## id` section a rule.
pub const PAGE: &str = include_str!("../docs/rules.md");

/// What the page says about one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// Everything below the section's heading, Markdown.
    pub text: &'static str,
    /// What a finding of the rule means.
    pub meaning: &'static str,
    /// A fenced example.
    pub example: &'static str,
    /// What to do about a finding.
    pub fix: &'static str,
    /// When a policy may give the rule another level.
    pub lowering: &'static str,
}

impl Section {
    /// The section of a rule.
    pub fn of(rule: Rule) -> Section {
        let text = part(PAGE, "## ", rule.id());
        Section {
            text,
            meaning: part(text, "### ", "What it means"),
            example: part(text, "### ", "Example"),
            fix: part(text, "### ", "How to fix it"),
            lowering: part(text, "### ", "When to lower it"),
        }
    }
}

/// What stands below the heading `name`, up to the next heading of that depth. Nothing where there is
/// no such heading; a test sees to it that there is.
fn part<'t>(text: &'t str, depth: &str, name: &str) -> &'t str {
    let mut start = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if let Some(heading) = line.strip_prefix(depth) {
            if let Some(start) = start {
                return text.get(start..at).unwrap_or_default().trim();
            }
            if heading.trim() == name {
                start = Some(at + line.len());
            }
        }
        at += line.len();
    }
    start.and_then(|start| text.get(start..)).unwrap_or_default().trim()
}

/// Markdown without its links, whose targets are files of the documentation.
pub fn without_links(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, label, after)) = link(rest) {
        out.push_str(before);
        out.push_str(label);
        rest = after;
    }
    out + rest
}

/// The first `[label](target)`: what stands before it, its label, what stands behind it.
fn link(text: &str) -> Option<(&str, &str, &str)> {
    let (head, tail) = text.split_once("](")?;
    let (before, label) = head.rsplit_once('[')?;
    Some((before, label, tail.split_once(')')?.1))
}

/// The rule that a person named, or an error with the nearest id.
pub fn find(id: &str) -> Result<Rule> {
    Rule::from_id(id).ok_or_else(|| {
        let shown = fickgate_engine::escape::terminal(id);
        let likely = |rule: &Rule| distance(rule.id(), id) <= 4 || rule.id().contains(id);
        let near = Rule::ALL.iter().copied().filter(likely).min_by_key(|rule| distance(rule.id(), id));
        let error = Error::new(format!("no rule is named {shown}"));
        match near {
            Some(rule) => error.remedy(format!("fickgate rule {rule}")),
            None => error.remedy("`fickgate rule` lists all rules"),
        }
    })
}

/// The widest text of a rule, in columns: longer lines are hard to read.
pub const WIDEST: usize = 100;

/// Every rule in a line, or a few where the terminal is narrow: id, level, summary.
pub fn write_list(wrap: Option<usize>, out: &mut dyn Write) -> io::Result<()> {
    let width = Rule::ALL.iter().map(|rule| rule.id().len()).max().unwrap_or(0);
    let indent = " ".repeat(width + 11);
    for rule in Rule::ALL {
        let summary = match wrap {
            Some(columns) => {
                wrapped(rule.summary(), columns.saturating_sub(indent.len())).join(&format!("\n{indent}"))
            }
            None => rule.summary().to_owned(),
        };
        writeln!(out, "{:width$}  {:7}  {summary}", rule.id(), rule.level().as_str())?;
    }
    writeln!(out, "\nfickgate rule ID says what one means, how to fix it and when to lower it.")
}

/// One rule, for a terminal of that many columns.
pub fn write_rule(rule: Rule, width: usize, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{rule}\n")?;
    let mut fenced = false;
    let mut paragraph = String::new();
    for line in Section::of(rule).text.lines().chain([""]) {
        let flows = !fenced && !line.is_empty() && !line.starts_with("```") && !line.starts_with("### ");
        if flows {
            if !paragraph.is_empty() {
                paragraph.push(' ');
            }
            paragraph.push_str(line);
            continue;
        }
        for line in wrapped(&without_links(&std::mem::take(&mut paragraph)), width)
            .iter()
            .filter(|line| !line.is_empty())
        {
            writeln!(out, "{line}")?;
        }
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced && !line.is_empty() {
            writeln!(out, "    {line}")?;
        } else {
            writeln!(out, "{}", line.strip_prefix("### ").unwrap_or(line))?;
        }
    }
    Ok(())
}

/// Insertions, deletions and replacements between two ids; a long id costs no more than its first 64 bytes.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let b = b.get(..64).unwrap_or(b);
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut before = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (y, above) in b.iter().zip(row.iter().skip(1)) {
            left = (before + usize::from(x != y)).min(left + 1).min(above + 1);
            before = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_whole_section_in_the_order_of_the_table() {
        let headings: Vec<&str> = PAGE.lines().filter_map(|l| l.strip_prefix("## ")).collect();
        assert_eq!(headings, Rule::ALL.iter().map(|r| r.id()).collect::<Vec<_>>());
        for rule in Rule::ALL {
            let section = Section::of(*rule);
            let level = rule.level().as_str();
            let first = format!("{}{}. {}.", level[..1].to_uppercase(), &level[1..], rule.summary());
            assert_eq!(section.text.lines().next(), Some(first.as_str()), "{rule}");
            for part in [section.meaning, section.fix, section.lowering] {
                assert!(part.ends_with('.') && !part.contains('#'), "{rule}: {part}");
            }
            assert!(section.example.starts_with("```text\n") && section.example.ends_with("```"), "{rule}");
        }
    }

    #[test]
    fn the_page_says_of_each_rule_whether_a_policy_may_lower_it() {
        for rule in Rule::ALL {
            let never = Section::of(*rule).lowering.starts_with("Never.");
            assert_eq!(never, !rule.may_be_lowered(), "{rule}");
        }
    }

    #[test]
    fn a_misspelled_rule_is_answered_with_the_nearest() {
        let error = find("import-not-alowed").unwrap_err();
        assert_eq!(error.help(), Some("fickgate rule import-not-allowed"));
        assert_eq!(find("pointer").unwrap_err().help(), Some("fickgate rule pointer-mismatch"));
        assert_eq!(find(&"x".repeat(1 << 20)).unwrap_err().help(), Some("`fickgate rule` lists all rules"));
        assert_eq!(find("unused-allow").unwrap(), Rule::UnusedAllow);
    }

    #[test]
    fn links_are_told_by_their_label() {
        assert_eq!(without_links("a [b.md](b.md#c) d [e](f)."), "a b.md d e.");
        assert_eq!(without_links("a[0](b"), "a[0](b");
    }

    #[test]
    fn distances() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "ab"), 2);
        assert_eq!(distance("ab", "ab"), 0);
    }

    #[test]
    fn a_rule_reads_well_on_a_terminal() {
        let mut out = Vec::new();
        write_rule(Rule::ExpiredAllow, 60, &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }
}
