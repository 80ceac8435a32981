//! `fickgate init` with the real git: the policy file, hooks that are put in place, chained and taken away.

#![allow(clippy::unwrap_used, clippy::expect_used)]
#![cfg(unix)]

#[path = "git/repo.rs"]
#[allow(dead_code)]
mod repo;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Output;

use repo::Repo;

const EVIL: &[u8] = b"cos\nsystem\n(S'true'\ntR.";
const CLEAN: &[u8] = b"\x80\x04]\x94K\x01a.";

/// The PATH of a hook: fickgate and git.
fn path() -> String {
    let own = Path::new(env!("CARGO_BIN_EXE_fickgate")).parent().unwrap();
    format!("{}:{}", own.display(), std::env::var("PATH").unwrap())
}

fn run(repo: &Repo, program: &str, args: &[&str]) -> Output {
    repo.command(program, &repo.root).args(args).env("PATH", path()).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// Exit code and output of `fickgate init`.
fn init(repo: &Repo, args: &[&str]) -> (i32, String) {
    let output = run(repo, "fickgate", &[&["init"], args].concat());
    (output.status.code().unwrap(), text(&output))
}

fn commit(repo: &Repo, name: &str, bytes: &[u8]) -> (bool, String) {
    fs::write(repo.root.join(name), bytes).unwrap();
    repo.git(&["add", name]);
    let output = run(repo, "git", &["commit", "-qm", name]);
    (output.status.success(), text(&output))
}

fn hook(repo: &Repo, name: &str) -> PathBuf {
    repo.root.join(".git/hooks").join(name)
}

fn write_hook(path: &Path, script: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, script).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Every file of a folder with its content and mode.
fn files(folder: &Path) -> Vec<(String, Vec<u8>, u32)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_none_or(|e| e != "sample"))
        .map(|path| {
            let mode = path.metadata().unwrap().permissions().mode();
            (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap(), mode)
        })
        .collect();
    files.sort();
    files
}

#[test]
fn the_policy_file_is_written_once_and_can_be_added_to() {
    let repo = Repo::new();
    let (code, said) = init(&repo, &[]);
    assert!(code == 0 && said.contains(".fickgate.yaml: written"), "{said}");
    let written = fs::read_to_string(repo.root.join(".fickgate.yaml")).unwrap();
    assert_eq!(run(&repo, "fickgate", &["policy", "check"]).status.code(), Some(0));
    assert_eq!(run(&repo, "fickgate", &["allow", "ours.Model", "--reason", "ours"]).status.code(), Some(0));
    let added = fs::read_to_string(repo.root.join(".fickgate.yaml")).unwrap();
    // Every line is still there, and the example below the new entry can be uncommented.
    let mut lines = added.lines();
    assert!(written.lines().all(|line| lines.any(|l| l == line)) && added.contains("ours.Model"), "{added}");
    let uncommented =
        added.replace("#  - import", "  - import").replace("#    reason: our", "    reason: our");
    fs::write(repo.root.join(".fickgate.yaml"), uncommented).unwrap();
    assert_eq!(run(&repo, "fickgate", &["policy", "check"]).status.code(), Some(0));
    fs::write(repo.root.join(".fickgate.yaml"), &added).unwrap();
    let (code, said) = init(&repo, &[]);
    assert!(code == 0 && said.contains("left as it is"), "{said}");
    assert_eq!(fs::read_to_string(repo.root.join(".fickgate.yaml")).unwrap(), added);
}

#[test]
fn a_policy_in_the_other_place_or_behind_a_broken_link_is_left_alone() {
    let repo = Repo::new();
    fs::create_dir(repo.root.join(".github")).unwrap();
    fs::write(repo.root.join(".github/fickgate.yaml"), "version: 1\n").unwrap();
    let (code, said) = init(&repo, &[]);
    assert!(code == 0 && said.contains(".github/fickgate.yaml: there already"), "{said}");
    assert!(!repo.root.join(".fickgate.yaml").exists());
    let repo = Repo::new();
    symlink("nowhere", repo.root.join(".fickgate.yaml")).unwrap();
    assert_eq!(init(&repo, &[]).0, 0);
    assert!(!repo.root.join("nowhere").exists());
}

#[test]
fn hooks_refuse_and_pass_commits_and_pushes() {
    let repo = Repo::new();
    let (code, said) = init(&repo, &["--hooks"]);
    assert!(code == 0 && said.contains(".git/hooks/pre-push: installed"), "{said}");
    let (passed, said) = commit(&repo, "clean.pkl", CLEAN);
    assert!(passed, "{said}");
    let (passed, said) = commit(&repo, "evil.pkl", EVIL);
    assert!(!passed && said.contains("os.system"), "{said}");
    // Brought past the first hook, it is stopped by the next one.
    repo.git(&["commit", "-qnm", "evil"]);
    repo.git(&["init", "-q", "--bare", "../remote"]);
    let push = run(&repo, "git", &["push", "-q", "../remote", "main"]);
    assert!(!push.status.success() && text(&push).contains("os.system"), "{}", text(&push));
    repo.git(&["reset", "-q", "--hard", "HEAD~1"]);
    let push = run(&repo, "git", &["push", "-q", "../remote", "main"]);
    assert!(push.status.success(), "{}", text(&push));
}

#[test]
fn a_hook_that_was_there_runs_first_and_may_refuse() {
    let repo = Repo::new();
    let lefts =
        "#!/bin/sh\necho \"$0 $# ran\" >> \"$(git rev-parse --show-toplevel)/log\"\n[ ! -e refuse ]\n";
    write_hook(&hook(&repo, "pre-commit"), lefts);
    write_hook(&hook(&repo, "pre-push"), "#!/bin/sh\ncat >> log; echo \"$1\" >> log; [ ! -e refuse ]\n");
    let (code, said) = init(&repo, &["--hooks"]);
    assert!(code == 0 && said.contains("pre-commit.before-fickgate"), "{said}");
    assert!(commit(&repo, "clean.pkl", CLEAN).0);
    assert!(fs::read_to_string(repo.root.join("log")).unwrap().contains(" 0 ran"));
    let (passed, said) = commit(&repo, "evil.pkl", EVIL);
    assert!(!passed && said.contains("os.system"), "{said}");
    repo.git(&["rm", "-qf", "evil.pkl"]);
    repo.git(&["init", "-q", "--bare", "../remote"]);
    fs::write(repo.root.join("refuse"), "").unwrap();
    assert!(!commit(&repo, "also-clean.pkl", CLEAN).0, "the other hook refuses");
    assert!(!run(&repo, "git", &["push", "-q", "../remote", "main"]).status.success());
    fs::remove_file(repo.root.join("refuse")).unwrap();
    assert!(run(&repo, "git", &["push", "-q", "../remote", "main"]).status.success());
    let log = fs::read_to_string(repo.root.join("log")).unwrap();
    assert!(log.contains("refs/heads/main") && log.contains("../remote"), "{log}");
}

#[test]
fn a_hook_that_is_not_executable_stays_one_that_does_not_run() {
    let repo = Repo::new();
    write_hook(&hook(&repo, "pre-commit"), "#!/bin/sh\nexit 1\n");
    fs::set_permissions(hook(&repo, "pre-commit"), fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(init(&repo, &["--hooks"]).0, 0);
    let (passed, said) = commit(&repo, "clean.pkl", CLEAN);
    assert!(passed, "{said}");
}

#[test]
fn taking_the_hooks_away_leaves_what_was_there() {
    let repo = Repo::new();
    write_hook(&hook(&repo, "pre-commit"), "#!/bin/sh\n# with \u{e4}\r\nexit 0");
    write_hook(&repo.root.join("shared.sh"), "#!/bin/sh\nexit 0\n");
    symlink("../../shared.sh", hook(&repo, "pre-push")).unwrap();
    let before = files(&repo.root.join(".git/hooks"));
    assert_eq!(init(&repo, &["--hooks"]).0, 0);
    let once = files(&repo.root.join(".git/hooks"));
    let (code, said) = init(&repo, &["--hooks"]);
    assert!(code == 0 && said.contains("installed already"), "{said}");
    assert_eq!(files(&repo.root.join(".git/hooks")), once);
    let (code, said) = init(&repo, &["--uninstall"]);
    assert!(code == 0 && said.contains("as it was before") && said.contains("removed"), "{said}");
    assert_eq!(files(&repo.root.join(".git/hooks")), before);
    assert!(hook(&repo, "pre-push").symlink_metadata().unwrap().is_symlink());
    let (code, said) = init(&repo, &["--uninstall"]);
    assert!(code == 0 && said.contains("no hook of fickgate"), "{said}");
}

#[test]
fn nothing_is_overwritten_where_two_hooks_are_in_the_way() {
    let repo = Repo::new();
    write_hook(&hook(&repo, "pre-commit"), "#!/bin/sh\n# one\n");
    write_hook(&hook(&repo, "pre-commit.before-fickgate"), "#!/bin/sh\n# two\n");
    let before = files(&repo.root.join(".git/hooks"));
    let (code, said) = init(&repo, &["--hooks"]);
    assert!(code == 2 && said.contains("nothing was overwritten"), "{said}");
    assert_eq!(files(&repo.root.join(".git/hooks")), before);
}

#[test]
fn a_hook_that_calls_fickgate_is_left_alone() {
    let repo = Repo::new();
    let own = "#!/bin/sh\nmake lint && fickgate hook pre-commit\n";
    write_hook(&hook(&repo, "pre-commit"), own);
    let (code, said) = init(&repo, &["--hooks"]);
    assert!(code == 0 && said.contains("calls fickgate already"), "{said}");
    assert_eq!(init(&repo, &["--uninstall"]).0, 0);
    assert_eq!(fs::read_to_string(hook(&repo, "pre-commit")).unwrap(), own);
}

#[test]
fn the_hooks_go_where_git_looks_for_them() {
    let repo = Repo::new();
    repo.git(&["config", "core.hooksPath", "tools/hooks"]);
    fs::create_dir_all(repo.root.join("deep/er")).unwrap();
    let here = repo.root.join("deep/er");
    let output = repo.command("fickgate", &here).args(["init", "--hooks"]).env("PATH", path()).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(repo.root.join("tools/hooks/pre-commit").is_file() && repo.root.join(".fickgate.yaml").is_file());
    assert!(!commit(&repo, "evil.pkl", EVIL).0);
    // A linked working tree has the hooks of its repository.
    let repo = Repo::new();
    assert!(commit(&repo, "readme", b"x").0);
    repo.git(&["worktree", "add", "-q", "../linked"]);
    let linked = repo.root.parent().unwrap().join("linked");
    let output = repo.command("fickgate", &linked).args(["init", "--hooks"]).env("PATH", path()).output();
    assert_eq!(output.unwrap().status.code(), Some(0));
    assert!(hook(&repo, "pre-commit").is_file());
}

#[test]
fn hooks_that_many_repositories_share_are_not_touched() {
    let repo = Repo::new();
    repo.git(&["config", "--global", "core.hooksPath", "~/hooks"]);
    let (code, said) = init(&repo, &["--hooks"]);
    assert!(code == 2 && said.contains("more than this repository"), "{said}");
    assert!(!repo.root.parent().unwrap().join("home/hooks").exists());
}

#[test]
fn a_server_refuses_a_push_before_anything_is_stored() {
    let repo = Repo::new();
    repo.git(&["init", "-q", "--bare", "../remote"]);
    let remote = repo.root.parent().unwrap().join("remote");
    write_hook(&remote.join("hooks/pre-receive"), "#!/bin/sh\ncat > seen\n");
    let output = repo.command("fickgate", &remote).args(["init", "--hooks"]).env("PATH", path()).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(commit(&repo, "evil.pkl", EVIL).0, "nothing is installed here");
    let push = run(&repo, "git", &["push", "-q", "../remote", "main"]);
    assert!(!push.status.success() && text(&push).contains("os.system"), "{}", text(&push));
    assert!(fs::read_to_string(remote.join("seen")).unwrap().contains("refs/heads/main"));
    let objects = repo.command("git", &remote).args(["count-objects"]).output().unwrap();
    assert!(text(&objects).starts_with("0 objects"), "{}", text(&objects));
}

#[test]
fn without_fickgate_on_the_path_nothing_passes_unseen() {
    let repo = Repo::new();
    assert_eq!(init(&repo, &["--hooks"]).0, 0);
    fs::write(repo.root.join("clean.pkl"), CLEAN).unwrap();
    repo.git(&["add", "."]);
    let path = std::env::var_os("PATH").unwrap();
    let without = std::env::split_paths(&path).filter(|folder| !folder.join("fickgate").exists());
    let without = std::env::join_paths(without).unwrap();
    let mut command = repo.command("git", &repo.root);
    let output = command.args(["commit", "-qm", "x"]).env("PATH", without).output().unwrap();
    assert!(!output.status.success() && text(&output).contains("not on the PATH"), "{}", text(&output));
}

#[test]
fn where_another_program_runs_the_hooks_the_recipe_is_told() {
    for (file, name, installs) in [
        ("lefthook.yml", "lefthook", false),
        ("hk.pkl", "hk", false),
        (".overcommit.yml", "overcommit", false),
        (".husky/pre-commit", "husky", false),
        (".pre-commit-config.yaml", "pre-commit", true),
    ] {
        let repo = Repo::new();
        let path = repo.root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "").unwrap();
        let (code, said) = init(&repo, &[]);
        assert!(code == 0 && said.contains(name), "{said}");
        let (code, said) = init(&repo, &["--hooks"]);
        assert_eq!(code, if installs { 0 } else { 2 }, "{said}");
        assert!(said.contains(name) && hook(&repo, "pre-commit").exists() == installs, "{said}");
    }
}

#[test]
fn a_refusal_after_allow_says_to_stage_the_policy() {
    let repo = Repo::new();
    init(&repo, &["--hooks"]);
    repo.git(&["add", "."]);
    let first = run(&repo, "git", &["commit", "-qm", "first"]);
    // Nobody is told of the lists that are in force by the file that was just written.
    assert!(first.status.success() && text(&first).lines().count() < 4, "{}", text(&first));
    let (passed, said) = commit(&repo, "ours.pkl", b"\x80\x02cours\nModel\n)\x81.");
    assert!(!passed && !said.contains("git add"), "{said}");
    let allowed = run(&repo, "fickgate", &["allow", "ours.Model", "--reason", "ours"]);
    assert!(text(&allowed).contains("git add .fickgate.yaml"), "{}", text(&allowed));
    let again = run(&repo, "git", &["commit", "-qm", "ours"]);
    assert!(!again.status.success() && text(&again).contains("git add .fickgate.yaml"), "{}", text(&again));
    repo.git(&["add", ".fickgate.yaml"]);
    let said = text(&run(&repo, "fickgate", &["allow", "ours.Model", "--reason", "ours"]));
    assert!(said.contains("already") && !said.contains("git add"), "{said}");
    let last = run(&repo, "git", &["commit", "-qm", "ours"]);
    assert!(last.status.success(), "{}", text(&last));
}

#[test]
fn two_branches_that_both_allow_merge_without_a_conflict() {
    let repo = Repo::new();
    init(&repo, &[]);
    for name in ["aa.First", "mm.Middle", "zz.Last"] {
        run(&repo, "fickgate", &["allow", name, "--reason", "there before"]);
    }
    repo.git(&["add", "."]);
    repo.commit("base");
    for (branch, names) in [("one", ["bb.One", "aa.Zero"]), ("two", ["nn.Two", "zz.Tail"])] {
        repo.git(&["checkout", "-q", "-b", branch, "main"]);
        for name in names {
            let allowed = run(&repo, "fickgate", &["allow", name, "--reason", "added on a branch"]);
            assert_eq!(allowed.status.code(), Some(0), "{}", text(&allowed));
        }
        repo.git(&["commit", "-qam", branch]);
    }
    repo.git(&["merge", "-q", "--no-edit", "one"]);
    for name in ["bb.One", "aa.Zero", "nn.Two", "zz.Tail", "mm.Middle"] {
        assert_eq!(run(&repo, "fickgate", &["policy", "why", name]).status.code(), Some(0), "{name}");
    }
}
