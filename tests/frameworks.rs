//! The hooks of `.pre-commit-hooks.yaml`, run by the real `pre-commit` and `prek`.
//!
//! Both have to be on the PATH, from PyPI: `cargo test --test frameworks -- --ignored`. The source hook is
//! built, twice, which takes minutes.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// `os.system("true")`, protocol 0.
const EVIL: &[u8] = b"cos\nsystem\n(S'true'\ntR.";
/// `{'a': 1}`, protocol 2.
const CLEAN: &[u8] = b"\x80\x02}q\x00X\x01\x00\x00\x00aq\x01K\x01s.";
/// `{'a': 2}`, protocol 2.
const CLEAN_TOO: &[u8] = b"\x80\x02}q\x00X\x01\x00\x00\x00aq\x01K\x02s.";

const FRAMEWORKS: [&str; 2] = ["pre-commit", "prek"];

/// A repository with the framework's hooks installed in it.
struct Project {
    folder: TempDir,
    framework: &'static str,
}

impl Project {
    fn new(framework: &'static str, hook: &str) -> Project {
        let folder = tempfile::tempdir().unwrap();
        for name in ["work", "home"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let project = Project { folder, framework };
        project.git(&["init", "-q"]);
        // The hook's repository: what the frameworks clone, at a commit of its own.
        let hooks = project.path("hooks");
        snapshot(&project, &hooks, hook);
        let rev = project.run_in(&hooks, "git", &["rev-parse", "HEAD"]).1;
        project.write(
            ".pre-commit-config.yaml",
            format!(
                "repos:\n  - repo: {}\n    rev: {}\n    hooks:\n      - id: {hook}\n        verbose: true\n",
                hooks.display(),
                rev.trim()
            )
            .as_bytes(),
        );
        project.write("clean.pkl", CLEAN);
        project.git(&["add", "-A"]);
        project.git(&["commit", "-q", "--no-verify", "-m", "first"]);
        let stages =
            ["pre-commit", "pre-merge-commit", "pre-push"].map(|stage| format!("--hook-type={stage}"));
        let mut install = vec!["install"];
        install.extend(stages.iter().map(String::as_str));
        let (code, text) = project.run(framework, &install);
        assert_eq!(code, 0, "{text}");
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path("work").join(name), bytes).unwrap();
    }

    fn run(&self, program: &str, arguments: &[&str]) -> (i32, String) {
        self.run_in(&self.path("work"), program, arguments)
    }

    fn run_in(&self, folder: &Path, program: &str, arguments: &[&str]) -> (i32, String) {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            let ours =
                ["GIT_", "GITHUB_", "PRE_COMMIT", "PREK_", "CI", "XDG_", "NO_COLOR", "FORCE_COLOR", "SKIP"];
            if ours.iter().any(|p| text.starts_with(p)) {
                command.env_remove(&name);
            }
        }
        let binary = Path::new(env!("CARGO_BIN_EXE_fickgate")).parent().unwrap();
        let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
        let output: Output = command
            .args(arguments)
            .current_dir(folder)
            .env("PATH", path)
            // Toolchains live in the real home; settings and caches must not.
            .env("GIT_CONFIG_GLOBAL", self.path("gitconfig"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("PRE_COMMIT_HOME", self.path("home"))
            .env("PREK_HOME", self.path("home"))
            // Of the hook that is built: once for both frameworks, and not optimised.
            .env("CARGO_TARGET_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/hook"))
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .env("GIT_AUTHOR_NAME", "t")
            .env("GIT_AUTHOR_EMAIL", "t@example.org")
            .env("GIT_COMMITTER_NAME", "t")
            .env("GIT_COMMITTER_EMAIL", "t@example.org")
            .output()
            .unwrap_or_else(|e| panic!("{program}: {e}"));
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        (output.status.code().unwrap(), text)
    }

    #[track_caller]
    fn git(&self, arguments: &[&str]) -> String {
        let (code, text) = self.run("git", arguments);
        assert_eq!(code, 0, "{} git {arguments:?}: {text}", self.framework);
        text
    }

    /// Commits a pickle behind the hook's back.
    #[track_caller]
    fn commit_unseen(&self, stem: &str, bytes: &[u8]) {
        let name = format!("{stem}.pkl");
        self.write(&name, bytes);
        self.git(&["add", &name]);
        self.git(&["commit", "-q", "--no-verify", "-m", stem]);
    }

    /// Runs something that the hook has to refuse, and that leaves HEAD where it was.
    #[track_caller]
    fn refused(&self, program: &str, arguments: &[&str]) {
        let before = self.git(&["rev-parse", "HEAD"]);
        let (code, text) = self.run(program, arguments);
        let named = text.contains("os.system") && text.contains("import-not-allowed");
        assert!(code != 0 && named, "{} {arguments:?} gave {code}: {text}", self.framework);
        assert_eq!(self.git(&["rev-parse", "HEAD"]), before);
    }

    /// Runs something that the hook has to pass after looking at something.
    #[track_caller]
    fn passed(&self, program: &str, arguments: &[&str]) -> String {
        let (code, text) = self.run(program, arguments);
        assert_eq!(code, 0, "{} {arguments:?}: {text}", self.framework);
        assert!(text.contains("fickgate: no findings in "), "{} {arguments:?}: {text}", self.framework);
        text
    }
}

/// A repository of the hook's files: the whole tree for the one that is built from source.
fn snapshot(project: &Project, to: &Path, hook: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::create_dir(to).unwrap();
    let files = if hook == "fickgate" {
        let (code, files) = project.run_in(root, "git", &["ls-files", "-co", "--exclude-standard"]);
        assert_eq!(code, 0, "{files}");
        files
    } else {
        ".pre-commit-hooks.yaml\n".to_owned()
    };
    for file in files.lines().filter(|f| !f.starts_with("tests/") && root.join(f).is_file()) {
        fs::create_dir_all(to.join(file).parent().unwrap()).unwrap();
        fs::copy(root.join(file), to.join(file)).unwrap();
    }
    for arguments in [&["init", "-q"][..], &["add", "-A"], &["commit", "-q", "-m", "hooks"]] {
        let (code, text) = project.run_in(to, "git", arguments);
        assert_eq!(code, 0, "{text}");
    }
}

#[test]
#[ignore = "needs pre-commit and prek"]
fn commits_are_refused_and_passed() {
    for framework in FRAMEWORKS {
        let project = Project::new(framework, "fickgate-system");
        project.write("new.pkl", EVIL);
        project.git(&["add", "new.pkl"]);
        project.refused("git", &["commit", "-m", "evil"]);
        project.git(&["rm", "-q", "--cached", "new.pkl"]);
        fs::remove_file(project.path("work/new.pkl")).unwrap();

        project.write("other.pkl", CLEAN_TOO);
        project.git(&["add", "other.pkl"]);
        project.passed("git", &["commit", "-m", "clean"]);

        // What `commit -a` commits is staged nowhere else.
        project.write("other.pkl", EVIL);
        project.refused("git", &["commit", "-a", "-m", "evil"]);
        project.refused("git", &["commit", "-m", "evil", "other.pkl"]);
        project.write("other.pkl", CLEAN);
        project.passed("git", &["commit", "-a", "-m", "clean"]);
    }
}

#[test]
#[ignore = "needs pre-commit and prek"]
fn a_partially_staged_file_is_judged_as_it_is_staged() {
    for framework in FRAMEWORKS {
        let project = Project::new(framework, "fickgate-system");
        project.write("a.pkl", EVIL);
        project.git(&["add", "a.pkl"]);
        project.write("a.pkl", CLEAN);
        project.refused("git", &["commit", "-m", "evil"]);
        project.git(&["add", "a.pkl"]);
        project.write("a.pkl", EVIL);
        project.passed("git", &["commit", "-m", "clean"]);
        assert_eq!(fs::read(project.path("work/a.pkl")).unwrap(), EVIL);
    }
}

#[test]
#[ignore = "needs pre-commit and prek"]
fn all_files_and_ranges_are_never_nothing() {
    for framework in FRAMEWORKS {
        let project = Project::new(framework, "fickgate-system");
        let text = project.passed(framework, &["run", "--all-files"]);
        assert!(text.contains("(1 pickle"), "{text}");
        project.passed(framework, &["run", "--files", "clean.pkl"]);

        project.commit_unseen("evil", EVIL);
        project.refused(framework, &["run", "--all-files"]);
        // A list of files is a framework's idea; what is tracked is judged.
        project.refused(framework, &["run", "--files", "clean.pkl"]);
        project.refused(framework, &["run", "--from-ref", "HEAD~1", "--to-ref", "HEAD"]);
        project.git(&["commit", "-q", "--no-verify", "--allow-empty", "-m", "nothing"]);
        project.passed(framework, &["run", "--from-ref", "HEAD~1", "--to-ref", "HEAD"]);
    }
}

#[test]
#[ignore = "needs pre-commit and prek"]
fn all_files_are_judged_whatever_an_earlier_step_staged() {
    for framework in FRAMEWORKS {
        let project = Project::new(framework, "fickgate-system");
        project.commit_unseen("evil", EVIL);
        project.write("built.txt", b"built");
        project.git(&["add", "built.txt"]);
        for arguments in [&["run", "--all-files"][..], &["run", "--files", "evil.pkl"], &["run"]] {
            project.refused(framework, arguments);
        }
        // A commit is about what it brings.
        project.passed("git", &["commit", "-m", "built"]);
    }
}

#[test]
#[ignore = "needs pre-commit and prek"]
fn every_ref_of_a_push_counts() {
    for framework in FRAMEWORKS {
        let project = Project::new(framework, "fickgate-system");
        let remote = project.path("remote.git");
        let remote = remote.to_string_lossy();
        project.git(&["init", "-q", "--bare", &remote]);
        project.git(&["remote", "add", "origin", &remote]);
        project.git(&["checkout", "-q", "-B", "main"]);
        project.passed("git", &["push", "origin", "main"]);
        project.git(&["checkout", "-q", "-b", "second"]);
        project.commit_unseen("evil", EVIL);
        project.git(&["checkout", "-q", "main"]);
        project.commit_unseen("more", CLEAN_TOO);
        project.refused("git", &["push", "origin", "main", "second"]);
    }
}

#[test]
#[ignore = "needs pre-commit and prek"]
fn a_push_is_refused_for_what_any_commit_of_it_publishes() {
    for framework in FRAMEWORKS {
        let project = Project::new(framework, "fickgate-system");
        let remote = project.path("remote.git");
        let remote = remote.to_string_lossy();
        project.git(&["init", "-q", "--bare", &remote]);
        project.git(&["remote", "add", "origin", &remote]);
        project.passed("git", &["push", "origin", "HEAD:refs/heads/main"]);

        project.commit_unseen("evil", EVIL);
        project.refused("git", &["push", "origin", "HEAD:refs/heads/main"]);
        project.git(&["rm", "-q", "evil.pkl"]);
        project.git(&["commit", "-q", "--no-verify", "-m", "as if nothing had been"]);
        project.refused("git", &["push", "origin", "HEAD:refs/heads/main"]);
        let pushed = project.git(&["ls-remote", "origin", "refs/heads/main"]);
        assert!(pushed.starts_with(project.git(&["rev-parse", "HEAD~2"]).trim()));
    }
}

#[test]
#[ignore = "needs pre-commit and prek"]
fn a_merge_is_refused_for_what_it_brings() {
    for framework in FRAMEWORKS {
        let project = Project::new(framework, "fickgate-system");
        project.git(&["checkout", "-q", "-b", "side"]);
        project.commit_unseen("evil", EVIL);
        project.git(&["checkout", "-q", "-"]);
        project.commit_unseen("more", CLEAN_TOO);
        project.refused("git", &["merge", "--no-edit", "side"]);
    }
}

#[test]
#[ignore = "needs pre-commit and prek"]
fn try_repo_runs_the_system_hook() {
    for framework in FRAMEWORKS {
        let project = Project::new(framework, "fickgate-system");
        let hooks = project.path("hooks").to_string_lossy().into_owned();
        let run = ["try-repo", &hooks, "fickgate-system", "--all-files", "--verbose"];
        project.passed(framework, &run);
        project.commit_unseen("evil", EVIL);
        project.refused(framework, &run);
    }
}

#[test]
#[ignore = "builds fickgate from source, with the newest dependencies"]
fn try_repo_builds_the_source_hook() {
    for framework in FRAMEWORKS {
        let project = Project::new(framework, "fickgate");
        let hooks = project.path("hooks").to_string_lossy().into_owned();
        let run = ["try-repo", &hooks, "fickgate", "--all-files", "--verbose"];
        project.passed(framework, &run);
        project.commit_unseen("evil", EVIL);
        project.refused(framework, &run);
    }
}
