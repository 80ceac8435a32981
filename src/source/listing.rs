//! What a run covers: listed, and read one entry after the other.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::entry::{Entries, Entry};
use super::expand::Expansion;
use super::git::checkout;
use super::git::folders;
use super::git::history::{History, Range};
use super::git::marked::Marked;
use super::git::names::Side;
use super::git::repository::Repository;
use super::git::submodule::Submodules;
use super::git::{command, diff, index, push, repository};
use super::item::Item;
use super::reader::{Names, Reader};
use super::selection::{Push, Selection, Treeish, Turn};
use super::worktree;
use crate::cli::PolicyFrom;
use fickgate_engine::error::{Error, Result};
use fickgate_engine::policy;

/// A history that ends where the clone does.
const SHALLOW: &str = "this clone is shallow: commits that it does not have were not looked at; \
     for the whole history run: git fetch --unshallow";

/// The entries a run covers, sorted by the bytes of their paths, and the means to read them.
pub struct Source {
    repository: Option<Repository>,
    entries: Arc<Entries>,
    trees: Arc<Vec<PathBuf>>,
    walked: Arc<HashSet<PathBuf>>,
    /// Whose policy judges.
    place: Treeish,
    /// What becomes of the policy, where a change is judged.
    turn: Option<Turn>,
    /// Of staged entries: what HEAD has.
    head: Option<Head>,
    notices: Vec<String>,
    /// Why there was nothing to compare.
    nothing: Option<String>,
    names: Arc<Names>,
}

impl Source {
    /// Lists what `selection` covers. An error means that this cannot be known: no repository, an
    /// unknown revision, an index that nothing here can read.
    pub fn open(selection: &Selection) -> Result<Source> {
        Source::open_with(selection, false)
    }

    /// The same; `recurse` lists what is in the commits of submodules too, where files on disk are not
    /// what is looked at: there they are folders like any other.
    pub fn open_with(selection: &Selection, recurse: bool) -> Result<Source> {
        match selection {
            Selection::Staged => Source::staged(recurse),
            Selection::Tracked => {
                let repository = Repository::require()?;
                let mut entries = index::tracked(&repository)?;
                folders::mark(&repository, &mut entries, None, None, &[])?;
                let nothing = entries.is_empty() && index::is_absent(&repository)?;
                let mut source = Source::listed(Some(repository), entries, Treeish::Index, recurse);
                source.nothing = nothing
                    .then(|| "nothing was judged: no file is tracked here, and HEAD has some".to_owned());
                Ok(source)
            }
            Selection::Diff(range) => {
                let repository = Repository::require()?;
                let mut diff = diff::diff(&repository, range)?;
                let nothing = diff.is_nothing().then(|| {
                    format!(
                        "nothing was compared: {} has everything that is to be judged",
                        range.escape_debug()
                    )
                });
                let before = diff.bases.first().copied();
                folders::mark(&repository, &mut diff.entries, Some(diff.tip), before, &diff.gone)?;
                let place = Treeish::Commit(diff.named);
                let names = Names::of(repository.git.clone(), Some(diff.tip));
                let mut source = Source::listed(Some(repository), diff.entries, place.clone(), recurse);
                source.turn =
                    Some(Turn { before: place, after: vec![Treeish::Commit(diff.tip)], forks: diff.bases });
                source.names = Arc::new(names);
                source.notices = diff.notices;
                source.nothing = nothing;
                Ok(source)
            }
            Selection::History(range) => {
                let repository = Repository::require()?;
                let text = range.as_deref().unwrap_or_default();
                let range = match range {
                    Some(text) => Range::parse(&repository, text)?,
                    None => Range::everything(&repository)?,
                };
                // A range is judged by what it was named to start from, everything by what is here.
                let place = match (range.base, repository.root()) {
                    (Some(base), _) => Treeish::Commit(base),
                    (None, Some(_)) => Treeish::Worktree,
                    (None, None) => head_place(&repository)?,
                };
                let shallow = repository.is_shallow()?;
                let nothing = range
                    .is_nothing(&repository.git)?
                    .then(|| format!("nothing was compared: no commit is in {} alone", text.escape_debug()));
                let names = Names::of(repository.git.clone(), range.tips.first().copied());
                let mut source = Source::growing(repository, &range, place.clone(), recurse)?;
                source.names = Arc::new(names);
                source.turn = range.base.map(|_| Turn {
                    before: place,
                    after: range.tips.iter().map(|tip| Treeish::Commit(*tip)).collect(),
                    forks: range.known.clone(),
                });
                source.nothing = nothing;
                if shallow {
                    source.notices.push(SHALLOW.to_owned());
                }
                Ok(source)
            }
            Selection::Push(push) => {
                let repository = Repository::require()?;
                let tips = push::commits(&repository, &push.tips)?;
                let (turn, refs) = match &push.remote {
                    // It is the same person's act: what was allowed in the commits that are pushed counts.
                    Some(remote) => {
                        let remote = remote.to_string_lossy();
                        let before = push_place(&repository, push, &remote)?;
                        let after = match tips.first() {
                            Some(tip) => Treeish::Commit(*tip),
                            None => head_place(&repository)?,
                        };
                        let turn = Turn { before, after: vec![after], forks: Vec::new() };
                        (turn, vec![format!("refs/remotes/{remote}/")])
                    }
                    None => {
                        let after = tips.into_iter().map(Treeish::Commit).collect();
                        let before = head_place(&repository)?;
                        // Servers fetch what forks propose into refs of their own, past every hook.
                        let refs = ["refs/heads/", "refs/tags/"].map(str::to_owned).to_vec();
                        (Turn { before, after, forks: Vec::new() }, refs)
                    }
                };
                let place = match (&push.remote, turn.after.first()) {
                    (Some(_), Some(after)) => after.clone(),
                    _ => turn.before.clone(),
                };
                let range = Range::pushed(
                    &repository.git,
                    push,
                    &refs.iter().map(String::as_str).collect::<Vec<_>>(),
                )?;
                let tip = push::commits(&repository, &push.tips)?.first().copied();
                let names = Names::of(repository.git.clone(), tip);
                let mut source = Source::growing(repository, &range, place, recurse)?;
                source.turn = Some(turn);
                source.names = Arc::new(names);
                Ok(source)
            }
            Selection::Paths(paths) => {
                // A repository that cannot be opened is no obstacle to reading files.
                let repository = Repository::open().ok().flatten();
                let root = repository.as_ref().and_then(Repository::root);
                let entries = worktree::entries(paths, root)?;
                let trees = worktree::trees(paths, root);
                let mut source = Source::listed(repository, entries, Treeish::Worktree, false);
                source.trees = Arc::new(trees);
                Ok(source)
            }
        }
    }

    /// The same for every policy that is to judge a part of it: of a push, each tip is judged by its own.
    ///
    /// # Errors
    /// As of [`Source::open`].
    pub fn parts(selection: &Selection, recurse: bool) -> Result<Vec<Source>> {
        match selection {
            Selection::Push(push) if push.remote.is_some() => {
                let parts = push::by_policy(&Repository::require()?, push)?;
                parts.into_iter().map(|part| Source::open_with(&Selection::Push(part), recurse)).collect()
            }
            selection => Ok(vec![Source::open_with(selection, recurse)?]),
        }
    }

    fn staged(recurse: bool) -> Result<Source> {
        // Git starts to look while the repository is opened here.
        let early = match repository::is_plain() {
            true => index::ask(&command::Git::here(), "HEAD")?,
            false => None,
        };
        let repository = Repository::require()?;
        let asked = match early {
            Some(asked) => Some(asked),
            None => index::ask(&repository.git, "HEAD")?,
        };
        let policies = match repository.head()? {
            Some(head) => policy::FILES.map(|f| (f, repository.read_committed(head, f).ok())).into(),
            None => Vec::new(),
        };
        let mut staged = index::staged(&repository, asked)?;
        let gone = staged.gone.as_deref().unwrap_or_default();
        folders::mark(&repository, &mut staged.entries, None, repository.head()?, gone)?;
        let mut source = Source::listed(Some(repository), staged.entries, Treeish::Index, recurse);
        if let Some(repository) = &source.repository {
            source.turn = Some(Turn {
                before: head_place(repository)?,
                after: vec![Treeish::Index],
                forks: Vec::new(),
            });
        }
        source.head = staged.gone.map(|gone| Head { gone, policies });
        Ok(source)
    }

    fn listed(
        repository: Option<Repository>,
        mut entries: Vec<Entry>,
        place: Treeish,
        recurse: bool,
    ) -> Source {
        if entries.iter().any(Expansion::applies) {
            let mut expansion = expansion(repository.as_ref(), recurse);
            let more: Vec<Entry> = entries.iter().flat_map(|entry| expansion.of(entry)).collect();
            entries.retain(|entry| !expansion.replaces(entry));
            entries.extend(more);
        }
        entries.sort_by(|a, b| a.key().cmp(&b.key()));
        entries.dedup_by(|a, b| a.key() == b.key());
        let walked = worktree::files(&entries);
        let mut source = Source::new(repository, Entries::Listed(entries), place);
        source.walked = Arc::new(walked);
        source
    }

    fn growing(repository: Repository, range: &Range, place: Treeish, recurse: bool) -> Result<Source> {
        let entries = match range.tips.is_empty() && !range.all {
            true => Entries::Listed(Vec::new()),
            false => {
                let history = History::start(&repository.git, range)?;
                let mut expansion = expansion(Some(&repository), recurse);
                let expanded = history.flat_map(move |entry| {
                    let more = expansion.of(&entry);
                    let itself = Some(entry).filter(|entry| !expansion.replaces(entry));
                    itself.into_iter().chain(more)
                });
                let edges = range.edges(&repository.git)?;
                let checkout = checkout::Checkout::new(&repository);
                let marked = Marked::new(expanded, checkout, repository.objects(1), &edges);
                Entries::growing(Box::new(marked))
            }
        };
        Ok(Source::new(Some(repository), entries, place))
    }

    fn new(repository: Option<Repository>, entries: Entries, place: Treeish) -> Source {
        let root = repository.as_ref().and_then(Repository::root);
        let trees = Arc::new(worktree::trees(&[], root));
        let names = repository.as_ref().map(|r| Names::of(r.git.clone(), None)).unwrap_or_default();
        Source {
            repository,
            entries: Arc::new(entries),
            trees,
            walked: Arc::default(),
            place,
            turn: None,
            head: None,
            notices: Vec::new(),
            nothing: None,
            names: Arc::new(names),
        }
    }

    /// How many entries are known: all of them, or the first of a history.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many entries there are; `None` while they are still being listed.
    pub fn total(&self) -> Option<usize> {
        self.entries.whole().then(|| self.len())
    }

    /// Whether there is nothing to look at.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A reader of its own for one thread, one of `readers` that share the memory.
    pub fn reader(&self, readers: usize) -> Reader {
        Reader {
            entries: Arc::clone(&self.entries),
            objects: self.repository.as_ref().map(|r| r.objects(readers)),
            stores: self.repository.as_ref().map(Repository::stores).unwrap_or_default(),
            trees: Arc::clone(&self.trees),
            walked: Arc::clone(&self.walked),
            paths_matter: false,
            part: None,
            names: Arc::clone(&self.names),
            inner: HashMap::new(),
            room: Arc::default(),
        }
    }

    /// The repository around the current folder, with nothing to scan: for its policy.
    pub fn here() -> Result<Source> {
        Ok(Source::listed(Repository::open()?, Vec::new(), Treeish::Worktree, false))
    }

    /// Whether there is a repository.
    pub fn in_repository(&self) -> bool {
        self.repository.is_some()
    }

    /// Hands over one item after the other, in the order of their paths, until `each` breaks.
    pub fn visit(&self, each: &mut dyn FnMut(Item) -> ControlFlow<()>) {
        let mut reader = self.reader(1);
        let items = (0..).map_while(|index| reader.read(index));
        for item in items {
            if each(item).is_break() {
                return;
            }
        }
    }

    /// The folder of the working tree; `None` outside of a repository and in a bare one.
    pub fn root(&self) -> Option<&Path> {
        self.repository.as_ref().and_then(Repository::root)
    }

    /// Whether the current folder is the root of the repository, or there is none.
    pub fn is_whole(&self) -> bool {
        let here = std::env::current_dir().and_then(|here| here.canonicalize()).ok();
        self.root().is_none_or(|root| root.canonicalize().ok() == here)
    }

    /// Where the policy belongs that judges these entries: the index for staged files, the commit that
    /// was named for a diff, the working tree for paths, what is pushed for a push, what receives it there.
    pub fn policy_place(&self) -> &Treeish {
        &self.place
    }

    /// The place that `--policy-from` names.
    ///
    /// # Errors
    /// A revision that is not here, or a place that this repository does not have.
    pub fn place_of(&self, from: &PolicyFrom) -> Result<Treeish> {
        let Some(repository) = &self.repository else { return Ok(Treeish::Worktree) };
        let bare = repository.root().is_none();
        match from {
            PolicyFrom::Base => match (&self.turn, &self.place) {
                (Some(turn), _) => Ok(turn.before.clone()),
                (None, Treeish::Index | Treeish::Worktree) => head_place(repository),
                (None, known) => Ok(known.clone()),
            },
            PolicyFrom::Head => match self.turn.as_ref().and_then(|turn| turn.after.first()) {
                Some(tip @ Treeish::Commit(_)) => Ok(tip.clone()),
                _ => head_place(repository),
            },
            PolicyFrom::Index | PolicyFrom::Worktree if bare => {
                Err(Error::new("--policy-from: a bare repository has no index and no working tree")
                    .remedy("name a revision: --policy-from HEAD"))
            }
            PolicyFrom::Index => Ok(Treeish::Index),
            PolicyFrom::Worktree => Ok(Treeish::Worktree),
            PolicyFrom::Revision(rev) => match repository.resolve(rev, Side::Base)? {
                Some(commit) => Ok(Treeish::Commit(commit)),
                None => Err(repository::unknown(rev)),
            },
            PolicyFrom::OneOf(revs) => {
                for rev in revs {
                    if let Some(commit) = repository.resolve(rev, Side::Base)? {
                        return Ok(Treeish::Commit(commit));
                    }
                }
                let first = revs.first().map(String::as_str).unwrap_or_default();
                Err(Error::new(format!(
                    "CI names {} as what this is to be merged into, and it is not in this clone: its policy judges",
                    first.escape_debug()
                ))
                .remedy(format!("fetch it first: git fetch --depth=1 origin +refs/heads/{0}:refs/remotes/origin/{0}", first.escape_debug())))
            }
        }
    }

    /// The place where the files lie as a change leaves them: the commit it leads to, or the index.
    pub fn tip(&self) -> Option<&Treeish> {
        self.turn.as_ref()?.after.first()
    }

    /// Where the policy is read before a change, and where it is read afterwards, for each tip.
    pub fn turn(&self) -> Option<(&Treeish, &[Treeish])> {
        self.turn.as_ref().map(|turn| (&turn.before, turn.after.as_slice()))
    }

    /// Why there was nothing to compare; `None` where there was.
    pub fn nothing(&self) -> Option<&str> {
        self.nothing.as_deref()
    }

    /// A file as it is once the change that leads to `after` is merged.
    ///
    /// # Errors
    /// As of [`Source::read_file`].
    pub fn read_merged(&self, after: &Treeish, path: &str) -> Result<Option<Vec<u8>>> {
        let theirs = self.read_file(after, path)?;
        let Some(turn) = &self.turn else { return Ok(theirs) };
        let Some(fork) = turn.forks.first().map(|fork| Treeish::Commit(*fork)) else { return Ok(theirs) };
        if fork == turn.before || turn.forks.len() > 1 {
            return Ok(theirs);
        }
        let ours = self.read_file(&turn.before, path)?;
        // What the fork has may be nothing that is read: then both sides have changed it.
        let fork = self.read_file(&fork, path).unwrap_or_default();
        Ok(match (ours, theirs) {
            (ours, theirs) if theirs == fork => ours,
            (ours, theirs) if ours == fork || ours == theirs => theirs,
            (Some(ours), Some(theirs)) => {
                let merged = repository::merged(&ours, &fork.unwrap_or_default(), &theirs)?;
                Some(merged.unwrap_or(theirs))
            }
            // A conflict, which somebody has to settle in a commit that is judged then.
            (_, theirs) => theirs,
        })
    }

    /// What a person should know about how the entries were found.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// One file of the repository, `path` relative to its root and `/`-separated. `None` where there
    /// is no such file, or no repository.
    pub fn read_file(&self, place: &Treeish, path: &str) -> Result<Option<Vec<u8>>> {
        let Some(repository) = &self.repository else { return Ok(None) };
        if let (Treeish::Index, Some(head)) = (place, &self.head)
            && !self.entries.listed().iter().any(|e| e.path.as_bytes() == path.as_bytes())
        {
            // Neither changed nor gone: the index has what HEAD has, and need not be read again.
            if head.gone.iter().any(|g| g == path.as_bytes()) {
                return Ok(None);
            }
            if let Some((_, Some(read))) = head.policies.iter().find(|(name, _)| *name == path) {
                return Ok(read.clone());
            }
            return match repository.head()? {
                Some(head) => repository.read_committed(head, path),
                None => Ok(None),
            };
        }
        repository.read_file(place, path)
    }
}

/// What HEAD has beside what is staged.
struct Head {
    /// Paths that the index has no more.
    gone: Vec<Vec<u8>>,
    /// Its policies, read while git was comparing; `None` where one could not be read.
    policies: Vec<(&'static str, Option<Option<Vec<u8>>>)>,
}

fn expansion(repository: Option<&Repository>, recurse: bool) -> Expansion {
    let stores = repository.map(Repository::stores).unwrap_or_default();
    let submodules = repository.filter(|_| recurse).map(Submodules::of);
    Expansion::new(repository.map(|r| r.objects(1)), stores, submodules)
}

/// The policy of a repository that receives: its default branch, before anything is received.
fn head_place(repository: &Repository) -> Result<Treeish> {
    Ok(repository.head()?.map_or(Treeish::Nowhere, Treeish::Commit))
}

/// What the other side of a push has: the remote's default branch as far as it is known here, else what a
/// pushed branch was before, else HEAD.
fn push_place(repository: &Repository, push: &Push, remote: &str) -> Result<Treeish> {
    if let Some(commit) = repository.resolve(&format!("refs/remotes/{remote}/HEAD"), Side::Base)? {
        return Ok(Treeish::Commit(commit));
    }
    for before in &push.old {
        if let Some(commit) = repository.resolve(&before.to_string(), Side::Base)? {
            return Ok(Treeish::Commit(commit));
        }
    }
    head_place(repository)
}
