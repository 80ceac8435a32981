//! Additions to a policy file's text that leave everything else in it as it is: comments, order, line
//! ends.

use super::file::PolicyFile;
use super::{Date, Layer};
use crate::error::{Error, Result};

/// One line of `allow` to be.
#[derive(Clone, Debug, Default)]
pub struct NewEntry {
    /// As a policy file writes it.
    pub import: String,
    /// Why.
    pub reason: String,
    /// Globs it is bound to; none for every path.
    pub paths: Vec<String>,
    /// Its last day.
    pub expires: Option<Date>,
    /// Words of the uses; none for what the name suggests.
    pub uses: Vec<String>,
}

/// One line of `files` to be.
#[derive(Clone, Debug)]
pub struct NewPin {
    /// In hexadecimal.
    pub sha256: String,
    /// The path it is accepted at.
    pub path: String,
    /// Why.
    pub reason: String,
    /// Its last day.
    pub expires: Option<Date>,
}

impl NewEntry {
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("- import: {}", scalar(&self.import))];
        lines.push(format!("  reason: {}", scalar(&self.reason)));
        if !self.paths.is_empty() {
            lines.push(format!("  paths: {}", flow(&self.paths)));
        }
        lines.extend(self.expires.map(|day| format!("  expires: {day}")));
        if !self.uses.is_empty() {
            lines.push(format!("  use: {}", flow(&self.uses)));
        }
        lines
    }
}

impl NewPin {
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("- sha256: {}", self.sha256)];
        lines.push(format!("  path: {}", scalar(&self.path)));
        lines.push(format!("  reason: {}", scalar(&self.reason)));
        lines.extend(self.expires.map(|day| format!("  expires: {day}")));
        lines
    }
}

/// The text with these lines added, and `None` where there is nothing to add.
///
/// # Errors
/// A text that is no policy, or one whose lists are written on one line: then nothing is changed and
/// the remedy has the lines to add by hand.
pub fn with_additions(text: &str, source: &str, entries: &[NewEntry], pins: &[NewPin]) -> Result<String> {
    PolicyFile::parse(text.as_bytes(), source, Layer::Repository)?;
    let entry_lines: Vec<String> = entries.iter().flat_map(NewEntry::lines).collect();
    let pin_lines: Vec<String> = pins.iter().flat_map(NewPin::lines).collect();
    let mut edited = text.to_owned();
    if edited.trim().is_empty() {
        edited.push_str("version: 1\n");
    }
    for (key, lines) in [("allow", &entry_lines), ("files", &pin_lines)] {
        if !lines.is_empty() {
            edited = with_items(&edited, key, lines).ok_or_else(|| by_hand(source, key, lines))?;
        }
    }
    PolicyFile::parse(edited.as_bytes(), source, Layer::Repository)
        .map_err(|_| by_hand(source, "allow", &entry_lines))?;
    Ok(edited)
}

fn by_hand(source: &str, key: &str, lines: &[String]) -> Error {
    Error::new(format!(
        "{}: `{key}` is written in a way that is not edited here",
        crate::escape::terminal(source)
    ))
    .remedy("write one item a line, or add these lines by hand")
    .excerpt(lines.iter().map(|line| crate::escape::terminal(line).into_owned()))
}

/// Adds items to the list below a key of the top level. `None` where the list stands on the key's line.
fn with_items(text: &str, key: &str, items: &[String]) -> Option<String> {
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut out = String::with_capacity(text.len() + 200);
    let Some(at) = lines.iter().position(|line| value_of(line, key).is_some()) else {
        out.push_str(text);
        if !text.ends_with('\n') {
            out.push_str(end);
        }
        push(&mut out, &format!("{key}:"), "", end);
        items.iter().for_each(|item| push(&mut out, item, "  ", end));
        return Some(out);
    };
    // `allow: []` becomes a list of lines; any other value on that line is left to its author.
    let value = value_of(lines.get(at)?, key)?;
    let emptied = match value.split('#').next().unwrap_or("").trim() {
        "" => false,
        "[]" | "null" | "~" => true,
        _ => return None,
    };
    let rest = lines.get(at + 1..).unwrap_or(&[]);
    let belongs = |line: &&str| line.starts_with([' ', '\t', '-']) || is_blank(line);
    let block = rest.iter().take_while(|line| belongs(line) || line.starts_with('#')).count();
    let block = rest.get(..block).unwrap_or(&[]);
    let last = block.iter().rposition(|line| !is_blank(line)).map_or(0, |i| i + 1);
    let first = block.iter().find(|line| line.trim_start().starts_with('-'));
    let indent: String = match first {
        Some(line) => line.chars().take_while(|c| *c == ' ').collect(),
        None => "  ".to_owned(),
    };
    lines.get(..at)?.iter().for_each(|line| out.push_str(line));
    match emptied {
        true => push(&mut out, &format!("{key}:"), "", end),
        false => out.push_str(lines.get(at)?),
    }
    block.get(..last)?.iter().for_each(|line| out.push_str(line));
    if !out.ends_with('\n') {
        out.push_str(end);
    }
    items.iter().for_each(|item| push(&mut out, item, &indent, end));
    rest.get(last..)?.iter().for_each(|line| out.push_str(line));
    Some(out)
}

/// What stands behind `key:` at the beginning of a line.
fn value_of<'l>(line: &'l str, key: &str) -> Option<&'l str> {
    line.trim_start_matches('\u{feff}').strip_prefix(key)?.trim_start().strip_prefix(':')
}

/// Neither content nor an indented comment: what may belong to the next key as well.
fn is_blank(line: &str) -> bool {
    let text = line.trim();
    text.is_empty() || line.starts_with('#')
}

fn push(out: &mut String, line: &str, indent: &str, end: &str) {
    out.push_str(indent);
    out.push_str(line);
    out.push_str(end);
}

/// Plain where YAML takes it for a text and nothing else, quoted otherwise.
fn scalar(text: &str) -> String {
    let begins = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || " ._-/+,()".contains(c));
    let word = !matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n"
    );
    if begins && plain && word && !text.ends_with(' ') {
        return text.to_owned();
    }
    // JSON's strings are YAML's double-quoted ones.
    serde_json::Value::from(text).to_string()
}

fn flow(items: &[String]) -> String {
    let items: Vec<String> =
        items.iter().map(|item| serde_json::Value::from(item.as_str()).to_string()).collect();
    format!("[{}]", items.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(import: &str) -> NewEntry {
        NewEntry { import: import.into(), reason: "ours".into(), ..NewEntry::default() }
    }

    fn added(text: &str) -> String {
        with_additions(text, ".fickgate.yaml", &[entry("b.C")], &[]).unwrap()
    }

    #[test]
    fn the_rest_of_the_file_stays_as_it_is() {
        for (before, after) in [
            ("", "version: 1\nallow:\n  - import: b.C\n    reason: ours\n"),
            ("version: 1", "version: 1\nallow:\n  - import: b.C\n    reason: ours\n"),
            ("allow: []  # none\ndeny: [x.y]\n", "allow:\n  - import: b.C\n    reason: ours\ndeny: [x.y]\n"),
            (
                "# head\nallow: # ours\n- import: a.B # one\n  reason: x\n\n# about deny\ndeny: [x.y]\n",
                "# head\nallow: # ours\n- import: a.B # one\n  reason: x\n- import: b.C\n  reason: ours\n\n# about deny\ndeny: [x.y]\n",
            ),
            (
                "allow:\r\n    - import: a.B\r\n      reason: x\r\nlevels: {}\r\n",
                "allow:\r\n    - import: a.B\r\n      reason: x\r\n    - import: b.C\r\n      reason: ours\r\nlevels: {}\r\n",
            ),
            (
                "allow:\n  - import: a.B\n    reason: |\n      two\n\n      lines",
                "allow:\n  - import: a.B\n    reason: |\n      two\n\n      lines\n  - import: b.C\n    reason: ours\n",
            ),
        ] {
            assert_eq!(added(before), after);
        }
    }

    #[test]
    fn a_list_on_one_line_is_left_to_its_author() {
        let text = "allow: [{import: a.B, reason: x}]\n";
        let error = with_additions(text, ".fickgate.yaml", &[entry("b.C")], &[]).unwrap_err();
        assert!(error.lines().iter().any(|line| line.contains("import: b.C")));
    }

    #[test]
    fn texts_that_yaml_would_take_for_something_else_are_quoted() {
        for reason in
            ["yes", "a: b", "# x", "'", "\"q\"", "- x", "1", "ünïcode", "a\nb", "{x}", "x ", "*a", "!t"]
        {
            let new = NewEntry { reason: reason.into(), paths: vec!["a b/**".into()], ..entry("b.C") };
            let text = with_additions("", "x", &[new], &[]).unwrap();
            let file = PolicyFile::parse(text.as_bytes(), "x", Layer::Repository).unwrap();
            assert_eq!(file.allow[0].reason, reason);
            assert_eq!(file.allow[0].bounds.as_ref().unwrap().paths, ["a b/**"]);
        }
    }
}
