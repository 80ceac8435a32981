//! The table of events in `docs/ci.md`, row by row.

use std::fs;

use serde_json::{Value, json};

use crate::driver::{EVIL, Hub, Job, Ran, ZEROS, root};

/// Whose policy a row of the table says.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Whose {
    /// The tip of the base or default branch, as the server has it.
    Tip,
    /// A commit before that tip, which the event or an input names.
    Base,
    /// What is checked out.
    Own,
}

/// What has to come of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Judged {
    Change(Whose),
    Everything(Whose),
    Refused,
}
use Judged::{Change, Everything, Refused};

/// Commits of which each has a policy of its own, told apart by the folders that it leaves out: `base` leaves out
/// `by-base`, `tip` also `by-tip`, `head` `by-base` and `by-own`, `merge` all of them. `base` has a bad file from long ago.
struct Table {
    hub: Hub,
    tip: String,
}

impl Table {
    fn new() -> Table {
        let mut hub = Hub::new();
        let policy = |first: &str, last: &str| {
            format!("version: 1\nexclude:\n{first}  - a/**\n  - b/**\n  - c/**\n  - by-base/**\n{last}")
                .into_bytes()
        };
        hub.git.run(&["checkout", "-q", "main"]);
        hub.base = hub.git.commit(".fickgate.yaml", &policy("", ""));
        hub.git.run(&["checkout", "-q", "-b", "change"]);
        for folder in ["by-base", "by-tip", "by-own"] {
            hub.git.commit(&format!("{folder}/m.pkl"), EVIL);
        }
        hub.head = hub.git.commit(".fickgate.yaml", &policy("", "  - by-own/**\n"));
        hub.test_merge();
        let tip = hub.git.commit(".fickgate.yaml", &policy("  - by-tip/**\n", ""));
        Table { hub, tip }
    }

    /// What was judged, by whose policy, as the findings tell.
    fn judged(ran: &Ran) -> Judged {
        if ran.code == 2 {
            assert_eq!(ran.arguments, "", "{}", ran.log);
            return Refused;
        }
        let found = |path: &str| ran.log.contains(&format!("::error file={path},"));
        let whose = match (found("by-tip/m.pkl"), found("by-own/m.pkl")) {
            (true, true) => Whose::Base,
            (false, true) => Whose::Tip,
            (true, false) => Whose::Own,
            (false, false) => panic!("nothing of the change was judged: {}", ran.log),
        };
        assert!(!found("by-base/m.pkl"), "{}", ran.log);
        if found("old.pkl") { Everything(whose) } else { Change(whose) }
    }
}

#[test]
fn each_row_of_the_table_of_events_is_as_it_says() {
    let table = Table::new();
    let (hub, tip) = (&table.hub, &table.tip);
    let repository = json!({ "default_branch": "main" });
    let request = hub.pull_request();
    let with = |key: &str, value: Value| json!({ key: value, "repository": repository });
    let listed = json!([{ "base": { "sha": hub.base, "ref": "main" }, "head": { "sha": hub.head } }]);
    let run = with(
        "workflow_run",
        json!({ "event": "pull_request", "head_sha": hub.head, "pull_requests": listed }),
    );
    let group = |base: &str| {
        with("merge_group", json!({ "base_sha": base, "head_sha": hub.merge, "base_ref": "refs/heads/main" }))
    };
    let push =
        |before: &str, after: &str| json!({ "before": before, "after": after, "repository": repository });
    let suite = with("check_suite", json!({ "head_sha": hub.head, "pull_requests": [] }));
    let checked = with("check_run", json!({ "head_sha": hub.head, "pull_requests": [] }));
    let other_run =
        with("workflow_run", json!({ "event": "push", "head_sha": hub.head, "pull_requests": [] }));
    let status = json!({ "sha": hub.head, "state": "success", "repository": repository });
    let deployed =
        json!({ "deployment": { "sha": hub.head }, "deployment_status": {}, "repository": repository });
    let comment = with("issue", json!({ "pull_request": {} }));
    let plain = json!({ "inputs": {}, "repository": repository });
    let (gone, zeros) = ("1".repeat(40), ZEROS);
    // A group that was based on another one, whose policy is approved and in no branch yet.
    hub.git.run(&["checkout", "-q", "--detach", &hub.base]);
    let ahead = hub.git.commit("ahead.txt", b"approved");
    let tree = hub.git.run(&["rev-parse", &format!("{}^{{tree}}", hub.merge)]);
    let behind = hub.git.run(&["commit-tree", "-p", &ahead, "-p", &hub.head, "-m", "group", &tree]);
    let second =
        with("merge_group", json!({ "base_sha": ahead, "head_sha": behind, "base_ref": "refs/heads/main" }));
    for (name, commit) in [("a", &ahead), ("b", &behind)] {
        hub.git.run(&["update-ref", &format!("refs/heads/gh-readonly-queue/main/{name}"), commit]);
    }
    hub.git.run(&["checkout", "-q", "main"]);
    let main = "refs/heads/main";
    let topic = "refs/heads/change";
    let pull = "refs/pull/1/merge";
    let queue = "refs/heads/gh-readonly-queue/main/b";
    let tag = "refs/tags/v1";
    type Case<'c> = (&'c str, &'c str, Value, &'c str, &'c str, &'c str, Judged);
    // The row, the event, its payload, GITHUB_SHA, GITHUB_REF, what is checked out, what comes of it.
    let cases: Vec<Case<'_>> = vec![
        (
            "pull request, merge",
            "pull_request",
            request.clone(),
            &hub.merge,
            pull,
            &hub.merge,
            Change(Whose::Tip),
        ),
        (
            "pull request, merge",
            "pull_request_review",
            request.clone(),
            &hub.merge,
            pull,
            &hub.merge,
            Change(Whose::Tip),
        ),
        (
            "pull request, head",
            "pull_request",
            request.clone(),
            &hub.merge,
            pull,
            &hub.head,
            Change(Whose::Tip),
        ),
        (
            "pull request, head",
            "pull_request_target",
            request.clone(),
            tip,
            main,
            &hub.head,
            Change(Whose::Tip),
        ),
        ("pull request, head", "workflow_run", run.clone(), tip, main, &hub.head, Change(Whose::Tip)),
        ("pull request, else", "pull_request", request.clone(), &hub.merge, pull, tip, Refused),
        ("pull request, else", "pull_request_target", request.clone(), tip, main, tip, Refused),
        ("pull request, else", "workflow_run", run.clone(), tip, main, tip, Refused),
        ("merge group", "merge_group", group(&hub.base), &hub.merge, queue, &hub.merge, Change(Whose::Tip)),
        ("merge group", "merge_group", second.clone(), &behind, queue, &behind, Change(Whose::Base)),
        (
            "push, default",
            "push",
            push(&hub.base, &hub.merge),
            &hub.merge,
            main,
            &hub.merge,
            Change(Whose::Base),
        ),
        ("push, other", "push", push(&hub.base, &hub.head), &hub.head, topic, &hub.head, Change(Whose::Tip)),
        ("push, other", "push", push(zeros, &hub.head), &hub.head, topic, &hub.head, Change(Whose::Tip)),
        ("push, other", "push", push(zeros, &hub.head), &hub.head, tag, &hub.head, Change(Whose::Tip)),
        ("push, gone", "push", push(&gone, &hub.head), &hub.head, topic, &hub.head, Change(Whose::Tip)),
        ("push, gone", "push", push(&gone, &hub.head), &hub.head, main, &hub.head, Everything(Whose::Own)),
        ("commit", "check_suite", suite.clone(), tip, main, &hub.head, Change(Whose::Tip)),
        ("commit", "check_run", checked.clone(), tip, main, &hub.head, Change(Whose::Tip)),
        ("commit", "workflow_run", other_run.clone(), tip, main, &hub.head, Change(Whose::Tip)),
        ("commit", "status", status.clone(), tip, main, &hub.head, Change(Whose::Tip)),
        ("commit", "deployment_status", deployed.clone(), &hub.head, "", &hub.head, Change(Whose::Tip)),
        ("commit, else", "check_suite", suite.clone(), tip, main, tip, Refused),
        ("commit, else", "status", status.clone(), tip, main, tip, Refused),
        (
            "other, default",
            "workflow_dispatch",
            plain.clone(),
            &hub.head,
            main,
            &hub.head,
            Everything(Whose::Own),
        ),
        (
            "other, branch",
            "workflow_dispatch",
            plain.clone(),
            &hub.head,
            topic,
            &hub.head,
            Everything(Whose::Tip),
        ),
        ("other, branch", "release", plain.clone(), &hub.head, tag, &hub.head, Everything(Whose::Tip)),
        (
            "other, built on",
            "workflow_dispatch",
            plain.clone(),
            &hub.base,
            main,
            &hub.head,
            Everything(Whose::Base),
        ),
        ("other, built on", "schedule", plain.clone(), &hub.base, main, tip, Refused),
        ("unknown", "issue_comment", comment.clone(), tip, main, &hub.head, Refused),
    ];
    let documented = fs::read_to_string(root().join("docs/ci.md")).unwrap();
    let last =
        |line: &str| line.strip_suffix(" |").and_then(|line| line.rsplit("| ").next().map(str::to_owned));
    let mut named: Vec<String> = documented.lines().filter_map(last).collect();
    named.retain(|name| name.starts_with('`') && name.ends_with('`'));
    let mut tried: Vec<String> = cases.iter().map(|case| format!("`{}`", case.0)).collect();
    tried.dedup();
    let inputs = ["`input base`", "`input paths`"].map(str::to_owned);
    assert_eq!(named, [&tried[..], &inputs].concat(), "docs/ci.md has other rows");
    for (row, event, payload, sha, reference, checkout, expected) in cases {
        // A clone of one commit does not tell everything, and fetches what it lacks.
        let depths: &[u32] =
            if ["pull request, merge", "push, default"].contains(&row) { &[1, 0] } else { &[0] };
        for depth in depths {
            let job = Job::new();
            hub.checkout(&job.workspace(), checkout, *depth);
            let ran = job.run(event, &payload, sha, reference);
            // A clone of one commit may not show that what is checked out is what was asked for.
            if *depth == 1 && ran.code == 2 {
                continue;
            }
            let judged =
                if expected == Refused && row == "other, built on" { Refused } else { Table::judged(&ran) };
            assert_eq!(judged, expected, "{row}: {event} at depth {depth}: {}", ran.log);
        }
    }
    // The inputs, in an event of any kind.
    let mut job = Job::new();
    hub.checkout(&job.workspace(), &hub.merge, 0);
    let run = |job: &Job| job.run("workflow_dispatch", &plain, &hub.merge, main);
    for (base, whose) in
        [("main", Whose::Tip), (&*hub.base, Whose::Base), (&format!("{}..HEAD", hub.base), Whose::Base)]
    {
        assert_eq!(Table::judged(&run(job.input("base", base))), Change(whose), "{base}");
    }
    job.input("base", "main").input("paths", "by-tip\nby-own\nold.pkl");
    assert_eq!(Table::judged(&run(&job)), Everything(Whose::Tip));
}
