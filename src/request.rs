//! What was typed, made to mean something: which blobs, which policy, which report.

use std::fs;
use std::num::NonZero;
use std::path::Path;

use crate::cli::{
    Color, FailOn, Format, HookArgs, OutputArgs, PolicyArgs, PolicyFrom, ReadingArgs, ReportTo, ScanArgs,
};
use crate::error::{Error, Result};
use crate::policy::change::PolicyChange;
use crate::policy::file::PolicyFile;
use crate::policy::{self, Date, Layer, Policy};
use crate::rule::Level;
use crate::source::{Place, Selection, Source, hook};

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
    let mut files = Vec::new();
    if !args.no_policy {
        files.extend(repository_policy(source, args.policy_from.as_ref())?);
    }
    files.extend(command_line_policies(args)?);
    Ok(Policy::new(files, Date::today()))
}

/// The layers that would apply once the change that is judged is there, and what it does to the
/// repository's file. `None` where it leaves that file alone.
///
/// # Errors
/// The file as the change leaves it is not to be understood.
pub fn policy_change(
    args: &PolicyArgs,
    source: &Source,
) -> Result<Option<(Policy, PolicyChange, &'static str)>> {
    let (false, Some(tip)) = (args.no_policy, source.tip()) else { return Ok(None) };
    let base = source.policy_place();
    let mut sides = [None, None];
    let mut changed = None;
    for name in policy::FILES {
        let (old, new) = (source.read_file(base, name)?, source.read_file(tip, name)?);
        if old != new {
            changed = Some(name);
        }
        for (side, bytes) in sides.iter_mut().zip([old, new]) {
            if let Some(bytes) = bytes {
                *side = Some(PolicyFile::parse(&bytes, name, Layer::Repository)?);
            }
        }
    }
    let Some(name) = changed else { return Ok(None) };
    let [old, new] = sides;
    let change = PolicyChange::between(old.as_ref(), new.as_ref());
    let mut files: Vec<PolicyFile> = new.into_iter().collect();
    files.extend(command_line_policies(args)?);
    Ok(Some((Policy::new(files, Date::today()), change, name)))
}

/// The layers of `--policy` and `--allow`.
fn command_line_policies(args: &PolicyArgs) -> Result<Vec<PolicyFile>> {
    let mut files = Vec::new();
    for path in &args.policy {
        files.push(policy_from_disk(path, Layer::CommandLine)?);
    }
    if !args.allow.is_empty() {
        files.push(PolicyFile::of_allow(&args.allow)?);
    }
    Ok(files)
}

/// The repository's policy, from the place that was asked for, else from where its content comes from;
/// outside of a repository, the file in the current folder.
fn repository_policy(source: Option<&Source>, from: Option<&PolicyFrom>) -> Result<Option<PolicyFile>> {
    let in_repository = source.filter(|s| s.in_repository());
    let place = match (in_repository, from) {
        (Some(source), Some(from)) => source.place_of(from)?,
        (Some(source), None) => source.policy_place().clone(),
        (None, None) => Place::Worktree,
        (None, Some(_)) => {
            return Err(Error::new("--policy-from: this folder is in no git repository")
                .remedy("name the policy file instead: --policy FILE"));
        }
    };
    let mut found = Vec::new();
    for name in policy::FILES {
        let bytes = match in_repository {
            Some(source) => source.read_file(&place, name)?,
            None if Path::new(name).is_file() => Some(read(Path::new(name))?),
            None => None,
        };
        found.extend(bytes.map(|bytes| (name, bytes)));
    }
    if let [(one, _), (other, _)] = found.as_slice() {
        return Err(Error::new(format!("there are two policy files: {one} and {other}"))
            .remedy(format!("move everything into {one} and remove {other}")));
    }
    found.first().map(|(name, bytes)| PolicyFile::parse(bytes, name, Layer::Repository)).transpose()
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
        Error::new(format!("cannot read the policy {}: {error}", crate::escape::terminal(&name)))
            .remedy("check the path given to --policy")
    })
}
