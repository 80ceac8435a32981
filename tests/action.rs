//! `action.yml`, driven as a GitHub runner drives it: real repositories with `refs/pull/1/merge`, the
//! checkouts that actions/checkout makes of them, event files, and the files GITHUB_* name.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

/// `os.system("true")`, protocol 0.
const EVIL: &[u8] = b"cos\nsystem\n(S'true'\ntR.";
/// `{'a': 1}`, protocol 2.
const CLEAN: &[u8] = b"\x80\x02}q\x00X\x01\x00\x00\x00aq\x01K\x01s.";
const ZEROS: &str = "0000000000000000000000000000000000000000";

// --- the runner ---------------------------------------------------------------------------------

#[derive(Deserialize)]
struct Action {
    inputs: BTreeMap<String, Input>,
    outputs: BTreeMap<String, OutputOf>,
    runs: Runs,
}

#[derive(Deserialize)]
struct Input {
    default: String,
}

#[derive(Deserialize)]
struct OutputOf {
    value: String,
}

#[derive(Deserialize)]
struct Runs {
    using: String,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    id: String,
    r#if: String,
    shell: String,
    run: String,
    env: BTreeMap<String, String>,
}

fn action() -> Action {
    let text = fs::read_to_string(root().join("action.yml")).unwrap();
    serde_yaml::from_str(&text).unwrap()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// One job: a workspace, and the folder the runner keeps its files in.
struct Job {
    folder: TempDir,
    action_path: PathBuf,
    inputs: BTreeMap<String, String>,
    env: Vec<(String, String)>,
}

struct Ran {
    code: i32,
    log: String,
    outputs: BTreeMap<String, String>,
    summary: String,
    /// The arguments fickgate was run with, one a line.
    arguments: String,
}

impl Job {
    fn new() -> Job {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("workspace")).unwrap();
        fs::create_dir(folder.path().join("temp")).unwrap();
        fs::create_dir(folder.path().join("home")).unwrap();
        let mut job = Job { folder, action_path: root(), inputs: BTreeMap::new(), env: Vec::new() };
        let spy = job.script(
            "spy",
            &format!(
                "[ \"$1\" = event ] || printf '%s\\n' \"$@\" >'{}'\nexec '{}' \"$@\"",
                job.path("arguments").display(),
                env!("CARGO_BIN_EXE_fickgate")
            ),
        );
        job.input("binary-path", &spy);
        job
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn script(&self, name: &str, body: &str) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_string_lossy().into_owned()
    }

    fn input(&mut self, name: &str, value: &str) -> &mut Job {
        assert!(action().inputs.contains_key(name), "action.yml has no input {name}");
        self.inputs.insert(name.to_owned(), value.to_owned());
        self
    }

    fn workspace(&self) -> Git {
        Git(self.path("workspace"))
    }

    /// Runs the composite action's steps for Linux.
    fn run(&self, event: &str, payload: &Value, sha: &str, reference: &str) -> Ran {
        let action = action();
        assert_eq!(action.runs.using, "composite");
        for file in ["event.json", "output", "summary", "arguments"] {
            fs::write(self.path(file), "").unwrap();
        }
        fs::write(self.path("event.json"), payload.to_string()).unwrap();
        let mut ran = None;
        for step in &action.runs.steps {
            match step.r#if.as_str() {
                "runner.os != 'Windows'" => {}
                "runner.os == 'Windows'" => continue,
                other => panic!("an `if` this driver does not know: {other}"),
            }
            let mut command = Command::new(&step.shell);
            command.args(["-e", "-c", &step.run]).current_dir(self.path("workspace"));
            scrub(&mut command);
            let path = std::env::var("PATH").unwrap();
            command
                .env("PATH", format!("{}:{path}", self.path("bin").display()))
                .env("HOME", self.path("home"))
                .env("CI", "true")
                .env("GITHUB_ACTIONS", "true")
                .env("GITHUB_ACTION_PATH", &self.action_path)
                .env("GITHUB_WORKSPACE", self.path("workspace"))
                .env("GITHUB_EVENT_NAME", event)
                .env("GITHUB_EVENT_PATH", self.path("event.json"))
                .env("GITHUB_OUTPUT", self.path("output"))
                .env("GITHUB_STEP_SUMMARY", self.path("summary"))
                .env("GITHUB_SHA", sha)
                .env("GITHUB_REF", reference)
                .env("GITHUB_SERVER_URL", "https://example.invalid")
                .env("GITHUB_REPOSITORY", "someone/models")
                .env("GITHUB_ACTION_REPOSITORY", "someone/fickgate")
                .env("RUNNER_OS", "Linux")
                .env("RUNNER_ARCH", "X64")
                .env("RUNNER_TEMP", self.path("temp"));
            for (name, expression) in &step.env {
                command.env(name, self.evaluate(&action, expression));
            }
            command.envs(self.env.iter().cloned());
            let output = command.output().unwrap();
            ran = Some(self.collect(&output));
        }
        ran.expect("one step is for Linux")
    }

    /// The expressions `action.yml` uses, and no others.
    fn evaluate(&self, action: &Action, expression: &str) -> String {
        let inner = expression.strip_prefix("${{ ").and_then(|e| e.strip_suffix(" }}")).expect(expression);
        if inner == "inputs.verify-attestation == 'true' && github.token || ''" {
            return String::new();
        }
        let name = inner.strip_prefix("inputs.").expect(inner);
        self.inputs.get(name).unwrap_or(&action.inputs[name].default).clone()
    }

    fn collect(&self, output: &Output) -> Ran {
        let read = |name: &str| fs::read_to_string(self.path(name)).unwrap();
        let mut log = String::from_utf8_lossy(&output.stdout).into_owned();
        log.push_str(&String::from_utf8_lossy(&output.stderr));
        let outputs = read("output")
            .lines()
            .map(|l| l.split_once('=').expect("an output is key=value"))
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect();
        Ran {
            code: output.status.code().unwrap(),
            log,
            outputs,
            summary: read("summary"),
            arguments: read("arguments"),
        }
    }
}

impl Ran {
    /// The paths that were found, from the annotations.
    #[track_caller]
    fn found(&self, paths: &[&str]) -> &Ran {
        let mut found: Vec<&str> = self
            .log
            .lines()
            .filter_map(|l| l.strip_prefix("::error file="))
            .filter_map(|l| l.split(',').next())
            .collect();
        found.dedup();
        assert_eq!(found, paths, "{}", self.log);
        self.code(i32::from(!paths.is_empty()))
    }

    #[track_caller]
    fn code(&self, code: i32) -> &Ran {
        assert_eq!(self.code, code, "{}", self.log);
        assert_eq!(self.outputs["exit-code"], code.to_string(), "{}", self.log);
        self
    }

    #[track_caller]
    fn ran_with(&self, argument: &str) -> &Ran {
        assert!(self.arguments.lines().any(|l| l == argument), "{argument} not in\n{}", self.arguments);
        self
    }
}

fn scrub(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        let ours =
            ["GIT_", "GITHUB_", "RUNNER_", "INPUT_", "CI", "XDG_", "NO_COLOR", "CLICOLOR", "FORCE_COLOR"];
        if ours.iter().any(|p| name.starts_with(p)) {
            command.env_remove(&name);
        }
    }
    command.env("GIT_CONFIG_NOSYSTEM", "1");
}

// --- GitHub -------------------------------------------------------------------------------------

/// A repository on disk and the real git.
struct Git(PathBuf);

impl Git {
    #[track_caller]
    fn run(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        scrub(&mut command);
        let output = command
            .args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"])
            .args(["-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null"])
            .args(arguments)
            .current_dir(&self.0)
            .env("HOME", "/nonexistent")
            .env("GIT_AUTHOR_DATE", "2026-01-01T00:00:00Z")
            .env("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    fn commit(&self, path: &str, content: &[u8]) -> String {
        let file = self.0.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
        self.run(&["add", "-A"]);
        self.run(&["commit", "-q", "-m", path]);
        self.run(&["rev-parse", "HEAD"])
    }
}

/// The server's repository, as a working clone that also is the remote. `main` holds a bad file from long
/// ago; the branch `feature` adds another.
struct Hub {
    git: Git,
    base: String,
    head: String,
    merge: String,
    _folder: TempDir,
}

impl Hub {
    fn new() -> Hub {
        let folder = tempfile::tempdir().unwrap();
        let git = Git(folder.path().to_owned());
        git.run(&["init", "-q"]);
        git.run(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
        git.commit("old.pkl", EVIL);
        git.commit("readme.pkl", CLEAN);
        git.run(&["checkout", "-q", "-b", "feature"]);
        git.commit("models/clean.pkl", CLEAN);
        git.commit("models/new.pkl", EVIL);
        let head = git.commit("later.pkl", CLEAN);
        git.run(&["checkout", "-q", "main"]);
        // The base goes on, and drops a file that the branch still has.
        git.run(&["rm", "-q", "readme.pkl"]);
        let base = git.commit("other.pkl", CLEAN);
        let mut hub = Hub { git, base, head, merge: String::new(), _folder: folder };
        hub.test_merge();
        hub
    }

    /// What GitHub does for every pull request: a merge of its head into its base.
    fn test_merge(&mut self) {
        self.git.run(&["checkout", "-q", "--detach", &self.base]);
        self.git.run(&["merge", "-q", "--no-ff", "-m", "merge", &self.head]);
        self.merge = self.git.run(&["rev-parse", "HEAD"]);
        self.git.run(&["update-ref", "refs/pull/1/merge", "HEAD"]);
        self.git.run(&["update-ref", "refs/pull/1/head", &self.head]);
        self.git.run(&["checkout", "-q", "main"]);
    }

    /// What actions/checkout does; depth 0 is everything.
    fn checkout(&self, workspace: &Git, commit: &str, depth: u32) {
        workspace.run(&["init", "-q"]);
        let url = format!("file://{}", self.git.0.display());
        workspace.run(&["remote", "add", "origin", &url]);
        let depth_flag = format!("--depth={depth}");
        let mut fetch = vec!["fetch", "-q", "--no-tags"];
        if depth == 0 {
            fetch.extend(["origin", "+refs/heads/*:refs/remotes/origin/*", commit]);
        } else {
            fetch.extend([depth_flag.as_str(), "origin", commit]);
        }
        workspace.run(&fetch);
        workspace.run(&["checkout", "-q", "--force", "--detach", commit]);
    }

    fn pull_request(&self) -> Value {
        json!({
            "action": "synchronize",
            "number": 1,
            "pull_request": {
                "title": "it's \"fine\"\n::error::x\nbase=0000 $(touch pwned) `touch pwned`",
                "base": { "ref": "main", "sha": self.base },
                "head": { "ref": "a'b\"c\n$(touch pwned)", "label": "fork';touch pwned;'\n:x", "sha": self.head },
            },
            "repository": { "default_branch": "main", "full_name": "someone/models" },
        })
    }
}

// --- tests --------------------------------------------------------------------------------------

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
fn what_was_built_on_the_workflows_commit_is_not_judged_by_its_own_policy() {
    let hub = Hub::new();
    hub.git.run(&["checkout", "-q", "-b", "change"]);
    hub.git.commit(".fickgate.yaml", b"version: 1\nexclude: ['**/*.pkl', 'm/**']\n");
    let change = hub.git.commit("m/m.pkl", EVIL);
    let payload = json!({ "check_suite": { "head_sha": change, "pull_requests": [] } });
    for event in ["check_suite", "workflow_dispatch"] {
        let job = Job::new();
        hub.checkout(&job.workspace(), &change, 0);
        let ran = job.run(event, &payload, &hub.base, "refs/heads/main");
        ran.found(&["m/m.pkl", "old.pkl"]);
        assert!(ran.arguments.contains(&hub.base), "{}", ran.arguments);
    }
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
