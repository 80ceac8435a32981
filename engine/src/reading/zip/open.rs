//! The members of an archive, one by one.

use std::collections::{HashMap, HashSet};
use std::io;

use crate::content::Content;
use crate::facts::{Loader, MemberFault, NestedBytes};
use crate::reading::carried::{Model, Package};
use crate::reading::codec::Codec;
use crate::reading::family::{self, Family};
use crate::reading::inflated::Inflated;
use crate::reading::job::{Config, Disguise, Job, Place};
use crate::reading::torch;
use crate::reading::window::Windowed;
use crate::reading::work::{Conclusion, Scan, Step, Task, When, fault};
use crate::reading::zip::audit::{self, Archive, Member};
use crate::reading::zip::row;
use crate::rule::Rule;

/// Longest list of modules that is read.
const LIST: usize = 1 << 20;

/// Configuration that an archive may hold.
struct Configs {
    keras: bool,
    skops: bool,
}

impl Configs {
    /// What a member of this name is.
    fn of(&self, name: &str) -> Config {
        match name {
            "config.json" if self.keras => Config::Keras,
            "schema.json" if self.skops => Config::Skops,
            _ => Config::None,
        }
    }
}

/// Bytes of a member that are read at once where few are asked for.
const LOOK: usize = 4096;
/// Bytes of the largest element of a storage. One seen as another type may have some bytes more than its elements.
const ELEMENT: u64 = 16;

/// A walk over members. Those that may be tensors wait until the pickles have named their storages.
pub(crate) struct Walk {
    job: Job,
    family: Family,
    archive: Archive,
    next: usize,
    /// Members that wait, and whether their turn has come.
    waiting: Vec<usize>,
    late: bool,
    /// Storages by their members, and the bytes that the pickle says each has.
    storages: HashMap<String, u64>,
    /// Folders whose pickles torch's C++ reader loads.
    scripts: HashSet<String>,
    torch: bool,
    /// Whether a pickle accounts for all of the content: then the archive is one that a reader of last bytes finds in it.
    covered: bool,
    package: Package,
    configs: Configs,
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
    /// Reads content as a zip, if it is one. `covered`: a pickle or a tar accounts for all of it.
    pub fn open_zip(&mut self, job: &Job, family: Family, covered: bool) -> io::Result<bool> {
        if family::extension(&job.name) == "distcp"
            && let Some(row) = row::archives(&job.content)?
        {
            self.form(job, "zip");
            for range in row {
                let mut child = job.child(&format!("@0x{:x}", range.start), job.content.slice(range));
                child.name.clone_from(&job.name);
                self.later(Task::Open(child));
            }
            return Ok(true);
        }
        let Some(archive) = audit::audit(&job.content, &job.name, self.limits)? else {
            if family::extension(&job.name) == "zip" || family == Family::Loader {
                let message = "an end record that leads to no directory";
                self.fault(&job.member, Rule::ContainerAnomaly, 0, message);
            }
            return Ok(false);
        };
        // What lies in bytes that the pickle hands to an unpickler is read as a file of its own.
        if covered && self.is_nested(job, &archive) {
            return Ok(false);
        }
        self.form(job, "zip");
        if let Some(limit) = &archive.limit {
            self.fault(&job.member, Rule::ResourceLimit, 0, limit.clone());
        }
        // torch's reader tells names apart without regard to case.
        let lower: Vec<String> = archive.members.iter().map(|m| m.name.to_ascii_lowercase()).collect();
        let names: HashSet<&str> = lower.iter().map(String::as_str).collect();
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
        let configs = Configs {
            keras: family::extension(&job.name) == "keras"
                || (names.contains("config.json") && names.contains("metadata.json")),
            skops: names.contains("schema.json"),
        };
        let mut package = Package::of(&job.name, &names);
        if torch || package.model != Model::None {
            self.same_but_for_case(job, &archive);
        }
        if let Some(list) = package.list()
            && let Some(member) = archive.members.iter().find(|m| m.name.eq_ignore_ascii_case(&list))
            && let Some(list) = self.bytes_of(job, member)?.first()
        {
            package.takes_from_outside(&list.content.read_range(0, LIST)?);
        }
        let mut job = job.clone();
        if job.content.as_slice().is_none() {
            // Each member is looked at more than once for a few of its first bytes.
            job.content = Content::new(Windowed::new(job.content.clone(), LOOK));
        }
        self.later(Task::Step(Box::new(Walk {
            job,
            family,
            archive,
            next: 0,
            waiting: Vec::new(),
            late: false,
            storages: HashMap::new(),
            scripts,
            torch,
            covered,
            package,
            configs,
            before: self.found,
            carrying: HashSet::new(),
            opened: None,
        })));
        Ok(true)
    }

    /// Tells of two members of which torch's reader finds one by the other's name.
    fn same_but_for_case(&mut self, job: &Job, archive: &Archive) {
        let mut known: HashMap<String, &str> = HashMap::new();
        for member in archive.members.iter().filter(|member| !member.hidden) {
            let other = known.entry(member.name.to_ascii_lowercase()).or_insert(&member.name);
            if *other != member.name {
                let other = crate::escape::name(other);
                let message = format!(
                    "the same name as `{other}` but for case: torch's reader takes one for the other"
                );
                let path = job.child(&member.name, Content::from_bytes([])).member;
                self.fault(&path, Rule::ContainerAnomaly, member.entry.local, message);
            }
        }
    }

    /// Whether the members of an archive lie in bytes that a pickle around them hands to an unpickler.
    fn is_nested(&self, job: &Job, archive: &Archive) -> bool {
        let streams = self.facts.streams.iter().filter(|stream| stream.member == job.member);
        let nested: Vec<_> = streams
            .flat_map(|stream| &stream.nested)
            .filter_map(|nested| match nested.bytes {
                NestedBytes::Range(start, end) => Some(start..end),
                NestedBytes::Decoded(_) => None,
            })
            .collect();
        let inside =
            |member: &Member| nested.iter().any(|n| n.start <= member.data.start && member.data.end <= n.end);
        !archive.members.is_empty() && archive.members.iter().all(inside)
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
            let mut jobs = self.member(&walk, member)?;
            // Whoever takes one member takes the first.
            if walk.late
                && i > 0
                && let Some(said) = walk.storages.get(&member.name.to_ascii_lowercase())
            {
                let reads = if member.entry.size < *said {
                    Some("torch before 2.10 reads beyond")
                } else if *said > 0 && member.entry.size >= said.saturating_add(ELEMENT) {
                    Some("nothing reads the rest")
                } else {
                    None
                };
                if let Some(reads) = reads.filter(|_| !member.hidden) {
                    let message = format!(
                        "a storage of {} bytes of which the pickle says that it has {said}: {reads}",
                        member.entry.size
                    );
                    let path = walk.job.child(&member.name, Content::from_bytes([])).member;
                    self.fault(&path, Rule::ContainerAnomaly, member.entry.local, message);
                }
                // torch unpickles what the metadata of the checkpoint names: any range of this file.
                if family::extension(&walk.job.name) == "distcp" {
                    for job in &jobs {
                        self.part_of_database(job, 0..u64::MAX);
                    }
                }
                for job in &mut jobs {
                    job.place = Place::Storage;
                    // Its beginning is what there is to look at, and all that is decompressed.
                    job.inflated = None;
                    job.disguise = Disguise::new("a pickle where the archive keeps a tensor".to_owned());
                }
            }
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

    /// The members that pickles of this archive name as storages, and how large these say they are.
    fn storages(&mut self, walk: &mut Walk) {
        let inside = if walk.job.member.is_empty() { String::new() } else { format!("{}!", walk.job.member) };
        for stream in &self.facts.streams {
            let Some(pickle) = stream.member.strip_prefix(&inside).filter(|m| !m.contains('!')) else {
                continue;
            };
            let pickle = pickle.to_ascii_lowercase();
            // torch names storages by numbers. One with another name may be what someone unpickles.
            let numbered = |key: &str| key.trim_end_matches(".storage").bytes().all(|b| b.is_ascii_digit());
            for storage in stream.storages.iter().filter(|storage| numbered(&storage.key)) {
                let size = torch::element_size(&storage.class).unwrap_or(0);
                let said = storage.elements.unwrap_or(0).saturating_mul(size);
                let members = torch::storage_members(&pickle, &storage.key.to_ascii_lowercase());
                for member in members.into_iter().filter(|member| walk.package.keeps(member)) {
                    let most = walk.storages.entry(member).or_default();
                    *most = said.max(*most);
                }
            }
        }
    }

    /// A member as each of its readers sees it, and what is said of it as a part of its archive.
    fn member(&mut self, walk: &Walk, member: &Member) -> io::Result<Vec<Job>> {
        let mut jobs = self.bytes_of(&walk.job, member)?;
        for job in &mut jobs {
            job.reading = walk.reading(&member.name);
            job.config = walk.configs.of(&member.name);
            if walk.package.is_program(&member.name.to_ascii_lowercase()) {
                job.config = Config::Export;
            }
            if walk.package.model != Model::None {
                self.carried_code(&walk.package, job)?;
            }
        }
        Ok(jobs)
    }

    /// What a member's bytes are to some reader. Usually one piece of content.
    fn bytes_of(&mut self, around: &Job, member: &Member) -> io::Result<Vec<Job>> {
        let mut jobs = Vec::new();
        if member.encrypted {
            let message = "an encrypted member: what is inside cannot be read";
            let path = around.child(&member.name, Content::from_bytes([])).member;
            self.fault(&path, Rule::ContainerUnreadable, member.entry.local, message);
            return Ok(jobs);
        }
        if member.data.is_empty() {
            return Ok(jobs);
        }
        let mut seen = HashSet::new();
        let first = (member.entry.method, member.data.clone());
        for (method, range) in std::iter::once(first).chain(member.others.iter().cloned()) {
            // Nearly all are the same to every reader.
            let alone = member.others.is_empty();
            if range.is_empty() || !(alone || seen.insert((method, range.clone()))) {
                continue;
            }
            let packed = around.content.slice(range);
            let mut job = around.child(&member.name, packed.clone());
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
        // What stands at the beginning has been read as the content's own first bytes, and so has what a pickle from there
        // on covers.
        for gap in walk.archive.gaps.iter().filter(|gap| gap.start > 0 && !walk.covered) {
            self.behind(&walk.job, gap.clone(), "a pickle in bytes that the archive does not account for")?;
        }
        let models = walk.family.of_models() && walk.family != Family::Shared && !walk.covered;
        let named = |m: &Member| matches!(Family::of(&m.name), Family::Loader | Family::Pickle);
        let unreadable = walk.archive.members.is_empty() || walk.archive.lost;
        let escapes = walk.package.model != Model::None && walk.archive.anomalies.iter().any(|a| a.escapes);
        let matters = models
            || unreadable
            || escapes
            || self.found > walk.before
            || walk.archive.members.iter().any(named);
        let faults = walk.archive.anomalies.iter().filter_map(|anomaly| {
            let member = anomaly.member.and_then(|i| Some((i, walk.archive.members.get(i)?)));
            // What stands around it is a pickle.
            if walk.covered && anomaly.member.is_none() {
                return None;
            }
            // A member that holds no pickle and does not promise one may have a twin.
            if let Some((i, member)) = member
                && !walk.carrying.contains(&i)
                && !named(member)
                && !(models && member.hidden)
                && !member.name.to_ascii_lowercase().ends_with("data.pkl")
                && !(anomaly.escapes && walk.package.model != Model::None)
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
        let verdict = Conclusion {
            before,
            faults: faults.collect(),
            when: if matters { When::Always } else { When::Found },
        };
        self.later(Task::Conclude(verdict));
        Ok(())
    }
}

impl Walk {
    /// By whose rules a pickle in the archive is read.
    fn reading(&self, name: &str) -> Loader {
        let name = name.to_ascii_lowercase();
        if self.scripts.iter().any(|folder| name.starts_with(folder.as_str())) {
            Loader::TorchScript
        } else if self.torch {
            Loader::Torch
        } else {
            Loader::Pickle
        }
    }
}

/// Whether a member stands where torch keeps storages.
fn may_be_storage(member: &Member) -> bool {
    let name = member.name.to_ascii_lowercase();
    let mut parts = name.rsplit('/');
    let last = parts.next().unwrap_or("");
    let folder = parts.next().unwrap_or("");
    matches!(folder, "data" | "constants" | ".data")
        || last.ends_with(".storage")
        || folder.ends_with("bytecode")
}
