//! Text broken into lines between words, for terminals of any width.

/// The fewest characters of a line: where a column leaves less room, lines run over.
const NARROWEST: usize = 24;

/// Breaks `text` between words, so that no line has more than `width` characters where words allow that. What stands
/// between backticks is one word where a line has room for it: such text is copied.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(NARROWEST);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut length = 0;
    for (at, word) in words(text, width).into_iter().enumerate() {
        let long = word.chars().count();
        if length > 0 && length + 1 + long > width {
            lines.push(std::mem::take(&mut line));
            length = 0;
        } else if at > 0 {
            line.push(' ');
            length += 1;
        }
        line.push_str(word);
        length += long;
    }
    lines.push(line);
    lines
}

/// The same as one text, each line but the first behind `indent`.
pub(crate) fn hanging(text: &str, width: Option<usize>, indent: &str) -> String {
    match width {
        None => text.to_owned(),
        Some(width) => {
            let room = width.saturating_sub(indent.chars().count());
            wrapped(text, room).join(&format!("\n{indent}"))
        }
    }
}

fn words(text: &str, width: usize) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = Some(text);
    while let Some(text) = rest {
        let mut quoted = false;
        let end = text.find(|c| {
            quoted ^= c == '`';
            c == ' ' && !quoted
        });
        let (word, after) = end.and_then(|end| text.split_at_checked(end)).unwrap_or((text, ""));
        match word.chars().count() > width {
            true => words.extend(word.split(' ')),
            false => words.push(word),
        }
        rest = end.map(|_| after.strip_prefix(' ').unwrap_or(after));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_between_words_and_commands_stay_whole() {
        let text = "nobody has judged it: look at it with `fickgate explain a.pkl`; if it is yours";
        assert_eq!(
            wrapped(text, 40),
            ["nobody has judged it: look at it with", "`fickgate explain a.pkl`; if it is yours"]
        );
        let long = format!("a {} b", "x".repeat(60));
        assert_eq!(wrapped(&long, 40), ["a", &"x".repeat(60), "b"]);
        let command = format!("`fickgate allow {} --pin`", "y".repeat(40));
        assert_eq!(wrapped(&command, 40), ["`fickgate allow", &"y".repeat(40), "--pin`"]);
    }

    #[test]
    fn every_blank_of_a_line_is_kept() {
        assert_eq!(wrapped("a  b `", 40), ["a  b `"]);
        assert_eq!(wrapped("  a", 40), ["  a"]);
        assert_eq!(wrapped("", 40), [""]);
    }

    #[test]
    fn later_lines_are_indented_and_nothing_is_broken_without_a_width() {
        let text = "one two three four five six seven";
        assert_eq!(hanging(text, Some(30), "  "), "one two three four five six\n  seven");
        assert_eq!(hanging(text, None, "  "), text);
    }
}
