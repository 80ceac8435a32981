//! A push, taken apart: each tip is judged by the policy it has itself.

use std::collections::{BTreeMap, HashSet};

use crate::source::git::history::{Range, kinds, needs_git};
use crate::source::git::object::ObjectId;
use crate::source::git::repository::Repository;
use crate::source::selection::Push;
use fickgate_engine::error::Result;
use fickgate_engine::policy;

/// The commits among the objects that refs are moved to; a tag stands for its commit.
pub(in crate::source) fn commits(repository: &Repository, tips: &[ObjectId]) -> Result<Vec<ObjectId>> {
    if tips.is_empty() {
        return Ok(Vec::new());
    }
    let kinds = kinds(&repository.git, tips)?;
    Ok(kinds.into_iter().filter(|(_, kind)| kind == "commit").filter_map(|(id, _)| id).collect())
}

/// The parts of a push to a remote, one for each policy among its tips.
pub(in crate::source) fn by_policy(repository: &Repository, push: &Push) -> Result<Vec<Push>> {
    let mut push = push.clone();
    if push.more {
        add_refs(repository, &mut push)?;
    }
    if push.tips.len() < 2 {
        return Ok(vec![push]);
    }
    let mut groups: BTreeMap<Vec<Option<Vec<u8>>>, Vec<ObjectId>> = BTreeMap::new();
    for (tip, (id, kind)) in push.tips.iter().zip(kinds(&repository.git, &push.tips)?) {
        let commit = id.filter(|_| kind == "commit");
        // What cannot be read is an error for the part that it judges.
        let read = |name: &&str| {
            let read = commit.map(|commit| repository.read_committed(commit, name));
            read.map_or(Ok(None), |read| read).unwrap_or_else(|e| Some(e.to_string().into_bytes()))
        };
        let names = policy::FILES.iter().chain(policy::MISNAMED.iter());
        groups.entry(names.map(read).collect()).or_default().push(*tip);
    }
    Ok(groups.into_values().map(|tips| Push { tips, ..push.clone() }).collect())
}

/// Adds every branch and tag that has a commit which the remote has not.
fn add_refs(repository: &Repository, push: &mut Push) -> Result<()> {
    let git = &repository.git;
    let out = git.lines(&["for-each-ref", "--format=%(objectname)", "refs/heads/", "refs/tags/"])?;
    let out = out.ok_or_else(|| needs_git("a push"))?;
    push.tips.extend(out.split(|b| *b == b'\n').filter_map(ObjectId::from_hex));
    push.tips.extend(repository.head()?);
    push.tips.sort_unstable();
    push.tips.dedup();
    let remote = push.remote.as_ref().map(|remote| remote.to_string_lossy().into_owned());
    let range = Range::pushed(git, push, &[&format!("refs/remotes/{}/", remote.unwrap_or_default())])?;
    let kinds = kinds(git, &push.tips)?;
    let commits = kinds.iter().filter(|(_, kind)| kind == "commit").filter_map(|(id, _)| *id);
    let mut lines: String = commits.map(|id| format!("{id}\n")).collect();
    lines.extend(range.known.iter().map(|id| format!("^{id}\n")));
    let out = git.exchange(&["rev-list", "--stdin"], lines.into_bytes())?;
    let new: HashSet<ObjectId> = out.split(|b| *b == b'\n').filter_map(ObjectId::from_hex).collect();
    let mut kinds = kinds.into_iter();
    push.tips.retain(|_| match kinds.next() {
        Some((Some(id), kind)) if kind == "commit" => new.contains(&id),
        _ => true,
    });
    Ok(())
}
