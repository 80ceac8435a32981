//! What a CI service says of its run: that there is one, and the base of the change it is about.
//!
//! Names of variables are those of the services' own documentation. A base that is named here is looked for
//! in the clone; nothing is fetched.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::event::Event;

/// Reads one variable of the environment.
type Variable<'v> = &'v dyn Fn(&str) -> Option<OsString>;

/// Services that set no `CI`.
const SERVICES: [&str; 3] = ["GITHUB_ACTIONS", "TF_BUILD", "JENKINS_URL"];

/// Variables that name the branch a change is to be merged into, and those that have to be set with another
/// value than `false` for that to be meant.
const BRANCHES: [(&str, Option<&str>); 10] = [
    // GitHub Actions, Gitea, Forgejo.
    ("GITHUB_BASE_REF", None),
    // GitLab.
    ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", None),
    // Woodpecker.
    ("CI_COMMIT_TARGET_BRANCH", None),
    // Azure Pipelines; with or without `refs/heads/`.
    ("SYSTEM_PULLREQUEST_TARGETBRANCH", None),
    // Bitbucket.
    ("BITBUCKET_PR_DESTINATION_BRANCH", None),
    // Jenkins.
    ("CHANGE_TARGET", None),
    // Buildkite.
    ("BUILDKITE_PULL_REQUEST_BASE_BRANCH", None),
    // Cirrus.
    ("CIRRUS_BASE_BRANCH", None),
    // Travis: the branch that is built, unless it is a pull request.
    ("TRAVIS_BRANCH", Some("TRAVIS_PULL_REQUEST")),
    // Drone.
    ("DRONE_TARGET_BRANCH", Some("DRONE_PULL_REQUEST")),
];

/// Variables that name the commit a change is compared with.
const COMMITS: [&str; 1] = ["CI_MERGE_REQUEST_DIFF_BASE_SHA"];

fn text(variable: Variable<'_>, name: &str) -> Option<String> {
    variable(name).and_then(|value| value.into_string().ok()).filter(|value| !value.is_empty())
}

/// Whether a CI service runs this.
pub fn is_ci(variable: Variable<'_>) -> bool {
    let said =
        |name: &&str| text(variable, name).is_some_and(|v| !["false", "0", "no"].contains(&v.as_str()));
    std::iter::once(&"CI").chain(&SERVICES).any(said)
}

/// The base of the change that the run is about, best first: a branch, or a commit where that is all that is
/// known. Empty where the service names none.
pub fn bases(variable: Variable<'_>) -> Vec<String> {
    if !is_ci(variable) {
        return Vec::new();
    }
    let mut bases = Vec::new();
    for (name, pull) in BRANCHES {
        let meant = pull.is_none_or(|pull| text(variable, pull).is_some_and(|value| value != "false"));
        if let Some(branch) = text(variable, name).filter(|_| meant) {
            bases.push(branch.strip_prefix("refs/heads/").unwrap_or(&branch).to_owned());
        }
    }
    let event = text(variable, "GITHUB_EVENT_PATH").and_then(|path| Event::read(&PathBuf::from(path)).ok());
    bases.extend(event.and_then(|event| event.base));
    // GitHub's merge of a pull request into its base, which is the first parent.
    let merge =
        text(variable, "GITHUB_REF").is_some_and(|r| r.starts_with("refs/pull/") && r.ends_with("/merge"));
    bases.extend(text(variable, "GITHUB_SHA").filter(|_| merge).map(|sha| format!("{sha}^1")));
    bases.extend(COMMITS.iter().filter_map(|name| text(variable, name)));
    bases
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(set: &[(&str, &str)]) -> Vec<String> {
        let variable = |n: &str| set.iter().find(|(k, _)| *k == n).map(|(_, v)| OsString::from(v));
        bases(&variable)
    }

    #[test]
    fn the_base_of_a_change_is_told_from_the_branch_that_is_built() {
        let ci = ("CI", "true");
        assert_eq!(with(&[ci, ("GITHUB_BASE_REF", "main")]), ["main"]);
        assert_eq!(with(&[ci, ("SYSTEM_PULLREQUEST_TARGETBRANCH", "refs/heads/main")]), ["main"]);
        assert_eq!(with(&[ci, ("TRAVIS_BRANCH", "main"), ("TRAVIS_PULL_REQUEST", "7")]), ["main"]);
        assert!(with(&[ci, ("TRAVIS_BRANCH", "main"), ("TRAVIS_PULL_REQUEST", "false")]).is_empty());
        assert!(with(&[ci, ("GITHUB_BASE_REF", "")]).is_empty(), "no pull request");
        assert!(with(&[("GITHUB_BASE_REF", "main")]).is_empty(), "no CI");
        assert!(with(&[("CI", "false"), ("GITHUB_BASE_REF", "main")]).is_empty());
    }
}
