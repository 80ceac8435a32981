//! The text of a policy file, and errors that point into it.

use std::fmt;

use crate::error::{Error, Result};
use crate::policy::tree::{Fault, Spot, Wrong};

/// Most characters of a line that an error shows.
const SHOWN: usize = 160;

/// The text of one file.
pub(super) struct Page<'t> {
    /// Its path, as a person would open it.
    pub source: &'t str,
    /// What it says, without a byte-order mark.
    pub text: &'t str,
}

impl<'t> Page<'t> {
    /// Takes bytes for text, where they are text and nothing in them hides from who reads the file.
    ///
    /// # Errors
    /// Another encoding than UTF-8, control characters, marks of a merge that is not resolved, a pointer.
    pub fn of(bytes: &'t [u8], source: &'t str) -> Result<Page<'t>> {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let (good, rest) = bytes.split_at_checked(error.valid_up_to()).unwrap_or((bytes, &[]));
                let good = String::from_utf8_lossy(good);
                let lossy = [&good, String::from_utf8_lossy(rest).as_ref()].concat();
                let page = Page { source, text: &lossy };
                let message = match bytes {
                    [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "this is UTF-16, not UTF-8".to_owned(),
                    _ => format!("not UTF-8 at byte {}", error.valid_up_to()),
                };
                return Err(page.error_at(good.len(), message, "save the file as UTF-8"));
            }
        };
        // Editors on Windows write a byte-order mark; YAML permits one.
        let page = Page { source, text: text.strip_prefix('\u{feff}').unwrap_or(text) };
        page.check_characters()?;
        page.check_origin()?;
        Ok(page)
    }

    fn check_characters(&self) -> Result<()> {
        let odd = |c: char| match c {
            '\t' | '\n' | '\r' => false,
            c => c.is_control() || is_unseen(c),
        };
        let Some((at, c)) = self.text.char_indices().find(|(_, c)| odd(*c)) else { return Ok(()) };
        let (message, help) = match c {
            '\0' => ("a NUL stands here, which no text has".to_owned(), "save the file as UTF-8"),
            c => {
                let message = format!("an invisible character stands here (U+{:04X})", u32::from(c));
                (message, "take it away, or write it escaped in a text between double quotes")
            }
        };
        Err(self.error_at(at, message, help))
    }

    /// What git leaves behind in files, told as what it is.
    fn check_origin(&self) -> Result<()> {
        if self.text.starts_with("version https://git-lfs.github.com/") {
            let help = "keep the policy out of LFS: `*.yaml -filter` in .gitattributes, then commit it again";
            return Err(self.error_at(0, "this is a Git LFS pointer, not a policy", help));
        }
        let mut at = 0;
        for line in self.text.split_inclusive('\n') {
            if ["<<<<<<< ", ">>>>>>> ", "||||||| "].iter().any(|mark| line.starts_with(mark)) {
                let help = "resolve the conflict, and take its marks away";
                return Err(self.error_at(at, "a merge left a conflict here", help));
            }
            at += line.len();
        }
        Ok(())
    }

    /// Whether there are blank lines and comments only.
    pub fn is_blank(&self) -> bool {
        self.lines().all(|l| l.trim().is_empty() || l.trim_start().starts_with('#'))
    }

    /// Lines as YAML counts them.
    fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
    }

    /// An error about the byte `at`.
    fn error_at(&self, at: usize, message: impl fmt::Display, help: &str) -> Error {
        let before = Page { source: self.source, text: self.text.get(..at).unwrap_or("") };
        let line = before.lines().count();
        let column = 1 + before.lines().last().map_or(0, |l| l.chars().count());
        self.error_on(line, column, message, help)
    }

    /// An error about the place that the YAML reader names.
    pub fn error(&self, at: Spot, message: impl fmt::Display, help: impl Into<String>) -> Error {
        self.error_on(at.line, at.column, message, help)
    }

    fn error_on(
        &self,
        line: usize,
        column: usize,
        message: impl fmt::Display,
        help: impl Into<String>,
    ) -> Error {
        let help = help.into();
        let told = |error: Error| if help.is_empty() { error } else { error.remedy(help) };
        if line == 0 {
            return told(Error::new(format!("{}: {message}", shown(self.source))));
        }
        let mut excerpt = Vec::new();
        if let Some(text) = self.lines().nth(line - 1) {
            let before: String = text.chars().take(column.saturating_sub(1)).collect();
            let cut: String = text.chars().take(SHOWN).collect();
            let margin = " ".repeat(line.to_string().len());
            excerpt.push(format!("{line} | {}", shown(&cut)));
            if column <= SHOWN {
                excerpt.push(format!("{margin} | {}^", " ".repeat(shown(&before).chars().count())));
            }
        }
        told(Error::new(format!("{}:{line}:{column}: {message}", shown(self.source))).excerpt(excerpt))
    }

    /// What is wrong with the file as YAML, in words of this file's language.
    pub fn fault(&self, fault: &Fault) -> Error {
        let at = fault.at;
        let help = match &fault.value {
            Wrong::UnknownKey { key, known } => {
                let help = meant(key, known).map_or_else(
                    || format!("the keys here are {}", list(known)),
                    |near| format!("did you mean `{near}`?"),
                );
                return self.error(at, format!("unknown key `{}`", shown(key)), help);
            }
            Wrong::KeyTwice(key) => {
                let message = format!("the key `{}` stands here twice", shown(key));
                return self.error(at, message, "keep one of them");
            }
            Wrong::Syntax(text) => return self.error(at, told_plainly(text), advice(text)),
            wrong @ (Wrong::NoText | Wrong::NoList | Wrong::NoMap) => return self.shape_error(at, wrong),
            Wrong::MissingKey("reason") => {
                "say why, in a few words: `reason: our ranking model, reviewed by …`"
            }
            Wrong::MissingKey("import") => "name the import: `import: ourcompany.models.Ranker`",
            Wrong::MissingKey("sha256") => "give the content's hash: `sha256sum FILE` prints it",
            Wrong::MissingKey(_) => "",
            Wrong::SecondDocument => "a policy is one document: remove the `---`",
            Wrong::MergeKey => "write the keys out, so that the entry shows them",
            Wrong::Nothing | Wrong::NothingAtKey => "write the value behind the key, or take the key away",
            Wrong::UnknownAnchor => "quote a text that begins with `*`",
            Wrong::KeyIsNoText => "write `key: value`",
            Wrong::Tag => "write the value alone: tags are not read here",
            Wrong::TagOfAnotherType => "write the value alone",
            Wrong::AliasesRepeatMuch | Wrong::AliasOfItself => "write out what the aliases stand for",
            Wrong::TooDeep => "`fickgate policy schema` prints the format",
            Wrong::NoTextNorTexts => "write `[one, two]`, or one alone",
        };
        self.error(at, &fault.value, help)
    }

    /// Something else stands where a list, a mapping or a text has to.
    fn shape_error(&self, at: Spot, wrong: &Wrong) -> Error {
        let section = self.section(at);
        let (message, help) = match (wrong, section) {
            (Wrong::NoText, "deny") => ("a text is wanted here", "write names alone: `deny: [module.name]`"),
            (Wrong::NoText, _) => ("a text is wanted here, not a list or a mapping", "write one value"),
            (Wrong::NoList, "allow") => ("`allow` is a list of entries", ENTRY),
            (Wrong::NoMap, "allow") => ("an entry of `allow` has an import and a reason", ENTRY),
            (Wrong::NoList, "files") => ("`files` is a list of entries", PIN),
            (Wrong::NoMap, "files") => ("an entry of `files` has a hash and a reason", PIN),
            (Wrong::NoMap, "levels") => {
                ("`levels` has a level for each rule", "write `levels: {pointer-unresolved: warning}`")
            }
            (Wrong::NoMap, _) => (
                "a policy has keys with values",
                "begin with `version: 1`; `fickgate init` writes an example",
            ),
            _ => ("something else is wanted here", "`fickgate policy schema` prints the format"),
        };
        self.error(at, message, help)
    }

    /// The key of the top level below which a place lies, `""` where there is none.
    fn section(&self, at: Spot) -> &str {
        let mut above: Vec<&str> = self.lines().take(at.line).collect();
        if let Some(last) = above.last_mut() {
            let column = at.column.saturating_sub(1);
            let end = last.char_indices().nth(column).map_or(last.len(), |(i, _)| i);
            *last = last.get(..end).unwrap_or(last);
        }
        let key = |line: &&str| {
            let (key, _) = line.split_once(':')?;
            let key = key.trim_matches(['{', '"', '\'', ' ']);
            (!line.starts_with([' ', '-', '#'])).then_some(())?;
            ["extends", "pickles", "allow", "files", "deny", "exclude", "levels"]
                .into_iter()
                .find(|k| *k == key)
        };
        above.iter().rev().find_map(key).unwrap_or("")
    }
}

/// Whether a character makes a line read otherwise than it is, and cannot be seen itself.
pub fn is_unseen(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

const ENTRY: &str =
    "write `- import: ourcompany.models.Ranker`, and on the next line, below `import`, `reason: …`";
const PIN: &str = "`fickgate allow --pin FILE` writes it: `sha256`, `path` and `reason`";

/// A message of the YAML reader, where words for people are better.
fn told_plainly(text: &str) -> String {
    if text.starts_with("mapping values are not allowed") {
        return "a `:` makes a key here, where none can be".to_owned();
    }
    if text.contains("found a tab") || text.starts_with("tabs disallowed") {
        return "a tab indents here".to_owned();
    }
    shown(text)
}

/// What to do about an error of the YAML reader.
fn advice(text: &str) -> &'static str {
    const HELP: [(&str, &str); 7] = [
        ("mapping values are not allowed", "quote a text that has `: ` in it, and give every key its line"),
        ("tab", "indent with spaces"),
        ("anchor or alias", "quote a text that begins with `*` or `&`"),
        ("unclosed quote", "close the quote"),
        ("unclosed bracket", "close the bracket"),
        ("unexpected character", "quote a text that begins with this character"),
        ("simple key expected", "write `key: value`"),
    ];
    HELP.iter().find(|(part, _)| text.contains(part)).map_or("", |(_, help)| help)
}

/// The key that was meant: by its spelling, or because other tools call it so.
fn meant(field: &str, expected: &[&'static str]) -> Option<&'static str> {
    const OTHERS: [(&str, &str); 16] = [
        ("name", "import"),
        ("module", "import"),
        ("class", "import"),
        ("why", "reason"),
        ("comment", "reason"),
        ("because", "reason"),
        ("until", "expires"),
        ("path", "paths"),
        ("hash", "sha256"),
        ("checksum", "sha256"),
        ("ignore", "exclude"),
        ("skip", "exclude"),
        ("block", "deny"),
        ("allowlist", "allow"),
        ("rules", "levels"),
        ("severity", "levels"),
    ];
    let other = OTHERS.iter().find(|(word, key)| *word == field && expected.contains(key));
    other.map(|(_, key)| *key).or_else(|| nearest(field, expected.iter().copied()))
}

/// The known word that is most like `word`, if any is alike.
pub(super) fn nearest<'w>(word: &str, known: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    if word.len() > 64 {
        return None;
    }
    known
        .map(|k| (strsim::normalized_damerau_levenshtein(&word.to_lowercase(), k), k))
        .filter(|(likeness, _)| *likeness >= 0.5)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, k)| k)
}

/// Words, each marked as one, with commas.
pub(super) fn list(words: &[&str]) -> String {
    words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ")
}

/// Text from a policy, fit for an error message.
pub(super) fn shown(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let plain = matches!(c, '"' | '\'' | '\\').then_some(c);
            plain.into_iter().chain(plain.is_none().then(|| c.escape_debug()).into_iter().flatten())
        })
        .collect()
}
