//! The event that started a GitHub workflow: which commits it is about.
//!
//! The file is JSON whose shape depends on the event. Titles, branch and fork names in it belong to whoever
//! opened the pull request; nothing of them is read here but commit ids and the default branch.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use serde::Deserialize;

use fickgate_engine::error::{Error, Result};
use fickgate_engine::escape;

/// Longest event file that is read, in bytes. GitHub caps payloads at 25 MB.
const MOST_BYTES: u64 = 64 << 20;

/// What an event is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A pull request: events of its own, reviews and comments of it, and runs and checks for it.
    PullRequest,
    /// A merge group of a queue.
    MergeGroup,
    /// A push.
    Push,
    /// A commit that is not the one the workflow runs for: of a check, a run, a status or a deployment.
    Commit,
    /// A pull request whose commits the event does not name.
    Unknown,
    /// The commit that the workflow runs for.
    #[default]
    Other,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Kind::PullRequest => "pull-request",
            Kind::MergeGroup => "merge-group",
            Kind::Push => "push",
            Kind::Commit => "commit",
            Kind::Unknown => "unknown",
            Kind::Other => "other",
        }
    }
}

/// The commits of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// What it is about.
    pub kind: Kind,
    /// What a pull request or a merge group would be merged into.
    pub base: Option<String>,
    /// The branch of that name.
    pub base_ref: Option<String>,
    /// The tip of the pull request's branch, or of the merge group; the commit of a check, run, status or deployment.
    pub head: Option<String>,
    /// Where a pushed branch stood before. All zeros for a new one.
    pub before: Option<String>,
    /// Where it stands after the push. All zeros for one that was removed.
    pub after: Option<String>,
    /// The repository's default branch.
    pub default_branch: Option<String>,
}

#[derive(Deserialize)]
struct Payload {
    pull_request: Option<PullRequest>,
    merge_group: Option<MergeGroup>,
    workflow_run: Option<Checked>,
    check_run: Option<Checked>,
    check_suite: Option<Checked>,
    deployment: Option<Deployed>,
    /// Of a status: what it is of.
    sha: Option<String>,
    issue: Option<Issue>,
    before: Option<String>,
    after: Option<String>,
    repository: Option<Repository>,
}

#[derive(Deserialize)]
struct PullRequest {
    base: Side,
    head: Side,
}

#[derive(Deserialize)]
struct Side {
    sha: String,
    r#ref: Option<String>,
}

#[derive(Deserialize)]
struct MergeGroup {
    base_sha: String,
    head_sha: String,
    base_ref: Option<String>,
}

/// What was run or checked: a commit, and the pull requests of this repository it belongs to. Those of a
/// fork's commits are not listed.
#[derive(Deserialize)]
struct Checked {
    event: Option<String>,
    head_sha: Option<String>,
    #[serde(default)]
    pull_requests: Vec<PullRequest>,
}

#[derive(Deserialize)]
struct Deployed {
    sha: Option<String>,
}

#[derive(Deserialize)]
struct Issue {
    pull_request: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Repository {
    default_branch: Option<String>,
}

impl Event {
    /// Reads an event file.
    pub fn read(path: &Path) -> Result<Event> {
        let wrong = |what: &dyn std::fmt::Display| {
            let path = path.to_string_lossy();
            Error::new(format!("cannot read the event file {}: {what}", escape::terminal(&path)))
                .remedy("GITHUB_EVENT_PATH has to name the file the runner wrote; or set the input `base`")
        };
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(|e| wrong(&e))?;
        file.take(MOST_BYTES).read_to_end(&mut bytes).map_err(|e| wrong(&e))?;
        Event::parse(&bytes).map_err(|e| wrong(&e))
    }

    fn parse(bytes: &[u8]) -> serde_json::Result<Event> {
        let payload: Payload = serde_json::from_slice(bytes)?;
        let mut event = Event::default();
        let checked = payload.workflow_run.or(payload.check_run).or(payload.check_suite);
        let of_pull_request = checked.as_ref().and_then(|c| c.event.as_deref()).is_some_and(is_pull_request);
        let commit = checked.as_ref().and_then(|c| c.head_sha.clone());
        let commit = commit.or(payload.deployment.and_then(|d| d.sha)).or(payload.sha);
        let mut requests: Vec<PullRequest> = checked.map(|c| c.pull_requests).unwrap_or_default();
        requests.extend(payload.pull_request);
        // Pull requests of one commit into several branches have no base in common.
        let several = requests.len() > 1;
        if let Some(request) = requests.pop().filter(|_| !several) {
            event.kind = Kind::PullRequest;
            event.base = Some(request.base.sha);
            event.base_ref = request.base.r#ref;
            event.head = Some(request.head.sha);
        } else if let Some(group) = payload.merge_group {
            event.kind = Kind::MergeGroup;
            event.base = Some(group.base_sha);
            event.base_ref = group.base_ref;
            event.head = Some(group.head_sha);
        } else if several || of_pull_request || payload.issue.is_some_and(|i| i.pull_request.is_some()) {
            event.kind = Kind::Unknown;
        } else if payload.before.is_some() && payload.after.is_some() {
            event.kind = Kind::Push;
        } else if commit.is_some() {
            event.kind = Kind::Commit;
            event.head = commit;
        }
        event.before = payload.before;
        event.after = payload.after;
        let branch = event.base_ref.take();
        let branch = branch.map(|b| b.strip_prefix("refs/heads/").map(str::to_owned).unwrap_or(b));
        event.base_ref = branch.filter(|name| is_branch(name));
        for id in [&mut event.base, &mut event.head, &mut event.before, &mut event.after] {
            if id.as_deref().is_some_and(|id| !is_object_id(id)) {
                return Err(serde::de::Error::custom("a commit id in it is not hexadecimal"));
            }
        }
        event.default_branch =
            payload.repository.and_then(|r| r.default_branch).filter(|name| is_branch(name));
        Ok(event)
    }

    /// `key=value` lines of what is known.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "kind={}", self.kind.as_str())?;
        let fields = [
            ("base", &self.base),
            ("base-ref", &self.base_ref),
            ("head", &self.head),
            ("before", &self.before),
            ("after", &self.after),
            ("default-branch", &self.default_branch),
        ];
        for (key, value) in fields {
            if let Some(value) = value {
                writeln!(out, "{key}={value}")?;
            }
        }
        Ok(())
    }
}

/// Whether an event of this name is about a pull request.
fn is_pull_request(name: &str) -> bool {
    name.starts_with("pull_request")
}

fn is_object_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Whether git would take the name, and a line holds it.
fn is_branch(name: &str) -> bool {
    git2::Reference::is_valid_name(&format!("refs/heads/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn lines(json: &str) -> String {
        let mut out = Vec::new();
        Event::parse(json.as_bytes()).unwrap().write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_event_names_its_commits() {
        let request = format!(
            r#"{{"number": 1, "pull_request": {{"title": "a\nbase={B}", "base": {{"sha": "{A}", "ref": "main"}},
                "head": {{"sha": "{B}", "label": "o'\"$(x)\nhead={A}"}}}},
                "repository": {{"default_branch": "main"}}}}"#
        );
        let told = format!("kind=pull-request\nbase={A}\nbase-ref=main\nhead={B}\ndefault-branch=main\n");
        assert_eq!(lines(&request), told);
        let group = format!(
            r#"{{"merge_group": {{"base_sha": "{A}", "head_sha": "{B}", "base_ref": "refs/heads/m"}}}}"#
        );
        assert_eq!(lines(&group), format!("kind=merge-group\nbase={A}\nbase-ref=m\nhead={B}\n"));
        let push = format!(r#"{{"before": "{A}", "after": "{B}"}}"#);
        assert_eq!(lines(&push), format!("kind=push\nbefore={A}\nafter={B}\n"));
        let other = r#"{"inputs": {}, "repository": {"default_branch": "m"}}"#;
        assert_eq!(lines(other), "kind=other\ndefault-branch=m\n");
        for of_a_commit in [
            format!(r#"{{"check_suite": {{"head_sha": "{A}", "pull_requests": []}}}}"#),
            format!(r#"{{"check_run": {{"head_sha": "{A}"}}}}"#),
            format!(r#"{{"workflow_run": {{"event": "push", "head_sha": "{A}"}}}}"#),
            format!(r#"{{"sha": "{A}", "state": "success"}}"#),
            format!(r#"{{"deployment": {{"sha": "{A}"}}, "deployment_status": {{}}}}"#),
        ] {
            assert_eq!(lines(&of_a_commit), format!("kind=commit\nhead={A}\n"), "{of_a_commit}");
        }
    }

    #[test]
    fn runs_checks_and_comments_are_about_a_pull_request_where_they_name_one() {
        let request = format!(r#"{{"base": {{"sha": "{A}", "ref": "main"}}, "head": {{"sha": "{B}"}}}}"#);
        for what in ["workflow_run", "check_run", "check_suite"] {
            let of = |requests: &str| lines(&format!(r#"{{"{what}": {{"pull_requests": [{requests}]}}}}"#));
            assert_eq!(of(&request), format!("kind=pull-request\nbase={A}\nbase-ref=main\nhead={B}\n"));
            assert_eq!(of(&format!("{request}, {request}")), "kind=unknown\n", "two bases");
            assert_eq!(of(""), "kind=other\n");
        }
        let fork = r#"{"workflow_run": {"event": "pull_request", "pull_requests": []}}"#;
        assert_eq!(lines(fork), "kind=unknown\n", "those of forks are not listed");
        assert_eq!(lines(r#"{"issue": {"pull_request": {"url": "x"}}}"#), "kind=unknown\n");
        assert_eq!(lines(r#"{"issue": {"number": 1}}"#), "kind=other\n");
    }

    #[test]
    fn what_is_no_commit_or_branch_is_refused() {
        for id in ["", "HEAD", "--upload-pack=x", "a\nb", &A[1..], &format!("{}\n", &A[1..])] {
            let json = serde_json::json!({ "before": id }).to_string();
            assert!(Event::parse(json.as_bytes()).is_err(), "{id}");
        }
        for name in ["a\nbase=x", "a..b", "", "a b"] {
            let json = serde_json::json!({ "repository": { "default_branch": name } }).to_string();
            assert_eq!(lines(&json), "kind=other\n", "{name}");
        }
        assert!(Event::parse(b"[]").is_err() && Event::parse(b"{").is_err());
    }

    #[test]
    fn a_missing_file_is_an_error_with_a_remedy() {
        let error = Event::read(Path::new("no/such\x1bfile")).unwrap_err();
        assert!(error.message().contains("no/such\\u{1b}file") && error.help().is_some());
    }
}
