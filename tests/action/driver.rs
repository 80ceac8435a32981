//! A GitHub runner, as far as the action needs one, and a server's repository with a pull request.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

/// `os.system("true")`, protocol 0.
pub const EVIL: &[u8] = b"cos\nsystem\n(S'true'\ntR.";
/// `{'a': 1}`, protocol 2.
pub const CLEAN: &[u8] = b"\x80\x02}q\x00X\x01\x00\x00\x00aq\x01K\x01s.";
pub const ZEROS: &str = "0000000000000000000000000000000000000000";

// --- the runner ---------------------------------------------------------------------------------

#[derive(Deserialize)]
pub struct Action {
    pub inputs: BTreeMap<String, Input>,
    pub outputs: BTreeMap<String, OutputOf>,
    pub runs: Runs,
}

#[derive(Deserialize)]
pub struct Input {
    pub default: String,
}

#[derive(Deserialize)]
pub struct OutputOf {
    pub value: String,
}

#[derive(Deserialize)]
pub struct Runs {
    pub using: String,
    pub steps: Vec<Step>,
}

#[derive(Deserialize)]
pub struct Step {
    pub id: String,
    pub r#if: String,
    pub shell: String,
    pub run: String,
    pub env: BTreeMap<String, String>,
}

pub fn action() -> Action {
    let text = fs::read_to_string(root().join("action.yml")).unwrap();
    serde_yaml::from_str(&text).unwrap()
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// One job: a workspace, and the folder the runner keeps its files in.
pub struct Job {
    pub folder: TempDir,
    pub action_path: PathBuf,
    pub inputs: BTreeMap<String, String>,
    pub env: Vec<(String, String)>,
}

pub struct Ran {
    pub code: i32,
    pub log: String,
    pub outputs: BTreeMap<String, String>,
    pub summary: String,
    /// The arguments fickgate was run with, one a line.
    pub arguments: String,
}

impl Job {
    pub fn new() -> Job {
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

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn script(&self, name: &str, body: &str) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_string_lossy().into_owned()
    }

    pub fn input(&mut self, name: &str, value: &str) -> &mut Job {
        assert!(action().inputs.contains_key(name), "action.yml has no input {name}");
        self.inputs.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn workspace(&self) -> Git {
        Git(self.path("workspace"))
    }

    /// Runs the composite action's steps for Linux.
    pub fn run(&self, event: &str, payload: &Value, sha: &str, reference: &str) -> Ran {
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
    pub fn found(&self, paths: &[&str]) -> &Ran {
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
    pub fn code(&self, code: i32) -> &Ran {
        assert_eq!(self.code, code, "{}", self.log);
        assert_eq!(self.outputs["exit-code"], code.to_string(), "{}", self.log);
        self
    }

    #[track_caller]
    pub fn ran_with(&self, argument: &str) -> &Ran {
        assert!(self.arguments.lines().any(|l| l == argument), "{argument} not in\n{}", self.arguments);
        self
    }
}

pub fn scrub(command: &mut Command) {
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
pub struct Git(pub PathBuf);

impl Git {
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> String {
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

    pub fn commit(&self, path: &str, content: &[u8]) -> String {
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
pub struct Hub {
    pub git: Git,
    pub base: String,
    pub head: String,
    pub merge: String,
    _folder: TempDir,
}

impl Hub {
    pub fn new() -> Hub {
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
    pub fn test_merge(&mut self) {
        self.git.run(&["checkout", "-q", "--detach", &self.base]);
        self.git.run(&["merge", "-q", "--no-ff", "-m", "merge", &self.head]);
        self.merge = self.git.run(&["rev-parse", "HEAD"]);
        self.git.run(&["update-ref", "refs/pull/1/merge", "HEAD"]);
        self.git.run(&["update-ref", "refs/pull/1/head", &self.head]);
        self.git.run(&["checkout", "-q", "main"]);
    }

    /// What actions/checkout does; depth 0 is everything.
    pub fn checkout(&self, workspace: &Git, commit: &str, depth: u32) {
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

    pub fn pull_request(&self) -> Value {
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
