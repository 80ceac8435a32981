//! Hostile text, made harmless for the place it is printed in.
//!
//! Paths, member names, imports and messages come from a pull request. Each sink has one function:
//! [`terminal`] for lines on a terminal or in a log, [`command_data`] and [`command_property`] for
//! workflow commands, [`markdown`] for summaries, [`json`] for the inside of a JSON string,
//! [`xml`] for XML.
//!
//! A GitHub runner reads every line of a job's log. It obeys `::command::` where a line starts so,
//! white space aside, and `##[command]` anywhere in a line (`ActionCommand.cs` of actions/runner). All
//! functions break both up, so that no text can become a command, whatever prints it.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Most characters of one piece of text in a report for people. A longer one keeps its head and its
/// tail, where the file name is, with [`ELLIPSIS`] between them.
pub const SHOWN: usize = 400;

/// Most characters of a whole message or help line, which may hold several such pieces.
pub const SENTENCE: usize = 2000;

/// Stands where text was left out.
pub const ELLIPSIS: &str = "…";

/// Whether a character is invisible, or changes how its neighbours are shown.
///
/// C0 and C1 controls and DEL, bidirectional controls, zero-width and filler characters, line and
/// paragraph separators, variation selectors, tag characters, non-characters.
pub fn is_hostile(c: char) -> bool {
    matches!(c,
        '\0'..='\x1f'
        | '\x7f'..='\u{9f}'
        | '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{fdd0}'..='\u{fdef}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{fffe}'..='\u{ffff}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// One line for a terminal or a log, at most [`SHOWN`] characters of the text.
///
/// Hostile characters become `\n`, `\r`, `\t` or `\u{NNNN}`. A backslash stays as it is, so
/// text that is escaped already comes out the same.
pub fn terminal(text: &str) -> Cow<'_, str> {
    terminal_cut(text, SHOWN)
}

/// [`terminal`] with another ceiling, in characters of the text.
pub fn terminal_cut(text: &str, most: usize) -> Cow<'_, str> {
    let cut = cut(text, most);
    if is_plain(&cut) {
        return cut;
    }
    Cow::Owned(plain(&cut, true))
}

/// A piece of a longer text: a name in a message, a character of a literal. Like [`terminal`], but a
/// colon in front stays, since something stands before it. The whole still goes through its sink.
pub fn name(text: &str) -> String {
    plain(&cut(text, SHOWN), false)
}

/// [`terminal`] for bytes. Those that are not UTF-8 become `\xNN`.
pub fn terminal_bytes(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => terminal(text),
        Err(_) => Cow::Owned(terminal(&lossless(bytes)).into_owned()),
    }
}

/// Text of the bytes, with `\xNN` for those that are not UTF-8. Not safe to print by itself.
pub fn lossless(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    Cow::Owned(out)
}

/// The message of a workflow command: one line, percent-encoded, at most [`SENTENCE`] characters.
pub fn command_data(text: &str) -> String {
    percent(&terminal_cut(text, SENTENCE), &['%', '\r', '\n'])
}

/// The value of a property of a workflow command: one line, percent-encoded, `:` and `,` too. At
/// most 4,096 characters of the text, since a path that is cut names no file.
pub fn command_property(text: &str) -> String {
    percent(&terminal_cut(text, 4096), &['%', '\r', '\n', ':', ','])
}

/// Text for GitHub's Markdown, inside a table cell, a paragraph or an HTML element: what could be
/// markup, a link or a mention becomes a character reference.
pub fn markdown(text: &str) -> String {
    let text = terminal(text);
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    for (at, c) in text.char_indices() {
        // GitHub makes a link of what begins with `www.`.
        let www = || text[..at].get(at.saturating_sub(3)..).is_some_and(|w| w.eq_ignore_ascii_case("www"));
        let kept =
            !c.is_ascii_punctuation() || matches!(c, '/' | ',' | ';' | '=' | '-') || c == '.' && !www();
        if kept {
            out.push(c);
        } else {
            let _ = write!(out, "&#{};", u32::from(c));
        }
    }
    out
}

/// The inside of a JSON string, written to `out`, for text without `"`, `\` and C0 controls, which
/// the serialiser writes itself. Nothing is lost: hostile characters become `\uNNNN`.
pub fn json(text: &str, out: &mut impl std::io::Write) -> std::io::Result<()> {
    let mut done = 0;
    for (at, c) in text.char_indices() {
        let rest = &text[at..];
        if is_hostile(c) || rest.starts_with("##[") {
            out.write_all(&text.as_bytes()[done..at])?;
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                write!(out, "\\u{unit:04x}")?;
            }
            done = at + c.len_utf8();
        }
    }
    out.write_all(&text.as_bytes()[done..])
}

/// Text for an XML attribute in double quotes, or an element.
pub fn xml(text: &str) -> String {
    entities(&terminal(text))
}

/// Text that is fit for a terminal already, for an attribute or an element of XML or HTML.
pub fn entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A path as a relative URI reference, `/`-separated. Bytes that are neither unreserved nor `/`
/// are percent-encoded, so the result is plain ASCII and never has a scheme, a host, a query or a
/// fragment.
pub fn uri(path: &[u8]) -> String {
    let mut out = String::with_capacity(path.len());
    // Two slashes in front would name a host.
    let hosts = path.iter().take_while(|b| **b == b'/').count().saturating_sub(1);
    for byte in path.iter().skip(hosts) {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(*byte));
            }
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

fn percent(text: &str, encoded: &[char]) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if encoded.contains(&c) {
            let _ = write!(out, "%{:02X}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// At most `most` characters: two thirds from the front, the rest from the back.
fn cut(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most || text.chars().nth(most).is_none() {
        return Cow::Borrowed(text);
    }
    let kept = most.saturating_sub(1);
    let tail = kept / 3;
    let head_end = text.char_indices().nth(kept - tail).map_or(text.len(), |(at, _)| at);
    let tail_start = if tail == 0 {
        text.len()
    } else {
        text.char_indices().rev().nth(tail - 1).map_or(text.len(), |(at, _)| at)
    };
    Cow::Owned([&text[..head_end], ELLIPSIS, &text[tail_start..]].concat())
}

fn is_plain(text: &str) -> bool {
    // One colon in front is enough to refuse: another may stand before it on the line.
    !text.chars().any(is_hostile)
        && !text.contains("##[")
        && !text.ends_with("##")
        && !text.trim_start().starts_with(':')
}

fn plain(text: &str, mut at_start: bool) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for (at, c) in text.char_indices() {
        let rest = &text[at..];
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_hostile(c) => push_escaped(&mut out, c),
            ':' if at_start => push_escaped(&mut out, c),
            '#' if rest.starts_with("##[") || rest == "##" => push_escaped(&mut out, c),
            c => out.push(c),
        }
        at_start &= c.is_whitespace() && !is_hostile(c);
    }
    out
}

fn push_escaped(out: &mut String, c: char) {
    let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
}

#[cfg(test)]
mod hostile;

#[cfg(test)]
mod tests {
    use super::*;
    use hostile::{HOSTILE, runner_obeys};

    #[test]
    fn terminal_text_is_one_harmless_line_and_escaping_it_again_changes_nothing() {
        for text in HOSTILE {
            let once = terminal(text);
            assert!(!once.chars().any(is_hostile), "{once:?}");
            assert!(!runner_obeys(&once), "{once:?}");
            assert!(!runner_obeys(&format!(":{once}")), "{once:?}");
            assert!(!runner_obeys(&format!("{once}[x]")), "{once:?}");
            assert_eq!(terminal(&once), once);
        }
    }

    #[test]
    fn harmless_text_stays_as_it_is() {
        for text in ["models/größe 模型 – v2.pt", "a::b #1 [0]", "C:\\x", "## heading", "é\u{301}", "🤗"]
        {
            assert!(matches!(terminal(text), Cow::Borrowed(t) if t == text), "{text}");
        }
    }

    #[test]
    fn what_was_escaped_can_be_read() {
        assert_eq!(terminal("a\n\t\x1b\u{9b}\u{202e}b"), "a\\n\\t\\u{1b}\\u{9b}\\u{202e}b");
        assert_eq!(terminal("::error::x"), "\\u{3a}:error::x");
        assert_eq!(terminal("x##[error]"), "x\\u{23}#[error]");
        assert_eq!(terminal_bytes(b"a\xff\xfe\n.pkl"), "a\\xff\\xfe\\n.pkl");
    }

    #[test]
    fn long_text_keeps_both_ends() {
        let text = format!("head{}tail.pkl", "é".repeat(1 << 20));
        let shown = terminal(&text);
        assert_eq!(shown.chars().count(), SHOWN);
        assert!(shown.starts_with("headé") && shown.ends_with("étail.pkl") && shown.contains(ELLIPSIS));
        assert_eq!(terminal_cut("abcdef", 6), "abcdef");
        assert_eq!(terminal_cut("abcdefg", 4), "ab…g");
        assert_eq!(terminal_cut("abcdefg", 0), "…");
    }

    #[test]
    fn a_cut_does_not_join_a_command() {
        let text = format!("{}##{}[error]x", "a".repeat(264), "b".repeat(1000));
        for most in 0..SHOWN {
            assert!(!runner_obeys(&terminal_cut(&text, most)));
        }
    }

    #[test]
    fn workflow_commands_are_encoded_as_the_runner_decodes_them() {
        assert_eq!(command_data("50%: a, b"), "50%25: a, b");
        assert_eq!(command_property("50%: a,b"), "50%25%3A a%2Cb");
        for text in HOSTILE {
            assert!(!runner_obeys(&command_data(text)));
            assert!(!command_property(text).contains([':', ',', '\n', '\r']));
        }
    }

    #[test]
    fn markdown_has_no_markup() {
        for text in HOSTILE {
            let out = markdown(text);
            let markup = ['<', '>', '|', '`', '*', '_', '[', ']', '(', ')', '~', '@', '\\', ':', '!', '"'];
            assert!(!out.contains(markup), "{out}");
            assert!(!out.contains("www."), "{out}");
            assert!(!out.replace("&#", "").contains(['#', '&']), "{out}");
        }
        assert_eq!(markdown("models/w.pkl"), "models/w.pkl");
    }

    #[test]
    fn json_text_is_lossless() {
        for text in HOSTILE {
            let kept: String = text.chars().filter(|c| !matches!(c, '"' | '\\' | '\0'..='\x1f')).collect();
            let mut out = Vec::new();
            json(&kept, &mut out).unwrap();
            let written = String::from_utf8(out).unwrap();
            assert!(!written.chars().any(is_hostile) && !written.contains("##["), "{written}");
            let back: String = serde_json::from_str(&format!("\"{written}\"")).unwrap();
            assert_eq!(back, kept);
        }
    }

    #[test]
    fn uris_are_relative_and_ascii() {
        assert_eq!(uri(b"a b/c:d?e#f%.pkl"), "a%20b/c%3Ad%3Fe%23f%25.pkl");
        assert_eq!(uri(b"\xff\n\xc3\xa9"), "%FF%0A%C3%A9");
        assert_eq!(uri(b"//host/x"), "/host/x");
    }
}
