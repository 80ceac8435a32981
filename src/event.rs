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

/// The commits of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// What a pull request or a merge group would be merged into.
    pub base: Option<String>,
    /// The tip of the pull request's branch, or of the merge group.
    pub head: Option<String>,
    /// Where a pushed branch stood before. All zeros for a new one.
    pub before: Option<String>,
    /// The repository's default branch.
    pub default_branch: Option<String>,
}

#[derive(Deserialize)]
struct Payload {
    pull_request: Option<PullRequest>,
    merge_group: Option<MergeGroup>,
    before: Option<String>,
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
}

#[derive(Deserialize)]
struct MergeGroup {
    base_sha: String,
    head_sha: String,
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
        if let Some(request) = payload.pull_request {
            event.base = Some(request.base.sha);
            event.head = Some(request.head.sha);
        } else if let Some(group) = payload.merge_group {
            event.base = Some(group.base_sha);
            event.head = Some(group.head_sha);
        }
        event.before = payload.before;
        for id in [&mut event.base, &mut event.head, &mut event.before] {
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
        let fields = [
            ("base", &self.base),
            ("head", &self.head),
            ("before", &self.before),
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
        assert_eq!(lines(&request), format!("base={A}\nhead={B}\ndefault-branch=main\n"));
        let group = format!(r#"{{"merge_group": {{"base_sha": "{A}", "head_sha": "{B}"}}}}"#);
        assert_eq!(lines(&group), format!("base={A}\nhead={B}\n"));
        assert_eq!(lines(&format!(r#"{{"before": "{A}", "after": "{B}"}}"#)), format!("before={A}\n"));
        assert_eq!(lines(r#"{"inputs": {}, "repository": {"default_branch": "m"}}"#), "default-branch=m\n");
    }

    #[test]
    fn what_is_no_commit_or_branch_is_refused() {
        for id in ["", "HEAD", "--upload-pack=x", "a\nb", &A[1..], &format!("{}\n", &A[1..])] {
            let json = serde_json::json!({ "before": id }).to_string();
            assert!(Event::parse(json.as_bytes()).is_err(), "{id}");
        }
        for name in ["a\nbase=x", "a..b", "", "a b"] {
            let json = serde_json::json!({ "repository": { "default_branch": name } }).to_string();
            assert_eq!(lines(&json), "", "{name}");
        }
        assert!(Event::parse(b"[]").is_err() && Event::parse(b"{").is_err());
    }

    #[test]
    fn a_missing_file_is_an_error_with_a_remedy() {
        let error = Event::read(Path::new("no/such\x1bfile")).unwrap_err();
        assert!(error.message().contains("no/such\\u{1b}file") && error.help().is_some());
    }
}
