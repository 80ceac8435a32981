//! `action.yml`, driven as a GitHub runner drives it: real repositories with `refs/pull/1/merge`, the
//! checkouts that actions/checkout makes of them, event files, and the files GITHUB_* name.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod driver;
mod flow;
mod table;

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use driver::{EVIL, Hub, Job, ZEROS, action, root};

#[test]
fn the_action_puts_no_expression_into_a_script_and_wires_every_output() {
    let action = action();
    for step in &action.runs.steps {
        assert!(!step.run.contains("${{"), "{}", step.run);
    }
    let [posix, windows] = action.runs.steps.as_slice() else { panic!("two steps") };
    assert_eq!((&posix.run, &posix.env), (&windows.run, &windows.env));
    for (name, output) in &action.outputs {
        let (a, b) = (&posix.id, &windows.id);
        assert_eq!(output.value, format!("${{{{ steps.{a}.outputs.{name} || steps.{b}.outputs.{name} }}}}"));
    }
    // Every input reaches the script.
    for name in action.inputs.keys() {
        let variable = format!("INPUT_{}", name.to_uppercase().replace('-', "_"));
        assert_eq!(posix.env[&variable], format!("${{{{ inputs.{name} }}}}"));
    }
}

#[test]
fn a_pull_request_gives_the_same_findings_at_every_depth() {
    let hub = Hub::new();
    for depth in [1, 2, 0] {
        let job = Job::new();
        hub.checkout(&job.workspace(), &hub.merge, depth);
        let ran = job.run("pull_request", &hub.pull_request(), &hub.merge, "refs/pull/1/merge");
        ran.found(&["models/new.pkl"]).ran_with(&format!("{}..HEAD", hub.base));
        assert_eq!(ran.outputs["findings"], "1");
        assert!(!job.path("workspace/pwned").exists() && !ran.log.contains("::error::x"));
        assert!(ran.summary.contains("models/new.pkl"));
    }
}

#[test]
fn a_checkout_of_the_head_is_compared_with_the_base() {
    let hub = Hub::new();
    for depth in [1, 2, 0] {
        let job = Job::new();
        hub.checkout(&job.workspace(), &hub.head, depth);
        let ran = job.run("pull_request", &hub.pull_request(), &hub.merge, "refs/pull/1/merge");
        ran.found(&["models/new.pkl"]).ran_with(&format!("{}...HEAD", hub.base));
    }
}

#[test]
fn a_merge_by_the_author_is_not_taken_for_githubs() {
    // The head merges main into the branch: against its first parent it brings nothing.
    let mut hub = Hub::new();
    hub.git.run(&["checkout", "-q", "feature"]);
    hub.git.run(&["merge", "-q", "-m", "update", "main"]);
    hub.head = hub.git.run(&["rev-parse", "HEAD"]);
    hub.test_merge();
    for depth in [1, 2, 0] {
        let job = Job::new();
        hub.checkout(&job.workspace(), &hub.head, depth);
        let ran = job.run("pull_request", &hub.pull_request(), &hub.merge, "refs/pull/1/merge");
        ran.found(&["models/new.pkl"]);
    }
}

#[test]
fn a_checkout_that_is_not_the_pull_request_is_refused() {
    let hub = Hub::new();
    let job = Job::new();
    hub.checkout(&job.workspace(), &hub.base, 1);
    for event in ["pull_request", "pull_request_target"] {
        let ran = job.run(event, &hub.pull_request(), &hub.base, "refs/heads/main");
        ran.code(2);
        assert!(ran.log.contains("not its change"), "{}", ran.log);
    }
}

#[test]
fn a_base_that_cannot_be_had_is_no_pass() {
    let hub = Hub::new();
    let job = Job::new();
    hub.checkout(&job.workspace(), &hub.merge, 1);
    job.workspace().run(&["remote", "set-url", "origin", "file:///nonexistent"]);
    let ran = job.run("pull_request", &hub.pull_request(), &hub.merge, "refs/pull/1/merge");
    ran.code(2);
    assert!(ran.log.contains("fetch-depth: 2"), "{}", ran.log);
    assert_eq!(ran.arguments, "");
}

#[test]
fn a_merge_group_is_compared_with_its_base() {
    let hub = Hub::new();
    for depth in [1, 0] {
        let job = Job::new();
        hub.checkout(&job.workspace(), &hub.merge, depth);
        let payload = json!({
            "action": "checks_requested",
            "merge_group": { "base_sha": hub.base, "head_sha": hub.merge, "base_ref": "refs/heads/main" },
        });
        let ran = job.run("merge_group", &payload, &hub.merge, "refs/heads/gh-readonly-queue/main/pr-1-x");
        ran.found(&["models/new.pkl"]).ran_with(&format!("{}..HEAD", hub.base));
    }
}

#[test]
fn a_push_is_compared_with_what_the_branch_was() {
    let hub = Hub::new();
    let repository = json!({ "default_branch": "main" });
    for depth in [1, 0] {
        // On from main's old tip, by a merge.
        let job = Job::new();
        hub.checkout(&job.workspace(), &hub.merge, depth);
        let payload = json!({ "before": hub.base, "after": hub.merge, "repository": repository });
        let ran = job.run("push", &payload, &hub.merge, "refs/heads/main");
        ran.found(&["models/new.pkl"]).ran_with(&format!("{}..HEAD", hub.base));

        // A new branch, against the default branch.
        let job = Job::new();
        hub.checkout(&job.workspace(), &hub.head, depth);
        let payload = json!({ "before": ZEROS, "after": hub.head, "repository": repository });
        let ran = job.run("push", &payload, &hub.head, "refs/heads/feature");
        ran.found(&["models/new.pkl"]).ran_with(&format!("{}...HEAD", hub.base));

        // The first push of the default branch is everything.
        let job = Job::new();
        hub.checkout(&job.workspace(), &hub.base, depth);
        let payload = json!({ "before": ZEROS, "after": hub.base, "repository": repository });
        job.run("push", &payload, &hub.base, "refs/heads/main").found(&["old.pkl"]);

        // A push that went back: the commit before it is on no branch any more.
        let job = Job::new();
        hub.checkout(&job.workspace(), &hub.base, depth);
        let payload = json!({ "before": hub.merge, "after": hub.base, "repository": repository });
        job.run("push", &payload, &hub.base, "refs/heads/main").found(&[]);
    }
}

#[test]
fn an_event_without_a_base_scans_everything_and_an_input_names_one() {
    let hub = Hub::new();
    for depth in [1, 0] {
        let mut job = Job::new();
        hub.checkout(&job.workspace(), &hub.merge, depth);
        let payload = json!({ "inputs": {}, "repository": { "default_branch": "main" } });
        let run = |job: &Job| job.run("workflow_dispatch", &payload, &hub.merge, "refs/heads/main");
        run(&job).found(&["models/new.pkl", "old.pkl"]);
        for base in ["main", &hub.base, &format!("{}..HEAD", hub.base)] {
            if depth == 1 && base.contains("..") {
                continue;
            }
            run(job.input("base", base)).found(&["models/new.pkl"]);
        }
        job.input("base", "--output=x");
        run(&job).code(2);
        job.input("base", "nothing-of-this-name");
        run(&job).code(2);
        job.input("base", "").input("paths", "old.pkl\nmodels/clean.pkl");
        run(&job).found(&["old.pkl"]).ran_with("models/clean.pkl");
    }
}

#[test]
fn inputs_become_arguments_and_reports_outputs() {
    let hub = Hub::new();
    let mut job = Job::new();
    hub.checkout(&job.workspace(), &hub.merge, 2);
    fs::write(job.path("a policy.yaml"), "version: 1\nallow:\n  - import: os.system\n    reason: a test\n")
        .unwrap();
    let policy = job.path("a policy.yaml").to_string_lossy().into_owned();
    job.input("policy", &policy).input("sarif-file", "out put.sarif").input("summary", "false");
    let ran = job.run("pull_request", &hub.pull_request(), &hub.merge, "refs/pull/1/merge");
    ran.ran_with(&policy).ran_with("sarif=out put.sarif");
    assert_eq!(ran.outputs["sarif-file"], "out put.sarif");
    assert_eq!(ran.summary, "");
    let sarif = fs::read_to_string(job.path("workspace/out put.sarif")).unwrap();
    assert!(sarif.contains("\"2.1.0\""));
    job.input("sarif-file", "a\nexit-code=0");
    job.run("pull_request", &hub.pull_request(), &hub.merge, "refs/pull/1/merge").code(2);
}

/// A copy of the action's tree that has a release, and a `curl` that serves it.
fn released(job: &mut Job, asset: &[u8], checksum: &str) {
    let action = job.path("action-tree");
    fs::create_dir_all(action.join("action")).unwrap();
    fs::copy(root().join("action/fickgate.sh"), action.join("action/fickgate.sh")).unwrap();
    fs::write(action.join("Cargo.toml"), "[package]\nname = \"fickgate\"\nversion = \"9.8.7\"\n").unwrap();
    let name = "fickgate-v9.8.7-x86_64-unknown-linux-musl.tar.gz";
    fs::write(action.join("action/checksums.txt"), format!("# x\n{checksum}  {name}\n")).unwrap();
    fs::write(job.path("asset"), asset).unwrap();
    job.action_path = action;
    let body = format!(
        "printf '%s\\n' \"$@\" >'{0}/curl-arguments'\nwhile [ \"$1\" != -o ]; do shift; done\ncp '{0}/asset' \"$2\"",
        job.folder.path().display()
    );
    job.script("bin/curl", &body);
    job.script("bin/cargo", "echo CARGO \"$@\"; echo \"CARGO in $PWD\"; exit 1");
    job.inputs.remove("binary-path");
}

fn archive(job: &Job) -> (Vec<u8>, String) {
    let spy = job.inputs["binary-path"].clone();
    fs::create_dir_all(job.path("pack")).unwrap();
    fs::copy(spy, job.path("pack/fickgate")).unwrap();
    let tar =
        Command::new("tar").args(["-czf", "-", "-C"]).arg(job.path("pack")).arg("fickgate").output().unwrap();
    let sum =
        Command::new("sha256sum").stdin(fs::File::open(write(&job.path("x"), &tar.stdout)).unwrap()).output();
    let sum = String::from_utf8(sum.unwrap().stdout).unwrap();
    (tar.stdout, sum.split(' ').next().unwrap().to_owned())
}

fn write<'p>(path: &'p Path, bytes: &[u8]) -> &'p Path {
    fs::write(path, bytes).unwrap();
    path
}

#[test]
fn a_release_is_run_only_with_the_checksum_in_the_actions_tree() {
    let hub = Hub::new();
    let mut job = Job::new();
    hub.checkout(&job.workspace(), &hub.merge, 2);
    let (asset, checksum) = archive(&job);
    released(&mut job, &asset, &checksum);
    let run = |job: &Job| job.run("pull_request", &hub.pull_request(), &hub.merge, "refs/pull/1/merge");
    run(&job).found(&["models/new.pkl"]);
    let url = "https://example.invalid/someone/fickgate/releases/download/v9.8.7/\
               fickgate-v9.8.7-x86_64-unknown-linux-musl.tar.gz";
    assert!(fs::read_to_string(job.path("curl-arguments")).unwrap().contains(url));

    // Another archive, another version, another platform: never run, never a pass.
    let mut job = Job::new();
    hub.checkout(&job.workspace(), &hub.merge, 2);
    released(&mut job, &asset, &"0".repeat(64));
    let ran = run(&job);
    ran.code(2);
    assert!(ran.log.contains("does not have the checksum") && !ran.log.contains("CARGO"), "{}", ran.log);
    released(&mut job, &asset, &checksum);
    job.input("version", "9.8.6");
    let ran = run(&job);
    ran.code(2);
    assert!(ran.log.contains("there is no checksum for"), "{}", ran.log);
    job.input("version", "");
    job.env.push(("RUNNER_ARCH".to_owned(), "RISCV".to_owned()));
    let ran = run(&job);
    ran.code(2);
    assert!(ran.log.contains("CARGO install --locked"), "{}", ran.log);
    // In the workspace, rustup would take the toolchain that a change names.
    let folder = format!("CARGO in {}\n", job.action_path.display());
    assert!(ran.log.contains(&folder), "{}", ran.log);
    job.input("binary-path", "no/such/fickgate");
    run(&job).code(2);
}

#[test]
fn a_workspace_of_another_user_is_read_without_touching_the_settings() {
    let hub = Hub::new();
    let job = Job::new();
    hub.checkout(&job.workspace(), &hub.merge, 2);
    let chown = Command::new("chown").args(["-R", "12345"]).arg(job.path("workspace")).output().unwrap();
    if !chown.status.success() {
        return; // Only root can give files away.
    }
    fs::write(job.path("home/.gitconfig"), "[user]\n\tname = me\n").unwrap();
    let ran = job.run("pull_request", &hub.pull_request(), &hub.merge, "refs/pull/1/merge");
    ran.found(&["models/new.pkl"]);
    assert_eq!(fs::read_to_string(job.path("home/.gitconfig")).unwrap(), "[user]\n\tname = me\n");
}

#[test]
fn what_is_judged_contains_what_the_event_is_about() {
    let hub = Hub::new();
    let request = hub.pull_request();
    let side = |sha: &str, branch: &str| json!({ "sha": sha, "ref": branch });
    let repository = json!({ "default_branch": "main" });
    let listed = json!([{ "base": side(&hub.base, "main"), "head": side(&hub.head, "feature") }]);
    let group = json!({ "merge_group": { "base_sha": hub.base, "head_sha": hub.head, "base_ref": "refs/heads/main" } });
    let push = json!({ "before": hub.base, "after": hub.head, "repository": repository });
    let run = json!({ "workflow_run": { "event": "pull_request", "pull_requests": listed }, "repository": repository });
    for (event, payload, sha, checkout) in [
        ("pull_request", &request, &hub.merge, &hub.base),
        ("pull_request_target", &request, &hub.base, &hub.base),
        ("pull_request_review", &request, &hub.merge, &hub.base),
        ("merge_group", &group, &hub.head, &hub.base),
        ("push", &push, &hub.head, &hub.base),
        ("workflow_run", &run, &hub.base, &hub.base),
        ("workflow_dispatch", &json!({ "repository": repository }), &hub.merge, &hub.base),
        (
            "issue_comment",
            &json!({ "issue": { "pull_request": {} }, "repository": repository }),
            &hub.base,
            &hub.base,
        ),
    ] {
        for depth in [1, 0] {
            for paths in ["", "other.pkl"] {
                let mut job = Job::new();
                job.input("paths", paths);
                hub.checkout(&job.workspace(), checkout, depth);
                let ran = job.run(event, payload, sha, "refs/heads/feature");
                assert_eq!(ran.arguments, "", "{event} {depth} {paths}: {}", ran.log);
                ran.code(2);
            }
        }
    }
    // The same events, and the change checked out.
    for (event, payload, sha) in [
        ("pull_request_review", &request, &hub.merge),
        ("pull_request_target", &request, &hub.base),
        ("workflow_run", &run, &hub.base),
    ] {
        let job = Job::new();
        hub.checkout(&job.workspace(), &hub.head, 0);
        job.run(event, payload, sha, "refs/heads/main").found(&["models/new.pkl"]);
    }
}

#[test]
fn the_policy_is_the_one_of_the_tip_of_the_base() {
    let mut hub = Hub::new();
    // A pull request that allows itself, from before main took back what let it pass.
    hub.git.run(&["checkout", "-q", "main"]);
    hub.git.commit(".fickgate.yaml", b"version: 1\nexclude: ['legacy/**']\n");
    let stale = hub.git.run(&["rev-parse", "HEAD"]);
    hub.git.run(&["checkout", "-q", "-b", "lax"]);
    hub.head = hub.git.commit("legacy/m.pkl", EVIL);
    hub.git.run(&["checkout", "-q", "main"]);
    hub.base = stale;
    hub.test_merge();
    let tip = hub.git.commit(".fickgate.yaml", b"version: 1\n");
    for (checkout, depth) in [(&hub.merge, 2), (&hub.merge, 0), (&hub.head, 0)] {
        for paths in ["", "legacy"] {
            let mut job = Job::new();
            job.input("paths", paths);
            hub.checkout(&job.workspace(), checkout, depth);
            let ran = job.run("pull_request", &hub.pull_request(), &hub.merge, "refs/pull/1/merge");
            ran.found(&["legacy/m.pkl"]);
            assert!(ran.arguments.contains(&tip), "{}", ran.arguments);
        }
    }
    // A branch that nobody protects is no base of its own: its second push is compared with main as well.
    let job = Job::new();
    hub.checkout(&job.workspace(), &hub.head, 0);
    let before = hub.git.run(&["rev-parse", &hub.head]);
    let payload = json!({ "before": before, "after": hub.head, "repository": { "default_branch": "main" } });
    job.run("push", &payload, &hub.head, "refs/heads/lax").found(&["legacy/m.pkl"]);
}

#[test]
fn a_branch_whose_name_ends_like_the_bases_is_not_the_base() {
    let mut hub = Hub::new();
    hub.git.run(&["checkout", "-q", "-b", "change"]);
    hub.git.commit(".fickgate.yaml", b"version: 1\nexclude: ['m/**']\n");
    hub.head = hub.git.commit("m/m.pkl", EVIL);
    hub.test_merge();
    // `git ls-remote` matches the ends of names, and this one is sorted in front.
    hub.git.run(&["branch", "a/refs/heads/main", &hub.head]);
    let job = Job::new();
    hub.checkout(&job.workspace(), &hub.merge, 2);
    let ran = job.run("pull_request", &hub.pull_request(), &hub.merge, "refs/pull/1/merge");
    ran.found(&["m/m.pkl"]);
    assert!(!ran.arguments.contains(&hub.head), "{}", ran.arguments);
}

#[test]
fn a_push_over_what_is_gone_is_compared_with_the_default_branch() {
    let hub = Hub::new();
    let gone = "1".repeat(40);
    let payload =
        |after: &str| json!({ "before": gone, "after": after, "repository": { "default_branch": "main" } });
    let job = Job::new();
    hub.checkout(&job.workspace(), &hub.head, 0);
    let ran = job.run("push", &payload(&hub.head), &hub.head, "refs/heads/feature");
    ran.found(&["models/new.pkl"]);
    assert!(ran.log.contains("compared with the merge base with main"), "{}", ran.log);
    // The default branch itself: nothing is left to compare with.
    let job = Job::new();
    hub.checkout(&job.workspace(), &hub.base, 0);
    let ran = job.run("push", &payload(&hub.base), &hub.base, "refs/heads/main");
    ran.found(&["old.pkl"]);
    assert!(ran.log.contains("every file is judged instead"), "{}", ran.log);
}

#[test]
fn inputs_of_a_first_week_and_of_whole_histories() {
    let hub = Hub::new();
    let mut job = Job::new();
    hub.checkout(&job.workspace(), &hub.merge, 0);
    job.input("report-only", "true").input("submodules", "true");
    let run = |job: &Job| job.run("pull_request", &hub.pull_request(), &hub.merge, "refs/pull/1/merge");
    let ran = run(&job);
    ran.code(0).ran_with("--exit-zero").ran_with("--recurse-submodules");
    assert_eq!(ran.outputs["findings"], "1");
    job.input("report-only", "false").input("history", "true");
    run(&job).code(1).ran_with("--history").ran_with(&format!("{}..HEAD", hub.base));
    let mut shallow = Job::new();
    hub.checkout(&shallow.workspace(), &hub.merge, 2);
    run(shallow.input("history", "true")).code(2);
    for base in ["..HEAD", "main..", ".."] {
        let mut job = Job::new();
        hub.checkout(&job.workspace(), &hub.merge, 0);
        run(job.input("base", base)).code(2);
    }
}
