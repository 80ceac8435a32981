//! What commits introduced: every distinct blob of a range, with the first commit and path that
//! brought it.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdout, Stdio};

use crate::source::blob::Origin;
use crate::source::entry::{Entry, What};
use crate::source::git::change::{Kind, combined_head, stages};
use crate::source::git::command::{Ended, Git, failure};
use crate::source::git::index::RAW;
use crate::source::git::names::Side;
use crate::source::git::object::ObjectId;
use crate::source::git::repository::{Repository, unknown};
use crate::source::selection::Push;
use fickgate_engine::error::{Error, Result};
use fickgate_engine::path::BlobPath;

/// What a history starts from and what it leaves out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::source) struct Range {
    /// Objects whose history counts: commits, and whatever else a ref may name.
    pub(in crate::source) tips: Vec<ObjectId>,
    /// Commits whose history is known already.
    pub(in crate::source) known: Vec<ObjectId>,
    /// Every ref and HEAD, beside the tips.
    pub(in crate::source) all: bool,
    /// The commit that was named as the lower end.
    pub(in crate::source) base: Option<ObjectId>,
}

/// Refs of a whole history whose attributes are looked at beside those of the commits that change any.
const MOST_EDGES: usize = 16;

/// The commits at the ends of a range.
#[derive(Clone, Debug, Default)]
pub(in crate::source) struct Edges {
    /// Those it leads to, and merges in it that have attributes as none of their parents has.
    pub(in crate::source) upper: Vec<ObjectId>,
    /// Those just outside of it. None where everything is new.
    pub(in crate::source) lower: Vec<ObjectId>,
}

impl Range {
    /// Everything that a ref or HEAD leads to.
    pub(in crate::source) fn everything(repository: &Repository) -> Result<Range> {
        let out = repository.git.lines(&["for-each-ref", "--format=%(objectname)"])?;
        let out = out.ok_or_else(|| needs_git("a history"))?;
        let tips = out.split(|b| *b == b'\n').filter_map(ObjectId::from_hex).collect();
        // The tips are there for those of them that are no commits.
        Ok(Range { tips, known: Vec::new(), all: true, base: None })
    }

    /// What a push brings to a repository that has every commit of `refs` (patterns of `git for-each-ref`) already.
    pub(in crate::source) fn pushed(git: &Git, push: &Push, refs: &[&str]) -> Result<Range> {
        let out = git.lines(&[&["for-each-ref", "--format=%(objectname)"], refs].concat())?;
        let out = out.ok_or_else(|| needs_git("a push"))?;
        let mut known: Vec<ObjectId> = out.split(|b| *b == b'\n').filter_map(ObjectId::from_hex).collect();
        known.extend(&push.old);
        known.sort_unstable();
        known.dedup();
        // What the other side has need not be here.
        let kinds = kinds(git, &known)?;
        let known = known.into_iter().zip(kinds).filter(|(_, (_, kind))| kind == "commit").map(|(id, _)| id);
        Ok(Range { tips: push.tips.clone(), known: known.collect(), all: false, base: None })
    }

    /// What `text` means: `A..B`, `A...B` or a revision, as for `git log`, but for what names mean.
    pub(in crate::source) fn parse(repository: &Repository, text: &str) -> Result<Range> {
        let pinned = |rev: &str, side| -> Result<String> {
            let rev = if rev.is_empty() { "HEAD" } else { rev };
            repository.pinned(rev, side)?.ok_or_else(|| unknown(rev))
        };
        if text.is_empty() {
            return Err(unknown(text));
        }
        let (base, expression) = if let Some((a, b)) = text.split_once("...") {
            let a = pinned(a, Side::Base)?;
            let expression = format!("{a}...{}", pinned(b, Side::Tip)?);
            (Some(a), expression)
        } else if let Some((a, b)) = text.split_once("..") {
            let a = pinned(a, Side::Base)?;
            let expression = format!("{a}..{}", pinned(b, Side::Tip)?);
            (Some(a), expression)
        } else {
            (None, pinned(text, Side::Tip)?)
        };
        let answer = repository.git.ask(&["rev-parse", &expression, "--"])?;
        let answer = answer.ok_or_else(|| needs_git("a history"))?;
        match answer.code {
            Some(0) => {}
            _ if answer.err.contains("bad revision") => return Err(unknown(text)),
            _ => return Err(failure("git rev-parse", &answer)),
        }
        let mut range = Range::default();
        for line in answer.out.split(|b| *b == b'\n') {
            match line.strip_prefix(b"^") {
                Some(known) => range.known.extend(ObjectId::from_hex(known)),
                None => range.tips.extend(ObjectId::from_hex(line)),
            }
        }
        if range.tips.is_empty() {
            return Err(Error::new(format!("the range names no commit: {}", text.escape_debug()))
                .remedy("give a range as for git log: A..B, or a revision"));
        }
        range.base = match base {
            Some(base) => repository.commit(&base)?,
            None => None,
        };
        Ok(range)
    }

    /// The commits at its ends: its tips, and those just outside of it.
    pub(in crate::source) fn edges(&self, git: &Git) -> Result<Edges> {
        let (commits, _) = tips(git, &self.tips)?;
        let mut edges = Edges { upper: peeled(git, &commits)?, lower: Vec::new() };
        edges.upper.sort_unstable();
        edges.upper.dedup();
        // Of everything there is, what changes attributes is met; refs without number need not be looked at for that.
        if self.all {
            edges.upper.truncate(MOST_EDGES);
        }
        if !self.known.is_empty() && !commits.is_empty() {
            let ends: Vec<String> = commits.iter().map(|id| format!("{id}\n")).collect();
            let known: String = self.known.iter().map(|id| format!("^{id}\n")).collect();
            let asked = (ends.concat() + &known).into_bytes();
            let out = git.exchange(&["rev-list", "--boundary", "--stdin"], asked)?;
            let outside = |line: &[u8]| ObjectId::from_hex(line.strip_prefix(b"-")?);
            edges.lower = out.split(|b| *b == b'\n').filter_map(outside).collect();
        }
        edges.lower.sort_unstable();
        edges.lower.dedup();
        if !commits.is_empty() || self.all {
            edges.upper.extend(self.merges(git, &commits)?);
        }
        Ok(edges)
    }

    /// The merges that join what gives attributes on one side with what gives some on another.
    fn merges(&self, git: &Git, commits: &[ObjectId]) -> Result<Vec<ObjectId>> {
        let tips = commits.iter().map(|id| format!("{id}\n"));
        let asked: String = tips.chain(self.known.iter().map(|id| format!("^{id}\n"))).collect();
        let mut args = vec!["rev-list", "--merges", "--parents", "--stdin"];
        if self.all {
            args.push("--all");
        }
        let listed = git.exchange(&args, asked.into_bytes())?;
        if listed.is_empty() {
            return Ok(Vec::new());
        }
        let mut parents: HashMap<ObjectId, usize> = HashMap::new();
        let mut asked = Vec::with_capacity(listed.len());
        for line in listed.split(|b| *b == b'\n') {
            let mut ids = line.split(|b| *b == b' ');
            let Some(merge) = ids.next().and_then(ObjectId::from_hex) else { continue };
            parents.insert(merge, ids.count());
            asked.extend_from_slice(format!("{merge}\n").as_bytes());
        }
        // It names a commit once for each parent from which that differs.
        let args =
            ["diff-tree", "--stdin", "-r", "-m", "--name-only", "-z", "--", ":(glob)**/.gitattributes"];
        let out = git.exchange(&args, asked)?;
        let mut found = Vec::new();
        for merge in out.split(|b| *b == 0).filter_map(ObjectId::from_hex) {
            if let Some(left) = parents.get_mut(&merge) {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    found.push(merge);
                }
            }
        }
        Ok(found)
    }

    /// Whether it has no commit at all: everything in it is known already.
    pub(in crate::source) fn is_nothing(&self, git: &Git) -> Result<bool> {
        if self.all || self.known.is_empty() || self.tips.is_empty() {
            return Ok(false);
        }
        let (commits, loose) = tips(git, &self.tips)?;
        let tips = commits.iter().map(|id| format!("{id}\n"));
        let lines: String = tips.chain(self.known.iter().map(|id| format!("^{id}\n"))).collect();
        let out = git.exchange(&["rev-list", "--max-count=1", "--stdin"], lines.into_bytes())?;
        Ok(loose.is_empty() && out.is_empty())
    }
}

/// The error where there is no git to ask.
pub(in crate::source) fn needs_git(what: &str) -> Error {
    Error::new(format!("{what} is read through git, which is not on the PATH")).remedy("install git")
}

/// Lists the entries of a range while git walks it.
pub(in crate::source) struct History {
    /// Blobs that refs name without a commit.
    loose: std::vec::IntoIter<Entry>,
    walk: Ended,
    diff: Ended,
    out: BufReader<ChildStdout>,
    /// The commit whose changes are being read.
    commit: Option<ObjectId>,
    /// What was listed, and by which name of a file: under another one the same bytes may be read in another way.
    seen: HashSet<(ObjectId, Kind, Vec<u8>)>,
    /// The same with their paths: a policy or attributes may tell paths apart.
    placed: HashSet<(ObjectId, BlobPath)>,
    /// Changes of the commit that were read.
    changes: u64,
    /// What comes next.
    waiting: Option<Entry>,
    ended: bool,
}

/// Changes of one commit that are followed. Trees that hold each other many times name more files than
/// anything could hold.
const MOST_CHANGES: u64 = 20_000_000;

impl History {
    /// Starts the walk.
    pub(in crate::source) fn start(git: &Git, range: &Range) -> Result<History> {
        let (commits, loose) = tips(git, &range.tips)?;
        let broken = |e: std::io::Error| Error::new(format!("git rev-list could not be started: {e}"));
        let mut args = vec!["rev-list", "--topo-order", "--reverse", "--stdin"];
        if range.all {
            args.push("--all");
        }
        let mut walk = git.pipe(&args).map_err(broken)?;
        if let Some(mut input) = walk.0.stdin.take() {
            let tips = commits.iter().map(|id| format!("{id}\n"));
            let lines: String = tips.chain(range.known.iter().map(|id| format!("^{id}\n"))).collect();
            input.write_all(lines.as_bytes()).map_err(broken)?;
        }
        let commits = walk.0.stdout.take().map_or_else(Stdio::null, Stdio::from);
        let mut args = vec!["diff-tree", "--stdin", "-r", "-c", "--root"];
        args.extend(RAW);
        let mut diff = git.feed(&args, commits).map_err(broken)?;
        let out = diff.0.stdout.take().ok_or_else(|| Error::new("no pipe to git diff-tree"))?;
        Ok(History {
            loose: loose.into_iter(),
            walk,
            diff,
            out: BufReader::with_capacity(64 << 10, out),
            commit: None,
            seen: HashSet::new(),
            placed: HashSet::new(),
            changes: 0,
            waiting: None,
            ended: false,
        })
    }

    /// The next new blob of the walk; `None` at its end.
    fn step(&mut self) -> Result<Option<Entry>> {
        if let Some(entry) = self.waiting.take() {
            return Ok(Some(entry));
        }
        loop {
            let Some(field) = self.field()? else { return Ok(None) };
            if let Some(commit) = ObjectId::from_hex(&field) {
                self.commit = Some(commit);
                self.changes = 0;
                continue;
            }
            let path = self.field()?.ok_or_else(|| Error::new("git diff-tree ended inside a line"))?;
            self.changes += 1;
            if self.changes > MOST_CHANGES {
                return Err(Error::new(format!("a commit changes more than {MOST_CHANGES} files")));
            }
            let head = combined_head(&field)?;
            let (Some(commit), path) = (self.commit, BlobPath::new(path)) else {
                return Err(Error::new("git diff-tree names a file before a commit"));
            };
            let rules = path.file_name() == b".gitattributes";
            let file = matches!(head, Some((Kind::File, _)));
            let fresh = head.and_then(|(kind, id)| self.fresh(path.clone(), kind, id, commit));
            // Attributes that are gone, that became something which nobody reads, or that are back as they were once,
            // among others than then, change what is around them.
            if rules && (!file || fresh.is_none()) {
                self.waiting = fresh;
                return Ok(Some(Entry::new(path, What::Lifted(commit))));
            }
            if let Some(entry) = fresh {
                return Ok(Some(entry));
            }
        }
    }

    fn fresh(&mut self, path: BlobPath, kind: Kind, id: ObjectId, commit: ObjectId) -> Option<Entry> {
        if kind == Kind::Submodule {
            // Each submodule is said once, not once a commit.
            let again = !self.seen.insert((ObjectId::of(path.as_bytes()), kind, Vec::new()));
            let first = self.placed.insert((id, path.clone()));
            let what = What::Submodule { commit: Some(id) };
            return first.then_some(Entry { again, ..Entry::new(path, what) });
        }
        if !self.placed.insert((id, path.clone())) {
            return None;
        }
        let again = !self.seen.insert((id, kind, path.file_name().to_vec()));
        let what = What::Object { id, link: kind == Kind::Link, origin: Origin::Commit(commit) };
        Some(Entry { again, ..Entry::new(path, what) })
    }

    /// The bytes up to the next NUL.
    fn field(&mut self) -> Result<Option<Vec<u8>>> {
        let mut field = Vec::new();
        self.out
            .read_until(0, &mut field)
            .map_err(|e| Error::new(format!("git diff-tree could not be read: {e}")))?;
        match field.pop() {
            Some(0) => Ok(Some(field)),
            Some(_) => Err(Error::new("git diff-tree ended inside a line")),
            None => Ok(None),
        }
    }

    /// Both commands have to have ended well: else commits are missing from the list.
    fn end(&mut self) -> Result<()> {
        for (child, name) in [(&mut self.diff, "git diff-tree"), (&mut self.walk, "git rev-list")] {
            let status = child.0.wait().map_err(|e| Error::new(format!("{name}: {e}")))?;
            if !status.success() {
                return Err(Error::new(format!("{name} failed: {status}")));
            }
        }
        Ok(())
    }
}

impl Iterator for History {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        for entry in self.loose.by_ref() {
            let What::Object { id, link, .. } = &entry.what else { return Some(entry) };
            let kind = if *link { Kind::Link } else { Kind::File };
            if self.seen.insert((*id, kind, entry.path.file_name().to_vec())) {
                return Some(entry);
            }
        }
        if self.ended {
            return None;
        }
        let step = self.step();
        if let Ok(Some(entry)) = step {
            return Some(entry);
        }
        self.ended = true;
        match step.and_then(|_| self.end()) {
            Ok(()) => None,
            Err(e) => {
                let message = format!("{e}; the commits behind it were not looked at; run: git fsck");
                Some(Entry::new(BlobPath::new("(history)"), What::Failed(message)))
            }
        }
    }
}

/// Splits tips into commits and the blobs that the others stand for: a tag can name a file.
fn tips(git: &Git, tips: &[ObjectId]) -> Result<(Vec<ObjectId>, Vec<Entry>)> {
    let (mut commits, mut loose) = (Vec::new(), Vec::new());
    if tips.is_empty() {
        return Ok((commits, loose));
    }
    for (tip, (id, kind)) in tips.iter().zip(kinds(git, tips)?) {
        match (id, kind.as_str()) {
            (Some(_), "commit") => commits.push(*tip),
            (Some(id), "blob") => {
                let what = What::Object { id, link: false, origin: Origin::Commit(*tip) };
                loose.push(Entry::new(BlobPath::new(format!("({tip})")), what));
            }
            (Some(id), "tree") => {
                let listed = git.lines(&["ls-tree", "-r", "-z", "--full-tree", &id.to_string()])?;
                for change in tree(&listed.unwrap_or_default())? {
                    loose.push(Entry::from_change(change, Origin::Commit(*tip))?);
                }
            }
            _ => {
                return Err(
                    Error::new(format!("the object {tip} is not in this repository")).remedy("run: git fsck")
                );
            }
        }
    }
    Ok((commits, loose))
}

/// The commits that tags stand for.
fn peeled(git: &Git, ids: &[ObjectId]) -> Result<Vec<ObjectId>> {
    match ids.is_empty() {
        true => Ok(Vec::new()),
        false => Ok(kinds(git, ids)?.into_iter().filter_map(|(id, _)| id).collect()),
    }
}

/// What each object is once tags are followed: its name and kind, `missing` where it is not here.
pub(in crate::source) fn kinds(git: &Git, ids: &[ObjectId]) -> Result<Vec<(Option<ObjectId>, String)>> {
    let asked: String = ids.iter().map(|id| format!("{id}^{{}}\n")).collect();
    let out = git.exchange(&["cat-file", "--batch-check=%(objectname) %(objecttype)"], asked.into_bytes())?;
    let out = String::from_utf8_lossy(&out).into_owned();
    let kinds: Vec<_> = out
        .lines()
        .map(|line| {
            let (name, kind) = line.split_once(' ').unwrap_or((line, ""));
            (ObjectId::from_hex(name.as_bytes()), kind.to_owned())
        })
        .collect();
    match kinds.len() == ids.len() {
        true => Ok(kinds),
        false => Err(Error::new("git cat-file did not answer for every object").remedy("run: git fsck")),
    }
}

/// The entries of `git ls-tree -r -z`, brought into the form of `git ls-files --stage`.
pub(in crate::source) fn tree(out: &[u8]) -> Result<Vec<crate::source::git::change::Change>> {
    let mut lines = Vec::with_capacity(out.len());
    for record in out.split(|b| *b == 0).filter(|r| !r.is_empty()) {
        let mut words = record.splitn(3, |b| *b == b' ');
        let (mode, _, rest) = (words.next(), words.next(), words.next().unwrap_or_default());
        let tab = rest.iter().position(|b| *b == b'\t').unwrap_or(rest.len());
        let (id, path) = rest.split_at(tab);
        for part in [mode.unwrap_or_default(), b" ", id, b" 0", path, b"\0"] {
            lines.extend_from_slice(part);
        }
    }
    stages(&lines)
}
