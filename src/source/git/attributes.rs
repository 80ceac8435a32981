//! Which attributes a path has: asked of git, for one version of a tree.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout};

use crate::source::git::command::{Ended, Git};
use crate::source::git::conversion::{Conversion, Conversions, NAMES};
use crate::source::git::object::ObjectId;
use fickgate_engine::content::Content;
use fickgate_engine::facts::FileFault;
use fickgate_engine::path::BlobPath;
use fickgate_engine::rule::Rule;

/// Paths are asked for in portions that a pipe takes at once, so that neither side waits for the other.
const PORTION: usize = 16 << 10;

/// The longest line of attributes that git takes, in bytes with its end (`ATTR_MAX_LINE_LENGTH` in its `attr.h`), and
/// the longest file of them that is looked at. Git before 2.39.1 has no such limits, nor has libgit2.
const LONGEST_LINE: usize = 2048;
const LONGEST_FILE: u64 = 1 << 20;

/// What is wrong with a file of attributes of which programs do not read the same.
pub(in crate::source) fn disputed(path: &BlobPath, content: &Content) -> io::Result<Option<FileFault>> {
    let long = match content.len() {
        len if len > LONGEST_FILE => true,
        len => {
            let text = content.read_range(0, usize::try_from(len).unwrap_or(usize::MAX))?;
            text.split(|b| *b == b'\n').any(|line| line.len() >= LONGEST_LINE)
        }
    };
    Ok(long.then(|| FileFault {
        rule: Rule::CheckoutDiffers,
        path: path.clone(),
        message: "programs do not agree on attributes in lines this long, which git passes over".to_owned(),
        help: format!("keep lines shorter than {LONGEST_LINE} bytes, and the file below {LONGEST_FILE}"),
    }))
}

/// The version of a tree's attributes that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source) enum Version {
    /// The index.
    Index,
    /// A commit.
    Commit(ObjectId),
}

/// The letters in the patterns of attributes, as far as they say whether case can make a difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::source) enum Letters {
    /// None: every path matches what it matches.
    #[default]
    None,
    /// Small ones: paths in small letters match what they match.
    Small,
    /// Capitals, sets of characters, anything that was not looked into.
    Any,
}

impl Letters {
    /// Of the patterns in a text of attributes.
    pub(in crate::source) fn of(text: &[u8]) -> Letters {
        let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\r');
        let pattern = |line: &[u8]| {
            let line = line.iter().position(|b| !blank(b)).and_then(|at| line.get(at..)).unwrap_or_default();
            if line.first() == Some(&b'#') {
                return Letters::None;
            }
            let letters = line.iter().take_while(|b| !blank(b)).map(|b| match b {
                b'a'..=b'z' => Letters::Small,
                b'0'..=b'9' | b'*' | b'?' | b'.' | b'/' | b'_' | b'-' => Letters::None,
                // Sets in brackets, escapes, quotes, macros.
                _ => Letters::Any,
            });
            letters.max().unwrap_or_default()
        };
        text.split(|b| *b == b'\n').map(pattern).max().unwrap_or_default()
    }

    /// Whether one of the paths may have other attributes where no case is told apart.
    fn matter(self, paths: &[&BlobPath]) -> bool {
        match self {
            Letters::None => false,
            Letters::Small => paths.iter().any(|p| p.as_bytes().iter().any(u8::is_ascii_uppercase)),
            Letters::Any => true,
        }
    }
}

/// Running `git check-attr`, with case and where it matters without, that answer for one path after the other.
pub(in crate::source) struct Attributes {
    git: Git,
    version: Version,
    exact: Asked,
    folded: Option<Asked>,
    /// The way from the current folder to the root, which paths are relative to.
    up: Vec<u8>,
    /// Whether it is asked for an index of the commit: before 2.40 git reads attributes from no commit.
    indexed: bool,
}

/// A running `git check-attr`.
struct Asked {
    /// Ended with this.
    _child: Ended,
    ask: Option<ChildStdin>,
    answer: BufReader<ChildStdout>,
}

impl Attributes {
    /// Starts it. An error is a git that cannot do this, too.
    pub(in crate::source) fn start(git: &Git, version: Version, up: Vec<u8>) -> io::Result<Attributes> {
        let (exact, folded) = Asked::both(git, version, true)?;
        Ok(Attributes { git: git.clone(), version, exact, folded, up, indexed: false })
    }

    /// The same for these paths alone, if `letters` are in all the patterns that may apply to them.
    pub(in crate::source) fn start_for(
        git: &Git,
        version: Version,
        up: Vec<u8>,
        letters: Letters,
        paths: &[&BlobPath],
    ) -> io::Result<Attributes> {
        let (exact, folded) = Asked::both(git, version, letters.matter(paths))?;
        Ok(Attributes { git: git.clone(), version, exact, folded, up, indexed: false })
    }

    /// What checkouts do to each of `paths`.
    pub(in crate::source) fn of(&mut self, paths: &[&BlobPath]) -> io::Result<Vec<Conversions>> {
        match (self.answers(paths), self.version) {
            (Err(_), Version::Commit(commit)) if !self.indexed => self.start_over(commit, paths),
            (found, _) => found,
        }
    }

    /// Asks once more, by an index that has what the commit has. It is there until git has answered first, which has
    /// read it then.
    fn start_over(&mut self, commit: ObjectId, paths: &[&BlobPath]) -> io::Result<Vec<Conversions>> {
        let folder = tempfile::tempdir()?;
        let git = self.git.with_index(&folder.path().join("index"));
        if !git.order(&["read-tree", &commit.to_string()], b"")? {
            return Err(io::Error::other(format!("git read-tree {commit} failed")));
        }
        (self.exact, self.folded) = Asked::both(&git, Version::Index, self.folded.is_some())?;
        self.indexed = true;
        self.answers(paths)
    }

    fn answers(&mut self, paths: &[&BlobPath]) -> io::Result<Vec<Conversions>> {
        let mut found = Vec::with_capacity(paths.len());
        let mut rest = paths;
        while !rest.is_empty() {
            let mut lines = Vec::new();
            let mut count = 0;
            for path in rest {
                let len = self.up.len() + path.as_bytes().len() + 1;
                if count > 0 && lines.len() + len > PORTION {
                    break;
                }
                lines.extend_from_slice(&self.up);
                lines.extend_from_slice(path.as_bytes());
                lines.push(0);
                count += 1;
            }
            // Both work at the same time.
            self.exact.ask(&lines)?;
            if let Some(folded) = &mut self.folded {
                folded.ask(&lines)?;
            }
            for _ in 0..count {
                let exact = self.exact.answer()?;
                let folded = match &mut self.folded {
                    Some(folded) => folded.answer()?,
                    None => exact.clone(),
                };
                found.push(Conversions::of([exact, folded]));
            }
            rest = rest.get(count..).unwrap_or_default();
        }
        Ok(found)
    }
}

impl Asked {
    /// With case and, if it is wanted, without.
    fn both(git: &Git, version: Version, folded: bool) -> io::Result<(Asked, Option<Asked>)> {
        let exact = Asked::start(git, version, "core.ignorecase=false")?;
        let folded = folded.then(|| Asked::start(git, version, "core.ignorecase=true")).transpose()?;
        Ok((exact, folded))
    }

    fn start(git: &Git, version: Version, case: &str) -> io::Result<Asked> {
        let source = match version {
            Version::Index => "--cached".to_owned(),
            Version::Commit(id) => format!("--source={id}"),
        };
        let mut args = vec!["-c", case, "check-attr", "-z", "--stdin", &source];
        args.extend(NAMES);
        let mut child = git.pipe(&args)?;
        let broken = || io::Error::other("no pipe to git check-attr");
        let ask = child.0.stdin.take().ok_or_else(broken)?;
        let answer = BufReader::new(child.0.stdout.take().ok_or_else(broken)?);
        Ok(Asked { _child: child, ask: Some(ask), answer })
    }

    fn ask(&mut self, lines: &[u8]) -> io::Result<()> {
        let ask = self.ask.as_mut().ok_or_else(|| io::Error::other("git check-attr is gone"))?;
        ask.write_all(lines)?;
        ask.flush()
    }

    fn answer(&mut self) -> io::Result<Conversion> {
        let mut values = Vec::with_capacity(NAMES.len());
        for _ in NAMES {
            let (_path, _name) = (self.field()?, self.field()?);
            values.push(self.field()?);
        }
        Ok(Conversion::of(&values))
    }

    fn field(&mut self) -> io::Result<Vec<u8>> {
        let mut field = Vec::new();
        self.answer.read_until(0, &mut field)?;
        match field.pop() {
            Some(0) => Ok(field),
            _ => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "git check-attr ended")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_makes_no_difference_where_patterns_cannot_tell_it() {
        let lines = b"# Text, mostly\n* text=auto\n\n  \t*.* working-tree-encoding=UTF-16\n";
        assert_eq!(Letters::of(lines), Letters::None, "comments and values are no patterns");
        assert_eq!(Letters::of(b"* text\n*.pkl -text\n"), Letters::Small);
        for any in
            ["M.dat text", "[a-z].dat text", "\"\\101\" text", "[attr]x text", "\u{e9} text", "*.\\Z text"]
        {
            assert_eq!(Letters::of(any.as_bytes()), Letters::Any, "{any}");
        }
        let (small, capital) = (BlobPath::new("models/a.pkl"), BlobPath::new("Models/a.pkl"));
        assert!(!Letters::None.matter(&[&capital]) && !Letters::Small.matter(&[&small]));
        assert!(Letters::Small.matter(&[&small, &capital]) && Letters::Any.matter(&[&small]));
    }
}
