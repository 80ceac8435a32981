//! What was typed, made to mean something: which blobs, which policy, which report.

use std::fs;
use std::num::NonZero;
use std::path::{Component, Path};

use crate::cli::{
    Color, FailOn, Format, HookArgs, OutputArgs, PolicyArgs, PolicyFrom, ReadingArgs, ReportTo, ScanArgs,
};
use crate::source::git::hook;
use crate::source::{Place, Selection, Source};
use fickgate_engine::error::{Error, Result};
use fickgate_engine::policy;
use fickgate_engine::policy::change::PolicyChange;
use fickgate_engine::policy::file::PolicyFile;
use fickgate_engine::policy::{Date, Layer, Policy};
use fickgate_engine::rule::Level;

/// Jobs that nobody asked for. More are rarely faster, and each keeps the objects it unpacked last.
const MOST_JOBS: NonZero<usize> = match NonZero::new(8) {
    Some(jobs) => jobs,
    None => NonZero::<usize>::MIN,
};

/// One scan.
#[derive(Clone, Debug)]
pub struct Request {
    /// What to scan.
    pub selection: Selection,
    /// Layers of the policy.
    pub policy: PolicyArgs,
    /// Format of standard output.
    pub format: Format,
    /// Reports that go to files as well.
    pub reports: Vec<ReportTo>,
    /// Lowest level that makes the run fail.
    pub fail_on: Level,
    /// When to colour.
    pub color: Color,
    /// Findings only.
    pub quiet: bool,
    /// How much more to say.
    pub verbose: u8,
    /// Blobs that are judged at the same time.
    pub jobs: NonZero<usize>,
    /// Whether the commits of submodules are scanned too.
    pub recurse_submodules: bool,
}

impl Request {
    /// Reads the arguments of a scan.
    pub fn of(args: &ScanArgs) -> Request {
        let selection = match (&args.diff, &args.history, args.staged) {
            (Some(diff), ..) => Selection::Diff(diff.clone()),
            (None, Some(range), _) => Selection::History(range.clone()),
            (None, None, true) => Selection::Staged,
            (None, None, false) => Selection::Paths(args.paths.clone()),
        };
        Request::new(selection, &args.reading, &args.policy, &args.output)
    }

    /// Reads the arguments, the input and the environment of a hook.
    pub fn of_hook(args: &HookArgs) -> Result<Request> {
        let variable = |name: &str| std::env::var_os(name);
        let mut input = std::io::stdin().lock();
        let selection = hook::selection(args.name.as_deref(), &args.args, &mut input, &variable)?;
        Ok(Request::new(selection, &args.reading, &args.policy, &args.output))
    }

    fn new(selection: Selection, reading: &ReadingArgs, policy: &PolicyArgs, output: &OutputArgs) -> Request {
        let on_github = std::env::var_os("GITHUB_ACTIONS").is_some_and(|v| v == "true");
        let format = output.format.unwrap_or(if on_github { Format::Github } else { Format::Human });
        Request {
            selection,
            policy: policy.clone(),
            format,
            reports: output.report.clone(),
            fail_on: match output.fail_on {
                FailOn::Error => Level::Error,
                FailOn::Warning => Level::Warning,
            },
            color: output.color,
            quiet: output.quiet,
            verbose: output.verbose,
            recurse_submodules: reading.recurse_submodules,
            jobs: reading
                .jobs
                .or_else(|| std::thread::available_parallelism().ok().map(|cores| cores.min(MOST_JOBS)))
                .unwrap_or(NonZero::<usize>::MIN),
        }
    }
}

/// The layers above the built-in list: the repository's file, then `--policy` and `--allow`.
pub fn policy_for(args: &PolicyArgs, source: Option<&Source>) -> Result<Policy> {
    let place = policy_place(source, args.policy_from.as_ref())?;
    let mut files = Vec::new();
    if !args.no_policy {
        files.extend(repository_policy(source, &place)?);
    }
    for path in &args.policy {
        files.extend(match source.and_then(|source| Some((source, tracked(source, path)?))) {
            Some((source, name)) => named_policy(source, &place, path, &name)?,
            None => Some(policy_from_disk(path, Layer::CommandLine)?),
        });
    }
    files.extend(allowed_for_this_run(args)?);
    Ok(Policy::new(files, Date::today()))
}

/// The layers that would apply once the change that is judged is there, what it does to policy files of
/// the repository, and the last of those files. `None` where it leaves them alone.
///
/// # Errors
/// A file as the change leaves it is not to be understood.
pub fn policy_change(args: &PolicyArgs, source: &Source) -> Result<Option<(Policy, PolicyChange, String)>> {
    let (base, tip) = match (source.tip(), source.policy_place()) {
        _ if args.no_policy => return Ok(None),
        (Some(tip), base) => (base.clone(), tip.clone()),
        // A commit is judged by the policy it will have, and told what that changes.
        (None, Place::Index) => (source.place_of(&PolicyFrom::Base)?, Place::Index),
        _ => return Ok(None),
    };
    let mut change = PolicyChange::default();
    let (mut changed, mut files) = (None, Vec::new());
    let mut compare = |name: &str, layer| -> Result<Option<PolicyFile>> {
        let (old, new) = (source.read_file(&base, name)?, source.read_file(&tip, name)?);
        let differs = old != new;
        let parse = |bytes: Option<Vec<u8>>| bytes.map(|b| PolicyFile::parse(&b, name, layer)).transpose();
        let (old, new) = (parse(old)?, parse(new)?);
        if differs {
            changed = Some(name.to_owned());
            change = std::mem::take(&mut change).and(PolicyChange::between(old.as_ref(), new.as_ref()));
        }
        Ok(new)
    };
    for name in policy::FILES {
        files.extend(compare(name, Layer::Repository)?);
    }
    if files.len() == policy::FILES.len() {
        return Err(two_policies());
    }
    for path in &args.policy {
        files.extend(match tracked(source, path) {
            Some(name) => compare(&name, Layer::CommandLine)?,
            None => Some(policy_from_disk(path, Layer::CommandLine)?),
        });
    }
    let Some(name) = changed else { return Ok(None) };
    files.extend(allowed_for_this_run(args)?);
    Ok(Some((Policy::new(files, Date::today()), change, name)))
}

/// The layer of `--allow`.
fn allowed_for_this_run(args: &PolicyArgs) -> Result<Option<PolicyFile>> {
    (!args.allow.is_empty()).then(|| PolicyFile::of_allow(&args.allow)).transpose()
}

/// The name in git of a file given with `--policy`, where a change that is judged may have brought or
/// edited it. The path counts as it is written: a change can put a link in its place.
fn tracked(source: &Source, path: &Path) -> Option<String> {
    let (root, tip) = (source.root()?.canonicalize().ok()?, source.tip()?);
    let mut full = std::env::current_dir().ok()?.canonicalize().ok()?;
    for part in path.components() {
        match part {
            Component::ParentDir => {
                full.pop();
            }
            Component::CurDir => {}
            part => full.push(part),
        }
    }
    let parts = full.strip_prefix(&root).ok()?.iter().map(|part| part.to_str());
    let name = parts.collect::<Option<Vec<_>>>()?.join("/");
    let known = |place| !matches!(source.read_file(place, &name), Ok(None));
    (known(source.policy_place()) || known(tip)).then_some(name)
}

/// A file given with `--policy` that lies in git, from where the repository's own policy is read: a
/// change brings no policy for itself. `None` where it is not there yet.
fn named_policy(source: &Source, place: &Place, path: &Path, name: &str) -> Result<Option<PolicyFile>> {
    if *place == Place::Worktree {
        return policy_from_disk(path, Layer::CommandLine).map(Some);
    }
    source.read_file(place, name)?.map(|b| PolicyFile::parse(&b, name, Layer::CommandLine)).transpose()
}

/// Where the repository's policy is read: from the place that was asked for, else from where its content
/// comes from.
fn policy_place(source: Option<&Source>, from: Option<&PolicyFrom>) -> Result<Place> {
    match (source.filter(|s| s.in_repository()), from) {
        (Some(source), Some(from)) => source.place_of(from),
        (Some(source), None) => Ok(source.policy_place().clone()),
        (None, None) => Ok(Place::Worktree),
        (None, Some(_)) => Err(Error::new("--policy-from: this folder is in no git repository")
            .remedy("name the policy file instead: --policy FILE")),
    }
}

/// The repository's policy; outside of a repository, the file in the current folder.
fn repository_policy(source: Option<&Source>, place: &Place) -> Result<Option<PolicyFile>> {
    let read = |name: &'static str| match source.filter(|s| s.in_repository()) {
        Some(source) => source.read_file(place, name),
        None if Path::new(name).is_file() => read(Path::new(name)).map(Some),
        None => Ok(None),
    };
    let mut found = Vec::new();
    for name in policy::FILES {
        found.extend(read(name)?.map(|bytes| (name, bytes)));
    }
    if found.len() > 1 {
        return Err(two_policies());
    }
    if found.is_empty() {
        for name in policy::MISNAMED {
            if read(name)?.is_some() {
                return Err(Error::new(format!("{name} is not read, and looks like a policy"))
                    .remedy(format!("name it {}", policy::FILES[0])));
            }
        }
    }
    found.first().map(|(name, bytes)| PolicyFile::parse(bytes, name, Layer::Repository)).transpose()
}

fn two_policies() -> Error {
    let [one, other] = policy::FILES;
    Error::new(format!("there are two policy files: {one} and {other}"))
        .remedy(format!("move everything into {one} and remove {other}"))
}

/// What is said whenever the policy is read from another place than usual.
pub fn policy_notice(args: &PolicyArgs) -> Option<String> {
    let place = match args.policy_from.as_ref()? {
        PolicyFrom::Base => "the base",
        PolicyFrom::Head => "the head of what is judged",
        PolicyFrom::Index => "the index",
        PolicyFrom::Worktree => "the working tree",
        PolicyFrom::Revision(rev) => rev,
    };
    Some(format!("the repository's policy is read from {place}"))
}

/// A policy file that somebody named.
pub fn policy_from_disk(path: &Path, layer: Layer) -> Result<PolicyFile> {
    PolicyFile::parse(&read(path)?, &path.to_string_lossy(), layer)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| {
        let name = path.to_string_lossy();
        Error::new(format!("cannot read the policy {}: {error}", fickgate_engine::escape::terminal(&name)))
            .remedy("check the path, and that it may be read")
    })
}
