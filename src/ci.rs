//! What a CI service says of its run: that there is one, and the base of the change it is about.
//!
//! Names of variables are those of the services' own documentation. A base that is named here is looked for
//! in the clone; nothing is fetched.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::event::{Event, Kind};

/// Reads one variable of the environment.
type Variable<'v> = &'v dyn Fn(&str) -> Option<OsString>;

/// Variables of services that set no `CI`.
const SERVICES: [&str; 6] = [
    "GITHUB_ACTIONS",
    "TF_BUILD",
    "JENKINS_URL",
    "TEAMCITY_VERSION",
    "CODEBUILD_BUILD_ID",
    "bamboo_buildKey",
];

/// What tells that a change is built, and what names the branch it is to be merged into. The first is empty where the
/// second is set for changes only; the second where the service does not name it.
const CHANGES: [(&str, &str); 27] = [
    // GitHub Actions, Gitea, Forgejo.
    ("", "GITHUB_BASE_REF"),
    // GitLab, also for pull requests of GitHub.
    ("CI_MERGE_REQUEST_IID", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"),
    ("", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"),
    ("", "CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME"),
    // Woodpecker.
    ("CI_COMMIT_PULL_REQUEST", "CI_COMMIT_TARGET_BRANCH"),
    ("", "CI_COMMIT_TARGET_BRANCH"),
    // Azure Pipelines; with or without `refs/heads/`.
    ("SYSTEM_PULLREQUEST_PULLREQUESTID", "SYSTEM_PULLREQUEST_TARGETBRANCH"),
    ("", "SYSTEM_PULLREQUEST_TARGETBRANCH"),
    // Bitbucket.
    ("BITBUCKET_PR_ID", "BITBUCKET_PR_DESTINATION_BRANCH"),
    ("", "BITBUCKET_PR_DESTINATION_BRANCH"),
    // Jenkins: branch sources, and the plugins for pull requests of GitHub, GitLab and Gerrit.
    ("CHANGE_ID", "CHANGE_TARGET"),
    ("", "CHANGE_TARGET"),
    ("ghprbPullId", "ghprbTargetBranch"),
    ("gitlabMergeRequestIid", "gitlabTargetBranch"),
    ("GERRIT_CHANGE_NUMBER", "GERRIT_BRANCH"),
    // Buildkite.
    ("BUILDKITE_PULL_REQUEST", "BUILDKITE_PULL_REQUEST_BASE_BRANCH"),
    // Cirrus.
    ("CIRRUS_PR", "CIRRUS_BASE_BRANCH"),
    // Travis: the branch that is built, unless it is a pull request.
    ("TRAVIS_PULL_REQUEST", "TRAVIS_BRANCH"),
    // Drone.
    ("DRONE_PULL_REQUEST", "DRONE_TARGET_BRANCH"),
    // AppVeyor: the branch that is built, unless it is a pull request.
    ("APPVEYOR_PULL_REQUEST_NUMBER", "APPVEYOR_REPO_BRANCH"),
    // Semaphore: likewise.
    ("SEMAPHORE_GIT_PR_NUMBER", "SEMAPHORE_GIT_BRANCH"),
    // CodeBuild.
    ("", "CODEBUILD_WEBHOOK_BASE_REF"),
    // Bitrise.
    ("BITRISE_PULL_REQUEST", "BITRISEIO_GIT_BRANCH_DEST"),
    // Bamboo.
    ("bamboo_repository_pr_key", "bamboo_repository_pr_targetBranch"),
    // Prow.
    ("PULL_NUMBER", "PULL_BASE_REF"),
    // CircleCI names the change alone.
    ("CIRCLE_PULL_REQUEST", ""),
    ("CIRCLE_PR_NUMBER", ""),
];

/// What names the branch that is built, and what names the default branch, for builds of no change: another branch is
/// not judged by its own policy.
const DEFAULTS: [(&str, &str); 5] = [
    // GitLab, Woodpecker.
    ("CI_COMMIT_BRANCH", "CI_DEFAULT_BRANCH"),
    ("CI_COMMIT_BRANCH", "CI_REPO_DEFAULT_BRANCH"),
    ("BUILDKITE_BRANCH", "BUILDKITE_PIPELINE_DEFAULT_BRANCH"),
    ("CIRRUS_BRANCH", "CIRRUS_DEFAULT_BRANCH"),
    ("DRONE_BRANCH", "DRONE_REPO_BRANCH"),
];

/// Variables that name the commit a change is compared with.
const COMMITS: [&str; 2] = ["CI_MERGE_REQUEST_DIFF_BASE_SHA", "CIRRUS_BASE_SHA"];

/// What the run is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// No change that is known: whatever is checked out is judged by its own policy.
    None,
    /// A change into one of these, best first: a branch, or a commit where that is all that is known.
    Into(Vec<String>),
    /// A change into something that is not named; what tells of it.
    Unnamed(String),
}

fn text(variable: Variable<'_>, name: &str) -> Option<String> {
    variable(name).and_then(|value| value.into_string().ok()).filter(|value| !value.is_empty())
}

/// Whether a CI service runs this.
pub fn is_ci(variable: Variable<'_>) -> bool {
    let said =
        |name: &&str| text(variable, name).is_some_and(|v| !["false", "0", "no"].contains(&v.as_str()));
    std::iter::once(&"CI").chain(&SERVICES).any(said)
}

/// The change that the run is about.
pub fn change(variable: Variable<'_>) -> Change {
    if !is_ci(variable) {
        return Change::None;
    }
    let (mut bases, mut unnamed) = (Vec::new(), None);
    for (pull, base) in CHANGES {
        let meant = pull.is_empty() || text(variable, pull).is_some_and(|value| value != "false");
        match text(variable, base).filter(|_| meant) {
            Some(branch) => bases.push(branch_of(&branch)),
            None if meant && !pull.is_empty() => unnamed = unnamed.or(Some(pull.to_owned())),
            None => {}
        }
    }
    bases.dedup();
    let commits = COMMITS.iter().filter_map(|name| text(variable, name));
    // Beside a branch these are for a clone that has not got it.
    let commits: Vec<String> = commits.collect();
    if text(variable, "GITHUB_ACTIONS").is_some_and(|v| v == "true") {
        match of_github(variable) {
            Change::Into(more) => bases.extend(more),
            Change::Unnamed(what) => unnamed = unnamed.or(Some(what)),
            Change::None => {}
        }
    }
    bases.extend(commits);
    if bases.is_empty() && unnamed.is_none() {
        for (built, default) in DEFAULTS {
            let (built, default) = (text(variable, built), text(variable, default));
            bases
                .extend(built.zip(default).filter(|(built, default)| built != default).map(|(_, base)| base));
        }
    }
    match (bases.is_empty(), unnamed) {
        (false, _) => Change::Into(bases),
        (true, Some(what)) => Change::Unnamed(what),
        (true, None) => Change::None,
    }
}

fn branch_of(name: &str) -> String {
    name.strip_prefix("refs/heads/").unwrap_or(name).to_owned()
}

/// What GitHub's event says, as for the action.
fn of_github(variable: Variable<'_>) -> Change {
    let path = text(variable, "GITHUB_EVENT_PATH");
    let reference = text(variable, "GITHUB_REF").unwrap_or_default();
    // GitHub's merge of a pull request into its base, which is the first parent.
    let merge = reference.starts_with("refs/pull/") && reference.ends_with("/merge");
    let merged = text(variable, "GITHUB_SHA").filter(|_| merge).map(|sha| format!("{sha}^1"));
    let Some(event) = path.and_then(|path| Event::read(&PathBuf::from(path)).ok()) else {
        return match merged {
            Some(merged) => Change::Into(vec![merged]),
            None => Change::Unnamed("GITHUB_ACTIONS, without an event that can be read,".to_owned()),
        };
    };
    let default = event.default_branch;
    let is_default = default.as_ref().is_some_and(|name| reference == format!("refs/heads/{name}"));
    let nothing = |before: &String| before.bytes().all(|b| b == b'0');
    let by_default = |default: Option<String>| match default {
        Some(default) => Change::Into(vec![default]),
        None => Change::Unnamed("GITHUB_EVENT_PATH, without a default branch,".to_owned()),
    };
    match event.kind {
        Kind::PullRequest | Kind::MergeGroup => {
            let named = event.base_ref.into_iter().chain(event.base);
            Change::Into(named.chain(merged).collect())
        }
        Kind::Push if is_default || default.is_none() => match event.before.filter(|b| !nothing(b)) {
            Some(before) => Change::Into(vec![before]),
            None if is_default => Change::None,
            None => by_default(None),
        },
        Kind::Push | Kind::Commit => by_default(default),
        Kind::Other if is_default || default.is_none() => Change::None,
        Kind::Other => by_default(default),
        Kind::Unknown => {
            Change::Unnamed("the event, which does not say which commit it is about,".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(set: &[(&str, &str)]) -> Change {
        let variable = |n: &str| set.iter().find(|(k, _)| *k == n).map(|(_, v)| OsString::from(v));
        change(&variable)
    }

    fn into(names: &[&str]) -> Change {
        Change::Into(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn the_base_of_a_change_is_told_from_the_branch_that_is_built() {
        let ci = ("CI", "true");
        assert_eq!(with(&[ci, ("GITHUB_BASE_REF", "main")]), into(&["main"]));
        assert_eq!(with(&[ci, ("SYSTEM_PULLREQUEST_TARGETBRANCH", "refs/heads/main")]), into(&["main"]));
        for (branch, pull) in [
            ("TRAVIS_BRANCH", "TRAVIS_PULL_REQUEST"),
            ("DRONE_TARGET_BRANCH", "DRONE_PULL_REQUEST"),
            ("APPVEYOR_REPO_BRANCH", "APPVEYOR_PULL_REQUEST_NUMBER"),
            ("BUILDKITE_PULL_REQUEST_BASE_BRANCH", "BUILDKITE_PULL_REQUEST"),
        ] {
            assert_eq!(with(&[ci, (branch, "main"), (pull, "7")]), into(&["main"]), "{branch}");
            assert_eq!(with(&[ci, (branch, "main"), (pull, "false")]), Change::None, "{branch}");
            assert_eq!(with(&[ci, (branch, "main")]), Change::None, "{branch}");
            assert_eq!(with(&[ci, (pull, "7")]), Change::Unnamed(pull.to_owned()), "a change into what?");
        }
        assert_eq!(with(&[("TEAMCITY_VERSION", "2025"), ("CHANGE_TARGET", "main")]), into(&["main"]));
        assert_eq!(with(&[ci, ("GITHUB_BASE_REF", "")]), Change::None, "no pull request");
        assert_eq!(with(&[("GITHUB_BASE_REF", "main")]), Change::None, "no CI");
        assert_eq!(with(&[("CI", "false"), ("GITHUB_BASE_REF", "main")]), Change::None);
    }

    #[test]
    fn a_change_whose_base_no_variable_names_is_told_from_none() {
        let ci = ("CI", "true");
        for pull in ["CIRCLE_PULL_REQUEST", "CIRCLE_PR_NUMBER", "CI_COMMIT_PULL_REQUEST", "CHANGE_ID"] {
            assert_eq!(with(&[ci, (pull, "https://example.org/7")]), Change::Unnamed(pull.to_owned()));
        }
        let gitlab = [ci, ("CI_MERGE_REQUEST_IID", "7"), ("CI_MERGE_REQUEST_DIFF_BASE_SHA", "abc")];
        assert_eq!(with(&gitlab), into(&["abc"]));
    }

    #[test]
    fn another_branch_than_the_default_one_does_not_judge_itself() {
        for (built, default) in DEFAULTS {
            assert_eq!(with(&[("CI", "1"), (built, "topic"), (default, "main")]), into(&["main"]), "{built}");
            assert_eq!(with(&[("CI", "1"), (built, "main"), (default, "main")]), Change::None, "{built}");
        }
    }

    #[test]
    fn the_events_of_github_count_as_for_the_action() {
        const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        let zeros = "0".repeat(40);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("event.json");
        let of = |payload: serde_json::Value, reference: &str| {
            std::fs::write(&path, payload.to_string()).unwrap();
            let path = path.to_str().unwrap();
            with(&[("GITHUB_ACTIONS", "true"), ("GITHUB_EVENT_PATH", path), ("GITHUB_REF", reference)])
        };
        let repository = serde_json::json!({ "default_branch": "main" });
        let push =
            |before: &str| serde_json::json!({ "before": before, "after": A, "repository": repository });
        assert_eq!(of(push(A), "refs/heads/main"), into(&[A]));
        assert_eq!(of(push(A), "refs/heads/topic"), into(&["main"]), "what the branch was may be its own");
        assert_eq!(of(push(&zeros), "refs/heads/topic"), into(&["main"]));
        assert_eq!(of(push(&zeros), "refs/heads/main"), Change::None, "the first push of all");
        let suite = serde_json::json!({ "check_suite": { "head_sha": A }, "repository": repository });
        assert_eq!(of(suite, "refs/heads/main"), into(&["main"]));
        let dispatched = serde_json::json!({ "inputs": {}, "repository": repository });
        assert_eq!(of(dispatched.clone(), "refs/heads/topic"), into(&["main"]));
        assert_eq!(of(dispatched, "refs/heads/main"), Change::None);
        let comment = serde_json::json!({ "issue": { "pull_request": {} }, "repository": repository });
        assert!(matches!(of(comment, "refs/heads/main"), Change::Unnamed(_)));
        assert!(matches!(with(&[("GITHUB_ACTIONS", "true")]), Change::Unnamed(_)));
        let merge = [("GITHUB_ACTIONS", "true"), ("GITHUB_REF", "refs/pull/1/merge"), ("GITHUB_SHA", A)];
        assert_eq!(with(&merge), into(&[&format!("{A}^1")]));
    }
}
