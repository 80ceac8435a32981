//! Which attributes a path has: asked of git, for one version of a tree.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout};

use crate::source::git::command::{Ended, Git};
use crate::source::git::conversion::{Conversion, Conversions, NAMES};
use crate::source::git::object::ObjectId;
use fickgate_engine::path::BlobPath;

/// Paths are asked for in portions that a pipe takes at once, so that neither side waits for the other.
const PORTION: usize = 16 << 10;

/// The version of a tree's attributes that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source) enum Version {
    /// The index.
    Index,
    /// A commit.
    Commit(ObjectId),
}

/// Two running `git check-attr`, with and without case, that answer for one path after the other.
pub(in crate::source) struct Attributes {
    both: [Asked; 2],
    /// The way from the current folder to the root, which paths are relative to.
    up: Vec<u8>,
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
        let start = |case| Asked::start(git, version, case);
        Ok(Attributes { both: [start("core.ignorecase=false")?, start("core.ignorecase=true")?], up })
    }

    /// What checkouts do to each of `paths`.
    pub(in crate::source) fn of(&mut self, paths: &[&BlobPath]) -> io::Result<Vec<Conversions>> {
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
            for asked in &mut self.both {
                asked.ask(&lines)?;
            }
            let [exact, folded] = &mut self.both;
            for _ in 0..count {
                found.push(Conversions::of([exact.answer()?, folded.answer()?]));
            }
            rest = rest.get(count..).unwrap_or_default();
        }
        Ok(found)
    }
}

impl Asked {
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
