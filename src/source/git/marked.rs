//! Which entries of a history checkouts change: by the attributes of its ends, and of every commit that changes some.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use crate::source::blob::Origin;
use crate::source::entry::{Entry, What};
use crate::source::git::attributes::{Attributes, Version};
use crate::source::git::checkout::{Checkout, changes_content, failed, folder, is_attributes, tracked};
use crate::source::git::conversion::Conversions;
use crate::source::git::folders::Folders;
use crate::source::git::history::Edges;
use crate::source::git::object::{Object, ObjectId, Objects};
use fickgate_engine::error::Result;
use fickgate_engine::path::BlobPath;

/// Different versions of attributes that one history is checked against.
const VERSIONS: usize = 64;
/// Entries of a history that are checked at once.
const BATCH: usize = 256;

/// A file of a history: its path, its blob, where that came from.
type File = (BlobPath, ObjectId, Origin);

/// The files of a commit that give attributes; none where they change no content.
type State = Vec<(BlobPath, ObjectId)>;

/// Entries of a history, each with what any version of the attributes in it makes of them.
pub(in crate::source) struct Marked<I> {
    entries: I,
    checkout: Checkout,
    objects: Objects,
    versions: Vec<Attributes>,
    /// The states that were met, and which version each of them is.
    states: HashMap<State, Option<usize>>,
    /// Folders of the states that were met, and of what was handed out.
    folders: Folders,
    /// What was handed out with what a checkout makes of it.
    said: HashSet<(BlobPath, ObjectId, Conversions)>,
    /// Files that were handed out, for attributes that are met later.
    listed: Vec<File>,
    ready: VecDeque<Entry>,
    ended: bool,
}

impl<I: Iterator<Item = Entry>> Marked<I> {
    /// `edges` are the commits at both ends of the history: what is between them has their attributes, or those
    /// of a commit that changed them.
    pub(in crate::source) fn new(
        entries: I,
        checkout: Checkout,
        objects: Objects,
        edges: &Edges,
    ) -> Marked<I> {
        let mut marked = Marked {
            entries,
            checkout,
            objects,
            versions: Vec::new(),
            states: HashMap::new(),
            listed: Vec::new(),
            folders: Folders::default(),
            said: HashSet::new(),
            ready: VecDeque::new(),
            ended: false,
        };
        let lower: Vec<Option<usize>> = edges.lower.iter().map(|edge| marked.meet(*edge)).collect();
        for edge in &edges.upper {
            let version = marked.meet(*edge);
            // What was there before has other attributes now, if only by a merge of what each side had for itself.
            if version.is_some() && lower.iter().any(|before| *before != version) {
                marked.recast_what_differs(*edge, version, &edges.lower);
            }
        }
        if marked.versions.is_empty() && marked.checkout.outside && !marked.checkout.bare {
            let _ = marked.start(Version::Index);
        }
        marked
    }

    /// Opens the attributes of a commit, if they are others than those that were met; which version they are, `None`
    /// where they change nothing.
    fn meet(&mut self, commit: ObjectId) -> Option<usize> {
        let path = BlobPath::new(".gitattributes");
        let state = match self.state(commit) {
            Ok(state) => state,
            Err(e) => {
                self.fail(&path, e.to_string());
                return None;
            }
        };
        if let Some(version) = self.states.get(&state) {
            return *version;
        }
        let counts = self.checkout.outside || !state.is_empty();
        let version = if counts { self.open(commit, &path) } else { None };
        self.states.insert(state, version);
        version
    }

    /// Brings up the files of a commit to which its attributes are not what all of `before` give them.
    fn recast_what_differs(&mut self, commit: ObjectId, version: Option<usize>, before: &[ObjectId]) {
        let everything = BTreeSet::from([Vec::new()]);
        let found = tracked(&self.checkout.git, Version::Commit(commit), &everything).and_then(|listed| {
            let files: Vec<File> = listed.iter().filter_map(file).collect();
            let paths: Vec<&BlobPath> = files.iter().map(|(path, ..)| path).collect();
            let now = self.checkout.ask(Version::Commit(commit), &paths)?;
            let mut differs = vec![false; files.len()];
            for before in before {
                let then = self.checkout.ask(Version::Commit(*before), &paths)?;
                for (differs, (now, then)) in differs.iter_mut().zip(now.iter().zip(&then)) {
                    *differs |= now != then && !now.is_plain();
                }
            }
            Ok(files.into_iter().zip(differs).filter(|(_, differs)| *differs).map(|(file, _)| file).collect())
        });
        match found {
            Ok(files) => {
                let files: Vec<File> = files;
                self.recast(&files, version);
            }
            Err(e) => self.fail(&BlobPath::new(".gitattributes"), e.to_string()),
        }
    }

    /// Everything in a commit that gives attributes, if any of that changes content: what changes none may take back
    /// what does.
    fn state(&mut self, commit: ObjectId) -> Result<State> {
        let everything = BTreeSet::from([Vec::new()]);
        let mut state = Vec::new();
        for entry in tracked(&self.checkout.git, Version::Commit(commit), &everything)? {
            self.folders.meet(&entry);
            // Git reads what a link leads to as attributes, where it is not written yet.
            if let What::Object { id, .. } = entry.what
                && is_attributes(&entry.path)
            {
                state.push((entry.path, id));
            }
        }
        match state.iter().any(|(_, id)| self.matters(*id)) {
            true => Ok(state),
            false => Ok(Vec::new()),
        }
    }

    /// Whether attributes in this blob change content. What cannot be told counts as yes.
    fn matters(&mut self, id: ObjectId) -> bool {
        self.objects.read(id).map_or(true, |object| match object {
            Object::Blob(text) => {
                text.len() > 1 << 20 || text.read_range(0, 1 << 20).map_or(true, |t| changes_content(&t))
            }
            Object::Missing | Object::TooLarge(_) => true,
        })
    }

    fn fail(&mut self, path: &BlobPath, message: String) {
        self.ready.push_back(Entry::new(path.clone(), What::Failed(message)));
    }

    /// Adds the attributes of a commit, on account of the file at `path`; where that is not possible, says so.
    fn open(&mut self, commit: ObjectId, path: &BlobPath) -> Option<usize> {
        match self.start(Version::Commit(commit)) {
            None => self.versions.len().checked_sub(1),
            Some(message) => {
                self.fail(path, message);
                None
            }
        }
    }

    /// Adds a version; a message where that is not possible.
    fn start(&mut self, version: Version) -> Option<String> {
        if self.versions.len() >= VERSIONS {
            return Some(format!(
                "there are more than {VERSIONS} versions of attributes; scan shorter ranges"
            ));
        }
        let checkout = &self.checkout;
        match Attributes::start(&checkout.git, version, checkout.up.clone()) {
            Ok(mut attributes) => match attributes.of(&[&BlobPath::new("x")]) {
                Ok(_) => {
                    self.versions.push(attributes);
                    None
                }
                Err(e) => Some(failed(e).to_string()),
            },
            Err(e) => Some(failed(e).to_string()),
        }
    }

    /// Brings up files again that a version of the attributes checks out in a way that was not judged yet.
    fn recast(&mut self, files: &[File], version: Option<usize>) {
        let Some(version) = version else { return };
        for (index, made) in self.conversions(files, version..version + 1) {
            let Some(file) = files.get(index) else { continue };
            if self.said.insert((file.0.clone(), file.1, made.clone())) {
                self.ready.push_back(recast(file, made));
            }
        }
    }

    fn fill(&mut self) {
        let mut batch: Vec<Entry> = self.entries.by_ref().take(BATCH).collect();
        self.ended = batch.is_empty();
        let own: HashSet<(BlobPath, ObjectId)> =
            batch.iter().filter_map(file).map(|(path, id, _)| (path, id)).collect();
        for entry in &batch {
            let commit = match &entry.what {
                What::Object { origin: Origin::Commit(commit), .. } if is_attributes(&entry.path) => commit,
                What::Lifted(commit) => commit,
                _ => continue,
            };
            let version = self.meet(*commit);
            let listed = std::mem::take(&mut self.listed);
            self.recast(&listed, version);
            self.listed = listed;
            // Files around it that were there before the history starts.
            let below = BTreeSet::from([folder(entry.path.as_bytes()).to_vec()]);
            match tracked(&self.checkout.git, Version::Commit(*commit), &below) {
                Ok(around) => {
                    let around = around.iter().filter_map(file);
                    let around: Vec<File> =
                        around.filter(|(path, id, _)| !own.contains(&(path.clone(), *id))).collect();
                    self.recast(&around, version);
                }
                Err(e) => self.fail(&entry.path, e.to_string()),
            }
        }
        batch.retain(|entry| !matches!(entry.what, What::Lifted(_)));
        let at: Vec<usize> =
            (0..).zip(&batch).filter(|(_, e)| file(e).is_some()).map(|(index, _)| index).collect();
        let files: Vec<File> = batch.iter().filter_map(file).collect();
        for (index, made) in self.conversions(&files, 0..self.versions.len()) {
            let (Some(entry), Some(file)) =
                (at.get(index).and_then(|at| batch.get_mut(*at)), files.get(index))
            else {
                continue;
            };
            if !self.said.insert((file.0.clone(), file.1, made.clone())) {
                continue;
            }
            match entry.conversions {
                None => entry.conversions = Some(Arc::new(made)),
                Some(_) => self.ready.push_back(recast(file, made)),
            }
        }
        for entry in &batch {
            self.folders.meet(entry);
        }
        for entry in batch.iter_mut().filter(|e| file(e).is_some()) {
            if let Some(shared) = self.folders.conversions(&entry.path) {
                entry.conversions = Some(Arc::new(shared));
            }
        }
        self.ready.extend(batch);
        self.listed.extend(files);
    }

    /// What some versions make of files, by the index of each, every kind once.
    fn conversions(&mut self, files: &[File], versions: std::ops::Range<usize>) -> Vec<(usize, Conversions)> {
        let paths: Vec<&BlobPath> = files.iter().map(|(path, ..)| path).collect();
        let mut seen = HashSet::new();
        let mut conversions = Vec::new();
        for attributes in self.versions.iter_mut().take(versions.end).skip(versions.start) {
            let found = match attributes.of(&paths) {
                Ok(found) => found,
                Err(e) => {
                    let what = What::Failed(failed(e).to_string());
                    self.ready.push_back(Entry::new(BlobPath::new(".gitattributes"), what));
                    break;
                }
            };
            for (index, made) in found.into_iter().enumerate() {
                if !made.is_plain() && seen.insert((index, made.clone())) {
                    conversions.push((index, made));
                }
            }
        }
        conversions
    }
}

fn file(entry: &Entry) -> Option<File> {
    match &entry.what {
        What::Object { id, link: false, origin } => Some((entry.path.clone(), *id, origin.clone())),
        _ => None,
    }
}

fn recast((path, id, origin): &File, conversions: Conversions) -> Entry {
    let what = What::Recast { id: *id, origin: origin.clone() };
    Entry { conversions: Some(Arc::new(conversions)), ..Entry::new(path.clone(), what) }
}

impl<I: Iterator<Item = Entry>> Iterator for Marked<I> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        while self.ready.is_empty() && !self.ended {
            self.fill();
        }
        self.ready.pop_front()
    }
}
