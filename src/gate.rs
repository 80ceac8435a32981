//! One blob through scan and judge, and all blobs of a source to an outcome.

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::memory::Memory;
use crate::outcome::{Judged, Outcome, PolicyLine, ReadFailure, Reason, Skipped, Suppressed, Tally};
use crate::progress::Progress;
use crate::source::{Blob, Checkout, Item, Origin, Part, Reader, Source};
use fickgate_engine::content::Content;
use fickgate_engine::escape;
use fickgate_engine::facts::Facts;
use fickgate_engine::finding::Finding;
use fickgate_engine::judge;
use fickgate_engine::limits::Limits;
use fickgate_engine::path::BlobPath;
use fickgate_engine::policy::{self, Policy, Usage};
use fickgate_engine::scan;
use fickgate_engine::snippets::Snippets;

/// Jobs that nobody asked for. More are rarely faster, and each keeps the objects it unpacked last.
const MOST_JOBS: NonZero<usize> = match NonZero::new(8) {
    Some(jobs) => jobs,
    None => NonZero::<usize>::MIN,
};

/// How many blobs are judged at the same time where nobody says: one for every core.
fn jobs() -> NonZero<usize> {
    std::thread::available_parallelism().map_or(NonZero::<usize>::MIN, |cores| cores.min(MOST_JOBS))
}

/// What judges blobs.
pub struct Gate<'p> {
    /// Decides about imports.
    pub policy: &'p Policy,
    /// Marks of the entries that allowed something.
    pub usage: &'p Usage,
    /// Ceilings.
    pub limits: Limits,
    /// Blobs that are judged at the same time; none where nobody says.
    pub jobs: Option<NonZero<usize>>,
    /// Told of every entry that is done.
    pub progress: Progress,
    /// Memory of the blobs that are judged at the same time.
    pub memory: Memory,
    /// Whether findings name the commit that brought the content.
    pub commits: bool,
    /// Which entries are judged, if not all are.
    pub part: Option<Arc<Part>>,
    /// Told of what became of an entry as soon as it is known, by whichever thread judged it.
    pub told: &'p (dyn Fn(&Judged) + Sync),
}

impl Gate<'_> {
    /// Judges every entry of a source. The outcome does not depend on the number of jobs.
    pub fn judge_all(&self, source: &Source) -> Outcome {
        let next = AtomicUsize::new(0);
        let done = Mutex::new((Vec::new(), Tally::default()));
        let work = |mut reader: Reader| {
            let (mut mine, mut tally) = (Vec::new(), Tally::default());
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(item) = reader.read(index) else { break };
                let judged = self.judge_entry(item);
                tally.add(&judged.tally);
                if judged.says_something() {
                    (self.told)(&judged);
                    mine.push((index, judged));
                }
                self.progress.step();
            }
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            done.0.extend(mine);
            done.1.add(&tally);
        };
        // How many cores there are takes a look at files of the system.
        let jobs = match source.len() {
            one @ ..=1 => one,
            many => self.jobs.unwrap_or_else(jobs).get().min(many),
        };
        let reader = || source.reader(jobs).with(self.policy.looks_at_paths(), self.part.clone());
        self.progress.during(source.total(), || match jobs {
            // A reader opens the repository anew.
            0 => {}
            1 => work(reader()),
            _ => std::thread::scope(|scope| {
                for _ in 1..jobs {
                    // Where threads or descriptors are few, fewer do the work.
                    let (reader, work) = (reader(), &work);
                    let whole = reader.is_whole();
                    let started = whole
                        && std::thread::Builder::new().spawn_scoped(scope, move || work(reader)).is_ok();
                    if !started {
                        break;
                    }
                }
                work(reader());
            }),
        });
        let (mut done, tally) = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(index, _)| *index);
        let mut outcome = Outcome { tally, ..Outcome::default() };
        let mut strays = Vec::new();
        for (_, judged) in done {
            strays.extend(judged.stray_policy);
            outcome.suppressed.extend(judged.suppressed);
            outcome.findings.extend(judged.findings);
            outcome.skipped.extend(judged.skipped);
            outcome.failures.extend(judged.failure);
        }
        strays.dedup();
        if let Some(first) = strays.first() {
            let more = match strays.len() {
                1 => "decides nothing".to_owned(),
                n => format!("and {} more like it decide nothing", n - 1),
            };
            let first = escape::terminal_bytes(first.as_bytes());
            outcome.notices.push(format!(
                "{first} {more}: the policy is the one at the root of the repository, where an entry can name \
                 `paths`"
            ));
        }
        outcome
    }

    /// Judges what one entry has, and says which commit brought it.
    fn judge_entry(&self, item: Item) -> Judged {
        let commit = match &item {
            Item::Blob(blob) | Item::Target { text: blob, .. } if self.commits => match &blob.origin {
                Origin::Commit(id) => Some(id.to_string()),
                Origin::Index | Origin::Disk | Origin::Store => None,
            },
            _ => None,
        };
        let stray_policy = Some(item.path()).filter(|path| is_stray(path)).cloned();
        let mut judged = self.judge_item(item);
        for finding in &mut judged.findings {
            finding.commit.clone_from(&commit);
        }
        Judged { stray_policy, ..judged }
    }

    fn judge_item(&self, item: Item) -> Judged {
        let path = item.path();
        if matches!(item, Item::Elsewhere(_)) {
            return Judged::default();
        }
        if let Some(by) = self.policy.excluded(&path.to_lossy()) {
            let by = PolicyLine { source: by.source.clone(), line: by.line, layer: by.layer };
            let skipped = Skipped { path: path.clone(), reason: Reason::Excluded { by } };
            return Judged { skipped: Some(skipped), ..Judged::default() };
        }
        match item {
            Item::Blob(blob) => self.judge_blob(&blob),
            Item::Skipped(skipped) => Judged { skipped: Some(skipped), ..Judged::default() },
            Item::Fault(fault) => {
                Judged { findings: vec![judge::file(&fault, self.policy)], ..Judged::default() }
            }
            Item::Failed(failure) => Judged { failure: Some(failure), ..Judged::default() },
            Item::Link { link, target, below } => self.judge_link(link, &target, &below),
            Item::Target { text, led } => match self.is_plain(&text) {
                true => self.judge_item(*led),
                false => self.judge_blob(&text),
            },
            Item::Unchanged(_) | Item::Elsewhere(_) => Judged::default(),
        }
    }

    /// A link brings what it leads to under another name: what the policy excludes there has to be
    /// excluded here as well.
    fn judge_link(&self, link: Skipped, target: &BlobPath, below: &[BlobPath]) -> Judged {
        let led = target.to_lossy();
        let inner = format!("{led}/x");
        let excluded = |path: &str| self.policy.excluded(path).is_some();
        let hidden =
            excluded(&led) || excluded(&inner) || below.iter().any(|path| excluded(&path.to_lossy()));
        if !hidden {
            return Judged { skipped: Some(link), ..Judged::default() };
        }
        let finding = judge::excluded_target(link.path, target, self.policy);
        Judged { findings: vec![finding], ..Judged::default() }
    }

    /// Whether the text of a link is a path and nothing that a loader reads. Its name says nothing: it is
    /// the name of what the link leads to. What can not be read is not plain.
    fn is_plain(&self, text: &Blob) -> bool {
        let _room = self.memory.room(text.content.len());
        let nameless = BlobPath::new("");
        let facts = catch_unwind(AssertUnwindSafe(|| scan::scan(&text.content, &nameless, &self.limits)));
        matches!(facts, Ok(Ok(facts)) if facts.streams.is_empty() && facts.faults.is_empty())
    }

    /// Judges one blob. A panic in the reading of one blob is a failure of that blob alone.
    fn judge_blob(&self, blob: &Blob) -> Judged {
        let failed = |message: String| Judged {
            failure: Some(ReadFailure { path: blob.path.clone(), message }),
            ..Judged::default()
        };
        let _room = self.memory.room(blob.content.len());
        let watched =
            self.progress.watch(&blob.path, &blob.content).map(|content| Blob { content, ..blob.clone() });
        let blob = watched.as_ref().unwrap_or(blob);
        match catch_unwind(AssertUnwindSafe(|| self.read_and_judge(blob))) {
            Ok(Ok(judged)) => match blob.content.changed() {
                Ok(false) => judged,
                Ok(true) => failed("changed while it was read; scan it again".to_owned()),
                Err(error) => failed(format!("cannot be read: {error}")),
            },
            Ok(Err(error)) => failed(format!("cannot be read: {error}")),
            Err(_) => failed("fickgate failed on this file; please report it with the file".to_owned()),
        }
    }

    fn read_and_judge(&self, blob: &Blob) -> std::io::Result<Judged> {
        let (facts, snippets) = read(&blob.content, &blob.path, (self.policy, self.usage), &self.limits)?;
        let sha256 = pinned(&blob.content, &blob.path, self.policy)?;
        let pin = sha256.and_then(|hash| self.policy.pin(&hash, &blob.path.to_lossy(), self.usage));
        let mut suppressed = Vec::new();
        let skipped = pin.map(|pin| {
            let by = PolicyLine { source: pin.source.clone(), line: pin.line, layer: pin.layer };
            // With marks of its own: what is accepted as it is makes no entry a used one.
            let found = judge::judge(&facts, &blob.path, None, self.policy, &self.policy.usage());
            suppressed = found
                .into_iter()
                .map(|finding| Suppressed { finding, by: by.clone(), reason: pin.reason.clone() })
                .collect();
            Skipped { path: blob.path.clone(), reason: Reason::Accepted { by } }
        });
        let mut findings = judge::judge(&facts, &blob.path, sha256.as_ref(), self.policy, self.usage);
        snippets.give(&mut findings);
        let mut made = Vec::new();
        for checkout in &blob.checkouts {
            made.extend(self.judge_checkout(blob, checkout, &facts, &findings)?);
        }
        findings.extend(made);
        let imports = facts.streams.iter().map(|s| s.imports.len() as u64).sum();
        let tally = Tally { blobs: 1, streams: facts.streams.len() as u64 + facts.folded, imports };
        Ok(Judged { findings, skipped, suppressed, tally, ..Judged::default() })
    }
}

impl Gate<'_> {
    /// Judges what a checkout makes of a blob, beside what the stored bytes gave.
    fn judge_checkout(
        &self,
        blob: &Blob,
        checkout: &Checkout,
        stored: &Facts,
        findings: &[Finding],
    ) -> std::io::Result<Option<Finding>> {
        let (contents, how, asked) = match checkout {
            Checkout::Bytes { contents, how, asked } => (contents, how, *asked),
            Checkout::Unknown(fault) => return Ok(Some(judge::file(fault, self.policy))),
        };
        let mut out = Vec::new();
        for content in contents {
            let facts = scan::scan(content, &blob.path, &self.limits)?;
            out.extend(judge::judge(&facts, &blob.path, None, self.policy, self.usage));
        }
        let pickles = !stored.streams.is_empty();
        Ok(judge::checkout(&blob.path, how, asked, findings, out, pickles))
    }
}

/// Whether a path of the repository ends like the policy's, and is none.
fn is_stray(path: &BlobPath) -> bool {
    let text = path.to_lossy();
    let below = text.strip_suffix(policy::FILES[0]).and_then(|folder| folder.strip_suffix('/'));
    below.is_some_and(|folder| !folder.is_empty() && !folder.starts_with(['/', '.']) && !folder.contains(':'))
}

/// What is in some content, and the decompiled lines of what the policy does not let pass.
fn read(
    content: &Content,
    path: &BlobPath,
    by: (&Policy, &Usage),
    limits: &Limits,
) -> std::io::Result<(Facts, Snippets)> {
    let mut snippets = Snippets::default();
    let mut failure = None;
    let facts = scan::scan_watched(content, path, limits, &mut |content, stream| {
        if let Err(error) = snippets.look(content, stream, path, by, limits) {
            failure = Some(error);
        }
    })?;
    failure.map_or(Ok((facts, snippets)), Err)
}

/// What is in some content, and what there is to find in it: for whoever asks for one file alone.
pub fn judge_content(
    content: &Content,
    path: &BlobPath,
    policy: &Policy,
    usage: &Usage,
    limits: &Limits,
) -> std::io::Result<(Facts, Vec<Finding>)> {
    let (facts, snippets) = read(content, path, (policy, usage), limits)?;
    let mut findings = judge::judge(&facts, path, pinned(content, path, policy)?.as_ref(), policy, usage);
    snippets.give(&mut findings);
    Ok((facts, findings))
}

/// The hash of content, where the policy pins any that can lie at this path.
fn pinned(content: &Content, path: &BlobPath, policy: &Policy) -> std::io::Result<Option<[u8; 32]>> {
    policy.pins_content_at(&path.to_lossy()).then(|| sha256(content)).transpose()
}

/// The hash by which a policy pins content.
pub fn sha256(content: &Content) -> std::io::Result<[u8; 32]> {
    let mut hasher = Sha256::new();
    for piece in content.pieces(1 << 18) {
        hasher.update(&piece?);
    }
    Ok(hasher.finalize().into())
}
