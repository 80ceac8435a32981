//! Additions to a policy file's text that leave everything else in it as it is: comments, order, line
//! ends.
//!
//! One file, since nearly half of it are the files that its tests edit.

use fickgate_engine::error::{Error, Result};
use fickgate_engine::policy::change::PolicyChange;
use fickgate_engine::policy::file::PolicyFile;
use fickgate_engine::policy::{Date, Layer};

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

/// The text with these lines added.
///
/// # Errors
/// A text that is no policy, lines that none takes, or a text that is written in a way that is not
/// edited here: then the remedy has the lines to add by hand.
pub fn with_additions(text: &str, source: &str, entries: &[NewEntry], pins: &[NewPin]) -> Result<String> {
    let parse = |text: &str, source: &str| PolicyFile::parse(text.as_bytes(), source, Layer::Repository);
    let old = parse(text, source)?;
    let entry_lines: Vec<Vec<String>> = entries.iter().map(NewEntry::lines).collect();
    let pin_lines: Vec<Vec<String>> = pins.iter().map(NewPin::lines).collect();
    let lists = [("allow", &entry_lines), ("files", &pin_lines)];
    for (key, items) in lists.iter().filter(|(_, items)| !items.is_empty()) {
        // What is wrong with a new line is told of that line, not of the file.
        parse(&format!("{key}:\n{}\n", items.concat().join("\n")), "the new entry")?;
    }
    let mut edited = text.to_owned();
    if edited.trim().is_empty() {
        edited.push_str("version: 1\n");
    }
    for (key, items) in lists.iter().filter(|(_, items)| !items.is_empty()) {
        edited = with_items(&edited, key, items).ok_or_else(|| by_hand(source, key, items))?;
    }
    let (key, items) = if entries.is_empty() { ("files", &pin_lines) } else { ("allow", &entry_lines) };
    match parse(&edited, source) {
        Ok(new) if only_adds(&old, &new, entries.len(), pins.len()) => Ok(edited),
        _ => Err(by_hand(source, key, items)),
    }
}

/// Whether the new file is the old one with so many more lines in its lists.
fn only_adds(old: &PolicyFile, new: &PolicyFile, entries: usize, pins: usize) -> bool {
    // Every old line is still there, in the same order.
    let mut allowed = new.allow.iter();
    let allow = old.allow.iter().all(|old| {
        allowed.any(|new| (old.import(), &old.reason, old.kind) == (new.import(), &new.reason, new.kind))
    });
    let mut accepted = new.files.iter();
    let files = old.files.iter().all(|old| {
        accepted.any(|new| (old.sha256, &old.path, &old.reason) == (new.sha256, &new.path, &new.reason))
    });
    allow
        && files
        && new.allow.len() == old.allow.len() + entries
        && new.files.len() == old.files.len() + pins
        && PolicyChange::between(Some(old), Some(new)).removes_nothing()
}

fn by_hand(source: &str, key: &str, items: &[Vec<String>]) -> Error {
    Error::new(format!(
        "{}: `{key}` is written in a way that is not edited here",
        fickgate_engine::escape::terminal(source)
    ))
    .remedy("write one item a line, or add these lines by hand")
    .excerpt(items.iter().flatten().map(|line| fickgate_engine::escape::terminal(line).into_owned()))
}

/// Adds items to the list below a key of the top level. `None` where its value is no list.
fn with_items(text: &str, key: &str, items: &[Vec<String>]) -> Option<String> {
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut out = String::with_capacity(text.len() + 200);
    let Some(at) = lines.iter().position(|line| value_of(line, key).is_some()) else {
        out.push_str(text);
        if !text.ends_with('\n') {
            out.push_str(end);
        }
        push(&mut out, &format!("{key}:"), "", end);
        items.iter().flatten().for_each(|item| push(&mut out, item, "  ", end));
        return Some(out);
    };
    let head = lines.get(at)?;
    let (value, comment) = split_comment(value_of(head, key)?);
    let emptied = match value.trim() {
        "" => false,
        "[]" | "null" | "~" => true,
        flow if flow.starts_with('[') => return with_flow_items(text, key, items),
        _ => return None,
    };
    let rest = lines.get(at + 1..).unwrap_or(&[]);
    let belongs = |line: &&str| line.starts_with([' ', '\t']) || is_item(line) || is_blank(line);
    let block = rest.iter().take_while(|line| belongs(line) || line.starts_with('#')).count();
    let block = rest.get(..block).unwrap_or(&[]);
    let last = block.iter().rposition(|line| !is_blank(line)).map_or(0, |i| i + 1);
    let indent: String = match block.iter().find(|line| is_item(line.trim_start())) {
        Some(line) => line.chars().take_while(|c| *c == ' ').collect(),
        None => "  ".to_owned(),
    };
    lines.get(..at)?.iter().for_each(|line| out.push_str(line));
    match emptied {
        true => push(&mut out, format!("{key}:  {}", comment.trim()).trim_end(), "", end),
        false => out.push_str(head),
    }
    let mut parts = parts(block.get(..last)?, &indent);
    for item in items {
        let mut text = String::new();
        item.iter().for_each(|line| push(&mut text, line, &indent, end));
        // In the order of their names, so that two branches which both add one seldom add it at the same place.
        let name = name_of(item.iter().map(String::as_str));
        let later = |part: &Part| matches!((&part.name, &name), (Some(there), Some(new)) if there > new);
        let at = parts.iter().position(later).unwrap_or(parts.len());
        parts.insert(at, Part { name, text });
    }
    for part in parts {
        if !out.ends_with('\n') {
            out.push_str(end);
        }
        out.push_str(&part.text);
    }
    rest.get(last..)?.iter().for_each(|line| out.push_str(line));
    Some(out)
}

/// An item of a list, with the comments above it.
struct Part {
    /// What it is sorted by; none for what stands above the first item.
    name: Option<String>,
    text: String,
}

/// Takes a list apart.
fn parts(lines: &[&str], indent: &str) -> Vec<Part> {
    let begins = |line: &str| line.strip_prefix(indent).is_some_and(is_item);
    let mut parts: Vec<Vec<&str>> = vec![Vec::new()];
    for line in lines {
        if begins(line) {
            // Comments right above an item are about it.
            let above = parts.last_mut().map(|part| {
                let own =
                    part.iter().rposition(|line| !line.trim_start().starts_with('#')).map_or(0, |at| at + 1);
                part.split_off(own)
            });
            parts.push(above.unwrap_or_default());
        }
        if let Some(part) = parts.last_mut() {
            part.push(line);
        }
    }
    let whole = parts.into_iter().filter(|part| !part.is_empty());
    whole.map(|part| Part { name: name_of(part.iter().copied()), text: part.concat() }).collect()
}

/// The import that an item allows, or the path of the file that it accepts.
fn name_of<'l>(lines: impl Iterator<Item = &'l str>) -> Option<String> {
    let values = lines.filter_map(|line| {
        let line = line.trim_start();
        let pair = line.strip_prefix('-').unwrap_or(line).trim_start().trim_start_matches('{');
        ["import:", "path:"].iter().find_map(|key| pair.strip_prefix(key))
    });
    let value = values.map(str::trim).next()?;
    Some(value.split([',', '}']).next().unwrap_or(value).trim_matches(['"', '\'', ' ']).to_owned())
}

/// Adds items to a list in brackets.
fn with_flow_items(text: &str, key: &str, items: &[Vec<String>]) -> Option<String> {
    let start = text.split_inclusive('\n').scan(0, |at, line| {
        let begin = *at;
        *at += line.len();
        Some((begin, line))
    });
    let (begin, line) = start.into_iter().find(|(_, line)| value_of(line, key).is_some())?;
    let open = begin + line.find('[')?;
    let last = last_of_flow(text.get(open..)?)?;
    let at = open + last.0 + last.1.len_utf8();
    let written: Vec<String> = items
        .iter()
        .map(|lines| {
            // `- import: x` and the lines below it are the pairs of one mapping.
            let pairs: Vec<&str> = lines.iter().map(|line| line.get(2..).unwrap_or(line)).collect();
            format!("{{{}}}", pairs.join(", "))
        })
        .collect();
    let before = match last.1 {
        '[' => "",
        ',' => " ",
        _ => ", ",
    };
    Some(format!("{}{before}{}{}", text.get(..at)?, written.join(", "), text.get(at..)?))
}

/// The last character before the bracket that closes the list with which `text` begins, comments and
/// blanks apart, with its place.
fn last_of_flow(text: &str) -> Option<(usize, char)> {
    let (mut depth, mut last, mut before) = (0usize, (0, '['), ' ');
    let mut quote = None;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match (quote, c) {
            (Some('"'), '\\') => {
                chars.next();
            }
            (Some(q), c) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '#') if before.is_whitespace() => {
                chars.by_ref().find(|(_, c)| *c == '\n');
                before = '\n';
                continue;
            }
            // A quote inside of a plain text is a letter.
            (None, '"' | '\'') if before.is_whitespace() || "[{,:'".contains(before) => quote = Some(c),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(last);
                }
            }
            _ => {}
        }
        before = c;
        if !c.is_whitespace() {
            last = (at, c);
        }
    }
    None
}

/// A value on the key's line, and the comment behind it.
fn split_comment(value: &str) -> (&str, &str) {
    let at = value.char_indices().find(|(at, c)| {
        *c == '#' && value.get(..*at).is_none_or(|before| before.is_empty() || before.ends_with([' ', '\t']))
    });
    at.and_then(|(at, _)| value.split_at_checked(at)).unwrap_or((value, ""))
}

/// Whether a line begins an item of a list; `---` does not.
fn is_item(line: &str) -> bool {
    line.strip_prefix('-').is_some_and(|rest| rest.trim_end().is_empty() || rest.starts_with([' ', '\t']))
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
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || " ._-/+()".contains(c));
    let word = !matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n"
    );
    if begins && plain && word && !text.ends_with(' ') {
        return text.to_owned();
    }
    quoted(text)
}

/// Between double quotes, as JSON does it, which YAML takes; what nobody sees is escaped.
fn quoted(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    let unseen = |c: char| c.is_control() || fickgate_engine::policy::is_unseen(c);
    json.chars().map(|c| if unseen(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() }).collect()
}

fn flow(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
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
            (
                "allow: []  # none\ndeny: [x.y]\n",
                "allow:  # none\n  - import: b.C\n    reason: ours\ndeny: [x.y]\n",
            ),
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
    fn entries_stand_in_the_order_of_their_names() {
        let before = "allow:\n  # all of ours\n\n  - import: a.B\n    reason: x\n  # about z\n  - reason: y\n    import: \"z.Z\"\n";
        let after = before.replace("  # about z", "  - import: b.C\n    reason: ours\n  # about z");
        assert_eq!(added(before), after);
        let first = "allow:\n- import: c.D\n  reason: x\n";
        assert_eq!(added(first), "allow:\n- import: b.C\n  reason: ours\n- import: c.D\n  reason: x\n");
    }

    #[test]
    fn a_list_in_brackets_stays_one() {
        let new = "{import: b.C, reason: ours}";
        for (before, after) in [
            ("allow: [{import: a.B, reason: x}]\n", "allow: [{import: a.B, reason: x}, NEW]\n"),
            ("allow: [{import: a.B, reason: x},]\n", "allow: [{import: a.B, reason: x}, NEW]\n"),
            (
                "allow: [ {import: a.B, reason: \"a ] , # b\"} ] # end\ndeny: []\n",
                "allow: [ {import: a.B, reason: \"a ] , # b\"}, NEW ] # end\ndeny: []\n",
            ),
            ("allow: [{import: a.B, reason: it's}]\n", "allow: [{import: a.B, reason: it's}, NEW]\n"),
            (
                "allow: [{import: a.B, reason: 'it''s ]'}]\n",
                "allow: [{import: a.B, reason: 'it''s ]'}, NEW]\n",
            ),
            (
                "allow: [\n  {import: a.B, reason: x}, # one ]\n  # two\n]\n",
                "allow: [\n  {import: a.B, reason: x}, NEW # one ]\n  # two\n]\n",
            ),
            (
                "allow: [\r\n  {import: a.B, reason: x, paths: ['a/**']}\r\n]\r\n",
                "allow: [\r\n  {import: a.B, reason: x, paths: ['a/**']}, NEW\r\n]\r\n",
            ),
        ] {
            // A comma that ends the list is one already.
            let after = after.replace("NEW", new);
            assert_eq!(added(before), after);
        }
    }

    #[test]
    fn every_style_of_list_grows_by_what_was_asked_for_and_nothing_else() {
        let hash = "0".repeat(64);
        let pin = NewPin { sha256: hash, path: "a b.pkl".into(), reason: "x".into(), expires: None };
        for text in [
            "",
            "\n\n",
            "# only a comment",
            "---\n# head\nversion: 1\n",
            "version: 1\nallow:\n",
            "version: 1\nallow: # none yet\n",
            "allow: null\nfiles: ~ # c\n",
            "allow:\n- import: a.B\n  reason: x\n",
            "allow:\n-   import: a.B\n    reason: x\n",
            "allow:\n    - import: a.B\n      reason: x\n    # last\n",
            "allow:\n  -\n    import: a.B\n    reason: x\n",
            "allow:\n  - {import: a.B, reason: x}",
            "allow:\n  - import: a.B\n    reason: >\n      - not an item\n\n      two\n\n\n# end\n",
            "allow:\n  - import: a.B\n    reason: \"x\n      y\"\nfiles: []\n",
            "files: []\nallow: [] # c\n",
            "\u{feff}allow:\n  - import: a.B\n    reason: x\n",
            "extends: none\r\nallow:\r\n  - import: a.B\r\n    reason: x",
            "deny: [x.y]\nallow:\n  - import: a.B # allow: []\n    reason: 'allow: [x]'\nlevels: {}\n",
        ] {
            let parse = |text: &str| PolicyFile::parse(text.as_bytes(), "x", Layer::Repository).unwrap();
            let edited = with_additions(text, "x", &[entry("b.C"), entry("b.D")], std::slice::from_ref(&pin));
            let edited = edited.unwrap_or_else(|error| panic!("{text:?}: {error} {:?}", error.lines()));
            let (old, new) = (parse(text), parse(&edited));
            let imports = |file: &PolicyFile| file.allow.iter().map(|e| e.import()).collect::<Vec<_>>();
            assert_eq!(imports(&new), [imports(&old), vec!["b.C".into(), "b.D".into()]].concat(), "{edited}");
            assert_eq!(new.files.last().and_then(|pin| pin.path.as_deref()), Some("a b.pkl"), "{edited}");
            for line in text.lines().filter(|line| line.contains('#')) {
                let comment = line.split_once('#').map_or("", |(_, comment)| comment);
                assert!(edited.contains(comment), "{line}: {edited}");
            }
        }
    }

    #[test]
    fn what_is_not_edited_is_left_to_its_author() {
        for text in [
            "{version: 1, allow: []}\n",
            "\"allow\": []\n",
            "allow: &a\n  - {import: a.B, reason: x}\n",
            "version: 1\n...\n",
        ] {
            let error = with_additions(text, ".fickgate.yaml", &[entry("b.C")], &[]).unwrap_err();
            assert!(error.lines().iter().any(|line| line.contains("import: b.C")), "{text} {error}");
        }
        let broken = NewEntry { paths: vec!["../x".into()], ..entry("b.C") };
        let error = with_additions("", ".fickgate.yaml", &[broken], &[]).unwrap_err();
        assert!(error.message().contains("the new entry:4:"), "{error}");
    }

    #[test]
    fn texts_that_yaml_would_take_for_something_else_are_quoted() {
        for reason in [
            "yes",
            "a: b",
            "# x",
            "'",
            "\"q\"",
            "- x",
            "1",
            "ünïcode",
            "a\nb",
            "{x}",
            "x ",
            "*a",
            "!t",
            "a, b",
            "a] #c",
            "~",
            "null",
            "\u{202e}x",
            "\u{7f}",
            "x\u{85}y",
            "\\",
            "%x",
            "@x",
            "`x`",
            "x:",
            "<<",
            "=",
            "😀",
            "a\tb",
            " x",
        ] {
            let new = NewEntry { reason: reason.into(), paths: vec!["a b/**".into()], ..entry("b.C") };
            let flow =
                with_additions("allow: [{import: a.B, reason: x}]", "x", std::slice::from_ref(&new), &[])
                    .unwrap();
            let flow = PolicyFile::parse(flow.as_bytes(), "x", Layer::Repository).unwrap();
            assert_eq!(flow.allow[1].reason, reason);
            let text = with_additions("", "x", &[new], &[]).unwrap();
            let file = PolicyFile::parse(text.as_bytes(), "x", Layer::Repository).unwrap();
            assert_eq!(file.allow[0].reason, reason);
            assert_eq!(file.allow[0].bounds.as_ref().unwrap().paths, ["a b/**"]);
        }
    }
}
