//! The members of an archive, one by one.

use std::collections::HashSet;
use std::io;

use crate::content::Content;
use crate::facts::{MemberFault, Reading};
use crate::reading::codec::Codec;
use crate::reading::family::Family;
use crate::reading::inflated::Inflated;
use crate::reading::job::Job;
use crate::reading::torch;
use crate::reading::work::{Scan, Step, Task, Verdict, fault};
use crate::reading::zip::audit::{self, Archive, Member};
use crate::rule::Rule;

/// A walk over members. Those that may be tensors wait until the pickles have named their storages.
pub(crate) struct Walk {
    job: Job,
    family: Family,
    archive: Archive,
    next: usize,
    /// Members that wait, and whether their turn has come.
    waiting: Vec<usize>,
    late: bool,
    storages: HashSet<String>,
    /// Folders whose pickles torch's C++ reader loads.
    scripts: HashSet<String>,
    torch: bool,
    before: u64,
    /// Members with streams in them.
    carrying: HashSet<usize>,
    /// The member that was opened last, and the count of streams before it.
    opened: Option<(usize, u64)>,
}

impl Step for Walk {
    fn step(self: Box<Self>, scan: &mut Scan<'_>) -> io::Result<()> {
        scan.walk_zip(self)
    }
}

impl Scan<'_> {
    /// Reads content as a zip. `begins`: its first bytes say so too.
    pub fn open_zip(&mut self, job: &Job, family: Family, begins: bool) -> io::Result<()> {
        let Some(archive) = audit::audit(&job.content, self.limits)? else { return Ok(()) };
        let _ = begins;
        self.form(job, "zip");
        if let Some(limit) = &archive.limit {
            self.fault(&job.member, Rule::ResourceLimit, 0, limit.clone());
        }
        let names: HashSet<&str> = archive.members.iter().map(|m| m.name.as_str()).collect();
        let folder = |name: &str, file: &str| -> Option<String> {
            let folder = name.strip_suffix(file)?;
            (folder.is_empty() || folder.ends_with('/')).then(|| folder.to_owned())
        };
        let scripts = names
            .iter()
            .filter_map(|name| folder(name, "constants.pkl"))
            .filter(|folder| {
                names
                    .iter()
                    .any(|name| name.strip_prefix(folder.as_str()).is_some_and(|n| n.starts_with("code/")))
            })
            .collect();
        let torch = names.iter().any(|name| folder(name, "data.pkl").is_some());
        self.later(Task::Step(Box::new(Walk {
            job: job.clone(),
            family,
            archive,
            next: 0,
            waiting: Vec::new(),
            late: false,
            storages: HashSet::new(),
            scripts,
            torch,
            before: self.found,
            carrying: HashSet::new(),
            opened: None,
        })));
        Ok(())
    }

    /// Opens the next member, and leaves the walk to go on after it.
    fn walk_zip(&mut self, mut walk: Box<Walk>) -> io::Result<()> {
        if let Some((member, before)) = walk.opened.take()
            && self.found > before
        {
            walk.carrying.insert(member);
        }
        loop {
            let i = if walk.late {
                let Some(i) = walk.waiting.pop() else { break };
                if walk.archive.members.get(i).is_some_and(|m| walk.storages.contains(&m.name)) {
                    continue;
                }
                i
            } else if walk.next < walk.archive.members.len() {
                let i = walk.next;
                walk.next += 1;
                if walk.torch && walk.archive.members.get(i).is_some_and(may_be_storage) {
                    walk.waiting.push(i);
                    continue;
                }
                i
            } else {
                walk.late = true;
                walk.waiting.reverse();
                self.storages(&mut walk);
                continue;
            };
            let Some(member) = walk.archive.members.get(i) else { continue };
            let before = self.found;
            let jobs = self.member(&walk, member)?;
            if !jobs.is_empty() {
                walk.opened = Some((i, before));
                for job in jobs {
                    self.later(Task::Open(job));
                }
                self.later(Task::Step(walk));
                return Ok(());
            }
        }
        self.end_zip(&walk)
    }

    /// The members that pickles of this archive name as storages.
    fn storages(&mut self, walk: &mut Walk) {
        let inside = if walk.job.member.is_empty() { String::new() } else { format!("{}!", walk.job.member) };
        for stream in &self.facts.streams {
            let Some(pickle) = stream.member.strip_prefix(&inside).filter(|m| !m.contains('!')) else {
                continue;
            };
            // torch names storages by numbers. One with another name may be what someone unpickles.
            let numbered = |key: &str| key.trim_end_matches(".storage").bytes().all(|b| b.is_ascii_digit());
            for storage in stream.storages.iter().filter(|storage| numbered(&storage.key)) {
                walk.storages.extend(torch::storage_members(pickle, &storage.key));
            }
        }
    }

    /// What a member's bytes are to some reader. Usually one piece of content.
    fn member(&mut self, walk: &Walk, member: &Member) -> io::Result<Vec<Job>> {
        let mut jobs = Vec::new();
        if member.encrypted {
            let message = "an encrypted member: what is inside cannot be read";
            let path = walk.job.child(&member.name, Content::from_bytes([])).member;
            self.fault(&path, Rule::ContainerUnreadable, member.entry.local, message);
            return Ok(jobs);
        }
        if member.data.is_empty() {
            return Ok(jobs);
        }
        let mut seen = HashSet::new();
        let first = (member.entry.method, member.data.clone());
        for (method, range) in std::iter::once(first).chain(member.others.iter().cloned()) {
            if range.is_empty() || !seen.insert((method, range.clone())) {
                continue;
            }
            let packed = walk.job.content.slice(range);
            let mut job = walk.job.child(&member.name, packed.clone());
            job.reading = walk.reading(&member.name);
            let codec = match method {
                0 => None,
                8 => Some(Codec::Deflate),
                12 => Some(Codec::Bzip2),
                14 => Some(Codec::ZipLzma),
                93 => Some(Codec::Zstd),
                95 => Some(Codec::Xz),
                _ => {
                    let message = format!("compression method {method} is not read here");
                    self.fault(&job.member, Rule::ContainerUnreadable, member.entry.local, message);
                    continue;
                }
            };
            if let Some(codec) = codec {
                let inflated = Inflated::open(codec, packed, self.limits, &self.budget)?;
                job.content = inflated.content();
                job.inflated = Some(inflated);
            }
            jobs.push(job);
        }
        Ok(jobs)
    }

    /// Tells the anomalies that matter: an archive without any pickle can be as odd as it likes.
    fn end_zip(&mut self, walk: &Walk) -> io::Result<()> {
        let before = self.found;
        // What stands at the beginning has been read as the content's own first bytes.
        for gap in walk.archive.gaps.iter().filter(|gap| gap.start > 0) {
            self.behind(&walk.job, gap.clone(), "a pickle in bytes that the archive does not account for")?;
        }
        let models = walk.family.of_models() && walk.family != Family::Shared;
        let named = |m: &Member| matches!(Family::of(&m.name), Family::Loader | Family::Pickle);
        let unreadable = walk.archive.members.is_empty() || walk.archive.lost;
        let matters =
            models || unreadable || self.found > walk.before || walk.archive.members.iter().any(named);
        let faults = walk.archive.anomalies.iter().filter_map(|anomaly| {
            let member = anomaly.member.and_then(|i| Some((i, walk.archive.members.get(i)?)));
            // A member that holds no pickle and does not promise one may have a twin.
            if let Some((i, member)) = member
                && !walk.carrying.contains(&i)
                && !named(member)
                && !(models && member.hidden)
                && !member.name.ends_with("data.pkl")
            {
                return None;
            }
            let path = match member {
                Some((_, member)) => walk.job.child(&member.name, Content::from_bytes([])).member,
                None => walk.job.member.clone(),
            };
            let fault = fault(Rule::ContainerAnomaly, anomaly.offset, anomaly.message.clone());
            Some(MemberFault { member: path, fault })
        });
        let verdict = Verdict { before, faults: faults.collect(), regardless: matters };
        self.later(Task::Conclude(verdict));
        Ok(())
    }
}

impl Walk {
    /// By whose rules a pickle in the archive is read.
    fn reading(&self, name: &str) -> Reading {
        if self.scripts.iter().any(|folder| name.starts_with(folder.as_str())) {
            Reading::TorchScript
        } else if self.torch {
            Reading::Torch
        } else {
            Reading::Pickle
        }
    }
}

/// Whether a member stands where torch keeps storages.
fn may_be_storage(member: &Member) -> bool {
    let mut parts = member.name.rsplit('/');
    let last = parts.next().unwrap_or("");
    let folder = parts.next().unwrap_or("");
    matches!(folder, "data" | "constants" | ".data")
        || last.ends_with(".storage")
        || folder.ends_with("bytecode")
}
