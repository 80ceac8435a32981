//! The scripts in `hooks/`, installed as `core.hooksPath`, with the real git and the real binary.

use std::path::{Path, PathBuf};
use std::process::Output;

use crate::repo::Repo;

/// `os.system("echo")`, as protocol 0 spells it.
const EVIL: &[u8] = b"cos\nsystem\n(S'echo'\ntR.";
/// `{}`.
const CLEAN: &[u8] = b"\x80\x02}.";

/// A repository whose hooks are the project's, and the PATH that finds the binary.
fn hooked() -> (Repo, String) {
    let repo = Repo::new();
    repo.git(&["config", "core.hooksPath", concat!(env!("CARGO_MANIFEST_DIR"), "/hooks")]);
    let binary = Path::new(env!("CARGO_BIN_EXE_fickgate")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    (repo, path)
}

fn run(repo: &Repo, path: &str, args: &[&str]) -> Output {
    repo.command("git", &repo.root).env("PATH", path).args(args).output().unwrap()
}

fn refused(output: &Output) {
    let text =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success(), "{text}");
    assert!(text.contains("import-not-allowed") && text.contains("system"), "{text}");
}

fn accepted(output: &Output) {
    let text =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
}

#[test]
fn a_commit_with_an_evil_pickle_is_refused() {
    let (repo, path) = hooked();
    repo.add("clean.pkl", CLEAN);
    accepted(&run(&repo, &path, &["commit", "-qm", "clean"]));
    repo.add("evil.pkl", EVIL);
    refused(&run(&repo, &path, &["commit", "-qm", "evil"]));
    repo.git(&["rm", "-qf", "evil.pkl"]);
    repo.write("clean.pkl", EVIL);
    refused(&run(&repo, &path, &["commit", "-qam", "all"]));
    refused(&run(&repo, &path, &["commit", "-qm", "partial", "clean.pkl"]));
    repo.git(&["checkout", "-q", "clean.pkl"]);
    accepted(&run(&repo, &path, &["commit", "-q", "--allow-empty", "-m", "nothing"]));
}

#[test]
fn a_merge_with_an_evil_pickle_is_refused() {
    let (repo, path) = hooked();
    repo.commit_unchecked("base");
    repo.git(&["checkout", "-qb", "topic"]);
    repo.add("evil.pkl", EVIL);
    repo.commit_unchecked("evil");
    repo.git(&["checkout", "-q", "main"]);
    repo.add("other", "x");
    repo.commit_unchecked("other");
    refused(&run(&repo, &path, &["merge", "-q", "--no-edit", "topic"]));
}

#[test]
fn a_patch_with_an_evil_pickle_is_refused() {
    let (repo, path) = hooked();
    repo.commit_unchecked("base");
    repo.add("evil.pkl", EVIL);
    repo.commit_unchecked("evil");
    let patch = repo.git(&["format-patch", "--stdout", "--binary", "-1"]);
    repo.write("../evil.patch", format!("{patch}\n"));
    repo.git(&["reset", "-q", "--hard", "HEAD^"]);
    refused(&run(&repo, &path, &["am", "-q", "../evil.patch"]));
}

#[test]
fn a_push_of_a_commit_that_was_undone_is_refused() {
    let (repo, path) = hooked();
    repo.commit_unchecked("base");
    repo.git(&["init", "-q", "--bare", "../server.git"]);
    repo.git(&["remote", "add", "origin", "../server.git"]);
    accepted(&run(&repo, &path, &["push", "-q", "origin", "main"]));
    repo.add("evil.pkl", EVIL);
    repo.commit_unchecked("evil");
    repo.git(&["rm", "-q", "evil.pkl"]);
    repo.commit_unchecked("undone");
    refused(&run(&repo, &path, &["push", "-q", "origin", "main"]));
    accepted(&run(&repo, &path, &["push", "-q", "origin", "HEAD~2:refs/heads/old"]));
}

#[test]
fn a_server_refuses_an_evil_push_and_keeps_nothing_of_it() {
    let (repo, path) = hooked();
    repo.git(&["init", "-q", "--bare", "../server.git"]);
    let server: PathBuf = repo.root.parent().unwrap().join("server.git");
    repo.git(&[
        "-C",
        "../server.git",
        "config",
        "core.hooksPath",
        concat!(env!("CARGO_MANIFEST_DIR"), "/hooks"),
    ]);
    repo.git(&["remote", "add", "origin", server.to_str().unwrap()]);
    repo.add("clean.pkl", CLEAN);
    repo.commit_unchecked("clean");
    accepted(&run(&repo, &path, &["push", "-q", "--no-verify", "origin", "main"]));
    repo.add("evil.pkl", EVIL);
    repo.commit_unchecked("evil");
    let state = || {
        let refs = repo.git(&["-C", server.to_str().unwrap(), "for-each-ref"]);
        let objects = repo.git(&["-C", server.to_str().unwrap(), "count-objects", "-v"]);
        (refs, objects)
    };
    let before = state();
    refused(&run(&repo, &path, &["push", "-q", "--no-verify", "origin", "main", "main:refs/tags/v1"]));
    assert_eq!(state(), before);
}

#[test]
fn a_framework_run_over_all_files_does_not_pass_on_nothing() {
    let (repo, _) = hooked();
    repo.add("evil.pkl", EVIL);
    repo.commit_unchecked("evil");
    let hook = |env: &[(&str, &str)]| {
        let binary = env!("CARGO_BIN_EXE_fickgate");
        repo.command(binary, &repo.root).arg("hook").envs(env.iter().copied()).output().unwrap()
    };
    refused(&hook(&[]));
    // A framework's `--all-files` comes without a word: something that an earlier step staged is no reason to
    // look at that alone. Git names the index where it is about to commit.
    repo.add("clean.pkl", CLEAN);
    refused(&hook(&[]));
    refused(&hook(&[("CI", "true"), ("GIT_INDEX_FILE", ".git/index")]));
    accepted(&hook(&[("GIT_INDEX_FILE", ".git/index")]));
    let all = |args: &[&str]| {
        let mut command = repo.command(env!("CARGO_BIN_EXE_fickgate"), &repo.root);
        command.args(args).env("GIT_INDEX_FILE", ".git/index").output().unwrap()
    };
    refused(&all(&["hook", "--all"]));
    assert_eq!(all(&["hook", "--all", "--exit-zero"]).status.code(), Some(0));
    let name = repo
        .command(env!("CARGO_BIN_EXE_fickgate"), &repo.root)
        .args(["hook", "post-merge"])
        .output()
        .unwrap();
    assert_eq!(name.status.code(), Some(2));
}

#[test]
fn a_history_is_audited_whole() {
    let (repo, _) = hooked();
    repo.add("evil.pkl", EVIL);
    repo.commit_unchecked("evil");
    repo.git(&["rm", "-q", "evil.pkl"]);
    repo.commit_unchecked("gone");
    let scan =
        |args: &[&str]| repo.command(env!("CARGO_BIN_EXE_fickgate"), &repo.root).args(args).output().unwrap();
    refused(&scan(&["--history"]));
    refused(&scan(&["--history", "HEAD^"]));
    accepted(&scan(&["--history", "HEAD^..HEAD"]));
    accepted(&scan(&["--staged"]));
    assert_eq!(scan(&["--history", "nowhere"]).status.code(), Some(2));
}

#[test]
fn what_was_allowed_before_a_push_is_not_refused_by_it() {
    let (repo, path) = hooked();
    let binary = env!("CARGO_BIN_EXE_fickgate");
    let fickgate = |args: &[&str]| repo.command(binary, &repo.root).args(args).output().unwrap();
    repo.git(&["init", "-q", "--bare", "../server.git"]);
    repo.git(&["remote", "add", "origin", "../server.git"]);
    repo.add("readme", "x");
    repo.commit_unchecked("first");
    repo.git(&["push", "-q", "--no-verify", "-u", "origin", "main"]);
    repo.git(&["remote", "set-head", "origin", "main"]);
    repo.write("m.pkl", b"cours.models\nRanker\n)\x81.");
    repo.git(&["add", "m.pkl"]);
    assert!(!run(&repo, &path, &["commit", "-qm", "model"]).status.success());
    accepted(&fickgate(&["allow", "m.pkl", "--reason", "ours"]));
    repo.git(&["add", "-A"]);
    accepted(&run(&repo, &path, &["commit", "-qm", "model"]));
    let pushed = run(&repo, &path, &["push", "-q", "origin", "main"]);
    accepted(&pushed);
    let text = [pushed.stdout, pushed.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    assert!(text.contains("policy-changed") && text.contains("with this push"), "{text}");
    // The other side has not agreed to it: there its own policy judges, and says what to do.
    let server = repo.root.parent().unwrap().join("other.git");
    repo.git(&["clone", "-q", "--bare", "../server.git", "../other.git"]);
    repo.git(&["-C", server.to_str().unwrap(), "update-ref", "refs/heads/main", "refs/heads/main~1"]);
    repo.git(&["-C", server.to_str().unwrap(), "symbolic-ref", "HEAD", "refs/heads/main"]);
    let hooks = concat!(env!("CARGO_MANIFEST_DIR"), "/hooks");
    repo.git(&["-C", server.to_str().unwrap(), "config", "core.hooksPath", hooks]);
    let refused = run(&repo, &path, &["push", "-q", "../other.git", "main"]);
    assert!(!refused.status.success());
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(text.contains("would pass once merged") && text.contains("land the policy first"), "{text}");
}

#[test]
fn each_tip_of_a_push_is_judged_by_its_own_policy() {
    let (repo, path) = hooked();
    repo.git(&["init", "-q", "--bare", "../server.git"]);
    repo.git(&["remote", "add", "origin", "../server.git"]);
    repo.add("readme", "x");
    repo.commit_unchecked("first");
    repo.git(&["push", "-q", "--no-verify", "origin", "main"]);
    let model = b"cours.models\nRanker\n)\x81.";
    let allow = "version: 1\nallow:\n  - {import: ours.models.Ranker, reason: ours}\n";
    repo.git(&["checkout", "-qb", "allowed"]);
    repo.add("m.pkl", model);
    repo.add(".fickgate.yaml", allow);
    repo.commit_unchecked("allowed");
    repo.git(&["checkout", "-qb", "bare", "main"]);
    repo.add("n.pkl", model);
    repo.commit_unchecked("not allowed");
    accepted(&run(&repo, &path, &["push", "-q", "--dry-run", "origin", "allowed"]));
    for order in [["allowed", "bare"], ["bare", "allowed"]] {
        let output = run(&repo, &path, &["push", "-q", "--dry-run", "origin", order[0], order[1]]);
        let text =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains("n.pkl") && !text.contains("-> m.pkl"), "{text}");
    }
    // A framework names the first of the refs that are pushed: every branch may be among the others.
    let framework = |to: &str| {
        let mut command = repo.command(env!("CARGO_BIN_EXE_fickgate"), &repo.root);
        let to = repo.git(&["rev-parse", to]);
        let from = repo.git(&["rev-parse", "main"]);
        command.arg("hook").env("PRE_COMMIT_REMOTE_NAME", "origin");
        command.env("PRE_COMMIT_FROM_REF", from).env("PRE_COMMIT_TO_REF", to).output().unwrap()
    };
    refused_named(&framework("allowed"), "n.pkl");
    repo.git(&["checkout", "-q", "main"]);
    repo.git(&["branch", "-q", "-D", "bare"]);
    accepted(&framework("allowed"));
}

fn refused_named(output: &Output, path: &str) {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && text.contains(path), "{text}");
}
