//! The layers of a policy, each read from where it belongs: a change is never judged by what it brings.

use std::fs;
use std::path::{Component, Path};

use crate::cli::{PolicyArgs, PolicyFrom};
use crate::source::{self, Source, Treeish};
use fickgate_engine::error::{Error, Result};
use fickgate_engine::escape;
use fickgate_engine::policy::change::PolicyChange;
use fickgate_engine::policy::file::PolicyFile;
use fickgate_engine::policy::{self, Date, Layer, Policy, repository};

/// The layers above the built-in list: the repository's file, then `--policy` and `--allow`.
pub fn policy_for(args: &PolicyArgs, source: Option<&Source>) -> Result<Policy> {
    let place = policy_place(source, args.policy_from.as_ref())?;
    let mut files = Vec::new();
    if !args.no_policy {
        files.extend(repository::policy(&|name| read_own(source, &place, name))?);
    }
    for path in &args.policy {
        files.extend(match inside(source, path) {
            Some((source, name)) => named_policy(source, &place, path, &name)?,
            None => Some(policy_from_disk(path, Layer::CommandLine)?),
        });
    }
    files.extend(allowed_for_this_run(args)?);
    Ok(Policy::new(files, Date::today()))
}

/// What a change makes of the policy.
pub struct Outlook {
    /// The layers that apply once the change is there.
    pub policy: Policy,
    /// What is different in them.
    pub change: PolicyChange,
    /// The last of the files that differ.
    pub name: String,
    /// Whether there was a policy before.
    pub replaces: bool,
}

/// What the change that is judged makes of the policy. `None` where it leaves the files alone.
///
/// # Errors
/// A policy that would not be read once the change is there.
pub fn outlook(args: &PolicyArgs, source: &Source) -> Result<Option<Outlook>> {
    if args.no_policy {
        return Ok(None);
    }
    let (before, after) = match (source.turn(), &args.policy_from) {
        (Some((before, after)), _) => (before.clone(), after.to_vec()),
        // Files on disk or in the index, judged by what they are to be merged into.
        (None, Some(from)) => match source.place_of(from)? {
            before @ Treeish::Commit(_) => (before, vec![source.policy_place().clone()]),
            _ => return Ok(None),
        },
        (None, None) => return Ok(None),
    };
    let mut found = None;
    for after in after {
        let outlook = outlook_of(args, source, &before, &after)?;
        found = found.or(outlook);
    }
    Ok(found)
}

fn outlook_of(
    args: &PolicyArgs,
    source: &Source,
    before: &Treeish,
    after: &Treeish,
) -> Result<Option<Outlook>> {
    // Merged once a file.
    let mut own = Vec::new();
    for name in policy::FILES {
        own.push((name, source.read_merged(after, name)?));
    }
    let merged = |name: &str| match own.iter().find(|(own, _)| *own == name) {
        Some((_, bytes)) => Ok(bytes.clone()),
        None => source.read_merged(after, name),
    };
    let mut outlook = None;
    let mut compare = |name: &str, layer| -> Result<Option<PolicyFile>> {
        let (old, new) = (source.read_file(before, name), merged(name)?);
        let parse = |bytes: Option<Vec<u8>>| bytes.map(|b| PolicyFile::parse(&b, name, layer)).transpose();
        let differs = !matches!(&old, Ok(old) if *old == new);
        let new = parse(new)?;
        if differs {
            // What was no policy before is not there to be compared with.
            let old = old.and_then(parse).ok().flatten();
            let (change, replaces) = outlook.take().map_or_else(Default::default, |(_, c, r)| (c, r));
            let change = PolicyChange::and(change, PolicyChange::between(old.as_ref(), new.as_ref()));
            outlook = Some((name.to_owned(), change, replaces || old.is_some()));
        }
        Ok(new)
    };
    // By the rules that will hold: two files, or one under another name, are no policy.
    repository::policy(&merged)?;
    let mut files = Vec::new();
    for name in policy::FILES {
        files.extend(compare(name, Layer::Repository)?);
    }
    for path in &args.policy {
        files.extend(match inside(Some(source), path) {
            Some((_, name)) => compare(&name, Layer::CommandLine)?,
            None => Some(policy_from_disk(path, Layer::CommandLine)?),
        });
    }
    let Some((name, change, replaces)) = outlook else { return Ok(None) };
    files.extend(allowed_for_this_run(args)?);
    Ok(Some(Outlook { policy: Policy::new(files, Date::today()), change, name, replaces }))
}

/// The layer of `--allow`.
fn allowed_for_this_run(args: &PolicyArgs) -> Result<Option<PolicyFile>> {
    (!args.allow.is_empty()).then(|| PolicyFile::of_allow(&args.allow)).transpose()
}

/// The name in git of a file given with `--policy` that lies in the working tree, as it is written or where
/// links lead: a change can put one in its place, or into a folder on the way.
fn inside<'s>(source: Option<&'s Source>, path: &Path) -> Option<(&'s Source, String)> {
    let source = source?;
    let root = source.root()?.canonicalize().ok()?;
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
    let below = |full: &Path| full.strip_prefix(&root).map(Path::to_owned).ok();
    // The folders on the way to the root may be written in another way.
    let parent = full.parent().and_then(|parent| parent.canonicalize().ok());
    let beside = parent.zip(full.file_name()).map(|(parent, name)| parent.join(name));
    let below = below(&full).or_else(|| below(&beside?)).or_else(|| below(&path.canonicalize().ok()?))?;
    Some((source, below.iter().map(|part| part.to_str()).collect::<Option<Vec<_>>>()?.join("/")))
}

/// A file given with `--policy` that lies in the working tree, from where the repository's own policy is
/// read. `None` where the change that is judged brings it.
fn named_policy(source: &Source, place: &Treeish, path: &Path, name: &str) -> Result<Option<PolicyFile>> {
    if let Some(bytes) = source.read_file(place, name)? {
        return PolicyFile::parse(&bytes, name, Layer::CommandLine).map(Some);
    }
    let after = source.turn().map(|(_, after)| after).unwrap_or_default();
    if after.iter().any(|after| matches!(source.read_file(after, name), Ok(Some(_)))) {
        return Ok(None);
    }
    let shown = escape::terminal(&path.to_string_lossy()).into_owned();
    Err(match place {
        Treeish::Worktree => unreadable(path, &"there is no such file"),
        _ => Error::new(format!(
            "{shown} lies in the working tree, which the change that is judged can have written, and what judges it has no such file"
        ))
        .remedy("commit it there first, or keep it outside of the working tree"),
    })
}

/// Where the repository's policy is read: from the place that was asked for, else from where its content
/// comes from.
fn policy_place(source: Option<&Source>, from: Option<&PolicyFrom>) -> Result<Treeish> {
    match (source.filter(|s| s.in_repository()), from) {
        (Some(source), Some(from)) => source.place_of(from),
        (Some(source), None) => Ok(source.policy_place().clone()),
        (None, None) => Ok(Treeish::Worktree),
        (None, Some(_)) => Err(Error::new("--policy-from: this folder is in no git repository")
            .remedy("name the policy file instead: --policy FILE")),
    }
}

/// A file of the repository; outside of one, of the current folder.
fn read_own(source: Option<&Source>, place: &Treeish, name: &str) -> Result<Option<Vec<u8>>> {
    match source.filter(|s| s.in_repository()) {
        Some(source) => source.read_file(place, name),
        None => source::read_below(Path::new("."), name),
    }
}

/// What is said whenever the policy is read from another place than usual.
pub fn notice(args: &PolicyArgs) -> Option<String> {
    let place = match args.policy_from.as_ref()? {
        PolicyFrom::Base => "the base",
        PolicyFrom::Head => "the head of what is judged",
        PolicyFrom::Index => "the index",
        PolicyFrom::Worktree => "the working tree",
        PolicyFrom::Revision(rev) => rev,
        PolicyFrom::OneOf(revs) => revs.first()?,
    };
    Some(format!("the repository's policy is read from {place}"))
}

/// A policy file that somebody named.
pub fn policy_from_disk(path: &Path, layer: Layer) -> Result<PolicyFile> {
    let bytes = fs::read(path).map_err(|error| unreadable(path, &error))?;
    PolicyFile::parse(&bytes, &path.to_string_lossy(), layer)
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> Error {
    let name = path.to_string_lossy();
    Error::new(format!("cannot read the policy {}: {error}", escape::terminal(&name)))
        .remedy("check the path, and that it may be read")
}
