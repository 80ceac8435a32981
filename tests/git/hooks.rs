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
    repo.add("clean.pkl", CLEAN);
    accepted(&hook(&[]));
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
